"""The kinds of resources, and which of them are cluster-scoped.

`metadata.namespace` does not show the scope: stock charts set it on cluster-scoped objects, and omit it on others. The
tables hold group and kind, of all versions: Kubernetes 1.14 to 1.35, Istio 1.5 to 1.31, Gateway API, cert-manager, and
the Prometheus operator. Any other kind is unknown.
"""

from __future__ import annotations

#: Namespaced kinds of each group.
_NAMESPACED = {
    "": "Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "extensions": "DaemonSet Deployment Ingress NetworkPolicy ReplicaSet",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "Role RoleBinding",
    "resource.k8s.io": "PodSchedulingContext ResourceClaim ResourceClaimParameters ResourceClaimTemplate "
    "ResourceClassParameters",
    "scheduling.k8s.io": "PodGroup Workload",
    "settings.k8s.io": "PodPreset",
    "storage.k8s.io": "CSIStorageCapacity",
    # Istio
    "authentication.istio.io": "Policy",
    "config.istio.io": "HTTPAPISpec HTTPAPISpecBinding QuotaSpec QuotaSpecBinding adapter attributemanifest handler "
    "instance rule template",
    "extensions.istio.io": "TrafficExtension WasmPlugin",
    "install.istio.io": "IstioOperator",
    "networking.istio.io": "DestinationRule EnvoyFilter Gateway ProxyConfig ServiceEntry Sidecar VirtualService "
    "WorkloadEntry WorkloadGroup",
    "rbac.istio.io": "AuthorizationPolicy RbacConfig ServiceRole ServiceRoleBinding",
    "security.istio.io": "AuthorizationPolicy PeerAuthentication RequestAuthentication",
    "telemetry.istio.io": "Telemetry",
    # Gateway API
    "gateway.networking.k8s.io": "BackendTLSPolicy GRPCRoute Gateway HTTPRoute ListenerSet ReferenceGrant TCPRoute "
    "TLSRoute UDPRoute",
    "gateway.networking.x-k8s.io": "XBackendTrafficPolicy XListenerSet",
    "networking.x-k8s.io": "BackendPolicy Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
    # cert-manager
    "acme.cert-manager.io": "Challenge Order",
    "cert-manager.io": "Certificate CertificateRequest Issuer",
    "certmanager.k8s.io": "Certificate Challenge Issuer Order",
    # Multus; the chart istio-cni has one
    "k8s.cni.cncf.io": "NetworkAttachmentDefinition",
    # Prometheus operator
    "monitoring.coreos.com": "Alertmanager AlertmanagerConfig PodMonitor Probe Prometheus PrometheusAgent "
    "PrometheusRule ScrapeConfig ServiceMonitor ThanosRuler",
}

#: Cluster-scoped kinds of each group.
_CLUSTER_SCOPED = {
    "": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "auditregistration.k8s.io": "AuditSink",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "extensions": "PodSecurityPolicy",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io": "ClusterCIDR IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodSecurityPolicy",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "internal.apiserver.k8s.io": "StorageVersion",
    "storagemigration.k8s.io": "StorageVersionMigration",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    # Istio
    "authentication.istio.io": "MeshPolicy",
    "rbac.istio.io": "ClusterRbacConfig",
    # Gateway API
    "gateway.networking.k8s.io": "GatewayClass",
    "gateway.networking.x-k8s.io": "XMesh",
    "networking.x-k8s.io": "GatewayClass",
    # cert-manager
    "cert-manager.io": "ClusterIssuer",
    "certmanager.k8s.io": "ClusterIssuer",
}

#: (group, kind) of all namespaced kinds, and of all cluster-scoped kinds.
NAMESPACED = frozenset([(group, kind) for group, kinds in _NAMESPACED.items() for kind in kinds.split()])
CLUSTER_SCOPED = frozenset([(group, kind) for group, kinds in _CLUSTER_SCOPED.items() for kind in kinds.split()])


def group_of(api_version: str) -> str:
    """Return the group of an apiVersion.

    >>> group_of("apps/v1"), group_of("v1")
    ('apps', '')
    """
    group, slash, _ = api_version.partition("/")
    return group if slash else ""

"""The kinds of resources, and which of them are cluster-scoped.

`metadata.namespace` does not show the scope: stock charts set it on cluster-scoped objects, and omit it on others. The
tables hold group and kind, of all versions: Kubernetes 1.14 to 1.37, Istio 1.5 to 1.31, and what is installed beside
Istio. The scope of any other kind is unknown until a CRD says it (multimesh/kubernetes/crds.py).
"""

from __future__ import annotations

#: Namespaced kinds of each group.
_NAMESPACED = {
    "": "Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "authorization.k8s.io": "LocalSubjectAccessReview",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "extensions": "DaemonSet Deployment Ingress NetworkPolicy ReplicaSet",
    "lifecycle.k8s.io": "Eviction EvictionRequest",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "Role RoleBinding",
    "resource.k8s.io": "PodSchedulingContext ResourceClaim ResourceClaimParameters ResourceClaimTemplate "
    "ResourceClassParameters",
    "scheduling.k8s.io": "CompositePodGroup PodGroup Workload",
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
    # Gateway API 0.3 (networking.x-k8s.io) to 1.6.1
    "gateway.networking.k8s.io": "BackendTLSPolicy GRPCRoute Gateway HTTPRoute ListenerSet ReferenceGrant TCPRoute "
    "TLSRoute UDPRoute",
    "gateway.networking.x-k8s.io": "XBackend XBackendTrafficPolicy XListenerSet",
    "networking.x-k8s.io": "BackendPolicy Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
    # cert-manager 0.6 (certmanager.k8s.io) to 1.21.1
    "acme.cert-manager.io": "Challenge Order",
    "cert-manager.io": "Certificate CertificateRequest Issuer",
    "certmanager.k8s.io": "Certificate Challenge Issuer Order",
    # Multus; the chart istio-cni has one
    "k8s.cni.cncf.io": "NetworkAttachmentDefinition",
    # Prometheus operator 0.93.0
    "monitoring.coreos.com": "Alertmanager AlertmanagerConfig PodMonitor Probe Prometheus PrometheusAgent "
    "PrometheusRule ScrapeConfig ServiceMonitor ThanosRuler",
}

#: Cluster-scoped kinds of each group.
_CLUSTER_SCOPED = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding "
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "auditregistration.k8s.io": "AuditSink",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "extensions": "PodSecurityPolicy",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io": "ClusterCIDR IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodSecurityPolicy",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourcePoolStatusRequest ResourceSlice",
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

#: What else is installed beside Istio, from the CRDs of the versions that are named: group, namespaced kinds,
#: cluster-scoped kinds.
_BESIDE = (
    # Gateway API inference extension 0.3.0 to 1.6.0
    ("inference.networking.k8s.io", "InferencePool", ""),
    (
        "inference.networking.x-k8s.io",
        "InferenceModel InferenceModelRewrite InferenceObjective InferencePool InferencePoolImport",
        "",
    ),
    # Kiali operator 2.29.0, and what Kiali's charts have on OpenShift 4
    ("kiali.io", "Kiali OSSMConsole", ""),
    ("console.openshift.io", "", "ConsoleLink"),
    ("oauth.openshift.io", "", "OAuthClient"),
    ("route.openshift.io", "Route", ""),
    # Sail operator 1.30.3
    ("sailoperator.io", "", "Istio IstioCNI IstioRevision IstioRevisionTag ZTunnel"),
    # External Secrets 2.9.0
    (
        "external-secrets.io",
        "ExternalSecret PushSecret SecretStore",
        "ClusterExternalSecret ClusterPushSecret ClusterSecretStore",
    ),
    (
        "generators.external-secrets.io",
        (
            "ACRAccessToken BeyondtrustWorkloadCredentialsDynamicSecret CloudsmithAccessToken "
            "ECRAuthorizationToken Fake GCRAccessToken GeneratorState GithubAccessToken GitlabDeployToken Grafana "
            "MFA Password QuayAccessToken SSHKey STSSessionToken UUID VaultDynamicSecret Webhook"
        ),
        "ClusterGenerator",
    ),
    # Sealed Secrets 0.36.6
    ("bitnami.com", "SealedSecret", ""),
    # KEDA 2.20.2
    ("eventing.keda.sh", "CloudEventSource", "ClusterCloudEventSource"),
    ("keda.sh", "ScaledJob ScaledObject TriggerAuthentication", "ClusterTriggerAuthentication"),
    # Argo Rollouts 1.9.1
    ("argoproj.io", "AnalysisRun AnalysisTemplate Experiment Rollout", "ClusterAnalysisTemplate"),
    # Traefik 2.11.53 (traefik.containo.us) and 3.7.9
    (
        "traefik.containo.us",
        (
            "IngressRoute IngressRouteTCP IngressRouteUDP Middleware MiddlewareTCP ServersTransport TLSOption "
            "TLSStore TraefikService"
        ),
        "",
    ),
    (
        "traefik.io",
        (
            "IngressRoute IngressRouteTCP IngressRouteUDP Middleware MiddlewareTCP ServersTransport "
            "ServersTransportTCP TLSOption TLSStore TraefikService"
        ),
        "",
    ),
    # Cilium 1.18
    (
        "cilium.io",
        (
            "CiliumEndpoint CiliumEnvoyConfig CiliumGatewayClassConfig CiliumGatewayL4Config "
            "CiliumLocalRedirectPolicy CiliumNetworkPolicy CiliumNodeConfig"
        ),
        (
            "CiliumBGPAdvertisement CiliumBGPClusterConfig CiliumBGPNodeConfig CiliumBGPNodeConfigOverride "
            "CiliumBGPPeerConfig CiliumBGPPeeringPolicy CiliumCIDRGroup CiliumClusterwideEnvoyConfig "
            "CiliumClusterwideNetworkPolicy CiliumEgressGatewayPolicy CiliumEndpointSlice CiliumExternalWorkload "
            "CiliumIdentity CiliumL2AnnouncementPolicy CiliumLoadBalancerIPPool CiliumNode CiliumPodIPPool"
        ),
    ),
    # Kyverno 1.10.0 to 1.19.0
    (
        "kyverno.io",
        "AdmissionReport BackgroundScanReport CleanupPolicy Policy PolicyException UpdateRequest",
        "ClusterAdmissionReport ClusterBackgroundScanReport ClusterCleanupPolicy ClusterPolicy GlobalContextEntry",
    ),
    (
        "policies.kyverno.io",
        (
            "NamespacedDeletingPolicy NamespacedGeneratingPolicy NamespacedImageValidatingPolicy "
            "NamespacedMutatingPolicy NamespacedValidatingPolicy PolicyException"
        ),
        "DeletingPolicy GeneratingPolicy ImageValidatingPolicy MutatingPolicy ValidatingPolicy",
    ),
    ("reports.kyverno.io", "EphemeralReport", "ClusterEphemeralReport"),
    ("wgpolicyk8s.io", "PolicyReport", "ClusterPolicyReport"),
    # Vertical pod autoscaler 1.7.1
    ("autoscaling.k8s.io", "VerticalPodAutoscaler VerticalPodAutoscalerCheckpoint", ""),
    # Snapshots: external-snapshotter 8.6.0
    ("snapshot.storage.k8s.io", "VolumeSnapshot", "VolumeSnapshotClass VolumeSnapshotContent"),
    (
        "groupsnapshot.storage.k8s.io",
        "VolumeGroupSnapshot",
        "VolumeGroupSnapshotClass VolumeGroupSnapshotContent",
    ),
)

#: (group, kind) of the namespaced kinds whose names nobody else gives to a kind of another scope.
WELL_KNOWN_NAMESPACED = frozenset([(group, kind) for group, kinds in _NAMESPACED.items() for kind in kinds.split()])

#: (group, kind) of all namespaced kinds, and of all cluster-scoped kinds.
NAMESPACED = WELL_KNOWN_NAMESPACED.union([(group, kind) for group, kinds, _ in _BESIDE for kind in kinds.split()])
CLUSTER_SCOPED = frozenset([(group, kind) for group, kinds in _CLUSTER_SCOPED.items() for kind in kinds.split()]).union(
    [(group, kind) for group, _, kinds in _BESIDE for kind in kinds.split()]
)


def group_of(api_version: str) -> str:
    """Return the group of an apiVersion.

    >>> group_of("apps/v1"), group_of("v1")
    ('apps', '')
    """
    group, slash, _ = api_version.partition("/")
    return group if slash else ""

"""The tables of kinds: a copy of every entry, the facts of the streams, and the group of an apiVersion."""

from __future__ import annotations

import pytest
import streams

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED, group_of

COPY_OF_NAMESPACED = """
/Binding /ConfigMap /Endpoints /Event /LimitRange /PersistentVolumeClaim /Pod /PodTemplate /ReplicationController
/ResourceQuota /Secret /Service /ServiceAccount acme.cert-manager.io/Challenge acme.cert-manager.io/Order
apps/ControllerRevision apps/DaemonSet apps/Deployment apps/ReplicaSet apps/StatefulSet argoproj.io/AnalysisRun
argoproj.io/AnalysisTemplate argoproj.io/Experiment argoproj.io/Rollout authentication.istio.io/Policy
authorization.k8s.io/LocalSubjectAccessReview autoscaling.k8s.io/VerticalPodAutoscaler
autoscaling.k8s.io/VerticalPodAutoscalerCheckpoint autoscaling/HorizontalPodAutoscaler batch/CronJob batch/Job
bitnami.com/SealedSecret cert-manager.io/Certificate cert-manager.io/CertificateRequest cert-manager.io/Issuer
certificates.k8s.io/PodCertificateRequest certmanager.k8s.io/Certificate certmanager.k8s.io/Challenge
certmanager.k8s.io/Issuer certmanager.k8s.io/Order cilium.io/CiliumEndpoint cilium.io/CiliumEnvoyConfig
cilium.io/CiliumGatewayClassConfig cilium.io/CiliumGatewayL4Config cilium.io/CiliumLocalRedirectPolicy
cilium.io/CiliumNetworkPolicy cilium.io/CiliumNodeConfig config.istio.io/HTTPAPISpec
config.istio.io/HTTPAPISpecBinding config.istio.io/QuotaSpec config.istio.io/QuotaSpecBinding config.istio.io/adapter
config.istio.io/attributemanifest config.istio.io/handler config.istio.io/instance config.istio.io/rule
config.istio.io/template coordination.k8s.io/Lease coordination.k8s.io/LeaseCandidate discovery.k8s.io/EndpointSlice
eventing.keda.sh/CloudEventSource events.k8s.io/Event extensions.istio.io/TrafficExtension
extensions.istio.io/WasmPlugin extensions/DaemonSet extensions/Deployment extensions/Ingress extensions/NetworkPolicy
extensions/ReplicaSet external-secrets.io/ExternalSecret external-secrets.io/PushSecret
external-secrets.io/SecretStore gateway.networking.k8s.io/BackendTLSPolicy gateway.networking.k8s.io/GRPCRoute
gateway.networking.k8s.io/Gateway gateway.networking.k8s.io/HTTPRoute gateway.networking.k8s.io/ListenerSet
gateway.networking.k8s.io/ReferenceGrant gateway.networking.k8s.io/TCPRoute gateway.networking.k8s.io/TLSRoute
gateway.networking.k8s.io/UDPRoute gateway.networking.x-k8s.io/XBackend
gateway.networking.x-k8s.io/XBackendTrafficPolicy gateway.networking.x-k8s.io/XListenerSet
generators.external-secrets.io/ACRAccessToken
generators.external-secrets.io/BeyondtrustWorkloadCredentialsDynamicSecret
generators.external-secrets.io/CloudsmithAccessToken generators.external-secrets.io/ECRAuthorizationToken
generators.external-secrets.io/Fake generators.external-secrets.io/GCRAccessToken
generators.external-secrets.io/GeneratorState generators.external-secrets.io/GithubAccessToken
generators.external-secrets.io/GitlabDeployToken generators.external-secrets.io/Grafana
generators.external-secrets.io/MFA generators.external-secrets.io/Password
generators.external-secrets.io/QuayAccessToken generators.external-secrets.io/SSHKey
generators.external-secrets.io/STSSessionToken generators.external-secrets.io/UUID
generators.external-secrets.io/VaultDynamicSecret generators.external-secrets.io/Webhook
groupsnapshot.storage.k8s.io/VolumeGroupSnapshot inference.networking.k8s.io/InferencePool
inference.networking.x-k8s.io/InferenceModel inference.networking.x-k8s.io/InferenceModelRewrite
inference.networking.x-k8s.io/InferenceObjective inference.networking.x-k8s.io/InferencePool
inference.networking.x-k8s.io/InferencePoolImport install.istio.io/IstioOperator
k8s.cni.cncf.io/NetworkAttachmentDefinition keda.sh/ScaledJob keda.sh/ScaledObject keda.sh/TriggerAuthentication
kiali.io/Kiali kiali.io/OSSMConsole kyverno.io/AdmissionReport kyverno.io/BackgroundScanReport
kyverno.io/CleanupPolicy kyverno.io/Policy kyverno.io/PolicyException kyverno.io/UpdateRequest
lifecycle.k8s.io/Eviction lifecycle.k8s.io/EvictionRequest monitoring.coreos.com/Alertmanager
monitoring.coreos.com/AlertmanagerConfig monitoring.coreos.com/PodMonitor monitoring.coreos.com/Probe
monitoring.coreos.com/Prometheus monitoring.coreos.com/PrometheusAgent monitoring.coreos.com/PrometheusRule
monitoring.coreos.com/ScrapeConfig monitoring.coreos.com/ServiceMonitor monitoring.coreos.com/ThanosRuler
networking.istio.io/DestinationRule networking.istio.io/EnvoyFilter networking.istio.io/Gateway
networking.istio.io/ProxyConfig networking.istio.io/ServiceEntry networking.istio.io/Sidecar
networking.istio.io/VirtualService networking.istio.io/WorkloadEntry networking.istio.io/WorkloadGroup
networking.k8s.io/Ingress networking.k8s.io/NetworkPolicy networking.x-k8s.io/BackendPolicy
networking.x-k8s.io/Gateway networking.x-k8s.io/HTTPRoute networking.x-k8s.io/TCPRoute networking.x-k8s.io/TLSRoute
networking.x-k8s.io/UDPRoute policies.kyverno.io/NamespacedDeletingPolicy
policies.kyverno.io/NamespacedGeneratingPolicy policies.kyverno.io/NamespacedImageValidatingPolicy
policies.kyverno.io/NamespacedMutatingPolicy policies.kyverno.io/NamespacedValidatingPolicy
policies.kyverno.io/PolicyException policy/PodDisruptionBudget rbac.authorization.k8s.io/Role
rbac.authorization.k8s.io/RoleBinding rbac.istio.io/AuthorizationPolicy rbac.istio.io/RbacConfig
rbac.istio.io/ServiceRole rbac.istio.io/ServiceRoleBinding reports.kyverno.io/EphemeralReport
resource.k8s.io/PodSchedulingContext resource.k8s.io/ResourceClaim resource.k8s.io/ResourceClaimParameters
resource.k8s.io/ResourceClaimTemplate resource.k8s.io/ResourceClassParameters route.openshift.io/Route
scheduling.k8s.io/CompositePodGroup scheduling.k8s.io/PodGroup scheduling.k8s.io/Workload
security.istio.io/AuthorizationPolicy security.istio.io/PeerAuthentication security.istio.io/RequestAuthentication
settings.k8s.io/PodPreset snapshot.storage.k8s.io/VolumeSnapshot storage.k8s.io/CSIStorageCapacity
telemetry.istio.io/Telemetry traefik.containo.us/IngressRoute traefik.containo.us/IngressRouteTCP
traefik.containo.us/IngressRouteUDP traefik.containo.us/Middleware traefik.containo.us/MiddlewareTCP
traefik.containo.us/ServersTransport traefik.containo.us/TLSOption traefik.containo.us/TLSStore
traefik.containo.us/TraefikService traefik.io/IngressRoute traefik.io/IngressRouteTCP traefik.io/IngressRouteUDP
traefik.io/Middleware traefik.io/MiddlewareTCP traefik.io/ServersTransport traefik.io/ServersTransportTCP
traefik.io/TLSOption traefik.io/TLSStore traefik.io/TraefikService wgpolicyk8s.io/PolicyReport
""".split()
COPY_OF_CLUSTER_SCOPED = """
/ComponentStatus /Namespace /Node /PersistentVolume admissionregistration.k8s.io/MutatingAdmissionPolicy
admissionregistration.k8s.io/MutatingAdmissionPolicyBinding admissionregistration.k8s.io/MutatingWebhookConfiguration
admissionregistration.k8s.io/ValidatingAdmissionPolicy admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding
admissionregistration.k8s.io/ValidatingWebhookConfiguration apiextensions.k8s.io/CustomResourceDefinition
apiregistration.k8s.io/APIService argoproj.io/ClusterAnalysisTemplate auditregistration.k8s.io/AuditSink
authentication.istio.io/MeshPolicy authentication.k8s.io/SelfSubjectReview authentication.k8s.io/TokenReview
authorization.k8s.io/SelfSubjectAccessReview authorization.k8s.io/SelfSubjectRulesReview
authorization.k8s.io/SubjectAccessReview cert-manager.io/ClusterIssuer certificates.k8s.io/CertificateSigningRequest
certificates.k8s.io/ClusterTrustBundle certmanager.k8s.io/ClusterIssuer cilium.io/CiliumBGPAdvertisement
cilium.io/CiliumBGPClusterConfig cilium.io/CiliumBGPNodeConfig cilium.io/CiliumBGPNodeConfigOverride
cilium.io/CiliumBGPPeerConfig cilium.io/CiliumBGPPeeringPolicy cilium.io/CiliumCIDRGroup
cilium.io/CiliumClusterwideEnvoyConfig cilium.io/CiliumClusterwideNetworkPolicy cilium.io/CiliumEgressGatewayPolicy
cilium.io/CiliumEndpointSlice cilium.io/CiliumExternalWorkload cilium.io/CiliumIdentity
cilium.io/CiliumL2AnnouncementPolicy cilium.io/CiliumLoadBalancerIPPool cilium.io/CiliumNode cilium.io/CiliumPodIPPool
console.openshift.io/ConsoleLink eventing.keda.sh/ClusterCloudEventSource extensions/PodSecurityPolicy
external-secrets.io/ClusterExternalSecret external-secrets.io/ClusterPushSecret external-secrets.io/ClusterSecretStore
flowcontrol.apiserver.k8s.io/FlowSchema flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration
gateway.networking.k8s.io/GatewayClass gateway.networking.x-k8s.io/XMesh
generators.external-secrets.io/ClusterGenerator groupsnapshot.storage.k8s.io/VolumeGroupSnapshotClass
groupsnapshot.storage.k8s.io/VolumeGroupSnapshotContent internal.apiserver.k8s.io/StorageVersion
keda.sh/ClusterTriggerAuthentication kyverno.io/ClusterAdmissionReport kyverno.io/ClusterBackgroundScanReport
kyverno.io/ClusterCleanupPolicy kyverno.io/ClusterPolicy kyverno.io/GlobalContextEntry networking.k8s.io/ClusterCIDR
networking.k8s.io/IPAddress networking.k8s.io/IngressClass networking.k8s.io/ServiceCIDR
networking.x-k8s.io/GatewayClass node.k8s.io/RuntimeClass oauth.openshift.io/OAuthClient
policies.kyverno.io/DeletingPolicy policies.kyverno.io/GeneratingPolicy policies.kyverno.io/ImageValidatingPolicy
policies.kyverno.io/MutatingPolicy policies.kyverno.io/ValidatingPolicy policy/PodSecurityPolicy
rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/ClusterRoleBinding rbac.istio.io/ClusterRbacConfig
reports.kyverno.io/ClusterEphemeralReport resource.k8s.io/DeviceClass resource.k8s.io/DeviceTaintRule
resource.k8s.io/ResourceClass resource.k8s.io/ResourcePoolStatusRequest resource.k8s.io/ResourceSlice
sailoperator.io/Istio sailoperator.io/IstioCNI sailoperator.io/IstioRevision sailoperator.io/IstioRevisionTag
sailoperator.io/ZTunnel scheduling.k8s.io/PriorityClass snapshot.storage.k8s.io/VolumeSnapshotClass
snapshot.storage.k8s.io/VolumeSnapshotContent storage.k8s.io/CSIDriver storage.k8s.io/CSINode
storage.k8s.io/StorageClass storage.k8s.io/VolumeAttachment storage.k8s.io/VolumeAttributesClass
storagemigration.k8s.io/StorageVersionMigration wgpolicyk8s.io/ClusterPolicyReport
""".split()


def listed(table: frozenset[tuple[str, str]]) -> list[str]:
    return sorted(f"{group}/{kind}" for group, kind in table)


def test_the_namespaced_kinds_are_these() -> None:
    assert listed(NAMESPACED) == COPY_OF_NAMESPACED


def test_the_cluster_scoped_kinds_are_these() -> None:
    assert listed(CLUSTER_SCOPED) == COPY_OF_CLUSTER_SCOPED


def test_no_kind_has_both_scopes() -> None:
    assert frozenset() == NAMESPACED & CLUSTER_SCOPED


@streams.over("stream", streams.streams())
def test_every_kind_of_a_chart_is_known(stream: streams.Stream) -> None:
    found = {(group_of(one["apiVersion"]), one["kind"]) for one in stream.objects()}
    assert found - NAMESPACED - CLUSTER_SCOPED == set()


@streams.over("stream", streams.streams())
def test_the_scope_is_that_of_the_crds_of_a_chart(stream: streams.Stream) -> None:
    for one in stream.objects():
        if one["kind"] == "CustomResourceDefinition":
            spec = one["spec"]
            table = CLUSTER_SCOPED if spec.get("scope") == "Cluster" else NAMESPACED
            assert (spec["group"], spec["names"]["kind"]) in table


@pytest.mark.parametrize(
    ("api_version", "group"),
    [("v1", ""), ("apps/v1", "apps"), ("a.b/v1beta1", "a.b"), ("a/b/c", "a"), ("/v1", ""), ("", ""), ("a/", "a")],
)
def test_the_group_is_what_comes_before_the_slash(api_version: str, group: str) -> None:
    assert group_of(api_version) == group

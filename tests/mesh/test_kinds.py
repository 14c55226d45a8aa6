"""The tables of kinds: a copy of every entry, the facts of the streams, and the group of an apiVersion."""

from __future__ import annotations

import pytest
import streams

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED, group_of

COPY_OF_NAMESPACED = """
/Binding /ConfigMap /Endpoints /Event /LimitRange /PersistentVolumeClaim /Pod /PodTemplate /ReplicationController
/ResourceQuota /Secret /Service /ServiceAccount acme.cert-manager.io/Challenge acme.cert-manager.io/Order
apps/ControllerRevision apps/DaemonSet apps/Deployment apps/ReplicaSet apps/StatefulSet authentication.istio.io/Policy
autoscaling/HorizontalPodAutoscaler batch/CronJob batch/Job cert-manager.io/Certificate
cert-manager.io/CertificateRequest cert-manager.io/Issuer certificates.k8s.io/PodCertificateRequest
certmanager.k8s.io/Certificate certmanager.k8s.io/Challenge certmanager.k8s.io/Issuer certmanager.k8s.io/Order
config.istio.io/HTTPAPISpec config.istio.io/HTTPAPISpecBinding config.istio.io/QuotaSpec
config.istio.io/QuotaSpecBinding config.istio.io/adapter config.istio.io/attributemanifest config.istio.io/handler
config.istio.io/instance config.istio.io/rule config.istio.io/template coordination.k8s.io/Lease
coordination.k8s.io/LeaseCandidate discovery.k8s.io/EndpointSlice events.k8s.io/Event
extensions.istio.io/TrafficExtension extensions.istio.io/WasmPlugin extensions/DaemonSet extensions/Deployment
extensions/Ingress extensions/NetworkPolicy extensions/ReplicaSet gateway.networking.k8s.io/BackendTLSPolicy
gateway.networking.k8s.io/GRPCRoute gateway.networking.k8s.io/Gateway gateway.networking.k8s.io/HTTPRoute
gateway.networking.k8s.io/ListenerSet gateway.networking.k8s.io/ReferenceGrant gateway.networking.k8s.io/TCPRoute
gateway.networking.k8s.io/TLSRoute gateway.networking.k8s.io/UDPRoute
gateway.networking.x-k8s.io/XBackendTrafficPolicy gateway.networking.x-k8s.io/XListenerSet
install.istio.io/IstioOperator k8s.cni.cncf.io/NetworkAttachmentDefinition monitoring.coreos.com/Alertmanager
monitoring.coreos.com/AlertmanagerConfig monitoring.coreos.com/PodMonitor monitoring.coreos.com/Probe
monitoring.coreos.com/Prometheus monitoring.coreos.com/PrometheusAgent monitoring.coreos.com/PrometheusRule
monitoring.coreos.com/ScrapeConfig monitoring.coreos.com/ServiceMonitor monitoring.coreos.com/ThanosRuler
networking.istio.io/DestinationRule networking.istio.io/EnvoyFilter networking.istio.io/Gateway
networking.istio.io/ProxyConfig networking.istio.io/ServiceEntry networking.istio.io/Sidecar
networking.istio.io/VirtualService networking.istio.io/WorkloadEntry networking.istio.io/WorkloadGroup
networking.k8s.io/Ingress networking.k8s.io/NetworkPolicy networking.x-k8s.io/BackendPolicy
networking.x-k8s.io/Gateway networking.x-k8s.io/HTTPRoute networking.x-k8s.io/TCPRoute networking.x-k8s.io/TLSRoute
networking.x-k8s.io/UDPRoute policy/PodDisruptionBudget rbac.authorization.k8s.io/Role
rbac.authorization.k8s.io/RoleBinding rbac.istio.io/AuthorizationPolicy rbac.istio.io/RbacConfig
rbac.istio.io/ServiceRole rbac.istio.io/ServiceRoleBinding resource.k8s.io/PodSchedulingContext
resource.k8s.io/ResourceClaim resource.k8s.io/ResourceClaimParameters resource.k8s.io/ResourceClaimTemplate
resource.k8s.io/ResourceClassParameters scheduling.k8s.io/PodGroup scheduling.k8s.io/Workload
security.istio.io/AuthorizationPolicy security.istio.io/PeerAuthentication security.istio.io/RequestAuthentication
settings.k8s.io/PodPreset storage.k8s.io/CSIStorageCapacity telemetry.istio.io/Telemetry
""".split()
COPY_OF_CLUSTER_SCOPED = """
/Namespace /Node /PersistentVolume admissionregistration.k8s.io/MutatingAdmissionPolicy
admissionregistration.k8s.io/MutatingAdmissionPolicyBinding admissionregistration.k8s.io/MutatingWebhookConfiguration
admissionregistration.k8s.io/ValidatingAdmissionPolicy admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding
admissionregistration.k8s.io/ValidatingWebhookConfiguration apiextensions.k8s.io/CustomResourceDefinition
apiregistration.k8s.io/APIService auditregistration.k8s.io/AuditSink authentication.istio.io/MeshPolicy
cert-manager.io/ClusterIssuer certificates.k8s.io/CertificateSigningRequest certificates.k8s.io/ClusterTrustBundle
certmanager.k8s.io/ClusterIssuer extensions/PodSecurityPolicy flowcontrol.apiserver.k8s.io/FlowSchema
flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration gateway.networking.k8s.io/GatewayClass
gateway.networking.x-k8s.io/XMesh internal.apiserver.k8s.io/StorageVersion networking.k8s.io/ClusterCIDR
networking.k8s.io/IPAddress networking.k8s.io/IngressClass networking.k8s.io/ServiceCIDR
networking.x-k8s.io/GatewayClass node.k8s.io/RuntimeClass policy/PodSecurityPolicy
rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/ClusterRoleBinding rbac.istio.io/ClusterRbacConfig
resource.k8s.io/DeviceClass resource.k8s.io/DeviceTaintRule resource.k8s.io/ResourceClass
resource.k8s.io/ResourceSlice scheduling.k8s.io/PriorityClass storage.k8s.io/CSIDriver storage.k8s.io/CSINode
storage.k8s.io/StorageClass storage.k8s.io/VolumeAttachment storage.k8s.io/VolumeAttributesClass
storagemigration.k8s.io/StorageVersionMigration
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

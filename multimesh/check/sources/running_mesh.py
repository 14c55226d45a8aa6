"""Read what `verify` needs to know of one running mesh."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from multimesh.check.findings import Finding
from multimesh.check.objects import Object
from multimesh.check.sources.kubectl import Access, get
from multimesh.mesh.profile import Profile

#: What is read, by kubectl's names: cluster-scoped kinds, then kinds of the namespaces. Optional ones may be unknown to
#: the cluster.
_CLUSTER_KINDS = (
    "namespaces",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "clusterroles",
    "clusterrolebindings",
    "customresourcedefinitions",
)


_OPTIONAL = (
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "gatewayclasses.gateway.networking.k8s.io",
)


#: What is read in each namespace of the mesh, and in the control-plane namespace besides.
_MEMBERS = ("pods", "configmaps", "services")


_PLANE = ("deployments", "daemonsets", "secrets")


_LEFT = ("leases.coordination.k8s.io",)


def read_mesh(mesh: Profile, access: Access) -> tuple[list[Object], list[Finding]]:
    """Read what `verify` wants to know of the cluster, and say what could not be read."""
    asks = (
        (_CLUSTER_KINDS, "", False),
        (_OPTIONAL, "", True),
        *((_MEMBERS, name, False) for name in (mesh.namespace, *mesh.workload_namespaces)),
        *((("secrets",), name, False) for name in mesh.workload_namespaces),
        (_PLANE, mesh.namespace, False),
        (_LEFT, mesh.namespace, True),
    )
    # Each is a call of kubectl, and most of the time that one takes is waiting.
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda ask: get(access, ask[0], ask[1], optional=ask[2]), asks))
    return [item for objects, _ in answers for item in objects], [
        finding for _, findings in answers for finding in findings
    ]

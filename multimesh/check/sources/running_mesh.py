"""Read what `verify` needs to know of one running mesh."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from multimesh.check.findings import Finding
from multimesh.check.objects import Object
from multimesh.check.sources.kubectl import Access, get
from multimesh.mesh.profile import Profile

#: Cluster-scoped kinds, by kubectl's names.
_CLUSTER_KINDS = (
    "namespaces",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "clusterroles",
    "clusterrolebindings",
    "customresourcedefinitions",
)

#: Cluster-scoped kinds that not every cluster knows.
_OPTIONAL = (
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "gatewayclasses.gateway.networking.k8s.io",
)

#: Kinds that are read in each namespace of the mesh.
_MEMBERS = ("pods", "configmaps", "services")

#: Kinds that are read only in the control-plane namespace.
_PLANE = ("deployments", "daemonsets", "secrets")

#: What control planes create at run time.
_LEFT = ("leases.coordination.k8s.io",)


def read_mesh(mesh: Profile, access: Access) -> tuple[list[Object], list[Finding]]:
    """Return the objects that `verify` checks, and a finding for what could not be read."""
    calls = (
        (_CLUSTER_KINDS, "", False),
        (_OPTIONAL, "", True),
        *((_MEMBERS, name, False) for name in (mesh.namespace, *mesh.workload_namespaces)),
        *((("secrets",), name, False) for name in mesh.workload_namespaces),
        (_PLANE, mesh.namespace, False),
        (_LEFT, mesh.namespace, True),
    )
    # Each is a call of kubectl, which mostly waits for the API server.
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda call: get(access, call[0], call[1], optional=call[2]), calls))
    return [item for objects, _ in answers for item in objects], [
        finding for _, findings in answers for finding in findings
    ]

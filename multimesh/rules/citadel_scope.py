"""Confine Citadel of Istio 1.5 to the namespaces of its mesh.

Citadel replaces every certificate that another root has signed. Two Citadels that serve the same namespace overwrite
each other's secrets once a minute, without end.

    +            - --listened-namespaces=istio-affirmed,nginx-affirmed

The list is the control-plane namespace, then `workloadNamespaces`, then `citadel.alsoListen`, in the order of the
profile and without spaces: Citadel does not trim it (istio 1.5.0, security/cmd/istio_ca/main.go:339). The list is
static: a new namespace of the mesh needs a new rendering. If there is more than one mesh, no list may have
`kube-system`.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import container, flag_list, set_flag
from multimesh.rules.concern import name_is

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "citadel-scope"
READS: Reads = {"Deployment": (name_is("istio-citadel"),)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Set the list of namespaces that Citadel serves."""
    path, flags = flag_list(*container(resource, "citadel"))
    listened = dict.fromkeys((mesh.namespace, *mesh.workload_namespaces, *mesh.also_listen))
    set_flag(resource, path, flags, "--listened-namespaces", ",".join(listened))

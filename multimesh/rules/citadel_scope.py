"""Confine Citadel of Istio 1.5 to the namespaces of its mesh.

Citadel replaces every certificate that another root has signed. Two of them that see the same namespace overwrite each
other's secrets once a minute, for ever.

    +            - --listened-namespaces=istio-affirmed,nginx-affirmed

The list is the control-plane namespace, then `workloadNamespaces`, then `citadel.alsoListen`, in the order of the
profile and without spaces: Citadel does not trim it (istio 1.5.0, security/cmd/istio_ca/main.go:339). It is static:
a new namespace of the mesh wants a new render. `kube-system` belongs into no list of a mesh that is not alone.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import container, flag_list, set_flag
from multimesh.rules.concern import name_starts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "citadel-scope"
READS: Reads = {"Deployment": (name_starts("istio-citadel"),)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Set the list of namespaces that Citadel serves."""
    if resource.name == "istio-citadel":
        path, flags = flag_list(*container(resource, "citadel"))
        listened = dict.fromkeys((mesh.namespace, *mesh.workload_namespaces, *mesh.also_listen))
        set_flag(resource, path, flags, "--listened-namespaces", ",".join(listened))

"""Move the EnvoyFilters of Istio 1.6 to 1.8 into the mesh's own root namespace.

These charts put them into `istio-system` whatever the release's namespace is: the second mesh could not install them,
and no mesh but one with its root there would use them.

     kind: EnvoyFilter
     metadata:
       name: stats-filter-1.8-affirmed
    -  namespace: istio-system
    +  namespace: istio-affirmed
"""

from __future__ import annotations

from multimesh.rules.concern import IF_PARSED
from multimesh.rules.recognise import is_misplaced_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "envoy-filters"
#: The prefilter sends an object in a namespace that is not the mesh's to the parser.
READS: Reads = {"EnvoyFilter": IF_PARSED}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the namespace of the charts' telemetry filters."""
    node = resource.get("metadata/namespace")
    if node is not None and is_misplaced_filter(resource):
        resource.rewrite(node, mesh.namespace, "metadata/namespace")

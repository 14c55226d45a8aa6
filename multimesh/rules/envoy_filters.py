"""Move the EnvoyFilters of Istio 1.6 to 1.8 into the mesh's own root namespace.

These charts write `istio-system` there, whatever the namespace of the release is. A second mesh could not install
them, and only a mesh whose root namespace is `istio-system` would use them.

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
#: No condition: the prefilter skips no object whose namespace is not the control-plane namespace.
READS: Reads = {"EnvoyFilter": IF_PARSED}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the namespace of a telemetry filter of the charts."""
    if is_misplaced_filter(resource):
        for path, node in resource.find("metadata/namespace"):
            resource.rewrite(node, mesh.namespace, path)

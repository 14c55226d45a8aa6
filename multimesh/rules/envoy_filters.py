"""Move the EnvoyFilters of Istio 1.6 to 1.8 into the mesh's own root namespace.

These charts put them into `istio-system` whatever the release's namespace is: the second mesh could not install them,
and no mesh but one with its root there would use them.

     kind: EnvoyFilter
     metadata:
       name: stats-filter-1.8-affirmed
    -  namespace: istio-system
    +  namespace: istio-affirmed
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile

ID = "envoy-filters"

#: What the charts' telemetry filters are called (istio 1.6.0 to 1.8.6,
#: manifests/charts/istio-control/istio-discovery/templates/telemetryv2_*.yaml).
_NAMES = ("metadata-exchange-", "tcp-metadata-exchange-", "stats-filter-", "tcp-stats-filter-", "stackdriver-filter-",
          "tcp-stackdriver-filter-")  # fmt: skip


def is_stock(resource: "Resource") -> bool:
    """Tell a telemetry filter of the charts that was rendered into istio-system."""
    name = resource.name
    return resource.kind == "EnvoyFilter" and resource.namespace == "istio-system" and name.startswith(_NAMES)


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Rewrite the namespace of the charts' telemetry filters."""
    node = resource.get("metadata/namespace")
    if node is not None and is_stock(resource):
        resource.rewrite(node, mesh.namespace, "metadata/namespace")

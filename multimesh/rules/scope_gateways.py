"""Bind Gateway resources of Istio 1.5 to the gateways of their own namespace.

The gateways of every mesh have the label `istio: ingressgateway`, and every pilot reads the Gateway resources of all
namespaces. Without this variable, a Gateway resource of one mesh opens ports on the gateways of every other mesh
(istio 1.5.0, pilot/pkg/model/push_context.go:1635).

    +          - name: PILOT_SCOPE_GATEWAY_TO_NAMESPACE
    +            value: "true"

Gateway resources must then be in the namespace of the gateway that serves them. With `scopeGateways: false` the
variable is not changed.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import container, set_variable
from multimesh.rules.concern import name_starts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "scope-gateways"
READS: Reads = {"Deployment": (name_starts("istio-pilot"),)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Set the variable of pilot."""
    if mesh.scope_gateways and resource.name == "istio-pilot":
        path, node = container(resource, "discovery")
        set_variable(resource, path, node, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "true")

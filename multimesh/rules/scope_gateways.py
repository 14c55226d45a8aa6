"""Bind Gateway resources of Istio 1.5 to the gateways of their own namespace.

Every mesh's gateways carry the label `istio: ingressgateway`, and every Pilot reads Gateway resources of all
namespaces. Without this, a Gateway of one mesh opens ports on the gateways of every other one
(istio 1.5.0, pilot/pkg/model/push_context.go:1635).

    +          - name: PILOT_SCOPE_GATEWAY_TO_NAMESPACE
    +            value: "true"

Gateway resources must then live beside the gateway that serves them. `scopeGateways: false` leaves the variable alone.
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
    """Set the variable on pilot."""
    if mesh.scope_gateways and resource.name == "istio-pilot":
        path, node = container(resource, "discovery")
        set_variable(resource, path, node, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "true")

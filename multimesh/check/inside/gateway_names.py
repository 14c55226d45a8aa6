"""Check the names that Gateways of the Gateway API give to what is made for them."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.gateways import excess_of, is_gateway
from multimesh.check.meshes.mesh import Mesh, side_of


def gateway_names(mesh: Mesh) -> Iterator[Finding]:
    """Find Gateways whose Deployment and Service would have a name that is too long."""
    for item in filter(is_gateway, mesh.of("Gateway")):
        if excess := excess_of(item):
            yield Finding("gateway-name", excess.what, (side_of(mesh, item),), remedy=excess.remedy)

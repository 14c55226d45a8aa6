"""Check that the authority of a mesh accepts the tokens of its own proxies."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import planes
from multimesh.mesh.writes import has_authority

_AMBIENT, _ON = ("PILOT_ENABLE_AMBIENT", "PILOT_ENABLE_AMBIENT_CONTROLLERS"), ("true", "1", "t")

_AUDIENCES = "TOKEN_AUDIENCES"

#: The audience of the tokens of ztunnel and of Envoy's waypoints, whatever `global.sds.token.aud` says (istio 1.30.3
#: files/waypoint.yaml of the chart istio-discovery, templates/daemonset.yaml of the chart ztunnel).
_CONSTANT = "istio-ca"


def audiences(mesh: Mesh) -> Iterator[Finding]:
    """Find control planes of ambient mode that do not accept the tokens of ztunnel and of waypoints."""
    for plane in planes(mesh):
        accepted = [one.strip() for one in plane.env.get(_AUDIENCES, "").split(",") if one.strip()]
        is_ambient = any(plane.env.get(name, "").lower() in _ON for name in _AMBIENT)
        if is_ambient and has_authority(plane.env) and accepted and _CONSTANT not in accepted:
            what = (
                f"mesh {mesh.name} is in ambient mode, and its authority accepts tokens for {', '.join(accepted)}: "
                f"ztunnel and waypoints send {_CONSTANT}"
            )
            remedy = f'Set pilot.env.{_AUDIENCES} to "{",".join((_CONSTANT, *accepted))}".'
            yield Finding("token-audience", what, (side_of(mesh, plane.workload),), remedy=remedy)

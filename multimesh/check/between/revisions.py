"""Find roots that pods wait for in vain: revisions of one namespace with several names, and an authority elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.catalogue import WARNING
from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import Plane, injector_values, planes
from multimesh.check.meshes.root_names import several_names
from multimesh.check.objects import dig, text_of
from multimesh.mesh.writes import ROOT, has_authority, root_name

#: The audience of tokens that istio-csr and other authorities expect, unless they are told another one.
_AUDIENCE = "istio-ca"


def one_root(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find revisions of one namespace that give the root different names: one of them writes it for all of them."""
    only_live = not any(mesh.checked for mesh in meshes)
    for mesh in meshes if only_live else [mesh for mesh in meshes if mesh.checked]:
        yield from several_names(_all_planes(mesh))


def _all_planes(mesh: Mesh) -> list[Plane]:
    """Return the control planes in the manifests of a mesh, and those that run beside them."""
    given = list(planes(mesh))
    revisions = {plane.revision for plane in given}
    running = planes(mesh.running) if mesh.running is not None else ()
    return given + [plane for plane in running if plane.revision not in revisions]


def external_authority(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find control planes without an authority of their own whose pods ask for what no other authority gives."""
    for mesh in meshes:
        for plane in planes(mesh) if mesh.checked else ():
            if not has_authority(plane.env):
                yield from _of_elsewhere(mesh, plane)


def _of_elsewhere(mesh: Mesh, plane: Plane) -> Iterator[Finding]:
    values = injector_values(mesh, plane.revision)
    name = root_name(plane.env, plane.version)
    place = (side_of(mesh, plane.workload),)
    if name != ROOT:
        what = f"{plane.title} has no authority (ENABLE_CA_SERVER), so it does not write ConfigMap {name}"
        remedy = f"Use the values of 'multimesh values --ca external': istio-csr writes {ROOT} only."
        yield Finding("root-missing", what, place, WARNING, remedy)
    if values and not text_of(dig(values, "global", "caAddress")):
        what = f"{plane.title} has no authority (ENABLE_CA_SERVER), and its pods ask it for certificates"
        remedy = "Set global.caAddress to the address of the authority, as 'multimesh values --ca external' does."
        yield Finding("root-missing", what, place, "", remedy)
    audience = text_of(dig(values, "global", "sds", "token", "aud"))
    if audience not in ("", _AUDIENCE):
        what = f'pods of {plane.title} send tokens for "{audience}" to an authority that is not of this mesh'
        remedy = (
            f"Leave global.sds.token.aud at \"{_AUDIENCE}\", as 'multimesh values --ca external' does, or tell the "
            "authority."
        )
        yield Finding("root-missing", what, place, WARNING, remedy)

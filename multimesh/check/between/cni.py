"""Find sidecars that rely on an istio-cni of a version that does not fit: a cluster has it only once."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.between.manifests import component_of
from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import Plane, injector_values, planes
from multimesh.check.meshes.workloads import minor_version
from multimesh.check.objects import Object, dig
from multimesh.mesh.writes import UNKNOWN, Minor

#: How many minor versions istio-cni and a control plane may be apart (Istio's manual, "Install the Istio CNI node
#: agent": istio-cni of 1.x works with control planes of 1.x-1, 1.x and 1.x+1).
_APART = 1


def cni_versions(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find control planes whose sidecars need istio-cni, and that are too far from the version of the one there is."""
    found = [(mesh, item, version) for mesh in meshes for item, version in _agents(mesh) if version != UNKNOWN]
    only_live = not any(mesh.checked for mesh in meshes)
    for mesh in meshes if found else ():
        for plane in planes(mesh):
            if plane.version == UNKNOWN or not _needs_cni(plane):
                continue
            for owner, item, version in found:
                relevant = only_live or mesh.checked or owner.checked
                if relevant and abs(version[1] - plane.version[1]) > _APART:
                    what = (
                        f"sidecars of mesh {mesh.name} are of Istio {plane.version[0]}.{plane.version[1]}, and "
                        f"istio-cni on the nodes is {version[0]}.{version[1]}"
                    )
                    yield Finding("cni-version", what, (side_of(mesh, plane.workload), side_of(owner, item)))


def _agents(mesh: Mesh) -> Iterator[tuple[Object, Minor]]:
    for item, container in mesh.containers("install-cni"):
        if component_of(item) == "istio-cni":
            yield item, minor_version(item, container)


def _needs_cni(plane: Plane) -> bool:
    """Return whether the sidecars have no init container that redirects their traffic (`istio_cni` up to 1.21)."""
    values = injector_values(plane.mesh, plane.revision)
    return True in (dig(values, "pilot", "cni", "enabled"), dig(values, "istio_cni", "enabled"))

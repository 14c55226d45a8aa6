"""Check that the control plane of a running mesh is there and ready, and that its revisions agree on the root."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.planes import planes
from multimesh.check.meshes.root_names import several_names
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import dig
from multimesh.check.running.cluster import Cluster, side_of
from multimesh.mesh.profile import Profile


def control_planes(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find a control plane that is missing, or that has no ready pod."""
    if not found.read("Deployment") or found.missed("Deployment", mesh.namespace):
        return
    running = [item for item in found.of("Deployment") if item.namespace == mesh.namespace and is_control_plane(item)]
    if not running:
        yield Finding("control-plane-down", f'no control plane runs in "{mesh.namespace}"')
    for item in running:
        wanted = dig(item.data, "spec", "replicas")
        ready = dig(item.data, "status", "readyReplicas") or 0
        if item.data.get("status") is not None and wanted != 0 and not ready:
            yield Finding("control-plane-down", f"{item.title} has no ready pod", (side_of(mesh, item),))
    yield from several_names(list(planes(Mesh(mesh.name, mesh.namespace, running, mesh, live=True))))

"""Check that the control plane of a running mesh is there, ready and called, and that its revisions agree."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.planes import Plane, planes
from multimesh.check.meshes.root_names import several_names
from multimesh.check.meshes.workloads import CONTROL_PLANE, containers, is_control_plane
from multimesh.check.objects import Object, dig, text_of
from multimesh.check.running.cluster import Cluster, ours, side_of
from multimesh.mesh.profile import Profile

#: The Deployment of Istio 1.5 whose container has the name of that of istiod.
_PILOT = "istio-pilot"


def control_planes(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find a control plane that is missing, scaled down, of no revision of the mesh, or that has no ready pod."""
    if not found.read("Deployment") or found.missed("Deployment", mesh.namespace):
        return
    running = [item for item in found.of("Deployment") if item.namespace == mesh.namespace and is_control_plane(item)]
    if not running:
        yield Finding("control-plane-down", f'no control plane runs in "{mesh.namespace}"')
    for item in running:
        ready = dig(item.data, "status", "readyReplicas") or 0
        if item.data.get("status") is not None and _is_wanted(item) and not ready:
            yield Finding("control-plane-down", f"{item.title} has no ready pod", (side_of(mesh, item),))
    yield from _scaled_down(mesh, running)
    known = list(planes(Mesh(mesh.name, mesh.namespace, running, mesh, live=True)))
    yield from _of_other_revisions(mesh, [plane for plane in known if _is_wanted(plane.workload)])
    yield from several_names(known)


def called(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find webhooks of the mesh that call a Service that does not exist.

    Of a saved cluster nobody knows whether Services were read if it holds none of the namespace.
    """
    names = {item.name for item in found.of("Service") if item.namespace == mesh.namespace}
    if found.missed("Service", mesh.namespace) or (found.unread is None and not names):
        return
    for config, entry in ours(mesh, found):
        name = text_of(dig(entry, "clientConfig", "service", "name"))
        if name not in names:
            what = f'the webhook "{text_of(entry.get("name"))}" calls Service {name}, which does not exist'
            remedy = "Install the release of the control plane again: the Service is a part of it."
            yield Finding("control-plane-down", what, (side_of(mesh, config),), remedy=remedy)


def _is_wanted(item: Object) -> bool:
    """Return whether a Deployment asks for pods: one that is absent from its fields is one replica."""
    return bool(dig(item.data, "spec", "replicas") != 0)


def _scaled_down(mesh: Profile, running: list[Object]) -> Iterator[Finding]:
    """Find components of which every Deployment is scaled to zero; one of several revisions may be.

    An istiod does the work of all components of Istio 1.5, which may be scaled down after an upgrade.
    """
    wanted = list(filter(_is_wanted, running))
    has_istiod = any("discovery" in _components(item) and item.name != _PILOT for item in wanted)
    served = {name for item in wanted for name in _components(item)} | (CONTROL_PLANE if has_istiod else frozenset())
    for item in running:
        if _components(item) - served:
            remedy = f"kubectl -n {item.namespace} scale deployment {item.name} --replicas=1"
            what = f"{item.title} is scaled to 0, and nothing else of the mesh does its work"
            yield Finding("control-plane-down", what, (side_of(mesh, item),), remedy=remedy)


def _components(item: Object) -> set[str]:
    return {text_of(container.get("name")) for container in containers(item)} & CONTROL_PLANE


def _of_other_revisions(mesh: Profile, known: list[Plane]) -> Iterator[Finding]:
    """Find that none of the control planes since Istio 1.6 has a revision of the mesh.

    One that does not say its revision may have it.
    """
    if not known or any(plane.revision in mesh.revisions or "REVISION" not in plane.env for plane in known):
        return
    has = " and ".join(sorted({f'"{plane.revision}"' for plane in known}))
    what = f'no control plane in "{mesh.namespace}" has the revision "{mesh.revision}", only {has}'
    remedy = "Install the chart istiod with the revision of the profile, or correct spec.revision."
    yield Finding("control-plane-down", what, tuple(side_of(mesh, plane.workload) for plane in known), remedy=remedy)

"""Find what the profile of a mesh claims and a cluster already has, of somebody else. No manifest is needed.

What the manifests of the mesh claim too is left to the comparison of manifests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from multimesh.check.between.manifests import component_of, node_ports, revisions
from multimesh.check.between.profiles import names, revision_side
from multimesh.check.between.profiles import node_ports as chosen_ports
from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.live import RELEASE_NAME, RELEASE_NAMESPACE
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import Object, dig
from multimesh.mesh.names import REVISION_LABEL, TAG_LABEL
from multimesh.mesh.profile import Profile

_TAKE = "Helm takes them over with --take-ownership at the first install of the chart base."
_LEAVE = "Set spec.sharedResources: leave, or move the ownership first: multimesh explain two-owners"


_Found = TypeVar("_Found")


class Held(NamedTuple):
    """What live meshes and the rest of the cluster have, by what a profile may claim: each with who has it."""

    names: dict[object, list[tuple[Mesh, Object]]]
    revisions: dict[object, list[tuple[Mesh, Side]]]
    tags: dict[object, list[tuple[Mesh, Side]]]
    ports: dict[object, list[tuple[Mesh, Side]]]
    components: dict[object, list[tuple[Mesh, Object]]]
    planes: dict[object, list[tuple[Mesh, Object]]]


def claimed(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find live objects of others that the profile of a mesh claims."""
    if not any(mesh.live for mesh in meshes):
        return
    held = _held([mesh for mesh in meshes if mesh.live])
    for mesh in meshes:
        if mesh.profile is not None:
            yield from _taken_names(mesh, mesh.profile, held)
            yield from _served_revisions(mesh, mesh.profile, held)
            yield from _taken_ports(mesh, mesh.profile, held)
            yield from _occupied_namespaces(mesh, mesh.profile, held)
            if mesh.profile.owns_shared:
                yield from _owned_components(mesh, mesh.profile, held)
                yield from _owned_crds(mesh, mesh.profile, held)


def _held(live: list[Mesh]) -> Held:
    held = Held({}, {}, {}, {}, {}, {})
    for mesh in live:
        for item in mesh.objects:
            if item.cluster_scoped:
                held.names.setdefault((item.kind, item.name), []).append((mesh, item))
            if component := component_of(item):
                held.components.setdefault(component, []).append((mesh, item))
            if is_control_plane(item):
                held.planes.setdefault(item.namespace, []).append((mesh, item))
            if tag := item.labels.get(TAG_LABEL) if item.kind == "MutatingWebhookConfiguration" else "":
                held.tags.setdefault(tag, []).append((mesh, side_of(mesh, item)))
        for claim in revisions(mesh):
            held.revisions.setdefault(claim.key, []).append((mesh, claim.side))
        for claim in node_ports(mesh):
            held.ports.setdefault(claim.key, []).append((mesh, claim.side))
    return held


def _of_others(mesh: Mesh, held: list[tuple[Mesh, _Found]] | None) -> list[tuple[Mesh, _Found]]:
    return [(other, found) for other, found in held or () if other is not mesh]


def _given(mesh: Mesh) -> list[Object]:
    """Return the manifests of a mesh, which the comparison of manifests has seen."""
    return [] if mesh.live else mesh.objects


def _side(profile: Profile, key: str, item: str = "") -> Side:
    """Return the place of a key of a profile, or of an item of its list."""
    return Side(profile.name, "", profile.where, profile.line(key, item))


def _is_certain(other: Mesh, item: Object) -> bool:
    """Return whether a live object cannot be of the mesh that is checked, as one without a release can."""
    return not other.is_unassigned or RELEASE_NAMESPACE in item.annotations


def holder(other: Mesh, item: Object) -> str:
    """Return who has a live object, in words."""
    name, namespace = item.annotations.get(RELEASE_NAME, ""), item.annotations.get(RELEASE_NAMESPACE, "")
    if namespace:
        return f'the Helm release {name} in "{namespace}"' if name else f'a Helm release in "{namespace}"'
    return "the cluster" if other.is_unassigned else f"mesh {other.name}"


def _taken_names(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    given = {(item.kind, item.name) for item in _given(mesh)}
    remedy = (
        "If it is left of this mesh, remove it; otherwise choose another mesh name, or take the name out of "
        "spec.keepNames."
    )
    for key, claim in {claim.key: claim for claim in names(mesh) if claim.key not in given}.items():
        for other, item in _of_others(mesh, held.names.get(key)):
            severity = ERROR if claim.certain and _is_certain(other, item) else WARNING
            what = f"{holder(other, item)} has {item.title}, and the profile of mesh {profile.name} makes that name"
            yield Finding("cluster-scoped-name", what, (claim.side, side_of(other, item)), severity, remedy)


def _served_revisions(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    given = set() if mesh.live else {claim.key for claim in revisions(mesh)}
    for revision in profile.revisions:
        served = _of_others(mesh, held.revisions.get(revision)) or _left_injectors(mesh, profile, revision)
        if served and revision not in given:
            yield _revision(profile, revision, "is served by", served[0][1])
        elif tags := _of_others(mesh, held.tags.get(revision)):
            yield _revision(profile, revision, "is a tag of", tags[0][1])


def _left_injectors(mesh: Mesh, profile: Profile, revision: str) -> list[tuple[Mesh, Side]]:
    """Return live injectors that have a revision of the mesh, and call a namespace that is not that of the mesh."""
    found = []
    for item in mesh.of("MutatingWebhookConfiguration") if mesh.live else ():
        called = {str(dig(entry, "clientConfig", "service", "namespace") or "") for entry in entries(item)} - {""}
        if item.labels.get(REVISION_LABEL) == revision and called and profile.namespace not in called:
            found.append((mesh, side_of(mesh, item)))
    return found


def _revision(profile: Profile, revision: str, how: str, side: Side) -> Finding:
    what = f'the revision "{revision}" of the profile of mesh {profile.name} {how} {side.resource} already'
    remedy = "Choose another spec.revision, or remove the other one first."
    return Finding("shared-revision", what, (revision_side(profile, revision), side), remedy=remedy)


def _taken_ports(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    given = set() if mesh.live else {claim.key for claim in node_ports(mesh)}
    for claim in chosen_ports(mesh):
        key = f"{claim.key}/TCP"
        for _, side in _of_others(mesh, held.ports.get(key))[:1] if key not in given else ():
            what = f"{side.resource} has node port {claim.key}, which the profile of mesh {profile.name} asks for"
            yield Finding("node-port", what, (claim.side, side))


def _owned_components(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    given = {component_of(item) for item in _given(mesh)}
    for component in sorted(map(str, held.components.keys() - given)):
        for other, item in _of_others(mesh, held.components[component]):
            what = f"{holder(other, item)} has {component}, and the profile of mesh {profile.name} owns what is shared"
            severity = ERROR if _is_certain(other, item) else WARNING
            places = (_side(profile, "spec.sharedResources"), side_of(other, item))
            yield Finding("two-owners", what, places, severity, _LEAVE)


def _owned_crds(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    """Find who has the CRDs, if not the mesh that owns them: one finding for all that a release has."""
    if any(item.kind == "CustomResourceDefinition" for item in _given(mesh)):
        return
    holders: dict[str, list[tuple[Mesh, Object]]] = {}
    for found in held.names.values():
        for other, item in _of_others(mesh, found):
            if item.kind == "CustomResourceDefinition" and item.name.endswith(".istio.io"):
                holders.setdefault(holder(other, item), []).append((other, item))
    for who, items in holders.items():
        certain = _is_certain(*items[0])
        # Charts up to 1.23 install CRDs without a release, so a mesh that is there may be the one that did.
        if mesh.objects and not certain:
            continue
        many = f"{len(items)} CRDs" if len(items) > 1 else items[0][1].title
        what = f"{who} has {many} of Istio, and the profile of mesh {profile.name} owns what is shared"
        places = (_side(profile, "spec.sharedResources"), side_of(*items[0]))
        yield Finding("two-owners", what, places, ERROR if certain else WARNING, _LEAVE if certain else _TAKE)


def _occupied_namespaces(mesh: Mesh, profile: Profile, held: Held) -> Iterator[Finding]:
    """Find workload namespaces in which another control plane runs."""
    for namespace in profile.workload_namespaces:
        for other, item in _of_others(mesh, held.planes.get(namespace)):
            what = f'{item.title} runs in "{namespace}", which the profile of mesh {profile.name} lists'
            places = (_side(profile, "spec.workloadNamespaces", namespace), side_of(other, item))
            yield Finding("namespace-claimed-twice", what, places)

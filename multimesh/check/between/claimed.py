"""Find what the profile of a mesh claims and a cluster already has, of somebody else. No manifest is needed.

What the manifests of the mesh claim too is left to the comparison of manifests.
"""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.between.manifests import component_of, node_ports, revisions
from multimesh.check.between.profiles import names
from multimesh.check.between.profiles import node_ports as chosen_ports
from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.live import RELEASE_NAME, RELEASE_NAMESPACE
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import Object, dig
from multimesh.mesh.names import TAG_LABEL
from multimesh.mesh.profile import Profile

_TAKE = "Helm takes them over with --take-ownership at the first install of the chart base."
_LEAVE = (
    "Set spec.sharedResources: leave, or move the ownership first: "
    "see docs/operations.md#move-the-ownership-of-shared-resources."
)


def claimed(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find live objects of others that the profile of a mesh claims."""
    for mesh in meshes:
        profile = mesh.profile
        if profile is None:
            continue
        others = [other for other in meshes if other.live and other is not mesh]
        for other in others:
            yield from _taken_names(mesh, profile, other)
            yield from _served_revisions(mesh, profile, other)
            yield from _taken_ports(mesh, profile, other)
            yield from _owned_components(mesh, profile, other)
            yield from _occupied_namespaces(profile, other)
        yield from _foreign_injectors(mesh, profile)
        yield from _owned_crds(mesh, profile, others)


def _given(mesh: Mesh) -> list[Object]:
    """Return the manifests of a mesh, which the comparison of manifests has seen."""
    return [] if mesh.live else mesh.objects


def _side(profile: Profile, part: str = "") -> Side:
    return Side(profile.name, part, profile.where, 1)


def is_certain(other: Mesh, item: Object) -> bool:
    """Return whether a live object cannot be of the mesh that is checked, as one without a release can."""
    return not other.is_unassigned or RELEASE_NAMESPACE in item.annotations


def _holder(other: Mesh, item: Object) -> str:
    """Return who has a live object, in words."""
    name, namespace = item.annotations.get(RELEASE_NAME, ""), item.annotations.get(RELEASE_NAMESPACE, "")
    if namespace:
        return f'the Helm release {name} in "{namespace}"' if name else f'a Helm release in "{namespace}"'
    return "the cluster" if other.is_unassigned else f"mesh {other.name}"


def _taken_names(mesh: Mesh, profile: Profile, other: Mesh) -> Iterator[Finding]:
    given = {(item.kind, item.name) for item in _given(mesh)}
    wanted = {claim.key: claim for claim in names(mesh) if claim.key not in given}
    for item in other.objects:
        claim = wanted.get((item.kind, item.name)) if item.cluster_scoped else None
        if claim is not None:
            severity = ERROR if claim.certain and is_certain(other, item) else WARNING
            what = f"{_holder(other, item)} has {item.title}, and the profile of mesh {profile.name} makes that name"
            remedy = (
                "If it is left of this mesh, remove it; otherwise choose another mesh name, or take the name "
                "out of spec.keepNames."
            )
            yield Finding("cluster-scoped-name", what, (claim.side, side_of(other, item)), severity, remedy)


def _served_revisions(mesh: Mesh, profile: Profile, other: Mesh) -> Iterator[Finding]:
    given = set() if mesh.live else {claim.key for claim in revisions(mesh)}
    served = {claim.key: claim.side for claim in reversed(list(revisions(other)))}
    tags = {
        item.labels[TAG_LABEL]: item for item in other.of("MutatingWebhookConfiguration") if TAG_LABEL in item.labels
    }
    for revision in profile.revisions:
        if revision in served and revision not in given:
            yield _revision(profile, revision, "is served by", served[revision])
        elif revision in tags:
            yield _revision(profile, revision, "is a tag of", side_of(other, tags[revision]))


def _foreign_injectors(mesh: Mesh, profile: Profile) -> Iterator[Finding]:
    """Find injectors that have a revision of the mesh, and call a control plane elsewhere that is gone."""
    for item in mesh.of("MutatingWebhookConfiguration") if mesh.live else ():
        called = {str(dig(entry, "clientConfig", "service", "namespace") or "") for entry in entries(item)}
        for claim in revisions(Mesh("", "", [item])) if called and profile.namespace not in called else ():
            if claim.key in profile.revisions and not called <= {""}:
                yield _revision(profile, str(claim.key), "is served by", side_of(mesh, item))


def _revision(profile: Profile, revision: str, how: str, side: Side) -> Finding:
    what = f'the revision "{revision}" of the profile of mesh {profile.name} {how} {side.resource} already'
    remedy = "Choose another spec.revision, or remove the other one first."
    return Finding("shared-revision", what, (_side(profile), side), remedy=remedy)


def _taken_ports(mesh: Mesh, profile: Profile, other: Mesh) -> Iterator[Finding]:
    given = set() if mesh.live else {claim.key for claim in node_ports(mesh)}
    taken = {claim.key: claim.side for claim in node_ports(other)}
    for claim in chosen_ports(mesh):
        key = f"{claim.key}/TCP"
        if key in taken and key not in given:
            what = f"{taken[key].resource} has node port {claim.key}, which the profile of mesh {profile.name} asks for"
            yield Finding("node-port", what, (_side(profile), taken[key]))


def _owned_components(mesh: Mesh, profile: Profile, other: Mesh) -> Iterator[Finding]:
    if not profile.owns_shared:
        return
    given = {component_of(item) for item in _given(mesh)}
    for item in other.objects:
        component = component_of(item)
        if component and component not in given:
            what = f"{_holder(other, item)} has {component}, and the profile of mesh {profile.name} owns what is shared"
            severity = ERROR if is_certain(other, item) else WARNING
            yield Finding("two-owners", what, (_side(profile), side_of(other, item)), severity, _LEAVE)


def _owned_crds(mesh: Mesh, profile: Profile, others: list[Mesh]) -> Iterator[Finding]:
    """Find who has the CRDs, if not the mesh that owns them: one finding for all that a release has."""
    if not profile.owns_shared or any(item.kind == "CustomResourceDefinition" for item in _given(mesh)):
        return
    held: dict[str, list[tuple[Mesh, Object]]] = {}
    for other in others:
        for item in other.of("CustomResourceDefinition"):
            if item.name.endswith(".istio.io"):
                held.setdefault(_holder(other, item), []).append((other, item))
    # Charts up to 1.23 install CRDs without a release, so a mesh that is there may be the one that did.
    is_new = not mesh.objects
    for holder, items in held.items():
        certain = is_certain(*items[0])
        if not (is_new or certain):
            continue
        many = f"{len(items)} CRDs" if len(items) > 1 else items[0][1].title
        what = f"{holder} has {many} of Istio, and the profile of mesh {profile.name} owns what is shared"
        places = (_side(profile), side_of(*items[0]))
        yield Finding("two-owners", what, places, ERROR if certain else WARNING, _LEAVE if certain else _TAKE)


def _occupied_namespaces(profile: Profile, other: Mesh) -> Iterator[Finding]:
    """Find workload namespaces in which another control plane runs."""
    if other.namespace in profile.workload_namespaces:
        for item in other.objects:
            if is_control_plane(item) and item.namespace == other.namespace:
                what = f'{item.title} runs in "{other.namespace}", which the profile of mesh {profile.name} lists'
                yield Finding("namespace-claimed-twice", what, (_side(profile), side_of(other, item)))

"""Assign the objects of a cluster to meshes.

A live object belongs to the mesh whose control-plane namespace is the namespace of its Helm release, its own
namespace, the namespace that its webhooks call or its subjects are in, or part of its name. Otherwise it belongs to
the mesh that serves the revision in its labels or in those of its release, as istio-cni in kube-system does. Objects
that belong to no mesh form one more `Mesh` without a namespace. A mesh that is checked does not collide with itself,
so its own live objects are left out.
"""

from __future__ import annotations

from multimesh.check.meshes.mesh import Mesh, name_of, revisions_of
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import Object, dig, mappings, text_of
from multimesh.mesh.names import MESH_LABEL, is_own

RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"


def with_live_meshes(objects: list[Object], checked: list[Mesh]) -> list[Mesh]:
    """Return the checked meshes, and those that live in the cluster.

    A checked mesh that has a profile and no manifests gets its live objects.
    """
    owners = _Owners(objects, checked)
    by_owner: dict[str, list[Object]] = {}
    for item in objects:
        by_owner.setdefault(owners.of(item), []).append(item)
    found = []
    for mesh in checked:
        own = by_owner.pop(mesh.namespace, [])
        takes_live = not mesh.objects and own
        if own and not takes_live:
            mesh.running = Mesh(mesh.name, mesh.namespace, own, live=True)
        found.append(Mesh(mesh.name, mesh.namespace, own, mesh.profile, live=True) if takes_live else mesh)
    taken = {mesh.name for mesh in found}
    for namespace, own in by_owner.items():
        name = name_of(namespace, own, None) if namespace else "the cluster"
        found.append(Mesh(namespace if name in taken else name, namespace, own, live=True))
    return found


class _Owners:
    """Maps live objects to control-plane namespaces.

    Each attribute is one index, and each is built from those before it.
    """

    def __init__(self, objects: list[Object], checked: list[Mesh]) -> None:
        self.profiles = [mesh.profile for mesh in checked if mesh.profile is not None]
        #: Control-plane namespace by revision.
        self.revisions = _served_revisions(objects, checked)
        #: The control-plane namespaces.
        self.planes = self._control_planes(objects, checked)
        #: Control-plane namespace by the name of a namespace of the mesh.
        self.members = self._members(objects, checked)
        #: Control-plane namespace by Helm release.
        self.releases: dict[tuple[str, str], str] = {}
        for item in objects:
            if owner := self._by_revision(item):
                self.releases.setdefault(_release(item), owner)
        #: Control-plane namespace by the name of a ClusterRole that one of its bindings refers to.
        self.roles: dict[str, str] = {}
        for item in objects:
            if item.kind == "ClusterRoleBinding" and (owner := self.of(item)):
                self.roles.setdefault(text_of(dig(item.data, "roleRef", "name")), owner)

    def _control_planes(self, objects: list[Object], checked: list[Mesh]) -> set[str]:
        # A mesh of which only istio-cni is given does not own kube-system: the one of another mesh may live there.
        shared = {
            (item.namespace, owner)
            for item in objects
            if not is_control_plane(item) and (owner := self._by_revision(item))
        }
        found = {
            mesh.namespace
            for mesh in checked
            if mesh.profile is not None
            or any(map(is_control_plane, mesh.objects))
            or not any(namespace == mesh.namespace != owner for namespace, owner in shared)
        }
        return (found | {item.namespace for item in objects if is_control_plane(item)}) - {""}

    def _members(self, objects: list[Object], checked: list[Mesh]) -> dict[str, str]:
        found = {member: profile.namespace for profile in self.profiles for member in profile.namespaces}
        namespaces = [item for item in objects if item.is_namespace]
        by_label = {
            item.labels[MESH_LABEL]: item.name
            for item in namespaces
            if item.name in self.planes and MESH_LABEL in item.labels
        }
        by_label |= {mesh.name: mesh.namespace for mesh in checked if mesh.namespace}
        for item in namespaces:
            found.setdefault(item.name, by_label.get(item.labels.get(MESH_LABEL, ""), ""))
        return found

    def of(self, item: Object) -> str:
        """Return the control-plane namespace that an object belongs to; empty for none."""
        release = _release(item)
        if release[1]:
            return self._by_namespace(release[1]) or self.releases.get(release, "")
        if item.namespace:
            return self._by_namespace(item.namespace) or self._by_revision(item)
        if item.is_namespace:
            return ""
        named = [text_of(dig(entry, "clientConfig", "service", "namespace")) for entry in entries(item)]
        named += [text_of(subject.get("namespace")) for subject in mappings(item.data, "subjects")]
        owner = next(filter(None, map(self._by_namespace, named)), "")
        if not owner and item.kind == "ClusterRole":
            owner = self.roles.get(item.name, "")
        return owner or self._by_name(item.name) or self._by_revision(item)

    def _by_revision(self, item: Object) -> str:
        """Return the owner of the revision that an object is labelled with, or that its pods name."""
        named = revisions_of([item]) if not is_control_plane(item) else []
        return next((self.revisions[revision] for revision in named if revision in self.revisions), "")

    def _by_namespace(self, namespace: str) -> str:
        return namespace if namespace in self.planes else self.members.get(namespace, "")

    def _by_name(self, name: str) -> str:
        for profile in self.profiles:
            if is_own(name, profile):
                return profile.namespace
        fitting = [plane for plane in self.planes if name.endswith(f"-{plane}") or name.startswith(f"{plane}-")]
        return max(fitting, key=len, default="")


def _served_revisions(objects: list[Object], checked: list[Mesh]) -> dict[str, str]:
    """Return the control-plane namespace of every revision; a live control plane does not replace a checked mesh."""
    found: dict[str, str] = {}
    for mesh in checked:
        own = mesh.profile.revisions if mesh.profile is not None else ()
        found |= dict.fromkeys((*own, *revisions_of(mesh.objects)) if mesh.namespace else (), mesh.namespace)
    for item in objects:
        for revision in revisions_of([item]) if is_control_plane(item) else ():
            found.setdefault(revision, item.namespace)
    return found


def _release(item: Object) -> tuple[str, str]:
    return item.annotations.get(RELEASE_NAME, ""), item.annotations.get(RELEASE_NAMESPACE, "")

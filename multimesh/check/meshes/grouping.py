"""Decide which manifests are one mesh.

Files with the same control-plane namespace are one mesh, so that the manifest of each release can be given as it is.
A manifest without a control plane, such as that of a gateway's release, joins the mesh whose revision it names.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from multimesh.check.meshes.mesh import Mesh, control_plane_of, control_planes_of, name_of, revisions_of
from multimesh.check.objects import Object
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import Profile


def split(parts: list[list[Object]]) -> list[list[Object]]:
    """Return the units in the files of one argument: one, unless they hold the control planes of several meshes.

    Raises MultimeshError for a file that holds several: what in it belongs to which mesh cannot be known.
    """
    for part in parts:
        if len(several := control_planes_of(part)) > 1:
            what = f"holds the control planes of several meshes: {', '.join(several)}"
            raise MultimeshError(part[0].file, what, "Give each mesh a file of its own, so that they can be compared.")
    planes = {id(part): control_plane_of(part) for part in parts}
    names = {name for name in planes.values() if name}
    if len(names) < 2:
        return [[item for part in parts for item in part]]
    joined = [[item for part in parts for item in part if planes[id(part)] == name] for name in sorted(names)]
    return joined + [part for part in parts if not planes[id(part)]]


def group(units: list[list[Object]], profiles: list[Profile]) -> list[Mesh]:
    """Join units of objects (one argument of the command each) to meshes, and give each its profile.

    Units with the same control-plane namespace are one mesh. A unit without one joins the mesh whose namespace it is
    in, whose profile lists its namespace, or that serves its revision. Otherwise units of one revision are a mesh, or
    units of one namespace where they name no revision. A unit without either is a mesh of its own, named after its
    file.
    """
    by_plane: dict[str, list[Object]] = {}
    for unit in units:
        if namespace := control_plane_of(unit):
            by_plane.setdefault(namespace, []).extend(unit)
    served = {namespace: set(revisions_of(objects)) for namespace, objects in by_plane.items()}
    unplaced: list[_Unplaced] = []
    for unit in units:
        if not unit or control_plane_of(unit):
            continue
        if plane := _plane_of(unit, by_plane, served, profiles):
            by_plane.setdefault(plane, []).extend(unit)
        else:
            _add(unit, unplaced)
    meshes = _distinct(_with_profiles(by_plane, profiles) + [part.mesh() for part in unplaced])
    for mesh in meshes:
        mesh.objects = in_release_namespaces(mesh.objects, mesh.namespace)
    return meshes


def in_release_namespaces(objects: list[Object], namespace: str) -> list[Object]:
    """Return objects with the namespace of their Helm release where they name none, as Helm installs them.

    A release is a file: if all that is in it is in one namespace, it is that one, and otherwise `namespace`.
    """
    if not any(map(_names_none, objects)):
        return objects
    named: dict[str, set[str]] = {}
    for item in objects:
        named.setdefault(item.file, set()).update(filter(None, (item.namespace,)))
    releases = {file: next(iter(found)) if len(found) == 1 else namespace for file, found in named.items()}
    return [item._replace(namespace=releases[item.file]) if _names_none(item) else item for item in objects]


def _names_none(item: Object) -> bool:
    return not item.namespace and not item.cluster_scoped and item.is_resource


def _plane_of(
    unit: list[Object], planes: dict[str, list[Object]], served: dict[str, set[str]], profiles: list[Profile]
) -> str:
    """Return the control-plane namespace of the mesh that a unit without a control plane joins; empty for none."""
    named = set(revisions_of(unit))
    namespaces = {item.namespace for item in unit if item.namespace}
    candidates = (
        *(plane for plane in planes if plane in namespaces),
        *(profile.namespace for profile in profiles if namespaces & profile.namespaces),
        *(plane for plane in planes if named & served.get(plane, set())),
        *(profile.namespace for profile in profiles if named & {*profile.revisions}),
    )
    return next(iter(candidates), "")


def _add(unit: list[Object], unplaced: list[_Unplaced]) -> None:
    """Add a unit to the first mesh without a control plane that it belongs to, or make it one."""
    namespaces = {item.namespace for item in unit if item.namespace}
    part = _Unplaced(set(revisions_of(unit)), min(namespaces, default=""), list(unit))
    known = next((other for other in unplaced if part.belongs_to(other)), None)
    if known is None:
        unplaced.append(part)
    else:
        known.revisions.update(part.revisions)
        known.objects.extend(unit)


def _with_profiles(by_plane: dict[str, list[Object]], profiles: list[Profile]) -> list[Mesh]:
    """Return one mesh for each control-plane namespace, and one for each profile that none of them has."""
    by_namespace: dict[str, Profile] = {}
    for profile in profiles:
        by_namespace.setdefault(profile.namespace, profile)
    meshes = [
        Mesh(name_of(namespace, objects, by_namespace.get(namespace)), namespace, objects, by_namespace.get(namespace))
        for namespace, objects in by_plane.items()
    ]
    # A second profile for one namespace is a mesh too, so that the collision of the two is found.
    used = [by_namespace[namespace] for namespace in by_plane if namespace in by_namespace]
    return meshes + [Mesh(p.name, p.namespace, [], p) for p in profiles if p not in used]


class _Unplaced(NamedTuple):
    """Units for which no control plane is given: the revisions they name, the namespace they are in, their objects."""

    revisions: set[str]
    namespace: str
    objects: list[Object]

    def belongs_to(self, other: _Unplaced) -> bool:
        """Return whether two are one mesh: by revision if both name one (kube-system holds many), else by namespace."""
        if self.revisions and other.revisions:
            return bool(self.revisions & other.revisions)
        return self.namespace == other.namespace != ""

    def mesh(self) -> Mesh:
        """Return it as a mesh."""
        file = os.path.splitext(os.path.basename(self.objects[0].file))[0]
        name = name_of(self.namespace, self.objects, None) if self.namespace else file
        return Mesh(name, self.namespace, self.objects)


def _distinct(meshes: list[Mesh]) -> list[Mesh]:
    """Name meshes that would have the same name after their namespaces."""
    names = [mesh.name for mesh in meshes]
    for mesh in meshes:
        if names.count(mesh.name) > 1:
            mesh.name = mesh.namespace or mesh.name
    return meshes

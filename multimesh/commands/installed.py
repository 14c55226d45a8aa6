"""Find what a cluster has of Istio, and what a new mesh takes from that: its version, owner, revision, namespaces."""

from __future__ import annotations

from typing import NamedTuple

from multimesh.check.between.claimed import holder
from multimesh.check.between.manifests import node_ports
from multimesh.check.findings import Finding
from multimesh.check.meshes.live import RELEASE_NAMESPACE, with_live_meshes
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.planes import revision_in
from multimesh.check.meshes.workloads import env_value, minor_version
from multimesh.check.objects import Object
from multimesh.check.sources.cluster import CALLS, read_cluster
from multimesh.check.sources.kubectl import Access
from multimesh.commands.progress import Progress
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL

#: The version of a control plane whose image and labels do not say it.
_UNKNOWN = (0, 0)


class Plane(NamedTuple):
    """One running control plane. `revision` is empty with Istio 1.5, `version` is (0, 0) where nothing says it."""

    mesh: str
    namespace: str
    revision: str
    version: tuple[int, int]

    def __str__(self) -> str:
        """Return it in words."""
        known = f", Istio {dotted(self.version)}" if self.version != _UNKNOWN else ", of an unknown version"
        revision = f', revision "{self.revision}"' if self.revision else ""
        return f'mesh {self.mesh} in "{self.namespace}"{revision}{known}'


class Installed(NamedTuple):
    """What a cluster has: its objects, what could not be read, its meshes, control planes and CRDs of Istio."""

    objects: list[Object]
    unread: list[Finding]
    meshes: list[Mesh]
    planes: list[Plane]
    crds: list[tuple[Mesh, Object]]

    def lines(self) -> list[str]:
        """Return what was found, and what could not be read, one line for each."""
        found = [str(plane) for plane in self.planes]
        if not found and not self.is_open("deployments"):
            found.append("no control plane of Istio")
        holders = list(dict.fromkeys(holder(mesh, crd) for mesh, crd in self.crds))
        if holders:
            found.append(f"{len(self.crds)} CRDs of Istio, of {' and '.join(holders)}")
        elif not self.is_open("customresourcedefinitions"):
            found.append("no CRDs of Istio")
        found += [f"node ports {', '.join(map(str, self.ports()))}"] if self.ports() else []
        return [*(f"found: {line}" for line in found), *(f"open: {finding.message}" for finding in self.unread)]

    def ports(self) -> list[int]:
        """Return the node ports of Services, in order."""
        return sorted({int(str(claim.key).partition("/")[0]) for mesh in self.meshes for claim in node_ports(mesh)})

    def is_open(self, kind: str) -> bool:
        """Return whether a kind, by kubectl's name, could not be read."""
        return any(side.resource == kind for finding in self.unread for side in finding.sides)


class Taken(NamedTuple):
    """What a new mesh takes from a cluster, and why: a line for each."""

    istio: str
    owner: bool
    revisions: list[str]
    workloads: list[str]
    reasons: list[str]


def dotted(version: tuple[int, int]) -> str:
    """Return a minor version as users write it."""
    return f"{version[0]}.{version[1]}"


def installed(access: Access) -> Installed:
    """Read a cluster. Raises MultimeshError where nothing could be read."""
    with Progress(CALLS) as progress:
        objects, unread = read_cluster(access, progress.step)
    meshes = with_live_meshes(objects, [])
    planes = []
    for mesh in meshes:
        for workload, container in mesh.containers("discovery"):
            env = {"REVISION": env_value(container, "REVISION") or ""}
            revision = "" if workload.name == "istio-pilot" else revision_in(env)
            planes.append(Plane(mesh.name, workload.namespace, revision, minor_version(workload, container)))
    crds = [
        (mesh, crd) for mesh in meshes for crd in mesh.of("CustomResourceDefinition") if crd.name.endswith(".istio.io")
    ]
    return Installed(objects, unread, meshes, planes, crds)


def taken(found: Installed, mesh: str, namespace: str, *, owned: bool) -> Taken:
    """Return what a new mesh takes; `owned` says that another profile owns what is shared."""
    own = [plane for plane in found.planes if plane.namespace == namespace]
    holders = {crd.annotations.get(RELEASE_NAMESPACE, "") for _, crd in found.crds}
    istio, why = _version(found.planes, own, holders)
    reasons = [f"--istio {istio}: {why}"] if istio else []
    owner = not owned and (namespace in holders if found.crds else not found.is_open("customresourcedefinitions"))
    if owner:
        reasons.append(
            "--owner: its releases have the CRDs" if found.crds else "--owner: the cluster has no CRDs of Istio"
        )
    revisions = list(dict.fromkeys(plane.revision for plane in own if plane.revision not in ("", "default")))
    # The name of the mesh is the revision that a profile has by default.
    revisions.sort(key=lambda revision: revision != mesh)
    if revisions and revisions != [mesh]:
        reasons.append(f'spec.revision {", ".join(revisions)}: what runs in "{namespace}"')
    workloads = [item.name for item in found.objects if item.is_namespace and _selects(item, mesh, revisions)]
    workloads = [name for name in workloads if name != namespace]
    if workloads:
        reasons.append(f"--workloads {','.join(workloads)}: their labels name the mesh or its revision")
    return Taken(istio, owner, revisions, workloads, reasons)


def _version(planes: list[Plane], own: list[Plane], holders: set[str]) -> tuple[str, str]:
    """Return the version of Istio for a new mesh, and why; empty if no control plane says one."""
    for those, why in (
        (own, "what runs in its namespace"),
        ([plane for plane in planes if plane.namespace in holders], "the mesh that has the CRDs"),
        (planes, "the oldest control plane of the cluster, since its CRDs may be as old"),
    ):
        versions = [plane.version for plane in those if plane.version != _UNKNOWN]
        if versions:
            return dotted(min(versions)), why
    return "", ""


def _selects(namespace: Object, mesh: str, revisions: list[str]) -> bool:
    """Return whether the labels of a namespace name the mesh or one of its revisions."""
    labels = namespace.labels
    if MESH_LABEL in labels:
        return labels[MESH_LABEL] == mesh
    return labels.get(REVISION_LABEL, "") in revisions or labels.get(INJECTION_LABEL) == f"enabled-{mesh}"

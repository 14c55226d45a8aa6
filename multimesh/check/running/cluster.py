"""The objects of a cluster by kind, and what the checks of a running mesh ask about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import CONTROL_PLANE, containers
from multimesh.check.objects import Object, dig, plural, text_of
from multimesh.mesh.names import MESH_LABEL
from multimesh.mesh.profile import Profile

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class Cluster(NamedTuple):
    """The objects of a cluster by kind.

    `unread` holds what could not be read of a live cluster, as kubectl's name of a kind and the namespace, which is
    empty for all of them. It is None for a saved cluster, of which nobody knows what was read.
    """

    kinds: dict[str, list[Object]]
    unread: frozenset[tuple[str, str]] | None = None

    def of(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [found for kind in kinds for found in self.kinds.get(kind, [])]

    def named(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object; None where it was not read."""
        return next((o for o in self.kinds.get(kind, []) if (o.name, o.namespace) == (name, namespace)), None)

    def read(self, *kinds: str) -> bool:
        """Return whether any of these kinds was read; of a saved cluster, whether it holds any such object."""
        if self.unread is not None:
            return not all(self.missed(kind) for kind in kinds)
        return any(self.kinds.get(kind) for kind in kinds)

    def missed(self, kind: str, namespace: str = "") -> bool:
        """Return whether a kind could not be read in a namespace, so that its absence says nothing."""
        name = plural(kind)
        return any(known.partition(".")[0] == name and where in ("", namespace) for known, where in self.unread or ())


def cluster(objects: list[Object], unread: Iterable[tuple[str, str]] | None = None) -> Cluster:
    """Return an index of the objects by kind. `unread` is what could not be read of a live cluster."""
    found: dict[str, list[Object]] = {}
    for item in objects:
        found.setdefault(item.kind, []).append(item)
    return Cluster(found, None if unread is None else frozenset(unread))


def is_istio_1_5(mesh: Profile, found: Cluster) -> bool:
    """Return whether the mesh is of Istio 1.5, which has a galley, citadel or injector."""
    return any(
        workload.namespace == mesh.namespace
        and any(text_of(item.get("name")) in CONTROL_PLANE - {"discovery"} for item in containers(workload))
        for workload in found.of("Deployment")
    )


def unlisted(mesh: Profile, found: Cluster) -> list[Object]:
    """Return the Namespaces that have the label of the mesh, and that its profile does not list.

    Since Istio 1.6 the label decides: the mesh serves them. In 1.5 Citadel's list decides, so there are none.
    """
    if is_istio_1_5(mesh, found):
        return []
    return [
        item
        for item in found.of("Namespace")
        if item.labels.get(MESH_LABEL) == mesh.name and item.name not in mesh.namespaces
    ]


def workload_namespaces(mesh: Profile, found: Cluster) -> set[str]:
    """Return the names of the workload namespaces that the mesh serves: by its profile, or by their label."""
    return {*mesh.workload_namespaces, *(item.name for item in unlisted(mesh, found))}


#: Kinds that every cluster with a mesh has, and what is checked with them.
_NEEDED = {
    "Namespace": "labels",
    "MutatingWebhookConfiguration": "injection",
    "ValidatingWebhookConfiguration": "validation",
    "ClusterRole": "stock names of roles",
    "ClusterRoleBinding": "stock names of bindings",
    "Deployment": "control planes",
    "ConfigMap": "copies of the root certificate",
    "Pod": "sidecars",
}


def unseen(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find kinds that a saved cluster lacks: without the finding a mesh that was not saved would look sound."""
    yield from unsaved(mesh, found, _NEEDED)
    # The control plane is a pod, too.
    if (
        found.unread is None
        and found.read("Pod")
        and not any(pod.namespace in mesh.namespaces for pod in found.of("Pod"))
    ):
        what = "no Pod in a namespace of the mesh was seen, so nothing is said about sidecars"
        yield Finding("unreadable", what, (Side(mesh.name, "Pod", "", 0),))


def unsaved(mesh: Profile, found: Cluster, needed: dict[str, str]) -> Iterator[Finding]:
    """Find those of some kinds, with what is checked with them, of which a saved cluster has no object.

    Of a live cluster it is known what could not be read.
    """
    for kind, what in needed.items() if found.unread is None else ():
        if not found.read(kind):
            yield Finding(
                "unreadable", f"no {kind} was seen, so nothing is said about {what}", (Side(mesh.name, kind, "", 0),)
            )


def side_of(mesh: Profile, found: Object, part: str = "") -> Side:
    """Return the side of a finding for an object of the mesh; `part` names something inside the object."""
    return Side(mesh.name, f"{found.title} {part}".strip(), found.file, found.line)


def ours(mesh: Profile, found: Cluster) -> list[tuple[Object, dict[str, Any]]]:
    """Return the webhook entries in the whole cluster that call the control plane of this mesh."""
    return [
        (config, entry)
        for config in found.of(*WEBHOOKS)
        for entry in entries(config)
        if dig(entry, "clientConfig", "service", "namespace") == mesh.namespace
    ]


def label_command(name: str, key: str, value: str | None) -> str:
    """Return the command that sets a label of a namespace, or removes it where the value is None or empty."""
    return (
        f"kubectl label namespace {name} {key}={value} --overwrite"
        if value
        else f"kubectl label namespace {name} {key}-"
    )

"""Compare the labels of live namespaces with the meshes that are checked."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.catalogue import ERROR, INFO
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.mesh import Mesh, label_of
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.check.meshes.webhooks import entries, is_istio_webhook
from multimesh.check.objects import Object, text_of
from multimesh.kubernetes.selectors import selects
from multimesh.mesh.names import MESH_LABEL


def namespaces(objects: list[Object], meshes: list[Mesh]) -> Iterator[Finding]:
    """Find labels of live namespaces that contradict the meshes that are checked."""
    spaces = [item for item in objects if (item.group, item.kind) == ("", "Namespace")]
    for mesh in meshes if any(mesh.checked for mesh in meshes) else ():
        if not mesh.checked:
            continue
        profile = mesh.profile
        name = mesh.name if profile is not None else label_of(mesh.objects)
        members = (
            profile.namespaces if profile is not None else {item.namespace for item in mesh.objects if item.namespace}
        )
        for item in spaces:
            place = (Side("", item.title, item.file, item.line),)
            label = item.labels.get(MESH_LABEL, "")
            # Without a profile the name of a mesh may be its revision, which must not be compared with the label.
            if item.name in members and name and label not in ("", name):
                what = f'the namespace "{item.name}" of mesh {mesh.name} is labelled {MESH_LABEL}={label}'
                yield Finding("namespace-claimed-twice", what, place)
            if label == mesh.name and item.name not in members and profile is not None:
                what = f'the namespace "{item.name}" is labelled {MESH_LABEL}={label}, and the profile does not list it'
                # With Istio 1.5 the list of namespaces in Citadel's flags is static.
                yield Finding(
                    "namespace-label",
                    what,
                    place,
                    ERROR if mesh.containers("citadel") else INFO,
                    "Add it to spec.workloadNamespaces, or take the label away.",
                )
            if item.name in members and item.name != mesh.namespace:
                yield from _other_injectors(item, mesh, meshes)


def _other_injectors(space: Object, mesh: Mesh, meshes: list[Mesh]) -> Iterator[Finding]:
    """Find webhooks of other live meshes that inject the pods of a namespace with its current labels."""
    labels = {NAME_LABEL: space.name, **space.labels}
    for other in meshes:
        for config in other.of("MutatingWebhookConfiguration") if other is not mesh and other.live else ():
            for entry in entries(config):
                if (
                    is_istio_webhook(entry)
                    and selects(entry.get("namespaceSelector"), labels)
                    and selects(entry.get("objectSelector"), {})
                ):
                    webhook = f'"{text_of(entry.get("name"))}" of mesh {other.name}'
                    what = f'{webhook} injects pods in "{space.name}" of mesh {mesh.name}'
                    places = (
                        Side(mesh.name, space.title, space.file, space.line),
                        Side(other.name, config.title, config.file, config.line),
                    )
                    yield Finding("injection-overlap", what, places)

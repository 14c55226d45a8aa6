"""Check the labels of the namespaces of a running mesh."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.catalogue import ERROR, INFO, WARNING
from multimesh.check.findings import Finding
from multimesh.check.objects import Object, dig
from multimesh.check.running.cluster import Cluster, is_istio_1_5, label_command, side_of
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL
from multimesh.mesh.profile import Profile


def namespaces(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find namespaces of the profile that are not there or lack labels, and others that have the label of the mesh."""
    if not found.read("Namespace"):
        return
    old = is_istio_1_5(mesh, found)
    by_name = {item.name: item for item in found.of("Namespace")}
    for name in (mesh.namespace, *mesh.workload_namespaces):
        item = by_name.get(name)
        if item is None:
            yield Finding("namespace-label", f'the namespace "{name}" does not exist', remedy=_create(mesh))
            continue
        if _is_deleted(item):
            what = f'the namespace "{name}" is being deleted, and nothing can be created there'
            remedy = "Create it again once it is gone, or take it out of the profile."
            yield Finding("namespace-label", what, (side_of(mesh, item),), remedy=remedy)
        label = item.labels.get(MESH_LABEL, "")
        if label != mesh.name:
            what = f'the namespace "{name}" ' + (f"belongs to mesh {label}" if label else f"has no label {MESH_LABEL}")
            yield Finding(
                "namespace-label", what, (side_of(mesh, item),), remedy=label_command(name, MESH_LABEL, mesh.name)
            )
        yield from _injection(mesh, item, old=old)
    for item in by_name.values():
        if item.labels.get(MESH_LABEL) == mesh.name and item.name not in mesh.namespaces:
            what = f'the namespace "{item.name}" has the label of mesh {mesh.name}, and the profile does not list it'
            remedy = f"Add it to spec.workloadNamespaces in {mesh.where}" + (
                " and render again: the list in Citadel's flags is static." if old else "."
            )
            yield Finding("namespace-label", what, (side_of(mesh, item),), ERROR if old else INFO, remedy)


def _is_deleted(item: Object) -> bool:
    """Return whether the API server is deleting a Namespace."""
    return bool(dig(item.data, "metadata", "deletionTimestamp")) or dig(item.data, "status", "phase") == "Terminating"


def _injection(mesh: Profile, item: Object, *, old: bool) -> Iterator[Finding]:
    value, revision = item.labels.get(INJECTION_LABEL), item.labels.get(REVISION_LABEL)
    if item.name == mesh.namespace:
        if value == "enabled" or (old and value != "disabled"):
            wanted = "disabled" if old else None
            what = f'the control-plane namespace "{item.name}" has {INJECTION_LABEL}={value or "(none)"}'
            remedy = label_command(item.name, INJECTION_LABEL, wanted)
            yield Finding(
                "namespace-label", what, (side_of(mesh, item),), "" if value == "enabled" else WARNING, remedy
            )
        return
    by_revision = value is None and revision in mesh.revisions and not old
    if value != mesh.injection_label and not by_revision:
        has = f'the namespace "{item.name}" has {INJECTION_LABEL}={value or "(none)"}'
        what = f"{has}, so mesh {mesh.name} does not inject it"
        remedy = label_command(item.name, INJECTION_LABEL, mesh.injection_label)
        yield Finding("namespace-label", what, (side_of(mesh, item),), remedy=remedy)


def _create(mesh: Profile) -> str:
    return f"multimesh namespaces --profile {mesh.where} | kubectl apply --server-side -f -"

"""Find objects of a running mesh that were installed without the post-renderer."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.webhooks import entries, is_istio_webhook
from multimesh.check.objects import Object, dig, listed, strings, text_of
from multimesh.check.running.cluster import WEBHOOKS, Cluster, ours, side_of
from multimesh.kubernetes.selectors import selects
from multimesh.mesh.names import INJECTION_LABEL, REVISION_LABEL, STOCK_NAMES, TAG_LABEL, is_kept
from multimesh.mesh.profile import Profile

#: The parts of a label selector; one without any matches everything.
_PARTS = ("matchLabels", "matchExpressions")


def stock_names(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find stock names, and the stock injection label: somebody upgraded without the post-renderer."""
    for item in found.of(*WEBHOOKS, "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy"):
        if (item.kind, item.name) not in STOCK_NAMES or is_kept(item.kind, item.name, mesh):
            continue
        if item.kind == "ClusterRole" and not mesh.rename_cluster_roles:
            continue
        if mesh.namespace in _namespaces_of(item):
            yield Finding("stock-name", f"{item.title} has its stock name", (side_of(mesh, item),))
    for item in found.of(WEBHOOKS[0]):
        for entry in entries(item):
            value = strings(dig(entry, "namespaceSelector", "matchLabels")).get(INJECTION_LABEL)
            if dig(entry, "clientConfig", "service", "namespace") == mesh.namespace and value == "enabled":
                yield Finding(
                    "stock-name", f'"{entry.get("name")}" injects {INJECTION_LABEL}=enabled', (side_of(mesh, item),)
                )
    yield from _missing_entry(mesh, found)
    yield from _missing_selector(mesh, found)


def _missing_entry(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find injectors of the mesh's revision that do not select the mesh's label."""
    for item in found.of(WEBHOOKS[0]):
        if item.labels.get(REVISION_LABEL) != mesh.revision or TAG_LABEL in item.labels:
            continue
        is_selected = any(
            selects(entry.get("namespaceSelector"), {INJECTION_LABEL: mesh.injection_label}) for entry in entries(item)
        )
        if not is_selected:
            what = f"{item.title} has no entry for {INJECTION_LABEL}={mesh.injection_label}"
            yield Finding("stock-name", what, (side_of(mesh, item),))


def _missing_selector(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find webhooks of the mesh that act in namespaces of everybody: each of its selectors names the mesh."""
    for item, entry in ours(mesh, found):
        if not is_istio_webhook(entry) or is_kept(item.kind, item.name, mesh):
            continue
        selector, name = entry.get("namespaceSelector"), text_of(entry.get("name"))
        if item.kind == WEBHOOKS[0]:
            if selects(selector, {}) and not any(dig(selector, part) for part in _PARTS):
                what = f'"{name}" has no namespaceSelector, so it injects pods of every namespace'
                yield Finding("stock-name", what, (side_of(mesh, item),))
        elif selects(selector, {}):
            what = f'"{name}" validates in namespaces that do not have the label of the mesh'
            yield Finding("stock-name", what, (side_of(mesh, item),))


def _namespaces_of(item: Object) -> set[str]:
    """Return the namespaces of the Helm release, the subjects, and the webhooks' Services of an object."""
    found = {item.annotations.get("meta.helm.sh/release-namespace", "")}
    found |= {str(dig(subject, "namespace") or "") for subject in listed(item.data, "subjects")}
    found |= {str(dig(entry, "clientConfig", "service", "namespace") or "") for entry in entries(item)}
    return found - {""}

"""Find what the post-renderer would have rewritten, by the profile of the mesh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multimesh.check.findings import Finding
from multimesh.check.meshes.citadels import served_by_citadels
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.overlap import common
from multimesh.check.meshes.webhooks import entries, is_istio_webhook, policy_as_webhook
from multimesh.check.objects import Object, dig, strings
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL, STOCK_NAMES, TAG_LABEL, is_kept


def profile(mesh: Mesh) -> Iterator[Finding]:
    """Find stock names, objects outside the namespaces of the profile, and namespaces that Citadel does not serve."""
    if mesh.profile is None:
        return
    for found in mesh.objects:
        stock = (found.kind, found.name) in STOCK_NAMES and not is_kept(found.kind, found.name, mesh.profile)
        if stock and not (found.kind == "ClusterRole" and not mesh.profile.rename_cluster_roles):
            yield Finding("stock-name", f"{found.title} has its stock name", (side_of(mesh, found),))
        shared = mesh.profile.owns_shared and _is_shared(found)
        if found.namespace and found.namespace not in mesh.profile.namespaces and not shared:
            yield Finding(
                "namespace-outside-profile",
                f"{found.title} is not in a namespace of the profile",
                (side_of(mesh, found),),
            )
    for place, served in served_by_citadels(mesh):
        if served is None:
            yield Finding(
                "citadel-scope", "Citadel has no --listened-namespaces, and serves the whole cluster", (place,)
            )
        elif missing := sorted(mesh.profile.namespaces - served):
            yield Finding("citadel-scope", f"Citadel does not serve {', '.join(missing)}", (place,))


def _is_shared(found: Object) -> bool:
    app = found.labels.get("app", "") + found.labels.get("k8s-app", "") + found.labels.get("app.kubernetes.io/name", "")
    return found.name.startswith(("istio-cni", "ztunnel")) or "istio-cni" in app or "ztunnel" in app


def injection(mesh: Mesh) -> Iterator[Finding]:
    """Find webhooks that inject by a value of the injection label that is not the one of the profile."""
    if mesh.profile is None:
        return
    for found in mesh.of("MutatingWebhookConfiguration"):
        for item in entries(found):
            value = strings(dig(item, "namespaceSelector", "matchLabels")).get(INJECTION_LABEL, "")
            if value and value != mesh.profile.injection_label:
                what = f'the webhook "{item.get("name")}" injects {INJECTION_LABEL}={value}'
                yield Finding("stock-name", what, (side_of(mesh, found),))


def confined(mesh: Mesh) -> Iterator[Finding]:
    """Find webhooks without the selectors of the rewrite: from 1.24 on the release of istiod has no stock names."""
    if mesh.profile is None:
        return
    ours = {"matchLabels": {INJECTION_LABEL: mesh.profile.injection_label}}
    for found in mesh.of("MutatingWebhookConfiguration"):
        mine = found.labels.get(REVISION_LABEL) == mesh.profile.revision and TAG_LABEL not in found.labels
        if mine and entries(found) and not is_kept(found.kind, found.name, mesh.profile):
            selectors = [item.get("namespaceSelector") for item in entries(found)]
            if not any(_meet(item, ours) and not _meet(item, _without(INJECTION_LABEL)) for item in selectors):
                what = f"no webhook of {found.title} selects {INJECTION_LABEL}={mesh.profile.injection_label}"
                yield Finding("stock-name", what, (side_of(mesh, found),))
    for found in mesh.of("ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"):
        kept = (found.kind, found.name) in STOCK_NAMES or is_kept(found.kind, found.name, mesh.profile)
        for item in [*entries(found), policy_as_webhook(found)] if not kept else ():
            if is_istio_webhook(item) and _meet(item.get("namespaceSelector"), _without(MESH_LABEL)):
                what = f'"{item.get("name")}" is not confined to {MESH_LABEL}={mesh.profile.name}'
                yield Finding("stock-name", what, (side_of(mesh, found),))


def _without(key: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}


def _meet(selector: Any, other: dict[str, Any]) -> bool:
    """Return whether some labels satisfy both selectors; an invalid selector counts as one that matches everything."""
    try:
        return common(selector, other) is not None
    except ValueError:
        return True

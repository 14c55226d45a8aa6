"""Compare the previous manifest of a release with the new one: what an upgrade does to identities.

The previous manifest is the output of `helm get manifest`. It may be that of a stock release that becomes a mesh.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.webhooks import entries, policy_as_webhook
from multimesh.check.objects import Object, dig, mappings
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL, STOCK_NAMES, is_kept, is_kubernetes
from multimesh.mesh.profile import Profile

#: The annotations that spare a CRD: Helm's, Argo CD's and Flux's. Argo CD honours Helm's when an Application is
#: deleted, and not when it prunes (argoproj/gitops-engine v0.7, pkg/sync/sync_context.go, pruneObject).
_KEEP = "helm.sh/resource-policy"
_ARGO = "argocd.argoproj.io/sync-options"
_FLUX = "kustomize.toolkit.fluxcd.io/prune"

#: Kinds in which the rewrite sets selectors.
_SELECTING = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy")

#: Fields that are immutable in Kubernetes, by kind.
_IMMUTABLE = {
    "Deployment": ("spec", "selector"),
    "DaemonSet": ("spec", "selector"),
    "StatefulSet": ("spec", "selector"),
    "ReplicaSet": ("spec", "selector"),
    "ClusterRoleBinding": ("roleRef",),
    "RoleBinding": ("roleRef",),
}


def upgrade(before: list[Object], after: list[Object], profiles: list[Profile]) -> Iterator[Finding]:
    """Yield what the upgrade from one manifest to another does to identities. The profiles are those of the meshes."""
    new = {item.key: item for item in after}
    for item in before:
        successor = new.get(item.key)
        if successor is not None:
            yield from _changed(item, successor)
            yield from _deselected(item, successor, profiles)
        elif item.kind == "CustomResourceDefinition":
            yield from _deleted(item)
        elif item.cluster_scoped or dig(item.data, "spec", "type") == "LoadBalancer":
            yield _lost(item, after)
    yield from _stock(before, after, profiles)


def _deleted(item: Object) -> Iterator[Finding]:
    """Find what would delete a CRD that the new manifest does not have, and with it every resource of its kind."""
    what = f"{item.title} is not in the new manifest"
    options = [one.strip() for one in item.annotations.get(_ARGO, "").split(",")]
    if item.annotations.get(_KEEP) != "keep":
        yield Finding("crd-deleted", f"{what}, and has no {_KEEP}: keep", (_side(item),))
    elif "Prune=false" not in options or item.annotations.get(_FLUX) != "disabled":
        remedy = (
            f"If one of them installs this release, apply the previous manifest with {_ARGO}: Prune=false and "
            f"{_FLUX}: disabled first: render writes both for the owner."
        )
        yield Finding(
            "crd-deleted", f"{what}: Helm keeps it, and Argo CD and Flux delete it when they prune", (_side(item),),
            WARNING, remedy,
        )  # fmt: skip


def _side(item: Object) -> Side:
    return Side("", item.title, item.file, item.line)


def _changed(item: Object, successor: Object) -> Iterator[Finding]:
    path = _IMMUTABLE.get(item.kind)
    if path is None:
        return
    old, now = _plain(dig(item.data, *path)), _plain(dig(successor.data, *path))
    # In old API groups an absent selector gets a default from the labels.
    if old and now and old != now:
        what = f"{item.title} changes {'/'.join(path)}"
        namespace = f" -n {item.namespace}" if item.namespace else ""
        remedy = f"kubectl delete {item.kind.lower()} {item.name}{namespace}, then upgrade."
        yield Finding("immutable-selector", what, (_side(item), _side(successor)), remedy=remedy)


def _deselected(item: Object, successor: Object, profiles: list[Profile]) -> Iterator[Finding]:
    """Find selectors of the rewrite that a webhook or policy of the same name no longer has.

    A revision that becomes a canary loses the injection label to its successor.
    """
    if item.kind not in _SELECTING:
        return
    given = {
        f"{INJECTION_LABEL}={profile.injection_label}"
        for profile in profiles
        if successor.labels.get(REVISION_LABEL) in profile.canary_revisions
    }
    for label in sorted(_own_labels(item) - _own_labels(successor) - given):
        yield Finding("stock-name", f"{item.title} no longer selects {label}", (_side(item), _side(successor)), ERROR)


def _own_labels(item: Object) -> set[str]:
    """Return the selected namespace labels, as key=value, that only the rewrite writes."""
    found = set()
    for entry in (*entries(item), policy_as_webhook(item)):
        labels = [
            (expression.get("key"), value)
            for expression in mappings(entry, "namespaceSelector", "matchExpressions")
            if expression.get("operator") == "In" and isinstance(expression.get("values"), list)
            for value in expression["values"]
        ]
        labels.append((INJECTION_LABEL, dig(entry, "namespaceSelector", "matchLabels", INJECTION_LABEL)))
        found |= {
            f"{key}={value}"
            for key, value in labels
            if key == MESH_LABEL or (key == INJECTION_LABEL and str(value).startswith("enabled-"))
        }
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        found = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item not in (None, {}, [])}
    return value


def _lost(item: Object, after: list[Object]) -> Finding:
    same = [
        other
        for other in after
        if (other.group, other.kind) == (item.group, item.kind) and other.namespace == item.namespace
    ]
    successor = next((other for other in same if _inherits(item, other)), None)
    if successor is None:
        return Finding("identity-lost", f"{item.title} is removed", (_side(item),))
    return Finding("identity-lost", f"{item.title} becomes {successor.name}", (_side(item), _side(successor)))


def _inherits(item: Object, other: Object) -> bool:
    """Return whether one name is built from the other: kiali-blue from kiali, istio-blue-galley from istio-galley."""
    short, long = sorted((item.name, other.name), key=len)
    first, _, rest = short.partition("-")
    return long.startswith(f"{short}-") or (bool(rest) and long.startswith(f"{first}-") and long.endswith(f"-{rest}"))


def _stock(before: list[Object], after: list[Object], profiles: list[Profile]) -> Iterator[Finding]:
    """Find stock names that come back in the new manifest, or that only the previous one has."""
    old, new = _stock_names(before, profiles), _stock_names(after, profiles)
    had_own = any(
        _inherits(item, other)
        for item in new
        for other in before
        if other.kind == item.kind and other.name != item.name
    )
    for item in new:
        if had_own and item.key not in {other.key for other in old}:
            yield Finding("stock-name", f"{item.title} gets its stock name back", (_side(item),), ERROR)
    for item in old:
        if new:
            continue
        what = f"{item.title} has its stock name in the previous manifest"
        remedy = (
            "Somebody upgraded without the post-renderer, or a stock release becomes a mesh: "
            "multimesh explain stock-name"
        )
        yield Finding("stock-name", what, (_side(item),), WARNING, remedy)


def _stock_names(objects: list[Object], profiles: list[Profile]) -> list[Object]:
    return [
        item
        for item in objects
        if (item.kind, item.name) in STOCK_NAMES
        and not is_kubernetes(item.name)
        and not any(is_kept(item.kind, item.name, profile) for profile in profiles)
        and not (item.kind == "ClusterRole" and any(not profile.rename_cluster_roles for profile in profiles))
    ]

"""Let each mesh inject the pods of its own namespaces, and no others.

**Istio 1.5.** Both meshes would inject every pod of every namespace labelled `istio-injection=enabled`.

         namespaceSelector:
           matchLabels:
    -        istio-injection: enabled
    +        istio-injection: enabled-affirmed

**Istio 1.9 and later.** Revisions keep the meshes apart already. So that `istio-injection=enabled-affirmed` works too,
an entry is appended: the chart's first entry once more, with a name that the control plane still finds by its ending
(istio 1.30.3, pkg/webhooks/webhookpatch.go) and another selector. No other entry of any mesh matches that label.

    +  - name: affirmed.namespace.sidecar-injector.istio.io
    +    namespaceSelector:
    +      matchExpressions:
    +      - key: istio-injection
    +        operator: In
    +        values:
    +        - enabled-affirmed

**Istio 1.6 to 1.8.** Only one entry is ever patched, so its selector is replaced by that one. Namespaces labelled
`istio.io/rev=affirmed` are then no longer injected: the report says so.

Only the revision in `spec.revision` gets the label; canary revisions keep the chart's selectors.
An entry that could match a namespace of another mesh is refused, such as those that `enableNamespacesByDefault=true`
writes up to Istio 1.9.
"""

from __future__ import annotations

from multimesh.mesh.names import (
    INJECTION_LABEL,
    INJECTOR_ENTRY,
    MODEL_ENTRIES,
    REVISION_LABEL,
    TAG_LABEL,
    injection_entry,
)
from multimesh.rules.concern import EVERY
from multimesh.rules.recognise import RENDER_AGAIN, is_injector
from multimesh.yamltext.fieldpath import entry, get, is_mapping, is_sequence, mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode, Node

ID = "injection-label"
READS: Reads = {"MutatingWebhookConfiguration": EVERY}


def plan(resource: Resource, mesh: Profile) -> None:
    """Give the injection label of this mesh to its webhook configuration."""
    if is_injector(resource, mesh):
        for path, node in resource.find("webhooks/*"):
            _rewrite_label(resource, mesh, path, node)
        return
    entries = [node for _, node in resource.find("webhooks/*") if text(node, "name").endswith(INJECTOR_ENTRY)]
    if not entries:
        return
    for node in entries:
        _check(resource, mesh, node)
    labels = resource.labels()
    if labels.get(REVISION_LABEL) == mesh.revision and TAG_LABEL not in labels:
        _give_label(resource, mesh, {text(node, "name"): node for node in entries if is_mapping(node)})


def _rewrite_label(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    if get(node, "namespaceSelector/matchExpressions") is not None:
        raise resource.error(
            f"{path}/namespaceSelector/matchExpressions selects the namespaces of every other mesh as well",
            "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
        )
    label = get(node, f"namespaceSelector/matchLabels/{INJECTION_LABEL}")
    found = text(label) if label is not None else ""
    if label is None or found not in ("enabled", mesh.injection_label):
        another = found.startswith("enabled-")
        raise resource.error(
            f'{path}/namespaceSelector selects {INJECTION_LABEL}="{found}"'
            + (": this stream has been rewritten for another mesh" if another else ", which no rule knows"),
            RENDER_AGAIN
            if another
            else "Two meshes could inject the same pod. Compare the chart with the stock one, or report its version.",
        )
    resource.rewrite(label, mesh.injection_label, f"{path}/namespaceSelector/matchLabels/{INJECTION_LABEL}")


def _check(resource: Resource, mesh: Profile, node: Node) -> None:
    """Refuse an entry that could match a namespace of another mesh."""
    from multimesh.kubernetes.selectors import may_match, read, requirements

    selector = read(get(node, "namespaceSelector"), f"webhooks/[name={text(node, 'name')}]/namespaceSelector")
    for key, operator, values in requirements(selector):
        foreign = [value for value in values if value.startswith("enabled-") and value != mesh.injection_label]
        if key == INJECTION_LABEL and operator == "In" and foreign:
            raise resource.error(
                f'webhook "{text(node, "name")}" selects {INJECTION_LABEL}="{foreign[0]}": '
                "this stream has been rewritten for another mesh",
                RENDER_AGAIN,
            )
    # No mesh name has capital letters.
    if may_match(selector, INJECTION_LABEL, "enabled-ANOTHER"):
        raise resource.error(
            f'webhook "{text(node, "name")}" also matches namespaces that another mesh injects '
            f"({INJECTION_LABEL}=enabled-<another>)",
            "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
        )
    if may_match(selector, INJECTION_LABEL, "enabled"):
        raise resource.error(
            f'webhook "{text(node, "name")}" matches namespaces labelled {INJECTION_LABEL}=enabled, '
            "which a stock mesh injects",
            "Render the chart with a revision of the mesh, and change none of its selectors.",
        )


def _give_label(resource: Resource, mesh: Profile, entries: dict[str, MappingNode]) -> None:
    selector: dict[str, Any] = {
        "matchExpressions": [{"key": INJECTION_LABEL, "operator": "In", "values": [mesh.injection_label]}]
    }
    if injection_entry(mesh) in entries:
        return
    model = next((entries[name] for name in MODEL_ENTRIES if name in entries), None)
    if model is None:
        raise resource.error(
            f"has none of the entries {', '.join(MODEL_ENTRIES)}",
            "Two meshes could inject the same pod. Compare the chart with the stock one, or report its version.",
        )
    if _is_patched_by_name(resource, model, entries):
        _replace(resource, mesh, model, selector)
        return
    # Nothing of Istio 1.5 comes this far.
    from multimesh.yamltext.plain import plain

    webhooks = resource.get("webhooks")
    if _has_null_item(plain(model)):
        raise resource.error(
            f'webhook "{text(model, "name")}" has a list with an item that is null', "Give it a value in the chart."
        )
    clone = _without_nulls({**plain(model), "name": injection_entry(mesh), "namespaceSelector": selector})
    if mapping(model, "clientConfig") is not None and clone["clientConfig"].get("caBundle") == "":
        del clone["clientConfig"]["caBundle"]
    if is_sequence(webhooks):
        resource.append(webhooks, clone, f"webhooks/[name={injection_entry(mesh)}]")


def _has_null_item(value: Any) -> bool:
    """Return whether a list in a value, at any depth, has an item that is null."""
    if isinstance(value, dict):
        return any(map(_has_null_item, value.values()))
    return isinstance(value, list) and (None in value or any(map(_has_null_item, value)))


def _without_nulls(value: Any) -> Any:
    """Leave out keys that say nothing, however deep: charts write `caBundle:` so."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _is_patched_by_name(resource: Resource, model: MappingNode, entries: dict[str, MappingNode]) -> bool:
    """Tell the charts of Istio 1.6 to 1.8, whose control plane patches the one entry of exactly this name.

    Their service has no port; from 1.9 on it has (manifests/charts/istio-control/istio-discovery/templates/
    mutatingwebhook.yaml of each tag). Where a `url` takes its place, they are told by the objectSelector that 1.9 has.
    """
    if not resource.value("apiVersion").endswith("/v1beta1") or list(entries) != [INJECTOR_ENTRY]:
        return False
    if get(model, "clientConfig/service") is None:
        return get(model, "objectSelector") is None
    return get(model, "clientConfig/service/port") is None


def _replace(resource: Resource, mesh: Profile, model: MappingNode, selector: dict[str, Any]) -> None:
    from multimesh.yamltext.plain import plain

    path = f"webhooks/[name={INJECTOR_ENTRY}]/namespaceSelector"
    found = entry(model, "namespaceSelector")
    if found is None or not is_mapping(found[1]):
        resource.put(model, "namespaceSelector", selector, path)
    elif plain(found[1]) != selector:
        resource.replace(found[1], selector, path)
        resource.notice(
            "injection-label",
            "info",
            f"namespaces labelled {REVISION_LABEL}={mesh.revision} are no longer injected: "
            "this control plane patches one entry only",
            f"Label them {INJECTION_LABEL}={mesh.injection_label}.",
        )

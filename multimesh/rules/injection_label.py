"""Let each mesh inject the pods of its own namespaces, and no others.

**Istio 1.5.** Both meshes would inject every pod of every namespace labelled `istio-injection=enabled`.

         namespaceSelector:
           matchLabels:
    -        istio-injection: enabled
    +        istio-injection: enabled-affirmed

**Istio 1.9 and later.** Revisions already keep the meshes apart. An entry is appended so that
`istio-injection=enabled-affirmed` works too: a copy of the chart's first entry with another selector, and with a name
that the control plane finds by its ending (istio 1.30.3, pkg/webhooks/webhookpatch.go). No other entry of any mesh
matches that label.

    +  - name: affirmed.namespace.sidecar-injector.istio.io
    +    namespaceSelector:
    +      matchExpressions:
    +      - key: istio-injection
    +        operator: In
    +        values:
    +        - enabled-affirmed

**Istio 1.6 to 1.8.** The control plane patches only one entry, so its selector is replaced by that of the entry above.
Namespaces labelled `istio.io/rev=affirmed` are then no longer injected. The report contains a notice about that.

Only the revision in `spec.revision` gets the label; canary revisions keep the chart's selectors.
An injector that could match a namespace of another mesh is refused, such as those that `enableNamespacesByDefault=true`
writes up to Istio 1.9. A webhook that is not known to be an injector, and an admission policy that mutates, is refused
if it selects `istio-injection=enabled` or a revision that is not the mesh's, whatever its name and Service are.
Selectors that only exclude these labels are left as they are.
"""

from __future__ import annotations

from multimesh.mesh.names import (
    INJECTION_LABEL,
    INJECTOR_ENTRY,
    MESH_LABEL,
    MODEL_ENTRIES,
    REVISION_LABEL,
    TAG_LABEL,
    injection_entry,
)
from multimesh.rules.concern import EVERY
from multimesh.rules.recognise import (
    RENDER_AGAIN,
    is_injector,
    is_injector_entry,
    is_own_revision,
    refuse_stock_labels,
    requirements,
)
from multimesh.yamltext.fieldpath import find, get, is_mapping, is_sequence, mapping, text
from multimesh.yamltext.nodes import UNTAGGED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode, Node

ID = "injection-label"
READS: Reads = {
    "MutatingWebhookConfiguration": EVERY,
    "MutatingAdmissionPolicy": EVERY,
    "MutatingAdmissionPolicyBinding": EVERY,
}

#: The field of an admission policy, and of a binding, that has the selectors.
_POLICY_FIELDS = ("spec/matchConstraints", "spec/matchResources")

#: What to do about an injector whose selectors are not the chart's.
_CHANGE_NO_SELECTOR = "Render the chart with a revision of the mesh, and change none of its selectors."


def plan(resource: Resource, mesh: Profile) -> None:
    """Give the injection label of this mesh to its webhook configuration, and refuse what selects other meshes."""
    if resource.kind != "MutatingWebhookConfiguration":
        for field in _POLICY_FIELDS:
            for path, node in resource.find(field):
                refuse_stock_labels(resource, mesh, path, node)
        return
    if is_injector(resource, mesh):
        for path, node in resource.find("webhooks/*"):
            _rewrite_label(resource, mesh, path, node)
        return
    injectors = []
    for _, node in resource.find("webhooks/*"):
        if is_injector_entry(node):
            _check(resource, mesh, node)
            injectors.append(node)
        else:
            refuse_stock_labels(resource, mesh, f'webhook "{text(node, "name")}"', node)
    labels = resource.labels()
    if injectors and labels.get(REVISION_LABEL) == mesh.revision and TAG_LABEL not in labels:
        _give_label(resource, mesh, {text(node, "name"): node for node in injectors if is_mapping(node)})


def _rewrite_label(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    """Rewrite the label that a webhook of Istio 1.5 selects."""
    selector = "namespaceSelector"
    for _, expression in find(node, f"{selector}/matchExpressions/*"):
        if text(expression, "key") != INJECTION_LABEL or text(expression, "operator") != "In":
            raise resource.error(
                f"{path}/{selector}/matchExpressions selects the namespaces of every other mesh as well",
                "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
                values={"sidecarInjectorWebhook.enableNamespacesByDefault": False},
            )
    found = [
        *find(node, f"{selector}/matchLabels/{INJECTION_LABEL}"),
        *find(node, f"{selector}/matchExpressions/*/values/*"),
    ]
    strange = next((text(label) for _, label in found if text(label) not in ("enabled", mesh.injection_label)), "")
    if strange or not found:
        another = strange.startswith("enabled-")
        raise resource.error(
            f'{path}/{selector} selects {INJECTION_LABEL}="{strange}"'
            + (": this stream has been rewritten for another mesh" if another else ", which no rule knows"),
            RENDER_AGAIN
            if another
            else "Two meshes could inject the same pod. Compare the chart with the stock one, or report its version.",
        )
    for at, label in found:
        resource.rewrite(label, mesh.injection_label, f"{path}/{at}")
    what = f'webhook "{text(node, "name")}"'
    refuse_stock_labels(resource, mesh, what, node, rewritten=(selector, INJECTION_LABEL))


def _check(resource: Resource, mesh: Profile, node: Node) -> None:
    """Refuse an entry that could match a namespace of another mesh."""
    from multimesh.kubernetes.selectors import may_match, read

    selector = read(get(node, "namespaceSelector"), f"webhooks/[name={text(node, 'name')}]/namespaceSelector")
    what = f'webhook "{text(node, "name")}"'
    for _, key, operator, values in requirements(node, what):
        foreign = [value for value in values if value.startswith("enabled-") and value != mesh.injection_label]
        if key == INJECTION_LABEL and operator == "In" and foreign:
            raise resource.error(
                f'{what} selects {INJECTION_LABEL}="{foreign[0]}": this stream has been rewritten for another mesh',
                RENDER_AGAIN,
            )
    # No mesh name has capital letters.
    if may_match(selector, INJECTION_LABEL, "enabled-ANOTHER"):
        raise resource.error(
            f"{what} also matches namespaces that another mesh injects ({INJECTION_LABEL}=enabled-<another>)",
            "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
            values={"sidecarInjectorWebhook.enableNamespacesByDefault": False},
        )
    refuse_stock_labels(resource, mesh, what, node)
    if may_match(selector, INJECTION_LABEL, "enabled"):
        raise resource.error(
            f"{what} matches namespaces labelled {INJECTION_LABEL}=enabled, which a stock mesh injects",
            _CHANGE_NO_SELECTOR,
        )
    if not any(_is_own(key, values, mesh) for _, key, operator, values in requirements(node, what) if operator == "In"):
        raise resource.error(
            f"{what} selects no label of mesh {mesh.name}, so it could inject pods of other meshes",
            _CHANGE_NO_SELECTOR,
        )


def _is_own(key: str, values: list[str], mesh: Profile) -> bool:
    """Return whether these values of a label occur in this mesh only."""
    if key == REVISION_LABEL:
        return bool(values) and all(is_own_revision(value, mesh) for value in values)
    return (key, values) in ((INJECTION_LABEL, [mesh.injection_label]), (MESH_LABEL, [mesh.name]))


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
    # Imported here, since charts of Istio 1.5 do not need it.
    from multimesh.yamltext.plain import plain

    webhooks = resource.get("webhooks")
    if _has_absent_value(model):
        raise resource.error(
            f'webhook "{text(model, "name")}" has a key without a value in braces: Helm 3 reads null, and Helm 4 ""',
            "Write the value, or leave out the key.",
        )
    if _has_null_item(plain(model)):
        raise resource.error(
            f'webhook "{text(model, "name")}" has a list with an item that is null', "Give it a value in the chart."
        )
    clone = _without_nulls({**plain(model), "name": injection_entry(mesh), "namespaceSelector": selector})
    if mapping(model, "clientConfig") is not None and clone["clientConfig"].get("caBundle") == "":
        del clone["clientConfig"]["caBundle"]
    if is_sequence(webhooks):
        resource.append(webhooks, clone, f"webhooks/[name={injection_entry(mesh)}]")


def _has_absent_value(node: Node) -> bool:
    """Return whether a flow mapping in a node, at any depth, has a key that nothing follows."""
    if node.id == "scalar":
        return False
    if node.id == "sequence":
        return any(map(_has_absent_value, node.value))
    return any(
        _has_absent_value(child)
        or (node.flow_style and child.id == "scalar" and not child.value and not child.style and child.tag == UNTAGGED)
        for _, child in node.value
    )


def _has_null_item(value: Any) -> bool:
    """Return whether a list in a value, at any depth, has an item that is null."""
    if isinstance(value, dict):
        return any(map(_has_null_item, value.values()))
    return isinstance(value, list) and (None in value or any(map(_has_null_item, value)))


def _without_nulls(value: Any) -> Any:
    """Return a value without the keys whose value is null, at any depth: some charts write `caBundle:` so."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _is_patched_by_name(resource: Resource, model: MappingNode, entries: dict[str, MappingNode]) -> bool:
    """Return whether the chart is of Istio 1.6 to 1.8, whose control plane patches the one entry of exactly this name.

    Their service has no port, and that of 1.9 and later has one (manifests/charts/istio-control/istio-discovery/
    templates/mutatingwebhook.yaml of each tag). If there is a `url` instead, the objectSelector decides: 1.9 has one.
    """
    if not resource.value("apiVersion").endswith("/v1beta1") or list(entries) != [INJECTOR_ENTRY]:
        return False
    if get(model, "clientConfig/service") is None:
        return get(model, "objectSelector") is None
    return get(model, "clientConfig/service/port") is None


def _replace(resource: Resource, mesh: Profile, model: MappingNode, selector: dict[str, Any]) -> None:
    from multimesh.yamltext.plain import plain

    path = f"webhooks/[name={INJECTOR_ENTRY}]/namespaceSelector"
    found = get(model, "namespaceSelector")
    if is_mapping(found) and plain(found) != selector:
        resource.replace(found, selector, path)
        resource.notice(
            "injection-label",
            "info",
            f"namespaces labelled {REVISION_LABEL}={mesh.revision} are no longer injected: "
            "this control plane patches one entry only",
            f"Label them {INJECTION_LABEL}={mesh.injection_label}.",
        )

"""Recognise what several rules ask about: shared charts, webhooks of control planes, stock labels, EnvoyFilters."""

from __future__ import annotations

from multimesh.kubernetes.containers import words_of
from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTION_LABEL,
    INJECTOR_CONFIGURATION,
    INJECTOR_ENTRY,
    REVISION_LABEL,
    chart_of_name,
    galley_configuration,
    injector_configuration,
)
from multimesh.yamltext.fieldpath import BadShape, entries, items, mapping, text
from multimesh.yamltext.plain import key_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.yamltext.nodes import Node

#: The stock validators of the whole cluster, which become validators of the mesh (rules revision and validation-scope).
DEFAULT_VALIDATOR = "istiod-default-validator"
DEFAULT_POLICY = "stable-channel-default-policy.istio.io"

#: What to do about a stream that was rewritten for another mesh.
RENDER_AGAIN = "Render the stock chart again, and pipe it through one profile only."


def render_in(mesh: Profile) -> str:
    """Return what to do about a control plane that is in another namespace than that of the mesh."""
    return f"Render the chart with -n {mesh.namespace} and --set global.istioNamespace={mesh.namespace}."


#: How the names of validators end (1.5.0 to 1.31.0).
VALIDATOR_ENTRY = "validation.istio.io"

#: What the names of the charts' telemetry filters begin with (istio 1.6.0 to 1.8.6,
#: manifests/charts/istio-control/istio-discovery/templates/telemetryv2_*.yaml).
_TELEMETRY_FILTERS = (
    "metadata-exchange-", "tcp-metadata-exchange-", "stats-filter-", "tcp-stats-filter-", "stackdriver-filter-",
    "tcp-stackdriver-filter-",
)  # fmt: skip


def shared_chart(resource: Resource) -> str:
    """Return the shared chart that an object belongs to: istio-init, istio-cni, ztunnel, or istio-operator.

    Empty for any other object. A shared chart is one that a cluster has only once.
    """
    # Cached, since three rules need it.
    if resource.component is None:
        resource.component = _shared_chart(resource)
    return resource.component


def _shared_chart(resource: Resource) -> str:
    if found := chart_of_name(resource.kind, resource.name):
        return found
    labels = resource.labels()
    app = labels.get("app.kubernetes.io/name")
    if labels.get("k8s-app") in ("istio-cni-node", "istio-cni-repair") or "istio-cni" in (labels.get("app"), app):
        return "istio-cni"
    if "ztunnel" in (labels.get("app"), app):
        return "ztunnel"
    return _by_container(resource) if resource.kind in ("DaemonSet", "Deployment") else ""


def _by_container(resource: Resource) -> str:
    """Return the shared chart by what runs in the pods: a user may call ztunnel as they like (Istio 1.25 and later)."""
    for at, node in resource.containers():
        if text(node, "name") in ("install-cni", "repair-cni"):
            return "istio-cni"
        words = words_of(at, node)
        if words is not None and "ztunnel" in [word.value for word in words[1].value]:
            return "ztunnel"
    return ""


def is_injector(resource: Resource, mesh: Profile) -> bool:
    """Return whether this is the MutatingWebhookConfiguration of Istio 1.5, stock or rewritten.

    The name decides, whatever the entries are. A configuration with the label of a revision belongs to a later version.
    """
    return (
        resource.kind == "MutatingWebhookConfiguration"
        and resource.name in (INJECTOR_CONFIGURATION, injector_configuration(mesh))
        and REVISION_LABEL not in resource.labels()
    )


def is_galley(resource: Resource, mesh: Profile) -> bool:
    """Return whether this is the ValidatingWebhookConfiguration of Istio 1.5, stock or rewritten; see is_injector."""
    return (
        resource.kind == "ValidatingWebhookConfiguration"
        and resource.name in (GALLEY_CONFIGURATION, galley_configuration(mesh))
        and REVISION_LABEL not in resource.labels()
    )


def is_injector_entry(node: Node) -> bool:
    """Return whether a webhook is an injector of Istio, by the end of its name or by the Service that it calls."""
    return _calls(node, INJECTOR_CONFIGURATION) or text(node, "name").endswith(INJECTOR_ENTRY)


def is_validator_entry(node: Node) -> bool:
    """Return whether a webhook is a validator of Istio, by the end of its name or by the Service that it calls."""
    return _calls(node, GALLEY_CONFIGURATION) or text(node, "name").endswith(VALIDATOR_ENTRY)


def _calls(node: Node, service: str) -> bool:
    """Return whether a webhook calls istiod, or the Service of Istio 1.5 that has this name."""
    found = text(node, "clientConfig/service/name")
    return found in (service, "istiod") or found.startswith("istiod-")


def is_own_revision(value: str, mesh: Profile) -> bool:
    """Return whether a value of the label `istio.io/rev` is a revision or a revision tag of this mesh."""
    return value == mesh.name or value.startswith(f"{mesh.name}-") or value in mesh.revisions


def requirements(node: Node, what: str) -> list[tuple[str, str, str, list[str]]]:
    """Return the requirements of the selectors of a webhook or policy: (selector, key, operator, values).

    `what` names the webhook or field that has the selectors. Raises BadShape for what is not a selector.
    """
    return _requirements(node, what, "namespaceSelector") + _requirements(node, what, "objectSelector")


def _requirements(node: Node, what: str, selector: str) -> list[tuple[str, str, str, list[str]]]:
    try:
        labels = mapping(node, f"{selector}/matchLabels")
        found = [
            (selector, key_text(key), "In", [text(value)])
            for key, value in (entries(labels) if labels is not None else ())
        ]
        for item in items(node, f"{selector}/matchExpressions"):
            values = [text(value) for value in items(item, "values")]
            found.append((selector, text(item, "key"), text(item, "operator"), values))
    except BadShape as error:
        raise BadShape(f"{selector} of {what}", "is not a label selector", error.node) from None
    return found


def refuse_stock_labels(
    resource: Resource, mesh: Profile, what: str, node: Node, rewritten: tuple[str, str] = ("", "")
) -> None:
    """Refuse selectors that select a label of a stock mesh: `istio-injection=enabled`, or a revision of another mesh.

    Requirements that only exclude such a label are accepted. `what` names the webhook or field that has the selectors,
    and `rewritten` is the selector and key that are not checked, since the caller rewrites the value.
    """
    for selector, key, operator, values in requirements(node, what):
        if key not in (INJECTION_LABEL, REVISION_LABEL) or (selector, key) == rewritten:
            continue
        own = mesh.injection_label if key == INJECTION_LABEL else mesh.revision
        if operator == "Exists":
            found = f"every {key} in its {selector}, so it matches other meshes too"
        elif operator == "In" and key == INJECTION_LABEL and "enabled" in values:
            found = f'{key}="enabled" in its {selector}, which a stock mesh injects'
        elif operator == "In" and key == REVISION_LABEL and not all(is_own_revision(one, mesh) for one in values):
            foreign = next(one for one in values if not is_own_revision(one, mesh))
            found = f'{key}="{foreign}" in its {selector}, which is not a revision of mesh {mesh.name}'
        else:
            continue
        raise resource.error(
            f"{what} selects {found}",
            f"Require {key}={own} instead. If it does not belong to this mesh, "
            f"install it apart from the charts of mesh {mesh.name}.",
        )


def is_misplaced_filter(resource: Resource) -> bool:
    """Return whether this is a telemetry filter that the charts of Istio 1.6 to 1.8 put into istio-system."""
    return (
        resource.kind == "EnvoyFilter"
        and resource.namespace == "istio-system"
        and resource.name.startswith(_TELEMETRY_FILTERS)
    )

"""Recognise what several rules ask about: shared charts, webhook configurations of Istio 1.5, stock EnvoyFilters."""

from __future__ import annotations

from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTOR_CONFIGURATION,
    REVISION_LABEL,
    chart_of_name,
    galley_configuration,
    injector_configuration,
)
from multimesh.yamltext.fieldpath import is_sequence, text, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile

#: Validators of the whole cluster, which become the mesh's own (rules revision and validation-scope).
DEFAULT_VALIDATOR = "istiod-default-validator"
DEFAULT_POLICY = "stable-channel-default-policy.istio.io"

#: What to do about a stream that was rewritten for another mesh.
RENDER_AGAIN = "Render the stock chart anew, and pipe it through one profile only."

#: How the telemetry filters of the charts are called (istio 1.6.0 to 1.8.6,
#: manifests/charts/istio-control/istio-discovery/templates/telemetryv2_*.yaml).
_TELEMETRY_FILTERS = (
    "metadata-exchange-", "tcp-metadata-exchange-", "stats-filter-", "tcp-stats-filter-", "stackdriver-filter-",
    "tcp-stackdriver-filter-",
)  # fmt: skip


def shared_chart(resource: Resource) -> str:
    """Return the chart that an object belongs to if a cluster has that chart only once; empty otherwise.

    One of istio-init, istio-cni, ztunnel, istio-operator.
    """
    if resource.component is None:
        resource.component = _shared_chart(resource)  # Three rules ask.
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
    for _, node in resource.containers():
        if text(node, "name") in ("install-cni", "repair-cni"):
            return "istio-cni"
        args = value(node, "args")
        if args is not None and is_sequence(args) and "ztunnel" in [item.value for item in args.value]:
            return "ztunnel"
    return ""


def is_injector(resource: Resource, mesh: Profile) -> bool:
    """Return whether this is the MutatingWebhookConfiguration of Istio 1.5, stock or rewritten.

    Its name says so, whatever its entries call: later control planes find theirs by the label of a revision.
    """
    return (
        resource.kind == "MutatingWebhookConfiguration"
        and resource.name in (INJECTOR_CONFIGURATION, injector_configuration(mesh))
        and REVISION_LABEL not in resource.labels()
    )


def is_galley(resource: Resource, mesh: Profile) -> bool:
    """Return whether this is the ValidatingWebhookConfiguration of Istio 1.5, stock or rewritten."""
    return (
        resource.kind == "ValidatingWebhookConfiguration"
        and resource.name in (GALLEY_CONFIGURATION, galley_configuration(mesh))
        and REVISION_LABEL not in resource.labels()
    )


def is_misplaced_filter(resource: Resource) -> bool:
    """Return whether this is a telemetry filter that the charts of Istio 1.6 to 1.8 put into istio-system."""
    return (
        resource.kind == "EnvoyFilter"
        and resource.namespace == "istio-system"
        and resource.name.startswith(_TELEMETRY_FILTERS)
    )

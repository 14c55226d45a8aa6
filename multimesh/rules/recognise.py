"""Recognise what several rules need to know: shared charts, webhook configurations of Istio 1.5, stock EnvoyFilters."""

from __future__ import annotations

from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTOR_CONFIGURATION,
    REVISION_LABEL,
    SHARED_CHARTS,
    galley_configuration,
    injector_configuration,
)
from multimesh.yamltext.fieldpath import is_sequence, text, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile

#: The stock validators of the whole cluster, which become validators of the mesh (rules revision and validation-scope).
DEFAULT_VALIDATOR = "istiod-default-validator"
DEFAULT_POLICY = "stable-channel-default-policy.istio.io"

#: What to do about a stream that was rewritten for another mesh.
RENDER_AGAIN = "Render the stock chart again, and pipe it through one profile only."

#: Kinds of which an object belongs to a shared chart if its name begins with the name of the chart.
_NAMED_AFTER_CHART = frozenset((
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment", "Namespace",
    "NetworkAttachmentDefinition", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "Service", "ServiceAccount",
))  # fmt: skip

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
    name, kind = resource.name, resource.kind
    if (kind == "Job" and name.startswith("istio-init-")) or (kind == "ConfigMap" and name.startswith("istio-crd-")):
        return "istio-init"
    labels = resource.labels()
    app = labels.get("app.kubernetes.io/name")
    if labels.get("k8s-app") in ("istio-cni-node", "istio-cni-repair") or "istio-cni" in (labels.get("app"), app):
        return "istio-cni"
    if "ztunnel" in (labels.get("app"), app):
        return "ztunnel"
    if kind in _NAMED_AFTER_CHART:
        for chart in SHARED_CHARTS:
            if name == chart or name.startswith(f"{chart}-"):
                return chart
    return _by_container(resource) if kind in ("DaemonSet", "Deployment") else ""


def _by_container(resource: Resource) -> str:
    """Return the shared chart whose program runs in the pods: from Istio 1.25 on, users can choose ztunnel's name."""
    for _, node in resource.containers():
        if text(node, "name") in ("install-cni", "repair-cni"):
            return "istio-cni"
        args = value(node, "args")
        if is_sequence(args) and "ztunnel" in [item.value for item in args.value]:
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


def is_misplaced_filter(resource: Resource) -> bool:
    """Return whether this is a telemetry filter that the charts of Istio 1.6 to 1.8 put into istio-system."""
    return (
        resource.kind == "EnvoyFilter"
        and resource.namespace == "istio-system"
        and resource.name.startswith(_TELEMETRY_FILTERS)
    )

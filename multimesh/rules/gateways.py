"""Give the gateways of the Istio 1.5 chart a name of their own.

    -  name: istio-ingressgateway
    +  name: istio-affirmed-ingressgateway

They are namespaced and would not collide, but whoever sees `istio-ingressgateway` in a log, a metric or a dashboard of
the cluster wants to know whose it is. The rename is complete or not at all: ServiceAccount, Service, Deployment, its
environment and volumes, HorizontalPodAutoscaler, PodDisruptionBudget, roles, the chart's own Gateways and
EnvoyFilters, `ingressService`, the injector's values, the performance dashboard. TLS secrets are now called
`istio-affirmed-ingressgateway-certs`. The label `istio: ingressgateway` stays, so Gateways of users still bind.

A gateway of this chart is told by the object's own labels `chart` and `heritage`. From Istio 1.6 on a gateway's name
is the user's own choice and never changes. `gateways: keep` leaves all of them as they are, and a name in `keepNames`
leaves all of that one gateway.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import flags_of, hits, variables
from multimesh.mesh.names import GATEWAYS, gateway, gateway_family, occurrences
from multimesh.rules.concern import has_word, name_is, name_starts
from multimesh.yamltext.fieldpath import BadShape, entries, find, get, is_mapping, is_scalar, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.edits import Editor
    from multimesh.yamltext.nodes import MappingNode, Node

ID = "gateways"
_GATEWAY = (has_word("gateway"),)

READS: Reads = {
    "ServiceAccount": _GATEWAY,
    "Service": _GATEWAY,
    "PodDisruptionBudget": _GATEWAY,
    "HorizontalPodAutoscaler": _GATEWAY,
    "Deployment": _GATEWAY,
    "Role": _GATEWAY,
    "RoleBinding": _GATEWAY,
    "Gateway": _GATEWAY,
    "EnvoyFilter": _GATEWAY,
    "ConfigMap": (
        name_starts("istio-grafana-configuration-dashboards", "gateway"),
        name_starts("istio-sidecar-injector"),
        name_is("istio", "ingressService"),
    ),
}

#: Fields that hold a name of a gateway's family, by kind. Reference: istio 1.5.0, charts/gateways/templates.
FIELDS: dict[str, tuple[str, ...]] = {
    "ServiceAccount": ("metadata/name", "metadata/labels/app"),
    "Service": ("metadata/name", "metadata/labels/app", "spec/selector/app"),
    "PodDisruptionBudget": ("metadata/name", "metadata/labels/app", "spec/selector/matchLabels/app"),
    "HorizontalPodAutoscaler": ("metadata/name", "metadata/labels/app", "spec/scaleTargetRef/name"),
    "Deployment": (
        "metadata/name",
        "metadata/labels/app",
        "spec/selector/matchLabels/app",
        "spec/template/metadata/labels/app",
        "spec/template/spec/serviceAccountName",
        "spec/template/spec/serviceAccount",
    ),
    "Role": ("metadata/name",),
    "RoleBinding": ("metadata/name", "roleRef/name"),
    "Gateway": ("spec/selector/app",),
    "EnvoyFilter": ("spec/workloadSelector/labels/app",),
}

#: The same in lists.
LISTS = {"Deployment": "spec/template/spec/volumes/*/secret/secretName", "RoleBinding": "subjects/*/name"}

#: The flag of container istio-proxy that names the workload.
_SERVICE_CLUSTER = "--serviceCluster"

#: Environment variables of container istio-proxy that name the workload.
VARIABLES = ("ISTIO_META_WORKLOAD_NAME", "ISTIO_META_OWNER", "ISTIO_METAJSON_LABELS")

#: In the injector's values, below `gateways/NAME`: fields that hold a name of the family.
VALUES_FIELDS = ("labels/app", "secretVolumes/*/secretName")
_VALUES_KEYS = {key: rest for key, _, rest in (path.partition("/") for path in VALUES_FIELDS)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rename every name of a gateway's family in one resource."""
    if not mesh.rename_gateways or not _is_of_chart(resource):
        return
    if resource.kind == "ConfigMap":
        _plan_texts(resource, mesh)
        return
    found = [(path, resource.get(path)) for path in FIELDS.get(resource.kind, ())]
    if resource.kind in LISTS:
        found += resource.find(LISTS[resource.kind])
    for path, node in found:
        if node is not None:
            resource.rewrite(node, gateway_family(text(node), mesh), path)
    if resource.kind == "Deployment":
        for path, node in resource.containers():
            if text(node, "name") == "istio-proxy":
                _plan_container(resource, mesh, path, node)


def _is_of_chart(resource: Resource) -> bool:
    labels = resource.labels()
    if "chart" in labels and "heritage" in labels:
        return True
    # The roles for gateway secrets are the only objects of the 1.5 chart without labels; later charts label them,
    # and the chart `gateway` (1.12 to 1.20), which labels no role, calls its own like the release.
    return resource.kind in ("Role", "RoleBinding") and not labels and resource.name.endswith("-sds")


def _plan_container(resource: Resource, mesh: Profile, path: str, node: MappingNode) -> None:
    flags = flags_of(path, node)
    if flags is not None:
        for cluster, holder, holds_name in hits(path, flags, _SERVICE_CLUSTER):
            new = gateway(cluster, mesh)
            at = f"{flags.path_of(holder)}/{_SERVICE_CLUSTER}"
            resource.rewrite(holder, f"{_SERVICE_CLUSTER}={new}" if holds_name else new, at)
    for name, (at, item) in variables(path, node, *VARIABLES).items():
        value = get(item, "value")
        if value is None:
            continue
        if not is_scalar(value):
            raise BadShape(f"{at}/value", "is no text", value)
        if name == "ISTIO_METAJSON_LABELS":
            inner = resource.inside(value, f"{at}/value")
            for root in inner.text.roots:
                _rename(mesh, inner, root, "app")
        else:
            # kubernetes://apis/apps/v1/namespaces/NAMESPACE/deployments/NAME, or the name alone
            before, slash, last = text(value).rpartition("/")
            resource.rewrite(value, before + slash + gateway(last, mesh), f"{at}/value")


def _plan_texts(resource: Resource, mesh: Profile) -> None:
    if resource.name == "istio":
        found = resource.embedded("data/mesh")
        for root in found.text.roots if found is not None else ():
            node = get(root, "ingressService") if is_mapping(root) else None
            if found is not None and node is not None:
                found.rewrite(node, gateway(text(node), mesh), "data/mesh/ingressService")
    elif resource.name == "istio-sidecar-injector":
        node = resource.get("data/values")
        if node is not None:
            _plan_values(resource, mesh, node)
    elif resource.name.startswith("istio-grafana-configuration-dashboards"):
        for path, node in resource.find("data/*"):
            _plan_words(resource, mesh, node, path)


def _rename(mesh: Profile, inner: Editor, root: Node, path: str, within: str = "") -> None:
    """Rename every name of a gateway's family at a path below a node of an embedded text, which stands at `within`."""
    for at, found in find(root, path):
        inner.rewrite(found, gateway_family(text(found), mesh), within + at)


def _plan_values(resource: Resource, mesh: Profile, node: Node) -> None:
    """Rename the gateways that the injector's values hold and enable; the others do not exist."""
    inner = resource.inside(node, "data/values")
    spans = _members(inner.source)
    if spans is not None:
        _plan_members(mesh, inner, spans)
        return
    found = next((get(root, "gateways") for root in inner.text.roots if is_mapping(root)), None)
    for key, values in entries(found, "gateways") if is_mapping(found) else ():
        if key.value in GATEWAYS and is_mapping(values) and _is_on(values):
            inner.rewrite(key, gateway(key.value, mesh), f"gateways/{key.value}")
            for path in VALUES_FIELDS:
                _rename(mesh, inner, values, path, f"gateways/{key.value}/")


def _is_on(values: Node) -> bool:
    """Tell a gateway that is enabled, by whatever word Go takes for true. Raises BadShape for what is no word."""
    from multimesh.yamltext.plain import scalar

    enabled = get(values, "enabled")
    return text(values, "enabled") != "" and is_scalar(enabled) and str(scalar(enabled)).lower() == "true"


def _members(values: str) -> list[tuple[int, int, str, str]] | None:
    """Return the names of gateways that are on, and those of their fields that hold more names; None in doubt.

    Each is a span, the path from there to the names, which is empty for the gateway's own, and the path of the span.
    Values of a gateway that is off, and most of one that is on, are no business of this rule.
    """
    # Imported here: the C module _json takes 0.03 of the bare interpreter; charts without an injector do not need it.
    from multimesh.yamltext.jsontext import end, members

    top = members(values, 0, "gateways")
    found = members(values, top["gateways"], *GATEWAYS, whole=True) if top else None
    if found is None:
        return None
    spans = []
    for name, at in found.items():
        fields = members(values, at, "enabled", *_VALUES_KEYS)
        if fields is None:
            return None
        if "enabled" not in fields:
            continue
        place = fields.pop("enabled")
        switch = values[place : end(values, place)].strip('"')
        # JSON knows two words, and what is none of them could be one to YAML.
        if switch not in ("true", "false"):
            return None
        if switch == "false":
            continue
        start = values.rindex(name, 0, at)
        spans.append((start, start + len(name), "", f"gateways/{name}"))
        for key, place in fields.items():
            spans.append((place, end(values, place), _VALUES_KEYS[key], f"gateways/{name}/{key}"))
    return None if any(stop < 0 for _, stop, _, _ in spans) else spans


def _plan_members(mesh: Profile, inner: Editor, spans: list[tuple[int, int, str, str]]) -> None:
    for start, last, rest, path in spans:
        if not rest:
            inner.replace_span(start, last, gateway(inner.source[start:last], mesh), path)
            continue
        part = inner.inside_span(start, last)
        try:
            fields = find(part.text.roots[0], rest)
        except BadShape as error:
            raise BadShape(f"{path}/{error.path}".rstrip("/"), error.what, error.node) from None
        for field, node in fields:
            if not is_scalar(node):
                raise BadShape(f"{path}/{field}", "is no text", node)
            part.rewrite(node, gateway_family(text(node), mesh), f"{path}/{field}")


def _plan_words(resource: Resource, mesh: Profile, node: Node, path: str) -> None:
    """Rename gateways inside a text that is not read any further: a query, an owner's URL."""
    inner = resource.inside_words(node)
    if inner is None:
        return
    for name in GATEWAYS:
        for start in occurrences(inner.source, name):
            inner.replace_span(start, start + len(name), gateway(name, mesh), path)

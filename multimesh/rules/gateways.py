"""Give the gateways of the Istio 1.5 chart a name of their own.

    -  name: istio-ingressgateway
    +  name: istio-affirmed-ingressgateway

They are namespaced, so their names would not collide. But `istio-ingressgateway` in a log, a metric or a dashboard of
the cluster must show which mesh it belongs to. Everything that has the name is renamed, or nothing: ServiceAccount,
Service, Deployment with its environment and volumes, HorizontalPodAutoscaler, PodDisruptionBudget, roles, the Gateways
and EnvoyFilters of the chart, `ingressService`, the injector's values, the performance dashboard. TLS secrets are then
called `istio-affirmed-ingressgateway-certs`. The label `istio: ingressgateway` stays, so Gateways of users still select
it.

A gateway of this chart is recognised by the object's own labels `chart` and `heritage`. From Istio 1.6 on the name of a
gateway is the user's own choice and never changes. `gateways: keep` keeps all names, and a name in `keepNames` keeps
all names of that gateway.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import flag, variables, words_of
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
        name_is("istio-sidecar-injector"),
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
#: The first step of each of these paths, and the rest.
_VALUES_KEYS = {key: rest for key, _, rest in (path.partition("/") for path in VALUES_FIELDS)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rename every name of a gateway's family in one resource."""
    if not mesh.rename_gateways or not _is_of_chart(resource):
        return
    if resource.kind == "ConfigMap":
        _plan_texts(resource, mesh)
        return
    found = [(path, resource.get(path)) for path in FIELDS[resource.kind]]
    if resource.kind in LISTS:
        found += resource.find(LISTS[resource.kind])
    for path, node in found:
        if node is not None:
            resource.rewrite(node, gateway_family(text(node, at=path), mesh), path)
    if resource.kind == "Deployment":
        for path, container in resource.containers():
            if text(container, "name") == "istio-proxy":
                _plan_container(resource, mesh, path, container)


def _is_of_chart(resource: Resource) -> bool:
    labels = resource.labels()
    if "chart" in labels and "heritage" in labels:
        return True
    # The roles for gateway secrets are the only objects of the 1.5 chart without labels; later charts label them,
    # and the chart `gateway` (1.12 to 1.20), which labels no role, calls its own like the release.
    return resource.kind in ("Role", "RoleBinding") and not labels and resource.name.endswith("-sds")


def _plan_container(resource: Resource, mesh: Profile, path: str, node: MappingNode) -> None:
    found = words_of(path, node)
    cluster = flag(found[0], found[1], _SERVICE_CLUSTER) if found is not None else None
    if found is not None and cluster is not None:
        new = gateway(cluster[0], mesh)
        new = f"{_SERVICE_CLUSTER}={new}" if cluster[2] else new
        resource.rewrite(cluster[1], new, f"{found[0]}/{_SERVICE_CLUSTER}")
    for name, (at, item) in variables(path, node, *VARIABLES).items():
        value = get(item, "value")
        at += "/value"
        if value is None:
            continue
        if name == "ISTIO_METAJSON_LABELS":
            inner = resource.inside(value, at)
            for root in inner.text.roots:
                _rename(mesh, inner, root, "app", f"{at}/")
        else:
            # kubernetes://apis/apps/v1/namespaces/NAMESPACE/deployments/NAME, or the name alone
            before, slash, last = text(value, at=at).rpartition("/")
            resource.rewrite(value, before + slash + gateway(last, mesh), at)


def _plan_texts(resource: Resource, mesh: Profile) -> None:
    """Rename gateways in the texts of a ConfigMap."""
    if resource.name == "istio":
        found = resource.embedded("data/mesh")
        if found is not None:
            for root in found.text.roots:
                _rename(mesh, found, root, "ingressService", "data/mesh/")
    elif resource.name == "istio-sidecar-injector":
        found = resource.embedded("data/values")
        if found is not None:
            _plan_values(mesh, found)
    else:
        for path, node in resource.find("data/*"):
            _plan_words(resource, mesh, node, path)


def _rename(mesh: Profile, inner: Editor, root: Node, path: str, within: str) -> None:
    """Rename every name of a gateway's family at a path below a node of a text; the path of the node is `within`."""
    try:
        found = find(root, path)
    except BadShape as error:
        raise BadShape(f"{within}{error.path}".rstrip("/"), error.what, error.node) from None
    for at, node in found:
        inner.rewrite(node, gateway_family(text(node, at=within + at), mesh), within + at)


def _plan_values(mesh: Profile, inner: Editor) -> None:
    """Rename the gateways that the injector's values contain and enable; the others do not exist."""
    spans = _spans(inner.source)
    if spans is not None:
        _plan_spans(mesh, inner, spans)
        return
    found = next((get(root, "gateways") for root in inner.text.roots if is_mapping(root)), None)
    for key, values in entries(found, "gateways") if is_mapping(found) else ():
        if key.value in GATEWAYS and is_mapping(values) and _is_enabled(values):
            inner.rewrite(key, gateway(key.value, mesh), f"gateways/{key.value}")
            for path in VALUES_FIELDS:
                _rename(mesh, inner, values, path, f"gateways/{key.value}/")


def _is_enabled(values: MappingNode) -> bool:
    """Return whether a gateway is enabled, by any word that means true to Go. Raises BadShape for what is not text."""
    from multimesh.yamltext.plain import scalar

    enabled = get(values, "enabled")
    if enabled is None:
        return False
    if not is_scalar(enabled):
        raise BadShape("enabled", "is not text", enabled)
    # Raises BadShape for Base64, also if the decoded value is not "true".
    text(enabled, at="enabled")
    return str(scalar(enabled)).lower() == "true"


def _spans(values: str) -> list[tuple[int, int, str, str]] | None:
    """Return the spans of JSON values that name a gateway which is enabled; None if they may not be JSON.

    A span is the gateway's own name, or the value of a field that contains names. Each comes with the path from there
    to the names, which is empty for the gateway's own, and with its own path. All other values are not parsed.
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
        # JSON has two words for it. Another one could mean true or false in YAML.
        if switch not in ("true", "false"):
            return None
        if switch == "false":
            continue
        start = values.rindex(name, 0, at)
        spans.append((start, start + len(name), "", f"gateways/{name}"))
        for key, place in fields.items():
            spans.append((place, end(values, place), _VALUES_KEYS[key], f"gateways/{name}/{key}"))
    return spans


def _plan_spans(mesh: Profile, inner: Editor, spans: list[tuple[int, int, str, str]]) -> None:
    for start, stop, rest, path in spans:
        if rest:
            field = inner.inside_span(start, stop)
            _rename(mesh, field, field.text.roots[0], rest, f"{path}/")
        else:
            inner.replace_span(start, stop, gateway(inner.source[start:stop], mesh), path)


def _plan_words(resource: Resource, mesh: Profile, node: Node, path: str) -> None:
    """Rename gateways in a text that is not parsed: a query, the URL of an owner."""
    inner = resource.inside_words(node)
    if inner is None:
        return
    for name in GATEWAYS:
        for start in occurrences(inner.source, name):
            inner.replace_span(start, start + len(name), gateway(name, mesh), path)

"""Compare the mesh configuration with the profile, and set its root namespace.

`rootNamespace` is where a control plane looks for resources that concern all its namespaces. Charts up to 1.16 leave it
empty or write `istio-system`, so two meshes would share one root, or use that of another mesh.

    -    rootNamespace: null
    +    rootNamespace: istio-affirmed

A mesh configuration that says nothing is refused, since its root namespace is `istio-system` too; so are keys in the
other spelling that control planes read, such as `root_namespace`.
Values that contradict the profile are refused: another `rootNamespace`, another `global.istioNamespace` or `revision`
in the injector's values, and `discoverySelectors` that leave out the namespaces of this mesh. Without
discoverySelectors, or with an empty list, a control plane reads the whole cluster; `check` warns of it.

Charts since 1.26 write `gatewayClasses` into a ConfigMap for each class. One for the class `istio` has no effect on
Gateways of this mesh, whose class is `istio-affirmed` with the values of `multimesh values`; the report says so.
"""

from __future__ import annotations

from multimesh.mesh.names import MESH_LABEL
from multimesh.rules.concern import DataKey, name_is, name_starts
from multimesh.yamltext.fieldpath import BadShape, entry, get, is_mapping, is_null, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.edits import Editor, Text
    from multimesh.yamltext.nodes import MappingNode

ID = "mesh-config"

#: Label of a ConfigMap with changes to what is made for Gateways of a class
#: (istio 1.30.3, istio-discovery/templates/gateway-class-configmap.yaml).
_DEFAULTS = "gateway.istio.io/defaults-for-class"

#: Keys that rules read, by the other spelling that a control plane accepts: that of the protocol buffer
#: (golang/protobuf and gogo/protobuf, jsonpb, consumeField).
_SPELLINGS = {
    "root_namespace": "rootNamespace",
    "discovery_selectors": "discoverySelectors",
    "ingress_service": "ingressService",
}

READS: Reads = {
    "ConfigMap": (
        name_is("istio"), (b"istio-", DataKey(b"mesh")), name_starts("istio-sidecar-injector"),
        name_starts("istio-", _DEFAULTS),
    ),
}  # fmt: skip


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the root namespace; refuse what contradicts the profile."""
    _plan_meshes(resource, mesh)
    if resource.name.startswith("istio-sidecar-injector"):
        found = resource.embedded("data/values")
        if found is not None:
            _check_values(resource, mesh, found.text)
    # Labels of another shape concern this rule only where they may have this key, also with escapes: those of `data`,
    # which this rule may write, do not count.
    metadata = resource.get("metadata")
    may_have = _DEFAULTS in resource.own_text() or (
        metadata is not None and "\\" in resource.source[metadata.start_mark.index : metadata.end_mark.index]
    )
    if may_have and resource.labels().get(_DEFAULTS) == "istio":
        resource.notice(
            "gateway-class", "warning", f"{resource.title} changes Gateways of the class istio, not istio-{mesh.name}",
            f"Write gatewayClasses.istio-{mesh.name} instead of gatewayClasses.istio, unless this mesh keeps the class "
            "istio.",
        )  # fmt: skip


def _plan_meshes(resource: Resource, mesh: Profile) -> None:
    found = resource.embedded("data/mesh")
    is_empty = True
    if found is not None:
        for root in found.text.roots:
            if is_mapping(root):
                is_empty = False
                _plan_mesh(resource, mesh, found, root)
            elif not is_null(root):
                raise BadShape("data/mesh", "is not a mapping", root)
    # The revision is in the name; any other ConfigMap may belong to another program.
    if is_empty and resource.name in ("istio", *[f"istio-{revision}" for revision in mesh.revisions]):
        _refuse_empty(resource, mesh)


def _refuse_empty(resource: Resource, mesh: Profile) -> None:
    """Refuse a ConfigMap of a control plane with a mesh configuration that says nothing, or is null."""
    data = resource.get("data")
    if data is not None and is_mapping(data) and entry(data, "mesh") is not None:
        raise resource.error(
            f'data/mesh is empty, so the root namespace is "istio-system", and not "{mesh.namespace}"',
            f"Render the chart with --set meshConfig.rootNamespace={mesh.namespace}.",
            values={"meshConfig.rootNamespace": mesh.namespace},
        )


def _plan_mesh(resource: Resource, mesh: Profile, inner: Editor, root: MappingNode) -> None:
    for other, key in _SPELLINGS.items():
        if entry(root, other) is not None:
            raise resource.error(
                f'data/mesh has the key "{other}", which control planes read, and no rule does',
                f"Write {key} instead.",
            )
    path = "data/mesh/rootNamespace"
    found = entry(root, "rootNamespace")
    if found is None or is_null(found[1]):
        inner.put(root, "rootNamespace", mesh.namespace, path)
    elif text(found[1], at=path) not in (mesh.namespace, "istio-system", ""):
        raise resource.error(
            f'{path} is "{text(found[1])}", but mesh {mesh.name} has the root namespace "{mesh.namespace}"',
            f"Render the chart with --set meshConfig.rootNamespace={mesh.namespace} and "
            f"--set global.istioNamespace={mesh.namespace}.",
            values={"meshConfig.rootNamespace": mesh.namespace, "global.istioNamespace": mesh.namespace},
        )
    else:
        inner.rewrite(found[1], mesh.namespace, path)
    _check_selectors(resource, mesh, root)


def _check_selectors(resource: Resource, mesh: Profile, root: MappingNode) -> None:
    found = get(root, "discoverySelectors")
    if found is None or (is_sequence(found) and not found.value):
        return  # Istio discovers all namespaces (1.30.3 pkg/kube/namespace/filter.go).
    from multimesh.kubernetes.selectors import matches, read

    path = "data/mesh/discoverySelectors"
    if not is_sequence(found):
        raise BadShape(path, "is not a list", found)
    selectors = [read(item, path) for item in found.value if not is_null(item)]
    if not any(matches(selector, {MESH_LABEL: mesh.name}) for selector in selectors):
        raise resource.error(
            f"data/mesh/discoverySelectors leave out the namespaces of mesh {mesh.name}",
            f"Render the chart with --set-json 'meshConfig.discoverySelectors="
            f'[{{"matchLabels":{{"{MESH_LABEL}":"{mesh.name}"}}}}]\' (\'multimesh values\' writes it).',
            values={"meshConfig.discoverySelectors": [{"matchLabels": {MESH_LABEL: mesh.name}}]},
        )


def _check_values(resource: Resource, mesh: Profile, values: Text) -> None:
    """Refuse injector values of another revision or namespace; those of the 1.5 chart have no `revision`."""
    # They are 40 KB, so to look for the key in them by the scanner takes 0.05 of the bare interpreter.
    if "revision" not in values.text and "\\" not in values.text:
        return
    revision = _value(values, "revision")
    if revision is None:
        return
    if revision not in mesh.revisions:
        raise resource.error(
            f'data/values has revision "{revision}", but mesh {mesh.name} has {", ".join(mesh.revisions)}',
            f"Render the chart with --set revision={mesh.revision}.",
            values={"revision": mesh.revision},
        )
    namespace = _value(values, "global", "istioNamespace")
    if namespace not in (None, mesh.namespace, "null"):
        raise resource.error(
            f'data/values has global.istioNamespace "{namespace}", but the control plane of mesh {mesh.name} is in '
            f'"{mesh.namespace}"',
            f"Render the chart with --set global.istioNamespace={mesh.namespace}.",
            values={"global.istioNamespace": mesh.namespace},
        )


def _value(values: Text, *keys: str) -> str | None:
    """Return the text at a path of keys in the injector's values; None where it is absent."""
    # Imported here: the C module _json takes 0.03 of the bare interpreter; charts without an injector do not need it.
    from multimesh.yamltext.jsontext import end, members

    at = 0
    for key in keys:
        found = members(values.text, at, key)
        if found is None:
            return _parsed_value(values, *keys)
        if not found:
            return None
        at = found[key]
    stop = end(values.text, at)
    if stop < 0 or "\\" in values.text[at:stop]:
        return _parsed_value(values, *keys)
    return values.text[at:stop].strip('"')


def _parsed_value(values: Text, *keys: str) -> str | None:
    """Return the same from the parsed text, which takes longer: it need not be JSON."""
    node = values.roots[0] if values.roots else None
    for key in keys:
        found = entry(node, key) if is_mapping(node) else None
        if found is None:
            return None
        node = found[1]
    if node is not None and is_null(node):
        return "null"
    return text(node, at=f"data/values/{'/'.join(keys)}")

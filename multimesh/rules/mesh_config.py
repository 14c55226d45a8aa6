"""Hold the mesh configuration against the profile.

`rootNamespace` is where a control plane looks for resources that concern all its namespaces. Charts up to 1.16 leave it
empty or write `istio-system`, so two meshes would share one root, or somebody else's.

    -    rootNamespace: null
    +    rootNamespace: istio-affirmed

Values that contradict the profile are refused: another `rootNamespace`, another `global.istioNamespace` or `revision`
in the injector's values, and `discoverySelectors` that leave out this mesh's namespaces. If there are no
discoverySelectors, the report says so: such a control plane reads the whole cluster.
"""

from __future__ import annotations

from multimesh.mesh.names import MESH_LABEL
from multimesh.rules.concern import DataKey, name_is, name_starts
from multimesh.yamltext.fieldpath import BadShape, entry, get, is_mapping, is_null, is_scalar, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.edits import Editor, Text
    from multimesh.yamltext.nodes import MappingNode

ID = "mesh-config"
READS: Reads = {
    "ConfigMap": (name_is("istio"), (b"istio-", DataKey(b"mesh")), name_starts("istio-sidecar-injector")),
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the root namespace; refuse what contradicts the profile."""
    if resource.name == "istio" or resource.name.startswith("istio-"):
        found = resource.embedded("data/mesh")
        for root in found.text.roots if found is not None else ():
            if found is not None and is_mapping(root):
                _plan_mesh(resource, mesh, found, root)
            elif not is_null(root):
                raise BadShape("data/mesh", "is no mapping", root)
    if resource.name.startswith("istio-sidecar-injector"):
        found = resource.embedded("data/values")
        if found is not None:
            _check_values(resource, mesh, found.text)


def _plan_mesh(resource: Resource, mesh: Profile, inner: Editor, root: MappingNode) -> None:
    path = "data/mesh/rootNamespace"
    found = entry(root, "rootNamespace")
    if found is None or (is_null(found[1]) and not found[1].value):
        inner.put(root, "rootNamespace", mesh.namespace, path)
    elif is_null(found[1]):
        inner.replace(found[1], mesh.namespace, path)
    elif text(found[1]) not in (mesh.namespace, "istio-system", ""):
        raise resource.error(
            f'{path} is "{text(found[1])}", but mesh {mesh.name} has its root in "{mesh.namespace}"',
            f"Render the chart with --set meshConfig.rootNamespace={mesh.namespace} and "
            f"--set global.istioNamespace={mesh.namespace}.",
            values={"meshConfig.rootNamespace": mesh.namespace, "global.istioNamespace": mesh.namespace},
        )
    elif is_scalar(found[1]):
        inner.rewrite(found[1], mesh.namespace, path)
    _check_selectors(resource, mesh, root)


def _check_selectors(resource: Resource, mesh: Profile, root: MappingNode) -> None:
    found = get(root, "discoverySelectors")
    if found is None:
        return
    from multimesh.kubernetes.selectors import matches, read

    path = "data/mesh/discoverySelectors"
    if not is_sequence(found):
        raise BadShape(path, "is no list", found)
    selectors = [read(item, path) for item in found.value if not is_null(item)]
    if not any(matches(selector, {MESH_LABEL: mesh.name}) for selector in selectors):
        raise resource.error(
            f"data/mesh/discoverySelectors leave out the namespaces of mesh {mesh.name}",
            f"Render the chart with --set-json 'meshConfig.discoverySelectors="
            f'[{{"matchLabels":{{"{MESH_LABEL}":"{mesh.name}"}}}}]\' (\'multimesh values\' writes it).',
            values={"meshConfig.discoverySelectors": [{"matchLabels": {MESH_LABEL: mesh.name}}]},
        )


def _check_values(resource: Resource, mesh: Profile, values: Text) -> None:
    """Refuse injector values of another revision or namespace; the 1.5 chart has no `revision` there."""
    # Imported here: the C module _json takes 0.03 of the bare interpreter; charts without an injector do not need it.
    from multimesh.yamltext.jsontext import members

    # An escape could hide letters of the key from a search, but not from the scanner of JSON.
    absent = "revision" not in values.text and ("\\" not in values.text or members(values.text, 0, "revision") == {})
    revision = None if absent else _value(values, "revision")
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
            f'data/values has global.istioNamespace "{namespace}", but the control plane of mesh {mesh.name} lives in '
            f'"{mesh.namespace}"',
            f"Render the chart with --set global.istioNamespace={mesh.namespace}.",
            values={"global.istioNamespace": mesh.namespace},
        )


def _value(values: Text, *keys: str) -> str | None:
    """Return the text at a path of keys in the injector's values; None where it is absent.

    Only where they are not JSON, or the root does not have the first key, are they parsed as YAML.
    """
    from multimesh.yamltext.jsontext import end, members

    at = 0
    for key in keys:
        found = members(values.text, at, key)
        if found is None or (not found and key == keys[0]):
            break
        if not found:
            return None
        at = found[key]
    else:
        stop = end(values.text, at)
        if stop >= 0 and values.text.find("\\", at, stop) < 0:
            return values.text[at:stop].strip('"')
    parent = values.roots[0] if values.roots else None
    for key in keys[:-1]:
        parent = get(parent, key)
    last = entry(parent, keys[-1]) if parent is not None and is_mapping(parent) else None
    return None if last is None else "null" if is_null(last[1]) else text(last[1])

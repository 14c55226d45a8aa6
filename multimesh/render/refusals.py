"""Join the refusals of one stream: each with its place, then the profile keys and Helm values that accept them.

Only a stream that is refused imports this.
"""

from __future__ import annotations

import json

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import SOURCE
from multimesh.rules.recognise import RENDER_AGAIN, render_in
from multimesh.yamltext.fieldpath import BadShape, refusal
from multimesh.yamltext.line import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile

#: More refusals than this are counted, but not printed: a message must stay readable.
MAX_PRINTED = 1000


def add(refusals: list[MultimeshError], resource: Resource, error: BadShape | MultimeshError, stock: bytes) -> None:
    """Append the error with which a rule refused a resource, unless another rule said the same of it."""
    said = refusal(resource.where, error, resource.rule) if isinstance(error, BadShape) else error
    # A name that grew too long does not know its resource.
    found = MultimeshError(said.where or resource.where, said.what, said.hint, said.rule or resource.rule)
    found.keys, found.values = said.keys, said.values
    if any((other.where, other.what) == (found.where, found.what) for other in refusals[-3:]):
        return
    if found.values:
        _prefix(found, _subcharts(_template(resource, stock)))
    refusals.append(found)


def together(refusals: list[MultimeshError], stock: bytes, mesh: Profile) -> MultimeshError:
    """Return one error for all refusals of a stream: a single one as it is, several with a block to paste."""
    first = refusals[0]
    advice = _advice(refusals, stock, mesh)
    if len(refusals) == 1:
        first.hint += f"\n{advice}" if advice else ""
        return first
    first.others = refusals[1:MAX_PRINTED]
    first.summary = _summary(refusals, mesh, advice)
    return first


def _advice(refusals: list[MultimeshError], stock: bytes, mesh: Profile) -> str:
    """Return what else to do where kinds or names are refused in a chart that has nothing to do with Istio."""
    if all(error.rule != "cluster-scoped-names" for error in refusals):
        return ""
    if b"istio" in stock.lower().replace(mesh.namespace.encode(), b""):
        return ""
    return (
        "Nothing in this stream mentions Istio: "
        "install a chart that has nothing to do with Istio without the post-renderer."
    )


# Paths of values in a chart with dependencies.


def _template(resource: Resource, stock: bytes) -> str:
    """Return the path of the template that a resource comes from, as Helm writes it; empty if it is not known."""
    try:
        if found := resource.template():
            return found
    except BadShape:
        pass
    if resource.sequence is not None and isinstance(resource.text.line, Line):
        # The text may be one item of a List, which has the comment.
        start = stock.rfind(SOURCE.encode(), 0, resource.text.line.offset)
        if start >= 0:
            end = stock.find(b"\n", start)
            return stock[start + len(SOURCE) : end].decode("utf-8", "replace").strip()
    return ""


def _subcharts(template: str) -> list[str]:
    """Return the dependencies that lead to a template, from the outside to the inside.

    >>> _subcharts("company/charts/istiod/templates/deployment.yaml"), _subcharts("istiod/templates/deployment.yaml")
    (['istiod'], [])
    """
    steps = template.partition("/templates/")[0].split("/")
    found = []
    for at in range(1, len(steps) - 1, 2):
        if steps[at] != "charts":
            break
        found.append(steps[at + 1])
    return found


def _prefix(error: MultimeshError, subcharts: list[str]) -> None:
    """Put the names of the dependencies before the paths of values; those of `global` are the same everywhere."""
    values = {}
    for path, value in error.values.items():
        names = list(subcharts)
        # In the chart of Istio 1.5 the injector is a dependency, and its values are written with its name.
        if names[-1:] == ["sidecarInjectorWebhook"] and path.startswith("sidecarInjectorWebhook."):
            names.pop()
        full = path if path.startswith("global.") else ".".join([*names, path])
        for flag in ("--set ", "--set-json '"):
            error.hint = error.hint.replace(f"{flag}{path}=", f"{flag}{full}=")
        values[full] = value
    error.values = values


# The block to paste.


def _summary(refusals: list[MultimeshError], mesh: Profile, advice: str) -> str:
    if any(error.hint == RENDER_AGAIN for error in refusals):
        return f"multimesh: {len(refusals)} refusals\n  {RENDER_AGAIN}"
    # What is refused for another reason may follow from the namespace, so the profile must not accept it yet.
    is_misplaced = any(error.hint == render_in(mesh) for error in refusals)
    keys = {} if is_misplaced else _keys(refusals, mesh)
    values = _values(refusals)
    helped = sum(bool(error.values or (error.keys and not is_misplaced)) for error in refusals)
    lines = [f"multimesh: {len(refusals)} refusals"]
    if len(refusals) > MAX_PRINTED:
        lines[0] += f", of which the first {MAX_PRINTED} are printed"
    if helped:
        lines[0] += f"; {'all' if helped == len(refusals) else helped} of them would be accepted with:"
    if keys:
        lines.append(f"# In {mesh.where}, in place of the same keys below spec:")
        lines += [f"{key}: {json.dumps(items)}" for key, items in keys.items()]
    if "workloadNamespaces" in keys:
        lines.append(f"# If a namespace is not of mesh {mesh.name}, render the chart with -n {mesh.namespace} instead.")
    if "renameNames" in keys:
        lines.append("# A name in renameNames gets the suffix of the mesh. If meshes share it, move it to keepNames.")
    if values:
        place = f", rendered with -n {mesh.namespace}" if "global" in values else ""
        lines.append(f"# In one more file of values of the Helm release{place}:")
        lines += [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    if is_misplaced:
        lines.append("# The control plane is in another namespace. Others of these refusals may follow from that.")
    if advice:
        lines.append(f"# {advice}")
    return "\n  ".join(lines)


def _keys(refusals: list[MultimeshError], mesh: Profile) -> dict[str, list[str]]:
    """Return what lists of the profile would hold: what they hold now, and what accepts the refusals."""
    now = {
        "workloadNamespaces": mesh.workload_namespaces,
        "keepNames": sorted(mesh.keep_names, key=lambda item: (mesh.line("spec.keepNames", item), item)),
        "renameNames": sorted(mesh.rename_names, key=lambda item: (mesh.line("spec.renameNames", item), item)),
        "foreignSubjects": sorted(mesh.foreign_subjects),
    }
    found = {}
    for key, held in now.items():
        wanted = [error.keys[key] for error in refusals if key in error.keys]
        if wanted:
            found[key] = list(dict.fromkeys([*held, *wanted]))
    return found


def _values(refusals: list[MultimeshError]) -> dict[str, object]:
    """Return the Helm values of all refusals as a tree; lists of the same path are joined."""
    tree: dict[str, object] = {}
    for error in refusals:
        for path, value in error.values.items():
            parent = tree
            *above, last = path.split(".")
            for step in above:
                below = parent.setdefault(step, {})
                if not isinstance(below, dict):
                    break
                parent = below
            else:
                held = parent.get(last)
                if isinstance(held, list) and isinstance(value, list):
                    held += [item for item in value if item not in held]
                elif last not in parent:
                    parent[last] = list(value) if isinstance(value, list) else value
    return tree

"""Field paths such as `spec/template/spec/containers/[name=galley]/command`, from a node to the nodes they name.

A step is a key, `[key=value]` for the items of a list with that field, or `*` for all items of a list and all values
of a mapping. A slash inside a key is written `~1`, as in JSON Pointer.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.yamltext.nodes import BINARY_TAG, NULLS, is_mapping, is_merge, is_null, is_scalar, is_sequence

#: What reads nodes imports all of this from here.
__all__ = (
    "BadShape", "bases", "entries", "entry", "find", "get", "is_mapping", "is_null", "is_scalar", "is_sequence",
    "items", "mapping",
    "refusal", "steps", "text", "value",
)  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.nodes import MappingNode, Node

#: Paths and their steps. There are a few dozen paths, and each is applied to most documents.
_STEPS: dict[str, tuple[str, ...]] = {}


class BadShape(Exception):
    """A field has an unexpected type; the caller that knows the resource makes a message of it.

    `path` is the field path, `what` continues a sentence that begins with it, and `node` is the culprit.
    """

    def __init__(self, path: str, what: str, node: Node) -> None:
        super().__init__(path, what, node)
        self.path = path
        self.what = what
        self.node = node


def refusal(where: str, error: BadShape, rule: str) -> MultimeshError:
    """Return the message for a shape that no rule knows. `where` names the resource."""
    return MultimeshError(
        where,
        f"{error.path} {error.what}, which no rule knows".lstrip(),
        "Left as it is, a stock name could slip through. Compare the chart with the stock one, or report its version.",
        rule,
    )


# One mapping: all other functions find the value of a key by `entry`. Merge keys are resolved as by go-yaml v2.4.4
# (decode.go, merge): a merge key applies where it is written, so that it overrides what precedes it.


def entry(mapping: MappingNode, key: str, path: str = "") -> tuple[Node, Node] | None:
    """Return key node and value node of one entry of a mapping; None where it is absent.

    Entries of a merge key (`<<: *base`) are returned as well, but can only be read: they are written elsewhere.
    Raises BadShape for a key that is written twice, since Go's reader takes the last one and other readers the first,
    and for a key that a merge key after it overrides.
    """
    found = None
    has_merge = False
    for pair in mapping.value:
        name = pair[0].value
        if name == key and pair[0].id == "scalar":
            if found is not None:
                raise BadShape(path or key, f'"{key}" is written twice in one mapping', pair[0])
            found = pair
        elif name == "<<" and is_merge(pair[0]):
            has_merge = True
    return _merged_entry(mapping, key, path) if has_merge else found


def _merged_entry(mapping: MappingNode, key: str, path: str) -> tuple[Node, Node] | None:
    """Return the entry that Go's reader takes: the last one, of the mapping's own and those of its merge keys."""
    found = own = None
    for pair in mapping.value:
        if not is_merge(pair[0]):
            if pair[0].id == "scalar" and pair[0].value == key:
                found = own = pair
            continue
        for base in bases(pair[1]):
            merged = entry(base, key, path)
            if merged is None:
                continue
            if own is not None:
                raise BadShape(path or key, f'is overridden by the merge key "<<" after "{key}"', pair[0])
            found = merged
            break
    return found


def bases(merged: Node) -> list[MappingNode]:
    """Return the mappings that a merge key brings in; earlier ones of a list have precedence."""
    return [base for base in (merged.value if is_sequence(merged) else [merged]) if is_mapping(base)]


def entries(mapping: MappingNode, path: str = "") -> list[tuple[Node, Node]]:
    """Return the entries of a mapping, those of merge keys included, as `entry` finds each of them.

    Raises BadShape for a key that is not a scalar, and where `entry` does.
    """
    if not any(is_merge(key) for key, _ in mapping.value):
        return mapping.value
    keys = _keys(mapping, path)
    found = [entry(mapping, key, path) for key in keys]
    return [pair for pair in found if pair is not None]


def _keys(mapping: MappingNode, path: str) -> dict[str, None]:
    """Return all keys of a mapping in their order, those of merge keys included."""
    keys: dict[str, None] = {}
    for key, child in mapping.value:
        if is_merge(key):
            for base in bases(child):
                keys.update(_keys(base, path))
        elif is_scalar(key):
            keys[key.value] = None
        else:
            raise BadShape(path, "has a key that is not text", key)
    return keys


def value(mapping: MappingNode, key: str, path: str = "") -> Node | None:
    """Return the value node of a key; None where it is absent or null."""
    found = entry(mapping, key, path)
    node = None if found is None else found[1]
    return None if node is None or (node.id == "scalar" and node.value in NULLS and is_null(node)) else node


def _is_empty(node: Node) -> bool:
    """Return whether a node is an empty scalar where a list or mapping is expected: null, or `''`."""
    return node.id == "scalar" and (not node.value or is_null(node))


# Paths of keys, to one node.


def steps(path: str) -> tuple[str, ...]:
    """Return the steps of a path, `~1` replaced by slashes."""
    parts = path.split("/")
    found = _STEPS[path] = tuple([step.replace("~1", "/") for step in parts] if "~1" in path else parts)
    return found


def get(node: Node | None, path: str) -> Node | None:
    """Return the node at a path of keys; None where a part of the path is absent or null.

    Raises BadShape where a part of the path is not a mapping.
    """
    for number, step in enumerate(_STEPS.get(path) or steps(path)):
        if node is None:
            return None
        if node.id != "mapping":
            if _is_empty(node):
                return None
            raise BadShape("/".join(path.split("/")[:number]), "is not a mapping", node)
        try:
            found = entry(node, step)
        except BadShape as error:
            raise BadShape("/".join(path.split("/")[: number + 1]), error.what, error.node) from None
        if found is None:
            return None
        node = found[1]
    # This runs for every value that is read, so the tests that most values fail come before the call.
    return None if node is None or (node.id == "scalar" and node.value in NULLS and is_null(node)) else node


def text(node: Node | None, path: str = "", at: str = "") -> str:
    """Return the text of the scalar at a path; empty where it is absent or null. Raises BadShape for any other node.

    `at` is the field path that the error names, if it is longer than `path`.
    """
    found = get(node, path) if path else node
    if found is None:
        return ""
    if found.id != "scalar":
        raise BadShape(at or path, "is not text", found)
    if found.tag == BINARY_TAG:
        raise BadShape(at or path, f'is "{found.value}" in Base64', found)
    return "" if not path and found.value in NULLS and is_null(found) else found.value


def mapping(node: Node | None, path: str) -> MappingNode | None:
    """Return the mapping at a path; None where it is absent or null. Raises BadShape for any other node."""
    found = get(node, path)
    if found is None or _is_empty(found):
        return None
    if not is_mapping(found):
        raise BadShape(path, "is not a mapping", found)
    return found


def items(node: Node | None, path: str) -> list[Node]:
    """Return the items of the list at a path; none where it is absent or null. Raises BadShape for any other node."""
    found = get(node, path)
    if found is None or _is_empty(found):
        return []
    if not is_sequence(found):
        raise BadShape(path, "is not a list", found)
    return list(found.value)


# Paths with `*` and `[key=value]`, to all nodes that they match.


def find(node: Node, path: str) -> list[tuple[str, Node]]:
    """Return every node that a path matches, each with its own path; an absent part yields nothing.

    Raises BadShape where a list or mapping is expected and something else is there.
    """
    found = [("", node)]
    for step in _STEPS.get(path) or steps(path):
        after: list[tuple[str, Node]] = []
        for at, parent in found:
            after += _step(at, parent, step)
        if not after:
            return after
        found = after
    return found


def _step(at: str, node: Node, step: str) -> list[tuple[str, Node]]:
    """Return the nodes one step below a node whose own path is `at`."""
    here = f"{at}/" if at else ""
    if node.id == "mapping" and step[0] != "[":
        if step == "*":
            return [(f"{here}{key.value}", child) for key, child in entries(node, at)]
        here += step.replace("/", "~1")
        child = value(node, step, here)
        return [] if child is None else [(here, child)]
    if _is_empty(node):
        return []
    if node.id == "sequence":
        if step == "*":
            return [(f"{here}{number}", child) for number, child in enumerate(node.value)]
        if step[0] == "[":
            key, _, wanted = step[1:-1].partition("=")
            return [
                (f"{here}{step}", child) for child in node.value if child.id == "mapping" and text(child, key) == wanted
            ]
    raise BadShape(at, "is not a list" if step[0] in "[*" else "is not a mapping", node)

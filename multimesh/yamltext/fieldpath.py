"""Field paths such as `spec/template/spec/containers/[name=galley]/command`, from a node to the nodes they name.

A step is a key, `[key=value]` for the items of a list with that field, or `*` for all items of a list and all values
of a mapping. Lists are walked through as kustomize does: a key step applied to a list is applied to each item.
A slash inside a key is written `~1`, as in JSON Pointer.
"""

from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode

#: The tag of text that Go decodes: whatever name it is, it does not stand there.
_BINARY = "tag:yaml.org,2002:binary"

#: How YAML 1.1 and Go write nothing.
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_NULL_TAGS = ("x", "tag:yaml.org,2002:null")

#: Paths and their steps. There are a few dozen paths, and each is walked in most documents.
_STEPS: "dict[str, tuple[str, ...]]" = {}


class BadShape(Exception):
    """A field has another shape than every rule knows; the caller knows the resource and says so."""

    def __init__(self, path: str, what: str, node: "Node") -> None:
        super().__init__(path, what, node)
        self.path = path
        self.what = what
        self.node = node


def is_mapping(node: object) -> bool:
    """Tell a mapping by its contents, since PyYAML's classes are imported only when something is parsed."""
    return getattr(node, "id", "") == "mapping"


def is_sequence(node: object) -> bool:
    """Tell a sequence."""
    return getattr(node, "id", "") == "sequence"


def is_scalar(node: object) -> bool:
    """Tell a scalar."""
    return getattr(node, "id", "") == "scalar"


def is_null(node: "Node") -> bool:
    """Tell a scalar that says nothing: absent text, `~` or `null` without quotes."""
    return node.id == "scalar" and not node.style and node.value in _NULLS and node.tag in _NULL_TAGS


def _is_empty(node: "Node") -> bool:
    """Tell a scalar that says nothing where a list or mapping is wanted: null, or empty in quotes."""
    return node.id == "scalar" and (not node.value or is_null(node))


def entry(mapping: "MappingNode", key: str, path: str = "") -> "tuple[ScalarNode, Node] | None":
    """Return key node and value node of one entry of a mapping; None where it is absent.

    A key that stands twice is refused: Go's reader takes the last, other readers the first.
    Entries that a merge key brings in (`<<: *base`) are found, but only to be read: their text stands elsewhere.
    """
    found = None
    merged = None
    for pair in mapping.value:
        name = pair[0].value
        if name == key and pair[0].id == "scalar":
            if found is not None:
                raise BadShape(path or key, f'"{key}" stands twice in one mapping', pair[0])
            found = pair
        elif name == "<<" and not pair[0].style:
            merged = pair[1]
    if found is None and merged is not None:
        for base in merged.value if is_sequence(merged) else [merged]:
            if is_mapping(base) and found is None:
                found = entry(base, key, path)
    return found


def value(mapping: "Node", key: str, path: str = "") -> "Node | None":
    """Return the value node of a key; None where it is absent or null."""
    found = entry(mapping, key, path)
    node = None if found is None else found[1]
    return None if node is None or (node.id == "scalar" and node.value in _NULLS and is_null(node)) else node


def steps(path: str) -> "tuple[str, ...]":
    """Return the steps of a path, slashes inside keys written out."""
    parts = path.split("/")
    found = _STEPS[path] = tuple([step.replace("~1", "/") for step in parts] if "~1" in path else parts)
    return found


def get(node: "Node | None", path: str) -> "Node | None":
    """Return the one node at a path of keys; None where a part of the path is absent or null.

    Raises BadShape where a part of the path is no mapping.
    """
    for number, step in enumerate(_STEPS.get(path) or steps(path)):
        if node is None:
            return None
        if node.id != "mapping":
            if _is_empty(node):
                return None
            raise BadShape("/".join(path.split("/")[:number]), "is no mapping", node)
        try:
            found = entry(node, step)
        except BadShape as error:
            raise BadShape("/".join(path.split("/")[: number + 1]), error.what, error.node) from None
        if found is None:
            return None
        node = found[1]
    # Asked for every value that is read, so what most of them are not is seen before anything is called.
    if node is None or (node.id == "scalar" and node.value in _NULLS and is_null(node)):
        return None
    return node


def text(node: "Node | None", path: str = "") -> str:
    """Return the text of the scalar at a path; empty where it is absent or null.

    Raises BadShape where something else than a scalar is there.
    """
    found = get(node, path) if path else node
    if found is None:
        return ""
    if found.id != "scalar":
        raise BadShape(path, "is no text", found)
    if found.tag == _BINARY:
        raise BadShape(path, f'is "{found.value}" in Base64', found)
    return "" if not path and found.value in _NULLS and is_null(found) else found.value


def mapping(node: "Node | None", path: str) -> "MappingNode | None":
    """Return the mapping at a path; None where it is absent or null. Raises BadShape for any other shape."""
    found = get(node, path)
    if found is None or _is_empty(found):
        return None
    if not is_mapping(found):
        raise BadShape(path, "is no mapping", found)
    return found


def items(node: "Node | None", path: str) -> "list[Node]":
    """Return the items of the list at a path; none where it is absent or null. Raises BadShape for any other shape."""
    found = get(node, path)
    if found is None or _is_empty(found):
        return []
    if not is_sequence(found):
        raise BadShape(path, "is no list", found)
    return list(found.value)


def find(node: "Node", path: str) -> "list[tuple[str, Node]]":
    """Return every node that a path with steps `*` and `[key=value]` names, each with its own path.

    An absent part yields nothing. Raises BadShape where a list or mapping is expected and something else is there.
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


def _step(at: str, node: "Node", step: str) -> "list[tuple[str, Node]]":
    """Take one step from one node, whose own path is `at`."""
    here = f"{at}/" if at else ""
    form = node.id
    if form == "mapping" and step[0] != "[":
        if step == "*":
            return [(f"{here}{key.value}", child) for key, child in node.value]
        here += step.replace("/", "~1")
        child = value(node, step, here)
        return [] if child is None else [(here, child)]
    if _is_empty(node):
        return []
    if form == "sequence":
        if step == "*":
            return [(f"{here}{number}", child) for number, child in enumerate(node.value)]
        if step[0] == "[":
            key, _, wanted = step[1:-1].partition("=")
            return [
                (f"{here}{step}", child) for child in node.value if child.id == "mapping" and text(child, key) == wanted
            ]
        return [found for number, child in enumerate(node.value) for found in _step(f"{here}{number}", child, step)]
    raise BadShape(at, "is no list" if step[0] in "[*" else "is no mapping", node)


def refusal(where: str, error: BadShape, rule: str) -> MultimeshError:
    """Turn a shape that no rule knows into the message for it."""
    return MultimeshError(
        where,
        f"{error.path} {error.what}, which no rule knows".lstrip(),
        "Left as it is, a stock name could slip through. Compare the chart with the stock one, or report its version.",
        rule,
    )

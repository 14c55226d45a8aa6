"""Limits of a document: how deeply it is nested, and how much aliases multiply it."""

from __future__ import annotations

from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.line import Line
    from multimesh.yamltext.nodes import Node

#: No resource of Kubernetes is nested this deeply. From some ten thousand levels on, libyaml's composer, which recurses
#: in C, would overflow the stack.
MAX_DEPTH = 1000

#: Aliases may multiply a document to at most this many nodes. go-yaml has a similar limit (decode.go, alias ratio).
MAX_NODES = 2_000_000


def remedy(where: str) -> str:
    """Return what to do about YAML that cannot be parsed, in the file of that name."""
    if where == "<stdin>":
        return "Look at what 'helm template' prints at this line."
    return "Correct it at this line."


def too_deep(where: str) -> MultimeshError:
    """Return the error for a document that is nested too deeply."""
    return MultimeshError(
        where,
        f"a document is nested deeper than {MAX_DEPTH} levels",
        "No Kubernetes resource is. Look at what 'helm template' prints.",
    )


def may_nest(text: str) -> bool:
    """Return whether a text could be nested deeper than `MAX_DEPTH`; false for nearly every text, and never wrongly."""
    if len(text) <= 5 * MAX_DEPTH:
        return False
    # Without these characters there is no nesting. CPython counts a single byte fastest by removing it (memchr).
    data = text.encode("utf-8", "replace")
    signs = sum(len(data) - len(data.replace(sign, b"")) for sign in (b"[", b"{", b"-", b"?"))
    if signs <= 5 * MAX_DEPTH and len(text) <= 8 * MAX_DEPTH * MAX_DEPTH:
        return False
    if text.count("[") + text.count("{") > 5 * MAX_DEPTH:
        return True
    # Block collections nest on one line, or each line is indented further than the one above.
    nests = text.count("- ") + text.count("? ") > 5 * MAX_DEPTH
    if nests and any(line.count("- ") + line.count("? ") > 100 for line in text.splitlines()):
        return True
    return len(text) > 8 * MAX_DEPTH * MAX_DEPTH and " " * (4 * MAX_DEPTH) in text


def check_depth(reader: Any, where: str) -> None:
    """Refuse a text that is nested deeper than `MAX_DEPTH`, by reading its events, which needs no recursion.

    `reader` is a fresh loader; what it raises for text that is not YAML passes through.
    """
    depth = 0
    while True:
        event = reader.get_event()
        # Without the rest of PyYAML an event is its name: multimesh/yamltext/parser.py.
        name = event if type(event) is str else type(event).__name__
        if name.endswith(("SequenceStartEvent", "MappingStartEvent")):
            depth += 1
            if depth > MAX_DEPTH:
                raise too_deep(where)
        elif name.endswith(("SequenceEndEvent", "MappingEndEvent")):
            depth -= 1
        elif name == "StreamEndEvent":
            return


def check_size(root: Node, where: str, line: int | Line) -> None:
    """Refuse a document that aliases multiply to more than `MAX_NODES` nodes, or that contains itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Node) -> int:
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            raise refused(node, "an alias points to the node that contains it")
        open_nodes.add(id(node))
        total = 1
        if node.id == "mapping":
            for key, value in node.value:
                total += size(key) + size(value)
        elif node.id == "sequence":
            for item in node.value:
                total += size(item)
        open_nodes.discard(id(node))
        if total > MAX_NODES:
            raise refused(node, f"aliases multiply this document to more than {MAX_NODES:,} values")
        sizes[id(node)] = total
        return total

    def refused(node: Node, what: str) -> MultimeshError:
        return MultimeshError(f"{where}:{line + node.start_mark.line}", what, remedy(where))

    size(root)

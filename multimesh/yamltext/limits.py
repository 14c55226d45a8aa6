"""Limits of a text that is parsed: its size, the number and depth of its values, and what aliases make of it.

Nodes take up to 124 times the memory of their text. With these limits, parsing never takes more than 500 MB.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from multimesh.yamltext.line import Line
    from multimesh.yamltext.nodes import Node

#: No resource of Kubernetes is nested this deeply. From some ten thousand levels on, libyaml's composer, which recurses
#: in C, would overflow the stack.
MAX_DEPTH = 1000

#: A text that is parsed has at most this many characters, and this many values.
MAX_SIZE = 16 << 20
MAX_VALUES = 1_000_000

#: A shorter text cannot take much memory, so that its values are not counted.
_MIN_COUNTED = 1 << 20

#: All texts inside one text that can be parsed have at most this many characters. A ConfigMap can hold half of it
#: (Kubernetes 1.35, pkg/apis/core/types.go, MaxSecretSize).
MAX_EMBEDDED = 2 << 20

#: Aliases may multiply a document to at most this many nodes. go-yaml has a similar limit (decode.go, alias ratio).
MAX_NODES = 2_000_000


#: What to do about a document that is too large.
SPLIT = "Divide it into smaller documents. Kubernetes stores no object of this size."


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


def check_extent(make: Any, text: str, where: str, line: int | Line) -> None:
    """Refuse a text that is too long, has too many values, or is nested deeper than `MAX_DEPTH`.

    Long texts, and those that could be nested so deeply, are read as events first, which needs neither memory nor
    recursion. `make` is the class of loaders; what a loader raises for text that is not YAML passes through.
    """
    if len(text) > MAX_SIZE:
        raise too_large(where, line)
    if len(text) <= _MIN_COUNTED and not may_nest(text):
        return
    reader = make(text)
    depth = values = 0
    while True:
        event = reader.get_event()
        # Without the rest of PyYAML an event is its name: multimesh/yamltext/parser.py.
        name = event if type(event) is str else type(event).__name__
        if name == "StreamEndEvent":
            return
        if name.endswith("EndEvent"):
            depth -= 1
            continue
        values += 1
        if values > MAX_VALUES:
            raise MultimeshError(f"{where}:{line}", f"a document has more than {MAX_VALUES:,} values", SPLIT)
        if name.endswith("StartEvent"):
            depth += 1
            # A stream and a document are open around the values.
            if depth > MAX_DEPTH + 2:
                raise too_deep(where)


def too_large(where: str, line: int | Line) -> MultimeshError:
    """Return the error for a document that is too large to be parsed."""
    return MultimeshError(f"{where}:{line}", f"a document of more than {MAX_SIZE >> 20} MB cannot be parsed", SPLIT)


def check_embedded(size: int, where: Callable[[], str]) -> None:
    """Refuse texts inside one text that have more than `MAX_EMBEDDED` characters in all.

    `where` returns file and line, which only an error counts.
    """
    if size > MAX_EMBEDDED:
        raise MultimeshError(where(), f"texts of more than {MAX_EMBEDDED >> 20} MB inside a document", SPLIT)


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

"""What a document may not be: no YAML, nested beyond measure, multiplied by its aliases.

Nearly every document is seen to be harmless by one look, so this is loaded for the others only.
"""

from multimesh.errors import MultimeshError
from multimesh.yamltext.parser import MAX_DEPTH, LibyamlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.edits import Line
    from multimesh.yamltext.nodes import Node

#: Aliases may multiply a document at most to this many nodes. Go's YAML reader has a similar limit.
MAX_NODES = 2_000_000


def _remedy(where: str) -> str:
    if where == "<stdin>":
        return "Helm could not read it either. Look at what 'helm template' prints at this line."
    return "Correct it at this line."


def too_deep(where: str) -> MultimeshError:
    """Return the refusal of a document that is nested too deeply."""
    return MultimeshError(
        where,
        f"a document is nested deeper than {MAX_DEPTH} levels",
        "No Kubernetes resource is. Look at what 'helm template' prints.",
    )


def not_yaml(error: Exception, where: str, line: "int | Line") -> Exception:
    """Turn an error of PyYAML into ours; anything else is a mistake of this program and stays what it is."""
    context = mark = None
    if type(error) is LibyamlError and len(error.args) == 5:
        # What a reader error takes: yaml/reader.py.
        _, position, character, _, reason = error.args
        problem = f"{reason} (character {character!r} at position {position})"
    elif type(error) is LibyamlError and len(error.args) == 4:
        # What a marked error takes: yaml/error.py.
        context, context_mark, problem, problem_mark = error.args
        mark = problem_mark or context_mark
    elif type(error).__module__.split(".")[0] == "yaml" or isinstance(error, UnicodeError):
        context = getattr(error, "context", None)
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    else:
        return error
    at = f"{where}:{line + mark.line}" if mark is not None else where
    return MultimeshError(
        at,
        f"not YAML: {context + ': ' if context else ''}{problem}",
        _remedy(where),
    )


def check_depth(make: "Any", text: str, where: str, line: "int | Line") -> None:
    """Read the events of a text that could be nested deeply: the composer recurses in C and would overflow."""
    depth = 0
    try:
        reader = make(text)
        while True:
            event = reader.get_event()
            name = event if type(event) is str else type(event).__name__
            if name.endswith(("SequenceStartEvent", "MappingStartEvent")):
                depth += 1
                if depth > MAX_DEPTH:
                    raise too_deep(where)
            elif name.endswith(("SequenceEndEvent", "MappingEndEvent")):
                depth -= 1
            elif name == "StreamEndEvent":
                return
    except (MultimeshError, RecursionError):
        raise too_deep(where) from None
    except Exception as error:  # noqa: BLE001 - PyYAML raises what it likes; others are raised again
        raise not_yaml(error, where, line) from None


def check_size(root: "Node", where: str, line: "int | Line") -> None:
    """Refuse a document that aliases would multiply beyond `MAX_NODES`, or that contains itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: "Any") -> int:
        known = sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            raise MultimeshError(
                f"{where}:{line + node.start_mark.line}",
                "an alias points to the node that contains it",
                _remedy(where),
            )
        open_nodes.add(id(node))
        total = 1
        if type(node.value) is list:
            for child in node.value:
                total += size(child[0]) + size(child[1]) if type(child) is tuple else size(child)
        open_nodes.discard(id(node))
        if total > MAX_NODES:
            raise MultimeshError(
                f"{where}:{line + node.start_mark.line}",
                f"aliases multiply this document to more than {MAX_NODES:,} values",
                _remedy(where),
            )
        sizes[id(node)] = total
        return total

    size(root)

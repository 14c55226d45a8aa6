"""Write values as YAML, and entries and items into the collections of a text, in the style that these have."""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.yamltext.fieldpath import BadShape, entry
from multimesh.yamltext.nodes import is_merge, is_scalar, is_sequence
from multimesh.yamltext.scalars import BREAKS, escape, quoted, skip_properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from multimesh.yamltext.nodes import MappingNode, Node, SequenceNode
    from multimesh.yamltext.positions import Positions

    #: What can be written into a manifest: text, numbers, booleans, and lists and mappings of these.
    Value: TypeAlias = str | int | bool | list["Value"] | dict[str, "Value"]

    #: Start, end, the text that replaces it, and the depth of an insertion (see `Edit`).
    Span: TypeAlias = tuple[int, int, str, int]


# Values.


def flow(value: Value) -> str:
    """Return a value on one line, as JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{escape(key)}": {flow(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return f'"{escape(value)}"' if isinstance(value, str) else str(value).lower()


def one_line(value: Value) -> str:
    """Return a value on one line, text without quotes where that is safe."""
    return quoted(value, flow=True) if isinstance(value, str) else flow(value)


def block(value: Value, column: int, newline: str) -> str:
    """Return a value in block style. Its first line is written at `column`, without indentation of its own."""
    pad = newline + " " * column
    if isinstance(value, dict) and value:
        return pad.join(_block_entry(key, item, column, newline) for key, item in value.items())
    if isinstance(value, list) and value:
        return pad.join("- " + block(item, column + 2, newline) for item in value)
    return quoted(value) if isinstance(value, str) else flow(value)


def _block_entry(key: str, value: Value, column: int, newline: str) -> str:
    name = quoted(key)
    if isinstance(value, dict) and value:
        return f"{name}:{newline}{' ' * (column + 2)}{block(value, column + 2, newline)}"
    if isinstance(value, list) and value:
        return f"{name}:{newline}{' ' * column}{block(value, column, newline)}"
    return f"{name}: {block(value, column, newline)}"


# Values that several rules request for the same list or key. `path` and `rule` are those of the request, for errors.


def lacking(there: list[Value], items: list[Value], path: str, rule: str) -> list[Value]:
    """Return the items that a list lacks. Raises MultimeshError if it has one of the same name with another value."""
    found = [item for item in items if item not in there]
    for name in map(_name, found):
        if name and name in map(_name, there):
            raise MultimeshError(
                "",
                f'{path} would hold "{name}" twice, with different values',
                "A flag or variable that a rule sets must not be set in spec.flags of the profile as well.",
                rule,
            )
    return found


def _name(item: Value) -> str:
    """Return the name of a variable or flag; empty for any other item of a list."""
    if isinstance(item, dict):
        return str(item.get("name", ""))
    return item.partition("=")[0] if isinstance(item, str) and item.startswith("-") else ""


def joined(first: Value, second: Value, path: str, rule: str) -> Value:
    """Return one value for two requests. Raises MultimeshError where they contradict each other."""
    if isinstance(first, list) and isinstance(second, list):
        return first + lacking(first, second, path, rule)
    if isinstance(first, dict) and isinstance(second, dict):
        found = dict(first)
        for key, item in second.items():
            found[key] = joined(found[key], item, path, rule) if key in found else item
        return found
    if first == second:
        return first
    raise MultimeshError("", f"{path} would be {first!r} and {second!r} at once", "Report the chart version.", rule)


# Collections. Each function returns the spans that make the change; `path` is the field path for errors.


def replacement(at: Positions, node: Node, value: Value) -> Span:
    """Replace a node by a value."""
    if is_scalar(node) or node.flow_style:
        start, text = skip_properties(at.text, node.start_mark.index), one_line(value)
    else:
        start = at.start(node)
        text = block(value, at.column(start), at.newline(start))
    return start, at.end(node), text, 0


def appended(at: Positions, sequence: SequenceNode, values: list[Value], path: str) -> Span:
    """Append items to a list."""
    if sequence.flow_style or not sequence.value:
        return _into_flow(at, sequence, ", ".join(flow(value) for value in values), path)
    start = at.start(sequence)
    column, newline = at.column(start), at.newline(start)
    lines = (newline + " " * column).join("- " + block(value, column + 2, newline) for value in values)
    return _after(at, sequence, " " * column + lines, column, newline)


#: The depth of a value that follows its colon: what is inserted after the entry, at the same offset, follows it.
_FIRST = 1 << 30


def inserted(at: Positions, mapping: MappingNode, entries: dict[str, Value], path: str) -> list[Span]:
    """Insert entries that a mapping does not have, or whose value is null."""
    spans: list[Span] = []
    fresh: dict[str, Value] = {}
    for key, value in entries.items():
        found = entry(mapping, key, path)
        if found is None or not any(found[0] is own for own, _ in mapping.value):
            # Absent, or merged in (`<<`), which an entry of the mapping itself overrides.
            fresh[key] = value
        else:
            # The key has no value: it is written after the colon.
            start, end = found[1].start_mark.index, found[1].end_mark.index
            if start == end and at.text[found[0].end_mark.index : start].strip(" \t") != ":":
                raise BadShape(path, "has no colon", found[0])
            text = flow(value) if mapping.flow_style else one_line(value)
            spans.append((start, end, text if start < end else " " + text, _FIRST))
    if fresh and (mapping.flow_style or not mapping.value):
        spans.append(_into_flow(at, mapping, flow(fresh)[1:-1], path))
    elif fresh:
        start = at.start(mapping)
        column, newline = at.column(start), at.newline(start)
        lines = block(fresh, column, newline)
        if at.is_whole and at.ends_in_open_text(mapping):
            # Before the first key nothing may belong to the key, or, as a merge key can, override what precedes it.
            if at.text[at.line_start(start) : start].strip(" -") or any(is_merge(key) for key, _ in mapping.value):
                raise BadShape(path, "follows a text without a line break, which it would change", mapping)
            spans.append((start, start, f"{lines}{newline}{' ' * column}", 0))
        else:
            spans.append(_after(at, mapping, " " * column + lines, column, newline))
    return spans


def removed_entry(at: Positions, mapping: MappingNode, index: int, path: str) -> Span:
    """Remove an entry of a mapping, with its line and the comment on it."""
    key, _ = mapping.value[index]
    if any(at.is_explicit(near) for near, _ in mapping.value[index : index + 2]):
        raise BadShape(path, 'has a key after "?", or precedes one', key)
    if index and index + 1 == len(mapping.value) and _ends_explicitly(at, mapping.value[index - 1][1]):
        # The parser of Helm 4 may not find the end of such a value if what follows is less indented (kyaml 0.21).
        raise BadShape(path, 'follows a key after "?"', key)
    following = mapping.value[index + 1][0].start_mark.index if index + 1 < len(mapping.value) else None
    start, end = key.start_mark.index, at.child_end(mapping, index)
    if mapping.flow_style:
        if index:
            return at.child_end(mapping, index - 1), end, "", 0
        return start, mapping.end_mark.index - 1 if following is None else following, "", 0
    if len(mapping.value) == 1:
        return start, end, "{}", 0
    line = at.line_start(start)
    if at.text[line:start].strip(" "):
        # The line begins with the dash of the item that the mapping is.
        if following is None:
            raise BadShape(path, "is not at the beginning of its line", key)
        return start, following, "", 0
    return *at.whole_lines(line, at.after_line(end)), "", 0


def _ends_explicitly(at: Positions, node: Node) -> bool:
    """Return whether the last entry of a block collection, or of one at its end, has a key after `?`."""
    while not is_scalar(node) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple) and at.is_explicit(last[0]):
            return True
        node = last[1] if isinstance(last, tuple) else last
    return False


def removed_items(at: Positions, sequence: SequenceNode, indices: set[int]) -> dict[int, Span]:
    """Remove items of a list: from a block with their lines, from a flow list with one comma each.

    Returns spans by the index of an item. Items in a row of a flow list are removed by the span of the first.
    """
    if sequence.flow_style:
        return _removed_flow_items(at, sequence, indices)
    spans: dict[int, Span] = {}
    for index in indices:
        end = at.after_line(at.end(sequence.value[index]))
        dash = at.dash(sequence, index)
        start = at.line_start(dash)
        # A list without items would be null, and Kubernetes refuses a List whose items are null.
        empty = not index and len(indices) == len(sequence.value)
        if len(indices) == 1 and not empty:
            start, end = at.whole_lines(start, end)
        line = at.break_before(end) if at.text[end - 1] in BREAKS else ""
        spans[index] = start, end, f"{' ' * (dash - start + 1)}[]{line}" if empty else "", 0
    return spans


def _removed_flow_items(at: Positions, sequence: SequenceNode, indices: set[int]) -> dict[int, Span]:
    items = sequence.value
    spans: dict[int, Span] = {}
    for index in sorted(indices):
        if index - 1 in indices:
            continue
        last = next(number for number in range(index, len(items)) if number + 1 not in indices)
        if index:
            start, end = at.child_end(sequence, index - 1), at.child_end(sequence, last)
        elif last + 1 < len(items):
            start, end = items[0].start_mark.index, items[last + 1].start_mark.index
        else:
            start, end = items[0].start_mark.index, sequence.end_mark.index - 1
        spans[index] = start, end, "", 0
    return spans


def _after(at: Positions, node: MappingNode | SequenceNode, lines: str, column: int, newline: str) -> Span:
    """Insert whole lines after the last line of a block collection."""
    place = at.after_line(at.end(node))
    if place == len(at.text) and at.text[-1:] not in BREAKS:
        text = newline + lines
    else:
        # What follows keeps the break that it followed: to Helm, a document marker follows a line feed.
        text = lines + at.break_before(place)
    # A list may begin in the column of the mapping that holds it, and ends before the mapping does.
    return place, place, text, 2 * column + 1 + is_sequence(node)


def _into_flow(at: Positions, node: MappingNode | SequenceNode, text: str, path: str) -> Span:
    """Insert text before the closing bracket, after the last entry or item."""
    if at.text[node.end_mark.index - 1] not in "]}":
        raise BadShape(path, "is in a list without braces of its own", node)
    if not node.value:
        place = node.end_mark.index - 1
        return place, place, text, 0
    place = at.child_end(node, len(node.value) - 1)
    # After a colon without a value a comma could be part of the key.
    return place, place, (" , " if at.text[place - 1] in ":?" else ", ") + text, 0

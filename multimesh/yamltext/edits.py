"""Edits of one YAML text: planned against the original, applied in one place.

Rules never touch text. They ask for a scalar to be rewritten, an item to be appended, a key to be put or removed, and
this room turns each wish into the smallest span of text that says so in the document's own style. Wishes for the same
list or mapping are gathered and written in one go; two wishes for the same span that differ are an error.
"""

from multimesh.errors import MultimeshError
from multimesh.yamltext.fieldpath import BadShape, entry, is_mapping, is_null, is_scalar, is_sequence, refusal
from multimesh.yamltext.longtext import LARGE, outline
from multimesh.yamltext.parser import UNTAGGED, compose_all
from multimesh.yamltext.scalars import (
    BREAKS,
    escape,
    is_plain,
    quoted,
    rewritten,
    skip_properties,
    source_map,
    verbatim_places,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.longtext import LongData
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode, SequenceNode

    #: What may be put into a manifest: text, numbers, switches, and lists and mappings of these.
    Value = str | int | bool | list["Value"] | dict[str, "Value"]

_STRING_TAGS = (UNTAGGED, "!", "tag:yaml.org,2002:str")


class Line:
    """The number of a line in a stream or text, counted when somebody wants to read it, which is seldom."""

    __slots__ = ("_data", "_first", "_offset")

    #: The place that was counted to last, and the line feeds before it: a report asks for thousands, in their order.
    _counted: "tuple[bytes | str, int, int]" = (b"", 0, 0)

    def __init__(self, data: "bytes | str", offset: int, first: "int | Line" = 1) -> None:
        """Take the stream, a position in it, and the number of its first line."""
        self._data = data
        self._offset = offset
        self._first = first

    def __add__(self, lines: int) -> "Line":
        """Return a line further down."""
        return Line(self._data, self._offset, self._first + lines)

    def __sub__(self, lines: int) -> int:
        """Return the number of a line further up."""
        return int(self) - lines

    def __int__(self) -> int:
        """Count."""
        # A part of a text begins on a line of a text that begins on a line of the stream.
        first = int(self._first)
        data, at, feeds = Line._counted
        if data is not self._data or at > self._offset:
            at = feeds = 0
        if isinstance(self._data, bytes):
            feeds += self._data.count(b"\n", at, self._offset)
        else:
            feeds += self._data.count("\n", at, self._offset)
        Line._counted = self._data, self._offset, feeds
        return feeds + first

    def __str__(self) -> str:
        """Write the number."""
        return str(int(self))


class Edit:
    """One span of text, what takes its place, and why."""

    __slots__ = ("also", "depth", "end", "path", "rule", "start", "subject", "text")

    def __init__(self, start: int, end: int, text: str, subject: str, rule: str, path: str, depth: int = 0) -> None:
        """Replace `[start:end]` by `text`, for a rule, in the resource `subject` at a field path.

        Of several insertions at one place, the one with the greater `depth` (column) stands first.
        """
        self.start = start
        self.end = end
        self.text = text
        self.subject = subject
        self.rule = rule
        self.path = path
        self.depth = depth
        #: Rule and path of every further wish that this span grants, such as two items for the end of one list.
        self.also: tuple[tuple[str, str], ...] = ()

    @property
    def reasons(self) -> "tuple[tuple[str, str], ...]":
        """Rule and path of every wish that this span grants."""
        return ((self.rule, self.path), *self.also)

    def moved(self, start: int, end: int, text: str) -> "Edit":
        """Return the same edit for the text around an embedded document."""
        found = Edit(start, end, text, self.subject, self.rule, self.path, self.depth)
        found.also = self.also
        return found


class Text:
    """One YAML text, the nodes in it, and the edits planned for it.

    A text is a document of the stream, a whole stream that could not be cut safely, or a document embedded in a scalar
    of another text. Positions are code points.
    """

    def __init__(
        self, text: str, where: str = "<stdin>", line: "int | Line" = 1, data: "LongData | None" = None
    ) -> None:
        """Take the text, the name of its file, the line of the file where it begins, and what is known of its data."""
        self.text = text
        self.where = where
        self.line = line
        self._data = data
        self._roots: list[Node] | None = None
        self._edits: list[Edit] = []
        self._appended: dict[int, tuple[SequenceNode, list[Value], Edit]] = {}
        self._put: dict[int, tuple[MappingNode, dict[str, Value], Edit]] = {}
        self._dropped: dict[int, tuple[SequenceNode, dict[int, Edit]]] = {}
        self._embedded: dict[int, tuple[ScalarNode, Text]] = {}
        self._parts: list[tuple[int, Text, ScalarNode | None]] = []
        self._shared: set[int] | None = None

    @property
    def roots(self) -> "list[Node]":
        """The root nodes of all documents in this text. Raises MultimeshError for what is not YAML."""
        if self._roots is None:
            found = outline(self.text, self._data) if len(self.text) > LARGE else None
            self._roots = found or list(compose_all(self.text, self.where, self.line))
        return self._roots

    def newline(self, index: int) -> str:
        """Return the line break that ends the line of `index`; where it has none, that of the first line."""
        end = self._line_end(index)
        end = end if end < len(self.text) else self._line_end(0)
        if self.text[end : end + 2] == "\r\n":
            return "\r\n"
        return "\r" if self.text[end : end + 1] == "\r" else "\n"

    def at(self, node: "Node") -> str:
        """Return file and line of a node."""
        return f"{self.where}:{self.line + node.start_mark.line}"

    # What rules may wish for.

    def rewrite(self, node: "Node", new: "str | int", subject: str, rule: str, path: str) -> None:
        """Give a scalar another value; the same value is no edit.

        Raises BadShape for what is no scalar, is empty, or stands where an alias or tag decides its value.
        """
        if not is_scalar(node) or is_null(node):
            raise BadShape(path, "is no text", node)
        if node.value == str(new):
            return
        self._check_own(node, path)
        if node.tag not in _STRING_TAGS:
            raise BadShape(path, f'has the tag "{node.tag}"', node)
        start, end, text = rewritten(self.text, node, str(new))
        if type(new) is int:
            text = str(new)
        self._edits.append(Edit(start, end, text, subject, rule, path))

    def append(self, sequence: "SequenceNode", value: "Value", subject: str, rule: str, path: str) -> None:
        """Append one item to a list."""
        self._check_own(sequence, path)
        edit = Edit(0, 0, "", subject, rule, path)
        _, values, first = self._appended.setdefault(id(sequence), (sequence, [], edit))
        values += _lacking(values, [value], path, rule)
        _join(first, edit)

    def put(self, mapping: "MappingNode", key: str, value: "Value", subject: str, rule: str, path: str) -> None:
        """Put a key that is absent or null into a mapping; lists and mappings put twice are joined."""
        self._check_own(mapping, path)
        edit = Edit(0, 0, "", subject, rule, path)
        _, wishes, first = self._put.setdefault(id(mapping), (mapping, {}, edit))
        _join(first, edit)
        wishes[key] = _joined(wishes[key], value, path, rule) if key in wishes else value

    def remove(self, mapping: "MappingNode", key: str, subject: str, rule: str, path: str) -> None:
        """Remove one entry of a mapping, with its line and the comment on it."""
        found = entry(mapping, key, path)
        if found is not None:
            self._check_own(found[0], path)
            start, end, text = self._removal(mapping, [pair[0] for pair in mapping.value].index(found[0]), path)
            self._edits.append(Edit(start, end, text, subject, rule, path))

    def replace(self, node: "Node", value: "Value", subject: str, rule: str, path: str) -> None:
        """Replace a whole list or mapping."""
        self._check_own(node, path)
        if is_scalar(node) or node.flow_style:
            start, text = skip_properties(self.text, node.start_mark.index), _one_line(value)
        else:
            start = self._start(node)
            text = block(value, self._column(start), self.newline(start))
        self._edits.append(Edit(start, self._end(node), text, subject, rule, path))

    def drop(self, sequence: "SequenceNode", index: int, subject: str, rule: str) -> None:
        """Remove one item of a list, with its lines."""
        self._check_own(sequence, "items")
        self._check_own(sequence.value[index], "items")
        edit = Edit(0, 0, "", subject, rule, "items")
        self._dropped.setdefault(id(sequence), (sequence, {}))[1][index] = edit

    def drop_document(self, root: "Node", subject: str, rule: str) -> None:
        """Remove one document of several, from its directives or marker to the next one, or up to the `...` that ends it."""
        start = max(self.text.rfind(f"{sign}---", 0, root.start_mark.index) for sign in BREAKS) + 1
        while start and self.text.startswith("%", above := self._line_start(start - 1)):
            start = above
        found = [self.text.find(sign + mark, self._end(root) - 1) for sign in BREAKS for mark in ("---", "...")]
        end = min((at + 1 for at in found if at >= 0), default=len(self.text))
        end = self._next_line(end) if self.text.startswith("...", end) else end
        self._edits.append(Edit(start, end, "", subject, rule, ""))

    def embedded(self, node: "ScalarNode") -> "Text":
        """Return the text that a scalar holds, to be edited in its own right."""
        known = self._embedded.get(id(node))
        if known is None:
            # What a block scalar holds begins on the line behind its sign.
            line = self.line + node.start_mark.line + (node.style in ("|", ">"))
            known = (node, Text(node.value, self.where, line))
            self._embedded[id(node)] = known
        return known[1]

    def words(self, node: "Node") -> "Text | None":
        """Return the text in which single words of a scalar can be replaced, without reading it where that is possible."""
        if is_scalar(node) and self.text.startswith("'", node.start_mark.index):
            return self.part(node.start_mark.index + 1, node.end_mark.index - 1, node)
        return self.lines(node)

    def lines(self, node: "Node") -> "Text | None":
        """Return the text in which lines of a scalar can be edited, without reading it where they stand there, indented."""
        if not is_scalar(node):
            return None
        start, end = node.start_mark.index, node.end_mark.index
        if self.text[start : start + 1] == "|" and self.text.isascii() and "\r" not in self.text:
            return self.part(self._next_line(start), end, node)
        return self.embedded(node)

    def part(self, start: int, end: int, node: "ScalarNode | None" = None) -> "Text":
        """Return a stretch of this text to be edited in its own right: YAML by itself, or the inside of a scalar."""
        found = Text(self.text[start:end], self.where, Line(self.text, start, self.line))
        self._parts.append((start, found, node))
        return found

    def replace_span(self, start: int, end: int, new: str, subject: str, rule: str, path: str) -> None:
        """Replace a span of a text that is no YAML, such as a script."""
        self._edits.append(Edit(start, end, new, subject, rule, path))

    # How wishes become spans.

    def planned(self) -> list[Edit]:
        """Return all edits in the order of the text. Raises MultimeshError where two of them claim the same span."""
        edits = list(self._edits)
        for sequence, values, edit in self._appended.values():
            edits += self._append(sequence, values, edit)
        for mapping, wishes, edit in self._put.values():
            edits += self._insert(mapping, wishes, edit)
        for sequence, drops in self._dropped.values():
            edits += self._drop(sequence, drops)
        for node, child in self._embedded.values():
            edits += self._lifted(node, child)
        for start, part, within in self._parts:
            inside = part.planned()
            if inside and within is not None:
                self._check_lifted(within, inside[0])
            edits += [edit.moved(start + edit.start, start + edit.end, edit.text) for edit in inside]
        if len(edits) < 2:
            return edits
        edits.sort(key=lambda edit: (edit.start, edit.end, -edit.depth))
        kept: list[Edit] = []
        for edit in edits:
            last = kept[-1] if kept else None
            if last is not None and edit.start < last.end:
                if (edit.start, edit.end, edit.text) == (last.start, last.end, last.text):
                    continue
                raise self._overlap(last, edit)
            if last is not None and edit.start == last.start == edit.end == last.end and edit.depth == last.depth:
                raise self._overlap(last, edit)
            kept.append(edit)
        return kept

    def _overlap(self, first: Edit, second: Edit) -> MultimeshError:
        line = self.line + self.text.count("\n", 0, second.start)
        return MultimeshError(
            f"{self.where}:{line}: {second.subject}",
            f"{second.path} is claimed twice, by rule {first.rule} and by rule {second.rule}",
            "A flag that a rule sets must not be set in spec.flags of the profile as well. "
            "If the profile has no such flag, report the chart version.",
            second.rule,
        )

    def _check_own(self, node: "Node", path: str) -> None:
        """Refuse to edit what an alias shares: the edit would change every place that uses it."""
        if self._shared is None:
            self._shared = _shared(self.roots) if "*" in self.text and "&" in self.text else set()
        if self._shared and id(node) in self._shared:
            raise BadShape(path, "is shared by an alias, which cannot be edited in one place only", node)

    def _check_lifted(self, node: "ScalarNode", edit: Edit) -> None:
        """Refuse an edit inside a scalar that an alias shares; only now is it known that there is one."""
        try:
            self._check_own(node, edit.path)
        except BadShape as error:
            raise refusal(f"{self.at(node)}: {edit.subject}", error, edit.rule) from None

    def _end(self, node: "Node") -> int:
        """Return where the last character of a node's content ends, behind which only blanks and comments stand."""
        if is_scalar(node):
            return self._block_scalar_end(node) if node.style in ("|", ">") else int(node.end_mark.index)
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        return self._child_end(node, len(node.value) - 1)

    def _child_end(self, node: "MappingNode | SequenceNode", index: int) -> int:
        """Return where an entry or item ends; the marks of an alias are those of its anchor, so it is looked for."""
        child, before = node.value[index], node.start_mark.index
        if type(child) is tuple:
            before, child = child[0].end_mark.index, child[1]
        elif self._shared:
            for earlier in node.value[:index]:
                before = self._end(earlier) if earlier.start_mark.index >= before else self._alias_end(before)
        return self._end(child) if child.start_mark.index >= before else self._alias_end(before)

    def _alias_end(self, start: int) -> int:
        end = start
        while self.text[end] != "*":
            end = self._line_end(end) if self.text[end] == "#" else end + 1
        while self.text[end : end + 1] not in ("", " ", "\t", ",", "]", "}", *BREAKS):
            end += 1
        return end

    def _block_scalar_end(self, node: "ScalarNode") -> int:
        start: int = node.start_mark.index
        end: int = node.end_mark.index
        header = self.text[start : self._line_end(start)].split("#")[0]
        if "+" not in header:
            while end > start and self.text[end - 1] in " \t" + BREAKS:
                end -= 1
        return end

    def _line_end(self, index: int) -> int:
        """Return where the line of `index` ends, before its break."""
        end = self.text.find("\n", index)
        end = len(self.text) if end < 0 else end
        line = self.text[index:end]
        if line.isascii() and "\r" not in line:
            return max(end, index)
        while index < len(self.text) and self.text[index] not in BREAKS:
            index += 1
        return index

    def _next_line(self, index: int) -> int:
        """Return where the next line begins; the end of the text if `index` stands on the last one."""
        end = self._line_end(index)
        return end + (2 if self.text[end : end + 2] == "\r\n" else 1) if end < len(self.text) else end

    def _lines(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of whole lines that leaves with them: of a last line without a break, with the break above."""
        if end == len(self.text) and self.text[-1] not in BREAKS and start:
            start -= 2 if self.text[start - 2 : start] == "\r\n" else 1
        return start, end

    def _line_start(self, index: int) -> int:
        start = self.text.rfind("\n", 0, index) + 1
        line = self.text[start:index]
        if line.isascii() and "\r" not in line:
            return start
        while index > 0 and self.text[index - 1] not in BREAKS:
            index -= 1
        return index

    def _column(self, index: int) -> int:
        return index - self._line_start(index)

    def _start(self, node: "MappingNode | SequenceNode") -> int:
        """Return where a block collection itself begins: behind its anchor and tag, at the first key or dash."""
        start = node.start_mark.index
        first = node.value[0][0] if is_mapping(node) and node.value else None
        # The mark of an alias is that of its anchor, further up. Any other key begins behind what the mapping carries.
        if first is not None and first.start_mark.index >= start:
            return int(first.start_mark.index)
        after = skip_properties(self.text, start)
        while self.text[after : after + 1] == "#":
            after = self._next_line(after)
            while self.text[after : after + 1] == " ":
                after += 1
        return after

    def _behind(self, node: "Node", lines: str, column: int, edit: Edit, newline: str) -> Edit:
        """Insert whole lines behind the last line of a block collection."""
        end = self._end(node)
        place = end if end and self.text[end - 1] in BREAKS else self._next_line(end)
        found = edit.moved(place, place, lines + newline)
        if place == len(self.text) and self.text[-1:] not in BREAKS:
            found.text = newline + lines
        # A list may stand in the column of the mapping that holds it, and ends before that.
        found.depth = 2 * column + 1 + is_sequence(node)
        return found

    def _append(self, sequence: "SequenceNode", values: "list[Value]", edit: Edit) -> list[Edit]:
        if sequence.flow_style or not sequence.value:
            return [self._into_flow(sequence, ", ".join(flow(value) for value in values), edit)]
        start = self._start(sequence)
        column, newline = self._column(start), self.newline(start)
        lines = (newline + " " * column).join("- " + block(value, column + 2, newline) for value in values)
        return [self._behind(sequence, " " * column + lines, column, edit, newline)]

    def _into_flow(self, node: "SequenceNode | MappingNode", text: str, edit: Edit) -> Edit:
        if self.text[node.end_mark.index - 1] not in "]}":
            raise BadShape(edit.path, "stands in a list without braces of its own", node)
        if not node.value:
            place = node.end_mark.index - 1
            return edit.moved(place, place, text)
        place = self._child_end(node, len(node.value) - 1)
        # Behind a colon without a value a comma could belong to the key.
        return edit.moved(place, place, (" , " if self.text[place - 1] in ":?" else ", ") + text)

    def _insert(self, mapping: "MappingNode", wishes: "dict[str, Value]", edit: Edit) -> list[Edit]:
        edits = []
        fresh: dict[str, Value] = {}
        for key, value in wishes.items():
            found = entry(mapping, key, edit.path)
            if found is None or not any(found[0] is own for own, _ in mapping.value):
                # Absent, or brought in by a merge key, which an entry of its own overrides.
                fresh[key] = value
            else:
                # The key is there and says nothing: its value is written behind the colon.
                start, end = found[1].start_mark.index, found[1].end_mark.index
                if start == end and self.text[found[0].end_mark.index : start].strip(" \t") != ":":
                    raise BadShape(edit.path, "has no colon", found[0])
                text = flow(value) if mapping.flow_style else _one_line(value)
                edits.append(edit.moved(start, end, text if start < end else " " + text))
        if fresh and (mapping.flow_style or not mapping.value):
            edits.append(self._into_flow(mapping, flow(fresh)[1:-1], edit))
        elif fresh:
            start = self._start(mapping)
            column, newline = self._column(start), self.newline(start)
            edits.append(self._behind(mapping, " " * column + block(fresh, column, newline), column, edit, newline))
        return edits

    def _removal(self, mapping: "MappingNode", index: int, path: str) -> tuple[int, int, str]:
        key, _ = mapping.value[index]
        start = key.start_mark.index
        end = self._child_end(mapping, index)
        if mapping.flow_style:
            if index:
                return self._child_end(mapping, index - 1), end, ""
            return (
                start,
                (mapping.value[1][0].start_mark.index if len(mapping.value) > 1 else mapping.end_mark.index - 1),
                "",
            )
        if len(mapping.value) == 1:
            return start, end, "{}"
        line = self._line_start(start)
        if self.text[line:start].strip(" ") and index + 1 < len(mapping.value):
            return start, mapping.value[index + 1][0].start_mark.index, ""
        if self.text[line:start].strip(" "):
            raise BadShape(path, "stands behind something else on its line", key)
        return *self._lines(line, end if self.text[end - 1] in BREAKS else self._next_line(end)), ""

    def _drop(self, sequence: "SequenceNode", drops: "dict[int, Edit]") -> list[Edit]:
        """Remove items of a list: with their lines in a block, with one comma each in a flow collection."""
        items = sequence.value
        edits = []
        if not sequence.flow_style:
            for index, edit in drops.items():
                end = self._end(items[index])
                end = end if self.text[end - 1] in BREAKS else self._next_line(end)
                dash = self._dash(sequence, index)
                start = self._line_start(dash)
                # With nothing in its place the value would be null, and a List of null is no List to Kubernetes.
                empty = not index and len(drops) == len(items)
                if len(drops) == 1 and not empty:
                    start, end = self._lines(start, end)
                line = self.newline(start) if self.text[end - 1] in BREAKS else ""
                edits.append(edit.moved(start, end, f"{' ' * (dash - start + 1)}[]{line}" if empty else ""))
            return edits
        for index in sorted(drops):
            if index - 1 in drops:
                continue
            # Items that are dropped in a row leave together.
            last = next(number for number in range(index, len(items)) if number + 1 not in drops)
            if index:
                start, end = self._child_end(sequence, index - 1), self._child_end(sequence, last)
            elif last + 1 < len(items):
                start, end = items[0].start_mark.index, items[last + 1].start_mark.index
            else:
                start, end = items[0].start_mark.index, sequence.end_mark.index - 1
            edits.append(drops[index].moved(start, end, ""))
        return edits

    def _dash(self, sequence: "SequenceNode", index: int) -> int:
        """Return where the dash of an item stands."""
        if not index:
            return self._start(sequence)
        at = self._child_end(sequence, index - 1)
        while self.text[at] != "-":
            at = self._line_end(at) if self.text[at] == "#" else at + 1
        return at

    def _lifted(self, node: "ScalarNode", child: "Text") -> list[Edit]:
        """Turn the edits of an embedded text into edits of this one, or write its scalar anew where none would fit."""
        edits = child.planned()
        if not edits:
            return []
        self._check_lifted(node, edits[0])
        words = verbatim_places(self.text, node, [(edit.start, edit.end) for edit in edits])
        if words is not None and all(is_plain(edit.text, flow=True) for edit in edits):
            return [edit.moved(*place, edit.text) for edit, place in zip(edits, words, strict=True)]
        places = source_map(self.text, node, self.newline(node.start_mark.index))
        if places is not None:
            lifted = [places.edit(edit.start, edit.end, edit.text) for edit in edits]
            if None not in lifted:
                return [edit.moved(*place) for edit, place in zip(edits, lifted, strict=True) if place is not None]
        return [edits[0].moved(*rewritten(self.text, node, applied(child.text, edits)))]


def applied(text: str, edits: list[Edit]) -> str:
    """Apply edits, in order and without overlap, to the text that they were planned for."""
    parts = []
    at = 0
    for edit in edits:
        parts.append(text[at : edit.start])
        parts.append(edit.text)
        at = edit.end
    parts.append(text[at:])
    return "".join(parts)


def _one_line(value: "Value") -> str:
    return quoted(value, flow=True) if type(value) is str else flow(value)


def flow(value: "Value") -> str:
    """Write a value on one line, as JSON does."""
    if type(value) is dict:
        return "{" + ", ".join(f'"{escape(key)}": {flow(item)}' for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return f'"{escape(value)}"' if type(value) is str else str(value).lower()


def block(value: "Value", column: int, newline: str) -> str:
    """Write a value in block style; its first line stands at `column` already."""
    pad = newline + " " * column
    if type(value) is dict and value:
        return pad.join(_block_entry(key, item, column, newline) for key, item in value.items())
    if type(value) is list and value:
        return pad.join("- " + block(item, column + 2, newline) for item in value)
    return quoted(value) if type(value) is str else flow(value)


def _block_entry(key: str, value: "Value", column: int, newline: str) -> str:
    name = quoted(key)
    if type(value) is dict and value:
        return f"{name}:{newline}{' ' * (column + 2)}{block(value, column + 2, newline)}"
    if type(value) is list and value:
        return f"{name}:{newline}{' ' * column}{block(value, column, newline)}"
    return f"{name}: {block(value, column, newline)}"


def _join(first: Edit, edit: Edit) -> None:
    """Note that the span of an edit grants another wish as well."""
    if (edit.rule, edit.path) not in first.reasons:
        first.also += ((edit.rule, edit.path),)


def _lacking(there: "list[Value]", items: "list[Value]", path: str, rule: str) -> "list[Value]":
    """Return the items that a list lacks. Raises MultimeshError where it is to hold one of that name with another value."""
    found = [item for item in items if item not in there]
    for name in map(_name, found):
        if name and name in map(_name, there):
            raise MultimeshError(
                "",
                f'{path} is to hold "{name}" twice, with different values',
                "A flag or variable that a rule sets must not be set in spec.flags of the profile as well.",
                rule,
            )
    return found


def _name(item: "Value") -> str:
    """Return the name of a variable or flag; empty for any other item of a list."""
    if type(item) is dict:
        return str(item.get("name", ""))
    return item.partition("=")[0] if type(item) is str and item.startswith("-") else ""


def _joined(first: "Value", second: "Value", path: str, rule: str) -> "Value":
    if type(first) is list and type(second) is list:
        return first + _lacking(first, second, path, rule)
    if type(first) is dict and type(second) is dict:
        joined = dict(first)
        for key, item in second.items():
            joined[key] = _joined(joined[key], item, path, rule) if key in joined else item
        return joined
    if first == second:
        return first
    raise MultimeshError("", f"{path} is to be {first!r} and {second!r} at once", "Report the chart version.", rule)


def _shared(roots: "list[Node]") -> set[int]:
    """Return the ids of all nodes that an alias shares, and of everything in them."""
    shared: set[int] = set()
    seen: set[int] = set()

    def visit(node: "Node", inside: bool) -> None:
        inside = inside or id(node) in seen
        if inside:
            if id(node) in shared:
                return
            shared.add(id(node))
        seen.add(id(node))
        for child in node.value if is_mapping(node) or is_sequence(node) else ():
            for part in child if type(child) is tuple else (child,):
                visit(part, inside)

    for root in roots:
        visit(root, inside=False)
    return shared

"""Edits of one YAML text: requested by rules, planned against the original, applied in one place.

Rules never change text. Through an `Editor` they request that a scalar be rewritten, an item appended, a key put or
removed. `Text` turns each request into the smallest span that makes the change in the style of the document. Requests
for the same list or mapping are written together; two requests for the same span that differ are an error.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.yamltext.emit import appended, inserted, joined, lacking, removed_entry, removed_items, replacement
from multimesh.yamltext.fieldpath import BadShape, entry, refusal
from multimesh.yamltext.limits import check_embedded
from multimesh.yamltext.line import Line
from multimesh.yamltext.longtext import outline
from multimesh.yamltext.nodes import UNTAGGED, is_mapping, is_merge, is_null, is_scalar, is_sequence
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.positions import Positions, verbatim_places
from multimesh.yamltext.scalars import is_plain, rewritten, source_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.emit import Span, Value
    from multimesh.yamltext.longtext import LongData
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode, SequenceNode

_STRING_TAGS = (UNTAGGED, "!", "tag:yaml.org,2002:str")


class Edit:
    """One span of text, what replaces it, and why."""

    __slots__ = ("also", "depth", "end", "path", "rule", "start", "subject", "text")

    def __init__(self, start: int, end: int, text: str, subject: str, rule: str, path: str, depth: int = 0) -> None:
        """Replace `[start:end]` by `text`, for a rule, in the resource `subject` at a field path.

        Of several insertions at one offset, the one with the greater `depth` comes first.
        """
        self.start = start
        self.end = end
        self.text = text
        self.subject = subject
        self.rule = rule
        self.path = path
        self.depth = depth
        #: Rule and path of every further request that this span fulfils, such as two items for the end of one list.
        self.also: tuple[tuple[str, str], ...] = ()

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """Rule and path of every request that this span fulfils."""
        return ((self.rule, self.path), *self.also)

    def moved(self, start: int, end: int, text: str, depth: int = 0) -> Edit:
        """Return an edit of another span for the same reasons."""
        found = Edit(start, end, text, self.subject, self.rule, self.path, depth)
        found.also = self.also
        return found

    def join(self, other: Edit) -> None:
        """Add the reason of another request that this edit fulfils."""
        if (other.rule, other.path) not in self.reasons:
            self.also += ((other.rule, other.path),)


class Text:
    """One YAML text, the nodes in it, and the edits requested for it.

    A text is a document of the stream, a whole stream that cannot be cut safely, or a document embedded in a scalar
    of another text. Offsets are code points.
    """

    def __init__(self, text: str, where: str = "<stdin>", line: int | Line = 1, data: LongData | None = None) -> None:
        """Take the text, the name of its file, the line of the file where it begins, and its long data if known."""
        self.text = text
        self.where = where
        self.line = line
        self._data = data
        self._is_value = False  # whether this is the value of a scalar of another text
        self._roots: list[Node] | None = None
        self._positions: Positions | None = None
        # Requests whose span is known, and those that are gathered by the id of a node.
        self._edits: list[Edit] = []
        self._appended: dict[int, tuple[SequenceNode, list[Value], Edit]] = {}
        self._put: dict[int, tuple[MappingNode, dict[str, Value], Edit]] = {}
        self._dropped: dict[int, tuple[SequenceNode, dict[int, Edit]]] = {}
        # Texts inside this one: those of scalars, and spans of it with the scalar that holds them.
        self._embedded: dict[int, tuple[ScalarNode, Text]] = {}
        self._embedded_size = 0
        self._parts: list[tuple[int, Text, ScalarNode | None]] = []

    @property
    def roots(self) -> list[Node]:
        """The root nodes of all documents in this text. Raises MultimeshError for text that is not YAML."""
        if self._roots is None:
            found = None if self._data is None else outline(self.text, self._data, self.where, self.line)
            self._roots = found or list(compose_all(self.text, self.where, self.line))
        return self._roots

    @property
    def positions(self) -> Positions:
        """Where lines and nodes of this text begin and end."""
        if self._positions is None:
            self._positions = Positions(self.text, self.roots, is_whole=self._is_value)
        return self._positions

    def at(self, node: Node) -> str:
        """Return file and line of a node."""
        return f"{self.where}:{self.line + node.start_mark.line}"

    # Texts inside this one.

    def embedded(self, node: ScalarNode) -> Text:
        """Return the value of a scalar as a text that can be edited."""
        known = self._embedded.get(id(node))
        if known is None:
            # The content of a block scalar begins on the line after its indicator.
            line = self.line + node.start_mark.line + (node.style in ("|", ">"))
            self._embedded_size += len(node.value)
            check_embedded(self._embedded_size, lambda: self.at(node))
            known = (node, Text(node.value, self.where, line))
            known[1]._is_value = True
            self._embedded[id(node)] = known
        return known[1]

    def words(self, node: Node) -> Text | None:
        """Return a text in which single words of a scalar can be replaced; None for other nodes.

        A scalar in single quotes is not decoded for it, and so may differ from its value in quotes and line breaks.
        """
        if is_scalar(node) and self.text.startswith("'", node.start_mark.index):
            return self.part(node.start_mark.index + 1, node.end_mark.index - 1, node)
        return self.lines(node)

    def lines(self, node: Node) -> Text | None:
        """Return a text in which lines of a scalar can be edited; None for other nodes.

        A literal block is not decoded for it, and so its lines are indented.
        """
        if not is_scalar(node):
            return None
        start = node.start_mark.index
        if self.text[start : start + 1] == "|" and self.text.isascii() and "\r" not in self.text:
            return self.part(self.positions.next_line(start), node.end_mark.index, node)
        return self.embedded(node)

    def part(self, start: int, end: int, node: ScalarNode | None = None) -> Text:
        """Return a span of this text that can be edited: YAML by itself, or content of the scalar `node`."""
        found = Text(self.text[start:end], self.where, Line(self.text, start, self.line))
        self._parts.append((start, found, node))
        return found

    # Requests. Except for `add`, the span of the edit is not known yet.

    def add(self, edit: Edit) -> None:
        """Add an edit of a known span."""
        self._edits.append(edit)

    def append(self, sequence: SequenceNode, value: Value, edit: Edit) -> None:
        """Append an item to a list."""
        _, values, first = self._appended.setdefault(id(sequence), (sequence, [], edit))
        values += lacking(values, [value], edit.path, edit.rule)
        first.join(edit)

    def put(self, mapping: MappingNode, key: str, value: Value, edit: Edit) -> None:
        """Put a key into a mapping."""
        _, entries, first = self._put.setdefault(id(mapping), (mapping, {}, edit))
        first.join(edit)
        entries[key] = joined(entries[key], value, edit.path, edit.rule) if key in entries else value

    def drop(self, sequence: SequenceNode, index: int, edit: Edit) -> None:
        """Remove an item of a list."""
        self._dropped.setdefault(id(sequence), (sequence, {}))[1][index] = edit

    def check_own(self, node: Node, path: str) -> None:
        """Raise BadShape for a node that an alias repeats: an edit would change every place that uses it."""
        shared = self.positions.shared
        if shared and id(node) in shared:
            raise BadShape(path, "is shared by an alias, which cannot be edited in one place only", node)

    def check_removed(self, nodes: tuple[Node, ...], path: str) -> None:
        """Raise BadShape for nodes that hold an anchor which an alias uses: without it the alias would mean nothing."""
        if not self.positions.shared:
            return
        start, todo = nodes[0].start_mark.index, list(nodes)
        end = max(node.end_mark.index for node in nodes)
        while todo:
            node = todo.pop()
            # A node that is an alias itself has the marks of its anchor.
            if not start <= node.start_mark.index < end:
                continue
            self.check_own(node, path)
            if node.id == "mapping":
                todo += [part for pair in node.value for part in pair]
            elif node.id == "sequence":
                todo += node.value

    # From requests to spans.

    def planned(self) -> list[Edit]:
        """Return all edits in the order of the text. Raises MultimeshError where two of them claim the same span."""
        edits = list(self._edits)
        try:
            for sequence, values, edit in self._appended.values():
                edits.append(edit.moved(*appended(self.positions, sequence, values, edit.path)))
            for mapping, entries, edit in self._put.values():
                edits += [edit.moved(*span) for span in inserted(self.positions, mapping, entries, edit.path)]
        except BadShape as error:
            raise refusal(f"{self.at(error.node)}: {edit.subject}", error, edit.rule) from None
        for sequence, drops in self._dropped.values():
            spans = removed_items(self.positions, sequence, set(drops))
            edits += [drops[index].moved(*span) for index, span in spans.items()]
        for node, child in self._embedded.values():
            edits += self._lifted(node, child)
        for start, part, within in self._parts:
            inside = part.planned()
            if inside and within is not None:
                self._check_lifted(within, inside[0])
            edits += [edit.moved(start + edit.start, start + edit.end, edit.text) for edit in inside]
        return self._in_order(edits) if len(edits) > 1 else edits

    def _in_order(self, edits: list[Edit]) -> list[Edit]:
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

    def _check_lifted(self, node: ScalarNode, edit: Edit) -> None:
        """Refuse an edit inside a scalar that an alias repeats: only now is it known that there is one."""
        try:
            self.check_own(node, edit.path)
        except BadShape as error:
            raise refusal(f"{self.at(node)}: {edit.subject}", error, edit.rule) from None

    def _lifted(self, node: ScalarNode, child: Text) -> list[Edit]:
        """Return the edits of an embedded text as edits of this one, or one edit that writes its whole scalar."""
        edits = child.planned()
        if not edits:
            return []
        self._check_lifted(node, edits[0])
        words = verbatim_places(self.text, node, [(edit.start, edit.end) for edit in edits])
        if words is not None and all(is_plain(edit.text, flow=True) for edit in edits):
            return [edit.moved(*place, edit.text) for edit, place in zip(edits, words, strict=True)]
        places = source_map(self.text, node, self.positions.newline(node.start_mark.index))
        if places is not None:
            lifted = [places.edit(edit.start, edit.end, edit.text) for edit in edits]
            if None not in lifted:
                return [edit.moved(*place) for edit, place in zip(edits, lifted, strict=True) if place is not None]
        new = applied(child.text, edits)
        if not self._is_value and self.positions.ends_in_open_text(node):
            new += "\n"  # Helm writes the line break that ends a document.
        return [edits[0].moved(*rewritten(self.text, node, new))]


class Editor:
    """Requests edits of one text, all for the same resource and rule. `path` is the field path that reports name.

    Every method raises BadShape for a node that cannot be edited by itself, since an alias repeats it.
    """

    __slots__ = ("rule", "text", "title")

    def __init__(self, text: Text, title: str, rule: str) -> None:
        """Take the text, the resource as messages show it, and the id of the rule."""
        self.text = text
        self.title = title
        self.rule = rule

    @property
    def source(self) -> str:
        """The text itself."""
        return self.text.text

    def rewrite(self, node: Node, new: str | int, path: str) -> None:
        """Give a scalar another value; the same value is not an edit.

        Raises BadShape for a node that is not a scalar, is null, or has a tag other than that of a string.
        """
        if not is_scalar(node) or is_null(node):
            raise BadShape(path, "is not text", node)
        if node.value == str(new):
            return
        self.text.check_own(node, path)
        if node.tag not in _STRING_TAGS:
            raise BadShape(path, f'has the tag "{node.tag}"', node)
        start, end, text = rewritten(self.source, node, str(new))
        self.replace_span(start, end, text if isinstance(new, str) else str(new), path)

    def append(self, sequence: Node, item: Value, path: str) -> None:
        """Append an item to a list. Raises BadShape for a node that is not a list."""
        if not is_sequence(sequence):
            raise BadShape(path, "is not a list", sequence)
        self.text.check_own(sequence, path)
        self.text.append(sequence, item, self._request(path))

    def put(self, mapping: Node, key: str, item: Value, path: str) -> None:
        """Put a key that is absent or null into a mapping; lists and mappings that are put twice are joined.

        Raises BadShape for a node that is not a mapping.
        """
        if not is_mapping(mapping):
            raise BadShape(path, "is not a mapping", mapping)
        self.text.check_own(mapping, path)
        self.text.put(mapping, key, item, self._request(path))

    def remove(self, mapping: Node, key: str, path: str) -> None:
        """Remove an entry of a mapping, with its line and the comment on it; an absent one is not an edit.

        Raises BadShape for a node that is not a mapping, and for an entry of a merge key.
        """
        if not is_mapping(mapping):
            raise BadShape(path, "is not a mapping", mapping)
        found = entry(mapping, key, path)
        if found is None:
            return
        if any(is_merge(other) for other, _ in mapping.value):
            raise BadShape(path, 'is in a mapping with a merge key "<<", which may bring it in again', found[0])
        self.text.check_own(found[0], path)
        self.text.check_removed(found, path)
        index = next(number for number, pair in enumerate(mapping.value) if pair[0] is found[0])
        self._add(removed_entry(self.text.positions, mapping, index, path), path)

    def replace(self, node: Node, value: Value, path: str) -> None:
        """Replace a whole node by a value."""
        self.text.check_removed((node,), path)
        self._add(replacement(self.text.positions, node, value), path)

    def replace_span(self, start: int, end: int, new: str, path: str) -> None:
        """Replace a span of the text, which need not be YAML, such as a script."""
        self._add((start, end, new, 0), path)

    def drop_item(self, sequence: SequenceNode, index: int) -> None:
        """Remove an item of a list, with its lines."""
        self.text.check_own(sequence, "items")
        self.text.check_removed((sequence.value[index],), "items")
        self.text.drop(sequence, index, self._request("items"))

    def drop_document(self, root: Node) -> None:
        """Remove one document of several."""
        self._add((*self.text.positions.document(root), "", 0), "")

    # Editors of texts inside this one.

    def inside(self, node: Node, path: str) -> Editor:
        """Return an editor for the value of a scalar, such as an embedded document. Raises BadShape for other nodes."""
        if not is_scalar(node):
            raise BadShape(path, "is not text", node)
        return Editor(self.text.embedded(node), self.title, self.rule)

    def inside_words(self, node: Node) -> Editor | None:
        """Return an editor for single words of a scalar, which is not decoded where possible; see `Text.words`."""
        found = self.text.words(node)
        return None if found is None else Editor(found, self.title, self.rule)

    def inside_lines(self, node: Node) -> Editor | None:
        """Return an editor for lines of a scalar, which is not decoded where possible; see `Text.lines`."""
        found = self.text.lines(node)
        return None if found is None else Editor(found, self.title, self.rule)

    def inside_span(self, start: int, end: int) -> Editor:
        """Return an editor for a span of the text that is YAML by itself."""
        return Editor(self.text.part(start, end), self.title, self.rule)

    def _add(self, span: Span, path: str) -> None:
        start, end, text, depth = span
        self.text.add(Edit(start, end, text, self.title, self.rule, path, depth))

    def _request(self, path: str) -> Edit:
        return Edit(0, 0, "", self.title, self.rule, path)


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

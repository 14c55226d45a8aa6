"""Where the lines of a YAML text and the content of its nodes begin and end. Offsets are code points.

The marks of libyaml are not enough: a node starts at its tag or anchor, a block collection ends where the next token
begins (after comments and blank lines), and an alias has the marks of its anchor.
"""

from __future__ import annotations

from multimesh.yamltext.nodes import is_mapping, is_scalar
from multimesh.yamltext.scalars import BREAKS, skip_properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode, SequenceNode

#: Characters that represent themselves in every style.
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./")

#: Blanks and line breaks.
_BLANKS = (" ", "\t", *BREAKS)


class Positions:
    """The lines of a text, and its nodes. `shared` holds the ids of the nodes that an alias repeats.

    `is_whole` says that nothing follows the text where it is read: Helm writes a line break after each document.
    """

    __slots__ = ("is_whole", "shared", "text")

    def __init__(self, text: str, roots: list[Node], *, is_whole: bool = False) -> None:
        """Take a text and the root nodes of its documents."""
        self.text = text
        self.is_whole = is_whole
        self.shared = _shared(roots) if "*" in text and "&" in text else frozenset()

    # Lines.

    def line_start(self, index: int) -> int:
        """Return where the line of an offset begins."""
        start = self.text.rfind("\n", 0, index) + 1
        line = self.text[start:index]
        if line.isascii() and "\r" not in line:
            return start
        while index > 0 and self.text[index - 1] not in BREAKS:
            index -= 1
        return index

    def line_end(self, index: int) -> int:
        """Return where the line of an offset ends, before its break."""
        end = self.text.find("\n", index)
        end = len(self.text) if end < 0 else end
        line = self.text[index:end]
        if line.isascii() and "\r" not in line:
            return max(end, index)
        while index < len(self.text) and self.text[index] not in BREAKS:
            index += 1
        return index

    def next_line(self, index: int) -> int:
        """Return where the next line begins; the end of the text if the offset is on the last one."""
        end = self.line_end(index)
        return end + (2 if self.text[end : end + 2] == "\r\n" else 1) if end < len(self.text) else end

    def line_above(self, start: int) -> int:
        """Return where the line before the one at `start` begins, which is the beginning of a line."""
        return self.line_start(start - len(self.break_before(start)))

    def newline(self, index: int) -> str:
        """Return the line break that ends the line of an offset; where it has none, that of the first line."""
        return self.break_before(self.next_line(index if self.line_end(index) < len(self.text) else 0))

    def break_before(self, start: int) -> str:
        """Return the line break before the beginning of a line; a line feed for one of another kind, or for none."""
        if self.text[start - 2 : start] == "\r\n":
            return "\r\n"
        return "\r" if self.text[start - 1 : start] == "\r" else "\n"

    def column(self, index: int) -> int:
        """Return the column of an offset, from 0."""
        return index - self.line_start(index)

    # Nodes.

    def start(self, node: MappingNode | SequenceNode) -> int:
        """Return where a block collection begins after its anchor and tag: at its first key or dash."""
        start = node.start_mark.index
        after = self._skip_comments(skip_properties(self.text, start))
        if self.text[after : after + 1] == "?" and self.text[after + 1 : after + 2] in _BLANKS:
            return after
        first = node.value[0][0] if is_mapping(node) and node.value else None
        # An alias as the key has the marks of its anchor, further up. Any other key follows the tag and anchor.
        if first is not None and first.start_mark.index >= start:
            return first.start_mark.index
        return after

    def _skip_comments(self, index: int) -> int:
        """Return the first offset from here on that is neither in a comment nor blank."""
        while True:
            while self.text[index : index + 1] in _BLANKS and index < len(self.text):
                index += 1
            if self.text[index : index + 1] != "#":
                return index
            index = self.next_line(index)

    def is_explicit(self, key: Node) -> bool:
        """Return whether `?` precedes a key, on its line or on a line of its own."""
        at = key.start_mark.index
        while at and self.text[at - 1] in _BLANKS:
            at -= 1
        if self.text[at - 1 : at] != "?":
            return False
        # On another line, the question mark could end a text.
        line = self.line_start(at)
        return line == self.line_start(key.start_mark.index) or not self.text[line : at - 1].strip(" -[{,")

    def end(self, node: Node) -> int:
        """Return where the last character of a node's content ends; only blanks and comments follow on its line."""
        if is_scalar(node):
            return self._block_scalar_end(node) if node.style in ("|", ">") else node.end_mark.index
        if node.flow_style or not node.value:
            return node.end_mark.index
        return self.child_end(node, len(node.value) - 1)

    def child_end(self, node: MappingNode | SequenceNode, index: int) -> int:
        """Return where an entry or item ends. Where it is an alias, the alias is searched for."""
        before = node.start_mark.index
        if is_mapping(node):
            key, child = node.value[index]
            before = key.end_mark.index
        else:
            child = node.value[index]
            if self.shared:
                for earlier in node.value[:index]:
                    before = self.end(earlier) if earlier.start_mark.index >= before else self._alias_end(before)
        return self.end(child) if child.start_mark.index >= before else self._alias_end(before)

    def dash(self, sequence: SequenceNode, index: int) -> int:
        """Return the offset of the dash before an item of a block list."""
        if not index:
            return self.start(sequence)
        at = self.child_end(sequence, index - 1)
        while self.text[at] != "-":
            at = self.line_end(at) if self.text[at] == "#" else at + 1
        return at

    def after_line(self, end: int) -> int:
        """Return where the next line begins after content that ends here; a block scalar ends with its line break."""
        return end if end and self.text[end - 1] in BREAKS else self.next_line(end)

    def whole_lines(self, start: int, end: int) -> tuple[int, int]:
        """Return the span to remove for some lines: a last line without a break leaves with the break before it.

        Before a document marker the last break stays: to Helm, a marker follows a line feed.
        """
        before = len(self.break_before(start))
        if end == len(self.text) and self.text[-1] not in BREAKS and start:
            return start - before, end
        if start and self.text[start - 1] != "\n" and self.text.startswith(("---", "..."), end):
            return start - before, end - len(self.break_before(end))
        return start, end

    def document(self, root: Node) -> tuple[int, int]:
        """Return the span of one document of several: from its directives or marker to the next marker.

        What follows its `...` is included, too: to Helm, directives there are a part of this document.
        """
        start = at = max(self.text.rfind(f"{sign}---", 0, root.start_mark.index) for sign in BREAKS) + 1
        # Comments and blank lines may separate directives from the marker.
        while at:
            at = self.line_above(at)
            if self.text[at] == "%":
                start = at
            elif self.text[at : self.line_end(at)].lstrip()[:1] not in ("", "#"):
                break
        found = [self.text.find(sign + mark, self.end(root) - 1) for sign in BREAKS for mark in ("---", "...")]
        end = min((at + 1 for at in found if at >= 0), default=len(self.text))
        if self.text.startswith("...", end):
            end = self.next_line(end)
            while self.text[end : end + 1] in ("%", "#", *_BLANKS) and end < len(self.text):
                end = self.next_line(end)
        return start, end

    def ends_in_open_text(self, node: Node) -> bool:
        """Return whether a block scalar without a line break ends the text: a line after it would give it one."""
        if self.text[-1:] in BREAKS or self.after_line(self.end(node)) < len(self.text):
            return False
        while not is_scalar(node):
            if node.flow_style or not node.value:
                return False
            last = node.value[-1]
            child: Node = last[1] if isinstance(last, tuple) else last
            if child.start_mark.index < node.start_mark.index:
                return False  # An alias has the marks of its anchor.
            node = child
        start = node.start_mark.index
        return node.style in ("|", ">") and "-" not in self.text[start : self.line_end(start)].partition("#")[0]

    def _alias_end(self, start: int) -> int:
        """Return where the next alias after an offset ends."""
        end = start
        while self.text[end] != "*":
            end = self.line_end(end) if self.text[end] == "#" else end + 1
        while self.text[end : end + 1] not in ("", " ", "\t", ",", "]", "}", *BREAKS):
            end += 1
        return end

    def _block_scalar_end(self, node: ScalarNode) -> int:
        start, end = node.start_mark.index, node.end_mark.index
        header = self.text[start : self.line_end(start)].split("#")[0]
        if "+" not in header:
            while end > start and self.text[end - 1] in " \t" + BREAKS:
                end -= 1
        return end


def _shared(roots: list[Node]) -> frozenset[int]:
    """Return the ids of all nodes that an alias repeats, and of everything in them."""
    shared: set[int] = set()
    seen: set[int] = set()

    def visit(node: Node, *, inside: bool) -> None:
        inside = inside or id(node) in seen
        if inside:
            if id(node) in shared:
                return
            shared.add(id(node))
        seen.add(id(node))
        if node.id == "mapping":
            for key, value in node.value:
                visit(key, inside=inside)
                visit(value, inside=inside)
        elif node.id == "sequence":
            for item in node.value:
                visit(item, inside=inside)

    for root in roots:
        visit(root, inside=False)
    return frozenset(shared)


def verbatim_places(text: str, node: ScalarNode, spans: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    """Return the spans in the text of some spans of a scalar's value, without decoding it; None if that is uncertain.

    Characters that are not blanks, quotes or backslashes are the same in the text and in the value, and in the same
    order. So the third occurrence of a name in one is its third occurrence in the other.
    """
    start, end = node.start_mark.index, node.end_mark.index
    if text[start : start + 1] in ("!", "&", ">") or (node.style == '"' and text.find("\\", start, end) >= 0):
        return None
    if node.style == "|":
        start = text.find("\n", start, end)
    found = []
    counted: dict[str, tuple[int, int]] = {}
    for span_start, span_end in spans:
        word = node.value[span_start:span_end]
        if not word or not _WORD.issuperset(word):
            return None
        at, place = counted.get(word, (0, start))
        while at <= span_start:
            place = text.find(word, place, end)
            known = node.value.find(word, at)
            if place < 0 or known < 0 or known > span_start:
                return None
            at, place = known + len(word), place + len(word)
        counted[word] = (at, place)
        found.append((place - len(word), place))
    return found

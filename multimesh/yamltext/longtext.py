"""ConfigMaps whose data is long text: dashboards in quotes, configuration in literal blocks.

In such a text nothing has a meaning but what ends it, so nothing in it can be a key, an escape or a tag. Where every
entry of `data` is one, and `data` ends the document, the parser reads what stands before the entries, and each text only
once somebody asks for it: libyaml spends a third of its time on the letters of texts that nobody looks into.
"""

from multimesh.yamltext.nodes import UNTAGGED
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.scalars import BREAKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.nodes import Node

    #: Where the key and the text of an entry begin and end, and how the text is written: `'`, `|` or `|-`.
    Entry = tuple[int, int, int, int, str]

    #: Where `data` begins, and its entries.
    LongData = tuple[int, list[Entry]]

#: Characters that are themselves in YAML, wherever they stand. To delete them is the fastest way to find others.
NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-"

#: A shorter document is read faster than it is understood.
LARGE = 2048

#: Where `data` begins, and where the colon of a key stands, at the latest.
_HEAD, _KEY = 4096, 256

#: So many bytes of a literal block are looked at together.
_PIECE = 1 << 12

#: At which column a literal block begins, at the earliest and at the latest.
_FIRST, _LAST = 3, 60


def long_data(body: bytes) -> "LongData | None":
    """Return what `data_entries` does for a document that is long enough for it to pay."""
    return data_entries(body) if len(body) > LARGE else None


def data_entries(body: bytes) -> "LongData | None":
    """Return where `data` begins, and its entries, if all of it is long text and it ends the document; None in doubt.

    `body` is one document, or has no more than one. What stands before `data` is the caller's to prove.
    """
    start = body.find(b"\ndata:\n", 0, _HEAD) + 1
    if not start:
        return None
    entries: list[Entry] = []
    at = start + 6
    while True:
        if body[at : at + 2] == b"  " and body[at + 2 : at + 3] not in b" #\n":
            key, colon = at + 2, body.find(b": ", at, at + _KEY)
            if colon < 0 or body[key:colon].translate(None, NAME):
                return None
            end, sign = _text_end(body, colon + 2)
            if end < 0:
                return None
            entries.append((key, colon, colon + 2, end, sign))
            # A literal block ends where the next line begins.
            at = end if sign != "'" else end + 1
            continue
        stop = body.find(b"\n", at)
        if body[at : stop if stop >= 0 else len(body)].strip(b" ")[:1] not in b"#":
            return None
        if stop < 0:
            return (start, entries) if entries else None
        at = stop + 1


def _text_end(body: bytes, at: int) -> "tuple[int, str]":
    """Return where the text that begins at a quote or sign ends, and which one it is; -1 in doubt."""
    if body[at] == 124:
        return _literal_end(body, at)
    end = body.find(b"'", at + 1) if body[at] == 39 else -1
    while end >= 0 and body[end + 1 : end + 2] == b"'":
        end = body.find(b"'", end + 2)
    return (end + 1 if end >= 0 and body[end + 1 : end + 2] in b"\n" else -1), "'"


def _literal_end(body: bytes, start: int) -> "tuple[int, str]":
    first = body.find(b"\n", start, start + _KEY)
    sign = body[start:first].rstrip(b" ")
    line = body[first + 1 : first + 2 + _LAST]
    indent = len(line) - len(line.lstrip(b" "))
    if first < 0 or sign not in (b"|", b"|-") or not _FIRST <= indent < _LAST or line[indent : indent + 1] in b"\n":
        return -1, ""
    end = _less_indented(body, first, indent)
    # A line of a few blanks would belong to the block, and one without a break say nothing.
    following = body[end : body.find(b"\n", end) + 1 or len(body)] or body[-1:]
    return (-1, "") if following[:1] == b" " and not following.strip(b" \n") else (end, sign.decode())


def _less_indented(body: bytes, at: int, indent: int) -> int:
    """Return where the first line begins that is indented less and not empty, or only blank; from the line break at `at`."""
    while True:
        stop = body.find(b"\n", at + _PIECE)
        piece = body[at : stop + 1 if stop >= 0 else len(body)]
        # NUL for the breaks between the lines of the block leaves those that end it, and those of empty lines.
        joined = piece.replace(b"\n" + b" " * indent, b"\0" * (indent + 1))
        end = joined.find(b"\n")
        while end >= 0 and joined[end + 1 : end + 2] in (b"\n", b"\0"):
            end = joined.find(b"\n", end + 1)
        if 0 <= end < len(piece) - 1:
            return at + end + 1
        if stop < 0:
            return len(body)
        at = stop


def _is_even(text: str) -> bool:
    """Tell whether the only line break in a text is the line feed."""
    return not any(sign in text for sign in BREAKS[1:] + "\ufeff")


class _Mark:
    """A position, with those attributes of PyYAML's own that are asked for."""

    __slots__ = ("_text", "index")

    def __init__(self, text: str, index: int) -> None:
        self._text = text
        self.index = index

    @property
    def line(self) -> int:
        return self._text.count("\n", 0, self.index)


class _LongText:
    """A scalar node that is read when its value is asked for."""

    __slots__ = ("_text", "_value", "end_mark", "start_mark", "style", "tag")
    id = "scalar"

    def __init__(self, text: str, start: int, end: int, sign: str) -> None:
        self.tag = UNTAGGED
        self.style = sign[0]
        self.start_mark, self.end_mark = _Mark(text, start), _Mark(text, end)
        self._text = text
        self._value: str | None = None

    @property
    def value(self) -> str:
        if self._value is None:
            self._value = self._read()
        return self._value

    def _read(self) -> str:
        text, start, end = self._text, self.start_mark.index, self.end_mark.index
        if self.style == "'":
            root: Node = next(compose_all(text[start:end]))
            return str(root.value)
        # Such a text has forty kilobytes, and each copy costs more than finding where to cut.
        first = text.index("\n", start) + 1
        clips = text[start:first].strip() == "|"
        line = text[first : first + _LAST]
        indent = len(line) - len(line.lstrip(" "))
        last = end
        while text[last - 1] == "\n":
            last -= 1
        lines = text[first + indent : last]
        if "\n" in lines:
            lines = lines.replace("\n" + " " * indent, "\n").rstrip("\n")
        return lines + "\n" if clips and last < end else lines


def outline(text: str, found: "LongData | None" = None) -> "list[Node] | None":
    """Return the root of a document whose data is long text, as `compose_all` would; None where it is none, or in doubt.

    `found` is what `long_data` has found in the text, if somebody asked before.
    """
    if found is None:
        if any(sign in text for sign in ("\r", "\0", "\n---", "\n...")) or not (text.isascii() or _is_even(text)):
            return None
        # One byte for each character, so that places are the same; those that count are ASCII.
        found = data_entries(text.encode("ascii", "replace"))
    if found is None:
        return None
    start, entries = found
    # What stands before the entries leads the parser to where these are read, or does not.
    roots: list[Any] = list(compose_all(text[:start] + "data:\n  a: b\n"))
    if len(roots) != 1 or roots[0].id != "mapping" or roots[0].flow_style:
        return None
    first, data = roots[0].value[-1]
    if first.start_mark.index != start or data.id != "mapping" or len(data.value) != 1:
        return None
    scalar = type(first)
    data.value = [
        (
            scalar(UNTAGGED, text[key:colon], _Mark(text, key), _Mark(text, colon), first.style),
            _LongText(text, begin, end, sign),
        )
        for key, colon, begin, end, sign in entries
    ]
    data.start_mark = data.value[0][0].start_mark
    data.end_mark = roots[0].end_mark = _Mark(text, len(text))
    return roots

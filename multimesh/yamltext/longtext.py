"""Documents that end in a mapping of long texts: dashboards in quotes, configuration in literal blocks.

In such a text nothing has a meaning but what ends it: it holds no key, no escape and no tag. If every entry of the
mapping is a long text and the mapping ends the document, the parser reads only what precedes the entries, and each text
when its value is asked for. Without this, rendering the 1.5.0 demo takes 0.3 times the bare interpreter longer.
"""

from __future__ import annotations

from multimesh.yamltext.nodes import UNTAGGED
from multimesh.yamltext.parser import compose_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.line import Line
    from multimesh.yamltext.nodes import Node

#: Characters that have no special meaning in any style of YAML. `translate(None, PLAIN)` leaves all others.
PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-"

#: A shorter document is parsed faster than it is searched.
MIN_SIZE = 2048

#: The mapping begins, and the colon of a key follows, within so many bytes.
_MAX_HEAD, _MAX_KEY = 4096, 256

#: The least and the greatest indentation of a literal block that is taken for a long text.
_MIN_INDENT, _MAX_INDENT = 3, 60

#: How many bytes of a literal block are searched at once: with all that follows, time would grow with the square.
_CHUNK = 1 << 12


class Entry:
    """One entry of a mapping of long texts: offsets of key and text, and the style of the text: `'`, `|` or `|-`."""

    __slots__ = ("end", "key_end", "key_start", "start", "style")

    def __init__(self, key_start: int, key_end: int, start: int, end: int, style: str) -> None:
        self.key_start = key_start
        self.key_end = key_end
        self.start = start
        self.end = end
        self.style = style


class LongData:
    """A mapping of long texts that ends a document: the offset and the name of its key, and its entries."""

    __slots__ = ("entries", "key", "start")

    def __init__(self, key: bytes, start: int, entries: list[Entry]) -> None:
        self.key = key
        self.start = start
        self.entries = entries


def find_long_data(body: bytes, key: bytes) -> LongData | None:
    """Return the mapping of long texts at a key of the root, if it ends the document; None in doubt.

    `body` is the ASCII text of at most one document, or has one byte for each character. What precedes the key is not
    looked at: the caller must prove that it is a block mapping.
    """
    start = body.find(b"\n" + key + b":\n", 0, _MAX_HEAD) + 1 if len(body) > MIN_SIZE else 0
    if not start:
        return None
    entries: list[Entry] = []
    at = start + len(key) + 2
    while True:
        if body[at : at + 2] == b"  " and body[at + 2 : at + 3] not in b" #\n":
            entry = _entry(body, at + 2)
            if entry is None:
                return None
            entries.append(entry)
            # A literal block ends where the next line begins, a quoted text before its line break.
            at = entry.end + (entry.style == "'")
            continue
        line_end = body.find(b"\n", at)
        line = body[at : line_end if line_end >= 0 else len(body)]
        if line.strip(b" ")[:1] not in (b"", b"#"):
            return None
        if line_end < 0:
            return LongData(key, start, entries) if entries else None
        at = line_end + 1


def _entry(body: bytes, key_start: int) -> Entry | None:
    colon = body.find(b": ", key_start, key_start + _MAX_KEY - 2)
    if colon < 0 or body[key_start:colon].translate(None, PLAIN):
        return None
    start = colon + 2
    if body.startswith(b"'", start):
        end, style = _quoted_end(body, start), "'"
    elif body.startswith(b"|", start):
        end, style = _literal_end(body, start)
    else:
        return None
    return Entry(key_start, colon, start, end, style) if end >= 0 else None


def _quoted_end(body: bytes, start: int) -> int:
    """Return the offset after the closing quote; -1 if there is none, or something follows it on its line."""
    end = body.find(b"'", start + 1)
    while end >= 0 and body[end + 1 : end + 2] == b"'":
        end = body.find(b"'", end + 2)
    return end + 1 if end >= 0 and body[end + 1 : end + 2] in (b"", b"\n") else -1


def _literal_end(body: bytes, start: int) -> tuple[int, str]:
    """Return the offset of the line after a literal block, and the block's header; -1 in doubt."""
    first = body.find(b"\n", start, start + _MAX_KEY)
    header = body[start:first].rstrip(b" ")
    line = body[first + 1 : first + 2 + _MAX_INDENT]
    indent = len(line) - len(line.lstrip(b" "))
    if first < 0 or header not in (b"|", b"|-") or not _MIN_INDENT <= indent < _MAX_INDENT:
        return -1, ""
    if line[indent : indent + 1] in (b"", b"\n"):
        return -1, ""
    end = _less_indented(body, first, indent)
    # A line of a few blanks would belong to the block, and a last line without a break would say nothing.
    following = body[end : body.find(b"\n", end) + 1 or len(body)] or body[-1:]
    return (-1, "") if following[:1] == b" " and not following.strip(b" \n") else (end, header.decode())


def _less_indented(body: bytes, at: int, indent: int) -> int:
    """Return the offset of the first line after `at` that is neither empty nor indented by `indent` blanks."""
    while True:
        chunk_end = body.find(b"\n", at + _CHUNK)
        chunk = body[at : chunk_end + 1 if chunk_end >= 0 else len(body)]
        # NUL in place of the line breaks inside the block leaves those before other lines.
        joined = chunk.replace(b"\n" + b" " * indent, b"\0" * (indent + 1))
        end = joined.find(b"\n")
        while end >= 0 and joined[end + 1 : end + 2] in (b"\n", b"\0"):
            end = joined.find(b"\n", end + 1)
        if 0 <= end < len(chunk) - 1:
            return at + end + 1
        if chunk_end < 0:
            return len(body)
        at = chunk_end


class _Mark:
    """An offset, with the attributes of a mark of PyYAML that are used."""

    __slots__ = ("_text", "index")

    def __init__(self, text: str, index: int) -> None:
        self._text = text
        self.index = index

    @property
    def line(self) -> int:
        return self._text.count("\n", 0, self.index)


class _LongText:
    """A scalar node whose value is read when it is asked for."""

    __slots__ = ("_text", "_value", "end_mark", "start_mark", "style", "tag")
    id = "scalar"

    def __init__(self, text: str, entry: Entry) -> None:
        self.tag = UNTAGGED
        self.style = entry.style[0]
        self.start_mark, self.end_mark = _Mark(text, entry.start), _Mark(text, entry.end)
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
        first = text.index("\n", start) + 1
        clips = text[start:first].strip() == "|"
        line = text[first : first + _MAX_INDENT]
        indent = len(line) - len(line.lstrip(" "))
        last = end
        while text[last - 1] == "\n":
            last -= 1
        lines = text[first + indent : last]
        if "\n" in lines:
            lines = lines.replace("\n" + " " * indent, "\n").rstrip("\n")
        return lines + "\n" if clips and last < end else lines


def outline(text: str, found: LongData, where: str = "<stdin>", line: int | Line = 1) -> list[Node] | None:
    """Return the root of a document that ends in long texts, as `compose_all` would; None in doubt.

    `found` is what `find_long_data` returned for the text; `where` and `line` name its place in messages.
    """
    # What precedes the entries either leads the parser to the mapping, or does not.
    roots: list[Any] = list(compose_all(f"{text[: found.start]}{found.key.decode()}:\n  a: b\n", where, line))
    if len(roots) != 1 or roots[0].id != "mapping" or roots[0].flow_style:
        return None
    key, data = roots[0].value[-1]
    if key.start_mark.index != found.start or data.id != "mapping" or len(data.value) != 1:
        return None
    scalar = type(key)
    data.value = [
        (
            scalar(
                UNTAGGED,
                text[entry.key_start : entry.key_end],
                _Mark(text, entry.key_start),
                _Mark(text, entry.key_end),
                key.style,
            ),
            _LongText(text, entry),
        )
        for entry in found.entries
    ]
    data.start_mark = data.value[0][0].start_mark
    data.end_mark = roots[0].end_mark = _Mark(text, len(text))
    return roots

"""Cut a large List into its items, so that each of them is skipped, or parsed, by itself.

A List is one document, and to parse 16 MB of YAML at once takes 700 MB of memory. Only a List in block style is cut,
without anchors, in which all lines of an item are indented further than its dash. A line with a dash in the column of
the items then begins an item, unless it is inside a quoted scalar that began above. The caller must notice those: an
item with an open quote must not be skipped, and is not YAML by itself.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import resources
from multimesh.render.documents import BEFORE_PROPERTY, Document, is_indented, occurs_after
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import BadShape, entry, is_mapping

_KEY, _NO_ITEMS = b"\nitems:\n", b"items: []\n"

#: What a line in the first column begins with where it does not end the items. NUL: indented lines after an empty one.
_INSIDE = b" #\0"


def items(data: bytes, document: Document) -> list[Document] | None:
    """Return the items of a List as documents of their own; None for any other document, and in doubt."""
    found = cut(data[document.start : document.end])
    if found is None:
        return None
    pieces = []
    for start, end in found.spans:
        begin = document.start + start
        piece = Document(begin, begin, begin, document.start + end)
        piece.is_item = True
        pieces.append(piece)
    return pieces


class CutList:
    """A List that was cut: offsets of each item (`spans`), and the document without them (`frame`).

    The frame has `items: []` and empty lines in place of the items, so that all other lines keep their numbers.
    """

    __slots__ = ("frame", "spans")

    def __init__(self, frame: Text, spans: list[tuple[int, int]]) -> None:
        self.frame = frame
        self.spans = spans


def cut(body: bytes) -> CutList | None:
    """Cut a document that is a List in block style; None for any other document, and in doubt."""
    start = body.find(_KEY) + 1
    if not start or b"\t" in body or b"\n..." in body:
        return None
    if occurs_after(body, b"&", BEFORE_PROPERTY) or occurs_after(body, b"*", BEFORE_PROPERTY):
        return None
    first = start + len(_KEY) - 1
    line = body[first : body.find(b"\n", first)]
    indent = len(line) - len(line.lstrip(b" "))
    end = _end(body, first, _INSIDE if indent else _INSIDE + b"-")
    frame = _frame(body, start, first, end)
    if frame is None or not line.startswith(b"- ", indent):
        return None
    starts = [first]
    while (at := body.find(b"\n" + b" " * indent + b"- ", starts[-1], end)) >= 0:
        starts.append(at + 1)
    spans = list(zip(starts, [*starts[1:], end], strict=True))
    for begin, stop in spans:
        item = body[begin:stop]
        if not is_indented(item, item.find(b"\n") + 1 or len(item), indent + 1):
            return None
    return CutList(frame, spans)


def _end(body: bytes, first: int, inside: bytes) -> int:
    """Return the offset of the first line from `first` on that is not empty and does not begin with one of `inside`."""
    at = first
    for line in body[first:].replace(b"\n ", b"\0 ").split(b"\n"):
        if line and line[0] not in inside:
            return at
        at += len(line) + 1
    return len(body)


def _frame(body: bytes, start: int, first: int, end: int) -> Text | None:
    """Return a document without its items, at `[first:end]` after their key at `start`; None if it is not a List.

    What precedes the key must be ASCII, so that offsets in characters and in bytes are the same.
    """
    try:
        text = Text((body[:start] + _NO_ITEMS + b"\n" * body.count(b"\n", first, end) + body[end:]).decode())
        if not body[:start].isascii() or len(text.roots) != 1 or list(resources(text)):
            return None
        root = text.roots[0]
        found = entry(root, "items", "items") if is_mapping(root) else None
    except (UnicodeDecodeError, MultimeshError, BadShape):
        return None
    return text if found is not None and found[0].start_mark.index == start else None

"""Cut a stream into its documents, and find out how much of a document must be parsed.

Everything here works on bytes and only looks at line breaks, indentation and a few signs. What it cannot prove it
answers with None or 0, and the caller parses more than it would have to.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.rules import words_of
from multimesh.yamltext.doubts import find_after
from multimesh.yamltext.line import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.longtext import LongData
    from multimesh.yamltext.nodes import Node

CARRIAGE_RETURN, LINE_FEED, AMPERSAND, BACKSLASH = b"\r\n&\\"

#: Line breaks other than the line feed, and the byte order mark, by their first byte in UTF-8.
_OTHER_BREAKS = {b"\xc2": (b"\xc2\x85",), b"\xe2": (b"\xe2\x80\xa8", b"\xe2\x80\xa9"), b"\xef": (b"\xef\xbb\xbf",)}

#: The head of a document ends within this many bytes, or it is parsed whole.
_MAX_HEAD = 4096

#: Kinds of which only the head is parsed: the key that ends the head, and a word that must not occur in the head.
_HEADS = {
    b"CustomResourceDefinition": (b"\nspec:\n", b""),
    # The rule mesh-policy reads what this role allows.
    b"ClusterRole": (b"\nrules:\n", b"istio-security-post-install"),
}

#: How many bytes are cut into lines at once: lines of a whole document would take ten times its memory.
_CHUNK = 1 << 12

#: How many bytes are decoded at once where the text is not needed. With larger pieces, for memory that was never used
#: before, the 1.5.0 demo takes 0.03 times the bare interpreter longer.
_PIECE = 1 << 12

#: A larger document is not searched for a reason to skip it, unless it ends in long texts: that takes four copies.
MAX_SEARCHED = 1 << 26

#: A stream has at most this many documents.
MAX_DOCUMENTS = 100_000


class Document:
    """One document of a stream that was cut at its markers, as offsets into the bytes of the stream.

    `begin` is where the line break before the marker is (0 for what precedes the first marker), `marker_end` where the
    marker ends, `start` where the text begins, `end` where the text ends. `long_data` is what
    `multimesh.render.long_data` found in the text. `is_item` says that it is one item of a List.
    """

    __slots__ = ("begin", "end", "is_item", "long_data", "marker_end", "start")

    def __init__(self, begin: int, marker_end: int, start: int, end: int) -> None:
        self.begin = begin
        self.marker_end = marker_end
        self.start = start
        self.end = end
        self.is_item = False
        self.long_data: LongData | None = None


def split(data: bytes) -> list[Document] | None:
    r"""Return the documents of a stream, or None if it cannot be cut safely.

    `---` at the beginning of a line is a document marker for every YAML parser, in quotes and flow collections too.
    What makes cutting unsafe are other line breaks than the line feed, directives, and text on the marker's line.
    A list with more than `MAX_DOCUMENTS` is not complete.
    A document that `...` ends stays one piece with what follows up to the next marker: the caller must look for it.

    >>> [data[d.start : d.end] for data in [b"a: 1\n--- # two\nb: 2\n"] for d in split(data)]
    [b'a: 1', b'b: 2\n']
    """
    if CARRIAGE_RETURN in data or occurs_after(data, b"%", b"\n"):
        return None
    if not data.isascii() and _has_other_breaks(data):
        return None
    documents = []
    begin, marker_end = 0, 3 if data.startswith(b"---") else 0
    while True:
        end = data.find(b"\n---", marker_end)
        stop = end if end >= 0 else len(data)
        start = marker_end
        if begin < marker_end < stop and data[marker_end] != LINE_FEED:
            line_end = data.find(b"\n", marker_end, stop)
            start = line_end + 1 if line_end >= 0 else stop
            if not _is_comment(data[marker_end : line_end if line_end >= 0 else stop]):
                return None
        documents.append(Document(begin, marker_end, start, stop))
        if end < 0 or len(documents) > MAX_DOCUMENTS:
            return documents
        begin, marker_end = end, end + 4


def _is_comment(rest: bytes) -> bool:
    """Return whether the rest of a marker's line is blank or a comment: `---x` is not a marker, `--- x` has a value."""
    return rest[:1] in (b" ", b"\t") and rest.strip(b" \t")[:1] in (b"", b"#")


def _has_other_breaks(data: bytes) -> bool:
    for first, breaks in _OTHER_BREAKS.items():
        at = data.find(first)
        while at >= 0:
            if data.startswith(breaks, at):
                return True
            at = data.find(first, at + 1)
    return False


def occurs_after(data: bytes, sign: bytes, before: bytes) -> bool:
    """Return whether `sign` occurs at the beginning of `data` or after one of the bytes in `before`.

    >>> occurs_after(b"a &b", b"&", b" "), occurs_after(b"a&b", b"&", b" ")
    (True, False)
    """
    return find_after(data, sign, before) >= 0


def likely_kind(body: bytes) -> bytes:
    """Return what follows the first `kind: ` at the beginning of a line, which most likely is the kind."""
    start = body.find(b"\nkind: ", 0, _MAX_HEAD)
    if start < 0:
        return b""
    start += len(b"\nkind: ")
    end = body.find(b"\n", start)
    return body[start : end if end >= 0 else len(body)]


def head_size(body: bytes) -> int:
    """Return how many bytes of a document hold all that rules read; 0 if they may read more.

    Nine tenths of a modern chart are the schemas of its CRDs, and no rule reads a schema: parsing heads of CRDs alone
    takes 3.9 times the bare interpreter less on the chart base of 1.30. What a ClusterRole allows is parsed if a word
    occurs in it that a rule asks for. All lines after the head are indented, empty, or items of a list, so they belong
    to its last key. The caller must check that the head by itself is one block mapping.
    """
    kind = likely_kind(body)
    if kind not in _HEADS:
        return 0
    key, excluded = _HEADS[kind]
    size = body.find(key, 0, _MAX_HEAD) + 1
    if not size or AMPERSAND in body[:size] or (excluded and body.find(excluded, 0, size) >= 0):
        return 0
    is_role = kind == b"ClusterRole"
    if is_role and (may_hide_words(body) or any(word in body for word in words_of("ClusterRole"))):
        return 0
    return size if is_indented(body, size + len(key) - 1, 1, items=is_role) else 0


def is_head(root: Node) -> bool:
    """Return whether the parsed beginning of a document is a block mapping, so that the lines after it belong to it."""
    return root.id == "mapping" and not root.flow_style


def is_indented(body: bytes, start: int, width: int, *, items: bool = False) -> bool:
    """Return whether every line from `start` on is empty, or indented by `width` blanks, or (`items`) begins with `- `.

    A tab anywhere is a doubt, so the answer is False.
    """
    if body.find(b"\t", start) >= 0:
        return False
    # A blank sorts before every other character that YAML allows, so the greatest line is the least indented one.
    limit = b" " * (width - 1) + b"!"
    while start < len(body):
        end = body.find(b"\n", start + _CHUNK)
        end = end if end >= 0 else len(body)
        chunk = b"\n" + body[start:end]
        if max((chunk.replace(b"\n- ", b"\n  ") if items else chunk).split(b"\n")) >= limit:
            return False
        start = end + 1
    return True


#: Escapes in double quotes that can stand for a letter or a slash, or join two lines.
_HIDING_ESCAPES = frozenset((b"x", b"U", b"/", b"\n"))

#: The last two digits of the escapes that Go's JSON writes for HTML (encoding/json, HTMLEscape): `<`, `>`, `&`, `'`.
_HTML_ESCAPES = (b"3c", b"3e", b"26", b"27")

#: What may precede an anchor, an alias or a tag.
BEFORE_PROPERTY = b" \t[,{:\n"


def may_hide_words(body: bytes) -> bool:
    """Return whether a word may be written otherwise than letter by letter: by an escape, or in Base64 by a tag.

    An alias hides nothing: what it repeats is written in full at its anchor.
    """
    if BACKSLASH in body:
        _, *parts = body.split(b"\\")
        escapes = {part[:1] for part in parts}
        if not escapes.isdisjoint(_HIDING_ESCAPES) or (b"u" in escapes and _escapes_letters(body)):
            return True
    return occurs_after(body, b"!", BEFORE_PROPERTY)


def _escapes_letters(body: bytes) -> bool:
    r"""Return whether an escape `\uXXXX` may stand for a character of a name."""
    at = body.find(b"\\u")
    while at >= 0:
        if body[at + 2 : at + 4] != b"00" or body[at + 4 : at + 6].lower() not in _HTML_ESCAPES:
            return True
        at = body.find(b"\\u", at + 1)
    return False


def check_utf8(body: bytes, where: str, line: int | Line) -> None:
    """Raise MultimeshError, with the line, for bytes that are not UTF-8.

    It decodes piece by piece: the text of a large document would take four times its memory.
    """
    at = 0
    while at < len(body):
        end = at + _PIECE
        # A character is not divided: at most three bytes continue it.
        while end < min(len(body), at + _PIECE + 3) and body[end] & 0xC0 == 0x80:
            end += 1
        decoded(body[at:end], where, Line(body, at, line))
        at = end


def decoded(body: bytes, where: str, line: int | Line) -> str:
    """Return bytes as text. Raises MultimeshError, with the line, for what is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MultimeshError(
            f"{where}:{line + body.count(LINE_FEED, 0, error.start)}",
            f"not YAML: a byte that is not UTF-8 ({body[error.start]:#x})",
            "Helm writes UTF-8. Look at what 'helm template' prints at this line.",
        ) from None

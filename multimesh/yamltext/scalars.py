"""How a scalar is written, and where each character of its value stands in the text.

An edit changes a few characters of a scalar, such as one name in a script of thirty lines or in a dashboard of forty
kilobytes. To change those and nothing else, the value is decoded once more, keeping for each stretch of it the place
it came from. The result is used only where it equals the value that the YAML parser read; where it does not (folded
block scalars, say), the whole scalar is written anew.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from multimesh.yamltext.nodes import ScalarNode

#: What libyaml and YAML 1.1 take for a line break.
BREAKS = "\n\r\x85\u2028\u2029"

#: Plain text that Go's YAML reader takes for something else than a string, in lower case (go-yaml, `resolve.go`).
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: What may stand in plain text. To delete it is the fastest way to find anything else.
_PLAIN = f"{_LETTERS}0123456789.-_/=:$".encode()

#: Characters that stand for themselves in every style.
_WORD = frozenset(f"{_LETTERS}0123456789-./")


if TYPE_CHECKING:
    #: Start and end in the value, start and end in the text, and whether both are the same characters.
    Piece = tuple[int, int, int, int, bool]


class SourceMap:
    """Where each stretch of a scalar's value stands in its text, and how new text is written there."""

    def __init__(
        self, pieces: "list[Piece]", encode: "Callable[[str], str]", *, literal: bool = False, ends_line: bool = False
    ) -> None:
        """Take the pieces in order and without gaps in the value.

        A piece whose characters differ between value and text (an escape, a folded line) is taken whole or not at all.
        """
        self._pieces = pieces
        self._encode = encode
        self._literal = literal
        self._ends_line = literal and ends_line

    def edit(self, start: int, end: int, new: str) -> "tuple[int, int, str] | None":
        """Return the span and the text that replace `value[start:end]`; None where an escape stands half inside it."""
        if self._literal:
            size = self._pieces[-1][1]
            body = size - 1 if self._ends_line else size
            if self._ends_line and end == size and new[-1:] == "\n" and new != "\n":
                # The last line break of a block scalar is not there to be edited: text goes before it.
                new = "\n" + new[:-1] if start == end else new[:-1]
                start, end = min(start, body), body
            if end > body or (end == body and new[-1:] in ("", "\n")):
                return None
        low, high = 0, len(self._pieces)
        while low < high:
            middle = (low + high) // 2
            if self._pieces[middle][1] <= start:
                low = middle + 1
            else:
                high = middle
        first = self._place(min(low, len(self._pieces) - 1), start)
        if start == end and 0 < low < len(self._pieces) and self._pieces[low][0] == start:
            # Between two pieces a line may end in a backslash: behind it, blanks would be indentation.
            first = self._pieces[low - 1][3]
        last = first
        if start < end:
            while self._pieces[low][1] < end:
                low += 1
            last = self._place(low, end)
        return None if first is None or last is None else (first, last, self._encode(new))

    def _place(self, index: int, position: int) -> "int | None":
        start, end, source, source_end, same = self._pieces[index]
        if position == start:
            return source
        if position == end:
            return source_end
        return source + position - start if same else None


def source_map(text: str, node: "ScalarNode", newline: str) -> "SourceMap | None":
    """Map the value of a scalar to `text`; None where nobody can tell, and the scalar must be written anew.

    `newline` is the line break that new lines get.
    """
    start, end = node.start_mark.index, node.end_mark.index
    start = skip_properties(text, start)
    style = text[start : start + 1]
    if style in ("|", ">") and node.style == style:
        return _literal_map(text, start, end, node.value, newline) if style == "|" else None
    # Charts write long text in blocks; the other styles are seldom asked for.
    from multimesh.yamltext.folding import flow_map

    return flow_map(text, start, end, node)


def verbatim_places(text: str, node: "ScalarNode", spans: "list[tuple[int, int]]") -> "list[tuple[int, int]] | None":
    """Find where stretches of a scalar's value stand in its text, without decoding it; None where that is not certain.

    Characters that are no blanks, quotes or backslashes stand in the text as they stand in the value, and in the same
    order. So the third time that a name occurs in the one is the third time that it occurs in the other.
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


def skip_properties(text: str, index: int) -> int:
    """Return where a node begins behind its tag and anchor: libyaml's marks include them."""
    while text[index : index + 1] in ("!", "&"):
        while text[index : index + 1] not in ("", " ", "\t", *BREAKS):
            index += 1
        while text[index : index + 1] in (" ", "\t", "\n", "\r"):
            index += 1
    return index


def _literal_map(text: str, start: int, end: int, value: str, newline: str) -> "SourceMap | None":
    """Map a literal block scalar line by line."""
    at = text.find("\n", start)
    header = text[start + 1 : at].split("#")[0].strip()
    digits = header.strip("+-")
    wanted = value.split("\n")
    first = next((line for line in wanted if line), "")
    if at < 0 or not first or not wanted[0]:
        return None
    lines: list[tuple[int, int]] = []
    at += 1
    while at < end:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        lines.append((at, stop - 1 if text[stop - 1 : stop] == "\r" and stop > at else stop))
        at = stop + 1
    indent = -1
    for line_start, line_end in lines:
        begin = line_start
        while begin < line_end and text[begin] == " ":
            begin += 1
        if begin < line_end:
            # The first line that is not blank sets the indentation, unless the header does.
            at = line_end - len(first) if not digits else text.find(first, line_start, line_end)
            indent = at - line_start
            break
    if indent < 0:
        return None
    pieces: list[Piece] = []
    position = 0
    count = len(wanted) if wanted[-1] else len(wanted) - 1
    if count > len(lines):
        return None
    number = 0
    while number < count:
        line, (line_start, line_end) = wanted[number], lines[number]
        line_start = min(line_start + indent, line_end)
        # A line of forty kilobytes is compared where it stands.
        if line_end - line_start != len(line) or not text.startswith(line, line_start):
            return None
        if line:
            pieces.append((position, position + len(line), line_start, line_end, True))
            position += len(line)
        # The line breaks up to the next line with text, and its indentation, are one piece.
        breaks = 1
        while number + breaks < count and not wanted[number + breaks]:
            if text[slice(*lines[number + breaks])].strip(" "):
                return None
            breaks += 1
        number += breaks
        if number < count:
            pieces.append(
                (position, position + breaks, line_end, min(lines[number][0] + indent, lines[number][1]), False)
            )
            position += breaks
        elif len(value) > position:
            pieces.append((position, len(value), line_end, lines[number - 1][1], False))
    pad = " " * indent

    def encode(new: str) -> str:
        head, *lines = new.split("\n")
        last = len(lines) - 1
        return head + "".join(
            newline + (pad + line if line or number == last else "") for number, line in enumerate(lines)
        )

    return SourceMap(pieces, encode, literal=True, ends_line=value[-1:] == "\n")


def escape(new: str) -> str:
    """Write text as it stands between double quotes, in YAML and in JSON."""
    new = new.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    if new.isprintable():
        return new
    return "".join(char if char.isprintable() else _escape_char(ord(char)) for char in new)


def _escape_char(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def is_plain(new: str, *, flow: bool) -> bool:
    """Tell whether text may stand without quotes and is a string to Go's YAML reader.

    >>> is_plain("--listened-namespaces=a,b", flow=False), is_plain("--listened-namespaces=a,b", flow=True)
    (True, False)
    >>> is_plain("on", flow=False), is_plain("1e3", flow=False), is_plain("-", flow=False)
    (False, False, False)
    """
    body = new[2:] if new[:2] == "--" else new[1:] if new[:1] == "/" else new
    return (
        body[:1] != ""
        and body[:1] in _LETTERS
        and new[-1] != ":"
        and new.lower() not in _RESERVED
        and not body.encode("utf-8", "replace").translate(None, _PLAIN if flow else _PLAIN + b",")
    )


def quoted(new: str, *, flow: bool = False) -> str:
    """Write a string as a scalar of its own: plain where that is safe, else in double quotes."""
    return new if is_plain(new, flow=flow) else f'"{escape(new)}"'


def rewritten(text: str, node: "ScalarNode", new: str) -> "tuple[int, int, str]":
    """Return the span of a scalar and the text that gives it another value, in its own style where that is possible."""
    start, end = skip_properties(text, node.start_mark.index), node.end_mark.index
    if not node.style:
        return start, end, quoted(new, flow=True)
    if node.style == "'" and "\n" not in new and new.isprintable():
        return start, end, "'" + new.replace("'", "''") + "'"
    if node.style in ("|", ">"):
        # The marks of a block scalar reach over the blank lines behind it.
        while end > start and text[end - 1] in " \t\r\n":
            end -= 1
    return start, end, f'"{escape(new)}"'

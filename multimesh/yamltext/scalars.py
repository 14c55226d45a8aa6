"""How a scalar is written, and where each character of its value is in the text.

An edit changes a few characters of a scalar, such as one name in a script of thirty lines or in a dashboard of forty
kilobytes. To change those and nothing else, the value is decoded once more, and for each stretch of it the span in the
text is kept (`SourceMap`). The result is used only where it equals the value that the YAML parser read. Where it does
not, and for folded block scalars, there is no map, and the whole scalar is written anew.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multimesh.yamltext.nodes import ScalarNode

    #: Start and end in the value, start and end in the text, and whether both are the same characters.
    Piece = tuple[int, int, int, int, bool]

#: The line breaks of YAML 1.1, and of libyaml.
BREAKS = "\n\r\x85\u2028\u2029"

#: Plain text that Go's YAML reader takes for something else than a string, in lower case (go-yaml v2.4.0, resolve.go).
_RESERVED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Characters that plain text may consist of. To delete them is the fastest way to find any other.
_PLAIN = f"{_LETTERS}0123456789.-_/=:$".encode()

#: What an escape begins with, in each style that has escapes.
_SIGNS = {"'": "''", '"': "\\"}

#: Escapes in double quotes (YAML 1.1, section 5.7).
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip

#: Escapes that name a character by hexadecimal digits, and how many.
_HEX = {"x": 2, "u": 4, "U": 8}


# Writing.


def skip_properties(text: str, index: int) -> int:
    """Return where a node begins after its tag and anchor: libyaml's marks include them."""
    while text[index : index + 1] in ("!", "&"):
        while text[index : index + 1] not in ("", " ", "\t", *BREAKS):
            index += 1
        while text[index : index + 1] in (" ", "\t", *BREAKS):
            index += 1
    return index


def escape(new: str) -> str:
    """Return text as it is written between double quotes, in YAML and in JSON."""
    new = new.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    if new.isprintable():
        return new
    return "".join(char if char.isprintable() else _escape_char(ord(char)) for char in new)


def _escape_char(code: int) -> str:
    # JSON has no escape for characters beyond the BMP, and YAML allows all of them.
    return f"\\u{code:04x}" if code < 0x10000 else chr(code)


def is_plain(new: str, *, flow: bool) -> bool:
    """Return whether text can be written without quotes and is a string to Go's YAML reader.

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
    """Return a string as a scalar: plain where that is safe, else in double quotes."""
    return new if is_plain(new, flow=flow) else f'"{escape(new)}"'


def rewritten(text: str, node: ScalarNode, new: str) -> tuple[int, int, str]:
    """Return the span of a scalar and the text that gives it another value, in its own style where that is possible."""
    start, end = skip_properties(text, node.start_mark.index), node.end_mark.index
    if not node.style:
        return start, end, quoted(new, flow=True)
    if node.style == "'" and "\n" not in new and new.isprintable():
        return start, end, "'" + new.replace("'", "''") + "'"
    if node.style in ("|", ">"):
        # The end mark of a block scalar is after the blank lines that follow it.
        while end > start and text[end - 1] in " \t" + BREAKS:
            end -= 1
    return start, end, f'"{escape(new)}"'


# The map of a value to its text.


class SourceMap:
    """Which span of the text holds a span of a scalar's value, and how new text is written there."""

    def __init__(
        self,
        pieces: list[Piece],
        encode: Callable[[str], str | None],
        *,
        folds: Sequence[tuple[int, int]] = (),
        literal: bool = False,
        ends_line: bool = False,
    ) -> None:
        """Take the pieces in order and without gaps in the value.

        A piece whose characters differ between value and text (an escape, a folded line) is replaced whole or not at
        all. `encode` returns None for what the style cannot hold. `folds` are the spans of the text between folded
        lines: blanks before and after them are dropped. `literal` is true for a literal block scalar, `ends_line` if
        its value ends with a line break.
        """
        self._pieces = pieces
        self._encode = encode
        self._folds = folds
        self._literal = literal
        self._ends_line = literal and ends_line

    def edit(self, start: int, end: int, new: str) -> tuple[int, int, str] | None:
        """Return the span and the text that replace `value[start:end]`.

        None if this begins or ends in an escape, or if the style cannot hold the text there.
        """
        if self._literal:
            size = self._pieces[-1][1]
            body = size - 1 if self._ends_line else size
            if self._ends_line and end == size and new[-1:] == "\n" and new != "\n":
                # The last line break of a block scalar cannot be edited: text is inserted before it.
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
            # Between two pieces a line may end in a backslash; after it, blanks would be indentation.
            first = self._pieces[low - 1][3]
        last = first
        if start < end:
            while self._pieces[low][1] < end:
                low += 1
            last = self._place(low, end)
        written = self._encode(new)
        if first is None or last is None or written is None:
            return None
        if any(
            (line_end == last and new[-1:] in (" ", "\t")) or (line_start == first and new[:1] in (" ", "\t"))
            for line_end, line_start in self._folds
        ):
            return None
        return first, last, written

    def _place(self, index: int, position: int) -> int | None:
        """Return the offset in the text of a position in one piece of the value."""
        start, end, source, source_end, same = self._pieces[index]
        if position == start:
            return source
        if position == end:
            return source_end
        return source + position - start if same else None


def source_map(text: str, node: ScalarNode, newline: str) -> SourceMap | None:
    """Return the map of a scalar's value to `text`; None where it cannot be decoded, and must be written anew.

    `newline` is the line break that new lines get.
    """
    start, end = skip_properties(text, node.start_mark.index), node.end_mark.index
    style = text[start : start + 1]
    if style in ("|", ">") and node.style == style:
        return _literal_map(text, start, end, node.value, newline) if style == "|" else None
    if style == node.style == "'":
        return _flow_map(text, start + 1, end - 1, node.value, style, _in_single_quotes)
    if style == node.style == '"':
        return _flow_map(text, start + 1, end - 1, node.value, style, escape)
    return None if node.style else _flow_map(text, start, end, node.value, "", _in_plain_text)


def _in_single_quotes(new: str) -> str | None:
    """Return text as it is written between single quotes, where lines are folded; None for what has line breaks."""
    return new.replace("'", "''") if new.isprintable() else None


def _in_plain_text(new: str) -> str | None:
    """Return text as it is written in plain text; None for what may end it, or mean something there."""
    return new if not new or is_plain(new, flow=True) else None


# Literal block scalars.


def _literal_map(text: str, start: int, end: int, value: str, newline: str) -> SourceMap | None:
    header_end = text.find("\n", start)
    first = value.partition("\n")[0]
    # These two break lines of a block too, without the indentation that a line feed has.
    if header_end < 0 or not first or "\u2028" in value or "\u2029" in value:
        return None
    has_digit = bool(text[start + 1 : header_end].split("#")[0].strip().strip("+-"))
    lines = _block_lines(text, header_end + 1, end)
    indent = _indent(text, lines, first, has_digit=has_digit)
    pieces = None if indent < 0 else _literal_pieces(text, lines, value, indent)
    if pieces is None:
        return None
    pad = " " * indent

    def encode(new: str) -> str:
        head, *lines = new.split("\n")
        last = len(lines) - 1
        return head + "".join(
            newline + (pad + line if line or number == last else "") for number, line in enumerate(lines)
        )

    return SourceMap(pieces, encode, literal=True, ends_line=value[-1:] == "\n")


def _block_lines(text: str, at: int, end: int) -> list[tuple[int, int]]:
    """Return the spans of the lines of a block, without their breaks."""
    lines = []
    while at < end:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        lines.append((at, stop - 1 if text[stop - 1 : stop] == "\r" and stop > at else stop))
        at = stop + 1
    return lines


def _indent(text: str, lines: list[tuple[int, int]], first: str, *, has_digit: bool) -> int:
    """Return the indentation of a block whose value begins with the line `first`; negative if it is not there."""
    for start, end in lines:
        if text[start:end].strip(" "):
            # The first line that is not blank sets the indentation, unless a digit in the header does.
            return (text.find(first, start, end) if has_digit else end - len(first)) - start
    return -1


def _literal_pieces(text: str, lines: list[tuple[int, int]], value: str, indent: int) -> list[Piece] | None:
    """Return the pieces of a literal block; None where its lines are not the lines of the value, indented."""
    pieces: list[Piece] = []
    wanted = value.split("\n")
    position = number = 0
    count = len(wanted) if wanted[-1] else len(wanted) - 1
    if count > len(lines):
        return None
    while number < count:
        line, (start, end) = wanted[number], lines[number]
        start = min(start + indent, end)
        # A line may have forty kilobytes, so it is compared without a copy.
        if end - start != len(line) or not text.startswith(line, start):
            return None
        if line:
            pieces.append((position, position + len(line), start, end, True))
            position += len(line)
        # The line breaks up to the next line with text, and its indentation, are one piece.
        breaks = 1
        while number + breaks < count and not wanted[number + breaks]:
            if text[slice(*lines[number + breaks])].strip(" "):
                return None
            breaks += 1
        number += breaks
        if number < count:
            pieces.append((position, position + breaks, end, min(lines[number][0] + indent, lines[number][1]), False))
            position += breaks
        elif len(value) > position:
            pieces.append((position, len(value), end, lines[number - 1][1], False))
    return pieces


# Plain and quoted scalars, whose lines are folded.


def _flow_map(
    text: str, start: int, end: int, value: str, style: str, encode: Callable[[str], str | None]
) -> SourceMap | None:
    """Map the text between the quotes, or all of a plain scalar."""
    pieces: list[Piece] = []
    decoded: list[str] = []
    folds: list[tuple[int, int]] = []
    position = 0
    at = start
    while True:
        stop = _line_end(text, at, end)
        body_end = stop
        if stop < end:
            while body_end > at and text[body_end - 1] in " \t":
                body_end -= 1
        joined = style == '"' and stop < end and _ends_escaped(text, at, stop)
        if joined:
            body_end = stop - 1
        position = _add_line(text, at, body_end, style, position, pieces, decoded)
        if position < 0:
            return None
        if stop == end:
            break
        blank = -1
        following = stop
        while following < end and text[following] in " \t\n\r":
            if text[following] == "\n" or (text[following] == "\r" and text[following + 1 : following + 2] != "\n"):
                blank += 1
            following += 1
        folded = "\n" * blank if blank else ("" if joined else " ")
        decoded.append(folded)
        pieces.append((position, position + len(folded), body_end, following, False))
        # Blanks before a backslash stay.
        folds.append((-1 if joined else body_end, following))
        position += len(folded)
        at = following
    if "".join(decoded) != value or not pieces:
        return None
    return SourceMap([piece for piece in pieces if piece[0] < piece[1]], encode, folds=folds)


def _line_end(text: str, start: int, end: int) -> int:
    feed = text.find("\n", start, end)
    carriage = text.find("\r", start, end)
    return min(place for place in (feed, carriage, end) if place >= 0)


def _ends_escaped(text: str, start: int, end: int) -> bool:
    """Return whether a line of a double-quoted scalar ends in a backslash that joins it to the next one."""
    count = 0
    while end - count > start and text[end - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _add_line(text: str, at: int, end: int, style: str, position: int, pieces: list[Piece], decoded: list[str]) -> int:
    """Add the pieces of one line to the lists; return the position after it, or -1 for an unknown escape."""
    sign = _SIGNS.get(style)
    while at < end:
        stop = text.find(sign, at, end) if sign else -1
        stop = end if stop < 0 else stop
        if at < stop:
            decoded.append(text[at:stop])
            pieces.append((position, position + stop - at, at, stop, True))
            position += stop - at
        if stop < end:
            char, size = ("'", 2) if style == "'" else _unescaped(text, stop)
            if not char:
                return -1
            decoded.append(char)
            pieces.append((position, position + 1, stop, stop + size, False))
            position += 1
            stop += size
        at = stop
    return position


def _unescaped(text: str, start: int) -> tuple[str, int]:
    """Return the character of an escape in double quotes, and the escape's length; no character if it is unknown."""
    letter = text[start + 1 : start + 2]
    size = 2 + _HEX.get(letter, 0)
    if letter in _HEX:
        code = int(text[start + 2 : start + size], 16)
        if 0xD800 <= code < 0xE000:
            from multimesh.yamltext.surrogates import pair_at

            return pair_at(text, start), 12
        return chr(code), size
    return _ESCAPES.get(letter, ""), size

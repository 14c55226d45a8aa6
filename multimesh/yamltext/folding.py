"""Where each character of a plain or quoted scalar stands in its text, through escapes and folded lines."""

from multimesh.yamltext.scalars import SourceMap, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from multimesh.yamltext.nodes import ScalarNode
    from multimesh.yamltext.scalars import Piece

#: What an escape begins with, in each style that has some.
_SIGNS = {"'": "''", '"': "\\"}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}


def flow_map(text: str, start: int, end: int, node: "ScalarNode") -> "SourceMap | None":
    """Map the value of a scalar that begins and ends here, tag and anchor left aside; None where nobody can tell."""
    style = text[start : start + 1]
    if style == node.style == "'":
        return _map(text, start + 1, end - 1, node.value, style, lambda new: new.replace("'", "''"))
    if style == node.style == '"':
        return _map(text, start + 1, end - 1, node.value, style, escape)
    if not node.style:
        return _map(text, start, end, node.value, "", str)
    return None


def _map(text: str, start: int, end: int, value: str, style: str, encode: "Callable[[str], str]") -> "SourceMap | None":
    """Map what stands between the quotes, or all of a plain scalar: lines are folded in every style."""
    pieces: list[Piece] = []
    decoded: list[str] = []
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
        position = _line(text, at, body_end, style, position, pieces, decoded)
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
        position += len(folded)
        at = following
    if "".join(decoded) != value or not pieces:
        return None
    return SourceMap([piece for piece in pieces if piece[0] < piece[1]], encode)


def _line_end(text: str, start: int, end: int) -> int:
    feed = text.find("\n", start, end)
    carriage = text.find("\r", start, end)
    return min(place for place in (feed, carriage, end) if place >= 0)


def _ends_escaped(text: str, start: int, end: int) -> bool:
    """Tell whether a line of a double-quoted scalar ends in a backslash that joins it to the next one."""
    count = 0
    while end - count > start and text[end - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _line(text: str, at: int, end: int, style: str, position: int, pieces: "list[Piece]", decoded: list[str]) -> int:
    """Map the stretches and the escapes of one line; return the position behind it, or -1 for an unknown escape."""
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
    """Return the character that an escape of double quotes stands for, and its length; no character if unknown."""
    letter = text[start + 1 : start + 2]
    size = 2 + _HEX.get(letter, 0)
    if letter in _HEX:
        return chr(int(text[start + 2 : start + size], 16)), size
    return _ESCAPES.get(letter, ""), size

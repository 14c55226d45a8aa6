r"""Read JSON that writes characters beyond the BMP as two escapes: `"\ud83d\ude00"`, as most writers of ASCII JSON do.

Libyaml refuses such escapes, and so does Go's reader of YAML, but Go's reader of JSON does not, and Helm 3 uses it for
a stream that begins with a brace. So such text is composed with escapes of the same length in their place, of
characters of the Private Use Area that it does not have, and then the values get what is meant.
"""

from __future__ import annotations

from multimesh.yamltext.jsontext import is_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from multimesh.yamltext.nodes import Node

#: The first halves of pairs, and how far the characters that take their place are from them.
_HALF = 0x400
_FIRST, _SECOND = 0xD800, 0xDC00
_SHIFT = 0xE000 - _FIRST


def without_pairs(text: str) -> str | None:
    """Return a JSON text with other escapes for its surrogate pairs; None if it has no pairs or is not JSON.

    In JSON, every backslash is a part of an escape in double quotes. In YAML it can be text.
    """
    if not is_json(text) or any(0xE000 <= ord(char) < 0xE000 + 2 * _HALF for char in text if char > "\ud7ff"):
        return None
    parts = []
    kept = 0
    for at in _escapes(text):
        code = int(text[at + 2 : at + 6], 16)
        if 0xE000 <= code < 0xE000 + 2 * _HALF:
            return None
        if at >= kept and (pair := pair_at(text, at)):
            low = ord(pair) - 0x10000
            parts += [text[kept:at], f"\\u{0xE000 + (low >> 10):04x}\\u{0xE400 + (low & 0x3FF):04x}"]
            kept = at + 12
    return "".join((*parts, text[kept:])) if parts else None


def pair_at(text: str, at: int) -> str:
    """Return the character of the two escapes at an offset; an empty text if there are no two of a pair."""
    first, second = _code(text, at), _code(text, at + 6)
    if 0 <= first - _FIRST < _HALF and 0 <= second - _SECOND < _HALF:
        return chr(0x10000 + (first - _FIRST) * _HALF + second - _SECOND)
    return ""


def restore(root: Node) -> None:
    """Give the scalars below a node, which `without_pairs` made, their values. JSON has no aliases."""
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.id == "mapping":
            nodes += [part for pair in node.value for part in pair]
        elif node.id == "sequence":
            nodes += node.value
        elif not node.value.isascii():
            # The code units of UTF-16: what takes the place of a half is the half, shifted.
            node.value = (
                "".join(chr(ord(char) - _SHIFT) if 0 <= ord(char) - 0xE000 < 2 * _HALF else char for char in node.value)
                .encode("utf-16-le", "surrogatepass")
                .decode("utf-16-le")
            )


def _escapes(text: str) -> Iterator[int]:
    r"""Yield where each `\uXXXX` of a JSON text begins."""
    at = text.find("\\")
    while at >= 0:
        if text[at + 1] == "u":
            yield at
        at = text.find("\\", at + 2)


def _code(text: str, at: int) -> int:
    digits = text[at + 2 : at + 6]
    return int(digits, 16) if text[at : at + 2] == "\\u" and len(digits) == 4 else 0

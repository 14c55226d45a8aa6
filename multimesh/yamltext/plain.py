"""Nodes as plain values, as Go's YAML reader takes them (go-yaml v2.4.0, resolve.go)."""

from __future__ import annotations

from multimesh.yamltext.fieldpath import BadShape
from multimesh.yamltext.nodes import UNTAGGED, is_mapping, is_null, is_sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.nodes import Node, ScalarNode

#: Tags of text, and of a node that may be read as a plain value.
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_KNOWN_TAGS = (UNTAGGED, "tag:yaml.org,2002:null", *_TEXT_TAGS)

#: How YAML 1.1 and Go write true and false.
_SWITCHES = {
    form: value
    for words, value in ((("y", "yes", "true", "on"), True), (("n", "no", "false", "off"), False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}


def plain(node: Node) -> Any:
    """Return a node as dicts, lists and scalars. Raises BadShape for other tags, and for keys that are not scalars."""
    if is_mapping(node):
        strange = next((key for key, _ in node.value if key.id != "scalar"), None)
        if strange is not None:
            raise BadShape("", "has a key that is not text", strange)
        return {key.value: plain(child) for key, child in node.value}
    if is_sequence(node):
        return [plain(child) for child in node.value]
    if node.tag not in _KNOWN_TAGS:
        raise BadShape(node.value, f'has the tag "{node.tag}"', node)
    return scalar(node)


def scalar(node: ScalarNode) -> str | int | bool | None:
    """Return a scalar as an integer, boolean or None where it is one, anything else as text."""
    if node.style or node.tag in _TEXT_TAGS:
        return str(node.value)
    if node.value in _SWITCHES:
        return _SWITCHES[node.value]
    if is_null(node):
        return None
    number = _integer(node.value)
    return str(node.value) if number is None else number


def _integer(value: str) -> int | None:
    """Return an integer as Go's reader takes it: 443, 0x1BB, 0b1, 0o17, 017 (octal), 089 (decimal); else None."""
    text = value.replace("_", "")
    digits = text.lstrip("+-")
    if not digits[:1].isdecimal() or not digits.isascii():
        return None
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower(), 10)
    if base == 10 and digits[0] == "0" and not set("89").intersection(digits):
        base = 8
    try:
        return int(text, base)
    except ValueError:
        return None

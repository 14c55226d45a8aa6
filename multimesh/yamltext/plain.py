"""What nodes mean: plain values, as Go's YAML reader takes them (go-yaml, `resolve.go`).

Rules seldom ask: most of what they change is text, whatever else it could be.
"""

from multimesh.yamltext.fieldpath import BadShape, is_mapping, is_null, is_sequence
from multimesh.yamltext.parser import UNTAGGED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.nodes import Node, ScalarNode

#: Tags of text, and of what is text or nothing.
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_KNOWN_TAGS = (UNTAGGED, "tag:yaml.org,2002:null", *_TEXT_TAGS)

#: How YAML 1.1 and Go write true and false.
_SWITCHES = {
    form: value
    for words, value in ((("y", "yes", "true", "on"), True), (("n", "no", "false", "off"), False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}


def plain(node: "Node") -> "Any":
    """Return a node as plain values, its mappings and lists too. Raises BadShape for other tags and strange keys."""
    if is_mapping(node):
        strange = next((key for key, _ in node.value if key.id != "scalar"), None)
        if strange is not None:
            raise BadShape("", "has a key that is no text", strange)
        return {key.value: plain(child) for key, child in node.value}
    if is_sequence(node):
        return [plain(child) for child in node.value]
    if node.tag not in _KNOWN_TAGS:
        raise BadShape(node.value, f'has the tag "{node.tag}"', node)
    return scalar(node)


def scalar(node: "ScalarNode") -> "str | int | bool | None":
    """Return what a scalar means: whole numbers, true, false and nothing as such, anything else as text."""
    if node.style or node.tag in _TEXT_TAGS:
        return str(node.value)
    if node.value in _SWITCHES:
        return _SWITCHES[node.value]
    number = _whole(node.value)
    return number if number is not None else None if is_null(node) else str(node.value)


def _whole(value: str) -> "int | None":
    """Return what is a whole number to Go's reader: 443, 0x1BB, 0b1, 0o17, and 017, which is octal, but 089 is not."""
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

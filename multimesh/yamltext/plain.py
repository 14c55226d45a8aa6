"""Nodes as plain values, as Go's YAML reader takes them (go.yaml.in/yaml/v2 v2.4.4, resolve.go)."""

from __future__ import annotations

from multimesh.yamltext.fieldpath import BadShape, entries
from multimesh.yamltext.nodes import NULLS, UNTAGGED, is_mapping, is_null, is_sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.nodes import Node, ScalarNode

#: Tags of text, and of a node that may be read as a plain value.
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_KNOWN_TAGS = (UNTAGGED, "tag:yaml.org,2002:null", *_TEXT_TAGS, *_NUMBER_TAGS)

#: How YAML 1.1 and Go write true and false.
_SWITCHES = {
    form: value
    for words, value in ((("y", "yes", "true", "on"), True), (("n", "no", "false", "off"), False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}


def plain(node: Node) -> Any:
    """Return a node as dicts, lists and scalars, merge keys resolved.

    Raises BadShape for other tags, and for keys that are not scalars.
    """
    if is_mapping(node):
        return {key_text(key): plain(child) for key, child in entries(node)}
    if is_sequence(node):
        return [plain(child) for child in node.value]
    if node.tag not in _KNOWN_TAGS:
        raise BadShape(node.value, f'has the tag "{node.tag}"', node)
    return scalar(node)


def key_text(key: Node, at: str = "") -> str:
    """Return a key as Helm's JSON has it: `on` is "true", 0x10 is "16". Raises BadShape for one that is not text.

    `at` is the field path of the mapping.
    """
    if key.id != "scalar":
        raise BadShape(at, "has a key that is not text", key)
    if key.value[:1].isalpha() and key.value not in _SWITCHES and key.value not in NULLS:
        return key.value  # Most keys are words, and this is asked for every label.
    found = scalar(key)
    if found is None or type(found) is float:
        raise BadShape(at, f'has the key "{key.value}", which is not text', key)
    return str(found).lower() if type(found) is bool else str(found)


def scalar(node: ScalarNode) -> str | int | float | bool | None:
    """Return a scalar as a number, boolean or None where it is one, anything else as text."""
    found = number(node)
    if found is not None:
        return found
    if not node.style and node.tag not in _TEXT_TAGS:
        if node.value in _SWITCHES:
            return _SWITCHES[node.value]
        if is_null(node):
            return None
    return str(node.value)


def number(node: ScalarNode) -> int | float | None:
    """Return a scalar as the number that Go's reader takes it for, or None if it takes it for something else.

    A float without a fraction is an integer, as in the JSON that Helm makes of it.
    """
    if node.tag not in _NUMBER_TAGS and (node.style or node.tag != UNTAGGED):
        return None
    digits = node.value.lstrip("+-.")
    if not digits[:1].isdecimal() or not digits.isascii():
        return None
    # What begins with a dot is not parsed as an integer first, and keeps its underscores.
    value = node.value if node.value[0] == "." else node.value.replace("_", "")
    found = _integer(value)
    if found is not None and -(1 << 63) <= found < 1 << 64:
        return found
    if set(value) - set("0123456789.eE+-"):
        return None
    try:
        real = float(value)
    except ValueError:
        return None
    if real.is_integer():
        return int(real)
    # A number that is too large is text.
    return real if abs(real) < float("inf") else None


def _integer(value: str) -> int | None:
    """Return an integer by the rules of strconv.ParseInt with base 0: 443, 0x1BB, 0b1, 0o17, 017 (octal)."""
    digits = value.lstrip("+-")
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower(), 8 if digits[0] == "0" else 10)
    try:
        return int(value, base)
    except ValueError:
        return None

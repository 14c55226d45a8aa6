"""Nodes as plain values, as Go's YAML reader takes them (go.yaml.in/yaml/v2 v2.4.4, resolve.go)."""

from __future__ import annotations

import pytest

from multimesh.yamltext.fieldpath import BadShape
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.plain import plain, scalar

SCALARS = {
    "443": 443, "+443": 443, "-443": -443, "0": 0, "1_000": 1000, "0x1BB": 443, "0X1bb": 443, "0b101": 5, "0o17": 15,
    "017": 15, "-017": -15, "089": 89, "0x": "0x", "0xg": "0xg", "12a": "12a", "1.5": 1.5, "1e3": 1000, "٣": "٣",
    "1٣": "1٣", "+": "+", "a": "a", "_1": "_1", "31380.0": 31380, "31380.": 31380, "3.138e4": 31380, ".5": 0.5,
    "-.5": -0.5, "._5": "._5", "1_000.5": 1000.5, "1e400": "1e400", "1:30": "1:30", "2001-01-01": "2001-01-01",
    "0x1p4": "0x1p4", "0b12": "0b12", "1.2.3": "1.2.3", "--1": "--1", "+-1": "+-1", "1e": "1e", "08.5": 8.5,
    "!!int '1'": 1, "!!float 1": 1, "!!float '0x1BB'": 443, "! '1'": "1", "123456789012345678901": 123456789012345683968,
    "true": True, "True": True, "TRUE": True, "tRUE": "tRUE", "y": True, "Y": True, "yes": True, "on": True, "ON": True,
    "false": False, "no": False, "No": False, "n": False, "off": False,
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "nULL": "nULL",
    "'1'": "1", '"true"': "true", "''": "", "!!str 1": "1", "!!null x": "x", "!!null": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=map(repr, SCALARS))
def test_a_scalar_is_what_go_reads(text, value):
    """Integers, booleans and null have their types, and everything else is text."""
    node = next(compose_all(f"a: {text}\n")).value[0][1]
    assert scalar(node) == value
    assert type(scalar(node)) is type(value)


def test_collections_are_dicts_and_lists():
    """They may be nested."""
    assert plain(next(compose_all("a: {b: [1, x, {c: ~}], d: 'n'}\n"))) == {"a": {"b": [1, "x", {"c": None}], "d": "n"}}


def test_keys_are_those_of_helms_json():
    """For Go the key `on` is true, and 0x10 is 16."""
    assert plain(next(compose_all("{on: a, 0x10: b, 'on': c, n: d}"))) == {
        "true": "a",
        "16": "b",
        "on": "c",
        "false": "d",
    }


REFUSED = {
    "a key that is null": ("{~: 1}", 'has the key "~", which is not text'),
    "a key that is a list": ("{[a]: 1}", "has a key that is not text"),
    "a binary": ("a: !!binary eA==", 'has the tag "tag:yaml.org,2002:binary"'),
    "a tag of its own": ("a: [!x b]", 'has the tag "!x"'),
    "a boolean by its tag": ("a: !!bool 'y'", 'has the tag "tag:yaml.org,2002:bool"'),
}


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_plain_value_is_refused(text, what):
    """Another YAML parser could read another value."""
    with pytest.raises(BadShape) as error:
        plain(next(compose_all(text)))
    assert error.value.what == what

"""YAML that libyaml and Go's readers take for different things is refused."""

from __future__ import annotations

import pytest

from multimesh.errors import MultimeshError
from multimesh.yamltext.parser import compose_all

REFUSED = {
    "a byte order mark before a key": ("a: 1\n\ufeffb: 2\n", "<stdin>:2", "byte order mark"),
    "a byte order mark after a carriage return": ("a: 1\r\ufeffb: 2\n", "<stdin>:1", "byte order mark"),
    "a key in Base64": ("!!binary a2luZA==: b\n", "<stdin>:1", 'a key has the tag "!!binary"'),
    "a key with a tag of its own": ("a:\n  !x b: c\n", "<stdin>:2", 'a key has the tag "!x"'),
    "an item in Base64": ("a: [b,!!binary eA==]\n", "<stdin>:1", 'an item of a list has the tag "!!binary"'),
    "a merge key with the tag !": ('a: {! "<<": {b: c}}\n', "<stdin>:1", "merge key for Helm 3"),
    "a key with the tag of a merge": ("!!merge a: {b: c}\n", "<stdin>:1", 'a key has the tag "!!merge"'),
    "a number with the tag !": ("a:\n  b: ! 443\n", "<stdin>:2", '"443" has the tag "!"'),
    "a number with an anchor and the tag !": ("a: &b ! 443\n", "<stdin>:1", '"443" has the tag "!"'),
    "a boolean with the tag ! in a list": ("- ! true\n", "<stdin>:1", '"true" has the tag "!"'),
    "null with the tag !": ("a: ! ~\n", "<stdin>:1", '"~" has the tag "!"'),
    "the directive of a tag": (
        "a: b\n...\n%TAG !e! tag:yaml.org,2002:\n---\na: !e!str b\n",
        "<stdin>:3",
        "the directive %TAG",
    ),
    "a tag before a comma": ("a:\n  b: {c: !!str, istio-reader}\n", "<stdin>:2", 'a comma follows the tag "!!str"'),
    "the tag ! before a comma": ("[!, a]\n", "<stdin>:1", 'a comma follows the tag "!"'),
    "a tag after an anchor before a comma": ("{a: &b !c, d: e}\n", "<stdin>:1", 'a comma follows the tag "!c"'),
    "a tag before a comma in place of a key": ("{!!str, a: b}\n", "<stdin>:1", 'a comma follows the tag "!!str"'),
    "a deep key in a list": ("- - {a: {!!int 1: b}}\n", "<stdin>:1", 'a key has the tag "!!int"'),
}


@pytest.mark.parametrize(("text", "where", "what"), REFUSED.values(), ids=REFUSED)
def test_what_go_reads_otherwise_is_refused(text, where, what):
    """The message has the line and the problem."""
    with pytest.raises(MultimeshError) as error:
        list(compose_all(text))
    assert error.value.where == where
    assert what in error.value.what


ACCEPTED = {
    "a byte order mark in a text": "a: 'b\ufeffc'\n",
    "a key with the tag of a string": "!!str a: b\n! 'b': c\n",
    "a merge key by its tag": '!!merge "<<": {a: b}\n',
    "a value in Base64": "a: !!binary eA==\n",
    "a tag before a comma that a blank precedes": "[!!str , a]\n",
    "the directive of the version": "%YAML 1.1\n---\na: !!str b\n",
    "the name of the directive in a text": "a: !!str '%TAG'\nb: 100%TAG\n",
    "an anchor before a comma": "[&a, {c: &d !!str , e: f}]\n",
    "no value at the end, after a tag": "a: !!str b\nc:",
    "text with the tag !": "a: ! b\nc: &x ! d\ne: ! '443'\nf: &y 443\n",
    "an exclamation mark": "a: b!c\nd: 'wait !! for'\n",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_go_reads_alike_is_not_refused(text):
    """Every refusal must have a reason, so that valid charts are rendered."""
    assert len(list(compose_all(text))) == 1

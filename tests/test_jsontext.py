"""One member of a JSON object is found as a JSON reader finds it, or not at all."""

from __future__ import annotations

import json
from random import Random

import pytest

from multimesh import jsontext
from multimesh.jsontext import member, members

WORDS = ("a", "b", "gateways", '"', "\\", "}{", "],[", ":", ",", "é", "a\nb", '\\"a\\":', "/", "")


def random_value(rng: Random, depth: int) -> object:
    """Make a value whose strings try to mislead."""
    kind = rng.random()
    if depth and kind < 0.4:
        return {"".join(rng.sample(WORDS, 2)): random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if depth and kind < 0.6:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return rng.choice([None, True, False, 0, -1.5e-3, 17, "".join(rng.choices(WORDS, k=3))])


@pytest.mark.parametrize("chunk", [3, 1 << 12])
@pytest.mark.parametrize("seed", range(4))
def test_a_member_is_what_a_json_reader_finds(seed, chunk, monkeypatch):
    """Over random objects, compact and indented."""
    monkeypatch.setattr(jsontext, "_CHUNK", chunk)
    rng = Random(f"json {seed}")
    seen = 0
    for _ in range(2000):
        obj = {"".join(rng.sample(WORDS, rng.randint(1, 2))): random_value(rng, 3) for _ in range(rng.randint(0, 5))}
        text = json.dumps(obj, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 2)))
        if rng.random() < 0.3:
            text = text.replace(" ", "")
        for key in {"a", "gateways", *obj}:
            span = member(text, key)
            if json.dumps(key) != f'"{key}"':
                continue
            assert (span is not None) == (key in obj), (text, key)
            if span is not None:
                assert json.loads(text[slice(*span)]) == json.loads(text)[key], (text, key)
                seen += 1
        plain = [key for key in obj if json.dumps(key) == f'"{key}"']
        if plain:
            assert members(text, *plain) == {key: member(text, key) for key in plain}, text
    assert seen > 1000


NONE = {
    "no object": '["a", 1]',
    "no JSON": "a: 1\nb: {\"a\": 1}",
    "a flow mapping of YAML": '{b: c, "a": 1}',
    "a key that stands twice": '{"a": 1, "b": 2, "a": 3}',
    "a key of another object": '{"b": {"a": 1}}',
    "two texts with nothing between": '{"a" "b": 1}',
    "a text": '{"b": "\\"a\\": 1", "c": "a"}',
    "a value that does not end": '{"a": {"b": 1',
    "a text that does not end": '{"a": "b',
    "a value that is no JSON": '{"a": {b: c}}',
    "nothing": '{"a":',
}  # fmt: skip


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_member_of_a_json_object_is_none(text):
    """The caller then reads the text as YAML."""
    assert member(text, "a") is None

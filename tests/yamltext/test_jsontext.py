"""One member of a JSON object is found as a JSON reader finds it, or not at all."""

from __future__ import annotations

import json
from random import Random

import pytest

from multimesh.yamltext.jsontext import members

WORDS = ("a", "b", "gateways", '"', "\\", "}{", "],[", ":", ",", "é", "a\nb", '\\"a\\":', "/", "")


def random_value(rng: Random, depth: int) -> object:
    """Make a value whose strings try to mislead."""
    kind = rng.random()
    if depth and kind < 0.4:
        return {"".join(rng.sample(WORDS, 2)): random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if depth and kind < 0.6:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return rng.choice([None, True, False, 0, -1.5e-3, 17, "".join(rng.choices(WORDS, k=3))])


def is_word(key: str) -> bool:
    """Tell a key that is written as it is read, and cannot be mistaken for what stands between two strings."""
    return json.dumps(key) == f'"{key}"' and any(map(str.isalpha, key))


@pytest.mark.parametrize("seed", range(4))
def test_a_member_is_what_a_json_reader_finds(seed):
    """Over random objects, compact and indented, those inside of others too."""
    rng = Random(f"json {seed}")
    seen = inner = 0
    for _ in range(2000):
        obj = {"".join(rng.sample(WORDS, rng.randint(1, 2))): random_value(rng, 3) for _ in range(rng.randint(0, 5))}
        text = json.dumps(obj, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, None, 2)))
        if rng.random() < 0.3:
            text = text.replace(" ", "")
        read = json.loads(text)
        for key in {"a", "gateways", *obj}:
            found = members(text, 0, key)
            if not is_word(key) and key in obj and json.dumps(key, ensure_ascii=False) != f'"{key}"':
                assert found is None, (text, key)
                continue
            if found is None:
                assert "\\u" in text, text
                continue
            assert (key in found) == (key in obj), (text, key)
            if key not in found:
                continue
            start, stop = found[key]
            assert json.loads(text[start:stop]) == read[key], (text, key)
            seen += 1
            if isinstance(read[key], dict):
                keys = [name for name in ("a", "b", *read[key]) if is_word(name)]
                within = members(text, start, *keys)
                assert within is not None, text
                assert set(within) == set(keys) & set(read[key]), (text, key)
                for name, (first, last) in within.items():
                    assert json.loads(text[first:last]) == read[key][name]
                    inner += 1
        keys = [key for key in obj if is_word(key)]
        assert members(text, 0, *keys) == {key: (members(text, 0, key) or {})[key] for key in keys}, text
    assert seen > 600
    assert inner > 60


NONE = {
    "no object": '["a", 1]',
    "no JSON": "a: 1\nb: {\"a\": 1}",
    "a flow mapping of YAML": '{b: c, "a": 1}',
    "a key that stands twice": '{"a": 1, "b": 2, "a": 3}',
    "a key of another object": '{"b": {"a": 1}}',
    "two texts with nothing between": '{"a" "b": 1}',
    "a text": '{"b": "\\"a\\": 1", "c": "a"}',
    "a value that does not end": '{"a": {"b": 1',
    "a list that does not end": '{"a": [{"b": 1}',
    "a list that a brace closes": '{"a": [1}',
    "a text that does not end": '{"a": "b',
    "a value that is no JSON": '{"a": {b: c}}',
    "a word that is no JSON": '{"a": word}',
    "a key that is written with escapes": '{"\\u0061": 1}',
    "a key that stands twice, once with escapes": '{"a": 1, "b": "", "\\u0061": 2}',
    "a number that is no JSON": '{"a": NaN}',
    "a member without comma": '{"a": 1 "b": 2}',
    "a comma without member": '{"a": 1,, "a": 2}',
    "a value after the key without colon": '{"a", 1}',
    "a text with a break": '{"a": "b\n"}',
    "nested beyond measure": '{"a": ' + "[" * 100_000,
    "a break that an escape takes back": '{"b": "\\\n", "a": 1}',
    "nothing": '{"a":',
}  # fmt: skip


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_member_of_a_json_object_is_not_found(text):
    """The caller then reads the text as YAML."""
    assert not members(text, 0, "a")


BEYOND = {
    "an object that does not end": '{"b": {"c": 1}',
    "a text that does not end": '{"b": "c}',
    "keys without quotes": '{"b": 1, istio: 2}',
    "keys in single quotes": "{'a': 2}",
    "keys without quotes in the object beside": '{"b": {}, "c": {istio: 2}}',
    "a list": "[1]",
    "nothing": "",
}


@pytest.mark.parametrize("text", BEYOND.values(), ids=BEYOND)
def test_what_is_no_json_has_no_key_for_sure_and_lacks_none(text):
    """A key that is not found there could stand there in another form."""
    assert members(text, 0, "a") is None


def test_what_go_writes_with_digits_hides_nothing():
    """Its JSON is safe inside HTML."""
    text = json.dumps({"b": "a<b>&'\"\\", "a": 1})
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    assert json.loads(text)["b"] == "a<b>&'\"\\"
    assert members(text, 0, "a") == {"a": (text.rindex("1"), text.rindex("1") + 1)}

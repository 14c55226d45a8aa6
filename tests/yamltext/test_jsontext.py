"""A member of a JSON object is found as a JSON parser finds it, or not at all."""

from __future__ import annotations

import json
from random import Random

import pytest

from multimesh.yamltext.jsontext import end, is_json, members

WORDS = ("a", "b", "gateways", '"', "\\", "}{", "],[", ":", ",", "é", "a\nb", '\\"a\\":', "/", "")


def random_value(rng: Random, depth: int) -> object:
    """Return a value whose strings resemble keys and brackets."""
    kind = rng.random()
    if depth and kind < 0.4:
        return {"".join(rng.sample(WORDS, 2)): random_value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if depth and kind < 0.6:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return rng.choice([None, True, False, 0, -1.5e-3, 17, "".join(rng.choices(WORDS, k=3))])


def is_word(key: str) -> bool:
    """Return whether a key is written without escapes, and differs from the text between two strings."""
    return json.dumps(key) == f'"{key}"' and any(map(str.isalpha, key))


@pytest.mark.parametrize("seed", range(4))
def test_a_member_is_what_a_json_reader_finds(seed):
    """It holds for random objects, compact and indented, nested ones included."""
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
            start, stop = found[key], end(text, found[key])
            assert members(text, 0, key, whole=True) == found
            assert json.loads(text[start:stop]) == read[key], (text, key)
            seen += 1
            if isinstance(read[key], dict):
                keys = [name for name in ("a", "b", *read[key]) if is_word(name)]
                within = members(text, start, *keys)
                assert within is not None, text
                assert set(within) == set(keys) & set(read[key]), (text, key)
                for name, place in within.items():
                    assert json.loads(text[place : end(text, place)]) == read[key][name]
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
    """The caller then parses the text as YAML."""
    found = members(text, 0, "a")
    assert not found or end(text, found["a"]) < 0


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
    """A key that is not found may still be there in another form."""
    assert members(text, 0, "a") is None


BROKEN = {
    "behind the member": '{"a": 1, b: 2}',
    "in a value behind the member": '{"a": 1, "b": [c]}',
    "after the value": '{"a": 1 2}',
    "no end": '{"a": 1, "b": 2',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_an_object_that_must_be_json_as_a_whole_is_scanned_to_its_end(text):
    """A member before a mistake is found, unless the whole object must be valid."""
    assert members(text, 0, "a") == {"a": 6}
    assert members(text, 0, "a", whole=True) is None


ENDS = {
    "a number before a comma": ("[1.5e3, 2]", 1, 6),
    "a text with an escaped quote": ('["a\\"b"]', 1, 7),
    "a text with brackets": ('["}]"]', 1, 5),
    "an object before blanks": ('{"a": {"b": []} \t\r\n}', 6, 15),
    "a word before a brace": ('{"a":null}', 5, 9),
    "a word that is not of JSON": ('{"a":yes}', 5, -1),
    "a value without an end": ('{"a":1', 5, -1),
    "a value before another": ('{"a":1 2}', 5, -1),
    "an open object": ('{"a":{}', 5, -1),
    "not a number": ("[NaN]", 1, -1),
    "nothing": ("", 0, -1),
}


@pytest.mark.parametrize(("text", "at", "stop"), ENDS.values(), ids=ENDS)
def test_a_value_ends_where_json_says(text, at, stop):
    """A value ends at a bracket or a comma."""
    assert stop == end(text, at)


def test_blanks_may_surround_everything():
    """White space may be before and after the brace, the key, the colon, the value and the comma."""
    text = ' \t\r\n{ "b" : [ ] , "a" : 1 }'
    assert members(text, 0, "a", whole=True) == {"a": text.index("1")}
    assert members(" { } ", 0, "a") == {}


def test_two_members_are_found_in_any_order():
    """The scan continues until both are found."""
    assert members('{"b": 1, "c": 2, "a": 3}', 0, "a", "b") == {"b": 6, "a": 22}


def test_a_key_that_follows_in_a_text_or_deeper_is_not_a_second_one():
    """Only another member of the same object is a second one."""
    assert members('{"a": 1, "b": {"a": 2}, "c": "a"}', 0, "a") == {"a": 6}
    assert members('{"a": 1, "b": "\\\\"}', 0, "a") == {"a": 6}


def test_what_go_writes_with_digits_hides_nothing():
    """Go escapes characters that are special in HTML."""
    text = json.dumps({"b": "a<b>&'\"\\", "a": 1})
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    assert json.loads(text)["b"] == "a<b>&'\"\\"
    assert members(text, 0, "a") == {"a": text.rindex("1")}


def test_a_text_is_json_if_it_is_one_object_or_list():
    for text in ("{}", "[]", ' \n{"a": [1]}\r\n\t ', "[[], {}]"):
        assert is_json(text)
    for text in ("", " ", "{", "[1", '"a"', "1", "{} x", "[] []", "{a: 1}", "{} # a", "[,]"):
        assert not is_json(text)

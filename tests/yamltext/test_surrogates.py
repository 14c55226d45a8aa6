"""Surrogate pairs of JSON, which libyaml refuses: they are read as one character, and an edit does not change the rest."""

from __future__ import annotations

import json
from random import Random

import pytest

from multimesh.errors import MultimeshError
from multimesh.yamltext import scalars
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.surrogates import pair_at, without_pairs

WORDS = ("a", " ", "\\", '"', "\n", "é", "\U0001f600", "\U0010ffff", "\U00010000", "\ud7ff", "/u", "\\ud83d", "istio")


def text_of(rng: Random) -> str:
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(1, 9)))


@pytest.mark.parametrize("seed", range(200))
def test_json_means_the_same_in_ascii(seed: int) -> None:
    rng = Random(seed)
    value = {text_of(rng): [text_of(rng)] for _ in range(3)}
    (root,) = compose_all(json.dumps(value))
    assert {key.value: [item.value for item in found.value] for key, found in root.value} == value


@pytest.mark.parametrize("seed", range(200))
def test_a_word_among_pairs_is_replaced_and_nothing_else(seed: int) -> None:
    rng = Random(seed)
    before, after = text_of(rng), text_of(rng)
    text = json.dumps([f"{before}NAME{after}"])
    (root,) = compose_all(text)
    node = root.value[0]
    at = node.value.index("NAME")
    span = scalars.source_map(text, node, "\n").edit(at, at + 4, "new")
    assert span is not None
    assert json.loads(text[: span[0]] + span[2] + text[span[1] :]) == [f"{before}new{after}"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\ud83d"}',
        '{"a": "\\ude00\\ud83d"}',
        '{"a": "\\ud83d\\ud83d\\ude00"}',
        'a: "\\ud83d\\ude00"',
        '{"a": "\\ud83d\\ude00\\ue000"}',
        '{"a": "\\ud83d\\ude00\ue000"}',
    ],
    ids=["half", "reversed", "half and pair", "YAML", "private escape", "private character"],
)
def test_what_is_not_a_pair_or_in_doubt_is_refused(text: str) -> None:
    with pytest.raises(MultimeshError, match="not YAML"):
        list(compose_all(text))


def test_other_escapes_stay_as_long_as_they_were() -> None:
    text = '{"\\u00e9": "\\\\ud83d\\ud83d\\uDE00"}'
    found = without_pairs(text)
    assert found is not None
    assert (len(found), found[:19]) == (len(text), text[:19])
    assert pair_at(text, 19) == "\U0001f600"


def test_a_character_beyond_the_bmp_is_written_as_json_can_write_it() -> None:
    assert json.loads(f'"{scalars.escape(chr(0xE0001))}"') == chr(0xE0001)


def test_two_escapes_of_a_pair_are_one_character() -> None:
    for text, found in (
        ("\\ud83d\\ude00", "\U0001f600"), ("\\ud83d\\u0041", ""), ("\\ud83d", ""), ("\\ude00\\ud83d", ""),
        ("\\u0041\\ude00", ""), ("\\ud83dxxxxxx", ""), ("abc", ""),
    ):  # fmt: skip
        assert pair_at(text, 0) == found

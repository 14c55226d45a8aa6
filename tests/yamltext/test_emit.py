"""What is removed from a list and put into a mapping, over all choices of items and keys."""

from __future__ import annotations

from itertools import combinations

import pytest
import yaml

from multimesh.yamltext.edits import Editor, Text, applied

ITEMS = ["a", {"b": 1}, "c", ["d"], "e"]
CHOICES = [choice for size in range(1, 6) for choice in combinations(range(5), size)]


@pytest.mark.parametrize(
    "text",
    [
        "list: [a, {b: 1}, c, [d], e]\nz: 1\n",
        "list: [ a , {b: 1} ,\n  c, [d], # d\n  e\n  ]\nz: 1\n",
        "list:\n- a\n- b: 1\n- c\n# d\n- [d]\n- e\nz: 1\n",
        "list:\n  - a\n  - b: 1\n\n  - c\n  - - d\n  - e\nz: 1\n",
    ],
    ids=["flow", "flow over lines", "block", "indented block"],
)
@pytest.mark.parametrize("indices", CHOICES, ids=str)
def test_the_items_that_stay_are_the_others(text: str, indices: tuple[int, ...]) -> None:
    """Neighbours in a flow list share commas."""
    found = Text(text)
    editor = Editor(found, "Kind/a", "some-rule")
    sequence = found.roots[0].value[0][1]
    for index in indices:
        editor.drop_item(sequence, index)
    assert yaml.safe_load(applied(text, found.planned())) == {
        "list": [item for number, item in enumerate(ITEMS) if number not in indices],
        "z": 1,
    }


@pytest.mark.parametrize("text", ["{a: 1, b: , c: {}}\n", "a: 1\nb:\nc: {}\n", "a: 1\nb: ~ # b\nc: {}"])
def test_keys_are_put_where_they_are_absent_or_have_no_value(text: str) -> None:
    found = Text(text)
    editor = Editor(found, "Kind/a", "some-rule")
    for key, value in (("b", "x"), ("d", {"e": "f"}), ("g", "h: i")):
        editor.put(found.roots[0], key, value, key)
    assert yaml.safe_load(applied(text, found.planned())) == {
        "a": 1, "b": "x", "c": {}, "d": {"e": "f"}, "g": "h: i",
    }  # fmt: skip

"""Documents that are nested too deeply, or multiplied by aliases, are refused before they cost time or memory."""

from __future__ import annotations

import pytest

from multimesh.errors import MultimeshError
from multimesh.yamltext import limits
from multimesh.yamltext.limits import MAX_DEPTH, may_nest
from multimesh.yamltext.parser import compose_all

#: A limit that is below the one that libyaml has itself.
FEW = 50

#: A comment with more brackets than any text without nesting.
SIGNS = "\n# " + "[" * 5 * MAX_DEPTH + "[\n"

NESTED = {
    "lists in brackets": "[" * (FEW + 1) + "]" * (FEW + 1),
    "mappings in braces": "{a: " * (FEW + 1) + "}" * (FEW + 1),
    "lists on one line": "- " * (FEW + 1) + "a\n",
    "mappings with explicit keys on one line": "? " * (FEW + 1) + "a\n",
    "mappings line below line": "".join(" " * number + "a:\n" for number in range(FEW + 1)),
}


def outcome(text: str) -> str:
    """Return the error for a text, or nothing."""
    try:
        list(compose_all(text, "chart.yaml"))
    except MultimeshError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deeply_is_refused(text, monkeypatch):
    """It holds for every style; the message has the limit."""
    monkeypatch.setattr(limits, "MAX_DEPTH", FEW)
    # With enough such characters every text is checked.
    assert outcome(text + SIGNS).startswith(f"multimesh: chart.yaml: a document is nested deeper than {FEW} levels\n")


@pytest.mark.parametrize("depth", [FEW, FEW + 1])
def test_the_limit_is_exact(depth, monkeypatch):
    """The last allowed level is accepted, and closed levels do not count."""
    monkeypatch.setattr(limits, "MAX_DEPTH", FEW)
    text = "a: " + "[" * (depth - 1) + "]" * (depth - 1) + "\nb: [" + "[],{}," * FEW + "]\n"
    assert bool(outcome(text + SIGNS)) == (depth > FEW)


LIMIT = 5 * MAX_DEPTH

MAY_NEST = {
    "a short text of brackets": ("[" * LIMIT, False),
    "a longer one": ("[" * (LIMIT + 1), True),
    "brackets and braces together": ("[{" * (LIMIT // 2) + "[", True),
    "a long text without signs": ("a" * (LIMIT + 1), False),
    "many dashes in words": ("a-b" * (LIMIT + 1), False),
    "many items, a line each": ("- a\n" * (LIMIT + 1), False),
    "many items, some on one line": ("- a\n" * LIMIT + "- " * 101 + "a\n", True),
    "many items, a hundred on one line": ("- a\n" * LIMIT + "- " * 100 + "a\n", False),
    "many explicit keys, some on one line": ("? a\n" * LIMIT + "? " * 101 + "a\n", True),
    "a huge text": ("a\n" * (4 * MAX_DEPTH * MAX_DEPTH + 1), False),
    "a huge text with deep indentation": ("a" * (8 * MAX_DEPTH * MAX_DEPTH) + "\n" + " " * 4 * MAX_DEPTH + "a", True),
    "a huge text with less indentation": ("a" * (8 * MAX_DEPTH * MAX_DEPTH) + "\n" + " " * (4 * MAX_DEPTH - 1) + "a", False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MAY_NEST.values(), ids=MAY_NEST)
def test_only_what_could_be_nested_is_parsed_twice(text, expected):
    """The characters that open a level are counted first."""
    assert may_nest(text) is expected


def test_an_alias_inside_its_own_anchor_is_refused():
    """The message has the line of the node."""
    error = outcome("x: 1\na: &a\n  b: *a\n")
    assert error.startswith("multimesh: chart.yaml:2: an alias points to the node that contains it")
    assert "Correct it at this line." in error


@pytest.mark.parametrize("most", [11, 10])
def test_aliases_multiply_a_document_up_to_the_limit(most, monkeypatch):
    """A node counts each time it is used: here the root, three keys, three lists, and their items."""
    monkeypatch.setattr(limits, "MAX_NODES", most)
    error = outcome("a: &a [x]\nb: [*a]\nc: *a\n")
    assert error == "" if most == 11 else "aliases multiply this document to more than 10 values" in error


def test_an_error_on_stdin_points_to_helm():
    """A user who pipes a chart cannot correct the line."""
    with pytest.raises(MultimeshError) as error:
        list(compose_all("a: &a [*a]\n"))
    assert error.value.hint.startswith("Look at what 'helm template' prints")

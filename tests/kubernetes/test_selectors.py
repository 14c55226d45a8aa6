"""Label selectors: which are accepted, and what they match, as Kubernetes does."""

from __future__ import annotations

from typing import Any

import pytest

from multimesh.kubernetes.selectors import allows, matches, may_match, read, requirements
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import BadShape


def selector(text: str) -> dict[str, Any]:
    return read(Text(text).roots[0], "spec/selector")


READ = {
    "null": ("~", {}),
    "empty": ("{}", {}),
    "labels": ("matchLabels: {a: b, c: ''}", {"matchLabels": {"a": "b", "c": ""}}),
    "null labels": ("matchLabels:", {"matchLabels": None}),
    "empty expressions": ("matchExpressions: []", {"matchExpressions": []}),
    "null expressions": ("matchExpressions:", {"matchExpressions": None}),
    "an expression": (
        "matchExpressions: [{key: a, operator: In, values: [b]}]",
        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
    ),
    "without values": (
        "matchExpressions: [{key: a, operator: Exists}]",
        {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
    ),
    "null values": (
        "matchExpressions: [{key: a, operator: DoesNotExist, values: }]",
        {"matchExpressions": [{"key": "a", "operator": "DoesNotExist", "values": None}]},
    ),
    "another operator": (
        "matchExpressions: [{key: a, operator: NotIn, values: []}]",
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": []}]},
    ),
}


@pytest.mark.parametrize(("text", "value"), READ.values(), ids=READ)
def test_a_selector_is_read_as_plain_values(text: str, value: object) -> None:
    assert selector(text) == value


def test_an_absent_selector_is_empty() -> None:
    assert read(None, "spec/selector") == {}


NOT_A_SELECTOR = {
    "a list": "[]",
    "a text": "a",
    "labels that are a list": "matchLabels: [a]",
    "a label that is a number": "matchLabels: {a: 1}",
    "one label of two that is a boolean": "matchLabels: {a: b, c: true}",
    "expressions that are a mapping": "matchExpressions: {a: b}",
    "an expression that is text": "matchExpressions: [a]",
    "one expression of two that is text": "matchExpressions: [{key: a, operator: Exists}, a]",
    "an expression without a key": "matchExpressions: [{operator: Exists}]",
    "an expression without an operator": "matchExpressions: [{key: a}]",
    "an expression with neither": "matchExpressions: [{}]",
    "an operator that is a number": "matchExpressions: [{key: a, operator: 1}]",
    "a key that is a number": "matchExpressions: [{key: 1, operator: 1}]",
    "values that are text": "matchExpressions: [{key: a, operator: In, values: b}]",
    "a value that is a number": "matchExpressions: [{key: a, operator: In, values: [b, 1]}]",
}


@pytest.mark.parametrize("text", NOT_A_SELECTOR.values(), ids=NOT_A_SELECTOR)
def test_what_is_not_a_selector_is_refused(text: str) -> None:
    root = Text(text).roots[0]
    with pytest.raises(BadShape) as error:
        read(root, "spec/selector")
    assert (error.value.path, error.value.what, error.value.node) == ("spec/selector", "is not a label selector", root)


@pytest.mark.parametrize("operator", ["in", "Gt", "", "exists"])
def test_an_operator_that_kubernetes_does_not_know_is_refused(operator: str) -> None:
    with pytest.raises(BadShape) as error:
        selector(f'matchExpressions: [{{key: a, operator: Exists}}, {{key: a, operator: "{operator}"}}]')
    assert error.value.path == "spec/selector"
    assert error.value.what == (
        f'has the operator "{operator}", and Kubernetes knows In, NotIn, Exists and DoesNotExist'
    )


def test_requirements_are_those_of_labels_and_of_expressions() -> None:
    found = requirements({
        "matchLabels": {"a": "b", "c": "d"},
        "matchExpressions": [{"key": "e", "operator": "NotIn", "values": ["f", "g"]}, {"key": "h", "operator": "Exists"}, {}],
    })  # fmt: skip
    assert found == [
        ("a", "In", ["b"]), ("c", "In", ["d"]), ("e", "NotIn", ["f", "g"]), ("h", "Exists", []), ("", "", []),
    ]  # fmt: skip


@pytest.mark.parametrize("empty", [None, {}, {"matchLabels": None, "matchExpressions": None}])
def test_an_empty_selector_has_no_requirements_and_matches_all(empty: dict[str, Any] | None) -> None:
    assert requirements(empty) == []
    assert matches(empty, {})
    assert may_match(empty, "a", "b")
    assert may_match(empty, "a", None)


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        # For the value "b", another value, and an absent label.
        ("In", ["b"], (True, False, False)),
        ("In", ["a", "b"], (True, False, False)),
        ("In", [], (False, False, False)),
        ("NotIn", ["b"], (False, True, True)),
        ("NotIn", ["a", "b"], (False, True, True)),
        ("NotIn", [], (True, True, True)),
        ("Exists", [], (True, True, False)),
        ("DoesNotExist", [], (False, False, True)),
    ],
)
def test_an_operator_allows(operator: str, values: list[str], expected: tuple[bool, ...]) -> None:
    assert tuple(allows(operator, values, value) for value in ("b", "z", None)) == expected


def test_an_empty_value_exists() -> None:
    assert allows("Exists", [], "")
    assert not allows("DoesNotExist", [], "")


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^Gt$"):
        allows("Gt", [], "a")


BOTH = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["d"]}]}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"a": "b"}, True),
        ({"a": "b", "c": "e"}, True),
        ({"a": "b", "c": "d"}, False),
        ({"a": "x"}, False),
        ({}, False),
        ({"c": "e"}, False),
    ],
)
def test_a_selector_matches_where_all_requirements_hold(labels: dict[str, str], expected: bool) -> None:
    assert matches(BOTH, labels) is expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("a", "b", True), ("a", "c", False), ("a", None, False), ("c", "d", False), ("c", "e", True), ("c", None, True),
        ("other", "x", True), ("other", None, True),
    ],
)  # fmt: skip
def test_a_selector_may_match_whatever_the_other_labels_are(key: str, value: str | None, expected: bool) -> None:
    assert may_match(BOTH, key, value) is expected

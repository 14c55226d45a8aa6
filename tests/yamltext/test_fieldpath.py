"""Field paths lead from a node to the nodes that they name; otherwise the error says at which node they fail."""

from __future__ import annotations

import pytest

from multimesh.yamltext.fieldpath import BadShape, entry, find, get, items, mapping, refusal, text, value
from multimesh.yamltext.nodes import is_mapping, is_null, is_scalar, is_sequence
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.plain import plain

DOCUMENT = """\
a:
  b: {c: x, 'd/e': y, "null": 1}
  list:
  - name: one
    v: [p, q]
  - {name: two}
  - null
empty:
tilde: ~
word: null
quoted: ''
binary: !!binary eA==
tagged: !!str null
"""


@pytest.fixture
def root():
    return next(compose_all(DOCUMENT))


def described(found) -> list[tuple[str, object]]:
    return [(path, node.value if is_scalar(node) else node.id) for path, node in found]


def test_the_kinds_of_nodes_are_told_apart(root):
    """They are distinguished by their id, and None is none of them."""
    nodes = {"mapping": root, "sequence": get(root, "a/list"), "scalar": get(root, "a/b/c"), "none": None}
    assert [name for name, node in nodes.items() if is_mapping(node)] == ["mapping"]
    assert [name for name, node in nodes.items() if is_sequence(node)] == ["sequence"]
    assert [name for name, node in nodes.items() if is_scalar(node)] == ["scalar"]


NULLS = {"~": True, "null": True, "Null": True, "NULL": True, "": True, "!!null ''": True, "!!null 'null'": True, "!!null x": False, "!!null": True,
         "nULL": False, "''": False, '"null"': False, "!!str null": False, "[]": False, "{}": False, "|": False}  # fmt: skip


@pytest.mark.parametrize(("written", "null"), NULLS.items(), ids=map(repr, NULLS))
def test_null_is_a_scalar_that_says_so(written, null):
    """A quoted scalar is text unless it has the tag of null; so is a scalar with the tag of a string."""
    assert is_null(next(compose_all(f"a: {written}\n")).value[0][1]) is null


@pytest.mark.parametrize("path", ["a/x", "x", "x/y/z", "empty", "tilde", "word", "empty/x", "quoted/x", "tilde/x/y"])
def test_an_absent_or_null_field_is_none(root, path):
    """It holds for every step of the path."""
    assert get(root, path) is None
    assert text(root, path) == ""
    assert mapping(root, path) is None
    assert items(root, path) == []


def test_a_path_leads_to_its_node(root):
    """A slash in a key is written ~1."""
    assert text(root, "a/b/c") == "x"
    assert text(root, "a/b/d~1e") == "y"
    assert text(root, "a/b/null") == "1"
    assert text(root, "quoted") == ""
    assert text(root, "tagged") == "null"
    assert mapping(root, "a/b").value[0][0].value == "c"
    assert [node.id for node in items(root, "a/list")] == ["mapping", "mapping", "scalar"]


def test_a_list_that_is_returned_is_a_copy(root):
    """A caller that changes it does not change the document."""
    items(root, "a/list").clear()
    assert len(items(root, "a/list")) == 3


def test_text_of_a_node_itself(root):
    """For null and None it is empty."""
    assert text(None) == ""
    assert text(get(root, "a/b/c")) == "x"
    assert text(entry(root, "tilde")[1]) == ""


SHAPES = {
    "a scalar on the way": (lambda root: get(root, "a/b/c/d/e"), "a/b/c", "is not a mapping"),
    "a list on the way": (lambda root: get(root, "a/list/name"), "a/list", "is not a mapping"),
    "text of a mapping": (lambda root: text(root, "a/b"), "a/b", "is not text"),
    "text of a list itself": (lambda root: text(get(root, "a/list")), "", "is not text"),
    "text in Base64": (lambda root: text(root, "binary"), "binary", 'is "eA==" in Base64'),
    "mapping of a scalar": (lambda root: mapping(root, "a/b/c"), "a/b/c", "is not a mapping"),
    "mapping of a list": (lambda root: mapping(root, "a/list"), "a/list", "is not a mapping"),
    "items of a mapping": (lambda root: items(root, "a/b"), "a/b", "is not a list"),
    "items of a scalar": (lambda root: items(root, "a/b/c"), "a/b/c", "is not a list"),
    "find below a scalar": (lambda root: find(root, "a/b/c/*"), "a/b/c", "is not a list"),
    "find a key of a list": (lambda root: find(root, "a/list/name"), "a/list", "is not a mapping"),
    "find a key of a list in a list": (lambda root: find(root, "a/list/*/v/p"), "a/list/0/v", "is not a mapping"),
    "find an item in a mapping": (lambda root: find(root, "a/b/[name=x]"), "a/b", "is not a list"),
    "find a key of a scalar": (lambda root: find(root, "a/b/c/d"), "a/b/c", "is not a mapping"),
}


@pytest.mark.parametrize(("ask", "path", "what"), SHAPES.values(), ids=SHAPES)
def test_another_shape_is_refused_with_its_own_path(root, ask, path, what):
    """The message names the node of the wrong type, not the requested one."""
    with pytest.raises(BadShape) as error:
        ask(root)
    assert (error.value.path, error.value.what) == (path, what)


def test_find_returns_every_match_with_its_path(root):
    """All items of a list, all values of a mapping, and the items with a field."""
    assert described(find(root, "a/b/*")) == [("a/b/c", "x"), ("a/b/d/e", "y"), ("a/b/null", "1")]
    assert described(find(root, "a/list/*")) == [("a/list/0", "mapping"), ("a/list/1", "mapping"), ("a/list/2", "null")]
    assert described(find(root, "a/list/*/v/*")) == [("a/list/0/v/0", "p"), ("a/list/0/v/1", "q")]
    assert described(find(root, "a/list/[name=two]")) == [("a/list/[name=two]", "mapping")]
    assert described(find(root, "a/list/[name=one]/v")) == [("a/list/[name=one]/v", "sequence")]
    assert described(find(root, "a/b/d~1e")) == [("a/b/d~1e", "y")]
    for path in ("a/x/y", "x/*", "a/list/[name=three]", "empty/*", "quoted/[a=b]", "a/list/*/x", "word/x"):
        assert find(root, path) == []


MERGED = """\
one: &one {k: 1, only: a}
two: &two {k: 2, other: b}
m:
  <<: *one
  k: 3
n:
  <<: [*two, *one]
o:
  "<<": *one
p: {<<: x, k: 4}
q: {<<: [x, *one]}
"""


def test_entries_of_a_merge_key_are_found_after_those_of_the_mapping():
    """The first mapping in a list of them wins. A quoted key is not a merge key."""
    root = next(compose_all(MERGED))
    read = {
        path: text(root, path) for path in ("m/k", "m/only", "n/k", "n/only", "n/other", "o/k", "p/k", "p/x", "q/k")
    }
    assert read == {
        "m/k": "3", "m/only": "a", "n/k": "2", "n/only": "a", "n/other": "b", "o/k": "", "p/k": "4", "p/x": "", "q/k": "1",
    }  # fmt: skip


def test_a_key_that_is_written_twice_is_refused():
    """With the path up to it; a key that is a list is another key."""
    root = next(compose_all("a: {b: {c: 1, c: 2}, ? [c] : 3}\n"))
    with pytest.raises(BadShape, match='"c" is written twice in one mapping') as error:
        get(root, "a/b/c/d")
    assert error.value.path == "a/b/c"
    with pytest.raises(BadShape) as error:
        value(get(root, "a/b"), "c")
    assert error.value.path == "c"
    with pytest.raises(BadShape) as error:
        value(get(root, "a/b"), "c", "here")
    assert error.value.path == "here"
    assert entry(get(root, "a"), "c") is None


def test_value_is_none_for_null():
    """An entry with the value null exists."""
    root = next(compose_all("a:\nb: 1\n"))
    assert value(root, "a") is None
    assert value(root, "c") is None
    assert value(root, "b").value == "1"
    assert entry(root, "a")[1].value == ""


def test_a_refusal_says_where_what_and_what_to_do(root):
    """With an empty path the message has no extra space."""
    error = refusal("chart.yaml:1: Kind/a", BadShape("a/b", "is not text", root), "some-rule")
    assert str(error).startswith(
        "multimesh: chart.yaml:1: Kind/a: a/b is not text, which no rule knows [some-rule]\n  Left"
    )
    assert refusal("", BadShape("", "is not text", root), "").what == "is not text, which no rule knows"


MERGES = {
    "before the key": ("{<<: {k: a}, k: b}", "b"),
    "the last of two": ("{<<: {k: a}, <<: {k: b}}", "b"),
    "the last that has the key": ("{<<: {k: a}, <<: {x: b}}", "a"),
    "the first of a list": ("{<<: [{x: a}, {k: b}, {k: c}]}", "b"),
    "a merge in a merge": ("{<<: {<<: {k: a}}}", "a"),
    "by its tag": ('{!!merge "<<": {k: a}}', "a"),
    "a common key": ('{"<<": {k: a}, !!str <<: {k: b}, k: c}', "c"),
    "after the key, without it": ("{k: a, <<: {x: b}}", "a"),
}


@pytest.mark.parametrize(("written", "value"), MERGES.values(), ids=MERGES)
def test_a_merge_key_counts_where_it_is_written(written, value):
    """As in go-yaml v2.4.4, decode.go, a later entry overrides an earlier one."""
    found = next(compose_all(written))
    assert text(found, "k") == value
    assert plain(found)["k"] == value


@pytest.mark.parametrize("written", ["{k: a, <<: {k: b}}", "{k: a, <<: [{x: c}, {k: b}]}", "{k: a, <<: {<<: {k: a}}}"])
def test_a_key_that_a_merge_overrides_is_refused(written):
    """An edit of the key would have no effect. The message names the merge."""
    with pytest.raises(BadShape, match="overridden by the merge key"):
        text(next(compose_all(written)), "k")


def test_all_entries_include_those_of_merge_keys():
    """Each key is listed once."""
    found = next(compose_all("m: {<<: [{a: 1}, {a: 2, b: 3}], c: 4}"))
    assert [path for path, _ in find(found, "m/*")] == ["m/a", "m/b", "m/c"]
    assert plain(found) == {"m": {"a": 1, "b": 3, "c": 4}}

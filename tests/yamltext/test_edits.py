"""Edits of a text: each request becomes the smallest change, in the style of the document."""

from __future__ import annotations

import json
from random import Random

import pytest
import yaml

from multimesh.errors import MultimeshError
from multimesh.yamltext.edits import Edit, Editor, Text, applied
from multimesh.yamltext.fieldpath import BadShape, entry, find, get

NEW = {"name": "b", "value": "on"}


def edited(text: str, wish) -> str:
    """Make one or several requests for a text, and apply the edits."""
    found = Text(text)
    wish(editor(found), found.roots[0])
    return applied(text, found.planned())


def editor(text: Text, rule: str = "some-rule") -> Editor:
    """Return the editor that a rule gets for one resource."""
    return Editor(text, "Kind/a", rule)


def at(root, path: str):
    """Return the node at a path, even if it is null."""
    parent, _, key = path.rpartition("/")
    return entry(get(root, parent) if parent else root, key)[1]


def append(path: str, *items):
    def wish(text, root):
        for item in items:
            text.append(at(root, path) if path else root, item, path)

    return wish


def put(path: str, item):
    def wish(text, root):
        parent, _, key = path.rpartition("/")
        text.put(at(root, parent) if parent else root, key, item, path)

    return wish


def remove(path: str):
    def wish(text, root):
        parent, _, key = path.rpartition("/")
        text.remove(at(root, parent) if parent else root, key, path)

    return wish


def replace(path: str, item):
    def wish(text, root):
        text.replace(at(root, path), item, path)

    return wish


def drop(path: str, *indices: int):
    def wish(text, root):
        for index in indices:
            text.drop_item(at(root, path), index)

    return wish


def rewrite(path: str, new):
    def wish(text, root):
        text.rewrite(at(root, path), new, path)

    return wish


APPENDED = [
    ("block", "a:\n  - x\nb: 1\n", "a:\n  - x\n  - z\nb: 1\n"),
    ("dashes below the key", "a:\n- x\nb: 1\n", "a:\n- x\n- z\nb: 1\n"),
    ("comments after the last item", "a:\n  - x # c\n  # d\n\n# e\nb: 1\n", "a:\n  - x # c\n  - z\n  # d\n\n# e\nb: 1\n"),
    ("last item is a mapping", "a:\n  - n: x\n    v: y\n\nb: 1\n", "a:\n  - n: x\n    v: y\n  - z\n\nb: 1\n"),
    ("last item is a list", "a:\n  - - x\n    - y\nb: 1\n", "a:\n  - - x\n    - y\n  - z\nb: 1\n"),
    ("last item is a literal", "a:\n  - |\n    x\n\n    y\n\nb: 1\n", "a:\n  - |\n    x\n\n    y\n  - z\n\nb: 1\n"),
    ("last item is a literal that keeps its breaks", "a:\n  - |+\n    x\n\nb: 1\n", "a:\n  - |+\n    x\n\n  - z\nb: 1\n"),
    ("last item is folded", "a:\n  - >-\n    x\n    y\nb: 1\n", "a:\n  - >-\n    x\n    y\n  - z\nb: 1\n"),
    ("last item is plain on two lines", "a:\n  - x\n    y\nb: 1\n", "a:\n  - x\n    y\n  - z\nb: 1\n"),
    ("last item is quoted on two lines", "a:\n  - 'x\n    y'\nb: 1\n", "a:\n  - 'x\n    y'\n  - z\nb: 1\n"),
    ("last item is a flow list on two lines", "a:\n  - [x,\n     y] # c\nb: 1\n", "a:\n  - [x,\n     y] # c\n  - z\nb: 1\n"),
    ("last item is null", "a:\n  - x\n  -\nb: 1\n", "a:\n  - x\n  -\n  - z\nb: 1\n"),
    ("last item is a key without value", "a:\n  - x:\nb: 1\n", "a:\n  - x:\n  - z\nb: 1\n"),
    ("last item is an alias", "k: &k v\na:\n  - x # *c\n  - *k # d\nb: 1\n", "k: &k v\na:\n  - x # *c\n  - *k # d\n  - z\nb: 1\n"),
    ("the same alias twice", "k: &k v\na:\n  - *k\n  - *k\nb: 1\n", "k: &k v\na:\n  - *k\n  - *k\n  - z\nb: 1\n"),
    ("an alias of its own first item", "a:\n  - k: &k v\n  - *k\nb: 1\n", "a:\n  - k: &k v\n  - *k\n  - z\nb: 1\n"),
    ("a key with an alias", "k: &k v\na:\n  - n: *k\nb: 1\n", "k: &k v\na:\n  - n: *k\n  - z\nb: 1\n"),
    ("anchored", "a: &n\n  - x\nb: 1\n", "a: &n\n  - x\n  - z\nb: 1\n"),
    ("tagged", "a: !!seq\n- x\nb: 1\n", "a: !!seq\n- x\n- z\nb: 1\n"),
    ("anchored and tagged, with a comment", "a: !!seq &n # c\n  # - d\n  - x\nb: 1\n", "a: !!seq &n # c\n  # - d\n  - x\n  - z\nb: 1\n"),
    ("wide dashes", "a:\n  -   x\n", "a:\n  -   x\n  - z\n"),
    ("no final newline", "a:\n  - x", "a:\n  - x\n  - z"),
    ("no final newline, comment", "a:\n  - x # c", "a:\n  - x # c\n  - z"),
    ("no final newline, literal", "a:\n  - |\n    x", "a:\n  - |\n    x\n  - z"),
    ("several final newlines", "a:\n  - x\n\n\n", "a:\n  - x\n  - z\n\n\n"),
    ("trailing blanks", "a:\n  - x  \n", "a:\n  - x  \n  - z\n"),
    ("CRLF", "a:\r\n  - x\r\nb: 1\r\n", "a:\r\n  - x\r\n  - z\r\nb: 1\r\n"),
    ("CRLF, no final newline", "a:\r\n  - x", "a:\r\n  - x\r\n  - z"),
    ("lone CR", "a:\r  - x\rb: 1\r", "a:\r  - x\r  - z\rb: 1\r"),
    ("mixed line ends", "a:\n  - x\r\nb: 1\n", "a:\n  - x\r\n  - z\r\nb: 1\n"),
    ("non-ASCII before", "é: 😀\na:\n  - 😀é\nb: 1\n", "é: 😀\na:\n  - 😀é\n  - z\nb: 1\n"),
    ("document end", "a:\n  - x\n...\n", "a:\n  - x\n  - z\n...\n"),
    ("flow", "a: [x, y]\n", 'a: [x, y, "z"]\n'),
    ("empty", "a: []\n", 'a: ["z"]\n'),
    ("empty with blanks", "a: [ ]\n", 'a: [ "z"]\n'),
    ("final comma", "a: [x, y, ]\n", 'a: [x, y, "z", ]\n'),
    ("flow over lines with comments", "a: [\n  x, # c, d\n  y # e]\n]\n", 'a: [\n  x, # c, d\n  y, "z" # e]\n]\n'),
    ("flow with a mapping last", "a: [{x: y}]\n", 'a: [{x: y}, "z"]\n'),
    ("flow with a pair last", "a: [x: y]\n", 'a: [x: y, "z"]\n'),
    ("flow with an alias last", "k: &k v\na: [x, *k]\n", 'k: &k v\na: [x, *k, "z"]\n'),
    ("flow, anchored", "a: &n [x]\n", 'a: &n [x, "z"]\n'),
    ("JSON", '{"a":["x","y"],"b":1}', '{"a":["x","y", "z"],"b":1}'),
    ("JSON over lines", '{\n  "a": [\n    "x"\n  ]\n}\n', '{\n  "a": [\n    "x", "z"\n  ]\n}\n'),
    ("quoted key", '"a":\n  - x\n', '"a":\n  - x\n  - z\n'),
    ("explicit key", "? a\n: - x\n", "? a\n: - x\n  - z\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "after"), [case[1:] for case in APPENDED], ids=[case[0] for case in APPENDED])
def test_an_item_is_appended_behind_the_last_one(text, after):
    """The item is written in the style of the others; every other byte is the same."""
    assert after == edited(text, append("a", "z"))


def test_a_root_list_takes_an_item():
    """A list may be the root of a document."""
    assert edited("- x\n", append("", "z")) == "- x\n- z\n"


def test_a_mapping_is_appended_in_the_style_of_the_list():
    """Block lists get a block, flow lists one line; text that Go would misread is quoted in both."""
    assert edited("a:\n  - name: a\n", append("a", NEW)) == 'a:\n  - name: a\n  - name: b\n    value: "on"\n'
    assert edited("a: [{name: a}]\n", append("a", NEW)) == 'a: [{name: a}, {"name": "b", "value": "on"}]\n'


def test_two_wishes_for_one_list_are_gathered():
    """Two rules may append to one list; the items are in the order of the requests."""
    assert edited("a:\n  - x\n", append("a", "w", "z")) == "a:\n  - x\n  - w\n  - z\n"
    assert edited("a: [x]\n", append("a", "y", "z")) == 'a: [x, "y", "z"]\n'
    assert edited("a: []\n", append("a", "y", "z")) == 'a: ["y", "z"]\n'


PUT = [
    ("block", "m:\n  a: 1\nb: 1\n", "m:\n  a: 1\n  k: v\nb: 1\n"),
    ("at the end of the text", "m:\n  a: 1", "m:\n  a: 1\n  k: v"),
    ("null", "m:\n  k:\nb: 1\n", 'm:\n  k: v\nb: 1\n'),
    ("null with a comment", "m:\n  k: # c\nb: 1\n", 'm:\n  k: v # c\nb: 1\n'),
    ("null as ~", "m:\n  k: ~\n  b: 1\n", 'm:\n  k: v\n  b: 1\n'),
    ("null as a word", "m: {k: null, b: 1}\n", 'm: {k: "v", b: 1}\n'),
    ("null in JSON", '{"m":{"k":null}}', '{"m":{"k":"v"}}'),
    ("null in a flow", "m: {k: , b: 1}\n", 'm: {k:  "v", b: 1}\n'),
    ("null at the very end", "m:\n  k:", 'm:\n  k: v'),
    ("tagged null", "m:\n  k: !!null\n", 'm:\n  k: v\n'),
    ("empty", "m: {}\n", 'm: {"k": "v"}\n'),
    ("empty JSON", '{"m": {} }', '{"m": {"k": "v"} }'),
    ("flow", "m: {a: 1}\n", 'm: {a: 1, "k": "v"}\n'),
    ("flow with a final comma", "m: {a: 1, }\n", 'm: {a: 1, "k": "v", }\n'),
    ("flow with an empty value last", "m: {a: }\n", 'm: {a: , "k": "v"}\n'),
    ("flow with a key alone", "m: {a}\n", 'm: {a, "k": "v"}\n'),
    ("flow over lines", "m: {\n  a: 1 # c\n}\n", 'm: {\n  a: 1, "k": "v" # c\n}\n'),
    ("comment after it", "m:\n  a: 1 # c\n  # d\nb: 1\n", "m:\n  a: 1 # c\n  k: v\n  # d\nb: 1\n"),
    ("literal last", "m:\n  a: |\n    k: x\n\nb: 1\n", "m:\n  a: |\n    k: x\n  k: v\n\nb: 1\n"),
    ("list last", "m:\n  a:\n  - x\nb: 1\n", "m:\n  a:\n  - x\n  k: v\nb: 1\n"),
    ("anchored", "m: &n\n  a: 1\n", "m: &n\n  a: 1\n  k: v\n"),
    ("first key anchored", "m:\n  &n a: 1\n", "m:\n  &n a: 1\n  k: v\n"),
    ("first key anchored as well", "m: &m\n  &n a:\n     b: 1\n", "m: &m\n  &n a:\n     b: 1\n  k: v\n"),
    ("first key tagged as well", "m: !!map # c\n  !!str a: 1\n", "m: !!map # c\n  !!str a: 1\n  k: v\n"),
    ("first key an alias", "n: &n a\nm: &m\n  *n : 1\n", "n: &n a\nm: &m\n  *n : 1\n  k: v\n"),
    ("tagged", "m: !!map\n  a: 1\n", "m: !!map\n  a: 1\n  k: v\n"),
    ("CRLF", "m:\r\n  a: 1\r\nb: 1\r\n", "m:\r\n  a: 1\r\n  k: v\r\nb: 1\r\n"),
    ("alias last", "b: &b 1\nm:\n  a: *b\nc: 1\n", "b: &b 1\nm:\n  a: *b\n  k: v\nc: 1\n"),
    ("merged in, overridden", "b: &b {k: w}\nm:\n  <<: *b\nc: 1\n", "b: &b {k: w}\nm:\n  <<: *b\n  k: v\nc: 1\n"),
    ("merged in as null", "b: &b {k: }\nm:\n  <<: *b\nc: 1\n", "b: &b {k: }\nm:\n  <<: *b\n  k: v\nc: 1\n"),
    ("in a list item", "l:\n- a: 1\nm:\n  a: 1\n", "l:\n- a: 1\nm:\n  a: 1\n  k: v\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "after"), [case[1:] for case in PUT], ids=[case[0] for case in PUT])
def test_a_key_is_put_behind_the_last_entry(text, after):
    """An absent key becomes the last entry; a key without a value gets one."""
    assert after == edited(text, put("m/k", "v"))


OPEN = [
    ("m:\n  a: 1\n  b: |\n    x", "m:\n  k: v\n  a: 1\n  b: |\n    x"),
    ("m:\n  ? a\n  : >+\n    x", "m:\n  k: v\n  ? a\n  : >+\n    x"),
    ("m:\n  l:\n  - b: |2 # c\n      x", "m:\n  k: v\n  l:\n  - b: |2 # c\n      x"),
    ("m:\r\n  b: |\r\n    x", "m:\r\n  k: v\r\n  b: |\r\n    x"),
    ("m: &m\n  &n b: |\n    x", "m: &m\n  k: v\n  &n b: |\n    x"),
    ("m:\n  b: |-\n    x", "m:\n  b: |-\n    x\n  k: v"),
    ("m:\n  b: |\n    x\n", "m:\n  b: |\n    x\n  k: v\n"),
    ("m:\n  b: |\n    x\n# c", "m:\n  b: |\n    x\n  k: v\n# c"),
    ("n: &n |\n  x\nm:\n  b: *n", "n: &n |\n  x\nm:\n  b: *n\n  k: v"),
]


@pytest.mark.parametrize(("text", "after"), OPEN)
def test_a_text_at_the_end_of_a_value_gets_no_line_break(text, after):
    """A line after a literal block would give it one, so the key is put before the others."""
    assert after == within(text)
    assert {**yaml.safe_load(text)["m"], "k": "v"} == yaml.safe_load(after)["m"]


@pytest.mark.parametrize(
    "text",
    [
        "m:\n  <<: {k: w}\n  b: |\n    x", "b: &b {k: }\nm:\n  <<: *b\n  c: >\n    x"
    ],
)  # fmt: skip
def test_a_key_is_not_put_before_a_merge_key(text):
    """In Go a merge key overrides what precedes it."""
    with pytest.raises(MultimeshError, match="follows a text without a line break"):
        within(text)


def within(text: str) -> str:
    """Put a key into a text that is a value, and return the value."""
    outer = Text(f"a: {json.dumps(text)}\n")
    inner = outer.embedded(get(outer.roots[0], "a"))
    put("m/k", "v")(editor(inner), inner.roots[0])
    return yaml.safe_load(applied(outer.text, outer.planned()))["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 'm: b # c'\n", "m: b # c\nk: v"),
        ("a: 'm: b\n\n  n: c'\n", "m: b\nn: c\nk: v"),
        ("a: '{m: b}'\n", '{m: b, "k": "v"}'),
        ('a: "m:\\n  b: c\n\n  n: d"\n', "m:\n  b: c\nn: d\nk: v"),
        ("a: >\n  m: b\n\nz: 1\n", "m: b\nk: v\n"),
    ],
)
def test_a_key_is_put_into_a_text_of_any_style(text, value):
    """Between single quotes, a line break of the text would be a blank to YAML."""
    found = Text(text)
    node = get(found.roots[0], "a")
    inner = found.embedded(node)
    put("k", "v")(editor(inner), inner.roots[0])
    assert yaml.safe_load(applied(text, found.planned()))["a"] == value


def test_a_line_is_put_after_a_fold_with_its_indentation():
    """Blanks after the fold would be indentation of the text in double quotes."""
    text = 'a: "m:\\n  b: c\n\n  n: d"\n'
    found = Text(text)
    inner = found.embedded(get(found.roots[0], "a"))
    put("m/k", "v")(editor(inner), inner.roots[0])
    assert yaml.safe_load(applied(text, found.planned()))["a"] == "m:\n  b: c\n  k: v\nn: d"


@pytest.mark.parametrize(
    ("header", "ends"), [(">", "\n"), (">-", ""), ("|", "\n"), ("|-", "")],
)  # fmt: skip
def test_a_text_at_the_end_of_a_document_keeps_its_line_break(header, ends):
    """The document ends before the line break that Helm writes after it."""
    text = f"a: {header}\n  x: y"
    found = Text(text)
    inner = found.embedded(get(found.roots[0], "a"))
    inner.add(Edit(3, 4, "z", "Kind/a", "some-rule", ""))
    assert yaml.safe_load(applied(text, found.planned()) + "\n")["a"] == f"x: z{ends}"


def test_what_cannot_be_put_is_a_message_of_its_resource():
    """Where the edit goes is found after the rules, whose errors name the resource."""
    found = Text("m: {a: b, k}\n", "stock.yaml", 3)
    editor(found).put(get(found.roots[0], "m"), "k", "v", "m/k")
    with pytest.raises(MultimeshError) as raised:
        found.planned()
    assert (raised.value.where, raised.value.rule) == ("stock.yaml:3: Kind/a", "some-rule")
    assert raised.value.what.startswith("m/k has no colon")


def test_a_key_that_stands_in_a_text_only_is_still_absent():
    """The key may occur in an annotation or a block scalar, which is no entry."""
    text = "m:\n  notes: |\n    k: w\n  a: 'k: w'\n"
    assert text + "  k: v\n" == edited(text, put("m/k", "v"))


@pytest.mark.parametrize("text", ["m: [a: 1]\n"])
def test_a_pair_in_a_flow_list_takes_no_second_key(text):
    """`[a: 1, k: v]` would be two items."""
    with pytest.raises(MultimeshError, match="without braces"):
        edited(text, lambda t, root: t.put(at(root, "m").value[0], "k", "v", "m/k"))


def test_an_explicit_key_without_colon_takes_no_value():
    """`? k` has no colon after which a value could be written."""
    with pytest.raises(MultimeshError, match="has no colon"):
        edited("m:\n  ? k\n", put("m/k", "v"))


def test_nested_values_are_put_in_block_and_in_flow():
    """The value may be nested; keys that Go would misread are quoted."""
    value = {"matchLabels": {"multimesh.dev/mesh": "blue", "y": "n"}, "list": ["a", {"b": 1, "c": True}], "none": {}}
    text = edited("m:\n  a: 1\n", put("m/k", value))
    assert (
        text == 'm:\n  a: 1\n  k:\n    matchLabels:\n      multimesh.dev/mesh: blue\n      "y": "n"\n'
        "    list:\n    - a\n    - b: 1\n      c: true\n    none: {}\n"
    )
    assert {"m": {"a": 1, "k": value}} == yaml.safe_load(text)
    flow = edited('{"m": {}}', put("m/k", value))
    assert {"m": {"k": value}} == yaml.safe_load(flow)


def test_two_wishes_for_one_mapping_are_gathered():
    """Lists and mappings that are put twice are joined, and equal values count once."""

    def wish(text, root):
        for item in ({"x": ["1"]}, {"x": ["1", "2"], "y": "3"}):
            text.put(root, "k", item, "k")

    assert edited("a: 1\n", wish) == 'a: 1\nk:\n  x:\n  - "1"\n  - "2"\n  "y": "3"\n'


def test_two_wishes_that_differ_are_an_error():
    """Two different values for one key are refused."""

    def wish(text, root):
        text.put(root, "k", "1", "k")
        text.put(root, "k", "2", "k")

    with pytest.raises(MultimeshError, match="at once"):
        edited("a: 1\n", wish)


REMOVED = [
    ("in the middle", "m:\n  a: 1\n  k: 2 # c\n  b: 3\n", "m:\n  a: 1\n  b: 3\n"),
    ("the last one", "m:\n  a: 1\n  k: 2 # c\nb: 3\n", "m:\n  a: 1\nb: 3\n"),
    ("the last one of the text", "m:\n  a: 1\n  k: 2", "m:\n  a: 1"),
    ("the only one", "m:\n  k: 2 # c\nb: 3\n", "m:\n  {} # c\nb: 3\n"),
    ("comments of others stay", "m:\n  a: 1 # a\n  # k\n  k: 2\n  # b\n  b: 3\n", "m:\n  a: 1 # a\n  # k\n  # b\n  b: 3\n"),
    ("over several lines", "m:\n  k: |\n    x\n\n    y\n  b: 3\n", "m:\n  b: 3\n"),
    ("with a list", "m:\n  k:\n  - x\n  - y\n  b: 3\n", "m:\n  b: 3\n"),
    ("an empty value", "m:\n  k:\n  b: 3\n", "m:\n  b: 3\n"),
    ("an alias", "z: &z 1\nm:\n  k: *z\n  b: 3\n", "z: &z 1\nm:\n  b: 3\n"),
    ("CRLF", "m:\r\n  k: 2\r\n  b: 3\r\n", "m:\r\n  b: 3\r\n"),
    ("flow, first", "m: {k: 1, b: 2}\n", "m: {b: 2}\n"),
    ("flow, middle", "m: {a: 1, k: 2, b: 3}\n", "m: {a: 1, b: 3}\n"),
    ("flow, last", "m: {a: 1, k: 2}\n", "m: {a: 1}\n"),
    ("flow, final comma", "m: {a: 1, k: 2, }\n", "m: {a: 1, }\n"),
    ("flow, only", "m: {k: 2}\n", "m: {}\n"),
    ("flow, only, final comma", "m: {k: 2, }\n", "m: {}\n"),
    ("flow with a comment", "m: {\n  a: 1, # a\n  k: 2 # k\n}\n", "m: {\n  a: 1 # k\n}\n"),
    ("JSON", '{"m":{"a":1,"k":{"x":[1,2]},"b":2}}', '{"m":{"a":1,"b":2}}'),
    ("absent", "m:\n  a: 1\n", "m:\n  a: 1\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "after"), [case[1:] for case in REMOVED], ids=[case[0] for case in REMOVED])
def test_an_entry_leaves_with_its_line_and_comment(text, after):
    """The rest is the same as if the entry had never been written."""
    result = edited(text, remove("m/k"))
    assert after == result
    wanted = yaml.safe_load(text)
    wanted["m"].pop("k", None)
    assert wanted == yaml.safe_load(result)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("m:\n- k: 1\n  a: 2\n- a: 3\n", "m:\n- a: 2\n- a: 3\n"),
        ("m:\n-   k: 1 # c\n    # d\n    a: 2\n", "m:\n-   a: 2\n"),
        ("m:\n- a: 2\n  k: 1\n- a: 3\n", "m:\n- a: 2\n- a: 3\n"),
        ("m:\n- k: 1\n- a: 3\n", "m:\n- {}\n- a: 3\n"),
        ("m: [{k: 1, a: 2}, {a: 3}]\n", "m: [{a: 2}, {a: 3}]\n"),
    ],
)
def test_the_first_entry_of_an_item_leaves_the_dash(text, after):
    """The dash belongs to the item, not to its first entry."""

    def wish(found, root):
        found.remove(get(root, "m").value[0], "k", "m/k")

    assert after == edited(text, wish)


DROPPED = [
    ("first", (0,), "l:\n- a: 1\n  b: 2\n# c\n- a: 3\nm: 1\n", "l:\n# c\n- a: 3\nm: 1\n"),
    ("middle", (1,), "l:\n- a\n- b # c\n- d\n", "l:\n- a\n- d\n"),
    ("last", (1,), "l:\n  - a\n  - b\nm: 1\n", "l:\n  - a\nm: 1\n"),
    ("last of the text", (1,), "l:\n- a\n- b", "l:\n- a"),
    ("dash in a comment", (1,), "l:\n- a # x-y\n- # c-d\n  # - e\n  b: 1\n- f\n", "l:\n- a # x-y\n- f\n"),
    ("two in a row", (0, 1), "l:\n- a\n- b\n- c\n", "l:\n- c\n"),
    ("flow, first", (0,), "l: [a, b, c]\n", "l: [b, c]\n"),
    ("flow, last", (2,), "l: [a, b, c]\n", "l: [a, b]\n"),
    ("flow, two in a row", (0, 1), "l: [a, b, c]\n", "l: [c]\n"),
    ("flow, the last two", (2, 1), "l: [a, b, c]\n", "l: [a]\n"),
    ("flow, around one", (0, 2), "l: [a, b, c]\n", "l: [b]\n"),
    ("flow, all", (0, 1, 2), "l: [a, b, c, ]\n", "l: []\n"),
    ("flow, all of one", (0,), "l: [ {a: 1} ]\n", "l: [ ]\n"),
    ("JSON", (0, 1), '{"l":[{"a":1},{"b":2},{"c":3}]}', '{"l":[{"c":3}]}'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("indices", "text", "after"), [case[1:] for case in DROPPED], ids=[case[0] for case in DROPPED]
)
def test_items_of_a_list_leave_with_their_lines(indices, text, after):
    """The other items keep their bytes, and a flow collection its commas."""
    result = edited(text, drop("l", *indices))
    assert after == result
    wanted = [item for index, item in enumerate(yaml.safe_load(text)["l"]) if index not in indices]
    assert wanted == yaml.safe_load(result)["l"]


def test_a_block_list_of_which_everything_is_dropped_is_empty():
    """It must not become null: to Kubernetes a List with null items is an object without a name."""
    assert edited("l:\n- a\n- b\nm: 1\n", drop("l", 0, 1)) == "l:\n []\nm: 1\n"
    assert edited("k:\n  l:\n    - a", drop("k/l", 0)) == "k:\n  l:\n     []"


REPLACED = [
    ("block", "s:\n  a:\n  - b: {}\nt: 1\n", "s:\n  mtls:\n    mode: STRICT\nt: 1\n"),
    ("flow", "s: {a: [1]} # c\n", 's: {"mtls": {"mode": "STRICT"}} # c\n'),
    ("JSON", '{"s":{"a":[1]}}', '{"s":{"mtls": {"mode": "STRICT"}}}'),
    ("anchored", "s: &n\n  a: 1\nt: 1\n", "s: &n\n  mtls:\n    mode: STRICT\nt: 1\n"),
    ("its key anchored as well", "s: &n\n  &k a: 1\nt: 1\n", "s: &n\n  mtls:\n    mode: STRICT\nt: 1\n"),
    ("CRLF", "s:\r\n  a: 1\r\nt: 1\r\n", "s:\r\n  mtls:\r\n    mode: STRICT\r\nt: 1\r\n"),
    ("comment", "s:\n  a: 1 # c\n  # d\nt: 1\n", "s:\n  mtls:\n    mode: STRICT # c\n  # d\nt: 1\n"),
]


@pytest.mark.parametrize(("text", "after"), [case[1:] for case in REPLACED], ids=[case[0] for case in REPLACED])
def test_a_mapping_is_replaced_as_a_whole(text, after):
    """The new value is written in the column and the style of the old one."""
    assert after == edited(text, replace("s", {"mtls": {"mode": "STRICT"}}))


REWRITTEN = [
    ("a: x\n", "a: z\n"),
    ("a: 'x'\n", "a: 'z'\n"),
    ('a: "x"\n', 'a: "z"\n'),
    ("a: &n x\n", "a: &n z\n"),
    ("a: !!str x\n", "a: !!str z\n"),
    ("a: ! x\n", "a: ! z\n"),
    ("a: !!str &n\n  x\n", "a: !!str &n\n  z\n"),
    ("a:\n  x\n", "a:\n  z\n"),
    ("a: x\n  y\nb: 1\n", "a: z\nb: 1\n"),
    ("a: |-\n  x\nb: 1\n", 'a: "z"\nb: 1\n'),
    ("a: >-\n  x\n\nb: 1\n", 'a: "z"\n\nb: 1\n'),
    ("a: x # c\n", "a: z # c\n"),
    ('{"a":"x"}', '{"a":"z"}'),
]


@pytest.mark.parametrize(("text", "after"), REWRITTEN)
def test_a_scalar_is_rewritten_in_its_own_style(text, after):
    """Tag, anchor, comment and quotes are kept."""
    assert after == edited(text, rewrite("a", "z"))


def test_a_scalar_that_has_the_value_already_is_no_edit():
    """Law 3: rendering an output again changes nothing."""
    assert edited('a: "\\u007a"\n', rewrite("a", "z")) == 'a: "\\u007a"\n'


def test_a_number_stays_a_number():
    """A port of the profile is written as a number, not as text."""
    assert edited('a: "31380"\n', rewrite("a", 32380)) == "a: 32380\n"
    assert edited("a: 31380\n", rewrite("a", 32380)) == "a: 32380\n"


@pytest.mark.parametrize("text", ["a:\n", "a: ~\n", "a: null\n", "a: [x]\n", "a: {x: y}\n"])
def test_what_says_nothing_is_not_rewritten(text):
    """An edit would combine null with the suffix: `name:-blue`."""
    with pytest.raises(BadShape, match="is not text"):
        edited(text, rewrite("a", "z"))


@pytest.mark.parametrize("tag", ["!!binary", "!!int", "!local", "!<tag:yaml.org,2002:float>"])
def test_a_tag_that_is_no_string_is_refused(tag):
    """The tag decides what the text means, and rules do not know tags."""
    with pytest.raises(BadShape, match="has the tag"):
        edited(f"a: {tag} x\n", rewrite("a", "z"))


SHARED = [
    ("an alias on the path", "b: &n x\na: *n\n", rewrite("a", "z")),
    ("the anchor of an alias", "a: &n x\nb: *n\n", rewrite("a", "z")),
    ("a shared list", "a: &n [x]\nb: *n\n", append("a", "z")),
    ("a list in a shared mapping", "m: &n\n  a: [x]\nb: *n\n", append("m/a", "z")),
    ("a shared mapping", "m: &n {a: x}\nb: *n\n", put("m/k", "v")),
    ("an entry of a shared mapping", "m: &n {k: x}\nb: *n\n", remove("m/k")),
    ("a value of a merge key", "b: &n {k: x}\nm:\n  <<: *n\n", rewrite("m/k", "z")),
    ("an anchor in a removed entry", "m: {k: &n x, l: y}\nb: *n\n", remove("m/k")),
    ("an anchor deep in a removed entry", "m: {k: {a: [&n x]}, l: y}\nb: *n\n", remove("m/k")),
    ("an anchor in a removed item", "l: [{a: &n x}, b]\nb: *n\n", drop("l", 0)),
    ("a replaced mapping", "m: &n {k: x}\nb: *n\n", replace("m", {"a": "b"})),
    ("an item that others use", "l:\n- &n {a: 1}\n- b\nm: *n\n", drop("l", 0)),
]


@pytest.mark.parametrize(("text", "wish"), [case[1:] for case in SHARED], ids=[case[0] for case in SHARED])
def test_what_an_alias_shares_is_refused(text, wish):
    """An edit there would change every place that uses it."""
    with pytest.raises(BadShape, match="shared by an alias"):
        edited(text, wish)


def test_an_anchor_is_not_removed_with_an_alias_after_it():
    """The alias has its own anchor elsewhere, and its nodes are not removed."""
    text = "y: &y {c: 1}\nlist:\n- a: &x [1]\n  b: *y\n- z\nlater: {end}\n"
    with pytest.raises(BadShape, match="is shared by an alias"):
        edited(text.replace("{end}", "*x"), drop("list", 0))
    assert yaml.safe_load(edited(text.replace("{end}", "1"), drop("list", 0))) == {
        "y": {"c": 1}, "list": ["z"], "later": 1,
    }  # fmt: skip


def test_overlapping_edits_are_an_error_that_names_both_rules():
    """Two rules request different edits of one scalar; neither takes precedence."""
    text = Text("a: 1\nb: x y\n", "chart.yaml", 10)
    editor(text, "first-rule").replace_span(8, 11, "z", "b")
    editor(text, "second-rule").replace_span(10, 11, "z", "b")
    with pytest.raises(MultimeshError) as error:
        text.planned()
    assert error.value.where == "chart.yaml:11: Kind/a"
    assert error.value.what == "b is claimed twice, by rule first-rule and by rule second-rule"


def test_the_same_edit_twice_is_one():
    """Two rules that request the same value do not conflict."""
    text = Text("a: x\n")
    for rule in ("one", "two"):
        editor(text, rule).rewrite(text.roots[0].value[0][1], "z", "a")
    assert applied(text.text, text.planned()) == "a: z\n"


def test_insertions_at_one_place_stand_by_depth():
    """The inner list ends before the next entry of the outer mapping."""

    def wish(text, root):
        append("m/l", "z")(text, root)
        put("m/k", "v")(text, root)
        text.put(root, "r", "s", "r")

    assert edited("m:\n  l:\n    - x\n", wish) == "m:\n  l:\n    - x\n    - z\n  k: v\nr: s\n"
    assert edited("m:\n  l:\n  - x\n", wish) == "m:\n  l:\n  - x\n  - z\n  k: v\nr: s\n"
    assert edited("m:\n  l:\n    - x", wish) == "m:\n  l:\n    - x\n    - z\n  k: v\nr: s"
    assert edited("m: {l: [x]}\n", wish) == 'm: {l: [x, "z"], "k": "v"}\nr: s\n'


OUTER = {
    "literal": "d:\n  t: |\n    {body}\n  u: 1\n",
    "literal, stripped": "d:\n  t: |-\n    {body}\n  u: 1\n",
    "literal, comment": "d:\n  t: |+ # c\n    {body}\n\n  u: 1\n",
    "literal, indented by two": "d:\n  t: |2\n    {body}\n  u: 1\n",
    "folded": "d:\n  t: >\n    {body}\n  u: 1\n",
}


@pytest.mark.parametrize("style", [*OUTER, "single", "double", "plain in JSON"])
def test_an_edit_inside_an_embedded_document_keeps_the_rest(style):
    """In any style of the outer scalar, only the inner value changes."""
    lines = ["kind: X # é😀", "name: 'a'", "l:", "- x", '- y: "q"']
    if style in OUTER:
        text = OUTER[style].replace("{body}", "\n    ".join(lines))
        if style == "folded":
            text = text.replace("\n    ", "\n\n    ").replace(">\n\n", ">\n")
    else:
        quotes = {"single": "'", "double": '"', "plain in JSON": '"'}[style]
        body = "\n".join(lines) + "\n"
        if quotes == "'":
            inner = "'" + body.replace("'", "''").replace("\n", "\n\n    ") + "'"
        else:
            import json

            inner = json.dumps(body, ensure_ascii=False)
        text = f"d:\n  t: {inner}\n  u: 1\n"
    before = yaml.safe_load(text)

    def wish(found, root):
        child = found.inside(at(root, "d/t"), "d/t")
        top = child.text.roots[0]
        child.rewrite(at(top, "name"), "a-blue", "name")
        child.append(at(top, "l"), "z", "l")

    after = yaml.safe_load(edited(text, wish))
    inner_before, inner_after = yaml.safe_load(before["d"]["t"]), yaml.safe_load(after["d"]["t"])
    assert {**inner_before, "name": "a-blue", "l": [*inner_before["l"], "z"]} == inner_after
    assert "# é😀" in after["d"]["t"]
    assert after["d"]["u"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_random_edits_of_random_documents_mean_what_they_say(seed):
    """Append, put, remove and rewrite in documents of any style give the same as the operations on plain values."""
    rng = Random(f"edits {seed}")
    for _ in range(500):
        value = {"m": _random_value(rng, 0, dict), "l": _random_value(rng, 0, list), "z": "end"}
        text = yaml.dump(
            value,
            Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
            default_flow_style=rng.choice((True, False, None)),
            default_style=rng.choice((None, None, '"', "'")),
            width=rng.choice((10, 80)),
            indent=rng.choice((2, 3, 4)),
            allow_unicode=True,
            sort_keys=False,
        )
        text = text.replace("\n", rng.choice(("\n", "\r\n")))
        text = text.rstrip("\r\n") if rng.random() < 0.2 else text
        if yaml.safe_load(text) != value:
            continue
        found = Text(text)
        root = found.roots[0]
        wanted = yaml.safe_load(text)
        edits = editor(found)
        edits.append(at(root, "l"), NEW, "l")
        wanted["l"].append(NEW)
        for path, node in find(root, "m/*"):
            key = path.partition("/")[2]
            if isinstance(wanted["m"][key], str) and wanted["m"][key] and rng.random() < 0.5:
                edits.rewrite(node, "new value: #", path)
                wanted["m"][key] = "new value: #"
            elif isinstance(wanted["m"][key], list) and rng.random() < 0.5:
                edits.append(node, "on", path)
                wanted["m"][key].append("on")
        if rng.random() < 0.5:
            edits.put(at(root, "m"), "fresh", [NEW, "1e3"], "m/fresh")
            wanted["m"]["fresh"] = [NEW, "1e3"]
        after = applied(text, found.planned())
        assert wanted == yaml.safe_load(after), (seed, text, after)


def _random_value(rng: Random, depth: int, kind: type | None = None):
    kind = kind or rng.choice((dict, list, str, str, str))
    if kind is str or depth > 3:
        return "".join(rng.choice("abc -:#'\"é😀\n") for _ in range(rng.randint(0, 9)))
    if kind is list:
        return [_random_value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {f"k{number}": _random_value(rng, depth + 1) for number in range(rng.randint(0, 3))}


def test_an_alias_is_removed_without_its_anchor():
    """Only an anchor must be kept."""
    assert edited("a: &n {b: c}\nm: {k: *n, l: y}\n", remove("m/k")) == "a: &n {b: c}\nm: {l: y}\n"


EXPLICIT = {
    "an entry after one": ("a:\n  ? b\n  : c\n", put("a/k", "v"), "a:\n  ? b\n  : c\n  k: v\n"),
    "an entry after an anchor and one": ("a: &x\n  ? b\n  : c\n", put("a/k", "v"), "a: &x\n  ? b\n  : c\n  k: v\n"),
    "an item after an anchor, a comment and a blank line": ("a: &x\n  # c\n\n- b\n", append("a", "v"), "a: &x\n  # c\n\n- b\n- v\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wish", "after"), EXPLICIT.values(), ids=EXPLICIT)
def test_an_insertion_has_the_column_of_the_collection(text, wish, after):
    """The column of the key differs if `?` precedes it."""
    assert edited(text, wish) == after


@pytest.mark.parametrize("text", ["m:\n  ? k\n  : x\n  b: c\n", "m: {? k : x, b: c}\n", "m:\n  ?\n    k\n  : x\n  b: c\n",
                                  "m:\n  k: x\n  ? b\n  : c\n"])  # fmt: skip
def test_an_entry_with_an_explicit_key_is_not_removed(text):
    """The question mark would be left."""
    with pytest.raises(BadShape, match="key after"):
        edited(text, remove("m/k"))


@pytest.mark.parametrize(
    "text", ["m:\n  a:\n    ? b\n    : c # d\n  k: v\nz: 1\n", "m:\n  a:\n  - x:\n      ? b\n      : c\n  k: v\n"]
)
def test_what_follows_an_explicit_key_is_not_removed_at_the_end(text):
    """The parser of Helm 4 may not find the end of the value before a line that is much less indented."""
    with pytest.raises(BadShape, match='follows a key after "\\?"'):
        edited(text, remove("m/k"))
    assert "k" not in edited("m:\n  k: v\n  a:\n    ? b\n    : c\n", remove("m/k"))

"""An editor has the resource and the rule of its requests, and refuses requests that cannot be done."""

from __future__ import annotations

import pytest

from multimesh.errors import MultimeshError
from multimesh.yamltext.edits import Edit, Editor, Text, applied
from multimesh.yamltext.emit import block, flow, joined, lacking, one_line
from multimesh.yamltext.fieldpath import BadShape, entry, get

DOCUMENT = """\
base: &base {k: 1}
m:
  <<: *base
  a: x
l: [x]
s: |
  one two
  two
q: 'one two'
t: !x y
e:
"""


@pytest.fixture
def editor() -> Editor:
    return Editor(Text(DOCUMENT, "chart.yaml", 10), "Kind/a", "some-rule")


def node(editor: Editor, path: str):
    return get(editor.text.roots[0], path)


def result(editor: Editor) -> str:
    return applied(editor.source, editor.text.planned())


REFUSED = {
    "rewrite a mapping": (lambda e: e.rewrite(node(e, "m"), "z", "p"), "is not text"),
    "rewrite null": (lambda e: e.rewrite(entry(e.text.roots[0], "e")[1], "z", "p"), "is not text"),
    "rewrite what has a tag": (lambda e: e.rewrite(node(e, "t"), "z", "p"), 'has the tag "!x"'),
    "append to a mapping": (lambda e: e.append(node(e, "m"), "z", "p"), "is not a list"),
    "append to a scalar": (lambda e: e.append(node(e, "q"), "z", "p"), "is not a list"),
    "put into a list": (lambda e: e.put(node(e, "l"), "k", "z", "p"), "is not a mapping"),
    "put into a scalar": (lambda e: e.put(node(e, "q"), "k", "z", "p"), "is not a mapping"),
    "remove from a list": (lambda e: e.remove(node(e, "l"), "k", "p"), "is not a mapping"),
    "look into a list": (lambda e: e.inside(node(e, "l"), "p"), "is not text"),
    "rewrite what is shared": (lambda e: e.rewrite(node(e, "m/k"), "z", "p"), "is shared by an alias"),
}


@pytest.mark.parametrize(("ask", "what"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_edited_is_refused_with_its_path(editor, ask, what):
    """The message has the path, and the resource that the editor was created with."""
    with pytest.raises(BadShape) as error:
        ask(editor)
    assert error.value.path == "p"
    assert error.value.what.startswith(what)
    assert editor.text.planned() == []


def test_an_entry_of_a_merge_key_is_not_removed():
    """It is written in another place, and other mappings may use it."""
    editor = Editor(Text("m:\n  <<: {k: 1}\n  a: x\n"), "Kind/a", "some-rule")
    with pytest.raises(BadShape, match="merge key"):
        editor.remove(node(editor, "m"), "k", "m/k")


def test_what_is_as_requested_already_is_no_edit(editor):
    """The value is the same already, or the key is absent; a number is compared as text."""
    editor.rewrite(node(editor, "m/a"), "x", "m/a")
    editor.rewrite(node(editor, "t"), "y", "t")
    editor.rewrite(node(editor, "base/k"), 1, "base/k")
    editor.remove(node(editor, "m"), "z", "m/z")
    assert editor.text.planned() == []


def test_a_number_is_written_without_quotes():
    """Text that looks like a number gets quotes."""
    for new, written in ((32380, "32380"), ("32380", '"32380"')):
        editor = Editor(Text("p: 1\n"), "Kind/a", "some-rule")
        editor.rewrite(node(editor, "p"), new, "p")
        assert result(editor) == f"p: {written}\n"


def test_every_edit_has_the_reason_of_its_editor(editor):
    """If two rules request the same edit, both are named, and each once."""
    other = Editor(editor.text, "Kind/a", "other-rule")
    editor.append(node(editor, "l"), "y", "l")
    editor.append(node(editor, "l"), "z", "l")
    other.append(node(editor, "l"), "w", "l")
    editor.inside(node(editor, "q"), "q").replace_span(0, 3, "ONE", "q/one")
    editor.replace(node(editor, "t"), {"a": "b"}, "t")
    found = [(edit.subject, edit.reasons) for edit in editor.text.planned()]
    assert found == [
        ("Kind/a", (("some-rule", "l"), ("other-rule", "l"))),
        ("Kind/a", (("some-rule", "q/one"),)),
        ("Kind/a", (("some-rule", "t"),)),
    ]
    assert '\nl: [x, "y", "z", "w"]\n' in result(editor)


def test_moved_edits_keep_all_reasons():
    """The reasons of further requests are kept too."""
    edit = Edit(1, 2, "a", "Kind/a", "one", "p")
    edit.join(Edit(1, 2, "a", "Kind/a", "one", "p"))
    edit.join(Edit(1, 2, "a", "Kind/a", "two", "p"))
    moved = edit.moved(3, 4, "b", 7)
    assert (moved.start, moved.end, moved.text, moved.depth) == (3, 4, "b", 7)
    assert moved.reasons == (("one", "p"), ("two", "p"))
    assert moved.subject == "Kind/a"


def test_editors_of_inner_texts_write_into_the_outer_one(editor):
    """The texts are a quoted scalar, a literal block, and a span of YAML."""
    words, lines = editor.inside_words(node(editor, "q")), editor.inside_lines(node(editor, "s"))
    assert (words.source, lines.source) == ("one two", "  one two\n  two\n")
    assert (words.title, words.rule, lines.title, lines.rule) == ("Kind/a", "some-rule") * 2
    words.replace_span(4, 7, "2", "q")
    lines.replace_span(12, 15, "2", "s")
    start = DOCUMENT.index("{k: 1}")
    span = editor.inside_span(start, start + 6)
    span.rewrite(node(span, "k"), "3", "base/k")
    after = DOCUMENT.replace("'one two'", "'one 2'").replace("  two\n", "  2\n").replace("{k: 1}", '{k: "3"}')
    assert result(editor) == after
    assert editor.inside_words(node(editor, "l")) is None
    assert editor.inside_lines(node(editor, "m")) is None
    assert editor.inside_words(node(editor, "s")).source == lines.source
    assert editor.inside_lines(node(editor, "q")).source == "one two"


@pytest.mark.parametrize("text", ["s: |\n  é\n  b\n", "s: |\r\n  a\r\n  b\r\n"])
def test_lines_of_a_block_are_decoded_where_offsets_could_differ(text):
    """The texts contain non-ASCII characters and carriage returns."""
    editor = Editor(Text(text), "Kind/a", "some-rule")
    inner = editor.inside_lines(node(editor, "s"))
    assert inner.source == node(editor, "s").value
    inner.replace_span(2, 3, "c", "s")
    assert result(editor) == text.replace("b", "c")


def test_an_embedded_text_knows_its_file_and_line(editor):
    """A block begins on the line after its indicator; the same scalar is the same text."""
    quoted, literal = editor.inside(node(editor, "q"), "q"), editor.inside(node(editor, "s"), "s")
    assert quoted.text.at(quoted.text.roots[0]) == "chart.yaml:18"
    assert literal.text.at(literal.text.roots[0]) == "chart.yaml:16"
    assert editor.inside(node(editor, "q"), "q").text is quoted.text
    part = editor.inside_lines(node(editor, "s"))
    assert part.text.at(part.text.roots[0]) == "chart.yaml:16"


@pytest.mark.parametrize("inner", ["inside", "words"])
def test_an_edit_inside_a_scalar_that_is_shared_is_refused(inner):
    """It would change every place that uses the scalar; the message names the resource and the line."""
    editor = Editor(Text("a: 1\nb: &b 'x y'\nc: *b\n", "chart.yaml"), "Kind/a", "some-rule")
    scalar = node(editor, "b")
    if inner == "inside":
        editor.inside(scalar, "b").replace_span(0, 1, "z", "b")
    else:
        editor.text.part(13, 16, scalar)
        editor.text._parts[0][1].add(Edit(0, 1, "z", "Kind/a", "some-rule", "b"))
    with pytest.raises(MultimeshError, match="shared by an alias") as error:
        editor.text.planned()
    assert error.value.where == "chart.yaml:2: Kind/a"
    assert error.value.rule == "some-rule"


def test_documents_and_items_are_dropped():
    """Each has its own reason."""
    editor = Editor(Text("a: 1\n---\nitems:\n- b\n- c\n"), "Kind/a", "some-rule")
    editor.drop_document(editor.text.roots[0])
    editor.drop_item(get(editor.text.roots[1], "items"), 0)
    assert result(editor) == "---\nitems:\n- c\n"
    assert [edit.reasons for edit in editor.text.planned()] == [(("some-rule", ""),), (("some-rule", "items"),)]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("between", ["", "# a comment", "  # a comment\n\n#"])
def test_a_document_is_dropped_with_its_directives(between, line_break):
    """What is left is YAML: a directive without a document is not. Comments may follow the directives."""
    directives = "\n".join(filter(None, ["%YAML 1.1", between]))
    text = f"a: 1\n...\n{directives}\n---\nb: 2\n".replace("\n", line_break)
    editor = Editor(Text(text), "Kind/a", "some-rule")
    editor.drop_document(editor.text.roots[1])
    assert result(editor) == "a: 1\n...\n".replace("\n", line_break)


VALUES = {
    "text": ("a", '"a"', "a", "a"),
    "text that Go misreads": ("on", '"on"', '"on"', '"on"'),
    "text with a comma": ("--a=b,c", '"--a=b,c"', '"--a=b,c"', "--a=b,c"),
    "a number": (1, "1", "1", "1"),
    "a boolean": (True, "true", "true", "true"),
    "an empty list": ([], "[]", "[]", "[]"),
    "an empty mapping": ({}, "{}", "{}", "{}"),
    "a list": (["a", 1], '["a", 1]', '["a", 1]', "- a\n  - 1"),
    "a list of lists": ([["a"], []], '[["a"], []]', '[["a"], []]', "- - a\n  - []"),
    "a mapping": ({"a": "b", "y": 1}, '{"a": "b", "y": 1}', '{"a": "b", "y": 1}', 'a: b\n  "y": 1'),
    "a mapping of lists": ({"a": ["b"], "c": {"d": "e"}}, '{"a": ["b"], "c": {"d": "e"}}',
                           '{"a": ["b"], "c": {"d": "e"}}', "a:\n  - b\n  c:\n    d: e"),
    "a list of mappings": ([{"a": 1, "b": 2}], '[{"a": 1, "b": 2}]', '[{"a": 1, "b": 2}]', "- a: 1\n    b: 2"),
    "a key to escape": ({'"': "\n"}, '{"\\"": "\\n"}', '{"\\"": "\\n"}', '"\\"": "\\n"'),
}  # fmt: skip


@pytest.mark.parametrize(("value", "in_flow", "on_line", "in_block"), VALUES.values(), ids=VALUES)
def test_a_value_is_written_in_flow_on_one_line_and_in_block_style(value, in_flow, on_line, in_block):
    """In block style, further lines are indented to column 2, where the block begins."""
    assert (flow(value), one_line(value), block(value, 2, "\n")) == (in_flow, on_line, in_block)


def test_requests_for_one_key_are_joined():
    """Items that a list has already are not added, mappings are joined key by key, equal values are one."""
    assert joined(["a"], ["a", "b"], "p", "r") == ["a", "b"]
    assert joined({"a": 1, "b": ["x"]}, {"b": ["y"], "c": 2}, "p", "r") == {"a": 1, "b": ["x", "y"], "c": 2}
    assert joined("a", "a", "p", "r") == "a"
    assert lacking([{"name": "A", "value": "1"}, "--b=1", "c=1"], [{"name": "A", "value": "1"}, "--b=1", "c=2", 3, {"x": 1}],
                   "p", "r") == ["c=2", 3, {"x": 1}]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("a", "b", "p would be 'a' and 'b' at once"),
        (["a"], {"a": 1}, "p would be ['a'] and {'a': 1} at once"),
        ({"k": "a"}, {"k": "b"}, "p would be 'a' and 'b' at once"),
        (["--f=1"], ["--f=2"], 'p would hold "--f" twice, with different values'),
        ([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], 'p would hold "A" twice, with different values'),
    ],
)
def test_requests_that_contradict_each_other_are_an_error(first, second, what):
    """With the rule that asked last."""
    with pytest.raises(MultimeshError) as error:
        joined(first, second, "p", "some-rule")
    assert (error.value.what, error.value.rule) == (what, "some-rule")


def test_edits_are_applied_in_order():
    """What is between them stays."""
    edits = [Edit(0, 1, "X", "", "", ""), Edit(2, 2, "Y", "", "", ""), Edit(3, 4, "", "", "", "")]
    assert applied("abcd", edits) == "XbYc"
    assert applied("abcd", []) == "abcd"

"""Lines and the content of nodes begin and end where a reader sees it, even where libyaml's marks differ."""

from __future__ import annotations

import pytest

from multimesh.yamltext.fieldpath import entry, get
from multimesh.yamltext.nodes import is_sequence
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.positions import Positions


def positions(text: str) -> Positions:
    return Positions(text, [])


BREAKS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r", "NEL": "\x85", "LS": "\u2028", "PS": "\u2029"}


@pytest.mark.parametrize("sign", BREAKS.values(), ids=BREAKS)
def test_every_break_of_yaml_ends_a_line(sign):
    """They may be mixed with line feeds."""
    at = positions(f"ab{sign}cd{sign}\nef")
    second = 2 + len(sign)
    assert [at.line_start(index) for index in (0, 1, 2, second, second + 2)] == [0, 0, 0, second, second]
    assert [at.line_end(index) for index in (0, 2, second, second + 2)] == [2, 2, second + 2, second + 2]
    assert at.next_line(1) == second
    assert at.next_line(len(at.text) - 1) == len(at.text)
    assert at.column(second + 1) == 1
    assert at.line_end(len(at.text)) == len(at.text)


#: Each break, and how it is written.
EACH_BREAK = pytest.mark.parametrize(
    ("sign", "written"), [("\n", "\n"), ("\r\n", "\r\n"), ("\r", "\r"), ("\x85", "\n")]
)


@EACH_BREAK
def test_a_new_line_gets_the_break_of_its_neighbour(sign, written):
    """The last line of a text may have none, and then gets that of the first line."""
    at = positions(f"a{sign}b")
    assert at.newline(0) == at.newline(len(at.text)) == written
    assert positions("a").newline(0) == "\n"
    assert positions("a\r\nb\nc").newline(3) == "\n"
    assert positions("a\nb\r\nc").newline(2) == "\r\n"
    assert positions("a\r\nb\nc").newline(5) == "\r\n"


def test_whole_lines_at_the_end_take_the_break_before_them():
    """They do so only if the last line has none of its own, and never from before the text."""
    assert positions("a\nb").whole_lines(2, 3) == (1, 3)
    assert positions("a\r\nb").whole_lines(3, 4) == (1, 4)
    assert positions("a\nb\n").whole_lines(2, 4) == (2, 4)
    assert positions("a\nb").whole_lines(0, 2) == (0, 2)
    assert positions("b").whole_lines(0, 1) == (0, 1)


def test_whole_lines_before_a_marker_leave_the_break_that_it_follows():
    """To Helm, a marker follows a line feed."""
    assert positions("a\rb\n---\n").whole_lines(2, 4) == (1, 3)
    assert positions("a\x85b\r\n...\n").whole_lines(2, 5) == (1, 3)
    assert positions("a\r\nb\n...\n").whole_lines(3, 5) == (3, 5)
    assert positions("a\nb\n---\n").whole_lines(2, 4) == (2, 4)
    assert positions("a\rb\nc\n").whole_lines(2, 4) == (2, 4)
    assert positions("b\n---\n").whole_lines(0, 2) == (0, 2)


@EACH_BREAK
def test_the_break_before_a_line_is_found(sign, written):
    assert positions(f"a{sign}b").break_before(1 + len(sign)) == written


def test_content_that_ends_with_a_break_is_followed_by_its_own_place():
    """A block scalar ends with one; any other content ends before the break."""
    at = positions("ab\ncd")
    assert [at.after_line(end) for end in (0, 2, 3, 4)] == [3, 3, 3, 5]


ENDS = {
    "plain": ("a: b # c\nx: 1\n", "b"),
    "quoted": ("a: 'b' # c\nx: 1\n", "'b'"),
    "literal": ("a: |\n  b\n\n\nx: 1\n", "|\n  b"),
    "literal that keeps": ("a: |+\n  b\n\nx: 1\n", "|+\n  b\n\n"),
    "literal with a plus in the comment": ("a: | # +\n  b\n\nx: 1\n", "| # +\n  b"),
    "folded": ("a: >-\n  b\n \nx: 1\n", ">-\n  b"),
    "flow list": ("a: [b,\n c] # d\nx: 1\n", "[b,\n c]"),
    "block list": ("a:\n- b\n- c # d\n# e\n\nx: 1\n", "- b\n- c"),
    "block mapping": ("a:\n  b: c\n  d: [e] # f\n\nx: 1\n", "b: c\n  d: [e]"),
    "nested": ("a:\n- b:\n  - c\n  # d\nx: 1\n", "- b:\n  - c"),
    "null at the end": ("a:\n  b:\n  # d\nx: 1\n", "b:"),
    "nothing": ("a:\nx: 1\n", ""),
    "an alias at the end": ("a:\n- &c b\n- *c # d\nx: 1\n", "- &c b\n- *c"),
    "an alias after an alias": ("a:\n- &c b\n- *c\n- # *d\n  *c\nx: 1\n", "- &c b\n- *c\n- # *d\n  *c"),
    "an alias as a value": ("y: &c b\na:\n  k: *c\nx: 1\n", "k: *c"),
    "an alias in a flow list": ("y: &c b\na: [*c]\nx: 1\n", "[*c]"),
}


@pytest.mark.parametrize(("text", "content"), ENDS.values(), ids=ENDS)
def test_a_node_ends_with_its_content(text, content):
    """Comments and blank lines after it do not belong to it; aliases and kept line breaks do."""
    root = next(compose_all(text))
    at = Positions(text, [root])
    node = entry(root, "a")[1]
    end = at.end(node)
    assert text[:end].endswith(content)
    start = node.start_mark.index if not content.startswith("-") and node.id != "mapping" else at.start(node)
    assert text[start:end] == content


STARTS = {
    "a list": ("a:\n  - b\n", "- b"),
    "an anchor": ("a: &x\n  - b\n", "- b"),
    "a tag and an anchor": ("a: !!seq &x\n  - b\n", "- b"),
    "a comment after the anchor": ("a: &x # c - d\n  # e\n  - b\n", "- b"),
    "a mapping with an anchor": ("a: &x\n  b: c\n", "b: c"),
    "a mapping with a tag on its first key": ("a:\n  !!str b: c\n", "!!str b: c"),
    "a mapping whose key is an alias": ("y: &x b\na: &z\n  *x : c\n", "*x : c"),
}


@pytest.mark.parametrize(("text", "content"), STARTS.values(), ids=STARTS)
def test_a_block_collection_starts_at_its_first_key_or_dash(text, content):
    """Its tag, its anchor and comments after them come before."""
    root = next(compose_all(text))
    assert text[Positions(text, [root]).start(entry(root, "a")[1]) :].startswith(content)


def test_the_dash_of_an_item_is_found_after_the_item_before():
    """A dash in a comment or in the item itself is ignored."""
    text = "a:\n- b-c # - d\n# - e\n-   f\n- - g\n"
    root = next(compose_all(text))
    found = [Positions(text, [root]).dash(get(root, "a"), index) for index in range(3)]
    assert found == [text.index("- b-c"), text.index("-   f"), text.index("- - g")]


def test_what_an_alias_repeats_is_shared_with_all_that_is_in_it():
    """Keys are shared too; a node with an anchor only is not."""
    text = "a: &x {k: [v]}\nb: *x\nc: &y [w]\n"
    root = next(compose_all(text))
    shared = Positions(text, [root]).shared
    node = get(root, "a")
    assert {id(node), id(node.value[0][0]), id(get(node, "k")), id(get(node, "k").value[0])} == shared
    assert not Positions("a: &x b\n", list(compose_all("a: &x b\n"))).shared


DOCUMENTS = {
    "the first without marker": ("a: 1\n---\nb: 2\n", 0, "a: 1\n"),
    "the first with marker": ("---\na: 1\n---\nb: 2\n", 0, "---\na: 1\n"),
    "the last": ("a: 1\n---\nb: 2\n", 1, "---\nb: 2\n"),
    "one in the middle": ("a: 1\n---\nb: 2\n# c\n---\nc: 3\n", 1, "---\nb: 2\n# c\n"),
    "one that ends with dots": ("a: 1\n---\nb: 2\n... # c\n---\nd: 1\n", 1, "---\nb: 2\n... # c\n"),
    "one with directives": ("a: 1\n...\n%YAML 1.1\n---\nb: 2\n", 1, "%YAML 1.1\n---\nb: 2\n"),
    "lone carriage returns": ("a: 1\r---\rb: 2\r---\rc: 3\r", 1, "---\rb: 2\r"),
}


@pytest.mark.parametrize(("text", "number", "document"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_reaches_from_its_marker_to_the_next(text, number, document):
    """It includes its directives and its end marker."""
    roots = list(compose_all(text))
    start, end = Positions(text, roots).document(roots[number])
    assert text[start:end] == document


@pytest.mark.parametrize(
    ("text", "explicit"),
    [
        ("a: 1\n", False), ("? a\n: 1\n", True), ("?\n  a\n: 1\n", True), ("?\n\n\n  a\n: 1\n", True),
        ("?\r\n  a\r\n: 1\r\n", True), ("{? a : 1}\n", True), ("{a: 1}\n", False), ("- a: 1\n", False),
        ("- ? a\n  : 1\n", True), ("- ?\n   a\n  : 1\n", True), ("# b?\na: 1\n", False),
    ],
)  # fmt: skip
def test_a_key_is_explicit_after_a_question_mark(text: str, explicit: bool) -> None:
    (root,) = compose_all(text)
    mapping = root.value[0] if is_sequence(root) else root
    assert positions(text).is_explicit(mapping.value[0][0]) is explicit


def test_a_question_mark_at_the_end_of_a_text_makes_no_key_explicit() -> None:
    for text in ("b: c?\na: 1\n", "b: c ?\na: 1\n"):
        (root,) = compose_all(text)
        assert not positions(text).is_explicit(root.value[1][0])

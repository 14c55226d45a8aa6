"""PyYAML without libyaml reads what libyaml reads, and does not change the process."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from multimesh.errors import MultimeshError
from multimesh.yamltext import parser

TEXTS = (
    "a:\tb\n", "a: b\tc\n", "a: {b:\tc,\td: e}\n", "a: |\t# text\n  b\n", "- a\n-\tb\n", "a: [b?, c?d, ?e]\n", "a: [b:c, d]\n",
    "a: b\n  c\td\n\n  e\n", "a: b\n\tc\n", "a: b\n \tc\n", "\ta: b\n", "a: [\n\tb ]\n", "a: b # c\n", "a: b\t# c\n", "a: b\u2028  c\n",
    "a: b\x85  c\n\n  d\n", 'a: "\\ud83d\\ude00"\n', '{"a": "\\ud83d\\ude00"}\n', 'a: "\\U00110000"\n', 'a: "\\ud83d"\n',
    "a: &a {b: *a}\n", "a: &a b\nc: &a d\ne: *a\n", "a: *b\n", "{a: b:}\n", "[a: b, {c: d}]\n", "? a\n: b\n", "--- a\n--- b\n...\n",
    "a: ! b\nc: !!str d\ne: !<x> f\n", "a:\n  - b\n  -\n  - c: d\n    e:\n", "", "# a\n", "---\n---\n", "a: b\n---x\n", "a: 'b\n\n  c'\n",
    "a: >\n  b\n  c\n\n   d\n", "%YAML 1.1\n---\na: b\n", "a: b:\tc\n", "[a:, b]\n", "{a:?b: c}\n", "a: -\tb\n", "?\ta\n", "a: `b\n",
    "a: |2-\n    b\n", "a: >+1 # c\n  b\n\n", "a: |0\n  b\n", "a: |++\n  b\n", "a: |a\n  b\n", "a: |12\n  b\n", "a: |-\n b\n\n",
    "{a: !!int, b: c}\n", "[!!str, a]\n", "[!, a]\n", "[!a , b]\n", "[!!str]\n", "[!a]\n", "a: !!str,b\n", "a: !b\tc\n", "a: !<x,y> b\n",
    "a: !<x b\n", "a: !b!c d\n", "a: !b:c!d e\n", "a: !! b\n", "a: !!s%74r b\n", "a: !\n", "a: !b&c d\n", "a: !b{c d\n",
"a: !e!binary eA==\n",
    "a\n---x\n", "a\n...x\n", "a\n--- x\n", "a\n...\n", "a: b: c\n", "[a\n---x]\n", "a\n--\n",
)  # fmt: skip


def shape(node: Any) -> Any:
    """Return everything that the program uses of a node."""
    marks = (node.start_mark.index, node.start_mark.line, node.end_mark.index)
    if node.id == "scalar":
        return (node.tag, node.value, node.style or "", marks)
    parts = [[shape(part) for part in (pair if node.id == "mapping" else (pair,))] for pair in node.value]
    return (node.id, node.tag, bool(node.flow_style), marks, parts)


def read(text: str, loader: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(parser, "_LOADER", loader)
    try:
        return [shape(root) for root in parser.compose_all(text)]
    except MultimeshError:
        return "refused"


@pytest.mark.parametrize("text", TEXTS)
def test_both_readers_give_the_same_nodes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    libyaml = parser._loader()
    if libyaml is parser._pure():
        pytest.skip("PyYAML has no libyaml here")
    assert read(text, parser._pure(), monkeypatch) == read(text, libyaml, monkeypatch)


def test_deep_text_is_read_without_another_limit_of_recursion(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.getrecursionlimit()
    deep = 900
    monkeypatch.setattr(parser, "_LOADER", parser._pure())
    (root,) = parser.compose_all("a: " + "[" * deep + "b" + "]" * deep)
    assert root is not None
    assert sys.getrecursionlimit() == before

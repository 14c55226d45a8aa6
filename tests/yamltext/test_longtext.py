"""Long text in the data of a ConfigMap is found without being parsed, and has the value that libyaml reads."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from streams import over, streams

from multimesh.errors import MultimeshError
from multimesh.render.documents import split
from multimesh.yamltext import longtext
from multimesh.yamltext.parser import compose_all

#: Small documents are always parsed, so the tests lower this limit.
SMALL = pytest.fixture(autouse=True)(lambda monkeypatch: monkeypatch.setattr(longtext, "MIN_SIZE", 0))


def outline(text: str) -> list | None:
    """Return the root of a document whose `data` is long text; None if it is not, or in doubt."""
    found = longtext.find_long_data(text.encode("ascii", "replace"), b"data")
    return None if found is None else longtext.outline(text, found)


HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n"


def shape(node: Any) -> tuple:
    """Return everything that the program uses of a node, and of the nodes below it."""
    value = node.value
    if node.id != "scalar":
        value = [tuple(map(shape, child)) if type(child) is tuple else shape(child) for child in value]
    start, end = node.start_mark, node.end_mark
    return node.id, node.tag, getattr(node, "style", None) or "", value, start.index, start.line, end.index


def shapes(text: str) -> list[tuple] | None:
    """Return what libyaml reads in a text; None if it reads nothing."""
    try:
        return [shape(root) for root in compose_all(text)]
    except MultimeshError:
        return None


READ_APART = {
    "quotes": "  a: 'x'\n  b.json: '{\n\"it''s\": 1\n\n}'\n",
    "quotes that are empty": "  a: ''\n  b: ''''\n",
    "literal blocks": "  a: |\n    x\n      y\n\n    z\n  b: |-\n     - x\n",
    "a sign with blanks behind it": "  a: |-    \n    x\n",
    "empty lines behind a block": "  a: |\n    x\n\n\n  b: |-\n    y\n\n",
    "comments between": "  # c\n  a: 'x'\n# d\n\n  b: |\n    # text\n    y\n   # e\n  # f\n",
    "no final newline": "  a: |\n    x",
    "no final newline behind a quote": "  a: |\n    x\n  b: 'y\n\n   z'",
    "what looks like a key": "  a: 'x\nkind: ClusterRole\n  b: '\n  c: |\n    kind: 'y\n",
    "letters beyond ASCII": "  a: 'é “x” 😀\n    😀'\n  b: |\n    é\n",
}  # fmt: skip


@pytest.mark.parametrize("text", READ_APART.values(), ids=READ_APART)
def test_long_text_is_read_apart_as_libyaml_reads_it(text):
    """Values, styles and all marks are the same."""
    found = outline(HEAD + text)
    assert found is not None
    assert [shape(root) for root in found] == shapes(HEAD + text)


IN_DOUBT = {
    "no entries": "",
    "a plain value": "  a: 'x'\n  b: y\n",
    "a folded block": "  a: >\n    x\n",
    "a block that keeps its end": "  a: |+\n    x\n\n",
    "a block whose indentation is given": "  a: |2\n      x\n",
    "a block that begins with an empty line": "  a: |\n\n    x\n",
    "a short line of blanks in a block": "  a: |\n    x\n   \n    y\n",
    "an empty block": "  a: |\n  b: 'x'\n",
    "a key in quotes": "  'a': 'x'\n",
    "a tag": "  a: !!str 'x'\n",
    "an anchor": "  a: &b 'x'\n",
    "a comment after a quote": "  a: 'x' # c\n",
    "a quote that does not close": "  a: 'x\n",
    "a key behind data": "  a: 'x'\nb: c\n",
    "deeper keys": "   a: 'x'\n",
    "a tab": "  a: 'x'\n\t\n",
}  # fmt: skip


@pytest.mark.parametrize("text", IN_DOUBT.values(), ids=IN_DOUBT)
def test_data_in_doubt_is_read_by_libyaml(text):
    """A document with any doubt is parsed by libyaml."""
    assert outline(HEAD + text) is None


HEADS = {
    "a flow": "x: {\ndata:\n",
    "a quote": "x: 'a\ndata:\n",
    "a mapping that is not the root": "- x\n- y:\ndata:\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_data_inside_something_else_is_no_data(head):
    """The text before `data` is parsed by libyaml, which fails or finds no such key."""
    try:
        assert outline(head + "  a: 'x'\n") is None
    except MultimeshError:
        assert shapes(head + "  a: 'x'\n") is None


LINES = ["  a: 'x'", "  b: '", "'", "  '", "x", "    x", "   x", "     x", "  c: |", "  d: |-", "  e: |-  ", "", "", "    ", "  ", "  # c", "# c",
    "    # c", "  f: 'it''s", "   y'", "  g: y", "kind: x", "  h: |+", "    - 'x'", "é", "  i: ''", "  'j': 'x'", "    {", "}'"]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_apart_is_what_libyaml_reads(seed):
    """For random documents the nodes are the same, or there are none."""
    rng = Random(f"long text {seed}")
    seen = 0
    for _ in range(4000):
        lines = [rng.choice(LINES) for _ in range(rng.randint(1, 9))]
        text = HEAD + "\n".join(lines) + rng.choice(("\n", "\n\n", ""))
        found = outline(text)
        if found is not None:
            wanted = shapes(text)
            assert wanted is None or [shape(root) for root in found] == wanted, (seed, text)
            seen += wanted is not None
    assert seen > 60


@over("source", streams())
def test_the_streams_are_read_apart_as_libyaml_reads_them(source):
    """They are dashboards, the values and templates of the injector, and the configuration of the mesh."""
    data = source.text.encode()
    for document in split(data) or ():
        text = data[document.start : document.end].decode()
        found = outline(text)
        if found is not None:
            assert [shape(root) for root in found] == shapes(text)

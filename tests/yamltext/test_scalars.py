"""Scalars: their styles, and where each character of a value is in the text.

The properties compare a changed text with what libyaml reads in it.
"""

from __future__ import annotations

from random import Random

import pytest
import yaml

from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.positions import verbatim_places
from multimesh.yamltext.scalars import is_plain, quoted, rewritten, source_map

STYLES = ("'", '"', "|", ">", None)
ALPHABETS = {
    "words": "ab-./ ",
    "quotes": "ab '\"\\:#",
    "lines": "ab \n",
    "unicode": "aé\u20ac😀\U0001f468 x",
    "everything": "ab '\"\n\\:# é😀-\t,[]{}&*!|>%@`~=0y",
}
BREAKS = ("\n", "\r\n")


def scalar(text: str):
    """Return the value of the only entry of a mapping."""
    return next(compose_all(text)).value[0][1]


def written(value: str, style: str | None, rng: Random) -> str:
    """Return a value that libyaml writes in one style, followed by another entry."""
    text = yaml.dump(
        {"a": value, "b": 1},
        Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
        default_style=style,
        width=rng.choice((5, 20, 2**31 - 1)),
        allow_unicode=rng.random() < 0.5,
        indent=rng.choice((2, 4)),
    )
    return text.replace("\n", rng.choice(BREAKS))


def random_scalars(seed: object, count: int):
    """Yield texts and the values that libyaml reads in them."""
    rng = Random(str(seed))
    for _ in range(count):
        alphabet = ALPHABETS[rng.choice(sorted(ALPHABETS))]
        value = "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 14)))
        text = written(value, rng.choice(STYLES), rng)
        yield rng, text, scalar(text)


def replaced(text: str, span: tuple[int, int, str]) -> str:
    return text[: span[0]] + span[2] + text[span[1] :]


@pytest.mark.parametrize("seed", range(4))
def test_a_mapped_stretch_is_replaced_and_nothing_else_of_the_value(seed):
    """For every style, escape and fold, the edit replaces this part of the value and nothing else."""
    mapped = 0
    for rng, text, node in random_scalars(seed, 1200):
        places = source_map(text, node, "\r\n" if "\r\n" in text else "\n")
        if places is None:
            continue
        value = node.value
        for _ in range(8):
            start = rng.randrange(len(value)) if value else 0
            end = rng.randint(start + 1, len(value)) if value else 0
            span = places.edit(start, end, "ZZ")
            if span is not None and end > start:
                mapped += 1
                after = scalar(replaced(text, span)).value
                assert value[:start] + "ZZ" + value[end:] == after, (seed, text, start, end)
    assert mapped > 3000


@pytest.mark.parametrize("seed", range(4))
def test_text_is_inserted_at_any_mapped_position(seed):
    """Words are inserted in every style except plain, whole lines in double quotes and literal blocks."""
    inserted = 0
    for rng, text, node in random_scalars(f"insert {seed}", 1200):
        places = source_map(text, node, "\r\n" if "\r\n" in text else "\n")
        if places is None or not node.style:
            continue
        for new in ("Q", "Q\nR\n") if node.style in '|"' else ("Q",):
            at = rng.randint(0, len(node.value))
            span = places.edit(at, at, new)
            if span is not None:
                inserted += 1
                after = scalar(replaced(text, span)).value
                assert node.value[:at] + new + node.value[at:] == after, (seed, text, at, new)
    assert inserted > 1000


@pytest.mark.parametrize("seed", range(4))
def test_a_rewritten_scalar_reads_as_its_new_value_and_its_neighbour_stays(seed):
    """In every style the new value is read back, and the text after it is unchanged."""
    for rng, text, node in random_scalars(f"rewrite {seed}", 1500):
        new = rng.choice(("x", "kiali-blue", "it's", 'a "b"', "on", "1e3", "", "a: b #c", "é😀", "a\nb\n", " x ", "\\"))
        root = next(compose_all(replaced(text, rewritten(text, node, new))))
        assert [("a", new), ("b", "1")] == [(k.value, v.value) for k, v in root.value], (seed, text, new)


@pytest.mark.parametrize("seed", range(4))
def test_a_word_found_verbatim_is_the_word_of_the_value(seed):
    """Without decoding, the n-th occurrence in the value is the n-th in the text."""
    found = 0
    rng = Random(f"verbatim {seed}")
    for _ in range(1500):
        words = [rng.choice(("kiali", "istio", "x", "it's", "é", "😀", "a.b", "#")) for _ in range(rng.randint(1, 9))]
        value = rng.choice((" ", "\n", ", ")).join(words)
        text = written(value, rng.choice(STYLES), rng)
        node = scalar(text)
        word = rng.choice(("kiali", "istio", "x", "a.b"))
        at, spans = node.value.find(word), []
        while at >= 0:
            spans.append((at, at + len(word)))
            at = node.value.find(word, at + 1)
        some = sorted(rng.sample(spans, rng.randint(0, len(spans))))
        places = verbatim_places(text, node, some) if some else None
        if places is None:
            continue
        found += 1
        wanted, actual = node.value, text
        for (start, end), (from_, to) in reversed(list(zip(some, places, strict=True))):
            wanted = wanted[:start] + "ZZ" + wanted[end:]
            actual = actual[:from_] + "ZZ" + actual[to:]
        assert wanted == scalar(actual).value, (seed, text, some)
    assert found > 80


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: |\n  x\n  yy\n\n  z\nb: 1\n", "x\nyy\n\nz\n"),
        ("a: |-\n  x\n  yy", "x\nyy"),
        ("a: |+\n  x\n  yy\n\n\nb: 1\n", "x\nyy\n\n\n"),
        ("a: |2-  # c\n    x\n   yy\n", "  x\n yy"),
        ("a: 'x\n  it''s\n\n  b'\n", "x it's\nb"),
        ('a: "x\\\n  y\n\\u0041 z\n  b"\n', "xy A z b"),
        ("a: plain\n  two\n", "plain two"),
        ("a: |\r\n  x\r\n  y\r\n", "x\ny\n"),
        ("a: !!str 'x y'\n", "x y"),
        ("a: &b\n  'x y'\n", "x y"),
        ("a: !!str &b x\n", "x"),
        ('a: "\\U0001F600\\x41\\n\\tz"\n', "😀A\n\tz"),
        ('a: "a\\  b"\n', "a  b"),
    ],
)
def test_every_stretch_of_a_tricky_scalar_is_mapped_right(text, value):
    """Each part is replaced exactly, or not mapped at all."""
    node = scalar(text)
    assert value == node.value
    places = source_map(text, node, "\r\n" if "\r\n" in text else "\n")
    assert places is not None
    for start in range(len(value)):
        for end in range(start + 1, len(value) + 1):
            span = places.edit(start, end, "ZZ")
            if span is not None:
                assert value[:start] + "ZZ" + value[end:] == scalar(replaced(text, span)).value, (start, end)


def test_text_is_inserted_before_the_backslash_that_joins_two_lines():
    """After it, a blank would be indentation."""
    text = 'a: "ppp\\\n  qqq"\n'
    span = source_map(text, scalar(text), "\n").edit(3, 3, " ")
    assert scalar(replaced(text, span)).value == "ppp qqq"


def test_a_part_of_a_block_is_replaced_by_anything_but_its_end():
    text = "a: |\n  xyz\n  w\n"
    places = source_map(text, scalar(text), "\n")
    for start, end, new, value in ((0, 2, "", "z\nw\n"), (0, 3, "u\n", "u\n\nw\n"), (1, 2, "", "xz\nw\n")):
        assert scalar(replaced(text, places.edit(start, end, new))).value == value
    assert places.edit(4, 5, "") is None


@pytest.mark.parametrize("text", ["a: ''\n", 'a: ""\n', 'a: "x\x85y"\n', "a: 'x\u2028\n  y'\n"])
def test_an_empty_or_strange_text_in_quotes_is_not_mapped(text):
    assert source_map(text, scalar(text), "\n") is None


@pytest.mark.parametrize("text", ["a: >\n  x\n  y\n", "a: >-\n  x\n", "a: |\n\n  x\n", "a: |\n", "a: |\n  x\x85\n\n"])
def test_a_folded_or_strange_block_is_not_mapped(text):
    """The positions of its characters are unknown, so the whole scalar is written again."""
    assert source_map(text, scalar(text), "\n") is None


# What Go reads as another type than text if it has no quotes.
NO_STRINGS = [
    *("y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE null Null NULL ~".split()),
    *("1e3 1E5 1.e3 0o17 0644 007 0089 1_0 1.5 -1 +1 .5 0x1f 0b101 123e4 12e4567 .inf -.inf .nan 123".split()),
    *("2020-01-01 2020-01-01T10:00:00Z 1:30 12:30:45 = << - -- --- ... ? : * & ! % @ ` | >".split()),
    *[
        "",
        " ",
        "a ",
        " a",
        "a: b",
        "a #b",
        "#a",
        "a:",
        "- a",
        "? a",
        "'a",
        '"a',
        "[a",
        "{a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
    ],
    *["a\tb", "a\nb", "é", "😀", "a\x00b", "a\u2028b", "a\ufeffb"],
]


@pytest.mark.parametrize("new", NO_STRINGS)
@pytest.mark.parametrize("flow", [False, True])
def test_text_that_is_no_plain_string_is_quoted(new, flow):
    """Go would read a number, a boolean, a date or null; another parser would report an error."""
    assert quoted(new, flow=flow)[0] == '"'
    assert not is_plain(new, flow=flow)


@pytest.mark.parametrize("new", ["a,b", "a[b", "a]b", "a{b", "a}b"])
def test_signs_of_flow_collections_are_quoted_inside_them(new):
    """In a flow collection a comma or bracket would end the scalar."""
    assert quoted(new, flow=True) == f'"{new}"'


@pytest.mark.parametrize(
    "new", ["kiali-blue", "istio.io/rev", "v1", "yes-no", "nope", "--a=b", "/var/run/sds-blue", "e3", "True1"]
)
@pytest.mark.parametrize("flow", [False, True])
def test_a_plain_name_stays_without_quotes(new, flow):
    """Unneeded quotes would appear in every diff."""
    assert quoted(new, flow=flow) == new


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_written_reads_back_in_both_contexts(seed):
    """`quoted` keeps escapes, control characters, and characters beyond the BMP."""
    rng = Random(seed)
    alphabet = ALPHABETS["everything"] + "\x01\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\r\x1b\ud7ff\ue000"
    for _ in range(2000):
        new = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 9)))
        assert new == scalar(f"a: {quoted(new)}\n").value, (seed, new)
        inner = scalar(f"a: [{quoted(new, flow=True)}, b]\n").value[0]
        assert new == inner.value, (seed, new)

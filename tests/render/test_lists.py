"""A large List is cut into its items, and the output is the same as without the cut."""

from __future__ import annotations

import pytest
import streams
import yaml
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render import pipeline
from multimesh.render.documents import Document
from multimesh.render.lists import cut, items
from multimesh.yamltext import edits, limits, parser

MESH = load(profile("affirmed", "istio-affirmed", ("nginx-affirmed",)), "profile.yaml")
HEAD = "apiVersion: v1\nkind: List\nitems:\n"
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\nrules: []\n"
QUIET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: quiet\n"
DROPPED = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: gateways.networking.istio.io\n"


def item(document: str, indent: str = "") -> str:
    """Return a document as an item of a list."""
    lines = [f"{indent}  {line}" if line else "" for line in document.splitlines()]
    return f"{indent}- {lines[0].lstrip()}\n" + "".join(f"{line}\n" for line in lines[1:])


def render(text: str, monkeypatch: pytest.MonkeyPatch, least: int) -> str:
    """Render a stream with Lists of at least this size cut; return the output, or the message of a refusal."""
    monkeypatch.setattr(pipeline, "LARGE_LIST", least)
    try:
        return pipeline.render(text.encode(), MESH).output.decode()
    except MultimeshError as error:
        return f"refused: {error}"


def is_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Assert that the cut changes nothing, and return the output."""
    found = render(text, monkeypatch, 0)
    assert found == render(text, monkeypatch, 1 << 40)
    return found


def pieces(text: str) -> list[str] | None:
    """Return the items into which a document is cut."""
    found = items(text.encode(), Document(0, 0, 0, len(text.encode())))
    return None if found is None else [text.encode()[one.start : one.end].decode() for one in found]


@pytest.mark.parametrize("indent", ["", "  "])
@pytest.mark.parametrize("tail", ["", "metadata:\n  name: a\n", "\n# a comment\n", "\n  # a comment\n\n"])
def test_each_item_is_a_piece_from_its_dash_to_the_next(indent: str, tail: str) -> None:
    """The text after the last item, up to the next key at the root, belongs to that item."""
    first, second = item(ROLE, indent), item(QUIET + "data:\n  a: |\n    - b\n\n   # c\n", indent)
    last = tail if not tail.startswith("m") else ""
    assert pieces(HEAD + first + second + tail) in ([first, second + last], None)
    assert pieces(HEAD + first + second) == [first, second]
    for key in ("metadata: {}\n", "X: 1\n", "'a': 1\n"):
        assert pieces(HEAD + first + second + key) == [first, second]


DOUBTS = {
    "another kind": HEAD.replace("List", "Role") + item(ROLE),
    "no items": HEAD,
    "items in brackets": "kind: List\nitems:\n[]\n",
    "items twice": HEAD + item(ROLE) + "items: []\n",
    "other items in quotes": "kind: List\na: 'x\n\nitems:\n- b\n\n  c'\n\"items\": []\n",
    "items in quotes at the root": "kind: List\na: 'x\n\nitems:\n- b\nc'\n",
    "and other items": "kind: List\na: 'x\n\nitems:\n- b\nc'\n\"items\": []\n",
    "a tab in an item": HEAD + item(ROLE.replace("kiali", "kiali\t# a")),
    "a tab": HEAD + item(ROLE) + "#\t\n",
    "the end of a document": HEAD + item(ROLE) + "...\n",
    "an anchor": HEAD + item(ROLE.replace("kiali", "&a kiali")),
    "an alias": HEAD + item(ROLE.replace("kiali", "*a")),
    "a comment in the column of the items": HEAD + item(ROLE) + "# next\n" + item(ROLE),
    "text in the column of the items": HEAD + item(ROLE) + "b\n",
    "what precedes is not ASCII": HEAD.replace("kind", "# ä\nkind") + item(ROLE),
    "not UTF-8": HEAD + item(ROLE) + "\udcff: 1\n",
}


@pytest.mark.parametrize("text", DOUBTS.values(), ids=DOUBTS)
def test_what_may_not_be_a_list_of_these_items_is_not_cut(text: str) -> None:
    """The List is left to the parser."""
    assert cut(text.encode(errors="surrogateescape")) is None


STREAMS = {
    "roles and secrets": HEAD + item(ROLE) + item(QUIET) + item(ROLE),
    "the last is skipped": HEAD + item(ROLE) + item(QUIET) + "---\n" + ROLE,
    "dropped": HEAD + item(ROLE) + item(DROPPED) + item(QUIET),
    "all dropped": HEAD + item(DROPPED) + item(DROPPED),
    "a document is dropped before": DROPPED + "---\n" + HEAD + item(ROLE) + item(QUIET),
    "a quote that closes in the next item": HEAD + item(QUIET + "data:\n  a: 'b\n") + item(QUIET + "data:\n  a: c'\n"),
    "a quote around a role": HEAD + item(QUIET + "data:\n  a: 'b\n") + item(ROLE) + item(QUIET + "data:\n  a: c'\n"),
    "a quote after a comment": HEAD + item(QUIET + "data:\n  a: # '\n    'b\n") + item(ROLE + "a: c'\n"),
    "brackets around an item": HEAD + item(QUIET + "data: [a,\n") + item(ROLE + "a: b]\n"),
    "not YAML": HEAD + item(ROLE) + item(QUIET + "a: b: c\n"),
    "refused": HEAD + item(ROLE) + item(ROLE.replace("kiali", "istio-affirmed-blue").replace("ClusterRole", "Widget")),
    "a list in a list": HEAD + item(HEAD + item(ROLE) + item(QUIET)) + item(ROLE),
    "an item of an item": HEAD + "- - a\n" + item(ROLE),
    "no kind": HEAD.replace("kind: List\n", "") + item(ROLE),
    "an empty item": HEAD + "- \n" + item(ROLE),
    "indented": HEAD + item(ROLE, "  ") + item(QUIET, "  "),
    "another kind": HEAD.replace("List", "ConfigMap") + item(ROLE),
    "no line feed at the end": HEAD + item(QUIET) + item(ROLE).rstrip("\n"),
    "a local item": HEAD.replace("List", "ResourceList") + item(ROLE + "---\n".replace("---\n", "")).replace(
        "name: kiali", "name: kiali\n    annotations:\n      config.kubernetes.io/local-config: 'true'"
    ) + item(ROLE),
}  # fmt: skip


@pytest.mark.parametrize("text", STREAMS.values(), ids=STREAMS)
def test_a_list_renders_to_the_same_with_and_without_the_cut(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages and the places in them are the same too."""
    found = is_the_same(text, monkeypatch)
    assert "kiali-affirmed" in found or "refused" in found or "kiali" not in found or "'b" in text or "local" in text


def test_a_quote_does_not_hide_a_role_from_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside the quote it is text; after the quote it is a role."""
    found = is_the_same(STREAMS["a quote around a role"] + item(ROLE), monkeypatch)
    assert found.count("kiali-affirmed") == 1
    assert found.endswith("name: kiali-affirmed\n  rules: []\n")


REAL = [
    (stream, indent)
    for stream in streams.streams(helm="helm3", mesh="affirmed", charts=("istio-demo", "istiod", "base"))
    for indent in ("", "  ")
]


@streams.over("stream,indent", REAL)
def test_a_real_chart_as_a_list_renders_to_the_same(
    stream: streams.Stream, indent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tools that collect manifests write charts as one List."""
    documents = [item(yaml.safe_dump(one, sort_keys=False), indent) for one in stream.objects()]
    assert "affirmed" in is_the_same(HEAD + "".join(documents), monkeypatch)


def test_no_more_than_an_item_is_parsed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So time is proportional to the size of a List, and memory to that of an item."""
    sizes = []

    def compose(text: str, *rest: object) -> object:
        sizes.append(len(text))
        return parser.compose_all(text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(edits, "compose_all", compose)
    text = HEAD + (item(ROLE) + item(QUIET)) * 1000
    assert len(text) > pipeline.LARGE_LIST
    assert pipeline.render(text.encode(), MESH).output.decode() == text.replace("kiali", "kiali-affirmed")
    items_parsed = [size for size in sizes if size == len(item(ROLE))]
    assert len(items_parsed) == 1000
    # The last item is always parsed, and so is the List without its items.
    assert min(size for size in sizes if size != len(item(ROLE))) == len(item(QUIET))
    assert len(sizes) == 1002


# Limits.


@pytest.mark.parametrize(
    ("limit", "text", "message"),
    [
        ("MAX_VALUES", "a: [b, c, d, e]\n", "has more than 5 values"),
        ("MAX_SIZE", "a: bbbbbbbbbb\n", "cannot be parsed"),
    ],
)
def test_what_takes_too_much_memory_to_parse_is_refused(
    limit: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before it is parsed."""
    monkeypatch.setattr(limits, "_MIN_COUNTED", 5)
    monkeypatch.setattr(limits, limit, 5)
    with pytest.raises(MultimeshError, match=message):
        list(parser.compose_all(text))
    monkeypatch.setattr(limits, limit, len(text))
    assert len(list(parser.compose_all(text))) == 1


def test_texts_inside_a_document_have_a_limit_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for the sum of all texts in a document."""
    monkeypatch.setattr(limits, "MAX_EMBEDDED", 20)
    text = edits.Text("a: aaaaaaaaaaaa\nb: bbbbbbbbb\n")
    (_, first), (_, second) = text.roots[0].value
    text.embedded(first)
    text.embedded(first)
    with pytest.raises(MultimeshError, match="<stdin>:2: texts of more than 0 MB"):
        text.embedded(second)


def test_a_stream_with_too_many_documents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document takes memory, even a small one."""
    monkeypatch.setattr(pipeline, "MAX_DOCUMENTS", 2)
    with pytest.raises(MultimeshError, match="has more than 2 documents"):
        pipeline.render(b"a: b\n---\n---\n---\n", MESH)


def test_a_document_that_is_skipped_may_be_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is only for documents that are parsed."""
    monkeypatch.setattr(pipeline, "MAX_SIZE", 200)
    monkeypatch.setattr(pipeline, "MAX_LONG", 200)
    large = QUIET + "data:\n" + "  key: value\n" * 30
    assert pipeline.render((large + "---\n" + ROLE).encode(), MESH).output.startswith(large.encode())
    with pytest.raises(MultimeshError, match="cannot be parsed"):
        pipeline.render((ROLE + "---\n" + large).encode(), MESH)
    with pytest.raises(MultimeshError, match="cannot be cut into documents"):
        pipeline.render((large + "---\r\n" + ROLE).encode(), MESH)

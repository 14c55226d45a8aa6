"""Make streams from a seed: stock streams in another style, and changed where YAML readers disagree."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import yaml
from mutations import MUTATIONS, scalar
from restyle import restyle
from styles import nodes, written

Change = Callable[[list[str], int, Random], None]

#: A line `key: value` of a block mapping, an item's first key included.
KEY = re.compile(r"^( *)(- )?([A-Za-z][\w./-]*):( .*)?$")
STOCK = """\
istio-reader istio-multi kiali kiali-viewer prometheus istio-galley istio-sidecar-injector istio-ingressgateway
istiod-default-validator sidecar-injector.istio.io validation.istio.io enabled istio-injection default istio-system
ClusterRole ClusterRoleBinding Role MutatingWebhookConfiguration ConfigMap List istio-cni ztunnel --webhook-name=istio-galley
""".split()
PORTS = "31380 0x7A94 31_380 31380.0 3.138e4 075224 0o75224 +31380 '31380' 31390 31400 !!int 31380 32090".split(" ")
BREAKS = ("\r", "\r\n", "\x85", "\u2028", "\u2029")


class Bases(NamedTuple):
    """What streams are made of: documents by size, and every short text in them."""

    documents: list[str]
    large: list[str]
    pool: list[str]

    @classmethod
    def of(cls, documents: list[str]) -> Bases:
        """Sort documents by size, and collect their texts."""
        pool = {word.strip("\"'") for text in documents for word in text.split() if 2 < len(word) < 60}
        return cls([d for d in documents if len(d) < 6000], [d for d in documents if len(d) >= 6000], sorted(pool))

    def choose(self, rng: Random) -> str:
        """Choose a document; large ones take as long as a hundred others."""
        return rng.choice(self.large if self.large and rng.random() < 0.005 else self.documents)


def streams(bases: Bases, rng: Random) -> bytes:
    """Return one stream: some documents, perhaps changed as values, in another style, and changed as text."""
    count = rng.choice((1, 1, 1, 1, 2, 3))
    if rng.random() < 0.002:
        return _large_list(bases, rng).encode()
    text = "---\n".join(bases.choose(rng) for _ in range(count))
    chance = rng.random()
    if chance < 0.1:
        with contextlib.suppress(AssertionError, KeyError, AttributeError):
            text = restyle(text, rng)
    elif chance < 0.6:
        text = _remade(text, bases.pool, rng)
    lines = text.split("\n")
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        rng.choice(CHANGES)(lines, rng.randrange(len(lines)), rng)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _remade(text: str, pool: list[str], rng: Random) -> str:
    """Change documents as values, and write them in a style by lot."""
    roots = nodes(text)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        rng.choice(MUTATIONS)(roots, pool, rng)
    while (len(roots) > 1 and rng.random() < 0.2) or rng.random() < 0.03:
        roots = _as_list(roots, rng)
    parts = []
    for number, root in enumerate(roots):
        marker = rng.choice(
            ("---\n", "---\n", "---\n", "--- # text\n", "---\n# Source: a/b.yaml\n", "--- \n", "---\n\n")
        )
        if number == 0 and rng.random() < 0.6:
            marker = rng.choice(("", "", "# text\n", "\n"))
        if rng.random() < 0.02:
            marker = "%YAML 1.1\n---\n" if number == 0 else "...\n%YAML 1.1\n---\n"
        end = "...\n" if rng.random() < 0.02 else ""
        if rng.random() < 0.03:
            end += rng.choice(("---\n", "---\n# text\n", "---\nnull\n", "\n\n"))
        parts.append(marker + written(root, rng) + end)
    text = "".join(parts)
    if rng.random() < 0.12:
        text = text.replace("\n", "\r\n")
    if rng.random() < 0.04:
        text = "\ufeff" + text
    return text.rstrip("\r\n") if rng.random() < 0.15 else text


def _large_list(bases: Bases, rng: Random) -> str:
    """Return a List that is large enough to be cut into its items, each object in it once."""
    found: dict[tuple[str, ...], Any] = {}
    size = 0
    mesh = rng.choice(("affirmed", "blue"))
    while size < 70_000:
        text = bases.choose(rng).replace("blue", mesh).replace("affirmed", mesh)
        (root, *_) = nodes(text)
        words = re.findall(r"(?m)^(?:kind|  name|  namespace): *(.*)", text)
        found[tuple(words)] = root
        size += len(text)
    roots = list(found.values())
    for _ in range(rng.choice((0, 1, 2))):
        rng.choice(MUTATIONS)(roots, bases.pool, rng)
    (whole,) = _as_list(roots, rng)
    return written(whole, rng)


def _as_list(roots: list[Any], rng: Random) -> list[Any]:
    """Put the documents into a List, or into what ends in List."""
    items = [*roots]
    kind = rng.choice(("List", "List", "List", "ConfigMapList", "ClusterRoleList", "ResourceList"))
    if kind == "ClusterRoleList" and rng.random() < 0.5:
        # Kubernetes gives the items of a list the kind that they lack.
        for item in filter(lambda one: isinstance(one, yaml.MappingNode), items):
            item.value = [pair for pair in item.value if pair[0].value != "kind"]
    head = [(scalar("apiVersion"), scalar("v1")), (scalar("kind"), scalar(kind))]
    if rng.random() < 0.1:
        head.append((scalar("metadata"), yaml.MappingNode("tag:yaml.org,2002:map", [])))
    body = (scalar("items"), yaml.SequenceNode("tag:yaml.org,2002:seq", items))
    entries = [*head, body] if rng.random() < 0.8 else [body, *head]
    return [yaml.MappingNode("tag:yaml.org,2002:map", entries)]


def _key(lines: list[str], at: int) -> tuple[int, re.Match[str]] | None:
    """Return the nearest line from here on that begins with a plain key."""
    for number in (*range(at, len(lines)), *range(at)):
        if found := KEY.match(lines[number]):
            return number, found
    return None


def _indent(found: re.Match[str]) -> str:
    return found[1] + (" " * len(found[2] or ""))


def explicit(lines: list[str], at: int, rng: Random) -> None:
    """Write `? key` and `: value`."""
    if found := _key(lines, at):
        number, key = found
        lines[number] = f"{key[1]}{key[2] or ''}? {key[3]}\n{_indent(key)}:{key[4] or ''}"


def merge(lines: list[str], at: int, rng: Random) -> None:
    """Put a merge before or after a key, which repeats it or brings something else."""
    if found := _key(lines, at):
        number, key = found
        sign = rng.choice(("<<", '! "<<"', '!!merge "<<"', "!!str <<", '"<<"', "!!merge <<"))
        name = rng.choice((key[3], "name", "kind", "namespace", "nodePort", "caBundle", "items", "namespaceSelector"))
        value = rng.choice((*STOCK, "31380", "null", "[]", "{}"))
        body = rng.choice(("{{{0}: {1}}}", "[{{{0}: {1}}}, {{a: b}}]", "[{{a: b}}, {{{0}: {1}}}]")).format(name, value)
        line = f"{_indent(key)}{sign}: {body}"
        if key[2] or rng.random() < 0.5:
            lines[number] = f"{lines[number]}\n{line}" if (key[4] or "").strip() else lines[number]
        else:
            lines[number] = f"{line}\n{lines[number]}"


def tag(lines: list[str], at: int, rng: Random) -> None:
    """Put a tag, an anchor or quotes around a key or a value."""
    if found := _key(lines, at):
        number, key = found
        name, value = key[3], (key[4] or "").strip()
        form = rng.choice(("!!str ", "! ", "&a ", "!!binary ", '"', "'", "!!null ", "!!int "))
        wrapped = (lambda text: f"{form}{text}{form}") if form in "'\"" else (lambda text: form + text)
        if rng.random() < 0.5 or not value or value[0] in "'\"{[|>&*!":
            name = wrapped(name)
        else:
            value = wrapped(value)
        lines[number] = f"{key[1]}{key[2] or ''}{name}: {value}".rstrip()


def encoded(lines: list[str], at: int, rng: Random) -> None:
    """Write a value in Base64, after a blank of some kind."""
    if found := _key(lines, at):
        number, key = found
        value = (key[4] or "").strip()
        if value and value[0] not in "'\"{[|>&*!":
            blank = rng.choice((" ", "\t", "  ", f"\n{_indent(key)}  "))
            text = base64.b64encode(rng.choice((value, value, rng.choice(STOCK))).encode()).decode()
            lines[number] = f"{key[1]}{key[2] or ''}{key[3]}:{blank}!!binary {text}"


def before_comma(lines: list[str], at: int, rng: Random) -> None:
    """Put a tag, an anchor or a question mark between a colon or comma of a flow collection and what follows it."""
    places = [number for number, line in enumerate(lines) if re.search(r"[{,\[].*[:,] ", line)]
    if places:
        number = rng.choice(places)
        signs = [found.end() for found in re.finditer(r"[:,] ", lines[number])]
        where = rng.choice(signs)
        sign = rng.choice(("!!str, ", "!x, ", "!, ", "!!str , ", "&a , ", "?", "? ", "!!int, ", "'', ", "*a , ", ", "))
        lines[number] = lines[number][:where] + sign + lines[number][where:]


def directive(lines: list[str], at: int, rng: Random) -> None:
    """Give the tag of a value another meaning by a directive."""
    handle, prefix = rng.choice((("!!", "tag:example.com,2000:"), ("!e!", "tag:yaml.org,2002:"), ("!", "tag:a,1:")))
    if found := _key(lines, at):
        number, key = found
        value = (key[4] or "").strip() or rng.choice(STOCK)
        text = base64.b64encode(value.encode()).decode() if rng.random() < 0.7 else value
        lines[number] = f"{key[1]}{key[2] or ''}{key[3]}: {handle}{rng.choice(('binary', 'str', 'int'))} {text}"
        markers = [one for one in range(number) if lines[one].startswith("---")] or [0]
        lines[markers[-1]] = f"{'...' * bool(markers[-1])}\n%TAG {handle} {prefix}\n---\n{lines[markers[-1]]}".lstrip(
            "\n"
        )


def case(lines: list[str], at: int, rng: Random) -> None:
    """Write a key in another case, beside the one that is there or in place of it."""
    if found := _key(lines, at):
        number, key = found
        name = rng.choice((key[3].upper(), key[3].title(), key[3][:1].upper() + key[3][1:]))
        line = f"{_indent(key)}{name}: {rng.choice(STOCK)}"
        lines[number] = rng.choice((f"{lines[number]}\n{line}", lines[number].replace(key[3], name, 1)))


def repeat(lines: list[str], at: int, rng: Random) -> None:
    """Write a line twice, the second time with a stock value."""
    if found := _key(lines, at):
        number, key = found
        lines[number] += f"\n{_indent(key)}{key[3]}: {rng.choice(STOCK)}"


def neighbour(lines: list[str], at: int, rng: Random) -> None:
    """Give a key the value of another name that a rule knows."""
    if found := _key(lines, at):
        number, key = found
        if (key[4] or "").strip():
            lines[number] = f"{key[1]}{key[2] or ''}{key[3]}: {rng.choice(STOCK)}"


def port(lines: list[str], at: int, rng: Random) -> None:
    """Spell a node port otherwise."""
    hits = [number for number, line in enumerate(lines) if "nodePort:" in line]
    if hits:
        number = rng.choice(hits)
        lines[number] = re.sub(r"nodePort: *[^,}]*", lambda _: f"nodePort: {rng.choice(PORTS)}", lines[number])


def sign(lines: list[str], at: int, rng: Random) -> None:
    """Put an odd line break, a byte order mark, a comment, a blank line or a marker somewhere."""
    lines[at] = rng.choice((
        lines[at] + rng.choice(BREAKS), "\ufeff" + lines[at], lines[at] + " # text", "\n" + lines[at], "# text\n" + lines[at],
        "...\n---\n" + lines[at], "...\n%YAML 1.1\n---\n" + lines[at], lines[at] + " ", "---\n" + lines[at],
    ))  # fmt: skip
    if rng.random() < 0.2 and at + 1 < len(lines):
        lines[at : at + 2] = [lines[at] + rng.choice(BREAKS) + lines[at + 1]]


def items(lines: list[str], at: int, rng: Random) -> None:
    """Let a document hold items."""
    where = [number for number, line in enumerate(lines) if line.startswith("metadata:")]
    if where:
        binding = f"kind: {rng.choice(('ClusterRole', 'ConfigMap', 'Role'))}, metadata: {{name: {rng.choice(STOCK)}}}"
        lines[rng.choice(where)] = (
            f"items: [{{apiVersion: rbac.authorization.k8s.io/v1, {binding}}}]\n{lines[where[0]]}"
            if len(where) == 1 else f"items: [{{apiVersion: v1, {binding}}}]\nmetadata: {{name: a}}"
        )  # fmt: skip


CHANGES: tuple[Change, ...] = (
    explicit, merge, merge, tag, tag, repeat, neighbour, port, sign, sign, items, encoded, before_comma, directive, case,
)  # fmt: skip

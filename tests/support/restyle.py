"""Write the same documents in another YAML style.

Only styles change; values do not. It works on YAML nodes, whose tags are resolved already, so
an unquoted number cannot become a string, nor a string a number, and it reads its own result
back before it returns it.
"""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import oracle
import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

STR = "tag:yaml.org,2002:str"
NULL = "tag:yaml.org,2002:null"

# Words that both YAML 1.1 and Go read as text, so that they need no quotes.
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*(?: [A-Za-z0-9][A-Za-z0-9._/-]*)*")
RESERVED = frozenset("y n yes no on off true false null".split())
# Lines that begin or end with spaces are never folded, since libyaml does it wrongly.
MORE_INDENTED = re.compile(r"(?m)^[ \t]|[ \t]$")

QUOTES = ("mixed", "single", "double", "literal", "plain")


def restyle(text: str, rng: Random) -> str:
    """Dump the stream in a random style. Raises AssertionError if a value would change."""
    documents = [n for n in yaml.compose_all(text, Loader=_Loader) if n is not None and n.tag != NULL]
    if rng.random() < 0.3:
        documents = _wrapped(documents, rng)
    unicode = rng.random() < 0.5
    parts = [_document(node, rng, unicode, first=not i) for i, node in enumerate(documents)]
    styled = "".join(parts)
    ends = rng.random()
    if ends < 0.25:
        styled = styled.replace("\n", "\r\n")
    if rng.random() < 0.2:
        styled = "\ufeff" + styled
    wanted = oracle.load(text)
    if rng.random() < 0.25 and oracle.load(styled.rstrip("\r\n")) == wanted:
        styled = styled.rstrip("\r\n")
    assert oracle.load(styled) == wanted, "restyle itself changed a value"
    return styled


def _wrapped(documents: list[yaml.Node], rng: Random) -> list[yaml.Node]:
    """Put some adjacent documents into a `kind: List`."""
    result: list[yaml.Node] = []
    while documents:
        count = rng.choice((1, 1, 1, 2, 3))
        some, documents = documents[:count], documents[count:]
        if count == 1:
            result += some
            continue
        head = [(_string("apiVersion"), _string("v1")), (_string("kind"), _string("List"))]
        items = yaml.SequenceNode("tag:yaml.org,2002:seq", some)
        result.append(yaml.MappingNode("tag:yaml.org,2002:map", [*head, (_string("items"), items)]))
    return result


def _string(value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode(STR, value)


def _document(node: yaml.Node, rng: Random, unicode: bool, first: bool) -> str:
    """Dump one document as JSON, or as YAML in one of several styles."""
    order = rng.choice(("stock", "stock", "sorted", "shuffled"))
    _arrange(node, order, rng)
    if rng.random() < 0.2:
        written = _json(node, rng, unicode)
        if written is not None:
            return ("" if first and rng.random() < 0.5 else "---\n") + written + "\n"
    quotes = rng.choice(QUOTES)
    flow = rng.choice((False, False, True, None))
    _style(node, quotes, flow, rng)
    return yaml.serialize(
        node,
        Dumper=_Dumper,
        explicit_start=not first or rng.random() < 0.5,
        explicit_end=rng.random() < 0.2,
        allow_unicode=unicode,
        width=rng.choice((40, 80, 2**31 - 1)),
        indent=rng.choice((2, 2, 3, 4, 8)),
    )


def _arrange(node: yaml.Node, order: str, rng: Random) -> None:
    if isinstance(node, yaml.MappingNode):
        if order == "sorted":
            node.value.sort(key=lambda pair: pair[0].value)
        elif order == "shuffled":
            rng.shuffle(node.value)
        for _, value in node.value:
            _arrange(value, order, rng)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _arrange(item, order, rng)


def _style(node: yaml.Node, quotes: str, flow: bool | None, rng: Random) -> None:
    """Choose the style of each node; if flow is None, at random."""
    if isinstance(node, yaml.ScalarNode):
        node.style = _scalar_style(node, quotes, rng)
        return
    node.flow_style = rng.random() < 0.2 if flow is None else flow
    for item in node.value:
        for part in item if isinstance(item, tuple) else (item,):
            _style(part, quotes, flow, rng)


def _scalar_style(node: yaml.ScalarNode, quotes: str, rng: Random) -> str | None:
    if node.tag != STR:
        return None
    plain = bool(PLAIN.fullmatch(node.value)) and node.value.lower() not in RESERVED
    if quotes == "plain" and plain:
        return None
    if quotes in {"literal", "plain"}:
        return "|" if "\n" in node.value else rng.choice("'\"")
    if quotes == "mixed":
        folds = ">" if not MORE_INDENTED.search(node.value) else ""
        return rng.choice([*"'\"|", *folds, *([None] * 4 if plain else [])])
    return {"single": "'", "double": '"'}[quotes]


def _json(node: yaml.Node, rng: Random, unicode: bool) -> str | None:
    """Return a document as JSON; None if a scalar has no JSON form with the same text."""
    try:
        value = _plain_value(node)
    except ValueError:
        return None
    indent = rng.choice((None, 1, 2, 4))
    # YAML has no surrogate pairs, so characters beyond the BMP are never escaped.
    ascii_only = not unicode and all(ord(c) < 0x10000 for c in json.dumps(value, ensure_ascii=False))
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent)


def _plain_value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {k.value: _plain_value(v) for k, v in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain_value(item) for item in node.value]
    if node.tag == STR:
        return node.value
    if node.tag == NULL:
        return None
    if node.value in {"true", "false"}:
        return node.value == "true"
    for number in (int, float):
        try:
            value = number(node.value)
        except ValueError:
            continue
        if json.dumps(value) == node.value:
            return value
    raise ValueError(node.value)

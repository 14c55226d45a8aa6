"""Find rewritten streams that Helm reads otherwise than the stock stream because of their form.

No chart that Helm renders has such forms, so the pipeline imports this only where one may be.
"""

from __future__ import annotations

import json

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import LISTS
from multimesh.render.documents import split
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import get, is_mapping, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.yamltext.nodes import MappingNode, Node, SequenceNode

#: Helm 3 and kubectl read a line in pieces of this size, and drop a last line that ends with one and without a line
#: feed (apimachinery v0.37.0 pkg/util/yaml/decoder.go, YAMLReader.Read and LineReader.Read).
_PIECE_OF_LINE = 1 << 12


def loses_last_line(data: bytes) -> bool:
    """Return whether Helm 3 would drop the last line of a stream."""
    size = len(data) - (data.rfind(b"\n") + 1)
    return size > 0 and size % _PIECE_OF_LINE == 0


def check_alone(output: bytes, where: str) -> None:
    """Refuse a rewritten stream with one List and nothing else, in which an alias repeats what is in another item.

    Helm 4 makes a document of each item of a List or ResourceList that is alone, and cannot read the alias there (kyaml
    0.21.2 kio/byteio_reader.go, ByteReader.Read). With the documents that were dropped, the List was not alone.
    """
    documents = split(output)
    if documents is not None and sum(bool(output[one.start : one.end].strip()) for one in documents) > 1:
        return
    roots = Text(output.decode().removeprefix("\ufeff"), where).roots
    root = roots[0] if len(roots) == 1 else None
    if not is_mapping(root) or text(root, "kind") not in LISTS:
        return
    items_of = get(root, "items")
    if is_sequence(items_of) and _crosses_items(root, items_of):
        raise MultimeshError(
            where,
            "the rest was left out, and in the List that remains an alias repeats what is in another item",
            "Helm 4 reads each item by itself then, and does not find the anchor. Write the value itself.",
        )


def check_forms(stock: str, result: str, where: str) -> None:
    """Refuse a rewritten stream of a form that Helm reads otherwise than the form of the stock one.

    `stock` and `result` are whole streams, which the rewriting has changed. Raises MultimeshError.
    """
    if result.startswith("---") and "\n" not in result and "\n" in stock:
        # Helm 4 cuts only at lines that end (kyaml v0.21.2 kio/byteio_reader.go, splitDocuments), so in the stock
        # stream it does not see this document. Helm 3 reports it.
        raise MultimeshError(
            where,
            "the rest was left out, and the document that remains is on the line of its ---, which no line feed ends",
            "Helm 4 did not read it in the stock stream. Write it on the next line.",
        )
    if "\n..." in result and _is_json(result) and not _is_json(stock):
        # Helm 3 reads a stream as JSON that begins with an object (apimachinery v0.37.0 util/yaml/decoder.go).
        raise MultimeshError(
            where,
            "an object in braces becomes JSON by the rewriting, and a line that begins with ... follows",
            "Helm 3 cannot read JSON before such a line. Remove the line.",
        )


def _crosses_items(root: MappingNode, items_of: SequenceNode) -> bool:
    """Return whether a node of one item is in another one, or outside of the items, too."""
    owners: dict[int, int] = {}
    todo: list[tuple[Node, int]] = [(item, number) for number, item in enumerate(items_of.value, 1)]
    todo += [(node, 0) for pair in root.value if pair[1] is not items_of for node in pair]
    while todo:
        node, owner = todo.pop()
        if owners.setdefault(id(node), owner) != owner:
            return True
        if is_mapping(node):
            todo += [(inner, owner) for pair in node.value for inner in pair]
        elif is_sequence(node):
            todo += [(inner, owner) for inner in node.value]
    return False


def _is_json(stream: str) -> bool:
    """Return whether a stream begins with an object that is JSON."""
    try:
        return isinstance(json.JSONDecoder().raw_decode(stream.lstrip())[0], dict)
    except ValueError:
        return False

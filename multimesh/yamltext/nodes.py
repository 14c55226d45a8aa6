"""The nodes of a YAML text: what they have in common, and which kind one is.

The classes of nodes depend on how PyYAML was loaded (`multimesh/yamltext/parser.py`), so code must not test for them.
It tests `node.id`, or calls `is_scalar`, `is_sequence` and `is_mapping`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Protocol, TypeAlias

    from typing_extensions import TypeIs

    class Mark(Protocol):
        """A position in the text, as an offset in code points and as a line. All numbers begin at 0."""

        index: int
        line: int
        column: int

    class ScalarNode(Protocol):
        """A scalar. `value` is its decoded text, whatever its type in YAML; `style` is empty or None if it is plain."""

        id: Literal["scalar"]
        tag: str
        value: str
        style: str | None
        start_mark: Mark
        end_mark: Mark

    class SequenceNode(Protocol):
        """A list. `flow_style` says whether it is written in brackets."""

        id: Literal["sequence"]
        tag: str
        value: list[Node]
        flow_style: bool | None
        start_mark: Mark
        end_mark: Mark

    class MappingNode(Protocol):
        """A mapping. `flow_style` says whether it is written in braces. YAML allows any node as a key."""

        id: Literal["mapping"]
        tag: str
        value: list[tuple[Node, Node]]
        flow_style: bool | None
        start_mark: Mark
        end_mark: Mark

    Node: TypeAlias = ScalarNode | SequenceNode | MappingNode

#: The tag of a node whose text names none.
UNTAGGED = "x"

#: The tag of text in Base64, which Go decodes: the text in the document is not the value.
BINARY_TAG = "tag:yaml.org,2002:binary"

MERGE_TAG = "tag:yaml.org,2002:merge"

#: The tag `!!str`, by which every value is text.
TEXT_TAG = "tag:yaml.org,2002:str"

#: The tags of a key whose value is its text.
KEY_TAGS = (UNTAGGED, "!", TEXT_TAG)

_NULL_TAG = "tag:yaml.org,2002:null"

#: How YAML 1.1 and Go write null (go-yaml v2.4.4, resolve.go).
NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def is_mapping(node: Node | None) -> TypeIs[MappingNode]:
    """Return whether a node is a mapping."""
    return node is not None and node.id == "mapping"


def is_sequence(node: Node | None) -> TypeIs[SequenceNode]:
    """Return whether a node is a list."""
    return node is not None and node.id == "sequence"


def is_scalar(node: Node | None) -> TypeIs[ScalarNode]:
    """Return whether a node is a scalar."""
    return node is not None and node.id == "scalar"


def is_null(node: Node) -> bool:
    """Return whether a node is a scalar that means null: no text, `~` or `null`, plain or with the tag of null."""
    if node.id != "scalar" or node.value not in NULLS:
        return False
    return (node.tag == UNTAGGED and not node.style) or node.tag == _NULL_TAG


def is_merge(key: Node) -> bool:
    """Return whether a key is a merge key (go-yaml v2.4.4, decode.go, isMerge)."""
    if key.id != "scalar" or key.value != "<<":
        return False
    return (key.tag == UNTAGGED and not key.style) or key.tag == MERGE_TAG

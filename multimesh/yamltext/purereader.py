"""Compose nodes with PyYAML's own reader, scanner and parser, where libyaml is absent or refuses what Go accepts.

PyYAML differs from libyaml in a few places, so these are written anew here after libyaml 0.2.5 (`src/scanner.c`): tabs
between tokens and in plain scalars, question marks in flow collections, tags, escapes that are not characters.
Composing needs no recursion, so the limit of the process stays as it is.
"""

from __future__ import annotations

from yaml.composer import ComposerError
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken, TagToken

from multimesh.yamltext.nodes import UNTAGGED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BREAKS = "\r\n\x85\u2028\u2029"
_BLANKS = "\0 \t" + _BREAKS
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_URI = _LETTERS + ";/?:@&=+$.!~*'()%"


#: Any to type checkers: the stubs of PyYAML know libyaml's marks only.
_Base: Any = type("_Base", (Reader, Scanner, Parser), {})


class PureReader(_Base):  # type: ignore[misc]
    """What parser.py needs of a loader: `check_node`, `get_node`, `get_event`."""

    allow_simple_key: bool

    def __init__(self, text: str) -> None:
        """Take a text."""
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    # Composing.

    def check_node(self) -> bool:
        """Return whether another document follows."""
        if self.check_event(StreamStartEvent):
            self.get_event()
        return not self.check_event(StreamEndEvent)

    def get_node(self) -> Any:
        """Return the root node of the next document; None after the last one."""
        if not self.check_node():
            return None
        self.get_event()
        root = self._compose()
        self.get_event()
        return root

    def _compose(self) -> Any:
        anchors: dict[str, Any] = {}
        # Each open collection, and of a mapping the key whose value follows.
        stack: list[list[Any]] = []
        while True:
            event = self.get_event()
            at: Any = event.start_mark
            if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                node = stack.pop()[0]
                node.end_mark = event.end_mark
            elif isinstance(event, AliasEvent):
                if event.anchor not in anchors:
                    raise ComposerError(None, None, f"found undefined alias {event.anchor!r}", at)
                node = anchors[event.anchor]
            else:
                node = _node(event)
                # Go allows an anchor to be defined again; aliases then mean the last one.
                if event.anchor is not None:
                    anchors[event.anchor] = node
                if not isinstance(event, ScalarEvent):
                    stack.append([node, None])
                    continue
            if not stack:
                return node
            parent = stack[-1]
            if parent[0].id == "sequence":
                parent[0].value.append(node)
            elif parent[1] is None:
                parent[1] = node
            else:
                parent[0].value.append((parent[1], node))
                parent[1] = None

    # Scanning.

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks; tabs too where no simple key can begin."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> ScalarToken:
        """Scan a plain scalar."""
        chunks: list[str] = []
        start = end = self.get_mark()
        indent = self.indent + 1
        spaces: list[str] = []
        while self.peek() != "#":
            length = self._plain_length(start)
            if not length:
                break
            self.allow_simple_key = False
            chunks += [*spaces, self.prefix(length)]
            self.forward(length)
            end = self.get_mark()
            found = self._plain_spaces(indent, start)
            if not found or (not self.flow_level and self.column < indent):
                break
            spaces = found
        return ScalarToken("".join(chunks), True, start, end)

    def _plain_length(self, start: Any) -> int:
        """Return how many characters follow without a blank."""
        length = 0
        while True:
            char = self.peek(length)
            if char in _BLANKS or (self.flow_level and char in ",[]{}"):
                return length
            if char == ":":
                following = self.peek(length + 1)
                if following in _BLANKS:
                    return length
                if self.flow_level and following in ",?[]{}":
                    raise ScannerError("while scanning a plain scalar", start, "found unexpected ':'", self.get_mark())
            length += 1

    def _plain_spaces(self, indent: int, start: Any) -> list[str]:
        """Return what blanks and line breaks within a plain scalar mean; nothing if it ends here."""
        blanks = ""
        breaks: list[str] = []
        while self.peek() in " \t" + _BREAKS:
            char = self.peek()
            if char in " \t":
                if breaks and char == "\t" and self.column < indent:
                    problem = "found a tab character that violates indentation"
                    raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
                blanks += "" if breaks else char
                self.forward()
                continue
            breaks.append(self.scan_line_break())
            self.allow_simple_key = True
            if self.prefix(3) in ("---", "...") and self.peek(3) in _BLANKS:
                return []
        if not breaks:
            return [blanks] if blanks else []
        if breaks[0] == "\n":
            return breaks[1:] or [" "]
        return breaks

    def scan_tag(self) -> TagToken:
        """Scan a tag; in a flow collection a comma ends it."""
        start = self.get_mark()
        handle: str | None = None
        length = 1
        while self.peek(length) in _LETTERS:
            length += 1
        if self.peek(1) == "<":
            self.forward(2)
            suffix = self._scan_uri(start, _URI + ",[]")
            if self.peek() != ">":
                raise ScannerError("while scanning a tag", start, "did not find the expected '>'", self.get_mark())
            self.forward()
        elif self.peek(length) == "!":
            handle = self.prefix(length + 1)
            self.forward(length + 1)
            suffix = self._scan_uri(start, _URI)
        else:
            self.forward()
            handle = "!"
            suffix = self._scan_uri(start, _URI) if self.peek() in _URI else ""
        if self.peek() not in _BLANKS and not (self.flow_level and self.peek() == ","):
            problem = "did not find expected whitespace or line break"
            raise ScannerError("while scanning a tag", start, problem, self.get_mark())
        return TagToken((handle, suffix) if handle != "!" or suffix else (None, "!"), start, self.get_mark())

    def _scan_uri(self, start: Any, allowed: str) -> str:
        """Return a part of a tag that is made of these characters."""
        chunks: list[str] = []
        while self.peek() in allowed:
            if self.peek() == "%":
                chunks.append(self.scan_uri_escapes("tag", start))
            else:
                chunks.append(self.peek())
                self.forward()
        if not chunks:
            raise ScannerError("while scanning a tag", start, "did not find expected tag URI", self.get_mark())
        return "".join(chunks)

    def scan_flow_scalar(self, style: str) -> Any:
        """Scan a scalar in quotes, and refuse escapes that are not characters."""
        start = self.get_mark()
        try:
            token = super().scan_flow_scalar(style)
            token.value.encode()
        except (ValueError, OverflowError):
            problem = "found invalid Unicode character escape code"
            raise ScannerError("while parsing a quoted scalar", start, problem, start) from None
        return token

    def scan_block_scalar_indicators(self, start: Any) -> tuple[bool | None, int | None]:
        """Return whether a block scalar keeps its last line breaks, and its indentation; skip blanks after them."""
        chomping = indent = None
        for _ in range(2):
            char = self.peek()
            if char in "+-" and chomping is None:
                chomping = char == "+"
            elif char in "0123456789" and indent is None:
                if char == "0":
                    problem = "found an indentation indicator equal to 0"
                    raise ScannerError("while scanning a block scalar", start, problem, self.get_mark())
                indent = int(char)
            else:
                break
            self.forward()
        while self.peek() in " \t":
            self.forward()
        return chomping, indent


def _node(event: Any) -> Any:
    """Return the node of a scalar, or the empty node of a collection that begins."""
    tag = UNTAGGED if event.tag in (None, "!") else event.tag
    make: Any = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
    if isinstance(event, ScalarEvent):
        make = ScalarNode
        return make(tag, event.value, event.start_mark, event.end_mark, style=event.style)
    return make(tag, [], event.start_mark, None, flow_style=event.flow_style)

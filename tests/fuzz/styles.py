"""Write YAML nodes in styles that keep the meaning, far beyond those that a dumper chooses.

Block and flow collections, quotes and escapes, comments, anchors and aliases, merge keys, tags, explicit keys, folded
and literal blocks, lists with and without indentation, JSON. What Helm reads of the stock text is what counts, so a
style that changes a value after all does no harm: the model starts from what Helm reads.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
STR = "tag:yaml.org,2002:str"
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9._/=-]*(?: [A-Za-z0-9][A-Za-z0-9._/-]*)*")
RESERVED = frozenset("y n yes no on off true false null".split())
SHORT = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", '"': '"', "\\": "\\"}
COMMENTS = ("# text", "# é 😀", "#", "# - a: b", '# "', "# {", "# &a *b", "# ---", "#\ttab")


class Habits(NamedTuple):
    """How often each form is chosen in one document, between 0 and 1."""

    flow: float
    json: bool
    quotes: str
    escapes: float
    comments: float
    anchors: float
    merges: float
    tags: float
    explicit: float
    indent: int
    dedent: bool
    blanks: float


def habits(rng: Random) -> Habits:
    """Choose habits: most documents have a few."""

    def some(often: float, much: float) -> float:
        return rng.choice((much, much / 4)) if rng.random() < often else 0.0

    return Habits(
        some(0.4, 0.5), rng.random() < 0.12, rng.choice(("stock", "plain", "'", '"', "any", "any")), some(0.4, 0.4),
        some(0.3, 0.2), some(0.25, 0.4), some(0.15, 0.2), some(0.15, 0.15), some(0.15, 0.2),
        rng.choice((1, 2, 2, 2, 3, 4, 8)), rng.random() < 0.5, some(0.2, 0.2),
    )  # fmt: skip


def nodes(text: str) -> list[Any]:
    """Compose the documents of a text."""
    return [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]


def written(node: Any, rng: Random) -> str:
    """Write one document, without a marker."""
    return Writer(rng, habits(rng)).document(node)


class Writer:
    """Writes one document."""

    def __init__(self, rng: Random, chosen: Habits) -> None:
        self.rng, self.habits = rng, chosen
        self.anchors: dict[Any, str] = {}
        self.count = 0

    def document(self, node: Any) -> str:
        """Return the text of a document, which ends with a line break."""
        if self.habits.json:
            ascii_only = self.rng.random() < 0.5
            indent = self.rng.choice((None, 1, 2, 4))
            return json.dumps(value_of(node), ensure_ascii=ascii_only, indent=indent) + "\n"
        if isinstance(node, yaml.ScalarNode) or self._often(self.habits.flow / 4) or not node.value:
            return self.flow(node) + self._comment() + "\n"
        return self._lines(node, 0)

    def _often(self, share: float) -> bool:
        return self.rng.random() < share

    def _comment(self) -> str:
        return " " + self.rng.choice(COMMENTS) if self._often(self.habits.comments) else ""

    def _between(self, pad: str) -> str:
        text = ""
        if self._often(self.habits.blanks):
            text += self.rng.choice(("\n", "  \n", pad + "\n"))
        if self._often(self.habits.comments / 2):
            text += self.rng.choice(("", pad, "        ")) + self.rng.choice(COMMENTS) + "\n"
        return text

    # Block collections.

    def _lines(self, node: Any, column: int) -> str:
        """Write a block collection that begins at a column, each entry on a line of its own."""
        if isinstance(node, yaml.MappingNode):
            parts = [self._entry(key, value, column) for key, value in self._merged(node)]
        else:
            parts = [self._item(item, column) for item in node.value]
        pad = " " * column
        return "".join(self._between(pad) + pad + part for part in parts)

    def _merged(self, node: Any) -> list[tuple[Any, Any]]:
        """Move some entries of a mapping into merges, before or after the others."""
        entries = list(node.value)
        if len(entries) < 2 or not self._often(self.habits.merges):
            return entries
        moved = [pair for pair in entries if self.rng.random() < 0.4] or entries[:1]
        stay = [pair for pair in entries if pair not in moved]
        inner = yaml.MappingNode("tag:yaml.org,2002:map", moved)
        merged: Any = inner
        if self.rng.random() < 0.3:
            merged = yaml.SequenceNode("tag:yaml.org,2002:seq", [inner])
        at = self.rng.choice((0, len(stay)))
        stay.insert(at, (yaml.ScalarNode("merge", "<<"), merged))
        return stay

    def _entry(self, key: Any, value: Any, column: int) -> str:
        if self._often(self.habits.explicit):
            pad = " " * column
            return f"? {self._key(key)}{self._comment()}\n{pad}:{self._value(value, column, 2)}"
        return f"{self._key(key)}{self.rng.choice(('', '', '', ' '))}:{self._value(value, column, 0)}"

    def _item(self, item: Any, column: int) -> str:
        if not isinstance(item, yaml.ScalarNode) and item.value and self.rng.random() < 0.8:
            known = self._alias(item)
            if known:
                return f"- {known}\n"
            if not self._often(self.habits.flow):
                gap = self.rng.choice((1, 1, 1, 3))
                text = self._lines(item, column + 1 + gap).lstrip(" ")
                if text[0] not in "\n#":
                    return "-" + " " * gap + text
                return "-\n" + self._lines(item, column + 2)
        return "-" + self._value(item, column, 2)

    def _value(self, node: Any, column: int, least: int) -> str:
        """Write what follows a colon or a dash, with its line break."""
        known = self._alias(node)
        if known:
            return f" {known}{self._comment()}\n"
        front = self._properties(node)
        if isinstance(node, yaml.ScalarNode):
            return f" {front}{self._scalar(node, column, flow=False)}"
        if not node.value or self._often(self.habits.flow):
            return f" {front}{self.flow(node)}{self._comment()}\n"
        deeper = column + max(self.habits.indent, least)
        if isinstance(node, yaml.SequenceNode) and self.habits.dedent and not least:
            deeper = column
        return f" {front}".rstrip() + f"{self._comment()}\n{self._lines(node, deeper)}"

    # Anchors and tags.

    def _alias(self, node: Any) -> str:
        if not self.anchors:
            return ""
        found = self.anchors.get(meaning(node)) if self._often(self.habits.anchors * 2) else ""
        return f"*{found}" if found else ""

    def _properties(self, node: Any) -> str:
        parts = []
        if self._often(self.habits.anchors):
            self.count += 1
            name = f"a{self.count}"
            self.anchors[meaning(node)] = name
            parts.append(f"&{name}")
        if self._often(self.habits.tags) and node.tag.startswith("tag:yaml.org,2002:"):
            short = f"!!{node.tag.rpartition(':')[2]}"
            parts.append(self.rng.choice((short, short, f"!<{node.tag}>", "!")))
        if self.rng.random() < 0.5:
            parts.reverse()
        return " ".join(parts) + " " if parts else ""

    # Scalars.

    def _key(self, node: Any) -> str:
        if node.tag == "merge" or not isinstance(node, yaml.ScalarNode):
            return "<<"
        front = "!!str " if self._often(self.habits.tags / 4) else ""
        return front + self._inline(node)

    def _inline(self, node: Any) -> str:
        """Write a scalar in one line."""
        text = node.value
        if node.tag != STR:
            return text
        style = self.habits.quotes
        if style == "any":
            style = self.rng.choice(("plain", "plain", "'", '"'))
        elif style == "stock":
            style = node.style if node.style in ("'", '"') else "plain"
        plain = PLAIN.fullmatch(text) and text.lower() not in RESERVED and "#" not in text
        if style == "plain" and plain:
            return text
        if style == "'" and "\n" not in text and text.isprintable():
            return "'" + text.replace("'", "''") + "'"
        return self._double(text)

    def _double(self, text: str) -> str:
        return '"' + "".join(map(self._char, text)) + '"'

    def _char(self, char: str) -> str:
        code = ord(char)
        if char in SHORT and (char != '"' or self.rng.random() < 0.9):
            return f"\\{SHORT[char]}"
        if not char.isprintable() or self._often(self.habits.escapes / 4):
            forms = [f"\\U{code:08x}"]
            forms += [f"\\u{code:04X}"] * 2 if code < 0x10000 else []
            forms += [f"\\x{code:02x}"] if code < 0x100 else []
            return self.rng.choice(forms)
        return char

    def _scalar(self, node: Any, column: int, *, flow: bool) -> str:
        text = node.value
        if node.tag == STR and "\n" in text and not flow and self.rng.random() < 0.12:
            return self._folded(text, column)
        if node.tag == STR and "\n" in text.strip("\n") and not flow and self.rng.random() < 0.9:
            found = self._block(text, column)
            if found:
                return found
        if node.tag == STR and text and " " in text.strip() and self._often(self.habits.escapes) and not flow:
            return self._continued(text, column)
        return self._inline(node) + self._comment() + "\n"

    def _block(self, text: str, column: int) -> str:
        """Write a literal block, or a folded one that keeps every break; empty where that cannot be."""
        lines = text.split("\n")
        if not text.isprintable() and any(not line.isprintable() for line in lines):
            return ""
        ends = text.endswith("\n")
        chomp = "-" if not ends else "+" if text.endswith("\n\n") or self.rng.random() < 0.2 else ""
        body = lines[:-1] if ends else lines
        step = self.rng.choice((1, 2, 4))
        digit = str(step) if not body[0].strip(" ") or body[0].startswith((" ", "\t")) else ""
        header = digit + chomp if self.rng.random() < 0.5 else chomp + digit
        pad = " " * (column + step)
        if self.rng.random() < 0.15 and all(line and line[0] not in " \t" for line in body):
            return f">{header}\n" + "\n".join(f"{pad}{line}\n" for line in body)
        comment = self._comment() if header or self.rng.random() < 0.5 else ""
        return f"|{header}{comment}\n" + "".join(f"{pad}{line}\n" if line else "\n" for line in body)

    def _folded(self, text: str, column: int) -> str:
        """Write quotes over several lines, where an empty line is a line break of the text."""
        pad = " " * (column + self.rng.randint(1, 4))
        lines = text.split("\n")
        bare = [line for line in lines if line == line.strip() and line.isprintable()]
        if bare == lines and all(lines[:-1]) and self.rng.random() < 0.7:
            return "'" + f"\n\n{pad}".join(line.replace("'", "''") for line in lines) + "'\n"
        parts = ["".join(map(self._char, lines[0]))]
        for above, line in pairwise(lines):
            # Blanks at both ends of a line would be dropped.
            folds = above and line and above == above.rstrip() and line == line.lstrip() and self.rng.random() < 0.5
            parts += (f"\n\n{pad}" if folds else "\\n", "".join(map(self._char, line)))
        return '"' + "".join(parts) + '"\n'

    def _continued(self, text: str, column: int) -> str:
        """Write double quotes over several lines: folded at blanks, or joined by backslashes."""
        pad = " " * (column + self.rng.randint(1, 4))
        parts = []
        for word in re.split(r"(?<=\S)( )(?=\S)", text):
            if word == " " and self.rng.random() < 0.3:
                parts.append(self.rng.choice(("\n" + pad, " \\\n" + pad, "\\\n" + pad + "\\ ")))
            else:
                parts.append("".join(map(self._char, word)))
        return '"' + "".join(parts) + '"' + "\n"

    def flow(self, node: Any) -> str:
        """Write a node within braces and brackets, in one line or over several."""
        if isinstance(node, yaml.ScalarNode):
            return self._inline(node) or "null"
        gap = self.rng.choice(("", "", " ", "\n  ", "\n        "))
        if isinstance(node, yaml.MappingNode):
            parts = []
            for key, value in node.value:
                sign = self.rng.choice((": ",) * 30 + (" : ", ":\t"))
                parts.append(
                    f"{self._key(key)}{sign}{self._alias(value) or self._properties(value) + self.flow(value)}"
                )
            left, right = "{}"
        else:
            parts = [self._alias(item) or self._properties(item) + self.flow(item) for item in node.value]
            left, right = "[]"
        comma = "," + (gap or " ")
        tail = "," if parts and self.rng.random() < 0.05 else ""
        return left + gap + comma.join(parts) + tail + gap + right


def meaning(node: Any) -> Any:
    """Return what two nodes have in common that mean the same, to be compared."""
    if isinstance(node, yaml.ScalarNode):
        return (node.tag, node.value)
    if isinstance(node, yaml.MappingNode):
        return tuple((meaning(key), meaning(value)) for key, value in node.value)
    return ("list", *map(meaning, node.value))


def value_of(node: Any) -> Any:
    """Return the value of a node for JSON; numbers as numbers where they are JSON's."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(item) for item in node.value]
    if node.tag == STR:
        return node.value
    word = node.value.lower()
    if node.tag.endswith(":null"):
        return None
    if node.tag.endswith(":bool"):
        return word in ("true", "yes", "on", "y")
    try:
        return json.loads(node.value)
    except ValueError:
        return node.value

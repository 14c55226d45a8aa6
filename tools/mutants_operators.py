"""What a mutant changes: one condition, comparison, entry of a table, statement, string, number, word.

Operators are those of Cosmic Ray: each says at how many positions of a syntax tree it can change something, and changes
one of them. Cosmic Ray has none for entries of tables, strings and statements, and some of its own make mutants that
cannot run (`"a" < None`), so OPERATORS lists the ones that are used. Syntax trees are those of parso.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import parso
from cosmic_ray.operators import boolean_replacer, break_continue, number_replacer, zero_iteration_for_loop
from cosmic_ray.operators.operator import Example, Operator

Node = Any  # parso has no types of its own.

#: What a comparison becomes.
COMPARISONS = {
    "==": "!=",
    "!=": "==",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
}


class TextOperator(Operator):
    """An operator that writes other code in the place of a node. A subclass says which."""

    #: Code, and what the first change makes of it.
    example = ("", "")

    def changes(self, node: Node) -> Iterator[str]:
        """Yield the code of every mutant of this node."""
        raise NotImplementedError

    def mutation_positions(self, node: Node) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
        """Yield the span of the node, once for each change."""
        return [(node.start_pos, node.end_pos) for _ in self.changes(node)]

    def mutate(self, node: Node, index: int) -> Node:
        """Return a node with other code, after the same white space and comments."""
        return parso.parse(node.get_first_leaf().prefix + list(self.changes(node))[index])

    @classmethod
    def examples(cls) -> Iterable[Example]:
        """Return what a test tries."""
        return (Example(*cls.example),)


class NegateCondition(TextOperator):
    """`if a and b:` becomes `if not (a and b):`; likewise after elif and while, and in expressions."""

    example = ("if a and b: pass", "if not (a and b): pass")

    def changes(self, node: Node) -> Iterator[str]:
        """Change what follows one of the keywords."""
        before = node.get_previous_sibling() if node.parent is not None else None
        if before is not None and before.type == "keyword" and before.value in ("if", "elif", "while"):
            yield f"not ({code(node)})"


class HalveCondition(TextOperator):
    """`a and b` becomes `b`, or `a`."""

    example = ("x = a and b", "x = b")

    def changes(self, node: Node) -> Iterator[str]:
        """Remove one operand, with the operator beside it."""
        if node.type in ("and_test", "or_test"):
            for number in range(0, len(node.children), 2):
                first = max(number - 1, 0)
                rest = node.children[:first] + node.children[first + 2 :]
                yield "".join(child.get_code() for child in rest).strip()


class ChangeComparison(TextOperator):
    """`a == b` becomes `a != b`, `a < b` becomes `a <= b`, `a in b` becomes `a not in b`."""

    example = ("a not in b", "a in b")

    def changes(self, node: Node) -> Iterator[str]:
        """Change the operator of a comparison."""
        if node.parent is not None and node.parent.type == "comparison" and code(node) in COMPARISONS:
            yield COMPARISONS[code(node)]


class RemoveEntry(TextOperator):
    """`("a", "b")` becomes `("b",)`: a table loses an entry.

    In a function, and as a row of a table, only what has nothing but strings is taken for a table.
    """

    example = ('TABLE = ("a", "b")', 'TABLE = ( "b",)')

    def changes(self, node: Node) -> Iterator[str]:
        """Remove one entry of a tuple, list, set or dict, with the comma after it."""
        if node.type != "atom" or len(node.children) != 3:
            return
        opening, inner, closing = node.children
        parts = inner.children if inner.type in ("testlist_comp", "dictorsetmaker") else [inner]
        entries = split(parts)
        is_tuple, is_set = opening.value == "(", opening.value == "{" and not any(part == ":" for part in parts)
        if any(part.type in ("comp_for", "sync_comp_for") for part in parts) or (is_tuple and parts == [inner]):
            return
        if is_within(node, "funcdef", "lambdef", "atom") and any(
            part.type not in ("string", "operator") for part in parts
        ):
            return
        for first, end in entries:
            rest = [part.get_code() for part in (*parts[:first], *parts[end:])]
            if not rest and is_set:
                continue  # `{}` is a dict.
            comma = "," if is_tuple and len(entries) == 2 and "," not in rest else ""
            yield opening.value + "".join(rest) + comma + closing.get_code()


class RemoveStatement(TextOperator):
    """`return x`, `raise x` or a call becomes `pass`."""

    example = ("def f():\n    return 1\n", "def f():\n    pass\n")

    def changes(self, node: Node) -> Iterator[str]:
        """Replace a whole statement."""
        if node.parent is not None and node.parent.type == "simple_stmt":
            is_call = node.type in ("atom_expr", "power") and code(node.children[-1]).startswith("(")
            if is_call or node.type in ("return_stmt", "raise_stmt") or code(node) == "return":
                yield "pass"


class ChangeString(TextOperator):
    """`"a"` becomes `"Xa"`, except in prose: tests need not know every word of a message."""

    example = ('a = "b"', 'a = "Xb"')

    def changes(self, node: Node) -> Iterator[str]:
        """Change a string, or one piece of an f-string."""
        if node.type == "string" and not is_prose(node):
            opening = re.match(r"[a-zA-Z]*(\"\"\"|'''|\"|')", node.value)
            assert opening is not None, "a string begins with a quote"
            yield node.value[: opening.end()] + "X" + node.value[opening.end() :]
        elif node.type == "fstring_string" and not is_prose(node.parent):
            yield "X" + node.value


#: Every operator that is used, by the name that a report calls it.
OPERATORS: dict[str, Operator] = {
    "negate condition": NegateCondition(),
    "halve condition": HalveCondition(),
    "change comparison": ChangeComparison(),
    "remove entry": RemoveEntry(),
    "remove statement": RemoveStatement(),
    "change string": ChangeString(),
    "change number": number_replacer.NumberReplacer(),
    "True to False": boolean_replacer.ReplaceTrueWithFalse(),
    "False to True": boolean_replacer.ReplaceFalseWithTrue(),
    "and to or": boolean_replacer.ReplaceAndWithOr(),
    "or to and": boolean_replacer.ReplaceOrWithAnd(),
    "break to continue": break_continue.ReplaceBreakWithContinue(),
    "continue to break": break_continue.ReplaceContinueWithBreak(),
    "skip loop": zero_iteration_for_loop.ZeroIterationForLoop(),
}


def code(node: Node) -> str:
    """Return the code of a node without the white space and comments before it."""
    text: str = node.get_code(include_prefix=False)
    return text


def split(parts: list[Node]) -> list[tuple[int, int]]:
    """Return the first and the last part, exclusive, of each entry and the comma after it."""
    entries = []
    first = 0
    for number, part in enumerate(parts):
        if part == ",":
            entries.append((first, number + 1))
            first = number + 1
    return entries + ([(first, len(parts))] if first < len(parts) else [])


def is_within(node: Node, *types: str) -> bool:
    """Return whether a node is inside a node of one of these types."""
    while node.parent is not None:
        node = node.parent
        if node.type in types:
            return True
    return False


def is_prose(node: Node) -> bool:
    """Return whether a string has words one after the other and is not a list of words, `"a b".split()`."""
    text = re.sub(r"\{[^{}]*\}", "x", code(node))
    following = node.get_next_leaf()
    return bool(re.search(r"[a-z,.] [a-zA-Z]", text)) and not (following is not None and following.value == ".")

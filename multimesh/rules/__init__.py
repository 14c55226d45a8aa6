"""The rules, and which of them an object concerns.

A rule is a module, called as its id with underscores for dashes, with

- `ID`: what messages, diffs and reports call it;
- `plan(resource, mesh)`: wish for edits, or refuse.

Its docstring is its page of the manual, and what it reads stands in the registry (`multimesh/rules/reads.py`).
Rules see the original text only, so their order cannot matter.
"""

import sys

from multimesh.rules.reads import ANY_KIND, EVERY, ONLY_WITH, REGISTRY, Key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.reads import Pairs

    class Rule(Protocol):
        """What every rule module has."""

        ID: str

        def plan(self, resource: Resource, mesh: Profile) -> None:
            """Wish for edits of one resource, or refuse it."""


#: For every kind that was asked for: the rules that see it, and what an object must have to concern them; nothing: any object.
_RULES_OF_KIND: "dict[str, list[tuple[str, list[tuple[str, str]]]]]" = {}

#: For every kind that was asked for: the pairs of all rules.
_READS_OF_KIND: "dict[str, Pairs]" = {}


def rule(name: str) -> "Rule":
    """Return the rule of this id, imported when it is first asked for."""
    module = f"multimesh.rules.{name.replace('-', '_')}"
    if module not in sys.modules:
        __import__(module)
    found: Rule = sys.modules[module]
    return found


def rules() -> "list[Rule]":
    """Return all rules, in the order of the registry."""
    return [rule(name) for name in REGISTRY]


def rules_for(kind: str, name: str, text: str, mesh: "Profile") -> "list[Rule]":
    """Return the rules that an object of this kind and name could concern, which stands in this text."""
    if kind not in _RULES_OF_KIND:
        _RULES_OF_KIND[kind] = _rules_of(kind)
    named = name + "\n"
    # A word may also stand behind escapes or a tag. What an alias repeats stands in full at its anchor.
    hides = "\\" in text or "!" in text
    found = []
    for id_, pairs in _RULES_OF_KIND[kind]:
        if not pairs:
            if id_ not in ONLY_WITH or getattr(mesh, ONLY_WITH[id_]):
                found.append(rule(id_))
            continue
        for prefix, word in pairs:
            if (not prefix or named.startswith(prefix)) and (hides or text.rfind(word) >= 0):
                found.append(rule(id_))
                break
    return found


def _rules_of(kind: str) -> "list[tuple[str, list[tuple[str, str]]]]":
    rows: list[tuple[str, list[tuple[str, str]]]] = []
    for id_, reads in REGISTRY.items():
        if ANY_KIND in reads:
            rows.append((id_, []))
        elif kind in reads:
            pairs = reads[kind]
            rows.append((id_, [] if pairs is EVERY else [(name.decode(), word.decode()) for name, word in pairs]))
    return rows


def _reads_of(kind: str) -> "Pairs":
    """Return what an object of a kind must have to concern any rule."""
    if kind not in _READS_OF_KIND:
        _READS_OF_KIND[kind] = tuple([pair for reads in REGISTRY.values() for pair in reads.get(kind, ())])
    return _READS_OF_KIND[kind]


def asked_of(kind: str) -> "list[bytes]":
    """Return the words that rules look for anywhere in an object of this kind."""
    return [word for _, word in _reads_of(kind) if word]


def concerned_by(kind: str, name: bytes, body: bytes, keys: "list[bytes] | None" = None) -> "bool | None":
    """Tell whether an object of this kind and name, with these words in it, could concern a rule.

    `keys` are those of its `data`, where they are known. None says that no rule reads such an object, whatever words
    stand in it.
    """
    named = name + b"\n"
    concerned = None
    for prefix, word in _reads_of(kind):
        if not prefix or named.startswith(prefix):
            if not word or (word in keys if keys is not None and type(word) is Key else body.rfind(word) >= 0):
                return True
            concerned = False
    return concerned

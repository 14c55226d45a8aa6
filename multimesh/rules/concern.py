"""The vocabulary in which a rule says what it reads: its table `READS`.

`READS` maps each kind that the rule reads to conditions, of which one must hold for an object to concern the rule. A
condition is a pair: what the object's name must begin with, and a word that must occur in its text. Either may be
empty. The index of rules (`multimesh.rules`) answers by these tables which rules see an object, and which documents no
rule sees, so that they are not parsed: a condition that is too narrow makes a rule miss an object in silence.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Condition = tuple[bytes, bytes]
    Conditions = tuple[Condition, ...]
    Reads = dict[str, Conditions]


class DataKey(bytes):
    """A word that concerns a rule only as a key of `data`, where the long texts of a ConfigMap are known."""


#: In place of a kind: the rule sees every object that is parsed, but no document is parsed for it.
ANY_KIND = "*"

#: Every object of the kind concerns the rule.
EVERY: Conditions = ((b"", b""),)

#: The rule sees objects of the kind that are parsed for another reason (multimesh/render/prefilter.py).
IF_PARSED: Conditions = ()


def name_starts(start: str, word: str = "") -> Condition:
    """Return the condition that an object's name begins so, and that a word occurs in its text if one is given."""
    return start.encode(), word.encode()


def name_is(name: str, word: str = "") -> Condition:
    """Return the condition that an object has this name, and that a word occurs in its text if one is given."""
    return f"{name}\n".encode(), word.encode()


def has_word(word: str) -> Condition:
    """Return the condition that a word occurs in the text of an object."""
    return b"", word.encode()

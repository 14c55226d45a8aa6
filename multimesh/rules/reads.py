"""What a rule reads, in the words of the guard (`multimesh/guard.py`)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: For each kind, pairs of a prefix of the object's name and a word in its text: either one that fits concerns the rule.
    Reads = dict[str, tuple[tuple[bytes, bytes], ...]]

#: Every object of a kind.
EVERY = ((b"", b""),)

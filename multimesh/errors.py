"""The error that is reported to the user.

All messages have one form: lower case, the wrong value in quotes, what to do on the second line:

    multimesh: <where>: <what is wrong, with the value> [rule-id]
      <what to do about it: the flag, the value, the command>
"""

from __future__ import annotations

#: errno.EACCES, without the import.
_PERMISSION_DENIED = 13


class MultimeshError(Exception):
    """An error that a user or a chart causes, and what to do about it.

    `where` is a file and line, a resource as `Kind/name`, or both; `what` is one line; `hint` says what to do, one
    sentence per line; `rule` is the id of the rule that raised it, or empty.
    """

    def __init__(self, where: str, what: str, hint: str = "", rule: str = "") -> None:
        super().__init__(where, what, hint, rule)
        self.where = where
        self.what = what
        self.hint = hint
        self.rule = rule
        #: Errors that were found together with this one: the other mistakes in a profile, or refusals of a stream.
        self.others: list[MultimeshError] = []
        #: What accepts it: an item for each key of the profile that is a list, and Helm values by their path.
        self.keys: dict[str, str] = {}
        self.values: dict[str, object] = {}
        #: What is printed after `others`.
        self.summary = ""
        #: What `render` writes to stdout although it fails: the results of a KRM function, without any item.
        self.answer = b""

    def __str__(self) -> str:
        """Return the message as it is printed, without the final newline, then those of `others` and `summary`."""
        where = f"{one_line(self.where)}: " if self.where else ""
        what = one_line(self.what)
        rule = f" [{self.rule}]" if self.rule else ""
        hint = "".join(f"\n  {line}" for line in self.hint.splitlines())
        parts = (f"multimesh: {where}{what}{rule}{hint}", *map(str, self.others), self.summary)
        return "\n".join(filter(None, parts))


def one_line(text: str) -> str:
    r"""Return a text without control characters: they are written as in Python, such as `\n`.

    A name in a broken chart may hold line breaks, which would begin a message of their own, or colours of a terminal.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def may_read(error: OSError, otherwise: str) -> str:
    """Return the hint for a file that cannot be read: about its permissions if they are the cause."""
    if error.errno != _PERMISSION_DENIED:
        return otherwise
    return "This user may not read it: 'ls -l' shows the permissions of the file, and of the directories above it."


def not_started(program: str, error: OSError) -> MultimeshError:
    """Return the error of a program that is there and cannot be started, such as one for another machine."""
    return MultimeshError(
        "", f"{program} cannot be started: {error.strerror}", "Install it again, or correct the PATH."
    )

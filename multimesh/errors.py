"""What the program says when it cannot do what was asked.

One shape for every message (style: lower case, the culprit quoted, what to do on the second line):

    multimesh: <where>: <what is wrong, with the value> [rule-id]
      <what to do about it: the flag, the value, the command>
"""


class MultimeshError(Exception):
    """Something a user or a chart can cause, and what to do about it.

    `where` is a file and line, a resource as `Kind/name`, or both; `what` is one line; `hint` says what to do,
    one sentence a line; `rule` is the id of the rule that refused, or empty.
    """

    def __init__(self, where: str, what: str, hint: str = "", rule: str = "") -> None:
        super().__init__(where, what, hint, rule)
        self.where = where
        self.what = what
        self.hint = hint
        self.rule = rule

    def __str__(self) -> str:
        """Write the message as it is printed, without the final newline."""
        # A name in a broken chart may hold line breaks; a message is one line.
        where = f"{self.where}: ".replace("\n", "\\n") if self.where else ""
        what = self.what.replace("\n", "\\n")
        rule = f" [{self.rule}]" if self.rule else ""
        hint = "".join(f"\n  {line}" for line in self.hint.splitlines())
        return f"multimesh: {where}{what}{rule}{hint}"


class Errors(MultimeshError):
    """Several mistakes found in one go, such as in a mesh profile: reported together, one message each."""

    def __init__(self, errors: list[MultimeshError]) -> None:
        super().__init__(errors[0].where, errors[0].what, errors[0].hint, errors[0].rule)
        self.errors = errors

    def __str__(self) -> str:
        """Write one message after the other."""
        return "\n".join(str(error) for error in self.errors)

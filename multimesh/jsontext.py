"""Find one member of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants one member. The scanner behind the
standard library's `json` is imported without it, for its speed: `json` itself imports regular expressions.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLANKS = " \t\n\r"


class _Context:
    """What the scanner asks of a decoder (CPython, Modules/_json.c)."""

    strict = False
    object_hook = object_pairs_hook = array_hook = None
    parse_float = parse_int = parse_constant = str
    memo: "dict[str, str]" = {}  # noqa: RUF012 - part of the scanner's contract


def member(text: str, key: str) -> "tuple[int, int] | None":
    """Return the span of the value behind a key of a JSON object; None where the text is no JSON, or has no such key.

    A key that stands twice is no answer either.
    """
    try:
        from _json import make_scanner, scanstring

        scan: Any = make_scanner(_Context())
        at = _skip(text, 0)
        if text[at : at + 1] != "{":
            return None
        found = None
        at = _skip(text, at + 1)
        while text[at] == '"':
            name, at = scanstring(text, at + 1, False)
            at = _skip(text, at)
            if text[at] != ":":
                return None
            start = _skip(text, at + 1)
            _, at = scan(text, start)
            if name == key:
                if found is not None:
                    return None
                found = (start, at)
            at = _skip(text, at)
            if text[at] == "}":
                return found if not text[at + 1 :].strip(_BLANKS) else None
            if text[at] != ",":
                return None
            at = _skip(text, at + 1)
    except (ImportError, ValueError, IndexError, StopIteration, AttributeError, TypeError, RecursionError):
        pass
    return None


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at

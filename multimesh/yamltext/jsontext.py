"""Find members of a JSON object without making nodes of all the others.

The scanner is CPython's own, without the package `json`: to import that would take longer than all that is scanned.
"""

from __future__ import annotations

from _json import make_scanner, scanstring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Context:
    """What the scanner reads from its decoder (`json/scanner.py`). `int` refuses `NaN` and its like."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_int = str
    parse_constant = int


_DECODER: Any = _Context
_scan = make_scanner(_DECODER)

#: What the scanner raises for text that is not JSON. SystemError takes the place of JSONDecodeError, which CPython
#: looks for in `json.decoder` without importing it.
_NOT_JSON = (ValueError, IndexError, StopIteration, RecursionError, SystemError)


def members(text: str, at: int, *keys: str, whole: bool = False) -> dict[str, int] | None:
    """Return where the values of some members of a JSON object begin.

    The object begins at the offset `at`, blanks aside. A key that it does not have is left out. None where the text is
    not a JSON object, has one of the keys twice, or writes it with escapes. The scan ends before the last value that is
    asked for, unless the `whole` object must be JSON.
    """
    found: dict[str, int] = {}
    try:
        at = _skip_blanks(text, at)
        if text[at] != "{":
            return None
        at = _skip_blanks(text, at + 1)
        if text[at] == "}":
            return found
        while text[at] == '"':
            key, end = scanstring(text, at + 1)
            colon = _skip_blanks(text, end)
            if text[colon] != ":":
                return None
            start = _skip_blanks(text, colon + 1)
            if key in keys:
                if key in found or text[at + 1 : end - 1] != key:
                    return None
                found[key] = start
                if len(found) == len(keys) and not whole and not _follow(text, start, keys):
                    return found
            _, stop = _scan(text, start)
            at = _skip_blanks(text, stop)
            if text[at] == "}":
                return found
            if text[at] != ",":
                return None
            at = _skip_blanks(text, at + 1)
    except _NOT_JSON:
        pass
    return None


def end(text: str, at: int) -> int:
    """Return where the value ends that begins at an offset in an object or list; -1 if it is not JSON."""
    try:
        _, stop = _scan(text, at)
        return stop if text[_skip_blanks(text, stop)] in "},]" else -1
    except _NOT_JSON:
        return -1


def is_json(text: str) -> bool:
    """Return whether a text is one JSON object or list, and nothing else but blanks."""
    try:
        at = _skip_blanks(text, 0)
        return text[at] in "{[" and not text[_scan(text, at)[1] :].strip(" \t\r\n")
    except _NOT_JSON:
        return False


def _follow(text: str, at: int, keys: tuple[str, ...]) -> bool:
    """Return whether one of the keys may occur after an offset: an escape could hide it."""
    return text.find("\\", at) >= 0 or any(text.find(f'"{key}"', at) >= 0 for key in keys)


def _skip_blanks(text: str, at: int) -> int:
    """Return the first offset from here on that is not a blank of JSON."""
    while text[at] in " \t\r\n":
        at += 1
    return at

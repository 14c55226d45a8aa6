"""Find one member of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants one member. Split at its quotes,
the text falls into what stands between strings and what stands in them, and brackets between strings are structure.
"""

_BLANKS = " \t\r\n"

#: What may stand between the strings of JSON: structure, blanks, numbers, true, false and null.
_BETWEEN = "{}[]:,0123456789+-.eEtrufalsn" + _BLANKS

#: Texts that were asked for a member, as `_outline` returns them: every rule asks for another one.
_OUTLINES: "dict[str, tuple[str, list[str]] | None]" = {}


def member(text: str, key: str) -> "tuple[int, int] | None":
    """Return the span of the value behind a key of a JSON object; None where the text is no JSON, or has no such key.

    A key that stands twice is no answer either, and neither is one that is written with escapes.
    """
    if text not in _OUTLINES:
        _OUTLINES[text] = _outline(text)
    outline = _OUTLINES[text]
    if outline is None:
        return None
    plain, parts = outline
    found = None
    at = plain.find(f'"{key}"')
    while at >= 0:
        # As many quotes stand before the string as parts; an odd number would make this its closing quote.
        number = plain.count('"', 0, at)
        if number % 2 == 0 and parts[number + 2].lstrip(_BLANKS)[:1] == ":" and _depth(parts, number) == 1:
            if found is not None:
                return None
            found = _value(text, parts, number + 2, at + len(key) + 2)
        at = plain.find(f'"{key}"', at + 1)
    return found


def _outline(text: str) -> "tuple[str, list[str]] | None":
    """Return the text with its escapes blotted out, and cut at its quotes; None for what is no JSON object."""
    plain = text
    if "\\" in text:
        plain = text.replace("\\\\", "\0\0").replace('\\"', "\0\0")
    parts = plain.split('"')
    between = "".join(parts[::2])
    if len(parts) % 2 == 0 or between.strip(_BETWEEN) or between.strip(_BLANKS)[:1] != "{" or _depth(parts, len(parts)):
        return None
    return plain, parts


def _depth(parts: list[str], number: int) -> int:
    """Return how many brackets are open behind this part."""
    between = "".join(parts[: number + 1 : 2])
    return between.count("{") + between.count("[") - between.count("}") - between.count("]")


def _value(text: str, parts: list[str], number: int, at: int) -> "tuple[int, int] | None":
    """Return the span of the value behind the colon with which a part begins, at the position `at`."""
    start = text.index(":", at) + 1
    while text[start : start + 1] in (" ", "\t", "\r", "\n"):
        start += 1
    part = parts[number][start - at :]
    if not part:
        return (start, start + len(parts[number + 1]) + 2) if number + 1 < len(parts) else None
    if part[0] not in "{[":
        end = min(place for place in (part.find(sign) for sign in ",}]" + _BLANKS) if place >= 0)
        return start, start + end
    depth, at = 0, start
    while True:
        # Most of what stands between strings is one colon or comma.
        at += part in (":", ",")
        for sign in part if part not in (":", ",") else "":
            at += 1
            if sign in "{[":
                depth += 1
            elif sign in "}]":
                depth -= 1
                if not depth:
                    return start, at
        if number + 2 >= len(parts):
            return None
        at += len(parts[number + 1]) + 2
        number += 2
        part = parts[number]

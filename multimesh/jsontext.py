"""Find a few members of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants one member. Split at its quotes,
the text falls into what stands between strings and what stands in them, and brackets between strings are structure.
Nothing is read far beyond the value that is wanted.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: Start and end of a value; None where it does not end.
    Span = tuple[int, int] | None

_BLANKS = " \t\r\n"

#: What may stand between the strings of JSON: structure, blanks, numbers, true, false and null.
_BETWEEN = b"{}[]:,0123456789+-.eEtrufalsn \t\r\n"

#: How much of a value is looked at first. What is longer is looked at again.
_CHUNK = 1 << 13


def member(text: str, key: str) -> "tuple[int, int] | None":
    """Return the span of the value behind a key of a JSON object; None where the text is no JSON, or has no such key.

    A key that stands twice is no answer either, and neither is one that is written with escapes.
    """
    return (members(text, key) or {}).get(key)


def members(text: str, *keys: str) -> "dict[str, tuple[int, int]] | None":
    """Return the spans of the values behind those of the keys that a JSON object has; None as with `member`."""
    last = max([text.rfind(f'{key}"') for key in keys])
    size = max(map(len, keys)) + _CHUNK
    while last >= 0:
        parts = _parts(text[: last + size])
        found = None if parts is None else _members(parts, keys)
        if found is None:
            return None
        spans = {key: span for key, span in found.items() if span is not None}
        if len(spans) == len(found):
            return spans
        if last + size >= len(text):
            return None
        size *= 4
    return {}


def _members(parts: list[str], keys: "tuple[str, ...]") -> "dict[str, Span] | None":
    """Return what `members` does for the parts of a text that may be cut short; a value that does not end has no span."""
    if parts[0].lstrip(_BLANKS)[:1] != "{":
        return None
    places: list[tuple[int, int, str]] = []
    depth = seen = at = 0
    # Every other part is a string.
    for index in [index for index in range(1, len(parts) - 1, 2) if parts[index] in keys]:
        depth += _depth(parts[seen:index])
        at += sum(map(len, parts[seen : index + 1])) + index + 1 - seen
        seen = index + 1
        sign = parts[seen].lstrip(_BLANKS)
        if depth == 1 and (sign[:1] == ":" or (not sign and seen == len(parts) - 1)):
            places.append((index, at, sign[1:].lstrip(_BLANKS)))
    found: dict[str, Span] = {}
    # A value ends before the next key of its object.
    for (index, at, value), following in zip(places, [*(place[0] for place in places[1:]), len(parts)], strict=False):
        if parts[index] in found:
            return None
        end = _end([value, *parts[index + 2 : following]])
        if end == 0:
            return None
        start = at + len(parts[index + 1]) - len(value)
        found[parts[index]] = None if end is None else (start, start + end)
    return found


def _parts(text: str) -> "list[str] | None":
    """Cut a text at its quotes, escapes blotted out; None for what no JSON begins with."""
    if "\\" in text:
        text = text.replace("\\\\", "\0\0").replace('\\"', "\0\0")
    parts = text.split('"')
    return None if "".join(parts[::2]).encode("utf-8", "replace").translate(None, _BETWEEN) else parts


def _depth(parts: list[str]) -> int:
    """Return how many brackets are open behind these parts."""
    between = "".join(parts[::2])
    return between.count("{") + between.count("[") - between.count("}") - between.count("]")


def _end(parts: list[str]) -> "int | None":
    """Return where the value ends that these parts begin with; None where they do not say, 0 for what is no JSON."""
    first = parts[0][:1]
    if not first:
        # A string, or the text was cut short.
        return len(parts[1]) + 2 if len(parts) > 2 else None
    if first not in "{[":
        ends = [place for sign in ",}]" + _BLANKS if (place := parts[0].find(sign)) >= 0]
        return min(ends) if ends else None
    depth = at = 0
    for piece in "".join(parts[::2]).replace("[", "{").replace("]", "}").split("}")[:-1]:
        depth += piece.count("{") - 1
        at += len(piece) + 1
        if not depth:
            break
    else:
        return None
    for number in range(0, len(parts), 2):
        at -= len(parts[number])
        if at <= 0:
            return sum(map(len, parts[: number + 1])) + number + at
    return None

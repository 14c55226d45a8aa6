"""Find one member of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants one member. Split at its quotes,
the text falls into what stands between strings and what stands in them, and brackets between strings are structure.
Nothing is read beyond the value that is wanted.
"""

_BLANKS = " \t\r\n"

#: What may stand between the strings of JSON: structure, blanks, numbers, true, false and null.
_BETWEEN = b"{}[]:,0123456789+-.eEtrufalsn \t\r\n"

#: How much of a value is looked at first. What is longer is looked at again.
_CHUNK = 1 << 13


def member(text: str, key: str) -> "tuple[int, int] | None":
    """Return the span of the value behind a key of a JSON object; None where the text is no JSON, or has no such key.

    A key that stands twice is no answer either, and neither is one that is written with escapes.
    """
    quoted = f'"{key}"'
    last = text.rfind(quoted)
    parts = _parts(text[:last]) if last >= 0 else None
    if parts is None or parts[0].lstrip(_BLANKS)[:1] != "{":
        return None
    found = None
    depth = seen = at = 0
    # Every other part is a string; behind the parts stands the last one that could be the key.
    for index in [*(index for index in range(1, len(parts), 2) if parts[index] == key), len(parts)]:
        if index % 2 == 0:
            break  # the tail of another string
        depth += _depth(parts[seen:index])
        at += sum(map(len, parts[seen:index])) + index - seen
        seen = index + 1
        start = _behind(text, at + len(key) + 1, ":") if depth == 1 else 0
        if start and found is not None:
            return None
        found = start or found
        at += len(key) + 1
    return None if found is None else _value(text, found)


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


def _behind(text: str, at: int, sign: str) -> int:
    """Return where text goes on behind a sign and blanks; 0 where something else stands."""
    for wanted in (sign, ""):
        while text[at : at + 1] in (" ", "\t", "\r", "\n"):
            at += 1
        if not text.startswith(wanted, at):
            return 0
        at += len(wanted)
    return at


def _value(text: str, start: int) -> "tuple[int, int] | None":
    """Return the span of the value that begins here; None where it is no JSON, or does not end."""
    size = _CHUNK
    while True:
        chunk = text[start : start + size]
        end = _end(_parts(chunk), chunk[:1])
        if end is not None:
            return (start, start + end) if end else None
        if start + size >= len(text):
            return None
        size *= 4


def _end(parts: "list[str] | None", first: str) -> "int | None":
    """Return where the value ends that these parts begin with; None where more must be read, 0 for what is no JSON."""
    if parts is None or not first:
        return 0
    if first == '"':
        return len(parts[1]) + 2 if len(parts) > 2 else None
    if first not in "{[":
        ends = [place for sign in ",}]" + _BLANKS if (place := parts[0].find(sign)) >= 0]
        return min(ends) if ends else None
    between = "".join(parts[::2]).replace("[", "{").replace("]", "}")
    depth = at = 0
    while True:
        end = between.find("}", at) + 1
        if not end:
            return None
        depth += between.count("{", at, end) - 1
        at = end
        if not depth:
            break
    for number in range(0, len(parts), 2):
        at -= len(parts[number])
        if at <= 0:
            return sum(map(len, parts[: number + 1])) + number + at
    return None

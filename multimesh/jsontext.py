"""Find a few members of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants two lines. Cut at its quotes, a
text falls into what stands between strings and what stands in them, and brackets between strings are structure. What
pairs of brackets leave over says where a place stands: nothing is read but what lies before the places that are asked
for.
"""

#: What may stand between the strings of JSON: structure, blanks, numbers, true, false and null.
_BETWEEN = b"{}[]:,0123456789+-.eEtrufalsn \t\r\n"

#: The same without brackets.
_FLAT = b":,0123456789+-.eEtrufalsn \t\r\n"

_BLANKS = " \t\r\n"

#: Escapes that stand for no letter.
_ESCAPES = frozenset("bfnrt")

#: What stands for the object that is looked into: no bracket closes it, so the one that does is left over behind it.
_INSIDE = b"("
_CLOSING = (b"}", b"]")

#: How much of an object is looked at together where no key is left to be found.
_CHUNK = 1 << 13


def blotted(text: str) -> "str | None":
    """Return a text of the same length without escapes, as the other functions want it; None where one may be a letter.

    Go's JSON writes `<`, `>`, `&` and `'` with four digits (encoding/json, HTMLEscape).
    """
    if "\\" not in text:
        return text
    for escape in ("\\\\", '\\"', "\\u003c", "\\u003e", "\\u0026", "\\u0027"):
        text = text.replace(escape, "\0" * len(escape))
    return text if {part[:1] for part in text.split("\\")[1:]} <= _ESCAPES else None


def places(text: str, at: int, *keys: str, stop: "int | None" = None) -> "dict[str, int] | None":
    """Return where the values of those keys begin that the object at a place has; None where it is no JSON, or in doubt.

    Keys are words of letters and signs that JSON does not escape. One that stands twice is None too. At `stop`, if that
    is known, the object has ended.
    """
    if text[at : at + 1] != "{":
        return None
    found: dict[str, int] = {}
    left, seen = _INSIDE, at + 1
    following = {key: place for key in keys if (place := text.find(f'"{key}"', seen, stop)) >= 0}
    while following:
        key = min(following, key=following.__getitem__)
        place = following[key]
        over = _left_over(left, text[seen:place])
        if over is None:
            return None
        if over[1:2] in _CLOSING:
            return found
        left, seen = over, place
        behind = place + len(key) + 2
        colon = skip_blanks(text, behind)
        if over == _INSIDE and text[colon : colon + 1] == ":":
            if key in found:
                return None
            found[key] = skip_blanks(text, colon + 1)
        # From its end, CPython sees in half the time that a text has no such key.
        place = text.find(f'"{key}"', behind, stop) if text.rfind(f'"{key}"', behind, stop) >= 0 else -1
        if place < 0:
            del following[key]
        else:
            following[key] = place
    # What is no JSON could have a key in another form.
    return found if len(found) == len(keys) or _closes(text, seen, left) else None


def _closes(text: str, seen: int, left: bytes) -> bool:
    """Tell whether the object that is looked into is JSON up to its end."""
    while seen < len(text):
        stop = min(seen + _CHUNK, len(text))
        if text.count('"', seen, stop) % 2:
            # A string that would be cut in two belongs to the next piece, if there is more in this one.
            quote = text.rfind('"', seen, stop)
            stop = quote if quote > seen else text.find('"', seen + 1) + 1
        over = _left_over(left, text[seen:stop])
        if over is None or not stop:
            return False
        if over[1:2] in _CLOSING:
            return True
        left, seen = over, stop
    return False


def end(text: str, at: int) -> int:
    """Return where the value ends that begins at a place; -1 where it does not, or is no JSON."""
    first = text[at : at + 1]
    if first == '"':
        return text.find('"', at + 1) + 1 or -1
    if first not in ("{", "["):
        ends = [place for sign in ",}]" + _BLANKS if (place := text.find(sign, at)) >= 0]
        return min(ends) if ends and not text[at : min(ends)].encode("utf-8", "replace").translate(None, _FLAT) else -1
    closes = "}" if first == "{" else "]"
    left, seen = _INSIDE, at + 1
    stop = text.find(closes, seen) + 1
    while stop:
        # Within a string it closes nothing.
        if text.count('"', seen, stop) % 2 == 0:
            over = _left_over(left, text[seen:stop])
            if over is None:
                return -1
            if over[1:2] in _CLOSING:
                return stop if over == _INSIDE + closes.encode() else -1
            left, seen = over, stop
        stop = text.find(closes, stop) + 1
    return -1


def _left_over(left: bytes, piece: str) -> "bytes | None":
    """Return the brackets that stay without their match behind a piece; None for what is no JSON, or ends in a string."""
    parts = piece.split('"')
    between = "".join(parts[::2]).encode("utf-8", "replace")
    if len(parts) % 2 == 0 or between.translate(None, _BETWEEN):
        return None
    left += between.translate(None, _FLAT)
    while (shorter := left.replace(b"{}", b"").replace(b"[]", b"")) != left:
        left = shorter
    return left


def skip_blanks(text: str, at: int) -> int:
    """Return the first place from here on that is no blank."""
    while text[at : at + 1] in _BLANKS and at < len(text):
        at += 1
    return at

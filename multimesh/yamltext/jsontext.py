"""Find a few members of a JSON object without making nodes of all the others.

The injector's values are forty kilobytes of JSON on one line, of which a rule wants two lines. Cut at its quotes, a
text falls into what stands between strings and what stands in them, and brackets between strings are structure. What
pairs of brackets leave over says where a place stands: nothing is read but what lies before the places that are asked
for. YAML that is no JSON, or could be something else to a reader of YAML, is told apart as far as it is read.
"""

_BLANKS = " \t\r\n"
_BLANK_BYTES = _BLANKS.encode()

#: What stands for each character between strings: itself for brackets, quotes and separators, `w` for what numbers and
#: words are made of, `X` for what is no JSON.
_SIGNS = bytearray(b"X" * 256)
for _code in b'{}[]:,"':
    _SIGNS[_code] = _code
for _code in b"0123456789+-.eEtrufalsn":
    _SIGNS[_code] = ord("w")

#: Escapes that stand for no letter, and those of ASCII that Go's JSON writes for HTML (encoding/json, HTMLEscape).
_ESCAPES = frozenset("bfnrt")
_HTML = frozenset(("003c", "003e", "0026", "0027"))
_HEX = frozenset("0123456789abcdef")

#: What stands for the object that is looked into: no bracket closes it, so the one that does is left over behind it.
_INSIDE = b"("
_CLOSING = (b"}", b"]")

#: No values are nested as deeply.
_MAX_DEPTH = 64

#: How much of an object is looked at together where no key is left to be found.
_CHUNK = 1 << 11


def blotted(text: str) -> "str | None":
    """Return a text of the same length without quotes behind backslashes, as the other functions want it.

    None where an escape may stand for a character of a name, or is none of JSON.
    """
    if "\\" not in text:
        return text
    text = text.replace("\\\\", "\0\0").replace('\\"', "\0\0")
    for part in text.split("\\")[1:]:
        digits = part[1:5].lower()
        if part[:1] != "u":
            if part[:1] not in _ESCAPES:
                return None
        elif len(digits) < 4 or not _HEX.issuperset(digits) or ("0020" <= digits < "0080" and digits not in _HTML):
            return None
    return text


def places(text: str, at: int, *keys: str, stop: "int | None" = None, whole: bool = False) -> "dict[str, int] | None":
    """Return where the values of those keys begin that the object at a place has; None where it is no JSON, or in doubt.

    Keys are words of letters and signs that JSON does not escape. One that stands twice is None too. At `stop`, if that
    is known, the object has ended. `whole` wants JSON up to the end of the object, even where all keys are found.
    """
    if text[at : at + 1] != "{":
        return None
    found: dict[str, int] = {}
    left, seen = _INSIDE, at + 1
    following = {key: place for key in keys if (place := text.find(f'"{key}"', seen, stop)) >= 0}
    while following:
        key = min(following, key=following.__getitem__)
        place = following[key]
        over = _left_over(left, text, seen, place)
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
    return found if (len(found) == len(keys) and not whole) or _closes(text, seen, left) else None


def _closes(text: str, seen: int, left: bytes) -> bool:
    """Tell whether the object that is looked into is JSON up to its end."""
    while seen < len(text):
        stop = min(seen + _CHUNK, len(text))
        if text.count('"', seen, stop) % 2:
            # A string that would be cut in two belongs to the next piece, if there is more in this one.
            quote = text.rfind('"', seen, stop)
            stop = quote if quote > seen else text.find('"', seen + 1) + 1
        over = _left_over(left, text, seen, stop) if stop else None
        if over is None:
            return False
        if over[1:2] in _CLOSING:
            return True
        left, seen = over, stop
    return False


def end(text: str, at: int) -> int:
    """Return where the value of a member ends that begins at a place; -1 where it does not, or is no JSON."""
    stop = _value_end(text, at)
    behind = skip_blanks(text, stop)
    return stop if stop > at and text[behind : behind + 1] in ("}", "]", ",") else -1


def _value_end(text: str, at: int) -> int:
    """Return where a value ends; 0 where it does not, or is no JSON."""
    first = text[at : at + 1]
    if first == '"':
        return text.find('"', at + 1) + 1
    if first not in ("{", "["):
        stop = min([place for sign in ",}]" + _BLANKS if (place := text.find(sign, at)) >= 0], default=at)
        return 0 if text[at:stop].encode("utf-8", "replace").translate(_SIGNS).strip(b"w") else stop
    closes = "}" if first == "{" else "]"
    left, seen = _INSIDE, at + 1
    counted, quotes = seen, 0
    stop = text.find(closes, seen) + 1
    while stop:
        quotes += text.count('"', counted, stop)
        counted = stop
        # Within a string it closes nothing.
        if quotes % 2 == 0:
            over = _left_over(left, text, seen, stop)
            if over is None or over == _INSIDE + closes.encode():
                return 0 if over is None else stop
            if over[1:2] in _CLOSING:
                return 0
            left, seen = over, stop
        stop = text.find(closes, stop) + 1
    return 0


def _left_over(left: bytes, text: str, start: int, stop: int) -> "bytes | None":
    """Return the brackets that stay without their match behind a stretch; None for what is no JSON, or ends in a string."""
    parts = text[start:stop].split('"')
    between = '"'.join(parts[::2]) + ('"' if text.startswith('"', stop) else "")
    signs = between.encode("utf-8", "replace").translate(_SIGNS, _BLANK_BYTES)
    # Strings stand between brackets, colons and commas: to YAML a quote inside of a word is a part of it.
    if len(parts) % 2 == 0 or 88 in signs or b'w"' in signs or b'"w' in signs or b'""' in signs:
        return None
    left += signs.translate(None, b'w:,"')
    for _ in range(_MAX_DEPTH):
        shorter = left.replace(b"{}", b"").replace(b"[]", b"")
        if shorter == left:
            return left if len(left) <= _MAX_DEPTH else None
        left = shorter
    return None


def skip_blanks(text: str, at: int) -> int:
    """Return the first place from here on that is no blank."""
    while text[at : at + 1] in _BLANKS and at < len(text):
        at += 1
    return at

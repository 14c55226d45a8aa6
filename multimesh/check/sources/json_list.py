"""Read the items of a JSON list one by one, as `kubectl get -o json` and API servers write it.

The values of a list of ten thousand pods take 700 MB at once.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, TypeAlias

from multimesh.errors import MultimeshError

_CHUNK = 1 << 20

#: How the lists begin that can be read piece by piece: kubectl sorts the keys, so that `items` precedes all others but
#: `apiVersion`.
_BEGIN = re.compile(r'\ufeff?\s*\{\s*(?:"apiVersion"\s*:\s*"v1"\s*,\s*)?"items"\s*:\s*\[')

#: The items of the list that an API server sends: its metadata precede them.
_ITEMS = re.compile(r'"items"\s*:\s*\[')

_BETWEEN = re.compile(r"[\s,]*")

_decoder = json.JSONDecoder()


Items: TypeAlias = Generator[tuple[int, Any], None, tuple[dict[str, Any], str, int]]


def items(stream: BinaryIO, name: str) -> Items | str:
    """Return the items of a JSON list, each with its line, or the whole text of anything else.

    `name` is the stream in messages. The generator raises MultimeshError if the list does not end as JSON, and returns
    the keys of the list that follow its items, the text after the list, and its line.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace")
    text = ""
    while piece := stream.read(_CHUNK):
        text += decode.decode(piece)
        found = _BEGIN.match(text)
        if found is not None:
            return _items(stream, decode, text, found.end(), name)
        if len(text) > _CHUNK:
            break
    return text + decode.decode(stream.read(), final=True)


def items_of(text: str) -> Iterator[Any]:
    """Yield the items of a list that an API server has sent as a whole. Raises ValueError if it is not such a list."""
    begin = _ITEMS.search(text)
    if begin is None:
        raise ValueError("there are no items")
    at = begin.end()
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        if text[at : at + 1] == "]":
            return
        item, at = _decoder.raw_decode(text, at)
        yield item


def _items(stream: BinaryIO, decode: codecs.IncrementalDecoder, text: str, at: int, name: str) -> Items:
    line = 1
    begin = 0
    ended = False
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", begin, at)
        begin = at
        try:
            if text[at : at + 1] == "]":
                break
            item, end = _decoder.raw_decode(text, at)
        except ValueError:
            if ended:
                raise _cut_off(name, line) from None
            piece = stream.read(_CHUNK)
            ended = not piece
            text = text[at:] + decode.decode(piece, final=ended)
            begin = at = 0
            continue
        yield line, item
        at = end
    rest = '{"items": []' + text[at + 1 :] + decode.decode(stream.read(), final=True)
    try:
        found, end = _decoder.raw_decode(rest)
    except ValueError:
        raise _cut_off(name, line) from None
    return found, rest[end:], line + rest.count("\n", 0, end)


def _cut_off(name: str, line: int) -> MultimeshError:
    return MultimeshError(f"{name}:{line}", "not JSON: the list does not end", "Look at what wrote it.")

"""Read objects from manifests: files, directories, `helm get manifest`, `kubectl get -o json`.

Every object carries the file and line that it comes from. The YAML nodes are dropped as soon as they are plain
values, and of a CRD only its identity is kept, so that twenty meshes fit into memory.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from multimesh.check.findings import Finding
from multimesh.check.objects import Object
from multimesh.check.sources.json_list import Items, items
from multimesh.check.sources.plain_objects import CRD, Unread, objects
from multimesh.errors import MultimeshError, may_read
from multimesh.kubernetes.crds import ENDINGS, walked
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import is_mapping, is_sequence
from multimesh.yamltext.parser import compose_all
from multimesh.yamltext.plain import scalar

#: Limits of a file and of a YAML document, in bytes; no manifest of a mesh is as large. `kubectl get` writes JSON,
#: which takes a hundredth of the memory while it is parsed.
MAX_FILE = 512 * 1024 * 1024

MAX_DOCUMENT = 32 * 1024 * 1024

#: What the output of `render` begins with if nothing of a stream is to be installed.
_OF_RENDER = "# multimesh: "


class Manifest(NamedTuple):
    """The objects of a file, and what in it is not an object.

    `is_left_out` is whether `render` has written that nothing of a stream is to be installed: then it need not hold
    an object.
    """

    objects: list[Object]
    unread: list[Unread]
    is_left_out: bool

    @property
    def holds_none(self) -> bool:
        """Whether it holds no Kubernetes object."""
        return not any(item.is_resource for item in self.objects)

    def findings(self, *, is_named: bool) -> list[Finding]:
        """Return a finding for all that is not an object.

        A file that the user has not named may be one of another program in the same directory, such as Helm values.
        """
        return [one.finding for one in self.unread if is_named or self.objects or not one.may_be_values]


def files_of(argument: str) -> list[str]:
    """Return the files that one argument names: a file, `-`, a directory, or several of them separated by commas.

    Raises MultimeshError for a path that is empty or does not exist.
    """
    found = []
    for part in [argument] if os.path.exists(argument) else argument.split(","):
        if not part:
            raise MultimeshError(
                argument, "has an empty name beside a comma", "Name a file on both sides of each comma."
            )
        if part == "-":
            found.append(part)
        elif os.path.isdir(part):
            inside = _inside(part)
            if not inside:
                raise MultimeshError(
                    part, "the directory holds no manifests", f"Their names end in {', '.join(ENDINGS)}."
                )
            found += inside
        elif os.path.exists(part):
            found.append(part)
        elif not os.access(os.path.dirname(os.path.abspath(part)), os.X_OK | os.R_OK):
            hint = may_read(PermissionError(13, ""), "")
            raise MultimeshError(part, "cannot be read: Permission denied", hint)
        else:
            raise MultimeshError(part, "there is no such file", f"Looked in {os.path.abspath(part)}.")
    return found


def _inside(directory: str) -> list[str]:
    """Return the manifests in a directory and below it. Raises MultimeshError for a directory that cannot be read."""
    found: dict[str, str] = {}
    try:
        for place, names in walked(directory):
            for file in (Path(place, name) for name in names):
                if file.suffix in ENDINGS and not file.is_file():
                    raise MultimeshError(
                        str(file), "is a link to nothing, or no file", "Remove it, or restore what it links to."
                    )
                if file.suffix in ENDINGS:
                    path = os.path.realpath(file)
                    found[path] = min(str(file), found.get(path, str(file)))
    except OSError as error:
        raise MultimeshError(str(error.filename), f"cannot be read: {error.strerror}", may_read(error, "")) from None
    return sorted(found.values())


def read_file(path: str) -> Manifest:
    """Return what is in one file, `-` for stdin. Raises MultimeshError where it cannot be read or is not YAML."""
    name = "<stdin>" if path == "-" else path
    try:
        if path == "-" and sys.stdin is None:
            raise OSError(9, "Bad file descriptor")  # It was closed before Python started.
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise MultimeshError(name, f"has more than {MAX_FILE >> 20} MB", "No mesh is as large. Is this a manifest?")
        content = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise MultimeshError(name, f"cannot be read: {error.strerror}", may_read(error, "Name another file.")) from None
    except UnicodeDecodeError:
        raise MultimeshError(name, "is not UTF-8", "Manifests are UTF-8.") from None
    if not content.strip():
        hint = "Look at the command that should have written it: an empty answer is not a manifest."
        raise MultimeshError(name, "is empty", hint)
    unread: list[Unread] = []
    return Manifest(list(parse(content, name, unread)), unread, content.startswith(_OF_RENDER))


def parse_stream(stream: BinaryIO, file: str, unread: list[Unread] | None = None) -> Iterator[Object]:
    """Yield the objects of a manifest, of a JSON list one by one, and add what is not an object to `unread`.

    Raises MultimeshError for invalid or no YAML.
    """
    found, line = items(stream, file), 1
    if isinstance(found, str):
        rest = found.removeprefix("\ufeff")
    else:
        rest, line = yield from _of_items(found, file, unread)
        if not rest.strip():
            return
    if not rest.strip():
        raise MultimeshError(
            file,
            "is empty: kubectl sent nothing",
            "Look at what failed before the pipe. "
            "To read the live cluster, give it no stdin: multimesh verify ... </dev/null",
        )
    try:
        yield from parse(rest, file, unread, line)
    except MultimeshError as error:
        raise MultimeshError(error.where, error.what, "Save it again, with: kubectl get ... -o json") from None


def _of_items(found: Items, file: str, unread: list[Unread] | None) -> Generator[Object, None, tuple[str, int]]:
    """Yield the objects of a list, and return the text after it, and its line.

    The kind of the list follows the items, and says theirs.
    """
    waiting: list[tuple[int, Any]] = []
    while True:
        try:
            line, item = next(found)
        except StopIteration as stop:
            end, rest, next_line = stop.value
            lines, left = [line for line, _ in waiting], [item for _, item in waiting]
            yield from objects({"kind": "List", **end, "items": left}, file, 1, lines, unread)
            return str(rest), int(next_line)
        if isinstance(item, dict) and item.get("kind"):
            yield from objects(item, file, line, (), unread)
        else:
            waiting.append((line, item))


def parse(content: str, file: str, unread: list[Unread] | None = None, line: int = 1) -> Iterator[Object]:
    """Yield the objects of a manifest that begins at a line, and add other documents to `unread`.

    Raises MultimeshError for invalid YAML.
    """
    try:
        if content.lstrip()[:1] in ("{", "[") and (found := _json(content)) is not None:
            begin = line + content.count("\n", 0, len(content) - len(content.lstrip()))
            yield from objects(found, file, begin, _item_lines(content, found, line), unread)
            return
        for piece in _pieces(content):
            if len(piece) > MAX_DOCUMENT:
                raise MultimeshError(
                    f"{file}:{line}",
                    f"a document has more than {MAX_DOCUMENT >> 20} MB",
                    "Save it as JSON: kubectl get -o json.",
                )
            for root, starts in _roots(piece, file, line):
                yield from objects(values(root), file, line + root.start_mark.line, starts, unread)
            line += piece.count("\n")
    except RecursionError:
        raise MultimeshError(file, "a document is nested too deeply", "No Kubernetes resource is.") from None


def _json(content: str) -> Any:
    """Return the value of a JSON document; None for anything else, which may still be YAML."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def _item_lines(content: str, found: Any, first: int) -> list[int]:
    """Return the lines at which the items of a list begin, as kubectl and jq indent them; empty for another style.

    `first` is the line at which the text begins.
    """
    begin = "  {" if isinstance(found, list) else "        {"
    return [number for number, line in enumerate(content.split("\n"), first) if line == begin]


def _pieces(content: str) -> Iterator[str]:
    """Split a manifest at its document markers where that is safe: the nodes of only one document are in memory."""
    if "\r" in content or "\n%" in content or content.startswith("%"):
        yield content
        return
    start = 0
    while True:
        end = content.find("\n---", start)
        if end < 0:
            yield content[start:]
            return
        yield content[start : end + 1]
        start = end + 1


def _roots(piece: str, file: str, line: int) -> Iterator[tuple[Any, list[int]]]:
    """Yield the root nodes of a text, each with the lines at which its items begin if it is a list."""
    short = _without_schemas(piece)
    try:
        found = Text(short, file, line).roots
    except MultimeshError:
        if short is piece:
            raise
        found = Text(piece, file, line).roots
    for root in found:
        lists = [pair[1] for pair in root.value if pair[0].value == "items"] if is_mapping(root) else [root]
        starts = [line + item.start_mark.line for item in lists[0].value] if lists and is_sequence(lists[0]) else []
        yield root, starts


_SCHEMA = re.compile(r"^( *)(?:- )?(?:schema|validation):[ ]*\n(?:\1 +[^\n]*\n|[ ]*\n)+", re.MULTILINE)


def _without_schemas(piece: str) -> str:
    """Remove the schemas of CRDs from a text: they are nine tenths of a modern chart, and no check reads them.

    The caller parses the whole text where the result is not YAML.
    """
    if f"\nkind: {CRD}\n" not in piece or "\n---" in piece:
        return piece
    return _SCHEMA.sub("", piece)


def values(node: Any) -> Any:
    """Return a node as plain values. Of duplicate keys the last one counts, as in Go; tags are ignored."""
    if is_mapping(node):
        found: dict[str, Any] = {}
        for key, child in node.value:
            if key.id != "scalar":
                continue
            if key.value == "<<" and not key.style:
                for base in child.value if is_sequence(child) else [child]:
                    merged = values(base)
                    found = {**merged, **found} if isinstance(merged, dict) else found
            else:
                found[key.value] = values(child)
        return found
    if is_sequence(node):
        return [values(child) for child in node.value]
    return scalar(node)


def documents(content: str) -> list[Any]:
    """Return the documents of an embedded text as plain values; empty where it is not YAML."""
    try:
        return [values(root) for root in compose_all(content)]
    except (MultimeshError, RecursionError):
        return []

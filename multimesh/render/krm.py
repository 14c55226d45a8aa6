"""Answer the caller of a KRM function: findings and refusals as `results`, each with its resource and file.

kpt and kustomize write what they know of the file of a resource into annotations, and the list itself has no file: a
line of it means nothing to a user. A function that fails may write results too: its caller reads them and uses no items
(kustomize kyaml v0.21.2, fn/runtime/runtimeutil/runtimeutil.go, FunctionFilter.Filter and doResults).
What a result may hold is in the KRM functions specification v1 (kustomize, cmd/config/docs/api-conventions/
functions-spec.md).

Only a run that found something in a ResourceList imports this.
"""

from __future__ import annotations

import re

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import Resource
from multimesh.render.lists import cut
from multimesh.render.report import report
from multimesh.yamltext.edits import Text, applied
from multimesh.yamltext.emit import block
from multimesh.yamltext.fieldpath import BadShape, get, is_mapping, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile
    from multimesh.render.rendering import Rendering
    from multimesh.yamltext.emit import Value
    from multimesh.yamltext.nodes import MappingNode, Node

KIND = "ResourceList"

#: Annotations with the file of a resource and its place in it, the newer names first
#: (kustomize kyaml v0.21.2, kio/kioutil/kioutil.go).
_PATHS = ("internal.config.kubernetes.io/path", "config.kubernetes.io/path")
_INDICES = ("internal.config.kubernetes.io/index", "config.kubernetes.io/index")

_BOM = "\ufeff"


class Item:
    """What identifies one item of a list, and the lines of the stream that it is written in."""

    __slots__ = ("first", "index", "last", "path", "ref", "title")

    def __init__(self, root: MappingNode, first: int) -> None:
        """Read an item of a text that begins at line `first`. Raises BadShape."""
        self.first = first + root.start_mark.line
        self.last = first + root.end_mark.line
        self.ref: dict[str, Value] = {
            key: found
            for key, path in (("apiVersion", "apiVersion"), ("kind", "kind"), ("name", "metadata/name"))
            if (found := text(root, path))
        }
        if namespace := text(root, "metadata/namespace"):
            self.ref["namespace"] = namespace
        self.title = "/".join(str(self.ref[key]) for key in ("kind", "namespace", "name") if key in self.ref)
        self.path, self.index = _annotation(root, _PATHS), _annotation(root, _INDICES)

    @property
    def file(self) -> dict[str, Value]:
        """The file as results have it; empty if it is not known."""
        if not self.path:
            return {}
        return {"path": self.path, **({"index": int(self.index)} if self.index.isdecimal() else {})}

    @property
    def place(self) -> str:
        """The file as messages have it; empty if it is not known. The first document of a file needs no number."""
        number = int(self.index) if self.index.isdecimal() else 0
        return f"{self.path}, document {number + 1}" if self.path and number else self.path


def _annotation(root: MappingNode, names: tuple[str, ...]) -> str:
    paths = (f"metadata/annotations/{name.replace('/', '~1')}" for name in names)
    return next(filter(None, (text(root, path) for path in paths)), "")


class List:
    """A ResourceList, and the items at its lines."""

    def __init__(self, data: bytes, where: str) -> None:
        """Parse a stream. Raises MultimeshError or BadShape if it is not a ResourceList."""
        self._data, self._where = data, where
        self._cut = cut(data)
        self.text = self._cut.frame if self._cut is not None else Text(data.decode().removeprefix(_BOM), where)
        [self.root] = self.text.roots
        if not is_mapping(self.root) or text(self.root, "kind") != KIND:
            raise BadShape("kind", f"is not {KIND}", self.root)
        self._items: list[Item] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the list is in block style, and `text` is without its items."""
        return self._cut is not None

    def at(self, line: int, title: str) -> Item | None:
        """Return the item at a line. A list may be written on one line, where the title tells its items apart."""
        found = [item for item in self._read() if item.first <= line <= item.last]
        # The last line of an item in block style is the first one of the next.
        named = [item for item in found if item.title == title] or found[-1:]
        return named[0] if named else None

    def config(self) -> Item | None:
        """Return the functionConfig, if there is one."""
        found = get(self.root, "functionConfig")
        return Item(found, 1) if found is not None and is_mapping(found) else None

    def _read(self) -> list[Item]:
        if self._items is None:
            self._items = []
            for first, node in self._nodes():
                if is_mapping(node):
                    self._items.append(Item(node, first))
        return self._items

    def _nodes(self) -> list[tuple[int, Node]]:
        """Return the items, each with the line at which its text begins."""
        if self._cut is None:
            found = get(self.root, "items")
            return [(1, node) for node in found.value] if found is not None and is_sequence(found) else []
        nodes: list[tuple[int, Node]] = []
        line, at = 1, 0
        for start, end in self._cut.spans:
            line, at = line + self._data.count(b"\n", at, start), start
            [item] = Text(self._data[start:end].decode(), self._where).roots
            if is_sequence(item):
                nodes.append((line, item.value[0]))
        return nodes


def explain(error: MultimeshError, data: bytes, where: str) -> None:
    """Let an error, and those that it has gathered, name the files of resources, and answer with results.

    Nothing happens if the stream is not a ResourceList. Without an error that is about an item there are no results.
    """
    try:
        found = List(data, where)
        errors = [error, *error.others]
        items = [_named(one, found, where) for one in errors]
        _name_profile(error, found, where)
        if not any(items):
            return
        version = text(found.root, "apiVersion")
    except (BadShape, MultimeshError, UnicodeDecodeError, ValueError):
        return  # What is not YAML has no resources.
    results: list[Value] = [
        _result("error", one.what, one.hint, one.rule, item) for one, item in zip(errors, items, strict=True)
    ]
    if error.summary:
        results.append({"message": error.summary.removeprefix("multimesh: "), "severity": "info"})
    answer: Value = {"apiVersion": version, "kind": KIND, "items": [], "results": results}
    error.answer = f"{block(answer, 0, chr(10))}\n".encode()


def _named(error: MultimeshError, found: List, where: str) -> Item | None:
    """Return the item that an error is about, and let the error name its file instead of a line of the stream."""
    place, _, title = error.where.partition(": ")
    stream, _, line = place.rpartition(":")
    if stream != where or not line.isdecimal():
        return None
    item = found.at(int(line), title)
    named = item or found.config()
    if named is not None and (named.path or (item is not None and named.index)):
        error.where = ": ".join(filter(None, (named.place, named.title)))
    return item


def _name_profile(error: MultimeshError, found: List, where: str) -> None:
    """Let advice about the profile name the functionConfig that it is, instead of the stream."""
    if (config := found.config()) is not None:
        stream, name = re.compile(rf"{re.escape(where)}(?!:\d)"), config.place or config.title
        for one in (error, *error.others):
            one.hint = stream.sub(lambda _: name, one.hint)
        error.summary = stream.sub(lambda _: name, error.summary)


def _result(severity: str, what: str, hint: str, rule: str, item: Item | None) -> dict[str, Value]:
    result: dict[str, Value] = {"message": f"{what}. {' '.join(hint.split(chr(10)))}".strip(), "severity": severity}
    if item is not None:
        # What lacks one of them has no reference: the specification requires all three.
        if {"apiVersion", "kind", "name"} <= item.ref.keys():
            result["resourceRef"] = item.ref
        if item.file:
            result["file"] = item.file
    if rule:
        result["tags"] = {"rule": rule}
    return result


def add_results(rendering: Rendering, mesh: Profile, where: str) -> None:
    """Add what one run found to the results of the list that it writes.

    Nothing is added if nothing was found, or if the stream is not a ResourceList.
    """
    try:
        stock = List(rendering.stock, where)
    except (BadShape, MultimeshError, UnicodeDecodeError, ValueError):
        return
    results: list[Value] = []
    for finding in report(rendering, mesh)["findings"]:
        first, *more = finding["sides"]
        # A result is about one resource; a finding about several names them in its message.
        about = stock.at(first["line"], first["resource"]) if first["file"] == where and not more else None
        results.append(_result(finding["severity"], finding["message"], finding["remedy"], finding["id"], about))
    if results:
        rendering.parts = [_appended(rendering.output, results, where)]


def _appended(output: bytes, results: list[Value], where: str) -> bytes:
    """Return a ResourceList with more results."""
    found = List(output, where)
    if found.is_cut and get(found.root, "results") is None and b"\n---" not in output:
        return output.rstrip(b"\n") + f"\n{block({'results': results}, 0, chr(10))}\n".encode()
    bom = _BOM if output.startswith(_BOM.encode()) else ""
    text_of = Text(output.decode().removeprefix(_BOM), where)
    [root] = text_of.roots
    if is_mapping(root):
        resource = Resource(text_of, root, KIND, None, "results")
        for result in results:
            resource.append_to(root, "results", result, "results")
    return (bom + applied(text_of.text, text_of.planned())).encode()

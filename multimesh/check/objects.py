"""Objects from manifests: files, folders, `helm get manifest`, `kubectl get -o json`, with the place of each.

The values are plain, the nodes they came from are dropped at once: twenty meshes must fit into memory. Of a CRD only
what identifies it is kept.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from multimesh.edits import Text
from multimesh.errors import MultimeshError
from multimesh.fieldpath import BadShape, entry, is_mapping, is_sequence, plain, text, value
from multimesh.kinds import CLUSTER_SCOPED, NAMESPACED, group_of

ENDINGS = (".yaml", ".yml", ".json")


class Object(NamedTuple):
    """One object: what identifies it, where it stands, and its values."""

    group: str
    kind: str
    namespace: str
    name: str
    file: str
    line: int
    data: dict[str, Any]

    @property
    def title(self) -> str:
        """Kind/name or Kind/namespace/name."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    @property
    def cluster_scoped(self) -> bool:
        """Whether its kind is cluster-scoped; unknown kinds without a namespace count as such."""
        key = (self.group, self.kind)
        return key in CLUSTER_SCOPED or (key not in NAMESPACED and not self.namespace)

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return texts(dig(self.data, "metadata", "labels"))

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations."""
        return texts(dig(self.data, "metadata", "annotations"))


def dig(data: Any, *keys: str) -> Any:
    """Return the value behind keys, None where one is absent or stands on something else than a mapping."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def listed(data: Any, *keys: str) -> list[Any]:
    """Return the list behind keys; an empty one for anything else."""
    found = dig(data, *keys)
    return found if isinstance(found, list) else []


def texts(data: Any) -> dict[str, str]:
    """Return a mapping of texts; anything else in it is written as text, or left out if it is nothing."""
    return {key: str(item) for key, item in data.items() if item is not None} if isinstance(data, dict) else {}


def files_of(argument: str) -> list[str]:
    """Return the files that one argument names: a file, `-`, a folder, or several with commas between them.

    Raises MultimeshError for what is not there.
    """
    found = []
    for part in argument.split(","):
        path = Path(part)
        if part == "-":
            found.append(part)
        elif path.is_dir():
            inside = sorted(str(file) for file in path.rglob("*") if file.suffix in ENDINGS and file.is_file())
            if not inside:
                raise MultimeshError(part, "the folder holds no manifests", f"Their names end in {', '.join(ENDINGS)}.")
            found += inside
        elif path.is_file():
            found.append(part)
        else:
            raise MultimeshError(part, "there is no such file", f"Looked in {os.path.abspath(part)}.")
    return found


def read(path: str) -> list[Object]:
    """Read all objects of one file, `-` for stdin. Raises MultimeshError for what cannot be read or is no YAML."""
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        content = raw.decode("utf-8-sig")
    except OSError as error:
        raise MultimeshError(path, f"cannot be read: {error.strerror}", "Look at its rights.") from None
    except UnicodeDecodeError:
        raise MultimeshError(path, "is not UTF-8", "Manifests are UTF-8.") from None
    return list(parse(content, "<stdin>" if path == "-" else path))


def parse(content: str, file: str) -> Iterator[Object]:
    """Yield the objects of a manifest. Raises MultimeshError for what is no YAML; documents that are no objects are skipped."""
    line = 1
    for piece in _pieces(content):
        for root in Text(piece, file, line).roots:
            yield from _objects(root, file, line)
        line += piece.count("\n")


def _pieces(content: str) -> Iterator[str]:
    """Cut a manifest at its document markers where that is safe, so that no more than one document is in memory as nodes."""
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


def _objects(root: Any, file: str, line: int) -> Iterator[Object]:
    if not is_mapping(root):
        return
    try:
        kind, items = text(root, "kind"), entry(root, "items")
    except BadShape:
        return
    if kind.endswith("List") and items is not None and is_sequence(items[1]):
        for item in items[1].value:
            yield from _objects(item, file, line)
        return
    try:
        group, name = group_of(text(root, "apiVersion")), text(root, "metadata/name")
        namespace = text(root, "metadata/namespace")
    except BadShape:
        return
    if not kind:
        return
    if (group, kind) in CLUSTER_SCOPED:
        # Stock charts put a namespace on cluster-scoped objects, which means nothing.
        namespace = ""
    data = _definition(root) if kind == "CustomResourceDefinition" else plain(root)
    yield Object(group, kind, namespace, name, file, line + root.start_mark.line, data)


def _definition(root: Any) -> dict[str, Any]:
    """Return what identifies a CRD: metadata, group, names, scope, and its versions without their schemas."""
    spec = value(root, "spec")
    kept: dict[str, Any] = {}
    if is_mapping(spec):
        for key, node in spec.value:
            if key.value == "versions" and is_sequence(node):
                names = [text(item, "name") for item in node.value if is_mapping(item)]
                kept["versions"] = [{"name": name} for name in names]
            elif key.value in ("group", "names", "scope", "version"):
                kept[key.value] = plain(node)
    metadata = value(root, "metadata")
    return {"metadata": plain(metadata) if metadata is not None else {}, "spec": kept}

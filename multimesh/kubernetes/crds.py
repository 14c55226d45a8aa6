"""Find out whether a kind that no table knows is cluster-scoped: its CustomResourceDefinition says it.

Only a stream with such a kind imports this.
"""

from __future__ import annotations

import os

from multimesh.errors import MultimeshError, may_read
from multimesh.kubernetes.resources import resources
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import BadShape
from multimesh.yamltext.limits import MAX_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLUSTER, NAMESPACED = "Cluster", "Namespaced"

_KIND = b"CustomResourceDefinition"
#: How the names of files with manifests end.
ENDINGS = (".yaml", ".yml", ".json")


def paths_of(where: str, listed: list[str], flag: str) -> list[str]:
    """Return the files and directories with CRDs of a profile.

    `where` is the file of the profile, `listed` its `spec.crds`, relative to it, and `flag` the value of `--crds`,
    several of them separated as in PATH, relative to the working directory.
    """
    directory = os.path.dirname(where)
    return [os.path.join(directory, path) for path in listed] + [path for path in flag.split(os.pathsep) if path]


def require_readable(paths: list[str]) -> None:
    """Raise MultimeshError if a file or directory with CRDs cannot be read.

    CRDs are read only where a kind is unknown, so a mistake in a path would show with another chart only.
    """
    _read(paths, None)


def scopes_in_files(paths: list[str], kind: str = "") -> dict[tuple[str, str], str]:
    """Return the scope of each (group, kind) of the CRDs in files and directories; see `scopes_in`.

    Raises MultimeshError for a path that cannot be read, and for a file of the paths that is not YAML. Templates in
    directories, which are not YAML, are skipped.
    """
    found: dict[tuple[str, str], str] = {}
    _read(paths, lambda data, file: found.update(scopes_in(data, kind, file if file in paths else "")))
    return found


def _read(paths: list[str], use: Callable[[bytes, str], None] | None) -> None:
    """Read each file of the paths for `use`, or only open it. Raises MultimeshError for what cannot be read."""
    at = ""
    try:
        for at in (file for path in paths for file in _files(path)):
            if use is None and os.path.exists(at) and not os.path.isfile(at):
                continue  # A pipe, such as <(kubectl get crds -o yaml), can be opened once.
            with open(at, "rb") as opened:
                if use is not None:
                    use(opened.read(), at)
    except OSError as error:
        raise MultimeshError(
            os.path.abspath(error.filename or at),
            f"cannot read CRDs: {error.strerror}",
            may_read(
                error, "--crds and spec.crds name files or directories; a path in a profile is relative to the profile."
            ),
        ) from None


def _files(path: str) -> Iterator[str]:
    """Yield the files of a path. Raises OSError for a directory that cannot be read."""
    if not os.path.isdir(path):
        yield path
        return

    for directory, files in walked(path):
        yield from (os.path.join(directory, file) for file in sorted(files) if file.endswith(ENDINGS))


def walked(top: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a directory and each one below it, with the names of its files. Raises OSError for one that cannot be read.

    A link to a directory is followed unless it makes a circle.
    """

    def refuse(error: OSError) -> None:
        raise error

    visited: set[str] = set()
    for directory, directories, files in os.walk(top, onerror=refuse, followlinks=True):
        visited.add(os.path.realpath(directory))
        directories[:] = sorted(
            one for one in directories if os.path.realpath(os.path.join(directory, one)) not in visited
        )
        yield directory, files


def scopes_in(data: bytes, kind: str = "", file: str = "") -> dict[tuple[str, str], str]:
    """Return the scope of each (group, kind) of the CRDs in a stream, or of those with one kind at least.

    What is not YAML is skipped, unless `file` is the name of the file that the stream comes from: then MultimeshError
    is raised, with its line if it is text.
    """
    found: dict[tuple[str, str], str] = {}
    if file and b"\0" in data:
        raise MultimeshError(file, "is not text in UTF-8", "--crds and spec.crds name files with CRDs in YAML or JSON.")
    if _KIND not in data or kind.encode() not in data:
        return found
    line = 1
    for document in data.replace(b"\r\n", b"\n").split(b"\n---"):
        if _KIND in document and kind.encode() in document and len(document) <= MAX_SIZE:
            body = _after_marker(document)
            first = line + document.count(b"\n") - body.count(b"\n")
            found.update(_scopes_in(Text(body.decode("utf-8", "replace"), file, first)))
        line += document.count(b"\n") + 1
    return found


def _scopes_in(text: Text) -> dict[tuple[str, str], str]:
    """Return the scopes of the CRDs in a text. Raises MultimeshError if it is not YAML, and of a file with a name."""
    found: dict[tuple[str, str], str] = {}
    try:
        _ = text.roots
    except MultimeshError:
        if text.where:
            raise
        return found
    try:
        for resource in resources(text):
            if resource.kind == "CustomResourceDefinition":
                key = resource.value("spec/group"), resource.value("spec/names/kind")
                # The default of v1beta1 (apiextensions-apiserver 0.21, v1beta1/defaults.go).
                found[key] = resource.value("spec/scope") or NAMESPACED
    except (MultimeshError, BadShape):
        pass  # What is not a valid object is not a CRD.
    return found


def _after_marker(document: bytes) -> bytes:
    """Return a document without the rest of the line of its marker, which may be a comment."""
    document = document.removeprefix(b"\xef\xbb\xbf")
    first, _, rest = document.partition(b"\n")
    return rest if first.strip()[:1] in (b"", b"#") else document

"""What commands share: reading stdin, files and the environment, writing stdout, and exit codes.

`render` imports this on every Helm call, so it imports nothing that costs time.
"""

from __future__ import annotations

import sys

from multimesh.errors import MultimeshError, may_read

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile

DONE, FINDINGS, FAILED = 0, 1, 2

#: A larger stream is refused: Helm stores a release in a Secret, which holds about one megabyte.
MAX_INPUT = 256 * 1024 * 1024

#: How many bytes a pipe holds on Linux.
_PIPE = 1 << 16

#: How many buffers are written together (IOV_MAX of POSIX is at least 16; 1024 on Linux and macOS).
_MAX_PARTS = 1000


def switch(name: str, value: str) -> str:
    """Return "1" for a switch that is on, "" for one that is off. Raises MultimeshError for any other word."""
    if value.lower() in ("1", "true", "yes"):
        return "1"
    if value.lower() in ("", "0", "false", "no"):
        return ""
    raise MultimeshError("", f'{name} is "{value}"', "A switch is 1, true, yes, or 0, false, no.")


def empty(name: str, what: str = "path") -> MultimeshError:
    """Return the error of an empty value: it would mean stdin, the current cluster or the working directory."""
    hint = f"Give it a {what}, or leave it out." if name.startswith("-") else f"Give it a {what}."
    return MultimeshError("", f"{name} is empty", f"{hint} A variable of a shell that is not set is empty.")


def twice(name: str) -> MultimeshError:
    """Return the error of a flag with two different values: one of them would be ignored."""
    hint = "Run the command once for each mesh." if name == "--profile" else "Give it once."
    return MultimeshError("", f"{name} is given twice", hint)


def variable(name: str) -> str:
    """Return an environment variable, "" if it is absent. Importing `os` for it would take time."""
    # On Windows names and values are str.
    value: str | bytes = _os.environ.get(name.encode(), "") or _os.environ.get(name, "")  # type: ignore[call-overload]
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def load_profile(path: str) -> Profile:
    """Read the profile at a path; a directory means its profile.yaml. Raises MultimeshError."""
    from multimesh.mesh.profile import load

    if not path:
        raise MultimeshError(
            "",
            "no mesh profile is given",
            "Add --profile=charts-values/<mesh> (through Helm: --post-renderer-args=--profile=charts-values/<mesh>), "
            "or set MULTIMESH_PROFILE.",
        )
    where = absolute(path)
    try:
        if is_directory(where):
            where = f"{where.rstrip('/')}/profile.yaml"
        text = read_file(where)
    except OSError as error:
        raise MultimeshError(
            where,
            f'cannot read the mesh profile "{path}": {error.strerror}',
            may_read(
                error, "A relative path is relative to the working directory. A directory means its profile.yaml."
            ),
        ) from None
    except UnicodeDecodeError:
        raise MultimeshError(where, "the mesh profile is not UTF-8", "Save it as UTF-8.") from None
    return load(text, where)


def absolute(path: str) -> str:
    """Return a path as an absolute one, so that messages name the file that was tried.

    A path is returned as it is if the working directory does not exist any more.
    """
    if path.startswith("/") or path[1:2] == ":":
        return path
    try:
        return f"{_os.getcwd().rstrip('/')}/{path.removeprefix('./')}"
    except OSError:
        return path


def is_directory(path: str) -> bool:
    """Return whether a path is a directory. Raises OSError if there is nothing."""
    return _os.stat(path).st_mode & 0o170000 == 0o040000


def read_file(path: str) -> str:
    """Read a small text file. Raises OSError and UnicodeDecodeError."""
    with open(path, "rb") as file:
        return file.read().decode()


def read_input(path: str = "", *, allow_empty: bool) -> bytes:
    """Read all of stdin, or of the file at a path; `-` is stdin too.

    Raises MultimeshError for a terminal, a file that cannot be read, no input (unless `allow_empty`), and too much.
    """
    where = input_name(path)
    file = 0
    if where == path:
        try:
            file = _os.open(path, _os.O_RDONLY | getattr(_os, "O_BINARY", 0) | getattr(_os, "O_CLOEXEC", 0))
        except OSError as error:
            hint = may_read(error, f"Looked at {absolute(path)}.")
            raise MultimeshError(where, f"cannot be read: {error.strerror}", hint) from None
    elif _os.isatty(0):
        raise MultimeshError(
            where,
            "is a terminal, and a rendered chart is expected",
            "Helm runs this program: helm install ... --post-renderer ./postrender.py (Helm 3) or multimesh (Helm 4).\n"
            "By hand: helm template ... | multimesh render --profile charts-values/<mesh>",
        )
    pieces: list[bytes] = []
    size = 0
    while piece := _read_piece(file, where, first=not pieces):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_INPUT:
            raise MultimeshError(
                where,
                f"has more than {MAX_INPUT >> 20} MB",
                "No chart is so large. Is this the output of 'helm template'?",
            )
    if file:
        _os.close(file)
    data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if (not data or data.isspace() or (len(data) < 64 and not data.strip(b"\xef\xbb\xbf \t\r\n"))) and not allow_empty:
        raise MultimeshError(
            where,
            "is empty: Helm sent no manifest" if not file else "is empty",
            "With Helm 3 --output-dir bypasses post-renderers: redirect stdout to a file instead.\n"
            "In a pipe, 'helm template' has failed. If the chart renders nothing but hooks, render takes it with "
            "--post-renderer-args=--allow-empty, or MULTIMESH_ALLOW_EMPTY=1.",
        )
    return data


def input_name(path: str) -> str:
    """Return how messages call the input at a path."""
    return path if path not in ("", "-") else "<stdin>"


def _read_piece(file: int, where: str, *, first: bool) -> bytes:
    try:
        size = _PIPE
        if first and (found := _os.fstat(file)).st_mode & 0o170000 == 0o100000:
            # The rest of a file is read at once; one byte more than the limit shows that it is too large.
            size = max(size, min(found.st_size - _os.lseek(file, 0, 1), MAX_INPUT) + 1)
        return _os.read(file, size)
    except BlockingIOError:
        # A non-blocking pipe has nothing yet.
        _os.set_blocking(file, True)
        return _read_piece(file, where, first=first)
    except OSError as error:
        raise MultimeshError(
            where, f"cannot be read: {error.strerror}", "Send it what 'helm template' prints."
        ) from None


def write_out(parts: list[bytes | memoryview]) -> None:
    """Write everything to stdout. Raises MultimeshError if that fails: the reader is gone, or the disk is full."""
    try:
        _write_all(parts)
    except OSError as error:
        raise _not_written(error) from None


def write_text(text: str) -> None:
    """Write the output of a command to stdout: every command but `render` ends with this.

    Raises MultimeshError if that fails. A reader that has seen enough, as `head` has, is not a failure: the exit code
    stays that of the command, so that a gate sees the findings.
    """
    # Names in manifests may hold what is not valid in UTF-8.
    data = text.encode("utf-8", "backslashreplace")
    try:
        stream = sys.stdout
        if stream is None:
            # Descriptor 1 was closed before Python started, and may be another file by now.
            raise OSError(9, "Bad file descriptor")
        if stream is sys.__stdout__:
            _write_all([data])
        elif hasattr(stream, "buffer"):
            stream.buffer.write(data)
        else:
            # A program that calls main() may have put a StringIO there.
            stream.write(text)
    except BrokenPipeError:
        return
    except OSError as error:
        raise _not_written(error) from None


def _not_written(error: OSError) -> MultimeshError:
    return MultimeshError("<stdout>", f"cannot be written: {error.strerror}", "Look at what reads it.")


def _write_all(parts: list[bytes | memoryview]) -> None:
    if sys.platform != "win32":
        # A non-blocking pipe to a slow reader would take half a chart.
        _os.set_blocking(1, True)
    for first in range(0, len(parts), _MAX_PARTS):
        _write(parts[first : first + _MAX_PARTS])


def _write(parts: list[bytes | memoryview]) -> None:
    done = _os.writev(1, parts) if hasattr(_os, "writev") else 0
    if done < sum(map(len, parts)):
        # A write may be cut short.
        view = memoryview(b"".join(parts))[done:]
        while view:
            view = view[_os.write(1, view) :]


def fail(error: MultimeshError) -> int:
    """Report an error where the user of Helm reads it, and return the exit code."""
    if _is_helm4():
        # Helm 4 discards stderr. A single string is not a manifest to it, so it fails and shows the string
        # (helm 4.1.4, internal/plugin/runtime_subprocess.go, pkg/action/action.go).
        import json

        try:
            write_out([json.dumps(str(error)).encode() + b"\n"])
            return DONE
        except MultimeshError:
            pass  # Helm has ended, so no process reads stdout.
    if sys.stderr is not None:
        sys.stderr.write(f"{error}\n")
    return FAILED


def _is_helm4() -> bool:
    """Return whether Helm 4 runs this program as its plugin: then the directory of the plugin is our own.

    It contains the package or, where that is installed elsewhere, the script that was started.
    """
    directory = variable("HELM_PLUGIN_DIR")
    if not directory:
        return False
    import os.path

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    directory = os.path.realpath(directory)
    return directory == root or os.path.realpath(sys.argv[0]) == os.path.join(directory, "postrender.py")

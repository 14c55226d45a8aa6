"""Write the files of a directory, and to stdout what they are: all of them, or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from multimesh.commands.stdio import write_text
from multimesh.errors import MultimeshError


def write_files(
    directory: Path, texts: Mapping[str, str], said: str, *, replaces: Callable[[str], bool] | None = None
) -> None:
    """Write texts into files of a directory, which is created if it does not exist, and to stdout what is said of it.

    A file that exists is replaced if `replaces` returns true for its text. Raises MultimeshError for any other one, and
    if something cannot be written, stdout included; then no file has changed.
    """
    _require_free(directory, texts, replaces)
    made: list[Path] = []
    staged: list[tuple[Path, Path]] = []
    try:
        for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
            missing.mkdir()
            made.append(missing)
        for name, text in texts.items():
            # Complete files are renamed at the end, so that a full disk leaves none of them.
            descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            staged.append((Path(temporary), directory / name))
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
                os.chmod(temporary, 0o666 & ~_umask())
                file.write(text)
        write_text(said)
        for temporary_path, path in staged:
            temporary_path.replace(path)
    except BaseException as error:
        for temporary_path, _ in staged:
            temporary_path.unlink(missing_ok=True)
        for path in reversed(made):
            if not any(path.iterdir()):
                path.rmdir()
        if isinstance(error, MultimeshError):
            error.hint += "\nNo file was written."
        if isinstance(error, OSError):
            where = str(error.filename or directory)
            hint = "Nothing was written. Name a directory in which you may write."
            raise MultimeshError(str(directory), f'"{where}" cannot be written: {error.strerror}', hint) from None
        raise


def _require_free(directory: Path, names: Mapping[str, str], replaces: Callable[[str], bool] | None) -> None:
    """Raise MultimeshError, with one error for each file, if there are files that must not be replaced."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise MultimeshError(str(directory), "is not a directory", "Name a directory, which need not exist.")
    errors = [
        MultimeshError(
            str(directory / name),
            "exists already, and multimesh must not replace it",
            "Nothing was written. Move it away, or name another directory.",
        )
        for name in names
        if os.path.lexists(directory / name) and not _may_replace(directory / name, replaces)
    ]
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]


def _may_replace(path: Path, replaces: Callable[[str], bool] | None) -> bool:
    try:
        return replaces is not None and replaces(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _umask() -> int:
    """Return the mask of the permissions of new files, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

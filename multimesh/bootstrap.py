"""Start `render` for Helm: find PyYAML without the `site` module, import the package quickly, and render.

This is a module because Python caches the compiled form of modules, but not of `postrender.py`, which it starts.
"""

from __future__ import annotations

import gc
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, SourcelessFileLoader

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The name of this Python in the names of compiled files.
_CACHE_TAG = sys.implementation.cache_tag

#: `python -O` and a directory of the user's own for all compiled files are left to Python's loader.
_USES_CACHE = bool(_CACHE_TAG) and not sys.flags.optimize and not sys.pycache_prefix

#: How a compiled form begins that belongs to a source of one time and size (PEP 552).
_HEADER = MAGIC_NUMBER + b"\0\0\0\0"

#: A larger compiled form is left to Python's loader: a greater buffer would take time for every module.
_MAX_SIZE = 1 << 16

#: Where size and time of modification are in the result of stat; module stat is not imported for two numbers.
_SIZE, _MODIFIED = 6, 8


def main(root: str) -> int:
    """Render stdin for the mesh that the arguments name, and return the exit code.

    `root` is the directory that contains the package.
    """
    # Modules and a chart make some ten thousand objects, and none of them is garbage before the end.
    gc.disable()
    _find_yaml(root)
    if _USES_CACHE:
        sys.meta_path.insert(0, PackageFinder(root))
    from multimesh.commands.render import post_render

    return post_render(sys.argv[1:], _leave)


class PackageFinder:
    """Find the package's own modules by their file names.

    Python's finder lists every directory on the path and tries every suffix, and its loader asks for each file again:
    without this finder, `render` takes 0.2 times the bare interpreter longer. It returns None, so that Python's finder
    is asked, for every other module, and for a module without a compiled form that belongs to its source.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a module of the package (importlib.abc.MetaPathFinder.find_spec)."""
        package, _, module = name.rpartition(".")
        if package.partition(".")[0] != "multimesh":
            return None
        directory = f"{self._root}/{package.replace('.', '/')}"
        stamp = _stamp(f"{directory}/{module}.py")
        is_package = not stamp
        if is_package:
            directory, module = f"{directory}/{module}", "__init__"
            stamp = _stamp(f"{directory}/__init__.py")
        cached = f"{directory}/__pycache__/{module}.{_CACHE_TAG}.pyc"
        data = _read(cached)
        # The conditions of importlib (SourceLoader.get_code): magic number, and time and size of the source.
        if not stamp or not data.startswith(_HEADER + stamp):
            return None
        spec = ModuleSpec(name, CompiledLoader(name, cached, data), origin=f"{directory}/{module}.py")
        spec.has_location = True
        spec.cached = cached
        if is_package:
            spec.submodule_search_locations = [directory]
        return spec


class CompiledLoader(SourcelessFileLoader):
    """Load a module from its compiled form, which has been read."""

    def __init__(self, name: str, path: str, data: bytes) -> None:
        self.name = name
        self.path = path
        self._data = data

    def get_data(self, path: str) -> bytes:
        """Return the compiled form (importlib.abc.ResourceLoader.get_data), and keep it no longer.

        The next one takes its memory: memory that was never used takes longer than what fills it.
        """
        data, self._data = self._data, b""
        return data


def _stamp(path: str) -> bytes:
    """Return time and size of a source file as a compiled form holds them (importlib, _code_to_timestamp_pyc)."""
    try:
        found = _os.stat(path)
    except OSError:
        return b""
    time, size = int(found[_MODIFIED]), int(found[_SIZE])
    return (time & 0xFFFFFFFF | (size & 0xFFFFFFFF) << 32).to_bytes(8, "little")


def _read(path: str) -> bytes:
    """Return the bytes of a file; nothing if there is none. `open` would take three system calls more."""
    try:
        file = _os.open(path, _os.O_RDONLY | getattr(_os, "O_BINARY", 0) | getattr(_os, "O_CLOEXEC", 0))
    except OSError:
        return b""
    try:
        data = _os.read(file, _MAX_SIZE)
        return data if len(data) < _MAX_SIZE else b""
    except OSError:
        return b""
    finally:
        _os.close(file)


def _leave() -> None:
    """End the process after everything is written: tearing down the interpreter takes 0.25 times its bare start."""
    _os._exit(0)


# PyYAML. With -S Python starts without the site module, which takes 0.23 times the bare interpreter, or far more where
# packages have hooks in it. So the directory of PyYAML must be found here.


def _find_yaml(root: str) -> None:
    """Put the directory that contains PyYAML on the path.

    It is the interpreter's own, else that of the checkout's .venv, else that of the packaged plugin.
    """
    if any(_has_yaml(directory) for directory in sys.path[1:]):
        return
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    home = _parent(_parent(sys.executable or "/"))
    for directory in (
        home + "/lib/" + version + "/site-packages",
        sys.prefix + "/lib/" + version + "/site-packages",
        "/usr/local/lib/" + version + "/dist-packages" if sys.prefix == "/usr" else "",
        sys.prefix + "/lib/python3/dist-packages",
    ):
        if directory and _has_yaml(directory):
            # A virtual environment hides the packages of the interpreter that it was made from.
            sys.path.append(directory)
            return
    _search_yaml(root)


def _search_yaml(root: str) -> None:
    """Search where only the site module knows to look, then in the checkout's .venv, then in the packaged plugin.

    The PyYAML of the plugin is the slow one, without libyaml.
    """
    import os
    import site

    site.main()
    directories = [*sys.path[1:], site.getusersitepackages(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    try:
        names = sorted(os.listdir(root + "/.venv/lib"))
        directories += [root + "/.venv/lib/" + name + "/site-packages" for name in names]
    except OSError:
        directories.append(root + "/.venv/Lib/site-packages")
    for directory in (*directories, root + "/vendor"):
        if directory and _has_yaml(directory):
            if directory not in sys.path:
                sys.path.append(directory)
            return


def _has_yaml(directory: str) -> bool:
    return bool(_stamp(directory + "/yaml/__init__.py"))


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")

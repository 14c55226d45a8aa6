"""What `postrender.py` does once it knows where the package is: find PyYAML without the `site` module, and render.

It stands here because Python keeps a compiled form of modules, not of the script that is started.
"""

import _imp
import builtins
import gc
import marshal
import sys

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]


_READ = _os.O_RDONLY | getattr(_os, "O_BINARY", 0) | getattr(_os, "O_CLOEXEC", 0)

#: Where a stat result holds size and time in whole seconds (module stat, which is not imported for two numbers).
_SIZE, _TIME = 6, 8

#: No module of the package is as large in its compiled form. One that is takes the usual way.
_MAX_COMPILED = 1 << 16


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(root: str) -> int:
    """Render stdin for the mesh that the arguments name. `root` is the folder that holds the package."""
    if sys.version_info < (3, 10):  # noqa: UP036 - Helm runs the first python3 on the PATH
        return _too_old(root)
    # Modules and a chart make some ten thousand objects, and none of them is garbage before the end.
    gc.disable()
    _find_yaml(root)
    builtins.__import__ = Modules(root).take
    from multimesh.commands.render import post_render

    return post_render(sys.argv[1:], _leave)


class Modules:
    """The package's own modules, from their compiled forms, without Python's import system.

    That lists every folder, asks for every suffix, and makes a lock, a spec and a loader for each module, all in Python:
    together a third of the time that is spent before the first byte is read. An import hook is spared the first half
    only, so this takes the place of `__import__` in a process that renders and ends. A module is two files whose names
    are known. A compiled form counts under the conditions that importlib has (`SourceLoader.get_code`): its magic
    number, and the time and size of the source. In every other case the import is left to importlib, which compiles,
    writes the form, or complains.
    """

    def __init__(self, root: str) -> None:
        """Take the folder that holds the package, and learn how Python makes modules and how compiled forms begin."""
        from _frozen_importlib_external import MAGIC_NUMBER

        self._root = root
        self._make: Any = type(sys)
        self._import = builtins.__import__
        self._head = MAGIC_NUMBER + b"\0\0\0\0"
        tag = sys.implementation.cache_tag
        # python -O, and a folder of the user's own for all compiled forms, are importlib's business.
        self._tail = f".{tag}.pyc" if tag and not sys.flags.optimize and not sys.pycache_prefix else ""

    def take(self, name: str, *rest: "Any", **named: "Any") -> "Any":
        """Do what `__import__` does: return the module, or its root if no names are wanted of it."""
        if name[:10] == "multimesh." and not named and (len(rest) < 4 or not rest[3]):
            module = sys.modules.get(name) or self._load(name)
            if module is not None:
                return module if len(rest) > 2 and rest[2] else sys.modules["multimesh"]
        return self._import(name, *rest, **named)

    def _load(self, name: str) -> "Any":
        """Make a module from its compiled form; None where that does not count."""
        parent, _, own = name.rpartition(".")
        package: Any = None
        if parent:
            if parent not in sys.modules and self._load(parent) is None:
                self._import(parent)
            package = sys.modules[parent]
        folder = package.__path__[0] if package is not None else self._root
        code = self._code(f"{folder}/{own}.py", f"{folder}/__pycache__/{own}{self._tail}")
        if code is not None:
            module = self._make(name)
            module.__package__ = parent
        else:
            folder = f"{folder}/{own}"
            code = self._code(f"{folder}/__init__.py", f"{folder}/__pycache__/__init__{self._tail}")
            if code is None:
                return None
            module = self._make(name)
            module.__package__, module.__path__ = name, [folder]
        module.__file__ = code.co_filename
        sys.modules[name] = module
        try:
            exec(code, module.__dict__)  # noqa: S102 - what an import is
        except BaseException:
            del sys.modules[name]
            raise
        if package is not None:
            setattr(package, own, module)
        return module

    def _code(self, source: str, compiled: str) -> "Any":
        """Return the code of a module if its compiled form is there and belongs to its source."""
        if not self._tail:
            return None
        try:
            found = _os.stat(source)
            file = _os.open(compiled, _READ)
        except OSError:
            return None
        try:
            data = _os.read(file, _MAX_COMPILED)
        except OSError:
            return None
        finally:
            _os.close(file)
        time: Any = found[_TIME]
        size: Any = found[_SIZE]
        stamp = (time & 0xFFFFFFFF | (size & 0xFFFFFFFF) << 32).to_bytes(8, "little")
        if len(data) == _MAX_COMPILED or not data.startswith(self._head + stamp):
            return None
        try:
            code = marshal.loads(data[16:])  # noqa: S302 - compiled forms that Python itself wrote
            # A checkout that was moved shows the paths of today in tracebacks.
            _imp._fix_co_filename(code, source)  # type: ignore[attr-defined]
        except (EOFError, ValueError, TypeError):
            return None
        return code


def _too_old(root: str) -> int:
    """Say so where the user reads it, in a Python that cannot read the rest of the package."""
    import json
    import os

    version = sys.version.split()[0]
    message = f"multimesh: python3 is {version}, and 3.10 or later is wanted\n  Put a later one first in PATH."
    folder = os.environ.get("HELM_PLUGIN_DIR")
    if folder and os.path.realpath(folder) == os.path.realpath(root):
        # Helm 4 throws stderr away: see fail() in multimesh/cli.py.
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
        return 0
    sys.stderr.write(message + "\n")
    return 2


def _leave() -> None:
    """End the process. Everything is written: taking the interpreter down in order would cost a twentieth of the run."""
    _os._exit(0)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


def _holds_yaml(folder: str) -> bool:
    try:
        _os.stat(folder + "/yaml/__init__.py")
    except OSError:
        return False
    return True


def _find_yaml(root: str) -> None:
    """Put the folder that holds PyYAML on the path: the interpreter's own, else that of the checkout's .venv."""
    if any(_holds_yaml(folder) for folder in sys.path[1:]):
        return
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    home = _folder(_folder(sys.executable or "/"))
    for folder in (
        home + "/lib/" + version + "/site-packages",
        sys.prefix + "/lib/" + version + "/site-packages",
        "/usr/local/lib/" + version + "/dist-packages" if sys.prefix == "/usr" else "",
        sys.prefix + "/lib/python3/dist-packages",
    ):
        if folder and _holds_yaml(folder):
            # A virtual environment hides the packages of the interpreter it was made from.
            sys.path.append(folder)
            return
    _find_yaml_slowly(root)


def _find_yaml_slowly(root: str) -> None:
    """Look where only the site module knows to look, then in the checkout's .venv."""
    import os
    import site

    site.main()
    folders = [*sys.path[1:], site.getusersitepackages(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    try:
        folders += [root + "/.venv/lib/" + name + "/site-packages" for name in sorted(os.listdir(root + "/.venv/lib"))]
    except OSError:
        folders.append(root + "/.venv/Lib/site-packages")
    for folder in folders:
        if folder and _holds_yaml(folder):
            if folder not in sys.path:
                sys.path.append(folder)
            return

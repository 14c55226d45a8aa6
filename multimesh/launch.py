"""What `postrender.py` does once it knows where the package is: find PyYAML without the `site` module, and render.

It stands here because Python keeps a compiled form of modules, not of the script that is started.
"""

import sys

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]


def main(root: str) -> int:
    """Render stdin for the mesh that the arguments name. `root` is the folder that holds the package."""
    if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on PATH runs this
        return _too_old(root)
    _find_yaml(root)
    from multimesh.cli import post_render

    return post_render(sys.argv[1:])


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


def leave(code: int) -> None:
    """End the process."""
    if code == 0:
        # Everything is written: taking the interpreter down in order would cost a twentieth of the run.
        _os._exit(0)
    raise SystemExit(code)


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

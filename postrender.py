#!/bin/sh
# ruff: noqa
# fmt: off
''':'
# What Helm runs. To a shell this file is the three lines below: they start Python without its site packages, which
# takes half the time, by the first python3 on the PATH. To Python they are a string.
command -v python3 >/dev/null 2>&1 || { echo "multimesh: python3 is not on the PATH
  Install Python 3.10 or later, or put its folder first in PATH." >&2; exit 2; }
exec python3 -I -S "$0" "$@"
'''
# fmt: on
"""Find the package and PyYAML, and render: from any working directory, through symlinks, from paths with spaces."""

import sys

try:
    import posix as _os
except ImportError:
    import nt as _os


def main():
    root = _real(sys.argv[0] if __name__ == "__main__" else __file__)
    sys.path.insert(0, root)
    if sys.version_info < (3, 10):
        sys.stderr.write("multimesh: python3 is %s, and 3.10 or later is wanted\n  Put a later one first in PATH.\n" % sys.version.split()[0])
        return 2
    _find_yaml(root)
    from multimesh.cli import post_render

    return post_render(sys.argv[1:])


def _real(path):
    """Return the folder that holds the file behind a path, links followed."""
    path = path.replace("\\", "/") if sys.platform == "win32" else path
    for _ in range(40):
        try:
            target = _os.readlink(path)
        except OSError:
            break
        path = target if target.startswith("/") else _folder(path) + "/" + target
    return _folder(path if path.startswith("/") or path[1:2] == ":" else _os.getcwd() + "/" + path)


def _folder(path):
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


def _holds_yaml(folder):
    try:
        _os.stat(folder + "/yaml/__init__.py")
    except OSError:
        return False
    return True


def _find_yaml(root):
    """Put the folder that holds PyYAML on the path: the interpreter's own, else that of the checkout's .venv."""
    if any(_holds_yaml(folder) for folder in sys.path[1:]):
        return
    version = "python%d.%d" % sys.version_info[:2]
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


def _find_yaml_slowly(root):
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


if __name__ == "__main__":
    code = main()
    if code == 0:
        # Everything is written: taking the interpreter down in order would cost a twentieth of the run.
        _os._exit(0)
    raise SystemExit(code)

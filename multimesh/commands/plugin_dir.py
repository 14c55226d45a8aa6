"""Print the directory of the Helm 4 plugin that belongs to this installation, or write the plugin into a directory.

The plugin runs this installation, so an update of the package updates the plugin too:

    helm plugin install "$(multimesh plugin-dir)"

Without an installation in Helm: HELM_PLUGINS="$(dirname "$(multimesh plugin-dir)")".

With DIRECTORY the plugin is written there; it names this Python and this package by their absolute paths. A zipapp
needs that, because Helm reads no zip archives. The name of the directory should be multimesh.

Helm 3 needs no plugin. Its post-renderer is this program: --post-renderer multimesh --post-renderer-args=render.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from importlib.resources import files
from pathlib import Path

from multimesh.commands.files import write_files
from multimesh.commands.stdio import DONE, write_text
from multimesh.errors import MultimeshError
from multimesh.version import __version__

HELP = "print the directory of the plugin for Helm 4, or write the plugin"

PLUGIN, SCRIPT = "plugin.yaml", "postrender.py"

#: The directory that contains the package, and where it has the plugin if it was installed from a wheel.
_ROOT = Path(__file__).resolve().parents[2]
_INSTALLED = ("plugins", "multimesh")

#: How the script finds Python in a wheel: in the virtual environment that contains the script, as of pipx and uv.
IN_WHEEL = """\
home="${0%/*}/../../../../../.."
python=$home/bin/python3
[ -e "$home/pyvenv.cfg" ] || python=python3"""

#: How it finds the package there.
ROOT_OF_WHEEL = "os.path.abspath(os.path.join(os.path.realpath(__file__), *[os.pardir] * 4))"

_TEXT = """\
#!/bin/sh
# fmt: off
''':'
# Written by: multimesh plugin-dir
{python}
command -v "$python" >/dev/null 2>&1 || {{
  what="multimesh: $python is missing"
  hint="Install multimesh again, or put python3 on the PATH."
  # Helm 4 discards stderr, and shows a single string on stdout: see fail() in multimesh/commands/stdio.py.
  [ "$0" != "${{HELM_PLUGIN_DIR:-}}/postrender.py" ] || {{ printf '"%s%sn  %s"\\n' "$what" '\\' "$hint"; exit 0; }}
  printf '%s\\n  %s\\n' "$what" "$hint" >&2
  exit 2
}}
# All input and output is UTF-8, so Python need not read the files of a locale.
LC_ALL=C
export LC_ALL
exec "$python" -E -s -S "$0" "$@"
'''
# fmt: on
import os
import sys

root = {root}
sys.path.insert(0, root)

from multimesh import bootstrap

raise SystemExit(bootstrap.main(root))
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the argument of the command."""
    command.add_argument("directory", nargs="?", metavar="DIRECTORY", help="write the plugin into this directory")


def run(options: argparse.Namespace) -> int:
    """Print the directory, or write the plugin and print its files, and return the exit code."""
    if options.directory is None:
        write_text(f"{directory()}\n")
        return DONE
    chosen = Path(options.directory)
    text = script(f"python={shlex.quote(sys.executable)}", repr(str(_ROOT)))
    said = f"written: {chosen / PLUGIN}\nwritten: {chosen / SCRIPT}\n"
    write_files(chosen, {PLUGIN: metadata(), SCRIPT: text}, said, replaces=_is_ours)
    mode = (chosen / SCRIPT).stat().st_mode
    os.chmod(chosen / SCRIPT, mode | (mode & 0o444) >> 2)
    return DONE


def script(python: str, root: str) -> str:
    """Return the script of the plugin: `python` is shell that sets that variable, `root` an expression of Python."""
    return _TEXT.format(python=python, root=root)


def directory() -> Path:
    """Return the directory of the plugin in this installation. Raises MultimeshError if there is none."""
    for found in (_ROOT, _ROOT.joinpath("multimesh", *_INSTALLED)):
        if (found / SCRIPT).is_file() and (found / PLUGIN).is_file():
            return found
    metadata()  # Without it the remedy below would not help.
    raise MultimeshError(
        "",
        f"{_ROOT} contains no plugin",
        "A zipapp and a copy of the package alone have none. Write one: multimesh plugin-dir DIRECTORY.",
    )


def metadata() -> str:
    """Return plugin.yaml of this installation. Raises MultimeshError if there is none, as in `helm mesh`."""
    if (_ROOT / PLUGIN).is_file() and (_ROOT / SCRIPT).is_file():
        return (_ROOT / PLUGIN).read_text(encoding="utf-8")
    inside = files("multimesh").joinpath(*_INSTALLED, PLUGIN)
    if not inside.is_file():
        what = f"{_ROOT} contains no {PLUGIN}, so no plugin can be written from it"
        raise MultimeshError("", what, f"Install that of the release: helm plugin install multimesh-{__version__}.tgz")
    return inside.read_text(encoding="utf-8")


def _is_ours(text: str) -> bool:
    return "Written by: multimesh plugin-dir" in text or "\nname: multimesh\n" in text

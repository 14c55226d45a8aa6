#!/bin/sh
# fmt: off
''':'
# What Helm runs. To a shell this file is the lines below: they start the first python3 on the PATH, deaf to the
# environment and without site packages, which can take as long as all the rest. To Python they are a string.
command -v python3 >/dev/null 2>&1 || {
  what="multimesh: python3 is not on the PATH"
  hint="Install Python 3.10 or later, or put its folder first in PATH."
  # Helm 4 throws stderr away, and shows a single string that it finds on stdout: multimesh/cli.py, fail().
  [ "$0" != "${HELM_PLUGIN_DIR:-}/postrender.py" ] || { printf '"%s%sn  %s"\n' "$what" '\' "$hint"; exit 0; }
  printf '%s\n  %s\n' "$what" "$hint" >&2
  exit 2
}
# What it reads and writes is UTF-8 by itself, so no files of a locale need be read for it.
LC_ALL=C
export LC_ALL
exec python3 -E -s -S "$0" "$@"
'''
# fmt: on
"""Find the package, and render: from any working directory, through symlinks, from paths with spaces.

Python compiles this file anew each time, so it holds no more than that; the rest is `multimesh/bootstrap.py`.
"""

import sys
from _frozen_importlib_external import SourceFileLoader

# The folder of the script that was started, links followed: where it is that, and nothing else started the script.
root = sys.path[0]
if (
    __name__ != "__main__"
    or __spec__ is not None
    or getattr(sys.flags, "safe_path", sys.flags.isolated)
    or not root.startswith("/")
):
    import os

    root = os.path.dirname(os.path.realpath(__file__))
    sys.path.insert(0, root)

# Python would list both folders to find this module, which imports all others by hand.
launch = type(sys)("multimesh.bootstrap")
exec(SourceFileLoader(launch.__name__, root + "/multimesh/bootstrap.py").get_code(launch.__name__), launch.__dict__)  # noqa: S102

if __name__ == "__main__":
    raise SystemExit(launch.main(root))

#!/bin/sh
# fmt: off
''':'
# What Helm runs. To a shell this file is the lines below: they start Python without its site packages, which
# takes half the time, by the first python3 on the PATH. To Python they are a string.
command -v python3 >/dev/null 2>&1 || {
  what="multimesh: python3 is not on the PATH"
  hint="Install Python 3.10 or later, or put its folder first in PATH."
  # Helm 4 throws stderr away, and shows a single string that it finds on stdout: multimesh/cli.py, fail().
  [ "$0" != "${HELM_PLUGIN_DIR:-}/postrender.py" ] || { printf '"%s%sn  %s"\n' "$what" '\' "$hint"; exit 0; }
  printf '%s\n  %s\n' "$what" "$hint" >&2
  exit 2
}
exec python3 -I -S "$0" "$@"
'''
# fmt: on
"""Find the package, and render: from any working directory, through symlinks, from paths with spaces.

Python compiles this file anew each time, so it holds no more than that; the rest is `multimesh/launch.py`.
"""

import sys

try:
    import posix as _os
except ImportError:
    import nt as _os

path = sys.argv[0] if __name__ == "__main__" else __file__
if sys.platform == "win32":
    path = path.replace("\\", "/")
for _ in range(40):
    try:
        target = _os.readlink(path)
    except OSError:
        break
    path = target if target.startswith("/") else path.rpartition("/")[0] + "/" + target if "/" in path else target
root = path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")
if not (root.startswith("/") or root[1:2] == ":"):
    root = _os.getcwd() + "/" + root
sys.path.insert(0, root)

# Python would list both folders to find this module, which imports all others by hand.
from _frozen_importlib_external import SourceFileLoader

launch = type(sys)("multimesh.launch")
exec(SourceFileLoader(launch.__name__, root + "/multimesh/launch.py").get_code(launch.__name__), launch.__dict__)  # noqa: S102

if __name__ == "__main__":
    launch.leave(launch.main(root))

#!/bin/sh
# fmt: off
''':'
# Helm runs this file. To a shell it is the lines below: they start the first python3 on the PATH, without the
# variables and site packages of the environment, which can take as long as all the rest. To Python they are a string.
# Only a shell can report through Helm 4 that there is no python3.
command -v python3 >/dev/null 2>&1 || {
  what="multimesh: python3 is not on the PATH"
  hint="Install Python 3.10 or later, or put its directory first in PATH."
  # Helm 4 discards stderr, and shows a single string on stdout: see fail() in multimesh/commands/stdio.py.
  [ "$0" != "${HELM_PLUGIN_DIR:-}/postrender.py" ] || { printf '"%s%sn  %s"\n' "$what" '\' "$hint"; exit 0; }
  printf '%s\n  %s\n' "$what" "$hint" >&2
  exit 2
}
# All input and output is UTF-8, so Python need not read the files of a locale.
LC_ALL=C
export LC_ALL
exec python3 -E -s -S "$0" "$@"
'''
# fmt: on
"""Find the package, and render: from any working directory, through symbolic links, from paths with spaces."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on the PATH
    import os
    import runpy

    # Python 2 can read this file and that one, and no other file of the package.
    runpy.run_path(os.path.join(os.path.dirname(os.path.realpath(__file__)), "multimesh", "too_old.py"))

# The directory of the script that was started, with links resolved, if Python started this file as a script.
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

from multimesh import bootstrap

if __name__ == "__main__":
    raise SystemExit(bootstrap.main(root))

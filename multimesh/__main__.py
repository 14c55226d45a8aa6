"""Run `python -m multimesh`, which is the console script `multimesh`."""

import sys

# Before the imports, which an older Python cannot read.
if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on the PATH
    sys.stderr.write("multimesh: python3 is " + sys.version.split()[0] + ", and 3.10 or later is required\n")
    sys.stderr.write("  Put a later one first in PATH.\n")
    raise SystemExit(2)

from multimesh.cli import main

raise SystemExit(main())

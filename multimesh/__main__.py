"""Run `python -m multimesh`, which is the console script `multimesh`."""

import sys

# Python says so itself only where pip installs the package.
if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on the PATH
    sys.exit("multimesh: python3 is " + sys.version.split()[0] + ", and 3.10 or later is wanted")

from multimesh.cli import main

raise SystemExit(main())

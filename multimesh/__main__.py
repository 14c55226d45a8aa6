"""Run `python -m multimesh`, which is the console script `multimesh`."""

import sys

# Before the imports, which an older Python cannot read.
if sys.version_info < (3, 10):  # noqa: UP036 - whichever python3 is first on the PATH
    import os
    import runpy

    runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "too_old.py"))

from multimesh.cli import main

raise SystemExit(main())

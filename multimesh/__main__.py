"""Run `python -m multimesh`, which is the console script `multimesh`."""

from multimesh.cli import main

raise SystemExit(main())

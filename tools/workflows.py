#!/usr/bin/env python3
"""Check the workflows in .github/ with actionlint, which Go builds once into the cache directory of tools/helm.py.

Without Go they are not checked, and that is said; with MULTIMESH_REQUIRE_ACTIONLINT it is an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import reader  # noqa: E402 - the path above comes first

SOURCES = ROOT / "tests" / "programs" / "actionlint"


def main() -> int:
    """Check all workflows, or say why not; return the exit code."""
    try:
        program = reader.built(SOURCES, SOURCES, "github.com/rhysd/actionlint/cmd/actionlint", "actionlint")
    except reader.Unavailable as error:
        print(f"The workflows were not checked: {error}")
        return 2 if os.environ.get("MULTIMESH_REQUIRE_ACTIONLINT") else 0
    # shellcheck and pyflakes may or may not be installed, so their results would depend on the machine.
    command = [str(program), "-shellcheck=", "-pyflakes=", "-color" if sys.stdout.isatty() else "-no-color"]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode == 0:
        print("All workflows passed!")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())

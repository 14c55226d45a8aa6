#!/usr/bin/env python3
"""A post-renderer that replaces the real one, for what only the tests need.

MULTIMESH_TEST_WITHOUT  ids of rules to remove, separated by commas; `*` skips the program: the stock chart stays
MULTIMESH_TEST_LIFT     replace API versions that are not served any more, after the rewrite (lift.py)

The program does not read these variables.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INSIDE = "MULTIMESH_TEST_INSIDE"


def inside() -> int:
    """Run the program with fewer rules."""
    sys.path.insert(0, str(ROOT))
    from multimesh import rules
    from multimesh.commands.render import post_render

    without = set(os.environ.get("MULTIMESH_TEST_WITHOUT", "").split(",")) - {""}
    # A rule that does not exist cannot be removed.
    assert without <= {rule.ID for rule in rules.RULES}
    rules.RULES = tuple(rule for rule in rules.RULES if rule.ID not in without)
    return post_render(sys.argv[1:])


def main() -> int:
    """Run the program, then replace old API versions in its output."""
    if os.environ.get(INSIDE):
        return inside()
    stream = sys.stdin.buffer.read()
    if os.environ.get("MULTIMESH_TEST_WITHOUT") != "*":
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:]],
            input=stream,
            stdout=subprocess.PIPE,
            env=os.environ | {INSIDE: "1"},
            check=False,
        )
        if done.returncode:
            return done.returncode
        stream = done.stdout
    if os.environ.get("MULTIMESH_TEST_LIFT"):
        from lift import lift

        stream = lift(stream)
    sys.stdout.buffer.write(stream)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

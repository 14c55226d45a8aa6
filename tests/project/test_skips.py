"""What the test run prints about tests that are skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pages import ROOT

TESTS = """\
import pytest

@pytest.mark.parametrize("n", range(3))
def test_a(n):
    pytest.skip("no Helm 3: no\\n  network")

@pytest.mark.skip(reason="no streams")
def test_b(): pass

def test_c(): pass
"""


def test_skipped_tests_are_one_line_with_each_reason(tmp_path: Path) -> None:
    """A machine without Helm and streams skips dozens of tests for two reasons."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "tests/test_it.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text().replace("tests/support", f"{ROOT}/tests/support")
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if "skipped" in line.lower()]
    assert lines[0] == "skipped 4: 3 x no Helm 3: no network; 1 x no streams", done.stdout + done.stderr
    assert lines[1:] in (["1 passed, 4 skipped in " + lines[-1].rpartition(" ")[2]], []), done.stdout

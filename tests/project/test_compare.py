"""The comparison of two checkouts finds other bytes, another exit code, and an exception."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STREAM = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kiali
rules: []
"""


def compare(before: Path, after: Path, streams: Path, *more: str) -> tuple[int, str]:
    """Run the tool, and return its exit code and its output."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "compare.py", before, after, "--streams", streams, *more],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    """Create a directory with one stream, rendered for the mesh affirmed."""
    directory = tmp_path / "streams" / "affirmed"
    directory.mkdir(parents=True)
    (directory / "base.yaml").write_text(STREAM, encoding="utf-8")
    return tmp_path / "streams"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Copy the program of this checkout, so that a test can change it."""
    checkout = tmp_path / "other"
    shutil.copytree(ROOT / "multimesh", checkout / "multimesh", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "postrender.py", checkout)
    return checkout


def append(checkout: Path, file: str, code: str) -> None:
    """Add code to the end of a file of the package."""
    with (checkout / "multimesh" / file).open("a", encoding="utf-8") as module:
        module.write(code)


def wrap(checkout: Path, body: str) -> None:
    """Wrap the function that renders stdin in another function."""
    code = f"\n_render = post_render\n\ndef post_render(*arguments):\n    import os\n    {body}\n"
    append(checkout, "commands/render.py", code)


def test_a_checkout_renders_what_its_copy_renders(other: Path, streams: Path):
    code, text = compare(ROOT, other, streams)
    assert code == 0, text
    assert text.count(": 0 differ") == 2


def test_other_bytes_are_a_difference(other: Path, streams: Path):
    """The lines that differ are shown."""
    wrap(other, "os.write(1, b'# more\\n'); return _render(*arguments)")
    code, text = compare(ROOT, other, streams)
    assert code == 1, text
    assert ": 0 differ" not in text
    assert "+# more" in text


def test_another_exit_code_is_a_difference(other: Path, streams: Path):
    wrap(other, "return _render(*arguments) + 1")
    code, text = compare(ROOT, other, streams)
    assert code == 1, text


def test_an_exception_is_a_difference(other: Path, streams: Path):
    wrap(other, "raise ValueError")
    code, text = compare(ROOT, other, streams)
    assert code == 1, text
    assert ": 0 differ" not in text


def test_another_wording_is_shown_and_is_no_difference(other: Path, streams: Path):
    (streams / "affirmed" / "refused.yaml").write_text("kind: ClusterRole\nmetadata: {name: a}\n", encoding="utf-8")
    append(other, "errors.py", "\nMultimeshError.__str__ = lambda self: 'in other words'\n")
    code, text = compare(ROOT, other, streams, "--messages")
    assert code == 0, text
    assert "0 messages are worded" not in text
    assert "+ in other words" in text


def test_without_streams_nothing_is_shown_to_be_equal(other: Path, tmp_path: Path):
    code, text = compare(ROOT, other, tmp_path / "absent")
    assert code == 2
    assert "no streams below" in text

"""The man page and the scripts that complete commands in shells, as a release has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import packages
import pytest
from helms import ROOT

from multimesh.cli import ABOUT, COMMANDS


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with them."""
    return packages.make(tmp_path_factory.mktemp("manual"), "--only", "manual", COLUMNS="40")


def test_the_man_page_has_every_command(made: Path) -> None:
    """Its name line is what `apropos` shows, and it has a date and a version."""
    text = (made / "multimesh.1").read_text(encoding="utf-8")
    assert ".SH NAME\nmultimesh \\- run several independent Istio meshes in one Kubernetes cluster\n" in text
    assert '"2023\\-11\\-14"' in text
    for command in ("render", *COMMANDS, *ABOUT):
        assert f"multimesh {command.replace('-', chr(92) + '-')}" in text


def test_the_man_page_does_not_depend_on_the_terminal(made: Path, tmp_path: Path) -> None:
    """Argparse breaks the lines of a usage at the width of the terminal."""
    again = packages.make(tmp_path, "--only", "manual", COLUMNS="200")
    assert (again / "multimesh.1").read_bytes() == (made / "multimesh.1").read_bytes()


@pytest.mark.parametrize(
    ("shell", "name"), [("bash", "multimesh.bash"), ("zsh", "_multimesh"), ("fish", "multimesh.fish")]
)
def test_the_completions_are_those_of_the_command(made: Path, shell: str, name: str) -> None:
    """A package of a distribution can install them where the shell looks."""
    done = subprocess.run(
        [sys.executable, "-m", "multimesh", "completion", shell], cwd=ROOT, capture_output=True, check=True
    )
    assert (made / name).read_bytes() == done.stdout

"""Golden cases: small streams, rendered as Helm does, and compared with an output that a person has reviewed.

A case is a directory of tests/golden/: `input.yaml` is stdin, `arguments` has one argument on each line, and
`stdout.yaml` and `stderr.txt` are the expected output, with `<case>` in place of the path of the directory. A case
whose `stderr.txt` is not empty ends with exit code 2, any other one with 0.

    pytest tests/render/test_golden.py --update-golden      # writes the output; read the diff before you commit it
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helms import PROGRAM, clean_environment

DIRECTORY = Path(__file__).resolve().parents[1] / "golden"
CASES = sorted(path.name for path in DIRECTORY.iterdir() if path.is_dir())
#: The cases with an output that can be rendered again.
RENDERED = [name for name in CASES if b"\nkind: " in (DIRECTORY / name / "stdout.yaml").read_bytes()]
EXPECTED = ("stdout.yaml", "stderr.txt")


def run(case: Path, stream: bytes) -> tuple[int, bytes, bytes]:
    """Start the program as Helm does: by its first line, without a terminal, in the working directory of the caller."""
    arguments = (case / "arguments").read_text(encoding="utf-8").splitlines()
    environment = clean_environment()
    done = subprocess.run(
        [str(PROGRAM), *arguments],
        input=stream,
        capture_output=True,
        cwd=case,
        env=environment,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.replace(os.fsencode(case), b"<case>")


@pytest.mark.parametrize("name", CASES)
def test_a_golden_case_comes_out_as_it_was_agreed(name: str, pytestconfig: pytest.Config) -> None:
    """The bytes on stdout, the message on stderr, and the exit code are those of the files."""
    case = DIRECTORY / name
    code, out, err = run(case, (case / "input.yaml").read_bytes())
    if pytestconfig.getoption("--update-golden"):
        for file, content in zip(EXPECTED, (out, err)):
            (case / file).write_bytes(content)
    assert out.decode() == (case / "stdout.yaml").read_bytes().decode()
    assert err.decode() == (case / "stderr.txt").read_bytes().decode()
    assert code == (2 if err else 0)
    assert not (out and err)


@pytest.mark.parametrize("name", RENDERED)
def test_a_golden_case_run_again_stays_as_it_is(name: str) -> None:
    """Law 3: rendering an output again changes nothing."""
    case = DIRECTORY / name
    agreed = (case / "stdout.yaml").read_bytes()
    assert run(case, agreed) == (0, agreed, b"")


@pytest.mark.parametrize("name", CASES)
def test_a_golden_case_has_all_its_files_and_names_no_others(name: str) -> None:
    """Files that no test reads would check nothing."""
    files = {path.name for path in (DIRECTORY / name).iterdir()}
    assert files == {"input.yaml", "profile.yaml", "arguments", *EXPECTED}

"""Output: every command ends without a traceback if its output cannot be written."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helms import ROOT
from program import profile

from multimesh.cli import ABOUT, COMMANDS

CLUSTER = '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}]}'
STREAM = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\nrules: []\n"

#: What a command that writes files adds to its message.
NO_FILE = "  No file was written.\n"

#: Arguments with which each command writes something, its stdin, and its exit code.
WRITES = {
    "render": (["render", "--profile=p.yaml"], STREAM, 0),
    "init": (["init", "green", "meshes/green"], "", 0),
    "diff": (["diff", "--profile=p.yaml", "--exit-code"], STREAM, 1),
    "patches": (["patches", "--profile=p.yaml"], STREAM, 0),
    "values": (["values", "--profile=p.yaml", "--chart=istiod"], "", 0),
    "namespaces": (["namespaces", "--profile=p.yaml"], "", 0),
    "policies": (["policies", "--profile=p.yaml"], "", 0),
    "check": (["check", "--profile=p.yaml", "role.yaml", "other.yaml"], "", 1),
    "verify": (["verify", "--profile=p.yaml"], CLUSTER, 1),
    "explain": (["explain", "namespace", "nginx-blue", "--profile=p.yaml"], "", 0),
    "schema": (["schema"], "", 0),
}
#: Arguments with which commands write files, and only their names to stdout.
FILES = {
    "init": WRITES["init"],
    "values": (["values", "--profile=p.yaml", "--all", "--output-dir=out/values"], "", 0),
    "plugin-dir": (["plugin-dir", "out/plugin"], "", 0),
}
TEXTS = {
    "check --print-kubectl": (["check", "--print-kubectl"], "", 0),
    "completion": (["completion", "bash"], "", 0),
    "help": (["help"], "", 0),
    "plugin-dir": (["plugin-dir"], "", 0),
    "version": (["version"], "", 0),
    "--help": (["--help"], "", 0),
    "--version": (["--version"], "", 0),
    "check --help": (["check", "--help"], "", 0),
    "render --help": (["render", "--help"], "", 0),
}


@pytest.fixture
def run(tmp_path: Path):
    """Return a function that runs one of the cases with a given stdout, and returns exit code and stderr."""
    (tmp_path / "p.yaml").write_text(profile("blue", "istio-blue", ("nginx-blue",)))
    (tmp_path / "role.yaml").write_text(STREAM)
    (tmp_path / "other.yaml").write_text(STREAM)
    (tmp_path / "stdin").write_text("")

    def start(case: str, stdout: object, before: str = "") -> tuple[int, str]:
        arguments, stdin, _ = (FILES if case.startswith("files of ") else {**WRITES, **TEXTS})[
            case.removeprefix("files of ")
        ]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MULTIMESH_")}
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {before}', "sh", sys.executable, "-m", "multimesh", *arguments],
            input=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)}, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stderr

    return start


def test_every_command_has_a_case():
    assert set(WRITES) == {"render", *COMMANDS}
    assert set(ABOUT) <= set(TEXTS)


@pytest.mark.parametrize("case", [*WRITES, *TEXTS])
def test_what_can_be_written_is(run, tmp_path, case):
    with (tmp_path / "out").open("wb") as out:
        assert run(case, out) == ({**WRITES, **TEXTS}[case][2], "")
    assert (tmp_path / "out").stat().st_size > 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("case", [*WRITES, *TEXTS])
def test_a_full_disk_is_an_error(run, case):
    with open("/dev/full", "wb") as full:
        code, err = run(case, full)
    assert (code, err) == (
        2,
        "multimesh: <stdout>: cannot be written: No space left on device\n  Look at what reads it.\n"
        + NO_FILE * (case == "init"),
    )


@pytest.mark.parametrize("case", [*WRITES, *TEXTS])
def test_a_closed_stdout_is_an_error(run, case):
    code, err = run(case, None, ">&-")
    message = "multimesh: <stdout>: cannot be written: Bad file descriptor\n  Look at what reads it.\n"
    assert (code, err) == (2, message + NO_FILE * (case == "init"))


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("how", ["full", "closed"])
def test_a_command_that_cannot_say_what_it_writes_writes_no_file(run, tmp_path, case, how):
    """A second run would refuse to replace them, and the exit code says that nothing was done."""
    if how == "full" and not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full" if how == "full" else os.devnull, "wb") as out:
        code, err = run(f"files of {case}", out, ">&-" if how == "closed" else "")
    assert (code, err.endswith(NO_FILE)) == (2, True), err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "meshes").exists()
    with (tmp_path / "written").open("wb") as out:
        assert run(f"files of {case}", out) == (0, "")
    for line in (tmp_path / "written").read_text().splitlines():
        assert not line.startswith("written: ") or (tmp_path / line.removeprefix("written: ")).is_file()


@pytest.mark.parametrize("case", [case for case in (*WRITES, *TEXTS) if not case.startswith("render")])
def test_a_reader_that_has_seen_enough_changes_no_result(run, case):
    """With `| head -1` and pipefail, a pipeline must still see the exit code. `render` fails, since its only reader is Helm."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run(case, writing) == ({**WRITES, **TEXTS}[case][2], "")
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    "arguments",
    [["check", "-"], ["explain", "namespace", "x", "--file", "-"], ["render", "--profile=p.yaml"]],
    ids=lambda words: words[0],
)
def test_a_closed_stdin_is_an_error(arguments, tmp_path):
    """Python has no sys.stdin then."""
    (tmp_path / "p.yaml").write_text(profile("blue", "istio-blue", ()))
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "multimesh", *arguments],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: <stdin>: cannot be read: Bad file descriptor\n  ")


def test_stdout_is_written_in_one_place():
    """That place is commands/stdio.py; a command that prints by itself could end with a traceback."""
    writers = []
    for file in (ROOT / "multimesh").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            dotted = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if printed or dotted in ("sys.stdout.write", "sys.stdout.buffer", "sys.stdout.flush"):
                writers.append(file.relative_to(ROOT).as_posix())
    assert set(writers) <= {"multimesh/commands/stdio.py", "multimesh/too_old.py"}

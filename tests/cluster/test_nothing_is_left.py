"""A run that is interrupted, and one whose API server dies, leave no process and no file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api import until
from helms import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")


def processes(folder: Path) -> dict[int, str]:
    """Return what runs with a path below a directory in its command line."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it has ended meanwhile
            continue
        if f"{folder}/" in words and int(place.name) != os.getpid():
            found[int(place.name)] = words
    return found


def interrupt(run: subprocess.Popen[str], folder: Path) -> None:
    """Press Ctrl-C: the terminal sends it to all foreground processes."""
    os.killpg(run.pid, signal.SIGINT)


def kill_the_api_server(run: subprocess.Popen[str], folder: Path) -> None:
    """Kill the API server, which makes every test fail."""
    for pid, words in processes(folder).items():
        if "kube-apiserver" in words.split(" ")[0]:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def run(cluster, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start `make test-cluster` for one small module, with a directory of its own for all temporary files."""
    assert cluster.port, "the programs have been found, or built"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MAKE", "MFLAGS"))}
    started = subprocess.Popen(
        ["make", "--no-print-directory", "test-cluster", "ARGS=-k 'test_example and helm4' -p no:cacheprovider"],
        cwd=ROOT, env=kept | {"TMPDIR": str(tmp_path), "MULTIMESH_SERVICE_RANGE": "127.112.0.0/16"}, start_new_session=True, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()


@pytest.mark.parametrize("disturb", [interrupt, kill_the_api_server])
def test_a_run_that_ends_badly_leaves_no_process_and_no_file(
    run: subprocess.Popen[str], tmp_path: Path, disturb: Callable[[subprocess.Popen[str], Path], None]
) -> None:
    """Once the API server writes its audit log, everything runs; then the run is disturbed."""
    until("the API server is used", lambda: [*tmp_path.rglob("audit.log")] or run.poll() is not None, 120)
    assert {name for words in processes(tmp_path).values() for name in words.split(" ")[0].split("/")[-1:]} >= {
        "etcd",
        "kube-apiserver",
    }
    disturb(run, tmp_path)
    said, _ = run.communicate(timeout=120)
    assert run.returncode != 0, said
    until("all processes have ended", lambda: not processes(tmp_path))
    assert list(tmp_path.iterdir()) == [], said

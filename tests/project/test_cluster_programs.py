"""Where tests/cluster finds the programs of a control plane, and what it prints if there are none."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FINDER = ROOT / "tests" / "cluster" / "binaries.py"
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager")


def programs(directory: Path) -> Path:
    """Create a directory with files that have the names of the programs."""
    directory.mkdir()
    for name in NAMES:
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    return directory


def find(tmp_path: Path, **environment: str) -> tuple[int, str]:
    """Look for the programs, with an empty cache and without Go; return exit code and output."""
    bare = {"PATH": str(tmp_path / "none"), "MULTIMESH_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(FINDER)], capture_output=True, text=True, env=bare | environment, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_directory_of_setup_envtest_comes_before_the_path_and_the_path_before_the_cache(tmp_path):
    """The order is KUBEBUILDER_ASSETS, PATH, cache; the first that has a program is used."""
    assets, path = programs(tmp_path / "assets"), programs(tmp_path / "path")
    code, said = find(tmp_path, KUBEBUILDER_ASSETS=str(assets), PATH=str(path))
    assert (code, said.count(f"{assets}{os.sep}"), str(path) in said) == (0, 3, False), said
    (assets / "etcd").unlink()
    code, said = find(tmp_path, KUBEBUILDER_ASSETS=str(assets), PATH=str(path))
    assert (code, f"etcd: {path / 'etcd'}" in said) == (0, True), said
    code, said = find(tmp_path, PATH=str(path))
    assert (code, said.count(f"{path}{os.sep}")) == (0, 3), said


def test_without_programs_and_without_go_one_line_says_what_to_do(tmp_path):
    """The exit code is 2, and `make test-cluster` then runs the tests, which skip with the same line."""
    code, said = find(tmp_path)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert "install Go, or set KUBEBUILDER_ASSETS to the directory that setup-envtest fills" in said

"""`make demo` says what is in its way before it installs anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import demo
import pytest
from pages import ROOT


def make(target: str, directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make for a .venv that does not exist, with programs of this directory only before those of the system."""
    command = ["make", "-C", str(ROOT), target, f"VENV={directory}/venv", f"PYTHON={sys.executable}", *arguments]
    env = {"PATH": f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(directory)} | environment
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_cache_that_cannot_be_written_is_reported_first(tmp_path: Path) -> None:
    """A file is where its directory should be. Nothing is installed."""
    (tmp_path / "file").write_text("")
    done = make("demo", tmp_path, MULTIMESH_CACHE=str(tmp_path / "file/cache"))
    assert done.returncode == 2
    assert done.stderr.startswith("multimesh: no helm is on PATH, and the cache for one cannot be written: ")
    assert "  Set MULTIMESH_CACHE to a directory that can be written, or put helm 3 or 4 on PATH.\n" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_helm_on_the_path_needs_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "helm").write_text("#!/bin/sh\n")
    (tmp_path / "helm").chmod(0o755)
    assert make("writable", tmp_path, MULTIMESH_CACHE=str(tmp_path / "file/cache")).returncode == 0


def test_an_index_that_is_not_reachable_is_reported_with_what_to_do(tmp_path: Path) -> None:
    """The message of pip itself is above that."""
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$3" = --version ] || { echo no index >&2; exit 1; }\n')
    python.chmod(0o755)
    done = make("demo", tmp_path, MULTIMESH_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "no index\nmultimesh: pip could not install what the project needs" in done.stderr
    assert "  Connect to a package index, or name one that is reachable: make PIP_INDEX_URL=" in done.stderr


@pytest.mark.parametrize("text", ["#!/bin/sh\necho broken >&2; exit 3\n", "no program\n", "#!/nowhere\n"])
def test_a_helm_that_does_not_run_is_named_with_what_to_do(text: str, tmp_path: Path, monkeypatch) -> None:
    """Without a traceback."""
    helm = tmp_path / "helm"
    helm.write_text(text)
    helm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(demo.DemoFailed) as failed:
        demo.find_helm(tmp_path)
    said = str(failed.value)
    assert said.startswith(f"{helm} does not run: ")
    assert f"take {tmp_path} out of PATH: without a helm the demo downloads one." in said

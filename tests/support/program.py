"""Run the real program as Helm does: a subprocess with the stream on stdin and the profile in a file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "postrender.py"


class Result(NamedTuple):
    """The result of one run."""

    code: int
    out: bytes
    err: str


def render(stream: bytes, profile: str | dict, *args: str) -> Result:
    """Render one stream for one mesh profile."""
    text = profile if isinstance(profile, str) else yaml.safe_dump(profile, sort_keys=False)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "profile.yaml")
        file.write_text(text, encoding="utf-8")
        return run(stream, "--profile", str(file), *args, cwd=directory)


def run(stream: bytes, *args: str, cwd: str | None = None, **environment: str) -> Result:
    """Start `postrender.py` with these arguments and variables, and without those of Helm."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HELM_", "MULTIMESH_"))} | environment
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *args],
        input=stream,
        capture_output=True,
        cwd=cwd,
        env=env,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def profile(mesh: str, namespace: str, workloads: tuple[str, ...] = (), **spec: object) -> str:
    """Return a mesh profile; further keys of `spec` are given by their own names."""
    return yaml.safe_dump(
        {
            "apiVersion": "multimesh.dev/v1alpha1",
            "kind": "MeshProfile",
            "metadata": {"name": mesh},
            "spec": {"namespace": namespace, "workloadNamespaces": list(workloads), **spec},
        },
        sort_keys=False,
    )

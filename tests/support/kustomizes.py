"""Apply kustomize patches with kustomize itself, and with the post-renderer of Flux's helm-controller.

Go builds both programs once into the cache of tools/helm.py. Where that is not possible, tests that ask for them are
skipped.
"""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import reader

KUSTOMIZE = reader.ROOT / "tests" / "kustomize"
FLUX = reader.ROOT / "tests" / "flux"


class Ran(NamedTuple):
    """How one run ended."""

    code: int
    out: str
    err: str


@cache
def _built(directory: Path, package: str, what: str) -> Path | str:
    """Return the path of a program, or why there is none: Go is asked once."""
    try:
        return reader.built(directory, directory, package, what)
    except reader.Unavailable as error:
        return str(error)


def program(directory: Path, package: str, what: str) -> str:
    """Return the path of a program, or skip the test that asks for it."""
    found = _built(directory, package, what)
    if isinstance(found, str):
        pytest.skip(found)
    return str(found)


def kustomize(stock: str, kustomization: str, *flags: str) -> Ran:
    """Run `kustomize build` for a stock manifest and a kustomization.yaml, which names it stock.yaml."""
    binary = program(KUSTOMIZE, "sigs.k8s.io/kustomize/kustomize/v5", "kustomize")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "stock.yaml").write_bytes(stock.encode())
        Path(directory, "kustomization.yaml").write_bytes(kustomization.encode())
        return _ran([binary, "build", *flags, directory])


def flux(stock: str, spec: str) -> Ran:
    """Apply the post-renderers in the spec of a HelmRelease to what Helm rendered."""
    binary = program(FLUX, ".", "the post-renderer of Flux")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "spec.yaml")
        file.write_bytes(spec.encode())
        return _ran([binary, str(file)], stock)


def _ran(command: list[str], stdin: str = "") -> Ran:
    done = subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=120, check=False)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

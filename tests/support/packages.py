"""Make what `make package` makes, once for a test run, and the programs with which it is published and installed.

Go builds a registry and oras once into the cache of tools/helm.py. Where that is not possible, tests
that ask for them are skipped.
"""

from __future__ import annotations

import http.server
import importlib.util
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from helms import program

ROOT = Path(__file__).resolve().parents[2]

#: What the extra `package` of pyproject.toml installs, by the names of modules.
NEEDED = ("argparse_manpage", "build", "pysequoia", "setuptools", "shtab")


def make(output: Path, *arguments: object, **environment: str) -> Path:
    """Run tools/package.py, and return the directory that it writes to, or skip the test."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; run: pip install --editable '.[package]'")
    command = [sys.executable, ROOT / "tools" / "package.py", "--output", output, *arguments]
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env={"SOURCE_DATE_EPOCH": "1700000000"} | dict(os.environ) | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


def secret_key(path: Path, name: str = "multimesh test <test@multimesh.dev>") -> Path:
    """Write a new OpenPGP key without a passphrase, and return its path."""
    pysequoia = pytest.importorskip("pysequoia", reason="pysequoia is not installed")
    path.write_text(str(pysequoia.Tsk.generate(name)), encoding="utf-8")
    return path


def names(archive: Path) -> list[str]:
    """Return the paths of what is not a directory in a compressed tar archive, in their order."""
    with tarfile.open(archive) as tar:
        return [member.name for member in tar.getmembers() if not member.isdir()]


def oras(*arguments: object) -> None:
    """Run oras, which copies an OCI layout into a registry."""
    command = [program("oras", "oras.land/oras/cmd/oras"), *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def registry() -> Iterator[str]:
    """Run an OCI registry on this machine, and give its address."""
    binary = program("registry", "github.com/google/go-containerregistry/cmd/registry")
    with subprocess.Popen([binary, "-port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            # It logs the port that it was given, and then answers.
            yield f"localhost:{process.stderr.readline().split()[-1]}"
        finally:
            process.kill()


@contextmanager
def web_server(directory: Path) -> Iterator[str]:
    """Serve the files of a directory over HTTP, and give the address."""
    handler = partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    # Helm 3 takes an address for an archive by this media type (pkg/plugin/installer/http_installer.go).
    extensions_map = {".tgz": "application/gzip"}  # noqa: RUF012 - the base class reads it from here

    def log_message(self, *_: object) -> None:
        pass

"""Ask Helm 3 and Helm 4 which objects they would install from a manifest.

The programs in tests/reader are linked against Helm's own packages, and built once into the cache of tools/helm.py.
Where Go is absent, tests that ask for them are skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tests" / "reader"
sys.path.insert(0, str(ROOT / "tools"))

import helm as tool  # noqa: E402  (tools/ is no package)

HELMS = ("helm3", "helm4")
#: What a debugger needs is a fifth of the work of building.
BUILD = ("build", "-mod=readonly", "-gcflags=all=-dwarf=false", "-ldflags=-s -w")


class Unavailable(Exception):
    """A reader cannot be built; the message is one line that says what to do."""


class Answer(NamedTuple):
    """The objects that one Helm would install, or the reason why it would not."""

    objects: list[Any]
    error: str


class Reader:
    """One running reader. A process that panics is an error of the reader's, and is not hidden."""

    def __init__(self, helm: str) -> None:
        # Less collecting of garbage: the requests are small.
        environment = os.environ | {"GOGC": "400"}
        self.process = subprocess.Popen(
            [str(program(helm))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C ends the caller, which then closes stdin
        )

    def ask(self, manifest: bytes) -> Answer:
        """Return what Helm reads in one manifest."""
        return self.ask_all([manifest])[0]

    def ask_all(self, manifests: list[bytes]) -> list[Answer]:
        """Return what Helm reads in each manifest; they are sent without waiting for answers."""
        self.send(manifests)
        return self.receive(len(manifests))

    def send(self, manifests: list[bytes]) -> None:
        """Send manifests without waiting for answers, which `receive` returns."""
        stdin = self.process.stdin
        assert stdin

        def write() -> None:
            for manifest in manifests:
                stdin.write(struct.pack(">I", len(manifest)) + manifest)
            stdin.flush()

        self.sender = threading.Thread(target=write)
        self.sender.start()

    def receive(self, count: int) -> list[Answer]:
        """Return the answers to as many manifests as were sent."""
        stdout = self.process.stdout
        assert stdout
        found = []
        for _ in range(count):
            (size,) = struct.unpack(">I", _exactly(stdout, 4))
            body = json.loads(_exactly(stdout, size))
            found.append(Answer(body["objects"] or [], body.get("error", "")))
        self.sender.join()
        return found

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def _exactly(stream: Any, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise RuntimeError("the reader ended before it answered")
    return data


@cache
def program(helm: str) -> Path:
    """Return the path of a reader, built if necessary. Raises Unavailable."""
    return built(SOURCES, SOURCES / helm, ".", f"the reader of {helm}")


def place(sources: Path, module: Path) -> Path:
    """Return the path at which a program of these sources is kept after it is built."""
    digest = hashlib.sha256()
    for file in sorted(path for path in sources.rglob("*") if path.is_file()):
        digest.update(file.relative_to(sources).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return tool.cache_directory().absolute() / f"{sources.name}-{digest.hexdigest()[:16]}" / module.name


def built(sources: Path, module: Path, package: str, what: str) -> Path:
    """Return the path of a program, built from a package in the directory of a module if necessary.

    It is built anew when a file of `sources` changes. Raises Unavailable.
    """
    path = place(sources, module)
    if os.access(path, os.X_OK):
        return path
    go = shutil.which("go")
    if not go:
        raise Unavailable(f"{what} is not built: install Go")
    tool.say(f"building {what} (minutes, once)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Next to its destination and moved in one step, so that no other process sees a part of it.
        with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as directory:
            made = Path(directory) / path.name
            done = subprocess.run(
                [go, *BUILD, "-o", str(made), package],
                cwd=module,
                env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise Unavailable(f"{what} is not built: go build failed: {' | '.join(done.stderr.splitlines()[-3:])}")
            os.replace(made, path)
    except OSError as error:
        raise Unavailable(f"{what} is not built: {error}; set MULTIMESH_CACHE to a writable directory") from error
    return path

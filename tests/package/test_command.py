"""The plugins that add `helm mesh`: for Helm 4 one of type cli/v1, for Helm 3 one in the older format."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import packages
import pytest
import versions
from helms import CHART, ROOT, Helm, Ran, helm_of
from pythons import bare_environment

import multimesh

AFFIRMED, BLUE = ROOT / "charts-values" / "affirmed", ROOT / "charts-values" / "blue"
VERSION = multimesh.__version__

#: Every command that reads files only, the words after it, and a part of its output.
COMMANDS = {
    "values": (("--profile", AFFIRMED, "--chart", "istiod"), "revision: affirmed\n"),
    "namespaces": (("--profile", AFFIRMED), "istio-injection: enabled-affirmed\n"),
    "policies": (("--profile", AFFIRMED), "kind: ValidatingAdmissionPolicy\n"),
    "check": (("--profile", AFFIRMED, "--profile", BLUE), "2 meshes: nothing found"),
    "explain": (("injection-overlap",), "injection-overlap"),
    "completion": (("bash",), "_multimesh"),
    "version": ((), f"multimesh {VERSION}\n"),
}


def with_both(helm: Helm, plugins: Path) -> Helm:
    """Install both plugins in a Helm 4."""
    for name in ("multimesh", "multimesh-cli"):
        archive = plugins / f"{name}-{VERSION}.tgz"
        done = helm.run("plugin", "install", archive, "--keyring", plugins / "multimesh.gpg")
        assert done.code == 0, done.err
    return helm


def with_another(helm: Helm, plugins: Path) -> Helm:
    """Install the plugin in a Helm 3, and one of somebody else."""
    other = helm.home / "other"
    other.mkdir()
    (other / "plugin.yaml").write_text("name: other\nversion: 1.0.0\ncommand: echo the other one\n", encoding="utf-8")
    assert helm.run("plugin", "install", other).code == 0
    with packages.web_server(plugins) as address:
        done = helm.run("plugin", "install", f"{address}/multimesh-helm3-{VERSION}.tgz")
    assert done.code == 0, done.err
    return helm


@pytest.fixture
def installed4(a_helm4: Helm, plugins: Path) -> Helm:
    """Return a Helm 4 that has both plugins."""
    return with_both(a_helm4, plugins)


@pytest.fixture
def installed3(a_helm3: Helm, plugins: Path) -> Helm:
    """Return a Helm 3 that has the plugin, and one of somebody else."""
    return with_another(a_helm3, plugins)


@pytest.fixture(params=versions.TESTED["helm"])
def installed(request: pytest.FixtureRequest, plugins: Path, tmp_path: Path) -> Helm:
    """Return one Helm after the other, with the command."""
    helm = helm_of(request.param, tmp_path)
    return with_another(helm, plugins) if helm.major == 3 else with_both(helm, plugins)


def test_every_command_runs(installed: Helm, bare: Path) -> None:
    """Under a Python without packages: PyYAML, Jinja2 and shtab are in the plugin."""
    for command, (arguments, part) in COMMANDS.items():
        done = installed.run("mesh", command, *arguments, **bare_environment(bare))
        assert (command, done.code, done.err) == (command, 0, "")
        assert part in done.out


def test_helm_4_lists_both_plugins(installed4: Helm) -> None:
    """Two plugins of one name would break the list, and every command."""
    done = installed4.run("plugin", "list")
    assert (done.code, done.err) == (0, "")
    rows = [line.split()[:5] for line in done.out.splitlines()[1:]]
    assert rows == [
        ["multimesh", VERSION, "postrenderer/v1", "v1", "signed"],
        ["multimesh-cli", VERSION, "cli/v1", "v1", "signed"],
    ]


def test_the_post_renderer_works_beside_the_command(installed4: Helm) -> None:
    """The plugin multimesh-cli has another name, so `--post-renderer multimesh` finds the right one."""
    flags = ("--post-renderer", "multimesh", f"--post-renderer-args=--profile={AFFIRMED}")
    done = installed4.template(CHART, "affirmed", *flags)
    assert done.code == 0, done.err
    assert "istio-reader-affirmed" in done.out


def test_helm_3_keeps_its_other_plugins(installed3: Helm) -> None:
    """A plugin that Helm 3 cannot read would make all of them disappear."""
    done = installed3.run("plugin", "list")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["mesh", "other"]
    assert installed3.run("other").out == "the other one\n"


def test_helm_3_takes_an_unpacked_archive_too(a_helm3: Helm, plugins: Path, tmp_path: Path) -> None:
    """Helm 3 installs archives from URLs, and directories."""
    directory = tmp_path / "mesh"
    shutil.unpack_archive(plugins / f"multimesh-helm3-{VERSION}.tgz", directory, filter="data")
    assert a_helm3.run("plugin", "install", directory).code == 0
    assert a_helm3.run("mesh", "version").out == f"multimesh {VERSION}\n"


def test_findings_give_the_exit_code_of_the_program(installed: Helm, tmp_path: Path) -> None:
    """A pipeline with `helm mesh check` fails as one with `multimesh check` does."""
    copy = tmp_path / "copy.yaml"
    text = (AFFIRMED / "profile.yaml").read_text(encoding="utf-8")
    copy.write_text(text.replace("name: affirmed", "name: other"), encoding="utf-8")
    done = installed.run("mesh", "check", "--profile", AFFIRMED, "--profile", copy)
    assert done.code == 1
    assert "error: namespace-claimed-twice" in done.out


def test_errors_are_shown_on_stderr(installed: Helm) -> None:
    """Also of `render`, which tells Helm 4 on stdout where it runs as a post-renderer."""
    for arguments in (("render", "--profile", AFFIRMED), ("values",)):
        done = installed.run("mesh", *arguments)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("multimesh: ")


def test_the_namespace_that_helm_reads_itself_reaches_the_command(installed: Helm, tmp_path: Path) -> None:
    """Helm removes -n and --namespace from the arguments of plugins, and sets HELM_NAMESPACE."""
    explained = installed.run("mesh", "explain", "pod", "web", "-n", "nginx-blue", "--profile", AFFIRMED, BLUE)
    assert explained.code == 0, explained.err
    assert "Mesh blue injects the pod" in explained.out
    assert namespace(init(installed, tmp_path / "one" / "green", "--namespace", "meshes-green")) == "meshes-green"
    assert namespace(init(installed, tmp_path / "two" / "green")) == "istio-green"


def init(helm: Helm, directory: Path, *arguments: str) -> Path:
    """Write the files of a mesh with `helm mesh init`."""
    done: Ran = helm.run("mesh", "init", "green", directory, *arguments)
    assert done.code == 0, done.err
    return directory


def namespace(directory: Path) -> str:
    """Return the namespace in a profile."""
    return multimesh.load_profile((directory / "profile.yaml").read_text(encoding="utf-8")).namespace


@pytest.mark.parametrize("words", [(), ("written",)], ids=["printed", "written"])
def test_the_plugin_of_render_is_not_made_from_this_one(plugins: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """It does not hold the files of that plugin; the message names the archive that does."""
    with tarfile.open(plugins / f"multimesh-cli-{VERSION}.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    program = tmp_path / "multimesh-cli" / "mesh.py"
    command = [sys.executable, "-S", "-I", program, "plugin-dir", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"helm plugin install multimesh-{VERSION}.tgz" in done.stderr
    assert not (tmp_path / "written").exists()

"""The package as Python's tools install it: wheel, source distribution, `plugin-dir`, pipx and uvx."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import packages
import pytest
import yaml
from helms import CHART, PROGRAM, ROOT, Helm, Ran, by_key
from pythons import VERSION, virtual_environment

import multimesh
from multimesh.version import HOME

PROFILE = ROOT / "charts-values" / "affirmed"
ARGUMENT = f"--post-renderer-args=--profile={PROFILE}"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the wheel and the source distribution."""
    return packages.make(tmp_path_factory.mktemp("python"), "--only", "python")


@pytest.fixture(scope="session")
def wheel(made: Path) -> Path:
    """Return the wheel."""
    return made / f"multimesh-{multimesh.__version__}-py3-none-any.whl"


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment in which pip has installed the wheel."""
    return virtual_environment(tmp_path_factory.mktemp("environments") / "with space", wheel)


def run(*command: object, **environment: str) -> Ran:
    """Run a command, without the variables of multimesh and Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MULTIMESH_", "HELM_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env=kept | environment, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


# What is in it.


def test_the_wheel_has_every_file_of_the_package_and_the_plugin(wheel: Path) -> None:
    """Modules, templates, the schema, py.typed, the plugin for Helm 4 and the licence; no test and no tool."""
    with zipfile.ZipFile(wheel) as archive:
        found = set(archive.namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "multimesh").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    plugin = {f"multimesh/plugins/multimesh/{name}" for name in ("plugin.yaml", "postrender.py")}
    information = f"multimesh-{multimesh.__version__}.dist-info/"
    assert {name for name in found if not name.startswith(information)} == package | plugin
    assert f"{information}licenses/LICENSE" in found


def test_the_description_has_no_relative_link(wheel: Path) -> None:
    """A package index shows the README without the repository."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"multimesh-{multimesh.__version__}.dist-info/METADATA"))
    text = metadata.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", str(text))
    assert [link for link in links if not link.startswith("https://")] == []
    paths = {link.removeprefix(f"{HOME}/").partition("#")[0] for link in links if link.startswith(HOME)}
    assert {"docs/profile.md", "CONTRIBUTING.md"} <= paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert {url.split(", ")[0] for url in metadata.get_all("Project-URL", [])} >= {"Homepage", "Documentation"}


def test_the_source_distribution_has_every_file_of_the_repository(made: Path) -> None:
    """What can be built and tested from a clone can be from it."""
    with tarfile.open(made / f"multimesh-{multimesh.__version__}.tar.gz") as tar:
        found = {member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()}
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard")
    if listed.code:
        pytest.skip("this is no clone")
    assert {name for name in listed.out.splitlines() if (ROOT / name).is_file()} - found == {".gitignore"}
    assert [name for name in found if name.endswith((".pyc", ".so"))] == []


def test_two_runs_write_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """Of the source distribution too, for which setuptools takes the times and owners of files."""
    again = packages.make(tmp_path, "--only", "python")
    for name in (f"multimesh-{multimesh.__version__}-py3-none-any.whl", f"multimesh-{multimesh.__version__}.tar.gz"):
        assert (again / name).read_bytes() == (made / name).read_bytes(), name


# The plugin of an installation.


def test_pip_and_plugin_dir_are_enough_for_helm_4(a_helm4: Helm, installed: Path) -> None:
    """Two commands: install the package and its plugin, and render a chart. The environment is not on the PATH."""
    directory = run(installed / "bin" / "multimesh", "plugin-dir")
    assert (directory.code, directory.err) == (0, "")
    assert Path(directory.out.strip()) == installed / "lib" / VERSION / "site-packages/multimesh/plugins/multimesh"
    done = a_helm4.run("plugin", "install", directory.out.strip())
    assert done.code == 0, done.err

    rendered = a_helm4.template(CHART, "affirmed", "--post-renderer", "multimesh", ARGUMENT, PATH="/usr/bin:/bin")
    assert rendered.code == 0, rendered.err
    assert by_key(rendered.out) == by_key(a_helm4.post_render(CHART, "affirmed").out)
    wrong = a_helm4.template(
        CHART,
        "affirmed",
        "--post-renderer",
        "multimesh",
        "--post-renderer-args=--profile=nowhere",
        PATH="/usr/bin:/bin",
    )
    assert wrong.code == 1
    assert "cannot read the mesh profile" in wrong.err


def test_the_plugin_needs_no_installation_in_helm(a_helm4: Helm, installed: Path) -> None:
    """The directory above it contains nothing else, so HELM_PLUGINS may name it."""
    directory = Path(run(installed / "bin" / "multimesh", "plugin-dir").out.strip())
    assert [path.name for path in directory.parent.iterdir()] == ["multimesh"]
    flags = ("--post-renderer", "multimesh", ARGUMENT)
    done = a_helm4.template(CHART, "affirmed", *flags, HELM_PLUGINS=str(directory.parent))
    assert done.code == 0, done.err


def test_a_directory_gets_the_plugin_of_this_installation(a_helm4: Helm, installed: Path, tmp_path: Path) -> None:
    """It is written again where it is, and no other file is replaced."""
    program, directory = installed / "bin" / "multimesh", tmp_path / "plugins" / "multimesh"
    for _ in range(2):
        assert run(program, "plugin-dir", directory).code == 0
    assert yaml.safe_load((directory / "plugin.yaml").read_text())["version"] == multimesh.__version__
    flags = ("--post-renderer", "multimesh", ARGUMENT)
    done = a_helm4.template(CHART, "affirmed", *flags, HELM_PLUGINS=str(directory.parent), PATH="/usr/bin:/bin")
    assert done.code == 0, done.err
    assert by_key(done.out) == by_key(a_helm4.post_render(CHART, "affirmed").out)

    (directory / "postrender.py").write_text("mine\n", encoding="utf-8")
    refused = run(program, "plugin-dir", directory)
    assert (refused.code, refused.out) == (2, "")
    assert "exists already" in refused.err
    assert (directory / "postrender.py").read_text(encoding="utf-8") == "mine\n"


def test_the_plugin_of_a_checkout_is_the_checkout() -> None:
    """It needs no copy."""
    done = run(sys.executable, "-m", "multimesh", "plugin-dir", PYTHONPATH=str(ROOT))
    assert (done.code, done.out, done.err) == (0, f"{ROOT}\n", "")


# The post-renderer of Helm 3.


def test_helm_3_runs_the_console_script_with_the_word_render(a_helm3: Helm, installed: Path) -> None:
    """Helm 3 takes the name of a program on the PATH."""
    flags = ("--post-renderer", "multimesh", "--post-renderer-args=render", ARGUMENT)
    done = a_helm3.template(CHART, "affirmed", *flags, PATH=f"{installed}/bin:/usr/bin:/bin")
    assert done.code == 0, done.err
    assert done.out == a_helm3.post_render(CHART, "affirmed").out


def test_without_that_word_helm_3_shows_what_to_write(a_helm3: Helm, installed: Path) -> None:
    """Nothing is guessed from the other arguments."""
    flags = ("--post-renderer", "multimesh", ARGUMENT)
    done = a_helm3.template(CHART, "affirmed", *flags, PATH=f"{installed}/bin:/usr/bin:/bin")
    assert done.code == 1
    assert "--post-renderer multimesh --post-renderer-args=render --post-renderer-args=--profile=PATH" in done.err


# Tools that run a package without installing it.


@pytest.mark.parametrize(
    ("package", "command"),
    [("pipx", ("pipx", "run", "--spec")), ("uv", ("uvx", "--from"))],
    ids=["pipx", "uvx"],
)
def test_tools_run_the_wheel(wheel: Path, tmp_path: Path, package: str, command: tuple[str, ...]) -> None:
    """The console script has the name of the package."""
    tool = virtual_environment(tmp_path / package, package)
    homes = {"PIPX_HOME": str(tmp_path / "home"), "UV_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    homes |= {"UV_PYTHON": sys.executable, "PIPX_DEFAULT_PYTHON": sys.executable}
    stock = ROOT / "tests/golden/webhooks/input.yaml"
    words = ("multimesh", "render", "--profile", ROOT / "tests/golden/webhooks/profile.yaml", "-f", stock)
    done = run(tool / "bin" / command[0], *command[1:], wheel, *words, **homes)
    assert done.code == 0, done.err
    assert done.out == run(PROGRAM, *words[2:]).out

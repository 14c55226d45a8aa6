"""The program as one file: every command works in it, and needs no package but those in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import packages
import pytest
from helms import CHART, PROGRAM, ROOT, Helm, Ran, by_key
from pythons import bare_environment

import multimesh
from multimesh.cli import ABOUT, COMMANDS

AFFIRMED, BLUE = ROOT / "charts-values" / "affirmed", ROOT / "charts-values" / "blue"
STOCK = ROOT / "tests/golden/webhooks/input.yaml"
PROFILE = ROOT / "tests/golden/webhooks/profile.yaml"
#: What `verify` reads.
CLUSTER = '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}]}'

#: The arguments of every command, its exit code, and a part of its output.
CASES: dict[str, tuple[tuple[object, ...], int, str]] = {
    "render": (("--profile", PROFILE, "-f", STOCK), 0, "kind: "),
    "init": (("green", "charts-values/green"), 0, "written: charts-values/green/profile.yaml\n"),
    "diff": (("--profile", PROFILE, "-f", STOCK), 0, "@@"),
    "patches": (("--profile", PROFILE, "-f", STOCK), 0, "patch: |"),
    "values": (("--profile", AFFIRMED, "--chart", "istiod"), 0, "revision: affirmed\n"),
    "namespaces": (("--profile", AFFIRMED), 0, "istio-injection: enabled-affirmed\n"),
    "policies": (("--profile", AFFIRMED), 0, "kind: ValidatingAdmissionPolicy\n"),
    "check": (("--profile", AFFIRMED, "--profile", BLUE, "-o", "html"), 0, "<html"),
    "verify": (("--profile", AFFIRMED), 1, "istio-affirmed"),
    "explain": (("spec.nodePorts",), 0, "nodePorts"),
    "completion": (("zsh",), 0, "#compdef multimesh"),
    "help": (("values",), 0, "--chart"),
    "plugin-dir": (("multimesh",), 0, "written: multimesh/postrender.py\n"),
    "schema": ((), 0, '"$schema"'),
    "version": ((), 0, f"multimesh {multimesh.__version__}\n"),
}


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program as one file."""
    directory = packages.make(tmp_path_factory.mktemp("zipapp"), "--only", "zipapp")
    return directory / f"multimesh-{multimesh.__version__}.pyz"


def test_every_command_has_a_case() -> None:
    """A new command is tried in the zipapp too."""
    assert set(CASES) == {"render", *COMMANDS, *ABOUT}


def run(zipapp: Path, bare: Path, cwd: Path, *arguments: object) -> Ran:
    """Run the program under a Python without packages, in a directory."""
    done = subprocess.run(
        ["python3", str(zipapp), *map(str, arguments)],
        input=CLUSTER.encode(),
        capture_output=True,
        cwd=cwd,
        env=bare_environment(bare),
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("command", CASES)
def test_every_command_works(zipapp: Path, bare: Path, tmp_path: Path, command: str) -> None:
    """Templates, the schema and the manual are read from inside the archive."""
    arguments, code, part = CASES[command]
    done = run(zipapp, bare, tmp_path, command, *arguments)
    assert (done.code, done.err) == (code, "")
    assert part in done.out


def test_a_new_profile_names_no_file_inside_the_archive(zipapp: Path, bare: Path, tmp_path: Path) -> None:
    """An editor cannot read a schema that is in a zip archive."""
    assert run(zipapp, bare, tmp_path, "init", "green", "charts-values/green").code == 0
    text = (tmp_path / "charts-values/green/profile.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=https://multimesh.dev/profile.schema.json\n")


def test_it_gives_the_bytes_of_the_checkout(zipapp: Path, bare: Path, tmp_path: Path) -> None:
    """It is the same program."""
    done = run(zipapp, bare, tmp_path, "render", "--profile", PROFILE, "-f", STOCK)
    command = [PROGRAM, "--profile", PROFILE, "-f", STOCK]
    assert done.out.encode() == subprocess.run(command, capture_output=True, check=True).stdout


def test_its_plugin_renders_with_helm_4(zipapp: Path, bare: Path, a_helm4: Helm, tmp_path: Path) -> None:
    """The plugin that it writes starts it, by its absolute path."""
    assert run(zipapp, bare, tmp_path, "plugin-dir", "plugins/multimesh").code == 0
    flags = ("--post-renderer", "multimesh", f"--post-renderer-args=--profile={AFFIRMED}")
    environment = {"HELM_PLUGINS": str(tmp_path / "plugins"), **bare_environment(bare)}
    done = a_helm4.template(CHART, "affirmed", *flags, **environment)
    assert done.code == 0, done.err
    assert by_key(done.out) == by_key(a_helm4.post_render(CHART, "affirmed").out)
    flags = ("--post-renderer", "multimesh", "--post-renderer-args=--profile=nowhere")
    done = a_helm4.template(CHART, "affirmed", *flags, **environment)
    assert done.code == 1
    assert "cannot read the mesh profile" in done.err


def test_without_a_directory_its_plugin_is_refused(zipapp: Path, bare: Path, tmp_path: Path) -> None:
    """Helm cannot read a plugin that is in a zip archive; the message says what to write."""
    done = run(zipapp, bare, tmp_path, "plugin-dir")
    assert (done.code, done.out) == (2, "")
    assert "multimesh plugin-dir DIRECTORY" in done.err

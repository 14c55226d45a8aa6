"""`multimesh init`: the directory of a new mesh."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helms import CHART, PROGRAM, clean_environment, real_helm
from pages import MADE, ROOT

import multimesh.cli
from multimesh.commands import values as command
from multimesh.mesh.profile import load

MODERN = ["base.yaml", "gateway.yaml", "istiod.yaml"]

#: Stand-ins for the programs that the README names: what they are called with goes into a file, one line for each call.
RECORDS = '#!/bin/bash\n{{ printf "%q " {name} "$@"; echo; }} >> {log}\n'


def init(capsysbinary, *arguments):
    """Run the command; return its exit code, what it printed, and its message."""
    code = multimesh.cli.main(["init", *map(str, arguments)])
    captured = capsysbinary.readouterr()
    return code, captured.out.decode(), captured.err.decode()


def names(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def script(directory: Path, heading: str = "") -> str:
    """Return the commands of a README, or of the section of one heading, with all its subsections of the same rank."""
    text = (directory / "README.md").read_text()
    if heading:
        text = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", text))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MULTIMESH_") and name != "MULTIMESH_STREAMS"]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("owner", [False, True])
@pytest.mark.parametrize("istio", ["1.5", "1.6", "1.9", "1.11", "1.12", "1.19", "1.20", "1.24.6", "1.30", ""])
def test_a_directory_holds_a_valid_profile_and_the_values_of_every_chart(owner, istio, tmp_path, capsysbinary):
    """The values are those that `values` writes for the profile, and the README is there."""
    directory = tmp_path / "meshes" / "green"
    flags = [*(["--owner"] if owner else []), *(["--istio", istio] if istio else [])]
    code, out, err = init(capsysbinary, "green", "--workloads", "nginx-green, web", *flags, directory)
    assert (code, err) == (0, "")
    mesh = load((directory / "profile.yaml").read_text(), "profile.yaml")
    assert (mesh.name, mesh.namespace, mesh.owns_shared) == ("green", "istio-green", owner)
    assert mesh.workload_namespaces == ["nginx-green", "web"]
    minor = int((istio or "1.99").split(".")[1])
    charts = ["istio-1.5"] if minor == 5 else ["base", "istiod", "gateway"]
    charts += ["cni"] if owner and minor > 5 else []
    charts += ["ztunnel"] if owner and minor >= 20 else []
    assert names(directory) == sorted(["README.md", "profile.yaml", *(f"{chart}.yaml" for chart in charts)])
    for chart in charts:
        written = command.values(mesh, chart, command.version(istio, chart))
        assert (directory / f"{chart}.yaml").read_text() == written
    assert re.findall(r"(?m)^written: (.*)$", out) == [str(directory / name) for name in
                                                       ("profile.yaml", *(f"{chart}.yaml" for chart in charts), "README.md")]  # fmt: skip


def test_the_profile_names_the_schema_and_describes_its_keys(tmp_path, capsysbinary):
    """An editor finds the schema, and a reader what a key means."""
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0
    first, *lines = (tmp_path / "green/profile.yaml").read_text().splitlines()
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (tmp_path / "green" / schema).resolve() == ROOT / "multimesh/profile.schema.json"
    for number, line in enumerate(lines):
        if re.match(r"\s+(name|namespace|workloadNamespaces|sharedResources):", line):
            assert lines[number - 1].lstrip().startswith("# ")


def test_the_schema_is_relative_in_a_checkout(tmp_path):
    """The checkout may be anywhere, as for the profiles that it ships with."""
    copy = tmp_path / "code"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*MADE, "*.egg-info", "tests", "docs", "findings"))
    done = subprocess.run(
        [sys.executable, "-m", "multimesh", "init", "green", "charts-values/green"],
        cwd=copy, env=clean_environment() | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    text = (copy / "charts-values/green/profile.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../../multimesh/profile.schema.json\n")
    assert "--post-renderer ./postrender.py" in (copy / "charts-values/green/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "place", "what", "rule"),
    [
        (["blue", "--namespace", "istio-b"], 8, 'both profiles make the mesh name "blue"', "cluster-scoped-name"),
        (["green", "--namespace", "istio-blue"], 11, 'both profiles list the namespace "istio-blue"', "namespace-claimed-twice"),
        (["green", "--workloads", "nginx-blue"], 15, 'both profiles list the namespace "nginx-blue"', "namespace-claimed-twice"),
        (["green", "--owner"], 18, "both profiles say sharedResources: own", "two-owners"),
    ],
)  # fmt: skip
def test_what_conflicts_with_a_profile_beside_it_is_refused(arguments, place, what, rule, tmp_path, capsysbinary):
    """Nothing is written, and the message names the line of the other profile."""
    assert init(capsysbinary, "blue", "--owner", "--workloads", "nginx-blue", tmp_path / "blue")[0] == 0
    before = names(tmp_path)
    code, out, err = init(capsysbinary, *arguments, tmp_path / "green")
    assert (code, out) == (2, "")
    assert f"multimesh: {tmp_path}/blue/profile.yaml:{place}: {what} [{rule}]\n" in err
    assert names(tmp_path) == before
    assert not (tmp_path / "green").exists()


def test_the_conflict_of_two_others_is_not_in_the_way(tmp_path, capsysbinary):
    """Only what concerns the new mesh is refused; `check` reports the rest."""
    for name in ("blue", "red"):
        assert init(capsysbinary, name, tmp_path / name)[0] == 0
    red = tmp_path / "red/profile.yaml"
    red.write_text(red.read_text().replace("istio-red", "istio-blue"))
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0


def test_a_mesh_that_conflicts_with_itself_alone_is_not_compared(tmp_path, capsysbinary):
    """A profile that lies elsewhere is not beside the new one."""
    assert init(capsysbinary, "blue", "--owner", tmp_path / "one/blue")[0] == 0
    assert init(capsysbinary, "blue", "--owner", tmp_path / "two/blue")[0] == 0


def test_a_broken_profile_beside_it_is_an_error(tmp_path, capsysbinary):
    """What cannot be read cannot be compared."""
    (tmp_path / "blue").mkdir()
    (tmp_path / "blue/profile.yaml").write_text("kind: MeshProfile\n")
    code, _, err = init(capsysbinary, "green", tmp_path / "green")
    assert code == 2
    assert f"{tmp_path}/blue/profile.yaml:1" in err
    assert not (tmp_path / "green").exists()


@pytest.mark.parametrize("name", ["profile.yaml", "istiod.yaml", "README.md"])
@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_no_file_is_replaced(name, kind, tmp_path, capsysbinary):
    """Whatever is in the way, nothing else is written either."""
    directory = tmp_path / "green"
    directory.mkdir()
    path = directory / name
    if kind == "file":
        path.write_text("mine\n")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    code, out, err = init(capsysbinary, "green", directory)
    assert (code, out) == (2, "")
    assert err == (
        f"multimesh: {path}: exists already, and multimesh must not replace it\n"
        "  Nothing was written. Move it away, or name another directory.\n"
    )
    assert [item.name for item in directory.iterdir()] == [name]


def test_other_files_in_the_directory_stay(tmp_path, capsysbinary):
    """A directory may exist, with files of other names."""
    (tmp_path / "green").mkdir()
    (tmp_path / "green/notes.txt").write_text("mine\n")
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0
    assert names(tmp_path / "green") == sorted(["README.md", "notes.txt", "profile.yaml", *MODERN])
    assert (tmp_path / "green/notes.txt").read_text() == "mine\n"


def test_a_failure_while_writing_leaves_nothing(tmp_path, capsysbinary, monkeypatch):
    """The third file does not fit on the disk: no file and no directory remains."""
    from multimesh.commands import files

    made = []

    def mkstemp(**options):
        made.append(options)
        if len(made) == 3:
            raise OSError(28, "No space left on device", str(tmp_path / "meshes/green/.x"))
        return real(**options)

    real = files.tempfile.mkstemp
    monkeypatch.setattr(files.tempfile, "mkstemp", mkstemp)
    code, _, err = init(capsysbinary, "green", tmp_path / "meshes/green")
    assert code == 2
    assert "No space left on device" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Green", "{}"], 'MESH "Green" is not a mesh name'),
        (["green", "--namespace", "a_b", "{}"], '--namespace "a_b" is not a DNS label'),
        (["green", "--workloads", "a,b_c", "{}"], '--workloads "b_c" is not a DNS label'),
        (["green", "--istio", "soon", "{}"], '--istio is "soon", which is not a version'),
        (["1green", "{}"], 'MESH "1green" begins with a digit'),
        (["green", "{}/file"], "is not a directory"),
        (["green"], "the following arguments are required: DIRECTORY"),
    ],
)
def test_wrong_arguments_are_refused_by_the_name_of_the_argument(arguments, message, tmp_path, capsysbinary):
    """Not by the line of a file that does not exist."""
    (tmp_path / "file").write_text("")
    code, out, err = init(capsysbinary, *(word.format(tmp_path) for word in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert "profile.yaml:" not in err
    assert names(tmp_path) == ["file"]


def test_flags_have_their_twins_in_the_environment(tmp_path, capsysbinary, monkeypatch):
    """As those of all commands."""
    for name, value in (("NAMESPACE", "plane"), ("WORKLOADS", "a,b"), ("ISTIO", "1.5"), ("OWNER", "yes")):
        monkeypatch.setenv(f"MULTIMESH_{name}", value)
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0
    mesh = load((tmp_path / "green/profile.yaml").read_text(), "")
    assert (mesh.namespace, mesh.workload_namespaces, mesh.owns_shared) == ("plane", ["a", "b"], True)
    assert names(tmp_path / "green") == ["README.md", "istio-1.5.yaml", "profile.yaml"]


def test_a_name_that_yaml_reads_as_something_else_is_quoted(tmp_path, capsysbinary):
    """A namespace may be called null."""
    assert init(capsysbinary, "green", "--workloads", "null,1e3", tmp_path / "g")[0] == 0
    assert load((tmp_path / "g/profile.yaml").read_text(), "").workload_namespaces == ["null", "1e3"]


def test_the_first_mesh_without_an_owner_is_told_so(tmp_path, capsysbinary):
    """A cluster needs CRDs, and one mesh installs them."""
    assert "needs --owner" in init(capsysbinary, "blue", tmp_path / "blue")[1]
    assert "needs --owner" not in init(capsysbinary, "green", "--owner", tmp_path / "green")[1]
    assert "needs --owner" not in init(capsysbinary, "red", tmp_path / "red")[1]


# The README.


def recorded(directory: Path, text: str, **variables: str) -> list[list[str]]:
    """Run commands with stand-ins for every program, and return what was called."""
    log, programs = directory / "log", directory / "programs"
    programs.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    for name in ("helm", "kubectl", "multimesh"):
        (programs / name).write_text(RECORDS.format(name=name, log=log))
        (programs / name).chmod(0o755)
    environment = clean_environment() | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"} | variables
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=directory, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [shlex.split(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("owner", [False, True])
@pytest.mark.parametrize("istio", ["1.5", "1.6", "1.11", "1.12", "1.22", "1.24.6", "1.31"])
@pytest.mark.parametrize("major", [3, 4])
def test_every_command_of_the_readme_names_files_that_exist(major, istio, owner, tmp_path, capsysbinary, monkeypatch):
    """Each chart that has values is installed with them, into the namespace of the mesh, through the post-renderer."""
    monkeypatch.chdir(tmp_path)
    directory = Path("my meshes/green")
    flags = ["--owner"] if owner else []
    assert init(capsysbinary, "green", "--istio", istio, *flags, directory)[0] == 0
    text = script(directory, f"Install with Helm {major}")
    installs = [call for call in recorded(tmp_path, text, CHARTS="charts") if call[0] == "helm"]
    given = []
    for call in installs:
        assert call[1] == "install"
        assert call[call.index("-n") + 1] == "istio-green"
        given += [call[at + 1] for at, word in enumerate(call) if word == "-f"]
        assert "--post-renderer-args=--profile=my meshes/green" in " ".join(call)
    own = [path for path in given if not path.startswith("charts/")]
    assert sorted(own) == sorted(
        f"{directory}/{name}" for name in names(directory) if name not in ("profile.yaml", "README.md")
    )
    base = [call for call in installs if call[2].startswith("istio-base")]
    minor = int(istio.split(".")[1])
    assert ["--skip-crds" in call for call in base] == ([] if minor == 5 else [minor < 24 and not owner])
    assert any(call[2] == "istio-init-green" for call in installs) == (owner and minor == 5)
    versions = {call[call.index("--version") + 1] for call in installs if "--version" in call}
    assert versions == (set() if minor < 12 else {"1.24.6"} if istio == "1.24.6" else {f"~{istio}.0"})
    assert [path for path in given if path.startswith("charts/")] == ["charts/global.yaml"] * (2 * (minor == 6))


def test_the_other_commands_of_the_readme_are_commands_of_multimesh(tmp_path, capsysbinary, monkeypatch):
    """Each one parses, and names the profiles that are there."""
    monkeypatch.chdir(tmp_path)
    for name, flags in (("blue", ["--owner"]), ("green", [])):
        assert init(capsysbinary, name, *flags, f"meshes/{name}")[0] == 0
    text = (tmp_path / "meshes/green/README.md").read_text()
    inline = re.search(r"`(multimesh values .*?)`", text)
    assert inline is not None
    parser = multimesh.cli.parser()
    calls = [
        call[1:] for call in recorded(tmp_path, script(tmp_path / "meshes/green") + inline[1]) if call[0] == "multimesh"
    ]
    assert [call[0] for call in calls] == ["check", "namespaces", "policies", "namespaces", "verify", "values"]
    for call in calls:
        parser.parse_args(call)
    assert calls[0] == ["check", "--profile", "meshes/blue", "--profile", "meshes/green", "--cluster"]


@pytest.mark.parametrize("major", [3, 4])
def test_two_meshes_from_nothing_are_rendered_and_sound(major, tmp_path):
    """`init` twice, then the commands of both READMEs with a real Helm and the example chart: nothing is shared."""
    helm = real_helm(major, tmp_path / "helm").binary
    copy = tmp_path / "code" / "multimesh"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*MADE, "*.egg-info"))
    programs = tmp_path / "programs"
    programs.mkdir()
    charts = tmp_path / "charts"
    (charts / "istio-init").mkdir(parents=True)
    (charts / "istio-init/Chart.yaml").write_text("apiVersion: v2\nname: istio-init\nversion: 1.5.0\n")
    (charts / "istio").symlink_to(CHART)
    # Without a cluster, what would be installed is rendered.
    (programs / "helm").write_text(
        f'#!/bin/bash\nset -eu\nname=$2\nshift\n[[ $name = istio-init* ]] || {helm} template "$@" > {tmp_path}/$name.yaml\n'
    )
    (programs / "kubectl").write_text("#!/bin/sh\n")
    (programs / "multimesh").write_text(f'#!/bin/sh\nPYTHONPATH={copy} exec {sys.executable} -m multimesh "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    environment = clean_environment() | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "CHARTS": str(charts),
        **{f"HELM_{what}_HOME": str(tmp_path / what.lower()) for what in ("CACHE", "CONFIG", "DATA")},
        **({"HELM_PLUGINS": str(copy.parent)} if major == 4 else {}),
    }

    def run(text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("multimesh init green --istio 1.5 --owner --workloads web-green new/green")
    run("multimesh init red --istio 1.5 --workloads web-red new/red")
    for name in ("green", "red"):
        run(script(copy / "new" / name, f"Install with Helm {major}"))
    out = run(
        f"multimesh check {tmp_path}/istio-green.yaml {tmp_path}/istio-red.yaml --profile new/green --profile new/red"
    )
    assert out.startswith("2 meshes"), out
    assert "istio-red-sidecar-injector" in (tmp_path / "istio-red.yaml").read_text()


def test_the_program_for_helm_3_exists():
    """What the README of a mesh in the checkout names."""
    assert PROGRAM.name == "postrender.py"
    assert yaml.safe_load((ROOT / "plugin.yaml").read_text())["name"] == "multimesh"

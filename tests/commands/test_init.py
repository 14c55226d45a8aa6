"""`multimesh init`: the directory of a new mesh."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import fake_kubectl
import pytest
import yaml
from argocd import environment as of_argo_cd
from helms import CHART, PROGRAM, clean_environment, real_helm
from pages import MADE, ROOT
from program import profile

import multimesh.cli
from multimesh.commands import values as command
from multimesh.commands.init import _schema_from
from multimesh.mesh.profile import load
from multimesh.mesh.schema import ID

MODERN = ["base.yaml", "gateway.yaml", "istiod.yaml"]

#: Stand-ins for the programs that the README names: what they are called with goes into a file, one line for each call.
# One write for each call: the two programs of a pipe run at the same time.
RECORDS = '#!/bin/bash\nprintf "%s\\n" "$(printf "%q " {name} "$@")" >> {log}\n'


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
    """An editor finds the schema, on every machine, and a reader what a key means."""
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0
    first, *lines = (tmp_path / "green/profile.yaml").read_text().splitlines()
    assert first == f"# yaml-language-server: $schema={ID}"
    for number, line in enumerate(lines):
        if re.match(r"\s+(name|namespace|workloadNamespaces|sharedResources):", line):
            assert lines[number - 1].lstrip().startswith("# ")


@pytest.mark.parametrize(
    ("checkout", "repository", "directory", "schema"),
    [
        ("code", "code", "code/charts-values/green", "../../multimesh/profile.schema.json"),
        ("app/tools/multimesh", "app", "app/meshes/green", "../../tools/multimesh/multimesh/profile.schema.json"),
        ("code", "app", "app/meshes/green", ID),
        ("code", "", "meshes/green", ID),
        ("app/code", "app/meshes", "app/meshes/green", ID),
    ],
    ids=["inside", "submodule", "another", "none", "inner"],
)
def test_the_schema_is_a_path_where_every_machine_has_it_there(
    checkout, repository, directory, schema, tmp_path, monkeypatch
):
    for path in (tmp_path / checkout, *filter(None, [repository and tmp_path / repository])):
        (path / ".git").mkdir(parents=True, exist_ok=True)
    (tmp_path / checkout / "postrender.py").touch()
    for module in ("engines", "init"):
        monkeypatch.setattr(f"multimesh.commands.{module}.ROOT", tmp_path / checkout)
    assert _schema_from(tmp_path / directory) == schema


def test_an_installed_package_in_a_repository_is_not_one_of_its_files(tmp_path, monkeypatch):
    """The directory .venv is in the repository, and differs between machines."""
    (tmp_path / ".git").mkdir()
    for module in ("engines", "init"):
        monkeypatch.setattr(f"multimesh.commands.{module}.ROOT", tmp_path / ".venv/lib/python3.12/site-packages")
    assert _schema_from(tmp_path / "meshes/green") == ID


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


def test_the_hint_about_a_name_names_a_page(tmp_path, capsysbinary):
    """`multimesh explain MESH` has none."""
    code, _, err = init(capsysbinary, "Green", tmp_path / "green")
    assert code == 2
    assert "multimesh explain metadata.name\n" in err


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


# What engines want.


def test_an_engine_gets_files_that_name_the_releases_of_the_readme(tmp_path, capsysbinary, monkeypatch):
    """The same releases, charts, versions and values, and all values are files that are there."""
    monkeypatch.chdir(tmp_path)
    flags = ["--helmfile", "--argocd", "--flux", "--terraform", "--istio", "1.30.3"]
    assert init(capsysbinary, "green", *flags, "m/green")[0] == 0
    directory = tmp_path / "m/green"
    text = script(directory, "Install with Helm 4")
    wanted = {
        (call[2], call[3].removeprefix("istio/"), call[call.index("--version") + 1], Path(call[call.index("-f") + 1]).name)
        for call in recorded(tmp_path, text)
        if call[0] == "helm"
    }  # fmt: skip
    helmfile = yaml.safe_load((directory / "helmfile.yaml").read_text())["releases"]
    assert {
        (one["name"], one["chart"].removeprefix("istio/"), one["version"], *one["values"]) for one in helmfile
    } == wanted
    argocd = list(yaml.safe_load_all((directory / "argocd.yaml").read_text()))
    given = [
        {one["name"]: one.get("string", one.get("array")) for one in item["spec"]["source"]["plugin"]["parameters"]}
        for item in argocd
    ]
    assert {
        (item["metadata"]["name"], one["chart"], one["chart-version"], *one["values"])
        for item, one in zip(argocd, given, strict=True)
    } == wanted
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    files = {one["name"]: one["files"][0].partition("=")[2] for one in kustomization["configMapGenerator"]}
    flux = list(yaml.safe_load_all((directory / "flux.yaml").read_text()))[1:]
    charts = [one["spec"]["chart"]["spec"] for one in flux]
    assert {
        (one["metadata"]["name"], chart["chart"], chart["version"], files[one["spec"]["valuesFrom"][0]["name"]])
        for one, chart in zip(flux, charts, strict=True)
    } == wanted
    terraform = (directory / "main.tf").read_text()
    found = [re.findall(rf'(?m)^  {key} += "?(.*?)"?$', terraform) for key in ("name", "chart", "version", "values")]
    found[3] = [re.sub(r".*/(.*)\"\)\]", r"\1", item) for item in found[3]]
    assert set(zip(*found, strict=True)) == wanted


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--helmfile", "--istio", "1.11"], "--helmfile needs a repository of charts, and those of Istio 1.11 are in none"),
        (["--argocd", "--istio", "1.5"], "--argocd needs a repository of charts, and those of Istio 1.5 are in none"),
        (["--flux", "--istio", "1.30"], "--flux needs the exact version of the charts\n  Name it: --istio 1.30.0"),
        (["--terraform"], "--terraform needs the exact version of the charts"),
    ],
)  # fmt: skip
def test_an_engine_that_cannot_install_the_charts_is_refused(flags, message, tmp_path, capsysbinary):
    """Nothing is written."""
    code, out, err = init(capsysbinary, "green", *flags, tmp_path / "green")
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "green").exists()


@pytest.mark.parametrize(
    ("istio", "owner", "skips"), [("1.23", False, True), ("1.23", True, False), ("1.24", False, False)]
)
def test_engines_skip_the_crds_of_another_mesh_where_they_are_in_a_directory(
    istio, owner, skips, tmp_path, capsysbinary
):
    """As the README does with --skip-crds."""
    flags = [
        "--helmfile",
        "--argocd",
        "--flux",
        "--terraform",
        "--istio",
        f"{istio}.1",
        *(["--owner"] if owner else []),
    ]
    assert init(capsysbinary, "green", *flags, tmp_path / "green")[0] == 0
    text = {path.name: path.read_text() for path in (tmp_path / "green").iterdir()}
    assert ("--skip-crds" in text["README.md"]) == skips
    assert ("skipCRDs: true" in text["helmfile.yaml"]) == skips
    assert ("skip_crds = true" in text["main.tf"]) == skips
    assert ("crds: Skip" in text["flux.yaml"]) == skips
    assert ("name: crds" in text["argocd.yaml"]) == ("--include-crds" in text["README.md"]) == owner


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on the PATH")
def test_terraform_reads_its_file(tmp_path, capsysbinary):
    """`terraform fmt` parses it, and would change nothing."""
    assert init(capsysbinary, "a-b", "--terraform", "--istio", "1.23.1", tmp_path / "m/a-b")[0] == 0
    command = ["terraform", "fmt", "-check", "-diff", str(tmp_path / "m/a-b/main.tf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def world(tmp_path):
    """Return an environment with a helm that knows the repository `istio`, and a multimesh; and their directory."""

    def make(major: int) -> tuple[Path, dict[str, str]]:
        (tmp_path / "helm").mkdir()
        helm = real_helm(major, tmp_path / "helm")
        programs = tmp_path / "programs"
        programs.mkdir()
        # The charts of the repository are models; only Helm can tell a release from a version.
        (programs / "helm").write_text(
            '#!/bin/bash\nwords=()\nfor word in "$@"; do\n'
            f'  [ "$word" = --version ] || words+=("${{word/#istio\\//{tmp_path}/charts/}}")\ndone\n'
            f'words=("${{words[@]/#1.30.3/--debug=false}}")\nexec {helm.binary} "${{words[@]}}"\n'
        )
        (programs / "multimesh").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m multimesh "$@"\n')
        for program in programs.iterdir():
            program.chmod(0o755)
        for chart in ("base", "istiod", "gateway"):
            shutil.copytree(ROOT / "examples/stock-istiod", tmp_path / "charts" / chart)
            templates = tmp_path / "charts" / chart / "templates"
            for template in templates.glob("*.yaml"):
                if template.stem != chart:
                    template.unlink()
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return tmp_path, clean_environment() | helm.homes() | helm.plugins() | {"PATH": path}

    return make


def test_the_post_renderers_of_flux_are_those_of_render(world):
    """The commands of the README, kustomize itself, and the post-renderer of Flux, which also reads every key."""
    import kustomizes

    directory, environment = world(3)
    binary = kustomizes.program(kustomizes.KUSTOMIZE, "sigs.k8s.io/kustomize/kustomize/v5", "kustomize")

    def run(text: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=directory, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("multimesh init green --istio 1.30.3 --flux green")
    assert subprocess.run([binary, "build", "green"], cwd=directory, capture_output=True, check=False).returncode != 0
    run(next(block for block in re.findall(r"(?ms)^```sh\n(.*?)^```$", (directory / "green/README.md").read_text())
             if "--helmrelease" in block))  # fmt: skip
    built = list(yaml.safe_load_all(run(f"{binary} build green")))
    maps = {one["metadata"]["name"]: one["data"]["values.yaml"] for one in built if one["kind"] == "ConfigMap"}
    assert maps["istiod-green-values"] == (directory / "green/istiod.yaml").read_text()
    for release in (one for one in built if one["kind"] == "HelmRelease"):
        name, chart = release["metadata"]["name"], release["spec"]["chart"]["spec"]["chart"]
        stock = run(f"helm template {name} istio/{chart} -n istio-green -f green/{chart}.yaml")
        (directory / "stock.yaml").write_text(stock)
        ran = kustomizes.flux(stock, yaml.safe_dump(release["spec"]))
        assert ran.code == 0, ran.err
        wanted = run("multimesh render --profile green -f stock.yaml")
        assert objects(ran.out) == objects(wanted)


def objects(text: str) -> list[object]:
    """Return the objects of a stream, in one order."""
    return sorted((one for one in yaml.safe_load_all(text) if one), key=str)


@pytest.mark.parametrize("major", [3, 4])
def test_the_plugin_of_argo_cd_renders_an_application(major, world):
    """The script of the plugin, in the directory of the mesh, with the variables of each Application."""
    directory, environment = world(major)
    start = [str(directory / "programs/multimesh"), "init", "green", "--istio", "1.30.3", "--argocd", "green"]
    subprocess.run(start, cwd=directory, env=environment, capture_output=True, check=True)
    for item in list(yaml.safe_load_all((directory / "green/argocd.yaml").read_text())):
        source = item["spec"]["source"]
        assert source["path"] == "green"
        given = {one["name"]: one.get("string", one.get("array")) for one in source["plugin"]["parameters"]}
        # A repository of charts needs a network: the model of the chart is a directory.
        assert given.pop("repository").startswith("https://")
        given["chart"] = f"istio/{given['chart']}"
        application = {"name": item["metadata"]["name"], "namespace": "istio-green"}
        done = subprocess.run(
            ["sh", ROOT / "examples/argocd/multimesh-argocd"],
            cwd=directory / "green", env=environment | of_argo_cd(application, given), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert objects(done.stdout)


# --from-cluster.


def crd(name: str, namespace: str) -> dict:
    """Return a CRD of a Helm release in a namespace."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "annotations": {
            "meta.helm.sh/release-name": "istio-base", "meta.helm.sh/release-namespace": namespace}},
        "spec": {"group": "networking.istio.io", "names": {"kind": "Sidecar"}, "scope": "Namespaced",
                 "versions": [{"name": "v1"}]},
    }  # fmt: skip


def plane(namespace: str, revision: str, image: str) -> dict:
    """Return a running control plane."""
    container = {"name": "discovery", "image": image, "env": [{"name": "REVISION", "value": revision}]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": f"istiod-{revision}", "namespace": namespace, "labels": {"istio.io/rev": revision}},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }  # fmt: skip


def space(name: str, **labels: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    """Return a function that makes a cluster of these objects the one that kubectl reads."""

    def make(*objects_: dict, grants: set | None = None) -> fake_kubectl.Kubectl:
        found = fake_kubectl.install(tmp_path / "kubectl", list(objects_), grants)
        monkeypatch.setenv("PATH", f"{found.directory}{os.pathsep}{os.environ['PATH']}")
        return found

    return make


BLUE = (
    space("istio-blue", **{"multimesh.dev/mesh": "blue"}),
    space("web-blue", **{"multimesh.dev/mesh": "blue", "istio-injection": "enabled-blue"}),
    plane("istio-blue", "blue", "docker.io/istio/pilot:1.24.6"),
    crd("sidecars.networking.istio.io", "istio-blue"),
)


def test_an_empty_cluster_makes_the_first_mesh_the_owner(tmp_path, capsysbinary, kubectl):
    """Nobody has the CRDs, and no control plane says a version."""
    kubectl(space("default"))
    code, out, err = init(capsysbinary, "green", "--from-cluster", tmp_path / "m/green")
    assert (code, err) == (0, "")
    assert out.startswith(
        "found: no control plane of Istio\nfound: no CRDs of Istio\ntaken: --owner: the cluster has no CRDs of Istio\n"
    )
    assert load((tmp_path / "m/green/profile.yaml").read_text(), "").owns_shared
    assert "Istio 1.31" in (tmp_path / "m/green/README.md").read_text()


def test_a_second_mesh_takes_the_version_of_the_owner(tmp_path, capsysbinary, kubectl):
    """It leaves the CRDs to the mesh that has them, and is not newer than they are."""
    seen = kubectl(*BLUE, plane("istio-red", "red", "docker.io/istio/pilot:1.30.3"))
    code, out, err = init(
        capsysbinary, "green", "--from-cluster", "--context", "prod", "--kubeconfig", "k", tmp_path / "m/green"
    )
    assert (code, err) == (0, "")
    assert 'found: mesh blue in "istio-blue", revision "blue", Istio 1.24\n' in out
    assert 'found: 1 CRDs of Istio, of the Helm release istio-base in "istio-blue"\n' in out
    assert "taken: --istio 1.24: the mesh that has the CRDs\n" in out
    assert "needs --owner" not in out
    assert not load((tmp_path / "m/green/profile.yaml").read_text(), "").owns_shared
    assert "Istio 1.24" in (tmp_path / "m/green/README.md").read_text()
    assert all(call[:4] == ["--kubeconfig", "k", "--context", "prod"] for call in seen.calls)


def test_what_is_given_is_not_taken(tmp_path, capsysbinary, kubectl):
    """A flag decides, and no line says that something was taken."""
    kubectl(*BLUE)
    code, out, _ = init(capsysbinary, "green", "--from-cluster", "--istio", "1.22", tmp_path / "m/green")
    assert (code, "taken:" in out) == (0, False)
    assert "Istio 1.22" in (tmp_path / "m/green/README.md").read_text()


def test_a_running_mesh_is_described(tmp_path, capsysbinary, kubectl):
    """Its revisions, namespaces and CRDs become keys of the profile, and it conflicts with nothing."""
    labels = {"istio.io/rev": "1-24"}
    kubectl(
        space("istio-system"), space("shop", **labels), space("bank", **labels), space("other"),
        plane("istio-system", "1-24", "docker.io/istio/pilot:1.24.6"),
        crd("sidecars.networking.istio.io", "istio-system"),
    )  # fmt: skip
    code, out, err = init(capsysbinary, "green", "--namespace", "istio-system", "--from-cluster", tmp_path / "m/green")
    assert (code, err) == (0, ""), out
    mesh = load((tmp_path / "m/green/profile.yaml").read_text(), "")
    assert (mesh.revision, mesh.workload_namespaces, mesh.owns_shared) == ("1-24", ["shop", "bank"], True)
    assert "taken: --owner: its releases have the CRDs\n" in out


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (["--owner"], "two-owners"),
        (["--workloads", "istio-blue"], "namespace-claimed-twice"),
        (["--workloads", "web-blue"], "namespace-claimed-twice"),
    ],
)
def test_what_conflicts_with_the_cluster_is_refused(flags, rule, tmp_path, capsysbinary, kubectl):
    """The message names the object that lives there, and nothing is written."""
    kubectl(*BLUE)
    code, out, err = init(capsysbinary, "green", "--from-cluster", *flags, tmp_path / "m/green")
    assert (code, out) == (2, "")
    assert f"[{rule}]" in err
    assert "multimesh: cluster: " in err
    assert not (tmp_path / "m/green").exists()


def test_a_taken_revision_is_refused(tmp_path, capsysbinary, kubectl):
    """A control plane elsewhere has the revision that is the name of the new mesh."""
    kubectl(*BLUE, plane("elsewhere", "green", "docker.io/istio/pilot:1.24.6"))
    code, _, err = init(capsysbinary, "green", "--from-cluster", tmp_path / "m/green")
    assert code == 2
    assert "[shared-revision]" in err


def test_what_cannot_be_read_stays_an_open_question(tmp_path, capsysbinary, kubectl):
    """Without the right to list CRDs, nothing is said about their owner, and this mesh does not become it."""
    kubectl(*BLUE[:3], grants={
        fake_kubectl.Grant("list", "", "namespaces"), fake_kubectl.Grant("list", "apps", "deployments"),
    })  # fmt: skip
    code, out, err = init(capsysbinary, "green", "--from-cluster", tmp_path / "m/green")
    assert (code, err) == (0, "")
    assert "no CRDs of Istio" not in out
    assert re.search(r"(?m)^open: customresourcedefinitions could not be read: .*$", out)
    assert not load((tmp_path / "m/green/profile.yaml").read_text(), "").owns_shared


@pytest.mark.parametrize(
    ("in_cluster", "beside", "example"),
    [
        ([], {}, "{http2: 32380, https: 32390}"),
        ([32380, 32391], {}, "{http2: 32381, https: 32390}"),
        ([], {"http2": 32380, "https": 32390}, "{http2: 32381, https: 32391}"),
        (range(32380, 32390), {"http2": 32391}, "{http2: 32390, https: 32392}"),
    ],
)
def test_the_example_of_node_ports_has_free_ones(in_cluster, beside, example, tmp_path, capsysbinary, kubectl):
    """Who removes the # gets ports that no Service of the cluster has and no profile beside it asks for."""
    ports = [{"port": number, "nodePort": number} for number in in_cluster]
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "edge", "namespace": "other"},
        "spec": {"type": "NodePort", "ports": ports},
    }  # fmt: skip
    kubectl(space("other"), service)
    if beside:
        (tmp_path / "m/red").mkdir(parents=True)
        (tmp_path / "m/red/profile.yaml").write_text(profile("red", "istio-red", (), nodePorts=beside))
    code, _, err = init(capsysbinary, "green", "--from-cluster", "--istio", "1.5", tmp_path / "m/green")
    assert (code, err) == (0, "")
    assert f"\n  # nodePorts: {example}\n" in (tmp_path / "m/green/profile.yaml").read_text()


# The README has the commands of the Helm that is installed.


@pytest.mark.parametrize(
    ("printed", "headings"),
    [("v3.17.2", [3]), ("v4.1.4", [4]), ("v2.16.0", [4, 3]), ("", [4, 3])],
)
def test_the_readme_is_for_the_helm_that_is_installed(printed, headings, tmp_path, capsysbinary, monkeypatch):
    """For both where none is, or one that is too old."""
    (tmp_path / "bin").mkdir()
    helm = tmp_path / "bin/helm"
    helm.write_text(f"#!/bin/sh\necho {printed}\n" if printed else "#!/bin/sh\nexit 1\n")
    helm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    assert init(capsysbinary, "green", tmp_path / "green")[0] == 0
    text = (tmp_path / "green/README.md").read_text()
    assert [int(major) for major in re.findall(r"(?m)^## Install with Helm (\d)$", text)] == headings
    assert ("Helm 3 uses" in text) == (3 in headings)
    assert ("--post-renderer-args=--upgrade" in text) == (4 in headings)

"""Paths of flags and arguments: each is looked at before anything is concluded, whatever the input needs of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from program import profile, render, run

from multimesh.cli import OTHERS, PATHS, main, parser
from multimesh.commands.flags import commands_of
from multimesh.errors import MultimeshError
from multimesh.kubernetes.crds import require_readable, scopes_in_files

#: No rule of this stream asks for a CRD.
STREAM = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"

CRD = (
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"
    "spec: {group: example.com, scope: Cluster, names: {kind: A}}\n"
)


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    path = tmp_path / "profile.yaml"
    path.write_text(profile("blue", "istio-blue"))
    return path


# --- CRDs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["render", "diff", "patches"])
@pytest.mark.parametrize("how", ["flag", "second", "variable", "profile"])
def test_crds_that_are_not_there_are_refused_though_no_kind_needs_them(
    name: str, how: str, mesh: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag with a mistake would lie dormant until a chart has an unknown kind."""
    (tmp_path / "there.yaml").write_text(CRD)
    (tmp_path / "stock.yaml").write_bytes(STREAM)
    args = {"flag": ["--crds=gone"], "second": ["--crds", "there.yaml", "--crds", "gone"]}.get(how, [])
    if how == "variable":
        monkeypatch.setenv("MULTIMESH_CRDS", f"there.yaml{os.pathsep}gone")
    if how == "profile":
        mesh.write_text(profile("blue", "istio-blue", crds=["gone"]))
    monkeypatch.chdir(tmp_path)
    assert main([name, "--profile", str(mesh), "-f", "stock.yaml", *args]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"multimesh: {tmp_path / 'gone'}: cannot read CRDs: No such file or directory",
        "  --crds and spec.crds name files or directories; a path in a profile is relative to the profile.",
    ]


def test_crds_that_can_be_read_are_accepted(mesh: Path, tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "one.yaml").write_text(CRD)
    result = run(STREAM, f"--profile={mesh}", f"--crds={tmp_path / 'crds'}")
    assert (result.code, result.out, result.err) == (0, STREAM, "")


def test_a_directory_below_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its CRDs would be missing without a word. root, who may run the tests, may read everything."""
    inner = tmp_path / "inner"
    inner.mkdir()
    listing = os.scandir

    def scandir(path: str) -> object:
        if path == str(inner):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(MultimeshError) as raised:
        require_readable([str(tmp_path)])
    assert (raised.value.where, raised.value.what) == (str(inner), "cannot read CRDs: Permission denied")
    assert "'ls -l' shows the permissions" in raised.value.hint


def test_a_link_to_nothing_among_crds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    with pytest.raises(MultimeshError) as raised:
        require_readable([str(tmp_path)])
    assert raised.value.where == str(tmp_path / "gone.yaml")


def test_links_to_directories_of_crds_are_followed_once(tmp_path: Path) -> None:
    """The files of a mounted ConfigMap are reached through such links."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "one.yaml").write_text(CRD)
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "named" / "circle").symlink_to(tmp_path / "named")
    assert scopes_in_files([str(tmp_path / "named")]) == {("example.com", "A"): "Cluster"}


def test_crds_in_a_pipe_are_opened_once(tmp_path: Path) -> None:
    """The shell gives `--crds <(kubectl get crds -o yaml)` as a pipe, whose end it would notice."""
    os.mkfifo(tmp_path / "pipe")
    require_readable([str(tmp_path / "pipe")])


# --- empty paths ---------------------------------------------------------------------------------


def paths() -> list[tuple[str, str]]:
    """Return the command and the flag, or the name of the argument, of everything that must not be empty."""
    return [
        (name, action.option_strings[-1] if action.option_strings else "")
        for name, of_command in commands_of(parser()).items()
        for action in of_command._actions
        if action.metavar in (*PATHS, *OTHERS)
    ]


def test_every_value_that_must_not_be_empty_is_known() -> None:
    found = paths()
    assert {("verify", "--file"), ("check", ""), ("check", "--previous"), ("init", ""), ("plugin-dir", "")} <= {*found}
    assert {("check", "--crds"), ("explain", "--profile"), ("values", "--output-dir")} <= {*found}
    assert {("verify", "--context"), ("diff", "--release"), ("diff", "--namespace"), ("policies", "--only")} <= {*found}


@pytest.mark.parametrize(
    ("name", "flag", "form"),
    [(*path, form) for path in paths() for form in ("word", "equals") if form == "word" or path[1]],
)
def test_an_empty_value_is_a_usage_error(
    name: str, flag: str, form: str, mesh: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a variable of a shell that is not set: the live cluster or this directory would be taken instead."""
    monkeypatch.setattr("multimesh.check.sources.kubectl.get", None)
    monkeypatch.setattr("multimesh.commands.files.write_files", None)
    words = {"init": ["red"], "explain": ["namespace", "web"]}.get(name, [])
    words += ["somewhere"] if name == "init" and flag else []
    others = ["--profile", str(mesh)] if flag != "--profile" and name not in ("init", "plugin-dir") else []
    empty = [""] if not flag else [f"{flag}="] if form == "equals" else [flag, ""]
    assert main([name, *words, *empty, *others]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"multimesh: (--[a-z-]+|FILE|DIRECTORY) is empty\n"
        r"  Give it a (path|value)(, or leave it out)?. A variable of a shell that is not set is empty.\n",
        err,
    )


@pytest.mark.parametrize("flag", ["--profile", "--crds", "--report", "--file"])
@pytest.mark.parametrize("form", ["word", "equals"])
def test_an_empty_path_of_render_is_a_usage_error(flag: str, form: str, mesh: Path) -> None:
    """An empty --report would write none, and an empty --file would read stdin."""
    others = [f"--profile={mesh}"] if flag != "--profile" else []
    result = run(STREAM, *others, *([f"{flag}="] if form == "equals" else [flag, ""]))
    assert (result.code, result.out) == (2, b"")
    assert result.err == (
        f"multimesh: {flag} is empty\n"
        "  Give it a path, or leave it out. A variable of a shell that is not set is empty.\n"
    )


def test_the_report_cannot_go_where_the_manifest_goes(
    mesh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(STREAM, "--profile", str(mesh), "--report=-")
    assert (result.code, result.out) == (2, b"")
    assert result.err == "multimesh: --report is -, and the manifest is on stdout\n  Name a file, or /dev/stderr.\n"
    assert not (tmp_path / "-").exists()


def test_an_empty_path_among_others_is_a_usage_error(mesh: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["check", str(mesh), "", "--profile", str(mesh)],
        ["check", str(mesh), "--profile", str(mesh), ""],
        ["check", "--profile", str(mesh), "--profile", ""],
        ["explain", "namespace", "web", "--profile", str(mesh), ""],
        ["check", "--profile", str(mesh), "--crds", str(mesh), "--crds="],
    ):
        assert main(arguments) == 2
        assert " is empty\n" in capfd.readouterr().err


def test_an_empty_variable_is_an_absent_flag(mesh: Path) -> None:
    variables = dict.fromkeys(("MULTIMESH_CRDS", "MULTIMESH_REPORT", "MULTIMESH_FILE"), "")
    result = run(STREAM, MULTIMESH_PROFILE=str(mesh), **variables)
    assert (result.code, result.out, result.err) == (0, STREAM, "")


def test_an_empty_path_in_a_profile_is_refused() -> None:
    """It would be the directory of the profile itself."""
    result = render(STREAM, profile("blue", "istio-blue", crds=[""]))
    assert (result.code, result.out) == (2, b"")
    assert 'spec.crds[0] "" is empty' in result.err

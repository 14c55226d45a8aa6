"""Paths of flags and arguments: each is looked at before anything is concluded, whatever the input needs of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from program import profile, run

from multimesh.cli import main
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
    """A ConfigMap that is mounted holds its files behind such links."""
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

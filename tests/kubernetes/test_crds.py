"""The scope that CRDs give to their kinds, in a stream and in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from multimesh.errors import MultimeshError
from multimesh.kubernetes.crds import paths_of, scopes_in, scopes_in_files


def crd(kind: str, scope: str = "Cluster", group: str = "example.com") -> str:
    line = f"  scope: {scope}\n" if scope else ""
    return (
        f"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: x\n"
        f"spec:\n  group: {group}\n{line}  names: {{kind: {kind}}}\n"
    )


def test_every_crd_of_a_stream_gives_a_scope() -> None:
    stream = f"# a\n{crd('A')}---\nkind: ConfigMap\n{crd('B', 'Namespaced')}{crd('C', '')}".encode()
    expected = {("example.com", "A"): "Cluster", ("example.com", "B"): "Namespaced", ("example.com", "C"): "Namespaced"}
    assert scopes_in(stream) == scopes_in(stream.replace(b"\n", b"\r\n")) == expected
    assert scopes_in(stream, "A")["example.com", "A"] == "Cluster"
    assert scopes_in(stream, "Z") == {}


def test_what_is_not_yaml_is_skipped() -> None:
    broken = crd("A").replace("names: {", "names: {{ ")
    assert scopes_in((broken + crd("B")).encode()) == {("example.com", "B"): "Cluster"}
    assert scopes_in(b"\xef\xbb\xbf--- # a" + crd("B")[3:].encode()) == {("example.com", "B"): "Cluster"}


def test_a_named_file_that_is_not_yaml_is_an_error_with_its_line(tmp_path: Path) -> None:
    """The refusal of the kind would advise to name the CRD, which the user has done."""
    file = tmp_path / "crds.yaml"
    file.write_text(crd("A") + crd("B").replace("}\n", "}}\n"))
    with pytest.raises(MultimeshError) as raised:
        scopes_in_files([str(file)], "B")
    assert raised.value.where == f"{file}:18"
    assert raised.value.what.startswith("not YAML: ")
    assert scopes_in_files([str(tmp_path)], "B") == {}, "a directory may hold the templates of a chart"


def test_a_named_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    """It holds no CRD that could be read, and the name was a mistake."""
    file = tmp_path / "crds.yaml"
    file.write_bytes(crd("B").encode("utf-16"))
    with pytest.raises(MultimeshError, match=r"crds\.yaml: is not text in UTF-8"):
        scopes_in_files([str(file)])
    assert scopes_in_files([str(tmp_path)]) == {}, "a directory may hold other files"


def test_files_and_directories_are_read(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(crd("A"))
    inner = tmp_path / "directory" / "deeper"
    inner.mkdir(parents=True)
    (inner / "two.yaml").write_text(crd("B", "Namespaced"))
    (inner / "notes.txt").write_text(crd("C"))
    paths = [str(tmp_path / "one.yaml"), str(tmp_path / "directory")]
    assert scopes_in_files(paths) == {("example.com", "A"): "Cluster", ("example.com", "B"): "Namespaced"}
    assert scopes_in_files(paths, "A") == {("example.com", "A"): "Cluster"}
    assert scopes_in_files([]) == {}


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MultimeshError) as raised:
        scopes_in_files([str(tmp_path / "none.yaml")])
    assert raised.value.where == str(tmp_path / "none.yaml")
    assert raised.value.what == "cannot read CRDs: No such file or directory"


def test_a_path_in_a_profile_is_relative_to_it() -> None:
    assert paths_of("d/p.yaml", ["crds", "/a"], "b:c") == ["d/crds", "/a", "b", "c"]
    assert paths_of("p.yaml", [], "") == []

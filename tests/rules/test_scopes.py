"""The scope of a kind that no table knows: what a CRD says, or else what the object's own namespace says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from program import ROOT, profile, render

from multimesh import load_profile, render_manifest

UNKNOWN = 'does not know the kind "Widget" of example.com'


def widget(name: str = "w", namespace: str = "") -> str:
    place = f"  namespace: {namespace}\n" if namespace else ""
    return f"---\napiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: {name}\n{place}"


def crd(scope: str = "Namespaced", kind: str = "Widget", group: str = "example.com", version: str = "v1") -> str:
    return (
        f"---\napiVersion: apiextensions.k8s.io/{version}\nkind: CustomResourceDefinition\nmetadata:\n"
        f"  name: {kind.lower()}s.{group}\n  annotations: {{helm.sh/resource-policy: keep}}\nspec:\n  group: {group}\n"
        f"  names: {{kind: {kind}, plural: {kind.lower()}s}}\n" + (f"  scope: {scope}\n" if scope else "")
    )


MESH = profile("blue", "istio-blue", ("shop",))


def test_an_object_with_a_namespace_of_the_mesh_is_namespaced():
    assert render(widget(namespace="shop").encode(), MESH).code == 0


def test_an_object_of_an_unknown_kind_in_another_namespace_is_refused():
    done = render(widget(namespace="elsewhere").encode(), MESH)

    assert done.code == 2
    assert "[namespaces]" in done.err
    assert UNKNOWN not in done.err


def test_without_a_namespace_or_a_crd_the_kind_is_refused_with_every_way():
    done = render(widget().encode(), MESH)

    assert done.code == 2
    assert UNKNOWN in done.err
    assert "--crds=PATH" in done.err
    assert "crds: [PATH] below spec in " in done.err
    assert 'keepNames: ["Widget/*"]' in done.err


@pytest.mark.parametrize("stream", [crd() + widget(), widget() + crd(), crd("", version="v1beta1") + widget()])
def test_a_crd_of_the_stream_says_that_a_kind_is_namespaced(stream):
    """Wherever it is, and though a mesh that leaves CRDs drops it."""
    assert render(stream.encode(), MESH).code == 0


def test_a_crd_of_the_stream_says_that_a_kind_is_cluster_scoped():
    done = render((crd("Cluster") + widget()).encode(), MESH)

    assert done.code == 2
    assert 'does not know the cluster-scoped name "w"' in done.err
    assert render((crd("Cluster") + widget("w-blue")).encode(), MESH).code == 0
    assert render((crd("Cluster") + widget()).encode(), profile("blue", "b", keepNames=["Widget/w"])).code == 0


def test_a_cluster_scoped_name_of_such_a_kind_can_be_renamed():
    done = render((crd("Cluster") + widget()).encode(), profile("blue", "istio-blue", renameNames=["Widget/w"]))

    assert yaml.safe_load(done.out)["metadata"]["name"] == "w-blue"


@pytest.mark.parametrize("other", [crd(kind="Widgets"), crd(group="example.org"), "---\nkind: [\n"])
def test_the_crd_of_another_kind_says_nothing(other, tmp_path: Path):
    file = tmp_path / "crds.yaml"
    file.write_text(other)

    assert UNKNOWN in render(widget().encode(), MESH, "--crds", str(file)).err


def test_crds_in_a_list_and_in_json_are_read(tmp_path: Path):
    documents = [yaml.safe_load(crd())]
    (tmp_path / "a.json").write_text(__import__("json").dumps({"kind": "List", "apiVersion": "v1", "items": documents}))

    assert render(widget().encode(), MESH, "--crds", str(tmp_path)).code == 0


def test_the_flag_names_files_and_directories_and_may_be_repeated(tmp_path: Path):
    """A chart has its CRDs in crds/, beside templates that are not YAML."""
    (tmp_path / "chart" / "crds").mkdir(parents=True)
    (tmp_path / "chart" / "templates").mkdir()
    (tmp_path / "chart" / "templates" / "a.yaml").write_text(
        "{{ if .Values.a }}\nkind: CustomResourceDefinition # Widget\n{{"
    )
    (tmp_path / "chart" / "crds" / "widgets.yml").write_text(crd())
    (tmp_path / "gadgets.yaml").write_text(crd(kind="Gadget"))
    stream = (widget() + widget().replace("Widget", "Gadget")).encode()
    chart, file = str(tmp_path / "chart"), str(tmp_path / "gadgets.yaml")

    assert render(stream, MESH, "--crds", chart, f"--crds={file}").code == 0
    assert render(stream, MESH, f"--crds={chart}:{file}").code == 0
    assert "Gadget" in render(stream, MESH, "--crds", chart).err


def test_the_key_of_the_profile_is_relative_to_the_profile(tmp_path: Path):
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(crd())
    mesh = load_profile(profile("blue", "istio-blue", crds=["crds"]), str(tmp_path / "profile.yaml"))

    assert b"Widget" in render_manifest(widget().encode(), mesh).output


def test_a_path_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path):
    done = render(widget().encode(), MESH, "--crds", str(tmp_path / "none"))

    assert (done.code, done.out) == (2, b"")
    assert f"{tmp_path / 'none'}: cannot read CRDs: No such file or directory" in done.err


def test_a_stream_of_known_kinds_reads_no_crds(monkeypatch: pytest.MonkeyPatch):
    stream = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
    mesh = load_profile(profile("blue", "istio-blue", crds=["crds"]), "profile.yaml")
    monkeypatch.setattr("multimesh.kubernetes.crds.scopes_in", None)

    assert render_manifest(stream, mesh).output == stream


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("external-secrets.io/v1", "ExternalSecret"),
        ("keda.sh/v1alpha1", "ScaledObject"),
        ("bitnami.com/v1", "SealedSecret"),
    ],
)
def test_namespaced_kinds_of_others_need_no_namespace(version, kind):
    stream = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: a\n"

    assert render(stream.encode(), MESH).code == 0


def test_diff_takes_several_paths_too(tmp_path: Path):
    for kind in ("Widget", "Gadget"):
        (tmp_path / f"{kind}.yaml").write_text(crd(kind=kind))
    (tmp_path / "profile.yaml").write_text(MESH)
    stream = widget() + widget().replace("Widget", "Gadget")
    flags = [f"--crds={tmp_path / kind}.yaml" for kind in ("Widget", "Gadget")]
    command = [sys.executable, "-m", "multimesh", "diff", "--profile", str(tmp_path)]

    assert subprocess.run([*command, *flags], input=stream.encode(), cwd=ROOT, check=False).returncode == 0
    assert subprocess.run([*command, flags[0]], input=stream.encode(), cwd=ROOT, check=False).returncode == 2

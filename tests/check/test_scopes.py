"""Scopes and namespaces that manifests leave out: those from CRDs and from the release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from finding_cases import istiod, thing
from program import profile

from multimesh.cli import main

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com", "annotations": {"helm.sh/resource-policy": "keep"}},
    "spec": {"group": "example.com", "names": {"kind": "Widget", "plural": "widgets"}, "scope": "Namespaced"},
}
CLUSTER = {**CRD, "spec": {**CRD["spec"], "scope": "Cluster"}}


def custom(version: str, kind: str, name: str = "a") -> dict:
    """Return an object without a namespace."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def meshes(directory: Path, *objects: dict) -> list[str]:
    """Write two meshes with the same objects."""
    for mesh in ("blue", "red"):
        file = directory / f"{mesh}.yaml"
        file.write_text(yaml.safe_dump_all([istiod(mesh), *objects]))
    return [str(directory / "blue.yaml"), str(directory / "red.yaml")]


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict]:
    """Return the findings of `check` about names."""
    main(["check", *arguments, "-o", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [one for one in findings if one["id"] in ("cluster-scoped-name", "namespace-claimed-twice")]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("external-secrets.io/v1", "ExternalSecret"), ("keda.sh/v1alpha1", "ScaledObject"), ("v1", "Secret")],
)
def test_a_namespaced_kind_without_a_namespace_is_not_cluster_scoped(tmp_path, capsys, version, kind):
    assert found(capsys, *meshes(tmp_path, custom(version, kind))) == []


def test_a_crd_of_the_manifests_says_the_scope(tmp_path, capsys):
    assert found(capsys, *meshes(tmp_path, custom("example.com/v1", "Widget"), CRD))[0]["message"].endswith(
        "CustomResourceDefinition/widgets.example.com"
    )
    assert {
        one["severity"] for one in found(capsys, *meshes(tmp_path, custom("example.com/v1", "Widget"), CLUSTER))
    } == {"error"}


@pytest.mark.parametrize(("crd", "severities"), [(CRD, []), (CLUSTER, ["error"])])
def test_a_crd_of_a_file_says_the_scope(tmp_path, capsys, crd, severities):
    files = meshes(tmp_path, custom("example.com/v1", "Widget"))
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(yaml.safe_dump(crd))

    assert [one["severity"] for one in found(capsys, *files, "--crds", str(tmp_path / "crds"))] == severities


def test_a_crd_that_a_profile_names_says_the_scope(tmp_path, capsys):
    files = meshes(tmp_path, custom("example.com/v1", "Widget"))
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(CRD))
    (tmp_path / "profile.yaml").write_text(profile("blue", "istio-blue", crds=["a.yaml"]))

    assert found(capsys, *files, "--profile", str(tmp_path)) == []


@pytest.mark.parametrize("flag", [True, False], ids=["--crds", "spec.crds"])
def test_files_without_a_crd_are_told(tmp_path, capsys, flag):
    """What they should say of scopes was not read."""
    files = meshes(tmp_path)
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "a.yaml").write_text(yaml.safe_dump(thing("Service", "a")))
    (tmp_path / "profile.yaml").write_text(profile("blue", "istio-blue", crds=["crds"]))
    path = str(tmp_path / "crds")
    main(["check", *files, *(("--crds", path) if flag else ("--profile", str(tmp_path))), "-o", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]

    assert [(one["severity"], one["message"]) for one in findings if one["id"] == "unreadable"] == [
        ("warning", f'"{path}" holds no CustomResourceDefinition that could be read')
    ]


def test_a_crd_of_the_cluster_says_the_scope(tmp_path, capsys):
    files = meshes(tmp_path, custom("example.com/v1", "Widget"))
    live = {**CRD, "metadata": {**CRD["metadata"], "uid": "1"}}
    (tmp_path / "live.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [live]}))

    assert found(capsys, *files, str(tmp_path / "live.json")) == []


def test_a_kind_that_nothing_is_known_of_is_a_warning_that_says_so(tmp_path, capsys):
    (one,) = found(capsys, *meshes(tmp_path, custom("example.com/v1", "Widget")))

    assert one["severity"] == "warning"
    assert "name its CRD with --crds" in one["remedy"]


def test_what_only_one_release_can_install_is_not_to_be_kept(tmp_path, capsys):
    files = meshes(tmp_path, custom("scheduling.k8s.io/v1", "PriorityClass"))
    for mesh in ("blue", "red"):
        (tmp_path / mesh).mkdir()
        text = profile(mesh, f"istio-{mesh}", keepNames=["PriorityClass/a"])
        (tmp_path / mesh / "profile.yaml").write_text(text)
    profiles = [f"--profile={tmp_path / mesh}" for mesh in ("blue", "red")]
    (one,) = found(capsys, *files, *profiles)

    assert one["severity"] == "error"
    assert "leave it out of the charts of the other meshes" in one["remedy"]
    assert "keepNames" not in one["remedy"]
    assert "post-renderer, each with its own profile" not in one["remedy"]


def test_a_missing_namespace_is_that_of_the_release(tmp_path, capsys):
    """The account is in the namespace of the binding, which only the binding names."""
    account, role = thing("ServiceAccount", "a"), thing("ClusterRole", "a-blue")
    subject = {"kind": "ServiceAccount", "name": "a", "namespace": "istio-blue"}
    reference = {"kind": "ClusterRole", "name": "a-blue"}
    binding = thing("ClusterRoleBinding", "a-blue", roleRef=reference, subjects=[subject])
    file = tmp_path / "blue.yaml"
    file.write_text(yaml.safe_dump_all([istiod("blue"), account, role, binding]))
    main(["check", str(file), "-o", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]

    assert [one["message"] for one in findings if one["id"] == "dangling-reference"] == []


def test_an_upgrade_that_begins_to_name_the_namespace_loses_nothing(tmp_path, capsys):
    """The Service of a load balancer keeps its address."""
    for file, namespace in (("before", ""), ("after", "istio-blue")):
        service = thing("Service", "gate", namespace, spec={"type": "LoadBalancer"})
        (tmp_path / file).write_text(yaml.safe_dump_all([istiod("blue"), service]))
    main(["check", str(tmp_path / "after"), "--previous", str(tmp_path / "before"), "-o", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]

    assert [one["id"] for one in findings if "gate" in one["message"]] == []

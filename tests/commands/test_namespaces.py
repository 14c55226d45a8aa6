"""`multimesh namespaces`: labels and Sidecars of a mesh."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LABEL = "multimesh.dev/mesh"


def run(*arguments):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "multimesh", "namespaces", "--profile", "charts-values/affirmed", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def written(*arguments):
    """Return what the command writes: labels by namespace, hosts by Sidecar, and the version of the Sidecars."""
    found = list(yaml.safe_load_all(run(*arguments).stdout))
    labels = {item["metadata"]["name"]: item["metadata"]["labels"] for item in found if item["kind"] == "Namespace"}
    sidecars = [item for item in found if item["kind"] == "Sidecar"]
    hosts = {item["metadata"]["namespace"]: item["spec"]["egress"][0]["hosts"] for item in sidecars}
    return labels, hosts, {item["apiVersion"].rpartition("/")[2] for item in sidecars}


def test_the_control_plane_namespace_of_a_modern_mesh_carries_the_mesh_label_alone():
    """A gateway pod in the same namespace must be injected, so injection is not disabled there."""
    labels, _, _ = written()
    assert labels["istio-affirmed"] == {LABEL: "affirmed"}


def test_workload_namespaces_carry_mesh_and_injection_label():
    """Both are needed: one is for discovery and validation, the other for injection."""
    labels, _, _ = written()
    assert labels["nginx-affirmed"] == {LABEL: "affirmed", "istio-injection": "enabled-affirmed"}


def test_istio_1_5_wants_citadels_label_and_no_injection_beside_the_control_plane():
    """The documentation of the chart says so."""
    labels, _, version = written("--istio", "1.5")
    plane = {LABEL: "affirmed", "istio-injection": "disabled", "ca.istio.io/env": "istio-affirmed"}
    member = {LABEL: "affirmed", "istio-injection": "enabled-affirmed", "ca.istio.io/env": "istio-affirmed"}
    assert ({"istio-affirmed": plane, "nginx-affirmed": member}, {"v1alpha3"}) == (labels, version)


def test_gateway_api_resources_find_their_revision():
    """Without it the default revision of the cluster would serve them."""
    labels, _, _ = written("--gateway-api")
    assert labels["nginx-affirmed"]["istio.io/rev"] == "affirmed"
    assert "istio.io/rev" not in written()[0]["nginx-affirmed"]


def test_a_sidecar_lets_each_namespace_call_its_own_mesh():
    """Its own namespace, the control plane, and the other members."""
    _, hosts, _ = written()
    assert hosts["nginx-affirmed"] == ["./*", "istio-affirmed/*"]


def test_the_sidecar_of_the_control_plane_namespace_is_a_default_that_names_it():
    """A namespace without a Sidecar takes it, and there "./*" is that namespace (istio 1.30.3 pilot/pkg/model/sidecar.go)."""
    _, hosts, _ = written()
    assert hosts["istio-affirmed"] == ["./*", "istio-affirmed/*", "nginx-affirmed/*"]


@pytest.mark.parametrize(
    ("istio", "version"), [("1.6", "v1alpha3"), ("1.9", "v1beta1"), ("1.21", "v1beta1"), ("1.22", "v1")]
)
def test_sidecars_have_the_version_that_the_crds_know(istio, version):
    """An older cluster does not have v1."""
    assert {version} == written("--istio", istio)[2]


def test_labels_only_writes_lines_for_namespaces_of_somebody_else():
    """Each line is a command."""
    lines = run("--labels-only").stdout.splitlines()
    assert [
        f"kubectl label namespace istio-affirmed {LABEL}=affirmed --overwrite",
        f"kubectl label namespace nginx-affirmed {LABEL}=affirmed istio-injection=enabled-affirmed --overwrite",
    ] == lines


def test_a_version_that_no_chart_has_is_refused():
    """Nothing is written."""
    assert run("--istio", "1.50").returncode == 0, "1.50 is not 1.5"
    assert run("--istio", "2.0").returncode == 2
    found = run("--istio", "1.4")
    assert (found.returncode, found.stdout) == (2, "")


# Each branch of the code.


def mesh(*workloads):
    """Return the profile of a mesh called blue."""
    from multimesh.mesh.profile import load

    head = {"apiVersion": "multimesh.dev/v1alpha1", "kind": "MeshProfile", "metadata": {"name": "blue"}}
    spec = {"namespace": "istio-blue", "revision": "blue-2", "workloadNamespaces": list(workloads)}
    return load(yaml.safe_dump({**head, "spec": spec}), "profile.yaml")


def labels(minor, *workloads, **options):
    """Return the labels of each namespace, as pairs in their order."""
    from multimesh.commands.namespaces import namespaces
    from multimesh.commands.values import Version

    found = namespaces(mesh(*workloads), Version(1, minor), **options)
    return [(space.name, [(label.key, label.value) for label in space.labels]) for space in found]


def test_labels_of_istio_1_5():
    """Citadel's label names the control-plane namespace, and the revision label is not used."""
    citadel = ("ca.istio.io/env", "istio-blue")
    expected = [
        ("istio-blue", [(LABEL, "blue"), ("istio-injection", "disabled"), citadel]),
        ("a", [(LABEL, "blue"), ("istio-injection", "enabled-blue"), citadel]),
        ("b", [(LABEL, "blue"), ("istio-injection", "enabled-blue"), citadel]),
    ]
    assert labels(5, "a", "b") == labels(5, "a", "b", gateway_api=True) == expected


@pytest.mark.parametrize("minor", [6, 31])
def test_labels_of_later_versions(minor):
    """The revision is that of the profile, and only workload namespaces get it."""
    member = [(LABEL, "blue"), ("istio-injection", "enabled-blue")]
    plane = ("istio-blue", [(LABEL, "blue")])
    assert labels(minor, "a") == [plane, ("a", member)]
    assert labels(minor, "a", gateway_api=True) == [plane, ("a", [*member, ("istio.io/rev", "blue-2")])]
    assert labels(minor) == [plane]


def manifests(minor, *workloads, **options):
    """Return the manifests as text."""
    from multimesh.commands.namespaces import manifests as write
    from multimesh.commands.namespaces import namespaces
    from multimesh.commands.values import Version

    found, istio = mesh(*workloads), Version(1, minor)
    return write(found, istio, namespaces(found, istio, **options))


@pytest.mark.parametrize(
    ("minor", "expected"), [(5, "v1alpha3"), (7, "v1alpha3"), (8, "v1beta1"), (21, "v1beta1"), (22, "v1"), (31, "v1")]
)
def test_the_version_of_sidecars_at_each_boundary(minor, expected):
    """The oldest cluster that a version of Istio supports must have it."""
    found = [item for item in yaml.safe_load_all(manifests(minor, "a")) if item["kind"] == "Sidecar"]
    assert [item["apiVersion"] for item in found] == [f"networking.istio.io/{expected}"] * 2


def test_a_mesh_of_one_namespace_calls_that_one_only():
    """The list of hosts has no other entry."""
    namespace, sidecar = yaml.safe_load_all(manifests(30))
    assert (namespace["kind"], namespace["metadata"]["name"]) == ("Namespace", "istio-blue")
    assert sidecar["metadata"] == {"name": "default", "namespace": "istio-blue"}
    assert sidecar["spec"] == {"egress": [{"hosts": ["./*", "istio-blue/*"]}]}


def test_comments_say_why_a_label_is_there():
    """Only labels that are not obvious have one."""
    lines = manifests(5, "a").splitlines()
    assert "    ca.istio.io/env: istio-blue  # the namespace of its Citadel" in lines
    assert "    ca.istio.io/env: istio-blue  # the Citadel that writes the certificates of this namespace" in lines
    assert f"    {LABEL}: blue" in lines
    revision = "    istio.io/rev: blue-2  # the revision that serves Gateway API resources of this namespace"
    assert revision in manifests(30, "a", gateway_api=True).splitlines()


def test_names_that_yaml_would_misread_are_quoted():
    """A namespace called 123 stays text."""
    found = list(yaml.safe_load_all(manifests(30, "123", "on")))
    assert {item["metadata"]["name"] for item in found if item["kind"] == "Namespace"} == {"istio-blue", "123", "on"}


@pytest.mark.parametrize("istio", ["1.5", "v1.5.2"])
def test_labels_only_for_istio_1_5(istio, capsys):
    """Each line sets all labels of one namespace."""
    from multimesh.cli import main

    arguments = ["namespaces", f"--profile={ROOT}/charts-values/blue", f"--istio={istio}", "--labels-only"]
    citadel = "ca.istio.io/env=istio-blue"
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"kubectl label namespace istio-blue {LABEL}=blue istio-injection=disabled {citadel} --overwrite",
        f"kubectl label namespace nginx-blue {LABEL}=blue istio-injection=enabled-blue {citadel} --overwrite",
    ]


def test_switches_can_come_from_the_environment(capsys, monkeypatch):
    """As for every command."""
    from multimesh.cli import main

    monkeypatch.setenv("MULTIMESH_LABELS_ONLY", "yes")
    monkeypatch.setenv("MULTIMESH_GATEWAY_API", "1")
    monkeypatch.setenv("MULTIMESH_PROFILE", f"{ROOT}/charts-values/blue")
    assert main(["namespaces"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith("istio.io/rev=blue --overwrite")

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
    """Return what it wrote: labels by namespace, hosts by Sidecar, and the Sidecars' version."""
    found = list(yaml.safe_load_all(run(*arguments).stdout))
    labels = {item["metadata"]["name"]: item["metadata"]["labels"] for item in found if item["kind"] == "Namespace"}
    sidecars = [item for item in found if item["kind"] == "Sidecar"]
    hosts = {item["metadata"]["namespace"]: item["spec"]["egress"][0]["hosts"] for item in sidecars}
    return labels, hosts, {item["apiVersion"].rpartition("/")[2] for item in sidecars}


def test_the_control_plane_namespace_of_a_modern_mesh_carries_the_mesh_label_alone():
    """A gateway pod beside istiod must be injected, so injection is not disabled there."""
    labels, _, _ = written()
    assert labels["istio-affirmed"] == {LABEL: "affirmed"}


def test_workload_namespaces_carry_mesh_and_injection_label():
    """Both are needed: one discovers and validates, the other injects."""
    labels, _, _ = written()
    assert labels["nginx-affirmed"] == {LABEL: "affirmed", "istio-injection": "enabled-affirmed"}


def test_istio_1_5_wants_citadels_label_and_no_injection_beside_the_control_plane():
    """As in the chart's own documentation."""
    labels, _, version = written("--istio", "1.5")
    plane = {LABEL: "affirmed", "istio-injection": "disabled", "ca.istio.io/env": "istio-affirmed"}
    member = {LABEL: "affirmed", "istio-injection": "enabled-affirmed", "ca.istio.io/env": "istio-affirmed"}
    assert ({"istio-affirmed": plane, "nginx-affirmed": member}, {"v1alpha3"}) == (labels, version)


def test_gateway_api_resources_find_their_revision():
    """Without it the default revision of the cluster would take them."""
    labels, _, _ = written("--gateway-api")
    assert labels["nginx-affirmed"]["istio.io/rev"] == "affirmed"
    assert "istio.io/rev" not in written()[0]["nginx-affirmed"]


def test_a_sidecar_lets_each_namespace_call_its_own_mesh():
    """Its own namespace, the control plane, and the other members."""
    _, hosts, _ = written()
    assert hosts == {"istio-affirmed": ["./*", "nginx-affirmed/*"], "nginx-affirmed": ["./*", "istio-affirmed/*"]}


@pytest.mark.parametrize(
    ("istio", "version"), [("1.6", "v1alpha3"), ("1.9", "v1beta1"), ("1.21", "v1beta1"), ("1.22", "v1")]
)
def test_sidecars_have_the_version_that_the_crds_know(istio, version):
    """An older cluster has no v1."""
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
    found = run("--istio", "1.4")
    assert (found.returncode, found.stdout) == (2, "")

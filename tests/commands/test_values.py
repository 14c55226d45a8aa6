"""`multimesh values`: the Helm values that go with the rules."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MINORS = [f"1.{minor}" for minor in range(6, 32)]
SHIPPED = [("affirmed", ("base", "istiod", "gateway", "cni", "ztunnel")), ("blue", ("base", "istiod", "gateway"))]


def run(*arguments):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "multimesh", "values", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def values(mesh, chart, istio="", **spec):
    """Return the values of one chart, parsed."""
    from multimesh.commands import values as command
    from multimesh.mesh.profile import load

    namespace = spec.pop("namespace", f"istio-{mesh}")
    text = yaml.safe_dump(
        {
            "apiVersion": "multimesh.dev/v1alpha1",
            "kind": "MeshProfile",
            "metadata": {"name": mesh},
            "spec": {"namespace": namespace, **spec},
        }
    )
    written = command.values(load(text, "profile.yaml"), chart, command.version(istio, chart))
    return yaml.safe_load(written)


@pytest.mark.parametrize(("mesh", "chart"), [(mesh, chart) for mesh, charts in SHIPPED for chart in charts])
def test_shipped_values_are_what_the_command_writes_for_1_30(mesh, chart):
    """charts-values holds nothing that was written by hand but the profile."""
    expected = (ROOT / "charts-values" / mesh / f"{chart}.yaml").read_text()
    found = run("--profile", f"charts-values/{mesh}", "--chart", chart, "--istio", "1.30")
    assert (0, expected, "") == (found.returncode, found.stdout, found.stderr)


@pytest.mark.parametrize("mesh", ["affirmed", "blue"])
def test_shipped_values_of_1_5_are_what_the_command_writes(mesh):
    """The umbrella chart has one file."""
    found = run("--profile", f"charts-values/{mesh}", "--chart", "istio-1.5")
    assert (ROOT / "charts-values" / mesh / "istio-1.5.yaml").read_text() == found.stdout


def test_charts_values_hold_a_profile_and_values_and_nothing_else():
    """A folder is one mesh."""
    for mesh, charts in SHIPPED:
        expected = {"profile.yaml", "istio-1.5.yaml", *(f"{chart}.yaml" for chart in charts)}
        assert expected == {path.name for path in (ROOT / "charts-values" / mesh).iterdir()}


@pytest.mark.parametrize("istio", MINORS)
def test_every_minor_gets_the_revision_and_the_namespace(istio):
    """Whatever the version, two meshes differ in both."""
    found = values("affirmed", "istiod", istio)
    assert (found["revision"], found["global"]["istioNamespace"]) == ("affirmed", "istio-affirmed")


@pytest.mark.parametrize(
    ("first", "last", "path", "expected"),
    [
        ("1.6", "1.6", "global.configRootNamespace", "istio-blue"),
        ("1.7", "1.31", "meshConfig.rootNamespace", "istio-blue"),
        ("1.8", "1.31", "meshConfig.trustDomain", "blue.local"),
        ("1.8", "1.31", "global.sds.token.aud", "istio-ca-blue"),
        ("1.8", "1.31", "pilot.env.TOKEN_AUDIENCES", "istio-ca-blue"),
        ("1.10", "1.31", "meshConfig.discoverySelectors", [{"matchLabels": {"multimesh.dev/mesh": "blue"}}]),
        ("1.12", "1.21", "global.configValidation", True),
        ("1.16", "1.21", "pilot.env.ENABLE_ENHANCED_RESOURCE_SCOPING", "true"),
        ("1.20", "1.21", "pilot.env.PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER", "false"),
        ("1.22", "1.31", "pilot.env.PILOT_GATEWAY_API_CONTROLLER_NAME", "istio.io/gateway-controller-blue"),
        ("1.22", "1.31", "pilot.env.PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME", "istio-blue"),
        ("1.27", "1.31", "global.trustBundleName", "istio-ca-root-cert-blue"),
        ("1.6", "1.31", "meshConfig.ingressControllerMode", "OFF"),
    ],
)
def test_a_value_is_there_for_the_versions_that_know_it(first, last, path, expected):
    """A value is neither missing where it is needed nor written where the chart would refuse or ignore it."""
    wanted = MINORS[MINORS.index(first) : MINORS.index(last) + 1]
    for istio in MINORS:
        found = values("blue", "istiod", istio)
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        assert (expected if istio in wanted else None) == found, istio


def test_the_default_validator_follows_the_revision_from_1_12_on():
    """Base has no revision of its own."""
    assert "defaultRevision" not in values("blue", "base", "1.11")
    assert values("blue", "base", "1.12", revision="blue-next")["defaultRevision"] == "blue-next"


def test_only_a_mesh_that_leaves_crds_excludes_them():
    """The owner installs all of them."""
    assert len(values("blue", "base", "1.30")["base"]["excludedCRDs"]) == 15
    assert "base" not in values("blue", "base", "1.30", sharedResources="own")
    assert "base" not in values("blue", "base", "1.23")


@pytest.mark.parametrize("chart", ["cni", "ztunnel"])
def test_shared_charts_are_refused_to_a_mesh_that_does_not_own_them(chart):
    """The message names the key of the profile."""
    found = run("--profile", "charts-values/blue", "--chart", chart)
    assert (found.returncode, found.stdout) == (2, "")
    assert "spec.sharedResources: own" in found.stderr


def test_a_gateway_has_a_name_of_its_mesh_or_the_one_asked_for():
    """The name makes the labels that Gateway resources select."""
    assert values("blue", "gateway") == {"name": "blue-ingressgateway", "revision": "blue"}
    found = run("--profile", "charts-values/blue", "--chart", "gateway", "--name", "edge")
    assert yaml.safe_load(found.stdout)["name"] == "edge"
    old = values("blue", "gateway", "1.9")["gateways"]["istio-ingressgateway"]
    assert old == {
        "name": "blue-ingressgateway",
        "labels": {"app": "blue-ingressgateway", "istio": "blue-ingressgateway"},
    }


def test_the_budget_that_selects_nothing_is_left_out():
    """The gateway of 1.6 puts a label into the selector that its pods have in istio-system only."""
    assert values("blue", "gateway", "1.6")["global"]["defaultPodDisruptionBudget"] == {"enabled": False}
    assert "defaultPodDisruptionBudget" not in values("blue", "gateway", "1.7")["global"]


def test_names_that_yaml_would_misread_are_quoted():
    """A mesh called on is a mesh, not a switch."""
    found = values("on", "istiod", namespace="123", gateways="keep")
    assert (found["revision"], found["global"]["istioNamespace"]) == ("on", "123")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--chart", "base", "--istio", "1.5"), "Istio 1.5 has no chart base"),
        (("--chart", "base", "--istio", "new"), '--istio is "new"'),
        (("--chart", "ztunnel", "--istio", "1.19"), "the chart ztunnel of Istio 1.19"),
        (("--chart", "istio-1.5", "--istio", "1.6"), "the chart istio-1.5 is Istio 1.5"),
        (("--chart", "istio"), "--chart"),
    ],
)
def test_what_no_chart_has_is_refused(arguments, what):
    """Nothing is written, and the message says what there is."""
    found = run("--profile", "charts-values/affirmed", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert what in found.stderr
    assert found.stderr.startswith("multimesh: ")


def test_a_release_newer_than_all_known_ones_gets_the_newest_values():
    """Charts change slowly, and the rendering refuses what no longer fits."""
    assert values("blue", "istiod", "1.31") == values("blue", "istiod", "1.99.0-rc.1")

"""The proof can fail: with one rule taken out, the scenario that depends on it goes wrong, and this is how.

The rules are taken out by wrapper.py, which stands in front of the program; nothing of the program knows of it.
"""

from __future__ import annotations

import charts
import pytest
from api import until
from world import MESHES, World

OLD, NEW = "1.5.0", "1.30.3"


@pytest.fixture
def bare(request: pytest.FixtureRequest, cluster, tmp_path) -> World:
    """Hand out a cluster without meshes, for one test."""
    made = World(cluster, request.getfixturevalue("helm3"), request.param, tmp_path)
    yield made
    made.wipe()


def at(version: str) -> pytest.MarkDecorator:
    """Run a test with the charts of one version."""
    return pytest.mark.parametrize("bare", [version], indirect=True)


def second_install(world: World) -> str:
    """Install affirmed, then blue; return what Helm says of the first release of blue that fails."""
    for mesh in MESHES:
        world.profile(mesh)
        world.make_namespaces(mesh)
        for name, stream in charts.releases(world.version, mesh).items():
            done = world.release("install", mesh, name, world.chart(mesh, stream))
            if done.code:
                assert mesh == "blue", done.err
                return done.err
    return ""


@pytest.mark.parametrize(
    ("bare", "rule", "stumbles"),
    [
        (OLD, "cluster-scoped-names", 'ClusterRole "'),
        (OLD, "node-ports", "provided port is already allocated"),
        (NEW, "cluster-scoped-names", 'ValidatingWebhookConfiguration "istiod-default-validator"'),
        (NEW, "shared-resources", 'CustomResourceDefinition "'),
    ],
    indirect=["bare"],
)
def test_without_this_rule_the_second_install_fails(bare: World, rule: str, stumbles: str) -> None:
    """Scenario 2 goes wrong at the object that the rule keeps apart."""
    bare.without = rule
    assert stumbles in second_install(bare)


@at(OLD)
def test_without_the_names_of_webhooks_a_control_plane_finds_none(bare: World) -> None:
    """Scenario 2 goes wrong: the flags name other configurations, no bundle is written, and pods are held back."""
    bare.without = "webhook-names"
    with pytest.raises(AssertionError, match="has written its root"):
        bare.install("affirmed", serve=False)
    assert bare.sidecars("nginx-affirmed")[0] == "refused"


@at(NEW)
def test_without_the_injection_label_pods_start_without_a_sidecar(bare: World) -> None:
    """Scenario 3 goes wrong: no entry selects the label of the mesh."""
    bare.without = "injection-label"
    bare.install("affirmed", serve=False)
    assert bare.sidecars("nginx-affirmed") == []


@at(OLD)
def test_without_the_injection_label_two_meshes_of_1_5_inject_one_pod(bare: World) -> None:
    """Scenario 3 goes wrong: both injectors are asked for the label of the stock chart."""
    bare.without = "injection-label"
    for mesh in MESHES:
        bare.install(mesh, serve=False)
    bare.namespace("both", istio_injection="enabled")
    until("both are asked", lambda: bare.sidecars("both") and bare.who_was_asked_last() == set(MESHES))


@at(NEW)
def test_without_the_scope_of_validators_nobody_validates_a_mesh(bare: World) -> None:
    """Scenario 4 goes wrong: the default validator belongs to a revision that nobody serves."""
    bare.without = "validation-scope"
    bare.install("affirmed", serve=False)
    until("affirmed injects", lambda: bare.sidecars("nginx-affirmed") == ["affirmed"])
    assert bare.denial("nginx-affirmed") == ""


@at(OLD)
def test_without_the_scope_of_validators_a_mesh_is_asked_about_the_other(bare: World) -> None:
    """Scenario 4 goes wrong: blue is asked about a resource of affirmed; in scenario 8 it would be held up."""
    bare.without = "validation-scope"
    for mesh in MESHES:
        bare.install(mesh, serve=False)
    until(
        "blue is asked about affirmed",
        lambda: bare.virtual_service("nginx-affirmed", ["nginx"]) == "" and "blue" in bare.who_was_asked_last(),
    )


@at(NEW)
def test_without_the_post_renderer_nothing_of_a_mesh_is_its_own(bare: World) -> None:
    """Scenario 2 goes wrong at once: the stock charts collide."""
    bare.without = "*"
    assert "cannot be imported into the current release" in second_install(bare)

"""The example chart of the project, installed as it is, as the README says (with both Helms)."""

from __future__ import annotations

import pytest
from api import until
from helms import CHART, ROOT
from world import MESHES, World

PROFILES = ROOT / "charts-values"


@pytest.fixture(scope="module", params=[3, 4], ids=["helm3", "helm4"])
def example(request: pytest.FixtureRequest, worlds) -> World:
    """Install the chart for both meshes, by the profiles that ship with the project."""
    helm = request.getfixturevalue(f"helm{request.param}")
    made = worlds.take(helm, "example", empty=True)
    made.spent = True
    for mesh in MESHES:
        made.make_namespaces(mesh)
        flags = (*helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES / mesh}")
        crds = ["--skip-crds"] * (mesh == "blue")
        done = made.run("install", "istio", CHART, "-n", f"istio-{mesh}", *flags, *crds)
        assert done.code == 0, done.err
        made.start(mesh)
    return made


@pytest.mark.parametrize("mesh", MESHES)
def test_each_mesh_of_the_example_injects_and_validates_its_own(example: World, mesh: str) -> None:
    """Two meshes of one chart: each pod has one sidecar, each resource one validator."""
    assert example.sidecars(f"nginx-{mesh}") == [mesh]
    assert example.reviews_of_last() == [mesh]
    assert mesh in example.denial(f"nginx-{mesh}")
    assert example.who_was_asked_last() == {mesh}


def test_upgrading_one_mesh_leaves_the_other_as_it_is(example: World) -> None:
    """The commands of the README: with Helm 4 a flag says that this is an upgrade."""
    before = example.of_mesh("affirmed", "resourceVersion")
    flags = (*example.helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES / 'blue'}")
    upgrade = ["--post-renderer-args=--upgrade"] * (example.helm.major == 4)
    done = example.run("upgrade", "istio", CHART, "-n", "istio-blue", *flags, *upgrade)
    assert done.code == 0, done.err
    assert before == example.of_mesh("affirmed", "resourceVersion")
    until("blue injects", lambda: example.sidecars("nginx-blue") == ["blue"])
    until("blue validates", lambda: "blue" in example.denial("nginx-blue"))

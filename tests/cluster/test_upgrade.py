"""`helm upgrade` and `helm rollback` of one mesh, while the other one keeps every object (scenarios 5 and 7).

The tests of one world build on each other, in their order.
"""

from __future__ import annotations

import itertools

import charts
import pytest
from api import until
from helms import Ran
from standin import VALIDATING, settle
from world import MESHES, World
from worlds import VERSIONS, in_worlds

pytestmark = in_worlds()

#: What the next upgrade leads to. From 1.5 there is none: the releases are others.
NEXT = dict(itertools.pairwise(VERSIONS))
CONFLICT = "Apply failed with"


@pytest.fixture(scope="module")
def meshes(world: World) -> World:
    """Install both meshes."""
    for mesh in MESHES:
        world.install(mesh)
    return world


def upgrade(world: World, mesh: str, *flags: str, to: str = "", known: bool = True) -> dict[str, Ran]:
    """Upgrade every release of a mesh; `known` says to the post-renderer that this is an upgrade.

    Of 1.5 with Helm 3 it must not be said: the manual tells why.
    """
    post = ["--upgrade"] if known and not (world.is_1_5 and world.helm.major == 3) else []
    return {
        name: world.release("upgrade", mesh, name, world.chart(mesh, stream, to), *flags, post=tuple(post))
        for name, stream in charts.releases(world.version, mesh).items()
    }


def failed(ended: dict[str, Ran]) -> dict[str, str]:
    """Leave the messages of those that failed."""
    return {name: done.err for name, done in ended.items() if done.code}


def is_whole(world: World) -> None:
    """Both meshes inject and validate what is theirs."""
    for mesh in MESHES:
        settle(world.planes[mesh])
        until(f"{mesh} injects", lambda mesh=mesh: world.sidecars(f"nginx-{mesh}") == [mesh])
        until(f"{mesh} validates", lambda mesh=mesh: mesh in world.denial(f"nginx-{mesh}"))


@pytest.mark.parametrize("mesh", MESHES)
def test_the_same_version_again_changes_nothing(meshes: World, mesh: str) -> None:
    """No object is written: every resource version stays, those of the webhooks included, but for 1.5 with Helm 3."""
    before = meshes.of_mesh(mesh, "resourceVersion")
    assert failed(upgrade(meshes, mesh)) == {}
    after = meshes.of_mesh(mesh, "resourceVersion")
    if meshes.is_1_5 and meshes.helm.major == 3:
        # The chart sends an empty bundle, Helm 3 writes it, and the control plane writes it back.
        before, after = ({key: v for key, v in of.items() if "Webhook" not in key[0]} for of in (before, after))
    assert before == after
    is_whole(meshes)


def test_without_the_flag_helm_4_meets_the_control_plane(meshes: World) -> None:
    """The text says Ignore, the control plane has made it Fail: Helm 4 refuses, Helm 3 writes and it is set back."""
    said = failed(upgrade(meshes, "blue", known=False))
    if meshes.helm.major == 3:
        assert said == {}
    else:
        assert set(said) == {name for name in meshes.names("blue") if name in has_validators(meshes)}
        for message in said.values():
            assert CONFLICT in message
            assert "failurePolicy" in message or meshes.is_1_5  # there the empty bundle may come first
    is_whole(meshes)


def has_validators(world: World) -> set[str]:
    """Name the releases that the validators of blue belong to."""
    return {
        config["metadata"]["annotations"]["meta.helm.sh/release-name"]
        for config in world.api.list(VALIDATING)
        if config["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == "istio-blue"
    }


def test_a_pipeline_that_does_not_know_whether_it_installs(meshes: World) -> None:
    """`helm upgrade --install`, with Helm 4 and `--force-conflicts`: the policy is back at Fail, blue keeps all."""
    before = meshes.of_mesh("affirmed")
    flags = ["--install"] + ["--force-conflicts"] * (meshes.helm.major == 4)
    assert failed(upgrade(meshes, "blue", *flags, known=False)) == {}
    is_whole(meshes)
    assert before == meshes.of_mesh("affirmed")


def test_rollback_to_the_first_revision(meshes: World) -> None:
    """The stored text says Ignore again: Helm 4 wants `--force-conflicts`, and refuses without."""
    before = meshes.of_mesh("affirmed", "resourceVersion")
    name = meshes.names("blue")[-1]
    if meshes.helm.major == 4 and name in has_validators(meshes):
        refused = meshes.run("rollback", name, "1", "-n", "istio-blue")
        assert refused.code == 1
        assert CONFLICT in refused.err
    flags = ["--force-conflicts"] * (meshes.helm.major == 4)
    done = meshes.run("rollback", name, "1", "-n", "istio-blue", *flags)
    assert done.code == 0, done.err
    is_whole(meshes)
    assert before == meshes.of_mesh("affirmed", "resourceVersion")


def test_the_next_version_leaves_the_other_mesh_alone(meshes: World) -> None:
    """Affirmed goes to the next version, its base taking over the CRDs where it must; blue keeps every object as it is."""
    following = NEXT.get(meshes.version)
    if not following:
        pytest.skip("no later stream to upgrade to")
    before = meshes.of_mesh("blue", "resourceVersion")
    flags = []
    if meshes.version == "1.16.7":
        said = failed(upgrade(meshes, "affirmed", to=following))
        assert list(said) == ["istio-base-affirmed"]
        assert "exists and cannot be imported into the current release" in said["istio-base-affirmed"]
        flags = ["--take-ownership"]
    assert failed(upgrade(meshes, "affirmed", *flags, to=following)) == {}
    assert before == meshes.of_mesh("blue", "resourceVersion")
    is_whole(meshes)

"""Somebody upgrades without the post-renderer: what breaks, and who tells it (scenario 9)."""

from __future__ import annotations

import json

import charts
import pytest
from api import until
from world import MESHES, World
from worlds import in_worlds

pytestmark = in_worlds()


@pytest.fixture(scope="module")
def forgotten(world: World) -> World:
    """Install both meshes, and upgrade blue's control plane without the flag, at the same version."""
    for mesh in MESHES:
        world.install(mesh)
    world.before = world.manifests("blue").rename(world.folder / "manifests" / "before")
    flags = ["--force-conflicts"] * (world.helm.major == 4)
    for name, stream in charts.releases(world.version, "blue").items():
        done = world.stock("upgrade", "blue", name, world.stock_chart("blue", stream), *flags)
        # From 1.24 on Helm stops the base of the mesh that does not own the CRDs, and nothing else.
        owned = stream == "base" and "exists and cannot be imported into the current release" in done.err
        assert done.code == 0 or owned, done.err
    return world


def test_the_pods_of_the_mesh_start_without_a_sidecar(forgotten: World) -> None:
    """The entry for the label of the mesh is gone; the other mesh goes on."""
    until("pods of blue are not injected any more", lambda: forgotten.sidecars("nginx-blue") == [])
    assert forgotten.sidecars("nginx-affirmed") == ["affirmed"]


def findings(world: World, *arguments: object) -> set[str]:
    """Run a command that finds something, and return the ids."""
    done = world.multimesh(*arguments, "-o", "json")
    assert done.code == 1, (done.out, done.err)
    return {finding["id"] for finding in json.loads(done.out)["findings"] if finding["severity"] != "info"}


def test_check_tells_it_from_the_previous_manifest(forgotten: World) -> None:
    """The new manifest held against the one before: what was rewritten is so no more."""
    profile = forgotten.folder / "profiles" / "blue"
    assert findings(
        forgotten, "check", forgotten.manifests("blue"), "--previous", forgotten.before, "--profile", profile
    )


def test_check_tells_it_from_the_cluster(forgotten: World) -> None:
    """What lives in the cluster is no mesh of the profile any more."""
    assert findings(forgotten, "check", "--profile", forgotten.folder / "profiles" / "blue", "--cluster")


def test_verify_tells_it(forgotten: World) -> None:
    """The running mesh is not sound."""
    assert findings(forgotten, "verify", "--profile", forgotten.folder / "profiles" / "blue")


def test_the_other_mesh_is_still_sound(forgotten: World) -> None:
    """Verify finds nothing in affirmed: the findings above are blue's own."""
    done = forgotten.multimesh("verify", "--profile", forgotten.folder / "profiles" / "affirmed")
    assert done.code == 0, done.out

"""An upgrade without the post-renderer: what breaks, what reports it, and what mends it (scenario 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import charts
import pytest
from api import until
from world import World, failed
from worlds import in_worlds

pytestmark = in_worlds()


class Forgotten(NamedTuple):
    """A world in which blue was upgraded so, and blue's manifests before."""

    world: World
    before: Path
    profile: Path


@pytest.fixture(scope="module")
def forgotten(meshes: World) -> Forgotten:
    """Upgrade blue's releases without the flag, at the same version."""
    before = meshes.manifests("blue")
    before = before.rename(before.with_name("before"))
    flags = ["--force-conflicts"] * (meshes.helm.major == 4)
    for name, stream in charts.releases(meshes.version, "blue").items():
        done = meshes.stock("upgrade", "blue", name, meshes.stock_chart("blue", stream), *flags)
        # From 1.24 on Helm stops the base of the mesh that does not own the CRDs, and nothing else.
        owned = stream == "base" and "exists and cannot be imported into the current release" in done.err
        assert done.code == 0 or owned, done.err
    return Forgotten(meshes, before, meshes.folder / "profiles" / "blue")


def test_the_pods_of_the_mesh_start_without_a_sidecar(forgotten: Forgotten) -> None:
    """The entry for the label of the mesh is gone; the other mesh goes on."""
    world = forgotten.world
    until("pods of blue are not injected any more", lambda: world.sidecars("nginx-blue") == [])
    assert world.sidecars("nginx-affirmed") == ["affirmed"]


def findings(world: World, *arguments: object) -> dict[str, str]:
    """Run a command that finds something; return the findings above info, by id."""
    done = world.multimesh(*arguments, "-o", "json")
    assert done.code == 1, (done.out, done.err)
    found = json.loads(done.out)["findings"]
    return {one["id"]: json.dumps(one) for one in found if one["severity"] != "info"}


def test_check_tells_it_from_the_previous_manifest(forgotten: Forgotten) -> None:
    """The new manifest is compared with the previous one: what was rewritten is stock again."""
    world, before, profile = forgotten
    found = findings(world, "check", world.manifests("blue"), "--previous", before, "--profile", profile)
    assert "stock-name" in found, found


def test_check_tells_it_from_the_cluster(forgotten: Forgotten) -> None:
    """What is in the cluster is not a mesh of the profile any more; before the upgrade, this found no error."""
    world, _, profile = forgotten
    found = findings(world, "check", "--profile", profile, "--cluster")
    assert any("blue" in said for said in found.values()), found


def test_verify_tells_it(forgotten: Forgotten) -> None:
    """The running mesh is not sound, and the finding names the cause."""
    world, _, profile = forgotten
    found = findings(world, "verify", "--profile", profile)
    assert {"stock-name", "injection-overlap"} <= found.keys(), found


def test_the_other_mesh_is_still_sound(forgotten: Forgotten) -> None:
    """Verify finds nothing in affirmed: the findings above are blue's own."""
    world = forgotten.world
    done = world.multimesh("verify", "--profile", world.folder / "profiles" / "affirmed")
    assert done.code == 0, done.out


def test_an_upgrade_through_the_post_renderer_mends_it(forgotten: Forgotten) -> None:
    """A stock release becomes a mesh again, in the same way as a stock 1.5 release in place."""
    world, _, profile = forgotten
    before = world.of_mesh("affirmed", "resourceVersion")
    flags = ["--force-conflicts"] * (world.helm.major == 4)
    assert failed(world.upgrade("blue", *flags, known=False)) == {}
    world.is_whole()
    assert before == world.of_mesh("affirmed", "resourceVersion")
    done = world.multimesh("verify", "--profile", profile)
    assert done.code == 0, done.out

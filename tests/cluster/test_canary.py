"""A canary revision of one mesh, promoted in the order of the documentation (scenario 6)."""

from __future__ import annotations

import charts
import pytest
from api import until
from helms import Ran
from standin import REVISION
from world import MESHES, World
from worlds import MODERN, in_worlds

pytestmark = in_worlds(*MODERN)

OLD, NEW = "affirmed", "affirmed-canary"


@pytest.fixture(scope="module")
def meshes(world: World) -> World:
    """Install both meshes, and make a namespace that asks for the canary."""
    for mesh in MESHES:
        world.install(mesh)
    world.namespace("tries-canary", **{"multimesh.dev/mesh": "affirmed", REVISION: NEW})
    return world


def put(world: World, command: str, name: str) -> Ran:
    """Install or upgrade one release of affirmed by its profile as it is now."""
    if name == f"istiod-{NEW}":
        text = charts.canary(charts.text(world.version, "affirmed", "istiod"), "affirmed", NEW)
        chart = charts.write(world.folder / "charts" / name, text)
    else:
        chart = world.chart("affirmed", charts.releases(world.version, "affirmed")[name])
    flags = ["--force-conflicts"] * (world.helm.major == 4 and command == "upgrade")
    done = world.release(command, "affirmed", name, chart, *flags, post=("--upgrade",) if command == "upgrade" else ())
    assert done.code == 0, done.err
    world.start("affirmed")
    return done


def one_sidecar(world: World, namespace: str) -> str:
    """Create a pod, and return the mesh and revision of its only sidecar."""
    found = world.identities(namespace)
    assert len(found) == 1, found
    return found[0]


def test_a_canary_injects_who_asks_for_it_and_nobody_else(meshes: World) -> None:
    """The label of the mesh still leads to the revision of the profile."""
    meshes.profile("affirmed", canaryRevisions=[NEW])
    put(meshes, "install", f"istiod-{NEW}")
    until("the canary injects", lambda: meshes.identities("tries-canary") == [f"affirmed/{NEW}"])
    assert one_sidecar(meshes, "nginx-affirmed") == f"affirmed/{OLD}"
    assert meshes.reviews_of_last() == ["affirmed"]
    assert one_sidecar(meshes, "nginx-blue") == "blue/blue"


def test_a_promotion_has_no_gap_and_no_pod_with_two_sidecars(meshes: World) -> None:
    """New istiod, base, old istiod: at every step the pods of the label get exactly one sidecar, and blue is as it was."""
    before = meshes.of_mesh("blue", "resourceVersion")
    meshes.profile("affirmed", revision=NEW, canaryRevisions=[OLD])
    for name in (f"istiod-{NEW}", "istio-base-affirmed", "istiod-affirmed"):
        with meshes.watched("nginx-affirmed") as seen:
            put(meshes, "upgrade", name)
        # Between Helm's write of the new entry and the control plane's, a pod may be held back; its owner tries again.
        started = [found for found in seen if found[0] != "refused"]
        assert started
        assert {len(found) for found in started} == {1}, (name, started)
        assert {True} >= {"failed calling webhook" in found[1] for found in seen if found[0] == "refused"}, (name, seen)
    until("the label leads to the new one", lambda: meshes.identities("nginx-affirmed") == [f"affirmed/{NEW}"])
    until(
        "the old one is not asked", lambda: meshes.identities("nginx-affirmed") and len(meshes.reviews_of_last()) == 1
    )
    assert before == meshes.of_mesh("blue", "resourceVersion")
    assert one_sidecar(meshes, "nginx-blue") == "blue/blue"


def test_the_old_revision_can_go(meshes: World) -> None:
    """Once it is uninstalled, the new one injects and validates alone."""
    meshes.run("uninstall", "istiod-affirmed", "-n", "istio-affirmed")
    meshes.stop_one("affirmed", "istiod-affirmed")
    assert one_sidecar(meshes, "nginx-affirmed") == f"affirmed/{NEW}"
    assert f"affirmed/{NEW}" in meshes.denial("nginx-affirmed")

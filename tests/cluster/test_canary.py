"""A canary revision of one mesh, promoted in the order of the documentation (scenario 6)."""

from __future__ import annotations

from collections.abc import Iterator

import charts
import pytest
from api import until
from helms import Ran
from standin import REVISION
from world import World
from worlds import MODERN, in_worlds

pytestmark = in_worlds(*MODERN)

OLD, NEW = "affirmed", "affirmed-canary"


@pytest.fixture(scope="module")
def trial(meshes: World) -> Iterator[World]:
    """Create a namespace that selects the canary, for a while: nobody serves its revision afterwards."""
    meshes.namespace("tries-canary", **{"multimesh.dev/mesh": "affirmed", REVISION: NEW})
    yield meshes
    meshes.end_namespaces("tries-canary")


def put(world: World, command: str, name: str, *, serve: bool = True) -> Ran:
    """Install or upgrade one release of affirmed by its profile as it is now."""
    if name == f"istiod-{NEW}":
        text = charts.canary(charts.text(world.version, "affirmed", "istiod"), "affirmed", NEW)
        chart = charts.write(world.folder / "charts" / name, text)
    else:
        chart = world.chart("affirmed", charts.releases(world.version, "affirmed")[name])
    flags = ["--force-conflicts"] * (world.helm.major == 4 and command == "upgrade")
    done = world.release(command, "affirmed", name, chart, *flags, post=("--upgrade",) if command == "upgrade" else ())
    assert done.code == 0, done.err
    world.start("affirmed", serve=serve)
    return done


def one_sidecar(world: World, namespace: str) -> str:
    """Create a pod, and return the mesh and revision of its only sidecar."""
    found = world.identities(namespace)
    assert len(found) == 1, found
    return found[0]


def test_a_canary_injects_who_asks_for_it_and_nobody_else(trial: World) -> None:
    """The label of the mesh still selects the revision of the profile."""
    trial.profile("affirmed", canaryRevisions=[NEW])
    put(trial, "install", f"istiod-{NEW}")
    until("the canary injects", lambda: trial.identities("tries-canary") == [f"affirmed/{NEW}"])
    assert one_sidecar(trial, "nginx-affirmed") == f"affirmed/{OLD}"
    assert trial.reviews_of_last() == ["affirmed"]
    assert one_sidecar(trial, "nginx-blue") == "blue/blue"


def change_places(world: World, to: str, was: str) -> None:
    """Promote one revision: its istiod, base, the other istiod; at every step pods get exactly one sidecar."""
    world.profile("affirmed", revision=to, canaryRevisions=[was])
    for name in (f"istiod-{to}", "istio-base-affirmed", f"istiod-{was}"):
        with world.watched("nginx-affirmed") as seen:
            put(world, "upgrade", name)
        # Between Helm's write of the new entry and the control plane's, a pod may be refused; its owner tries again.
        started = [found for found in seen if found[0] != "refused"]
        assert started
        assert {len(found) for found in started} == {1}, (name, started)
        assert {True} >= {"failed calling webhook" in found[1] for found in seen if found[0] == "refused"}, (name, seen)
    until("the label leads to the new one", lambda: world.identities("nginx-affirmed") == [f"affirmed/{to}"])
    until("the old one is not asked", lambda: world.identities("nginx-affirmed") and len(world.reviews_of_last()) == 1)


def test_a_promotion_has_no_gap_and_no_pod_with_two_sidecars(trial: World) -> None:
    """The pods of the label move; blue's do not, and no object of blue is written."""
    before = trial.of_mesh("blue", "resourceVersion")
    change_places(trial, NEW, OLD)
    assert before == trial.of_mesh("blue", "resourceVersion")
    assert one_sidecar(trial, "nginx-blue") == "blue/blue"


def test_the_new_revision_serves_alone(trial: World) -> None:
    """With the old control plane down, nobody waits for it: the new one injects and validates."""
    trial.stop_one("affirmed", f"istiod-{OLD}")
    assert one_sidecar(trial, "nginx-affirmed") == f"affirmed/{NEW}"
    until("the new one validates", lambda: f"affirmed/{NEW}" in trial.denial("nginx-affirmed"))
    trial.start("affirmed")


def test_the_way_back_has_no_gap_either(trial: World) -> None:
    """The revisions change places, then the release of the canary is removed; what remains is what was there before."""
    change_places(trial, OLD, NEW)
    trial.run("uninstall", f"istiod-{NEW}", "-n", "istio-affirmed")
    trial.stop_one("affirmed", f"istiod-{NEW}")
    trial.profile("affirmed")
    assert one_sidecar(trial, "nginx-affirmed") == f"affirmed/{OLD}"
    trial.is_whole()

"""Two meshes by multimesh: installed, injecting, validating, beside a stock one, and one of them down.

Scenarios 2, 3, 4 and 8. The tests of one world build on each other, in their order.
"""

from __future__ import annotations

import itertools
import json

import pytest
from api import until
from standin import INJECT, REVISION
from world import FOR_ALL, INJECTION, MESHES, World, some
from worlds import in_worlds

pytestmark = in_worlds()

ENABLED = {"enabled": "system", "enabled-affirmed": "affirmed", "enabled-blue": "blue"}
OF_REVISION = {"affirmed": "affirmed", "blue": "blue", "default": "system"}


def injects(namespace: dict[str, str], pod: dict[str, str]) -> list[str]:
    """Return which mesh should inject a pod by Istio's documentation; the label of a mesh is one more value."""
    if pod.get(INJECT) == "false":
        return []
    if INJECTION in namespace:
        found = ENABLED.get(namespace[INJECTION])
    elif REVISION in namespace:
        found = OF_REVISION[namespace[REVISION]]
    elif REVISION in pod:
        found = OF_REVISION[pod[REVISION]]
    else:
        found = "system" if pod.get(INJECT) == "true" else None
    return [found] if found else []


def test_both_meshes_are_deployed(meshes: World) -> None:
    """Helm installs the second mesh without an error."""
    said = meshes.run("list", "-A", "--short").out.split()
    assert sorted(said) == sorted(name for mesh in MESHES for name in meshes.names(mesh))


def test_every_bundle_is_written_once_and_stays(meshes: World) -> None:
    """Each control plane writes its root into its own configurations, once, and nobody overwrites it."""
    for mesh in MESHES:
        written = [write[:2] for one in meshes.planes[mesh] for write in one.writes if "caBundle" in write.what]
        assert len(written) == len(set(written))
        assert {name for _, name in written} == {name for name, whose in meshes.bundles().items() if whose == {mesh}}
    assert sorted(map(sorted, set(map(frozenset, meshes.bundles().values())))) == [["affirmed"], ["blue"]]


@pytest.mark.parametrize("mesh", MESHES)
def test_an_unlabelled_resource_is_validated_by_its_mesh_alone(meshes: World, mesh: str) -> None:
    """What is invalid is denied by the mesh of its namespace; what is valid is seen by one entry, of that mesh."""
    assert mesh in meshes.denial(f"nginx-{mesh}")
    assert meshes.virtual_service(f"nginx-{mesh}", ["nginx"]) == ""
    assert meshes.reviews_of_last() == [mesh]
    # Of validators the audit log has only what they say themselves, and the real one says nothing.
    by = [asked.configuration.partition("/")[0] for asked in meshes.asked_last()]
    assert by == ([] if meshes.is_real else [mesh])


def test_a_resource_outside_the_meshes_is_validated_by_nobody(meshes: World) -> None:
    """A namespace without the label belongs to no mesh."""
    meshes.namespace("elsewhere")
    assert meshes.denial("elsewhere") == ""
    assert meshes.who_was_asked_last() == set()


def test_check_has_nothing_against_them(meshes: World) -> None:
    """What Helm and the API server accepted has no error, in manifests or in the cluster."""
    profiles = [argument for mesh in MESHES for argument in ("--profile", meshes.folder / "profiles" / mesh)]
    done = meshes.multimesh("check", *map(meshes.manifests, MESHES), *profiles, "--cluster")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("mesh", MESHES)
def test_verify_finds_nothing_on_a_sound_mesh(meshes: World, mesh: str) -> None:
    """Namespaces as `namespaces` writes them, webhooks, control plane, certificates, and a pod: not even an info."""
    meshes.apply_namespaces(mesh)
    pod = meshes.pod(f"nginx-{mesh}", dry_run=False)
    done = meshes.multimesh("verify", "--profile", meshes.folder / "profiles" / mesh, "-o", "json")
    assert (done.code, json.loads(done.out)["findings"]) == (0, []), done.err
    meshes.api.delete("Pod", pod["metadata"]["name"], f"nginx-{mesh}")


def test_each_pod_is_injected_by_its_own_mesh_once_or_by_nobody(beside_stock: World) -> None:
    """All values of both namespace labels, with all values of both pod labels, two meshes beside a stock one."""
    world = beside_stock
    revisions = [None] if world.is_1_5 else [None, "affirmed", "blue", "default"]
    injections = [None, "enabled", "disabled", "enabled-affirmed", "enabled-blue"]
    namespaces = {
        f"{FOR_ALL}{injections.index(injection)}-{len(revision or '')}": some(
            **{INJECTION: injection, REVISION: revision}
        )
        for injection, revision in itertools.product(injections, revisions)
    }
    world.namespaces(namespaces)
    expected, actual = {}, {}
    for namespace, labels in namespaces.items():
        for inject, revision in itertools.product([None, "true", "false"], revisions):
            pod = some(**{INJECT: inject, REVISION: revision})
            case = (str(labels), str(pod))
            # Up to 1.5 there is no label for a pod, only an annotation, and it cannot choose between meshes.
            should = injects(labels, pod) if not world.is_1_5 or INJECTION in labels else []
            actual[case] = (world.sidecars(namespace, **pod), len(world.reviews_of_last()))
            # The injector of 1.5 is asked, and reads the annotation itself.
            asked = len(should) if not world.is_1_5 else len(injects(labels, {}))
            expected[case] = (should, asked)
    assert expected == actual


@pytest.mark.parametrize("mesh", MESHES)
def test_beside_a_stock_mesh_resources_are_still_validated_by_their_own(beside_stock: World, mesh: str) -> None:
    """The stock istiod validates what has its revision; galley of 1.5 validates everything."""
    assert meshes_of(beside_stock, f"nginx-{mesh}") == {mesh} | ({"system"} if beside_stock.is_1_5 else set())


def meshes_of(world: World, namespace: str) -> set[str]:
    """Try a valid VirtualService, and return the meshes that were asked."""
    assert world.virtual_service(namespace, ["nginx"]) == ""
    return world.who_was_asked_last()


def test_a_mesh_that_is_down_holds_back_its_own_pods_and_no_others(meshes: World) -> None:
    """Blue fails closed; affirmed injects and validates as before."""
    meshes.stop("blue")
    until("pods of blue are held back", lambda: meshes.sidecars("nginx-blue")[0] == "refused")
    assert "failed calling webhook" in meshes.sidecars("nginx-blue")[1]
    assert "failed calling webhook" in meshes.virtual_service("nginx-blue", ["nginx"])
    assert meshes.sidecars("nginx-affirmed") == ["affirmed"]
    assert "affirmed" in meshes.denial("nginx-affirmed")
    assert meshes.virtual_service("nginx-affirmed", ["nginx"]) == ""
    meshes.start("blue")
    assert meshes.sidecars("nginx-blue") == ["blue"]

"""Removal of the mesh that owns nothing, then of the owner: the rest works, the CRDs stay (scenario 10)."""

from __future__ import annotations

import pytest
from world import MESHES, World
from worlds import in_worlds

pytestmark = in_worlds()


@pytest.fixture(scope="module")
def meshes(world: World) -> World:
    """Install both meshes, and let users write resources in them."""
    for mesh in MESHES:
        world.install(mesh)
        assert world.virtual_service(f"nginx-{mesh}", ["nginx"], dry_run=False) == ""
    return world


def remove(world: World, mesh: str) -> None:
    """Uninstall every release of a mesh, the last first, and let its control plane end."""
    for name in reversed(world.names(mesh)):
        done = world.run("uninstall", name, "-n", f"istio-{mesh}")
        assert done.code == 0, done.err
    world.stop(mesh)


def test_removing_the_mesh_that_owns_nothing_leaves_the_other_as_it_is(meshes: World) -> None:
    """No object of affirmed is written, it injects and validates; of blue nothing is left that Helm had installed."""
    before, crds = meshes.of_mesh("affirmed", "resourceVersion"), meshes.crds()
    remove(meshes, "blue")
    assert before == meshes.of_mesh("affirmed", "resourceVersion")
    assert crds == meshes.crds()
    assert meshes.sidecars("nginx-affirmed") == ["affirmed"]
    assert "affirmed" in meshes.denial("nginx-affirmed")
    # Kubernetes makes these in every namespace, users the routes; those of Istio's own making are listed in the manual.
    made = {f"{kind}/{name}" for kind, name in meshes.of_mesh("blue")}
    assert {
        name.split("/")[0] + "/" + name.split("/")[2] for name in made if not name.startswith("VirtualService")
    } == {
        "ConfigMap/kube-root-ca.crt",
        "ServiceAccount/default",
    }


def test_what_the_removed_mesh_leaves_holds_nobody_up(meshes: World) -> None:
    """Its namespaces keep their labels; pods start there without a sidecar, and nobody validates."""
    assert meshes.sidecars("nginx-blue") == []
    assert meshes.denial("nginx-blue") == ""


def test_removing_the_owner_leaves_the_crds_and_what_users_wrote(meshes: World) -> None:
    """The last mesh goes, too: every CRD stays, and so does every resource of its kinds."""
    crds = meshes.crds()
    remove(meshes, "affirmed")
    assert crds == meshes.crds()
    assert len(crds) >= 14
    assert {f"nginx-{mesh}" for mesh in MESHES} == {
        obj["metadata"]["namespace"] for obj in meshes.api.list("VirtualService")
    }
    assert meshes.bundles() == {}

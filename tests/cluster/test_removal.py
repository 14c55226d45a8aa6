"""Removal of the mesh that owns nothing, then of the owner: the other mesh works, and the CRDs stay (scenario 10)."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch

import pytest
from helms import ROOT
from standin import REVISION
from world import INJECTION, MESH, MESHES, World
from worlds import in_worlds

pytestmark = in_worlds()


@pytest.fixture(scope="module")
def used(meshes: World) -> World:
    """Let users write resources in both meshes, for the last time."""
    meshes.spent = True
    for mesh in MESHES:
        assert meshes.virtual_service(f"nginx-{mesh}", ["nginx"], dry_run=False) == ""
    return meshes


def test_removing_the_mesh_that_owns_nothing_leaves_the_other_as_it_is(used: World) -> None:
    """No object of affirmed is written, it injects and validates; what is left of blue is what `verify --removed` lists."""
    before, crds = used.of_mesh("affirmed", "resourceVersion"), used.crds()
    used.remove("blue")
    assert before == used.of_mesh("affirmed", "resourceVersion")
    assert crds == used.crds()
    assert used.sidecars("nginx-affirmed") == ["affirmed"]
    assert "affirmed" in used.denial("nginx-affirmed")
    labels = {f"Namespace/{name}" for name in labelled(used, "blue")}
    assert {"Namespace/istio-blue", "Namespace/nginx-blue"} <= labels
    left = used.left_of("blue")
    assert left | labels == told(used, "blue")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = set(
        re.findall(r"`(istio[\w.-]*\*?)`", page[page.index("What the control plane created while it ran stays") :])
    )
    assert [name for name in left if not any(fnmatch(name.split("/")[-1], one) for one in listed)] == []


def labelled(world: World, mesh: str) -> set[str]:
    """Return the names of namespaces that have a label of a mesh."""
    wanted = {MESH: mesh, INJECTION: f"enabled-{mesh}", REVISION: mesh}
    return {
        namespace["metadata"]["name"]
        for namespace in world.api.list("Namespace")
        if wanted.items() & (namespace["metadata"].get("labels") or {}).items()
    }


def told(world: World, mesh: str) -> set[str]:
    """Return what `verify --removed` lists."""
    profile = world.folder / "profiles" / mesh
    done = world.multimesh("verify", "--profile", profile, "--removed", "-o", "json")
    assert done.code == 0, done.err
    return {one["message"].split()[0] for one in json.loads(done.out)["findings"] if one["id"] == "left-behind"}


def test_what_the_removed_mesh_leaves_holds_nobody_up(used: World) -> None:
    """Its namespaces keep their labels; pods start there without a sidecar, and nobody validates."""
    assert used.sidecars("nginx-blue") == []
    assert used.denial("nginx-blue") == ""


def test_removing_the_owner_leaves_the_crds_and_what_users_wrote(used: World) -> None:
    """After the last mesh is removed, every CRD stays, and so does every resource of its kinds."""
    crds = used.crds()
    used.remove("affirmed")
    assert crds == used.crds()
    assert len(crds) >= 14
    assert {f"nginx-{mesh}" for mesh in MESHES} == {
        obj["metadata"]["namespace"] for obj in used.api.list("VirtualService")
    }
    assert used.bundles() == {}

"""`helm upgrade` to the next version: the owner first, then the other mesh, each without the other noticing (scenario 5).

With 1.5 there is no next version, since its releases are others, and after 1.30.3 no later stream.
"""

from __future__ import annotations

import itertools

import pytest
from world import World, failed
from worlds import MODERN, in_worlds

NEXT = dict(itertools.pairwise(MODERN))

pytestmark = in_worlds(*NEXT)

MAY_NOT = "exists and cannot be imported into the current release"


@pytest.fixture(scope="module")
def older(meshes: World) -> World:
    """Return both meshes at a version that has a next one; the world is not reused afterwards."""
    meshes.wants(NEXT[meshes.version])
    meshes.spent = True
    meshes.version = NEXT[meshes.version]
    return meshes


def test_the_owner_goes_first_and_the_other_mesh_keeps_every_object(older: World) -> None:
    """From 1.23 or older to 1.24 or newer Helm wants `--take-ownership` once, for the CRDs, and refuses without."""
    before = older.of_mesh("blue", "resourceVersion")
    flags = []
    if older.began == "1.16.7":
        said = failed(older.upgrade("affirmed"))
        assert list(said) == ["istio-base-affirmed"]
        assert MAY_NOT in said["istio-base-affirmed"]
        assert "CustomResourceDefinition" in said["istio-base-affirmed"]
        flags = ["--take-ownership"]
    assert failed(older.upgrade("affirmed", *flags)) == {}
    assert before == older.of_mesh("blue", "resourceVersion")
    older.is_whole()


def test_then_the_other_mesh_follows_and_the_owner_keeps_every_object(older: World) -> None:
    """Blue owns no CRD, so it needs no flag."""
    before, crds = older.of_mesh("affirmed", "resourceVersion"), older.crds()
    assert failed(older.upgrade("blue")) == {}
    assert before == older.of_mesh("affirmed", "resourceVersion")
    assert crds == older.crds()
    older.is_whole()

"""One chain of upgrades of two meshes, from 1.16 to the newest version: base, istiod and gateway, the owner first.

The streams of some versions may be absent: the chain has those that are there.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import charts
import pytest
import yaml
from streams import streams
from world import MESHES, World

#: One version of each minor of the chain. The ones without a stream are left out.
CHAIN = ("1.16.7", "1.20.8", "1.24.6", "1.27.9", "1.30.3", "1.31.0-rc.0")
RELEASES = ("base", "istiod", "gateway")

#: The first minor whose CRDs are templates of base, and the last one in which a CRD lacks the annotation that keeps it.
CRD_TEMPLATES, CRD_WITHOUT_KEEP = (1, 24), (1, 28)

BOTH = pytest.mark.parametrize("bare", [(3, CHAIN[0]), (4, CHAIN[0])], ids=["helm3", "helm4"], indirect=True)


def chain() -> list[str]:
    """Return the versions of the chain that have streams of all charts; skip without two of them."""
    found = [v for v in CHAIN if {s.chart for s in streams(helm="helm3", version=v, mesh="blue")} >= set(RELEASES)]
    if len(found) < 2:
        pytest.skip("the streams of fewer than two versions of the chain are there")
    return found


def chart(world: World, mesh: str, stream: str, version: str) -> Path:
    """Write the chart of one release, with the values that `multimesh values` writes."""
    text = charts.text(version, mesh, stream)
    if mesh != "affirmed" and stream == "base" and CRD_TEMPLATES <= charts.minor(version) <= CRD_WITHOUT_KEEP:
        text = charts.without(text, "CustomResourceDefinition")  # base.excludedCRDs
    crds = charts.base_crds(version) if (mesh, stream) == ("affirmed", "base") else ""  # the others: --skip-crds
    return charts.write(world.folder / "charts" / f"{version}-{mesh}-{stream}", text, crds)


def name(mesh: str, stream: str) -> str:
    """Return the name of a release; that of the gateway is in the stream."""
    return {"base": f"istio-base-{mesh}", "istiod": f"istiod-{mesh}", "gateway": f"ingress-{mesh}"}[stream]


def upgrade(world: World, mesh: str, before: str, version: str) -> None:
    """Upgrade the releases of a mesh in the order of the manual, and run its new control plane."""
    takes = mesh == "affirmed" and charts.minor(before) < CRD_TEMPLATES <= charts.minor(version)
    for stream in RELEASES:
        flags = ["--take-ownership"] if takes and stream == "base" else []
        done = world.release(
            "upgrade", mesh, name(mesh, stream), chart(world, mesh, stream, version), *flags, post=("--upgrade",)
        )
        assert done.code == 0, f"{mesh} {stream} {before} -> {version}: {done.err}"
        if stream == "istiod":
            world.start(mesh)


def in_manifests(world: World, mesh: str) -> set[tuple[str, str]]:
    """Return kind and name of every object in the manifests that Helm has stored of a mesh."""
    found = set()
    for file in world.manifests(mesh).iterdir():
        for item in filter(None, yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)):
            found.add((item["kind"], f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"))
    return found


@BOTH
def test_no_upgrade_of_the_chain_makes_an_object_anew_or_touches_the_other_mesh(bare: World) -> None:
    """Each uid stays whose object the next chart has too, only what it lacks goes, and the other mesh is not written."""
    versions = chain()
    for mesh in MESHES:
        bare.install(mesh)
        done = bare.release("install", mesh, name(mesh, "gateway"), chart(bare, mesh, "gateway", versions[0]))
        assert done.code == 0, done.err
    for before, version in itertools.pairwise(versions):
        for mesh, other in (MESHES, MESHES[::-1]):
            where = f"{mesh} {before} -> {version}"
            uids, crds, listed = bare.of_mesh(mesh), bare.crds(), in_manifests(bare, mesh)
            untouched = bare.of_mesh(other, "resourceVersion")
            bare.version = version
            upgrade(bare, mesh, before, version)
            after = bare.of_mesh(mesh)
            assert {key for key in uids.keys() & after.keys() if uids[key] != after[key]} == set(), where
            assert uids.keys() - after.keys() <= listed - in_manifests(bare, mesh), where
            assert untouched == bare.of_mesh(other, "resourceVersion"), where
            assert crds.items() <= bare.crds().items(), where
    bare.is_whole()

"""The stock chart twice, without us: what happens, and that `check` says so beforehand (scenarios 1 and 11)."""

from __future__ import annotations

import json
import re

import charts
import pytest
from helms import Ran
from world import MESHES, World
from worlds import in_worlds

pytestmark = in_worlds()

#: What the second install stumbles over first.
FIRST = {
    "1.5.0": r"(ClusterRole|ClusterRoleBinding|MutatingWebhookConfiguration|ValidatingWebhookConfiguration)",
    "1.16.7": r"ValidatingWebhookConfiguration",
    "1.24.6": r"CustomResourceDefinition",
    "1.30.3": r"CustomResourceDefinition",
}


@pytest.fixture(scope="module")
def second(world: World) -> dict[str, Ran]:
    """Install both meshes from the stock charts, and tell how each release of the second one ended."""
    ended = {}
    for mesh in MESHES:
        world.namespace(f"istio-{mesh}")
        world.profile(mesh)
        for name, stream in charts.releases(world.version, mesh).items():
            flags = ["--skip-crds"] if mesh == "blue" else []
            ended[name] = world.stock("install", mesh, name, world.stock_chart(mesh, stream), *flags)
            assert mesh == "blue" or ended[name].code == 0, ended[name].err
    return ended


def test_the_second_install_fails_and_names_what_is_not_its_own(world: World, second: dict[str, Ran]) -> None:
    """Helm refuses what another release has: this is the message."""
    done = second[world.names("blue")[0]]
    assert done.code == 1
    assert re.search(
        rf"{FIRST[world.version]} \"[\w.-]+\" in namespace \"\" exists and cannot be imported into the current release: "
        r"invalid ownership metadata",
        done.err,
    ), done.err


def test_check_names_beforehand_what_helm_then_stumbles_over(world: World, second: dict[str, Ran]) -> None:
    """For every release of the second mesh: what Helm names, `check` had named."""
    folders = []
    for mesh in MESHES:
        folder = world.folder / "before" / mesh
        folder.mkdir(parents=True)
        for stream in charts.releases(world.version, mesh).values():
            (folder / f"{stream}.yaml").write_text(charts.text(world.version, mesh, stream), encoding="utf-8")
        folders.append(folder)
    done = world.multimesh("check", *folders, "-o", "json")
    assert done.code == 1, done.err
    named = {
        side["resource"]
        for finding in json.loads(done.out)["findings"]
        if finding["severity"] == "error"
        for side in finding["sides"]
    }
    collided = []
    for name in world.names("blue"):
        if found := re.search(r'(\w+) "([\w.-]+)" in namespace "" exists and cannot be imported', second[name].err):
            collided.append("/".join(found.groups()))
        else:
            assert second[name].code == 0, second[name].err
    assert collided
    assert set(collided) <= named

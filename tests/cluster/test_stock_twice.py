"""The stock chart twice, without multimesh: what happens, and that `check` reports it before (scenarios 1 and 11)."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import charts
import pytest
from helms import Ran
from world import MESHES, World
from worlds import in_worlds

pytestmark = in_worlds()
SPENDS = True

#: The object at which the second install fails.
FIRST = {
    "1.5.0": r"(ClusterRole|ClusterRoleBinding|MutatingWebhookConfiguration|ValidatingWebhookConfiguration)",
    "1.16.7": r"ValidatingWebhookConfiguration",
    "1.24.6": r"CustomResourceDefinition",
    "1.30.3": r"CustomResourceDefinition",
}


class Second(NamedTuple):
    """The result for the second mesh: which objects the API server refused, and how Helm ended for each release."""

    refused: set[str]
    ended: dict[str, Ran]


@pytest.fixture(scope="module")
def second(world: World) -> Second:
    """Install both meshes from the stock charts; of the second one, try every object first."""
    refused, ended = set(), {}
    for mesh in MESHES:
        world.namespace(f"istio-{mesh}")
        world.profile(mesh)
        for name, stream in charts.releases(world.version, mesh).items():
            chart = world.stock_chart(mesh, stream)
            if mesh == "blue":
                refused |= world.collisions(charts.text(world.version, mesh, stream))
            flags = ["--skip-crds"] if mesh == "blue" else []
            ended[name] = world.stock("install", mesh, name, chart, *flags)
            assert mesh == "blue" or ended[name].code == 0, ended[name].err
    return Second(refused, ended)


def test_the_second_install_fails_and_names_what_is_not_its_own(world: World, second: Second) -> None:
    """Helm refuses what another release owns, with this message."""
    done = second.ended[world.names("blue")[0]]
    assert done.code == 1
    assert re.search(
        rf"{FIRST[world.version]} \"[\w.-]+\" in namespace \"\" exists and cannot be imported into the current release: "
        r"invalid ownership metadata",
        done.err,
    ), done.err


@pytest.fixture(scope="module")
def foretold(world: World) -> dict[str, set[str]]:
    """Run `check` over the stock charts of both; return blue's resources that it names, by the id of the finding."""
    folders = []
    for mesh in MESHES:
        folder = world.folder / "before" / mesh
        folder.mkdir(parents=True)
        for stream in charts.releases(world.version, mesh).values():
            (folder / f"{stream}.yaml").write_text(charts.text(world.version, mesh, stream), encoding="utf-8")
        folders.append(folder)
    done = world.multimesh("check", *folders, "-o", "json")
    assert done.code == 1, done.err
    named: dict[str, set[str]] = {}
    for finding in json.loads(done.out)["findings"]:
        if finding["severity"] == "error":
            sides = {side["resource"] for side in finding["sides"] if side["mesh"].endswith("blue")}
            named.setdefault(finding["id"], set()).update(sides)
    return named


def test_check_names_beforehand_what_helm_then_stumbles_over(
    world: World, second: Second, foretold: dict[str, set[str]]
) -> None:
    """For every release of the second mesh: what Helm names, `check` had named."""
    collided = []
    for name in world.names("blue"):
        done = second.ended[name]
        if found := re.search(r'(\w+) "([\w.-]+)" in namespace "" exists and cannot be imported', done.err):
            collided.append("/".join(found.groups()))
        else:
            assert done.code == 0, done.err
    assert collided
    assert set(collided) <= set().union(*foretold.values())


def test_check_names_all_that_the_api_server_refuses_and_nothing_else(
    second: Second, foretold: dict[str, set[str]]
) -> None:
    """Helm stops at the first object; the API server was asked about every one."""
    named = {what for id_ in ("cluster-scoped-name", "two-owners", "node-port") for what in foretold.get(id_, ())}
    assert second.refused
    assert {what.split(" ")[0] for what in named} == second.refused

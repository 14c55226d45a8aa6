"""`explain` names the webhooks that the API server calls, for all labels that decide.

Two meshes by multimesh beside a stock one. What was called is in the audit log, in the order of the calls; of
validators the stand-ins say it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from standin import INJECT, REVISION
from world import INJECTION, World, some
from worlds import in_worlds

from multimesh.check.meshes.answers import Asked, Watcher, answering, injectors, validators
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.sources.manifests import read_file
from multimesh.cli import main
from multimesh.mesh.names import MESH_LABEL

pytestmark = in_worlds("1.30.3", helms=(4,))

READ = "namespaces,deployments,mutatingwebhookconfigurations,validatingwebhookconfigurations"
NAME = "kubernetes.io/metadata.name"
INJECTIONS = (None, "enabled", "disabled", "enabled-affirmed", "enabled-blue")
REVISIONS = (None, "affirmed", "blue", "default")
INJECTS = (None, "true", "false")
MESHES = (None, "affirmed", "blue")


@pytest.fixture(scope="module")
def spaces(beside_stock: World) -> Iterator[dict[str, dict[str, str]]]:
    """Create a namespace for each combination of labels, for a while: `verify` of other modules finds the labels."""
    found = {
        f"explained-{number}": some(**{INJECTION: injection, REVISION: revision, MESH_LABEL: mesh})
        for number, (injection, revision, mesh) in enumerate(itertools.product(INJECTIONS, REVISIONS, MESHES))
        # The label of the mesh decides who validates, the others who injects.
        if mesh is None or revision is None
    }
    beside_stock.namespaces(found)
    yield found
    beside_stock.end_namespaces(*found)


@pytest.fixture(scope="module")
def saved(beside_stock: World, spaces) -> str:
    """Save what decides in the cluster, as a user would."""
    done = beside_stock.kubectl("get", READ, "-A", "-o", "json")
    assert done.code == 0, done.err
    file = beside_stock.folder / "saved.json"
    file.write_text(done.out)
    return str(file)


@pytest.fixture(scope="module")
def known(saved: str) -> list[Mesh]:
    """Return the meshes that `explain` finds in the cluster."""
    return with_live_meshes(read_file(saved).objects, [])


def named(watchers: list[Watcher], asked: Asked) -> list[tuple[str, str]]:
    return [(one.title.partition("/")[2], one.entry) for one in watchers if one.answers(asked)]


def called(world: World) -> list[tuple[str, str]]:
    """Return the configurations and entries that the API server called for the last object, in their order."""
    # The stand-ins add notes to the audit log, with their mesh and revision instead of a configuration.
    return [tuple(one) for one in world.asked_last() if "/" not in one.configuration]


def test_the_api_server_calls_the_injectors_that_are_explained(beside_stock: World, spaces, known) -> None:
    """The same entries in the same order, for all labels of namespaces with all labels of pods."""
    expected, actual = {}, {}
    for space, own in spaces.items():
        for inject, revision in itertools.product(INJECTS, REVISIONS):
            labels = some(**{INJECT: inject, REVISION: revision})
            asked = Asked("", "pods", labels, {**own, NAME: space})
            beside_stock.pod(space, **labels)
            case = (str(own), str(labels))
            expected[case] = called(beside_stock)
            actual[case] = named(injectors(known, asked), asked)
    assert actual == expected
    assert len({tuple(found) for found in expected.values()}) > 3


def test_the_api_server_calls_the_validators_that_are_explained(beside_stock: World, spaces, known) -> None:
    """The same meshes, for all labels of namespaces with the revisions of a resource."""
    expected, actual = {}, {}
    for space, own in spaces.items():
        for revision in REVISIONS:
            labels = some(**{REVISION: revision})
            asked = Asked("networking.istio.io", "virtualservices", labels, {**own, NAME: space})
            assert beside_stock.virtual_service(space, ["nginx"], **labels) == ""
            case = (str(own), str(labels))
            expected[case] = sorted(beside_stock.who_was_asked_last())
            found = answering(validators(known, asked), asked)
            actual[case] = sorted({"default": "system", "istio-system": "system"}.get(name, name) for name in found)
    assert actual == expected
    assert len({tuple(found) for found in expected.values()}) > 3


def test_the_command_says_the_same(beside_stock: World, spaces, saved, capsysbinary) -> None:
    """For a pod with a label of its own in each namespace, by the saved objects of the cluster."""
    for space in spaces:
        beside_stock.pod(space, **{REVISION: "blue"})
        code = main(["explain", "pod", "-n", space, "--labels", f"{REVISION}=blue", "--file", saved])
        out = capsysbinary.readouterr().out.decode()
        assert code == 0
        assert re.findall(r"(?m)^     (\S.*): matches$", out) == [entry for _, entry in called(beside_stock)]

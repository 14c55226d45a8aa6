"""One real control plane for the whole run, and one world for each Helm and version of Istio."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

#: How long each part took, for the summary.
TOOK: dict[str, float] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, so that `make test` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what each module took, its fixtures included."""
    part = Path(report.location[0]).stem
    TOOK[part] = TOOK.get(part, 0) + report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how long each part took."""
    if "control plane" in TOOK:
        terminalreporter.section("how long each part took")
        for part, seconds in TOOK.items():
            if part == "control plane" or part.startswith("test_"):
                terminalreporter.write_line(f"{seconds:7.1f} s  {part}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Start a real API server, or say in one plain line why there is none."""
    import binaries

    try:
        programs = binaries.find()
    except binaries.Unavailable as error:
        if os.environ.get("MULTIMESH_REQUIRE_CLUSTER"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    from controlplane import ControlPlane

    folder = tmp_path_factory.mktemp("cluster")
    plane = ControlPlane(folder, programs)
    began = time.monotonic()
    try:
        plane.start()
        TOOK["control plane"] = time.monotonic() - began
        yield plane
    finally:
        plane.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Hand out a cluster without meshes, for the Helm and the version of Istio that the module asks for."""
    from world import World

    major, version = request.param
    made = World(cluster, request.getfixturevalue(f"helm{major}"), version, tmp_path_factory.mktemp("world"))
    try:
        yield made
    finally:
        made.wipe()

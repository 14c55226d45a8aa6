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
CLUSTER = "control plane"

#: The modules that share a world, in the order that costs least: each leaves it as it found it, up to the last ones.
LIFE = (
    "readers",
    "stock_twice",
    "two_meshes",
    "explain",
    "policies",
    "faults",
    "upgrade",
    "canary",
    "forgotten",
    "removal",
    "next_version",
)
#: The modules of which each test begins with an empty cluster.
ALONE = ("proof", "operations", "gateways", "chain", "life", "ownership")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark every test of this directory, so that `make test` skips it; run tests that share a world together.

    A world that is not as a module wants it is made anew, so the order costs time and nothing else.
    """
    for item in filter(_is_ours, items):
        item.add_marker(pytest.mark.cluster)
    yield
    places = iter(sorted(filter(_is_ours, items), key=_place))
    items[:] = [next(places) if _is_ours(item) else item for item in items]


def _is_ours(item: pytest.Item) -> bool:
    return HERE in item.path.parents


def _place(item: pytest.Item) -> tuple[str, int]:
    callspec = getattr(item, "callspec", None)
    world = callspec.params.get("world") if callspec else None
    module = item.path.stem.removeprefix("test_")
    return (str(world), LIFE.index(module)) if isinstance(world, tuple) else ("later", 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> object:
    """Give all tests that share a world to one process of several (`pytest -n`), each of which has its own control plane."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWorld(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return shared(nodeid)

    return ByWorld(config, log)


def shared(nodeid: str) -> str:
    """Return what a test shares with others: a world, nothing if it needs an empty cluster, else its module."""
    path, _, test = nodeid.partition("::")
    module = Path(path).stem.removeprefix("test_")
    if module in LIFE:
        return test[test.rindex("helm") :].rstrip("]")
    return nodeid if module in ALONE else path


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what each module took, its fixtures included."""
    part = Path(report.location[0]).stem
    TOOK[part] = TOOK.get(part, 0) + report.duration


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Add the last log lines of the control plane to a failure: of a run on another machine nothing else remains."""
    report = yield
    worlds = getattr(item, "funcargs", {}).get("worlds") if report.failed else None
    if worlds is not None:
        report.sections.append(("what the control plane said", worlds.cluster.said()))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send to the main process how long the control plane of this process took to start."""
    if hasattr(session.config, "workeroutput") and CLUSTER in TOOK:
        session.config.workeroutput[CLUSTER] = TOOK[CLUSTER]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Receive from another process how long its control plane took to start."""
    if found := getattr(node, "workeroutput", {}).get(CLUSTER):
        TOOK[CLUSTER] = max(found, TOOK.get(CLUSTER, 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long each part took."""
    if CLUSTER in TOOK:
        terminalreporter.section("how long each part took")
        for part, seconds in TOOK.items():
            if part == CLUSTER or part.startswith("test_"):
                terminalreporter.write_line(f"{seconds:7.1f} s  {part}")
        import istiod

        terminalreporter.write_line(f"control planes with an istiod: {istiod.described()}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Start a real API server, or skip with one line that says why there is none."""
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
        TOOK[CLUSTER] = time.monotonic() - began
        yield plane
    finally:
        plane.stop()
        shutil.rmtree(folder)


class Worlds:
    """One world at a time, of one Helm and one version of Istio, until another one is requested."""

    def __init__(self, cluster, folders: pytest.TempPathFactory) -> None:
        self.cluster, self._folders = cluster, folders
        self._now = None

    def take(self, helm, version: str, *, empty: bool = False):
        """Return the previous world if it can be reused, else a new one."""
        from world import World

        now = self._now
        if not (now and (now.helm, now.began) == (helm, version) and not now.spent and not empty):
            if now:
                now.wipe()  # if that fails, the next caller tries again
            now = self._now = World(self.cluster, helm, version, self._folders.mktemp("world"))
        return now

    def end(self) -> None:
        """Stop everything that runs; the cluster ends with the run."""
        if self._now:
            self._now.leave()


@pytest.fixture(scope="session")
def worlds(cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Return what makes worlds."""
    made = Worlds(cluster, tmp_path_factory)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, worlds: Worlds) -> Iterator:
    """Return a cluster for the Helm and the version of Istio that the module requests.

    A module that says `SPENDS = True` gets an empty cluster, and need not clean up. After a failure nobody knows
    what is there, so the next module gets a new world.
    """
    major, version = request.param
    spends = getattr(request.module, "SPENDS", False)
    found = worlds.take(request.getfixturevalue(f"helm{major}"), version, empty=spends)
    found.wants(version)
    failed = request.session.testsfailed
    yield found
    found.spent = found.spent or spends or request.session.testsfailed > failed


@pytest.fixture(scope="module")
def meshes(world):
    """Return a world with both meshes, which are installed as the documentation says unless they are there."""
    world.need()
    return world


@pytest.fixture(scope="module")
def beside_stock(meshes) -> Iterator:
    """Add a stock mesh in istio-system, for a while."""
    meshes.install_stock()
    yield meshes
    meshes.remove("system")


@pytest.fixture
def bare(request: pytest.FixtureRequest, worlds: Worlds) -> Iterator:
    """Return a cluster without meshes, for one test that need not clean up."""
    major, version = request.param
    found = worlds.take(request.getfixturevalue(f"helm{major}"), version, empty=True)
    found.wants(version)
    yield found
    found.spent = True

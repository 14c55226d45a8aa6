"""What more than one test module asks pytest for."""

from __future__ import annotations

from collections import Counter

import pytest
import versions
from helms import Helm, helm_of, real_helm


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites what the golden cases expect."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files of tests/golden")


@pytest.fixture(scope="session")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm 3.17.2."""
    return real_helm(3, tmp_path_factory.mktemp("helm3"))


@pytest.fixture(scope="session")
def helm4(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm 4.1.4."""
    return real_helm(4, tmp_path_factory.mktemp("helm4"))


@pytest.fixture(scope="session")
def newest_helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return the newest Helm 3 that the tests know."""
    return helm_of(versions.helms(3)[-1], tmp_path_factory.mktemp("newest-helm3"))


@pytest.fixture(scope="session")
def newest_helm4(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return the newest Helm 4 that the tests know."""
    return helm_of(versions.helms(4)[-1], tmp_path_factory.mktemp("newest-helm4"))


@pytest.fixture(params=["helm3", "newest_helm3", "helm4", "newest_helm4"])
def helm(request: pytest.FixtureRequest) -> Helm:
    """One Helm after the other."""
    return request.getfixturevalue(request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line about all skipped tests: how many for which reason."""
    reasons = Counter(_reason(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        each = "; ".join(f"{number} x {reason}" for reason, number in reasons.most_common())
        terminalreporter.write_line(f"skipped {reasons.total()}: {each}")


def _reason(longrepr: object) -> str:
    """Return why a test was skipped, as one line."""
    said = longrepr[2] if isinstance(longrepr, tuple) else longrepr
    return " ".join(str(said).removeprefix("Skipped: ").split())

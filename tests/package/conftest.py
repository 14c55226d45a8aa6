"""What the tests of packages share: the packages, an interpreter without packages, and Helms of today."""

from __future__ import annotations

from pathlib import Path

import packages
import pytest
import versions
from helms import Helm, helm_of
from pythons import bare_python


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the plugins, signed with a key that is new."""
    directory = tmp_path_factory.mktemp("plugins")
    key = packages.secret_key(directory / "secret.asc")
    return packages.make(directory / "dist", "--only", "plugins", "--key", key)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the prefix of an interpreter without packages."""
    return bare_python(tmp_path_factory.mktemp("pythons") / "bare")


@pytest.fixture(params=versions.helms(4))
def a_helm4(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Return one Helm 4 after the other, with empty directories."""
    return helm_of(request.param, tmp_path)


@pytest.fixture(params=versions.helms(3))
def a_helm3(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """Return one Helm 3 after the other, with empty directories."""
    return helm_of(request.param, tmp_path)

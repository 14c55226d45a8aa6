"""Parameters of tests: every Helm with every version of Istio, or with some."""

from __future__ import annotations

import pytest

VERSIONS = ("1.5.0", "1.16.7", "1.24.6", "1.30.3")
MODERN = VERSIONS[1:]
HELMS = (3, 4)


def in_worlds(*versions: str, helms: tuple[int, ...] = HELMS) -> pytest.MarkDecorator:
    """Run a module in one world after the other."""
    cases = [(major, version) for version in versions or VERSIONS for major in helms]
    return pytest.mark.parametrize(
        "world", cases, ids=[f"helm{major}-{version}" for major, version in cases], indirect=True, scope="module"
    )

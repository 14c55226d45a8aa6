"""The readers of both Helms, for the tests of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import reader


@pytest.fixture(scope="module")
def readers() -> Iterator[dict[str, reader.Reader]]:
    """Both Helms, or a skip."""
    try:
        found = {helm: reader.Reader(helm) for helm in reader.HELMS}
    except reader.Unavailable as error:
        pytest.skip(str(error))
    yield found
    for one in found.values():
        one.close()

"""Find the stock streams next to the checkout.

They are rendered data of another project, and do not belong to this repository.
If they are absent, every test that needs them is skipped, with one reason.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = Path(os.environ.get("MULTIMESH_STREAMS") or ROOT.parent / "shared" / "streams")
REASON = "no streams next to the checkout: ../shared/streams is absent"


class Stream(NamedTuple):
    """One stock stream: what one Helm sends to a post-renderer for one chart and one mesh."""

    helm: str
    version: str
    mesh: str
    chart: str

    @property
    def path(self) -> Path:
        """The file with the stream."""
        return DIRECTORY / self.helm / self.version / self.mesh / f"{self.chart}.yaml"

    @property
    def text(self) -> str:
        """The stream as text, with the line ends of the file."""
        return _read(self.path)

    def objects(self) -> list[dict[str, Any]]:
        """Return all objects of the stream as plain values, and the items of a List instead of the List."""
        found = []
        for one in yaml.load_all(self.text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            found += one["items"] if one and one["kind"] == "List" else [one] if one else []
        return found

    def __str__(self) -> str:
        return f"{self.helm}-{self.version}-{self.mesh}-{self.chart}"


@cache
def _read(path: Path) -> str:
    return path.read_bytes().decode()


@cache
def _all() -> tuple[Stream, ...]:
    files = sorted(DIRECTORY.glob("*/*/*/*.yaml"))
    return tuple(Stream(*file.relative_to(DIRECTORY).parts[:3], file.stem) for file in files)


def streams(*, helm: str = "", version: str = "", mesh: str = "", charts: tuple[str, ...] = ()) -> list[Stream]:
    """Return the streams that exist; an empty condition matches all of them."""
    return [
        s
        for s in _all()
        if (not helm or s.helm == helm)
        and (not version or s.version == version)
        and (not mesh or s.mesh == mesh)
        and (not charts or s.chart in charts)
    ]


def stream(helm: str, version: str, mesh: str, chart: str) -> Stream:
    """Return one stream, or skip the test."""
    found = Stream(helm, version, mesh, chart)
    if not found.path.exists():
        pytest.skip(REASON)
    return found


def over(argument: str, cases: list) -> pytest.MarkDecorator:
    """Parametrize a test over streams (or tuples that begin with one); it skips if there are none."""
    if not cases:
        skipped = pytest.param(*[None] * len(argument.split(",")), marks=pytest.mark.skip(REASON))
        return pytest.mark.parametrize(argument, [skipped])
    ids = ["-".join(str(part) for part in _parts(case)) for case in cases]
    return pytest.mark.parametrize(argument, cases, ids=ids)


def _parts(case: object) -> tuple:
    return case if type(case) is tuple else (case,)

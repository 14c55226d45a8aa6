"""Findings: what is wrong between meshes or inside one, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from multimesh.check.catalogue import CATALOGUE, SEVERITIES, link


class Side(NamedTuple):
    """A place that a finding concerns: mesh, resource, file and line (0 for none); empty where there is none."""

    mesh: str
    resource: str
    file: str
    line: int

    def __str__(self) -> str:
        """Return it as one line of text."""
        where = f"{self.file}:{self.line}" if self.line > 0 else self.file
        return "  ".join(part for part in (where, self.resource, f"(mesh {self.mesh})" if self.mesh else "") if part)


class Finding(NamedTuple):
    """One finding: an id of the catalogue, what was found, and where.

    `severity` and `remedy` are empty where those of the catalogue apply.
    """

    id: str
    message: str
    sides: tuple[Side, ...] = ()
    severity: str = ""
    remedy: str = ""

    @property
    def level(self) -> str:
        """The severity: its own, or that of the catalogue."""
        return self.severity or CATALOGUE[self.id].severity

    @property
    def advice(self) -> str:
        """What to do: its own remedy, or that of the catalogue."""
        return self.remedy or CATALOGUE[self.id].remedy

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {
            "id": self.id,
            "severity": self.level,
            "message": self.message,
            "why": CATALOGUE[self.id].why,
            "remedy": self.advice,
            "docs": link(self.id),
            "sides": [side._asdict() for side in self.sides],
        }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without duplicates, the worst first, then by id, message and place."""
    order = list(CATALOGUE)
    return sorted(
        dict.fromkeys(findings), key=lambda f: (SEVERITIES.index(f.level), order.index(f.id), f.message, f.sides)
    )


def counts(findings: list[Finding]) -> dict[str, int]:
    """Return the number of findings of each severity."""
    return {level: sum(finding.level == level for finding in findings) for level in SEVERITIES}

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


class Ignore(NamedTuple):
    """An entry of .multimesh.yaml: which findings to ignore (empty: any), why, and the file and line that say so."""

    finding: str
    resource: str
    mesh: str
    reason: str
    file: str
    line: int

    def __str__(self) -> str:
        """Return the reason and the place as one line of text."""
        return f"{self.reason}  ({self.file}:{self.line})"


class Finding(NamedTuple):
    """One finding: an id of the catalogue, what was found, and where.

    `severity` and `remedy` are empty where those of the catalogue apply. `ignored` is why it fails nothing. `default`
    is the severity without the settings or --strict, if they have changed it.
    """

    id: str
    message: str
    sides: tuple[Side, ...] = ()
    severity: str = ""
    remedy: str = ""
    ignored: Ignore | None = None
    default: str = ""

    @property
    def level(self) -> str:
        """The severity: its own, or that of the catalogue."""
        return self.severity or CATALOGUE[self.id].severity

    @property
    def label(self) -> str:
        """The severity in words, with the one that it has by default if another was asked for."""
        return f"{self.level} ({self.default} by default)" if self.default else self.level

    def at(self, level: str) -> Finding:
        """Return the finding with a severity that the user asked for."""
        default = self.default or self.level
        return self._replace(severity=level, default=default if default != level else "")

    @property
    def advice(self) -> str:
        """What to do: its own remedy, or that of the catalogue."""
        return self.remedy or CATALOGUE[self.id].remedy

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        more: dict[str, Any] = {"ignored": self.ignored._asdict()} if self.ignored is not None else {}
        if self.default:
            more["defaultSeverity"] = self.default
        return {
            "id": self.id,
            "severity": self.level,
            "message": self.message,
            "why": CATALOGUE[self.id].why,
            "remedy": self.advice,
            "docs": link(self.id),
            "sides": [side._asdict() for side in self.sides],
            **more,
        }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without duplicates, the worst first, then by id, message and place; ignored ones are last."""
    order = list(CATALOGUE)
    return sorted(
        dict.fromkeys(findings),
        key=lambda f: (
            f.ignored is not None,
            SEVERITIES.index(f.level),
            order.index(f.id),
            f.default,
            f.message,
            f.sides,
        ),
    )


def counts(findings: list[Finding]) -> dict[str, int]:
    """Return the number of findings of each severity, without those that are ignored."""
    return {
        level: sum(finding.level == level and finding.ignored is None for finding in findings) for level in SEVERITIES
    }


def parted(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that count, and those that are ignored."""
    found = list(findings)
    return [one for one in found if one.ignored is None], [one for one in found if one.ignored is not None]

"""Write findings as one HTML page: meshes, namespaces, who injects and validates in each, and the findings.

The page loads nothing, has no script, follows the light or dark scheme of the reader, and can be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from multimesh.check.catalogue import CATALOGUE
from multimesh.check.findings import Finding, counts, parted
from multimesh.check.formats.text import summary
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.objects import Object
from multimesh.commands import overview
from multimesh.commands.expected import with_expected
from multimesh.version import __version__


class Group(NamedTuple):
    """The findings of one severity and id."""

    level: str
    name: str
    why: str
    findings: list[Finding]

    @property
    def remedy(self) -> str:
        """What to do, unless each finding says that itself."""
        return CATALOGUE[self.name].remedy if any(not finding.remedy for finding in self.findings) else ""


def page(findings: Sequence[Finding], subject: str, command: str, meshes: Iterable[Mesh], objects: list[Object]) -> str:
    """Return the page of findings, which are ordered. `objects` are those in which Namespaces are looked for."""
    # Only this form needs Jinja2.
    from multimesh.templates import environment

    counted, ignored = parted(findings)
    given = list(meshes)
    shown = [mesh for mesh in given if not mesh.is_unassigned]
    expected = list(map(with_expected, shown))
    # CRDs of charts up to 1.23 belong to no release, and so to no mesh.
    crd_columns, crds = overview.crds(given, findings)
    return (
        environment(Path(), is_html=True)
        .get_template("findings.html.j2")
        .render(
            title=f"multimesh {command}: {subject}",
            summary=summary(list(findings)),
            counts=counts(list(findings)),
            meshes=[mesh.name for mesh in shown],
            expected=[mesh.name for mesh, other in zip(shown, expected, strict=True) if mesh is not other],
            facts=overview.facts(shown, findings),
            namespaces=overview.namespaces(expected, objects, findings),
            overlaps=overview.overlaps(shown, findings),
            crd_columns=crd_columns,
            crds=crds,
            groups=groups(counted),
            ignored=ignored,
            version=__version__,
        )
    )


def groups(findings: Sequence[Finding]) -> list[Group]:
    """Return findings by severity and id."""
    grouped = groupby(findings, key=lambda finding: (finding.level, finding.id))
    return [Group(level, name, CATALOGUE[name].why, list(found)) for (level, name), found in grouped]

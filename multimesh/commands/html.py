"""Write findings as one HTML page: meshes, namespaces, who injects and validates in each, and the findings.

The page loads nothing, has no script, follows the light or dark scheme of the reader, and can be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from multimesh.check.between.manifests import node_ports
from multimesh.check.catalogue import CATALOGUE, link
from multimesh.check.findings import Finding, counts, parted
from multimesh.check.formats.text import summary
from multimesh.check.meshes.answers import Asked, Watcher, injectors, validators
from multimesh.check.meshes.mesh import Mesh, revisions_of
from multimesh.check.meshes.planes import planes
from multimesh.check.objects import Object
from multimesh.commands.expected import with_expected
from multimesh.commands.subjects import namespace_labels
from multimesh.mesh.names import MESH_LABEL
from multimesh.version import __version__


class Fact(NamedTuple):
    """One row of the table of meshes: a title, and what is known of each mesh."""

    title: str
    values: list[str]


class Cell(NamedTuple):
    """What one mesh does in one namespace: the webhooks by which it injects and validates."""

    injects: list[str]
    validates: list[str]


class Row(NamedTuple):
    """One namespace: its labels, what each mesh does there, and what more than one mesh does."""

    name: str
    labels: str
    cells: list[Cell]
    twice: list[str]


class Group(NamedTuple):
    """The findings of one severity and id."""

    level: str
    name: str
    why: str
    docs: str
    findings: list[Finding]


def page(findings: Sequence[Finding], subject: str, command: str, meshes: Iterable[Mesh], objects: list[Object]) -> str:
    """Return the page. `objects` are those in which Namespaces are looked for."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("multimesh"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    counted, ignored = parted(findings)
    shown = [with_expected(mesh) for mesh in meshes if not mesh.is_unassigned]
    return environment.get_template("findings.html.j2").render(
        title=f"multimesh {command}: {subject}",
        summary=summary(list(findings)),
        counts=counts(list(findings)),
        meshes=shown,
        facts=facts(shown),
        rows=rows(shown, objects),
        groups=groups(counted),
        ignored=ignored,
        version=__version__,
    )


def facts(meshes: list[Mesh]) -> list[Fact]:
    """Return what is known of each mesh; a row of which nothing is known is left out."""
    found = [
        Fact("control plane in", [mesh.namespace or "" for mesh in meshes]),
        Fact("revisions", [", ".join(_revisions(mesh)) for mesh in meshes]),
        Fact("control planes", [", ".join(plane.title for plane in planes(mesh)) for mesh in meshes]),
        Fact("shared resources", [_shared(mesh) for mesh in meshes]),
        Fact("CRDs", [str(len(mesh.of("CustomResourceDefinition"))) for mesh in meshes]),
        Fact("node ports", [", ".join(dict.fromkeys(claim.what for claim in node_ports(mesh))) for mesh in meshes]),
    ]
    return [fact for fact in found if any(fact.values)]


def _revisions(mesh: Mesh) -> list[str]:
    return sorted(mesh.profile.revisions) if mesh.profile is not None else revisions_of(mesh.objects)


def _shared(mesh: Mesh) -> str:
    if mesh.profile is None:
        return ""
    return "owns them" if mesh.profile.owns_shared else "leaves them to another mesh"


def rows(meshes: list[Mesh], objects: list[Object]) -> list[Row]:
    """Return the namespaces of all meshes: those of profiles and control planes, and those with the label of a mesh."""
    names = {mesh.namespace for mesh in meshes if mesh.namespace}
    names |= {name for mesh in meshes if mesh.profile is not None for name in mesh.profile.namespaces}
    names |= {item.name for item in objects if item.is_namespace and MESH_LABEL in item.labels}
    return [_row(name, meshes, objects) for name in sorted(names)]


def _row(name: str, meshes: list[Mesh], objects: list[Object]) -> Row:
    labels = namespace_labels(name, objects, meshes).values
    pod = Asked("", "pods", {}, labels)
    resource = Asked("networking.istio.io", "virtualservices", {}, labels)
    injecting = [one for one in injectors(meshes, pod) if one.answers(pod)]
    validating = [one for one in validators(meshes, resource) if one.answers(resource)]
    cells = [Cell(_names(injecting, mesh), _names(validating, mesh)) for mesh in meshes]
    twice = [
        verb
        for verb, number in (
            ("inject a pod", sum(bool(cell.injects) for cell in cells)),
            ("validate an Istio resource", sum(bool(cell.validates) for cell in cells)),
        )
        if number > 1
    ]
    shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()) if not key.startswith("kubernetes.io/"))
    return Row(name, shown, cells, twice)


def _names(watchers: list[Watcher], mesh: Mesh) -> list[str]:
    return [f"{one.title} {one.entry}".strip() for one in watchers if one.mesh is mesh]


def groups(findings: Sequence[Finding]) -> list[Group]:
    """Return findings, which are ordered, by severity and id."""
    grouped = groupby(findings, key=lambda finding: (finding.level, finding.id))
    return [Group(level, name, CATALOGUE[name].why, link(name), list(found)) for (level, name), found in grouped]

"""Arrange what is known of meshes in tables, and say in which cell each finding arises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from multimesh.check.between.claims import Claim
from multimesh.check.between.manifests import (
    cluster_scoped_names,
    components,
    gateways,
    host_paths,
    host_ports,
    node_ports,
    trust_domains,
)
from multimesh.check.findings import Finding
from multimesh.check.meshes.answers import Asked, Watcher, injectors, validators
from multimesh.check.meshes.mesh import Mesh, revisions_of
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.check.meshes.planes import planes
from multimesh.check.objects import Object, mappings, text_of
from multimesh.commands.subjects import namespace_labels
from multimesh.mesh.names import MESH_LABEL


class Mark(NamedTuple):
    """How many findings of one severity and id arise in a cell."""

    level: str
    name: str
    number: int


class Value(NamedTuple):
    """What is known of one mesh, such as its namespace; or what it does, and by which webhook."""

    text: str
    verb: str = ""


class Cell(NamedTuple):
    """What is known of one mesh in one row, and the findings that arise there."""

    values: list[Value]
    marks: list[Mark]


class Row(NamedTuple):
    """One row of a table: its title, more about it, and a cell for each mesh."""

    title: str
    cells: list[Cell]
    notes: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    #: What more than one mesh does here.
    twice: tuple[str, ...] = ()

    @property
    def is_marked(self) -> bool:
        """Return whether a finding arises in the row."""
        return bool(self.marks or self.twice or any(cell.marks for cell in self.cells))


def marks_of(findings: Iterable[Finding]) -> list[Mark]:
    """Return the marks of findings, which are ordered."""
    counted: dict[tuple[str, str], int] = {}
    for finding in findings:
        counted[finding.level, finding.id] = counted.get((finding.level, finding.id), 0) + 1
    return [Mark(level, name, count) for (level, name), count in counted.items()]


# The meshes.


def _unique(claims: Callable[[Mesh], Iterable[Claim]]) -> Callable[[Mesh], list[str]]:
    """Return a function that lists what a mesh claims, each once."""
    return lambda mesh: list(dict.fromkeys(claim.what.strip('"') for claim in claims(mesh)))


def _revisions(mesh: Mesh) -> list[str]:
    return sorted(mesh.profile.revisions) if mesh.profile is not None else revisions_of(mesh.objects)


def _shared(mesh: Mesh) -> list[str]:
    crds = len(mesh.of("CustomResourceDefinition"))
    found = [f"installs {crds} CRD{'s' if crds != 1 else ''}"] if crds else []
    found += [f"installs {name}" for name in _unique(components)(mesh)]
    if mesh.profile is not None:
        found.insert(0, "owns them" if mesh.profile.owns_shared else "leaves them to another mesh")
    return found


def _names_of(kind: str) -> Callable[[Mesh], list[str]]:
    """Return a function that lists the objects of a kind."""
    return lambda mesh: [item.name for item in mesh.of(kind)]


def _names(mesh: Mesh) -> list[str]:
    """Return how many names a mesh takes of those that a cluster has only once; CRDs are shared resources."""
    count = sum(not claim.what.startswith("CustomResourceDefinition/") for claim in cluster_scoped_names(mesh))
    return [str(count)] if count else []


#: The rows of the table of meshes: title, values of a mesh, and the findings that arise there.
_FACTS: tuple[tuple[str, Callable[[Mesh], list[str]], tuple[str, ...]], ...] = (
    ("control plane in", lambda mesh: [mesh.namespace] if mesh.namespace else [], ("control-plane-down",)),
    ("revisions", _revisions, ("shared-revision",)),
    ("control planes", lambda mesh: [plane.title for plane in planes(mesh)], ("used-twice", "cni-version")),
    (
        "namespaces of workloads",
        lambda mesh: list(mesh.profile.workload_namespaces) if mesh.profile is not None else [],
        ("namespace-claimed-twice", "namespace-outside-profile", "namespace-label", "pod-mesh", "citadel-scope",
         "certificate", "no-discovery-selector", "discovery-overlap", "written-twice", "root-missing"),
    ),
    (
        "injecting webhooks",
        _names_of("MutatingWebhookConfiguration"),
        ("injection-overlap", "webhook-flag-mismatch", "ca-bundle"),
    ),
    ("validating webhooks", _names_of("ValidatingWebhookConfiguration"), ("validation-overlap",)),
    ("trust domain", _unique(trust_domains), ("trust-domain",)),
    ("shared resources", _shared, ("two-owners", "no-owner", "crd-version", "crd-deleted", "embedded-cluster-scoped")),
    ("cluster-scoped names", _names, ("cluster-scoped-name", "stock-name", "identity-lost")),
    ("gateways", _unique(gateways), ("gateway-selector",)),
    ("node ports", _unique(node_ports), ("node-port",)),
    ("host ports", _unique(host_ports), ("host-port",)),
    ("directories of the node", _unique(host_paths), ("host-path",)),
)  # fmt: skip

#: The row of all other findings.
_REST = "resources read"


def facts(meshes: list[Mesh], findings: Sequence[Finding]) -> list[Row]:
    """Return what is known of each mesh; a row of which nothing is known, and where nothing was found, is left out."""
    placed = {name for _, _, names in _FACTS for name in names}
    table = [(title, values, [one for one in findings if one.id in names]) for title, values, names in _FACTS]
    table.append(
        (
            _REST,
            lambda mesh: [str(len(mesh.objects))] if mesh.objects else [],
            [one for one in findings if one.id not in placed],
        )
    )
    shown = {mesh.name for mesh in meshes}
    rows = [
        Row(title, [Cell(list(map(Value, values(mesh))), marks_of(_about(mesh, found, shown))) for mesh in meshes])
        for title, values, found in table
    ]
    return [row for row in rows if any(cell.values or cell.marks for cell in row.cells)]


def _about(mesh: Mesh, findings: list[Finding], shown: set[str]) -> list[Finding]:
    """Return the findings about a mesh: those that name it, and those that name none of the meshes."""
    named = [(finding, {side.mesh for side in finding.sides} & shown) for finding in findings]
    return [finding for finding, names in named if mesh.name in names or not names]


# The CRDs.


def crds(meshes: list[Mesh], findings: Sequence[Finding]) -> tuple[list[str], list[Row]]:
    """Return the names of those that have CRDs, and a row for each CRD with its versions."""
    held = {mesh.name: {crd.name: crd for crd in mesh.of("CustomResourceDefinition")} for mesh in meshes}
    held = {name: found for name, found in held.items() if found}
    rows = []
    for crd in sorted({crd for found in held.values() for crd in found}):
        about = [one for one in findings if any(side.resource.endswith(f"/{crd}") for side in one.sides)]
        cells = [Cell(_versions(found[crd]) if crd in found else [], []) for found in held.values()]
        rows.append(Row(crd, cells, marks=tuple(marks_of(about))))
    return list(held), rows


def _versions(crd: Object) -> list[Value]:
    return [Value(text_of(version.get("name"))) for version in mappings(crd.data, "spec", "versions")]


# The namespaces.


def namespaces(meshes: list[Mesh], objects: list[Object], findings: Sequence[Finding]) -> list[Row]:
    """Return the namespaces of all meshes: those of profiles and control planes, and those with the label of a mesh."""
    names = {mesh.namespace for mesh in meshes if mesh.namespace}
    names |= {name for mesh in meshes if mesh.profile is not None for name in mesh.profile.namespaces}
    names |= {item.name for item in objects if item.is_namespace and MESH_LABEL in item.labels}
    return [_namespace(name, meshes, objects, findings) for name in sorted(names)]


def _namespace(name: str, meshes: list[Mesh], objects: list[Object], findings: Sequence[Finding]) -> Row:
    labels = namespace_labels(name, objects, meshes).values
    injecting = _answering(injectors, meshes, Asked("", "pods", {}, labels))
    validating = _answering(validators, meshes, Asked("networking.istio.io", "virtualservices", {}, labels))
    cells = [_cell(mesh, injecting, validating) for mesh in meshes]
    twice = tuple(
        verb
        for verb, found in (("inject a pod", injecting), ("validate an Istio resource", validating))
        if len({one.mesh.name for one in found}) > 1
    )
    shown = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()) if key != NAME_LABEL)
    about = [one for one in findings if any(side.resource == f"Namespace/{name}" for side in one.sides)]
    return Row(name, cells, (shown,) if shown else (), tuple(marks_of(about)), twice)


def _answering(
    watchers: Callable[[list[Mesh], Asked], list[Watcher]], meshes: list[Mesh], asked: Asked
) -> list[Watcher]:
    return [one for one in watchers(meshes, asked) if one.answers(asked)]


def _cell(mesh: Mesh, injecting: Iterable[Watcher], validating: Iterable[Watcher]) -> Cell:
    found = [
        Value(f"{one.title.partition('/')[2]} {one.entry}".strip(), verb)
        for verb, watchers in (("injects", injecting), ("validates", validating))
        for one in watchers
        if one.mesh is mesh
    ]
    return Cell(found, [])


#: Findings whose messages describe an object or a namespace that several meshes see, and what these do with it.
_OVERLAPS = {
    "injection-overlap": "injects",
    "validation-overlap": "validates",
    "discovery-overlap": "discovers",
    "citadel-scope": "serves",
}


def overlaps(meshes: list[Mesh], findings: Sequence[Finding]) -> list[Row]:
    """Return a row for each example of what several meshes inject, validate or discover, with who does in the cells."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.id in _OVERLAPS and len({side.mesh for side in finding.sides}) > 1:
            found.setdefault((finding.id, finding.message), []).append(finding)
    rows = []
    for (name, message), about in found.items():
        cells = [
            list(dict.fromkeys(side.resource for one in about for side in one.sides if side.mesh == mesh.name))
            for mesh in meshes
        ]
        values = [[Value(text.partition("/")[2] or "its profile", _OVERLAPS[name]) for text in cell] for cell in cells]
        rows.append(Row(message, [Cell(cell, []) for cell in values], marks=tuple(marks_of(about))))
    return rows

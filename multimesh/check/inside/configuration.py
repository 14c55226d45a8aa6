"""Check the mesh configuration: it can be parsed."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of


def unparsed(mesh: Mesh) -> Iterator[Finding]:
    """Find mesh configurations that cannot be parsed."""
    for config in mesh.unparsed_configs:
        yield Finding("unreadable", f"data/mesh of {config.title} is not a YAML mapping", (side_of(mesh, config),))

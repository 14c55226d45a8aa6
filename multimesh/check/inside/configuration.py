"""Check the mesh configuration: it can be parsed, and it confines the control plane."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.mesh.names import REVISION_LABEL


def unparsed(mesh: Mesh) -> Iterator[Finding]:
    """Find mesh configurations that cannot be parsed."""
    for config in mesh.unparsed_configs:
        yield Finding("unreadable", f"data/mesh of {config.title} is not a YAML mapping", (side_of(mesh, config),))


def discovery(mesh: Mesh) -> Iterator[Finding]:
    """Find control planes without discovery selectors, which exist from Istio 1.10 on: they read the whole cluster."""
    modern = [
        found
        for found in mesh.of("MutatingWebhookConfiguration")
        if str(found.data.get("apiVersion", "")).endswith("/v1") and found.labels.get(REVISION_LABEL)
    ]
    for config, values in mesh.configs:
        if modern and not values.get("discoverySelectors"):
            yield Finding(
                "no-discovery-selector", f"mesh {mesh.name} has no discoverySelectors", (side_of(mesh, config),)
            )

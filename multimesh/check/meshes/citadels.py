"""Citadels of Istio 1.5, and the namespaces that they serve."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Side
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.workloads import env_value, flag_value


def served_by_citadels(mesh: Mesh) -> Iterator[tuple[Side, set[str] | None]]:
    """Yield every Citadel with its namespaces; None means all (istio 1.5.0, security/cmd/istio_ca/main.go)."""
    for workload, container in mesh.containers("citadel"):
        listened = flag_value(container, "--listened-namespaces") or flag_value(container, "--listened-namespace")
        listened = listened or env_value(container, "NAMESPACE")
        yield side_of(mesh, workload), set(listened.split(",")) if listened else None

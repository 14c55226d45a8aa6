"""Find namespaces that the Citadels of several meshes serve."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.citadels import served_by_citadels
from multimesh.check.meshes.mesh import Mesh


def citadels(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find namespaces that the Citadels of several meshes serve."""
    found = [(number, *citadel) for number, mesh in enumerate(meshes) for citadel in served_by_citadels(mesh)]
    only_live = not any(mesh.checked for mesh in meshes)
    found = found if only_live or any(meshes[number].checked for number, _, _ in found) else []
    if len({number for number, _, _ in found}) < 2:
        return
    if any(served is None for _, _, served in found):
        places = tuple(place for _, place, _ in found)
        yield Finding(
            "citadel-scope", "a Citadel serves all namespaces of the cluster, and there is another one", places
        )
    index: dict[str, dict[int, Side]] = {}
    for number, place, served in found:
        for namespace in served or ():
            index.setdefault(namespace, {}).setdefault(number, place)
    together: dict[tuple[int, ...], list[str]] = {}
    for namespace, held in index.items():
        if len(held) > 1:
            together.setdefault(tuple(held), []).append(namespace)
    for holders, namespaces in together.items():
        who = "both" if len(holders) == 2 else f"{len(holders)}"
        places = tuple(index[namespaces[0]].values())
        yield Finding("citadel-scope", f"{who} Citadels serve {', '.join(sorted(namespaces))}", places)

"""Find what several meshes claim although only one can have it.

Every claim goes into one index, so the cost grows with the number of meshes and not with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from multimesh.check.catalogue import WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.mesh import Mesh

#: What to do about a name that the post-renderer has made, or that it leaves because it is the mesh's own.
ANOTHER_NAME = (
    "Give one of the meshes another name or another control-plane namespace: this name is made of them, and the "
    "post-renderer does not change it again."
)


class Claim(NamedTuple):
    """What one mesh claims: a key to compare, its name in messages, and the side of the finding.

    Meshes that have an exemption in common may claim the same. A collision with a claim that is not `certain` is a
    warning. `remedy` is what to do instead of what the catalogue says; empty for that.
    """

    key: object
    what: str
    side: Side
    exemptions: frozenset[str] = frozenset()
    certain: bool = True
    remedy: str = ""


def collisions(
    finding: str, phrase: str, claims: Callable[[Mesh], Iterator[Claim]], meshes: list[Mesh]
) -> Iterator[Finding]:
    """Find what several meshes claim. If a mesh is checked, collisions among live meshes alone are not reported."""
    index: dict[object, dict[int, Claim]] = {}
    for number, mesh in enumerate(meshes):
        for claim in claims(mesh):
            held = index.setdefault(claim.key, {})
            # Of several claims of one mesh, the one without an exemption counts.
            if number not in held or (held[number].exemptions and not claim.exemptions):
                held[number] = claim
    only_live = not any(mesh.checked for mesh in meshes)
    for held in index.values():
        if len(held) < 2 or not (only_live or any(meshes[number].checked for number in held)):
            continue
        if frozenset.intersection(*(claim.exemptions for claim in held.values())):
            continue
        first = next(iter(held.values()))
        severity = "" if sum(claim.certain for claim in held.values()) > 1 else WARNING
        what = f"{_who([meshes[number] for number in held], phrase)} {first.what}"
        yield Finding(finding, what, tuple(claim.side for claim in held.values()), severity, first.remedy)


def _who(holders: list[Mesh], phrase: str) -> str:
    if any(mesh.is_unassigned for mesh in holders):
        noun, _, verb = phrase.partition(" ")
        return (
            f"the cluster and mesh {holders[0].name} both {verb}"
            if len(holders) == 2
            else f"the cluster and {len(holders) - 1} {noun} {verb}"
        )
    return f"{'both' if len(holders) == 2 else len(holders)} {phrase}"

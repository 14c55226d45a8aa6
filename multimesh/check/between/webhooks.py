"""Find webhooks of different meshes that match the same object: the only comparison of every pair of meshes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.overlap import exclude, limits, rules_meet, witness
from multimesh.check.meshes.webhooks import entries, is_istio_webhook, policy_as_webhook
from multimesh.check.objects import text_of

_KINDS = (
    ("MutatingWebhookConfiguration", "injection-overlap", "a pod"),
    ("ValidatingWebhookConfiguration", "validation-overlap", "an Istio resource"),
)


def overlaps(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find webhook entries of different meshes that can match the same object."""
    for kind, finding, what in _KINDS:
        found = [[(limits(one[0]), one) for one in watching(mesh, kind)] for mesh in meshes]
        only_live = not any(mesh.checked for mesh in meshes)
        for one, two in combinations(range(len(meshes)), 2):
            if only_live or meshes[one].checked or meshes[two].checked:
                for first, entry in found[one]:
                    for second, other in found[two]:
                        if not exclude(first, second):
                            yield from _meeting(entry, other, finding, what)


def watching(mesh: Mesh, kind: str) -> Iterator[tuple[dict[str, Any], Side]]:
    """Yield the entries of control planes in configurations of a kind; admission policies count as validators."""
    for config in mesh.of(kind):
        for entry in entries(config):
            if is_istio_webhook(entry):
                yield entry, side_of(mesh, config, text_of(entry.get("name")))
    for policy in mesh.of("ValidatingAdmissionPolicy") if kind.startswith("Validating") else ():
        entry = policy_as_webhook(policy)
        if is_istio_webhook(entry):
            yield entry, side_of(mesh, policy)


def _meeting(
    first: tuple[dict[str, Any], Side], second: tuple[dict[str, Any], Side], finding: str, what: str
) -> Iterator[Finding]:
    places = (first[1], second[1])
    try:
        met = witness(first[0], second[0]) if rules_meet(first[0], second[0]) else None
    except ValueError as error:
        yield Finding(finding, f"a selector cannot be read ({error}), so the two may meet", places)
        return
    if met is not None:
        yield Finding(finding, f"{met.sentence(what)} is seen by both", places)

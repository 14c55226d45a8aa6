"""Find control planes that discover the same namespaces: without discovery selectors, or by selectors that can meet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

from multimesh.check.catalogue import ERROR
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.overlap import Limits, Witness, common, exclude, limits
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import listed
from multimesh.mesh.names import REVISION_LABEL

#: What a discovery selector selects, in the words of a webhook entry.
_NAMESPACES = "namespaceSelector"


class _Selector(NamedTuple):
    """One discovery selector: the number of its mesh, and what it limits labels to."""

    number: int
    selector: dict[str, Any]
    limits: Limits
    side: Side


def unselective(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find control planes without discovery selectors, which exist from Istio 1.10 on: they read the whole cluster.

    Where a second mesh is known they read that one too.
    """
    known = sum(is_known(mesh) for mesh in meshes)
    for mesh in meshes:
        if mesh.live:
            continue  # `reached` reports those.
        others = known - is_known(mesh)
        for finding in without_selectors(mesh):
            yield finding._replace(severity=ERROR) if others else finding


def is_known(mesh: Mesh) -> bool:
    """Return whether there is a mesh, and not only a gateway or what belongs to no mesh."""
    return mesh.profile is not None or any(map(is_control_plane, mesh.objects))


def without_selectors(mesh: Mesh) -> Iterator[Finding]:
    """Find mesh configurations of Istio 1.10 or later without discovery selectors."""
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


def meeting(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find discovery selectors of different meshes that can match the same namespace."""
    only_live = not any(mesh.checked for mesh in meshes)
    reported: set[tuple[int, int]] = set()
    for first, second in _pairs(list(_selectors(meshes))):
        pair = (first.number, second.number)
        if pair in reported or not (only_live or meshes[pair[0]].checked or meshes[pair[1]].checked):
            continue
        try:
            labels = common(first.selector, second.selector)
        except ValueError as error:
            labels, what = {}, f"a discovery selector cannot be read ({error}), so the two may meet"
        else:
            what = Witness(labels or {}, {}).namespace_sentence() + " is discovered by both"
        if labels is not None:
            reported.add(pair)
            yield Finding("discovery-overlap", what, (first.side, second.side))


def _selectors(meshes: list[Mesh]) -> Iterator[_Selector]:
    for number, mesh in enumerate(meshes):
        for config, values in mesh.configs if not mesh.is_unassigned else ():
            for selector in listed(values, "discoverySelectors"):
                yield _Selector(number, selector, limits({_NAMESPACES: selector}), side_of(mesh, config))


def _pairs(selectors: list[_Selector]) -> Iterator[tuple[_Selector, _Selector]]:
    """Yield the pairs of selectors of different meshes that can meet, as far as their limits decide."""
    for one, two in combinations(selectors, 2):
        if one.number != two.number and not exclude(one.limits, two.limits):
            yield one, two

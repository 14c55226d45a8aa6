"""Find namespaces of a mesh that the validators, Citadels and control planes of others in a cluster reach.

The namespaces have the labels that they have in the cluster, and those that `multimesh namespaces` gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multimesh.check.between.webhooks import watching
from multimesh.check.catalogue import ERROR, INFO, WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.citadels import served_by_citadels
from multimesh.check.meshes.mesh import Mesh, label_of, side_of
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.check.meshes.workloads import minor_version
from multimesh.check.objects import listed, text_of
from multimesh.kubernetes.selectors import selects
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL

VALIDATORS = "ValidatingWebhookConfiguration"

#: The first version of Istio that has discoverySelectors.
_SELECTORS = (1, 10)

#: How many names a message lists.
_SHOWN = 4

_BESIDE = "multimesh explain no-discovery-selector"


def reached(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find namespaces of a mesh that is checked, or that others of them are compared with, and who reaches them."""
    spaces = {item.name: item.labels for mesh in meshes if mesh.live for item in mesh.of("Namespace")}
    labels = [labels_of(mesh, spaces) for mesh in meshes]
    unseen = [mesh.profile is not None and not any(watching(mesh, VALIDATORS)) for mesh in meshes]
    only_live = not any(mesh.checked for mesh in meshes)
    # Where no ConfigMap was read at all, that has been said.
    has_configs = any(mesh.of("ConfigMap") for mesh in meshes if mesh.live)
    for other in meshes:
        if not other.live:
            continue
        if has_configs:
            yield from _unknown(other)
        watchers, version = list(watching(other, VALIDATORS)), _plane(other)
        for number, mesh in enumerate(meshes):
            if mesh is other or mesh.is_unassigned or not (only_live or mesh.checked or other.checked):
                continue
            yield from _discovered(mesh, other, version, labels[number])
            yield from _validated(mesh, other, watchers if unseen[number] else [], labels[number])
            yield from _served(mesh, other)


def labels_of(mesh: Mesh, spaces: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return the labels of each namespace of a mesh, as they are once the mesh is there."""
    profile = mesh.profile
    members = profile.namespaces if profile is not None else {item.namespace for item in mesh.objects if item.namespace}
    label = profile.name if profile is not None else label_of(mesh.objects)
    found = {}
    for name in sorted(members):
        found[name] = {NAME_LABEL: name, **spaces.get(name, {})}
        if label:
            found[name][MESH_LABEL] = label
        if profile is not None and name in profile.workload_namespaces:
            found[name].setdefault(INJECTION_LABEL, profile.injection_label)
    return found


def _quoted(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _place(mesh: Mesh, namespace: str) -> tuple[Side, ...]:
    """Return the place of a namespace in the profile of its mesh, if it has one."""
    profile = mesh.profile
    if profile is None:
        return ()
    is_listed = namespace in profile.workload_namespaces
    line = profile.line("spec.workloadNamespaces", namespace) if is_listed else profile.line("spec.namespace")
    return (Side(mesh.name, "", profile.where, line),)


def _plane(mesh: Mesh) -> tuple[int, int] | None:
    """Return the oldest version among the control planes of a mesh since 1.6, (0, 0) for one that does not say it."""
    found = [minor_version(item, inner) for item, inner in mesh.containers("discovery") if item.name != "istio-pilot"]
    return min(found, default=None)


def _unknown(other: Mesh) -> Iterator[Finding]:
    """Find control planes whose mesh configuration was not read, so that what they discover is not known."""
    if _plane(other) is not None and not other.configs:
        what = f"no mesh configuration of mesh {other.name} was seen, so nothing is said about what it discovers"
        yield Finding("unreadable", what, (), INFO)


def _discovered(
    mesh: Mesh, other: Mesh, version: tuple[int, int] | None, labels: dict[str, dict[str, str]]
) -> Iterator[Finding]:
    """Find control planes that discover namespaces of another mesh: they write their root certificates there."""
    for config, values in other.configs if version is not None and labels else ():
        selectors = listed(values, "discoverySelectors")
        hit = [
            name
            for name, own in labels.items()
            if not selectors or any(selects(selector, own) for selector in selectors)
        ]
        if not hit:
            continue
        why = "has discoverySelectors that match" if selectors else "has no discoverySelectors, so it reaches"
        what = f"the control plane of mesh {other.name} {why} {_quoted(hit)} of mesh {mesh.name}"
        old = version is not None and (0, 0) < version < _SELECTORS
        remedy = (
            "Istio has discoverySelectors since 1.10: upgrade that mesh."
            if old
            else "Exclude the namespaces of other meshes by meshConfig.discoverySelectors of that mesh "
            f"({MESH_LABEL} DoesNotExist for a stock one): {_BESIDE}"
        )
        places = (*_place(mesh, hit[0]), side_of(other, config))
        yield Finding("no-discovery-selector", what, places, WARNING if old else ERROR, remedy)


def _validated(
    mesh: Mesh, other: Mesh, watchers: list[tuple[dict[str, Any], Side]], labels: dict[str, dict[str, str]]
) -> Iterator[Finding]:
    """Find validators of others in the namespaces of a mesh that has none of its own yet to compare them with."""
    revisions = mesh.profile.revisions if mesh.profile is not None else ()
    objects = [{}, *({REVISION_LABEL: revision} for revision in revisions)]
    for entry, side in watchers:
        if not any(selects(entry.get("objectSelector"), own) for own in objects):
            continue
        hit = [name for name, own in labels.items() if selects(entry.get("namespaceSelector"), own)]
        if hit:
            who = "the cluster" if other.is_unassigned else f"mesh {other.name}"
            name = text_of(entry.get("name"))
            what = f'"{name}" of {who} validates Istio resources in {_quoted(hit)} of mesh {mesh.name}'
            remedy = (
                'Upgrade that release with defaultRevision="", or give it a profile: '
                "multimesh explain validation-overlap"
            )
            yield Finding("validation-overlap", what, (*_place(mesh, hit[0]), side), remedy=remedy)


def _served(mesh: Mesh, other: Mesh) -> Iterator[Finding]:
    """Find Citadels of Istio 1.5 that serve the namespaces of a mesh of which the version is not known."""
    if mesh.profile is None or mesh.objects:
        return
    for side, served in served_by_citadels(other):
        hit = sorted(mesh.profile.namespaces if served is None else mesh.profile.namespaces & served)
        if hit:
            what = f"the Citadel of mesh {other.name} serves {_quoted(hit)} of mesh {mesh.name}"
            yield Finding("citadel-scope", what, (*_place(mesh, hit[0]), side), WARNING)

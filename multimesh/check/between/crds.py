"""Find CRDs of different versions, and control planes that read what no CRD has."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.workloads import minor_version
from multimesh.check.objects import Object, dig, mappings, text_of

#: What control planes read from a minor version of Istio on, by version and CRD
#: (manifests/charts/base/files/crd-all.gen.yaml).
NEEDS = (
    ((1, 22), "v1", (
        "destinationrules.networking", "gateways.networking", "serviceentries.networking", "sidecars.networking",
        "virtualservices.networking", "workloadentries.networking", "workloadgroups.networking",
        "authorizationpolicies.security", "peerauthentications.security", "requestauthentications.security",
        "telemetries.telemetry",
    )),
    ((1, 30), "v1alpha1", ("trafficextensions.extensions",)),
)  # fmt: skip

_ISTIO_CRD = ".istio.io"


def crd_versions(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find CRDs of which meshes have different versions, and control planes that read a version that no CRD has."""
    index: dict[str, list[tuple[Mesh, Object]]] = {}
    for mesh in meshes:
        for crd in mesh.of("CustomResourceDefinition"):
            index.setdefault(crd.name, []).append((mesh, crd))
    for name, held in index.items():
        # The reference is the live CRD, or else the first one.
        mesh, crd = min(held, key=lambda pair: not pair[0].live)
        for other, second in held:
            if other is mesh or other.live or _versions(second) == _versions(crd):
                continue
            if mesh.live and set(_versions(second)) <= set(_versions(crd)):
                continue
            where = "in the cluster" if mesh.live else "in one mesh"
            what = (
                f"{name} has {'/'.join(_versions(crd))} {where} and {'/'.join(_versions(second))} in mesh {other.name}"
            )
            yield Finding("crd-version", what, (side_of(mesh, crd), side_of(other, second)))
    if any(name.endswith(_ISTIO_CRD) for name in index):
        for mesh in meshes:
            if not mesh.live:
                yield from _needs(mesh, index)


def _needs(mesh: Mesh, index: dict[str, list[tuple[Mesh, Object]]]) -> Iterator[Finding]:
    """Find what the control planes of a mesh read and no CRD has."""
    for workload, container in mesh.containers("discovery"):
        minor = minor_version(workload, container)
        for since, version, names in NEEDS:
            for name in names if minor >= since else ():
                held = index.get(f"{name}.istio.io", [])
                if not any(version in _versions(crd) for _, crd in held):
                    there = f"and {held[0][1].name} has no such version" if held else "and that CRD was not found"
                    what = f"Istio {minor[0]}.{minor[1]} of mesh {mesh.name} reads {name}.istio.io/{version}, {there}"
                    places = (side_of(mesh, workload), *(side_of(other, crd) for other, crd in held[:1]))
                    yield Finding("crd-version", what, places)


def _versions(crd: Object) -> list[str]:
    found = [text_of(item.get("name")) for item in mappings(crd.data, "spec", "versions")]
    return found or [text_of(dig(crd.data, "spec", "version"))]

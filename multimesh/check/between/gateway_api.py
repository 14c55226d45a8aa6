"""Find CRDs of the Gateway API of a version that a control plane does not read, and different ones in two places."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.bundles import CRDS, bundle_of, text_of_bundle, unread
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import planes
from multimesh.check.objects import Object


def bundles(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find CRDs of the Gateway API that a control plane does not read, and different bundles in two places."""
    held = [(mesh, crd) for mesh in meshes for crd in mesh.of("CustomResourceDefinition") if crd.name in CRDS]
    only_live = not any(mesh.checked for mesh in meshes)
    # What is in the cluster counts; else what is in any manifest.
    live = [pair for pair in held if pair[0].live]
    for mesh in meshes:
        for plane in planes(mesh):
            for holder, crd in live or held:
                if only_live or mesh.checked or holder.checked:
                    yield from unread(plane, [(holder, crd)])
    yield from _different(held)


def _different(held: list[tuple[Mesh, Object]]) -> Iterator[Finding]:
    """Find a CRD of which two manifests, or a manifest and the cluster, have different bundles."""
    first: dict[str, tuple[Mesh, Object]] = {}
    for mesh, crd in sorted(held, key=lambda pair: not pair[0].live):
        holder, known = first.setdefault(crd.name, (mesh, crd))
        ours, theirs = bundle_of(crd), bundle_of(known)
        if not mesh.live and ours and theirs and ours != theirs:
            where = "in the cluster" if holder.live else "in another manifest"
            what = f"{crd.name} is of bundle {text_of_bundle(theirs)} {where}, and of {text_of_bundle(ours)} here"
            yield Finding("gateway-api-version", what, (side_of(holder, known), side_of(mesh, crd)))

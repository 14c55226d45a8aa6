"""Which CRDs of the Gateway API a version of Istio reads: a cluster has them only once.

A control plane decides when it starts, by the annotation with the version of the bundle
(istio 1.30.3 pkg/kube/kclient/crdwatcher.go): it ignores a kind whose CRD is too old for it or too new, and statuses
that were written before stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from multimesh.check.findings import Finding
from multimesh.check.meshes.gateways import GROUP
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import Plane
from multimesh.check.objects import Object, mappings, text_of
from multimesh.mesh.writes import UNKNOWN, Minor

_BUNDLE = f"{GROUP}/bundle-version"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")

#: Turns on kinds that were alpha when a version of Istio was released.
_ALPHA, _ON = "PILOT_ENABLE_ALPHA_GATEWAY_API", ("true", "1", "t")

Bundle = tuple[int, int, int]


class Range(NamedTuple):
    """What control planes since a version of Istio read of a kind: its version, and from and up to which bundle.

    An `alpha` kind is read only with the variable `PILOT_ENABLE_ALPHA_GATEWAY_API`.
    """

    since: Minor
    version: str
    least: Bundle | None = None
    most: Bundle | None = None
    alpha: bool = False


#: What control planes read, by resource (istio, the newest patch of each minor version: pkg/config/schema/metadata.yaml
#: and pkg/config/schema/collections/collections.gen.go; for bundles pkg/kube/kclient/crdwatcher.go, later
#: pkg/config/schema/gatewayapi/minimumversions.go). Patches up to 1.27.8, 1.28.5 and 1.29.1 have no upper limit, and
#: watch a version that newer bundles do not serve.
READS: dict[str, tuple[Range, ...]] = {
    "gatewayclasses": (Range((1, 14), "v1beta1"), Range((1, 29), "v1")),
    "gateways": (Range((1, 14), "v1beta1"), Range((1, 29), "v1")),
    "httproutes": (Range((1, 14), "v1beta1"), Range((1, 29), "v1")),
    "referencegrants": (Range((1, 18), "v1beta1"),),
    "grpcroutes": (Range((1, 18), "v1alpha2"), Range((1, 22), "v1", (1, 1, 0))),
    "tcproutes": (Range((1, 18), "v1alpha2", alpha=True), Range((1, 31), "v1", (1, 6, 0))),
    "tlsroutes": (
        Range((1, 18), "v1alpha2", alpha=True),
        Range((1, 27), "v1alpha2", None, (1, 4, 0), alpha=True),
        Range((1, 28), "v1alpha2", None, (1, 4, 1), alpha=True),
        Range((1, 30), "v1", (1, 5, 0)),
    ),
    "backendtlspolicies": (Range((1, 26), "v1alpha3", alpha=True), Range((1, 28), "v1", (1, 4, 0))),
    "listenersets": (Range((1, 30), "v1"),),
}

#: The names of the CRDs.
CRDS = tuple(f"{resource}.{GROUP}" for resource in READS)


def unread(plane: Plane, held: Iterable[tuple[Mesh, Object]]) -> Iterator[Finding]:
    """Find CRDs, each with the mesh that has it, of which a control plane does not read what they have."""
    for holder, crd in held if plane.version != UNKNOWN else ():
        wanted = wanted_of(crd.name, plane.version)
        if wanted is not None and wanted.alpha and plane.env.get(_ALPHA, "").lower() not in _ON:
            continue
        if wanted is not None and (problem := _problem(wanted, crd)):
            minor = f"{plane.version[0]}.{plane.version[1]}"
            what = f"Istio {minor} of mesh {plane.mesh.name} does not read {crd.name}: {problem}"
            yield Finding("gateway-api-version", what, (side_of(plane.mesh, plane.workload), side_of(holder, crd)))


def wanted_of(crd: str, version: Minor) -> Range | None:
    """Return what a version of Istio reads of a CRD; None if it does not know the kind.

    >>> wanted_of("tlsroutes.gateway.networking.k8s.io", (1, 29)).most
    (1, 4, 1)
    """
    known = [found for found in READS.get(crd.partition(".")[0], ()) if found.since <= version]
    return known[-1] if known and crd in CRDS else None


def _problem(wanted: Range, crd: Object) -> str:
    """Return why a CRD does not have what is wanted; empty if it has, or if nothing says it."""
    bundle = bundle_of(crd)
    if bundle and wanted.least and bundle < wanted.least:
        return f"it is of bundle {text_of_bundle(bundle)}, and needs {text_of_bundle(wanted.least)} or later"
    if bundle and wanted.most and bundle > wanted.most:
        return f"it is of bundle {text_of_bundle(bundle)}, and may be {text_of_bundle(wanted.most)} at most"
    served = [one for one in mappings(crd.data, "spec", "versions") if one.get("served") is not False]
    if served and wanted.version not in [text_of(one.get("name")) for one in served]:
        return f"it reads {wanted.version}, which the CRD does not serve"
    return ""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield each line of the table in words: resource, versions of Istio, what they read, and of which bundles."""
    for resource, ranges in READS.items():
        for found, later in zip(ranges, (*ranges[1:], None), strict=True):
            since = f"{found.since[0]}.{found.since[1]}"
            last = f"{later.since[0]}.{later.since[1] - 1}" if later else ""
            istio = f"{since} and later" if not later else since if last == since else f"{since} to {last}"
            wanted = found.version + (f", with `{_ALPHA}`" if found.alpha else "")
            limits = [
                f"{text_of_bundle(bound)} and {what}"
                for bound, what in ((found.least, "later"), (found.most, "earlier"))
                if bound
            ]
            yield resource, istio, wanted, "; ".join(limits)


def bundle_of(crd: Object) -> Bundle | None:
    """Return the version of the bundle that a CRD is of, without what follows it; None if nothing says it."""
    found = _VERSION.match(crd.annotations.get(_BUNDLE, ""))
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def text_of_bundle(bundle: Bundle) -> str:
    """Return a bundle as it is written, such as 1.5.1."""
    return ".".join(map(str, bundle))

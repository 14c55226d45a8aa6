"""Read what `verify` needs to know of one running mesh, and nothing else: with a few rights it must work too.

docs/operations.md shows these rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from multimesh.check.findings import Finding
from multimesh.check.meshes.bundles import CRDS
from multimesh.check.meshes.gateways import GROUP, MADE, NAME_LABEL, ROUTES, is_gateway
from multimesh.check.objects import plural
from multimesh.check.running.cluster import Cluster, cluster, is_istio_1_5, unlisted
from multimesh.check.sources.compact import Compactor
from multimesh.check.sources.kubectl import Access, Answer, Query, get, require_some
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL
from multimesh.mesh.profile import Profile

#: Cluster-scoped kinds.
_CLUSTER_KINDS = {
    "namespaces": "the labels of namespaces",
    "mutatingwebhookconfigurations": "who injects whom",
    "validatingwebhookconfigurations": "validators",
    "clusterroles": "stock names",
    "clusterrolebindings": "stock names",
}

#: Cluster-scoped kinds that not every cluster knows.
_OPTIONAL = {
    "validatingadmissionpolicies": "admission policies",
    "validatingadmissionpolicybindings": "admission policies",
}

#: Kinds of the Gateway API: a cluster knows all of them or none, except for routes.
_GATEWAY_API = {f"gateways.{GROUP}": "Gateways", f"gatewayclasses.{GROUP}": "GatewayClasses"}

#: What control planes have made for Gateways.
_MADE = Query(dict.fromkeys(map(plural, MADE), "what was made for Gateways"), labels=NAME_LABEL)

#: Routes, of which a cluster need not know every kind.
_ROUTES = Query({f"{plural(kind)}.{GROUP}": "routes" for kind in ROUTES}, optional=True)

#: The CRDs of the Gateway API: by name, since all CRDs of a cluster are many megabytes.
_DEFINITIONS = Query({"customresourcedefinitions": "versions of the Gateway API"}, names=CRDS)

#: What is read of each namespace that the mesh serves.
_OF_WORKLOADS = {"pods": "sidecars", "configmaps": "copies of the root certificate"}

#: The label of the ConfigMaps that control planes write into namespaces (istio 1.6.0 and 1.30.3,
#: security/pkg/k8s/controller or pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go).
_WRITTEN = "istio.io/config=true"

#: Kinds of which a removed mesh may have left some, and that not every cluster knows.
_OPTIONAL_LEFT = {
    **_GATEWAY_API,
    "clusterissuers.cert-manager.io": "ClusterIssuers",
}

#: The Secrets that may hold the root certificate: one that the user gives, and the one that the authority makes.
_AUTHORITY = ("cacerts", "istio-ca-secret")

#: The type of the Secrets that Citadel of Istio 1.5 makes: no others are asked for (istio 1.5.0,
#: security/pkg/k8s/controller/workloadsecret.go).
_CITADEL = "type=istio.io/key-and-cert"

#: Labels that `multimesh namespaces` writes for Istio 1.5 only: on every namespace, and beside the control plane.
_CITADEL_LABEL = "ca.istio.io/env"
_DISABLED = "disabled"


class Reading(NamedTuple):
    """What was read of a running mesh, and a finding for each part that could not be read."""

    cluster: Cluster
    findings: list[Finding]


def read_mesh(mesh: Profile, access: Access, *, was_removed: bool = False) -> Reading:
    """Return what `verify` checks. Raises MultimeshError where nothing could be read.

    Secrets are read by name, and for Istio 1.5 by the type that Citadel gives its own.
    """
    first = _ask(access, _left(mesh) if was_removed else _running(mesh))
    require_some(first)
    found = _joined(first)
    more = _of_citadel(mesh) if _has_citadel(mesh, found, was_removed=was_removed) else []
    if was_removed:
        more += _left_elsewhere(mesh, found)
    else:
        more += _of_gateways(found)
        more += [Query(_OF_WORKLOADS, item.name) for item in unlisted(mesh, found)]
    second = _ask(access, more)
    return Reading(_joined([*first, *second]), [one for _, answer in (*first, *second) for one in answer.findings])


def _running(mesh: Profile) -> list[Query]:
    return [
        Query(_CLUSTER_KINDS),
        Query(_OPTIONAL, optional=True),
        Query(_GATEWAY_API, optional=True),
        Query({"deployments": "control planes", "services": "whom webhooks call, and revision tags"}, mesh.namespace),
        Query({"configmaps": "copies of the root certificate"}, mesh.namespace),
        *(Query(_OF_WORKLOADS, name) for name in mesh.workload_namespaces),
        Query({"secrets": "whether the root certificate is that of the authority"}, mesh.namespace, _AUTHORITY),
    ]


def _left(mesh: Profile) -> list[Query]:
    return [
        Query(_CLUSTER_KINDS),
        Query(_OPTIONAL | _OPTIONAL_LEFT, optional=True),
        *(
            Query({"configmaps": "ConfigMaps that are left"}, name)
            for name in (mesh.namespace, *mesh.workload_namespaces)
        ),
        # Of a namespace that lost its label nothing else says that it was one of the mesh.
        Query({"configmaps": "ConfigMaps that are left in other namespaces"}, labels=_WRITTEN),
        Query({"deployments": "control planes that are left"}, mesh.namespace),
        Query({"secrets": "the secret of the authority"}, mesh.namespace, _AUTHORITY[1:]),
        Query({"leases.coordination.k8s.io": "leases that are left"}, mesh.namespace, optional=True),
        _MADE,
    ]


def _left_elsewhere(mesh: Profile, found: Cluster) -> list[Query]:
    """Return what is read of namespaces that have the label of a removed mesh, and that its profile does not name."""
    return [
        Query({"configmaps": "ConfigMaps that are left"}, item.name)
        for item in found.of("Namespace")
        if item.labels.get(MESH_LABEL) == mesh.name and item.name not in mesh.namespaces
    ]


def _of_citadel(mesh: Profile) -> list[Query]:
    kinds = {"secrets": "certificates of Istio 1.5"}
    return [Query(kinds, name, fields=_CITADEL) for name in (mesh.namespace, *mesh.workload_namespaces)]


def _of_gateways(found: Cluster) -> list[Query]:
    """Return what is read of a cluster in which somebody uses the Gateway API."""
    return [_MADE, _DEFINITIONS, _ROUTES] if any(map(is_gateway, found.of("Gateway"))) else []


def _has_citadel(mesh: Profile, found: Cluster, *, was_removed: bool) -> bool:
    """Return whether the mesh is of Istio 1.5; a mesh that was removed is known by the labels of its namespaces."""
    if not was_removed:
        return is_istio_1_5(mesh, found)
    return any(
        (item.name in mesh.namespaces and _CITADEL_LABEL in item.labels)
        or (item.name == mesh.namespace and item.labels.get(INJECTION_LABEL) == _DISABLED)
        for item in found.of("Namespace")
    )


def _ask(access: Access, queries: Iterable[Query]) -> list[tuple[Query, Answer]]:
    # Each is a call of kubectl, which mostly waits for the API server.
    with ThreadPoolExecutor(max_workers=4) as pool:
        asked = list(queries)
        compact = Compactor()
        return list(zip(asked, pool.map(lambda query: get(access, query, compact), asked), strict=True))


def _joined(answered: list[tuple[Query, Answer]]) -> Cluster:
    # Two queries may read one ConfigMap.
    objects = {
        (item.group, item.kind, item.namespace, item.name): item for _, answer in answered for item in answer.objects
    }
    return cluster(
        [*objects.values()], unread={(kind, query.namespace) for query, answer in answered for kind in answer.unread}
    )

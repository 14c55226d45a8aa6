"""Who serves which namespaces and owns what is shared: Citadels, Jobs that decide for the cluster, CRDs.

Reference: the collision classes C2, C3, C10 and C12.
"""

import re
from collections.abc import Iterator

from multimesh.check.findings import Finding, Side
from multimesh.check.identities import side
from multimesh.check.meshes import Mesh, documents, flag, pod, variable
from multimesh.check.objects import Object, dig, mappings, said, texts

#: Cluster-scoped custom resources that decide for the whole cluster, whatever mesh applies them.
CLUSTER_WIDE = frozenset(("MeshPolicy", "ClusterRbacConfig"))

#: What a control plane reads from this minor of Istio on, by CRD and version (manifests/charts/base/files/crd-all.gen.yaml).
NEEDS = (
    ((1, 22), "v1", ("destinationrules.networking", "gateways.networking", "serviceentries.networking", "sidecars.networking",
      "virtualservices.networking", "workloadentries.networking", "workloadgroups.networking", "authorizationpolicies.security",
      "peerauthentications.security", "requestauthentications.security", "telemetries.telemetry")),
    ((1, 30), "v1alpha1", ("trafficextensions.extensions",)),
)  # fmt: skip

_TAG = re.compile(r":v?1\.(\d{1,2})(?:[.-]|$)")


def citadels(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find namespaces that the Citadels of several meshes serve."""
    found = [(number, *citadel) for number, mesh in enumerate(meshes) for citadel in served_by_citadels(mesh)]
    nobody = not any(mesh.checked for mesh in meshes)
    found = found if nobody or any(meshes[number].checked for number, _, _ in found) else []
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


def served_by_citadels(mesh: Mesh) -> Iterator[tuple[Side, set[str] | None]]:
    """Yield every Citadel and the namespaces it serves; None for all (istio 1.5.0, security/cmd/istio_ca/main.go)."""
    for workload, container in mesh.containers("citadel"):
        listened = flag(container, "--listened-namespaces") or flag(container, "--listened-namespace")
        listened = listened or variable(container, "NAMESPACE")
        yield side(mesh, workload), set(listened.split(",")) if listened else None


def embedded(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find cluster-wide resources in ConfigMaps that a Job of one of several meshes applies."""
    for mesh in meshes if len([m for m in meshes if m.namespace or m.objects]) > 1 else ():
        for found, kind, name in applied_cluster_wide(mesh) if not mesh.live else ():
            yield Finding(
                "embedded-cluster-scoped", f"a Job of mesh {mesh.name} applies {kind}/{name}", (side(mesh, found),)
            )


def applied_cluster_wide(mesh: Mesh) -> Iterator[tuple[Object, str, str]]:
    """Yield ConfigMap, kind and name of every cluster-wide resource that a Job applies.

    Helm 3 shows hook Jobs to nobody, but their ServiceAccount, which is made only for them.
    """
    mounted = {
        said(dig(volume, "configMap", "name")) for job in mesh.of("Job") for volume in mappings(pod(job), "volumes")
    }
    accounts = {account.name for account in mesh.of("ServiceAccount")}
    if "istio-security-post-install-account" in accounts:
        mounted.add("istio-security-custom-resources")
    for config in mesh.of("ConfigMap"):
        if config.name not in mounted:
            continue
        for value in texts(config.data.get("data")).values():
            for item in documents(value) if any(kind in value for kind in CLUSTER_WIDE) else ():
                kind = said(dig(item, "kind"))
                if kind in CLUSTER_WIDE:
                    yield config, kind, said(dig(item, "metadata", "name"))


def crd_versions(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find CRDs that meshes bring in different versions, and control planes that need what no CRD here has."""
    index: dict[str, list[tuple[Mesh, Object]]] = {}
    for mesh in meshes:
        for crd in mesh.of("CustomResourceDefinition"):
            index.setdefault(crd.name, []).append((mesh, crd))
    for name, held in index.items():
        # The owner decides: what lives in the cluster, or else the first.
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
            yield Finding("crd-version", what, (side(mesh, crd), side(other, second)))
    if any(name.endswith(_ISTIO_CRD) for name in index):
        for mesh in meshes:
            if not mesh.live:
                yield from _needs(mesh, index)


_ISTIO_CRD = ".istio.io"


def _needs(mesh: Mesh, index: dict[str, list[tuple[Mesh, Object]]]) -> Iterator[Finding]:
    """Find what the control planes of a mesh read and no CRD here has."""
    for workload, container in mesh.containers("discovery"):
        minor = _minor(workload, container)
        for since, version, names in NEEDS:
            for name in names if minor >= since else ():
                held = index.get(f"{name}.istio.io", [])
                if not any(version in _versions(crd) for _, crd in held):
                    there = f"and {held[0][1].name} has no such version" if held else "and that CRD is nowhere"
                    what = f"Istio {minor[0]}.{minor[1]} of mesh {mesh.name} reads {name}.istio.io/{version}, {there}"
                    places = (side(mesh, workload), *(side(other, crd) for other, crd in held[:1]))
                    yield Finding("crd-version", what, places)


def _minor(workload: Object, container: dict[str, object]) -> tuple[int, int]:
    """Return the minor version of a control plane by its image, or its chart's label; (0, 0) where neither tells."""
    chart = f":{workload.labels.get('app.kubernetes.io/version', '')}"
    for text in (said(container.get("image")), chart if chart != ":1.0.0" else ""):
        found = _TAG.search(text)
        if found:
            return 1, int(found[1])
    return 0, 0


def _versions(crd: Object) -> list[str]:
    found = [said(item.get("name")) for item in mappings(crd.data, "spec", "versions")]
    return found or [said(dig(crd.data, "spec", "version"))]

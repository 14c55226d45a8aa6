"""Check who injects the pods of a running mesh, and which control plane serves them.

Sources of the fields: istio 1.30.3, manifests/charts/istio-control/istio-discovery/files/injection-template.yaml;
1.5.0, install/kubernetes/helm/istio/files/injection-template.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from multimesh.check.catalogue import WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import containers, env_value, flag_value
from multimesh.check.objects import Object, dig, listed, mappings, text_of
from multimesh.check.running.certificates import root_in_copy
from multimesh.check.running.cluster import WEBHOOKS, Cluster, side_of, unlisted, workload_namespaces
from multimesh.kubernetes.selectors import selects
from multimesh.mesh.names import INJECTION_LABEL, REVISION_LABEL
from multimesh.mesh.profile import Profile

#: The volume of the root certificate.
_ROOT_VOLUME = "istiod-ca-cert"
_NO_ROOT = (
    "Look which revision holds the lock istio-namespace-controller-election: it writes the root under its own name. "
    "Give all revisions one name (multimesh values --oldest VERSION), and check that the namespace is discovered."
)

_INJECTED = "sidecar.istio.io/status"


def injectors(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find workload namespaces that no webhook injects, or that the webhook of another mesh injects."""
    if not found.read(WEBHOOKS[0]) or not found.read("Namespace"):
        return
    yield from _unreadable_selectors(mesh, found)
    served, uninjected = workload_namespaces(mesh, found), _uninjected(mesh, found)
    for item in found.of("Namespace"):
        if item.name not in served:
            continue
        labels = {NAME_LABEL: item.name, **item.labels}
        hits = [
            (config, entry)
            for config in found.of(WEBHOOKS[0])
            for entry in entries(config)
            if _injects(entry)
            and selects(entry.get("namespaceSelector"), labels)
            and selects(entry.get("objectSelector"), {})
        ]
        others = [hit for hit in hits if dig(hit[1], "clientConfig", "service", "namespace") != mesh.namespace]
        if not hits and item.name not in uninjected:
            yield Finding("injection-overlap", f'no webhook injects pods in "{item.name}"', (side_of(mesh, item),))
        for config, entry in others:
            what = f'"{entry.get("name")}" of another mesh injects pods in "{item.name}"'
            yield Finding("injection-overlap", what, (side_of(mesh, item), side_of(mesh, config)))


def _unreadable_selectors(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find injectors of any mesh whose selectors are none: nobody knows where they inject."""
    for config in found.of(WEBHOOKS[0]):
        for entry in filter(_injects, entries(config)):
            for key in ("namespaceSelector", "objectSelector"):
                if selects(entry.get(key), {}) is None:
                    name = text_of(entry.get("name"))
                    what = f'{key} of "{name}" is not a label selector, so nothing is said about what it injects'
                    yield Finding("unreadable", what, (side_of(mesh, config, name),))


def root_maps(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find pods that mount the ConfigMap of a root that is not there: they do not start, or cannot connect."""
    if not found.read("ConfigMap"):
        return
    served = {mesh.namespace, *workload_namespaces(mesh, found)}
    known = {(item.namespace, item.name): item for item in found.of("ConfigMap")}
    seen = {namespace for namespace, _ in known}
    unseen = set()
    for pod in found.of("Pod"):
        if pod.namespace not in served or found.missed("ConfigMap", pod.namespace):
            continue
        for name, whole in _mounted_roots(pod):
            item = known.get((pod.namespace, name))
            # Of a saved cluster nobody knows which namespaces were read; each one has a ConfigMap of Kubernetes.
            if found.unread is None and pod.namespace not in seen:
                unseen.add(pod.namespace)
            elif item is None or (whole and not root_in_copy(item)):
                lacks = "does not exist" if item is None else "holds no root-cert.pem"
                what = f"{pod.title} mounts ConfigMap {name}, which {lacks}"
                yield Finding("root-missing", what, (side_of(mesh, pod),), remedy=_NO_ROOT)
    for namespace in sorted(unseen):
        what = f'no ConfigMap in "{namespace}" was seen, so nothing is said about the root that its pods mount'
        yield Finding("unreadable", what, (Side(mesh.name, "ConfigMap", "", 0),))


def _mounted_roots(pod: Object) -> Iterator[tuple[str, bool]]:
    """Yield the names of the ConfigMaps with roots that a pod needs, and whether it mounts all of their keys."""
    for volume in mappings(pod.data, "spec", "volumes"):
        source = dig(volume, "configMap")
        name = text_of(dig(source, "name"))
        if volume.get("name") == _ROOT_VOLUME and dig(source, "optional") is not True and name:
            yield name, not dig(source, "items")


def _uninjected(mesh: Profile, found: Cluster) -> set[str]:
    """Return the names of namespaces that have the label of the mesh only: nobody has asked it to inject there."""
    return {
        item.name
        for item in unlisted(mesh, found)
        if item.labels.get(INJECTION_LABEL) != mesh.injection_label
        and item.labels.get(REVISION_LABEL) not in mesh.revisions
    }


def _injects(entry: dict[str, Any]) -> bool:
    return any("pods" in listed(rule, "resources") for rule in listed(entry, "rules")) and "inject" in str(
        dig(entry, "clientConfig", "service", "path") or entry.get("name")
    )


def pods(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Check that every pod of a workload namespace has one sidecar, of this mesh."""
    served, uninjected = workload_namespaces(mesh, found), _uninjected(mesh, found)
    for pod in found.of("Pod"):
        if pod.namespace not in served or dig(pod.data, "status", "phase") in ("Succeeded", "Failed"):
            continue
        proxies = [item for item in containers(pod) if item.get("name") == "istio-proxy"]
        opted_out = "false" in (
            pod.labels.get("sidecar.istio.io/inject"),
            pod.annotations.get("sidecar.istio.io/inject"),
        )
        if not proxies:
            expected = not opted_out and pod.namespace not in uninjected
            if expected and dig(pod.data, "spec", "hostNetwork") is not True:
                what = (
                    f"{pod.title} has no sidecar: it started before the label was set, or while the injector was down"
                )
                yield Finding(
                    "pod-mesh",
                    what,
                    (side_of(mesh, pod),),
                    WARNING,
                    f"kubectl -n {pod.namespace} delete pod {pod.name}",
                )
            continue
        if len(proxies) > 1:
            yield Finding("pod-mesh", f"{pod.title} has {len(proxies)} sidecars", (side_of(mesh, pod),))
        yield from _served(mesh, pod, proxies[0])


def _served(mesh: Profile, pod: Object, proxy: dict[str, Any]) -> Iterator[Finding]:
    address = discovery_address(proxy)
    namespace = address.partition(":")[0].split(".")[1:2]
    if address and namespace and namespace[0] != mesh.namespace:
        yield Finding(
            "pod-mesh", f"{pod.title} is served by another mesh's control plane, {address}", (side_of(mesh, pod),)
        )
    revision = pod_revision(pod)
    if revision and revision not in mesh.revisions:
        yield Finding("pod-mesh", f'{pod.title} was injected by the revision "{revision}"', (side_of(mesh, pod),))


def discovery_address(proxy: dict[str, Any]) -> str:
    """Return the address of a sidecar's control plane as host:port; empty where none is set."""
    config = env_value(proxy, "PROXY_CONFIG")
    if config:
        try:
            found = dig(json.loads(config), "discoveryAddress")
        except ValueError:
            found = None
        if found:
            return str(found)
    return env_value(proxy, "CA_ADDR") or flag_value(proxy, "--discoveryAddress") or ""


def pod_revision(pod: Object) -> str:
    """Return the revision that injected a pod; empty up to Istio 1.8, which does not record it."""
    try:
        status = json.loads(pod.annotations.get(_INJECTED, "{}"))
    except ValueError:
        status = {}
    return (
        pod.annotations.get(REVISION_LABEL, "")
        or str(dig(status, "revision") or "")
        or pod.labels.get(REVISION_LABEL, "")
    )

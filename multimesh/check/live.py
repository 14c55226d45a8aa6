"""What must be true of a running mesh, from what `kubectl get -o json` says of the cluster.

Each function takes the mesh's profile and the cluster's objects and yields findings; `LIVE` is the list of them.
Sources: istio 1.30.3 `pkg/webhooks/webhookpatch.go` (bundles), `manifests/charts/istio-control/istio-discovery/files/
injection-template.yaml` (pods); 1.5.0 `install/kubernetes/helm/istio/files/injection-template.yaml`.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from multimesh.check.findings import ERROR, INFO, WARNING, Finding, Side
from multimesh.check.meshes import CONTROL_PLANE, containers, entries, flag, is_control_plane, variable
from multimesh.check.objects import Object, dig, listed, said, texts
from multimesh.kubernetes.selectors import matches
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL, STOCK_NAMES, TAG_LABEL, is_kept
from multimesh.mesh.profile import Profile

_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_INJECTED = "sidecar.istio.io/status"


class Cluster(NamedTuple):
    """The objects of a cluster by kind."""

    kinds: dict[str, list[Object]]

    def of(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [found for kind in kinds for found in self.kinds.get(kind, [])]

    def named(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None."""
        return next((o for o in self.kinds.get(kind, []) if (o.name, o.namespace) == (name, namespace)), None)

    def read(self, *kinds: str) -> bool:
        """Tell whether anything of these kinds was read at all."""
        return any(self.kinds.get(kind) for kind in kinds)


def cluster(objects: list[Object]) -> Cluster:
    """Sort objects by kind."""
    found: dict[str, list[Object]] = {}
    for item in objects:
        found.setdefault(item.kind, []).append(item)
    return Cluster(found)


def is_old(mesh: Profile, found: Cluster) -> bool:
    """Tell a mesh of Istio 1.5 by its galley, citadel or injector."""
    return any(
        workload.namespace == mesh.namespace
        and any(said(item.get("name")) in CONTROL_PLANE - {"discovery"} for item in containers(workload))
        for workload in found.of("Deployment")
    )


#: Kinds without which nothing can be said about a mesh, and what they tell.
_NEEDED = {
    "Namespace": "labels",
    "MutatingWebhookConfiguration": "injection",
    "ValidatingWebhookConfiguration": "validation",
    "Deployment": "control planes",
    "Pod": "sidecars",
}


def unseen(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Say of which kinds nothing was seen: silence would pass for soundness."""
    for kind, what in _NEEDED.items():
        if not found.read(kind):
            yield Finding(
                "unreadable", f"no {kind} was seen, so nothing is said about {what}", (Side(mesh.name, kind, "", 0),)
            )


def _side(mesh: Profile, found: Object, part: str = "") -> Side:
    return Side(mesh.name, f"{found.title} {part}".strip(), found.file, found.line)


def namespaces(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find namespaces of the profile that are missing or not labelled, and others that carry the label."""
    if not found.read("Namespace"):
        return
    old = is_old(mesh, found)
    by_name = {item.name: item for item in found.of("Namespace")}
    for name in (mesh.namespace, *mesh.workload_namespaces):
        item = by_name.get(name)
        if item is None:
            yield Finding("namespace-label", f'the namespace "{name}" does not exist', remedy=_create(mesh))
            continue
        label = item.labels.get(MESH_LABEL, "")
        if label != mesh.name:
            what = f'the namespace "{name}" ' + (f"belongs to mesh {label}" if label else f"has no label {MESH_LABEL}")
            yield Finding("namespace-label", what, (_side(mesh, item),), remedy=_label(name, MESH_LABEL, mesh.name))
        yield from _injection(mesh, item, old=old)
    for item in by_name.values():
        if item.labels.get(MESH_LABEL) == mesh.name and item.name not in mesh.namespaces:
            what = (
                f'the namespace "{item.name}" carries the label of mesh {mesh.name}, and the profile does not list it'
            )
            remedy = f"Add it to spec.workloadNamespaces in {mesh.where}" + (
                " and render again: Citadel's list is static." if old else "."
            )
            yield Finding("namespace-label", what, (_side(mesh, item),), ERROR if old else INFO, remedy)


def _injection(mesh: Profile, item: Object, *, old: bool) -> Iterator[Finding]:
    value, revision = item.labels.get(INJECTION_LABEL), item.labels.get(REVISION_LABEL)
    if item.name == mesh.namespace:
        if value == "enabled" or (old and value != "disabled"):
            wanted = "disabled" if old else None
            what = f'the control-plane namespace "{item.name}" has {INJECTION_LABEL}={value or "(none)"}'
            remedy = _label(item.name, INJECTION_LABEL, wanted)
            yield Finding("namespace-label", what, (_side(mesh, item),), "" if value == "enabled" else WARNING, remedy)
        return
    by_revision = value is None and revision in mesh.revisions and not old
    if value != mesh.injection_label and not by_revision:
        what = f'the namespace "{item.name}" has {INJECTION_LABEL}={value or "(none)"}, so mesh {mesh.name} does not inject it'
        remedy = _label(item.name, INJECTION_LABEL, mesh.injection_label)
        yield Finding("namespace-label", what, (_side(mesh, item),), remedy=remedy)


def _label(name: str, key: str, value: str | None) -> str:
    return (
        f"kubectl label namespace {name} {key}={value} --overwrite"
        if value
        else f"kubectl label namespace {name} {key}-"
    )


def _create(mesh: Profile) -> str:
    return f"multimesh namespaces --profile {mesh.where} | kubectl apply --server-side -f -"


def control_planes(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find a control plane that is missing, or does not run."""
    if not found.read("Deployment"):
        return
    planes = [item for item in found.of("Deployment") if item.namespace == mesh.namespace and is_control_plane(item)]
    if not planes:
        yield Finding("control-plane-down", f'no control plane runs in "{mesh.namespace}"')
    for item in planes:
        wanted = dig(item.data, "spec", "replicas")
        ready = dig(item.data, "status", "readyReplicas") or 0
        if item.data.get("status") is not None and wanted != 0 and not ready:
            yield Finding("control-plane-down", f"{item.title} has no ready pod", (_side(mesh, item),))


def roots(mesh: Profile, found: Cluster) -> list[str]:
    """Return the root certificates of the mesh, as far as the cluster shows them: PEM texts.

    What the authority keeps for itself decides; only where that may not be read do its copies, which another one that
    sees the namespace writes over.
    """
    for name in ("cacerts", "istio-ca-secret"):
        if kept := _root_in(found.named("Secret", name, mesh.namespace)):
            return [kept]
    known = [_root_in(found.named("Secret", "istio.default", mesh.namespace))]
    known += [
        texts(config.data.get("data")).get("root-cert.pem", "").strip()
        for config in found.of("ConfigMap")
        if config.namespace == mesh.namespace and config.name.startswith("istio-ca-root-cert")
    ]
    return list(dict.fromkeys(filter(None, known)))


def _root_in(secret: Object | None) -> str:
    data = texts(secret.data.get("data")) if secret is not None else {}
    return _decoded(data.get("root-cert.pem") or data.get("ca-cert.pem") or "")


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=False).decode("utf-8", "replace").strip()
    except (binascii.Error, ValueError):
        return ""


def ours(mesh: Profile, found: Cluster) -> list[tuple[Object, dict[str, Any]]]:
    """Return the webhook entries of the whole cluster that call this mesh's control plane."""
    return [
        (config, entry)
        for config in found.of(*_WEBHOOKS)
        for entry in entries(config)
        if dig(entry, "clientConfig", "service", "namespace") == mesh.namespace
    ]


def bundles(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Every webhook of the mesh carries the mesh's root, and its validators fail closed."""
    if not found.read(*_WEBHOOKS):
        return
    known = roots(mesh, found)
    mine = ours(mesh, found)
    if not any(config.kind == _WEBHOOKS[0] for config, _ in mine):
        yield Finding(
            "ca-bundle", f"no webhook injects for mesh {mesh.name}", remedy="Install the chart istiod, or istio (1.5)."
        )
    for config, entry in mine:
        place = (_side(mesh, config, str(entry.get("name"))),)
        bundle = _decoded(str(dig(entry, "clientConfig", "caBundle") or ""))
        if not bundle:
            yield Finding("ca-bundle", f'the webhook "{entry.get("name")}" has no caBundle', place)
        elif known and bundle not in known:
            yield Finding(
                "ca-bundle", f'the webhook "{entry.get("name")}" carries another root than the mesh\'s', place
            )
        if config.kind == _WEBHOOKS[1] and entry.get("failurePolicy") == "Ignore":
            what = f'the validator "{entry.get("name")}" still ignores failures'
            remedy = _label(mesh.namespace, MESH_LABEL, mesh.name)
            yield Finding(
                "ca-bundle", what, place, WARNING, f"Its control plane tries it in its own namespace: {remedy}"
            )


def injectors(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find workload namespaces that this mesh's injector does not match, or that another one matches."""
    if not found.read(_WEBHOOKS[0]) or not found.read("Namespace"):
        return
    for item in found.of("Namespace"):
        if item.name not in mesh.workload_namespaces:
            continue
        labels = {"kubernetes.io/metadata.name": item.name, **item.labels}
        hits = [
            (config, entry)
            for config in found.of(_WEBHOOKS[0])
            for entry in entries(config)
            if _injects(entry) and _matches(entry, labels)
        ]
        strangers = [hit for hit in hits if dig(hit[1], "clientConfig", "service", "namespace") != mesh.namespace]
        if not hits:
            yield Finding("injection-overlap", f'no webhook injects pods in "{item.name}"', (_side(mesh, item),))
        for config, entry in strangers:
            what = f'"{entry.get("name")}" of another mesh injects pods in "{item.name}"'
            yield Finding("injection-overlap", what, (_side(mesh, item), _side(mesh, config)))


def _injects(entry: dict[str, Any]) -> bool:
    return any("pods" in listed(rule, "resources") for rule in listed(entry, "rules")) and "inject" in str(
        dig(entry, "clientConfig", "service", "path") or entry.get("name")
    )


def _matches(entry: dict[str, Any], labels: dict[str, str]) -> bool:
    try:
        return matches(entry.get("namespaceSelector"), labels) and matches(entry.get("objectSelector"), {})
    except (ValueError, AttributeError, TypeError):
        return False


def pods(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Every pod of a workload namespace has one sidecar, of this mesh."""
    known = roots(mesh, found)
    for pod in found.of("Pod"):
        if pod.namespace not in mesh.workload_namespaces or dig(pod.data, "status", "phase") in ("Succeeded", "Failed"):
            continue
        proxies = [item for item in containers(pod) if item.get("name") == "istio-proxy"]
        asked_not = "false" in (
            pod.labels.get("sidecar.istio.io/inject"),
            pod.annotations.get("sidecar.istio.io/inject"),
        )
        if not proxies:
            if not asked_not and dig(pod.data, "spec", "hostNetwork") is not True:
                what = f"{pod.title} has no sidecar: it was started before the label was set, or while the injector was down"
                yield Finding(
                    "pod-mesh", what, (_side(mesh, pod),), WARNING, f"kubectl -n {pod.namespace} delete pod {pod.name}"
                )
            continue
        if len(proxies) > 1:
            yield Finding("pod-mesh", f"{pod.title} has {len(proxies)} sidecars", (_side(mesh, pod),))
        yield from _served(mesh, pod, proxies[0])
    if is_old(mesh, found):
        yield from _certificates(mesh, found, known)


def _served(mesh: Profile, pod: Object, proxy: dict[str, Any]) -> Iterator[Finding]:
    address = discovery_address(proxy)
    namespace = address.partition(":")[0].split(".")[1:2]
    if address and namespace and namespace[0] != mesh.namespace:
        yield Finding(
            "pod-mesh", f"{pod.title} is served by another mesh's control plane, {address}", (_side(mesh, pod),)
        )
    revision = pod_revision(pod)
    if revision and revision not in mesh.revisions:
        yield Finding("pod-mesh", f'{pod.title} was injected by the revision "{revision}"', (_side(mesh, pod),))


def discovery_address(proxy: dict[str, Any]) -> str:
    """Return the control plane that a sidecar talks to, as host:port; empty where nothing says it."""
    config = variable(proxy, "PROXY_CONFIG")
    if config:
        try:
            found = dig(json.loads(config), "discoveryAddress")
        except ValueError:
            found = None
        if found:
            return str(found)
    return variable(proxy, "CA_ADDR") or flag(proxy, "--discoveryAddress") or ""


def pod_revision(pod: Object) -> str:
    """Return the revision that injected a pod; empty up to Istio 1.8, which leaves no trace of it."""
    try:
        status = json.loads(pod.annotations.get(_INJECTED, "{}"))
    except ValueError:
        status = {}
    return (
        pod.annotations.get(REVISION_LABEL, "")
        or str(dig(status, "revision") or "")
        or pod.labels.get(REVISION_LABEL, "")
    )


def _certificates(mesh: Profile, found: Cluster, known: list[str]) -> Iterator[Finding]:
    """Istio 1.5: the secret of every ServiceAccount in use is there, and signed by this mesh's root."""
    if not found.read("Secret"):
        return
    accounts = {
        (pod.namespace, str(dig(pod.data, "spec", "serviceAccountName") or "default"))
        for pod in found.of("Pod")
        if pod.namespace in mesh.workload_namespaces
    }
    for namespace, account in sorted(accounts):
        secret = found.named("Secret", f"istio.{account}", namespace)
        if secret is None:
            what = f"ServiceAccount/{namespace}/{account} has no certificate, although its pods may say 2/2"
            yield Finding(
                "certificate",
                what,
                remedy="Add the namespace to the profile and render again: Citadel's list is static.",
            )
            continue
        root = _decoded(texts(secret.data.get("data")).get("root-cert.pem", ""))
        if known and root and root not in known:
            what = f"the certificate of ServiceAccount/{namespace}/{account} comes from another mesh's Citadel"
            remedy = f"kubectl -n {namespace} delete secret istio.{account}, and make the Citadels' lists disjoint."
            yield Finding("certificate", what, (_side(mesh, secret),), remedy=remedy)


def root_copies(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find root certificates of another mesh in a member namespace: they tell of two writers."""
    known = roots(mesh, found)
    names = {
        item.name for item in found.of("ConfigMap") if item.namespace == mesh.namespace and "ca-root-cert" in item.name
    }
    for item in found.of("ConfigMap"):
        if item.namespace in mesh.workload_namespaces and item.name in names and known:
            text = texts(item.data.get("data")).get("root-cert.pem", "").strip()
            if text and text not in known:
                what = f"{item.title} holds another mesh's root: two control planes write it"
                remedy = (
                    "Set meshConfig.discoverySelectors and global.trustBundleName as 'multimesh values' writes them."
                )
                yield Finding("ca-bundle", what, (_side(mesh, item),), remedy=remedy)


def stock_names(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """No object of this mesh has its stock name: that tells of an upgrade without the post-renderer."""
    for item in found.of(*_WEBHOOKS, "ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy"):
        if (item.kind, item.name) not in STOCK_NAMES or is_kept(item.kind, item.name, mesh):
            continue
        if item.kind == "ClusterRole" and not mesh.rename_cluster_roles:
            continue
        if mesh.namespace in _home(item):
            yield Finding("stock-name", f"{item.title} has its stock name", (_side(mesh, item),))
    for item in found.of(_WEBHOOKS[0]):
        for entry in entries(item):
            value = texts(dig(entry, "namespaceSelector", "matchLabels")).get(INJECTION_LABEL)
            if dig(entry, "clientConfig", "service", "namespace") == mesh.namespace and value == "enabled":
                yield Finding(
                    "stock-name", f'"{entry.get("name")}" injects {INJECTION_LABEL}=enabled', (_side(mesh, item),)
                )
    yield from _missing_entry(mesh, found)


def _missing_entry(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find injectors of the mesh's revision that do not know the mesh's label."""
    for item in found.of(_WEBHOOKS[0]):
        if item.labels.get(REVISION_LABEL) != mesh.revision or TAG_LABEL in item.labels:
            continue
        selects = any(
            matches(entry.get("namespaceSelector"), {INJECTION_LABEL: mesh.injection_label}) for entry in entries(item)
        )
        if not selects:
            what = f"{item.title} has no entry for {INJECTION_LABEL}={mesh.injection_label}"
            yield Finding("stock-name", what, (_side(mesh, item),))


def _home(item: Object) -> set[str]:
    """Return the namespaces that an object points to: its Helm release's, its subjects', its services'."""
    found = {item.annotations.get("meta.helm.sh/release-namespace", "")}
    found |= {str(dig(subject, "namespace") or "") for subject in listed(item.data, "subjects")}
    found |= {str(dig(entry, "clientConfig", "service", "namespace") or "") for entry in entries(item)}
    return found - {""}


LIVE: tuple[Callable[[Profile, Cluster], Iterator[Finding]], ...] = (
    unseen,
    namespaces,
    control_planes,
    bundles,
    injectors,
    pods,
    root_copies,
    stock_names,
)

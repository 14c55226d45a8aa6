"""What must hold inside one mesh: references lead somewhere, flags name the webhooks that are there, the profile is kept.

A reference counts as dangling only where the mesh brings resources of the kind it points to at all: whoever gives one
release of several has not shown the others. Reference: the dangling-reference checks D1 to D12.
"""

from collections.abc import Callable, Iterator
from typing import Any

from multimesh.check.findings import Finding
from multimesh.check.identities import side
from multimesh.check.meshes import Mesh, containers, entries, flag, is_control_plane, pod, variable
from multimesh.check.objects import Object, dig, listed, mappings, said, texts
from multimesh.check.overlap import common
from multimesh.check.scopes import served_by_citadels
from multimesh.check.webhooks import is_istio_s, watched
from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTION_LABEL,
    INJECTOR_CONFIGURATION,
    INJECTOR_ENTRY,
    MESH_LABEL,
    REVISION_LABEL,
    STOCK_NAMES,
    TAG_LABEL,
    is_kept,
    is_kubernetes,
    occurrences,
)

#: ConfigMaps that are made at run time (istio 1.31.0, security/pkg/k8s; Kubernetes' root-ca-cert-publisher).
_MADE_AT_RUN_TIME = ("istio-ca-root-cert", "istio-ca-crl", "kube-root-ca.crt")

#: ServiceAccounts that the chart base brings and the chart istiod uses, the second one up to 1.10; base always brings the
#: first, so a mesh without it is shown without its base.
_OF_BASE = ("istio-reader-service-account", "istiod-service-account")

_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job", "Pod", "CronJob", "ReplicaSet")


class _Index:
    """The resources of a mesh by kind, for questions whether one is there."""

    def __init__(self, mesh: Mesh) -> None:
        self.kinds: dict[str, set[tuple[str, str]]] = {}
        for found in mesh.objects:
            self.kinds.setdefault(found.kind, set()).add((found.namespace, found.name))

    def lacks(self, kind: str, name: str, namespace: str = "") -> bool:
        """Tell whether a resource is missing, though others of its kind are there."""
        known = self.kinds.get(kind)
        if known is None or (namespace, name) in known:
            return False
        return kind != "ServiceAccount" or name not in _OF_BASE or (namespace, _OF_BASE[0]) in known


def _dangling(mesh: Mesh, found: Object, path: str, target: str) -> Finding:
    return Finding("dangling-reference", f"{path} refers to {target}, which is not there", (side(mesh, found),))


def roles(mesh: Mesh) -> Iterator[Finding]:
    """D1, D2: bindings lead to a role, and to ServiceAccounts."""
    index = _Index(mesh)
    for found in mesh.of("ClusterRoleBinding", "RoleBinding"):
        kind, name = said(dig(found.data, "roleRef", "kind")), said(dig(found.data, "roleRef", "name"))
        namespace = found.namespace if kind == "Role" else ""
        if not (kind == "ClusterRole" and is_kubernetes(name)) and index.lacks(kind, name, namespace):
            yield _dangling(mesh, found, "roleRef", f"{kind}/{name}")
        for subject in mappings(found.data, "subjects"):
            if subject.get("kind") == "ServiceAccount":
                where, name = said(subject.get("namespace")) or found.namespace, said(subject.get("name"))
                if name != "default" and index.lacks("ServiceAccount", name, where):
                    yield _dangling(mesh, found, "subjects", f"ServiceAccount/{where}/{name}")


def pods(mesh: Mesh) -> Iterator[Finding]:
    """D3 to D5: pods find their ServiceAccount, Citadel's secret, and their ConfigMaps."""
    index = _Index(mesh)
    for found in mesh.of(*_WORKLOADS):
        spec = pod(found)
        account = said(spec.get("serviceAccountName")) or said(spec.get("serviceAccount")) or "default"
        if account != "default" and index.lacks("ServiceAccount", account, found.namespace):
            yield _dangling(mesh, found, "serviceAccountName", f"ServiceAccount/{found.namespace}/{account}")
        for volume in mappings(spec, "volumes"):
            secret, config = dig(volume, "secret"), dig(volume, "configMap")
            name = said(dig(secret, "secretName"))
            owner = name.removeprefix("istio.")
            if name != owner and owner != "default" and index.lacks("ServiceAccount", owner, found.namespace):
                yield _dangling(mesh, found, f"volume {dig(volume, 'name')}", f"the secret of ServiceAccount/{owner}")
            name = said(dig(config, "name"))
            optional = dig(config, "optional") is True or name.startswith(_MADE_AT_RUN_TIME)
            if name and not optional and index.lacks("ConfigMap", name, found.namespace):
                yield _dangling(mesh, found, f"volume {dig(volume, 'name')}", f"ConfigMap/{found.namespace}/{name}")


def selectors(mesh: Mesh) -> Iterator[Finding]:
    """D6 to D8: selectors of Services, disruption budgets, Gateways and EnvoyFilters match pods; autoscalers a workload."""
    index = _Index(mesh)
    templates = [
        (found.namespace, texts(dig(found.data, "spec", "template", "metadata", "labels")))
        for found in mesh.of(*_WORKLOADS)
    ]
    paths: dict[str, tuple[tuple[str, ...], bool]] = {
        "Service": (("spec", "selector"), True),
        "PodDisruptionBudget": (("spec", "selector", "matchLabels"), True),
        "Gateway": (("spec", "selector"), False),
        "EnvoyFilter": (("spec", "workloadSelector", "labels"), False),
    }
    for kind, (path, same_namespace) in paths.items():
        for found in mesh.of(kind):
            wanted = texts(dig(found.data, *path))
            if not wanted or not templates or found.group == "gateway.networking.k8s.io":
                continue
            if not any(
                wanted.items() <= labels.items() and (namespace == found.namespace or not same_namespace)
                for namespace, labels in templates
            ):
                told = ", ".join(f"{key}={value}" for key, value in wanted.items())
                yield _dangling(mesh, found, "/".join(path), f"pods labelled {told}")
    for found in mesh.of("HorizontalPodAutoscaler"):
        kind, name = (said(dig(found.data, "spec", "scaleTargetRef", key)) for key in ("kind", "name"))
        if index.lacks(kind, name, found.namespace):
            yield _dangling(mesh, found, "spec/scaleTargetRef", f"{kind}/{found.namespace}/{name}")


def routes(mesh: Mesh) -> Iterator[Finding]:
    """D9: VirtualServices name Gateways that are there."""
    index = _Index(mesh)
    for found in mesh.of("VirtualService"):
        for name in filter(None, map(said, listed(found.data, "spec", "gateways"))):
            namespace, slash, rest = name.partition("/")
            where, gateway = (namespace, rest) if slash else (found.namespace, name)
            if gateway != "mesh" and index.lacks("Gateway", gateway, where):
                yield _dangling(mesh, found, "spec/gateways", f"Gateway/{where}/{gateway}")


def services(mesh: Mesh) -> Iterator[Finding]:
    """D10: webhooks call Services that are there, where the release is shown that brings them with its control plane."""
    index = _Index(mesh)
    if not any(is_control_plane(found) for found, _ in mesh.workloads):
        return
    for found in mesh.of("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for item in entries(found):
            service = dig(item, "clientConfig", "service")
            name, namespace = said(dig(service, "name")), said(dig(service, "namespace"))
            if name and index.lacks("Service", name, namespace):
                yield _dangling(mesh, found, f"webhook {item.get('name')}", f"Service/{namespace}/{name}")


def policies(mesh: Mesh) -> Iterator[Finding]:
    """Bindings of admission policies lead to a policy."""
    index = _Index(mesh)
    for found in mesh.of("ValidatingAdmissionPolicyBinding"):
        name = said(dig(found.data, "spec", "policyName"))
        if index.lacks("ValidatingAdmissionPolicy", name):
            yield _dangling(mesh, found, "spec/policyName", f"ValidatingAdmissionPolicy/{name}")


def gateways(mesh: Mesh) -> Iterator[Finding]:
    """D12: the mesh configuration names a Service, a gateway's own variables its Deployment."""
    index = _Index(mesh)
    for config, values in mesh.configs:
        service = said(values.get("ingressService"))
        ingress = values.get("ingressControllerMode") != "OFF" and config.name == "istio" and mesh.containers("galley")
        if service and ingress and index.lacks("Service", service, config.namespace):
            yield _dangling(mesh, config, "mesh/ingressService", f"Service/{config.namespace}/{service}")
    for found in mesh.of("Deployment"):
        for container in containers(found):
            for key in ("ISTIO_META_WORKLOAD_NAME", "ISTIO_META_OWNER"):
                value = variable(container, key)
                if value and value.rpartition("/")[2] != found.name:
                    yield _dangling(mesh, found, key, f"Deployment/{value.rpartition('/')[2]}")


def flags(mesh: Mesh) -> Iterator[Finding]:
    """D11: flags and variables of the control plane name the webhooks that are there."""
    validating = {found.name for found in mesh.of("ValidatingWebhookConfiguration")}
    mutating = {found.name: found for found in mesh.of("MutatingWebhookConfiguration")}
    for found, container in mesh.containers("galley"):
        name = flag(container, "--webhook-name") or GALLEY_CONFIGURATION
        if validating and name not in validating:
            yield _mismatch(mesh, found, "galley --webhook-name", name, "ValidatingWebhookConfiguration")
        for config in mesh.of("ConfigMap"):
            script = texts(config.data.get("data")).get("run.sh", "")
            for other in (GALLEY_CONFIGURATION, *sorted(validating)):
                if other != name and occurrences(script, f"validatingwebhookconfiguration {other}"):
                    yield _mismatch(mesh, config, "run.sh waits for", other, "ValidatingWebhookConfiguration")
    for found, container in mesh.containers("sidecar-injector-webhook"):
        name = flag(container, "--webhookConfigName") or INJECTOR_CONFIGURATION
        entry = flag(container, "--webhookName") or INJECTOR_ENTRY
        if mutating and name not in mutating:
            yield _mismatch(mesh, found, "--webhookConfigName", name, "MutatingWebhookConfiguration")
        elif mutating and entry not in [item.get("name") for item in entries(mutating[name])]:
            yield _mismatch(mesh, found, "--webhookName", entry, "webhook entry")
    for found, container in mesh.containers("discovery"):
        by_name = variable(container, "INJECTION_WEBHOOK_CONFIG_NAME")
        if by_name and mutating and by_name not in mutating:
            yield _mismatch(mesh, found, "INJECTION_WEBHOOK_CONFIG_NAME", by_name, "MutatingWebhookConfiguration")
    yield from _entry_names(mesh)


def _mismatch(mesh: Mesh, found: Object, what: str, name: str, kind: str) -> Finding:
    return Finding("webhook-flag-mismatch", f"{what} {name}, and no {kind} is called so", (side(mesh, found),))


def _entry_names(mesh: Mesh) -> Iterator[Finding]:
    """Find entries that istiod would never patch (istio 1.30.3, pkg/webhooks/webhookpatch.go)."""
    served = {
        variable(item, "REVISION") or "default"
        for found, item in mesh.containers("discovery")
        if found.name != "istio-pilot"
    }
    for found in mesh.of("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration") if served else ():
        revision = found.labels.get(REVISION_LABEL)
        if revision is not None and revision not in served:
            told = ", ".join(sorted(served))
            what = f"{found.kind}/{found.name} is labelled {REVISION_LABEL}={revision}, and the control planes serve {told}"
            yield Finding("webhook-flag-mismatch", what, (side(mesh, found),))
        for item in entries(found) if found.kind.startswith("Mutating") else ():
            path = said(dig(item, "clientConfig", "service", "path"))
            if path.startswith("/inject") and not str(item.get("name")).endswith(INJECTOR_ENTRY):
                what = f'the webhook "{item.get("name")}" does not end in {INJECTOR_ENTRY}, so istiod does not patch it'
                yield Finding("webhook-flag-mismatch", what, (side(mesh, found),))


def unread(mesh: Mesh) -> Iterator[Finding]:
    """Find mesh configurations of which nothing is known."""
    for config in mesh.unread_configs:
        yield Finding("unreadable", f"data/mesh of {config.title} is no YAML mapping", (side(mesh, config),))


def discovery(mesh: Mesh) -> Iterator[Finding]:
    """Find control planes that read the whole cluster, although their version could be confined (1.10 and later)."""
    modern = [
        found
        for found in mesh.of("MutatingWebhookConfiguration")
        if str(found.data.get("apiVersion", "")).endswith("/v1") and found.labels.get(REVISION_LABEL)
    ]
    for config, values in mesh.configs:
        if modern and not values.get("discoverySelectors"):
            yield Finding("no-discovery-selector", f"mesh {mesh.name} has no discoverySelectors", (side(mesh, config),))


def profile(mesh: Mesh) -> Iterator[Finding]:
    """Hold the manifests of a mesh against its profile: stock names, namespaces, Citadel's list."""
    if mesh.profile is None:
        return
    for found in mesh.objects:
        stock = (found.kind, found.name) in STOCK_NAMES and not is_kept(found.kind, found.name, mesh.profile)
        if stock and not (found.kind == "ClusterRole" and not mesh.profile.rename_cluster_roles):
            yield Finding("stock-name", f"{found.title} has its stock name", (side(mesh, found),))
        shared = mesh.profile.owns_shared and _is_shared(found)
        if found.namespace and found.namespace not in mesh.profile.namespaces and not shared:
            yield Finding(
                "namespace-outside-profile", f"{found.title} is not in a namespace of the profile", (side(mesh, found),)
            )
    for place, served in served_by_citadels(mesh):
        if served is None:
            yield Finding(
                "citadel-scope", "Citadel has no --listened-namespaces, and serves the whole cluster", (place,)
            )
        elif missing := sorted(mesh.profile.namespaces - served):
            yield Finding("citadel-scope", f"Citadel does not serve {', '.join(missing)}", (place,))


def _is_shared(found: Object) -> bool:
    app = found.labels.get("app", "") + found.labels.get("k8s-app", "") + found.labels.get("app.kubernetes.io/name", "")
    return found.name.startswith(("istio-cni", "ztunnel")) or "istio-cni" in app or "ztunnel" in app


def injection(mesh: Mesh) -> Iterator[Finding]:
    """Find a mesh that injects by the stock label although it has a profile."""
    if mesh.profile is None:
        return
    for found in mesh.of("MutatingWebhookConfiguration"):
        for item in entries(found):
            value = texts(dig(item, "namespaceSelector", "matchLabels")).get(INJECTION_LABEL, "")
            if value and value != mesh.profile.injection_label:
                what = f'the webhook "{item.get("name")}" injects {INJECTION_LABEL}={value}'
                yield Finding("stock-name", what, (side(mesh, found),))


def confined(mesh: Mesh) -> Iterator[Finding]:
    """Find webhooks that the rewrite would have confined: from 1.24 on istiod's release has no stock name to tell by."""
    if mesh.profile is None:
        return
    ours = {"matchLabels": {INJECTION_LABEL: mesh.profile.injection_label}}
    for found in mesh.of("MutatingWebhookConfiguration"):
        mine = found.labels.get(REVISION_LABEL) == mesh.profile.revision and TAG_LABEL not in found.labels
        if mine and entries(found) and not is_kept(found.kind, found.name, mesh.profile):
            selectors = [item.get("namespaceSelector") for item in entries(found)]
            if not any(_meet(item, ours) and not _meet(item, _without(INJECTION_LABEL)) for item in selectors):
                what = f"no webhook of {found.title} asks for {INJECTION_LABEL}={mesh.profile.injection_label}"
                yield Finding("stock-name", what, (side(mesh, found),))
    for found in mesh.of("ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy"):
        kept = (found.kind, found.name) in STOCK_NAMES or is_kept(found.kind, found.name, mesh.profile)
        for item in [*entries(found), watched(found)] if not kept else ():
            if is_istio_s(item) and _meet(item.get("namespaceSelector"), _without(MESH_LABEL)):
                what = f'"{item.get("name")}" is not confined to {MESH_LABEL}={mesh.profile.name}'
                yield Finding("stock-name", what, (side(mesh, found),))


def _without(key: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}


def _meet(selector: Any, other: dict[str, Any]) -> bool:
    """Tell whether some labels satisfy both selectors; one that cannot be read may select anything."""
    try:
        return common(selector, other) is not None
    except ValueError:
        return True


INSIDE: tuple[Callable[[Mesh], Iterator[Finding]], ...] = (
    roles,
    pods,
    selectors,
    routes,
    services,
    policies,
    gateways,
    flags,
    unread,
    discovery,
    profile,
    injection,
    confined,
)

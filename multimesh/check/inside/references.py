"""Find references to resources that are not in the manifests of the mesh.

A reference counts as dangling only where the mesh has other resources of the kind that it names: the manifest of one
release does not show the resources of the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import containers, env_value, is_control_plane, pod_spec
from multimesh.check.objects import Object, dig, listed, mappings, strings, text_of
from multimesh.mesh.names import WRITES_POLICY, is_kubernetes
from multimesh.mesh.writes import CRL, ROOT

#: ConfigMaps that are created at run time (istio 1.31.0, security/pkg/k8s; Kubernetes' root-ca-cert-publisher).
_MADE_AT_RUN_TIME = (ROOT, CRL, "kube-root-ca.crt")

#: ServiceAccounts that the chart base creates and the chart istiod uses, the second one up to 1.10. Base always
#: creates the first, so manifests without it are without base.
_OF_BASE = ("istio-reader-service-account", "istiod-service-account")

_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job", "Pod", "CronJob", "ReplicaSet")

#: Where a kind selects pods, and whether they must be in its own namespace.
_SELECTORS: dict[str, tuple[tuple[str, ...], bool]] = {
    "Service": (("spec", "selector"), True),
    "PodDisruptionBudget": (("spec", "selector", "matchLabels"), True),
    "Gateway": (("spec", "selector"), False),
    "EnvoyFilter": (("spec", "workloadSelector", "labels"), False),
}


class _Index:
    """The resources of a mesh by kind."""

    def __init__(self, mesh: Mesh) -> None:
        self.kinds: dict[str, set[tuple[str, str]]] = {}
        for found in mesh.objects:
            self.kinds.setdefault(found.kind, set()).add((found.namespace, found.name))

    def lacks(self, kind: str, name: str, namespace: str = "") -> bool:
        """Return whether a resource is missing although others of its kind are there."""
        known = self.kinds.get(kind)
        if known is None or (namespace, name) in known:
            return False
        return kind != "ServiceAccount" or name not in _OF_BASE or (namespace, _OF_BASE[0]) in known


def _dangling(mesh: Mesh, found: Object, path: str, target: str) -> Finding:
    return Finding("dangling-reference", f"{path} refers to {target}, which is not there", (side_of(mesh, found),))


def roles(mesh: Mesh) -> Iterator[Finding]:
    """Check that bindings name roles and ServiceAccounts that exist."""
    index = _Index(mesh)
    for found in mesh.of("ClusterRoleBinding", "RoleBinding"):
        kind, name = text_of(dig(found.data, "roleRef", "kind")), text_of(dig(found.data, "roleRef", "name"))
        namespace = found.namespace if kind == "Role" else ""
        if not (kind == "ClusterRole" and is_kubernetes(name)) and index.lacks(kind, name, namespace):
            yield _dangling(mesh, found, "roleRef", f"{kind}/{name}")
        for subject in mappings(found.data, "subjects"):
            if subject.get("kind") == "ServiceAccount":
                where, name = text_of(subject.get("namespace")) or found.namespace, text_of(subject.get("name"))
                if name != "default" and not _is_of_policies(found) and index.lacks("ServiceAccount", name, where):
                    yield _dangling(mesh, found, "subjects", f"ServiceAccount/{where}/{name}")


def _is_of_policies(binding: Object) -> bool:
    """Return whether a binding tells the policy of all meshes where a control plane is: nobody needs the account."""
    return binding.kind == "ClusterRoleBinding" and binding.name.startswith(f"{WRITES_POLICY}-")


def pods(mesh: Mesh) -> Iterator[Finding]:
    """Check that pods name a ServiceAccount, secrets of Citadel and ConfigMaps that exist."""
    index = _Index(mesh)
    for found in mesh.of(*_WORKLOADS):
        spec = pod_spec(found)
        account = text_of(spec.get("serviceAccountName")) or text_of(spec.get("serviceAccount")) or "default"
        if account != "default" and index.lacks("ServiceAccount", account, found.namespace):
            yield _dangling(mesh, found, "serviceAccountName", f"ServiceAccount/{found.namespace}/{account}")
        for volume in mappings(spec, "volumes"):
            secret, config = dig(volume, "secret"), dig(volume, "configMap")
            name = text_of(dig(secret, "secretName"))
            owner = name.removeprefix("istio.")
            if name != owner and owner != "default" and index.lacks("ServiceAccount", owner, found.namespace):
                yield _dangling(mesh, found, f"volume {dig(volume, 'name')}", f"the secret of ServiceAccount/{owner}")
            name = text_of(dig(config, "name"))
            optional = dig(config, "optional") is True or name.startswith(_MADE_AT_RUN_TIME)
            if name and not optional and index.lacks("ConfigMap", name, found.namespace):
                yield _dangling(mesh, found, f"volume {dig(volume, 'name')}", f"ConfigMap/{found.namespace}/{name}")


def selectors(mesh: Mesh) -> Iterator[Finding]:
    """Check that selectors of Services, budgets, Gateways and EnvoyFilters match pods, and autoscalers a workload."""
    index = _Index(mesh)
    templates = [
        (found.namespace, strings(dig(found.data, "spec", "template", "metadata", "labels")))
        for found in mesh.of(*_WORKLOADS)
    ]
    for kind, (path, same_namespace) in _SELECTORS.items():
        for found in mesh.of(kind):
            wanted = strings(dig(found.data, *path))
            if not wanted or not templates or found.group == "gateway.networking.k8s.io":
                continue
            if not any(
                wanted.items() <= labels.items() and (namespace == found.namespace or not same_namespace)
                for namespace, labels in templates
            ):
                pairs = ", ".join(f"{key}={value}" for key, value in wanted.items())
                yield _dangling(mesh, found, "/".join(path), f"pods labelled {pairs}")
    for found in mesh.of("HorizontalPodAutoscaler"):
        kind, name = (text_of(dig(found.data, "spec", "scaleTargetRef", key)) for key in ("kind", "name"))
        if index.lacks(kind, name, found.namespace):
            yield _dangling(mesh, found, "spec/scaleTargetRef", f"{kind}/{found.namespace}/{name}")


def routes(mesh: Mesh) -> Iterator[Finding]:
    """Check that VirtualServices name Gateways that exist."""
    index = _Index(mesh)
    for found in mesh.of("VirtualService"):
        for name in filter(None, map(text_of, listed(found.data, "spec", "gateways"))):
            namespace, slash, rest = name.partition("/")
            where, gateway = (namespace, rest) if slash else (found.namespace, name)
            if gateway != "mesh" and index.lacks("Gateway", gateway, where):
                yield _dangling(mesh, found, "spec/gateways", f"Gateway/{where}/{gateway}")


def services(mesh: Mesh) -> Iterator[Finding]:
    """Check that webhooks call Services that exist, if the manifests contain the control plane, too."""
    index = _Index(mesh)
    if not any(is_control_plane(found) for found, _ in mesh.workloads):
        return
    for found in mesh.of("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for item in entries(found):
            service = dig(item, "clientConfig", "service")
            name, namespace = text_of(dig(service, "name")), text_of(dig(service, "namespace"))
            if name and index.lacks("Service", name, namespace):
                yield _dangling(mesh, found, f"webhook {item.get('name')}", f"Service/{namespace}/{name}")


def policies(mesh: Mesh) -> Iterator[Finding]:
    """Check that bindings of admission policies name a policy that exists."""
    index = _Index(mesh)
    for found in mesh.of("ValidatingAdmissionPolicyBinding"):
        name = text_of(dig(found.data, "spec", "policyName"))
        if index.lacks("ValidatingAdmissionPolicy", name):
            yield _dangling(mesh, found, "spec/policyName", f"ValidatingAdmissionPolicy/{name}")


def gateways(mesh: Mesh) -> Iterator[Finding]:
    """Check that the mesh configuration names an existing Service, and the variables of a gateway its Deployment."""
    index = _Index(mesh)
    for config, values in mesh.configs:
        service = text_of(values.get("ingressService"))
        ingress = values.get("ingressControllerMode") != "OFF" and config.name == "istio" and mesh.containers("galley")
        if service and ingress and index.lacks("Service", service, config.namespace):
            yield _dangling(mesh, config, "mesh/ingressService", f"Service/{config.namespace}/{service}")
    for found in mesh.of("Deployment"):
        for container in containers(found):
            for key in ("ISTIO_META_WORKLOAD_NAME", "ISTIO_META_OWNER"):
                value = env_value(container, key)
                if value and value.rpartition("/")[2] != found.name:
                    yield _dangling(mesh, found, key, f"Deployment/{value.rpartition('/')[2]}")

"""For every finding of `check` the smallest manifests that produce it, and similar ones that do not.

A case is the input of `check`: files by name, `NAME.profile` for a mesh profile, `previous` for --previous; objects of a
cluster are in a file, and have a uid. `docs/findings.md` shows the output for the first of each pair.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from gateway_objects import gateway as of_gateway_api
from program import profile

Object = dict[str, Any]
Files = dict[str, "list[Object] | str"]

_API = {
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Deployment": "apps/v1",
    "DaemonSet": "apps/v1",
}


class Case(NamedTuple):
    """One finding: manifests that produce it, and similar ones that do not."""

    hit: Files
    miss: Files


def thing(kind: str, name: str, namespace: str = "", *, labels: Object | None = None, **more: Any) -> Object:
    """Return one object; `labels` are its own."""
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": _API.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


def workload(
    name: str, namespace: str, container: Object, kind: str = "Deployment", labels: Object | None = None, **pod: Any
) -> Object:
    """Return a workload of one container; `labels` are those of its pods."""
    template = {"metadata": {"labels": labels or {"app": name}}, "spec": {"containers": [container], **pod}}
    return thing(kind, name, namespace, spec={"selector": {"matchLabels": {"app": name}}, "template": template})


def istiod(mesh: str, revision: str = "", image: str = "istio/pilot:1.30.3", **env: str) -> Object:
    """Write the control plane of a mesh, with the names of the Gateway API that `multimesh values` gives it."""
    named = {
        "PILOT_GATEWAY_API_CONTROLLER_NAME": f"istio.io/gateway-controller-{mesh}",
        "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME": f"istio-{mesh}",
    }
    variables = [
        {"name": name, "value": value} for name, value in ({"REVISION": revision or mesh} | named | env).items()
    ]
    return workload(f"istiod-{mesh}", f"istio-{mesh}", {"name": "discovery", "image": image, "env": variables})


def webhook(mesh: str, selector: Object, kind: str = "Mutating", entry: str = "", name: str = "") -> Object:
    """Return a webhook configuration of one entry, as a control plane has it."""
    pods = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    theirs = {"operations": ["*"], "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "resources": ["*"]}
    path = "/inject" if kind == "Mutating" else "/validate"
    item = {
        "name": entry or ("sidecar-injector.istio.io" if kind == "Mutating" else "validation.istio.io"),
        "clientConfig": {"service": {"name": f"istiod-{mesh}", "namespace": f"istio-{mesh}", "path": path}},
        "rules": [pods if kind == "Mutating" else theirs],
        **selector,
    }
    labels = {"istio.io/rev": mesh} if kind == "Mutating" else None
    return thing(f"{kind}WebhookConfiguration", name or f"istio-{kind.lower()}-{mesh}", labels=labels, webhooks=[item])


def spaces(key: str, operator: str, *values: str) -> Object:
    """Return a namespaceSelector of one requirement."""
    term: Object = {"key": key, "operator": operator} | ({"values": list(values)} if values else {})
    return {"namespaceSelector": {"matchExpressions": [term]}}


def service(mesh: str, name: str, *ports: Object, **spec: Any) -> Object:
    """Return a Service of a mesh."""
    return thing("Service", name, f"istio-{mesh}", spec={"ports": list(ports), **spec})


def citadel(mesh: str, *listened: str) -> Object:
    """Return the Citadel of Istio 1.5."""
    arguments = [f"--listened-namespaces={','.join(listened)}"] if listened else []
    return workload("istio-citadel", f"istio-{mesh}", {"name": "citadel", "args": arguments})


def crd(name: str, *versions: str, keep: bool = False) -> Object:
    """Return a CRD without schemas."""
    found = thing("CustomResourceDefinition", name)
    found["spec"] = {
        "group": name.partition(".")[2],
        "scope": "Namespaced",
        "versions": [{"name": v} for v in versions],
    }
    if keep:
        found["metadata"]["annotations"] = {
            "helm.sh/resource-policy": "keep",
            "argocd.argoproj.io/sync-options": "Prune=false",
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
        }
    return found


def bundled(resource: str, bundle: str, *versions: str) -> Object:
    """Return a CRD of a bundle of the Gateway API."""
    found = crd(f"{resource}.gateway.networking.k8s.io", *versions)
    found["metadata"]["annotations"] = {"gateway.networking.k8s.io/bundle-version": bundle}
    return found


def config(mesh: str, text: str) -> Object:
    """Return a mesh configuration."""
    return thing("ConfigMap", f"istio-{mesh}", f"istio-{mesh}", data={"mesh": text})


def gateway(mesh: str, label: str) -> Object:
    """Return the Deployment of a gateway."""
    return workload(f"{mesh}-gateway", f"istio-{mesh}", {"name": "istio-proxy"}, labels={"app": mesh, "istio": label})


def node(mesh: str, path: str, *, reads: bool = False, port: int = 0) -> Object:
    """Return a DaemonSet that uses a directory and a port of the node."""
    mount = {"name": "folder", "mountPath": "/folder", "readOnly": reads}
    container: Object = {"name": "agent", "volumeMounts": [mount]} | ({"ports": [{"hostPort": port}]} if port else {})
    return workload(
        "agent", f"istio-{mesh}", container, "DaemonSet", volumes=[{"name": "folder", "hostPath": {"path": path}}]
    )


def policy(mesh: str, *, applied: bool) -> list[Object]:
    """Return a MeshPolicy in a ConfigMap, and the Job that applies it."""
    text = "apiVersion: authentication.istio.io/v1alpha1\nkind: MeshPolicy\nmetadata: {name: default}\n"
    space = f"istio-{mesh}"
    volumes = [{"name": "text", "configMap": {"name": "resources"}}] if applied else []
    job = workload("apply", space, {"name": "kubectl"}, "Job", volumes=volumes)
    return [thing("ConfigMap", "resources", space, data={"resources.yaml": text}), job]


def live(*objects: Object, release: str = "") -> str:
    """Return objects as `kubectl get -o json` prints them."""
    for number, item in enumerate(objects):
        item["metadata"]["uid"] = f"uid-{number}"
        if release:
            item["metadata"]["annotations"] = {"meta.helm.sh/release-namespace": release}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=4)


def both(make: Any) -> Files:
    """Return files of both meshes, which a function makes from their names."""
    found = {mesh: make(mesh) for mesh in ("affirmed", "blue")}
    return {mesh: item if isinstance(item, list) else [item] for mesh, item in found.items()}


def profiled(objects: list[Object], **spec: Any) -> Files:
    """Return the files with a profile of the mesh affirmed."""
    return {"affirmed": objects, "affirmed.profile": profile("affirmed", "istio-affirmed", ["nginx-affirmed"], **spec)}


def two_profiles(workloads: tuple[str, str] = ("a", "b"), owners: tuple[str, str] = ("own", "leave")) -> Files:
    """Return the profiles of both meshes."""
    return {
        f"{mesh}.profile": profile(mesh, f"istio-{mesh}", (space,), sharedResources=owner)
        for mesh, space, owner in zip(("affirmed", "blue"), workloads, owners, strict=True)
    }


_ROLE = thing("ClusterRole", "kiali")
_ENABLED = {"namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}}}


def _injecting(mesh: str) -> list[Object]:
    return [istiod(mesh), webhook(mesh, spaces("istio-injection", "In", f"enabled-{mesh}"))]


def _selected(label: str) -> Object:
    return {
        **thing("Deployment", "istiod", "istio-affirmed"),
        "spec": {"selector": {"matchLabels": {"app": label}}, "template": {"metadata": {"labels": {"app": label}}}},
    }


def _second(root: str) -> Object:
    """Write a second revision of the mesh affirmed, which names its root."""
    found = istiod("affirmed", "affirmed-1-30", PILOT_CA_CERT_CONFIGMAP=root)
    found["metadata"]["name"] = "istiod-affirmed-1-30"
    return found


def _ambient(audiences: str) -> Object:
    """Write a control plane in ambient mode that accepts tokens of some audiences."""
    return istiod("affirmed", PILOT_ENABLE_AMBIENT="true", TOKEN_AUDIENCES=audiences)


def _cni(version: str) -> Object:
    """Write the istio-cni of a version."""
    agent = {"name": "install-cni", "image": f"istio/install-cni:{version}"}
    return workload("istio-cni-node", "istio-affirmed", agent, "DaemonSet")


def _with_cni(version: str) -> list[Object]:
    """Write a control plane of the mesh blue whose sidecars rely on istio-cni."""
    values = json.dumps({"pilot": {"cni": {"enabled": True}}})
    config = thing("ConfigMap", "istio-sidecar-injector-blue", "istio-blue", data={"values": values})
    return [istiod("blue", image=f"istio/pilot:{version}"), config]


#: An entry of .multimesh.yaml.
_ACCEPTED = "ignore:\n  - finding: no-owner\n    reason: another tool installs the CRDs\n"

CASES = {
    "cluster-scoped-name": Case(
        both(lambda mesh: [istiod(mesh), _ROLE]),
        both(lambda mesh: [istiod(mesh), thing("ClusterRole", f"kiali-{mesh}"), thing("ClusterRole", "view")]),
    ),
    "injection-overlap": Case(
        both(lambda mesh: [istiod(mesh), webhook(mesh, _ENABLED)]),
        both(_injecting),
    ),
    "validation-overlap": Case(
        both(lambda mesh: [istiod(mesh), webhook(mesh, {}, "Validating")]),
        both(lambda mesh: [istiod(mesh), webhook(mesh, spaces("multimesh.dev/mesh", "In", mesh), "Validating")]),
    ),
    "webhook-flag-mismatch": Case(
        {
            "affirmed": [
                workload(
                    "istio-galley", "istio-affirmed", {"name": "galley", "command": ["--webhook-name=istio-galley"]}
                ),
                webhook("affirmed", {}, "Validating", name="istio-affirmed-galley"),
            ]
        },
        {
            "affirmed": [
                workload(
                    "istio-galley", "istio-affirmed", {"name": "galley", "command": ["--webhook-name", "istio-a"]}
                ),
                webhook("affirmed", {}, "Validating", name="istio-a"),
            ]
        },
    ),
    "node-port": Case(
        both(lambda mesh: service(mesh, "gateway", {"port": 80, "nodePort": 31380})),
        {
            "affirmed": [service("affirmed", "gateway", {"port": 53, "nodePort": 31380})],
            "blue": [service("blue", "gateway", {"port": 53, "nodePort": 31380, "protocol": "UDP"}, {"port": 80})],
        },
    ),
    "host-port": Case(
        both(lambda mesh: node(mesh, f"/var/run/{mesh}", port=15000)),
        {
            "affirmed": [node("affirmed", "/var/run/affirmed", port=15000)],
            "blue": [node("blue", "/var/run/blue", port=15001)],
        },
    ),
    "host-path": Case(
        both(lambda mesh: node(mesh, "/var/run/sds", reads=mesh == "blue")),
        both(lambda mesh: node(mesh, "/var/run/sds", reads=True)),
    ),
    "citadel-scope": Case(
        both(lambda mesh: citadel(mesh, f"istio-{mesh}", "kube-system")),
        both(lambda mesh: citadel(mesh, f"istio-{mesh}", f"nginx-{mesh}")),
    ),
    "namespace-claimed-twice": Case(two_profiles(("shared", "shared")), two_profiles(("shared", "shared-2"))),
    "shared-revision": Case(
        both(lambda mesh: istiod(mesh, "stable")),
        both(lambda mesh: [istiod(mesh), webhook(mesh, {}, "Validating") | {"webhooks": []}]),
    ),
    "dangling-reference": Case(
        {
            "affirmed": [
                _ROLE,
                thing("ClusterRoleBinding", "kiali", roleRef={"kind": "ClusterRole", "name": "kiali-affirmed"}),
            ]
        },
        {
            "affirmed": [
                _ROLE,
                thing("ClusterRoleBinding", "kiali", roleRef={"kind": "ClusterRole", "name": "cluster-admin"}),
                thing("RoleBinding", "x", "istio-affirmed", roleRef={"kind": "Role", "name": "of-another-release"}),
            ]
        },
    ),
    "embedded-cluster-scoped": Case(
        both(lambda mesh: policy(mesh, applied=mesh == "blue")), both(lambda mesh: policy(mesh, applied=False))
    ),
    "two-owners": Case(
        two_profiles(owners=("own", "own")),
        two_profiles(owners=("own", "leave")),
    ),
    "crd-version": Case(
        {
            "affirmed": [
                istiod("affirmed", image="istio/pilot:1.20.8"),
                crd("gateways.networking.istio.io", "v1beta1"),
            ],
            "blue": [istiod("blue"), crd("gateways.networking.istio.io", "v1beta1", "v1")],
        },
        {
            "affirmed": [istiod("affirmed", image="istio/pilot:1.20.8"), crd("gateways.networking.istio.io", "v1")],
            "blue": [istiod("blue", image="istio/pilot:1.20.8"), crd("wasmplugins.extensions.istio.io", "v1alpha1")],
        },
    ),
    "gateway-api-version": Case(
        {
            "affirmed": [istiod("affirmed", image="istio/pilot:1.30.3"), bundled("tlsroutes", "v1.4.1", "v1alpha2")],
            "blue": [istiod("blue", image="istio/pilot:1.31.0")],
        },
        {
            "affirmed": [istiod("affirmed", image="istio/pilot:1.30.3"), bundled("tlsroutes", "v1.5.1", "v1")],
            "blue": [istiod("blue", image="istio/pilot:1.29.6")],
        },
    ),
    "gateway-selector": Case(
        both(lambda mesh: gateway(mesh, "ingressgateway")), both(lambda mesh: gateway(mesh, f"{mesh}-ingressgateway"))
    ),
    "trust-domain": Case(
        {"affirmed": [config("affirmed", "trustDomain: ''")], "blue": [config("blue", "trustDomain: cluster.local")]},
        both(lambda mesh: config(mesh, f"trustDomain: {mesh}.local")),
    ),
    "no-discovery-selector": Case(
        {"affirmed": [*_injecting("affirmed"), config("affirmed", "trustDomain: a.local")]},
        {
            "affirmed": [
                *_injecting("affirmed"),
                config("affirmed", "discoverySelectors: [{matchLabels: {multimesh.dev/mesh: affirmed}}]"),
            ]
        },
    ),
    "discovery-overlap": Case(
        both(lambda mesh: config(mesh, "discoverySelectors: [{matchExpressions: [{key: mesh, operator: Exists}]}]")),
        both(lambda mesh: config(mesh, f"discoverySelectors: [{{matchLabels: {{multimesh.dev/mesh: {mesh}}}}}]")),
    ),
    "written-twice": Case(
        both(lambda mesh: istiod(mesh, image="istio/pilot:1.14.6")),
        both(
            lambda mesh: istiod(
                mesh, image="istio/pilot:1.14.6", ENABLE_CA_SERVER="false", PILOT_ENABLE_GATEWAY_API="false"
            )
        ),
    ),
    "root-missing": Case(
        {"affirmed": [istiod("affirmed", image="istio/pilot:1.24.6"), _second("istio-ca-root-cert-affirmed")]},
        {"affirmed": [istiod("affirmed", image="istio/pilot:1.24.6"), _second("istio-ca-root-cert")]},
    ),
    "cni-version": Case(
        {"affirmed": [istiod("affirmed", image="istio/pilot:1.28.1"), _cni("1.28.1")], "blue": _with_cni("1.30.3")},
        {"affirmed": [istiod("affirmed", image="istio/pilot:1.28.1"), _cni("1.28.1")], "blue": _with_cni("1.29.0")},
    ),
    "used-twice": Case(
        both(lambda mesh: istiod(mesh, PILOT_ENABLE_AMBIENT="true")),
        both(lambda mesh: istiod(mesh, PILOT_ENABLE_AMBIENT=str(mesh == "blue").lower())),
    ),
    "gateway-name": Case(
        {"affirmed": [istiod("affirmed"), of_gateway_api("g" * 49, "nginx-affirmed")]},
        {"affirmed": [istiod("affirmed"), of_gateway_api("g" * 48, "nginx-affirmed")]},
    ),
    "token-audience": Case(
        {"affirmed": [_ambient("istio-ca-affirmed")]},
        {"affirmed": [_ambient("istio-ca,istio-ca-affirmed")]},
    ),
    "no-owner": Case(
        two_profiles(owners=("leave", "leave")),
        two_profiles(owners=("leave", "leave")) | {"crds": [crd("gateways.networking.istio.io", "v1")]},
    ),
    "stock-name": Case(
        profiled([istiod("affirmed"), _ROLE]), profiled([istiod("affirmed"), _ROLE], keepNames=["ClusterRole/kiali"])
    ),
    "namespace-outside-profile": Case(
        profiled([istiod("affirmed"), thing("ConfigMap", "x", "nginx-blue")]),
        profiled([istiod("affirmed"), thing("ConfigMap", "x", "nginx-affirmed")]),
    ),
    "identity-lost": Case(
        {"affirmed": [thing("ClusterRole", "reader-2")], "previous": [thing("ClusterRole", "reader")]},
        {"affirmed": [thing("ClusterRole", "reader")], "previous": [thing("ClusterRole", "reader", labels={"a": "b"})]},
    ),
    "immutable-selector": Case(
        {"affirmed": [_selected("istiod-affirmed")], "previous": [_selected("istiod")]},
        {
            "affirmed": [_selected("istiod")],
            "previous": [_selected("istiod"), thing("ConfigMap", "gone", "istio-affirmed")],
        },
    ),
    "crd-deleted": Case(
        {"affirmed": [istiod("affirmed")], "previous": [istiod("affirmed"), crd("a.b.io", "v1")]},
        {"affirmed": [istiod("affirmed")], "previous": [istiod("affirmed"), crd("a.b.io", "v1", keep=True)]},
    ),
    "namespace-label": Case(
        profiled([istiod("affirmed")])
        | {"cluster": live(thing("Namespace", "extra", labels={"multimesh.dev/mesh": "affirmed"}))},
        profiled([istiod("affirmed")])
        | {"cluster": live(thing("Namespace", "nginx-affirmed", labels={"multimesh.dev/mesh": "affirmed"}))},
    ),
    "unused-ignore": Case(
        two_profiles(owners=("own", "leave")) | {"config": _ACCEPTED},
        two_profiles(owners=("leave", "leave")) | {"config": _ACCEPTED},
    ),
    "unreadable": Case(
        {"affirmed": "# nothing but a comment\n", "blue": [thing("ClusterRole", "reader-blue")]},
        {"affirmed": [thing("ClusterRole", "reader")]},
    ),
}


def arguments(files: Files, directory: Path) -> list[str]:
    """Write the files of a case, and return the arguments that name them."""
    found = []
    for name, content in files.items():
        path = directory / (f"{name}.yaml" if not name.startswith("cluster") else f"{name}.json")
        path.write_text(content if isinstance(content, str) else yaml.safe_dump_all(content, sort_keys=False))
        if name.endswith(".profile"):
            found.append(f"--profile={path}")
        elif name == "config":
            found.append(f"--config={path}")
        elif name == "previous":
            found.append(f"--previous={path}")
        else:
            found.append(str(path))
    return found

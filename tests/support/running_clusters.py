"""Clusters with one running mesh without faults, as `kubectl get -o json` would print them."""

import base64
import copy

MESH = "multimesh.dev/mesh"
ROOT_CERT = "-----BEGIN CERTIFICATE-----\naffirmed\n-----END CERTIFICATE-----\n"
OTHER_CERT = ROOT_CERT.replace("affirmed", "blue")


def encoded(text):
    """Return the encoded content of a Secret or a caBundle."""
    return base64.b64encode(text.encode()).decode()


def thing(kind, name, namespace="", labels=None, annotations=None, **more):
    """Return one object of the cluster."""
    metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    if namespace:
        metadata["namespace"] = namespace
    versions = {
        "Deployment": "apps/v1",
        "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
        "ClusterRole": "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    }
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


def entry(name, values, mesh="affirmed", path="/inject", **more):
    """Return one webhook entry that selects namespaces by istio-injection."""
    service = {"name": f"istiod-{mesh}", "namespace": f"istio-{mesh}", "path": path}
    selector = {"matchExpressions": [{"key": "istio-injection", "operator": "In", "values": values}]}
    return {
        "name": name,
        "clientConfig": {"service": service, "caBundle": encoded(ROOT_CERT if mesh == "affirmed" else OTHER_CERT)},
        "namespaceSelector": selector,
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "failurePolicy": "Fail",
        **more,
    }


def pod(name="nginx-1", address="istiod-affirmed.istio-affirmed.svc:15012", revision="affirmed", proxies=1):
    """Return a pod with sidecars."""
    proxy = {"name": "istio-proxy", "env": [{"name": "CA_ADDR", "value": address}]}
    annotations = {"istio.io/rev": revision} if proxies else {}
    containers = [{"name": "nginx"}, *(copy.deepcopy(proxy) for _ in range(proxies))]
    return thing(
        "Pod",
        name,
        "nginx-affirmed",
        annotations=annotations,
        spec={"containers": containers},
        status={"phase": "Running"},
    )


def sound():
    """Return a cluster without faults, as a mapping from a short name to each object."""
    discovery = {"name": "discovery", "env": [{"name": "REVISION", "value": "affirmed"}]}
    template = {"spec": {"containers": [discovery]}}
    validator = entry("rev.validation.istio.io", [], path="/validate")
    validator["namespaceSelector"] = {"matchExpressions": [{"key": MESH, "operator": "In", "values": ["affirmed"]}]}
    validator["rules"][0].update(apiGroups=["networking.istio.io"], resources=["*"])
    rev = {"istio.io/rev": "affirmed"}
    own = "affirmed.namespace.sidecar-injector.istio.io"
    return {
        "plane": thing("Namespace", "istio-affirmed", labels={MESH: "affirmed"}),
        "member": thing(
            "Namespace", "nginx-affirmed", labels={MESH: "affirmed", "istio-injection": "enabled-affirmed"}
        ),
        "other": thing("Namespace", "default"),
        "role": thing("ClusterRole", "view"),
        "binding": thing("ClusterRoleBinding", "view"),
        "istiod": thing(
            "Deployment", "istiod-affirmed", "istio-affirmed", spec={"template": template}, status={"readyReplicas": 1}
        ),
        "service": thing("Service", "istiod-affirmed", "istio-affirmed"),
        "injector": thing(
            "MutatingWebhookConfiguration",
            "istio-sidecar-injector-affirmed-istio-affirmed",
            labels=rev,
            webhooks=[entry(own, ["enabled-affirmed"])],
        ),
        "validator": thing(
            "ValidatingWebhookConfiguration",
            "istio-validator-affirmed-istio-affirmed",
            labels=rev,
            webhooks=[validator],
        ),
        "root": thing("Secret", "istio-ca-secret", "istio-affirmed", data={"ca-cert.pem": encoded(ROOT_CERT)}),
        "copy": thing("ConfigMap", "istio-ca-root-cert", "nginx-affirmed", data={"root-cert.pem": ROOT_CERT}),
        "home": thing("ConfigMap", "istio-ca-root-cert", "istio-affirmed", data={"root-cert.pem": ROOT_CERT}),
        "pod": pod(),
    }


def labelled(cluster, which, **labels):
    """Set labels of a namespace, or remove those that are None."""
    for key, value in labels.items():
        name = {"mesh": MESH, "injection": "istio-injection", "rev": "istio.io/rev"}[key]
        cluster[which]["metadata"]["labels"].pop(name, None)
        if value is not None:
            cluster[which]["metadata"]["labels"][name] = value


def old():
    """Return a sound mesh of Istio 1.5."""
    cluster = sound()
    cluster["istiod"]["spec"]["template"]["spec"]["containers"] = [{"name": "citadel"}]
    cluster["injector"]["metadata"]["labels"] = {}
    for which in ("plane", "member"):
        cluster[which]["metadata"]["labels"]["ca.istio.io/env"] = "istio-affirmed"
    labelled(cluster, "plane", injection="disabled")
    proxy = {"name": "istio-proxy", "args": ["proxy", "--discoveryAddress", "istio-pilot.istio-affirmed:15010"]}
    cluster["pod"] = thing(
        "Pod", "nginx-1", "nginx-affirmed", spec={"containers": [proxy]}, status={"phase": "Running"}
    )
    cluster["secret"] = thing("Secret", "istio.default", "nginx-affirmed", data={"root-cert.pem": encoded(ROOT_CERT)})
    return cluster

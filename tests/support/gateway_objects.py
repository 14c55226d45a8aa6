"""Objects of the Gateway API, and of a control plane that serves it, for tests."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP = "gateway.networking.k8s.io"
MESH, INJECTION, REVISION = "multimesh.dev/mesh", "istio-injection", "istio.io/rev"


def gateway(name: str, namespace: str, of: str = "istio-affirmed", *, rev: str | None = None, **spec: Any) -> Object:
    """Return a Gateway of a class; `rev` is its label."""
    labels = {} if rev is None else {REVISION: rev}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"gatewayClassName": of, **spec},
    }


def gateway_class(name: str, controller: str) -> Object:
    """Return a GatewayClass."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GatewayClass",
        "metadata": {"name": name},
        "spec": {"controllerName": controller},
    }


def space(name: str, mesh: str = "affirmed", *, rev: str | None = None, injected: bool = True) -> Object:
    """Return a namespace of a mesh; `rev` is its label."""
    labels = {MESH: mesh} | ({INJECTION: f"enabled-{mesh}"} if injected else {}) | ({REVISION: rev} if rev else {})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def plane(
    mesh: str = "affirmed", revision: str = "", version: str = "1.30.3", *, replicas: int = 1, **env: str
) -> Object:
    """Return the control plane of a mesh, with the variables that `multimesh values` writes."""
    revision = revision or mesh
    variables = {
        "REVISION": revision,
        "PILOT_GATEWAY_API_CONTROLLER_NAME": f"istio.io/gateway-controller-{mesh}",
        "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME": f"istio-{mesh}",
    } | env
    container = {
        "name": "discovery",
        "image": f"docker.io/istio/pilot:{version}",
        "env": [{"name": name, "value": value} for name, value in variables.items() if value],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"istiod-{revision}", "namespace": f"istio-{mesh}"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }


def tag(kind: str, name: str, revision: str, namespace: str = "") -> Object:
    """Return a webhook configuration or a Service of a revision tag."""
    metadata: Object = {"name": f"istio-revision-tag-{name}", "labels": {"istio.io/tag": name, REVISION: revision}}
    if namespace:
        metadata["namespace"] = namespace
    version = "v1" if kind == "Service" else "admissionregistration.k8s.io/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def made(name: str, namespace: str, of: str = "istio-affirmed", *, since_1_28: bool = True) -> list[Object]:
    """Return what a control plane makes for a Gateway of a class: since 1.28 with a label of the class."""
    labels = {f"{GROUP}/gateway-name": name} | ({f"{GROUP}/gateway-class-name": of} if since_1_28 else {})
    return [
        {
            "apiVersion": "apps/v1" if kind == "Deployment" else "v1",
            "kind": kind,
            "metadata": {"name": f"{name}-{of}", "namespace": namespace, "labels": labels},
        }
        for kind in ("Deployment", "Service", "ServiceAccount")
    ]

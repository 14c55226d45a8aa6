"""Gateways of the Gateway API: their classes, and the names and labels of what a control plane makes for each."""

from __future__ import annotations

from typing import NamedTuple

from multimesh.check.objects import Object, dig, mappings, text_of
from multimesh.mesh.writes import GATEWAY_CLASS

GROUP = "gateway.networking.k8s.io"

#: Labels on the Deployment, Service and ServiceAccount that a control plane makes for a Gateway; that of the class
#: since 1.28 (istio 1.30.3 manifests/charts/istio-control/istio-discovery/files/kube-gateway.yaml).
NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
CLASS_LABEL = "gateway.networking.k8s.io/gateway-class-name"

#: The kinds of what is made for each Gateway, apart from what the user adds to its class.
MADE = ("Deployment", "Service", "ServiceAccount")

#: The kinds that are attached to Gateways.
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")

#: The class of Gateways that are in another cluster: an address, for which nothing is made.
REMOTE_CLASS = "istio-remote"

#: The controllers of the classes whose names no variable changes, each served by every control plane that knows it
#: (istio 1.31.0 pkg/config/constants/constants.go).
CONSTANT_CLASSES = {
    REMOTE_CLASS: "istio.io/unmanaged-gateway",
    "istio-waypoint": "istio.io/mesh-controller",
    "istio-east-west": "istio.io/eastwest-controller",
    "istio-agentgateway": "istio.io/agentgateway-controller",
    "istio-agentgateway-waypoint": "istio.io/agentgateway-waypoint-controller",
}

#: Names a Deployment and its Service otherwise (istio 1.30.3 pilot/pkg/config/kube/gatewaycommon).
_OVERRIDE = "gateway.istio.io/name-override"

#: The name of the Deployment is a label of its pods, and the name of a Service.
MAX_NAME = 63


def is_gateway(item: Object) -> bool:
    """Return whether an object is a Gateway of the Gateway API; Istio has a kind of that name, too."""
    return (item.group, item.kind) == (GROUP, "Gateway")


def class_of(gateway: Object) -> str:
    """Return the name of the class of a Gateway."""
    return text_of(dig(gateway.data, "spec", "gatewayClassName"))


def is_of_istio(name: str) -> bool:
    """Return whether a class has a name that only Istio gives: `istio`, or one that begins with `istio-`."""
    return name == GATEWAY_CLASS or name.startswith(f"{GATEWAY_CLASS}-")


def deployment_of(gateway: Object) -> str:
    """Return the name of the Deployment and the Service that a control plane makes; empty where it makes none.

    It makes none for a Gateway with the address of a Service that exists
    (istio 1.30.3 pilot/pkg/config/kube/gatewaycommon/gateway_utils.go, IsManaged).
    """
    name = class_of(gateway)
    addresses = mappings(gateway.data, "spec", "addresses")
    has_service = len(addresses) > 1 or any(text_of(one.get("type")) not in ("", "IPAddress") for one in addresses)
    if has_service or not name or name == REMOTE_CLASS:
        return ""
    suffix = "" if name in CONSTANT_CLASSES else f"-{name}"
    return gateway.annotations.get(_OVERRIDE) or f"{gateway.name}{suffix}"


class Excess(NamedTuple):
    """A name that is too long: what is wrong, and what to do."""

    what: str
    remedy: str


def excess_of(gateway: Object) -> Excess | None:
    """Return why the name of a Gateway of Istio is too long for what is made for it; None if it is not."""
    name, made = class_of(gateway), deployment_of(gateway)
    if len(made) <= MAX_NAME or not is_of_istio(name):
        return None
    size = len(made)
    what = f'{gateway.title} makes a Deployment and a Service "{made}" of {size} characters, and {MAX_NAME} are allowed'
    room = MAX_NAME - (size - len(gateway.name))
    return Excess(what, f"Give it a name of at most {room} characters, or set the annotation {_OVERRIDE}.")


def own_class(mesh: str) -> str:
    """Return the name of the class of a mesh, as `multimesh values` writes it for Istio 1.22 and later."""
    return f"{GATEWAY_CLASS}-{mesh}"


def is_made_for_gateway(item: Object) -> bool:
    """Return whether a control plane of Istio made an object for a Gateway; other programs use the same label."""
    return item.kind in MADE and NAME_LABEL in item.labels and is_of_istio(class_of_set(item))


def class_of_set(item: Object) -> str:
    """Return the class of the Gateway that a Deployment, Service or ServiceAccount was made for; empty if unknown.

    Before 1.28 only its name says it.
    """
    label = item.labels.get(CLASS_LABEL, "")
    start = f"{item.labels.get(NAME_LABEL, '')}-"
    return label or (item.name.removeprefix(start) if item.name.startswith(start) else "")

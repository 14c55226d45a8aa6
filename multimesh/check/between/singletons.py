"""What a cluster has only once and several control planes may use: each of them would write it, or be the only one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from multimesh.check.between.claims import Claim
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.planes import Plane, planes
from multimesh.check.objects import text_of
from multimesh.mesh.writes import (
    CLUSTER,
    GATEWAY_CLASS,
    GATEWAY_CLASS_VARIABLE,
    GATEWAY_CONTROLLER,
    GATEWAY_CONTROLLER_VARIABLE,
    GATEWAY_VARIABLES_SINCE,
    UNKNOWN,
    WRITES,
    is_everywhere,
    is_on,
    row_of,
)

#: Turns on ambient mode: from 1.22 on, and before.
_AMBIENT = ("PILOT_ENABLE_AMBIENT", "PILOT_ENABLE_AMBIENT_CONTROLLERS")

#: Turns off the Gateway API: from 1.12 on, and before.
_GATEWAY_API = ("PILOT_ENABLE_GATEWAY_API", "PILOT_ENABLED_SERVICE_APIS")

_ALL_CONFINED = frozenset(("confined",))


def ambient(mesh: Mesh) -> Iterator[Claim]:
    """Claim ambient mode: the ztunnel of each node asks one control plane."""
    for plane in planes(mesh):
        if any(is_on(plane.env, variable) for variable in _AMBIENT):
            yield Claim("ambient", "ambient mode", side_of(mesh, plane.workload))


def gateway_controllers(mesh: Mesh) -> Iterator[Claim]:
    """Claim the controller name of the Gateway API, and with it the status of its classes and Gateways.

    Before 1.22 nobody can change it; there it is enough that each control plane sees its own namespaces only.
    """
    for plane in planes(mesh):
        row = row_of("gateway-status", plane.era)
        if row is None or not all(is_on(plane.env, switch, default=True) for switch in _GATEWAY_API):
            continue
        name = _name(plane, GATEWAY_CONTROLLER_VARIABLE, GATEWAY_CONTROLLER)
        # Of confined control planes only the status of the GatewayClass is written twice.
        confined = plane.is_confined("status") or plane.settings is None
        exempt = _ALL_CONFINED if confined and not _can_be_named(plane) else frozenset[str]()
        yield Claim(name, f'"{name}"', side_of(mesh, plane.workload), exempt, not confined, row.apart)


def gateway_classes(mesh: Mesh) -> Iterator[Claim]:
    """Claim the GatewayClass that a control plane makes; a common controller is a finding of its own."""
    for plane in planes(mesh):
        row = row_of("gateway-class", plane.era)
        switches = (*_GATEWAY_API, "PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER")
        if row is not None and all(is_on(plane.env, switch, default=True) for switch in switches):
            name = _name(plane, GATEWAY_CLASS_VARIABLE, GATEWAY_CLASS)
            controller = _name(plane, GATEWAY_CONTROLLER_VARIABLE, GATEWAY_CONTROLLER)
            yield Claim(name, f'"{name}"', side_of(mesh, plane.workload), frozenset((controller,)), remedy=row.apart)


def _can_be_named(plane: Plane) -> bool:
    return plane.era == UNKNOWN or plane.era >= GATEWAY_VARIABLES_SINCE


def _name(plane: Plane, variable: str, stock: str) -> str:
    return (plane.env.get(variable) if _can_be_named(plane) else "") or stock


def ingress_classes(mesh: Mesh) -> Iterator[Claim]:
    """Claim the class of the Ingresses whose status a control plane writes.

    Where discovery selectors decide what it sees, they are compared instead.
    """
    for plane in planes(mesh):
        row = row_of("ingress", plane.era)
        settings = plane.settings
        # YAML reads an unquoted OFF as false.
        if (
            settings is None
            or row is None
            or text_of(settings.get("ingressControllerMode")).upper() in ("OFF", "FALSE")
        ):
            continue
        name = text_of(settings.get("ingressClass")) or "istio"
        exempt = frozenset[str]() if is_everywhere(row, plane.env) else _ALL_CONFINED
        yield Claim(name, f'"{name}"', side_of(mesh, plane.workload), exempt, remedy=row.apart)


def switched_on(mesh: Mesh) -> Iterator[Claim]:
    """Claim what a control plane writes if a variable is set: in the cluster, or in every namespace.

    Where discovery selectors decide in which namespaces, they are compared instead.
    """
    for row in WRITES:
        for plane in planes(mesh) if row.only_with else ():
            is_common = row.where == CLUSTER or is_everywhere(row, plane.env)
            if is_common and row_of(row.key, plane.era) is row and is_on(plane.env, row.only_with):
                yield Claim(row.key, row.what.replace("`", ""), side_of(mesh, plane.workload), remedy=row.apart)


SINGLETONS: tuple[tuple[str, str, Callable[[Mesh], Iterator[Claim]]], ...] = (
    ("used-twice", "meshes use", ambient),
    ("written-twice", "meshes serve the Gateway API controller", gateway_controllers),
    ("written-twice", "meshes make the GatewayClass", gateway_classes),
    ("written-twice", "meshes write the status of Ingresses of the class", ingress_classes),
    ("written-twice", "meshes write", switched_on),
)

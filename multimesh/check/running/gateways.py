"""Check that a control plane serves the Gateways of the Gateway API in the namespaces of a running mesh.

A Gateway belongs to the revision in its label `istio.io/rev`, or else in that of its namespace, whose value may be a
revision tag. One without such a label belongs to the tag `default`, and from 1.25 on, where there is no such tag, to
the revision in the label of `istiod-default-validator`, which `render` renames
(istio 1.30.3 pkg/revisions/tag_watcher.go, IsMine; 1.24.6 the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from multimesh.check.catalogue import WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.bundles import unread
from multimesh.check.meshes.gateways import (
    CONSTANT_CLASSES,
    GROUP,
    MADE,
    NAME_LABEL,
    REMOTE_CLASS,
    ROUTES,
    class_of,
    class_of_set,
    deployment_of,
    excess_of,
    is_gateway,
    is_made_for_gateway,
    is_of_istio,
)
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.planes import Plane, planes
from multimesh.check.objects import Object, dig, mappings, text_of
from multimesh.check.running.cluster import WEBHOOKS, Cluster, label_command, side_of
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL, TAG_LABEL
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import (
    GATEWAY_CLASS,
    GATEWAY_CLASS_VARIABLE,
    GATEWAY_CONTROLLER,
    GATEWAY_CONTROLLER_VARIABLE,
    UNKNOWN,
)

#: Turns the Gateway API off.
_SWITCH, _OFF = "PILOT_ENABLE_GATEWAY_API", ("false", "0", "f")

#: How the names of Istio's controllers of classes begin.
_OF_ISTIO = "istio.io/"

_DEFAULT = "default"
_DEFAULT_VALIDATOR, _DEFAULT_TAG = "istiod-default-validator", "istio-revision-tag-default"

#: The first version whose Gateways belong to a revision (1.17.8 pilot/pkg/config/kube/gateway/deploymentcontroller.go).
_BY_REVISION = (1, 18)

#: The first version of which every patch configures Gateways of all revisions.
_CONFIGURES_ALL = (1, 31)


class Served(NamedTuple):
    """What the control planes of a mesh serve: revisions and tags, classes, and controllers of classes.

    `unlabelled` says whether Gateways without the label are among it, `configures_all` whether Gateways of every
    revision are configured, and only what is made for them depends on it.
    """

    revisions: frozenset[str]
    classes: frozenset[str]
    controllers: frozenset[str]
    unlabelled: bool
    configures_all: bool


def served(mesh: Profile, found: Cluster) -> Served | None:
    """Return what the control planes of the mesh serve; None if it is not known, or if there are none."""
    if not found.read("Deployment") or found.missed("Deployment", mesh.namespace):
        return None
    if found.missed(WEBHOOKS[0]) or found.missed("Service", mesh.namespace):
        return None  # Revision tags.
    running = running_planes(mesh, found)
    if not running or all(plane.env.get(_SWITCH, "").lower() in _OFF for plane in running):
        return None
    revisions = {plane.revision for plane in running}
    tags = {
        item.labels[TAG_LABEL]
        for item in found.of(WEBHOOKS[0], "Service")
        if TAG_LABEL in item.labels and item.labels.get(REVISION_LABEL) in revisions
        # Since 1.28 a tag may be a Service beside the control plane.
        if item.kind == WEBHOOKS[0] or item.namespace == mesh.namespace
    }
    validator = found.named(WEBHOOKS[1], _DEFAULT_VALIDATOR)
    by_validator = (
        validator is not None
        and validator.labels.get(REVISION_LABEL) in revisions
        and found.named(WEBHOOKS[0], _DEFAULT_TAG) is None
    )
    old = all(UNKNOWN < plane.version < _BY_REVISION for plane in running)
    known = frozenset(revisions | tags | ({_DEFAULT} if by_validator else set()))
    return Served(
        known,
        frozenset(plane.env.get(GATEWAY_CLASS_VARIABLE) or GATEWAY_CLASS for plane in running),
        frozenset(plane.env.get(GATEWAY_CONTROLLER_VARIABLE) or GATEWAY_CONTROLLER for plane in running),
        old or _DEFAULT in known,
        all(plane.version >= _CONFIGURES_ALL for plane in running),
    )


def running_planes(mesh: Profile, found: Cluster) -> list[Plane]:
    """Return the control planes of the mesh, of Istio 1.6 and later, that are to run."""
    own = [item for item in found.of("Deployment", "ConfigMap") if item.namespace == mesh.namespace]
    there = planes(Mesh(mesh.name, mesh.namespace, own, mesh, live=True))
    return [plane for plane in there if dig(plane.workload.data, "spec", "replicas") != 0]


def spaces_of(mesh: Profile, found: Cluster) -> dict[str, Object | None]:
    """Return the namespaces that the mesh discovers: those with its label, and those of its profile without any."""
    known = {item.name: item for item in found.of("Namespace")}
    listed = {name: known.get(name) for name in mesh.namespaces}
    labelled = {name: item for name, item in known.items() if item.labels.get(MESH_LABEL) == mesh.name}
    others = {name for name, item in known.items() if item.labels.get(MESH_LABEL, mesh.name) != mesh.name}
    return {name: item for name, item in (listed | labelled).items() if name not in others}


def gateways(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find namespaces and Gateways of a revision that nobody serves, and Gateways of a class of somebody else."""
    ours = served(mesh, found)
    if ours is None or not found.read("Namespace"):
        return
    # Since 1.28 a tag may be a Service, and a saved cluster need not have any.
    hides_tags = found.unread is None and not found.of("Service")
    is_open = False
    for finding in _gateways(mesh, found, ours):
        if hides_tags and finding.id == "revision-unserved":
            is_open = True
        else:
            yield finding
    if is_open:
        what = "no Service was seen, so nothing is said about revisions of Gateways and namespaces that may be tags"
        yield Finding("unreadable", what, (Side(mesh.name, "Service", "", 0),))


def _gateways(mesh: Profile, found: Cluster, ours: Served) -> Iterator[Finding]:
    for name, space in spaces_of(mesh, found).items():
        there = [item for item in found.of("Gateway") if is_gateway(item) and item.namespace == name]
        own = [item for item in there if _has_own_class(found, ours, item)]
        for item in there:
            if item not in own:
                yield from _foreign_class(mesh, found, ours, item)
        owned = [item for item in own if _needs_revision(ours, item)]
        for item in owned:
            if REVISION_LABEL in item.labels:
                yield from _labelled(mesh, ours, item)
        if space is not None:
            waiting = [item for item in owned if REVISION_LABEL not in item.labels]
            yield from _namespace(mesh, ours, space, waiting)


def names(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find Gateways whose Deployment and Service would have a name that is too long: they get neither."""
    spaces = spaces_of(mesh, found)
    for item in found.of("Gateway"):
        if is_gateway(item) and item.namespace in spaces and (excess := excess_of(item)):
            yield Finding("gateway-name", excess.what, (side_of(mesh, item),), remedy=excess.remedy)


def gateway_bundles(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find CRDs of the Gateway API of a version that a control plane of the mesh does not read."""
    for plane in running_planes(mesh, found):
        yield from unread(plane, [(plane.mesh, crd) for crd in found.of("CustomResourceDefinition")])


def outlived(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find what was made for a Gateway of another class than it has now: nobody removes it."""
    spaces = spaces_of(mesh, found) if found.read("Namespace") else {}
    there = {(item.namespace, item.name): item for item in found.of("Gateway") if is_gateway(item)}
    for item in filter(is_made_for_gateway, found.of(*MADE)):
        gateway = there.get((item.namespace, item.labels[NAME_LABEL]))
        if gateway is None or item.name == deployment_of(gateway):
            continue  # Before 1.28 a name that an annotation gives may look like that of another class.
        if item.namespace in spaces and class_of_set(item) != class_of(gateway):
            what = f"{item.title} is still there, and {gateway.title} has the class {class_of(gateway)} now"
            yield Finding("left-behind", what, (side_of(mesh, item),), remedy=deletion(item))


def routes(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find routes of the mesh to Gateways in namespaces of other meshes: nobody attaches them, or says so."""
    spaces = spaces_of(mesh, found)
    meshes = {item.name: item.labels.get(MESH_LABEL, "") for item in found.of("Namespace")}
    for item in found.of(*ROUTES):
        for parent in mappings(item.data, "spec", "parentRefs") if item.namespace in spaces else ():
            place = text_of(parent.get("namespace"))
            other = meshes.get(place, "")
            is_gateway_of_api = parent.get("group", GROUP) == GROUP and parent.get("kind", "Gateway") == "Gateway"
            if is_gateway_of_api and other and place not in spaces and _may_be_of_istio(found, place, parent):
                what = f"{item.title} names Gateway/{place}/{text_of(parent.get('name'))} of mesh {other}"
                yield Finding("route-mesh", what, (side_of(mesh, item),))


def _may_be_of_istio(found: Cluster, namespace: str, parent: dict[str, Any]) -> bool:
    """Return whether the Gateway that a route names is of Istio, or not known: other programs serve all namespaces."""
    gateway = next(
        (one for one in found.of("Gateway") if is_gateway(one) and one.namespace == namespace
         and one.name == text_of(parent.get("name"))),
        None,
    )  # fmt: skip
    if gateway is None:
        return True
    controller = _controller_in(found, class_of(gateway))
    return is_of_istio(class_of(gateway)) if controller is None else controller.startswith(_OF_ISTIO)


def deletion(item: Object) -> str:
    """Return the command that deletes an object of a namespace."""
    kind = f"gateways.{GROUP}" if is_gateway(item) else item.kind.lower()
    return f"kubectl -n {item.namespace} delete {kind} {item.name}"


def _needs_revision(ours: Served, gateway: Object) -> bool:
    """Return whether anything but the status of a Gateway depends on the revision that it belongs to.

    A remote one is an address that every control plane reads (istio 1.30.3 pilot/pkg/serviceregistry/kube/controller/
    network.go). Since 1.31 every one also configures the Service that a Gateway names, for which nothing is made; so do
    the patches since 1.29.5 and 1.30.2 (pilot/pkg/config/kube/gateway/gateway_collection.go).
    """
    if class_of(gateway) == REMOTE_CLASS:
        return False
    return bool(deployment_of(gateway)) or not ours.configures_all


def _has_own_class(found: Cluster, ours: Served, gateway: Object) -> bool:
    name = class_of(gateway)
    return name in CONSTANT_CLASSES or _controller_of(found, ours, name) in ours.controllers


def _controller_of(found: Cluster, ours: Served, name: str) -> str:
    """Return the controller of a class; empty if nobody knows it. A control plane makes a class of its own again."""
    controller = _controller_in(found, name)
    if controller is not None:
        return controller
    return next(iter(ours.controllers)) if name in ours.classes else ""


def _controller_in(found: Cluster, name: str) -> str | None:
    """Return the controller that the GatewayClass of a name has; None if there is no such class."""
    item = next((one for one in found.of("GatewayClass") if (one.group, one.name) == (GROUP, name)), None)
    return None if item is None else text_of(dig(item.data, "spec", "controllerName"))


def _foreign_class(mesh: Profile, found: Cluster, ours: Served, gateway: Object) -> Iterator[Finding]:
    """Find a class of Istio that is not of this mesh; classes of other programs are left alone."""
    name = class_of(gateway)
    controller = _controller_of(found, ours, name)
    is_missing = name == GATEWAY_CLASS and not controller and found.read("GatewayClass")
    if controller.startswith(GATEWAY_CONTROLLER) or is_missing:
        whose = f"whose controller is {controller}" if controller else "which does not exist"
        what = f"{gateway.title} has the class {name}, {whose}: no control plane of mesh {mesh.name} serves it"
        wanted = min(ours.classes)
        remedy = (
            f"Set spec.gatewayClassName to {wanted}. The Deployment and the Service then get the name "
            f"{gateway.name}-{wanted}, and a new address; delete those of the old class."
        )
        yield Finding("gateway-class", what, (side_of(mesh, gateway),), remedy=remedy)


def _labelled(mesh: Profile, ours: Served, gateway: Object) -> Iterator[Finding]:
    revision = gateway.labels[REVISION_LABEL]
    if revision not in ours.revisions and not (revision == "" and ours.unlabelled):
        what = f"{gateway.title} has {REVISION_LABEL}={revision}, which no control plane of mesh {mesh.name} serves"
        yield Finding("revision-unserved", what, (side_of(mesh, gateway),), remedy=_label_gateway(mesh, ours, gateway))


def _namespace(mesh: Profile, ours: Served, space: Object, waiting: list[Object]) -> Iterator[Finding]:
    """Find a namespace of a revision that nobody serves, or Gateways in one without the label."""
    revision = space.labels.get(REVISION_LABEL, "")
    if revision in ours.revisions or (not revision and (ours.unlabelled or not waiting)):
        return
    if revision:
        what = (
            f'the namespace "{space.name}" has {REVISION_LABEL}={revision}, which no control plane of mesh {mesh.name} '
            "serves"
        ) + (f", nor its Gateways: {', '.join(item.name for item in waiting)}" if waiting else "")
        # The injection label decides over this one, so without Gateways nothing depends on it yet.
        severity = "" if waiting or INJECTION_LABEL not in space.labels else WARNING
        wanted = _revision(mesh, ours)
        remedy = label_command(space.name, REVISION_LABEL, wanted) if wanted else ""
        yield Finding("revision-unserved", what, (side_of(mesh, space),), severity, remedy)
        return
    for gateway in waiting:
        what = (
            f"{gateway.title} has no {REVISION_LABEL}, and neither has its namespace: no control plane of mesh "
            f"{mesh.name} serves it"
        )
        wanted = _revision(mesh, ours)
        remedy = _label_gateway(mesh, ours, gateway)
        if space.name != mesh.namespace and wanted:
            remedy = label_command(space.name, REVISION_LABEL, wanted)
        yield Finding("revision-unserved", what, (side_of(mesh, gateway),), remedy=remedy)


def _revision(mesh: Profile, ours: Served) -> str:
    """Return the revision to label with; empty if the one of the profile does not run."""
    return mesh.revision if mesh.revision in ours.revisions else ""


def _label_gateway(mesh: Profile, ours: Served, gateway: Object) -> str:
    wanted = _revision(mesh, ours)
    kind = f"gateways.{GROUP}"
    return (
        f"kubectl -n {gateway.namespace} label {kind} {gateway.name} {REVISION_LABEL}={wanted} --overwrite"
        if wanted
        else ""
    )

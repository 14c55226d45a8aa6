"""Find what a removed mesh left behind: Helm removes what it installed, not what a control plane created."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.gateways import (
    MADE,
    NAME_LABEL,
    class_of,
    class_of_set,
    is_gateway,
    is_made_for_gateway,
    is_of_istio,
    own_class,
)
from multimesh.check.meshes.live import RELEASE_NAME
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import is_control_plane
from multimesh.check.objects import Object, dig
from multimesh.check.running.certificates import bundle_of, root_in_copy, root_in_secret
from multimesh.check.running.cluster import WEBHOOKS, Cluster, unsaved
from multimesh.check.running.gateways import deletion, spaces_of
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL, SHARED_POLICIES, is_own, is_renamed
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import CRL, ROOT

#: Cluster-scoped kinds of which each mesh has its own.
_CLUSTER_SCOPED = (
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "GatewayClass",
    "ClusterIssuer",
)

#: How the names of ConfigMaps that istiod writes begin: roots, revocation lists, and the locks of leader elections
#: (istio 1.30.3 pilot/pkg/leaderelection/leaderelection.go and pilot/pkg/features/experimental.go).
_OF_ISTIOD = (
    ROOT,
    CRL,
    "istio-leader",
    "istio-status-leader",
    "istio-analyze-leader",
    "istio-gateway-",
    "istio-node-untaint",
    "istio-ip-autoallocate",
    "istio-namespace-controller-election",
    "istio-serviceexport-controller-election",
    "istio-clustertrustbundle-controller-election",
)


#: Kinds that clusters have, and what a removed mesh may have left of each.
_NEEDED = {
    "Namespace": "labels that are left",
    **dict.fromkeys(WEBHOOKS, "webhooks that are left"),
    "ClusterRole": "rights that are left",
    "ClusterRoleBinding": "rights that are left",
    "Deployment": "control planes that are left",
    "ConfigMap": "roots and locks that are left",
    "Lease": "locks that are left",
    "Secret": "the Secret of the authority",
}


def unseen_left(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find kinds that a saved cluster lacks: without the finding a mesh that was not saved would look removed."""
    yield from unsaved(mesh, found, _NEEDED)


def removed(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Yield what is left of a mesh that was removed."""
    for item in found.of(*_CLUSTER_SCOPED):
        if item.name not in SHARED_POLICIES and (
            item.labels.get(MESH_LABEL) == mesh.name
            or is_own(item.name, mesh)
            or (is_renamed(item.kind, item.name, mesh) and mesh.name in item.name)
        ):
            yield _left(mesh, item.title, item.file, item.line, f"kubectl delete {item.kind.lower()} {item.name}")
    yield from _control_planes(mesh, found)
    for item in found.of("Namespace"):
        keys = [
            key
            for key in (MESH_LABEL, INJECTION_LABEL, REVISION_LABEL)
            if _is_of_mesh(mesh, key, item.labels.get(key, ""))
        ]
        if keys:
            remedy = f"kubectl label namespace {item.name} {' '.join(f'{key}-' for key in keys)}"
            yield _left(mesh, f"{item.title} labels {', '.join(keys)}", item.file, item.line, remedy)
    spaces = {item.name for item in found.of("Namespace") if item.labels.get(MESH_LABEL) == mesh.name}
    spaces |= {*mesh.namespaces}
    for item in found.of("ConfigMap", "Secret", "Lease"):
        if item.namespace in spaces and _is_created_at_run_time(item.kind, item.name):
            remedy = f"kubectl -n {item.namespace} delete {item.kind.lower()} {item.name}"
            yield _left(mesh, item.title, item.file, item.line, remedy)
    yield from _roots_elsewhere(mesh, found, spaces)
    yield from _gateways(mesh, found)


def _control_planes(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Yield the control planes that still run: they make again what is removed."""
    for item in found.of("Deployment"):
        if item.namespace == mesh.namespace and is_control_plane(item):
            release = item.annotations.get(RELEASE_NAME)
            remedy = f"helm uninstall {release} -n {item.namespace}" if release else deletion(item)
            yield _left(mesh, item.title, item.file, item.line, remedy)


def _roots_elsewhere(mesh: Profile, found: Cluster, spaces: set[str]) -> Iterator[Finding]:
    """Yield the roots and revocation lists of the mesh in namespaces that lost its label, and that no profile names.

    A name with the mesh in it is enough. One of the stock name is the mesh's if it holds the root of the mesh; if it
    holds that of a running control plane, this one writes it. Who wrote any other one is an open question where no root
    of the mesh is known.
    """
    own = {f"{ROOT}-{mesh.name}", f"{CRL}-{mesh.name}"}
    outside = [item for item in found.of("ConfigMap") if item.namespace not in spaces]
    running = _bundles(found, lambda namespace: namespace != mesh.namespace)
    others = {item.name for item in found.of("Namespace") if item.labels.get(MESH_LABEL, mesh.name) != mesh.name}
    known = _roots_of(mesh, found) - running
    stock = [item for item in outside if item.name == ROOT and item.namespace not in others]
    with_root = {item.namespace for item in stock if root_in_copy(item) in known}
    for item in outside:
        if item.name in own or (item.name in (ROOT, CRL) and item.namespace in with_root):
            remedy = f"kubectl -n {item.namespace} delete configmap {item.name}"
            yield _left(mesh, item.title, item.file, item.line, remedy)
    unknown = [item for item in stock if not known and root_in_copy(item) not in running]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        yield Finding(
            "unreadable",
            f"{unknown[0].title}{more} may be of mesh {mesh.name}: the root in it is of no running control plane, "
            "and that of the mesh is not known any more",
            (Side(mesh.name, unknown[0].title, unknown[0].file, unknown[0].line),),
            remedy="Delete those that nothing needs: kubectl get configmaps -A --field-selector metadata.name=" + ROOT,
        )


def _roots_of(mesh: Profile, found: Cluster) -> set[str]:
    """Return the roots of the mesh in what only it wrote, as PEM texts.

    Another mesh may have written the ConfigMap of the stock name since, even in the control-plane namespace.
    """
    texts = {root_in_secret(found.named("Secret", "istio-ca-secret", mesh.namespace))}
    texts |= {root_in_copy(item) for item in found.of("ConfigMap") if item.name == f"{ROOT}-{mesh.name}"}
    return (texts | _bundles(found, lambda namespace: namespace == mesh.namespace)) - {""}


def _bundles(found: Cluster, is_wanted: Callable[[object], bool]) -> set[str]:
    """Return the roots of control planes in the wanted namespaces: those of the webhooks that call them."""
    return {
        bundle_of(entry)
        for config in found.of(*WEBHOOKS)
        for entry in entries(config)
        if is_wanted(dig(entry, "clientConfig", "service", "namespace"))
    } - {""}


def _gateways(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Yield the Gateways of a mesh that was removed, and what was made for them: it runs on, and costs an address.

    In namespaces of the mesh these are all of Istio; elsewhere those of the class of the mesh.
    """
    spaces = spaces_of(mesh, found)

    def is_left(item: Object, name: str) -> bool:
        return name == own_class(mesh.name) or (item.namespace in spaces and is_of_istio(name))

    there = {(item.namespace, item.name): item for item in found.of("Gateway") if is_gateway(item)}
    for item in there.values():
        if is_left(item, class_of(item)):
            remedy = f"{deletion(item)}, which removes what was made for it, too"
            yield _left(mesh, item.title, item.file, item.line, remedy)
    for item in filter(is_made_for_gateway, found.of(*MADE)):
        name, gateway = class_of_set(item), there.get((item.namespace, item.labels[NAME_LABEL]))
        if is_left(item, name):
            # While its Gateway has this class, a control plane that serves it would make it again.
            owner = gateway if gateway is not None and class_of(gateway) == name else item
            remedy = deletion(owner)
            yield _left(mesh, item.title, item.file, item.line, remedy)


def _is_of_mesh(mesh: Profile, key: str, value: str) -> bool:
    wanted = {MESH_LABEL: (mesh.name,), INJECTION_LABEL: (mesh.injection_label,), REVISION_LABEL: mesh.revisions}
    return value in wanted[key]


def _is_created_at_run_time(kind: str, name: str) -> bool:
    if kind == "ConfigMap":
        return name.startswith(_OF_ISTIOD)
    if kind == "Secret":
        return name == "istio-ca-secret" or name.startswith("istio.")
    return name.startswith("istio-")


def _left(mesh: Profile, what: str, file: str, line: int, remedy: str) -> Finding:
    return Finding("left-behind", f"{what} is still there", (Side(mesh.name, "", file, line),), remedy=remedy)

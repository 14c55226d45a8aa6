"""Keep every object inside the namespaces of its mesh.

A chart that is rendered for another namespace, or for two namespaces at once, would install the control plane of one
mesh among the workloads of another. Control-plane objects, the subjects of bindings, and the services of webhooks must
be in `spec.namespace`; any other namespaced object must be there or in one of `spec.workloadNamespaces`.
An account elsewhere may be the subject of a RoleBinding, since it only gets rights inside the mesh, and of the binding
for `global.readerServiceAccount`; for a ClusterRoleBinding, name it in `foreignSubjects`. The accounts of Istio's own
charts may not. A User `system:serviceaccount:NAMESPACE:NAME` is such an account too, and a Group
`system:serviceaccounts:NAMESPACE` is all accounts of a namespace, which is refused for that of another control plane.
Nothing is rewritten here: `helm -n` and the chart's values decide the namespace.

Helm installs an object without a namespace into the namespace of its flag `-n`, which a post-renderer cannot see.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.mesh.kinds import CLUSTER_SCOPED
from multimesh.mesh.names import is_control_plane
from multimesh.rules.concern import ANY_KIND, EVERY, has_word
from multimesh.rules.recognise import is_misplaced_filter, render_in, shared_chart
from multimesh.yamltext.fieldpath import get, is_mapping, is_scalar, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import Node

ID = "namespaces"
#: The prefilter skips no object that names another namespace than the control-plane namespace, at any place, but for
#: the names of users and groups.
_ACCOUNTS = (has_word("system:serviceaccount"),)
READS: Reads = {ANY_KIND: EVERY, "ClusterRoleBinding": _ACCOUNTS, "RoleBinding": _ACCOUNTS}

#: What the names of the charts' accounts begin with. In another namespace, they are those of another mesh, or of a
#: chart with a wrong value.
_STOCK_ACCOUNTS = ("istio", "ztunnel")

#: The containers that make a workload a part of the control plane (istio 1.5.0, charts/*/templates/deployment.yaml).
_CONTROL_PLANE = frozenset(("discovery", "galley", "citadel", "sidecar-injector-webhook", "mixer"))


def plan(resource: Resource, mesh: Profile) -> None:
    """Refuse an object in a namespace of another mesh, or one that refers to such a namespace."""
    try:
        _check_all(resource, mesh)
    except MultimeshError:
        # Shared charts may be in any namespace, and the rule envoy-filters moves misplaced filters.
        if not shared_chart(resource) and not is_misplaced_filter(resource):
            raise


def _check_all(resource: Resource, mesh: Profile) -> None:
    if resource.namespace and (resource.group, resource.kind) not in CLUSTER_SCOPED:
        _check_object(resource, mesh)
    if resource.kind in ("ClusterRoleBinding", "RoleBinding"):
        for path, subject in resource.find("subjects/*"):
            if is_mapping(subject):
                namespace = text(subject, "namespace")
                name = text(get(subject, "name"), at=f"{path}/name") if namespace else ""
                _check_subject(resource, mesh, f"{path}/namespace", namespace, name)
                _check_user(resource, mesh, f"{path}/name", subject)
    if resource.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for path, node in resource.find("webhooks/*/clientConfig/service/namespace"):
            _check(resource, mesh, path, text(node))


def _check_object(resource: Resource, mesh: Profile) -> None:
    if resource.namespace == mesh.namespace:
        return
    is_listed = resource.namespace in mesh.namespaces
    if is_control_plane(resource.name) or _runs_control_plane(resource) or _configures_control_plane(resource, mesh):
        belongs = f'but the control plane of mesh {mesh.name} belongs in "{mesh.namespace}"'
        raise resource.error(
            f'metadata/namespace is "{resource.namespace}", '
            + (belongs if is_listed else f"which is not a namespace of mesh {mesh.name}"),
            render_in(mesh),
            values={"global.istioNamespace": mesh.namespace},
        )
    if not is_listed:
        raise resource.error(
            f'metadata/namespace is "{resource.namespace}", which is not a namespace of mesh {mesh.name}',
            f"Render the chart with -n {mesh.namespace} "
            f"(and --set global.istioNamespace={mesh.namespace} from Istio 1.6 on), "
            f"or add the namespace to spec.workloadNamespaces in {mesh.where}.",
            **_accepting(resource.namespace, mesh),
        )


def _accepting(namespace: str, mesh: Profile) -> dict[str, Any]:
    """Return the keys and values that accept an object in a namespace: the stock one is never a mesh's own."""
    if namespace == "istio-system":
        return {"values": {"global.istioNamespace": mesh.namespace}}
    return {"keys": {"workloadNamespaces": namespace}}


def _runs_control_plane(resource: Resource) -> bool:
    return resource.kind in ("Deployment", "DaemonSet", "StatefulSet") and any(
        text(node, "name") in _CONTROL_PLANE for _, node in resource.containers()
    )


def _configures_control_plane(resource: Resource, mesh: Profile) -> bool:
    """Return whether this is a ConfigMap of istiod: their names contain its revision."""
    if resource.kind != "ConfigMap":
        return False
    name = resource.name
    return (
        name.startswith("istio-sidecar-injector-")
        or name in [f"values-{revision}" for revision in mesh.revisions]
        or (name.startswith("istio-") and resource.get("data/mesh") is not None)
    )


def _check_user(resource: Resource, mesh: Profile, path: str, subject: Node) -> None:
    """Refuse the user that a ServiceAccount elsewhere is, as that account, and the group of another control plane's."""
    node = get(subject, "name")
    if node is None or not is_scalar(node) or not node.value.startswith("system:serviceaccount"):
        return
    kind, namespace = text(subject, "kind"), node.value.split(":", 2)[-1]
    # Control planes are in namespaces that begin like the names of their accounts, and a group has no other sign.
    is_stock = namespace.startswith(_STOCK_ACCOUNTS) and namespace not in mesh.namespaces
    if kind == "User" and node.value == f"system:serviceaccount:{namespace}":
        namespace, _, account = namespace.partition(":")
        if account:
            _check_subject(resource, mesh, path, namespace, account, node.value)
    elif kind == "Group" and node.value == f"system:serviceaccounts:{namespace}" and is_stock:
        _check_subject(resource, mesh, path, namespace, namespace, node.value)


def _check_subject(resource: Resource, mesh: Profile, path: str, namespace: str, name: str, written: str = "") -> None:
    """Refuse a subject elsewhere, unless it only gets rights inside the mesh, or the user chose it.

    `written` is what the path holds, if it is not the namespace alone.
    """
    if namespace in ("", mesh.namespace) or f"{namespace}/{name}" in mesh.foreign_subjects:
        return
    if resource.namespace and namespace in mesh.namespaces:
        return
    stock = namespace == "istio-system" or name.startswith(_STOCK_ACCOUNTS)
    if not stock and (resource.kind == "RoleBinding" or _is_reader(resource)):
        return
    hint = render_in(mesh)
    if not stock:
        hint += (
            f'\nIf this account must have rights in mesh {mesh.name}: foreignSubjects: ["{namespace}/{name}"] '
            f"in {mesh.where}."
        )
    raise resource.error(
        f'{path} is "{written or namespace}", but the control plane of mesh {mesh.name} is in "{mesh.namespace}"',
        hint,
        keys={} if stock else {"foreignSubjects": f"{namespace}/{name}"},
        values={"global.istioNamespace": mesh.namespace} if stock else {},
    )


def _is_reader(resource: Resource) -> bool:
    """Return whether a binding gives an account the rights to read a cluster: the user may choose the account.

    The chart names its own one unless `global.readerServiceAccount` is set (istio 1.31.0,
    istio-discovery/templates/reader-clusterrolebinding.yaml).
    """
    return text(resource.root, "roleRef/name").startswith("istio-reader-")


def _check(resource: Resource, mesh: Profile, path: str, namespace: str) -> None:
    if namespace in ("", mesh.namespace):
        return
    raise resource.error(
        f'{path} is "{namespace}", but the control plane of mesh {mesh.name} is in "{mesh.namespace}"',
        render_in(mesh),
        values={"global.istioNamespace": mesh.namespace},
    )

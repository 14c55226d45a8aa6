"""Leave what a cluster has only once to the one mesh that owns it.

CRDs exist once, whoever installs them, and Helm lets one release own them. The mesh with `sharedResources: own` keeps
them, each with `helm.sh/resource-policy: keep`, so that removing that mesh takes nothing from the others. In a mesh that
leaves them they are dropped from the stream.

     metadata:
       annotations:
    +    "helm.sh/resource-policy": keep

A CRD without that annotation in the chart's own text is refused in a mesh that leaves them: had this release installed
it before, Helm would now delete it, and every resource of its kind in the whole cluster.
Charts that are nothing but shared are refused there as well: `istio-init`, `istio-cni`, `ztunnel`, `istio-operator`.
The owner's may live in any namespace.
"""

from multimesh.mesh.names import SHARED
from multimesh.yamltext.fieldpath import is_sequence, text, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile

ID = "shared-resources"
POLICY = "helm.sh/resource-policy"

#: What to do instead of installing each of them a second time, and how its objects are called.
_REMEDIES = {
    "istio-init": "Install istio-init once, from the mesh that owns what is shared; this mesh needs no istio-init.",
    "istio-cni": "Install istio-cni once, from the mesh that owns what is shared; this mesh uses it with "
    "--set pilot.cni.enabled=true (up to Istio 1.21: --set istio_cni.enabled=true).",
    "ztunnel": "Install ztunnel once, from the mesh that owns what is shared: there is one on every node.",
    "istio-operator": "Install without the operator: it acts on every IstioOperator resource of the cluster.",
}


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Keep, drop or refuse what is shared."""
    if resource.kind == "CustomResourceDefinition":
        _plan_definition(resource, mesh)
    elif not mesh.owns_shared:
        component = component_of(resource)
        if component:
            raise resource.error(
                f"the chart {component} exists once in a cluster, and mesh {mesh.name} does not own what is shared",
                f"{_REMEDIES[component]}\nIf this is the mesh that owns it, set spec.sharedResources to own in {mesh.where}.",
            )


def is_shared(resource: "Resource") -> bool:
    """Tell an object of a chart that is nothing but shared."""
    return component_of(resource) != ""


def component_of(resource: "Resource") -> str:
    """Return the chart that an object belongs to, if that chart exists once in a cluster; empty otherwise."""
    if resource.component is None:
        # Three rules ask.
        resource.component = _component_of(resource)
    return resource.component


def _component_of(resource: "Resource") -> str:
    name, kind = resource.name, resource.kind
    if (kind == "Job" and name.startswith("istio-init-")) or (kind == "ConfigMap" and name.startswith("istio-crd-")):
        return "istio-init"
    labels = resource.labels()
    if labels.get("k8s-app") in ("istio-cni-node", "istio-cni-repair") or labels.get("app") == "istio-cni":
        return "istio-cni"
    if labels.get("app") == "ztunnel" or labels.get("app.kubernetes.io/name") == "ztunnel":
        return "ztunnel"
    if labels.get("app.kubernetes.io/name") == "istio-cni":
        return "istio-cni"
    if (kind, name) in SHARED or kind in _NAMED:
        for component in ("istio-cni", "ztunnel", "istio-operator"):
            if name == component or name.startswith(f"{component}-"):
                return component
    return _by_container(resource) if kind in ("DaemonSet", "Deployment") else ""


#: Kinds of namespaced objects that these charts name after themselves.
_NAMED = frozenset(("DaemonSet", "Deployment", "ServiceAccount", "ConfigMap", "ClusterRole", "ClusterRoleBinding", "Role",
                    "RoleBinding", "Namespace", "Service", "NetworkAttachmentDefinition", "ResourceQuota", "NetworkPolicy"))  # fmt: skip


def _by_container(resource: "Resource") -> str:
    """Tell them by what runs in them: users may call ztunnel as they like (Istio 1.25 and later)."""
    for _, node in resource.containers():
        if text(node, "name") in ("install-cni", "repair-cni"):
            return "istio-cni"
        args = value(node, "args")
        if args is not None and is_sequence(args) and "ztunnel" in [item.value for item in args.value]:
            return "ztunnel"
    return ""


def _plan_definition(resource: "Resource", mesh: "Profile") -> None:
    node = resource.get(f"metadata/annotations/{POLICY.replace('/', '~1')}")
    kept = node is not None and text(node) == "keep"
    if mesh.owns_shared:
        if node is None:
            resource.put_at(f"metadata/annotations/{POLICY.replace('/', '~1')}", "keep")
        elif not kept:
            resource.rewrite(node, "keep", f"metadata/annotations/{POLICY}")
    elif kept:
        resource.drop()
    else:
        raise resource.error(
            f"mesh {mesh.name} leaves CRDs to another mesh, and this one does not carry {POLICY}: keep; had this release "
            "installed it before, Helm would delete it and every resource of its kind",
            f"Leave it out: --set-json 'base.excludedCRDs=[\"{resource.name}\"]' (Istio 1.24 and later; "
            "'multimesh values --chart base' writes it), --skip-crds for charts up to 1.23,\n"
            f"or upgrade this release once with spec.sharedResources: own in {mesh.where}.",
        )

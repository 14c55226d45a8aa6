"""Leave what a cluster has only once to the one mesh that owns it.

CRDs exist once, whoever installs them, and Helm lets one release own them. The mesh with `sharedResources: own` keeps
them, each with `helm.sh/resource-policy: keep`, so that removing that mesh takes nothing from the others. In a mesh
that leaves them they are dropped from the stream.

     metadata:
       annotations:
    +    "helm.sh/resource-policy": keep

A CRD without that annotation in the chart's own text is refused in a mesh that leaves them: had this release installed
it before, Helm would now delete it, and every resource of its kind in the whole cluster.
Charts that are nothing but shared are refused there as well: `istio-init`, `istio-cni`, `ztunnel`, `istio-operator`.
The owner's may live in any namespace.
"""

from __future__ import annotations

from multimesh.rules.concern import EVERY, has_word, name_starts
from multimesh.rules.recognise import shared_chart
from multimesh.yamltext.fieldpath import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "shared-resources"
#: How the objects of the charts begin that a cluster has only once.
_SHARED = (name_starts("istio-cni"), name_starts("ztunnel"), name_starts("istio-operator"))

READS: Reads = {
    "CustomResourceDefinition": EVERY,
    "ClusterRole": _SHARED,
    "ClusterRoleBinding": _SHARED,
    "Job": (name_starts("istio-init-"),),
    "ConfigMap": (name_starts("istio-crd-"), name_starts("istio-cni")),
    "ServiceAccount": (name_starts("istio-init"), *_SHARED),
    "Deployment": (name_starts("istio-operator"),),
    "Namespace": EVERY,
    "DaemonSet": (has_word("install-cni"), has_word("ztunnel")),
}
POLICY = "helm.sh/resource-policy"

#: What to do instead of installing each of them a second time, and how its objects are called.
_REMEDIES = {
    "istio-init": "Install istio-init once, from the mesh that owns what is shared; this mesh needs no istio-init.",
    "istio-cni": "Install istio-cni once, from the mesh that owns what is shared; this mesh uses it with "
    "--set pilot.cni.enabled=true (up to Istio 1.21: --set istio_cni.enabled=true).",
    "ztunnel": "Install ztunnel once, from the mesh that owns what is shared: there is one on every node.",
    "istio-operator": "Install without the operator: it acts on every IstioOperator resource of the cluster.",
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Keep, drop or refuse what is shared."""
    if resource.kind == "CustomResourceDefinition":
        _plan_definition(resource, mesh)
    elif not mesh.owns_shared:
        component = shared_chart(resource)
        if component:
            raise resource.error(
                f"the chart {component} exists once in a cluster, and mesh {mesh.name} does not own what is shared",
                f"{_REMEDIES[component]}\n"
                f"If this is the mesh that owns it, set spec.sharedResources to own in {mesh.where}.",
            )


def _plan_definition(resource: Resource, mesh: Profile) -> None:
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
            f"mesh {mesh.name} leaves CRDs to another mesh, and this one does not carry {POLICY}: keep; "
            "had this release installed it before, Helm would delete it and every resource of its kind",
            f"{_way_out(resource)}\nOr upgrade this release once with spec.sharedResources: own in {mesh.where}.",
            values=_values(resource),
        )


def _way_out(resource: Resource) -> str:
    """Return the values that leave a CRD out of the chart base, told by its labels.

    Charts up to 1.23 have the labels of 1.5 on their CRDs, and 1.24 replaced these (istio 1.24.0,
    manifests/charts/base/templates/crds.yaml). The chart of somebody else has neither.
    """
    templates = "--set base.enableCRDTemplates=false (charts up to 1.23)"
    excluded = (
        f"--set-json 'base.excludedCRDs=[\"{resource.name}\"]' (Istio 1.24 and later; "
        "'multimesh values --chart base' writes it)"
    )
    if _is_legacy(resource):
        return f"Leave it out: {templates}."
    if _is_istio(resource):
        return f"Leave it out: {excluded}."
    return f"Leave it out: {excluded}, {templates}; in another chart, give it this annotation."


def _values(resource: Resource) -> dict[str, object]:
    if _is_legacy(resource):
        return {"base.enableCRDTemplates": False}
    return {"base.excludedCRDs": [resource.name]} if resource.name.endswith(".istio.io") else {}


def _is_legacy(resource: Resource) -> bool:
    return resource.labels().get("heritage") == "Tiller"


def _is_istio(resource: Resource) -> bool:
    return resource.labels().get("app.kubernetes.io/part-of") == "istio"

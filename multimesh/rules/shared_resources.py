"""Leave what a cluster has only once to the one mesh that owns it.

CRDs exist once, whoever installs them, and Helm lets one release own them. The mesh with `sharedResources: own` keeps
them, each with `helm.sh/resource-policy: keep`, so that removing that mesh takes nothing from the others. In a mesh that
leaves them they are dropped from the stream.

     metadata:
       annotations:
    +    "helm.sh/resource-policy": keep

A CRD without that annotation in the chart's own text is refused in a mesh that leaves them: had this release installed
it before, Helm would now delete it, and every resource of its kind in the whole cluster.
The chart `istio-init`, which is nothing but CRDs, is refused there as well.
"""

from multimesh.fieldpath import text

from multimesh.rules.reads import EVERY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.rules.reads import Reads
    from multimesh.manifest import Resource
    from multimesh.profile import Profile

ID = "shared-resources"
POLICY = "helm.sh/resource-policy"

READS: "Reads" = {
    "CustomResourceDefinition": EVERY,
    "Job": EVERY,
    "ConfigMap": ((b"istio-crd-", b""),),
}


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Keep, drop or refuse what is shared."""
    if resource.kind == "CustomResourceDefinition":
        _plan_definition(resource, mesh)
    elif not mesh.owns_shared and resource.name.startswith(("istio-init-", "istio-crd-")):
        raise resource.error(
            f"the chart istio-init installs CRDs for the whole cluster, and mesh {mesh.name} does not own them",
            "Install istio-init once, from the mesh that owns what is shared; this mesh needs no istio-init.\n"
            f"If this is that mesh, set spec.sharedResources to own in {mesh.where}.",
        )


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

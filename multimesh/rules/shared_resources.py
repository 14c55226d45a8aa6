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

An `IstioOperator` is refused in every mesh: a program installs a stock mesh by it, and no post-renderer sees that one.
The report of `render` names other resources by which a program installs an Istio chart: an `Istio`, `IstioRevision`,
`IstioCNI` or `ZTunnel` of Sail, an Argo CD `Application`, a Flux `HelmRelease`.
"""

from __future__ import annotations

from multimesh.rules.concern import EVERY, has_word, name_starts
from multimesh.rules.recognise import shared_chart
from multimesh.yamltext.fieldpath import BadShape, find, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "shared-resources"
#: How the objects of the charts begin that a cluster has only once.
_SHARED = (name_starts("istio-cni"), name_starts("ztunnel"), name_starts("istio-operator"))

#: Where resources by which a program installs charts say which one, by group and kind; nothing: it is Istio always.
_INSTALLERS = {
    ("sailoperator.io", "Istio"): (),
    ("sailoperator.io", "IstioRevision"): (),
    ("sailoperator.io", "IstioCNI"): (),
    ("sailoperator.io", "ZTunnel"): (),
    ("argoproj.io", "Application"): (
        "spec/source/chart", "spec/source/repoURL", "spec/source/path",
        "spec/sources/*/chart", "spec/sources/*/repoURL", "spec/sources/*/path",
    ),
    ("helm.toolkit.fluxcd.io", "HelmRelease"): (
        "spec/chart/spec/chart", "spec/chart/spec/sourceRef/name", "spec/chartRef/name",
    ),
}  # fmt: skip
_CHARTS = ("istio", "ztunnel")

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
    "IstioOperator": EVERY,
    **{kind: tuple(map(has_word, _CHARTS)) if paths else EVERY for (_, kind), paths in _INSTALLERS.items()},
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
    elif (resource.group, resource.kind) == ("install.istio.io", "IstioOperator"):
        raise resource.error(
            "an IstioOperator makes an operator or istioctl install a stock mesh, which no post-renderer sees",
            f"Take it out, and install the charts of Istio through multimesh with the profile of mesh {mesh.name}.",
        )
    elif (resource.group, resource.kind) in _INSTALLERS:
        _notice_installer(resource)
    elif not mesh.owns_shared:
        component = shared_chart(resource)
        if component:
            raise resource.error(
                f"the chart {component} exists once in a cluster, and mesh {mesh.name} does not own what is shared",
                f"{_REMEDIES[component]}\n"
                f"If this is the mesh that owns it, set spec.sharedResources to own in {mesh.where}.",
            )


def _notice_installer(resource: Resource) -> None:
    paths = _INSTALLERS[resource.group, resource.kind]
    try:
        named = [text(node) for path in paths for _, node in find(resource.root, path)]
    except BadShape:
        return  # Nothing of it is rewritten.
    if not paths or any(chart in name.lower() for name in named for chart in _CHARTS):
        resource.notice(
            ID,
            "warning",
            f"a program installs Istio by this {resource.kind}, and multimesh does not see what it renders",
            "Let that program run multimesh as its post-renderer, with a profile: see docs/integrations.md. "
            "Otherwise it installs a stock mesh.",
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
            f"Leave it out: --set-json 'base.excludedCRDs=[\"{resource.name}\"]' (Istio 1.24 and later; "
            "'multimesh values --chart base' writes it), --skip-crds for charts up to 1.23,\n"
            f"or upgrade this release once with spec.sharedResources: own in {mesh.where}.",
        )

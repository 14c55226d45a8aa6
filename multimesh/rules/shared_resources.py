"""Leave what a cluster has only once to the one mesh that owns it.

A cluster has each CRD only once, and Helm lets one release own it. The mesh with
`sharedResources: own` keeps the CRDs in its stream, each with `helm.sh/resource-policy: keep`, so that removing that
mesh does not remove them. Argo CD and Flux do not honour it when they prune, and have annotations of their own. In
every other mesh CRDs are dropped from the stream.

     metadata:
       annotations:
    +    "helm.sh/resource-policy": keep
    +    "kustomize.toolkit.fluxcd.io/prune": disabled
    +    "argocd.argoproj.io/sync-options": Prune=false

Other sync options of Argo CD stay. In a mesh that does not own them, a CRD without `helm.sh/resource-policy: keep` in
the chart's own text is refused: if this release has installed it before, Helm would now delete it, and every resource
of its kind in the whole cluster.
Charts of which a cluster has only one are refused there as well: `istio-init`, `istio-cni`, `ztunnel`,
`istio-operator`. Those of the owner may be in any namespace.

An `IstioOperator` is refused in every mesh: a program installs a stock mesh by it, which no post-renderer sees. The
report of `render` names other resources by which a program installs an Istio chart: an `Istio`, `IstioRevision`,
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

#: How the names of most objects of these charts begin.
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

#: What leaves out a CRD of the directory crds/ of a chart.
_OF_DIRECTORY = "--skip-crds, or no --include-crds for 'helm template'"

READS: Reads = {
    "CustomResourceDefinition": EVERY,
    "ClusterRole": _SHARED,
    "ClusterRoleBinding": _SHARED,
    "Job": (name_starts("istio-init-"),),
    "ConfigMap": (name_starts("istio-crd-"), name_starts("istio-cni")),
    "ServiceAccount": _SHARED,
    "Deployment": (name_starts("istio-operator"),),
    "Namespace": EVERY,
    "DaemonSet": (has_word("install-cni"), has_word("ztunnel")),
    "IstioOperator": EVERY,
    **{kind: tuple(map(has_word, _CHARTS)) if paths else EVERY for (_, kind), paths in _INSTALLERS.items()},
}

#: The annotation with which Helm keeps a resource when it removes the release.
POLICY = "helm.sh/resource-policy"

#: The annotations of the owner's CRDs, by the path of each. Flux: kustomize-controller 1.6, docs/spec/v1,
#: kustomizations.md, prune.
_ANNOTATIONS = "metadata/annotations/"
_POLICY_PATH = f"{_ANNOTATIONS}helm.sh~1resource-policy"
_KEPT = {_POLICY_PATH: "keep", f"{_ANNOTATIONS}kustomize.toolkit.fluxcd.io~1prune": "disabled"}

#: The annotation that holds Argo CD's options for one resource, separated by commas, and the one that spares it (Argo
#: CD 3.1, docs/user-guide/sync-options.md).
_OPTIONS_PATH = f"{_ANNOTATIONS}argocd.argoproj.io~1sync-options"
_PRUNE = "Prune="
_SPARED = "Prune=false"

#: For each chart of which a cluster has only one: what to do instead of installing it a second time.
_REMEDIES = {
    "istio-init": "Install istio-init once, from the mesh that owns shared resources; this mesh needs no istio-init.",
    "istio-cni": "Install istio-cni once, from the mesh that owns shared resources; this mesh uses it with "
    "--set pilot.cni.enabled=true (up to Istio 1.21: --set istio_cni.enabled=true).",
    "ztunnel": "Install ztunnel once, from the mesh that owns shared resources: there is one on every node, and it "
    "asks one control plane, so ambient mode works in the namespaces of that mesh only.",
    "istio-operator": "Install without the operator: it acts on every IstioOperator resource of the cluster.",
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Keep, drop or refuse what is shared."""
    if resource.kind == "CustomResourceDefinition":
        _plan_definition(resource, mesh)
    elif (resource.group, resource.kind) == ("install.istio.io", "IstioOperator"):
        raise resource.error(
            "an IstioOperator makes an operator or istioctl install a stock mesh, which no post-renderer sees",
            f"Remove it, and install the charts of Istio through multimesh with the profile of mesh {mesh.name}.",
        )
    elif (resource.group, resource.kind) in _INSTALLERS:
        _notice_installer(resource)
    elif not mesh.owns_shared and not (resource.kind == "Namespace" and resource.name in mesh.namespaces):
        chart = shared_chart(resource)
        if chart:
            raise resource.error(
                f"the chart {chart} exists once in a cluster, and mesh {mesh.name} does not own shared resources",
                f"{_REMEDIES[chart]}\n"
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
            "Let that program run multimesh as its post-renderer, with a profile, or apply what 'multimesh patches' "
            "writes. Otherwise it installs a stock mesh.",
        )


def _plan_definition(resource: Resource, mesh: Profile) -> None:
    policy = resource.value(_POLICY_PATH)
    if mesh.owns_shared:
        options = [one.strip() for one in resource.value(_OPTIONS_PATH).split(",")]
        options = [one for one in options if one and not one.startswith(_PRUNE)]
        for path, new in {**_KEPT, _OPTIONS_PATH: ",".join([*options, _SPARED])}.items():
            node = resource.get(path)
            if node is None:
                resource.put_at(path, new)
            else:
                resource.rewrite(node, new, path)
    elif policy == "keep":
        resource.drop()
    else:
        raise resource.error(
            f"mesh {mesh.name} leaves CRDs to another mesh, and this one does not carry {POLICY}: keep; "
            "if this release has installed it before, Helm would delete it and every resource of its kind",
            f"{_way_out(resource)}\nOr upgrade this release once with spec.sharedResources: own in {mesh.where}.",
            values=_values(resource),
        )


def _way_out(resource: Resource) -> str:
    """Return what leaves a CRD out: its labels show which version of the chart base it is of.

    Charts up to 1.23 have the labels of 1.5 on their CRDs, and 1.24 replaced these (istio 1.24.0,
    manifests/charts/base/templates/crds.yaml). The chart of somebody else has neither.
    """
    templates = "--set base.enableCRDTemplates=false (charts up to 1.23)"
    excluded = (
        f"--set-json 'base.excludedCRDs=[\"{resource.name}\"]' (Istio 1.24 and later; "
        "'multimesh values --chart base' writes it)"
    )
    if _is_in_crds_directory(resource):
        return f"Leave it out: {_OF_DIRECTORY}."
    if _is_legacy(resource):
        # Helm names the file of crds/ only once, before the first of its CRDs, and that of a template before each.
        directory = "" if resource.template() else f"; or, from the directory crds/, {_OF_DIRECTORY}"
        return f"Leave it out: {templates}{directory}."
    if _is_istio(resource):
        return f"Leave it out: {excluded}."
    return f"Leave it out: {excluded}, {templates}; in another chart, give it this annotation."


def _values(resource: Resource) -> dict[str, object]:
    if _is_in_crds_directory(resource):
        return {}
    if _is_legacy(resource):
        return {"base.enableCRDTemplates": False} if resource.template() else {}
    return {"base.excludedCRDs": [resource.name]} if resource.name.endswith(".istio.io") else {}


def _is_in_crds_directory(resource: Resource) -> bool:
    """Return whether a CRD is not a template, so that no value of the chart leaves it out."""
    return "/crds/" in f"/{resource.template()}"


def _is_legacy(resource: Resource) -> bool:
    return resource.labels().get("heritage") == "Tiller"


def _is_istio(resource: Resource) -> bool:
    return resource.labels().get("app.kubernetes.io/part-of") == "istio"

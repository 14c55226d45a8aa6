"""The rule shared-resources: what a cluster has only once is left to the one mesh that owns it."""

from __future__ import annotations

import pytest
from rule_cases import accepts, objects, reasons, refusal, rendered, rendering, stays

KEEP = "helm.sh/resource-policy"
FLUX = "kustomize.toolkit.fluxcd.io/prune"
ARGO = "argocd.argoproj.io/sync-options"

#: The apiVersion of each kind that the shared charts have.
VERSIONS = {
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "Job": "batch/v1",
    "Deployment": "apps/v1",
    "DaemonSet": "apps/v1",
}


def definition(*annotations: str, name: str = "gateways.networking.istio.io") -> str:
    """Return a CRD with these annotations, or without any."""
    lines = "  annotations:\n" + "".join(f"    {line}\n" for line in annotations) if annotations else ""
    return (
        f"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n{lines}  name: {name}\n"
        "spec:\n  group: networking.istio.io\n"
    )


def thing(kind: str, name: str, rest: str = "") -> str:
    """Return an object of a shared chart."""
    return f"---\napiVersion: {VERSIONS.get(kind, 'v1')}\nkind: {kind}\nmetadata:\n  name: {name}\n{rest}"


def pods(*container: str) -> str:
    """Return the spec of a workload with one container, whose fields these are."""
    first, *others = container
    lines = "".join(f"        {line}\n" for line in others)
    return f"spec:\n  template:\n    spec:\n      containers:\n      - {first}\n{lines}"


# What changes: CRDs of the owner.


@pytest.mark.parametrize("annotations", [(), ("other: value",), (f'"{KEEP}": delete',), (f'"{KEEP}": null',)], ids=str)
def test_the_owner_keeps_every_definition_when_its_release_is_removed(annotations: tuple[str, ...]) -> None:
    """The annotation is put where it is absent, and rewritten where it has another value."""
    (crd,) = objects(definition(*annotations), sharedResources="own")
    assert crd["metadata"]["annotations"][KEEP] == "keep"
    assert crd["metadata"]["annotations"].get("other") == ("value" if "other: value" in annotations else None)
    assert crd["metadata"]["annotations"][FLUX] == "disabled"
    assert crd["metadata"]["annotations"][ARGO] == "Prune=false"
    paths = {path for rule, path in reasons(definition(*annotations), sharedResources="own")}
    assert sorted(paths) == [f"metadata/annotations/{key.replace('/', '~1')}" for key in sorted((KEEP, FLUX, ARGO))]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("ServerSideApply=true", "ServerSideApply=true,Prune=false"),
        ("Prune=true", "Prune=false"),
        ("Prune=confirm, Replace=true", "Replace=true,Prune=false"),
        ("Replace=true,Prune=false", "Replace=true,Prune=false"),
        ('""', "Prune=false"),
    ],
)
def test_options_of_argo_cd_stay_beside_the_one_that_spares_the_definition(options: str, expected: str) -> None:
    """Argo CD reads them as one text."""
    (crd,) = objects(definition(f"{ARGO}: {options}"), sharedResources="own")
    assert crd["metadata"]["annotations"][ARGO] == expected


def test_a_definition_that_is_kept_already_stays():
    """A second run changes nothing."""
    kept = definition(f'"{KEEP}": keep', f"{FLUX}: disabled", f"{ARGO}: Prune=false")
    assert stays(kept, sharedResources="own")


@pytest.mark.parametrize("annotations", [(), (f'"{KEEP}": keep',)], ids=str)
def test_a_resource_policy_of_another_kind_is_not_touched(annotations: tuple[str, ...]) -> None:
    """Only CRDs outlive their release."""
    assert stays(
        definition(*annotations)
        .replace("CustomResourceDefinition", "ConfigMap")
        .replace("apiextensions.k8s.io/v1", "v1")
    )


# What is dropped: CRDs of every other mesh.


def test_a_mesh_that_is_not_the_owner_drops_definitions():
    """The document goes with all its lines, and the report names the rule."""
    manifest = definition(f'"{KEEP}": keep')
    assert rendered(manifest) == ""
    assert [(title, rule) for title, rule, _ in rendering(manifest).dropped] == [
        ("CustomResourceDefinition/gateways.networking.istio.io", "shared-resources")
    ]


@pytest.mark.parametrize("annotations", [(), ("other: keep",), (f'"{KEEP}": delete',)], ids=str)
def test_a_definition_that_helm_would_delete_is_refused(annotations: tuple[str, ...]) -> None:
    """Without the annotation in the chart's own text, leaving it out would delete it for all meshes."""
    assert refusal(definition(*annotations, name="a.istio.io")) == (
        "multimesh: <stdin>:2: CustomResourceDefinition/a.istio.io: mesh affirmed leaves CRDs to another mesh, and this "
        "one does not carry helm.sh/resource-policy: keep; if this release has installed it before, Helm would delete "
        "it and every resource of its kind [shared-resources]\n"
        "  Leave it out: --set-json 'base.excludedCRDs=[\"a.istio.io\"]' (Istio 1.24 and later; "
        "'multimesh values --chart base' writes it), --set base.enableCRDTemplates=false (charts up to 1.23); in another "
        "chart, give it this annotation.\n"
        "  Or upgrade this release once with spec.sharedResources: own in profile.yaml."
    )


@pytest.mark.parametrize(
    ("source", "annotations", "expected"),
    [
        ("# Source: base/crds/crd-all.gen.yaml\n", (), "--skip-crds"),
        ("", ("postrenderer.helm.sh/postrender-filename: base/crds/crd-all.gen.yaml",), "--skip-crds"),
        ("# Source: base/templates/crds.yaml\n", (), "base.enableCRDTemplates=false"),
        ("# Source: a/crds/b.yaml\n---\n# Source: base/templates/crds.yaml\n", (), "base.enableCRDTemplates=false"),
    ],
)
def test_the_remedy_for_a_definition_that_is_no_template_is_a_flag_of_helm(
    source: str, annotations: tuple[str, ...], expected: str
) -> None:
    """No value of the chart leaves out what is in its directory crds/."""
    message = refusal(definition(*annotations).replace("---\n", f"---\n{source}", 1))
    assert expected in message
    assert ("--skip-crds" in message) == (expected == "--skip-crds")


@pytest.mark.parametrize("owner", ["own", "leave"])
def test_a_resource_policy_in_base64_is_refused(owner: str) -> None:
    """What `keep` would say there is something else."""
    message = refusal(definition(f'"{KEEP}": !!binary keep'), sharedResources=owner)
    assert 'helm.sh~1resource-policy is "keep" in Base64' in message


# What is refused: charts of which a cluster has only one.

REMEDIES = {
    "istio-init": "Install istio-init once, from the mesh that owns shared resources; this mesh needs no istio-init.",
    "istio-cni": "Install istio-cni once, from the mesh that owns shared resources; this mesh uses it with --set "
    "pilot.cni.enabled=true (up to Istio 1.21: --set istio_cni.enabled=true).",
    "ztunnel": "Install ztunnel once, from the mesh that owns shared resources: there is one on every node, and it asks "
    "one control plane, so ambient mode works in the namespaces of that mesh only.",
    "istio-operator": "Install without the operator: it acts on every IstioOperator resource of the cluster.",
}

#: Objects of these charts that are refused by themselves: (chart, kind, name, the rest of the object).
SHARED = [
    ("istio-init", "Job", "istio-init-crd-all-1.5", ""),
    ("istio-init", "ConfigMap", "istio-crd-all", ""),
    ("istio-cni", "ConfigMap", "istio-cni-config", ""),
    *[
        (chart, kind, name, "")
        for kind in ("ClusterRole", "ClusterRoleBinding", "ServiceAccount")
        for chart, name in (
            ("istio-cni", "istio-cni"),
            ("istio-cni", "istio-cni-anything"),
            ("ztunnel", "ztunnel"),
            ("istio-operator", "istio-operator"),
        )
    ],
    ("istio-operator", "Namespace", "istio-operator", ""),
    ("istio-operator", "Deployment", "istio-operator", pods("name: istio-operator")),
    ("istio-cni", "DaemonSet", "anything", pods("name: install-cni")),
    ("ztunnel", "DaemonSet", "anything", pods("name: istio-proxy", "args: [proxy, ztunnel]")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("chart", "kind", "name", "rest"), SHARED, ids=[f"{kind}-{name}" for _, kind, name, _ in SHARED]
)
def test_a_mesh_that_is_not_the_owner_refuses_shared_charts(chart: str, kind: str, name: str, rest: str) -> None:
    """Every object by which such a chart can be known is refused, with the chart's own remedy."""
    assert refusal(thing(kind, name, rest)) == (
        f"multimesh: <stdin>:2: {kind}/{name}: the chart {chart} exists once in a cluster, and mesh affirmed does not "
        f"own shared resources [shared-resources]\n  {REMEDIES[chart]}\n"
        "  If this is the mesh that owns it, set spec.sharedResources to own in profile.yaml."
    )


@pytest.mark.parametrize(
    ("chart", "kind", "name", "rest"), SHARED, ids=[f"{kind}-{name}" for _, kind, name, _ in SHARED]
)
def test_the_owner_installs_shared_charts_as_they_are(chart: str, kind: str, name: str, rest: str) -> None:
    """They keep their names, so that there is one of each."""
    keep = {"keepNames": [f"{kind}/{name}"]} if name == "istio-cni-anything" and kind.startswith("Cluster") else {}
    assert stays(thing(kind, name, rest), sharedResources="own", **keep), chart


#: Namespaces of the mesh with names of shared charts.
NAMESPACES = ("ztunnel", "ztunnel-x", "istio-cni", "istio-operator", "istio-operator-x")


@pytest.mark.parametrize(
    ("kind", "name", "rest"),
    [
        ("Job", "istio-security-post-install", ""),
        ("Job", "istio-init", ""),
        ("Job", "istio-crd-all", ""),
        ("ConfigMap", "istio-init-crd", ""),
        ("ConfigMap", "istio", ""),
        ("ServiceAccount", "istio-init-service-account", ""),
        ("ServiceAccount", "istio-cnix", ""),
        ("ServiceAccount", "my-ztunnel", ""),
        ("ClusterRole", "istio-init-istio-affirmed", ""),
        ("ClusterRoleBinding", "istio-init-admin-role-binding-istio-affirmed", ""),
        ("Namespace", "istio-affirmed", ""),
        *[("Namespace", name, f"  labels:\n    app: {name}\n") for name in NAMESPACES],
        ("Deployment", "istio-operatorx", pods("name: istio-operator")),
        ("DaemonSet", "agent", pods("name: install-cnix")),
        ("DaemonSet", "agent", pods("name: ztunnel", "args: [ztunnelx]")),
    ],
)
def test_what_looks_like_a_shared_chart_stays(kind: str, name: str, rest: str) -> None:
    """Names that only begin alike, and objects of istio-init that harm no one without its Jobs."""
    assert stays(thing(kind, name, rest), workloadNamespaces=[*NAMESPACES, "nginx-affirmed"])


def test_a_namespace_that_is_not_of_the_mesh_is_no_shared_chart_either():
    """Only the operator's chart has one; for another one the profile is what is missing."""
    assert "the chart ztunnel" not in refusal(thing("Namespace", "ztunnel-x"))
    assert "the chart istio-operator" in refusal(thing("Namespace", "istio-operator"))


@pytest.mark.parametrize(
    ("labels", "name", "values"),
    [
        ("heritage: Tiller", "gateways.networking.istio.io", {}),
        ("app.kubernetes.io/part-of: istio", "a.istio.io", {"base.excludedCRDs": ["a.istio.io"]}),
        ("a: b", "gateways.networking.istio.io", {"base.excludedCRDs": ["gateways.networking.istio.io"]}),
        ("a: b", "widgets.example.com", {}),
    ],
)
def test_a_refusal_of_a_definition_says_which_values_leave_it_out(labels: str, name: str, values: dict) -> None:
    manifest = definition(name=name).replace("metadata:\n", f"metadata:\n  labels: {{{labels}}}\n")
    assert accepts(manifest) == ({}, values)


def test_of_a_definition_up_to_1_23_helm_says_whether_it_is_a_template() -> None:
    """Before each template, but only before the first CRD of a file in crds/: of the others both remedies are named."""
    manifest = definition().replace("metadata:\n", "metadata:\n  labels: {heritage: Tiller}\n")
    source = "---\n# Source: base/templates/crds.yaml\n"
    assert accepts(manifest.replace("---\n", source)) == ({}, {"base.enableCRDTemplates": False})
    assert "--include-crds" not in refusal(manifest.replace("---\n", source))
    said = refusal(manifest)
    assert "--set base.enableCRDTemplates=false (charts up to 1.23); or, from the directory crds/, --skip-crds" in said

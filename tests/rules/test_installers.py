"""Resources by which a program installs Istio behind the back of the post-renderer: refused, or named in the report."""

from __future__ import annotations

import pytest
from program import profile
from rule_cases import END, NS, refusal

from multimesh.mesh.profile import load
from multimesh.render.pipeline import render

OPERATOR = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: a, namespace: NS}\n".replace(
    "NS", NS
)


def listed(item: str) -> str:
    indented = "".join(f"  {line}\n" for line in item.splitlines())
    return "apiVersion: v1\nkind: List\nitems:\n-" + indented[1:]


@pytest.mark.parametrize("owner", ["own", "leave"])
@pytest.mark.parametrize("stream", [OPERATOR, OPERATOR + "spec: {profile: default}\n", listed(OPERATOR)])
def test_an_istio_operator_is_refused_in_every_mesh(owner, stream):
    """It makes a program install a stock mesh, whoever owns what is shared."""
    said = refusal(stream, sharedResources=owner)
    assert "an IstioOperator makes an operator or istioctl install a stock mesh" in said
    assert "Remove it" in said
    assert "[shared-resources]" in said


def notices(stream: str) -> list[tuple[object, object]]:
    """Render with kinds that no table needs to know, and return what the rule noticed; nothing is changed."""
    kept = ["Application/*", "HelmRelease/*", "Istio/*", "IstioRevision/*", "IstioCNI/*", "ZTunnel/*"]
    mesh = load(profile("affirmed", NS, ("nginx-affirmed",), keepNames=kept), "profile.yaml")
    result = render((stream + END).encode(), mesh)
    assert result.output.decode() == stream + END
    return [(one["severity"], one["resource"]) for one in result.notices if one["rule"] == "shared-resources"]


def installer(api: str, kind: str, spec: str, namespace: str = f", namespace: {NS}") -> str:
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a{namespace}}}\nspec: {spec}\n"


ARGO, FLUX, SAIL = "argoproj.io/v1alpha1", "helm.toolkit.fluxcd.io/v2", "sailoperator.io/v1"
ISTIO = {
    "Argo CD, chart": installer(ARGO, "Application", "{source: {chart: istiod, repoURL: 'https://a.example'}}"),
    "Argo CD, repository": installer(
        ARGO, "Application", "{sources: [{chart: base, repoURL: 'https://istio-release.example/charts'}]}"
    ),
    "Argo CD, path": installer(ARGO, "Application", "{source: {path: platform/istio}}"),
    "Argo CD, ztunnel": installer(ARGO, "Application", "{source: {chart: ztunnel}}"),
    "Flux, chart": installer(FLUX, "HelmRelease", "{chart: {spec: {chart: istiod}}}"),
    "Flux, repository": installer(
        FLUX, "HelmRelease", "{chart: {spec: {chart: base, sourceRef: {kind: HelmRepository, name: istio}}}}"
    ),
    "Flux, reference": installer(FLUX, "HelmRelease", "{chartRef: {kind: OCIRepository, name: istio-base}}"),
    "Sail": installer(SAIL, "Istio", "{version: v1.30.3}", ""),
    "Sail, a list": listed(installer(SAIL, "ZTunnel", "{}", "")),
}


@pytest.mark.parametrize("case", ISTIO)
def test_what_installs_a_chart_of_istio_is_named_in_the_report(case):
    ((severity, resource),) = notices(ISTIO[case])
    assert severity == "warning"
    assert str(resource).endswith("/a")


OTHERS = {
    "another chart": installer(ARGO, "Application", "{source: {chart: nginx, repoURL: 'https://a.example'}}"),
    "another chart, for Istio": installer(ARGO, "Application", "{source: {chart: nginx}, destination: {name: istio}}"),
    "another release": installer(FLUX, "HelmRelease", "{chart: {spec: {chart: nginx}}, values: {mesh: istio}}"),
    "another group": installer("app.k8s.io/v1beta1", "Application", "{source: {chart: istiod}}"),
    "another form": installer(ARGO, "Application", "{source: {chart: {name: istiod}}}"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_installs_something_else_is_not(case):
    assert notices(OTHERS[case]) == []

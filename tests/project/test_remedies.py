"""Every remedy of docs/istio-versions.md is applied, with a real Helm, to a chart that is refused: it is accepted then.

The charts are models: of each version that a remedy names, the template that decides.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from helms import Helm, real_helm
from pages import table
from program import ROOT, profile, render

RBAC, ADMISSION = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"


def head(kind: str, name: str, version: str = "v1", more: str = "") -> str:
    """Return the head of a template whose object is in the namespace of the release."""
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {{{{ .Release.Namespace }}}}\n{more}"


ISTIOD = head("Deployment", "istiod", "apps/v1") + (
    "spec:\n  template:\n    spec:\n      containers:\n      - name: discovery\n        env:\n"
    "        - {name: REVISION, value: {{ .Values.revision | quote }}}\n"
    "        {{- range $name, $value := .Values.pilot.env }}\n        - {name: {{ $name }}, value: {{ $value | quote }}}\n"
    "        {{- end }}\n"
)
TAGS = "{{- range .Values.revisionTags }}\n" + head(
    "MutatingWebhookConfiguration", "istio-revision-tag-{{ . }}-istio-blue", ADMISSION,
    '  labels: {istio.io/rev: {{ $.Values.revision }}, istio.io/tag: {{ . }}}\nwebhooks: []\n',
).replace("  namespace: {{ .Release.Namespace }}\n", "") + "{{- end }}\n"  # fmt: skip
INJECTOR = head("MutatingWebhookConfiguration", "istio-sidecar-injector-blue-istio-blue", ADMISSION).replace(
    "  namespace: {{ .Release.Namespace }}\n", "  labels: {istio.io/rev: {{ .Values.revision }}}\n"
) + (
    "webhooks:\n- name: rev.namespace.sidecar-injector.istio.io\n  namespaceSelector:\n    matchExpressions:\n"
    "    {{- if .Values.sidecarInjectorWebhook.enableNamespacesByDefault }}\n"
    "    - {key: istio-injection, operator: NotIn, values: [disabled]}\n    {{- else }}\n"
    "    - {key: istio.io/rev, operator: In, values: [{{ .Values.revision }}]}\n"
    "    - {key: istio-injection, operator: DoesNotExist}\n    {{- end }}\n"
)
GATEWAY = head("Deployment", "ingress", "apps/v1") + (
    "spec:\n  template:\n    metadata:\n      annotations: {inject.istio.io/templates: gateway}\n"
    "      labels: {app: ingress{{ with .Values.revision }}, istio.io/rev: {{ . }}{{ end }}}\n"
)
BINDING = head("ClusterRoleBinding", "a-blue", RBAC).replace("  namespace: {{ .Release.Namespace }}\n", "") + (
    "subjects:\n- {kind: ServiceAccount, name: istiod, namespace: {{ .Values.global.istioNamespace }}}\n"
)
VALUES = head("ConfigMap", "istio-sidecar-injector-blue") + (
    'data:\n  values: |-\n    {{ dict "revision" .Values.revision "global" .Values.global | toJson }}\n'
)
CONFIG = head("ConfigMap", "istio-blue") + "data:\n  mesh: |-\n{{ toYaml .Values.meshConfig | indent 4 }}\n"
CRD = head("CustomResourceDefinition", "workloadgroups.networking.istio.io", "apiextensions.k8s.io/v1").replace(
    "  namespace: {{ .Release.Namespace }}\n", "  labels: {LABEL}\n"
) + "spec:\n  group: networking.istio.io\n  names: {kind: WorkloadGroup}\n  scope: Namespaced\n"  # fmt: skip
#: 1.24 and later.
EXCLUDED = (
    '{{- if not (has "workloadgroups.networking.istio.io" .Values.base.excludedCRDs) }}\n'
    + CRD.replace("LABEL", "app.kubernetes.io/part-of: istio")
    + "{{- end }}\n"
)
#: Up to 1.23, where excludedCRDs has no effect.
TEMPLATES = (
    "{{- if .Values.base.enableCRDTemplates }}\n"
    + CRD.replace("LABEL", "heritage: Tiller, chart: istio")
    + "{{- end }}\n"
)

#: Values with which each chart is refused, and which no user of a mesh wants.
DEFAULTS = {
    "revision": "blue",
    "revisionTags": [],
    "pilot": {"env": {}},
    "global": {"istioNamespace": "istio-blue"},
    "meshConfig": {"rootNamespace": "istio-blue"},
    "sidecarInjectorWebhook": {"enableNamespacesByDefault": False},
    "base": {"excludedCRDs": [], "enableCRDTemplates": True},
}

#: What is rendered -> the template, the values that differ, the namespace of the release.
CHARTS: dict[str, tuple[str, dict, str]] = {
    "istiod without a revision, 1.6 and later": (ISTIOD, {"revision": ""}, "istio-blue"),
    "istiod of another mesh's revision": (ISTIOD, {"revision": "red"}, "istio-blue"),
    "a webhook configuration of another revision": (INJECTOR, {"revision": "red"}, "istio-blue"),
    "the chart `default`, or the tag `default`": (TAGS, {"revisionTags": ["default"]}, "istio-blue"),
    "a tag outside the mesh's name space": (TAGS, {"revisionTags": ["prod"]}, "istio-blue"),
    "a gateway that waits for injection, without a revision": (GATEWAY, {"revision": ""}, "istio-blue"),
    "`ENABLE_CLUSTER_TRUST_BUNDLE_API`": (
        ISTIOD, {"pilot": {"env": {"ENABLE_CLUSTER_TRUST_BUNDLE_API": "true"}}}, "istio-blue",
    ),
    "an object outside the mesh's namespaces": (head("Service", "a"), {}, "istio-system"),
    "a control plane in a workload namespace": (ISTIOD, {}, "shop-blue"),
    "a subject or webhook service elsewhere": (BINDING, {"global": {"istioNamespace": "istio-system"}}, "istio-blue"),
    "injector values of another namespace": (VALUES, {"global": {"istioNamespace": "istio-system"}}, "istio-blue"),
    "another `rootNamespace`": (CONFIG, {"meshConfig": {"rootNamespace": "red"}}, "istio-blue"),
    "`discoverySelectors` without the mesh's label": (
        CONFIG, {"meshConfig": {"discoverySelectors": [{"matchLabels": {"multimesh.dev/mesh": "red"}}]}}, "istio-blue",
    ),
    "`enableNamespacesByDefault`, 1.5 to 1.9": (
        INJECTOR, {"sidecarInjectorWebhook": {"enableNamespacesByDefault": True}}, "istio-blue",
    ),
    "a CRD without `keep` in a mesh that leaves them (1.24–1.28.1: `workloadgroups.networking.istio.io`)": (
        head("ConfigMap", "a") + EXCLUDED, {}, "istio-blue",
    ),
    "CRDs as templates, up to 1.23, in a mesh that leaves them": (head("ConfigMap", "a") + TEMPLATES, {}, "istio-blue"),
    "a cluster-scoped name that no table knows": (head("ClusterRole", "company-reader", RBAC), {}, "istio-blue"),
    "a kind that no table knows": (
        head("Widget", "a", "example.com/v1").replace("  namespace: {{ .Release.Namespace }}\n", ""), {}, "istio-blue",
    ),
}  # fmt: skip

#: What is not a value, flag or key: another chart, or another stream.
NOT_APPLIED = {
    "a chart of Istio 1.4 or older": "the chart is another one",
    "an `IstioOperator`, in any mesh": "the resource is not a part of a chart of Istio",
    "a webhook of any name that selects the stock label": "the chart of somebody else changes",
    "a stream that was rewritten for another mesh": "the stream is another one",
    "a validator that was rewritten for another mesh": "the stream is another one",
    "injector flags of another mesh, 1.5": "the stream is another one",
    "the SDS directory in an injection template in another form, 1.5": "the template is changed in the chart itself",
    "istio-cni in a mesh that does not own it": "the chart is not installed",
    "ztunnel in a mesh that does not own it": "the chart is not installed",
    "istio-operator in a mesh that does not own it": "the chart is not installed",
    "istio-init in a mesh that does not own it": "the chart is not installed",
}
ROWS = table((ROOT / "docs" / "istio-versions.md").read_text(encoding="utf-8"), "What is refused")


def write(directory: Path, name: str, template: str, values: dict) -> Path:
    """Write a chart of one template."""
    (directory / "templates").mkdir(parents=True)
    (directory / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    (directory / "values.yaml").write_text(yaml.safe_dump(DEFAULTS | values))
    (directory / "templates" / "a.yaml").write_text(template)
    return directory


def rendered(program: Helm, chart: Path, namespace: str, *flags: str) -> bytes:
    """Return what Helm renders."""
    done = program.run("template", "r", chart, "-n", namespace, *flags)
    assert done.code == 0, done.err
    return done.out.encode()


def flags_of(message: str, remedy: str) -> list[str]:
    """Return the flag of a message that a remedy of the page names, as a shell reads it."""
    hints = "\n".join(message.splitlines()[1:])
    for flag in re.findall(r"--set-json '[^']+'|--set \S+|-n [a-z-]+", hints):
        if remedy in flag:
            name, _, value = flag.partition(" ")
            # A sentence ends after the flag.
            return [name, *shlex.split(value.removesuffix(".").removesuffix(".)"))]
    return []


def keys_of(remedy: str) -> dict:
    """Return the key of the profile that a remedy names."""
    if remedy == "spec.canaryRevisions":
        return {"canaryRevisions": ["red"]}
    found = yaml.safe_load(remedy) if remedy.startswith(("keepNames:", "renameNames:")) else {}
    return dict(found)


@pytest.mark.parametrize("row", [row for row in ROWS if row[0] not in NOT_APPLIED], ids=lambda row: row[0])
@pytest.mark.parametrize("dependency", [False, True], ids=["a chart", "a dependency"])
def test_a_remedy_helps(row, dependency, tmp_path):
    """As a chart of its own, and as a dependency of the chart of a company, where the paths of values differ."""
    what, said, remedy, _ = row
    template, values, namespace = CHARTS[what]
    chart = write(tmp_path / "istiod", "istiod", template, values)
    if dependency:
        company = write(tmp_path / "company", "company", "", {})
        (company / "values.yaml").write_text("")
        (company / "charts").mkdir()
        chart.rename(company / "charts" / "istiod")
        chart = company
    program = real_helm(3, tmp_path / "helm")
    mesh = profile("blue", "istio-blue", ("shop-blue",))
    refused = render(rendered(program, chart, namespace), mesh)
    assert refused.code == 2
    assert said.strip("`") in refused.err

    remedy = remedy.strip("`")
    flags, keys = flags_of(refused.err, remedy.removeprefix("--set ")), keys_of(remedy)
    assert flags or keys, refused.err
    accepted = render(
        rendered(program, chart, namespace, *flags),
        profile("blue", "istio-blue", ("shop-blue",), **keys),
        "--allow-empty",
    )

    assert said.strip("`") not in accepted.err
    assert accepted.code == 0, accepted.err


def test_every_remedy_is_applied_or_has_a_reason():
    assert {row[0] for row in ROWS} == CHARTS.keys() | NOT_APPLIED.keys()
    assert CHARTS.keys() & NOT_APPLIED.keys() == set()

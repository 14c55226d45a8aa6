"""docs/istio-versions.md has every rule, and every refusal with its message; each refusal is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import table
from program import ROOT, profile, render

from multimesh.rules import RULES

PAGE = (ROOT / "docs" / "istio-versions.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    return table(PAGE, heading)


def head(kind: str, name: str, group: str = "v1", namespace: str = "", labels: str = "") -> str:
    text = f"apiVersion: {group}\nkind: {kind}\nmetadata:\n  name: {name}\n"
    return text + (f"  namespace: {namespace}\n" if namespace else "") + (f"  labels: {{{labels}}}\n" if labels else "")


ADMISSION, RBAC = "admissionregistration.k8s.io/v1", "rbac.authorization.k8s.io/v1"
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"


def istiod(revision: str, namespace: str = "istio-blue", more: str = "") -> str:
    env = f"env: [{{name: REVISION, value: '{revision}'}}{more}]"
    return (
        head("Deployment", "istiod-blue", "apps/v1", namespace)
        + f"spec:\n  template:\n    spec:\n      containers:\n      - name: discovery\n        {env}\n"
    )


def injector(values: str, operator: str = "In") -> str:
    return (
        head(MUTATING, "istio-sidecar-injector-blue-istio-blue", ADMISSION, labels="istio.io/rev: blue")
        + "webhooks:\n- name: rev.namespace.sidecar-injector.istio.io\n  namespaceSelector:\n    matchExpressions:\n"
        + f"    - {{key: istio-injection, operator: {operator}, values: [{values}]}}\n"
    )


def config(name: str, key: str, text: str) -> str:
    return head("ConfigMap", name, namespace="istio-blue") + f"data:\n  {key}: '{text}'\n"


# Part of the message -> the smallest stream that is refused with it.
REFUSED = {
    "which means the default revision": istiod(""),
    'is "red" but mesh blue has the revision': istiod("red"),
    'metadata/labels/istio.io/rev is "red"': head(MUTATING, "a-blue", ADMISSION, labels="istio.io/rev: red"),
    "the default of the whole cluster": head(
        MUTATING, "istio-revision-tag-default", ADMISSION, labels="istio.io/rev: blue, istio.io/tag: default"
    ),
    'the revision tag "prod"': head(
        MUTATING, "istio-revision-tag-prod-istio-blue", ADMISSION, labels="istio.io/rev: blue, istio.io/tag: prod"
    ),
    "has no istio.io/rev": head("Deployment", "ingress", "apps/v1", "istio-blue")
    + "spec:\n  template:\n    metadata:\n      annotations: {inject.istio.io/templates: gateway}\n",
    "istio.io:istiod-ca:root-cert": istiod("blue", more=", {name: ENABLE_CLUSTER_TRUST_BUNDLE_API, value: 'true'}"),
    "which is not a namespace of mesh blue": head("Service", "a", namespace="istio-system"),
    'belongs in "istio-blue"': istiod("blue", namespace="shop-blue"),
    'but the control plane of mesh blue is in "istio-blue"': head("ClusterRoleBinding", "a-blue", RBAC)
    + "subjects:\n- {kind: ServiceAccount, name: istiod, namespace: istio-system}\n",
    'global.istioNamespace "istio-system"': config(
        "istio-sidecar-injector-blue", "values", '{"revision": "blue", "global": {"istioNamespace": "istio-system"}}'
    ),
    'has the root namespace "istio-blue"': config("istio-blue", "mesh", "rootNamespace: red"),
    "leave out the namespaces of mesh blue": config(
        "istio-blue", "mesh", "discoverySelectors: [{matchLabels: {multimesh.dev/mesh: red}}]"
    ),
    "also matches namespaces that another mesh injects": injector("disabled", "NotIn"),
    "in its namespaceSelector, which a stock mesh injects": injector("enabled").replace("rev.namespace.sidecar-", "a-"),
    "this stream has been rewritten for another mesh": injector("enabled-red"),
    'selects multimesh.dev/mesh="red"': head(VALIDATING, "a-blue", ADMISSION)
    + "webhooks:\n- name: validation.istio.io\n  namespaceSelector: {matchLabels: {multimesh.dev/mesh: red}}\n",
    "the chart istio-cni exists once in a cluster": head("ServiceAccount", "istio-cni", namespace="istio-blue"),
    "the chart ztunnel exists once in a cluster": head("ServiceAccount", "ztunnel", namespace="istio-blue"),
    "the chart istio-operator exists once in a cluster": head("Namespace", "istio-operator"),
    "an IstioOperator makes an operator or istioctl install a stock mesh": head(
        "IstioOperator", "a", "install.istio.io/v1alpha1", "istio-blue"
    ),
    "the chart istio-init exists once in a cluster": head("Job", "istio-init-crd-10", "batch/v1", "istio-blue"),
    "does not carry helm.sh/resource-policy: keep": head("CustomResourceDefinition", "a.b", "apiextensions.k8s.io/v1"),
    'multimesh does not know the cluster-scoped name "company-reader"': head("ClusterRole", "company-reader", RBAC),
    'multimesh does not know the kind "Widget"': head("Widget", "a", "example.com/v1"),
    "this is a chart of Istio 1.4 or older": head("Deployment", "istio-galley", "apps/v1", "istio-blue")
    + "spec:\n  template:\n    spec:\n      containers:\n      - name: galley\n"
    "        command: [galley, server, --validation-webhook-config-file, /etc/config/a.yaml]\n",
    "names /var/run/sds in an unknown way": config(
        "istio-sidecar-injector", "config", 'hostPath: {type: Directory, path: "/var/run" "/var/run/sds"}'
    ),
    '--webhookName="red-sidecar-injector.istio.io"': head(
        "Deployment", "istio-sidecar-injector", "apps/v1", "istio-blue"
    )
    + "spec:\n  template:\n    spec:\n      containers:\n      - name: sidecar-injector-webhook\n"
    "        args: [--webhookName=red-sidecar-injector.istio.io]\n",
}


@pytest.mark.parametrize("row", rows("What is refused"), ids=lambda row: row[0])
def test_a_refusal_of_the_manual_is_what_the_program_says(row):
    """Message, remedy and rule in the table are those of the program."""
    _, said, helps, rule = row
    stream = REFUSED[said.strip("`")]
    result = render(stream.encode(), profile("blue", "istio-blue", ("shop-blue",)))

    assert (result.code, result.out) == (2, b"")
    assert said.strip("`") in result.err.splitlines()[0]
    assert f"[{rule}]" in result.err.splitlines()[0]
    assert helps.strip("`") in "\n".join(result.err.splitlines()[1:])


def test_every_refusal_that_is_tried_has_its_row():
    """The table has no row that is not tested."""
    assert {row[1].strip("`") for row in rows("What is refused")} == set(REFUSED)


def test_every_rule_that_refuses_has_a_row():
    """A rule refuses with `resource.error`; refusals of a field of an unexpected type have one sentence in common."""
    refusing = {rule.ID for rule in RULES if "resource.error(" in Path(str(rule.__file__)).read_text(encoding="utf-8")}

    assert {row[3] for row in rows("What is refused")} == refusing


def test_every_rule_is_in_the_table_of_what_is_done():
    """Its id is that in messages and diffs, and is a link to its section."""
    linked = {rule for row in rows("What is done") for rule in re.findall(r"\(rules\.md#([a-z-]+)\)", row[3])}

    assert linked == {rule.ID for rule in RULES}

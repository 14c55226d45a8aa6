"""What several rules recognise: shared charts, webhook configurations of Istio 1.5, telemetry filters."""

from __future__ import annotations

import pytest
from program import profile

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import Resource, resources
from multimesh.mesh.profile import load
from multimesh.rules.recognise import (
    is_galley,
    is_injector,
    is_misplaced_filter,
    refuse_stock_labels,
    requirements,
    shared_chart,
)
from multimesh.yamltext.edits import Text

MESH = load(profile("affirmed", "istio-affirmed"), "profile.yaml")


def resource(kind: str, name: str, labels: str = "", rest: str = "") -> Resource:
    """Return an object with these labels, a flow mapping."""
    head = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, labels: {{{labels}}}, namespace: istio-system}}\n"
    (found,) = resources(Text(head + rest))
    return found


def pods(container: str, key: str = "containers") -> str:
    """Return the spec of a workload with two containers, of which this is the second."""
    return f"spec: {{template: {{spec: {{{key}: [{{name: first, args: [run]}}, {container}]}}}}}}\n"


# Shared charts.


@pytest.mark.parametrize("chart", ["istio-cni", "ztunnel", "istio-operator"])
@pytest.mark.parametrize(
    "kind",
    [
        "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment",
        "NetworkAttachmentDefinition", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "Service",
        "ServiceAccount",
    ],
)  # fmt: skip
def test_objects_that_are_named_after_a_shared_chart_belong_to_it(kind: str, chart: str) -> None:
    """The name is that of the chart, or continues with a dash; a longer word is another name."""
    assert shared_chart(resource(kind, chart)) == chart
    assert shared_chart(resource(kind, f"{chart}-config")) == chart
    assert shared_chart(resource(kind, f"{chart}x")) == ""
    assert shared_chart(resource(kind, f"my-{chart}")) == ""


@pytest.mark.parametrize("kind", ["Job", "Secret", "Gateway", "Namespace", "ValidatingWebhookConfiguration"])
def test_other_kinds_with_the_name_of_a_shared_chart_do_not_belong_to_it(kind: str) -> None:
    """The shared charts have no object of these kinds."""
    assert shared_chart(resource(kind, "istio-cni")) == ""


def test_istio_init_is_known_by_its_jobs_and_configmaps():
    """Its CRDs are in ConfigMaps, which Jobs apply."""
    assert shared_chart(resource("Job", "istio-init-crd-10-1.5.0")) == "istio-init"
    assert shared_chart(resource("ConfigMap", "istio-crd-10")) == "istio-init"
    assert shared_chart(resource("Job", "istio-crd-10")) == ""
    assert shared_chart(resource("ConfigMap", "istio-init-crd-10")) == ""
    assert shared_chart(resource("Job", "istio-init")) == ""
    assert shared_chart(resource("ConfigMap", "istio-crds")) == ""


@pytest.mark.parametrize(
    ("labels", "chart"),
    [
        ("k8s-app: istio-cni-node", "istio-cni"),
        ("k8s-app: istio-cni-repair", "istio-cni"),
        ("app: istio-cni", "istio-cni"),
        ("app.kubernetes.io/name: istio-cni", "istio-cni"),
        ("app: ztunnel", "ztunnel"),
        ("app.kubernetes.io/name: ztunnel", "ztunnel"),
        ("k8s-app: ztunnel", ""),
        ("k8s-app: istio-cni", ""),
        ("app: istio-operator", ""),
        ("app: istiod", ""),
        ("release: istio-cni", ""),
    ],
)
def test_labels_say_which_shared_chart_an_object_of_any_kind_belongs_to(labels: str, chart: str) -> None:
    """Users can choose names; the charts set these labels whatever the name is."""
    assert shared_chart(resource("Gateway", "anything", labels)) == chart


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment"])
@pytest.mark.parametrize(
    ("container", "chart"),
    [
        ("{name: install-cni}", "istio-cni"),
        ("{name: repair-cni}", "istio-cni"),
        ("{name: istio-proxy, args: [proxy, ztunnel]}", "ztunnel"),
        ("{name: ztunnel, args: [proxy]}", ""),
        ("{name: istio-proxy, args: [proxy, sidecar]}", ""),
        ("{name: cni}", ""),
    ],
)
def test_what_runs_in_the_pods_says_which_shared_chart_a_workload_belongs_to(
    kind: str, container: str, chart: str
) -> None:
    """The name of the DaemonSet can be chosen, its program cannot."""
    assert shared_chart(resource(kind, "anything", rest=pods(container))) == chart
    assert shared_chart(resource(kind, "anything", rest=pods(container, "initContainers"))) == chart


def test_the_pods_of_other_kinds_are_not_read():
    """No shared chart has them."""
    assert shared_chart(resource("StatefulSet", "anything", rest=pods("{name: install-cni}"))) == ""


# Webhook configurations of Istio 1.5.

INJECTORS = [("istio-sidecar-injector", True), ("istio-affirmed-sidecar-injector", True)]
GALLEYS = [("istio-galley", True), ("istio-affirmed-galley", True)]
OTHERS = [("istio-blue-galley", False), ("istio-blue-sidecar-injector", False), ("istiod-default-validator", False)]


@pytest.mark.parametrize(("name", "expected"), [*INJECTORS, *OTHERS, *[(name, False) for name, _ in GALLEYS]])
def test_the_injector_of_istio_1_5_is_known_by_its_name(name: str, expected: bool) -> None:
    """Stock or rewritten for this mesh, and only without the label of a revision."""
    assert is_injector(resource("MutatingWebhookConfiguration", name), MESH) is expected
    assert not is_injector(resource("MutatingWebhookConfiguration", name, "istio.io/rev: affirmed"), MESH)
    assert not is_injector(resource("ValidatingWebhookConfiguration", name), MESH)


@pytest.mark.parametrize(("name", "expected"), [*GALLEYS, *OTHERS, *[(name, False) for name, _ in INJECTORS]])
def test_the_validator_of_istio_1_5_is_known_by_its_name(name: str, expected: bool) -> None:
    """Stock or rewritten for this mesh, and only without the label of a revision."""
    assert is_galley(resource("ValidatingWebhookConfiguration", name), MESH) is expected
    assert not is_galley(resource("ValidatingWebhookConfiguration", name, "istio.io/rev: affirmed"), MESH)
    assert not is_galley(resource("MutatingWebhookConfiguration", name), MESH)


# Telemetry filters of Istio 1.6 to 1.8.


@pytest.mark.parametrize(
    "name",
    [
        "metadata-exchange-1.8",
        "tcp-metadata-exchange-1.8",
        "stats-filter-1.8",
        "tcp-stats-filter-1.8",
        "stackdriver-filter-1.8",
        "tcp-stackdriver-filter-1.8",
    ],
)
def test_telemetry_filters_are_known_by_name_and_namespace(name: str) -> None:
    """Only an EnvoyFilter in istio-system is misplaced."""
    assert is_misplaced_filter(resource("EnvoyFilter", name))
    assert not is_misplaced_filter(resource("Sidecar", name))
    assert not is_misplaced_filter(resource("EnvoyFilter", f"my-{name}"))
    (elsewhere,) = resources(Text(f"kind: EnvoyFilter\nmetadata: {{name: {name}, namespace: istio-affirmed}}\n"))
    assert not is_misplaced_filter(elsewhere)


# Selectors.

SELECTORS = (
    "hook: {namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d, e]}]}, "
    "objectSelector: {matchExpressions: [{key: f, operator: Exists}]}}\n"
)


def test_the_requirements_of_both_selectors_are_read():
    found = resource("Any", "a", rest=SELECTORS)
    assert requirements(found.get("hook"), "x") == [
        ("namespaceSelector", "a", "In", ["b"]),
        ("namespaceSelector", "c", "In", ["d", "e"]),
        ("objectSelector", "f", "Exists", []),
    ]


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ("{key: a, operator: Exists}", ""),
        ("{key: istio-injection, operator: NotIn, values: [enabled]}", ""),
        ("{key: istio-injection, operator: In, values: [enabled-affirmed]}", ""),
        ("{key: istio-injection, operator: In, values: [a, enabled]}", "which a stock mesh injects"),
        ("{key: istio-injection, operator: Exists}", "so it matches other meshes too"),
        ("{key: istio.io/rev, operator: In, values: [affirmed]}", ""),
        ("{key: istio.io/rev, operator: In, values: [affirmed, default]}", 'istio.io/rev="default"'),
    ],
)
def test_a_label_of_a_stock_mesh_is_refused_after_any_other_requirement(terms: str, what: str):
    other = "{key: istio.io/rev, operator: DoesNotExist}"
    for listed in (terms, f"{other}, {terms}", f"{{key: team, operator: Exists}}, {other}, {terms}, {other}"):
        found = resource("Any", "a", rest=f"hook: {{objectSelector: {{matchExpressions: [{listed}]}}}}\n")
        if what:
            with pytest.raises(MultimeshError) as raised:
                refuse_stock_labels(found, MESH, "hook", found.get("hook"))
            assert what in raised.value.what
        else:
            refuse_stock_labels(found, MESH, "hook", found.get("hook"))

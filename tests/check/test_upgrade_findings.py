"""The previous manifest against the new one: exact findings."""

from __future__ import annotations

import pytest
from finding_cases import crd, spaces, thing, webhook
from meshes import objects, said, spec

from multimesh.check.upgrade import upgrade

SPACE = "istio-affirmed"


def found(before, after, **more):
    profiles = [spec(**more)] if more else []
    return [one[1:3] for one in said(upgrade(objects(*before), objects(*after), profiles))]


def selecting(kind, label, namespace=SPACE):
    return thing(kind, "w", namespace, spec={"selector": {"matchLabels": {"app": label}} if label else None})


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"])
def test_a_selector_is_immutable(kind):
    assert found([selecting(kind, "a")], [selecting(kind, "b")]) == [
        ("error", f"{kind}/{SPACE}/w changes spec/selector")
    ]
    assert (
        found([selecting(kind, "a")], [selecting(kind, "a")])
        == found([selecting(kind, "a")], [selecting(kind, "")])
        == []
    )
    assert found([selecting(kind, "")], [selecting(kind, "b")]) == []
    [one] = upgrade(objects(selecting(kind, "a")), objects(selecting(kind, "b")), [])
    assert one.remedy == f"kubectl delete {kind.lower()} w -n {SPACE}, then upgrade."


@pytest.mark.parametrize(("kind", "namespace"), [("ClusterRoleBinding", ""), ("RoleBinding", SPACE)])
def test_the_role_of_a_binding_is_immutable(kind, namespace):
    one, two = (thing(kind, "b", namespace, roleRef={"name": name}) for name in ("a", "b"))
    title = "/".join(filter(None, (kind, namespace, "b")))
    assert found([one], [two]) == [("error", f"{title} changes roleRef")]
    [finding] = upgrade(objects(one), objects(two), [])
    assert finding.remedy == f"kubectl delete {kind.lower()} b{f' -n {namespace}' if namespace else ''}, then upgrade."


def test_other_kinds_and_empty_values_may_change():
    assert found([selecting("Service", "a")], [selecting("Service", "b")]) == []
    old = selecting("Deployment", "a")
    new = selecting("Deployment", "a")
    new["spec"]["selector"]["matchExpressions"] = []
    assert found([old], [new]) == []


def test_what_is_lost_is_named_with_its_successor():
    role = thing("ClusterRole", "kiali-x")
    assert found([role], [thing("ClusterRole", "other")]) == [("warning", "ClusterRole/kiali-x is removed")]
    assert found([role], [thing("ClusterRoleBinding", "kiali-x-2")]) == [("warning", "ClusterRole/kiali-x is removed")]
    assert found([role], [thing("ClusterRole", "kiali-x-2")]) == [("warning", "ClusterRole/kiali-x becomes kiali-x-2")]
    assert found([thing("ClusterRole", "a-c")], [thing("ClusterRole", "a-b-c")]) == [
        ("warning", "ClusterRole/a-c becomes a-b-c")
    ]
    assert found([thing("ClusterRole", "a-b-c")], [thing("ClusterRole", "a-c")]) == [
        ("warning", "ClusterRole/a-b-c becomes a-c")
    ]
    assert found([thing("ClusterRole", "a-c")], [thing("ClusterRole", "a-b-d")]) == [
        ("warning", "ClusterRole/a-c is removed")
    ]
    assert found([thing("ClusterRole", "c")], [thing("ClusterRole", "ca")]) == [("warning", "ClusterRole/c is removed")]
    assert found([thing("ConfigMap", "c", SPACE)], []) == []
    balancer = thing("Service", "s", SPACE, spec={"type": "LoadBalancer"})
    assert found([balancer], [thing("Service", "s-2", "x")]) == [("warning", f"Service/{SPACE}/s is removed")]
    assert found([thing("Service", "s", SPACE, spec={"type": "ClusterIP"})], []) == []


def test_a_crd_that_goes_is_deleted_unless_it_is_kept():
    lost = "CustomResourceDefinition/a.b is not in the new manifest, and has no helm.sh/resource-policy: keep"
    assert found([crd("a.b", "v1")], []) == [("error", lost)]
    assert found([crd("a.b", "v1", keep=True)], []) == found([crd("a.b", "v1")], [crd("a.b", "v1")]) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("argocd.argoproj.io/sync-options", None),
        ("argocd.argoproj.io/sync-options", "Prune=true"),
        ("kustomize.toolkit.fluxcd.io/prune", None),
        ("kustomize.toolkit.fluxcd.io/prune", "enabled"),
    ],
)
def test_a_crd_that_only_helm_spares_is_worth_a_warning(key: str, value: str | None) -> None:
    """Argo CD and Flux delete it when they prune."""
    spared = crd("a.b", "v1", keep=True)
    spared["metadata"]["annotations"][key] = value
    [(severity, message)] = found([spared], [])
    assert severity == "warning"
    assert message.endswith("Helm keeps it, and Argo CD and Flux delete it when they prune")
    spared["metadata"]["annotations"] |= {key: value, "argocd.argoproj.io/sync-options": "Replace=true, Prune=false"}
    spared["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] = "disabled"
    assert found([spared], []) == []


def test_stock_names_come_back_or_were_there():
    stock, own = thing("ClusterRole", "kiali"), thing("ClusterRole", "kiali-affirmed")
    assert found([own], [stock]) == [
        ("warning", "ClusterRole/kiali-affirmed becomes kiali"),
        ("error", "ClusterRole/kiali gets its stock name back"),
    ]
    assert found([stock], [own]) == [
        ("warning", "ClusterRole/kiali becomes kiali-affirmed"),
        ("warning", "ClusterRole/kiali has its stock name in the previous manifest"),
    ]
    assert found([stock], [stock]) == []
    assert found([stock], [own], clusterRoles="keep") == [("warning", "ClusterRole/kiali becomes kiali-affirmed")]
    assert found([stock], [own], keepNames=["ClusterRole/kiali"]) == [
        ("warning", "ClusterRole/kiali becomes kiali-affirmed")
    ]


def test_selectors_of_the_rewrite_must_stay():
    ours, mesh = spaces("istio-injection", "In", "enabled-affirmed"), spaces("multimesh.dev/mesh", "In", "affirmed")
    title = "MutatingWebhookConfiguration/istio-mutating-affirmed no longer selects"
    by_label = {"namespaceSelector": {"matchLabels": {"istio-injection": "enabled-affirmed"}}}
    for selector, label in (
        (ours, "istio-injection=enabled-affirmed"),
        (by_label, "istio-injection=enabled-affirmed"),
        (mesh, "multimesh.dev/mesh=affirmed"),
    ):
        assert found([webhook("affirmed", selector)], [webhook("affirmed", {})]) == [("error", f"{title} {label}")]
        assert found([webhook("affirmed", selector)], [webhook("affirmed", selector)]) == []
    for selector in (
        spaces("istio-injection", "In", "enabled"),
        spaces("a", "In", "enabled-affirmed"),
        spaces("multimesh.dev/mesh", "NotIn", "x"),
    ):
        assert found([webhook("affirmed", selector)], [webhook("affirmed", {})]) == []

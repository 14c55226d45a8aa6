"""The oracle, compared with facts about the stock streams before any rewrite."""

from __future__ import annotations

import oracle
import pytest
from streams import Stream, over, streams

HELMS = ("helm3", "helm4")
CHARTS = ("istio-default", "istio-demo", "istio-everything")
BOTH = streams(version="1.5.0", mesh="affirmed")
CONTROL_PLANES = streams(version="1.5.0", mesh="affirmed", charts=CHARTS)

DEFAULT_NAMES = {
    ("ClusterRole", "istio-reader"),
    ("ClusterRoleBinding", "istio-multi"),
    ("ClusterRoleBinding", "istio-reader"),
    ("MutatingWebhookConfiguration", "istio-sidecar-injector"),
    ("ValidatingWebhookConfiguration", "istio-galley"),
}
DEMO_NAMES = DEFAULT_NAMES | {("ClusterRole", "kiali"), ("ClusterRole", "kiali-viewer")}
EVERYTHING_NAMES = DEMO_NAMES | {
    ("ClusterRole", "certmanager"),
    ("ClusterRole", "istiocoredns"),
    ("ClusterRoleBinding", "certmanager"),
    ("ClusterIssuer", "letsencrypt"),
    ("ClusterIssuer", "letsencrypt-staging"),
}
STOCK_PORTS = {("nodePort", f"{port}/TCP") for port in (31380, 31390, 31400)}
GALLEY_OVERLAPS = {
    ("ValidatingWebhookConfiguration", f"{entry}.validation.istio.io", f"{entry}.validation.istio.io")
    for entry in ("pilot", "mixer")
}
EXPECTED = {
    "istio-default": {"C1": DEFAULT_NAMES, "C7": STOCK_PORTS, "C8": set()},
    "istio-demo": {"C1": DEMO_NAMES, "C7": STOCK_PORTS, "C8": set()},
    "istio-everything": {
        "C1": EVERYTHING_NAMES,
        "C7": STOCK_PORTS,
        "C8": {("hostPath", "/var/run/sds")},
    },
    "istio-init": {"C1": set(), "C7": set(), "C8": set()},
}


def classes(found: set[tuple], *wanted: str) -> dict[str, set[tuple]]:
    """Sort collisions by class."""
    return {wish: {finding[1:] for finding in found if finding[0] == wish} for wish in wanted}


def pair(stream: Stream) -> tuple[list, list]:
    """Load the stream of one mesh and that of the other mesh."""
    sister = stream._replace(mesh="blue")
    return oracle.load(stream.text), oracle.load(sister.text)


@over("stream", BOTH)
def test_stock_meshes_share_exactly_the_known_names_ports_and_directories(stream):
    """Section 8 of the reference lists what affirmed and blue have in common before any rewrite."""
    found = classes(oracle.collisions(*pair(stream)), "C1", "C7", "C8")

    assert EXPECTED[stream.chart] == found


@over("stream", CONTROL_PLANES)
def test_stock_meshes_overlap_in_injection_and_in_validation(stream):
    """There are one overlap of injectors, two of galleys, two Citadels that serve everything, and one MeshPolicy."""
    found = classes(oracle.collisions(*pair(stream)), "C2", "C4", "C5", "C10")

    injector = ("MutatingWebhookConfiguration", *["sidecar-injector.istio.io"] * 2)
    assert {
        "C2": {("MeshPolicy", "default"), ("ValidatingWebhookConfiguration", "istio-galley")},
        "C4": set(),
        "C5": {injector, *GALLEY_OVERLAPS},
        "C10": {("Citadel", oracle.EVERYWHERE)},
    } == found


@over("stream", BOTH)
def test_no_reference_of_a_stock_stream_leads_nowhere(stream):
    """D1 to D12 find nothing in the stock chart."""
    assert set() == oracle.dangling(oracle.load(stream.text))


@over("helm,chart", [(s.helm, s.chart) for s in CONTROL_PLANES])
def test_helm_3_and_helm_4_send_the_same_objects_but_for_hooks(helm, chart):
    """Hooks are Jobs, and only Helm 4 sends them."""
    sent = {h: {oracle.key(o) for o in oracle.load(Stream(h, "1.5.0", "affirmed", chart).text)} for h in HELMS}

    assert sent["helm3"] <= sent["helm4"]
    assert {"Job"} == {k.kind for k in sent["helm4"] - sent["helm3"]}


@over("stream", [s for s in CONTROL_PLANES if s.chart == "istio-demo"])
def test_the_recipe_of_the_article_leaves_the_known_collisions(stream):
    """Section 8 of the reference: MeshPolicy, two galley overlaps, three node ports, kube-system, and two warnings."""
    meshes = []
    for objs, mesh in zip(pair(stream), ("affirmed", "blue")):
        changes = oracle.plan(
            objs, mesh, f"istio-{mesh}", (f"istio-{mesh}-workspace",), citadel={"alsoListen": ["kube-system"]}
        )
        meshes.append(oracle.apply(objs, [c for c in changes if c.rule in oracle.ARTICLE]))
    found = oracle.collisions(*meshes)

    assert {
        ("C2", "MeshPolicy", "default"),
        *(
            ("C5", "ValidatingWebhookConfiguration", *(f"{m}-{e}.validation.istio.io" for m in ("affirmed", "blue")))
            for e in ("pilot", "mixer")
        ),
        *(("C7", *port) for port in STOCK_PORTS),
        ("C10", "Citadel", "kube-system"),
        ("C13", "trust domain", "cluster.local"),
        ("C14", "gateway label", "ingressgateway"),
        ("C14", "gateway label", "egressgateway"),
    } == found


@over("stream", CONTROL_PLANES)
def test_the_planned_rewrite_leaves_no_collision_and_no_dangling_reference(stream):
    """The tables of the oracle, applied to values only, are complete."""
    a, b = (
        oracle.apply(objs, oracle.plan(objs, mesh, f"istio-{mesh}", (f"nginx-{mesh}",)))
        for objs, mesh in zip(pair(stream), ("affirmed", "blue"))
    )

    assert set() == oracle.errors(oracle.collisions(a, b))
    assert set() == oracle.dangling(a) | oracle.dangling(b)


# Selectors of two webhooks, and whether one namespace can be selected by both.
SELECTORS = {
    "the same label with two values": (
        {"matchLabels": {"istio-injection": "enabled-affirmed"}},
        {"matchLabels": {"istio-injection": "enabled-blue"}},
        False,
    ),
    "two labels, which one namespace may both carry": (
        {"matchLabels": {"istio-injection": "enabled"}},
        {"matchLabels": {"istio.io/rev": "blue"}},
        True,
    ),
    "a label, and everything": ({"matchLabels": {"istio-injection": "enabled"}}, None, True),
    "a value, and everything but another value": (
        {"matchLabels": {"istio-injection": "enabled-blue"}},
        {"matchExpressions": [{"key": "istio-injection", "operator": "NotIn", "values": ["disabled"]}]},
        True,
    ),
    "a value, and everything but that value": (
        {"matchLabels": {"istio-injection": "disabled"}},
        {"matchExpressions": [{"key": "istio-injection", "operator": "NotIn", "values": ["disabled"]}]},
        False,
    ),
    "present, and absent": (
        {"matchExpressions": [{"key": "istio.io/rev", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "istio.io/rev", "operator": "DoesNotExist"}]},
        False,
    ),
    "two lists with one value in common": (
        {"matchExpressions": [{"key": "istio.io/rev", "operator": "In", "values": ["a", "b"]}]},
        {"matchExpressions": [{"key": "istio.io/rev", "operator": "In", "values": ["b", "c"]}]},
        True,
    ),
}


@pytest.mark.parametrize(("a", "b", "expected"), SELECTORS.values(), ids=SELECTORS)
def test_an_overlap_is_found_by_trying_every_label(a, b, expected):
    """Two webhooks overlap if some namespace is selected by both."""
    rules = [{"operations": ["CREATE"], "apiGroups": [""], "resources": ["pods"]}]
    first, second = ({"name": "x", "rules": rules, "namespaceSelector": s} for s in (a, b))

    assert expected == oracle.overlap(first, second)
    assert expected == oracle.overlap(second, first)


def test_a_number_is_not_the_string_of_its_digits():
    """A value that must be quoted differs from one that must not, although their text is the same."""
    quoted, bare = oracle.documents('a: "31380"\n---\na: 31380\n')

    assert {("a",): ("31380", oracle.Bare("31380"))} == oracle.differences(quoted, bare)


def test_a_list_is_flattened_however_deep():
    """A List inside a List is read like any other."""
    text = """
kind: List
items:
- kind: List
  items: [{kind: A, apiVersion: v1, metadata: {name: a}}]
- {kind: B, apiVersion: v1, metadata: {name: b}}
"""
    assert [str(oracle.key(obj)) for obj in oracle.load(text)] == ["A/a", "B/b"]

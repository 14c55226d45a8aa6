"""From one version of Istio to the next, a name of a mesh changes only if the chart itself renames the object.

Helm deletes what a release no longer renders, so a changed name would cause an outage.
"""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import oracle
import pytest
from program import profile, render
from streams import ROOT, Stream, over, streams

VERSIONS = ("1.9.9", "1.16.7", "1.24.6", "1.30.3")
CHARTS = ("base", "istiod", "gateway", "cni", "ztunnel")
NAMESPACES = {"affirmed": "istio-affirmed", "blue": "istio-blue"}
STEPS = [
    (helm, mesh, old, new)
    for helm in ("helm3", "helm4")
    for mesh in NAMESPACES
    for old, new in itertools.pairwise(VERSIONS)
    if streams(version=old)
]

# What the charts base and istiod add and remove, in the names of the mesh, without CRDs. docs/upgrades.md says the same.
MOVES = {
    ("1.9.9", "1.16.7"): (
        {"ValidatingWebhookConfiguration/istiod-NS"},
        {
            "ValidatingWebhookConfiguration/istiod-default-validator-M",
            "ClusterRole/istiod-clusterrole-M-NS",
            "ClusterRole/istio-reader-clusterrole-M-NS",
            "ClusterRole/istiod-gateway-controller-M-NS",
            "ClusterRoleBinding/istiod-clusterrole-M-NS",
            "ClusterRoleBinding/istio-reader-clusterrole-M-NS",
            "ClusterRoleBinding/istiod-gateway-controller-M-NS",
        },
    ),
    ("1.16.7", "1.24.6"): (
        {
            "ClusterRole/istiod-NS",
            "ClusterRole/istio-reader-NS",
            "ClusterRoleBinding/istiod-NS",
            "ClusterRoleBinding/istio-reader-NS",
        },
        {"ValidatingWebhookConfiguration/istio-validator-M-NS"},
    ),
    ("1.24.6", "1.30.3"): (set(), set()),
}


@cache
def names(source: Stream) -> dict[oracle.Key, oracle.Object]:
    """Map the stock name of each object to the object in this mesh, which owns the shared resources."""
    result = render(source.text.encode(), profile(source.mesh, NAMESPACES[source.mesh], sharedResources="own"))
    assert (result.code, result.err) == (0, "")
    before, after = oracle.load(source.text), oracle.load(result.out)
    assert len(before) == len(after)
    return {oracle.key(old): new for old, new in zip(before, after)}


def of(helm: str, version: str, mesh: str, *charts: str) -> dict[oracle.Key, oracle.Object]:
    """Join the charts that exist for this Helm, version and mesh."""
    found: dict[oracle.Key, oracle.Object] = {}
    for chart in charts:
        source = Stream(helm, version, mesh, chart)
        if source.path.exists():
            found |= names(source)
    return found


@over("helm,mesh,old,new", STEPS)
def test_what_the_chart_calls_the_same_the_mesh_calls_the_same(helm, mesh, old, new):
    """It concerns names, namespaces, and the names of webhook entries; only the chart itself adds and removes objects."""
    before, after = of(helm, old, mesh, *CHARTS), of(helm, new, mesh, *CHARTS)
    shared = before.keys() & after.keys()

    assert len(shared) > 10
    for key in shared:
        assert oracle.key(before[key]) == oracle.key(after[key])


@over("helm,mesh,old,new", STEPS)
def test_names_move_where_the_chart_moved_an_object_and_nowhere_else(helm, mesh, old, new):
    """Each cluster-scoped name is listed."""
    before, after = ({_plain(o, mesh) for o in of(helm, v, mesh, "base", "istiod").values()} for v in (old, new))
    lost, made = MOVES[old, new]

    assert (before - after - {""}, after - before - {""}) == (lost, made)


def _plain(obj: oracle.Object, mesh: str) -> str:
    """Return a cluster-scoped object with M and NS in its name; an empty text for any other object."""
    key = oracle.key(obj)
    if key.namespace or key.kind == "CustomResourceDefinition":
        return ""
    return f"{key.kind}/{key.name}".replace(NAMESPACES[mesh], "NS").replace(f"-{mesh}", "-M")


@over("helm,mesh,old,new", STEPS)
def test_fields_that_cannot_be_changed_are_those_of_the_chart(helm, mesh, old, new):
    """They are selectors of workloads and roles of bindings: an upgrade that changes them fails."""
    for version in (old, new):
        for chart in CHARTS:
            source = Stream(helm, version, mesh, chart)
            if not source.path.exists():
                continue
            stock = {oracle.key(o): o for o in oracle.load(source.text)}
            for key, obj in names(source).items():
                assert obj.get("roleRef") == stock[key].get("roleRef")
                if key.kind in oracle.WORKLOADS:
                    assert obj["spec"].get("selector") == stock[key]["spec"].get("selector")


VALIDATOR = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istiod-default-validator
  labels:
    istio.io/rev: {revision}
webhooks:
- name: validation.istio.io
  clientConfig: {{service: {{name: {service}, namespace: istio-affirmed, path: /validate}}}}
  failurePolicy: Ignore
"""


@pytest.mark.parametrize(("revision", "service"), [("default", "istiod"), ("affirmed", "istiod-affirmed")])
def test_the_default_validator_is_the_same_whatever_the_values_say(revision, service):
    """`defaultRevision` may be set at any time: the object keeps its name, and serves the mesh before and after."""
    result = render(
        VALIDATOR.format(revision=revision, service=service).encode(), profile("affirmed", "istio-affirmed")
    )
    obj = oracle.load(result.out)[0]

    assert (obj["metadata"]["name"], obj["metadata"]["labels"]) == (
        "istiod-default-validator-affirmed",
        {"istio.io/rev": "affirmed"},
    )
    assert obj["webhooks"][0]["clientConfig"]["service"]["name"] == "istiod-affirmed"


def test_promoting_a_canary_moves_the_default_validator_without_renaming_it():
    """The name contains the mesh; the label and the service contain the current revision of the profile."""
    promoted = profile(
        "affirmed", "istio-affirmed", revision="affirmed-1-30", canaryRevisions=["affirmed"], sharedResources="own"
    )
    obj = oracle.load(render(VALIDATOR.format(revision="default", service="istiod").encode(), promoted).out)[0]

    assert (obj["metadata"]["name"], obj["metadata"]["labels"]) == (
        "istiod-default-validator-affirmed",
        {"istio.io/rev": "affirmed-1-30"},
    )
    assert obj["webhooks"][0]["clientConfig"]["service"]["name"] == "istiod-affirmed-1-30"


@pytest.mark.parametrize("step", MOVES, ids="-".join)
def test_the_manual_names_what_moves(step):
    """docs/upgrades.md has every name that a version adds or removes."""
    text = Path(ROOT, "docs", "upgrades.md").read_text(encoding="utf-8")

    assert [name for moved in MOVES[step] for name in moved if name.partition("/")[2] not in text] == []


INJECTOR = """\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector
  labels: {app: sidecarInjectorWebhook, chart: sidecarInjectorWebhook, heritage: Helm, release: istio}
webhooks:
- name: sidecar-injector.istio.io
  clientConfig:
    service: {name: istio-sidecar-injector, namespace: istio-affirmed, path: /inject}
    caBundle: ""
  failurePolicy: Fail
  namespaceSelector: {matchLabels: {istio-injection: enabled}}
"""


@pytest.mark.parametrize(("flags", "sent"), [((), True), (("--upgrade",), False)], ids=["install", "upgrade"])
def test_the_empty_bundle_of_1_5_is_left_out_of_an_upgrade_alone(flags, sent):
    """On an upgrade the control plane owns the field, and Helm 4 refuses to apply an empty one."""
    result = render(INJECTOR.encode(), profile("affirmed", "istio-affirmed"), *flags)

    assert result.err == ""
    assert ("caBundle" in oracle.load(result.out)[0]["webhooks"][0]["clientConfig"]) == sent

"""`check --profile X` with a cluster: what the profile claims, and who has it or reaches it already."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from finding_cases import citadel, config, crd, istiod, live, service, spaces, thing, webhook, workload
from program import profile

from multimesh.cli import main

STOCK = "istio-system"
OUTSIDE = "discoverySelectors: [{matchExpressions: [{key: multimesh.dev/mesh, operator: DoesNotExist}]}]"
OWN = "{trustDomain: a, discoverySelectors: [{matchLabels: {multimesh.dev/mesh: affirmed}}]}"


def stock(**more: str) -> list[dict]:
    """Return the control plane of a stock mesh that reads only its own namespaces."""
    plane = istiod("system", "default", **more)
    plane["metadata"]["name"] = "istiod"
    return [plane, mesh_config(OUTSIDE)]


def mesh_config(text: str) -> dict:
    return thing("ConfigMap", "istio", STOCK, labels={"release": "istiod"}, data={"mesh": text})


def released(item: dict, namespace: str, name: str = "") -> dict:
    notes = {"meta.helm.sh/release-namespace": namespace} | ({"meta.helm.sh/release-name": name} if name else {})
    item["metadata"]["annotations"] = notes
    return item


def found(capsysbinary, directory: Path, *objects: dict, ours: list | None = None, **spec: object) -> list[tuple]:
    """Run the command: id, severity, message and number of sides of each finding, without those about missing kinds."""
    (directory / "cluster.json").write_text(live(*copy.deepcopy([*objects, thing("Namespace", "default")])))
    (directory / "profile.yaml").write_text(profile("affirmed", "istio-affirmed", ("nginx-affirmed",), **spec))
    given = [directory / "cluster.json", f"--profile={directory / 'profile.yaml'}"]
    if ours:
        (directory / "ours.yaml").write_text(yaml.safe_dump_all(ours))
        given.append(directory / "ours.yaml")
    main(["check", *map(str, given), "-o", "json"])
    said = capsysbinary.readouterr()
    assert said.err == b""
    listed = [(item["id"], item["severity"], item["message"]) for item in json.loads(said.out)["findings"]]
    return [item for item in listed if item[:2] != ("unreadable", "info")]


@pytest.fixture
def against(capsysbinary, tmp_path):
    return lambda *objects, **more: found(capsysbinary, tmp_path, *objects, **more)


OWNS = {"sharedResources": "own"}
SYSTEM = istiod("system", "default")
CNI = workload("istio-cni-node", "kube-system", {"name": "install-cni"}, "DaemonSet")
ZTUNNEL = workload("ztunnel", STOCK, {"name": "istio-proxy", "args": ["proxy", "ztunnel"]}, "DaemonSet")


def of_revision(item: dict, revision: str) -> dict:
    item = copy.deepcopy(item)
    item["metadata"]["labels"] = {"istio.io/rev": revision}
    return item


def tagged(tag: str) -> dict:
    item = webhook("system", spaces("istio.io/rev", "In", tag), name=f"istio-revision-tag-{tag}")
    item["metadata"]["labels"] = {"istio.io/rev": "default", "istio.io/tag": tag}
    return item


def elsewhere(revision: str) -> dict:
    item = webhook("gone", spaces("istio.io/rev", "In", revision))
    item["metadata"]["labels"] = {"istio.io/rev": revision}
    return item


HELD = {
    "the revision": (
        [istiod("other", "affirmed"), config("other", OUTSIDE)], {},
        [("shared-revision", "error", 'the revision "affirmed" of the profile of mesh affirmed is served by Deployment/istio-other/istiod-other already')],
    ),
    "the revision of a canary": (
        [istiod("other", "next"), config("other", OUTSIDE)], {"canaryRevisions": ["next"]},
        [("shared-revision", "error", 'the revision "next" of the profile of mesh affirmed is served by Deployment/istio-other/istiod-other already')],
    ),
    "the revision, as a tag": (
        [*stock(), tagged("affirmed")], {},
        [("shared-revision", "error", 'the revision "affirmed" of the profile of mesh affirmed is a tag of MutatingWebhookConfiguration/istio-revision-tag-affirmed already')],
    ),
    "the revision, by an injector that was left": (
        [elsewhere("affirmed")], {},
        [("shared-revision", "error", 'the revision "affirmed" of the profile of mesh affirmed is served by MutatingWebhookConfiguration/istio-mutating-gone already')],
    ),
    "CRDs": (
        [*stock(), *(released(crd(f"{name}.networking.istio.io", "v1"), STOCK, "istio-base") for name in ("gateways", "sidecars"))], OWNS,
        [("two-owners", "error", 'the Helm release istio-base in "istio-system" has 2 CRDs of Istio, and the profile of mesh affirmed owns what is shared')],
    ),
    "CRDs of nobody": (
        [crd("gateways.networking.istio.io", "v1")], OWNS,
        [("two-owners", "warning", "the cluster has CustomResourceDefinition/gateways.networking.istio.io of Istio, and the profile of mesh affirmed owns what is shared")],
    ),
    "istio-cni of another mesh": (
        [*stock(), of_revision(CNI, "default")], OWNS,
        [("two-owners", "error", "mesh istio-system has istio-cni, and the profile of mesh affirmed owns what is shared")],
    ),
    "istio-cni of another release": (
        [released(copy.deepcopy(CNI), "kube-system", "istio-cni")], OWNS,
        [("two-owners", "error", 'the Helm release istio-cni in "kube-system" has istio-cni, and the profile of mesh affirmed owns what is shared')],
    ),
    "istio-cni of nobody": (
        [CNI], OWNS,
        [("two-owners", "warning", "the cluster has istio-cni, and the profile of mesh affirmed owns what is shared")],
    ),
    "ztunnel": (
        [*stock(), ZTUNNEL], OWNS,
        [("two-owners", "error", "mesh istio-system has ztunnel, and the profile of mesh affirmed owns what is shared")],
    ),
    "a name of another release": (
        [released(thing("ClusterRole", "kiali-affirmed"), "monitoring", "kiali")], {},
        [("cluster-scoped-name", "error", 'the Helm release kiali in "monitoring" has ClusterRole/kiali-affirmed, and the profile of mesh affirmed makes that name')],
    ),
    "a name that charts build": (
        [released(thing("ClusterRole", "istiod-clusterrole-affirmed-istio-affirmed"), "elsewhere")], {},
        [("cluster-scoped-name", "error", 'a Helm release in "elsewhere" has ClusterRole/istiod-clusterrole-affirmed-istio-affirmed, and the profile of mesh affirmed makes that name')],
    ),
    "a name that is kept": (
        [released(thing("ClusterRole", "prometheus"), "monitoring", "prom")], {"keepNames": ["ClusterRole/prometheus"]},
        [("cluster-scoped-name", "warning", 'the Helm release prom in "monitoring" has ClusterRole/prometheus, and the profile of mesh affirmed makes that name')],
    ),
    "a node port": (
        [service("web", "web", {"port": 80, "nodePort": 32380})], {"nodePorts": {"http2": 32380}},
        [("node-port", "error", "Service/istio-web/web has node port 32380, which the profile of mesh affirmed asks for")],
    ),
    "a namespace": (
        [istiod("x", "x"), config("x", OUTSIDE)], {"workloadNamespaces": ["istio-x"]},
        [("namespace-claimed-twice", "error", 'Deployment/istio-x/istiod-x runs in "istio-x", which the profile of mesh affirmed lists')],
    ),
    "a validator of everything": (
        [*stock(), webhook("system", {}, "Validating")], {},
        [("validation-overlap", "error", '"validation.istio.io" of mesh istio-system validates Istio resources in "istio-affirmed", "nginx-affirmed" of mesh affirmed')],
    ),
    "a validator of the revision": (
        [*stock(), webhook("system", {"objectSelector": {"matchLabels": {"istio.io/rev": "affirmed"}}}, "Validating")], {},
        [("validation-overlap", "error", '"validation.istio.io" of mesh istio-system validates Istio resources in "istio-affirmed", "nginx-affirmed" of mesh affirmed')],
    ),
    "a control plane without selectors": (
        [SYSTEM, mesh_config("trustDomain: x.local")], {},
        [("no-discovery-selector", "error", 'the control plane of mesh istio-system has no discoverySelectors, so it reaches "istio-affirmed", "nginx-affirmed" of mesh affirmed')],
    ),
    "a control plane with selectors that match": (
        [SYSTEM, mesh_config("discoverySelectors: [{matchLabels: {a: b}}, {matchLabels: {team: web}}]"), thing("Namespace", "nginx-affirmed", labels={"team": "web"})], {},
        [("no-discovery-selector", "error", 'the control plane of mesh istio-system has discoverySelectors that match "nginx-affirmed" of mesh affirmed')],
    ),
    "a control plane that cannot have selectors": (
        [istiod("system", "default", image="istio/pilot:1.9.9"), mesh_config("trustDomain: x.local")], {},
        [("no-discovery-selector", "warning", 'the control plane of mesh istio-system has no discoverySelectors, so it reaches "istio-affirmed", "nginx-affirmed" of mesh affirmed')],
    ),
    "a Citadel of everything": (
        [citadel("system")], {},
        [("citadel-scope", "warning", 'the Citadel of mesh istio-system serves "istio-affirmed", "nginx-affirmed" of mesh affirmed')],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_a_claim_that_somebody_holds_is_found(against, case):
    """A profile is enough: nothing is installed yet."""
    objects, spec, expected = HELD[case]
    assert [(name, level, message) for name, level, message in against(*objects, **spec)] == expected


FREE = {
    "a stock mesh that keeps to itself": (stock(), OWNS),
    "what a mesh leaves to its owner": ([*stock(), released(crd("gateways.networking.istio.io", "v1"), STOCK), CNI, ZTUNNEL], {}),
    "CRDs of others": ([crd("gateways.gateway.networking.k8s.io", "v1")], OWNS),
    "its own CRDs": ([released(crd("gateways.networking.istio.io", "v1"), "istio-affirmed", "istio-base")], OWNS),
    "its own istio-cni": ([istiod("affirmed", image=""), config("affirmed", OUTSIDE), of_revision(CNI, "affirmed")], OWNS),
    "CRDs without a release beside its own control plane": (
        [istiod("affirmed", image=""), config("affirmed", OUTSIDE), crd("gateways.networking.istio.io", "v1")], OWNS),
    "its own injector": ([istiod("affirmed"), config("affirmed", OUTSIDE), webhook("affirmed", spaces("istio-injection", "In", "enabled-affirmed"))], {}),
    "another tag": ([*stock(), tagged("prod")], {}),
    "the stock name of what is renamed": ([released(thing("ClusterRole", "kiali"), "monitoring")], {}),
    "a validator of its own revision": (
        [*stock(), webhook("system", {"objectSelector": {"matchLabels": {"istio.io/rev": "default"}}}, "Validating")], {}),
    "a validator of other namespaces": ([*stock(), webhook("system", spaces("multimesh.dev/mesh", "DoesNotExist"), "Validating")], {}),
    "a validator of other software": (
        [{**webhook("system", {}, "Validating", entry="check.example.org"), "webhooks": [{"name": "check.example.org", "rules": []}]}], {}),
    "a Citadel of some namespaces": ([citadel("system", "default")], {}),
    "a pilot of 1.5": ([workload("istio-pilot", STOCK, {"name": "discovery"}), mesh_config("trustDomain: x.local")], {}),
    "another node port": ([service("web", "web", {"port": 80, "nodePort": 32381})], {"nodePorts": {"http2": 32380}}),
    "the same node port for UDP": ([service("web", "web", {"port": 80, "nodePort": 32380, "protocol": "UDP"})], {"nodePorts": {"http2": 32380}}),
}  # fmt: skip


@pytest.mark.parametrize("case", FREE)
def test_a_claim_that_nobody_holds_is_silent(against, case):
    objects, spec = FREE[case]
    assert against(*objects, **spec) == []


def test_a_control_plane_without_selectors_is_found_with_manifests_too(against):
    """It is found too if only the cluster is checked."""
    reaches = [SYSTEM, mesh_config("trustDomain: x.local")]
    ours = [istiod("affirmed", image=""), config("affirmed", OUTSIDE)]
    assert [item[:2] for item in against(*reaches, ours=ours)] == [("no-discovery-selector", "error")]


def test_a_live_mesh_reaches_another_where_only_the_cluster_is_checked(capsysbinary, tmp_path):
    reaches = [
        SYSTEM,
        mesh_config("trustDomain: x.local"),
        istiod("affirmed"),
        config("affirmed", OWN),
    ]
    (tmp_path / "cluster.json").write_text(live(*copy.deepcopy(reaches)))
    main(["check", str(tmp_path / "cluster.json"), "-o", "json"])
    listed = json.loads(capsysbinary.readouterr().out)["findings"]
    assert [item["message"] for item in listed if item["id"] == "no-discovery-selector"] == [
        'the control plane of mesh istio-system has no discoverySelectors, so it reaches "istio-affirmed" of mesh affirmed'
    ]


def test_what_the_manifests_claim_is_said_once(against):
    """The comparison of manifests reports it already."""
    role = released(thing("ClusterRole", "kiali-affirmed"), "monitoring")
    ours = [istiod("affirmed", image=""), config("affirmed", OUTSIDE), thing("ClusterRole", "kiali-affirmed")]
    assert [item[2] for item in against(role, ours=ours)] == [
        "the cluster and mesh affirmed both have ClusterRole/kiali-affirmed"
    ]


def test_a_mesh_configuration_that_was_not_seen_leaves_a_question_open(capsysbinary, tmp_path):
    other = thing("ConfigMap", "x", STOCK, labels={"release": "x"})
    (tmp_path / "cluster.json").write_text(live(copy.deepcopy(SYSTEM), other))
    main(["check", str(tmp_path / "cluster.json"), "-o", "json"])
    listed = json.loads(capsysbinary.readouterr().out)["findings"]
    assert "no mesh configuration of mesh istio-system was seen, so nothing is said about what it discovers" in [
        item["message"] for item in listed
    ]


def test_every_finding_has_a_remedy_for_a_cluster(capsysbinary, tmp_path):
    """The remedies of the catalogue are for two profiles that can still be changed."""
    for case, what in (("CRDs", "explain two-owners"), ("CRDs of nobody", "--take-ownership"), ("the revision", "spec.revision"),
                       ("a validator of everything", "explain validation-overlap"), ("a control plane without selectors", "DoesNotExist"),
                       ("a control plane that cannot have selectors", "upgrade")):  # fmt: skip
        objects, spec, _ = HELD[case]
        (tmp_path / "cluster.json").write_text(live(*copy.deepcopy(list(objects))))
        (tmp_path / "profile.yaml").write_text(profile("affirmed", "istio-affirmed", ("nginx-affirmed",), **spec))
        main(["check", str(tmp_path / "cluster.json"), f"--profile={tmp_path / 'profile.yaml'}", "-o", "json"])
        said = json.loads(capsysbinary.readouterr().out)["findings"][0]
        assert what in said["remedy"], case


def test_crds_of_a_release_are_found_after_crds_of_nobody(against):
    """Those of nobody may be of the control plane that is checked."""
    crds = [crd(f"{name}.networking.istio.io", "v1") for name in ("gateways", "sidecars")]
    ours = [istiod("affirmed", image=""), config("affirmed", OUTSIDE)]
    found = against(crds[0], released(crds[1], STOCK, "istio-base"), ours=ours, **OWNS)
    [message] = [message for name, _, message in found if name == "two-owners"]
    assert message.startswith(
        'the Helm release istio-base in "istio-system" has CustomResourceDefinition/sidecars.networking.istio.io of Istio'
    )


def test_a_validator_of_everything_is_compared_with_the_validators_of_a_mesh_that_has_some(against):
    """So it is found once."""
    own = webhook("affirmed", {"objectSelector": {"matchLabels": {"istio.io/rev": "affirmed"}}}, "Validating")
    ours = [istiod("affirmed", image=""), config("affirmed", OUTSIDE)]
    beside = [*stock(), webhook("system", {}, "Validating")]
    for manifests in (ours, [*ours, own]):
        found = [name for name, *_ in against(*beside, ours=manifests) if name == "validation-overlap"]
        assert len(found) == 1

"""What the tests take for granted of a control plane, held against whatever runs: a stand-in, or the real one.

Two meshes beside each other, each with a class of its own, and a namespace of nobody.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator

import gateways
import pytest
import test_gateways as serves
from api import Object, Refused, path, until
from gateways import COLLECTION, Collector, Gateways, place
from lock import RECORD
from namespaces import CRL, CRL_DATA, DATA, ELECTION, ROOT
from standin import MUTATING, REVISION, VALIDATING
from world import MESH, MESHES, World

VERSION = "1.30.3"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest, worlds) -> Iterator[World]:
    """Return a cluster with the Gateway API and two meshes that serve Gateways."""
    found = worlds.take(request.getfixturevalue("helm4"), VERSION, empty=True)
    found.wants(VERSION)
    gateways.install(found.api)
    serving = Collector(found) if found.is_real else Gateways(found)
    serving.start()
    try:
        for mesh in MESHES:
            serves.install(found, mesh)
            label(found, f"nginx-{mesh}", **{REVISION: mesh})
        yield found
    finally:
        serving.stop()
        found.spent = True


def label(world: World, namespace: str, **labels: str | None) -> None:
    """Set labels of a namespace, or take them away."""
    world.api.call("PATCH", path("Namespace", name=namespace), {"metadata": {"labels": labels}}, MERGE)


def root_of(world: World, mesh: str) -> str:
    """Return the root of a mesh as its control plane signs with it."""
    (one,) = world.planes[mesh]
    return base64.b64decode(one.bundle).decode()


def written(world: World, namespace: str) -> dict[str, dict[str, str]]:
    """Return the ConfigMaps that control planes write into every namespace of theirs."""
    return {
        one["metadata"]["name"]: one["data"]
        for one in world.api.list("ConfigMap", namespace)
        if (one["metadata"].get("labels") or {}).get("istio.io/config") == "true"
    }


def test_each_writes_its_root_and_an_empty_list_into_its_namespaces_and_no_other(both: World) -> None:
    """Both names are the stock ones; a namespace of nobody, which was there before, gets nothing."""
    both.namespace("nobody")
    for mesh in MESHES:
        wanted = {ROOT: {DATA: root_of(both, mesh)}, CRL: {CRL_DATA: ""}}
        for namespace in (f"istio-{mesh}", f"nginx-{mesh}"):
            until(f"{namespace} has both", lambda n=namespace: written(both, n), so=lambda found, w=wanted: found == w)
    assert root_of(both, "affirmed") != root_of(both, "blue")
    assert written(both, "nobody") == {}


def test_a_namespace_gets_a_root_with_the_label_and_keeps_it_without(both: World) -> None:
    """What was written stays; the new mesh writes over it."""
    both.namespace("late")
    for mesh in MESHES:
        label(both, "late", **{MESH: mesh})
        wanted = {DATA: root_of(both, mesh)}
        until("the root is there", lambda: written(both, "late").get(ROOT), so=lambda found, w=wanted: found == w)
    label(both, "late", **{MESH: None})
    both.namespace("later", **{MESH: "blue"})
    until("the mesh has seen the namespaces", lambda: ROOT in written(both, "later"))
    # Whoever still served it would write this again, as in the namespace of the mesh.
    for namespace in ("late", "nginx-blue"):
        both.api.delete("ConfigMap", ROOT, namespace)
    until("the mesh writes its own again", lambda: ROOT in written(both, "nginx-blue"))
    assert ROOT not in written(both, "late")


def record(world: World, mesh: str) -> dict[str, object]:
    """Return the record of the lock for roots."""
    found = world.api.get("ConfigMap", ELECTION, f"istio-{mesh}")
    assert found is not None
    return dict(json.loads(found["metadata"]["annotations"][RECORD]))


def test_each_holds_a_lock_of_its_own_namespace(both: World) -> None:
    """Under one name, with the revision as the key, for 30 seconds."""
    for mesh in MESHES:
        held = record(both, mesh)
        assert (held["holderKey"], held["leaseDurationSeconds"]) == (mesh, 30)
        assert str(held["holderIdentity"]).startswith(f"istiod-{mesh}-")


def test_each_keeps_its_authority_in_a_secret(both: World) -> None:
    """It is the root of the ConfigMaps and of the webhooks."""
    for mesh in MESHES:
        found = both.api.get("Secret", "istio-ca-secret", f"istio-{mesh}")
        assert found is not None
        assert (found["type"], base64.b64decode(found["data"]["ca-cert.pem"]).decode()) == (
            "istio.io/ca-root",
            root_of(both, mesh),
        )


def writers(config: Object, field: str) -> set[str]:
    """Return the field managers of a field of webhook entries."""
    managed = config["metadata"]["managedFields"]
    return {one["manager"] for one in managed if f'"f:{field}"' in json.dumps(one["fieldsV1"])}


def test_each_writes_into_the_webhooks_of_its_revision(both: World) -> None:
    """The bundle into all of them, and the policy into validators, with the name of its program as field manager."""
    until("all have a bundle", both.bundles, so=lambda found: {"nobody"} not in found.values())
    for config in [*both.api.list(MUTATING), *both.api.list(VALIDATING)]:
        assert both.bundles()[config["metadata"]["name"]] == {config["metadata"]["labels"][REVISION]}
        assert writers(config, "caBundle") == {"pilot-discovery"}
    for config in both.api.list(VALIDATING):
        assert {entry["failurePolicy"] for entry in config["webhooks"]} == {"Fail"}
        assert "pilot-discovery" in writers(config, "failurePolicy")


def test_a_policy_that_is_set_back_turns_again(both: World) -> None:
    """As soon as somebody has written it, such as an upgrade."""
    for config in both.api.list(VALIDATING):
        place = path(VALIDATING, name=config["metadata"]["name"])
        ignored = [entry | {"failurePolicy": "Ignore"} for entry in config["webhooks"]]
        both.api.call("PATCH", place, {"webhooks": ignored}, MERGE)
        until(
            f"{place} refuses by default",
            lambda place=place: {entry["failurePolicy"] for entry in both.api.call("GET", place)["webhooks"]},
            so=lambda found: found == {"Fail"},
        )


def classes(world: World) -> dict[str, str]:
    """Return the controllers of the GatewayClasses."""
    found = world.api.items(f"{COLLECTION}/gatewayclasses")
    return {one["metadata"]["name"]: one["spec"]["controllerName"] for one in found}


def test_each_makes_its_class_and_makes_it_again(both: World) -> None:
    """None makes the stock class."""
    wanted = {f"istio-{mesh}": f"istio.io/gateway-controller-{mesh}" for mesh in MESHES}
    both.api.call("DELETE", f"{COLLECTION}/gatewayclasses/istio-blue")
    until("both are there", lambda: classes(both).items() >= wanted.items())
    assert "istio" not in classes(both)


def test_each_makes_the_set_of_a_gateway_of_its_class_in_its_namespaces(both: World) -> None:
    """With these names, labels and owners; a Gateway of the other's class, or of nobody's namespace, waits."""
    both.namespace("nobodys", **{REVISION: "blue"})
    serves.create(both, "first", "nobodys", "istio-blue")
    serves.create(both, "other", "nginx-affirmed", "istio-blue")
    for mesh in MESHES:
        serves.create(both, "web", f"nginx-{mesh}", f"istio-{mesh}")
        serves.becomes(both, "web", f"nginx-{mesh}", mesh)
        check_set(both, mesh)
    for name, namespace in (("other", "nginx-affirmed"), ("first", "nobodys")):
        found = both.api.call("GET", place(namespace, name))
        assert gateways.observed(found) <= {0}
        assert both.api.get("Deployment", f"{name}-istio-blue", namespace) is None


def check_set(world: World, mesh: str) -> None:
    """Compare what was made for the Gateway `web` of a mesh."""
    namespace, name = f"nginx-{mesh}", f"web-istio-{mesh}"
    gateway = world.api.call("GET", place(namespace, "web"))
    labels = {gateways.NAME: "web", gateways.CLASS: f"istio-{mesh}"}
    labels[gateways.MANAGED] = f"istio.io-gateway-controller-{mesh}"
    for kind in gateways.MADE:
        item = world.api.get(kind, name, namespace)
        assert item is not None
        assert labels.items() <= item["metadata"]["labels"].items(), kind
        assert [one["uid"] for one in item["metadata"]["ownerReferences"]] == [gateway["metadata"]["uid"]]
        assert [one["manager"] for one in item["metadata"]["managedFields"]] == [f"istio.io/gateway-controller-{mesh}"]
    deployment = world.api.get("Deployment", name, namespace)
    assert deployment is not None
    assert gateways.asks(deployment) == f"istiod-{mesh}.istio-{mesh}.svc:15012"


def test_a_gateway_of_no_revision_that_runs_keeps_what_it_has(both: World) -> None:
    """Nobody removes its set or its status; a change has no effect until a revision that runs is named."""
    serves.create(both, "late", "nginx-blue", "istio-blue")
    serves.becomes(both, "late", "nginx-blue", "blue")
    for value in ("blue-1-99", "affirmed"):
        set_revision(both, "late", "nginx-blue", value)
        serves.change(both, "late", "nginx-blue", 8080 + len(value))
        serves.stays_behind(both, "late", "nginx-blue", "blue", "istio-blue")
    assert serves.whole_set("nginx-blue", "late-istio-blue") <= serves.sets(both, "nginx-blue")
    set_revision(both, "late", "nginx-blue", "blue")
    serves.becomes(both, "late", "nginx-blue", "blue")


def set_revision(world: World, name: str, namespace: str, revision: str) -> None:
    """Label a Gateway."""
    world.api.call("PATCH", place(namespace, name), {"metadata": {"labels": {REVISION: revision}}}, MERGE)


def test_the_default_validator_says_who_serves_what_has_no_label(both: World) -> None:
    """By the label of `istiod-default-validator`, which `render` renames: it is only there for this test."""
    label(both, "nginx-blue", **{REVISION: None})
    try:
        serves.create(both, "bare", "nginx-blue", "istio-blue")
        serves.stays_behind(both, "bare", "nginx-blue", "blue", "istio-blue")
        meta = {"name": "istiod-default-validator", "labels": {REVISION: "blue"}}
        both.api.create(VALIDATING, {"metadata": meta, "webhooks": []})
        serves.becomes(both, "bare", "nginx-blue", "blue")
    finally:
        with contextlib.suppress(Refused):
            both.api.delete(VALIDATING, "istiod-default-validator")
        label(both, "nginx-blue", **{REVISION: "blue"})


def port_of(world: World, name: str, namespace: str) -> int:
    """Return the port of the Service that was made for a Gateway."""
    found = world.api.get("Service", name, namespace)
    assert found is not None
    return next(one["port"] for one in found["spec"]["ports"] if one["name"] == "http")


def test_the_label_of_a_namespace_moves_the_set_and_leaves_the_status(both: World) -> None:
    """Of a Gateway that was changed while nobody served it, until its control plane starts again."""
    serves.create(both, "moved", "nginx-blue", "istio-blue")
    serves.becomes(both, "moved", "nginx-blue", "blue")
    label(both, "nginx-blue", **{REVISION: "blue-1-99"})
    serves.change(both, "moved", "nginx-blue", 8090)
    serves.stays_behind(both, "moved", "nginx-blue", "blue", "istio-blue")
    label(both, "nginx-blue", **{REVISION: "blue"})
    until("its Service is new", lambda: port_of(both, "moved-istio-blue", "nginx-blue"), so=lambda port: port == 8090)
    serves.stays_behind(both, "moved", "nginx-blue", "blue", "istio-blue")
    both.stop_one("blue", "istiod-blue")
    both.start("blue")
    serves.becomes(both, "moved", "nginx-blue", "blue")

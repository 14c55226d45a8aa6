"""Where the stand-ins of the cluster tests write their root and revocation list, by version, and which of them does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from streams import stream

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import charts
import lock
import repository
from namespaces import CRL, behaviour, selects

NAME, SCOPED = "PILOT_CA_CERT_CONFIGMAP", "ENABLE_ENHANCED_RESOURCE_SCOPING"
ROOT = "istio-ca-root-cert"


def container(version: str, **variables: str) -> dict[str, Any]:
    """Return the container of an istiod."""
    env = [{"name": name, "value": value} for name, value in variables.items()]
    return {"name": "discovery", "image": f"istio/pilot:{version}", "env": env}


@pytest.mark.parametrize(
    ("version", "name", "filters", "filters_with_the_variable", "prefers_default"),
    [
        ("1.11.8", ROOT, False, False, False),
        ("1.12.0", ROOT, False, False, True),
        ("1.15.7", ROOT, False, False, True),
        ("1.16.0", ROOT, False, True, True),
        ("1.21.6", ROOT, False, True, True),
        ("1.22.0", ROOT, True, True, True),
        ("1.26.8", ROOT, True, True, True),
        ("1.27.0", "mine", True, True, True),
        ("latest", "mine", True, True, True),
    ],
)
def test_a_stand_in_does_what_its_version_does(version, name, filters, filters_with_the_variable, prefers_default):
    """Both sides of each boundary that namespaces.py and lock.py name."""
    found = behaviour(container(version, **{NAME: "mine"}))
    assert (found.writes, found.name, found.filters, found.prefers_default) == (True, name, filters, prefers_default)
    assert behaviour(container(version)).name == ROOT
    assert behaviour(container(version, **{SCOPED: "true"})).filters == filters_with_the_variable
    for variables in ({"ENABLE_CA_SERVER": "false"}, {"PILOT_CERT_PROVIDER": "kubernetes"}):
        assert not behaviour(container(version, **variables)).writes


@pytest.mark.parametrize(
    ("version", "stock", "named"),
    [
        ("1.26.8", "", ""),
        ("1.27.0", CRL, CRL),
        ("1.28.3", CRL, CRL),
        ("1.29.0", CRL, "mine"),
        ("latest", CRL, "mine"),
    ],
)
def test_a_stand_in_writes_the_revocation_list_since_its_version_does(version, stock, named):
    """From 1.27 on, and from 1.29 on under the name in the variable."""
    assert behaviour(container(version)).crl == stock
    assert behaviour(container(version, PILOT_CRL_CONFIGMAP="mine")).crl == named


def test_selectors_select_as_istio_does():
    """One selector is enough, and no selectors select every namespace."""
    labels = {"a": "1"}
    assert selects([], labels)
    assert selects([{"matchLabels": {"a": "2"}}, {"matchLabels": {"a": "1"}}], labels)
    for operator, values, expected in (
        ("In", ["1"], True), ("In", ["2"], False), ("NotIn", ["2"], True), ("NotIn", ["1"], False),
        ("Exists", None, True), ("DoesNotExist", None, False),
    ):  # fmt: skip
        assert (
            selects([{"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}], labels) == expected
        )
    assert not selects([{"matchExpressions": [{"key": "b", "operator": "Exists"}]}], labels)


class Server:
    """An API server with ConfigMaps of one namespace and the tag of a default revision."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        return self.objects.get(name)

    def create(self, kind: str, obj: dict[str, Any], namespace: str) -> None:
        self.objects[obj["metadata"]["name"]] = obj

    def call(self, method: str, place: str, obj: dict[str, Any]) -> None:
        assert method == "PUT"
        self.objects[obj["metadata"]["name"]] = obj


def test_the_first_revision_keeps_the_lock_until_it_gives_it_up(monkeypatch):
    """A record that nobody renews is taken over after 30 seconds, by the clock of who looks."""
    now = 0.0
    monkeypatch.setattr(lock.time, "monotonic", lambda: now)
    server: Any = Server()
    old, new = (lock.Lock(server, server, "istio-a", "election", f"istiod-{name}", name) for name in ("old", "new"))
    assert [one.take(prefers_default=True) for one in (old, new, old, new)] == [True, False, True, False]
    assert old.holder() == "old"
    record = json.loads(server.objects["election"]["metadata"]["annotations"][lock.RECORD])
    assert (record["holderKey"], record["leaseDurationSeconds"]) == ("old", 30)
    new.give_up()
    assert new.holder() == "old"
    old.give_up()
    assert new.holder() == ""
    assert [one.take(prefers_default=True) for one in (new, old)] == [True, False]
    now = 29.0
    assert not old.take(prefers_default=True)
    now = 31.0
    assert old.take(prefers_default=True)
    assert not new.take(prefers_default=True)


@pytest.mark.parametrize("prefers", [True, False])
def test_the_default_revision_takes_the_lock_from_another_one(prefers):
    """From 1.12 on; the default one is that of the tag's webhook configuration."""
    server: Any = Server()
    old, new = (lock.Lock(server, server, "istio-a", "election", f"istiod-{name}", name) for name in ("old", "new"))
    assert old.take(prefers_default=prefers)
    server.objects[lock.DEFAULT_TAG] = {"metadata": {"name": lock.DEFAULT_TAG, "labels": {"istio.io/rev": "new"}}}
    assert new.take(prefers_default=prefers) == prefers
    assert old.take(prefers_default=prefers) != prefers
    assert old.holder() == ("new" if prefers else "old")


def test_the_chart_of_the_tests_gives_the_root_a_name_where_istios_own_does():
    """In the Deployment and in what the injector's template reads; 1.24.6 has no such value."""
    new, old = (repository.files("istiod", version)["revision.yaml"] for version in ("1.30.3", "1.24.6"))
    assert new.count("@ROOT@") == new.count('"trustBundleName": "@ROOT@"') >= 1
    assert new.count("@VARIABLE@\n          - name: PILOT_ENABLE_ANALYSIS\n") == 1
    assert "@ROOT@" not in old
    assert ".Values.global.trustBundleName | default" in stream("helm3", "1.30.3", "affirmed", "istiod").text
    assert charts.STOCK == repository.NAMES_ROOT

"""The table of what control planes write: each row, where it begins and ends, and what variables change."""

from __future__ import annotations

import pytest

from multimesh.mesh import writes
from multimesh.mesh.writes import CLUSTER, DISCOVERED, EVERYWHERE, OWN, SWITCHED, WRITES

#: A copy of the table: a version that is changed by mistake differs from it.
ROWS = [
    ("root", (1, 6), (1, 15), EVERYWHERE, ""),
    ("root", (1, 16), (1, 21), SWITCHED, ""),
    ("root", (1, 22), None, DISCOVERED, ""),
    ("crl", (1, 27), None, DISCOVERED, ""),
    ("trust-bundle", (1, 26), None, CLUSTER, "ENABLE_CLUSTER_TRUST_BUNDLE_API"),
    ("bundles", (1, 6), (1, 8), CLUSTER, ""),
    ("bundles", (1, 9), None, CLUSTER, ""),
    ("gateway-status", (1, 10), None, DISCOVERED, ""),
    ("gateway-class", (1, 14), None, CLUSTER, ""),
    ("gateway-deployment", (1, 12), None, DISCOVERED, ""),
    ("ingress", (1, 6), (1, 15), EVERYWHERE, ""),
    ("ingress", (1, 16), (1, 21), SWITCHED, ""),
    ("ingress", (1, 22), None, DISCOVERED, ""),
    ("taints", (1, 22), None, CLUSTER, "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS"),
    ("status", (1, 6), (1, 15), EVERYWHERE, "PILOT_ENABLE_STATUS"),
    ("status", (1, 16), (1, 21), SWITCHED, "PILOT_ENABLE_STATUS"),
    ("status", (1, 22), None, DISCOVERED, "PILOT_ENABLE_STATUS"),
    ("locks", (1, 6), None, OWN, ""),
]


def test_the_rows_are_these() -> None:
    assert [(row.key, row.since, row.until, row.where, row.only_with) for row in WRITES] == ROWS
    assert all(row.what and row.apart and row.source for row in WRITES)


@pytest.mark.parametrize("key", dict.fromkeys(row[0] for row in ROWS))
def test_a_version_has_the_row_that_it_is_in(key: str) -> None:
    for minor in range(5, 40):
        expected = [row[:2] for row in ROWS if row[0] == key and row[1] <= (1, minor) <= (row[2] or (9, 9))]
        found = writes.row_of(key, (1, minor))
        assert ([] if found is None else [(found.key, found.since)]) == expected
    newest = writes.row_of(key)
    assert newest is not None
    assert newest.until is None


def test_a_version_without_a_row_writes_nothing() -> None:
    assert writes.row_of("crl", (1, 26)) is None
    assert writes.row_of("root", (1, 5)) is None


def test_a_variable_restricts_some_versions() -> None:
    for row in WRITES:
        assert writes.is_everywhere(row, {}) is (row.where in (EVERYWHERE, SWITCHED))
        assert writes.is_everywhere(row, {writes.SCOPING: "True"}) is (row.where == EVERYWHERE)
        assert writes.is_everywhere(row, {writes.SCOPING: "1"}) is (row.where == EVERYWHERE)
        assert writes.is_everywhere(row, {writes.SCOPING: "yes"}) is (row.where in (EVERYWHERE, SWITCHED))


def test_variables_are_read_as_go_reads_them() -> None:
    for value in ("true", "True", "1", "t"):
        assert writes.is_on({"A": value}, "A")
    for value in ("false", "0", "F"):
        assert not writes.is_on({"A": value}, "A", default=True)
    for value in ("", "yes", "on"):
        assert [writes.is_on({"A": value}, "A", default=default) for default in (False, True)] == [False, True]
    assert [writes.is_on({}, "A", default=default) for default in (False, True)] == [False, True]


def test_a_root_is_written_by_a_control_plane_with_an_authority() -> None:
    for value, has in (("", True), ("true", True), ("false", False), ("False", False), ("0", False), ("f", False)):
        assert writes.has_authority({"ENABLE_CA_SERVER": value}) is has
        assert writes.writes_root({"ENABLE_CA_SERVER": value}) is has
    for provider, does in (("istiod", True), ("", True), ("kubernetes", False), ("k8s.io/signer", False)):
        assert writes.writes_root({"PILOT_CERT_PROVIDER": provider}) is does


def test_the_name_of_the_root_is_read_since_1_27() -> None:
    env = {writes.ROOT_VARIABLE: "x"}
    assert [writes.root_name(env, (1, minor)) for minor in (26, 27, 28)] == [writes.ROOT, "x", "x"]
    assert writes.root_name(env) == "x"
    assert writes.root_name({}) == writes.root_name({writes.ROOT_VARIABLE: ""}) == writes.ROOT == "istio-ca-root-cert"

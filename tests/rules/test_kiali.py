"""Kiali's own charts: their cluster-scoped names are known, and what only looks like them is a guess."""

from __future__ import annotations

import pytest
import yaml
from program import profile, render

RBAC = "rbac.authorization.k8s.io/v1"
MESH = profile("blue", "istio-blue")


def role(name: str, kind: str = "ClusterRole", refers: str = "") -> dict:
    found = {"apiVersion": RBAC, "kind": kind, "metadata": {"name": name}}
    if refers:
        found["roleRef"] = {"kind": "ClusterRole", "name": refers, "apiGroup": "rbac.authorization.k8s.io"}
        found["subjects"] = [{"kind": "ServiceAccount", "name": "kiali", "namespace": "istio-blue"}]
    return found


@pytest.mark.parametrize("name", ["kiali", "kiali-viewer", "kiali-operator"])
def test_roles_and_bindings_get_the_suffix_of_the_mesh(name):
    stream = yaml.safe_dump_all([role(name), role(name, "ClusterRoleBinding", name)])
    new_role, binding = yaml.safe_load_all(render(stream.encode(), MESH).out)

    assert new_role["metadata"]["name"] == binding["metadata"]["name"] == f"{name}-blue"
    assert binding["roleRef"]["name"] == f"{name}-blue"


def test_in_a_mesh_operator_the_name_is_that_of_kiali():
    """So that running twice is running once."""
    mesh = profile("operator", "istio-operators", revision="ops")
    once = render(yaml.safe_dump(role("kiali")).encode(), mesh).out

    assert yaml.safe_load(once)["metadata"]["name"] == "kiali-operator"
    assert render(once, mesh).out == once


def test_running_twice_is_running_once():
    once = render(yaml.safe_dump(role("kiali-operator")).encode(), MESH).out

    assert render(once, MESH).out == once


def test_the_hook_of_helm_test_stays():
    stream = yaml.safe_dump_all([role("kiali-test"), role("kiali-test", "ClusterRoleBinding", "kiali-test")]).encode()

    assert render(stream, MESH).out == stream
    assert render(stream.replace(b"istio-blue", b"istio-test"), profile("test", "istio-test")).code == 0


def test_a_name_that_looks_like_one_of_another_mesh_is_refused_as_a_guess():
    done = render(yaml.safe_dump(role("kiali-company")).encode(), MESH)

    assert done.code == 2
    assert 'it could be a stock name with the suffix of another mesh, "company"' in done.err
    assert "If it is, render the stock chart" in done.err
    assert 'renameNames: ["ClusterRole/kiali-company"]' in done.err

"""Subjects of bindings in other namespaces: those that only get rights inside the mesh, and those that the user chose."""

from __future__ import annotations

import pytest
import yaml
from program import profile, render

MESH = profile("blue", "istio-blue", ("shop",))
ELSEWHERE = 'subjects/0/namespace is "monitoring", but the control plane of mesh blue is in "istio-blue"'


def binding(kind: str, name: str, account: str, role: str = "view", namespace: str = "") -> bytes:
    where, _, who = account.partition("/")
    return yaml.safe_dump({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [{"kind": "ServiceAccount", "name": who, "namespace": where}],
    }).encode()  # fmt: skip


READER = "istio-reader-clusterrole-blue-istio-blue"


@pytest.mark.parametrize("namespace", ["istio-blue", "shop", ""])
def test_a_role_binding_may_give_rights_to_an_account_elsewhere(namespace):
    done = render(binding("RoleBinding", "scrape", "monitoring/prometheus", namespace=namespace), MESH)

    assert (done.code, done.err) == (0, "")


def test_a_role_binding_in_another_namespace_is_refused():
    done = render(binding("RoleBinding", "scrape", "monitoring/prometheus", namespace="monitoring"), MESH)

    assert done.code == 2
    assert "metadata/namespace" in done.err


@pytest.mark.parametrize("account", ["istio-system/istiod", "istio-red/istiod-red", "istio-system/prometheus"])
def test_an_account_of_the_charts_elsewhere_is_refused_in_a_role_binding(account):
    """It is that of another mesh, or of a chart that was rendered with a wrong value."""
    done = render(binding("RoleBinding", "istiod", account, namespace="istio-blue"), MESH)

    assert done.code == 2
    assert "--set global.istioNamespace=istio-blue" in done.err


def named(kind: str, subject: str, name: str, namespace: str = "") -> bytes:
    """Return a binding of a user or a group, in the middle of a stream."""
    found = yaml.safe_load(binding(kind, "scrape-blue", "a/b", namespace=namespace))
    found["subjects"] = [{"kind": subject, "name": name, "apiGroup": "rbac.authorization.k8s.io"}]
    return yaml.safe_dump(found).encode() + b"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: end\n"


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Group", "system:serviceaccounts:istio-system"),
        ("Group", "system:serviceaccounts:istio-red"),
        ("User", "system:serviceaccount:istio-system:istiod"),
        ("User", "system:serviceaccount:istio-red:istiod-red"),
    ],
)
def test_accounts_of_another_control_plane_are_refused_by_their_names_as_users(kind, subject, name):
    """A user and a group are these accounts to Kubernetes."""
    done = render(named(kind, subject, name), MESH)

    assert done.code == 2
    assert (
        f'subjects/0/name is "{name}", but the control plane of mesh blue is in "istio-blue" [namespaces]' in done.err
    )
    assert "--set global.istioNamespace=istio-blue" in done.err
    assert "foreignSubjects" not in done.err


def test_a_cluster_role_binding_names_a_user_elsewhere_if_the_profile_does():
    """As it does an account."""
    stream = named("ClusterRoleBinding", "User", "system:serviceaccount:monitoring:prometheus")
    assert 'foreignSubjects: ["monitoring/prometheus"]' in render(stream, MESH).err
    assert render(stream, profile("blue", "istio-blue", foreignSubjects=["monitoring/prometheus"])).code == 0


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Group", "system:serviceaccounts"),
        ("Group", "system:serviceaccounts:istio-blue"),
        ("Group", "system:serviceaccounts:shop"),
        ("Group", "system:serviceaccounts:monitoring"),
        ("Group", "system:serviceaccount:istio-system"),
        ("Group", "istio-system"),
        ("Group", "system:authenticated"),
        ("User", "system:serviceaccount:istio-blue:istiod"),
        ("User", "system:serviceaccounts:istio-system"),
        ("User", "system:serviceaccount:istio-system"),
    ],
)
def test_other_users_and_groups_stay(subject, name):
    done = render(named("ClusterRoleBinding", subject, name), MESH)

    assert (done.code, done.err) == (0, "")


def test_the_account_of_the_reader_may_be_the_users():
    """The value global.readerServiceAccount of 1.31: nothing else in the stream differs."""
    done = render(binding("ClusterRoleBinding", READER, "monitoring/reader", READER), MESH)

    assert (done.code, done.err) == (0, "")


def test_the_stock_account_of_the_reader_elsewhere_is_refused():
    done = render(binding("ClusterRoleBinding", READER, "istio-system/istio-reader-service-account", READER), MESH)

    assert done.code == 2
    assert "--set global.istioNamespace=istio-blue" in done.err


def test_a_cluster_role_binding_gives_rights_to_an_account_elsewhere_that_the_profile_names():
    stream = binding("ClusterRoleBinding", "scrape-blue", "monitoring/prometheus")
    refused = render(stream, MESH)

    assert refused.code == 2
    assert ELSEWHERE in refused.err
    assert 'foreignSubjects: ["monitoring/prometheus"]' in refused.err
    assert render(stream, profile("blue", "istio-blue", foreignSubjects=["monitoring/prometheus"])).code == 0
    assert render(stream, profile("blue", "istio-blue", foreignSubjects=["monitoring/other"])).code == 2


def test_the_block_to_paste_names_the_account():
    streams = [binding("ClusterRoleBinding", f"{name}-blue", f"monitoring/{name}") for name in "ab"]

    assert 'foreignSubjects: ["monitoring/a", "monitoring/b"]' in render(b"---\n".join(streams), MESH).err


@pytest.mark.parametrize("entry", ["prometheus", "monitoring/", "Monitoring/a", "a/*"])
def test_an_entry_is_a_namespace_and_a_name(entry):
    done = render(binding("RoleBinding", "a", "b/c"), profile("blue", "istio-blue", foreignSubjects=[entry]))

    assert done.code == 2
    assert 'is not "namespace/name"' in done.err

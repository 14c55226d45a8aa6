"""The rule mesh-policy: a PeerAuthentication of the mesh replaces the cluster-wide MeshPolicy of Istio 1.5."""

from __future__ import annotations

import pytest
import yaml
from rule_cases import NS, objects, paths, refusal, rendered, stays, unknown_shape

STOCK = """\
apiVersion: "authentication.istio.io/v1alpha1"
kind: "MeshPolicy"
metadata:
  name: "default"
spec:
  peers:
  - mtls:
      mode: PERMISSIVE
"""

NEW = f"""\
apiVersion: "security.istio.io/v1beta1"
kind: "PeerAuthentication"
metadata:
  name: "default"
  namespace: {NS}
spec:
  mtls:
    mode: PERMISSIVE
"""

#: Another object that the Job applies.
RULE = """\
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata:
  name: default
  namespace: istio-system
spec:
  host: "*.local"
"""

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}
metadata:
  name: {name}
rules:
- apiGroups: ["authentication.istio.io"]
  resources: ["*"]
  verbs: ["*"]
"""

GRANT = """\
- apiGroups:
  - security.istio.io
  resources:
  - peerauthentications
  verbs:
  - "*"
"""

CONFIG_MAP = "ConfigMap/istio-security-custom-resources"


def config_map(policy: str, name: str = "istio-security-custom-resources", kind: str = "ConfigMap") -> str:
    """Write a ConfigMap with a policy in it."""
    inner = "".join(f"    {line}\n" for line in policy.splitlines())
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\ndata:\n  custom-resources.yaml: |-\n{inner}"


def role(name: str = f"istio-security-post-install-{NS}", kind: str = "ClusterRole") -> str:
    """Write the role of the Job."""
    return ROLE.format(name=name, kind=kind)


def policies(text: str) -> list[dict]:
    """Return the objects that the Job applies."""
    return list(yaml.safe_load_all(objects(text)[0]["data"]["custom-resources.yaml"]))


def test_the_policy_becomes_one_of_the_mesh():
    """Kind, group, namespace and form; its name stays, and so does every other object of the Job."""
    assert rendered(config_map(STOCK + RULE)) == config_map(NEW + RULE)
    assert set(paths(config_map(STOCK))) == {"apiVersion", "kind", "metadata/namespace", "spec"}


@pytest.mark.parametrize(
    ("mtls", "mode"),
    [("{}", "STRICT"), ("", "STRICT"), ('{mode: ""}', "STRICT"), ("{mode: null}", "STRICT"),
     ("{mode: STRICT}", "STRICT"),
     ("{mode: PERMISSIVE}", "PERMISSIVE")],
)  # fmt: skip
def test_an_empty_mode_is_strict(mtls: str, mode: str):
    """As Istio 1.5 reads it."""
    (policy,) = policies(config_map(STOCK.replace("mtls:\n      mode: PERMISSIVE", f"mtls: {mtls}")))
    assert policy["spec"] == {"mtls": {"mode": mode}}


@pytest.mark.parametrize("merged", ["spec", "peer"])
def test_merge_keys_are_resolved(merged: str):
    """Go's reader sees the same policy."""
    if merged == "spec":
        text = STOCK.replace("  peers:", "  <<: {peers: [mtls: {mode: PERMISSIVE}]}\n").partition("\n\n")[0] + "\n"
    else:
        text = STOCK.replace("- mtls:\n      mode: PERMISSIVE", "- <<: {mtls: {mode: PERMISSIVE}}")
    (policy,) = policies(config_map(text))
    assert policy["spec"] == {"mtls": {"mode": "PERMISSIVE"}}


def test_the_job_may_write_the_policy():
    """Its ClusterRole gets one more rule."""
    assert rendered(role()) == role() + GRANT
    assert paths(role()) == ["rules"]


@pytest.mark.parametrize("group", ["security.istio.io", '"security.istio.io"'])
def test_a_role_that_has_the_group_stays(group: str):
    """So a rewritten role stays as it is."""
    assert stays(role() + GRANT.replace("security.istio.io", group))


@pytest.mark.parametrize("name", [f"istio-security-post-install-{NS}-2", "istio-security-affirmed"])
def test_another_role_stays(name: str):
    """The name is that of the stock chart in the control-plane namespace."""
    assert stays(role(name), keepNames=[f"ClusterRole/{name}"])


def test_another_kind_of_role_stays():
    """The Job's rights are cluster-wide."""
    assert stays(role(kind="Role"))


@pytest.mark.parametrize("name", ["istio-security-custom-resources-2", "istio-galley"])
def test_another_config_map_stays(name: str):
    """No Job applies what is in it."""
    assert stays(config_map(STOCK, name))
    assert stays(config_map(STOCK, kind="Secret"))


def test_a_config_map_without_a_policy_stays():
    """Mutual TLS is off, for example."""
    assert stays(config_map(RULE))
    assert stays(config_map(STOCK).replace("custom-resources.yaml", "other.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('apiVersion: "authentication.istio.io/v1alpha1"', "other: a", "apiVersion is absent"),
        ("  peers:\n", "  origins: []\n  peers:\n", "spec does not have peers as its only key"),
        ("spec:", "other:", "spec does not have peers as its only key"),
        ("spec:\n", "spec: null\nother:\n", "spec does not have peers as its only key"),
        ("  peers:", "  origins:", "spec does not have peers as its only key"),
        ("spec:\n", "spec: a\nother:\n", "spec is not a mapping"),
        ("  - mtls", "  - {mtls: {}}\n  - mtls", "spec/peers is not one peer that has mtls as its only key"),
        ("  - mtls:", "  - jwt: {}\n    mtls:", "spec/peers is not one peer that has mtls as its only key"),
        ("  - mtls:\n      mode: PERMISSIVE", "  - mtls", "spec/peers is not one peer that has mtls as its only key"),
        ("peers:\n  - mtls:\n      mode: PERMISSIVE", "peers: []",
         "spec/peers is not one peer that has mtls as its only key"),
        ("      mode: PERMISSIVE", "      mode: [STRICT]", "mode is not text"),
    ],
)  # fmt: skip
def test_another_shape_of_policy_is_refused(old: str, new: str, what: str):
    """Left as it is, the policy would be that of every mesh."""
    assert old in STOCK
    assert refusal(config_map(STOCK.replace(old, new))) == unknown_shape(f"1: {CONFIG_MAP}", what, "mesh-policy")


def test_a_role_without_rules_is_refused():
    """The Job could write nothing."""
    text = role().partition("rules:")[0] + "rules: []\n"
    assert rendered(text).startswith(text.partition("rules:")[0] + "rules:")
    assert refusal(text.replace("[]", "")) == unknown_shape(
        f"1: ClusterRole/istio-security-post-install-{NS}", "rules is empty", "mesh-policy"
    )


def test_a_group_that_is_not_text_is_refused():
    """The message names the field."""
    text = role().replace('"authentication.istio.io"', "[]")
    assert "rules/0/apiGroups/0 is not text" in refusal(text)

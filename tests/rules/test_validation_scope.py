"""The rule validation-scope: each mesh validates the Istio resources of its own namespaces, and no others."""

from __future__ import annotations

import pytest
import yaml
from rule_cases import NS, objects, reasons, refusal, rendered, stays

HOOKS = "admissionregistration.k8s.io/v1"
LABEL = "multimesh.dev/mesh"
REVISION = "istio.io/rev"
OURS = {"key": LABEL, "operator": "In", "values": ["affirmed"]}
VALIDATOR = "istiod-default-validator"
POLICY = "stable-channel-default-policy.istio.io"
ANOTHER_MESH = (
    ": this stream has been rewritten for another mesh [validation-scope]\n"
    "  Render the stock chart again, and pipe it through one profile only."
)


def thing(kind: str, name: str, labels: dict | None = None, **fields: object) -> str:
    """Return an object with these labels, and these fields at its root."""
    metadata = {"name": name} if labels is None else {"name": name, "labels": labels}
    return "---\n" + yaml.safe_dump(
        {"apiVersion": HOOKS, "kind": kind, "metadata": metadata, **fields}, sort_keys=False
    )


def entry(name: str = "rev.validation.istio.io", service: str = "istiod-affirmed", **fields: object) -> dict:
    """Return a webhook."""
    return {"name": name, "clientConfig": {"service": {"name": service, "namespace": NS}}, **fields}


def validator(*entries: dict, name: str = "istio-validator-affirmed", rev: str | None = "affirmed") -> str:
    """Return a webhook configuration of a revision."""
    return thing(
        "ValidatingWebhookConfiguration", name, None if rev is None else {REVISION: rev}, webhooks=list(entries)
    )


def policy(constraints: dict | None, name: str = POLICY, labels: dict | None = None) -> str:
    """Return an admission policy as Istio 1.22 and later have it."""
    return thing("ValidatingAdmissionPolicy", name, labels, spec={"matchConstraints": constraints})


def webhooks(manifest: str, **options: object) -> list[dict]:
    """Return the webhooks of the only object, rendered."""
    (found,) = objects(manifest, **options)
    return found["webhooks"]


# Validators of a revision, Istio 1.6 and later.

#: Selectors of a validator, and the requirements that one of them has before.
SELECTORS = [
    ({}, []),
    ({"namespaceSelector": None}, []),
    ({"namespaceSelector": {}}, []),
    ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, []),
    ({"namespaceSelector": {"matchExpressions": []}}, []),
    (
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
        [{"key": "a", "operator": "Exists"}],
    ),
    (
        {"namespaceSelector": {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]}},
        [{"key": LABEL, "operator": "Exists"}],
    ),
    (
        {"namespaceSelector": {"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["affirmed", "blue"]}]}},
        [{"key": LABEL, "operator": "In", "values": ["affirmed", "blue"]}],
    ),
    (
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["affirmed"]}]}},
        [{"key": "a", "operator": "In", "values": ["affirmed"]}],
    ),
]


@pytest.mark.parametrize(("selector", "before"), SELECTORS, ids=str)
def test_a_validator_is_limited_to_the_namespaces_of_the_mesh(selector: dict, before: list[dict]) -> None:
    """The requirement is added to those that are there, and the objectSelector stays."""
    objects_of = {"objectSelector": {"matchLabels": {REVISION: "affirmed"}}}
    manifest = validator(entry(**selector, **objects_of))
    (found,) = webhooks(manifest)
    assert found["namespaceSelector"]["matchExpressions"] == [*before, OURS]
    assert found["namespaceSelector"].get("matchLabels") == (selector.get("namespaceSelector") or {}).get("matchLabels")
    assert found["objectSelector"] == objects_of["objectSelector"]
    assert reasons(manifest) == [("validation-scope", "webhooks/0/namespaceSelector/matchExpressions")]
    assert stays(rendered(manifest))


@pytest.mark.parametrize(
    "selector", [{"matchExpressions": [OURS]}, {"matchLabels": {LABEL: "affirmed"}}], ids=["expressions", "labels"]
)
def test_a_validator_that_is_limited_already_stays(selector: dict) -> None:
    """By either way to write the requirement."""
    assert stays(validator(entry(namespaceSelector=selector)))


@pytest.mark.parametrize("name", ["rev.validation.istio.io", "validation.istio.io", "any.validation.istio.io"])
def test_every_entry_of_istiod_is_limited(name: str) -> None:
    """Its name ends as those of all versions do; the entries of other programs stay."""
    other = {"name": "validation.example.com", "clientConfig": {"url": "https://example.com"}}
    first, second, third = webhooks(validator(other, entry(name), entry(name)))
    assert first == other
    assert second["namespaceSelector"] == third["namespaceSelector"] == {"matchExpressions": [OURS]}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"matchLabels": {LABEL: "blue"}}, "blue"),
        ({"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["blue", "red"]}]}, "blue, red"),
        ({"matchExpressions": [{"key": LABEL, "operator": "NotIn", "values": ["affirmed"]}]}, "affirmed"),
        ({"matchExpressions": [OURS, {"key": LABEL, "operator": "In", "values": ["blue"]}]}, "blue"),
        (
            {"matchLabels": {LABEL: "blue"}, "matchExpressions": [{"key": LABEL, "operator": "In", "values": ["red"]}]},
            "blue",
        ),
    ],
    ids=str,
)
def test_a_validator_of_another_mesh_is_refused(selector: dict, found: str) -> None:
    """No namespace could match both."""
    assert refusal(validator(entry(), entry(namespaceSelector=selector))) == (
        "multimesh: <stdin>:2: ValidatingWebhookConfiguration/istio-validator-affirmed: webhooks/1/namespaceSelector "
        f'selects {LABEL}="{found}"{ANOTHER_MESH}'
    )


def test_a_selector_of_unknown_shape_is_refused():
    """It says nothing that multimesh understands."""
    message = refusal(validator(entry(namespaceSelector=[])))
    assert "ValidatingWebhookConfiguration/istio-validator-affirmed: namespaceSelector of webhook" in message


@pytest.mark.parametrize(("rev", "canary"), [("affirmed", []), ("next", ["next"])])
def test_the_validator_of_a_revision_keeps_its_service(rev: str, canary: list[str]) -> None:
    """The chart writes the Service of the revision."""
    for service in (f"istiod-{rev}", "istiod-other", "my-istiod"):
        (found,) = webhooks(validator(entry(service=service), rev=rev), canaryRevisions=canary)
        assert found["clientConfig"]["service"]["name"] == service


# The validator of Istio 1.5.


def galley(*entries: dict, name: str = "istio-galley") -> str:
    """Return the webhook configuration of Istio 1.5."""
    return validator(*entries, name=name, rev=None)


@pytest.mark.parametrize("name", ["istio-galley", "istio-affirmed-galley"])
def test_the_validator_of_istio_1_5_gets_the_label_of_the_mesh(name: str) -> None:
    """As matchLabels, and galley keeps its Service."""
    manifest = galley(entry("pilot.validation.istio.io", "istio-galley"), entry("mixer.validation.istio.io"), name=name)
    first, second = webhooks(manifest)
    assert first["namespaceSelector"] == second["namespaceSelector"] == {"matchLabels": {LABEL: "affirmed"}}
    assert [first["clientConfig"]["service"]["name"], second["clientConfig"]["service"]["name"]] == [
        "istio-galley", "istiod-affirmed"
    ]  # fmt: skip
    path = "namespaceSelector/matchLabels/multimesh.dev~1mesh"
    found = [place for rule, place in reasons(manifest) if rule == "validation-scope"]
    assert found == [f"webhooks/0/{path}", f"webhooks/1/{path}"]


def test_the_validator_of_istio_1_5_keeps_its_labels():
    """The mesh's is added to them, and a second run changes nothing."""
    selector = {"matchLabels": {"a": "b"}}
    manifest = galley(
        entry("affirmed-pilot.validation.istio.io", namespaceSelector=selector), name="istio-affirmed-galley"
    )
    (found,) = webhooks(manifest)
    assert found["namespaceSelector"] == {"matchLabels": {"a": "b", LABEL: "affirmed"}}
    assert stays(rendered(manifest))


def test_the_validator_of_istio_1_5_of_another_mesh_is_refused():
    """It is rendered from a stream that was rewritten before."""
    selector = {"matchLabels": {LABEL: "blue"}}
    assert refusal(galley(entry("pilot.validation.istio.io", namespaceSelector=selector))) == (
        "multimesh: <stdin>:2: ValidatingWebhookConfiguration/istio-galley: webhooks/0/namespaceSelector "
        f'selects {LABEL}="blue"{ANOTHER_MESH}'
    )


# The default validator, Istio 1.12 and later.


@pytest.mark.parametrize("name", [VALIDATOR, f"{VALIDATOR}-affirmed"])
@pytest.mark.parametrize("rev", ["default", "", None, "affirmed"])
def test_the_default_validator_becomes_the_meshs_own(name: str, rev: str | None) -> None:
    """Its revision label and its Service; the rule cluster-scoped-names renames it."""
    manifest = validator(entry("validation.istio.io", "istiod"), name=name, rev=rev)
    (found,) = objects(manifest)
    assert found["metadata"] == {"name": f"{VALIDATOR}-affirmed", "labels": {REVISION: "affirmed"}}
    assert found["webhooks"][0]["clientConfig"]["service"] == {"name": "istiod-affirmed", "namespace": NS}
    assert found["webhooks"][0]["namespaceSelector"] == {"matchExpressions": [OURS]}
    expected = ["webhooks/0/clientConfig/service/name", "webhooks/0/namespaceSelector/matchExpressions"]
    if rev != "affirmed":
        expected.insert(0, "metadata/labels/istio.io~1rev")
    assert sorted(path for rule, path in reasons(manifest) if rule == "validation-scope") == sorted(expected)


def test_the_default_validator_serves_the_revision_of_the_profile():
    """Not that of a canary, and the mesh's name is not the revision's."""
    manifest = validator(entry("validation.istio.io", "istiod-next"), name=VALIDATOR, rev="next")
    (found,) = objects(manifest, revision="stable", canaryRevisions=["next"])
    assert found["metadata"]["labels"] == {REVISION: "stable"}
    assert found["webhooks"][0]["clientConfig"]["service"]["name"] == "istiod-stable"


@pytest.mark.parametrize("client", [{"url": "https://example.com"}, {"service": {"name": "my-istiod"}}, {}], ids=str)
def test_a_default_validator_that_calls_something_else_keeps_that(client: dict) -> None:
    """The charts write a Service of istiod, or the URL of an istiod outside the cluster."""
    (found,) = webhooks(
        validator(entry("validation.istio.io") | {"clientConfig": client}, name=VALIDATOR, rev="default")
    )
    assert found["clientConfig"] == client


def test_a_configuration_without_a_revision_calls_the_meshs_istiod():
    """The charts write the Service of the default revision, which is not the mesh's."""
    for rev in (None, "affirmed"):
        manifest = validator(entry("validation.istio.io", "istiod"), name="any-affirmed", rev=rev)
        (found,) = objects(manifest)
        expected = "istiod-affirmed" if rev is None else "istiod"
        assert found["webhooks"][0]["clientConfig"]["service"]["name"] == expected
        assert found["metadata"].get("labels") == (None if rev is None else {REVISION: rev})


def test_a_default_validator_without_an_entry_of_istiod_keeps_its_label():
    """It is another program's."""
    other = {"name": "validation.example.com", "clientConfig": {"url": "https://example.com"}}
    (found,) = objects(validator(other, name=VALIDATOR, rev=None))
    assert "labels" not in found["metadata"]


# Admission policies, Istio 1.22 and later.


@pytest.mark.parametrize("labels", [{REVISION: "default"}, {REVISION: ""}, {"a": "b"}, None], ids=str)
@pytest.mark.parametrize("name", [POLICY, POLICY + "-affirmed"])
def test_the_default_policy_becomes_the_meshs_own(name: str, labels: dict | None) -> None:
    """It is limited to the mesh's namespaces, and gets the mesh's revision."""
    constraints = {"objectSelector": {"matchLabels": {"a": "b"}}, "resourceRules": []}
    manifest = policy(constraints, name, labels)
    (found,) = objects(manifest)
    assert found["spec"]["matchConstraints"] == {**constraints, "namespaceSelector": {"matchExpressions": [OURS]}}
    assert found["metadata"]["labels"] == {**(labels or {}), REVISION: "affirmed"}
    assert [path for rule, path in reasons(manifest) if rule == "validation-scope"] == [
        "metadata/labels/istio.io~1rev", "spec/matchConstraints/namespaceSelector/matchExpressions"
    ]  # fmt: skip
    assert stays(rendered(manifest))


def test_the_policy_of_a_revision_keeps_its_label():
    """It is limited to the mesh's namespaces like any other."""
    manifest = policy({"resourceRules": []}, "stable-channel-policy-affirmed-istio-affirmed", None)
    (found,) = objects(manifest)
    assert found["spec"]["matchConstraints"]["namespaceSelector"] == {"matchExpressions": [OURS]}
    assert "labels" not in found["metadata"]


def test_policies_of_other_programs_stay():
    """Only those of the chart begin like this."""
    assert stays(policy({"resourceRules": []}, "my-stable-channel-policy-affirmed"))
    assert stays(policy({"resourceRules": []}, "company-policy-affirmed"))


def test_other_kinds_of_that_name_stay():
    """A mutating policy is not Istio's."""
    manifest = policy({"resourceRules": []}, "stable-channel-affirmed").replace("Validating", "Mutating")
    assert stays(manifest)


def test_a_policy_of_another_mesh_is_refused():
    """It is rendered from a stream that was rewritten before."""
    selector = {"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["blue"]}]}
    assert refusal(policy({"namespaceSelector": selector})) == (
        f"multimesh: <stdin>:2: ValidatingAdmissionPolicy/{POLICY}: spec/matchConstraints/namespaceSelector "
        f'selects {LABEL}="blue"{ANOTHER_MESH}'
    )


@pytest.mark.parametrize("name", ["any-affirmed", "stable-channel-default-policy-binding.istio.io-affirmed"])
def test_bindings_follow_the_default_policy(name: str) -> None:
    """Whatever their own names are; references to other policies stay."""
    manifest = thing("ValidatingAdmissionPolicyBinding", name, spec={"policyName": POLICY})
    (found,) = objects(manifest)
    assert found["spec"]["policyName"] == f"{POLICY}-affirmed"
    assert reasons(manifest) == [("validation-scope", "spec/policyName")]
    assert stays(manifest.replace(POLICY + "\n", POLICY + "-affirmed\n"))
    assert stays(manifest.replace(POLICY + "\n", "other\n"))

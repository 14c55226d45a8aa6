"""Webhooks and admission policies of any name: none selects a label of a stock mesh, and those of others stay.

An injector of Istio can be called by a URL, through another Service, and under a name of the company's. What it is
cannot always be known, but what it selects can.
"""

from __future__ import annotations

import pytest
from rule_cases import NS, refusal, rendered, stays

MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
KINDS = pytest.mark.parametrize("kind", [MUTATING, VALIDATING])
SELECTORS = pytest.mark.parametrize("selector", ["namespaceSelector", "objectSelector"])


def name_of(kind: str) -> str:
    """Return a name that the rule cluster-scoped-names accepts: it ends in the control-plane namespace."""
    return f"company-{kind.lower()}-{NS}"


def configuration(kind: str, *entries: str, name: str = "", labels: str = "") -> str:
    """Return a webhook configuration with these entries, each one a flow mapping without its braces."""
    listed = "".join(f"- {{{entry}}}\n" for entry in entries)
    return (
        f"apiVersion: admissionregistration.k8s.io/v1\nkind: {kind}\n"
        f"metadata:\n  name: {name or name_of(kind)}\n  labels: {{{labels}}}\nwebhooks:\n{listed}"
    )


def entry(selectors: str, name: str = "inject.company.com", client: str = "url: 'https://a.company.com/inject'") -> str:
    return f"name: {name}, clientConfig: {{{client}}}, {selectors}"


def service(name: str) -> str:
    return f"service: {{name: {name}, namespace: {NS}, path: /inject}}"


#: Selections of a stock label: what a selector holds -> the label and value that the message names.
STOCK = {
    "matchLabels: {istio-injection: enabled}": 'istio-injection="enabled"',
    "matchLabels: {a: b, istio-injection: enabled}": 'istio-injection="enabled"',
    "matchExpressions: [{key: istio-injection, operator: In, values: [enabled]}]": 'istio-injection="enabled"',
    "matchExpressions: [{key: istio-injection, operator: In, values: [enabled-affirmed, enabled]}]": "enabled",
    "matchExpressions: [{key: a, operator: Exists}, {key: istio-injection, operator: In, values: [enabled]}]": "enabled",
    "matchExpressions: [{key: istio-injection, operator: Exists}]": "every istio-injection",
    "matchLabels: {istio.io/rev: default}": 'istio.io/rev="default"',
    "matchLabels: {istio.io/rev: ''}": 'istio.io/rev=""',
    "matchExpressions: [{key: istio.io/rev, operator: In, values: [affirmed, default]}]": 'istio.io/rev="default"',
    "matchExpressions: [{key: istio.io/rev, operator: In, values: [1-30-3]}]": 'istio.io/rev="1-30-3"',
    "matchExpressions: [{key: istio.io/rev, operator: Exists}]": "every istio.io/rev",
}

#: What other programs select.
HARMLESS = (
    "matchLabels: {team: enabled}",
    "matchLabels: {istio-injection: disabled}",
    "matchLabels: {istio-injection: enabled-affirmed}",
    "matchLabels: {istio.io/rev: affirmed}",
    "matchLabels: {istio.io/rev: affirmed-canary}",
    "matchExpressions: [{key: istio-injection, operator: NotIn, values: [enabled]}]",
    "matchExpressions: [{key: istio-injection, operator: DoesNotExist}]",
    "matchExpressions: [{key: istio.io/rev, operator: NotIn, values: [default]}]",
    "matchExpressions: [{key: istio.io/rev, operator: DoesNotExist}]",
    "matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, default, enabled]}]",
)


# --- what selects a stock label is refused --------------------------------------------------------


@KINDS
@SELECTORS
@pytest.mark.parametrize(("chosen", "said"), STOCK.items())
def test_a_webhook_of_any_name_that_selects_a_stock_label_is_refused(
    kind: str, selector: str, chosen: str, said: str
) -> None:
    message = refusal(configuration(kind, entry(f"{selector}: {{{chosen}}}")))
    assert 'webhook "inject.company.com" selects ' in message
    assert said in message.splitlines()[0]
    assert f" in its {selector}, " in message


@KINDS
def test_the_message_says_what_to_require_instead(kind: str) -> None:
    label = refusal(configuration(kind, entry("namespaceSelector: {matchLabels: {istio-injection: enabled}}")))
    revision = refusal(configuration(kind, entry("objectSelector: {matchLabels: {istio.io/rev: default}}")))
    rest = " If it does not belong to this mesh, install it apart from the charts of mesh affirmed."
    assert f"Require istio-injection=enabled-affirmed instead.{rest}" in label
    assert f"Require istio.io/rev=affirmed instead.{rest}" in revision


@KINDS
@pytest.mark.parametrize(
    "client", ["url: 'https://istiod.company.com/inject'", service("company-injector"), service("istiod-affirmed")]
)
def test_a_stock_label_is_refused_whoever_is_called(kind: str, client: str) -> None:
    selector = "namespaceSelector: {matchLabels: {istio-injection: enabled}}"
    assert 'istio-injection="enabled"' in refusal(configuration(kind, entry(selector, client=client)))


@KINDS
def test_every_webhook_of_a_configuration_is_read(kind: str) -> None:
    first = entry("namespaceSelector: {matchLabels: {team: a}}", "first.company.com")
    second = entry("namespaceSelector: {matchLabels: {istio-injection: enabled}}")
    assert 'webhook "inject.company.com"' in refusal(configuration(kind, first, second))
    assert 'webhook "inject.company.com"' in refusal(configuration(kind, second, first))


@KINDS
def test_a_name_that_the_profile_keeps_or_renames_excuses_no_stock_label(kind: str) -> None:
    manifest = configuration(
        kind, entry("namespaceSelector: {matchLabels: {istio-injection: enabled}}"), name="company-injector"
    )
    for key in ("keepNames", "renameNames"):
        assert 'istio-injection="enabled"' in refusal(manifest, **{key: [f"{kind}/company-injector"]})


@pytest.mark.parametrize(
    ("kind", "name"), [(MUTATING, "istio-sidecar-injector"), (VALIDATING, "istio-galley"), (MUTATING, "")]
)
@pytest.mark.parametrize("label", ["", "istio.io/rev: affirmed"])
def test_a_webhook_of_a_revision_that_selects_the_stock_label_is_refused(kind: str, name: str, label: str) -> None:
    chosen = entry("objectSelector: {matchLabels: {istio-injection: enabled}}")
    message = refusal(configuration(kind, chosen, name=name, labels=label))
    assert "istio-injection=" in message


@pytest.mark.parametrize("merged", ["<<: *base", "matchLabels: *labels"])
def test_a_label_that_a_merge_key_or_an_alias_brings_is_read(merged: str) -> None:
    base = "base: &base {matchLabels: &labels {istio-injection: enabled}}\n"
    manifest = configuration(MUTATING, entry(f"namespaceSelector: {{{merged}}}"))
    message = refusal(manifest.replace("kind:", f"{base}kind:", 1))
    assert 'istio-injection="enabled"' in message


def test_the_label_is_read_in_the_form_that_yaml_gives_it() -> None:
    chosen = '"matchLabels": {"istio-inj\\x65ction": "en\\x61bled"}'
    assert 'istio-injection="enabled"' in refusal(configuration(MUTATING, entry(f"namespaceSelector: {{{chosen}}}")))


@KINDS
@SELECTORS
@pytest.mark.parametrize(
    "chosen",
    ["[a]", "all", "{matchLabels: [a]}", "{matchLabels: {a: {b: c}}}", "{matchLabels: {null: a}}",
     "{matchExpressions: {key: a}}", "{matchExpressions: [a]}", "{matchExpressions: [{key: a, values: [[b]]}]}"],
)  # fmt: skip
def test_what_is_not_a_selector_is_refused(kind: str, selector: str, chosen: str) -> None:
    message = refusal(configuration(kind, entry(f"{selector}: {chosen}")))
    assert f': {selector} of webhook "inject.company.com" is not a label selector' in message


# --- what other programs install stays ------------------------------------------------------------


@KINDS
@SELECTORS
@pytest.mark.parametrize("chosen", HARMLESS)
def test_a_webhook_that_excludes_stock_labels_or_selects_none_stays(kind: str, selector: str, chosen: str) -> None:
    assert stays(configuration(kind, entry(f"{selector}: {{{chosen}}}")))


@KINDS
@pytest.mark.parametrize("selectors", ["failurePolicy: Fail", "namespaceSelector: {}", "objectSelector: {}"])
def test_a_webhook_of_another_program_without_a_selector_stays(kind: str, selectors: str) -> None:
    for name in ("webhook.cert-manager.io", "mutate.kyverno.svc-fail", "vpa.k8s.io"):
        manifest = configuration(kind, entry(selectors, name, service("company-webhook")))
        assert stays(manifest), name


@KINDS
def test_canary_revisions_and_tags_of_the_mesh_are_its_own(kind: str) -> None:
    chosen = "matchExpressions: [{key: istio.io/rev, operator: In, values: [affirmed, next, affirmed-tag]}]"
    manifest = configuration(kind, entry(f"namespaceSelector: {{{chosen}}}"))
    assert stays(manifest, canaryRevisions=["next"])
    assert 'istio.io/rev="next"' in refusal(manifest)


# --- admission policies ---------------------------------------------------------------------------


def policy(kind: str, selectors: str) -> str:
    field = "matchResources" if kind.endswith("Binding") else "matchConstraints"
    return (
        f"apiVersion: admissionregistration.k8s.io/v1\nkind: {kind}\nmetadata: {{name: company-{NS}}}\n"
        f"spec:\n  policyName: company-{NS}\n  {field}: {{{selectors}}}\n"
    )


POLICIES = pytest.mark.parametrize(
    "kind",
    [
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    ],
)  # fmt: skip


@POLICIES
@SELECTORS
@pytest.mark.parametrize(("chosen", "said"), STOCK.items())
def test_an_admission_policy_that_selects_a_stock_label_is_refused(
    kind: str, selector: str, chosen: str, said: str
) -> None:
    message = refusal(policy(kind, f"{selector}: {{{chosen}}}"))
    field = "matchResources" if kind.endswith("Binding") else "matchConstraints"
    assert f"spec/{field} selects " in message
    assert said in message.splitlines()[0]
    assert f" in its {selector}, " in message


@POLICIES
@SELECTORS
@pytest.mark.parametrize("chosen", HARMLESS)
def test_an_admission_policy_that_excludes_stock_labels_or_selects_none_stays(
    kind: str, selector: str, chosen: str
) -> None:
    assert stays(policy(kind, f"{selector}: {{{chosen}}}"))


# --- validators that are known by more than their name --------------------------------------------

NARROWED = "multimesh.dev/mesh"


@pytest.mark.parametrize("called", ["istio-galley", "istiod", "istiod-affirmed"])
def test_a_validator_of_any_name_that_calls_the_control_plane_is_narrowed(called: str) -> None:
    text = rendered(configuration(VALIDATING, entry("failurePolicy: Ignore", "a.company.com", service(called))))
    assert NARROWED in text
    assert rendered(text) == text


@pytest.mark.parametrize("group", ["networking.istio.io", "config.istio.io", "'*'"])
def test_a_validator_of_galley_is_narrowed_if_it_is_called_by_url_under_another_name(group: str) -> None:
    rules = f"rules: [{{operations: ['*'], apiGroups: [{group}], apiVersions: ['*'], resources: ['*']}}]"
    other = "rules: [{operations: ['*'], apiGroups: [apps], apiVersions: ['*'], resources: ['*']}]"
    text = rendered(configuration(VALIDATING, entry(other, "first.company.com"), entry(rules), name="istio-galley"))
    assert text.count(NARROWED) == 1
    assert NARROWED in text.splitlines()[-1]
    assert rendered(text) == text


def test_a_validator_is_known_by_the_end_of_its_name_even_by_url() -> None:
    assert NARROWED in rendered(configuration(VALIDATING, entry("failurePolicy: Ignore", "rev.validation.istio.io")))


def test_a_validator_of_istio_resources_that_another_program_installs_stays() -> None:
    rules = "rules: [{operations: ['*'], apiGroups: [networking.istio.io], apiVersions: ['*'], resources: ['*']}]"
    assert stays(configuration(VALIDATING, entry(rules, "policy.company.com")))

"""The rule failure-policy: on an upgrade, the failurePolicy of validators is left to the control plane."""

from __future__ import annotations

import pytest
from rule_cases import paths, refusal, rendered, stays, unknown_shape

#: Two entries of one configuration. The entry of istio-galley is rewritten in other fields by other rules.
WEBHOOKS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}
metadata:
  name: istiod-affirmed
webhooks:
- name: {name}
  failurePolicy: Ignore # until istiod runs
  sideEffects: None
- name: other.example.com
  failurePolicy: Ignore
"""


def webhooks(name: str = "rev.validation.istio.io", kind: str = "ValidatingWebhookConfiguration") -> str:
    """Write a webhook configuration whose first entry has this name."""
    return WEBHOOKS.format(name=name, kind=kind)


@pytest.mark.parametrize("name", ["rev.validation.istio.io", "validation.istio.io", "affirmed-validation.istio.io"])
def test_an_upgrade_leaves_the_field_out(name: str):
    """Of validators of Istio, and of no other entry."""
    assert "failurePolicy: Ignore # until" not in rendered(webhooks(name), upgrade=True)
    assert rendered(webhooks(name), upgrade=True).count("failurePolicy") == 1
    assert "webhooks/0/failurePolicy" in paths(webhooks(name), upgrade=True)


def test_nothing_but_the_field_is_removed():
    """Its comment goes with it."""
    with_field = rendered(webhooks())
    assert rendered(webhooks(), upgrade=True) == with_field.replace("  failurePolicy: Ignore # until istiod runs\n", "")


def test_a_first_installation_keeps_the_field():
    """The API server would default it to Fail before the control plane runs."""
    assert rendered(webhooks()).count("failurePolicy: Ignore") == 2


def test_an_entry_without_the_field_stays():
    """Charts since 1.28.6 leave it out themselves."""
    text = webhooks().replace("  failurePolicy: Ignore # until istiod runs\n", "")
    assert rendered(text, upgrade=True) == rendered(text)


@pytest.mark.parametrize("name", ["validation.istio.io.example.com", "object.sidecar-injector.istio.io"])
def test_an_entry_of_another_name_stays(name: str):
    """The end of the name decides."""
    assert rendered(webhooks(name), upgrade=True) == rendered(webhooks(name))


def test_another_kind_stays():
    """The control plane never writes the failurePolicy of an injector."""
    text = webhooks(kind="MutatingWebhookConfiguration")
    assert stays(text, upgrade=True)


def test_a_shape_that_another_rule_refuses_is_refused_in_its_words():
    """An upgrade is refused as an installation is."""
    text = webhooks("[rev.validation.istio.io]")
    assert refusal(text, upgrade=True) == refusal(text)


def test_a_field_from_an_anchor_is_refused():
    """Removed here, it would be missing where the alias is."""
    text = webhooks().replace("Ignore #", "&policy Ignore #").replace("Ignore\n", "*policy\n")
    assert refusal(text, upgrade=True) == unknown_shape(
        "1: ValidatingWebhookConfiguration/istiod-affirmed",
        "webhooks/0/failurePolicy is shared by an alias, which cannot be edited in one place only",
        "failure-policy",
    )


def test_a_field_that_a_merge_key_brings_is_refused():
    """It is written elsewhere, and could be another one's too."""
    merged = webhooks().replace("  failurePolicy: Ignore # until istiod runs\n", "  <<: {failurePolicy: Ignore}\n")
    assert "failurePolicy" in refusal(merged, upgrade=True)
    assert "merge key" in refusal(merged, upgrade=True)

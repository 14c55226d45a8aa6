"""The rule ca-bundle: an empty caBundle is removed, since it would overwrite the one of the running control plane."""

from __future__ import annotations

import pytest
from rule_cases import paths, refusal, rendered, stays, unknown_shape

WEBHOOKS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}
metadata:
  name: {name}
webhooks:
- name: one.example.com
  clientConfig:
    caBundle: {bundle}
    url: https://one.example.com
"""

KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def webhooks(bundle: str = '""', kind: str = KINDS[0], name: str = "webhooks-affirmed") -> str:
    """Write a webhook configuration with one entry, which no other rule rewrites."""
    return WEBHOOKS.format(kind=kind, name=name, bundle=bundle)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bundle", ['""', "''", "", "null", "~"])
def test_an_empty_bundle_is_removed(kind: str, bundle: str):
    """However it is written, with `--upgrade` and without."""
    text = webhooks(bundle, kind)
    for upgrade in (False, True):
        assert rendered(text, upgrade=upgrade) == text.replace(f"    caBundle: {bundle}\n", "")
    assert paths(text) == ["webhooks/0/clientConfig/caBundle"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bundle", ["Y2E=", '"Y2E="', '"null"'])
def test_a_bundle_that_is_set_stays(kind: str, bundle: str):
    """Somebody chose it."""
    assert stays(webhooks(bundle, kind))


def test_an_entry_without_a_bundle_stays():
    """As does one without clientConfig."""
    text = webhooks() + "- name: two.example.com\n  clientConfig:\n- name: caBundle.example.com\n"
    assert stays(text.replace('    caBundle: ""\n', ""))


def test_the_bundles_of_all_entries_are_removed():
    """The first one has a bundle."""
    text = webhooks("Y2E=") + '- name: two.example.com\n  clientConfig: {caBundle: "", url: https://two}\n'
    assert rendered(text) == text.replace('caBundle: "", ', "")


@pytest.mark.parametrize(
    ("kind", "name", "entry"),
    [
        (KINDS[0], "istio-sidecar-injector", "sidecar-injector.istio.io"),
        (KINDS[1], "istio-galley", "pilot.validation.istio.io"),
    ],
)
def test_webhooks_of_istio_1_5_lose_it_on_an_upgrade_only(kind: str, name: str, entry: str):
    """Their first installation has always sent it; on an upgrade the control plane owns the field."""
    text = webhooks(kind=kind, name=name).replace("one.example.com", entry).replace(f"    url: https://{entry}\n", "")
    if kind == KINDS[0]:
        text += "  namespaceSelector:\n    matchLabels:\n      istio-injection: enabled\n"
    assert 'caBundle: ""' in rendered(text)
    assert "caBundle" not in rendered(text, upgrade=True)


def test_another_kind_stays():
    """A CRD has a caBundle too; it belongs to the owner of the CRDs."""
    assert stays(webhooks(kind="Endpoints").replace("admissionregistration.k8s.io/v1", "v1"))


def test_a_bundle_that_is_not_text_is_refused():
    """Nobody knows whether it is empty."""
    assert refusal(webhooks("[]")) == unknown_shape(
        "1: MutatingWebhookConfiguration/webhooks-affirmed", "webhooks/0/clientConfig/caBundle is not text", "ca-bundle"
    )

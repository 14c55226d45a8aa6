"""Keys of the injector's values are read with their merge keys: a gateway that one brings is renamed or refused."""

from __future__ import annotations

from rule_cases import NS, refusal, rendered

HEAD = (
    f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-sidecar-injector\n  namespace: {NS}\n"
    "  labels: {chart: a, heritage: Helm}\ndata:\n  values: |\n"
)
GATEWAY = "istio-ingressgateway: {enabled: true, labels: {app: istio-ingressgateway}}"


def test_a_gateway_in_a_merge_key_of_the_values_is_renamed() -> None:
    text = rendered(f"{HEAD}    gateways:\n      enabled: true\n      <<: {{{GATEWAY}}}\n")
    assert "istio-ingressgateway" not in text
    assert text.count(f"{NS}-ingressgateway") == 2


def test_a_gateway_that_an_alias_brings_is_refused() -> None:
    message = refusal(f"{HEAD}    base: &base {{{GATEWAY}}}\n    gateways: {{<<: *base}}\n")
    assert "is shared by an alias" in message
    assert "[gateways]" in message

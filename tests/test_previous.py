"""`check --previous`: what an upgrade without the post-renderer does where no name tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multimesh.cli import main

ENTRY = """\
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}
metadata:
  name: istio-blue-istio-blue
webhooks:
- name: {name}
  namespaceSelector:
    matchExpressions:
    - {{key: {key}, operator: In, values: [{value}]}}
"""

CASES = {
    "the entry for the label is gone": (
        ("MutatingWebhookConfiguration", "sidecar-injector.istio.io", "istio-injection", "enabled-blue"),
        ("MutatingWebhookConfiguration", "sidecar-injector.istio.io", "istio.io/rev", "blue"),
        ["MutatingWebhookConfiguration/istio-blue-istio-blue no longer selects istio-injection=enabled-blue"],
    ),
    "the validator sees the whole cluster again": (
        ("ValidatingWebhookConfiguration", "rev.validation.istio.io", "multimesh.dev/mesh", "blue"),
        ("ValidatingWebhookConfiguration", "rev.validation.istio.io", "team", "blue"),
        ["ValidatingWebhookConfiguration/istio-blue-istio-blue no longer selects multimesh.dev/mesh=blue"],
    ),
    "a stock label that goes is the chart's own doing": (
        ("MutatingWebhookConfiguration", "sidecar-injector.istio.io", "istio-injection", "enabled"),
        ("MutatingWebhookConfiguration", "sidecar-injector.istio.io", "istio.io/rev", "blue"),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_selector_of_the_mesh_that_goes_is_found(case: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """From Istio 1.24 on istiod's release has no name that the rewrite changes, only selectors."""
    before, after, expected = CASES[case]
    files = tmp_path / "before.yaml", tmp_path / "after.yaml"
    for file, (kind, name, key, value) in zip(files, (before, after)):
        file.write_text(ENTRY.format(kind=kind, name=name, key=key, value=value), encoding="utf-8")
    main(["check", str(files[1]), "--previous", str(files[0]), "-o", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]

    assert expected == [finding["message"] for finding in found if finding["id"] == "stock-name"]

"""`check --previous`: what an upgrade without the post-renderer does where no name shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

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
    """From Istio 1.24 on the release of istiod contains no name that the rewrite changes, only selectors."""
    before, after, expected = CASES[case]
    files = tmp_path / "before.yaml", tmp_path / "after.yaml"
    for file, (kind, name, key, value) in zip(files, (before, after)):
        file.write_text(ENTRY.format(kind=kind, name=name, key=key, value=value), encoding="utf-8")
    main(["check", str(files[1]), "--previous", str(files[0]), "-o", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]

    assert expected == [finding["message"] for finding in found if finding["id"] == "stock-name"]


def test_a_revision_that_becomes_a_canary_gives_its_label_away(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In a promotion the old control plane is upgraded last, and the profile lists it as the canary then."""
    labelled = ENTRY.replace("metadata:\n", "metadata:\n  labels: {{istio.io/rev: {rev}}}\n")
    kind, name = "MutatingWebhookConfiguration", "sidecar-injector.istio.io"
    spec = {"namespace": "istio-blue", "revision": "blue-2", "canaryRevisions": ["blue"]}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"metadata": {"name": "blue"}, "spec": spec}), encoding="utf-8")
    for rev, expected in (("blue", 0), ("blue-2", 1)):
        for file, key, value in (("old", "istio-injection", "enabled-blue"), ("new", "istio.io/rev", rev)):
            text = labelled.format(kind=kind, name=name, key=key, value=value, rev=rev)
            (tmp_path / f"{file}.yaml").write_text(text, encoding="utf-8")
        main([
            "check", f"{tmp_path}/new.yaml", f"--previous={tmp_path}/old.yaml", f"--profile={tmp_path}/p.yaml", "-o", "json",
        ])  # fmt: skip
        found = json.loads(capsys.readouterr().out)["findings"]
        assert expected == sum("no longer selects" in finding["message"] for finding in found), rev


def test_an_admission_policy_that_is_confined_no_more_is_found(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """It is reported in the same way as a validator that matches the whole cluster again."""
    for file, label in (("old", "multimesh.dev/mesh"), ("new", "team")):
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "stable-channel-policy-blue-istio-blue.istio.io"},
            "spec": {
                "matchConstraints": {
                    "namespaceSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": ["blue"]}]}
                }
            },
        }
        (tmp_path / f"{file}.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    main(["check", f"{tmp_path}/new.yaml", f"--previous={tmp_path}/old.yaml", "-o", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["id"] for finding in found] == ["stock-name"]

"""Every finding of `check` has manifests that produce it, and similar ones that do not."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from finding_cases import CASES, arguments, citadel, profiled, thing
from pages import ROOT
from program import profile, render

from multimesh.check.catalogue import CATALOGUE
from multimesh.cli import main

#: Findings about a running mesh: tests/check/test_verify.py has a test for each.
OF_VERIFY = (
    "admission-policy", "control-plane-down", "ca-bundle", "pod-mesh", "certificate", "left-behind", "revision-unserved", "route-mesh",
    "gateway-class",
)  # fmt: skip


def check(capsysbinary, *given):
    """Run the command in this process: its exit code and its findings."""
    code = main(["check", *given, "-o", "json"])
    said = capsysbinary.readouterr()
    assert said.err == b""
    return code, json.loads(said.out)["findings"]


def test_every_finding_has_a_case():
    """A new id needs manifests that produce it, and similar ones that do not."""
    assert set(CATALOGUE) == {*CASES, *OF_VERIFY}
    verify = (ROOT / "tests/check/test_verify.py").read_text(encoding="utf-8")
    assert [name for name in OF_VERIFY if f'"{name}"' not in verify] == []


#: Operators rely on the severity of an id.
CONTRACT = {
    "error": (
        "cluster-scoped-name injection-overlap validation-overlap webhook-flag-mismatch node-port host-port host-path "
        "citadel-scope namespace-claimed-twice shared-revision dangling-reference embedded-cluster-scoped two-owners crd-version"
    ),
    "warning": "gateway-selector trust-domain no-discovery-selector no-owner",
}


@pytest.mark.parametrize("severity", CONTRACT)
def test_an_id_keeps_its_severity(severity):
    """Exit codes of pipelines depend on it."""
    names = CONTRACT[severity].split()
    assert dict.fromkeys(names, severity) == {name: CATALOGUE[name].severity for name in names}


@pytest.mark.parametrize("finding", CASES)
def test_the_finding_is_there(capsysbinary, tmp_path, finding):
    """Both sides have file and line, and the output says why it matters and what to do."""
    code, found = check(capsysbinary, *arguments(CASES[finding].hit, tmp_path))
    mine = [item for item in found if item["id"] == finding]
    assert mine, found
    assert code == (1 if any(item["severity"] == "error" for item in found) else 0)
    for item in mine:
        assert item["message"]
        assert item["why"].endswith(".")
        assert item["remedy"]
        assert item["docs"] == f"docs/findings.md#{finding}"
        for side in item["sides"]:
            assert side["file"]
            assert side["line"] >= 0


@pytest.mark.parametrize("finding", CASES)
def test_the_near_miss_is_silent(capsysbinary, tmp_path, finding):
    """Similar manifests without the problem give no finding."""
    _, found = check(capsysbinary, *arguments(CASES[finding].miss, tmp_path))
    assert [item for item in found if item["id"] == finding] == []


@pytest.mark.parametrize("finding", CASES)
def test_the_page_shows_what_the_case_prints(finding, tmp_path, capsysbinary):
    """The example of a section is the output for the manifests of the case."""
    page = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    section = re.search(rf"(?s)\n## {finding}\n(.*?)(?=\n## |\Z)", page)
    _, found = check(capsysbinary, *arguments(CASES[finding].hit, tmp_path))
    message = next(item["message"] for item in found if item["id"] == finding)
    assert section is not None
    assert message.replace(f"{tmp_path}/", "") in section[1]


def test_the_report_of_render_has_findings_of_the_same_form(capsysbinary, tmp_path):
    """The report of `render` and the output of `check` have the same format."""
    entry = {
        "name": "sidecar-injector.istio.io",
        "clientConfig": {"service": {"name": "istiod-affirmed", "namespace": "istio-affirmed", "path": "/inject"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "namespaceSelector": {
            "matchExpressions": [
                {"key": "istio-injection", "operator": "DoesNotExist"},
                {"key": "istio.io/rev", "operator": "In", "values": ["affirmed"]},
            ]
        },
    }
    injector = thing("MutatingWebhookConfiguration", "istio-sidecar-injector-affirmed", webhooks=[entry])
    injector["apiVersion"] = "admissionregistration.k8s.io/v1beta1"
    injector["metadata"]["labels"] = {"istio.io/rev": "affirmed"}
    done = render(
        yaml.safe_dump(injector).encode(), profile("affirmed", "istio-affirmed"), f"--report={tmp_path}/r.json"
    )
    assert (done.code, done.err) == (0, "")
    noticed = json.loads((tmp_path / "r.json").read_text())["findings"]
    _, found = check(capsysbinary, *arguments(CASES["node-port"].hit, tmp_path))
    assert noticed
    assert [set(item) for item in noticed] == [set(found[0])] * len(noticed)
    assert set(noticed[0]["sides"][0]) == set(found[0]["sides"][0])


@pytest.mark.parametrize(
    ("listened", "said"),
    [
        ((), "Citadel has no --listened-namespaces, and serves the whole cluster"),
        (("istio-affirmed",), "Citadel does not serve nginx-affirmed"),
        (("istio-affirmed", "nginx-affirmed"), ""),
    ],
)
def test_a_citadel_is_held_against_the_namespaces_of_its_profile(capsysbinary, tmp_path, listened, said):
    """A Citadel that was installed without the post-renderer serves these namespaces, and all others."""
    _, found = check(capsysbinary, *arguments(profiled([citadel("affirmed", *listened)]), tmp_path))
    assert [item["message"] for item in found if item["id"] == "citadel-scope"] == ([said] if said else [])


@pytest.mark.parametrize("finding", CASES)
def test_sarif_of_every_finding_is_what_code_scanning_takes(capsysbinary, tmp_path, monkeypatch, finding):
    """No text is empty, lines count from 1, paths are relative, and every rule has its texts."""
    monkeypatch.chdir(tmp_path)
    main(["check", *arguments(CASES[finding].hit, tmp_path), "-o", "sarif"])
    body = json.loads(capsysbinary.readouterr().out)
    assert (body["version"], body["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = body["runs"]
    assert run["automationDetails"]["id"].endswith("/")
    rules = run["tool"]["driver"]["rules"]
    assert finding in [rule["id"] for rule in rules]
    for rule in rules:
        texts = [rule[key]["text"] for key in ("shortDescription", "fullDescription", "help")]
        assert all(0 < len(text) <= 1024 for text in texts)
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert set(result["partialFingerprints"]) == {"multimesh/v1"}
        assert len(result["locations"]) == 1
        for place in (*result["locations"], *result["relatedLocations"]):
            physical = place["physicalLocation"]
            assert not physical["artifactLocation"]["uri"].startswith(("/", ".", "file:"))
            assert all(number >= 1 for number in physical["region"].values())
    assert _empty(body) == []


def _empty(value: object, path: str = "") -> list[str]:
    """Return the path of every empty text."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _empty(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for number, item in enumerate(value) for found in _empty(item, f"{path}[{number}]")]
    return [path] if value == "" else []

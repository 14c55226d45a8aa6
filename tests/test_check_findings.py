"""Every finding of `check` has manifests that produce it, and a near miss that does not."""

from __future__ import annotations

import json
import re

import pytest
from finding_cases import CASES, arguments
from pages import ROOT

from multimesh.check.findings import CATALOGUE
from multimesh.cli import main

#: What only a running mesh shows: tests/test_verify.py has a test for each.
OF_VERIFY = ("control-plane-down", "ca-bundle", "pod-mesh", "certificate", "left-behind")


def check(capsysbinary, *given):
    """Run the command in this process: its exit code and its findings."""
    code = main(["check", *given, "-o", "json"])
    said = capsysbinary.readouterr()
    assert said.err == b""
    return code, json.loads(said.out)["findings"]


def test_every_finding_has_a_case():
    """Whoever adds an id writes what produces it, and what nearly does."""
    assert set(CATALOGUE) == {*CASES, *OF_VERIFY}
    verify = (ROOT / "tests/test_verify.py").read_text(encoding="utf-8")
    assert [name for name in OF_VERIFY if f'"{name}"' not in verify] == []


@pytest.mark.parametrize("finding", CASES)
def test_the_finding_is_there(capsysbinary, tmp_path, finding):
    """Both sides are named with file and line, and it says why it matters and what to do."""
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
    """What only looks like the finding is none."""
    _, found = check(capsysbinary, *arguments(CASES[finding].miss, tmp_path))
    assert [item for item in found if item["id"] == finding] == []


@pytest.mark.parametrize("finding", CASES)
def test_the_page_shows_what_the_case_prints(finding, tmp_path, capsysbinary):
    """The example of a page is the answer to the case."""
    page = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    section = re.search(rf"(?s)\n## {finding}\n(.*?)(?=\n## |\Z)", page)
    _, found = check(capsysbinary, *arguments(CASES[finding].hit, tmp_path))
    message = next(item["message"] for item in found if item["id"] == finding)
    assert section is not None
    assert message.replace(f"{tmp_path}/", "") in section[1]

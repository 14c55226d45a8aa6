"""The formats of findings that CI servers read."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import outside
import pytest
import versions

from multimesh.check.catalogue import CATALOGUE, INFO, WARNING
from multimesh.check.findings import Finding, Ignore, Side
from multimesh.check.formats import write
from multimesh.check.formats.text import as_text
from multimesh.errors import MultimeshError

FOUND = [
    Finding("two-owners", "a: 100%,\nb", (Side("m", "X/y", "a b,c:d.yaml", 7), Side("n", "", "", 0)), remedy="do it"),
    Finding("no-owner", "nobody", (), WARNING),
    Finding("two-owners", "again", (Side("", "", "cluster", 0),)),
    Finding("no-owner", "for your information \x00\ufffe", (), INFO),
]


def test_github_gets_a_command_for_each_finding_at_its_place():
    """All characters that end a property or a message are escaped."""
    lines = write("github", FOUND, "2 meshes", "check").splitlines()
    assert lines[0] == (
        "::error file=a b%2Cc%3Ad.yaml,line=7,title=two-owners::"
        "a: 100%25,%0Ab%0Aa b,c:d.yaml:7  X/y  (mesh m)%0A(mesh n)%0Ado it"
    )
    assert lines[1].startswith(f"::warning title=no-owner::nobody%0A{CATALOGUE['no-owner'].remedy[:9]}")
    assert lines[2].startswith("::error title=two-owners::again%0Acluster%0A")
    assert lines[3].startswith("::notice title=no-owner::for your information")
    assert lines[4:] == ["2 errors, 1 warning, 1 info"]
    assert write("github", [], "2 meshes", "check") == "nothing found\n"


def test_a_name_begins_no_line_of_the_text_and_no_colour():
    """Each place and message is one line, as in an error message: a workflow reads `::error::` where a line begins."""
    side = Side("m", "ClusterRole/a\n::error::b", "a\r.yaml", 3)
    entry = Ignore("no-owner", "", "", "because\n::error::c", "x", 1)
    found = [Finding("two-owners", "a\x1b[31m\u2028b", (side,)), Finding("no-owner", "x", (side,), ignored=entry)]
    text = write("text", found, "2 meshes", "check")
    assert r"  - a\x1b[31m\u2028b" in text
    assert r"      a\r.yaml:3  ClusterRole/a\n::error::b  (mesh m)" in text
    assert r"      because\n::error::c  (x:1)" in text
    assert all(line.isprintable() and not line.startswith("::") for line in text.split("\n"))
    error = MultimeshError("a\r.yaml:1", "b\x1b[31m\n::error::c", "d", "e")
    assert str(error) == r"multimesh: a\r.yaml:1: b\x1b[31m\n::error::c [e]" + "\n  d"


def test_junit_has_a_case_for_each_id_and_fails_for_errors():
    suite = ET.fromstring(write("junit", FOUND, "2 meshes", "verify"))  # noqa: S314 - our own output
    assert suite.attrib == {"name": "multimesh verify", "tests": "2", "failures": "1", "errors": "0"}
    warned, failed = suite
    assert (failed.get("classname"), failed.get("name")) == ("multimesh.verify", "two-owners")
    [failure] = failed
    assert failure.tag == "failure"
    assert str(failure.get("message")).startswith("2 x two-owners: ")
    assert "a b,c:d.yaml:7  X/y  (mesh m)" in str(failure.text)
    [output] = warned
    assert output.tag == "system-out"
    assert "warning: nobody" in str(output.text)
    assert "for your information \ufffd\ufffd" in str(output.text)


def test_junit_fails_for_what_makes_the_exit_code_1():
    """With --severity warning a warning does, and a CI server that shows the report must not call it passed."""
    for least, failures in (("error", "1"), ("warning", "2"), ("info", "2")):
        suite = ET.fromstring(write("junit", FOUND, "2 meshes", "check", least=least))  # noqa: S314 - our own output
        assert suite.get("failures") == failures
        assert (suite[0].find("system-out") is not None) == (least != "info")


def test_junit_without_findings_is_one_case_that_passes():
    """A server treats a suite without cases as one that did not run."""
    suite = ET.fromstring(write("junit", [], "2 meshes", "check"))  # noqa: S314 - our own output
    assert [(case.tag, case.get("name"), len(case)) for case in suite] == [("testcase", "nothing found", 0)]


def test_sarif_names_files_below_the_working_directory_by_their_relative_paths(tmp_path, monkeypatch):
    """And what has no resource or no file by what is known of it."""
    monkeypatch.chdir(tmp_path)
    places = (
        Side("m", "X/y", str(tmp_path / "a" / "b c.yaml"), 7), Side("m", "", "./d.yaml", 0), Side("", "", "/outside/e.yaml", 1),
        Side("m", "X/z", "<stdin>", 2), Side("", "X/w", "", 3),
    )  # fmt: skip
    [result] = json.loads(write("sarif", [Finding("two-owners", "a", places)], "2 meshes", "check"))["runs"][0][
        "results"
    ]
    found = [*result["locations"], *result["relatedLocations"]]
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in found] == [
        "a/b%20c.yaml", "d.yaml", "/outside/e.yaml", "stdin", "cluster",
    ]  # fmt: skip
    assert [place["logicalLocations"][0]["fullyQualifiedName"] for place in found] == ["X/y", "m", "mesh", "X/z", "X/w"]
    assert [place["physicalLocation"]["region"]["startLine"] for place in found] == [7, 1, 1, 2, 3]


@pytest.mark.parametrize(("value", "expected"), [("true", "github"), ("false", "text"), ("", "text")])
def test_a_workflow_of_github_gets_its_commands_by_itself(monkeypatch, value, expected):
    from multimesh.cli import parser

    monkeypatch.setenv("GITHUB_ACTIONS", value)
    monkeypatch.delenv("MULTIMESH_OUTPUT", raising=False)
    assert parser().parse_args(["check"]).output == expected
    assert parser().parse_args(["check", "-o", "json"]).output == "json"


def test_advice_that_all_findings_of_one_id_have_in_common_is_printed_once():
    """Eight names of two meshes have one remedy."""
    same = [Finding("two-owners", what, remedy="do it") for what in "ab"]
    assert as_text(same, "x").count("do it") == 1
    assert CATALOGUE["two-owners"].remedy not in as_text(same, "x")
    mixed = as_text([*same, Finding("two-owners", "c")], "x")
    assert (mixed.count("do it"), mixed.count(CATALOGUE["two-owners"].remedy)) == (2, 1)
    assert as_text(same[:1], "x").count("do it") == 1


VALIDATOR = ("@microsoft/sarif-multitool-linux", versions.only("sarif-multitool"))


def test_the_validator_of_sarif_warns_of_nothing(tmp_path):
    """Its rules for SARIF and those of GitHub's code scanning give no error and no warning."""
    program = Path(outside.npm(*VALIDATOR, "@microsoft/sarif-multitool-linux/Sarif.Multitool"))
    program.chmod(0o755)
    every = [
        Finding(name, f"it is {name}", (Side("m", "Kind/name", "a b/c.yaml", 7), Side("n", "", "d.yaml", 1)))
        for name in CATALOGUE
    ]
    file = tmp_path / "found.sarif"
    file.write_text(write("sarif", [*every, *FOUND], "2 meshes", "check"), encoding="utf-8")
    out = tmp_path / "validated.sarif"
    flags = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", str(out)]
    # It is a program of .NET, and a machine may lack the library for languages.
    environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(tmp_path)}
    done = subprocess.run(
        [str(program), "validate", str(file), *flags], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = json.loads(out.read_text(encoding="utf-8-sig"))["runs"]
    said = [(one["ruleId"], one["level"], one["message"]) for one in run.get("results", [])]
    assert said == []

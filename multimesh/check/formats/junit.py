"""Write findings as JUnit XML, which CI servers show as tests.

Each id of a finding is a test case: a failure for what makes the exit code 1, and output for all else and what is
ignored. A case of which everything is ignored is skipped.
"""

from __future__ import annotations

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from multimesh.check.catalogue import CATALOGUE, ERROR, SEVERITIES
from multimesh.check.findings import Finding

#: Characters that XML 1.0 cannot hold are written as this one.
_REPLACEMENT = "\ufffd"


def as_junit(findings: list[Finding], command: str, least: str = ERROR) -> str:
    """Return a test suite with a case for each id; without findings, one case that passes.

    Findings of the severity `least` or a higher one are failures.
    """
    failing = SEVERITIES[: SEVERITIES.index(least) + 1]
    suite = Element("testsuite", name=f"multimesh {command}")
    failures = 0
    for name, group in groupby(sorted(findings, key=lambda finding: finding.id), key=lambda finding: finding.id):
        found = list(group)
        case = SubElement(suite, "testcase", classname=f"multimesh.{command}", name=name)
        errors = [_text(one) for one in found if one.level in failing and one.ignored is None]
        others = [_text(one) for one in found if one.level not in failing or one.ignored is not None]
        reasons = [str(one.ignored) for one in found if one.ignored is not None]
        if errors:
            failures += 1
            failure = SubElement(case, "failure", message=_valid(f"{len(errors)} x {name}: {CATALOGUE[name].why}"))
            failure.text = _valid("\n".join(errors))
        if len(reasons) == len(found):
            SubElement(case, "skipped", message=_valid("; ".join(dict.fromkeys(reasons))))
        if others:
            SubElement(case, "system-out").text = _valid("\n".join(others))
    if not findings:
        SubElement(suite, "testcase", classname=f"multimesh.{command}", name="nothing found")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    suite.set("errors", "0")
    if skipped := len(suite.findall("testcase/skipped")):
        suite.set("skipped", str(skipped))
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _text(finding: Finding) -> str:
    places = "".join(f"\n    {side}" for side in finding.sides)
    level = finding.label if finding.ignored is None else "ignored"
    return f"{level}: {finding.message}{places}\n    {finding.ignored or finding.advice}"


def _valid(text: str) -> str:
    """Return text with only those characters that XML 1.0 allows (section 2.2)."""
    return "".join(
        one
        if one in "\t\n" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd" or one > "\uffff"
        else _REPLACEMENT
        for one in text
    )

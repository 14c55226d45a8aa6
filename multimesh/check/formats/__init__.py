"""The formats in which findings are written."""

from __future__ import annotations

from multimesh.check.catalogue import ERROR
from multimesh.check.findings import Finding
from multimesh.check.formats.github import as_github
from multimesh.check.formats.json_object import as_json
from multimesh.check.formats.junit import as_junit
from multimesh.check.formats.sarif import as_sarif
from multimesh.check.formats.text import as_text

#: What `--output` accepts.
FORMATS = ("text", "json", "sarif", "github", "junit")


def write(
    form: str, findings: list[Finding], subject: str, command: str, *, least: str = ERROR, colour: bool = False
) -> str:
    """Return findings in one of `FORMATS`.

    `subject` is what was checked, for the summary line of the text; `command` is the command that found them, for
    SARIF and JUnit; `least` is the least severity of a failure in JUnit.
    """
    if form == "json":
        return as_json(findings)
    if form == "sarif":
        return as_sarif(findings, command)
    if form == "github":
        return as_github(findings)
    if form == "junit":
        return as_junit(findings, command, least)
    return as_text(findings, subject, colour=colour)

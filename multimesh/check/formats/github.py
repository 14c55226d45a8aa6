"""Write findings as workflow commands of GitHub Actions, which shows them at the lines of a pull request.

Source: docs.github.com, Workflow commands for GitHub Actions, setting an error message.
"""

from __future__ import annotations

from multimesh.check.catalogue import ERROR, INFO, WARNING
from multimesh.check.findings import Finding, parted
from multimesh.check.formats.text import summary

_COMMANDS = {ERROR: "error", WARNING: "warning", INFO: "notice"}

#: What ends a message or a property, and how it is written instead.
_ESCAPES = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY_ESCAPES = (*_ESCAPES, (":", "%3A"), (",", "%2C"))


def as_github(findings: list[Finding]) -> str:
    """Return one command for each finding, at its first place, and a last line with the number of each severity."""
    lines = []
    counted, ignored = parted(findings)
    for finding in counted:
        place = finding.sides[0] if finding.sides else None
        properties = {"title": finding.id}
        if place is not None and place.file and place.line:
            properties = {"file": place.file, "line": str(place.line), **properties}
        written = ",".join(f"{key}={_escaped(value, _PROPERTY_ESCAPES)}" for key, value in properties.items())
        changed = f" [{finding.label}]" if finding.default else ""
        others = "".join(f"\n{side}" for side in finding.sides)
        message = _escaped(f"{finding.message}{changed}{others}\n{finding.advice}", _ESCAPES)
        lines.append(f"::{_COMMANDS[finding.level]} {written}::{message}")
    lines += [_one_line(f"ignored: {finding.id}: {finding.message}: {finding.ignored}") for finding in ignored]
    return "\n".join([*lines, summary(findings)]) + "\n"


def _one_line(text: str) -> str:
    """Return text that begins no command: one line."""
    return " ".join(text.split())


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for sign, escape in escapes:
        text = text.replace(sign, escape)
    return text

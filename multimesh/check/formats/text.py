"""Write findings for people: grouped by severity and id, with a summary line."""

from __future__ import annotations

from itertools import groupby

from multimesh.check.catalogue import CATALOGUE, ERROR, INFO, WARNING
from multimesh.check.findings import Finding, counts


def as_text(findings: list[Finding], subject: str, *, colour: bool = False) -> str:
    """Return findings as text, with ANSI colours if asked for; `subject` begins the summary line."""
    paint = {ERROR: "\x1b[31m", WARNING: "\x1b[33m", INFO: "\x1b[36m"}
    lines: list[str] = []
    for (level, name), group in groupby(findings, key=lambda finding: (finding.level, finding.id)):
        head, page = f"{level}: {name}", CATALOGUE[name]
        lines += [f"{paint[level]}{head}\x1b[0m" if colour else head, f"  {page.why}"]
        general = False
        for finding in group:
            lines.append(f"  - {finding.message}")
            lines += [f"      {side}" for side in finding.sides]
            if finding.remedy:
                lines.append(f"      {finding.remedy}")
            general = general or not finding.remedy
        lines += [*([f"  {page.remedy}"] if general else []), f"  More: multimesh explain {name}", ""]
    bold, off = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    lines.append(f"{bold}{subject}: {summary(findings)}{off}")
    return "\n".join(lines) + "\n"


def summary(findings: list[Finding]) -> str:
    """Return the number of findings in words, such as `2 errors, 1 warning`."""
    count = counts(findings)
    parts = (
        f"{number} {level}{'s' if number != 1 and level != INFO else ''}" for level, number in count.items() if number
    )
    return ", ".join(parts) or "nothing found"

"""Write findings for people: grouped by severity and id, with a summary line."""

from __future__ import annotations

from itertools import groupby

from multimesh.check.catalogue import CATALOGUE, ERROR, INFO, WARNING
from multimesh.check.findings import Finding, counts, parted
from multimesh.errors import one_line


def as_text(findings: list[Finding], subject: str, *, colour: bool = False) -> str:
    """Return findings as text, with ANSI colours if asked for; `subject` begins the summary line."""
    paint = {ERROR: "\x1b[31m", WARNING: "\x1b[33m", INFO: "\x1b[36m"}
    lines: list[str] = []
    counted, ignored = parted(findings)
    for (level, label, name), group in groupby(counted, key=lambda finding: (finding.level, finding.label, finding.id)):
        head, page = f"{label}: {name}", CATALOGUE[name]
        lines += [f"{paint[level]}{head}\x1b[0m" if colour else head, f"  {page.why}"]
        several = list(group)
        remedies = {finding.remedy or page.remedy for finding in several}
        common = next(iter(remedies)) if len(several) > 1 and len(remedies) == 1 else page.remedy
        for finding in several:
            lines.append(f"  - {one_line(finding.message)}")
            lines += [f"      {one_line(str(side))}" for side in finding.sides]
            if finding.remedy and finding.remedy != common:
                lines.append(f"      {finding.remedy}")
        lines += [*([f"  {common}"] if common in remedies else []), f"  More: multimesh explain {name}", ""]
    for name, group in groupby(ignored, key=lambda finding: finding.id):
        lines.append(f"ignored: {name}")
        for finding in group:
            lines.append(f"  - {one_line(finding.message)}")
            lines += [f"      {one_line(str(side))}" for side in finding.sides]
            lines.append(f"      {one_line(str(finding.ignored))}")
        lines.append("")
    bold, off = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    lines.append(f"{bold}{subject}: {summary(findings)}{off}")
    return "\n".join(lines) + "\n"


def summary(findings: list[Finding]) -> str:
    """Return the number of findings in words, such as `2 errors, 1 warning`."""
    count = counts(findings)
    parts = [
        f"{number} {level}{'s' if number != 1 and level != INFO else ''}" for level, number in count.items() if number
    ]
    ignored = len(findings) - sum(count.values())
    return ", ".join([*(parts or ["nothing found"]), *([f"{ignored} ignored"] if ignored else [])])

"""Write findings for programs, as one JSON object."""

from __future__ import annotations

import json

from multimesh import __version__
from multimesh.check.findings import Finding, counts


def as_json(findings: list[Finding]) -> str:
    """Write findings for machines: an object with `findings` and a count of each severity."""
    told = [finding.plain() for finding in findings]
    body = {"multimesh": __version__, "findings": told, "counts": counts(findings)}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"

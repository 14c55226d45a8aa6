"""Write findings for programs, as one JSON object."""

from __future__ import annotations

import json

from multimesh.check.findings import Finding, counts
from multimesh.version import __version__


def as_json(findings: list[Finding]) -> str:
    """Return a JSON object with `findings` and the number of each severity."""
    plain = [finding.plain() for finding in findings]
    body = {"multimesh": __version__, "findings": plain, "counts": counts(findings)}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"

"""Write findings for programs, as one JSON object."""

from __future__ import annotations

import json

from multimesh.check.findings import Finding, counts, parted
from multimesh.version import __version__


def as_json(findings: list[Finding]) -> str:
    """Return a JSON object with `findings`, those that are `ignored`, and the number of each severity."""
    counted, ignored = ([finding.plain() for finding in part] for part in parted(findings))
    body = {"multimesh": __version__, "findings": counted, "ignored": ignored, "counts": counts(findings)}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"

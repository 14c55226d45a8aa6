"""Write findings as SARIF 2.1.0, as code scanning services require it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any
from urllib.parse import quote

from multimesh.check.catalogue import CATALOGUE, ERROR, INFO, WARNING, link
from multimesh.check.findings import Finding, Side
from multimesh.version import HOME, __version__

#: The limits of code scanning services: results in one run, and places of one result.
MAX_RESULTS, MAX_PLACES = 25_000, 1000

#: What SARIF calls the severities.
_LEVELS = {ERROR: "error", WARNING: "warning", INFO: "note"}


def as_sarif(findings: list[Finding], command: str) -> str:
    """Return findings as SARIF 2.1.0; code scanning services require a location with a region for each."""
    used = list(dict.fromkeys(finding.id for finding in findings))
    driver = {
        "name": "multimesh",
        "informationUri": HOME,
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in used],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"multimesh/{command}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, used.index(finding.id)) for finding in findings[:MAX_RESULTS]],
    }
    body = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, Any]:
    """Return the description of an id."""
    page = CATALOGUE[name]
    return {
        "id": name,
        "shortDescription": {"text": name.replace("-", " ")},
        "fullDescription": {"text": page.why},
        "helpUri": f"{HOME}/{link(name)}",
        "help": {"text": page.remedy, "markdown": f"{page.remedy} More: `multimesh explain {name}`"},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {
            "tags": ["istio"],
            "precision": "high",
            "problem.severity": "recommendation" if page.severity == INFO else page.severity,
        },
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    places = [_location(side) for side in finding.sides] or [_location(Side("", "", "", 1))]
    # An entry of a file of its own, and not a comment in the manifest: SARIF 2.1.0, 3.35.
    accepted = finding.ignored
    suppressed = (
        {"suppressions": [{"kind": "external", "status": "accepted", "justification": accepted.reason}]}
        if accepted is not None
        else {}
    )
    return {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.message}. {finding.advice}"},
        "locations": places[:1],
        "relatedLocations": [{"id": number, **place} for number, place in enumerate(places[1:MAX_PLACES], 1)],
        "partialFingerprints": {"multimesh/v1": _fingerprint(finding)},
        **suppressed,
    }


def _fingerprint(finding: Finding) -> str:
    """Return a hash that does not depend on lines: of the id, the message, and the meshes and resources."""
    text = "\n".join((finding.id, finding.message, *(f"{side.mesh} {side.resource}" for side in finding.sides)))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _location(side: Side) -> dict[str, Any]:
    line = max(side.line, 1)
    region = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2}
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(side.file)}, "region": region},
        "logicalLocations": [{"fullyQualifiedName": side.resource or side.mesh or "mesh", "kind": "resource"}],
    }


def _uri(file: str) -> str:
    """Return a path as a URI: relative to the working directory if it is below it, with slashes."""
    if os.path.isabs(file):
        below = os.path.relpath(file)
        file = file if below.startswith("..") else below
    path = file.replace("\\", "/").removeprefix("./").replace("<stdin>", "stdin")
    return quote(path) or "cluster"

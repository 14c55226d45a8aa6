"""Write findings as SARIF 2.1.0, as code scanning services require it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any
from urllib.parse import quote

from multimesh import __version__
from multimesh.check.catalogue import CATALOGUE, ERROR, INFO, WARNING, link
from multimesh.check.findings import Finding, Side

#: The limits of code scanning services: results in one run, and places of one result.
MAX_RESULTS, MAX_PLACES = 25_000, 1000


def as_sarif(findings: list[Finding], command: str) -> str:
    """Return findings as SARIF 2.1.0, each with at least one location with a region, which code scanning services
    require.
    """
    used = list(dict.fromkeys(finding.id for finding in findings))
    level = {ERROR: "error", WARNING: "warning", INFO: "note"}
    results = []
    for finding in findings[:MAX_RESULTS]:
        places = [_location(side) for side in finding.sides] or [_location(Side("", "", "", 1))]
        results.append({
            "ruleId": finding.id,
            "ruleIndex": used.index(finding.id),
            "level": level[finding.level],
            "message": {"text": f"{finding.message}. {finding.advice}"},
            "locations": places[:1],
            "relatedLocations": [{"id": number, **place} for number, place in enumerate(places[1:MAX_PLACES], 1)],
            "partialFingerprints": {"multimesh/v1": _fingerprint(finding)},
        })  # fmt: skip
    rules = [
        {
            "id": name,
            "shortDescription": {"text": name.replace("-", " ")},
            "fullDescription": {"text": CATALOGUE[name].why},
            "help": {"text": CATALOGUE[name].remedy, "markdown": f"{CATALOGUE[name].remedy} See {link(name)}."},
            "defaultConfiguration": {"level": level[CATALOGUE[name].severity]},
            "properties": {
                "tags": ["istio"],
                "precision": "high",
                "problem.severity": {INFO: "recommendation"}.get(CATALOGUE[name].severity, CATALOGUE[name].severity),
            },
        }
        for name in used
    ]
    driver = {"name": "multimesh", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"multimesh/{command}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    body = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


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

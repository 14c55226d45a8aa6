"""What one rendering did, as JSON: Helm shows nothing of a post-renderer that succeeds."""

import json

from multimesh import __version__
from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.profile import Profile
    from multimesh.render import Rendering


def report(rendering: "Rendering", mesh: "Profile") -> "dict[str, Any]":
    """Return the report as plain values: what was rewritten, dropped and noticed, each with its line in the stream."""
    return {
        "multimesh": __version__,
        "mesh": mesh.name,
        "profile": mesh.where,
        "resources": rendering.resources,
        "rewritten": [
            {
                "resource": edit.subject,
                "path": path,
                "rule": rule,
                "line": int(first) + text.count("\n", 0, edit.start),
            }
            for first, text, edits in rendering.edited
            for edit in edits
            for rule, path in edit.reasons
        ],
        "dropped": [{"resource": title, "rule": rule, "line": int(start)} for title, rule, start in rendering.dropped],
        "findings": [_finding(notice, mesh) for notice in rendering.noticed],
    }


def _finding(notice: "dict[str, object]", mesh: "Profile") -> "dict[str, Any]":
    """Return what a rule noticed in the form in which `check` prints findings."""
    file, _, line = str(notice["where"]).rpartition(":")
    return {
        "id": notice["id"],
        "severity": notice["severity"],
        "message": notice["message"],
        "why": "",
        "remedy": notice["remedy"],
        "docs": f"docs/rules.md#{notice['rule']}",
        "sides": [{"mesh": mesh.name, "resource": notice["resource"], "file": file, "line": int(line)}],
    }


def write(path: str, rendering: "Rendering", mesh: "Profile") -> None:
    """Write the report to a file. Raises MultimeshError where that is not possible."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report(rendering, mesh), file, indent=2, ensure_ascii=False)
            file.write("\n")
    except OSError as error:
        raise MultimeshError(
            path, f"cannot write the report: {error.strerror}", "Name a file in a folder that exists."
        ) from None

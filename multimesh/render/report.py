"""Write what one run rewrote, dropped and noticed as JSON: Helm shows nothing of a post-renderer that succeeds."""

from __future__ import annotations

import json
import re

from multimesh.errors import MultimeshError
from multimesh.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.mesh.profile import Profile
    from multimesh.render.rendering import Rendering


def report(rendering: Rendering, mesh: Profile) -> dict[str, Any]:
    """Return the report as plain values: what was rewritten, dropped and noticed, each with its line in the stream."""
    return {
        "multimesh": __version__,
        "mesh": mesh.name,
        "profile": mesh.where,
        "resources": rendering.resources,
        "rewritten": _rewritten(rendering),
        "dropped": [{"resource": title, "rule": rule, "line": int(start)} for title, rule, start in rendering.dropped],
        "findings": [_finding(notice, mesh) for notice in rendering.notices]
        + _deletions(rendering, mesh)
        + _entries(rendering, mesh),
    }


def _rewritten(rendering: Rendering) -> list[dict[str, Any]]:
    found = []
    for first, text, edits in rendering.edited:
        line, at = int(first), 0
        for edit in edits:
            line, at = line + text.count("\n", at, edit.start), edit.start
            found += [
                {"resource": edit.subject, "path": path, "rule": rule, "line": line}
                for rule, path in edit.reasons
                # The edit of a dropped document has no path.
                if path
            ]
    return found


def _deletions(rendering: Rendering, mesh: Profile) -> list[dict[str, Any]]:
    """Return a finding about CRDs that are left out: Helm deletes them if the release had installed them."""
    left = [
        (title, int(start)) for title, _, start in rendering.dropped if title.startswith("CustomResourceDefinition/")
    ]
    if not left:
        return []
    return [
        {
            "id": "crd-deleted",
            "severity": "info",
            "message": f"left out: {', '.join(title for title, _ in left)}",
            "why": "If this release had installed them, Helm deletes each whose live object has no "
            "helm.sh/resource-policy: keep, and with it every resource of its kind in the whole cluster.",
            "remedy": "Nothing for a first install; before an upgrade: multimesh check NEW --previous OLD.",
            "docs": "docs/upgrades.md#what-dropping-a-crd-would-make-helm-do",
            "sides": [{"mesh": mesh.name, "resource": title, "file": "<stdin>", "line": line} for title, line in left],
        }
    ]


def _entries(rendering: Rendering, mesh: Profile) -> list[dict[str, Any]]:
    """Return findings about entries of lists in the profile that this run had no use for."""
    found = []
    for name in mesh.repeated_namespaces:
        message = f'spec.workloadNamespaces holds "{name}" more than once'
        found.append(_of_profile(message, "It counts once. Remove the others.", "spec.workloadNamespaces", name, mesh))
    lists = (
        ("spec.keepNames", mesh.keep_names, _mentions),
        ("spec.renameNames", mesh.rename_names, _mentions),
        ("spec.foreignSubjects", mesh.foreign_subjects, _holds_both),
        ("spec.flags", [f"{flag.get('workload', '')}/{flag['container']}" for flag in mesh.flags], _holds_both),
    )
    # No document is parsed once more: an entry that occurs in a text only is not a finding.
    documents = rendering.stock.decode().split("\n---") if any(entries for _, entries, _ in lists) else []
    for key, entries, is_in in lists:
        for entry in sorted(entries, key=lambda one: mesh.line(key, one)):
            if not any(is_in(document, entry) for document in documents):
                message = f'{key} holds "{entry.removeprefix("/")}", which occurs nowhere in this stream'
                remedy = "If no other chart of this mesh has it, correct its spelling, or remove it."
                found.append(_of_profile(message, remedy, key, entry, mesh))
    return found


#: Kinds that are referred to without their names: by an annotation, by a key, by a word of `resources`.
_REFERRED_WITHOUT_KIND = (
    "ClusterIssuer", "ClusterPolicy", "MutatingAdmissionPolicy", "PersistentVolume", "PodSecurityPolicy",
    "PriorityLevelConfiguration", "VolumeGroupSnapshotContent", "VolumeSnapshotContent",
)  # fmt: skip


def _mentions(document: str, entry: str) -> bool:
    """Return whether a document holds the kind and the name of an entry such as `Kind/name` or `Kind/*`."""
    kind, _, name = entry.partition("/")
    if name != "*" and not _holds(document, name):
        return False
    return kind in _REFERRED_WITHOUT_KIND or re.search(rf"(?<!\w){re.escape(kind)}(?!\w)", document) is not None


def _holds_both(document: str, entry: str) -> bool:
    """Return whether a document holds both names of an entry, such as an account and its namespace."""
    return all(_holds(document, name) for name in entry.split("/") if name)


def _holds(document: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", document) is not None


def _of_profile(message: str, remedy: str, key: str, item: str, mesh: Profile) -> dict[str, Any]:
    return {
        "id": "profile-entry",
        "severity": "info",
        "message": message,
        "why": "",
        "remedy": remedy,
        "docs": "docs/profile.md#names-in-lists",
        "sides": [{"mesh": mesh.name, "resource": key, "file": mesh.where, "line": mesh.line(key, item)}],
    }


def _finding(notice: dict[str, object], mesh: Profile) -> dict[str, Any]:
    """Return what a rule noticed, in the form of the findings of `check`."""
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


def write(path: str, rendering: Rendering, mesh: Profile) -> None:
    """Write the report to a file. Raises MultimeshError if that is not possible."""
    if path == "-":
        raise MultimeshError("", "--report is -, and the manifest is on stdout", "Name a file, or /dev/stderr.")
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report(rendering, mesh), file, indent=2, ensure_ascii=False)
            file.write("\n")
    except OSError as error:
        raise MultimeshError(
            path,
            f"cannot write the report: {error.strerror}",
            "Name a file in a directory that exists, and may be written.",
        ) from None

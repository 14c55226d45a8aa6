"""Read .multimesh.yaml, which says which findings to ignore and why, how severe others are, and whether to be strict.

It is looked for in the directory of each profile and in the one above, which holds the directories of several meshes,
and if there is none, in the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from multimesh.check.catalogue import CATALOGUE, ERROR, SEVERITIES
from multimesh.check.findings import Finding, Ignore, Side
from multimesh.errors import MultimeshError, may_read
from multimesh.mesh.definitions import check_any
from multimesh.mesh.profile import nearest_key, read_field
from multimesh.yamltext.fieldpath import is_mapping, is_sequence
from multimesh.yamltext.parser import compose_all

if TYPE_CHECKING:
    from multimesh.yamltext.nodes import Node

NAME = ".multimesh.yaml"

#: The finding that something could not be read. It cannot be ignored: an open question must not look like an answer.
OPEN = "unreadable"


def _check_words(text: str) -> str:
    """Return what is wrong with a text that must say something; empty if nothing is."""
    return "" if text.strip() else "is blank"


_TEXT = ("text", check_any)
_IGNORE = (
    "fields",
    {
        "finding": (("text", check_any), "The id of a finding, such as trust-domain."),
        "resource": (_TEXT, "Only findings at this resource, as Kind/name or Kind/namespace/name; * is any text."),
        "mesh": (_TEXT, "Only findings that concern this mesh."),
        "reason": (("text", _check_words), "Why: it is printed with every finding that is ignored."),
    },
    ("finding", "reason"),
)
SETTINGS: Any = (
    "fields",
    {
        "ignore": (("list", _IGNORE), "Findings that are counted and printed, and fail nothing."),
        "severity": (("map", ("one of", SEVERITIES)), "A severity for each id of a finding."),
        "strict": (("switch",), "As --strict: what could not be read is an error."),
    },
    (),
)


class Settings(NamedTuple):
    """What a file says; without one, nothing."""

    file: str = ""
    ignores: tuple[Ignore, ...] = ()
    severities: tuple[tuple[str, str], ...] = ()
    strict: bool = False


def find(given: str, profiles: Iterable[str]) -> Settings:
    """Return the settings of a file that is given, or else of the one beside profiles or in the working directory.

    Raises MultimeshError for a file with mistakes, and if profiles have different files beside them.
    """
    if given:
        return load(given)
    # Absolute ones: the parent of ".." is not ".", and one directory may be typed in several ways.
    directories = [Path(os.path.abspath(profile)).parent for profile in profiles]
    found = list(dict.fromkeys(
        path for directory in directories for path in (directory / NAME, directory.parent / NAME) if _exists(path)
    ))  # fmt: skip
    if len(found) > 1:
        what = f"there is another {NAME} for these profiles: {shown(str(found[1]))}"
        raise MultimeshError(shown(str(found[0])), what, "Name one with --config FILE.")
    if not found and _exists(Path(NAME)):
        found = [Path(NAME)]
    return load(shown(str(found[0]))) if found else Settings()


def _exists(path: Path) -> bool:
    """Return whether there is something of this name: a broken link or a directory is an error, and not no file."""
    return os.path.lexists(path)


def shown(path: str) -> str:
    """Return a path as a user would type it: relative if it is below the working directory."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def load(path: str) -> Settings:
    """Return the settings in a file. Raises MultimeshError with every mistake in it."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = may_read(error, f"Looked at {os.path.abspath(path)}.")
        raise MultimeshError(path, f"cannot be read: {error.strerror}", hint) from None
    except UnicodeDecodeError:
        raise MultimeshError(path, "is not UTF-8", "Save it as UTF-8.") from None
    roots = list(compose_all(text, path))
    if not roots:
        return Settings(path)
    errors: list[MultimeshError] = []

    def report(node: Node, what: str, hint: str = "") -> None:
        # The words are those of a profile, whose reader this is.
        what = what.replace("the profile", NAME)
        hint = "Write some words." if "multimesh explain" in hint else hint.replace("Known keys", "Known words")
        errors.append(MultimeshError(f"{path}:{1 + node.start_mark.line}", what, hint))

    if len(roots) > 1:
        report(roots[1], f"{NAME} holds {len(roots)} documents", "Write one.")
    read = read_field(roots[0], SETTINGS, "", report)
    if not errors:
        _check_ids(roots[0], read, report)
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]
    ignores = tuple(
        Ignore(item["finding"], item.get("resource", ""), item.get("mesh", ""), item["reason"], path, line)
        for item, line in zip(read.get("ignore", []), _lines(roots[0], "ignore"), strict=True)
    )
    return Settings(path, ignores, tuple(read.get("severity", {}).items()), read.get("strict", False))


def _value(root: Node, name: str) -> Any:
    """Return the node of the value of a key of the root; None where it is absent."""
    return next((value for key, value in root.value if key.value == name), None) if is_mapping(root) else None


def _lines(root: Node, name: str) -> list[int]:
    """Return the lines of the items of a list."""
    node = _value(root, name)
    return [1 + item.start_mark.line for item in node.value] if node is not None and is_sequence(node) else []


def _check_ids(root: Node, read: dict[str, Any], report: Callable[..., None]) -> None:
    """Report ids that are not those of findings, and settings that would make an open question look like an answer."""
    for number, item in enumerate(read.get("ignore", [])):
        node, name = _value(root, "ignore").value[number], item["finding"]
        for key in ("resource", "mesh"):
            if key not in item and _value(node, key) is not None:
                # Without a value it would ignore the findings of every resource or mesh.
                report(node, f"ignore[{number}].{key} is empty", "Give it a value, or leave the key out.")
        if name not in CATALOGUE:
            report(node, f'ignore[{number}].finding "{name}" is not a finding', nearest_key(name, CATALOGUE))
        elif name == OPEN:
            hint = "Grant the right to read it, or name the file: nothing is known about it."
            report(node, f'ignore[{number}].finding "{name}" is an open question', hint)
    for number, (name, level) in enumerate(read.get("severity", {}).items()):
        node = _value(root, "severity").value[number][0]
        if name not in CATALOGUE:
            report(node, f'severity has the key "{name}", which is not a finding', nearest_key(name, CATALOGUE))
        elif name == OPEN and level != ERROR:
            report(node, f'severity.{OPEN} is "{level}": an open question can only be made an error', "Leave it out.")


def applied(settings: Settings, findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with the severities of the settings, those to ignore marked, and one for each unused entry."""
    levels = dict(settings.severities)
    used: set[Ignore] = set()
    found = []
    for finding in findings:
        changed = finding.at(levels[finding.id]) if finding.id in levels else finding
        entry = next((entry for entry in settings.ignores if _fits(entry, finding)), None)
        if entry is not None:
            used.add(entry)
            changed = changed._replace(ignored=entry)
        found.append(changed)
    for entry in settings.ignores:
        if entry not in used:
            where = "".join(f" of {key} {value}" for key, value in (("mesh", entry.mesh),) if value)
            what = f"nothing was found that this entry ignores: {entry.finding}{where}"
            unused = Finding("unused-ignore", what, (Side(entry.mesh, entry.resource, entry.file, entry.line),))
            found.append(unused.at(levels[unused.id]) if unused.id in levels else unused)
    return found


def _fits(entry: Ignore, finding: Finding) -> bool:
    """Return whether an entry ignores a finding: one side has its resource, and one its mesh."""
    if entry.finding != finding.id or finding.id == OPEN:
        return False
    # After the resource, a side may name a part of it.
    resources = [part for side in finding.sides for part in (side.resource, side.resource.partition(" ")[0])]
    return (not entry.resource or any(fnmatchcase(resource, entry.resource) for resource in resources)) and (
        not entry.mesh or any(side.mesh == entry.mesh for side in finding.sides)
    )

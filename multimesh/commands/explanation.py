"""Write what `explain` has found as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from multimesh.check.meshes.answers import FLAG, NAMESPACE, OBJECT, Asked, Term, Watcher, answering
from multimesh.check.meshes.changes import Change, changes
from multimesh.commands.subjects import Labels, Subject

#: What is said before the watchers of a section.
_ORDER = {
    "injects": "The API server calls mutating webhooks one after another, in this order:",
    "validates": "The API server calls validating webhooks together; by name they are:",
    "discovers": "Control planes discover the namespaces that one of their selectors matches:",
    "writes": "Control planes write into the namespaces that one of their selectors matches:",
}


class Section(NamedTuple):
    """One question: what is done to what, the object that is asked for, and all that may answer."""

    verb: str
    what: str
    asked: Asked
    watchers: list[Watcher]

    @property
    def answering(self) -> list[str]:
        """The names of the meshes that answer."""
        return answering(self.watchers, self.asked)

    @property
    def is_open(self) -> bool:
        """Whether a selector cannot be read, so that another mesh may answer."""
        return any(one.problem for one in self.watchers)


def explained(
    subject: Subject, labels: Labels, namespace: Labels | None, sections: list[Section], notes: list[str]
) -> str:
    """Return the explanation of an object as text."""
    lines = [subject.title if subject.kind != "Namespace" else f"namespace {subject.name}"]
    if namespace is not None:
        lines.append(f"  labels of the namespace: {_labels(namespace)}")
    if subject.kind != "Namespace":
        lines.append(f"  labels of the {'pod' if subject.is_pod else subject.kind}: {_labels(labels)}")
    for section in sections:
        lines += ["", *_section(section, subject)]
    if notes:
        lines += ["", "Notes:", *(f"  - {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    pairs = ", ".join(f"{key}={value}" for key, value in sorted(labels.values.items())) or "none"
    return f"{pairs} ({labels.source})"


def _section(section: Section, subject: Subject) -> Iterator[str]:
    found = section.answering
    limit = ", as far as the selectors can be read" if section.is_open else ""
    if not found:
        yield f"No mesh {section.verb} {section.what}{limit}."
    elif len(found) == 1:
        yield f"Mesh {found[0]} {section.verb} {section.what}{limit}."
    else:
        # "injects" of one mesh is "inject" of several.
        yield f"{len(found)} meshes {section.verb.removesuffix('s')} {section.what}: {', '.join(found)}{limit}."
    if not section.watchers:
        yield f"  No webhook or control plane of these meshes is about {section.asked.resource}."
        return
    yield f"  {_ORDER[section.verb]}"
    for number, (title, side, mesh) in enumerate(
        dict.fromkeys((one.title, one.side, one.mesh) for one in section.watchers), 1
    ):
        place = f"{side.file}:{side.line}" if side.line > 0 else side.file
        expected = "expected of " if mesh.profile is not None and side.file == mesh.profile.where else ""
        yield f"  {number}. {title}  (mesh {mesh.name}; {expected}{place})"
        for one in section.watchers:
            if (one.title, one.side, one.mesh) == (title, side, mesh):
                yield from _watcher(one, section)
    yield from _changes(section, subject)


def _watcher(one: Watcher, section: Section) -> Iterator[str]:
    done = "not known" if one.problem else "matches" if one.answers(section.asked) else "does not match"
    yield f"     {one.entry or 'its selector'}: {done}"
    if one.problem:
        yield f"       - its selector cannot be read: {one.problem}"
    for term in one.terms:
        yield f"       {'+' if term.holds(section.asked) else '-'} {_term(term, section.asked)}"
    if not one.terms and not one.problem:
        yield "       + everything: it has no selector"
    if one.has_conditions:
        yield "       ? its matchConditions were not evaluated"


def _term(term: Term, asked: Asked) -> str:
    values = f" ({', '.join(term.values)})" if term.operator in ("In", "NotIn") else ""
    if term.about == FLAG:
        return f"flag {term.key}{values}, and the namespace is {term.value}"
    about = "namespace" if term.about == NAMESPACE else "object"
    if term.about == NAMESPACE and asked.namespace is None:
        return f"{about} {term.key} {term.operator}{values}, and the object is in no namespace"
    value = asked.value(term.about, term.key)
    has = "absent" if value is None else f'"{value}"'
    return f"{about} {term.key} {term.operator}{values}, and it is {has}"


def _changes(section: Section, subject: Subject) -> Iterator[str]:
    """Yield the labels with which one mesh alone would answer, or none."""
    yield "  What would change it:"
    found = section.answering
    for mesh in dict.fromkeys(one.mesh.name for one in section.watchers):
        if found != [mesh]:
            yield f"     mesh {mesh} alone: {_commands(changes(section.watchers, section.asked, mesh), subject)}"
    if found:
        yield f"     no mesh: {_commands(changes(section.watchers, section.asked, ''), subject)}"


def _commands(chosen: tuple[Change, ...] | None, subject: Subject) -> str:
    if chosen is None:
        return "labels alone do not do it"
    parts = []
    for about in (NAMESPACE, OBJECT):
        pairs = [
            f"{one.key}-" if one.value is None else f"{one.key}={one.value}" for one in chosen if one.about == about
        ]
        overwrite = "" if all(one.value is None for one in chosen if one.about == about) else " --overwrite"
        if not pairs:
            continue
        if about == NAMESPACE:
            parts.append(f"kubectl label namespace {subject.namespace} {shlex.join(pairs)}{overwrite}")
        elif subject.kind == "Namespace":
            parts.append(f"labels of the object: {' '.join(pairs)}")
        elif subject.is_pod:
            parts.append(f"labels of the pod, in the template of its workload: {' '.join(pairs)}")
        else:
            where = f" -n {subject.namespace}" if subject.namespace else ""
            parts.append(f"kubectl label {subject.resource} {subject.name}{where} {shlex.join(pairs)}{overwrite}")
    return ", and ".join(parts)

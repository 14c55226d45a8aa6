"""Find the labels to set or to remove so that only one mesh answers, or none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from multimesh.check.meshes.answers import FLAG, NAMESPACE, OBJECT, Asked, Watcher, answering
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL


class Change(NamedTuple):
    """A label of the object or of its namespace to set, or to remove where the value is None."""

    about: str
    key: str
    value: str | None


#: The largest number of labels that are changed together: two selectors of one webhook, and one of another mesh.
_MOST = 3


def changes(watchers: list[Watcher], asked: Asked, mesh: str) -> tuple[Change, ...] | None:
    """Return the fewest changes after which only this mesh answers; if `mesh` is empty, none.

    Labels of the namespace are preferred to those of the object. Returns None if no few labels do it, and nothing for
    what is so already.
    """
    wanted = [mesh] if mesh else []
    answer = [one for one in watchers if one.answers(asked)]
    likely = list(_candidates([one for one in watchers if one.mesh.name == mesh] if mesh else answer, asked))
    likely += [change for change in _candidates(answer, asked) if change.value is None and change not in likely]
    # A label of a mesh that answers may also keep it from answering. Of several changes only the likely ones are tried.
    every = [*likely, *(change for change in _candidates(watchers, asked) if change not in likely)]
    for count in range(_MOST + 1):
        for chosen in combinations(every if count == 1 else likely, count):
            if len({(change.about, change.key) for change in chosen}) == count:
                changed = asked
                for change in chosen:
                    changed = changed.with_label(*change)
                if answering(watchers, changed) == wanted:
                    return chosen
    return None


def _candidates(watchers: list[Watcher], asked: Asked) -> Iterator[Change]:
    """Yield changes that could make a term hold, or not hold: those of the namespace first."""
    terms = list(dict.fromkeys(term for one in watchers for term in one.terms if term.about != FLAG))
    # `multimesh namespaces` writes these two, and neither depends on a revision.
    terms.sort(key=lambda term: term.key not in (INJECTION_LABEL, MESH_LABEL))
    found: dict[Change, None] = {}
    for about in (NAMESPACE, OBJECT):
        for term in terms:
            if term.about != about or term.key == NAME_LABEL or (about == NAMESPACE and asked.namespace is None):
                continue
            for value in (*term.values, *(("true",) if term.operator == "Exists" else ()), None):
                if value != asked.value(about, term.key):
                    found[Change(about, term.key, value)] = None
    yield from found

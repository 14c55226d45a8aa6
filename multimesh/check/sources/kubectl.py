"""Read a cluster through kubectl, with the user's rights. Nothing is ever written.

What the user may not read is reported as a finding that names the question which stays open; a kind that the cluster
does not know is not, where it is optional. Where nothing could be read there is nothing to report: that is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlencode

from multimesh.check.findings import Finding, Side
from multimesh.check.objects import Object
from multimesh.check.sources.json_list import items_of
from multimesh.check.sources.manifests import parse
from multimesh.check.sources.plain_objects import Unread, objects
from multimesh.errors import MultimeshError, not_started


class Access(NamedTuple):
    """How to reach the cluster: the values of kubectl's own flags."""

    context: str = ""
    kubeconfig: str = ""

    @property
    def command(self) -> list[str]:
        """The arguments that every call begins with."""
        found = ["kubectl"]
        if self.kubeconfig:
            found += ["--kubeconfig", self.kubeconfig]
        if self.context:
            found += ["--context", self.context]
        return found


class Query(NamedTuple):
    """What one call of kubectl reads.

    `kinds` maps kinds, by kubectl's names, to the question that stays open where the kind cannot be read. Without a
    namespace all namespaces are read; without names, every object that the selectors of labels and fields match.
    A cluster need not know a kind that is `optional`.
    """

    kinds: Mapping[str, str]
    namespace: str = ""
    names: tuple[str, ...] = ()
    labels: str = ""
    fields: str = ""
    optional: bool = False

    def alone(self) -> list[Query]:
        """Return one query for each kind, or for each name of a single kind."""
        if len(self.kinds) > 1:
            return [self._replace(kinds={kind: question}) for kind, question in self.kinds.items()]
        return [self._replace(names=(name,)) for name in self.names]


#: Kinds of which every cluster has objects, by kubectl's names.
_EVERYWHERE = {"namespaces": "Namespace", "clusterroles": "ClusterRole"}


class Answer(NamedTuple):
    """What a query has read: objects, a finding for what it could not read, and the kinds that it could not read."""

    objects: list[Object]
    findings: list[Finding]
    unread: frozenset[str] = frozenset()


#: Kinds of which a namespace may hold thousands, so that they are read in pages.
_PAGED = {"pods": "Pod", "configmaps": "ConfigMap"}

#: How many objects a page has: a page of pods takes 7 MB.
_PAGE = 500

_CONTINUE = re.compile(r'"continue"\s*:\s*"([^"]*)"')


def get(access: Access, query: Query, compact: Callable[[Object], Object] | None = None) -> Answer:
    """Return the answer to a query, with each object as `compact` returns it.

    Kinds are read together; where that fails, one by one, so that one missing permission hides no other kind.
    Raises MultimeshError where kubectl itself is missing, or the cluster cannot be reached.
    """
    if shutil.which("kubectl") is None:
        raise MultimeshError("", "kubectl is not on the PATH", "Install it, or read a saved 'kubectl get ... -o json'.")
    if compact is not None and query.namespace and not query.names and _PAGED.keys() & query.kinds.keys():
        parts = [query] if len(query.kinds) == 1 else query.alone()
        return _together(
            [
                _pages(access, part, compact) if part.kinds.keys() <= _PAGED.keys() else get(access, part, compact)
                for part in parts
            ]
        )
    return _at_once(access, query, compact)


def _at_once(access: Access, query: Query, compact: Callable[[Object], Object] | None) -> Answer:
    # Of several names some may be absent. With this flag kubectl prints nothing for an empty list, too.
    done = _run([*access.command, *arguments(query), *(["--ignore-not-found"] if query.names else [])])
    unread: list[Unread] = []
    if done.returncode == 0 and done.stdout.lstrip()[:1] in ("{", "" if query.names else "{"):
        found = parse(done.stdout, "cluster", unread) if done.stdout.strip() else ()
        answer = Answer([item if compact is None else compact(item) for item in found], [])
        if not unread:
            return answer
    _require_reachable(done)
    if len(query.kinds) > 1 or len(query.names) > 1:
        return _together([get(access, part, compact) for part in query.alone()])
    if query.optional and any(sign in done.stderr for sign in _UNKNOWN):
        return Answer([], [])
    said = unread[0].what if unread else "not JSON" if done.stdout.strip() else "empty"
    return _unread(query, _last(done.stderr) if done.returncode else f"the answer is {said}")


def _pages(access: Access, query: Query, compact: Callable[[Object], Object]) -> Answer:
    """Return the answer to a query of one kind of a namespace, read in pages: the next one while one is parsed."""
    (kind,) = query.kinds
    path = f"/api/v1/namespaces/{query.namespace}/{kind}"
    selectors = {"labelSelector": query.labels, "fieldSelector": query.fields}
    found: list[Object] = []

    def page(token: str) -> subprocess.CompletedProcess[str]:
        wanted = {"limit": str(_PAGE), "continue": token, **selectors}
        return _run([
            *access.command, "get", "--raw", f"{path}?{urlencode({key: one for key, one in wanted.items() if one})}",
        ])  # fmt: skip

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(page, "")
        while True:
            done = coming.result()
            if "orbidden" in done.stderr:
                return _unread(query, _last(done.stderr))
            token = _CONTINUE.search(done.stdout, 0, max(done.stdout.find('"items"'), 0))
            more = token is not None and bool(token[1])
            if token is not None and more:
                coming = pool.submit(page, token[1])
            try:
                # The items of such a list have no kind of their own.
                typed = ({"apiVersion": "v1", "kind": _PAGED[kind], **item} for item in items_of(done.stdout))
                found += [compact(one) for item in typed for one in objects(item, "cluster")]
            except (ValueError, TypeError):
                _require_reachable(done)
                # A page may expire while others are read; then everything is read at once.
                return _at_once(access, query, compact)
            if not more:
                return Answer(found, [])


def _together(answers: list[Answer]) -> Answer:
    return Answer(
        [item for answer in answers for item in answer.objects],
        [finding for answer in answers for finding in answer.findings],
        frozenset[str]().union(*(answer.unread for answer in answers)),
    )


def _require_reachable(done: subprocess.CompletedProcess[str]) -> None:
    """Raise MultimeshError if a call has failed because the cluster cannot be reached."""
    if _is_unreachable(done.stderr):
        raise MultimeshError(
            "", f"the cluster cannot be reached: {_last(done.stderr)}", "Try 'kubectl version' with the same context."
        )


def _unread(query: Query, reason: str) -> Answer:
    """Return the answer to a query of one kind that could not be read."""
    ((kind, question),) = query.kinds.items()
    where = f' in "{query.namespace}"' if query.namespace else ""
    what = (
        f"{' '.join((kind, *query.names))}{where} could not be read: {reason}; nothing is said about {question}{where}"
    )
    return Answer([], [Finding("unreadable", what, (Side("", kind, "cluster", 0),))], frozenset((kind,)))


def arguments(query: Query) -> list[str]:
    """Return the arguments of kubectl for a query."""
    # kubectl refuses names together with all namespaces.
    where = ["-n", query.namespace] if query.namespace else [] if query.names else ["-A"]
    found = ["get", ",".join(query.kinds), *query.names, *where]
    found += ["-l", query.labels] if query.labels else []
    found += ["--field-selector", query.fields] if query.fields else []
    return [*found, "-o", "json"]


def require_some(answered: Iterable[tuple[Query, Answer]]) -> None:
    """Raise MultimeshError if none of the kinds that every cluster has could be listed: nothing was checked.

    Neither was it where a list is empty that no cluster has empty. Objects that are read by name say nothing by
    themselves.
    """
    needed = [(query, answer) for query, answer in answered if not query.optional and not query.names]
    if any(not answer.unread.issuperset(query.kinds) for query, answer in needed):
        for query, answer in needed:
            _require_everywhere(query, answer)
        return
    reasons = [
        finding.message.partition(" could not be read: ")[2] for _, answer in needed for finding in answer.findings
    ]
    raise MultimeshError(
        "",
        f"nothing in the cluster could be read: {reasons[0].rpartition('; nothing is said')[0] if reasons else ''}",
        "Look at kubectl's configuration and context, or grant what it needs: multimesh explain unreadable",
    )


def _require_everywhere(query: Query, answer: Answer) -> None:
    """Raise MultimeshError if an answer has none of the objects that every cluster has."""
    for kind, name in _EVERYWHERE.items():
        if kind in query.kinds and kind not in answer.unread and not any(item.kind == name for item in answer.objects):
            raise MultimeshError(
                "",
                f"kubectl has listed no {name}, and every cluster has some: nothing was checked",
                f"Look at what 'kubectl get {kind} -o json' prints with the same context.",
            )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=False, env=dict(os.environ)
        )
    except OSError as error:
        raise not_started(command[0], error) from None


#: What kubectl writes of a kind that the cluster does not know.
_UNKNOWN = ("doesn't have a resource type", "could not find the requested resource")

#: What kubectl writes where it reaches no API server.
_UNREACHABLE = (
    "Unable to connect",
    "was refused",
    "no such host",
    "context was not found",
    "does not exist",
    "i/o timeout",
    "no configuration has been provided",
    "error loading config",
    "no such file or directory",
    "certificate",
)


def _is_unreachable(message: str) -> bool:
    return any(sign in message for sign in _UNREACHABLE) and "Forbidden" not in message and "forbidden" not in message


def _last(message: str) -> str:
    lines = [line for line in message.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("Error from server ").removeprefix("error: ") if lines else "no message"

"""Read a cluster through kubectl, with the user's rights. Nothing is ever written.

What the user may not read is reported as a finding that names the question which stays open; a kind that the cluster
does not know is not, where it is optional. Where nothing could be read there is nothing to report: that is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from multimesh.check.findings import Finding, Side
from multimesh.check.objects import Object, dig
from multimesh.check.sources.manifests import parse
from multimesh.errors import MultimeshError


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


class Answer(NamedTuple):
    """What a query has read: objects, a finding for what it could not read, and the kinds that it could not read."""

    objects: list[Object]
    findings: list[Finding]
    unread: frozenset[str] = frozenset()


def get(access: Access, query: Query) -> Answer:
    """Return the answer to a query.

    Kinds are read together; where that fails, one by one, so that one missing permission hides no other kind.
    Raises MultimeshError where kubectl itself is missing, or the cluster cannot be reached.
    """
    if shutil.which("kubectl") is None:
        raise MultimeshError("", "kubectl is not on the PATH", "Install it, or read a saved 'kubectl get ... -o json'.")
    done = _run([*access.command, *arguments(query), "--ignore-not-found"])
    if done.returncode == 0 and done.stdout.lstrip()[:1] in ("", "{"):
        return Answer(
            [_without_keys(item) for item in parse(done.stdout, "cluster")] if done.stdout.strip() else [], []
        )
    if _is_unreachable(done.stderr):
        raise MultimeshError(
            "", f"the cluster cannot be reached: {_last(done.stderr)}", "Try 'kubectl version' with the same context."
        )
    if len(query.kinds) > 1 or len(query.names) > 1:
        answers = [get(access, part) for part in query.alone()]
        return Answer(
            [item for answer in answers for item in answer.objects],
            [finding for answer in answers for finding in answer.findings],
            frozenset[str]().union(*(answer.unread for answer in answers)),
        )
    if query.optional and any(sign in done.stderr for sign in _UNKNOWN):
        return Answer([], [])
    return _unread(query, _last(done.stderr) if done.returncode else "the answer is not JSON")


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
    found = ["get", ",".join(query.kinds), *query.names, *(["-n", query.namespace] if query.namespace else ["-A"])]
    found += ["-l", query.labels] if query.labels else []
    found += ["--field-selector", query.fields] if query.fields else []
    return [*found, "-o", "json"]


def require_some(answered: Iterable[tuple[Query, Answer]]) -> None:
    """Raise MultimeshError if none of the kinds that every cluster has could be listed: nothing was checked.

    Objects that are read by name say nothing by themselves.
    """
    needed = [(query, answer) for query, answer in answered if not query.optional and not query.names]
    if any(not answer.unread.issuperset(query.kinds) for query, answer in needed):
        return
    reasons = [
        finding.message.partition(" could not be read: ")[2] for _, answer in needed for finding in answer.findings
    ]
    raise MultimeshError(
        "",
        f"nothing in the cluster could be read: {reasons[0].rpartition('; nothing is said')[0] if reasons else ''}",
        "Look at kubectl's configuration and context, or grant what docs/operations.md lists under 'Who may read'.",
    )


def _without_keys(item: Object) -> Object:
    """Return an object without private keys: of a Secret only the certificates are kept."""
    data = item.data.get("data")
    if item.kind != "Secret" or not isinstance(data, dict):
        return item
    public = {key: value for key, value in data.items() if str(key).endswith("cert.pem")}
    return item._replace(data={"metadata": dig(item.data, "metadata"), "data": public})


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


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

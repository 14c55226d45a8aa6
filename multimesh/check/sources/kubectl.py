"""Read a cluster through kubectl, with the user's rights. Nothing is ever written.

What the user may not read is reported as a finding; a kind that the cluster does not know is not, where it is optional.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple

from multimesh.check.catalogue import INFO
from multimesh.check.findings import Finding, Side
from multimesh.check.objects import Object
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


def get(
    access: Access, kinds: tuple[str, ...], namespace: str = "", *, optional: bool = False, labels: str = ""
) -> tuple[list[Object], list[Finding]]:
    """Return the objects of some kinds, in one namespace or in all, and a finding for each kind that could not be read.

    Kinds are read together; where that fails, one by one, so that one missing permission hides no other kind.
    Raises MultimeshError where kubectl itself is missing, or the cluster cannot be reached.
    """
    if shutil.which("kubectl") is None:
        raise MultimeshError("", "kubectl is not on the PATH", "Install it, or read a saved 'kubectl get ... -o json'.")
    scope = ["-n", namespace] if namespace else ["-A"]
    scope += ["-l", labels] if labels else []
    done = _run([*access.command, "get", ",".join(kinds), *scope, "-o", "json", "--ignore-not-found"])
    if done.returncode == 0:
        return list(parse(done.stdout, "cluster")) if done.stdout.strip() else [], []
    if _is_unreachable(done.stderr):
        raise MultimeshError(
            "", f"the cluster cannot be reached: {_last(done.stderr)}", "Try 'kubectl version' with the same context."
        )
    if len(kinds) > 1:
        objects, findings = [], []
        for kind in kinds:
            more, unread = get(access, (kind,), namespace, optional=optional, labels=labels)
            objects += more
            findings += unread
        return objects, findings
    if optional and "doesn't have a resource type" in done.stderr:
        return [], []
    where = f' in "{namespace}"' if namespace else ""
    what = f"{kinds[0]}{where} could not be read: {_last(done.stderr)}"
    return [], [Finding("unreadable", what, (Side("", kinds[0], "cluster", 0),), INFO if optional else "")]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


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
    "certificate",
)


def _is_unreachable(message: str) -> bool:
    return any(sign in message for sign in _UNREACHABLE) and "Forbidden" not in message and "forbidden" not in message


def _last(message: str) -> str:
    lines = [line for line in message.strip().splitlines() if line.strip()]
    return lines[-1].removeprefix("Error from server ").removeprefix("error: ") if lines else "no message"

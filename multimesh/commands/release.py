"""Compare the manifest of an installed Helm release with a chart, and write what differs as text."""

from __future__ import annotations

import os
import shutil
import subprocess

from multimesh.commands.comparison import ADDED, CHANGED, REMOVED, Difference, differences, parsed
from multimesh.commands.flags import nearest
from multimesh.errors import MultimeshError, not_started

_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


def manifest_of(release: str, namespace: str, context: str, kubeconfig: str) -> str:
    """Return the manifest of an installed release, which the user's helm reads with the user's rights.

    Raises MultimeshError if there is no helm, or no such release, or if helm prints nothing.
    """
    # Helm sets HELM_BIN for its plugins.
    helm = shutil.which(os.environ.get("HELM_BIN") or "helm")
    if helm is None:
        raise MultimeshError("", "helm is not on the PATH", "Install it: --release reads a release through it.")
    command = [helm, "get", "manifest", release, "-n", namespace]
    command += ["--kube-context", context] if context else []
    command += ["--kubeconfig", kubeconfig] if kubeconfig else []
    # No bytes of the chart on stdin are for Helm.
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise not_started(helm, error) from None
    title = f'release {release} in "{namespace}"'
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        hint = "Name the release and its namespace as 'helm list -A' does; Helm reads it from Secrets there."
        raise MultimeshError(title, f"cannot be read: {said[-1].removeprefix('Error: ')}", hint)
    try:
        text = done.stdout.decode()
    except UnicodeDecodeError:
        raise MultimeshError(title, "is not UTF-8", "Manifests are UTF-8.") from None
    if not text:
        # Of a release of NOTES or hooks alone Helm prints an empty line (helm 3.17.2 and 4.1.4, cmd/get_manifest.go).
        what = "helm has printed nothing, and it ends every manifest with a line feed"
        hint = f"Run it: {' '.join(command)}\nIs {helm} another program, or a script around Helm?"
        raise MultimeshError(title, what, hint)
    return text


def compare(live: str, chart: str, namespace: str, release: str, only: list[str]) -> tuple[list[Difference], str]:
    """Return how a chart differs from a live release, and which of them has no objects; empty if both have.

    Raises MultimeshError for a kind that neither has, and for what is not a manifest.
    """
    old = parsed(live, f'release {release} in "{namespace}"', namespace)
    new = parsed(chart, "<chart>", namespace)
    kinds = {item.kind for item in (*old.values(), *new.values())}
    wanted = {kind.lower() for kind in only}
    known = {kind.lower(): kind for kind in kinds}
    for kind in only:
        if kind.lower() not in known:
            near = nearest(kind, kinds)
            hint = f"They have: {', '.join(sorted(kinds)) or 'no objects'}."
            raise MultimeshError("", f'--only is "{kind}", which neither the release nor the chart has{near}', hint)
    bare = "the release has no objects" if not old else "the chart has no objects" if not new else ""
    return [found for found in differences(old, new) if not wanted or found.kind.lower() in wanted], bare


def written(found: list[Difference], bare: str, before: str, after: str, *, stat: bool) -> list[str]:
    """Return what differs as lines of text, each resource below a line with its title; none if nothing differs."""
    if not found:
        return []
    if stat:
        width = max(len(one.title) for one in found)
        lines = [f"{_SIGNS[one.how]} {one.title:{width}}  {_size(one)}\n" for one in found]
    else:
        lines = [f"--- {before}\n", f"+++ {after}\n"]
        for one in found:
            lines.append(f"@@ {one.title} @@ {one.how}\n")
            for field in one.fields:
                lines.append(f"  {field.path}\n")
                lines += [f"-   {line}\n" for line in field.old] + [f"+   {line}\n" for line in field.new]
    count = {how: sum(one.how == how for one in found) for how in _SIGNS}
    total = ", ".join(f"{number} {how}" for how, number in count.items() if number)
    return [*lines, f"{total}{f': {bare}' if bare else ''}\n"]


def _size(one: Difference) -> str:
    if one.how != CHANGED:
        return one.how
    return f"{len(one.fields)} field{'s' if len(one.fields) != 1 else ''}"

"""Tell whether a running mesh is sound: its namespaces, webhooks, certificates and pods, one by one.

Reads the live cluster through kubectl, with your rights, and writes nothing; or a saved `kubectl get ... -o json` on stdin.
With --settle it looks twice, so that two control planes that overwrite each other show. With --removed it lists what a
mesh that is gone has left behind.

    multimesh verify --profile charts-values/affirmed --context staging --settle 30
"""

import argparse
import os
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from multimesh.check.findings import ERROR, Finding, Side
from multimesh.check.kubectl import CLUSTER_SCOPED, OPTIONAL, Access, get
from multimesh.check.live import LIVE, Cluster, cluster, ours
from multimesh.check.objects import Object, dig, parse
from multimesh.check.removed import removed
from multimesh.commands.check import add_output_flags, report
from multimesh.commands.flags import add_flag, add_switch
from multimesh.commands.stdio import load_profile
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import Profile

HELP = "tell whether a running mesh is sound"

#: What is read in each namespace of the mesh, and in the control-plane namespace besides.
_MEMBERS = ("pods", "configmaps", "services")
_PLANE = ("deployments", "daemonsets", "secrets")
_LEFT = ("leases.coordination.k8s.io",)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a folder with a profile.yaml", metavar="PATH")
    add_flag(command, "--context", "kubectl's context", metavar="NAME")
    add_flag(command, "--kubeconfig", "kubectl's configuration", metavar="FILE")
    add_flag(command, "--settle", "look twice, so many seconds apart", default="0", metavar="SECONDS")
    add_switch(command, "--removed", "list what a removed mesh left behind")
    add_output_flags(command)


def run(options: argparse.Namespace) -> int:
    """Read the cluster, hold it against the profile, print the findings."""
    mesh = load_profile(options.profile)
    seconds = _seconds(options.settle)
    findings: list[Finding] = []
    saved = _saved()
    if saved is not None:
        if seconds:
            raise MultimeshError(
                "", "--settle looks twice at a live cluster, and stdin is a saved one", "Leave one of them out."
            )
        objects = saved
    else:
        objects, findings = look(mesh, Access(options.context, options.kubeconfig))
    now = cluster(objects)
    if not objects and not findings:
        raise MultimeshError(
            "<stdin>",
            "holds no objects of a cluster",
            "Save them with: kubectl get namespaces,mutatingwebhookconfigurations,validatingwebhookconfigurations,"
            "deployments,pods,configmaps,secrets -A -o json",
        )
    if options.removed:
        findings += removed(mesh, now)
    else:
        findings += [finding for live in LIVE for finding in live(mesh, now)]
        if seconds:
            time.sleep(seconds)
            later, said = look(mesh, Access(options.context, options.kubeconfig))
            findings += [*said, *unsettled(mesh, now, cluster(later))]
    return report(findings, options, f"mesh {mesh.name}", "verify")


def _seconds(text: str) -> int:
    if not text.isdecimal():
        raise MultimeshError("", f'--settle is "{text}"', "Write whole seconds, such as 30.")
    return int(text)


def _saved() -> list[Object] | None:
    """Return the objects on stdin; None where stdin is neither a pipe nor a file, as at a terminal or under a scheduler.

    An empty pipe is not taken for none: the kubectl before it has failed, and another cluster would be looked at.
    """
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return None
    text = sys.stdin.buffer.read().decode("utf-8-sig", "replace")
    if not text.strip():
        raise MultimeshError(
            "<stdin>",
            "is empty: kubectl sent nothing",
            "Look at what failed before the pipe. To read the live cluster, give it no stdin: multimesh verify ... </dev/null",
        )
    return list(parse(text, "<stdin>"))


def look(mesh: Profile, access: Access) -> tuple[list[Object], list[Finding]]:
    """Read what `verify` wants to know of the cluster, and say what could not be read."""
    asks = (
        (CLUSTER_SCOPED, "", False),
        (OPTIONAL, "", True),
        *((_MEMBERS, name, False) for name in (mesh.namespace, *mesh.workload_namespaces)),
        *((("secrets",), name, False) for name in mesh.workload_namespaces),
        (_PLANE, mesh.namespace, False),
        (_LEFT, mesh.namespace, True),
    )
    # Each is a call of kubectl, and most of the time that one takes is waiting.
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda ask: get(access, ask[0], ask[1], optional=ask[2]), asks))
    return [item for objects, _ in answers for item in objects], [one for _, said in answers for one in said]


def unsettled(mesh: Profile, before: Cluster, after: Cluster) -> list[Finding]:
    """Find webhooks of the mesh whose bundle changed between two looks: two control planes write it."""

    def all_bundles(found: Cluster) -> dict[tuple[str, str, str], str]:
        return {
            (config.kind, config.name, str(entry.get("name"))): str(dig(entry, "clientConfig", "caBundle") or "")
            for config, entry in ours(mesh, found)
        }

    first, second = all_bundles(before), all_bundles(after)
    return [
        Finding(
            "ca-bundle",
            f'the caBundle of "{key[2]}" changed between two looks: two control planes write it',
            (Side(mesh.name, f"{key[0]}/{key[1]}", "cluster", 0),),
            ERROR,
        )
        for key in first.keys() & second.keys()
        if first[key] != second[key]
    ]

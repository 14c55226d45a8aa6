"""Check whether a running mesh is sound: its namespaces, webhooks, certificates and pods, one by one.

Reads the live cluster through kubectl, with your rights, and writes nothing; or reads the saved output of `kubectl
get ... -o json` from stdin or a file. With --settle it reads the cluster twice, to find two control planes that
overwrite each other. With --removed it lists what a mesh that was removed has left behind. The file .multimesh.yaml has
the same effect as for check.

    multimesh verify --profile charts-values/affirmed --context staging --settle 30
"""

from __future__ import annotations

import argparse
import os
import re
import stat
import sys
import time
from typing import BinaryIO

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.running import RUNNING
from multimesh.check.running.cluster import Cluster, cluster
from multimesh.check.running.policies import policies
from multimesh.check.running.reading import Reading, read_mesh
from multimesh.check.running.removed import removed, unseen_left
from multimesh.check.running.settled import unsettled
from multimesh.check.settings import find
from multimesh.check.sources.compact import Compactor
from multimesh.check.sources.kubectl import Access
from multimesh.check.sources.manifests import parse_stream
from multimesh.check.sources.plain_objects import Unread
from multimesh.commands.check import add_output_flags, as_typed, report
from multimesh.commands.flags import add_file_flag, add_flag, add_switch
from multimesh.commands.policies import wanted_digests
from multimesh.commands.stdio import input_name, load_profile
from multimesh.errors import MultimeshError, may_read
from multimesh.mesh.profile import Profile

HELP = "check whether a running mesh is sound"

#: The most seconds between two reads.
_LONGEST = 3600


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_flag(command, "--context", "the context of the kubeconfig", metavar="NAME")
    add_flag(command, "--kubeconfig", "the kubeconfig", metavar="FILE")
    add_flag(
        command,
        "--settle",
        f"read the cluster twice, this many seconds apart, at most {_LONGEST}",
        default="0",
        metavar="SECONDS",
    )
    add_file_flag(command)
    add_switch(command, "--removed", "list what a removed mesh left behind")
    add_output_flags(command)


def run(options: argparse.Namespace) -> int:
    """Read the cluster, compare it with the profile, print the findings, and return the exit code."""
    mesh = load_profile(options.profile)
    mesh.where = as_typed(options.profile)
    settings = find(options.config, [mesh.where])
    access = Access(options.context, options.kubeconfig)
    seconds = _seconds(options.settle)
    now, findings = _reading(mesh, access, seconds, options.file, was_removed=options.removed)
    # What has no name is not an object, such as the Status of a failed request.
    if now.unread is None and not any(item.name for items in now.kinds.values() for item in items):
        raise MultimeshError(
            input_name(options.file),
            "holds no objects of a cluster",
            "Save them with: kubectl get namespaces,mutatingwebhookconfigurations,validatingwebhookconfigurations,"
            "clusterroles,clusterrolebindings,deployments,services,pods,configmaps"
            f"{',leases' if options.removed else ''} -A -o json",
        )
    if options.removed:
        findings += [*unseen_left(mesh, now), *removed(mesh, now)]
    else:
        findings += [finding for check in RUNNING for finding in check(mesh, now)]
        findings += policies(mesh, now, wanted_digests(mesh))
        if seconds:
            findings += _settled(mesh, access, seconds, now)
    objects = [item for items in now.kinds.values() for item in items]
    shown = Mesh(mesh.name, mesh.namespace, objects, mesh, live=True)
    return report(findings, options, f"mesh {mesh.name}", "verify", [shown], objects, settings)


def _seconds(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) > _LONGEST:
        raise MultimeshError("", f'--settle is "{text}"', f"Write whole seconds, at most {_LONGEST}, such as 30.")
    return int(text)


def _reading(mesh: Profile, access: Access, seconds: int, file: str, *, was_removed: bool) -> Reading:
    """Return what is in a file or on stdin, or else what the live cluster holds and what could not be read of it."""
    saved = _saved_in(file) if input_name(file) == file else _saved(asked=bool(file))
    if saved is None:
        return read_mesh(mesh, access, was_removed=was_removed)
    if seconds:
        raise MultimeshError(
            "", f"--settle reads a live cluster twice, and {input_name(file)} is a saved one", "Leave one of them out."
        )
    return saved


def _saved(*, asked: bool = False) -> Reading | None:
    """Return what is on stdin; None where stdin is neither a pipe nor a file, as at a terminal or under a
    scheduler, unless the user has `asked` for stdin.

    An empty pipe is an error: the kubectl before it has failed, and reading the live cluster could read another one.
    """
    try:
        mode = os.fstat(0).st_mode
    except OSError as error:
        if asked:
            raise MultimeshError("<stdin>", f"cannot be read: {error.strerror}", "Name a file instead.") from None
        return None
    if not (asked or stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return None
    return _parsed(sys.stdin.buffer, "<stdin>")


def _saved_in(file: str) -> Reading:
    try:
        with open(file, "rb") as stream:
            return _parsed(stream, file)
    except OSError as error:
        hint = may_read(error, f"Looked at {os.path.abspath(file)}.")
        raise MultimeshError(file, f"cannot be read: {error.strerror}", hint) from None


def _parsed(stream: BinaryIO, name: str) -> Reading:
    compact = Compactor()
    unread: list[Unread] = []
    saved = cluster([compact(item) for item in parse_stream(stream, name, unread)])
    return Reading(saved, [one.finding for one in unread])


def _settled(mesh: Profile, access: Access, seconds: int, before: Cluster) -> list[Finding]:
    """Read the cluster again after some seconds, and return what has changed and what could not be read."""
    time.sleep(seconds)
    later, unread = read_mesh(mesh, access)
    return [*unread, *unsettled(mesh, before, later)]

"""Tell whether meshes step on each other, before anything is installed.

FILE is a rewritten manifest, a folder of them, or several with commas between; `-` is stdin. Files with the same
control-plane namespace or revision are one mesh, so the output of `helm get manifest` of each release can be given as it
is. With --profile, the profiles are held against each other and against the manifests; profiles alone are enough.

With --cluster they are held against what lives in the cluster too, which is read through kubectl, with your rights, and
never written to. What `kubectl get -o json` has saved is told by its contents, and may be given as a FILE instead.
With --previous the new manifest of a release is held against the one that is installed.

    multimesh check rendered/affirmed rendered/blue --profile charts-values/affirmed --profile charts-values/blue
"""

import argparse
import os
import sys
from collections.abc import Iterator

from multimesh.check.between import BETWEEN
from multimesh.check.cluster import commands, join, namespaces, unsaved
from multimesh.check.cluster import read as read_cluster
from multimesh.check.findings import SEVERITIES, Finding, as_json, as_sarif, as_text, ordered
from multimesh.check.inside import INSIDE
from multimesh.check.kubectl import Access
from multimesh.check.meshes import Mesh, group, split
from multimesh.check.objects import Object, files_of, read
from multimesh.check.previous import upgrade
from multimesh.commands.flags import add_flag, add_switch
from multimesh.commands.progress import Progress
from multimesh.commands.stdio import DONE, FINDINGS, load_profile
from multimesh.errors import MultimeshError

HELP = "tell whether meshes step on each other"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    command.add_argument(
        "files", nargs="*", metavar="FILE", help="rewritten manifests, folders of them, or - for stdin"
    )
    command.add_argument(
        "--profile",
        action="append",
        metavar="PATH",
        help=f"the profile of a mesh; may be given for each (MULTIMESH_PROFILE, with {os.pathsep} between several)",
    )
    add_flag(command, "--previous", "what helm get manifest prints of the releases that are upgraded", metavar="FILE")
    add_switch(command, "--cluster", "hold everything against what lives in the cluster, too")
    add_flag(command, "--context", "kubectl's context", metavar="NAME")
    add_flag(command, "--kubeconfig", "kubectl's configuration", metavar="FILE")
    add_switch(command, "--print-kubectl", "print the commands that save what --cluster reads, and do nothing else")
    add_output_flags(command)


def add_output_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags that say how findings are printed."""
    add_flag(
        command, "--output", "how findings are written", default="text", short="-o", choices=("text", "json", "sarif")
    )
    add_flag(
        command, "--severity", "the severity from which on the exit code is 1", default="error", choices=SEVERITIES
    )
    add_flag(command, "--color", "when to colour", default="auto", choices=("auto", "always", "never"))


def run(options: argparse.Namespace) -> int:
    """Read everything, hold everything against everything, print the findings."""
    access = Access(options.context, options.kubeconfig)
    if options.print_kubectl:
        sys.stdout.write(commands(access))
        return DONE
    paths = options.profile or os.environ.get("MULTIMESH_PROFILE", "").split(os.pathsep)
    profiles = [load_profile(path) for path in paths if path]
    places = [profile.where for profile in profiles]
    if twice := next((place for place in places if places.count(place) > 1), ""):
        raise MultimeshError(twice, "the same profile is named twice", "Name the profile of each mesh once.")
    if not options.files and not profiles and not options.cluster:
        raise MultimeshError(
            "", "nothing to check", "Name manifests (helm get manifest RELEASE > FILE), folders of them, or --profile."
        )
    named = [(argument, files_of(argument)) for argument in options.files]
    previous = files_of(options.previous) if options.previous else []
    if [*(file for _, files in named for file in files), *previous].count("-") > 1:
        raise MultimeshError("-", "stdin is named twice", "It can be read once; save it to a file.")
    with Progress(
        sum(len(files) for _, files in named) + len(previous) + 8 * options.cluster + len(BETWEEN)
    ) as progress:
        units, live, findings = _read(named, progress)
        before = [item for file in previous for item in _step(file, progress)]
        if live:
            findings += unsaved(live)
        elif options.cluster:
            live, unread = read_cluster(access, progress.step)
            findings += unread
        meshes = group(units, profiles)
        if previous:
            findings += upgrade(before, [item for unit in units for item in unit], profiles)
        checked = len(meshes)
        if live:
            meshes = join(live, meshes)
            findings += namespaces(live, meshes)
        findings += check(meshes, progress)
    subject = f"{checked} mesh{'es' if checked != 1 else ''}" + (" and the cluster" if live or options.cluster else "")
    return report(findings, options, subject, "check")


def _read(
    named: list[tuple[str, list[str]]], progress: Progress
) -> tuple[list[list[Object]], list[Object], list[Finding]]:
    """Read all files: the units of objects that belong together, what comes from a cluster, and what is empty."""
    units: list[list[Object]] = []
    live: list[Object] = []
    findings = []
    for argument, files in named:
        parts = [_step(file, progress) for file in files]
        if not any(parts):
            findings.append(Finding("unreadable", f'"{argument}" holds no resources'))
        live += [item for part in parts for item in part if item.is_live]
        units += split([[item for item in part if not item.is_live] for part in parts])
    return units, live, findings


def _step(file: str, progress: Progress) -> list[Object]:
    progress.step(file)
    return read(file)


def check(meshes: list[Mesh], progress: Progress) -> Iterator[Finding]:
    """Yield the findings inside each mesh and between all of them."""
    for mesh in meshes:
        for inside in INSIDE if not mesh.live else ():
            yield from inside(mesh)
    for between in BETWEEN:
        progress.step("comparing")
        yield from between(meshes)


def report(findings: list[Finding], options: argparse.Namespace, subject: str, command: str) -> int:
    """Print findings in the form asked for, and return the exit code."""
    found = ordered(findings)
    if options.output == "json":
        text = as_json(found)
    elif options.output == "sarif":
        text = as_sarif(found, command)
    else:
        colour = options.color == "always" or (
            options.color == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        )
        text = as_text(found, subject, colour=colour)
    # Names of strangers need not fit into the terminal's encoding.
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()
    bar = SEVERITIES.index(options.severity)
    return FINDINGS if any(SEVERITIES.index(finding.level) <= bar for finding in found) else DONE

"""Tell whether meshes step on each other, before anything is installed.

FILE is a rewritten manifest, a folder of them, or several with commas between; `-` is stdin. Files with the same
control-plane namespace or revision are one mesh, so the output of `helm get manifest` of each release can be given as it
is. With --profile, the profiles are held against each other and against the manifests; profiles alone are enough.

    multimesh check rendered/affirmed rendered/blue --profile charts-values/affirmed --profile charts-values/blue
"""

import argparse
import os
import sys
from collections.abc import Iterator

from multimesh.check.between import BETWEEN
from multimesh.check.findings import SEVERITIES, Finding, as_json, as_sarif, as_text, ordered
from multimesh.check.inside import INSIDE
from multimesh.check.meshes import Mesh, group
from multimesh.check.objects import files_of, read
from multimesh.cli import DONE, FINDINGS, load_profile
from multimesh.commands import add_flag
from multimesh.errors import MultimeshError

HELP = "tell whether meshes step on each other"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    command.add_argument("files", nargs="*", metavar="FILE", help="rewritten manifests, folders of them, or - for stdin")
    command.add_argument(
        "--profile", action="append", metavar="PATH", help="the profile of a mesh; may be given for each (MULTIMESH_PROFILE)"
    )
    add_output_flags(command)


def add_output_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags that say how findings are printed."""
    add_flag(command, "--output", "text, json or sarif", default="text", choices=("text", "json", "sarif"))
    command.add_argument("-o", dest="output", choices=("text", "json", "sarif"), help="the same, short")
    add_flag(command, "--severity", "the severity from which on the exit code is 1", default="error", choices=SEVERITIES)
    add_flag(command, "--color", "when to colour", default="auto", choices=("auto", "always", "never"))


def run(options: argparse.Namespace) -> int:
    """Read everything, hold everything against everything, print the findings."""
    paths = options.profile or ([os.environ["MULTIMESH_PROFILE"]] if os.environ.get("MULTIMESH_PROFILE") else [])
    profiles = [load_profile(path) for path in paths]
    if not options.files and not profiles:
        raise MultimeshError(
            "", "nothing to check", "Name manifests (helm get manifest RELEASE > FILE), folders of them, or --profile."
        )
    units = [[found for file in files_of(argument) for found in read(file)] for argument in options.files]
    empty = [argument for argument, unit in zip(options.files, units, strict=True) if not unit]
    meshes = group(units, profiles)
    findings = [Finding("unreadable", f'"{argument}" holds no resources') for argument in empty]
    findings += list(check(meshes))
    return report(findings, options, f"{len(meshes)} mesh{'es' if len(meshes) != 1 else ''}", "check")


def check(meshes: list[Mesh]) -> Iterator[Finding]:
    """Yield the findings inside each mesh and between all of them."""
    for mesh in meshes:
        for inside in INSIDE if not mesh.live else ():
            yield from inside(mesh)
    for between in BETWEEN:
        yield from between(meshes)


def report(findings: list[Finding], options: argparse.Namespace, subject: str, command: str) -> int:
    """Print findings in the form asked for, and return the exit code."""
    found = ordered(findings)
    if options.output == "json":
        sys.stdout.write(as_json(found))
    elif options.output == "sarif":
        sys.stdout.write(as_sarif(found, command))
    else:
        colour = options.color == "always" or (options.color == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ)
        sys.stdout.write(as_text(found, subject, colour=colour))
    bar = SEVERITIES.index(options.severity)
    return FINDINGS if any(SEVERITIES.index(finding.level) <= bar for finding in found) else DONE

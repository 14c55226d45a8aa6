"""Check whether meshes conflict with each other, before anything is installed.

FILE is a rewritten manifest, a directory of manifests, or several of them separated by commas; `-` is stdin. A
manifest holds the control planes of one mesh. Files with the same control-plane namespace or revision are one mesh,
so the output of `helm get manifest` of each release can be given as it is. With --profile, the profiles are compared
with each other and with the manifests; profiles alone are enough.

With --cluster they are also compared with what is installed in the cluster. It is read through kubectl, with your
rights, and nothing is written to it. The saved output of `kubectl get -o json` is recognised by its contents, and can
be given as a FILE instead. Admission policies of a profile that are missing or older than the profile are an info.
With --previous the new manifest of a release is compared with the one that is installed.

The file .multimesh.yaml says which findings to ignore and why, how severe others are, and whether to be strict. It is
looked for in the directory of each profile and in the one above, and else in the working directory; --config names
another one. What is ignored is counted and printed with its reason. An example of its contents is
`ignore: [{finding: trust-domain, reason: both meshes share one CA}]`; `multimesh schema -o settings` has all keys.

    multimesh check rendered/affirmed rendered/blue --profile charts-values/affirmed --profile charts-values/blue
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from multimesh.check.between import BETWEEN
from multimesh.check.between.namespaces import namespaces
from multimesh.check.catalogue import ERROR, INFO, SEVERITIES
from multimesh.check.findings import Finding, ordered, parted
from multimesh.check.formats import FORMATS, write
from multimesh.check.inside import INSIDE
from multimesh.check.meshes.grouping import group, in_release_namespaces, split
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.objects import Object, scopes_of, with_scopes
from multimesh.check.running.cluster import cluster
from multimesh.check.running.policies import policies
from multimesh.check.settings import OPEN, Settings, applied
from multimesh.check.settings import find as find_settings
from multimesh.check.sources.cluster import CALLS, print_commands, read_cluster, unsaved
from multimesh.check.sources.kubectl import Access
from multimesh.check.sources.manifests import Manifest, files_of, read_file
from multimesh.check.upgrade import upgrade
from multimesh.commands.flags import CRDS_HELP, add_flag, add_joined, add_switch, in_colour
from multimesh.commands.policies import wanted_digests
from multimesh.commands.progress import Progress
from multimesh.commands.stdio import DONE, FINDINGS, load_profile, write_text
from multimesh.errors import MultimeshError
from multimesh.kubernetes.crds import paths_of, scopes_in_files
from multimesh.mesh.profile import Profile

HELP = "check whether meshes conflict with each other"

#: The format of findings that shows the meshes, too.
HTML = "html"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    command.add_argument(
        "files", nargs="*", metavar="FILE", help="rewritten manifests, directories of them, or - for stdin"
    )
    command.add_argument(
        "--profile",
        action="append",
        metavar="PATH",
        help=f"the profile of a mesh; may be repeated (MULTIMESH_PROFILE, with {os.pathsep} between several)",
    )
    add_joined(command, "--crds", CRDS_HELP)
    what = "the output of helm get manifest of the releases to upgrade"
    add_joined(command, "--previous", what, ",", metavar="FILE")
    add_switch(command, "--cluster", "compare everything with what is installed in the cluster, too")
    add_flag(command, "--context", "the context of the kubeconfig", metavar="NAME")
    add_flag(command, "--kubeconfig", "the kubeconfig", metavar="FILE")
    add_switch(command, "--print-kubectl", "print the commands that save what --cluster reads, and do nothing else")
    add_output_flags(command)


def add_output_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags that decide how findings are printed."""
    # GitHub sets the variable in all of its workflows.
    default = "github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"
    what = "the format of the findings; text, and github in a workflow of GitHub Actions, if none is given"
    add_flag(command, "--output", what, default=default, short="-o", choices=(*FORMATS, HTML))
    add_flag(
        command, "--severity", "the least severity that makes the exit code 1", default="error", choices=SEVERITIES
    )
    add_flag(
        command, "--config", "the file of settings; default: the .multimesh.yaml beside the profiles", metavar="FILE"
    )
    add_switch(command, "--strict", "report it as an error if something could not be read")
    add_flag(command, "--color", "when to use colours", default="auto", choices=("auto", "always", "never"))


def run(options: argparse.Namespace) -> int:
    """Read everything, compare everything with everything, print the findings, and return the exit code."""
    access = Access(options.context, options.kubeconfig)
    if options.print_kubectl:
        write_text(print_commands(access))
        return DONE
    profiles = load_profiles(options)
    settings = find_settings(options.config, [profile.where for profile in profiles])
    named, previous = _files(options, profiles)
    total = sum(len(files) for _, files in named) + len(previous) + CALLS * options.cluster + len(BETWEEN)
    with Progress(total) as progress:
        units, live, findings = read_units(named, progress)
        before, unreadable = _before(options.previous, previous, progress)
        findings += unreadable
        unread: list[Finding] | None = None
        if live:
            findings += unsaved(live)
        elif options.cluster:
            live, unread = read_cluster(access, progress.step)
            findings += unread
        if not (profiles or options.cluster or previous):
            require_objects(named, [*live, *(item for unit in units for item in unit)])
        scopes, without = _scopes(profiles, options.crds)
        findings += without
        units, live, before = _scoped(units, live, before, scopes)
        meshes = group(units, profiles)
        if previous:
            after = [item for unit in units for item in unit]
            findings += upgrade(in_release_namespaces(before, ""), in_release_namespaces(after, ""), profiles)
        checked = len(meshes)
        if live:
            meshes = with_live_meshes(live, meshes)
            findings += namespaces(live, meshes)
            findings += _policies(profiles, live, unread)
        findings += check(meshes, progress)
    subject = f"{checked} mesh{'es' if checked != 1 else ''}" + (" and the cluster" if live or options.cluster else "")
    objects = [*live, *(item for unit in units for item in unit)]
    return report(findings, options, subject, "check", meshes, objects, settings)


def _scopes(profiles: list[Profile], flag: str) -> tuple[dict[tuple[str, str], str], list[Finding]]:
    """Return the scopes in the files of `--crds` and `spec.crds`, and a finding for each path without a CRD.

    Raises MultimeshError for a path that cannot be read.
    """
    scopes: dict[tuple[str, str], str] = {}
    findings = []
    for path in [*(path for mesh in profiles for path in paths_of(mesh.where, mesh.crds, "")), *paths_of("", [], flag)]:
        found = scopes_in_files([path])
        if not found:
            what = f'"{path}" holds no CustomResourceDefinition that could be read'
            findings.append(Finding("unreadable", what, remedy="Name a file or directory with CRDs."))
        scopes |= found
    return scopes, findings


def _scoped(
    units: list[list[Object]], live: list[Object], before: list[Object], scopes: dict[tuple[str, str], str]
) -> tuple[list[list[Object]], list[Object], list[Object]]:
    """Return all objects with the scopes that CRDs give to kinds of no table: in files, manifests and the cluster."""
    for objects in (live, before, *units):
        scopes = scopes | scopes_of(objects)
    return [with_scopes(unit, scopes) for unit in units], with_scopes(live, scopes), with_scopes(before, scopes)


def load_profiles(options: argparse.Namespace) -> list[Profile]:
    """Load the profiles of --profile, or else of MULTIMESH_PROFILE.

    Raises MultimeshError for one that is named twice.
    """
    paths = options.profile or os.environ.get("MULTIMESH_PROFILE", "").split(os.pathsep)
    profiles = [load_profile(path) for path in paths if path]
    places = [profile.where for profile in profiles]
    if twice := next((place for place in places if places.count(place) > 1), ""):
        raise MultimeshError(twice, "the same profile is named twice", "Name the profile of each mesh once.")
    for profile, path in zip(profiles, filter(None, paths), strict=True):
        profile.where = as_typed(path)
    return profiles


def as_typed(path: str) -> str:
    """Return the file of a profile as the user typed its path, which may be a directory: findings name it so."""
    return os.path.join(path, "profile.yaml") if os.path.isdir(path) else path


def _files(options: argparse.Namespace, profiles: list[Profile]) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return the files of each argument, and of --previous. Raises MultimeshError if there is nothing to check."""
    if not options.files and not profiles and not options.cluster:
        raise MultimeshError(
            "",
            "nothing to check",
            "Name manifests (helm get manifest RELEASE > FILE), directories of them, or --profile.",
        )
    named = [(argument, files_of(argument)) for argument in options.files]
    previous = files_of(options.previous) if options.previous else []
    if [*(file for _, files in named for file in files), *previous].count("-") > 1:
        raise MultimeshError("-", "stdin is named twice", "It can be read once; save it to a file.")
    return named, previous


def read_units(
    named: list[tuple[str, list[str]]], progress: Progress
) -> tuple[list[list[Object]], list[Object], list[Finding]]:
    """Read all files: the units of objects that belong together, live objects, and a finding for what is not an object.

    Raises MultimeshError for a directory without a Kubernetes object.
    """
    units: list[list[Object]] = []
    live: list[Object] = []
    findings = []
    for argument, files in named:
        parts = [_step(file, progress) for file in files]
        if any(part.is_left_out for part in parts) and all(part.holds_none for part in parts):
            continue
        if os.path.isdir(argument) and all(part.holds_none for part in parts):
            hint = "Name the directory of the rendered manifests."
            if os.path.isfile(os.path.join(argument, "profile.yaml")):
                hint += f"\nIf it is the profile of a mesh: --profile={argument}."
            raise MultimeshError(argument, "the directory holds no Kubernetes object", hint)
        if all(part.holds_none for part in parts):
            findings.append(Finding("unreadable", f'"{argument}" holds no resources'))
            continue
        findings += _unread(argument, files, parts)
        live += [item for part in parts for item in part.objects if item.is_live]
        units += split([[item for item in part.objects if not item.is_live] for part in parts])
    return units, live, findings


def _unread(argument: str, files: list[str], parts: list[Manifest]) -> list[Finding]:
    """Return a finding for all in the files of an argument that is not an object."""
    named = (argument, *argument.split(","))
    return [
        finding for file, part in zip(files, parts, strict=True) for finding in part.findings(is_named=file in named)
    ]


def _before(argument: str, files: list[str], progress: Progress) -> tuple[list[Object], list[Finding]]:
    """Read the files of --previous: their objects, and a finding for what is not an object.

    Raises MultimeshError if they hold nothing to compare.
    """
    parts = [_step(file, progress) for file in files]
    if parts and all(part.holds_none and not part.is_left_out for part in parts):
        raise MultimeshError(
            argument,
            f"no Kubernetes object is in {'it' if len(files) == 1 else 'them'}, so nothing was compared",
            "Name what is installed: helm get manifest RELEASE > FILE.",
        )
    return [item for part in parts for item in part.objects], _unread(argument, files, parts)


def require_objects(named: list[tuple[str, list[str]]], found: list[Object]) -> None:
    """Raise MultimeshError if all files together hold no Kubernetes object: nothing was checked."""
    if not any(item.is_resource for item in found):
        raise MultimeshError(
            ", ".join(argument for argument, _ in named),
            f"no Kubernetes object is in {'it' if len(named) == 1 else 'them'}, so nothing was checked",
            "Name rendered manifests (helm get manifest RELEASE > FILE), or a profile with --profile.",
        )


def _step(file: str, progress: Progress) -> Manifest:
    progress.step(file)
    return read_file(file)


def _policies(profiles: list[Profile], live: list[Object], unread: list[Finding] | None) -> Iterator[Finding]:
    """Yield what `verify` says of admission policies, as information: it is not a conflict between meshes.

    `unread` is what could not be read of the cluster; None of a saved one.
    """
    found = cluster(live, None if unread is None else [(side.resource, "") for one in unread for side in one.sides])
    if not found.of("ValidatingAdmissionPolicy"):
        return  # The digests need the template, which takes a while to load.
    for profile in profiles:
        for finding in policies(profile, found, wanted_digests(profile)):
            yield finding._replace(severity=INFO)


def check(meshes: list[Mesh], progress: Progress) -> Iterator[Finding]:
    """Yield the findings inside each mesh and between all of them."""
    for mesh in meshes:
        for inside in INSIDE if not mesh.live else ():
            yield from inside(mesh)
    for between in BETWEEN:
        progress.step("comparing")
        yield from between(meshes)


def report(
    findings: list[Finding],
    options: argparse.Namespace,
    subject: str,
    command: str,
    meshes: list[Mesh],
    objects: list[Object],
    settings: Settings,
) -> int:
    """Print findings in the requested format, and return the exit code.

    The page in HTML also shows the meshes, and the Namespaces among the objects.
    """
    if options.strict or settings.strict:
        findings = [item.at(ERROR) if item.id == OPEN else item for item in findings]
    found = ordered(applied(settings, ordered(findings)))
    if options.output == HTML:
        from multimesh.commands.html import page

        write_text(page(found, subject, command, meshes, objects))
    else:
        colour = in_colour(options.color)
        write_text(write(options.output, found, subject, command, least=options.severity, colour=colour))
    limit = SEVERITIES.index(options.severity)
    counted, _ = parted(found)
    return FINDINGS if any(SEVERITIES.index(finding.level) <= limit for finding in counted) else DONE

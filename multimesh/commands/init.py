"""Write the directory of a new mesh: its profile, the values of all charts, and the commands that install it.

DIRECTORY gets `profile.yaml`, the values of every chart of that version of Istio, and a `README.md` with the commands
for Helm 4 and Helm 3. The new profile is first compared with those of the directories beside it: names, namespaces,
node ports, and who owns what a cluster has only once. No file is replaced; all files are written, or none.

    multimesh init affirmed --owner --workloads nginx-affirmed charts-values/affirmed
    multimesh init blue --workloads nginx-blue charts-values/blue
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from multimesh.check.between import BETWEEN
from multimesh.check.catalogue import ERROR
from multimesh.check.findings import Finding, ordered
from multimesh.check.meshes.mesh import Mesh
from multimesh.commands.files import write_files
from multimesh.commands.flags import add_flag, add_switch
from multimesh.commands.stdio import DONE, load_profile, write_text
from multimesh.commands.values import OLDEST, Version, all_values, is_1_5, version
from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import PROFILE
from multimesh.mesh.manual import keys
from multimesh.mesh.profile import Profile, load
from multimesh.yamltext.scalars import quoted

HELP = "write the profile, the values and the commands of a new mesh"

PROFILE_FILE = "profile.yaml"

#: The directory that holds the package: a checkout, if the program for Helm 3 is there.
_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = "postrender.py"

#: Keys that a new profile shows as a comment, each with an example, by whether they concern Istio 1.5.
_OTHERS = {
    True: (("nodePorts", "{http2: 32380, https: 32390}"), ("gateways", "keep")),
    False: (("revision", "NAME"), ("canaryRevisions", "[NAME-NEXT]")),
}

#: Parts of messages about a profile, and what the user wrote instead.
_ARGUMENTS = (
    (r"metadata\.name\b", "MESH"),
    (r"spec\.namespace\b", "--namespace"),
    (r"spec\.workloadNamespaces(\[\d+\])?", "--workloads"),
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    command.add_argument("mesh", metavar="MESH", help="the name of the mesh")
    command.add_argument("directory", metavar="DIRECTORY", help="where its files go, such as charts-values/MESH")
    add_flag(command, "--namespace", "the namespace of the control plane; default: istio-MESH", metavar="NS")
    add_flag(command, "--workloads", "the namespaces of its workloads, with commas between them", metavar="A,B")
    add_flag(command, "--istio", "the version of Istio, such as 1.30 or 1.30.3; default: the newest", metavar="V")
    add_switch(command, "--owner", "this mesh installs what a cluster has only once: CRDs, istio-cni, ztunnel")


def run(options: argparse.Namespace) -> int:
    """Write the files, print their names, and return the exit code."""
    directory = Path(options.directory)
    istio = _version(options.istio)
    text = profile_text(options, istio)
    mesh = _loaded(text, str(directory / PROFILE_FILE))
    if istio >= OLDEST and mesh.name[0].isdecimal():
        what = f'MESH "{mesh.name}" begins with a digit, so {mesh.name}-ingressgateway is not a valid name of a Service'
        raise MultimeshError("", what, "Choose a name that begins with a letter.")
    others = profiles_beside(directory)
    require_no_conflict(mesh, others)
    values = all_values(mesh, options.istio)
    readme = readme_text(mesh, others, options.istio, directory, list(values))
    write_files(directory, {PROFILE_FILE: text, **values, "README.md": readme})
    lines = [f"written: {directory / name}\n" for name in (PROFILE_FILE, *values, "README.md")]
    if not any(profile.owns_shared for profile in (mesh, *others)):
        lines.append("No mesh here owns what a cluster has only once, such as the CRDs: one of them needs --owner.\n")
    lines.append(f"Next: follow {directory / 'README.md'}\n")
    write_text("".join(lines))
    return DONE


def _version(text: str) -> Version:
    """Return the version of Istio that --istio names."""
    return version(text, "istio-1.5" if is_1_5(text) else "istiod")


def profile_text(options: argparse.Namespace, istio: Version) -> str:
    """Return the text of the new profile."""
    from multimesh.templates import environment

    others = [
        (key, example.replace("NAME", options.mesh).replace("NEXT", "next")) for key, example in _OTHERS[istio < (1, 6)]
    ]
    return (
        environment(Path("."), yaml=quoted)
        .get_template("profile.yaml.j2")
        .render(
            schema=_schema_from(Path(options.directory)),
            name=options.mesh,
            namespace=options.namespace or f"istio-{options.mesh}",
            workloads=[name.strip() for name in options.workloads.split(",") if name.strip()],
            owner=options.owner,
            others=others,
            about={key.path: key.description for key in keys(PROFILE)},
        )
    )


def _schema_from(directory: Path) -> str:
    """Return the path of the schema: a relative one inside the checkout, which then may be anywhere.

    It is empty in a zipapp, where the schema is not a file.
    """
    path, directory = _ROOT / "multimesh" / "profile.schema.json", directory.resolve()
    if not path.is_file():
        return ""
    if (_ROOT / _PROGRAM).exists() and directory.is_relative_to(_ROOT):
        return Path(os.path.relpath(path, directory)).as_posix()
    return path.as_posix()


def _loaded(text: str, where: str) -> Profile:
    """Return the profile in a text. Raises MultimeshError with messages about the arguments that made it."""
    try:
        return load(text, where)
    except MultimeshError as error:
        for each in (error, *error.others):
            each.where = ""
            for pattern, argument in _ARGUMENTS:
                each.what = re.sub(pattern, argument, each.what)
                each.hint = re.sub(pattern, argument, each.hint)
        raise


def profiles_beside(directory: Path) -> list[Profile]:
    """Return the profiles of the other directories beside a directory. Raises MultimeshError for one with mistakes."""
    # A directory that does not exist may be given by a path with `..` or a link in it.
    own = Path(os.path.abspath(directory))
    found = sorted(own.parent.glob(f"*/{PROFILE_FILE}"))
    return [load_profile(str(path)) for path in found if path.parent != own]


def require_no_conflict(mesh: Profile, others: list[Profile]) -> None:
    """Raise MultimeshError, with one error for each conflict, if the new mesh conflicts with another one."""
    meshes = [Mesh(profile.name, profile.namespace, [], profile) for profile in (*others, mesh)]
    errors = list(_conflicts(ordered(item for between in BETWEEN for item in between(meshes)), mesh))
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]


def _conflicts(findings: list[Finding], mesh: Profile) -> Iterator[MultimeshError]:
    """Yield an error for each conflict of the new mesh, at the place of the other profile."""
    for finding in findings:
        others = [side for side in finding.sides if side.file != mesh.where]
        if finding.level == ERROR and others and len(others) < len(finding.sides):
            place = f"{others[0].file}:{others[0].line}"
            hint = f"{finding.advice}\nNothing was written. 'multimesh explain {finding.id}' says more."
            yield MultimeshError(place, finding.message, hint, finding.id)


def readme_text(mesh: Profile, others: list[Profile], typed: str, directory: Path, files: list[str]) -> str:
    """Return the page with the commands that install the mesh; `typed` is the version as the user gave it."""
    from multimesh.templates import environment

    istio = _version(typed)
    is_repository = istio >= (1, 12)
    names = {"base": "base", "istiod": "istio-control/istio-discovery", "gateway": "gateways/istio-ingress"}
    names |= {"cni": "istio-cni", "ztunnel": "ztunnel"}
    exact = re.fullmatch(r"v?(\d+\.\d+\.\d+\S*)", typed)
    parent = directory.parent if directory.name not in ("", "..") else directory / ".."
    beside = [parent / Path(profile.where).parent.name for profile in others]
    return (
        environment(Path("."), shell=shlex.quote)
        .get_template("readme.md.j2")
        .render(
            mesh=mesh,
            istio=istio,
            istio_flag=f" --istio {typed if exact else istio}",
            path=directory.as_posix(),
            profiles=[path.as_posix() for path in (*beside, directory)],
            written=[name.removesuffix(".yaml") for name in files],
            program=f"./{_PROGRAM}" if Path(_PROGRAM).exists() else "multimesh",
            pinned=f"--version '{exact[1] if exact else f'~{istio}.0'}' " if is_repository else "",
            charts={key: f"istio/{key}" if is_repository else f'"$CHARTS/{name}"' for key, name in names.items()},
        )
    )

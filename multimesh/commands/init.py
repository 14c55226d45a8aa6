"""Write the directory of a new mesh: its profile, the values of all charts, and the commands that install it.

DIRECTORY gets `profile.yaml`, the values of every chart of that version of Istio, and a `README.md` with the commands
that install the mesh. They are those of the helm on the PATH, or of Helm 4 and of Helm 3 if that is neither. The new
profile is first compared with those of the directories beside it: names, namespaces, node ports, and who owns what a
cluster has only once. No file is replaced; all files are written, or none.

With --from-cluster the new profile is compared with what is installed in the cluster, too, and what is not given by
flags is taken from there: the version of Istio, the revision and the labelled namespaces of a mesh that already runs in
the namespace, and whether this mesh is the owner. The cluster is read through kubectl, with your rights; nothing is
written to it. --helmfile, --argocd, --flux and --terraform also write the files of that tool, for Istio 1.12 and later.

    multimesh init affirmed --owner --workloads nginx-affirmed charts-values/affirmed
    multimesh init blue --workloads nginx-blue charts-values/blue
    multimesh init green --from-cluster --helmfile charts-values/green
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from multimesh.check.between import BETWEEN
from multimesh.check.between.namespaces import namespaces
from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding, ordered
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.sources.kubectl import Access
from multimesh.commands.engines import (
    ENGINES,
    PROGRAM,
    REPOSITORY_SINCE,
    ROOT,
    engine_files,
    helm_major,
    is_beside_checkout,
    releases,
    require_possible,
)
from multimesh.commands.files import write_files
from multimesh.commands.flags import add_flag, add_joined, add_switch, names_in
from multimesh.commands.installed import Installed, installed, taken
from multimesh.commands.stdio import DONE, load_profile
from multimesh.commands.values import OLDEST, Version, all_values, is_1_5, version
from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import PROFILE
from multimesh.mesh.manual import keys
from multimesh.mesh.profile import Profile, load
from multimesh.mesh.schema import ID
from multimesh.yamltext.scalars import quoted

HELP = "write the profile, the values and the commands of a new mesh"

PROFILE_FILE = "profile.yaml"

#: Keys that a new profile shows as a comment, each with an example, by whether they concern Istio 1.5.
_OTHERS = {
    True: (("nodePorts", "PORTS"), ("gateways", "keep")),
    False: (("revision", "NAME"), ("canaryRevisions", "[NAME-NEXT]")),
}

#: The node ports of the example, and the last one that Kubernetes allocates.
_PORTS = {"http2": 32380, "https": 32390}
_LAST_PORT = 32767

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
    add_joined(command, "--workloads", "the namespaces of its workloads", ",", metavar="A,B")
    add_flag(command, "--istio", "the version of Istio, such as 1.30 or 1.30.3; default: the newest", metavar="V")
    add_switch(command, "--owner", "this mesh installs what a cluster has only once: CRDs, istio-cni, ztunnel")
    add_switch(
        command,
        "--from-cluster",
        "compare it with what is installed in the cluster, and take from there what is not given",
    )
    add_flag(command, "--context", "the context of the kubeconfig, for --from-cluster", metavar="NAME")
    add_flag(command, "--kubeconfig", "the kubeconfig, for --from-cluster", metavar="FILE")
    add_switch(command, "--helmfile", "write a helmfile.yaml, too")
    add_switch(command, "--argocd", "write Applications of Argo CD, too")
    add_switch(command, "--flux", "write HelmReleases of Flux, too")
    add_switch(command, "--terraform", "write a main.tf for Terraform or OpenTofu, too")


def run(options: argparse.Namespace) -> int:
    """Write the files, print their names, and return the exit code."""
    directory = Path(options.directory)
    others = profiles_beside(directory)
    cluster = installed(Access(options.context, options.kubeconfig)) if options.from_cluster else None
    lines = _take(options, cluster, others) if cluster is not None else []
    istio = _version(options.istio)
    exact = _exact(options.istio)
    engines = [name for name in ENGINES if getattr(options, name)]
    require_possible(engines, istio, exact)
    text = profile_text(options, istio, _used_ports(others, cluster))
    mesh = _loaded(text, str(directory / PROFILE_FILE))
    if istio >= OLDEST and mesh.name[0].isdecimal():
        what = f'MESH "{mesh.name}" begins with a digit, so {mesh.name}-ingressgateway is not a valid name of a Service'
        raise MultimeshError("", what, "Choose a name that begins with a letter.")
    lines += require_no_conflict(mesh, others, cluster)
    values = all_values(mesh, options.istio)
    more = engine_files(engines, mesh, istio, exact or f"~{istio}.0", directory)
    readme = readme_text(mesh, others, options.istio, directory, list(values), engines)
    texts = {PROFILE_FILE: text, **values, **more, "README.md": readme}
    lines += [f"written: {directory / name}" for name in texts]
    if not any(profile.owns_shared for profile in (mesh, *others)) and not (cluster is not None and cluster.crds):
        lines.append("No mesh here owns what a cluster has only once, such as the CRDs: one of them needs --owner.")
    lines.append(f"Next: follow {directory / 'README.md'}")
    write_files(directory, texts, "".join(f"{line}\n" for line in lines))
    return DONE


def _take(options: argparse.Namespace, cluster: Installed, others: list[Profile]) -> list[str]:
    """Set the options that are not given to what the cluster says, and return what was found and taken, as lines."""
    namespace = options.namespace or f"istio-{options.mesh}"
    found = taken(cluster, options.mesh, namespace, owned=any(profile.owns_shared for profile in others))
    options.revisions = found.revisions
    given = {"--istio": options.istio, "--owner": options.owner, "--workloads": options.workloads}
    options.istio = options.istio or found.istio
    options.owner = options.owner or found.owner
    options.workloads = options.workloads or ",".join(found.workloads)
    reasons = [reason for reason in found.reasons if not given.get(reason.partition(" ")[0].rstrip(":"))]
    return [*cluster.lines(), *(f"taken: {reason}" for reason in reasons)]


def _exact(text: str) -> str:
    """Return a version of Istio with its patch, without the leading v; empty if the text has no patch."""
    found = re.fullmatch(r"v?(\d+\.\d+\.\d+\S*)", text)
    return found[1] if found else ""


def _version(text: str) -> Version:
    """Return the version of Istio that --istio names."""
    return version(text, "istio-1.5" if is_1_5(text) else "istiod")


def _used_ports(others: list[Profile], cluster: Installed | None) -> set[int]:
    """Return the node ports that other profiles ask for, and those of the Services of a cluster."""
    asked = [port for profile in others if isinstance(profile.node_ports, dict) for port in profile.node_ports.values()]
    return {*asked, *(cluster.ports() if cluster is not None else ())}


def _free_ports(used: set[int]) -> str:
    """Return node ports for an example, as YAML on one line: each the first one from its own number on that is free."""
    found: dict[str, int] = {}
    for name, first in _PORTS.items():
        taken_too = used | set(found.values())
        found[name] = next((port for port in range(first, _LAST_PORT + 1) if port not in taken_too), first)
    return f"{{{', '.join(f'{name}: {port}' for name, port in found.items())}}}"


def profile_text(options: argparse.Namespace, istio: Version, used: set[int]) -> str:
    """Return the text of the new profile; `used` are node ports that its example must not have."""
    from multimesh.templates import environment

    revision, *canaries = getattr(options, "revisions", []) or [options.mesh]
    examples = {"NAME": options.mesh, "NEXT": "next", "PORTS": _free_ports(used)}
    own = {"revision": quoted(revision) if revision != options.mesh else "", "canaryRevisions": _flow(canaries)}
    others = [
        (key, own.get(key, "") or re.sub("NAME|NEXT|PORTS", lambda it: examples[it[0]], example), bool(own.get(key)))
        for key, example in _OTHERS[istio < (1, 6)]
    ]
    return (
        environment(Path("."), yaml=quoted)
        .get_template("profile.yaml.j2")
        .render(
            schema=_schema_from(Path(options.directory)),
            name=options.mesh,
            namespace=options.namespace or f"istio-{options.mesh}",
            workloads=names_in("--workloads", options.workloads),
            owner=options.owner,
            others=others,
            about={key.path: key.description for key in keys(PROFILE)},
        )
    )


def _flow(items: list[str]) -> str:
    """Return a list as YAML on one line; empty for an empty list."""
    return f"[{', '.join(map(quoted, items))}]" if items else ""


def _schema_from(directory: Path) -> str:
    """Return how the profile names its schema: by a relative path in a repository with both, else by its address.

    A path of this machine would be wrong for everybody else who reads the profile.
    """
    path, directory = ROOT / "multimesh" / "profile.schema.json", directory.resolve()
    return Path(os.path.relpath(path, directory)).as_posix() if is_beside_checkout(directory) else ID


def _loaded(text: str, where: str) -> Profile:
    """Return the profile in a text. Raises MultimeshError with messages about the arguments that made it."""
    try:
        return load(text, where)
    except MultimeshError as error:
        for each in (error, *error.others):
            each.where = ""
            for pattern, argument in _ARGUMENTS:
                each.what = re.sub(pattern, argument, each.what)
                each.hint = re.sub(rf"(?<!explain ){pattern}", argument, each.hint)
        raise


def profiles_beside(directory: Path) -> list[Profile]:
    """Return the profiles of the other directories beside a directory. Raises MultimeshError for one with mistakes."""
    # A directory that does not exist may be given by a path with `..` or a link in it.
    own = Path(os.path.abspath(directory))
    found = sorted(own.parent.glob(f"*/{PROFILE_FILE}"))
    return [load_profile(str(path)) for path in found if path.parent != own]


def require_no_conflict(mesh: Profile, others: list[Profile], cluster: Installed | None = None) -> list[str]:
    """Raise MultimeshError, with one error for each conflict of the new mesh with another one or with a cluster.

    Returns the other findings about the new mesh and the cluster, as lines.
    """
    meshes = [Mesh(profile.name, profile.namespace, [], profile) for profile in (*others, mesh)]
    findings: list[Finding] = []
    if cluster is not None:
        meshes = with_live_meshes(cluster.objects, meshes)
        new = [found for found in meshes if not found.checked or found.profile is mesh]
        # Labels that inject today are not a conflict: the namespaces get those of the new mesh.
        findings += [
            found._replace(severity=WARNING) if found.id == "injection-overlap" else found
            for found in namespaces(cluster.objects, new)
        ]
    findings += [item for between in BETWEEN for item in between(meshes)]
    errors = list(_conflicts(ordered(findings), mesh))
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]
    return [
        f"{item.level}: {item.message} [{item.id}]"
        for item in ordered(findings)
        if cluster is not None and item.id != "no-owner" and _concerns(item, mesh)
    ]


def _concerns(finding: Finding, mesh: Profile) -> bool:
    """Return whether a finding is about the new mesh, and not about others only."""
    return any(side.file == mesh.where or side.mesh == mesh.name for side in finding.sides) or all(
        not side.mesh for side in finding.sides
    )


def _conflicts(findings: list[Finding], mesh: Profile) -> Iterator[MultimeshError]:
    """Yield an error for each conflict of the new mesh, at the place of what it conflicts with."""
    for finding in findings:
        others = [side for side in finding.sides if side.file != mesh.where]
        if finding.level == ERROR and others and _concerns(finding, mesh):
            place = (
                f"{others[0].file}:{others[0].line}" if others[0].line else f"{others[0].file}: {others[0].resource}"
            )
            hint = f"{finding.advice}\nNothing was written. 'multimesh explain {finding.id}' says more."
            yield MultimeshError(place, finding.message, hint, finding.id)


def readme_text(
    mesh: Profile, others: list[Profile], typed: str, directory: Path, files: list[str], engines: list[str]
) -> str:
    """Return the page with the commands that install the mesh; `typed` is the version as the user gave it."""
    from multimesh.templates import environment

    istio = _version(typed)
    is_repository = istio >= REPOSITORY_SINCE
    names = {"base": "base", "istiod": "istio-control/istio-discovery", "gateway": "gateways/istio-ingress"}
    names |= {"cni": "istio-cni", "ztunnel": "ztunnel"}
    exact = _exact(typed)
    parent = directory.parent if directory.name not in ("", "..") else directory / ".."
    beside = [parent / Path(profile.where).parent.name for profile in others]
    major = helm_major()
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
            program=f"./{PROGRAM}" if Path(PROGRAM).exists() else "multimesh",
            pinned=f"--version '{exact or f'~{istio}.0'}' " if is_repository else "",
            charts={key: f"istio/{key}" if is_repository else f'"$CHARTS/{name}"' for key, name in names.items()},
            majors=(major,) if major else (4, 3),
            engines=engines,
            releases=releases(mesh, istio) if istio >= OLDEST else [],
        )
    )

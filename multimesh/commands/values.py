"""Write the Helm values that a mesh needs, for one chart of one Istio version, or for all of them.

The rules change what no value can. These values set the rest: the revision, the namespace, what the control plane
discovers, its trust domain, its audiences, its gateway classes. Comments in the output say why each value is there.

    multimesh values --profile charts-values/affirmed --chart istiod --istio 1.30 > charts-values/affirmed/istiod.yaml
    multimesh values --profile charts-values/affirmed --all --istio 1.30 -o charts-values/affirmed

With -o the values go into files of a directory, each named after its chart: all of them, or none. A file that is
already there is replaced if this command wrote it, and refused otherwise. In an umbrella chart the values of a
dependency are below its name: --under istiod.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import NamedTuple

from multimesh.commands.files import write_files
from multimesh.commands.flags import add_flag, add_switch
from multimesh.commands.stdio import DONE, load_profile, write_text
from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import check_label
from multimesh.mesh.names import MESH_LABEL
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import CRL, CRL_VARIABLE_SINCE, ROOT, ROOT_VARIABLE_SINCE
from multimesh.yamltext.scalars import quoted

HELP = "write the Helm values of one chart for a mesh"

CHARTS = ("base", "istiod", "gateway", "cni", "ztunnel", "istio-1.5")

#: Who signs the certificates of workloads: the control plane, or an authority outside of Istio.
AUTHORITIES = ("istiod", "external")

#: The charts that name the root certificate of the mesh.
ROOTED = ("istiod", "ztunnel")

#: What every file of values says about itself, by which -o knows what it may replace.
WRITTEN_BY = "Written by: multimesh values"

#: The newest and the oldest minor version that the values were tested with. A later one gets the values of the newest.
NEWEST = (1, 31)
OLDEST = (1, 6)

#: The first minor version whose chart can be used, where it is not the oldest.
SINCE = {"ztunnel": (1, 20)}

#: The CRDs of the chart base, 1.24 to 1.31 (manifests/charts/base/files/crd-all.gen.yaml of each tag).
CRDS = (
    "authorizationpolicies.security.istio.io",
    "destinationrules.networking.istio.io",
    "envoyfilters.networking.istio.io",
    "gateways.networking.istio.io",
    "peerauthentications.security.istio.io",
    "proxyconfigs.networking.istio.io",
    "requestauthentications.security.istio.io",
    "serviceentries.networking.istio.io",
    "sidecars.networking.istio.io",
    "telemetries.telemetry.istio.io",
    "trafficextensions.extensions.istio.io",
    "virtualservices.networking.istio.io",
    "wasmplugins.extensions.istio.io",
    "workloadentries.networking.istio.io",
    "workloadgroups.networking.istio.io",
)


class Version(NamedTuple):
    """A minor version of Istio, which decides which values a chart has."""

    major: int
    minor: int

    def __str__(self) -> str:
        """Return it as users write it, such as 1.30."""
        return f"{self.major}.{self.minor}"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_flag(command, "--chart", "the chart", choices=CHARTS)
    add_switch(command, "--all", "write the values of all charts of the version; needs -o")
    add_flag(command, "--istio", "the version of Istio, such as 1.30 or 1.30.3; default: the newest", metavar="V")
    add_flag(
        command,
        "--name",
        "the name of the gateway (for --chart gateway or --all); default: <mesh>-ingressgateway",
        metavar="NAME",
    )
    add_flag(
        command,
        "--oldest",
        "the oldest version of Istio among the revisions of the mesh, for istiod and ztunnel; default: unknown where "
        "it has canaryRevisions",
        metavar="V",
    )
    add_flag(command, "--ca", "who signs the certificates of workloads", default="istiod", choices=AUTHORITIES)
    add_flag(
        command,
        "--under",
        "put the values below this key: the name of the chart in an umbrella chart, such as istiod or platform.istiod",
        metavar="PREFIX",
    )
    add_flag(
        command,
        "--output-dir",
        "write files into this directory, such as istiod.yaml, instead of stdout",
        short="-o",
        metavar="DIRECTORY",
    )


def run(options: argparse.Namespace) -> int:
    """Print the values, or write them into files with -o, and return the exit code."""
    if options.all:
        _require_all_is_possible(options)
    elif not options.chart:
        raise MultimeshError("", "--chart is missing", f"It may be: {', '.join(CHARTS)}.")
    mesh = load_profile(options.profile)
    oldest = _oldest(options)
    if options.all:
        texts = all_values(mesh, options.istio, options.name, oldest=oldest, ca=options.ca)
    else:
        istio = version(options.istio, options.chart)
        found = values(mesh, options.chart, istio, options.name, oldest=oldest, ca=options.ca)
        texts = {f"{options.chart}.yaml": under(options.under, found)}
    if not options.output_dir:
        write_text("".join(texts.values()))
        return DONE
    directory = Path(options.output_dir)
    said = "".join(f"written: {directory / name}\n" for name in texts)
    write_files(directory, texts, said, replaces=lambda text: WRITTEN_BY in text)
    return DONE


def _oldest(options: argparse.Namespace) -> Version | None:
    """Return the version that --oldest names. Raises MultimeshError if it has no effect or contradicts --istio."""
    if not options.oldest:
        return None
    if not options.all and options.chart not in ROOTED:
        what = f'--oldest is "{options.oldest}", and the values of the chart {options.chart} do not depend on it'
        hint = f"It decides the name of the root certificate: the charts {' and '.join(ROOTED)}. Leave it out."
        raise MultimeshError("", what, hint)
    oldest = version(options.oldest, ROOTED[0])
    istio = version(options.istio, "istio-1.5" if is_1_5(options.istio) else ROOTED[0])
    if oldest > istio:
        what = f'--oldest is "{options.oldest}", which is newer than Istio {istio}, for which the values are'
        hint = "It is the oldest version that runs, this one included. Leave it out if no revision is older."
        raise MultimeshError("", what, hint)
    return oldest


def _require_all_is_possible(options: argparse.Namespace) -> None:
    """Raise MultimeshError if --all cannot be combined with the other flags."""
    if options.chart:
        raise MultimeshError("", f"--all and --chart {options.chart} contradict each other", "Leave one of them out.")
    if options.under:
        hint = "Write each chart below its own key: --chart istiod --under istiod."
        raise MultimeshError("", f'--under is "{options.under}", and --all writes one file for each chart', hint)
    if not options.output_dir:
        raise MultimeshError("", "--all writes several files, and -o is missing", "Name a directory: -o DIRECTORY.")


def under(prefix: str, text: str) -> str:
    r"""Return YAML text below a key, such as `istiod` or `platform.istiod`; as it is if the prefix is empty.

    >>> print(under("a.b", "c: 1\n"), end="")
    a:
      b:
        c: 1
    """
    keys = prefix.split(".") if prefix else []
    if "" in keys:
        hint = "Write it as the name of a dependency, such as istiod, or as names with dots between them."
        raise MultimeshError("", f'--under is "{prefix}", which is not a key', hint)
    lines = "".join(f"{'  ' * depth}{quoted(key)}:\n" for depth, key in enumerate(keys))
    return lines + textwrap.indent(text, "  " * len(keys))


def all_values(
    mesh: Profile, istio: str, name: str = "", *, oldest: Version | None = None, ca: str = "istiod"
) -> dict[str, str]:
    """Return the values of all charts that a mesh may install of a version of Istio, by the names of their files.

    Raises MultimeshError for a version that is not known.
    """
    return {
        f"{chart}.yaml": values(
            mesh, chart, version(istio, chart), name if chart == "gateway" else "", oldest=oldest, ca=ca
        )
        for chart in charts_of(mesh, istio)
    }


def charts_of(mesh: Profile, istio: str) -> list[str]:
    """Return the charts that a mesh may install of a version of Istio, which is the newest where it is empty."""
    if is_1_5(istio):
        return ["istio-1.5"]
    found = ["base", "istiod", "gateway"]
    if mesh.owns_shared:
        minor = version(istio, "istiod")
        found += [chart for chart in ("cni", "ztunnel") if minor >= SINCE.get(chart, OLDEST)]
    return found


def is_1_5(text: str) -> bool:
    """Return whether a version is Istio 1.5, which is not 1.50."""
    return text.removeprefix("v").split("-")[0].split(".")[:2] == ["1", "5"]


def version(text: str, chart: str) -> Version:
    """Parse a version of Istio such as 1.30, v1.30.3 or newest; empty means the newest.

    Raises MultimeshError if it is not a version, or if the chart does not exist in it.
    """
    if chart == "istio-1.5":
        if text and not is_1_5(text):
            raise MultimeshError("", f'--istio is "{text}", and the chart istio-1.5 is Istio 1.5', "Leave --istio out.")
        return Version(1, 5)
    if text in ("", "newest", "latest"):
        return Version(*NEWEST)
    parts = text.removeprefix("v").split("-")[0].split(".")
    if len(parts) < 2 or not all(part.isdecimal() for part in parts[:2]):
        raise MultimeshError("", f'--istio is "{text}", which is not a version', "Write it as 1.30 or 1.30.3.")
    found = Version(int(parts[0]), int(parts[1]))
    if found.major > NEWEST[0]:
        what = f"Istio {found} is not known, and its charts may have other values"
        raise MultimeshError("", what, f"The newest one that is known is {Version(*NEWEST)}.")
    if found < OLDEST:
        raise MultimeshError("", f"Istio {found} has no chart {chart}", "Istio 1.5 is one chart: --chart istio-1.5.")
    since = SINCE.get(chart, OLDEST)
    if found < since:
        raise MultimeshError(
            "",
            f"the chart {chart} of Istio {found} cannot belong to one of several meshes",
            f"No value of it names a control plane. Use {since[0]}.{since[1]} or later.",
        )
    return found


def values(
    mesh: Profile, chart: str, istio: Version, name: str = "", *, oldest: Version | None = None, ca: str = "istiod"
) -> str:
    """Return the values of one chart as YAML text; `name` is that of a gateway.

    `oldest` is the oldest version among the revisions of the mesh, and `ca` who signs the certificates of workloads.
    Raises MultimeshError for a chart that this mesh must not install.
    """
    from multimesh import templates

    if chart in ("cni", "ztunnel") and not mesh.owns_shared:
        raise MultimeshError(
            mesh.where,
            f"the chart {chart} exists once in a cluster, and mesh {mesh.name} does not own shared resources",
            "Write its values for the mesh with spec.sharedResources: own, or set that in this profile. "
            + _INSTEAD[chart],
        )
    gateway = _gateway(mesh, chart, name)
    environment = templates.environment(Path("values"), yaml=quoted)
    return environment.get_template(f"{chart}.yaml.j2").render(
        mesh=mesh,
        istio=istio,
        label=MESH_LABEL,
        crds=CRDS,
        audience=f"istio-ca-{mesh.name}",
        trust_domain=f"{mesh.name}.local",
        gateway=gateway,
        root=_root_name(mesh, istio, oldest, ca),
        external=ca == "external",
        root_names_since=Version(*ROOT_VARIABLE_SINCE),
        crl=CRL,
        crl_names_since=Version(*CRL_VARIABLE_SINCE),
    )


def _root_name(mesh: Profile, istio: Version, oldest: Version | None, ca: str) -> str:
    """Return the name of the ConfigMap with the root of this mesh; empty where it must keep its stock name.

    One revision of the mesh writes it for all of them, and all must expect the same name. An authority outside of
    Istio writes the stock name.
    """
    lowest = min(istio, oldest) if oldest is not None else istio
    if ca == "external" or lowest < ROOT_VARIABLE_SINCE or (oldest is None and mesh.canary_revisions):
        return ""
    return f"{ROOT}-{mesh.name}"


def _gateway(mesh: Profile, chart: str, name: str) -> str:
    """Return the name of the mesh's gateway. Raises MultimeshError for a name that it cannot have."""
    if name and chart != "gateway":
        raise MultimeshError(
            "",
            f'--name is "{name}", and the chart {chart} has no name',
            "Only the chart gateway has one. Leave it out.",
        )
    gateway = name or f"{mesh.name}-ingressgateway"
    # It becomes the name of a Service.
    if chart == "gateway" and (check_label(gateway) or gateway[0].isdecimal()):
        what = f'--name is "{gateway}"' if name else f'the default of --name is "{gateway}"'
        raise MultimeshError(
            "",
            f"{what}, which is not a name of a gateway",
            "Write --name with lower-case letters, digits and '-', beginning with a letter, at most 63 characters.",
        )
    return gateway


#: What a mesh does that does not own such a chart.
_INSTEAD = {
    "cni": "A mesh that uses the CNI of another mesh sets pilot.cni.enabled in the values of istiod.",
    "ztunnel": "Each node has only one ztunnel, and it serves its owner: only that mesh can use ambient mode.",
}

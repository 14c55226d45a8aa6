"""Write the namespaces of a mesh: their labels, and the Sidecar that limits each workload to its mesh.

For Istio 1.5 the control-plane namespace also gets the label `istio-injection=disabled`, and every namespace the label
of Citadel; later versions need neither. With --gateway-api workload namespaces get the label of the revision that
serves their Gateways of the Gateway API; one in the control-plane namespace needs the label itself. With --labels-only
the output is `kubectl label` commands, for namespaces that somebody else manages.

    multimesh namespaces --profile charts-values/affirmed | kubectl apply --server-side -f -
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from multimesh.commands.flags import add_flag, add_switch
from multimesh.commands.stdio import DONE, load_profile, write_text
from multimesh.commands.values import Version, is_1_5, version
from multimesh.mesh.names import INJECTION_LABEL, MESH_LABEL, REVISION_LABEL
from multimesh.mesh.profile import Profile
from multimesh.yamltext.scalars import quoted

HELP = "write the namespaces of a mesh: labels and Sidecar resources"


class Label(NamedTuple):
    """One label of a namespace, and why it is there."""

    key: str
    value: str
    why: str = ""


class Namespace(NamedTuple):
    """One namespace of a mesh, and its labels."""

    name: str
    labels: list[Label]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_flag(command, "--istio", "the version of Istio, such as 1.5 or 1.30; default: the newest", metavar="V")
    add_switch(
        command,
        "--gateway-api",
        "add the label istio.io/rev to workload namespaces, which their Gateway API resources need",
    )
    add_switch(command, "--labels-only", "write kubectl label commands instead of manifests")


def run(options: argparse.Namespace) -> int:
    """Print manifests, or commands with --labels-only, and return the exit code."""
    mesh = load_profile(options.profile)
    istio = version(options.istio, "istio-1.5" if is_1_5(options.istio) else "istiod")
    spaces = namespaces(mesh, istio, gateway_api=options.gateway_api)
    write_text(lines(spaces) if options.labels_only else manifests(mesh, istio, spaces))
    return DONE


def namespaces(mesh: Profile, istio: Version, *, gateway_api: bool = False) -> list[Namespace]:
    """Return the namespaces of a mesh with their labels, the control-plane namespace first."""
    ours = Label(MESH_LABEL, mesh.name)
    old = istio < (1, 6)
    plane = [ours]
    if old:
        plane += [
            Label(INJECTION_LABEL, "disabled"),
            Label("ca.istio.io/env", mesh.namespace, "the namespace of its Citadel"),
        ]
    member = [ours, Label(INJECTION_LABEL, mesh.injection_label)]
    if old:
        member.append(
            Label("ca.istio.io/env", mesh.namespace, "the Citadel that writes the certificates of this namespace")
        )
    elif gateway_api:
        member.append(
            Label(REVISION_LABEL, mesh.revision, "the revision that serves Gateway API resources of this namespace")
        )
    return [Namespace(mesh.namespace, plane), *(Namespace(name, member) for name in mesh.workload_namespaces)]


def lines(spaces: list[Namespace]) -> str:
    """Return one `kubectl label` command for each namespace."""
    return "".join(f"kubectl label namespace {space.name} {_pairs(space.labels)} --overwrite\n" for space in spaces)


def _pairs(labels: list[Label]) -> str:
    """Return labels as arguments of `kubectl label`."""
    return " ".join(f"{label.key}={label.value}" for label in labels)


def manifests(mesh: Profile, istio: Version, spaces: list[Namespace]) -> str:
    """Return Namespaces and Sidecars as YAML."""
    from multimesh.templates import environment

    api_version = "v1" if istio >= (1, 22) else "v1beta1" if istio >= (1, 8) else "v1alpha3"
    context: dict[str, Any] = {"name": mesh.name, "all_namespaces": spaces}
    template = environment(Path("."), quote=lambda text: f'"{text}"', yaml=quoted).get_template("namespaces.yaml.j2")
    return template.render(mesh=context, istio=istio, api_version=api_version)

"""Write admission policies with which the API server itself keeps a mesh apart from others.

They are ValidatingAdmissionPolicies, each with its binding, for Kubernetes 1.30 and later:

- releases: what a Helm release of this mesh installs is what `render` makes of it;
- writes: ServiceAccounts of the control-plane namespace write to this mesh only;
- roots: only this mesh's control plane writes the ConfigMaps with its root certificate;
- members: only who may `join` the mesh labels a namespace for it;
- pods: no pod of this mesh has the sidecar of another one;
- crds: nobody deletes Istio's CRDs by accident (written for the mesh that owns them).

    multimesh policies --profile charts-values/affirmed | kubectl apply --server-side -f -
"""

from __future__ import annotations

import argparse
import re

from multimesh.commands.flags import add_flag
from multimesh.commands.stdio import DONE, load_profile, write_out
from multimesh.errors import MultimeshError
from multimesh.mesh.policies import POLICIES, chosen_policies
from multimesh.templates.policies import policies_text

HELP = "write admission policies with which the API server keeps meshes apart"

#: The first minor version of Kubernetes that serves admissionregistration.k8s.io/v1 ValidatingAdmissionPolicies.
FIRST_KUBERNETES = (1, 30)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_flag(command, "--kubernetes", "the version of Kubernetes, such as 1.35; default: 1.30 or later", metavar="V")
    add_flag(command, "--only", f"write these policies only, of: {', '.join(POLICIES)}", metavar="A,B")
    add_flag(command, "--except", "write all policies except these", metavar="A,B")


def run(options: argparse.Namespace) -> int:
    """Print the policies and their bindings."""
    mesh = load_profile(options.profile)
    check_kubernetes(options.kubernetes)
    names = chosen_policies(mesh, names_of("--only", options.only), names_of("--except", getattr(options, "except")))
    write_out([policies_text(mesh, names).encode()])
    return DONE


def names_of(flag: str, value: str) -> list[str]:
    """Return the policies that a flag names, without `multimesh-` and the mesh. Raises MultimeshError for an unknown one."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        if name not in POLICIES:
            raise MultimeshError("", f'{flag} names the policy "{name}"', f"Known policies: {', '.join(POLICIES)}.")
    return names


def check_kubernetes(value: str) -> None:
    """Raise MultimeshError for a version of Kubernetes that has no such policies, and for what is not a version."""
    if not value:
        return
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\.\d+.*)?", value)
    if not found:
        raise MultimeshError("", f'--kubernetes is "{value}"', "Write it as 1.35.")
    if (int(found[1]), int(found[2])) < FIRST_KUBERNETES:
        raise MultimeshError(
            "",
            f"Kubernetes {value} does not serve ValidatingAdmissionPolicy as admissionregistration.k8s.io/v1",
            "They are there from Kubernetes 1.30 on. Upgrade the cluster first.",
        )

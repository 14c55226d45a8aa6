"""Write admission policies with which the API server itself keeps a mesh apart from others.

They are ValidatingAdmissionPolicies, each with its binding, for Kubernetes 1.30 and later:

- releases: what a Helm release of this mesh installs is what `render` makes of it;
- writes: ServiceAccounts of the control-plane namespace write to this mesh only (a policy that all meshes share, a
  policy of this mesh, and the ClusterRole and binding that say whose control plane it is);
- roots: only this mesh's control plane writes the ConfigMaps with its root certificate;
- members: only who may `join` the mesh labels a namespace for it;
- pods: no pod of this mesh has the sidecar of another one;
- crds: nobody deletes Istio's CRDs by accident (written for the mesh that owns them).

    multimesh policies --profile charts-values/affirmed | kubectl apply --server-side -f -
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from multimesh.commands.flags import add_flag, add_joined, names_in
from multimesh.commands.stdio import DONE, load_profile, write_text
from multimesh.errors import MultimeshError
from multimesh.mesh.names import CRD_POLICY, MESH_LABEL, SHARED, SHARED_POLICIES, SUFFIXED, WRITES_POLICY
from multimesh.mesh.policies import ACCOUNT, ALLOW_DELETION, DIGEST, POLICIES, chosen_policies
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import CRL, ROOT
from multimesh.yamltext.scalars import quoted

HELP = "write admission policies with which the API server keeps meshes apart"

#: The first minor version of Kubernetes that serves admissionregistration.k8s.io/v1 ValidatingAdmissionPolicies.
FIRST_KUBERNETES = (1, 30)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_flag(command, "--kubernetes", "the version of Kubernetes, such as 1.35; default: 1.30 or later", metavar="V")
    add_joined(command, "--only", f"write these policies only, of: {', '.join(POLICIES)}", ",", metavar="A,B")
    add_joined(command, "--except", "write all policies except these", ",", metavar="A,B")


def run(options: argparse.Namespace) -> int:
    """Print the policies and their bindings."""
    mesh = load_profile(options.profile)
    check_kubernetes(options.kubernetes)
    names = chosen_policies(mesh, names_of("--only", options.only), names_of("--except", getattr(options, "except")))
    if not names:
        raise MultimeshError(
            "", "--only and --except leave no policy to write", f"Known policies: {', '.join(POLICIES)}."
        )
    write_text(policies_text(mesh, names))
    return DONE


def names_of(flag: str, value: str) -> list[str]:
    """Return the policies that a flag names. Raises MultimeshError for an unknown one."""
    names = names_in(flag, value)
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


#: Cluster-scoped resources with constant names that a control plane writes: group, resource, name.
#: Istio 1.20.8 and 1.31.0 pilot/pkg/config/kube/gateway/gatewayclass.go.
CONSTANTS = tuple(
    f"gateway.networking.k8s.io/gatewayclasses/{name}"
    for name in (
        "istio", "istio-remote", "istio-waypoint", "istio-east-west", "istio-agentgateway",
        "istio-agentgateway-waypoint",
    )
)  # fmt: skip

#: ConfigMaps that hold a root certificate or what goes with it, without the suffix of the mesh.
ROOTS = (ROOT, CRL)


def policies_text(mesh: Profile, chosen: Sequence[str]) -> str:
    """Return policies and bindings as YAML: `chosen` are names as in `multimesh.mesh.policies.POLICIES`.

    Each carries a digest of its spec and of its binding's, which changes whenever the profile changes them.
    """
    digests = digests_of(_text(mesh, chosen, lambda _: ""))
    return _text(mesh, chosen, digests.__getitem__)


def wanted_digests(mesh: Profile) -> dict[str, str]:
    """Return the digest of every policy that the mesh wants, by the name of the policy."""
    return digests_of(_text(mesh, chosen_policies(mesh), lambda _: ""))


def digests_of(text: str) -> dict[str, str]:
    """Return the digest of every policy in a text, by its name."""
    import yaml

    specs: dict[str, list[Any]] = {}
    for document in yaml.safe_load_all(text):
        rights = {key: document[key] for key in ("rules", "roleRef", "subjects") if key in document}
        specs.setdefault(document["metadata"]["name"], []).append(document.get("spec", rights))
    return {
        name: hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
        for name, found in specs.items()
    }


def _text(mesh: Profile, chosen: Sequence[str], digest_of: Callable[[str], str]) -> str:
    from multimesh.templates import environment

    templates = environment(Path("."), yaml=quoted, cel=cel_list)
    return templates.get_template("policies.yaml.j2").render(
        mesh=mesh,
        chosen=chosen,
        digest_of=digest_of,
        digest_key=DIGEST,
        of_crds=CRD_POLICY,
        of_writes=WRITES_POLICY,
        shared=SHARED_POLICIES,
        account=ACCOUNT,
        label=MESH_LABEL,
        allow_deletion=ALLOW_DELETION,
        kept=sorted(mesh.keep_names),
        stock_allowed=stock_names_allowed(mesh),
        constants=[*CONSTANTS, f"gateway.networking.k8s.io/gatewayclasses/istio-{mesh.name}"],
        roots=[name for root in ROOTS for name in (root, f"{root}-{mesh.name}")],
        root_writers=[account.replace("/", ":") for account in mesh.root_writers],
        remedy=f"Run helm with --post-renderer, and the profile of mesh {mesh.name}",
    )


def stock_names_allowed(mesh: Profile) -> list[str]:
    """Return the stock names, as `Kind/name`, that `render` leaves to this mesh."""
    allowed = set(SHARED) if mesh.owns_shared else set()
    if not mesh.rename_cluster_roles:
        allowed |= {(kind, name) for kind, name in SUFFIXED if kind == "ClusterRole"}
    return sorted(f"{kind}/{name}" for kind, name in allowed)


def cel_list(values: Iterable[str]) -> str:
    """Return a list of strings as CEL writes it, as one of strings also where it is empty.

    >>> cel_list(["a", "b"]), cel_list([])
    ("['a', 'b']", "['']")
    """
    return "[" + ", ".join(f"'{value}'" for value in values or ("",)) + "]"

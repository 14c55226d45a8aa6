"""Write the admission policies of a mesh from their template."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from multimesh.mesh.names import MESH_LABEL, SHARED, SUFFIXED
from multimesh.mesh.policies import ALLOW_DELETION, DIGEST, chosen_policies
from multimesh.mesh.profile import Profile
from multimesh.templates import environment
from multimesh.yamltext.scalars import quoted

#: Cluster-scoped resources with constant names that a control plane writes: group, resource, name.
#: Istio 1.20.8 and 1.31.0 pilot/pkg/config/kube/gateway/gatewayclass.go.
CONSTANTS = tuple(
    f"gateway.networking.k8s.io/gatewayclasses/{name}"
    for name in ("istio", "istio-remote", "istio-waypoint", "istio-east-west", "istio-agentgateway", "istio-agentgateway-waypoint")
)  # fmt: skip

#: ConfigMaps that hold a root certificate or what goes with it, without the suffix of the mesh.
ROOTS = ("istio-ca-root-cert", "istio-ca-crl")


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
    specs: dict[str, list[Any]] = {}
    for document in yaml.safe_load_all(text):
        specs.setdefault(document["metadata"]["name"], []).append(document["spec"])
    return {
        name: hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
        for name, found in specs.items()
    }


def _text(mesh: Profile, chosen: Sequence[str], digest_of: Callable[[str], str]) -> str:
    templates = environment(Path("."), yaml=quoted, cel=cel_list)
    return templates.get_template("policies.yaml.j2").render(
        mesh=mesh,
        chosen=chosen,
        digest_of=digest_of,
        digest_key=DIGEST,
        label=MESH_LABEL,
        allow_deletion=ALLOW_DELETION,
        kept=sorted(mesh.keep_names),
        stock_allowed=stock_names_allowed(mesh),
        constants=[*CONSTANTS, f"gateway.networking.k8s.io/gatewayclasses/istio-{mesh.name}"],
        roots=[name for root in ROOTS for name in (root, f"{root}-{mesh.name}")],
        root_writers=root_writers(mesh),
        remedy=f"Run helm with --post-renderer, and the profile of mesh {mesh.name}",
    )


def root_writers(mesh: Profile) -> list[str]:
    """Return the ServiceAccounts that may write the roots of a mesh beside its control plane: `namespace:name`."""
    return []


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

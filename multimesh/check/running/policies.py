"""Check the admission policies of a running mesh against those that its profile wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from multimesh.check.findings import Finding, Side
from multimesh.check.objects import Object, dig, listed, text_of
from multimesh.check.running.cluster import Cluster, side_of
from multimesh.mesh.names import SHARED_POLICIES, WRITES_POLICY
from multimesh.mesh.policies import DIGEST
from multimesh.mesh.profile import Profile

_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


def policies(mesh: Profile, found: Cluster, wanted: Mapping[str, str]) -> Iterator[Finding]:
    """Find policies that are missing, are older than the profile, or have no binding, in a mesh that has some.

    `wanted` maps the name of each policy that `multimesh policies` writes to its digest.
    """
    own = [name for name in wanted if name not in SHARED_POLICIES]
    if not any(found.named(_POLICY, name) for name in own):
        return  # A mesh need not have any.
    for name, digest in wanted.items():
        policy, binding = found.named(_POLICY, name), found.named(_BINDING, name)
        side = side_of(mesh, policy) if policy else Side(mesh.name, f"{_POLICY}/{name}", "", 0)
        if policy is None:
            what = "is missing"
        elif policy.annotations.get(DIGEST) != digest or (binding and binding.annotations.get(DIGEST) != digest):
            what = "is not the one that the profile wants"
        elif not (binding and _denies(binding, name)) and (binding or not found.missed(_BINDING)):
            what = "has no binding that denies, so it is not enforced"
        elif name == f"{WRITES_POLICY}-{mesh.name}" and (kind := _without_right(found, name, digest)):
            what = f"has no {kind} as the profile wants it, so {WRITES_POLICY} does not know the control plane"
        else:
            continue
        yield Finding("admission-policy", f"the admission policy {name} {what}", (side,), remedy=_apply(mesh))


def _denies(binding: Object, policy: str) -> bool:
    actions = listed(binding.data, "spec", "validationActions")
    return text_of(dig(binding.data, "spec", "policyName")) == policy and "Deny" in actions


def _without_right(found: Cluster, name: str, digest: str) -> str:
    """Return the kind that is missing or older of the two that tell `multimesh-writes` whose control plane it is."""
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        right = found.named(kind, name)
        if found.read(kind) and (right is None or right.annotations.get(DIGEST) != digest):
            return kind
    return ""


def _apply(mesh: Profile) -> str:
    return f"multimesh policies --profile {mesh.where} | kubectl apply --server-side -f -"

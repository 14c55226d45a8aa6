"""Check the admission policies of a running mesh against those that its profile wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from multimesh.check.findings import Finding, Side
from multimesh.check.objects import dig, listed, text_of
from multimesh.check.running.cluster import Cluster, side_of
from multimesh.mesh.policies import DIGEST
from multimesh.mesh.profile import Profile

_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


def policies(mesh: Profile, found: Cluster, wanted: Mapping[str, str]) -> Iterator[Finding]:
    """Find policies that are missing, are older than the profile, or have no binding, in a mesh that has some.

    `wanted` maps the name of each policy that `multimesh policies` writes to its digest.
    """
    if not any(found.named(_POLICY, name) for name in wanted):
        return  # A mesh need not have any.
    for name, digest in wanted.items():
        policy, binding = found.named(_POLICY, name), found.named(_BINDING, name)
        if policy is None:
            what = f"the admission policy {name} is missing"
            yield Finding("admission-policy", what, (Side(mesh.name, f"{_POLICY}/{name}", "", 0),), remedy=_apply(mesh))
        elif policy.annotations.get(DIGEST) != digest:
            what = f"the admission policy {name} is not the one that the profile wants"
            yield Finding("admission-policy", what, (side_of(mesh, policy),), remedy=_apply(mesh))
        elif binding is None and found.missed(_BINDING):
            continue
        elif (
            binding is None
            or text_of(dig(binding.data, "spec", "policyName")) != name
            or "Deny" not in listed(binding.data, "spec", "validationActions")
        ):
            what = f"the admission policy {name} has no binding that denies, so it is not enforced"
            yield Finding("admission-policy", what, (side_of(mesh, policy),), remedy=_apply(mesh))


def _apply(mesh: Profile) -> str:
    return f"multimesh policies --profile {mesh.where} | kubectl apply --server-side -f -"

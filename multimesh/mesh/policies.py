"""The admission policies of a mesh: their names, and what the mesh profile says about them.

`multimesh policies` writes them, and `multimesh verify` compares what is in the cluster with what it would write.
"""

from __future__ import annotations

from multimesh.mesh.names import MESH_LABEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from multimesh.mesh.profile import Profile

__all__ = ["ALLOW_DELETION", "DIGEST", "MESH_LABEL", "POLICIES", "chosen_policies", "policy_name"]

#: In the order in which they are written, and which of them only the owner of the CRDs writes.
POLICIES = ("releases", "writes", "roots", "members", "pods", "crds")
OWNER_ONLY = frozenset(("crds",))

#: The annotation that says what was written, so that `verify` finds a policy that is older than the profile.
DIGEST = "multimesh.dev/digest"

#: The annotation on a CustomResourceDefinition that lets it be deleted.
ALLOW_DELETION = "multimesh.dev/allow-deletion"


def chosen_policies(mesh: Profile, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """Return the policies to write for a mesh, in their order: `only` these, or all but those of `without`."""
    return [
        name
        for name in POLICIES
        if (not only or name in only)
        and name not in without
        and (name not in OWNER_ONLY or mesh.owns_shared or name in only)
    ]


def policy_name(policy: str, mesh: Profile) -> str:
    """Return the name of a policy and of its binding. CRDs belong to the cluster, so their policy has one name."""
    return f"multimesh-{policy}" if policy in OWNER_ONLY else f"multimesh-{policy}-{mesh.name}"

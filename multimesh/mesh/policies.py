"""The admission policies of a mesh: their names, and what the mesh profile says about them.

`multimesh policies` writes them, and `multimesh verify` compares what is in the cluster with what it would write.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from multimesh.mesh.profile import Profile

#: In the order in which they are written, and which of them only the owner of the CRDs writes.
POLICIES = ("releases", "writes", "roots", "members", "pods", "crds")
OWNER_ONLY = frozenset(("crds",))

#: The ServiceAccount, which need not exist, whose rights say which mesh has its control plane in a namespace.
ACCOUNT = "multimesh"

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

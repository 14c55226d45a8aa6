"""What meshes must not have in common: every way to look for it, in the order of the catalogue.

Each function takes all meshes and yields findings; `BETWEEN` is the list of them. Most look things up in one index;
only webhooks are held against each other pair by pair.
"""

from collections.abc import Callable, Iterator
from functools import partial

from multimesh.check.claims import PROFILE_CLAIMS
from multimesh.check.findings import Finding
from multimesh.check.identities import CLAIMS, collisions
from multimesh.check.meshes import Mesh
from multimesh.check.scopes import citadels, crd_versions, embedded
from multimesh.check.webhooks import overlaps


def no_owner(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find that several profiles leave what a cluster has only once, and nobody brings it."""
    profiles = [mesh.profile for mesh in meshes if mesh.profile is not None]
    owned = any(profile.owns_shared for profile in profiles) or any(
        mesh.of("CustomResourceDefinition") for mesh in meshes
    )
    if len(profiles) > 1 and not owned:
        yield Finding("no-owner", "no profile says sharedResources: own, and no manifest holds CRDs")


BETWEEN: tuple[Callable[[list[Mesh]], Iterator[Finding]], ...] = (
    *(partial(collisions, finding, phrase, claims) for finding, phrase, claims in (*CLAIMS, *PROFILE_CLAIMS)),
    overlaps,
    citadels,
    embedded,
    crd_versions,
    no_owner,
)

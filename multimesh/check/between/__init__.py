"""What several meshes must not have in common. `BETWEEN` lists every check, in the order of the catalogue.

Each check takes all meshes and yields findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from multimesh.check.between.citadels import citadels
from multimesh.check.between.claimed import claimed
from multimesh.check.between.claims import collisions
from multimesh.check.between.cni import cni_versions
from multimesh.check.between.crds import crd_versions
from multimesh.check.between.discovery import meeting, unselective
from multimesh.check.between.gateway_api import bundles
from multimesh.check.between.manifests import CLAIMS
from multimesh.check.between.profiles import PROFILE_CLAIMS
from multimesh.check.between.reached import reached
from multimesh.check.between.revisions import external_authority, one_root
from multimesh.check.between.roots import roots
from multimesh.check.between.shared import embedded, no_owner
from multimesh.check.between.singletons import SINGLETONS
from multimesh.check.between.webhooks import overlaps
from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh

BETWEEN: tuple[Callable[[list[Mesh]], Iterator[Finding]], ...] = (
    *(
        partial(collisions, finding, phrase, claims)
        for finding, phrase, claims in (*CLAIMS, *PROFILE_CLAIMS, *SINGLETONS)
    ),
    overlaps,
    unselective,
    meeting,
    roots,
    one_root,
    external_authority,
    citadels,
    embedded,
    crd_versions,
    bundles,
    cni_versions,
    no_owner,
    claimed,
    reached,
)

"""What must hold for a running mesh. `RUNNING` lists every check.

Each check takes the mesh profile and the objects of the cluster, and yields findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from multimesh.check.findings import Finding
from multimesh.check.running.certificates import bundles, root_copies, secrets, unread_roots
from multimesh.check.running.cluster import Cluster, unseen
from multimesh.check.running.control_planes import called, control_planes
from multimesh.check.running.gateways import gateway_bundles, gateways, names, outlived, routes
from multimesh.check.running.namespaces import namespaces
from multimesh.check.running.pods import injectors, pods, root_maps
from multimesh.check.running.stock_names import stock_names
from multimesh.mesh.profile import Profile

RUNNING: tuple[Callable[[Profile, Cluster], Iterator[Finding]], ...] = (
    unseen,
    namespaces,
    control_planes,
    called,
    gateways,
    outlived,
    names,
    gateway_bundles,
    routes,
    unread_roots,
    bundles,
    injectors,
    pods,
    root_maps,
    secrets,
    root_copies,
    stock_names,
)

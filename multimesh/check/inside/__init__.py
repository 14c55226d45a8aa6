"""What must hold inside one mesh. `INSIDE` lists every check.

Each check takes one mesh and yields findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from multimesh.check.findings import Finding
from multimesh.check.inside.audiences import audiences
from multimesh.check.inside.configuration import unparsed
from multimesh.check.inside.gateway_names import gateway_names
from multimesh.check.inside.references import gateways, pods, policies, roles, routes, selectors, services
from multimesh.check.inside.rewritten import confined, injection, profile
from multimesh.check.inside.webhook_names import flags
from multimesh.check.meshes.mesh import Mesh

INSIDE: tuple[Callable[[Mesh], Iterator[Finding]], ...] = (
    roles,
    pods,
    selectors,
    routes,
    services,
    policies,
    gateways,
    gateway_names,
    audiences,
    flags,
    unparsed,
    profile,
    injection,
    confined,
)

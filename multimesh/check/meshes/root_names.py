"""Find revisions of one namespace that give the root different names: one of them writes it for all of them."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import side_of
from multimesh.check.meshes.planes import Plane
from multimesh.mesh.writes import root_name, writes_root

#: The lock by which the control planes of a namespace elect who writes the root; it is not one for each revision
#: (istio 1.30.3, pilot/pkg/leaderelection/leaderelection.go).
_LOCK = "istio-namespace-controller-election"


def several_names(found: list[Plane]) -> Iterator[Finding]:
    """Yield a finding for each namespace whose control planes do not agree on the name of the root."""
    names: dict[tuple[str, str], Plane] = {}
    for plane in found:
        key = (plane.workload.namespace, root_name(plane.env, plane.version))
        # The oldest one is the best example: it holds the lock.
        if writes_root(plane.env) and (key not in names or plane.version < names[key].version):
            names[key] = plane
    for namespace in dict.fromkeys(namespace for namespace, _ in names):
        oldest_first = sorted(names.items(), key=lambda item: item[1].version)
        held = {name: plane for (where, name), plane in oldest_first if where == namespace}
        if len(held) > 1:
            yield _two_names(namespace, held)


def _two_names(namespace: str, held: dict[str, Plane]) -> Finding:
    each = ", ".join(f"{plane.title} ConfigMap {name}" for name, plane in held.items())
    what = (
        f'the revisions in "{namespace}" expect their root in different ConfigMaps ({each}), and only the one that '
        f"holds the lock {_LOCK} writes it: pods of the others wait for theirs"
    )
    remedy = (
        "Give all revisions one name: as long as one runs that is older than 1.27, leave global.trustBundleName out, "
        "as 'multimesh values --oldest VERSION' does."
    )
    return Finding(
        "root-missing", what, tuple(side_of(plane.mesh, plane.workload) for plane in held.values()), "", remedy
    )

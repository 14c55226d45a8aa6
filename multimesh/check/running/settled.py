"""Find what two control planes write: objects of a running mesh that differ between two reads of the cluster."""

from __future__ import annotations

from multimesh.check.catalogue import ERROR
from multimesh.check.findings import Finding, Side
from multimesh.check.objects import dig, text_of
from multimesh.check.running.certificates import apart
from multimesh.check.running.cluster import Cluster, ours, workload_namespaces
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import CRL, ROOT, row_of

#: The version that the API server gives an object with every write. Of two control planes that write in turn, two reads
#: may see the same values.
_VERSION = ("metadata", "resourceVersion")


def unsettled(mesh: Profile, before: Cluster, after: Cluster) -> list[Finding]:
    """Return a finding for each object that was written between two reads of the cluster.

    These are the objects that control planes write outside of their own Deployments and that `verify` reads: webhook
    configurations, and ConfigMaps with roots and revocation lists in the namespaces of the mesh.
    """
    first, second = _bundles(mesh, before), _bundles(mesh, after)
    found = [
        _finding(mesh, f'the caBundle of "{entry}" changed', title)
        for title, entry in first.keys() & second.keys()
        if first[title, entry] != second[title, entry]
    ]
    named = {finding.sides[0].resource for finding in found}
    earlier, later = _versions(mesh, before), _versions(mesh, after)
    found += [
        _finding(mesh, f"{title} was written", title, _remedy(mesh, title, after))
        for title in earlier.keys() & later.keys()
        if title not in named and earlier[title] != later[title]
    ]
    return sorted(found, key=lambda finding: (finding.sides, finding.message))


def _finding(mesh: Profile, what: str, title: str, remedy: str = "") -> Finding:
    side = Side(mesh.name, title, "cluster", 0)
    return Finding("ca-bundle", f"{what} between two reads: two control planes write it", (side,), ERROR, remedy)


def _remedy(mesh: Profile, title: str, found: Cluster) -> str:
    """Return what keeps two writers of a ConfigMap apart; empty for a webhook configuration, as in the catalogue."""
    kind, _, name = title.partition("/")
    if kind != "ConfigMap":
        return ""
    row = row_of("crl")
    return row.apart if row is not None and name.partition("/")[2].startswith(CRL) else apart(mesh, found)


def _bundles(mesh: Profile, found: Cluster) -> dict[tuple[str, str], str]:
    """Return the bundle of each webhook of the mesh, by the title of its configuration and its name."""
    return {
        (config.title, text_of(entry.get("name"))): text_of(dig(entry, "clientConfig", "caBundle"))
        for config, entry in ours(mesh, found)
    }


def _versions(mesh: Profile, found: Cluster) -> dict[str, str]:
    """Return the version of each object that a control plane writes, by its title."""
    written = [config for config, _ in ours(mesh, found)]
    served = {mesh.namespace, *workload_namespaces(mesh, found)}
    written += [
        item for item in found.of("ConfigMap") if item.namespace in served and item.name.startswith((ROOT, CRL))
    ]
    return {item.title: text_of(dig(item.data, *_VERSION)) for item in written}

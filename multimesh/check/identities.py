"""What two meshes must not both claim: names, ports, folders, revisions, trust domains.

Each function yields what one mesh claims, and `CLAIMS` says which finding it is when a second mesh claims the same. One
index finds them all, so twenty meshes cost twenty times one. Reference: the collision classes C1, C3, C4, C7, C8, C13,
C14 and C17.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from multimesh.check.findings import WARNING, Finding, Side
from multimesh.check.meshes import Mesh, containers, pod, revisions_of, variable
from multimesh.check.objects import Object, dig, listed, mappings, said, texts
from multimesh.mesh.names import is_kubernetes

RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"


class Claim(NamedTuple):
    """What one mesh claims: what it is, how messages call it, and where.

    Meshes that all have one `excuse` in common may claim the same. A claim that is not `certain` makes a warning.
    """

    key: object
    what: str
    side: Side
    excuses: frozenset[str] = frozenset()
    certain: bool = True


def side(mesh: Mesh, found: Object, part: str = "") -> Side:
    """Return one side of a finding."""
    return Side("" if mesh.is_rest else mesh.name, f"{found.title} {part}".strip(), found.file, found.line)


def cluster_scoped_names(mesh: Mesh) -> Iterator[Claim]:
    """Claim cluster-scoped resources by kind and name, CRDs included."""
    for found in mesh.objects:
        if not found.cluster_scoped or (found.group, found.kind) == ("", "Namespace"):
            continue
        if found.kind.startswith("ClusterRole") and is_kubernetes(found.name):
            continue
        yield Claim(found.key, found.title, side(mesh, found), certain=_is_certain(mesh, found))


def namespaced_objects(mesh: Mesh) -> Iterator[Claim]:
    """Claim namespaced resources."""
    for found in mesh.objects:
        if found.namespace and not found.cluster_scoped:
            yield Claim(found.key, found.title, side(mesh, found), certain=_is_certain(mesh, found))


def _is_certain(mesh: Mesh, found: Object) -> bool:
    """Tell whether a resource surely is another one's: what lives in the cluster without a release may be the mesh's own."""
    return not mesh.is_rest or RELEASE_NAMESPACE in found.annotations


def root_namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the namespaces whose configuration holds for all of a mesh; what is not said is the default of a version."""
    for config, values in mesh.configs:
        if root := said(values.get("rootNamespace")):
            yield Claim(root, f'"{root}"', side(mesh, config))


def revisions(mesh: Mesh) -> Iterator[Claim]:
    """Claim the revisions that control planes and injectors serve."""
    for item in mesh.objects:
        # A validator may be labelled with a revision that nobody here serves: the stock default validator is.
        if item.kind == "MutatingWebhookConfiguration" or any(c.get("name") == "discovery" for c in containers(item)):
            for revision in revisions_of([item]):
                yield Claim(revision, f'"{revision}"', side(mesh, item))


def node_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim node ports of Services."""
    for service in mesh.of("Service"):
        health = dig(service.data, "spec", "healthCheckNodePort")
        for port in (*mappings(service.data, "spec", "ports"), {"nodePort": health}):
            number = said(port.get("nodePort"))
            if number not in ("", "0"):
                key = f"{number}/{said(port.get('protocol')) or 'TCP'}"
                yield Claim(key, key, side(mesh, service))


def host_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim ports of the node."""
    for workload, inner in mesh.workloads:
        network = pod(workload).get("hostNetwork") is True
        for container in inner:
            for port in mappings(container, "ports"):
                number = said(port.get("hostPort")) or (said(port.get("containerPort")) if network else "")
                if number not in ("", "0"):
                    key = f"{number}/{said(port.get('protocol')) or 'TCP'}"
                    yield Claim(key, key, side(mesh, workload))


def host_paths(mesh: Mesh) -> Iterator[Claim]:
    """Claim folders of the node; those who only read excuse each other."""
    for workload, inner in mesh.workloads if not mesh.is_rest else ():
        for volume in mappings(pod(workload), "volumes"):
            path = said(dig(volume, "hostPath", "path"))
            if not path or path == "/proc":
                continue
            mounts = [
                mount
                for container in inner
                for mount in mappings(container, "volumeMounts")
                if mount.get("name") == volume.get("name")
            ]
            writes = any(mount.get("readOnly") is not True for mount in mounts)
            yield Claim(path, path, side(mesh, workload), frozenset() if writes else frozenset(("reads",)))


def gateways(mesh: Mesh) -> Iterator[Claim]:
    """Claim the labels by which Gateway resources select gateways; meshes that see only their own excuse each other."""
    plane = mesh.containers("discovery")
    excuses = set()
    if any(variable(container, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE") == "true" for _, container in plane):
        excuses.add("scoped")
    if any(config.get("discoverySelectors") for _, config in mesh.configs):
        excuses.add("discovers")
    for workload, inner in mesh.workloads:
        label = texts(dig(workload.data, "spec", "template", "metadata", "labels")).get("istio", "")
        if label and all(container.get("name") in ("istio-proxy", "ingress-sds") for container in inner):
            yield Claim(label, f"istio={label}", side(mesh, workload), frozenset(excuses))


def trust_domains(mesh: Mesh) -> Iterator[Claim]:
    """Claim trust domains."""
    for config, values in mesh.configs:
        domain = said(values.get("trustDomain")) or "cluster.local"
        yield Claim(domain, f'"{domain}"', side(mesh, config))


def components(mesh: Mesh) -> Iterator[Claim]:
    """Claim what a cluster has only once: CNI, ztunnel, istio-init."""
    for workload, inner in mesh.workloads:
        if workload.kind == "DaemonSet" and any(container.get("name") == "install-cni" for container in inner):
            yield Claim("istio-cni", "istio-cni", side(mesh, workload))
        if workload.kind == "DaemonSet" and any("ztunnel" in listed(container, "args") for container in inner):
            yield Claim("ztunnel", "ztunnel", side(mesh, workload))
        if workload.kind == "Job" and workload.name.startswith("istio-init-"):
            yield Claim("istio-init", "istio-init", side(mesh, workload))


#: Finding, what several meshes do with the thing, and the function that yields what one mesh claims.
CLAIMS: tuple[tuple[str, str, Callable[[Mesh], Iterator[Claim]]], ...] = (
    ("cluster-scoped-name", "meshes have", cluster_scoped_names),
    ("namespace-claimed-twice", "meshes have", namespaced_objects),
    ("namespace-claimed-twice", "meshes have the root namespace", root_namespaces),
    ("shared-revision", "meshes serve the revision", revisions),
    ("node-port", "meshes ask for node port", node_ports),
    ("host-port", "meshes want port", host_ports),
    ("host-path", "meshes use", host_paths),
    ("two-owners", "meshes install", components),
    ("gateway-selector", "meshes have gateways labelled", gateways),
    ("trust-domain", "meshes use the trust domain", trust_domains),
)


def collisions(
    finding: str, phrase: str, claims: Callable[[Mesh], Iterator[Claim]], meshes: list[Mesh]
) -> Iterator[Finding]:
    """Find what several meshes claim; what only meshes in the cluster claim is theirs, as long as others are checked."""
    index: dict[object, dict[int, Claim]] = {}
    for number, mesh in enumerate(meshes):
        for claim in claims(mesh):
            held = index.setdefault(claim.key, {})
            # Of several claims of one mesh the one without an excuse counts.
            if number not in held or (held[number].excuses and not claim.excuses):
                held[number] = claim
    nobody = not any(mesh.checked for mesh in meshes)
    for held in index.values():
        if len(held) < 2 or not (nobody or any(meshes[number].checked for number in held)):
            continue
        if frozenset.intersection(*(claim.excuses for claim in held.values())):
            continue
        first = next(iter(held.values()))
        severity = "" if sum(claim.certain for claim in held.values()) > 1 else WARNING
        what = f"{_who([meshes[number] for number in held], phrase)} {first.what}"
        yield Finding(finding, what, tuple(claim.side for claim in held.values()), severity)


def _who(holders: list[Mesh], phrase: str) -> str:
    if any(mesh.is_rest for mesh in holders):
        noun, _, verb = phrase.partition(" ")
        return (
            f"the cluster and mesh {holders[0].name} both {verb}"
            if len(holders) == 2
            else f"the cluster and {len(holders) - 1} {noun} {verb}"
        )
    return f"{'both' if len(holders) == 2 else len(holders)} {phrase}"

"""What the manifests of a mesh claim: names, ports, directories, revisions, trust domains.

Each function yields the claims of one mesh; `CLAIMS` says which finding it is when a second mesh claims the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from multimesh.check.between.claims import ANOTHER_NAME, Claim
from multimesh.check.meshes.live import RELEASE_NAMESPACE
from multimesh.check.meshes.mesh import Mesh, revisions_of, side_of
from multimesh.check.meshes.workloads import containers, env_value, pod_spec
from multimesh.check.objects import Object, dig, listed, mappings, strings, text_of
from multimesh.mesh.names import SHARED_POLICIES, is_kept, is_kubernetes, is_never_renamed, is_own
from multimesh.mesh.profile import Profile


def cluster_scoped_names(mesh: Mesh) -> Iterator[Claim]:
    """Claim cluster-scoped resources by kind and name, CRDs included."""
    named = _named(mesh)
    for found in mesh.objects:
        if not found.cluster_scoped or (found.group, found.kind) == ("", "Namespace"):
            continue
        if found.kind.startswith("ClusterRole") and is_kubernetes(found.name):
            continue
        if found.kind.startswith("ValidatingAdmissionPolicy") and found.name in SHARED_POLICIES:
            continue  # Its text is the same in every mesh.
        certain = _is_certain(mesh, found) and not found.scope_is_open
        yield Claim(found.key, found.title, side_of(mesh, found), certain=certain, remedy=_remedy(mesh, named, found))


def _remedy(mesh: Mesh, named: Profile | _Named, found: Object) -> str:
    """Return what to do about a cluster-scoped resource that the post-renderer does not rename; empty for another."""
    if found.kind == "CustomResourceDefinition":
        return ""
    if found.scope_is_open:
        return (
            f"Nothing says whether the kind {found.kind} is cluster-scoped: name its CRD with --crds. If it is not, "
            "there is no conflict."
        )
    kept = mesh.profile is not None and is_kept(found.kind, found.name, mesh.profile)
    if kept or is_never_renamed(found.kind):
        return (
            "The post-renderer leaves this name as it is, and only one release can install it: leave it out of the "
            "charts of the other meshes, or give it another name in their values."
        )
    return ANOTHER_NAME if is_own(found.name, named) else ""


@dataclass
class _Named:
    """What of a mesh its own cluster-scoped names are made of."""

    name: str
    namespace: str
    revisions: tuple[str, ...]


def _named(mesh: Mesh) -> Profile | _Named:
    """Return what the names of a mesh are made of. Without a profile it is what its manifests say."""
    if mesh.profile is not None:
        return mesh.profile
    revisions = tuple(revision for revision in revisions_of(mesh.objects) if revision != "default")
    return _Named(mesh.name, mesh.namespace or mesh.name, revisions)


def namespaced_objects(mesh: Mesh) -> Iterator[Claim]:
    """Claim namespaced resources."""
    for found in mesh.objects:
        if found.namespace and not found.cluster_scoped:
            yield Claim(found.key, found.title, side_of(mesh, found), certain=_is_certain(mesh, found))


def _is_certain(mesh: Mesh, found: Object) -> bool:
    """Return whether a resource cannot be of the mesh it is compared with, as a live one without a release can."""
    return not mesh.is_unassigned or RELEASE_NAMESPACE in found.annotations


def root_namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the root namespaces that are set, whose configuration applies to all of a mesh."""
    for config, values in mesh.configs:
        if root := text_of(values.get("rootNamespace")):
            yield Claim(root, f'"{root}"', side_of(mesh, config))


def revisions(mesh: Mesh) -> Iterator[Claim]:
    """Claim the revisions that control planes and injectors serve."""
    for item in mesh.objects:
        # A validator may have the label of a revision that no control plane here serves: the stock default validator
        # does.
        if item.kind == "MutatingWebhookConfiguration" or any(c.get("name") == "discovery" for c in containers(item)):
            for revision in revisions_of([item]):
                yield Claim(revision, f'"{revision}"', side_of(mesh, item))


def node_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim the node ports of Services."""
    for service in mesh.of("Service"):
        health = dig(service.data, "spec", "healthCheckNodePort")
        for port in (*mappings(service.data, "spec", "ports"), {"nodePort": health}):
            number = text_of(port.get("nodePort"))
            if number not in ("", "0"):
                key = f"{number}/{text_of(port.get('protocol')) or 'TCP'}"
                yield Claim(key, key, side_of(mesh, service))


def host_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim the ports that pods open on the node."""
    for workload, inner in mesh.workloads:
        network = pod_spec(workload).get("hostNetwork") is True
        for container in inner:
            for port in mappings(container, "ports"):
                number = text_of(port.get("hostPort")) or (text_of(port.get("containerPort")) if network else "")
                if number not in ("", "0"):
                    key = f"{number}/{text_of(port.get('protocol')) or 'TCP'}"
                    yield Claim(key, key, side_of(mesh, workload))


def host_paths(mesh: Mesh) -> Iterator[Claim]:
    """Claim directories of the node; meshes that only read one are exempt."""
    for workload, inner in mesh.workloads if not mesh.is_unassigned else ():
        for volume in mappings(pod_spec(workload), "volumes"):
            path = text_of(dig(volume, "hostPath", "path"))
            if not path or path == "/proc":
                continue
            mounts = [
                mount
                for container in inner
                for mount in mappings(container, "volumeMounts")
                if mount.get("name") == volume.get("name")
            ]
            writes = any(mount.get("readOnly") is not True for mount in mounts)
            yield Claim(path, path, side_of(mesh, workload), frozenset() if writes else frozenset(("reads",)))


def gateways(mesh: Mesh) -> Iterator[Claim]:
    """Claim the labels by which Gateway resources select gateways; meshes that see only their own are exempt."""
    plane = mesh.containers("discovery")
    exemptions = set()
    if any(env_value(container, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE") == "true" for _, container in plane):
        exemptions.add("scoped")
    if any(config.get("discoverySelectors") for _, config in mesh.configs):
        exemptions.add("discovers")
    for workload, inner in mesh.workloads:
        label = strings(dig(workload.data, "spec", "template", "metadata", "labels")).get("istio", "")
        if label and all(container.get("name") in ("istio-proxy", "ingress-sds") for container in inner):
            yield Claim(label, f"istio={label}", side_of(mesh, workload), frozenset(exemptions))


def trust_domains(mesh: Mesh) -> Iterator[Claim]:
    """Claim trust domains; the default is `cluster.local`."""
    for config, values in mesh.configs:
        domain = text_of(values.get("trustDomain")) or "cluster.local"
        yield Claim(domain, f'"{domain}"', side_of(mesh, config))


def components(mesh: Mesh) -> Iterator[Claim]:
    """Claim the components that a cluster has only once: CNI, ztunnel, istio-init."""
    for workload, _ in mesh.workloads:
        if component := component_of(workload):
            yield Claim(component, component, side_of(mesh, workload))


def component_of(item: Object) -> str:
    """Return which component of those that a cluster has only once an object is; empty for any other."""
    inner = containers(item) if item.kind == "DaemonSet" else []
    if any(container.get("name") == "install-cni" for container in inner):
        return "istio-cni"
    if any("ztunnel" in listed(container, "args") for container in inner):
        return "ztunnel"
    return "istio-init" if item.kind == "Job" and item.name.startswith("istio-init-") else ""


#: The id of the finding, the phrase of its message, and the function that yields the claims of one mesh.
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

"""Find what a cluster has only once: resources that a Job applies, and shared resources that no mesh owns."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.workloads import pod_spec
from multimesh.check.objects import Object, dig, mappings, strings, text_of
from multimesh.check.sources.manifests import documents

#: Cluster-scoped custom resources that apply to the whole cluster, whichever mesh creates them.
CLUSTER_WIDE = frozenset(("MeshPolicy", "ClusterRbacConfig"))


def embedded(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find cluster-wide resources in ConfigMaps that a Job of one of several meshes applies."""
    for mesh in meshes if len([m for m in meshes if m.namespace or m.objects]) > 1 else ():
        for found, kind, name in applied_cluster_wide(mesh) if not mesh.live else ():
            yield Finding(
                "embedded-cluster-scoped", f"a Job of mesh {mesh.name} applies {kind}/{name}", (side_of(mesh, found),)
            )


def applied_cluster_wide(mesh: Mesh) -> Iterator[tuple[Object, str, str]]:
    """Yield ConfigMap, kind and name of every cluster-wide resource that a Job applies.

    Helm 3 does not pass hook Jobs to a post-renderer, but it does pass the ServiceAccount that exists only for them.
    """
    mounted = {
        text_of(dig(volume, "configMap", "name"))
        for job in mesh.of("Job")
        for volume in mappings(pod_spec(job), "volumes")
    }
    accounts = {account.name for account in mesh.of("ServiceAccount")}
    if "istio-security-post-install-account" in accounts:
        mounted.add("istio-security-custom-resources")
    for config in mesh.of("ConfigMap"):
        if config.name not in mounted:
            continue
        for value in strings(config.data.get("data")).values():
            for item in documents(value) if any(kind in value for kind in CLUSTER_WIDE) else ():
                kind = text_of(dig(item, "kind"))
                if kind in CLUSTER_WIDE:
                    yield config, kind, text_of(dig(item, "metadata", "name"))


def no_owner(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find that several profiles leave shared resources to another mesh, and no mesh has them."""
    profiles = [mesh.profile for mesh in meshes if mesh.profile is not None]
    owned = any(profile.owns_shared for profile in profiles) or any(
        mesh.of("CustomResourceDefinition") for mesh in meshes
    )
    if len(profiles) > 1 and not owned:
        yield Finding("no-owner", "no profile says sharedResources: own, and no manifest holds CRDs")

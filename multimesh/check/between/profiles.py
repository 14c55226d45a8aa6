"""What the profile of a mesh claims. No manifest is needed.

Each function yields the claims of one mesh; `PROFILE_CLAIMS` says which finding it is when a second mesh claims the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import multimesh.mesh.names as naming
from multimesh.check.between.claims import Claim
from multimesh.check.findings import Side
from multimesh.check.meshes.mesh import Mesh
from multimesh.errors import MultimeshError
from multimesh.mesh.profile import Profile

#: Cluster-scoped names that charts build from the namespace (1.6 to 1.18, manifests/charts/base/templates of each tag).
_OF_NAMESPACE = (
    ("ClusterRole", "istiod-{}"),
    ("ClusterRole", "istio-reader-{}"),
    ("ClusterRoleBinding", "istiod-{}"),
    ("ClusterRoleBinding", "istiod-pilot-{}"),
    ("ClusterRoleBinding", "istio-reader-{}"),
    ("ValidatingWebhookConfiguration", "istiod-{}"),
)

#: Cluster-scoped names that charts build from revision and namespace (1.6 to 1.31,
#: istio-control/istio-discovery/templates).
_OF_REVISION = (
    ("MutatingWebhookConfiguration", "istio-sidecar-injector-{}-{}"),
    ("ValidatingWebhookConfiguration", "istio-validator-{}-{}"),
    *(
        (kind, form)
        for kind in ("ClusterRole", "ClusterRoleBinding")
        for form in ("istiod-clusterrole-{}-{}", "istiod-gateway-controller-{}-{}", "istio-reader-clusterrole-{}-{}")
    ),
)


def _side(profile: Profile, part: str = "") -> Side:
    return Side(profile.name, part, profile.where, 1)


def names(mesh: Mesh) -> Iterator[Claim]:
    """Claim the mesh name and every cluster-scoped name that the mesh gets or keeps."""
    profile = mesh.profile
    if profile is None:
        return
    yield Claim(("mesh", profile.name), f'mesh name "{profile.name}"', _side(profile))
    for kind, stock in sorted(naming.STOCK_NAMES) + [
        tuple(name.split("/", 1)) for name in sorted(profile.rename_names)
    ]:
        try:
            name = naming.cluster_scoped_name(kind, stock, profile)
        except MultimeshError:
            continue
        # Without a manifest it is not known whether a chart has the resource that is kept.
        yield Claim((kind, name), f"{kind}/{name}", _side(profile, f"{kind}/{name}"), certain=name != stock)
    # Two meshes of one namespace (or of one revision and namespace) are one other finding, and not one for each name.
    made = [(kind, form.format(profile.namespace), profile.namespace) for kind, form in _OF_NAMESPACE]
    made += [
        (kind, form.format(revision, profile.namespace), f"{revision} {profile.namespace}")
        for kind, form in _OF_REVISION
        for revision in profile.revisions
    ]
    for kind, name, exemption in made:
        yield Claim((kind, name), f"{kind}/{name}", _side(profile, f"{kind}/{name}"), frozenset((exemption,)))


def namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the namespaces of the mesh."""
    if mesh.profile is not None:
        for namespace in sorted(mesh.profile.namespaces):
            yield Claim(namespace, f'namespace "{namespace}"', _side(mesh.profile))


def citadel_namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the namespaces that Citadel serves; those of the mesh itself are claimed by `namespaces`."""
    if mesh.profile is not None:
        for namespace in sorted({*mesh.profile.also_listen, *mesh.profile.namespaces}):
            member = frozenset(("member",)) if namespace in mesh.profile.namespaces else frozenset[str]()
            yield Claim(namespace, f'namespace "{namespace}" to their Citadels', _side(mesh.profile), member)


def revisions(mesh: Mesh) -> Iterator[Claim]:
    """Claim the revisions, canaries included."""
    if mesh.profile is not None:
        for revision in mesh.profile.revisions:
            yield Claim(revision, f'revision "{revision}"', _side(mesh.profile))


def node_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim the node ports that the profile chooses."""
    if mesh.profile is not None and isinstance(mesh.profile.node_ports, dict):
        for port in mesh.profile.node_ports.values():
            yield Claim(port, f"node port {port}", _side(mesh.profile))
    elif mesh.profile is not None and mesh.profile.node_ports == "keep":
        yield Claim("keep", "stock node ports (nodePorts: keep)", _side(mesh.profile), certain=False)


def ownership(mesh: Mesh) -> Iterator[Claim]:
    """Claim the ownership of what a cluster has only once."""
    if mesh.profile is not None and mesh.profile.owns_shared:
        yield Claim("own", "sharedResources: own", _side(mesh.profile))


PROFILE_CLAIMS: tuple[tuple[str, str, Callable[[Mesh], Iterator[Claim]]], ...] = (
    ("cluster-scoped-name", "profiles make the", names),
    ("namespace-claimed-twice", "profiles list the", namespaces),
    ("citadel-scope", "profiles give the", citadel_namespaces),
    ("shared-revision", "profiles have the", revisions),
    ("node-port", "profiles ask for", node_ports),
    ("two-owners", "profiles say", ownership),
)

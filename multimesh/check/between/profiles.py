"""What the profile of a mesh claims. No manifest is needed.

Each function yields the claims of one mesh; `PROFILE_CLAIMS` says which finding it is when a second mesh claims the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import multimesh.mesh.names as naming
from multimesh.check.between.claims import ANOTHER_NAME, Claim
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


def _side(profile: Profile, key: str, item: str = "", part: str = "") -> Side:
    """Return the place of a key of a profile, or of an item of its list."""
    return Side(profile.name, part, profile.where, profile.line(key, item))


def _namespace_side(profile: Profile, namespace: str) -> Side:
    if namespace == profile.namespace:
        return _side(profile, "spec.namespace")
    key = "workloadNamespaces" if namespace in profile.workload_namespaces else "citadel.alsoListen"
    return _side(profile, f"spec.{key}", namespace)


def revision_side(profile: Profile, revision: str, part: str = "") -> Side:
    """Return the place of a revision in a profile."""
    if revision in profile.canary_revisions:
        return _side(profile, "spec.canaryRevisions", revision, part)
    # By default the revision is the mesh name.
    return _side(profile, "spec.revision" if "spec.revision" in profile.lines else "metadata.name", part=part)


def names(mesh: Mesh) -> Iterator[Claim]:
    """Claim the mesh name and every cluster-scoped name that the mesh gets or keeps."""
    profile = mesh.profile
    if profile is None:
        return
    yield Claim(
        ("mesh", profile.name), f'mesh name "{profile.name}"', _side(profile, "metadata.name"), remedy=ANOTHER_NAME
    )
    named = [("metadata.name", *entry) for entry in sorted(naming.STOCK_NAMES)]
    named += [("spec.renameNames", *entry.partition("/")[::2]) for entry in sorted(profile.rename_names)]
    for key, kind, stock in named:
        try:
            name = naming.cluster_scoped_name(kind, stock, profile)
        except MultimeshError:
            continue
        title = f"{kind}/{name}"
        place = "spec.namespace" if (kind, stock) in naming.WEBHOOK_CONFIGURATIONS else key
        side = _side(profile, place, f"{kind}/{stock}", title)
        # Without a manifest it is not known whether a chart has the resource that is kept.
        is_new = name != stock
        yield Claim((kind, name), title, side, certain=is_new, remedy=ANOTHER_NAME if is_new else "")
    # Two meshes of one namespace (or of one revision and namespace) are one other finding, and not one for each name.
    for kind, form in _OF_NAMESPACE:
        name = form.format(profile.namespace)
        side = _side(profile, "spec.namespace", part=f"{kind}/{name}")
        yield Claim((kind, name), f"{kind}/{name}", side, frozenset((profile.namespace,)), remedy=ANOTHER_NAME)
    for kind, form in _OF_REVISION:
        for revision in profile.revisions:
            name = form.format(revision, profile.namespace)
            side = revision_side(profile, revision, f"{kind}/{name}")
            same = frozenset((f"{revision} {profile.namespace}",))
            yield Claim((kind, name), f"{kind}/{name}", side, same, remedy=ANOTHER_NAME)


def namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the namespaces of the mesh."""
    if mesh.profile is not None:
        for namespace in sorted(mesh.profile.namespaces):
            yield Claim(namespace, f'namespace "{namespace}"', _namespace_side(mesh.profile, namespace))


def citadel_namespaces(mesh: Mesh) -> Iterator[Claim]:
    """Claim the namespaces that Citadel serves; those of the mesh itself are claimed by `namespaces`."""
    if mesh.profile is not None:
        for namespace in sorted({*mesh.profile.also_listen, *mesh.profile.namespaces}):
            member = frozenset(("member",)) if namespace in mesh.profile.namespaces else frozenset[str]()
            side = _namespace_side(mesh.profile, namespace)
            yield Claim(namespace, f'namespace "{namespace}" to their Citadels', side, member)


def revisions(mesh: Mesh) -> Iterator[Claim]:
    """Claim the revisions, canaries included."""
    if mesh.profile is not None:
        for revision in mesh.profile.revisions:
            yield Claim(revision, f'revision "{revision}"', revision_side(mesh.profile, revision))


def node_ports(mesh: Mesh) -> Iterator[Claim]:
    """Claim the node ports that the profile chooses."""
    if mesh.profile is not None and isinstance(mesh.profile.node_ports, dict):
        for name, port in mesh.profile.node_ports.items():
            yield Claim(port, f"node port {port}", _side(mesh.profile, f"spec.nodePorts.{name}"))
    elif mesh.profile is not None and mesh.profile.node_ports == "keep":
        side = _side(mesh.profile, "spec.nodePorts")
        yield Claim("keep", "stock node ports (nodePorts: keep)", side, certain=False)


def ownership(mesh: Mesh) -> Iterator[Claim]:
    """Claim the ownership of what a cluster has only once."""
    if mesh.profile is not None and mesh.profile.owns_shared:
        yield Claim("own", "sharedResources: own", _side(mesh.profile, "spec.sharedResources"))


PROFILE_CLAIMS: tuple[tuple[str, str, Callable[[Mesh], Iterator[Claim]]], ...] = (
    ("cluster-scoped-name", "profiles make the", names),
    ("namespace-claimed-twice", "profiles list the", namespaces),
    ("citadel-scope", "profiles give the", citadel_namespaces),
    ("shared-revision", "profiles have the", revisions),
    ("node-port", "profiles ask for", node_ports),
    ("two-owners", "profiles say", ownership),
)

"""Give cluster-scoped resources a name of their own in every mesh.

Two Helm releases cannot own the same cluster-scoped resource: the installation of the second mesh would fail, or it
would change the first mesh's roles.

    -  name: istio-reader
    +  name: istio-reader-affirmed

A name in the tables (`multimesh/mesh/names.py`) gets the suffix of the mesh. The same function renames every reference,
so it does not matter whether the resource that is referred to is in this stream. With `clusterRoles: keep`,
ClusterRoles keep their names; bindings do not, since their subjects differ between meshes.

A name that is in no table stays if it is the mesh's own: it ends in `-NS` or `-M`, begins with `NS-`, or contains a
revision of the mesh between dashes. Any other name is refused; `keepNames` and `renameNames` in the profile say what
to do with it. Namespaces, PriorityClasses and other classes are never renamed.

The scope of a kind that is in no table is what its CRD says: one in the stream, or in the files of `--crds` and
`spec.crds`. Without a CRD, an object with a namespace is namespaced, and any other one is refused.
Names of Kubernetes (`cluster-admin`, `system:*`) and references to names that are in no table stay.
"""

from __future__ import annotations

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED
from multimesh.mesh.names import (
    GRANTED,
    SHARED,
    SHARED_POLICIES,
    SUFFIXED,
    TESTS,
    cluster_scoped_name,
    is_kept,
    is_kubernetes,
    is_never_renamed,
    is_own,
    is_renamed,
)
from multimesh.rules.concern import ANY_KIND, EVERY, has_word
from multimesh.yamltext.fieldpath import find, items, mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "cluster-scoped-names"

#: Words for roles that are renamed. With `renameNames` the prefilter skips no binding.
_ROLES = tuple([has_word(role) for kind, role in sorted(SUFFIXED) if kind == "ClusterRole"])
_ISSUER = (has_word("ClusterIssuer"),)
_ISSUER_ANNOTATION = (has_word("cluster-issuer"),)
#: Kinds of which cert-manager reads annotations that name an issuer (1.21.1, pkg/controller/certificate-shim), in any
#: group.
_ANNOTATED = ("Gateway", "Ingress", "ListenerSet")
_GRANTS = tuple([has_word(plural) for plural in GRANTED])

READS: Reads = {
    ANY_KIND: EVERY,
    "RoleBinding": _ROLES,
    "ClusterRoleBinding": _ROLES,
    "Certificate": _ISSUER,
    "CertificateRequest": _ISSUER,
    **dict.fromkeys(_ANNOTATED, _ISSUER_ANNOTATION),
    "Role": _GRANTS,
    "ClusterRole": _GRANTS,
}

#: Where a kind refers to a cluster-scoped resource: path of a mapping, its key with the name, and the kind of the
#: resource. A mapping whose name ends in `Ref` has a key `kind`, and may name a Role or an Issuer of its namespace too.
_REFERENCES = {
    "ClusterRoleBinding": ("roleRef", "name", "ClusterRole"),
    "RoleBinding": ("roleRef", "name", "ClusterRole"),
    "Certificate": ("spec/issuerRef", "name", "ClusterIssuer"),
    "CertificateRequest": ("spec/issuerRef", "name", "ClusterIssuer"),
    "MutatingAdmissionPolicyBinding": ("spec", "policyName", "MutatingAdmissionPolicy"),
    "FlowSchema": ("spec/priorityLevelConfiguration", "name", "PriorityLevelConfiguration"),
}

#: Kinds of which a name may be a stock name: in another API group, a namespace does not show that they are namespaced.
_RENAMED_KINDS = frozenset([kind for kind, _ in SUFFIXED])

#: Annotations that name a ClusterIssuer.
_ISSUER_ANNOTATIONS = ("certmanager.k8s.io/cluster-issuer", "cert-manager.io/cluster-issuer")


def plan(resource: Resource, mesh: Profile) -> None:
    """Rename the resource if it is cluster-scoped, and its references; refuse names and kinds that are in no table."""
    key = (resource.group, resource.kind)
    if key in CLUSTER_SCOPED:
        _plan_name(resource, mesh)
    elif key in NAMESPACED or f"{resource.kind}/*" in mesh.keep_names:
        pass
    elif (scope := resource.scope()) == "Cluster":
        _plan_name(resource, mesh)
    elif not scope and (not resource.namespace or resource.kind in _RENAMED_KINDS):
        group = f" of {resource.group}" if resource.group else ""
        raise resource.error(
            f'multimesh does not know the kind "{resource.kind}"{group}, '
            "so it cannot tell whether it is cluster-scoped",
            "Two meshes would overwrite a cluster-scoped object of one name. The CRD of the kind says what it is:\n"
            "--crds=PATH (through Helm: --post-renderer-args=--crds=PATH), "
            f"or crds: [PATH] below spec in {mesh.where}.\n"
            "Without its CRD, if two meshes may both have such objects, add this below spec there:\n"
            f'keepNames: ["{resource.kind}/*"]',
            keys={"keepNames": f"{resource.kind}/*"},
        )
    if resource.kind in _REFERENCES:
        _plan_reference(resource, mesh, *_REFERENCES[resource.kind])
    if mesh.rename_names and resource.kind in ("Role", "ClusterRole"):
        _plan_grants(resource, mesh)
    if resource.kind in _ANNOTATED and resource.get("metadata/annotations") is not None:
        _plan_annotations(resource, mesh)


def _plan_annotations(resource: Resource, mesh: Profile) -> None:
    """Rename the ClusterIssuer that annotations name."""
    for annotation in _ISSUER_ANNOTATIONS:
        for path, node in resource.find(f"metadata/annotations/{annotation.replace('/', '~1')}"):
            resource.rewrite(node, cluster_scoped_name("ClusterIssuer", text(node), mesh), path)


def _plan_reference(resource: Resource, mesh: Profile, path: str, key: str, kind: str) -> None:
    """Rename the cluster-scoped resource that is named by a key of the mapping at a path."""
    reference = mapping(resource.root, path)
    if reference is None:
        return
    if not path.endswith("Ref") or text(reference, "kind") == kind:
        for at, node in find(reference, key):
            resource.rewrite(node, cluster_scoped_name(kind, text(node), mesh), f"{path}/{at}")


def _plan_grants(resource: Resource, mesh: Profile) -> None:
    """Rename what a role grants by name."""
    for path, rule in resource.find("rules/*"):
        for kind in {GRANTED[text(word)] for word in items(rule, "resources") if text(word) in GRANTED}:
            for node in items(rule, "resourceNames"):
                resource.rewrite(node, cluster_scoped_name(kind, text(node), mesh), f"{path}/resourceNames")


def _plan_name(resource: Resource, mesh: Profile) -> None:
    kind, name = resource.kind, resource.name
    if kind == "CustomResourceDefinition" or is_kept(kind, name, mesh):
        return
    if kind == "Namespace" and name in mesh.namespaces:
        return
    # The rule shared-resources refuses what is shared in a mesh that does not own it.
    if (kind, name) in SHARED or (kind, name) in TESTS:
        return
    if kind.startswith("ValidatingAdmissionPolicy") and name in SHARED_POLICIES:
        return
    if not name:
        raise resource.error(
            f'the cluster-scoped resource has the name "", so it is unknown whether it is mesh {mesh.name}\'s own',
            "Give it a metadata.name in the chart; Helm needs one, too.",
        )
    if is_renamed(kind, name, mesh):
        for path, node in resource.find("metadata/name"):
            resource.rewrite(node, cluster_scoped_name(kind, name, mesh), path)
    elif other := _other_mesh(kind, name, mesh):
        raise resource.error(
            f'multimesh does not know the cluster-scoped name "{name}"; it could be a stock name with the suffix of '
            f'another mesh, "{other}"',
            f"If it is, render the stock chart with -n {mesh.namespace}, and pipe it through one profile only.\n"
            f"If it is not, {_ways_out(kind, name, mesh)}",
            keys={"renameNames": f"{kind}/{name}"},
        )
    elif not is_own(name, mesh) and not (kind.startswith("ClusterRole") and is_kubernetes(name)):
        raise resource.error(
            f'multimesh does not know the cluster-scoped name "{name}", and two meshes could both install it',
            f"A cluster has only one {kind} of this name: {_ways_out(kind, name, mesh)}\n"
            f"If it contains the namespace of another mesh, render the chart with -n {mesh.namespace} instead.",
            keys={"keepNames" if is_never_renamed(kind) else "renameNames": f"{kind}/{name}"},
        )


def _ways_out(kind: str, name: str, mesh: Profile) -> str:
    """Return how a profile accepts a name: the rest of a sentence, and lines to paste."""
    if is_never_renamed(kind):
        return (
            f"if only this mesh installs it, add this below spec in {mesh.where}:\n"
            f'keepNames: ["{kind}/{name}"]\n'
            "Otherwise give it another name in the values of the chart, or leave it out: "
            f"renameNames cannot name it, since what refers to a {kind} would not follow."
        )
    return (
        f"add one of these below spec in {mesh.where}:\n"
        f'renameNames: ["{kind}/{name}"]  # every mesh gets its own: {name}-{mesh.name}\n'
        f'keepNames: ["{kind}/{name}"]  # all meshes share one'
    )


def _other_mesh(kind: str, name: str, mesh: Profile) -> str:
    """Return what follows a stock name and a dash: the name of another mesh. Empty if the name is this mesh's own."""
    if is_own(name, mesh):
        return ""
    found = [name[len(stock) + 1 :] for known, stock in SUFFIXED if known == kind and name.startswith(f"{stock}-")]
    return min(found, key=len) if found else ""

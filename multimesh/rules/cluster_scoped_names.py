"""Give cluster-scoped resources a name of their own in every mesh.

Two Helm releases may not own the same cluster-scoped resource: the second mesh would fail to install, or take over the
first mesh's role.

    -  name: istio-reader
    +  name: istio-reader-affirmed

A name of the tables (`multimesh/mesh/names.py`) gets the suffix of the mesh, and every reference follows by the same
function, so it does not matter whether the resource referred to is in this stream. With `clusterRoles: keep` the
ClusterRoles stay; bindings never do, since their subjects differ.

A name that no table knows stays where it is the mesh's own: it ends in `-NS` or `-M`, begins with `NS-`, or holds a
revision of the mesh between dashes. Any other one is refused: say in `keepNames` or `renameNames` what it is.
Namespaces, PriorityClasses and other classes are never renamed.

The scope of a kind that no table knows is what its CRD says: one in the stream, or in the files of `--crds` and
`spec.crds`. Without a CRD, an object with a namespace is namespaced, and any other one is refused.
Kubernetes' own names (`cluster-admin`, `system:*`) and references to names that no table knows stay.
"""

from __future__ import annotations

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED
from multimesh.mesh.names import (
    CRD_POLICY,
    GRANTED,
    SHARED,
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
from multimesh.yamltext.fieldpath import entry, is_mapping, items, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "cluster-scoped-names"
#: A binding is read if it could name a role that is renamed; with `renameNames` every binding is parsed.
_ROLES = tuple([has_word(role) for kind, role in sorted(SUFFIXED) if kind == "ClusterRole"])
_ISSUER = (has_word("ClusterIssuer"),)
_ISSUER_ANNOTATION = (has_word("cluster-issuer"),)
_GRANTS = tuple([has_word(plural) for plural in GRANTED])

READS: Reads = {
    ANY_KIND: EVERY,
    "RoleBinding": _ROLES,
    "ClusterRoleBinding": _ROLES,
    "Certificate": _ISSUER,
    "CertificateRequest": _ISSUER,
    "Ingress": _ISSUER_ANNOTATION,
    "Gateway": _ISSUER_ANNOTATION,
    "Role": _GRANTS,
    "ClusterRole": _GRANTS,
}

#: Where a kind refers to a cluster-scoped resource: mapping, key of the name, key of the kind, its default.
REFERENCES = {
    "ClusterRoleBinding": ("roleRef", "name", "kind", ""),
    "RoleBinding": ("roleRef", "name", "kind", ""),
    "Certificate": ("spec/issuerRef", "name", "kind", "Issuer"),
    "CertificateRequest": ("spec/issuerRef", "name", "kind", "Issuer"),
    "MutatingAdmissionPolicyBinding": ("spec", "policyName", "", "MutatingAdmissionPolicy"),
    "FlowSchema": ("spec/priorityLevelConfiguration", "name", "", "PriorityLevelConfiguration"),
}

#: Annotations that name a ClusterIssuer.
ISSUER_ANNOTATIONS = ("certmanager.k8s.io/cluster-issuer", "cert-manager.io/cluster-issuer")


def plan(resource: Resource, mesh: Profile) -> None:
    """Rename the resource if it is cluster-scoped, and its references; refuse what nobody knows."""
    key = (resource.group, resource.kind)
    if key in CLUSTER_SCOPED:
        _plan_name(resource, mesh)
    elif key in NAMESPACED or f"{resource.kind}/*" in mesh.keep_names:
        pass
    elif (scope := resource.scope()) == "Cluster":
        _plan_name(resource, mesh)
    elif not scope and not resource.namespace:
        group = f" of {resource.group}" if resource.group else ""
        raise resource.error(
            f'no table knows the kind "{resource.kind}"{group}, so nobody can tell whether it is cluster-scoped',
            f"Name its CRD: --crds FILE or DIRECTORY, or spec.crds in {mesh.where}.\n"
            f'If two meshes may both have it, keep it: keepNames: ["{resource.kind}/*"] there.',
            keys={"keepNames": f"{resource.kind}/*"},
        )
    if resource.kind in REFERENCES:
        path, name, kind_key, default = REFERENCES[resource.kind]
        reference = resource.get(path)
        if reference is not None and is_mapping(reference):
            kind = (text(reference, kind_key) if kind_key else "") or default
            _plan_reference(resource, mesh, path, kind, entry(reference, name))
    if mesh.rename_names and resource.kind in ("Role", "ClusterRole"):
        _plan_grants(resource, mesh)
    for annotation in ISSUER_ANNOTATIONS if resource.get("metadata/annotations") is not None else ():
        path = f"metadata/annotations/{annotation.replace('/', '~1')}"
        for _, node in resource.find(path):
            resource.rewrite(node, cluster_scoped_name("ClusterIssuer", text(node), mesh), path)


#: Kinds that references name; an Issuer or a Role is of its namespace.
_REFERRED = frozenset(("ClusterRole", "ClusterIssuer", "MutatingAdmissionPolicy", "PriorityLevelConfiguration"))


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
    if ((kind, name) in SHARED and mesh.owns_shared) or (kind, name) in TESTS:
        return
    if kind.startswith("ValidatingAdmissionPolicy") and name == CRD_POLICY:
        return
    if is_renamed(kind, name, mesh):
        _rewrite(resource, "metadata/name", cluster_scoped_name(kind, name, mesh))
    elif other := _other_mesh(kind, name, mesh):
        raise resource.error(
            f'the cluster-scoped name "{name}" is in no table; it could be a stock name with the suffix of another '
            f'mesh, "{other}"',
            f"If it is: render the stock chart with -n {mesh.namespace}, and pipe it through one profile only.\n"
            f'If every mesh may share it: keepNames: ["{kind}/{name}"] in {mesh.where}.\n'
            f'If every mesh needs its own, {name}-{mesh.name}: renameNames: ["{kind}/{name}"] there.',
            keys={"renameNames": f"{kind}/{name}"},
        )
    elif not is_own(name, mesh) and not (kind.startswith("ClusterRole") and is_kubernetes(name)):
        raise resource.error(
            f'the cluster-scoped name "{name}" is in no table, '
            f"and nothing in it says that it is mesh {mesh.name}'s own",
            f"If it carries the namespace of another mesh: render the chart with -n {mesh.namespace}.\n"
            + _ways_out(kind, name, mesh),
            keys={"keepNames" if is_never_renamed(kind) else "renameNames": f"{kind}/{name}"},
        )


def _ways_out(kind: str, name: str, mesh: Profile) -> str:
    if is_never_renamed(kind):
        return (
            f"renameNames cannot name it: a {kind} is never renamed, since what refers to it would not follow.\n"
            f'If only this mesh installs it: keepNames: ["{kind}/{name}"] in {mesh.where}. '
            "Otherwise give it another name in the values of the chart, or leave it out."
        )
    return (
        f'If every mesh may share it: keepNames: ["{kind}/{name}"] in {mesh.where}.\n'
        f'If every mesh needs its own, {name}-{mesh.name}: renameNames: ["{kind}/{name}"] there.'
    )


def _other_mesh(kind: str, name: str, mesh: Profile) -> str:
    """Return what follows a stock name with a dash, unless that is this mesh: the mark of another one."""
    if is_own(name, mesh):
        return ""
    found = [name[len(stock) + 1 :] for known, stock in SUFFIXED if known == kind and name.startswith(f"{stock}-")]
    return min(found, key=len) if found else ""


def _rewrite(resource: Resource, path: str, new: str) -> None:
    node = resource.get(path)
    if node is not None:
        resource.rewrite(node, new, path)


def _plan_reference(resource: Resource, mesh: Profile, path: str, kind: str, found: object) -> None:
    if found is not None and kind in _REFERRED:
        node = found[1]  # type: ignore[index]
        resource.rewrite(node, cluster_scoped_name(kind, text(node), mesh), f"{path}/name")

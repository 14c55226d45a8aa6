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
to do with it. Namespaces, PriorityClasses and other classes are never renamed, nor are kinds to which references do not
follow. References to what `renameNames` renames follow in the kinds that the tables know; a reference from another kind
stays.

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
_ISSUER_ANNOTATION = (has_word("cluster-issuer"), *_ISSUER)
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

_STORE = "ClusterSecretStore"
_GENERATOR = "ClusterGenerator"
_VOLUME = "PersistentVolume"

#: The same for kinds of which no chart has a stock name, so that only `renameNames` renames them. `*` is any item.
_EXTERNAL_SECRET = (
    ("secretStoreRef", "name", _STORE),
    ("data/*/sourceRef/storeRef", "name", _STORE),
    ("data/*/sourceRef/generatorRef", "name", _GENERATOR),
    ("dataFrom/*/sourceRef/storeRef", "name", _STORE),
    ("dataFrom/*/sourceRef/generatorRef", "name", _GENERATOR),
)
_PUSH_SECRET = (("secretStoreRefs/*", "name", _STORE), ("selector/generatorRef", "name", _GENERATOR))
_TRIGGERS = (("spec/triggers/*/authenticationRef", "name", "ClusterTriggerAuthentication"),)
_POLICIES = ("DeletingPolicy", "GeneratingPolicy", "ImageValidatingPolicy", "MutatingPolicy", "ValidatingPolicy")
_REFERENCES_TO_RENAMED = {
    "ExternalSecret": tuple([(f"spec/{path}", key, kind) for path, key, kind in _EXTERNAL_SECRET]),
    "ClusterExternalSecret": tuple(
        [(f"spec/externalSecretSpec/{path}", key, kind) for path, key, kind in _EXTERNAL_SECRET]
    ),
    "PushSecret": tuple([(f"spec/{path}", key, kind) for path, key, kind in _PUSH_SECRET]),
    "ClusterPushSecret": tuple([(f"spec/pushSecretSpec/{path}", key, kind) for path, key, kind in _PUSH_SECRET]),
    "PersistentVolumeClaim": (("spec", "volumeName", _VOLUME),),
    "StatefulSet": (("spec/volumeClaimTemplates/*/spec", "volumeName", _VOLUME),),
    "VolumeAttachment": (("spec/source", "persistentVolumeName", _VOLUME),),
    "VolumeSnapshot": (("spec/source", "volumeSnapshotContentName", "VolumeSnapshotContent"),),
    "VolumeGroupSnapshot": (("spec/source", "volumeGroupSnapshotContentName", "VolumeGroupSnapshotContent"),),
    "ScaledJob": _TRIGGERS,
    "ScaledObject": _TRIGGERS,
    "CloudEventSource": (("spec/authenticationRef", "name", "ClusterTriggerAuthentication"),),
    "ClusterCloudEventSource": (("spec/authenticationRef", "name", "ClusterTriggerAuthentication"),),
    "PolicyException": (
        ("spec/exceptions/*", "policyName", "ClusterPolicy"),
        *[("spec/policyRefs/*", "name", kind) for kind in _POLICIES],
    ),
}

#: Kinds that are parsed if the profile has `renameNames`: no word tells which of them refers to such a name.
REFERRING = frozenset(("ClusterRoleBinding", "RoleBinding", *_REFERENCES_TO_RENAMED))

#: Kinds of which a name may be a stock name: in another API group, a namespace does not show that they are namespaced.
_RENAMED_KINDS = frozenset([kind for kind, _ in SUFFIXED])

#: What precedes the name of a ClusterIssuer in `signerName`
#: (cert-manager 1.21.1, pkg/controller/certificatesigningrequests/util/signername.go).
_SIGNER = "clusterissuers.cert-manager.io/"

#: Annotations that name a ClusterIssuer, and one that does so where `cert-manager.io/issuer-kind` says this kind.
_ISSUER_ANNOTATIONS = ("certmanager.k8s.io/cluster-issuer", "cert-manager.io/cluster-issuer")
_ISSUER_OF_KIND = "cert-manager.io/issuer"


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
    if resource.kind == "CertificateSigningRequest":
        for at, node in resource.find("spec/signerName"):
            if text(node).startswith(_SIGNER):
                name = cluster_scoped_name("ClusterIssuer", text(node).removeprefix(_SIGNER), mesh)
                resource.rewrite(node, f"{_SIGNER}{name}", at)
    if mesh.rename_names:
        _plan_references(resource, mesh)
    # In this order: annotations that are written twice are refused in every kind.
    if resource.get("metadata/annotations") is not None and resource.kind in _ANNOTATED:
        _plan_annotations(resource, mesh)


def _plan_annotations(resource: Resource, mesh: Profile) -> None:
    """Rename the ClusterIssuer that annotations name."""
    names = list(_ISSUER_ANNOTATIONS)
    if resource.value("metadata/annotations/cert-manager.io~1issuer-kind") == "ClusterIssuer":
        names.append(_ISSUER_OF_KIND)
    for annotation in names:
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


def _plan_references(resource: Resource, mesh: Profile) -> None:
    """Rename what only `renameNames` renames: what a role grants by name, and what the second table has."""
    for path, key, kind in _REFERENCES_TO_RENAMED.get(resource.kind, ()):
        for at, reference in resource.find(path):
            if not path.removesuffix("s/*").endswith("Ref") or text(reference, "kind") == kind:
                for below, node in find(reference, key):
                    resource.rewrite(node, cluster_scoped_name(kind, text(node), mesh), f"{at}/{below}")
    if resource.kind not in ("Role", "ClusterRole"):
        return
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

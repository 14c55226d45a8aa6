"""The rule cluster-scoped-names: cluster-scoped resources have a name of their own in every mesh."""

from __future__ import annotations

import re

import pytest
import yaml
from rule_cases import NS, accepts, objects, reasons, refusal, rendered, rendering, stays

from multimesh.errors import MultimeshError

RBAC = "rbac.authorization.k8s.io/v1"
HOOKS = "admissionregistration.k8s.io/v1"
CERT_MANAGER = "cert-manager.io/v1"

#: The cluster-scoped names of the stock charts and their add-ons that are the same for every mesh, with their API.
STOCK = [
    *[(RBAC, "ClusterRole", name) for name in ("istio-reader", "kiali", "kiali-viewer", "istiocoredns", "certmanager")],
    *[(RBAC, "ClusterRole", name) for name in ("istio-policy", "prometheus")],
    *[(RBAC, "ClusterRoleBinding", name) for name in ("istio-multi", "istio-reader", "certmanager", "kiali")],
    (RBAC, "ClusterRoleBinding", "prometheus"),
    ("certmanager.k8s.io/v1alpha1", "ClusterIssuer", "letsencrypt"),
    (CERT_MANAGER, "ClusterIssuer", "letsencrypt-staging"),
    (HOOKS, "ValidatingWebhookConfiguration", "istiod-default-validator"),
    (HOOKS, "ValidatingAdmissionPolicy", "stable-channel-default-policy.istio.io"),
    (HOOKS, "ValidatingAdmissionPolicyBinding", "stable-channel-default-policy-binding.istio.io"),
]

#: The ClusterRoles among them: what bindings refer to.
ROLES = [name for _, kind, name in STOCK if kind == "ClusterRole"]


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice, and not as an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def thing(version: str, kind: str, name: str, **fields: object) -> str:
    """Return an object with these fields at its root, of a chart that mentions Istio."""
    metadata = {"name": name, **fields.pop("metadata", {})}  # type: ignore[dict-item]
    found = {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
    return "---\n# Source: istio/templates/any.yaml\n" + yaml.dump(found, Dumper=_Plain, sort_keys=False)


def name_of(manifest: str, **options: object) -> str:
    """Return the name of the only object, rendered."""
    (found,) = objects(manifest, **options)
    return found["metadata"]["name"]


# Names in the tables.


@pytest.mark.parametrize(("version", "kind", "name"), STOCK)
def test_a_stock_name_gets_the_suffix_of_the_mesh(version: str, kind: str, name: str) -> None:
    """And rendering twice gives the same as rendering once."""
    manifest = thing(version, kind, name)
    assert name_of(manifest) == f"{name}-affirmed"
    assert ("cluster-scoped-names", "metadata/name") in reasons(manifest)
    assert name_of(thing(version, kind, f"{name}-affirmed")) == f"{name}-affirmed"


@pytest.mark.parametrize(
    ("kind", "stock", "expected"),
    [
        ("MutatingWebhookConfiguration", "istio-sidecar-injector", "istio-affirmed-sidecar-injector"),
        ("ValidatingWebhookConfiguration", "istio-galley", "istio-affirmed-galley"),
    ],
)
def test_webhook_configurations_of_istio_1_5_begin_with_the_namespace(kind: str, stock: str, expected: str) -> None:
    """Their names are limited in length."""
    assert name_of(thing(HOOKS, kind, stock)) == expected
    assert stays(thing(HOOKS, kind, expected))


def test_cluster_roles_can_be_kept():
    """Their bindings cannot: the subjects differ between meshes."""
    assert stays(thing(RBAC, "ClusterRole", "kiali"), clusterRoles="keep")
    assert name_of(thing(RBAC, "ClusterRoleBinding", "kiali"), clusterRoles="keep") == "kiali-affirmed"


@pytest.mark.parametrize("kept", ["ClusterRole/kiali", "ClusterRole/*"])
def test_a_name_that_the_profile_keeps_stays(kept: str) -> None:
    """By its name, or by its kind."""
    assert stays(thing(RBAC, "ClusterRole", "kiali"), keepNames=[kept])
    assert stays(thing(RBAC, "ClusterRole", kept.replace("ClusterRole/", "").replace("*", "any")), keepNames=[kept])


def test_a_name_that_the_profile_renames_gets_the_suffix():
    """Even one that looks like that of another mesh."""
    for name in ("company-reader", "kiali-blue"):
        options = {"renameNames": [f"ClusterRole/{name}"]}
        assert name_of(thing(RBAC, "ClusterRole", name), **options) == f"{name}-affirmed"
        assert stays(thing(RBAC, "ClusterRole", f"{name}-affirmed"), **options)


def test_a_name_that_would_be_too_long_is_refused():
    """It is never cut."""
    name = "a" * 245
    message = refusal(thing(RBAC, "ClusterRole", name), renameNames=[f"ClusterRole/{name}"])
    assert message.startswith(f"multimesh: <stdin>:3: ClusterRole/{name}: ")
    assert "has 254 characters; 253 are allowed [cluster-scoped-names]" in message


# Names in no table.

OWN = ["reader-affirmed", f"reader-{NS}", f"{NS}-reader", "istiod-next-reader", "next-reader", "reader-next"]


@pytest.mark.parametrize("name", OWN)
def test_a_name_that_contains_the_mesh_stays(name: str) -> None:
    """The mesh, its namespace, or one of its revisions."""
    assert stays(thing(RBAC, "ClusterRole", name), canaryRevisions=["next"])
    assert stays(thing("scheduling.k8s.io/v1", "PriorityClass", name), canaryRevisions=["next"])


@pytest.mark.parametrize("name", ["cluster-admin", "admin", "edit", "view", "system:auth-delegator"])
def test_roles_of_kubernetes_stay(name: str) -> None:
    """And what is named after them."""
    assert stays(thing(RBAC, "ClusterRole", name))
    assert stays(thing(RBAC, "ClusterRoleBinding", name))


def test_other_kinds_are_not_named_after_roles_of_kubernetes():
    """A class called `admin` is not Kubernetes' own."""
    assert "does not know the cluster-scoped name" in refusal(thing("scheduling.k8s.io/v1", "PriorityClass", "admin"))


@pytest.mark.parametrize("name", ["company-reader", "affirmed-reader", "affirmed", "kialix", "reader-affirmed-2"])
def test_any_other_name_is_refused(name: str) -> None:
    """The message names the keys of the profile that decide."""
    assert refusal(thing(RBAC, "ClusterRole", name), revision="one") == (
        f'multimesh: <stdin>:3: ClusterRole/{name}: multimesh does not know the cluster-scoped name "{name}", and two '
        "meshes could both install it [cluster-scoped-names]\n"
        "  A cluster has only one ClusterRole of this name: add one of these below spec in profile.yaml:\n"
        f'  renameNames: ["ClusterRole/{name}"]  # every mesh gets its own: {name}-affirmed\n'
        f'  keepNames: ["ClusterRole/{name}"]  # all meshes share one\n'
        "  If it contains the namespace of another mesh, render the chart with -n istio-affirmed instead."
    )


@pytest.mark.parametrize("key", ["renameNames", "keepNames"])
def test_a_line_of_the_refusal_can_be_pasted(key: str) -> None:
    """Comments included."""
    lines = refusal(thing(RBAC, "ClusterRole", "company-reader")).splitlines()
    [pasted] = [yaml.safe_load(line) for line in lines if line.strip().startswith(key)]
    assert "company-reader" in rendering(thing(RBAC, "ClusterRole", "company-reader"), **pasted).output.decode()


@pytest.mark.parametrize(
    ("version", "kind"),
    [("v1", "Namespace"), ("storage.k8s.io/v1", "StorageClass"), ("networking.k8s.io/v1", "IngressClass")],
)
def test_a_class_or_namespace_can_be_kept_only(version: str, kind: str) -> None:
    """What refers to it would not follow."""
    assert refusal(thing(version, kind, "shop")).endswith(
        f"  A cluster has only one {kind} of this name: if only this mesh installs it, add this below spec in "
        "profile.yaml:\n"
        f'  keepNames: ["{kind}/shop"]\n'
        "  Otherwise give it another name in the values of the chart, or leave it out: "
        f"renameNames cannot name it, since what refers to a {kind} would not follow.\n"
        "  If it contains the namespace of another mesh, render the chart with -n istio-affirmed instead."
    )
    assert stays(thing(version, kind, "shop"), keepNames=[f"{kind}/shop"])


@pytest.mark.parametrize(
    ("version", "kind", "name", "key"),
    [
        ("v1", "Namespace", "shop", "keepNames"),
        ("storage.k8s.io/v1", "StorageClass", "shop", "keepNames"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "shop", "renameNames"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "kiali-blue", "renameNames"),
    ],
)
def test_a_refusal_says_which_key_of_the_profile_accepts_it(version: str, kind: str, name: str, key: str) -> None:
    with pytest.raises(MultimeshError) as raised:
        rendering(thing(version, kind, name))
    assert raised.value.keys == {key: f"{kind}/{name}"}


@pytest.mark.parametrize(
    ("kind", "name", "other"),
    [
        ("ClusterRole", "istio-reader-blue", "blue"),
        ("ClusterRole", "kiali-viewer-blue", "blue"),
        ("ClusterRole", "kiali-istio-blue", "istio-blue"),
        ("ClusterRoleBinding", "istio-multi-blue", "blue"),
    ],
)
def test_a_stock_name_with_the_suffix_of_another_mesh_is_refused(kind: str, name: str, other: str) -> None:
    """Of two stock names that it begins with, the longer one counts."""
    assert refusal(thing(RBAC, kind, name)) == (
        f'multimesh: <stdin>:3: {kind}/{name}: multimesh does not know the cluster-scoped name "{name}"; it could be a '
        f'stock name with the suffix of another mesh, "{other}" [cluster-scoped-names]\n'
        "  If it is, render the stock chart with -n istio-affirmed, and pipe it through one profile only.\n"
        "  If it is not, add one of these below spec in profile.yaml:\n"
        f'  renameNames: ["{kind}/{name}"]  # every mesh gets its own: {name}-affirmed\n'
        f'  keepNames: ["{kind}/{name}"]  # all meshes share one'
    )


@pytest.mark.parametrize("name", ["letsencrypt-istio-affirmed", "letsencrypt-next-test"])
def test_a_stock_name_with_a_suffix_of_this_mesh_stays(name: str) -> None:
    """It is the mesh's own."""
    assert stays(thing(CERT_MANAGER, "ClusterIssuer", name), canaryRevisions=["next"])


def test_the_stock_name_of_another_kind_says_nothing():
    """`istio-multi` is a binding."""
    assert "does not know the cluster-scoped name" in refusal(thing(RBAC, "ClusterRole", "istio-multi"))
    assert "does not know the cluster-scoped name" in refusal(thing(RBAC, "ClusterRole", "istio-multi-blue"))


# Cluster-scoped objects that other rules decide about, or that every mesh shares.


def test_namespaces_of_the_mesh_stay():
    """A chart may bring them."""
    assert stays(thing("v1", "Namespace", NS))
    assert stays(thing("v1", "Namespace", "nginx-affirmed"))
    assert stays(thing("v1", "Namespace", "shop"), workloadNamespaces=["shop"])


def test_a_class_with_the_name_of_a_namespace_is_refused():
    """Only Namespaces are in the profile's list."""
    manifest = thing("storage.k8s.io/v1", "StorageClass", "shop")
    assert "does not know the cluster-scoped name" in refusal(manifest, workloadNamespaces=["shop"])


def test_definitions_stay():
    """The rule shared-resources decides about them."""
    keep = {
        "annotations": {
            "helm.sh/resource-policy": "keep",
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
            "argocd.argoproj.io/sync-options": "Prune=false",
        }
    }
    manifest = thing(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "gateways.networking.istio.io", metadata=keep
    )
    assert stays(manifest, sharedResources="own")


def test_shared_resources_of_the_owner_stay():
    """There is one of each in a cluster; a mesh that is not the owner has none."""
    assert stays(thing(RBAC, "ClusterRole", "istio-cni"), sharedResources="own")
    assert "[shared-resources]" in refusal(thing(RBAC, "ClusterRole", "istio-cni"))


def test_a_name_that_only_begins_like_a_shared_one_is_refused():
    """Even in the mesh of the owner."""
    assert "does not know the cluster-scoped name" in refusal(
        thing(RBAC, "ClusterRole", "istio-cni-more"), sharedResources="own"
    )


@pytest.mark.parametrize("kind", ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"])
def test_the_policy_of_the_definitions_stays(kind: str) -> None:
    """`multimesh policies` writes it once for all meshes."""
    assert stays(thing(HOOKS, kind, "multimesh-crds"))
    assert "does not know the cluster-scoped name" in refusal(thing(HOOKS, kind, "multimesh-other"))


def test_another_kind_with_the_name_of_that_policy_is_refused():
    """It could be anything."""
    assert "does not know the cluster-scoped name" in refusal(thing(RBAC, "ClusterRole", "multimesh-crds"))


# Kinds.


@pytest.mark.parametrize(
    ("version", "kind", "of"),
    [
        ("example.com/v1", "Widget", " of example.com"),
        ("v1", "Widget", ""),
        ("example.com/v1", "Secret", " of example.com"),
    ],
)
def test_a_kind_in_no_table_is_refused(version: str, kind: str, of: str) -> None:
    """Its scope is unknown, unless the profile keeps it."""
    assert refusal(thing(version, kind, "any")) == (
        f'multimesh: <stdin>:3: {kind}/any: multimesh does not know the kind "{kind}"{of}, so it cannot tell whether '
        "it is cluster-scoped [cluster-scoped-names]\n"
        "  Two meshes would overwrite a cluster-scoped object of one name. The CRD of the kind says what it is:\n"
        "  --crds=PATH (through Helm: --post-renderer-args=--crds=PATH), or crds: [PATH] below spec in profile.yaml.\n"
        "  Without its CRD, if two meshes may both have such objects, add this below spec there:\n"
        f'  keepNames: ["{kind}/*"]'
    )
    assert stays(thing(version, kind, "any"), keepNames=[f"{kind}/*"])
    assert "does not know the kind" in refusal(thing(version, kind, "any"), keepNames=[f"{kind}/any"])


def test_a_kind_with_stock_names_is_refused_in_another_group_even_with_a_namespace():
    """A stock name would stay in it: who writes it may mean the kind that is cluster-scoped."""
    manifest = thing("example.com/v1", "ClusterIssuer", "letsencrypt-staging", metadata={"namespace": "istio-affirmed"})
    assert "does not know the kind" in refusal(manifest)
    assert stays(manifest, keepNames=["ClusterIssuer/*"])
    assert stays(manifest.replace("ClusterIssuer", "Widget"))


def test_namespaced_kinds_stay():
    """Whatever their names are."""
    assert stays(thing("v1", "Secret", "kiali"))


# References.


def binding(kind: str, role: str, role_kind: str = "ClusterRole") -> str:
    """Return a binding with a name of the mesh's own."""
    return thing(RBAC, kind, "reader-affirmed", roleRef={"kind": role_kind, "name": role})


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
def test_bindings_follow_the_role_that_they_name(kind: str, role: str) -> None:
    """Whether or not the role is in the stream, and whatever else the binding is."""
    (found,) = objects(binding(kind, role))
    assert found["roleRef"] == {"kind": "ClusterRole", "name": f"{role}-affirmed"}
    assert reasons(binding(kind, role)) == [("cluster-scoped-names", "roleRef/name")]
    assert stays(binding(kind, f"{role}-affirmed"))
    assert stays(binding(kind, role, "Role"))


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
@pytest.mark.parametrize(("role_kind", "name"), [("ClusterIssuer", "letsencrypt"), ("ClusterRoleBinding", "kiali")])
def test_a_binding_refers_to_cluster_roles_only(kind: str, role_kind: str, name: str) -> None:
    """No API server accepts another kind; the name of the role is there so that the binding is read."""
    assert stays(binding(kind, name, role_kind) + "# kiali\n")


@pytest.mark.parametrize("role", ["company-reader", "cluster-admin", "kiali-blue", "istio-multi"])
def test_references_to_names_in_no_table_stay(role: str) -> None:
    """They say nothing about this stream."""
    assert stays(binding("RoleBinding", role))


def test_bindings_follow_what_the_profile_renames():
    """No table has its name, so nothing else makes multimesh read the binding."""
    (found,) = objects(binding("RoleBinding", "company-reader"), renameNames=["ClusterRole/company-reader"])
    assert found["roleRef"]["name"] == "company-reader-affirmed"


def test_bindings_do_not_follow_what_the_profile_keeps():
    """The role keeps its name."""
    assert stays(binding("RoleBinding", "kiali"), clusterRoles="keep")
    assert stays(binding("RoleBinding", "kiali"), keepNames=["ClusterRole/kiali"])


@pytest.mark.parametrize("role", [{}, {"roleRef": None}, {"roleRef": {"kind": "ClusterRole"}}], ids=str)
def test_a_binding_without_a_role_stays(role: dict) -> None:
    """There is nothing to rename; the word that makes multimesh read the binding is elsewhere."""
    assert stays(thing(RBAC, "RoleBinding", "kiali", **role))


def test_a_role_that_is_not_a_mapping_is_refused():
    """A stock name could be in it."""
    assert "roleRef is not a mapping, which no rule knows" in refusal(
        thing(RBAC, "RoleBinding", "any", roleRef="kiali")
    )


@pytest.mark.parametrize("kind", ["Certificate", "CertificateRequest"])
def test_certificates_follow_the_issuer_that_they_name(kind: str) -> None:
    """A ClusterIssuer; without a kind it is an Issuer of the namespace."""

    def certificate(**issuer: str) -> str:
        return thing(CERT_MANAGER, kind, "any", spec={"issuerRef": issuer})

    manifest = certificate(kind="ClusterIssuer", name="letsencrypt")
    (found,) = objects(manifest)
    assert found["spec"]["issuerRef"]["name"] == "letsencrypt-affirmed"
    assert reasons(manifest) == [("cluster-scoped-names", "spec/issuerRef/name")]
    assert stays(certificate(kind="ClusterIssuer", name="company"))
    assert stays(certificate(kind="Issuer", name="letsencrypt"))
    assert stays(certificate(name="letsencrypt"))


@pytest.mark.parametrize("annotation", ["certmanager.k8s.io/cluster-issuer", "cert-manager.io/cluster-issuer"])
@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("extensions/v1beta1", "Ingress"),
        ("networking.istio.io/v1", "Gateway"),
        ("gateway.networking.k8s.io/v1", "ListenerSet"),
    ],
)
def test_annotations_follow_the_issuer_that_they_name(version: str, kind: str, annotation: str) -> None:
    """Of the old cert-manager and of the new one."""
    manifest = thing(version, kind, "any", metadata={"annotations": {"first": "kiali", annotation: "letsencrypt"}})
    (found,) = objects(manifest)
    assert found["metadata"]["annotations"] == {"first": "kiali", annotation: "letsencrypt-affirmed"}
    assert reasons(manifest) == [("cluster-scoped-names", f"metadata/annotations/{annotation.replace('/', '~1')}")]
    assert stays(manifest.replace("cluster-issuer", "issuer"))
    assert stays(manifest.replace("letsencrypt", "company"))


@pytest.mark.parametrize(
    ("version", "kind"),
    [("v1", "Secret"), ("v1", "Service"), ("gateway.networking.k8s.io/v1", "HTTPRoute"), (RBAC, "ClusterRole")],
)
def test_annotations_that_cert_manager_does_not_read_stay(version: str, kind: str) -> None:
    """Whether the object is parsed or not: the last one of a stream is, and so is every ClusterRole here."""
    annotations = {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert stays(thing(version, kind, "any-affirmed", metadata={"annotations": annotations}))


def test_annotations_follow_the_issuer_whose_kind_another_annotation_says():
    """Without it, and with another kind, the issuer is one of the namespace."""
    annotations = {"cert-manager.io/issuer": "letsencrypt", "cert-manager.io/issuer-kind": "ClusterIssuer"}
    manifest = thing("networking.k8s.io/v1", "Ingress", "any", metadata={"annotations": annotations})
    (found,) = objects(manifest)
    assert found["metadata"]["annotations"] == {**annotations, "cert-manager.io/issuer": "letsencrypt-affirmed"}
    assert stays(manifest.replace("ClusterIssuer", "Issuer"))
    assert stays(manifest.replace("issuer-kind", "kind"))


def test_a_signing_request_follows_the_issuer_that_its_signer_names():
    """An Issuer of a namespace, and other signers, stay."""
    manifest = thing(
        "certificates.k8s.io/v1", "CertificateSigningRequest", "any-affirmed",
        spec={"signerName": "clusterissuers.cert-manager.io/letsencrypt"},
    )  # fmt: skip
    (found,) = objects(manifest)
    assert found["spec"]["signerName"] == "clusterissuers.cert-manager.io/letsencrypt-affirmed"
    assert reasons(manifest) == [("cluster-scoped-names", "spec/signerName")]
    assert stays(manifest.replace("clusterissuers", "issuers"))
    assert stays(manifest.replace("/letsencrypt", "/company"))
    assert stays(manifest.replace("clusterissuers.cert-manager.io/letsencrypt", "kubernetes.io/kubelet-serving"))


SECRETS = "external-secrets.io/v1"
STORE = {"kind": "ClusterSecretStore", "name": "shop"}
GENERATOR = {"kind": "ClusterGenerator", "name": "shop"}
TRIGGER = {"triggers": [{"authenticationRef": {"kind": "ClusterTriggerAuthentication", "name": "shop"}}]}
EXTERNAL = {
    "secretStoreRef": STORE,
    "data": [{"sourceRef": {"storeRef": STORE, "generatorRef": GENERATOR}}],
    "dataFrom": [{"extract": {}}, {"sourceRef": {"storeRef": STORE, "generatorRef": GENERATOR}}],
}
PUSH = {"secretStoreRefs": [STORE, {"labelSelector": {}}], "selector": {"generatorRef": GENERATOR}}

#: API, kind and spec of what refers to a name of a chart: each name in it follows.
REFERRING = [
    (SECRETS, "ExternalSecret", EXTERNAL),
    (SECRETS, "ClusterExternalSecret", {"externalSecretSpec": EXTERNAL}),
    (SECRETS, "PushSecret", PUSH),
    (SECRETS, "ClusterPushSecret", {"pushSecretSpec": PUSH}),
    ("v1", "PersistentVolumeClaim", {"volumeName": "shop"}),
    ("apps/v1", "StatefulSet", {"volumeClaimTemplates": [{"spec": {"volumeName": "shop"}}]}),
    ("storage.k8s.io/v1", "VolumeAttachment", {"source": {"persistentVolumeName": "shop"}}),
    ("snapshot.storage.k8s.io/v1", "VolumeSnapshot", {"source": {"volumeSnapshotContentName": "shop"}}),
    ("groupsnapshot.storage.k8s.io/v1", "VolumeGroupSnapshot", {"source": {"volumeGroupSnapshotContentName": "shop"}}),
    ("keda.sh/v1alpha1", "ScaledObject", TRIGGER),
    ("keda.sh/v1alpha1", "ScaledJob", TRIGGER),
    (
        "eventing.keda.sh/v1alpha1",
        "CloudEventSource",
        {"authenticationRef": TRIGGER["triggers"][0]["authenticationRef"]},
    ),
    ("kyverno.io/v2", "PolicyException", {"exceptions": [{"policyName": "shop"}]}),
    ("policies.kyverno.io/v1", "PolicyException", {"policyRefs": [{"kind": "ValidatingPolicy", "name": "shop"}]}),
]
RENAMED = [
    f"{kind}/shop"
    for kind in ("ClusterSecretStore", "ClusterGenerator", "PersistentVolume", "VolumeSnapshotContent", "ClusterPolicy",
                 "VolumeGroupSnapshotContent", "ClusterTriggerAuthentication", "ValidatingPolicy")
]  # fmt: skip


@pytest.mark.parametrize(("version", "kind", "spec"), REFERRING, ids=[f"{v}-{kind}" for v, kind, _ in REFERRING])
def test_references_follow_what_the_profile_renames(version: str, kind: str, spec: dict) -> None:
    """In the middle of a stream too. What the profile does not rename stays."""
    manifest = thing(version, kind, "any-affirmed", spec=spec)
    assert rendered(manifest, renameNames=RENAMED) == manifest.replace(" shop\n", " shop-affirmed\n")
    assert stays(manifest)
    assert stays(manifest, renameNames=["ClusterRole/shop"])


@pytest.mark.parametrize(("version", "kind", "spec"), [one for one in REFERRING if "Ref" in str(one)])
def test_references_to_namespaced_kinds_stay(version: str, kind: str, spec: dict) -> None:
    """A SecretStore of the same name is another one."""
    spec = yaml.safe_load(re.sub(r"'kind': '(Cluster|Validating)", r"'kind': 'Namespaced", str(spec)))
    assert stays(thing(version, kind, "any-affirmed", spec=spec), renameNames=RENAMED)


def test_a_policy_binding_follows_a_mutating_policy():
    """No stock chart has one, so only the profile can rename it."""
    name = "MutatingAdmissionPolicy/defaults"
    manifest = thing(HOOKS, "MutatingAdmissionPolicyBinding", "any-affirmed", spec={"policyName": "defaults"})
    (found,) = objects(manifest, renameNames=[name])
    assert found["spec"]["policyName"] == "defaults-affirmed"
    assert reasons(manifest, renameNames=[name]) == [("cluster-scoped-names", "spec/policyName")]
    assert stays(manifest)
    assert stays(thing(HOOKS, "MutatingAdmissionPolicyBinding", "any-affirmed"), renameNames=[name])


def test_a_flow_schema_follows_its_priority_level():
    """No stock chart has one, so only the profile can rename it."""
    name = "PriorityLevelConfiguration/low"
    spec = {"priorityLevelConfiguration": {"name": "low"}}
    manifest = thing("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "any-affirmed", spec=spec)
    (found,) = objects(manifest, renameNames=[name])
    assert found["spec"] == {"priorityLevelConfiguration": {"name": "low-affirmed"}}
    assert reasons(manifest, renameNames=[name]) == [
        ("cluster-scoped-names", "spec/priorityLevelConfiguration/name")
    ]  # fmt: skip
    assert stays(manifest)


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_roles_follow_the_pod_security_policies_that_they_grant(kind: str) -> None:
    """Only for names that the profile renames: no stock chart has such a policy of a fixed name."""

    def role(resource: str, *names: str) -> str:
        rules = [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["restricted"], "verbs": ["get"]},
            {"apiGroups": ["policy"], "resources": ["pods", resource], "resourceNames": list(names), "verbs": ["use"]},
        ]
        return thing(RBAC, kind, "any-affirmed", rules=rules)

    options = {"renameNames": ["PodSecurityPolicy/restricted"]}
    manifest = role("podsecuritypolicies", "other", "restricted")
    (found,) = objects(manifest, **options)
    assert [rule["resourceNames"] for rule in found["rules"]] == [["restricted"], ["other", "restricted-affirmed"]]
    assert reasons(manifest, **options) == [("cluster-scoped-names", "rules/1/resourceNames")]
    assert stays(manifest)
    assert stays(manifest, renameNames=["PodSecurityPolicy/another"])
    assert stays(role("services", "restricted"), **options)


@pytest.mark.parametrize("metadata", ["{}", "{name: ''}", "{generateName: kiali-}", "{name: }"])
def test_a_cluster_scoped_resource_without_a_name_is_refused_with_a_way_out(metadata):
    """No key of the profile can name it: the profile refuses "ClusterRole/"."""
    manifest = f"# Source: istio/a.yaml\napiVersion: {RBAC}\nkind: ClusterRole\nmetadata: {metadata}\n"
    assert refusal(manifest) == (
        'multimesh: <stdin>:2: ClusterRole: the cluster-scoped resource has the name "", so it is unknown whether it is mesh '
        "affirmed's own [cluster-scoped-names]\n  Give it a metadata.name in the chart; Helm needs one, too."
    )
    assert accepts(manifest) == ({}, {})
    assert stays(manifest, keepNames=["ClusterRole/*"])


def test_other_kinds_grant_nothing():
    """Their `rules` are their own."""
    rule = {"resources": ["podsecuritypolicies"], "resourceNames": ["restricted"]}
    manifest = thing(CERT_MANAGER, "Certificate", "any", rules=[rule], spec={"issuerRef": {"kind": "ClusterIssuer"}})
    assert stays(manifest, renameNames=["PodSecurityPolicy/restricted"])

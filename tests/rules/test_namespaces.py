"""The rule namespaces: every object, subject and webhook service is inside the namespaces of its mesh."""

from __future__ import annotations

import pytest
from rule_cases import MEMBER, NS, accepts, objects, refusal, stays

RBAC = "rbac.authorization.k8s.io/v1"
HOOKS = "admissionregistration.k8s.io/v1"


def head(kind: str, name: str, namespace: str = "", version: str = "v1", rest: str = "") -> str:
    """Return an object; without a namespace if that is empty."""
    line = f"  namespace: {namespace}\n" if namespace else ""
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{line}{rest}"


def workload(kind: str, container: str, namespace: str, name: str = "anything") -> str:
    """Return a workload whose second container has this name."""
    spec = f"spec:\n  template:\n    spec:\n      containers:\n      - name: first\n      - name: {container}\n"
    return head(kind, name, namespace, "apps/v1", spec)


def binding(kind: str, namespace: str, subject: str, own: str = "") -> str:
    """Return a binding, in the namespace `own`, of two subjects, of which the second is in `namespace`."""
    line = f"  namespace: {namespace}\n" if namespace else ""
    subjects = f"subjects:\n- kind: Group\n  name: admins\n- kind: ServiceAccount\n  name: {subject}\n{line}"
    return head(kind, "reader-affirmed", own, RBAC, f"roleRef:\n  kind: ClusterRole\n  name: view\n{subjects}")


def webhooks(kind: str, namespace: str) -> str:
    """Return a webhook configuration of two entries, of which the second calls a service in this namespace."""
    entries = (
        "webhooks:\n- name: a.example.com\n  clientConfig:\n    url: https://example.com\n"
        f"- name: b.example.com\n  clientConfig:\n    service:\n      name: b\n      namespace: {namespace}\n"
    )
    return head(kind, "hooks-affirmed", "", HOOKS, entries)


def outside(title: str, namespace: str) -> str:
    """Return the message about an object in a namespace that is not the mesh's."""
    return (
        f'multimesh: <stdin>:2: {title}: metadata/namespace is "{namespace}", which is not a namespace of mesh affirmed '
        "[namespaces]\n  Render the chart with -n istio-affirmed (and --set global.istioNamespace=istio-affirmed from "
        "Istio 1.6 on), or add the namespace to spec.workloadNamespaces in profile.yaml."
    )


def among_workloads(title: str) -> str:
    """Return the message about a part of the control plane in a workload namespace."""
    return (
        f'multimesh: <stdin>:2: {title}: metadata/namespace is "nginx-affirmed", but the control plane of mesh affirmed '
        'belongs in "istio-affirmed" [namespaces]\n'
        "  Render the chart with -n istio-affirmed and --set global.istioNamespace=istio-affirmed."
    )


def elsewhere(title: str, path: str, namespace: str) -> str:
    """Return the message about a reference to a namespace that is not the control-plane namespace."""
    return (
        f'multimesh: <stdin>:2: {title}: {path} is "{namespace}", but the control plane of mesh affirmed is in '
        '"istio-affirmed" [namespaces]\n'
        "  Render the chart with -n istio-affirmed and --set global.istioNamespace=istio-affirmed."
    )


# Objects.


@pytest.mark.parametrize("namespace", ["", NS, MEMBER])
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_objects_in_the_namespaces_of_the_mesh_stay(kind: str, namespace: str) -> None:
    """An object without a namespace goes where Helm's `-n` says."""
    assert stays(head(kind, "anything", namespace))


@pytest.mark.parametrize("namespace", ["istio-system", "kube-system", "istio-affirmed-2"])
@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_an_object_in_any_other_namespace_is_refused(kind: str, namespace: str) -> None:
    """Whatever it is."""
    assert refusal(head(kind, "anything", namespace)) == outside(f"{kind}/{namespace}/anything", namespace)


def test_the_namespace_of_a_cluster_scoped_object_means_nothing():
    """Stock charts write one into ClusterRoles, and Kubernetes ignores it."""
    assert stays(head("ClusterRole", "reader-affirmed", "istio-system", RBAC, "rules: []\n"))


def test_a_kind_of_the_same_name_in_another_group_has_its_own_scope():
    """Scope depends on group and kind."""
    manifest = head("ClusterRole", "reader-affirmed", "istio-system", "example.com/v1")
    message = refusal(manifest, keepNames=["ClusterRole/*"])
    assert message == outside("ClusterRole/istio-system/reader-affirmed", "istio-system")


# The control plane.


@pytest.mark.parametrize("kind", ["Service", "ServiceAccount", "ConfigMap"])
@pytest.mark.parametrize(
    "name",
    [
        "istio", "istio-ca-secret", "istio-citadel", "istio-galley", "istio-pilot", "istio-policy",
        "istio-sidecar-injector", "istio-telemetry", "istiod", "istiod-affirmed", "istiod-anything",
    ],
)  # fmt: skip
def test_control_plane_objects_must_not_be_in_a_workload_namespace(kind: str, name: str) -> None:
    """Certificates and mounts refer to these names in the control-plane namespace."""
    assert refusal(head(kind, name, MEMBER)) == among_workloads(f"{kind}/{MEMBER}/{name}")
    assert stays(head(kind, f"{name}x" if name == "istiod" else f"my-{name}", MEMBER))


@pytest.mark.parametrize("container", ["discovery", "galley", "citadel", "sidecar-injector-webhook", "mixer"])
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet"])
def test_a_control_plane_must_not_run_in_a_workload_namespace(kind: str, container: str) -> None:
    """Its container shows what it is, whatever its name is."""
    assert refusal(workload(kind, container, MEMBER)).startswith(among_workloads(f"{kind}/{MEMBER}/anything"))
    assert stays(workload(kind, f"my-{container}", MEMBER))


def test_pods_of_other_kinds_are_not_control_planes():
    """A Job, for example, is none."""
    assert stays(workload("Job", "discovery", MEMBER).replace("apps/v1", "batch/v1"))


@pytest.mark.parametrize("name", ["istio-sidecar-injector-any", "values-affirmed", "values-next"])
def test_the_configuration_of_istiod_must_not_be_in_a_workload_namespace(name: str) -> None:
    """The ConfigMaps of the injector, and the values of every revision of the mesh."""
    canary = {"canaryRevisions": ["next"]}
    assert refusal(head("ConfigMap", name, MEMBER), **canary) == among_workloads(f"ConfigMap/{MEMBER}/{name}")
    assert stays(head("ConfigMap", name, NS), **canary)
    assert stays(head("Secret", name, MEMBER), **canary)


def test_the_configuration_of_the_mesh_must_not_be_in_a_workload_namespace():
    """A ConfigMap `istio-REVISION` with a key `mesh`; one of the two alone is something else."""
    data = "data:\n  mesh: |-\n    rootNamespace: istio-affirmed\n"
    assert refusal(head("ConfigMap", "istio-any", MEMBER, rest=data)) == among_workloads(
        f"ConfigMap/{MEMBER}/istio-any"
    )
    assert stays(head("ConfigMap", "istio-any", MEMBER, rest=data.replace("mesh:", "other:")))
    assert stays(head("ConfigMap", "my-istio-any", MEMBER, rest=data))
    assert stays(head("Secret", "istio-any", MEMBER, rest=data))


def test_values_of_another_revision_are_not_the_configuration_of_istiod():
    """Such a name can be anything's."""
    assert stays(head("ConfigMap", "values-production", MEMBER))


# Subjects of bindings.


@pytest.mark.parametrize("namespace", ["", NS])
@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
def test_subjects_in_the_control_plane_namespace_stay(kind: str, namespace: str) -> None:
    """Groups have no namespace at all."""
    assert stays(binding(kind, namespace, "reader"))


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
def test_a_subject_elsewhere_is_refused(kind: str) -> None:
    """It would grant the mesh's role to the account of another mesh."""
    title = f"{kind}/reader-affirmed"
    assert refusal(binding(kind, "istio-system", "reader")) == elsewhere(title, "subjects/1/namespace", "istio-system")


def test_a_subject_in_a_workload_namespace_gets_no_rights_in_the_whole_cluster():
    """Unless the profile names it: a RoleBinding gives rights inside the mesh only."""
    message = refusal(binding("ClusterRoleBinding", MEMBER, "reader"))
    assert message == elsewhere("ClusterRoleBinding/reader-affirmed", "subjects/1/namespace", MEMBER) + (
        f'\n  If this account must have rights in mesh affirmed: foreignSubjects: ["{MEMBER}/reader"] in profile.yaml.'
    )
    assert stays(binding("ClusterRoleBinding", MEMBER, "reader"), foreignSubjects=[f"{MEMBER}/reader"])
    assert stays(binding("RoleBinding", MEMBER, "reader"))


@pytest.mark.parametrize("kind", ["ClusterRoleBinding", "RoleBinding"])
def test_a_stock_subject_is_refused_in_a_binding_of_any_namespace(kind: str) -> None:
    """It is the account of another mesh."""
    title = f"{kind}/{MEMBER}/reader-affirmed"
    message = refusal(binding(kind, "istio-system", "reader", own=MEMBER))
    assert message == elsewhere(title, "subjects/1/namespace", "istio-system")
    assert stays(binding(kind, MEMBER, "reader", own=MEMBER))


def test_a_refusal_of_a_subject_says_what_accepts_it():
    """A stock account must move; any other one can be listed in the profile."""
    assert accepts(binding("ClusterRoleBinding", MEMBER, "reader")) == ({"foreignSubjects": f"{MEMBER}/reader"}, {})
    stock = {}, {"global.istioNamespace": NS}
    assert accepts(binding("ClusterRoleBinding", "istio-system", "reader")) == stock
    assert accepts(binding("RoleBinding", "istio-system", "reader")) == stock


def test_the_account_that_reads_a_cluster_may_be_chosen():
    """It gets no other rights."""
    reads = binding("ClusterRoleBinding", "monitoring", "reader").replace("name: view", "name: istio-reader-x-affirmed")
    assert stays(reads)
    other = reads.replace("istio-reader-x", "x-istio-reader")
    assert refusal(other).startswith(
        elsewhere("ClusterRoleBinding/reader-affirmed", "subjects/1/namespace", "monitoring")
    )


def test_subjects_of_other_kinds_mean_nothing():
    """Only bindings have subjects."""
    manifest = binding("Role", "istio-system", "reader").partition("roleRef:\n")
    assert stays(manifest[0] + manifest[2].replace("  kind: ClusterRole\n  name: view\n", ""))


def test_a_subject_that_is_not_a_mapping_is_left_to_kubernetes():
    """It names no namespace."""
    manifest = binding("RoleBinding", "", "reader")
    assert stays(manifest + "- text\n")


# Services of webhooks.


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_webhook_services_must_be_in_the_control_plane_namespace(kind: str) -> None:
    """The API server would ask another mesh, or a workload."""
    path, title = "webhooks/1/clientConfig/service/namespace", f"{kind}/hooks-affirmed"
    assert stays(webhooks(kind, NS))
    assert refusal(webhooks(kind, "istio-system")) == elsewhere(title, path, "istio-system")
    assert refusal(webhooks(kind, MEMBER)) == elsewhere(title, path, MEMBER)


def test_other_kinds_have_no_webhooks():
    """Their fields of that name are their own."""
    manifest = webhooks("ConfigMap", "istio-system").replace(HOOKS, "v1")
    assert stays(manifest)


# Exceptions.


@pytest.mark.parametrize("kind", ["ServiceAccount", "ConfigMap"])
def test_shared_charts_of_the_owner_may_be_in_any_namespace(kind: str) -> None:
    """istio-cni, for example, is usually installed in kube-system."""
    assert stays(head(kind, "istio-cni", "kube-system"), sharedResources="own")


def test_a_binding_of_a_shared_chart_names_its_own_namespace():
    """The subject is where the chart is."""
    manifest = binding("ClusterRoleBinding", "kube-system", "istio-cni").replace(
        "name: reader-affirmed", "name: istio-cni"
    )
    assert stays(manifest, sharedResources="own")


def test_the_filters_that_another_rule_moves_are_not_refused():
    """The rule envoy-filters gives them the namespace of the mesh."""
    (moved,) = objects(
        head("EnvoyFilter", "stats-filter-1.8", "istio-system", "networking.istio.io/v1alpha3", "spec: {}\n")
    )
    assert moved["metadata"]["namespace"] == NS

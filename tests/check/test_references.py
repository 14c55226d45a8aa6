"""References inside one mesh: each kind of reference with what is missing, what exists, and what is not looked for."""

from __future__ import annotations

import pytest
from finding_cases import config, istiod, service, thing, workload
from meshes import mesh, messages, said

from multimesh.check.inside.references import gateways, pods, policies, roles, routes, selectors, services

SPACE = "istio-affirmed"


def account(name, namespace=SPACE):
    return thing("ServiceAccount", name, namespace)


def binding(kind="ClusterRole", name="a", subject=None, role_binding=False):
    more = {"subjects": [subject]} if subject else {}
    if role_binding:
        return thing("RoleBinding", "b", SPACE, roleRef={"kind": kind, "name": name}, **more)
    return thing("ClusterRoleBinding", "b", roleRef={"kind": kind, "name": name}, **more)


def subject(name, namespace="", kind="ServiceAccount"):
    return {"kind": kind, "name": name} | ({"namespace": namespace} if namespace else {})


CLUSTER_ROLE, ROLE = thing("ClusterRole", "a"), thing("Role", "a", SPACE)
BASE, OLD = "istio-reader-service-account", "istiod-service-account"


def missing(path, target):
    return [f"{path} refers to {target}, which is not there"]


ROLES = {
    "a role that exists": ([CLUSTER_ROLE, binding()], []),
    "a role that does not": ([CLUSTER_ROLE, binding(name="x")], missing("roleRef", "ClusterRole/x")),
    "no role at all": ([binding(name="x")], []),
    "a role of Kubernetes": ([CLUSTER_ROLE, binding(name="cluster-admin")], []),
    "a Role of the namespace": ([ROLE, binding("Role", role_binding=True)], []),
    "a Role with a name of Kubernetes": (
        [ROLE, binding("Role", "cluster-admin", role_binding=True)],
        missing("roleRef", "Role/cluster-admin"),
    ),
    "a Role of another namespace": (
        [thing("Role", "a", "x"), binding("Role", role_binding=True)],
        missing("roleRef", "Role/a"),
    ),
    "a ClusterRole bound in a namespace": ([CLUSTER_ROLE, binding(role_binding=True)], []),
    "an account that exists": ([account("s"), binding(subject=subject("s", SPACE))], []),
    "an account that does not": (
        [account("s"), binding(subject=subject("x", SPACE))],
        missing("subjects", f"ServiceAccount/{SPACE}/x"),
    ),
    "an account in another namespace": (
        [account("s"), binding(subject=subject("s", "x"))],
        missing("subjects", "ServiceAccount/x/s"),
    ),
    "an account in the namespace of its binding": ([account("s"), binding(subject=subject("s"), role_binding=True)], []),
    "the default account": ([account("s"), binding(subject=subject("default", SPACE))], []),
    "a user": ([account("s"), binding(subject=subject("x", kind="User"))], []),
    "an account of base that is not given": ([account("s"), binding(subject=subject(BASE, SPACE))], []),
    "the old account of base that is not given": ([account("s"), binding(subject=subject(OLD, SPACE))], []),
    "an account of base that is given": (
        [account(BASE), binding(subject=subject(OLD, SPACE))],
        missing("subjects", f"ServiceAccount/{SPACE}/{OLD}"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROLES)
def test_bindings_name_roles_and_accounts_that_exist(case):
    items, expected = ROLES[case]
    assert messages(roles, *items) == expected


def test_a_dangling_reference_is_an_error_with_the_resource_that_refers():
    assert said(roles(mesh(CLUSTER_ROLE, binding(name="x")))) == [
        ("dangling-reference", "error", missing("roleRef", "ClusterRole/x")[0], ("ClusterRoleBinding/b",))
    ]


def mounts(volume, kind="Deployment", **more):
    return workload("w", SPACE, {"name": "c"}, kind, volumes=[{"name": "v", **volume}], **more)


def secret(name):
    return mounts({"secret": {"secretName": name}})


def mounted(name, **more):
    return mounts({"configMap": {"name": name, **more}})


def runs_as(name, key="serviceAccountName", kind="Deployment"):
    return workload("w", SPACE, {"name": "c"}, kind, **{key: name})


CONFIG = thing("ConfigMap", "c", SPACE)
CRON = thing("CronJob", "w", SPACE, spec={"jobTemplate": {"spec": {"template": {"spec": {"serviceAccountName": "x"}}}}})
POD = thing("Pod", "w", SPACE, spec={"serviceAccountName": "x"})
NO_ACCOUNT = missing("serviceAccountName", f"ServiceAccount/{SPACE}/x")
PODS = {
    "an account that exists": ([account("s"), runs_as("s")], []),
    **{
        f"an account of a {kind} that does not": ([account("s"), runs_as("x", kind=kind)], NO_ACCOUNT)
        for kind in ("Deployment", "DaemonSet", "StatefulSet", "Job", "ReplicaSet")
    },
    "an account of a CronJob that does not": ([account("s"), CRON], NO_ACCOUNT),
    "an account of a Pod that does not": ([account("s"), POD], NO_ACCOUNT),
    "an account under the old key": ([account("s"), runs_as("x", "serviceAccount")], NO_ACCOUNT),
    "the default account": ([account("s"), runs_as("default")], []),
    "a secret of an account that exists": ([account("s"), secret("istio.s")], []),
    "a secret of an account that does not": (
        [account("s"), secret("istio.x")],
        missing("volume v", "the secret of ServiceAccount/x"),
    ),
    "the secret of the default account": ([account("s"), secret("istio.default")], []),
    "another secret": ([account("s"), secret("x")], []),
    "a ConfigMap that exists": ([CONFIG, mounted("c")], []),
    "a ConfigMap that does not": ([CONFIG, mounted("x")], missing("volume v", f"ConfigMap/{SPACE}/x")),
    "a ConfigMap that need not exist": ([CONFIG, mounted("x", optional=True)], []),
    "a ConfigMap that must exist": ([CONFIG, mounted("x", optional=False)], missing("volume v", f"ConfigMap/{SPACE}/x")),
    "the root certificate": ([CONFIG, mounted("istio-ca-root-cert")], []),
    "the revocation list": ([CONFIG, mounted("istio-ca-crl")], []),
    "the root certificate of Kubernetes": ([CONFIG, mounted("kube-root-ca.crt")], []),
    "no ConfigMap": ([CONFIG, mounts({"emptyDir": {}})], []),
}  # fmt: skip


@pytest.mark.parametrize("case", PODS)
def test_pods_name_accounts_secrets_and_configmaps_that_exist(case):
    items, expected = PODS[case]
    assert messages(pods, *items) == expected


APP = workload("w", SPACE, {"name": "c"}, labels={"app": "w", "istio": "gw"})


def selecting(kind, namespace, spec, api="v1"):
    return thing(kind, "s", namespace, spec=spec) | {"apiVersion": api}


LABELS = {"app": "x", "istio": "gw"}
NO_PODS = "pods labelled app=x, istio=gw"
SELECTORS = {
    "a Service with pods": ([APP, selecting("Service", SPACE, {"selector": {"app": "w"}})], []),
    "a Service without pods": (
        [APP, selecting("Service", SPACE, {"selector": LABELS})],
        missing("spec/selector", NO_PODS),
    ),
    "a Service of another namespace": (
        [APP, selecting("Service", "x", {"selector": {"app": "w"}})],
        missing("spec/selector", "pods labelled app=w"),
    ),
    "a Service without a selector": ([APP, selecting("Service", SPACE, {})], []),
    "a Service where no workload is given": ([selecting("Service", SPACE, {"selector": LABELS})], []),
    "a disruption budget with pods": (
        [APP, selecting("PodDisruptionBudget", SPACE, {"selector": {"matchLabels": {"app": "w"}}})],
        [],
    ),
    "a disruption budget without pods": (
        [APP, selecting("PodDisruptionBudget", SPACE, {"selector": {"matchLabels": LABELS}})],
        missing("spec/selector/matchLabels", NO_PODS),
    ),
    "a disruption budget of another namespace": (
        [APP, selecting("PodDisruptionBudget", "x", {"selector": {"matchLabels": {"app": "w"}}})],
        missing("spec/selector/matchLabels", "pods labelled app=w"),
    ),
    "a Gateway of another namespace": ([APP, selecting("Gateway", "x", {"selector": {"istio": "gw"}})], []),
    "a Gateway without pods": (
        [APP, selecting("Gateway", SPACE, {"selector": LABELS}, "networking.istio.io/v1")],
        missing("spec/selector", NO_PODS),
    ),
    "a Gateway of the Gateway API": (
        [APP, selecting("Gateway", SPACE, {"selector": LABELS}, "gateway.networking.k8s.io/v1")],
        [],
    ),
    "an EnvoyFilter of another namespace": (
        [APP, selecting("EnvoyFilter", "x", {"workloadSelector": {"labels": {"app": "w"}}})],
        [],
    ),
    "an EnvoyFilter without pods": (
        [APP, selecting("EnvoyFilter", SPACE, {"workloadSelector": {"labels": LABELS}})],
        missing("spec/workloadSelector/labels", NO_PODS),
    ),
    "an autoscaler of a workload that exists": (
        [APP, selecting("HorizontalPodAutoscaler", SPACE, {"scaleTargetRef": {"kind": "Deployment", "name": "w"}})],
        [],
    ),
    "an autoscaler of one that does not": (
        [APP, selecting("HorizontalPodAutoscaler", SPACE, {"scaleTargetRef": {"kind": "Deployment", "name": "x"}})],
        missing("spec/scaleTargetRef", f"Deployment/{SPACE}/x"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SELECTORS)
def test_selectors_match_pods(case):
    items, expected = SELECTORS[case]
    assert messages(selectors, *items) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("g", []),
        ("mesh", []),
        (f"{SPACE}/g", []),
        ("x", missing("spec/gateways", f"Gateway/{SPACE}/x")),
        ("other/g", missing("spec/gateways", "Gateway/other/g")),
    ],
)
def test_virtual_services_name_gateways_that_exist(name, expected):
    assert (
        messages(routes, thing("Gateway", "g", SPACE), thing("VirtualService", "v", SPACE, spec={"gateways": [name]}))
        == expected
    )


def calling(kind, name):
    entry = {"name": "w", "clientConfig": {"service": {"name": name, "namespace": SPACE}}}
    return thing(f"{kind}WebhookConfiguration", "c", webhooks=[entry])


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_webhooks_call_services_that_exist_where_the_control_plane_is_given(kind):
    there = service("affirmed", "s")
    assert messages(services, istiod("affirmed"), there, calling(kind, "s")) == []
    assert messages(services, there, calling(kind, "x")) == []
    assert messages(services, istiod("affirmed"), there, calling(kind, "")) == []
    assert messages(services, istiod("affirmed"), there, calling(kind, "x")) == missing(
        "webhook w", f"Service/{SPACE}/x"
    )


def test_bindings_of_policies_name_policies_that_exist():
    bound = [thing("ValidatingAdmissionPolicyBinding", "b", spec={"policyName": name}) for name in ("p", "x")]
    assert messages(policies, thing("ValidatingAdmissionPolicy", "p"), *bound) == missing(
        "spec/policyName", "ValidatingAdmissionPolicy/x"
    )


@pytest.mark.parametrize(
    ("name", "text", "container", "expected"),
    [
        ("istio", "ingressService: x", "galley", missing("mesh/ingressService", f"Service/{SPACE}/x")),
        ("istio", "ingressService: s", "galley", []),
        ("istio", "ingressControllerMode: 'OFF'\ningressService: x", "galley", []),
        ("istio", "ingressControllerMode: STRICT\ningressService: x", "galley", missing("mesh/ingressService", f"Service/{SPACE}/x")),
        ("istio-other", "ingressService: x", "galley", []),
        ("istio", "ingressService: x", "discovery", []),
        ("istio", "ingressService: ''", "galley", []),
    ],
)  # fmt: skip
def test_the_mesh_configuration_of_1_5_names_a_service_that_exists(name, text, container, expected):
    configuration = config("affirmed", text)
    configuration["metadata"]["name"] = name
    plane = workload("plane", SPACE, {"name": container})
    assert messages(gateways, configuration, plane, service("affirmed", "s")) == expected


@pytest.mark.parametrize("key", ["ISTIO_META_WORKLOAD_NAME", "ISTIO_META_OWNER"])
def test_the_variables_of_a_gateway_name_its_deployment(key):
    for value, expected in (
        ("w", []),
        (f"kubernetes://apis/apps/v1/namespaces/{SPACE}/deployments/w", []),
        ("", []),
        ("x", missing(key, "Deployment/x")),
        ("a/b/x", missing(key, "Deployment/x")),
    ):
        items = workload("w", SPACE, {"name": "istio-proxy", "env": [{"name": key, "value": value}]})
        assert messages(gateways, items) == expected
        assert messages(gateways, {**items, "kind": "DaemonSet"}) == []

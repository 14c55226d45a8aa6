"""The stock names, and the names that they become in a mesh: each entry of the tables, and the functions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import streams

from multimesh.errors import MultimeshError
from multimesh.mesh import names
from multimesh.mesh.kinds import CLUSTER_SCOPED, group_of


@dataclass
class Mesh:
    """The attributes of a profile that names depend on."""

    name: str = "blue"
    namespace: str = "istio-red"
    revisions: tuple[str, ...] = ("1-20-3", "canary")
    keep_names: frozenset[str] = frozenset()
    rename_names: frozenset[str] = frozenset()
    rename_cluster_roles: bool = True
    rename_gateways: bool = True


BLUE = Mesh()

# --- the tables ----------------------------------------------------------------------------------

#: A copy of the tables: an entry that is changed by mistake differs from it.
SUFFIXED = """
ClusterIssuer/letsencrypt
ClusterIssuer/letsencrypt-staging
ClusterRole/certmanager
ClusterRole/istio-policy
ClusterRole/istio-reader
ClusterRole/istiocoredns
ClusterRole/kiali
ClusterRole/kiali-viewer
ClusterRole/prometheus
ClusterRoleBinding/certmanager
ClusterRoleBinding/istio-multi
ClusterRoleBinding/istio-reader
ClusterRoleBinding/kiali
ClusterRoleBinding/kiali-viewer
ClusterRoleBinding/prometheus
ValidatingAdmissionPolicy/stable-channel-default-policy.istio.io
ValidatingAdmissionPolicyBinding/stable-channel-default-policy-binding.istio.io
ValidatingWebhookConfiguration/istiod-default-validator
""".split()
WEBHOOK_CONFIGURATIONS = """
MutatingWebhookConfiguration/istio-sidecar-injector
ValidatingWebhookConfiguration/istio-galley
""".split()
SHARED = """
ClusterRole/istio-cni
ClusterRole/istio-cni-ambient
ClusterRole/istio-cni-repair-role
ClusterRole/istio-cni-repair-rolebinding
ClusterRole/istio-cni-taint-role
ClusterRole/istio-cni-taint-rolebinding
ClusterRole/istio-operator
ClusterRole/ztunnel
ClusterRoleBinding/istio-cni
ClusterRoleBinding/istio-cni-ambient
ClusterRoleBinding/istio-cni-repair-role
ClusterRoleBinding/istio-cni-repair-rolebinding
ClusterRoleBinding/istio-cni-taint-role
ClusterRoleBinding/istio-cni-taint-rolebinding
ClusterRoleBinding/istio-operator
ClusterRoleBinding/ztunnel
Namespace/istio-operator
""".split()


def listed(table: frozenset[tuple[str, str]]) -> list[str]:
    return sorted(f"{kind}/{name}" for kind, name in table)


def test_the_tables_of_cluster_scoped_names_are_these() -> None:
    assert listed(names.SUFFIXED) == SUFFIXED
    assert listed(names.WEBHOOK_CONFIGURATIONS) == WEBHOOK_CONFIGURATIONS
    assert listed(names.SHARED) == SHARED
    assert listed(names.STOCK_NAMES) == sorted(SUFFIXED + WEBHOOK_CONFIGURATIONS)


def test_the_names_of_webhooks_are_these() -> None:
    assert sorted(names.WEBHOOK_ENTRIES) == [
        "mixer.validation.istio.io", "pilot.validation.istio.io", "sidecar-injector.istio.io",
    ]  # fmt: skip
    assert names.INJECTOR_ENTRY == "sidecar-injector.istio.io"
    assert names.MODEL_ENTRIES == (
        "rev.namespace.sidecar-injector.istio.io",
        "namespace.sidecar-injector.istio.io",
        "sidecar-injector.istio.io",
    )


def test_the_labels_and_other_words_are_these() -> None:
    assert names.MESH_LABEL == "multimesh.dev/mesh"
    assert names.INJECTION_LABEL == "istio-injection"
    assert names.REVISION_LABEL == "istio.io/rev"
    assert names.TAG_LABEL == "istio.io/tag"
    assert names.GRANTED == {"podsecuritypolicies": "PodSecurityPolicy"}
    assert names.GATEWAYS == ("istio-ingressgateway", "istio-egressgateway", "istio-ilbgateway")
    assert names.GATEWAY_KINDS == (
        "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "Secret", "Service",
        "ServiceAccount",
    )  # fmt: skip
    assert sorted(names.KUBERNETES_ROLES) == ["admin", "cluster-admin", "edit", "view"]
    assert names.SDS_PATH == "/var/run/sds"


@streams.over("stream", streams.streams())
def test_every_cluster_scoped_name_of_a_chart_is_known(stream: streams.Stream) -> None:
    """It is in a table, or it already belongs to the mesh that the chart was rendered for."""
    mesh = Mesh(name=stream.mesh, namespace=f"istio-{stream.mesh}", revisions=(stream.mesh,))
    unknown = []
    for found in stream.objects():
        if (group_of(found["apiVersion"]), found["kind"]) not in CLUSTER_SCOPED:
            continue
        key = found["kind"], found["metadata"]["name"]
        if names.is_never_renamed(key[0]) or key in names.STOCK_NAMES | names.SHARED or names.is_own(key[1], mesh):
            continue
        unknown.append("/".join(key))
    assert [name for name in unknown if not name.startswith("MeshPolicy/")] == []


# --- properties of a name ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("kiali-istio-red", True), ("kiali-blue", True), ("istio-red-galley", True), ("istiod-1-20-3", True),
        ("istiod-1-20-3-x", True), ("canary-x", True), ("x-canary", True), ("canary", True),
        ("istio-red", False), ("blue", False), ("blue-kiali", False), ("kialiblue", False), ("xistio-red-galley", False),
        ("istiod-1-20-30", False), ("xcanary", False), ("canaryx", False), ("kiali", False),
    ],
)  # fmt: skip
def test_a_name_is_own_by_namespace_mesh_or_revision(name: str, own: bool) -> None:
    assert names.is_own(name, BLUE) is own


@pytest.mark.parametrize(
    ("name", "known"),
    [("admin", True), ("view", True), ("system:node", True), ("system", False), ("x-system:", False), ("a", False)],
)
def test_roles_of_kubernetes_are_known(name: str, known: bool) -> None:
    assert names.is_kubernetes(name) is known


@pytest.mark.parametrize(
    ("kind", "never"),
    [
        ("Namespace", True), ("CustomResourceDefinition", True), ("PriorityClass", True), ("IngressClass", True),
        ("ClusterTrustBundle", True), ("Node", True), ("APIService", True), ("PersistentVolume", False),
        ("ClusterRole", False), ("ClassX", False), ("Namespaces", False),
    ],
)  # fmt: skip
def test_kinds_that_belong_to_the_cluster_are_never_renamed(kind: str, never: bool) -> None:
    assert names.is_never_renamed(kind) is never


def test_a_name_is_kept_by_name_or_by_kind() -> None:
    mesh = Mesh(keep_names=frozenset(("ClusterRole/kiali", "Widget/*")))
    asked = [
        ("ClusterRole", "kiali"),
        ("Widget", "a"),
        ("ClusterRole", "kiali-viewer"),
        ("ClusterRoleBinding", "kiali"),
    ]
    assert [names.is_kept(kind, name, mesh) for kind, name in asked] == [True, True, False, False]


# --- cluster-scoped names ------------------------------------------------------------------------


@pytest.mark.parametrize("key", SUFFIXED)
def test_a_name_of_the_table_gets_the_suffix(key: str) -> None:
    kind, _, name = key.partition("/")
    assert names.cluster_scoped_name(kind, name, BLUE) == f"{name}-blue"
    assert names.cluster_scoped_name("ConfigMap", name, BLUE) == name
    assert names.is_renamed(kind, name, BLUE)
    assert names.is_renamed(kind, f"{name}-blue", BLUE)
    assert not names.is_renamed(kind, f"{name}-red", BLUE)
    assert not names.is_renamed("ConfigMap", f"{name}-blue", BLUE)


@pytest.mark.parametrize("key", WEBHOOK_CONFIGURATIONS)
def test_a_webhook_configuration_of_istio_1_5_begins_with_the_namespace(key: str) -> None:
    kind, _, name = key.partition("/")
    new = f"istio-red{name.removeprefix('istio')}"
    assert names.cluster_scoped_name(kind, name, BLUE) == new
    assert names.cluster_scoped_name(kind, new, BLUE) == new
    assert names.is_renamed(kind, name, BLUE)
    assert names.is_renamed(kind, new, BLUE)
    assert not names.is_renamed("ConfigMap", new, BLUE)
    assert not names.is_renamed(kind, f"{new}x", BLUE)


def test_the_functions_for_both_configurations_say_the_same() -> None:
    assert names.injector_configuration(BLUE) == "istio-red-sidecar-injector"
    assert names.galley_configuration(BLUE) == "istio-red-galley"


@pytest.mark.parametrize("key", SHARED)
def test_a_shared_name_stays(key: str) -> None:
    kind, _, name = key.partition("/")
    assert names.cluster_scoped_name(kind, name, BLUE) == name
    assert not names.is_renamed(kind, name, BLUE)


def test_only_exact_names_change() -> None:
    for name in ("kiali-blue", "xkiali", "kiali2", "my-kiali", ""):
        assert names.cluster_scoped_name("ClusterRole", name, BLUE) == name


def test_a_kept_name_stays_whatever_else_knows_it() -> None:
    keys = ("ClusterRole/kiali", "ClusterRole/auditor", "ValidatingWebhookConfiguration/istio-galley")
    mesh = Mesh(keep_names=frozenset(keys), rename_names=frozenset(keys))
    for key in keys:
        kind, _, name = key.partition("/")
        assert names.cluster_scoped_name(kind, name, mesh) == name


def test_cluster_roles_stay_where_the_profile_says_so() -> None:
    mesh = Mesh(rename_cluster_roles=False)
    assert names.cluster_scoped_name("ClusterRole", "kiali", mesh) == "kiali"
    assert names.cluster_scoped_name("ClusterRoleBinding", "kiali", mesh) == "kiali-blue"
    # The name is in a table nevertheless.
    assert names.is_renamed("ClusterRole", "kiali", mesh)


def test_a_name_of_the_profile_gets_the_suffix() -> None:
    mesh = Mesh(rename_names=frozenset(("ClusterRole/auditor",)), rename_cluster_roles=False)
    assert names.cluster_scoped_name("ClusterRole", "auditor", mesh) == "auditor-blue"
    assert names.is_renamed("ClusterRole", "auditor", mesh)
    assert names.is_renamed("ClusterRole", "auditor-blue", mesh)
    assert not names.is_renamed("ClusterRoleBinding", "auditor-blue", mesh)
    assert not names.is_renamed("ClusterRole", "other-blue", mesh)


def refused(kind: str, name: str, mesh: Mesh) -> str:
    with pytest.raises(MultimeshError) as error:
        names.cluster_scoped_name(kind, name, mesh)
    assert (error.value.where, error.value.rule) == ("", "")
    assert error.value.hint == "Choose a shorter mesh name or namespace."
    return error.value.what


def test_a_name_that_grows_too_long_is_refused() -> None:
    longest, longer = "x" * 248, "x" * 249
    mesh = Mesh(rename_names=frozenset((f"ClusterRole/{longest}", f"ClusterRole/{longer}")))
    assert len(names.cluster_scoped_name("ClusterRole", longest, mesh)) == 253
    assert refused("ClusterRole", longer, mesh) == f'the name "{longer}-blue" has 254 characters; 253 are allowed'


def test_galley_limits_its_name_to_that_of_a_label() -> None:
    kind = "ValidatingWebhookConfiguration"
    assert len(names.cluster_scoped_name(kind, "istio-galley", Mesh(namespace="x" * 56))) == 63
    assert "has 64 characters; 63 are allowed" in refused(kind, "istio-galley", Mesh(namespace="x" * 57))
    injector = Mesh(namespace="x" * 57)
    assert names.injector_configuration(injector) == f"{'x' * 57}-sidecar-injector"
    long = Mesh(namespace="x" * 300)
    assert "253 are allowed" in refused("MutatingWebhookConfiguration", "istio-sidecar-injector", long)
    stock = Mesh(name="y" * 250)
    assert "253 are allowed" in refused("ClusterRole", "kiali", stock)


# --- webhooks, paths -----------------------------------------------------------------------------


def test_webhooks_of_istio_1_5_get_the_prefix() -> None:
    for name in names.WEBHOOK_ENTRIES:
        assert names.webhook_entry(name, BLUE) == f"blue-{name}"
        assert names.webhook_entry(f"blue-{name}", BLUE) == f"blue-{name}"
    assert names.webhook_entry("rev.validation.istio.io", BLUE) == "rev.validation.istio.io"


def test_the_injecting_webhook_ends_as_istiod_wants_it() -> None:
    assert names.injection_entry(BLUE) == "blue.namespace.sidecar-injector.istio.io"


def test_the_directory_of_secrets_gets_the_suffix() -> None:
    assert names.sds_path(BLUE) == "/var/run/sds-blue"


# --- gateways ------------------------------------------------------------------------------------

#: Every name that contains a gateway's, by its form.
FAMILY = (
    "{}", "{}-service-account", "istio.{}-service-account", "{}-certs", "{}-ca-certs", "{}-sds",
)  # fmt: skip


@pytest.mark.parametrize("form", FAMILY)
@pytest.mark.parametrize("stock", names.GATEWAYS)
def test_a_gateway_and_what_is_named_after_it_begin_with_the_namespace(stock: str, form: str) -> None:
    new = stock.replace("istio-", "istio-red-")
    assert names.gateway(stock, BLUE) == new
    assert names.gateway_family(form.format(stock), BLUE) == form.format(new)
    assert names.gateway_family(form.format(new), BLUE) == form.format(new)


def test_names_that_look_like_a_gateway_stay() -> None:
    for name in ("istio-ingressgateway-x", "my-istio-ingressgateway", "istio-certs", "-certs", "", "istio."):
        assert names.gateway(name, BLUE) == name
        assert names.gateway_family(name, BLUE) == name
    assert names.gateway("istio-ingressgateway-certs", BLUE) == "istio-ingressgateway-certs"
    assert names.gateway_family("istio.istio-ingressgateway", BLUE) == "istio.istio-ingressgateway"


def test_gateways_stay_where_the_profile_says_so() -> None:
    mesh = Mesh(rename_gateways=False)
    for form in FAMILY:
        assert names.gateway_family(form.format("istio-egressgateway"), mesh) == form.format("istio-egressgateway")


@pytest.mark.parametrize("form", FAMILY)
@pytest.mark.parametrize("kind", names.GATEWAY_KINDS)
def test_one_kept_name_keeps_the_whole_gateway(kind: str, form: str) -> None:
    for entry in (f"{kind}/{form.format('istio-ingressgateway')}", f"{kind}/*"):
        mesh = Mesh(keep_names=frozenset((entry,)))
        assert names.gateway("istio-ingressgateway", mesh) == "istio-ingressgateway"
    mesh = Mesh(keep_names=frozenset((f"{kind}/{form.format('istio-ingressgateway')}",)))
    assert names.gateway("istio-egressgateway", mesh) == "istio-red-egressgateway"


def test_a_kept_name_of_something_else_keeps_no_gateway() -> None:
    mesh = Mesh(keep_names=frozenset(("ClusterRole/istio-ingressgateway", "Service/istio-ingressgateway-x")))
    assert names.gateway("istio-ingressgateway", mesh) == "istio-red-ingressgateway"


def test_a_gateway_is_a_service_so_its_name_is_short() -> None:
    assert len(names.gateway("istio-ingressgateway", Mesh(namespace="x" * 48))) == 63
    for function in (names.gateway, names.gateway_family):
        with pytest.raises(MultimeshError, match="has 64 characters; 63 are allowed"):
            function("istio-ingressgateway", Mesh(namespace="x" * 49))
    # Names that contain it may be longer.
    long = names.gateway_family("istio-ingressgateway-service-account", Mesh(namespace="x" * 48))
    assert len(long) == 63 + len("-service-account")


# --- names that rules recognise ------------------------------------------------------------------

NAMED_AFTER_CHART = (
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment", "NetworkAttachmentDefinition",
    "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "Service", "ServiceAccount",
)  # fmt: skip


@pytest.mark.parametrize("chart", ["istio-cni", "ztunnel", "istio-operator"])
def test_objects_of_a_chart_that_a_cluster_has_once_are_named_after_it(chart: str) -> None:
    for kind in NAMED_AFTER_CHART:
        assert [names.chart_of_name(kind, f"{chart}{end}") for end in ("", "-x", "x")] == [chart, chart, ""]
    assert names.chart_of_name("Namespace", chart) == (chart if chart == "istio-operator" else "")
    for kind in ("Secret", "Job", "PodDisruptionBudget", "CustomResourceDefinition"):
        assert names.chart_of_name(kind, chart) == ""


@pytest.mark.parametrize(
    ("key", "chart"),
    [
        ("Job/istio-init-crd-10-1.5.0", "istio-init"), ("ConfigMap/istio-crd-10", "istio-init"),
        ("ConfigMap/istio-init-crd-10", ""), ("Job/istio-crd-10", ""), ("ServiceAccount/istio-init-x", ""),
        ("ConfigMap/istio", ""), ("Deployment/istiod", ""),
    ],
)  # fmt: skip
def test_jobs_and_config_maps_of_istio_init_are_known(key: str, chart: str) -> None:
    kind, _, name = key.partition("/")
    assert names.chart_of_name(kind, name) == chart


@pytest.mark.parametrize(
    ("key", "stock"),
    [
        *((key, key.partition("/")[2]) for key in (*SUFFIXED, *WEBHOOK_CONFIGURATIONS)),
        ("ClusterRole/cluster-admin", "cluster-admin"), ("ClusterRoleBinding/system:node", "system:node"),
        ("Role/admin", ""), ("Service/istiod", "istiod"), ("Service/istiod-blue", "istiod"),
        ("ServiceAccount/istio-citadel", "istio-citadel"), ("Secret/istio-ca-secret", "istio-ca-secret"),
        ("ConfigMap/istiod", ""), ("DaemonSet/istiod", ""), ("Service/kiali", ""),
        *((f"ConfigMap/{name}{end}", name if end != "x" else "") for end in ("", "-x", "x") for name in (
            "istio-galley-configuration", "istio-grafana-configuration-dashboards", "istio-grafana-custom-resources",
            "istio-security-custom-resources", "istio-sidecar-injector",
        )),
        ("DaemonSet/istio-cni-node", "istio-cni"), ("Job/istio-init-x", "istio-init"), ("Deployment/x", ""),
    ],
)  # fmt: skip
def test_a_name_meets_a_stock_name_by_which_a_rule_would_recognise_it(key: str, stock: str) -> None:
    kind, _, name = key.partition("/")
    assert names.met_stock_name(kind, name) == stock


def test_services_and_accounts_of_control_planes_are_known() -> None:
    for name in (
        "istio", "istio-ca-secret", "istio-citadel", "istio-galley", "istio-pilot", "istio-policy",
        "istio-sidecar-injector", "istio-telemetry", "istiod", "istiod-1-20-3",
    ):  # fmt: skip
        assert names.is_control_plane(name)
        assert not names.is_control_plane(f"x{name}")


@pytest.mark.parametrize(
    ("key", "renamed"),
    [
        ("ClusterRole/kiali", True), ("ClusterRole/kiali-blue", True), ("ClusterRole/kiali-red", False),
        ("ClusterRole/kiali-blue-blue", False), ("Role/kiali-blue", False),
        ("ClusterRole/x", True), ("ClusterRole/x-blue", True), ("ClusterRoleBinding/x", False),
        ("ClusterRole/y-blue", False), ("ValidatingWebhookConfiguration/istio-galley", True),
        ("ValidatingWebhookConfiguration/istio-red-galley", True), ("ConfigMap/istio-red-galley", False),
        ("MutatingWebhookConfiguration/istio-red-sidecar-injector", True),
        ("MutatingWebhookConfiguration/istio-red-galley", False),
    ],
)  # fmt: skip
def test_a_name_is_renamed_if_it_changes_or_is_what_one_changes_to(key: str, renamed: bool) -> None:
    kind, _, name = key.partition("/")
    assert names.is_renamed(kind, name, Mesh(rename_names=frozenset(("ClusterRole/x",)))) is renamed


def test_the_names_that_are_made_say_what_of_the_profile_they_depend_on() -> None:
    made = names.made_names(Mesh(rename_names=frozenset(("ClusterRole/x", "ClusterRole/kiali"))))
    assert made[:2] == [
        ("1-20-3", "ConfigMap", "istio", "istio-1-20-3"),
        ("canary", "ConfigMap", "istio", "istio-canary"),
    ]
    assert ("name", "ClusterRole", "kiali", "kiali-blue") in made
    assert ("renameNames", "ClusterRole", "x", "x-blue") in made
    assert ("namespace", "ValidatingWebhookConfiguration", "istio-galley", "istio-red-galley") in made
    gateways = [(stock, kind) for part, kind, stock, _ in made if part == "gateways"]
    assert gateways == [
        (stock, kind)
        for stock in ("istio-ingressgateway", "istio-egressgateway", "istio-ilbgateway")
        for kind in (
            "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "Secret", "Service",
            "ServiceAccount",
        )
    ]  # fmt: skip
    assert len(made) == 2 + len(SUFFIXED) + len(WEBHOOK_CONFIGURATIONS) + 2 + len(gateways)


def test_names_that_do_not_change_or_are_too_long_are_not_made() -> None:
    kept = Mesh(revisions=(), rename_gateways=False, keep_names=frozenset(("ClusterRole/*",)))
    made = names.made_names(kept)
    assert {kind for _, kind, _, _ in made} == {
        key.partition("/")[0] for key in (*SUFFIXED, *WEBHOOK_CONFIGURATIONS)
    } - {"ClusterRole"}
    long = names.made_names(Mesh(namespace="x" * 60, revisions=()))
    assert {"istio-sidecar-injector", "istiod-default-validator"} <= {stock for _, _, stock, _ in long}
    assert not {part for part, *_ in long} & {"gateways"}
    assert "istio-galley" not in {stock for _, _, stock, _ in long}


# --- occurrences in a text -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kiali", [0]), (" kiali ", [1]), ("kiali kiali", [0, 6]), ("kialikiali", []), ("kiali.kiali", [0, 6]),
        ("a-kiali", []), ("akiali", []), ("9kiali", []), ("kiali-a", []), ("kialia", []), ("kiali0", []),
        ("Akiali", [1]), ("kialiA", [0]), ("_kiali_", [1]), ("kiali-.*", [0]), ('kiali-.*"', [0]), ("kiali-.*|a", [0]), ("kiali-.", []), ("kiali-*", []),
        (r"\nkiali", [2]), (r"\\nkiali", []), (r"\\\nkiali", [4]), (r"\tkiali", [2]), (r"\xkiali", []),
        (r"\akiali", [2]), (r"\bkiali", [2]), (r"\fkiali", [2]), (r"\rkiali", [2]), (r"\vkiali", [2]), (r"\0kiali", []),
        (r"\-kiali", []), ("nkiali", []), ("nkiali \\", []), ("", []), ("kial", []), ("akiali kiali", [7]),
    ],
)  # fmt: skip
def test_a_name_occurs_as_a_whole(text: str, found: list[int]) -> None:
    assert names.occurrences(text, "kiali") == found

"""The rule mesh-config: the mesh configuration has the root namespace of the mesh, and does not contradict its profile."""

from __future__ import annotations

import pytest
from rule_cases import NS, paths, refusal, rendered, rendering, stays, unknown_shape

CONFIG_MAP = """\
apiVersion: v1
kind: {kind}
metadata:
  name: {name}
data:
  {key}: |-
{lines}"""

SELECTED = "discoverySelectors:\n- matchLabels:\n    multimesh.dev/mesh: affirmed\n"

JSON = '{{"global": {{"istioNamespace": {namespace}, "hub": "a"}}, "revision": {revision}}}\n'
YAML = "global:\n  istioNamespace: {namespace}\nrevision: {revision}\n"


def config_map(text: str, name: str = "istio", key: str = "mesh", kind: str = "ConfigMap") -> str:
    """Write a ConfigMap with this text at a key."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return CONFIG_MAP.format(kind=kind, name=name, key=key, lines=lines)


def injector(text: str, name: str = "istio-sidecar-injector-affirmed") -> str:
    """Write the ConfigMap of an injector with these values."""
    return config_map(text, name, "values")


# Changes to what is made for Gateways.


def of_class(name: str, label: str = "gateway.istio.io/defaults-for-class") -> str:
    """Write the ConfigMap that charts since 1.26 make of gatewayClasses."""
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
        f'  name: istio-affirmed-gatewayclass-{name}\n  namespace: {NS}\n  labels:\n    {label}: "{name}"\n'
        "data:\n  service: |\n    spec:\n      type: ClusterIP\n"
    )


def test_changes_to_gateways_of_the_stock_class_are_noticed():
    """They have no effect on the class of this mesh; the text stays as it is."""
    (notice,) = rendering(of_class("istio")).notices
    assert (notice["id"], notice["severity"]) == ("gateway-class", "warning")
    assert notice["message"] == (
        f"ConfigMap/{NS}/istio-affirmed-gatewayclass-istio changes Gateways of the class istio, not istio-affirmed"
    )
    assert "gatewayClasses.istio-affirmed instead of gatewayClasses.istio" in str(notice["remedy"])
    assert stays(of_class("istio"))


@pytest.mark.parametrize(
    "manifest", [of_class("istio-affirmed"), of_class("istio-waypoint"), of_class("istio", "app.kubernetes.io/name")]
)
def test_changes_to_gateways_of_other_classes_are_not(manifest: str):
    """Those of this mesh, and the constant ones, which every mesh serves."""
    assert rendering(manifest).notices == []


def test_labels_of_another_shape_are_left_to_kubernetes():
    """Also where the rule reads the object for another word: when the result is rendered again, such as the mesh's."""
    manifest = of_class("istio", "app").replace('"istio"', "{a: b}").replace("service:", "mesh: ''\n  service:")
    assert stays(manifest)


# The root namespace.


@pytest.mark.parametrize("name", ["istio", "istio-affirmed", "istio-sidecar-injector"])
@pytest.mark.parametrize("value", [" null", " ~", "", " istio-system", ' "istio-system"', " ''"])
def test_the_root_namespace_becomes_that_of_the_mesh(name: str, value: str):
    """In the ConfigMap of every revision: empty, and the namespace that the stock charts write."""
    changed = rendered(config_map(f"rootNamespace:{value}\nother: a", name))
    assert changed.replace('"', "").replace("'", "") == config_map(f"rootNamespace: {NS}\nother: a", name)
    assert paths(config_map(f"rootNamespace:{value}\n", name)) == ["data/mesh/rootNamespace"]


def test_an_absent_root_namespace_is_added():
    """Istio would take istio-system."""
    changed = rendered(config_map("other: a"))
    assert sorted(changed.splitlines()) == sorted(config_map(f"rootNamespace: {NS}\nother: a").splitlines())


def test_the_root_namespace_of_the_mesh_stays():
    """So a rewritten configuration stays as it is."""
    assert stays(config_map(f"rootNamespace: {NS}"))


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [("mesh", "ConfigMap", "mesh"), ("istiod", "ConfigMap", "mesh"), ("istio", "ConfigMap", "meshNetworks"),
     ("istio-affirmed", "Secret", "mesh")],
)  # fmt: skip
def test_another_object_stays(name: str, kind: str, key: str):
    """No control plane reads its mesh configuration there."""
    assert stays(config_map("rootNamespace: istio-system", name, key, kind))


EMPTY = ["# mesh\n", "null\n", "---\n", "\n", ""]


@pytest.mark.parametrize("name", ["istio", "istio-affirmed"])
@pytest.mark.parametrize(
    "manifest",
    [
        *[config_map(text) for text in EMPTY],
        *[
            CONFIG_MAP.format(kind="ConfigMap", name="istio", key="mesh", lines="").replace(" |-", value)
            for value in ("", " ~", ' ""', " ''")
        ],
    ],
)
def test_an_empty_configuration_is_refused(manifest: str, name: str):
    """With the defaults of a control plane the root namespace is istio-system (istio 1.30.3, pkg/config/mesh/mesh.go)."""
    assert refusal(manifest.replace("name: istio", f"name: {name}")) == (
        f'multimesh: <stdin>:1: ConfigMap/{name}: data/mesh is empty, so the root namespace is "istio-system", '
        f'and not "{NS}" [mesh-config]\n'
        f"  Render the chart with --set meshConfig.rootNamespace={NS}."
    )


def test_a_config_map_without_a_configuration_stays():
    """No control plane starts with it."""
    assert stays("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\ndata:\n  other: ''\n")
    assert stays("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n")
    assert stays(config_map("", "other"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("root_namespace: istio-system", "rootNamespace"),
        ("rootNamespace: istio-affirmed\nroot_namespace: istio-system", "rootNamespace"),
        ("discovery_selectors: [{matchLabels: {a: b}}]", "discoverySelectors"),
        ("ingress_service: istio-ingressgateway", "ingressService"),
    ],
)
def test_the_other_spelling_of_a_key_is_refused(text: str, key: str):
    """A control plane reads both. What no rule reads may have any spelling."""
    other = text.split("\n")[-1].partition(":")[0]
    assert refusal(config_map(text)) == (
        f'multimesh: <stdin>:1: ConfigMap/istio: data/mesh has the key "{other}", which control planes read, '
        f"and no rule does [mesh-config]\n  Write {key} instead."
    )
    assert stays(config_map(f"rootNamespace: {NS}\nenable_tracing: true\ndefaultConfig: {{root_namespace: x}}"))


def test_another_root_namespace_is_refused():
    """Its EnvoyFilters would reach this mesh."""
    assert refusal(config_map("rootNamespace: red")) == (
        f'multimesh: <stdin>:1: ConfigMap/istio: data/mesh/rootNamespace is "red", '
        f'but mesh affirmed has the root namespace "{NS}" [mesh-config]\n'
        f"  Render the chart with --set meshConfig.rootNamespace={NS} and --set global.istioNamespace={NS}."
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- rootNamespace: istio-system", "data/mesh is not a mapping"),
        ("rootNamespace", "data/mesh is not a mapping"),
        ("rootNamespace: [red]", "data/mesh/rootNamespace is not text"),
        ("discoverySelectors: {}", "data/mesh/discoverySelectors is not a list"),
        ("discoverySelectors: [red]", "data/mesh/discoverySelectors is not a label selector"),
    ],
)
def test_another_shape_is_refused(text: str, what: str):
    """Nobody knows what the control plane would make of it."""
    assert refusal(config_map(text)) == unknown_shape("1: ConfigMap/istio", what, "mesh-config")


# discoverySelectors.

LEFT_OUT = (
    "multimesh: <stdin>:1: ConfigMap/istio: data/mesh/discoverySelectors leave out the namespaces of mesh affirmed "
    "[mesh-config]\n  Render the chart with --set-json 'meshConfig.discoverySelectors="
    """[{"matchLabels":{"multimesh.dev/mesh":"affirmed"}}]' ('multimesh values' writes it)."""
)


@pytest.mark.parametrize(
    "selectors",
    [
        SELECTED,
        "discoverySelectors:\n- null\n- matchLabels: {team: a}\n" + SELECTED.partition("\n")[2],
        "discoverySelectors: [{matchExpressions: [{key: multimesh.dev/mesh, operator: In, values: [a, affirmed]}]}]",
        "discoverySelectors: [{}]",
        "discoverySelectors: null",
        "discoverySelectors: []",
    ],
    ids=["the label", "one of several", "an expression", "all", "none", "an empty list"],
)
def test_selectors_that_match_the_namespaces_of_the_mesh_stay(selectors: str):
    """One of them must match the label that all these namespaces have; without any, Istio discovers all namespaces."""
    assert stays(config_map(f"rootNamespace: {NS}\n{selectors}"))


@pytest.mark.parametrize(
    "selector", ["matchLabels: {multimesh.dev/mesh: blue}", "matchLabels: {istio-discovery: enabled}", "null"]
)
def test_selectors_that_leave_out_the_mesh_are_refused(selector: str):
    """The control plane would not see its own namespaces. A null selects nothing."""
    assert refusal(config_map(f"rootNamespace: {NS}\ndiscoverySelectors:\n- {selector}")) == LEFT_OUT


def test_selectors_are_read_where_the_root_namespace_is_rewritten():
    """Each of the three ways."""
    for root in ("", "rootNamespace: null\n", "rootNamespace: istio-system\n"):
        assert refusal(config_map(f"{root}discoverySelectors: [{{matchLabels: {{a: b}}}}]")) == LEFT_OUT


# The injector's values.


@pytest.mark.parametrize("form", [JSON, YAML], ids=["JSON", "YAML"])
@pytest.mark.parametrize(
    ("namespace", "revision"),
    [(NS, "affirmed"), (NS, "canary"), ("null", "affirmed")],
)
def test_values_of_this_mesh_stay(form: str, namespace: str, revision: str):
    """Those of a canary revision too; null means the release namespace."""
    namespace = namespace if namespace == "null" else f'"{namespace}"'
    text = injector(form.format(namespace=namespace, revision=f'"{revision}"'))
    assert stays(text, canaryRevisions=["canary"])


@pytest.mark.parametrize(
    "text",
    ['{"revision": "affirmed"}', '{"revision": "affirmed", "global": {}}', "revision: affirmed\nglobal: null",
     "revision: affirmed", '{"revision": "affirmed", "global": null}'],
)  # fmt: skip
def test_values_without_a_namespace_stay(text: str):
    """The chart then takes the release namespace."""
    assert stays(injector(text))


@pytest.mark.parametrize(
    "text",
    ['{"global": {"istioNamespace": "red", "revision": "red"}}', "global: {istioNamespace: red, revision: red}", "{}",
     '{"a": 1}', "# none", "[revision]", "revision"],
)  # fmt: skip
def test_values_without_a_revision_stay(text: str):
    """Those of Istio 1.5 have none, and their namespace is the concern of the rule namespaces."""
    assert stays(injector(text))


OTHER_REVISION = (
    "multimesh: <stdin>:1: ConfigMap/istio-sidecar-injector-affirmed: "
    'data/values has revision "{}", but mesh affirmed has affirmed, canary [mesh-config]\n'
    "  Render the chart with --set revision=affirmed."
)


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        (JSON.format(namespace="null", revision='"red"'), "red"),
        (JSON.format(namespace="null", revision='""'), ""),
        (JSON.format(namespace="null", revision="null"), "null"),
        (JSON.format(namespace="null", revision='"\\u0072ed"'), "red"),
        ('{"revision": red, "a": "b"}', "red"),
        ('{"revision": "redX"}', "redX"),
        ('{"\\u0072evision": "red"}', "red"),
        (YAML.format(namespace="null", revision="red"), "red"),
        (YAML.format(namespace="null", revision=""), "null"),
    ],
    ids=["JSON", "empty", "null", "escape in JSON", "flow", "capital letter", "escape in the key", "YAML", "empty in YAML"],
)  # fmt: skip
def test_another_revision_is_refused(text: str, revision: str):
    """However the values are written."""
    assert refusal(injector(text), canaryRevisions=["canary"]) == OTHER_REVISION.format(revision)


@pytest.mark.parametrize("form", [JSON, YAML], ids=["JSON", "YAML"])
def test_another_namespace_is_refused(form: str):
    """The injected proxies would look for their control plane there."""
    assert refusal(injector(form.format(namespace='"red"', revision='"affirmed"'))) == (
        "multimesh: <stdin>:1: ConfigMap/istio-sidecar-injector-affirmed: "
        f'data/values has global.istioNamespace "red", but the control plane of mesh affirmed is in "{NS}" '
        f"[mesh-config]\n  Render the chart with --set global.istioNamespace={NS}."
    )


def test_values_that_are_not_text_are_refused():
    """The message names the field."""
    assert refusal(injector("revision: [red]")) == unknown_shape(
        "1: ConfigMap/istio-sidecar-injector-affirmed", "data/values/revision is not text", "mesh-config"
    )
    assert refusal(injector("revision: affirmed\nglobal: {istioNamespace: []}")) == unknown_shape(
        "1: ConfigMap/istio-sidecar-injector-affirmed", "data/values/global/istioNamespace is not text", "mesh-config"
    )


def test_the_first_document_of_values_counts():
    """Go reads no further."""
    assert stays(injector("revision: affirmed\n---\nrevision: red"))


def test_values_elsewhere_stay():
    """Only an injector's values say which control plane a proxy belongs to."""
    assert stays(injector("revision: red", "istio-affirmed"))
    assert stays(config_map("revision: red", "istio-sidecar-injector", "config"))


def test_labels_of_another_shape_do_not_matter_after_an_escape_that_the_rule_wrote():
    """A text in single quotes becomes one in double quotes, and a result must be accepted again."""
    manifest = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {a: b}\n  <<: {name: istio, labels: {a: c}}\n"
        "data:\n  mesh: 'trustDomain: a'\n"
    )
    found = rendered(manifest)
    assert f'mesh: "trustDomain: a\\nrootNamespace: {NS}"' in found
    assert rendered(found) == found

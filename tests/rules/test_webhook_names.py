"""The rule webhook-names: webhooks of Istio 1.5 have a name of their own, and so has everything that names them."""

from __future__ import annotations

import pytest
import yaml
from rule_cases import END, objects, reasons, refusal, rendered, stays

HOOKS = "admissionregistration.k8s.io/v1beta1"
RENAMED = {"istio-sidecar-injector": "istio-affirmed-sidecar-injector", "istio-galley": "istio-affirmed-galley"}
ANOTHER_MESH = (
    ": this stream has been rewritten for another mesh [webhook-names]\n"
    "  Render the stock chart again, and pipe it through one profile only."
)
SELECTOR = "namespaceSelector: {matchLabels: {istio-injection: enabled-affirmed}}"
UNKNOWN = ", which no rule knows [webhook-names]"


def configuration(kind: str, name: str, *entries: str, **labels: str) -> str:
    """Return a webhook configuration as the charts of Istio 1.5 write it."""
    return (
        f"apiVersion: {HOOKS}\nkind: {kind}\nmetadata:\n  name: {name}\n  labels: {yaml.safe_dump(labels, default_flow_style=True)}"
        "webhooks:\n" + "".join(f"- name: {entry}\n  {SELECTOR}\n" for entry in entries)
    )


def names(manifest: str) -> list[str]:
    """Return the name of the only configuration, rendered, and those of its entries."""
    (found,) = objects(f"---\n{manifest}")
    return [found["metadata"]["name"], *(entry["name"] for entry in found["webhooks"])]


def deployment(name: str, container: str, *fields: str, kind: str = "Deployment") -> str:
    """Return a workload whose second container has this name and these fields."""
    lines = "".join(f"        {field}\n" for field in fields)
    return (
        f"---\napiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
        f"      containers:\n      - name: other\n      - name: {container}\n{lines}"
    )


def container(manifest: str, **options: object) -> dict:
    """Return the second container of the only object, rendered."""
    (found,) = objects(manifest, **options)
    return found["spec"]["template"]["spec"]["containers"][1]


# Entries.


def test_entries_of_the_injector_get_the_prefix_of_the_mesh():
    """Only those that the chart of Istio 1.5 has; the rule cluster-scoped-names renames the configuration."""
    manifest = configuration(
        "MutatingWebhookConfiguration", "istio-sidecar-injector", "sidecar-injector.istio.io", "other.example.com"
    )
    assert names(manifest) == [
        "istio-affirmed-sidecar-injector", "affirmed-sidecar-injector.istio.io", "other.example.com"
    ]  # fmt: skip
    assert ("webhook-names", "webhooks/0/name") in reasons(f"---\n{manifest}")


def test_entries_of_galley_get_the_prefix_of_the_mesh():
    """Only those that the chart of Istio 1.5 has; the rule cluster-scoped-names renames the configuration."""
    manifest = configuration(
        "ValidatingWebhookConfiguration",
        "istio-galley",
        "pilot.validation.istio.io",
        "mixer.validation.istio.io",
        "a.b",
    )
    assert names(manifest) == [
        "istio-affirmed-galley", "affirmed-pilot.validation.istio.io", "affirmed-mixer.validation.istio.io", "a.b"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("MutatingWebhookConfiguration", "sidecar-injector.istio.io"),
        ("ValidatingWebhookConfiguration", "pilot.validation.istio.io"),
    ],
)
def test_entries_of_other_configurations_stay(kind: str, entry: str) -> None:
    """Control planes from 1.6 on find theirs by name, in configurations of other names or with a revision."""
    assert names(configuration(kind, "any-affirmed", entry)) == ["any-affirmed", entry]


def test_entries_of_a_revision_stay():
    """The label of a revision shows that the configuration is of a later version."""
    manifest = configuration(
        "MutatingWebhookConfiguration", "istio-sidecar-injector", "sidecar-injector.istio.io",
        **{"istio.io/rev": "affirmed"},
    )  # fmt: skip
    assert "sidecar-injector.istio.io" in names(manifest)


# Flags and variables.


@pytest.mark.parametrize("flag", [(), ("--webhook-name=istio-galley",), ("--webhook-name", "istio-galley")], ids=str)
def test_galley_gets_the_name_of_its_configuration(flag: tuple[str, ...]) -> None:
    """In the list with its subcommand, whether the flag is there or not, and in both forms."""
    words = ["/usr/local/bin/galley", "server", *flag, "--meshConfigFile=/etc/mesh-config/mesh"]
    found = container(deployment("istio-galley", "galley", f"command: {words}".replace("'", '"')))
    if not flag:
        assert found["command"] == [*words, "--webhook-name=istio-affirmed-galley"]
    else:
        assert found["command"] == [word.replace("istio-galley", "istio-affirmed-galley") for word in words]


def test_an_empty_name_is_replaced():
    """Galley would take the stock one."""
    found = container(deployment("istio-galley", "galley", 'command: [galley, server, "--webhook-name="]'))
    assert found["command"][2:] == ["--webhook-name=istio-affirmed-galley"]


STOCK_FLAGS = ("--webhookName=sidecar-injector.istio.io", "--webhookConfigName=istio-sidecar-injector")
OUR_FLAGS = ("--webhookName=affirmed-sidecar-injector.istio.io", "--webhookConfigName=istio-affirmed-sidecar-injector")


@pytest.mark.parametrize("flags", [(), STOCK_FLAGS, STOCK_FLAGS[:1]], ids=str)
def test_the_injector_gets_the_names_of_its_configuration_and_entry(flags: tuple[str, ...]) -> None:
    """The flags are replaced where they are, and appended where they are not."""
    args = ["--caCertFile=/etc/istio/certs/root-cert.pem", *flags]
    manifest = deployment("istio-sidecar-injector", "sidecar-injector-webhook", f"args: {args}".replace("'", '"'))
    assert container(manifest)["args"] == [args[0], *OUR_FLAGS]
    assert {rule for rule, _ in reasons(manifest)} == {"webhook-names"}


def test_an_injector_that_a_shell_starts_is_refused() -> None:
    """The flags would be arguments of the shell."""
    fields = 'command: [sh, -c]\n        args: ["exec sidecar-injector"]'
    manifest = deployment("istio-sidecar-injector", "sidecar-injector-webhook", fields)
    assert 'runs a script with "sh -c", so --webhookName cannot be appended' in refusal(manifest)


def test_flags_that_are_set_already_stay():
    """A second run changes nothing."""
    args = f"args: {list(OUR_FLAGS)}".replace("'", '"')
    assert stays(deployment("istio-sidecar-injector", "sidecar-injector-webhook", args))
    command = "command: [galley, server, --webhook-name=istio-affirmed-galley]"
    assert stays(deployment("istio-galley", "galley", command))


SCOPED = "- {name: PILOT_SCOPE_GATEWAY_TO_NAMESPACE, value: 'true'}"


@pytest.mark.parametrize("value", [None, "istio-sidecar-injector", "anything"])
def test_pilot_gets_the_name_of_the_configuration(value: str | None) -> None:
    """In the variable that istiod would read."""
    variable = "INJECTION_WEBHOOK_CONFIG_NAME"
    env = [SCOPED] if value is None else [SCOPED, f"- name: {variable}", f"  value: {value}"]
    manifest = deployment("istio-pilot", "discovery", "env:", *env)
    assert container(manifest)["env"][1:] == [{"name": variable, "value": "istio-affirmed-sidecar-injector"}]
    path = f"spec/template/spec/containers/[name=discovery]/env/[name={variable}]"
    assert reasons(manifest) == [("webhook-names", path if value is None else f"{path}/value")]


@pytest.mark.parametrize(
    ("name", "of", "fields"),
    [
        ("istio-galley-2", "galley", ["command: [galley, server, --webhook-name=istio-galley]"]),
        ("my-galley", "galley", ["command: [galley, server, --webhook-name=istio-galley]"]),
        (
            "istio-sidecar-injector-2",
            "sidecar-injector-webhook",
            ["args: [--webhookConfigName=istio-sidecar-injector]"],
        ),
        ("istio-pilot-2", "other", ["env: [{name: INJECTION_WEBHOOK_CONFIG_NAME, value: istio-sidecar-injector}]"]),
    ],
)
def test_other_deployments_stay(name: str, of: str, fields: list[str]) -> None:
    """Only the exact names are those of the chart."""
    assert stays(deployment(name, of, *fields))


def test_other_kinds_of_workloads_stay():
    """The chart has Deployments."""
    assert stays(deployment("istio-galley", "galley", "command: [galley, server]", kind="DaemonSet"))


@pytest.mark.parametrize("flag", ["--webhookName", "--webhookConfigName"])
def test_flags_of_another_mesh_are_refused(flag: str) -> None:
    """The injector would write its certificate into the configuration of that mesh."""
    manifest = deployment("istio-sidecar-injector", "sidecar-injector-webhook", f"args: [{flag}=istio-blue]")
    assert refusal(manifest) == (
        "multimesh: <stdin>:2: Deployment/istio-sidecar-injector: "
        f'spec/template/spec/containers/[name=sidecar-injector-webhook]/args holds {flag}="istio-blue"{ANOTHER_MESH}'
    )


def test_a_flag_of_galley_of_another_mesh_is_refused():
    """Each flag has its own stock name."""
    for name in ("istio-blue-galley", "istio-sidecar-injector"):
        manifest = deployment("istio-galley", "galley", f"command: [galley, server, --webhook-name={name}]")
        assert refusal(manifest) == (
            "multimesh: <stdin>:2: Deployment/istio-galley: "
            f'spec/template/spec/containers/[name=galley]/command holds --webhook-name="{name}"{ANOTHER_MESH}'
        )


@pytest.mark.parametrize(
    ("name", "of", "fields", "what"),
    [
        ("istio-galley", "any", "command: [server]", "/containers has no container galley"),
        ("istio-galley", "galley", "command: [galley]", "/containers/[name=galley] has no list with the subcommand server"),
        ("istio-sidecar-injector", "any", "args: []", "/containers has no container sidecar-injector-webhook"),
        (
            "istio-sidecar-injector", "sidecar-injector-webhook", "command: []",
            "/containers/[name=sidecar-injector-webhook] has no args",
        ),
        ("istio-pilot", "any", "args: []", "/containers has no container discovery"),
    ],
)  # fmt: skip
def test_a_workload_of_unknown_shape_is_refused(name: str, of: str, fields: str, what: str) -> None:
    """A flag could be where no rule looks for it."""
    message = refusal(deployment(name, of, fields))
    assert message.startswith(f"multimesh: <stdin>:2: Deployment/{name}: spec/template/spec{what}{UNKNOWN}")


def test_an_argument_that_is_not_text_is_left_to_kubernetes():
    """It is no flag."""
    manifest = deployment("istio-sidecar-injector", "sidecar-injector-webhook", "args: [[--a], {b: c}]")
    assert container(manifest)["args"][:2] == [["--a"], {"b": "c"}]


# The copy of galley's configuration.


def config_map(name: str, key: str, text: str) -> str:
    """Return a ConfigMap with one text, in a literal block."""
    lines = "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
    return f"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {key}: |-\n{lines}"


VALIDATOR = configuration("ValidatingWebhookConfiguration", "istio-galley", "pilot.validation.istio.io")
COPY = "validatingwebhookconfiguration.yaml"


def test_the_copy_of_galleys_configuration_follows():
    """In the ConfigMap that nothing mounts."""
    manifest = config_map("istio-galley-configuration", COPY, VALIDATOR)
    expected = manifest.replace("name: istio-galley\n", "name: istio-affirmed-galley\n")
    expected = expected.replace("pilot.validation", "affirmed-pilot.validation")
    found = rendered(manifest)
    assert [line for line in found.splitlines() if "name:" in line] == [
        line for line in expected.splitlines() if "name:" in line
    ]
    assert [path for rule, path in reasons(manifest) if rule == "webhook-names"] == ["metadata/name", "webhooks/0/name"]


@pytest.mark.parametrize(
    "inner", [VALIDATOR.replace("istio-galley", "any-affirmed"), VALIDATOR.replace("Validating", "Mutating")]
)
def test_another_configuration_in_that_place_keeps_its_names(inner: str) -> None:
    """Only galley's own is copied there."""
    manifest = config_map("istio-galley-configuration", COPY, inner)
    assert [rule for rule, _ in reasons(manifest)] == []


@pytest.mark.parametrize(("name", "key"), [("my-configuration", COPY), ("istio-galley-configuration", "other.yaml")])
def test_other_texts_are_not_copies(name: str, key: str) -> None:
    """What looks like a configuration elsewhere is a text."""
    assert stays(config_map(name, key, VALIDATOR))


def test_an_entry_without_a_name_is_refused() -> None:
    """Kubernetes refuses one. In the copy, the key may be a mapping, and the stock name would stay."""
    unnamed = VALIDATOR.replace("- name: pilot", "- ? name : pilot")
    for manifest in (
        config_map("istio-galley-configuration", COPY, unnamed),
        "---\n" + VALIDATOR.replace("- name:", "- url:"),
    ):
        assert f"webhooks has an entry without a name{UNKNOWN}" in refusal(manifest)


# Scripts.

SCRIPT = """\
#!/bin/sh
kubectl get validatingwebhookconfiguration istio-galley 2>/dev/null
if [ "$?" -eq 0 ]; then
    echo "istio-galley validatingwebhookconfiguration found"
    kubectl -n istio-affirmed rollout status deployment istio-galley
    kubectl get validatingwebhookconfiguration istio-galley-2
    kubectl delete validatingwebhookconfiguration istio-galley
fi"""


@pytest.mark.parametrize("name", ["istio-security-custom-resources", "istio-grafana-custom-resources"])
def test_scripts_wait_for_the_renamed_configuration(name: str) -> None:
    """The Deployment of the same name keeps it, and so does what only begins alike."""
    manifest = config_map(name, "run.sh", SCRIPT)
    lines = SCRIPT.splitlines()
    lines[1] = lines[1].replace("istio-galley", "istio-affirmed-galley")
    lines[6] = lines[6].replace("istio-galley", "istio-affirmed-galley")
    assert rendered(manifest) == config_map(name, "run.sh", "\n".join(lines))
    assert reasons(manifest) == [("webhook-names", "data/run.sh")] * 2
    assert stays(rendered(manifest))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("istio-security-custom-resources-2", "run.sh"),
        ("istio-other-custom-resources", "run.sh"),
        ("istio-security-custom-resources", "other.sh"),
    ],
)
def test_other_scripts_stay(name: str, key: str) -> None:
    """Only these two are run by hook Jobs of the chart."""
    assert stays(config_map(name, key, SCRIPT))


@pytest.mark.parametrize("name", ["istio-security-custom-resources", "istio-galley-configuration"])
def test_a_config_map_without_data_stays(name: str) -> None:
    """There is nothing to rename."""
    assert stays(END.replace("name: end", f"name: {name}"))

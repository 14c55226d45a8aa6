"""Rule injection-label: each mesh injects the pods of its own namespaces, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from program import profile
from rule_cases import END, MEMBER, NS, accepts, objects, paths, refusal, rendered, stays

from multimesh.mesh.profile import load
from multimesh.render.pipeline import render

ENTRY = "sidecar-injector.istio.io"
OURS = {"matchExpressions": [{"key": "istio-injection", "operator": "In", "values": ["enabled-affirmed"]}]}
RULES = "\n  rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]\n"


def configuration(name: str, webhooks: str, *, labels: str = "", version: str = "v1") -> str:
    return (
        f"apiVersion: admissionregistration.k8s.io/{version}\nkind: MutatingWebhookConfiguration\n"
        f"metadata:\n  name: {name}\n  labels: {{{labels}}}\nwebhooks:\n{webhooks}"
    )


# --- Istio 1.5 ------------------------------------------------------------------------------------


def old(selector: str, more: str = "", *, name: str = "istio-sidecar-injector", entry: str = ENTRY) -> str:
    """Return the configuration of Istio 1.5, whose one webhook has this namespaceSelector."""
    return configuration(
        name,
        f"- name: {entry}\n  clientConfig: {{service: {{name: istio-sidecar-injector, namespace: {NS}}}}}"
        f"{RULES}  namespaceSelector: {selector}\n{more}",
        version="v1beta1",
    )


def selected(manifest: str, **options: object) -> list[Any]:
    """Return the namespaceSelector of every webhook of a manifest, rendered."""
    (found,) = objects(manifest, **options)
    return [item.get("namespaceSelector") for item in found["webhooks"]]


@pytest.mark.parametrize("name", ["istio-sidecar-injector", f"{NS}-sidecar-injector"])
@pytest.mark.parametrize("value", ["enabled", "enabled-affirmed"])
def test_the_label_of_the_1_5_injector_becomes_the_label_of_the_mesh(name: str, value: str) -> None:
    label = {"matchLabels": {"istio-injection": "enabled-affirmed"}}
    assert selected(old(f"{{matchLabels: {{istio-injection: {value}}}}}", name=name)) == [label]


def test_a_report_names_the_field_of_the_label() -> None:
    mesh = load(profile("affirmed", NS, (MEMBER,)), "profile.yaml")
    manifest = old("{matchLabels: {istio-injection: enabled}}")
    changed = render((manifest + END).encode(), mesh).changed
    reasons = [reason for _, _, edits in changed for edit in edits for reason in edit.reasons]
    assert ("injection-label", "webhooks/0/namespaceSelector/matchLabels/istio-injection") in reasons


def test_only_the_value_of_the_label_changes() -> None:
    manifest = old(
        "\n    matchLabels:\n      team: a # ours\n      istio-injection: 'enabled'\n", name=f"{NS}-sidecar-injector"
    )
    new = manifest.replace("'enabled'", "'enabled-affirmed'").replace(f"name: {ENTRY}", f"name: affirmed-{ENTRY}")
    assert rendered(manifest) == new


def test_the_label_is_rewritten_in_expressions_too() -> None:
    label = "{key: istio-injection, operator: In, values: [enabled]}"
    assert selected(old(f"{{matchExpressions: [{label}]}}")) == [OURS]
    both = selected(old(f"{{matchLabels: {{istio-injection: enabled}}, matchExpressions: [{label}]}}"))
    assert both == [{"matchLabels": {"istio-injection": "enabled-affirmed"}, **OURS}]


def test_every_webhook_of_the_1_5_injector_is_rewritten() -> None:
    second = "- name: b.company.com\n  clientConfig: {url: 'https://b'}\n  namespaceSelector: {matchLabels: {istio-injection: enabled}}\n"
    label = {"matchLabels": {"istio-injection": "enabled-affirmed"}}
    assert selected(old("{matchLabels: {istio-injection: enabled}}", second)) == [label, label]


@pytest.mark.parametrize(
    "expressions",
    [
        "[{key: istio-injection, operator: NotIn, values: [disabled]}]",
        "[{key: istio-injection, operator: Exists}]",
        "[{key: name, operator: In, values: [enabled]}]",
        "[{key: istio-injection, operator: In, values: [enabled]}, {key: name, operator: NotIn, values: [a]}]",
    ],
)
def test_a_1_5_injector_with_other_expressions_is_refused(expressions: str) -> None:
    message = refusal(old(f"{{matchLabels: {{istio-injection: enabled}}, matchExpressions: {expressions}}}"))
    assert "webhooks/0/namespaceSelector/matchExpressions selects the namespaces of every other mesh" in message
    assert "--set sidecarInjectorWebhook.enableNamespacesByDefault=false." in message
    assert "[injection-label]" in message
    values = {"sidecarInjectorWebhook.enableNamespacesByDefault": False}
    assert accepts(old(f"{{matchLabels: {{istio-injection: enabled}}, matchExpressions: {expressions}}}")) == (
        {},
        values,
    )


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("{}", ""),
        ("{matchLabels: {team: enabled}}", ""),
        ("{matchLabels: {istio-injection: always}}", "always"),
        ("{matchExpressions: [{key: istio-injection, operator: In, values: [enabled, always]}]}", "always"),
        ("{matchExpressions: [{key: istio-injection, operator: In, values: []}]}", ""),
    ],
)
def test_a_1_5_injector_that_selects_something_else_is_refused(selector: str, value: str) -> None:
    message = refusal(old(selector))
    assert f'webhooks/0/namespaceSelector selects istio-injection="{value}", which no rule knows' in message
    assert (
        "Two meshes could inject the same pod. Compare the chart with the stock one, or report its version." in message
    )


def test_a_1_5_injector_of_another_mesh_is_refused() -> None:
    message = refusal(old("{matchLabels: {istio-injection: enabled-blue}}"))
    assert 'webhooks/0/namespaceSelector selects istio-injection="enabled-blue": this stream has been' in message
    assert "Render the stock chart again, and pipe it through one profile only." in message


@pytest.mark.parametrize(("key", "value"), [("istio-injection", "enabled"), ("istio.io/rev", "default")])
def test_a_1_5_injector_that_selects_a_stock_label_of_pods_is_refused(key: str, value: str) -> None:
    chosen = "{matchLabels: {istio-injection: enabled}}"
    message = refusal(old(chosen, f"  objectSelector: {{matchLabels: {{{key}: {value}}}}}\n"))
    assert f'webhook "{ENTRY}" selects {key}="{value}" in its objectSelector' in message


def test_a_1_5_injector_that_selects_a_stock_revision_of_namespaces_is_refused() -> None:
    message = refusal(old("{matchLabels: {istio-injection: enabled, istio.io/rev: default}}"))
    assert f'webhook "{ENTRY}" selects istio.io/rev="default" in its namespaceSelector' in message


@pytest.mark.parametrize("entry", [ENTRY, "inject.company.com"])
def test_a_1_5_injector_of_a_name_that_no_table_knows_is_refused(entry: str) -> None:
    """Its control plane finds it by flags, and no rule knows what they say."""
    manifest = old("{matchLabels: {istio-injection: enabled}}", name=f"company-{NS}", entry=entry)
    assert f'webhook "{entry}" selects istio-injection="enabled" in its namespaceSelector' in refusal(manifest)


# --- Istio 1.9 and later --------------------------------------------------------------------------

BY_NAMESPACE = """- name: rev.namespace.sidecar-injector.istio.io
  clientConfig:
    service: {name: istiod-affirmed, namespace: istio-affirmed, path: /inject, port: 443}
  sideEffects: None
  rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]
  failurePolicy: Fail
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: In, values: [affirmed]}
    - {key: istio-injection, operator: DoesNotExist}
  objectSelector: {matchExpressions: [{key: sidecar.istio.io/inject, operator: NotIn, values: ['false']}]}
"""
BY_OBJECT = """- name: rev.object.sidecar-injector.istio.io
  clientConfig: {service: {name: istiod-affirmed, namespace: istio-affirmed, path: /inject, port: 443}}
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: DoesNotExist}
    - {key: istio-injection, operator: DoesNotExist}
  objectSelector: {matchExpressions: [{key: istio.io/rev, operator: In, values: [affirmed]}]}
"""
LABEL = "istio.io/rev: affirmed"
NAME = f"{ENTRY.partition('.')[0]}-affirmed-{NS}"


def modern(webhooks: str = BY_NAMESPACE + BY_OBJECT, labels: str = LABEL, version: str = "v1") -> str:
    return configuration(NAME, webhooks, labels=labels, version=version)


def webhooks(manifest: str, **options: object) -> list[dict[str, Any]]:
    (found,) = objects(manifest, **options)
    return found["webhooks"]


def test_an_entry_for_the_label_of_the_mesh_is_appended() -> None:
    stock = yaml.safe_load(modern())["webhooks"]
    found = webhooks(modern())
    assert found[:-1] == stock
    assert found[-1] == {
        **stock[0], "name": "affirmed.namespace.sidecar-injector.istio.io", "namespaceSelector": OURS,
    }  # fmt: skip


def test_it_is_appended_once() -> None:
    once = rendered(modern())
    assert rendered(once) == once


def test_the_stock_text_is_not_changed_by_the_appended_entry() -> None:
    assert rendered(modern()).startswith(modern())


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (("object.", "", "namespace.", "rev.namespace."), "rev.namespace."),
        (("object.", "", "namespace."), "namespace."),
        (("object.", ""), ""),
    ],
)
def test_the_model_is_the_entry_that_matches_by_namespace(names: tuple[str, ...], model: str) -> None:
    listed = "".join(
        BY_NAMESPACE.replace("rev.namespace.", name, 1).replace("path: /inject", f"path: /{name}x") for name in names
    )
    assert webhooks(modern(listed))[-1]["clientConfig"]["service"]["path"] == f"/{model}x"


def test_without_an_entry_to_copy_it_is_refused() -> None:
    message = refusal(modern(BY_OBJECT))
    assert "has none of the entries rev.namespace.sidecar-injector.istio.io, namespace.sidecar-injector" in message
    assert "Two meshes could inject the same pod." in message


@pytest.mark.parametrize(
    "labels", ["istio.io/rev: next", f"{LABEL}, istio.io/tag: affirmed-tag", "app: sidecar-injector"]
)
def test_only_the_configuration_of_the_revision_of_the_mesh_gets_the_label(labels: str) -> None:
    assert stays(modern(labels=labels), canaryRevisions=["next"])


def test_another_revision_of_the_profile_gets_the_label() -> None:
    manifest = modern().replace("affirmed}", "r1}").replace("[affirmed]", "[r1]")
    assert webhooks(manifest.replace("istio.io/rev: affirmed", "istio.io/rev: r1"), revision="r1")[-1]["name"] == (
        "affirmed.namespace.sidecar-injector.istio.io"
    )


def test_nulls_and_an_empty_ca_bundle_are_not_copied() -> None:
    listed = BY_NAMESPACE.replace("  clientConfig:\n", "  clientConfig:\n    caBundle: ''\n    url: null\n")
    listed = listed.replace("resources: [pods]}", "resources: [pods], scope: null}").replace(
        "failurePolicy: Fail", "failurePolicy: ~"
    )
    copy = webhooks(modern(listed))[-1]
    assert set(copy["clientConfig"]) == {"service"}
    assert set(copy["rules"][0]) == {"operations", "apiGroups", "apiVersions", "resources"}
    assert "failurePolicy" not in copy


def test_a_ca_bundle_is_copied() -> None:
    listed = BY_NAMESPACE.replace("  clientConfig:\n", "  clientConfig:\n    caBundle: YQ==\n")
    assert webhooks(modern(listed))[-1]["clientConfig"]["caBundle"] == "YQ=="


@pytest.mark.parametrize("more", ["scope: ", "scope", "a: [{b: }]"])
def test_a_key_without_a_value_in_braces_is_not_copied(more: str) -> None:
    """Helm 3 reads null there, and Helm 4 an empty text."""
    message = refusal(modern(BY_NAMESPACE.replace("resources: [pods]}", f"resources: [pods], {more}}}")))
    assert "has a key without a value in braces" in message


@pytest.mark.parametrize("place", ["operations: [CREATE, null]", "operations: [CREATE], a: {b: [{c: [~]}]}"])
def test_a_null_in_a_list_is_refused(place: str) -> None:
    message = refusal(modern(BY_NAMESPACE.replace("operations: [CREATE]", place)))
    assert 'webhook "rev.namespace.sidecar-injector.istio.io" has a list with an item that is null' in message
    assert "Give it a value in the chart." in message


def test_an_entry_without_a_client_config_is_copied() -> None:
    listed = BY_NAMESPACE.replace("  clientConfig:\n    service: {", "  other: {")
    assert "clientConfig" not in webhooks(modern(listed))[-1]


# --- Istio 1.6 to 1.8 -----------------------------------------------------------------------------

ONE = (
    BY_NAMESPACE.replace("rev.namespace.", "")
    .replace(", port: 443", "")
    .replace(
        "  objectSelector: {matchExpressions: [{key: sidecar.istio.io/inject, operator: NotIn, values: ['false']}]}\n",
        "",
    )
)


def notices(manifest: str) -> list[dict[str, object]]:
    mesh = load(profile("affirmed", NS, (MEMBER,)), "profile.yaml")
    return render((manifest + END).encode(), mesh).notices


def test_the_one_entry_that_the_control_plane_patches_gets_the_label() -> None:
    stock = yaml.safe_load(modern(ONE))["webhooks"]
    manifest = modern(ONE, version="v1beta1")
    assert webhooks(manifest) == [{**stock[0], "namespaceSelector": OURS}]
    assert paths(manifest) == [f"webhooks/[name={ENTRY}]/namespaceSelector"]
    (notice,) = notices(manifest)
    assert notice["id"] == "injection-label"
    assert notice["severity"] == "info"
    assert notice["message"] == (
        "namespaces labelled istio.io/rev=affirmed are no longer injected: this control plane patches one entry only"
    )
    assert notice["remedy"] == "Label them istio-injection=enabled-affirmed."


def test_the_one_entry_is_left_alone_the_second_time() -> None:
    once = rendered(modern(ONE, version="v1beta1"))
    assert rendered(once) == once
    assert notices(once) == []


@pytest.mark.parametrize(
    ("manifest", "entries"),
    [
        (modern(ONE, version="v1"), 2),
        (modern(ONE.replace("path: /inject", "path: /inject, port: 443"), version="v1beta1"), 2),
        (modern(ONE + BY_OBJECT, version="v1beta1"), 3),
        (modern(ONE.replace("name: side", "name: namespace.side", 1), version="v1beta1"), 2),
    ],
)
def test_the_control_plane_of_1_9_finds_an_appended_entry(manifest: str, entries: int) -> None:
    assert len(webhooks(manifest)) == entries
    assert notices(manifest) == []


URL = ONE.replace(
    "    service: {name: istiod-affirmed, namespace: istio-affirmed, path: /inject}", "    url: 'https://a/inject'"
)


def test_a_url_is_told_from_1_9_by_the_object_selector() -> None:
    assert len(webhooks(modern(URL, version="v1beta1"))) == 1
    chosen = (
        "  objectSelector: {matchExpressions: [{key: sidecar.istio.io/inject, operator: NotIn, values: ['false']}]}\n"
    )
    assert len(webhooks(modern(URL + chosen, version="v1beta1"))) == 2


# --- what could match namespaces of other meshes ---------------------------------------------------


def with_selectors(namespaces: str, pods: str = "{}", name: str = f"a.{ENTRY}") -> str:
    more = f"- name: {name}\n  clientConfig: {{url: 'https://a'}}\n  namespaceSelector: {namespaces}\n  objectSelector: {pods}\n"
    return modern(BY_NAMESPACE + more)


NO_LABEL = "{key: istio-injection, operator: DoesNotExist}"
CHANGE_NONE = "Render the chart with a revision of the mesh, and change none of its selectors."


@pytest.mark.parametrize(
    ("namespaces", "said"),
    [
        ("{}", "also matches namespaces that another mesh injects (istio-injection=enabled-<another>)"),
        ("{matchLabels: {istio.io/rev: affirmed}}", "also matches namespaces that another mesh injects"),
        (
            "{matchExpressions: [{key: istio-injection, operator: NotIn, values: [disabled]}]}",
            "also matches namespaces that another mesh injects",
        ),
        ("{matchLabels: {istio-injection: enabled}}", 'selects istio-injection="enabled" in its namespaceSelector'),
        (
            "{matchLabels: {istio-injection: enabled-blue}}",
            'selects istio-injection="enabled-blue": this stream has been',
        ),
        (
            "{matchExpressions: [{key: istio-injection, operator: In, values: [enabled-affirmed, enabled-blue, enabled-a]}]}",
            'selects istio-injection="enabled-blue": this stream has been rewritten for another mesh',
        ),
        (
            "{matchExpressions: [{key: istio-injection, operator: NotIn, values: [enabled-ANOTHER]}]}",
            "matches namespaces labelled istio-injection=enabled, which a stock mesh injects",
        ),
        (
            f"{{matchExpressions: [{NO_LABEL}, {{key: istio.io/rev, operator: In, values: [default]}}]}}",
            'selects istio.io/rev="default" in its namespaceSelector',
        ),
        (
            f"{{matchExpressions: [{NO_LABEL}, {{key: istio.io/rev, operator: In, values: [blue]}}]}}",
            'selects istio.io/rev="blue" in its namespaceSelector',
        ),
        (f"{{matchExpressions: [{NO_LABEL}]}}", "selects no label of mesh affirmed, so it could inject pods of other"),
        ("{matchLabels: {istio-injection: disabled}}", "selects no label of mesh affirmed"),
        (
            f"{{matchExpressions: [{NO_LABEL}, {{key: istio.io/rev, operator: NotIn, values: [affirmed]}}]}}",
            "selects no label of mesh affirmed",
        ),
        (
            f"{{matchExpressions: [{NO_LABEL}, {{key: istio.io/rev, operator: In, values: []}}]}}",
            "selects no label of mesh affirmed",
        ),
        (
            f"{{matchLabels: {{multimesh.dev/mesh: blue}}, matchExpressions: [{NO_LABEL}]}}",
            "selects no label of mesh affirmed",
        ),
    ],
)
def test_an_injector_that_could_match_other_namespaces_is_refused(namespaces: str, said: str) -> None:
    message = refusal(with_selectors(namespaces))
    assert f'webhook "a.{ENTRY}" {said}' in message
    assert "[injection-label]" in message


def test_a_refusal_of_selectors_says_what_to_do() -> None:
    hints = {
        "{}": "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
        "{matchLabels: {istio-injection: enabled-blue}}": "Render the stock chart again, and pipe it through one profile only.",
        "{matchExpressions: [{key: istio-injection, operator: NotIn, values: [enabled-ANOTHER]}]}": CHANGE_NONE,
        f"{{matchExpressions: [{NO_LABEL}]}}": CHANGE_NONE,
    }
    for namespaces, hint in hints.items():
        assert hint in refusal(with_selectors(namespaces)), namespaces


@pytest.mark.parametrize(
    "pods", ["{matchLabels: {istio-injection: enabled}}", "{matchExpressions: [{key: istio.io/rev, operator: Exists}]}"]
)
def test_an_injector_that_selects_stock_labels_of_pods_is_refused(pods: str) -> None:
    message = refusal(with_selectors(f"{{matchExpressions: [{NO_LABEL}]}}", pods))
    assert f'webhook "a.{ENTRY}" selects ' in message
    assert "in its objectSelector" in message


@pytest.mark.parametrize("called", ["istiod", "istiod-affirmed", "istio-sidecar-injector"])
def test_an_injector_is_known_by_the_service_that_it_calls(called: str) -> None:
    client = f"service: {{name: {called}, namespace: {NS}}}"
    manifest = with_selectors(f"{{matchExpressions: [{NO_LABEL}]}}", name="a.company.com")
    assert rendered(manifest).startswith(manifest)
    assert "selects no label of mesh affirmed" in refusal(manifest.replace("url: 'https://a'", client))


@pytest.mark.parametrize(
    ("namespaces", "pods"),
    [
        ("{matchLabels: {istio-injection: enabled-affirmed}}", "{}"),
        (f"{{matchLabels: {{istio.io/rev: affirmed-tag}}, matchExpressions: [{NO_LABEL}]}}", "{}"),
        (f"{{matchLabels: {{multimesh.dev/mesh: affirmed}}, matchExpressions: [{NO_LABEL}]}}", "{}"),
        (f"{{matchExpressions: [{NO_LABEL}]}}", "{matchLabels: {istio.io/rev: affirmed}}"),
    ],
)
def test_an_injector_that_selects_a_label_of_the_mesh_is_accepted(namespaces: str, pods: str) -> None:
    manifest = with_selectors(namespaces, pods)
    assert rendered(manifest).startswith(manifest)


def test_a_selector_that_kubernetes_would_refuse_is_refused() -> None:
    message = refusal(with_selectors("{matchExpressions: [{key: istio-injection, operator: Is}]}"))
    assert f': webhooks/[name=a.{ENTRY}]/namespaceSelector has the operator "Is"' in message


def test_json_is_rewritten_too() -> None:
    manifest = json.dumps(yaml.safe_load(old("{matchLabels: {istio-injection: enabled}}"))) + "\n"
    assert '{"istio-injection": "enabled-affirmed"}' in rendered(manifest)


# --- admission policies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "field"),
    [("MutatingAdmissionPolicy", "matchConstraints"), ("MutatingAdmissionPolicyBinding", "matchResources")],
)
def test_a_policy_that_selects_the_label_of_a_stock_mesh_is_refused(kind: str, field: str) -> None:
    policy = (
        "---\napiVersion: admissionregistration.k8s.io/v1beta1\nkind: {kind}\nmetadata:\n  name: inject-affirmed\n"
        "spec:\n  {field}:\n    namespaceSelector: {{matchLabels: {{team: a, istio-injection: {value}}}}}\n"
    )
    stock = policy.format(kind=kind, field=field, value="enabled")
    message = f'spec/{field} selects istio-injection="enabled" in its namespaceSelector, which a stock mesh injects'
    assert message in refusal(stock)
    assert stays(policy.format(kind=kind, field=field, value="enabled-affirmed"))

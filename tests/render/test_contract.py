"""The contract, sentence by sentence: small manifests for details that an implementation can easily get wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from program import ROOT, profile, render

NS = "istio-affirmed"
WORKLOADS = ("nginx-affirmed",)
RBAC = "rbac.authorization.k8s.io/v1"

CRD = (
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.istio.io\n"
    "  annotations:\n    helm.sh/resource-policy: keep\nspec: {}\n"
)
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n"  # noqa: S105 - a manifest

MESSAGE = re.compile(r"(?:multimesh: .+(?: \[[a-z-]+\])?(?:\n  \S.*)*\n?)+")


def mesh(**spec: object) -> str:
    return profile("affirmed", NS, WORKLOADS, **spec)


def rewritten(stream: object, profile_text: str) -> list[dict]:
    """Render twice, assert that the outputs are equal, and return the resources."""
    data = stream.encode() if isinstance(stream, str) else yaml.safe_dump(stream, sort_keys=False).encode()
    done = render(data, profile_text)
    assert (done.code, done.err) == (0, "")
    assert render(done.out, profile_text).out == done.out
    return [document for document in yaml.safe_load_all(done.out) if document]


def refused(stream: object, profile_text: str) -> str:
    """Render, assert that the chart is refused with a message of the usual format, and return the message."""
    data = stream.encode() if isinstance(stream, str) else yaml.safe_dump(stream, sort_keys=False).encode()
    done = render(data, profile_text)
    assert (done.code, done.out) == (2, b"")
    assert MESSAGE.fullmatch(done.err), done.err
    return done.err


def resource(kind: str, name: str, version: str = "v1", namespace: str = "", **fields: object) -> dict:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


# --- the mesh profile ----------------------------------------------------------------------------


def test_a_profile_needs_no_more_than_a_name_and_a_namespace():
    """Every other key is optional, `apiVersion` and `kind` included."""
    text = "metadata: {name: affirmed}\nspec: {namespace: istio-affirmed}\n"
    assert rewritten(resource("ClusterRole", "kiali", RBAC), text)[0]["metadata"]["name"] == "kiali-affirmed"
    assert 'apiVersion is "v1"' in refused(resource("ConfigMap", "a"), "apiVersion: v1\n" + text)


@pytest.mark.parametrize("revision", ["1-20-3", "1-20"])
def test_a_revision_of_digits_and_dashes_needs_no_quotes(revision):
    """`revision: 1-20-3` is text in YAML, and the documentation of Istio writes revisions so."""
    text = mesh().replace("spec:\n", f"spec:\n  revision: {revision}\n")
    assert rewritten(resource("ClusterRole", f"x-{revision}-y", RBAC), text)


@pytest.mark.parametrize("revision", ["120", "1.20", "2026-11-23", "-1", "1_000"])
def test_a_revision_that_yaml_reads_as_a_number_or_date_wants_quotes(revision):
    """Helm would read the same words in its values as another type."""
    text = mesh().replace("spec:\n", f"spec:\n  revision: {revision}\n")
    assert f'Put it in quotes: "{revision}"' in refused(resource("ConfigMap", "a"), text)


def test_no_mesh_is_called_as_a_stock_injection_entry_begins():
    """`rev.namespace.sidecar-injector.istio.io` is an entry of the chart: mesh `rev` would never get its label."""
    text = profile("rev", "istio-rev")
    assert 'metadata.name "rev"' in refused(resource("ConfigMap", "a"), text)


def test_a_key_that_stands_twice_in_a_mapping_of_the_profile_is_refused():
    """If a variable or port has two values, it is unknown which one the user means."""
    text = mesh() + "  flags:\n  - container: discovery\n    env:\n      A: x\n      A: z\n"
    message = refused(resource("ConfigMap", "a"), text)
    assert 'the key "spec.flags[0].env.A" is written twice' in message
    assert "profile.yaml:13: " in message


@pytest.mark.parametrize("kind", ["Namespace", "StorageClass", "CustomResourceDefinition", "ClusterTrustBundle"])
def test_renamenames_cannot_name_what_is_never_renamed(kind):
    """Namespaces, PriorityClasses and other classes are never renamed: pods refer to them, and those references would not change."""
    assert "never renamed" in refused(resource("ConfigMap", "a"), mesh(renameNames=[f"{kind}/company"]))


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["company-reader", "prometheus-operator", "kiali-company"])
def test_the_refusal_of_an_unknown_name_names_both_ways_out(name):
    """A name that begins like a stock name may also be one of the user's."""
    message = refused(resource("ClusterRole", name, RBAC), mesh())
    assert f'keepNames: ["ClusterRole/{name}"]' in message
    assert f'renameNames: ["ClusterRole/{name}"]' in message


@pytest.mark.parametrize(
    "kept", ["Service/istio-ingressgateway", "ServiceAccount/istio-ingressgateway-service-account", "Deployment/*"]
)
def test_a_gateway_of_which_a_name_is_kept_keeps_all_of_its_names(kept):
    """Names in keepNames never change, and either all names of a gateway change or none."""
    labels = {"chart": "gateways", "heritage": "Helm"}
    stream = yaml.safe_dump_all([
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istio-ingressgateway", "labels": labels}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istio-egressgateway", "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount",
         "metadata": {"name": "istio-ingressgateway-service-account", "labels": labels}},
    ])  # fmt: skip
    names = [document["metadata"]["name"] for document in rewritten(stream, mesh(keepNames=[kept]))]
    other = "istio-egressgateway" if kept.endswith("*") else "istio-affirmed-egressgateway"
    assert names == ["istio-ingressgateway", other, "istio-ingressgateway-service-account"]


def test_references_follow_every_kind_that_renamenames_may_name():
    """Otherwise a binding, a schema or a grant would refer to an object that does not exist."""
    stream = yaml.safe_dump_all([
        resource("MutatingAdmissionPolicyBinding", "b-affirmed", "admissionregistration.k8s.io/v1", spec={"policyName": "p"}),
        resource(
            "FlowSchema",
            "f-affirmed",
            "flowcontrol.apiserver.k8s.io/v1",
            spec={"priorityLevelConfiguration": {"name": "level"}},
        ),
        resource("Role", "r", RBAC, rules=[
            {"apiGroups": ["policy"], "resources": ["podsecuritypolicies"], "resourceNames": ["psp", "other"], "verbs": ["use"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["psp"], "verbs": ["get"]},
        ]),
    ])  # fmt: skip
    names = ["MutatingAdmissionPolicy/p", "PriorityLevelConfiguration/level", "PodSecurityPolicy/psp"]
    binding, schema, role = rewritten(stream, mesh(renameNames=names))
    assert binding["spec"]["policyName"] == "p-affirmed"
    assert schema["spec"]["priorityLevelConfiguration"]["name"] == "level-affirmed"
    assert [rule["resourceNames"] for rule in role["rules"]] == [["psp-affirmed", "other"], ["psp"]]


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("resource.k8s.io/v1alpha3", "DeviceTaintRule"),
        ("resource.k8s.io/v1alpha2", "ResourceClass"),
        ("storagemigration.k8s.io/v1beta1", "StorageVersionMigration"),
        ("auditregistration.k8s.io/v1alpha1", "AuditSink"),
    ],
)
def test_the_tables_know_the_rare_cluster_scoped_kinds_of_kubernetes_too(version, kind):
    """Their names are checked in the same way, and the kind is known."""
    assert rewritten(resource(kind, "x-affirmed", version), mesh())
    assert "the cluster-scoped name" in refused(resource(kind, "x", version), mesh())


# --- namespaces of objects -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["istio-affirmed", "istio-sidecar-injector-affirmed", "values-affirmed"])
def test_the_configuration_of_a_control_plane_lives_beside_it(name):
    """A ConfigMap of istiod in a workload namespace shows that the chart was rendered for the wrong namespace."""
    data = {"mesh": f"rootNamespace: {NS}\n"} if name == NS else {"values": "{}"}
    assert rewritten(resource("ConfigMap", name, namespace=NS, data=data), mesh())
    message = refused(resource("ConfigMap", name, namespace="nginx-affirmed", data=data), mesh())
    assert f'belongs in "{NS}"' in message


def test_a_workloads_own_configuration_may_be_called_as_it_likes():
    """A ConfigMap whose name only resembles one of Istio belongs to the user."""
    data = {"a": "b"}
    assert rewritten(resource("ConfigMap", "istio-dashboards", namespace="nginx-affirmed", data=data), mesh())


def test_a_remedy_that_is_named_is_one_that_helps():
    """No entry of keepNames changes the namespace of a binding's subject, so the refusal must not suggest it."""
    binding = resource(
        "ClusterRoleBinding",
        "x-affirmed",
        RBAC,
        roleRef={"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"},
        subjects=[{"kind": "ServiceAccount", "name": "x", "namespace": "elsewhere"}],
    )
    message = refused(binding, mesh(keepNames=["ClusterRoleBinding/x-affirmed"]))
    assert "keepNames" not in message


# --- validators ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "multimesh.dev/mesh", "operator": "Exists"},
        {"key": "multimesh.dev/mesh", "operator": "In", "values": ["affirmed", "blue"]},
        {"key": "multimesh.dev/mesh", "operator": "NotIn", "values": ["blue"]},
    ],
)
def test_a_validator_that_selects_more_than_this_mesh_is_narrowed_to_it(expression):
    """A selector that contains the label of the mesh may still match namespaces of another mesh."""
    entry = {"name": "validation.istio.io", "namespaceSelector": {"matchExpressions": [expression]}}
    configuration = resource(
        "ValidatingWebhookConfiguration",
        "istiod-default-validator",
        "admissionregistration.k8s.io/v1",
        webhooks=[entry],
    )
    [found] = rewritten(configuration, mesh())
    ours = {"key": "multimesh.dev/mesh", "operator": "In", "values": ["affirmed"]}
    assert found["webhooks"][0]["namespaceSelector"]["matchExpressions"] == [expression, ours]


# --- flags ---------------------------------------------------------------------------------------


def deployment(**container: object) -> dict:
    spec = {"template": {"spec": {"containers": [{"name": "c", **container}]}}}
    return resource("Deployment", "d", "apps/v1", spec=spec)


@pytest.mark.parametrize(
    ("args", "wish", "expected"),
    [
        (["run", "--json", "--domain", "x"], ["--json=true"], ["run", "--json=true", "--domain", "x"]),
        (["run", "--json"], ["--json=false"], ["run", "--json=false"]),
        (["--json=false", "--b"], ["--json"], ["--json", "--b"]),
        (["--level", "-1", "--b"], ["--level=2"], ["--level", "2", "--b"]),
        (["--level=1", "--b"], ["--level", "2"], ["--level=2", "--b"]),
        (["--level", "1", "--b"], ["--level", "2"], ["--level", "2", "--b"]),
        (["--b"], ["--level", "2"], ["--b", "--level", "2"]),
    ],
)
def test_a_flag_is_replaced_where_it_is_in_whatever_form(args, wish, expected):
    """A switch takes no value, so the next argument is another flag and must stay."""
    [found] = rewritten(deployment(args=args), mesh(flags=[{"container": "c", "args": wish}]))
    assert found["spec"]["template"]["spec"]["containers"][0]["args"] == expected


def test_a_flag_of_the_command_is_replaced_there_although_there_are_args():
    """If it were appended to `args`, the container would get it twice."""
    [found] = rewritten(
        deployment(command=["run", "--a=1"], args=["--b=1"]),
        mesh(flags=[{"container": "c", "args": ["--a=2", "--b=2", "--d=2"]}]),
    )
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert container == {"name": "c", "command": ["run", "--a=2"], "args": ["--b=2", "--d=2"]}


@pytest.mark.parametrize(("version", "kind"), [("scheduling.k8s.io/v1", "PriorityClass"), ("v1", "Namespace")])
def test_the_refusal_of_a_class_promises_no_rename(version, kind):
    """The message names both keys, and says that renameNames cannot rename a class."""
    message = refused(resource(kind, "company", version), mesh())
    assert f'keepNames: ["{kind}/company"]' in message
    assert "renameNames cannot name it" in message


PILOT = resource(
    "Deployment",
    "istio-pilot",
    "apps/v1",
    spec={
        "template": {
            "spec": {"containers": [{"name": "discovery", "args": ["discovery"], "env": [{"name": "A", "value": "b"}]}]}
        }
    },
)
CITADEL = resource(
    "Deployment",
    "istio-citadel",
    "apps/v1",
    spec={"template": {"spec": {"containers": [{"name": "citadel", "args": ["--a=b"]}]}}},
)


@pytest.mark.parametrize(
    ("stream", "flags", "name"),
    [
        (
            PILOT,
            {"container": "discovery", "env": {"PILOT_SCOPE_GATEWAY_TO_NAMESPACE": "false"}},
            "PILOT_SCOPE_GATEWAY_TO_NAMESPACE",
        ),
        (CITADEL, {"container": "citadel", "args": ["--listened-namespaces=other"]}, "--listened-namespaces"),
    ],
)
def test_a_flag_that_contradicts_a_rule_is_refused(stream, flags, name):
    """If both appended it, the container would get it twice, and a second run would be refused."""
    message = refused(stream, mesh(flags=[flags]))
    assert f'would hold "{name}" twice' in message
    assert "spec.flags" in message


def test_a_flag_that_says_what_a_rule_says_stands_once():
    """Two equal requests are one edit."""
    flags = [{"container": "discovery", "env": {"PILOT_SCOPE_GATEWAY_TO_NAMESPACE": "true"}}]
    [found] = rewritten(PILOT, mesh(flags=flags))
    env = found["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [variable["name"] for variable in env].count("PILOT_SCOPE_GATEWAY_TO_NAMESPACE") == 1


def test_the_report_and_the_diff_name_every_rule_that_appends_to_one_list(tmp_path):
    """Two rules append a variable to pilot: one edit with two reasons."""
    report = tmp_path / "report.json"
    data = yaml.safe_dump(PILOT).encode()
    assert render(data, mesh(), "--report", str(report)).code == 0
    assert {entry["rule"] for entry in json.loads(report.read_text())["rewritten"]} == {
        "scope-gateways",
        "webhook-names",
    }
    (tmp_path / "profile.yaml").write_text(mesh())
    command = [sys.executable, "-m", "multimesh", "diff", "--profile", str(tmp_path)]
    done = subprocess.run(command, input=data, capture_output=True, cwd=ROOT, check=True)
    assert b"@@ Deployment/istio-pilot [webhook-names], Deployment/istio-pilot [scope-gateways]\n" in done.stdout


def test_only_galleys_webhook_configuration_is_limited_to_a_label():
    """With the longest namespace that galley allows, the name of the injector's configuration has 73 of 253 characters."""
    namespace = "n" * 56
    text = profile("affirmed", namespace, gateways="keep")
    injector = resource(
        "MutatingWebhookConfiguration",
        "istio-sidecar-injector",
        "admissionregistration.k8s.io/v1beta1",
        webhooks=[
            {
                "name": "sidecar-injector.istio.io",
                "clientConfig": {"service": {"name": "istio-sidecar-injector", "namespace": namespace}},
                "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
            }
        ],
    )
    assert rewritten(injector, text)[0]["metadata"]["name"] == f"{namespace}-sidecar-injector"


@pytest.mark.parametrize(
    "stock",
    [
        "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata:\n  name: kiali",
        "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata:\n  name: kiali\nrules: []",
        "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: c}]}}}",
        "metadata: {name: d}\nkind: Deployment\napiVersion: apps/v1\nspec:\n template:\n  spec:\n   containers:\n   - name: c",
        f"\n{CRD}---\n{SECRET}",
        f"{CRD}---\n{SECRET}",
        f"---\n{CRD}---\n{SECRET}",
        f"---\n{SECRET}---\n{CRD}",
        f"\ufeff---\n{CRD}---\n{SECRET}",
        f"\ufeff{CRD}---\n{SECRET}",
        f"\ufeff{SECRET.replace('Secret', 'ClusterRole').replace('v1', RBAC).replace(': a', ': kiali')}---\n{SECRET}",
    ],
)
def test_the_diff_of_a_stream_is_a_patch_however_it_begins_and_ends(stock, tmp_path):
    """If the last line has no line feed, both sides of the patch say so; a byte order mark is kept."""
    text = mesh(flags=[{"container": "c", "args": ["--a"]}])
    (tmp_path / "profile.yaml").write_text(text)
    command = [sys.executable, "-m", "multimesh", "diff", "--profile", str(tmp_path)]
    done = subprocess.run(command, input=stock.encode(), capture_output=True, cwd=ROOT, check=True)
    (tmp_path / "stock").write_text(stock)
    subprocess.run(["patch", "--silent", "stock"], input=done.stdout, cwd=tmp_path, check=True)
    assert (tmp_path / "stock").read_bytes() == render(stock.encode(), text).out


@pytest.mark.parametrize("name", ["ClusterRole/kiali-affirmed", "ClusterRole/x-affirmed"])
def test_renamenames_cannot_name_what_a_rename_makes(name):
    """The second run would rename it again."""
    text = mesh(renameNames=["ClusterRole/x", name])
    message = refused(resource("ClusterRole", "x", RBAC), text)
    assert f'spec.renameNames holds "{name}", which {name.removesuffix("-affirmed")} becomes in this mesh' in message


def test_a_mesh_configuration_that_is_no_mapping_is_refused():
    """Its root namespace could not be read."""
    message = refused(resource("ConfigMap", "istio", data={"mesh": "- rootNamespace: istio-system\n"}), mesh())
    assert "data/mesh is not a mapping, which no rule knows [mesh-config]" in message


def test_a_first_document_that_is_left_out_takes_its_line_break_with_it():
    """Helm 4 sends no marker before the first document."""
    role = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\n"
    result = render((CRD + role).encode(), profile("blue", "istio-blue"))
    assert (result.code, result.out) == (0, role.replace("kiali", "kiali-blue").encode())


def test_a_byte_order_mark_alone_is_an_empty_stream():
    """Helm sent no manifest."""
    result = render(b"\xef\xbb\xbf\n", profile("blue", "istio-blue"))
    assert (result.code, result.out) == (2, b"")


def test_a_contradiction_of_two_keys_names_the_line_of_one_of_them():
    """The message has the line of a key, not the first line of the profile."""
    text = "metadata:\n  name: affirmed\nspec:\n  namespace: istio-affirmed\n  canaryRevisions:\n    - affirmed\n"
    done = render(b"kind: List", text)
    assert re.match(r"multimesh: \S+/profile\.yaml:6: spec\.canaryRevisions", done.err), done.err


@pytest.mark.parametrize(("written", "meant"), [("0x1BB", 443), ("0673", 443), ("443", 443), ("'443'", "443")])
def test_a_copied_entry_says_what_the_first_one_says(written, meant):
    """A port that was a number is a number in the copy, in every style of YAML."""
    stream = f"""\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector-affirmed-istio-affirmed
  labels:
    istio.io/rev: affirmed
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  clientConfig:
    service:
      name: istiod-affirmed
      namespace: istio-affirmed
      port: {written}
  namespaceSelector:
    matchExpressions:
    - key: istio.io/rev
      operator: In
      values:
      - affirmed
    - key: istio-injection
      operator: DoesNotExist
"""
    (configuration,) = rewritten(stream, mesh())
    ports = [entry["clientConfig"]["service"]["port"] for entry in configuration["webhooks"]]
    assert ports == [meant, meant]


@pytest.mark.parametrize(
    "arguments",
    [
        ["values", "--profile", "charts-values/blue", "--chart", "base"],
        ["check", "--profile", "charts-values/blue", "-o", "html"],
        ["explain", "namespace", "istio-blue", "--profile", "charts-values/blue"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_without_jinja2_a_command_says_how_to_install_it(arguments):
    """Rendering needs no Jinja2, and the commands that need it end with a message and not with a traceback."""
    script = "import sys; sys.modules['jinja2'] = None; from multimesh.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: Jinja2 is not installed")
    assert "pip install jinja2" in done.stderr


@pytest.mark.parametrize("written", ["'{}'", "|\n    {}"])
def test_a_dashboard_that_an_alias_shares_is_refused_only_where_it_would_change(written):
    """An edit would change every place that uses it; without an edit it is accepted."""
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-grafana-configuration-dashboards-x\n"
        f"  labels: {{{{chart: g, heritage: H}}}}\ndata: &d\n  a: {written}\nother: *d\n"
    )
    assert rewritten(text.format("gateway"), mesh())[0]["data"]["a"].strip() == "gateway"
    assert "is shared by an alias" in refused(text.format("istio-ingressgateway"), mesh())


def data_rewritten(name: str, key: str, written: str) -> str:
    """Render a ConfigMap with one text in this style, and return the text after the rewrite."""
    stock = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
        f"  namespace: istio-affirmed\ndata:\n  {key}: {written}"
    )
    return rewritten(stock, mesh())[0]["data"][key]


SCRIPTS = {
    "in a literal block": "|\n    kubectl get validatingwebhookconfiguration istio-galley\n    true\n",
    "in single quotes": "'kubectl get validatingwebhookconfiguration istio-galley'\n",
    "in single quotes on two lines": "'kubectl get validatingwebhookconfiguration\n    istio-galley'\n",
    "in double quotes on two lines": '"kubectl get validatingwebhookconfiguration\n    istio-galley"\n',
    "in a folded block": ">-\n    kubectl get validatingwebhookconfiguration\n    istio-galley\n",
    "on two lines": "kubectl get validatingwebhookconfiguration\n    istio-galley\n",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_searched_by_what_it_says(script):
    """Where YAML folds a line, the value that the shell reads has a space."""
    found = data_rewritten("istio-security-custom-resources", "run.sh", script)

    assert found.split() == ["kubectl", "get", "validatingwebhookconfiguration", "istio-affirmed-galley"] + (
        ["true"] if "true" in script else []
    )


TEMPLATES = {
    "in a literal block": "|\n    hostPath:\n        path: /var/run/sds\n",
    "in single quotes": "'hostPath:\n\n    path: /var/run/sds\n\n    '\n",
    "in double quotes": '"hostPath:\\n    path: /var/run/sds\\n"\n',
    "in double quotes on two lines": '"hostPath:\\n\\\n    \\    path: /var/run/sds\\n"\n',
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_is_searched_by_its_own_lines(template):
    """The lines of the value are searched; in YAML there may be an empty line between two of them."""
    found = data_rewritten("istio-sidecar-injector", "config", template)

    assert [line.strip() for line in found.splitlines()] == ["hostPath:", "path: /var/run/sds-affirmed"]


@pytest.mark.parametrize("break_", ["\\\n    ", "", "\\\n"], ids=["joined, indented", "on one line", "joined"])
def test_a_line_that_begins_with_blanks_is_put_where_they_count(break_):
    """In double quotes YAML ignores spaces at the beginning of a line."""
    written = (
        '"apiVersion: authentication.istio.io/v1alpha1\\nkind: MeshPolicy\\nmetadata:\\n'
        f'  name: default\\n{break_}spec:\\n  peers:\\n  - mtls:\\n      mode: PERMISSIVE"\n'
    )
    found = data_rewritten("istio-security-custom-resources", "custom-resources.yaml", written)

    assert yaml.safe_load(found)["metadata"] == {"name": "default", "namespace": "istio-affirmed"}


STRANGE = {
    "annotations of an item that stand twice": (
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n"
            "  metadata: {name: a, annotations: {}, annotations: {}}\n"
        ),
        '"annotations" is written twice',
    ),
    "annotations of an item in a list": (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a, annotations: [a]}\n",
        "metadata/annotations is not a mapping",
    ),
    "JSON that is YAML": (
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: istio-ingressgateway\n"
            "  labels: {chart: gateways, heritage: Helm}\nspec:\n  template:\n    spec:\n      containers:\n"
            '      - name: istio-proxy\n        env:\n        - name: ISTIO_METAJSON_LABELS\n          value: {"app": "x"}\n'
        ),
        "[name=ISTIO_METAJSON_LABELS]/value is not text",
    ),
    "a webhook that calls a list": (
        (
            "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata:\n"
            "  name: istio-sidecar-injector-affirmed-istio-affirmed\n  labels: {istio.io/rev: affirmed}\nwebhooks:\n"
            "- name: rev.namespace.sidecar-injector.istio.io\n  clientConfig: []\n  namespaceSelector:\n    matchExpressions:\n"
            "    - {key: istio-injection, operator: DoesNotExist}\n"
        ),
        "clientConfig is not a mapping",
    ),
    "injector values with two revisions": (
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-sidecar-injector-affirmed\ndata:\n"
            '  values: \'{"revision":"affirmed","revision":"blue"}\'\n'
        ),
        '"revision" is written twice',
    ),
    "injector values in YAML with a revision of another mesh": (
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-sidecar-injector-affirmed\ndata:\n"
            "  values: 'revision: blue'\n"
        ),
        'data/values has revision "blue"',
    ),
}


@pytest.mark.parametrize(("stream", "part"), STRANGE.values(), ids=STRANGE)
def test_a_field_of_a_strange_shape_is_refused_with_its_path(stream, part):
    """No rule can decide whether such a field is harmless."""
    assert part in refused(stream, mesh())


# --- the values of the injector ---------------------------------------------------------------------


def injected(values: str) -> str:
    """Return the ConfigMap of the 1.5 chart that contains the values of the injector."""
    found = resource("ConfigMap", "istio-sidecar-injector", namespace=NS, data={"values": values})
    found["metadata"]["labels"] = {"chart": "sidecarInjectorWebhook", "heritage": "Helm"}
    return yaml.safe_dump(found, sort_keys=False)


def gateways_of(suffix: str = "plain") -> dict:
    """Return values of gateways: one that is enabled, one that is disabled, and one without a switch."""
    return {
        f"istio-{name}gateway": {
            **switch,
            "labels": {"app": f"istio-{name}gateway", "istio": f"{name}gateway"},
            "secretVolumes": [{"name": "certs", "secretName": f"istio-{name}gateway-certs"}],
            "zvpn": {"enabled": True, "suffix": suffix},
        }
        for name, switch in (("ingress", {"enabled": True}), ("egress", {"enabled": False}), ("ilb", {}))
    }


def ingress_renamed(values: dict) -> dict:
    """Return the values that the rule must write, without using the rule."""
    text = json.dumps(values["gateways"]["istio-ingressgateway"]).replace("istio-ingress", f"{NS}-ingress")
    gateways = {
        key.replace("istio-ingress", f"{NS}-ingress"): json.loads(text) if "ingress" in key else inner
        for key, inner in values["gateways"].items()
    }
    return {**values, "gateways": gateways}


ON = {
    "certmanager": {"enabled": True},
    "gateways": gateways_of(),
    "global": {"labels": {"app": "istio-ingressgateway"}},
}
WRITTEN = {
    "JSON": (ON, json.dumps(ON, separators=(",", ":"))),
    "JSON with blanks": (ON, json.dumps(ON, indent=1)),
    "JSON, one gateway": (one := {"gateways": {"istio-ingressgateway": ON["gateways"]["istio-ingressgateway"]}}, json.dumps(one)),
    "JSON, another order": (back := dict(reversed(ON.items())), json.dumps(back)),
    "JSON with escapes": (odd := {"gateways": gateways_of('a "b" \\ <c>&\n')}, json.dumps(odd).replace("<", "\\u003c")),
    "JSON that escapes letters": (ON, json.dumps(ON).replace("istio-", "\\u0069stio-")),
    "YAML in block style": (ON, yaml.safe_dump(ON)),
    "YAML in flow style": (ON, yaml.safe_dump(ON, default_flow_style=True, width=10**6)),
    "YAML that says yes": (ON, json.dumps(ON).replace('"enabled": true', '"enabled": yes')),
    "YAML with keys in single quotes": (ON, json.dumps(ON).replace('"', "'")),
    "YAML with one key without quotes": (ON, json.dumps(ON).replace('"istio-ingressgateway":', "istio-ingressgateway:")),
}  # fmt: skip


@pytest.mark.parametrize(("values", "text"), WRITTEN.values(), ids=WRITTEN)
def test_gateways_in_the_injectors_values_are_renamed_however_these_are_written(values: dict, text: str):
    """Compact JSON of the chart is scanned, everything else is parsed into nodes: the result is the same."""
    assert yaml.safe_load(text) == values
    [found] = rewritten(injected(text), mesh())
    assert yaml.safe_load(found["data"]["values"]) == ingress_renamed(values)


NO_SWITCH = {"a list": [True], "a mapping": {"a": 1}}


@pytest.mark.parametrize("switch", NO_SWITCH.values(), ids=NO_SWITCH)
@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump])
def test_a_gateway_whose_switch_is_no_word_is_refused(write, switch: object):
    """It is neither true nor false."""
    values = {"gateways": {"istio-ingressgateway": {"enabled": switch}}}
    assert "enabled is not text, which no rule knows" in refused(injected(write(values)), mesh())


MISLEADING = {
    "a quote in a word": '{"gateways":{"a":e", "t":{"s":e"},"istio-ingressgateway":{"enabled":true}}}',
    "a quote behind a word and a blank": '{"gateways":{"a":e "b", "t":{"s":e "b},"istio-ingressgateway":{"enabled":true}}}',
    "a quote in a key": '{"gateways":{se","a":{"s":e"},"istio-ingressgateway":{"enabled":true}}}',
    "a quote in a number": '{"gateways":{"a":5", "t":{"s":5"},"istio-ingressgateway":{"enabled":true}}}',
    "a surrogate pair": '{"a":"\\ud83d\\ude00 }","gateways":{"istio-ingressgateway":{"enabled":true}}}',
}


@pytest.mark.parametrize("text", MISLEADING.values(), ids=MISLEADING)
def test_a_gateway_is_found_behind_what_looks_like_another_text(text: str):
    """A quote inside a plain scalar begins no string, and a string with an escaped surrogate pair does not end early."""
    [found] = rewritten(injected(text), mesh())
    assert found["data"]["values"] == text.replace("istio-ingressgateway", "istio-affirmed-ingressgateway")


REVISED = {
    "plainly": '{"revision":"blue"}',
    "behind digits": '{"\\u0072evision":"blue","gateways":{}}',
    "behind other digits": '{"r\\x65vision": blue}',
    "as null": '{"revision":null}',
    "as null in YAML": "{revision: null}",
    "behind a quote in a word": '{"a":e", "t":{"s":[e", "revision":"affirmed"]}, "revision":"blue"}',
}


@pytest.mark.parametrize("text", REVISED.values(), ids=REVISED)
def test_a_revision_that_is_not_the_mesh_s_is_refused_however_it_is_written(text: str):
    """Null means the default revision, which belongs to no mesh."""
    assert "data/values has revision" in refused(injected(text), mesh())


def test_a_mistake_in_a_part_of_the_values_is_told_with_its_line_and_path():
    """Only parts of the values are parsed, so the line must be counted from the beginning of the file."""
    labels = '{\n "gateways":{\n "istio-ingressgateway":{"enabled":true,\n  "labels":%s}}}\n'
    stream = injected("").replace("values: ''", "values: |\n") + "    "
    text = stream + (labels % '{"app" "x"}').replace("\n", "\n    ")
    line = text[: text.index('"app"')].count("\n") + 1
    assert f"<stdin>:{line}: not YAML" in refused(text, mesh())
    text = stream + (labels % '{"app": []}').replace("\n", "\n    ")
    assert "gateways/istio-ingressgateway/labels/app is not text, which no rule knows" in refused(text, mesh())


BROKEN = {
    "closed before the revision": '{"a":"b"}, "revision":"affirmed"}',
    "broken behind the revision": '{"revision":"affirmed"x":[]}',
    "cut off behind all gateways": '{"gateways":{"istio-ingressgateway":{},"istio-egressgateway":{},'
    '"istio-ilbgateway":{"enabled":true,"labels":{},"secretVolumes":[],',
    "cut off in a gateway": json.dumps(ON)[: json.dumps(ON).index('"labels"')],
    "cut off behind the switch": '{"gateways":{"istio-ingressgateway":{"enabled":true',
    "closed by the wrong bracket": '{"gateways":{"istio-ingressgateway":{"enabled":true]}}',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_injector_values_that_break_off_are_refused(text: str):
    """The missing part could contain the stock name of a gateway."""
    assert "not YAML" in refused(injected(text), mesh())


@pytest.mark.parametrize(
    "config",
    ["{kind: [a]}", "{kind: ConfigMap, data: [a]}", "{kind: a, kind: b}", "{kind: ConfigMap, data: {profile: [a]}}"],
)
def test_a_function_config_of_a_strange_shape_is_refused(config):
    """There is a message and no traceback for any input."""
    from multimesh.commands.render import function_config
    from multimesh.errors import MultimeshError

    with pytest.raises(MultimeshError, match=r"<stdin>:2: functionConfig: (kind|data)") as raised:
        function_config(f"kind: ResourceList\nfunctionConfig: {config}\nitems: []\n".encode())
    assert "Make it a MeshProfile" in raised.value.hint

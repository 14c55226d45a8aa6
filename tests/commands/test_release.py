"""`multimesh diff --release`: a chart against the manifest of an installed release."""

from __future__ import annotations

import json
import os

import pytest
import streams
import yaml
from program import profile

from multimesh.cli import main
from multimesh.commands.comparison import differences, parsed

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  text: |
    one
    two
    three
"""
DEPLOYMENT = """\
# Source: chart/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: istio-blue
  annotations:
  labels: {app: web}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: web:1
        env:
        - {name: A, value: "1"}
        - {name: B, value: "true"}
"""
ACCOUNT = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {token: old-password}\n"
HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\n"
STOCK = f"{CONFIG}---\n{DEPLOYMENT}---\n{ACCOUNT}---\n{HOOK}"


#: What is wrong with a helm that says nothing at all.
NOTHING = "helm has printed nothing, and it ends every manifest with a line feed"


@pytest.fixture
def run(tmp_path, monkeypatch, capsysbinary):
    """Return a function that compares a chart with what a stand-in of Helm prints: exit code, stdout, stderr."""
    (tmp_path / "profile.yaml").write_text(profile("blue", "istio-blue", ("nginx-blue",)))
    (tmp_path / "bin").mkdir()
    helm = tmp_path / "bin/helm"
    helm.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/call\n. {tmp_path}/answer\n')
    helm.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("HELM_BIN", raising=False)
    (tmp_path / "answer").write_text(f"cat {tmp_path}/live\n")

    def start(live: str, chart: str, *flags: str) -> tuple[int, str, str]:
        (tmp_path / "live").write_text(live)
        (tmp_path / "chart.yaml").write_text(chart)
        code = main(["diff", "--profile=.", "-f", "chart.yaml", "--release", "istio", *flags])
        said = capsysbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return start


def test_helm_is_asked_with_the_flags_of_the_user(run, tmp_path):
    """The namespace is that of the control plane if none is given."""
    assert run(STOCK, STOCK)[0] == 0
    assert (tmp_path / "call").read_text().split() == ["get", "manifest", "istio", "-n", "istio-blue"]
    assert run(STOCK, STOCK, "-n", "other", "--context", "prod", "--kubeconfig", "k")[0] == 0
    assert (tmp_path / "call").read_text().split() == [
        "get", "manifest", "istio", "-n", "other", "--kube-context", "prod", "--kubeconfig", "k",
    ]  # fmt: skip


def test_what_helm_writes_in_another_form_is_no_difference(run):
    """Order of objects and keys, comments, quotes, null, JSON, its own annotation, the namespace of the release, hooks."""
    documents = [one for one in yaml.safe_load_all(STOCK) if one["kind"] != "Job"]
    for one in documents:
        one["metadata"]["annotations"] = {"postrenderer.helm.sh/postrender-filename": "x.yaml"}
    documents[0]["metadata"]["namespace"] = "istio-blue"
    del documents[1]["metadata"]["namespace"]
    live = "---\n".join(json.dumps(one, sort_keys=True, indent=1) + "\n" for one in reversed(documents))
    assert run(live, STOCK, "--exit-code") == (0, "", "")


def test_each_difference_is_below_its_resource(run):
    """The path of each field, its old and its new lines; items of a list are found by their name."""
    chart = STOCK.replace("image: web:1", "image: web:2").replace('{name: A, value: "1"}', "{name: C, value: x}")
    chart = chart.replace("    two\n", "    2\n").replace("old-password", "new-password")
    code, out, err = run(STOCK, chart, "--exit-code")
    assert (code, err) == (1, "")
    assert out == (
        '--- release istio in "istio-blue"\n'
        "+++ chart for mesh blue\n"
        "@@ ConfigMap/settings @@ changed\n"
        "  data.text, line 2\n"
        "-   two\n"
        "+   2\n"
        "@@ Deployment/istio-blue/web @@ changed\n"
        "  spec.template.spec.containers[web].image\n"
        "-   web:1\n"
        "+   web:2\n"
        "  spec.template.spec.containers[web].env[C]\n"
        '+   {"name": "C", "value": "x"}\n'
        "  spec.template.spec.containers[web].env[A]\n"
        '-   {"name": "A", "value": "1"}\n'
        "@@ Secret/token @@ changed\n"
        "  stringData.token\n"
        "-   (hidden)\n"
        "+   (hidden)\n"
        "3 changed\n"
    ).replace("ConfigMap/settings", "ConfigMap/istio-blue/settings").replace("Secret/token", "Secret/istio-blue/token")


def test_added_and_removed_resources_and_one_line_for_each(run):
    code, out, _ = run(CONFIG + "---\n" + ACCOUNT, CONFIG.replace("two", "2") + "---\n" + DEPLOYMENT, "--stat")
    assert code == 0
    assert out == (
        "~ ConfigMap/istio-blue/settings  1 field\n"
        "+ Deployment/istio-blue/web      added\n"
        "- Secret/istio-blue/token        removed\n"
        "1 added, 1 removed, 1 changed\n"
    )


def test_one_kind_only_and_a_kind_that_is_nowhere(run):
    """A misspelled kind must not look like a release without differences."""
    chart = STOCK.replace("web:1", "web:2").replace("two", "2")
    assert "Deployment" not in run(STOCK, chart, "--only", "configmap")[1]
    assert run(STOCK, chart, "--only", "Secret", "--exit-code") == (0, "", "")
    code, out, err = run(STOCK, chart, "--only", "Secret,Deploymnt")
    assert (code, out) == (2, "")
    assert '"Deploymnt", which neither the release nor the chart has; did you mean "Deployment"?' in err


@pytest.mark.parametrize(
    ("old", "new"),
    [("replicas: 2", 'replicas: "2"'), ('value: "true"', "value: true"), ("app: web", "app: web, b: ''")],
)
def test_a_type_or_an_empty_value_is_a_difference(old, new, run):
    """Kubernetes accepts a number and text in different fields."""
    assert run(STOCK, STOCK.replace(old, new), "--exit-code")[0] == 1


def test_the_schema_of_a_crd_counts():
    """`check` reads only the identity of CRDs, and here all of it is compared."""
    text = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b.io}\n"
        "spec:\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema: {type: object}\n"
    )
    [found] = differences(parsed(text, "", "x"), parsed(text.replace("type: object", "type: string"), "", "x"))
    assert [field.path for field in found.fields] == ["spec.versions[v1].schema.openAPIV3Schema.type"]


def test_the_order_of_a_list_counts():
    """Of arguments, and of items with names: the order of variables decides which may use which."""
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {args: [a, b, c], env: [{name: A}, {name: B}]}\n"
    new = text.replace("[a, b, c]", "[a, c]").replace("{name: A}, {name: B}", "{name: B}, {name: A}")
    [found] = differences(parsed(text, "", "x"), parsed(new, "", "x"))
    assert [(field.path, field.old, field.new) for field in found.fields] == [
        ("spec.args[1]", ["b"], []),
        ("spec.env (order)", ["A", "B"], ["B", "A"]),
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("echo 'Error: release: not found' >&2; exit 1", 'release istio in "istio-blue": cannot be read: release: not found'),
        ("exit 0", f'release istio in "istio-blue": {NOTHING}'),
        ("echo Thanks.", 'release istio in "istio-blue":1: a document is not a Kubernetes object: "Thanks."'),
        ("echo 'NOTES: thanks'", 'release istio in "istio-blue":1: a document is not a Kubernetes object: it has no kind'),
        ("echo 'kind: Status'", 'release istio in "istio-blue":1: a document is not a Kubernetes object: it has no name'),
        (
            "echo '{kind: ServiceList, items: [{metadata: {name: a}}]}'",
            'release istio in "istio-blue":1: a document is not a Kubernetes object: it has no kind',
        ),
        (
            "echo '{kind: Service, metadata: {generateName: a}}'",
            'release istio in "istio-blue":1: a document is not a Kubernetes object: it has no name',
        ),
        ("echo '{a: ['", ": not YAML: "),
    ],
)  # fmt: skip
def test_a_release_that_cannot_be_read_is_an_error(answer, message, run, tmp_path):
    """It is never called equal."""
    (tmp_path / "answer").write_text(answer + "\n")
    code, out, err = run("", STOCK)
    assert (code, out) == (2, "")
    assert message in err


def test_the_flags_of_a_release_need_one(run, tmp_path, capsysbinary):
    (tmp_path / "chart.yaml").write_text(STOCK)
    for flags in (["--stat"], ["--only", "Pod"]):
        assert main(["diff", "--profile=.", "-f", "chart.yaml", *flags]) == 2
        assert "--release NAME" in capsysbinary.readouterr().err.decode()


#: What helm 3.17.2 and 4.1.4 print of a release of NOTES, of hooks or of nothing, and of a template of comments.
WITHOUT_OBJECTS = ("\n", "---\n# Source: chart/templates/a.yaml\n# only a comment\n\n")


@pytest.mark.parametrize("live", WITHOUT_OBJECTS)
@pytest.mark.parametrize("flags", [(), ("--stat",)])
def test_a_release_without_objects_is_one_and_the_diff_says_so(live, flags, run):
    """Of a release that does not exist Helm says so, with the exit code 1."""
    code, out, err = run(live, CONFIG, "--exit-code", *flags)
    assert (code, err) == (1, "")
    assert out.endswith("1 added: the release has no objects\n")


def test_a_chart_without_objects_says_so_too(run):
    code, out, err = run(CONFIG, f"# nothing\n---\n{HOOK}", "--exit-code")
    assert (code, err) == (1, "")
    assert out.endswith("1 removed: the chart has no objects\n")


def test_two_without_objects_do_not_differ(run):
    assert run("\n", HOOK, "--exit-code") == (0, "", "")


def test_without_helm_the_message_says_so(run, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(STOCK, STOCK)[2].startswith("multimesh: helm is not on the PATH\n")


def test_a_helm_that_cannot_be_started_is_an_error(run, tmp_path):
    """It may be one for another machine."""
    (tmp_path / "bin/helm").write_bytes(b"\x7fELF for another machine")
    code, out, err = run(STOCK, STOCK)
    assert (code, out) == (2, "")
    assert err.startswith(f"multimesh: {tmp_path}/bin/helm cannot be started: ")


def test_kinds_that_are_commas_alone_are_not_all_kinds(run):
    code, out, err = run(STOCK, STOCK, "--only", " , ")
    assert (code, out) == (2, "")
    assert err.startswith('multimesh: --only is " , ", which names nothing\n')


@streams.over("source", streams.streams(helm="helm4"))
def test_a_chart_of_helm_3_and_of_helm_4_are_equal(source):
    """Helm 4 re-serialises the manifest of every stock chart, and not one field differs."""
    text = streams.stream("helm3", source.version, source.mesh, source.chart).text
    namespace = f"istio-{source.mesh}"
    found = differences(parsed(text, "", namespace), parsed(source.text, "", namespace))
    # The values of the injector of 1.5 are JSON, into which Helm 4 writes values that are null.
    assert [field for one in found for field in one.fields if field.new != ["null"]] == []
    assert found == [] or (source.version, found[0].title) == ("1.5.0", f"ConfigMap/{namespace}/istio-sidecar-injector")


def test_json_in_a_text_is_compared_by_its_fields():
    """Its form is not a difference, and a change in it is one field."""
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {values: \'{"a": {"b": 1}, "c": 2}\'}\n'
    other = text.replace('": ', '":')
    assert differences(parsed(text, "", "x"), parsed(other, "", "x")) == []
    [found] = differences(parsed(text, "", "x"), parsed(other.replace('"b":1', '"b":3'), "", "x"))
    assert [(field.path, field.old, field.new) for field in found.fields] == [("data.values.a.b", ["1"], ["3"])]

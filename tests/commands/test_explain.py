"""`multimesh explain`: who answers for an object, and why; and the pages of the manual."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path
from random import Random

import fake_kubectl
import oracle
import pytest
from finding_cases import thing, webhook
from meshes import mesh, spec
from program import profile, render
from streams import DIRECTORY, REASON, stream

import multimesh.cli
from multimesh.check.catalogue import CATALOGUE
from multimesh.check.meshes.answers import Asked, answering, injectors, validators, writers
from multimesh.check.meshes.changes import changes
from multimesh.check.notes import NOTES
from multimesh.check.objects import Object
from multimesh.commands.expected import expected_objects, with_expected
from multimesh.commands.manual import page
from multimesh.commands.subjects import namespace_labels, object_labels, subject_of
from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import PROFILE
from multimesh.mesh.manual import keys
from multimesh.mesh.profile import load
from multimesh.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ("--profile", str(ROOT / "charts-values/affirmed"), str(ROOT / "charts-values/blue"))
NAME = "kubernetes.io/metadata.name"
needs_streams = pytest.mark.skipif(not DIRECTORY.is_dir(), reason=REASON)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MULTIMESH_") and name != "MULTIMESH_STREAMS"]:
        monkeypatch.delenv(name)


@pytest.fixture
def explain(capsysbinary):
    """Return a function that runs the command, and returns its exit code, its output and its message."""

    def run(*words):
        code = multimesh.cli.main(["explain", *map(str, words)])
        captured = capsysbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return run


def matched(out: str) -> list[str]:
    """Return the names of the entries that match, in the order of the text."""
    return re.findall(r"(?m)^     (\S.*): matches$", out)


# The same as the API server.


def called(configs: list[dict], asked: Asked) -> list[str]:
    """Return the entries that the API server calls, in its order, by another program."""
    found = []
    for config in sorted(configs, key=lambda item: item["metadata"]["name"]):
        for entry in config["webhooks"]:
            rules = [rule for rule in entry["rules"]
                     if {asked.resource, "*"} & {*rule["resources"]} and {asked.group, "*"} & {*rule["apiGroups"]}]  # fmt: skip
            in_namespace = asked.namespace is None or oracle.selects(entry.get("namespaceSelector"), asked.namespace)
            if rules and in_namespace and oracle.selects(entry.get("objectSelector"), asked.labels):
                found.append(f"{config['metadata']['name']} {entry['name']}")
    return found


def named(watchers, asked) -> list[str]:
    return [f"{one.title.partition('/')[2]} {one.entry}" for one in watchers if one.answers(asked)]


def chosen(selector):
    """Return what selects namespaces in a webhook."""
    return {"namespaceSelector": selector}


def random_selector(rng, labels):
    """Return a selector of one to three requirements."""
    expressions = []
    for key in rng.sample(sorted(labels), rng.randint(1, 3)):
        operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        values = {"values": rng.sample(labels[key], rng.randint(1, 2))} if operator in ("In", "NotIn") else {}
        expressions.append({"key": key, "operator": operator, **values})
    return {"matchExpressions": expressions, **rng.choice(({}, {}, {"matchLabels": {"m": "1"}}))}


LABELS = {"a": ["1", "2", "3"], "b": ["1", "2"], "m": ["1", "2"]}
COMBINATIONS = [
    {key: value for key, value in zip(LABELS, chosen) if value is not None}
    for chosen in itertools.product(*([None, *values] for values in LABELS.values()))
]


def random_meshes(rng):
    """Return meshes with a few webhooks, whose names are in no particular order."""
    found = []
    for name in ("affirmed", "blue", "green"):
        entries = [
            webhook(name, chosen(random_selector(rng, LABELS)))["webhooks"][0]
            | {"name": f"{number}.istio.io", "objectSelector": random_selector(rng, LABELS)}
            for number in range(rng.randint(1, 3))
        ]
        config = webhook(name, {}) | {"webhooks": entries}
        config["metadata"] = {**config["metadata"], "name": f"{rng.choice('xyz')}-{name}"}
        found.append(mesh(config, name=name))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_webhooks_that_answer_are_those_of_brute_force(seed):
    """For every combination of labels of the namespace and a sample of those of the object, in the same order."""
    rng = Random(seed)
    meshes = random_meshes(rng)
    configs = [item.data for one in meshes for item in one.objects]
    seen = set()
    for namespace in (None, *COMBINATIONS):
        for labels in rng.sample(COMBINATIONS, 12):
            asked = Asked("", "pods", labels, namespace)
            found = named(injectors(meshes, asked), asked)
            assert found == called(configs, asked)
            seen.add(len(found))
    assert len(seen) > 1


def mentioned(watchers):
    """Return every label that a term names, with each of its values, and as absent."""
    terms = [term for one in watchers for term in one.terms]
    return {(term.about, term.key, value) for term in terms for value in (*term.values, None)}


@pytest.mark.parametrize("seed", range(20))
def test_the_labels_that_are_proposed_do_what_is_said(seed):
    """With them exactly one mesh answers, or none; and where nothing is proposed, no single label does it."""
    rng = Random(seed)
    meshes = random_meshes(rng)
    done = 0
    for namespace, labels in zip(rng.sample(COMBINATIONS, 6), rng.sample(COMBINATIONS, 6)):
        asked = Asked("", "pods", labels, namespace)
        watchers = injectors(meshes, asked)
        for name in ("", "affirmed", "blue", "green"):
            wanted = [name] if name else []
            found = changes(watchers, asked, name)
            if found is None:
                one_label = [asked.with_label(about, key, value) for about, key, value in mentioned(watchers)]
                assert not [one for one in one_label if answering(watchers, one) == wanted]
                continue
            done += 1
            changed = asked
            for change in found:
                changed = changed.with_label(*change)
            assert answering(watchers, changed) == wanted
            assert (found == ()) == (answering(watchers, asked) == wanted)
    assert done


def rendered_meshes(version):
    """Return both meshes of real charts, through `render`."""
    found = []
    for name, owns in (("affirmed", "own"), ("blue", "leave")):
        text = profile(name, f"istio-{name}", (f"nginx-{name}",), sharedResources=owns)
        parts = []
        for chart in ("istio-default",) if version.startswith("1.5.") else ("base", "istiod"):
            done = render(stream("helm3", version, name, chart).text.encode(), text)
            # CRDs of charts without `keep` are refused in the mesh that leaves them; webhooks are what counts here.
            parts += oracle.load(done.out) if done.code == 0 else []
        kept = [one for one in parts if one["kind"].endswith("WebhookConfiguration")]
        found.append(mesh(*kept, name=name))
    return found


@needs_streams
@pytest.mark.parametrize("version", ["1.5.0", "1.9.9", "1.24.6", "1.30.3"])
def test_real_charts_are_explained_as_the_api_server_calls_them(version):
    """All labels that decide: at most one mesh injects, except where revision labels of both are given."""
    meshes = rendered_meshes(version)
    configs = [item.data for one in meshes for item in one.objects]
    values = {
        "istio-injection": [None, "enabled", "disabled", "enabled-affirmed", "enabled-blue"],
        "istio.io/rev": [None, "affirmed", "blue", "default"],
        "multimesh.dev/mesh": [None, "affirmed", "blue"],
    }
    own = {"sidecar.istio.io/inject": [None, "true", "false"], "istio.io/rev": [None, "affirmed", "blue"]}
    mutating = [one for one in configs if one["kind"].startswith("Mutating")]
    validating = [one for one in configs if one["kind"].startswith("Validating")]
    calls = 0
    for chosen in itertools.product(*values.values()):
        namespace = {key: value for key, value in zip(values, chosen) if value is not None} | {NAME: "web"}
        for inner in itertools.product(*own.values()):
            labels = {key: value for key, value in zip(own, inner) if value is not None}
            pod = Asked("", "pods", labels, namespace)
            found = injectors(meshes, pod)
            assert named(found, pod) == called(mutating, pod)
            assert len(answering(found, pod)) <= 1
            resource = Asked("networking.istio.io", "virtualservices", labels, namespace)
            assert named(validators(meshes, resource), resource) == called(validating, resource)
            assert len(answering(validators(meshes, resource), resource)) <= 1
            calls += len(answering(found, pod))
    assert calls


@needs_streams
@pytest.mark.parametrize("name", ["affirmed", "blue"])
def test_what_a_profile_leads_one_to_expect_is_what_the_newest_chart_has(name):
    """Names, entries, selectors and rules of the real charts, through the same rewrite."""

    def webhooks(items):
        return {
            (item["kind"], item["metadata"]["name"], entry["name"]): (
                entry.get("namespaceSelector"), entry.get("objectSelector"), entry["rules"],
                {key: str(value) for key, value in entry["clientConfig"]["service"].items()},
            )
            for item in items
            if item["kind"].endswith("WebhookConfiguration")
            for entry in item["webhooks"]
        }  # fmt: skip

    (real,) = [one for one in rendered_meshes("1.30.3") if one.name == name]
    expected = expected_objects(spec(name, (f"nginx-{name}",), namespace=f"istio-{name}"))
    known = webhooks([item.data for item in real.objects])
    found = webhooks([item.data for item in expected])
    assert known == {key: found.get(key) for key in known}
    assert len(known) >= 4


def test_a_mesh_whose_webhooks_were_read_has_no_others():
    """Manifests win over what the profile would lead one to expect."""
    read = mesh(webhook("blue", chosen({"matchLabels": {"a": "b"}})), name="blue", profile=spec("blue"))
    assert with_expected(read) is read
    assert len(with_expected(mesh(name="blue", profile=spec("blue"))).objects) > 3


# Namespaces, pods and resources.


def test_a_namespace_of_a_profile_is_injected_validated_and_discovered_by_its_mesh(explain):
    """From profiles alone; the labels are those that `namespaces` writes."""
    code, out, err = explain("namespace", "nginx-affirmed", *PROFILES)
    assert (code, err) == (0, "")
    assert "Mesh affirmed injects a pod without labels." in out
    assert "Mesh affirmed validates an Istio resource without labels." in out
    assert "Mesh affirmed discovers the namespace, for its root certificate." in out
    assert matched(out) == [
        "affirmed.namespace.sidecar-injector.istio.io", "validation.istio.io", "meshConfig.discoverySelectors[0]",
    ]  # fmt: skip
    assert '       - namespace istio-injection In (enabled-blue), and it is "enabled-affirmed"\n' in out
    assert '       + namespace istio-injection In (enabled-affirmed), and it is "enabled-affirmed"\n' in out
    assert "mesh blue alone: kubectl label namespace nginx-affirmed istio-injection=enabled-blue --overwrite\n" in out
    assert "no mesh: kubectl label namespace nginx-affirmed istio-injection-\n" in out


def test_webhooks_are_listed_in_the_order_of_the_api_server(tmp_path, explain):
    """Alphabetically by configuration, whatever the order of files; entries in their own order."""
    for name, config in (("affirmed", "b"), ("blue", "a")):
        item = webhook(name, {}, name=config)
        item["webhooks"] = [{**item["webhooks"][0], "name": f"{entry}.istio.io"} for entry in ("z", "y")]
        (tmp_path / f"{name}.json").write_text(json.dumps(item))
    code, out, _ = explain(
        "pod", "-n", "web", "--labels", "", "--file", tmp_path / "affirmed.json", tmp_path / "blue.json"
    )
    assert code == 1
    assert re.findall(r"(?m)^  \d\. (\S+)  \(mesh (\w+)", out) == [
        ("MutatingWebhookConfiguration/a", "blue"), ("MutatingWebhookConfiguration/b", "affirmed"),
    ]  # fmt: skip
    assert matched(out) == ["z.istio.io", "y.istio.io"] * 2
    assert "2 meshes inject the pod: blue, affirmed." in out


def test_a_pod_that_two_meshes_inject_is_exit_code_1(tmp_path, explain):
    """The stock selector in both: the label that would leave one is named, or that there is none."""
    for name in ("affirmed", "blue"):
        terms = {"matchLabels": {"istio-injection": "enabled"}}
        terms |= (
            {"matchExpressions": [{"key": "mesh", "operator": "NotIn", "values": ["off"]}]} if name == "blue" else {}
        )
        (tmp_path / f"{name}.json").write_text(json.dumps(webhook(name, chosen(terms))))
    space = thing("Namespace", "web", labels={"istio-injection": "enabled"})
    (tmp_path / "spaces.json").write_text(json.dumps(space))
    files = ("--file", tmp_path / "affirmed.json", tmp_path / "blue.json", tmp_path / "spaces.json")
    code, out, err = explain("namespace", "web", *files)
    assert (code, err) == (1, "")
    assert "2 meshes inject a pod without labels: affirmed, blue." in out
    assert "mesh affirmed alone: kubectl label namespace web mesh=off --overwrite\n" in out
    assert "mesh blue alone: labels alone do not do it\n" in out
    assert "no mesh: kubectl label namespace web istio-injection-\n" in out


@pytest.mark.parametrize(
    ("labels", "answer", "code"),
    [
        ("app=web", "Mesh affirmed injects the pod.", 0),
        ("sidecar.istio.io/inject=false", "No mesh injects the pod.", 0),
    ],
)
def test_labels_of_a_pod_can_be_given(labels, answer, code, explain):
    """The pod need not exist."""
    done, out, _ = explain("pod", "--labels", labels, "-n", "nginx-affirmed", *PROFILES)
    assert done == code
    assert answer in out
    assert f"labels of the pod: {labels} (--labels)" in out


def test_the_label_of_another_revision_does_not_take_a_pod_away(explain):
    """The namespace decides: the term that fails says so."""
    _, out, _ = explain("pod", "--labels", "istio.io/rev=blue", "-n", "nginx-affirmed", *PROFILES)
    assert "Mesh affirmed injects the pod." in out
    assert '       + object istio.io/rev In (blue), and it is "blue"\n' in out
    assert "no mesh: " in out


def test_the_pods_of_a_workload_have_the_labels_of_its_template(tmp_path, explain):
    """As a Deployment in a manifest, whose own labels do not matter."""
    template = {"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}, "spec": {"containers": []}}
    item = thing("Deployment", "web", "nginx-affirmed", labels={"own": "1"}, spec={"template": template})
    item["apiVersion"] = "apps/v1"
    (tmp_path / "web.json").write_text(json.dumps(item))
    _, out, _ = explain("Deployment/web", "-n", "nginx-affirmed", *PROFILES, "--file", tmp_path / "web.json")
    assert "labels of the pod: sidecar.istio.io/inject=false" in out
    assert "No mesh injects the pod." in out


@pytest.mark.parametrize(
    "words", [("VirtualService/web",), ("virtualservice", "web"), ("vs/web",), ("virtualservices/web",)]
)
def test_a_resource_is_validated_by_the_mesh_of_its_namespace(words, explain):
    """However the kind is written; a resource that was not read has no labels."""
    code, out, err = explain(*words, "-n", "nginx-blue", *PROFILES)
    assert (code, err) == (0, "")
    assert "Mesh blue validates it." in out
    assert matched(out) == ["validation.istio.io"]
    assert "VirtualService/web was not read: taken as without labels" in out


def test_a_namespace_that_was_not_read_is_noted(explain):
    """Its labels decide the answer, and charts do not contain namespaces."""
    _, out, _ = explain("VirtualService/web", "-n", "elsewhere", *PROFILES)
    assert "No mesh validates it." in out
    assert "- with labels of the namespace the answer may be another one: name its profile, or use --cluster\n" in out
    _, out, _ = explain("VirtualService/web", "-n", "nginx-blue", *PROFILES)
    assert "the answer may be another one" not in out


def test_a_resource_with_a_revision_is_validated_by_that_webhook_too(tmp_path, explain):
    """Its labels are read from a manifest, which may omit the namespace of the release."""
    item = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "web", "labels": {"istio.io/rev": "blue"}}, "spec": {}}  # fmt: skip
    (tmp_path / "web.json").write_text(json.dumps(item))
    _, out, _ = explain("VirtualService/web", "-n", "nginx-blue", *PROFILES, "--file", tmp_path / "web.json")
    assert matched(out) == ["rev.validation.istio.io", "validation.istio.io"]


def test_a_resource_of_kubernetes_is_validated_by_no_mesh(explain):
    """Istio's validators are not about it."""
    code, out, _ = explain("Service/web", "-n", "nginx-blue", *PROFILES)
    assert code == 0
    assert "No mesh validates it.\n  No webhook or control plane of these meshes is about services.\n" in out


def test_a_config_map_is_written_by_the_control_plane_that_discovers_the_namespace(explain):
    """Under the name that the values of istiod give it."""
    _, out, _ = explain("ConfigMap/istio-ca-root-cert-blue", "-n", "nginx-blue", *PROFILES)
    assert "Mesh blue writes it as its root certificate." in out
    _, out, _ = explain("ConfigMap/other", "-n", "nginx-blue", *PROFILES)
    assert "No mesh writes it" in out


def test_control_planes_without_selectors_write_everywhere():
    """Two of them write the same ConfigMap; a Citadel has a list instead."""
    plain = {"name": "istio", "namespace": "istio-blue"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": plain, "data": {"mesh": "rootNamespace: x\n"}}
    found = writers([mesh(config, name="blue"), mesh(config, name="green")], "web", "istio-ca-root-cert")
    assert answering(found, Asked("", "configmaps", {}, {})) == ["blue", "green"]
    container = {"name": "citadel", "args": ["--listened-namespaces=istio-old,web"]}
    workload = thing(
        "Deployment", "istio-citadel", "istio-old", spec={"template": {"spec": {"containers": [container]}}}
    )
    for namespace, meshes in (("web", ["old"]), ("other", [])):
        found = writers([mesh(workload, name="old")], namespace)
        assert answering(found, Asked("", "configmaps", {}, {})) == meshes


def test_a_cluster_scoped_object_has_no_namespace_to_select():
    """The API server evaluates no namespaceSelector for it."""
    selecting = mesh(webhook("blue", chosen({"matchLabels": {"a": "b"}}), "Validating"), name="blue")
    asked = Asked("rbac.istio.io", "clusterrbacconfigs", {}, None)
    entry = selecting.objects[0].data["webhooks"][0]
    entry["rules"] = [{"operations": ["*"], "apiGroups": ["rbac.istio.io"], "apiVersions": ["*"], "resources": ["*"]}]
    assert answering(validators([selecting], asked), asked) == ["blue"]
    assert changes(validators([selecting], asked), asked, "") is None


def test_webhooks_that_were_not_saved_leave_the_answer_open(tmp_path, explain):
    """A file of pods does not say that no mesh injects."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "web", "uid": "1"}}
    (tmp_path / "a.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}))
    what = "no MutatingWebhookConfiguration was saved, so it is not known who injects a pod without labels"
    code, out, err = explain("namespace", "web", "--file", tmp_path / "a.json")
    assert (code, out) == (2, "")
    assert err == f"multimesh: {what}\n  Save what 'multimesh check --print-kubectl' names.\n"
    code, out, err = explain("pod", "a", "-n", "web", "--file", tmp_path / "a.json")
    assert (code, out) == (2, "")
    hook = webhook("blue", chosen({"matchLabels": {"a": "b"}}))
    (tmp_path / "b.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod, hook]}))
    code, out, err = explain("namespace", "web", "--file", tmp_path / "b.json")
    assert (code, err) == (0, "")
    assert "  - no ValidatingWebhookConfiguration was saved, so it is not known who validates an Istio resource" in out


def test_a_selector_that_cannot_be_read_leaves_the_answer_open(tmp_path, explain):
    """The webhook may match, so the answer is not that no mesh injects."""
    (tmp_path / "a.json").write_text(
        json.dumps(webhook("blue", chosen({"matchExpressions": [{"key": "a", "operator": "Is"}]})))
    )
    code, out, err = explain("namespace", "web", "--file", tmp_path / "a.json")
    assert (code, err) == (1, "")
    assert "No mesh injects a pod without labels, as far as the selectors can be read.\n" in out
    assert ": not known\n" in out
    assert 'its selector cannot be read: an expression has the operator "Is"' in out


def test_conditions_of_a_webhook_are_not_evaluated_and_that_is_said(tmp_path, explain):
    """They are programs."""
    item = webhook("blue", {})
    item["webhooks"][0]["matchConditions"] = [{"name": "x", "expression": "false"}]
    (tmp_path / "a.json").write_text(json.dumps(item))
    assert "? its matchConditions were not evaluated" in explain("namespace", "web", "--file", tmp_path / "a.json")[1]


# The cluster.


def cluster(tmp_path, monkeypatch, *items):
    """Put a kubectl on the PATH that answers with these objects."""
    for number, item in enumerate(items):
        item["metadata"]["uid"] = str(number)
    kubectl = fake_kubectl.install(tmp_path / "bin", list(items))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return kubectl


def live(monkeypatch, tmp_path):
    space = thing("Namespace", "web", labels={"istio-injection": "enabled-blue"})
    pod = thing("Pod", "web-1", "web", labels={"app": "web"}, spec={"hostNetwork": True})
    config = webhook("blue", chosen({"matchLabels": {"istio-injection": "enabled-blue"}}))
    return cluster(tmp_path, monkeypatch, space, pod, config)


def test_a_pod_of_the_cluster_is_explained_with_its_live_labels(tmp_path, monkeypatch, explain):
    """One pod is read, by its name."""
    kubectl = live(monkeypatch, tmp_path)
    code, out, err = explain("pod", "web-1", "-n", "web", "--cluster")
    assert (code, err) == (0, "")
    assert "labels of the pod: app=web (cluster)" in out
    assert f"labels of the namespace: istio-injection=enabled-blue, {NAME}=web (cluster)" in out
    assert "injects the pod." in out
    assert "the pod uses hostNetwork" in out
    assert {request.name for request in kubectl.requests if request.resource == "pods"} == {"web-1"}
    assert {request.verb for request in kubectl.requests} == {"get", "list"}


def test_a_pod_that_is_not_there_is_an_error(tmp_path, monkeypatch, explain):
    """Its labels decide, and nobody knows them."""
    live(monkeypatch, tmp_path)
    code, out, err = explain("pod", "web-2", "-n", "web", "--cluster")
    assert (code, out) == (2, "")
    assert 'there is no pod "web-2" in "web"' in err


@pytest.mark.parametrize("resource", ["pods", "namespaces", "mutatingwebhookconfigurations"])
def test_what_decides_must_be_readable(resource, tmp_path, monkeypatch, explain):
    """Without the right to read it, the answer would be that nobody injects the pod."""
    kubectl = live(monkeypatch, tmp_path)
    assert explain("pod", "web-1", "-n", "web", "--cluster")[0] == 0
    asked = kubectl.requests
    (kubectl.directory / "grants.json").write_text(json.dumps(sorted(one for one in asked if one.resource != resource)))
    code, out, err = explain("pod", "web-1", "-n", "web", "--cluster")
    assert (code, out) == (2, "")
    assert f"{resource} " in err
    assert "could not be read" in err


def test_what_does_not_decide_is_a_note(tmp_path, monkeypatch, explain):
    """Services say nothing about the injection of a pod."""
    kubectl = live(monkeypatch, tmp_path)
    explain("pod", "web-1", "-n", "web", "--cluster")
    asked = kubectl.requests
    (kubectl.directory / "grants.json").write_text(
        json.dumps(sorted(one for one in asked if one.resource != "services"))
    )
    code, out, err = explain("pod", "web-1", "-n", "web", "--cluster")
    assert (code, err) == (0, "")
    assert "  - services could not be read" in out


def test_a_saved_cluster_is_as_good(tmp_path, explain):
    """Objects with a uid are live, whatever the file is called."""
    space = thing("Namespace", "nginx-blue", labels={"istio-injection": "enabled-affirmed"})
    space["metadata"]["uid"] = "1"
    (tmp_path / "saved.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [space]}))
    _, out, _ = explain("namespace", "nginx-blue", *PROFILES, "--file", tmp_path / "saved.json")
    assert "Mesh affirmed injects a pod without labels." in out


# Pages.


@pytest.mark.parametrize("finding", CATALOGUE)
def test_every_finding_has_a_page(finding, explain):
    """Severity, why, and what to do; nothing is read for it."""
    code, out, err = explain(finding)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert f"finding {finding} ({CATALOGUE[finding].severity})" in out
    assert CATALOGUE[finding].why in words
    assert f"What to do: {' '.join(CATALOGUE[finding].remedy.split())}" in words
    assert "](" not in out
    for note in NOTES[finding].split("\n"):
        assert re.sub(r"\[.*", "", note).strip() in words


def texts() -> list[tuple[str, str]]:
    """Return the texts of the package that are not docstrings, each after its file."""
    found = []
    for path in sorted((ROOT / "multimesh").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docstrings = {id(node.body[0].value) for node in ast.walk(tree)
                      if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
        found += [(path.relative_to(ROOT).as_posix(), node.value) for node in ast.walk(tree)
                  if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings]  # fmt: skip
    return found


#: Where the package names pages of docs/: in links for programs, and at the end of pages of `explain`.
LINKS = ("multimesh/check/catalogue.py", "multimesh/render/report.py", "multimesh/commands/manual.py")


def test_no_message_sends_its_reader_to_a_file_that_is_not_installed():
    """`explain` prints the page instead, and there is one for each word that a message names."""
    assert [text for file, text in texts() if "docs/" in text and file not in LINKS] == []
    words = [word.rstrip(".'`") for _, text in texts() for word in re.findall(r"multimesh explain ([\w.-]+)", text)]
    assert len(words) > 5
    assert [word for word in words if not page(word)] == []


def test_pages_are_printed_offline_from_a_zip_file(tmp_path):
    """Only the package is there, without the documentation."""
    package = tmp_path / "program" / "multimesh"
    shutil.copytree(ROOT / "multimesh", package, ignore=shutil.ignore_patterns("__pycache__"))
    zipapp.create_archive(package.parent, tmp_path / "multimesh.pyz", main="multimesh.cli:main")
    for word in ("two-owners", "node-ports", "spec.nodePorts"):
        command = [sys.executable, "-I", str(tmp_path / "multimesh.pyz"), "explain", word]
        done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, page(word), "")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.ID)
def test_every_rule_has_a_page(rule, explain):
    """Its docstring, which is the manual."""
    code, out, _ = explain(rule.ID)
    assert code == 0
    assert f"rule {rule.ID}\n\n{rule.__doc__.strip()}\n" in out


@pytest.mark.parametrize("key", [key.path for key in keys(PROFILE)])
def test_every_key_of_the_profile_has_a_page(key, explain):
    """By its path, and by its last name."""
    (about,) = [one for one in keys(PROFILE) if one.path == key]
    for word in (key, key.rpartition(".")[2]):
        code, out, _ = explain(word)
        assert code == 0
        assert f"key {key} (" in out
        assert about.description in " ".join(out.split())


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("metadata.name", ["default", "rev", "staging", "viewer"]),
        ("spec.namespace", ["galley", "istio", "istiod", "ztunnel", "istio-cni", "istio-operator"]),
        ("spec.revision", ["default", "istio", "cni", "operator"]),
    ],
)
def test_the_page_of_a_name_says_which_ones_are_refused(key, names, explain):
    """Messages about a name lead there, and the profile is refused with each of these names."""
    out = " ".join(explain("key", key)[1].split())
    values = {"metadata.name": "x", "spec.namespace": "istio-x", "spec.revision": "x"}
    for name in names:
        assert re.search(rf"\b{name}\b", out.partition("Refused are")[2]), name
        mesh, namespace, revision = {**values, key: name}.values()
        text = f"metadata: {{name: {mesh}}}\nspec: {{namespace: {namespace}, revision: {revision}}}\n"
        with pytest.raises(MultimeshError, match=re.escape(f'{key} "{name}"')):
            load(text, "profile.yaml")


def test_a_word_of_several_pages_prints_all(explain):
    """`revision` is a rule and a key; a key is printed with those below it."""
    out = explain("revision")[1]
    assert "rule revision\n" in out
    assert "key spec.revision (" in out
    assert "key spec.citadel.alsoListen (" in explain("citadel")[1]
    assert "rule citadel-scope\n" in (both := explain("citadel-scope")[1])
    assert "finding citadel-scope (error)\n" in both


def test_the_title_of_a_page_names_that_page(explain):
    """A page begins with `rule NAME`, `finding NAME` or `key NAME`, so that is what a reader types next."""
    code, out, _ = explain("rule", "citadel-scope")
    assert (code, out.startswith("rule citadel-scope\n")) == (0, True)
    assert "finding citadel-scope" not in out
    assert explain("finding", "citadel-scope")[1].startswith("finding citadel-scope (error)\n")
    assert explain("key", "spec.nodePorts")[1].startswith("key spec.nodePorts ")


# What cannot be explained.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["injection-overlab"], 'no finding, rule or key of the profile is called "injection-overlab"'),
        (["injection-overlab"], "Did you mean injection-overlap"),
        (["rule", "citadel-scop"], 'no rule is called "citadel-scop"'),
        (["rule", "citadel-scop"], "Did you mean citadel-scope?"),
        (["rule", "root-missing"], 'no rule is called "root-missing"'),
        (["pod"], 'no finding, rule or key of the profile is called "pod"'),
        (["pod", "web"], "-n is missing: a Pod is in a namespace"),
        (["VirtualServce/web", "-n", "x"], 'the kind "VirtualServce" is not known'),
        (["VirtualServce/web", "-n", "x"], "Did you mean VirtualService?"),
        (["VirtualService/", "-n", "x"], "is not an object"),
        (["pod", "a", "b"], '"pod a b" is not an object'),
        (["namespace", "web"], "there are no meshes to look at"),
        (["pod", "-n", "web", "--labels", "a", *PROFILES], '--labels holds "a"'),
        (["namespace", "web", "--file", "nowhere.yaml"], "there is no such file"),
    ],
)
def test_what_cannot_be_explained_is_an_error(words, message, explain):
    """With a message, and without output."""
    code, out, err = explain(*words)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("text", ["# nothing\n", '{"apiVersion": "v1", "kind": "Status", "status": "Failure"}'])
def test_a_file_without_an_object_is_no_mesh_that_does_not_inject(tmp_path, explain, text):
    """Nothing was read, so the answer would be that nobody injects the pod."""
    (tmp_path / "a.json").write_text(text)
    code, out, err = explain("pod", "-n", "web", "--file", tmp_path / "a.json")
    assert (code, out) == (2, "")
    assert "a.json: no Kubernetes object is in it" in err
    code, out, _ = explain("pod", "-n", "web", *PROFILES, "--file", tmp_path / "a.json")
    assert code == 0
    assert 'a.json" holds no resources' in out


def test_words_may_be_between_flags(explain):
    """As files of `check`."""
    first = explain("pod", "-n", "nginx-blue", "web", *PROFILES)
    assert first == explain("pod", "web", "-n", "nginx-blue", *PROFILES)
    assert first[0] == 0


def test_flags_have_their_twins_in_the_environment(monkeypatch, tmp_path, explain):
    """As those of all commands; several paths are separated as in PATH."""
    (tmp_path / "a.json").write_text(json.dumps(webhook("blue", {})))
    monkeypatch.setenv("MULTIMESH_FILE", str(tmp_path / "a.json"))
    monkeypatch.setenv("MULTIMESH_NAMESPACE", "web")
    assert "injects the pod." in explain("pod", "web-1")[1]
    monkeypatch.delenv("MULTIMESH_FILE")
    monkeypatch.setenv("MULTIMESH_PROFILE", os.pathsep.join(PROFILES[1:]))
    assert explain("namespace", "nginx-blue")[0] == 0


def test_the_kind_of_a_subject_is_the_one_that_istio_has():
    """Gateway is a kind of three groups."""
    gateway = subject_of(["Gateway/web"], "web")
    assert gateway is not None
    assert (gateway.group, gateway.plural) == ("networking.istio.io", "gateways")
    with pytest.raises(MultimeshError):
        subject_of(["Thing/web"], "web")


def test_a_live_namespace_and_object_win_over_a_manifest():
    """What is there decides, and then what will be there."""
    manifest = Object("", "Namespace", "", "web", "a.yaml", 3, {"metadata": {"labels": {"a": "old"}}})
    there = manifest._replace(file="cluster", line=0, data={"metadata": {"uid": "1", "labels": {"a": "new"}}})
    assert namespace_labels("web", [manifest, there], []).values == {"a": "new", NAME: "web"}
    assert namespace_labels("web", [manifest], []).source == "a.yaml:3"
    subject = subject_of(["pod", "x"], "web")
    assert subject is not None
    pod = Object("", "Pod", "web", "x", "a.yaml", 3, {"metadata": {"labels": {"a": "old"}}})
    assert object_labels(subject, [pod])[0].values == {"a": "old"}

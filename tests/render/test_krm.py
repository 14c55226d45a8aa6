"""A KRM function reports what it found as results, each with its resource and file, and never half a list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kustomizes
import pytest
import yaml
from helms import PROGRAM
from program import profile, run

from multimesh.mesh.profile import load
from multimesh.render.pipeline import render

BLUE = profile("blue", "istio-blue", ("nginx-blue",))


def item(kind: str, name: str, path: str = "", index: int = 0, **more: Any) -> dict[str, Any]:
    """Return an item, annotated as kustomize and kpt do if it has a file."""
    group = {"ClusterRole": "rbac.authorization.k8s.io/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1"}
    found: dict[str, Any] = {"apiVersion": group.get(kind, "example.com/v1"), "kind": kind, "metadata": {"name": name}}
    if path:
        found["metadata"]["annotations"] = {
            "internal.config.kubernetes.io/path": path,
            "internal.config.kubernetes.io/index": str(index),
            "config.kubernetes.io/path": "an older annotation",
        }
    return found | more


REFUSED = [
    item("ClusterRole", "kiali", "a/roles.yaml"),
    item("ClusterRole", "unknown", "a/roles.yaml", 1),
    item("Widget", "w", "widgets.yaml"),
]
CRD = item("CustomResourceDefinition", "gateways.networking.istio.io", "crds.yaml")
CRD["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep"


def written(items: list[dict[str, Any]], form: str, **more: Any) -> bytes:
    """Return a ResourceList in block style or on one line."""
    value = {"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": items, **more}
    text = json.dumps(value) if form == "json" else yaml.safe_dump(value, sort_keys=False)
    return text.encode()


def many(count: int) -> list[dict[str, Any]]:
    """Return items that make a list so long that it is cut."""
    return [item("ClusterRole", "kiali", f"{number}.yaml", rules=[{"verbs": ["get" * 700]}]) for number in range(count)]


@pytest.fixture
def blue(tmp_path: Path) -> str:
    (tmp_path / "profile.yaml").write_text(BLUE, encoding="utf-8")
    return f"--profile={tmp_path}"


@pytest.mark.parametrize("form", ["block", "json"])
@pytest.mark.parametrize("before", [0, 40])
def test_a_refusal_is_a_result_with_its_resource_and_file(blue, form, before):
    """The list has no items, so that nothing can be taken for a manifest."""
    done = run(written(many(before) + REFUSED, form), blue)
    assert done.code == 2
    answer = yaml.safe_load(done.out)
    assert (answer["apiVersion"], answer["kind"], answer["items"]) == ("config.kubernetes.io/v1", "ResourceList", [])
    role, widget, advice = answer["results"]
    assert role["resourceRef"] == {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "unknown",
    }  # fmt: skip
    assert (role["file"], widget["file"]) == (
        {"path": "a/roles.yaml", "index": 1}, {"path": "widgets.yaml", "index": 0},
    )  # fmt: skip
    assert [one["severity"] for one in answer["results"]] == ["error", "error", "info"]
    assert role["tags"] == widget["tags"] == {"rule": "cluster-scoped-names"}
    assert 'the cluster-scoped name "unknown"' in role["message"]
    assert "keepNames" in advice["message"]


def test_messages_name_the_file_and_not_a_line_of_the_list(blue):
    """The first document of a file has no number."""
    done = run(written(REFUSED, "block"), blue)
    heads = [line for line in done.err.splitlines() if line.startswith("multimesh: ")]
    assert heads[0].startswith("multimesh: a/roles.yaml, document 2: ClusterRole/unknown: ")
    assert heads[1].startswith("multimesh: widgets.yaml: Widget/w: ")
    assert "<stdin>" not in done.err


def test_a_list_without_annotations_keeps_the_line(blue):
    """It was written by hand, and the line is a line of its file."""
    done = run(written([item("Widget", "w")], "block"), blue)
    assert done.err.startswith("multimesh: <stdin>:4: Widget/w: ")
    assert "file" not in yaml.safe_load(done.out)["results"][0]


def test_a_mistake_in_the_profile_is_about_no_item(tmp_path):
    """Stdout stays empty, and the message names the file of the functionConfig."""
    config = yaml.safe_load(BLUE)
    config["metadata"]["annotations"] = {"config.kubernetes.io/path": "mesh.yaml"}
    config["spec"]["namspace"] = config["spec"].pop("namespace")
    done = run(written(REFUSED, "block", functionConfig=config))
    assert (done.code, done.out) == (2, b"")
    assert done.err.startswith('multimesh: mesh.yaml: MeshProfile/blue: unknown key "spec.namspace"')


def test_advice_about_the_profile_names_the_function_config():
    """A profile that comes in the list has no path."""
    done = run(written(REFUSED, "block", functionConfig=yaml.safe_load(BLUE)))
    assert "# In MeshProfile/blue, in place of" in done.err
    assert "add one of these below spec in MeshProfile/blue:" in done.err


@pytest.mark.parametrize(
    "stream", ["no: [YAML\nkind: ResourceList", "kind: List\nitems: []\n# ResourceList: x\n---\n1\n"]
)
def test_what_is_no_resource_list_is_answered_as_before(blue, stream):
    done = run(stream.encode(), blue)
    assert (done.code, done.out) == (2, b"")
    assert "<stdin>" in done.err


@pytest.mark.parametrize("form", ["block", "json"])
@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("results", [[], [{"message": "of another function"}]])
def test_what_was_left_out_is_a_result_and_the_items_are_the_same(blue, form, count, results):
    """Only `results` is added to what is written for a list without findings."""
    more = {"results": results} if results else {}
    stock = written([*many(count), CRD], form, **more)
    done = run(stock, blue)
    assert (done.code, done.err) == (0, "")
    answer = yaml.safe_load(done.out)
    *others, found = answer.pop("results")
    assert others == results
    assert (found["severity"], found["file"]) == ("info", {"path": "crds.yaml", "index": 0})
    assert found["resourceRef"]["name"] == "gateways.networking.istio.io"
    assert "left out" in found["message"]
    rendered = yaml.safe_load(render(stock, load(BLUE, "p.yaml")).output)
    rendered.pop("results", None)
    assert answer == rendered
    assert len(answer["items"]) == count


def test_a_list_of_another_kind_gets_no_results(blue):
    """Helm and kubectl know nothing of them."""
    stock = written([CRD], "block").replace(b"kind: ResourceList", b"kind: List  # not a ResourceList")
    done = run(stock, blue)
    assert done.code == 0
    assert b"results" not in done.out


# What the KRM functions specification says

#: The annotations by which an orchestrator finds the file of an item again, in both forms, with others that are internal
#: (kustomize kyaml, kio/kioutil/kioutil.go). A function must not change them.
INTERNAL = {
    "internal.config.kubernetes.io/path": "a/b.yaml",
    "internal.config.kubernetes.io/index": "2",
    "internal.config.kubernetes.io/id": "7",
    "internal.config.kubernetes.io/seqindent": "compact",
    "internal.config.kubernetes.io/annotations-migration-resource-id": "3",
    "internal.config.kubernetes.io/of-an-orchestrator": "x",
    "config.kubernetes.io/path": "a/b.yaml",
    "config.kubernetes.io/index": "2",
    "config.k8s.io/id": "7",
    "config.kubernetes.io/merge-source": "original",
}
#: What a result may have, and what it must have.
RESULT: dict[str, Any] = {
    "required": ["message"],
    "additionalProperties": False,
    "properties": {
        "message": {"type": "string", "minLength": 1},
        "severity": {"enum": ["error", "warning", "info"]},
        "resourceRef": {
            "required": ["apiVersion", "kind", "name"],
            "additionalProperties": False,
            "properties": {key: {"type": "string"} for key in ("apiVersion", "kind", "namespace", "name")},
        },
        "file": {
            "required": ["path"],
            "additionalProperties": False,
            "properties": {"path": {"type": "string"}, "index": {"type": "number"}},
        },
        "tags": {"additionalProperties": {"type": "string"}},
    },
}
#: Items that rules change: a name, a list of annotations, selectors and labels.
CHANGED = (
    item("ClusterRole", "kiali", rules=[]),
    item("CustomResourceDefinition", "gateways.networking.istio.io", spec={"versions": [{"name": "v1"}]}),
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector"},
        "webhooks": [
            {
                "name": "sidecar-injector.istio.io",
                "clientConfig": {"service": {"name": "istio-sidecar-injector", "namespace": "istio-blue"}},
                "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
            }
        ],
    },
)
OWNER = profile("blue", "istio-blue", ("nginx-blue",), sharedResources="own")


@pytest.mark.parametrize("form", ["block", "json"])
@pytest.mark.parametrize("before", [0, 40])
@pytest.mark.parametrize("stock", CHANGED, ids=lambda stock: stock["kind"])
def test_an_item_that_is_changed_keeps_the_annotations_of_the_orchestrator(stock, before, form):
    """Both forms of path, index and id, and every other one, have the values that they had."""
    annotated = stock | {"metadata": {**stock["metadata"], "annotations": INTERNAL}}
    answer = yaml.safe_load(render(written([*many(before), annotated], form), load(OWNER, "p.yaml")).output)
    found = answer["items"][-1]
    assert len(answer["items"]) == before + 1
    assert found != annotated
    assert found["metadata"]["annotations"].items() >= INTERNAL.items()


@pytest.mark.parametrize("form", ["block", "json"])
@pytest.mark.parametrize(
    "stock", [*CHANGED, *REFUSED], ids=lambda stock: f"{stock['kind']}-{stock['metadata']['name']}"
)
def test_a_local_item_is_not_changed_or_refused(stock, form):
    """Its tools read it, and nothing applies it, so its stock names meet no other mesh; the bytes stay."""
    local = {**INTERNAL, "config.kubernetes.io/local-config": "true"}
    annotated = stock | {"metadata": {**stock["metadata"], "annotations": local}}
    stream = written([annotated], form)
    done = render(stream, load(OWNER, "p.yaml"))
    assert done.output == stream


@pytest.mark.parametrize("stock", [*REFUSED, {"kind": "Widget", "metadata": {"name": "w"}}])
def test_results_are_those_of_the_specification(blue, stock):
    """A reference needs apiVersion, kind and name; what lacks one of them has none."""
    done = run(written([stock, CRD], "block"), blue)
    results = yaml.safe_load(done.out)["results"]
    assert results
    for result in results:
        jsonschema.validate(result, RESULT)


# What a user of kustomize sees


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Write a directory with two roles in one file, one of which is refused, and the profile as a function."""
    config = yaml.safe_load(BLUE)
    config["metadata"]["annotations"] = {
        "config.kubernetes.io/function": f"exec:\n  path: {PROGRAM}\n",
        "config.kubernetes.io/local-config": "true",
    }
    roles = [item("ClusterRole", "kiali"), item("ClusterRole", "unknown")]
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "roles.yaml").write_text(yaml.safe_dump_all(roles), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [roles.yaml]\ntransformers: [profile.yaml]\n")
    return tmp_path


def kustomize(*arguments: object) -> subprocess.CompletedProcess[str]:
    binary = kustomizes.program(kustomizes.KUSTOMIZE, "sigs.k8s.io/kustomize/kustomize/v5", "kustomize")
    command = [binary, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_kustomize_build_shows_the_message_first(package):
    """It ignores results, and shows stderr."""
    done = kustomize("build", "--enable-alpha-plugins", "--enable-exec", package)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        'multimesh: ClusterRole/unknown: multimesh does not know the cluster-scoped name "unknown"'
    )
    assert done.stderr.rstrip().endswith("couldn't execute function: exit status 2")


def test_kustomize_fn_run_writes_the_results_and_changes_no_file(package, tmp_path_factory):
    """It reads results of a function that fails, as kpt does."""
    (package / "kustomization.yaml").unlink()
    before = (package / "roles.yaml").read_text()
    results = tmp_path_factory.mktemp("results")
    done = kustomize("fn", "run", package, "--enable-exec", "--results-dir", results)
    assert done.returncode == 1
    assert done.stderr.startswith("multimesh: roles.yaml, document 2: ClusterRole/unknown: ")
    [file] = results.iterdir()
    [found] = yaml.safe_load(file.read_text())
    assert found["file"] == {"path": "roles.yaml", "index": 1}
    assert (package / "roles.yaml").read_text() == before


def test_kustomize_fn_run_renames_where_nothing_is_refused(package):
    """The same files, without the unknown role."""
    (package / "kustomization.yaml").unlink()
    (package / "roles.yaml").write_text(yaml.safe_dump(item("ClusterRole", "kiali")))
    done = kustomize("fn", "run", package, "--enable-exec")
    assert (done.returncode, done.stderr) == (0, "")
    assert "name: kiali-blue" in (package / "roles.yaml").read_text()

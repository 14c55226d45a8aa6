"""What could not be read is never called sound: a part of an input that is not an object is told with its place."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from running_clusters import sound

from multimesh.cli import main

MESH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: istiod, namespace: istio-{name}}}
spec: {{template: {{spec: {{containers: [{{name: discovery}}]}}}}}}
"""
GATEWAY = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "gateway", "namespace": "istio-red"},
    "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 31380}]},
}
BARE = {key: value for key, value in GATEWAY.items() if key not in ("apiVersion", "kind")}
OTHER = json.dumps(GATEWAY).replace("istio-red", "istio-blue")
PROFILE = """\
apiVersion: multimesh.dev/v1alpha1
kind: MeshProfile
metadata: {name: affirmed}
spec: {namespace: istio-affirmed, workloadNamespaces: [nginx-affirmed]}
"""

NOT_OBJECTS = {
    "a table of kubectl": (
        "NAME  STATUS AGE\nistio-red Active 3d\n",
        'it is the text "NAME  STATUS AGE istio-red Active 3d"',
    ),
    "names": ("namespace/istio-red\npod/web\n", 'it is the text "namespace/istio-red pod/web"'),
    "a number": ("8\n", 'it is the text "8"'),
    "an error of kubectl": (
        "Error from server (Forbidden): pods is forbidden\n",
        'it begins with "Error from server (Forbidden)" and has no kind',
    ),
    "a Status": (
        '{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Failure","message":"pods is forbidden"}',
        'it is a Status: "pods is forbidden"',
    ),
    "a table as JSON": (
        '{"apiVersion":"meta.k8s.io/v1","kind":"Table","rows":[]}',
        "it is a Table, a summary of objects",
    ),
    "Helm values": ("global:\n  a: b\n", 'it begins with "global" and has no kind'),
    "a manifest without a kind": (
        "apiVersion: v1\nmetadata: {name: a}\n",
        'it begins with "apiVersion" and has no kind',
    ),
    "items that are a mapping": (
        '{"apiVersion":"v1","kind":"List","items":{"a":1}}',
        "it is a List without a list of items",
    ),
    "a Status with items": (
        json.dumps({"apiVersion": "v1", "kind": "Status", "message": "no", "items": [GATEWAY]}),
        'it is a Status: "no"',
    ),
    "a list without objects": ("- a\n- b\n", "it is a list without objects"),
}

OBJECTS = {
    "an array": [GATEWAY],
    "a raw list": {"kind": "ServiceList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [BARE]},
    "a list without a kind": {"items": [GATEWAY]},
    "an array in a list": {"kind": "List", "apiVersion": "v1", "items": [[GATEWAY]]},
}

NOTHING = {
    "a comment": "# nothing\n",
    "an empty document": "---\n---\n",
    "null": "null\n",
    "an empty mapping": "{}\n",
    "an empty list": '{"apiVersion":"v1","kind":"List","items":[]}',
    "an empty list of an API server": '{"apiVersion":"v1","kind":"ServiceList","items":null}',
    "the head of a dry run": "NAME: red\nLAST DEPLOYED: Mon Nov 30 09:48:07 2026\nSTATUS: pending-install\nHOOKS:\n"
    "MANIFEST:\n",
    "the download of a chart": "Pulled: example.org/istiod:1.30.3\nDigest: sha256:00\n",
    "a kind that ends in List": '{"apiVersion":"example.org/v1","kind":"AllowList","metadata":{"name":"a",'
    '"namespace":"istio-red"}}',
}

CUT_OFF = {"a token": {"continue": "abc"}, "a count": {"remainingItemCount": 900, "continue": "abc"}}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in an empty directory and returns its findings, or what it refuses."""
    monkeypatch.chdir(tmp_path)
    Path("red.yaml").write_text(MESH.format(name="red"))
    Path("blue.yaml").write_text(MESH.format(name="blue"))

    def start(*arguments: str) -> list[tuple[str, str, str, list[tuple[str, int]]]] | str:
        code = main([*arguments, "-o", "json"])
        said = capsys.readouterr()
        if code == 2:
            return said.err
        return [
            (one["id"], one["severity"], one["message"], [(side["file"], side["line"]) for side in one["sides"]])
            for one in json.loads(said.out)["findings"]
        ]

    return start


def explained(monkeypatch, *arguments: str) -> str:
    """Return what `explain` refuses; it has no formats."""
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    assert main([*arguments]) == 2
    return said.getvalue()


def unread(found):
    assert not isinstance(found, str), found
    return [(level, message, places) for name, level, message, places in found if name == "unreadable"]


def written(name: str, text: str) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text)
    return name


def told(file, why, line):
    return [("warning", f'"{file}" holds a document that is not a Kubernetes object: {why}', [(file, line)])]


@pytest.mark.parametrize("case", NOT_OBJECTS)
def test_a_document_beside_objects_that_is_none_is_told_with_its_line(run, case):
    text, why = NOT_OBJECTS[case]
    file = written("more.yaml", f"{MESH.format(name='red')}---\n{text}")
    assert unread(run("check", file, "blue.yaml")) == told(file, why, 6)


@pytest.mark.parametrize("case", NOT_OBJECTS)
def test_a_named_file_without_objects_is_told_although_its_neighbour_has_some(run, case):
    text, why = NOT_OBJECTS[case]
    file = written("none.yaml", text)
    assert unread(run("check", f"red.yaml,{file}", "blue.yaml")) == told(file, why, 1)


@pytest.mark.parametrize("case", NOT_OBJECTS)
def test_a_previous_manifest_that_is_none_is_told(run, case):
    """It was taken for one without objects, or for an object that the upgrade removes."""
    text, why = NOT_OBJECTS[case]
    file = written("none.yaml", text)
    found = run("check", "red.yaml", "--previous", "red.yaml", "--previous", file)
    assert unread(found) == told(file, why, 1)
    assert "identity-lost" not in [one[0] for one in found]


@pytest.mark.parametrize("case", sorted(NOT_OBJECTS.keys() - {"Helm values", "a list without objects"}))
def test_a_file_of_a_directory_that_is_no_file_of_another_program_is_told(run, case):
    text, why = NOT_OBJECTS[case]
    written("red/istiod.yaml", MESH.format(name="red"))
    file = written("red/none.yaml", text)
    assert unread(run("check", "red", "blue.yaml")) == told(file, why, 1)


def test_files_of_other_programs_in_a_directory_are_no_finding(run):
    """Values, charts and patches lie beside rendered manifests."""
    written("red/istiod.yaml", MESH.format(name="red"))
    written("red/values.yaml", "global:\n  a: b\n---\nitems: [a, b]\n")
    written("red/gateway.yaml", "kind: Deployment\nreplicaCount: 1\n")
    written("red/Chart.yaml", "apiVersion: v2\nname: red\nversion: 1.0.0\n")
    written("red/kustomization.yaml", "resources: [istiod.yaml]\n")
    written("red/patches.yaml", "- op: remove\n  path: /spec\n")
    assert unread(run("check", "red", "blue.yaml")) == []


@pytest.mark.parametrize("case", NOTHING)
def test_a_document_that_hides_nothing_is_no_finding(run, case):
    file = written("more.yaml", f"{NOTHING[case]}\n---\n{MESH.format(name='red')}---\n{NOTHING[case]}")
    assert unread(run("check", file, "blue.yaml")) == []
    assert unread(run("check", f"red.yaml,{written('none.yaml', NOTHING[case])}", "blue.yaml")) == []


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("case", OBJECTS)
def test_what_is_in_any_list_of_objects_is_checked(run, case, indent):
    written("other.yaml", OTHER)
    text = json.dumps(OBJECTS[case], indent=indent)
    for file in (written("a.json", text), written("b.yaml", f"{MESH.format(name='red')}---\n{text}")):
        found = run("check", f"red.yaml,{file}", "blue.yaml,other.yaml")
        assert [one[0] for one in found if one[0] in ("node-port", "unreadable")] == ["node-port"]


def test_items_that_are_no_objects_are_one_finding(run):
    items = [GATEWAY, {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]
    file = written("a.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4))
    what = (
        f'"{file}" holds 2 items of a list that cannot be read; the first: a document that is not a Kubernetes object: '
        'it begins with "metadata" and has no kind'
    )
    line = Path(file).read_text().split("\n").index('            "metadata": {', 20)
    assert unread(run("check", f"red.yaml,{file}")) == [("warning", what, [(file, line)])]


# Lists of which only a part was saved.


@pytest.mark.parametrize("case", CUT_OFF)
@pytest.mark.parametrize("kind", ["List", "ServiceList"])
def test_a_list_of_which_objects_are_missing_is_told(run, case, kind):
    """The object that would clash may be among them."""
    text = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": CUT_OFF[case], "items": [GATEWAY]})
    why = "900 objects remain" if case == "a count" else 'its metadata has a "continue"'
    for arguments in (("--previous", "part.json"), ("part.json",)):
        found = run("check", "red.yaml", *arguments) if written("part.json", text) else ""
        assert unread(found) == [
            ("warning", f'"part.json" holds a list that is not complete: {why}', [("part.json", 1)])
        ]


@pytest.mark.parametrize("case", CUT_OFF)
def test_a_complete_list_is_no_finding(run, case):
    for metadata in ({"resourceVersion": ""}, {"continue": "", "remainingItemCount": 0}, dict.fromkeys(CUT_OFF[case])):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": [GATEWAY]})
        assert unread(run("check", f"red.yaml,{written('all.json', text)}", "blue.yaml")) == []


def saved(**more):
    return json.dumps({"apiVersion": "v1", "items": [*sound().values()], "kind": "List", **more}, indent=4)


@pytest.mark.parametrize("command", [("verify",), ("verify", "--removed")])
def test_verify_tells_that_a_saved_list_is_not_complete(run, command):
    """Another mesh may be in the part that was not saved."""
    written("profile.yaml", PROFILE)
    file = written("saved.json", saved(metadata={"continue": "abc", "remainingItemCount": 900}))
    found = unread(run(*command, "--profile", "profile.yaml", "-f", file))
    assert ("warning", f'"{file}" holds a list that is not complete: 900 objects remain', [(file, 1)]) in found


@pytest.mark.parametrize("case", NOT_OBJECTS)
def test_verify_tells_what_is_no_object_beside_a_saved_list(run, case):
    text, why = NOT_OBJECTS[case]
    written("profile.yaml", PROFILE)
    file = written("saved.json", f"{saved()}\n---\n{text}")
    line = saved().count("\n") + 3
    found = run("verify", "--profile", "profile.yaml", "-f", file)
    assert found == [("unreadable", *told(file, why, line)[0])]


def test_verify_takes_the_kind_of_items_from_their_list(run):
    """The kind follows the items where the keys are sorted."""
    written("profile.yaml", PROFILE)
    others, pods = [], []
    for item in sound().values():
        bare = {key: value for key, value in item.items() if key not in ("apiVersion", "kind")}
        (pods if item["kind"] == "Pod" else others).append(bare if item["kind"] == "Pod" else item)
    sort = json.dumps({"apiVersion": "v1", "items": pods, "kind": "PodList"})
    file = written("saved.json", sort + "\n---\n" + json.dumps({"apiVersion": "v1", "kind": "List", "items": others}))
    assert run("verify", "--profile", "profile.yaml", "-f", file) == []
    text = json.dumps({"apiVersion": "v1", "items": [*others, *pods], "kind": "List"})
    [(name, _, message, _)] = [
        one
        for one in run("verify", "--profile", "profile.yaml", "-f", written("saved.json", text))
        if "holds" in one[2]
    ]
    assert name == "unreadable"
    assert message.endswith('it begins with "metadata" and has no kind')


# Two meshes in one file: what in it belongs to which mesh is not known.

WEBHOOK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {service}-{namespace}}}
webhooks: [{{name: a.example.org, clientConfig: {{service: {{name: {service}, namespace: {namespace}}}}}}}]
"""
SEVERAL = {
    "control planes": MESH.format(name="red") + "---\n" + MESH.format(name="blue"),
    "webhooks of control planes": WEBHOOK.format(service="istiod", namespace="istio-red")
    + "---\n"
    + WEBHOOK.format(service="istiod-blue", namespace="istio-blue"),
}


@pytest.mark.parametrize("case", SEVERAL)
@pytest.mark.parametrize("command", [("check",), ("explain", "namespace", "web", "--file")])
def test_two_meshes_in_one_file_are_not_called_one_mesh(run, monkeypatch, case, command):
    """Nothing would be compared, and the answer would be that nothing was found."""
    file = written("both.yaml", SEVERAL[case])
    said = run(*command, file) if command == ("check",) else explained(monkeypatch, *command, file)
    assert "both.yaml: holds the control planes of several meshes: istio-blue, istio-red\n" in said


def test_two_meshes_on_stdin_are_not_called_one_mesh(run, monkeypatch):
    text = SEVERAL["control planes"].encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert "<stdin>: holds the control planes of several meshes: istio-blue, istio-red\n" in run("check", "-")


def test_a_mesh_in_one_file_with_other_programs_is_one_mesh(run):
    """Revisions of a mesh share its namespace; cert-manager has webhooks, too."""
    canary = MESH.format(name="red").replace("name: istiod", "name: istiod-canary")
    other = WEBHOOK.format(service="cert-manager-webhook", namespace="cert-manager")
    own = WEBHOOK.format(service="istiod", namespace="istio-red")
    for parts in ((MESH.format(name="red"), canary, other, own), (own, other)):
        assert unread(run("check", written("all.yaml", "---\n".join(parts)))) == []

"""What `verify` and `check --cluster` read of a live cluster, with which rights, and what they say without them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import NamedTuple

import pytest
import yaml
from fake_kubectl import GROUPS, Grant, Kubectl, answer, grants_of, install
from finding_cases import crd
from gateway_objects import gateway
from pages import cluster_roles
from program import profile
from running_clusters import ROOT_CERT, encoded, labelled, old, pod, sound, thing

from multimesh.check.sources import kubectl as sources
from multimesh.cli import main
from multimesh.commands.manual import page
from multimesh.commands.policies import policies_text
from multimesh.commands.stdio import load_profile
from multimesh.mesh.policies import chosen_policies

VERSIONS = {"ClusterRoleBinding": "rbac.authorization.k8s.io/v1", "DaemonSet": "apps/v1"}
CRDS = ("clusterissuers.cert-manager.io", "meshpolicies.authentication.istio.io", "clusterrbacconfigs.rbac.istio.io")
GATEWAY_API = "gateway.networking.k8s.io"
EVERYTHING = [
    *(Grant(verb, group, resource) for resource, group in GROUPS.items() for verb in ("get", "list")),
    *(Grant("list", GATEWAY_API, resource) for resource in ("gateways", "gatewayclasses")),
]


class Done(NamedTuple):
    """How one run ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run the program in this process, with a kubectl first on the PATH and with a stdin that is no pipe."""
    (tmp_path / "profile.yaml").write_text(profile("affirmed", "istio-affirmed", ("nginx-affirmed",)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multimesh.commands.verify._saved", lambda **_: None)
    path = os.environ["PATH"]
    real = sources._run

    def start(kubectl: Kubectl, *arguments: str, started: bool = False) -> Done:
        monkeypatch.setenv("PATH", f"{kubectl.directory}{os.pathsep}{path}")

        def inside(command: list[str]) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(command, *answer(kubectl.directory, command[1:]))

        # Starting a program for every call would take a minute.
        monkeypatch.setattr(sources, "_run", real if started else inside)
        code = main(list(arguments))
        said = capsysbinary.readouterr()
        return Done(code, said.out.decode(), said.err.decode())

    return start


VERIFY = ("verify", "--profile=profile.yaml")
CHECK = ("check", "--profile=profile.yaml", "--cluster")
REMOVED = (*VERIFY, "--removed")


def findings(done: Done) -> list[tuple[str, str, str]]:
    assert done.stderr == ""
    return [(item["id"], item["severity"], item["message"]) for item in json.loads(done.stdout)["findings"]]


def without(*resources: str) -> set[Grant]:
    """Return the right to read everything but some resources."""
    return {grant for grant in EVERYTHING if grant.resource not in resources}


# Nothing was read.


@pytest.mark.parametrize("command", [VERIFY, CHECK, REMOVED], ids=["verify", "check", "removed"])
def test_a_cluster_of_which_nothing_can_be_read_is_not_sound(run, tmp_path, command):
    done = run(install(tmp_path / "bin", [], set()), *command)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("multimesh: nothing in the cluster could be read: (Forbidden): ")
    assert "multimesh explain unreadable" in second
    assert "nothing is said" not in done.stderr


@pytest.mark.parametrize("command", [VERIFY, CHECK], ids=["verify", "check"])
def test_optional_kinds_alone_are_nothing_that_matters(run, tmp_path, command):
    grants = {Grant("list", GROUPS[name], name) for name in GROUPS if name.startswith("validatingadmission")}
    grants |= {Grant("get", "", "secrets")}
    assert run(install(tmp_path / "bin", [], grants), *command).returncode == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("error: stat /nonexistent: no such file or directory", "the cluster cannot be reached"),
        ("error: You must be logged in to the server (Unauthorized)", "nothing in the cluster could be read"),
        ("something that nobody has seen before", "nothing in the cluster could be read"),
        ("", "nothing in the cluster could be read: no message"),
    ],
)
@pytest.mark.parametrize("command", [VERIFY, CHECK], ids=["verify", "check"])
def test_a_kubectl_that_always_fails_is_an_error(run, tmp_path, command, error, message):
    kubectl = install(tmp_path / "bin", [])
    (kubectl.directory / "kubectl").write_text(f'#!/bin/sh\necho "{error}" >&2\nexit 1\n')
    done = run(kubectl, *command, started=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_kubectl_that_prints_no_json_has_read_nothing(run, tmp_path):
    kubectl = install(tmp_path / "bin", [])
    (kubectl.directory / "kubectl").write_text("#!/bin/sh\necho 'Please log in.'\n")
    done = run(kubectl, *VERIFY, started=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the answer is not JSON" in done.stderr


SILENT = "#!/bin/sh\n"
EMPTY = """#!/bin/sh
echo '{"apiVersion": "v1", "kind": "List", "items": []}'
"""
EXPLAIN = ("explain", "namespace", "nginx-affirmed", "--profile=profile.yaml", "--cluster")
INIT = ("init", "green", "--from-cluster", "meshes/green")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (SILENT, "nothing in the cluster could be read: the answer is empty"),
        (EMPTY, "kubectl has listed no Namespace, and every cluster has some: nothing was checked"),
    ],
    ids=["nothing", "empty lists"],
)
@pytest.mark.parametrize(
    "command", [VERIFY, REMOVED, CHECK, EXPLAIN, INIT], ids=["verify", "removed", "check", "explain", "init"]
)
def test_a_kubectl_that_lists_nothing_has_read_nothing(run, tmp_path, command, script, message):
    """No cluster is empty: what stands between kubectl and the API server has answered."""
    kubectl = install(tmp_path / "bin", [])
    (kubectl.directory / "kubectl").write_text(script)
    done = run(kubectl, *command, started=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not (tmp_path / "meshes").exists()


@pytest.mark.parametrize("command", [VERIFY, CHECK], ids=["verify", "check"])
@pytest.mark.parametrize("kind", ["Namespace", "ClusterRole"])
def test_a_list_that_no_cluster_has_empty_was_not_read(run, tmp_path, command, kind):
    kubectl = install(tmp_path / "bin", list(sound().values()))
    objects = json.loads((kubectl.directory / "objects.json").read_text())
    (kubectl.directory / "objects.json").write_text(json.dumps([item for item in objects if item["kind"] != kind]))
    done = run(kubectl, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"kubectl has listed no {kind}" in done.stderr


def test_a_control_plane_of_a_removed_mesh_that_still_runs_is_found(run, tmp_path):
    found = findings(run(install(tmp_path / "bin", [sound()["istiod"]]), *REMOVED, "-o", "json"))
    assert found == [("left-behind", "warning", "Deployment/istio-affirmed/istiod-affirmed is still there")]


# A part was not read.

QUESTIONS = {
    ("verify", "namespaces"): "the labels of namespaces",
    ("verify", "mutatingwebhookconfigurations"): "who injects whom",
    ("verify", "validatingwebhookconfigurations"): "validators",
    ("verify", "clusterroles"): "stock names",
    ("verify", "clusterrolebindings"): "stock names",
    ("verify", "validatingadmissionpolicies"): "admission policies",
    ("verify", "validatingadmissionpolicybindings"): "admission policies",
    ("verify", "deployments"): 'control planes in "istio-affirmed"',
    ("verify", "services"): 'whom webhooks call, and revision tags in "istio-affirmed"',
    ("verify", "gateways"): "Gateways",
    ("verify", "gatewayclasses"): "GatewayClasses",
    ("verify", "pods"): 'sidecars in "nginx-affirmed"',
    ("verify", "configmaps"): 'copies of the root certificate in "nginx-affirmed"',
    ("verify", "secrets"): 'whether the root certificate is that of the authority in "istio-affirmed"',
    ("check", "namespaces"): "the labels of namespaces",
    ("check", "mutatingwebhookconfigurations"): "who injects whom",
    ("check", "validatingwebhookconfigurations"): "who validates what",
    ("check", "clusterroles"): "cluster-scoped names",
    ("check", "clusterrolebindings"): "cluster-scoped names",
    ("check", "customresourcedefinitions"): "owner and versions of the CRDs",
    ("check", "services"): "node ports",
    ("check", "deployments"): "control planes",
    ("check", "daemonsets"): "istio-cni, ztunnel and ports of nodes",
    ("check", "configmaps"): "what control planes discover",
    ("check", "validatingadmissionpolicies"): "admission policies",
}


@pytest.mark.parametrize(("name", "resource"), QUESTIONS)
def test_a_part_that_cannot_be_read_leaves_a_question_open(run, tmp_path, name, resource):
    """A warning, and nothing else is made of its absence; with --strict an error."""
    kubectl = install(tmp_path / "bin", list(sound().values()), without(resource))
    command = VERIFY if name == "verify" else CHECK
    done = run(kubectl, *command, "-o", "json")
    found = findings(done)
    assert {item[:2] for item in found} == {("unreadable", "warning")}
    assert all(f"{resource}" in item[2] and "(Forbidden)" in item[2] for item in found)
    assert any(item[2].endswith(f"; nothing is said about {QUESTIONS[name, resource]}") for item in found)
    assert done.returncode == 0
    strict = run(kubectl, *command, "-o", "json", "--strict")
    assert {item[:2] for item in findings(strict)} == {("unreadable", "error")}
    assert strict.returncode == 1


def test_strict_counts_what_a_saved_cluster_lacks_too(run, tmp_path):
    live = sound()["plane"] | {"metadata": {"name": "istio-affirmed", "uid": "u"}}
    (tmp_path / "cluster.json").write_text(json.dumps({"kind": "List", "items": [live]}))
    for more, level, code in (((), "info", 0), (("--strict",), "error", 1)):
        done = run(install(tmp_path / f"bin{code}", []), *CHECK[:2], "cluster.json", "-o", "json", *more)
        assert {item[:2] for item in findings(done)} == {("unreadable", level)}
        assert done.returncode == code


def test_strict_alone_changes_nothing(run, tmp_path):
    kubectl = install(tmp_path / "bin", list(sound().values()))
    assert findings(run(kubectl, *VERIFY, "-o", "json", "--strict")) == []


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        ("istiod", "no control plane runs in"),
        ("injector", "no webhook injects"),
        ("plane", "does not exist"),
        ("service", "calls Service istiod-affirmed, which does not exist"),
    ],
)
def test_what_is_absent_from_what_was_read_is_missing(run, tmp_path, removed, expected):
    """A live cluster that answers with an empty list was read."""
    cluster = sound()
    del cluster[removed]
    if removed == "istiod":
        del cluster["pod"]
    done = run(install(tmp_path / "bin", list(cluster.values())), *VERIFY, "-o", "json")
    assert any(level == "error" and expected in message for _, level, message in findings(done))
    assert not any(name == "unreadable" for name, *_ in findings(done))


def test_pods_of_a_namespace_that_only_its_label_gives_to_the_mesh_are_read(run, tmp_path):
    """They are asked for by namespace; without the right to read them a question stays open."""
    cluster = sound()
    labelled(cluster, "other", mesh="affirmed")
    wrong = pod("a", proxies=2)
    cluster["unlisted"] = wrong | {"metadata": {**wrong["metadata"], "namespace": "default"}}
    kubectl = install(tmp_path / "bin", list(cluster.values()))
    found = findings(run(kubectl, *VERIFY, "-o", "json"))
    assert [item[:2] for item in found] == [("pod-mesh", "error"), ("namespace-label", "info")]
    refused = install(tmp_path / "refused", list(cluster.values()), without("pods"))
    messages = [item[2] for item in findings(run(refused, *VERIFY, "-o", "json")) if item[0] == "unreadable"]
    assert any(message.endswith('nothing is said about sidecars in "default"') for message in messages)


# Rights.


# Admission policies: of a mesh that has some, `check --cluster` says as an info which are missing or older.


def written_policies() -> list[dict]:
    """Return the policies and bindings that the profile of the tests wants."""
    mesh = load_profile("profile.yaml")
    return list(yaml.safe_load_all(policies_text(mesh, chosen_policies(mesh))))


def said_of_policies(done: Done) -> list[tuple[str, str, str]]:
    return [item for item in findings(done) if item[0] == "admission-policy"]


def test_check_names_policies_that_are_missing_older_or_not_bound_as_an_info(run, tmp_path):
    """It prevents no install, so it is no more than an info, and the exit code stays 0."""
    objects = written_policies()
    kept = [item for item in objects if item["metadata"]["name"] != "multimesh-pods-affirmed"]
    for item in kept:
        if item["metadata"]["name"] == "multimesh-roots-affirmed":
            item["metadata"]["annotations"]["multimesh.dev/digest"] = "older"
    kept = [
        item
        for item in kept
        if (item["kind"], item["metadata"]["name"])
        != ("ValidatingAdmissionPolicyBinding", "multimesh-members-affirmed")
    ]
    done = run(install(tmp_path / "bin", [*sound().values(), *kept]), *CHECK, "-o", "json")
    assert said_of_policies(done) == [
        ("admission-policy", "info", f"the admission policy multimesh-{what}")
        for what in (
            "members-affirmed has no binding that denies, so it is not enforced",
            "pods-affirmed is missing",
            "roots-affirmed is not the one that the profile wants",
        )
    ]
    assert done.returncode == 0


def test_check_says_nothing_of_policies_where_there_is_nothing_to_say(run, tmp_path):
    """A mesh may have none, or all of them."""
    for number, more in enumerate(([], written_policies())):
        done = run(install(tmp_path / f"bin-{number}", [*sound().values(), *more]), *CHECK, "-o", "json")
        assert said_of_policies(done) == []


def test_check_says_nothing_of_bindings_that_it_could_not_read(run, tmp_path):
    """What could not be read may be there."""
    policies = [item for item in written_policies() if item["kind"] != "ValidatingAdmissionPolicyBinding"]
    bindings = "validatingadmissionpolicybindings"
    done = run(install(tmp_path / "bin", [*sound().values(), *policies], without(bindings)), *CHECK, "-o", "json")
    assert said_of_policies(done) == []
    assert any(message.startswith(f"{bindings} could not be read") for _, _, message in findings(done))


def modern() -> list[dict]:
    """Return a mesh of istiod with a Gateway: everything that is read only where there is something to read."""
    cluster = sound()
    labelled(cluster, "member", rev="affirmed")
    cluster["extra"] = thing("Namespace", "extra", labels={"multimesh.dev/mesh": "affirmed"})
    return [*cluster.values(), *(crd(name, "v1") for name in CRDS), gateway("web", "nginx-affirmed", "istio")]


def citadels() -> list[dict]:
    cluster = old()
    cluster["secret"]["type"] = "istio.io/key-and-cert"
    cluster["token"] = thing("Secret", "token", "nginx-affirmed", data={"token": encoded("x")}, type="Opaque")
    return list(cluster.values())


def test_the_page_grants_exactly_what_is_asked_for(run, tmp_path):
    """The first role for modern meshes, and the second one for Istio 1.5; both commands work with them."""
    everybody, old_meshes = cluster_roles("docs/operations.md")
    grants = grants_of([everybody])
    kubectl = install(tmp_path / "bin", modern(), grants)
    for command in (VERIFY, CHECK, REMOVED):
        done = run(kubectl, *command, "-o", "json", started=True)
        assert not any(name == "unreadable" for name, *_ in findings(done)), done.stdout
    # The CRDs of the Gateway API are asked for by name, and the right is that to all CRDs: they are no secrets.
    assert {one if one in grants else one._replace(name="") for one in kubectl.requests} == grants
    kubectl = install(tmp_path / "bin-1.5", citadels(), grants | grants_of([old_meshes]))
    assert findings(run(kubectl, *VERIFY, "-o", "json")) == []
    assert kubectl.requests - grants == grants_of([old_meshes])
    assert {grant.verb for grant in grants} == {"get", "list"}


def test_the_page_of_the_finding_names_what_the_role_grants():
    """So that it can be read where the documentation is not at hand."""
    text = page("unreadable").replace(",", " ")
    for role in cluster_roles("docs/operations.md"):
        for grant in grants_of([role]):
            assert grant.resource in text.split()
            assert not grant.name or grant.name in text
    assert "and `get` on the secrets cacerts and istio-ca-secret" in " ".join(page("unreadable").split())


def test_of_secrets_a_modern_mesh_needs_the_authority_s_alone(run, tmp_path):
    """And of a mesh of 1.5 those that Citadel made, which have a type of their own."""

    def asked(kubectl: Kubectl) -> list[str]:
        return [" ".join(call[1:]).partition(" -o")[0] for call in kubectl.calls if call[1] == "secrets"]

    for name, command in (("a", VERIFY), ("b", CHECK), ("c", REMOVED)):
        kubectl = install(tmp_path / name, modern())
        run(kubectl, *command)
        assert (
            asked(kubectl)
            == {
                "a": ["secrets cacerts istio-ca-secret -n istio-affirmed"],
                "b": [],
                "c": ["secrets istio-ca-secret -n istio-affirmed"],
            }[name]
        )
    for name, command in (("d", VERIFY), ("e", REMOVED)):
        kubectl = install(tmp_path / name, citadels())
        run(kubectl, *command)
        assert sorted(call for call in asked(kubectl) if "--field" in call) == [
            f"secrets -n {space} --field-selector type=istio.io/key-and-cert"
            for space in ("istio-affirmed", "nginx-affirmed")
        ]


def test_a_certificate_of_1_5_that_could_not_be_looked_for_is_not_missing(run, tmp_path):
    kubectl = install(tmp_path / "bin", citadels(), without("secrets"))
    found = findings(run(kubectl, *VERIFY, "-o", "json"))
    assert {item[:2] for item in found} == {("unreadable", "warning")}
    assert any(item[2].endswith('certificates of Istio 1.5 in "nginx-affirmed"') for item in found)


def test_another_root_is_found_by_the_authority_s_secret(run, tmp_path):
    """The copies in ConfigMaps may be those of the mesh that overwrote them."""
    cluster = sound()
    for name in ("copy", "home"):
        cluster[name]["data"]["root-cert.pem"] = ROOT_CERT.replace("affirmed", "blue")
    kubectl = install(tmp_path / "bin", list(cluster.values()))
    found = findings(run(kubectl, *VERIFY, "-o", "json"))
    assert [item[0] for item in found] == ["ca-bundle"]


@pytest.mark.parametrize("label", ["ca.istio.io/env", "istio-injection"])
def test_what_a_removed_mesh_of_1_5_left_is_found(run, tmp_path, label):
    """By one of the labels that only its namespaces have."""
    cluster = {item["metadata"]["name"]: item for item in citadels() if item["kind"] != "Deployment"}
    for name in ("istio-affirmed", "nginx-affirmed"):
        labels = cluster[name]["metadata"]["labels"]
        cluster[name]["metadata"]["labels"] = {key: value for key, value in labels.items() if key == label}
    done = run(install(tmp_path / "bin", list(cluster.values())), *REMOVED, "-o", "json")
    assert "Secret/nginx-affirmed/istio.default is still there" in [message for *_, message in findings(done)]


# Files.


#: What holds no Kubernetes object. The last ones are what an API server answers instead of a list, and a list that is cut.
NOTHING = (
    "# nothing\n", "replicaCount: 1\n", "---\n", "[]\n", '{"kind": "List", "items": []}', "kind: DaemonSet\nreplicas: 1\n",
    '{"apiVersion": "v1", "kind": "Status", "status": "Failure"}', '{"kind": "List", "apiVersion": "v1", "items": null}',
)  # fmt: skip

#: What `render` writes if everything in a stream was left out on purpose, and if a chart renders nothing.
LEFT_OUT = (
    "# multimesh: every resource of this stream belongs to the mesh that owns what is shared; all were left out\n",
    "# multimesh: nothing was rendered\n",
)


@pytest.mark.parametrize("text", NOTHING)
def test_files_without_a_kubernetes_object_are_an_error_unless_something_else_is_checked(run, tmp_path, text):
    """A gate that was given the wrong file has checked nothing; beside another file it is a warning."""
    (tmp_path / "a.yaml").write_text(text)
    path = install(tmp_path / "bin", [])
    for given, where in ((("a.yaml",), "a.yaml"), (("a.yaml", "a.yaml"), "a.yaml, a.yaml")):
        done = run(path, "check", *given)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"multimesh: {where}: no Kubernetes object is in ")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    for given in (("a.yaml", "b.yaml"), ("a.yaml", "--profile=profile.yaml"), ("a.yaml", "--previous=b.yaml")):
        done = run(path, "check", *given, "-o", "json")
        assert (done.returncode, "unreadable" in {item[0] for item in findings(done)}) == (0, True), given
        # It does not count as a mesh without a name.
        assert run(path, "check", *given).stdout.splitlines()[-1][:7] in ("1 mesh:", "0 meshe"), given


@pytest.mark.parametrize("text", [*NOTHING, profile("blue", "istio-blue")])
def test_a_previous_manifest_without_an_object_is_an_error(run, tmp_path, text):
    """Nothing would be said about the upgrade, and nothing was asked but that."""
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    done = run(install(tmp_path / "bin", []), "check", "b.yaml", "--previous=a.yaml", "--profile=profile.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: a.yaml: no Kubernetes object is in it, so nothing was compared\n")


@pytest.mark.parametrize("flags", [("--previous=a.yaml", "--previous", "b.yaml"), ("--previous=a.yaml,b.yaml",)])
def test_every_previous_manifest_is_compared(run, tmp_path, flags):
    """Of a flag that is given twice the first value was ignored, and with it the upgrade of a release."""
    text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {}-blue}}\n"
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(text.format(name))
    (tmp_path / "new.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    done = run(install(tmp_path / "bin", []), "check", "new.yaml", *flags, "-o", "json")
    assert [(name, message) for name, _, message in findings(done)] == [
        ("identity-lost", f"ClusterRole/{name}-blue is removed") for name in "ab"
    ]


@pytest.mark.parametrize("text", LEFT_OUT)
def test_what_render_left_out_is_no_open_question(run, tmp_path, text):
    """A pipeline is strict, and gives `check` what `render` has written of every chart, in one directory or in many."""
    (tmp_path / "base").mkdir()
    for name in ("base/base.yaml", "base.yaml"):
        (tmp_path / name).write_text(text)
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    path = install(tmp_path / "bin", [])
    for given in (
        ("base.yaml", "b.yaml"), ("base", "b.yaml"), ("base.yaml,b.yaml",), ("base", "--profile=profile.yaml"),
        ("b.yaml", "--previous=base.yaml"),
    ):  # fmt: skip
        done = run(path, "check", *given, "--strict", "-o", "json")
        assert (done.returncode, findings(done)) == (0, []), given
    for given in (("base.yaml",), ("base",)):
        done = run(path, "check", *given)
        assert (done.returncode, done.stdout) == (2, ""), "nothing else was checked"


# Directories.


@pytest.mark.parametrize(
    "text",
    ["# nothing\n", "replicaCount: 1\n", "kind: DaemonSet\nreplicaCount: 1\n", profile("blue", "istio-blue"), "[]\n"],
)
def test_a_directory_without_a_kubernetes_object_is_an_error(run, tmp_path, text):
    """It is an error like an empty directory: it was not rendered from a chart."""
    (tmp_path / "rendered").mkdir()
    (tmp_path / "rendered" / "file.yaml").write_text(text)
    done = run(install(tmp_path / "bin", []), "check", "rendered", "--profile=profile.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: rendered: the directory holds no Kubernetes object\n")
    (tmp_path / "rendered" / "more.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    assert run(install(tmp_path / "b", []), "check", "rendered").returncode == 0


def test_a_second_profile_without_its_flag_is_named_with_the_flag(run, tmp_path):
    """`explain` takes several paths after one `--profile`, `check` takes one: the next is a directory of manifests."""
    (tmp_path / "blue").mkdir()
    (tmp_path / "blue" / "profile.yaml").write_text(profile("blue", "istio-blue"))
    done = run(install(tmp_path / "bin", []), "check", "--profile=profile.yaml", "blue")
    assert (done.returncode, done.stdout) == (2, "")
    assert "  If it is the profile of a mesh: --profile=blue.\n" in done.stderr


def test_of_a_removed_mesh_every_namespace_with_its_label_is_read(run, tmp_path):
    """Also one that the profile does not name."""
    kubectl = install(tmp_path / "bin", [*modern(), thing("ConfigMap", "istio-ca-crl", "extra")])
    done = run(kubectl, *REMOVED, "-o", "json")
    assert "ConfigMap/extra/istio-ca-crl is still there" in [message for _, _, message in findings(done)]


def test_of_a_removed_mesh_roots_in_namespaces_that_lost_the_label_are_read(run, tmp_path):
    """They are told by their label, so that not every ConfigMap of a cluster is read."""
    left = thing("ConfigMap", "istio-ca-root-cert-affirmed", "gone", labels={"istio.io/config": "true"})
    other = thing("ConfigMap", "istio-ca-root-cert-affirmed", "unlabelled")
    done = run(install(tmp_path / "bin", [*modern(), left, other]), *REMOVED, "-o", "json")
    found = [message for _, _, message in findings(done)]
    assert "ConfigMap/gone/istio-ca-root-cert-affirmed is still there" in found
    assert not any("unlabelled" in message for message in found)
    assert len(found) == len(set(found))


def test_a_mesh_without_gateways_costs_one_call_more(run, tmp_path):
    """What was made for Gateways and routes are read only where there are Gateways."""
    kubectl = install(tmp_path / "bin", list(sound().values()))
    run(kubectl, *VERIFY)
    assert [call[1] for call in kubectl.calls if "gateway" in " ".join(call)] == [
        f"gateways.{GATEWAY_API},gatewayclasses.{GATEWAY_API}"
    ]

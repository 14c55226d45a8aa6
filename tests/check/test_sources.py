"""Where objects come from: kubectl, and how its answers become objects and findings."""

from __future__ import annotations

import json
import subprocess

import pytest

from multimesh.check.catalogue import CATALOGUE, SEVERITIES, link
from multimesh.check.findings import Finding, Side, ordered
from multimesh.check.formats import FORMATS, write
from multimesh.check.sources import kubectl
from multimesh.check.sources.cluster import CALLS, CUSTOM, OPTIONAL, READS, unsaved
from multimesh.check.sources.compact import Compactor
from multimesh.check.sources.kubectl import Answer, Query
from multimesh.check.sources.manifests import documents, files_of
from multimesh.errors import MultimeshError


@pytest.fixture
def answers(monkeypatch):
    """Replace kubectl by a table: the kinds, and what it answers; the calls are in `seen`."""
    table, seen = {}, []

    def run(command):
        seen.append(command)
        code, out, err = table.get(command[command.index("get") + 1], (0, "", ""))
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(kubectl, "_run", run)
    monkeypatch.setattr(kubectl.shutil, "which", lambda name: f"/bin/{name}")
    table["seen"] = seen
    return table


def get(*kinds, **more):
    return kubectl.get(kubectl.Access(), Query(dict.fromkeys(kinds, "it"), **more))


def test_a_call_names_kinds_namespace_and_label(answers):
    """An absent name is not an error; with the same flag kubectl would print nothing for an empty list."""
    empty = (0, '{"kind": "List", "items": []}', "")
    answers.update({"a,b": empty, "a": empty})
    assert get("a", "b", namespace="n", labels="l") == Answer([], [])
    assert get("a", names=("x", "y"), fields="type=t", namespace="n") == Answer([], [])
    assert kubectl.get(kubectl.Access("c", "k"), Query({"a": ""})) == Answer([], [])
    assert answers["seen"] == [
        ["kubectl", "get", "a,b", "-n", "n", "-l", "l", "-o", "json"],
        ["kubectl", "get", "a", "x", "y", "-n", "n", "--field-selector", "type=t", "-o", "json", "--ignore-not-found"],
        ["kubectl", "--kubeconfig", "k", "--context", "c", "get", "a", "-A", "-o", "json"],
    ]


def test_no_answer_is_no_empty_list(answers):
    """Only objects that are asked for by name may be absent from the cluster."""
    assert get("a", names=("x", "y")) == Answer([], [])
    said = "could not be read: the answer is empty; nothing is said about it"
    assert [one.message for one in get("a", "b").findings] == [f"a {said}", f"b {said}"]
    assert get("a").unread == {"a"}


def test_one_kind_that_is_forbidden_hides_no_other(answers):
    forbidden = (1, "", "x\nError from server (Forbidden): a is forbidden\n")
    answers.update({"a,b": forbidden, "a": forbidden, "b": (0, '{"kind": "B", "metadata": {"name": "x"}}', "")})
    objects, findings, unread = get("a", "b", namespace="n")
    assert [item.title for item in objects] == ["B/x"]
    assert unread == {"a"}
    what = 'a in "n" could not be read: (Forbidden): a is forbidden; nothing is said about it in "n"'
    assert findings == [Finding("unreadable", what, (Side("", "a", "cluster", 0),))]
    for optional in (False, True):
        [finding] = get("a", optional=optional).findings
        assert finding.level == "warning"
        assert finding.message == "a could not be read: (Forbidden): a is forbidden; nothing is said about it"


def test_of_secrets_and_config_maps_only_certificates_are_kept(answers):
    """A private key must not stay in memory, nor the text of every ConfigMap."""
    data = {
        "ca-key.pem": "k",
        "key.pem": "k",
        "other": "o",
        "ca-cert.pem": "c",
        "root-cert.pem": "r",
        "ca.crt": "t",
        "tls.key": "k",
    }
    for kind in ("Secret", "ConfigMap"):
        item = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "data": data, "stringData": data}
        answers["a"] = (0, json.dumps(item), "")
        [found] = kubectl.get(kubectl.Access(), Query({"a": "it"}), Compactor()).objects
        assert found.data == {
            "metadata": {"labels": None},
            "data": {"ca-cert.pem": "c", "root-cert.pem": "r", "ca.crt": "t"},
        }


def test_one_name_that_is_forbidden_hides_no_other(answers):
    answers["a"] = (1, "", "Error from server (Forbidden): no")
    assert [one.message.partition(" could")[0] for one in get("a", names=("x", "y")).findings] == ["a x", "a y"]


def test_a_kind_that_the_cluster_does_not_know_is_no_finding_where_it_is_optional(answers):
    answers["a"] = (1, "", 'Error from server (NotFound): Unable to list "a": could not find the requested resource')
    assert get("a", optional=True) == Answer([], [])
    assert len(get("a").findings) == 1
    answers["a"] = (1, "", 'error: the server doesn\'t have a resource type "a"')
    assert get("a", optional=True) == Answer([], [])
    said = 'a could not be read: the server doesn\'t have a resource type "a"; nothing is said about it'
    assert [one.message for one in get("a").findings] == [said]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"kind": "List", "metadata": {"continue": "x"}}, 'a list that is not complete: its metadata has a "continue"'),
        ({"kind": "Status", "message": "no"}, 'a document that is not a Kubernetes object: it is a Status: "no"'),
    ],
)
def test_a_part_of_a_kind_is_not_taken_for_all_of_it(answers, answer, why):
    """What is missing would look removed, or sound."""
    item = {"apiVersion": "v1", "kind": "B", "metadata": {"name": "x"}}
    answers["a"] = (0, json.dumps({"apiVersion": "v1", "items": [item], **answer}), "")
    objects, [finding], unread = get("a")
    assert (objects, unread) == ([], {"a"})
    assert finding.message == f"a could not be read: the answer is {why}; nothing is said about it"
    answers.update({"a,b": answers["a"], "b": (0, json.dumps(item), "")})
    objects, findings, unread = get("a", "b")
    assert ([one.name for one in objects], findings, unread) == (["x"], [finding], {"a"})


@pytest.mark.parametrize(
    "message",
    ["Unable to connect", "was refused", "no such host", "context was not found", "does not exist", "i/o timeout",
     "no configuration has been provided", "error loading config", "no such file or directory", "certificate"],
)  # fmt: skip
def test_a_cluster_that_is_not_reached_is_an_error(answers, message):
    answers["a"] = (1, "", message)
    with pytest.raises(MultimeshError, match=f"the cluster cannot be reached: {message}"):
        get("a")
    for word in ("Forbidden", "forbidden"):
        answers["a"] = (1, "", f"{word}: {message}")
        assert len(get("a")[1]) == 1


def test_without_kubectl_nothing_is_read(monkeypatch):
    monkeypatch.setattr(kubectl.shutil, "which", lambda name: None)
    with pytest.raises(MultimeshError, match="kubectl is not on the PATH"):
        get("a")


def test_what_check_reads_is_this():
    assert [(tuple(query.kinds), query.labels) for query in READS] == [
        (("namespaces",), ""),
        (("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ""),
        (("clusterroles", "clusterrolebindings"), ""),
        (("customresourcedefinitions",), ""),
        (("services", "deployments", "daemonsets"), ""),
        (("configmaps",), "release"),
    ]
    assert tuple(OPTIONAL.kinds) == ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
    assert tuple(CUSTOM) == (
        "clusterissuers.cert-manager.io",
        "meshpolicies.authentication.istio.io",
        "clusterrbacconfigs.rbac.istio.io",
    )
    assert CALLS == 8


def test_kinds_that_a_saved_cluster_lacks_are_an_info():
    assert [(one.level, one.message.split(" was")[0]) for one in unsaved([])] == [
        ("info", f"no {kind}")
        for kind in (
            "Namespace", "ClusterRole", "ClusterRoleBinding", "Service", "Deployment", "DaemonSet",
            "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "CustomResourceDefinition", "ConfigMap",
        )
    ]  # fmt: skip


# Findings and their formats.

FINDINGS = [
    Finding("node-port", "b", (Side("m", "Service/s", "a.yaml", 3),)),
    Finding("node-port", "a", (Side("", "", "b.yaml", 0),), remedy="Do that."),
    Finding("no-owner", "c"),
    Finding("unreadable", "d", severity="info"),
]


def test_findings_are_ordered_by_severity_id_and_message_without_duplicates():
    assert [one.message for one in ordered([*reversed(FINDINGS), *FINDINGS])] == ["a", "b", "c", "d"]


def test_findings_as_text_are_grouped():
    port, owner, unread = (CATALOGUE[name] for name in ("node-port", "no-owner", "unreadable"))
    assert write("text", ordered(FINDINGS), "2 meshes", "check").split("\n") == [
        "error: node-port", f"  {port.why}", "  - a", "      b.yaml", "      Do that.", "  - b",
        "      a.yaml:3  Service/s  (mesh m)", f"  {port.remedy}", "  More: multimesh explain node-port", "",
        "warning: no-owner", f"  {owner.why}", "  - c", f"  {owner.remedy}", "  More: multimesh explain no-owner", "",
        "info: unreadable", f"  {unread.why}", "  - d", f"  {unread.remedy}", "  More: multimesh explain unreadable", "",
        "2 meshes: 2 errors, 1 warning, 1 info", "",
    ]  # fmt: skip
    assert write("text", [], "x", "check") == "x: nothing found\n"
    coloured = write("text", FINDINGS[:1], "x", "check", colour=True)
    assert coloured.startswith("\x1b[31merror: node-port\x1b[0m\n")
    assert coloured.endswith("\x1b[1mx: 1 error\x1b[0m\n")


def test_formats_and_severities_are_these():
    assert FORMATS == ("text", "json", "sarif", "github", "junit")
    assert SEVERITIES == ("error", "warning", "info")
    assert link("x") == "docs/findings.md#x"


def test_of_a_sidecar_what_says_its_control_plane_is_kept(answers):
    """Of other containers the name is."""
    proxy = {
        "name": "istio-proxy",
        "command": ["c"],
        "args": ["a"],
        "env": [{"name": "CA_ADDR", "value": "x"}],
        "image": "i",
    }
    other = {"name": "app", "command": ["c"], "args": ["a"], "env": []}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [proxy, other]}}
    answers["a"] = (0, json.dumps(pod), "")
    [found] = kubectl.get(kubectl.Access(), Query({"a": "it"}), Compactor()).objects
    del proxy["image"]
    assert found.data["spec"]["containers"] == [proxy, {"name": "app"}]


def test_a_key_that_is_not_text_hides_no_other():
    assert documents("? [a]\n: b\nc: d\n") == [{"c": "d"}]
    assert documents("a: 1\n<<: {a: 2, b: 3}\n") == [{"a": 1, "b": 3}]


def test_a_directory_holds_what_its_links_lead_to(tmp_path):
    """Each file once, whatever circle the links make: what is not read is not checked."""
    (tmp_path / "rendered").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.yaml").write_text("")
    (tmp_path / "rendered" / "mesh").symlink_to("../elsewhere")
    (tmp_path / "rendered" / "b.yaml").symlink_to("../elsewhere/a.yaml")
    (tmp_path / "elsewhere" / "back").symlink_to("../rendered")
    assert files_of(str(tmp_path / "rendered")) == [str(tmp_path / "rendered" / "b.yaml")]
    (tmp_path / "rendered" / "b.yaml").unlink()
    assert files_of(str(tmp_path / "rendered")) == [str(tmp_path / "rendered" / "mesh" / "a.yaml")]


@pytest.mark.parametrize("argument", ["a.yaml,", ",a.yaml", "a.yaml,,b.yaml", ","])
def test_an_empty_name_between_commas_is_told_as_one(argument, tmp_path, monkeypatch):
    """The variable that should have named a file was empty: the message must show where."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("")
    with pytest.raises(MultimeshError) as refused:
        files_of(argument)
    assert (refused.value.where, refused.value.what) == (argument, "has an empty name beside a comma")


def test_a_link_to_nothing_in_a_directory_is_an_error(tmp_path):
    """The manifest that it stands for would not be checked."""
    (tmp_path / "istiod.yaml").write_text("")
    (tmp_path / "base.yaml").symlink_to("absent")
    with pytest.raises(MultimeshError, match=r"base\.yaml: is a link to nothing"):
        files_of(str(tmp_path))


def test_a_kubectl_that_cannot_be_started_is_an_error(tmp_path):
    """It may be one for another machine."""
    program = tmp_path / "kubectl"
    program.write_bytes(b"\x7fELF for another machine")
    program.chmod(0o755)
    with pytest.raises(MultimeshError, match="kubectl cannot be started: "):
        kubectl._run([str(program), "get"])


def test_what_kubectl_writes_need_not_be_utf_8(tmp_path):
    """A message in another encoding is printed, and ends in no traceback."""
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\nprintf '\\344\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    assert kubectl._run([str(program)]).stderr == "\ufffd\n"

"""`check --cluster`: the cluster is read in few calls, and its objects are distinguished from those that are checked."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from finding_cases import citadel, crd, istiod, live, service, spaces, thing, webhook, workload
from pages import ROOT
from program import profile

from multimesh.cli import main

ENABLED = {"namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}}}
OURS = [
    istiod("affirmed"),
    thing("ClusterRole", "kiali-affirmed"),
    thing("ClusterRole", "reader"),
    webhook("affirmed", spaces("istio-injection", "In", "enabled-affirmed")),
    service("affirmed", "istiod-affirmed", {"port": 443}),
    service("affirmed", "gateway", {"port": 80, "nodePort": 32380}),
]


def check(capsysbinary, *given: object) -> list[tuple[str, str, str]]:
    """Run the command in this process: id, severity and message of every finding."""
    main(["check", *map(str, given), "-o", "json"])
    said = capsysbinary.readouterr()
    assert said.err == b""
    found = [(item["id"], item["severity"], item["message"]) for item in json.loads(said.out)["findings"]]
    # No case here is a complete cluster.
    return [item for item in found if item[:2] != ("unreadable", "info")]


def against(directory: Path, *objects: dict, release: str = "", ours: list | None = None) -> list[object]:
    """Write the profile of affirmed and a saved cluster; return the arguments that name them."""
    (directory / "affirmed.yaml").write_text(yaml.safe_dump_all(ours or OURS))
    (directory / "cluster.json").write_text(live(*copy.deepcopy(objects), release=release))
    spec = profile(
        "affirmed", "istio-affirmed", ("nginx-affirmed",), sharedResources="own", keepNames=["ClusterRole/x"]
    )
    (directory / "profile.yaml").write_text(spec)
    return [directory / "affirmed.yaml", directory / "cluster.json", f"--profile={directory / 'profile.yaml'}"]


@pytest.mark.parametrize("release", ["istio-affirmed", ""], ids=["helm", "no-release"])
def test_what_lives_of_the_mesh_itself_is_no_collision(capsysbinary, tmp_path, release):
    """They have Helm's annotation, or were applied without Helm; a role of any name belongs to the release in its annotation."""
    ours = [item for item in OURS if item["metadata"]["name"] != "reader" or release]
    assert check(capsysbinary, *against(tmp_path, *ours, release=release, ours=ours)) == []


@pytest.mark.parametrize("release", ["kube-system", ""], ids=["helm", "no-release"])
def test_what_the_owner_installed_outside_its_namespaces_is_its_own(capsysbinary, tmp_path, release):
    """istio-cni is in kube-system, and its revision shows the mesh; that of another mesh conflicts."""

    def cni(revision: str) -> list[dict]:
        agent = workload("istio-cni-node", "kube-system", {"name": "install-cni"}, "DaemonSet")
        found = [agent, thing("ClusterRole", "istio-cni"), thing("ConfigMap", "istio-cni-config", "kube-system")]
        for item in found:
            item["metadata"]["labels"] = {"istio.io/rev": revision}
        return found

    def found(revision: str) -> set[str]:
        given = against(tmp_path, *cni(revision), release=release, ours=[istiod("affirmed"), *cni("affirmed")])
        return {item[0] for item in check(capsysbinary, *given)}

    assert found("affirmed") == set()
    assert {"cluster-scoped-name", "two-owners", "namespace-claimed-twice"} <= found("default")


@pytest.mark.parametrize(
    ("revision", "expected"), [("affirmed", []), ("blue", ["namespace-claimed-twice", "two-owners"])]
)
def test_a_component_alone_is_held_against_that_of_another_mesh(capsysbinary, tmp_path, revision, expected):
    """Both are in kube-system, and the revision shows the mesh of each; the mesh's own does not conflict."""

    def cni(served: str) -> dict:
        agent = workload("istio-cni-node", "kube-system", {"name": "install-cni"}, "DaemonSet")
        agent["metadata"]["labels"] = {"istio.io/rev": served}
        return agent

    files = against(tmp_path, istiod("affirmed"), cni("affirmed"), ours=[cni(revision)])[:2]
    assert [item[0] for item in check(capsysbinary, *files)] == expected


def test_a_foreign_resource_of_the_same_name_is_one(capsysbinary, tmp_path):
    """Another release owns it, so Helm would refuse the installation."""
    found = check(capsysbinary, *against(tmp_path, thing("ClusterRole", "reader"), release="monitoring"))
    assert found == [("cluster-scoped-name", "error", "the cluster and mesh affirmed both have ClusterRole/reader")]


def test_a_resource_of_nobody_is_a_warning(capsysbinary, tmp_path):
    """It may belong to this mesh, installed without Helm."""
    found = check(capsysbinary, *against(tmp_path, thing("ClusterRole", "reader")))
    assert [(item[0], item[1]) for item in found] == [("cluster-scoped-name", "warning")]


def test_a_resource_of_the_rest_that_another_name_bears_is_nothing(capsysbinary, tmp_path):
    """Clusters have many objects that concern no mesh, such as other webhooks for pods."""
    others = webhook("affirmed", ENABLED, entry="vault.hashicorp.com", name="vault")
    others["metadata"].pop("labels")
    others["webhooks"][0]["clientConfig"]["service"] = {"name": "vault", "namespace": "vault", "path": "/mutate"}
    rest = [others, thing("ClusterRole", "other"), thing("Service", "x", "web", spec={"ports": [{"nodePort": 31000}]})]
    assert check(capsysbinary, *against(tmp_path, *rest)) == []


def test_node_ports_of_any_service_count(capsysbinary, tmp_path):
    """They belong to no mesh, but conflict too."""
    web = thing("Service", "web", "web", spec={"ports": [{"port": 80, "nodePort": 32380}]})
    found = check(capsysbinary, *against(tmp_path, web))
    assert found == [("node-port", "error", "the cluster and mesh affirmed both ask for node port 32380/TCP")]


def test_a_stock_mesh_however_installed_is_a_mesh(capsysbinary, tmp_path):
    """It is recognised by its control plane; its webhook injects our namespace, which has the stock label."""
    stock = istiod("system", "default")
    space = thing("Namespace", "nginx-affirmed", labels={"istio-injection": "enabled"})
    found = check(capsysbinary, *against(tmp_path, stock, webhook("system", ENABLED), citadel("system"), space))
    assert ("injection-overlap", "error") in [item[:2] for item in found]
    assert any('of mesh system injects pods in "nginx-affirmed"' in item[2] for item in found)


def test_a_stock_citadel_that_lives_already_is_told(capsysbinary, tmp_path):
    """It serves all namespaces, those of the new mesh too."""
    ours = [citadel("affirmed", "istio-affirmed", "nginx-affirmed")]
    found = check(capsysbinary, *against(tmp_path, citadel("system"), ours=ours))
    assert [item[:2] for item in found] == [("citadel-scope", "error")]


def test_a_role_belongs_to_the_mesh_that_binds_it(capsysbinary, tmp_path):
    """The roles of a stock mesh that was applied by kubectl are known by their bindings."""
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": "istio-system"}
    binding = thing("ClusterRoleBinding", "r", subjects=[subject], roleRef={"kind": "ClusterRole", "name": "reader"})
    found = check(
        capsysbinary, *against(tmp_path, istiod("system", "default"), thing("ClusterRole", "reader"), binding)
    )
    assert ("cluster-scoped-name", "error", "both meshes have ClusterRole/reader") in found


def test_a_namespace_that_another_mesh_claims_is_told(capsysbinary, tmp_path):
    """The label of the namespace shows it."""
    space = thing("Namespace", "nginx-affirmed", labels={"multimesh.dev/mesh": "blue"})
    assert [item[:2] for item in check(capsysbinary, *against(tmp_path, space))] == [
        ("namespace-claimed-twice", "error")
    ]


def test_a_label_is_held_against_the_mesh_s_name_and_not_against_its_revision(capsysbinary, tmp_path):
    """Without a profile, the release of a gateway shows only its revision."""
    space = thing("Namespace", "edge", labels={"multimesh.dev/mesh": "red"})
    pods = workload("edge", "edge", {"name": "istio-proxy"}, labels={"istio.io/rev": "red-1-30"})
    files = against(tmp_path, space, ours=[pods])[:2]
    assert check(capsysbinary, *files) == []
    ours = [pods, webhook("blue", spaces("multimesh.dev/mesh", "In", "blue"), "Validating")]
    ours[1]["webhooks"][0]["clientConfig"]["service"]["namespace"] = "edge"
    files = against(tmp_path, space, ours=ours)[:2]
    assert [item[0] for item in check(capsysbinary, *files)] == ["namespace-claimed-twice"]


def test_crds_of_the_cluster_are_held_against_what_the_control_plane_reads(capsysbinary, tmp_path):
    """1.30 reads the version v1, and a CRD that older clusters do not have."""
    old, new = (crd("gateways.networking.istio.io", *versions) for versions in (("v1beta1",), ("v1beta1", "v1")))
    found = check(capsysbinary, *against(tmp_path, old))
    assert {item[0] for item in found} == {"crd-version"}
    told = [item[2] for item in found]
    assert any(
        "reads gateways.networking.istio.io/v1, and gateways.networking.istio.io has no such version" in t for t in told
    )
    assert any("trafficextensions.extensions.istio.io/v1alpha1, and that CRD was not found" in t for t in told)
    told = [item[2] for item in check(capsysbinary, *against(tmp_path, new))]
    assert not any("gateways" in item for item in told)
    # The mesh itself installs CRDs that are newer than those of the cluster.
    found = check(capsysbinary, *against(tmp_path, old, ours=[*OURS, new]))
    assert any("has v1beta1 in the cluster and v1beta1/v1 in mesh affirmed" in item[2] for item in found)


def test_a_profile_alone_stands_for_what_lives_of_its_mesh(capsysbinary, tmp_path):
    """Two profiles and a cluster are enough; no manifest is needed."""
    found = []
    for mesh in ("affirmed", "blue"):
        (tmp_path / f"{mesh}.yaml").write_text(
            profile(mesh, f"istio-{mesh}", sharedResources="own" if mesh == "blue" else "leave")
        )
        found.append(f"--profile={tmp_path / mesh}.yaml")
    both = [istiod("affirmed"), istiod("blue"), webhook("affirmed", ENABLED), webhook("blue", ENABLED)]
    (tmp_path / "cluster.json").write_text(live(*both))
    assert [item[0] for item in check(capsysbinary, tmp_path / "cluster.json", *found)] == ["injection-overlap"]


def test_lines_of_a_saved_list_are_those_of_its_items(capsysbinary, tmp_path):
    """An editor can then find them."""
    given = against(tmp_path, thing("ClusterRole", "other"), thing("ClusterRole", "reader"), release="monitoring")
    main(["check", *map(str, given), "-o", "json"])
    side = json.loads(capsysbinary.readouterr().out)["findings"][0]["sides"][-1]
    lines = (tmp_path / "cluster.json").read_text().split("\n")
    first = next(number for number, line in enumerate(lines, 1) if '"reader"' in line)
    assert lines[side["line"] - 1] == "        {"
    assert 0 < first - side["line"] < 8


# kubectl.

FAKE = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  "get "*|*" get "*) ;;
  *) echo "not a read: $*" >&2; exit 9;;
esac
case "$*" in
  *services*)
    echo 'Error from server (Forbidden): services is forbidden: User "u" cannot list resource "services"' >&2; exit 1;;
  *validatingadmissionpolic*) echo "error: the server doesn't have a resource type \\"validatingadmissionpolicies\\"" >&2; exit 1;;
  *clusterroles*|*namespaces*) cat {answer};;
  *) echo '{{"apiVersion": "v1", "kind": "List", "items": []}}';;
esac
"""


@pytest.fixture
def kubectl(tmp_path):
    """Put a kubectl on the PATH that records its calls, and has no permission to read Services."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (tmp_path / "answer.json").write_text(
        live(thing("ClusterRole", "reader"), thing("Namespace", "web"), release="monitoring")
    )
    tool = directory / "kubectl"
    tool.write_text(FAKE.format(log=tmp_path / "log", answer=tmp_path / "answer.json"))
    tool.chmod(0o755)

    def run(*given: object, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{directory}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-m", "multimesh", "check", *map(str, given)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_the_cluster_is_read_in_few_calls_and_never_written_to(kubectl, tmp_path):
    """It uses the given context and configuration; what it has no permission to read is reported."""
    files = against(tmp_path)[0]
    done = kubectl(files, "--cluster", "--context=staging", "--kubeconfig=k.yaml", "-o", "json")
    assert (done.returncode, done.stderr) == (1, "")
    found = {item["id"]: item["message"] for item in json.loads(done.stdout)["findings"]}
    assert "ClusterRole/reader" in found["cluster-scoped-name"]
    assert "services could not be read: (Forbidden)" in found["unreadable"]
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(calls) <= 14
    assert all(call.startswith("--kubeconfig k.yaml --context staging get ") for call in calls)
    assert not any("secret" in call for call in calls)
    # A kind that the cluster does not have is not reported as unreadable.
    assert "validatingadmissionpolic" not in done.stdout


def test_the_environment_twin_turns_it_on(kubectl, tmp_path):
    """Every switch has an environment variable."""
    assert "and the cluster" in kubectl(against(tmp_path)[0], MULTIMESH_CLUSTER="1").stdout


def test_a_cluster_that_cannot_be_reached_is_an_error(kubectl, tmp_path):
    """Nothing was checked, and the user must know it."""
    (tmp_path / "bin" / "kubectl").write_text(
        "#!/bin/sh\necho 'Unable to connect to the server: dial tcp' >&2\nexit 1\n"
    )
    done = kubectl(against(tmp_path)[0], "--cluster")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: the cluster cannot be reached: Unable to connect")


def test_the_printed_commands_save_what_check_reads(kubectl, tmp_path):
    """A shell that runs them writes files that check recognises as a cluster."""
    printed = kubectl("--print-kubectl", "--context", "staging").stdout
    commands = [line for line in printed.splitlines() if not line.startswith("#")]
    assert commands[0] == "mkdir -p cluster"
    pattern = r"kubectl --context staging get [\w.,-]+ -A( -l \w+)? -o json > (cluster/[\w.-]+\.json) \|\| rm \2"
    assert [line for line in commands[1:] if not re.fullmatch(pattern, line)] == []
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-c", printed], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, check=False
    )
    assert (tmp_path / "cluster" / "clusterroles.json").read_text()
    assert not (tmp_path / "cluster" / "services.json").exists()
    done = kubectl(against(tmp_path)[0], "cluster", "-o", "json")
    found = [(item["id"], item["message"]) for item in json.loads(done.stdout)["findings"]]
    assert found[0] == ("cluster-scoped-name", "the cluster and mesh affirmed both have ClusterRole/reader")
    assert ("unreadable", "no Service was saved, so nothing is said about node ports") in found

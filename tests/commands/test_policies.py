"""`multimesh policies` writes admission policies for the profile, each with its binding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from program import profile

from multimesh.cli import main

OWNER = profile("affirmed", "istio-affirmed", ("nginx-affirmed",), sharedResources="own")
PLAIN = profile("blue", "istio-blue", ("nginx-blue",), revision="blue-1", canaryRevisions=["blue-2"])


def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, *flags: str) -> tuple[int, str, str]:
    """Run the command with a profile; return its exit code, stdout and stderr."""
    file = tmp_path / "profile.yaml"
    file.write_text(text, encoding="utf-8")
    code = main(["policies", "--profile", str(file), *flags])
    out, err = capfd.readouterr()
    return code, out, err


def written(tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, *flags: str) -> list[dict]:
    """Return what the command writes as objects."""
    code, out, err = run(tmp_path, capfd, text, *flags)
    assert (code, err) == (0, "")
    return list(yaml.safe_load_all(out))


def names(objects: list[dict]) -> list[str]:
    """Return the names of the policies, and check that each has its binding."""
    policies = [one for one in objects if one["kind"] == "ValidatingAdmissionPolicy"]
    bindings = [one for one in objects if one["kind"] == "ValidatingAdmissionPolicyBinding"]
    found = [one["metadata"]["name"] for one in policies]
    assert [one["metadata"]["name"] for one in bindings] == found
    assert [(one["spec"]["policyName"], one["spec"]["validationActions"]) for one in bindings] == [
        (name, ["Deny"]) for name in found
    ]
    return found


def test_every_policy_has_a_binding_that_denies_and_fails_closed(tmp_path, capfd):
    objects = written(tmp_path, capfd, OWNER)
    assert names(objects) == [
        "multimesh-releases-affirmed", "multimesh-writes", "multimesh-writes-affirmed", "multimesh-roots-affirmed",
        "multimesh-members-affirmed", "multimesh-pods-affirmed", "multimesh-crds",
    ]  # fmt: skip
    policies = [one for one in objects if one["kind"] == "ValidatingAdmissionPolicy"]
    assert {one["apiVersion"] for one in policies} == {"admissionregistration.k8s.io/v1"}
    assert {one["spec"]["failurePolicy"] for one in policies} == {"Fail"}


def test_what_belongs_to_the_mesh_has_its_label_and_its_name(tmp_path, capfd):
    """So a selector removes it with the mesh, and leaves what the other meshes need too."""
    for one in written(tmp_path, capfd, OWNER):
        name, labels = one["metadata"]["name"], one["metadata"].get("labels", {})
        if name in ("multimesh-writes", "multimesh-crds"):
            assert labels == {}
        else:
            assert labels == {"multimesh.dev/mesh": "affirmed"}
            assert name.endswith("-affirmed")


def test_every_mesh_writes_the_same_shared_policy(tmp_path, capfd):
    """The cluster has it only once, so the order in which meshes are applied must not matter."""

    def shared(text: str) -> list[dict]:
        return [one for one in written(tmp_path, capfd, text) if one["metadata"]["name"] == "multimesh-writes"]

    assert len(shared(OWNER)) == 2
    assert shared(OWNER) == shared(PLAIN)


def rights(objects: list[dict]) -> list[dict]:
    """Return the rules of the ClusterRole, which is bound to an account of the control-plane namespace."""
    [role] = [one for one in objects if one["kind"] == "ClusterRole"]
    [binding] = [one for one in objects if one["kind"] == "ClusterRoleBinding"]
    [subject] = binding["subjects"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert (subject["kind"], subject["name"]) == ("ServiceAccount", "multimesh")
    assert subject["namespace"].startswith("istio-")
    return role["rules"]


def test_the_account_of_a_control_plane_may_write_in_its_own_mesh_only(tmp_path, capfd):
    """Only the owner's may write pods of every mesh: those of istio-cni."""
    rules = {tuple(one["resources"]): one for one in rights(written(tmp_path, capfd, PLAIN))}
    assert set(rules) == {("controlplanes",), ("meshes",)}
    assert rules[("meshes",)]["resourceNames"] == ["blue"]
    assert {tuple(one["apiGroups"]) for one in rules.values()} == {("multimesh.dev",)}
    assert ["pods"] in [one["resources"] for one in rights(written(tmp_path, capfd, OWNER))]


def test_policies_of_one_namespace_are_selected_by_their_binding(tmp_path, capfd):
    """The API server evaluates them for the namespaces of the mesh only."""
    objects = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in written(tmp_path, capfd, PLAIN)
               if "spec" in one}  # fmt: skip
    for name in ("multimesh-roots-blue", "multimesh-pods-blue"):
        binding = objects[("ValidatingAdmissionPolicyBinding", name)]
        assert binding["matchResources"] == {"namespaceSelector": {"matchLabels": {"multimesh.dev/mesh": "blue"}}}


def test_only_the_owner_protects_the_crds(tmp_path, capfd):
    assert "multimesh-crds" not in names(written(tmp_path, capfd, PLAIN))
    assert names(written(tmp_path, capfd, PLAIN, "--only", "crds")) == ["multimesh-crds"]


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        (["--only", "writes"], ["writes"]),
        (["--only", "roots,writes"], ["writes", "roots"]),
        (["--except", "releases, members ,pods"], ["writes", "roots"]),
        (["--only", "writes,pods", "--except", "pods"], ["writes"]),
    ],
)
def test_policies_can_be_chosen(tmp_path, capfd, flags, wanted):
    found = [name for name in names(written(tmp_path, capfd, PLAIN, *flags)) if name != "multimesh-writes"]
    assert found == [f"multimesh-{name}-blue" for name in wanted]


def test_a_choice_of_no_policy_is_refused(tmp_path, capfd):
    """An empty file would let `kubectl apply` fail with a message that helps nobody."""
    code, out, err = run(tmp_path, capfd, PLAIN, "--only", "writes", "--except", "writes")
    assert (code, out) == (2, "")
    assert err.startswith("multimesh: --only and --except leave no policy to write\n")


@pytest.mark.parametrize("flag", ["--only", "--except"])
def test_commas_alone_choose_nothing(tmp_path, capfd, flag):
    """As an unset variable between commas leaves them: all policies would be another choice."""
    code, out, err = run(tmp_path, capfd, PLAIN, flag, ",")
    assert (code, out) == (2, "")
    assert err.startswith(f'multimesh: {flag} is ",", which names nothing\n')


def test_a_policy_that_does_not_exist_is_refused(tmp_path, capfd):
    code, out, err = run(tmp_path, capfd, PLAIN, "--only", "root")
    assert (code, out) == (2, "")
    assert err == (
        'multimesh: --only names the policy "root"\n'
        "  Known policies: releases, writes, roots, members, pods, crds.\n"
    )  # fmt: skip


@pytest.mark.parametrize("version", ["1.30", "v1.35.4", "2.0", "1.30.0-eks-1"])
def test_kubernetes_from_1_30_on_has_them(tmp_path, capfd, version):
    assert run(tmp_path, capfd, PLAIN, "--kubernetes", version)[0] == 0


@pytest.mark.parametrize("version", ["1.29", "v1.29.9", "0.31", "new", "1"])
def test_another_version_of_kubernetes_is_refused(tmp_path, capfd, version):
    code, out, err = run(tmp_path, capfd, PLAIN, "--kubernetes", version)
    assert (code, out) == (2, "")
    assert version in err


def test_the_digest_changes_with_the_profile_and_with_nothing_else(tmp_path, capfd):
    """In this way `verify` finds a policy that is older than the profile."""

    def digests(text: str) -> dict[str, str]:
        objects = written(tmp_path, capfd, text)
        return {one["metadata"]["name"]: one["metadata"]["annotations"]["multimesh.dev/digest"] for one in objects}

    one, same = digests(PLAIN), digests(PLAIN)
    assert one == same
    assert len(set(one.values())) == len(one)
    other = digests(PLAIN.replace("blue-2", "blue-3"))
    assert other["multimesh-releases-blue"] != one["multimesh-releases-blue"]
    assert other["multimesh-members-blue"] == one["multimesh-members-blue"]


def expressions(objects: list[dict], name: str) -> str:
    """Return all expressions of one policy as one text."""
    [policy] = [
        one["spec"] for one in objects if (one["kind"], one["metadata"]["name"]) == ("ValidatingAdmissionPolicy", name)
    ]
    found = [*policy.get("matchConditions", ()), *policy.get("variables", ()), *policy["validations"]]
    return "\n".join(one["expression"] for one in found)


def test_names_that_the_profile_keeps_are_let_through(tmp_path, capfd):
    kept = profile("blue", "istio-blue", keepNames=["ClusterRole/reader", "Widget/*"])
    assert "'ClusterRole/reader', 'Widget/*'" in expressions(written(tmp_path, capfd, kept), "multimesh-releases-blue")
    assert "reader" not in expressions(written(tmp_path, capfd, PLAIN), "multimesh-releases-blue")


def test_stock_names_are_allowed_where_render_leaves_them(tmp_path, capfd):
    keeps = profile("blue", "istio-blue", clusterRoles="keep")
    assert "'ClusterRole/istio-reader'" in expressions(written(tmp_path, capfd, keeps), "multimesh-releases-blue")
    plain = expressions(written(tmp_path, capfd, PLAIN), "multimesh-releases-blue")
    assert "istio-reader" not in plain
    assert "istio-cni" not in plain
    assert "'ClusterRole/istio-cni'" in expressions(written(tmp_path, capfd, OWNER), "multimesh-releases-affirmed")


def test_every_policy_says_what_it_prevents(tmp_path, capfd):
    _, out, _ = run(tmp_path, capfd, OWNER)
    assert out.count("# Prevents: ") == out.count("kind: ValidatingAdmissionPolicy\n") == 7


def test_other_writers_of_roots_come_from_the_profile(tmp_path, capfd):
    writers = profile("blue", "istio-blue", policies={"rootWriters": ["cert-manager/istio-csr"]})
    assert "== 'system:serviceaccount:cert-manager:istio-csr'" in expressions(
        written(tmp_path, capfd, writers), "multimesh-roots-blue"
    )
    wrong = profile("blue", "istio-blue", policies={"rootWriters": ["istio-csr"]})
    code, _, err = run(tmp_path, capfd, wrong)
    assert code == 2
    assert 'spec.policies.rootWriters[0] "istio-csr" is not "namespace/name"' in err


@pytest.mark.parametrize("text", [OWNER, PLAIN], ids=["owner", "leave"])
def test_render_neither_changes_nor_refuses_the_policies(tmp_path, capfd, text):
    """A chart of a platform team may install them."""
    import multimesh

    _, out, _ = run(tmp_path, capfd, text)
    assert multimesh.render_manifest(out.encode(), multimesh.load_profile(text)).output == out.encode()


def test_check_finds_nothing_in_the_policies_of_two_meshes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The policies that all meshes share are the same in each, and nobody needs the account that their binding names."""
    for mesh, text in (("affirmed", OWNER), ("blue", PLAIN)):
        folder = tmp_path / mesh
        folder.mkdir()
        plane = [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "istiod", "namespace": f"istio-{mesh}"}}
        ]
        (folder / "all.yaml").write_text(yaml.safe_dump_all(plane + written(tmp_path, capfd, text)), encoding="utf-8")
    assert main(["check", str(tmp_path / "affirmed"), str(tmp_path / "blue"), "-o", "json"]) == 0
    found = json.loads(capfd.readouterr().out)["findings"]
    assert [one for one in found if "multimesh-" in one["message"]] == []

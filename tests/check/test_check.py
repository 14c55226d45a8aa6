"""`multimesh check`: every class of conflicts is found, and rewritten meshes have none."""

import collections
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from random import Random

import pytest
import yaml
from article import ARTICLE
from finding_cases import config, istiod, node, service, spaces, thing, webhook, workload
from program import profile, render
from streams import DIRECTORY, REASON

from multimesh.check.catalogue import CATALOGUE
from multimesh.check.meshes.overlap import common, exclude, limits
from multimesh.check.sources.manifests import values
from multimesh.kubernetes.selectors import matches
from multimesh.yamltext.edits import Text

ROOT = Path(__file__).resolve().parents[2]
OWNER = {"affirmed": "own", "blue": "leave"}
needs_streams = pytest.mark.skipif(not DIRECTORY.is_dir(), reason=REASON)
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def run(*arguments, text=None):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "multimesh", "check", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )


def found(*arguments):
    """Return how often each id was found, and the exit code."""
    done = run(*arguments, "-o", "json")
    assert done.stderr == ""
    return dict(collections.Counter(item["id"] for item in json.loads(done.stdout)["findings"])), done.returncode


def profiles(directory):
    """Write the profiles of both meshes, and return the flags that name them."""
    flags = []
    for mesh, owns in OWNER.items():
        path = directory / f"{mesh}.profile.yaml"
        path.write_text(profile(mesh, f"istio-{mesh}", [f"nginx-{mesh}"], sharedResources=owns))
        flags += ["--profile", path]
    return flags


def charts(helm, version, names):
    """Return the streams of one version, by mesh, for the charts that exist."""
    directory = DIRECTORY / helm / version
    return {mesh: [p for name in names if (p := directory / mesh / f"{name}.yaml").exists()] for mesh in OWNER}


def rewritten(directory, streams):
    """Render the streams; those that must be refused are left out."""
    for mesh, paths in streams.items():
        (directory / mesh).mkdir()
        for path in paths:
            owner = profile(mesh, f"istio-{mesh}", [f"nginx-{mesh}"], sharedResources=OWNER[mesh])
            done = render(path.read_bytes(), owner)
            if done.code == 0:
                (directory / mesh / path.name).write_bytes(done.out)
    return directory / "affirmed", directory / "blue"


UMBRELLA = ("istio-default", "istio-demo", "istio-everything")
MODERN = ("1.9.9", "1.16.7", "1.24.6", "1.30.3")
PARTS = ("base", "istiod", "gateway", "cni", "ztunnel")
STOCK_1_5 = {"istio-default": (5, 0), "istio-demo": (7, 0), "istio-everything": (12, 1)}


@needs_streams
@pytest.mark.parametrize(("helm", "chart"), list(product(("helm3", "helm4"), UMBRELLA)))
def test_two_stock_meshes_of_1_5_collide_in_exactly_what_is_known(helm, chart):
    """Names, node ports and host paths are those of the table of conflicts in the manual."""
    both = charts(helm, "1.5.0", [chart])
    ids, code = found(*both["affirmed"], *both["blue"])
    names, paths = STOCK_1_5[chart]
    assert (names, 3, paths) == (ids["cluster-scoped-name"], ids["node-port"], ids.get("host-path", 0))
    assert (ids["injection-overlap"], ids["validation-overlap"], ids["citadel-scope"]) == (1, 2, 1)
    assert "embedded-cluster-scoped" in ids
    assert code == 1


@needs_streams
@pytest.mark.parametrize(("helm", "chart"), list(product(("helm3", "helm4"), UMBRELLA)))
def test_two_rewritten_meshes_of_1_5_share_nothing_of_severity_error(tmp_path, helm, chart):
    """The trust domain is the same, since they were rendered without the values of the mesh."""
    both = rewritten(tmp_path, charts(helm, "1.5.0", [chart]))
    assert found(*both, *profiles(tmp_path)) == ({"trust-domain": 1}, 0)


@needs_streams
@pytest.mark.parametrize(("helm", "version"), list(product(("helm3", "helm4"), MODERN[1:])))
def test_two_stock_meshes_of_today_collide_in_validator_cni_and_crds(helm, version):
    """Their revisions differ, so no pod is injected twice."""
    both = charts(helm, version, PARTS)
    ids, code = found(",".join(map(str, both["affirmed"])), ",".join(map(str, both["blue"])))
    assert {"cluster-scoped-name", "validation-overlap", "host-path", "two-owners"} <= set(ids)
    assert "injection-overlap" not in ids
    assert (code, ids["cluster-scoped-name"] >= (5 if version == "1.16.7" else 19)) == (1, True)


@needs_streams
@pytest.mark.parametrize(("helm", "version"), list(product(("helm3", "helm4"), MODERN)))
def test_two_rewritten_meshes_of_today_share_only_what_values_keep_apart(tmp_path, helm, version):
    """The charts have stock values: control planes without discovery selectors write over each other's objects."""
    both = rewritten(tmp_path, charts(helm, version, PARTS))
    ids, code = found(*both, *profiles(tmp_path))
    assert set(ids) <= {"trust-domain", "no-discovery-selector", "gateway-selector", "written-twice"}
    assert ("written-twice" in ids, code) == (True, 1)


def test_the_article_by_hand_leaves_what_it_overlooked(tmp_path):
    """There are six mistakes of the article, in a small mesh of the same structure."""
    for mesh in OWNER:
        (tmp_path / f"{mesh}.yaml").write_text(ARTICLE.replace("MESH", mesh))
    ids, code = found(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml")
    assert ids == {
        "validation-overlap": 1,
        "node-port": 1,
        "citadel-scope": 1,
        "embedded-cluster-scoped": 2,
        "trust-domain": 1,
        "gateway-selector": 1,
    }
    assert code == 1


def random_selector(rng, keys, values):
    """Return a selector with random operators about a few labels."""
    expressions = []
    for _ in range(rng.randint(0, 3)):
        operator = rng.choice(OPERATORS)
        chosen = rng.sample(values, rng.randint(1, 2)) if operator in ("In", "NotIn") else []
        expressions.append({"key": rng.choice(keys), "operator": operator, "values": chosen})
    labels = {rng.choice(keys): rng.choice(values)} if rng.random() < 0.3 else {}
    return {"matchLabels": labels, "matchExpressions": expressions}


@pytest.mark.parametrize("seed", range(6))
def test_two_selectors_overlap_exactly_where_brute_force_finds_labels(seed):
    """They are compared over all combinations of values that occur, one that does not, and none; the example matches both."""
    rng = Random(seed)
    keys, values = ["a", "b", "c"], ["1", "2", "3"]
    universe = [
        {key: value for key, value in zip(keys, chosen, strict=True) if value is not None}
        for chosen in product([None, *values, "other"], repeat=3)
    ]
    for _ in range(300):
        one, two = random_selector(rng, keys, values), random_selector(rng, keys, values)
        expected = any(matches(one, labels) and matches(two, labels) for labels in universe)
        witness = common(one, two)
        assert expected == (witness is not None), (seed, one, two)
        if exclude(limits({"namespaceSelector": one}), limits({"namespaceSelector": two})):
            assert witness is None
        if witness is not None:
            labels = {key: value for key, value in witness.items() if value is not None}
            assert matches(one, labels) and matches(two, labels), (seed, one, two, witness)  # noqa: PT018 - one claim


STOCK_INJECTOR = {"namespaceSelector": {"matchExpressions": [
    {"key": "istio.io/rev", "operator": "In", "values": ["affirmed"]},
    {"key": "istio-injection", "operator": "DoesNotExist"},
]}}  # fmt: skip


def test_an_istiod_that_missed_the_post_renderer_is_told_by_its_selectors(tmp_path):
    """With a revision the stock chart contains no stock name, but injects and validates in the whole cluster."""
    (tmp_path / "p.yaml").write_text(profile("affirmed", "istio-affirmed"))
    (tmp_path / "istiod.yaml").write_text(
        yaml.safe_dump_all(
            [
                istiod("affirmed"),
                webhook("affirmed", STOCK_INJECTOR),
                webhook("affirmed", {"objectSelector": {"matchLabels": {"istio.io/rev": "affirmed"}}}, "Validating"),
            ]
        )
    )
    done = json.loads(run(tmp_path / "istiod.yaml", f"--profile={tmp_path / 'p.yaml'}", "-o", "json").stdout)
    assert [(item["id"], item["message"]) for item in done["findings"]] == [
        ("stock-name", '"validation.istio.io" is not confined to multimesh.dev/mesh=affirmed'),
        ("stock-name", "no webhook of MutatingWebhookConfiguration/istio-mutating-affirmed selects istio-injection=enabled-affirmed"),
    ]  # fmt: skip


def test_selectors_of_the_mesh_and_of_its_canary_are_no_stock_names(tmp_path):
    """A canary revision never has an entry for the label, and a tag refers to a revision."""
    (tmp_path / "p.yaml").write_text(profile("affirmed", "istio-affirmed", canaryRevisions=["next"]))
    canary, tag = (
        webhook("next", STOCK_INJECTOR),
        webhook("affirmed", STOCK_INJECTOR, name="istio-revision-tag-affirmed-a"),
    )
    tag["metadata"]["labels"]["istio.io/tag"] = "affirmed-a"
    for item in (canary, tag):
        item["webhooks"][0]["clientConfig"]["service"] = {
            "name": "istiod-affirmed",
            "namespace": "istio-affirmed",
            "path": "/inject",
        }
    both = webhook("affirmed", STOCK_INJECTOR)
    both["webhooks"] += webhook("affirmed", spaces("istio-injection", "In", "enabled-affirmed"))["webhooks"]
    confined = webhook("affirmed", spaces("multimesh.dev/mesh", "In", "affirmed"), "Validating")
    (tmp_path / "istiod.yaml").write_text(
        yaml.safe_dump_all([istiod("affirmed"), istiod("affirmed", "next"), both, confined, canary, tag])
    )
    ids, _ = found(tmp_path / "istiod.yaml", f"--profile={tmp_path / 'p.yaml'}")
    assert "stock-name" not in ids


@pytest.mark.parametrize("text", ["a: [", "just text", "- a", "[" * 9000, "a: &a [*a]"], ids=lambda text: text[:9])
def test_a_mesh_configuration_that_is_no_yaml_is_told(tmp_path, text):
    """Its trust domain and its selectors are unknown, and the user must know that they were not checked."""
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([istiod("affirmed"), config("affirmed", text)]))
    assert found(tmp_path / "a.yaml") == ({"unreadable": 1}, 0)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump_all([istiod("affirmed"), config("affirmed", "trustDomain: a")]))
    assert found(tmp_path / "a.yaml") == ({}, 0)


def test_two_meshes_that_install_one_component_are_two_wherever_it_lives(tmp_path):
    """Both are in kube-system, and no control plane is in the manifests: their revisions differ."""
    for mesh in OWNER:
        cni = workload("istio-cni-node", "kube-system", {"name": "install-cni"}, "DaemonSet")
        cni["metadata"]["labels"] = {"istio.io/rev": mesh}
        (tmp_path / f"{mesh}.yaml").write_text(yaml.safe_dump(cni))
    ids, _ = found(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml")
    assert ids == {"namespace-claimed-twice": 1, "two-owners": 1}
    account = thing("ConfigMap", "istio-cni-node", "kube-system")
    (tmp_path / "blue.yaml").write_text(yaml.safe_dump(account))
    assert found(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml") == ({}, 0)


def test_a_release_that_is_not_shown_is_not_missed(tmp_path):
    """Base without istiod, istiod without base: each refers to the other, so a missing object is a finding only if both are there."""
    account = {"kind": "ServiceAccount", "name": "istiod-service-account", "namespace": "istio-affirmed"}
    binding = thing("ClusterRoleBinding", "istiod-istio-affirmed", subjects=[account])
    validator = webhook("affirmed", spaces("multimesh.dev/mesh", "In", "affirmed"), "Validating")
    reader = thing("ServiceAccount", "istio-reader-service-account", "istio-affirmed")
    gate = [service("affirmed", "gateway", {"port": 80}), thing("ServiceAccount", "gateway", "istio-affirmed")]
    for name, objects, expected in (
        ("base and gateway", [validator, *gate], {}),
        ("istiod and gateway", [istiod("affirmed"), binding, *gate], {}),
        ("a Service that is not there", [istiod("affirmed"), validator, *gate], {"dangling-reference": 1}),
        ("an account that is not there", [istiod("affirmed"), binding, reader, *gate], {"dangling-reference": 1}),
    ):
        (tmp_path / "a.yaml").write_text(yaml.safe_dump_all(objects))
        assert found(tmp_path / "a.yaml")[0] == expected, name


def policy(mesh, name, **constraints):
    """Return an admission policy as the charts since 1.22 have it with a value set, and its binding."""
    rules = [{"apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}]
    made = thing("ValidatingAdmissionPolicy", name, spec={"matchConstraints": {"resourceRules": rules, **constraints}})
    binding = thing("ValidatingAdmissionPolicyBinding", f"{name}-binding", spec={"policyName": name})
    for item in (made, binding):
        item["apiVersion"] = "admissionregistration.k8s.io/v1"
    return [istiod(mesh), made, binding]


def test_admission_policies_of_two_meshes_see_different_namespaces(tmp_path):
    """Policies are not webhooks, but decide for the whole cluster as validators do."""
    for constraints, expected in (
        (lambda _: {}, {"validation-overlap": 1}),
        (lambda mesh: spaces("multimesh.dev/mesh", "In", mesh), {}),
    ):
        for mesh in OWNER:
            name = f"stable-channel-policy-{mesh}.istio.io"
            (tmp_path / f"{mesh}.yaml").write_text(yaml.safe_dump_all(policy(mesh, name, **constraints(mesh))))
        assert found(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml")[0] == expected
    dangling = policy("blue", "a.istio.io")
    dangling[2]["spec"]["policyName"] = "b.istio.io"
    (tmp_path / "blue.yaml").write_text(yaml.safe_dump_all(dangling))
    assert found(tmp_path / "blue.yaml")[0] == {"dangling-reference": 1}


def test_a_root_namespace_belongs_to_one_mesh(tmp_path):
    """Its configuration applies to a whole mesh; a root namespace of its own, or none, is not a finding."""
    for said, expected in (
        ("rootNamespace: istio-system", {"namespace-claimed-twice": 1}),
        ("rootNamespace: istio-MESH", {}),
        ("rootNamespace: null", {}),
    ):
        for mesh in OWNER:
            text = f"trustDomain: {mesh}.local\n{said.replace('MESH', mesh)}\n"
            (tmp_path / f"{mesh}.yaml").write_text(yaml.safe_dump_all([istiod(mesh), config(mesh, text)]))
        assert found(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml")[0] == expected


def test_files_of_one_revision_are_one_mesh(tmp_path):
    """istio-cni is in kube-system and shares a directory only with the ztunnel of its own mesh."""
    directory = "/var/run/ztunnel"
    agents = {mesh: node(mesh, directory) for mesh in OWNER}
    (tmp_path / "istiod.yaml").write_text(yaml.safe_dump_all([istiod("affirmed"), agents["affirmed"]]))
    cni = agents["blue"] | {
        "metadata": {"name": "cni", "namespace": "kube-system", "labels": {"istio.io/rev": "affirmed"}}
    }
    (tmp_path / "cni.yaml").write_text(yaml.safe_dump(cni))
    assert found(tmp_path / "istiod.yaml", tmp_path / "cni.yaml") == ({}, 0)
    cni["metadata"]["labels"] = {"istio.io/rev": "blue"}
    (tmp_path / "cni.yaml").write_text(yaml.safe_dump(cni))
    assert found(tmp_path / "istiod.yaml", tmp_path / "cni.yaml") == ({"host-path": 1}, 1)


def test_two_profiles_of_one_control_plane_namespace_are_told_with_manifests_too(tmp_path):
    """Manifests of one mesh must not hide that two profiles claim its namespace."""
    flags = []
    for mesh in OWNER:
        (tmp_path / f"{mesh}.profile.yaml").write_text(profile(mesh, "istio-affirmed", sharedResources=OWNER[mesh]))
        flags += ["--profile", tmp_path / f"{mesh}.profile.yaml"]
    (tmp_path / "istiod.yaml").write_text(yaml.safe_dump(istiod("affirmed")))
    ids, code = found(tmp_path / "istiod.yaml", *flags)
    assert (ids.get("namespace-claimed-twice"), code) == (1, 1)


def test_profiles_alone_are_held_against_each_other(tmp_path):
    """Namespaces, node ports, revisions and owners are compared before anything is rendered."""
    for mesh in OWNER:
        ports = {"http2": 32380}
        text = profile(mesh, f"istio-{mesh}", ["shared"], sharedResources="own", nodePorts=ports, revision="same")
        (tmp_path / f"{mesh}.yaml").write_text(text)
    ids, code = found("--profile", tmp_path / "affirmed.yaml", "--profile", tmp_path / "blue.yaml")
    assert {"namespace-claimed-twice", "node-port", "shared-revision", "two-owners"} <= set(ids)
    assert code == 1


def test_the_example_profiles_are_accepted_together():
    """There is no finding, and the output says so."""
    done = run("--profile", "charts-values/affirmed", "--profile", "charts-values/blue")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing found" in done.stdout


def test_two_meshes_that_leave_everything_to_others_are_told_so(tmp_path):
    """One mesh must own the CRDs."""
    flags = []
    for mesh in OWNER:
        (tmp_path / f"{mesh}.yaml").write_text(profile(mesh, f"istio-{mesh}"))
        flags += ["--profile", tmp_path / f"{mesh}.yaml"]
    assert found(*flags) == ({"no-owner": 1}, 0)


def test_sarif_has_what_code_scanning_wants(tmp_path):
    """It has rules with texts, and a location with a region for each result."""
    for mesh in OWNER:
        (tmp_path / f"{mesh}.yaml").write_text(ARTICLE.replace("MESH", mesh))
    body = json.loads(run(tmp_path / "affirmed.yaml", tmp_path / "blue.yaml", "-o", "sarif").stdout)
    assert (body["version"], len(body["runs"])) == ("2.1.0", 1)
    driver = body["runs"][0]["tool"]["driver"]
    for rule in driver["rules"]:
        texts = (rule["shortDescription"], rule["fullDescription"], rule["help"])
        assert all(text["text"] for text in texts), rule["id"]
    for result in body["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert {"startLine", "startColumn", "endLine", "endColumn"} <= set(place["region"])
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_severity_from_which_the_exit_code_is_1_can_be_moved(tmp_path):
    """A pipeline may fail on warnings."""
    flags = []
    for mesh in OWNER:
        (tmp_path / f"{mesh}.yaml").write_text(profile(mesh, f"istio-{mesh}"))
        flags += ["--profile", tmp_path / f"{mesh}.yaml"]
    assert (run(*flags).returncode, run(*flags, "--severity", "warning").returncode) == (0, 1)


def test_an_upgrade_that_forgot_the_post_renderer_is_told_beforehand(tmp_path):
    """The stock names are back, and those of the mesh are gone."""
    new = tmp_path / "new.yaml"
    old = tmp_path / "old.yaml"
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {}}}\n"
    new.write_text(role.format("kiali"))
    old.write_text(role.format("kiali-affirmed"))
    ids, _ = found(new, "--previous", old, "--profile", "charts-values/affirmed")
    assert {"stock-name", "identity-lost"} <= set(ids)


def test_a_crd_that_helm_would_delete_is_told_beforehand(tmp_path):
    """A CRD with the annotation that keeps it is not reported."""
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.b.io\n"
    (tmp_path / "new.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: istio-blue}\n")
    (tmp_path / "old.yaml").write_text(crd)
    ids, code = found(tmp_path / "new.yaml", "--previous", tmp_path / "old.yaml")
    assert (ids, code) == ({"crd-deleted": 1}, 1)
    keep = (
        "  annotations:\n    helm.sh/resource-policy: keep\n    kustomize.toolkit.fluxcd.io/prune: disabled\n"
        "    argocd.argoproj.io/sync-options: Prune=false\n"
    )
    (tmp_path / "old.yaml").write_text(crd + keep)
    assert found(tmp_path / "new.yaml", "--previous", tmp_path / "old.yaml") == ({}, 0)


BROKEN = [
    "kind: [a\n",
    "- 1\n- 2\n",
    "kind: Service\nmetadata: 3\n",
    "apiVersion: v1\nkind: List\nitems: 7\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: {a: 1}}}}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [1, null, {nodePort: [3]}]}\n",
    "apiVersion: x/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: x}\nwebhooks: [3, {rules: 4}]\n",
    "kind: A\nkind: B\n",
    "a: &a [*a]\n",
]


@pytest.mark.parametrize("text", BROKEN)
def test_manifests_of_strangers_give_findings_or_a_clear_error(tmp_path, text):
    """There is no traceback."""
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(ARTICLE.replace("MESH", "blue"))
    done = run(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)
    assert (done.returncode == 2) == done.stderr.startswith("multimesh: ")


def test_a_mutated_manifest_never_ends_in_a_traceback(tmp_path):
    """Values of the wrong type are put anywhere; the seed is in the message."""
    seed = 7
    rng = Random(seed)
    wrong = [None, 3, "x", [], {}, [None], {"a": None}, [[1]], True]
    documents = list(yaml.safe_load_all(ARTICLE.replace("MESH", "affirmed")))
    for number in range(12):
        mutated = json.loads(json.dumps(documents))
        for document in mutated:
            node = document
            while isinstance(node, (dict, list)) and node and rng.random() < 0.8:
                key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
                if rng.random() < 0.3 or not isinstance(node[key], (dict, list)):
                    node[key] = rng.choice(wrong)
                    break
                node = node[key]
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump_all(mutated))
        (tmp_path / "b.yaml").write_text(ARTICLE.replace("MESH", "blue"))
        done = run(path, tmp_path / "b.yaml")
        assert "Traceback" not in done.stderr, (seed, number, done.stderr)


def test_print_kubectl_prints_commands_that_only_read():
    """They save everything that `check` reads."""
    done = run("--print-kubectl")
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    assert any("kubectl" in line for line in lines)
    assert not any(verb in done.stdout for verb in (" apply ", " delete ", " patch ", " label ", " create "))


def test_every_finding_has_a_page():
    """The id in a report is a section of docs/findings.md."""
    page = (ROOT / "docs" / "findings.md").read_text()
    assert [name for name in CATALOGUE if f"\n## {name}\n" not in page] == []


def test_values_are_read_as_go_reads_them():
    """Two Services with the same node port conflict, in every notation of the number."""
    text = "{a: 0x7918, b: 031, c: yes, d: 'yes', e: !!str 1, f: ~, g: 1_0, h: 089, i: 1.5}"
    [root] = Text(text).roots
    assert values(root) == {
        "a": 31000, "b": 25, "c": True, "d": "yes", "e": "1", "f": None, "g": 10, "h": 89, "i": 1.5
    }  # fmt: skip

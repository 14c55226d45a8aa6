"""The mesh profile: its defaults, every check of a key, and every mistake with its line and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh import definitions
from multimesh.mesh.profile import Profile, load

SPEC = {"namespace": "istio-blue"}


def made(name: str = "blue", **spec: Any) -> Profile:
    return load(yaml.safe_dump({"metadata": {"name": name}, "spec": {**SPEC, **spec}}, sort_keys=False), "p.yaml")


def mistakes(text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(MultimeshError) as error:
        load(text, "p.yaml")
    return [(one.where, one.what, one.hint) for one in (error.value, *error.value.others)]


def wrong(lines: str) -> tuple[str, str]:
    ((_, what, hint),) = mistakes(f"metadata: {{name: blue}}\nspec:\n  namespace: istio-blue\n  {lines}\n")
    return what, hint


def test_the_defaults() -> None:
    mesh = made()
    assert {name: getattr(mesh, name) for name in Profile.__slots__} == {
        "also_listen": [], "canary_revisions": [], "crds": [], "flags": [], "foreign_subjects": frozenset(), "more_crds": "", "keep_names": frozenset(), "lines": {"metadata": 1, "metadata.name": 2, "spec": 3, "spec.namespace": 4}, "name": "blue",
        "namespace": "istio-blue", "namespaces": frozenset({"istio-blue"}), "node_ports": "auto", "owns_shared": False,
        "rename_cluster_roles": True, "rename_gateways": True, "rename_names": frozenset(), "repeated_namespaces": [], "revision": "blue",
        "revisions": ("blue",), "root_writers": [], "scope_gateways": True, "upgrade": False, "where": "p.yaml", "workload_namespaces": [],
    }  # fmt: skip
    assert mesh.injection_label == "enabled-blue"


def test_every_key_is_read() -> None:
    mesh = made(
        workloadNamespaces=["a", "b", "a", "istio-blue"], sharedResources="own", revision="r", canaryRevisions=["c"],
        clusterRoles="keep", gateways="keep", scopeGateways=False, nodePorts={"http2": 30000, "https": 32767},
        citadel={"alsoListen": ["x"]}, flags=[{"container": "c", "args": ["--a"], "env": {"A": "b"}}],
        keepNames=["Widget/*"], renameNames=["ClusterRole/x"], policies={"rootWriters": ["a/b"]},
        crds=["c"], foreignSubjects=["m/p"],
    )  # fmt: skip
    assert (mesh.root_writers, mesh.crds, mesh.foreign_subjects) == (["a/b"], ["c"], {"m/p"})
    assert (mesh.workload_namespaces, mesh.namespaces) == (["a", "b"], {"a", "b", "istio-blue"})
    assert (mesh.owns_shared, mesh.revision, mesh.revisions, mesh.canary_revisions) == (True, "r", ("r", "c"), ["c"])
    assert (mesh.rename_cluster_roles, mesh.rename_gateways, mesh.scope_gateways) == (False, False, False)
    assert (mesh.node_ports, mesh.also_listen) == ({"http2": 30000, "https": 32767}, ["x"])
    assert mesh.flags == [{"container": "c", "args": ["--a"], "env": {"A": "b"}}]
    assert (mesh.keep_names, mesh.rename_names) == ({"Widget/*"}, {"ClusterRole/x"})


@pytest.mark.parametrize(
    ("check", "right", "refused"),
    [
        (definitions.check_label, ("a", "a-1", "x" * 63), ("", "-a", "a-", "A", "a.b", "x" * 64)),
        (definitions.check_mesh, ("a", "object", "x" * 30), ("x" * 31, "A", "default", "rev", "viewer", "staging")),
        (definitions.check_namespace, ("a", "x" * 56), ("x" * 57, "istio", "A", "viewer", "galley", "reader")),
        (definitions.check_revision, ("a", "x" * 56), ("x" * 57, "default", "istio", "a.b")),
        (
            definitions.check_kept,
            ("A/b", "A/*", "Service/a", "Template/*"),
            ("A", "A/", "/b", "clusterrole/x", "Clusterrole/*", "clusterroles/x"),
        ),
        (
            definitions.check_renamed,
            ("A/b", "ClusterRole/viewer", "ClusterIssuer/view", "ClusterRoleBinding/x:system:y"),
            (
                "A",
                "A/",
                "/b",
                "A/*",
                "Namespace/a",
                "PriorityClass/a",
                "Deployment/x",
                "Gateway/x",
                "rule/x",
                "clusterrole/x",
                "ClusterRole/view",
                "ClusterRole/cluster-admin",
                "ClusterRole/system:a",
                "ClusterRoleBinding/system:a",
                "ClusterRoleBinding/admin",
            ),
        ),
        (definitions.check_any, ("a", " "), ("",)),
    ],
)
def test_a_check_says_what_is_wrong(check: Any, right: tuple[str, ...], refused: tuple[str, ...]) -> None:
    assert [name for name in right if check(name)] == []
    assert [name for name in refused if not check(name)] == []


def test_a_mistake_has_its_line_and_all_are_reported() -> None:
    assert [(where, what) for where, what, _ in mistakes("metadata: {name: B}\nspec:\n  gateway: x\n")] == [
        ("p.yaml:1", f'metadata.name "B" {definitions.check_mesh("B")}'),
        ("p.yaml:3", 'unknown key "spec.gateway"'),
        ("p.yaml:3", 'the key "spec.namespace" is missing'),
    ]


@pytest.mark.parametrize(
    ("lines", "what", "hint"),
    [
        ("flags: a", "spec.flags is not a list", "Write it as a list: flags: [a, b]"),
        ("citadel: a", "spec.citadel is not a mapping", "It has the keys alsoListen."),
        ("nodePorts: [a]", "spec.nodePorts is not a mapping", "Write it as keys and values."),
        ("revision: [a]", "spec.revision is not a single value", "Write one value after the colon."),
        ("scopeGateways: 'true'", 'spec.scopeGateways is "true", neither true nor false', "Write true or false, without quotes."),
        ("nodePorts: {http2: 29999}", 'spec.nodePorts.http2 is "29999", which is not a node port', "Kubernetes allocates 30000-32767. Leave the port out to let it choose."),
        ("sharedResources: x", 'spec.sharedResources is "x"', "It may be: own, leave."),
        ("revision: on", 'spec.revision is "on", which YAML does not read as text', 'Put it in quotes: "on"'),
        ("revision: 12", 'spec.revision is "12", which YAML does not read as text', 'Put it in quotes: "12"'),
        ("nodePorts: {http: 32380}", 'unknown key "spec.nodePorts.http"', 'Did you mean "https"?'),
        ("nodePorts: {a: 29999}", 'unknown key "spec.nodePorts.a"', "Known keys: http2, https, tcp, http-prometheus."),
        ("nodePorts: {tcp: 30000, https: 30000}", "spec.nodePorts gives 30000 to tcp and to https", "A node port is one port of one Service: choose another one."),
        ("canaryRevisions: [blue]", 'spec.canaryRevisions holds "blue", which is spec.revision', "Remove it there."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(lines: str, what: str, hint: str) -> None:
    assert wrong(lines) == (what, hint)


@pytest.mark.parametrize("namespace", ["ztunnel", "ztunnel-a", "istio-cni-a", "istio-operator"])
def test_a_namespace_after_which_gateways_would_look_like_a_shared_chart_is_refused(namespace: str) -> None:
    """Law 3: a second run would refuse the output of the first one."""
    with pytest.raises(MultimeshError) as raised:
        load(profile("blue", namespace), "p.yaml")
    assert f"the name {namespace}-ingressgateway, which looks like the stock name" in str(raised.value)
    assert load(profile("blue", namespace, gateways="keep"), "p.yaml").namespace == namespace
    assert load(profile("blue", f"x{namespace}"), "p.yaml").namespace == f"x{namespace}"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("keepNames: [clusterrole/x]", 'spec.keepNames[0] "clusterrole/x" has the wrong kind: it is spelled ClusterRole/x'),
        ("keepNames: [CLUSTERROLE/*]", 'spec.keepNames[0] "CLUSTERROLE/*" has the wrong kind: it is spelled ClusterRole/*'),
        ("keepNames: [' ClusterRole/x']", 'spec.keepNames[0] " ClusterRole/x" is neither "Kind/name" nor "Kind/*"'),
        ("renameNames: ['Cluster Role/x']", 'spec.renameNames[0] "Cluster Role/x" is not "Kind/name"'),
        ("keepNames: [services/x]", 'spec.keepNames[0] "services/x" has the wrong kind: it is spelled Service/x'),
        ("keepNames: [ingress/x]", 'spec.keepNames[0] "ingress/x" has the wrong kind: it is spelled Ingress/x'),
        ("renameNames: [A/b, clusterissuer/x]", 'spec.renameNames[1] "clusterissuer/x" has the wrong kind: it is spelled ClusterIssuer/x'),
        ("renameNames: [Deployment/x]", 'spec.renameNames[0] "Deployment/x" is a Deployment, which is not cluster-scoped: such names never change'),
        ("renameNames: [ClusterRole/edit]", 'spec.renameNames[0] "ClusterRole/edit" belongs to Kubernetes, which has it in every cluster'),
        ("keepNames: [A/b, C/d, A/b]", 'spec.keepNames[2] "A/b" is written twice: it is spec.keepNames[0] too'),
        ("renameNames: [A/b, A/b]", 'spec.renameNames[1] "A/b" is written twice: it is spec.renameNames[0] too'),
        ("canaryRevisions: [a, a]", 'spec.canaryRevisions[1] "a" is written twice: it is spec.canaryRevisions[0] too'),
        ("citadel: {alsoListen: [a, a]}", 'spec.citadel.alsoListen[1] "a" is written twice: it is spec.citadel.alsoListen[0] too'),
        ("policies: {rootWriters: [a/b, a/b]}", 'spec.policies.rootWriters[1] "a/b" is written twice: it is spec.policies.rootWriters[0] too'),
    ],
)  # fmt: skip
def test_an_entry_of_a_list_of_names_that_cannot_be_meant_is_refused(lines: str, what: str) -> None:
    """The entry would have no effect, and the user would not notice."""
    hint = (
        "Remove one of them."
        if "twice" in what
        else f"Correct it, or remove it: multimesh explain {what.partition('[')[0]}"
    )
    assert wrong(lines) == (what, hint)


def test_a_mistake_in_a_list_has_the_line_of_the_item() -> None:
    """In a list of one item a line, and where keys contradict each other."""
    text = "metadata: {name: blue}\nspec:\n  namespace:\n    istiod\n  keepNames:\n  - A/b\n  - A/b\n"
    assert [where for where, _, _ in mistakes(text)] == ["p.yaml:7"]
    assert [where for where, _, _ in mistakes(text.replace("  - A/b\n", "", 1))] == ["p.yaml:3"]


def test_a_profile_knows_the_lines_of_its_keys_and_items() -> None:
    """Findings and hints have these lines; for an absent key there is only the file."""
    mesh = load("metadata: {name: blue}\nspec:\n  namespace: a\n  keepNames:\n  - A/b\n  - C/d\n", "p.yaml")
    assert [mesh.line(*place) for place in (("metadata.name",), ("spec.namespace",), ("spec.revision",))] == [1, 3, 1]
    assert [mesh.line("spec.keepNames", item) for item in ("", "A/b", "C/d", "E/f")] == [4, 5, 6, 4]


@pytest.mark.parametrize(
    ("mesh", "namespace", "spec", "message"),
    [
        ("admin", "istio-a", {"renameNames": ["ClusterRole/cluster"]}, 'p.yaml:9: spec.renameNames holds "ClusterRole/cluster", which would give ClusterRole/cluster the name cluster-admin, which looks like the stock name "cluster-admin"'),
        ("b", "istio-a", {"renameNames": ["ClusterRole/system:a"]}, "p.yaml:9: spec.renameNames"),
        ("reader", "istio-a", {"renameNames": ["Widget/a", "ClusterRole/istio"]}, 'p.yaml:10: spec.renameNames holds "ClusterRole/istio", which would give ClusterRole/istio the name istio-reader, which looks like the stock name "istio-reader"'),
        ("blue", "istio-a", {"revision": "b", "renameNames": ["ClusterRole/a", "ClusterRole/a-blue"]}, 'p.yaml:11: spec.renameNames holds "ClusterRole/a-blue", which ClusterRole/a becomes in this mesh'),
        ("blue", "istio-a", {"renameNames": ["ClusterRole/kiali-blue"]}, 'p.yaml:9: spec.renameNames holds "ClusterRole/kiali-blue", which ClusterRole/kiali becomes in this mesh'),
        ("blue", "istio-a", {"renameNames": ["ValidatingWebhookConfiguration/istio-a-galley"]}, 'p.yaml:9: spec.renameNames holds "ValidatingWebhookConfiguration/istio-a-galley", which ValidatingWebhookConfiguration/istio-galley becomes in this mesh'),
        ("blue", "a-b", {"renameNames": ["MutatingWebhookConfiguration/a-b-sidecar"], "keepNames": ["A/b"], "revision": "c", "gateways": "keep"}, ""),
        ("galley", "istiod-default-validator", {"gateways": "keep"}, 'p.yaml:4: metadata.name "galley" would give both ValidatingWebhookConfiguration/istio-galley and ValidatingWebhookConfiguration/istiod-default-validator the name istiod-default-validator-galley'),
        ("blue", "istio-a", {"keepNames": ["ClusterRole/*"], "renameNames": ["ClusterRole/b"]}, 'p.yaml:11: spec.renameNames holds "ClusterRole/b", and spec.keepNames keeps every ClusterRole'),
        ("blue", "istio-a", {"keepNames": ["ClusterRole/b"], "renameNames": ["ClusterRole/b"]}, 'p.yaml:11: "ClusterRole/b" is in keepNames and in renameNames'),
        ("cni", "istio-a", {}, 'p.yaml:4: metadata.name "cni" would give ConfigMap/istio the name istio-cni, which looks like the stock name "istio-cni"'),
        ("blue", "istio-a", {"revision": "crd-a"}, 'p.yaml:8: spec.revision "crd-a" would give ConfigMap/istio the name istio-crd-a, which looks like the stock name "istio-init"'),
        ("blue", "istio-a", {"canaryRevisions": ["b", "operator"]}, 'p.yaml:10: spec.canaryRevisions "operator" would give ConfigMap/istio the name istio-operator, which looks like the stock name "istio-operator"'),
        ("istio", "istio-a", {}, "p.yaml:4: metadata.name \"istio\" is the revision too, and would make every stock name"),
        ("istio", "istio-a", {"revision": "blue"}, ""),
        ("blue", "istiod", {}, 'p.yaml:6: spec.namespace "istiod" would give Deployment/istio-ingressgateway the name istiod-ingressgateway, which looks like the stock name "istiod"'),
    ],
)  # fmt: skip
def test_a_made_name_that_meets_a_stock_name_is_refused(mesh: str, namespace: str, spec: Any, message: str) -> None:
    """A second run would take the new name for a stock name. The message has the key, the line of the key or item, and a remedy."""
    if not message:
        load(profile(mesh, namespace, **spec), "p.yaml")
        return
    with pytest.raises(MultimeshError) as raised:
        load(profile(mesh, namespace, **spec), "p.yaml")
    assert f"multimesh: {message}" in str(raised.value)
    assert raised.value.hint


def test_what_a_cluster_has_only_once_is_not_renamed() -> None:
    """The owner would not rename the role, but its references would change."""
    with pytest.raises(MultimeshError) as raised:
        load(profile("blue", "istio-blue", renameNames=["ClusterRole/istio-cni"]), "p.yaml")
    assert 'spec.renameNames holds "ClusterRole/istio-cni", which a cluster has only once' in str(raised.value)


@pytest.mark.parametrize("word", ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "No", "1", "1.5"])
def test_a_word_that_yaml_does_not_read_as_text_is_refused(word: str) -> None:
    """A name that means something else to another program is a mistake; in quotes it is text."""
    assert wrong(f"canaryRevisions: [{word}]") == (
        f'spec.canaryRevisions[0] is "{word}", which YAML does not read as text',
        f'Put it in quotes: "{word}"',
    )
    if word.isalpha():
        text = f"metadata: {{name: blue}}\nspec: {{namespace: istio-blue, canaryRevisions: ['{word.lower()}']}}\n"
        assert load(text, "p.yaml").canary_revisions == [word.lower()]


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("yes", True), ("on", True), ("y", True), ("false", False), ("no", False), ("Off", False), ("n", False)],
)  # fmt: skip
def test_a_switch_is_read_as_yaml_1_1_reads_it(word: str, value: bool) -> None:
    text = f"metadata: {{name: blue}}\nspec:\n  namespace: istio-blue\n  scopeGateways: {word}\n"
    assert load(text, "p.yaml").scope_gateways is value


def test_a_key_without_a_value_is_an_empty_one_or_the_default() -> None:
    text = "metadata: {name: blue}\nspec:\n  namespace: istio-blue\n"
    for key in ("workloadNamespaces", "flags", "citadel", "revision", "nodePorts", "gateways"):
        empty, absent = load(f"{text}  {key}:\n", "p.yaml"), load(text, "p.yaml")
        assert {name: getattr(empty, name) for name in Profile.__slots__ if name != "lines"} == {
            name: getattr(absent, name) for name in Profile.__slots__ if name != "lines"
        }
    assert [what for _, what, _ in mistakes(text.replace(" istio-blue", ""))] == ["spec.namespace is empty"]


@pytest.mark.parametrize(
    ("namespace", "what"),
    [("x" * 49, "has 49 characters"), ("1istio", "begins with a digit"), ("x" * 48, ""), ("i1", "")],
)
def test_a_namespace_must_be_able_to_begin_the_name_of_a_service(namespace: str, what: str) -> None:
    """Unless gateways keep their names."""
    if what:
        for spec in ({}, {"gateways": "rename"}):
            with pytest.raises(MultimeshError) as raised:
                made(namespace=namespace, **spec)
            assert raised.value.what == (
                f'spec.namespace "{namespace}" {what}, so {namespace}-ingressgateway is not a valid name of a Service'
            )
    else:
        assert made(namespace=namespace).namespace == namespace
    assert made(namespace=namespace, gateways="keep").namespace == namespace

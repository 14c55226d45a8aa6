"""Which objects are one mesh, among manifests and in a cluster, and what a mesh says of itself."""

from __future__ import annotations

import pytest
from finding_cases import config, istiod, spaces, thing, webhook, workload
from meshes import mesh, objects, spec

from multimesh.check.meshes.grouping import group
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.meshes.mesh import Mesh, control_plane_of, name_of, revisions_of
from multimesh.check.meshes.overlap import common, rules_meet
from multimesh.check.meshes.workloads import containers, env_value, is_control_plane, minor_version, pod_spec
from multimesh.check.objects import Object

REVISION = {"istio.io/rev": "affirmed"}


def one(item: dict) -> Object:
    """Return one object as it is read."""
    return objects(item)[0]


def released(item: dict, namespace: str, name: str = "x") -> dict:
    """Add the annotations of a Helm release."""
    notes = {"meta.helm.sh/release-namespace": namespace, "meta.helm.sh/release-name": name}
    item["metadata"]["annotations"] = notes
    return item


# A mesh.


def test_a_mesh_is_checked_if_a_manifest_or_a_profile_is_given():
    assert Mesh("a", "istio-a", []).checked
    assert Mesh("a", "istio-a", [], spec()).checked
    assert not Mesh("a", "istio-a", [], live=True).checked
    assert Mesh("a", "istio-a", [], spec(), live=True).checked


def test_live_objects_without_a_namespace_are_of_no_mesh():
    assert Mesh("a", "", [], live=True).is_unassigned
    assert not Mesh("a", "", []).is_unassigned
    assert not Mesh("a", "istio-a", [], live=True).is_unassigned


def test_a_mesh_configuration_is_in_a_config_map_of_istio():
    text, other = (
        config("affirmed", "trustDomain: a"),
        thing("ConfigMap", "other", "istio-affirmed", data={"mesh": "{}"}),
    )
    default = thing("ConfigMap", "istio", "istio-affirmed", data={"mesh": "a: b"})
    broken = config("broken", "- a")
    found = mesh(text, other, default, broken, thing("ConfigMap", "istio-x", "istio-affirmed", data={}))
    assert [values for _, values in found.configs] == [{"trustDomain": "a"}, {"a": "b"}]
    assert [item.name for item in found.unparsed_configs] == ["istio-broken"]


def test_containers_are_found_by_name_with_their_workload():
    found = mesh(istiod("affirmed"), workload("x", "istio-affirmed", {"name": "x"}), thing("Service", "s", "a"))
    assert [(item.name, container["name"]) for item, container in found.containers()] == [
        ("istiod-affirmed", "discovery"),
        ("x", "x"),
    ]
    assert [item.name for item, _ in found.containers("x")] == ["x"]


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_the_control_plane_is_where_webhooks_call_if_no_workload_is_given(kind: str):
    assert control_plane_of(objects(webhook("affirmed", {}, kind))) == "istio-affirmed"
    assert control_plane_of(objects(webhook("affirmed", {}, kind), istiod("blue"))) == "istio-blue"
    assert control_plane_of(objects(webhook("affirmed", {}, kind) | {"kind": "Other"})) == ""


def test_revisions_are_those_served_or_else_those_in_labels():
    asks = workload("w", "a", {"name": "x"}, labels=REVISION)
    labelled = thing("ConfigMap", "c", "a", labels={"istio.io/rev": "of-labels"})
    annotated = thing("ConfigMap", "d", "a")
    annotated["metadata"]["annotations"] = {"istio.io/rev": "of-annotations"}
    assert revisions_of(objects(istiod("a", "served"), asks)) == ["served"]
    assert revisions_of(objects(webhook("b", {}), asks)) == ["b"]
    assert revisions_of(objects(asks, labelled, annotated)) == ["affirmed", "of-labels", "of-annotations"]
    old = workload("istio-pilot", "a", {"name": "discovery"})
    assert revisions_of(objects(old)) == []


def test_a_mesh_is_called_by_its_profile_its_label_its_revision_or_its_namespace():
    label = {"namespaceSelector": {"matchLabels": {"multimesh.dev/mesh": "labelled"}}}
    assert name_of("n", objects(webhook("a", label)), spec("affirmed")) == "affirmed"
    assert name_of("n", objects(webhook("a", label)), None) == "labelled"
    assert name_of("n", objects(webhook("a", spaces("multimesh.dev/mesh", "In", "expressed"))), None) == "expressed"
    for selector in (spaces("multimesh.dev/mesh", "In", "a", "b"), spaces("multimesh.dev/mesh", "NotIn", "a")):
        assert name_of("n", objects(webhook("rev", selector)), None) == "rev"
    assert name_of("n", objects(istiod("a", "default")), None) == "n"
    assert name_of("", [], None) == "unnamed"


# Workloads.


def test_the_spec_of_pods_is_where_each_kind_has_it():
    pods = {"containers": [{"name": "c"}], "initContainers": [{"name": "i"}]}
    for item in (
        thing("Pod", "p", "a", spec=pods),
        thing("Deployment", "p", "a", spec={"template": {"spec": pods}}),
        thing("CronJob", "p", "a", spec={"jobTemplate": {"spec": {"template": {"spec": pods}}}}),
    ):
        assert pod_spec(one(item)) == pods
        assert [container["name"] for container in containers(one(item))] == ["i", "c"]
    for item in (
        thing("ConfigMap", "p", "a", spec={"template": {"spec": pods}}),
        thing("Deployment", "p", "a", spec={"template": {"spec": []}}),
        thing("Deployment", "p", "a"),
    ):
        assert pod_spec(one(item)) == {}
        assert containers(one(item)) == []


def test_a_control_plane_is_known_by_its_containers():
    for name, expected in (("discovery", True), ("galley", True), ("citadel", True), ("istio-proxy", False)):
        assert is_control_plane(one(workload("w", "a", {"name": name}))) is expected
    assert is_control_plane(one(workload("w", "a", {"name": "sidecar-injector-webhook"})))


def test_the_version_is_that_of_the_image_or_of_the_chart():
    for image, label, version in (
        ("istio/pilot:1.30.3", "", (1, 30)), ("istio/pilot:1.9.9-distroless", "1.20.8", (1, 9)), ("istio/pilot", "1.24.6", (1, 24)),
        ("istio/pilot:latest", "1.0.0", (0, 0)), ("istio/pilot", "", (0, 0)),
    ):  # fmt: skip
        plane = one(thing("Deployment", "istiod", "a", labels={"app.kubernetes.io/version": label} if label else None))
        assert minor_version(plane, {"image": image}) == version


def test_a_variable_is_absent_or_empty():
    container = {"env": [{"name": "a"}, {"name": "b", "value": 1}, {"name": "b", "value": 2}]}
    assert [env_value(container, name) for name in "abc"] == ["", "1", None]


# Selectors.


def test_an_expression_that_is_not_a_mapping_is_refused_by_its_operator():
    for expression in ("x", 1, None, [], {"key": "a"}, {"key": "a", "operator": "Near"}):
        with pytest.raises(ValueError, match="an expression has the operator"):
            common({"matchExpressions": [expression]})
    for operator in ("Exists", "DoesNotExist"):
        assert common({"matchExpressions": [{"key": "a", "operator": operator}]}) is not None
    for operator in ("In", "NotIn"):
        assert common({"matchExpressions": [{"key": "a", "operator": operator, "values": ["b"]}]}) is not None
    with pytest.raises(ValueError, match="matchLabels is a mapping"):
        common({"matchLabels": ["a"]})


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ({}, {}, True),
        ({"operations": ["CREATE"]}, {"operations": ["*"]}, True),
        ({"operations": ["CREATE"]}, {"operations": ["DELETE"]}, False),
        ({"apiGroups": [""]}, {"apiGroups": ["apps"]}, False),
        ({"apiVersions": ["v1"]}, {"apiVersions": ["v1beta1", "v1"]}, True),
        ({"apiVersions": ["v1"]}, {"apiVersions": ["v1beta1"]}, False),
        ({"resources": ["pods"]}, {"resources": ["pods/status"]}, False),
        ({"resources": ["pods/*"]}, {"resources": ["pods/status"]}, True),
        ({"resources": ["*/status"]}, {"resources": ["pods/status"]}, True),
        ({"resources": ["services/*"]}, {"resources": ["pods/status"]}, False),
        ({"resources": ["*/scale"]}, {"resources": ["pods/status"]}, False),
        ({"resources": ["pods/*"]}, {"resources": ["pods"]}, False),
        ({"resources": ["*/*"]}, {"resources": ["pods"]}, True),
        ({"resources": ["*/*"]}, {"resources": ["pods/status"]}, True),
    ],
)
def test_rules_of_webhooks_meet_on_one_operation_of_one_resource(first: dict, second: dict, meet: bool):
    for one_way in ((first, second), (second, first)):
        assert rules_meet(*({"rules": [rule]} for rule in one_way)) is meet
    assert not rules_meet({"rules": []}, {"rules": [first]})


# Objects.


def test_a_resource_has_a_name_and_a_version():
    """A file of values may have a kind too."""
    for item, expected in (
        ({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}}, True),
        ({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "a"}}, True),
        ({"kind": "Service", "metadata": {"name": "a"}}, False),
        ({"kind": "Service", "apiVersion": "v1", "metadata": {}}, False),
        ({"kind": "MeshProfile", "apiVersion": "multimesh.dev/v1", "metadata": {"name": "a"}}, False),
    ):
        metadata = item["metadata"]
        assert isinstance(metadata, dict)
        group = str(item.get("apiVersion", "")).rpartition("/")[0]
        assert Object(group, str(item["kind"]), "", metadata.get("name", ""), "a.yaml", 1, item).is_resource is expected


# Manifests.


def test_a_unit_without_a_mesh_is_called_after_its_file():
    [found] = group([objects(thing("ClusterRole", "a"), file="some/directory/gateway.v2.yaml")], [])
    assert (found.name, found.namespace) == ("gateway.v2", "")


def test_units_of_one_control_plane_are_one_mesh():
    gateway = objects(workload("g", "elsewhere", {"name": "istio-proxy"}, labels=REVISION))
    alone = objects(workload("h", "alone", {"name": "istio-proxy"}))
    found = group([objects(istiod("affirmed")), gateway, objects(webhook("affirmed", {})), alone, []], [spec("other")])
    assert [(one.name, one.namespace, len(one.objects)) for one in found] == [
        ("affirmed", "istio-affirmed", 3),
        ("other", "istio-other", 0),
        ("alone", "alone", 1),
    ]


# A cluster.


def owners(*items: dict, checked: list[Mesh] | None = None) -> dict[str, list[str]]:
    """Return the names of objects by the name of the live mesh that they belong to."""
    return {
        found.name: [item.name for item in found.objects] for found in with_live_meshes(objects(*items), checked or [])
    }


PLANES = (istiod("a", "default"), istiod("b", "rev-b"))


@pytest.mark.parametrize(
    ("item", "owner"),
    [
        (released(thing("ClusterRole", "x"), "istio-a"), "istio-a"),
        (released(thing("ConfigMap", "x", "istio-b"), "istio-a"), "istio-a"),
        (released(thing("ConfigMap", "x", "istio-b"), "elsewhere"), "the cluster"),
        (thing("ConfigMap", "x", "istio-b"), "rev-b"),
        (thing("ConfigMap", "x", "elsewhere"), "the cluster"),
        (thing("ConfigMap", "x", "elsewhere", labels={"istio.io/rev": "rev-b"}), "rev-b"),
        (thing("Namespace", "istio-b"), "the cluster"),
        (webhook("b", {}, "Validating", name="x"), "rev-b"),
        (thing("ClusterRoleBinding", "x", subjects=[{"namespace": "elsewhere"}, {"namespace": "istio-b"}]), "rev-b"),
        (thing("ClusterRole", "x-istio-b"), "rev-b"),
        (thing("ClusterRole", "istio-b-x"), "rev-b"),
        (thing("ClusterRole", "x-istio-b-x"), "the cluster"),
        (thing("ClusterRole", "x", labels={"istio.io/rev": "rev-b"}), "rev-b"),
    ],
)
def test_a_live_object_belongs_to_the_mesh_of_its_release_namespace_name_or_revision(item: dict, owner: str):
    found = owners(*PLANES, item)
    assert item["metadata"]["name"] in found[owner]
    assert sum(map(len, found.values())) == 3


def test_a_role_belongs_to_the_mesh_that_binds_it():
    binding = thing(
        "ClusterRoleBinding", "y", roleRef={"kind": "ClusterRole", "name": "x"}, subjects=[{"namespace": "istio-b"}]
    )
    # Another kind of this name is not bound, and the name of a role that has an owner already does not matter.
    found = owners(*PLANES, binding, thing("ClusterRole", "x"), thing("IngressClass", "x"))
    assert found == {"istio-a": ["istiod-a"], "rev-b": ["istiod-b", "y", "x"], "the cluster": ["x"]}


def test_a_namespace_with_the_label_of_a_mesh_is_of_that_mesh():
    """The label of the control plane's namespace says what the mesh is called."""
    label = {"multimesh.dev/mesh": "blue"}
    found = owners(
        *PLANES,
        thing("Namespace", "istio-b", labels=label),
        thing("Namespace", "web", labels=label),
        thing("Namespace", "shop", labels={"multimesh.dev/mesh": "red"}),
        thing("ConfigMap", "in-web", "web"),
        thing("ConfigMap", "in-shop", "shop"),
    )
    assert "in-web" in found["rev-b"]
    assert "in-shop" in found["the cluster"]


def test_namespaces_of_a_profile_and_its_names_are_of_its_mesh():
    checked = [Mesh("affirmed", "istio-affirmed", [], spec("affirmed"))]
    items = [thing("ConfigMap", "in", "nginx-affirmed"), thing("ClusterRole", "kiali-affirmed")]
    assert owners(*PLANES, *items, checked=checked)["affirmed"] == ["in", "kiali-affirmed"]


def test_a_checked_mesh_with_manifests_leaves_its_live_objects_out():
    """They would collide with the manifests."""
    given = mesh(istiod("a", "default"), name="a")
    [found, other] = with_live_meshes(objects(*PLANES), [given])
    assert found is given
    assert (other.name, other.live) == ("rev-b", True)

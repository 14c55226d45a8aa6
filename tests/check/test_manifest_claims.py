"""What the manifests of two meshes must not both claim: each function alone, and the index of claims."""

from __future__ import annotations

import pytest
from finding_cases import config, istiod, service, thing, webhook, workload
from meshes import mesh, objects, said, spec

from multimesh.check.between import BETWEEN
from multimesh.check.between.claims import ANOTHER_NAME, Claim, collisions
from multimesh.check.between.manifests import (
    CLAIMS,
    cluster_scoped_names,
    components,
    gateways,
    host_paths,
    host_ports,
    namespaced_objects,
    node_ports,
    revisions,
    root_namespaces,
    trust_domains,
)
from multimesh.check.between.profiles import PROFILE_CLAIMS
from multimesh.check.between.singletons import SINGLETONS
from multimesh.check.findings import Side
from multimesh.check.meshes.mesh import Mesh

SPACE = "istio-affirmed"


def claims(function, *items, **more):
    """Return the claims of one mesh: text, exemptions, certain; the side is always the resource."""
    return [(claim.what, sorted(claim.exemptions), claim.certain) for claim in function(mesh(*items, **more))]


def test_every_claim_is_compared_under_its_id_and_phrase():
    assert [
        (finding, phrase, function.__name__) for finding, phrase, function in (*CLAIMS, *PROFILE_CLAIMS, *SINGLETONS)
    ] == [
        ("cluster-scoped-name", "meshes have", "cluster_scoped_names"),
        ("namespace-claimed-twice", "meshes have", "namespaced_objects"),
        ("namespace-claimed-twice", "meshes have the root namespace", "root_namespaces"),
        ("shared-revision", "meshes serve the revision", "revisions"),
        ("node-port", "meshes ask for node port", "node_ports"),
        ("host-port", "meshes want port", "host_ports"),
        ("host-path", "meshes use", "host_paths"),
        ("two-owners", "meshes install", "components"),
        ("gateway-selector", "meshes have gateways labelled", "gateways"),
        ("trust-domain", "meshes use the trust domain", "trust_domains"),
        ("cluster-scoped-name", "profiles make the", "names"),
        ("namespace-claimed-twice", "profiles list the", "namespaces"),
        ("citadel-scope", "profiles give the", "citadel_namespaces"),
        ("shared-revision", "profiles have the", "revisions"),
        ("node-port", "profiles ask for", "node_ports"),
        ("two-owners", "profiles say", "ownership"),
        ("used-twice", "meshes use", "ambient"),
        ("written-twice", "meshes serve the Gateway API controller", "gateway_controllers"),
        ("written-twice", "meshes make the GatewayClass", "gateway_classes"),
        ("written-twice", "meshes write the status of Ingresses of the class", "ingress_classes"),
        ("written-twice", "meshes write", "switched_on"),
    ]
    assert [check.__name__ for check in BETWEEN[21:]] == [
        "overlaps",
        "unselective",
        "meeting",
        "roots",
        "one_root",
        "external_authority",
        "citadels",
        "embedded",
        "crd_versions",
        "bundles",
        "cni_versions",
        "no_owner",
        "claimed",
        "reached",
    ]


RELEASED = {"meta.helm.sh/release-namespace": "x"}


def annotated(item, annotations):
    item["metadata"]["annotations"] = annotations
    return item


def test_cluster_scoped_resources_are_claimed_but_namespaces_and_roles_of_kubernetes_are_not():
    items = [
        thing("ClusterRole", "a"), thing("ClusterRole", "cluster-admin"), thing("ClusterRoleBinding", "cluster-admin"),
        thing("Namespace", "n"), thing("ConfigMap", "c", SPACE), thing("CustomResourceDefinition", "cluster-admin"),
    ]  # fmt: skip
    assert claims(cluster_scoped_names, *items) == [
        ("ClusterRole/a", [], True),
        ("CustomResourceDefinition/cluster-admin", [], True),
    ]
    assert next(cluster_scoped_names(mesh(thing("ClusterRole", "a")))).key == (
        "rbac.authorization.k8s.io",
        "ClusterRole",
        "",
        "a",
    )


@pytest.mark.parametrize("function", [cluster_scoped_names, namespaced_objects])
def test_a_live_object_of_no_mesh_is_certain_only_with_a_release(function):
    item = ("ClusterRole", "a") if function is cluster_scoped_names else ("ConfigMap", "a", "x")
    for name, live, notes, certain in (
        ("affirmed", False, {}, True),
        ("affirmed", True, {}, True),
        ("the cluster", True, {}, False),
        ("the cluster", True, RELEASED, True),
    ):
        [(_, _, found)] = claims(function, annotated(thing(*item), notes), name=name, live=live)
        assert found is certain


@pytest.mark.parametrize("profiled", [True, False])
@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("istiod-clusterrole-prod-eu-mesh", True),
        ("istiod-clusterrole-other-mesh", False),
        ("istio-reader-eu-mesh", True),
        ("istio-reader", False),
    ],
)
def test_a_name_that_is_made_of_the_mesh_needs_another_mesh_name(profiled, name, own):
    """The post-renderer leaves it, so the advice must not be the post-renderer."""
    profile = spec(name="prod", namespace="eu-mesh") if profiled else None
    plane = workload("istiod-prod", "eu-mesh", {"name": "discovery", "env": [{"name": "REVISION", "value": "prod"}]})
    [claim] = cluster_scoped_names(Mesh("prod", "eu-mesh", objects(plane, thing("ClusterRole", name)), profile))
    assert claim.remedy == (ANOTHER_NAME if own else "")


def test_namespaced_resources_are_claimed():
    items = [thing("ConfigMap", "c", SPACE), thing("ClusterRole", "a"), thing("ConfigMap", "without")]
    assert claims(namespaced_objects, *items) == [(f"ConfigMap/{SPACE}/c", [], True)]


def test_a_root_namespace_is_claimed_where_it_is_set():
    for text, expected in (("rootNamespace: r", ['"r"']), ("a: b", []), ("rootNamespace: ''", [])):
        assert [what for what, *_ in claims(root_namespaces, config("affirmed", text))] == expected


def test_revisions_of_control_planes_and_injectors_are_claimed():
    asks = workload("gateway", SPACE, {"name": "istio-proxy"}, labels={"istio.io/rev": "x"})
    items = [istiod("affirmed", "a"), webhook("b", {}), webhook("c", {}, "Validating"), asks]
    items[2]["metadata"]["labels"] = {"istio.io/rev": "c"}
    assert [what for what, *_ in claims(revisions, *items)] == ['"a"', '"b"']


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ports": [{"nodePort": 31380}]}, ["31380/TCP"]),
        ({"ports": [{"nodePort": 31380, "protocol": "UDP"}, {"nodePort": "31381"}]}, ["31380/UDP", "31381/TCP"]),
        ({"ports": [{"nodePort": 0}, {"port": 80}]}, []),
        ({"healthCheckNodePort": 31000}, ["31000/TCP"]),
        ({"healthCheckNodePort": 0}, []),
    ],
)
def test_node_ports_are_claimed_with_their_protocol(spec, expected):
    found = [(c.key, c.what) for c in node_ports(mesh(thing("Service", "s", SPACE, spec=spec)))]
    assert found == [(key, key) for key in expected]


@pytest.mark.parametrize(
    ("port", "network", "expected"),
    [
        ({"hostPort": 15000}, False, ["15000/TCP"]),
        ({"hostPort": 53, "protocol": "UDP"}, False, ["53/UDP"]),
        ({"containerPort": 80}, False, []),
        ({"containerPort": 80}, True, ["80/TCP"]),
        ({"containerPort": 80, "hostPort": 81}, True, ["81/TCP"]),
        ({"hostPort": 0}, True, []),
        ({"name": "x"}, True, []),
    ],
)
def test_ports_of_the_node_are_claimed_with_their_protocol(port, network, expected):
    item = workload("w", SPACE, {"name": "c", "ports": [port]}, hostNetwork=network)
    assert [(c.key, c.what) for c in host_ports(mesh(item))] == [(key, key) for key in expected]


def using(path, *mounts):
    return workload(
        "w", SPACE, {"name": "c", "volumeMounts": list(mounts)}, volumes=[{"name": "v", "hostPath": {"path": path}}]
    )


def test_directories_of_the_node_are_claimed_and_exempt_where_they_are_only_read():
    read, write = {"name": "v", "readOnly": True}, {"name": "v"}
    for item, expected in (
        (using("/a", write), [("/a", [], True)]),
        (using("/a", read), [("/a", ["reads"], True)]),
        (using("/a", read, write), [("/a", [], True)]),
        (using("/a", {"name": "other"}), [("/a", ["reads"], True)]),
        (using("/a", {"name": "v", "readOnly": False}), [("/a", [], True)]),
        (using("/proc", write), []),
        (using("", write), []),
        (workload("w", SPACE, {"name": "c"}, volumes=[{"name": "v", "emptyDir": {}}]), []),
    ):
        assert claims(host_paths, item) == expected
    several = using("/proc", write)
    several["spec"]["template"]["spec"]["volumes"].append({"name": "v", "hostPath": {"path": "/a"}})
    assert [what for what, *_ in claims(host_paths, several)] == ["/a"]
    assert claims(host_paths, using("/a", write), live=True) == [("/a", [], True)]
    assert claims(host_paths, using("/a", write), name="the cluster", live=True) == []


def proxy(label, name="istio-proxy"):
    return workload("g", SPACE, {"name": name}, labels={"istio": label} if label else {"app": "g"})


def scoped(value):
    return workload(
        "p", SPACE, {"name": "discovery", "env": [{"name": "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "value": value}]}
    )


def test_labels_of_gateways_are_claimed_and_exempt_where_gateways_are_confined():
    discovers = config("affirmed", "discoverySelectors: [{matchLabels: {a: b}}]")
    for items, exemptions in (
        ([], []),
        ([scoped("true")], ["scoped"]),
        ([scoped("false")], []),
        ([discovers], ["discovers"]),
        ([config("affirmed", "discoverySelectors: []")], []),
        ([scoped("true"), discovers], ["discovers", "scoped"]),
    ):
        assert claims(gateways, proxy("gw"), *items) == [("istio=gw", exemptions, True)]
    assert claims(gateways, proxy("gw", "ingress-sds")) == [("istio=gw", [], True)]
    assert claims(gateways, proxy("")) == []
    assert claims(gateways, proxy("pilot", "discovery")) == []
    assert next(gateways(mesh(proxy("gw")))).key == "gw"


def test_trust_domains_are_claimed_and_have_a_default():
    for text, expected in (
        ("trustDomain: a.b", "a.b"),
        ("x: y", "cluster.local"),
        ("trustDomain: ''", "cluster.local"),
    ):
        [claim] = trust_domains(mesh(config("affirmed", text)))
        assert (claim.key, claim.what) == (expected, f'"{expected}"')


@pytest.mark.parametrize(
    ("kind", "name", "container", "expected"),
    [
        ("DaemonSet", "x", {"name": "install-cni"}, ["istio-cni"]),
        ("Deployment", "x", {"name": "install-cni"}, []),
        ("DaemonSet", "x", {"name": "x", "args": ["proxy", "ztunnel"]}, ["ztunnel"]),
        ("Deployment", "x", {"name": "x", "args": ["ztunnel"]}, []),
        ("DaemonSet", "x", {"name": "x"}, []),
        ("Job", "istio-init-crd-10", {"name": "x"}, ["istio-init"]),
        ("Job", "x", {"name": "x"}, []),
        ("Deployment", "istio-init-crd-10", {"name": "x"}, []),
    ],
)
def test_components_that_a_cluster_has_once_are_claimed(kind, name, container, expected):
    found = list(components(mesh(workload(name, SPACE, container, kind))))
    assert [(claim.key, claim.what) for claim in found] == [(key, key) for key in expected]


# The index.


def held(*claims, **meshes):
    """Return the collisions of meshes that make these claims: (mesh, exemptions, certain)."""
    names = list(dict.fromkeys(name for name, *_ in claims))
    found = [mesh(name=name, live=name in meshes.get("live", ())) for name in names]
    made = {
        name: [
            Claim("k", f"K{number}", Side(name, f"R{number}", "", 0), frozenset(exempt), certain)
            for number, (owner, exempt, certain) in enumerate(claims)
            if owner == name
        ]
        for name in names
    }
    return [
        (severity, message, sides)
        for _, severity, message, sides in said(
            collisions("node-port", "meshes have", lambda one: iter(made[one.name]), found)
        )
    ]


def test_two_claims_of_one_key_collide():
    assert held(("a", "", True), ("b", "", True)) == [("error", "both meshes have K0", ("R0", "R1"))]
    assert held(("a", "", True)) == held(("a", "", True), ("a", "", True)) == []
    assert held(("a", "", True), ("b", "", True), ("c", "", True)) == [
        ("error", "3 meshes have K0", ("R0", "R1", "R2"))
    ]


def test_meshes_with_a_common_exemption_do_not_collide():
    assert held(("a", "xy", True), ("b", "yz", True)) == []
    assert held(("a", "x", True), ("b", "y", True)) == [("error", "both meshes have K0", ("R0", "R1"))]
    assert held(("a", "x", True), ("b", "", True)) == [("error", "both meshes have K0", ("R0", "R1"))]
    assert held(("a", "x", True), ("a", "", True), ("b", "x", True)) == [("error", "both meshes have K1", ("R1", "R2"))]
    assert held(("a", "", True), ("a", "x", True), ("b", "x", True)) == [("error", "both meshes have K0", ("R0", "R2"))]
    assert held(("a", "", True), ("a", "", True), ("b", "", True)) == [("error", "both meshes have K0", ("R0", "R2"))]


def test_a_collision_with_one_certain_claim_is_a_warning():
    assert [one[0] for one in held(("a", "", False), ("b", "", True))] == ["warning"]
    assert [one[0] for one in held(("a", "", False), ("b", "", False))] == ["warning"]
    assert [one[0] for one in held(("a", "", False), ("b", "", True), ("c", "", True))] == ["error"]


def test_live_meshes_alone_collide_only_where_nothing_else_is_checked():
    both = [("a", "", True), ("b", "", True)]
    assert len(held(*both, live=("a", "b"))) == 1
    assert len(held(*both, live=("b",))) == 1


def test_collisions_with_the_rest_of_the_cluster_say_so():
    assert (
        held(("a", "", True), ("the cluster", "", True), live=("the cluster",))[0][1]
        == "the cluster and mesh a both have K0"
    )
    three = held(("a", "", True), ("b", "", True), ("the cluster", "", True), live=("the cluster",))
    assert three[0][1] == "the cluster and 2 meshes have K0"


def test_a_live_collision_is_silent_where_another_mesh_is_checked():
    ports = {"port": 80, "nodePort": 31380}
    live = [mesh(service(name, "s", dict(ports)), name=name, live=True) for name in ("a", "b")]
    assert said(collisions(*CLAIMS[4], [mesh(), *live])) == []

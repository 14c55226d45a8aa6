"""Gateways of the Gateway API in a running mesh: who serves them, as istiod decides it (pkg/revisions/tag_watcher.go)."""

from __future__ import annotations

import pytest
from gateway_objects import GROUP, gateway, gateway_class, made, plane, space, tag
from meshes import mesh, objects, spec

from multimesh.check.inside.gateway_names import gateway_names
from multimesh.check.running.cluster import cluster
from multimesh.check.running.gateways import gateways, names, outlived, routes
from multimesh.check.running.removed import removed

PLANE, MEMBER = "istio-affirmed", "nginx-affirmed"
OWN = space(PLANE, injected=False)
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"


SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "istiod-affirmed", "namespace": PLANE}}


def found(check, *items, unread=None, **profile):
    """Return id, severity, message and remedy of each finding."""
    # A saved cluster without any Service leaves open which revision tags there are.
    there = cluster(objects(*items, *([SERVICE] if unread is None else [])), unread)
    return [(one.id, one.level, one.message, one.remedy) for one in check(spec(**profile), there)]


def unserved(*items, **profile):
    """Return severity and message of each finding about revisions."""
    return [one[1:3] for one in found(gateways, *items, **profile) if one[0] == "revision-unserved"]


NEW = {"revision": "affirmed-1-31", "canaryRevisions": ["affirmed"]}
PROMOTED = (OWN, plane(revision="affirmed-1-31"))


def test_a_promotion_leaves_gateways_of_the_old_revision_and_the_remedy_is_the_label_of_the_new_one():
    """The namespace still has the label that `namespaces --gateway-api` wrote before the promotion."""
    items = (*PROMOTED, space(MEMBER, rev="affirmed"), gateway("web", MEMBER))
    assert found(gateways, *items, **NEW) == [
        (
            "revision-unserved",
            "error",
            (
                f'the namespace "{MEMBER}" has istio.io/rev=affirmed, which no control plane of mesh affirmed serves, '
                "nor its Gateways: web"
            ),
            f"kubectl label namespace {MEMBER} istio.io/rev=affirmed-1-31 --overwrite",
        )
    ]
    assert found(gateways, *PROMOTED, space(MEMBER, rev="affirmed-1-31"), gateway("web", MEMBER), **NEW) == []


def test_a_label_on_the_gateway_decides_over_that_of_its_namespace():
    """Both ways: it may be the served one, or the one that is not."""
    old = gateway("web", MEMBER, rev="affirmed")
    assert found(gateways, *PROMOTED, space(MEMBER, rev="affirmed-1-31"), old, **NEW) == [
        (
            "revision-unserved",
            "error",
            f"Gateway/{MEMBER}/web has istio.io/rev=affirmed, which no control plane of mesh affirmed serves",
            f"kubectl -n {MEMBER} label gateways.{GROUP} web istio.io/rev=affirmed-1-31 --overwrite",
        )
    ]
    new = gateway("web", MEMBER, rev="affirmed-1-31")
    assert unserved(*PROMOTED, space(MEMBER, rev="affirmed-1-31"), new, **NEW) == []


def test_a_namespace_without_gateways_is_an_error_only_if_the_label_decides_who_injects():
    """With an injection label nothing depends on the revision until there is a Gateway."""
    assert [level for level, _ in unserved(*PROMOTED, space(MEMBER, rev="gone"), **NEW)] == ["warning"]
    assert [level for level, _ in unserved(*PROMOTED, space(MEMBER, rev="gone", injected=False), **NEW)] == ["error"]


@pytest.mark.parametrize(
    "served",
    [
        (tag(MUTATING, "stable", "affirmed"),),
        (tag("Service", "stable", "affirmed", PLANE),),
        (plane(revision="stable"),),
    ],
    ids=["the webhook configuration of a tag", "the Service of a tag", "another revision"],
)
def test_tags_and_all_revisions_that_run_count(served):
    """A tag is a webhook configuration, and since 1.28 a Service beside the control plane too."""
    items = (OWN, plane(), space(MEMBER, rev="stable"), gateway("web", MEMBER))
    assert [level for level, _ in unserved(*items)] == ["error"]
    assert unserved(*items, *served) == []


@pytest.mark.parametrize(
    "not_ours",
    [
        tag(MUTATING, "stable", "blue"),
        tag("Service", "stable", "affirmed", "istio-blue"),
        plane(revision="stable", replicas=0),
        plane("blue", "stable"),
    ],
    ids=[
        "a tag of another revision",
        "a Service elsewhere",
        "a revision of no replicas",
        "a mesh of another namespace",
    ],
)
def test_what_others_serve_does_not_count(not_ours):
    """A control plane looks for the Services of tags in its own namespace only."""
    items = (OWN, plane(), space(MEMBER, rev="stable"), gateway("web", MEMBER), not_ours)
    assert [level for level, _ in unserved(*items)] == ["error"]


def test_a_gateway_beside_the_control_plane_needs_the_label_itself():
    """The control-plane namespace has no label of a revision: with one it would be injected."""
    items = (OWN, plane(), space(MEMBER, rev="affirmed"), gateway("web", PLANE))
    assert found(gateways, *items) == [
        (
            "revision-unserved",
            "error",
            (
                f"Gateway/{PLANE}/web has no istio.io/rev, and neither has its namespace: no control plane of mesh affirmed "
                "serves it"
            ),
            f"kubectl -n {PLANE} label gateways.{GROUP} web istio.io/rev=affirmed --overwrite",
        )
    ]
    assert found(gateways, *items[:-1], gateway("web", PLANE, rev="affirmed")) == []


def test_a_gateway_without_a_label_in_a_workload_namespace_gets_it_through_the_namespace():
    """As `namespaces --gateway-api` writes it."""
    ((_, level, message, remedy),) = found(gateways, OWN, plane(), space(MEMBER), gateway("web", MEMBER))
    assert (level, message.partition(" has no ")[0]) == ("error", f"Gateway/{MEMBER}/web")
    assert remedy == f"kubectl label namespace {MEMBER} istio.io/rev=affirmed --overwrite"


def default_validator(revision):
    return {"kind": VALIDATING, "apiVersion": "admissionregistration.k8s.io/v1",
            "metadata": {"name": "istiod-default-validator", "labels": {"istio.io/rev": revision}}}  # fmt: skip


def test_gateways_without_a_label_belong_to_the_default_revision():
    """Of the tag `default`, or else of the default validator, which a mesh renames; before 1.18 to anybody."""
    items = (OWN, plane(), space(MEMBER), gateway("web", MEMBER))
    assert len(unserved(*items, default_validator("default"))) == 1
    assert unserved(*items, default_validator("affirmed")) == []
    elsewhere = tag(MUTATING, "default", "blue")
    assert len(unserved(*items, default_validator("affirmed"), elsewhere)) == 1
    assert unserved(*items, tag(MUTATING, "default", "affirmed")) == []
    assert unserved(OWN, plane(version="1.17.8"), space(MEMBER), gateway("web", MEMBER)) == []
    assert len(unserved(OWN, plane(version="1.18.0"), space(MEMBER), gateway("web", MEMBER))) == 1


def test_namespaces_that_only_have_the_label_of_the_mesh_count_and_those_of_others_do_not():
    """The control plane discovers by the label, whatever the profile lists."""
    items = (OWN, plane(), space(MEMBER))
    assert len(unserved(*items, space("extra", rev="gone"), gateway("web", "extra"))) == 1
    assert unserved(*items, space("other", "blue", rev="gone"), gateway("web", "other", "istio-blue")) == []
    assert unserved(OWN, plane(), space(MEMBER, "blue", rev="gone"), gateway("web", MEMBER)) == []


def test_a_class_of_another_mesh_is_served_by_nobody():
    """After a move: the other mesh does not see the namespace, and this one does not know the class."""
    blue = gateway_class("istio-blue", "istio.io/gateway-controller-blue")
    items = (OWN, plane(), space(MEMBER, rev="affirmed"), blue, gateway("web", MEMBER, "istio-blue"))
    ((name, level, message, remedy),) = found(gateways, *items)
    assert (name, level) == ("gateway-class", "error")
    assert message == (
        f"Gateway/{MEMBER}/web has the class istio-blue, whose controller is istio.io/gateway-controller-blue: no control "
        "plane of mesh affirmed serves it"
    )
    assert remedy.startswith("Set spec.gatewayClassName to istio-affirmed.")


def test_the_stock_class_is_found_where_nobody_makes_it():
    """A stock release that became a mesh with a class of its own."""
    items = (OWN, plane(), space(MEMBER, rev="affirmed"), gateway("web", MEMBER, "istio"))
    ((name, _, message, _),) = found(gateways, *items, unread=[])
    assert (name, "which does not exist" in message) == ("gateway-class", True)
    stock = plane(PILOT_GATEWAY_API_CONTROLLER_NAME="", PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME="")
    assert found(gateways, OWN, stock, *items[2:], unread=[]) == []
    assert found(gateways, *items, unread=[(f"gatewayclasses.{GROUP}", "")]) == []


@pytest.mark.parametrize(
    "of", ["istio-affirmed", "istio-waypoint", "istio-remote", "istio-agentgateway", "nginx", "cilium", "own"]
)
def test_classes_of_this_mesh_constant_ones_and_those_of_other_programs_are_no_finding(of):
    """A class that a user made may name the controller of the mesh."""
    own = gateway_class("own", "istio.io/gateway-controller-affirmed")
    nginx = gateway_class("nginx", "gateway.nginx.org/nginx-gateway-controller")
    items = (OWN, plane(), space(MEMBER, rev="affirmed"), own, nginx, gateway("web", MEMBER, of))
    assert found(gateways, *items) == []


def test_gateways_of_other_programs_need_no_label():
    """Nor do those of Istio's own kind, which belong to no class."""
    nginx = gateway_class("nginx", "gateway.nginx.org/nginx-gateway-controller")
    istio = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
             "metadata": {"name": "a", "namespace": MEMBER, "labels": {"istio.io/rev": "gone"}}}  # fmt: skip
    items = (OWN, plane(), space(MEMBER), nginx, gateway("web", MEMBER, "nginx", rev="gone"), istio)
    assert found(gateways, *items) == []


@pytest.mark.parametrize("rev", [None, "gone"])
def test_a_gateway_in_another_cluster_needs_no_revision(rev):
    """Every control plane reads its address, and nothing is made for it."""
    remote = gateway_class("istio-remote", "istio.io/unmanaged-gateway")
    items = (OWN, plane(), space(MEMBER), remote, gateway("peer", MEMBER, "istio-remote", rev=rev))
    assert found(gateways, *items) == []
    waypoint = gateway("waypoint", MEMBER, "istio-waypoint", rev=rev)
    assert len(found(gateways, *items, waypoint)) == 1


@pytest.mark.parametrize(("version", "expected"), [("1.30.1", 1), ("1.31.0", 0)])
@pytest.mark.parametrize("rev", [None, "gone"])
def test_a_gateway_with_a_service_of_its_own_is_configured_by_every_revision_since_1_31(version, expected, rev):
    """Only its status depends on the revision, and patches since 1.29.5 and 1.30.2 do the same."""
    address = [{"type": "Hostname", "value": "ingress.istio-affirmed.svc.cluster.local"}]
    items = (OWN, plane(version=version), space(MEMBER))
    assert len(found(gateways, *items, gateway("web", MEMBER, rev=rev, addresses=address))) == expected
    assert len(found(gateways, *items, gateway("web", MEMBER, rev=rev))) == 1


def test_without_a_service_in_a_saved_cluster_a_revision_may_be_a_tag():
    """Since 1.28 a tag is a Service beside the control plane, which the user need not have saved."""
    there = cluster(objects(OWN, plane(), space(MEMBER, rev="prod"), gateway("web", MEMBER)))
    assert [(one.id, one.message) for one in gateways(spec(), there)] == [
        ("unreadable",
         "no Service was seen, so nothing is said about revisions of Gateways and namespaces that may be tags"),
    ]  # fmt: skip
    served = cluster(objects(OWN, plane(), space(MEMBER, rev="affirmed"), gateway("web", MEMBER)))
    assert list(gateways(spec(), served)) == []


def test_where_the_validator_makes_a_revision_the_default_one_its_label_counts_too():
    """Istiod counts the tag default among its own then (1.30.3 pkg/revisions/tag_watcher.go, GetMyTags)."""
    validator = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": VALIDATING,
                 "metadata": {"name": "istiod-default-validator", "labels": {"istio.io/rev": "affirmed"}}}  # fmt: skip
    items = (OWN, plane(), space(MEMBER), validator)
    assert found(gateways, *items, gateway("web", MEMBER, rev="default")) == []


@pytest.mark.parametrize(
    "unread",
    [("deployments", PLANE), ("mutatingwebhookconfigurations", ""), ("services", PLANE), ("namespaces", "")],
)
def test_what_could_not_be_read_may_serve_it(unread):
    """The part that could not be read is a finding of its own."""
    items = (OWN, plane(), space(MEMBER, rev="gone"), gateway("web", MEMBER))
    assert len(found(gateways, *items, unread=[])) == 1
    assert found(gateways, *items, unread=[unread]) == []


def test_a_mesh_without_the_gateway_api_or_without_a_control_plane_has_no_such_finding():
    """A control plane that is missing is a finding of its own."""
    items = (OWN, space(MEMBER, rev="gone"), gateway("web", MEMBER))
    assert found(gateways, *items, plane(PILOT_ENABLE_GATEWAY_API="false")) == []
    assert found(gateways, *items, unread=[]) == []


def test_without_the_revision_of_the_profile_the_remedy_is_that_of_the_catalogue():
    """A label with a revision that does not run would help nobody."""
    items = (OWN, plane(revision="x"), space(MEMBER, rev="gone"), gateway("web", MEMBER), gateway("b", MEMBER, rev="y"))
    assert [remedy for _, _, _, remedy in found(gateways, *items)] == ["", ""]


# What outlives a move, and a mesh.

SETS = [f"{kind}/shop/web-istio-affirmed" for kind in ("Deployment", "Service", "ServiceAccount")]


@pytest.mark.parametrize("since_1_28", [True, False], ids=["by the label of the class", "by the name"])
def test_after_a_move_what_was_made_for_the_old_class_is_found(since_1_28):
    """Both sets stand, and the old one still asks the control plane of the old mesh."""
    both = [*made("web", "shop", since_1_28=since_1_28), *made("web", "shop", "istio-blue", since_1_28=since_1_28)]
    items = (space("shop", "blue"), gateway("web", "shop", "istio-blue"), *both)
    blue = {"name": "blue", "workloads": ("shop",)}
    assert found(outlived, *items, **blue) == [
        (
            "left-behind",
            "warning",
            f"{one} is still there, and Gateway/shop/web has the class istio-blue now",
            f"kubectl -n shop delete {one.partition('/')[0].lower()} web-istio-affirmed",
        )
        for one in SETS
    ]
    assert found(outlived, *items) == []  # The namespace is not one of affirmed.


def test_what_has_the_name_that_an_annotation_gives_is_not_of_another_class():
    """Before 1.28 only the name says the class."""
    web = gateway("web", "shop")
    web["metadata"]["annotations"] = {"gateway.istio.io/name-override": "web-istio-public"}
    named = [item | {"metadata": item["metadata"] | {"name": "web-istio-public"}}
             for item in made("web", "shop", since_1_28=False)]  # fmt: skip
    assert found(outlived, space("shop"), web, *named, workloads=("shop",)) == []


def test_what_other_programs_make_for_their_gateways_is_left_alone():
    """They use the same label."""
    nginx = made("web", "shop", "nginx", since_1_28=False)
    items = (space("shop"), gateway("web", "shop"), *nginx)
    assert found(outlived, *items, workloads=("shop",)) == []
    assert [one for one in found(removed, *items, workloads=("shop",)) if "nginx" in one[2]] == []


def left(*items, **profile):
    """Return what is left of a mesh that was removed, but for labels, each with its remedy."""
    return {
        message.removesuffix(" is still there"): remedy
        for _, _, message, remedy in found(removed, *items, **profile)
        if " labels " not in message
    }


def test_gateways_of_a_removed_mesh_are_left_with_what_was_made_for_them():
    """To delete the Gateway removes all of it: they are its owner references."""
    delete = f"kubectl -n shop delete gateways.{GROUP} web"
    items = (space("shop"), gateway("web", "shop"), *made("web", "shop"))
    assert left(*items, workloads=("shop",)) == {
        "Gateway/shop/web": f"{delete}, which removes what was made for it, too",
        **dict.fromkeys(SETS, delete),
    }


def test_what_a_moved_gateway_left_is_deleted_without_the_gateway():
    """Mesh blue serves the Gateway now; only the old set is left of affirmed."""
    items = (space("shop", "blue"), gateway("web", "shop", "istio-blue"), *made("web", "shop"),
             *made("web", "shop", "istio-blue"))  # fmt: skip
    assert left(*items) == {
        one: f"kubectl -n shop delete {one.partition('/')[0].lower()} web-istio-affirmed" for one in SETS
    }


def test_constant_classes_count_in_namespaces_of_the_mesh_only():
    """Waypoints of other meshes have the same class."""
    waypoints = [gateway("w", where, "istio-waypoint") for where in ("shop", "elsewhere")]
    assert list(left(space("shop"), space("elsewhere", "blue"), *waypoints)) == ["Gateway/shop/w"]


def config_map(name, namespace):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def test_roots_in_labelled_namespaces_that_the_profile_does_not_name_are_left_too():
    """The control plane wrote them wherever it discovered; a namespace of another mesh has its own."""
    maps = [
        config_map(name, where)
        for where in ("extra", "other")
        for name in ("istio-ca-root-cert", "istio-ca-crl", "own")
    ]
    assert list(left(space("extra"), space("other", "blue"), *maps)) == [
        "ConfigMap/extra/istio-ca-root-cert",
        "ConfigMap/extra/istio-ca-crl",
    ]


# Names.

LONGEST_MESH = "m" * 30


@pytest.mark.parametrize(
    ("of", "longest"),
    [("istio-affirmed", 48), (f"istio-{LONGEST_MESH}", 26), ("istio", 57), ("istio-waypoint", 63),
     ("istio-agentgateway", 63), ("istio-east-west", 63)],
)  # fmt: skip
def test_the_longest_name_of_a_gateway_is_what_the_class_leaves_of_63_characters(of, longest):
    """In manifests and in a cluster; nothing is appended to the names of constant classes."""
    for length, expected in ((longest, 0), (longest + 1, 1)):
        item = gateway("g" * length, MEMBER, of)
        for told in (list(gateway_names(mesh(item))), list(names(spec(), cluster(objects(space(MEMBER), item))))):
            assert [(one.id, one.level) for one in told] == [("gateway-name", "error")] * expected
            for one in told:
                assert f"of {64} characters, and 63 are allowed" in one.message
                assert one.remedy.startswith(f"Give it a name of at most {longest} characters, or")


@pytest.mark.parametrize(
    "case",
    [
        gateway("g" * 60, MEMBER, "nginx"),
        gateway("g" * 60, MEMBER, "istio-remote"),
        gateway("g" * 60, MEMBER, addresses=[{"type": "Hostname", "value": "ingress"}]),
        gateway("g" * 60, "elsewhere"),
    ],
    ids=["of another program", "that makes nothing", "with a Service that exists", "of another namespace"],
)
def test_a_long_name_of_which_nothing_is_made_is_no_finding(case):
    """An address of an IP is no Service that exists, so that one counts."""
    assert found(names, space(MEMBER), case) == []
    ip = gateway("g" * 60, MEMBER, addresses=[{"type": "IPAddress", "value": "10.0.0.1"}])
    assert len(found(names, space(MEMBER), ip)) == 1


def test_another_name_for_what_is_made_is_what_counts():
    """The annotation replaces the whole name."""
    item = gateway("g" * 60, MEMBER)
    for name, expected in (("short", 0), ("s" * 64, 1)):
        item["metadata"]["annotations"] = {"gateway.istio.io/name-override": name}
        assert len(found(names, space(MEMBER), item)) == expected


# Routes.


def route(kind="HTTPRoute", namespace=MEMBER, **parent):
    """Return a route to a parent."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"parentRefs": [{"name": "ingress", **parent}]},
    }


BOTH = (space(MEMBER), space("shop", "blue"))


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"])
def test_a_route_to_a_gateway_of_another_mesh_is_found(kind):
    """Neither mesh writes its status."""
    expected = ("route-mesh", "warning", f"{kind}/{MEMBER}/web names Gateway/shop/ingress of mesh blue", "")
    item = route(kind)
    item["spec"]["parentRefs"].append({"name": "ingress", "namespace": "shop"})
    assert found(routes, *BOTH, item) == [expected]


def to(**parent):
    item = route()
    item["spec"]["parentRefs"] = [{"name": "ingress", **parent}]
    return item


@pytest.mark.parametrize(
    ("of", "controller", "expected"),
    [
        ("nginx", "gateway.nginx.org/nginx-gateway-controller", 0),
        ("eg", "gateway.envoyproxy.io/gatewayclass-controller", 0),
        ("istio-lookalike", "gateway.envoyproxy.io/gatewayclass-controller", 0),
        ("nginx", "", 0),
        ("istio-blue", "istio.io/gateway-controller-blue", 1),
        ("istio-blue", "", 1),
        ("public", "istio.io/gateway-controller-blue", 1),
    ],
)
def test_a_route_to_a_gateway_of_another_program_is_not_a_finding(of, controller, expected):
    """Such a program serves all namespaces, and knows no meshes."""
    items = (*BOTH, gateway("ingress", "shop", of), to(namespace="shop"))
    classes = [gateway_class(of, controller)] if controller else []
    assert len(found(routes, *items, *classes)) == expected


@pytest.mark.parametrize(
    "item",
    [
        to(),
        to(namespace="istio-affirmed"),
        to(namespace="nobody"),
        to(namespace="shop", kind="Service", group=""),
        route(namespace="shop"),
    ],
    ids=["its own namespace", "its own mesh", "a namespace of no mesh", "a Service", "a route of another mesh"],
)
def test_other_parents_and_other_routes_are_no_finding(item):
    """A mesh for Services has other rules, and a namespace without a label may be served by anybody."""
    assert (
        found(routes, OWN, *BOTH, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nobody"}}, item) == []
    )

"""What the profiles of two meshes must not both claim: exact claims, and exact collisions."""

from __future__ import annotations

from functools import partial

import pytest
from meshes import mesh, said, spec

from multimesh.check.between.claims import ANOTHER_NAME, collisions
from multimesh.check.between.profiles import (
    PROFILE_CLAIMS,
    citadel_namespaces,
    names,
    namespaces,
    node_ports,
    ownership,
    revisions,
)


def claims(function, **more):
    """Return the claims of one profile: key, text, resource, exemptions, certain."""
    return [(c.key, c.what, c.side, sorted(c.exemptions), c.certain) for c in function(mesh(profile=spec(**more)))]


def collided(one, two):
    """Return the conflicts of two profiles alone."""
    both = [mesh(name=profile.name, profile=profile) for profile in (one, two)]
    return [found for claim in PROFILE_CLAIMS for found in said(partial(collisions, *claim)(both))]


@pytest.mark.parametrize("function", [names, namespaces, citadel_namespaces, revisions, node_ports, ownership])
def test_a_mesh_without_a_profile_claims_nothing(function):
    assert list(function(mesh())) == []


def side_of(line, resource=""):
    """Return where a claim comes from: the line of its key, or of the item of a list, in the profile."""
    return ("affirmed", resource, "affirmed.profile", line)


NAMESPACE, WORKLOADS, MORE = side_of(6), side_of(8), side_of(9)


def test_the_namespaces_of_a_profile_are_claimed_in_order():
    assert claims(namespaces) == [
        ("istio-affirmed", 'namespace "istio-affirmed"', NAMESPACE, [], True),
        ("nginx-affirmed", 'namespace "nginx-affirmed"', WORKLOADS, [], True),
    ]


def test_the_namespaces_of_citadel_are_claimed_and_members_are_exempt():
    assert claims(citadel_namespaces, citadel={"alsoListen": ["kube-system"]}) == [
        ("istio-affirmed", 'namespace "istio-affirmed" to their Citadels', NAMESPACE, ["member"], True),
        ("kube-system", 'namespace "kube-system" to their Citadels', side_of(11), [], True),
        ("nginx-affirmed", 'namespace "nginx-affirmed" to their Citadels', WORKLOADS, ["member"], True),
    ]


def test_every_revision_is_claimed():
    assert claims(revisions, revision="a", canaryRevisions=["b"]) == [
        ("a", 'revision "a"', MORE, [], True),
        ("b", 'revision "b"', side_of(11), [], True),
    ]
    assert claims(revisions) == [("affirmed", 'revision "affirmed"', side_of(4), [], True)]


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ({"http2": 32380, "https": 32390}, [(32380, "node port 32380", True), (32390, "node port 32390", True)]),
        ("keep", [("keep", "stock node ports (nodePorts: keep)", False)]),
        ("auto", []),
    ],
)
def test_node_ports_are_claimed_as_the_profile_sets_them(ports, expected):
    found = claims(node_ports, nodePorts=ports)
    assert [(key, what, certain) for key, what, *_, certain in found] == expected
    assert [side.line for _, _, side, *_ in found] == ([9] if ports == "keep" else [10, 11])[: len(expected)]


@pytest.mark.parametrize(
    ("owns", "expected"), [("own", [("own", "sharedResources: own", MORE, [], True)]), ("leave", [])]
)
def test_only_an_owner_claims_what_a_cluster_has_once(owns, expected):
    assert claims(ownership, sharedResources=owns) == expected


BY_NAMESPACE = {
    "ClusterRole/istiod-istio-affirmed", "ClusterRole/istio-reader-istio-affirmed",
    "ClusterRoleBinding/istiod-istio-affirmed", "ClusterRoleBinding/istiod-pilot-istio-affirmed",
    "ClusterRoleBinding/istio-reader-istio-affirmed", "ValidatingWebhookConfiguration/istiod-istio-affirmed",
}  # fmt: skip


def by_revision(revision):
    """Return the names that charts build from a revision."""
    roles = [
        f"{kind}/{name}-{revision}-istio-affirmed"
        for kind in ("ClusterRole", "ClusterRoleBinding")
        for name in ("istiod-clusterrole", "istiod-gateway-controller", "istio-reader-clusterrole")
    ]
    return {
        f"MutatingWebhookConfiguration/istio-sidecar-injector-{revision}-istio-affirmed",
        f"ValidatingWebhookConfiguration/istio-validator-{revision}-istio-affirmed",
        *roles,
    }


def test_names_that_charts_build_are_claimed_and_exempt_for_the_same_namespace_or_revision():
    found = claims(names, revision="a", canaryRevisions=["b"])
    assert {what for _, what, _, exempt, _ in found if exempt == ["istio-affirmed"]} == BY_NAMESPACE
    for revision in ("a", "b"):
        assert {what for _, what, _, exempt, _ in found if exempt == [f"{revision} istio-affirmed"]} == by_revision(
            revision
        )
    assert all(certain for *_, exempt, certain in found if exempt)
    assert [side.resource for _, what, side, exempt, _ in found if exempt and side.resource != what] == []


def test_the_name_of_the_mesh_and_the_new_names_of_stock_resources_are_claimed():
    found = claims(names, keepNames=["ClusterRole/kiali-viewer"], renameNames=["ClusterRole/mine"])
    assert found[0] == (("mesh", "affirmed"), 'mesh name "affirmed"', side_of(4), [], True)
    side = side_of(4, "ClusterRole/kiali-affirmed")
    assert (("ClusterRole", "kiali-affirmed"), "ClusterRole/kiali-affirmed", side, [], True) in found
    assert side_of(12, "ClusterRole/mine-affirmed") in [side for _, _, side, *_ in found]
    assert side_of(6, "ValidatingWebhookConfiguration/istio-affirmed-galley") in [side for _, _, side, *_ in found]
    assert [(what, certain) for _, what, *_, certain in found if "mine" in what] == [
        ("ClusterRole/mine-affirmed", True)
    ]
    assert [(what, certain) for _, what, *_, certain in found if what == "ClusterRole/kiali-viewer"] == [
        ("ClusterRole/kiali-viewer", False)
    ]


COLLISIONS = {
    "nothing": ({"name": "a", "workloads": ["x"]}, {"name": "b", "workloads": ["z"]}, []),
    "a workload namespace": (
        {"name": "a", "workloads": ["x"]},
        {"name": "b", "workloads": ["x"]},
        [("namespace-claimed-twice", "error", 'both profiles list the namespace "x"', ("", ""))],
    ),
    "a namespace of Citadel": (
        {"name": "a", "workloads": ["x"], "citadel": {"alsoListen": ["z"]}},
        {"name": "b", "workloads": ["z"]},
        [("citadel-scope", "error", 'both profiles give the namespace "z" to their Citadels', ("", ""))],
    ),
    "a revision": (
        {"name": "a", "workloads": ["x"], "revision": "r"},
        {"name": "b", "workloads": ["z"], "canaryRevisions": ["r"]},
        [("shared-revision", "error", 'both profiles have the revision "r"', ("", ""))],
    ),
    "a node port": (
        {"name": "a", "workloads": ["x"], "nodePorts": {"http2": 32380}},
        {"name": "b", "workloads": ["z"], "nodePorts": {"https": 32380}},
        [("node-port", "error", "both profiles ask for node port 32380", ("", ""))],
    ),
    "stock node ports": (
        {"name": "a", "workloads": ["x"], "nodePorts": "keep"},
        {"name": "b", "workloads": ["z"], "nodePorts": "keep"},
        [("node-port", "warning", "both profiles ask for stock node ports (nodePorts: keep)", ("", ""))],
    ),
    "ownership": (
        {"name": "a", "workloads": ["x"], "sharedResources": "own"},
        {"name": "b", "workloads": ["z"], "sharedResources": "own"},
        [("two-owners", "error", "both profiles say sharedResources: own", ("", ""))],
    ),
    "a name that both keep": (
        {"name": "a", "workloads": ["x"], "keepNames": ["ClusterRole/kiali-viewer"]},
        {"name": "b", "workloads": ["z"], "keepNames": ["ClusterRole/kiali-viewer"]},
        [("cluster-scoped-name", "warning", "both profiles make the ClusterRole/kiali-viewer", ("ClusterRole/kiali-viewer",) * 2)],
    ),
    "one control-plane namespace": (
        {"name": "a", "workloads": ["x"], "namespace": "p"},
        {"name": "b", "workloads": ["z"], "namespace": "p"},
        [
            *(
                ("cluster-scoped-name", "error", f"both profiles make the {name}", (name, name))
                for name in ("MutatingWebhookConfiguration/p-sidecar-injector", "ValidatingWebhookConfiguration/p-galley")
            ),
            ("namespace-claimed-twice", "error", 'both profiles list the namespace "p"', ("", "")),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COLLISIONS)
def test_two_profiles_collide_in_exactly_this(case):
    one, two, expected = COLLISIONS[case]
    assert collided(spec(**one), spec(**two)) == expected


def remedies(one, two):
    """Return what `check` advises about the cluster-scoped names that two profiles have in common."""
    found = collisions("cluster-scoped-name", "profiles make the", names, [mesh(profile=one), mesh(profile=two)])
    return [finding.remedy for finding in found]


def test_names_that_two_meshes_make_need_another_mesh_name_and_not_the_post_renderer():
    """The charts join revision and namespace: prod in eu-mesh and prod-eu in mesh have eight names in common."""
    joined = remedies(spec(name="prod", namespace="eu-mesh"), spec(name="prod-eu", namespace="mesh"))
    assert joined == [ANOTHER_NAME] * 8
    renamed = remedies(spec(name="x", namespace="p"), spec(name="viewer-x", namespace="q"))
    assert set(renamed) == {ANOTHER_NAME}
    kept = {"keepNames": ["ClusterRole/kiali-viewer"]}
    assert remedies(spec(name="a", namespace="p", **kept), spec(name="b", namespace="q", **kept)) == [""]

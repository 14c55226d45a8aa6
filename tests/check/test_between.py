"""Checks between several meshes: webhooks, Citadels, CRDs, shared resources, and live namespaces."""

from __future__ import annotations

import pytest
from finding_cases import citadel, crd, istiod, policy, spaces, thing, webhook
from meshes import mesh, said, spec

from multimesh.check.between.citadels import citadels
from multimesh.check.between.crds import NEEDS, crd_versions
from multimesh.check.between.namespaces import namespaces
from multimesh.check.between.shared import CLUSTER_WIDE, embedded, no_owner
from multimesh.check.between.webhooks import overlaps
from multimesh.check.meshes.overlap import exclude, limits
from multimesh.check.meshes.webhooks import is_istio_webhook

ENABLED = spaces("istio-injection", "In", "enabled")


def pair(make, **more):
    """Return two meshes that a function makes from their names."""
    return [mesh(*make(name), name=name, **more) for name in ("affirmed", "blue")]


# Webhooks.


def test_two_injectors_of_one_namespace_overlap_with_an_example():
    assert said(overlaps(pair(lambda name: [webhook(name, ENABLED)]))) == [
        (
            "injection-overlap",
            "error",
            "a pod with any labels in a namespace labelled istio-injection=enabled is seen by both",
            tuple(
                f"MutatingWebhookConfiguration/istio-mutating-{name} sidecar-injector.istio.io"
                for name in ("affirmed", "blue")
            ),
        )
    ]


def test_two_validators_and_policies_overlap():
    rules = [{"apiGroups": ["networking.istio.io"], "resources": ["*"]}]
    admission = thing("ValidatingAdmissionPolicy", "p.istio.io", spec={"matchConstraints": {"resourceRules": rules}})
    found = said(overlaps(pair(lambda name: [webhook(name, {}, "Validating") if name == "blue" else admission])))
    assert found == [
        (
            "validation-overlap",
            "error",
            "an Istio resource with any labels in a namespace with any labels is seen by both",
            (
                "ValidatingAdmissionPolicy/p.istio.io",
                "ValidatingWebhookConfiguration/istio-validating-blue validation.istio.io",
            ),
        )
    ]


def test_a_selector_that_cannot_be_read_may_overlap():
    [(_, _, message, _)] = said(overlaps(pair(lambda name: [webhook(name, {"namespaceSelector": "x"})])))
    assert message == 'a selector cannot be read (it is "x"), so the two may meet'


def test_webhooks_that_cannot_match_one_object_do_not_overlap():
    assert said(overlaps(pair(lambda name: [webhook(name, spaces("a", "In", name))]))) == []
    assert said(overlaps(pair(lambda name: [webhook(name, {}, "Validating" if name == "blue" else "Mutating")]))) == []


@pytest.mark.parametrize("name", ["namespaceSelector", "objectSelector"])
def test_limits_exclude_pairs_that_need_no_comparison(name):
    """Each of 100 meshes against the others is 64,350 pairs of webhooks."""

    def entry(*expressions):
        return limits(
            {name: {"matchExpressions": [dict(zip(("key", "operator", "values"), one)) for one in expressions]}}
        )

    one, other, absent = (("a", "In", ["1", "2"]), ("a", "In", ["3"]), ("a", "DoesNotExist", []))
    assert exclude(entry(one), entry(other))
    assert exclude(entry(one), entry(absent))
    assert exclude(entry(one, ("a", "In", ["2", "3"])), entry(("a", "In", ["1", "3"])))
    assert not exclude(entry(one), entry(("a", "In", ["2", "3"])))
    assert not exclude(entry(one), entry(("b", "In", ["3"])))
    assert not exclude(entry(absent), entry(absent))
    assert not exclude(entry(one), entry(("a", "NotIn", ["1", "2"])))
    assert not exclude(entry(one), limits({name: "x"}))


def test_webhooks_of_live_meshes_are_compared_only_where_nothing_is_checked():
    live = pair(lambda name: [webhook(name, ENABLED)], live=True)
    assert len(said(overlaps(live))) == 1
    assert said(overlaps([*live, mesh(istiod("red"), name="red")])) == []
    checked = mesh(webhook("red", ENABLED), name="red")
    assert len(said(overlaps([*live, checked]))) == len(said(overlaps([checked, *live]))) == 2


@pytest.mark.parametrize(
    ("service", "name", "groups", "resources", "expected"),
    [
        ("istiod", "x", [""], ["pods"], True),
        ("x", "x.istio.io", [""], ["pods"], True),
        ("x", "x", [""], ["pods"], False),
        ("istiod", "x", ["*"], ["x"], True),
        ("istiod", "x", ["networking.istio.io"], ["x"], True),
        ("istiod", "x", ["apps"], ["deployments"], False),
    ],
)
def test_a_webhook_of_a_control_plane_is_known_by_its_name_and_rules(service, name, groups, resources, expected):
    rule = {"apiGroups": groups, "resources": resources}
    entry = {"name": name, "clientConfig": {"service": {"name": service}}, "rules": [{}, rule]}
    assert is_istio_webhook(entry) is expected


# Citadels.


def test_namespaces_that_two_citadels_serve_are_one_finding():
    both = pair(lambda name: [citadel(name, f"istio-{name}", "b", "a")])
    places = tuple(f"Deployment/istio-{name}/istio-citadel" for name in ("affirmed", "blue"))
    assert said(citadels(both)) == [("citadel-scope", "error", "both Citadels serve a, b", places)]
    third = mesh(citadel("red", "a", "c"), name="red")
    assert sorted(message for _, _, message, _ in said(citadels([*both, third]))) == [
        "3 Citadels serve a",
        "both Citadels serve b",
    ]


def test_a_citadel_without_a_list_serves_all_namespaces():
    both = pair(lambda name: [citadel(name, *(("a",) if name == "blue" else ()))])
    assert said(citadels(both)) == [
        (
            "citadel-scope",
            "error",
            "a Citadel serves all namespaces of the cluster, and there is another one",
            ("Deployment/istio-affirmed/istio-citadel", "Deployment/istio-blue/istio-citadel"),
        )
    ]
    assert said(citadels(both[:1])) == []


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--listened-namespaces=a"]},
        {"args": ["--listened-namespace", "a"]},
        {"env": [{"name": "NAMESPACE", "value": "a"}]},
    ],
)
def test_the_list_of_a_citadel_has_three_forms(container):
    item = citadel("blue", "x")
    item["spec"]["template"]["spec"]["containers"] = [{"name": "citadel", **container}]
    found = said(citadels([mesh(citadel("affirmed", "a")), mesh(item, name="blue")]))
    assert [message for _, _, message, _ in found] == ["both Citadels serve a"]


def test_live_citadels_alone_are_not_reported_where_another_mesh_is_checked():
    live = pair(lambda name: [citadel(name, "a")], live=True)
    assert len(said(citadels(live))) == 1
    assert said(citadels([*live, mesh(istiod("red"), name="red")])) == []


# Shared resources.


def test_a_job_that_applies_a_cluster_wide_resource_is_found_in_each_of_several_meshes():
    both = pair(lambda name: policy(name, applied=name == "blue"))
    assert said(embedded(both)) == [
        (
            "embedded-cluster-scoped",
            "error",
            "a Job of mesh blue applies MeshPolicy/default",
            ("ConfigMap/istio-blue/resources",),
        )
    ]
    assert said(embedded(both[1:])) == []
    assert len(said(embedded([both[1], mesh(name="the cluster", live=True)]))) == 0
    assert len(said(embedded([both[1], mesh(name="red")]))) == 1
    assert said(embedded(pair(lambda name: policy(name, applied=True), live=True))) == []


def test_the_hook_of_helm_3_is_known_by_its_service_account():
    text = "kind: ClusterRbacConfig\nmetadata: {name: x}\n---\nkind: MeshPolicies\n---\n- MeshPolicy\n"
    config = thing("ConfigMap", "istio-security-custom-resources", "istio-blue", data={"a": text, "b": "MeshPolicy"})
    account = thing("ServiceAccount", "istio-security-post-install-account", "istio-blue")
    for items, expected in (([config, account], ["a Job of mesh blue applies ClusterRbacConfig/x"]), ([config], [])):
        found = embedded([mesh(*items, name="blue"), mesh(istiod("affirmed"))])
        assert [one.message for one in found] == expected
    assert frozenset(("MeshPolicy", "ClusterRbacConfig")) == CLUSTER_WIDE


def test_several_profiles_need_an_owner():
    leave = [mesh(name=name, profile=spec(name, sharedResources="leave")) for name in ("affirmed", "blue")]
    own = mesh(name="red", profile=spec("red", sharedResources="own"))
    assert said(no_owner(leave)) == [
        ("no-owner", "warning", "no profile says sharedResources: own, and no manifest holds CRDs", ())
    ]
    assert said(no_owner(leave[:1])) == said(no_owner([*leave, own])) == said(no_owner([mesh(), mesh()])) == []
    assert said(no_owner([*leave, mesh(crd("a.b", "v1"), name="red")])) == []


# CRDs.

GATEWAYS = "gateways.networking.istio.io"


def test_what_control_planes_read_is_what_their_charts_install():
    assert [(since, version, len(names)) for since, version, names in NEEDS] == [
        ((1, 22), "v1", 11),
        ((1, 30), "v1alpha1", 1),
    ]
    found = said(crd_versions([mesh(istiod("affirmed", image="x:1.30.0"), crd("a.istio.io", "v1"))]))
    assert [message for _, _, message, _ in found] == [
        f"Istio 1.30 of mesh affirmed reads {name}.istio.io/{version}, and that CRD was not found"
        for _, version, names in NEEDS
        for name in names
    ]
    names = [name for _, _, names in NEEDS for name in names]
    assert (
        names
        == (
            "destinationrules.networking gateways.networking serviceentries.networking sidecars.networking "
            "virtualservices.networking workloadentries.networking workloadgroups.networking authorizationpolicies.security "
            "peerauthentications.security requestauthentications.security telemetries.telemetry trafficextensions.extensions"
        ).split()
    )


@pytest.mark.parametrize(
    ("image", "count"),
    [
        ("istio/pilot:1.21.9", 0), ("istio/pilot:1.22.0", 11), ("istio/pilot:v1.22.0", 11), ("istio/pilot:1.29.1-distroless", 11),
        ("istio/pilot:1.30", 12), ("istio/pilot:latest", 0),
    ],
)  # fmt: skip
def test_the_version_of_a_control_plane_is_that_of_its_image(image, count):
    assert len(said(crd_versions([mesh(istiod("affirmed", image=image), crd("a.istio.io", "v1"))]))) == count


@pytest.mark.parametrize(("label", "count"), [("1.30.3", 12), ("1.0.0", 0), ("1.21.0", 0)])
def test_the_version_may_be_that_of_the_chart(label, count):
    item = istiod("affirmed", image="x:latest")
    item["metadata"]["labels"] = {"app.kubernetes.io/version": label}
    assert len(said(crd_versions([mesh(item, crd("a.istio.io", "v1"))]))) == count


def test_a_version_that_a_crd_lacks_is_found_where_crds_of_istio_are_given():
    old = istiod("affirmed", image="x:1.22.0")
    names = [f"{name}.istio.io" for name in NEEDS[0][2]]
    crds = [crd(name, "v1") for name in names if name != GATEWAYS]
    place = (f"Deployment/istio-affirmed/{old['metadata']['name']}", f"CustomResourceDefinition/{GATEWAYS}")
    what = f"Istio 1.22 of mesh affirmed reads {GATEWAYS}/v1, and {GATEWAYS} has no such version"
    assert said(crd_versions([mesh(old, *crds, crd(GATEWAYS, "v1beta1"))])) == [("crd-version", "error", what, place)]
    assert said(crd_versions([mesh(old, *crds, crd(GATEWAYS, "v1beta1", "v1"))])) == []
    assert said(crd_versions([mesh(old)])) == said(crd_versions([mesh(old, crd("a.b.io", "v1"))])) == []
    assert said(crd_versions([mesh(old, *crds, crd(GATEWAYS, "v1beta1"), live=True)])) == []


def test_crds_of_different_versions_are_found():
    one, two = (
        mesh(crd("a.b.io", *versions), name=name) for name, versions in (("affirmed", ("v1",)), ("blue", ("v1", "v2")))
    )
    places = ("CustomResourceDefinition/a.b.io",) * 2
    assert said(crd_versions([one, two])) == [
        ("crd-version", "error", "a.b.io has v1 in one mesh and v1/v2 in mesh blue", places)
    ]
    assert said(crd_versions([one, mesh(crd("a.b.io", "v1"), name="blue")])) == []
    live = mesh(crd("a.b.io", "v1"), name="the cluster", live=True)
    assert [message for _, _, message, _ in said(crd_versions([two, live]))] == [
        "a.b.io has v1 in the cluster and v1/v2 in mesh blue"
    ]
    newer = mesh(crd("a.b.io", "v1", "v2"), name="the cluster", live=True)
    assert said(crd_versions([one, newer])) == said(crd_versions([newer, live])) == []


def test_a_crd_of_the_old_api_has_one_version():
    old = thing("CustomResourceDefinition", "a.b.io", spec={"version": "v1alpha1"})
    assert said(crd_versions([mesh(old), mesh(crd("a.b.io", "v1alpha1"), name="blue")])) == []
    assert len(said(crd_versions([mesh(old), mesh(crd("a.b.io", "v1"), name="blue")]))) == 1


# Live namespaces.


def labelled(name, **labels):
    return thing("Namespace", name, labels={"multimesh.dev/mesh": labels["mesh"]} if "mesh" in labels else {"a": "b"})


def compared(space, checked, *others):
    return said(namespaces(mesh(space).objects, [checked, *others]))


def test_a_member_must_not_have_the_label_of_another_mesh():
    claimed = [
        (
            "namespace-claimed-twice",
            "error",
            'the namespace "nginx-affirmed" of mesh affirmed is labelled multimesh.dev/mesh=blue',
            ("Namespace/nginx-affirmed",),
        )
    ]
    checked = mesh(profile=spec())
    assert compared(labelled("nginx-affirmed", mesh="blue"), checked) == claimed
    assert compared(labelled("nginx-affirmed", mesh="affirmed"), checked) == []
    assert compared(labelled("nginx-affirmed"), checked) == []
    assert compared(labelled("other", mesh="blue"), checked) == []
    by_label = webhook("affirmed", spaces("multimesh.dev/mesh", "In", "affirmed"), "Validating")
    member = thing("ConfigMap", "c", "nginx-affirmed")
    assert compared(labelled("nginx-affirmed", mesh="blue"), mesh(member, by_label)) == claimed
    assert compared(labelled("nginx-affirmed", mesh="blue"), mesh(member)) == []
    assert compared(labelled("nginx-affirmed", mesh="blue"), mesh(member, by_label, live=True)) == []


@pytest.mark.parametrize(("plane", "severity"), [(istiod("affirmed"), "info"), (citadel("affirmed", "a"), "error")])
def test_a_label_that_the_profile_does_not_list_is_an_error_only_with_a_citadel(plane, severity):
    found = compared(labelled("extra", mesh="affirmed"), mesh(plane, profile=spec()))
    what = 'the namespace "extra" is labelled multimesh.dev/mesh=affirmed, and the profile does not list it'
    assert found == [("namespace-label", severity, what, ("Namespace/extra",))]
    assert compared(labelled("extra", mesh="affirmed"), mesh(plane)) == []


def test_a_live_injector_of_another_mesh_must_not_match_a_member():
    space = thing("Namespace", "nginx-affirmed", labels={"istio-injection": "enabled"})
    checked = mesh(profile=spec())

    def others(selector, **more):
        return compared(space, checked, mesh(webhook("blue", selector, **more), name="blue", live=True))

    what = '"sidecar-injector.istio.io" of mesh blue injects pods in "nginx-affirmed" of mesh affirmed'
    place = ("Namespace/nginx-affirmed", "MutatingWebhookConfiguration/istio-mutating-blue")
    assert others(ENABLED) == [("injection-overlap", "error", what, place)]
    assert len(others(spaces("kubernetes.io/metadata.name", "In", "nginx-affirmed"))) == 1
    assert others(spaces("istio-injection", "DoesNotExist")) == []
    assert others({**ENABLED, "objectSelector": {"matchLabels": {"a": "b"}}}) == []
    assert others(spaces("a", "Like", "b")) == []
    assert compared(space, checked, mesh(webhook("blue", ENABLED), name="blue")) == []
    plane = thing("Namespace", "istio-affirmed", labels={"istio-injection": "enabled"})
    assert compared(plane, checked, mesh(webhook("blue", ENABLED), name="blue", live=True)) == []

"""The CRDs of the Gateway API against what each version of Istio reads, in manifests and in clusters."""

from __future__ import annotations

import pytest
from finding_cases import bundled
from gateway_objects import plane
from meshes import mesh, objects, said, spec

from multimesh.check.between.gateway_api import bundles
from multimesh.check.meshes.bundles import READS, wanted_of
from multimesh.check.running.cluster import cluster
from multimesh.check.running.gateways import gateway_bundles

ALPHA = {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}
TLS = "tlsroutes.gateway.networking.k8s.io"
STANDARD = bundled("tlsroutes", "v1.5.1", "v1")
EXPERIMENTAL = bundled("tlsroutes", "v1.5.1", "v1", "v1alpha2")
OLD = bundled("tlsroutes", "v1.4.1", "v1alpha2", "v1alpha3")


def told(crd, version, **env):
    """Return what is said of a CRD beside a control plane, which manifests and a cluster agree on."""
    control_plane = plane(version=version, **env)
    between = [one.message for one in bundles([mesh(control_plane, crd)])]
    running = [one.message for one in gateway_bundles(spec(), cluster(objects(control_plane, crd)))]
    assert between == running
    start = f"Istio {version.rpartition('.')[0]} of mesh affirmed does not read {crd['metadata']['name']}: "
    assert all(message.startswith(start) for message in between), between
    return [message.removeprefix(start) for message in between]


TOO_OLD = ["it is of bundle 1.4.1, and needs 1.5.0 or later"]


def too_new(most):
    return [f"it is of bundle 1.5.1, and may be {most} at most"]


@pytest.mark.parametrize(
    ("crd", "version", "env", "expected"),
    [
        (OLD, "1.31.0", {}, TOO_OLD),
        (OLD, "1.30.3", {}, TOO_OLD),
        (STANDARD, "1.30.3", {}, []),
        (OLD, "1.29.5", ALPHA, []),
        (EXPERIMENTAL, "1.29.5", ALPHA, too_new("1.4.1")),
        (EXPERIMENTAL, "1.29.5", {}, []),
        (EXPERIMENTAL, "1.28.10", ALPHA, too_new("1.4.1")),
        (EXPERIMENTAL, "1.27.9", ALPHA, too_new("1.4.0")),
        (EXPERIMENTAL, "1.26.8", ALPHA, []),
        (STANDARD, "1.26.8", ALPHA, ["it reads v1alpha2, which the CRD does not serve"]),
        (bundled("tcproutes", "v1.5.1", "v1alpha2"), "1.30.3", ALPHA, []),
        (bundled("tcproutes", "v1.5.1", "v1alpha2"), "1.31.0", {}, ["it is of bundle 1.5.1, and needs 1.6.0 or later"]),
        (bundled("grpcroutes", "v1.0.0", "v1alpha2"), "1.22.8", {}, ["it is of bundle 1.0.0, and needs 1.1.0 or later"]),
        (bundled("gateways", "v0.8.1", "v1beta1"), "1.29.0", {}, ["it reads v1, which the CRD does not serve"]),
        (bundled("gateways", "v0.8.1", "v1beta1"), "1.28.0", {}, []),
        (bundled("gateways", "v1.5.1", "v1", "v1beta1"), "1.13.0", {}, []),
    ],
)  # fmt: skip
def test_a_bundle_is_compared_with_what_the_version_reads(crd, version, env, expected):
    """As the sources of each minor version have it; alpha kinds only with their variable."""
    assert told(crd, version, **env) == expected


def test_a_candidate_of_a_bundle_counts_as_the_bundle():
    """Istio drops what follows the version, too."""
    assert told(bundled("tlsroutes", "v1.5.0-rc.1", "v1"), "1.30.3") == []
    assert told(bundled("tlsroutes", "v1.4.0-rc.1", "v1alpha2"), "1.30.3") == [
        "it is of bundle 1.4.0, and needs 1.5.0 or later"
    ]


@pytest.mark.parametrize("annotation", ["", "main", "v1"])
def test_without_a_bundle_the_versions_that_are_served_count(annotation):
    """A version of the API that is not served is as good as absent."""
    crd = bundled("tlsroutes", annotation, "v1alpha2")
    crd["spec"]["versions"].append({"name": "v1", "served": False})
    assert told(crd, "1.30.3") == ["it reads v1, which the CRD does not serve"]
    crd["spec"]["versions"][-1]["served"] = True
    assert told(crd, "1.30.3") == []


def test_an_unknown_version_and_other_crds_are_no_finding():
    """Charts that are built from source have no version, and other groups have such kinds too."""
    source = plane(version="latest")
    assert list(bundles([mesh(source, OLD)])) == []
    other = bundled("tlsroutes", "v1.4.1", "v1alpha2")
    other["metadata"]["name"] = "tlsroutes.networking.x-k8s.io"
    assert list(bundles([mesh(plane(), other)])) == []


def test_every_mesh_is_compared_with_the_crds_of_the_others_and_of_the_cluster():
    """A cluster has them only once, whoever brings them."""
    blue = mesh(plane("blue", version="1.29.5", **ALPHA), name="blue")
    assert said(bundles([mesh(plane(), EXPERIMENTAL), blue])) == [
        (
            "gateway-api-version",
            "warning",
            f"Istio 1.29 of mesh blue does not read {TLS}: it is of bundle 1.5.1, and may be 1.4.1 at most",
            ("Deployment/istio-blue/istiod-blue", f"CustomResourceDefinition/{TLS}"),
        )
    ]
    live = mesh(EXPERIMENTAL, name="the cluster", live=True)
    assert len(list(bundles([blue, live]))) == 1
    assert (
        list(bundles([mesh(plane("green", version="1.29.5", **ALPHA), name="green", live=True), live, mesh(plane())]))
        == []
    )


def test_two_bundles_of_one_crd_are_a_finding():
    """The one in the cluster is named first."""
    crds = [bundled("httproutes", version, "v1", "v1beta1") for version in ("v1.4.1", "v1.5.1")]
    name = "httproutes.gateway.networking.k8s.io"
    for live, where in ((True, "in the cluster"), (False, "in another manifest")):
        first = mesh(crds[1], name="the cluster" if live else "affirmed", live=live)
        assert [one.message for one in bundles([first, mesh(crds[0], name="blue")])] == [
            f"{name} is of bundle 1.5.1 {where}, and of 1.4.1 here"
        ]
    assert list(bundles([mesh(crds[0]), mesh(crds[0], name="blue")])) == []


def test_the_rows_of_the_table_are_in_order():
    """Each begins where the one before it ends."""
    for resource, ranges in READS.items():
        assert list(ranges) == sorted(ranges, key=lambda one: one.since), resource
        for found in ranges:
            assert wanted_of(f"{resource}.gateway.networking.k8s.io", found.since) == found
    assert wanted_of(TLS, (1, 17)) is None
    assert wanted_of("virtualservices.networking.istio.io", (1, 30)) is None

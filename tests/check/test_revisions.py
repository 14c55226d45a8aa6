"""Roots that pods wait for in vain: two revisions of one namespace, an authority elsewhere, and what `verify` sees."""

from __future__ import annotations

import pytest
from control_planes import changed, chart, our_values
from finding_cases import thing
from meshes import mesh, objects, said, spec

from multimesh.check.between.revisions import external_authority, one_root
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.running.cluster import cluster
from multimesh.check.running.control_planes import control_planes
from multimesh.check.running.pods import root_maps

CANARY = ["affirmed-next"]
STOCK, OWN = "istio-ca-root-cert", "istio-ca-root-cert-affirmed"


def revision(istio: str, name: str = "affirmed", **options: object) -> list[dict]:
    """Write one revision of the mesh affirmed, with our values."""
    return chart("affirmed", istio, changed(our_values("affirmed", istio, **options), revision=name))


def two(old: str, new: str, **options: object) -> list[dict]:
    return [*revision(old, **options), *revision(new, "affirmed-next", **options)]


def message(old: str, new: str, first: str = STOCK, second: str = OWN) -> str:
    return (
        'the revisions in "istio-affirmed" expect their root in different ConfigMaps (revision "affirmed" (Istio '
        f'{old}) ConfigMap {first}, revision "affirmed-next" (Istio {new}) ConfigMap {second}), and only the one that '
        "holds the lock istio-namespace-controller-election writes it: pods of the others wait for theirs"
    )


@pytest.mark.parametrize(
    ("old", "new", "options", "expected"),
    [
        ("1.24", "1.30", {}, [message("1.24", "1.30")]),
        ("1.26", "1.27", {}, [message("1.26", "1.27")]),
        ("1.27", "1.30", {}, []),
        ("1.20", "1.26", {}, []),
        # As documented: the canary is in the profile, or its version is given.
        ("1.24", "1.30", {"canaryRevisions": CANARY}, []),
        ("1.24", "1.30", {"oldest": "1.24"}, []),
        ("1.27", "1.30", {"canaryRevisions": CANARY, "oldest": "1.27"}, []),
    ],
)
def test_revisions_of_one_namespace_have_one_root(old, new, options, expected):
    found = said(one_root([mesh(*two(old, new, **options))]))
    assert [(one[0], one[1], one[2]) for one in found] == [("root-missing", "error", what) for what in expected]


def test_a_canary_that_has_not_got_the_name_of_the_running_revision_waits_too():
    """The values of a profile with canaries leave the name out, which is wrong beside one that has it."""
    items = [*revision("1.28"), *revision("1.30", "affirmed-next", canaryRevisions=CANARY)]
    assert [one[2] for one in said(one_root([mesh(*items)]))] == [message("1.28", "1.30", OWN, STOCK)]


@pytest.mark.parametrize(
    ("running", "expected"),
    [(revision("1.24"), [message("1.24", "1.30")]), (revision("1.28"), []), (revision("1.24", "affirmed-next"), [])],
)
def test_a_canary_is_compared_with_what_runs(running, expected):
    """A release of the same revision takes the place of the one that runs."""
    given = mesh(*revision("1.30", "affirmed-next"), profile=spec(canaryRevisions=CANARY))
    meshes = with_live_meshes(objects(*running, file="cluster.json"), [given])
    assert [one[2] for one in said(one_root(meshes))] == expected


def test_a_mesh_that_runs_is_compared_by_its_profile_alone():
    meshes = with_live_meshes(objects(*two("1.24", "1.30")), [mesh(profile=spec(canaryRevisions=CANARY))])
    assert [one[2] for one in said(one_root(meshes))] == [message("1.24", "1.30")]


def test_two_meshes_have_roots_of_their_own():
    other = mesh(*chart("blue", "1.30", our_values("blue", "1.30")), name="blue")
    assert list(one_root([mesh(*revision("1.24")), other])) == []


# An authority elsewhere.


def outside(istio: str = "1.30", **paths: object) -> list[tuple[str, str]]:
    given = changed(our_values("affirmed", istio, ca="external"), **paths)
    return [(one[1], one[2]) for one in said(external_authority([mesh(*chart("affirmed", istio, given))]))]


def test_the_values_for_an_authority_elsewhere_have_no_finding():
    assert [outside(istio) for istio in ("1.8", "1.16", "1.24", "1.30")] == [[]] * 4
    assert list(external_authority([mesh(*revision("1.30"))])) == []


def test_without_the_values_of_the_injector_nothing_is_said_of_the_pods():
    """Another file may hold them."""
    given = changed(our_values("affirmed", "1.30", ca="external"), global__caAddress=None)
    plane = [item for item in chart("affirmed", "1.30", given) if item["kind"] != "ConfigMap"]
    assert list(external_authority([mesh(*plane)])) == []


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (
            {"global__trustBundleName": OWN},
            ("warning", f'revision "affirmed" (Istio 1.30) has no authority (ENABLE_CA_SERVER), so it does not write ConfigMap {OWN}'),
        ),
        (
            {"global__caAddress": None},
            ("error", 'revision "affirmed" (Istio 1.30) has no authority (ENABLE_CA_SERVER), and its pods ask it for certificates'),
        ),
        (
            {"global__sds": {"token": {"aud": "istio-ca-affirmed"}}},
            ("warning", 'pods of revision "affirmed" (Istio 1.30) send tokens for "istio-ca-affirmed" to an authority that is not of this mesh'),
        ),
    ],
)  # fmt: skip
def test_what_no_other_authority_gives_is_found(paths, expected):
    """Our own values, with only ENABLE_CA_SERVER set, would have all three."""
    assert outside(**paths) == [expected]
    own = changed(our_values("affirmed", "1.30"), pilot__env__ENABLE_CA_SERVER="false")
    assert expected in [(one[1], one[2]) for one in said(external_authority([mesh(*chart("affirmed", "1.30", own))]))]


# A running mesh.


def pod(namespace: str = "nginx-affirmed", name: str = OWN, volume: str = "istiod-ca-cert", **more: object) -> dict:
    volumes = [{"name": volume, "configMap": {"name": name, **more}}]
    return thing("Pod", "web-1", namespace, spec={"containers": [], "volumes": volumes})


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([pod()], [f"Pod/nginx-affirmed/web-1 mounts ConfigMap {OWN}, which does not exist"]),
        ([pod(name=STOCK)], []),
        ([pod(optional=True)], []),
        ([pod(volume="other")], []),
        ([pod("elsewhere")], []),
        (
            [pod("istio-affirmed")],
            ['no ConfigMap in "istio-affirmed" was seen, so nothing is said about the root that its pods mount'],
        ),
    ],
)
def test_a_pod_whose_root_does_not_exist_is_named(items, expected):
    root = thing("ConfigMap", STOCK, "nginx-affirmed", data={"root-cert.pem": "a"})
    found = list(root_maps(spec(), cluster(objects(root, *items))))
    assert [one.message for one in found] == expected
    assert {one.id for one in found} <= {"root-missing", "unreadable"}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (two("1.24", "1.30"), [message("1.24", "1.30")]),
        (two("1.24", "1.30", canaryRevisions=CANARY), []),
        # A revision in another namespace has a lock of its own.
        ([*revision("1.24"), *chart("blue", "1.30", our_values("blue", "1.30"))], []),
    ],
)
def test_a_running_mesh_whose_revisions_do_not_agree_on_the_root_is_not_sound(items, expected):
    """No pod need wait for it yet, and those that wait may be in a namespace that the profile does not list."""
    found = control_planes(spec(canaryRevisions=CANARY), cluster(objects(*items)))
    assert [(one.id, one.level, one.message) for one in found] == [("root-missing", "error", what) for what in expected]


def test_where_configmaps_were_not_read_nothing_is_said():
    plain = objects(pod())
    assert list(root_maps(spec(), cluster(plain))) == []
    assert list(root_maps(spec(), cluster(plain, {("configmaps", "nginx-affirmed")}))) == []
    assert len(list(root_maps(spec(), cluster(plain, [])))) == 1

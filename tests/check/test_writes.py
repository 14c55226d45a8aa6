"""What control planes write, by version: each row of the table on both sides of its boundaries."""

from __future__ import annotations

import base64

import pytest
from control_planes import changed, chart, our_values, stock_values
from finding_cases import thing, workload
from meshes import mesh, said, spec

from multimesh.check.between import BETWEEN, discovery
from multimesh.check.between.cni import cni_versions
from multimesh.check.meshes.mesh import Mesh
from multimesh.mesh.writes import COMMON_ROOT, DISCOVERED, EVERYWHERE, SCOPED, SWITCHED, WRITES, is_everywhere, row_of

MINORS = [f"1.{minor}" for minor in range(6, 32)]
SELECTED = [{"matchLabels": {"multimesh.dev/mesh": "MESH"}}]


def between(*meshes: Mesh) -> list[tuple[str, str, str]]:
    """Return id, severity and message of what is found between meshes about what they write."""
    found = [finding for check in BETWEEN for finding in check(list(meshes))]
    ids = ("written-twice", "discovery-overlap", "no-discovery-selector", "used-twice", "shared-revision")
    return [(one, level, message) for one, level, message, _ in said(found) if one in ids]


def ours(name: str, istio: str, *, image: bool = True, **paths: object) -> Mesh:
    """Return a mesh of our values, of which some are changed; MESH stands for its name."""
    paths = {key: _named(value, name) for key, value in paths.items()}
    owner = {"sharedResources": "own" if name == "affirmed" else "leave"}
    return mesh(*chart(name, istio, changed(our_values(name, istio, **owner), **paths), image=image), name=name)


def _named(value: object, name: str) -> object:
    if isinstance(value, str):
        return value.replace("MESH", name)
    if isinstance(value, dict):
        return {key: _named(item, name) for key, item in value.items()}
    return [_named(item, name) for item in value] if isinstance(value, list) else value


def both(istio: str, **paths: object) -> list[tuple[str, str, str]]:
    """Return what is found between two meshes of our values."""
    return between(ours("affirmed", istio, **paths), ours("blue", istio, **paths))


# The table.


def test_rows_of_one_key_follow_each_other():
    """Every version has one row of a key, or none."""
    for row in WRITES:
        later = [one for one in WRITES if one.key == row.key and one.since > row.since]
        assert row.until is None or (row.until[0], row.until[1] + 1) == min(one.since for one in later)
        assert row.until is not None or not later
        assert row.source.split(".")[0] == "1"
        assert row.apart.endswith(".")


@pytest.mark.parametrize(
    ("key", "version", "where"),
    [
        ("root", (1, 15), EVERYWHERE), ("root", (1, 16), SWITCHED), ("root", (1, 21), SWITCHED),
        ("root", (1, 22), DISCOVERED), ("root", (0, 0), DISCOVERED),
        ("crl", (1, 26), None), ("crl", (1, 27), DISCOVERED),
        ("trust-bundle", (1, 25), None), ("trust-bundle", (1, 26), "the cluster"),
        ("gateway-class", (1, 13), None), ("gateway-class", (1, 14), "the cluster"),
        ("taints", (1, 21), None), ("taints", (1, 22), "the cluster"),
    ],
)  # fmt: skip
def test_a_row_begins_and_ends_where_the_source_says(key, version, where):
    row = row_of(key, version)
    assert (row.where if row is not None else None) == where


def test_only_between_1_16_and_1_21_a_variable_decides():
    scoped = {"ENABLE_ENHANCED_RESOURCE_SCOPING": "true"}
    for minor in range(6, 32):
        row = row_of("root", (1, minor))
        assert is_everywhere(row, {}) == (minor < 22), minor
        assert is_everywhere(row, scoped) == (minor < 16), minor


# Each row, rendered on both sides of its boundaries.

STOCK_GATEWAY_API: dict[str, object] = {
    f"pilot__env__{name}": None
    for name in (
        "PILOT_GATEWAY_API_CONTROLLER_NAME", "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME",
        "PILOT_ENABLE_GATEWAY_API", "PILOT_ENABLED_SERVICE_APIS",
        "PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER",
    )
}  # fmt: skip
UNSCOPED: dict[str, object] = {"pilot__env__ENABLE_ENHANCED_RESOURCE_SCOPING": None}
MEETING: dict[str, object] = {"meshConfig__discoverySelectors": [{"matchLabels": {"team": "web"}}]}
INGRESS: dict[str, object] = {"meshConfig__ingressControllerMode": "STRICT"}

#: For the row of a key and the first version of it: what is changed in the values of both meshes, a part of what is
#: found, and whether it is found before that version, and from then on.
BOUNDARIES: dict[tuple[str, tuple[int, int]], tuple[dict[str, object], str, tuple[bool, bool]]] = {
    ("root", (1, 16)): ({}, "ConfigMap istio-ca-root-cert", (True, False)),
    ("root", (1, 22)): (UNSCOPED, "ConfigMap istio-ca-root-cert", (True, False)),
    ("trust-bundle", (1, 26)): (
        {"pilot__env__ENABLE_CLUSTER_TRUST_BUNDLE_API": "true"}, "ClusterTrustBundle", (False, True),
    ),
    ("taints", (1, 22)): (
        {"pilot__env__PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS": "true"}, "taints of nodes", (False, True),
    ),
    ("gateway-status", (1, 10)): (STOCK_GATEWAY_API, "serve the Gateway API controller", (False, True)),
    ("ingress", (1, 16)): (INGRESS, "status of Ingresses", (True, False)),
    ("ingress", (1, 22)): (INGRESS | UNSCOPED, "status of Ingresses", (True, False)),
    ("status", (1, 16)): ({"pilot__env__PILOT_ENABLE_STATUS": "true"}, "status of Istio resources", (True, False)),
    ("status", (1, 22)): (
        {"pilot__env__PILOT_ENABLE_STATUS": "true"} | UNSCOPED, "status of Istio resources", (True, False),
    ),
    # Another finding is there on both sides: of the namespaces that both discover, ...
    ("crl", (1, 27)): (MEETING, "is discovered by both", (True, True)),
    ("gateway-deployment", (1, 12)): (MEETING, "is discovered by both", (True, True)),
    # ... of the controller that makes the class and cannot be named before 1.22, ...
    ("gateway-class", (1, 14)): (STOCK_GATEWAY_API, "serve the Gateway API controller", (True, True)),
    # ... and of the revision by which both find their webhooks.
    ("bundles", (1, 9)): ({"revision": "same"}, '"same"', (True, True)),
}  # fmt: skip


def test_every_boundary_of_the_table_is_rendered():
    """The first version that has values begins none."""
    assert set(BOUNDARIES) == {(row.key, row.since) for row in WRITES if row.since > (1, 6)}


@pytest.mark.parametrize(("key", "since"), BOUNDARIES, ids=lambda one: one if isinstance(one, str) else f"1.{one[1]}")
def test_a_row_is_found_on_its_side_of_a_boundary_as_an_error(key, since):
    paths, message, expected = BOUNDARIES[key, since]
    found = []
    for minor in (since[1] - 1, since[1]):
        all_found = between(ours("affirmed", f"1.{minor}", **paths), ours("blue", f"1.{minor}", **paths))
        found.append(any(message in one[2] and one[1] == "error" for one in all_found))
    assert tuple(found) == expected


# The root certificate.

EVERY = ("written-twice", "error", "both meshes write ConfigMap istio-ca-root-cert into every namespace")


@pytest.mark.parametrize("image", [True, False])
@pytest.mark.parametrize("istio", MINORS)
def test_with_our_values_roots_meet_up_to_1_15_only(istio, image):
    """Up to 1.15 no value restricts where the root is written, and none names it, whatever the image says."""
    found = between(*(ours(name, istio, image=image) for name in ("affirmed", "blue")))
    assert found == ([EVERY] if int(istio[2:]) <= 15 else [])


@pytest.mark.parametrize("istio", MINORS)
def test_the_variable_is_missed_from_1_16_to_1_21_only(istio):
    found = both(istio, pilot__env__ENABLE_ENHANCED_RESOURCE_SCOPING=None)
    assert [one for one in found if "root" in one[2]] == ([EVERY] if int(istio[2:]) <= 21 else [])


@pytest.mark.parametrize(
    ("first", "second", "remedy"),
    [("1.15", "1.15", COMMON_ROOT), ("1.15", "1.20", COMMON_ROOT), ("1.16", "1.21", SCOPED)],
)
def test_the_remedy_is_that_of_the_older_one(first, second, remedy):
    without = {"pilot__env__ENABLE_ENHANCED_RESOURCE_SCOPING": None}
    meshes = [ours("affirmed", first, **without), ours("blue", second, **without)]
    found = [one for check in BETWEEN for one in check(meshes) if one.id == "written-twice" and "root" in one.message]
    assert [one.advice for one in found] == [remedy]


def test_a_name_of_its_own_is_overwritten_by_nobody():
    """From 1.27 on: beside an old mesh that writes everywhere, the values keep the newer one apart."""
    old = ours("affirmed", "1.15")
    beside = {name: between(old, ours("blue", name, global__trustBundleName="")) for name in ("1.26", "1.27")}
    message = (
        "mesh affirmed writes ConfigMap istio-ca-root-cert into every namespace, also into those of mesh blue, where "
        "the control plane of that mesh writes it"
    )
    assert beside == {key: [("written-twice", "error", message)] for key in ("1.26", "1.27")}
    assert between(old, ours("blue", "1.27")) == []
    # 1.26 does not read the name.
    named = ours("blue", "1.26", pilot__env__PILOT_CA_CERT_CONFIGMAP="istio-ca-root-cert-blue")
    assert [one[0] for one in between(old, named)] == ["written-twice"]


def test_without_an_authority_no_root_is_written():
    assert both("1.14", pilot__env__ENABLE_CA_SERVER="false") == []
    assert both("1.14", pilot__env__PILOT_CERT_PROVIDER="kubernetes") == []
    assert both("1.14", pilot__env__PILOT_CERT_PROVIDER="istiod") == [EVERY]


def cacerts(name: str, root: str) -> dict:
    data = {"root-cert.pem": base64.b64encode(root.encode()).decode()}
    return thing("Secret", "cacerts", f"istio-{name}", data=data)


@pytest.mark.parametrize(("second", "expected"), [("A", []), ("B", [EVERY])])
def test_a_common_root_is_written_by_both_and_harms_nobody(second, expected):
    meshes = [
        mesh(*chart(name, "1.14", our_values(name, "1.14")), cacerts(name, root), name=name)
        for name, root in (("affirmed", "A"), ("blue", second))
    ]
    assert [one for one in between(*meshes) if one[0] == "written-twice" and "root" in one[2]] == expected


def bundled(name: str, root: str) -> Mesh:
    objects = chart(name, "1.14", our_values(name, "1.14"))
    for entry in objects[-1]["webhooks"]:
        entry["clientConfig"]["caBundle"] = base64.b64encode(root.encode()).decode()
    return mesh(*objects, name=name, live=True)


@pytest.mark.parametrize(("second", "expected"), [("A", []), ("B", [EVERY])])
def test_in_a_cluster_the_bundles_of_webhooks_show_the_root(second, expected):
    found = between(bundled("affirmed", "A"), bundled("blue", second))
    assert [one for one in found if "root" in one[2]] == expected


def policy(name: str, *, bound: bool = True) -> list[dict]:
    binding = {"policyName": name, "validationActions": ["Deny" if bound else "Audit"]}
    return [
        thing("ValidatingAdmissionPolicy", name, spec={}),
        thing("ValidatingAdmissionPolicyBinding", name, spec=binding),
    ]


def confined(name: str, namespace: str = "", *, without: str = "") -> list[dict]:
    """Return what tells `multimesh-writes` that the control plane of a mesh is in a namespace."""
    right = f"multimesh-writes-{name}"
    account = {"kind": "ServiceAccount", "name": "multimesh", "namespace": namespace or f"istio-{name}"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": right}
    found = [
        thing("ClusterRole", right, rules=[]),
        thing("ClusterRoleBinding", right, roleRef=role, subjects=[account]),
        *policy(right),
    ]
    return [item for item in found if item["kind"] != without]


BOTH_CONFINED = confined("affirmed") + confined("blue")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (policy("multimesh-roots-affirmed") + policy("multimesh-roots-blue"), []),
        (policy("multimesh-writes") + BOTH_CONFINED, []),
        (policy("multimesh-writes") + confined("affirmed") + policy("multimesh-roots-affirmed"), []),
        (policy("multimesh-roots-affirmed"), [EVERY]),
        (policy("multimesh-roots-affirmed") + policy("multimesh-roots-blue", bound=False), [EVERY]),
        (policy("multimesh-pods-affirmed") + policy("multimesh-pods-blue"), [EVERY]),
        # Of a mesh itself there is a policy about cluster-scoped resources alone.
        (BOTH_CONFINED, [EVERY]),
        (policy("multimesh-writes", bound=False) + BOTH_CONFINED, [EVERY]),
        # RBAC tells the shared one who is a control plane of which mesh.
        (policy("multimesh-writes"), [EVERY]),
        (policy("multimesh-writes") + confined("affirmed"), [EVERY]),
        (policy("multimesh-writes") + confined("affirmed") + confined("blue", "elsewhere"), [EVERY]),
        (policy("multimesh-writes") + confined("affirmed") + confined("blue", without="ClusterRole"), [EVERY]),
        (policy("multimesh-writes") + confined("affirmed") + confined("blue", without="ClusterRoleBinding"), [EVERY]),
    ],
)
def test_policies_that_are_applied_keep_roots_apart(policies, expected):
    """Each direction needs one: of the mesh that is written to, or the one that all meshes share."""
    meshes = [ours("affirmed", "1.14"), ours("blue", "1.14"), mesh(*policies, name="the cluster", live=True)]
    assert [one for one in between(*meshes) if "root" in one[2]] == expected


# Discovery selectors.


def exists() -> list[dict]:
    return [{"matchExpressions": [{"key": "multimesh.dev/mesh", "operator": "Exists"}]}]


def test_selectors_that_can_meet_are_found_with_a_witness():
    assert both("1.30", meshConfig__discoverySelectors=exists()) == [
        ("discovery-overlap", "error", "a namespace labelled multimesh.dev/mesh=other is discovered by both")
    ]
    team = {"matchLabels": {"team": "web"}}
    assert both("1.30", meshConfig__discoverySelectors=[team]) == [
        ("discovery-overlap", "error", "a namespace labelled team=web is discovered by both")
    ]
    labelled = "a namespace labelled multimesh.dev/mesh=affirmed, team=web is discovered by both"
    second = [*SELECTED, team]
    assert both("1.30", meshConfig__discoverySelectors=second) == [("discovery-overlap", "error", labelled)]
    found = between(ours("affirmed", "1.30"), ours("blue", "1.30", meshConfig__discoverySelectors=second))
    assert found == [("discovery-overlap", "error", labelled)]


@pytest.mark.parametrize("live", [True, False])
def test_selectors_of_a_stock_mesh_are_compared_too(live):
    outside = {"matchExpressions": [{"key": "multimesh.dev/mesh", "operator": "DoesNotExist"}]}
    for selectors, expected in (
        ([outside], []),
        (
            [outside, {"matchLabels": {"a": "b"}}],
            ["a namespace labelled a=b, multimesh.dev/mesh=affirmed is discovered by both"],
        ),
    ):
        given = changed(stock_values("system"), meshConfig__discoverySelectors=selectors)
        stock = mesh(*chart("system", "1.30", given), name="system", live=live)
        assert [one[2] for one in between(ours("affirmed", "1.30"), stock)] == expected


def test_a_selector_that_cannot_be_read_may_meet():
    strange = [{"matchExpressions": [{"key": "a", "operator": "Is"}]}]
    found = both("1.30", meshConfig__discoverySelectors=strange)
    assert [(one[0], "cannot be read" in one[2]) for one in found] == [("discovery-overlap", True)]


def test_no_selectors_are_an_error_where_a_second_mesh_is_known():
    free = ours("affirmed", "1.30", meshConfig__discoverySelectors=[])
    missed = "mesh affirmed has no discoverySelectors"
    assert between(free) == [("no-discovery-selector", "warning", missed)]
    for second in (ours("blue", "1.30"), mesh(name="blue", profile=spec("blue"))):
        assert between(free, second) == [("no-discovery-selector", "error", missed)]
    gateway = mesh(thing("Service", "gateway", "istio-blue"), name="blue")
    assert between(free, gateway) == [("no-discovery-selector", "warning", missed)]


def test_a_hundred_meshes_of_our_values_are_compared_by_their_label():
    """No pair of them is solved."""
    meshes = [ours(f"m{number}", "1.30") for number in range(100)]
    assert list(discovery._pairs(list(discovery._selectors(meshes)))) == []


# What a cluster has once, and control planes use.


@pytest.mark.parametrize(
    ("istio", "variable", "expected"),
    [
        (
            "1.26",
            "ENABLE_CLUSTER_TRUST_BUNDLE_API",
            "both meshes write ClusterTrustBundle istio.io:istiod-ca:root-cert",
        ),
        ("1.25", "ENABLE_CLUSTER_TRUST_BUNDLE_API", ""),
        (
            "1.22",
            "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS",
            "both meshes write taints of nodes on which istio-cni is ready",
        ),
        ("1.21", "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS", ""),
        ("1.30", "PILOT_ENABLE_STATUS", ""),
        ("1.30", "PILOT_ENABLE_AMBIENT", "both meshes use ambient mode"),
        ("1.21", "PILOT_ENABLE_AMBIENT_CONTROLLERS", "both meshes use ambient mode"),
    ],
)
def test_what_a_variable_turns_on_belongs_to_one_mesh(istio, variable, expected):
    on = {f"pilot__env__{variable}": "true"}
    assert [one[2] for one in both(istio, **on)] == ([expected] if expected else [])
    assert [one[1] for one in both(istio, **on)] == (["error"] if expected else [])
    assert between(ours("affirmed", istio, **on), ours("blue", istio)) == []


@pytest.mark.parametrize("istio", [one for one in MINORS if int(one[2:]) >= 16])
def test_the_gateway_api_belongs_to_one_mesh_unless_the_names_differ(istio):
    """Without our values: from 1.22 on two names keep them apart, before the Gateway API is turned off in one."""
    minor = int(istio[2:])
    served = ("written-twice", "warning", 'both meshes serve the Gateway API controller "istio.io/gateway-controller"')
    made = ("written-twice", "error", 'both meshes make the GatewayClass "istio"')
    assert both(istio, **STOCK_GATEWAY_API) == ([served] if minor >= 22 else [])
    if minor >= 22:
        one = {"pilot__env__PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME": None}
        assert both(istio, **one) == [made]


@pytest.mark.parametrize("istio", ["1.14", "1.15"])
def test_before_selectors_apply_the_gateway_api_is_an_error(istio):
    found = both(istio, pilot__env__PILOT_ENABLE_GATEWAY_API=None)
    message = 'both meshes serve the Gateway API controller "istio.io/gateway-controller"'
    assert ("written-twice", "error", message) in found


@pytest.mark.parametrize(("mode", "quoted"), [("OFF", True), (False, True), ("STRICT", False), (None, False)])
def test_an_ingress_class_belongs_to_one_mesh(mode, quoted):
    """Where selectors do not keep Ingresses apart; an unquoted OFF is read as false."""
    found = both("1.15", meshConfig__ingressControllerMode=mode)
    message = 'both meshes write the status of Ingresses of the class "istio"'
    assert (("written-twice", "error", message) in found) == (not quoted)
    assert both("1.30", meshConfig__ingressControllerMode=mode) == []
    classes = both("1.15", meshConfig__ingressControllerMode="STRICT", meshConfig__ingressClass="istio-MESH")
    assert classes == [EVERY]


def agent(image: str) -> dict:
    container = {"name": "install-cni", "image": image}
    return workload("istio-cni-node", "kube-system", container, "DaemonSet")


@pytest.mark.parametrize(
    ("istio", "image", "paths", "expected"),
    [
        ("1.30", "istio/install-cni:1.30.3", {}, 0),
        ("1.30", "istio/install-cni:1.29.5", {}, 0),
        ("1.30", "istio/install-cni:1.31.0", {}, 0),
        ("1.30", "istio/install-cni:1.28.1", {}, 1),
        ("1.24", "istio/install-cni:1.26.0", {}, 1),
        ("1.30", "istio/install-cni:latest", {}, 0),
        ("1.30", "istio/install-cni:1.28.1", {"pilot__cni": {"enabled": False}}, 0),
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_istio_cni_fits_the_sidecars_that_rely_on_it(live, istio, image, paths, expected):
    """One minor version up or down; it may be another mesh's, or nobody's."""
    owner = mesh(agent(image), name="the cluster" if live else "affirmed", live=live)
    found = list(cni_versions([owner, ours("blue", istio, **{"pilot__cni": {"enabled": True}, **paths})]))
    assert len(found) == expected
    assert {one.id for one in found} <= {"cni-version"}

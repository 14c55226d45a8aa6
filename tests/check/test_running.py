"""A running mesh: the exact findings of each check, with their remedies, on clusters of a few objects."""

from __future__ import annotations

import base64
import json

import pytest
from finding_cases import spaces, thing, webhook, workload
from meshes import objects, spec

from multimesh.check.running import RUNNING
from multimesh.check.running.certificates import bundles, root_copies, roots, secrets, unread_roots
from multimesh.check.running.cluster import cluster, is_istio_1_5, unseen
from multimesh.check.running.control_planes import called, control_planes
from multimesh.check.running.namespaces import namespaces
from multimesh.check.running.pods import discovery_address, injectors, pod_revision, pods, root_maps
from multimesh.check.running.policies import policies
from multimesh.check.running.removed import removed
from multimesh.check.running.settled import unsettled
from multimesh.check.running.stock_names import stock_names
from multimesh.check.sources.compact import Compactor
from multimesh.mesh import writes

PLANE, MEMBER = "istio-affirmed", "nginx-affirmed"
MESH, INJECTION, REV = "multimesh.dev/mesh", "istio-injection", "istio.io/rev"
MESH_SPEC = spec()


def found(check, *items, mesh=MESH_SPEC):
    """Return severity, message and remedy of each finding; the remedy is empty if it is that of the catalogue."""
    return [(one.level, one.message, one.remedy) for one in check(mesh, cluster(objects(*items)))]


def said(check, *items, mesh=MESH_SPEC):
    """Return only the messages."""
    return [message for _, message, _ in found(check, *items, mesh=mesh)]


def test_every_check_is_run():
    assert [check.__name__ for check in RUNNING] == (
        "unseen namespaces control_planes called gateways outlived names gateway_bundles routes unread_roots bundles injectors pods root_maps secrets root_copies stock_names".split()
    )


def test_kinds_of_which_nothing_was_read_are_named():
    assert said(unseen) == [
        f"no {kind} was seen, so nothing is said about {what}"
        for kind, what in (
            ("Namespace", "labels"), ("MutatingWebhookConfiguration", "injection"),
            ("ValidatingWebhookConfiguration", "validation"), ("ClusterRole", "stock names of roles"),
            ("ClusterRoleBinding", "stock names of bindings"), ("Deployment", "control planes"),
            ("ConfigMap", "copies of the root certificate"), ("Pod", "sidecars"),
        )
    ]  # fmt: skip
    kinds = (
        "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding",
        "Deployment", "ConfigMap",
    )  # fmt: skip
    seen = [*(thing(kind, "x") for kind in kinds), thing("Pod", "x", PLANE)]
    assert found(unseen, *seen) == [("warning", "no Namespace was seen, so nothing is said about labels", "")]
    seen.append(thing("Namespace", "x"))
    assert found(unseen, *seen) == []
    seen[-2] = thing("Pod", "x", "elsewhere")
    what = "no Pod in a namespace of the mesh was seen, so nothing is said about sidecars"
    assert found(unseen, *seen) == [("warning", what, "")]


def space(name, **labels):
    return thing(
        "Namespace", name, labels={{"mesh": MESH, "injection": INJECTION, "rev": REV}[k]: v for k, v in labels.items()}
    )


def plane(name="discovery", **more):
    return workload("plane", PLANE, {"name": name}, **more)


GOOD_PLANE = space(PLANE, mesh="affirmed")
GOOD = space(MEMBER, mesh="affirmed", injection="enabled-affirmed")


def label(name, text):
    return f"kubectl label namespace {name} {text}"


def deleted(item):
    return item | {"metadata": item["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}}


NAMESPACES = {
    "both are labelled": ([GOOD_PLANE, GOOD], []),
    "none was read": ([], []),
    "one does not exist": (
        [GOOD_PLANE],
        [("error", f'the namespace "{MEMBER}" does not exist', "multimesh namespaces --profile affirmed.profile | kubectl apply --server-side -f -")],
    ),
    "one is being deleted": (
        [GOOD_PLANE, GOOD | {"status": {"phase": "Terminating"}}],
        [("error", f'the namespace "{MEMBER}" is being deleted, and nothing can be created there', "Create it again once it is gone, or take it out of the profile.")],
    ),
    "that of the control plane has the time of its deletion": (
        [deleted(GOOD_PLANE), GOOD | {"status": {"phase": "Active"}}, deleted(space("x"))],
        [("error", f'the namespace "{PLANE}" is being deleted, and nothing can be created there', "Create it again once it is gone, or take it out of the profile.")],
    ),
    "one has no mesh label": (
        [GOOD_PLANE, space(MEMBER, injection="enabled-affirmed")],
        [("error", f'the namespace "{MEMBER}" has no label {MESH}', label(MEMBER, f"{MESH}=affirmed --overwrite"))],
    ),
    "one has the label of another mesh": (
        [space(PLANE, mesh="blue"), GOOD],
        [("error", f'the namespace "{PLANE}" belongs to mesh blue', label(PLANE, f"{MESH}=affirmed --overwrite"))],
    ),
    "one is not injected": (
        [GOOD_PLANE, space(MEMBER, mesh="affirmed")],
        [("error", f'the namespace "{MEMBER}" has {INJECTION}=(none), so mesh affirmed does not inject it', label(MEMBER, f"{INJECTION}=enabled-affirmed --overwrite"))],
    ),
    "one is injected by revision": ([GOOD_PLANE, space(MEMBER, mesh="affirmed", rev="affirmed")], []),
    "one has a revision and another label": (
        [GOOD_PLANE, space(MEMBER, mesh="affirmed", rev="affirmed", injection="disabled")],
        [("error", f'the namespace "{MEMBER}" has {INJECTION}=disabled, so mesh affirmed does not inject it', label(MEMBER, f"{INJECTION}=enabled-affirmed --overwrite"))],
    ),
    "one has another revision": (
        [GOOD_PLANE, space(MEMBER, mesh="affirmed", rev="x")],
        [("error", f'the namespace "{MEMBER}" has {INJECTION}=(none), so mesh affirmed does not inject it', label(MEMBER, f"{INJECTION}=enabled-affirmed --overwrite"))],
    ),
    "1.5 does not inject by revision": (
        [plane("galley"), space(PLANE, mesh="affirmed", injection="disabled"), space(MEMBER, mesh="affirmed", rev="affirmed")],
        [("error", f'the namespace "{MEMBER}" has {INJECTION}=(none), so mesh affirmed does not inject it', label(MEMBER, f"{INJECTION}=enabled-affirmed --overwrite"))],
    ),
    "the control plane is injected": (
        [space(PLANE, mesh="affirmed", injection="enabled"), GOOD],
        [("error", f'the control-plane namespace "{PLANE}" has {INJECTION}=enabled', label(PLANE, f"{INJECTION}-"))],
    ),
    "the control plane of 1.5 is not excluded": (
        [plane("galley"), GOOD_PLANE, GOOD],
        [("warning", f'the control-plane namespace "{PLANE}" has {INJECTION}=(none)', label(PLANE, f"{INJECTION}=disabled --overwrite"))],
    ),
    "the control plane of 1.5 is injected": (
        [plane("galley"), space(PLANE, mesh="affirmed", injection="enabled"), GOOD],
        [("error", f'the control-plane namespace "{PLANE}" has {INJECTION}=enabled', label(PLANE, f"{INJECTION}=disabled --overwrite"))],
    ),
    "another one has the label": (
        [GOOD_PLANE, GOOD, space("x", mesh="affirmed"), space("z", mesh="blue")],
        [("info", 'the namespace "x" has the label of mesh affirmed, and the profile does not list it', "Add it to spec.workloadNamespaces in affirmed.profile.")],
    ),
    "another one has the label, in 1.5": (
        [plane("galley"), space(PLANE, mesh="affirmed", injection="disabled"), GOOD, space("x", mesh="affirmed")],
        [("error", 'the namespace "x" has the label of mesh affirmed, and the profile does not list it', "Add it to spec.workloadNamespaces in affirmed.profile and render again: the list in Citadel's flags is static.")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMESPACES)
def test_namespaces_have_the_labels_of_the_mesh(case):
    items, expected = NAMESPACES[case]
    assert found(namespaces, *items) == expected


@pytest.mark.parametrize(
    ("name", "old"),
    [("discovery", False), ("galley", True), ("citadel", True), ("sidecar-injector-webhook", True), ("x", False)],
)
def test_istio_1_5_is_known_by_its_containers(name, old):
    assert is_istio_1_5(MESH_SPEC, cluster(objects(plane(name)))) is old
    assert is_istio_1_5(MESH_SPEC, cluster(objects(workload("p", "x", {"name": name})))) is False


def status(ready=None, replicas=1, **more):
    item = plane()
    item["spec"]["replicas"] = replicas
    return item | {"status": {"readyReplicas": ready} if ready is not None else {}} | more


def test_a_control_plane_runs_and_is_ready():
    down = [("error", f'no control plane runs in "{PLANE}"', "")]
    unready = [("error", f"Deployment/{PLANE}/plane has no ready pod", "")]
    for items, expected in (
        ([], []),
        ([plane("x")], down),
        ([workload("p", "x", {"name": "discovery"})], down),
        ([plane()], []),
        ([status(1)], []),
        ([status()], unready),
        ([status(0)], unready),
        ([status(0, 0), named("canary", 1)], []),
    ):
        assert found(control_planes, *items) == expected


def named(name, replicas, container="discovery", revision="affirmed"):
    item = workload(name, PLANE, {"name": container, "env": [{"name": "REVISION", "value": revision}]})
    item["spec"]["replicas"] = replicas
    return item


def test_a_control_plane_that_is_scaled_down_needs_another_one_of_the_mesh():
    """The old revision of an upgrade, or the components of 1.5 once an istiod runs, may be scaled to zero."""

    def down(name):
        what = f"Deployment/{PLANE}/{name} is scaled to 0, and nothing else of the mesh does its work"
        return ("error", what, f"kubectl -n {PLANE} scale deployment {name} --replicas=1")

    old = [named("istio-pilot", 0), named("istio-citadel", 0, "citadel"), named("istio-galley", 0, "galley")]
    for items, expected in (
        ([status(0, 0)], [down("plane")]),
        ([status(None, 0)], [down("plane")]),
        ([named("a", 0), named("b", 0)], [down("a"), down("b")]),
        ([named("a", 0), named("b", 1)], []),
        ([*old, named("istiod", 1)], []),
        ([*old, named("istiod", 0)], [down(one) for one in ("istio-pilot", "istio-citadel", "istio-galley", "istiod")]),
        ([named("istio-pilot", 1), *old[1:]], [down("istio-citadel"), down("istio-galley")]),
        ([named("istio-pilot", 1), named("istiod", 0)], []),
    ):
        assert found(control_planes, *items) == expected


def test_a_control_plane_has_a_revision_of_the_mesh():
    """A stock one may still run beside it; one that does not say its revision may be of the mesh."""

    def only(*revisions):
        has = " and ".join(f'"{one}"' for one in revisions)
        return [f'no control plane in "{PLANE}" has the revision "affirmed", only {has}']

    canary = spec(canaryRevisions=["next"])
    for mesh, items, expected in (
        (MESH_SPEC, [named("a", 1)], []),
        (MESH_SPEC, [named("a", 1, revision="x")], only("x")),
        (MESH_SPEC, [named("a", 1, revision="x"), named("b", 1, revision="")], only("default", "x")),
        (MESH_SPEC, [named("a", 1, revision="x"), named("b", 1)], []),
        (MESH_SPEC, [named("a", 1, revision="x"), named("b", 0)], only("x")),
        (MESH_SPEC, [named("a", 1, revision="x"), plane()], []),
        (canary, [named("a", 1, revision="next")], []),
        (MESH_SPEC, [named("istio-pilot", 1, revision="x")], []),
    ):
        assert said(control_planes, *items, mesh=mesh) == expected


def test_a_webhook_calls_a_service_that_exists():
    """Of a saved cluster without any Service nothing is known; a live one was read, or says that it was not."""
    gone = f'the webhook "{ENTRY}" calls Service istiod-affirmed, which does not exist'
    service, other = thing("Service", "istiod-affirmed", PLANE), thing("Service", "gateway", PLANE)
    for items, saved, live in (
        ([service], [], []),
        ([service, other], [], []),
        ([other], [gone], [gone]),
        ([thing("Service", "istiod-affirmed", MEMBER)], [], [gone]),
        ([], [], [gone]),
    ):
        here = [injector("A"), injector("A", "blue"), *items]
        assert said(called, *here) == saved
        assert [one.message for one in called(MESH_SPEC, cluster(objects(*here), unread=[]))] == live
        assert [*called(MESH_SPEC, cluster(objects(*here), unread=[("services", PLANE)]))] == []


def test_a_finding_names_the_object_its_file_and_line():
    [one] = namespaces(MESH_SPEC, cluster(objects(GOOD_PLANE, space(MEMBER, injection="enabled-affirmed"))))
    assert one.sides == (("affirmed", f"Namespace/{MEMBER}", "a.yaml", 15),)
    [one] = bundles(MESH_SPEC, cluster(objects(injector(""))))
    assert one.sides[0].resource == "MutatingWebhookConfiguration/istio-mutating-affirmed sidecar-injector.istio.io"


# Certificates.


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def secret(name, namespace=PLANE, **data):
    return thing(
        "Secret", name, namespace, data={key.replace("_", "-") + ".pem": encoded(value) for key, value in data.items()}
    )


def running(root=""):
    """Return a control plane that writes its root under a name, or under the stock one."""
    env = [{"name": "PILOT_CA_CERT_CONFIGMAP", "value": root}] if root else []
    return workload(f"istiod-{root}", PLANE, {"name": "discovery", "image": "istio/pilot:1.30.3", "env": env})


def root_map(text, namespace=PLANE, name="istio-ca-root-cert"):
    return thing("ConfigMap", name, namespace, data={"root-cert.pem": text})


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([secret("cacerts", root_cert="A", ca_cert="B")], ["A"]),
        ([secret("istio-ca-secret", ca_cert="B\n")], ["B"]),
        ([secret("cacerts", root_cert="A"), secret("istio-ca-secret", ca_cert="B"), root_map("C")], ["A"]),
        ([secret("cacerts", "x", root_cert="A"), secret("istio-ca-secret", ca_cert="B")], ["B"]),
        ([thing("Secret", "cacerts", PLANE, data={"tls.crt": encoded("B"), "ca.crt": encoded("A")})], ["A"]),
        ([secret("istio.default", root_cert="A"), root_map(" C ")], ["A", "C"]),
        (
            [root_map("C"), root_map("D", name="istio-ca-root-cert-x"), root_map("D", name="istio-ca-root-cert-z")],
            ["C"],
        ),
        ([root_map("C"), root_map("D", name="istio-ca-root-cert-affirmed")], ["D"]),
        ([running(), root_map("C"), root_map("D", name="istio-ca-root-cert-affirmed")], ["C"]),
        ([running("own"), root_map("C"), root_map("D", name="own")], ["D"]),
        ([running("own"), running(), root_map("C"), root_map("D", name="own")], ["C", "D"]),
        ([root_map("C", "x"), root_map("D", name="other")], []),
        ([thing("Secret", "cacerts", PLANE, data={"root-cert.pem": "A"})], []),
        ([], []),
    ],
)
def test_the_root_is_that_of_the_authority_or_else_its_copies(items, expected):
    assert roots(MESH_SPEC, cluster(objects(*items))) == expected


def injector(bundle="", mesh="affirmed", kind="Mutating", policy="Fail", selector=None, **more):
    item = webhook(mesh, selector or spaces(INJECTION, "In", f"enabled-{mesh}"), kind, **more)
    item["webhooks"][0]["clientConfig"]["caBundle"] = encoded(bundle)
    item["webhooks"][0]["failurePolicy"] = policy
    return item


NO_ROOT = f'no root of mesh affirmed was read in "{PLANE}", so nothing is said about what its webhooks have'


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([secret("cacerts", root_cert="A")], []),
        ([root_map("A")], []),
        ([root_map("A", MEMBER)], [NO_ROOT]),
        ([root_map("")], [NO_ROOT]),
        ([], [NO_ROOT]),
        ([thing("Secret", "istio-ca-secret", PLANE, data={"ca-cert.pem": "!!"}), root_map("A")], ["istio-ca-secret"]),
        ([thing("Secret", "istio-ca-secret", PLANE), root_map("A")], ["istio-ca-secret"]),
        ([thing("Secret", "cacerts", PLANE, data={"root-cert.pem": ["A"]})], ["cacerts", NO_ROOT]),
        ([thing("Secret", "cacerts", MEMBER), root_map("A")], []),
    ],
)
def test_a_root_that_could_not_be_read_leaves_a_question_open(items, expected):
    """An authority elsewhere has no Secret; what its control plane wrote is compared with then."""
    what = "holds no certificate that can be read, so nothing is said about the authority's root"
    wanted = [one if one == NO_ROOT else f"Secret/{PLANE}/{one} {what}" for one in expected]
    told = found(unread_roots, injector("A"), *items)
    assert [message for _, message, _ in told] == wanted
    assert {level for level, *_ in told} <= {"warning"}
    assert NO_ROOT not in said(unread_roots, injector("A", "blue"), *items)


ROOT = secret("cacerts", root_cert="A")
ENTRY = "sidecar-injector.istio.io"
NO_INJECTOR = ("error", "no webhook injects for mesh affirmed", "Install the chart istiod, or istio (1.5).")
BUNDLES = {
    "the root of the mesh": ([ROOT, injector("A")], []),
    "no root was read": ([injector("B")], []),
    "no webhook was read": ([ROOT], []),
    "none": ([ROOT, injector("")], [("error", f'the webhook "{ENTRY}" has no caBundle', "")]),
    "another": ([ROOT, injector("B")], [("error", f'the webhook "{ENTRY}" has another root than the mesh', "")]),
    "only another mesh": ([ROOT, injector("B", "blue")], [NO_INJECTOR]),
    "only a validator": ([ROOT, injector("A", kind="Validating")], [NO_INJECTOR]),
    "a validator that ignores failures": (
        [ROOT, injector("A", policy="Ignore"), injector("A", kind="Validating", policy="Ignore")],
        [(
            "warning", 'the validator "validation.istio.io" still ignores failures',
            ("The control plane tests it in its own namespace, which needs the label: "
            f"kubectl label namespace {PLANE} {MESH}=affirmed --overwrite"),
        )],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BUNDLES)
def test_webhooks_have_the_root_of_the_mesh(case):
    items, expected = BUNDLES[case]
    assert found(bundles, *items) == expected


def test_a_bundle_that_changes_is_written_by_two_control_planes():
    one, two, other = (
        cluster(objects(injector(text, mesh))) for text, mesh in (("A", "affirmed"), ("B", "affirmed"), ("B", "blue"))
    )
    [finding] = unsettled(MESH_SPEC, one, two)
    assert (finding.id, finding.level, finding.message) == (
        "ca-bundle", "error", f'the caBundle of "{ENTRY}" changed between two reads: two control planes write it',
    )  # fmt: skip
    assert finding.sides == (("affirmed", "MutatingWebhookConfiguration/istio-mutating-affirmed", "cluster", 0),)
    assert (
        unsettled(MESH_SPEC, one, one)
        == unsettled(MESH_SPEC, one, other)
        == unsettled(MESH_SPEC, other, cluster([]))
        == []
    )


def versioned(item, version):
    """Return an object as the API server has it after some writes."""
    item["metadata"]["resourceVersion"] = version
    return item


def test_every_object_that_was_written_between_two_reads_is_named():
    """Two reads may see the same values of what two control planes write in turn; the version is another one."""

    def read(version):
        items = [
            versioned(injector("A"), version),
            versioned(injector("A", "blue"), version),
            versioned(thing("ConfigMap", "istio-ca-crl", MEMBER, data={"ca-crl.pem": "X"}), version),
            versioned(thing("ConfigMap", "istio-ca-crl", "nginx-blue", data={"ca-crl.pem": "X"}), version),
            versioned(root_map("A"), version),
            versioned(thing("ConfigMap", "istio-leader", PLANE), version),
        ]
        compact = Compactor()
        return cluster([compact(item) for item in objects(*items)])

    assert unsettled(MESH_SPEC, read("1"), read("1")) == []
    remedies = [one.remedy for one in unsettled(MESH_SPEC, read("1"), read("2"))]
    assert "trustBundleName" in remedies[0]
    assert "'multimesh policies'" in remedies[1]
    assert remedies[2] == ""
    assert [one.message for one in unsettled(MESH_SPEC, read("1"), read("2"))] == [
        f"{title} was written between two reads: two control planes write it"
        for title in (
            f"ConfigMap/{PLANE}/istio-ca-root-cert",
            f"ConfigMap/{MEMBER}/istio-ca-crl",
            "MutatingWebhookConfiguration/istio-mutating-affirmed",
        )
    ]


def test_copies_of_the_root_are_those_of_the_mesh():
    holds = (
        f"ConfigMap/{MEMBER}/istio-ca-root-cert holds another mesh's root: two control planes write it",
        "Set meshConfig.discoverySelectors and global.trustBundleName as 'multimesh values' writes them.",
    )
    for items, expected in (
        ([ROOT, root_map("A"), root_map("B", MEMBER)], [("error", *holds)]),
        ([root_map("A"), root_map("B", MEMBER)], [("error", *holds)]),
        ([ROOT, root_map("A"), root_map(" A ", MEMBER)], []),
        ([ROOT, root_map("A"), root_map("", MEMBER)], []),
        ([ROOT, root_map("A"), root_map("B", "x")], []),
        ([ROOT, root_map("B", MEMBER)], []),
        ([ROOT, root_map("B", PLANE, "other"), root_map("B", MEMBER, "other")], []),
        # A stock mesh that discovers all namespaces writes a name that this mesh does not use.
        ([ROOT, running("own"), root_map("A", name="own"), root_map("B"), root_map("B", MEMBER)], []),
        ([running("own"), root_map("A", name="own"), root_map("B"), root_map("B", MEMBER)], []),
    ):
        assert found(root_copies, *items) == expected


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        ("istio/pilot:1.14.6", writes.COMMON_ROOT),
        ("istio/pilot:1.15.7", writes.COMMON_ROOT),
        ("istio/pilot:1.16.7", writes.SCOPED),
        ("istio/pilot:1.21.6", writes.SCOPED),
    ],
)
def test_the_remedy_for_a_root_of_another_mesh_is_that_of_the_version(image, remedy):
    version = workload("istiod", PLANE, {"name": "discovery", "image": image})
    assert [one[2] for one in found(root_copies, ROOT, version, root_map("A"), root_map("B", MEMBER))] == [remedy]


def pod(*containers, name="p", namespace=MEMBER, labels=None, annotations=None, phase="Running", **more):
    item = thing(
        "Pod", name, namespace, labels=labels, spec={"containers": list(containers), **more}, status={"phase": phase}
    )
    item["metadata"]["annotations"] = annotations or {}
    return item


def test_every_account_of_1_5_has_a_certificate_of_the_mesh():
    old = plane("citadel")
    none = (
        f"ServiceAccount/{MEMBER}/default has no certificate, although its pods may say 2/2",
        "Add the namespace to the profile and render again: the list in Citadel's flags is static.",
    )
    foreign = (
        f"the certificate of ServiceAccount/{MEMBER}/s comes from another mesh's Citadel",
        f"kubectl -n {MEMBER} delete secret istio.s, and make the namespace lists of the Citadels disjoint.",
    )
    own = pod(serviceAccountName="s")
    for items, expected in (
        ([old, ROOT, pod()], [("error", *none)]),
        ([plane(), ROOT, pod()], []),
        ([old, pod()], []),
        ([old, ROOT, pod(namespace="x")], []),
        ([old, ROOT, own, secret("istio.s", MEMBER, root_cert="B")], [("error", *foreign)]),
        ([old, ROOT, own, secret("istio.s", MEMBER, root_cert="A")], []),
        ([old, ROOT, own, secret("istio.s", MEMBER)], []),
        ([old, own, secret("istio.s", MEMBER, root_cert="B")], []),
    ):
        assert found(secrets, *items) == expected


# Pods.


def test_every_workload_namespace_has_an_injector_of_this_mesh():
    other = f'"{ENTRY}" of another mesh injects pods in "{MEMBER}"'
    none = f'no webhook injects pods in "{MEMBER}"'
    unreadable = f'namespaceSelector of "{ENTRY}" is not a label selector, so nothing is said about what it injects'
    same = spaces(INJECTION, "In", "enabled-affirmed")
    named = spaces("kubernetes.io/metadata.name", "In", MEMBER)
    for items, expected in (
        ([GOOD, injector("A")], []),
        ([GOOD, injector("A", selector=named)], []),
        ([GOOD], []),
        ([injector("A")], []),
        ([GOOD, injector("A", "blue")], [none]),
        ([GOOD, injector("A"), injector("A", "blue", selector=same)], [other]),
        ([GOOD, injector("A", selector=spaces("a", "Like", "b"))], [unreadable, none]),
        ([GOOD, injector("A", selector={**same, "objectSelector": {"matchLabels": {"a": "b"}}})], [none]),
        ([space("x"), injector("A")], []),
    ):
        assert said(injectors, *items) == expected
    assert found(injectors, GOOD, injector("A", "blue"))[0][0] == "error"


@pytest.mark.parametrize(
    ("path", "name", "resources", "injects"),
    [
        ("/inject", "x", ["pods"], True),
        ("/x", "inject", ["pods"], False),
        ("", "injector", ["pods"], True),
        ("/inject", "x", ["services"], False),
    ],
)
def test_an_injector_is_known_by_its_path_or_name_and_by_pods(path, name, resources, injects):
    item = injector("A")
    item["webhooks"][0].update(name=name, rules=[{"resources": resources}])
    item["webhooks"][0]["clientConfig"]["service"]["path"] = path
    assert (said(injectors, GOOD, item) == []) is injects


EXPRESSION = {"key": "istio-injection", "operator": "In", "values": ["enabled-affirmed"]}


@pytest.mark.parametrize(
    "selector",
    ["abc", [], ["a"], 1, {"matchExpressions": "abc"}, {"matchExpressions": {"a": "b"}}, {"matchExpressions": ["a"]},
     {"matchExpressions": [EXPRESSION | {"operator": "Like"}]}, {"matchExpressions": [EXPRESSION | {"key": ["a"]}]},
     {"matchExpressions": [EXPRESSION | {"values": 5}]}, {"matchExpressions": [EXPRESSION | {"values": "enabled-affirmed"}]},
     {"matchLabels": ["a"]}, {"matchLabels": {"a": 1}}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("key", ["namespaceSelector", "objectSelector"])
@pytest.mark.parametrize("whose", ["affirmed", "blue"])
def test_an_injector_whose_selector_cannot_be_read_is_never_sound(selector, key, whose):
    """Where it injects is an open question; for the label of this mesh it is not an entry."""
    changed = injector("A", whose)
    changed["metadata"]["labels"] = {REV: whose}
    changed["webhooks"][0][key] = selector
    items = cluster(objects(GOOD, changed))
    told = [one for check in RUNNING for one in check(MESH_SPEC, items)]
    assert [one.message for one in told if one.message.startswith(f"{key} of ")] == [
        f'{key} of "{ENTRY}" is not a label selector, so nothing is said about what it injects'
    ]
    missing = any(one.id == "stock-name" and "has no entry for" in one.message for one in told)
    assert missing is (whose == "affirmed" and key == "namespaceSelector")


PROXY = {"name": "istio-proxy"}
LATE = (
    "warning",
    f"Pod/{MEMBER}/p has no sidecar: it started before the label was set, or while the injector was down",
    f"kubectl -n {MEMBER} delete pod p",
)
NO = {"sidecar.istio.io/inject": "false"}


def talking(address, key="CA_ADDR"):
    return {**PROXY, "env": [{"name": key, "value": address}]}


SERVED = f"Pod/{MEMBER}/p is served by another mesh's control plane, istiod.istio-blue.svc:15012"
PODS = {
    "one sidecar": (pod(PROXY), []),
    "no sidecar": (pod({"name": "x"}), [LATE]),
    "no sidecar, as its label requests": (pod({"name": "x"}, labels=NO), []),
    "no sidecar, as its annotation requests": (pod({"name": "x"}, annotations=NO), []),
    "no sidecar on the network of the node": (pod({"name": "x"}, hostNetwork=True), []),
    "no sidecar, succeeded": (pod({"name": "x"}, phase="Succeeded"), []),
    "no sidecar, failed": (pod({"name": "x"}, phase="Failed"), []),
    "no sidecar, elsewhere": (pod({"name": "x"}, namespace="x"), []),
    "two sidecars": (pod(PROXY, PROXY), [("error", f"Pod/{MEMBER}/p has 2 sidecars", "")]),
    "two sidecars, the first of this mesh": (
        pod(talking(f"istiod.{PLANE}.svc:15012"), talking("istiod.istio-blue.svc:15012")),
        [("error", f"Pod/{MEMBER}/p has 2 sidecars", "")],
    ),
    "its own control plane": (pod(talking(f"istiod.{PLANE}.svc:15012")), []),
    "another control plane": (pod(talking("istiod.istio-blue.svc:15012")), [("error", SERVED, "")]),
    "a control plane without a namespace": (pod(talking("istiod:15012")), []),
    "its own revision": (pod(PROXY, annotations={REV: "affirmed"}), []),
    "another revision": (
        pod(PROXY, annotations={REV: "x"}),
        [("error", f'Pod/{MEMBER}/p was injected by the revision "x"', "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PODS)
def test_pods_have_one_sidecar_of_this_mesh(case):
    item, expected = PODS[case]
    assert found(pods, item) == expected


def mounting(name="istio-ca-root-cert", namespace=MEMBER, volume="istiod-ca-cert", **more):
    return pod(PROXY, namespace=namespace, volumes=[{"name": volume, "configMap": {"name": name, **more}}])


def test_a_pod_has_the_root_that_it_mounts():
    other = thing("ConfigMap", "kube-root-ca.crt", MEMBER)
    mounts = f"Pod/{MEMBER}/p mounts ConfigMap istio-ca-root-cert, which"
    open_ = f'no ConfigMap in "{MEMBER}" was seen, so nothing is said about the root that its pods mount'
    for items, expected in (
        ([mounting(), root_map("A", MEMBER)], []),
        ([mounting(), other], [f"{mounts} does not exist"]),
        ([mounting(), root_map("", MEMBER)], [f"{mounts} holds no root-cert.pem"]),
        ([mounting(), thing("ConfigMap", "istio-ca-root-cert", MEMBER)], [f"{mounts} holds no root-cert.pem"]),
        # The key of another program.
        ([mounting(items=[{"key": "ca.crt"}]), thing("ConfigMap", "istio-ca-root-cert", MEMBER)], []),
        ([mounting(optional=True), other], []),
        ([mounting(volume="mine"), other], []),
        ([mounting(namespace="x"), other], []),
        ([mounting(), mounting(), root_map("A")], [open_]),
        ([mounting()], []),
    ):
        assert said(root_maps, *items) == expected


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        (
            {
                "env": [
                    {"name": "PROXY_CONFIG", "value": '{"discoveryAddress": "a:1"}'},
                    {"name": "CA_ADDR", "value": "b:1"},
                ]
            },
            "a:1",
        ),
        ({"env": [{"name": "PROXY_CONFIG", "value": "{}"}, {"name": "CA_ADDR", "value": "b:1"}]}, "b:1"),
        ({"env": [{"name": "PROXY_CONFIG", "value": "{"}, {"name": "CA_ADDR", "value": "b:1"}]}, "b:1"),
        ({"args": ["--discoveryAddress", "c:1"]}, "c:1"),
        ({}, ""),
    ],
)
def test_the_address_of_a_control_plane_has_three_places(proxy, expected):
    assert discovery_address(proxy) == expected


@pytest.mark.parametrize(
    ("annotations", "labels", "expected"),
    [
        ({REV: "a", "sidecar.istio.io/status": '{"revision": "b"}'}, {REV: "c"}, "a"),
        ({"sidecar.istio.io/status": '{"revision": "b"}'}, {REV: "c"}, "b"),
        ({"sidecar.istio.io/status": "{"}, {REV: "c"}, "c"),
        ({}, None, ""),
    ],
)
def test_the_revision_of_a_pod_has_three_places(annotations, labels, expected):
    [item] = objects(pod(annotations=annotations, labels=labels))
    assert pod_revision(item) == expected


# Stock names.


def of_release(kind, name, namespace=PLANE):
    item = thing(kind, name)
    item["metadata"]["annotations"] = {"meta.helm.sh/release-namespace": namespace}
    return item


def bound(namespace):
    return thing(
        "ClusterRoleBinding", "kiali", subjects=[{"kind": "ServiceAccount", "name": "k", "namespace": namespace}]
    )


@pytest.mark.parametrize(
    ("item", "more", "expected"),
    [
        (of_release("ClusterRole", "kiali"), {}, ["ClusterRole/kiali has its stock name"]),
        (of_release("ClusterRole", "kiali", "x"), {}, []),
        (of_release("ClusterRole", "kiali"), {"clusterRoles": "keep"}, []),
        (of_release("ClusterRoleBinding", "kiali"), {"clusterRoles": "keep"}, ["ClusterRoleBinding/kiali has its stock name"]),
        (of_release("ClusterRole", "kiali"), {"keepNames": ["ClusterRole/kiali"]}, []),
        (of_release("ClusterRole", "mine"), {}, []),
        (bound(PLANE), {}, ["ClusterRoleBinding/kiali has its stock name"]),
        (bound("x"), {}, []),
        (injector(kind="Validating", name="istio-galley"), {}, ["ValidatingWebhookConfiguration/istio-galley has its stock name"]),
        (injector("A"), {}, []),
        (injector("A", selector={"namespaceSelector": {"matchLabels": {INJECTION: "enabled"}}}), {"revision": "x"},
         [f'"{ENTRY}" injects {INJECTION}=enabled']),
        (injector("A", "blue", selector={"namespaceSelector": {"matchLabels": {INJECTION: "enabled"}}}), {}, []),
        (injector("A", selector=spaces(REV, "In", "affirmed")), {},
         [f"MutatingWebhookConfiguration/istio-mutating-affirmed has no entry for {INJECTION}=enabled-affirmed"]),
        (injector("A", selector=spaces(REV, "In", "affirmed")), {"revision": "x"}, []),
    ],
)  # fmt: skip
def test_stock_names_and_labels_show_a_missing_post_renderer(item, more, expected):
    assert said(stock_names, item, mesh=spec(**more)) == expected


EVERYWHERE = "injects pods of every namespace"
ANYWHERE = '"validation.istio.io" validates in namespaces that do not have the label of the mesh'


@pytest.mark.parametrize(
    ("item", "more", "expected"),
    [
        (injector("A", selector={"namespaceSelector": {}}), {}, [f'"{ENTRY}" has no namespaceSelector, so it {EVERYWHERE}']),
        (injector("A", selector={"namespaceSelector": None}), {}, [f'"{ENTRY}" has no namespaceSelector, so it {EVERYWHERE}']),
        (injector("A", selector={"namespaceSelector": {"matchLabels": {}, "matchExpressions": []}}), {},
         [f'"{ENTRY}" has no namespaceSelector, so it {EVERYWHERE}']),
        (injector("A", "blue", selector={"namespaceSelector": {}}), {}, []),
        (injector("A", selector={"namespaceSelector": {}}), {"keepNames": ["MutatingWebhookConfiguration/istio-mutating-affirmed"]}, []),
        (injector("A", kind="Validating", selector={"namespaceSelector": {}}), {}, [ANYWHERE]),
        (injector("A", kind="Validating", selector=spaces("env", "NotIn", "test")), {}, [ANYWHERE]),
        (injector("A", kind="Validating", selector=spaces(MESH, "In", "affirmed")), {}, []),
        (injector("A", "blue", kind="Validating", selector={"namespaceSelector": {}}), {}, []),
    ],
)  # fmt: skip
def test_a_webhook_of_a_mesh_that_acts_in_every_namespace_shows_a_missing_post_renderer(item, more, expected):
    assert said(stock_names, item, mesh=spec(**more)) == expected


def test_the_webhook_of_another_program_beside_a_control_plane_may_act_in_every_namespace():
    item = injector("A", kind="Validating", selector={"namespaceSelector": {}})
    item["webhooks"][0].update(name="webhook.company.example", rules=[{"resources": ["deployments"]}])
    item["webhooks"][0]["clientConfig"]["service"]["name"] = "company"
    assert said(stock_names, item) == []


def test_the_webhook_of_a_tag_need_not_select_the_label():
    item = injector("A", selector=spaces(REV, "In", "affirmed"))
    item["metadata"]["labels"]["istio.io/tag"] = "t"
    assert said(stock_names, item) == []


# After a removal.

KINDS = (
    "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "ClusterRole", "ClusterRoleBinding", "GatewayClass", "ClusterIssuer",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_cluster_scoped_resources_of_a_removed_mesh_are_listed(kind):
    left = (f"{kind}/x-affirmed-{PLANE} is still there", f"kubectl delete {kind.lower()} x-affirmed-{PLANE}")
    assert found(removed, thing(kind, f"x-affirmed-{PLANE}")) == [("warning", *left)]
    assert found(removed, thing(kind, "x-blue-istio-blue")) == []


def test_a_renamed_resource_of_a_removed_mesh_is_listed():
    assert said(removed, thing("ClusterRole", "kiali-affirmed")) == ["ClusterRole/kiali-affirmed is still there"]
    assert said(removed, thing("ClusterRole", "kiali-blue")) == []


def test_labels_of_a_removed_mesh_are_listed():
    item = space("x", mesh="affirmed", injection="enabled-affirmed", rev="affirmed")
    what = f"Namespace/x labels {MESH}, {INJECTION}, {REV} is still there"
    assert found(removed, item) == [("warning", what, label("x", f"{MESH}- {INJECTION}- {REV}-"))]
    assert found(removed, space("x", mesh="blue", injection="enabled", rev="blue"), space("z")) == []


@pytest.mark.parametrize(
    ("kind", "name", "left"),
    [
        *(("ConfigMap", name, True) for name in (
            "istio-ca-root-cert", "istio-ca-crl", "istio-leader", "istio-status-leader", "istio-analyze-leader",
            "istio-gateway-deployment", "istio-node-untaint", "istio-ip-autoallocate",
            "istio-namespace-controller-election", "istio-serviceexport-controller-election",
            "istio-clustertrustbundle-controller-election",
        )),
        ("ConfigMap", "istio", False), ("Secret", "istio-ca-secret", True), ("Secret", "istio.default", True),
        ("Secret", "istio-other", False), ("Lease", "istio-leader", True), ("Lease", "x", False),
    ],
)  # fmt: skip
def test_what_a_control_plane_created_is_listed(kind, name, left):
    what = f"{kind}/{MEMBER}/{name} is still there"
    expected = [("warning", what, f"kubectl -n {MEMBER} delete {kind.lower()} {name}")] if left else []
    assert found(removed, thing(kind, name, MEMBER)) == expected
    assert found(removed, thing(kind, name, "x"), space("x", mesh="blue")) == []


def test_a_control_plane_that_still_runs_is_removed_with_its_release():
    item = plane()
    what = f"Deployment/{PLANE}/plane is still there"
    assert found(removed, item) == [("warning", what, f"kubectl -n {PLANE} delete deployment plane")]
    item["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istiod"}
    assert found(removed, item) == [("warning", what, f"helm uninstall istiod -n {PLANE}")]
    assert found(removed, plane("x"), workload("p", "x", {"name": "discovery"})) == []


def root(namespace, certificate, name="istio-ca-root-cert"):
    return thing("ConfigMap", name, namespace, data={"root-cert.pem": f"{certificate}\n"})


def stock_injector(bundle):
    item = injector(bundle, name="istio-sidecar-injector")
    item["webhooks"][0]["clientConfig"]["service"]["namespace"] = "istio-system"
    return item


AUTHORITY = secret("istio-ca-secret", ca_cert="A")
GONE = (
    "warning",
    "ConfigMap/gone/istio-ca-root-cert is still there",
    "kubectl -n gone delete configmap istio-ca-root-cert",
)
MAY_BE = (
    "may be of mesh affirmed: the root in it is of no running control plane, and that of the mesh is not known any more"
)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([AUTHORITY, root("gone", "A")], [GONE]),
        ([root(PLANE, "A", "istio-ca-root-cert-affirmed"), root("gone", "A")], [GONE]),
        ([root("gone", "A", "istio-ca-root-cert-affirmed")], ["istio-ca-root-cert-affirmed"]),
        ([root("gone", "A", "istio-ca-crl-affirmed")], ["istio-ca-crl-affirmed"]),
        ([AUTHORITY, root("gone", "A"), thing("ConfigMap", "istio-ca-crl", "gone")], [GONE, "istio-ca-crl"]),
        # The root of the mesh is known, so this one is of another mesh, which may be gone, too.
        ([AUTHORITY, root("gone", "C")], []),
        # A mesh that runs has the same root, as of an authority that both share, or writes that ConfigMap.
        ([AUTHORITY, stock_injector("A"), root("gone", "A")], []),
        ([AUTHORITY, stock_injector("B"), root("gone", "B")], []),
        ([stock_injector("B"), root("web", "B"), root("istio-system", "B")], []),
        ([AUTHORITY, root("gone", "A"), space("gone", mesh="blue")], []),
        # A namespace of the user may have any ConfigMap.
        ([AUTHORITY, thing("ConfigMap", "settings", "gone", data={"root-cert.pem": "A"})], []),
    ],
)  # fmt: skip
def test_roots_in_namespaces_that_lost_the_label_are_listed(items, expected):
    """Where the profile does not name the namespace either, only the ConfigMap says that it was one of the mesh."""
    outside = [
        one for one in found(removed, *items) if "/gone/" in one[1] or "unreadable" in one[1] or MAY_BE in one[1]
    ]
    wanted = [
        one if isinstance(one, tuple)
        else ("warning", f"ConfigMap/gone/{one} is still there", f"kubectl -n gone delete configmap {one}")
        for one in expected
    ]  # fmt: skip
    assert outside == wanted


@pytest.mark.parametrize("items", [(), (stock_injector("B"),), (root(PLANE, "A"),)])
def test_a_root_that_nothing_explains_is_an_open_question(items):
    """Of a cluster in which nothing else is left it must not be said that nothing is left."""
    here = [message for message in said(removed, *items, root("gone", "C"), root("gone2", "D")) if "/gone" in message]
    assert here == [f"ConfigMap/gone/istio-ca-root-cert and 1 more {MAY_BE}"]


def test_a_status_that_is_json_of_another_type_is_no_revision():
    [item] = objects(pod(annotations={"sidecar.istio.io/status": json.dumps(["a"])}))
    assert pod_revision(item) == ""


# --- admission policies ---------------------------------------------------------------------------

WRITES, ROOTS = "multimesh-writes-affirmed", "multimesh-roots-affirmed"
WANTED = {WRITES: "d1", ROOTS: "d2"}


def policy(name, digest, kind="ValidatingAdmissionPolicy"):
    made = thing(kind, name)
    made["metadata"]["annotations"] = {"multimesh.dev/digest": digest}
    return made


def binding(name, *actions, of="", digest=""):
    made = policy(name, digest or WANTED.get(name, ""), "ValidatingAdmissionPolicyBinding")
    return made | {"spec": {"policyName": of or name, "validationActions": list(actions)}}


ROLES = policy(WRITES, "d1", "ClusterRole"), policy(WRITES, "d1", "ClusterRoleBinding")
UNKNOWN = "as the profile wants it, so multimesh-writes does not know the control plane"
BOTH = (policy(WRITES, "d1"), binding(WRITES, "Deny"), policy(ROOTS, "d2"), binding(ROOTS, "Warn", "Deny"))


@pytest.mark.parametrize(
    ("items", "messages"),
    [
        (BOTH, []),
        # A mesh need not have any.
        ((), []),
        ((policy("multimesh-writes-blue", "d1"),), []),
        # What the cluster has only once says nothing about this mesh.
        ((policy("multimesh-writes", "d1"), policy("multimesh-crds", "d2")), []),
        ((*BOTH, *ROLES), []),
        ((*BOTH, ROLES[0]), []),  # Nobody knows whether a saved cluster without a binding was saved in full.
        (
            (*BOTH, ROLES[0], policy("other", "", "ClusterRoleBinding")),
            [f"the admission policy {WRITES} has no ClusterRoleBinding {UNKNOWN}"],
        ),
        (
            (*BOTH, policy(WRITES, "older", "ClusterRole"), ROLES[1]),
            [f"the admission policy {WRITES} has no ClusterRole {UNKNOWN}"],
        ),
        (
            (*BOTH[:3], binding(ROOTS, "Deny", digest="older")),
            [f"the admission policy {ROOTS} is not the one that the profile wants"],
        ),
        (BOTH[:2], [f"the admission policy {ROOTS} is missing"]),
        ((policy(WRITES, "d3"), *BOTH[1:]), [f"the admission policy {WRITES} is not the one that the profile wants"]),
        (BOTH[:3], [f"the admission policy {ROOTS} has no binding that denies, so it is not enforced"]),
        (
            (*BOTH[:3], binding(ROOTS, "Audit")),
            [f"the admission policy {ROOTS} has no binding that denies, so it is not enforced"],
        ),
        (
            (*BOTH[:3], binding(ROOTS, "Deny", of=WRITES)),
            [f"the admission policy {ROOTS} has no binding that denies, so it is not enforced"],
        ),
    ],
)
def test_policies_that_are_missing_old_or_not_bound_are_found(items, messages):
    def check(mesh, clustered):
        return policies(mesh, clustered, WANTED)

    found_ones = found(check, *items)
    assert [message for _, message, _ in found_ones] == messages
    assert {level for level, _, _ in found_ones} <= {"warning"}
    assert all("multimesh policies --profile" in remedy for _, _, remedy in found_ones)

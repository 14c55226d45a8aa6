"""The API server refuses what the admission policies of `multimesh policies` forbid, and nothing else.

The policies of both meshes are applied to a cluster in which both run, and are deleted at the end.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import charts
import pytest
from api import Api, Object, Refused, path, until
from world import MESH, MESHES, World, failed
from worlds import in_worlds

pytestmark = in_worlds()

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICIES, BINDINGS = f"{GROUP}/validatingadmissionpolicies", f"{GROUP}/validatingadmissionpolicybindings"
INTRUDER = "intruder"
PLAIN_POD = {"metadata": {"name": "any"}, "spec": {"containers": [{"name": "app", "image": "nginx"}]}}
DENIES = "ValidatingAdmissionPolicy"


class Enforced(NamedTuple):
    """A world with policies: where the audit log was before, and clients of accounts that RBAC allows everything."""

    world: World
    since: int
    blue: Api
    stock: Api


@pytest.fixture(scope="module")
def enforced(meshes: World) -> Iterator[Enforced]:
    """Apply the policies of both meshes, and wait until they are enforced."""
    since = meshes.cluster.audit.stat().st_size
    for mesh in MESHES:
        done = meshes.multimesh("policies", "--profile", meshes.folder / "profiles" / mesh)
        assert done.code == 0, done.err
        file = meshes.folder / f"policies-{mesh}.yaml"
        file.write_text(done.out, encoding="utf-8")
        applied = meshes.kubectl("apply", "--server-side", "-f", file)
        assert applied.code == 0, applied.err
    meshes.namespace("istio-system")
    found = Enforced(meshes, since, account(meshes.api, "istio-blue"), account(meshes.api, "istio-system"))
    until("the policies are enforced", lambda: DENIES in attempt(lambda: config_map(found.blue, "nginx-affirmed")))
    yield found
    for kind in (BINDINGS, POLICIES):
        for one in meshes.api.items(kind):
            if one["metadata"]["name"].startswith("multimesh-"):
                meshes.api.call("DELETE", f"{kind}/{one['metadata']['name']}")
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        for mesh in MESHES:
            meshes.api.delete(kind, f"multimesh-writes-{mesh}")
    for namespace in ("istio-blue", "istio-system"):
        meshes.api.delete("ServiceAccount", INTRUDER, namespace)
        meshes.api.delete("ClusterRoleBinding", f"{INTRUDER}-{namespace}")


def account(api: Api, namespace: str) -> Api:
    """Return a client of a ServiceAccount that RBAC allows everything."""
    api.create("ServiceAccount", {"metadata": {"name": INTRUDER}}, namespace)
    subject = {"kind": "ServiceAccount", "name": INTRUDER, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": f"{INTRUDER}-{namespace}"}, "roleRef": role, "subjects": [subject]}
    api.create("ClusterRoleBinding", binding)
    return api.as_account(INTRUDER, namespace)


def attempt(call: Callable[[], object]) -> str:
    """Return the message with which the API server refuses a call; empty if it does not."""
    try:
        call()
    except Refused as error:
        return error.message
    return ""


def config_map(api: Api, namespace: str, name: str = "any") -> Object:
    return api.create("ConfigMap", {"metadata": {"name": name}}, namespace, dry_run=True)


@contextlib.contextmanager
def without(world: World, policy: str) -> Iterator[None]:
    """Remove the binding of a policy for a while."""
    binding = world.api.find(f"{BINDINGS}/{policy}")
    assert binding, policy
    world.api.call("DELETE", f"{BINDINGS}/{policy}")
    try:
        yield
    finally:
        meta = {key: binding["metadata"].get(key) for key in ("name", "labels", "annotations")}
        world.api.call("POST", BINDINGS, binding | {"metadata": meta})


def is_denied_by(world: World, policy: str, call: Callable[[], object], *words: str) -> None:
    """Check that a call is denied by one policy, and passes while that is not enforced."""
    said = until(f"{policy} denies it", lambda: attempt(call))
    assert f"{DENIES} '{policy}'" in said
    for word in ("multimesh: ", *words):
        assert word in said, said
    with without(world, policy):
        until(f"it passes without {policy}", lambda: DENIES not in attempt(call))
    until(f"{policy} denies it again", lambda: policy in attempt(call))


def test_the_policies_compile_without_a_warning(enforced: Enforced) -> None:
    """The API server checks the types of all expressions."""

    def statuses() -> dict[str, Object]:
        return {
            one["metadata"]["name"]: one.get("status", {})
            for one in enforced.world.api.items(POLICIES)
            if one["metadata"]["name"].startswith("multimesh-")
        }

    until("every policy is checked", lambda: all("typeChecking" in status for status in statuses().values()))
    assert {name: status["typeChecking"] for name, status in statuses().items()} == {name: {} for name in statuses()}
    assert len(statuses()) == 12


def test_verify_finds_nothing_missing(enforced: Enforced) -> None:
    for mesh in MESHES:
        done = enforced.world.multimesh("verify", "--profile", enforced.world.folder / "profiles" / mesh, "-o", "json")
        assert [one for one in json.loads(done.out)["findings"] if one["id"] == "admission-policy"] == []


def test_verify_finds_what_is_not_enforced(enforced: Enforced) -> None:
    with without(enforced.world, "multimesh-roots-blue"):
        done = enforced.world.multimesh("verify", "--profile", enforced.world.folder / "profiles" / "blue")
    assert "the admission policy multimesh-roots-blue has no binding that denies" in done.out


def test_both_meshes_are_upgraded_and_serve_as_before(enforced: Enforced) -> None:
    """Helm through the post-renderer, and the control planes, are denied nothing."""
    world = enforced.world
    for mesh in MESHES:
        assert failed(world.upgrade(mesh)) == {}
    world.is_whole()
    assert denied(world, enforced.since) == []


def test_an_upgrade_without_the_post_renderer_fails_with_the_remedy(enforced: Enforced) -> None:
    """Helm shows the text of the denial, so the user who forgot the flag reads it."""
    world = enforced.world
    flags = ["--force-conflicts"] * (world.helm.major == 4)
    before = world.of_mesh("blue", "resourceVersion")
    for name, stream in charts.releases(world.version, "blue").items():
        done = world.stock("upgrade", "blue", name, world.stock_chart("blue", stream), *flags)
        assert done.code != 0, name
        if "cannot be imported into the current release" not in done.err:
            assert "Run helm with --post-renderer, and the profile of mesh blue" in done.err, done.err
    after = world.of_mesh("blue", "resourceVersion")
    changed = {key for key in before if before[key] != after.get(key)}
    assert {kind for kind, _ in changed} & {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} == set()
    assert failed(world.upgrade("blue", *flags)) == {}
    world.is_whole()


NAMESPACED: dict[str, Callable[[Api], object]] = {
    "a ConfigMap": lambda api: config_map(api, "nginx-affirmed"),
    "a Secret": lambda api: api.create("Secret", {"metadata": {"name": "any"}}, "nginx-affirmed", dry_run=True),
    "a Lease": lambda api: api.create("Lease", {"metadata": {"name": "any"}}, "istio-affirmed", dry_run=True),
    "a ConfigMap of no mesh": lambda api: config_map(api, "default"),
    "a pod": lambda api: api.create("Pod", PLAIN_POD, "nginx-affirmed", dry_run=True),
    "a pod of no mesh": lambda api: api.create("Pod", PLAIN_POD, "default", dry_run=True),
    "a token": lambda api: api.as_account("default", "nginx-affirmed"),
}
CLUSTER_SCOPED: dict[str, Callable[[Api], object]] = {
    "a namespace": lambda api: api.create("Namespace", {"metadata": {"name": "any"}}, dry_run=True),
    "a ClusterRole": lambda api: api.create("ClusterRole", {"metadata": {"name": "any"}}, dry_run=True),
}


@pytest.mark.parametrize("what", NAMESPACED)
def test_a_control_plane_writes_nothing_outside_its_mesh(enforced: Enforced, what: str) -> None:
    write = NAMESPACED[what]
    is_denied_by(enforced.world, "multimesh-writes", lambda: write(enforced.blue), "may not write")


@pytest.mark.parametrize("what", CLUSTER_SCOPED)
def test_a_control_plane_writes_nothing_cluster_scoped_of_others(enforced: Enforced, what: str) -> None:
    write = CLUSTER_SCOPED[what]
    is_denied_by(enforced.world, "multimesh-writes-blue", lambda: write(enforced.blue), "may not write")


def test_a_control_plane_cannot_write_the_status_of_a_gateway_of_another_mesh(enforced: Enforced) -> None:
    """Control planes write the status of resources that they read, and several may read the same."""
    api, name = enforced.world.api, "case-status"
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    gateway = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "Gateway", "metadata": {"name": name},
               "spec": {"selector": {"istio": name}, "servers": [server]}}  # fmt: skip
    patch = {"status": {"validationMessages": []}}

    def write(namespace: str) -> object:
        place = f"{path('Gateway', namespace, name)}/status?dryRun=All"
        return enforced.blue.call("PATCH", place, patch, "application/merge-patch+json")

    try:
        for mesh in MESHES:
            api.create("Gateway", gateway, f"nginx-{mesh}")
        is_denied_by(enforced.world, "multimesh-writes", lambda: write("nginx-affirmed"), f"gateways/{name}")
        write("nginx-blue")
    finally:
        for mesh in MESHES:
            api.delete("Gateway", name, f"nginx-{mesh}")


def test_a_control_plane_is_known_by_the_rights_of_its_account(enforced: Enforced) -> None:
    """Without the ClusterRoleBinding the policy does not know the control plane, which `verify` reports."""
    world, name = enforced.world, "multimesh-writes-blue"
    write = lambda: config_map(enforced.blue, "nginx-affirmed")  # noqa: E731 - a call that is passed on
    found = world.api.get("ClusterRoleBinding", name)
    assert found
    until("multimesh-writes denies it", lambda: attempt(write))
    world.api.delete("ClusterRoleBinding", name)
    try:
        until("nobody knows whose control plane it is", lambda: not attempt(write))
        done = world.multimesh("verify", "--profile", world.folder / "profiles" / "blue")
        assert f"the admission policy {name} has no ClusterRoleBinding" in done.out
    finally:
        meta = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
        world.api.create("ClusterRoleBinding", found | {"metadata": meta})
    until("multimesh-writes denies it again", lambda: attempt(write))


def test_a_control_plane_cannot_remove_what_confines_it(enforced: Enforced) -> None:
    """Its ClusterRoleBinding bears the name of the mesh, and is not the mesh's to write."""
    place = path("ClusterRoleBinding", name="multimesh-writes-blue") + "?dryRun=All"
    is_denied_by(enforced.world, "multimesh-writes-blue", lambda: enforced.blue.call("DELETE", place), "may not write")


def test_a_control_plane_writes_in_its_own_mesh(enforced: Enforced) -> None:
    for namespace in ("istio-blue", "nginx-blue"):
        config_map(enforced.blue, namespace)
    enforced.blue.create("ClusterRole", {"metadata": {"name": "any-blue"}}, dry_run=True)


def test_a_control_plane_cannot_touch_the_webhooks_of_another_mesh(enforced: Enforced) -> None:
    world = enforced.world
    [name] = [
        config["metadata"]["name"]
        for config in world.api.list("MutatingWebhookConfiguration")
        if "affirmed" in config["metadata"]["name"]
    ]
    place = path("MutatingWebhookConfiguration", name=name) + "?dryRun=All"
    patch = {"metadata": {"labels": {"x": "y"}}}
    calls = [
        lambda: enforced.blue.call("PATCH", place, patch, "application/merge-patch+json"),
        lambda: enforced.blue.call("DELETE", place),
    ]
    for call in calls:
        is_denied_by(world, "multimesh-writes-blue", call, "cluster-scoped mutatingwebhookconfigurations")


def test_a_stock_control_plane_cannot_write_its_root_over_that_of_a_mesh(enforced: Enforced) -> None:
    """Its root in a namespace of no mesh is its own business."""

    def write(namespace: str, name: str) -> Object:
        if enforced.world.api.get("ConfigMap", name, namespace):
            place = path("ConfigMap", namespace, name) + "?dryRun=All"
            return enforced.stock.call("PUT", place, {"metadata": {"name": name}})
        return config_map(enforced.stock, namespace, name)

    for name in ("istio-ca-root-cert", "istio-ca-root-cert-affirmed"):
        what = "holds the root of mesh affirmed"
        is_denied_by(enforced.world, "multimesh-roots-affirmed", lambda name=name: write("nginx-affirmed", name), what)
    write("istio-system", "istio-ca-root-cert")


def test_a_tenant_joins_only_the_mesh_that_it_was_granted(enforced: Enforced) -> None:
    """The right to edit namespaces is not enough; the verb `join` on the mesh is needed too."""
    world = enforced.world
    world.namespace("tenant")
    api = world.api
    api.create("ServiceAccount", {"metadata": {"name": "tenant"}}, "tenant")
    subject = {"kind": "ServiceAccount", "name": "tenant", "namespace": "tenant"}
    made: list[tuple[str, str]] = []

    def grant(name: str, group: str, resource: str, names: list[str], verb: str) -> None:
        rule = {"apiGroups": [group], "resources": [resource], "verbs": [verb]} | (
            {"resourceNames": names} if names else {}
        )
        api.create("ClusterRole", {"metadata": {"name": name}, "rules": [rule]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        api.create("ClusterRoleBinding", {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
        made.extend((("ClusterRoleBinding", name), ("ClusterRole", name)))

    def label(mesh: str) -> object:
        patch = {"metadata": {"labels": {MESH: mesh}}}
        place = path("Namespace", name="tenant") + "?dryRun=All"
        return tenant.call("PATCH", place, patch, "application/merge-patch+json")

    try:
        grant("tenant-edits", "", "namespaces", [], "patch")
        tenant = api.as_account("tenant", "tenant")
        until("the tenant may edit namespaces", lambda: not attempt(lambda: label("green")))
        is_denied_by(world, "multimesh-members-blue", lambda: label("blue"), "may not let namespace tenant join")
        grant("tenant-joins", "multimesh.dev", "meshes", ["blue"], "join")
        until("the tenant may join blue", lambda: not attempt(lambda: label("blue")))
        is_denied_by(world, "multimesh-members-affirmed", lambda: label("affirmed"))
    finally:
        for kind, name in made:
            api.delete(kind, name)
        api.delete("Namespace", "tenant")


def test_a_namespace_has_both_labels_or_neither(enforced: Enforced) -> None:
    def make(**labels: str) -> object:
        obj = {"metadata": {"name": "any", "labels": {key.replace("_", "-"): value for key, value in labels.items()}}}
        return enforced.world.api.create("Namespace", obj, dry_run=True)

    is_denied_by(enforced.world, "multimesh-members-blue", lambda: make(istio_injection="enabled-blue"), "both labels")
    enforced.world.api.create(
        "Namespace",
        {"metadata": {"name": "any", "labels": {"istio-injection": "enabled-blue", MESH: "blue"}}},
        dry_run=True,
    )


def test_a_pod_has_no_sidecar_of_another_mesh(enforced: Enforced) -> None:
    world = enforced.world
    theirs = world.pod("nginx-blue")
    world.namespace("case-policies")
    patch = {"metadata": {"labels": {MESH: "affirmed"}}}
    world.api.call("PATCH", path("Namespace", name="case-policies"), patch, "application/merge-patch+json")

    def create(**labels: str) -> object:
        meta = {"name": "any", "labels": labels, "annotations": theirs["metadata"].get("annotations", {})}
        spec = {
            key: [
                {k: v for k, v in one.items() if k in ("name", "image", "env", "args")} for one in theirs["spec"][key]
            ]
            for key in ("containers", "initContainers")
            if theirs["spec"].get(key)
        }
        return world.api.create("Pod", {"metadata": meta, "spec": spec}, "case-policies", dry_run=True)

    try:
        is_denied_by(world, "multimesh-pods-affirmed", create, "carries a sidecar of another mesh")
        create(**{"sidecar.istio.io/inject": "false"})
        world.api.create("Pod", PLAIN_POD, "case-policies", dry_run=True)
    finally:
        # The namespace stays: one that is being deleted would be in the way of the next world.
        patch = {"metadata": {"labels": {MESH: None}}}
        world.api.call("PATCH", path("Namespace", name="case-policies"), patch, "application/merge-patch+json")


def test_a_crd_is_not_deleted_by_accident(enforced: Enforced) -> None:
    world = enforced.world
    place = path("CustomResourceDefinition", name="virtualservices.networking.istio.io")
    delete = lambda: world.api.call("DELETE", place + "?dryRun=All")  # noqa: E731 - a call that is passed on
    is_denied_by(world, "multimesh-crds", delete, "kubectl annotate crd")

    def annotate(value: str | None) -> None:
        patch = {"metadata": {"annotations": {"multimesh.dev/allow-deletion": value}}}
        world.api.call("PATCH", place, patch, "application/merge-patch+json")

    annotate("true")
    try:
        assert attempt(delete) == ""
    finally:
        annotate(None)


def test_a_stock_mesh_beside_is_undisturbed(enforced: Enforced) -> None:
    """It installs, injects and is upgraded; what it writes into the meshes' namespaces is all that is denied."""
    world = enforced.world
    since = world.cluster.audit.stat().st_size
    world.install_stock()
    try:
        for name, text in charts.stock_beside(world.version).items():
            flags = ["--force-conflicts"] * (world.helm.major == 4)
            done = world.stock("upgrade", "system", name, charts.write(world.folder / "charts" / name, text), *flags)
            assert done.code == 0, done.err
        world.serves("system")
    finally:
        for name in world.run("list", "-n", "istio-system", "--short").out.split():
            world.run("uninstall", name, "-n", "istio-system")
        world.stop("system")
    assert denied(world, since) == []


def denied(world: World, since: int) -> list[tuple[str, str, str]]:
    """Return the requests that admission policies refused and that none of these tests made on purpose."""
    return [found for found in world.denied(since) if INTRUDER not in found[0]]


def test_a_configuration_of_ten_times_the_size_stays_below_the_cost_limit(enforced: Enforced) -> None:
    """So what is installed costs less than a tenth of what the API server lets an expression cost."""
    world = enforced.world
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for config in world.api.list(kind):
            meta, entries = config["metadata"], config["webhooks"]
            if "affirmed" not in meta["name"]:
                continue
            many = [entry | {"name": f"e{number}.{entry['name']}"} for number in range(10) for entry in entries]
            copied = {key: meta.get(key) for key in ("labels", "annotations")} | {"name": f"{meta['name']}-affirmed"}
            world.api.create(kind, {"metadata": copied, "webhooks": many}, dry_run=True)

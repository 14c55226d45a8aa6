"""What `verify` says about a running mesh: each fault is found, and a sound mesh has no findings.

Every fault is made on the cluster as it happens in practice, and mended again; test_forgotten.py is about a forgotten
post-renderer. Only with Helm 4, for the oldest and the newest version: verify asks the cluster, nothing
of Helm, and knows these two kinds of control planes.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from api import Object, path, until
from namespaces import ROOT
from pages import cluster_roles
from pki import Authority
from standin import INJECT, StandIn, deployments
from world import INJECTION, MESH, World
from worlds import in_worlds

pytestmark = in_worlds("1.5.0", "1.30.3", helms=(4,))

MEMBER, PLANE = "nginx-affirmed", "istio-affirmed"
MERGE = "application/merge-patch+json"
Broken = contextlib.AbstractContextManager[object]


class Said(NamedTuple):
    """One finding."""

    id: str
    severity: str
    message: str


def verify(world: World, *arguments: object) -> list[Said]:
    """Run the command for affirmed, and return what it found."""
    profile = world.folder / "profiles" / "affirmed"
    done = world.multimesh("verify", "--profile", profile, "-o", "json", *arguments)
    assert done.code in (0, 1), done.out + done.err
    found = [Said(f["id"], f["severity"], f["message"]) for f in json.loads(done.out)["findings"]]
    assert done.code == any(said.severity == "error" for said in found)
    return found


@pytest.fixture(scope="module")
def sound(meshes: World) -> World:
    """Label the namespaces as `multimesh namespaces` says, and run a pod."""
    meshes.apply_namespaces("affirmed")
    pod = meshes.pod(MEMBER, dry_run=False)
    yield meshes
    meshes.api.delete("Pod", pod["metadata"]["name"], MEMBER)


@contextlib.contextmanager
def label(world: World, namespace: str, key: str, value: str | None) -> Iterator[None]:
    """Change one label of a namespace, for a while."""
    place = path("Namespace", name=namespace)
    before = world.api.call("GET", place)["metadata"]["labels"].get(key)
    world.api.call("PATCH", place, {"metadata": {"labels": {key: value}}}, MERGE)
    try:
        yield
    finally:
        world.api.call("PATCH", place, {"metadata": {"labels": {key: before}}}, MERGE)


@contextlib.contextmanager
def unattended(world: World) -> Iterator[None]:
    """Stop the control plane of affirmed, although its pods are reported as ready."""
    for one in world.planes.pop("affirmed"):
        one.stop()
    try:
        yield
    finally:
        world.start("affirmed")


@contextlib.contextmanager
def bundle(world: World, value: str) -> Iterator[None]:
    """Write another bundle into every webhook that affirmed maintains."""
    mine = {name for name, whose in world.bundles().items() if whose == {"affirmed"}}
    with unattended(world):
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for config in world.api.list(kind):
                if config["metadata"]["name"] in mine:
                    for entry in config["webhooks"]:
                        entry["clientConfig"]["caBundle"] = value
                    world.api.call("PUT", path(kind, name=config["metadata"]["name"]), config)
        yield


@contextlib.contextmanager
def pod(world: World, how: Broken) -> Iterator[None]:
    """Create a pod while a fault is present."""
    with how:
        until("pods start again", lambda: world.sidecars(MEMBER)[:1] != ["affirmed"])
        made = world.pod(MEMBER, dry_run=False)
    try:
        yield
    finally:
        world.api.delete("Pod", made["metadata"]["name"], MEMBER)
        until("affirmed injects", lambda: world.sidecars(MEMBER) == ["affirmed"])


@contextlib.contextmanager
def crashed(world: World) -> Iterator[None]:
    """Let the control plane crash."""
    world.stop("affirmed")
    try:
        yield
    finally:
        world.start("affirmed")


@contextlib.contextmanager
def gone(world: World, kind: str, name: str, namespace: str, data: dict[str, str] | None = None) -> Iterator[None]:
    """Delete an object with data, or write other data into it."""
    before = world.api.get(kind, name, namespace)
    assert before is not None
    its_type = {"type": before["type"]} if "type" in before else {}
    world.api.delete(kind, name, namespace)
    if data is not None:
        world.api.create(kind, {"metadata": {"name": name}, "data": data} | its_type, namespace)
    try:
        yield
    finally:
        world.api.delete(kind, name, namespace)
        world.api.create(kind, {"metadata": {"name": name}, "data": before["data"]} | its_type, namespace)


@contextlib.contextmanager
def other_root(world: World) -> Iterator[None]:
    """Write blue's root where affirmed's workloads look for theirs; affirmed does not correct it at once."""
    pem = base64.b64decode(world.planes["blue"][0].bundle).decode()
    with unattended(world), gone(world, "ConfigMap", ROOT, MEMBER, {"root-cert.pem": pem}):
        yield


def encoded(pem: bytes) -> str:
    """Return what a Secret or a `caBundle` holds."""
    return base64.b64encode(pem).decode()


#: The faults: how each is made, and the finding that reports it; `None` for a version that does not have it.
FAULTS: dict[str, tuple[Callable[[World], Broken], tuple[str, str, str]]] = {
    "a namespace lost the label of the mesh": (
        lambda w: label(w, MEMBER, MESH, None),
        ("namespace-label", "error", f'the namespace "{MEMBER}" has no label {MESH}'),
    ),
    "a namespace lost the label of injection": (
        lambda w: label(w, MEMBER, INJECTION, None),
        ("namespace-label", "error", "so mesh affirmed does not inject it"),
    ),
    "a namespace bears the label of another mesh": (
        lambda w: label(w, MEMBER, INJECTION, "enabled-blue"),
        ("injection-overlap", "error", f'of another mesh injects pods in "{MEMBER}"'),
    ),
    "webhooks carry another mesh's root": (
        lambda w: bundle(w, w.planes["blue"][0].bundle),
        ("ca-bundle", "error", "has another root than the mesh"),
    ),
    "webhooks carry no root": (lambda w: bundle(w, ""), ("ca-bundle", "error", "has no caBundle")),
    "a pod was injected by another mesh": (
        lambda w: pod(w, label(w, MEMBER, INJECTION, "enabled-blue")),
        ("pod-mesh", "error", "is served by another mesh's control plane"),
    ),
    "a pod was started before the label was set": (
        lambda w: pod(w, label(w, MEMBER, INJECTION, None)),
        ("pod-mesh", "warning", "has no sidecar"),
    ),
    "the control plane has crashed": (crashed, ("control-plane-down", "error", "has no ready pod")),
}
OF_ISTIOD = {
    "another control plane writes its root into a namespace": (
        other_root,
        ("ca-bundle", "error", "holds another mesh's root: two control planes write it"),
    ),
}
OF_CITADEL = {
    "a pod has no certificate": (
        lambda w: gone(w, "Secret", "istio.default", MEMBER),
        ("certificate", "error", f"ServiceAccount/{MEMBER}/default has no certificate"),
    ),
    "another Citadel wrote the certificate": (
        lambda w: gone(w, "Secret", "istio.default", MEMBER, {"root-cert.pem": encoded(w.authorities["blue"].pem)}),
        ("certificate", "error", "comes from another mesh's Citadel"),
    ),
}


def test_nothing_is_found_on_a_sound_mesh(sound: World) -> None:
    """No error, no warning, no info."""
    assert verify(sound) == []


def test_each_fault_is_found(sound: World) -> None:
    """Each finding names the fault, with its severity, and disappears once the fault is mended."""
    missed = {}
    for fault, (breaks, (id_, severity, message)) in (FAULTS | (OF_CITADEL if sound.is_1_5 else OF_ISTIOD)).items():
        with breaks(sound):
            found = verify(sound)
        if not any((one.id, one.severity) == (id_, severity) and message in one.message for one in found):
            missed[fault] = found
    assert missed == {}
    assert verify(sound) == []


class Rival(StandIn):
    """A second control plane for the webhooks of the first, with a root that is new whenever it writes."""

    @property
    def bundle(self) -> str:
        """A root as in a `caBundle`."""
        return encoded(Authority("the root of a rival").pem)


def test_two_control_planes_that_write_one_bundle_are_found_by_looking_twice(sound: World) -> None:
    """A second control plane of the same revision, or with the same flags, fights for the webhooks of the first."""
    root = Authority("the root of a rival")
    rivals = [Rival(sound.api, "rival", found, root, sound.folder) for found in deployments(sound.api, PLANE)]
    for rival in rivals:
        rival.fight()
    try:
        until("verify tells of two writers", lambda: changes(verify(sound, "--settle", "1")), 60)
    finally:
        for rival in rivals:
            rival.stop()
    sound.serves("affirmed")
    assert verify(sound) == []


def changes(found: list[Said]) -> list[Said]:
    """Return the findings about a bundle that changed between two reads."""
    return [one for one in found if one.id == "ca-bundle" and "changed between two reads" in one.message]


def reader(world: World, *resources: str) -> Path:
    """Create a user who may read these resources in all groups and namespaces; return the user's kubeconfig."""
    rules = [{"apiGroups": ["*"], "resources": list(resources), "verbs": ["get", "list"]}]
    return user(world, f"reader-{len(resources)}", rules if resources else [])


def user(world: World, called: str, rules: list[Object]) -> Path:
    """Create a user with these rights in all namespaces; return the user's kubeconfig."""
    name = {"name": called}
    world.namespace("readers")
    world.api.create("ServiceAccount", {"metadata": name}, "readers")
    world.api.create("ClusterRole", {"metadata": name, "rules": rules})
    subject = {"kind": "ServiceAccount", "namespace": "readers"} | name
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"} | name
    world.api.create("ClusterRoleBinding", {"metadata": name, "roleRef": role, "subjects": [subject]})
    asked: Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}}
    token = world.api.call("POST", path("ServiceAccount", "readers", name["name"]) + "/token", asked)
    config = json.loads(world.cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token["status"]["token"]}
    file = world.folder / f"{name['name']}.kubeconfig"
    file.write_text(json.dumps(config))
    return file


def test_what_may_not_be_read_is_named(sound: World) -> None:
    """Without the right to list pods and secrets, both are named, and nothing else."""
    may = ("namespaces", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "clusterroles",
           "clusterrolebindings", "customresourcedefinitions", "validatingadmissionpolicies", "leases",
           "validatingadmissionpolicybindings", "configmaps", "services", "deployments", "daemonsets")  # fmt: skip
    found = verify(sound, "--kubeconfig", reader(sound, *may))
    assert {one.id for one in found} == {"unreadable"}, found
    assert {one.message.split()[0] for one in found if "forbidden" in one.message} == {"pods", "secrets"}
    assert all(one.severity == "warning" for one in found)


def test_who_may_read_nothing_is_told_so(sound: World) -> None:
    """If nothing was checked, there is no result."""
    profile, config = sound.folder / "profiles" / "affirmed", reader(sound)
    for command in (("verify",), ("check", "--cluster")):
        done = sound.multimesh(*command, "--profile", profile, "--kubeconfig", config)
        assert (done.code, done.out) == (2, "")
        assert "nothing in the cluster could be read: (Forbidden)" in done.err


def test_the_rights_that_the_page_lists_are_enough(sound: World) -> None:
    """With exactly the ClusterRole of docs/operations.md, and for 1.5 its second one."""
    everybody, old = cluster_roles("docs/operations.md")
    rules = everybody["rules"] + (old["rules"] if sound.is_1_5 else [])
    profile, config = sound.folder / "profiles" / "affirmed", user(sound, "page", rules)
    assert verify(sound, "--kubeconfig", config) == []
    for command in (("check", "--cluster"), ("verify", "--removed")):
        done = sound.multimesh(*command, "--profile", profile, "--kubeconfig", config, "-o", "json")
        assert "unreadable" not in {one["id"] for one in json.loads(done.out)["findings"]}, done.out


def test_a_pod_that_asks_not_to_be_injected_is_no_fault(sound: World) -> None:
    """It looks like a fault, and is not one."""
    made = sound.pod(MEMBER, dry_run=False, **{INJECT: "false"})
    try:
        assert verify(sound) == []
    finally:
        sound.api.delete("Pod", made["metadata"]["name"], MEMBER)

"""Follow docs/operations.md on a cluster: every block is run as it stands, in the order of the page, with both Helms.

`istio/base`, `istio/istiod` and `istio/gateway` come from a repository of charts that are made of the streams
(repository.py); at first it has 1.24.6, and 1.30.3 once the page looks for what is new. With Helm 3 the flags differ as
the page says. A block whose name ends in "on an empty cluster" begins a new story.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
from api import Looker, Object, Refused, path, until
from helms import ROOT, clean_environment, stage
from pages import Block, blocks
from repository import Repository
from standin import ROOT_VOLUME, is_control_plane
from world import MESH, UNHURRIED, World

PAGE = "docs/operations.md"
FILE = "file "
Holds = Callable[[World], None]
ANEW = "on an empty cluster"
OLD, NEW = "1.24.6", "1.30.3"

#: What the page says of Helm 3, and what it means.
OF_HELM_3 = (
    "For Helm 3, replace `--post-renderer multimesh` with `--post-renderer ./postrender.py`, "
    "and omit `--force-conflicts` and `--post-renderer-args=--upgrade` of Helm"
)


def for_helm(text: str, major: int) -> str:
    """Return the commands of a block for one Helm."""
    if major == 4:
        return text
    text = text.replace("--post-renderer multimesh", "--post-renderer ./postrender.py")
    text = text.replace(" --post-renderer-args=--upgrade", "")
    return re.sub(r"(?m)^(?!kubectl )(.*) --force-conflicts", r"\1", text)  # kubectl has such a flag too


def stories() -> list[list[Block]]:
    """Return the blocks of the page as stories, each of which starts on an empty cluster."""
    found: list[list[Block]] = [[]]
    for block in blocks(PAGE):
        if block.cluster.endswith(ANEW):
            found.append([])
        found[-1].append(block)
    return found


class Nodes(Looker):
    """What the nodes of a cluster do for a control plane: run it while its Deployment exists, and report it as ready."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._once = threading.Lock()
        self._failed: Exception | None = None

    def look(self) -> None:
        """Run what is installed, and stop what is not."""
        with self._once:
            if self._failed:
                raise self._failed
            installed: dict[str, list[Object]] = {}
            everything = self._world.api.peek("Deployment")
            for found in filter(is_control_plane, everything):
                mesh = found["metadata"]["namespace"].removeprefix("istio-")
                installed.setdefault(mesh, []).append(found)
            for mesh, ones in self._world.planes.items():
                for one in list(ones):
                    if one.name not in {found["metadata"]["name"] for found in installed.get(mesh, ())}:
                        self._world.stop_one(mesh, one.name)
            for mesh, found in installed.items():
                if self._world.outdated(mesh, found):
                    self._world.start(mesh, serve=False)
            self._say_ready(everything)

    def _say_ready(self, everything: list[Object]) -> None:
        """Report every Deployment as it is now: `kubectl rollout status` waits for that."""
        for deployment in everything:
            meta, status = deployment["metadata"], deployment.get("status") or {}
            if status.get("observedGeneration") != meta["generation"]:
                counts = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 1)
                said = {"status": counts | {"observedGeneration": meta["generation"]}}
                place = path("Deployment", meta["namespace"], meta["name"]) + "/status"
                with contextlib.suppress(Refused):  # it may have been uninstalled meanwhile
                    self._world.api.call("PATCH", place, said, "application/merge-patch+json")

    def _run(self) -> None:
        try:
            super()._run()
        except (AssertionError, Refused, OSError) as error:
            self._failed = error


class Pods(Looker):
    """Pods that start in all namespaces of meshes all the time: where each expects its root."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._api = world.api
        #: Namespaces, and the ConfigMaps that pods mount there.
        self.mounted: set[tuple[str, str]] = set()

    def look(self) -> None:
        """Start one pod in each namespace."""
        pod = {"metadata": {"generateName": "any-"}, "spec": {"containers": [{"name": "app", "image": "nginx"}]}}
        for namespace in self._api.peek("Namespace"):
            name = namespace["metadata"]["name"]
            if MESH in (namespace["metadata"].get("labels") or {}):
                # A namespace may be deleted, and a webhook refuse a pod while its control plane starts.
                with contextlib.suppress(Refused):
                    volumes = self._api.create("Pod", pod, name, dry_run=True)["spec"].get("volumes", ())
                    self.mounted |= {(name, one["configMap"]["name"]) for one in volumes if one["name"] == ROOT_VOLUME}

    def waiting(self) -> list[tuple[str, str]]:
        """Return what pods wait for: they mount it, the kubelet tries again, and nobody has written it so far."""
        return [(where, name) for where, name in sorted(self.mounted) if not self._api.get("ConfigMap", name, where)]


class Reader:
    """Someone who follows the page: a copy of what the plugin consists of, the profiles, and a shell."""

    def __init__(self, world: World) -> None:
        helm, folder = world.helm, world.folder / "reader"
        self.repository, self.nodes = Repository(world.folder / "repository", helm), Nodes(world)
        self.copy = stage(folder / "code" / "multimesh")
        shutil.copytree(ROOT / "charts-values", self.copy / "charts-values")
        programs = folder / "bin"
        programs.mkdir()
        for name in ("helm", "kubectl"):
            (programs / name).symlink_to(helm.binary.with_name(name))
        (programs / "multimesh").write_text(f'#!/bin/sh\nPYTHONPATH={self.copy} exec python3 -m multimesh "$@"\n')
        (programs / "multimesh").chmod(0o755)
        own = clean_environment()
        self._environment = own | {
            **{f"HELM_{what}_HOME": str(folder / what.lower()) for what in ("CACHE", "CONFIG", "DATA")},
            "PATH": f"{programs}{os.pathsep}{own['PATH']}",
            "KUBECONFIG": str(world.cluster.kubeconfig),
            **UNHURRIED,
        }
        if helm.major == 4:
            self._environment["HELM_PLUGINS"] = str(self.copy.parent)
        self._major = helm.major
        self.pods = Pods(world)

    def run(self, script: str) -> None:
        """Run a script of the shell, as `bash` does that stops at the first failure."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.copy, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"exit code {done.returncode}:\n{script}\n{done.stdout[-3000:]}"

    def follow(self, block: Block) -> None:
        """Run one block, or write its file."""
        if block.cluster.startswith(FILE):
            file = self.copy / block.cluster.removeprefix(FILE)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        else:
            assert block.language == "sh", block.where
            self.run(for_helm(block.text, self._major))


def injected(world: World, namespace: str) -> str:
    """Create a pod; return the mesh and revision of its only sidecar, or nothing."""
    found = world.identities(namespace)
    assert len(found) <= 1, found
    return found[0] if found else ""


def becomes(namespace: str, identity: str) -> Holds:
    """Expect that pods of a namespace get this sidecar and no other; for nothing, none."""

    def holds(world: World) -> None:
        what = f"pods of {namespace} get {identity or 'no sidecar'}"
        until(what, lambda: injected(world, namespace) == identity)

    return holds


def denies(namespace: str, identity: str) -> Holds:
    """Expect that what is invalid in a namespace is denied by this control plane; for nothing, by none."""

    def holds(world: World) -> None:
        what = f"{identity or 'nobody'} denies what is invalid in {namespace}"
        until(what, lambda: identity in (said := world.denial(namespace)) and bool(said) == bool(identity))

    return holds


def keeps_crds(world: World) -> None:
    """Every CRD of Istio is there."""
    assert len([name for name in world.crds() if name.endswith("istio.io")]) >= 14


def runs(namespace: str, version: str) -> Holds:
    """Expect that the control plane of a mesh is that of a version."""

    def holds(world: World) -> None:
        listed = world.run("list", "-n", namespace, "--filter", "^istiod", "--output", "json").out
        assert f'"istiod-{version}"' in listed

    return holds


def mounts(namespace: str, name: str) -> Holds:
    """Expect that pods of a namespace mount the root under this name, and that it is there."""

    def holds(world: World) -> None:
        volumes = world.pod(namespace)["spec"]["volumes"]
        assert [one["configMap"]["name"] for one in volumes if one["name"] == ROOT_VOLUME] == [name]
        until(f"{namespace} has {name}", lambda: world.api.get("ConfigMap", name, namespace))

    return holds


def owns(release: str) -> Holds:
    """Expect that the CRDs belong to a release."""

    def holds(world: World) -> None:
        owners = {
            crd["metadata"]["annotations"]["meta.helm.sh/release-name"]
            for crd in world.api.list("CustomResourceDefinition")
        }
        assert owners == {release}

    return holds


#: What holds after a block, by the block's name. A block without a line here must only succeed.
AFTER: dict[str, tuple[Holds, ...]] = {
    "install affirmed": (becomes("nginx-affirmed", "affirmed/affirmed"), denies("nginx-affirmed", "affirmed/affirmed")),
    "install blue": (
        becomes("nginx-blue", "blue/blue"),
        denies("nginx-blue", "blue/blue"),
        becomes("nginx-affirmed", "affirmed/affirmed"),
        runs("istio-blue", OLD),
        owns("istio-base-affirmed"),
    ),
    "pipeline": (becomes("nginx-affirmed", "affirmed/affirmed"), denies("nginx-affirmed", "affirmed/affirmed")),
    "add a namespace": (becomes("shop", "affirmed/affirmed"), denies("shop", "affirmed/affirmed")),
    "take a namespace out": (becomes("warehouse", ""), denies("warehouse", ""), becomes("shop", "affirmed/affirmed")),
    "move a namespace": (becomes("shop", "blue/blue"), denies("shop", "blue/blue")),
    "upgrade affirmed": (runs("istio-affirmed", NEW), runs("istio-blue", OLD), denies("shop", "blue/blue")),
    "upgrade blue": (runs("istio-blue", NEW), becomes("nginx-blue", "blue/blue"), denies("nginx-blue", "blue/blue")),
    "roll back": (
        runs("istio-affirmed", OLD),
        becomes("nginx-affirmed", "affirmed/affirmed"),
        denies("nginx-affirmed", "affirmed/affirmed"),
    ),
    "install the canary": (
        becomes("trial", "affirmed/affirmed-1-30"),
        becomes("nginx-affirmed", "affirmed/affirmed"),
        becomes("nginx-blue", "blue/blue"),
    ),
    "promote": (
        becomes("nginx-affirmed", "affirmed/affirmed-1-30"),
        denies("nginx-affirmed", "affirmed/affirmed-1-30"),
        becomes("shop", "blue/blue"),
    ),
    "remove the old revision": (
        becomes("nginx-affirmed", "affirmed/affirmed-1-30"),
        mounts("nginx-affirmed", "istio-ca-root-cert"),
    ),
    "name the root again": (
        becomes("nginx-affirmed", "affirmed/affirmed-1-30"),
        mounts("nginx-affirmed", "istio-ca-root-cert-affirmed"),
    ),
    "take ownership": (owns("istio-base-blue"),),
    "leave ownership": (owns("istio-base-blue"), keeps_crds),
    "remove affirmed": (
        becomes("nginx-affirmed", ""),
        denies("nginx-affirmed", ""),
        becomes("shop", "blue/blue"),
        denies("shop", "blue/blue"),
        keeps_crds,
    ),
    "remove blue": (becomes("shop", ""), denies("shop", ""), keeps_crds),
    "a mesh beside it": (
        becomes("nginx-affirmed", "affirmed/affirmed"),
        denies("nginx-affirmed", "affirmed/affirmed"),
        denies("default", ""),
    ),
    "a stock release, on an empty cluster": (becomes("shop", "system/default"), denies("shop", "system/default")),
    "turn it into a mesh": (becomes("shop", "system/prod"), denies("shop", "system/prod"), denies("default", "")),
}


BOTH = pytest.mark.parametrize("bare", [(3, OLD), (4, OLD)], ids=["helm3", "helm4"], indirect=True)


@pytest.fixture
def reader(bare: World) -> Iterator[Reader]:
    """Return a shell with a repository of charts and nodes that run what is installed."""
    made = Reader(bare)
    made.repository.start()
    made.nodes.start()
    made.pods.start()
    try:
        made.repository.publish(OLD)
        made.run(f"helm repo add istio {made.repository.url}")
        yield made
    finally:
        made.pods.stop()
        made.nodes.stop()
        made.repository.stop()


@BOTH
@pytest.mark.parametrize("story", stories(), ids=lambda story: story[0].cluster.replace(" ", "-"))
def test_every_block_of_the_page_does_what_the_page_says(bare: World, reader: Reader, story: list[Block]) -> None:
    """The blocks succeed in their order; after each of them the table above holds, and no pod waits for a root.

    That is what the canary needs most: the older revision writes the root of both.
    """
    since = bare.cluster.audit.stat().st_size
    for block in story:
        if block.cluster == "look":
            reader.repository.publish(NEW)
        reader.pods.mounted.clear()
        reader.follow(block)
        reader.nodes.look()
        for holds in AFTER.get(block.cluster, ()):
            holds(bare)
        until(f"every pod finds its root after: {block.cluster}", reader.pods.waiting, 60, so=lambda found: not found)
    assert (
        bare.denied(since) == []
    )  # The page applies admission policies first, and they deny nothing that the page does.


@BOTH
def test_a_canary_with_a_root_name_that_the_old_revision_does_not_know_waits_for_ever(
    bare: World, reader: Reader
) -> None:
    """The page says why `--oldest` is there: with the values of the new version alone its pods get no root.

    They get it once the old revision is gone, which held the lock.
    """
    page = {block.cluster: block for block in blocks(PAGE)}
    canary = page["install the canary"]
    for name in ("file reader.yaml", "grant reading", "install affirmed"):
        reader.follow(page[name])
    reader.repository.publish(NEW)
    reader.run("helm repo update")
    reader.follow(next(block for block in blocks(PAGE) if "canaryRevisions:\n    - affirmed-1-30" in block.text))
    assert "--oldest 1.24" in canary.text
    reader.follow(canary._replace(text=canary.text.replace("--oldest 1.24", "--oldest 1.30")))
    becomes("trial", "affirmed/affirmed-1-30")(bare)
    missing = ("trial", "istio-ca-root-cert-affirmed")
    until("a pod waits", lambda: missing in reader.pods.waiting())
    until("the old revision writes the root", lambda: bare.api.get("ConfigMap", "istio-ca-root-cert", "trial"))
    said = bare.multimesh("verify", "--profile", reader.copy / "charts-values" / "affirmed")
    assert said.code == 1
    assert "only the one that holds the lock istio-namespace-controller-election writes it" in said.out, said.out
    reader.run("helm uninstall istiod-affirmed -n istio-affirmed")
    # Its account went with it, so it could not give the lock up, which is taken over after 30 seconds.
    until("nobody waits after the old revision is gone", reader.pods.waiting, 90, so=lambda found: not found)


def test_no_block_of_the_page_is_left_out() -> None:
    """Each has a name, or a file that it is written to; none is in a list, where it would not be found."""
    found = blocks(PAGE)
    assert [block.where for block in found if not block.cluster] == []
    assert {block.language for block in found if not block.cluster.startswith(FILE)} == {"sh"}
    assert len(found) == (ROOT / PAGE).read_text(encoding="utf-8").count("```") / 2
    assert AFTER.keys() <= {block.cluster for block in found}


def test_the_page_says_what_differs_with_helm_3() -> None:
    """The test changes the flags as the page says, and not otherwise."""
    assert OF_HELM_3 in (ROOT / PAGE).read_text(encoding="utf-8")

"""Gateways of the Gateway API in a promotion, when a stock release becomes a mesh, in a move and in a removal.

The commands are the blocks of docs/gateway-api.md, and of docs/operations.md where a stock release becomes a mesh.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import charts
import gateways
import pytest
from api import Object, until
from gateways import Collector, Gateways, place
from helms import clean_environment, stage
from namespaces import DATA, ROOT
from pages import blocks
from standin import REVISION
from test_operations import Reader, for_helm, stories
from world import UNHURRIED, World

PAGE = "docs/gateway-api.md"
VERSION = "1.30.3"
OLD, NEW = "affirmed", "affirmed-1-31"
PROBE = "probe"

pytestmark = pytest.mark.parametrize("bare", [(3, VERSION), (4, VERSION)], ids=["helm3", "helm4"], indirect=True)


@pytest.fixture
def serving(bare: World) -> Iterator[Collector]:
    """Return what serves Gateways for stand-ins, on a cluster with the Gateway API; real control planes do it themselves.

    Either way it is the garbage collector.
    """
    gateways.install(bare.api)
    made = Collector(bare) if bare.is_real else Gateways(bare)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Shell:
    """Someone who follows a page: `multimesh`, `kubectl`, and the profiles of the world as `charts-values`."""

    def __init__(self, world: World) -> None:
        self._world = world
        folder = world.folder / "shell"
        self._code = stage(folder / "code" / "multimesh")
        (folder / "charts-values").symlink_to(world.folder / "profiles")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "kubectl").symlink_to(world.helm.binary.with_name("kubectl"))
        (programs / "multimesh").write_text(f'#!/bin/sh\nPYTHONPATH={self._code} exec python3 -m multimesh "$@"\n')
        (programs / "multimesh").chmod(0o755)
        own = clean_environment()
        self._folder: Path = folder
        self._environment = own | {
            "PATH": f"{programs}{os.pathsep}{own['PATH']}",
            "KUBECONFIG": str(world.cluster.kubeconfig),
            **UNHURRIED,
        }

    def follow(self, name: str) -> None:
        """Run one block of the page."""
        (block,) = [block for block in blocks(PAGE) if block.cluster == name]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text], cwd=self._folder, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"exit code {done.returncode}:\n{block.text}\n{done.stdout[-3000:]}"


def install(world: World, mesh: str) -> None:
    """Install a mesh with a class of its own, and run it."""
    world.profile(mesh)
    world.make_namespaces(mesh)
    for name, stream in charts.releases(world.version, mesh).items():
        chart = world.chart(mesh, stream)
        if stream == "istiod":
            charts.write(chart, gateways.with_class((chart / "manifests.yaml").read_text(encoding="utf-8"), mesh))
        done = world.release("install", mesh, name, chart)
        assert done.code == 0, done.err
    world.start(mesh)


def create(world: World, name: str, namespace: str, of: str) -> None:
    """Create a Gateway."""
    world.api.call("POST", place(namespace), gateways.gateway(name, of))


def change(world: World, name: str, namespace: str, port: int) -> None:
    """Change the port of a Gateway, which gets a new generation."""
    listeners = [{"name": "http", "port": port, "protocol": "HTTP"}]
    world.api.call("PATCH", place(namespace, name), {"spec": {"listeners": listeners}}, "application/merge-patch+json")


def served_by(world: World, name: str, namespace: str) -> str:
    """Return which revision serves the current generation of a Gateway; empty if none does.

    It has written the status, and its proxies ask the control plane of that revision for certificates.
    """
    found: Object = world.api.call("GET", place(namespace, name))
    made = f"{name}-{found['spec']['gatewayClassName']}"
    if gateways.observed(found) != {found["metadata"]["generation"]} or not whole_set(namespace, made) <= sets(
        world, namespace
    ):
        return ""
    deployment = world.api.get("Deployment", made, namespace)
    assert deployment is not None
    return gateways.asks(deployment).partition(".")[0].removeprefix("istiod").removeprefix("-") or "default"


def becomes(world: World, name: str, namespace: str, revision: str) -> None:
    """Wait until a revision serves a Gateway."""
    what = f"{revision} serves {namespace}/{name}"
    until(what, lambda: served_by(world, name, namespace), so=lambda by: by == revision)


def stays_behind(world: World, name: str, namespace: str, by: str, of: str) -> None:
    """Let a revision serve another Gateway beside it, of which it learns later, and expect that none serves this one."""
    world.api.call("POST", place(namespace), gateways.gateway(PROBE, of, **{REVISION: by}))
    becomes(world, PROBE, namespace, by)
    assert served_by(world, name, namespace) == ""
    world.api.call("DELETE", place(namespace, PROBE))
    until("the other one is gone", lambda: sets(world, namespace), so=lambda found: f"/{PROBE}-" not in str(found))


def sets(world: World, namespace: str) -> set[str]:
    """Return what was made for Gateways in a namespace."""
    return {
        f"{kind}/{namespace}/{item['metadata']['name']}"
        for kind in gateways.MADE
        for item in world.api.list(kind, namespace)
        if gateways.NAME in (item["metadata"].get("labels") or {})
    }


def whole_set(namespace: str, name: str) -> set[str]:
    """Return the names of everything that is made for a Gateway."""
    return {f"{kind}/{namespace}/{name}" for kind in gateways.MADE}


def found(world: World, mesh: str, *flags: str, ids: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the messages of `verify` by id, for some ids."""
    done = world.multimesh("verify", "--profile", world.folder / "profiles" / mesh, "-o", "json", *flags)
    assert done.err == "", done.err
    said: dict[str, set[str]] = {name: set() for name in ids}
    for one in json.loads(done.out)["findings"]:
        if one["id"] in said:
            said[one["id"]].add(one["message"])
    return {name: messages for name, messages in said.items() if messages}


UNSERVED = ("revision-unserved", "gateway-class")


def test_a_promotion_and_its_step_for_gateways(bare: World, serving: Collector) -> None:
    """Without the step the generation is 2 and the observed one 1; with it the new revision serves all of them.

    Here the step comes late, so the status of one needs a restart.
    """
    install(bare, "affirmed")
    shell = Shell(bare)
    shell.follow("label the namespaces")
    create(bare, "web", "nginx-affirmed", "istio-affirmed")
    create(bare, "ingress", "istio-affirmed", "istio-affirmed")
    becomes(bare, "web", "nginx-affirmed", OLD)
    assert sets(bare, "nginx-affirmed") == whole_set("nginx-affirmed", "web-istio-affirmed")

    # Beside the control plane a Gateway needs the label itself.
    stays_behind(bare, "ingress", "istio-affirmed", OLD, "istio-affirmed")
    (message,) = found(bare, "affirmed", ids=UNSERVED)["revision-unserved"]
    assert message.startswith("Gateway/istio-affirmed/ingress has no istio.io/rev")
    shell.follow("label a Gateway")
    becomes(bare, "ingress", "istio-affirmed", OLD)
    assert found(bare, "affirmed", ids=UNSERVED) == {}

    promote(bare)
    for name, namespace in (("web", "nginx-affirmed"), ("ingress", "istio-affirmed")):
        change(bare, name, namespace, 8080)
        stays_behind(bare, name, namespace, NEW, "istio-affirmed")
    messages = found(bare, "affirmed", ids=UNSERVED)["revision-unserved"]
    assert {message.partition(" has ")[0] for message in messages} == {
        'the namespace "nginx-affirmed"',
        "Gateway/istio-affirmed/ingress",
    }
    shell.follow("label for the new revision")
    becomes(bare, "ingress", "istio-affirmed", NEW)
    # It has no label of its own, and was changed while nobody served it.
    shell.follow("write the statuses")
    bare.start("affirmed")
    becomes(bare, "web", "nginx-affirmed", NEW)
    assert found(bare, "affirmed", ids=UNSERVED) == {}


def promote(world: World) -> None:
    """Replace the revision of affirmed, in the order of the documentation."""
    world.profile("affirmed", canaryRevisions=[NEW])
    canary = charts.canary(charts.text(world.version, "affirmed", "istiod"), "affirmed", NEW)
    new = charts.write(world.folder / "charts" / f"istiod-{NEW}", gateways.with_class(canary, "affirmed"))
    old = world.folder / "charts" / f"{world.version}-affirmed-istiod"
    base = world.chart("affirmed", "base")
    flags = ["--force-conflicts"] * (world.helm.major == 4)
    for number, (command, name, chart) in enumerate(
        (("install", f"istiod-{NEW}", new), ("upgrade", f"istiod-{NEW}", new),
         ("upgrade", "istio-base-affirmed", base), ("upgrade", "istiod-affirmed", old))
    ):  # fmt: skip
        if number == 1:
            world.profile("affirmed", revision=NEW, canaryRevisions=[OLD])
        known = command == "upgrade"
        done = world.release(command, "affirmed", name, chart, *flags * known, post=("--upgrade",) * known)
        assert done.code == 0, done.err
        world.start("affirmed")
    world.run("uninstall", "istiod-affirmed", "-n", "istio-affirmed")
    world.stop_one("affirmed", "istiod-affirmed")
    world.profile("affirmed", revision=NEW)


def test_what_was_made_for_gateways_outlives_a_move_and_a_mesh(bare: World, serving: Collector) -> None:
    """Both sets stand after the move, and one after the removal, until somebody deletes them as the page says."""
    for mesh in ("affirmed", "blue"):
        install(bare, mesh)
    bare.namespace("shop")
    move(bare, "affirmed")
    create(bare, "web", "shop", "istio-affirmed")
    becomes(bare, "web", "shop", "affirmed")

    move(bare, "blue")
    change(bare, "web", "shop", 8080)
    stays_behind(bare, "web", "shop", "blue", "istio-blue")
    (message,) = found(bare, "blue", ids=("gateway-class",))["gateway-class"]
    assert message.startswith("Gateway/shop/web has the class istio-affirmed, whose controller is")

    shell = Shell(bare)
    shell.follow("change the class")
    becomes(bare, "web", "shop", "blue")
    old, new = whole_set("shop", "web-istio-affirmed"), whole_set("shop", "web-istio-blue")
    assert sets(bare, "shop") == old | new
    assert {said.split()[0] for said in found(bare, "blue", ids=("left-behind",))["left-behind"]} == old
    shell.follow("delete the old set")
    assert sets(bare, "shop") == new
    assert found(bare, "blue", ids=("left-behind", *UNSERVED)) == {}

    bare.remove("blue")
    serving.look()
    assert sets(bare, "shop") == new
    left = {said.split()[0] for said in found(bare, "blue", "--removed", ids=("left-behind",))["left-behind"]}
    assert new | {"Gateway/shop/web", "GatewayClass/istio-blue", "ConfigMap/shop/istio-ca-root-cert"} <= left
    shell.follow("delete the Gateways")
    until("what was made for it is gone", lambda: not sets(bare, "shop"))
    left = {said.split()[0] for said in found(bare, "blue", "--removed", ids=("left-behind",))["left-behind"]}
    assert not {one for one in left if "/web" in one}


def move(world: World, to: str) -> None:
    """Give the namespace shop to a mesh, with the label of its revision, and wait for the root of the mesh.

    The profiles of the tests name one namespace each, so this one has the labels only.
    """
    labels = {"multimesh.dev/mesh": to, "istio-injection": f"enabled-{to}", "istio.io/rev": to}
    world.api.call("PATCH", "/api/v1/namespaces/shop", {"metadata": {"labels": labels}}, "application/merge-patch+json")
    (plane,) = world.planes[to]
    wanted = {DATA: base64.b64decode(plane.bundle).decode()}
    until(
        f"shop has the root of {to}",
        lambda: (world.api.get("ConfigMap", ROOT, "shop") or {}).get("data"),
        so=lambda data: data == wanted,
    )


@pytest.fixture
def reader(bare: World) -> Iterator[Reader]:
    """Return a shell for docs/operations.md, with charts of one version."""
    made = Reader(bare)
    made.repository.start()
    made.nodes.start()
    try:
        made.repository.publish(VERSION)
        made.run(f"helm repo add istio {made.repository.url}")
        yield made
    finally:
        made.nodes.stop()
        made.repository.stop()


@pytest.mark.parametrize("labels", [True, False], ids=["with the labels", "without them"])
def test_a_stock_release_that_becomes_a_mesh_keeps_its_gateways_with_their_labels(
    bare: World, reader: Reader, serving: Collector, labels: bool
) -> None:
    """Once `base` goes through the post-renderer, nobody serves what has no label; the page labels before that."""
    (story,) = [story for story in stories() if story[0].cluster.startswith("a stock release,")]
    for block in story:
        if block.cluster == "turn it into a mesh":
            break
        reader.follow(block)
        reader.nodes.look()
    for name, namespace in (("web", "shop"), ("ingress", "istio-system")):
        create(bare, name, namespace, "istio")
        becomes(bare, name, namespace, "default")
    text = for_helm(block.text, bare.helm.major)
    assert " --labels-only --gateway-api" in text
    (stock,) = [one for one in blocks(PAGE) if one.cluster == "label what was stock"]
    label = stock.text
    if labels:
        reader.run(label)
        reader.run(text)
    else:
        reader.run(text.replace(" --gateway-api", "").rpartition("multimesh verify")[0])
        reader.nodes.look()
        for name, namespace in (("web", "shop"), ("ingress", "istio-system")):
            change(bare, name, namespace, 8080)
            stays_behind(bare, name, namespace, "prod", "istio")
        with contextlib.suppress(AssertionError):
            reader.run("multimesh verify --profile charts-values/prod -o json > found.json")
        said = json.loads((reader.copy / "found.json").read_text(encoding="utf-8"))["findings"]
        unserved = {one["message"].partition(" has no ")[0] for one in said if one["id"] == "revision-unserved"}
        assert unserved == {"Gateway/shop/web", "Gateway/istio-system/ingress"}
        reader.run(label)
        reader.run("kubectl -n istio-system rollout restart deployment istiod-prod")
    becomes(bare, "web", "shop", "prod")
    becomes(bare, "ingress", "istio-system", "prod")
    reader.run("multimesh verify --profile charts-values/prod")

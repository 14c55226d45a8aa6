"""What others do to a mesh between installation and removal: label commands, pruning, a second writer."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import charts
import pytest
import yaml
from api import Object, path
from helms import clean_environment
from pages import blocks
from program import profile
from world import INJECTION, MESH, MESHES, World

NEWEST = "1.30.3"
WITH_HELM_3 = pytest.mark.parametrize("bare", [(3, NEWEST)], ids=["helm3"], indirect=True)
BOTH = pytest.mark.parametrize("bare", [(3, NEWEST), (4, NEWEST)], ids=["helm3", "helm4"], indirect=True)

#: How an object tells Argo CD not to delete it when it has left the manifest.
ARGO_CD, NO_PRUNE = "argocd.argoproj.io/sync-options", "Prune=false"


def write_profile(world: World, mesh: str, *workloads: str, **spec: object) -> Path:
    """Write a profile with these workload namespaces; return its directory."""
    folder = world.folder / "profiles" / mesh
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.yaml").write_text(profile(mesh, f"istio-{mesh}", workloads, **spec), encoding="utf-8")
    return folder


def shell(world: World, script: str) -> subprocess.CompletedProcess[str]:
    """Run commands of a page with the kubectl of the tests, in a directory of its own."""
    search = f"{world.helm.binary.parent}{os.pathsep}{clean_environment()['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=world.folder, text=True, capture_output=True, timeout=120,
        check=False, env=clean_environment() | {"PATH": search, "KUBECONFIG": str(world.cluster.kubeconfig)},
    )  # fmt: skip


def write_namespaces(world: World, mesh: str) -> None:
    """Write what `multimesh namespaces` prints into the file that the page names."""
    said = world.multimesh("namespaces", "--profile", world.folder / "profiles" / mesh)
    assert said.code == 0, said.err
    (world.folder / f"namespaces-{mesh}.yaml").write_text(said.out, encoding="utf-8")


def labels(world: World, name: str) -> dict[str, str]:
    """Return the labels of a namespace by which meshes know it."""
    found = world.api.get("Namespace", name)
    assert found is not None
    return {key: one for key, one in found["metadata"]["labels"].items() if key in (MESH, INJECTION)}


def sidecar_crd(world: World) -> None:
    """Create the CRD of the Sidecars, which the file of the namespaces needs."""
    for crd in yaml.safe_load_all(charts.base_crds("1.16.7")):
        if crd["metadata"]["name"] == "sidecars.networking.istio.io":
            world.api.create("CustomResourceDefinition", crd)


def command(page: str, block: str, begins: str) -> str:
    """Return the command of a block of a page that begins with some words."""
    [found] = [
        line
        for one in blocks(page)
        if one.cluster == block
        for line in one.text.splitlines()
        if line.startswith(begins)
    ]
    return found


@WITH_HELM_3
def test_a_namespace_that_kubectl_label_gave_to_a_mesh_can_move(bare: World) -> None:
    """Labels that the README sets are a conflict for server-side apply, and the command of the page takes them."""
    [first] = [block.text for block in blocks("README.md") if "kubectl create namespace istio-affirmed" in block.text]
    for script in (first, first.replace("affirmed", "blue")):
        done = shell(bare, script)
        assert done.returncode == 0, done.stderr
    sidecar_crd(bare)
    write_profile(bare, "affirmed")
    write_profile(bare, "blue", "nginx-blue", "nginx-affirmed")
    for mesh in MESHES:
        write_namespaces(bare, mesh)
    page = command("docs/operations.md", "move a namespace", "kubectl apply")
    refused = shell(bare, page.replace(" --force-conflicts", ""))
    assert refused.returncode == 1
    assert 'conflict with "kubectl-label"' in refused.stderr or 'conflicts with "kubectl-label"' in refused.stderr
    done = shell(bare, page)
    assert done.returncode == 0, done.stderr
    assert labels(bare, "nginx-affirmed") == {MESH: "blue", INJECTION: "enabled-blue"}
    assert labels(bare, "nginx-blue") == {MESH: "blue", INJECTION: "enabled-blue"}


@WITH_HELM_3
def test_pruning_deletes_a_namespace_that_left_the_profile_and_the_page_does_not(bare: World) -> None:
    """`kubectl apply --prune` takes the namespace with everything in it; the commands of the page take its labels."""
    sidecar_crd(bare)
    apply = "kubectl apply --server-side -f namespaces-affirmed.yaml"
    take_out = next(one.text for one in blocks("docs/operations.md") if one.cluster == "take a namespace out")
    folder = write_profile(bare, "affirmed", "nginx-affirmed", "warehouse", "pruned")
    write_namespaces(bare, "affirmed")
    assert shell(bare, f"{apply} && kubectl apply -f namespaces-affirmed.yaml").returncode == 0
    assert "--prune" in (folder.parent.parent / "namespaces-affirmed.yaml").read_text(encoding="utf-8")
    write_profile(bare, "affirmed", "nginx-affirmed", "pruned")
    write_namespaces(bare, "affirmed")
    wanted = [line for line in take_out.splitlines() if line.startswith("kubectl") and "rollout" not in line]
    done = shell(bare, "\n".join(wanted))
    assert done.returncode == 0, done.stderr
    assert labels(bare, "warehouse") == {}
    assert bare.api.list("Sidecar", "warehouse") == []
    write_profile(bare, "affirmed", "nginx-affirmed")
    write_namespaces(bare, "affirmed")
    done = shell(
        bare,
        f"kubectl apply --prune -l {MESH}=affirmed --prune-allowlist=core/v1/Namespace -f namespaces-affirmed.yaml",
    )
    assert "namespace/pruned pruned" in done.stdout, done.stderr
    assert "warehouse" not in done.stdout


def pruned(live: list[Object], desired: list[Object], honoured: str = NO_PRUNE) -> list[Object]:
    """Return what Argo CD deletes of live objects: what is not desired, and has no such option.

    Options are separated by commas (argo-cd gitops-engine/pkg/sync/sync_context.go, pruneObject, and
    sync/resource/annotations.go); `helm.sh/resource-policy` is read only where the whole Application is deleted.
    """
    wanted = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in desired}

    def has_option(item: Object) -> bool:
        text = (item["metadata"].get("annotations") or {}).get(ARGO_CD, "")
        return honoured in [one.strip() for one in text.split(",")]

    return [
        item
        for item in live
        if (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) not in wanted
        and not has_option(item)
    ]


def rendered(world: World, owns: str) -> list[Object]:
    """Return the chart base of mesh affirmed, rendered by Helm for a profile that owns CRDs or leaves them."""
    world.profile("affirmed", sharedResources=owns)
    chart = world.chart("affirmed", "base")
    done = world.run("template", "istio-base-affirmed", chart, "-n", "istio-affirmed", *world.through("affirmed"))
    assert done.code == 0, done.err
    return [item for item in yaml.load_all(done.out, Loader=yaml.CSafeLoader) if item]


@BOTH
def test_a_tool_that_prunes_leaves_the_crds_of_a_mesh_that_stops_owning_them(bare: World) -> None:
    """Argo CD's rule on live objects: the synced owner becomes a mesh that leaves CRDs, and all of them stay."""
    bare.namespace("istio-affirmed", **{MESH: "affirmed"})
    file = bare.folder / "synced.yaml"
    file.write_text(yaml.safe_dump_all(rendered(bare, "own")), encoding="utf-8")
    done = bare.kubectl("apply", "--server-side", "-f", file)
    assert done.code == 0, done.err
    before = bare.crds()
    live = bare.api.list("CustomResourceDefinition")
    for item in live:
        item["kind"] = "CustomResourceDefinition"
    desired = rendered(bare, "leave")
    for item in pruned(live, desired):
        bare.api.delete("CustomResourceDefinition", item["metadata"]["name"])
    assert len(before) == 15
    assert bare.crds() == before
    # Without the option Argo CD would delete all of them.
    assert len(pruned(live, desired, honoured="none")) == 15


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every scalar, with the names of list items that have one."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{where}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            name = one.get("name", number) if isinstance(one, dict) else number
            yield from leaves(one, f"{where}[{name}]")
    else:
        yield where, value


@BOTH
def test_failure_policy_is_the_only_field_that_differs_from_the_manifest(bare: World) -> None:
    """With both control planes running: what a tool reports that compares the manifest with the live objects."""
    for mesh in MESHES:
        bare.install(mesh)
    found = set()
    for mesh in MESHES:
        live = {(kind, name): dict(leaves(obj)) for (kind, name), obj in bare.objects().items()}
        for file in bare.manifests(mesh).iterdir():
            for item in filter(None, yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)):
                key = (item["kind"], f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}")
                if key in live and key[0] != "CustomResourceDefinition":
                    found |= {
                        (key[0], where.rpartition(".")[2])
                        for where, value in leaves(item)
                        if value is not None
                        and live[key].get(where, "") != value
                        and where not in (".kind", ".apiVersion")  # lists of the API server have neither
                        and ".resources." not in where  # the API server writes 1024Mi as 1Gi, and tools know that
                    }
    assert found == {("ValidatingWebhookConfiguration", "failurePolicy")}


class Writers:
    """Two control planes that write one ConfigMap in turn, as two with a revocation list of their own do."""

    def __init__(self, world: World, namespace: str, name: str) -> None:
        self._api, self._place, self._ends = world.api, path("ConfigMap", namespace, name), threading.Event()
        world.api.create("ConfigMap", {"metadata": {"name": name}, "data": {"ca-crl.pem": "none"}}, namespace)
        self._threads = [threading.Thread(target=self._write, args=(text,)) for text in ("of affirmed", "of stock")]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _write(self, text: str) -> None:
        while not self._ends.wait(0.01):
            self._api.call("PATCH", self._place, {"data": {"ca-crl.pem": text}}, "application/merge-patch+json")


@WITH_HELM_3
def test_verify_names_a_revocation_list_that_two_control_planes_write(bare: World) -> None:
    """Another object that nobody writes, such as the root of a stock mesh that this one does not use, is not named."""
    folder = write_profile(bare, "affirmed", "nginx-affirmed")
    bare.make_namespaces("affirmed")
    for namespace in ("istio-affirmed", "nginx-affirmed"):
        for name, pem in (("istio-ca-root-cert", "of stock"), ("istio-ca-root-cert-affirmed", "own")):
            root = {"metadata": {"name": name}, "data": {"root-cert.pem": f"{pem} {namespace if pem != 'own' else ''}"}}
            bare.api.create("ConfigMap", root, namespace)
    with Writers(bare, "nginx-affirmed", "istio-ca-crl"):
        said = bare.multimesh("verify", "--profile", folder, "--settle", "1", "-o", "json")
    found = [one["message"] for one in json.loads(said.out)["findings"]]
    written = [message for message in found if "between two reads" in message]
    assert written == [
        "ConfigMap/nginx-affirmed/istio-ca-crl was written between two reads: two control planes write it"
    ]
    assert [message for message in found if "another mesh's root" in message] == []

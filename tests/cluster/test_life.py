"""What others do to a mesh between installation and removal: label commands, pruning, a second writer."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import charts
import pytest
import yaml
from api import Object, until
from helms import clean_environment
from pages import blocks
from pki import Authority
from program import profile
from test_operations import Reader, for_helm, stories
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


@pytest.fixture
def reader(bare: World) -> Iterator[Reader]:
    """Return a shell for docs/operations.md, with charts of one version."""
    made = Reader(bare)
    made.repository.start()
    made.nodes.start()
    try:
        made.repository.publish(NEWEST)
        made.run(f"helm repo add istio {made.repository.url}")
        yield made
    finally:
        made.nodes.stop()
        made.repository.stop()


def plug_in(world: World, mesh: str) -> str:
    """Create the Secret with an authority and a revocation list of its own; return the list."""
    authority = world.authorities[mesh] = Authority(f"the root of {mesh}")
    files = authority.cacerts()
    data = {name: base64.b64encode(text).decode() for name, text in files.items()}
    world.api.create("Secret", {"metadata": {"name": "cacerts"}, "data": data}, f"istio-{mesh}")
    return files["ca-crl.pem"].decode()


def lists(world: World, namespace: str) -> dict[str, str]:
    """Return the revocation lists of a namespace, by the name of their ConfigMap."""
    return {
        one["metadata"]["name"]: one["data"]["ca-crl.pem"]
        for one in world.api.list("ConfigMap", namespace)
        if one["metadata"]["name"].startswith("istio-ca-crl")
    }


def verified(world: World, folder: Path) -> list[str]:
    """Return the messages of `verify --settle`."""
    said = world.multimesh("verify", "--profile", folder, "--settle", "2", "-o", "json")
    assert said.err == "", said.err
    return [one["message"] for one in json.loads(said.out)["findings"]]


@BOTH
def test_beside_a_stock_mesh_that_sees_all_an_own_name_ends_the_fight_for_the_revocation_list(
    bare: World, reader: Reader
) -> None:
    """`verify --settle` names each list that both write, and no root; with the values that are offered it is content."""
    (story,) = [story for story in stories() if story[0].cluster.startswith("a stock mesh,")]
    beside = {block.cluster: block for block in story}
    bare.namespace("istio-system")
    bare.make_namespaces("affirmed")
    stock, own = plug_in(bare, "system"), plug_in(bare, "affirmed")
    words = story[0].text.partition("\n")[2]
    reader.run(re.sub(r" \\\n +--set-json .*", "", words))  # without them it sees all namespaces
    reader.follow(beside["file charts-values/affirmed/profile.yaml"])
    folder = reader.copy / "charts-values" / "affirmed"
    foretold = bare.multimesh("check", "--profile", folder, "--cluster")
    assert "no-discovery-selector" in foretold.out, foretold.out
    check, rest = beside["a mesh beside it"].text.split("\n", 1)
    assert check.startswith("multimesh check ")
    reader.run(for_helm(rest, bare.helm.major))
    fought = {f"ConfigMap/{name}/istio-ca-crl" for name in ("istio-affirmed", "nginx-affirmed")}
    assert verified(bare, folder) == [
        f"{title} was written between two reads: two control planes write it" for title in sorted(fought)
    ]

    values = folder / "istiod.yaml"
    text = values.read_text(encoding="utf-8")
    offer = "  # crlConfigMapName: istio-ca-crl-affirmed\n"
    assert offer in text
    values.write_text(text.replace(offer, offer.replace("# ", "")), encoding="utf-8")
    (upgrade,) = [block for block in blocks("docs/operations.md") if block.cluster == "upgrade affirmed"]
    commands = upgrade.text.replace("\\\n", "").splitlines()
    (istiod,) = [line for line in commands if line.startswith("helm upgrade istiod-affirmed ")]
    reader.run(for_helm(istiod, bare.helm.major))
    apart = {"istio-ca-crl": stock, "istio-ca-crl-affirmed": own}
    for name in ("istio-affirmed", "nginx-affirmed"):
        until(f"{name} has both lists", lambda name=name: lists(bare, name), so=lambda found: found == apart)
    assert verified(bare, folder) == []
    assert lists(bare, "default") == {"istio-ca-crl": stock}

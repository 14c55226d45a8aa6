"""Helmfile installs two meshes on a real API server, and upgrades them while control planes run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import versions
from api import path
from helmfiles import MODEL, NEWEST, Helmfile
from helms import by_key, helm_of
from world import MESHES, World

WITH_HELM_4 = pytest.mark.parametrize("bare", [(4, "example")], ids=["helm4"], indirect=True)
BOTH = pytest.mark.parametrize("bare", [(3, "example"), (4, "example")], ids=["helm3", "helm4"], indirect=True)


def started(world: World, directory: Path) -> Helmfile:
    """Return the newest Helmfile with the newest Helm of this major version, and make the namespaces of the meshes."""
    for mesh in MESHES:
        world.make_namespaces(mesh)
    return Helmfile(NEWEST, helm_of(versions.helms(world.helm.major)[-1], directory), directory)


def write_as_control_planes_do(world: World) -> None:
    """Let another writer own `failurePolicy` of every validator, as running control planes do."""
    for one in world.api.list("ValidatingWebhookConfiguration"):
        place = path("ValidatingWebhookConfiguration", "", one["metadata"]["name"])
        patch = [
            {"op": "replace", "path": f"/webhooks/{number}/failurePolicy", "value": "Fail"}
            for number in range(len(one["webhooks"]))
        ]
        world.api.call("PATCH", f"{place}?fieldManager=pilot-discovery", patch, "application/json-patch+json")


def policies(world: World) -> set[str]:
    """Return every `failurePolicy` of a validator."""
    found = world.api.list("ValidatingWebhookConfiguration")
    return {webhook["failurePolicy"] for one in found for webhook in one["webhooks"]}


@BOTH
def test_helmfile_installs_what_it_renders(bare: World, tmp_path: Path) -> None:
    """Both meshes come from one file, and can be upgraded when their control planes have written their fields."""
    helmfile = started(bare, tmp_path)
    cluster = {"KUBECONFIG": str(bare.cluster.kubeconfig)}
    done = helmfile.run("sync", **cluster)
    assert done.returncode == 0, done.stderr
    for mesh in MESHES:
        stored = bare.run("get", "manifest", "istiod", "-n", f"istio-{mesh}")
        rendered = helmfile.template("--selector", f"mesh={mesh}")
        assert by_key(stored.out) == by_key(rendered.stdout)
    write_as_control_planes_do(bare)
    done = helmfile.run("sync", **cluster)
    assert done.returncode == 0, done.stderr
    assert policies(bare) == {"Fail"}


@WITH_HELM_4
def test_helmfile_forces_conflicts_with_a_control_plane(bare: World, tmp_path: Path) -> None:
    """A chart that writes `failurePolicy` in upgrades too, as older ones do, needs `forceConflicts` of the example."""
    helmfile = started(bare, tmp_path)
    chart = Path(shutil.copytree(MODEL, tmp_path / "chart"))
    for file in (chart / "templates").iterdir():
        text = file.read_text(encoding="utf-8")
        always = re.sub(r"(?s)\{\{- if not \.Release\.IsUpgrade \}\}(.*?)\{\{- end \}\}", r"\1", text)
        file.write_text(always, encoding="utf-8")
    cluster = {"KUBECONFIG": str(bare.cluster.kubeconfig), "CHART": str(chart)}
    sync = ("--selector", "mesh=blue", "sync")
    done = helmfile.run(*sync, **cluster)
    assert done.returncode == 0, done.stderr
    write_as_control_planes_do(bare)
    file = tmp_path / "helmfile.yaml.gotmpl"
    forced = file.read_text(encoding="utf-8")
    file.write_text(forced.replace("forceConflicts: true", "forceConflicts: false"), encoding="utf-8")
    done = helmfile.run(*sync, **cluster)
    assert done.returncode == 1
    assert 'conflict with "pilot-discovery"' in done.stderr
    file.write_text(forced, encoding="utf-8")
    done = helmfile.run(*sync, **cluster)
    assert (done.returncode, policies(bare)) == (0, {"Ignore"}), done.stderr

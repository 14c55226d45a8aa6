"""The example chart of the project, installed as it is, as the README says (with both Helms)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api import until
from helms import CHART, ROOT
from world import MESHES, World

PROFILES = ROOT / "charts-values"


@pytest.fixture(scope="module", params=[3, 4], ids=["helm3", "helm4"])
def example(request: pytest.FixtureRequest, worlds) -> World:
    """Install the chart for both meshes, by the profiles that ship with the project."""
    helm = request.getfixturevalue(f"helm{request.param}")
    made = worlds.take(helm, "example", empty=True)
    made.spent = True
    for mesh in MESHES:
        made.make_namespaces(mesh)
        flags = (*helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES / mesh}")
        crds = ["--skip-crds"] * (mesh == "blue")
        done = made.run("install", "istio", CHART, "-n", f"istio-{mesh}", *flags, *crds)
        assert done.code == 0, done.err
        made.start(mesh)
    return made


@pytest.mark.parametrize("mesh", MESHES)
def test_each_mesh_of_the_example_injects_and_validates_its_own(example: World, mesh: str) -> None:
    """Two meshes of one chart: each pod has one sidecar, each resource one validator."""
    assert example.sidecars(f"nginx-{mesh}") == [mesh]
    assert example.reviews_of_last() == [mesh]
    assert mesh in example.denial(f"nginx-{mesh}")
    assert example.who_was_asked_last() == {mesh}


def test_diff_compares_the_chart_with_the_release(example: World) -> None:
    """What `helm template` prints is what is installed, whichever Helm wrote it down; a changed image is one field."""
    stock = example.folder / "stock.yaml"
    stock.write_text(example.run("template", "istio", CHART, "-n", "istio-affirmed").out, encoding="utf-8")
    flags = ("--profile", PROFILES / "affirmed", "--release", "istio", "-n", "istio-affirmed", "--exit-code")
    done = example.multimesh("diff", "-f", stock, *flags)
    assert (done.code, done.out, done.err) == (0, "", "")
    text = stock.read_text(encoding="utf-8")
    [image, *_] = re.findall(r"image: *\"?([^\s\"]+)", text)
    stock.write_text(text.replace(image, f"{image}-new", 1), encoding="utf-8")
    done = example.multimesh("diff", "-f", stock, *flags, "--stat")
    assert (done.code, done.err) == (1, "")
    assert re.fullmatch(r"~ \w+/istio-affirmed/\S+ +1 field\n1 changed\n", done.out), done.out
    done = example.multimesh("diff", "-f", stock, *flags[:3], "absent", "-n", "istio-affirmed")
    assert done.code == 2
    assert "not found" in done.err


def test_init_takes_what_the_cluster_has(example: World, tmp_path: Path) -> None:
    """Both meshes are found, and a third one that claims a namespace of theirs is refused."""
    done = example.multimesh("init", "green", "--from-cluster", tmp_path / "meshes/green")
    assert (done.code, done.err) == (0, ""), done.err
    for mesh in MESHES:
        assert f'found: mesh {mesh} in "istio-{mesh}"' in done.out
    assert "open: " not in done.out
    assert "taken: --istio 1.5" in done.out
    done = example.multimesh("init", "red", "--from-cluster", "--workloads", "istio-blue", tmp_path / "meshes/red")
    assert done.code == 2
    assert "[namespace-claimed-twice]" in done.err
    assert not (tmp_path / "meshes/red").exists()


def test_upgrading_one_mesh_leaves_the_other_as_it_is(example: World) -> None:
    """The commands of the README: with Helm 4 a flag says that this is an upgrade."""
    before = example.of_mesh("affirmed", "resourceVersion")
    flags = (*example.helm.post_renderer(), f"--post-renderer-args=--profile={PROFILES / 'blue'}")
    upgrade = ["--post-renderer-args=--upgrade"] * (example.helm.major == 4)
    done = example.run("upgrade", "istio", CHART, "-n", "istio-blue", *flags, *upgrade)
    assert done.code == 0, done.err
    assert before == example.of_mesh("affirmed", "resourceVersion")
    until("blue injects", lambda: example.sidecars("nginx-blue") == ["blue"])
    until("blue validates", lambda: "blue" in example.denial("nginx-blue"))

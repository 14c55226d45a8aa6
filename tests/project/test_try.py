"""`make try`: one chart, both meshes, one page of output; and the model of the modern charts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import oracle
import pytest
from helms import Helm, by_key, clean_environment, write_chart
from program import ROOT

CHART = ROOT / "examples" / "stock-istiod"
VALUES = CHART / "values-mesh.yaml"
MESHES = ("affirmed", "blue")


def try_chart(helm: Helm, chart: object, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as make does, with one real Helm as the helm on PATH."""
    directory = helm.home / "on-path"
    directory.mkdir(exist_ok=True)
    if not (directory / "helm").exists():
        (directory / "helm").symlink_to(helm.binary)
    environment = clean_environment()
    environment["PATH"] = f"{directory}{os.pathsep}{environment['PATH']}"
    command = [sys.executable, str(ROOT / "tools" / "try.py"), f"--chart={chart}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120, check=False)


def test_a_chart_that_keeps_the_laws_is_told_so_on_one_page(helm):
    """The page shows both meshes, the changes by rule, what was dropped, and every law."""
    done = try_chart(helm, CHART, f"--values={VALUES}")

    assert (done.returncode, done.stderr) == (0, "")
    assert "BROKEN" not in done.stdout
    assert done.stdout.count("  holds ") == 9
    assert "dropped by shared-resources: 1: CustomResourceDefinition/gateways.networking.istio.io" in done.stdout
    assert re.search(
        r"injection-label: 1 in MutatingWebhookConfiguration/istio-sidecar-injector-blue-istio-blue", done.stdout
    )
    assert len(done.stdout.splitlines()) < 40


def test_a_chart_that_is_refused_is_told_why_and_what_to_do(helm3):
    """Without values the model has the default revision, in istio-system."""
    done = try_chart(helm3, CHART)

    assert done.returncode == 1
    assert done.stdout.count("REFUSED:") == 2
    assert "--set global.istioNamespace=istio-blue" in done.stdout


def test_an_archive_is_tried_as_a_directory_is(helm3, tmp_path):
    """`helm pull` downloads charts as archives."""
    assert helm3.run("package", CHART, "-d", tmp_path).code == 0
    done = try_chart(helm3, tmp_path / "stock-istiod-0.1.0.tgz", f"--values={VALUES}")

    assert (done.returncode, done.stderr) == (0, "")


def test_what_two_meshes_share_is_named(helm3, tmp_path):
    """A rule must not change a node port that the user chose for both meshes, but they conflict."""
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, nodePort: 30080}]}\n"
    done = try_chart(helm3, write_chart(tmp_path / "both", service=service))

    assert done.returncode == 1
    assert "node-port: nodePort 30080/TCP" in done.stdout


@pytest.mark.parametrize("chart", ["nowhere", ""])
def test_what_is_no_chart_ends_with_2(helm3, chart):
    """The message is on stderr."""
    done = try_chart(helm3, chart)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_values_that_charts_share_are_pointed_out(helm3, tmp_path):
    """Charts of 1.6 do not render without the file in their parent directory."""
    chart = write_chart(tmp_path / "charts" / "one", it="a: {{ .Values.global.tracer.name }}\n")
    shared = tmp_path / "charts" / "global.yaml"
    shared.write_text("global: {tracer: {name: zipkin}}\n")
    done = try_chart(helm3, chart)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"\n  The charts of this directory share values: VALUES={shared}\n")
    assert "share values" not in try_chart(helm3, chart, f"--values={shared}").stderr


@pytest.fixture
def values(tmp_path: Path):
    """Write the values of one mesh of the model."""

    def write(mesh: str) -> Path:
        file = tmp_path / f"{mesh}.yaml"
        text = VALUES.read_text(encoding="utf-8").replace("${MESH}", mesh).replace("${NAMESPACE}", f"istio-{mesh}")
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_the_model_of_the_modern_charts_becomes_two_meshes_through_helm(helm, values):
    """With Helm, the two meshes have nothing in common, and every reference refers to an object."""
    streams = []
    for mesh in MESHES:
        done = helm.post_render(CHART, mesh, "-f", values(mesh))
        assert done.code == 0, done.err
        streams.append(oracle.load(done.out))
        assert set() == oracle.dangling(streams[-1])

    assert set() == oracle.collisions(*streams)
    names = {oracle.key(obj).name for obj in streams[1]}
    assert {"istiod-default-validator-blue", "istio-validator-blue-istio-blue"} <= names
    assert "gateways.networking.istio.io" not in names


def test_both_helms_make_the_same_mesh_of_the_model(helm3, helm4, values):
    """Only the order differs."""
    one, other = (helm.post_render(CHART, "blue", "-f", values("blue")).out for helm in (helm3, helm4))

    assert by_key(one) == by_key(other)


def test_the_model_without_a_revision_is_refused_through_helm(helm, values):
    """With either Helm the user reads which value to set."""
    done = helm.post_render(CHART, "blue", "-f", values("blue"), "--set", "revision=")

    assert (done.code != 0, done.out) == (True, "")
    assert "--set revision=blue" in done.err

"""Helmfile renders every mesh of one file, and shows the message where a mesh is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import versions
import yaml
from helmfiles import MESHES, MODEL, NEWEST, OLDEST, Helmfile
from helms import by_key, helm_of

#: The oldest Helmfile knows Helm 3 only.
CASES = [(OLDEST, versions.helms(3)[0]), *((NEWEST, helm) for helm in versions.TESTED["helm"])]


@pytest.fixture(params=CASES, ids=lambda case: f"helmfile-{case[0]}-helm-{case[1]}")
def helmfile(request: pytest.FixtureRequest, tmp_path: Path) -> Helmfile:
    """Return one Helmfile with one Helm."""
    version, helm = request.param
    return Helmfile(version, helm_of(helm, tmp_path), tmp_path)


def test_one_file_renders_every_mesh_as_helm_does(helmfile: Helmfile) -> None:
    """Namespace, values and profile follow from the name of the mesh."""
    both = helmfile.template()
    assert both.returncode == 0, both.stderr
    for mesh in MESHES:
        one = helmfile.template("--selector", f"mesh={mesh}")
        assert one.returncode == 0, one.stderr
        assert one.stdout.strip() in both.stdout
        profile = str(helmfile.values(mesh).parent)
        alone = helmfile.helm.post_render(MODEL, mesh, "-f", helmfile.values(mesh), profile=profile)
        assert by_key(one.stdout) == by_key(alone.out)
    validators = {
        one["metadata"]["name"]
        for one in yaml.safe_load_all(both.stdout)
        if one and one["kind"] == "ValidatingWebhookConfiguration"
    }
    assert {name.rpartition("-")[2] for name in validators} == set(MESHES)


def test_a_selector_renders_one_mesh(helmfile: Helmfile) -> None:
    done = helmfile.template("--selector", "mesh=blue")
    assert done.returncode == 0, done.stderr
    assert "istiod-blue" in done.stdout
    assert "istiod-affirmed" not in done.stdout


def test_an_error_shows_the_message(helmfile: Helmfile) -> None:
    """Helm prints it, and Helmfile prints what Helm prints."""
    values = helmfile.values("blue")
    values.write_text(values.read_text(encoding="utf-8").replace("revision: blue", "revision: wrong"), encoding="utf-8")
    done = helmfile.template("--selector", "mesh=blue")
    assert (done.returncode, "kind:" in done.stdout) == (1, False)
    shown = done.stderr.partition("STDERR:")[2]
    assert "multimesh: <stdin>:" in shown
    assert "[revision]" in shown

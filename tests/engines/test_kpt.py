"""kpt runs multimesh as a function: a package is rendered for its mesh, and what is refused is among its results.

The program has kpt's own commands for functions (tests/programs/kpt/main.go says why not its main package).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import outside
import pytest
import yaml
from helms import PROGRAM, clean_environment
from program import profile

KPTFILE = """\
apiVersion: kpt.dev/v1
kind: Kptfile
metadata:
  name: istio
pipeline:
  mutators:
    - exec: {program}
      configPath: profile.yaml
"""
#: One rename, with a comment and an order of keys that a function must not change.
ROLE = """\
# The role of Kiali.
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: kiali # a stock name
rules: []
"""
WIDGET = "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n"
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gateways.networking.istio.io
  annotations:
    helm.sh/resource-policy: keep
"""


class Package:
    """A package of kpt in a directory, whose pipeline is multimesh."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "package"
        self.directory.mkdir()
        self.results = directory / "results"
        self.write("Kptfile", KPTFILE.format(program=PROGRAM))
        self.write("profile.yaml", profile("blue", "istio-blue", ("nginx-blue",)))
        self.write("roles.yaml", ROLE)

    def write(self, name: str, text: str) -> None:
        """Write a file of the package."""
        (self.directory / name).write_text(text, encoding="utf-8")

    def read(self) -> dict[str, str]:
        """Return every file of the package."""
        return {file.name: file.read_text(encoding="utf-8") for file in self.directory.iterdir()}

    def kpt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `kpt fn`, with results in a directory."""
        return subprocess.run(
            [outside.go("kpt", "."), "fn", *arguments, f"--results-dir={self.results}"],
            cwd=self.directory,
            env=clean_environment() | {"HOME": str(self.directory.parent)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def found(self) -> list[dict[str, Any]]:
        """Return the results that kpt kept."""
        [file] = self.results.iterdir()
        kept = yaml.safe_load(file.read_text(encoding="utf-8"))
        return [result for item in kept["items"] for result in item.get("results", ())]


@pytest.fixture(params=["render", "eval"])
def call(request: pytest.FixtureRequest) -> list[str]:
    """Return the arguments of `kpt fn` that render a package."""
    if request.param == "render":
        return ["render", "--allow-exec"]
    return ["eval", f"--exec={PROGRAM}", "--fn-config=profile.yaml"]


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(tmp_path)


def test_only_what_differs_in_the_mesh_is_changed(package: Package, call: list[str]) -> None:
    """Comments and the order of keys stay as they are."""
    before = package.read()
    done = package.kpt(*call)
    assert done.returncode == 0, done.stderr
    after = package.read()
    assert after["roles.yaml"] == ROLE.replace("name: kiali #", "name: kiali-blue #")
    assert after["profile.yaml"] == before["profile.yaml"]


def test_a_refusal_is_a_result_and_changes_no_file(package: Package, call: list[str]) -> None:
    """Kpt prints the message, and keeps the resource and the file that it is about."""
    package.write("widgets.yaml", ROLE.replace("kiali", "istio-reader") + "---\n" + WIDGET)
    before = package.read()
    done = package.kpt(*call)
    assert done.returncode == 1
    assert package.read() == before
    assert "multimesh: widgets.yaml, document 2: Widget/w: " in done.stderr
    error, *_ = package.found()
    assert error["severity"] == "error"
    assert error["resourceRef"] == {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w"}
    assert error["file"] == {"path": "widgets.yaml", "index": 1}


def test_what_is_left_out_is_a_result(package: Package, call: list[str]) -> None:
    """A mesh that does not own what is shared leaves CRDs out: their file is removed, and the result says why."""
    package.write("crds.yaml", CRD)
    done = package.kpt(*call)
    assert done.returncode == 0, done.stderr
    assert "crds.yaml" not in package.read()
    [found] = package.found()
    assert (found["severity"], found["resourceRef"]["name"]) == ("info", "gateways.networking.istio.io")
    assert found["message"] in done.stderr


def test_a_second_run_changes_nothing(package: Package, call: list[str]) -> None:
    assert package.kpt(*call).returncode == 0
    once = package.read()
    for file in package.results.iterdir():
        file.unlink()
    done = package.kpt(*call)
    assert (done.returncode, package.read()) == (0, once), done.stderr

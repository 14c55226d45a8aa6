"""Run a real Helm as a user does, with directories of its own and without the environment of the caller.

tools/helm.py downloads the oldest of each, and Go builds the newest once into the same cache; where that is not possible,
every test that needs one is skipped, with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import oracle
import pytest
import reader
import versions

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "postrender.py"
CHART = ROOT / "examples" / "stock-istio"
EVERYTHING = ("-f", str(CHART / "values-everything.yaml"))
PROGRAMS = ROOT / "tests" / "programs"
RELEASE = "istio"


class Ran(NamedTuple):
    """The result of one call of Helm."""

    code: int
    out: str
    err: str


class Helm(NamedTuple):
    """A real Helm: its binary, its major version, and the directory with all its files."""

    binary: Path
    major: int
    home: Path

    def run(self, *arguments: object, cwd: Path = ROOT, **environment: str) -> Ran:
        """Run it, with these variables and no other ones of Helm or multimesh."""
        done = subprocess.run(
            [str(self.binary), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=cwd,
            env=clean_environment() | self.homes() | environment,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def homes(self) -> dict[str, str]:
        """Return the variables for the directories that Helm writes to."""
        return {f"HELM_{what}_HOME": str(self.home / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}

    def template(self, chart: Path, mesh: str, *arguments: object, **more: Any) -> Ran:
        """Render a chart, without the post-renderer, for the namespace of a mesh."""
        return self.run("template", RELEASE, chart, "-n", f"istio-{mesh}", *arguments, **more)

    def post_render(self, chart: Path, mesh: str, *arguments: object, profile: str = "", **more: Any) -> Ran:
        """Render a chart through the post-renderer, with a profile of charts-values/ unless another one is given."""
        profile = profile or str(ROOT / "charts-values" / mesh)
        flags = (*self.post_renderer(), f"--post-renderer-args=--profile={profile}")
        return self.template(chart, mesh, *flags, *arguments, **self.plugins(), **more)

    def post_renderer(self) -> tuple[str, str]:
        """Return the flags of the post-renderer: Helm 3 needs a path, Helm 4 the name of a plugin."""
        return "--post-renderer", str(PROGRAM) if self.major == 3 else "multimesh"

    def plugins(self) -> dict[str, str]:
        """Let Helm 4 find the checkout without an installation: a directory contains only a link to it."""
        if self.major == 3:
            return {}
        directory = self.home / "links"
        if not directory.exists():
            directory.mkdir()
            (directory / "checkout").symlink_to(ROOT)
        return {"HELM_PLUGINS": str(directory)}


def clean_environment() -> dict[str, str]:
    """Return the environment without variables of Helm or multimesh, and with the interpreter of the tests first on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "MULTIMESH_", "KUBE"))}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"}


@cache
def binary(major: int) -> Path | str:
    """Return the path of a real Helm, or the reason why there is none."""
    spec = importlib.util.spec_from_file_location("real_helm", ROOT / "tools" / "helm.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    try:
        return tool.fetch(major)
    except tool.HelmUnavailable as error:
        return str(error).splitlines()[0]


def real_helm(major: int, home: Path) -> Helm:
    """Return a real Helm of tools/helm.py with its files in a directory, or skip the test."""
    found = binary(major)
    if isinstance(found, str):
        pytest.skip(f"no real Helm {major}: {found}")
    return Helm(found, major, home)


def helm_of(version: str, home: Path) -> Helm:
    """Return a real Helm of a version of tests/versions.json with its files in a directory, or skip the test."""
    major = int(version.partition(".")[0])
    if version == versions.helms(major)[0]:
        return real_helm(major, home)
    return Helm(program(f"helm{major}", f"helm.sh/helm/v{major}/cmd/helm"), major, home)


@cache
def _built(module: str, package: str) -> Path | str:
    """Return the path of a program, or why there is none: Go is asked once."""
    try:
        return reader.built(PROGRAMS / module, PROGRAMS / module, package, package)
    except reader.Unavailable as error:
        return str(error)


def program(module: str, package: str) -> Path:
    """Return the path of a program of tests/programs, or skip the test that asks for it."""
    found = _built(module, package)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def write_chart(directory: Path, **templates: str) -> Path:
    """Write a chart with these templates, each named by its file without the ending."""
    (directory / "templates").mkdir(parents=True)
    (directory / "Chart.yaml").write_text(f"apiVersion: v2\nname: {directory.name}\nversion: 0.1.0\n", encoding="utf-8")
    for name, text in templates.items():
        (directory / "templates" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


def stage(directory: Path) -> Path:
    """Copy the files of the plugin, and no others, to a new directory."""
    directory.mkdir(parents=True)
    for name in ("plugin.yaml", "postrender.py"):
        shutil.copy2(ROOT / name, directory / name)
    shutil.copytree(ROOT / "multimesh", directory / "multimesh", ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def by_key(text: str) -> dict[oracle.Key, oracle.Object]:
    """Map the objects of a stream by their identity in a cluster.

    Helm 4 removes `annotations:` without a value before the post-renderer, which means the same as none.
    """
    objects = oracle.load(text)
    for obj in objects:
        if obj["metadata"].get("annotations") in (None, oracle.NULL):
            obj["metadata"].pop("annotations", None)
    found = {oracle.key(obj): obj for obj in objects}
    assert len(found) == len(objects)
    return found


def sources(text: str) -> list[str]:
    """Return the files in the `# Source:` comments."""
    return [line.removeprefix("# Source: ") for line in text.splitlines() if line.startswith("# Source: ")]

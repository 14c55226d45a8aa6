"""What CI servers run: the GitHub Action, the hook of pre-commit, and the job of GitLab."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import outside
import pytest
import versions
import yaml
from helms import ROOT, clean_environment, real_helm

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "examples/gitlab/multimesh.gitlab-ci.yml").read_text(encoding="utf-8"))


def programs(directory: Path) -> dict[str, str]:
    """Return an environment in which `multimesh` runs this checkout."""
    home = directory / "bin"
    home.mkdir()
    program = home / "multimesh"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m multimesh "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = clean_environment()
    return environment | {"PATH": f"{home}{os.pathsep}{environment['PATH']}"}


# The Action


@pytest.fixture
def check(tmp_path):
    """Run the step `check` of the Action, and return the process and what it gives to the next steps."""
    environment = programs(tmp_path)
    shutil.copytree(ROOT / "charts-values", tmp_path / "charts-values")
    [step] = [step for step in ACTION["runs"]["steps"] if step.get("id") == "check"]

    def run(**inputs: str) -> tuple[subprocess.CompletedProcess[str], str]:
        output = tmp_path / "output"
        output.write_text("")
        given = {name.upper(): "" for name in ("profiles", "files", "arguments")} | {"UPLOAD": "false"}
        assert set(step["env"]) == set(given)
        given |= {name.upper(): value for name, value in inputs.items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env=environment | given | {"GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(tmp_path)},
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done, output.read_text()

    return run


def test_the_action_compares_profiles(check):
    done, output = check(profiles="charts-values/affirmed\ncharts-values/blue\n")
    assert (done.returncode, done.stdout, done.stderr, output) == (0, "nothing found\n", "", "")


def test_the_action_fails_with_annotations_and_still_writes_sarif(check, tmp_path):
    """The next step uploads the file, and only if there is one."""
    shutil.copytree(tmp_path / "charts-values/blue", tmp_path / "charts-values/other")
    profiles = "charts-values/blue\ncharts-values/other"
    done, output = check(profiles=profiles, upload="true")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=")
    assert output == f"sarif={tmp_path}/multimesh.sarif\n"
    assert json.loads((tmp_path / "multimesh.sarif").read_text())["runs"][0]["results"]
    upload = ACTION["runs"]["steps"][-1]
    assert upload["uses"] == "github/codeql-action/upload-sarif@v4"
    assert "steps.check.outputs.sarif != ''" in upload["if"]


def test_the_action_uploads_nothing_if_nothing_was_checked(check):
    done, output = check(profiles="absent", upload="true")
    assert (done.returncode, output) == (2, "")


def test_no_input_of_the_action_is_part_of_a_script():
    """The text of an input could be a command."""
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert scripts
    assert [one for one in scripts if "${{" in one] == []


# pre-commit


def test_the_hook_compares_all_profiles(tmp_path):
    """`pre-commit try-repo` installs the repository and runs the hook in another one."""
    program = outside.pip(f"pre-commit=={versions.only('pre-commit')}", "pre-commit")
    source = tmp_path / "multimesh"
    source.mkdir()
    needed = ("pyproject.toml", "setup.py", "MANIFEST.in", "plugin.yaml", "postrender.py", "README.md", "LICENSE")
    for name in ("multimesh", "plugins", *needed, ".pre-commit-hooks.yaml"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, source / name)
    meshes = tmp_path / "meshes"
    shutil.copytree(ROOT / "charts-values", meshes / "charts-values")
    identity = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "test")
    identity |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "test@example.org")
    environment = clean_environment() | identity | {"PRE_COMMIT_HOME": str(tmp_path / "cache")}
    environment["MULTIMESH_PROFILE"] = f"charts-values/affirmed{os.pathsep}charts-values/blue"

    def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    for repository in (source, meshes):
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
            assert run("git", *arguments, cwd=repository).returncode == 0
    command = [program, "try-repo", str(source), HOOKS[0]["id"], "--all-files", "--verbose"]
    done = run(*command, cwd=meshes)
    if "ould not find a version" in done.stdout or "No matching distribution" in done.stdout:
        pytest.skip("pip cannot install what the package needs")
    assert done.returncode == 0, done.stdout
    assert "2 meshes: nothing found" in done.stdout
    profile = meshes / "charts-values/blue/profile.yaml"
    profile.write_text(profile.read_text().replace("namespace: istio-blue", "namespace: istio-affirmed"))
    done = run(*command, cwd=meshes)
    assert done.returncode == 1
    assert "namespace-claimed-twice" in done.stdout


# GitLab


@pytest.mark.parametrize(("chart", "code"), [("stock-istio", 0), ("stock-istiod", 1)])
def test_the_job_of_gitlab_renders_and_compares_every_mesh(tmp_path, chart, code):
    """The report is JUnit, which a merge request shows. The model of the newer chart lacks CRDs, which is an error."""
    environment = programs(tmp_path) | GITLAB["multimesh"]["variables"]
    (tmp_path / "bin" / "helm").symlink_to(real_helm(4, tmp_path).binary)
    shutil.copytree(ROOT / "examples" / chart, tmp_path / environment["CHART"])
    for mesh in environment["MESHES"].split():
        home = tmp_path / "charts-values" / mesh
        shutil.copytree(ROOT / "charts-values" / mesh, home)
        values = (home / "istio-1.5.yaml").read_text()
        if chart == "stock-istiod":
            values = (ROOT / "examples" / chart / "values-mesh.yaml").read_text().replace("${MESH}", mesh)
        (home / "istiod.yaml").write_text(values.replace("${NAMESPACE}", f"istio-{mesh}"))
    [script] = GITLAB["multimesh"]["script"]
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, done.stderr + done.stdout
    report = tmp_path / GITLAB["multimesh"]["artifacts"]["reports"]["junit"]
    suite = ET.parse(report).getroot()  # noqa: S314 - our own output
    assert suite.get("failures") == str(code)
    assert "2 meshes: " in done.stdout

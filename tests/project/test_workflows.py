"""The workflows of a release: actionlint accepts them, and they run what the repository has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import reader
import yaml
from pages import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SOURCES = ROOT / "tests/programs/actionlint"


@pytest.fixture(scope="module")
def actionlint() -> str:
    try:
        return str(reader.built(SOURCES, SOURCES, "github.com/rhysd/actionlint/cmd/actionlint", "actionlint"))
    except reader.Unavailable as error:
        pytest.skip(str(error))


def steps(path: Path) -> list[tuple[dict, dict]]:
    """Return each step of a workflow after its job."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [(job, step) for job in jobs.values() for step in job["steps"]]


def test_actionlint_accepts_the_workflows_and_finds_a_mistake(actionlint, tmp_path):
    """A job that needs another one that is not there, and an input that an action does not have."""
    accepted = subprocess.run([actionlint, "-shellcheck=", *map(str, WORKFLOWS)], cwd=ROOT, check=False)
    assert accepted.returncode == 0
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    for right, wrong in (("needs: build", "needs: built"), ("packages-dir:", "package-dir:")):
        assert right in text
        (tmp_path / "wrong.yml").write_text(text.replace(right, wrong))
        done = subprocess.run(
            [actionlint, "-shellcheck=", str(tmp_path / "wrong.yml")], capture_output=True, check=False
        )
        assert done.returncode == 1


def test_without_go_make_lint_says_what_it_did_not_check(tmp_path):
    """It still passes, except where it is required."""
    bare = {"PATH": str(tmp_path), "MULTIMESH_CACHE": str(tmp_path / "cache")}
    for extra, code in (({}, 0), ({"MULTIMESH_REQUIRE_ACTIONLINT": "1"}, 2)):
        command = [sys.executable, "tools/workflows.py"]
        done = subprocess.run(command, cwd=ROOT, env=bare | extra, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (
            code,
            "The workflows were not checked: actionlint is not built: install Go\n",
        )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_and_files_of_the_repository(path):
    """A target that was renamed would be noticed at the next release only."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    scripts = [step["run"] for _, step in steps(path) if "run" in step]
    called = {
        word for script in scripts for words in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", script) for word in words.split()
    }
    assert called
    assert called <= targets
    files = [str(step["with"]["file"]) for _, step in steps(path) if "file" in step.get("with", {})]
    assert [name for name in files if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_the_rights_that_it_needs_and_no_others(path):
    """Reading is the default; a job that may publish says so itself, and no job runs for ever."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    writes = {
        name
        for name, job in workflow["jobs"].items()
        for right in job.get("permissions", {}).values()
        if right == "write"
    }
    assert writes == ({"build", "pypi", "oci", "release"} if path.stem == "release" else set())
    # What others can change in a pull request is never a part of a script.
    for _, step in steps(path):
        assert not re.search(r"\$\{\{\s*github\.(event|head_ref)", step.get("run", ""))


def test_the_checksums_of_a_release_are_of_all_its_files(tmp_path):
    """The script of the workflow, run on a directory as `make package` writes it."""
    (script,) = [
        step["run"] for _, step in steps(ROOT / ".github/workflows/release.yml") if "sha256sum" in step.get("run", "")
    ]
    dist = tmp_path / "dist"
    (dist / "multimesh-1.0.0.oci").mkdir(parents=True)
    for name in ("multimesh-1.0.0.tgz", "multimesh-1.0.0.cdx.json", "SHA256SUMS", "multimesh-1.0.0.oci/index.json"):
        (dist / name).write_text(name)
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, check=True)
    sums = (dist / "SHA256SUMS").read_text().split()
    assert sums[1::2] == ["multimesh-1.0.0.cdx.json", "multimesh-1.0.0.tgz"]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=dist, check=True)

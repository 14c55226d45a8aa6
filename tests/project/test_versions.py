"""tests/versions.json lists which versions of other software are tested; what builds and describes them agrees."""

from __future__ import annotations

import re
from pathlib import Path

import binaries
import browser
import helm as tool
import pytest
import versions

from multimesh.commands.values import NEWEST

ROOT = Path(__file__).resolve().parents[2]


def required(module: str, path: str) -> str:
    """Return the version of a Go module that a go.mod of the tests requires."""
    text = (ROOT / "tests" / module / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"(?m)^\s*(?:require )?{re.escape(path)} v(\S+)", text)
    assert found, f"{module} does not require {path}"
    return found[1]


@pytest.mark.parametrize("major", [3, 4])
def test_the_helms_are_those_that_are_downloaded_and_built(major: int) -> None:
    """The oldest one is downloaded; Go builds the newest one, and the reader of manifests from the same module."""
    oldest, newest = versions.helms(major)
    assert oldest == tool.LAYERS[major].helm
    assert newest == required(f"programs/helm{major}", f"helm.sh/helm/v{major}")
    assert newest == required(f"reader/helm{major}", f"helm.sh/helm/v{major}")


def test_the_other_programs_are_those_that_are_built() -> None:
    """Each is pinned where Go builds it."""
    assert versions.TESTED["kubernetes"] == [binaries.KUBERNETES]
    assert versions.TESTED["kustomize"] == [required("kustomize", "sigs.k8s.io/kustomize/kustomize/v5")]
    assert versions.TESTED["helm-controller"] == [required("flux", "github.com/fluxcd/helm-controller")]


#: The module that each other go.mod of tests/programs builds, by its directory, where that is the name in the list.
PROGRAMS = {
    "actionlint": "github.com/rhysd/actionlint",
    "kpt": "github.com/kptdev/kpt",
    "kubeconform": "github.com/yannh/kubeconform",
    "oras": "oras.land/oras",
    "registry": "github.com/google/go-containerregistry",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_go_builds_has_the_version_of_its_module(name: str) -> None:
    """The file and go.mod say the same, so that either may be read."""
    assert versions.only(name) == required(f"programs/{name}", PROGRAMS[name])


def test_every_module_of_a_program_is_in_the_list() -> None:
    """A program that is added is listed too."""
    found = {path.parent.name for path in (ROOT / "tests" / "programs").glob("*/go.mod")}
    assert found == {*PROGRAMS, "helm3", "helm4", "argocd-cmp-server", "helmfile"}
    assert versions.only("argo-cd") == required("programs/argocd-cmp-server", "github.com/argoproj/argo-cd/v3")
    assert versions.TESTED["helmfile"][-1] == required("programs/helmfile", "github.com/helmfile/helmfile")


def test_no_test_names_a_version_of_a_program_that_the_list_has() -> None:
    """Those that npm and pip install are read from the list; the script of axe-core is the tool's."""
    assert versions.only("axe-core") == browser.AXE
    named = [
        (path.name, name)
        for path in (ROOT / "tests").rglob("*.py")
        for name in ("hadolint", "helmfile", "pre-commit", "sarif-multitool", "yaml-language-server")
        for line in path.read_text(encoding="utf-8").splitlines()
        if name in line and any(version in line for version in versions.TESTED[name])
    ]
    assert named == []


#: How pages name a version of the software in tests/versions.json.
NAMED = {
    "helm": r"\bHelm ((?:\d+\.\d+\.\d+(?:, | and )?)+)",
    "kubernetes": r"\bKubernetes (\d+\.\d+\.\d+)",
    "kustomize": r"\bkustomize (\d+\.\d+\.\d+)",
}
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{name}.md" for name in ("integrations", "performance", "reliability")),
)


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_no_other_version(page: str) -> None:
    """A version that a page says was tried is in the list."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = {
        (what, version)
        for what, pattern in NAMED.items()
        for group in re.findall(pattern, text)
        for version in re.findall(r"\d+\.\d+\.\d+", group)
    }
    assert {(what, version) for what, version in found if version not in versions.TESTED[what]} == set()


def test_the_readme_names_every_version_of_what_installs_a_mesh() -> None:
    """Its sentence is written by tools/docs.py, with the range of Istio that `values` knows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"<!-- versions: begin[^>]*-->\n(.*)\n<!-- versions: end -->", text)
    assert [version for what in versions.SHOWN for version in versions.TESTED[what] if version not in line] == []
    assert "1.5 to {}.{}".format(*NEWEST) in line

"""The documentation as a site: every link leads somewhere, each task has a page, and new pages are found."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("material"), reason="no mkdocs-material: make site installs it"
)

KEPT = (
    "docs",
    "mkdocs.yml",
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Containerfile",
    "action.yml",
)


@pytest.fixture
def copy(tmp_path) -> Path:
    """Copy what the site is made of."""
    for name in (*KEPT, "tools/site.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    for name in ("multimesh", "examples", "findings"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build"]
    environment = {"NO_MKDOCS_2_WARNING": "1", "PATH": ""}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_the_site_is_whole(copy):
    """A page for each page of docs/, for each section of the page of operations, and a new page in the navigation."""
    (copy / "docs/new-engine.md").write_text(
        "# A new engine\n\nSee [moving](operations.md#move-the-ownership-of-shared-resources).\n"
    )
    done = build(copy)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    site = copy / "build/site"
    assert f"the site: {site / 'index.html'}\n" in done.stdout
    assert {page.stem for page in (copy / "docs").glob("*.md")} <= {page.stem for page in site.glob("*.html")}
    sections = re.findall(r"(?m)^## (.+)$", (copy / "docs/operations.md").read_text())
    assert len(sections) > 10
    for title in sections:
        page = site / "tasks" / f"{title.lower().replace(' ', '-')}.html"
        assert f">{title}" in re.sub(r"<h1[^>]*>", ">", page.read_text())
    assert 'href="tasks/move-the-ownership-of-shared-resources.html' in (site / "new-engine.html").read_text()
    assert 'href="new-engine.html"' in (site / "index.html").read_text()


@pytest.mark.parametrize("wrong", ["[x](nowhere.md)", "[x](profile.md#nowhere)", "![x](images/nowhere.png)"])
def test_a_link_that_leads_nowhere_fails_the_build(copy, wrong):
    """A page, an anchor, a picture."""
    page = copy / "docs/errors.md"
    page.write_text(page.read_text() + f"\n{wrong}\n")
    assert build(copy).returncode != 0


def test_the_site_loads_nothing_from_elsewhere(copy):
    """Neither scripts nor styles nor fonts."""
    assert build(copy).returncode == 0
    text = (copy / "build/site/index.html").read_text()
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://[^"]*', text) == []

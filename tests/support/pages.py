"""Read the Markdown pages of this repository: their code blocks, their links, and what comments say about both.

A comment above a block says what the tests do with it:

    <!-- test: helm 3 -->            run with Helm 3 only (or 4, or both)
    <!-- test: skip, REASON -->      not run

A block of README.md without such a comment runs with both; a block of another page without one does not run.

    <!-- cluster: NAME -->           run by tests/cluster, under this name
    <!-- cluster: file PATH -->      written to a file there
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]

#: Directories with generated files.
MADE = frozenset((".git", ".venv", "build", "dist", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"))

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!-- (test|cluster): ([^\n]*?) -->\n+\Z")


class Block(NamedTuple):
    """One fenced block: its place, its language, its text, and the comments above it for each kind of test."""

    page: str
    line: int
    language: str
    text: str
    comment: str
    cluster: str = ""

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.page}:{self.line}"

    def runs_with(self, helm: int) -> bool:
        """Return whether a test runs this block with this Helm."""
        if self.language not in ("sh", "console") or self.comment.startswith("skip"):
            return False
        if self.comment:
            return self.comment in (f"helm {helm}", "both")
        return self.page == "README.md"


def pages() -> list[str]:
    """Return the path of every Markdown page."""
    return sorted(path for path in files() if path.endswith(".md"))


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()]
        comment = _COMMENT.search(before)
        said = {comment[1]: comment[2]} if comment else {}
        place = page, before.count("\n") + 1
        found.append(Block(*place, fence[1], fence[2], said.get("test", ""), said.get("cluster", "")))
    return found


def cluster_roles(page: str) -> list[dict[str, Any]]:
    """Return the ClusterRoles in a page, in their order."""
    shown = [block.text for block in blocks(page) if block.language == "yaml"]
    found = [item for text in shown for item in yaml.safe_load_all(text)]
    return [item for item in found if isinstance(item, dict) and item.get("kind") == "ClusterRole"]


def prose(page: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))


def files() -> list[str]:
    """Return the path of every file of the repository, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0 and listed.stdout:
        return sorted(
            name for name in listed.stdout.splitlines() if (ROOT / name).exists() or (ROOT / name).is_symlink()
        )
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(
        path.as_posix() for path in found if not MADE.intersection(path.parts) and ".egg-info" not in str(path)
    )


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of a page."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]

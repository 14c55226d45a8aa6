"""Arrange the pages for mkdocs, which calls these functions: README is the first page, operations one page a task.

A page of docs/ that mkdocs.yml does not name is put below "Engines", and the sections of docs/operations.md become
pages below "Tasks". Links follow; a link to a file of the repository that is not a page becomes its text.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent

#: Pages outside docs/, by the name that they have on the site.
OUTSIDE = {"index.md": "README.md", **{name: name for name in ("CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")}}

#: The page with a section for each task, and the directory of the pages that they become.
OPERATIONS, TASKS = "operations.md", "tasks"

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^][]|\[[^]]*\])*)\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"(?m)^(#{1,6}) (.+)$")


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and mkdocs make it.

    >>> slug("What `dropping` a CRD would do")
    'what-dropping-a-crd-would-do'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def without_code(text: str) -> str:
    """Return Markdown in which blocks of code are empty, with the same lines."""
    return re.sub(r"(?ms)^( *)```.*?^\1```$", lambda found: "\n" * found[0].count("\n"), text)


def tasks() -> dict[str, str]:
    """Return the pages of the tasks by their names on the site: each section of the page, as a page."""
    lines = (ROOT / "docs" / OPERATIONS).read_text(encoding="utf-8").split("\n")
    starts = [
        number for number, line in enumerate(without_code("\n".join(lines)).split("\n")) if line.startswith("## ")
    ]
    found = {}
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = "\n".join(lines[start:end])
        code = re.split(r"(?ms)(^```.*?^```$)", body)
        # The headings of a section rise by one level; lines of code stay.
        code[::2] = [re.sub(r"(?m)^##", "#", part) for part in code[::2]]
        found[f"{TASKS}/{slug(lines[start][3:])}.md"] = "".join(code)
    return found


def places() -> dict[str, str]:
    """Return the page of the site for each anchor of the page of operations."""
    return {slug(title): page for page, text in tasks().items() for _, title in _HEADING.findall(without_code(text))}


def on_config(config: Any) -> Any:
    """Add the pages that mkdocs.yml does not name to the navigation."""
    named = set(re.findall(r"[\w./-]+\.md", str(config["nav"])))
    sections = {title: pages for section in config["nav"] for title, pages in section.items()}
    sections["Tasks"][:0] = [OPERATIONS, *tasks()]
    others = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    sections["Engines"] += [name for name in others if name not in named and name != OPERATIONS]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside docs/, and those of the tasks."""
    texts = {name: (ROOT / path).read_text(encoding="utf-8") for name, path in OUTSIDE.items()} | tasks()
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Return the text of a page with the links that it has on the site."""
    here = page.file.src_uri
    if here == OPERATIONS:
        # Its sections are pages of their own.
        markdown = without_sections(markdown)
    code = re.split(r"(?ms)(^ *```.*?^ *```$)", markdown)
    code[::2] = [_LINK.sub(lambda found: link(found, here, files), part) for part in code[::2]]
    return "".join(code)


def on_post_build(config: Any) -> None:
    """Say where the site is, which no server needs to serve: pages name each other by their files."""
    print(f"the site: {Path(config['site_dir'], 'index.html')}", flush=True)


def without_sections(markdown: str) -> str:
    """Return the beginning of the page of operations, and a list of its sections."""
    number = without_code(markdown).split("\n").index(next(re.finditer(r"(?m)^## .*$", without_code(markdown)))[0])
    first = "\n".join(markdown.split("\n")[:number])
    titles = {page: text.split("\n", 1)[0].removeprefix("# ") for page, text in tasks().items()}
    return first + "\n" + "\n".join(f"- [{title}]({OPERATIONS}#{slug(title)})" for title in titles.values()) + "\n"


def link(found: re.Match[str], here: str, files: Files) -> str:
    """Return a link as it is on the site, or its text."""
    target = found["target"]
    if re.match(r"[a-z]+:", target):
        return found[0]
    path, _, anchor = target.partition("#")
    page = resolved(path, here)
    if page == OPERATIONS and anchor:
        page = places().get(anchor, page)
    if files.get_file_from_path(page) is None and (ROOT / page).exists():
        return found["text"]
    up = "../" * here.count("/")
    same = page == here and anchor
    return f"{found['image']}[{found['text']}]({'' if same else up + page}{f'#{anchor}' if anchor else ''})"


def resolved(path: str, here: str) -> str:
    """Return the name on the site of the file that a link leads to, as it is in the repository."""
    if not path:
        # The sections of a page may be on other pages here.
        return OPERATIONS if here.startswith(f"{TASKS}/") else here
    source = OUTSIDE.get(here) or f"docs/{OPERATIONS if here.startswith(f'{TASKS}/') else here}"
    parts: list[str] = []
    for part in (PurePosixPath(source).parent / path).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    name = "/".join(parts)
    outside = {path: page for page, path in OUTSIDE.items()}
    return outside.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else name)

"""The page of `check -o html` in a real Chromium: what it loads, how it looks, and who can use it.

The pages are of two meshes without findings, of two that were made by the recipe of the article, and of twenty; one is
of `verify`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from article import ARTICLE
from chromium import ROOT, Browser, browser
from program import profile
from running_clusters import pod, sound

__all__ = ["browser"]

MESHES = ("affirmed", "blue")
PAGES = ("sound", "article", "twenty")


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Write the three pages."""
    directory = tmp_path_factory.mktemp("pages")
    for mesh in MESHES:
        (directory / f"{mesh}.yaml").write_text(ARTICLE.replace("MESH", mesh))
    many = [f"mesh-{number}" for number in range(20)]
    for mesh in (*MESHES, *many):
        owner = "own" if mesh in ("affirmed", "mesh-0") else "leave"
        text = profile(mesh, f"istio-{mesh}", (f"nginx-{mesh}", f"shop-{mesh}"), sharedResources=owner)
        (directory / f"{mesh}.profile.yaml").write_text(text)
    given = {
        "sound": [f"--profile={mesh}.profile.yaml" for mesh in MESHES],
        "article": [f"{mesh}.yaml" for mesh in MESHES],
        "twenty": [f"--profile={mesh}.profile.yaml" for mesh in many],
    }
    for name, arguments in given.items():
        command = [sys.executable, "-m", "multimesh", "check", "-o", "html", *arguments]
        environment = {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (int(name == "article"), b"")
        (directory / f"{name}.html").write_bytes(done.stdout)
    return {name: directory / f"{name}.html" for name in PAGES}


#: A large page takes axe-core long, so it is opened twice only.
WINDOWS = [(name, width, scheme) for name in PAGES[:2] for width in (1280, 400) for scheme in ("light", "dark")]
WINDOWS += [("twenty", 1280, "light"), ("twenty", 400, "dark")]


@pytest.mark.parametrize(("name", "width", "scheme"), WINDOWS)
def test_a_page_is_whole_quiet_and_accessible(browser: Browser, pages, tmp_path, name, width, scheme) -> None:
    """It requests nothing but itself, the console is empty, axe-core finds nothing, and nothing is wider than the window."""
    with browser.open(pages[name], width, scheme) as opened:
        opened.page.wait_for_load_state("networkidle")
        assert opened.requests == [pages[name].absolute().as_uri()]
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate("document.compatMode") == "CSS1Compat"
        assert opened.violations("critical", "serious", "moderate") == []
        assert opened.console == []
        picture = opened.page.screenshot(path=tmp_path / "page.png", full_page=True)
        assert len(picture) > 10_000


@pytest.fixture(scope="module")
def verified(tmp_path_factory) -> Path:
    """Write the page of `verify` for a saved cluster with a pod that two meshes inject."""
    directory = tmp_path_factory.mktemp("verified")
    (directory / "profile.yaml").write_text(profile("affirmed", "istio-affirmed", ("nginx-affirmed",)))
    cluster = sound() | {"twice": pod("nginx-2", proxies=2)}
    (directory / "cluster.json").write_text(json.dumps({"kind": "List", "items": list(cluster.values())}))
    command = [sys.executable, "-m", "multimesh", "verify", "--profile=.", "-f", "cluster.json", "-o", "html"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    (directory / "verify.html").write_bytes(done.stdout)
    return directory / "verify.html"


def test_the_page_of_verify_is_whole_quiet_and_accessible(browser: Browser, verified) -> None:
    """It has one column, and the finding about a pod; on a narrow window too, in the dark."""
    with browser.open(verified, 400, "dark") as opened:
        opened.page.wait_for_load_state("networkidle")
        assert opened.requests == [verified.absolute().as_uri()]
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
        assert opened.violations("critical", "serious", "moderate") == []
        assert opened.console == []
        table = opened.page.get_by_role("table", name="Which mesh injects")
        assert table.get_by_role("columnheader").all_inner_texts() == ["namespace", "affirmed"]
        section = opened.page.get_by_role("region", name="error: pod-mesh")
        assert section.get_by_text("Pod/nginx-affirmed/nginx-2 has 2 sidecars").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_the_scheme_of_the_reader_decides_the_colours(browser: Browser, pages, name) -> None:
    """Text is lighter than its background in the dark only."""
    bright = "(c => c.match(/[0-9]+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0))"
    script = f"[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor].map({bright})"
    for scheme in ("light", "dark"):
        with browser.open(pages[name], scheme=scheme) as opened:
            text, back = opened.page.evaluate(script)
            assert (text > back) == (scheme == "dark")


def test_every_collision_of_the_article_is_visible_where_it_is(browser: Browser, pages) -> None:
    """A link in the cell of each mesh is on the screen, and leads to the finding with its example."""
    expected = {
        "validating webhooks": "error: validation-overlap",
        "namespaces of workloads": "error: citadel-scope",
        "node ports": "error: node-port",
        "shared resources": "error: embedded-cluster-scoped",
        "gateways": "warning: gateway-selector",
        "trust domain": "warning: trust-domain",
    }
    with browser.open(pages["article"]) as opened:
        for title, link in expected.items():
            row = opened.page.get_by_role("row").filter(
                has=opened.page.get_by_role("rowheader", name=title, exact=True)
            )
            links = row.get_by_role("link", name=link)
            assert links.count() == 2, title
            links.first.click()
            section = opened.page.locator(opened.page.evaluate("location.hash"))
            assert section.evaluate("element => element.getBoundingClientRect().top < window.innerHeight")
            assert section.get_by_role("heading", name=link).is_visible()
        example = "an Istio resource with any labels in a namespace with any labels is seen by both"
        assert opened.page.get_by_role("rowheader", name=example).is_visible()
        assert opened.page.get_by_text("5 errors, 2 warnings").is_visible()


def test_a_keyboard_reaches_everything(browser: Browser, pages) -> None:
    """The Tab key stops at each link, and at each table that may be scrolled; what has the focus has an outline."""
    script = "document.querySelectorAll('a, summary, [tabindex=\"0\"]').length"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    with browser.open(pages["article"]) as opened:
        wanted = opened.page.evaluate(script)
        seen = set()
        for _ in range(wanted):
            opened.page.keyboard.press("Tab")
            assert opened.page.evaluate(outline) == "solid"
            seen.add(opened.page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        assert len(seen) == wanted > 10
    with browser.open(pages["article"]) as opened:
        opened.page.keyboard.press("Tab")
        opened.page.keyboard.press("Enter")
        assert opened.page.url.endswith("#findings")


def test_a_screen_reader_finds_tables_with_heads(browser: Browser, pages) -> None:
    """Each table has a name, each column is a mesh, each row a fact or a namespace, each section a heading."""
    with browser.open(pages["sound"]) as opened:
        table = opened.page.get_by_role("table", name="Which mesh injects")
        assert table.get_by_role("columnheader").all_inner_texts() == ["namespace", *MESHES]
        rows = table.get_by_role("rowheader").all_inner_texts()
        assert [text.split()[0] for text in rows][:2] == ["istio-affirmed", "istio-blue"]
        headings = opened.page.get_by_role("heading", level=2).all_inner_texts()
        assert headings == ["Meshes", "Namespaces", "Findings"]
        assert opened.page.get_by_role("main").count() == 1
        assert opened.page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("name", PAGES)
def test_a_printed_page_holds_all_columns(browser: Browser, pages, name) -> None:
    """Nothing is wider than landscape paper, the mesh of each cell is told, and a table of CRDs is open."""
    with browser.open(pages[name], 1040) as opened:
        opened.page.emulate_media(media="print")
        assert (
            opened.page.evaluate(
                "[...document.querySelectorAll('table, th, td')].filter(e => e.getBoundingClientRect().right > 1041).length"
            )
            == 0
        )
        assert opened.page.get_by_text("istio-mesh-19" if name == "twenty" else "istio-blue").first.is_visible()
        assert opened.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")

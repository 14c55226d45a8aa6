"""Open pages in a real Chromium; tests that need it are skipped, with the reason, where it is missing.

tools/browser.py finds it and axe-core, and `make browser` installs both.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Milliseconds after which a step has failed; a machine with other work takes long for a large page.
PATIENCE = 120_000


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("browser_tool", ROOT / "tools" / "browser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Opened:
    """A page that is open, with what its console and the network said while it was."""

    def __init__(self, page: Any, axe: Path) -> None:
        self.page = page
        self.axe = axe
        self.requests: list[str] = []
        self.console: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def violations(self, *impacts: str) -> list[tuple[str, str, str]]:
        """Return what axe-core finds of these impacts: rule, impact, and the first element."""
        self.page.evaluate(self.axe.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert len(found["passes"]) > 10
        return [
            (one["id"], one["impact"], one["nodes"][0]["html"])
            for one in found["violations"]
            if one["impact"] in impacts
        ]


class Browser:
    """A Chromium that runs."""

    def __init__(self, chromium: Any, axe: Path) -> None:
        self.chromium = chromium
        self.axe = axe

    @contextmanager
    def open(self, file: Path, width: int = 1280, scheme: str = "light") -> Iterator[Opened]:
        """Open a file in a window of a width, for a reader who prefers a colour scheme."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE)
        try:
            opened = Opened(context.new_page(), self.axe)
            opened.page.goto(file.absolute().as_uri())
            yield opened
        finally:
            context.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium once for a module, or skip its tests."""
    tool = _tool()
    try:
        found = tool.find()
    except tool.Unavailable as error:
        pytest.skip(str(error))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(found.chromium), timeout=PATIENCE)
        yield Browser(chromium, found.axe)
        chromium.close()

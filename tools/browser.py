#!/usr/bin/env python3
"""Find what the tests of HTML pages need: Chromium, playwright and axe-core; or install it with --install.

    python3 tools/browser.py --screenshot page.html docs/images/check.png    writes the upper part of a page as a picture

Chromium is a package of the distribution, playwright one of PyPI (the extra `browser`), axe-core one of npm, which is
kept in the cache directory of tools/helm.py. Without one of them the tests of pages are skipped, with the reason.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import helm as tool

ROOT = Path(__file__).resolve().parent.parent
AXE = "4.14.1"

#: What the program is called, by distribution.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Unavailable(Exception):
    """Something that a browser test needs is missing; the message is one line."""


class Browser(NamedTuple):
    """The path of Chromium, and of the script of axe-core."""

    chromium: Path
    axe: Path


def find() -> Browser:
    """Return the paths. Raises Unavailable with all that is missing."""
    chromium, axe = _chromium(), _axe()
    missing = [
        name
        for name, found in (
            ("chromium", chromium),
            ("playwright", importlib.util.find_spec("playwright")),
            (f"axe-core {AXE}", axe),
        )
        if not found
    ]
    if missing or chromium is None or axe is None:
        raise Unavailable(f"no browser: {', '.join(missing)} missing; make browser installs what it can")
    return Browser(chromium, axe)


def _chromium() -> Path | None:
    return next((Path(found) for name in CHROMIUM if (found := shutil.which(name))), None)


def _axe() -> Path | None:
    path = _axe_directory() / "node_modules" / "axe-core" / "axe.min.js"
    return path if path.exists() else None


def _axe_directory() -> Path:
    return tool.cache_directory().absolute() / f"axe-core-{AXE}"


def install() -> None:
    """Install what is missing, with the programs that are there."""
    if _chromium() is None:
        # Only root can install packages; others are told what to do.
        if shutil.which("apt-get") and os.geteuid() == 0:
            _run("apt-get", "update", "-qq")
            _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        else:
            tool.say("install chromium, with: sudo apt-get install chromium")
    if importlib.util.find_spec("playwright") is None:
        _run(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--editable",
             f"{ROOT}[browser]")  # fmt: skip
        importlib.invalidate_caches()
    if _axe() is None:
        if shutil.which("npm"):
            directory = _axe_directory()
            directory.mkdir(parents=True, exist_ok=True)
            _run("npm", "install", "--prefix", str(directory), "--no-save", "--ignore-scripts", "--no-audit",
                 "--no-fund", "--silent", f"axe-core@{AXE}")  # fmt: skip
        else:
            tool.say("install npm, from which axe-core comes")


def _run(*command: str) -> None:
    tool.say(" ".join(command))
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tool.say(f"exit code {done.returncode}: {' | '.join((done.stdout + done.stderr).splitlines()[-3:])}")


def screenshot(browser: Browser, page: Path, picture: Path) -> None:
    """Write the upper part of a page as a PNG file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(browser.chromium))
        window = chromium.new_page(viewport={"width": 1120, "height": 1180})
        window.goto(page.absolute().as_uri())
        window.screenshot(path=picture)
        chromium.close()


def main() -> int:
    """Print what is there, after installing it if asked to; return 2 if something is missing."""
    parser = argparse.ArgumentParser(description="Find or install what the tests of HTML pages need.")
    parser.add_argument("--install", action="store_true", help="install what is missing")
    parser.add_argument(
        "--screenshot", nargs=2, type=Path, metavar=("PAGE", "PICTURE"), help="write a picture of a page"
    )
    options = parser.parse_args()
    try:
        if options.install:
            install()
        browser = find()
        if options.screenshot:
            screenshot(browser, *options.screenshot)
    except (Unavailable, OSError) as error:
        tool.say(str(error))
        return 2
    tool.say(f"chromium: {browser.chromium}, axe-core: {browser.axe}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Run programs that others wrote and that users run beside multimesh: Go builds some, npm and pip install others.

Each is built or installed once, into the cache of tools/helm.py. Where that is not possible, tests that ask for one are
skipped with the reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import reader

#: What takes Go many minutes to build, and the variable that asks for it.
LARGE, ASK = ("argocd-cmp-server", "helmfile", "kpt"), "MULTIMESH_BUILD_LARGE"

#: One Go module for each program, which names its version.
PROGRAMS = reader.ROOT / "tests" / "programs"


def go(name: str, package: str) -> str:
    """Return the path of a program that a module of tests/programs builds, or skip the test."""
    return _found(_built, name, package)


def npm(package: str, version: str, program: str) -> str:
    """Return the path of a program, below the directory of npm's packages, of a package of npm; or skip the test."""
    return str(Path(_found(_npm, package, version)) / program)


def pip(requirement: str, program: str) -> str:
    """Return the path of a program of a package of pip, in an environment of its own, or skip the test."""
    return str(Path(_found(_pip, requirement)) / "bin" / program)


def node() -> str:
    """Return the path of Node.js, or skip the test."""
    found = shutil.which("node")
    if not found:
        pytest.skip("install Node.js")
    return found


def _found(make: Callable[..., Path | str], *arguments: str) -> str:
    found = make(*arguments)
    if isinstance(found, str):
        pytest.skip(found)
    return str(found)


@cache
def _built(name: str, package: str) -> Path | str:
    sources = PROGRAMS / name
    if name in LARGE and not os.environ.get(ASK) and not os.access(reader.place(sources, sources), os.X_OK):
        return f"{name} is not built: set {ASK}=1, and Go builds it in up to a quarter of an hour, once"
    try:
        return reader.built(sources, sources, package, name)
    except reader.Unavailable as error:
        return str(error)


@cache
def _npm(package: str, version: str) -> Path | str:
    """Return the directory of npm's packages with one installed, or why there is none."""
    if not shutil.which("npm"):
        return f"{package} is not installed: install npm"
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]

    def install(directory: Path) -> list[str]:
        return [*command, f"--prefix={directory}", f"{package}@{version}"]

    home = _installed(f"npm-{package.strip('@').replace('/', '-')}-{version}", install, f"{package} {version}")
    return home if isinstance(home, str) else home / "node_modules"


@cache
def _pip(requirement: str) -> Path | str:
    """Return the directory of a virtual environment that has a package, or why there is none."""

    def install(directory: Path) -> list[str]:
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, capture_output=True)
        return [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]

    name = hashlib.sha256(f"{requirement} {sys.version}".encode()).hexdigest()[:16]
    # The scripts of a virtual environment hold its path, so it is made where it stays.
    return _installed(f"pip-{name}", install, requirement, move=False)


def _installed(name: str, install: Callable[[Path], list[str]], what: str, *, move: bool = True) -> Path | str:
    """Return a directory of the cache, filled by a command unless it is complete, or why it cannot be filled."""
    home = reader.tool.cache_directory().absolute() / name
    if (home / ".complete").exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".installing-", dir=home.parent) as temporary:
        directory = Path(temporary) / name if move else home
        directory.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                install(directory), capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"{what} is not installed: {error}"
        if done.returncode:
            return f"{what} is not installed: {' | '.join(done.stderr.splitlines()[-3:])}"
        (directory / ".complete").touch()
        if move and not home.exists():
            try:
                os.replace(directory, home)
            except OSError:
                # Another process was first.
                if not (home / ".complete").exists():
                    raise
    return home

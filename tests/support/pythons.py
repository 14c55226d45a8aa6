"""Make interpreters for tests: one that has no packages at all, and one with an installed wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

VERSION = "python{}.{}".format(*sys.version_info[:2])


def bare_python(prefix: Path) -> Path:
    """Create an interpreter without packages in a directory, and return it, or skip the test.

    It is a copy of this one with its standard library. A virtual environment would not do: `postrender.py` uses the
    packages of the interpreter that it was made from.
    """
    library = prefix / "lib" / VERSION
    (prefix / "bin").mkdir(parents=True)
    library.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in ("site-packages", "dist-packages", "sitecustomize.py", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (library / "site-packages").mkdir()
    shutil.copy2(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), prefix / "bin" / "python3")
    command = [prefix / "bin" / "python3", "-c", "import sys; print(sys.prefix)\nimport yaml"]
    probe = subprocess.run(command, capture_output=True, text=True, env=bare_environment(prefix), check=False)
    if probe.stdout.strip() != str(prefix) or "No module named 'yaml'" not in probe.stderr:
        pytest.skip("this Python cannot run from a copy of its binary")
    return prefix


def bare_environment(prefix: Path) -> dict[str, str]:
    """Return the variables with which that interpreter is python3, and finds no packages of the user."""
    path = os.pathsep.join((str(prefix / "bin"), "/usr/bin", "/bin"))
    return {"PATH": path, "HOME": str(prefix / "home")}


def virtual_environment(directory: Path, *requirements: object) -> Path:
    """Create a virtual environment with these requirements, and return its directory, or skip the test."""
    subprocess.run([sys.executable, "-m", "venv", directory], check=True, capture_output=True)
    # -E: pip would take what is in PYTHONPATH for installed.
    command = [directory / "bin" / "python", "-E", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *map(str, requirements)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pip cannot install {requirements}: {done.stderr.strip().splitlines()[-1]}")
    return directory

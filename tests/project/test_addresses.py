"""The project knows one address of its own, the home of its API group, and what is below it is in the repository."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pages import ROOT

from multimesh.check.catalogue import CATALOGUE, link
from multimesh.mesh.definitions import API_VERSION
from multimesh.mesh.schema import ID
from multimesh.version import HOME

if sys.version_info < (3, 11):
    pytest.skip("reading pyproject.toml needs Python 3.11", allow_module_level=True)

import tomllib

#: Files that contain the address as text, since they cannot import it.
WRITTEN_OUT = {"multimesh/profile.schema.json", "multimesh/version.py", "pyproject.toml"}


def test_the_address_is_the_home_of_the_api_group():
    """The group is the only domain that a profile, and so the project, names."""
    assert f"https://{API_VERSION.partition('/')[0]}" == HOME


def test_the_address_is_written_once():
    """Elsewhere it is imported; tests may compare it."""
    found = subprocess.run(
        ["git", "grep", "-lI", "--untracked", "https://multimesh[.]", "--", ":!tests"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode > 1:
        pytest.skip("this is no clone")
    assert set(found.stdout.split()) == WRITTEN_OUT


def test_the_urls_of_the_package_are_paths_of_the_repository():
    """A package index shows them beside the description, whose links are below the same address."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert urls["Homepage"] == HOME
    below = [url.removeprefix(f"{HOME}/") for name, url in urls.items() if name != "Homepage"]
    assert below
    assert [path for path in below if not (ROOT / path).exists()] == []


def test_the_links_of_sarif_are_pages_of_the_repository():
    """Each is a page and the heading of the finding on it."""
    for name in CATALOGUE:
        page, _, anchor = link(name).partition("#")
        assert anchor
        assert (ROOT / page).is_file(), name


def test_the_schema_that_is_shipped_has_the_address():
    """The file is generated; editors compare its `$id`."""
    found = json.loads((ROOT / "multimesh/profile.schema.json").read_text(encoding="utf-8"))
    assert found["$id"] == ID == f"{HOME}/profile.schema.json"

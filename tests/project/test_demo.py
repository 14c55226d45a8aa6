"""`make demo`: what it prints is what it made, and two meshes of it share nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helms import binary
from pages import ROOT

from multimesh.cli import main

PROGRAM = ROOT / ".venv/bin/multimesh"


@pytest.fixture(scope="module")
def said() -> str:
    """Run the demo, and return what it prints."""
    if not PROGRAM.exists():
        pytest.skip("no .venv in the checkout: make demo makes it")
    if isinstance(helm := binary(3), str):
        pytest.skip(helm)
    environment = os.environ | {"PATH": f"{helm.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "tools/demo.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_ends_with_what_the_meshes_would_share(said, capsysbinary) -> None:
    """The numbers are those of the findings about the stock manifests, and none is left."""
    (sentence,) = re.findall(r"(?m)^By the stock chart alone .*$", said)
    files = [str(ROOT / f"build/demo/stock-{mesh}.yaml") for mesh in ("affirmed", "blue")]
    main(["check", *files, "-o", "json"])
    found = Counter(finding["id"] for finding in json.loads(capsysbinary.readouterr().out)["findings"])
    webhooks = found["injection-overlap"] + found["validation-overlap"]
    for number, noun in ((found["cluster-scoped-name"], "cluster-scoped names"), (webhooks, "webhooks"),
                         (found["node-port"], "node ports"), (found["trust-domain"], "trust domain")):  # fmt: skip
        assert number
        assert f"{number} {noun}" in sentence
    assert sum(map(int, re.findall(r"\d+", sentence))) == found.total()
    assert sentence.endswith("; now they share nothing.")


def test_the_demo_shows_ten_lines_of_the_diff(said) -> None:
    """And names the file that has all of them."""
    begin = said.index("--- stock")
    lines = said[begin : said.index("... and ")].splitlines()
    assert len(lines) == 10
    number, file = re.findall(r"(?m)^\.\.\. and (\d+) more lines, which are in (\S+)$", said)[0]
    whole = Path(ROOT / file).read_text().splitlines()
    assert whole[:10] == lines
    assert len(whole) == 10 + int(number)


def test_the_commands_of_the_demo_use_the_values_of_the_mesh(said) -> None:
    """So that what a user installs is what was checked."""
    calls = re.findall(r"helm (?:template|install) istio .*", said)
    assert len(calls) >= 4
    assert [call for call in calls if not re.search(r"-n istio-(\w+) -f charts-values/\1/istio-1\.5\.yaml", call)] == []


@pytest.mark.parametrize("major", [3, 4])
def test_the_commands_of_the_demo_have_one_form(major, monkeypatch, capsys, tmp_path) -> None:
    """Each runs as it is printed: with the Helm that the demo uses, which may be one that it downloaded."""
    demo = load()
    helm = demo.Helm("/cache/helm", major, f"{major}.0.0", {})
    mesh = demo.Mesh("blue", "istio-blue", "charts-values/blue", tmp_path, "", "", tmp_path / "blue.yaml")
    monkeypatch.setattr(demo, "run", lambda command, environment, text=None: "a\n")
    monkeypatch.setattr(demo, "OUTPUT", tmp_path)
    monkeypatch.setattr(demo, "MESHES", ("blue",))
    monkeypatch.chdir(ROOT)
    demo.render(helm, "blue")
    demo.diff(helm, mesh)
    shown = capsys.readouterr().out + demo.next_commands(helm, [mesh, mesh])
    lines = [line for line in shown.splitlines() if " template " in line or " install " in line]
    assert len(lines) == 4
    for line in lines:
        assert "/cache/helm template" in line or "/cache/helm install" in line
        assert (f"HELM_PLUGINS={ROOT.parent} /cache/helm" in line) == (major == 4 and "--post-renderer" in line)


def load():
    """Return the demo as a module, which nobody imports."""
    spec = importlib.util.spec_from_file_location("demo", ROOT / "tools/demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

"""The three ways to the same nodes: libyaml alone, `import yaml` with libyaml, and PyYAML without libyaml."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

import pytest
from program import ROOT, profile
from restyle import restyle
from streams import Stream, over, streams

from multimesh.errors import MultimeshError
from multimesh.yamltext import parser

DEMO = streams(helm="helm3", version="1.5.0", mesh="affirmed", charts=("istio-demo",))
PROFILE = profile("affirmed", "istio-affirmed", ("nginx-affirmed",), sharedResources="own")

#: Modules that `render` must not import: each takes more than a tenth of the run (reference/performance.md).
HEAVY = (
    "argparse", "collections", "dataclasses", "datetime", "enum", "functools", "importlib.metadata", "json", "logging",
    "os", "pathlib", "re", "shutil", "site", "subprocess", "tempfile", "typing", "yaml",
)  # fmt: skip

# How to force each way, in a new interpreter that then renders stdin.
ROADS = {
    "libyaml alone": "",
    "import yaml": "import yaml",
    "pure": "import sys; sys.modules['yaml._yaml'] = None; import yaml",
}
START = """
import sys
sys.path.insert(0, {root!r})
sys.path.append({packages!r})
{road}
from multimesh.commands.render import post_render
code = post_render(["--profile", {profile!r}])
sys.stderr.write(" ".join(sys.modules))
if code == 0:
    from multimesh.yamltext import parser
    sys.stderr.write(" LOADER:" + ",".join(base.__module__ + "." + base.__name__ for base in parser.loader().__mro__))
sys.exit(code)
"""


def start(road: str, stream: bytes, mesh: str) -> subprocess.CompletedProcess[bytes]:
    """Render in an interpreter without `site`, as Helm starts it; the imported modules are on stderr."""
    import yaml

    packages = os.path.dirname(os.path.dirname(yaml.__file__))
    code = START.format(root=str(ROOT), packages=packages, road=ROADS[road], profile=mesh)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], input=stream, capture_output=True, timeout=120, check=False
    )


@pytest.fixture
def mesh(tmp_path):
    """Return the path of a profile."""
    file = tmp_path / "profile.yaml"
    file.write_text(PROFILE, encoding="utf-8")
    return str(file)


@over("source", DEMO)
@pytest.mark.parametrize("road", ROADS)
def test_each_road_is_the_one_it_says(road, source: Stream, mesh):
    """If a way silently used another one, the other tests would check nothing."""
    done = start(road, source.text.encode(), mesh)
    imported, _, loader = done.stderr.decode().partition(" LOADER:")

    assert done.returncode == 0, done.stderr
    assert ("yaml" in imported.split()) is (road != "libyaml alone")
    assert ("yaml._yaml.CParser" in loader) is (road != "pure")


@over("source", DEMO)
@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4, 5])
def test_the_roads_agree(seed, source: Stream, mesh):
    """The bytes are the same, for every style of the stream."""
    text = source.text if seed is None else restyle(source.text, Random(seed))
    done = {road: start(road, text.encode(), mesh) for road in ROADS}

    assert {(road, 0) for road in ROADS} == {(road, result.returncode) for road, result in done.items()}
    assert done["libyaml alone"].stdout == done["import yaml"].stdout
    assert done["libyaml alone"].stdout == done["pure"].stdout


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize(
    "stream",
    [
        "kind: [\n",
        "kind: 'a\n",
        "a: *b\n",
        "a: b: c\n",
        "\tkind: a\n",
        "a: \x07\n",
        "%TAG ! a\n%TAG ! b\n--- a\n",
        "[" * 9999,
    ],
)
def test_every_road_refuses_what_is_not_yaml(road, stream, mesh):
    """There is one message with a line, and no traceback, for every error class of PyYAML."""
    done = start(road, stream.encode(), mesh)

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"multimesh: <stdin>"), done.stderr
    assert b"Traceback" not in done.stderr


@over("source", DEMO)
def test_rendering_imports_nothing_heavy(source: Stream, mesh):
    """Start-up is half of the run, and one such import would double it."""
    done = start("libyaml alone", source.text.encode(), mesh)
    imported = set(done.stderr.decode().partition(" LOADER:")[0].split())

    assert done.returncode == 0
    assert set() == imported & set(HEAVY)


def test_a_python_without_pyyaml_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "_alone", False)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MultimeshError) as raised:
        parser._loader()
    assert raised.value.what == f"PyYAML is not installed for {sys.executable}"
    assert "-m pip install" in raised.value.hint

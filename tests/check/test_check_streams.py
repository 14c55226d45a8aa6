"""`multimesh check` over the stock streams: the recipe of the article, our values, invalid input, and twenty meshes at once."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations, product
from pathlib import Path
from random import Random

import oracle
import pytest
import yaml
from control_planes import our_values
from pages import ROOT
from program import profile, render
from streams import DIRECTORY, REASON, stream

from multimesh.check.sources.manifests import parse
from multimesh.cli import main
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render as rewrite

needs_streams = pytest.mark.skipif(not DIRECTORY.is_dir(), reason=REASON)
MESHES = {"affirmed": "own", "blue": "leave"}
PARTS = ("base", "istiod", "gateway", "cni", "ztunnel")


def check(capsysbinary, *given: object) -> list[dict]:
    """Run the command in this process, and return its findings."""
    main(["check", *map(str, given), "-o", "json"])
    said = capsysbinary.readouterr()
    assert said.err == b""
    return json.loads(said.out)["findings"]


# The article.


class _Dumper(yaml.SafeDumper):
    """Write what the oracle has read."""


_Dumper.add_representer(
    oracle.Bare,
    lambda dumper, value: dumper.represent_scalar(
        dumper.resolve(yaml.ScalarNode, str(value), (True, False)), str(value)
    ),
)


def by_hand(helm: str, mesh: str) -> str:
    """Change the demo as the article does, with its mistakes."""
    objs = oracle.load(stream(helm, "1.5.0", mesh, "istio-demo").text)
    space = f"istio-{mesh}"
    changes = oracle.plan(objs, mesh, space, (f"{space}-workspace",), citadel={"alsoListen": ["kube-system"]})
    return yaml.dump_all(oracle.apply(objs, [c for c in changes if c.rule in oracle.ARTICLE]), Dumper=_Dumper)


@needs_streams
@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_the_article_leaves_exactly_what_it_overlooked(capsysbinary, tmp_path, helm):
    """Names and injection no longer conflict; the rest is the list of the article's mistakes."""
    for mesh in MESHES:
        (tmp_path / f"{mesh}.yaml").write_text(by_hand(helm, mesh))
    found = check(capsysbinary, tmp_path / "affirmed.yaml", tmp_path / "blue.yaml")
    between = Counter(item["id"] for item in found if len(item["sides"]) > 1 or item["id"] == "embedded-cluster-scoped")
    assert between == {
        "embedded-cluster-scoped": 2,
        "validation-overlap": 2,
        "node-port": 3,
        "citadel-scope": 1,
        "trust-domain": 1,
        "gateway-selector": 2,
    }
    assert [i["message"] for i in found if i["id"] == "citadel-scope"] == ["both Citadels serve kube-system"]
    assert {"a Job of mesh affirmed applies MeshPolicy/default", "a Job of mesh blue applies MeshPolicy/default"} == {
        item["message"].replace("mesh istio-", "mesh ") for item in found if item["id"] == "embedded-cluster-scoped"
    }
    # Inside each mesh two scripts wait for the stock name; there is no other finding.
    inside = [item for item in found if len(item["sides"]) == 1 and item["id"] != "embedded-cluster-scoped"]
    assert [item["id"] for item in inside] == ["webhook-flag-mismatch"] * 4
    assert all(item["message"].startswith("run.sh waits for istio-galley") for item in inside)


# With the values of `multimesh values`. The charts are not available, so the values are applied to rendered streams.


def with_values(text: str, mesh: str, version: str) -> str:
    """Return a stock stream as our values would have changed it."""
    if version == "1.24.6" and mesh == "blue":
        # base.excludedCRDs removes them.
        text = "".join(part for part in _documents(text) if "\nkind: CustomResourceDefinition\n" not in part)
    if version == "1.9.9":
        # The name of the gateway is a value there, and is part of its label.
        text = text.replace("istio: ingressgateway", f"istio: {mesh}-ingressgateway")
        text = text.replace('istio: "ingressgateway"', f"istio: {mesh}-ingressgateway")
    selectors = (
        ""
        if version in ("1.5.0", "1.9.9")
        else f"discoverySelectors: [{{matchLabels: {{multimesh.dev/mesh: {mesh}}}}}]"
    )
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() in (
            "trustDomain: cluster.local",
            'trustDomain: "cluster.local"',
            'trustDomain: ""',
            "trustDomain:",
        ):
            lines.append(f"{indent}trustDomain: {mesh}.local")
            lines += [indent + selectors] if selectors else []
            lines += [indent + 'ingressControllerMode: "OFF"'] if version != "1.5.0" else []
        elif line.strip() == "- name: REVISION":
            for name, value in our_values(mesh, version, sharedResources=MESHES[mesh])["pilot"]["env"].items():
                lines += [f"{indent}- name: {name}", f'{indent}  value: "{value}"']
            lines.append(line)
        else:
            lines.append(line)
    return "\n".join(lines)


def _documents(text: str) -> list[str]:
    return [part if not number else f"\n---{part}" for number, part in enumerate(text.split("\n---"))]


@needs_streams
@pytest.mark.parametrize(
    ("helm", "version"), list(product(("helm3", "helm4"), ("1.5.0", "1.9.9", "1.16.7", "1.24.6", "1.30.3")))
)
def test_with_our_values_two_meshes_share_nothing_at_all(capsysbinary, tmp_path, helm, version):
    """Not even a warning is left, but what no value of 1.9 can change: both write their root into every namespace."""
    charts = ("istio-everything",) if version == "1.5.0" else PARTS
    given: list[object] = []
    for mesh, owns in MESHES.items():
        (tmp_path / mesh).mkdir()
        spec = profile(mesh, f"istio-{mesh}", (f"nginx-{mesh}",), sharedResources=owns)
        (tmp_path / f"{mesh}.yaml").write_text(spec)
        given += [tmp_path / mesh, f"--profile={tmp_path / mesh}.yaml"]
        for chart in charts:
            source = DIRECTORY / helm / version / mesh / f"{chart}.yaml"
            # Only the owner installs the shared resources.
            if source.exists() and (owns == "own" or chart not in ("cni", "ztunnel")):
                done = render(with_values(source.read_text(), mesh, version).encode(), spec)
                assert (done.code, done.err) == (0, "")
                (tmp_path / mesh / source.name).write_bytes(done.out)
    roots = ["both meshes write ConfigMap istio-ca-root-cert into every namespace"] if version == "1.9.9" else []
    assert [item["message"] for item in check(capsysbinary, *given)] == roots


# Profiles, and the names that they make.

#: Mesh, control-plane namespace and revision, of words that contain each other.
CONFUSABLE = [
    (mesh, namespace, revision)
    for mesh, namespace in (
        ("blue", "istio-blue"), ("green", "blue"), ("reader-blue", "istio-red"), ("a", "b-c"), ("a-b", "c"), ("b", "a-c"),
        ("istio-blue", "mesh-1"), ("clusterrole-a", "mesh-2"), ("x", "clusterrole-a-b-c"), ("pilot-c", "mesh-3"),
    )
    for revision in (mesh, "a", "a-b")
]  # fmt: skip


@needs_streams
def test_profiles_that_are_accepted_together_make_names_that_do_not_meet(capsysbinary, tmp_path):
    """It holds for every version of either mesh, since one mesh may be older than the other."""
    names: dict[tuple, set] = {}
    for number, (mesh, space, revision) in enumerate(CONFUSABLE):
        text = profile(mesh, space, revision=revision, gateways="keep", sharedResources="leave")
        (tmp_path / f"{number}.yaml").write_text(text)
        spec = load(text, "profile.yaml")
        found = names.setdefault((mesh, space, revision), set())
        for version, chart in product(("1.5.0", "1.9.9", "1.16.7", "1.30.3"), ("istio-demo", "base", "istiod")):
            if (version == "1.5.0") == (chart == "istio-demo"):
                stock = stream("helm3", version, "affirmed", chart).text
                stock = stock.replace("istio-affirmed", "\0").replace("affirmed", revision).replace("\0", space)
                rendered = rewrite(stock.encode(), spec).output.decode()
                found |= {item.key for item in parse(rendered, chart) if item.cluster_scoped}
    seen: Counter[bool] = Counter()
    for one, two in combinations(range(len(CONFUSABLE)), 2):
        told = check(capsysbinary, f"--profile={tmp_path}/{one}.yaml", f"--profile={tmp_path}/{two}.yaml")
        common = names[CONFUSABLE[one]] & names[CONFUSABLE[two]]
        accepted = not any(item["severity"] == "error" for item in told)
        assert not (accepted and common), (CONFUSABLE[one], CONFUSABLE[two], common)
        seen[accepted] += 1
    assert min(seen[True], seen[False]) > 20, seen


# Invalid input.

_WRONG = (None, 3, "x", "", [], {}, [None], {"a": None}, [[1]], True, -1, 1.5, [{"name": {}}], {"a": [{}]})


def mutated(item: object, rng: Random) -> object:
    """Put a value of the wrong type anywhere into an object."""
    copy = json.loads(json.dumps(item, default=str))
    node = copy
    while isinstance(node, dict | list) and node:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if rng.random() < 0.2 or not isinstance(node[key], dict | list):
            node[key] = rng.choice(_WRONG)
            break
        node = node[key]
    return copy


@needs_streams
@pytest.mark.parametrize("seed", range(20))
def test_streams_with_anything_anywhere_never_end_in_a_traceback(capsysbinary, tmp_path, seed):
    """Manifests, the cluster and the previous manifest are mutated in many places."""
    rng = Random(seed)
    given = []
    for mesh, name in (("affirmed", "new"), ("blue", "other"), ("affirmed", "old"), ("blue", "live")):
        objs = [
            item
            for version, chart in (("1.5.0", "istio-everything"), ("1.30.3", "istiod"), ("1.30.3", "cni"))
            for item in _loaded(version, mesh, chart)
        ]
        objs = [mutated(item, rng) if rng.random() < 0.4 else item for item in objs]
        for number, item in enumerate(objs if name == "live" else ()):
            if isinstance(item, dict) and isinstance(item.get("metadata"), dict):
                item["metadata"] = {**item["metadata"], "uid": f"uid-{number}"}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objs}, default=str, indent=4))
        given.append(path if name != "old" else f"--previous={path}")
    assert check(capsysbinary, *given, "--profile=charts-values/affirmed")


_KNOWN: dict[tuple[str, str, str], list] = {}


def _loaded(version: str, mesh: str, chart: str) -> list:
    key = (version, mesh, chart)
    if key not in _KNOWN:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _KNOWN[key] = [item for item in yaml.load_all(stream("helm3", *key).text, loader) if item]
    return _KNOWN[key]


STRANGE = {
    "a list in a list of lists": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: [{kind: List, items: [1, [2]]}]\n",
    "no spec": "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: y}\nspec: null\n",
    "a kind that nobody knows": "apiVersion: a.b/v1\nkind: Widget\nmetadata: {name: x}\n",
    "a kind that is a mapping": "apiVersion: v1\nkind: {a: b}\nmetadata: {name: x}\n",
    "keys that are lists": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n? [a, b]\n: c\n",
    "a key that stands twice": "apiVersion: v1\nkind: Service\nkind: Service\nmetadata: {name: a, name: b}\n",
    "a number of many digits": f"apiVersion: v1\nkind: Service\nmetadata: {{name: x}}\nspec: {{ports: [{{nodePort: {'9' * 5000}}}]}}\n",
    "a selector of another language": "apiVersion: v1\nkind: MutatingWebhookConfiguration\nwebhooks: [{name: x.istio.io, rules: [{resources: [pods]}], namespaceSelector: [a]}]\n",
    "a merge": "a: &a {name: x}\napiVersion: v1\nkind: Service\nmetadata:\n  <<: *a\n",
    "JSON that breaks off": '{"kind": "List", "items": [',
    "JSON, nested deeply": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "YAML, nested deeply": "a: " + "[" * 50_000,
    "no text": "\0\1\2",
    "Windows' line ends": "apiVersion: v1\r\nkind: Service\r\nmetadata: {name: x}\r\n",
    "characters outside": 'apiVersion: v1\nkind: ClusterRole\nmetadata: {name: "\\ud800"}\n',
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_strange_file_gives_findings_or_a_clear_error(tmp_path, what):
    """With the real program, stderr has only the two lines of the error."""
    (tmp_path / "a.yaml").write_text(STRANGE[what], newline="")
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ClusterRole\nmetadata: {name: x}\n")
    for form in ("text", "json", "sarif"):
        done = subprocess.run(
            [sys.executable, "-m", "multimesh", "check", "a.yaml", "b.yaml", "-o", form],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode in (0, 1, 2)
        assert b"Traceback" not in done.stderr
        assert done.stderr.startswith(b"multimesh: a.yaml") == (done.returncode == 2)


# Many meshes.


def many(directory: Path, count: int) -> list[Path]:
    """Write this many meshes of five charts each."""
    for number in range(count):
        (directory / f"m{number}").mkdir(parents=True)
        for chart in PARTS:
            text = stream("helm3", "1.30.3", "affirmed", chart).text
            (directory / f"m{number}" / f"{chart}.yaml").write_text(text.replace("affirmed", f"m{number}"))
    return sorted(directory.iterdir())


@needs_streams
@pytest.mark.slow
def test_twenty_meshes_of_five_charts_take_five_seconds_and_300_mb(tmp_path):
    """The real program is measured, on any machine."""
    directories = many(tmp_path, 20)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, directories)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    took = time.monotonic() - began
    assert done.stderr.startswith("peak ")
    assert int(done.stderr.split()[1]) < 300 * 1024
    assert took < 5


_MEASURED = """
import resource, sys
from multimesh.check.sources.manifests import parse
from multimesh.cli import main
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render as rewrite
main(["check", *sys.argv[1:], "-o", "json"])
sys.stderr.write(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
"""


@needs_streams
@pytest.mark.slow
def test_the_time_grows_no_worse_than_the_objects(capsysbinary, tmp_path):
    """Four times the meshes take about four times as long; the pairs of webhooks take little time."""
    took = {}
    for count in (5, 20):
        directories = many(tmp_path / str(count), count)
        best = []
        for _ in range(3):
            began = time.process_time()
            check(capsysbinary, *directories)
            best.append(time.process_time() - began)
        took[count] = min(best)
    assert took[20] < 4 * took[5] * 1.6, took


@needs_streams
def test_findings_grow_with_the_meshes_and_not_with_their_pairs(capsysbinary, tmp_path):
    """A problem that all meshes have is one finding with a side for each."""
    found = {count: check(capsysbinary, *many(tmp_path / str(count), count)) for count in (2, 6)}
    names = {count: [item for item in items if item["id"] == "cluster-scoped-name"] for count, items in found.items()}
    assert len(names[2]) == len(names[6]) == 20
    assert all(len(item["sides"]) == 6 and item["message"].startswith("6 meshes have ") for item in names[6])


def test_a_bar_shows_on_a_terminal_after_a_second_and_vanishes(tmp_path):
    """It is not shown before, nor in a pipe, and is removed at the end."""
    script = """
from multimesh.commands import progress
now = 0.0
progress.time.monotonic = lambda: now
with progress.Progress(4) as bar:
    for name in ("one", "two", "three", "four"):
        now += 0.4
        bar.step(name)
"""
    ours, theirs = pty.openpty()
    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=theirs, check=False)
    os.close(theirs)
    text = os.read(ours, 10_000).decode()
    os.close(ours)
    piped = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False)
    assert (shown.returncode, piped.returncode, piped.stderr) == (0, 0, b"")
    assert "] one" not in text
    assert "##] four" in text
    assert text.endswith("\r\x1b[K")

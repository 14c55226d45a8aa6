"""The laws, over every stream of Istio 1.5 and several profiles.

The streams are next to the checkout; the expected values come from the oracle, which shares
no code with the package.
"""

from __future__ import annotations

import difflib
import itertools
import re
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import oracle
import pytest
from program import Result, profile, render, run
from restyle import restyle
from streams import Stream, over, streams

# --- the meshes ---------------------------------------------------------------------------

# Name -> mesh, namespace, workload namespaces, further keys of the profile's spec.
MESHES: dict[str, tuple[str, str, tuple[str, ...], dict[str, Any]]] = {
    "affirmed": ("affirmed", "istio-affirmed", ("nginx-affirmed",), {"sharedResources": "own"}),
    "blue": ("blue", "istio-blue", ("nginx-blue", "shop-blue"), {}),
    "green": ("green", "mesh-green", ("nginx-green",), {}),
    "team": ("team", "team-istio", (), {}),
    "kept": (
        "affirmed",
        "istio-affirmed",
        (),
        {"clusterRoles": "keep", "gateways": "keep", "nodePorts": "keep", "scopeGateways": False},
    ),
    "chosen": (
        "green",
        "mesh-green",
        ("nginx-green",),
        {
            "nodePorts": {"http2": 32380, "https": 32390},
            "citadel": {"alsoListen": ["kube-system", "nginx-green"]},
            "keepNames": ["ClusterRole/kiali", "ClusterRoleBinding/istio-multi"],
            "flags": [
                {"container": "galley", "args": ["--monitoringPort=15114"], "env": {"GODEBUG": "http2debug=1"}},
                {
                    "container": "discovery",
                    "args": ["--keepaliveMaxServerConnectionAge=45m"],
                    "env": {"PILOT_TRACE_SAMPLING": "100", "NEW": "true"},
                },
                {"workload": "istio-telemetry", "container": "mixer", "args": ["--useTemplateCRDs=false", "--new=1"]},
            ],
        },
    ),
}
CHARTS = ("istio-default", "istio-demo", "istio-everything")
CONTROL_PLANES = streams(version="1.5.0", mesh="affirmed", charts=CHARTS)
BLUES = streams(version="1.5.0", mesh="blue", charts=CHARTS)
INITS = streams(version="1.5.0", mesh="affirmed", charts=("istio-init",))
HELM3_DEMO = [s for s in CONTROL_PLANES if (s.helm, s.chart) == ("helm3", "istio-demo")]

# Each stream for the mesh it was rendered for, and the affirmed ones for other meshes too.
OWN = [(s, "affirmed") for s in CONTROL_PLANES] + [(s, "blue") for s in BLUES]
ALL = OWN + [(s, mesh) for s in CONTROL_PLANES for mesh in ("green", "team", "kept", "chosen")]
PAIRS = [("affirmed", "blue"), ("affirmed", "green"), ("green", "team"), ("blue", "team")]


def profile_of(mesh: str, **more: Any) -> str:
    name, namespace, workloads, spec = MESHES[mesh]
    return profile(name, namespace, workloads, **{**spec, **more})


def stock(source: Stream, mesh: str) -> str:
    """Return the stream as Helm would have rendered it for the namespace of this mesh."""
    return source.text.replace(f"istio-{source.mesh}", MESHES[mesh][1])


@cache
def rendered(source: Stream, mesh: str) -> bytes:
    result = render(stock(source, mesh).encode(), profile_of(mesh))
    assert (result.code, result.err) == (0, "")
    return result.out


@cache
def before(source: Stream, mesh: str) -> list[dict]:
    return oracle.load(stock(source, mesh))


@cache
def after(source: Stream, mesh: str) -> list[dict]:
    return oracle.load(rendered(source, mesh))


def planned(source: Stream, mesh: str) -> list[oracle.Change]:
    name, namespace, workloads, spec = MESHES[mesh]
    return oracle.plan(before(source, mesh), name, namespace, workloads, **spec)


def documents(text: str) -> list[str]:
    """Cut a stream where its documents begin; the concatenated parts are the stream."""
    return [part for part in re.split(r"(?m)^(?=---(?:\s|$))", text) if part]


def seed_of(*parts: object) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())


# --- 1. only planned values change ---------------------------------------------------------


@over("source,mesh", ALL)
def test_only_planned_values_change_and_to_what_the_tables_say(source, mesh):
    """Law 1: the output has exactly the values that the tables of the oracle give."""
    changes = planned(source, mesh)
    expected = {oracle.key(o): o for o in oracle.apply(before(source, mesh), changes, after(source, mesh))}
    actual = {oracle.key(o): o for o in after(source, mesh)}

    assert list(wrong(expected, actual)) == []
    assert len(before(source, mesh)) == len(after(source, mesh))


def wrong(expected: dict, actual: dict) -> Iterator[str]:
    """Return one line for each path at which two sets of objects differ."""
    for key in sorted({*expected, *actual}):
        if key not in actual or key not in expected:
            yield f"{key}: {'missing' if key in expected else 'not planned'}"
        elif expected[key] != actual[key]:
            for path, (wanted, found) in oracle.differences(expected[key], actual[key]).items():
                yield f"{key} {oracle.show(path)}: {short(wanted, found)}"


def short(wanted: Any, found: Any) -> str:
    """Return two values, or the part of long texts in which they differ."""
    if isinstance(wanted, str) and isinstance(found, str) and len(wanted) > 200:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), min(len(wanted), len(found)))
        wanted, found = wanted[max(0, at - 40) : at + 60], found[max(0, at - 40) : at + 60]
    return f"expected {wanted!r}, found {found!r}"


@over("source", INITS)
def test_a_render_without_matches_is_byte_identical(source):
    """Law 1: istio-init has nothing to rename, so its bytes are copied."""
    assert source.text.encode() == rendered(source, "affirmed")


@over("source,mesh", [(s, m) for s, m in ALL if s.helm == "helm3"])
def test_untouched_documents_keep_every_byte(source, mesh):
    """Law 1: a document without a planned edit keeps its bytes and its place."""
    touched = {change.key for change in planned(source, mesh)}
    old, new = documents(stock(source, mesh)), documents(rendered(source, mesh).decode())

    assert len(old) == len(new)
    for a, b in zip(old, new, strict=True):
        if not touched & {oracle.key(obj) for obj in oracle.load(a)}:
            assert a == b


@over("source,mesh", ALL)
def test_every_comment_survives(source, mesh):
    """Law 1: comments of the chart and of embedded texts are kept; only the replaced MeshPolicy may lose its own."""
    assert comments(stock(source, mesh)) == comments(rendered(source, mesh).decode())


def comments(text: str) -> list[str]:
    """Return everything that looks like a comment, in order, except in the text that one rule replaces."""
    text = re.sub(r"(?m)^  custom-resources\.yaml: .*\n(?:(?:    .*)?\n)*", "", text)
    return re.findall(r"(?m)(?:^|\s)(#.*)$", text)


@over("source", HELM3_DEMO)
def test_the_diff_of_the_demo_is_shorter_than_250_lines(source):
    """Law 1: so few lines change that a person can review them (counted as in reference/performance.md)."""
    old, new = stock(source, "affirmed"), rendered(source, "affirmed").decode()
    diff = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0))[2:]

    assert len([line for line in diff if line.startswith(("+", "-"))]) < 250


@over("source", CONTROL_PLANES)
def test_strict_mutual_tls_never_becomes_permissive(source):
    """With `global.mtls.enabled` the chart writes `mtls: {}`, then rules for clients: the mode remains STRICT."""
    text, count = re.subn(
        r"(?m)^( +)- mtls:\n +mode: PERMISSIVE\n",
        r"\1- mtls: {}\n    ---\n    apiVersion: networking.istio.io/v1alpha3\n    kind: DestinationRule\n"
        r"    metadata: {name: default, namespace: istio-affirmed}\n    spec: {host: '*.local'}\n",
        source.text,
    )
    result = render(text.encode(), profile_of("affirmed"))

    assert (count, result.code, result.err) == (1, 0, "")
    objs, (name, namespace, workloads, spec) = oracle.load(text), MESHES["affirmed"]
    actual = {oracle.key(o): o for o in oracle.load(result.out)}
    changes = oracle.plan(objs, name, namespace, workloads, **spec)
    expected = {oracle.key(o): o for o in oracle.apply(objs, changes, list(actual.values()))}
    assert list(wrong(expected, actual)) == []


# --- 2. a new name depends only on the object and the profile ------------------------------


@over("source,mesh", [(s, m) for s, m in ALL if m in {"affirmed", "blue", "team"}])
def test_parts_give_what_the_whole_gives(source, mesh):
    """Law 2: the parts of a stream, cut anywhere between documents and rendered one by one, give the whole output."""
    parts = documents(stock(source, mesh))
    seed = seed_of(source, mesh)
    rng = Random(seed)
    cuts = sorted(rng.sample(range(1, len(parts)), 3))
    pieces = ["".join(parts[a:b]) for a, b in itertools.pairwise([0, *cuts, len(parts)])]
    results = [render(piece.encode(), profile_of(mesh)) for piece in pieces]

    assert [(r.code, r.err) for r in results] == [(0, "")] * 4, f"seed {seed}, cuts {cuts}"
    assert rendered(source, mesh) == b"".join(r.out for r in results), f"seed {seed}, cuts {cuts}"


@over("source", HELM3_DEMO)
def test_each_document_alone_gives_what_the_whole_gives(source):
    """Law 2, with one document in each part."""
    results = [render(part.encode(), profile_of("team")) for part in documents(stock(source, "team"))]

    assert {(0, "")} == {(r.code, r.err) for r in results}
    assert rendered(source, "team") == b"".join(r.out for r in results)


@over("source,mesh", [(s, m) for s, m in ALL if m in {"affirmed", "green"}])
def test_the_order_of_documents_is_irrelevant(source, mesh):
    """Law 2: shuffled documents give the shuffled output, byte for byte."""
    seed = seed_of(source, mesh)
    old, new = (_marked(text) for text in (stock(source, mesh), rendered(source, mesh).decode()))
    order = list(range(len(old)))
    Random(seed).shuffle(order)
    result = render("".join(old[i] for i in order).encode(), profile_of(mesh))

    assert (result.code, result.err) == (0, ""), f"seed {seed}"
    assert "".join(new[i] for i in order) == result.out.decode(), f"seed {seed}"


def _marked(text: str) -> list[str]:
    """Cut a stream so that each document has its own marker and final newline."""
    text = text if text.startswith("---") else "---\n" + text
    return documents(text if text.endswith("\n") else text + "\n")


# --- 3. rendering an output again changes nothing ------------------------------------------


@over("source,mesh", [*ALL, *((s, "affirmed") for s in INITS)])
def test_running_twice_is_running_once(source, mesh):
    """Law 3: rendering the output again gives the same bytes."""
    again = render(rendered(source, mesh), profile_of(mesh))

    assert (again.code, again.err) == (0, "")
    assert rendered(source, mesh) == again.out


# --- 4. two meshes have nothing in common --------------------------------------------------


@over("source,pair", [(s, pair) for s in CONTROL_PLANES for pair in PAIRS])
def test_two_meshes_do_not_meet(source, pair):
    """Law 4: there is no conflict of severity error; the trust domain remains, which is set in values."""
    a, b = (after(source._replace(mesh="blue") if mesh == "blue" else source, mesh) for mesh in pair)

    assert {("C13", "trust domain", "cluster.local")} == oracle.collisions(a, b)


@over("source,mesh", ALL)
def test_no_reference_leads_nowhere(source, mesh):
    """Law 4: bindings, accounts, secrets, selectors, flags and scripts refer to the new names (D1 to D12)."""
    assert set() == oracle.dangling(after(source, mesh))


@over("helm,chart", [(s.helm, s.chart) for s in CONTROL_PLANES])
def test_hooks_that_helm_3_hides_change_nothing_else(helm, chart):
    """Law 4: the objects that both Helms send get the same names."""
    names = {
        h: {oracle.key(o) for o in after(Stream(h, "1.5.0", "affirmed", chart), "affirmed")} for h in ("helm3", "helm4")
    }
    assert {"Job"} == {k.kind for k in names["helm3"] ^ names["helm4"]}


# --- the style of a stream -----------------------------------------------------------------


@over("source,mesh", OWN)
def test_windows_line_ends_survive(source, mesh):
    """Every line that ends in CRLF still does, and inserted lines do too."""
    result = render(stock(source, mesh).replace("\n", "\r\n").encode(), profile_of(mesh))

    assert (result.code, result.err) == (0, "")
    assert rendered(source, mesh).replace(b"\n", b"\r\n") == result.out


@over("source,mesh", OWN)
def test_a_byte_order_mark_survives(source, mesh):
    """It stays at the start, and the first document is parsed without it."""
    mark = "\ufeff".encode()
    result = render(mark + stock(source, mesh).encode(), profile_of(mesh))

    assert (result.code, result.err) == (0, "")
    assert mark + rendered(source, mesh) == result.out


@over("source,mesh", OWN)
def test_a_missing_final_newline_stays_missing(source, mesh):
    """No newline is added at the end."""
    result = render(stock(source, mesh).rstrip("\n").encode(), profile_of(mesh))

    assert (result.code, result.err) == (0, "")
    assert rendered(source, mesh).rstrip(b"\n") == result.out


STYLED = [
    *((s, "affirmed", (1, 2, 3)) for s in (*CONTROL_PLANES, *INITS)),
    *((s, "blue", (4,)) for s in BLUES),
    *((s, "team", (5,)) for s in CONTROL_PLANES),
]


@over("source,mesh,seeds", STYLED)
def test_style_changes_nothing(source, mesh, seeds):
    """Law 6: the same documents in another YAML style get the same values."""
    expected = {oracle.key(o): o for o in after(source, mesh)}
    for number in seeds:
        seed = seed_of(source, mesh, number)
        styled = restyle(stock(source, mesh), Random(seed))
        result = render(styled.encode(), profile_of(mesh))
        assert (result.code, result.err) == (0, ""), f"seed {seed}"
        actual = {oracle.key(o): o for o in oracle.load(result.out)}
        assert list(wrong(expected, actual)) == [], f"seed {seed}"


# --- 5. after an error stdout is empty -----------------------------------------------------

HEAD = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: "
GALLEY = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istio-galley
  namespace: istio-blue
spec:
  template:
    spec:
      containers:
        {}
"""
INJECTOR = """\
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector
webhooks:
  - name: sidecar-injector.istio.io
    clientConfig: {service: {name: istio-sidecar-injector, namespace: istio-blue}}
    namespaceSelector:
      matchExpressions:
      - {key: istio-injection, operator: NotIn, values: [disabled]}
"""
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))

# The problem -> the stream, which is rendered for the mesh blue.
BAD_STREAMS = {
    "nothing on stdin": "",
    "text that is no YAML": "kind: [\n",
    "a scalar": "hello\n",
    "a list": "- kind: ClusterRole\n",
    "a stream cut within a quoted scalar": HEAD + "'kial",
    "a stream cut after good documents": f"---\n{HEAD}kiali\n---\n{HEAD}kiali-viewer\nrules: [\n",
    "brackets without end": "[" * 100_000,
    "an alias bomb": BOMB,
    "a control character": HEAD + "kia\0li\n",
    "a cluster-scoped name that no table knows": HEAD + "company-reader\n",
    "a kind that no table knows": "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: a\n",
    "a stock name that stands twice": HEAD + "kiali\n  name: kiali\n",
    "a stock name behind an alias": "x: &n kiali\n" + HEAD + "*n\n",
    "an empty name": HEAD + "\n",
    "another namespace's control plane": GALLEY.format("[]").replace("istio-blue", "istio-red"),
    "galley's containers as a mapping": GALLEY.format("galley: {command: [galley]}"),
    "galley's command as a string": GALLEY.format("- {name: galley, command: galley server}"),
    "injection into every namespace": INJECTOR,
    "a stock name rewritten for another mesh": INJECTOR.replace(
        "name: istio-sidecar-injector\nwebhooks", "name: istio-red-sidecar-injector\nwebhooks"
    ),
    "invalid UTF-8": None,
}


@pytest.mark.parametrize("what", BAD_STREAMS)
def test_a_stream_that_cannot_be_rendered_leaves_stdout_empty(what):
    """Law 5: the exit code is 2, the message is on stderr, and nothing of the chart is written."""
    text = BAD_STREAMS[what]
    data = text.encode() if text is not None else HEAD.encode() + b"\xff\xfe\n"

    assert_refused(render(data, profile_of("blue")))


GOOD = profile_of("blue")
# The problem -> the profile.
BAD_PROFILES = {
    "an unknown key": GOOD.replace("workloadNamespaces", "workloadNamespace"),
    "no namespace": GOOD.replace("  namespace: istio-blue\n", ""),
    "a mesh name that is no label": GOOD.replace("name: blue", "name: Blue_1"),
    "the mesh name default": GOOD.replace("name: blue", "name: default"),
    "the namespace istio": GOOD.replace("istio-blue", "istio"),
    "a mesh name that makes one stock name of another": GOOD.replace("name: blue", "name: viewer"),
    "a namespace too long for gateways": GOOD.replace("istio-blue", "i" * 49),
    "a node port that is none": profile_of("blue", nodePorts={"https": 80}),
    "a wrong word": profile_of("blue", gateways="perhaps"),
    "no YAML": "spec: [",
    "nothing": "",
}


@pytest.mark.parametrize("what", BAD_PROFILES)
def test_a_profile_that_cannot_work_leaves_stdout_empty(what):
    """Law 5: a mistake in the profile is found before anything is written."""
    assert_refused(render((HEAD + "kiali\n").encode(), BAD_PROFILES[what]))


def test_a_profile_that_is_not_there_leaves_stdout_empty(tmp_path):
    """Law 5: the message has the absolute path of the profile."""
    result = run((HEAD + "kiali\n").encode(), "--profile", "nowhere.yaml", cwd=str(tmp_path))

    assert_refused(result)
    assert str(tmp_path / "nowhere.yaml") in result.err


def assert_refused(result: Result) -> None:
    """Assert that a refusal has the format of every error."""
    assert (result.code, result.out) == (2, b"")
    assert re.match(r"multimesh: .+\n  \S", result.err), result.err
    assert "Traceback" not in result.err


@over("source", CONTROL_PLANES)
def test_a_stream_that_breaks_off_leaves_stdout_empty(source):
    """Law 5: nothing is written of the documents before the end of a truncated stream."""
    text = stock(source, "affirmed")
    broken = text[: len(text) * 2 // 3] + '\n"\n'

    assert_refused(render(broken.encode(), profile_of("affirmed")))


@over("source", CONTROL_PLANES)
def test_a_stream_of_another_namespace_leaves_stdout_empty(source):
    """Law 5: the chart must be rendered for the namespace of the profile."""
    assert_refused(render(stock(source, "affirmed").encode(), profile_of("blue")))


@over("source", CONTROL_PLANES)
def test_a_stream_that_was_rewritten_for_another_mesh_leaves_stdout_empty(source):
    """Law 5: with two meshes in one namespace, the second profile does not rename what the first one has renamed."""
    other = profile("red", MESHES["affirmed"][1])

    assert_refused(render(rendered(source, "affirmed"), other))


@over("source", INITS)
def test_the_crds_of_the_cluster_are_refused_in_a_mesh_that_does_not_own_them(source):
    """Law 5: istio-init contains only shared resources."""
    text = stock(source, "blue").encode()

    assert_refused(render(text, profile_of("blue")))
    assert render(text, profile_of("blue", sharedResources="own")).code == 0

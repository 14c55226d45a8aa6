"""Bad input: each refusal has exit code 2, nothing on stdout, and says what to do."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
import yaml
from program import PROGRAM, Result, profile, render, run

from multimesh.commands import stdio as cli

NS = "istio-affirmed"
AFFIRMED = profile("affirmed", NS, ("nginx-affirmed",), sharedResources="own")
LEAVES = profile("affirmed", NS, ("nginx-affirmed",))

MESSAGE = re.compile(r"(?:multimesh: .+(?: \[[a-z-]+\])?(?:\n  \S.*)+\n?)+")


def refused(result: Result, *parts: str) -> None:
    """Assert that a run was refused: exit code 2, an empty stdout, and a message of the usual format."""
    assert (result.code, result.out) == (2, b""), result.err
    assert "Traceback" not in result.err
    assert MESSAGE.fullmatch(result.err.rstrip("\n")), result.err
    for part in parts:
        assert part in result.err


def accepted(result: Result) -> str:
    assert (result.code, result.err) == (0, "")
    return result.out.decode()


def document(kind: str = "ConfigMap", name: str = "a", version: str = "v1", namespace: str = "", more: str = "") -> str:
    space = f"  namespace: {namespace}\n" if namespace else ""
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n{space}{more}"


RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"

# --- stdin that is not a manifest ----------------------------------------------------------------


@pytest.mark.parametrize("stream", [b"", b"\n", b"  \n\n"])
def test_an_empty_stdin_is_refused_unless_it_is_allowed(stream):
    """Helm sends nothing when `helm template` failed in a pipe, or a chart renders nothing but hooks."""
    refused(render(stream, AFFIRMED), "multimesh: <stdin>: is empty", "--allow-empty", "MULTIMESH_ALLOW_EMPTY=1")
    assert accepted(render(stream, AFFIRMED, "--allow-empty")).startswith("# multimesh: ")


def test_a_terminal_as_stdin_is_refused_at_once(tmp_path):
    """A user who starts the program by hand reads how Helm starts it."""
    (tmp_path / "profile.yaml").write_text(AFFIRMED)
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), "--profile", str(tmp_path)],
            stdin=theirs, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    refused(Result(done.returncode, done.stdout, done.stderr.decode()), "is a terminal", "helm template")


NO_MANIFEST = {
    "no YAML": (b"a: [1\nb: }\n", "<stdin>:2: not YAML: "),
    "a tab that indents": (b"a:\n\tb: 1\n", "<stdin>:2: not YAML: "),
    "two values on a line": (b"a: b: c\n", "<stdin>:1: not YAML: "),
    "an unknown alias": (b"a: *b\n", "<stdin>:1: not YAML: "),
    "an error of Helm": (b"Error: chart not found\n", "<stdin>:1: a document is not a Kubernetes object: it has no kind"),
    "a plain scalar": (b"just text\n", '<stdin>:1: a document is not a Kubernetes object: "just text"'),
    "a number": (b"---\n12\n", '<stdin>:2: a document is not a Kubernetes object: "12"'),
    "a list": (b"- a\n- b\n", "<stdin>:1: a document is not a Kubernetes object: a list"),
    "no kind": (b"apiVersion: v1\nmetadata:\n  name: a\n", "<stdin>:1: a document is not a Kubernetes object: it has no kind"),
    "an empty kind": (b"apiVersion: v1\nkind:\nmetadata:\n  name: a\n", "it has no kind"),
    "a kind that is a list": (b"apiVersion: v1\nkind: [a]\n", "<stdin>:1: kind is not text"),
    "metadata that is text": (b"apiVersion: v1\nkind: ConfigMap\nmetadata: a\n", "metadata is not a mapping"),
    "a label whose key is a list": (
        b"apiVersion: v1\nkind: Service\nmetadata:\n  name: a-gateway\n  labels:\n    ? [a]\n    : b\n",
        "metadata/labels holds something that is not text",
    ),
    "a name that is a list": (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [a]}\n", "metadata/name is not text"),
    "the second document": (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nb\n", "<stdin>:5: "),
    "a list in a List": (b"apiVersion: v1\nkind: List\nitems: [[a]]\n", "not a Kubernetes object: a list"),
    "invalid UTF-8": (b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \xff\n", "<stdin>:4: not YAML: a byte that is not UTF-8 (0xff)"),
    "invalid UTF-8 in a document that passes unread": (
        document("Secret").encode() + b"data: \xc3(\n---\n" + document("Secret").encode(),
        "<stdin>:5: not YAML: a byte that is not UTF-8",
    ),
    "NUL": (b"a: 1\nb: \0\n", "<stdin>:2: not YAML: a NUL character"),
    "UTF-16": (document().encode("utf-16"), "<stdin>:1: not YAML: "),
    "UTF-16 in big-endian": (document().encode("utf-16-be"), "<stdin>:1: not YAML: "),
    "a control character": (b"a: \x01\n", "not YAML: "),
}  # fmt: skip


@pytest.mark.parametrize(("stream", "part"), NO_MANIFEST.values(), ids=NO_MANIFEST)
def test_what_is_no_manifest_is_refused(stream, part):
    """The message has the line, and the output of Helm to look at."""
    refused(render(stream, AFFIRMED), part)


EMPTY = [
    b"---\n",
    b"# c\n",
    b"---\n# c\n---\n",
    b"null\n",
    b"~\n",
    b"---\n...\n",
    b"--- null\n---\n",
    b"\xef\xbb\xbf# c\n",
    b"---",
]


@pytest.mark.parametrize("stream", EMPTY)
def test_documents_that_say_nothing_pass_as_they_came(stream):
    """Charts render many empty documents, and they are copied."""
    assert stream.decode() == accepted(render(stream, AFFIRMED))


CUT = (
    "---\n# Source: istio/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 'a'\n  labels: {a: \"b\", c: 'd'}\n"
    'data:\n  x: |\n    é: [\n  y: "a\\"b"\n---\n'
    f"apiVersion: {RBAC}\nkind: ClusterRole\nmetadata: {{name: kiali}}\nrules:\n- apiGroups: [\"\"]\n  verbs: ['*']\n"
).encode()


def test_a_stream_cut_anywhere_is_refused_where_the_yaml_breaks():
    """A truncated stream is accepted only if Kubernetes' parsers accept it too."""
    rng = Random("cut")
    count = 0
    for at in sorted(rng.sample(range(1, len(CUT)), 40)):
        part = CUT[:at]
        result = render(part, AFFIRMED)
        try:
            objects = [o for o in yaml.safe_load_all(part.decode()) if o is not None]
            whole = all(type(o) is dict and o.get("kind") for o in objects)
        except (yaml.YAMLError, UnicodeDecodeError):
            whole = False
        if not whole or any("metadata" in o and type(o["metadata"]) is str for o in objects):
            count += 1
            refused(result)
        elif result.code:
            # Cut inside a word, it has a kind that is in no table, or an unknown role.
            refused(result, "multimesh does not know the")
        else:
            accepted(result)
    assert count > 10


# --- nesting and aliases -------------------------------------------------------------------------

DEEP = {
    "brackets": b"[" * 100_000,
    "closed brackets": b"a: " + b"[" * 100_000 + b"]" * 100_000,
    "braces": b"{a: " * 100_000,
    "closed braces": b"{a: " * 100_000 + b"}" * 100_000,
    "JSON": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "dashes": b"- " * 100_000 + b"x\n",
    "dashes further apart": b"-  " * 100_000 + b"x\n",
    "dashes and keys": b"- - ? " * 100_000 + b"x\n",
    "explicit keys": b"? " * 100_000 + b"x\n",
    "keys line below line": b"".join(b" " * depth + b"a:\n" for depth in range(6000)),
}


@pytest.mark.parametrize("stream", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "behind another document"])
def test_a_hundred_thousand_levels_are_refused(stream, alone):
    """Libyaml's composer is recursive in C, and the stack must not overflow."""
    refused(render(stream if alone else document().encode() + b"---\n" + stream, AFFIRMED))


BOMB = "  l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
KINDS = {
    "ConfigMap": document(more="data:\n"),
    "Deployment": document("Deployment", version="apps/v1", more="spec:\n"),
    "Secret": document("Secret", more="data:\n"),
    "unknown kind": document("Widget", version="example.com/v1", more="spec:\n"),
}


@pytest.mark.parametrize("head", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("last", [True, False], ids=["at the end", "before another document"])
def test_an_alias_bomb_is_refused(head, last):
    """A kilobyte has a billion values; Helm refuses such aliases too."""
    stream = head + BOMB + ("" if last else "---\n" + document())
    refused(render(stream.encode(), AFFIRMED), "aliases multiply this document to more than 2,000,000 values")


@pytest.mark.parametrize("more", ["data: &a\n  b: *a\n", "data: &a [*a]\n", "data: &a {b: {c: [*a]}}\n"])
def test_an_alias_of_the_node_that_contains_it_is_refused(more):
    """Go's reader refuses a node that contains itself, and a loop over it would not end."""
    refused(render(document(more=more).encode(), AFFIRMED), "an alias points to the node that contains it")


# --- size ----------------------------------------------------------------------------------------

START = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=0, stdout=1)
sys.stderr.write("%d %d" % (done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


def feed(pieces, directory: Path, *args: str) -> tuple[int, int, int, str, int]:
    """Write pieces to a pipe; return the exit code, bytes written, peak memory in KiB, stderr, bytes read."""
    (directory / "profile.yaml").write_text(AFFIRMED)
    command = [sys.executable, "-c", START, sys.executable, str(PROGRAM), "--profile", str(directory), *args]
    fed = 0
    with (directory / "out").open("wb") as out:
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE)
        assert started.stdin is not None
        assert started.stderr is not None
        try:
            for piece in pieces:
                started.stdin.write(piece)
                fed += len(piece)
        except BrokenPipeError:
            pass
        with contextlib.suppress(BrokenPipeError):
            started.stdin.close()
        err = started.stderr.read().decode()
        started.wait(120)
        started.stderr.close()
    message, _, figures = err.rpartition("\n")
    code, peak = figures.split()
    return int(code), (directory / "out").stat().st_size, int(peak), message, fed


def test_a_stream_over_256_mb_is_refused_before_its_end(tmp_path):
    """A chart is a thousand times smaller; an endless stream must not fill the memory."""
    blanks = b"# " + b" " * (1 << 20) + b"\n"
    code, written, peak, err, fed = feed((blanks for _ in range(2000)), tmp_path)
    refused(Result(code, b"" * written, err), "<stdin>: has more than 256 MB")
    assert written == 0
    assert fed < 300 << 20
    assert peak < 700 << 10


CHUNK = "".join(
    f"---\n# Source: istio/templates/{number}.yaml\n"
    + document(
        "ConfigMap", f"a{number}", namespace=NS, more=f"data:\n  text: |\n{'    some text with 😀 in it' * 3}\n" * 1
    )
    + f"---\napiVersion: {RBAC}\nkind: ClusterRole\nmetadata:\n  name: kiali\nrules: []\n"
    for number in range(20)
).encode()
BULK = (
    b"---\n"
    + document(more="data:\n  text: |\n").encode()
    + b"    plain text that fills the space of a large chart\n" * 20_000
)


def test_a_stream_of_100_mb_is_rendered_in_four_times_its_size(tmp_path):
    """A large stream is not refused: every role in it is renamed, and memory is proportional to its size."""
    size = 100 << 20
    count = size // len(CHUNK + BULK)
    code, written, peak, err, fed = feed((CHUNK + BULK for _ in range(count)), tmp_path)
    assert (code, err) == (0, "")
    assert written == fed + count * 20 * len("-affirmed")
    assert peak * 1024 < 4 * fed


def test_a_reader_that_has_gone_is_named():
    """The message names the closed pipe, without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "profile.yaml").write_text(AFFIRMED)
        done = subprocess.run(
            [sys.executable, str(PROGRAM), "--profile", directory],
            input=document().encode(), stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False,
        )  # fmt: skip
    os.close(writing)
    refused(Result(done.returncode, b"", done.stderr.decode()), "<stdout>: cannot be written")


def test_a_slow_writer_and_a_slow_reader_change_nothing(tmp_path):
    """The output has the same bytes if it is read and written in small pieces."""
    (tmp_path / "profile.yaml").write_text(AFFIRMED)
    started = subprocess.Popen(
        [sys.executable, str(PROGRAM), "--profile", str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdin is not None
    assert started.stdout is not None
    data = CHUNK * 10
    for at in range(0, len(data), 997):
        started.stdin.write(data[at : at + 997])
        started.stdin.flush()
    started.stdin.close()
    out = b""
    while piece := os.read(started.stdout.fileno(), 701):
        out += piece
    started.stdout.close()
    assert started.wait(30) == 0
    assert data.replace(b"name: kiali", b"name: kiali-affirmed") == out


def test_a_file_is_read_from_where_it_stands(tmp_path):
    """Bytes that were read before are ignored, in any number."""
    (tmp_path / "profile.yaml").write_text(AFFIRMED)
    before = 300 * 1024 * 1024
    with (tmp_path / "stream").open("wb+") as stream:
        stream.seek(before)
        stream.write(CHUNK)
        stream.flush()
        os.lseek(stream.fileno(), before, os.SEEK_SET)
        done = subprocess.run(
            ["sh", "-c", 'ulimit -v 200000; exec "$0" "$@"', sys.executable, str(PROGRAM), "--profile", str(tmp_path)],
            stdin=stream, capture_output=True, timeout=30, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == CHUNK.replace(b"name: kiali", b"name: kiali-affirmed")


def test_a_stdin_that_does_not_block_is_waited_for(tmp_path):
    """The process at the other end may have set this mode."""
    (tmp_path / "profile.yaml").write_text(AFFIRMED)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "--profile", str(tmp_path)], stdin=reading, stdout=subprocess.PIPE
    ) as started:
        os.close(reading)
        with open(writing, "wb") as stream:
            # A pipe has a smaller buffer, so writing continues only while the other end reads.
            stream.write(CHUNK * 10 + b"# " + b"-" * 200_000 + b"\n")
        assert started.stdout is not None
        assert started.stdout.read().startswith((CHUNK * 10).replace(b"name: kiali", b"name: kiali-affirmed"))
    assert started.returncode == 0


@pytest.mark.parametrize("has_writev", [True, False])
@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_write_that_is_cut_short_loses_nothing(monkeypatch, has_writev, size):
    """The system may write less than requested; more buffers than it accepts at once are written one after the other."""
    written = []

    def write(_, data):
        written.append(bytes(data[:size]))
        return len(written[-1])

    system = {"write": write, "set_blocking": lambda *_: None} | (
        {"writev": lambda _, parts: write(0, b"".join(parts))} if has_writev else {}
    )
    monkeypatch.setattr(cli, "_os", SimpleNamespace(**system))
    parts = [b"%d\n" % number for number in range(2500)]
    cli.write_out(parts)
    assert b"".join(written) == b"".join(parts)


# --- the profile ---------------------------------------------------------------------------------

STREAM = document().encode()


def test_an_unknown_key_is_refused_with_line_and_nearest_key():
    """Otherwise a misspelt key would silently have no effect."""
    refused(
        render(STREAM, AFFIRMED + "  gatewys: keep\n"),
        "profile.yaml:10: ",
        '"spec.gatewys"',
        'Did you mean "gateways"?',
    )


def test_all_mistakes_of_a_profile_are_told_at_once():
    """A user can correct all of them at once."""
    result = render(
        STREAM,
        "apiVersion: multimesh.dev/v1alpha1\nkind: MeshProfile\nmetadata: {nam: x}\nspec: {namespace: A, flags: x}\n",
    )
    assert (result.code, result.out) == (2, b"")
    assert result.err.count("multimesh: ") == 4, result.err


def test_a_missing_profile_is_refused_with_its_absolute_path(tmp_path):
    """A relative path does not show the working directory."""
    refused(
        run(STREAM, "--profile", "no/such", cwd=str(tmp_path)),
        f'{tmp_path}/no/such: cannot read the mesh profile "no/such"',
    )
    refused(run(STREAM, "--profile=./no", cwd=str(tmp_path)), f"{tmp_path}/no: ")
    refused(run(STREAM, cwd=str(tmp_path), MULTIMESH_PROFILE="no/such"), f"{tmp_path}/no/such: ")


def test_a_profile_beside_a_directory_that_is_gone_is_refused(tmp_path):
    """The working directory has no path any more, so the message has the path of the flag."""
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$0" "$@"', sys.executable, str(PROGRAM), "--profile", "affirmed"],
        input=STREAM, capture_output=True, timeout=30, check=False, cwd=gone,
    )  # fmt: skip
    refused(Result(done.returncode, done.stdout, done.stderr.decode()), 'cannot read the mesh profile "affirmed"')


def test_no_profile_at_all_is_refused():
    """Without a profile there is no mesh."""
    refused(run(STREAM), "no mesh profile is given", "--profile=", "MULTIMESH_PROFILE")


def test_a_directory_is_a_profile_where_it_holds_one(tmp_path):
    """A directory means its profile.yaml; if it has none, the message names that file."""
    refused(run(STREAM, "--profile", str(tmp_path)), f"{tmp_path}/profile.yaml: cannot read")
    (tmp_path / "profile.yaml").write_text(AFFIRMED)
    assert STREAM.decode() == accepted(run(STREAM, "--profile", str(tmp_path)))


PROFILES = {
    "not YAML": ("a: [\n", "not YAML"),
    "empty": ("", "the profile is empty"),
    "two documents": (AFFIRMED + "---\n" + AFFIRMED, "holds 2 documents"),
    "a list": ("- a\n", "the profile is not a mapping"),
    "another kind": (AFFIRMED.replace("MeshProfile", "ConfigMap"), 'kind is "ConfigMap"'),
    "no namespace": ("apiVersion: multimesh.dev/v1alpha1\nkind: MeshProfile\nmetadata:\n  name: a\nspec: {}\n", "spec.namespace"),
    "namespace istio": (profile("affirmed", "istio"), "stock names"),
    "mesh default": (profile("default", NS), "'default'"),
    "revision default": (profile("affirmed", NS, revision="default"), "stock mesh"),
    "a mesh that makes a stock name of another": (profile("viewer", NS), "kiali-viewer"),
    "a namespace that makes a stock name of another": (profile("affirmed", "viewer", gateways="keep"), "kiali-viewer"),
    "a long mesh": (profile("a" * 31, NS), "30 characters"),
    "a mesh in capitals": (profile("Blue", NS), "is not a mesh name"),
    "a mesh with a dot": (profile("a.b", NS), "is not a mesh name"),
    "a mesh that ends in a dash": (profile("a-", NS), "is not a mesh name"),
    "a mesh that YAML reads as a switch": (AFFIRMED.replace("name: affirmed", "name: on"), "does not read as text"),
    "a namespace over 56": (profile("affirmed", "a" * 57, gateways="keep"), "56"),
    "a namespace over 48 with gateways": (profile("affirmed", "a" * 49), "-ingressgateway is not a valid name of a Service"),
    "a namespace that begins with a digit": (profile("affirmed", "1a"), "begins with a digit"),
    "a workload namespace in capitals": (profile("affirmed", NS, ("Nginx",)), "is not a DNS label"),
    "a kept name without kind": (profile("affirmed", NS, keepNames=["reader"]), "Kind/name"),
    "a renamed kind": (profile("affirmed", NS, renameNames=["ClusterRole/*"]), "Kind/name"),
    "a name kept and renamed": (profile("affirmed", NS, keepNames=["A/b"], renameNames=["A/b"]), "keepNames and in renameNames"),
    "a node port out of range": (profile("affirmed", NS, nodePorts={"http2": 80}), "30000-32767"),
    "one node port for two": (
        profile("affirmed", NS, nodePorts={"http2": 32380, "https": 32380}),
        "spec.nodePorts gives 32380 to http2 and to https",
    ),
    "node ports of another word": (profile("affirmed", NS, nodePorts="drop"), 'nodePorts is "drop"'),
    "shared resources of another word": (profile("affirmed", NS, sharedResources="share"), "own, leave"),
    "a switch in words": (profile("affirmed", NS, scopeGateways="maybe"), "neither true nor false"),
    "a flag without container": (profile("affirmed", NS, flags=[{"args": ["--a"]}]), "container"),
    "the canary is the revision": (profile("affirmed", NS, canaryRevisions=["affirmed"]), "which is spec.revision"),
    "a key twice": (AFFIRMED + "  sharedResources: own\n", "is written twice"),
    "a key that is a list": (AFFIRMED + "  ? [a]\n  : b\n", "a key of spec is not text"),
    "a label whose key is a mapping": (AFFIRMED.replace("name: affirmed", "{name: affirmed, labels: {{a: b}: c}}").replace("metadata:\n  {", "metadata: {"), "a key of metadata.labels is not text"),
    "a key of the whole that is a list": (AFFIRMED + "? [a]\n: b\n", "a key of the profile is not text"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "part"), PROFILES.values(), ids=PROFILES)
def test_a_profile_that_could_not_work_is_refused(text, part):
    """The message has the line of each mistake, and an allowed value."""
    result = render(STREAM, text)
    assert (result.code, result.out) == (2, b""), result.err
    assert "Traceback" not in result.err
    assert part in result.err
    assert "profile.yaml" in result.err


@pytest.mark.parametrize(
    "text",
    [
        profile("affirmed", "a" * 56, gateways="keep"),
        profile("a" * 30, "a" * 48),
        profile("1a", NS),
        profile("affirmed", "mesh-viewers"),
    ],
)
def test_a_profile_at_the_limits_is_accepted(text):
    """Values at a limit are allowed."""
    assert STREAM.decode() == accepted(render(STREAM, text))


@pytest.mark.parametrize("args", [["--nonsense"], ["--profile"], ["--upgrade=perhaps"], ["surplus"]])
def test_wrong_arguments_are_refused(args):
    """Helm passes the arguments of the user on."""
    refused(render(STREAM, AFFIRMED, *args))


# --- charts that do not fit the mesh -------------------------------------------------------------

GALLEY = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: istio-galley\n  namespace: istio-affirmed\n"
    "  labels: {chart: galley, heritage: Helm}\nspec:\n  template:\n    spec:\n      containers:\n"
)
CONTAINERS = {
    "a mapping": ("        name: galley\n        command: [galley, server]\n", "spec/template/spec/containers is not a list"),
    "no galley": ("      - name: other\n        command: [galley, server]\n", "has no container galley"),
    "galley twice": ("      - name: galley\n        command: [server]\n" * 2, "has the container galley more than once"),
    "no command": ("      - name: galley\n", "has no list with the subcommand server"),
    "another subcommand": ("      - name: galley\n        command: [galley, probe]\n", "has no list with the subcommand server"),
    "a command that is text": ("      - name: galley\n        command: galley server\n", "is not a list"),
    "containers that are texts": ("      - galley\n", "holds something that is not a container"),
    "a name that is a list": ("      - name: [galley]\n        command: [galley, server]\n", "is not text"),
    "the command twice": ("      - name: galley\n        command: [server]\n        command: [server]\n", "is written twice"),
    "the flag twice": ("      - name: galley\n        command: [server, --webhook-name=a, --webhook-name=a]\n", "--webhook-name twice"),
    "a flag without value": ("      - name: galley\n        command: [server, --webhook-name]\n", "--webhook-name without a value"),
    "rewritten for another mesh": (
        "      - name: galley\n        command: [galley, server, --webhook-name=istio-blue-galley]\n",
        'holds --webhook-name="istio-blue-galley": this stream has been rewritten for another mesh',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("containers", "part"), CONTAINERS.values(), ids=CONTAINERS)
def test_a_galley_of_another_shape_is_refused(containers, part):
    """Unchanged, its webhook would have the stock name."""
    refused(
        render((GALLEY + containers).encode(), AFFIRMED), "<stdin>:1: Deployment/istio-affirmed/istio-galley: ", part
    )


@pytest.mark.parametrize(
    "text", ["spec:\n", "", "spec: {template: {spec: {}}}\n", "spec: {template: {spec: {containers: []}}}\n"]
)
def test_a_galley_without_containers_is_refused(text):
    """An absent list is an error."""
    refused(
        render((GALLEY.partition("spec:")[0] + text).encode(), AFFIRMED), "has no container galley", "[webhook-names]"
    )


def injector(
    name: str = "istio-sidecar-injector", entry: str = "sidecar-injector.istio.io", selector: str = ""
) -> bytes:
    selector = selector or "matchLabels: {istio-injection: enabled}"
    return (
        f"apiVersion: {ADMISSION}\nkind: MutatingWebhookConfiguration\nmetadata:\n  name: {name}\n"
        f"webhooks:\n- name: {entry}\n  clientConfig:\n    service:\n      name: istio-sidecar-injector\n"
        f"      namespace: istio-affirmed\n  namespaceSelector:\n    {selector}\n"
    ).encode()


def test_a_stream_rewritten_for_another_mesh_is_refused():
    """Two profiles one after the other would make a mesh that fits neither."""
    label = "matchLabels: {istio-injection: enabled-blue}"
    refused(render(injector(selector=label), AFFIRMED), "rewritten for another mesh", "[injection-label]")
    refused(render(injector("istio-affirmed-sidecar-injector", selector=label), AFFIRMED), "rewritten for another mesh")
    refused(render(injector("istio-blue-sidecar-injector"), AFFIRMED), "istio-blue-sidecar-injector")
    role = document("ClusterRole", "kiali-blue", RBAC).encode()
    refused(render(role, AFFIRMED), "kiali-blue", "[cluster-scoped-names]")


def test_a_stream_rewritten_for_this_mesh_passes_as_it_came():
    """Law 3: rendering an output again changes nothing."""
    once = accepted(render(injector(), AFFIRMED))
    assert "istio-injection: enabled-affirmed" in once
    assert once == accepted(render(once.encode(), AFFIRMED))


@pytest.mark.parametrize(
    "selector",
    [
        "matchExpressions: [{key: istio-injection, operator: NotIn, values: [disabled]}]",
        "matchExpressions:\n    - key: name\n      operator: NotIn\n      values: [istio-affirmed]",
        "matchLabels: {istio-injection: enabled}\n    matchExpressions: [{key: a, operator: Exists}]",
    ],
)
def test_injection_by_default_is_refused(selector):
    """`enableNamespacesByDefault` selects the namespaces of every other mesh too."""
    refused(
        render(injector(selector=selector), AFFIRMED),
        "matchExpressions",
        "enableNamespacesByDefault=false",
        "[injection-label]",
    )


@pytest.mark.parametrize(
    "selector", ["matchLabels: {other: enabled}", "matchLabels: {istio-injection: always}", "{}", "matchLabels: [a]"]
)
def test_a_selector_that_no_rule_knows_is_refused(selector):
    """Two meshes could inject the same pod."""
    refused(render(injector(selector=selector), AFFIRMED), "[injection-label]")


NAMESPACES = {
    "a foreign namespace": document(namespace="istio-system"),
    "another mesh's": document("Service", namespace="istio-blue"),
    "a control plane among workloads": document("Service", "istio-pilot", namespace="nginx-affirmed"),
    "a binding's subject": document(
        "ClusterRoleBinding", f"x-{NS}", RBAC, more="subjects:\n- kind: ServiceAccount\n  name: a\n  namespace: istio-system\n"
    ),
    "a webhook's service": injector().decode().replace("namespace: istio-affirmed", "namespace: istio-system"),
}  # fmt: skip


@pytest.mark.parametrize("text", NAMESPACES.values(), ids=NAMESPACES)
@pytest.mark.parametrize("last", [True, False], ids=["at the end", "before another document"])
def test_a_namespace_that_is_not_the_release_s_is_refused(text, last):
    """The control plane of one mesh would be in a namespace of another one."""
    refused(
        render((text + ("" if last else "---\n" + document())).encode(), AFFIRMED), "-n istio-affirmed", "[namespaces]"
    )


def test_an_unknown_kind_is_refused_and_may_be_kept():
    """Only the user knows whether it is cluster-scoped."""
    widget = document("Widget", "a", "example.com/v1")
    refused(
        render(widget.encode(), AFFIRMED),
        'the kind "Widget" of example.com',
        'keepNames: ["Widget/*"]',
        "[cluster-scoped-names]",
    )
    assert widget == accepted(render(widget.encode(), profile("affirmed", NS, keepNames=["Widget/*"])))
    refused(
        render(widget.replace("Widget", "Gadget").encode(), profile("affirmed", NS, keepNames=["Widget/*"])), '"Gadget"'
    )


def test_an_unknown_cluster_scoped_name_is_refused_and_may_be_kept_or_renamed():
    """The message names both keys, and both work."""
    role = document("ClusterRole", "company-reader", RBAC)
    binding = document(
        "ClusterRoleBinding", f"x-{NS}", RBAC, more="roleRef:\n  kind: ClusterRole\n  name: company-reader\n"
    )
    both = role + "---\n" + binding
    refused(
        render(role.encode(), AFFIRMED),
        '"company-reader"',
        'keepNames: ["ClusterRole/company-reader"]',
        'renameNames: ["ClusterRole/company-reader"]',
    )
    assert both == accepted(render(both.encode(), profile("affirmed", NS, keepNames=["ClusterRole/company-reader"])))
    renamed = profile("affirmed", NS, renameNames=["ClusterRole/company-reader"])
    assert both.replace("company-reader", "company-reader-affirmed") == accepted(render(both.encode(), renamed))


def test_a_kept_name_of_the_tables_stays_wherever_it_is_named():
    """Entries of keepNames take precedence over the tables, in objects and references."""
    text = (
        document("ClusterRole", "kiali", RBAC)
        + "---\n"
        + document("ClusterRoleBinding", f"x-{NS}", RBAC, more="roleRef:\n  kind: ClusterRole\n  name: kiali\n")
    )
    assert text == accepted(render(text.encode(), profile("affirmed", NS, keepNames=["ClusterRole/kiali"])))


def test_a_name_that_grows_too_long_is_refused():
    """A name over its limit is an error; it is never truncated."""
    name = "a" * 250
    refused(
        render(document("ClusterRole", name, RBAC).encode(), profile("affirmed", NS, renameNames=[f"ClusterRole/{name}"])),
        "has 259 characters; 253 are allowed", "<stdin>:1: ClusterRole/",
    )  # fmt: skip


def crd(policy: str = "") -> str:
    annotations = f"  annotations:\n    helm.sh/resource-policy: {policy}\n" if policy else ""
    return document(
        "CustomResourceDefinition", "gateways.networking.istio.io", "apiextensions.k8s.io/v1", more=annotations
    )


def test_the_owner_keeps_crds_and_says_so_to_helm():
    """The removal of the owner's release must not affect other meshes."""
    kept = crd("keep") + (
        "    kustomize.toolkit.fluxcd.io/prune: disabled\n    argocd.argoproj.io/sync-options: Prune=false\n"
    )
    for policy in ("", "keep"):
        assert accepted(render(crd(policy).encode(), AFFIRMED)) == kept
    assert accepted(render(kept.encode(), AFFIRMED)) == kept


DIRECTED = {
    "before it": ("{first}...\n", "%YAML 1.1\n---\n{crd}", "...\n---\n{last}"),
    "before it, behind a marker": ("{first}---\n", "%YAML 1.1\n---\n{crd}", "---\n{last}"),
    # Helm cuts at the marker, and could not parse a directive without a document before it.
    "behind it": ("{first}", "---\n{crd}...\n%YAML 1.1\n", "---\n{last}"),
    "before it, at the beginning": ("", "%YAML 1.1\n---\n{crd}", "---\n{first}---\n{last}"),
    "before it, at the end": ("{first}---\n{last}...\n", "%YAML 1.1\n---\n{crd}", ""),
}


@pytest.mark.parametrize("parts", DIRECTED.values(), ids=DIRECTED)
def test_directives_go_with_their_document(parts):
    """The directives of a dropped document are dropped with it, and so is the text between its `...` and the next marker."""
    texts = {"first": document(), "crd": crd("keep"), "last": document("Secret")}
    before, dropped, behind = (part.format_map(texts) for part in parts)
    out = accepted(render(f"{before}{dropped}{behind}".encode(), profile("blue", "istio-blue")))
    kept = (before + behind.removeprefix("...\n") if dropped.startswith("%") else before + behind).replace(
        "kiali", "kiali-blue"
    )
    assert out.replace("...\n", "") == kept.replace("...\n", "")
    assert len([found for found in yaml.safe_load_all(out) if found]) == 2
    assert accepted(render(out.encode(), profile("blue", "istio-blue"))) == out


@pytest.mark.parametrize("style", ["LF", "CRLF", "BOM", "List", "JSON"])
def test_a_mesh_that_leaves_crds_drops_the_kept_ones(style):
    """In every style of stream the CRD is removed and the documents next to it stay."""
    texts = [document(), crd("keep"), document("Secret")]
    if style in ("List", "JSON"):
        whole = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(text) for text in [*texts, crd("keep")]]}
        stream = yaml.safe_dump(whole, default_flow_style=style == "JSON", width=10_000)
    else:
        stream = "---\n" + "---\n".join(texts)
    stream = stream.replace("\n", "\r\n") if style == "CRLF" else "\ufeff" + stream if style == "BOM" else stream
    out = accepted(render(stream.encode(), LEAVES))
    found = [o for o in yaml.safe_load_all(out) if o]
    found = found[0]["items"] if style in ("List", "JSON") else found
    assert [o["kind"] for o in found] == ["ConfigMap", "Secret"]


@pytest.mark.parametrize(
    "stream",
    [
        crd("keep"),
        "---\n" + crd("keep"),
        "# c\n---\n" + crd("keep"),
        ("---\n" + crd("keep")).replace("\n", "\r\n"),
        "\ufeff" + crd("keep"),
    ],
)
def test_a_stream_of_which_everything_was_dropped_says_so(stream):
    """Helm 4 refuses an empty output, so one comment line remains."""
    out = accepted(render(stream.encode(), LEAVES))
    assert out.startswith("# multimesh: ")
    assert [o for o in yaml.safe_load_all(out) if o] == []


def test_a_crd_that_helm_would_delete_is_refused_in_a_mesh_that_leaves_them():
    """If this release had installed it, leaving it out would delete every resource of its kind."""
    refused(
        render(crd().encode(), LEAVES),
        "does not carry helm.sh/resource-policy: keep",
        "sharedResources: own",
        "[shared-resources]",
    )


@pytest.mark.parametrize(
    "text",
    [
        document("Job", "istio-init-crd-10-1.5.0", "batch/v1", namespace=NS),
        document("ConfigMap", "istio-crd-10", namespace=NS),
    ],
)
def test_istio_init_is_refused_in_a_mesh_that_does_not_own_what_is_shared(text):
    """Its Jobs install CRDs for the whole cluster."""
    refused(render(text.encode(), LEAVES), "istio-init", "sharedResources to own", "[shared-resources]")
    assert text == accepted(render(text.encode(), AFFIRMED))


DUPLICATES = {
    "the kind": "apiVersion: v1\nkind: ConfigMap\nkind: ClusterRole\nmetadata:\n  name: kiali\n",
    "the name": document("ClusterRole", "kiali\n  name: other", RBAC),
    "the metadata": document("ClusterRole", "kiali", RBAC, more="metadata:\n  name: other\n"),
    "the role's reference": document("ClusterRoleBinding", f"x-{NS}", RBAC, more="roleRef: {kind: ClusterRole, name: kiali, name: b}\n"),
    "a label of the selector": injector(selector="matchLabels: {istio-injection: enabled, istio-injection: x}").decode(),
    "the annotations of a CRD": crd("keep") .replace("metadata:\n", "metadata:\n  annotations: {}\n"),
}  # fmt: skip


@pytest.mark.parametrize("text", DUPLICATES.values(), ids=DUPLICATES)
def test_a_key_that_stands_twice_on_an_edited_path_is_refused(text):
    """Go takes the last value and other parsers take the first one, so the meaning is unknown."""
    refused(render(text.encode(), AFFIRMED), "is written twice", "<stdin>:")

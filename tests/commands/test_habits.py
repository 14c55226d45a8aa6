"""Habits of the command line: help, version, completion, `-f`, the nearest word, and when there are colours."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from finding_cases import crd, istiod, live, service
from helms import ROOT
from program import profile

from multimesh.cli import ABOUT, COMMANDS, main
from multimesh.commands.flags import in_colour
from multimesh.version import __version__

ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\nrules: []\n"


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run a command in this process, and return exit code, stdout and stderr."""
    (tmp_path / "profile.yaml").write_text(profile("blue", "istio-blue", ("nginx-blue",)))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MULTIMESH_")]:
        monkeypatch.delenv(name)

    def start(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(list(arguments))
        except SystemExit as stop:  # argparse ends in this way after --help.
            code = int(stop.code or 0)
        said = capsysbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return start


def test_the_version_has_four_spellings(run, tmp_path):
    for arguments in (["version"], ["--version"]):
        assert run(*arguments) == (0, f"multimesh {__version__}\n", "")
    assert _process(tmp_path, "render", "--version") == (0, f"multimesh {__version__}\n", "")
    script = [str(ROOT / "postrender.py"), "--version"]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout == f"multimesh {__version__}\n"


@pytest.mark.parametrize("command", ["render", *COMMANDS, *ABOUT])
def test_help_prints_what_the_flag_prints(run, tmp_path, command):
    code, out, err = run("help", command)
    assert (code, err) == (0, "")
    assert out == (_process(tmp_path, command, "--help") if command == "render" else run(command, "--help"))[1]
    assert out.startswith(f"usage: multimesh {command}")


POST_RENDERER = (
    "multimesh: no command is given\n  See 'multimesh help'. As the post-renderer of Helm 3, write the command first:\n"
    "  --post-renderer multimesh --post-renderer-args=render --post-renderer-args=--profile=PATH\n"
)


@pytest.mark.parametrize("arguments", [[], ["--profile=p.yaml"], ["--upgrade"]], ids=str)
def test_a_call_without_a_command_is_not_guessed(run, arguments):
    """Helm 3 starts the console script so if it is the post-renderer; the message says what to write."""
    assert run(*arguments) == (2, "", POST_RENDERER)


def test_help_alone_lists_the_commands(run):
    code, out, err = run("help")
    assert (code, err) == (0, "")
    assert out == run("--help")[1]
    assert [command for command in ("render", *COMMANDS, *ABOUT) if not re.search(rf"\n    {command}\s", out)] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], 'there is no command "chekc"; did you mean "check"?\n  See \'multimesh help\'.'),
        (["help", "polices"], 'there is no command "polices"; did you mean "policies"?\n  See \'multimesh help\'.'),
        (["zzz"], "there is no command \"zzz\"\n  See 'multimesh help'."),
        (
            ["check", "--profle", "x"],
            "unrecognized arguments: --profle; did you mean \"--profile\"?\n  See 'multimesh check --help'.",
        ),
        (
            ["check", "--profil", "x"],
            "unrecognized arguments: --profil; did you mean \"--profile\"?\n  See 'multimesh check --help'.",
        ),
        (["values", "--zzz"], "unrecognized arguments: --zzz\n  See 'multimesh values --help'."),
        (["completion", "ksh"], 'the shell is "ksh"\n  It may be: bash, zsh, fish.'),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest_one(run, arguments, message):
    """The message has the most similar word, and the help of the command."""
    assert run(*arguments) == (2, "", f"multimesh: {message}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_knows_every_command_and_flag(run, shell):
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert all(command in out for command in ("render", *COMMANDS, *ABOUT))
    assert "print-kubectl" in out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=out, text=True, check=True)


# -f


@pytest.mark.parametrize("flag", [["-f", "role.yaml"], ["-f=role.yaml"], ["--file=role.yaml"], ["--file", "role.yaml"]])
@pytest.mark.parametrize("command", ["render", "diff", "patches"])
def test_a_file_is_read_instead_of_stdin(run, tmp_path: Path, command, flag):
    (tmp_path / "role.yaml").write_text(ROLE)
    if command != "render" and flag == ["-f=role.yaml"]:
        flag = ["-frole.yaml"]
    code, out, err = _process(tmp_path, command, "--profile=.", *flag)
    assert (code, err) == (0, "")
    assert "kiali-blue" in out


def test_messages_name_the_file(tmp_path: Path):
    (tmp_path / "role.yaml").write_text(ROLE.replace("kiali", "unknown"))
    code, out, err = _process(tmp_path, "render", "--profile=.", "-f", "role.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("multimesh: role.yaml:1: ClusterRole/unknown: ")
    code, out, err = _process(tmp_path, "render", "--profile=.", "-f", "absent.yaml")
    assert (code, out) == (2, "")
    looked = f"  Looked at {tmp_path}/absent.yaml.\n"
    assert err == f"multimesh: absent.yaml: cannot be read: No such file or directory\n{looked}"
    (tmp_path / "empty.yaml").write_text("")
    assert _process(tmp_path, "render", "--profile=.", "-f", "empty.yaml")[2].startswith(
        "multimesh: empty.yaml: is empty"
    )


@pytest.mark.parametrize(
    ("command", "flag", "values"),
    [
        (("policies", "--profile=profile.yaml"), "--only", ("pods", "roots")),
        (("policies", "--profile=profile.yaml"), "--except", ("releases", "writes", "pods")),
        (("explain", "pod", "-n", "nginx-blue", "--profile=profile.yaml"), "--labels", ("a=b", "istio.io/rev=blue")),
    ],
)
def test_a_list_may_be_given_in_parts(run, command, flag, values):
    """Of a flag that is given twice only the last value counted, without a word."""
    whole = run(*command, f"{flag}={','.join(values)}")
    assert whole[0] == 0
    assert run(*command, *(f"{flag}={value}" for value in values)) == whole
    assert run(*command, flag, values[-1]) != whole


@pytest.mark.parametrize(
    ("command", "flag", "values"),
    [
        (("diff", "--profile=profile.yaml"), "--file", ("a.yaml", "b.yaml")),
        (("values", "--chart=base"), "--profile", ("profile.yaml", "other.yaml")),
        (("render",), "--profile", ("profile.yaml", "other.yaml")),
        (("render", "--profile=profile.yaml"), "--report", ("a.json", "b.json")),
    ],
)
def test_a_flag_with_two_values_is_refused(run, command, flag, values):
    """One of them would be ignored, without a word."""
    code, out, err = run(*command, *(f"{flag}={value}" for value in values))
    assert (code, out) == (2, "")
    assert err.startswith(f"multimesh: {flag} is given twice\n")


def test_a_flag_may_be_repeated_with_the_same_value(run):
    command = ("values", "--chart=base", "--profile=profile.yaml")
    assert run(*command, "--profile", "profile.yaml") == run(*command)


def test_init_takes_its_namespaces_in_parts(run, tmp_path):
    assert run("init", "red", "red", "--workloads", "a", "--workloads=b,c")[0] == 0
    assert "\n    - a\n    - b\n    - c\n" in (tmp_path / "red" / "profile.yaml").read_text()


def test_a_dash_is_stdin(tmp_path: Path):
    code, out, _ = _process(tmp_path, "render", "--profile=.", "-f", "-", stdin=ROLE)
    assert (code, out) == (0, ROLE.replace("kiali", "kiali-blue"))


def test_verify_reads_a_saved_cluster_from_a_file(tmp_path: Path):
    saved = '{"kind": "List", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}]}'
    (tmp_path / "saved.json").write_text(saved)
    code, out, err = _process(tmp_path, "verify", "--profile=.", "-f", "saved.json")
    assert (code, err) == (1, "")
    assert "istio-blue" in out
    code, out, err = _process(tmp_path, "verify", "--profile=.", "-f", "absent.json")
    assert (code, out) == (2, "")
    assert err.startswith("multimesh: absent.json: cannot be read")


def _process(directory: Path, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    (directory / "profile.yaml").write_text(profile("blue", "istio-blue", ("nginx-blue",)))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MULTIMESH_")}
    done = subprocess.run(
        [sys.executable, "-m", "multimesh", *arguments],
        input=stdin, capture_output=True, text=True, cwd=directory, env={**environment, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


# Permissions and places.


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "closed.yaml"),
        ("check", "--profile", "closed.yaml"),
        ("check", "--profile", ".", "--config", "closed.yaml"),
        ("diff", "--profile", ".", "-f", "closed.yaml"),
        ("verify", "--profile", ".", "-f", "closed.yaml"),
        ("check", "closed"),
    ],
)
def test_what_the_user_may_not_read_gets_a_hint_about_permissions(run, tmp_path, monkeypatch, arguments):
    """And not one about a path that is wrong. A directory that cannot be listed is not one without manifests."""

    def refusing(real):
        def call(path, *more, **others):
            if "closed" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *more, **others)

        return call

    (tmp_path / "closed.yaml").write_text(ROLE)
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr("builtins.open", refusing(open))
    monkeypatch.setattr("io.open", refusing(io.open))
    monkeypatch.setattr("os.scandir", refusing(os.scandir))
    monkeypatch.setattr("multimesh.commands.stdio._os.open", refusing(os.open))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Permission denied" in err
    assert "  This user may not read it: 'ls -l' shows the permissions" in err


def test_findings_name_a_profile_as_it_was_typed(run, tmp_path):
    """With the line of the key that is wrong."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "profile.yaml").write_text(profile(name, f"istio-{name}", ("same",)))
    _, out, _ = run("check", "--profile", "a", "--profile", "./b/profile.yaml")
    line = 1 + (tmp_path / "a/profile.yaml").read_text().splitlines().index("  - same")
    assert f"      a/profile.yaml:{line}  (mesh a)\n      ./b/profile.yaml:{line}  (mesh b)\n" in out


def test_a_finding_of_the_cluster_names_the_key_of_the_profile(run, tmp_path):
    """Ownership, revision, node port and namespace each have a line of their own."""
    text = profile("a", "istio-a", ("istio-b",), sharedResources="own", revision="b", nodePorts={"http2": 32380})
    (tmp_path / "profile.yaml").write_text(text)
    saved = live(
        istiod("b"), service("b", "gateway", {"port": 80, "nodePort": 32380}), crd("a.istio.io", "v1"),
        release="istio-b",
    )  # fmt: skip
    (tmp_path / "saved.json").write_text(saved)
    _, out, _ = run("check", "--profile", ".", "saved.json", "-o", "json")
    lines = {
        item["id"]: text.splitlines()[side["line"] - 1].strip()
        for item in json.loads(out)["findings"]
        for side in item["sides"]
        if side["file"] == "./profile.yaml"
    }
    assert {
        key: lines.get(key) for key in ("two-owners", "shared-revision", "node-port", "namespace-claimed-twice")
    } == {
        "two-owners": "sharedResources: own",
        "shared-revision": "revision: b",
        "node-port": "http2: 32380",
        "namespace-claimed-twice": "- istio-b",
    }


# Colours.


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_unless_the_environment_says_no(monkeypatch, environment, expected):
    """NO_COLOR has an effect if it is not empty (no-color.org)."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert in_colour("auto") is expected
    assert in_colour("always") is True
    assert in_colour("never") is False

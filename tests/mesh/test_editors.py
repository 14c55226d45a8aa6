"""The JSON Schema works in the programs that users validate profiles with: kubeconform, and an editor's YAML server."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import outside
import pytest
import versions
import yaml
from pages import ROOT
from profile_cases import generated, verdict

from multimesh.cli import main
from multimesh.commands.schema import FORMATS
from multimesh.mesh import schema

YAML_SERVER = ("yaml-language-server", versions.only("yaml-language-server"))
GOOD = (
    "apiVersion: multimesh.dev/v1alpha1\nkind: MeshProfile\nmetadata:\n  name: blue\nspec:\n  namespace: istio-blue\n"
)

#: What a profile holds instead of GOOD's namespace, and the path of the value that a validator marks.
MISTAKES = {
    "an unknown key": ("  namspace: istio-blue\n", "spec"),
    "a wrong word": ("  namespace: istio-blue\n  sharedResources: mine\n", "spec.sharedResources"),
    "a namespaced kind": ("  namespace: istio-blue\n  renameNames: [Deployment/x]\n", "spec.renameNames.0"),
    "a role of Kubernetes": ("  namespace: istio-blue\n  renameNames: ['ClusterRole/view']\n", "spec.renameNames.0"),
}


def with_mistake(name: str) -> str:
    return GOOD.replace("  namespace: istio-blue\n", MISTAKES[name][0])


def patterns(value: Any) -> list[str]:
    """Return every pattern of a schema."""
    if isinstance(value, list):
        return [found for item in value for found in patterns(item)]
    if not isinstance(value, dict):
        return []
    own = [value["pattern"]] if isinstance(value.get("pattern"), str) else []
    return own + [found for item in value.values() for found in patterns(item)]


def test_the_command_prints_the_shipped_schema(capsysbinary):
    """Without flags it is the file of the package, byte for byte."""
    assert main(["schema"]) == 0
    assert capsysbinary.readouterr().out == (ROOT / "multimesh/profile.schema.json").read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_no_pattern_needs_more_than_a_regular_expression(form):
    """RE2, with which Go compiles patterns, has neither lookaheads nor references to groups."""
    found = patterns(FORMATS[form]())
    assert found or form == "settings"
    assert [one for one in found if "(?" in one or re.search(r"\\[1-9kpP]", one)] == []


def test_every_form_has_an_identity_of_its_own():
    """Editors keep schemas by $id."""
    assert len({make()["$id"] for make in FORMATS.values()}) == len(FORMATS)
    for make in FORMATS.values():
        assert make()["$id"].startswith("https://")
        jsonschema.Draft7Validator.check_schema(make())


@pytest.mark.parametrize("seed", range(2))
def test_the_crd_form_differs_only_in_the_two_keys_that_every_manifest_has(seed):
    """With apiVersion and kind, both forms accept the same profiles."""
    rng = Random(f"crd {seed}")
    plain, crd = jsonschema.Draft7Validator(schema.schema()), jsonschema.Draft7Validator(schema.resource_schema())
    for _ in range(200):
        profile = generated(rng)
        named = profile.get("apiVersion") is not None and profile.get("kind") is not None
        assert crd.is_valid(profile) == (plain.is_valid(profile) and named), profile


# kubeconform


def kubeconform(directory: Path, *files: Path) -> dict[str, Any]:
    """Return what kubeconform says about each file, by its name: the status, and the paths of mistakes."""
    program = outside.go("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")
    home = directory / "schemas" / "multimesh.dev"
    home.mkdir(parents=True, exist_ok=True)
    (home / "meshprofile_v1alpha1.json").write_text(schema.text(schema.resource_schema()), encoding="utf-8")
    location = f"{directory}/schemas/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"
    command = [program, "-output=json", "-verbose", "-schema-location", location, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {Path(one["filename"]).name: one for one in json.loads(done.stdout)["resources"]}


def test_kubeconform_accepts_the_profiles_that_are_shipped(tmp_path):
    """Before, it could not compile the schema."""
    for mesh in ("affirmed", "blue"):
        [found] = kubeconform(tmp_path, ROOT / "charts-values" / mesh / "profile.yaml").values()
        assert (found["status"], found["msg"]) == ("statusValid", "")


@pytest.mark.parametrize("name", MISTAKES)
def test_kubeconform_finds_the_place_of_a_mistake(tmp_path, name):
    """The message has the path of the value."""
    file = tmp_path / "profile.yaml"
    file.write_text(with_mistake(name), encoding="utf-8")
    [found] = kubeconform(tmp_path, file).values()
    assert found["status"] == "statusInvalid"
    assert {one["path"] for one in found["validationErrors"]} == {"/" + MISTAKES[name][1].replace(".", "/")}


def test_kubeconform_accepts_what_the_program_accepts(tmp_path):
    """Go's regular expressions accept the same names as Python's."""
    rng = Random("kubeconform")
    profiles = {f"{number}.yaml": generated(rng) for number in range(200)}
    profiles = {name: one for name, one in profiles.items() if one.get("apiVersion") and one.get("kind")}
    texts = {name: yaml.safe_dump(one, allow_unicode=True) for name, one in profiles.items()}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = kubeconform(tmp_path, *(tmp_path / name for name in texts))
    for name, text in texts.items():
        assert (found[name]["status"] == "statusValid") == (not verdict(text)), (text, found[name], verdict(text))
    assert {one["status"] for one in found.values()} >= {"statusValid", "statusInvalid"}


# The YAML server of editors


def diagnostics(*texts: str) -> list[list[dict[str, Any]]]:
    """Return what yaml-language-server marks in each text, as an editor would ask it."""
    packages = outside.npm(*YAML_SERVER, ".")
    command = [outside.node(), f"{packages}/yaml-language-server/bin/yaml-language-server", "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        _send(server, "initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
        _send(server, "initialized", {})
        found: dict[str, list[dict[str, Any]]] = {}
        for number, text in enumerate(texts):
            document = {"uri": f"file:///{number}.yaml", "languageId": "yaml", "version": 1, "text": text}
            _send(server, "textDocument/didOpen", {"textDocument": document})
        while len(found) < len(texts):
            message = _receive(server)
            if message.get("method") == "textDocument/publishDiagnostics":
                found[message["params"]["uri"]] = message["params"]["diagnostics"]
            elif "id" in message and "method" in message:
                answer = [None] * len(message["params"].get("items", ()))
                _answer(server, {"jsonrpc": "2.0", "id": message["id"], "result": answer})
        server.kill()
    return [found[f"file:///{number}.yaml"] for number in range(len(texts))]


def _send(server: subprocess.Popen[bytes], method: str, params: object, number: int | None = None) -> None:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    _answer(server, message if number is None else {**message, "id": number})


def _answer(server: subprocess.Popen[bytes], message: object) -> None:
    body = json.dumps(message).encode()
    assert server.stdin
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()


def _receive(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert server.stdout
    size = 0
    while line := server.stdout.readline().strip():
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    assert size, "the server ended"
    found: dict[str, Any] = json.loads(server.stdout.read(size))
    return found


def test_an_editor_marks_the_mistakes_and_nothing_else():
    """The first line of a profile names the schema, so no setting is needed."""
    first = f"# yaml-language-server: $schema={(ROOT / 'multimesh/profile.schema.json').as_uri()}\n"
    good, *bad = diagnostics(first + GOOD, *(first + with_mistake(name) for name in MISTAKES))
    assert good == []
    assert [len(one) for one in bad] == [2, 1, 1, 1]  # A misspelled key is an unknown one, and one that is missing.
    assert {line["range"]["start"]["line"] for one in bad[1:] for line in one} == {7}

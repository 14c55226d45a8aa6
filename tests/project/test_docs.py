"""Compare the documentation with the code, and the repository with its own rules."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from pages import ROOT, blocks, files, pages, prose

import multimesh
from multimesh import cli as commands
from multimesh.commands.render import RENDER_FLAGS
from multimesh.errors import MultimeshError
from multimesh.mesh import definitions, profile, schema
from multimesh.rules import RULES

_SPEC = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
assert _SPEC is not None
assert _SPEC.loader is not None
docs = importlib.util.module_from_spec(_SPEC)
sys.modules["docs_tool"] = docs
_SPEC.loader.exec_module(docs)

MODULES = sorted((ROOT / "multimesh").rglob("*.py"))
SCHEMA = json.loads((ROOT / "multimesh/profile.schema.json").read_text(encoding="utf-8"))
MANUAL = "\n".join(
    (ROOT / page).read_text(encoding="utf-8") for page in pages() if page.startswith(("README", "docs/"))
)


def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


# What is generated.


@pytest.mark.parametrize("path", docs.pages(), ids=lambda path: path.name)
def test_a_generated_file_is_what_the_tool_writes(path):
    """Generated parts are not changed by hand, and `make docs` was run after the code changed."""
    assert docs.pages()[path] == path.read_text(encoding="utf-8"), "run: python3 tools/docs.py"


def test_every_rule_has_a_docstring_a_row_and_a_place_in_the_registry():
    """Every module of rules/ with an ID and a plan is in RULES, and has a section in the manual."""
    registered = {Path(rule.__file__).name for rule in RULES}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    manual = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    found = set()
    for path in (ROOT / "multimesh/rules").glob("*.py"):
        names = {target.id for node in tree(path).body if isinstance(node, ast.Assign) for target in node.targets}
        if "ID" in names and any(isinstance(node, ast.FunctionDef) and node.name == "plan" for node in tree(path).body):
            found.add(path.name)
    assert registered == found
    for rule in RULES:
        assert rule.__doc__, rule.__name__
        assert f"| [{rule.ID}](docs/rules.md#{rule.ID}) |" in readme
        assert f"\n## {rule.ID}\n" in manual


def test_the_architecture_names_every_module_and_nothing_else():
    """The table of files is complete, and every path in it exists."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(multimesh/[^`]*\.py)` \|", text, re.MULTILINE))
    assert {path.relative_to(ROOT).as_posix() for path in MODULES} == named
    others = re.findall(r"^\| `([^`]+)` \| [a-z]", text, re.MULTILINE)
    assert [name for name in others if not (ROOT / name).exists()] == []
    mentioned = set(re.findall(r"`((?:multimesh|tests|tools|docs|examples)/[\w./-]+)`", text))
    assert mentioned
    assert [name for name in mentioned if not (ROOT / name).exists()] == []


def test_the_architecture_names_tests_that_exist():
    """Every test in the table of laws exists."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text[text.index("## The laws") :]
    defined = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
    }
    named = set(re.findall(r"`(test_\w+)`", table))
    assert named
    assert named - defined == set()


# The repository.


def test_the_version_is_one():
    """It is in multimesh/version.py: pyproject.toml reads it there, and tools/docs.py writes it for Helm."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["readme", "version"]' in project
    assert 'version = { attr = "multimesh.version.__version__" }' in project
    for name in ("plugin.yaml", "plugins/cli.yaml", "plugins/helm3.yaml"):
        plugin = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
        assert plugin["version"] == multimesh.__version__, name
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", multimesh.__version__), "Helm wants SemVer"


def test_there_is_one_plugin_yaml_and_no_link():
    """Helm uses the first plugin.yaml of an archive as the plugin's own, and extracts no links."""
    assert [name for name in files() if Path(name).name == "plugin.yaml"] == ["plugin.yaml"]
    assert [name for name in files() if (ROOT / name).is_symlink()] == []


#: A path of one machine, and a host of packages. The patterns do not match themselves.
_MACHINE = re.compile(r"(?<![\w.$})~-])/(?:root|home(?!/argocd/cmp-server)|Users|work|workspace|mnt)/[\w.-]")
_PACKAGE_HOST = re.compile(
    r"pypi[.]|pythonhosted|artifactory|jfrog|nexus|proxy[.]golang|index-url\s*=|https?://[\w.:-]+/simple\b",
    re.IGNORECASE,
)


def test_nothing_names_a_machine_or_a_package_host():
    """The repository works on any machine: it contains no path of one machine, and no index except pip's default."""
    found = []
    for name in files():
        if name == "tests/project/test_docs.py":
            continue
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(lines, 1)
            if _MACHINE.search(line) or _PACKAGE_HOST.search(line)
        ]
    assert found == []


# The profile.


def test_the_schema_is_a_schema():
    """It is valid by its own draft, closed at every level, and describes every key."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    def visit(part: dict, path: str) -> None:
        if "properties" in part:
            assert part["additionalProperties"] is False, path
            for key, inner in part["properties"].items():
                assert inner.get("description"), f"{path}.{key}"
                visit(inner, f"{path}.{key}")
        for inner in (part.get("items"), *part.get("oneOf", ())):
            if isinstance(inner, dict):
                visit(inner, path)

    visit(SCHEMA, "")


def profiles() -> dict[str, str]:
    """Return every mesh profile of the repository and its pages, by its place."""
    found = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "charts-values").glob("*/profile.yaml"))
    }
    shown = (block for page in pages() for block in blocks(page))
    return found | {block.where: block.text for block in shown if "kind: MeshProfile" in block.text}


@pytest.mark.parametrize("where", profiles())
def test_every_profile_that_is_shown_is_valid(where):
    """The program and the schema accept it."""
    profile.load(profiles()[where], where)
    jsonschema.validate(yaml.safe_load(profiles()[where]), SCHEMA, cls=jsonschema.Draft7Validator)


#: One line of spec, or of the whole profile, with a mistake.
WRONG = {
    "an unknown key": "spec: {namespace: istio-x, workloadNamespace: [a]}",
    "a missing key": "spec: {}",
    "a word that is none of the choices": "spec: {namespace: istio-x, gateways: maybe}",
    "a port outside the range": "spec: {namespace: istio-x, nodePorts: {http2: 80}}",
    "a namespace that is no label": "spec: {namespace: Istio_X}",
    "a namespace that no mesh can have": "spec: {namespace: istio}",
    "a name without a kind": "spec: {namespace: istio-x, keepNames: [reader]}",
    "a kind to be renamed as a whole": "spec: {namespace: istio-x, renameNames: ['ClusterRole/*']}",
    "a switch that is text": "spec: {namespace: istio-x, scopeGateways: 'true'}",
    "a flag without a container": "spec: {namespace: istio-x, flags: [{args: [--a=b]}]}",
}


@pytest.mark.parametrize("what", WRONG)
def test_the_schema_refuses_what_the_program_refuses(what):
    """An editor marks the same mistakes as the program."""
    text = f"apiVersion: multimesh.dev/v1alpha1\nkind: MeshProfile\nmetadata: {{name: x}}\n{WRONG[what]}\n"
    with pytest.raises(MultimeshError):
        profile.load(text, "profile.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), SCHEMA, cls=jsonschema.Draft7Validator)


def test_the_schema_knows_every_check():
    """The schema describes a text that has a check in the same way as the check."""
    found = []

    def visit(field: object) -> None:
        if isinstance(field, tuple):
            if field and field[0] == "text" and getattr(field[1], "__name__", "").startswith("check_"):
                found.append(field[1])
            for part in field:
                visit(part)
        elif isinstance(field, dict):
            for part in field.values():
                visit(part)

    visit(definitions.PROFILE)
    assert found
    assert [check.__name__ for check in found if check not in schema.TEXTS] == []


# The pages.


def test_every_flag_is_documented():
    """Each command and each of its flags is in README.md or docs/."""
    flags = {("render", flag) for flag in RENDER_FLAGS}
    parser = commands.parser()
    subparsers = next(action for action in parser._actions if hasattr(action, "choices") and action.choices)
    for name, command in dict(subparsers.choices).items():
        flags |= {(name, option) for action in command._actions for option in action.option_strings}
    flags = {(name, flag) for name, flag in flags if flag.startswith("--") and flag != "--help"}
    assert {
        name
        for name in ("render", *commands.COMMANDS, *commands.ABOUT)
        if f"`{name}" not in MANUAL and f"multimesh {name}" not in MANUAL
    } == set()
    assert {(name, flag) for name, flag in flags if not re.search(rf"{re.escape(flag)}\b(?!-)", MANUAL)} == set()


def test_the_help_of_render_names_every_flag():
    """`render` parses its flags without argparse, so its help is written by hand."""
    from multimesh.commands.render import RENDER_HELP

    for flag in RENDER_FLAGS:
        assert f"  {flag} " in RENDER_HELP
        assert f"(MULTIMESH_{flag[2:].upper().replace('-', '_')})" in RENDER_HELP


def messages() -> list[re.Pattern[str]]:
    """Return every text of the program that could be part of a message, as a pattern for each of its lines."""
    found = []
    for path in (*MODULES, ROOT / "postrender.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.JoinedStr):
                pieces = [re.escape(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                pieces = [re.escape(node.value)]
            else:
                continue
            found += "".join(pieces).split("\\\n")
    return [re.compile(line.replace("\0", ".*")) for line in found if len(line.replace("\0", "")) >= 15]


def test_every_error_that_is_quoted_is_one_of_the_program():
    """Line by line, a message in a page that no test runs is made of texts of the program."""
    known = messages()
    unknown = []
    seen = 0
    for page in pages():
        for block in blocks(page):
            if block.language != "text" or not block.text.startswith("multimesh: ") or "<where>" in block.text:
                continue
            for line in block.text.splitlines():
                seen += 1
                if not any(message.search(line) for message in known):
                    unknown.append(f"{block.where}: {line}")
    assert unknown == []
    assert seen > 4


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub generates them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(path.relative_to(ROOT).as_posix()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page):
    """A link to a file leads to a file of the repository, and its anchor to a heading."""
    text = prose(page)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), f"{page}: {target}"
        assert path.resolve().relative_to(ROOT).as_posix() in files() or path.is_dir(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(path.resolve()), f"{page}: {target}"


@pytest.mark.parametrize("page", [page for page in pages() if page != "CHANGELOG.md" and not page.startswith("tests/")])
def test_every_page_ends_with_where_to_go_next(page):
    """A reader finds the next page at the end of each page."""
    assert "here to go next" in prose(page)[-900:]


#: Words of advertising, words with two meanings, and words of another style (CONTRIBUTING.md).
NEVER = ("simply", "powerful", "blazing", "easily", "tenant")


@pytest.mark.parametrize("page", [page for page in pages() if not page.startswith("tests/")])
def test_the_pages_speak_plainly(page):
    """There is no word of advertising, no exclamation mark, no badge, no emoji; a picture is a file of the repository."""
    text = prose(page)
    assert [word for word in NEVER if re.search(rf"\b{word}\b", text, re.IGNORECASE)] == []
    assert re.findall(r"\w!(?:\s|$)", text) == []
    assert re.findall(r"!\[[^]]*\]\((?!images/)", text) == []
    assert re.findall(r"[\U0001f300-\U0001faff\u2600-\u27bf]", text) == []


def test_the_files_that_python_needs_are_in_the_package():
    """The schema ships with the package."""
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'(?m)^multimesh = \[.*"\*\.json"', listed)


def test_the_tool_says_what_is_out_of_date():
    """`tools/docs.py --check` prints nothing if everything is up to date."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

#!/usr/bin/env python3
"""Write the parts of the documentation that are generated from the code.

    python3 tools/docs.py           writes them, and prints the names of the files that changed
    python3 tools/docs.py --check   writes nothing; prints the files that are out of date, with exit code 1

docs/rules.md is made from the docstrings of the rules, and so is the table of rules in README.md.
docs/commands.md comes from the commands' docstrings and parsers, docs/findings.md from the catalogue of findings,
multimesh/check/notes.py and what `check` prints of tests/support/finding_cases.py.
The table of what control planes write in docs/isolation.md comes from multimesh/mesh/writes.py.
The table of versions in docs/gateway-api.md comes from multimesh/check/meshes/bundles.py.
The table of keys in docs/profile.md and multimesh/profile.schema.json come from the definitions in multimesh/mesh/definitions.py,
the table of files in ARCHITECTURE.md from the docstrings of the modules.
The sentence about versions in README.md comes from tests/versions.json.
The version in the files that Helm reads about plugins comes from multimesh/version.py.
The text between two comments `<!-- NAME: begin ... -->` and `<!-- NAME: end -->` is written by this tool.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import textwrap
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with import-linter

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support"), str(ROOT / "tools")]

from finding_cases import CASES, arguments  # noqa: E402 - the path above comes first
from settings_note import SETTINGS_NOTE  # noqa: E402 - the path above comes first
from versions import SHOWN, TESTED  # noqa: E402 - the path above comes first

from multimesh import cli as commands  # noqa: E402 - the path above comes first
from multimesh.check.catalogue import CATALOGUE  # noqa: E402 - the path above comes first
from multimesh.check.meshes import bundles  # noqa: E402 - the path above comes first
from multimesh.check.notes import NOTES  # noqa: E402 - the path above comes first
from multimesh.commands.render import RENDER_HELP  # noqa: E402 - the path above comes first
from multimesh.commands.values import NEWEST, Version  # noqa: E402 - the path above comes first
from multimesh.mesh import definitions, manual, schema, writes  # noqa: E402 - the path above comes first
from multimesh.rules import RULES  # noqa: E402 - the path above comes first
from multimesh.version import __version__  # noqa: E402 - the path above comes first

#: The layers of the package, the highest first, each the names of its modules or directories (pyproject.toml).
LAYERS: tuple[tuple[str, ...], ...] = tuple(
    tuple(re.split(r"\s*[|:]\s*", layer))
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    if contract["id"] == "layers"
    for layer in contract["layers"]
)

#: What Helm reads about the plugins, each with the version of the program.
PLUGINS = ("plugin.yaml", "plugins/cli.yaml", "plugins/helm3.yaml")

NO_BREAK = "\u00a0"


class Part(NamedTuple):
    """A piece of a page: a paragraph, or the lines of an indented block."""

    code: bool
    text: str

    @property
    def is_diff(self) -> bool:
        """Return whether this is a diff: every line begins with a sign, and at least one is added or removed."""
        lines = [line for line in self.text.splitlines() if line]
        return self.code and all(line[0] in "+- " for line in lines) and any(line[0] in "+-" for line in lines)


def main() -> int:
    """Write the files that are out of date, or with --check only name them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the documentation that is generated from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is out of date")
    options = parser.parse_args()
    old = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in old:
        print(f"{'out of date' if options.check else 'written'}: {path.relative_to(ROOT)}")
        if not options.check:
            path.write_text(pages()[path], encoding="utf-8")
    return 1 if old and options.check else 0


def pages() -> dict[Path, str]:
    """Return the path and the text of every generated file."""
    return {
        ROOT / "docs/rules.md": rules_page(),
        ROOT / "docs/commands.md": commands_page(),
        ROOT / "docs/findings.md": findings_page(),
        ROOT / "README.md": between(
            "README.md", "versions", versions_line(), between("README.md", "rules", rules_table())
        ),
        ROOT / "docs/profile.md": between("docs/profile.md", "keys", keys_table()),
        ROOT / "docs/isolation.md": between("docs/isolation.md", "writes", writes_table()),
        ROOT / "docs/gateway-api.md": between("docs/gateway-api.md", "bundles", bundles_table()),
        ROOT / "ARCHITECTURE.md": between("ARCHITECTURE.md", "files", files_table()),
        ROOT / "multimesh/profile.schema.json": schema.text(),
        **{ROOT / name: plugin(ROOT / name) for name in PLUGINS},
    }


def plugin(path: Path) -> str:
    """Return the text of what Helm reads about a plugin, with the version of the program."""
    return re.sub(r"(?m)^version: .*$", f"version: {__version__}", path.read_text(encoding="utf-8"))


def between(name: str, marker: str, text: str, page: str = "") -> str:
    """Return the text of a file, or of a page made from it, with this text between its two markers."""
    page = page or (ROOT / name).read_text(encoding="utf-8")
    pattern = rf"(<!-- {marker}: begin[^>]*-->\n).*?(<!-- {marker}: end -->)"
    new, count = re.subn(pattern, lambda found: found[1] + text + found[2], page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{name} has no markers <!-- {marker}: begin --> and <!-- {marker}: end -->")
    return new


def versions_line() -> str:
    """Return the sentence about the versions that are tested."""
    names = {"helm": "Helm", "kubernetes": "Kubernetes", "helm-controller": "Flux's helm-controller"}
    names |= {"argo-cd": "Argo CD's plugin server", "helmfile": "Helmfile"}
    said = [f"{names.get(what, what)} {' and '.join(filter(None, (', '.join(listed[:-1]), listed[-1])))}"
            for what, listed in ((what, TESTED[what]) for what in SHOWN)]  # fmt: skip
    return f"The tests run {', '.join(said)}, and the charts of Istio 1.5 to {Version(*NEWEST)}.\n"


# The rules.


def rules_page() -> str:
    """Return docs/rules.md: one section for every rule, in their order."""
    head = (
        "# The rules\n\n"
        "What multimesh changes, rule by rule, and why.\n"
        "Every rule plans against the stock manifest, so their order does not matter.\n"
        "The id in brackets at the end of a message, in a diff or in a report is the name of a section here.\n\n"
        "In the examples the mesh is `affirmed` and its control-plane namespace `istio-affirmed`.\n"
        "`M` stands for the mesh name, `NS` for the control-plane namespace.\n\n"
        "<!-- Written by tools/docs.py from the docstrings in multimesh/rules/. Change them there. -->\n"
    )
    sections = [head]
    for rule in RULES:
        first, *rest = parts(doc_of(rule))
        kinds = sorted(rule.READS)
        looks = "every resource" if "*" in kinds else ", ".join(f"`{kind}`" for kind in kinds)
        body = "\n".join(written(part) for part in rest)
        source = Path(str(rule.__file__)).name
        sections.append(
            f"## {rule.ID}\n\n{sentences(first.text)}\n\n{body}\n"
            f"Looks at {looks}.\nSource: [multimesh/rules/{source}](../multimesh/rules/{source}).\n"
        )
    sections.append(
        "## What is not looked at\n\n"
        "A document that no rule reads is copied without being parsed: of a ConfigMap of dashboards, for example, only its "
        "kind and its name are searched for.\n"
        "If such a document in the middle of a stream is not YAML, multimesh does not notice. "
        "Helm parses every document before it installs anything, and refuses the whole stream.\n"
        "The last document is always parsed, so a stream that was cut off is refused.\n\n"
        "Also copied as they are: texts inside a ConfigMap that no rule names, comments, and everything after `spec:` of a "
        "CRD and after `rules:` of most ClusterRoles.\n"
    )
    sections.append(
        "Where to go next: [profile.md](profile.md) for the keys that control the rules, [errors.md](errors.md) for what a "
        "refusal looks like.\n"
    )
    return "\n".join(sections)


def rules_table() -> str:
    """Return the table of rules for the README: rule, what, before, after."""
    rows = ["| rule | what | before | after |", "|---|---|---|---|"]
    for rule in RULES:
        first, *rest = parts(doc_of(rule))
        diff = next((part.text.splitlines() for part in rest if part.is_diff), [])
        before, after = (cell([line[1:] for line in diff if line[:1] == sign]) for sign in "-+")
        # A rule whose diff has only added lines adds a field; one whose diff has only removed lines drops a field.
        before, after = before or ("(absent)" if after else "–"), after or ("(dropped)" if before else "–")
        what = " ".join(first.text.split()).removesuffix(".")
        rows.append(f"| [{rule.ID}](docs/rules.md#{rule.ID}) | {what} | {before} | {after} |")
    return "\n".join(rows) + "\n"


def doc_of(rule: Any) -> str:
    """Return the docstring of a rule. Raises SystemExit if it has none."""
    if not rule.__doc__:
        raise SystemExit(f"{rule.__name__} has no docstring, which is its section of docs/rules.md")
    return str(rule.__doc__)


def parts(doc: str) -> list[Part]:
    """Return the parts of a docstring, which blank lines separate. Indented parts are code; adjacent ones are joined."""
    found: list[Part] = []
    for block in re.split(r"\n[ \t]*\n", doc.strip("\n")):
        code = all(line.startswith("    ") for line in block.splitlines())
        text = "\n".join(line[4:] for line in block.splitlines()) if code else block
        if code and found and found[-1].code:
            found[-1] = Part(True, f"{found[-1].text}\n\n{text}")
        else:
            found.append(Part(code, text))
    return found


def written(part: Part, language: str = "yaml") -> str:
    """Return a part as Markdown; a code block that is not a diff has this language."""
    if not part.code:
        return sentences(part.text) + "\n"
    return f"```{'diff' if part.is_diff else language}\n{part.text}\n```\n"


def sentences(text: str) -> str:
    """Return a paragraph with each sentence on a line of its own; lists keep their lines."""
    if re.search(r"(?m)^(- |\* |\d+\. |\|)", text):
        return text
    return re.sub(r"(?<=[.!?]) (?=[A-Z`])", "\n", " ".join(text.split()))


def cell(lines: list[str]) -> str:
    """Return lines of YAML as one cell of a table, with their indentation."""
    shown = [line.replace("|", "\\|") for line in textwrap.dedent("\n".join(lines)).splitlines() if line.strip()]
    # Markdown collapses ordinary spaces, but not no-break spaces.
    return "<br>".join(f"`{(len(line) - len(line.lstrip())) * NO_BREAK}{line.lstrip()}`" for line in shown)


# The commands.


def commands_page() -> str:
    """Return docs/commands.md: one section for every command, in the order of the manual."""
    parser = commands.parser()
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    head = (
        "# The commands\n\n"
        "`multimesh COMMAND`, or `python3 -m multimesh COMMAND` in the checkout; `postrender.py` is `multimesh render`.\n"
        "Every flag can be set by an environment variable, `MULTIMESH_<FLAG>`.\n"
        "A switch is on with `1`, `true` or `yes`, and off with `0`, `false`, `no` or an empty value.\n\n"
        "| exit code | means |\n|---|---|\n| 0 | done |\n| 1 | findings |\n| 2 | the command failed |\n\n"
        "<!-- Written by tools/docs.py from multimesh/cli.py and multimesh/commands/. Change them there. -->\n"
    )
    sections = [head, f"## render\n\n```text\n{RENDER_HELP}```\n"]
    for name in (*commands.COMMANDS, *commands.ABOUT):
        command = subparsers.choices[name]
        first, *rest = parts(str(command.description))
        body = "\n".join(written(part, "text") for part in rest)
        sections.append(f"## {name}\n\n{sentences(first.text)}\n\n{body}\n{flags_table(command)}")
    sections.append(
        "Where to go next: [errors.md](errors.md) for the format of messages, [profile.md](profile.md) for the mesh "
        "profile.\n"
    )
    return "\n".join(sections)


def findings_page() -> str:
    """Return docs/findings.md: one section for every id, in the order of the catalogue."""
    head = (
        "# Findings\n\n"
        "What `multimesh check` and `multimesh verify` report, by the id of the finding.\n"
        "With an error the exit code is 1; with `--severity` less severe findings have that effect too. Ids are never "
        "reused.\n\n"
        "<!-- Written by tools/docs.py from catalogue.py and notes.py in multimesh/check/. Change it there. -->\n\n"
        f"{SETTINGS_NOTE}\n"
        "## All findings\n\n"
        "| id | severity | why it matters |\n|---|---|---|\n"
        + "".join(f"| [{name}](#{name}) | {page.severity} | {page.why} |\n" for name, page in CATALOGUE.items())
    )
    sections = [
        f"## {name}\n\nSeverity: {page.severity}.\n\n{sentences(page.why)}\n{NOTES[name]}\n{example(name)}\n"
        f"What to do: {sentences(page.remedy)}\n"
        for name, page in CATALOGUE.items()
    ]
    tail = (
        "Where to go next: [commands.md](commands.md) for the flags of `check` and `verify`, "
        "[operations.md](operations.md) for when to run them.\n"
    )
    return "\n".join([head, *sections, tail])


@cache
def example(finding: str) -> str:
    """Return what `check` prints for the manifests that have a finding; an empty text for findings of `verify` only."""
    case = CASES.get(finding)
    if case is None:
        return ""
    with TemporaryDirectory() as directory, redirect_stdout(io.TextIOWrapper(io.BytesIO())) as out:
        commands.run(["check", *arguments(case.hit, Path(directory)), "--color=never"])
        text = out.buffer.getvalue().decode().replace(f"{directory}/", "")
    group = next(part for part in text.split("\n\n") if f": {finding}\n" in part)
    first = re.search(r"(?m)^  - .*\n(      .*\n)*", group)
    assert first is not None
    return f"\n```text\n{textwrap.dedent(first[0]).rstrip()}\n```\n"


def flags_table(command: argparse.ArgumentParser) -> str:
    """Return the table of a command's arguments."""
    rows = ["| argument | meaning |", "|---|---|"]
    formatter = command._get_formatter()
    for action in command._actions:
        if "--help" in action.option_strings:
            continue
        choices = "" if action.choices is None else "{" + ",".join(map(str, action.choices)) + "}"
        value = "" if action.nargs == 0 else str(action.metavar or choices or action.dest.upper())
        name = " ".join(filter(None, (", ".join(action.option_strings), value)))
        help_text = formatter._expand_help(action) if action.help else ""
        rows.append(f"| `{name}` | {help_text.replace('|', chr(92) + '|')} |")
    return "\n".join(rows) + "\n"


# The profile.


def keys_table() -> str:
    """Return the table of all keys of a mesh profile."""
    rows = ["| key | values | meaning |", "|---|---|---|"]
    rows += [
        f"| `{key.path}`{' (required)' if key.required else ''} | {key.kinds} | {key.description.replace('|', chr(92) + '|')} |"
        for key in manual.keys(definitions.PROFILE)
    ]
    return "\n".join(rows) + "\n"


# The files.


def writes_table() -> str:
    """Return what control planes write outside their Deployments."""
    rows = []
    for row in writes.WRITES:
        what = row.what + (f"; with `{row.only_with}=true`" if row.only_with else "")
        rows.append(f"| {what} | {row.where} | {row.versions} | {row.apart} | {row.source} |")
    return "\n".join(("| what | where | Istio | kept apart by | source |", "|---|---|---|---|---|", *rows, ""))


def bundles_table() -> str:
    """Return which versions of Istio read what of the Gateway API."""
    rows = (f"| `{resource}` | {istio} | {version} | {limits} |" for resource, istio, version, limits in bundles.rows())
    return "\n".join(("| resource | Istio | version | bundle |", "|---|---|---|---|", *rows, ""))


def files_table() -> str:
    """Return the table of every module of the package: file and purpose, in the order of the layers."""
    rows = ["| file | purpose |", "|---|---|"]
    modules = sorted((ROOT / "multimesh").rglob("*.py"), key=place)
    rows += [f"| `{path.relative_to(ROOT).as_posix()}` | {purpose(path)} |" for path in modules]
    return "\n".join(rows) + "\n"


def place(path: Path) -> tuple[int, int, str]:
    """Return the position of a module in the table: its layer, its directory in the layer, its path.

    The root of the package belongs to no layer and comes first.
    """
    inner = path.relative_to(ROOT / "multimesh")
    name = inner.parts[0].removesuffix(".py")
    for number, members in enumerate(LAYERS):
        if name in members:
            return number, members.index(name), inner.as_posix()
    if inner.parts != ("__init__.py",):
        raise SystemExit(f"{path.relative_to(ROOT)} belongs to no layer of pyproject.toml")
    return -1, 0, inner.as_posix()


def purpose(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    if not doc:
        raise SystemExit(f"{path.relative_to(ROOT)} has no docstring, which is its row in ARCHITECTURE.md")
    first = " ".join(doc.split("\n\n")[0].split())
    return re.split(r"(?<=[.]) (?=[A-Z`])", first)[0].rstrip(".:").replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())

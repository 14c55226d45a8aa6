"""The three steps of CONTRIBUTING that add a rule, followed literally in a copy of the project."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import profile

ROOT = Path(__file__).resolve().parents[2]

#: Step 1: the text of multimesh/rules/mesh_note.py.
RULE = '''"""Write the name of the mesh into a ConfigMap called mesh-note.

    -  mesh: none
    +  mesh: affirmed

No chart has such a ConfigMap.
"""

from __future__ import annotations

from multimesh.rules.concern import name_is

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "mesh-note"
READS: Reads = {"ConfigMap": (name_is("mesh-note"),)}


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the name of the mesh."""
    node = resource.get("data/mesh")
    if node is not None and resource.name == "mesh-note":
        resource.rewrite(node, mesh.name, "data/mesh")
'''

#: Step 3: the text of tests/rules/test_mesh_note.py.
TEST = '''"""The rule mesh-note."""

from __future__ import annotations

from rule_cases import rendered, stays

NOTE = "apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: mesh-note\\ndata:\\n  mesh: none\\n"


def test_the_note_names_the_mesh():
    """What changes."""
    assert rendered(NOTE) == NOTE.replace("none", "affirmed")


def test_another_config_map_stays():
    """What looks alike and stays."""
    assert stays(NOTE.replace("mesh-note", "mesh-notes"))
'''

#: The files that the steps, `make docs` and the checks read.
COPIED = ("multimesh", "tests/support", "tests/conftest.py", "tests/rules", "tests/versions.json", "tools", "docs", "README.md",
          "ARCHITECTURE.md", "pyproject.toml", "plugin.yaml", "plugins", "postrender.py")  # fmt: skip

#: The program lint-imports, which `make lint` runs.
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

#: A stream with the object of the new rule, a similar one, and a last document, which is always parsed.
STREAM = "---\n".join(
    f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  mesh: none\n"
    for name in ("mesh-note", "mesh-notes", "end")
)


def copied(directory: Path) -> Path:
    """Copy the files in COPIED to a directory, and return the directory."""
    for name in COPIED:
        source, target = ROOT / name, directory / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return directory


def named(index: Path, rule: str) -> None:
    """Step 2: import a rule in the index of rules, and add it to the tuple, each before the last entry."""
    text = index.read_text(encoding="utf-8")
    for block in (r"from multimesh\.rules import \(\n", r"RULES[^=\n]*= \(\n"):
        text, count = re.subn(rf"({block}(?:    \w+,\n)*?)(    \w+,\n\))", rf"\1    {rule},\n\2", text)
        assert count == 1, f"no list of names after {block}"
    index.write_text(text, encoding="utf-8")


def python(directory: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python in a directory, from which the package is imported."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=directory, input=stdin, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the rule mesh-note, added as CONTRIBUTING says."""
    directory = copied(tmp_path_factory.mktemp("project"))
    (directory / "multimesh/rules/mesh_note.py").write_text(RULE, encoding="utf-8")
    named(directory / "multimesh/rules/__init__.py", "mesh_note")
    test = directory / "tests/rules/test_mesh_note.py"
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text(TEST, encoding="utf-8")
    done = python(directory, "tools/docs.py")
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def added(project: Path, name: str) -> list[str]:
    """Return the lines that a page of the copy has in addition; assert that nothing else of the page changed."""
    pages = [(directory / name).read_text(encoding="utf-8").splitlines() for directory in (ROOT, project)]
    lines = [line for line in difflib.ndiff(*pages) if line[:2] in ("+ ", "- ")]
    assert [line for line in lines if line.startswith("- ")] == []
    return [line[2:] for line in lines]


def test_contributing_names_the_three_steps():
    """The steps in this module are those of CONTRIBUTING."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"(?ms)^## Adding a rule\n(.*?)^## ", page)
    assert section
    steps = re.findall(r"(?m)^(\d)\. .*?`([\w/<>.]+\.py)`", section[1])
    assert steps == [
        ("1", "multimesh/rules/<rule>.py"),
        ("2", "multimesh/rules/__init__.py"),
        ("3", "tests/rules/test_<rule>.py"),
    ]
    assert "`make docs`" in section[1]


def test_the_new_rule_changes_a_stream(project, tmp_path):
    """The program finds the rule's object among documents that it skips, and changes nothing else."""
    mesh = tmp_path / "profile.yaml"
    mesh.write_text(profile("affirmed", "istio-affirmed"), encoding="utf-8")
    done = python(project, "-E", "-s", "-S", "postrender.py", f"--profile={mesh}", stdin=STREAM)
    assert done.returncode == 0, done.stderr
    assert done.stdout == STREAM.replace("mesh: none", "mesh: affirmed", 1)


def test_the_program_without_the_new_rule_does_not_change_that_stream(tmp_path):
    """Without the rule the stream does not change."""
    mesh = tmp_path / "profile.yaml"
    mesh.write_text(profile("affirmed", "istio-affirmed"), encoding="utf-8")
    done = python(ROOT, "-E", "-s", "-S", "postrender.py", f"--profile={mesh}", stdin=STREAM)
    assert (done.returncode, done.stdout) == (0, STREAM), done.stderr


def test_the_manual_has_the_new_rule(project):
    """`make docs` wrote the section of docs/rules.md, and the rows of README and ARCHITECTURE, and nothing else."""
    section = added(project, "docs/rules.md")
    assert section[0] == "## mesh-note"
    assert "Write the name of the mesh into a ConfigMap called mesh-note." in section
    assert "-  mesh: none" in section
    assert "Looks at `ConfigMap`." in section
    (row,) = added(project, "README.md")
    assert row.startswith("| [mesh-note](docs/rules.md#mesh-note) | Write the name of the mesh")
    assert "`mesh: none` | `mesh: affirmed`" in row
    (row,) = added(project, "ARCHITECTURE.md")
    assert row.startswith("| `multimesh/rules/mesh_note.py` |")


def test_the_test_of_the_new_rule_passes(project):
    """The file of step 3 runs against the copy."""
    done = python(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/rules/test_mesh_note.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_layers_are_kept_with_the_new_rule(project):
    """A rule needs no entry in the contracts of pyproject.toml."""
    done = python(project, "-c", LINT_IMPORTS, "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layers_forbid_the_new_rule_to_import_another(project, tmp_path):
    """The contract names no rule, so it holds for a new one."""
    shutil.copy(project / "pyproject.toml", tmp_path)
    shutil.copytree(project / "multimesh", tmp_path / "multimesh", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "multimesh/rules/mesh_note.py").open("a", encoding="utf-8") as rule:
        rule.write("\n\nfrom multimesh.rules.flags import ID as OTHER  # noqa: E402, F401\n")
    done = python(tmp_path, "-c", LINT_IMPORTS, "--no-cache")
    assert done.returncode == 1
    assert "mesh_note" in done.stdout

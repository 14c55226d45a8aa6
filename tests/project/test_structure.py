"""The structure of the package: its layers, and the sizes of its files and functions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import multimesh.rules

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "multimesh").rglob("*.py"))
RULES = [path for path in (ROOT / "multimesh/rules").glob("*.py") if re.search(r"(?m)^ID\b.*= ", path.read_text())]


def where(path: Path) -> str:
    """Return a path relative to the repository, as the id of a test."""
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    """Return a name such as `builtins.open`; an empty text for any other expression."""
    return ast.unparse(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""


# The layers.


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml in a directory that holds it and the package."""
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=directory, capture_output=True, text=True, check=False
    )


def copied(directory: Path) -> Path:
    """Copy the package and pyproject.toml, and return the directory of the package."""
    shutil.copy(ROOT / "pyproject.toml", directory)
    return Path(
        shutil.copytree(ROOT / "multimesh", directory / "multimesh", ignore=shutil.ignore_patterns("__pycache__"))
    )


def test_the_layers_are_kept():
    """Imports point down the layers, there are no cycles, and no rule imports another one."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


#: The three places of an import: at the top, in a function, and for type checkers only.
TOP = "{}\n"
LAZY = "def _lazy():\n    {}\n"
TYPES = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    {}\n"

#: Modules that are added to a copy of the package, each with the module that it imports, and how.
WRONG = {
    "a cycle of two files": [("kubernetes.one", TOP, "kubernetes.two"), ("kubernetes.two", TOP, "kubernetes.one")],
    "a cycle by a lazy import": [("mesh.one", TOP, "mesh.two"), ("mesh.two", LAZY, "mesh.one")],
    "a cycle by an import for types": [("rules.one", TOP, "rules.two"), ("rules.two", TYPES, "rules.one")],
    "a cycle of two directories": [("check.one.a", TOP, "check.two.b"), ("check.two.c", TOP, "check.one.d")],
    "an import upwards": [("kubernetes.one", TOP, "rules.one"), ("rules.one", TOP, "errors")],
    "a lazy import upwards": [("yamltext.one", LAZY, "mesh.one"), ("mesh.one", TOP, "errors")],
    "an import upwards for types": [("rules.one", TYPES, "render.one"), ("render.one", TOP, "errors")],
    "check imports render": [("check.one", TOP, "render.one"), ("render.one", TOP, "errors")],
    "render imports check": [("render.one", LAZY, "check.one"), ("check.one", TOP, "errors")],
    "a rule imports a rule": [("rules.one", LAZY, "rules.two"), ("rules.two", TOP, "errors")],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_import_fails_the_check(what, tmp_path):
    """Whatever the place of the import, `make lint` refuses it and names the module."""
    package = copied(tmp_path)
    for name, form, imported in WRONG[what]:
        for module, body in ((name, form.format(f"import multimesh.{imported}")), (imported, "")):
            path = package.joinpath(*module.split(".")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            for missing in {path.parent / "__init__.py", path}:
                if not missing.exists():
                    missing.write_text('"""Added by a test."""\n', encoding="utf-8")
            if body:
                path.write_text(f'"""Added by a test."""\n\n{body}', encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert re.search(r"\.(one|two)\b", done.stdout), done.stdout


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_no_module_imports_its_own_package(path):
    """Either `__init__.py` imports its modules, or they import it, never both; the root offers only its version to them."""
    packages = {".".join(parent.relative_to(ROOT).parts) for parent in path.parents if ROOT in parent.parents}
    if path.name == "__init__.py":
        packages.discard(".".join(path.parent.relative_to(ROOT).parts))
    modules = {".".join(other.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for other in MODULES}
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module for alias in node.names if f"{node.module}.{alias.name}" not in modules}
    assert found & (packages - {"multimesh"}) == set()


def test_a_new_module_must_be_given_a_layer(tmp_path):
    """Otherwise the check would ignore a directory that is in no layer."""
    package = copied(tmp_path)
    (package / "helpers.py").write_text('"""Something new."""\n', encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "helpers" in done.stdout


@pytest.mark.parametrize("path", RULES, ids=where)
def test_no_rule_imports_another_rule(path):
    """What several rules recognise is in a module that is not a rule."""
    others = {f"multimesh.rules.{other.stem}" for other in RULES if other != path}
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert found & others == set()


@pytest.mark.parametrize("rule", multimesh.rules.RULES, ids=lambda rule: rule.ID)
def test_every_rule_has_its_file_of_tests(rule):
    """The tests of the rule `multimesh/rules/<rule>.py` are in `tests/rules/test_<rule>.py`."""
    assert (ROOT / "tests" / "rules" / f"test_{rule.__name__.rpartition('.')[2]}.py").exists()


def test_every_module_with_an_id_is_in_the_list_of_rules():
    """A rule that is not in the list would never run."""
    assert {path.stem for path in RULES} == {rule.__name__.rpartition(".")[2] for rule in multimesh.rules.RULES}


def test_no_import_is_relative():
    """Modules are imported by their full names."""
    relative = [
        where(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


# Sizes.


def test_no_file_has_more_than_400_lines():
    """A longer file has more than one purpose."""
    sizes = {where(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_no_function_has_more_than_50_lines():
    """A function fits on one screen."""
    sizes = {
        f"{where(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: size for name, size in sizes.items() if size > 50} == {}


def test_no_line_has_more_than_120_columns():
    """Comments and docstrings too, which the formatter does not break."""
    wide = [
        f"{where(path)}:{number}"
        for path in (*MODULES, ROOT / "postrender.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert wide == []


# Language features that are not used.


def test_nothing_assigns_to_builtins():
    """Builtin functions work as documented."""
    found = []
    for path in MODULES:
        for node in ast.walk(tree(path)):
            targets: list[ast.expr] = []
            if isinstance(node, (ast.Assign, ast.Delete)):
                targets = node.targets
            elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
                targets = [node.target]
            elif isinstance(node, ast.Call) and dotted(node.func) == "setattr" and node.args:
                targets = [ast.Attribute(node.args[0], "any")]
            found += [
                f"{where(path)}: {dotted(target)}" for target in targets if dotted(target).startswith("builtins.")
            ]
    assert found == []


def test_nothing_uses_marshal():
    """Compiled files are read by importlib alone."""
    found = [
        where(path)
        for path in (*MODULES, ROOT / "postrender.py")
        if re.search(r"(?m)^\s*(import|from)\b.*\bmarshal\b", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_package_says_that_it_has_types():
    """`py.typed` ships, as the classifier in pyproject.toml promises."""
    assert (ROOT / "multimesh/py.typed").exists()
    assert '"py.typed"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


#: Modules of the standard library that take longer to import than the modules of the package.
SLOW = ("argparse", "collections", "dataclasses", "enum", "json", "pathlib", "re", "typing")


def test_render_imports_no_slow_module():
    """Helm waits for every import in each of its calls."""
    stream = (ROOT / "tests/golden/webhooks/input.yaml").read_bytes()
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-E",
        "-s",
        "-S",
        "postrender.py",
        "--profile=tests/golden/webhooks/profile.yaml",
    ]
    done = subprocess.run(command, cwd=ROOT, input=stream, capture_output=True, check=False)
    imported = set(re.findall(r"(?m)^import time:.*\| +([\w.]+)$", done.stderr.decode()))
    assert done.returncode == 0, done.stderr.decode()
    assert "io" in imported
    assert imported & set(SLOW) == set()

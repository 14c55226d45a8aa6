"""`make mutants` makes the mutants it says, draws the same ones again, and fails when too few are noticed."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cosmic_ray", reason="Cosmic Ray is not installed: pip install '.[mutants]'")
mutating = importlib.import_module("cosmic_ray.mutating")
mutants = importlib.import_module("mutants")
operators = importlib.import_module("mutants_operators")
# A pytest-xdist worker has threads; what it forks starts no thread and ends by itself.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[2]

MODULE = '''\
"""Docstring."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMES = ("galley", "pilot")


class Rule:
    """Another one."""

    __slots__ = ("a", "b")

    def plan(self, resource: dict["str", Any]) -> "Any":
        if resource["kind"] == "Service" and NAMES:
            return 1
        raise ValueError("no service is called like this")
'''


def made(text: str, name: str) -> list[str]:
    """Return every mutant that an operator makes."""
    found = []
    while (mutated := mutating.mutate_code(text, operators.OPERATORS[name], len(found))) is not None:
        found.append(mutated)
    return found


@pytest.mark.parametrize("name", operators.OPERATORS)
def test_an_operator_does_what_its_example_says(name: str):
    for example in operators.OPERATORS[name].examples():
        mutated = made(example.pre_mutation_code, name)[example.occurrence]
        assert mutated.split() == example.post_mutation_code.split()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("remove entry", "T = ('a',)", ["T = ()"]),
        ("remove entry", "T = {'a'}", []),
        ("remove entry", "T = {'a': 1}", ["T = {}"]),
        ("remove entry", "T = ['a', 1]", ["T = [ 1]", "T = ['a',]"]),
        ("remove entry", "T = ('a')", []),
        ("remove entry", "T = [a for a in b]", []),
        ("remove entry", "def f():\n    return [a, b]", []),
        ("remove statement", "f(x)\n", ["pass\n"]),
        ("remove statement", "x = f(x)\n", []),
        ("negate condition", "x = [a for a in b if a or b]", ["x = [a for a in b if not (a or b)]"]),
        ("negate condition", "x = 1 if a else 2", ["x = 1 if not (a) else 2"]),
        (
            "negate condition",
            "if a: pass\nelif b: pass",
            ["if not (a): pass\nelif b: pass", "if a: pass\nelif not (b): pass"],
        ),
        ("halve condition", "a or b or c", ["b or c", "a or c", "a or b"]),
        ("change comparison", "for a in b: pass", []),
        ("change string", "f'{a}-b'", ["f'{a}X-b'"]),
        ("change string", "raise E(f'{a} is not {b}')", []),
        ("change string", "'one two'.split()", ["'Xone two'.split()"]),
    ],
)
def test_what_looks_alike_is_another_mutant_or_none(name: str, text: str, expected: list[str]):
    assert made(text, name) == expected


def test_what_does_nothing_at_run_time_is_not_mutated():
    """Docstrings, annotations, imports for types and prose are no mistakes that a test could notice."""
    lines = {site.line for site in mutants.sites(MODULE)}
    assert lines == {9, 18, 19, 20}
    assert [site.operator for site in mutants.sites(MODULE) if site.line == 20] == ["remove statement"]


def test_a_mutant_is_known_by_its_lines_not_by_their_number():
    site = next(site for site in mutants.sites(MODULE) if site.operator == "negate condition")
    for text in (MODULE, MODULE.replace("NAMES =", "\n\nNAMES =")):
        moved = site._replace(line=site.line + text.count("\n") - MODULE.count("\n"))
        assert mutants.mutant("rules/a.py", text, moved).key() == (
            "rules/a.py Rule.plan: negate condition\n"
            '- if resource["kind"] == "Service" and NAMES:\n'
            '+ if not (resource["kind"] == "Service" and NAMES):'
        )


def test_a_seed_draws_the_same_mutants_again():
    places = mutants.sites(MODULE)
    first, again, other = (mutants.draw("rules/a.py", MODULE, places, 5, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len({one.text for one in first}) == 5


def test_every_rule_and_the_prefilter_get_their_share():
    sources = {"rules/a.py": "\ndef plan(\n", "rules/shared.py": "", "render/prefilter.py": "", "check/large.py": ""}
    sizes = {"rules/a.py": 200, "rules/shared.py": 9, "render/prefilter.py": 100, "check/large.py": 2000}
    assert mutants.quotas(sources, sizes, 100) == {
        "rules/a.py": 3,
        "rules/shared.py": 0,
        "render/prefilter.py": 8,
        "check/large.py": 89,
    }
    assert sum(mutants.quotas(sources, sizes, 500).values()) == 500
    assert mutants.quotas({"rules/a.py": "\ndef plan(\n"}, {"rules/a.py": 7}, 500) == {"rules/a.py": 7}


def test_an_equivalent_mutant_wants_a_reason(tmp_path, monkeypatch: pytest.MonkeyPatch):
    entry = "rules/a.py plan: change number\n- a = 1\n+ a = 2"
    file = tmp_path / "equivalent.txt"
    monkeypatch.setattr(mutants, "EQUIVALENT", file)
    file.write_text(f"# A comment.\n\n# multimesh/rules/a.py:7\n{entry}\nwhy: nothing reads it\n", encoding="utf-8")
    assert mutants.equivalent() == {entry: "nothing reads it"}
    file.write_text(f"{entry}\nwhy: \n", encoding="utf-8")
    with pytest.raises(mutants.CannotCount, match="has no reason"):
        mutants.equivalent()


def test_every_listed_equivalent_mutant_has_a_reason():
    assert all(mutants.equivalent().values())


@pytest.mark.parametrize(("survive", "listed", "code"), [(1, 0, 0), (2, 0, 1), (1, 4, 1), (0, 1, 0)])
def test_nine_of_ten_must_be_noticed(survive: int, listed: int, code: int, capsys: pytest.CaptureFixture[str]):
    """In all the equivalent ones count as not noticed; in a rule they do not count."""
    rule = next(module for module, text in mutants.modules([]).items() if mutants.is_rule(module, text))
    results = {}
    for number in range(10):
        one = mutants.Mutant(rule, "plan", "change number", number, f"a = {number}", "a = -1", str(number))
        left = number - survive
        results[one] = mutants.SURVIVED if left < 0 else mutants.LISTED if left < listed else mutants.NOTICED
    assert mutants.report(results) == code
    assert ("- a = 0" in capsys.readouterr().out) == bool(survive)


def copied(folder: Path, body: str, directory: str = "rules") -> tuple[Any, Any, Any]:
    """Return a copy of the checkout with one test, its tests, and a mutant that does nothing by itself."""
    copy = mutants.Copy(folder)
    for test in copy.root.glob("tests/*/test_*.py"):
        test.unlink()
    test = copy.root / "tests" / directory / "test_this.py"
    test.parent.mkdir(exist_ok=True)
    test.write_text(
        f"import multimesh\n\ndef test_it():\n    mutated = hasattr(multimesh, 'MUTANT')\n    {body}\n",
        encoding="utf-8",
    )
    text = (copy.root / "multimesh" / "__init__.py").read_text(encoding="utf-8") + "\nMUTANT = True\n"
    return copy, mutants.Tests(copy), mutants.Mutant("__init__.py", "module", "change string", 1, "a", "b", text)


@pytest.fixture
def nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the package, which other tests have imported; `make mutants` does not import it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "multimesh"]:
        monkeypatch.delitem(sys.modules, name)


git = pytest.mark.skipif(
    not (ROOT / ".git").exists() or not shutil.which("git"), reason="a copy takes the files of git"
)


@git
@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("assert multimesh.__version__", "survived"),
        ("assert not mutated", "noticed"),
        ("while mutated: pass", "noticed"),
        ("a = [0]; [mutated and a.extend(a) for _ in range(40)]", "noticed"),
        ("import os; mutated and os._exit(1)", "noticed"),
    ],
    ids=["passes", "fails", "hangs", "takes all memory", "ends"],
)
@pytest.mark.parametrize("limit", ["RUN_MORE", "TEST_LIMIT"])
def test_a_mutant_is_noticed_by_a_test_that_does_not_pass(
    limit: str, body: str, result: str, nothing_imported: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The tests import the copy; it is as before when the mutant has been tried."""
    monkeypatch.setattr(mutants, limit, 2)
    copy, tests, one = copied(tmp_path, body)
    before = (copy.root / "multimesh" / "__init__.py").read_text(encoding="utf-8")
    assert mutants.try_mutant(copy, tests, one, 3)[0] == result
    assert (copy.root / "multimesh" / "__init__.py").read_text(encoding="utf-8") == before


@git
def test_a_test_that_fails_without_a_mutant_notices_none(nothing_imported: None, tmp_path: Path):
    copy, tests, one = copied(tmp_path, "assert mutated")
    with pytest.raises(mutants.CannotCount, match="fail without a mutant"):
        mutants.try_mutant(copy, tests, one, 3)


@git
def test_a_stage_that_is_not_asked_for_is_not_run(nothing_imported: None, tmp_path: Path):
    """The only test is of a directory that does not concern the module, and would fail without a mutant too."""
    copy, tests, one = copied(tmp_path, "assert False", "yamltext")
    assert mutants.try_mutant(copy, tests, one, 2) == ("survived", "")


@git
def test_tests_that_are_named_after_the_module_run_first(tmp_path: Path):
    tests = mutants.Tests(mutants.Copy(tmp_path))
    own, concerned, rest = tests.stages("check/inside/references.py")
    assert own[:2] == ("tests/check/test_references.py", "tests/check/test_inside.py")
    assert {Path(file).parent.name for file in concerned} == {"check"}
    assert not {*own, *concerned} & set(rest)
    assert {"rules", "laws", "yamltext"} <= {Path(file).parent.name for file in rest}
    assert not {"cluster", "test_mutants.py"} & {part for file in rest for part in Path(file).parts}
    assert tests.stages("render/prefilter.py")[0][0] == "tests/render/test_prefilter.py"
    assert tests.stages("render/patches.py")[0] == ("tests/commands/test_patches.py",)
    assert tests.stages("check/between/manifests.py")[0] == (
        "tests/check/test_between.py",
        "tests/check/test_manifest_claims.py",
    )

#!/usr/bin/env python3
"""Count how many small mistakes in the package the tests notice.

    make mutants SEED=1 COUNT=500
    python3 tools/mutants.py --count 20 --only rules/envoy_filters.py rules/flags.py

A mutant is the package with one change: a condition negated or halved, an entry of a table or a statement removed, a
string or a constant changed (tools/mutants_operators.py). A seeded sample is spread over all modules but the commands;
rules and the prefilter, where a mistake is silent, get more. Each mutant is written into a temporary copy of the
checkout, and tests run there until one fails: first the test files that are named after the module or import it, then
the directories of tests that concern it, then the other default tests. This process imports pytest and what else the
tests need, and forks for each run. Before a list of files runs with a mutant, it has passed once without one. Survivors
take most of the time, so begin with `ARGS=--stages=1` and go on with `ARGS="--stages=2 --reuse"`.

Not every mutant is a mistake: some change nothing that could be observed. tools/mutants_equivalent.txt lists those, and
why. A listed mutant is not run. A survivor is printed in the form of that file; the reason is for a person to write.

Every result is also a line of build/mutants.jsonl. With --reuse, what was noticed there is not run again.

Exit code 0 if nine of ten mutants are noticed in all and, equivalent ones left out, in every rule and the prefilter;
1 if not; 2 if the tests fail without a mutant or something is missing.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import gc
import hashlib
import importlib
import itertools
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from mutants_operators import OPERATORS

ROOT = Path(__file__).resolve().parent.parent
STREAMS = Path(os.environ.get("MULTIMESH_STREAMS") or ROOT.parent / "shared" / "streams").resolve()
EQUIVALENT = ROOT / "tools" / "mutants_equivalent.txt"
RESULTS = ROOT / "build" / "mutants.jsonl"

#: Not mutated: what reads arguments, prints and starts.
LEFT_OUT = ("commands/", "cli.py", "bootstrap.py", "__main__.py")

#: Of 500 mutants, so many for each rule and for the prefilter. The other modules share the rest by their size.
FULL, EACH_RULE, PREFILTER = 500, 15, 40

#: The share of mutants that must be noticed.
GOAL = 0.9

#: Which tests concern a module: (how its path begins, directories of tests in the order of their use).
CONCERNED = (
    ("rules/", ("rules", "render", "laws")),
    ("render/", ("render", "rules", "laws")),
    ("yamltext/", ("yamltext", "rules", "render")),
    ("kubernetes/", ("kubernetes", "rules", "check", "render")),
    ("mesh/", ("mesh", "rules", "check", "render")),
    ("check/", ("check",)),
    ("templates/", ("commands",)),
    ("", ("mesh", "check", "commands")),
)

#: Tests of a cluster, and of tools that run the package as other tests do.
LEFT_OUT_TESTS = (
    "tests/cluster/",
    *(f"tests/project/test_{name}.py" for name in ("bench", "compare", "mutants", "try")),
)

#: Modules that the tests import and that take longest. What they import of the package is imported after the fork.
IMPORTED = ("_pytest.assertion.rewrite", "_pytest.junitxml", "jsonschema", "unittest.mock", "yaml")

#: Seconds after which a test hangs; the slowest one takes seven.
TEST_LIMIT = 40

#: A run may take so many times as long as without a mutant, and so many seconds more. Otherwise it hangs.
RUN_TIMES, RUN_MORE = 3, 20

#: Bytes of memory that a mutant may take, so that one that never stops to grow does not take all of the machine.
MEMORY = 4 << 30

NOTICED, SURVIVED, LISTED = "noticed", "survived", "equivalent"


class CannotCount(Exception):
    """The mutants cannot be run; the message says why."""


class Mutant(NamedTuple):
    """One change in one module: its path below multimesh/, the text of the module with it, the lines that change."""

    module: str
    function: str
    operator: str
    line: int
    old: str
    new: str
    text: str

    def key(self) -> str:
        """Say which mutant it is without a line number, in the form of mutants_equivalent.txt."""
        old, new = (f"\n{sign} {line}" if line else "" for sign, line in (("-", self.old), ("+", self.new)))
        return f"{self.module} {self.function}: {self.operator}{old}{new}"

    def digest(self) -> str:
        """Identify the text of the module."""
        return hashlib.sha256(f"{self.module}\n{self.text}".encode()).hexdigest()


# --- Which mutants there are -----------------------------------------------------------------------------------------


class Site(NamedTuple):
    """A position that an operator can change: its number among all of that operator in the module, and its line."""

    operator: str
    occurrence: int
    line: int


def sites(text: str) -> list[Site]:
    """List what can be changed in a module."""
    nodes = list(ast_nodes(get_ast(text)))
    silent = silent_spans(text)
    found = []
    for name, operator in OPERATORS.items():
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        found += [
            Site(name, occurrence, start[0])
            for occurrence, (start, end) in enumerate(positions)
            if not any(first <= start and end <= last for first, last in silent)
        ]
    return found


def silent_spans(text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """List the spans that do nothing at run time: docstrings, annotations, imports for types, and `__slots__`."""
    lines = text.splitlines()
    nodes: list[ast.AST | None] = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant()):
                nodes.append(node)
            case ast.AnnAssign() | ast.arg():
                nodes.append(node.annotation)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                nodes.append(node.returns)
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                nodes.append(node)
            case ast.Assign(targets=[ast.Name("TYPE_CHECKING" | "__slots__" | "__all__")]):
                nodes.append(node)
    return [
        (
            (node.lineno, column(lines[node.lineno - 1], node.col_offset)),
            (node.end_lineno, column(lines[node.end_lineno - 1], node.end_col_offset)),
        )
        for node in nodes
        if node is not None
    ]


def column(line: str, offset: int) -> int:
    """Return the number of characters before an offset in bytes."""
    return len(line.encode()[:offset].decode())


def function_at(text: str, line: int) -> str:
    """Return the name of the function or method that a line is in, such as `Text.replace`; `module` outside of all."""
    names = []
    body: Iterable[ast.AST] = ast.parse(text).body
    while True:
        scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        here = next(
            (node for node in body if isinstance(node, scopes) and node.lineno <= line <= node.end_lineno), None
        )
        if here is None:
            return ".".join(names) or "module"
        names.append(here.name)
        body = here.body


def mutant(module: str, text: str, site: Site) -> Mutant | None:
    """Make the change; None if the result is not Python or not a change."""
    mutated = mutate_code(text, OPERATORS[site.operator], site.occurrence)
    if mutated is None or mutated == text:
        return None
    try:
        compile(mutated, module, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    diff = list(difflib.ndiff(text.splitlines(), mutated.splitlines()))
    old, new = (
        " ".join(line[2:].strip() for line in diff if line.startswith(sign)).replace("  ", " ") for sign in ("- ", "+ ")
    )
    return Mutant(module, function_at(text, site.line), site.operator, site.line, old, new, mutated)


# --- Which of them are run -------------------------------------------------------------------------------------------


def modules(only: list[str]) -> dict[str, str]:
    """Read the modules that are mutated, by their path below multimesh/; `only` names some of them."""
    package = ROOT / "multimesh"
    paths = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    known = [path for path in paths if not path.startswith(LEFT_OUT)]
    if unknown := set(only) - set(known):
        raise CannotCount(f"no module is called {min(unknown)}\n  Name it as in {known[0]}.")
    return {path: (package / path).read_text(encoding="utf-8") for path in only or known}


def is_rule(module: str, text: str) -> bool:
    """Return whether a module is a rule, not something that rules share."""
    return module.startswith("rules/") and "\ndef plan(" in text


def is_prefilter(module: str) -> bool:
    """Return whether a module decides which documents are skipped."""
    return "prefilter" in module


def quotas(sources: dict[str, str], sizes: dict[str, int], count: int) -> dict[str, int]:
    """Say how many mutants of each module are run; `sizes` are the numbers that there are."""
    wanted = {
        module: EACH_RULE if is_rule(module, text) else PREFILTER
        for module, text in sources.items()
        if is_rule(module, text) or is_prefilter(module)
    }
    chosen = {module: min(sizes[module], max(1, number * count // FULL)) for module, number in wanted.items()}
    others = {module: sizes[module] for module in sources if module not in chosen}
    # One more for the module that has the most mutants for each that is run, until it is enough.
    rest = Counter[str]()
    for _ in range(count - sum(chosen.values())):
        open_ones = [module for module in others if rest[module] < others[module]]
        if not open_ones:
            open_ones = [module for module in chosen if chosen[module] + rest[module] < sizes[module]]
        if not open_ones:
            break
        rest[max(open_ones, key=lambda module: sizes[module] / (rest[module] + 1))] += 1
    return {module: chosen.get(module, 0) + rest[module] for module in sources}


def draw(module: str, text: str, places: list[Site], count: int, seed: int) -> list[Mutant]:
    """Draw mutants of a module, each operator in turn so that all kinds of change are among them."""
    chance = random.Random(f"{seed} {module}")  # noqa: S311 - a sample that can be drawn again
    by_operator = defaultdict(list)
    for place in places:
        by_operator[place.operator].append(place)
    piles = list(by_operator.values())
    chance.shuffle(piles)
    for pile in piles:
        chance.shuffle(pile)
    drawn: dict[str, Mutant] = {}
    for place in itertools.chain.from_iterable(itertools.zip_longest(*piles)):
        if len(drawn) == count:
            break
        if place is not None and (made := mutant(module, text, place)) is not None:
            drawn.setdefault(made.text, made)
    return list(drawn.values())


def sample(only: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw the mutants that are run."""
    sources = modules(only)
    places = {module: sites(text) for module, text in sources.items()}
    numbers = quotas(sources, {module: len(found) for module, found in places.items()}, count)
    return [
        one for module, text in sources.items() for one in draw(module, text, places[module], numbers[module], seed)
    ]


def equivalent() -> dict[str, str]:
    """Read the list of equivalent mutants: the reason of each, by its key."""
    reasons = {}
    for block in EQUIVALENT.read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.strip().splitlines() if not line.startswith("#")]
        if not lines:
            continue
        if not lines[-1].startswith("why: ") or len(lines) < 3:
            raise CannotCount(f"{EQUIVALENT.name}: this entry has no reason (a last line, why: ...): {lines[0]}")
        reasons["\n".join(lines[:-1])] = lines[-1].removeprefix("why: ")
    return reasons


# --- How they are run ------------------------------------------------------------------------------------------------


class Copy:
    """A copy of the checkout, in which one mutant at a time is tested."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "checkout"
        self._temporary = directory / "tmp"
        self._output = directory / "output"
        self._writes = 0
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)

    @contextlib.contextmanager
    def changed(self, one: Mutant) -> Iterator[None]:
        """Hold the mutant in its module."""
        path = self.root / "multimesh" / one.module
        original = path.read_text(encoding="utf-8")
        self._write(path, one.text)
        try:
            yield
        finally:
            self._write(path, original)

    def _write(self, path: Path, text: str) -> None:
        """Write a module. Python takes a compiled module for current by size and second, so no two writes share one."""
        path.write_text(text, encoding="utf-8")
        self._writes += 1
        os.utime(path, times=(time.time(), 1_000_000_000 + self._writes))

    def test(self, files: Iterable[str], limit: float) -> tuple[bool, str]:
        """Run test files in this order until a test fails; return whether all pass, and the output."""
        child = os.fork()
        if not child:
            self._become_pytest(files)
        ended = os.pidfd_open(child)
        in_time = select.select([ended], [], [], limit)[0]
        os.close(ended)
        # Also what a test has started and not stopped.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        output = self._output.read_text(encoding="utf-8", errors="replace") if in_time else "the time is over"
        return code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), output

    def _become_pytest(self, files: Iterable[str]) -> NoReturn:
        """Run pytest in this process, which a fork has made, and end it."""
        code = -1
        try:
            os.setsid()
            os.chdir(self.root)
            sink = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number, other in enumerate((os.open(os.devnull, os.O_RDONLY), sink, sink)):
                os.dup2(other, number)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            sys.path.insert(0, str(self.root))
            # The next run loads what this one has compiled.
            sys.dont_write_bytecode = False
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            os.environ |= {"PYTHONPATH": str(self.root), "MULTIMESH_STREAMS": str(STREAMS)}
            options = ("-q", "-x", "--tb=no", "-pno:cacheprovider", f"--basetemp={self._temporary}")
            ends = ("-o", f"faulthandler_timeout={TEST_LIMIT}", "-o", "faulthandler_exit_on_timeout=true")
            code = int(pytest.main([*options, *ends, *files]))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code & 0xFF)


class Tests:
    """The test files of a copy, and how long those take that have passed without a mutant."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._passed: list[tuple[frozenset[str], float]] = []
        found = sorted(path.relative_to(copy.root).as_posix() for path in copy.root.glob("tests/*/test_*.py"))
        kept = [file for file in found if not file.startswith(LEFT_OUT_TESTS)]
        self._files = {file: (copy.root / file).read_text(encoding="utf-8") for file in kept}

    def stages(self, module: str) -> list[tuple[str, ...]]:
        """Return the files named after a module or that import it, those of directories that concern it, and the rest.

        The file of a small module, such as check/running/pods.py, is that of its directory. Where the first directory
        that concerns the module has no such file, that of another directory counts.
        """
        path = Path("multimesh", module)
        directories = next(names for prefix, names in CONCERNED if module.startswith(prefix))
        parent, name = ".".join(path.parent.parts), path.stem
        imports = re.compile(rf"^ *(from|import) {parent}(\.{name}\b| import [^#\n]*\b{name}\b)", re.MULTILINE)
        named = [f"tests/{directories[0]}/test_{stem}.py" for stem in (name, path.parent.name)]
        elsewhere = [file for file in self._files if Path(file).name == f"test_{name}.py"]
        near = {file: text for file, text in self._files.items() if file.split("/")[1] == directories[0]}
        own = [file for file in named if file in near] or elsewhere
        own += [file for file, text in near.items() if imports.search(text) and file not in own]
        concerned = [file for name in directories for file in self._files if file.split("/")[1] == name]
        groups = own, concerned, [*self._files]
        seen = [set[str](), set(own), {*own, *concerned}]
        return [tuple(file for file in group if file not in before) for group, before in zip(groups, seen, strict=True)]

    def notice(self, files: tuple[str, ...]) -> str:
        """Return the first test that fails with the mutant that the copy holds, or nothing."""
        usual = sum(seconds for batch, seconds in self._passed if batch & set(files))
        passed, output = self._copy.test(files, RUN_TIMES * usual + RUN_MORE)
        if passed:
            return ""
        failed = [line for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return failed[0].split(" ", 1)[1].partition(" - ")[0] if failed else (output.splitlines() or ["no output"])[-1]

    def measure(self, files: tuple[str, ...]) -> None:
        """Run those of the files that have not run yet without a mutant. Raises CannotCount if one fails."""
        known = set[str]().union(*(batch for batch, _ in self._passed))
        new = [file for file in files if file not in known]
        if not new:
            return
        started = time.monotonic()
        passed, output = self._copy.test(new, 3600)
        if not passed:
            raise CannotCount("the tests fail without a mutant:\n" + "\n".join(output.splitlines()[-15:]))
        self._passed.append((frozenset(new), time.monotonic() - started))


def try_mutant(copy: Copy, tests: Tests, one: Mutant, stages: int) -> tuple[str, str]:
    """Run so many stages of the tests with a mutant; return whether it was noticed, and by what."""
    for files in filter(None, tests.stages(one.module)[:stages]):
        tests.measure(files)
        with copy.changed(one):
            by = tests.notice(files)
        if by:
            return NOTICED, by
    return SURVIVED, ""


def run(copy: Copy, stages: int, chosen: list[Mutant], done: dict[str, str]) -> dict[Mutant, str]:
    """Try every mutant; `done` has results that are known, by the digest of the mutant."""
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    tests = Tests(copy)
    reasons = equivalent()
    results = {}
    RESULTS.parent.mkdir(exist_ok=True)
    for number, one in enumerate(chosen, 1):
        if one.key() in reasons or one.digest() in done:
            results[one] = LISTED if one.key() in reasons else done[one.digest()]
            continue
        started = time.monotonic()
        results[one], by = try_mutant(copy, tests, one, stages)
        seconds = round(time.monotonic() - started, 1)
        about = {"result": results[one], "seconds": seconds, "by": by, "line": one.line, "mutant": one.key()}
        with RESULTS.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"digest": one.digest(), **about}) + "\n")
        where = f"multimesh/{one.module}:{one.line} {one.operator}"
        print(f"{number}/{len(chosen)} {results[one]} {seconds:.0f} s {where} {by}", flush=True)
    return results


def noticed_before() -> dict[str, str]:
    """Return what was noticed in earlier runs, by the digest of the mutant. Survivors are tried again."""
    if not RESULTS.exists():
        return {}
    lines = map(json.loads, RESULTS.read_text(encoding="utf-8").splitlines())
    return {line["digest"]: NOTICED for line in lines if line["result"] == NOTICED}


# --- What comes of it ------------------------------------------------------------------------------------------------


def report(results: dict[Mutant, str]) -> int:
    """Print a table by module and the survivors, and return the exit code."""
    sources = modules([])
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one, result in results.items():
        table[one.module][result] += 1
    print(f"\n{'module':40} {NOTICED:>8} {LISTED:>10} {SURVIVED:>8} {'total':>6}")
    below = []
    for module, row in sorted(table.items()):
        strict = is_rule(module, sources[module]) or is_prefilter(module)
        failed = strict and row[NOTICED] < GOAL * (row.total() - row[LISTED])
        below += [module] if failed else []
        mark = "  below 9 of 10" if failed else ""
        print(f"{module:40} {row[NOTICED]:8} {row[LISTED]:10} {row[SURVIVED]:8} {row.total():6}{mark}")
    total = Counter(results.values())
    print(f"{'all':40} {total[NOTICED]:8} {total[LISTED]:10} {total[SURVIVED]:8} {total.total():6}")
    survivors = [one for one, result in results.items() if result == SURVIVED]
    if survivors:
        print("\nSurvivors:")
    for one in sorted(survivors):
        print(f"\n# multimesh/{one.module}:{one.line}\n{one.key()}\nwhy: ")
    if total[NOTICED] < GOAL * total.total():
        below.append("all")
    print(f"\n{'Too few are noticed: ' + ', '.join(below) if below else 'Enough are noticed.'}")
    return 1 if below else 0


def main() -> int:
    """Read the arguments, run, and report."""
    parser = argparse.ArgumentParser(description="Count how many small mistakes in the package the tests notice.")
    parser.add_argument("--seed", type=int, default=1, help="draws another sample (default: 1)")
    parser.add_argument("--count", type=int, default=FULL, help=f"mutants to run (default: {FULL})")
    parser.add_argument("--only", nargs="+", default=[], metavar="MODULE", help="modules, such as rules/flags.py")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    parser.add_argument(
        "--stages",
        type=int,
        choices=(1, 2, 3),
        default=3,
        help="1: run only tests that are named after the module or import it; 2: also directories that concern it",
    )
    parser.add_argument("--reuse", action="store_true", help=f"do not run again what was noticed in {RESULTS.name}")
    options = parser.parse_args()
    try:
        chosen = sample(options.only, options.count, options.seed)
        if options.list:
            print(*(f"multimesh/{one.module}:{one.line}\n{one.key()}\n" for one in chosen), sep="\n")
            return 0
        if not any(STREAMS.glob("*/*/*/*.yaml")):
            raise CannotCount(
                f"no streams at {STREAMS}\n  Without them most mutants survive. Name them: MULTIMESH_STREAMS"
            )
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
            print(f"{len(chosen)} mutants", flush=True)
            results = run(Copy(Path(directory)), options.stages, chosen, noticed_before() if options.reuse else {})
        code = report(results)
        print(f"{time.monotonic() - started:.0f} seconds")
        return code
    except CannotCount as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())

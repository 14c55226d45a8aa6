#!/usr/bin/env python3
"""Count how many small mistakes in the package the tests notice.

    make mutants SEED=1 COUNT=500
    python3 tools/mutants.py --count 20 --only rules/envoy_filters.py rules/flags.py

A mutant is the package with one change: a condition negated or halved, an entry of a table or a statement removed, a
string or a constant changed (tools/mutants_operators.py). A seeded sample is spread over all modules but the commands;
rules and the prefilter, where a mistake is silent, get more. Each mutant is written into a temporary copy of the
checkout, and the default tests run there until one fails. The tests that concern the module come first, fast ones
before slow ones; the rest follows only if all of these pass. Two copies are at work at a time. All 500 take hours, most
of them for survivors, so begin with `ARGS=--stages=1`, which ends after the first, and go on with `ARGS=--reuse`.

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
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

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
    ("yamltext/", ("yamltext", "rules", "render", "mesh")),
    ("kubernetes/", ("kubernetes", "rules", "render", "check", "laws")),
    ("mesh/", ("mesh", "rules", "render", "check", "laws")),
    ("check/", ("check",)),
    ("templates/", ("commands",)),
    ("", ("render", "check", "commands")),
)

#: Tests of tools. They run the package as the tests before them do.
IRRELEVANT = ("test_bench.py", "test_compare.py", "test_mutants.py")

WORKERS = 2

#: Seconds after which a test hangs; the slowest one takes six. A run may take so many times as long as without mutant.
TEST_LIMIT, RUN_TIMES, RUN_MORE = 60, 5, 120

#: Kilobytes of memory that a mutant may take, so that one without an end to a list does not take the machine.
MEMORY = 4 << 20

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
    """Make the change; None if the result is no Python or no change."""
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

    def read(self, module: str) -> str:
        """Read a module."""
        return (self.root / "multimesh" / module).read_text(encoding="utf-8")

    def write(self, module: str, text: str) -> None:
        """Write a module. Python takes a compiled module for current by size and second, so no two writes share one."""
        path = self.root / "multimesh" / module
        path.write_text(text, encoding="utf-8")
        self._writes += 1
        os.utime(path, times=(time.time(), 1_000_000_000 + self._writes))

    def test(self, files: list[str], limit: float, *options: str) -> tuple[int, str]:
        """Run test files in this order; return pytest's exit code and output. What hangs ends like a failure."""
        command = [
            *("sh", "-c", f'ulimit -d {MEMORY}; exec "$@"', "sh", sys.executable, "-m", "pytest"),
            *("-q", "-p", "no:cacheprovider", f"--basetemp={self._temporary}", "--tb=no", *options),
            *("-o", f"faulthandler_timeout={TEST_LIMIT}", "-o", "faulthandler_exit_on_timeout=true", *files),
        ]
        environment = os.environ | {"PYTHONPATH": str(self.root), "MULTIMESH_STREAMS": str(STREAMS)}
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            output = "the time is over"
        finally:
            # Also what a test has started and left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return process.returncode, output


class Tests:
    """The test files of the checkout, and the seconds that each takes without a mutant."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds

    def stages(self, module: str) -> list[list[str]]:
        """Return the files that concern a module, then all others, fast ones first."""
        directories = next(names for prefix, names in CONCERNED if module.startswith(prefix))
        own = f"test_{Path(module).stem}.py"
        concerned = [file for file in self.seconds if Path(file).parts[1] in directories or Path(file).name == own]
        rest = [file for file in self.seconds if file not in concerned]
        return [
            sorted(concerned, key=lambda file: (Path(file).name != own, self.seconds[file])),
            sorted(rest, key=self.seconds.__getitem__),
        ]

    def limit(self, files: list[str]) -> float:
        """Return after how many seconds a run of these files hangs."""
        return RUN_TIMES * sum(self.seconds[file] for file in files) + RUN_MORE


def measure(copies: list[Copy]) -> Tests:
    """Run all tests without a mutant, each copy its share. Raises CannotCount if one fails."""
    root = copies[0].root
    files = sorted(path.relative_to(root).as_posix() for path in root.glob("tests/*/test_*.py"))
    files = [file for file in files if not file.startswith("tests/cluster/") and Path(file).name not in IRRELEVANT]
    seconds: dict[str, float] = dict.fromkeys(files, 0.0)
    failures: list[str] = []

    def measure_share(number: int) -> None:
        report = copies[number].root.parent / "times.xml"
        share = files[number :: len(copies)]
        returned, output = copies[number].test(share, 3600, f"--junitxml={report}", "-o", "junit_family=xunit1")
        if returned:
            failures.append(output)
            return
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            seconds[case.attrib["file"]] += float(case.attrib["time"])

    in_threads(measure_share, range(len(copies)))
    if failures:
        raise CannotCount("the tests fail without a mutant:\n" + "\n".join(failures[0].splitlines()[-15:]))
    return Tests(seconds)


def in_threads(function: object, arguments: Iterable[object]) -> None:
    """Call a function with each argument, in a thread for each, and wait for all."""
    threads = [threading.Thread(target=function, args=(argument,), daemon=True) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def try_mutant(copy: Copy, tests: Tests, one: Mutant, stages: int) -> tuple[str, str]:
    """Run so many stages of the tests with a mutant; return whether it was noticed, and by what."""
    original = copy.read(one.module)
    copy.write(one.module, one.text)
    try:
        for files in filter(None, tests.stages(one.module)[:stages]):
            returned, output = copy.test(files, tests.limit(files), "-x")
            if returned:
                failed = [line for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
                return NOTICED, failed[0].split(" ", 1)[1].partition(" - ")[0] if failed else output.splitlines()[-1]
    finally:
        copy.write(one.module, original)
    return SURVIVED, ""


def run(copies: list[Copy], tests: Tests, stages: int, chosen: list[Mutant], done: dict[str, str]) -> dict[Mutant, str]:
    """Try every mutant; `done` has results that are known, by the digest of the mutant."""
    reasons = equivalent()
    results = {
        one: LISTED if one.key() in reasons else done[one.digest()]
        for one in chosen
        if one.key() in reasons or one.digest() in done
    }
    queue: SimpleQueue[Mutant] = SimpleQueue()
    for one in chosen:
        if one not in results:
            queue.put(one)
    RESULTS.parent.mkdir(exist_ok=True)
    lock = threading.Lock()

    def work(copy: Copy) -> None:
        while not queue.empty():
            one = queue.get()
            started = time.monotonic()
            result, by = try_mutant(copy, tests, one, stages)
            seconds = round(time.monotonic() - started, 1)
            with lock, RESULTS.open("a", encoding="utf-8") as log:
                results[one] = result
                about = {"result": result, "seconds": seconds, "by": by, "line": one.line, "mutant": one.key()}
                log.write(json.dumps({"digest": one.digest(), **about}) + "\n")
                where = f"multimesh/{one.module}:{one.line} {one.operator}"
                print(f"{len(results)}/{len(chosen)} {result} {seconds:.0f} s {where} {by}", flush=True)

    in_threads(work, copies)
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
        "--stages", type=int, choices=(1, 2), default=2, help="1: run no tests but those that concern the module"
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
            copies = [Copy(Path(directory, str(number))) for number in range(WORKERS)]
            print(f"{len(chosen)} mutants; first all tests without one", flush=True)
            tests = measure(copies)
            print(
                f"{sum(tests.seconds.values()):.0f} seconds of tests, in {time.monotonic() - started:.0f}", flush=True
            )
            results = run(copies, tests, options.stages, chosen, noticed_before() if options.reuse else {})
        code = report(results)
        print(f"{time.monotonic() - started:.0f} seconds")
        return code
    except CannotCount as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())

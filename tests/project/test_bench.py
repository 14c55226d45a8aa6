"""The conclusions that the benchmark draws from its figures; the figures themselves are not tested."""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import program
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
bench = importlib.import_module("bench")

MIB = 2**20
PAGE = ROOT / "docs" / "performance.md"


def row(name, milliseconds, *, title="demo", peak=8, size=600_000, void=""):
    return bench.Row(title, name, [ms / 1e3 for ms in milliseconds], [peak * MIB] * len(milliseconds), size, void)


def run(ours=20, large=70):
    """Return the rows of one run, in which the bare interpreter takes 10 ms."""
    return [
        row(bench.FLOOR, [9, 10, 14], size=0),
        row("multimesh: x", [ours - 1, ours, ours + 5], peak=12),
        row("PyYAML C: x", [70, 80, 90]),
        row("kubectl kustomize", [150, 159, 200]),
        row(bench.FLOOR, [10], title="demo x10", size=0),
        row("multimesh: x", [large], title="demo x10", peak=38, size=5_600_000),
        row("multimesh: once", [ours], title="demo x10", peak=12),
    ]


def test_the_table_has_ratios_to_the_bare_interpreter_of_the_same_stream():
    assert bench.table(run())[1:5] == [
        ["demo", bench.FLOOR, "1.00x (0.90 to 1.40)", "1.00x", "", "3"],
        ["demo", "multimesh: x", "2.00x (1.90 to 2.50)", "1.50x", "", "3"],
        ["demo", "PyYAML C: x", "8.00x (7.00 to 9.00)", "1.00x", "4.0x", "3"],
        ["demo", "kubectl kustomize", "15.90x (15.00 to 20.00)", "1.00x", "8.0x", "3"],
    ]


def test_goals_are_held_against_medians():
    verdicts = [(goal.measured, bench.verdict(goal)) for goal in bench.goals_of(run(), "demo", "demo x10", [])]
    assert verdicts == [
        ("2.00x", "met"),
        ("2.00x", "met"),
        ("7.95x", "missed"),
        ("4.00x", "met"),
        ("10.00 ms (1.00x)", "met"),
        ("12.00 MiB (1.50x)", "met"),
        ("5.62x", "missed"),
    ]


def test_a_row_that_is_void_counts_for_nothing():
    rows = [r._replace(void="exit code 2") if r.name.startswith("multimesh") else r for r in run()]
    assert "void: exit code 2" in bench.table(rows)[2]
    goals = bench.goals_of(rows, "demo", "demo x10", [])
    assert {bench.verdict(goal) for goal in goals} == {"not measured"}
    assert bench.exit_code(rows, "demo") == 2


@pytest.mark.parametrize(("milliseconds", "code"), [(20, 0), (24, 0), (26, 0), (27, 1)])
def test_only_more_than_the_limit_and_its_margin_fails(milliseconds, code):
    assert bench.exit_code(run(milliseconds), "demo") == code


def test_rounds_are_odd():
    assert bench.odd("15") == 15
    with pytest.raises(ArgumentTypeError):
        bench.odd("14")


def test_the_page_has_markers_with_a_table_between_them():
    page = PAGE.read_text(encoding="utf-8")
    assert f"{bench.BEGIN}\nnew\n{bench.END}" in bench.replaced(page, "new")
    assert f"more than {bench.LIMIT * (1 + bench.MARGIN):.2f} times the bare interpreter" in page
    assert bench.FLOOR in page.partition(bench.BEGIN)[2].partition(bench.END)[0]


@pytest.mark.parametrize("page", ["", bench.BEGIN, bench.END + bench.BEGIN, (bench.BEGIN + bench.END) * 2])
def test_a_page_without_its_two_markers_is_refused(page):
    with pytest.raises(bench.BenchFailed):
        bench.replaced(page, "new")


@pytest.fixture(scope="module")
def task():
    stream = bench.generated_stream(bench.AFFIRMED.namespace)
    rewrites = bench.demo_rewrites(bench.resources_of(stream), bench.AFFIRMED)
    return bench.Task("generated", stream, bench.AFFIRMED, rewrites)


def test_the_generated_stream_has_the_size_of_the_demo_chart(task):
    assert len(task.stream) == pytest.approx(605_000, rel=0.05)


def test_the_generated_stream_is_rewritten_as_every_contestant_must(task):
    done = program.render(task.stream, task.mesh.profile)
    assert (done.code, done.err) == (0, "")
    assert bench.complaint(task, done.out, copies=1) == ""


def test_an_output_that_is_not_rewritten_is_found(task):
    assert bench.complaint(task, task.stream, copies=1)
    done = program.render(task.stream, task.mesh.profile)
    without = done.out.replace(b"- --webhook-name=istio-affirmed-galley\n", b"- --other\n")
    assert bench.complaint(task, without, copies=1) == (
        "Deployment/istio-galley: /spec/template/spec/containers/0/command/- is not rewritten"
    )
    renamed = done.out.replace(b"name: kiali-affirmed\n", b"name: kiali\n")
    assert bench.complaint(task, renamed, copies=1) == "ClusterRole/kiali-affirmed is there 0 times, not 1"
    assert "resources, not" in bench.complaint(task, done.out + done.out, copies=1)


def test_numbered_copies_share_no_name(task):
    resources = bench.resources_of(bench.repeated(task.stream, 3, numbered=True))
    assert len({(r["kind"], r["metadata"]["name"]) for r in resources}) == len(resources)
    assert len(resources) == 3 * len(bench.resources_of(task.stream))

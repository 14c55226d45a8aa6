#!/usr/bin/env python3
"""Check one chart against the laws: render it for both example meshes, check the results, and print one page.

    make try CHART=<directory or archive> [ISTIO=<version>] [VALUES=<file>] [RELEASE=<name>]

CHART is a chart of Istio, of any release, or an umbrella chart that contains one. Each mesh gets the values that
`multimesh values` writes for a chart of this name and for ISTIO (default: the appVersion of the chart, else the
newest). They override those of the file VALUES. If that file contains `${MESH}` or `${NAMESPACE}`, which are replaced
with the names of the mesh, it is the only values file. RELEASE may contain them too.

Exit code 0: the laws hold and the meshes do not conflict. 1: a law does not hold, the meshes conflict, or a mesh was
refused that must not be. 2: the chart could not be tried. It reads and changes no cluster. The results are checked with
tests/support/oracle.py, which shares no code with the rewrite.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT), str(ROOT / "tests/support")]

import demo  # noqa: E402 - the path above comes first
import helm as real_helm  # noqa: E402 - the path above comes first
import oracle  # noqa: E402 - the path above comes first

from multimesh.commands.stdio import load_profile  # noqa: E402 - the path above comes first
from multimesh.errors import MultimeshError  # noqa: E402 - the path above comes first
from multimesh.mesh.profile import Profile  # noqa: E402 - the path above comes first
from multimesh.render.pipeline import Rendering, render  # noqa: E402 - the path above comes first

MESHES = ("affirmed", "blue")

#: Charts that `multimesh values` knows, by the names in Chart.yaml, and what their releases are called.
CHARTS = {
    "base": ("base", "istio-base-${MESH}"),
    "istiod": ("istiod", "istiod-${MESH}"),
    "istio-discovery": ("istiod", "istiod-${MESH}"),
    "istiod-remote": ("istiod", "istiod-remote-${MESH}"),
    "gateway": ("gateway", "${MESH}-ingressgateway"),
    "istio-ingress": ("gateway", "${MESH}-ingressgateway"),
    "istio-egress": ("gateway", "${MESH}-egressgateway"),
    "cni": ("cni", "istio-cni"),
    "istio-cni": ("cni", "istio-cni"),
    "ztunnel": ("ztunnel", "ztunnel"),
    "istio": ("istio-1.5", "istio"),
}

#: The names that the manual has for the oracle's classes of collisions.
CLASSES = {
    "C1": "cluster-scoped-name",
    "C2": "embedded-cluster-scoped",
    "C4": "the same namespaced resource, or root namespace",
    "C5": "two webhooks match the same object",
    "C7": "node-port",
    "C8": "host-port or host-path",
    "C10": "citadel-scope",
    "C13": "trust-domain (warning)",
    "C14": "gateway-selector (warning)",
    "C15": "shared-revision",
    "C16": "two control planes read one namespace",
}

HOLDS, BROKEN = "holds", "BROKEN"


class Tried(NamedTuple):
    """The results of one mesh."""

    name: str
    mesh: Profile
    stock: bytes
    rendering: Rendering | None
    refusal: str
    expected: bool
    laws: list[tuple[str, bool, str]]


class CannotTry(Exception):
    """The chart cannot be tried with these arguments; the message says what to do."""


def main() -> int:
    """Try the chart, print the page, and return the exit code."""
    options = read_arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="multimesh-try-") as directory:
            helm = find_helm(Path(directory))
            tried = [one(helm, options, name, Path(directory)) for name in MESHES]
    except (CannotTry, MultimeshError, demo.DemoFailed, real_helm.HelmUnavailable) as error:
        print(f"multimesh: try: {str(error).removeprefix('multimesh: ')}", file=sys.stderr)
        return 2
    collisions = meet(tried)
    print("\n".join(page(helm, options, tried, collisions)))
    broken = [law for found in tried for law in found.laws if not law[1]]
    refused = [found for found in tried if found.refusal and not found.expected]
    return 1 if broken or refused or oracle.errors(collisions or set()) else 0


def read_arguments() -> argparse.Namespace:
    """Parse the command line. make passes empty values for variables that are not set, so they count as absent."""
    parser = argparse.ArgumentParser(
        prog="make try", usage="make try CHART=<directory or archive> [ISTIO=V] [VALUES=F] [RELEASE=R]"
    )
    for name in ("chart", "istio", "values", "release"):
        parser.add_argument(f"--{name}", default="")
    options = parser.parse_args()
    if not options.chart:
        parser.error(
            "CHART names no chart: make try CHART=examples/stock-istiod VALUES=examples/stock-istiod/values-mesh.yaml"
        )
    return options


def find_helm(directory: Path) -> demo.Helm:
    """Return the Helm on the PATH, else the one that the tests use, without printing how it was found."""
    say, demo.say = demo.say, lambda _: None
    try:
        return demo.find_helm(directory)
    finally:
        demo.say = say


def one(helm: demo.Helm, options: argparse.Namespace, name: str, directory: Path) -> Tried:
    """Render the chart for one mesh, rewrite it, and check the laws that concern one mesh."""
    mesh = load_profile(str(ROOT / "charts-values" / name))
    stock = template(helm, options, mesh, directory)
    try:
        rendering = render(stock, mesh)
    except MultimeshError as error:
        expected = error.rule == "shared-resources" and not mesh.owns_shared
        whole = run_program(stock, name)
        nothing = ("all or nothing", whole.returncode == 2 and not whole.stdout, "refused: stdout stays empty")
        return Tried(name, mesh, stock, None, str(error), expected, [nothing])
    return Tried(name, mesh, stock, rendering, "", expected=False, laws=laws(stock, mesh, rendering, name))


# What Helm renders.


def template(helm: demo.Helm, options: argparse.Namespace, mesh: Profile, directory: Path) -> bytes:
    """Return the chart as Helm renders it for a mesh."""
    chart, release = CHARTS.get(chart_name(helm, options.chart), ("", "istio-${MESH}"))
    theirs = users_values(options)
    alone = filled(theirs, mesh) != theirs
    ours = "" if alone or not chart else values(options, mesh, chart, app_version(helm, options.chart))
    command = [helm.command, "template", filled(options.release or release, mesh), options.chart, "-n", mesh.namespace]
    for number, text in enumerate((filled(theirs, mesh), ours)):
        file = directory / f"{mesh.name}-{number}.yaml"
        file.write_text(text, encoding="utf-8")
        command += ["-f", str(file)]
    try:
        return demo.run(command, helm.environment).encode()
    except demo.DemoFailed as error:
        shared = next(
            (at for directory in Path(options.chart).resolve().parents if (at := directory / "global.yaml").exists()),
            None,
        )
        if theirs or shared is None:
            raise
        raise CannotTry(f"{error}\n  The charts of this directory share values: VALUES={shared}") from None


def users_values(options: argparse.Namespace) -> str:
    """Return the text of the file in VALUES."""
    try:
        return Path(options.values).read_text(encoding="utf-8") if options.values else ""
    except OSError as error:
        raise CannotTry(f"{options.values}: cannot read the values: {error.strerror}\n  VALUES names a file.") from None


def filled(text: str, mesh: Profile) -> str:
    """Return a text with the names of the mesh."""
    return text.replace("${MESH}", mesh.name).replace("${NAMESPACE}", mesh.namespace)


def show_chart(helm: demo.Helm, chart: str) -> str:
    """Return Chart.yaml of a directory or an archive."""
    return demo.run([helm.command, "show", "chart", chart], helm.environment)


def chart_name(helm: demo.Helm, chart: str) -> str:
    """Return the name in Chart.yaml."""
    found = re.search(r"(?m)^name: *[\"']?([\w.-]+)", show_chart(helm, chart))
    return found[1] if found else ""


def app_version(helm: demo.Helm, chart: str) -> str:
    """Return the version of Istio in the chart, or an empty text. Charts that are built from source have 1.0.0."""
    found = re.search(r"(?m)^appVersion: *[\"']?v?(1\.\d+)", show_chart(helm, chart))
    return found[1] if found and found[1] != "1.0" else ""


def values(options: argparse.Namespace, mesh: Profile, chart: str, version: str) -> str:
    """Return the values that `multimesh values` writes for a mesh."""
    if chart in ("cni", "ztunnel"):
        # The charts of shared resources always get the values of the owner.
        mesh = load_profile(str(ROOT / "charts-values" / MESHES[0]))
    command = [sys.executable, "-m", "multimesh", "values", "--profile", mesh.where, "--chart", chart]
    if chart != "istio-1.5" and (options.istio or version):
        command += ["--istio", options.istio or version]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise CannotTry(f"{done.stderr.strip()}\n  Or use values of your own that contain ${{MESH}}: VALUES=<file>.")
    return done.stdout


# The laws.


def laws(stock: bytes, mesh: Profile, rendering: Rendering, name: str) -> list[tuple[str, bool, str]]:
    """Return the results of the laws that concern one mesh, for one rendering."""
    return [
        only_planned(stock, rendering),
        every_part_alone(stock, mesh, rendering),
        twice(mesh, rendering),
        all_or_nothing(stock, name),
    ]


def only_planned(stock: bytes, rendering: Rendering) -> tuple[str, bool, str]:
    """Law 1: parse both sides; they differ at the planned paths only."""
    law = "only what was planned changes"
    before, after = oracle.load(stock), oracle.load(rendering.output)
    dropped = [title for title, _, _ in rendering.dropped]
    stay = [obj for obj in before if title_of(obj) not in dropped]
    if len(stay) != len(after):
        return (law, False, f"{len(after)} resources are left, {len(stay)} were expected")
    planned = plans(stock, rendering)
    count, same = 0, 0
    for old, new in zip(stay, after, strict=True):
        paths = oracle.differences(old, new)
        same += not paths
        for path in paths:
            count += 1
            if not any(covers(request, path) for request in planned.get(title_of(old), [])):
                return (law, False, f"{title_of(old)} {oracle.show(path)} changed without a plan")
    return (law, True, f"{same} of {len(stay)} resources do not change, {count} values differ, each planned")


def plans(stock: bytes, rendering: Rendering) -> dict[str, list[str]]:
    """List the planned field paths of every resource.

    A resource in the text of a ConfigMap has a title and paths of its own; its edits are the ConfigMap's, below `data`.
    """
    ends: list[tuple[int, list[str]]] = []
    line = 1
    for part in re.split(r"(?m)^(?=---(?:\s|$))", stock.decode()):
        line += part.count("\n")
        ends.append((line, [title_of(obj) for obj in oracle.load(part)]))
    planned: dict[str, list[str]] = {}
    for first, text, edits in rendering.edited:
        for edit in edits:
            at = int(first) + text.count("\n", 0, edit.start)
            here = next(titles for end, titles in ends if at < end or end == line)
            inside = edit.subject.startswith("ConfigMap/")
            # One edit may be the result of several requests.
            for _, path in edit.reasons:
                own = edit.subject in here and not (inside and path[:4] not in ("meta", "data"))
                for title in [edit.subject] if edit.subject in here else here:
                    planned.setdefault(title, []).append(path if own else "data")
    return planned


def title_of(obj: oracle.Object) -> str:
    """Return the name of an object as messages write it."""
    meta = obj["metadata"]
    return "/".join(part for part in (obj["kind"], meta.get("namespace"), meta.get("name")) if part)


def covers(request: str, path: tuple[str, ...]) -> bool:
    """Return whether a planned field path and a path of the oracle match; either may be a prefix of the other."""
    steps = [
        step.replace("~1", "/")
        for step in re.sub(r"^(metadata/labels|metadata/annotations)/(.+)$", _whole, request).split("/")
    ]
    for wanted, found in zip(steps, path, strict=False):
        number = found.startswith("[")
        if not number and wanted != found:
            return False
        if number and wanted.isdecimal() and found[1:-1].isdecimal() and wanted != found[1:-1]:
            return False
    return True


def _whole(found: re.Match[str]) -> str:
    return f"{found[1]}/{found[2].replace('/', '~1')}"


def every_part_alone(stock: bytes, mesh: Profile, rendering: Rendering) -> tuple[str, bool, str]:
    """Law 2: documents rendered one by one give the same as all together."""
    law = "a new name depends on one document only"
    parts = [part for part in re.split(r"(?m)^(?=---(?:\s|$))", stock.decode()) if part]
    found: list[oracle.Object] = []
    number = 0
    try:
        for part in parts:
            number += 1
            found += oracle.load(render(part.encode(), mesh).output)
    except MultimeshError as error:
        return (law, False, f"document {number} alone is refused: {error.what}")
    if found != oracle.load(rendering.output):
        return (law, False, "a document alone gives another result than in the whole stream")
    return (law, True, f"{len(parts)} documents, rendered one by one, give the same result as the whole stream")


def twice(mesh: Profile, rendering: Rendering) -> tuple[str, bool, str]:
    """Law 3: rendering a rewritten stream again changes nothing."""
    law = "rendering twice gives the same as once"
    try:
        again = render(rendering.output, mesh).output
    except MultimeshError as error:
        return (law, False, f"the second rendering is refused: {error.what}")
    same = again == rendering.output
    return (law, same, "byte for byte" if same else "the second rendering differs")


def all_or_nothing(stock: bytes, name: str) -> tuple[str, bool, str]:
    """Law 5: the program refuses a truncated stream and writes nothing."""
    done = run_program(stock.rstrip() + b'\n---\nkind: "', name)
    held = done.returncode == 2 and not done.stdout
    return ("all or nothing", held, "a truncated stream leaves stdout empty" if held else "something was written")


def run_program(stream: bytes, name: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program as Helm 3 does."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HELM_", "MULTIMESH_"))}
    command = [sys.executable, str(ROOT / "postrender.py"), f"--profile={ROOT / 'charts-values' / name}"]
    return subprocess.run(command, input=stream, capture_output=True, env=environment, check=False)


def meet(tried: list[Tried]) -> set[tuple[Any, ...]] | None:
    """Law 4: return what the two meshes have in common; None if one was refused."""
    streams = [oracle.load(found.rendering.output) for found in tried if found.rendering is not None]
    return oracle.collisions(*streams) if len(streams) == 2 else None


# The page.


def page(
    helm: demo.Helm, options: argparse.Namespace, tried: list[Tried], collisions: set[tuple[Any, ...]] | None
) -> list[str]:
    """Return the lines of the page."""
    known = chart_name(helm, options.chart) in CHARTS
    written = f"those of multimesh values{f' --istio {options.istio}' if options.istio else ''}"
    theirs = users_values(options)
    mine = written if known else "those of the chart: multimesh values knows no chart of this name"
    source = (
        options.values if filled(theirs, tried[0].mesh) != theirs else mine + f", above {options.values}" * bool(theirs)
    )
    lines = [f"chart   {options.chart}", f"helm    {helm.version}", f"values  {source}"]
    for found in tried:
        lines += ["", *of_mesh(found)]
    lines += ["", "the two meshes"]
    if collisions is None:
        lines.append("  not compared: one of them was refused")
    elif not collisions:
        lines.append("  holds   two meshes have nothing in common")
    else:
        held = not oracle.errors(collisions)
        lines.append(f"  {HOLDS if held else BROKEN:7} two meshes have nothing in common{', except' if held else ''}:")
        lines += [
            f"          {CLASSES.get(kind, kind)}: {' '.join(map(str, what))}" for kind, *what in sorted(collisions)
        ]
    return lines


def of_mesh(found: Tried) -> list[str]:
    """Return the lines about one mesh."""
    owns = "owns" if found.mesh.owns_shared else "leaves"
    lines = [f"mesh {found.name}, in {found.mesh.namespace}, {owns} what a cluster has only once"]
    if found.rendering is None:
        lines.append("  refused, as it must be:" if found.expected else "  REFUSED:")
        lines += [f"    {line}" for line in found.refusal.splitlines()]
    else:
        lines += changes(found.rendering)
    return lines + [f"  {HOLDS if held else BROKEN:7} {law}: {how}" for law, held, how in found.laws]


def changes(rendering: Rendering) -> list[str]:
    """Return lines about what was rewritten, dropped and noticed, by rule."""
    by_rule: dict[str, dict[str, int]] = {}
    for _, _, edits in rendering.edited:
        for edit in edits:
            if edit.path:
                names = by_rule.setdefault(edit.rule, {})
                names[edit.subject] = names.get(edit.subject, 0) + 1
    lines = [f"  {rule}: {sum(names.values())} in {listed(names)}" for rule, names in sorted(by_rule.items())]
    dropped: dict[str, list[str]] = {}
    for title, rule, _ in rendering.dropped:
        dropped.setdefault(rule, []).append(title)
    lines += [f"  dropped by {rule}: {len(titles)}: {listed(titles)}" for rule, titles in sorted(dropped.items())]
    lines += [f"  noticed: {item['resource']}: {item['message']}" for item in rendering.notices]
    return lines or ["  nothing changes"]


def listed(names: Any, most: int = 4) -> str:
    """Return names as a text, only the first few if there are many."""
    names = list(names)
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
"""Show that two checkouts of multimesh render the same bytes.

    python3 tools/compare.py BEFORE AFTER                      the stock streams next to the checkout
    python3 tools/compare.py BEFORE AFTER --streams DIR DIR    the streams below these directories
    python3 tools/compare.py BEFORE AFTER --messages           also print every message whose wording differs

Every stream is rendered by both checkouts, for four mesh profiles, with `--upgrade` and without: unchanged, with the
names of the profile instead of those it was rendered with, and once with a damaged line. The bytes on stdout and the
exit codes must be equal. Messages may be worded differently, so they are only counted.

Each checkout has one worker process, which imports its package once and forks for every rendering, so that no rendering
sees the memory of another one. One rendering in SAMPLE also runs as Helm runs it, in a process of its own.

Exit code 0 if everything is equal, 1 if anything differs, 2 if the comparison could not be done.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STREAMS = Path(os.environ.get("MULTIMESH_STREAMS") or ROOT.parent / "shared" / "streams")

#: Where a layout of the package has the function that renders stdin: (file that shows the layout, module, function).
LAYOUTS = (
    ("multimesh/commands/render.py", "multimesh.commands.render", "post_render"),
    ("multimesh/cli.py", "multimesh.cli", "post_render"),
)

#: One in this many renderings also runs as a process of its own.
SAMPLE = 40

#: How many differences are shown, and how many lines of each.
SHOWN, LINES = 10, 12

#: The exit code of a rendering that raised an exception: "internal software error" in sysexits.h.
CRASHED = 70


class Mesh(NamedTuple):
    """A mesh profile, with the name and the namespace that replace those of the stream."""

    name: str
    namespace: str
    spec: str

    def __str__(self) -> str:
        """Return the text of the profile."""
        return f"metadata: {{name: {self.name}}}\nspec:\n  namespace: {self.namespace}\n{self.spec}"


MESHES = (
    Mesh("affirmed", "istio-affirmed", "  workloadNamespaces: [nginx-affirmed]\n  sharedResources: own\n"),
    Mesh("blue", "istio-blue", "  workloadNamespaces: [nginx-blue]\n"),
    # Its namespace ends in the word with which the others begin.
    Mesh("payments", "team-istio", "  sharedResources: own\n  clusterRoles: keep\n  nodePorts: keep\n"),
    # It sets every key that the others do not set.
    Mesh(
        "green",
        "istio-green",
        """\
  workloadNamespaces: [nginx-green, kube-system, istio-system]
  sharedResources: own
  revision: green-2
  canaryRevisions: [green, green-3]
  gateways: keep
  scopeGateways: false
  nodePorts: {http2: 32380, tcp: 32400}
  citadel: {alsoListen: [kube-system]}
  keepNames: [ClusterRole/kiali, "Widget/*"]
  renameNames: [ClusterRole/company-reader]
  flags:
    - {container: galley, args: ["--monitoringPort=15114"], env: {PILOT_SCOPE_GATEWAY_TO_NAMESPACE: "true"}}
    - {container: discovery, workload: istiod, args: ["--log_output_level=all:info"], env: {PILOT_TRACE_SAMPLING: "5"}}
""",
    ),
)


class Job(NamedTuple):
    """One rendering: the file of the stream, its form (a key of FORMS), the number of its mesh in MESHES, the switch."""

    stream: str
    form: str
    mesh: int
    upgrade: bool

    def __str__(self) -> str:
        """Return one line that says which rendering this is."""
        return f"{self.stream} ({self.form}), mesh {MESHES[self.mesh].name}{', --upgrade' if self.upgrade else ''}"

    def content(self) -> bytes:
        """Return the bytes for stdin."""
        path = Path(self.stream)
        return FORMS[self.form](path.read_bytes(), path, MESHES[self.mesh])

    def arguments(self, profiles: Path) -> list[str]:
        """Return the arguments of `render`; `profiles` is a directory where `write_profiles` wrote."""
        return [f"--profile={profiles / MESHES[self.mesh].name}.yaml", *(["--upgrade"] if self.upgrade else [])]


class Result(NamedTuple):
    """How a rendering ended: the exit code, the SHA-256 of stdout, the text on stderr."""

    code: int
    digest: str
    message: str


class CannotCompare(Exception):
    """The comparison cannot be done; the message says why."""


# --- What is rendered ------------------------------------------------------------------------------------------------


def as_it_is(data: bytes, path: Path, mesh: Mesh) -> bytes:
    """Return the stream unchanged. Most profiles refuse it, since it belongs to another mesh."""
    return data


def of_the_mesh(data: bytes, path: Path, mesh: Mesh) -> bytes:
    """Return the stream as if it had been rendered for the profile. Its directory has the name of its own mesh."""
    own = path.parent.name.encode()
    namespace = b"\0namespace\0"  # No stream contains it, so a name inside the new namespace is not replaced again.
    data = data.replace(b"istio-" + own, namespace).replace(own, mesh.name.encode())
    return data.replace(namespace, mesh.namespace.encode())


def damaged(data: bytes, path: Path, mesh: Mesh) -> bytes:
    """Return the stream of the mesh with one line repeated, removed, indented or cut, and sometimes other line ends."""
    data = of_the_mesh(data, path, mesh)
    chance = random.Random(hashlib.sha256(data).hexdigest())  # noqa: S311 - the same damage for both checkouts
    lines = data.splitlines(keepends=True)
    number = chance.randrange(len(lines))
    line = lines[number]
    lines[number] = chance.choice([line * 2, b"", b" " + line, line.lstrip(), line[: len(line) // 2] + b"\n"])
    return (b"" if chance.random() < 0.7 else b"\xef\xbb\xbf") + b"".join(lines).replace(
        b"\n", chance.choice([b"\n", b"\n", b"\r\n"])
    )


FORMS = {"as it is": as_it_is, "of the mesh": of_the_mesh, "damaged": damaged}


def find_streams(directories: list[Path]) -> list[Path]:
    """List the streams below these directories. Raises CannotCompare if there are none."""
    files = sorted({path for directory in directories for path in directory.rglob("*.yaml")})
    if not files:
        raise CannotCompare(
            f"no streams below {', '.join(map(str, directories))}\n  Name their directory: --streams DIR"
        )
    return files


def plan(streams: list[Path]) -> list[Job]:
    """List the renderings of these streams, each different input once."""
    jobs: list[Job] = []
    seen: set[tuple[bytes, int]] = set()
    for count, path in enumerate(streams):
        data = path.read_bytes()
        for form, shape in FORMS.items():
            # A damaged stream takes as long as an intact one and shows less, so one mesh is enough.
            meshes = range(len(MESHES)) if form != "damaged" else [count % len(MESHES)]
            for mesh in meshes:
                key = (hashlib.sha256(shape(data, path, MESHES[mesh])).digest(), mesh)
                if key not in seen:
                    seen.add(key)
                    jobs += [Job(str(path), form, mesh, upgrade) for upgrade in (False, True)]
    return jobs


def write_profiles(directory: Path) -> None:
    """Write the profiles of MESHES, each to a file with the name of its mesh."""
    for mesh in MESHES:
        (directory / f"{mesh.name}.yaml").write_text(str(mesh), encoding="utf-8")


# --- The worker: one checkout, one process ---------------------------------------------------------------------------


def work(checkout: Path, profiles: Path, job_file: Path) -> int:
    """Render every job in a fork of this process, and write each result as one line of JSON."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.path.insert(0, str(checkout))
    module, function = layout(checkout)
    jobs = [Job(*job) for job in json.loads(job_file.read_text(encoding="utf-8"))]
    import_what_renderings_import(module, function, profiles, jobs)
    render = getattr(import_module(module), function)
    for job in jobs:
        results.write(json.dumps(in_fork(render, job.content(), job.arguments(profiles))) + "\n")
        results.flush()
    return 0


def layout(checkout: Path) -> tuple[str, str]:
    """Return the module and the name of the function that renders stdin in this checkout."""
    for file, module, function in LAYOUTS:
        if (checkout / file).exists():
            return module, function
    raise CannotCompare(f"{checkout} is not a checkout of multimesh\n  Name the directory that has postrender.py.")


def import_what_renderings_import(module: str, function: str, profiles: Path, jobs: list[Job]) -> None:
    """Import the modules that a few renderings use, so that the forks need not; no rendering runs in this process."""
    script = f"import sys; sys.path.insert(0, {sys.path[0]!r}); from {module} import {function} as render; "
    script += "render(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    for job in jobs[:: max(1, len(jobs) // 8)]:
        done = subprocess.run(
            [sys.executable, "-s", "-c", script, *job.arguments(profiles)],
            input=job.content(),
            capture_output=True,
            check=False,
        )
        # The last line. Messages of a refused rendering precede it; one that raised an exception has no list.
        for name in done.stderr.decode(errors="replace").splitlines()[-1].split() if not done.returncode else ():
            if name.startswith("multimesh."):
                import_module(name)


def in_fork(render: Any, data: bytes, arguments: list[str]) -> Result:
    """Call the function in a fork of this process that has the data on stdin and files as stdout and stderr."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        stdin.write(data)
        stdin.seek(0)
        child = os.fork()
        if not child:
            for number, file in enumerate((stdin, stdout, stderr)):
                os.dup2(file.fileno(), number)
            code = CRASHED
            try:
                code = render(arguments)
            except BaseException:  # noqa: BLE001 - the other checkout must raise the same exception
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Result(code, hashlib.sha256(content_of(stdout)).hexdigest(), content_of(stderr).decode(errors="replace"))


def content_of(file: BinaryIO) -> bytes:
    """Return all that was written to a file."""
    file.seek(0)
    return file.read()


# --- The comparison --------------------------------------------------------------------------------------------------


def environment() -> dict[str, str]:
    """Return the environment without variables that would change a rendering."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "MULTIMESH_", "PYTHON"))}


def as_process(checkout: Path, job: Job, profiles: Path) -> tuple[Result, bytes]:
    """Render a job as Helm does: `postrender.py` in a process of its own, the stream in a pipe."""
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", str(checkout / "postrender.py"), *job.arguments(profiles)],
        input=job.content(),
        capture_output=True,
        env=environment(),
        check=False,
    )
    digest = hashlib.sha256(done.stdout).hexdigest()
    return Result(done.returncode, digest, done.stderr.decode(errors="replace")), done.stdout


def in_workers(checkouts: list[Path], profiles: Path, jobs: list[Job]) -> Iterator[tuple[Result, ...]]:
    """Yield the results of each job, one of each checkout, in the order of the jobs."""
    job_file = profiles / "jobs.json"
    job_file.write_text(json.dumps(jobs), encoding="utf-8")
    workers = [
        subprocess.Popen(
            [sys.executable, "-s", __file__, "--work", str(checkout), str(profiles), str(job_file)],
            stdout=subprocess.PIPE,
            env=environment(),
            encoding="utf-8",
        )
        for checkout in checkouts
    ]
    try:
        for lines in zip(*(worker.stdout or () for worker in workers), strict=False):
            yield tuple(Result(*json.loads(line)) for line in lines)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def compare(checkouts: list[Path], directories: list[Path], messages: bool) -> int:
    """Render everything with both checkouts, print what differs and the counts, and return the exit code."""
    streams = find_streams(directories)
    jobs = plan(streams)
    print(
        f"{len(streams)} streams, {len(MESHES)} profiles: {len(jobs)} renderings of different inputs by each checkout"
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        profiles = Path(directory)
        write_profiles(profiles)
        differing: list[Job] = []
        reworded: dict[tuple[str, str], Job] = {}
        accepted = finished = crashed = 0
        for job, (before, after) in zip(jobs, in_workers(checkouts, profiles, jobs), strict=False):
            finished += 1
            accepted += not before.code
            crashed += before.code not in (0, 2)
            if before[:2] != after[:2]:
                differing.append(job)
            elif before.message != after.message:
                reworded.setdefault((before.message, after.message), job)
        if finished < len(jobs):
            raise CannotCompare(f"a worker ended after {finished} of {len(jobs)} renderings")
        sample = jobs[::SAMPLE]
        by_process = [job for job in sample if different_processes(checkouts, job, profiles)]
        show(checkouts, profiles, list(dict.fromkeys(differing + by_process)))
    if messages:
        for (old, new), job in reworded.items():
            print(f"\n{job}", *difflib.ndiff(old.splitlines(), new.splitlines()), sep="\n")
    print(
        f"{len(jobs)} renderings ({accepted} rewritten, {len(jobs) - accepted} refused, {crashed} crashed before): "
        f"{len(differing)} differ\n"
        f"{len(sample)} of them as processes: {len(by_process)} differ\n"
        f"{len(reworded)} messages are worded differently\n"
        f"{time.monotonic() - started:.0f} seconds"
    )
    return 1 if differing or by_process else 0


def different_processes(checkouts: list[Path], job: Job, profiles: Path) -> bool:
    """Return whether the processes of both checkouts end differently."""
    before, after = (as_process(checkout, job, profiles)[0] for checkout in checkouts)
    return before[:2] != after[:2]


def show(checkouts: list[Path], profiles: Path, jobs: list[Job]) -> None:
    """Print what differs, for the first of these jobs."""
    for job in jobs[:SHOWN]:
        (before, old), (after, new) = (as_process(checkout, job, profiles) for checkout in checkouts)
        print(f"\n{job}: exit code {before.code}, then {after.code}")
        texts = [
            (out.decode(errors="replace") + result.message).splitlines()
            for result, out in ((before, old), (after, new))
        ]
        print(*list(difflib.unified_diff(*texts, "before", "after", n=1, lineterm=""))[:LINES], sep="\n")
    if len(jobs) > SHOWN:
        print(f"\n... and {len(jobs) - SHOWN} more")


def main() -> int:
    """Read the arguments and compare."""
    if sys.argv[1:2] == ["--work"]:
        return work(*map(Path, sys.argv[2:5]))
    parser = argparse.ArgumentParser(description="Show that two checkouts of multimesh render the same bytes.")
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another checkout")
    parser.add_argument("--streams", type=Path, nargs="+", default=[STREAMS], help="directories of stock streams")
    parser.add_argument("--messages", action="store_true", help="print the messages whose wording differs")
    options = parser.parse_args()
    try:
        checkouts = [options.before.resolve(), options.after.resolve()]
        for checkout in checkouts:
            layout(checkout)
        return compare(checkouts, [path.resolve() for path in options.streams], options.messages)
    except CannotCompare as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())

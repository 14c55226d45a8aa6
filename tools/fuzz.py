#!/usr/bin/env python3
"""Render generated streams for as long as asked, and hold every result against Helm's own readers.

    python3 tools/fuzz.py --seconds 600 [--cases 1000000] [--seed 7] [--save DIRECTORY]
    python3 tools/fuzz.py --pure --cases 50000

With `--pure` no Helm is asked: the renderings with libyaml are compared with those of PyYAML alone.

Exits with 1 for a silent miss, output that Helm cannot read, a traceback, a second run that differs, or an unplanned
value: there the program or the model is wrong. Each kind of failure is minimised and saved once for each detail.
Ctrl-C ends the run early, with its summary.
"""

from __future__ import annotations

import argparse
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("tools", "tests/support", "tests/fuzz")] + [str(ROOT)]

import differential  # noqa: E402  (tests/ is not a package)
import helm as tool  # noqa: E402
import reader  # noqa: E402
import streams as stored  # noqa: E402

EXAMPLES = (
    ("stock-istio", "values-everything.yaml"),
    ("stock-istio", "values.yaml"),
    ("stock-istiod", "values-mesh.yaml"),
)


#: What is shown first.
ORDER = ("silent miss", "two readers", "traceback", "unreadable output", "second run", "unplanned value")


def bases() -> list[str]:
    """Return the documents of the examples, as Helm renders them, and of the streams next to the checkout."""
    found = []
    program = tool.fetch(3)
    for chart, file in EXAMPLES:
        for name in ("affirmed", "blue"):
            done = subprocess.run(
                [str(program), "template", "istio", str(ROOT / "examples" / chart), "-n", f"istio-{name}",
                 "-f", str(ROOT / "examples" / chart / file)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                found.append(done.stdout)
    found += [one.text for one in stored.streams()]
    documents = [part.strip("\n") + "\n" for text in found for part in text.split("\n---\n") if "kind:" in part]
    return list(dict.fromkeys(documents))


#: What no stream may ever do, however broken it is.
SEVERE = ("silent miss", "two readers", "unreadable output", "traceback")


def main() -> int:
    """Run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--save", type=Path, default=None)
    parser.add_argument("--severe", action="store_true", help="fail only for what is installed wrongly or in silence")
    parser.add_argument("--pure", action="store_true", help="compare libyaml with PyYAML alone instead")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    try:
        run = differential.Run(seed, bases(), () if options.pure else reader.HELMS)
    except reader.Unavailable as error:
        print(error)
        return 2
    directory = options.save or Path(tempfile.mkdtemp(prefix="fuzz-"))
    directory.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(run, "stopped", True))
    began, known = time.monotonic(), {}
    compare = run.pure_failures if options.pure else run.failures
    for failure in compare(cases=options.cases, seconds=options.seconds):
        # The same mistake in objects of other names is one.
        kind = (failure.what, re.sub(r"^helm\d: (\w+)\S*|\[\d+\]", r"\1", failure.detail)[:60])
        if kind not in known:
            known[kind] = failure
            print(f"found {failure.what}: {failure.detail[:200]} (mesh {failure.mesh.name})", flush=True)
            (directory / f"found-{len(known):02}.yaml").write_bytes(failure.text)
    took = time.monotonic() - began
    counts = dict(run.counts)
    failed = {name.removeprefix("FAILED: "): count for name, count in counts.items() if name.startswith("FAILED")}
    found, severe = sum(failed.values()), sum(failed.get(name, 0) for name in SEVERE)
    if known:
        for number, failure in enumerate(sorted(known.values(), key=lambda one: ORDER.index(one.what))[:40]):
            small = failure if options.pure else differential.minimised(failure, run)
            (directory / f"{number:02}-{failure.what.replace(' ', '-')}.yaml").write_bytes(small.text)
            print(f"{number:02} {small.what}: {small.detail[:200]} (mesh {small.mesh.name})")
        print(f"saved in {directory}")
    run.close()
    for name, count in sorted(counts.items()):
        print(f"{count:9} {name}")
    print(f"{took:9.0f} seconds, {counts['cases'] / took:.0f} cases a second")
    print(f"seed {seed}: {counts['cases']:,} streams, {found} failures")
    return 1 if (severe if options.severe else found) else 0


if __name__ == "__main__":
    raise SystemExit(main())

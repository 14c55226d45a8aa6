#!/usr/bin/env python3
"""Measure how much the admission policies of five meshes slow the API server down.

    python3 tools/bench_policies.py [--count 200]

Two real API servers run at the same time, one with the policies and one without. Pods and ConfigMaps are created in
both alternately; the result is the ratio of the medians. It needs the programs of the cluster tests
(`make test-cluster`).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/cluster"), str(ROOT / "tests/support"), str(ROOT / "tools")]

import binaries  # noqa: E402 - the path above comes first
from api import Object, until  # noqa: E402 - the path above comes first
from controlplane import ControlPlane  # noqa: E402 - the path above comes first
from program import profile  # noqa: E402 - the path above comes first

MESHES = ("affirmed", "blue", "green", "red", "white")
POD = {"spec": {"containers": [{"name": "app", "image": "nginx"}]}}


def main() -> int:
    """Start both API servers, measure, and print the ratios."""
    parser = argparse.ArgumentParser(description="Measure how much admission policies slow the API server down.")
    parser.add_argument("--count", type=int, default=200, help="how many objects of each kind (default: 200)")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as directory:
        planes = []
        try:
            for name in ("with", "without"):
                place = Path(directory, name)
                place.mkdir()
                plane = ControlPlane(place, binaries.find())
                planes.append(plane)
                plane.start()
                prepare(plane)
            apply(planes[0], Path(directory))
            for kind, obj in (("Pod", POD), ("ConfigMap", {"data": {"a": "b"}})):
                times = measure(planes, kind, obj, count)
                with_, without = (statistics.median(one) * 1000 for one in times)
                print(f"{kind}: {with_:.2f} ms with, {without:.2f} ms without: {with_ / without:.3f}x")
        finally:
            for plane in planes:
                plane.stop()
    return 0


def prepare(plane: ControlPlane) -> None:
    """Create a namespace of a mesh."""
    labels = {"multimesh.dev/mesh": "blue", "istio-injection": "enabled-blue"}
    plane.api.create("Namespace", {"metadata": {"name": "apps", "labels": labels}})
    until("the namespace has its ServiceAccount", lambda: plane.api.get("ServiceAccount", "default", "apps"))


def apply(plane: ControlPlane, directory: Path) -> None:
    """Apply the policies of all meshes, and wait until they are enforced."""
    for mesh in MESHES:
        file = directory / f"{mesh}.yaml"
        owner = {"sharedResources": "own"} if mesh == MESHES[0] else {}
        file.write_text(profile(mesh, f"istio-{mesh}", (f"nginx-{mesh}",), **owner), encoding="utf-8")
        command = [sys.executable, "-m", "multimesh", "policies", "--profile", str(file)]
        text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        kubectl = ["kubectl", f"--kubeconfig={plane.kubeconfig}", "apply", "--server-side", "-f", "-"]
        subprocess.run(kubectl, input=text, check=True, stdout=subprocess.DEVNULL)
    root = {"metadata": {"name": "istio-ca-root-cert"}}
    until("the policies are enforced", lambda: is_denied(plane, root))


def is_denied(plane: ControlPlane, root: Object) -> bool:
    """Return whether the policy multimesh-roots-blue is enforced."""
    from api import Refused

    try:
        plane.api.create("ConfigMap", root, "apps", dry_run=True)
    except Refused:
        return True
    return False


def measure(planes: list[ControlPlane], kind: str, obj: Object, count: int) -> list[list[float]]:
    """Create objects in both clusters alternately; return the seconds that each took, for each cluster."""
    times: list[list[float]] = [[], []]
    for number in range(count):
        order = (0, 1) if number % 2 else (1, 0)
        for index in order:
            made = obj | {"metadata": {"name": f"{kind.lower()}-{number}"}}
            began = time.perf_counter()
            planes[index].api.create(kind, made, "apps")
            times[index].append(time.perf_counter() - began)
    return times


if __name__ == "__main__":
    raise SystemExit(main())

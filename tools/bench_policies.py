#!/usr/bin/env python3
"""Measure how much the admission policies of five meshes slow the API server down.

    python3 tools/bench_policies.py [--count 200] [--rounds 5] [--empty N]

Two real API servers run side by side, one with the policies and one without. Pods and ConfigMaps are created in both by
turns; the result is the ratio of the medians. Each round starts both API servers again: two that are started alike
differ by up to a tenth. With --empty, N policies that are evaluated and do nothing replace those of the meshes, which
says what the API server itself takes. It needs the programs of the cluster tests (`make test-cluster`).
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
KINDS = {"Pod": {"spec": {"containers": [{"name": "app", "image": "nginx"}]}}, "ConfigMap": {"data": {"a": "b"}}}
#: A policy that the API server evaluates for every write, and that denies one name.
EMPTY = """\
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: empty-NUMBER}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE], resources: ["*"], scope: Namespaced}]
  matchConditions: [{name: name, expression: "request.name == 'istio-ca-root-cert'"}]
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: empty-NUMBER}
spec: {policyName: empty-NUMBER, validationActions: [Deny]}
"""
Times = dict[str, list[list[float]]]


def main() -> int:
    """Measure in several rounds, and print the ratios."""
    parser = argparse.ArgumentParser(description="Measure what admission policies cost the API server.")
    parser.add_argument("--count", type=int, default=200, help="how many objects of each kind (default: 200)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the API servers are started (default: 5)")
    parser.add_argument("--empty", type=int, help="so many policies that do nothing, for those of the meshes")
    options = parser.parse_args()
    text = (
        policies() if options.empty is None else "".join(EMPTY.replace("NUMBER", str(n)) for n in range(options.empty))
    )
    all_times: Times = {kind: [[], []] for kind in KINDS}
    for number in range(options.rounds):
        found = one_round(text, options.count)
        print(f"round {number + 1}: {', '.join(said(kind, times) for kind, times in found.items())}", flush=True)
        for kind, times in found.items():
            for total, more in zip(all_times[kind], times, strict=True):
                total += more
    print(f"all: {', '.join(said(kind, times) for kind, times in all_times.items())}")
    return 0


def said(kind: str, times: list[list[float]]) -> str:
    """Return the medians of one kind, and their ratio."""
    with_, without = (statistics.median(one) * 1000 for one in times)
    return f"{kind} {with_:.2f} ms with, {without:.2f} ms without: {with_ / without:.3f}x"


def one_round(text: str, count: int) -> Times:
    """Start both API servers, apply the policies to the first, and measure."""
    with tempfile.TemporaryDirectory() as directory:
        planes: list[ControlPlane] = []
        try:
            for name in ("with", "without"):
                place = Path(directory, name)
                place.mkdir()
                plane = ControlPlane(place, binaries.find())
                planes.append(plane)
                plane.start()
                prepare(plane)
            apply(planes[0], text)
            return {kind: measure(planes, kind, obj, count) for kind, obj in KINDS.items()}
        finally:
            for plane in planes:
                plane.stop()


def prepare(plane: ControlPlane) -> None:
    """Create a namespace of a mesh."""
    labels = {"multimesh.dev/mesh": "blue", "istio-injection": "enabled-blue"}
    plane.api.create("Namespace", {"metadata": {"name": "apps", "labels": labels}})
    until("the namespace has its ServiceAccount", lambda: plane.api.get("ServiceAccount", "default", "apps"))


def policies() -> str:
    """Return the policies of all meshes, as the command writes them."""
    found = []
    with tempfile.TemporaryDirectory() as directory:
        for mesh in MESHES:
            file = Path(directory, f"{mesh}.yaml")
            owner = {"sharedResources": "own"} if mesh == MESHES[0] else {}
            file.write_text(profile(mesh, f"istio-{mesh}", (f"nginx-{mesh}",), **owner), encoding="utf-8")
            command = [sys.executable, "-m", "multimesh", "policies", "--profile", str(file)]
            found.append(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return "\n---\n".join(found)


def apply(plane: ControlPlane, text: str) -> None:
    """Apply the policies, and wait until they are enforced."""
    kubectl = ["kubectl", f"--kubeconfig={plane.kubeconfig}", "apply", "--server-side", "-f", "-"]
    subprocess.run(kubectl, input=text, text=True, check=True, stdout=subprocess.DEVNULL)
    root = {"metadata": {"name": "istio-ca-root-cert"}}
    until("the policies are enforced", lambda: is_denied(plane, root))


def is_denied(plane: ControlPlane, root: Object) -> bool:
    """Return whether a ConfigMap with a root is denied, as by multimesh-roots-blue."""
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

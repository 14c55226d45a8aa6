#!/usr/bin/env python3
"""Measure `multimesh verify` of a mesh with many pods on a real API server, with a real kubectl.

    python3 tools/bench_verify.py [--pods 10000] [--rounds 3] [--against DIRECTORY]

With --against, the checkout in DIRECTORY is measured by turns with this one, on the same cluster. Memory is the largest
sum over the program and every kubectl that it runs, as the kernel counts it (pages that processes share count once for
each); time is that of the clock, and of the processors. It needs the programs of the cluster tests
(`make test-cluster`) and the kubectl that comes with Helm 4 there. Pods need no node: nothing starts them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/cluster"), str(ROOT / "tests/support"), str(ROOT / "tools")]

import binaries  # noqa: E402 - the path above comes first
import helm as real_helm  # noqa: E402 - the path above comes first
from api import Api, until  # noqa: E402 - the path above comes first
from controlplane import ControlPlane  # noqa: E402 - the path above comes first
from program import profile  # noqa: E402 - the path above comes first
from running_clusters import sound  # noqa: E402 - the path above comes first

MEMBER, PLANE = "nginx-affirmed", "istio-affirmed"
#: Several workloads, whose pods differ in nothing that is checked.
WORKLOADS = 20
PAGE = os.sysconf("SC_PAGE_SIZE")


class Run(NamedTuple):
    """What one run took: seconds by the clock, seconds of the processors, bytes of all processes, and what it said."""

    seconds: float
    processor: float
    memory: int
    said: str


def main() -> int:
    """Make the cluster, measure, and print medians and ratios."""
    parser = argparse.ArgumentParser(description="Measure verify of many pods on a real API server.")
    parser.add_argument("--pods", type=int, default=10_000, help="how many pods (default: 10000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each checkout runs (default: 3)")
    parser.add_argument("--against", type=Path, help="a checkout of another version")
    options = parser.parse_args()
    checkouts = [ROOT, *([options.against.resolve()] if options.against else [])]
    kubectl = real_helm.fetch(4).parent
    with tempfile.TemporaryDirectory() as directory:
        plane = ControlPlane(Path(directory), binaries.find())
        try:
            plane.start()
            began = time.monotonic()
            fill(plane.api, options.pods)
            print(f"{options.pods} pods were created in {time.monotonic() - began:.0f} s", flush=True)
            file = Path(directory, "profile.yaml")
            file.write_text(profile("affirmed", PLANE, (MEMBER,)), encoding="utf-8")
            runs: list[list[Run]] = [[] for _ in checkouts]
            for _ in range(options.rounds):
                for checkout, found in zip(checkouts, runs, strict=True):
                    found.append(verify(checkout, file, plane.kubeconfig, kubectl))
                    print(f"{checkout}: {described(found[-1:])}", flush=True)
        finally:
            plane.stop()
    for checkout, found in zip(checkouts, runs, strict=True):
        print(f"{checkout}: {described(found)} (medians)")
    if len(runs) == 2:
        now, before = (middle(found) for found in runs)
        names = ("time", "processor time", "memory")
        print(", ".join(f"{name} {b / a:.1f} times less" for name, a, b in zip(names, now, before, strict=True)))
    return 0


def described(runs: list[Run]) -> str:
    """Return medians in words."""
    seconds, processor, memory = middle(runs)
    return f"{seconds:.1f} s, {processor:.1f} s of the processors, {memory / 2**20:.0f} MiB"


def middle(runs: list[Run]) -> tuple[float, float, float]:
    """Return the medians of seconds, processor time and memory."""
    return tuple(statistics.median(run[index] for run in runs) for index in range(3))  # type: ignore[return-value]


# --- the cluster ------------------------------------------------------------------------------


def fill(api: Api, pods: int) -> None:
    """Create a sound mesh with so many pods; its webhooks last, which nobody serves."""
    objects = sound()
    for name in ("plane", "member"):
        api.create("Namespace", objects[name])
    until("the namespace has its ServiceAccount", lambda: api.get("ServiceAccount", "default", MEMBER))
    for name in ("root", "copy", "home"):
        api.create(objects[name]["kind"], objects[name], objects[name]["metadata"]["namespace"])
    api.create("Deployment", deployment(objects["istiod"]), PLANE)
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda number: api.create("Pod", pod(number), MEMBER), range(pods)))
    for name in ("injector", "validator"):
        for entry in objects[name]["webhooks"]:
            entry |= {"sideEffects": "None", "admissionReviewVersions": ["v1"]}
            entry["clientConfig"].pop("caBundle")
        api.create(objects[name]["kind"], objects[name])


def deployment(istiod: dict[str, Any]) -> dict[str, Any]:
    """Return the Deployment of the control plane as an API server accepts it."""
    labels = {"app": "istiod"}
    (container,) = istiod["spec"]["template"]["spec"]["containers"]
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container | {"image": "istio/pilot:1.30.3"}]}}
    return istiod | {"spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}}


def pod(number: int) -> dict[str, Any]:
    """Return one pod with a sidecar, with about as many values as the injector writes."""
    workload = f"workload-{number % WORKLOADS}"
    variables = {f"ISTIO_META_{index}": f"{workload} {index} {'x' * 60}" for index in range(30)}
    variables["CA_ADDR"] = f"istiod-affirmed.{PLANE}.svc:15012"
    env = [{"name": name, "value": value} for name, value in variables.items()]
    mounts = [{"name": f"volume-{index}", "mountPath": f"/var/run/{index}"} for index in range(6)]
    proxy = {"name": "istio-proxy", "image": "istio/proxyv2:1.30.3", "env": env, "volumeMounts": mounts}
    app = {"name": "app", "image": "nginx", "env": env[:10], "volumeMounts": mounts[:2]}
    status = {"initContainers": ["istio-init"], "containers": ["istio-proxy"], "revision": "affirmed"}
    return {
        "metadata": {
            "name": f"{workload}-{number}",
            "labels": {"app": workload, "istio.io/rev": "affirmed"},
            "annotations": {"sidecar.istio.io/status": json.dumps(status), "istio.io/rev": "affirmed"},
        },
        "spec": {
            "initContainers": [{"name": "istio-init", "image": "istio/proxyv2:1.30.3", "args": ["istio-iptables"]}],
            "containers": [app, proxy],
            "volumes": [
                *({"name": f"volume-{index}", "emptyDir": {}} for index in range(6)),
                {"name": "istiod-ca-cert", "configMap": {"name": "istio-ca-root-cert"}},
            ],
        },
    }


# --- the measurement --------------------------------------------------------------------------


def verify(checkout: Path, file: Path, kubeconfig: Path, kubectl: Path) -> Run:
    """Run verify once."""
    environment = os.environ | {"PATH": f"{kubectl}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "multimesh", "verify", "--profile", str(file), "--kubeconfig", str(kubeconfig)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        running = subprocess.Popen(
            command, cwd=file.parent, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        most = 0
        while running.poll() is None:
            most = max(most, memory(running.pid))
            time.sleep(0.01)
        seconds = time.monotonic() - began
        out.seek(0)
        said = out.read()
    assert running.returncode in (0, 1), said
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, processor, most, said)


def memory(pid: int) -> int:
    """Return the resident bytes of a process and its descendants; 0 for what has ended."""
    try:
        size = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (OSError, IndexError):
        return 0
    return size + sum(memory(child) for child in children)


if __name__ == "__main__":
    sys.exit(main())

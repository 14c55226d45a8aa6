"""Generated profiles, with and without mistakes, and what the program says about each."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from multimesh.errors import MultimeshError
from multimesh.mesh import definitions, profile

#: Combinations of keys and the spelling of kinds: only the program checks them.
TOGETHER = (
    r"is not a valid name of a Service",
    r"which is spec\.revision",
    r"is in keepNames and in renameNames",
    r"becomes in this mesh",
    r"spec\.nodePorts gives",
    r"has the wrong kind",
    r"is the revision too",
    r"looks like the stock name",
    r"would give both",
    r"and spec\.keepNames keeps every",
)

NAMES = (
    "a", "affirmed", "blue-1", "1a", "1-20-3", "istio", "istio-blue", "default", "viewer", "kube-system", "rev", "object",
    "x" * 30, "x" * 31, "x" * 48, "x" * 49, "x" * 56, "x" * 57, "x" * 63, "x" * 64, "-a", "a-", "A", "a.b", "a_b", "a b",
    "ü", "", "123", "2020-01-01", "null", "~", "true", "ClusterRole/x", "ClusterRole/*", "Widget/*", "/x", "x/", "a/b/c",
    "Namespace/x", "PriorityClass/x", "ClusterRole/kiali",
    "clusterrole/x", "Deployment/x", "ClusterRole/view", "ClusterRole/system:a", "ClusterIssuer/view", "a/x",
)  # fmt: skip
ODD: tuple[Any, ...] = (None, True, False, 0, 30000, 32767, 29999, 32768, 3.5, -1, [], {}, [None], {"a": None}, [[]])


def anything(rng: Random, depth: int = 0) -> Any:
    """Return a value of any type."""
    chance = rng.random()
    if chance < 0.6 or depth > 2:
        return rng.choice((*NAMES, *ODD))
    if chance < 0.8:
        return [anything(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {
        rng.choice((*NAMES, "http2", "args", "env", "container")): anything(rng, depth + 1)
        for _ in range(rng.randint(0, 3))
    }


def plausible(rng: Random, key: str) -> Any:
    """Return a value of the type of the key, valid or nearly valid."""
    name = rng.choice(NAMES)
    words = {"sharedResources": ("own", "leave"), "clusterRoles": ("rename", "keep"), "gateways": ("rename", "keep")}
    if key in words:
        return rng.choice((*words[key], name, None))
    if key in ("namespace", "revision"):
        return name
    if key == "scopeGateways":
        return rng.choice((True, False, None, "true"))
    if key == "nodePorts":
        return rng.choice(("auto", "keep", None, {"http2": rng.choice((30000, 31380, 80, "30001", None))}, {}))
    if key == "citadel":
        return rng.choice(({}, None, {"alsoListen": [name]}, {"alsoListen": None}, {"listen": [name]}))
    if key == "flags":
        flag = {
            "container": name,
            "args": [rng.choice(NAMES)],
            "env": {"A": rng.choice((*NAMES, *ODD))},
            "workload": name,
        }
        return [{part: flag[part] for part in rng.sample(list(flag), rng.randint(0, 4))}]
    return [name, rng.choice((*NAMES, name))][: rng.randint(0, 2)]


def generated(rng: Random) -> dict[str, Any]:
    """Return a profile that is valid, or has one or two mistakes."""
    spec: dict[str, Any] = {"namespace": "istio-affirmed"}
    metadata: dict[str, Any] = {"name": "affirmed"}
    whole: dict[str, Any] = {
        "apiVersion": definitions.API_VERSION,
        "kind": definitions.KIND,
        "metadata": metadata,
        "spec": spec,
    }
    for _ in range(rng.randint(0, 2)):
        key = rng.choice(list(definitions.SPEC[1]))
        spec[key] = plausible(rng, key) if rng.random() < 0.8 else anything(rng)
    place, keys = rng.choice((
        (metadata, ("name",)), (metadata, ("labels", "annotations", "namespace")), (spec, ("Namespace", "workloads")),
        (whole, ("apiVersion", "kind", "status", "metadata", "spec")), (whole, ()), (whole, ()), (whole, ()),
    ))  # fmt: skip
    if keys:
        key = rng.choice(keys)
        place[key] = rng.choice(NAMES) if key == "name" and rng.random() < 0.9 else anything(rng)
    elif rng.random() < 0.2:
        del (place := rng.choice((whole, metadata, spec)))[rng.choice(list(place))]
    return whole


def verdict(text: str) -> str:
    """Return the mistakes that the program finds and that a schema could find too; empty if there are none."""
    try:
        profile.load(text, "profile.yaml")
    except MultimeshError as error:
        found = [line for line in str(error).splitlines() if line.startswith("multimesh: ")]
        return "\n".join(line for line in found if not any(re.search(sign, line) for sign in TOGETHER))
    return ""

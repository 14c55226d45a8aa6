"""Meshes of plain objects, and the findings of one check: for tests of multimesh/check."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

from program import profile

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.objects import Object
from multimesh.check.sources.manifests import parse
from multimesh.mesh.profile import Profile, load


def objects(*items: dict[str, Any], file: str = "a.yaml") -> list[Object]:
    """Return plain objects as if they were read from a file."""
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": copy.deepcopy(items)}, indent=4)
    return list(parse(content, file))


def spec(name: str = "affirmed", workloads: Iterable[str] = ("nginx-affirmed",), **more: Any) -> Profile:
    """Return a mesh profile."""
    return load(profile(name, more.pop("namespace", f"istio-{name}"), tuple(workloads), **more), f"{name}.profile")


def mesh(*items: dict[str, Any], name: str = "affirmed", profile: Profile | None = None, live: bool = False) -> Mesh:
    """Return a mesh of plain objects."""
    return Mesh(name, f"istio-{name}" if name != "the cluster" else "", objects(*items), profile, live=live)


def said(findings: Iterable[Finding]) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return id, severity, message and the resources of the sides of each finding."""
    return [(one.id, one.level, one.message, tuple(side.resource for side in one.sides)) for one in findings]


def messages(check: Callable[[Mesh], Iterable[Finding]], *items: dict[str, Any], **more: Any) -> list[str]:
    """Return the messages of a check of one mesh, all with the same id, which the test of the catalogue names."""
    return [one.message for one in check(mesh(*items, **more))]

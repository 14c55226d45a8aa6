"""The versions of other software that the tests run, which tests/versions.json lists, and the documentation too."""

from __future__ import annotations

import json
from pathlib import Path

TESTED: dict[str, list[str]] = json.loads(
    (Path(__file__).resolve().parents[1] / "versions.json").read_text(encoding="utf-8")
)

#: What the sentence in README.md names: the software in which a mesh is installed. The others only check files.
SHOWN = ("helm", "kubernetes", "kustomize", "helm-controller", "argo-cd", "helmfile")


def only(name: str) -> str:
    """Return the version of software of which one is tested."""
    [version] = TESTED[name]
    return version


def helms(major: int) -> list[str]:
    """Return the versions of one Helm, the oldest first."""
    return [version for version in TESTED["helm"] if version.startswith(f"{major}.")]

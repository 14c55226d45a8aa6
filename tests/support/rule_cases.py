"""Render small manifests through the real pipeline, for the tests of single rules."""

from __future__ import annotations

import yaml
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render

NS, MEMBER = "istio-affirmed", "nginx-affirmed"

#: A last document that no rule changes: the last one of a stream is always parsed.
END = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: end\n"


def rendered(manifest: str, *, upgrade: bool = False, **spec: object) -> str:
    """Render a manifest for mesh affirmed, whose profile has these further keys; return the rewritten text."""
    mesh = load(profile("affirmed", NS, (MEMBER,), **spec), "profile.yaml")
    mesh.upgrade = upgrade
    text = render((manifest + END).encode(), mesh).output.decode()
    return text.removesuffix(END)


def objects(manifest: str, **options: object) -> list[dict]:
    """Render a manifest, and return its objects."""
    return [one for one in yaml.safe_load_all(rendered(manifest, **options)) if one]  # type: ignore[arg-type]


def refusal(manifest: str, **options: object) -> str:
    """Render a manifest that must be refused, and return the message."""
    try:
        rendered(manifest, **options)  # type: ignore[arg-type]
    except MultimeshError as error:
        return str(error)
    raise AssertionError("it was not refused")


def stays(manifest: str, **options: object) -> bool:
    """Return whether a manifest is rendered without a change."""
    return rendered(manifest, **options) == manifest  # type: ignore[arg-type]

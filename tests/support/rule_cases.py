"""Render small manifests through the real pipeline, for the tests of single rules."""

from __future__ import annotations

import yaml
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render
from multimesh.render.rendering import Rendering

NS, MEMBER = "istio-affirmed", "nginx-affirmed"

#: A last document that no rule changes: the last one of a stream is always parsed.
END = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: end\n"


def rendering(manifest: str, *, upgrade: bool = False, **spec: object) -> Rendering:
    """Render a manifest for mesh affirmed, whose profile has these further keys."""
    mesh = load(profile("affirmed", NS, (MEMBER,), **spec), "profile.yaml")
    mesh.upgrade = upgrade
    return render((manifest + END).encode(), mesh)


def rendered(manifest: str, **options: object) -> str:
    """Render a manifest for mesh affirmed, and return the rewritten text."""
    return rendering(manifest, **options).output.decode().removesuffix(END)  # type: ignore[arg-type]


def paths(manifest: str, **options: object) -> list[str]:
    """Render a manifest, and return the field path of every edit, as in diffs and reports."""
    changed = rendering(manifest, **options).changed  # type: ignore[arg-type]
    return [path for _, _, edits in changed for edit in edits for _, path in edit.reasons]


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


def accepts(manifest: str, **options: object) -> tuple[dict[str, str], dict[str, object]]:
    """Render a manifest that must be refused, and return the profile keys and Helm values that accept it."""
    try:
        rendered(manifest, **options)
    except MultimeshError as error:
        return error.keys, error.values
    raise AssertionError("it was not refused")


def unknown_shape(place: str, what: str, rule: str) -> str:
    """Return the message for a field of an unexpected type; `place` is the line of the resource, and its title."""
    return (
        f"multimesh: <stdin>:{place}: {what}, which no rule knows [{rule}]\n"
        "  Left as it is, a stock name could slip through. Compare the chart with the stock one, or report its version."
    )


def stays(manifest: str, **options: object) -> bool:
    """Return whether a manifest is rendered without a change."""
    return rendered(manifest, **options) == manifest  # type: ignore[arg-type]


def reasons(manifest: str, **options: object) -> list[tuple[str, str]]:
    """Render a manifest, and return the rule and the path of every edit, in the order of the text."""
    changed = rendering(manifest, **options).edited  # type: ignore[arg-type]
    return [reason for _, _, edits in changed for edit in edits for reason in edit.reasons]

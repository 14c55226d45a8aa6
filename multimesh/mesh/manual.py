"""The keys of a mesh profile in words, for the table in docs/profile.md and for the commands that describe a key."""

from __future__ import annotations

from typing import Any, NamedTuple

from multimesh.mesh import schema

#: What is said about a text without a check of its own.
_ANY = "text"


class Key(NamedTuple):
    """One key: its path such as `spec.namespace`, what it may be, what it means, and whether it is required."""

    path: str
    kinds: str
    description: str
    required: bool


def keys(field: Any, path: str = "", *, required: bool = True) -> list[Key]:
    """Return every key below a field of `multimesh.mesh.definitions`."""
    found = []
    for name, (inner, description) in field[1].items():
        here = f"{path}.{name}" if path else name
        needed = required and name in field[2]
        found.append(Key(here, _may_be(inner), description, needed))
        below, suffix = (inner[1], "[]") if inner[0] == "list" else (inner, "")
        if below[0] == "fields":
            found += keys(below, here + suffix, required=needed)
    return found


def _may_be(field: Any) -> str:
    """Return in words which values a field accepts."""
    kind = field[0]
    if kind == "either":
        return " or ".join(_may_be(choice) for choice in field[1:])
    if kind == "one of":
        return " or ".join(f"`{value}`" for value in field[1])
    if kind == "list":
        return f"list of {_may_be(field[1])}"
    if kind == "map":
        names = ", ".join(f"`{name}`" for name in field[2]) if field[2:] else "names"
        return f"mapping of {names} to {_may_be(field[1])}"
    if kind == "text":
        return schema.TEXTS.get(field[1], ({}, _ANY))[1]
    return {"fields": "mapping", "switch": "`true` or `false`", "port": "node port (30000-32767)"}[kind]

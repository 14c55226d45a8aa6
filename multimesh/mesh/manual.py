"""The keys of a mesh profile in words, for the table in docs/profile.md and for the commands that describe a key."""

from __future__ import annotations

from typing import Any, NamedTuple

from multimesh.mesh import schema
from multimesh.mesh.definitions import MAX_NAMESPACE, MAX_SERVICE_PREFIX, check_mesh, check_namespace, check_revision

#: What is said about a text without a check of its own.
_ANY = "text"


#: Which names are refused, by the check that refuses them.
_REFUSED = {
    check_mesh: (
        f"Refused are {', '.join(schema.refused(check_mesh))}: default is the revision of every stock mesh, and the "
        "others would make a new name that is a stock name. Without spec.revision the name is the revision too, so it "
        "must be one that spec.revision accepts."
    ),
    check_namespace: (
        f"Refused are {', '.join(schema.refused(check_namespace))}, because stock names contain them, and names of "
        f"more than {MAX_NAMESPACE} characters. Unless spec.gateways is keep, also refused are names of more than "
        f"{MAX_SERVICE_PREFIX} characters, those that begin with a digit, and istiod, ztunnel, istio-cni and "
        "istio-operator, alone or as the first words."
    ),
    check_revision: (
        "Refused are default, which is the revision of every stock mesh, istio, which is a word of every stock name, "
        "and cni and operator, because the ConfigMap istio-REVISION of istiod would have a stock name."
    ),
}


class Key(NamedTuple):
    """One key: its path such as `spec.namespace`, what it may be, what it means, and whether it is required.

    `refused` says which names it must not hold, and is empty for most keys.
    """

    path: str
    kinds: str
    description: str
    required: bool
    refused: str = ""


def keys(field: Any, path: str = "", *, required: bool = True) -> list[Key]:
    """Return every key below a field of `multimesh.mesh.definitions`."""
    found = []
    for name, (inner, description) in field[1].items():
        here = f"{path}.{name}" if path else name
        needed = required and name in field[2]
        below, suffix = (inner[1], "[]") if inner[0] == "list" else (inner, "")
        refused = _REFUSED.get(below[1], "") if below[0] == "text" else ""
        found.append(Key(here, _may_be(inner), description, needed, refused))
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

"""The mesh profile as a JSON Schema, for editors and other validators.

The schema is made from `PROFILE` (`multimesh/mesh/definitions.py`), the definitions that validate, so the two always
agree.
It is kept as `multimesh/profile.schema.json`, which `python3 tools/docs.py` writes and a test compares.
It says what each key may hold. Contradictions between keys are found by `multimesh` only.
Its patterns have no lookaheads, which validators written in Go cannot compile (golang.org/s/re2syntax).
"""

from __future__ import annotations

import json

from multimesh.mesh.definitions import (
    API_VERSION,
    KIND,
    MAX_NAME,
    MAX_NAMESPACE,
    NAMESPACED_KINDS,
    PROFILE,
    ROLE_KINDS,
    check_account,
    check_any,
    check_kept,
    check_label,
    check_mesh,
    check_namespace,
    check_renamed,
    check_revision,
)
from multimesh.mesh.names import KUBERNETES_ROLES, MODEL_ENTRIES, NEVER_RENAMED, STOCK_NAMES
from multimesh.version import HOME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DRAFT = "http://json-schema.org/draft-07/schema#"

#: What identifies the schema. Validators compare it, and do not load it.
ID = f"{HOME}/profile.schema.json"

_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

#: The kinds for which the result is true in `names.is_never_renamed`, as a pattern.
_NEVER_RENAMED = "|".join((*NEVER_RENAMED, "[^/]*Class"))

#: What else `check_renamed` refuses, as patterns: namespaced kinds, and the roles of Kubernetes.
_NAMESPACED = "|".join(sorted(NAMESPACED_KINDS))
_OF_KUBERNETES = f"({'|'.join(ROLE_KINDS)})/({'|'.join(sorted(KUBERNETES_ROLES))}|system:.*)"


def refused(check: Callable[[str], str]) -> list[str]:
    """Return the labels that a check refuses because of the stock names: their endings, and first words of webhooks."""
    ends = {name[at + 1 :] for _, name in STOCK_NAMES for at, sign in enumerate(name) if sign == "-"}
    words = ends | {entry.partition(".")[0] for entry in MODEL_ENTRIES} | {"default", "istio"}
    return sorted(word for word in words if not check_label(word) and check(word))


#: What a check accepts: as JSON Schema, and as a phrase for the manual. Without an entry: any text.
TEXTS: dict[Callable[[str], str], tuple[dict[str, Any], str]] = {
    check_account: ({"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"}, "`namespace/name`"),
    check_any: ({"minLength": 1}, "text"),
    check_label: ({"pattern": _LABEL, "maxLength": 63}, "DNS label"),
    check_mesh: ({"pattern": _LABEL, "maxLength": MAX_NAME, "not": {"enum": refused(check_mesh)}}, "mesh name"),
    check_namespace: (
        {"pattern": _LABEL, "maxLength": MAX_NAMESPACE, "not": {"enum": refused(check_namespace)}},
        "namespace",
    ),
    check_revision: ({"pattern": _LABEL, "maxLength": 56, "not": {"enum": ["default", "istio"]}}, "revision"),
    check_kept: ({"pattern": "^[A-Za-z0-9]+/.+$"}, "`Kind/name` or `Kind/*`"),
    check_renamed: (
        {
            "pattern": "^[A-Za-z0-9]+/[^*]+$",
            "not": {"pattern": f"^(({_NEVER_RENAMED}|{_NAMESPACED})/|({_OF_KUBERNETES})$)"},
        },
        "`Kind/name`",
    ),
}


def schema() -> dict[str, Any]:
    """Return the schema of a mesh profile as plain values."""
    return {
        "$schema": DRAFT,
        "$id": ID,
        "title": KIND,
        "description": "What distinguishes one Istio mesh of a cluster from all others: multimesh explain spec",
        **of_field(PROFILE, required=True),
    }


def resource_schema() -> dict[str, Any]:
    """Return the schema of a mesh profile as validators of Kubernetes manifests keep the schemas of CRDs.

    They look a schema up by group, version and kind, so a manifest needs both `apiVersion` and `kind`.
    """
    group, _, version = API_VERSION.partition("/")
    found = schema()
    properties = {key: dict(found["properties"][key]) for key in found["properties"]}
    for key, value in (("apiVersion", API_VERSION), ("kind", KIND)):
        properties[key] |= {"type": "string", "enum": [value]}
    return {
        **found,
        "$id": f"{HOME}/{group}/{KIND.lower()}_{version}.json",
        "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": KIND}],
        "required": ["apiVersion", "kind", *found["required"]],
        "properties": properties,
    }


def text(of: dict[str, Any] | None = None) -> str:
    """Return a schema as JSON text; without one, the content of `multimesh/profile.schema.json`."""
    return json.dumps(of or schema(), indent=2, ensure_ascii=False) + "\n"


def of_field(field: Any, *, required: bool = False) -> dict[str, Any]:
    """Return the schema of one field of a profile.

    A key that may be absent may also be written without a value.
    """
    if not required:
        found = of_field(field, required=True)
        if "oneOf" in found:
            return {"oneOf": [*found["oneOf"], {"type": "null"}]}
        words = {"enum": [*found["enum"], None]} if "enum" in found else {}
        return {**found, "type": [found["type"], "null"], **words}
    kind = field[0]
    if kind == "fields":
        return {
            "type": "object",
            "additionalProperties": False,
            **({"required": list(field[2])} if field[2] else {}),
            "properties": {
                key: {"description": description, **of_field(inner, required=key in field[2])}
                for key, (inner, description) in field[1].items()
            },
        }
    if kind == "list":
        unique = {"uniqueItems": True} if field[2:] else {}
        return {"type": "array", "items": of_field(field[1], required=True), **unique}
    if kind == "map":
        of_value = of_field(field[1], required=True)
        if field[2:]:
            named = {name: {**of_value, "description": f"The value for {name}."} for name in field[2]}
            return {"type": "object", "additionalProperties": False, "properties": named}
        return {"type": "object", "additionalProperties": of_value}
    if kind == "either":
        return {"oneOf": [of_field(choice, required=True) for choice in field[1:]]}
    if kind == "one of":
        return {"type": "string", "enum": list(field[1])}
    if kind == "switch":
        return {"type": "boolean"}
    if kind == "port":
        return {"type": "integer", "minimum": 30000, "maximum": 32767}
    return {"type": "string", **TEXTS.get(field[1], ({}, ""))[0]}

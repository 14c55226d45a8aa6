"""The mesh profile as a JSON Schema, for editors and for checks that know nothing of multimesh.

The schema is made from `PROFILE` (`multimesh/profile.py`), the definitions that validate, so the two cannot part.
It is kept as `multimesh/profile.schema.json`, which `python3 tools/docs.py` writes and a test compares.
It says what one key may hold. What two keys must not say together, `multimesh` alone checks.
"""

import json

from multimesh.profile import (
    KIND,
    MAX_NAME,
    MAX_NAMESPACE,
    PROFILE,
    check_any,
    check_kept,
    check_label,
    check_mesh,
    check_namespace,
    check_renamed,
    check_revision,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DRAFT = "http://json-schema.org/draft-07/schema#"

_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

#: What a text must look like for a check to accept it, in the words of JSON Schema and in words for the manual.
#: A check that is not here accepts any text as far as an editor can tell.
TEXTS: "dict[Callable[[str], str], tuple[dict[str, Any], str]]" = {
    check_any: ({"minLength": 1}, "text"),
    check_label: ({"pattern": _LABEL, "maxLength": 63}, "DNS label"),
    check_mesh: ({"pattern": _LABEL, "maxLength": MAX_NAME, "not": {"enum": ["default"]}}, "mesh name"),
    check_namespace: ({"pattern": _LABEL, "maxLength": MAX_NAMESPACE, "not": {"enum": ["istio"]}}, "namespace"),
    check_revision: ({"pattern": _LABEL, "maxLength": 56, "not": {"enum": ["default"]}}, "revision"),
    check_kept: ({"pattern": "^[^/]+/.+$"}, "`Kind/name` or `Kind/*`"),
    check_renamed: ({"pattern": "^[^/]+/[^*]+$"}, "`Kind/name`"),
}


def schema() -> "dict[str, Any]":
    """Return the schema of a mesh profile as plain values."""
    return {
        "$schema": DRAFT,
        "title": KIND,
        "description": "What distinguishes one Istio mesh of a cluster from all others. See docs/profile.md.",
        **of_field(PROFILE, required=True),
    }


def text() -> str:
    """Return the schema as it stands in `multimesh/profile.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def of_field(field: "Any", *, required: bool = False) -> "dict[str, Any]":
    """Return the schema of one field of a profile.

    A list or mapping that may be left out may also stand there without a value.
    """
    kind = field[0]
    if kind == "fields":
        return {
            "type": _type("object", required=required),
            "additionalProperties": False,
            **({"required": list(field[2])} if field[2] else {}),
            "properties": {
                key: {"description": description, **of_field(inner, required=key in field[2])}
                for key, (inner, description) in field[1].items()
            },
        }
    if kind == "list":
        return {"type": _type("array", required=required), "items": of_field(field[1], required=True)}
    if kind == "map":
        return {"type": _type("object", required=required), "additionalProperties": of_field(field[1], required=True)}
    if kind == "either":
        return {"oneOf": [of_field(choice, required=True) for choice in field[1:]]}
    if kind == "one of":
        return {"type": "string", "enum": list(field[1])}
    if kind == "switch":
        return {"type": "boolean"}
    if kind == "port":
        return {"type": "integer", "minimum": 30000, "maximum": 32767}
    return {"type": "string", **TEXTS.get(field[1], ({}, ""))[0]}


def _type(name: str, *, required: bool) -> "str | list[str]":
    return name if required else [name, "null"]

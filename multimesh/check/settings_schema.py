"""The file .multimesh.yaml as a JSON Schema, for editors and other validators.

It is made from `SETTINGS` (`multimesh/check/settings.py`), the definitions that validate, and has the ids of findings
in addition, which are compared afterwards there.
"""

from __future__ import annotations

from typing import Any

from multimesh.check.catalogue import CATALOGUE, ERROR
from multimesh.check.settings import NAME, OPEN, SETTINGS
from multimesh.mesh.schema import DRAFT, of_field
from multimesh.version import HOME

#: What identifies the schema. Validators compare it, and do not load it.
ID = f"{HOME}/settings.schema.json"


def settings_schema() -> dict[str, Any]:
    """Return the schema of .multimesh.yaml as plain values."""
    found = of_field(SETTINGS, required=True)
    entry = found["properties"]["ignore"]["items"]["properties"]
    del entry["finding"]["minLength"]
    entry["finding"]["enum"] = [name for name in CATALOGUE if name != OPEN]
    entry["reason"]["pattern"] = "[^ \t\r\n]"
    for key in ("resource", "mesh"):
        # In a profile null means the default. Here it would ignore the findings of every resource or mesh.
        entry[key]["type"] = "string"
    severity = found["properties"]["severity"]
    level = severity["additionalProperties"]
    severity["properties"] = {name: {**level, "enum": [ERROR]} if name == OPEN else level for name in CATALOGUE}
    severity["additionalProperties"] = False
    about = "Which findings to ignore and why, and how severe others are: multimesh explain unused-ignore"
    return {"$schema": DRAFT, "$id": ID, "title": NAME, "description": about, **found}

"""Print the JSON Schema of a mesh profile or of .multimesh.yaml, for editors and validators.

- json: the schema that `multimesh/profile.schema.json` holds, for the first line of a profile;
- crd: the schema as the schemas of CRDs are kept, for `kubeconform -schema-location`;
- settings: the schema of the file `.multimesh.yaml` beside the profiles.

    multimesh schema > profile.schema.json
    multimesh schema -o crd > schemas/multimesh.dev/meshprofile_v1alpha1.json
    multimesh schema -o settings > settings.schema.json
"""

from __future__ import annotations

import argparse

from multimesh.check.settings_schema import settings_schema
from multimesh.commands.flags import add_flag
from multimesh.commands.stdio import DONE, write_text
from multimesh.mesh.schema import resource_schema, schema, text

HELP = "print the JSON Schema of a mesh profile or of .multimesh.yaml, for editors and validators"

FORMATS = {"json": schema, "crd": resource_schema, "settings": settings_schema}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    add_flag(command, "--output", "which schema", default="json", short="-o", choices=tuple(FORMATS))


def run(options: argparse.Namespace) -> int:
    """Print the schema, and return the exit code."""
    write_text(text(FORMATS[options.output]()))
    return DONE

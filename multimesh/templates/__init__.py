"""The Jinja2 templates of `values` and `namespaces`, and how they are read."""

import sys
from collections.abc import Callable
from pathlib import Path

from multimesh.errors import MultimeshError

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
except ImportError:
    raise MultimeshError(
        "",
        f"Jinja2 is not installed for {sys.executable}",
        f"Run: {sys.executable} -m pip install jinja2\nOr, in a checkout, 'make demo' and then .venv/bin/multimesh.",
    ) from None


def environment(folder: Path, **filters: Callable[[str], str]) -> Environment:
    """Return the environment that reads templates of a folder below this one; an unknown name in them is an error."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is YAML, and every name goes through a filter
    )
    found.filters.update(filters)
    return found

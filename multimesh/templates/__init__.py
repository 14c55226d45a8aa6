"""The Jinja2 templates of what commands write, and the function that loads them.

Commands write values, namespaces, policies, the directory of a new mesh (`init`) and HTML pages (`check`, `verify`).
`explain` makes the webhooks that it expects from the template of a control plane.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from multimesh.errors import MultimeshError

try:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
except ImportError:
    raise MultimeshError(
        "",
        f"Jinja2 is not installed for {sys.executable}",
        f"Run: {sys.executable} -m pip install jinja2\nOr, in a checkout, 'make demo' and then .venv/bin/multimesh.",
    ) from None


def environment(directory: Path, *, is_html: bool = False, **filters: Callable[[str], str]) -> Environment:
    """Return the Jinja2 environment for templates in a directory below this one; unknown names in them are errors.

    In HTML every value is escaped. Any other output is YAML, where each name goes through a filter.
    """
    # The package may be inside a zip archive.
    templates = files(__name__).joinpath(*directory.parts)
    found = Environment(
        loader=FunctionLoader(lambda name: templates.joinpath(name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=is_html,  # noqa: S701 - the docstring says why
    )
    found.filters.update(filters)
    return found

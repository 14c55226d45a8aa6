"""Flags of argparse whose defaults come from environment variables."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from multimesh.commands.stdio import switch, twice
from multimesh.errors import MultimeshError

#: The help of `--crds`.
CRDS_HELP = "a file or directory with CRDs: they say which kinds are cluster-scoped"


def add_flag(
    command: argparse.ArgumentParser,
    name: str,
    help_text: str,
    default: str = "",
    *,
    short: str = "",
    choices: tuple[str, ...] = (),
    metavar: str = "",
) -> None:
    """Add a flag with one value. The environment variable MULTIMESH_<FLAG>, unless it is empty, replaces the default.

    With `choices` any other value raises MultimeshError, from the command line or the environment.
    """
    variable = _variable(name)
    command.add_argument(
        *filter(None, (short, name)),
        default=os.environ.get(variable) or default,
        type=partial(_choice, name, choices) if choices else str,
        metavar=f"{{{','.join(choices)}}}" if choices else metavar,
        help=f"{help_text} ({variable})",
        action=_Once,
    )


class _Once(argparse.Action):
    """Keep the value of a flag. It raises MultimeshError for a second, different one: the first would be ignored."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Keep the value."""
        given = f"given_{self.dest}"
        if getattr(namespace, given, values) != values:
            raise twice(self.option_strings[-1])
        setattr(namespace, given, values)
        setattr(namespace, self.dest, values)


class _Joined(argparse.Action):
    """Join the values of a flag that is repeated. The first one replaces the default."""

    def __init__(self, *names: Any, separator: str, **more: Any) -> None:
        super().__init__(*names, **more)
        self.separator = separator

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Add one value."""
        given = [*getattr(namespace, f"given_{self.dest}", []), values]
        setattr(namespace, f"given_{self.dest}", given)
        setattr(namespace, self.dest, self.separator.join(given))


def add_joined(
    command: argparse.ArgumentParser, name: str, help_text: str, separator: str = os.pathsep, metavar: str = "PATH"
) -> None:
    """Add a flag that may be repeated; its value is all of them, with the separator between them, as in PATH.

    The environment variable MULTIMESH_<FLAG> holds several in the same way.
    """
    command.add_argument(
        name,
        action=_Joined,
        separator=separator,
        default=os.environ.get(_variable(name), ""),
        metavar=metavar,
        help=f"{help_text}; may be repeated ({_variable(name)}, with {separator} between several)",
    )


def add_render_flags(command: argparse.ArgumentParser) -> None:
    """Add the flags of a command that renders a stock manifest but writes something else."""
    add_flag(command, "--profile", "the mesh profile, or a directory with a profile.yaml", metavar="PATH")
    add_joined(command, "--crds", CRDS_HELP)
    add_switch(command, "--upgrade", "as for render: this is an upgrade")
    add_file_flag(command)


def render_flags(options: argparse.Namespace) -> dict[str, str]:
    """Return the flags of `add_render_flags` as `render_stdin` takes them."""
    return {
        "--profile": options.profile,
        "--crds": options.crds,
        "--upgrade": "1" if options.upgrade else "",
        "--file": options.file,
    }


def _choice(name: str, choices: tuple[str, ...], value: str) -> str:
    """Return the value if it is one of the choices, or empty. Raises MultimeshError for any other one.

    argparse calls this for a default too, if it is a string and its command is the one that runs.
    """
    if value and value not in choices:
        raise MultimeshError("", f'{name} is "{value}"', f"It may be: {', '.join(choices)}.")
    return value


def add_switch(command: argparse.ArgumentParser, name: str, help_text: str) -> None:
    """Add a switch, which the environment variable MULTIMESH_<FLAG> turns on with 1, true or yes."""
    variable = _variable(name)
    default = bool(switch(variable, os.environ.get(variable, "")))
    command.add_argument(name, action="store_true", default=default, help=f"{help_text} ({variable})")


def add_file_flag(command: argparse.ArgumentParser) -> None:
    """Add the flag that names a file to read instead of stdin."""
    add_flag(command, "--file", "read this file instead of stdin", short="-f", metavar="FILE")


def commands_of(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    [choices] = [action.choices for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(choices)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question that names the most similar word; empty if none is similar."""
    found = difflib.get_close_matches(word, known, n=1)
    return f'; did you mean "{found[0]}"?' if found else ""


def names_in(flag: str, text: str) -> list[str]:
    """Return the names in the value of a flag, which has commas between them; none if the value is empty.

    Raises MultimeshError for commas and blanks alone: they would mean everything.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if text and not names:
        raise MultimeshError("", f'{flag} is "{text}", which names nothing', "Write names with commas between them.")
    return names


def in_colour(choice: str) -> bool:
    """Return whether to use colours: `always`, `never`, or `auto`.

    `auto` means on a terminal that is not dumb, unless NO_COLOR is set and not empty (https://no-color.org).
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _variable(name: str) -> str:
    """Return the environment variable of a flag."""
    return "MULTIMESH_" + name[2:].upper().replace("-", "_")

"""Flags of argparse with their environment twins."""

import argparse
import os
from functools import partial

from multimesh.commands.stdio import switch
from multimesh.errors import MultimeshError


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
    """Add a flag with a value, whose environment twin MULTIMESH_<FLAG> is its default; an empty one is an absent one.

    With `choices` the value is one of them, wherever it comes from.
    """
    twin = _twin(name)
    command.add_argument(
        *filter(None, (short, name)),
        default=os.environ.get(twin) or default,
        type=partial(_choice, name, choices) if choices else str,
        metavar=f"{{{','.join(choices)}}}" if choices else metavar,
        help=f"{help_text} ({twin})",
    )


def _choice(name: str, choices: tuple[str, ...], value: str) -> str:
    """Take one of the choices. argparse asks for the default too, where it is a text and its command is the one that runs."""
    if value and value not in choices:
        raise MultimeshError("", f'{name} is "{value}"', f"It may be: {', '.join(choices)}.")
    return value


def add_switch(command: argparse.ArgumentParser, name: str, help_text: str) -> None:
    """Add a switch, which its environment twin turns on with 1, true or yes."""
    twin = _twin(name)
    default = bool(switch(twin, os.environ.get(twin, "")))
    command.add_argument(name, action="store_true", default=default, help=f"{help_text} ({twin})")


def _twin(name: str) -> str:
    return "MULTIMESH_" + name[2:].upper().replace("-", "_")

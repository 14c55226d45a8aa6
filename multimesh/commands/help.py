"""Print the help of multimesh, or of one command, as `--help` does."""

from __future__ import annotations

import argparse

from multimesh.commands.flags import commands_of, nearest
from multimesh.commands.render import RENDER_HELP
from multimesh.commands.stdio import DONE, write_text
from multimesh.errors import MultimeshError

HELP = "print the help of multimesh, or of one command"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the argument of the command."""
    command.add_argument("topic", nargs="?", metavar="COMMAND", help="the command to print the help of")


def run(options: argparse.Namespace) -> int:
    """Print the help, and return the exit code."""
    commands = commands_of(options.parser)
    if options.topic is None:
        write_text(options.parser.format_help())
    elif options.topic == "render":
        write_text(RENDER_HELP)
    elif options.topic in commands:
        write_text(commands[options.topic].format_help())
    else:
        near = nearest(options.topic, commands)
        raise MultimeshError("", f'there is no command "{options.topic}"{near}', "See 'multimesh help'.")
    return DONE

"""Parse the command line with argparse, and run the command that it names.

A command module has `HELP`, `add_arguments(parser)` and `run(options)`, which returns the exit code.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from multimesh.commands.flags import commands_of, nearest
from multimesh.commands.render import RENDER_HELP, post_render
from multimesh.commands.stdio import DONE, FAILED, empty, write_text
from multimesh.errors import MultimeshError
from multimesh.version import __version__

#: The commands that use argparse, in the order of the manual.
COMMANDS = ("init", "diff", "patches", "values", "namespaces", "policies", "check", "verify", "explain", "schema")

#: Commands about the program itself, which have no flags.
ABOUT = ("completion", "help", "plugin-dir", "version")

#: The values that must not be empty, by how the help calls them: paths, and others that would mean everything.
PATHS, OTHERS = ("PATH", "FILE", "DIRECTORY", "MANIFEST"), ("NAME", "NS", "KIND", "A,B", "V", "SECONDS", "PREFIX")

#: What `--version` and `version` print.
VERSION = f"multimesh {__version__}"

EPILOG = """\
Every flag can be set by an environment variable, MULTIMESH_<FLAG>. Exit codes: 0 done, 1 findings, 2 failed.
charts-values/affirmed/profile.yaml is an example profile; the README says how to use multimesh with Helm.
"""

#: What to do about a call without a command. Helm 3 runs the console script so, if it is the post-renderer.
NO_COMMAND = """\
See 'multimesh help'. As the post-renderer of Helm 3, write the command first:
--post-renderer multimesh --post-renderer-args=render --post-renderer-args=--profile=PATH"""


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 findings, 2 failed.

    `argv` defaults to `sys.argv[1:]`.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] == "render":
        return post_render(arguments[1:])
    return run(arguments)


class _Parser(argparse.ArgumentParser):
    """A parser that writes as all commands do, and raises usage errors as MultimeshError.

    As with `render`, flags are written in full: a new flag would change what an abbreviation means.
    """

    def __init__(self, **named: Any) -> None:
        named["allow_abbrev"] = False
        super().__init__(**named)

    def _print_message(self, message: str, file: object = None) -> None:
        write_text(message)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> object:
        """Return the values of what was typed, and not those of defaults. Raises MultimeshError for an empty one."""
        if action.metavar in (*PATHS, *OTHERS) and "" in arg_strings:
            what = "path" if action.metavar in PATHS else "value"
            raise empty(action.option_strings[-1] if action.option_strings else str(action.metavar), what)
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise MultimeshError("", message, f"See '{self.prog} --help'.")


def run(arguments: list[str]) -> int:
    """Run the command that the arguments name, and return its exit code."""
    try:
        options = _options(arguments)
        if options.command == "render":
            write_text(RENDER_HELP)
            return DONE
        code: int = _module(options.command).run(options)
    except MultimeshError as error:
        if sys.stderr is not None:
            sys.stderr.write(f"{error}\n")
        return FAILED
    return code


def _module(command: str) -> ModuleType:
    """Return the module of a command."""
    return import_module(f"multimesh.commands.{command.replace('-', '_')}")


def _options(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments. Words may be between flags, which argparse alone does not accept.

    Raises MultimeshError for a command or flag that does not exist, with the nearest one.
    """
    top = parser()
    commands = commands_of(top)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in top._option_string_actions):
        raise MultimeshError("", "no command is given", NO_COMMAND)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in commands:
        raise MultimeshError(
            "", f'there is no command "{arguments[0]}"{nearest(arguments[0], commands)}', "See 'multimesh help'."
        )
    options, rest = top.parse_known_args(arguments)
    words = getattr(options, "files", None) or getattr(options, "subject", None)
    if "" in rest and getattr(options, "files", None):
        raise empty("FILE")
    if rest and words is not None and not any(item.startswith("-") and item != "-" for item in rest):
        words += rest
    elif rest:
        command = commands[options.command]
        flag = next((item.partition("=")[0] for item in rest if item.startswith("-")), "")
        near = nearest(flag, command._option_string_actions) if flag.startswith("--") else ""
        command.error(f"unrecognized arguments: {' '.join(rest)}{near}")
    return options


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(
        prog="multimesh",
        description="Run several independent Istio meshes in one Kubernetes cluster: a Helm post-renderer.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # For the commands that describe all commands.
    top.set_defaults(parser=top)
    top.add_argument("--version", action="version", version=VERSION)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    commands.add_parser(
        "render", help="rewrite a rendered chart: what Helm runs as a post-renderer", add_help=False
    ).add_argument("--help", "-h", action="store_true")
    for name in (*COMMANDS, *ABOUT):
        module = _module(name)
        command = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
    return top

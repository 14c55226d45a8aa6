"""Print a script with which a shell completes the commands and flags of multimesh.

Write it to a file that your shell reads at its start:

    multimesh completion bash > /etc/bash_completion.d/multimesh
    multimesh completion zsh > "${fpath[1]}/_multimesh"
    multimesh completion fish > ~/.config/fish/completions/multimesh.fish
"""

from __future__ import annotations

import argparse

from multimesh.commands.stdio import DONE, write_text
from multimesh.errors import MultimeshError

HELP = "print a script that completes commands and flags in a shell"

SHELLS = ("bash", "zsh", "fish")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the argument of the command."""
    command.add_argument("shell", metavar="SHELL", help=f"the shell: {', '.join(SHELLS)}")


def run(options: argparse.Namespace) -> int:
    """Print the script, and return the exit code."""
    if options.shell not in SHELLS:
        raise MultimeshError("", f'the shell is "{options.shell}"', f"It may be: {', '.join(SHELLS)}.")
    try:
        import shtab
    except ImportError:
        raise MultimeshError(
            "", "the package shtab is not installed", "Run: python3 -m pip install shtab, or install multimesh by pip."
        ) from None
    write_text(f"{shtab.complete(options.parser, shell=options.shell).rstrip()}\n")
    return DONE

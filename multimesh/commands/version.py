"""Print the version of multimesh."""

from __future__ import annotations

import argparse

from multimesh.commands.stdio import DONE, write_text
from multimesh.version import __version__

HELP = "print the version"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no flags."""


def run(options: argparse.Namespace) -> int:
    """Print the version, and return the exit code."""
    write_text(f"multimesh {__version__}\n")
    return DONE

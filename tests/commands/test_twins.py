"""Every flag of every command has an environment variable, MULTIMESH_<FLAG>, which allows the same values."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest
from pages import ROOT

from multimesh.cli import COMMANDS, _options, parser

#: The words that a command requires beside its flags.
WORDS = {"init": ("green", "nowhere/green"), "explain": ("namespace", "web")}

#: Flags with several values, whose twins have a separator between them.
LISTS = ("--profile", "--file")

#: The kinds of flags.
SWITCH, VALUE, CHOICE = "switch", "value", "choice"


def flags() -> list[tuple[str, str, str]]:
    """Return command, flag and kind of every flag, from argparse."""
    (commands,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    found = []
    for name in COMMANDS:
        for action in commands.choices[name]._actions:
            if action.option_strings and "--help" not in action.option_strings:
                long = next(text for text in action.option_strings if text.startswith("--"))
                sort = SWITCH if action.nargs == 0 else CHOICE if "{" in str(action.metavar) else VALUE
                found.append((name, long, sort))
    return found


def twin(flag: str) -> str:
    """Return the variable of a flag."""
    return "MULTIMESH_" + flag[2:].upper().replace("-", "_")


def read(monkeypatch: pytest.MonkeyPatch, command: str, flag: str, value: str | None, *more: str) -> object:
    """Return how a command ends with this value of a variable; None leaves it unset."""
    for name in [name for name in os.environ if name.startswith("MULTIMESH_")]:
        monkeypatch.delenv(name)
    if value is not None:
        monkeypatch.setenv(twin(flag), value)
    return getattr(_options([command, *WORDS.get(command, ()), *more]), flag[2:].replace("-", "_"))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MULTIMESH_")} | environment
    command = [sys.executable, "-m", "multimesh", *arguments]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, cwd=ROOT, check=False, stdin=subprocess.DEVNULL
    )


FLAGS = flags()


def test_there_are_flags_of_every_sort():
    """The list of flags is not empty, and every flag has a long form."""
    assert {(command, sort) for command, _, sort in FLAGS} >= {("check", SWITCH), ("check", VALUE), ("check", CHOICE)}
    assert {command for command, _, _ in FLAGS} == set(COMMANDS)


@pytest.mark.parametrize(("command", "flag", "sort"), FLAGS)
def test_the_help_names_the_twin(command, flag, sort):
    """It is next to the flag."""
    assert twin(flag) in " ".join(run(command, "--help").stdout.split()), sort


@pytest.mark.parametrize(("command", "flag"), [item[:2] for item in FLAGS if item[2] == SWITCH])
def test_a_switch_is_on_and_off_by_its_words(monkeypatch, command, flag):
    """The words are 1, true, yes; 0, false, no or empty, in any case; the flag turns it on for every value of the variable."""
    for value in ("1", "true", "yes", "TRUE", "Yes"):
        assert read(monkeypatch, command, flag, value) is True, value
    for value in ("0", "false", "no", "", "False", "NO", None):
        assert read(monkeypatch, command, flag, value) is False, value
        assert read(monkeypatch, command, flag, value, flag) is True, value
    done = run(command, **{twin(flag): "maybe"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'multimesh: {twin(flag)} is "maybe"\n  A switch is 1, true, yes, or 0, false, no.\n'


@pytest.mark.parametrize(("command", "flag"), [item[:2] for item in FLAGS if item[2] == VALUE and item[1] not in LISTS])
def test_a_value_is_taken_from_the_twin_and_the_flag_beats_it(monkeypatch, command, flag):
    """An empty variable is the same as an absent one."""
    assert read(monkeypatch, command, flag, "17") == "17"
    assert read(monkeypatch, command, flag, "17", f"{flag}=18") == "18"
    assert read(monkeypatch, command, flag, "") == read(monkeypatch, command, flag, None)


@pytest.mark.parametrize(("command", "flag"), [item[:2] for item in FLAGS if item[2] == CHOICE])
def test_a_choice_is_held_to_what_there_is(monkeypatch, command, flag):
    """Any other word is an error, on the command line and in the variable, and never replaced with the default."""
    for name, value in (("variable", {twin(flag): "blah"}), ("flag", {})):
        more = [f"{flag}=blah"] if name == "flag" else []
        done = run(command, *more, **value)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert done.stderr.startswith(f'multimesh: {flag} is "blah"\n  It may be: '), (name, done.stderr)
        assert len(done.stderr.splitlines()) == 2
    for value in done.stderr.splitlines()[1].removeprefix("  It may be: ").rstrip(".").split(", "):
        assert read(monkeypatch, command, flag, value) == value
        assert read(monkeypatch, command, flag, "blah", f"{flag}={value}") == value
    assert read(monkeypatch, command, flag, "") == read(monkeypatch, command, flag, None)


def test_a_choice_of_another_command_is_nobody_s_business():
    """The command `values`, say, ignores variables for the format of findings."""
    done = run("values", "--profile=charts-values/blue", "--chart=base", MULTIMESH_SEVERITY="blah")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", [command for command, flag, _ in FLAGS if flag == "--profile"])
def test_every_command_takes_its_profile_from_the_twin(command):
    """The message has the path, so the variable was read."""
    more = ["--chart=base"] if command == "values" else WORDS.get(command, ())
    done = run(command, *more, MULTIMESH_PROFILE="no/such")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{ROOT}/no/such" in done.stderr or "is empty" in done.stderr


def test_check_takes_several_profiles_from_the_twin():
    """The separator is that of PATH."""
    both = os.pathsep.join(("charts-values/affirmed", "charts-values/blue"))
    done = run("check", MULTIMESH_PROFILE=both)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 meshes: nothing found\n", "")

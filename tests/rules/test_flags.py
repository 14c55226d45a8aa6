"""The rule flags: flags and environment variables that the profile sets on containers."""

from __future__ import annotations

import pytest
from rule_cases import objects, paths, refusal, rendered, stays, unknown_shape

WORKLOAD = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: telemetry
spec:
  template:
    spec:
      {group}:
      - name: mixer
{body}      - name: other
        args: [--level=1]
"""

CONTAINER = "spec/template/spec/containers/[name=mixer]"


def workload(*lines: str, kind: str = "Deployment", group: str = "containers") -> str:
    """Write a workload whose first container has these further lines."""
    return WORKLOAD.format(kind=kind, group=group, body="".join(f"        {line}\n" for line in lines))


def setting(*args: str, env: dict[str, str] | None = None, **more: str) -> dict[str, object]:
    """Write what a profile says about the container mixer."""
    return {"flags": [{"container": "mixer", **more, "args": list(args), "env": env or {}}]}


def container(text: str, *args: str, **more: object) -> dict:
    """Return the container that the profile names, rendered."""
    return objects(text, **setting(*args, **more))[0]["spec"]["template"]["spec"]["containers"][0]  # type: ignore[arg-type]


# Flags.


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
@pytest.mark.parametrize("group", ["containers", "initContainers"])
def test_a_flag_is_replaced_or_appended(kind: str, group: str):
    """In the container of this name only."""
    text = workload("args: [mixer, --level=1]", kind=kind, group=group)
    assert rendered(text, **setting("--level=2")) == text.replace("level=1", "level=2", 1)
    assert rendered(text, **setting("--log=2")) == text.replace("level=1]", 'level=1, "--log=2"]', 1)


@pytest.mark.parametrize(
    ("args", "wanted", "expected"),
    [
        (["--level=1", "--b"], ["--level=2"], ["--level=2", "--b"]),
        (["--level=1", "--b"], ["--level", "2"], ["--level=2", "--b"]),
        (["--level=1", "b"], ["--level"], ["--level", "b"]),
        (["--level=1", "b"], ["--level=2"], ["--level=2", "b"]),
        (["--level=1"], ["--level=2", "c"], ["--level=2", "c"]),
        (["--level", "1"], ["--level=2"], ["--level", "2"]),
        (["--level", "1", "--b"], ["--level", "2"], ["--level", "2", "--b"]),
        (["--level", "1", "--b"], ["--level="], ["--level", "", "--b"]),
        (["--level", "1"], ["--level"], ["--level", "1"]),
        (["--level", "--b"], ["--level=2"], ["--level=2", "--b"]),
        (["--level", "-X"], ["--level=2"], ["--level=2", "-X"]),
        (["--b", "--level"], ["--level=2"], ["--b", "--level=2"]),
        (["--level2=1", "x--level=1"], ["--level=2"], ["--level2=1", "x--level=1", "--level=2"]),
        (["run", "x"], ["run"], ["run", "x"]),
        (["run", "x"], ["run=1"], ["run=1", "x"]),
        (["run=0", "x"], ["run", "x"], ["run", "x"]),
        (["--b"], ["--level", "2", "--c"], ["--b", "--level", "2", "--c"]),
        (["--b"], ["--level=2", "c"], ["--b", "--level=2", "c"]),
        (["--b", "--c"], ["--level", "2", "--b", "--c", "3"], ["--b", "--c=3", "--level", "2"]),
        (["c"], ["--b", "a", "c"], ["c", "--b", "a"]),
        ([], ["--level", "2"], ["--level", "2"]),
    ],
)
def test_a_flag_has_one_form_or_the_other(args: list[str], wanted: list[str], expected: list[str]):
    """The form of the chart stays. A switch has no value: the flag after it stays."""
    assert container(workload(f"args: {args}"), *wanted)["args"] == expected


@pytest.mark.parametrize("value", ["-", "-.5s", *(f"-{digit}" for digit in range(10))])
def test_a_number_is_a_value(value: str):
    """So is a dash alone, which means stdin; in the chart as in the profile."""
    assert container(workload(f"args: [--level, '{value}']"), "--level", "a")["args"] == ["--level", "a"]
    assert container(workload("args: [--level, a]"), "--level", value)["args"] == ["--level", value]


def test_flags_of_command_and_args_are_one_list():
    """A container reads both; a new flag comes last."""
    text = workload("args: [--b=1]", "command: [run, --a=1]")
    found = container(text, "--a=2", "--b=2", "--c=2")
    assert (found["command"], found["args"]) == (["run", "--a=2"], ["--b=2", "--c=2"])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("args: [mixer, --, x]", 'holds "--", after which no flag is read, so --log cannot be appended'),
        ("args: [sh, -c, mixer]", 'runs a script with "sh -c", so --log cannot be appended'),
    ],
)
def test_a_flag_that_would_have_no_effect_is_refused(line: str, what: str):
    """Any other word is appended."""
    message = refusal(workload(line), **setting("--log=2"))
    assert message == unknown_shape("1: Deployment/telemetry", f"{CONTAINER}/args {what}", "flags")
    assert container(workload(line), "word")["args"][-1] == "word"


def test_without_args_a_flag_is_appended_to_the_command():
    """Args that are added would do the same, but the command shows what runs."""
    text = workload("command: [run]")
    assert "args" not in container(text, "--a", "1")
    assert container(text, "--a", "1")["command"] == ["run", "--a", "1"]


def test_a_container_without_a_command_gets_args():
    """Its image has the command."""
    assert container(workload("image: mixer"), "--a", "1", "--b=2")["args"] == ["--a", "1", "--b=2"]


def test_edits_name_the_list_and_the_flag():
    """As `diff` and reports show them."""
    assert paths(workload("args: [--a=1]"), **setting("--a=2", "--b")) == [f"{CONTAINER}/args/--a", f"{CONTAINER}/args"]
    assert paths(workload("command: [--a, b]"), **setting("--a=2")) == [f"{CONTAINER}/command/--a"]
    assert paths(workload("image: a"), **setting("--a=2")) == [f"{CONTAINER}/args"]


# Environment variables.


def test_a_variable_is_replaced_or_appended():
    """Flags and variables are independent of each other."""
    text = workload("env:", "- name: LEVEL", '  value: "1"', "args: [a]")
    found = container(text, "--b", env={"LEVEL": "2", "LOG": "3"})
    assert found["env"] == [{"name": "LEVEL", "value": "2"}, {"name": "LOG", "value": "3"}]
    assert found["args"] == ["a", "--b"]
    assert container(workload("image: a"), env={"LOG": "3"})["env"] == [{"name": "LOG", "value": "3"}]


def test_a_setting_may_have_flags_or_variables_alone():
    """Each of the two keys of the profile may be absent."""
    text = workload("args: [a]")
    assert "- b" not in rendered(text, flags=[{"container": "mixer"}])
    assert 'a, "--b"]' in rendered(text, flags=[{"container": "mixer", "args": ["--b"]}])
    assert "LOG" in rendered(text, flags=[{"container": "mixer", "env": {"LOG": "b"}}])


# What stays.


def test_a_workload_can_be_named():
    """The settings after that of another workload apply."""
    text = workload("args: [--level=1]")
    wanted = setting("--level=2", workload="galley")["flags"] + setting("--level=3", workload="telemetry")["flags"]  # type: ignore[operator]
    assert rendered(text, flags=wanted) == text.replace("level=1", "level=3", 1)


@pytest.mark.parametrize("more", [{"workload": "galley"}, {"container": "telemetry"}])
def test_another_workload_or_container_stays(more: dict[str, str]):
    """Both names must be those of the profile."""
    assert stays(workload("args: [--level=1]"), **setting("--level=2", **more))


def test_other_kinds_stay():
    """No chart of Istio has another kind of workload with a control plane."""
    assert stays(workload("args: [--level=1]", kind="StatefulSet"), **setting("--level=2"))


def test_without_settings_nothing_changes():
    """And nothing is refused."""
    assert stays(workload("args: none"))


# What is refused.


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["args: none"], f"{CONTAINER}/args is not a list"),
        (["command: none"], f"{CONTAINER}/command is not a list"),
        (["args: [--a=1, --a=2]"], f"{CONTAINER}/args holds --a twice"),
        (["args: [--a=1]", "command: [--a, b]"], f"{CONTAINER}/args holds --a twice"),
        (["env: [{name: A, valueFrom: {}}]"], f"{CONTAINER}/env/[name=A] has valueFrom"),
    ],
)
def test_another_shape_is_refused(lines: list[str], what: str):
    """Which of two flags counts is a matter of the program."""
    text = workload(*lines)
    assert refusal(text, **setting("--a=2", env={"A": "b"})) == unknown_shape("1: Deployment/telemetry", what, "flags")


def test_a_container_whose_name_is_not_text_is_refused():
    """It could be the one of the profile."""
    assert "name is not text" in refusal(workload().replace("mixer", "[mixer]"), **setting("--a"))


def test_what_another_rule_sets_must_not_be_set_here():
    """The flag would be there twice."""
    text = workload("args: []").replace("telemetry", "istio-citadel").replace("mixer", "citadel")
    wanted = [{"container": "citadel", "args": ["--listened-namespaces=a"]}]
    assert refusal(text, flags=wanted) == (
        "multimesh: <stdin>:1: Deployment/istio-citadel: spec/template/spec/containers/[name=citadel]/args would hold "
        '"--listened-namespaces" twice, with different values [flags]\n'
        "  A flag or variable that a rule sets must not be set in spec.flags of the profile as well."
    )

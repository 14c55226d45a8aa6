"""Flags and environment variables of containers: found by name, set, and refused if a field has an unexpected type."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from multimesh.kubernetes.containers import (
    append_flag,
    container,
    flag,
    flag_list,
    set_flag,
    set_variable,
    variable,
    variables,
    words_of,
)
from multimesh.kubernetes.resources import Resource, resources
from multimesh.yamltext.edits import Text, applied
from multimesh.yamltext.fieldpath import BadShape, get

PATH = "spec/template/spec/containers"
HEAD = "kind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    spec:\n"


def deployment(body: str, init: str = "") -> Resource:
    """Return a Deployment with one container that has these lines, and further ones before it."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    text = f"{HEAD}{init}      containers:\n      - name: c\n{lines}"
    (resource,) = resources(Text(text), "some-rule")
    return resource


def result(resource: Resource) -> str:
    """Return the planned edits as lines of the container, without their indentation."""
    new = applied(resource.text.text, resource.text.planned())
    return "".join(line.removeprefix("        ") for line in new.partition("- name: c\n")[2].splitlines(keepends=True))


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(BadShape) as error:
        call()
    return error.value.path, error.value.what


# --- containers ----------------------------------------------------------------------------------


def test_a_container_is_found_by_its_name() -> None:
    resource = deployment("image: x", "      initContainers:\n      - name: i\n")
    assert [container(resource, name)[0] for name in ("c", "i")] == [
        f"{PATH}/[name=c]", "spec/template/spec/initContainers/[name=i]",
    ]  # fmt: skip
    node = container(resource, "c")[1]
    assert get(node, "image").value == "x"


def test_an_absent_container_is_refused() -> None:
    assert refused(lambda: container(deployment("image: x"), "d")) == (PATH, "has no container d")


def test_two_containers_of_one_name_are_refused() -> None:
    resource = deployment("image: x", "      initContainers:\n      - name: c\n")
    assert refused(lambda: container(resource, "c")) == (PATH, "has the container c more than once")


# --- the list of flags ---------------------------------------------------------------------------


def flags_of(body: str, subcommand: str = "") -> tuple[str, list[str]]:
    path, node = flag_list("p", container(deployment(body), "c")[1], subcommand=subcommand)
    return path, [item.value for item in node.value]


def test_flags_are_in_args() -> None:
    assert flags_of("args: [a]") == ("p/args", ["a"])


def test_flags_are_read_in_command_and_args_together_and_appended_to_the_last() -> None:
    """A container gets its command first, then its args, in whichever order a chart writes them."""
    assert flags_of("args: [a]\ncommand: [b]") == ("p/args", ["b", "a"])


def test_with_a_subcommand_flags_are_in_the_list_that_contains_it() -> None:
    assert flags_of("command: [galley, server]\nargs: [a]", "server") == ("p/args", ["galley", "server", "a"])
    assert flags_of("command: [galley]\nargs: [server, a]", "server") == ("p/args", ["galley", "server", "a"])
    assert flags_of("args: [server]", "server") == ("p/args", ["server"])
    assert flags_of("command: [server]\nargs: [server]", "server") == ("p/args", ["server", "server"])
    assert flags_of("command: [[server], server]", "server")[0] == "p/command"


def test_without_a_list_of_flags_the_container_is_refused() -> None:
    node = container(deployment("command: [a, [server], servers]"), "c")[1]
    assert refused(lambda: flag_list("p", node)) == ("p", "has no args")
    assert refused(lambda: flag_list("p", node, subcommand="server")) == ("p", "has no list with the subcommand server")


@pytest.mark.parametrize(("key", "subcommand"), [("args", ""), ("args", "server"), ("command", "server")])
def test_flags_that_are_not_a_list_are_refused(key: str, subcommand: str) -> None:
    node = container(deployment(f"{key}: server"), "c")[1]
    assert refused(lambda: flag_list("p", node, subcommand=subcommand)) == (f"p/{key}", "is not a list")


# --- flags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("[x, --a=b, y]", ("b", "--a=b", True)),
        ("[--a=]", ("", "--a=", True)),
        ("[--a=b=c]", ("b=c", "--a=b=c", True)),
        ("[--a, b, y]", ("b", "b", False)),
        ("[[--a=b], --a=c]", ("c", "--a=c", True)),
        ("[--ab=c, x--a=b, --A=b]", None),
        ("[]", None),
    ],
)
def test_a_flag_is_found_in_both_forms(args: str, expected: tuple[str, str, bool] | None) -> None:
    flags = flag_list("p", container(deployment(f"args: {args}"), "c")[1])[1]
    found = flag("p", flags, "--a")
    assert (None if found is None else (found[0], found[1].value, found[2])) == expected


@pytest.mark.parametrize("args", ["[--a=b, --a=b]", "[--a=b, --a, c]", "[--a, c, --a=b]", "[--a, b, --a, b]"])
def test_a_flag_that_is_given_twice_is_refused(args: str) -> None:
    flags = flag_list("p", container(deployment(f"args: {args}"), "c")[1])[1]
    assert refused(lambda: flag("p", flags, "--a")) == ("p", "holds --a twice")


@pytest.mark.parametrize("args", ["[--a]", "[x, --a]", "[--a, [b]]"])
def test_a_flag_without_a_value_is_refused(args: str) -> None:
    flags = flag_list("p", container(deployment(f"args: {args}"), "c")[1])[1]
    assert refused(lambda: flag("p", flags, "--a")) == ("p", "ends in --a without a value")


@pytest.mark.parametrize(
    ("args", "new", "path"),
    [
        ("[x, --a=b]", "[x, --a=z]", "p/--a"),
        ("[--a, b, y]", "[--a, z, y]", "p/--a"),
        ("[x]", "[x, --a=z]", "p"),
    ],
)
def test_a_flag_is_replaced_or_appended(args: str, new: str, path: str) -> None:
    resource = deployment(f"args: {args}")
    set_flag(resource, "p", flag_list("p", container(resource, "c")[1])[1], "--a", "z")
    (edit,) = resource.text.planned()
    assert [*edit.reasons] == [("some-rule", path)]
    assert result(resource).replace('"', "") == f"args: {new}\n"


def test_no_flag_is_appended_after_the_end_of_the_flags() -> None:
    resource = deployment("command: [x, --]\nargs: [y]")
    flags = flag_list("p", container(resource, "c")[1])[1]
    assert refused(lambda: set_flag(resource, "p", flags, "--a", "z")) == (
        "p", 'holds "--", after which no flag is read, so --a cannot be appended',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('command: [sh, -c]\nargs: ["exec x --b"]', 'runs a script with "sh -c", so --a cannot be appended'),
        ('command: [/bin/bash, -ec, "exec x"]', 'runs a script with "/bin/bash -ec", so --a cannot be appended'),
        ("command: [x]\nargs: [--, --a=b]", 'holds "--", after which no flag is read, so --a cannot be appended'),
        ('args: ["--b --a=c"]', "holds --a inside another word"),
        ('args: ["--b --a"]', "holds --a inside another word"),
    ],
)
def test_no_flag_is_appended_where_it_would_have_no_effect(body: str, what: str) -> None:
    resource = deployment(body)
    path, flags = words_of("p", container(resource, "c")[1])
    assert refused(lambda: append_flag(resource, path, flags, ["--a=z"])) == (path, what)


@pytest.mark.parametrize(
    "body", ["command: [sh, x.sh]", "args: [x, -c, sh]", 'args: ["--b --abc=c"]', "args: [-sh, -c]"]
)
def test_what_looks_like_a_script_gets_the_flag(body: str) -> None:
    resource = deployment(body)
    path, flags = words_of("p", container(resource, "c")[1])
    append_flag(resource, path, flags, ["--a", "z"])
    assert len(resource.text.planned()) == 1


# --- environment variables -----------------------------------------------------------------------

ENV = "env:\n- name: A\n  value: x\n- name: B\n  valueFrom: {fieldRef: {fieldPath: y}}\n- name: C\n- word\n- {value: n}"


def test_variables_are_found_by_name() -> None:
    node = container(deployment(ENV), "c")[1]
    found = variables("p", node, "C", "A", "Z")
    assert {name: path for name, (path, _) in found.items()} == {"A": "p/env/[name=A]", "C": "p/env/[name=C]"}
    assert get(found["A"][1], "value").value == "x"
    assert variables("p", node) == {}
    assert variable("p", node, "Z") is None
    assert variable("p", node, "A") == found["A"]


def test_a_container_without_variables_has_none() -> None:
    assert variables("p", container(deployment("image: x"), "c")[1], "A") == {}


def test_variables_that_are_not_a_list_are_refused() -> None:
    node = container(deployment("env: {A: x}"), "c")[1]
    assert refused(lambda: variables("p", node, "A")) == ("p/env", "is not a list")


def test_a_variable_that_is_present_twice_is_refused() -> None:
    node = container(deployment("env: [{name: A}, {name: B}, {name: B}]"), "c")[1]
    assert refused(lambda: variables("p", node, "A", "B")) == ("p/env", "holds B twice")
    assert list(variables("p", node, "A")) == ["A"]


@pytest.mark.parametrize(
    ("body", "new", "path"),
    [
        ("env:\n- name: A\n  value: x\n", "env:\n- name: A\n  value: z\n", "p/env/[name=A]/value"),
        ("env:\n- name: A\n", "env:\n- name: A\n  value: z\n", "p/env/[name=A]/value"),
        ("env:\n- name: A\n  value:\n", "env:\n- name: A\n  value: z\n", "p/env/[name=A]/value"),
        ("env:\n- name: B\n", "env:\n- name: B\n- name: A\n  value: z\n", "p/env/[name=A]"),
        ("image: x\n", "image: x\nenv:\n- name: A\n  value: z\n", "p/env/[name=A]"),
    ],
)
def test_a_variable_is_replaced_or_appended(body: str, new: str, path: str) -> None:
    resource = deployment(body)
    set_variable(resource, "p", container(resource, "c")[1], "A", "z")
    (edit,) = resource.text.planned()
    assert [*edit.reasons] == [("some-rule", path)]
    assert result(resource).replace('"', "") == new


def test_a_variable_with_a_reference_is_refused() -> None:
    resource = deployment(ENV)
    call = lambda: set_variable(resource, "p", container(resource, "c")[1], "B", "z")  # noqa: E731
    assert refused(call) == ("p/env/[name=B]", "has valueFrom")

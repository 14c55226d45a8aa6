"""Flags that rules read: found in `command` and in `args`, in both forms, and the last one counts."""

from __future__ import annotations

from typing import Any

import pytest
from rule_cases import NS, objects, refusal, rendered

GATEWAY = "istio-ingressgateway"
OURS = f"{NS}-ingressgateway"


def deployment(name: str, container: str, body: str) -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {NS}\n"
        "  labels: {chart: a, heritage: Helm}\n"
        f"spec:\n  template:\n    spec:\n      containers:\n      - name: {container}\n        {body}\n"
    )


def words(manifest: str) -> list[str]:
    """Return the words that the container of a rendered Deployment reads, in its order."""
    (found,) = objects(manifest)
    container: dict[str, Any] = found["spec"]["template"]["spec"]["containers"][0]
    return container.get("command", []) + container.get("args", [])


FORMS = pytest.mark.parametrize(
    "body",
    [
        "args: [{0}={1}]",
        "args: [{0}, {1}]",
        "command: [x, {0}={1}]",
        "command: [x, {0}, {1}]",
        "command: [x, {0}={1}]\n        args: [y]",
        "command: [x, {0}]\n        args: [{1}]",
        "args: [y]\n        command: [x, {0}, {1}]",
        "command: [{0}={1}]\n        args: [{0}, {1}]",
        "args: [{0}={1}, {0}={1}]",
    ],
)


@FORMS
def test_a_gateway_names_its_own_cluster_wherever_the_flag_is(body: str) -> None:
    manifest = deployment(GATEWAY, "istio-proxy", body.format("--serviceCluster", GATEWAY))
    new = deployment(OURS, "istio-proxy", body.format("--serviceCluster", OURS))
    assert rendered(manifest) == new
    assert rendered(new) == new


@FORMS
def test_galley_names_its_own_configuration_wherever_the_flag_is(body: str) -> None:
    body = body.replace("command: [", "command: [server, ")
    body = body if "server" in body else body.replace("args: [", "args: [server, ")
    manifest = deployment("istio-galley", "galley", body.format("--webhook-name", "istio-galley"))
    new = deployment("istio-galley", "galley", body.format("--webhook-name", f"{NS}-galley"))
    assert rendered(manifest) == new
    assert rendered(new) == new


def test_a_flag_is_appended_after_what_the_chart_writes() -> None:
    body = "command: [server, --a]\n        args: [b]"
    assert words(deployment("istio-galley", "galley", body)) == ["server", "--a", "b", f"--webhook-name={NS}-galley"]
    assert words(deployment("istio-galley", "galley", "command: [server]")) == ["server", f"--webhook-name={NS}-galley"]


def test_a_flag_of_another_mesh_that_counts_is_refused() -> None:
    body = "command: [server, --webhook-name=istio-galley]\n        args: [--webhook-name=istio-blue-galley]"
    assert '--webhook-name="istio-blue-galley"' in refusal(deployment("istio-galley", "galley", body))


def test_a_value_in_base64_is_refused() -> None:
    body = "args: [server, !!binary LS13ZWJob29rLW5hbWU9aXN0aW8tZ2FsbGV5]"
    assert "an item of a list" in refusal(deployment("istio-galley", "galley", body))


@pytest.mark.parametrize(
    "body",
    ["args: [proxy, ztunnel]", "command: [pilot-agent, proxy, ztunnel]", "command: [a]\n        args: [ztunnel]"],
)
def test_ztunnel_is_known_by_its_words_in_command_and_args(body: str) -> None:
    manifest = deployment("company", "istio-proxy", body).replace("kind: Deployment", "kind: DaemonSet")
    assert "the chart ztunnel exists once in a cluster" in refusal(manifest)


@pytest.mark.parametrize(
    ("body", "new"),
    [
        ("command: [x, --a=1]\n        args: [--a=2]", "command: [x, --a=1]\n        args: [--a=9]"),
        ("args: [--a=2]\n        command: [x, --a=1]", "args: [--a=9]\n        command: [x, --a=1]"),
        ("command: [x, --a]\n        args: ['2']", "command: [x, --a]\n        args: ['9']"),
        ("args: [--a=1, --a, '2']", "args: [--a=1, --a, '9']"),
        ("command: [x, --a=1]\n        args: [y]", "command: [x, --a=9]\n        args: [y]"),
    ],
)
def test_the_profile_sets_the_flag_that_counts(body: str, new: str) -> None:
    flags = [{"container": "c", "args": ["--a=9"]}]
    assert rendered(deployment("d", "c", body), flags=flags) == deployment("d", "c", new)

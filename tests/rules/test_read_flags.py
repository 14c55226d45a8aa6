"""Flags that rules read: found in `command` and in `args`, in both forms, and refused if one is given twice."""

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


TWICE = pytest.mark.parametrize(
    "body",
    [
        "command: [server, {0}={2}]\n        args: [{0}={1}]",
        "command: [server, {0}={1}]\n        args: [{0}, {2}]",
        "args: [server, {0}, {2}, {0}={1}]",
        "args: [{0}={1}]\n        command: [server, {0}={2}]",
    ],
)


@TWICE
def test_a_flag_that_is_given_twice_is_refused(body: str) -> None:
    """The last one counts, so the first one, which could be the stock name, is not the only one to look at."""
    galley = body.format("--webhook-name", "istio-galley", f"{NS}-galley")
    proxy = body.format("--serviceCluster", GATEWAY, OURS)
    assert "holds --webhook-name twice" in refusal(deployment("istio-galley", "galley", galley))
    assert "holds --serviceCluster twice" in refusal(deployment(GATEWAY, "istio-proxy", proxy))


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

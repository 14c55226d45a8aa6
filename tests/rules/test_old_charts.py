"""Charts of Istio 1.4 and older are refused with a sentence; those of 1.5 are not taken for them."""

from __future__ import annotations

import pytest
from program import profile, render

SENTENCE = "this is a chart of Istio 1.4 or older, and multimesh knows none before 1.5 [webhook-names]"
MESH = profile("blue", "istio-blue")


def deployment(name: str, container: str, key: str, *flags: str) -> bytes:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: istio-blue\nspec:\n  template:\n"
        f"    spec:\n      containers:\n      - name: {container}\n        {key}: [{', '.join(flags)}]\n"
    ).encode()


@pytest.mark.parametrize(
    "flags",
    [
        ("--validation-webhook-config-file", "/etc/config/validatingwebhookconfiguration.yaml"),  # 1.1 to 1.4
        ("--webhook-config-file=/etc/istio/config/validatingwebhookconfiguration.yaml",),  # 1.0
        ("--livenessProbePath=/healthliveness",),  # 1.1 to 1.4, without validation
    ],
)
def test_a_galley_of_an_old_chart_is_refused(flags):
    done = render(deployment("istio-galley", "galley", "command", "galley", "server", *flags), MESH)

    assert (done.code, done.out) == (2, b"")
    assert SENTENCE in done.err
    assert "Use a chart of Istio 1.5 or later." in done.err


def test_an_injector_of_an_old_chart_is_refused():
    name = "istio-sidecar-injector"
    done = render(deployment(name, "sidecar-injector-webhook", "args", "--healthCheckFile=/health"), MESH)

    assert done.code == 2
    assert SENTENCE in done.err


@pytest.mark.parametrize(
    ("name", "container", "key", "flags"),
    [
        ("istio-galley", "galley", "command", ("galley", "server", "--livenessProbePath=/tmp/healthliveness")),
        ("istio-sidecar-injector", "sidecar-injector-webhook", "args", ("--healthCheckFile=/tmp/health",)),
    ],
)
def test_the_flags_of_1_5_are_accepted(name, container, key, flags):
    assert render(deployment(name, container, key, *flags), MESH).code == 0

"""The rule scope-gateways: Gateway resources of Istio 1.5 bind gateways of their own namespace only."""

from __future__ import annotations

import pytest
from rule_cases import objects, reasons, refusal, stays

NAME = "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"
PATH = f"spec/template/spec/containers/[name=discovery]/env/[name={NAME}]"


def pilot(*env: str, name: str = "istio-pilot", kind: str = "Deployment", container: str = "discovery") -> str:
    """Return the pilot of Istio 1.5 with these lines of variables beside the one that the rule webhook-names sets."""
    lines = ["- name: INJECTION_WEBHOOK_CONFIG_NAME", "  value: istio-affirmed-sidecar-injector", *env]
    variables = "".join(f"        {line}\n" for line in lines)
    return (
        f"---\napiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n  template:\n    spec:\n"
        f"      containers:\n      - name: istio-proxy\n      - name: {container}\n        env:\n{variables}"
    )


def variable(value: str) -> tuple[str, str]:
    """Return the two lines of the variable."""
    return f"- name: {NAME}", f"  {value}"


@pytest.mark.parametrize("env", [(), variable('value: "false"'), variable("value:"), variable('value: ""')], ids=str)
def test_pilot_scopes_gateways_to_their_namespace(env: tuple[str, ...]) -> None:
    """The variable is added where it is absent, and rewritten where it has another value."""
    (deployment,) = objects(pilot(*env))
    found = deployment["spec"]["template"]["spec"]["containers"][1]["env"]
    assert found[1:] == [{"name": NAME, "value": "true"}]
    path = PATH if not env else f"{PATH}/value"
    assert reasons(pilot(*env)) == [("scope-gateways", path)]


def test_a_pilot_that_scopes_gateways_stays():
    """A second run changes nothing."""
    assert stays(pilot(*variable('value: "true"')))


def test_the_profile_can_leave_the_variable_alone():
    """With `scopeGateways: false`."""
    assert stays(pilot(), scopeGateways=False)
    assert stays(pilot(*variable('value: "false"')), scopeGateways=False)


@pytest.mark.parametrize(
    ("name", "kind"), [("istio-pilot-extra", "Deployment"), ("my-pilot", "Deployment"), ("istio-pilot", "StatefulSet")]
)
def test_other_workloads_stay(name: str, kind: str) -> None:
    """The pilot of Istio 1.5 is the Deployment `istio-pilot`."""
    revision = ("- name: REVISION", "  value: affirmed")
    assert stays(pilot(*revision, name=name, kind=kind))


def test_a_pilot_without_its_container_is_refused():
    """Left as it is, a Gateway of another mesh could open ports on the gateways of this one."""
    message = refusal(pilot(container="pilot"))
    assert "<stdin>:2: Deployment/istio-pilot: spec/template/spec/containers has no container discovery" in message


def test_a_variable_from_elsewhere_is_refused():
    """Its value is not in the stream."""
    message = refusal(pilot(*variable("valueFrom: {configMapKeyRef: {name: a, key: b}}")))
    assert f"<stdin>:2: Deployment/istio-pilot: {PATH} has valueFrom, which no rule knows [scope-gateways]" in message

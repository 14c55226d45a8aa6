"""The rule citadel-scope: Citadel of Istio 1.5 serves the namespaces of its mesh only."""

from __future__ import annotations

import pytest
from rule_cases import MEMBER, NS, paths, refusal, rendered, stays, unknown_shape

CITADEL = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
spec:
  template:
    spec:
      containers:
      - name: {container}
        args:
        - --append-dns-names=true
        - --citadel-storage-namespace={ns}
"""

ARGS = "spec/template/spec/containers/[name=citadel]/args"


def citadel(*more: str, name: str = "istio-citadel", kind: str = "Deployment", container: str = "citadel") -> str:
    """Write Citadel with further flags after the stock ones."""
    text = CITADEL.format(kind=kind, name=name, container=container, ns=NS)
    return text + "".join(f"        - {flag}\n" for flag in more)


def test_the_flag_is_appended():
    """Namespaces are separated by commas alone: Citadel does not trim them."""
    assert rendered(citadel()) == citadel(f"--listened-namespaces={NS},{MEMBER}")
    assert paths(citadel()) == [ARGS]


def test_further_namespaces_come_last_and_each_comes_once():
    """The order is that of the profile."""
    also = {"alsoListen": ["vault", MEMBER, "kube-system"]}
    assert rendered(citadel(), citadel=also) == citadel(f"--listened-namespaces={NS},{MEMBER},vault,kube-system")


@pytest.mark.parametrize("form", ["--listened-namespaces={}", "--listened-namespaces\n        - {}"])
def test_a_flag_that_is_there_gets_the_list(form: str):
    """In both forms that the flag has. A Citadel that has the list stays as it is."""
    wanted = citadel(form.format(f"{NS},{MEMBER}"), "--self-signed-ca=true")
    stock = citadel(form.format("istio-system"), "--self-signed-ca=true")
    assert rendered(stock).replace('"', "") == wanted
    assert paths(stock) == [f"{ARGS}/--listened-namespaces"]
    assert stays(wanted)


def test_a_list_inside_another_word_or_behind_a_shell_is_refused():
    """Citadel would not read the flag that is appended."""
    assert "holds --listened-namespaces inside another word" in refusal(
        citadel('"--self-signed-ca=true --listened-namespaces=kube-system"')
    )
    text = citadel().replace("        args:\n", "        command: [sh, -c]\n        args:\n")
    assert 'runs a script with "sh -c"' in refusal(text)


@pytest.mark.parametrize(
    "changed", [{"name": "istio-citadel-canary"}, {"name": "citadel"}, {"kind": "DaemonSet"}], ids=lambda one: str(one)
)
def test_another_workload_stays(changed: dict[str, str]):
    """Kind and name are those of the stock chart."""
    assert stays(citadel(**changed))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (citadel(container="ca"), "spec/template/spec/containers has no container citadel"),
        (
            citadel() + "      - name: citadel\n        args: []\n",
            "spec/template/spec/containers has the container citadel more than once",
        ),
        (citadel().replace("args:", "other:"), "spec/template/spec/containers/[name=citadel] has no args"),
        (citadel(*["--listened-namespaces=a"] * 2), f"{ARGS} holds --listened-namespaces twice"),
        (citadel("--listened-namespaces"), f"{ARGS} ends in --listened-namespaces without a value"),
    ],
    ids=["no container", "two containers", "no args", "flag twice", "flag without value"],
)
def test_another_shape_is_refused(text: str, what: str):
    """Without its list, Citadel would serve the whole cluster."""
    assert refusal(text) == unknown_shape("1: Deployment/istio-citadel", what, "citadel-scope")

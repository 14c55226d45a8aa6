"""The manifest of the article, value by value: R1 to R7 of reference/istio-1.5.md, section 2.

The table is written by hand, and uses neither the package nor the plan of the oracle.
"""

from __future__ import annotations

import json
import re
from functools import cache

import oracle
import pytest
from program import profile, render
from streams import stream

MESH, NS = "affirmed", "istio-affirmed"
PROFILE = profile(
    MESH,
    NS,
    ("istio-affirmed-workspace",),
    sharedResources="own",
    citadel={"alsoListen": ["kube-system"]},
    nodePorts="keep",
)
INJECTOR = "istio-affirmed-sidecar-injector"
GALLEY = "istio-affirmed-galley"
ENTRY = "affirmed-sidecar-injector.istio.io"
LISTENED = "--listened-namespaces=istio-affirmed,istio-affirmed-workspace,kube-system"
ABSENT = oracle.ABSENT


def renamed(before: str, after: str) -> dict[str, tuple]:
    return {"metadata/name": (before, after)}


def bound(role: str) -> dict[str, tuple]:
    return {"roleRef/name": (role, f"{role}-affirmed")}


def entries(prefix: str = "") -> dict[str, tuple]:
    return {
        f"{prefix}webhooks[{index}]/name": (f"{name}.validation.istio.io", f"affirmed-{name}.validation.istio.io")
        for index, name in enumerate(("pilot", "mixer"))
    }


# Resource as in the stock stream -> path -> (before, after).
R1 = {
    "ClusterRole/kiali": renamed("kiali", "kiali-affirmed"),
    "ClusterRole/kiali-viewer": renamed("kiali-viewer", "kiali-viewer-affirmed"),
    "ClusterRole/istio-reader": renamed("istio-reader", "istio-reader-affirmed"),
    "ClusterRoleBinding/istio-multi": renamed("istio-multi", "istio-multi-affirmed") | bound("istio-reader"),
    "ClusterRoleBinding/istio-reader": renamed("istio-reader", "istio-reader-affirmed") | bound("istio-reader"),
    f"ClusterRoleBinding/istio-kiali-admin-role-binding-{NS}": bound("kiali"),
}
COPY = "data/validatingwebhookconfiguration.yaml/"
R2_R3_R4 = {
    "MutatingWebhookConfiguration/istio-sidecar-injector": {
        **renamed("istio-sidecar-injector", INJECTOR),
        "webhooks[0]/name": ("sidecar-injector.istio.io", ENTRY),
        "webhooks[0]/namespaceSelector/matchLabels/istio-injection": ("enabled", "enabled-affirmed"),
    },
    "ValidatingWebhookConfiguration/istio-galley": renamed("istio-galley", GALLEY) | entries(),
    f"ConfigMap/{NS}/istio-galley-configuration": {
        f"{COPY}metadata/name": ("istio-galley", GALLEY),
        **entries(COPY),
    },
}
CONTAINERS = "spec/template/spec/containers"
R5 = {
    f"Deployment/{NS}/istio-galley": {
        f"{CONTAINERS}[galley]/command[12]": (ABSENT, f"--webhook-name={GALLEY}"),
    },
    f"Deployment/{NS}/istio-citadel": {f"{CONTAINERS}[citadel]/args[7]": (ABSENT, LISTENED)},
    f"Deployment/{NS}/istio-sidecar-injector": {
        f"{CONTAINERS}[sidecar-injector-webhook]/args[8]": (ABSENT, f"--webhookName={ENTRY}"),
        f"{CONTAINERS}[sidecar-injector-webhook]/args[9]": (ABSENT, f"--webhookConfigName={INJECTOR}"),
    },
    f"Deployment/{NS}/istio-pilot": {
        f"{CONTAINERS}[discovery]/env[INJECTION_WEBHOOK_CONFIG_NAME]/name": (ABSENT, "INJECTION_WEBHOOK_CONFIG_NAME"),
        f"{CONTAINERS}[discovery]/env[INJECTION_WEBHOOK_CONFIG_NAME]/value": (ABSENT, INJECTOR),
    },
}


def gateway(short: str) -> dict[str, dict[str, tuple]]:
    """R6: one gateway of the demo, which has neither an autoscaler nor an SDS role."""
    name, new = f"istio-{short}", f"istio-affirmed-{short}"
    proxy = f"{CONTAINERS}[istio-proxy]"
    app = {"metadata/labels/app": (name, new)}
    owner = f"kubernetes://apis/apps/v1/namespaces/{NS}/deployments/"
    labels = '{{"app":"{}","chart":"gateways","heritage":"Helm","istio":"{}","release":"istio"}}\n'
    volumes = "spec/template/spec/volumes"
    account = (f"{name}-service-account", f"{new}-service-account")
    return {
        f"ServiceAccount/{NS}/{name}-service-account": renamed(*account) | app,
        f"Service/{NS}/{name}": renamed(name, new) | app | {"spec/selector/app": (name, new)},
        f"PodDisruptionBudget/{NS}/{name}": {
            **renamed(name, new),
            **app,
            "spec/selector/matchLabels/app": (name, new),
        },
        f"Deployment/{NS}/{name}": {
            **renamed(name, new),
            **app,
            "spec/selector/matchLabels/app": (name, new),
            "spec/template/metadata/labels/app": (name, new),
            "spec/template/spec/serviceAccountName": account,
            f"{proxy}/args[12]": (name, new),
            f"{proxy}/env[ISTIO_METAJSON_LABELS]/value": (labels.format(name, short), labels.format(new, short)),
            f"{proxy}/env[ISTIO_META_WORKLOAD_NAME]/value": (name, new),
            f"{proxy}/env[ISTIO_META_OWNER]/value": (owner + name, owner + new),
            f"{volumes}[istio-certs]/secret/secretName": (f"istio.{account[0]}", f"istio.{account[1]}"),
            f"{volumes}[{short}-certs]/secret/secretName": (f"{name}-certs", f"{new}-certs"),
            f"{volumes}[{short}-ca-certs]/secret/secretName": (f"{name}-ca-certs", f"{new}-ca-certs"),
        },
    }


R6 = gateway("ingressgateway") | gateway("egressgateway")
R7_MESH = {
    f"ConfigMap/{NS}/istio": {
        "data/mesh/ingressService": ("istio-ingressgateway", "istio-affirmed-ingressgateway"),
    },
}
PLAIN = R1 | R2_R3_R4 | R5 | R6 | R7_MESH

# The tests below check R7 in JSON texts; B3, B5, B6 and B9 correct mistakes of the article.
VALUES = f"ConfigMap/{NS}/istio-sidecar-injector"
DASHBOARD = f"ConfigMap/{NS}/istio-grafana-configuration-dashboards-istio-performance-dashboard"
SECURITY = f"ConfigMap/{NS}/istio-security-custom-resources"
GRAFANA = f"ConfigMap/{NS}/istio-grafana-custom-resources"
JOB_ROLE = f"ClusterRole/istio-security-post-install-{NS}"
SELECTOR = "namespaceSelector/matchLabels/multimesh.dev/mesh"
SCOPE = f"{CONTAINERS}[discovery]/env[PILOT_SCOPE_GATEWAY_TO_NAMESPACE]"
BEYOND = {
    "ValidatingWebhookConfiguration/istio-galley": {
        f"webhooks[{index}]/{SELECTOR}": (ABSENT, MESH) for index in (0, 1)
    },
    f"Deployment/{NS}/istio-pilot": {
        f"{SCOPE}/name": (ABSENT, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE"),
        f"{SCOPE}/value": (ABSENT, "true"),
    },
}


@cache
def changes() -> dict[str, tuple[dict, dict]]:
    """Return pairs of each stock resource and its rewritten form, for those that differ."""
    stock = stream("helm3", "1.5.0", "affirmed", "istio-demo").text
    result = render(stock.encode(), PROFILE)
    assert (result.code, result.err) == (0, "")
    before, after = oracle.load(stock), oracle.load(result.out)
    assert len(before) == len(after)
    pairs = zip(before, after, strict=True)
    return {str(oracle.key(old)): (old, new) for old, new in pairs if old != new}


def paths(name: str) -> dict[str, tuple]:
    """Return what changed in one resource, embedded documents included."""
    found = oracle.differences(*changes()[name], embedded=True)
    return {oracle.show(path): values for path, values in found.items()}


def test_the_article_and_its_corrections_change_these_resources_and_no_others():
    """They are 26 resources of the article, without the two that Helm 3 does not render, and three of the corrections."""
    expected = {*PLAIN, *BEYOND, VALUES, DASHBOARD, SECURITY, GRAFANA, JOB_ROLE}

    assert len(expected) == 24 + 3
    assert expected == set(changes())


@pytest.mark.parametrize("name", PLAIN)
def test_a_resource_of_the_article_changes_as_it_did_by_hand(name):
    """The paths and values are the same as in the article; only the corrections add paths."""
    assert PLAIN[name] | BEYOND.get(name, {}) == paths(name)


def test_every_galley_and_injector_text_keeps_its_other_lines():
    """The copy of the webhook configuration and the mesh configuration are edited; their other lines stay the same."""
    for name, field, count in (
        (f"ConfigMap/{NS}/istio-galley-configuration", "validatingwebhookconfiguration.yaml", 3),
        (f"ConfigMap/{NS}/istio", "mesh", 1),
        (SECURITY, "run.sh", 1),
        (GRAFANA, "run.sh", 1),
    ):
        old, new = (obj["data"][field].split("\n") for obj in changes()[name])
        assert len(old) == len(new)
        assert count == sum(a != b for a, b in zip(old, new, strict=True)), name


def test_the_injector_values_rename_the_two_gateways_that_are_installed():
    """R7: the key, `labels.app` and both secrets of each; the gateway that is not installed keeps its stock name."""
    old, new = (obj["data"] for obj in changes()[VALUES])
    before, after = (json.loads(data["values"])["gateways"] for data in (old, new))

    expected = dict(before)
    for short in ("ingressgateway", "egressgateway"):
        moved = json.loads(json.dumps(expected.pop(f"istio-{short}")))
        moved["labels"]["app"] = f"istio-affirmed-{short}"
        moved["secretVolumes"][0]["secretName"] = f"istio-affirmed-{short}-certs"
        moved["secretVolumes"][1]["secretName"] = f"istio-affirmed-{short}-ca-certs"
        expected[f"istio-affirmed-{short}"] = moved
    assert expected == after
    assert "istio-ilbgateway" in after
    assert old["values"] == re.sub("istio-affirmed-(ingress|egress)gateway", r"istio-\1gateway", new["values"])


def test_the_injection_template_stays_but_for_the_directory_of_sockets():
    """Without SDS no pod mounts `/var/run/sds`, so both directories are accepted (B11)."""
    old, new = (obj["data"]["config"] for obj in changes()[VALUES])
    moved = old.replace("      path: /var/run/sds\n", "      path: /var/run/sds-affirmed\n")

    assert new in {old, moved}


def test_the_performance_dashboard_asks_for_the_gateway_in_thirteen_strings():
    """R7: there are 15 occurrences in panels 2, 3, 5 and 6, and the rest of the text is the same."""
    found = paths(DASHBOARD)
    old, new = (obj["data"]["istio-performance-dashboard.json"] for obj in changes()[DASHBOARD])

    assert len(found) == 13
    assert {"2", "3", "5", "6"} == {
        re.search(r"panels\[(\d)\]/targets\[\d\]/(expr|legendFormat)$", p)[1] for p in found
    }
    assert 15 == old.count("istio-ingressgateway") == new.count("istio-affirmed-ingressgateway")
    assert old.replace("istio-ingressgateway", "istio-affirmed-ingressgateway") == new


def test_the_mesh_policy_becomes_the_peer_authentication_of_the_mesh():
    """B5, route b: the same mode for this mesh only, and the Job may apply it."""
    old, new = changes()[SECURITY]
    found = oracle.documents(new["data"]["custom-resources.yaml"])
    labels = oracle.documents(old["data"]["custom-resources.yaml"])[0]["metadata"]["labels"]

    assert len(found) == 1
    assert found[0]["metadata"].pop("labels", labels) == labels
    assert found[0] == {
        "apiVersion": "security.istio.io/v1beta1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": NS},
        "spec": {"mtls": {"mode": "PERMISSIVE"}},
    }


def test_the_job_may_apply_the_peer_authentication():
    """B5: one rule more, for that resource only; the stock rules stay."""
    old, new = changes()[JOB_ROLE]
    *stock, added = new["rules"]

    assert {**old, "rules": stock} == {**new, "rules": old["rules"]}
    assert (added["apiGroups"], added["resources"]) == (["security.istio.io"], ["peerauthentications"])
    assert set(added["verbs"]) == {"*"} or set(added["verbs"]) >= {"get", "create", "patch"}


@pytest.mark.parametrize("name", [SECURITY, GRAFANA])
def test_the_scripts_wait_for_the_webhook_configuration_of_the_mesh(name):
    """B6: the name in the call of kubectl changes; those of the Deployment and in messages do not."""
    old, new = (obj["data"]["run.sh"] for obj in changes()[name])
    asked = "kubectl get validatingwebhookconfiguration "

    assert old.replace(f"{asked}istio-galley ", f"{asked}{GALLEY} ") == new
    assert old != new
    rest = {"custom-resources.yaml"} if name == SECURITY else set()
    assert {"run.sh", *rest} == {path.split("/")[1] for path in paths(name)}

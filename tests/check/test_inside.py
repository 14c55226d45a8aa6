"""Checks inside one mesh, alone and with its profile: webhook names, the mesh configuration, and what the rewrite leaves."""

from __future__ import annotations

import pytest
from finding_cases import citadel, config, istiod, spaces, thing, webhook, workload
from meshes import mesh, messages, said, spec

from multimesh.check.between.discovery import without_selectors
from multimesh.check.inside import INSIDE
from multimesh.check.inside.audiences import audiences
from multimesh.check.inside.configuration import unparsed
from multimesh.check.inside.rewritten import confined, injection, profile
from multimesh.check.inside.webhook_names import flags

SPACE = "istio-affirmed"
INJECTOR, VALIDATOR = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
ENTRY = "sidecar-injector.istio.io"


def test_every_check_is_run():
    """The names are those of the functions."""
    assert [check.__name__ for check in INSIDE] == (
        "roles pods selectors routes services policies gateways gateway_names audiences flags unparsed profile injection confined".split()
    )


# Webhook names.


def galley(*command, args=()):
    return workload("istio-galley", SPACE, {"name": "galley", "command": list(command), "args": list(args)})


def injector(*args):
    return workload("injector", SPACE, {"name": "sidecar-injector-webhook", "args": list(args)})


def validating(name):
    return thing(VALIDATOR, name, webhooks=[])


def mutating(name, entry=ENTRY):
    return thing(INJECTOR, name, webhooks=[{"name": entry}])


def script(text):
    return thing("ConfigMap", "s", SPACE, data={"run.sh": text})


def no(what, name, kind):
    return [f"{what} {name}, and there is no {kind} of that name"]


WAITS = "kubectl get validatingwebhookconfiguration istio-galley"
FLAGS = {
    "galley of its default name": ([galley(), validating("istio-galley")], []),
    "galley of another name": ([galley("--webhook-name=a"), validating("a")], []),
    "galley of another name, in args": ([galley(args=["--webhook-name", "a"]), validating("a")], []),
    "galley of its default name, renamed": ([galley(), validating("a")], no("galley --webhook-name", "istio-galley", VALIDATOR)),
    "galley without any validator": ([galley("--webhook-name=a")], []),
    "a script that waits for the same name": ([galley(), validating("istio-galley"), script(WAITS)], []),
    "a script that waits for the stock name": (
        [galley("--webhook-name=a"), validating("a"), script(WAITS)],
        no("run.sh waits for", "istio-galley", VALIDATOR),
    ),
    "a script that waits for another validator": (
        [galley("--webhook-name=a"), validating("a"), validating("b"), script("validatingwebhookconfiguration b")],
        no("run.sh waits for", "b", VALIDATOR),
    ),
    "an injector of its default names": ([injector(), mutating("istio-sidecar-injector")], []),
    "an injector of other names": ([injector("--webhookConfigName=a", "--webhookName=b"), mutating("a", "b")], []),
    "an injector whose configuration is renamed": (
        [injector(), mutating("a")],
        no("--webhookConfigName", "istio-sidecar-injector", INJECTOR),
    ),
    "an injector whose entry is renamed": (
        [injector("--webhookConfigName=a"), mutating("a", "b")],
        no("--webhookName", ENTRY, "webhook entry"),
    ),
    "an injector without any webhook": ([injector("--webhookConfigName=a")], []),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
def test_flags_of_the_control_plane_name_webhooks_that_exist(case):
    items, expected = FLAGS[case]
    assert messages(flags, *items) == expected


def plane(name="istiod", **variables):
    pairs = [{"name": key, "value": value} for key, value in variables.items()]
    return workload(name, SPACE, {"name": "discovery", "env": pairs})


def patched(revision=None, entry=ENTRY, path="/inject", kind=INJECTOR):
    item = {"name": entry, "clientConfig": {"service": {"name": "istiod", "namespace": SPACE, "path": path}}}
    return thing(kind, "c", labels=None if revision is None else {"istio.io/rev": revision}, webhooks=[item])


BY_NAME = "INJECTION_WEBHOOK_CONFIG_NAME"
ISTIOD = {
    "a name that exists": ([plane(**{BY_NAME: "c"}), patched("default")], []),
    "a name that does not": ([plane(**{BY_NAME: "x"}), patched("default")], no(BY_NAME, "x", INJECTOR)),
    "a name, and no webhook": ([plane(**{BY_NAME: "x"})], []),
    "its revision": ([plane(REVISION="r"), patched("r")], []),
    "no revision": ([plane(REVISION="r"), patched()], []),
    "the default revision": ([plane(), patched("default")], []),
    "another revision": (
        [plane(REVISION="r"), plane("other", REVISION="a"), patched("x")],
        [f"{INJECTOR}/c is labelled istio.io/rev=x, and the control planes serve a, r"],
    ),
    "another revision of a validator": (
        [plane(REVISION="r"), patched("x", kind=VALIDATOR)],
        [f"{VALIDATOR}/c is labelled istio.io/rev=x, and the control planes serve r"],
    ),
    "another revision, and no control plane": ([patched("x", entry="other")], []),
    "pilot of 1.5, which patches no webhook": ([plane("istio-pilot", REVISION="r"), patched("x", entry="other")], []),
    "an entry of another suffix": (
        [plane(), patched(entry="other")],
        [f'the webhook "other" does not end in {ENTRY}, so istiod does not patch it'],
    ),
    "an entry of a longer name": ([plane(), patched(entry=f"rev.{ENTRY}")], []),
    "an entry of another path": ([plane(), patched(entry="other", path="/other")], []),
    "a validator of another suffix": ([plane(), patched(entry="other", kind=VALIDATOR)], []),
}  # fmt: skip


@pytest.mark.parametrize("case", ISTIOD)
def test_istiod_patches_the_webhooks_of_its_revision(case):
    items, expected = ISTIOD[case]
    assert messages(flags, *items) == expected


def test_a_mismatch_is_an_error_at_the_workload():
    assert said(flags(mesh(galley(), validating("a"))))[0][::3] == (
        "webhook-flag-mismatch",
        (f"Deployment/{SPACE}/istio-galley",),
    )


# The mesh configuration.


def test_a_configuration_that_is_not_a_mapping_is_named():
    assert said(unparsed(mesh(config("affirmed", "- a")))) == [
        (
            "unreadable",
            "warning",
            f"data/mesh of ConfigMap/{SPACE}/istio-affirmed is not a YAML mapping",
            (f"ConfigMap/{SPACE}/istio-affirmed",),
        )
    ]
    for name, text in (("istio-affirmed", "a: b"), ("other", "- a"), ("istio-affirmed", "")):
        item = config("affirmed", text)
        item["metadata"]["name"] = name
        assert messages(unparsed, item) == []


def test_discovery_selectors_are_missed_from_1_10_on():
    """The version is known from the injector: it has a revision, and the API version v1."""
    missed = ["mesh affirmed has no discoverySelectors"]
    new, old, unlabelled = (
        patched("r"),
        patched("r") | {"apiVersion": "admissionregistration.k8s.io/v1beta1"},
        patched(),
    )
    for item, text, expected in (
        (new, "a: b", missed),
        (new, "discoverySelectors: []", missed),
        (new, "discoverySelectors: [{matchLabels: {a: b}}]", []),
        (old, "a: b", []),
        (unlabelled, "a: b", []),
    ):
        assert messages(without_selectors, item, config("affirmed", text)) == expected


# What the rewrite leaves.

KIALI = thing("ClusterRole", "kiali")
BINDING = thing("ClusterRoleBinding", "kiali")


@pytest.mark.parametrize(
    ("item", "more", "expected"),
    [
        (KIALI, {}, ["ClusterRole/kiali has its stock name"]),
        (KIALI, {"keepNames": ["ClusterRole/kiali"]}, []),
        (KIALI, {"clusterRoles": "keep"}, []),
        (BINDING, {"clusterRoles": "keep"}, ["ClusterRoleBinding/kiali has its stock name"]),
        (thing("ClusterRole", "mine"), {}, []),
        (thing("ConfigMap", "c", SPACE), {}, []),
        (thing("ConfigMap", "c", "nginx-affirmed"), {}, []),
        (thing("ConfigMap", "c", "x"), {}, ["ConfigMap/x/c is not in a namespace of the profile"]),
        (citadel("affirmed"), {}, ["Citadel has no --listened-namespaces, and serves the whole cluster"]),
        (citadel("affirmed", "x"), {}, [f"Citadel does not serve {SPACE}, nginx-affirmed"]),
        (citadel("affirmed", SPACE, "nginx-affirmed", "x"), {}, []),
    ],
)
def test_manifests_are_what_the_profile_makes_of_the_chart(item, more, expected):
    assert messages(profile, item, profile=spec(**more)) == expected
    assert messages(profile, item) == []


@pytest.mark.parametrize(
    ("name", "labels", "shared"),
    [
        ("istio-cni-node", {}, True),
        ("ztunnel", {}, True),
        ("x", {"app": "istio-cni"}, True),
        ("x", {"k8s-app": "istio-cni-node"}, True),
        ("x", {"app.kubernetes.io/name": "ztunnel"}, True),
        ("x", {"other": "ztunnel"}, False),
        ("x", {}, False),
    ],
)
def test_only_the_owner_has_shared_components_elsewhere(name, labels, shared):
    item = thing("ConfigMap", name, "kube-system", labels=labels)
    outside = [f"ConfigMap/kube-system/{name} is not in a namespace of the profile"]
    assert messages(profile, item, profile=spec(sharedResources="own")) == ([] if shared else outside)
    assert messages(profile, item, profile=spec(sharedResources="leave")) == outside


def by_label(value):
    return webhook("affirmed", {"namespaceSelector": {"matchLabels": {"istio-injection": value}}})


def test_a_webhook_injects_by_the_label_of_the_profile():
    found = [f'the webhook "{ENTRY}" injects istio-injection=enabled']
    assert messages(injection, by_label("enabled"), profile=spec()) == found
    assert messages(injection, by_label("enabled-affirmed"), profile=spec()) == []
    assert messages(injection, webhook("affirmed", {}), profile=spec()) == []
    assert messages(injection, by_label("enabled")) == []


def tagged(item, **labels):
    item["metadata"]["labels"] = {key.replace("_", "/"): value for key, value in labels.items()}
    return item


NAME = "istio-mutating-affirmed"
LABEL = spaces("istio-injection", "In", "enabled-affirmed")
UNCONFINED = [f"no webhook of {INJECTOR}/{NAME} selects istio-injection=enabled-affirmed"]
LOOSE = ['"validation.istio.io" is not confined to multimesh.dev/mesh=affirmed']
CONFINED = {
    "an injector with the label": (webhook("affirmed", LABEL), {}, []),
    "an injector without a selector": (webhook("affirmed", {}), {}, UNCONFINED),
    "an injector with another label": (webhook("affirmed", spaces("a", "In", "b")), {}, UNCONFINED),
    "an injector that excludes the label": (webhook("affirmed", spaces("istio-injection", "DoesNotExist")), {}, UNCONFINED),
    "an injector of a selector that is not one": (webhook("affirmed", {"namespaceSelector": "x"}), {}, UNCONFINED),
    "an injector of another revision": (webhook("affirmed", {}), {"revision": "r"}, []),
    "an injector that is kept": (webhook("affirmed", {}), {"keepNames": [f"{INJECTOR}/{NAME}"]}, []),
    "an injector of a tag": (tagged(webhook("affirmed", {}), **{"istio.io_rev": "affirmed", "istio.io_tag": "t"}), {}, []),
    "an injector without entries": (webhook("affirmed", {}) | {"webhooks": []}, {}, []),
    "a validator that is confined": (webhook("affirmed", spaces("multimesh.dev/mesh", "In", "affirmed"), "Validating"), {}, []),
    "a validator that is not": (webhook("affirmed", {}, "Validating"), {}, LOOSE),
    "a validator of a selector that is not one": (webhook("affirmed", {"namespaceSelector": "x"}, "Validating"), {}, LOOSE),
    "a validator of a stock name": (webhook("affirmed", {}, "Validating", name="istio-galley"), {}, []),
    "a validator that is kept": (
        webhook("affirmed", {}, "Validating", name="mine"), {"keepNames": [f"{VALIDATOR}/mine"]}, [],
    ),
    "a validator of other software": (
        webhook("x", {}, "Validating", entry="other")
        | {"webhooks": [{"name": "other", "clientConfig": {"service": {"name": "x"}}, "rules": [{"resources": ["pods"]}]}]},
        {}, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFINED)
def test_webhooks_are_confined_as_the_rewrite_does_it(case):
    item, more, expected = CONFINED[case]
    assert messages(confined, item, profile=spec(**more)) == expected
    assert messages(confined, item) == []


def test_an_admission_policy_is_confined_as_a_validator_is():
    rules = [{"apiGroups": ["networking.istio.io"], "resources": ["*"]}]
    for selector, expected in (
        ({}, ['"p.istio.io" is not confined to multimesh.dev/mesh=affirmed']),
        (spaces("multimesh.dev/mesh", "In", "affirmed"), []),
    ):
        item = thing(
            "ValidatingAdmissionPolicy", "p.istio.io", spec={"matchConstraints": {"resourceRules": rules, **selector}}
        )
        assert messages(confined, item, istiod("affirmed"), profile=spec()) == expected


AMBIENT = {"PILOT_ENABLE_AMBIENT": "true"}
AUDIENCES = {
    "the mesh's alone": ({**AMBIENT, "TOKEN_AUDIENCES": "istio-ca-a"}, ["istio-ca-a"]),
    "two others": ({**AMBIENT, "TOKEN_AUDIENCES": "a, b"}, ["a, b"]),
    "before 1.22": ({"PILOT_ENABLE_AMBIENT_CONTROLLERS": "true", "TOKEN_AUDIENCES": "a"}, ["a"]),
    "both": ({**AMBIENT, "TOKEN_AUDIENCES": "istio-ca, istio-ca-a"}, []),
    "the default": (AMBIENT, []),
    "without ambient mode": ({"TOKEN_AUDIENCES": "istio-ca-a"}, []),
    "without an authority": ({**AMBIENT, "TOKEN_AUDIENCES": "a", "ENABLE_CA_SERVER": "false"}, []),
}


@pytest.mark.parametrize("case", AUDIENCES)
def test_an_authority_of_ambient_mode_accepts_what_ztunnel_and_waypoints_send(case):
    env, expected = AUDIENCES[case]
    assert messages(audiences, plane(REVISION="affirmed", **env)) == [
        f"mesh affirmed is in ambient mode, and its authority accepts tokens for {accepted}: ztunnel and waypoints send "
        "istio-ca"
        for accepted in expected
    ]

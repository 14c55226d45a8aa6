"""The rule revision: a control plane whose revision is not the mesh's is refused. Nothing is rewritten."""

from __future__ import annotations

import pytest
import yaml
from rule_cases import accepts, reasons, refusal, rendered, stays

HOOKS = "admissionregistration.k8s.io/v1"
REVISION, TAG = "istio.io/rev", "istio.io/tag"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy")
HINT = (
    "  Render the chart with --set revision=affirmed (the chart base: --set defaultRevision=affirmed).\n"
    "  During an upgrade, add the other revision of this mesh to spec.canaryRevisions in profile.yaml."
)


def thing(kind: str, name: str, version: str = HOOKS, **fields: object) -> str:
    """Return an object; `labels` are its own, other fields are at its root."""
    labels = fields.pop("labels", None)
    metadata = {"name": name} | ({"labels": labels} if labels else {})
    return "---\n" + yaml.safe_dump(
        {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}, sort_keys=False
    )


def workload(
    kind: str, *containers: dict, name: str = "any", labels: dict | None = None, annotations: dict | None = None
) -> str:
    """Return a workload; labels and annotations are those of its pods."""
    metadata = {key: value for key, value in (("labels", labels), ("annotations", annotations)) if value}
    template = {"spec": {"containers": list(containers)}} | ({"metadata": metadata} if metadata else {})
    return thing(kind, name, "apps/v1", spec={"template": template})


def istiod(revision: str | None = "affirmed", name: str = "istiod-affirmed", **env: str) -> str:
    """Return istiod with these variables; without a revision if that is None."""
    variables = env if revision is None else {"REVISION": revision, **env}
    listed = [{"name": key, "value": value} for key, value in variables.items()]
    return workload("Deployment", {"name": "first"}, {"name": "discovery", "env": listed}, name=name)


# The control plane.

PATH = "spec/template/spec/containers/[name=discovery]/env"


@pytest.mark.parametrize("revision", ["affirmed", "next"])
def test_a_control_plane_of_the_mesh_stays(revision: str) -> None:
    """Of its revision, or of one that is tried during an upgrade."""
    assert stays(istiod(revision), canaryRevisions=["next"])


@pytest.mark.parametrize("revision", ["default", "blue", "next"])
def test_a_control_plane_of_another_revision_is_refused(revision: str) -> None:
    """It would patch the webhooks of whoever has that revision."""
    assert refusal(istiod(revision)) == (
        f'multimesh: <stdin>:2: Deployment/istiod-affirmed: {PATH}/[name=REVISION] is "{revision}" but mesh affirmed '
        f"has the revision affirmed [revision]\n{HINT}"
    )


@pytest.mark.parametrize("revision", [None, ""])
def test_a_control_plane_without_a_revision_is_refused(revision: str | None) -> None:
    """Whatever its name is; the message names all revisions of the mesh."""
    assert refusal(istiod(revision, "any"), canaryRevisions=["next"]) == (
        f"multimesh: <stdin>:2: Deployment/any: {PATH}/[name=REVISION] is empty, which means the default revision, but "
        f"mesh affirmed has the revision affirmed, next [revision]\n{HINT}"
    )


def test_the_pilot_of_istio_1_5_has_no_revision():
    """Its container has the same name."""
    assert {rule for rule, _ in reasons(istiod(None, "istio-pilot"))} == {"webhook-names", "scope-gateways"}


def test_other_containers_have_no_revision():
    """Only `discovery` is a control plane; a word alone means nothing."""
    assert stays(workload("Deployment", {"name": "my-discovery", "env": [{"name": "REVISION", "value": "blue"}]}))


def test_a_control_plane_as_a_daemon_set_is_refused():
    """Any workload of that container is one."""
    manifest = workload("DaemonSet", {"name": "discovery"}, labels={REVISION: "affirmed"})
    assert f"DaemonSet/any: {PATH}/[name=REVISION] is empty, which means" in refusal(manifest)


def test_one_bundle_for_the_whole_cluster_is_refused():
    """Its name is the same for every mesh."""
    name = "ENABLE_CLUSTER_TRUST_BUNDLE_API"
    assert refusal(istiod(**{name: "true"})) == (
        f'multimesh: <stdin>:2: Deployment/istiod-affirmed: {PATH}/[name={name}] is "true", and every mesh would write '
        'the one bundle "istio.io:istiod-ca:root-cert" [revision]\n'
        f"  Remove it from pilot.env: --set pilot.env.{name}=null."
    )
    assert stays(istiod(**{name: "false"}))
    assert stays(istiod(ENABLE_OTHER="true"))


# Webhook configurations and policies.


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize("labels", [{}, {REVISION: "affirmed"}, {REVISION: "next"}, {"a": "default"}], ids=str)
def test_webhooks_of_the_mesh_stay(kind: str, labels: dict) -> None:
    """Of one of its revisions, or of none."""
    assert stays(thing(kind, "any-affirmed", labels=labels), canaryRevisions=["next"])


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize(("revision", "what"), [("default", 'is "default"'), ("blue", 'is "blue"')])
def test_webhooks_of_another_revision_are_refused(kind: str, revision: str, what: str) -> None:
    """The control plane of that revision would patch them."""
    assert refusal(thing(kind, "any-affirmed", labels={REVISION: revision})) == (
        f"multimesh: <stdin>:2: {kind}/any-affirmed: metadata/labels/istio.io/rev {what} but mesh affirmed has the "
        f"revision affirmed [revision]\n{HINT}"
    )


@pytest.mark.parametrize("kind", WEBHOOKS)
def test_webhooks_of_an_empty_revision_are_refused(kind: str) -> None:
    """It means the default one."""
    message = refusal(thing(kind, "any-affirmed", labels={REVISION: ""}))
    assert "metadata/labels/istio.io/rev is empty, which means the default revision, but mesh affirmed has" in message


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ValidatingWebhookConfiguration", "istiod-default-validator"),
        ("ValidatingAdmissionPolicy", "stable-channel-default-policy.istio.io"),
    ],
)
@pytest.mark.parametrize("rewritten", ["", "-affirmed"])
@pytest.mark.parametrize("revision", ["default", ""])
def test_the_default_validators_may_have_the_default_revision(
    kind: str, name: str, rewritten: str, revision: str
) -> None:
    """The rule validation-scope gives them that of the mesh."""
    found = yaml.safe_load(rendered(thing(kind, name + rewritten, labels={REVISION: revision})))
    assert found["metadata"]["name"] == f"{name}-affirmed"


def test_a_default_validator_of_another_revision_is_refused():
    """The stream is that of another mesh."""
    message = refusal(thing("ValidatingWebhookConfiguration", "istiod-default-validator", labels={REVISION: "blue"}))
    assert 'metadata/labels/istio.io/rev is "blue" but mesh affirmed' in message


# Tags.


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize("tag", ["affirmed", "affirmed-prod", "next"])
def test_tags_of_the_mesh_stay(kind: str, tag: str) -> None:
    """They are its name, begin with it, or are one of its revisions."""
    labels = {TAG: tag, REVISION: "affirmed"}
    assert stays(thing(kind, f"istio-revision-tag-{tag}-affirmed", labels=labels), canaryRevisions=["next"])
    labels = {TAG: tag}
    assert stays(thing(kind, "any-affirmed", labels=labels), revision="stable", canaryRevisions=["next"])


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize("tag", ["prod", "affirmedx", "my-affirmed"])
def test_any_other_tag_is_refused(kind: str, tag: str) -> None:
    """Two meshes could have the same one; without the label of a revision, too."""
    assert refusal(thing(kind, "any-affirmed", labels={TAG: tag})) == (
        f'multimesh: <stdin>:2: {kind}/any-affirmed: the revision tag "{tag}" does not begin with the name of mesh '
        "affirmed, so another mesh could have it too [revision]\n"
        f"  Call it affirmed-{tag}: --set revisionTags={{affirmed-{tag}}}."
    )


@pytest.mark.parametrize("kind", WEBHOOKS)
@pytest.mark.parametrize(
    ("name", "labels"), [("istio-revision-tag-default", {}), ("any-affirmed", {TAG: "default", REVISION: "affirmed"})]
)
def test_the_default_tag_is_refused(kind: str, name: str, labels: dict) -> None:
    """By its label, or by the name that the chart `default` gives the configuration."""
    assert refusal(thing(kind, name, labels=labels), keepNames=[f"{kind}/*"]) == (
        f"multimesh: <stdin>:2: {kind}/{name}: it makes this revision the default of the whole cluster "
        '(tag "default") [revision]\n'
        "  Do not install the chart 'default', and remove the tag: --set revisionTags=null."
    )


def test_a_name_that_continues_that_of_the_default_tag_stays():
    """It is another name."""
    assert stays(thing("MutatingWebhookConfiguration", "istio-revision-tag-default-affirmed"))


# Pods.

TEMPLATES = "inject.istio.io/templates"
PODS = ("Deployment", "DaemonSet")


@pytest.mark.parametrize("kind", PODS)
@pytest.mark.parametrize("revision", ["default", "blue"])
def test_pods_of_another_revision_are_refused(kind: str, revision: str) -> None:
    """Another mesh would inject them."""
    assert refusal(workload(kind, {"name": "app"}, labels={REVISION: revision})) == (
        f'multimesh: <stdin>:2: {kind}/any: spec/template/metadata has istio.io/rev="{revision}", so another mesh, or '
        "none, would inject or serve these pods [revision]\n  Render the chart with --set revision=affirmed."
    )


@pytest.mark.parametrize("kind", PODS)
def test_a_gateway_without_a_revision_is_refused(kind: str) -> None:
    """Its pods need to be injected, and no webhook of the mesh would match them."""
    assert refusal(workload(kind, {"name": "istio-proxy"}, annotations={TEMPLATES: "gateway"})) == (
        f"multimesh: <stdin>:2: {kind}/any: spec/template/metadata has no istio.io/rev, so another mesh, or none, would "
        "inject or serve these pods [revision]\n  Render the chart with --set revision=affirmed."
    )


@pytest.mark.parametrize("kind", PODS)
@pytest.mark.parametrize("revision", ["affirmed", "next"])
def test_pods_of_the_mesh_stay(kind: str, revision: str) -> None:
    """Gateways and others, of each of its revisions."""
    options = {"labels": {REVISION: revision}, "annotations": {TEMPLATES: "gateway"}}
    assert stays(workload(kind, {"name": "istio-proxy"}, **options), canaryRevisions=["next"])


@pytest.mark.parametrize("kind", PODS)
@pytest.mark.parametrize("annotations", [{}, {TEMPLATES: "sidecar"}, {"other": "gateway"}], ids=str)
def test_pods_that_ask_for_no_revision_stay(kind: str, annotations: dict) -> None:
    """The label of the namespace decides about them."""
    assert stays(workload(kind, {"name": "app"}, annotations=annotations))


def test_pods_of_shared_charts_stay():
    """They serve every revision."""
    manifest = workload("DaemonSet", {"name": "install-cni"}, labels={REVISION: "default"})
    assert stays(manifest, sharedResources="own")


@pytest.mark.parametrize("labels", [{REVISION: "blue"}, {TAG: "default"}], ids=str)
def test_labels_of_a_workload_itself_stay(labels: dict) -> None:
    """Those of its pods decide who injects them."""
    spec = {"template": {"metadata": {"labels": {REVISION: "affirmed"}}, "spec": {"containers": [{"name": "app"}]}}}
    assert stays(thing("Deployment", "any", "apps/v1", labels=labels, spec=spec))


def test_a_refusal_of_pods_says_which_value_accepts_them():
    manifest = workload("Deployment", labels={"istio.io/rev": "x"})
    assert accepts(manifest) == ({}, {"revision": "affirmed"})

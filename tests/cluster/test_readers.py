"""What YAML readers disagree on, installed by real Helms: no stock name, selector, port or flag reaches the API server.

Each text is installed twice: without the post-renderer, which shows that Helm reads the stock value in it, and through
it. There it is refused, and nothing is installed, or the value of the mesh is installed in place of the stock one.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import charts
import pytest
from api import until
from world import World
from worlds import in_worlds

pytestmark = in_worlds("1.30.3")

NAMESPACE = "istio-affirmed"


class Case(NamedTuple):
    """One text, and what is installed."""

    text: str
    #: In what Helm installs without the post-renderer, and never in what it installs through it.
    stock: str
    #: In what Helm installs through the post-renderer; empty if that refuses.
    ours: str = ""
    #: The Helms with which it refuses nevertheless: Helm 4 writes the text anew before, in plainer YAML.
    refused: tuple[int, ...] = ()
    #: The Helms of which the API server does not accept the stock text.
    invalid: tuple[int, ...] = ()


ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
READER, OURS = '"name":"istio-reader"', '"name":"istio-reader-affirmed"'
BINDING = (
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: istio-multi}, "
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}"
)
MULTI = '"name":"istio-multi"'
CONFIG = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: quiet\n  namespace: {NAMESPACE}\n"
VALIDATOR = f"""\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istio-validator-affirmed-{NAMESPACE}
  labels:
    istio.io/rev: affirmed
webhooks:
- %sclientConfig: {{service: {{name: istiod-affirmed, namespace: {NAMESPACE}, path: /validate}}}}
  rules: []
  sideEffects: None
  admissionReviewVersions: [v1]
"""
EVERYWHERE = '"namespaceSelector":{}'
NARROWED = (
    '"namespaceSelector":{"matchExpressions":[{"key":"multimesh.dev/mesh","operator":"In","values":["affirmed"]}]}'
)
SERVICE = f"""\
apiVersion: v1
kind: Service
metadata:
  name: edge
  namespace: {NAMESPACE}
  labels: {{chart: gateways, heritage: Tiller}}
spec:
  type: NodePort
  ports:
  - name: http2
    port: 80
    nodePort: %s
"""
PORTS = ("0x7A94", "31_380", "31380.0", "3.138e4", "075224", "+31380", "0b111101010010100")
INJECTOR = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector
webhooks:
%s- name: sidecar-injector.istio.io
  clientConfig: {%s}
  rules: []
  sideEffects: None
  admissionReviewVersions: [v1]
  failurePolicy: Ignore
  namespaceSelector:
    matchLabels:
      istio-injection: enabled
"""
ENABLED, LABELLED = '"istio-injection":"enabled"', '"istio-injection":"enabled-affirmed"'
OTHER = (
    "- {name: a.example.com, clientConfig: {url: https://example.com/a}, rules: [], sideEffects: None, "
    "admissionReviewVersions: [v1]}\n"
)
OWN_SERVICE = f"service: {{name: istio-sidecar-injector, namespace: {NAMESPACE}}}"
GALLEY = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: istio-galley, namespace: {NAMESPACE}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{istio: galley}}}}
  template:
    metadata: {{labels: {{istio: galley}}}}
    spec:
      containers:
      - name: galley
        image: galley
        command: [/usr/local/bin/galley, server]
        args: %s
"""
FLAG = "--webhook-name=istio-affirmed-galley"

CASES = {
    "a merge after the key": Case(ROLE + "metadata: {name: reader-affirmed, <<: {name: istio-reader}}\n", READER),
    "a merge before the key": Case(ROLE + "metadata: {<<: {name: x-affirmed}, name: istio-reader}\n", READER, OURS),
    "a second merge": Case(ROLE + "metadata: {<<: {labels: {a: b}}, <<: {name: istio-reader}}\n", READER, OURS),
    "a merge in labels": Case(ROLE + "metadata: {name: istio-reader, labels: {<<: {a: b}, c: d}}\n", READER, OURS),
    "a key in Base64": Case(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n!!binary a2luZA==: ClusterRole\n"
        "metadata: {name: istio-reader}\n",
        '"kind":"ClusterRole"',
    ),
    "a tag before a comma": Case(ROLE + "metadata: {name: !!str, istio-reader}\n", READER),
    "items in a ConfigMap": Case(CONFIG + f"items:\n- {BINDING}\n", MULTI),
    "an explicit first key": Case(VALIDATOR % "? name\n  : rev.validation.istio.io\n  ", EVERYWHERE, NARROWED),
    "another explicit first key": Case(
        VALIDATOR % "? failurePolicy\n  : Ignore\n  name: rev.validation.istio.io\n  ", EVERYWHERE, NARROWED
    ),
    "an explicit key that is removed": Case(
        (SERVICE % 1).replace("    nodePort: 1\n", "    ? nodePort\n    : 31380\n    targetPort: 81\n"),
        '"nodePort":31380',
        '"targetPort":81',
        refused=(3,),
    ),
    # Helm 4 writes the mark in quotes, and server-side apply refuses a field of that name.
    "a byte order mark before a key": Case(
        ROLE + "\ufeffmetadata: {name: b-affirmed}\nmetadata: {name: istio-reader}\n", READER, invalid=(4,)
    ),
    **{f"a node port {port}": Case(SERVICE % port, '"nodePort":31380', '"port":80') for port in PORTS},
    "an injector by url": Case(INJECTOR % ("", "url: https://example.com/inject"), ENABLED, LABELLED),
    "an injector of another service": Case(
        INJECTOR % ("", OWN_SERVICE.replace("istio-sidecar-injector", "mine")), ENABLED, LABELLED
    ),
    "another entry before the injector": Case(INJECTOR % (OTHER, OWN_SERVICE), ENABLED),
    "an injector of a revision": Case(
        (INJECTOR % ("", OWN_SERVICE)).replace("-injector\n", "-injector\n  labels: {istio.io/rev: affirmed}\n", 1),
        ENABLED,
    ),
    "a flag of galley in its args": Case(GALLEY % "[--webhook-name=istio-galley]", "--webhook-name=istio-galley", FLAG),
    "a flag of galley in two words": Case(
        GALLEY % "[--webhook-name, istio-galley]", '"--webhook-name","istio-galley"', '"istio-affirmed-galley"'
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(world: World) -> World:
    """Make the namespaces and the profile of a mesh, and nothing else."""
    world.make_namespaces("affirmed")
    world.profile("affirmed")
    return world


#: The kinds of the texts.
KINDS = (
    "ClusterRole", "ClusterRoleBinding", "Role", "ConfigMap", "Service", "Deployment", "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)  # fmt: skip


def installed(world: World, before: set[str]) -> dict[str, str]:
    """Return what is in the cluster and was not there before, by its uid, as JSON without the managed fields."""
    found = {}
    for kind in KINDS:
        for obj in world.api.list(kind):
            meta = obj["metadata"]
            if meta["uid"] not in before:
                meta.pop("managedFields", None)
                found[meta["uid"]] = json.dumps(obj | {"kind": kind}, sort_keys=True, separators=(",", ":"))
    return found


def tried(world: World, name: str, case: Case, *flags: str) -> tuple[int, str, str]:
    """Install a chart of a text; return Helm's exit code, its message and what was installed, and remove it again."""
    chart = charts.write(world.folder / "charts" / name, case.text)
    before = set(installed(world, set()))
    done = world.run("install", name, chart, "-n", NAMESPACE, "--disable-openapi-validation", *flags)
    found = "\n".join(installed(world, before).values())
    removed = world.run("uninstall", name, "-n", NAMESPACE, "--ignore-not-found")
    assert removed.code == 0, removed.err
    until("everything is removed", lambda: installed(world, before), so=lambda left: left == {})
    return done.code, done.err, found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_stock_value_is_installed_that_only_helm_reads(place: World, case: Case, request) -> None:
    """Without the post-renderer it is: otherwise the test would show nothing."""
    name = re.sub("[^a-z0-9]+", "-", request.node.callspec.id.partition("-")[2].lower()).strip("-")[:40]
    code, said, found = tried(place, name, case)
    if place.helm.major in case.invalid:
        assert (code, found) == (1, "")
    else:
        assert code == 0, said
        assert case.stock in found
    code, said, found = tried(place, name, case, *place.through("affirmed"))
    assert case.stock not in found
    if case.ours and place.helm.major not in case.refused:
        assert code == 0, said
        assert case.ours in found
    else:
        assert (code, found) == (1, "")
        assert place.helm.major in case.invalid or "multimesh: <stdin>" in said


def test_a_shared_name_that_the_profile_renames_is_refused_or_renamed(place: World) -> None:
    """The role and what refers to it get the same name, or the profile is refused."""
    role = ROLE + "metadata: {name: company-reader}\n---\n"
    binding = BINDING.replace("istio-multi", "company-binding-affirmed").replace("name: view", "name: company-reader")
    place.profile("affirmed", renameNames=["ClusterRole/company-reader"])
    code, said, found = tried(place, "renamed", Case(role + binding + "\n", ""), *place.through("affirmed"))
    assert code == 0, said
    assert found.count('"name":"company-reader-affirmed"') == 2
    assert '"name":"company-reader"' not in found
    place.profile("affirmed", renameNames=["ClusterRole/istio-cni"])
    code, said, found = tried(place, "shared", Case(role, ""), *place.through("affirmed"))
    assert (code, found) == (1, "")
    assert "renameNames" in said
    place.profile("affirmed")

"""The pipeline: which refusals of one object are gathered, bytes that are not ASCII, and streams that cannot be cut."""

from __future__ import annotations

import pytest
import rule_cases
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render import pipeline

MESH = load(profile("affirmed", "istio-affirmed", ("nginx-affirmed",)), "profile.yaml")
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\n"


def refusals(manifest: str) -> list[str]:
    """Return the rules that refuse a manifest, one for each refusal."""
    with pytest.raises(MultimeshError) as raised:
        pipeline.render((manifest + rule_cases.END).encode(), MESH)
    return [error.rule for error in (raised.value, *raised.value.others)]


def test_a_chart_that_does_not_belong_here_is_refused_once() -> None:
    """What other rules say of its names does not help."""
    role = ROLE.replace("kiali", "istio-cni-reader")
    assert refusals(role) == ["shared-resources"]
    assert refusals(role.replace("istio-cni-reader", "reader")) == ["cluster-scoped-names"]


def test_every_rule_can_refuse_an_object() -> None:
    webhook = (
        "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata:\n  name: mine\n"
        "  namespace: elsewhere\nwebhooks:\n- name: sidecar-injector.istio.io\n  clientConfig: {}\n  rules: x\n"
    )
    assert len(refusals(webhook)) > 1


def test_edits_have_their_place_where_text_is_not_ascii() -> None:
    text = f"# grün ü\n{ROLE}  annotations:\n    a: ö\n---\n# ä\n{ROLE}# ß\n{rule_cases.END}"
    assert pipeline.render(text.encode(), MESH).output.decode() == text.replace("name: kiali", "name: kiali-affirmed")


@pytest.mark.parametrize("begins", ["", "\ufeff"])
def test_a_stream_that_cannot_be_cut_is_rewritten_as_a_whole(begins: str) -> None:
    """A byte order mark stays what it is."""
    text = f"{begins}{ROLE}...\n---\n{ROLE}"
    assert pipeline.render(text.encode(), MESH).output.decode() == text.replace("name: kiali", "name: kiali-affirmed")


VALIDATOR = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n"
    "  name: istiod-istio-affirmed\n  namespace: istio-affirmed\nwebhooks:\n- name: validation.istio.io\n"
    "  clientConfig:\n    service:\n      name: istiod\n      namespace: istio-affirmed\n"
)


@pytest.mark.parametrize("text", [
    VALIDATOR.replace("- name: validation.istio.io\n", "- name: validation.istio.io\r"),
    VALIDATOR.replace("\n", "\r\n").replace("- name: validation.istio.io\r\n", "- name: validation.istio.io\r"),
])  # fmt: skip
def test_the_next_marker_follows_a_line_feed_whatever_break_a_new_line_gets(text: str) -> None:
    """Helm sees a marker only after one: the document after it would be lost."""
    output = pipeline.render(f"{text}{rule_cases.END}".encode(), MESH).output.decode()
    assert "multimesh.dev/mesh" in output
    assert output.endswith(f"\n{rule_cases.END}")


def test_the_next_marker_follows_a_line_feed_where_the_last_line_is_removed() -> None:
    service = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: {chart: gateways, heritage: Helm}\nspec:\n"
        "  ports:\n  - name: http2\n    port: 80\r"
    )
    output = pipeline.render(f"{service}    nodePort: 31380\n{rule_cases.END}".encode(), MESH).output.decode()
    assert output == service.removesuffix("\r") + f"\n{rule_cases.END}"


def test_a_stream_in_which_helm_would_lose_a_document_is_refused() -> None:
    """Without the last two items, a lone carriage return precedes the marker."""
    crd = (
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
        "metadata: {{name: {}.istio.io, annotations: {{helm.sh/resource-policy: keep}}}}}}\n"
    )
    kept = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\r"
    items = "- ".join(["", kept, crd.format("gateways.networking"), crd.format("sidecars.networking")])
    stream = f"apiVersion: v1\nkind: List\nmetadata: {{}}\nitems:\n{items}{rule_cases.END}"
    other = load(profile("blue", "istio-blue", ()), "profile.yaml")
    with pytest.raises(MultimeshError, match="Helm does not read this document"):
        pipeline.render(stream.encode(), other)
    assert b"sidecars" not in pipeline.render(stream.replace("\r", "\n").encode(), other).output


def test_words_in_one_document_concern_no_rule_in_another() -> None:
    """In a stream that cannot be cut, all documents are one text."""
    role = ROLE.replace("kiali", "kiali-affirmed")
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-x\ndata: {}\ndata: {}\n"
    for word in ("mesh", "other"):
        stream = f"# {word}\r\n---\n{config}---\n{role}# {word}\n"
        assert pipeline.render(stream.encode(), MESH).output.decode() == stream


def test_a_large_stream_that_cannot_be_cut_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MAX_SIZE", 2 << 20)
    text = f"{ROLE}...\n---\n{ROLE}# " + "x" * (2 << 20)
    with pytest.raises(MultimeshError) as raised:
        pipeline.render(text.encode(), MESH)
    assert raised.value.what == "cannot be cut into documents, and has more than 2 MB"


CRD = (
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.b.io\n"
    "  annotations:\n    helm.sh/resource-policy: keep\n"
)
RULE = "apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata:\n  name: a\n  labels:\n    !!int app: mixer\n"


@pytest.mark.parametrize("before", [RULE, f"{ROLE}rules:\n  - watch\n", "a: &b 1\n"])
def test_what_becomes_the_last_document_is_refused_as_the_last_one_is(before: str) -> None:
    """Its successors are dropped, and when the result is rendered again, all of it is parsed."""
    text = profile("blue", "istio-blue") + "  sharedResources: leave\n  renameNames: [ClusterRole/company]\n"
    mesh = load(text, "profile.yaml")
    with pytest.raises(MultimeshError) as last:
        pipeline.render(before.encode(), mesh)
    with pytest.raises(MultimeshError) as followed:
        pipeline.render(f"{before}---\n{CRD}---\n{CRD}".encode(), mesh)
    assert (followed.value.what, followed.value.rule) == (last.value.what, last.value.rule)
    pipeline.render(f"{ROLE}rules: []\n---\n{CRD}".encode(), mesh)


@pytest.mark.parametrize("size", [4096, 8192])
def test_a_last_line_that_helm_3_would_drop_gets_its_line_feed(size: int) -> None:
    """Only a line of this size without a line feed gets one, and only where something was changed."""
    role = '{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "kiali"}, "x": "'
    renamed = role.replace("kiali", "kiali-affirmed")
    for more, end in ((0, "\n"), (1, ""), (-1, "")):
        text = "y" * (size + more - len(renamed) - 2) + '"}'
        found = pipeline.render((role + text).encode(), MESH).output.decode()
        assert found == renamed + text + end
        assert pipeline.render(found.encode(), MESH).output.decode() == found

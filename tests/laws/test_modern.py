"""The laws, over every stream of Istio 1.9 to 1.30, for the mesh that owns the shared resources and for one that leaves them.

The expected values come from `modern` and `oracle`, which share no code with the package.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random

import modern
import oracle
import pytest
from modern import Mesh
from program import Result, profile, render
from restyle import restyle
from streams import Stream, over, stream, streams

VERSIONS = ("1.9.9", "1.16.7", "1.24.6", "1.30.3")
CHARTS = ("base", "istiod", "gateway", "cni", "ztunnel")
MESHES = {
    "affirmed": Mesh("affirmed", "istio-affirmed", own=True),
    "blue": Mesh("blue", "istio-blue", own=False),
}
WORKLOADS = {"affirmed": ("nginx-affirmed",), "blue": ("nginx-blue", "shop-blue")}

ALL = [s for version in VERSIONS for s in streams(version=version, charts=CHARTS)]
# What a mesh that leaves the shared objects must not install.
SHARED = [
    s for s in ALL if s.mesh == "blue" and (s.chart in ("cni", "ztunnel") or (s.version, s.chart) == ("1.24.6", "base"))
]
GOOD = [s for s in ALL if s not in SHARED]
LABELLED = [(helm, version) for helm, version in itertools.product(("helm3", "helm4"), VERSIONS) if ALL]


def profile_of(mesh: str, **spec: object) -> str:
    found = MESHES[mesh]
    spec = {"sharedResources": "own" if found.own else "leave", **spec}
    return profile(mesh, found.namespace, WORKLOADS[mesh], **spec)


@cache
def rendered(source: Stream) -> bytes:
    result = render(source.text.encode(), profile_of(source.mesh))
    assert (result.code, result.err) == (0, "")
    return result.out


@cache
def before(source: Stream) -> list[oracle.Object]:
    return oracle.load(source.text)


@cache
def after(source: Stream) -> list[oracle.Object]:
    return oracle.load(rendered(source))


def documents(text: str) -> list[str]:
    """Cut a stream where its documents begin; the concatenated parts are the stream."""
    return [part for part in re.split(r"(?m)^(?=---(?:\s|$))", text) if part]


def by_key(objs: list[oracle.Object]) -> dict[oracle.Key, oracle.Object]:
    found = {oracle.key(obj): obj for obj in objs}
    assert len(found) == len(objs)
    return found


def wrong(expected: dict, actual: dict) -> Iterator[str]:
    """Return one line for each path at which two sets of objects differ."""
    for key in sorted({*expected, *actual}):
        if key not in actual or key not in expected:
            yield f"{key}: {'missing' if key in expected else 'not planned'}"
        elif expected[key] != actual[key]:
            for path, (wanted, found) in oracle.differences(expected[key], actual[key]).items():
                yield f"{key} {oracle.show(path)}: expected {wanted!r}, found {found!r}"


def seed_of(*parts: object) -> int:
    return zlib.crc32("/".join(map(str, parts)).encode())


# --- 1. only planned values change ---------------------------------------------------------


@over("source", GOOD)
def test_only_planned_values_change_and_to_what_the_tables_say(source):
    """Law 1: the output has exactly the values that the tables give; CRDs that are left to the owner are absent."""
    expected = modern.expected(before(source), MESHES[source.mesh], after(source))

    assert list(wrong(expected, by_key(after(source)))) == []


@over("source", [s for s in GOOD if s.helm == "helm3"])
def test_documents_without_a_planned_value_keep_every_byte(source):
    """Law 1: a document without a planned value keeps its bytes and its place."""
    changes, dropped = modern.plan(before(source), MESHES[source.mesh])
    touched = {change.key for change in changes} | dropped
    stay = [part for part in documents(source.text) if not touched & {oracle.key(o) for o in oracle.load(part)}]
    new = iter(documents(rendered(source).decode()))

    assert [part for part in stay if part not in new] == []


@over("source", GOOD)
def test_every_comment_survives_but_those_of_what_goes(source):
    """Law 1: only comments of a dropped CRD and on the line of an empty `caBundle` are removed."""
    _, dropped = modern.plan(before(source), MESHES[source.mesh])
    kept = "".join(p for p in documents(source.text) if not dropped & {oracle.key(o) for o in oracle.load(p)})
    kept = re.sub(r'(?m)^ +caBundle: "".*\n', "", kept)

    assert comments(kept) == [c for c in comments(rendered(source).decode()) if not c.startswith("# multimesh:")]


def comments(text: str) -> list[str]:
    return re.findall(r"(?m)(?:^|\s)(#.*)$", text)


@over("source", GOOD)
def test_the_diff_is_as_long_as_the_rules_need(source):
    """Law 1: a stock gateway does not change, and only lines that a rule names are removed."""
    old, new = source.text.splitlines(), rendered(source).decode().splitlines()
    _, dropped = modern.plan(before(source), MESHES[source.mesh])
    if dropped:
        return
    if source.chart in ("gateway", "cni", "ztunnel"):
        assert old == new
    gone = [line.strip() for line in _gone(old, new)]
    allowed = (
        r"name: \"?istiod(-default-validator)?\"?|istio\.io/rev: \"?default\"?|caBundle: \"\".*|rootNamespace: null"
        r"|apiVersion: \S+|mesh: .*rootNamespace: null.*"
    )
    assert [line for line in gone if not re.fullmatch(allowed, line)] == []


def _gone(old: list[str], new: list[str]) -> list[str]:
    """Return the lines of one text that are missing in another one, which has the others in the same order."""
    gone, position = [], 0
    for line in old:
        found = next((number for number in range(position, len(new)) if new[number] == line), None)
        if found is None:
            gone.append(line)
        else:
            position = found + 1
    return gone


# --- 2. a new name depends only on the object and the profile ------------------------------


@over("source", GOOD)
def test_parts_give_what_the_whole_gives(source):
    """Law 2: the parts of a stream, cut anywhere between documents and rendered one by one, give the whole output."""
    parts = documents(source.text)
    seed = seed_of(source)
    cuts = sorted(Random(seed).sample(range(1, len(parts)), min(2, len(parts) - 1)))
    pieces = ["".join(parts[a:b]) for a, b in itertools.pairwise([0, *cuts, len(parts)])]
    results = [render(piece.encode(), profile_of(source.mesh)) for piece in pieces]

    assert {(0, "")} == {(r.code, r.err) for r in results}, f"seed {seed}, cuts {cuts}"
    together = b"".join(r.out for r in results)
    assert by_key(oracle.load(together)) == by_key(after(source)), f"seed {seed}, cuts {cuts}"
    if not any(b"# multimesh:" in r.out for r in results):
        assert together == rendered(source), f"seed {seed}, cuts {cuts}"


# --- 3. rendering an output again changes nothing ------------------------------------------


@over("source", GOOD)
def test_running_twice_is_running_once(source):
    """Law 3: rendering the output again gives the same bytes, in the owner and in the other mesh."""
    again = render(rendered(source), profile_of(source.mesh))

    assert (again.code, again.err) == (0, "")
    assert rendered(source) == again.out


# --- 4. two meshes have nothing in common --------------------------------------------------


def mesh_of(helm: str, version: str, mesh: str) -> list[oracle.Object]:
    """Return everything that a mesh installs; the gateway that Helm 4 cannot render is taken from Helm 3.

    At 1.24.6 the mesh that leaves what is shared installs its base without CRDs, as the refusal says.
    """
    objs: list[oracle.Object] = []
    for chart in CHARTS:
        source = Stream(helm, version, mesh, chart)
        source = source if source.path.exists() else source._replace(helm="helm3")
        if source in SHARED and chart == "base":
            objs += oracle.load(without_crds(source).out)
        elif source.path.exists() and source not in SHARED:
            objs += after(source)
    return objs


@over("helm,version", LABELLED)
def test_two_meshes_do_not_meet(helm, version):
    """Law 4: only conflicts that values decide remain: the trust domain, and the label of the 1.9 gateway."""
    found = oracle.collisions(mesh_of(helm, version, "affirmed"), mesh_of(helm, version, "blue"))

    assert found - {("C13", "trust domain", "cluster.local"), ("C14", "gateway label", "ingressgateway")} == set()


@over("helm,version", LABELLED)
def test_two_stock_meshes_meet(helm, version):
    """The test of law 4 can fail: without the rules the validators of two meshes overlap."""
    stock = [
        [obj for s in streams(helm=helm, version=version, mesh=mesh, charts=CHARTS) for obj in before(s)]
        for mesh in MESHES
    ]

    assert {"C5"} <= {finding[0] for finding in oracle.errors(oracle.collisions(*stock))}


@over("helm,version", LABELLED)
@pytest.mark.parametrize("mesh", MESHES)
def test_no_reference_leads_nowhere(helm, version, mesh):
    """Law 4: everything that bindings, accounts, services of webhooks, selectors, volumes, revisions and addresses refer to exists."""
    assert set() == oracle.dangling(mesh_of(helm, version, mesh))


@over("version", [version for version in VERSIONS if ALL])
@pytest.mark.parametrize("mesh", MESHES)
def test_both_helms_give_the_same_values(version, mesh):
    """They differ only in the annotation that Helm 4 adds to everything, in the order, and in empty annotations."""
    both = []
    for helm in ("helm3", "helm4"):
        objs = [obj for s in GOOD if (s.helm, s.version, s.mesh) == (helm, version, mesh) for obj in after(s)]
        both.append(by_key([_plain(obj) for obj in objs]))
    shared = both[0].keys() & both[1].keys()

    assert list(wrong({k: both[0][k] for k in shared}, {k: both[1][k] for k in shared})) == []
    missing = {k.name for k in both[0].keys() ^ both[1].keys()}
    assert missing <= ({f"ingress-{mesh}"} if version == "1.24.6" else set())


def _plain(obj: oracle.Object) -> oracle.Object:
    annotations = obj["metadata"].get("annotations")
    kept = (
        {} if annotations in (None, oracle.NULL) else {k: v for k, v in annotations.items() if "postrenderer" not in k}
    )
    meta = {k: v for k, v in obj["metadata"].items() if k != "annotations"} | ({"annotations": kept} if kept else {})
    return {**obj, "metadata": meta}


# --- the style of a stream -----------------------------------------------------------------


@over("source", [s for s in GOOD if s.chart != "base" or s.version != "1.30.3" or s.helm == "helm3"])
def test_style_changes_nothing(source):
    """Law 6: the same documents in another YAML style get the same values."""
    seed = seed_of(source)
    result = render(restyle(source.text, Random(seed)).encode(), profile_of(source.mesh))

    assert (result.code, result.err) == (0, ""), f"seed {seed}"
    assert list(wrong(by_key(after(source)), by_key(oracle.load(result.out)))) == [], f"seed {seed}"


# --- which mesh injects a pod and validates a resource -------------------------------------


@over("version", [version for version in VERSIONS if ALL])
def test_no_pod_is_injected_by_two_meshes(version):
    """For all labels of namespaces and pods, next to a stock mesh. With the label of a mesh exactly one mesh injects."""
    kind = "MutatingWebhookConfiguration"
    meshes = {mesh: modern.entries(after(stream("helm3", version, mesh, "istiod")), kind) for mesh in MESHES}
    meshes["stock"] = modern.default_mesh("one" if version == "1.9.9" else "four")
    for namespace, pod in itertools.product(modern.NAMESPACES, modern.PODS):
        found = {mesh: modern.answers(entries, namespace, pod) for mesh, entries in meshes.items()}
        asked = [name for names in found.values() for name in names]
        owner = namespace.get(modern.INJECTION, "").removeprefix("enabled-")

        assert len(asked) <= 1, (namespace, pod, found)
        if owner in MESHES and pod.get(modern.INJECT) != "false":
            assert [f"{owner}.namespace.{modern.INJECTOR}"] == found[owner], (namespace, pod)


@over("version", [version for version in VERSIONS if ALL])
def test_a_resource_is_validated_by_the_mesh_of_its_namespace_alone(version):
    """An unlabelled resource is always validated, one with a revision never by another mesh, and one elsewhere by no mesh."""
    kind = "ValidatingWebhookConfiguration"
    meshes = {mesh: modern.entries(validators(version, mesh), kind) for mesh in MESHES}
    for namespace, resource in itertools.product(modern.NAMESPACES, modern.PODS):
        found = {mesh for mesh, entries in meshes.items() if modern.answers(entries, namespace, resource)}
        mesh = {namespace[modern.MESH]} if modern.MESH in namespace else set()

        assert found <= mesh, (namespace, resource)
        if modern.REVISION not in resource:
            assert found == mesh, (namespace, resource)


def validators(version: str, mesh: str) -> list[oracle.Object]:
    """Return the validators of a mesh: of its base, and of its istiod."""
    return [o for o in mesh_of("helm3", version, mesh) if o["kind"] == "ValidatingWebhookConfiguration"]


def without_crds(source: Stream) -> Result:
    """Return a base as rendered with the value that excludes the CRDs."""
    parts = [p for p in documents(source.text) if "\nkind: CustomResourceDefinition" not in p]
    result = render("".join(parts).encode(), profile_of(source.mesh))
    assert (result.code, result.err) == (0, "")
    return result


@over("version", [version for version in VERSIONS if ALL])
def test_a_canary_revision_gets_no_entry_for_the_label(version):
    """The label belongs to `spec.revision`; a canary has only the entries of the chart, and validates for its mesh."""
    source = stream("helm3", version, "affirmed", "istiod")
    canary = profile_of("affirmed", revision="other", canaryRevisions=["affirmed"])
    result = render(source.text.encode(), canary)

    assert (result.code, result.err) == (0, "")
    kind = "MutatingWebhookConfiguration"
    assert [e["name"] for e in modern.entries(before(source), kind)] == [
        e["name"] for e in modern.entries(oracle.load(result.out), kind)
    ]


# --- shared resources ----------------------------------------------------------------------


@over("source", [s for s in GOOD if s.chart == "base"])
def test_the_owner_keeps_every_crd_and_the_other_mesh_has_none(source):
    """Each CRD has the annotation that keeps it when the owner is uninstalled."""
    found = oracle.of_kind(after(source), "CustomResourceDefinition")

    if MESHES[source.mesh].own:
        assert len(oracle.of_kind(before(source), "CustomResourceDefinition")) == len(found)
    else:
        assert found == []
    assert {"keep"} >= {crd["metadata"]["annotations"][modern.KEEP] for crd in found}


CRD = """\
---
# Source: base/templates/crds.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gateways.networking.istio.io
  annotations:
    helm.sh/resource-policy: keep
"""


@pytest.mark.parametrize("count", [1, 2])
def test_when_everything_is_dropped_one_comment_line_is_left(count):
    """Helm 4 refuses an empty output."""
    result = render((CRD * count).encode(), profile_of("blue"))

    assert (result.code, result.err) == (0, "")
    assert oracle.load(result.out) == []
    assert re.fullmatch(rb"# multimesh: [^\n]+\n", result.out)


LEFT = '{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}\n'


def test_documents_that_only_a_carriage_return_separates_are_refused():
    """Helm does not recognise the marker, and would install only the first document."""
    result = render(f"{CRD}---\n# a comment\n{LEFT}".replace("\n", "\r").encode(), profile_of("blue"))
    assert (result.code, result.out) == (2, b"")


@pytest.mark.parametrize(
    "stream",
    [
        f"--- {LEFT}{CRD}",
        f"---\n{LEFT}{CRD}",
        f"\ufeff--- {LEFT}{CRD}",
        f"{CRD}--- {LEFT}",
        f"--- # a comment\n{LEFT}{CRD}",
    ],
)
def test_what_is_left_beside_dropped_crds_is_never_taken_for_nothing(stream):
    """A document may begin on the line of its marker."""
    result = render(stream.encode(), profile_of("blue"))

    assert (result.code, result.err) == (0, "")
    assert [obj["kind"] for obj in oracle.load(result.out)] == ["ServiceAccount"]


def test_a_list_of_which_everything_is_dropped_is_an_empty_list():
    """Without the key `items` it would be an object without a name, which the API server refuses."""
    items = "".join(f"- {line}" if not number else f"  {line}" for number, line in enumerate(CRD.splitlines(True)[2:]))
    result = render(f"apiVersion: v1\nkind: List\nitems:\n{items}".encode(), profile_of("blue"))

    assert (result.code, result.err) == (0, "")
    assert oracle.documents(result.out) == [{"apiVersion": "v1", "kind": "List", "items": []}]


# --- upgrades ------------------------------------------------------------------------------

VALIDATING = [s for s in GOOD if s.chart in ("base", "istiod")] + streams(version="1.5.0", charts=("istio-demo",))


@over("source", VALIDATING)
def test_an_upgrade_leaves_out_what_the_control_plane_owns_and_nothing_else(source):
    """The running control plane owns `failurePolicy` of validators; mutating webhooks keep theirs."""
    result = render(source.text.encode(), profile_of(source.mesh), "--upgrade")
    expected = oracle.load(rendered(source))
    for entry in modern.entries(expected, "ValidatingWebhookConfiguration"):
        del entry["failurePolicy"]
    if source.version == "1.5.0":
        # Its control plane owns `caBundle` too, and the chart sends an empty one with every upgrade.
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for entry in modern.entries(expected, kind):
                del entry["clientConfig"]["caBundle"]

    assert (result.code, result.err) == (0, "")
    assert list(wrong(by_key(expected), by_key(oracle.load(result.out)))) == []


@over("source", VALIDATING)
def test_an_upgrade_rewritten_twice_is_rewritten_once(source):
    """Law 3 with `--upgrade`, where the field has been removed already."""
    once = render(source.text.encode(), profile_of(source.mesh), "--upgrade")
    twice = render(once.out, profile_of(source.mesh), "--upgrade")

    assert (once.out, 0) == (twice.out, twice.code)


# --- 5. after an error stdout is empty -----------------------------------------------------

REFUSED = [
    *((s, "ist" if s.chart == "base" else "own", remedy) for s in SHARED for remedy in [{
        "base": "base.excludedCRDs",
        "cni": "pilot.cni.enabled=true",
        "ztunnel": "Install ztunnel once",
    }[s.chart]]),
    *((s, "revision", "--set revision=affirmed") for s in streams(version="1.30.3", charts=("istiod-default-revision",))),
    *(
        (s, "istio-system", "--set global.istioNamespace=istio-affirmed")
        for s in streams(version="1.30.3", charts=("istiod-mixed-namespaces",))
    ),
]  # fmt: skip


@over("source,culprit,remedy", REFUSED)
def test_what_must_be_refused_is_refused_with_its_remedy(source, culprit, remedy):
    """Law 5: the exit code is 2, stdout is empty, and stderr has the resource and the remedy."""
    result = render(source.text.encode(), profile_of(source.mesh))

    assert (result.code, result.out) == (2, b"")
    assert culprit in result.err.splitlines()[0]
    assert remedy in "\n".join(result.err.splitlines()[1:])
    assert "Traceback" not in result.err


@over("source", [s for s in SHARED if s.chart == "base"])
def test_the_remedy_for_a_crd_works(source):
    """Without the CRDs the base of a mesh that leaves them is rendered, with a validator of its own."""
    assert "istiod-default-validator-blue" in {o["metadata"]["name"] for o in oracle.load(without_crds(source).out)}


@over("source", SHARED)
def test_what_one_mesh_leaves_another_one_may_own(source):
    """Every such message ends with this remedy."""
    assert render(source.text.encode(), profile_of(source.mesh, sharedResources="own")).code == 0


CONFIGURATION = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-blue\n  namespace: istio-blue\ndata:\n{}---\n"
)


@pytest.mark.parametrize(
    "data",
    [
        "  mesh: |\n    rootNamespace: null\n",
        "    mesh: |\n      rootNamespace: null\n",
        ' "mesh": "rootNamespace: null"\n',
        "  ? mesh\n  : rootNamespace: null\n".replace(": root", ": 'root").replace("null", "null'"),
        "  a: b\n  mesh : 'rootNamespace: null'\n",
        "  {mesh: 'rootNamespace: null'}\n",
        '  "m\\x65sh": "rootNamespace: null"\n',
    ],
)
def test_a_mesh_configuration_is_read_however_its_key_is_written(data):
    """Charts indent it by two spaces; an umbrella chart may write it differently."""
    found = oracle.load(render(CONFIGURATION.format(data).encode(), profile_of("blue")).out)

    assert oracle.documents(found[0]["data"]["mesh"]) == [{"rootNamespace": "istio-blue"}]


INJECTOR = """\
apiVersion: admissionregistration.k8s.io/{version}
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector-blue-istio-blue
  labels: {{istio.io/rev: blue}}
webhooks:
- name: {prefix}sidecar-injector.istio.io
  clientConfig:
    url: https://istiod.example.com/inject
    caBundle:
  namespaceSelector:
    matchExpressions:
    - {{key: istio-injection, operator: DoesNotExist}}
    - {{key: istio.io/rev, operator: In, values: [blue]}}
"""


@pytest.mark.parametrize("written", ["", ' ""', " null", " ~"])
def test_an_entry_that_asks_a_url_is_copied_without_the_bundle_that_is_none(written):
    """`caBundle:` without a value, as in the charts of a remote control plane, is null and not the text "none"."""
    stock = INJECTOR.format(version="v1", prefix="rev.namespace.").replace("caBundle:", f"caBundle:{written}")
    entries = oracle.load(render(stock.encode(), profile_of("blue")).out)[0]["webhooks"]

    assert [entry["clientConfig"] for entry in entries] == [{"url": "https://istiod.example.com/inject"}] * 2


NO_SELECTORS = {
    "a list": "[a]",
    "a text": "all",
    "labels in a list": "{matchLabels: [a]}",
    "a label with two values": "{matchLabels: {multimesh.dev/mesh: {a: b}}}",
    "a label that is a number": "{matchLabels: {istio-injection: 1}}",
    "expressions in a mapping": "{matchExpressions: {key: a}}",
    "an expression that is a text": "{matchExpressions: [a]}",
    "an expression without a key": "{matchExpressions: [{operator: Exists}]}",
    "a value that is a mapping": "{matchExpressions: [{key: istio-injection, operator: In, values: [{a: b}]}]}",
    "values in a text": "{matchExpressions: [{key: multimesh.dev/mesh, operator: In, values: blue}]}",
    "an operator of its own": "{matchExpressions: [{key: multimesh.dev/mesh, operator: Is, values: [blue]}]}",
    "an operator of its own for injection": "{matchExpressions: [{key: istio-injection, operator: Is, values: [a]}]}",
}


@pytest.mark.parametrize("selector", NO_SELECTORS.values(), ids=NO_SELECTORS)
@pytest.mark.parametrize("kind", ["Mutating", "Validating", "ConfigMap"])
def test_what_is_no_label_selector_is_refused(kind, selector):
    """It is unknown what it selects, and Kubernetes would refuse it."""
    if kind == "ConfigMap":
        stock = CONFIGURATION.format(f"  mesh: 'discoverySelectors: [{selector}]'\n")
    else:
        stock = INJECTOR.format(version="v1", prefix="rev.namespace.").partition("  namespaceSelector:")[0]
        stock = stock.replace("Mutating", kind) + f"  namespaceSelector: {selector}\n"
        if kind == "Validating":
            stock = stock.replace("sidecar-injector.istio.io", "validation.istio.io")
    done = render(stock.encode(), profile_of("blue"))

    assert (done.code, done.out) == (2, b"")
    assert "is not a label selector" in done.err or "Kubernetes knows In, NotIn, Exists and DoesNotExist" in done.err


def test_an_entry_of_1_8_that_asks_a_url_is_still_the_only_one():
    """The control plane patches one entry by its name: a second one would reject every pod."""
    stock = INJECTOR.format(version="v1beta1", prefix="")
    entries = oracle.load(render(stock.encode(), profile_of("blue")).out)[0]["webhooks"]

    assert [entry["namespaceSelector"] for entry in entries] == [modern.labelled(MESHES["blue"])]


GATEWAY = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: istio-ingressgateway
  namespace: istio-blue
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: istio-ingressgateway
  namespace: istio-blue
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: istio-ingressgateway
subjects:
- kind: ServiceAccount
  name: istio-ingressgateway
"""


def test_the_roles_of_a_modern_gateway_keep_the_name_of_their_release():
    """Up to 1.20 they have no label, as those of the 1.5 chart, whatever the name of the release is."""
    result = render(GATEWAY.encode(), profile_of("blue"))

    assert (result.code, result.out.decode()) == (0, GATEWAY)


TAGS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-revision-tag-{}-istio-blue
  labels:
    istio.io/tag: {}
    istio.io/rev: blue
webhooks: []
"""


def test_two_revision_tags_in_one_document_are_refused_with_their_remedy():
    """The charts of 1.10 to 1.16 leave out the marker between them, and a YAML parser would see only the last one."""
    result = render((TAGS.format("prod", "prod") + TAGS.format("blue-a", "blue-a")).encode(), profile_of("blue"))

    assert (result.code, result.out) == (2, b"")
    assert "--set revisionTags={TAG}" in result.err


UNKNOWN = "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: a\n"
CONFIG_MAP = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n  namespace: istio-blue\n"


@pytest.mark.parametrize(("more", "told"), [("shop-settings", True), ("istio-settings", False)])
def test_a_chart_that_has_nothing_to_do_with_istio_is_told_so(more, told):
    """The message says so if only the namespace of the mesh occurs in the stream, and the chart is still refused."""
    result = render((UNKNOWN + CONFIG_MAP.format(more)).encode(), profile_of("blue"))

    assert (result.code, result.out) == (2, b"")
    assert "keepNames" in result.err
    assert ("has nothing to do with Istio" in result.err) is told


@over("source", [s for s in GOOD if s.chart in ("base", "istiod", "gateway")])
def test_a_stream_that_was_rewritten_for_another_mesh_is_refused(source):
    """A second profile in the same namespace is refused, since the names are those of the first one."""
    red = profile("red", MESHES[source.mesh].namespace, sharedResources="own")
    result = render(rendered(source), red)

    if source.chart == "gateway" and source.version == "1.9.9":
        return  # No field in that chart says which mesh it belongs to.
    assert (result.code, result.out) == (2, b"")

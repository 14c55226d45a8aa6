"""The prefilter skips only documents that concern no rule, whatever text they contain.

The oracle is libyaml, and the program itself with the guard switched off.
"""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest
import yaml
from program import ROOT, profile
from streams import over, streams

from multimesh.errors import MultimeshError
from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED, group_of
from multimesh.mesh.profile import load
from multimesh.render import documents
from multimesh.render import pipeline as rendering
from multimesh.render import prefilter as guard
from multimesh.render.pipeline import render
from multimesh.rules import gateways
from multimesh.yamltext import longtext

NS = "istio-affirmed"
MESHES = {
    "affirmed": profile("affirmed", NS, ("nginx-affirmed",), sharedResources="own"),
    "flags": profile("affirmed", NS, flags=[{"container": "galley", "args": ["--x=1"]}], keepNames=["Widget/*"]),
    "names": profile("affirmed", NS, renameNames=["ClusterRole/reader"], keepNames=["ClusterRole/kiali"]),
}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
END = b"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: end\n"


def mesh(name: str = "affirmed"):
    return load(MESHES[name], "profile.yaml")


def run_python(code: str) -> set[str]:
    """Run code in a new interpreter, and return the words that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def outcome(data: bytes, of):
    """Render, and return the bytes or the first line of the refusal."""
    try:
        return render(data, of).output
    except MultimeshError as error:
        return str(error).splitlines()[0]


def unguarded(data: bytes, of, monkeypatch):
    """Render with every document parsed."""
    with monkeypatch.context() as patch:
        patch.setattr(rendering, "may_skip", lambda body, mesh, data: False)
        patch.setattr(rendering, "head_size", lambda body: 0)
        return outcome(data, of)


def passes(body: bytes, of) -> bool:
    """Return whether the prefilter skips a document."""
    return guard.may_skip(body, of, guard.long_data(body))


ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: kiali\n"

LIST = "apiVersion: v1\nkind: List\nmetadata:\n  name: a\nitems:\n"

GATEWAY = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: istio-x-service-account\n  labels:\n    app:{}\n"

# Documents that must not be skipped. A simpler prefilter skipped each of them, or would skip it.
DOUBTS = {
    "a root that is indented, and a quoted kind at column 0": (
        "  a: 'x\nkind: ConfigMap\n'\n  kind: ClusterRole\n  apiVersion: rbac.authorization.k8s.io/v1\n"
        "  metadata:\n    name: kiali\n"
    ),
    "the same behind a comment": "# c\n  a: 'x\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\n'\n  kind: ClusterRole\n",
    "JSON in one line": '{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"kiali"}}\n',
    "JSON over lines": '{\n"apiVersion": "rbac.authorization.k8s.io/v1",\n"kind": "ClusterRole",\n"metadata": {"name": "kiali"}}\n',
    "a double-quoted key": 'apiVersion: v1\n"kind": ClusterRole\nmetadata:\n  name: kiali\n',
    "a single-quoted key": "apiVersion: v1\n'kind': ClusterRole\nmetadata:\n  name: kiali\n",
    "an escaped key": 'apiVersion: v1\n"k\\u0069nd": ClusterRole\nmetadata:\n  name: kiali\n',
    "both keys": "apiVersion: v1\nkind: ConfigMap\n'kind': ClusterRole\nmetadata:\n  name: kiali\n",
    "the kind twice": "apiVersion: v1\nkind: ConfigMap\nkind: ClusterRole\nmetadata:\n  name: kiali\n",
    "the metadata twice": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\nmetadata:\n  name: b\n  namespace: other\n",
    "an explicit key": "apiVersion: v1\n? kind\n: ClusterRole\nmetadata:\n  name: kiali\n",
    "an anchored key": "apiVersion: v1\n&a kind: ClusterRole\nmetadata:\n  name: kiali\n",
    "a tagged key": "apiVersion: v1\n!!str kind: ClusterRole\nmetadata:\n  name: kiali\n",
    "a blank before the colon": "apiVersion: v1\nkind : ClusterRole\nmetadata:\n  name: kiali\n",
    "a tagged kind": "apiVersion: v1\nkind: !!str ConfigMap\nmetadata:\n  name: a\n",
    "the kind on the next line": "apiVersion: v1\nkind:\n  ClusterRole\nmetadata:\n  name: kiali\n",
    "a kind that goes on": "apiVersion: v1\nkind: ConfigMap\n  x\nmetadata:\n  name: kiali\n",
    "a kind that goes on behind empty lines": "apiVersion: v1\nkind: ConfigMap\n\n\n  x\nmetadata:\n  name: kiali\n",
    "a merge key": "x: &b\n  kind: ClusterRole\napiVersion: v1\n<<: *b\nmetadata:\n  name: kiali\n",
    "a flow root": "{apiVersion: v1, kind: ClusterRole, metadata: {name: kiali}}\n",
    "a list": "- a\n",
    "a scalar": "just text\n",
    "kind: List": "apiVersion: v1\nkind: List\nmetadata:\n  name: a\nitems:\n- kind: ClusterRole\n",
    "a List with a role": LIST + "- " + ROLE.replace("\n", "\n  "),
    "a List whose items go on": LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\nkind: ClusterRole\n",
    "a List with an alias": (
        LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n    labels: &l\n      a: b\n"
        "- apiVersion: v1\n  kind: Service\n  metadata:\n    name: a\n    labels: *l\n"
    ),
    "a List of somewhere else": LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n    namespace: other\n",
    "a List with less indented text": (
        LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n  data:\n    a: 'x\n y'\n"
    ),
    "a List in a flow": LIST.replace("\n  name: a", " {") + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n",
    "a List in a quoted key": LIST.replace("name", "'name") + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n",
    "items in another kind": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nitems:\n- b\n",
    "items without a kind": "apiVersion: v1\nmetadata:\n  name: a\nitems:\n- b\n",
    "items at the beginning": "items:\n- b\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n",
    "quoted items": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n'items':\n- b\n",
    "items in an item": LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n  items:\n  - b\n",
    "a known role": ROLE,
    "a renamed role": ROLE.replace("kiali", "kiali-affirmed"),
    "a role of nobody": ROLE.replace("kiali", "reader"),
    "an unknown kind": "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: a\n",
    "a known kind of another group": "apiVersion: example.com/v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
    "text after metadata": "apiVersion: v1\nkind: Secret\nmetadata: X\n  name: a\n",
    "metadata in a flow": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: other}\n",
    "a namespace of another mesh": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: other\n",
    "a namespace behind an empty line": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n\n  namespace: other\n",
    "a namespace behind two empty lines": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n\n\n  namespace: other\n",
    "a namespace behind a comment": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# c\n  namespace: other\n",
    "a namespace behind two comments": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# c\n# d\n  namespace: other\n",
    "a namespace behind comment and line": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# c\n\n  namespace: other\n",
    "a namespace behind a comment and a tab": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n\t\n  namespace: other\n",
    "a quoted namespace key": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  'namespace': other\n",
    "an escaped namespace key": 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  "names\\u0070ace": other\n',
    "a namespace key escaped by a line": 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  "names\\x70ace": other\n',
    "a merged namespace": "x: &b\n  namespace: other\napiVersion: v1\nkind: Secret\nmetadata:\n  <<: *b\n  name: a\n",
    "a name in a quoted text": "apiVersion: v1\nkind: Secret\nmetadata:\n  a: 'x\n  name: b\n  y'\n  \"name\": c\n",
    "a name that goes on": ROLE.replace("kiali", "x-affirmed\n    y"),
    "a role named twice": ROLE.replace("name: kiali", 'name: x-affirmed\n  "name": kiali'),
    "a name in a quoted text before the role's own": ROLE.replace("name: kiali", "a: 'x\n  name: x-affirmed\n  y'\n  name : kiali"),
    "a role named twice, after labels": ROLE.replace("kiali", 'x-affirmed\n  labels:\n    a: b\n  "name": kiali'),
    "a role named twice, at first without a name": ROLE.replace("name: kiali", "name:\n  name: x-affirmed"),
    "an escape in the name of a role": ROLE.replace("kiali", '"ki\\x61li-affirmed"'),
    "a comment after the name of a role": ROLE.replace("kiali", "kiali #-affirmed"),
    "a role whose name is merged": ROLE.replace("name: kiali", "a: 'x\n  name: x-affirmed\n  y'\n  <<:\n    name: kiali"),
    "a quote that metadata leaves open": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  x: \"'\"\n  y: '\ndata:\n  a: '\n  namespace: other\n"
        "  z: 'y'\n"
    ),
    "a key behind quoted data": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: 'x\n'\nkind: ClusterRole\n",
    "an escaped word behind quoted data": (
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-grafana-configuration-dashboards\ndata:\n  a: \'x\'\n  b: "\\x61"\n'
    ),
    "a quote behind quoted data": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: 'it''s'\n  b: '\n'\n'kind': ClusterRole\n"
    ),
    "an alias bomb": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\na: &a [x, x]\nb: &b [*a, *a]\n",
    "a word in Base64": GATEWAY.format(" !!binary aXN0aW8taW5ncmVzc2dhdGV3YXk="),
    "a word in Base64 after a tab": GATEWAY.format("\t!!binary aXN0aW8taW5ncmVzc2dhdGV3YXk="),
    "an escape in a binding": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: a\n"
        'roleRef:\n  kind: ClusterRole\n  name: "ki\\x61li"\n'
    ),
    "an escape of a line in a binding": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: a\n"
        'roleRef:\n  kind: ClusterRole\n  name: "ki\\\n    ali"\n'
    ),
    "an escaped slash in a path": (
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: a\nspec:\n  path: \"\\/var\\/run\\/sds\"\n"
    ),
    "a subject elsewhere": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: a\n"
        "subjects:\n- kind: ServiceAccount\n  namespace: other\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", DOUBTS.values(), ids=DOUBTS)
@pytest.mark.parametrize("large", [longtext.MIN_SIZE, 0])
def test_a_document_in_doubt_is_read(text, large, monkeypatch):
    """Parsing a document costs a tenth of a millisecond; a stock name that is missed breaks another mesh."""
    monkeypatch.setattr(longtext, "MIN_SIZE", large)
    assert not passes(text.encode(), mesh())


# Documents that must be skipped: most of a chart.
CERTAIN = {
    "nothing": "",
    "comments": "# Source: istio/templates/empty.yaml\n",
    "blank lines": "\n\n",
    "Helm 3": "# Source: istio/charts/x.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: istio-affirmed\ndata:\n  a: b\n",
    "Helm 4": (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations:\n"
        "    postrenderer.helm.sh/postrender-filename: istio/templates/a.yaml\n"
    ),
    "quoted": 'apiVersion: "v1"\nkind: "Secret"\nmetadata:\n  name: "a"\n  namespace: \'istio-affirmed\'\n',
    "the tail of a quoted text": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  a: 'x\n\n    y\n\n'\n",
    "the tail of a flow": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata: {\n  a: b\n}\n",
    "a nested kind": (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  kind: ClusterRole\n  x: |\n    kind: ClusterRole\n"
    ),
    "a word that begins like it": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n# kind: ClusterRole\ndata:\n  kindred: x\n",
    "a List": (
        LIST + "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n  data:\n    a: |\n      b\n\n      c\n"
        "- metadata:\n    name: b\n    namespace: istio-affirmed\n  apiVersion: v1\n  kind: Secret\n"
    ),
    "a List after a comment": f"# Source: a.yaml\n\n{LIST}- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n",
    "quoted data": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: 'x\n} it''s &a *a\n\n'\n  b.json: '{\n}'\n\n",
    "a name after labels": "apiVersion: v1\nkind: Secret\nmetadata:\n  labels:\n    a: b\n  name: a\n",
    "a role of the mesh's own": ROLE.replace("kiali", f"istio-pilot-{NS}"),
}  # fmt: skip


@pytest.mark.parametrize("text", CERTAIN.values(), ids=CERTAIN)
@pytest.mark.parametrize("large", [longtext.MIN_SIZE, 0])
def test_a_document_that_concerns_nobody_passes_unread(text, large, monkeypatch):
    """Rendering is fast because these documents are not parsed."""
    monkeypatch.setattr(longtext, "MIN_SIZE", large)
    if text == CERTAIN["quoted data"] and large:
        pytest.skip("what begins like a key at the beginning of a line sends a small document to the parser")
    assert passes(text.encode(), mesh())


@pytest.mark.parametrize("indent", ["", "  "])
def test_an_item_passes_unread_unless_the_next_could_be_a_part_of_it(indent):
    """A bracket or a quote that is open at its end closes in another item."""
    item = "- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n  data: {}\n".replace("\n  ", f"\n  {indent}")
    item = indent + item
    assert guard.may_skip_item(item.encode(), mesh())
    assert guard.may_skip_item(item.replace("{}", "[a]").encode(), mesh())
    for end in ("[a,", "{a: b,", "'a", '"a', "]", "}"):
        assert not guard.may_skip_item(item.replace("{}", end).encode(), mesh())
    assert not guard.may_skip_item(item.replace("Secret", "Widget").encode(), mesh())


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_a_workload_is_read_where_the_profile_adds_flags(kind):
    """Any name in it may be that of a container."""
    text = f"apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: a\nspec: {{}}\n".encode()
    of = mesh()
    assert passes(text, of)
    of.flags = [{"container": "c", "args": ["--a"]}]
    assert not passes(text, of)
    assert passes(text.replace(kind.encode(), b"StatefulSet"), of)


OBJECT = "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n"
OF_CHART = "  labels: {app: istio-ingressgateway, chart: gateways, heritage: Helm}\n"

# What rules look for, below the name of an object.
BAITS = [
    "  annotations:\n    cert-manager.io/cluster-issuer: letsencrypt\n",
    "  annotations:\n    certmanager.k8s.io/cluster-issuer: letsencrypt\n",
    "  annotations:\n    cert-manager.io/issuer: letsencrypt\n    cert-manager.io/issuer-kind: ClusterIssuer\n",
    "  labels:\n    istio.io/rev: default\n",
    OF_CHART + "spec:\n  selector: {app: istio-ingressgateway}\n",
    OF_CHART + "spec:\n  scaleTargetRef: {name: istio-ingressgateway}\n",
    OF_CHART + "spec:\n  ports:\n  - {name: http2, port: 80, nodePort: 31380}\n",
    "roleRef: {kind: ClusterRole, name: kiali}\n",
    "roleRef: {kind: ClusterRole, name: company}\n",
    "subjects:\n- {kind: ServiceAccount, name: a, namespace: other}\n",
    "subjects:\n- {kind: Group, name: 'system:serviceaccounts:istio-system'}\n",
    "rules:\n- {resources: [podsecuritypolicies], resourceNames: [any]}\n",
    "data:\n  mesh: '{}'\n",
    'data:\n  config: "hostPath:\\n  path: /var/run/sds\\n"\n',
    "spec:\n  issuerRef: {kind: ClusterIssuer, name: letsencrypt}\n",
    "spec:\n  secretStoreRef: {kind: ClusterSecretStore, name: vault}\n",
    "spec:\n  volumeName: volume\n",
    "spec:\n  template:\n    spec:\n      volumes:\n      - hostPath: {path: /var/run/sds}\n",
    "spec:\n  template:\n    spec:\n      containers:\n      - {name: discovery, args: [discovery]}\n",
    "spec:\n  template:\n    spec:\n      containers:\n      - {name: install-cni}\n",
]


@pytest.mark.parametrize("name", ["any-affirmed", "istio", "istio-ingressgateway", "istio-sidecar-injector"])
@pytest.mark.parametrize("bait", BAITS, ids=range(len(BAITS)))
def test_a_rule_does_the_same_to_an_object_in_the_middle_of_a_stream_and_at_its_end(bait, name, monkeypatch):
    """The last document is always parsed, so what `plan` does must be what READS names, in every kind."""
    one = load(profile("affirmed", NS, renameNames=["ClusterRole/company", "PersistentVolume/volume"]), "p")
    for group, kind in sorted(NAMESPACED | {("rbac.authorization.k8s.io", "ClusterRoleBinding")}):
        text = OBJECT.format(version=f"{group}/v1" if group else "v1", kind=kind, name=name) + bait
        data = text.encode() + END
        assert unguarded(data, one, monkeypatch) == outcome(data, one), kind


def test_the_registry_knows_every_kind_that_holds_the_name_of_a_gateway():
    """A rule would never get a kind that is missing in its table READS."""
    assert set(gateways.READS) == set(gateways.FIELDS) | {"ConfigMap"}


RULES = 'rules:\n- apiGroups: [""]\n  resources: [pods]\n\n  verbs: [get]\n'

# Roles for which the beginning of the document is not enough.
WHOLE_ROLES = {
    "a grant by name": ROLE + RULES + "- resources: [podsecuritypolicies]\n  resourceNames: [a]\n",
    "the same behind an escape": ROLE + RULES + '- resources: ["podsecurity\\x70olicies"]\n  resourceNames: [a]\n',
    "a key behind the rules": ROLE + RULES + "kind: ClusterRoleBinding\n",
    "the role of the Job": ROLE.replace("kiali", f"istio-security-post-install-{NS}") + RULES,
}


@pytest.mark.parametrize("text", WHOLE_ROLES.values(), ids=WHOLE_ROLES)
def test_a_role_is_read_whole_where_a_rule_may_ask_for_more(text):
    """The rules of a role concern multimesh only if they contain certain words."""
    assert documents.head_size((ROLE + RULES).encode()) == len(ROLE)
    assert documents.head_size(text.encode()) == 0


CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.b\n"


@pytest.mark.parametrize("last", ["kind: ClusterRole\n", "'kind': ClusterRole\n", "\tx\n", "- a\n"])
def test_a_key_behind_a_schema_is_seen_wherever_it_stands(last, monkeypatch):
    """A schema is searched in pieces, and no line between two pieces is missed."""
    monkeypatch.setattr(documents, "_CHUNK", 32)
    for lines in range(20):
        schema = "spec:\n" + "  a: b\n\n" * (lines // 2) + "  ccccc:\n    - d\n" * lines
        assert documents.head_size((CRD + schema).encode()) == len(CRD)
        for place in range(lines):
            cut = schema.split("\n")
            cut.insert(1 + place, last.rstrip("\n"))
            assert documents.head_size((CRD + "\n".join(cut)).encode()) == 0, (lines, place)
        assert documents.head_size((CRD + schema + last).encode()) == 0


UNCUT = {
    "a value on the marker's line": "a: 1\n--- {kind: ClusterRole}\n",
    "a block scalar on the marker's line": "--- |\n  x\n",
    "a tag on the marker's line": "a: 1\n--- !!map\nb: 1\n",
    "an anchor on the marker's line": "a: 1\n--- &a\nb: 1\n",
    "no marker at all": "a: 1\n---x: 1\n",
    "a carriage return": "a: 1\r\n---\r\nb: 1\r\n",
    "a lone carriage return": "a: 1\rb: 2\n",
    "a byte order mark": "\ufeffa: 1\n",
    "a byte order mark inside": "a: 1\n---\n\ufeffb: 1\n",
    "NEL": "a: 'x\x85---\x85y'\n",
    "LS": "a: 1\u2028---\u2028b: 2\n",
    "PS": "a: 1\u2029---\u2029b: 2\n",
    "a directive": "%YAML 1.1\n---\na: 1\n",
    "a directive behind a document": "a: 1\n...\n%YAML 1.1\n---\na: 1\n",
}


@pytest.mark.parametrize("text", UNCUT.values(), ids=UNCUT)
def test_a_stream_that_cannot_be_cut_safely_is_read_as_a_whole(text):
    """There only libyaml can find the boundaries of documents."""
    assert documents.split(text.encode()) is None


OTHER = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n"
LONG = "x\n" * 3000
DASHBOARD = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: '{LONG}'\n"
ENDED = {
    "behind a document": f"{ROLE}...\n---\n{OTHER}",
    "behind one that passes unread": f"{OTHER}...\n---\n{ROLE}",
    "behind nothing": f"---\n...\n---\n{ROLE}",
    "behind a comment": f"# c\n...\n---\n{ROLE}",
    "at the beginning": f"...\n{ROLE}",
    "with a document behind it": f"{OTHER}...\n{ROLE}---\n{OTHER}",
    "with a comment behind it": f"{ROLE}... # c\n---\n{OTHER}",
    "with a document on its marker's line behind it": f"{OTHER}...\n--- {{}}\n",
    "before long text": f"...\n{DASHBOARD}---\n{ROLE}",
    "behind a head": f"{ROLE}rules:\n- a: b\n...\n---\n{OTHER}",
    "between a head and what is left of it": f"{ROLE}...\nrules:\n- a: b\n---\n{OTHER}",
    "in a head": f"---\n...\n{ROLE}rules:\n- a: b\n---\n{OTHER}",
    "behind long text": f"{DASHBOARD}...\n---\n{ROLE}",
    "at the end": f"{ROLE}---\n{OTHER}...\n",
}


@pytest.mark.parametrize("text", ENDED.values(), ids=ENDED)
def test_a_document_end_changes_nothing(text, monkeypatch):
    """The end marker `...` is read as libyaml reads it in the whole stream."""
    one = mesh()
    monkeypatch.setattr(rendering, "split", lambda data: None)
    wanted = outcome(text.encode(), one)
    monkeypatch.undo()
    assert b"kiali-affirmed" in wanted if isinstance(wanted, bytes) else "YAML" in wanted or "object" in wanted
    assert outcome(text.encode(), one) == wanted


CUT = [
    "---\na: 1\n---\nb: 1\n",
    "a: 1\n--- # c\nb: 1\n",
    "a: 1\n---\t\nb: 1\n",
    "---",
    "\n---",
    "a: 1\n---   \n---\n",
    "",
    "a: é\n---\n",
]


@pytest.mark.parametrize("text", CUT)
def test_cutting_loses_nothing_and_cuts_where_libyaml_does(text):
    """The concatenated pieces are the stream, and each piece is one document of libyaml."""
    data = text.encode()
    places = documents.split(data)
    assert places is not None
    pieces = [(data[one.begin : one.start], data[one.start : one.end]) for one in places]
    assert data == b"".join(separator + piece for separator, piece in pieces)
    wanted = [document for document in yaml.load_all(text, Loader=LOADER) if document is not None]
    found = [yaml.safe_load(piece) for separator, piece in pieces]
    assert wanted == [document for document in found if document is not None]


# --- properties -------------------------------------------------------------------------------

KINDS = (
    "CustomResourceDefinition",
    "ConfigMap",
    "Secret",
    "ClusterRole",
    "ClusterRoleBinding",
    "RoleBinding",
    "Service",
    "Deployment",
    "Widget",
    "List",
)
VERSIONS = ("v1", "apps/v1", "rbac.authorization.k8s.io/v1", "apiextensions.k8s.io/v1", "example.com/v1")
NAMES = (
    "a",
    "kiali",
    "x-affirmed",
    "kiali-affirmed",
    "reader",
    "istio-galley",
    "istio-grafana-configuration-dashboards-x",
)
NAMESPACES = (NS, NS, "nginx-affirmed", "other")
LINES = [
    "kind: {kind}", "kind: ConfigMap", "'kind': {kind}", '"kind": {kind}', "kind : {kind}", "? kind", ": {kind}", "kind:", "kindred: x",
    "apiVersion: {version}", "apiVersion: '{version}'", "metadata:", "metadata: {{name: {name}}}", "metadata: &m", "<<: *m", "x: &m",
    "  name: {name}", "  namespace: {namespace}", '  "name": {name}', "  'namespace': {namespace}", "  ? name", "  : {name}",
    "  labels:", "    app: x", "    name: {name}", "  - name: {name}", "  <<: *m", "  <<:", "   {name}", "    {name}", " {name}",
    "# c", "  # c", "", "", "  ", "\t", "  \t", "a: 'x", "'", "  y'", 'a: "x', '"', '  y"', "a: |", "  a: >-", "a: {{", "}}", "}}, b: [", "]",
    "  a: [x,", "  y]", "  a: 'x'", "  b: 'it''s", "  c: '", "'  ", "data:", "- a", "-", "--x: y", "roleRef:", "  kind: ClusterRole", "subjects:", "- kind: {kind}", "data:", "  a: !!str b",
    '  "names\\u0070ace": {namespace}', '  a: "ki\\x61li"', "!!map", "&m", "*m", "...", "a: b # c", "  a: &m b", "  b: *m", "kind: {kind}  ",
    "spec:", "  ports:", "  - nodePort: 31380", "    name: http2", "é: 😀", "  name: 😀",
]  # fmt: skip


def base(rng: Random) -> list[str]:
    """Return the lines of a plain document."""
    lines = [f"apiVersion: {rng.choice(VERSIONS)}", f"kind: {rng.choice(KINDS)}"]
    rng.shuffle(lines)
    block = ["metadata:", f"  name: {rng.choice(NAMES)}"]
    if rng.random() < 0.5:
        block.insert(rng.choice((1, 2)), f"  namespace: {rng.choice(NAMESPACES)}")
    return lines + block + (["data:", "  a: b"] if rng.random() < 0.5 else [])


def random_document(rng: Random) -> str:
    """Return a document made of a plain one and lines that look like something else."""
    lines = base(rng) if rng.random() < 0.9 else []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 5))):
        line = rng.choice(LINES).format(
            kind=rng.choice(KINDS),
            version=rng.choice(VERSIONS),
            name=rng.choice(NAMES),
            namespace=rng.choice(NAMESPACES),
        )
        lines.insert(rng.randint(0, len(lines)), line)
    if rng.random() < 0.1 and lines:
        lines.pop(rng.randrange(len(lines)))
    if rng.random() < 0.1:
        lines = (
            ["  " + line for line in lines[:1]] + lines[1:] if rng.random() < 0.5 else ["  " + line for line in lines]
        )
    return "\n".join(lines) + rng.choice(("\n", "\n", "\n\n", ""))


def identity(text: str) -> tuple[str, str, str, str] | None:
    """Read group, kind, name and namespace with libyaml alone; None for text that is not YAML."""
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return None
    assert isinstance(root, yaml.MappingNode), text
    top = {key.value: node for key, node in root.value}
    keys = [key.value for key, _ in root.value]
    assert all(keys.count(key) < 2 for key in ("apiVersion", "kind", "metadata")), text
    if not {"apiVersion", "kind", "metadata"} <= set(top):
        # The apparent key is inside a quoted text. Without a real key Kubernetes refuses the object.
        return None
    below = {key.value: node.value for key, node in top["metadata"].value}
    keys = [key.value for key, _ in top["metadata"].value]
    assert all(keys.count(key) < 2 for key in ("name", "namespace")), text
    return group_of(top["apiVersion"].value), top["kind"].value, below.get("name", ""), below.get("namespace", "")


@pytest.mark.parametrize("seed", range(6))
def test_what_passes_unread_is_what_the_guard_takes_it_for(seed, monkeypatch):
    """The prefilter decides by the kind, name and namespace that libyaml reads."""
    rng = Random(f"guard {seed}")
    taken: list[tuple[str, bytes]] = []
    concerned_by = guard.concerned_by

    def spy(kind, name, *more):
        taken.append((kind, name))
        return concerned_by(kind, name, *more)

    monkeypatch.setattr(guard, "concerned_by", spy)
    monkeypatch.setattr(longtext, "MIN_SIZE", longtext.MIN_SIZE if seed % 2 else 0)
    one, passed = mesh("affirmed"), 0
    for _ in range(6000):
        text = random_document(rng)
        taken.clear()
        if not passes(text.encode(), one) or not taken:
            continue
        found = identity(text)
        if found is None:
            continue
        passed += 1
        group, kind, name, namespace = found
        assert (kind, name.encode()) == taken[0], (seed, text)
        assert namespace in ("", NS), (seed, text)
        assert (group, kind) in NAMESPACED or ((group, kind) in CLUSTER_SCOPED and name.endswith("-affirmed")), (
            seed,
            text,
        )
    assert passed > 60


@pytest.mark.parametrize("seed", range(6))
def test_the_guard_changes_no_byte_of_any_small_document(seed, monkeypatch):
    """Law 1: rendering with the prefilter and parsing every document give the same bytes."""
    rng = Random(f"bytes {seed}")
    monkeypatch.setattr(longtext, "MIN_SIZE", longtext.MIN_SIZE if seed % 2 else 0)
    name = rng.choice(sorted(MESHES))
    one, passed = mesh(name), 0
    for _ in range(6000):
        text = random_document(rng).encode()
        if rng.random() < 0.2:
            text = LIST.encode() + b"- " + text.rstrip(b"\n").replace(b"\n", b"\n  ") + b"\n"
        if not passes(text, one) and not documents.head_size(text):
            continue
        data = text + END
        wanted = unguarded(data, one, monkeypatch)
        if isinstance(wanted, str) and ("not YAML" in wanted or "no rule knows" in wanted or "no kind" in wanted):
            # Helm or Kubernetes refuses it anyway, or a field that no rule reads has an unexpected type.
            continue
        passed += 1
        assert wanted == outcome(data, one), (seed, name, text)
    assert passed > 60


@over("source", streams())
@pytest.mark.parametrize("owner", ["own", "leave"])
def test_the_guard_changes_no_byte_of_any_stream(source, owner, monkeypatch):
    """For every stock stream, accepted or refused, the result is the same with the prefilter and without it."""
    one = load(
        profile(source.mesh, f"istio-{source.mesh}", (f"nginx-{source.mesh}", "istio-ingress"), sharedResources=owner),
        "p",
    )
    data = source.text.encode()
    assert unguarded(data, one, monkeypatch) == outcome(data, one)

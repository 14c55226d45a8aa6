"""The pitfalls of editing YAML by position: each text is edited correctly, or refused with a message.

The numbers are those of a list in the design of this program. A case has the stock text, and either the exact output or
the message of the refusal. In no case a stock name remains without a message.
"""

from __future__ import annotations

import json
import re
from random import Random

import pytest
import yaml
from program import profile

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render
from multimesh.yamltext import parser

NS = "istio-affirmed"
MESH = profile("affirmed", NS, ("nginx-affirmed",), sharedResources="own")
RBAC = "rbac.authorization.k8s.io/v1"
END = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: end\n"


class Refused(str):
    """The text of the message after the line."""

    __slots__ = ("line",)
    line: int

    def __new__(cls, text: str, line: int = 0):
        """Return the message and the line in it."""
        self = super().__new__(cls, text)
        self.line = line
        return self


def rendered(text: str | bytes, of: str = MESH) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    return render(data, load(of, "profile.yaml")).output.decode()


def refusal(text: str | bytes, of: str = MESH) -> str:
    with pytest.raises(MultimeshError) as error:
        rendered(text, of)
    return str(error.value)


def role(name: str, *, kind: str = "kind: ClusterRole") -> str:
    """Return a ClusterRole whose name is written in one style."""
    return f"apiVersion: {RBAC}\n{kind}\nmetadata:\n  name: {name}\nrules: []\n"


def same(text: str, old: str = "kiali", new: str = "kiali-affirmed") -> tuple[str, str]:
    """Return a text, and the output in which only one name changes."""
    assert text.count(old) == 1, text
    return text, text.replace(old, new)


def citadel(args: str, before: str = "", after: str = "") -> str:
    """Return a Deployment to whose arguments a flag is appended."""
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: istio-citadel\n  namespace: istio-affirmed\nspec:\n"
        f"  template:\n    spec:\n      containers:\n      - name: citadel\n{before}{args}{after}"
    )


FLAG = "--listened-namespaces=istio-affirmed,nginx-affirmed"
OWN = Refused("in no table")

CASES: list[tuple[int, str, str, str]] = []


def case(number: int, title: str, text: str, after: str) -> None:
    CASES.append((number, title, text, after))


def renamed(number: int, title: str, spelling: str, after: str = "") -> None:
    """Add a role whose name, in this style, becomes that of the mesh."""
    case(number, title, role(spelling), role(after or spelling.replace("kiali", "kiali-affirmed")))


def refused_name(number: int, title: str, spelling: str, what: str, line: int = 1) -> None:
    case(number, title, role(spelling), Refused(what, line))


# Scalars
renamed(1, "single quotes", "'kiali'")
refused_name(1, "a doubled quote", "'it''s'", 'name "it\'s"')
renamed(2, "an escape", '"ki\\u0061li"', '"kiali-affirmed"')
renamed(2, "an escaped letter by two digits", '"\\x6biali"', '"kiali-affirmed"')
renamed(2, "an escaped line end", '"kia\\\n    li"', '"kiali-affirmed"')
refused_name(2, "an escaped quote", '"a\\"b"', "does not know the cluster-scoped name")
refused_name(2, "a tab", '"a\\tb"', "does not know the cluster-scoped name")
for nothing in ("", "~", "null", "Null", "''", '""', "# c"):
    refused_name(3, f"nothing: {nothing}", nothing, 'name ""')
refused_name(4, "a number", "123", 'name "123"')
renamed(5, "a plain word", "kiali")
for plain in (": a", "- a", "@a", "`a", "%a"):
    case(6, f"an indicator: {plain}", role(plain), Refused("", 0))
renamed(7, "a tag", "!!str kiali")
renamed(7, "the tag that says nothing", "! kiali")
renamed(7, "an anchor", "&n kiali")
renamed(7, "tag, anchor and quotes", "!!str &n 'kiali'")
refused_name(7, "a tag of no string", "!local kiali", 'metadata/name has the tag "!local"')
refused_name(7, "Base64", "!!binary a2lhbGk=", "in Base64")
case(8, "an alias on the path", f"x: &n kiali\n{role('*n')}", Refused("metadata/name is shared by an alias", 1))
case(8, "the anchor of an alias", role("&n kiali") + "x: *n\n", Refused("metadata/name is shared by an alias", 1))
case(
    8,
    "a shared mapping",
    role("kiali").replace("metadata:", "metadata: &m") + "x: *m\n",
    Refused("shared by an alias", 1),
)
case(
    9, "a merge key that provides the name",
    f"x: &b\n  name: kiali\napiVersion: {RBAC}\nkind: ClusterRole\nmetadata:\n  <<: *b\n", Refused("shared by an alias", 1),
)  # fmt: skip
case(9, "a merge of its own", *same(f"apiVersion: {RBAC}\nkind: ClusterRole\nmetadata:\n  <<: {{name: kiali}}\n"))
case(
    9, "a merge that provides the kind", f"x: &b {{kind: ClusterRole}}\napiVersion: {RBAC}\n<<: *b\nmetadata:\n  name: kiali\n",
    f"x: &b {{kind: ClusterRole}}\napiVersion: {RBAC}\n<<: *b\nmetadata:\n  name: kiali-affirmed\n",
)  # fmt: skip
renamed(10, "a literal", "|-\n    kiali", '"kiali-affirmed"')
renamed(10, "a folded", ">-\n    kiali", '"kiali-affirmed"')
renamed(10, "a literal with a comment", "|- # c\n    kiali\n", '"kiali-affirmed"\n')
refused_name(10, "a literal with its line break", "|\n    kiali", "does not know the cluster-scoped name")
refused_name(10, "plain on two lines", "kia\n    li", 'name "kia li"')
refused_name(10, "quoted on two lines", "'kia\n    li'", 'name "kia li"')
renamed(11, "on the next line", "\n    kiali")
renamed(11, "with a comment", "kiali # kiali-viewer", "kiali-affirmed # kiali-viewer")
renamed(11, "on the next line behind a comment", "# c\n    kiali # d")
case(
    12, "the name twice", role("kiali").replace("rules", "  name: other\nrules"), Refused('"name" is written twice', 1)
)
case(
    12,
    "the name twice in two spellings",
    role("kiali").replace("rules", "  'name': other\nrules"),
    Refused('"name" is written twice', 1),
)
for key in ('"name"', '"na\\u006de"', "'name'", "&k name", "!!str name", '"na\\\n    me"'):
    case(
        13,
        f"the key {key!r}",
        *same(
            role("kiali").replace("name:", f"{key}:")
            if "\n" not in key
            else role("kiali").replace("name:", '? "na\\\n    me"\n  :')
        ),
    )
case(13, "an explicit key", *same(role("kiali").replace("name:", "? name\n  :")))
for text in ("é", "日本", "😀", "👨‍👩‍👧", "\ud7ff\ue000", "e\u0301"):
    case(
        14,
        f"{text.encode('unicode_escape').decode()} before the name",
        *same(
            f"# {text}\n{role('kiali # ' + text).replace('name', f'labels: {{a: {text!r}, {text}: b}} # {text}{chr(10)}  name')}"
        ),
    )

# Structure
BELOW = "        args:\n"
ARGS = [
    (16, "behind the last leaf", "        args:\n          - a\n", "          # c\n\n        # d\n      # e\n", "          - "),
    (16, "behind a comment on the line", "        args:\n          - a # c\n", "        env: []\n", "          - "),
    (17, "behind a literal", "        args:\n          - |\n            a\n", "\n        env: []\n", "          - "),
    (17, "behind a literal that keeps breaks", "        args:\n          - |+\n            a\n\n", "        env: []\n", "          - "),
    (18, "in the column of the key", "        args:\n        - a\n", "        env: []\n", "        - "),
    (18, "in the column of the key, at the end", "        args:\n        - a\n", "", "        - "),
    (18, "behind an anchor", "        args: &a\n          - a\n", "        env: []\n", "          - "),
    (18, "behind a tag", "        args: !!seq # c\n          - a\n", "        env: []\n", "          - "),
]  # fmt: skip
for number, title, args, behind, dash in ARGS:
    case(number, title, citadel(args, after=behind), citadel(f"{args}{dash}{FLAG}\n", after=behind))
case(
    17,
    "the last item is a mapping",
    *same(citadel("        args: [a]\n", after="        x:\n        - a: b\n"), "[a]", f'[a, "{FLAG}"]'),
)
for number, title, flow in (
    (19, "two items", "[x, y{}]"), (19, "a final comma", "[x, y{}, ]"), (19, "blanks", "[ x , y{} ]"),
    (20, "over lines, with comments", "[\n            x, # a, b\n            y{} # ]\n          ]"),
    (20, "quoted, over lines", "[\n            'x',\n            \"y\"{}\n          ]"),
):  # fmt: skip
    case(
        number,
        title,
        citadel(f"        args: {flow.format('')}\n"),
        citadel(f"        args: {flow.format(f', {json.dumps(FLAG)}')}\n"),
    )
case(19, "an empty list", citadel("        args: []\n"), citadel(f'        args: ["{FLAG}"]\n'))
case(
    19,
    "an empty list over lines",
    citadel("        args: [\n          ]\n"),
    citadel(f'        args: [\n          "{FLAG}"]\n'),
)
case(
    19,
    "an alias at the end",
    citadel("        args: [x, *v]\n", before="        image: &v a\n"),
    citadel(f'        args: [x, *v, "{FLAG}"]\n', before="        image: &v a\n"),
)
case(21, "no list at all", citadel("        image: a\n"), Refused("has no args", 1))
case(21, "a list that says nothing", citadel("        args:\n"), Refused("has no args", 1))
case(21, "a list that is text", citadel("        args: a\n"), Refused("args is not a list", 1))

CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: a.istio.io\n"
KEEP = "    helm.sh/resource-policy: keep\n"
PRUNE = "    kustomize.toolkit.fluxcd.io/prune: disabled\n    argocd.argoproj.io/sync-options: Prune=false\n"
FLOW = (
    '"helm.sh/resource-policy": "keep", "kustomize.toolkit.fluxcd.io/prune": "disabled", '
    '"argocd.argoproj.io/sync-options": "Prune=false"'
)
case(21, "a missing mapping", CRD + "spec: {}\n", CRD + "  annotations:\n" + KEEP + PRUNE + "spec: {}\n")
case(21, "an empty mapping", CRD + "  annotations: {}\n", CRD + "  annotations: {" + FLOW + "}\n")
case(
    21,
    "a mapping that says nothing",
    CRD + "  annotations:\n",
    CRD + "  annotations: {" + FLOW + "}\n",
)
case(
    21,
    "a mapping that says null",
    CRD + "  annotations: ~ # c\n",
    CRD + "  annotations: {" + FLOW + "} # c\n",
)
case(
    21,
    "a key that says nothing",
    CRD + "  annotations:\n    helm.sh/resource-policy:\n",
    CRD + "  annotations:\n" + KEEP + PRUNE,
)
case(
    21,
    "a flow mapping",
    CRD + "  annotations: {a: b, }\n",
    CRD + "  annotations: {a: b, " + FLOW + ", }\n",
)
case(
    21,
    "the key in a text",
    CRD + "  annotations:\n    a: |\n      helm.sh/resource-policy: keep\n",
    CRD + "  annotations:\n    a: |\n      helm.sh/resource-policy: keep\n" + KEEP + PRUNE,
)
case(
    21,
    "an annotation of another value",
    CRD + "  annotations:\n    helm.sh/resource-policy: 'delete'\n",
    CRD + "  annotations:\n    helm.sh/resource-policy: 'keep'\n" + PRUNE,
)
case(21, "a parent that is text", CRD + "  annotations: a\n", Refused("metadata/annotations is not a mapping", 1))

JSON = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "kiali"}}
for number in (22, 34):
    case(number, "JSON in one line", *same(json.dumps(JSON) + "\n"))
    case(number, "JSON without blanks", *same(json.dumps(JSON, separators=(",", ":"))))
    case(number, "JSON over lines", *same(json.dumps(JSON, indent=2) + "\n"))
    case(
        number,
        "JSON sorted the other way",
        *same(json.dumps(dict(reversed(JSON.items())), indent="\t").replace("\t", " ") + "\n"),
    )
JSON_CITADEL = yaml.safe_load(citadel("        args: [x]\n"))
case(22, "a list in JSON", json.dumps(JSON_CITADEL), json.dumps(JSON_CITADEL).replace('["x"]', f'["x", "{FLAG}"]'))
ITEM = "".join("  " + line + "\n" for line in role("kiali").splitlines())
for number in (23, 39):
    case(number, "a List", *same(f"apiVersion: v1\nkind: List\nitems:\n-{ITEM[1:]}"))
    case(number, "a List of another name", *same(f"apiVersion: {RBAC}\nkind: ClusterRoleList\nitems:\n-{ITEM[1:]}"))
    case(number, "a List in JSON", *same(json.dumps({"kind": "List", "items": [JSON]})))
    case(number, "a List in a List", *same(json.dumps({"kind": "List", "items": [{"kind": "List", "items": [JSON]}]})))
    case(number, "an item that is an alias", f"kind: List\nitems:\n- &a\n{ITEM}- *a\n", Refused("shared by an alias"))
    case(
        number, "items that say nothing", "apiVersion: v1\nkind: List\nitems:\n", "apiVersion: v1\nkind: List\nitems:\n"
    )

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: {chart: gateways, heritage: Helm}\nspec:\n  ports:\n"
for title, ports, after in (
    (
        "its line and comment",
        "  - name: http2\n    nodePort: 31380 # c\n    port: 80\n",
        "  - name: http2\n    port: 80\n",
    ),
    ("the last entry", "  - port: 80\n    name: http2\n    nodePort: 31380\n", "  - port: 80\n    name: http2\n"),
    ("the first entry", "  - nodePort: 31380\n    name: http2\n", "  - name: http2\n"),
    ("in a flow", "  - {name: http2, nodePort: 31380, port: 80}\n", "  - {name: http2, port: 80}\n"),
    ("the last in a flow", "  - {name: http2, nodePort: 31380, }\n", "  - {name: http2, }\n"),
    ("in quotes", '  - name: "http2"\n    "nodePort": "31380"\n    port: 80\n', '  - name: "http2"\n    port: 80\n'),
    ("a port of the user's", "  - name: http2\n    nodePort: 31381\n", "  - name: http2\n    nodePort: 31381\n"),
):
    case(24, title, SERVICE + ports, SERVICE + after)
case(
    24,
    "an alias",
    SERVICE + "  - name: http2\n    port: &p 31380\n    nodePort: *p\n",
    SERVICE + "  - name: http2\n    port: &p 31380\n",
)

# Streams and line ends
LINES = citadel("        args:\n        - x\n", after="        env: []\n")
LINES_AFTER = citadel(f"        args:\n        - x\n        - {FLAG}\n", after="        env: []\n")
for ends, name in (("\r\n", "CRLF"), ("\r", "lone CR")):
    case(25, name, LINES.replace("\n", ends), LINES_AFTER.replace("\n", ends))
    case(
        25,
        f"{name}, two documents",
        (LINES + "---\n" + role("kiali")).replace("\n", ends),
        # Helm finds a marker only after a line feed.
        (LINES_AFTER + "---\n" + role("kiali-affirmed")).replace("\n", ends)
        if "\n" in ends
        else Refused('Helm does not read this document: no line "---" precedes it', LINES.count("\n") + 2),
    )
case(
    25,
    "mixed",
    LINES.replace("- x\n", "- x\r\n"),
    LINES_AFTER.replace("- x\n", "- x\r\n").replace(f"{FLAG}\n", f"{FLAG}\r\n"),
)
case(26, "a byte order mark", *same("\ufeff" + role("kiali")))
case(26, "a byte order mark before a marker", *same("\ufeff---\n" + role("kiali")))
case(26, "a byte order mark and CRLF", *same(("\ufeff# é\n" + role("kiali")).replace("\n", "\r\n")))
case(26, "a byte order mark before JSON", *same("\ufeff" + json.dumps(JSON)))
for ends, name in (
    ("", "no final newline"),
    ("\n\n\n", "several"),
    ("  \n \n", "trailing blanks"),
    ("\n# c", "a comment at the end"),
):
    case(27, name, *same(role("kiali").rstrip("\n") + ends))
    case(
        27, f"{name}, behind the name", *same(f"apiVersion: {RBAC}\nkind: ClusterRole\nmetadata:\n  name: kiali" + ends)
    )
for nothing in (
    "\n",
    "# c\n",
    "---\n",
    "---",
    "---\n---\n",
    "---\n# c\n---\n",
    "null\n",
    "~",
    "--- null\n",
    "---\n\n\n# c\n",
    "---\n...\n",
    "\n---\n  \n---\n# c",
):
    case(28, repr(nothing), nothing, nothing)
case(29, "a document end", *same(role("kiali") + "...\n"))
case(29, "a document end and another document", *same(role("x-affirmed") + "...\n---\n" + role("kiali")))
case(29, "a document end and no marker", role("x-affirmed") + "...\n" + role("kiali"), Refused("not YAML"))
case(29, "a directive", *same("%YAML 1.1\n---\n" + role("kiali")))
case(29, "a directive behind a document", *same(role("x-affirmed") + "...\n%YAML 1.1\n---\n" + role("kiali")))
for marker in ("--- # c", "---\t", "---   ", "--- !!map", "--- &a", "--- !!map # c", "--- &a # c"):
    case(29, f"the marker {marker!r}", *same(f"{marker}\n{role('kiali')}"))
    case(29, f"the marker {marker!r} in between", *same(f"{role('x-affirmed')}{marker}\n{role('kiali')}"))
for marker in ("--- |", "--- >", "--- 'x"):
    close = "'\n" if marker.endswith("x") else ""
    case(
        29,
        f"text behind the marker {marker!r}",
        f"{marker}\n  kind: ClusterRole\n{close}",
        Refused("not a Kubernetes object", 1),
    )
case(
    30,
    "a document on the marker's line",
    *same(f"--- {{apiVersion: {RBAC}, kind: ClusterRole, metadata: {{name: kiali}}}}\n"),
)
case(
    30,
    "the same in between",
    *same(f"{role('x-affirmed')}--- {{apiVersion: {RBAC}, kind: ClusterRole, metadata: {{name: kiali}}}}\n"),
)
case(30, "JSON there", *same(f"--- {json.dumps(JSON)}\n---\n{role('x-affirmed')}"))
case(30, "a block there", f"--- apiVersion: {RBAC}\nkind: ClusterRole\n", Refused("not YAML", 1))
case(31, "no marker", *same(role("kiali") + "---x: 1\n"))
case(31, "no marker in the middle", *same(role("kiali").replace("metadata", "---x: 1\nmetadata")))
case(31, "four dashes", *same(role("kiali").replace("metadata", "----: 1\nmetadata")))
case(32, "a marker in a block scalar", *same(role("kiali").replace("rules", "x: |\n  ---\n  kind: ConfigMap\nrules")))
case(32, "a marker at column 0 ends it", *same(role("x-affirmed") + "x: |\n  a\n---\n" + role("kiali")))
case(32, "a marker in quotes", role("kiali") + "x: 'a\n---\nb'\n", Refused("not YAML"))
case(33, "invalid YAML", role("kiali") + "x: [\n", Refused("not YAML"))
case(33, "NUL", role("kiali") + "x: \0\n", Refused("NUL"))

# Finding documents
for spelling in (
    '"kind": ClusterRole', "'kind': ClusterRole", 'kind: "ClusterRole"', "kind: 'ClusterRole'", "kind : ClusterRole", "kind: !!str ClusterRole",
    "kind: ClusterRole # c", "kind: ClusterRole  ", "kind:   ClusterRole", "kind:\tClusterRole", '"ki\\x6ed": "Cluster\\x52ole"', "kind: &k ClusterRole",
    "!!str kind: ClusterRole", '"kind" : "ClusterRole"',
):  # fmt: skip
    case(35, spelling, role("kiali", kind=spelling), role("kiali-affirmed", kind=spelling))
for spelling in (
    "kind:\n  ClusterRole",
    "? kind\n: ClusterRole",
    "kind: # c\n  ClusterRole",
    "? kind # c\n# d\n: ClusterRole",
    "kind: |-\n  ClusterRole",
    "kind: >-\n  ClusterRole",
):
    case(36, repr(spelling), role("kiali", kind=spelling), role("kiali-affirmed", kind=spelling))
case(37, "CRLF", *same(role("kiali").replace("\n", "\r\n")))
case(37, "an indented root", *same("".join(f"  {line}\n" for line in role("kiali").splitlines())))
case(
    37,
    "an indented root behind a comment",
    *same("# c\n" + "".join(f"    {line}\n" for line in role("kiali").splitlines())),
)
case(
    37,
    "an indented root of an odd kind",
    *same(f"   apiVersion: {RBAC}\n   'kind': ClusterRole\n   metadata: {{name: kiali}}\n"),
)
GHOST = f"  a: 'x\nkind: ConfigMap\n'\n  kind: ClusterRole\n  apiVersion: {RBAC}\n  metadata:\n    name: kiali\n"
case(38, "a kind at column 0 in quotes", *same(GHOST))
case(38, "behind a comment", *same("# Source: a\n" + GHOST))
case(38, "in double quotes", *same(GHOST.replace("'", '"')))
case(
    38,
    "the real one in quotes",
    *same(f"a: 'x\nkind: ConfigMap\n'\n\"kind\": ClusterRole\napiVersion: {RBAC}\nmetadata:\n  name: kiali\n"),
)
COPY = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-galley-configuration\n  namespace: istio-affirmed\ndata:\n"
    "  validatingwebhookconfiguration.yaml: {}\n  other: a\n"
)
INNER = (
    "apiVersion: admissionregistration.k8s.io/v1beta1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: istio-galley\n"
    "webhooks:\n  - name: pilot.validation.istio.io\n    clientConfig:\n      service:\n        name: istio-galley\n"
    "        namespace: istio-affirmed\n"
)
INNER_AFTER = INNER.replace("name: istio-galley\nweb", "name: istio-affirmed-galley\nweb").replace(
    "pilot.", "affirmed-pilot."
)


def literal(text: str, header: str = "|", indent: int = 4, more: str = "") -> str:
    return header + "\n" + more + "".join(" " * indent + line + "\n" if line else "\n" for line in text.splitlines())


def copy(written: str) -> str:
    return COPY.replace(" {}\n", " " + written.removesuffix("\n") + "\n")


case(39, "a webhook configuration in a ConfigMap", copy(literal(INNER)), copy(literal(INNER_AFTER)))
for spelling in (
    "kindred: ClusterRole",
    "# kind: ClusterRole",
    "x: {kind: ClusterRole}",
    "roleRef:\n  kind: ClusterRole",
    "x: |\n  kind: ClusterRole",
    "kind2: ClusterRole",
):
    text = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: kiali\n{spelling}\n"
    case(40, repr(spelling), text, text)
case(
    40,
    "a role of a binding",
    *same(
        f"apiVersion: {RBAC}\nkind: RoleBinding\nmetadata:\n  name: a\nroleRef:\n  kind: ClusterRole\n  name: kiali\n"
    ),
)
case(
    40,
    "a role of the namespace's own",
    *[f"apiVersion: {RBAC}\nkind: RoleBinding\nmetadata:\n  name: a\nroleRef:\n  kind: Role\n  name: kiali\n"] * 2,
)

# Documents inside documents
case(41, "evenly indented", copy(literal("# é😀\n" + INNER)), copy(literal("# é😀\n" + INNER_AFTER)))
case(41, "indented by one", copy(literal(INNER, indent=3)), copy(literal(INNER_AFTER, indent=3)))
for header in ("|-", "|+", "| # c", "|4", "|4-", "|+ # |"):
    number = header.replace("4", "2")
    indent = 4
    case(42, f"the header {number}", copy(literal(INNER, number, indent)), copy(literal(INNER_AFTER, number, indent)))
case(42, "a blank line first", copy(literal("\n" + INNER)), copy(literal("\n" + INNER_AFTER)))
case(
    42,
    "a first line that is indented further",
    copy(literal("  # c\n" + INNER, "|2")),
    copy(literal("  # c\n" + INNER_AFTER, "|2")),
)
case(
    43,
    "several documents",
    copy(literal(f"---\n{INNER}---\n# c\n{INNER}...\n")),
    copy(literal(f"---\n{INNER_AFTER}---\n# c\n{INNER_AFTER}...\n")),
)
case(46, "a template", copy(literal("{{ if }}\n")), Refused("not a Kubernetes object"))
case(46, "text that is no YAML", copy(literal("{{ a }} b: [\n")), Refused("not YAML"))
case(
    46,
    "text in another entry",
    COPY.replace("{}", "''").replace("other: a", "other: '{{ [ not YAML'"),
    COPY.replace("{}", "''").replace("other: a", "other: '{{ [ not YAML'"),
)


def runs() -> list:
    """Yield every case together with the texts that may be next to it."""
    found = []
    for number, title, text, after in CASES:
        found.append(pytest.param(text, after, "", "", id=f"{number}-{title}-alone"))
        if text[-1:] in ("\n", "\r"):
            tail = END.replace("\n", "\r\n") if text.endswith("\r\n") else END
            tail = "\n" + tail if text.endswith("\r") else tail
            found.append(pytest.param(text, after, "", tail, id=f"{number}-{title}-before another"))
        if not text.startswith(("\ufeff", "%")):
            head = END[4:] + ("" if text.startswith("---") else "---\n")
            found.append(pytest.param(text, after, head, "", id=f"{number}-{title}-behind another"))
    return found


@pytest.mark.parametrize(("text", "after", "head", "tail"), runs())
def test_a_pitfall_is_edited_right_or_refused(text, after, head, tail):
    """Alone and in a stream exactly the planned characters change, or the message has the line and the remedy."""
    if isinstance(after, Refused):
        message = refusal(head + text + tail)
        first, *hint = message.split("\n")
        assert first.startswith("multimesh: <stdin>"), message
        assert str(after) in first
        if after.line:
            assert f"<stdin>:{after.line + head.count(chr(10))}: " in first + " "
        assert hint
        assert all(line.startswith("  ") for line in hint)
    else:
        assert head + after + tail == rendered(head + text + tail)


def test_every_pitfall_of_the_list_has_a_case():
    """They are numbered from 1 to 49; those that are not a single text have a test of their own below."""
    own = {int(number) for name in globals() for number in re.findall(r"^test_pitfall_(\d+)", name)}
    assert set(range(1, 50)) == {case[0] for case in CASES} | own


@pytest.mark.parametrize(
    "name",
    ["y", "n", "on", "off", "yes", "no", "true", "false", "null", "1e3", "0o17", "007", "1_0", "1.5", "-", "kiali"],
)
@pytest.mark.parametrize("style", ["{}", "'{}'", '"{}"'])
def test_pitfall_5_new_text_that_go_would_misread_is_quoted(name, style):
    """A value that the user chose remains text, whatever it looks like."""
    mesh = profile("affirmed", NS, flags=[{"container": "galley", "env": {"A": "NAME"}}]).replace("NAME", f'"{name}"')
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template:\n    spec:\n      containers:\n"
        f"      - name: galley\n        env:\n        - name: A\n          value: {style.format('old')}\n"
    )
    after = rendered(text, mesh)
    value = parser.compose_all(after)
    found = yaml.safe_load(after)["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
    assert (name, str) == (found, type(found))
    assert next(value)
    written = after.rpartition("value: ")[2].strip()
    assert written == (
        name if name == "kiali" and style == "{}" else style.format(name) if style != "{}" else f'"{name}"'
    )


@pytest.mark.parametrize(
    "value",
    [
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "- a",
        "a ",
        " a",
        "a, b",
        "[a",
        "]",
        "{a}",
        "%a",
        "it's",
        'a"b',
        "a\\b",
        "a\nb",
        "é😀",
        "",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["env:\n        - name: A\n          value: old\n", "env: [{name: A, value: old}]\n", "env: []\n", "image: a\n"],
)
def test_pitfall_6_new_text_with_signs_of_yaml_is_quoted(value, text):
    """It holds in block and flow style, for a changed scalar and a new one."""
    mesh = profile("affirmed", NS, flags=[{"container": "galley", "env": {"A": value}}])
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template:\n    spec:\n      containers:\n      - name: galley\n        "
    after = rendered(head + text, mesh)
    assert [{"name": "A", "value": value}] == yaml.safe_load(after)["spec"]["template"]["spec"]["containers"][0]["env"]


def test_pitfall_15_a_span_claimed_twice_is_refused():
    """If the profile sets a flag to another value than a rule, the order of the two must not decide."""
    mesh = profile("affirmed", NS, flags=[{"container": "citadel", "args": ["--listened-namespaces=x"]}])
    message = refusal(citadel("        args: [--listened-namespaces=a]\n"), mesh)
    assert (
        "claimed twice, by rule citadel-scope and by rule flags" in message
        or "claimed twice, by rule flags and by rule citadel-scope" in message
    )


@pytest.mark.parametrize("style", ["'", '"', ">", "?"])
def test_pitfall_44_folded_and_quoted_bodies_are_edited_or_written_anew(style):
    """Positions in the value and in the text differ, so the scalar is written as a whole."""
    text = yaml.safe_dump(
        yaml.safe_load(copy(literal("# é😀\n" + INNER))),
        default_style=style.replace("?", "") or None,
        allow_unicode=True,
        width=60,
    )
    wanted = yaml.safe_load(text)
    wanted["data"]["validatingwebhookconfiguration.yaml"] = "# é😀\n" + INNER_AFTER
    assert wanted == yaml.safe_load(rendered(text))


@pytest.mark.parametrize("style", ["{}", "'{}'", "double", "|-\n            {}", ">-\n            {}"])
@pytest.mark.parametrize("blanks", [(",", ":"), (", ", ": ")])
def test_pitfall_45_json_in_a_string_is_escaped_for_both(style, blanks):
    """`ISTIO_METAJSON_LABELS` contains JSON in a scalar of any style."""
    labels = json.dumps({"app": "istio-ingressgateway", "text": 'it\'s "é"\n'}, separators=blanks)
    if style == "{}" and ": " in labels:
        labels = labels.replace(": ", ":")
    written = (
        json.dumps(labels)
        if style == "double"
        else style.format(labels.replace("'", "''") if "'{" in style else labels)
    )
    if style == "{}":
        written = json.dumps(labels)
    head = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: istio-ingressgateway\n  labels: {chart: gateways, heritage: Helm}\n"
        "spec:\n  template:\n    spec:\n      containers:\n      - name: istio-proxy\n        env:\n"
        "        - name: ISTIO_METAJSON_LABELS\n          value: "
    )
    after = yaml.safe_load(rendered(head + written + "\n"))
    found = after["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
    assert labels.replace("istio-ingressgateway", "istio-affirmed-ingressgateway") == found
    assert json.loads(found)["app"] == "istio-affirmed-ingressgateway"


def test_pitfall_46_an_injection_template_is_no_yaml_and_no_error():
    """A Go template and a dashboard are texts that are not parsed."""
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio-sidecar-injector\n  namespace: istio-affirmed\n"
        "  labels: {chart: a, heritage: Helm}\ndata:\n  config: |-\n    {{ if [ }}\n      hostPath:\n        path: /var/run/sds\n    {{ end }}\n"
    )
    assert text.replace("run/sds", "run/sds-affirmed") == rendered(text)


def test_pitfall_47_what_is_written_in_pieces_is_one_stream():
    """Pipes are tested in tests/commands/test_bad_input.py; here the parts are joined, and the bytes are the same."""
    text = "".join(case[3] for case in CASES if not isinstance(case[3], Refused) and case[0] in (1, 7, 11, 16, 35))
    text = "---\n".join(part for part in [text[:0], role("kiali-affirmed"), role("x-affirmed")] if part)
    done = render(text.encode(), load(MESH, "profile.yaml"))
    assert text.encode() == b"".join(done.parts) == done.output


TWICE = [case for case in CASES if not isinstance(case[3], Refused)]


@pytest.mark.parametrize("after", [case[3] for case in TWICE], ids=[f"{case[0]}-{case[1]}" for case in TWICE])
def test_pitfall_48_rendering_again_changes_nothing(after):
    """Law 3: rendering an output again changes nothing."""
    assert after == rendered(after)


def test_pitfall_48_libyaml_and_pure_python_give_the_same_bytes(monkeypatch):
    """The pure Python parser gives the same text, for every text that it can parse."""
    wanted = {}
    for number, title, text, after in CASES:
        if not isinstance(after, Refused):
            wanted[number, title] = (text, after)
    monkeypatch.setattr(parser, "_LOADER", parser._pure())
    failed = []
    for key, (text, after) in wanted.items():
        try:
            found = rendered(text)
        except MultimeshError as error:
            found = str(error)
        if found != after:
            failed.append((key, found))
    assert failed == []


@pytest.mark.parametrize("seed", range(3))
def test_pitfall_49_nothing_but_the_planned_values_differs(seed):
    """In a stream with many pitfalls each document has the same output as alone."""
    rng = Random(f"pitfalls {seed}")
    fit = [
        case for case in TWICE
        if "\r" not in case[2] and not case[2].startswith(("\ufeff", "%", "---", "...")) and case[2][-1:] == "\n" and "..." not in case[2]
    ]  # fmt: skip
    for _ in range(40):
        some = [rng.choice(fit) for _ in range(rng.randint(2, 8))]
        ends = rng.choice(("\n", "\r\n"))
        text = "---\n".join(case[2] for case in some).replace("\n", ends)
        after = "---\n".join(case[3] for case in some).replace("\n", ends)
        assert after == rendered(text), [case[:2] for case in some]

"""The keys of a mesh profile, what each may hold, and what it means.

`PROFILE` validates a profile (`multimesh/mesh/profile.py`) and becomes the JSON Schema that editors use
(`multimesh/mesh/schema.py`).
"""

from __future__ import annotations

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED, WELL_KNOWN_NAMESPACED
from multimesh.mesh.names import INJECTOR_ENTRY, MODEL_ENTRIES, STOCK_NAMES, is_kubernetes, is_never_renamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

API_VERSION = "multimesh.dev/v1alpha1"
KIND = "MeshProfile"

#: A mesh name becomes part of labels and names of at most 63 characters.
MAX_NAME = 30

#: galley refuses a --webhook-name of more than 63 characters, and NS-galley is such a name
#: (istio 1.5.0, pkg/webhooks/validation/controller/controller.go).
MAX_NAMESPACE = 56

#: The name of a Service has at most 63 characters and begins with a letter; NS-ingressgateway is one with Istio 1.5.
MAX_SERVICE_PREFIX = 48

#: The stock node ports by port name (istio 1.5.0, charts/gateways/values.yaml and charts/prometheus/values.yaml).
STOCK_NODE_PORTS = {"http2": 31380, "https": 31390, "tcp": 31400, "http-prometheus": 32090}
PORT_NAMES = tuple(STOCK_NODE_PORTS)

CLUSTER_SCOPED_KINDS = frozenset([kind for _, kind in CLUSTER_SCOPED])
#: Kinds that are namespaced whatever their group is.
NAMESPACED_KINDS = frozenset([kind for _, kind in WELL_KNOWN_NAMESPACED]) - CLUSTER_SCOPED_KINDS
_KINDS = frozenset([kind for _, kind in NAMESPACED]) | CLUSTER_SCOPED_KINDS

#: The kinds of which every Kubernetes cluster has some.
ROLE_KINDS = ("ClusterRole", "ClusterRoleBinding")

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


# Checks: each takes a text and returns what is wrong with it, as the end of a message that begins with the text. Empty
# means valid.


def _is_label(name: str) -> bool:
    """Return whether a name is a DNS-1123 label (k8s.io/apimachinery, pkg/util/validation/validation.go)."""
    return (
        0 < len(name) <= 63 and "-" not in (name[0], name[-1]) and all(char in _LOWER or char == "-" for char in name)
    )


def check_label(name: str) -> str:
    """Check a DNS-1123 label, as Kubernetes does for namespaces."""
    return "" if _is_label(name) else "is not a DNS label: lower-case letters, digits and '-', at most 63 characters"


def check_mesh(name: str) -> str:
    """Check a mesh name."""
    if not _is_label(name) or len(name) > MAX_NAME:
        return (
            "is not a mesh name: lower-case letters, digits and '-', beginning and ending with a letter or digit, "
            f"at most {MAX_NAME} characters"
        )
    if name == "default":
        return "is not a mesh name: 'default' is the revision that every stock mesh has"
    if f"{name}.namespace.{INJECTOR_ENTRY}" in MODEL_ENTRIES:
        return f"would give this mesh's injection the name of the stock entry {name}.namespace.{INJECTOR_ENTRY}"
    made = next((f"{kind}/{stock}" for kind, stock in STOCK_NAMES if (kind, f"{stock}-{name}") in STOCK_NAMES), "")
    return f"would turn {made} into the stock name {made.partition('/')[2]}-{name}" if made else ""


def check_namespace(name: str) -> str:
    """Check the control-plane namespace."""
    if not _is_label(name):
        return check_label(name)
    if len(name) > MAX_NAMESPACE:
        return f"has {len(name)} characters; galley's webhook allows {MAX_NAMESPACE}"
    if name == "istio":
        return "would give the webhook configurations their stock names"
    made = next((stock for kind, stock in STOCK_NAMES if stock.endswith(f"-{name}")), "")
    return f"would make the stock name {made} look like this mesh's own" if made else ""


def check_revision(name: str) -> str:
    """Check a revision of Istio."""
    if name == "default":
        return "is the revision of every stock mesh"
    if name == "istio":
        return "would make every stock name with this word look like this mesh's own"
    return check_label(name) or ("has more than 56 characters: istiod-REVISION is a Service" if len(name) > 56 else "")


def check_account(name: str) -> str:
    """Check a ServiceAccount with its namespace."""
    namespace, slash, account = name.partition("/")
    valid = _is_label(namespace) and slash and all(map(_is_label, account.split(".")))
    return "" if valid else 'is not "namespace/name"'


def _misspelled(entry: str) -> str:
    """Return what is wrong with the kind of `Kind/name`: it is a known one in another case, or its plural."""
    kind, _, rest = entry.partition("/")
    if kind in _KINDS:
        return ""
    # Kinds of Istio 1.5 such as `rule` are lower-case; others are spelled the same with a capital letter.
    known = {name.lower(): name for name in _KINDS if not name.islower()}
    plural = kind.lower().removesuffix("s") if kind.islower() else ""
    right = known.get(kind.lower()) or known.get(plural)
    return f"has the wrong kind: it is spelled {right}/{rest}" if right else ""


def _is_word(kind: str) -> bool:
    return kind.isascii() and kind.isalnum()


def check_kept(name: str) -> str:
    """Check an entry of keepNames."""
    kind, slash, rest = name.partition("/")
    return _misspelled(name) if _is_word(kind) and slash and rest else 'is neither "Kind/name" nor "Kind/*"'


def check_renamed(name: str) -> str:
    """Check an entry of renameNames. A kind that no table knows is accepted: `render` decides about its scope."""
    kind, slash, rest = name.partition("/")
    if not (_is_word(kind) and slash and rest and "*" not in rest):
        return 'is not "Kind/name"'
    if is_never_renamed(kind):
        return f"is a {kind}, which is never renamed"
    if kind in NAMESPACED_KINDS:
        return f"is a {kind}, which is not cluster-scoped: such names never change"
    if kind in ROLE_KINDS and is_kubernetes(rest):
        return "belongs to Kubernetes, which has it in every cluster"
    return _misspelled(name)


def check_any(name: str) -> str:
    """Accept any text that is not empty."""
    return "" if name else "is empty"


#: A field is one of: ("text", check), ("one of", values), ("switch",), ("port",), ("list", field),
#: ("list", field, "unique"), ("map", field), ("map", field, keys), ("fields", {key: (field, description)}, required
#: keys), ("either", field, field).
NODE_PORTS = ("either", ("one of", ("auto", "keep")), ("map", ("port",), PORT_NAMES))
FLAG = (
    "fields",
    {
        "container": (("text", check_any), "The container's name, in any Deployment or DaemonSet."),
        "workload": (("text", check_any), "The name of the Deployment or DaemonSet. Default: any."),
        "args": (("list", ("text", check_any)), "Flags: each replaces the flag of that name, or is appended."),
        "env": (
            ("map", ("text", lambda _: "")),
            "Environment variables: each replaces the one of that name, or is added.",
        ),
    },
    ("container",),
)
SPEC: Any = (
    "fields",
    {
        "namespace": (
            ("text", check_namespace),
            "The namespace of the control plane, and of the Helm releases base and istiod.",
        ),
        "workloadNamespaces": (
            ("list", ("text", check_label)),
            "The other namespaces of this mesh: workloads, and gateways outside the control-plane namespace.",
        ),
        "sharedResources": (
            ("one of", ("own", "leave")),
            "Whether this mesh installs what a cluster has only once: CRDs, istio-cni, ztunnel. Default: leave.",
        ),
        "revision": (
            ("text", check_revision),
            "Istio 1.6 and later: the revision that serves istio-injection=enabled-NAME. Default: the mesh name.",
        ),
        "canaryRevisions": (
            ("list", ("text", check_revision), "unique"),
            "Further revisions of this mesh during an upgrade: accepted, but never given the injection label.",
        ),
        "clusterRoles": (
            ("one of", ("rename", "keep")),
            "Whether ClusterRoles with a stock name get a name of their own. Bindings always do. Default: rename.",
        ),
        "gateways": (
            ("one of", ("rename", "keep")),
            "Whether the gateways of the Istio 1.5 chart get a name of their own. Default: rename.",
        ),
        "scopeGateways": (
            ("switch",),
            "Istio 1.5: Gateway resources select only gateways in their own namespace. Default: true.",
        ),
        "nodePorts": (
            NODE_PORTS,
            (
                "The stock chart's node ports: auto (dropped, Kubernetes allocates; the default), keep, "
                "or a port for each port name."
            ),
        ),
        "citadel": (
            (
                "fields",
                {
                    "alsoListen": (
                        ("list", ("text", check_label), "unique"),
                        "More namespaces for --listened-namespaces.",
                    )
                },
                (),
            ),
            "Istio 1.5: Citadel.",
        ),
        "policies": (
            (
                "fields",
                {
                    "rootWriters": (
                        ("list", ("text", check_account), "unique"),
                        "ServiceAccounts, as namespace/name, that may write the root certificates of the mesh too.",
                    )
                },
                (),
            ),
            "Admission policies, which 'multimesh policies' writes.",
        ),
        "flags": (("list", FLAG), "Flags and environment variables of containers, beyond those that the rules set."),
        "foreignSubjects": (
            ("list", ("text", check_account), "unique"),
            "ServiceAccounts of other namespaces, as namespace/name, that bindings of the mesh may have as subjects.",
        ),
        "crds": (
            ("list", ("text", check_any), "unique"),
            "Files and directories with CRDs, relative to the profile: they say which kinds are cluster-scoped.",
        ),
        "keepNames": (
            ("list", ("text", check_kept), "unique"),
            'Names that the rules must not change, "Kind/name", and kinds that they must accept unchanged, "Kind/*".',
        ),
        "renameNames": (
            ("list", ("text", check_renamed), "unique"),
            'Names that are in no table and must get the suffix of this mesh, "Kind/name".',
        ),
    },
    ("namespace",),
)
ANY_TEXTS = ("map", ("text", lambda _: ""))
PROFILE: Any = (
    "fields",
    {
        "apiVersion": (("one of", (API_VERSION,)), "The version of this format."),
        "kind": (("one of", (KIND,)), "The kind of this file."),
        "metadata": (
            (
                "fields",
                {
                    "name": (("text", check_mesh), "The mesh name: a DNS label of at most 30 characters."),
                    "labels": (ANY_TEXTS, "Labels for other tools."),
                    "annotations": (ANY_TEXTS, "Annotations for other tools."),
                },
                ("name",),
            ),
            "The name of the mesh.",
        ),
        "spec": (SPEC, "What distinguishes the mesh."),
    },
    ("metadata", "spec"),
)

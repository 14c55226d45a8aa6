"""The mesh profile: what distinguishes one mesh from all others.

One table, `SPEC`, says which keys there are; it validates a profile here and becomes the JSON Schema that editors use
(`multimesh/mesh/schema.py`). Mistakes are reported together, each with its line, its key, and the nearest known key.
"""

from multimesh.errors import MultimeshError
from multimesh.mesh.names import INJECTOR_ENTRY, MODEL_ENTRIES, STOCK_NAMES, is_never_renamed
from multimesh.yamltext.fieldpath import get, is_mapping, is_null, is_scalar, is_sequence
from multimesh.yamltext.parser import compose_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode

API_VERSION = "multimesh.dev/v1alpha1"
KIND = "MeshProfile"
ENVIRONMENT = "MULTIMESH_PROFILE"

#: A mesh name becomes part of labels and names of at most 63 characters.
MAX_NAME = 30

#: galley refuses a --webhook-name of more than 63 characters, and NS-galley is one
#: (istio 1.5.0, pkg/webhooks/validation/controller/controller.go).
MAX_NAMESPACE = 56

#: A Service may have 63 characters and must begin with a letter; NS-ingressgateway is one with Istio 1.5.
MAX_SERVICE_PREFIX = 48

_DIGITS = frozenset("0123456789")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"))
_TRUE = frozenset(("true", "yes", "on", "y"))
_FALSE = frozenset(("false", "no", "off", "n"))


class Profile:
    """One mesh. Every attribute is a key of the profile under the name that rules use for it."""

    __slots__ = (
        "also_listen", "canary_revisions", "flags", "keep_names", "name", "namespace", "namespaces", "node_ports",
        "owns_shared", "rename_cluster_roles", "rename_gateways", "rename_names", "revision", "revisions",
        "scope_gateways", "upgrade", "where", "workload_namespaces",
    )  # fmt: skip

    def __init__(self, where: str, name: str, spec: "dict[str, Any]") -> None:
        """Take a validated profile: the place it came from, the mesh name, and its spec with plain values."""
        self.where = where
        self.name = name
        #: Whether this run is an upgrade, which no profile says: `render --upgrade`.
        self.upgrade = False
        self.namespace: str = spec["namespace"]
        self.workload_namespaces: list[str] = [
            name for name in dict.fromkeys(spec.get("workloadNamespaces", [])) if name != self.namespace
        ]
        self.namespaces = frozenset((self.namespace, *self.workload_namespaces))
        self.owns_shared: bool = spec.get("sharedResources", "leave") == "own"
        self.revision: str = spec.get("revision", name)
        self.canary_revisions: list[str] = spec.get("canaryRevisions", [])
        self.revisions = (self.revision, *self.canary_revisions)
        self.rename_cluster_roles: bool = spec.get("clusterRoles", "rename") == "rename"
        self.rename_gateways: bool = spec.get("gateways", "rename") == "rename"
        self.scope_gateways: bool = spec.get("scopeGateways", True)
        self.node_ports: str | dict[str, int] = spec.get("nodePorts", "auto")
        self.also_listen: list[str] = spec.get("citadel", {}).get("alsoListen", [])
        self.flags: list[dict[str, Any]] = spec.get("flags", [])
        self.keep_names = frozenset(spec.get("keepNames", []))
        self.rename_names = frozenset(spec.get("renameNames", []))

    @property
    def injection_label(self) -> str:
        """The value of `istio-injection` that this mesh injects."""
        return f"enabled-{self.name}"


# Checks: each takes a string and returns what is wrong with it, or nothing.


def _is_label(name: str) -> bool:
    return (
        0 < len(name) <= 63 and "-" not in (name[0], name[-1]) and all(char in _LOWER or char == "-" for char in name)
    )


def check_label(name: str) -> str:
    """Check a DNS-1123 label, as Kubernetes does for namespaces."""
    return "" if _is_label(name) else "is no DNS label: lower-case letters, digits and '-', at most 63 characters"


def check_mesh(name: str) -> str:
    """Check a mesh name."""
    if not _is_label(name) or len(name) > MAX_NAME:
        return f"is no mesh name: lower-case letters, digits and '-', beginning and ending with a letter or digit, at most {MAX_NAME} characters"
    if name == "default":
        return "is no mesh name: 'default' is the revision that every stock mesh has"
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
        return "is every stock mesh's revision; choose one of this mesh's own"
    return check_label(name) or ("has more than 56 characters: istiod-REVISION is a Service" if len(name) > 56 else "")


def check_kept(name: str) -> str:
    """Check an entry of keepNames."""
    kind, slash, rest = name.partition("/")
    return "" if kind and slash and rest else 'is neither "Kind/name" nor "Kind/*"'


def check_renamed(name: str) -> str:
    """Check an entry of renameNames."""
    kind, slash, rest = name.partition("/")
    if is_never_renamed(kind):
        return f"is a {kind}, which is never renamed"
    return "" if kind and slash and rest and "*" not in rest else 'is not "Kind/name"'


def check_any(name: str) -> str:
    """Accept any text that is not empty."""
    return "" if name else "is empty"


#: What a field may be: ("text", check, example), ("one of", values), ("switch",), ("port",), ("list", field),
#: ("map", field), ("fields", {key: (field, description)}, required keys), ("either", field, field).
NODE_PORTS = ("either", ("one of", ("auto", "keep")), ("map", ("port",)))
FLAG = (
    "fields",
    {
        "container": (("text", check_any), "The container's name, in any Deployment or DaemonSet."),
        "workload": (("text", check_any), "The name of the Deployment or DaemonSet, to narrow it."),
        "args": (("list", ("text", check_any)), "Flags: replaced where they are, appended where they are not."),
        "env": (("map", ("text", lambda _: "")), "Environment variables: replaced where they are, appended where not."),
    },
    ("container",),
)
SPEC: "Any" = (
    "fields",
    {
        "namespace": (("text", check_namespace), "The namespace of the control plane, and of the Helm releases base and istiod."),
        "workloadNamespaces": (("list", ("text", check_label)), "The other namespaces of this mesh: workloads, and gateways outside the control-plane namespace."),
        "sharedResources": (("one of", ("own", "leave")), "Whether this mesh installs what a cluster has only once: CRDs, istio-cni, ztunnel. Default: leave."),
        "revision": (("text", check_revision), "Istio 1.6 and later: the revision that serves istio-injection=enabled-NAME. Default: the mesh name."),
        "canaryRevisions": (("list", ("text", check_revision)), "Further revisions of this mesh during an upgrade: accepted, but never given the injection label."),
        "clusterRoles": (("one of", ("rename", "keep")), "Whether ClusterRoles with a stock name get a name of their own. Bindings always do. Default: rename."),
        "gateways": (("one of", ("rename", "keep")), "Whether the gateways of the Istio 1.5 chart get a name of their own. Default: rename."),
        "scopeGateways": (("switch",), "Istio 1.5: Gateway resources bind only gateways of their own namespace. Default: true."),
        "nodePorts": (NODE_PORTS, "The stock chart's node ports: auto (dropped, Kubernetes allocates; the default), keep, or a port for each port name."),
        "citadel": (("fields", {"alsoListen": (("list", ("text", check_label)), "More namespaces for --listened-namespaces.")}, ()), "Istio 1.5: Citadel."),
        "flags": (("list", FLAG), "Flags and environment variables of containers, beyond those that the rules set."),
        "keepNames": (("list", ("text", check_kept)), 'Names the rules must not touch, "Kind/name", and whole kinds they need not know, "Kind/*".'),
        "renameNames": (("list", ("text", check_renamed)), 'Names that no table knows and that get the suffix of this mesh, "Kind/name".'),
    },
    ("namespace",),
)  # fmt: skip
ANY_TEXTS = ("map", ("text", lambda _: ""))
PROFILE: "Any" = (
    "fields",
    {
        "apiVersion": (("one of", (API_VERSION,)), "The version of this format."),
        "kind": (("one of", (KIND,)), "The kind of this file."),
        "metadata": (
            (
                "fields",
                {
                    "name": (("text", check_mesh), "The mesh name: a DNS label of at most 30 characters."),
                    "labels": (ANY_TEXTS, "Labels, for tools that want them."),
                    "annotations": (ANY_TEXTS, "Annotations, for tools that want them."),
                },
                ("name",),
            ),
            "The name of the mesh.",
        ),
        "spec": (SPEC, "What distinguishes the mesh."),
    },
    ("metadata", "spec"),
)


def load(text: str, where: str) -> Profile:
    """Read a profile from the text of its file. `where` is the path that messages name.

    Raises MultimeshError for what is no YAML, and with every mistake in the profile.
    """
    roots = list(compose_all(text.removeprefix("\ufeff"), where))
    if len(roots) != 1:
        count = f"holds {len(roots)} documents" if roots else "is empty"
        raise MultimeshError(where, f"the profile {count}", "One file is one mesh. See docs/profile.md for an example.")
    return from_node(roots[0], where)


def from_node(root: "Node", where: str, line: int = 1) -> Profile:
    """Read a profile from a node, such as a KRM functionConfig. `line` is the line of the file that the text begins at.

    Raises MultimeshError with every mistake in the profile.
    """
    errors: list[MultimeshError] = []

    def report(node: "Node", what: str, hint: str = "") -> None:
        errors.append(MultimeshError(f"{where}:{line + node.start_mark.line}", what, hint))

    read = _read(root, PROFILE, "", report)
    if not errors:
        for key, what, hint in _contradictions(read["metadata"]["name"], read["spec"]):
            report(get(root, f"spec/{key}") or root, what, hint)
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]
    return Profile(where, read["metadata"]["name"], read["spec"])


def _contradictions(name: str, spec: "dict[str, Any]") -> "list[tuple[str, str, str]]":
    """Return what is wrong with keys that are right one by one: the key, what is wrong, and what to do."""
    found = []
    revision = spec.get("revision", name)
    if revision in spec.get("canaryRevisions", []):
        what = f'spec.canaryRevisions holds "{revision}", which is spec.revision'
        found.append(("canaryRevisions", what, "Leave it out there."))
    namespace = spec["namespace"]
    if spec.get("gateways", "rename") == "rename" and (len(namespace) > MAX_SERVICE_PREFIX or namespace[0] in _DIGITS):
        what = f"has {len(namespace)} characters" if len(namespace) > MAX_SERVICE_PREFIX else "begins with a digit"
        found.append((
            "namespace",
            f'spec.namespace "{namespace}" {what}, and {namespace}-ingressgateway could be no Service',
            "Set spec.gateways to keep (only Istio 1.5 has gateways that are renamed), or choose another namespace.",
        ))  # fmt: skip
    ports = spec.get("nodePorts")
    taken: dict[int, str] = {}
    for port, number in ports.items() if isinstance(ports, dict) else ():
        if number in taken:
            what = f"spec.nodePorts gives {number} to {taken[number]} and to {port}"
            found.append(("nodePorts", what, "A node port is one port of one Service: choose another one."))
        taken[number] = port
    both = sorted(set(spec.get("keepNames", [])) & set(spec.get("renameNames", [])))
    if both:
        what = f'"{both[0]}" stands in keepNames and in renameNames'
        found.append(("renameNames", what, "Decide for one of them."))
    renamed = spec.get("renameNames", [])
    for entry in sorted(set(renamed)):
        stock = entry.removesuffix(f"-{name}")
        if stock != entry and (stock in renamed or stock.partition("/")[::2] in STOCK_NAMES):
            what = f'spec.renameNames holds "{entry}", which {stock} becomes in this mesh'
            found.append(("renameNames", what, "Leave it out there."))
    return found


def _read(node: "Node", field: "Any", path: str, report: "Callable[..., None]") -> "Any":
    """Read one field; report what is wrong and return None for it."""
    kind = field[0]
    if kind == "fields":
        return _read_fields(node, field, path, report)
    if kind == "either":
        return _read(node, field[1 if is_scalar(node) else 2], path, report)
    if kind == "list":
        if is_null(node):
            return []
        if not is_sequence(node):
            return report(node, f"{path} is no list", f"Write it as a list: {path.rpartition('.')[2]}: [a, b]")
        return [_read(item, field[1], f"{path}[{number}]", report) for number, item in enumerate(node.value)]
    if kind == "map":
        if is_null(node):
            return {}
        if not is_mapping(node):
            return report(node, f"{path} is no mapping", "Write it as keys and values.")
        if _has_strange_key(node, path, report):
            return None
        keys = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in keys[:number]:
                report(key, f'the key "{path}.{key.value}" stands twice', "Remove one of them.")
        return {key.value: _read(item, field[1], f"{path}.{key.value}", report) for key, item in node.value}
    if not is_scalar(node):
        return report(node, f"{path} is no single value", "Write one value behind the colon.")
    return _read_scalar(node, field, path, report)


def _has_strange_key(node: "MappingNode", path: str, report: "Callable[..., None]") -> bool:
    """Report a key that is a list or a mapping."""
    strange = next((key for key, _ in node.value if not is_scalar(key)), None)
    if strange is not None:
        report(strange, f"a key of {path or 'the profile'} is no text", "Write a word before the colon.")
    return strange is not None


def _read_scalar(node: "ScalarNode", field: "Any", path: str, report: "Callable[..., None]") -> "Any":
    kind, text = field[0], node.value
    if kind == "switch":
        if node.style or text.lower() not in _TRUE | _FALSE:
            return report(node, f'{path} is "{text}", neither true nor false', "Write true or false, without quotes.")
        return text.lower() in _TRUE
    if kind == "port":
        if node.style or not (text.isdecimal() and 30000 <= int(text) <= 32767):
            return report(
                node,
                f'{path} is "{text}", which is no node port',
                "Kubernetes allocates 30000-32767. Leave the port out to let it choose.",
            )
        return int(text)
    if kind == "one of":
        if text not in field[1]:
            return report(node, f'{path} is "{text}"', f"It may be: {', '.join(field[1])}.")
        return text
    if not node.style and (not text or text.lower() in _NOT_TEXT or _is_number(text)):
        what = f'{path} is "{text}", which YAML does not read as text' if text else f"{path} is empty"
        return report(node, what, f'Put it in quotes: "{text}"' if text else "Give it a value, or leave the key out.")
    wrong = field[1](text)
    return report(node, f'{path} "{text}" {wrong}', "Choose another one; see docs/profile.md.") if wrong else text


def _is_number(text: str) -> bool:
    """Tell what YAML reads as a number or a date; `1-20-3`, as revisions are called, is neither."""
    if not set(text) <= _DIGITS | set("._+-"):
        return False
    parts = text.split("-")
    return not any(sign in text[1:] for sign in "+-") or [len(part) for part in parts] == [4, 2, 2]


def _read_fields(node: "Node", field: "Any", path: str, report: "Callable[..., None]") -> "Any":
    known, required = field[1], field[2]
    if not is_mapping(node):
        return report(node, f"{path or 'the profile'} is no mapping", f"It has the keys {', '.join(known)}.")
    if _has_strange_key(node, path, report):
        return None
    read: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        here = f"{path}.{name}" if path else name
        if name in read:
            report(key, f'the key "{here}" stands twice', "Remove one of them.")
        elif name not in known:
            report(key, f'unknown key "{here}"', _nearest(name, known))
        elif is_null(value) and name not in required:
            read[name] = _EMPTY.get(known[name][0][0])
            if read[name] is None:
                del read[name]
        else:
            read[name] = _read(value, known[name][0], here, report)
    for name in required:
        if name not in read:
            report(node, f'the key "{path + "." if path else ""}{name}" is missing', known[name][1])
    return read


#: What a key without a value stands for.
_EMPTY: "dict[str, Any]" = {"list": [], "map": {}, "fields": {}}


def _nearest(name: str, known: "dict[str, Any]") -> str:
    import difflib

    near = (
        difflib.get_close_matches(name, known, 1, 0.5)
        or [key for key in known if name.lower() in key.lower() or key.lower() in name.lower()][:1]
    )
    return f'Did you mean "{near[0]}"?' if near else f"Known keys: {', '.join(known)}."

"""The mesh profile: what distinguishes one mesh from all others.

The keys and their checks are in `multimesh/mesh/definitions.py`. Mistakes are reported together, each with its line,
its key, and the nearest known key.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.mesh.definitions import MAX_SERVICE_PREFIX, PROFILE, check_kept, check_renamed, check_revision
from multimesh.mesh.names import SHARED, made_names, met_stock_name
from multimesh.yamltext.fieldpath import is_mapping, is_null, is_scalar, is_sequence
from multimesh.yamltext.parser import compose_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode

    #: What is wrong with keys together: the key, the item of its list (if it is one), what is wrong, what to do.
    Contradiction = tuple[str, str, str, str]

_DIGITS = frozenset("0123456789")
#: Words without quotes that YAML 1.1 reads as a boolean or as null.
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"))
_TRUE = frozenset(("true", "yes", "on", "y"))
_FALSE = frozenset(("false", "no", "off", "n"))


class Profile:
    """One mesh: the keys of its profile, under the names that rules use for them, with their defaults."""

    __slots__ = (
        "also_listen",
        "canary_revisions",
        "crds",
        "flags",
        "foreign_subjects",
        "keep_names",
        "lines",
        "more_crds",
        "name",
        "namespace",
        "namespaces",
        "node_ports",
        "owns_shared",
        "rename_cluster_roles",
        "rename_gateways",
        "rename_names",
        "repeated_namespaces",
        "revision",
        "revisions",
        "root_writers",
        "scope_gateways",
        "upgrade",
        "where",
        "workload_namespaces",
    )  # fmt: skip

    def __init__(self, where: str, name: str, spec: dict[str, Any], lines: dict[str, int]) -> None:
        """Take a validated profile: where it came from, the mesh name, its `spec` as plain values, lines of keys."""
        self.where = where
        #: The lines of keys and of items of lists, for messages: see `line`.
        self.lines = lines
        self.name = name
        #: Whether this run is an upgrade: not a key of the profile, but the flag `--upgrade`.
        self.upgrade = False
        #: More files and directories with CRDs: not a key of the profile, but the flag `--crds`.
        self.more_crds = ""
        self.namespace: str = spec["namespace"]
        listed: list[str] = spec.get("workloadNamespaces", [])
        unique = dict.fromkeys(listed)
        self.workload_namespaces: list[str] = [name for name in unique if name != self.namespace]
        #: What `workloadNamespaces` holds more than once, for the report.
        self.repeated_namespaces = (
            [name for name in unique if listed.count(name) > 1] if len(listed) > len(unique) else []
        )
        self.namespaces = frozenset((self.namespace, *self.workload_namespaces))
        self.owns_shared: bool = spec.get("sharedResources", "leave") == "own"
        self.revision: str = spec.get("revision", name)
        self.canary_revisions: list[str] = spec.get("canaryRevisions", [])
        self.revisions: tuple[str, ...] = (self.revision, *self.canary_revisions)
        self.rename_cluster_roles: bool = spec.get("clusterRoles", "rename") == "rename"
        self.rename_gateways: bool = spec.get("gateways", "rename") == "rename"
        self.scope_gateways: bool = spec.get("scopeGateways", True)
        self.node_ports: str | dict[str, int] = spec.get("nodePorts", "auto")
        self.also_listen: list[str] = spec.get("citadel", {}).get("alsoListen", [])
        self.flags: list[dict[str, Any]] = spec.get("flags", [])
        self.root_writers: list[str] = spec.get("policies", {}).get("rootWriters", [])
        self.crds: list[str] = spec.get("crds", [])
        self.foreign_subjects = frozenset(spec.get("foreignSubjects", []))
        self.keep_names = frozenset(spec.get("keepNames", []))
        self.rename_names = frozenset(spec.get("renameNames", []))

    @property
    def injection_label(self) -> str:
        """The value of `istio-injection` that this mesh injects."""
        return f"enabled-{self.name}"

    def line(self, key: str, item: str = "") -> int:
        """Return the line of an item of a list, or else of a key, such as `spec.keepNames`; 1 if it is absent."""
        return self.lines.get(f"{key}/{item}") or self.lines.get(key, 1)


def load(text: str, where: str) -> Profile:
    """Return the profile in the text of a file. `where` is the path that messages name.

    Raises MultimeshError for text that is not one YAML document, and with every mistake in the profile.
    """
    roots = list(compose_all(text.removeprefix("\ufeff"), where))
    if len(roots) != 1:
        count = f"holds {len(roots)} documents" if roots else "is empty"
        raise MultimeshError(
            where,
            f"the profile {count}",
            "One file is one mesh: 'multimesh init' writes one, and 'multimesh explain spec' prints its keys.",
        )
    return from_node(roots[0], where)


def from_node(root: Node, where: str, line: int = 1) -> Profile:
    """Return the profile in a node, such as a KRM functionConfig. `line` is the line of the file at which its text
    begins.

    Raises MultimeshError with every mistake in the profile.
    """
    errors: list[MultimeshError] = []

    def report(node: Node, what: str, hint: str = "") -> None:
        errors.append(MultimeshError(f"{where}:{line + node.start_mark.line}", what, hint))

    read = read_field(root, PROFILE, "", report)
    if not errors:
        mesh = Profile(where, read["metadata"]["name"], read["spec"], _lines(root, line))
        errors = [
            MultimeshError(f"{where}:{mesh.line(key, item)}", what, hint)
            for key, item, what, hint in _contradictions(mesh.name, read["spec"]) + _met_names(mesh, read["spec"])
        ]
    if errors:
        errors[0].others = errors[1:]
        raise errors[0]
    return mesh


def _lines(node: Node, line: int, path: str = "") -> dict[str, int]:
    """Return the line of every key, as `spec.namespace`, and of every item of a list, as `spec.keepNames/Kind/name`.

    `line` is the line of the file at which the text of the profile begins.
    """
    found: dict[str, int] = {}
    for key, value in node.value if is_mapping(node) else ():
        here = f"{path}{key.value}"
        found[here] = line + key.start_mark.line
        found |= _lines(value, line, f"{here}.")
        for item in value.value if is_sequence(value) else ():
            found.setdefault(f"{here}/{item.value}", line + item.start_mark.line)
    return found


def _contradictions(name: str, spec: dict[str, Any]) -> list[Contradiction]:
    """Return which keys of `spec` contradict others."""
    found = []
    revision = spec.get("revision", name)
    if revision in spec.get("canaryRevisions", []):
        what = f'spec.canaryRevisions holds "{revision}", which is spec.revision'
        found.append(("spec.canaryRevisions", revision, what, "Remove it there."))
    if "revision" not in spec and (wrong := check_revision(name)):
        what = f'metadata.name "{name}" is the revision too, and {wrong}'
        found.append(("metadata.name", "", what, "Choose another mesh name, or set spec.revision."))
    namespace = spec["namespace"]
    if spec.get("gateways", "rename") == "rename" and (len(namespace) > MAX_SERVICE_PREFIX or namespace[0] in _DIGITS):
        what = f"has {len(namespace)} characters" if len(namespace) > MAX_SERVICE_PREFIX else "begins with a digit"
        found.append((
            "spec.namespace",
            "",
            f'spec.namespace "{namespace}" {what}, so {namespace}-ingressgateway is not a valid name of a Service',
            "Set spec.gateways to keep (only Istio 1.5 has gateways that are renamed), or choose another namespace.",
        ))  # fmt: skip
    ports = spec.get("nodePorts")
    taken: dict[int, str] = {}
    for port, number in ports.items() if isinstance(ports, dict) else ():
        if number in taken:
            what = f"spec.nodePorts gives {number} to {taken[number]} and to {port}"
            found.append(("spec.nodePorts", "", what, "A node port is one port of one Service: choose another one."))
        taken[number] = port
    return found + _contradicting_names(name, spec)


def _contradicting_names(name: str, spec: dict[str, Any]) -> list[Contradiction]:
    """Return which entries of keepNames and renameNames contradict others, or the tables of names."""
    found = []
    kept, renamed = spec.get("keepNames", []), spec.get("renameNames", [])
    for item in dict.fromkeys(renamed):
        kind, _, stock = item.partition("/")
        if item in kept:
            what, hint = f'"{item}" is in keepNames and in renameNames', "Remove it from one of them."
        elif f"{kind}/*" in kept:
            what = f'spec.renameNames holds "{item}", and spec.keepNames keeps every {kind}'
            hint = "Remove one of them."
        elif (kind, stock) in SHARED:
            what = f'spec.renameNames holds "{item}", which a cluster has only once'
            hint = "Remove it there: only the owner of shared resources installs it."
        else:
            continue
        found.append(("spec.renameNames", item, what, hint))
    return found


def _met_names(mesh: Profile, spec: dict[str, Any]) -> list[Contradiction]:
    """Return which names of the profile make a name that rules would take for a stock name, or that is made twice."""
    found: dict[tuple[str, str], Contradiction] = {}
    made: dict[tuple[str, str], str] = {}
    for part, kind, stock, new in made_names(mesh):
        met = met_stock_name(kind, new)
        other = made.setdefault((kind, new), stock)
        item = f"{kind}/{new}"
        if met:
            what = f'would give {kind}/{stock} the name {new}, which looks like the stock name "{met}"'
        elif other != stock:
            what = f"would give both {kind}/{other} and {kind}/{stock} the name {new}"
        elif item in mesh.rename_names:
            what = f'spec.renameNames holds "{item}", which {kind}/{stock} becomes in this mesh'
            found.setdefault(("renameNames", item), ("spec.renameNames", item, what, "Remove it there."))
            continue
        else:
            continue
        key, value, hint = _maker(part, f"{kind}/{stock}", mesh, spec)
        subject = f'{key} "{value}"' if part != "renameNames" else f'spec.renameNames holds "{value}", which'
        found.setdefault((key, value), (key, value, f"{subject} {what}", hint))
    return list(found.values())


def _maker(part: str, item: str, mesh: Profile, spec: dict[str, Any]) -> tuple[str, str, str]:
    """Return the key that makes a name, its value, and what to do about it."""
    if part == "namespace":
        return "spec.namespace", mesh.namespace, "Choose another namespace."
    if part == "gateways":
        hint = "Choose another namespace, or set spec.gateways to keep (only Istio 1.5 has gateways that are renamed)."
        return "spec.namespace", mesh.namespace, hint
    if part == "renameNames":
        return "spec.renameNames", item, "Remove it there, or choose another mesh name."
    if part == "name":
        return "metadata.name", mesh.name, "Choose another mesh name."
    if part in mesh.canary_revisions:
        return "spec.canaryRevisions", part, "Choose another revision."
    if "revision" in spec:
        return "spec.revision", part, "Choose another revision."
    return "metadata.name", mesh.name, "Choose another mesh name, or set spec.revision: its default is the mesh name."


def read_field(node: Node, field: Any, path: str, report: Callable[..., None]) -> Any:
    """Return the value of one field, which `multimesh.mesh.definitions` or another such table describes.

    Reports what is wrong, and returns None for it.
    """
    kind = field[0]
    if kind == "fields":
        return _read_fields(node, field, path, report)
    if kind == "either":
        return read_field(node, field[1 if is_scalar(node) else 2], path, report)
    if kind == "list":
        if is_null(node):
            return []
        if not is_sequence(node):
            return report(node, f"{path} is not a list", f"Write it as a list: {path.rpartition('.')[2]}: [a, b]")
        read = [read_field(item, field[1], f"{path}[{number}]", report) for number, item in enumerate(node.value)]
        for number, text in enumerate(read) if field[2:] == ("unique",) else ():
            if text is not None and (first := read.index(text)) < number:
                what = f'{path}[{number}] "{text}" is written twice: it is {path}[{first}] too'
                report(node.value[number], what, "Remove one of them.")
        return read
    if kind == "map":
        if is_null(node):
            return {}
        if not is_mapping(node):
            return report(node, f"{path} is not a mapping", "Write it as keys and values.")
        if _has_strange_key(node, path, report):
            return None
        keys = [key.value for key, _ in node.value]
        for number, (key, _) in enumerate(node.value):
            if key.value in keys[:number]:
                report(key, f'the key "{path}.{key.value}" is written twice', "Remove one of them.")
            elif field[2:] and key.value not in field[2]:
                report(key, f'unknown key "{path}.{key.value}"', nearest_key(str(key.value), dict.fromkeys(field[2])))
        return {
            key.value: read_field(item, field[1], f"{path}.{key.value}", report)
            for key, item in node.value
            if not field[2:] or key.value in field[2]
        }
    if not is_scalar(node):
        return report(node, f"{path} is not a single value", "Write one value after the colon.")
    return _read_scalar(node, field, path, report)


def _has_strange_key(node: MappingNode, path: str, report: Callable[..., None]) -> bool:
    """Return whether any key is a list or a mapping, and report the first that is."""
    strange = next((key for key, _ in node.value if not is_scalar(key)), None)
    if strange is not None:
        report(strange, f"a key of {path or 'the profile'} is not text", "Write a name before the colon.")
    return strange is not None


def _read_scalar(node: ScalarNode, field: Any, path: str, report: Callable[..., None]) -> Any:
    """Return the value of a field that is a single value. Reports what is wrong, and returns None for it."""
    kind, text = field[0], node.value
    if kind == "switch":
        if node.style or text.lower() not in _TRUE | _FALSE:
            return report(node, f'{path} is "{text}", neither true nor false', "Write true or false, without quotes.")
        return text.lower() in _TRUE
    if kind == "port":
        if node.style or not (text.isdecimal() and 30000 <= int(text) <= 32767):
            return report(
                node,
                f'{path} is "{text}", which is not a node port',
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
    if not wrong:
        return text
    # A name in keepNames or renameNames is that of the chart, so the user cannot choose another one.
    hint = "Correct it, or remove it" if field[1] in (check_kept, check_renamed) else "Choose another one"
    key = path.partition("[")[0]
    return report(node, f'{path} "{text}" {wrong}', f"{hint}: multimesh explain {key}")


def _is_number(text: str) -> bool:
    """Return whether YAML reads a text as a number or a date; `1-20-3`, a usual name of a revision, is neither."""
    if not set(text) <= _DIGITS | set("._+-"):
        return False
    parts = text.split("-")
    return not any(sign in text[1:] for sign in "+-") or [len(part) for part in parts] == [4, 2, 2]


def _read_fields(node: Node, field: Any, path: str, report: Callable[..., None]) -> Any:
    """Return the fields of a mapping with fixed keys, by key. Reports what is wrong."""
    known, required = field[1], field[2]
    if not is_mapping(node):
        return report(node, f"{path or 'the profile'} is not a mapping", f"It has the keys {', '.join(known)}.")
    if _has_strange_key(node, path, report):
        return None
    read: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        here = f"{path}.{name}" if path else name
        if name in read:
            report(key, f'the key "{here}" is written twice', "Remove one of them.")
        elif name not in known:
            report(key, f'unknown key "{here}"', nearest_key(name, known))
        elif is_null(value) and name not in required:
            read[name] = _EMPTY.get(known[name][0][0])
            if read[name] is None:
                del read[name]
        else:
            read[name] = read_field(value, known[name][0], here, report)
    for name in required:
        if name not in read:
            report(node, f'the key "{path + "." if path else ""}{name}" is missing', known[name][1])
    return read


#: The value of a key that is written without one, by the kind of its field.
_EMPTY: dict[str, Any] = {"list": [], "map": {}, "fields": {}}


def nearest_key(name: str, known: dict[str, Any]) -> str:
    """Return the hint for an unknown key: the known key that is most like it, or all known keys."""
    import difflib

    near = (
        difflib.get_close_matches(name, known, 1, 0.5)
        or [key for key in known if name.lower() in key.lower() or key.lower() in name.lower()][:1]
    )
    return f'Did you mean "{near[0]}"?' if near else f"Known keys: {', '.join(known)}."

"""Resources: the objects in a text, those in a List or in a ConfigMap included."""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.mesh.kinds import group_of
from multimesh.yamltext.edits import Editor
from multimesh.yamltext.fieldpath import (
    BadShape,
    entries,
    entry,
    find,
    get,
    is_mapping,
    is_null,
    is_scalar,
    is_sequence,
    items,
    mapping,
    refusal,
    text,
    value,
)
from multimesh.yamltext.nodes import NULLS
from multimesh.yamltext.plain import key_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from multimesh.yamltext.edits import Text
    from multimesh.yamltext.emit import Value
    from multimesh.yamltext.nodes import MappingNode, Node, SequenceNode

#: Kinds that are nothing but a list of objects: of kubectl, and of KRM functions.
LISTS = ("List", "ResourceList")

#: The annotation of the items of a KRM ResourceList that belong to the tools around it, not to the cluster.
LOCAL_CONFIG = "config.kubernetes.io/local-config"

#: The annotation, and the comment, in which Helm writes the template of a document.
_FILENAME = "metadata/annotations/postrenderer.helm.sh~1postrender-filename"
SOURCE = "# Source: "


class Resource(Editor):
    """One object: what identifies it, its fields, and requests for edits by the rule whose id is `rule`.

    `namespace` is the one in the text; empty where there is none, which means the release namespace.
    """

    __slots__ = (
        "_containers", "_labels", "component", "dropped", "find_scope", "group", "kind", "name", "namespace", "notices",
        "root", "sequence",
    )  # fmt: skip

    def __init__(
        self, text_of: Text, root: MappingNode, kind: str, sequence: tuple[SequenceNode, int] | None, rule: str = ""
    ) -> None:
        """Read what identifies the object. `sequence` is the list that holds it, with its index there."""
        super().__init__(text_of, kind, rule)
        self.root = root
        self.sequence = sequence
        #: The rule that leaves the object out, or nothing.
        self.dropped = ""
        self.notices: list[dict[str, object]] = []
        self.kind = kind
        self.name = self.namespace = ""
        self._labels: dict[str, str] | None = None
        self._containers: list[tuple[str, MappingNode]] | None = None
        #: The function that looks for the scope of a kind in CRDs, if there are any.
        self.find_scope: Callable[[str, str], str] | None = None
        #: The component that the rule shared-resources found it to be a part of.
        self.component: str | None = None
        try:
            self.group = group_of(text(root, "apiVersion"))
            self.name = text(root, "metadata/name")
            self.namespace = text(root, "metadata/namespace")
        except BadShape as error:
            self.title = self._title()
            raise self.error(
                f"{error.path} {error.what}", "Look at what 'helm template' prints at this line."
            ) from None
        self.title = self._title()

    def _title(self) -> str:
        """Return Kind/name or Kind/namespace/name, as messages show the resource."""
        return "/".join(filter(None, (self.kind, self.namespace, self.name)))

    def own_text(self) -> str:
        """Return the part of the text that the object is written in.

        Words in another document, or in another item of a List, say nothing of this one.
        """
        return self.source if self.sequence is None and len(self.text.roots) == 1 else self.written()

    def written(self) -> str:
        """Return what is written of the object itself, without comments before it."""
        return self.source[self.root.start_mark.index : self.root.end_mark.index]

    def template(self) -> str:
        """Return the path of the template that the object comes from, as Helm writes it; empty if it is not known.

        Helm 4 writes it into an annotation, and both Helms into a comment before the object. Raises BadShape.
        """
        if named := self.value(_FILENAME):
            return named
        at = self.root.start_mark.index
        found = self.source.rfind(SOURCE, self.source.rfind("\n---", 0, at) + 1, at)
        return self.source[found + len(SOURCE) :].partition("\n")[0].strip() if found >= 0 else ""

    def is_aliased(self) -> bool:
        """Return whether an alias may refer to a node that is written elsewhere in the text."""
        return self.sequence is not None and bool(self.text.positions.shared)

    @property
    def where(self) -> str:
        """File, line and title."""
        return f"{self.text.at(self.root)}: {self.title}"

    def error(
        self, what: str, hint: str, keys: dict[str, str] | None = None, values: dict[str, object] | None = None
    ) -> MultimeshError:
        """Return the error by which the rule refuses this resource.

        `keys` are items for lists of the profile, and `values` Helm values by their path, that accept it.
        """
        error = MultimeshError(self.where, what, hint, self.rule)
        error.keys, error.values = keys or {}, values or {}
        return error

    def notice(self, finding: str, severity: str, what: str, hint: str) -> None:
        """Add a finding to the report; the rendering continues."""
        self.notices.append({
            "id": finding, "severity": severity, "resource": self.title, "where": self.text.at(self.root),
            "message": what, "remedy": hint, "rule": self.rule,
        })  # fmt: skip

    def scope(self) -> str:
        """Return the scope that a CRD gives to the kind, Cluster or Namespaced; empty if none is known."""
        return self.find_scope(self.group, self.kind) if self.find_scope is not None else ""

    # Fields. All of these raise BadShape where a field has another shape than is expected.

    def get(self, path: str) -> Node | None:
        """Return the node at a path of keys, or None."""
        return get(self.root, path)

    def value(self, path: str) -> str:
        """Return the text at a path of keys; empty where it is absent."""
        return text(self.root, path)

    def labels(self) -> dict[str, str]:
        """Return the object's own labels; cached, since most rules ask for them."""
        if self._labels is None:
            labels = {}
            found = mapping(self.root, "metadata/labels")
            for key, node in entries(found, "metadata/labels") if found is not None else ():
                if not is_scalar(node) or not is_scalar(key):
                    raise BadShape("metadata/labels", "holds something that is not text", node)
                labels[key_text(key, "metadata/labels")] = text(node)
            self._labels = labels
        return self._labels

    def find(self, path: str) -> list[tuple[str, Node]]:
        """Return all nodes that a path with steps for lists matches, each with its own path."""
        return find(self.root, path)

    def items(self, path: str) -> list[Node]:
        """Return the items of the list at a path."""
        return items(self.root, path)

    def containers(self) -> list[tuple[str, MappingNode]]:
        """Return path and node of every container and init container of a workload's pod template; cached."""
        if self._containers is None:
            found = []
            for group in ("initContainers", "containers"):
                path = f"spec/template/spec/{group}"
                for node in self.items(path):
                    if not is_mapping(node):
                        raise BadShape(path, "holds something that is not a container", node)
                    found.append((f"{path}/[name={text(node, 'name')}]", node))
            self._containers = found
        return self._containers

    # Requests for edits; those of one node are the editor's.

    def append_to(self, parent: MappingNode, key: str, item: Value, path: str) -> None:
        """Append an item to the list at a key of a mapping; the list is created where it is absent."""
        found = value(parent, key, path)
        if found is None:
            self.put(parent, key, [item], path)
        elif is_sequence(found):
            self.append(found, item, path)
        else:
            raise BadShape(path, "is not a list", found)

    def put_at(self, path: str, item: Value, root: Node | None = None, at: str = "") -> None:
        """Put a value at a path of keys, and create the mappings on the way that are absent.

        The path begins at the object's root, or at the node `root`, whose own path is `at`.
        """
        steps = [step.replace("~1", "/") for step in path.split("/")]
        parent: Node = self.root if root is None else root
        path = f"{at}/{path}" if at else path
        for number, step in enumerate(steps[:-1]):
            if not is_mapping(parent):
                raise BadShape("/".join(steps[:number]) or at, "is not a mapping", parent)
            child = value(parent, step, path)
            if child is None:
                for key in reversed(steps[number + 1 :]):
                    item = {key: item}
                return self.put(parent, step, item, path)
            parent = child
        return self.put(parent, steps[-1], item, path)

    def drop(self) -> None:
        """Leave the whole object out of the manifest."""
        self.dropped = self.rule
        if self.sequence is not None:
            self.drop_item(*self.sequence)

    # Texts inside the object.

    def embedded(self, path: str) -> Editor | None:
        """Return an editor for the text at a path, or None where it is absent. Raises BadShape for what is not text."""
        node = self.get(path)
        if node is None:
            return None
        # Text in Base64 is refused.
        text(node, at=path)
        return self.inside(node, path)

    def lines(self, path: str) -> Editor | None:
        """Return an editor for single lines of the text at a path, or None where it is absent.

        Raises BadShape for what is not text.
        """
        node = self.get(path)
        if node is None:
            return None
        found = self.inside_lines(node)
        if found is None:
            raise BadShape(path, "is not text", node)
        return found


def resources(text_of: Text, rule: str = "", *, is_item: bool = False) -> Iterator[Resource]:
    """Yield every object in a text, for edits by a rule: the items of a List one by one, without the List itself.

    The text may be one item of a List itself (`is_item`), which is a list with this item. Raises MultimeshError for
    documents that are not objects.
    """
    for root in text_of.roots:
        if is_item and is_sequence(root):
            yield from _objects(text_of, root.value[0], (root, 0), rule)
        else:
            yield from _objects(text_of, root, None, rule)


def _objects(text_of: Text, root: Node, sequence: tuple[SequenceNode, int] | None, rule: str) -> Iterator[Resource]:
    hint = "Look at what 'helm template' prints at this line."
    if sequence is not None:
        hint = "It is an item of a list, which holds objects only: look at what writes the list."
    if not is_mapping(root):
        if is_scalar(root) and root.value in NULLS and not root.style:
            return
        raise MultimeshError(
            text_of.at(root),
            f"a document is not a Kubernetes object: {_excerpt(root)}",
            hint,
        )
    try:
        kind = text(root, "kind")
        listed = entry(root, "items", "items")
    except BadShape as error:
        if "twice" in error.what:
            # Charts of Istio 1.10 to 1.16, manifests/charts/istio-control/istio-discovery/templates/revision-tags.yaml
            hint = (
                "Two resources are in one document, with no '---' between them, and Helm would take one of them only.\n"
                "Istio's charts 1.10 to 1.16 write several revisionTags so: give them one, --set revisionTags={TAG}."
            )
        raise MultimeshError(text_of.at(root), f"{error.path} {error.what}", hint) from None
    if listed is not None and (is_sequence(listed[1]) or (is_null(listed[1]) and kind.endswith("List"))):
        yield from _listed(text_of, kind, listed[1], rule)
        return
    if kind in LISTS or (listed is not None and not is_null(listed[1])):
        # Helm cannot read any object with such items by itself (apimachinery v0.37, unstructured.go, decodeList).
        raise _without_items(text_of, root, kind, listed)
    if not kind:
        raise MultimeshError(
            text_of.at(root),
            f"a document is not a Kubernetes object: it has no kind: {_excerpt(root)}",
            hint,
        )
    resource = Resource(text_of, root, kind, sequence, rule)
    try:
        local = sequence is not None and is_local(resource)
    except BadShape as error:
        raise refusal(resource.where, error, "") from None
    if not local:
        yield resource


def _without_items(text_of: Text, root: Node, kind: str, listed: tuple[Node, Node] | None) -> MultimeshError:
    """Return the error of a list whose items are absent or of another shape."""
    what = f"a {kind} has no items"
    if listed is not None:
        node = listed[1]
        what = f"items of the {kind} is {'a mapping' if is_mapping(node) else _excerpt(node)}, and not a list"
    return MultimeshError(
        text_of.at(root if listed is None else listed[1]),
        what,
        "Write the objects as a list below items, or items: [] if there are none. Look at what writes the list.",
    )


def _listed(text_of: Text, kind: str, found: Node, rule: str) -> Iterator[Resource]:
    """Yield the items of a List.

    To Kubernetes every object is a list that has a list `items` (apimachinery v0.37, unstructured.go, IsList). Helm
    installs the items of a Role, but not the Role.
    """
    if kind and not kind.endswith("List"):
        raise MultimeshError(
            text_of.at(found),
            f"a {kind} has items, which Helm would install instead of the {kind} itself",
            "Write the items as documents of their own, or as the items of a List.",
        )
    if is_sequence(found):
        for index, item in enumerate(found.value):
            yield from _objects(text_of, item, (found, index), rule)


def is_local(resource: Resource) -> bool:
    """Return whether an item belongs to the tools around a KRM function, not to the cluster."""
    return (
        resource.kind in ("Kptfile", "MeshProfile")
        or resource.value(f"metadata/annotations/{LOCAL_CONFIG.replace('/', '~1')}") == "true"
    )


def _excerpt(root: Node) -> str:
    if is_scalar(root):
        return f'"{root.value[:60]}"'
    if is_mapping(root):
        keys = [key.value[:30] if key.id == "scalar" else "?" for key, _ in root.value[:5]]
        return f"keys {', '.join(keys)}" if keys else "an empty mapping"
    return "a list"

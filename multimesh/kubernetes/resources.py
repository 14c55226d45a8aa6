"""Resources: the objects in the text, whatever list, stream or ConfigMap they stand in."""

from multimesh.errors import MultimeshError
from multimesh.kubernetes.kinds import group_of
from multimesh.yamltext.fieldpath import (
    BadShape,
    entry,
    find,
    get,
    is_mapping,
    is_sequence,
    items,
    mapping,
    refusal,
    text,
    value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from multimesh.yamltext.edits import Text, Value
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode

#: Items of a KRM ResourceList that belong to the tools around it.
LOCAL_CONFIG = "config.kubernetes.io/local-config"


class Resource:
    """One object: where it stands, what it is called, and the edits that the rule at work wishes for.

    `namespace` is what the text says; empty where it says nothing, which means the release namespace.
    """

    __slots__ = (
        "_containers", "_labels", "_title", "component", "dropped", "group", "kind", "name", "namespace", "notices", "root", "rule", "sequence", "text",
    )  # fmt: skip

    def __init__(self, text_of: "Text", root: "MappingNode", kind: str, sequence: "tuple[Node, int] | None") -> None:
        """Read what identifies the object. `sequence` is the list that holds it, and its index there."""
        self.text = text_of
        self.root = root
        self.sequence = sequence
        self.rule = ""
        #: The rule that leaves the object out, or nothing.
        self.dropped = ""
        self.notices: list[dict[str, object]] = []
        self.kind = kind
        self._title = self.name = self.namespace = ""
        self._labels: dict[str, str] | None = None
        self._containers: list[tuple[str, MappingNode]] | None = None
        #: What the rule shared-resources found it to be a part of.
        self.component: str | None = None
        try:
            self.group = group_of(text(root, "apiVersion"))
            self.name = text(root, "metadata/name")
            self.namespace = text(root, "metadata/namespace")
        except BadShape as error:
            raise self.error(
                f"{error.path} {error.what}", "Helm could not install it either. Look at what 'helm template' prints."
            ) from None

    @property
    def title(self) -> str:
        """The resource as messages show it: Kind/name or Kind/namespace/name."""
        if not self._title:
            self._title = "/".join(filter(None, (self.kind, self.namespace, self.name)))
        return self._title

    @property
    def where(self) -> str:
        """File, line and title."""
        return f"{self.text.at(self.root)}: {self.title}"

    def error(self, what: str, hint: str) -> MultimeshError:
        """Return the refusal of this resource by the rule at work."""
        return MultimeshError(self.where, what, hint, self.rule)

    def notice(self, finding: str, severity: str, what: str, hint: str) -> None:
        """Note a finding for the report, which stops nobody."""
        self.notices.append({
            "id": finding, "severity": severity, "resource": self.title, "where": self.text.at(self.root),
            "message": what, "remedy": hint, "rule": self.rule,
        })  # fmt: skip

    # Reading.

    def get(self, path: str) -> "Node | None":
        """Return the node at a path of keys, or None."""
        return get(self.root, path)

    def value(self, path: str) -> str:
        """Return the text at a path of keys; empty where there is none."""
        return text(self.root, path)

    def labels(self) -> dict[str, str]:
        """Return the object's own labels; most rules ask for them."""
        if self._labels is None:
            labels = {}
            found = mapping(self.root, "metadata/labels")
            for key, node in found.value if found is not None else ():
                if node.id != "scalar" or key.id != "scalar":
                    raise BadShape("metadata/labels", "holds something that is no text", found)
                labels[key.value] = text(node)
            self._labels = labels
        return self._labels

    def find(self, path: str) -> "list[tuple[str, Node]]":
        """Return all nodes at a path with steps for lists, each with its own path."""
        return find(self.root, path)

    def items(self, path: str) -> "list[Node]":
        """Return the items of the list at a path."""
        return items(self.root, path)

    def containers(self) -> "list[tuple[str, MappingNode]]":
        """Return path and node of every container and init container of a workload's pod template."""
        if self._containers is None:
            # Most rules about workloads ask.
            found = []
            for group in ("initContainers", "containers"):
                path = f"spec/template/spec/{group}"
                for node in self.items(path):
                    if not is_mapping(node):
                        raise BadShape(path, "holds something that is no container", node)
                    found.append((f"{path}/[name={text(node, 'name')}]", node))
            self._containers = found
        return self._containers

    # Wishing for edits, in the name of the rule at work.

    def rewrite(self, node: "Node", new: "str | int", path: str) -> None:
        """Give a scalar another value."""
        self.text.rewrite(node, new, self.title, self.rule, path)

    def append(self, sequence: "Node", item: "Value", path: str) -> None:
        """Append an item to a list."""
        self.text.append(sequence, item, self.title, self.rule, path)

    def append_to(self, parent: "MappingNode", key: str, item: "Value", path: str) -> None:
        """Append an item to the list at a key of a mapping; the list is made where it is absent."""
        found = value(parent, key, path)
        if found is None:
            self.text.put(parent, key, [item], self.title, self.rule, path)
        elif is_sequence(found):
            self.append(found, item, path)
        else:
            raise BadShape(path, "is no list", found)

    def put(self, parent: "MappingNode", key: str, item: "Value", path: str) -> None:
        """Put a key that is absent or null into a mapping."""
        self.text.put(parent, key, item, self.title, self.rule, path)

    def put_at(self, path: str, item: "Value", root: "MappingNode | None" = None, at: str = "") -> None:
        """Put a value at a path of keys, making the mappings on the way that are absent.

        The path begins at the object's root, or at the node `root`, which stands at the path `at`.
        """
        steps = [step.replace("~1", "/") for step in path.split("/")]
        parent = self.root if root is None else root
        path = f"{at}/{path}" if at else path
        for number, step in enumerate(steps[:-1]):
            child = value(parent, step, path)
            if child is None:
                for key in reversed(steps[number + 1 :]):
                    item = {key: item}
                return self.put(parent, step, item, path)
            if not is_mapping(child):
                raise BadShape("/".join(steps[: number + 1]), "is no mapping", child)
            parent = child
        return self.put(parent, steps[-1], item, path)

    def remove(self, parent: "MappingNode", key: str, path: str) -> None:
        """Remove a key from a mapping."""
        self.text.remove(parent, key, self.title, self.rule, path)

    def drop(self) -> None:
        """Leave the whole object out of the manifest."""
        self.dropped = self.rule
        if self.sequence is not None:
            self.text.drop(*self.sequence, self.title, self.rule)

    # Documents inside.

    def embedded(self, path: str) -> "tuple[ScalarNode, Text] | None":
        """Return the scalar at a path and the text that it holds, or None where it is absent."""
        node = get(self.root, path)
        if node is None:
            return None
        if not isinstance(text(node), str):
            return None
        return node, self.text.embedded(node)

    def lines(self, path: str) -> "Text | None":
        """Return the text at a path, for edits of single lines, or None where it is absent.

        Raises BadShape for what is no text.
        """
        node = self.get(path)
        if node is None:
            return None
        found = self.text.lines(node)
        if found is None:
            raise BadShape(path, "is no text", node)
        return found


def resources(text_of: "Text") -> "Iterator[Resource]":
    """Yield every object in a text: items of lists one by one, the lists themselves not.

    Raises MultimeshError for documents that are no objects.
    """
    for root in text_of.roots:
        yield from _objects(text_of, root, None)


def _objects(text_of: "Text", root: "Node", sequence: "tuple[Node, int] | None") -> "Iterator[Resource]":
    if not is_mapping(root):
        if getattr(root, "value", None) in ("", "null", "~", "Null", "NULL") and not getattr(root, "style", ""):
            return
        raise MultimeshError(
            text_of.at(root),
            f"a document is no Kubernetes object: {_excerpt(root)}",
            "Helm could not install it either. Look at what 'helm template' prints at this line.",
        )
    try:
        kind = text(root, "kind")
        listed = entry(root, "items", "items") if kind.endswith("List") else None
    except BadShape as error:
        hint = "Look at what 'helm template' prints at this line."
        if "twice" in error.what:
            # Charts of Istio 1.10 to 1.16, manifests/charts/istio-control/istio-discovery/templates/revision-tags.yaml
            hint = (
                "Two resources stand in one document, with no '---' between them, and Helm would take one of them only.\n"
                "Istio's charts 1.10 to 1.16 write several revisionTags so: give them one, --set revisionTags={TAG}."
            )
        raise MultimeshError(text_of.at(root), f"{error.path} {error.what}", hint) from None
    if listed is not None:
        found = listed[1]
        for index, item in enumerate(found.value if is_sequence(found) else ()):
            yield from _objects(text_of, item, (found, index))
        return
    if not kind:
        raise MultimeshError(
            text_of.at(root),
            f"a document is no Kubernetes object: it has no kind: {_excerpt(root)}",
            "Helm could not install it either. Look at what 'helm template' prints at this line.",
        )
    resource = Resource(text_of, root, kind, sequence)
    try:
        local = sequence is not None and is_local(resource)
    except BadShape as error:
        raise refusal(resource.where, error, "") from None
    if not local:
        yield resource


def is_local(resource: Resource) -> bool:
    """Tell an item that belongs to the tools around a KRM function, not to the cluster."""
    return (
        resource.kind in ("Kptfile", "MeshProfile")
        or resource.value(f"metadata/annotations/{LOCAL_CONFIG.replace('/', '~1')}") == "true"
    )


def _excerpt(root: "Node") -> str:
    value_of: Any = getattr(root, "value", "")
    if isinstance(value_of, str):
        return f'"{value_of[:60]}"'
    if is_mapping(root):
        keys = [key.value[:30] if key.id == "scalar" else "?" for key, _ in value_of[:5]]
        return f"keys {', '.join(keys)}" if keys else "an empty mapping"
    return "a list"

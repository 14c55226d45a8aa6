"""Describe what one run changed as kustomize patches: JSON 6902 operations, or `$patch: delete`.

The patches are derived from the resources before and after, not from the rules. kustomize selects what a patch is for
by regular expressions, and says nothing if a patch selects nothing. So before every value that is replaced or removed
there is an operation `test`: if the chart has another value by now, kustomize fails.
"""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import Resource, resources
from multimesh.mesh.kinds import CLUSTER_SCOPED
from multimesh.yamltext.edits import Text
from multimesh.yamltext.fieldpath import BadShape, refusal
from multimesh.yamltext.plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from multimesh.render.rendering import Rendering

    #: One operation of a JSON 6902 patch.
    Operation: TypeAlias = dict[str, Any]

    #: The fields of a target that are not empty. To kustomize they are regular expressions that match whole values.
    Target: TypeAlias = dict[str, str]

#: The key of a patch that deletes a resource.
DELETE = "$patch"

#: Fields that tell the items of a list apart.
_IDENTITY = ("name", "key")

#: What has a meaning in a regular expression, the dot excepted.
_SPECIAL = re.compile(r"[\\+*?()|\[\]{}^$]")


def patches(rendering: Rendering) -> list[tuple[Target, list[Operation] | dict[str, Any]]]:
    """Return a target and a patch for every resource that was changed or dropped, in the order of the stream.

    The patch is a list of operations, or for a dropped resource an object with `$patch: delete`. Raises MultimeshError
    for a resource that no target can select alone.
    """
    stock = list(resources(_text(rendering.stock)))
    identities = [_identity(resource) for resource in stock]
    return [(_target(resource, identities), patch) for resource, patch in _patched(rendering, stock)]


def _text(data: bytes) -> Text:
    return Text(data.decode("utf-8-sig"))


def _patched(
    rendering: Rendering, stock: list[Resource]
) -> Iterator[tuple[Resource, list[Operation] | dict[str, Any]]]:
    """Yield every stock resource that was changed or dropped, with its patch."""
    rewritten = resources(_text(rendering.output))
    # Resources are rewritten and dropped in the order of the stream.
    dropped = [title for title, _, _ in rendering.dropped]
    for resource in stock:
        if dropped and dropped[0] == resource.title:
            del dropped[0]
            yield resource, _deletion(resource)
            continue
        after = next(rewritten)
        if resource.written() == after.written():
            continue
        try:
            operations = difference(plain(resource.root), plain(after.root))
        except BadShape as error:
            raise refusal(resource.where, error, "") from None
        if operations:
            yield resource, operations


def _deletion(resource: Resource) -> dict[str, Any]:
    metadata = {"name": resource.name} | ({"namespace": resource.namespace} if resource.namespace else {})
    return {
        DELETE: "delete",
        "apiVersion": resource.value("apiVersion"),
        "kind": resource.kind,
        "metadata": metadata,
    }


# Targets.


def _identity(resource: Resource) -> Target:
    """Return what kustomize compares with a target.

    A cluster-scoped resource has no namespace to kustomize, whatever it says, and another one without a namespace is
    in `default` (kustomize api v0.21, resid.go, EffectiveNamespace).
    """
    is_cluster_scoped = (resource.group, resource.kind) in CLUSTER_SCOPED
    return {
        "group": resource.group,
        "version": resource.value("apiVersion").rpartition("/")[2],
        "kind": resource.kind,
        "name": resource.name,
        "namespace": "" if is_cluster_scoped else resource.namespace or "default",
    }


def _target(resource: Resource, identities: list[Target]) -> Target:
    """Return a target that selects this resource of the stream and no other one.

    The values are written as they are where that is enough, since they are easier to read. An empty pattern matches
    everything. Raises MultimeshError if there is no such target.
    """
    if not resource.name:
        raise MultimeshError(
            resource.where, "has no name, so no kustomize patch can select it", "Give it a metadata.name."
        )
    identity = _identity(resource)
    name = _SPECIAL.sub(r"\\\g<0>", identity["name"])
    readable = {**identity, "name": name, "namespace": resource.namespace and identity["namespace"]}
    exact = {**identity, "group": identity["group"] or "^$", "name": name.replace(".", r"\.")}
    for target in (readable, exact):
        if sum(_selects(target, other) for other in identities) == 1:
            return {field: pattern for field, pattern in target.items() if pattern}
    raise MultimeshError(
        resource.where,
        "is in the stream more than once, and kustomize accepts no such stream",
        "Leave one of them out of the chart, or use 'multimesh render'.",
    )


def _selects(target: Target, identity: Target) -> bool:
    """Return whether a target matches, as kustomize decides it (kustomize api v0.21, types/selector.go)."""
    return all(not pattern or re.fullmatch(pattern, identity[field]) for field, pattern in target.items())


# Operations.


def difference(old: Any, new: Any, at: str = "") -> list[Operation]:
    """Return the operations that turn one value into the other. `at` is the JSON pointer of both.

    >>> difference({"a": 1, "b": 2}, {"a": 3, "c": 4})
    [{'op': 'test', 'path': '/a', 'value': 1}, {'op': 'replace', 'path': '/a', 'value': 3}, \
{'op': 'test', 'path': '/b', 'value': 2}, {'op': 'remove', 'path': '/b'}, {'op': 'add', 'path': '/c', 'value': 4}]
    """
    if _key(old) == _key(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return _entries(old, new, at)
    if isinstance(old, list) and isinstance(new, list):
        return _items(old, new, at)
    return [_test(at, old), {"op": "replace", "path": at, "value": new}]


def _entries(old: dict[str, Any], new: dict[str, Any], at: str) -> list[Operation]:
    found: list[Operation] = []
    for key, value in old.items():
        path = _below(at, key)
        if key not in new:
            found += _removed(path, value)
        elif path == "/metadata/annotations" and not value and new[key]:
            # kustomize drops annotations that are empty or null, so neither `test` nor `replace` finds them.
            found.append(_added(path, new[key]))
        else:
            found += difference(value, new[key], path)
    return found + [_added(_below(at, key), value) for key, value in new.items() if key not in old]


def _items(old: list[Any], new: list[Any], at: str) -> list[Operation]:
    """Return the operations for a list. Each leaves the list longer equal to the new one, from its beginning on."""
    found: list[Operation] = []
    matcher = SequenceMatcher(None, [_key(item) for item in old], [_key(item) for item in new], autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = list(zip(old[start:end], new[first:last], strict=False))
        for index, (before, after) in enumerate(pairs, first):
            found += _item(before, after, f"{at}/{index}")
        index = first + len(pairs)
        for item in old[start + len(pairs) : end]:
            found += _removed(f"{at}/{index}", item)
        for number, item in enumerate(new[index:last], index):
            place = "-" if end == len(old) else str(number)
            found.append(_added(f"{at}/{place}", item))
    return found


def _item(old: Any, new: Any, at: str) -> list[Operation]:
    """Return the operations for an item of a list, after a test that it is the same item."""
    found = difference(old, new, at)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return found
    for key in _IDENTITY:
        if isinstance(old.get(key), str) and old[key] == new.get(key):
            return [_test(_below(at, key), old[key]), *found]
    return found if any(one["op"] == "test" for one in found) else [_test(at, old), *found]


def _added(path: str, value: Any) -> Operation:
    return {"op": "add", "path": path, "value": value}


def _removed(path: str, value: Any) -> list[Operation]:
    return [_test(path, value), {"op": "remove", "path": path}]


def _test(path: str, value: Any) -> Operation:
    return {"op": "test", "path": path, "value": value}


def _below(at: str, key: str) -> str:
    """Return the JSON pointer of a key (RFC 6901)."""
    return f"{at}/{key.replace('~', '~0').replace('/', '~1')}"


def _key(value: Any) -> str:
    """Return a value as text that is the same for equal values only: to Python, 1 and True are equal."""
    return json.dumps(value, sort_keys=True)

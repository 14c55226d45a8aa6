"""Compare two manifests by their objects and fields: what Helm writes in another form is not a difference."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from multimesh.check.objects import Object, dig, strings
from multimesh.check.sources.manifests import values
from multimesh.check.sources.plain_objects import objects
from multimesh.errors import MultimeshError
from multimesh.mesh.kinds import CLUSTER_SCOPED
from multimesh.yamltext.parser import compose_all

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

#: An annotation that Helm 4 gives to every document before the post-renderer (helm 4.1.4, pkg/action/action.go).
_OF_HELM = "postrenderer.helm.sh/postrender-filename"

#: Objects with this annotation are run, and are not part of the manifest of a release.
_HOOK = "helm.sh/hook"

#: Keys by which items of a list are the same item, if all items have different values of it.
_IDENTITIES = ("name", "containerPort", "port", "mountPath", "key")

#: What is shown in the place of the values of Secrets.
_HIDDEN = "(hidden)"

Identity = tuple[str, str, str, str]


class Field(NamedTuple):
    """One field that differs: its path, and its lines in the old and in the new manifest; none where it is absent."""

    path: str
    old: list[str]
    new: list[str]


class Difference(NamedTuple):
    """One object that differs: its title, its kind, how it differs, and its fields."""

    title: str
    kind: str
    how: str
    fields: list[Field]


def parsed(text: str, where: str, namespace: str) -> dict[Identity, Object]:
    """Return the objects of a manifest by their identity in a cluster; those without a namespace are in the release's.

    Raises MultimeshError for invalid YAML, and for a document that is not an object: it would be absent without a word.
    """
    found = {}
    for root in compose_all(text.removeprefix("\ufeff"), where):
        for item in _items(values(root)):
            # Of a CRD, `objects` keeps only the identity, and here its schemas count.
            has_kind = bool(dig(item, "kind"))
            one = next(objects(item, where), None) if has_kind else None
            if one is not None and _HOOK in one.annotations:
                continue
            if one is None or not one.name:
                said = f'"{item[:60]}"' if isinstance(item, str) else f"it has no {'name' if has_kind else 'kind'}"
                what = f"a document is not a Kubernetes object: {said}"
                hint = "Look at what 'helm get manifest' prints."
                raise MultimeshError(f"{where}:{1 + root.start_mark.line}", what, hint)
            key = _identity(one, namespace)
            found[key] = one._replace(namespace=key[2], data=item)
    return found


def _items(document: Any) -> Iterator[Any]:
    """Yield a document unless it is empty, or the items of a list of objects."""
    inside = dig(document, "items")
    if str(dig(document, "kind")).endswith("List") and isinstance(inside, list):
        for item in inside:
            yield from _items(item)
    elif document is not None:
        yield document


def _identity(item: Object, namespace: str) -> Identity:
    cluster_scoped = (item.group, item.kind) in CLUSTER_SCOPED
    return (item.group, item.kind, "" if cluster_scoped else item.namespace or namespace, item.name)


def differences(old: dict[Identity, Object], new: dict[Identity, Object]) -> list[Difference]:
    """Return which objects differ, in the order of the new manifest; removed ones are at the end."""
    found = []
    for key, item in new.items():
        if key not in old:
            found.append(Difference(item.title, item.kind, ADDED, []))
            continue
        fields = list(_fields(_plain(old[key]), _plain(item), ""))
        if item.kind == "Secret":
            fields = [_without_values(field) for field in fields]
        if fields:
            found.append(Difference(item.title, item.kind, CHANGED, fields))
    found += [Difference(item.title, item.kind, REMOVED, []) for key, item in old.items() if key not in new]
    return found


def _plain(item: Object) -> Any:
    """Return the data of an object without null, empty labels, annotations of Helm, and its namespace."""
    data = _without_null(item.data)
    metadata = dict(data.get("metadata") or {})
    # It is part of the identity.
    metadata.pop("namespace", None)
    for key in ("labels", "annotations"):
        inside = {name: value for name, value in strings(metadata.get(key)).items() if name != _OF_HELM}
        metadata.pop(key, None)
        if inside:
            metadata[key] = inside
    return {**data, "metadata": metadata}


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return [_without_null(item) for item in value] if isinstance(value, list) else value


def _fields(old: Any, new: Any, path: str) -> Iterator[Field]:
    """Yield the fields that differ between two values."""
    if type(old) is type(new) and old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*new, *old)):
            here = f"{path}.{key}" if path else key
            if key in old and key in new:
                yield from _fields(old[key], new[key], here)
            else:
                yield Field(here, _lines_at(old, key), _lines_at(new, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(old, new, path)
    elif isinstance(old, str) and isinstance(new, str) and _is_json(old) and _is_json(new):
        # Such as the values of an injector, which are one line of thousands of characters.
        yield from _fields(json.loads(old), json.loads(new), path)
    elif isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        # Helm 4 adds and removes empty lines at the end of texts (helm 4.1.4, pkg/action/action.go, by way of kyaml).
        yield from _in_texts(old.rstrip("\n").split("\n"), new.rstrip("\n").split("\n"), path)
    else:
        yield Field(path, _lines(old), _lines(new))


def _is_json(text: str) -> bool:
    """Return whether a text is a JSON object or list."""
    try:
        return text[:1] in ("{", "[") and json.loads(text) is not None
    except ValueError:
        return False


def _in_lists(old: list[Any], new: list[Any], path: str) -> Iterator[Field]:
    """Yield what differs between two lists: by the identity of their items, or else by position."""
    name = next((name for name in _IDENTITIES if _identifies(name, old) and _identifies(name, new)), "")
    if name:
        before = {item[name]: item for item in old}
        after = {item[name]: item for item in new}
        for key in dict.fromkeys((*after, *before)):
            here = f"{path}[{key}]"
            if key in before and key in after:
                yield from _fields(before[key], after[key], here)
            else:
                yield Field(here, _lines_at(before, key), _lines_at(after, key))
        shared = [[key for key in side if key in before and key in after] for side in (before, after)]
        if shared[0] != shared[1]:
            yield Field(f"{path} (order)", *(list(map(str, side)) for side in shared))
        return
    left, right = ([json.dumps(item, sort_keys=True) for item in side] for side in (old, new))
    for what, start, end, first, last in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "replace" and end - start == last - first:
            for offset in range(end - start):
                yield from _fields(old[start + offset], new[first + offset], f"{path}[{first + offset}]")
        elif what != "equal":
            gone = [line for item in old[start:end] for line in _lines(item)]
            yield Field(f"{path}[{first}]", gone, [line for item in new[first:last] for line in _lines(item)])


def _identifies(name: str, items: list[Any]) -> bool:
    """Return whether every item of a list has another value of this key."""
    found = [item.get(name) for item in items if isinstance(item, dict)]
    return (
        len(found) == len(items)
        and all(isinstance(value, str | int) for value in found)
        and len(set(found)) == len(items)
    )


def _in_texts(old: list[str], new: list[str], path: str) -> Iterator[Field]:
    """Yield the lines that differ between two texts, each stretch with the line of the new one."""
    for what, start, end, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            yield Field(f"{path}, line {first + 1}", old[start:end], new[first:last])


def _lines_at(mapping: dict[Any, Any], key: Any) -> list[str]:
    """Return the value of a key in lines; none where it is absent."""
    return _lines(mapping[key]) if key in mapping else []


def _lines(value: Any) -> list[str]:
    """Return a value in lines: text as it is, with quotes where it could be a number; anything else as JSON."""
    if isinstance(value, str):
        ambiguous = value == "" or value != value.strip() or not isinstance(_number_like(value), str)
        return [json.dumps(value)] if ambiguous else value.split("\n")
    return [json.dumps(value, ensure_ascii=False)]


def _number_like(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _without_values(field: Field) -> Field:
    """Return a field of a Secret without the values of its data."""
    if not field.path.startswith(("data", "stringData")):
        return field
    return field._replace(old=[_HIDDEN] * bool(field.old), new=[_HIDDEN] * bool(field.new))

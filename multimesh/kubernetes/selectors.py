"""Label selectors of Kubernetes, evaluated (k8s.io/apimachinery, pkg/apis/meta/v1/helpers.go)."""

from __future__ import annotations

from multimesh.yamltext.fieldpath import BadShape
from multimesh.yamltext.plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from multimesh.yamltext.nodes import Node

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def read(node: Node | None, path: str) -> dict[str, Any]:
    """Return a selector as plain values; empty where the node is None or null.

    `path` is the path of the node, for the message. Raises BadShape for what is not a selector.
    """
    selector = plain(node) if node is not None else None
    if node is None or selector is None:
        return {}
    if not _is_selector(selector):
        raise BadShape(path, "is not a label selector", node)
    for item in selector.get("matchExpressions") or ():
        if item["operator"] not in _OPERATORS:
            what = f'has the operator "{item["operator"]}", and Kubernetes knows In, NotIn, Exists and DoesNotExist'
            raise BadShape(path, what, node)
    return selector  # type: ignore[no-any-return]


def _is_selector(selector: Any) -> bool:
    """Return whether plain values have the shape of a selector."""
    if type(selector) is not dict:
        return False
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    return (
        type(labels) is dict
        and type(expressions) is list
        and all(type(value) is str for value in labels.values())
        and all(map(_is_expression, expressions))
    )


def _is_expression(item: Any) -> bool:
    """Return whether plain values have the shape of an item of matchExpressions."""
    return (
        type(item) is dict
        and type(item.get("key")) is type(item.get("operator")) is str
        and (item.get("values") is None or type(item["values"]) is list)
        and all(type(value) is str for value in item.get("values") or ())
    )


def requirements(selector: dict[str, Any] | None) -> list[tuple[str, str, list[str]]]:
    """Return the requirements of a selector, all of which must hold: (key, operator, values).

    >>> requirements({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]})
    [('a', 'In', ['b']), ('c', 'Exists', [])]
    """
    selector = selector or {}
    found = [(key, "In", [value]) for key, value in (selector.get("matchLabels") or {}).items()]
    expressions = selector.get("matchExpressions") or []
    return found + [(item.get("key", ""), item.get("operator", ""), item.get("values") or []) for item in expressions]


def allows(operator: str, values: list[str], value: str | None) -> bool:
    """Return whether a requirement holds for a label's value; None where the label is absent.

    Raises ValueError for an operator that Kubernetes does not know.
    """
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value is None or value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    raise ValueError(operator)


def matches(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """Return whether a selector matches a set of labels; an absent or empty selector matches all."""
    return all(allows(operator, values, labels.get(key)) for key, operator, values in requirements(selector))


def selects(selector: Any, labels: dict[str, str]) -> bool | None:
    """Return whether a selector, as plain values of any shape, matches labels; None where it is not a selector.

    >>> selects({"matchLabels": {"a": "b"}}, {"a": "b"}), selects(None, {}), selects("abc", {})
    (True, True, None)
    """
    if selector is None:
        return True
    if not _is_selector(selector):
        return None
    if any(item["operator"] not in _OPERATORS for item in selector.get("matchExpressions") or ()):
        return None
    return matches(selector, labels)


def may_match(selector: dict[str, Any] | None, key: str, value: str | None) -> bool:
    """Return whether a selector can match anything whose label `key` has this value, whatever its other labels are."""
    return all(allows(operator, values, value) for name, operator, values in requirements(selector) if name == key)

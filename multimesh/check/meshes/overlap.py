"""Decide exactly whether two webhooks can match the same object, and give an example.

A selector is a conjunction of requirements, each about one label. Therefore two selectors overlap if and only if
every label that occurs in them has a value, or is absent, such that all requirements about it hold. The example
consists of these values. Nothing is assumed about the selectors that charts happen to use.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from multimesh.check.objects import mappings, strings, text_of
from multimesh.kubernetes.selectors import allows

#: Kubernetes sets this label on every namespace since 1.21 (k8s.io/api core/v1 LabelMetadataName).
NAME_LABEL = "kubernetes.io/metadata.name"


class Witness(NamedTuple):
    """An object that both webhooks match: labels of its namespace and its own; None means that a label is absent."""

    namespace: dict[str, str | None]
    labels: dict[str, str | None]

    def sentence(self, what: str) -> str:
        """Return a description: `what`, its labels, and those of its namespace."""
        return f"{what} {_labelled(self.labels)} in {self.namespace_sentence()}"

    def namespace_sentence(self) -> str:
        """Return a description of the namespace alone."""
        return f"a namespace {_labelled(self.namespace)}"


def _labelled(labels: dict[str, str | None]) -> str:
    there = [f"{key}={value}" for key, value in sorted(labels.items()) if value is not None]
    absent = [key for key, value in sorted(labels.items()) if value is None]
    parts = ([f"labelled {', '.join(there)}"] if there else []) + ([f"without {', '.join(absent)}"] if absent else [])
    return " and ".join(parts) if parts else "with any labels"


def witness(first: dict[str, Any], second: dict[str, Any]) -> Witness | None:
    """Return an object that both webhook entries match, by namespaceSelector and objectSelector; None if there is none.

    Raises ValueError for an operator that Kubernetes does not know.
    """
    namespace = common(first.get("namespaceSelector"), second.get("namespaceSelector"))
    labels = common(first.get("objectSelector"), second.get("objectSelector"))
    return None if namespace is None or labels is None else Witness(namespace, labels)


#: The values to which a webhook entry limits labels, by the name of its selector and the key of the label; None in a
#: set means that the label is absent.
Limits: TypeAlias = dict[tuple[str, str], frozenset[str | None]]


def limits(entry: dict[str, Any]) -> Limits:
    """Return what an entry limits labels to; nothing where a selector cannot be read.

    Most pairs of webhooks of different meshes are limited to other values of one label, which this finds without a
    comparison of all their requirements.
    """
    found: Limits = {}
    try:
        for name in ("namespaceSelector", "objectSelector"):
            for key, operator, values in requirements(entry.get(name)):
                if operator in ("In", "DoesNotExist"):
                    allowed = frozenset[str | None](values if operator == "In" else (None,))
                    found[name, key] = found.get((name, key), allowed) & allowed
    except ValueError:
        return {}
    return found


def exclude(first: Limits, second: Limits) -> bool:
    """Return whether no object can be within the limits of both entries."""
    return any(key in second and values.isdisjoint(second[key]) for key, values in first.items())


def common(*selectors: dict[str, Any] | None) -> dict[str, str | None] | None:
    """Return labels that satisfy all selectors, an absence as None; None where no labels do.

    >>> common({"matchLabels": {"a": "1"}}, {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["2"]}]})
    {'a': '1'}
    >>> common({"matchLabels": {"a": "1"}}, {"matchLabels": {"a": "2"}}) is None
    True
    """
    wanted: dict[str, list[tuple[str, list[str]]]] = {}
    for selector in selectors:
        for key, operator, values in requirements(selector):
            wanted.setdefault(key, []).append((operator, values))
    found: dict[str, str | None] = {}
    for key, conditions in wanted.items():
        mentioned = list(dict.fromkeys(value for _, values in conditions for value in values))
        candidates: list[str | None] = [*mentioned, _unmentioned(mentioned)]
        if key != NAME_LABEL:
            candidates.insert(0, None)
        fitting = [value for value in candidates if all(allows(*condition, value) for condition in conditions)]
        if not fitting:
            return None
        # A value that one of the selectors mentions is the better example.
        found[key] = next((value for value in fitting if value in mentioned), fitting[0])
    return found


def requirements(selector: object) -> list[tuple[str, str, list[str]]]:
    """Return the requirements of a selector. Raises ValueError for a type or an operator that is not valid."""
    if selector is None:
        return []
    if not isinstance(selector, dict):
        raise ValueError(f'it is "{selector}"')
    labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if not isinstance(labels, dict) or not isinstance(expressions, list):
        raise ValueError("matchLabels is a mapping, matchExpressions a list")
    found = [(key, "In", [value]) for key, value in strings(labels).items()]
    for item in expressions:
        key, operator, values = (
            (item.get(name) for name in ("key", "operator", "values")) if isinstance(item, dict) else ("",) * 3
        )
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist") or not isinstance(values or [], list):
            raise ValueError(f'an expression has the operator "{text_of(operator)}"')
        found.append((text_of(key), operator, [text_of(value) for value in values or []]))
    return found


def _unmentioned(values: list[str]) -> str:
    """Return a value that no requirement mentions; all such values give the same result."""
    value = "other"
    while value in values:
        value += "-other"
    return value


def rules_meet(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether the rules of two webhook entries have an operation on a resource in common."""
    for one in mappings(first, "rules"):
        for two in mappings(second, "rules"):
            if all(
                _meet(one.get(key), two.get(key)) for key in ("operations", "apiGroups", "apiVersions", "resources")
            ):
                return True
    return False


def _meet(first: object, second: object) -> bool:
    one, two = (
        {text_of(item) for item in side} if isinstance(side, list) and side else {"*"} for side in (first, second)
    )
    if one & two or "*" in one | two or "*/*" in one | two:
        return True
    # "pods/*" and "pods/status" have something in common, "*/status" and "pods/status" too.
    return any(_pattern(a, b) or _pattern(b, a) for a in one for b in two)


def _pattern(pattern: str, resource: str) -> bool:
    kind, slash, part = pattern.partition("/")
    other, other_slash, other_part = resource.partition("/")
    return bool(slash and other_slash) and kind in ("*", other) and part in ("*", other_part)

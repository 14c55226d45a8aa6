"""The rules, and the index that answers which of them an object concerns.

A rule is a module that is named after its id, with underscores for dashes, and has

- a docstring: its page of the manual;
- `ID`: what messages, diffs and reports call it;
- `READS`: which objects it reads (multimesh/rules/concern.py);
- `plan(resource, mesh)`, which requests edits of one resource, or refuses it;
- `ONLY_WITH`, if it does nothing without an attribute of the profile: the name of the attribute.

Rules see the stock text only, so their order does not matter.
"""

from __future__ import annotations

from multimesh.rules import (
    ca_bundle,
    citadel_scope,
    cluster_scoped_names,
    envoy_filters,
    failure_policy,
    flags,
    gateways,
    injection_label,
    mesh_config,
    mesh_policy,
    namespaces,
    node_ports,
    revision,
    scope_gateways,
    sds_path,
    shared_resources,
    validation_scope,
    webhook_names,
)
from multimesh.rules.concern import ANY_KIND, EVERY, DataKey
from multimesh.yamltext.scalars import BREAKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Conditions, Reads

    class Rule(Protocol):
        """What every rule module has."""

        ID: str
        READS: Reads

        def plan(self, resource: Resource, mesh: Profile) -> None:
            """Request edits of one resource, or refuse it with MultimeshError or BadShape."""


#: All rules, in the order of the manual.
RULES: tuple[Rule, ...] = (
    namespaces,
    shared_resources,
    revision,
    cluster_scoped_names,
    webhook_names,
    injection_label,
    validation_scope,
    ca_bundle,
    failure_policy,
    mesh_config,
    envoy_filters,
    citadel_scope,
    gateways,
    scope_gateways,
    node_ports,
    mesh_policy,
    sds_path,
    flags,
)

#: For every kind that was asked for: the rules that read it, each with its conditions as text; None: every object.
_rules_of_kind: dict[str, list[tuple[Rule, list[tuple[str, str]] | None]]] = {}

#: For every kind that was asked for: the conditions of all rules for which an object is parsed.
_conditions_of_kind: dict[str, Conditions] = {}


#: What follows the backslash of an escape that can stand for a letter or a slash, or join two lines. Other escapes,
#: such as those of line breaks that a rule writes, do not hide a word.
_HIDING = ("x", "u", "U", "/", "", *BREAKS)


def rules_for(kind: str, name: str, text: str, mesh: Profile, *, aliased: bool = False) -> list[Rule]:
    """Return the rules that an object of this kind and name in this text concerns, in the order of `RULES`.

    `aliased` says that an alias in it may stand for text that is written elsewhere.
    """
    if kind not in _rules_of_kind:
        _rules_of_kind[kind] = _rules_that_read(kind)
    # A line feed ends the name in a condition; one inside a name, which Kubernetes refuses, must not.
    named = name.replace("\n", " ") + "\n"
    # A word may also be written with escapes or a tag, or at the anchor of an alias.
    hides = aliased or "!" in text or any(part[:1] in _HIDING for part in text.split("\\")[1:])
    found = []
    for rule, conditions in _rules_of_kind[kind]:
        only_with = vars(rule).get("ONLY_WITH")
        if only_with and not getattr(mesh, only_with):
            continue
        if conditions is None or any(
            named.startswith(start) and (hides or not word or text.rfind(word) >= 0) for start, word in conditions
        ):
            found.append(rule)
    return found


def _rules_that_read(kind: str) -> list[tuple[Rule, list[tuple[str, str]] | None]]:
    rows: list[tuple[Rule, list[tuple[str, str]] | None]] = []
    for rule in RULES:
        conditions = rule.READS.get(kind, ())
        if ANY_KIND in rule.READS or (kind in rule.READS and (conditions == EVERY or not conditions)):
            rows.append((rule, None))
        elif kind in rule.READS:
            rows.append((rule, [(start.decode(), word.decode()) for start, word in conditions]))
    return rows


def concerned_by(kind: str, name: bytes, body: bytes, keys: list[bytes] | None = None) -> bool | None:
    """Return whether an object of this kind and name, with these bytes, concerns a rule for which it must be parsed.

    `keys` are the keys of its `data`, if they are known. None means that the answer does not depend on the bytes: no
    rule reads such an object.
    """
    named = name + b"\n"
    concerned = None
    for start, word in _conditions(kind):
        if named.startswith(start):
            is_key = keys is not None and type(word) is DataKey
            if not word or (word in keys if is_key and keys is not None else body.rfind(word) >= 0):
                return True
            concerned = False
    return concerned


def words_of(kind: str) -> list[bytes]:
    """Return the words that rules look for anywhere in an object of this kind."""
    return [word for _, word in _conditions(kind) if word]


def _conditions(kind: str) -> Conditions:
    if kind not in _conditions_of_kind:
        _conditions_of_kind[kind] = tuple([pair for rule in RULES for pair in rule.READS.get(kind, ())])
    return _conditions_of_kind[kind]

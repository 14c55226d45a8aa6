"""The rules, in the order of the manual.

A rule is a module with

- `ID`: what messages, diffs and reports call it;
- `READS`: the kinds it reads, and for each the words without which an object of that kind cannot concern it
  (none: every object of the kind must be read); `"*"` stands for every object that is read at all;
- `plan(resource, mesh)`: wish for edits, or refuse.

Its docstring is its page of the manual. Rules see the original text only, so their order cannot matter.
"""

from multimesh.rules import (
    citadel_scope,
    cluster_scoped_names,
    flags,
    gateways,
    injection_label,
    mesh_policy,
    namespaces,
    node_ports,
    scope_gateways,
    sds_path,
    shared_resources,
    validation_scope,
    webhook_names,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from multimesh.manifest import Resource
    from multimesh.profile import Profile

    class Rule(Protocol):
        """What every rule module has."""

        ID: str
        READS: dict[str, tuple[bytes, ...]]

        @staticmethod
        def plan(resource: Resource, mesh: Profile) -> None:
            """Wish for edits of one resource, or refuse it."""


RULES: "tuple[Rule, ...]" = (
    namespaces,
    shared_resources,
    cluster_scoped_names,
    webhook_names,
    injection_label,
    validation_scope,
    citadel_scope,
    gateways,
    scope_gateways,
    node_ports,
    mesh_policy,
    sds_path,
    flags,
)


def _by_kind() -> "dict[str, tuple[Rule, ...]]":
    kinds = {kind for rule in RULES for kind in rule.READS}
    return {kind: tuple(rule for rule in RULES if kind in rule.READS or "*" in rule.READS) for kind in kinds}


_RULES_OF_KIND = _by_kind()


def rules_for(kind: str) -> "tuple[Rule, ...]":
    """Return the rules that read a kind."""
    return _RULES_OF_KIND.get(kind) or _RULES_OF_KIND["*"]


def words_of(kind: str) -> "tuple[bytes, ...] | None":
    """Return the words without which an object of a namespaced kind concerns no rule; None where all must be read."""
    words: list[bytes] = []
    for rule in RULES:
        found = rule.READS.get(kind)
        if found == ():
            return None
        words += found or ()
    return tuple(dict.fromkeys(words))

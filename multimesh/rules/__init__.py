"""The rules, in the order of the manual.

A rule is a module with

- `ID`: what messages, diffs and reports call it;
- `READS`: the kinds it reads, and for each what an object must have to concern it: pairs of a prefix of the name
  (with a line feed behind it: the whole name) and a word in the text, both empty for every object (`EVERY`); `"*"` stands for whatever is read anyway;
- `plan(resource, mesh)`: wish for edits, or refuse.

Its docstring is its page of the manual. Rules see the original text only, so their order cannot matter.
"""

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from multimesh.manifest import Resource
    from multimesh.profile import Profile

    class Rule(Protocol):
        """What every rule module has."""

        ID: str
        READS: "Reads"

        @staticmethod
        def plan(resource: Resource, mesh: Profile) -> None:
            """Wish for edits of one resource, or refuse it."""


RULES: "tuple[Rule, ...]" = (
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


def _by_kind() -> "dict[str, tuple[Rule, ...]]":
    kinds = {kind for rule in RULES for kind in rule.READS}
    return {kind: tuple(rule for rule in RULES if kind in rule.READS or "*" in rule.READS) for kind in kinds}


_RULES_OF_KIND = _by_kind()


def rules_for(kind: str) -> "tuple[Rule, ...]":
    """Return the rules that read a kind."""
    return _RULES_OF_KIND.get(kind) or _RULES_OF_KIND["*"]


def _reads_by_kind() -> "dict[str, tuple[tuple[bytes, bytes], ...]]":
    found: "dict[str, dict[tuple[bytes, bytes], None]]" = {}
    for rule in RULES:
        for kind, pairs in rule.READS.items():
            found.setdefault(kind, {}).update(dict.fromkeys(pairs))
    return {kind: tuple(pairs) for kind, pairs in found.items()}


_READS_OF_KIND = _reads_by_kind()


def concerned_by(kind: str, name: bytes, body: bytes) -> "bool | None":
    """Tell whether an object of this kind and name, with these words in it, could concern a rule.

    None says that no rule reads such an object, whatever words stand in it.
    """
    named = name + b"\n"
    concerned = None
    for prefix, word in _READS_OF_KIND.get(kind, ()):
        if named.startswith(prefix):
            if word in body:
                return True
            concerned = False
    return concerned

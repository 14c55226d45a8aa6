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
from multimesh.rules.reads import EVERY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from multimesh.manifest import Resource
    from multimesh.profile import Profile
    from multimesh.rules.reads import Reads

    class Rule(Protocol):
        """What every rule module has."""

        ID: str
        READS: Reads

        def plan(self, resource: Resource, mesh: Profile) -> None:
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


def _by_kind() -> "dict[str, tuple[tuple[Rule, tuple[tuple[str, str], ...]], ...]]":
    """Return the rules that read a kind, each with what an object must have to concern it; nothing: any object."""
    found: dict[str, tuple[tuple[Rule, tuple[tuple[str, str], ...]], ...]] = {}
    for kind in {kind for rule in RULES for kind in rule.READS}:
        rows: list[tuple[Rule, tuple[tuple[str, str], ...]]] = []
        for rule in RULES:
            if "*" in rule.READS:
                rows.append((rule, ()))
            elif kind in rule.READS:
                pairs = rule.READS[kind]
                rows.append(
                    (rule, () if pairs is EVERY else tuple((name.decode(), word.decode()) for name, word in pairs))
                )
        found[kind] = tuple(rows)
    return found


_RULES_OF_KIND = _by_kind()


def rules_for(kind: str, name: str, text: str) -> "list[Rule]":
    """Return the rules that an object of this kind and name could concern, which stands in this text."""
    named = name + "\n"
    # A word may also stand behind escapes or a tag. What an alias repeats stands in full at its anchor.
    hides = "\\" in text or "!" in text
    found = []
    for rule, pairs in _RULES_OF_KIND.get(kind) or _RULES_OF_KIND["*"]:
        if not pairs:
            found.append(rule)
            continue
        for prefix, word in pairs:
            if named.startswith(prefix) and (hides or word in text):
                found.append(rule)
                break
    return found


def _reads_by_kind() -> "dict[str, tuple[tuple[bytes, bytes], ...]]":
    found: dict[str, dict[tuple[bytes, bytes], None]] = {}
    for rule in RULES:
        for kind, pairs in rule.READS.items():
            found.setdefault(kind, {}).update(dict.fromkeys(pairs))
    return {kind: tuple(pairs) for kind, pairs in found.items()}


_READS_OF_KIND = _reads_by_kind()


def asked_of(kind: str) -> "list[bytes]":
    """Return the words that rules look for anywhere in an object of this kind."""
    return [word for _, word in _READS_OF_KIND.get(kind, ()) if word]


def concerned_by(kind: str, name: bytes, body: bytes) -> "bool | None":
    """Tell whether an object of this kind and name, with these words in it, could concern a rule.

    None says that no rule reads such an object, whatever words stand in it.
    """
    named = name + b"\n"
    concerned = None
    for prefix, word in _READS_OF_KIND.get(kind, ()):
        if named.startswith(prefix):
            if not word or body.find(word) >= 0:
                return True
            concerned = False
    return concerned

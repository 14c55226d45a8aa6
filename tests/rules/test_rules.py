"""The index of rules: which of them an object concerns, by its kind, its name and the words in it."""

from __future__ import annotations

import pytest
from program import profile

from multimesh.mesh.profile import load
from multimesh.rules import RULES, concerned_by, rules_for, words_of
from multimesh.rules.concern import EVERY

MESH = load(profile("affirmed", "istio-affirmed"), "profile.yaml")


def ids(kind: str, name: str, text: str, **more: bool) -> list[str]:
    """Return the rules that an object concerns, without those that see every object."""
    always = {rule.ID for rule in rules_for("Unheard", "x", "", MESH)}
    return [rule.ID for rule in rules_for(kind, name, text, MESH, **more) if rule.ID not in always]


def test_an_object_concerns_rules_by_its_name_or_by_a_word() -> None:
    assert ids("ConfigMap", "a", "") == []
    assert ids("ConfigMap", "istio", "") == ["mesh-config"]
    assert ids("ConfigMap", "istio\n", "") == []
    assert "shared-resources" in ids("Job", "istio-init-crd-10", "")
    assert "shared-resources" not in ids("Job", "x-istio-init-crd-10", "")
    assert "shared-resources" in ids("DaemonSet", "a", "name: install-cni")
    assert "shared-resources" not in ids("DaemonSet", "a", "")


@pytest.mark.parametrize("text", ['a: "\\x61"', "a: !!binary eA=="])
def test_a_word_may_be_written_in_a_way_that_hides_it(text: str) -> None:
    assert "shared-resources" in ids("DaemonSet", "a", text)
    assert "shared-resources" in ids("DaemonSet", "a", "", aliased=True)


def test_rules_come_in_the_order_of_the_manual() -> None:
    order = [rule.ID for rule in RULES]
    found = ids("CustomResourceDefinition", "gateways.networking.istio.io", "")
    assert found == sorted(found, key=order.index)
    assert "shared-resources" in found


def test_a_rule_that_needs_a_key_of_the_profile_is_not_asked_without_it() -> None:
    flagged = load(profile("affirmed", "istio-affirmed", flags=[{"container": "c", "args": ["--a"]}]), "profile.yaml")
    assert "flags" not in [rule.ID for rule in rules_for("Deployment", "a", "", MESH)]
    assert "flags" in [rule.ID for rule in rules_for("Deployment", "a", "", flagged)]


def test_whether_an_object_must_be_parsed_depends_on_its_bytes_or_does_not() -> None:
    """None: no rule reads such an object. False: none of the words is there."""
    assert concerned_by("CustomResourceDefinition", b"a", b"") is True
    assert concerned_by("DaemonSet", b"a", b"") is False
    assert concerned_by("DaemonSet", b"a", b"install-cni") is True
    assert concerned_by("Job", b"istio-init-crd-10", b"") is True
    assert concerned_by("Unheard", b"a", b"install-cni") is None
    assert b"install-cni" in words_of("DaemonSet")
    assert words_of("Unheard") == []


def test_a_word_that_is_a_key_counts_only_among_the_keys_where_they_are_known() -> None:
    keys = {(start, word) for rule in RULES for start, word in rule.READS.get("ConfigMap", EVERY) if word}
    from multimesh.rules.concern import DataKey

    found = [(start, word) for start, word in keys if type(word) is DataKey]
    assert found
    for start, word in found:
        name = start.rstrip(b"\n") or b"some-name"
        assert concerned_by("ConfigMap", name, b"x " + word, [word]) is True
        assert concerned_by("ConfigMap", name, b"x " + word) is True
        if not start:
            assert concerned_by("ConfigMap", name, b"x " + word, [b"other"]) is False

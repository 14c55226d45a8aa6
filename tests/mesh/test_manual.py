"""The keys of a profile in words: what the manual and `explain` say of them."""

from __future__ import annotations

from multimesh.mesh.definitions import PROFILE
from multimesh.mesh.manual import keys


def test_a_key_is_required_only_if_what_holds_it_is() -> None:
    found = {key.path: key.required for key in keys(PROFILE)}
    assert [path for path, required in found.items() if required] == [
        "metadata", "metadata.name", "spec", "spec.namespace",
    ]  # fmt: skip
    assert found["spec.flags[].container"] is False
    refused = {key.path for key in keys(PROFILE) if key.refused}
    assert refused == {"metadata.name", "spec.namespace", "spec.revision", "spec.canaryRevisions"}
    assert {key.required for key in keys(PROFILE, required=False)} == {False}


def test_a_key_says_what_it_may_be() -> None:
    kinds = {key.path: key.kinds for key in keys(PROFILE)}
    assert kinds["metadata"] == "mapping"
    assert kinds["metadata.name"] == "mesh name"
    assert kinds["spec.sharedResources"] == "`own` or `leave`"
    assert kinds["spec.scopeGateways"] == "`true` or `false`"
    assert kinds["spec.workloadNamespaces"] == "list of DNS label"
    assert kinds["spec.nodePorts"].endswith(
        "mapping of `http2`, `https`, `tcp`, `http-prometheus` to node port (30000-32767)"
    )
    assert kinds["spec.flags[].env"] == "mapping of names to text"
    assert all(key.description for key in keys(PROFILE))

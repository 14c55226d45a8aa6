"""The report of one run: only entries of the profile that matched nothing are findings."""

from __future__ import annotations

from typing import Any

import pytest
from program import profile

from multimesh.mesh.profile import load
from multimesh.render.pipeline import render
from multimesh.render.report import report

STREAM = b"""\
kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: company-reader
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: auditor-blue
roleRef: {kind: ClusterRole, name: auditor, apiGroup: rbac.authorization.k8s.io}
---
kind: Certificate
apiVersion: cert-manager.io/v1
metadata:
  name: a
spec:
  issuerRef: {kind: ClusterIssuer, name: "corp.issuer"}
---
kind: Widget
apiVersion: example.com/v1
metadata:
  name: viewer
---
kind: Service
apiVersion: v1
metadata:
  name: edge
---
kind: Deployment
apiVersion: apps/v1
metadata:
  name: edge
spec: {template: {spec: {containers: [{name: proxy}]}}}
---
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: metrics
subjects: [{kind: ServiceAccount, name: prometheus, namespace: monitoring}]
"""


def findings(**spec: Any) -> list[tuple[str, int]]:
    """Return the findings about entries of the profile: message and line."""
    mesh = load(profile("blue", "istio-blue", **spec), "profile.yaml")
    found = report(render(STREAM, mesh), mesh)["findings"]
    assert {(one["id"], one["severity"]) for one in found} <= {("profile-entry", "info")}
    assert all(one["remedy"] and one["sides"][0]["file"] == "profile.yaml" for one in found)
    return [(one["message"], one["sides"][0]["line"]) for one in found]


KEPT = ["ClusterRole/company-reader", "Widget/*"]


def test_entries_that_matched_are_no_findings() -> None:
    """They matched an object, a reference, or a whole kind."""
    renamed = ["ClusterRole/auditor", "ClusterIssuer/corp.issuer"]
    assert findings(keepNames=[*KEPT, "Service/edge"], renameNames=renamed) == []


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("keepNames", "ClusterRole/company"),  # part of a name
        ("keepNames", "ClusterRole/viewer"),  # a name of another kind
        ("keepNames", "Role/company-reader"),  # part of a kind
        ("keepNames", "Gadget/*"),
        ("renameNames", "ClusterRole/issuer"),  # after a dot
        ("renameNames", "ClusterIssuer/nobody"),
    ],
)
def test_an_entry_that_matched_nothing_is_a_finding_with_its_line(key: str, entry: str) -> None:
    """A misspelled name is found in this way. Another chart of the mesh may need the entry, so it is an info."""
    spec: dict[str, Any] = {"keepNames": KEPT} | {key: [*(KEPT if key == "keepNames" else []), entry]}
    line = 11 if key == "keepNames" else 12
    assert findings(**spec) == [(f'spec.{key} holds "{entry}", which occurs nowhere in this stream', line)]


def test_a_container_or_an_account_that_the_stream_does_not_have_is_a_finding() -> None:
    """As with names: what the profile asks for is done nowhere, and only the report says so."""
    flags = [
        {"container": "proxy", "workload": "edge"},
        {"container": "proxi"},
        {"container": "proxy", "workload": "x"},
    ]
    assert findings(keepNames=KEPT, flags=flags, foreignSubjects=["monitoring/prometheus", "monitoring/nobody"]) == [
        (f"spec.{key} holds \"{entry}\", which occurs nowhere in this stream", line)
        for key, entry, line in (
            ("foreignSubjects", "monitoring/nobody", 19), ("flags", "proxi", 11), ("flags", "x/proxy", 11),
        )
    ]  # fmt: skip


def test_a_workload_namespace_that_is_written_twice_is_a_finding() -> None:
    """It counts once, and the user may have meant another namespace."""
    expected = [('spec.workloadNamespaces holds "a" more than once', 8)]
    assert findings(keepNames=KEPT, workloadNamespaces=["a", "b", "a", "a"]) == expected

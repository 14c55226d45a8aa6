"""The rewrite of Istio 1.6 and later, implemented a second time, as a table of values.

Like `oracle`, whose functions it uses, it shares no code with the package. Every change names its row of the tables:
A is a transformation of an object of a chart, D concerns shared resources.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import oracle
from oracle import ABSENT, Change, Key, Object

MESH = "multimesh.dev/mesh"
REVISION = "istio.io/rev"
TAG = "istio.io/tag"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"
KEEP = "helm.sh/resource-policy"

#: The annotations that keep the owner's CRDs: of Helm, Flux, Argo CD.
KEPT = {
    KEEP: "keep",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
    "argocd.argoproj.io/sync-options": "Prune=false",
}
INJECTOR = "sidecar-injector.istio.io"
VALIDATOR = "validation.istio.io"
DEFAULT_VALIDATOR = "istiod-default-validator"
DEFAULT_POLICY = "stable-channel-default-policy.istio.io"

# A13: cluster-scoped names without revision or namespace, by kind.
FIXED = {
    "ClusterRole": {"kiali", "kiali-viewer", "istio-policy", "istiocoredns", "prometheus"},
    "ClusterRoleBinding": {"kiali", "prometheus"},
    "ValidatingWebhookConfiguration": {DEFAULT_VALIDATOR},
    "ValidatingAdmissionPolicy": {DEFAULT_POLICY},
    "ValidatingAdmissionPolicyBinding": {"stable-channel-default-policy-binding.istio.io"},
}


class Mesh(NamedTuple):
    """What distinguishes one mesh, and whether it owns what a cluster has only once."""

    name: str
    namespace: str
    own: bool
    revision: str = ""
    #: Names that the profile keeps, as `Kind/name`; `ClusterRole/*` if it keeps all of them.
    kept: frozenset[str] = frozenset()
    upgrade: bool = False

    @property
    def rev(self) -> str:
        """The revision that the injection label selects."""
        return self.revision or self.name

    @property
    def revisions(self) -> set[str]:
        """The revisions of the mesh; with `revision`, the tests use the mesh name as a canary."""
        return {self.rev, self.name}

    def suffixed(self, kind: str, name: str) -> str:
        """Return the name that a fixed name gets in this mesh; other names stay."""
        kept = f"{kind}/{name}" in self.kept or f"{kind}/*" in self.kept
        return f"{name}-{self.name}" if name in FIXED.get(kind, ()) and not kept else name


def plan(objs: list[Object], mesh: Mesh) -> tuple[list[Change], set[Key]]:
    """Return every value that the stock objects get in this mesh, and the objects that are left out."""
    changes = [
        Change(oracle.key(obj), path, row, after, *accepts)
        for obj in objs
        for row, path, after, *accepts in _changes(obj, mesh, patched_by_name(objs))
    ]
    return changes, {
        oracle.key(obj) for obj in oracle.of_kind(objs, "CustomResourceDefinition")
    } if not mesh.own else set()


def expected(objs: list[Object], mesh: Mesh, after: list[Object]) -> dict[Key, Object]:
    """Apply the plan to values; return the expected objects by their identity in a cluster."""
    changes, dropped = plan(objs, mesh)
    stay = [obj for obj in objs if oracle.key(obj) not in dropped]
    wanted = oracle.apply(stay, [c for c in changes if c.key not in dropped], after)
    return {oracle.key(obj): obj for obj in wanted}


def patched_by_name(objs: list[Object]) -> bool:
    """Return whether this is Istio 1.6 to 1.8, whose control plane patches the one entry that its variable names."""
    return any(
        variable["name"] == "INJECTION_WEBHOOK_CONFIG_NAME"
        for _, template in oracle.pods(objs)
        for found in oracle.containers(template)
        if found["name"] == "discovery"
        for variable in found.get("env") or ()
    )


def _changes(obj: Object, mesh: Mesh, by_name: bool) -> Iterator[tuple]:
    kind, meta = obj["kind"], obj["metadata"]
    name, labels = meta["name"], meta.get("labels") or {}
    if mesh.suffixed(kind, name) != name:
        yield ("A13", ("metadata", "name"), mesh.suffixed(kind, name))
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = obj["roleRef"]
        # A binding refers to nothing else, whatever it says.
        if role["kind"] == "ClusterRole" and mesh.suffixed(role["kind"], role["name"]) != role["name"]:
            yield ("A13", ("roleRef", "name"), mesh.suffixed(role["kind"], role["name"]))
    if kind.endswith("WebhookConfiguration"):
        for number, entry in enumerate(obj["webhooks"]):
            if entry["clientConfig"].get("caBundle") in {"", oracle.NULL}:
                yield ("A19", ("webhooks", f"[{number}]", "clientConfig", "caBundle"), ABSENT)
    if kind == "MutatingWebhookConfiguration" and labels.get(REVISION) == mesh.rev and TAG not in labels:
        yield from _injection(obj, mesh, by_name)
    if kind == "ValidatingWebhookConfiguration":
        yield from _validation(obj, mesh)
    if kind == "ValidatingWebhookConfiguration" and mesh.upgrade:
        for number, entry in enumerate(obj["webhooks"]):
            if entry["name"].endswith(VALIDATOR) and "failurePolicy" in entry:
                yield ("A20", ("webhooks", f"[{number}]", "failurePolicy"), ABSENT)
    # An API server refuses a policy without constraints.
    if kind == "ValidatingAdmissionPolicy" and isinstance((obj.get("spec") or {}).get("matchConstraints"), dict):
        yield ("A11", ("spec", "matchConstraints", "namespaceSelector"), narrowed(mesh))
    if kind == "ValidatingAdmissionPolicyBinding":
        policy = obj["spec"]["policyName"]
        if policy == DEFAULT_POLICY:
            yield ("A11", ("spec", "policyName"), mesh.suffixed("ValidatingAdmissionPolicy", policy))
    default = any(
        name in {stock, mesh.suffixed(kind, stock)} and stock in FIXED.get(kind, ())
        for stock in (DEFAULT_VALIDATOR, DEFAULT_POLICY)
    )
    ours = kind != "ValidatingWebhookConfiguration" or any(map(is_validator, obj["webhooks"]))
    if default and ours and labels.get(REVISION) != mesh.rev:
        yield ("A10", ("metadata", "labels", REVISION), mesh.rev)
    if kind == "CustomResourceDefinition":
        for key, value in KEPT.items():
            if (meta.get("annotations") or {}).get(key) != value:
                yield ("A24", ("metadata", "annotations", key), value)
    if kind == "EnvoyFilter" and meta.get("namespace") == "istio-system":
        yield ("A18", ("metadata", "namespace"), mesh.namespace)
    of_mesh = kind == "ConfigMap" and (name == "istio" or name.startswith("istio-"))
    if of_mesh and "mesh" in (obj.get("data") or {}) and _root_of(obj) != mesh.namespace:
        text = obj["data"]["mesh"]
        # Go cannot read `!!int istio-affirmed` at all.
        assert "!!" not in text
        yield ("A15", ("data", "mesh"), "(the same, with rootNamespace)", lambda found: _is_rooted(text, found, mesh))


def narrowed(mesh: Mesh) -> Object:
    """Return the selector of the namespaces of a mesh."""
    return {"matchExpressions": [{"key": MESH, "operator": "In", "values": [mesh.name]}]}


def labelled(mesh: Mesh) -> Object:
    """Return the selector of the namespaces in which this mesh injects."""
    return {"matchExpressions": [{"key": INJECTION, "operator": "In", "values": [f"enabled-{mesh.name}"]}]}


def _is_older(obj: Object) -> bool:
    """Return whether a configuration is of 1.6 to 1.8, if the control plane is in no stream."""
    entry = obj["webhooks"][0]
    service = entry["clientConfig"].get("service")
    old = "port" not in service if service is not None else "objectSelector" not in entry
    return obj["apiVersion"].endswith("v1beta1") and [e["name"] for e in obj["webhooks"]] == [INJECTOR] and old


def _injection(obj: Object, mesh: Mesh, by_name: bool) -> Iterator[tuple]:
    """A5. The entry for the label of the mesh: an additional one, or up to 1.8 the only one."""
    entries = {entry["name"]: entry for entry in obj["webhooks"]}
    if by_name or _is_older(obj):
        number = list(entries).index(INJECTOR)
        yield ("A5", ("webhooks", f"[{number}]", "namespaceSelector"), labelled(mesh))
        return
    model = next(
        entries[prefix + INJECTOR] for prefix in ("rev.namespace.", "namespace.", "") if prefix + INJECTOR in entries
    )
    clone = copy.deepcopy(model)
    if clone["clientConfig"].get("caBundle") in {"", oracle.NULL}:
        del clone["clientConfig"]["caBundle"]
    clone = {name: value for name, value in clone.items() if value is not None and value != oracle.NULL}
    clone |= {"name": f"{mesh.name}.namespace.{INJECTOR}", "namespaceSelector": labelled(mesh)}
    yield ("A5", ("webhooks", f"[{len(obj['webhooks'])}]"), clone)


def _validation(obj: Object, mesh: Mesh) -> Iterator[tuple]:
    """A8 to A10. Every entry matches only the namespaces of the mesh; the default revision becomes that of the mesh."""
    name, labels = obj["metadata"]["name"], obj["metadata"].get("labels") or {}
    named = labels.get(REVISION) in mesh.revisions and not name.startswith(DEFAULT_VALIDATOR)
    for number, entry in enumerate(obj["webhooks"]):
        place = ("webhooks", f"[{number}]")
        if not is_validator(entry):
            continue
        selector = copy.deepcopy(entry.get("namespaceSelector") or {})
        (term,) = narrowed(mesh)["matchExpressions"]
        if term not in (selector.get("matchExpressions") or ()) and (
            (selector.get("matchLabels") or {}).get(MESH) != mesh.name
        ):
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), term]
            yield ("A8", (*place, "namespaceSelector"), selector)
        service = oracle._get(entry, "clientConfig", "service", "name") or ""
        if not named and service.startswith("istiod") and service != f"istiod-{mesh.rev}":
            yield ("A10", (*place, "clientConfig", "service", "name"), f"istiod-{mesh.rev}")


def is_validator(entry: Object) -> bool:
    """Return whether a webhook belongs to Istio, by the end of its name or by the Service that it calls."""
    service = oracle._get(entry, "clientConfig", "service", "name") or ""
    return entry["name"].endswith(VALIDATOR) or service in {"istio-galley", "istiod"} or service.startswith("istiod-")


def _root_of(obj: Object) -> Any:
    found = oracle.parsed("mesh", obj["data"]["mesh"])
    return found.get("rootNamespace") if isinstance(found, dict) else None


def _is_rooted(text: str, found: Any, mesh: Mesh) -> bool:
    """Accept the same mesh configuration with this root, on any line; all other lines stay."""
    wanted = {**oracle.parsed("mesh", text), "rootNamespace": mesh.namespace}
    if not isinstance(found, str) or oracle.parsed("mesh", found) != wanted:
        return False
    # A key that is written otherwise (`? key`, with an anchor, in quotes) is on another line, or on that of a brace.
    odd = any("rootNamespace" in line and not line.startswith("rootNamespace:") for line in text.splitlines())
    odd = odd or "{" in text.partition("\n")[0]
    return odd or _rootless(text) == _rootless(found)


def _rootless(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip(" ").startswith("rootNamespace:")]


# --- which webhooks are called -------------------------------------------------------------

# What a stock mesh of the default revision installs; whatever its name is, these are its selectors.
DEFAULT_ENTRIES = {
    "one": [({INJECTION: "enabled"}, [])],
    "four": [
        ([(REVISION, "In", "default"), (INJECTION, "DoesNotExist")], [(INJECT, "NotIn", "false")]),
        (
            [(REVISION, "DoesNotExist"), (INJECTION, "DoesNotExist")],
            [(INJECT, "NotIn", "false"), (REVISION, "In", "default")],
        ),
        ([(INJECTION, "In", "enabled")], [(INJECT, "NotIn", "false")]),
        (
            [(INJECTION, "DoesNotExist"), (REVISION, "DoesNotExist")],
            [(INJECT, "In", "true"), (REVISION, "DoesNotExist")],
        ),
    ],
}


def default_mesh(entries: str) -> list[Object]:
    """Return the mutating entries of a stock mesh without revision; `one` up to 1.9, `four` from 1.10 on."""
    return [
        {"name": INJECTOR, "namespaceSelector": _selector(namespace), "objectSelector": _selector(pod)}
        for namespace, pod in DEFAULT_ENTRIES[entries]
    ]


def _selector(terms: Any) -> Object:
    if isinstance(terms, dict):
        return {"matchLabels": terms}
    return {
        "matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, *values in terms]
    }


NAMESPACES = tuple(
    {name: value for name, value in ((INJECTION, injection), (REVISION, revision), (MESH, mesh)) if value}
    for injection, revision, mesh in itertools.product(
        ("", "enabled", "disabled", "enabled-affirmed", "enabled-blue", "something"),
        ("", "default", "affirmed", "blue"),
        ("", "affirmed", "blue"),
    )
)
"""Every combination of the labels that any selector of a namespace names."""

PODS = tuple(
    {name: value for name, value in ((INJECT, inject), (REVISION, revision)) if value}
    for inject, revision in itertools.product(("", "true", "false", "something"), ("", "default", "affirmed", "blue"))
)
"""Every combination of the labels that any selector of a pod, or of an Istio resource, names."""


def answers(entries: list[Object], namespace: Object, labels: Object) -> list[str]:
    """Return the names of the entries that are called for an object with these labels in a namespace with these."""
    return [
        entry["name"]
        for entry in entries
        if oracle.selects(entry.get("namespaceSelector"), namespace)
        and oracle.selects(entry.get("objectSelector"), labels)
    ]


def entries(objs: list[Object], kind: str) -> list[Object]:
    """Return the entries of all webhook configurations of a kind."""
    return [entry for obj in oracle.of_kind(objs, kind) for entry in obj["webhooks"]]

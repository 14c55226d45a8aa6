"""Kubernetes objects as plain values, and accessors that accept a value of any shape.

Manifests of other people are read too, so no accessor fails on a field of an unexpected type.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED

#: The API group of mesh profiles, which are not resources.
PROFILE_GROUP = "multimesh.dev"


class Object(NamedTuple):
    """One object: what identifies it, the file and line (from 1) it comes from, and its plain values."""

    group: str
    kind: str
    namespace: str
    name: str
    file: str
    line: int
    data: dict[str, Any]
    #: The scope that a CRD gives to a kind of no table: Cluster or Namespaced.
    scope: str = ""

    @property
    def title(self) -> str:
        """Kind/name or Kind/namespace/name."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies it in a cluster."""
        return (self.group, self.kind, self.namespace, self.name)

    @property
    def cluster_scoped(self) -> bool:
        """Whether its kind is cluster-scoped; an unknown kind without a namespace counts as such."""
        if self.scope:
            return self.scope == "Cluster"
        return (self.group, self.kind) in CLUSTER_SCOPED or self.scope_is_open

    @property
    def scope_is_open(self) -> bool:
        """Whether nothing says which scope its kind has: no table, no CRD, and no namespace."""
        key = (self.group, self.kind)
        return not (self.namespace or self.scope or key in CLUSTER_SCOPED or key in NAMESPACED)

    @property
    def is_namespace(self) -> bool:
        """Whether it is a Namespace."""
        return (self.group, self.kind) == ("", "Namespace")

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return strings(dig(self.data, "metadata", "labels"))

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations."""
        return strings(dig(self.data, "metadata", "annotations"))

    @property
    def is_resource(self) -> bool:
        """Whether an API server could hold it: a file of values may have a `kind` too, and a mesh profile has one."""
        return bool(self.name and (self.group or self.data.get("apiVersion"))) and self.group != PROFILE_GROUP

    @property
    def is_live(self) -> bool:
        """Whether it comes from a cluster: only there does an object have a uid."""
        return any(isinstance(dig(self.data, "metadata", key), str) for key in ("uid", "resourceVersion"))


def scopes_of(objects: list[Object]) -> dict[tuple[str, str], str]:
    """Return the scope of each (group, kind) of the CRDs among objects."""
    return {
        (text_of(dig(item.data, "spec", "group")), text_of(dig(item.data, "spec", "names", "kind"))): text_of(
            dig(item.data, "spec", "scope")
        )
        or "Namespaced"
        for item in objects
        if item.kind == "CustomResourceDefinition"
    }


def with_scopes(objects: list[Object], scopes: dict[tuple[str, str], str]) -> list[Object]:
    """Return objects with the scopes that CRDs give to kinds of no table."""
    found = []
    for item in objects:
        key = (item.group, item.kind)
        scope = scopes.get(key, "") if key not in CLUSTER_SCOPED and key not in NAMESPACED else ""
        if scope:
            # As in kinds of the tables, a namespace of a cluster-scoped object has no effect.
            namespace = "" if scope == "Cluster" else item.namespace
            found.append(item._replace(scope=scope, namespace=namespace))
        else:
            found.append(item)
    return found


def dig(data: Any, *keys: str) -> Any:
    """Return the value at a path of keys; None where a key is absent or its parent is not a mapping."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def listed(data: Any, *keys: str) -> list[Any]:
    """Return the list at a path of keys; an empty one for anything else."""
    found = dig(data, *keys)
    return found if isinstance(found, list) else []


def mappings(data: Any, *keys: str) -> list[dict[str, Any]]:
    """Return the mappings in the list at a path of keys; other items are left out."""
    return [item for item in listed(data, *keys) if isinstance(item, dict)]


def text_of(value: Any) -> str:
    """Return a scalar as text; empty for None, lists and mappings.

    >>> text_of(True), text_of(8080), text_of(None), text_of(["a"])
    ('true', '8080', '', '')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def plural(kind: str) -> str:
    """Return the plural of a kind, as the API server has it.

    >>> plural("VirtualService"), plural("ServiceEntry"), plural("Ingress"), plural("Gateway")
    ('virtualservices', 'serviceentries', 'ingresses', 'gateways')
    """
    name = kind.lower()
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"


def from_base64(value: str) -> str:
    """Return text from Base64, without blanks around it; empty for what is not Base64."""
    try:
        return base64.b64decode(value).decode("utf-8", "replace").strip()
    except (binascii.Error, ValueError):
        return ""


def strings(data: Any) -> dict[str, str]:
    """Return a mapping with its scalars as text; values that are None, a list or a mapping are left out."""
    if not isinstance(data, dict):
        return {}
    return {key: text_of(item) for key, item in data.items() if item is not None and not isinstance(item, dict | list)}

"""A mesh: its objects, its profile, and what the checks ask about it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import multimesh.mesh.names as naming
from multimesh.check.findings import Side
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import containers, env_value, is_control_plane
from multimesh.check.objects import Object, dig, listed, mappings, strings, text_of
from multimesh.check.sources.manifests import documents
from multimesh.mesh.names import REVISION_LABEL
from multimesh.mesh.profile import Profile


class Mesh:
    """One mesh: what it is called in messages, its control-plane namespace, its objects, and its profile if one was given.

    A mesh that lives in the cluster is `live`. What lives there and belongs to no mesh is one `live` mesh without a
    namespace.
    """

    def __init__(
        self, name: str, namespace: str, objects: list[Object], profile: Profile | None = None, *, live: bool = False
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.objects = objects
        self.profile = profile
        self.live = live

    @property
    def checked(self) -> bool:
        """Whether it was asked about, by a manifest or a profile; what else lives in the cluster is not at fault."""
        return not self.live or self.profile is not None

    @property
    def is_rest(self) -> bool:
        """Whether this is what lives in the cluster and belongs to no mesh."""
        return self.live and not self.namespace

    @cached_property
    def kinds(self) -> dict[str, list[Object]]:
        """Its objects by kind."""
        found: dict[str, list[Object]] = {}
        for item in self.objects:
            found.setdefault(item.kind, []).append(item)
        return found

    @cached_property
    def workloads(self) -> list[tuple[Object, list[dict[str, Any]]]]:
        """Its workloads, each with its containers."""
        return [(found, inner) for found in self.objects if (inner := containers(found))]

    @property
    def configs(self) -> list[tuple[Object, dict[str, Any]]]:
        """Its mesh configurations, parsed, each with the ConfigMap that holds it."""
        return [(config, values) for config, values in self._configs if values is not None]

    @property
    def unread_configs(self) -> list[Object]:
        """The ConfigMaps whose mesh configuration is no YAML mapping: nothing is known of what they say."""
        return [config for config, values in self._configs if values is None]

    @cached_property
    def _configs(self) -> list[tuple[Object, dict[str, Any] | None]]:
        found = []
        for config in self.of("ConfigMap"):
            content = strings(config.data.get("data")).get("mesh", "")
            if content and (config.name == "istio" or config.name.startswith("istio-")):
                roots = documents(content)
                found.append((config, roots[0] if roots and isinstance(roots[0], dict) else None))
        return found

    def of(self, *kinds: str) -> list[Object]:
        """Return its objects of these kinds."""
        return [found for kind in kinds for found in self.kinds.get(kind, [])]

    def containers(self, name: str = "") -> list[tuple[Object, dict[str, Any]]]:
        """Return the containers of this name, or all, with the workload that holds each."""
        return [
            (found, container)
            for found, inner in self.workloads
            for container in inner
            if not name or container.get("name") == name
        ]


def control_plane_of(objects: list[Object]) -> str:
    """Return the control-plane namespace that objects tell of; empty where they tell of none."""
    for found in objects:
        if is_control_plane(found):
            return found.namespace
    for found in objects:
        if found.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for item in entries(found):
                namespace = text_of(dig(item, "clientConfig", "service", "namespace"))
                if namespace:
                    return namespace
    return ""


def revisions_of(objects: list[Object]) -> list[str]:
    """Return the revisions that objects serve or ask for: control planes, webhook configurations; failing that, labels.

    The label stands on pods that want a sidecar, and on everything of istio-cni; for ztunnel it is an annotation.
    """
    found: dict[str, None] = {}
    for item in objects:
        for container in containers(item):
            if container.get("name") == "discovery" and item.name != "istio-pilot":
                found[env_value(container, "REVISION") or "default"] = None
        if (
            item.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
            and REVISION_LABEL in item.labels
        ):
            found[item.labels[REVISION_LABEL] or "default"] = None
    if not found:
        for item in objects:
            labels = strings(dig(item.data, "spec", "template", "metadata", "labels"))
            if (
                revision := labels.get(REVISION_LABEL)
                or item.labels.get(REVISION_LABEL)
                or item.annotations.get(REVISION_LABEL)
            ):
                found[revision] = None
    return list(found)


def name_of(namespace: str, objects: list[Object], profile: Profile | None) -> str:
    """Return what a mesh is called: by its profile, the label that its webhooks select, its revision, or its namespace."""
    label = profile.name if profile is not None else label_of(objects)
    named = [revision for revision in revisions_of(objects) if revision != "default"] if not label else []
    return label or (named[0] if named else namespace or "unnamed")


def label_of(objects: list[Object]) -> str:
    """Return the value of the mesh's label that webhooks select: the mesh name, for certain; empty where none does."""
    for found in objects:
        for item in entries(found):
            labels = strings(dig(item, "namespaceSelector", "matchLabels"))
            if naming.MESH_LABEL in labels:
                return labels[naming.MESH_LABEL]
            for term in mappings(item, "namespaceSelector", "matchExpressions"):
                wanted = listed(term, "values")
                if term.get("key") == naming.MESH_LABEL and term.get("operator") == "In" and len(wanted) == 1:
                    return text_of(wanted[0])
    return ""


def side_of(mesh: Mesh, found: Object, part: str = "") -> Side:
    """Return one side_of of a finding."""
    return Side("" if mesh.is_rest else mesh.name, f"{found.title} {part}".strip(), found.file, found.line)

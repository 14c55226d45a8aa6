"""A mesh: its objects, its profile, and what the checks ask about it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from multimesh.check.findings import Side
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import containers, env_value, is_control_plane
from multimesh.check.objects import Object, dig, listed, mappings, strings, text_of
from multimesh.check.sources.manifests import documents
from multimesh.mesh.names import MESH_LABEL, REVISION_LABEL
from multimesh.mesh.profile import Profile


class Mesh:
    """One mesh: its name in messages, its control-plane namespace, its objects, and its profile if one is given.

    A mesh that is read from a cluster is `live`. The live objects that belong to no mesh are one more `Mesh`, without a
    namespace. `running` is what a mesh of which manifests are given has in the cluster.
    """

    def __init__(
        self, name: str, namespace: str, objects: list[Object], profile: Profile | None = None, *, live: bool = False
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.objects = objects
        self.profile = profile
        self.live = live
        self.running: Mesh | None = None

    @property
    def checked(self) -> bool:
        """Whether a manifest or a profile of it is given: conflicts among the other live meshes are not reported."""
        return not self.live or self.profile is not None

    @property
    def is_unassigned(self) -> bool:
        """Whether these are the live objects that belong to no mesh."""
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
    def unparsed_configs(self) -> list[Object]:
        """The ConfigMaps whose mesh configuration is not a YAML mapping, so that nothing in it was checked."""
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
        """Return the containers of this name, or all, each after its workload."""
        return [
            (found, container)
            for found, inner in self.workloads
            for container in inner
            if not name or container.get("name") == name
        ]


def control_plane_of(objects: list[Object]) -> str:
    """Return the namespace of the control plane among objects, or that their webhooks call; empty for none."""
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


def control_planes_of(objects: list[Object]) -> list[str]:
    """Return the namespaces of all control planes among objects, or else of those that their webhooks call."""
    found = [item.namespace for item in objects if is_control_plane(item)]
    for item in objects if not found else ():
        for entry in entries(item):
            service = dig(entry, "clientConfig", "service")
            # Webhooks of other programs are in the same manifest.
            if text_of(dig(service, "name")).startswith("istio"):
                found.append(text_of(dig(service, "namespace")))
    return sorted({*found} - {""})


def revisions_of(objects: list[Object]) -> list[str]:
    """Return the revisions of control planes and webhook configurations among objects, or else those in labels.

    Pods that request a sidecar have the label, and all objects of istio-cni do; for ztunnel it is an annotation.
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
    """Return the name of a mesh: from its profile, the label that webhooks select, its revision, or its namespace."""
    label = profile.name if profile is not None else label_of(objects)
    named = [revision for revision in revisions_of(objects) if revision != "default"] if not label else []
    return label or (named[0] if named else namespace or "unnamed")


def label_of(objects: list[Object]) -> str:
    """Return the mesh label that webhooks select, which is the name of the mesh; empty where none selects it."""
    for found in objects:
        for item in entries(found):
            labels = strings(dig(item, "namespaceSelector", "matchLabels"))
            if MESH_LABEL in labels:
                return labels[MESH_LABEL]
            for term in mappings(item, "namespaceSelector", "matchExpressions"):
                wanted = listed(term, "values")
                if term.get("key") == MESH_LABEL and term.get("operator") == "In" and len(wanted) == 1:
                    return text_of(wanted[0])
    return ""


def side_of(mesh: Mesh, found: Object, part: str = "") -> Side:
    """Return one side_of of a finding."""
    return Side("" if mesh.is_unassigned else mesh.name, f"{found.title} {part}".strip(), found.file, found.line)

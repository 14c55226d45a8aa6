"""Which objects are one mesh.

Files with the same control-plane namespace are one mesh, so that the manifest of each release can be given as it is.
What has no control plane in it, such as a gateway's release, joins the mesh whose revision it asks for.
"""

from typing import Any, NamedTuple

import multimesh.naming as naming
from multimesh.check.objects import Object, dig, listed, texts
from multimesh.profile import Profile

REVISION = "istio.io/rev"

#: Containers that make a workload a control plane (istio 1.5.0 charts/*, 1.31.0 istio-discovery).
CONTROL_PLANE = frozenset(("discovery", "galley", "citadel", "sidecar-injector-webhook"))


class Mesh(NamedTuple):
    """One mesh: what it is called in messages, its control-plane namespace, its objects, and its profile if one was given."""

    name: str
    namespace: str
    objects: list[Object]
    profile: Profile | None = None

    def of(self, *kinds: str) -> list[Object]:
        """Return its objects of these kinds."""
        return [found for found in self.objects if found.kind in kinds]

    def containers(self, name: str = "") -> list[tuple[Object, dict[str, Any]]]:
        """Return the containers of this name, or all, with the workload that holds each."""
        return [
            (found, container)
            for found in self.objects
            for container in containers(found)
            if not name or container.get("name") == name
        ]

    def text(self, config_map: str, key: str) -> str:
        """Return one text of a ConfigMap; empty where there is none."""
        for found in self.of("ConfigMap"):
            if found.name == config_map:
                return texts(found.data.get("data")).get(key, "")
        return ""


def pod(found: Object) -> dict[str, Any]:
    """Return the pod template's spec of a workload, or a pod's own; an empty mapping for anything else."""
    spec = dig(found.data, "spec", "template", "spec") if found.kind != "Pod" else found.data.get("spec")
    if found.kind == "CronJob":
        spec = dig(found.data, "spec", "jobTemplate", "spec", "template", "spec")
    return spec if isinstance(spec, dict) else {}


def containers(found: Object) -> list[dict[str, Any]]:
    """Return the containers of a workload, init containers included."""
    spec = pod(found)
    return [item for key in ("initContainers", "containers") for item in listed(spec, key) if isinstance(item, dict)]


def variable(container: dict[str, Any], name: str) -> str | None:
    """Return the value of an environment variable; None where it is absent."""
    for item in listed(container, "env"):
        if isinstance(item, dict) and item.get("name") == name:
            return str(item.get("value") or "")
    return None


def flag(container: dict[str, Any], name: str) -> str | None:
    """Return the value of a flag in `command` or `args`, in both its forms; None where it is absent."""
    for key in ("command", "args"):
        items = [str(item) for item in listed(container, key)]
        for index, item in enumerate(items):
            if item.startswith(f"{name}="):
                return item[len(name) + 1 :]
            if item == name and index + 1 < len(items):
                return items[index + 1]
    return None


def entries(found: Object) -> list[dict[str, Any]]:
    """Return the entries of a webhook configuration."""
    return [item for item in listed(found.data, "webhooks") if isinstance(item, dict)]


def control_plane_of(objects: list[Object]) -> str:
    """Return the control-plane namespace that objects tell of; empty where they tell of none."""
    for found in objects:
        if any(container.get("name") in CONTROL_PLANE for container in containers(found)):
            return found.namespace
    for found in objects:
        if found.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for item in entries(found):
                namespace = dig(item, "clientConfig", "service", "namespace")
                if namespace:
                    return str(namespace)
    return ""


def revisions_of(objects: list[Object]) -> list[str]:
    """Return the revisions that objects serve or ask for: control planes, webhook configurations, pods to inject."""
    found: dict[str, None] = {}
    for item in objects:
        for container in containers(item):
            if container.get("name") == "discovery" and item.name != "istio-pilot":
                found[variable(container, "REVISION") or "default"] = None
        if item.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration") and REVISION in item.labels:
            found[item.labels[REVISION] or "default"] = None
    if not found:
        for item in objects:
            labels = texts(dig(item.data, "spec", "template", "metadata", "labels"))
            if labels.get(REVISION):
                found[labels[REVISION]] = None
    return list(found)


def group(units: list[list[Object]], profiles: list[Profile]) -> list[Mesh]:
    """Join units of objects (one argument of the command each) to meshes, and give each its profile.

    Units with the same control-plane namespace are one mesh. A unit without one joins the mesh that serves its
    revision, or whose profile lists its namespace; failing that, it is a mesh of its own.
    """
    planes: dict[str, list[Object]] = {}
    rest: list[list[Object]] = []
    for unit in units:
        namespace = control_plane_of(unit)
        if namespace:
            planes.setdefault(namespace, []).extend(unit)
        elif unit:
            rest.append(unit)
    revisions = {namespace: revisions_of(objects) for namespace, objects in planes.items()}
    for unit in rest:
        asked = set(revisions_of(unit))
        spaces = {found.namespace for found in unit if found.namespace}
        home = next((space for space in planes if asked & set(revisions.get(space, []))), "")
        home = home or next((space for space in planes if space in spaces), "")
        home = home or next((p.namespace for p in profiles if spaces & p.namespaces), "")
        home = home or (sorted(spaces)[0] if spaces else "")
        planes.setdefault(home, []).extend(unit)
    by_namespace = {profile.namespace: profile for profile in profiles}
    meshes = [
        Mesh(_name(space, objects, by_namespace.get(space)), space, objects, by_namespace.get(space))
        for space, objects in planes.items()
    ]
    meshes += [Mesh(p.name, p.namespace, [], p) for p in profiles if p.namespace not in planes]
    return _distinct(meshes)


def _name(namespace: str, objects: list[Object], profile: Profile | None) -> str:
    if profile is not None:
        return profile.name
    for found in objects:
        for item in entries(found):
            values = texts(dig(item, "namespaceSelector", "matchLabels"))
            if naming.MESH_LABEL in values:
                return values[naming.MESH_LABEL]
    named = [revision for revision in revisions_of(objects) if revision != "default"]
    return named[0] if named else namespace or "unnamed"


def _distinct(meshes: list[Mesh]) -> list[Mesh]:
    """Give meshes that would be called alike the name of their namespace."""
    names = [mesh.name for mesh in meshes]
    return [mesh if names.count(mesh.name) == 1 else mesh._replace(name=mesh.namespace or mesh.name) for mesh in meshes]

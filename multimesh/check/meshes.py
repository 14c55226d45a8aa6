"""Which objects are one mesh.

Files with the same control-plane namespace are one mesh, so that the manifest of each release can be given as it is.
What has no control plane in it, such as a gateway's release, joins the mesh whose revision it asks for.
"""

import os
from functools import cached_property
from typing import Any, NamedTuple

import multimesh.mesh.names as naming
from multimesh.check.objects import Object, dig, listed, mappings, said, texts, values
from multimesh.errors import MultimeshError
from multimesh.mesh.names import REVISION_LABEL
from multimesh.mesh.profile import Profile
from multimesh.yamltext.parser import compose_all

#: Containers that make a workload a control plane (istio 1.5.0 charts/*, 1.31.0 istio-discovery).
CONTROL_PLANE = frozenset(("discovery", "galley", "citadel", "sidecar-injector-webhook"))

#: Kinds that hold no pods, whatever their fields are called.
_NO_PODS = frozenset(("ConfigMap", "CustomResourceDefinition", "Service", "ClusterRole", "ClusterRoleBinding"))


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
            content = texts(config.data.get("data")).get("mesh", "")
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


def documents(content: str) -> list[Any]:
    """Return the documents of an embedded text as plain values; none where it is no YAML."""
    try:
        return [values(root) for root in compose_all(content)]
    except (MultimeshError, RecursionError):
        return []


def pod(found: Object) -> dict[str, Any]:
    """Return the pod template's spec of a workload, or a pod's own; an empty mapping for anything else."""
    if found.kind in _NO_PODS:
        return {}
    spec = dig(found.data, "spec", "template", "spec") if found.kind != "Pod" else found.data.get("spec")
    if found.kind == "CronJob":
        spec = dig(found.data, "spec", "jobTemplate", "spec", "template", "spec")
    return spec if isinstance(spec, dict) else {}


def containers(found: Object) -> list[dict[str, Any]]:
    """Return the containers of a workload, init containers included."""
    spec = pod(found)
    return mappings(spec, "initContainers") + mappings(spec, "containers")


def variable(container: dict[str, Any], name: str) -> str | None:
    """Return the value of an environment variable; None where it is absent."""
    for item in mappings(container, "env"):
        if item.get("name") == name:
            return said(item.get("value"))
    return None


def flag(container: dict[str, Any], name: str) -> str | None:
    """Return the value of a flag in `command` or `args`, in both its forms; None where it is absent."""
    for key in ("command", "args"):
        items = [said(item) for item in listed(container, key)]
        for index, item in enumerate(items):
            if item.startswith(f"{name}="):
                return item[len(name) + 1 :]
            if item == name and index + 1 < len(items):
                return items[index + 1]
    return None


def entries(found: Object) -> list[dict[str, Any]]:
    """Return the entries of a webhook configuration."""
    return mappings(found.data, "webhooks")


def is_control_plane(found: Object) -> bool:
    """Tell a workload that holds a control plane."""
    return any(said(container.get("name")) in CONTROL_PLANE for container in containers(found))


def control_plane_of(objects: list[Object]) -> str:
    """Return the control-plane namespace that objects tell of; empty where they tell of none."""
    for found in objects:
        if is_control_plane(found):
            return found.namespace
    for found in objects:
        if found.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            for item in entries(found):
                namespace = said(dig(item, "clientConfig", "service", "namespace"))
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
                found[variable(container, "REVISION") or "default"] = None
        if (
            item.kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
            and REVISION_LABEL in item.labels
        ):
            found[item.labels[REVISION_LABEL] or "default"] = None
    if not found:
        for item in objects:
            labels = texts(dig(item.data, "spec", "template", "metadata", "labels"))
            if (
                revision := labels.get(REVISION_LABEL)
                or item.labels.get(REVISION_LABEL)
                or item.annotations.get(REVISION_LABEL)
            ):
                found[revision] = None
    return list(found)


def split(parts: list[list[Object]]) -> list[list[Object]]:
    """Return the units in the files of one argument: one, unless the files hold the control planes of several meshes."""
    planes = {id(part): control_plane_of(part) for part in parts}
    names = {name for name in planes.values() if name}
    if len(names) < 2:
        return [[item for part in parts for item in part]]
    joined = [[item for part in parts for item in part if planes[id(part)] == name] for name in sorted(names)]
    return joined + [part for part in parts if not planes[id(part)]]


def group(units: list[list[Object]], profiles: list[Profile]) -> list[Mesh]:
    """Join units of objects (one argument of the command each) to meshes, and give each its profile.

    Units with the same control-plane namespace are one mesh. A unit without one joins the mesh whose namespace it is in,
    whose profile lists its namespace, or that serves its revision. Failing that, units of one revision are a mesh, or those
    of one namespace where none is told; what tells neither is a mesh of its own, called as its file.
    """
    planes: dict[str, list[Object]] = {}
    rest: list[list[Object]] = []
    strays: list[_Stray] = []
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
        home = next((space for space in planes if space in spaces), "")
        home = home or next((p.namespace for p in profiles if spaces & p.namespaces), "")
        home = home or next((space for space in planes if asked & set(revisions.get(space, []))), "")
        home = home or next((p.namespace for p in profiles if asked & {*p.revisions}), "")
        if home:
            planes.setdefault(home, []).extend(unit)
            continue
        stray = _Stray(asked, min(spaces, default=""), list(unit))
        known = next((other for other in strays if stray.belongs_to(other)), None)
        if known is None:
            strays.append(stray)
        else:
            known.revisions.update(asked)
            known.objects.extend(unit)
    by_namespace: dict[str, Profile] = {}
    for profile in profiles:
        by_namespace.setdefault(profile.namespace, profile)
    meshes = [
        Mesh(name_of(space, objects, by_namespace.get(space)), space, objects, by_namespace.get(space))
        for space, objects in planes.items()
    ]
    # A second profile of one namespace is a mesh too: what is there must not hide that it wants to be.
    held = [by_namespace[space] for space in planes if space in by_namespace]
    meshes += [Mesh(p.name, p.namespace, [], p) for p in profiles if p not in held]
    return _distinct(meshes + [stray.mesh() for stray in strays])


class _Stray(NamedTuple):
    """Units that no control plane is shown for: the revisions they ask for, and the namespace they are in."""

    revisions: set[str]
    namespace: str
    objects: list[Object]

    def belongs_to(self, other: "_Stray") -> bool:
        """Tell whether two are one mesh: by revision where both tell one, since kube-system holds many; else by namespace."""
        if self.revisions and other.revisions:
            return bool(self.revisions & other.revisions)
        return self.namespace == other.namespace != ""

    def mesh(self) -> Mesh:
        """Return it as a mesh."""
        file = os.path.splitext(os.path.basename(self.objects[0].file))[0]
        name = name_of(self.namespace, self.objects, None) if self.namespace else file
        return Mesh(name, self.namespace, self.objects)


def name_of(namespace: str, objects: list[Object], profile: Profile | None) -> str:
    """Return what a mesh is called: by its profile, the label that its webhooks select, its revision, or its namespace."""
    label = profile.name if profile is not None else label_of(objects)
    named = [revision for revision in revisions_of(objects) if revision != "default"] if not label else []
    return label or (named[0] if named else namespace or "unnamed")


def label_of(objects: list[Object]) -> str:
    """Return the value of the mesh's label that webhooks select: the mesh name, for certain; empty where none does."""
    for found in objects:
        for item in entries(found):
            labels = texts(dig(item, "namespaceSelector", "matchLabels"))
            if naming.MESH_LABEL in labels:
                return labels[naming.MESH_LABEL]
            for term in mappings(item, "namespaceSelector", "matchExpressions"):
                wanted = listed(term, "values")
                if term.get("key") == naming.MESH_LABEL and term.get("operator") == "In" and len(wanted) == 1:
                    return said(wanted[0])
    return ""


def _distinct(meshes: list[Mesh]) -> list[Mesh]:
    """Give meshes that would be called alike the name of their namespace."""
    names = [mesh.name for mesh in meshes]
    for mesh in meshes:
        if names.count(mesh.name) > 1:
            mesh.name = mesh.namespace or mesh.name
    return meshes

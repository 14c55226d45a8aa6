"""What `explain` is asked about: a namespace, a pod, or another object, its labels, and where they were found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from multimesh.check.meshes.answers import Asked
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.meshes.overlap import NAME_LABEL
from multimesh.check.objects import Object, dig, plural, strings
from multimesh.commands.manual import PAGES
from multimesh.commands.namespaces import namespaces
from multimesh.commands.values import NEWEST, Version
from multimesh.errors import MultimeshError
from multimesh.mesh.kinds import CLUSTER_SCOPED, NAMESPACED

#: Groups whose kinds are meant where several groups have one of that name, such as Gateway.
_FIRST = ("", "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io", "apps", "batch")

_SHORT = {
    "cm": "ConfigMap",
    "deploy": "Deployment",
    "dr": "DestinationRule",
    "ds": "DaemonSet",
    "gw": "Gateway",
    "ns": "Namespace",
    "po": "Pod",
    "sts": "StatefulSet",
    "svc": "Service",
    "vs": "VirtualService",
}

#: Kinds whose pods are explained.
_WITH_PODS = ("CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet")


class Subject(NamedTuple):
    """An object to explain; without a name it need not exist."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def plural(self) -> str:
        """The plural of its kind, as rules of webhooks and kubectl name it."""
        return plural(self.kind)

    @property
    def resource(self) -> str:
        """Its plural and group, as kubectl takes them."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def is_pod(self) -> bool:
        """Whether it is a pod, or makes pods."""
        return self.kind == "Pod" or self.kind in _WITH_PODS

    @property
    def title(self) -> str:
        """Its kind, name and namespace, for messages."""
        what = "pods of " if self.kind in _WITH_PODS else ""
        where = f" in the namespace {self.namespace}" if self.namespace else ""
        return f"{what}{self.kind}{'/' if self.name else ''}{self.name}{where}"


class Labels(NamedTuple):
    """Labels, and where they were found."""

    values: dict[str, str]
    source: str


def subject_of(words: list[str], namespace: str, *, has_labels: bool = False) -> Subject | None:
    """Return the object that words name: `namespace NS`, `pod NAME`, `KIND/NAME`.

    None if they name a page, such as `root-missing` or `finding root-missing`.
    Raises MultimeshError for an unknown kind, and if the namespace is missing.
    """
    if len(words) == 2 and words[0].lower() in PAGES:
        return None
    if len(words) == 1 and "/" not in words[0]:
        if words[0].lower() not in ("pod", "pods", "po") or not (has_labels or namespace):
            return None
        words = ["pod", ""]
    kind, name = words[0].split("/", 1) if len(words) == 1 else (words[0], " ".join(words[1:]))
    if len(words) > 2 or (len(words) == 2 and "/" in words[0]) or (len(words) == 1 and not name):
        hint = "Write: namespace NS, pod NAME -n NS, or KIND/NAME -n NS; for a page: a finding, a rule, or a key."
        raise MultimeshError("", f'"{" ".join(words)}" is not an object', hint)
    group, kind = _kind_of(kind)
    if (group, kind) == ("", "Namespace"):
        return Subject(group, kind, name, name)
    if (group, kind) in CLUSTER_SCOPED:
        return Subject(group, kind, "", name)
    if not namespace:
        raise MultimeshError("", f"-n is missing: a {kind} is in a namespace", "Name it: -n NAMESPACE.")
    return Subject(group, kind, namespace, name)


def _kind_of(text: str) -> tuple[str, str]:
    """Return group and kind that a word such as virtualservice, VirtualServices or vs names. Raises MultimeshError."""
    wanted = _SHORT.get(text.lower(), text).lower()
    known = sorted({*NAMESPACED, *CLUSTER_SCOPED}, key=_rank)
    for group, kind in known:
        if wanted in (kind.lower(), plural(kind)):
            return group, kind
    names = {kind.lower(): kind for _, kind in known}
    near = [names[name] for name in difflib.get_close_matches(wanted, names, n=1)]
    hint = f"Did you mean {near[0]}?" if near else "Kinds of Kubernetes, Istio and Gateway API are known."
    raise MultimeshError("", f'the kind "{text}" is not known', hint)


def _rank(key: tuple[str, str]) -> tuple[int, str, str]:
    group, kind = key
    return (_FIRST.index(group) if group in _FIRST else len(_FIRST), group, kind)


#: Where the labels of a namespace are from that is in no manifest, profile or cluster that was read.
NAMESPACE_UNREAD = "the namespace was not read: taken as without labels"


def namespace_labels(name: str, objects: Iterable[Object], meshes: Iterable[Mesh]) -> Labels:
    """Return the labels of a namespace: as it is in the cluster or in a manifest, or as its profile wants it.

    The API server adds the name of every namespace to its labels.
    """
    own = {NAME_LABEL: name}
    found = sorted(
        (item for item in objects if item.is_namespace and item.name == name), key=lambda item: not item.is_live
    )
    for item in found:
        return Labels({**item.labels, **own}, _place(item))
    for mesh in meshes:
        if mesh.profile is not None and name in mesh.profile.namespaces:
            version = Version(1, 5) if mesh.containers("citadel") else Version(*NEWEST)
            (space,) = [one for one in namespaces(mesh.profile, version) if one.name == name]
            values = {label.key: label.value for label in space.labels}
            source = f"as 'multimesh namespaces' writes them for mesh {mesh.name}"
            return Labels({**values, **own}, source)
    return Labels(own, NAMESPACE_UNREAD)


def object_labels(subject: Subject, objects: Iterable[Object]) -> tuple[Labels, Object | None]:
    """Return the labels of an object, or of the pods that it makes, and the object; None if it was not read."""
    if not subject.name:
        return Labels({}, "taken as without labels"), None
    found = [
        item
        for item in objects
        if (item.kind, item.name) == (subject.kind, subject.name)
        and item.group == subject.group
        # Manifests of Helm omit the namespace of the release.
        and (item.namespace == subject.namespace or not (item.namespace or item.is_live))
    ]
    for item in sorted(found, key=lambda item: not item.is_live):
        labels = item.labels
        if subject.kind in _WITH_PODS:
            path = ("jobTemplate", "spec", "template") if subject.kind == "CronJob" else ("template",)
            labels = strings(dig(item.data, "spec", *path, "metadata", "labels"))
        return Labels(labels, _place(item)), item
    return Labels({}, f"{subject.kind}/{subject.name} was not read: taken as without labels"), None


def labels_of(text: str) -> Labels:
    """Return the labels in the value of --labels, such as a=b,c=d. Raises MultimeshError for anything else."""
    found = {}
    for part in filter(None, (item.strip() for item in text.split(","))):
        key, sign, value = part.partition("=")
        if not key or not sign:
            raise MultimeshError("", f'--labels holds "{part}"', "Write labels as KEY=VALUE, with commas between them.")
        found[key] = value
    return Labels(found, "--labels")


def asked_for(subject: Subject, labels: Labels, namespace: Labels | None) -> Asked:
    """Return what the API server is asked to create."""
    group, resource = ("", "pods") if subject.is_pod else (subject.group, subject.plural)
    return Asked(group, resource, labels.values, None if namespace is None else namespace.values)


def _place(item: Object) -> str:
    return f"{item.file}:{item.line}" if item.line > 0 else item.file

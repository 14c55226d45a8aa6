"""Which webhooks of which meshes the API server calls for an object, and which terms of their selectors decide it.

The API server evaluates rules, namespaceSelector and objectSelector, as here; matchConditions, which are programs, are
not evaluated. It calls mutating webhooks one after another: configurations in the order of their names, and the entries
of each in their order (kubernetes 1.35, pkg/admission/configuration/mutating_webhook_manager.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from multimesh.check.findings import Side
from multimesh.check.meshes.citadels import served_by_citadels
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.overlap import requirements, rules_meet
from multimesh.check.meshes.webhooks import entries, is_istio_webhook, policy_as_webhook
from multimesh.check.objects import Object, dig, listed, strings, text_of
from multimesh.kubernetes.selectors import allows

#: What a term is about.
NAMESPACE, OBJECT, FLAG = "namespace", "object", "flag"

#: The ConfigMap with the root certificate, unless global.trustBundleName is set.
ROOT = "istio-ca-root-cert"


class Asked(NamedTuple):
    """An object that is created: its API group, the plural of its kind, its labels, and those of its namespace.

    `namespace` is None for a cluster-scoped object, for which the API server evaluates no namespaceSelector.
    """

    group: str
    resource: str
    labels: dict[str, str]
    namespace: dict[str, str] | None

    def value(self, about: str, key: str) -> str | None:
        """Return the value of a label of the object or of its namespace; None where it is absent."""
        return (self.labels if about == OBJECT else self.namespace or {}).get(key)

    def with_label(self, about: str, key: str, value: str | None) -> Asked:
        """Return it with another value of a label, or without the label."""
        labels = dict(self.labels if about == OBJECT else self.namespace or {})
        labels.pop(key, None)
        if value is not None:
            labels[key] = value
        return self._replace(labels=labels) if about == OBJECT else self._replace(namespace=labels)


class Term(NamedTuple):
    """One requirement of a selector, or a flag of Citadel: what it is about, what it requires."""

    about: str
    key: str
    operator: str
    values: tuple[str, ...]
    #: The value of a flag; labels are those of the object that is asked for.
    value: str | None = None

    def holds(self, asked: Asked) -> bool:
        """Return whether the term holds for an object."""
        if self.about == NAMESPACE and asked.namespace is None:
            return True
        value = self.value if self.about == FLAG else asked.value(self.about, self.key)
        return allows(self.operator, list(self.values), value)


class Watcher(NamedTuple):
    """What may answer: a webhook, or a control plane that discovers namespaces, and its terms, which must all hold.

    `position` is the order in which the API server calls it. `problem` says why its selector cannot be read.
    """

    mesh: Mesh
    title: str
    entry: str
    side: Side
    position: tuple[str, int]
    terms: tuple[Term, ...]
    problem: str = ""
    has_conditions: bool = False

    def answers(self, asked: Asked) -> bool:
        """Return whether it is called for an object."""
        return not self.problem and all(term.holds(asked) for term in self.terms)


def injectors(meshes: Iterable[Mesh], asked: Asked) -> list[Watcher]:
    """Return the mutating webhooks of all meshes whose rules match an object, in the order of the API server."""
    return sorted(_webhooks(meshes, "MutatingWebhookConfiguration", asked), key=lambda found: found.position)


def validators(meshes: Iterable[Mesh], asked: Asked) -> list[Watcher]:
    """Return the validating webhooks and admission policies of all meshes whose rules match an object, by name."""
    meshes = list(meshes)
    found = [
        *_webhooks(meshes, "ValidatingWebhookConfiguration", asked),
        *_webhooks(meshes, "ValidatingAdmissionPolicy", asked),
    ]
    return sorted(found, key=lambda one: one.position)


def _webhooks(meshes: Iterable[Mesh], kind: str, asked: Asked) -> Iterator[Watcher]:
    rule = {"operations": ["CREATE"], "apiGroups": [asked.group], "resources": [asked.resource]}
    for mesh in meshes:
        for config in mesh.of(kind):
            is_policy = kind.endswith("Policy")
            for number, entry in enumerate([policy_as_webhook(config)] if is_policy else entries(config)):
                if is_istio_webhook(entry) and rules_meet(entry, {"rules": [rule]}):
                    terms, problem = _terms(entry)
                    name = "" if is_policy else text_of(entry.get("name"))
                    conditions = entry.get("matchConditions") or dig(config.data, "spec", "matchConditions")
                    yield Watcher(
                        mesh, config.title, name, side_of(mesh, config), (config.name, number), terms, problem,
                        bool(conditions),
                    )  # fmt: skip


def _terms(entry: dict[str, Any]) -> tuple[tuple[Term, ...], str]:
    """Return the terms of both selectors of a webhook entry, and what is wrong with them, or an empty text."""
    found = []
    try:
        for about, name in ((NAMESPACE, "namespaceSelector"), (OBJECT, "objectSelector")):
            for key, operator, values in requirements(entry.get(name)):
                found.append(Term(about, key, operator, tuple(values)))
    except ValueError as error:
        return (), str(error)
    return tuple(found), ""


def writers(meshes: Iterable[Mesh], namespace: str, config_map: str = "") -> list[Watcher]:
    """Return the control planes that may write a ConfigMap with their root certificate into a namespace.

    Each of their discoverySelectors is a watcher of its own; a Citadel of Istio 1.5 has a list of namespaces instead.
    Without the name of a ConfigMap, control planes that write into the namespace under any name are meant.
    """
    found = []
    for mesh in meshes:
        for side, served in served_by_citadels(mesh):
            terms = (Term(FLAG, "--listened-namespaces", "In", tuple(sorted(served or ())), namespace),)
            found.append(Watcher(mesh, side.resource, "", side, ("", 0), terms if served is not None else ()))
        if any(item.name == "istio-pilot" for item, _ in mesh.containers("discovery")):
            continue
        roots = root_names(mesh)
        if config_map and config_map not in roots:
            continue
        for config, values in mesh.configs:
            found += _discovering(mesh, config, listed(values, "discoverySelectors"))
    return found


def _discovering(mesh: Mesh, config: Object, selectors: list[Any]) -> Iterator[Watcher]:
    for number, selector in enumerate(selectors or [None]):
        terms, problem = _terms({"namespaceSelector": selector})
        name = f"meshConfig.discoverySelectors[{number}]" if selectors else "no meshConfig.discoverySelectors"
        yield Watcher(mesh, config.title, name, side_of(mesh, config), (config.name, number), terms, problem)


def root_names(mesh: Mesh) -> list[str]:
    """Return the names of the ConfigMaps to which the control planes of a mesh write their root certificate."""
    found = []
    for config in mesh.of("ConfigMap"):
        if config.name.startswith("istio-sidecar-injector"):
            try:
                values = json.loads(strings(config.data.get("data")).get("values", ""))
            except ValueError:
                continue
            found.append(text_of(dig(values, "global", "trustBundleName")) or ROOT)
    return list(dict.fromkeys(found)) or [ROOT]


def answering(watchers: Iterable[Watcher], asked: Asked) -> list[str]:
    """Return the names of the meshes of which a watcher answers, in the order of the watchers."""
    return list(dict.fromkeys(one.mesh.name for one in watchers if one.answers(asked)))

r"""Explain who injects a pod, validates a resource or writes a root certificate, and why; or print a manual page.

Every webhook of every mesh is listed with the terms of its selectors: `+` holds, `-` does not hold. Mutating webhooks
are in the order in which the API server calls them. At the end are the labels with which one mesh alone would answer.
The exit code is 1 if more than one mesh answers, or may since a selector cannot be read.

    multimesh explain namespace nginx-affirmed --profile charts-values/affirmed charts-values/blue
    multimesh explain pod nginx-1 -n nginx-affirmed --cluster
    multimesh explain pod --labels app=web,istio.io/rev=blue -n nginx-affirmed \
      --file rendered/affirmed rendered/blue --profile charts-values/affirmed charts-values/blue
    multimesh explain VirtualService/web -n nginx-affirmed --cluster
    multimesh explain injection-overlap
    multimesh explain spec.nodePorts

--file takes manifests as `check` does, or the saved output of `kubectl get -o json`. Charts do not contain namespaces:
their labels are those of the profiles, or of the cluster. Of a profile without manifests the webhooks are those of the
newest charts, as `render` changes them. For the name of a finding or a rule, or for a key of the profile, its page is
printed, and with `rule`, `finding` or `key` before it that page only; nothing else is read then.
"""

from __future__ import annotations

import argparse
import os
from typing import NamedTuple

from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding
from multimesh.check.meshes.answers import injectors, validators, writers
from multimesh.check.meshes.grouping import group
from multimesh.check.meshes.live import with_live_meshes
from multimesh.check.meshes.mesh import Mesh
from multimesh.check.objects import Object, dig
from multimesh.check.sources.cluster import CALLS, read_cluster
from multimesh.check.sources.kubectl import Access, Query, get
from multimesh.check.sources.manifests import files_of
from multimesh.commands.check import load_profiles, read_units, require_objects
from multimesh.commands.expected import with_expected
from multimesh.commands.explanation import Section, explained
from multimesh.commands.flags import add_flag, add_joined, add_switch
from multimesh.commands.manual import page
from multimesh.commands.progress import Progress
from multimesh.commands.stdio import DONE, FINDINGS, write_text
from multimesh.commands.subjects import (
    NAMESPACE_UNREAD,
    Labels,
    Subject,
    asked_for,
    labels_of,
    namespace_labels,
    object_labels,
    subject_of,
)
from multimesh.errors import MultimeshError

#: The kind that answers each question.
_ANSWERING = {
    "injects": "MutatingWebhookConfiguration",
    "validates": "ValidatingWebhookConfiguration",
    "discovers": "ConfigMap",
    "writes": "ConfigMap",
}

HELP = "explain who injects, validates or writes something, or what a finding, rule or key means"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the flags of the command."""
    command.add_argument(
        "subject",
        nargs="+",
        metavar="SUBJECT",
        help="namespace NS, pod NAME, KIND/NAME, or the name of a finding, a rule or a key of the profile",
    )
    add_flag(command, "--namespace", "the namespace of the object", short="-n", metavar="NS")
    add_joined(
        command, "--labels", "the labels of the object, such as a=b,c=d, instead of reading them", ",", metavar="A=B"
    )
    command.add_argument(
        "--file",
        nargs="+",
        action="extend",
        metavar="MANIFEST",
        help="rewritten manifests, directories of them, or - for stdin "
        f"(MULTIMESH_FILE, with {os.pathsep} between several)",
    )
    command.add_argument(
        "--profile",
        nargs="+",
        action="extend",
        metavar="PATH",
        help=f"the profiles of meshes (MULTIMESH_PROFILE, with {os.pathsep} between several)",
    )
    add_switch(command, "--cluster", "read what is installed in the cluster, too")
    add_flag(command, "--context", "the context of the kubeconfig", metavar="NAME")
    add_flag(command, "--kubeconfig", "the kubeconfig", metavar="FILE")


class World(NamedTuple):
    """What was read: all meshes, all objects, and what could not be read."""

    meshes: list[Mesh]
    objects: list[Object]
    unread: list[Finding]
    is_live: bool


def run(options: argparse.Namespace) -> int:
    """Print the explanation and return the exit code: 1 if more than one mesh answers."""
    subject = subject_of(options.subject, options.namespace, has_labels=bool(options.labels))
    if subject is None:
        write_text(page(options.subject[-1], "".join(options.subject[:-1]).lower()))
        return DONE
    world = _read(options, subject)
    _require_read(world.unread, subject)
    namespace = namespace_labels(subject.namespace, world.objects, world.meshes) if subject.namespace else None
    labels, item = object_labels(subject, world.objects)
    if options.labels:
        labels = labels_of(options.labels)
    elif subject.kind == "Pod" and subject.name and item is None and world.is_live:
        what = f'there is no pod "{subject.name}" in "{subject.namespace}"'
        raise MultimeshError("", what, "Look at its name and namespace, or give its labels: pod --labels A=B.")
    notes = [finding.message for finding in world.unread if finding.level in (ERROR, WARNING)]
    if namespace is not None and namespace.source == NAMESPACE_UNREAD:
        notes.append("with labels of the namespace the answer may be another one: name its profile, or use --cluster")
    if item is not None and dig(item.data, "spec", "hostNetwork") is True:
        notes.append("the pod uses hostNetwork: the injector of Istio is called, and does not inject it")
    sections = sections_of(subject, labels, namespace, world.meshes)
    if world.is_live and not options.cluster:
        notes += _unsaved(sections, world.objects)
    write_text(explained(subject, labels, namespace, sections, notes))
    return FINDINGS if any(len(section.answering) > 1 or section.is_open for section in sections) else DONE


def _read(options: argparse.Namespace, subject: Subject) -> World:
    """Read manifests, profiles and the cluster. Raises MultimeshError if there is nothing to read."""
    files = options.file or [path for path in os.environ.get("MULTIMESH_FILE", "").split(os.pathsep) if path]
    profiles = load_profiles(options)
    if not files and not profiles and not options.cluster:
        hint = "Name profiles (--profile), rewritten manifests (--file), or the cluster (--cluster)."
        raise MultimeshError("", "there are no meshes to look at", hint)
    named = [(argument, files_of(argument)) for argument in files]
    access = Access(options.context, options.kubeconfig)
    with Progress(sum(len(found) for _, found in named) + (CALLS + 1) * options.cluster) as progress:
        units, live, unread = read_units(named, progress)
        if options.cluster:
            found, missing = read_cluster(access, progress.step)
            live, unread = live + found, unread + missing
            if subject.kind != "Namespace" and subject.name and not options.labels:
                progress.step(subject.resource)
                query = Query({subject.resource: "its labels"}, subject.namespace, (subject.name,), optional=True)
                answer = get(access, query)
                live, unread = live + [item._replace(line=0) for item in answer.objects], unread + answer.findings
    meshes = group(units, profiles)
    if live:
        meshes = with_live_meshes(live, meshes)
    objects = [*live, *(item for unit in units for item in unit)]
    if not profiles and not options.cluster:
        require_objects(named, objects)
    return World([with_expected(mesh) for mesh in meshes], objects, unread, bool(live))


def _require_read(unread: list[Finding], subject: Subject) -> None:
    """Raise MultimeshError if something that decides the answer could not be read: no answer would be a wrong one."""
    needed = {"namespaces", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", subject.plural}
    needed -= {"validatingwebhookconfigurations"} if subject.is_pod else set()
    for finding in unread:
        for side in finding.sides:
            if side.resource.partition(".")[0] in needed:
                hint = "Grant it, or save what you may read and name it with --file: multimesh explain unreadable"
                raise MultimeshError("", finding.message.partition("; nothing is said")[0], hint)


def _unsaved(sections: list[Section], objects: list[Object]) -> list[str]:
    """Return which questions stay open since a saved cluster lacks the kind that answers them.

    Raises MultimeshError if that is all of them: no answer would be a wrong one.
    """
    kinds = {item.kind for item in objects}
    lacking = [
        (_ANSWERING[one.verb], one) for one in sections if not one.watchers and _ANSWERING[one.verb] not in kinds
    ]
    found = [f"no {kind} was saved, so it is not known who {one.verb} {one.what}" for kind, one in lacking]
    if found and len(found) == len(sections):
        raise MultimeshError("", found[0], "Save what 'multimesh check --print-kubectl' names.")
    return found


def sections_of(subject: Subject, labels: Labels, namespace: Labels | None, meshes: list[Mesh]) -> list[Section]:
    """Return what there is to say about an object: who injects it, validates it, or writes it."""
    if subject.kind == "Namespace":
        own = namespace.values if namespace is not None else {}
        pod = asked_for(Subject("", "Pod", subject.name, ""), Labels({}, ""), Labels(own, ""))
        resource = Subject("networking.istio.io", "VirtualService", subject.name, "")
        istio = asked_for(resource, Labels({}, ""), Labels(own, ""))
        return [
            Section("injects", "a pod without labels", pod, injectors(meshes, pod)),
            Section("validates", "an Istio resource without labels", istio, validators(meshes, istio)),
            Section("discovers", "the namespace, for its root certificate", pod, writers(meshes, subject.name)),
        ]
    asked = asked_for(subject, labels, namespace)
    if subject.is_pod:
        return [Section("injects", "the pod", asked, injectors(meshes, asked))]
    if (subject.group, subject.kind) == ("", "ConfigMap"):
        return [
            Section("writes", "it as its root certificate", asked, writers(meshes, subject.namespace, subject.name))
        ]
    return [Section("validates", "it", asked, validators(meshes, asked))]

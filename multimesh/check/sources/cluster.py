"""Read what `check --cluster` compares the meshes with, or print the commands that save it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from multimesh.check.catalogue import INFO
from multimesh.check.findings import Finding
from multimesh.check.objects import Object
from multimesh.check.sources.kubectl import Access, get

_CRDS = ("customresourcedefinitions",)

#: What is read with one call each: kinds by kubectl's names, and a label that the objects have. Helm charts of Istio
#: label their ConfigMaps so; the others in a cluster are many, and are not compared with anything.
READS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("namespaces",), ""),
    (("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ""),
    (("clusterroles", "clusterrolebindings"), ""),
    (_CRDS, ""),
    (("services", "deployments", "daemonsets"), ""),
    (("configmaps",), "release"),
)
#: Kinds that not every cluster knows.
OPTIONAL = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
#: Kinds of CRDs, which are read only where the cluster has the CRD.
CUSTOM = ("clusterissuers.cert-manager.io", "meshpolicies.authentication.istio.io", "clusterrbacconfigs.rbac.istio.io")

#: The number of calls, for a progress bar.
CALLS = len(READS) + 2


def read_cluster(access: Access, step: Callable[[str], None]) -> tuple[list[Object], list[Finding]]:
    """Return the objects of the cluster, and a finding for what could not be read.

    `step` is called with the names of the kinds before each call of kubectl.
    """
    objects: list[Object] = []
    findings: list[Finding] = []

    def read(kinds: tuple[str, ...], labels: str = "", *, optional: bool = False) -> list[Object]:
        step(", ".join(kinds))
        found, unread = get(access, kinds, optional=optional, labels=labels)
        objects.extend(item._replace(line=0) for item in found)
        findings.extend(unread)
        return found

    crds: set[str] = set()
    for kinds, labels in READS:
        found = read(kinds, labels)
        if kinds is _CRDS:
            crds = {item.name for item in found}
    read(OPTIONAL, optional=True)
    if custom := tuple(kind for kind in CUSTOM if kind in crds):
        read(custom, optional=True)
    return objects, findings


def print_commands(access: Access) -> str:
    """Return a shell script that saves what `read_cluster` reads: one file for each call."""
    lines = [
        "# Save what lives in the cluster, then pass the directory to check: multimesh check rendered/affirmed cluster",
        "# A command that fails leaves no file; the last ones fail where the cluster does not know the kind.",
        "mkdir -p cluster",
    ]
    for kinds, labels in (*READS, (OPTIONAL, ""), *(((kind,), "") for kind in CUSTOM)):
        file = f"cluster/{kinds[0]}.json"
        selector = f" -l {labels}" if labels else ""
        lines.append(f"{shlex.join(access.command)} get {','.join(kinds)} -A{selector} -o json > {file} || rm {file}")
    return "\n".join(lines) + "\n"


#: Kinds that every cluster with a mesh has, and what is checked with them.
_EVERYWHERE = (
    ("Namespace", "their labels"),
    ("ClusterRole", "cluster-scoped names"),
    ("ClusterRoleBinding", "cluster-scoped names"),
    ("Service", "node ports"),
    ("Deployment", "control planes"),
    ("MutatingWebhookConfiguration", "who injects whom"),
    ("ValidatingWebhookConfiguration", "who validates what"),
    ("CustomResourceDefinition", "their owner and versions"),
)


def unsaved(objects: list[Object]) -> Iterator[Finding]:
    """Find kinds that a saved cluster lacks although every cluster with a mesh has them."""
    kinds = {item.kind for item in objects}
    for kind, what in _EVERYWHERE:
        if kind not in kinds:
            yield Finding("unreadable", f"no {kind} was saved, so nothing is said about {what}", (), INFO)

"""Read what `check --cluster` compares the meshes with, or print the commands that save it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from multimesh.check.catalogue import INFO
from multimesh.check.findings import Finding
from multimesh.check.objects import Object
from multimesh.check.sources.kubectl import Access, Answer, Query, arguments, get, require_some

_CRDS = Query({"customresourcedefinitions": "owner and versions of the CRDs"})

#: What is read with one call each. Helm charts of Istio label their ConfigMaps with `release`; the others in a cluster
#: are many, and are not compared with anything.
READS: tuple[Query, ...] = (
    Query({"namespaces": "the labels of namespaces"}),
    Query({
        "mutatingwebhookconfigurations": "who injects whom",
        "validatingwebhookconfigurations": "who validates what",
    }),
    Query({"clusterroles": "cluster-scoped names", "clusterrolebindings": "cluster-scoped names"}),
    _CRDS,
    Query({
        "services": "node ports",
        "deployments": "control planes",
        "daemonsets": "istio-cni, ztunnel and ports of nodes",
    }),
    Query({"configmaps": "what control planes discover"}, labels="release"),
)  # fmt: skip
#: Kinds that not every cluster knows.
OPTIONAL = Query(
    {
        "validatingadmissionpolicies": "admission policies",
        "validatingadmissionpolicybindings": "admission policies",
    },
    optional=True,
)
#: Kinds of CRDs, which are read only where the cluster has the CRD.
CUSTOM = {
    "clusterissuers.cert-manager.io": "names of ClusterIssuers",
    "meshpolicies.authentication.istio.io": "the MeshPolicy of Istio 1.5",
    "clusterrbacconfigs.rbac.istio.io": "the ClusterRbacConfig of Istio 1.5",
}

#: The number of calls, for a progress bar.
CALLS = len(READS) + 2


def read_cluster(access: Access, step: Callable[[str], None]) -> tuple[list[Object], list[Finding]]:
    """Return the objects of the cluster, and a finding for what could not be read.

    `step` is called with the names of the kinds before each call of kubectl. Raises MultimeshError where nothing could
    be read.
    """
    answered: list[tuple[Query, Answer]] = []

    def read(query: Query) -> Answer:
        step(", ".join(query.kinds))
        answer = get(access, query)
        answered.append((query, answer))
        return answer

    crds: set[str] = set()
    for query in READS:
        answer = read(query)
        if query is _CRDS:
            crds = {item.name for item in answer.objects}
    read(OPTIONAL)
    if custom := {kind: question for kind, question in CUSTOM.items() if kind in crds}:
        read(Query(custom, optional=True))
    require_some(answered)
    return [item._replace(line=0) for _, answer in answered for item in answer.objects], [
        finding for _, answer in answered for finding in answer.findings
    ]


def print_commands(access: Access) -> str:
    """Return a shell script that saves what `read_cluster` reads: one file for each call."""
    lines = [
        "# Save what is installed in the cluster, then check the directory: multimesh check rendered/affirmed cluster",
        "# A command that fails leaves no file; the last ones fail where the cluster does not know the kind.",
        "mkdir -p cluster",
    ]
    for query in (*READS, OPTIONAL, *(Query({kind: question}) for kind, question in CUSTOM.items())):
        file = f"cluster/{next(iter(query.kinds))}.json"
        lines.append(f"{shlex.join([*access.command, *arguments(query)])} > {file} || rm {file}")
    return "\n".join(lines) + "\n"


#: Kinds that every cluster with a mesh has, and what is checked with them.
_EVERYWHERE = (
    ("Namespace", "their labels"),
    ("ClusterRole", "cluster-scoped names"),
    ("ClusterRoleBinding", "cluster-scoped names"),
    ("Service", "node ports"),
    ("Deployment", "control planes"),
    ("DaemonSet", "istio-cni, ztunnel and ports of nodes"),
    ("MutatingWebhookConfiguration", "who injects whom"),
    ("ValidatingWebhookConfiguration", "who validates what"),
    ("CustomResourceDefinition", "their owner and versions"),
    ("ConfigMap", "what control planes discover"),
)


def unsaved(objects: list[Object]) -> Iterator[Finding]:
    """Find kinds that a saved cluster lacks although every cluster with a mesh has them."""
    kinds = {item.kind for item in objects}
    for kind, what in _EVERYWHERE:
        if kind not in kinds:
            yield Finding("unreadable", f"no {kind} was saved, so nothing is said about {what}", (), INFO)

"""Findings: what is wrong between or inside meshes, who is concerned, why it matters, and what to do.

The table `CATALOGUE` is the list of ids; docs/findings.md has a page for each. Ids are never reused.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from multimesh import __version__

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

#: Where the page of an id is.
DOCS = "docs/findings.md"


class Page(NamedTuple):
    """What is always true of an id: how bad it is, why it matters, what to do."""

    severity: str
    why: str
    remedy: str


CATALOGUE: dict[str, Page] = {
    "cluster-scoped-name": Page(
        ERROR,
        "A cluster-scoped resource belongs to one Helm release: the second install fails or takes it over.",
        "Pipe both charts through the post-renderer, each with its own profile.",
    ),
    "injection-overlap": Page(
        ERROR,
        "A pod that two meshes inject has two sidecars, or the wrong one.",
        "Render both meshes with a revision of their own and through the post-renderer.",
    ),
    "validation-overlap": Page(
        ERROR,
        "One mesh refuses, or holds up while it is down, what another mesh's users write.",
        "Pipe both charts through the post-renderer, and label the namespaces of each mesh.",
    ),
    "webhook-flag-mismatch": Page(
        ERROR,
        "The control plane writes its certificate into the webhook its flags name; another one stays without, and fails closed.",
        "Render the stock chart anew through the post-renderer, and set none of these flags by hand.",
    ),
    "node-port": Page(
        ERROR,
        "A node port belongs to one Service of the cluster: the second Service is refused.",
        "Leave nodePorts at auto in the profile, or choose other ports.",
    ),
    "host-port": Page(
        ERROR,
        "A port of the node belongs to one pod there: the second pod stays pending.",
        "Choose another hostPort, or keep the workloads on different nodes.",
    ),
    "host-path": Page(
        ERROR,
        "Two meshes write to the same folder of the node, and overwrite each other's files or sockets.",
        "Pipe both charts through the post-renderer; install istio-cni and ztunnel from one mesh only.",
    ),
    "citadel-scope": Page(
        ERROR,
        "Two Citadels that see one namespace replace each other's certificates once a minute, for ever.",
        "Render the chart through the post-renderer, which sets --listened-namespaces to spec.namespace, spec.workloadNamespaces and "
        "citadel.alsoListen; no namespace may be in two meshes.",
    ),
    "namespace-claimed-twice": Page(
        ERROR,
        "A namespace belongs to one mesh: certificates, root certificates and labels have fixed names there.",
        "Take it out of one of the two profiles, or install one of the releases elsewhere.",
    ),
    "shared-revision": Page(
        ERROR,
        "Control planes find their webhooks by revision, in the whole cluster: two of one revision fight over them for ever.",
        "Render each mesh with --set revision=<mesh>.",
    ),
    "dangling-reference": Page(
        ERROR,
        "A resource refers to another one that is not in the manifests of its mesh.",
        "Give check all releases of the mesh; if they are all here, compare the chart with the stock one.",
    ),
    "embedded-cluster-scoped": Page(
        ERROR,
        "A Job applies a cluster-wide resource of a fixed name: the last mesh installed decides for all.",
        "Pipe the chart through the post-renderer.",
    ),
    "two-owners": Page(
        ERROR,
        "What a cluster has only once (CRDs, istio-cni, ztunnel) belongs to one mesh.",
        "Leave spec.sharedResources: own in one profile, and set leave in the others.",
    ),
    "crd-version": Page(
        ERROR,
        "A control plane that is newer than the cluster's CRDs uses kinds or versions that are not there.",
        "Upgrade the chart base of the mesh that owns the CRDs first.",
    ),
    "gateway-selector": Page(
        WARNING,
        "A Gateway resource of one mesh binds to the gateways of another one.",
        "Give the gateways names and labels of their mesh, as 'multimesh values --chart gateway' does; with Istio 1.5 leave "
        "scopeGateways on in both profiles.",
    ),
    "trust-domain": Page(
        WARNING,
        "Two meshes use the same trust domain: their identities look alike, and only their roots tell them apart.",
        "Use the values that 'multimesh values' writes (meshConfig.trustDomain; global.trustDomain up to Istio 1.7).",
    ),
    "no-discovery-selector": Page(
        WARNING,
        "The control plane reads every namespace of the cluster, and writes its root certificate there.",
        "Use the values that 'multimesh values' writes (meshConfig.discoverySelectors).",
    ),
    "no-owner": Page(
        WARNING,
        "No mesh installs what a cluster has only once, such as CRDs.",
        "Set spec.sharedResources: own in one profile, usually that of the mesh installed first.",
    ),
    "stock-name": Page(
        ERROR,
        "A stock name tells that somebody installed or upgraded this mesh without the post-renderer.",
        "Run the same helm command again with --post-renderer.",
    ),
    "namespace-outside-profile": Page(
        ERROR,
        "An object of this mesh stands in a namespace that its profile does not list.",
        "Add the namespace to spec.workloadNamespaces, or install the release elsewhere.",
    ),
    "identity-lost": Page(
        WARNING,
        "The upgrade removes or renames a cluster-scoped resource; whoever refers to it loses it.",
        "If the chart moved it, nothing is to be done; otherwise compare the two manifests.",
    ),
    "immutable-selector": Page(
        ERROR,
        "A selector or a reference to a role is changed, and Kubernetes does not let it: the upgrade is refused.",
        "Delete the resource before the upgrade, or keep what it says.",
    ),
    "crd-deleted": Page(
        ERROR,
        "Helm deletes this CRD, and with it every resource of its kind in the whole cluster.",
        "Upgrade once with spec.sharedResources: own, which adds helm.sh/resource-policy: keep, and then drop it.",
    ),
    "namespace-label": Page(
        ERROR,
        "Labels of a namespace decide which mesh discovers, injects and validates there.",
        "Apply what 'multimesh namespaces' writes.",
    ),
    "control-plane-down": Page(
        ERROR,
        "Without its control plane a mesh injects nothing, and new pods of its namespaces are held back.",
        "Look at the Deployment's events and logs.",
    ),
    "ca-bundle": Page(
        ERROR,
        "The API server calls a webhook only if it trusts its certificate: without the mesh's own root, pods are held back.",
        "Look for a second control plane with the same revision, or for one that has not started.",
    ),
    "pod-mesh": Page(
        ERROR,
        "A pod has no sidecar, two of them, or one that another mesh serves.",
        "Restart the pod once the namespace has the labels of its mesh.",
    ),
    "certificate": Page(
        ERROR,
        "A pod of Istio 1.5 mounts its certificate as optional: without one, or with another mesh's, it runs and cannot talk.",
        "Render again with all namespaces in the profile, delete the secret, and restart the pods.",
    ),
    "left-behind": Page(
        WARNING,
        "Helm removes what it installed, not what a control plane made while it ran.",
        "Remove it by hand once nobody needs it.",
    ),
    "unreadable": Page(
        WARNING,
        "Something could not be read, so nothing can be said about it.",
        "Give it the rights or the file, and run it again.",
    ),
}


class Side(NamedTuple):
    """One of the two (or the one) concerned: its mesh, resource, file and line; empty where there is none."""

    mesh: str
    resource: str
    file: str
    line: int

    def __str__(self) -> str:
        """Write it as one line of text."""
        where = f"{self.file}:{self.line}" if self.line > 0 else self.file
        return "  ".join(part for part in (where, self.resource, f"(mesh {self.mesh})" if self.mesh else "") if part)


class Finding(NamedTuple):
    """One finding: its id, what was found, and both sides."""

    id: str
    what: str
    sides: tuple[Side, ...] = ()
    severity: str = ""
    remedy: str = ""

    @property
    def level(self) -> str:
        """The severity: its own, or that of its id."""
        return self.severity or CATALOGUE[self.id].severity

    @property
    def advice(self) -> str:
        """What to do: its own advice, or that of its id."""
        return self.remedy or CATALOGUE[self.id].remedy

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {
            "id": self.id,
            "severity": self.level,
            "message": self.what,
            "why": CATALOGUE[self.id].why,
            "remedy": self.advice,
            "docs": link(self.id),
            "sides": [side._asdict() for side in self.sides],
        }


def link(finding: str) -> str:
    """Return where the page of an id is."""
    return f"{DOCS}#{finding}"


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings without repetitions, the worst first, then by id and place."""
    order = list(CATALOGUE)
    return sorted(
        dict.fromkeys(findings), key=lambda f: (SEVERITIES.index(f.level), order.index(f.id), f.what, f.sides)
    )


def as_text(findings: list[Finding], subject: str, *, colour: bool = False) -> str:
    """Write findings for people: grouped by severity and id, with a summary line."""
    paint = {ERROR: "\x1b[31m", WARNING: "\x1b[33m", INFO: "\x1b[36m"}
    lines: list[str] = []
    for (level, name), group in groupby(findings, key=lambda finding: (finding.level, finding.id)):
        head, page = f"{level}: {name}", CATALOGUE[name]
        lines += [f"{paint[level]}{head}\x1b[0m" if colour else head, f"  {page.why}"]
        general = False
        for finding in group:
            lines.append(f"  - {finding.what}")
            lines += [f"      {side}" for side in finding.sides]
            if finding.remedy:
                lines.append(f"      {finding.remedy}")
            general = general or not finding.remedy
        lines += [f"  {page.remedy + '  ' if general else ''}See {link(name)}.", ""]
    bold, off = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    lines.append(f"{bold}{subject}: {summary(findings)}{off}")
    return "\n".join(lines) + "\n"


def summary(findings: list[Finding]) -> str:
    """Count findings in words: 2 errors, 1 warning."""
    count = counts(findings)
    told = (
        f"{number} {level}{'s' if number != 1 and level != INFO else ''}" for level, number in count.items() if number
    )
    return ", ".join(told) or "nothing found"


def counts(findings: list[Finding]) -> dict[str, int]:
    """Count findings of each severity."""
    return {level: sum(finding.level == level for finding in findings) for level in SEVERITIES}


def as_json(findings: list[Finding], **more: object) -> str:
    """Write findings for machines: an object with `findings` and a count of each severity."""
    told = [finding.plain() for finding in findings]
    body = {"multimesh": __version__, **more, "findings": told, "counts": counts(findings)}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def as_sarif(findings: list[Finding], command: str) -> str:
    """Write findings as SARIF 2.1.0, in the form that code scanning services want (one location at least, with a region)."""
    used = list(dict.fromkeys(finding.id for finding in findings))
    level = {ERROR: "error", WARNING: "warning", INFO: "note"}
    results = []
    for finding in findings[:MAX_RESULTS]:
        places = [_location(side) for side in finding.sides] or [_location(Side("", "", "", 1))]
        results.append({
            "ruleId": finding.id,
            "ruleIndex": used.index(finding.id),
            "level": level[finding.level],
            "message": {"text": f"{finding.what}. {finding.advice}"},
            "locations": places[:1],
            "relatedLocations": [{"id": number, **place} for number, place in enumerate(places[1:MAX_PLACES], 1)],
            "partialFingerprints": {"multimesh/v1": _fingerprint(finding)},
        })  # fmt: skip
    rules = [
        {
            "id": name,
            "shortDescription": {"text": name.replace("-", " ")},
            "fullDescription": {"text": CATALOGUE[name].why},
            "help": {"text": CATALOGUE[name].remedy, "markdown": f"{CATALOGUE[name].remedy} See {link(name)}."},
            "defaultConfiguration": {"level": level[CATALOGUE[name].severity]},
            "properties": {
                "tags": ["istio"],
                "precision": "high",
                "problem.severity": {INFO: "recommendation"}.get(CATALOGUE[name].severity, CATALOGUE[name].severity),
            },
        }
        for name in used
    ]
    driver = {"name": "multimesh", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"multimesh/{command}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    body = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


#: What code scanning services take of one run, and of one result.
MAX_RESULTS, MAX_PLACES = 25_000, 1000


def _fingerprint(finding: Finding) -> str:
    """Return what stays the same while lines move: the id, the text, and who is concerned."""
    told = "\n".join((finding.id, finding.what, *(f"{side.mesh} {side.resource}" for side in finding.sides)))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _location(side: Side) -> dict[str, Any]:
    line = max(side.line, 1)
    region = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 2}
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(side.file)}, "region": region},
        "logicalLocations": [{"fullyQualifiedName": side.resource or side.mesh or "mesh", "kind": "resource"}],
    }


def _uri(file: str) -> str:
    """Return a path as SARIF wants it: relative to the working directory where it lies below it, with slashes."""
    if os.path.isabs(file):
        below = os.path.relpath(file)
        file = file if below.startswith("..") else below
    path = file.replace("\\", "/").removeprefix("./").replace("<stdin>", "stdin")
    return quote(path) or "cluster"

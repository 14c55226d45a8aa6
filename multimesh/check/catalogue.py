"""The catalogue of findings: for each id its severity, why it matters, and what to do.

docs/findings.md has a section for each id. Ids are never reused.
"""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING, INFO = "error", "warning", "info"

SEVERITIES = (ERROR, WARNING, INFO)

#: The page that describes every id.
DOCS = "docs/findings.md"


class Page(NamedTuple):
    """What is true for every finding of an id: its severity, why it matters, what to do."""

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
        "A pod that two meshes inject gets two sidecars, or the wrong one.",
        "Render both meshes with a revision of their own and through the post-renderer.",
    ),
    "validation-overlap": Page(
        ERROR,
        "One mesh rejects what users of another mesh write, and blocks it while its control plane is down.",
        "Pipe both charts through the post-renderer, and label the namespaces of each mesh.",
    ),
    "webhook-flag-mismatch": Page(
        ERROR,
        "The control plane writes its certificate into the webhook its flags name; others have none and fail closed.",
        "Render the stock chart again through the post-renderer, and set none of these flags by hand.",
    ),
    "node-port": Page(
        ERROR,
        "A node port belongs to one Service of the cluster: the API server rejects the second one.",
        "Leave nodePorts at auto in the profile, or choose other ports.",
    ),
    "host-port": Page(
        ERROR,
        "A port of the node belongs to one pod there: the second pod stays pending.",
        "Choose another hostPort, or keep the workloads on different nodes.",
    ),
    "host-path": Page(
        ERROR,
        "Two meshes write to the same directory of the node, and overwrite each other's files or sockets.",
        "Pipe both charts through the post-renderer; install istio-cni and ztunnel from one mesh only.",
    ),
    "citadel-scope": Page(
        ERROR,
        "Two Citadels that serve one namespace replace each other's certificates once a minute.",
        "Render the chart through the post-renderer, which sets --listened-namespaces to spec.namespace, "
        "spec.workloadNamespaces and citadel.alsoListen; no namespace may be in two meshes.",
    ),
    "namespace-claimed-twice": Page(
        ERROR,
        "A namespace belongs to one mesh: certificates, root certificates and labels have fixed names there.",
        "Take it out of one of the two profiles, or install one of the releases elsewhere.",
    ),
    "shared-revision": Page(
        ERROR,
        "Control planes find webhooks by revision in the whole cluster: two of one revision overwrite each other.",
        "Render each mesh with --set revision=<mesh>.",
    ),
    "dangling-reference": Page(
        ERROR,
        "A resource refers to another one that is not in the manifests of its mesh.",
        "Give check all releases of the mesh; if they are all here, compare the chart with the stock one.",
    ),
    "embedded-cluster-scoped": Page(
        ERROR,
        "A Job applies a cluster-wide resource with a fixed name: that of the last mesh installed applies to all.",
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
    "gateway-api-version": Page(
        WARNING,
        "A cluster has the CRDs of the Gateway API once, and each version of Istio reads some of their versions: from "
        "its next start on a control plane ignores the others, while statuses stay as they were.",
        "Choose a bundle that all meshes read, or upgrade the mesh first.",
    ),
    "gateway-selector": Page(
        WARNING,
        "A Gateway resource of one mesh binds to the gateways of another one.",
        "Give the gateways names and labels of their mesh, as 'multimesh values --chart gateway' does; "
        "with Istio 1.5 leave scopeGateways on in both profiles.",
    ),
    "trust-domain": Page(
        WARNING,
        "Two meshes use the same trust domain: their identities are the same, and only their roots differ.",
        "Use the values that 'multimesh values' writes (meshConfig.trustDomain; global.trustDomain up to Istio 1.7).",
    ),
    "no-discovery-selector": Page(
        WARNING,
        "The control plane reads every namespace of the cluster, and writes its root certificate there.",
        "Use the values that 'multimesh values' writes (meshConfig.discoverySelectors).",
    ),
    "discovery-overlap": Page(
        ERROR,
        "A namespace that two control planes discover gets the root certificate, the configuration and the status "
        "of both.",
        "Use the values that 'multimesh values' writes (meshConfig.discoverySelectors); beside a stock mesh: "
        "multimesh.dev/mesh DoesNotExist there.",
    ),
    "written-twice": Page(
        ERROR,
        "Two control planes write one object, each over what the other one has written there.",
        "Use the values that 'multimesh values' writes for the version of each mesh.",
    ),
    "root-missing": Page(
        ERROR,
        "Pods mount the ConfigMap with the root certificate of their mesh: while nobody writes it, they wait and do "
        "not start.",
        "Use the values that 'multimesh values' writes, for all revisions of the mesh.",
    ),
    "cni-version": Page(
        WARNING,
        "istio-cni works with control planes of its own minor version, the one before and the one after.",
        "Upgrade the istio-cni of the mesh that owns it step by step with the others, or turn pilot.cni.enabled off.",
    ),
    "used-twice": Page(
        ERROR,
        "A cluster has one ztunnel on each node, which asks one control plane: workloads of the other have no proxy.",
        "Turn ambient mode on in one mesh only (PILOT_ENABLE_AMBIENT in pilot.env, or --set profile=ambient).",
    ),
    "gateway-name": Page(
        ERROR,
        "The Deployment and the Service of a Gateway are named after it and its class, and pods have that name as a "
        "label: with a longer one the Gateway gets neither, and its status says AddressNotUsable.",
        "Choose a shorter name for the Gateway.",
    ),
    "token-audience": Page(
        ERROR,
        "A proxy whose token has an audience that its authority refuses gets no certificate, and does not start.",
        "Add istio-ca to TOKEN_AUDIENCES in the values of istiod, before the audience of the mesh.",
    ),
    "route-mesh": Page(
        WARNING,
        "A control plane sees the namespaces of its own mesh only: a route to a Gateway of another mesh is attached to "
        "nothing, and gets no status that would say so.",
        "Put the route into the mesh of the Gateway, or give this mesh a Gateway of its own.",
    ),
    "no-owner": Page(
        WARNING,
        "No mesh installs what a cluster has only once, such as CRDs.",
        "Set spec.sharedResources: own in one profile, usually that of the mesh installed first.",
    ),
    "stock-name": Page(
        ERROR,
        "A stock name shows that somebody installed or upgraded this mesh without the post-renderer.",
        "Run the same helm command again with --post-renderer.",
    ),
    "namespace-outside-profile": Page(
        ERROR,
        "An object of this mesh is in a namespace that its profile does not list.",
        "Add the namespace to spec.workloadNamespaces, or install the release elsewhere.",
    ),
    "identity-lost": Page(
        WARNING,
        "The upgrade removes or renames a cluster-scoped resource; references to it from elsewhere break.",
        "If the chart moved it, do nothing; otherwise compare the two manifests.",
    ),
    "immutable-selector": Page(
        ERROR,
        "A selector or a reference to a role changes, which Kubernetes does not allow: the upgrade fails.",
        "Delete the resource before the upgrade, or keep the old value.",
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
    "revision-unserved": Page(
        ERROR,
        "A Gateway belongs to the revision in its label istio.io/rev, or in that of its namespace: while nobody serves "
        "that revision, nobody makes or changes its Deployment and Service, and its status stays as it was. Before "
        "1.29.5 and 1.30.2 no other change of it has an effect, either.",
        "Apply what 'multimesh namespaces --gateway-api' writes, and label Gateways of the control-plane namespace.",
    ),
    "gateway-class": Page(
        ERROR,
        "A control plane serves Gateways of its own classes, in the namespaces that it discovers: a Gateway of another "
        "class is served by nobody.",
        "Set spec.gatewayClassName to the class of the mesh.",
    ),
    "control-plane-down": Page(
        ERROR,
        "Without its control plane a mesh injects nothing, and new pods of its namespaces are blocked.",
        "Look at the Deployment's events and logs.",
    ),
    "ca-bundle": Page(
        ERROR,
        "The API server calls only webhooks that it trusts: without the root certificate of the mesh, new pods are "
        "blocked.",
        "Look for a second control plane with the same revision, or for one that has not started.",
    ),
    "pod-mesh": Page(
        ERROR,
        "A pod has no sidecar, two of them, or one that another mesh serves.",
        "Restart the pod once the namespace has the labels of its mesh.",
    ),
    "certificate": Page(
        ERROR,
        "A pod of Istio 1.5 mounts its certificate as optional: without one, or with that of another mesh, it runs but "
        "cannot connect.",
        "Render again with all namespaces in the profile, delete the secret, and restart the pods.",
    ),
    "admission-policy": Page(
        WARNING,
        "Without its admission policies a mesh is kept apart only as long as everybody keeps to the rules.",
        "Apply them: multimesh policies --profile PATH | kubectl apply --server-side -f -",
    ),
    "left-behind": Page(
        WARNING,
        "Helm removes what it installed, and not what a control plane created at run time.",
        "Remove it by hand once nothing needs it.",
    ),
    "unused-ignore": Page(
        INFO,
        "An entry of .multimesh.yaml that ignores nothing today may hide something else tomorrow.",
        "Remove it, or correct its finding, resource or mesh.",
    ),
    "unreadable": Page(
        WARNING,
        "Something could not be read, so it was not checked.",
        "Grant the permission or name the file, and run the command again.",
    ),
}


def link(finding: str) -> str:
    """Return the link to the section of an id."""
    return f"{DOCS}#{finding}"

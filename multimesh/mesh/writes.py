"""What a control plane writes outside its own Deployment: what, where, since which version, by which source.

`WRITES` is the one table. `multimesh values` decides by it which values a version needs, `check` and `verify` decide by
it where two meshes would write the same object, and docs/isolation.md shows it. `render` does not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: A minor version of Istio.
Minor = tuple[int, int]

#: The version of a control plane of which nobody knows it: it is taken for the newest.
UNKNOWN: Minor = (0, 0)

#: Where a control plane writes: in all namespaces, in all of them unless a variable restricts it to those that its
#: discovery selectors select, in those that they select, in the cluster, and in its own namespace.
EVERYWHERE = "every namespace"
SWITCHED = "every namespace, unless ENABLE_ENHANCED_RESOURCE_SCOPING is true"
DISCOVERED = "the namespaces that it discovers"
CLUSTER = "the cluster"
OWN = "its own namespace"

#: The ConfigMaps with the root certificate and with the revocation list, where no variable gives another name.
ROOT, CRL = "istio-ca-root-cert", "istio-ca-crl"

#: The variable that gives the root another name, and the first version that reads it.
ROOT_VARIABLE, ROOT_VARIABLE_SINCE = "PILOT_CA_CERT_CONFIGMAP", (1, 27)

#: The variable that gives the revocation list another name, and the first version that reads it. The values do not set
#: it by themselves: the template of sidecars asks for pilot.crlConfigMapName, but the charts pass only `cni` and `env`
#: of `pilot` to it, so sidecars mount the stock name, which is optional, and would check nothing (1.29.0 to 1.31.0-rc.0
#: manifests/charts/istio-control/istio-discovery/templates/istiod-injector-configmap.yaml and
#: files/injection-template.yaml there).
CRL_VARIABLE, CRL_VARIABLE_SINCE = "PILOT_CRL_CONFIGMAP", (1, 29)

#: The variable that makes discovery selectors apply to configuration and to the root.
SCOPING = "ENABLE_ENHANCED_RESOURCE_SCOPING"

#: The name of the GatewayClass, and the controller that serves it, where no variable gives other ones.
GATEWAY_CLASS, GATEWAY_CONTROLLER = "istio", "istio.io/gateway-controller"
GATEWAY_CLASS_VARIABLE, GATEWAY_CONTROLLER_VARIABLE = (
    "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME",
    "PILOT_GATEWAY_API_CONTROLLER_NAME",
)
GATEWAY_VARIABLES_SINCE = (1, 22)


class Write(NamedTuple):
    """One row: what is written, where, in which versions (`until` is the last one), how meshes are kept apart, source.

    Rows of one `key` follow each other in time. A row that is `only_with` a variable needs it.
    """

    key: str
    what: str
    where: str
    since: Minor
    until: Minor | None
    apart: str
    source: str
    only_with: str = ""

    @property
    def versions(self) -> str:
        """The versions in words."""
        first = f"{self.since[0]}.{self.since[1]}"
        return f"{first} and later" if self.until is None else f"{first} to {self.until[0]}.{self.until[1]}"


COMMON_ROOT = (
    "Give both meshes a common root: the same root-cert.pem in the Secret cacerts of both namespaces. Or upgrade to "
    f"1.16 or later, with {SCOPING}=true up to 1.21. Or apply what 'multimesh policies' writes, for both meshes."
)
SCOPED = (
    f"Set pilot.env.{SCOPING} to \"true\", as 'multimesh values' does. "
    "Or apply what 'multimesh policies' writes, for both meshes."
)
DISJOINT = (
    "Use the values that 'multimesh values' writes (meshConfig.discoverySelectors): those of two meshes are disjoint."
)
_CRL_APART = (
    f"{DISJOINT} Beside a control plane that discovers all namespaces, apply what 'multimesh policies' writes, or from "
    "1.29 on uncomment the name of its own in the values of istiod."
)

_INGRESS = "status of Ingresses of the class in `meshConfig.ingressClass`, unless `ingressControllerMode` is `OFF`"
_ONE_CLASS = (
    "Set meshConfig.ingressControllerMode to \"OFF\", as 'multimesh values' does, in all meshes but one, or give each "
    "an ingressClass of its own."
)
_ONE_CONTROLLER = (
    "Use the values that 'multimesh values' writes (PILOT_GATEWAY_API_CONTROLLER_NAME and "
    "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME from 1.22 on; PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER=false "
    "in all meshes but one in 1.20 and 1.21, PILOT_ENABLE_GATEWAY_API=false "
    "from 1.12 to 1.19, PILOT_ENABLED_SERVICE_APIS=false before)."
)

WRITES: tuple[Write, ...] = (
    Write(
        "root", f"ConfigMap `{ROOT}`", EVERYWHERE, (1, 6), (1, 15), COMMON_ROOT,
        "1.14.6 pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go",
    ),
    Write(
        "root", f"ConfigMap `{ROOT}`", SWITCHED, (1, 16), (1, 21), SCOPED,
        "1.20.8 pilot/pkg/serviceregistry/kube/controller/multicluster.go",
    ),
    Write(
        "root", f"ConfigMap `{ROOT}`, from 1.27 on with the name in `global.trustBundleName`", DISCOVERED, (1, 22),
        None, DISJOINT, "1.30.3 pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go",
    ),
    Write(
        "crl", f"ConfigMap `{CRL}`, empty if `cacerts` has no revocation list", DISCOVERED, (1, 27), None,
        _CRL_APART, "1.30.3 pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go",
    ),
    Write(
        "trust-bundle", "ClusterTrustBundle `istio.io:istiod-ca:root-cert`", CLUSTER, (1, 26), None,
        "Leave ENABLE_CLUSTER_TRUST_BUNDLE_API out of pilot.env in all meshes but one: the name is a constant.",
        "1.30.3 pilot/pkg/features/experimental.go", "ENABLE_CLUSTER_TRUST_BUNDLE_API",
    ),
    Write(
        "bundles", "`caBundle` of the injector that `INJECTION_WEBHOOK_CONFIG_NAME` names", CLUSTER, (1, 6), (1, 8),
        "Each mesh has a name of its own there, which holds its revision and its namespace.",
        "1.8.6 pilot/pkg/bootstrap/sidecarinjector.go",
    ),
    Write(
        "bundles", "`caBundle` of injectors, and from 1.11 on of validators, with its revision in the label "
        "`istio.io/rev`; `failurePolicy` of validators", CLUSTER, (1, 9), None,
        "Render each mesh with --set revision=<mesh>.", "1.30.3 pkg/webhooks/webhookpatch.go",
    ),
    Write(
        "gateway-status", "status of GatewayClasses, Gateways and routes of its controller name", DISCOVERED, (1, 10),
        None, _ONE_CONTROLLER, "1.30.3 pilot/pkg/config/kube/gateway/controller.go",
    ),
    Write(
        "gateway-class", "GatewayClass `istio`, from 1.22 on with the name in "
        "`PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME`; `istio-remote`, `istio-waypoint`", CLUSTER, (1, 14), None,
        _ONE_CONTROLLER, "1.30.3 pilot/pkg/config/kube/gatewaycommon/gatewayclass.go",
    ),
    Write(
        "gateway-deployment", "Deployment, Service and ServiceAccount of each Gateway of its classes", DISCOVERED,
        (1, 12), None, DISJOINT, "1.30.3 pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go",
    ),
    Write(
        "ingress", _INGRESS, EVERYWHERE, (1, 6), (1, 15), _ONE_CLASS,
        "1.14.6 pilot/pkg/config/kube/ingress/status.go",
    ),
    Write(
        "ingress", _INGRESS, SWITCHED, (1, 16), (1, 21), _ONE_CLASS,
        "1.20.8 pilot/pkg/config/kube/ingress/status.go",
    ),
    Write(
        "ingress", _INGRESS, DISCOVERED, (1, 22), None, _ONE_CLASS,
        "1.30.3 pilot/pkg/config/kube/ingress/ingress.go",
    ),
    Write(
        "taints", "taints of nodes on which istio-cni is ready", CLUSTER, (1, 22), None,
        "Turn it on in the mesh that owns istio-cni only.", "1.30.3 pilot/pkg/controllers/untaint/nodeuntainter.go",
        "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS",
    ),
    Write(
        "status", "status of Istio resources", EVERYWHERE, (1, 6), (1, 15), "Leave PILOT_ENABLE_STATUS off.",
        "1.14.6 pilot/pkg/features/pilot.go", "PILOT_ENABLE_STATUS",
    ),
    Write(
        "status", "status of Istio resources", SWITCHED, (1, 16), (1, 21), SCOPED,
        "1.20.8 pilot/pkg/features/pilot.go", "PILOT_ENABLE_STATUS",
    ),
    Write(
        "status", "status of Istio resources; without the variable that of ambient mode and of ServiceEntries only",
        DISCOVERED, (1, 22), None, DISJOINT, "1.30.3 pilot/pkg/features/pilot.go", "PILOT_ENABLE_STATUS",
    ),
    Write(
        "locks", "ConfigMaps and Leases by which its replicas elect who writes the above; one for all revisions of the "
        "namespace, except for gateway deployments", OWN, (1, 6), None, "Each mesh has a namespace of its own.",
        "1.30.3 pilot/pkg/leaderelection/leaderelection.go",
    ),
)  # fmt: skip


def row_of(key: str, version: Minor = UNKNOWN) -> Write | None:
    """Return the row of a key for a version; None where that version does not write it.

    >>> row_of("root", (1, 15)).where, row_of("root", (1, 16)).until, row_of("crl", (1, 26))
    ('every namespace', (1, 21), None)
    """
    rows = [row for row in WRITES if row.key == key]
    if version == UNKNOWN:
        return rows[-1]
    return next((row for row in rows if row.since <= version and (row.until is None or version <= row.until)), None)


def is_everywhere(row: Write, env: Mapping[str, str]) -> bool:
    """Return whether discovery selectors do not restrict where a control plane with these variables writes."""
    return row.where == EVERYWHERE or (row.where == SWITCHED and not is_on(env, SCOPING))


def is_on(env: Mapping[str, str], variable: str, *, default: bool = False) -> bool:
    """Return whether a variable is true, as Go reads it; the default where it is absent or neither true nor false.

    Istio 1.20.8 pkg/env/var.go.
    """
    found = env.get(variable, "").lower()
    return found in ("true", "1", "t") or (default and found not in ("false", "0", "f"))


def writes_root(env: Mapping[str, str]) -> bool:
    """Return whether a control plane with these variables has a certificate authority, whose root it writes.

    Istio 1.30.3 pilot/pkg/bootstrap/server.go; Kubernetes mounts its own root in all pods.
    """
    provider = env.get("PILOT_CERT_PROVIDER", "")
    return has_authority(env) and provider != "kubernetes" and not provider.startswith("k8s.io/")


def has_authority(env: Mapping[str, str]) -> bool:
    """Return whether a control plane with these variables signs certificates."""
    return is_on(env, "ENABLE_CA_SERVER", default=True)


def root_name(env: Mapping[str, str], version: Minor = UNKNOWN) -> str:
    """Return the ConfigMap that a control plane writes its root to, and that its pods mount."""
    reads = version == UNKNOWN or version >= ROOT_VARIABLE_SINCE
    return (env.get(ROOT_VARIABLE) if reads else "") or ROOT

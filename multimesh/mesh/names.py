"""The stock names, and the names that they become in a mesh.

Only exact stock names change, never names that look like one, so that rendering twice gives the same as rendering once.
The tables hold the cluster-scoped names of the stock charts and their add-ons that are the same for every mesh. All
other cluster-scoped names there contain the namespace or the revision, so they are different for each mesh.

Which function decides the name of what:

- `cluster_scoped_name`: a cluster-scoped resource, webhook configurations included.
- `webhook_entry`: a webhook of Istio 1.5. A webhook is an entry of the list `webhooks` in a webhook configuration.
- `injection_entry`: the webhook that the mesh adds to the injector of Istio 1.9 and later.
- `gateway`, `gateway_family`: a gateway of Istio 1.5, and the objects that are named after it.
- `sds_path`: the directory of the sockets of Istio 1.5's secret discovery service.

The value of the injection label is `Profile.injection_label` in `multimesh/mesh/profile.py`.
"""

from __future__ import annotations

from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Named(Protocol):
        """What a mesh's own names are made of."""

        name: str
        namespace: str
        revisions: tuple[str, ...]

    class Mesh(Named, Protocol):
        """What names depend on: these attributes of a mesh profile (`multimesh/mesh/profile.py`)."""

        keep_names: frozenset[str]
        rename_names: frozenset[str]
        rename_cluster_roles: bool
        rename_gateways: bool


#: Admission policies that a cluster has only once: what keeps every control plane in the namespaces of its mesh, and
#: what protects the CRDs. They have neither the name nor the label of a mesh, and stay when one is removed.
WRITES_POLICY, CRD_POLICY = "multimesh-writes", "multimesh-crds"
SHARED_POLICIES = frozenset((WRITES_POLICY, CRD_POLICY))

#: Label on every namespace of a mesh, its control-plane namespace included.
MESH_LABEL = "multimesh.dev/mesh"
INJECTION_LABEL = "istio-injection"
REVISION_LABEL = "istio.io/rev"
#: Label on the webhook configurations of a revision tag; its value is the tag
#: (istio 1.31.0, istio-discovery/templates/revision-tags-mwc.yaml).
TAG_LABEL = "istio.io/tag"

#: (kind, name) of cluster-scoped resources of the stock charts that get the suffix -M, where M is the mesh name.
SUFFIXED = frozenset((
    # Istio 1.5.0, install/kubernetes/helm/istio
    ("ClusterRole", "istio-reader"),
    ("ClusterRole", "kiali"),
    ("ClusterRole", "kiali-viewer"),
    ("ClusterRole", "istiocoredns"),
    ("ClusterRole", "certmanager"),
    ("ClusterRoleBinding", "istio-multi"),
    ("ClusterRoleBinding", "istio-reader"),
    ("ClusterRoleBinding", "certmanager"),
    ("ClusterIssuer", "letsencrypt"),
    ("ClusterIssuer", "letsencrypt-staging"),
    # Istio 1.6 to 1.8, manifests/charts: istio-policy, istio-telemetry/kiali, istiocoredns
    ("ClusterRole", "istio-policy"),
    ("ClusterRoleBinding", "kiali"),
    # Istio 1.12 and later, manifests/charts/base and default
    ("ValidatingWebhookConfiguration", "istiod-default-validator"),
    # Istio 1.22 and later, experimental.stableValidationPolicy
    ("ValidatingAdmissionPolicy", "stable-channel-default-policy.istio.io"),
    ("ValidatingAdmissionPolicyBinding", "stable-channel-default-policy-binding.istio.io"),
    # samples/addons of every release
    ("ClusterRole", "prometheus"),
    ("ClusterRoleBinding", "prometheus"),
    # Kiali's chart kiali-server 2.29.0
    ("ClusterRoleBinding", "kiali-viewer"),
))  # fmt: skip

#: (kind, name) of Kiali's chart kiali-operator 2.29.0. They get the suffix too, but in a mesh `operator` these are the
#: names that `kiali` gets.
_KIALI_OPERATOR = frozenset((("ClusterRole", "kiali-operator"), ("ClusterRoleBinding", "kiali-operator")))

#: (kind, name) of hooks of `helm test`, which no release owns and which are deleted after the test: Kiali's chart
#: kiali-server 2.29.0. They keep their name, and with a suffix no mesh could be called `test`.
TESTS = frozenset((("ClusterRole", "kiali-test"), ("ClusterRoleBinding", "kiali-test")))

#: Kinds whose names occur in `resourceNames` of roles, by the word that stands for them in `resources`.
GRANTED = {"podsecuritypolicies": "PodSecurityPolicy"}

#: Kinds besides Namespaces and classes whose names are never renamed: references to them do not follow, or Kubernetes,
#: a node or the program that reads them decides the name.
NEVER_RENAMED = (
    "APIService", "CSIDriver", "CSINode", "CiliumBGPNodeConfig", "CiliumBGPPeerConfig", "CiliumCIDRGroup",
    "CiliumEndpointSlice", "CiliumIdentity", "CiliumNode", "CiliumPodIPPool", "ClusterAnalysisTemplate",
    "ClusterRbacConfig", "ClusterTrustBundle", "ComponentStatus", "CustomResourceDefinition", "GlobalContextEntry",
    "IPAddress", "Istio", "IstioCNI", "IstioRevision", "IstioRevisionTag", "MeshPolicy", "Namespace", "Node",
    "OAuthClient", "StorageVersion", "XMesh", "ZTunnel",
)  # fmt: skip

#: Webhook configurations of Istio 1.5: their leading `istio` becomes NS, the control-plane namespace.
INJECTOR_CONFIGURATION = "istio-sidecar-injector"
GALLEY_CONFIGURATION = "istio-galley"
WEBHOOK_CONFIGURATIONS = frozenset((
    ("MutatingWebhookConfiguration", INJECTOR_CONFIGURATION),
    ("ValidatingWebhookConfiguration", GALLEY_CONFIGURATION),
))  # fmt: skip

#: The webhooks in these configurations, which get the prefix M-.
WEBHOOK_ENTRIES = frozenset(("sidecar-injector.istio.io", "pilot.validation.istio.io", "mixer.validation.istio.io"))
INJECTOR_ENTRY = "sidecar-injector.istio.io"

#: The webhooks of Istio 1.6 and later that the one of the mesh is copied from, the preferred one first: 1.10 and later;
#: 1.9 without legacy selectors; 1.9, and 1.10 with legacy selectors.
MODEL_ENTRIES = (f"rev.namespace.{INJECTOR_ENTRY}", f"namespace.{INJECTOR_ENTRY}", INJECTOR_ENTRY)

#: (kind, name) of cluster-scoped resources that a cluster has only once: the owner installs them, under these names.
SHARED = frozenset(
    (kind, name)
    for kind in ("ClusterRole", "ClusterRoleBinding")
    for name in (
        "istio-cni", "istio-cni-ambient", "istio-cni-repair-role", "istio-cni-repair-rolebinding",
        "istio-cni-taint-role", "istio-cni-taint-rolebinding", "ztunnel", "istio-operator",
    )
) | {("Namespace", "istio-operator")}  # fmt: skip

#: Charts that a cluster has only once, and after which their objects are named.
SHARED_CHARTS = ("istio-cni", "ztunnel", "istio-operator")

#: Kinds of objects that these charts name after themselves.
_NAMED_AFTER_CHART = frozenset((
    "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Deployment", "NetworkAttachmentDefinition",
    "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "Service", "ServiceAccount",
))  # fmt: skip

STOCK_NAMES = SUFFIXED | WEBHOOK_CONFIGURATIONS
_RENAMED = SUFFIXED | _KIALI_OPERATOR

#: Services, ServiceAccounts and ConfigMaps of control planes, which certificates and mounts are bound to.
CONTROL_PLANE_NAMES = frozenset((
    "istio", "istio-ca-secret", "istio-citadel", "istio-galley", "istio-pilot", "istio-policy",
    "istio-sidecar-injector", "istio-telemetry", "istiod",
))  # fmt: skip

#: ConfigMaps that rules recognise by their names, or by how their names begin.
CONFIG_MAPS = (
    "istio-galley-configuration", "istio-grafana-configuration-dashboards", "istio-grafana-custom-resources",
    "istio-security-custom-resources", "istio-sidecar-injector",
)  # fmt: skip

#: Gateways of the 1.5 chart: their leading `istio` becomes NS.
GATEWAYS = ("istio-ingressgateway", "istio-egressgateway", "istio-ilbgateway")

#: Kinds of objects that are named after a gateway.
GATEWAY_KINDS = (
    "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "Secret", "Service",
    "ServiceAccount",
)  # fmt: skip

#: Prefix and suffix of each name that contains a gateway's name
#: (istio 1.5.0, install/kubernetes/helm/istio/charts/gateways).
_GATEWAY_FAMILY = (
    ("", ""), ("", "-service-account"), ("istio.", "-service-account"), ("", "-certs"), ("", "-ca-certs"), ("", "-sds"),
)  # fmt: skip

#: ClusterRoles that every Kubernetes cluster has.
KUBERNETES_ROLES = frozenset(("cluster-admin", "admin", "edit", "view"))

#: The directory on the node where Istio 1.5 puts the socket of its secret discovery service.
SDS_PATH = "/var/run/sds"

_MAX_LABEL = 63
_MAX_NAME = 253


def is_own(name: str, mesh: Named) -> bool:
    """Return whether a cluster-scoped name that is in no table belongs to this mesh: it contains its name, say."""
    return (
        name.endswith((f"-{mesh.namespace}", f"-{mesh.name}"))
        or name.startswith(f"{mesh.namespace}-")
        or any(f"-{revision}-" in f"-{name}-" for revision in mesh.revisions)
    )


def is_kubernetes(name: str) -> bool:
    """Return whether every Kubernetes cluster has a role of this name."""
    return name in KUBERNETES_ROLES or name.startswith("system:")


def is_control_plane(name: str) -> bool:
    """Return whether a namespaced object has the name of one of a control plane's."""
    return name in CONTROL_PLANE_NAMES or name.startswith("istiod-")


def chart_of_name(kind: str, name: str) -> str:
    """Return which chart that a cluster has only once names its objects so; empty for none.

    One of istio-init, istio-cni, ztunnel, istio-operator.
    """
    if (kind == "Job" and name.startswith("istio-init-")) or (kind == "ConfigMap" and name.startswith("istio-crd-")):
        return "istio-init"
    if (kind, name) in SHARED or kind in _NAMED_AFTER_CHART:
        for chart in SHARED_CHARTS:
            if name == chart or name.startswith(f"{chart}-"):
                return chart
    return ""


def is_never_renamed(kind: str) -> bool:
    """Return whether names of this kind never change: Namespaces, PriorityClasses and other classes, Nodes, ..."""
    return kind.endswith("Class") or kind in NEVER_RENAMED


def is_kept(kind: str, name: str, mesh: Mesh) -> bool:
    """Return whether the profile keeps a name, or its whole kind."""
    return f"{kind}/{name}" in mesh.keep_names or f"{kind}/*" in mesh.keep_names


def cluster_scoped_name(kind: str, name: str, mesh: Mesh) -> str:
    """Return the name of a cluster-scoped resource in this mesh: a new one if it is in a table or in `renameNames`.

    Raises MultimeshError, without a place, for a name that would be too long.

    >>> from types import SimpleNamespace as Mesh
    >>> blue = Mesh(name="blue", namespace="istio-blue", keep_names=(), rename_names=(), rename_cluster_roles=True)
    >>> cluster_scoped_name("ClusterRole", "kiali", blue), cluster_scoped_name("ClusterRole", "kiali-blue", blue)
    ('kiali-blue', 'kiali-blue')
    """
    if is_kept(kind, name, mesh):
        return name
    if (kind, name) in WEBHOOK_CONFIGURATIONS:
        # Galley limits the length of this name: see MAX_NAMESPACE in multimesh/mesh/definitions.py.
        limit = _MAX_LABEL if name == GALLEY_CONFIGURATION else _MAX_NAME
        return _within(f"{mesh.namespace}{name.removeprefix('istio')}", limit)
    if f"{kind}/{name}" in mesh.rename_names:
        return _within(f"{name}-{mesh.name}", _MAX_NAME)
    suffixed = (kind, name) in SUFFIXED or ((kind, name) in _KIALI_OPERATOR and mesh.name != "operator")
    if suffixed and (kind != "ClusterRole" or mesh.rename_cluster_roles):
        return _within(f"{name}-{mesh.name}", _MAX_NAME)
    return name


def is_renamed(kind: str, name: str, mesh: Mesh) -> bool:
    """Return whether a name is one that `cluster_scoped_name` changes, or one that it returns for such a name."""
    if (kind, name) in _RENAMED or (kind, name) in WEBHOOK_CONFIGURATIONS or f"{kind}/{name}" in mesh.rename_names:
        return True
    stock = name.removesuffix(f"-{mesh.name}")
    if stock != name and ((kind, stock) in _RENAMED or f"{kind}/{stock}" in mesh.rename_names):
        return True
    return any(
        kind == known and name == mesh.namespace + stock.removeprefix("istio")
        for known, stock in WEBHOOK_CONFIGURATIONS
    )


def webhook_entry(name: str, mesh: Mesh) -> str:
    """Return the name of a webhook of Istio 1.5 in this mesh: a stock name gets the prefix M-."""
    return f"{mesh.name}-{name}" if name in WEBHOOK_ENTRIES else name


def injector_configuration(mesh: Mesh) -> str:
    """Return the name of this mesh's 1.5 MutatingWebhookConfiguration."""
    return cluster_scoped_name("MutatingWebhookConfiguration", INJECTOR_CONFIGURATION, mesh)


def injection_entry(mesh: Mesh) -> str:
    """Return the name of the webhook that injects by the label of the mesh: istiod finds it by the end of its name."""
    return f"{mesh.name}.namespace.{INJECTOR_ENTRY}"


def galley_configuration(mesh: Mesh) -> str:
    """Return the name of this mesh's 1.5 ValidatingWebhookConfiguration."""
    return cluster_scoped_name("ValidatingWebhookConfiguration", GALLEY_CONFIGURATION, mesh)


def gateway(name: str, mesh: Mesh) -> str:
    """Return the name of a gateway of Istio 1.5 in this mesh; any other name as it is.

    Raises MultimeshError, without a place, for a name that would be too long.
    """
    if name not in GATEWAYS or not mesh.rename_gateways or (mesh.keep_names and _is_kept_gateway(name, mesh)):
        return name
    return _within(f"{mesh.namespace}{name.removeprefix('istio')}", _MAX_LABEL)


def _is_kept_gateway(name: str, mesh: Mesh) -> bool:
    """Return whether the profile keeps any name that contains the gateway's: all of them change, or none."""
    family = {f"{prefix}{name}{suffix}" for prefix, suffix in _GATEWAY_FAMILY}
    return any(is_kept(kind, member, mesh) for kind in GATEWAY_KINDS for member in family)


def gateway_family(name: str, mesh: Mesh) -> str:
    """Return the name, in this mesh, of a gateway of Istio 1.5, or of its ServiceAccount, secrets, or role.

    Any other name is returned as it is. Raises MultimeshError, without a place, for a name that would be too long.
    """
    for prefix, suffix in _GATEWAY_FAMILY:
        stock = name.removeprefix(prefix).removesuffix(suffix)
        if stock in GATEWAYS and name == f"{prefix}{stock}{suffix}":
            return _within(f"{prefix}{gateway(stock, mesh)}{suffix}", _MAX_NAME if suffix else _MAX_LABEL)
    return name


def met_stock_name(kind: str, name: str) -> str:
    """Return the stock name, or its beginning, by which a rule would recognise a name; empty for none."""
    if (kind, name) in STOCK_NAMES or (kind.startswith("ClusterRole") and is_kubernetes(name)):
        return name
    if kind in GATEWAY_KINDS and is_control_plane(name):
        return name if name in CONTROL_PLANE_NAMES else "istiod"
    if kind == "ConfigMap":
        for stock in CONFIG_MAPS:
            if name == stock or name.startswith(f"{stock}-"):
                return stock
    return chart_of_name(kind, name)


def made_names(mesh: Mesh) -> list[tuple[str, str, str, str]]:
    """Return the names that rules and charts make for this mesh: part of the profile, kind, stock name, new name.

    The part is `name`, `namespace`, `gateways` (the namespace, where gateways are renamed), `renameNames`, or a
    revision.
    """
    found = [(revision, "ConfigMap", "istio", f"istio-{revision}") for revision in mesh.revisions]
    named = [("namespace" if stock in WEBHOOK_CONFIGURATIONS else "name", *stock) for stock in sorted(STOCK_NAMES)]
    named += [("renameNames", *entry.partition("/")[::2]) for entry in sorted(mesh.rename_names)]
    named += [("gateways", kind, stock) for stock in GATEWAYS for kind in GATEWAY_KINDS]
    for part, kind, stock in named:
        try:
            new = gateway(stock, mesh) if part == "gateways" else cluster_scoped_name(kind, stock, mesh)
        except MultimeshError:
            continue  # It is too long, which is reported where a chart has it.
        if new != stock:
            found.append((part, kind, stock, new))
    return found


def sds_path(mesh: Mesh) -> str:
    """Return the directory on the node that this mesh's secret discovery service uses."""
    return f"{SDS_PATH}-{mesh.name}"


#: The characters of names.
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def occurrences(text: str, name: str) -> list[int]:
    """Return the offsets at which a text contains a name as a whole: between characters outside `[a-z0-9-]`.

    A regular expression for pods, `NAME-.*`, counts. So does a name after an escape of JSON or of a script, such as
    that of a line feed.

    >>> occurrences('pod=~"istio-ingressgateway-.*" team-istio-ingressgateway', "istio-ingressgateway")
    [6]
    """
    found: list[int] = []
    # rfind proves in half the time of find that a text does not contain the name.
    at = text.find(name) if text.rfind(name) >= 0 else -1
    while at >= 0:
        end = at + len(name)
        before = text[at - 1 : at]
        bounded = before not in _NAME or before == "" or _is_escape(text, at - 1)
        if bounded and (text[end : end + 1] not in _NAME or text[end : end + 1] == "" or text[end : end + 3] == "-.*"):
            found.append(at)
        at = text.find(name, end)
    return found


def _is_escape(text: str, index: int) -> bool:
    """Return whether a character is a letter after an odd number of backslashes."""
    count = 0
    while index - count > 0 and text[index - count - 1] == "\\":
        count += 1
    return count % 2 == 1 and text[index] in "abfnrtv"


def _within(name: str, limit: int) -> str:
    """Return the name. Raises MultimeshError where it is longer than the limit."""
    if len(name) > limit:
        raise MultimeshError(
            "",
            f'the name "{name}" has {len(name)} characters; {limit} are allowed',
            "Choose a shorter mesh name or namespace.",
        )
    return name

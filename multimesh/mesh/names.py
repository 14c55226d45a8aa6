"""Every invented name is born here: pure functions of a stock name and the mesh.

Only exact stock names change, never names that look like one: that is what makes running twice the same as running
once. The tables hold the names that the stock charts and their add-ons give to cluster-scoped resources; every other
name there carries the namespace or the revision, and so is the mesh's own already.
"""

from multimesh.errors import MultimeshError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile

#: Label on every namespace of a mesh, its control-plane namespace included.
MESH_LABEL = "multimesh.dev/mesh"
INJECTION_LABEL = "istio-injection"
REVISION_LABEL = "istio.io/rev"
#: On what a revision tag made: the tag (istio 1.31.0, istio-discovery/templates/revision-tags-mwc.yaml).
TAG_LABEL = "istio.io/tag"

#: Cluster-scoped names of the stock charts that get the suffix -M: (kind, name).
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
))  # fmt: skip

#: Kinds whose objects are granted by name, by the word that roles use for them.
GRANTED = {"podsecuritypolicies": "PodSecurityPolicy"}

#: Webhook configurations of Istio 1.5, in which NS takes the place of the leading `istio`.
INJECTOR_CONFIGURATION = "istio-sidecar-injector"
GALLEY_CONFIGURATION = "istio-galley"
WEBHOOK_CONFIGURATIONS = frozenset((
    ("MutatingWebhookConfiguration", INJECTOR_CONFIGURATION),
    ("ValidatingWebhookConfiguration", GALLEY_CONFIGURATION),
))  # fmt: skip

#: Entries of these configurations, which get the prefix M-.
WEBHOOK_ENTRIES = frozenset(("sidecar-injector.istio.io", "pilot.validation.istio.io", "mixer.validation.istio.io"))
INJECTOR_ENTRY = "sidecar-injector.istio.io"

#: Entries of Istio 1.6 and later that this mesh's own is made from, best first: 1.10 and later; 1.9 without legacy
#: selectors; 1.9, and 1.10 with legacy selectors.
MODEL_ENTRIES = (f"rev.namespace.{INJECTOR_ENTRY}", f"namespace.{INJECTOR_ENTRY}", INJECTOR_ENTRY)

#: Cluster-scoped names of what a cluster has only once: only the owner installs them, under these names.
SHARED = frozenset(
    (kind, name)
    for kind in ("ClusterRole", "ClusterRoleBinding")
    for name in (
        "istio-cni", "istio-cni-ambient", "istio-cni-repair-role", "istio-cni-repair-rolebinding", "istio-cni-taint-role",
        "istio-cni-taint-rolebinding", "ztunnel", "istio-operator",
    )
) | {("Namespace", "istio-operator")}  # fmt: skip

STOCK_NAMES = SUFFIXED | WEBHOOK_CONFIGURATIONS

#: Gateways of the 1.5 chart, in which NS takes the place of the leading `istio`.
GATEWAYS = ("istio-ingressgateway", "istio-egressgateway", "istio-ilbgateway")

#: Kinds of objects that are named after a gateway.
GATEWAY_KINDS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount")  # fmt: skip

#: Everything named after a gateway, by what stands before and behind the gateway's name (1.5.0, charts/gateways).
_GATEWAY_FAMILY = (("", ""), ("", "-service-account"), ("istio.", "-service-account"), ("", "-certs"), ("", "-ca-certs"), ("", "-sds"))  # fmt: skip

#: Roles that Kubernetes itself brings.
KUBERNETES_ROLES = frozenset(("cluster-admin", "admin", "edit", "view"))

#: The folder on the node where Istio 1.5 puts the socket of its secret discovery service.
SDS_PATH = "/var/run/sds"

_MAX_LABEL = 63
_MAX_NAME = 253


def is_own(name: str, mesh: "Profile") -> bool:
    """Tell whether a cluster-scoped name that no table knows is the mesh's own."""
    return (
        name.endswith((f"-{mesh.namespace}", f"-{mesh.name}"))
        or name.startswith(f"{mesh.namespace}-")
        or any(f"-{revision}-" in f"-{name}-" for revision in mesh.revisions)
    )


def is_kubernetes(name: str) -> bool:
    """Tell whether Kubernetes itself brings a role of this name."""
    return name in KUBERNETES_ROLES or name.startswith("system:")


def is_never_renamed(kind: str) -> bool:
    """Tell the kinds whose names belong to the cluster: Namespaces, CRDs, PriorityClasses and other classes."""
    return kind in ("Namespace", "CustomResourceDefinition") or kind.endswith("Class")


def is_kept(kind: str, name: str, mesh: "Profile") -> bool:
    """Tell whether the profile keeps a name, or its whole kind."""
    return f"{kind}/{name}" in mesh.keep_names or f"{kind}/*" in mesh.keep_names


def cluster_scoped(kind: str, name: str, mesh: "Profile") -> str:
    """Return the name of a cluster-scoped resource in this mesh: the same one, unless a table or the profile knows it.

    >>> from types import SimpleNamespace as Mesh
    >>> blue = Mesh(name="blue", namespace="istio-blue", keep_names=(), rename_names=(), rename_cluster_roles=True)
    >>> cluster_scoped("ClusterRole", "kiali", blue), cluster_scoped("ClusterRole", "kiali-blue", blue)
    ('kiali-blue', 'kiali-blue')
    """
    if is_kept(kind, name, mesh):
        return name
    if (kind, name) in WEBHOOK_CONFIGURATIONS:
        # Only galley limits the name of its own: see MAX_NAMESPACE in multimesh/mesh/profile.py.
        limit = _MAX_LABEL if name == GALLEY_CONFIGURATION else _MAX_NAME
        return _within(f"{mesh.namespace}{name.removeprefix('istio')}", limit)
    if f"{kind}/{name}" in mesh.rename_names:
        return _within(f"{name}-{mesh.name}", _MAX_NAME)
    if (kind, name) in SUFFIXED and (kind != "ClusterRole" or mesh.rename_cluster_roles):
        return _within(f"{name}-{mesh.name}", _MAX_NAME)
    return name


def is_renamed(kind: str, name: str, mesh: "Profile") -> bool:
    """Tell whether a name is what `cluster_scoped` makes of a name that the tables or the profile know."""
    if (kind, name) in STOCK_NAMES or f"{kind}/{name}" in mesh.rename_names:
        return True
    stock = name.removesuffix(f"-{mesh.name}")
    if stock != name and ((kind, stock) in SUFFIXED or f"{kind}/{stock}" in mesh.rename_names):
        return True
    return any(
        kind == known and name == mesh.namespace + stock.removeprefix("istio")
        for known, stock in WEBHOOK_CONFIGURATIONS
    )


def webhook_entry(name: str, mesh: "Profile") -> str:
    """Return the name of an entry of a 1.5 webhook configuration: prefix M-, on exact stock names only."""
    return f"{mesh.name}-{name}" if name in WEBHOOK_ENTRIES else name


def injector_configuration(mesh: "Profile") -> str:
    """Return the name of this mesh's 1.5 MutatingWebhookConfiguration."""
    return cluster_scoped("MutatingWebhookConfiguration", INJECTOR_CONFIGURATION, mesh)


def injection_entry(mesh: "Profile") -> str:
    """Return the name of the entry that injects by the mesh's label: istiod finds entries by how their names end."""
    return f"{mesh.name}.namespace.{INJECTOR_ENTRY}"


def galley_configuration(mesh: "Profile") -> str:
    """Return the name of this mesh's 1.5 ValidatingWebhookConfiguration."""
    return cluster_scoped("ValidatingWebhookConfiguration", GALLEY_CONFIGURATION, mesh)


def gateway(name: str, mesh: "Profile") -> str:
    """Return the name of a 1.5 gateway in this mesh."""
    if name not in GATEWAYS or not mesh.rename_gateways or (mesh.keep_names and _is_kept_gateway(name, mesh)):
        return name
    return _within(f"{mesh.namespace}{name.removeprefix('istio')}", _MAX_LABEL)


def _is_kept_gateway(name: str, mesh: "Profile") -> bool:
    """Tell whether the profile keeps any name of a gateway's family: it is renamed completely or not at all."""
    family = {f"{before}{name}{behind}" for before, behind in _GATEWAY_FAMILY}
    return any(is_kept(kind, member, mesh) for kind in GATEWAY_KINDS for member in family)


def gateway_family(name: str, mesh: "Profile") -> str:
    """Return the name of anything named after a 1.5 gateway: its ServiceAccount, secrets, role, or itself."""
    for before, behind in _GATEWAY_FAMILY:
        stock = name.removeprefix(before).removesuffix(behind)
        if stock in GATEWAYS and name == f"{before}{stock}{behind}":
            renamed = f"{before}{gateway(stock, mesh)}{behind}"
            return _within(renamed, _MAX_LABEL) if behind == "" else _within(renamed, _MAX_NAME)
    return name


def sds_path(mesh: "Profile") -> str:
    """Return the folder on the node that this mesh's secret discovery service uses."""
    return f"{SDS_PATH}-{mesh.name}"


_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def occurrences(text: str, name: str) -> "list[int]":
    """Return where a name stands in a text as a whole: between characters outside `[a-z0-9-]`.

    A pod regex `NAME-.*` counts, and so does a name behind an escape of JSON or of a script, such as that for a line feed.

    >>> occurrences('pod=~"istio-ingressgateway-.*" team-istio-ingressgateway', "istio-ingressgateway")
    [6]
    """
    found: list[int] = []
    # From its end, CPython sees in half the time that a text has no such name.
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
    count = 0
    while index - count > 0 and text[index - count - 1] == "\\":
        count += 1
    return count % 2 == 1 and text[index] in "abfnrtv"


def _within(name: str, limit: int) -> str:
    if len(name) > limit:
        raise MultimeshError(
            "",
            f'the name "{name}" has {len(name)} characters; {limit} are allowed',
            "Choose a shorter mesh name or namespace.",
        )
    return name

"""What each rule reads: the registry of rules, in the order of the manual.

A rule is imported only where an object could concern it, so this stands here and not in the rules.
For each rule and kind there are pairs of a prefix of the object's name (with a line feed behind it: the whole name) and
a word in its text, both empty for every object (`EVERY`); either pair that fits makes the object concern the rule.
Under `ANY_KIND` stand the rules that see whatever is read, and `NEVER_ALONE` at kinds that a rule sees only where
something else sends them to the parser (`multimesh/render/prefilter.py`).
"""

from multimesh.mesh.names import GRANTED, REVISION_LABEL, SDS_PATH, SUFFIXED, TAG_LABEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    Pairs = tuple[tuple[bytes, bytes], ...]
    Reads = dict[str, Pairs]


class Key(bytes):
    """A word that concerns a rule as a key of `data` only."""


ANY_KIND = "*"
EVERY = ((b"", b""),)
NEVER_ALONE: "Pairs" = ()

#: A binding must be read where it could name a role that is renamed; `renameNames` sends all of them to the parser.
_ROLES = tuple((b"", name.encode()) for kind, name in sorted(SUFFIXED) if kind == "ClusterRole")
_GRANTS = tuple((b"", word.encode()) for word in GRANTED)
_GATEWAY = ((b"", b"gateway"),)
_ISSUER = ((b"", b"ClusterIssuer"),)
_SHARED = ((b"istio-cni", b""), (b"ztunnel", b""), (b"istio-operator", b""))
_BUNDLE = ((b"", b"caBundle"),)
_REVISED = ((b"istio-revision-tag-default\n", b""), (b"", REVISION_LABEL.encode()), (b"", TAG_LABEL.encode()))
_INJECTED = ((b"", b"inject.istio.io/templates"), (b"", REVISION_LABEL.encode()))

#: Rules that do nothing where this attribute of the profile says nothing.
ONLY_WITH = {"flags": "flags", "failure-policy": "upgrade"}

REGISTRY: "dict[str, Reads]" = {
    "namespaces": {
        ANY_KIND: EVERY,
        "MutatingWebhookConfiguration": EVERY,
        "ValidatingWebhookConfiguration": EVERY,
    },
    "shared-resources": {
        "CustomResourceDefinition": EVERY,
        "ClusterRole": _SHARED,
        "ClusterRoleBinding": _SHARED,
        "Job": ((b"istio-init-", b""),),
        "ConfigMap": ((b"istio-crd-", b""), (b"istio-cni", b"")),
        "ServiceAccount": ((b"istio-init", b""), *_SHARED),
        "Deployment": ((b"istio-operator", b""),),
        "Namespace": EVERY,
        "DaemonSet": ((b"", b"install-cni"), (b"", b"ztunnel")),
    },
    "revision": {
        "MutatingWebhookConfiguration": _REVISED,
        "ValidatingWebhookConfiguration": _REVISED,
        "ValidatingAdmissionPolicy": _REVISED,
        "Deployment": ((b"", b"discovery"), *_INJECTED),
        "DaemonSet": _INJECTED,
    },
    "cluster-scoped-names": {
        ANY_KIND: EVERY,
        "RoleBinding": _ROLES,
        "ClusterRoleBinding": _ROLES,
        "Certificate": _ISSUER,
        "CertificateRequest": _ISSUER,
        "Ingress": ((b"", b"cluster-issuer"),),
        "Gateway": ((b"", b"cluster-issuer"),),
        "Role": _GRANTS,
        "ClusterRole": _GRANTS,
    },
    "webhook-names": {
        "MutatingWebhookConfiguration": EVERY,
        "ValidatingWebhookConfiguration": EVERY,
        "Deployment": ((b"istio-galley", b""), (b"istio-sidecar-injector", b""), (b"istio-pilot", b"")),
        "ConfigMap": (
            (b"istio-galley-configuration", b""),
            (b"istio-security-custom-resources", b""),
            (b"istio-grafana-custom-resources", b""),
        ),
    },
    "injection-label": {"MutatingWebhookConfiguration": EVERY},
    "validation-scope": {
        "ValidatingWebhookConfiguration": EVERY,
        "ValidatingAdmissionPolicy": EVERY,
        "ValidatingAdmissionPolicyBinding": EVERY,
    },
    "ca-bundle": {"MutatingWebhookConfiguration": _BUNDLE, "ValidatingWebhookConfiguration": _BUNDLE},
    "failure-policy": {"ValidatingWebhookConfiguration": EVERY},
    "mesh-config": {"ConfigMap": ((b"istio\n", b""), (b"istio-", Key(b"mesh")), (b"istio-sidecar-injector", b""))},
    "envoy-filters": {"EnvoyFilter": NEVER_ALONE},
    "citadel-scope": {"Deployment": ((b"istio-citadel", b""),)},
    "gateways": {
        "ServiceAccount": _GATEWAY,
        "Service": _GATEWAY,
        "PodDisruptionBudget": _GATEWAY,
        "HorizontalPodAutoscaler": _GATEWAY,
        "Deployment": _GATEWAY,
        "Role": _GATEWAY,
        "RoleBinding": _GATEWAY,
        "Gateway": _GATEWAY,
        "EnvoyFilter": _GATEWAY,
        "ConfigMap": (
            (b"istio-grafana-configuration-dashboards", b"gateway"),
            (b"istio-sidecar-injector", b""),
            (b"istio\n", b"ingressService"),
        ),
    },
    "scope-gateways": {"Deployment": ((b"istio-pilot", b""),)},
    "node-ports": {"Service": ((b"", b"nodePort"),)},
    "mesh-policy": {
        "ConfigMap": ((b"istio-security-custom-resources", b""),),
        "ClusterRole": ((b"istio-security-post-install", b""),),
    },
    "sds-path": {
        "Deployment": ((b"", SDS_PATH.encode()),),
        "DaemonSet": ((b"", SDS_PATH.encode()),),
        "ConfigMap": ((b"istio-sidecar-injector", SDS_PATH.encode()),),
    },
    # Which workloads these are, only the profile knows.
    "flags": {"Deployment": NEVER_ALONE, "DaemonSet": NEVER_ALONE},
}

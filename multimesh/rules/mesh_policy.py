"""Replace the cluster-wide MeshPolicy of Istio 1.5 by a policy of the mesh.

A hook Job of every mesh applies `MeshPolicy/default`, which every Pilot of the cluster reads: the last mesh installed
decides about mutual TLS in all of them. A PeerAuthentication in the control-plane namespace says the same for one mesh,
and wins over any MeshPolicy (istio 1.5.0, pilot/pkg/security/authn/v1beta1/policy_applier.go:87).

    -    apiVersion: "authentication.istio.io/v1alpha1"
    -    kind: "MeshPolicy"
    +    apiVersion: "security.istio.io/v1beta1"
    +    kind: "PeerAuthentication"

The Job's ClusterRole is allowed to write it. The text is never emptied: `kubectl apply` of an empty file fails, and the
release with it.
"""

from __future__ import annotations

from multimesh.kubernetes.resources import resources
from multimesh.rules.concern import name_starts
from multimesh.yamltext.fieldpath import BadShape, get, is_mapping, items, mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "mesh-policy"
READS: Reads = {
    "ConfigMap": (name_starts("istio-security-custom-resources"),),
    "ClusterRole": (name_starts("istio-security-post-install"),),
}

_GROUP = "security.istio.io"


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the policy in its ConfigMap, and let the Job write it."""
    if resource.kind == "ClusterRole":
        if resource.name == f"istio-security-post-install-{mesh.namespace}":
            _plan_role(resource)
    elif resource.name == "istio-security-custom-resources":
        found = resource.embedded("data/custom-resources.yaml")
        for inner in resources(found.text, ID) if found is not None else ():
            if inner.kind == "MeshPolicy":
                _plan_policy(inner, mesh)


def _plan_policy(policy: Resource, mesh: Profile) -> None:
    spec = mapping(policy.root, "spec")
    for path, new in (("apiVersion", f"{_GROUP}/v1beta1"), ("kind", "PeerAuthentication")):
        node = policy.get(path)
        if node is not None:
            policy.rewrite(node, new, path)
    if spec is None or [key.value for key, _ in spec.value] != ["peers"]:
        raise BadShape("spec", "is no list of peers alone", policy.root)
    peers = items(spec, "peers")
    if len(peers) != 1 or not is_mapping(peers[0]) or [key.value for key, _ in peers[0].value] != ["mtls"]:
        raise BadShape("spec/peers", "is not one peer with mtls", spec)
    mtls = mapping(peers[0], "mtls")
    # An empty mtls means STRICT (istio 1.5.0, api authentication/v1alpha1 MutualTls).
    mode = text(mtls, "mode") if mtls is not None else ""
    policy.replace(spec, {"mtls": {"mode": mode or "STRICT"}}, "spec")
    policy.put_at("metadata/namespace", mesh.namespace)


def _plan_role(resource: Resource) -> None:
    rules = get(resource.root, "rules")
    granted = [text(group) for _, group in resource.find("rules/*/apiGroups/*")]
    if rules is None:
        raise BadShape("rules", "is empty", resource.root)
    if _GROUP not in granted:
        resource.append(rules, {"apiGroups": [_GROUP], "resources": ["peerauthentications"], "verbs": ["*"]}, "rules")

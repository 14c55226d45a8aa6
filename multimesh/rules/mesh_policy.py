"""Replace the cluster-wide MeshPolicy of Istio 1.5 with a policy of the mesh.

A hook Job of every mesh applies `MeshPolicy/default`, which every Pilot of the cluster reads: the mesh that was
installed last decides about mutual TLS in all meshes. A PeerAuthentication in the control-plane namespace says the
same for one mesh, and has precedence over any MeshPolicy (istio 1.5.0,
pilot/pkg/security/authn/v1beta1/policy_applier.go:87).

    -    apiVersion: "authentication.istio.io/v1alpha1"
    -    kind: "MeshPolicy"
    +    apiVersion: "security.istio.io/v1beta1"
    +    kind: "PeerAuthentication"

The ClusterRole of the Job gets the permission to write it. The policy is replaced, not removed: `kubectl apply` of an
empty file fails, and so would the release.
"""

from __future__ import annotations

from multimesh.kubernetes.resources import resources
from multimesh.rules.concern import name_is, name_starts
from multimesh.yamltext.fieldpath import BadShape, entries, get, is_mapping, items, mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode

ID = "mesh-policy"
READS: Reads = {
    "ConfigMap": (name_is("istio-security-custom-resources"),),
    "ClusterRole": (name_starts("istio-security-post-install"),),
}

_GROUP = "security.istio.io"


def plan(resource: Resource, mesh: Profile) -> None:
    """Rewrite the policy in its ConfigMap, and let the Job write it."""
    if resource.kind == "ConfigMap":
        found = resource.embedded("data/custom-resources.yaml")
        for inner in resources(found.text, ID) if found is not None else ():
            if inner.kind == "MeshPolicy":
                _plan_policy(inner, mesh)
    elif resource.name == f"istio-security-post-install-{mesh.namespace}":
        _plan_role(resource)


def _plan_policy(policy: Resource, mesh: Profile) -> None:
    for path, new in (("apiVersion", f"{_GROUP}/v1beta1"), ("kind", "PeerAuthentication")):
        node = policy.get(path)
        if node is None:
            raise BadShape(path, "is absent", policy.root)
        policy.rewrite(node, new, path)
    spec = mapping(policy.root, "spec")
    if spec is None or not _has_only(spec, "peers"):
        raise BadShape("spec", "does not have peers as its only key", policy.root)
    peers = items(spec, "peers")
    peer = peers[0] if len(peers) == 1 else None
    if not is_mapping(peer) or not _has_only(peer, "mtls"):
        raise BadShape("spec/peers", "is not one peer that has mtls as its only key", spec)
    mtls = mapping(peer, "mtls")
    # An empty mtls means STRICT (istio 1.5.0, api authentication/v1alpha1 MutualTls).
    mode = text(mtls, "mode") if mtls is not None else ""
    policy.replace(spec, {"mtls": {"mode": mode or "STRICT"}}, "spec")
    policy.put_at("metadata/namespace", mesh.namespace)


def _has_only(node: MappingNode, key: str) -> bool:
    return [found.value for found, _ in entries(node)] == [key]


def _plan_role(resource: Resource) -> None:
    rules = get(resource.root, "rules")
    if rules is None:
        raise BadShape("rules", "is empty", resource.root)
    if _GROUP not in [text(group, at=path) for path, group in resource.find("rules/*/apiGroups/*")]:
        resource.append(rules, {"apiGroups": [_GROUP], "resources": ["peerauthentications"], "verbs": ["*"]}, "rules")

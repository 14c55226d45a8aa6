"""Let each mesh validate the Istio resources of its own namespaces, and no others.

Without a selector every control plane validates the whole cluster, and once one of them is broken, nobody can change an
Istio resource in any mesh. Every entry is narrowed to the namespaces that carry the label of the mesh.

    +    namespaceSelector:
    +      matchExpressions:
    +      - key: multimesh.dev/mesh
    +        operator: In
    +        values:
    +        - affirmed

The label must be on the control-plane namespace too: the control plane tries its own webhook there before it turns to
`failurePolicy: Fail` (istio 1.5.0 and 1.30.3, pkg/webhooks/validation/controller/controller.go). Cluster-scoped
resources are still shown to every mesh: a namespaceSelector does not exempt them.

**The default validator.** `istiod-default-validator` of the chart base, 1.12 and later, has one name and validates the
whole cluster. In every mesh it becomes the mesh's own: its name, its revision label, its service. So an unlabelled
Istio resource is validated by the mesh whose namespace it lives in, and no resource by two.

    -  name: istiod-default-validator
    +  name: istiod-default-validator-affirmed
    -    istio.io/rev: "default"
    +    istio.io/rev: "affirmed"
    -        name: istiod
    +        name: istiod-affirmed

The ValidatingAdmissionPolicies of `experimental.stableValidationPolicy` are narrowed and made the mesh's own likewise.
A validator of the revision keeps its objectSelector.

A validating webhook or policy of any name that selects `istio-injection=enabled` or a revision that is not the mesh's
is refused. What belongs to other programs and selects neither is left as it is.
"""

from __future__ import annotations

from multimesh.mesh.names import MESH_LABEL, REVISION_LABEL, cluster_scoped_name
from multimesh.rules.concern import EVERY
from multimesh.rules.recognise import (
    DEFAULT_POLICY,
    DEFAULT_VALIDATOR,
    RENDER_AGAIN,
    is_galley,
    is_validator_entry,
    refuse_stock_labels,
)
from multimesh.yamltext.fieldpath import find, get, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import Node

ID = "validation-scope"
READS: Reads = {
    "ValidatingWebhookConfiguration": EVERY,
    "ValidatingAdmissionPolicy": EVERY,
    "ValidatingAdmissionPolicyBinding": EVERY,
}

_POLICIES = "stable-channel-"

#: How the API groups of Istio end.
_GROUPS = ".istio.io"


def plan(resource: Resource, mesh: Profile) -> None:
    """Narrow every validator to the mesh's namespaces, make the default one the mesh's own, refuse stock labels."""
    if resource.kind == "ValidatingWebhookConfiguration":
        _plan_webhooks(resource, mesh)
        return
    for field in ("spec/matchConstraints", "spec/matchResources"):
        for path, node in resource.find(field):
            refuse_stock_labels(resource, mesh, path, node)
    if resource.kind == "ValidatingAdmissionPolicy" and resource.name.startswith(_POLICIES):
        for path, node in resource.find("spec/matchConstraints"):
            _narrow(resource, mesh, path, node)
        if resource.name in (DEFAULT_POLICY, cluster_scoped_name(resource.kind, DEFAULT_POLICY, mesh)):
            _relabel(resource, mesh)
    elif resource.kind == "ValidatingAdmissionPolicyBinding":
        for path, node in resource.find("spec/policyName"):
            resource.rewrite(node, cluster_scoped_name("ValidatingAdmissionPolicy", text(node), mesh), path)


def _plan_webhooks(resource: Resource, mesh: Profile) -> None:
    galley = is_galley(resource, mesh)
    found = False
    for path, node in resource.find("webhooks/*"):
        refuse_stock_labels(resource, mesh, f'webhook "{text(node, "name")}"', node)
        if galley and (is_validator_entry(node) or _validates_istio(node)):
            _narrow_by_label(resource, mesh, path, node)
        elif not galley and is_validator_entry(node):
            found = True
            _narrow(resource, mesh, path, node)
            _serve_ourselves(resource, mesh, path, node)
    if found and resource.name in (
        DEFAULT_VALIDATOR,
        cluster_scoped_name(resource.kind, DEFAULT_VALIDATOR, mesh),
    ):
        _relabel(resource, mesh)


def _validates_istio(node: Node) -> bool:
    """Return whether a webhook validates Istio's resources: in galley's configuration it is galley's, even by `url`."""
    return any(text(group).endswith((_GROUPS, "*")) for _, group in find(node, "rules/*/apiGroups/*"))


def _narrow_by_label(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    """Narrow an entry of galley's configuration, which has no selector in the stock chart."""
    field = f"namespaceSelector/matchLabels/{MESH_LABEL.replace('/', '~1')}"
    found = get(node, field)
    if found is None:
        resource.put_at(field, mesh.name, node, path)
    elif text(found) != mesh.name:
        raise _foreign(resource, path, text(found))


def _narrow(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    from multimesh.kubernetes.selectors import may_match, read, requirements

    found = get(node, "namespaceSelector")
    selector = read(found, f"{path}/namespaceSelector")
    named = [(operator, values) for key, operator, values in requirements(selector) if key == MESH_LABEL]
    if named and not may_match(selector, MESH_LABEL, mesh.name):
        raise _foreign(resource, path, ", ".join(named[0][1]))
    if ("In", [mesh.name]) in named:
        return
    wish: dict[str, object] = {"key": MESH_LABEL, "operator": "In", "values": [mesh.name]}
    at = f"{path}/namespaceSelector/matchExpressions"
    expressions = get(found, "matchExpressions") if found is not None else None
    if expressions is not None:
        resource.append(expressions, wish, at)  # type: ignore[arg-type]
    else:
        resource.put_at("namespaceSelector/matchExpressions", [wish], node, path)  # type: ignore[list-item]


def _foreign(resource: Resource, path: str, found: str) -> Exception:
    return resource.error(
        f'{path}/namespaceSelector selects {MESH_LABEL}="{found}": this stream has been rewritten for another mesh',
        RENDER_AGAIN,
    )


def _serve_ourselves(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    """Point a validator without revision at this mesh's istiod: the charts write the default revision's Service.

    A validator of a revision (`rev.validation.istio.io`, and everything in its configuration) names its own already.
    """
    labels = resource.labels()
    if labels.get(REVISION_LABEL) in mesh.revisions and not resource.name.startswith(DEFAULT_VALIDATOR):
        return
    service = get(node, "clientConfig/service/name")
    if service is not None and text(service).startswith("istiod"):
        resource.rewrite(service, f"istiod-{mesh.revision}", f"{path}/clientConfig/service/name")


def _relabel(resource: Resource, mesh: Profile) -> None:
    path = f"metadata/labels/{REVISION_LABEL.replace('/', '~1')}"
    node = resource.get(path)
    if node is None or not text(node):
        resource.put_at(path, mesh.revision)
    else:
        resource.rewrite(node, mesh.revision, path)

"""Let each mesh validate the Istio resources of its own namespaces, and no others.

Without a selector, every control plane validates the whole cluster; if one of them fails, Istio resources of no mesh
can be changed. The rule limits every webhook to the namespaces that have the label of the mesh.

    +    namespaceSelector:
    +      matchExpressions:
    +      - key: multimesh.dev/mesh
    +        operator: In
    +        values:
    +        - affirmed

The control-plane namespace must have the label too: the control plane tries its own webhook there before it sets
`failurePolicy: Fail` (istio 1.5.0 and 1.30.3, pkg/webhooks/validation/controller/controller.go). Cluster-scoped
resources are still validated by every mesh: a namespaceSelector does not exempt them.

**The default validator.** `istiod-default-validator` of the chart base, 1.12 and later, has one name and validates the
whole cluster. In every mesh it gets a name, a revision label and a Service of the mesh. So an Istio resource without a
label is validated by the mesh in whose namespace it is, and no resource is validated by two meshes.

    -  name: istiod-default-validator
    +  name: istiod-default-validator-affirmed
    -    istio.io/rev: "default"
    +    istio.io/rev: "affirmed"
    -        name: istiod
    +        name: istiod-affirmed

The ValidatingAdmissionPolicies of `experimental.stableValidationPolicy` are changed in the same way.
The objectSelector of a validator stays.

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
    from multimesh.yamltext.emit import Value
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
    """Limit an entry of galley's configuration, which has no selector in the stock chart, to the mesh's namespaces."""
    field = f"namespaceSelector/matchLabels/{MESH_LABEL.replace('/', '~1')}"
    found = get(node, field)
    if found is None:
        resource.put_at(field, mesh.name, node, path)
    elif text(found) != mesh.name:
        raise _foreign(resource, path, text(found))


def _narrow(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    """Limit a webhook or policy of istiod to the mesh's namespaces, in addition to what its selector requires."""
    from multimesh.kubernetes.selectors import allows, read, requirements

    found = get(node, "namespaceSelector")
    selector = read(found, f"{path}/namespaceSelector")
    named = [(operator, values) for key, operator, values in requirements(selector) if key == MESH_LABEL]
    foreign = [values for operator, values in named if not allows(operator, values, mesh.name)]
    if foreign:
        raise _foreign(resource, path, ", ".join(foreign[0]))
    if ("In", [mesh.name]) in named:
        return
    requirement: dict[str, Value] = {"key": MESH_LABEL, "operator": "In", "values": [mesh.name]}
    expressions = get(found, "matchExpressions")
    if expressions is not None:
        resource.append(expressions, requirement, f"{path}/namespaceSelector/matchExpressions")
    else:
        resource.put_at("namespaceSelector/matchExpressions", [requirement], node, path)


def _foreign(resource: Resource, path: str, found: str) -> Exception:
    return resource.error(
        f'{path}/namespaceSelector selects {MESH_LABEL}="{found}": this stream has been rewritten for another mesh',
        RENDER_AGAIN,
    )


def _serve_ourselves(resource: Resource, mesh: Profile, path: str, node: Node) -> None:
    """Let a validator without a revision call this mesh's istiod: the charts write the Service of the default revision.

    A validator of a revision (`rev.validation.istio.io`, and everything in its configuration) has its own Service.
    """
    labels = resource.labels()
    if labels.get(REVISION_LABEL) in mesh.revisions and not resource.name.startswith(DEFAULT_VALIDATOR):
        return
    for at, service in find(node, "clientConfig/service/name"):
        if text(service).startswith("istiod"):
            resource.rewrite(service, f"istiod-{mesh.revision}", f"{path}/{at}")


def _relabel(resource: Resource, mesh: Profile) -> None:
    path = f"metadata/labels/{REVISION_LABEL.replace('/', '~1')}"
    node = resource.get(path)
    if node is None:
        resource.put_at(path, mesh.revision)
    else:
        resource.rewrite(node, mesh.revision, path)

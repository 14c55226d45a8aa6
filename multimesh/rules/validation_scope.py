"""Let each mesh validate the Istio resources of its own namespaces, and no others.

Without a selector every galley validates the whole cluster, and once one of them is broken, nobody can change an
Istio resource in any mesh.

    +    namespaceSelector:
    +      matchLabels:
    +        multimesh.dev/mesh: affirmed

The label must be on the control-plane namespace too: galley tries its own webhook there before it turns to
`failurePolicy: Fail` (istio 1.5.0, pkg/webhooks/validation/controller/controller.go:411). Cluster-scoped resources
such as MeshPolicy are still shown to every mesh: a namespaceSelector does not exempt them.
"""

from multimesh.fieldpath import get, text
from multimesh.naming import MESH_LABEL
from multimesh.rules.webhook_names import is_galley

from multimesh.rules.reads import EVERY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.rules.reads import Reads
    from multimesh.manifest import Resource
    from multimesh.profile import Profile

ID = "validation-scope"

READS: "Reads" = {"ValidatingWebhookConfiguration": EVERY}


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Narrow every entry of the mesh's validators to the mesh's namespaces."""
    if not is_galley(resource, mesh):
        return
    field = f"namespaceSelector/matchLabels/{MESH_LABEL.replace('/', '~1')}"
    for path, entry in resource.find("webhooks/*"):
        found = get(entry, field)
        if found is None:
            resource.put_at(field, mesh.name, entry, path)
        elif text(found) != mesh.name:
            raise resource.error(
                f'{path}/namespaceSelector selects {MESH_LABEL}="{text(found)}": this stream has been rewritten for '
                "another mesh",
                "Render the stock chart anew, and pipe it through one profile only.",
            )

"""Let each mesh inject the pods of its own namespaces, and no others.

Both meshes would inject every pod of every namespace labelled `istio-injection=enabled`.

         namespaceSelector:
           matchLabels:
    -        istio-injection: enabled
    +        istio-injection: enabled-affirmed

A selector by `matchExpressions`, which the 1.5 chart writes with `enableNamespacesByDefault=true`, is refused: it
selects the namespaces of every other mesh as well.
"""

from multimesh.fieldpath import get, text
from multimesh.naming import INJECTION_LABEL
from multimesh.rules.webhook_names import is_injector

from multimesh.rules.reads import EVERY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.rules.reads import Reads
    from multimesh.manifest import Resource
    from multimesh.profile import Profile

ID = "injection-label"

READS: "Reads" = {"MutatingWebhookConfiguration": EVERY}


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Change the value of the injection label in the selector of every entry."""
    if not is_injector(resource, mesh):
        return
    for path, entry in resource.find("webhooks/*"):
        if get(entry, "namespaceSelector/matchExpressions") is not None:
            raise resource.error(
                f"{path}/namespaceSelector/matchExpressions selects the namespaces of every other mesh as well",
                "Render the chart with --set sidecarInjectorWebhook.enableNamespacesByDefault=false.",
            )
        node = get(entry, f"namespaceSelector/matchLabels/{INJECTION_LABEL}")
        found = text(node) if node is not None else ""
        if node is None or found not in ("enabled", mesh.injection_label):
            another = found.startswith("enabled-")
            raise resource.error(
                f'{path}/namespaceSelector selects {INJECTION_LABEL}="{found}"'
                + (": this stream has been rewritten for another mesh" if another else ", which no rule knows"),
                "Render the stock chart anew, and pipe it through one profile only."
                if another
                else "Two meshes could inject the same pod. Compare the chart with the stock one, or report its version.",
            )
        resource.rewrite(node, mesh.injection_label, f"{path}/namespaceSelector/matchLabels/{INJECTION_LABEL}")

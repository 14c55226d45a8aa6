"""Remove an empty `caBundle`, which would overwrite the one of the running control plane.

The control plane writes its certificate into the webhook once it runs. Charts of Istio 1.6 to 1.13 send `caBundle: ""`
with every upgrade, and every webhook call of the mesh fails until the control plane notices.

       clientConfig:
    -    caBundle: ""

A bundle that somebody set stays. The webhooks of Istio 1.5 keep an empty one as well, except with `--upgrade`: by then
the control plane owns the field, so that Helm 4 would fail, as it does with `failurePolicy`.
"""

from __future__ import annotations

from multimesh.rules.concern import has_word
from multimesh.rules.recognise import is_galley, is_injector
from multimesh.yamltext.fieldpath import entry, is_mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "ca-bundle"
READS: Reads = {
    "MutatingWebhookConfiguration": (has_word("caBundle"),),
    "ValidatingWebhookConfiguration": (has_word("caBundle"),),
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Remove the empty bundle of every entry."""
    if not mesh.upgrade and (is_injector(resource, mesh) or is_galley(resource, mesh)):
        return
    for path, node in resource.find("webhooks/*/clientConfig"):
        path = f"{path}/caBundle"
        found = entry(node, "caBundle", path) if is_mapping(node) else None
        if found is not None and text(found[1], at=path) == "":
            resource.remove(node, "caBundle", path)

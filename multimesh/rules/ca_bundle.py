"""Leave out an empty `caBundle`, which would wipe the live one.

The control plane writes its certificate into the webhook once it runs. Charts of Istio 1.6 to 1.13 send `caBundle: ""`
with every upgrade, and until the control plane notices, every webhook call of the mesh fails.

       clientConfig:
    -    caBundle: ""

A bundle that somebody set stays. So does all of Istio 1.5, but with `--upgrade`: there Helm 4 would meet the control
plane's ownership of the field, as it does with `failurePolicy`.
"""

from __future__ import annotations

from multimesh.rules.concern import has_word
from multimesh.rules.recognise import is_galley, is_injector
from multimesh.yamltext.fieldpath import entry, get, is_mapping, is_null, is_scalar

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
    for path, node in resource.find("webhooks/*"):
        client = get(node, "clientConfig")
        if is_mapping(client):
            found = entry(client, "caBundle")
            if found is not None and (is_null(found[1]) or (is_scalar(found[1]) and found[1].value == "")):
                resource.remove(client, "caBundle", f"{path}/clientConfig/caBundle")

"""On an upgrade, leave `failurePolicy` of validators to the control plane.

The chart installs them with `Ignore`; the control plane turns them to `Fail` once it answers. Charts up to 1.28.5 and
1.29.1 send `Ignore` again with an upgrade. Helm 4 applies server-side, meets the control plane's ownership of the
field, and fails: `conflict with "istiod-..." ... .webhooks[...].failurePolicy`. Helm is not told by a post-renderer's
input that this is an upgrade, so `--upgrade` (`MULTIMESH_UPGRADE=1`) says it.

    -    failurePolicy: Ignore

Never for a first install: there the API server would default the field to `Fail` before the control plane runs.
"""

from __future__ import annotations

from multimesh.rules.concern import EVERY
from multimesh.yamltext.fieldpath import entry, is_mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "failure-policy"
ONLY_WITH = "upgrade"
READS: Reads = {"ValidatingWebhookConfiguration": EVERY}


def plan(resource: Resource, mesh: Profile) -> None:
    """Remove the field from every validating entry of Istio, if this is an upgrade."""
    if not mesh.upgrade:
        return
    for path, node in resource.find("webhooks/*"):
        if not text(node, "name").endswith("validation.istio.io"):
            continue
        if is_mapping(node) and entry(node, "failurePolicy") is not None:
            resource.remove(node, "failurePolicy", f"{path}/failurePolicy")

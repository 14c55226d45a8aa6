"""On an upgrade, leave `failurePolicy` of validators to the control plane.

The chart installs them with `Ignore`; the control plane sets them to `Fail` once it answers. Charts up to 1.28.5 and
1.29.1 send `Ignore` again with an upgrade. Helm 4 applies server-side, where the control plane owns the field by then,
and fails: `conflict with "pilot-discovery" ... .webhooks[...].failurePolicy`. The input of a post-renderer does not say
whether Helm installs or upgrades, so `--upgrade` (`MULTIMESH_UPGRADE=1`) says it.

    -    failurePolicy: Ignore

Do not use it for a first installation: without the field, the API server would default it to `Fail` before the control
plane runs.
"""

from __future__ import annotations

from multimesh.rules.concern import EVERY
from multimesh.yamltext.fieldpath import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "failure-policy"
ONLY_WITH = "upgrade"
READS: Reads = {"ValidatingWebhookConfiguration": EVERY}


def plan(resource: Resource, mesh: Profile) -> None:
    """Remove the field from every validating entry of Istio."""
    for path, node in resource.find("webhooks/*"):
        if text(node, "name").endswith("validation.istio.io"):
            resource.remove(node, "failurePolicy", f"{path}/failurePolicy")

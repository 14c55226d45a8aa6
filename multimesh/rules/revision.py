"""Refuse a control plane whose revision is not the mesh's.

From Istio 1.9 on, a control plane finds its webhooks by the label `istio.io/rev`, in the whole cluster. Two control
planes of the default revision patch each other's webhooks again and again, whatever the names of these are: other names
do not separate them, other revisions do (istio 1.30.3, pkg/webhooks/webhookpatch.go). So every mesh has a revision of
its own.

Nothing is rewritten, since `--set revision=affirmed` changes all names and selectors together. This rule refuses istiod
and its webhook configurations with another revision, the chart `default` and the tag `default`, other tags that do not
begin with the name of the mesh, gateway pods that no revision would inject, and `ENABLE_CLUSTER_TRUST_BUNDLE_API`,
whose bundle has one name for the whole cluster.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import variable
from multimesh.mesh.names import REVISION_LABEL, TAG_LABEL
from multimesh.rules.concern import has_word, name_is
from multimesh.rules.recognise import DEFAULT_POLICY, DEFAULT_VALIDATOR, is_own_revision, shared_chart
from multimesh.yamltext.fieldpath import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads

ID = "revision"
#: What the chart base names by the default revision.
_OF_BASE = (DEFAULT_VALIDATOR, DEFAULT_POLICY)
_WEBHOOKS = (name_is("istio-revision-tag-default"), has_word(REVISION_LABEL), has_word(TAG_LABEL))
_PODS = (has_word("inject.istio.io/templates"), has_word(REVISION_LABEL))

READS: Reads = {
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingAdmissionPolicy": _WEBHOOKS,
    "Deployment": (has_word("discovery"), *_PODS),
    "DaemonSet": _PODS,
}


def plan(resource: Resource, mesh: Profile) -> None:
    """Refuse a control plane, webhook configuration or pods with a revision that is not the mesh's."""
    if resource.kind in ("Deployment", "DaemonSet"):
        _check_control_plane(resource, mesh)
        _check_pods(resource, mesh)
        return
    labels = resource.labels()
    tag = labels.get(TAG_LABEL, "")
    if tag == "default" or resource.name == "istio-revision-tag-default":
        raise resource.error(
            'it makes this revision the default of the whole cluster (tag "default")',
            "Do not install the chart 'default', and remove the tag: --set revisionTags=null.",
            values={"revisionTags": None},
        )
    if tag and not is_own_revision(tag, mesh):
        raise resource.error(
            f'the revision tag "{tag}" does not begin with the name of mesh {mesh.name}, '
            "so another mesh could have it too",
            f"Call it {mesh.name}-{tag}: --set revisionTags={{{mesh.name}-{tag}}}.",
            values={"revisionTags": [f"{mesh.name}-{tag}"]},
        )
    found = labels.get(REVISION_LABEL)
    stock = resource.name.startswith(_OF_BASE)
    if found is not None and found not in mesh.revisions and not (stock and found in ("default", "")):
        raise _foreign(resource, mesh, f"metadata/labels/{REVISION_LABEL}", found)


def _check_control_plane(resource: Resource, mesh: Profile) -> None:
    if resource.name == "istio-pilot":
        return
    for path, node in resource.containers():
        if text(node, "name") != "discovery":
            continue
        found = variable(path, node, "REVISION")
        revision = text(found[1], "value") if found is not None else ""
        if revision not in mesh.revisions:
            raise _foreign(resource, mesh, f"{path}/env/[name=REVISION]", revision)
        bundle = variable(path, node, "ENABLE_CLUSTER_TRUST_BUNDLE_API")
        if bundle is not None and text(bundle[1], "value") == "true":
            raise resource.error(
                f'{bundle[0]} is "true", and every mesh would write the one bundle "istio.io:istiod-ca:root-cert"',
                "Remove it from pilot.env: --set pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API=null.",
                values={"pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API": None},
            )


def _foreign(resource: Resource, mesh: Profile, path: str, found: str) -> Exception:
    what = f'is "{found}"' if found else "is empty, which means the default revision,"
    return resource.error(
        f"{path} {what} but mesh {mesh.name} has the revision {', '.join(mesh.revisions)}",
        f"Render the chart with --set revision={mesh.revision} "
        f"(the chart base: --set defaultRevision={mesh.revision}).\n"
        f"During an upgrade, add the other revision of this mesh to spec.canaryRevisions in {mesh.where}.",
        values={"defaultRevision" if resource.name.startswith(_OF_BASE) else "revision": mesh.revision},
    )


def _check_pods(resource: Resource, mesh: Profile) -> None:
    """Refuse pods of another revision, and gateways whose pods need to be injected and have no label for it.

    Shared charts are accepted: their pods serve every revision.
    """
    found = resource.value(f"spec/template/metadata/labels/{REVISION_LABEL.replace('/', '~1')}")
    waits = resource.value("spec/template/metadata/annotations/inject.istio.io~1templates") == "gateway"
    if found in mesh.revisions or not (found or waits) or shared_chart(resource):
        return
    what = f'has {REVISION_LABEL}="{found}"' if found else f"has no {REVISION_LABEL}"
    raise resource.error(
        f"spec/template/metadata {what}, so another mesh, or none, would inject or serve these pods",
        f"Render the chart with --set revision={mesh.revision}.",
        values={"revision": mesh.revision},
    )

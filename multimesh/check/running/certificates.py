"""Check the certificates of a running mesh: caBundles, copies of the root, and the secrets of Istio 1.5.

Source of the fields: istio 1.30.3, pkg/webhooks/webhookpatch.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from multimesh.check.catalogue import WARNING
from multimesh.check.findings import Finding
from multimesh.check.meshes.workloads import containers, env_value, minor_version
from multimesh.check.objects import Object, dig, from_base64, strings
from multimesh.check.running.cluster import (
    WEBHOOKS,
    Cluster,
    is_istio_1_5,
    label_command,
    ours,
    side_of,
    workload_namespaces,
)
from multimesh.mesh.names import MESH_LABEL
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import ROOT, ROOT_VARIABLE, UNKNOWN, root_name, row_of

#: The Secrets of the certificate authority: one that the user gives, and the one that it makes.
_AUTHORITY = ("cacerts", "istio-ca-secret")


def roots(mesh: Profile, found: Cluster) -> list[str]:
    """Return the root certificates of the mesh that were read, as PEM texts.

    The secret of the certificate authority decides. Only where it was not read do its copies, which the authority of
    another mesh may have overwritten.
    """
    for name in _AUTHORITY:
        if kept := root_in_secret(found.named("Secret", name, mesh.namespace)):
            return [kept]
    known = [root_in_secret(found.named("Secret", "istio.default", mesh.namespace))]
    names = root_names(mesh, found)
    known += [
        root_in_copy(config)
        for config in found.of("ConfigMap")
        if config.namespace == mesh.namespace and config.name in names
    ]
    return list(dict.fromkeys(filter(None, known)))


def root_names(mesh: Profile, found: Cluster) -> set[str]:
    """Return the names of the ConfigMaps with the root that the control planes of the mesh write.

    Another mesh may write one of a name that this mesh does not use. Where no control plane was read, the name with the
    mesh in it counts if there is such a ConfigMap.
    """
    names = {
        root_name({ROOT_VARIABLE: env_value(container, ROOT_VARIABLE) or ""}, minor_version(item, container))
        for item, container in _control_planes(mesh, found)
    }
    own = f"{ROOT}-{mesh.name}"
    return names or {own if found.named("ConfigMap", own, mesh.namespace) else ROOT}


def _control_planes(mesh: Profile, found: Cluster) -> list[tuple[Object, dict[str, Any]]]:
    return [
        (item, container)
        for item in found.of("Deployment")
        for container in containers(item)
        if item.namespace == mesh.namespace and container.get("name") == "discovery"
    ]


def root_in_copy(item: Object) -> str:
    """Return the root in a ConfigMap that a control plane wrote, as PEM text; empty if there is none."""
    return strings(item.data.get("data")).get("root-cert.pem", "").strip()


def bundle_of(entry: dict[str, Any]) -> str:
    """Return the root in an entry of a webhook configuration, as PEM text; empty if there is none."""
    return from_base64(str(dig(entry, "clientConfig", "caBundle") or ""))


def root_in_secret(secret: Object | None) -> str:
    """Return the root in a Secret of a certificate authority, as PEM text; empty if there is none."""
    data = strings(secret.data.get("data")) if secret is not None else {}
    # A cacerts of the type kubernetes.io/tls, as cert-manager writes it, has other keys.
    return from_base64(data.get("root-cert.pem") or data.get("ca-cert.pem") or data.get("ca.crt") or "")


def unread_roots(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find that the root of the mesh is not known, or not from its authority: then less is compared with it."""
    secrets_ = [found.named("Secret", name, mesh.namespace) for name in _AUTHORITY]
    for secret in filter(None, secrets_):
        if not root_in_secret(secret):
            what = (
                f"{secret.title} holds no certificate that can be read, so nothing is said about the authority's root"
            )
            yield Finding("unreadable", what, (side_of(mesh, secret),))
    if ours(mesh, found) and not roots(mesh, found):
        where = f'no root of mesh {mesh.name} was read in "{mesh.namespace}"'
        yield Finding("unreadable", f"{where}, so nothing is said about what its webhooks have")


def bundles(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Check that every webhook of the mesh has the root of the mesh, and that its validators fail closed."""
    if not found.read(*WEBHOOKS):
        return
    known = roots(mesh, found)
    mine = ours(mesh, found)
    if not any(config.kind == WEBHOOKS[0] for config, _ in mine) and not found.missed(WEBHOOKS[0]):
        yield Finding(
            "ca-bundle", f"no webhook injects for mesh {mesh.name}", remedy="Install the chart istiod, or istio (1.5)."
        )
    for config, entry in mine:
        place = (side_of(mesh, config, str(entry.get("name"))),)
        bundle = bundle_of(entry)
        if not bundle:
            yield Finding("ca-bundle", f'the webhook "{entry.get("name")}" has no caBundle', place)
        elif known and bundle not in known:
            yield Finding("ca-bundle", f'the webhook "{entry.get("name")}" has another root than the mesh', place)
        if config.kind == WEBHOOKS[1] and entry.get("failurePolicy") == "Ignore":
            what = f'the validator "{entry.get("name")}" still ignores failures'
            remedy = label_command(mesh.namespace, MESH_LABEL, mesh.name)
            yield Finding(
                "ca-bundle",
                what,
                place,
                WARNING,
                f"The control plane tests it in its own namespace, which needs the label: {remedy}",
            )


def root_copies(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Find copies of the root in workload namespaces that are not those of the mesh: two control planes write them."""
    known = roots(mesh, found)
    names = {name for name in root_names(mesh, found) if found.named("ConfigMap", name, mesh.namespace)}
    served = workload_namespaces(mesh, found)
    for item in found.of("ConfigMap"):
        if item.namespace in served and item.name in names and known:
            text = root_in_copy(item)
            if text and text not in known:
                what = f"{item.title} holds another mesh's root: two control planes write it"
                yield Finding("ca-bundle", what, (side_of(mesh, item),), remedy=apart(mesh, found))


def apart(mesh: Profile, found: Cluster) -> str:
    """Return what keeps the roots of two meshes apart, for the oldest control plane of the mesh."""
    versions = [minor_version(item, container) for item, container in _control_planes(mesh, found)]
    row = row_of("root", min(versions, default=UNKNOWN))
    if row is not None and row.until is not None:
        return row.apart
    return "Set meshConfig.discoverySelectors and global.trustBundleName as 'multimesh values' writes them."


def secrets(mesh: Profile, found: Cluster) -> Iterator[Finding]:
    """Check for Istio 1.5 that every ServiceAccount in use has a secret that is signed by the root of the mesh."""
    if not is_istio_1_5(mesh, found) or not found.read("Secret"):
        return
    known = roots(mesh, found)
    accounts = {
        (pod.namespace, str(dig(pod.data, "spec", "serviceAccountName") or "default"))
        for pod in found.of("Pod")
        if pod.namespace in mesh.workload_namespaces
    }
    for namespace, account in sorted(accounts):
        if found.missed("Secret", namespace):
            continue
        secret = found.named("Secret", f"istio.{account}", namespace)
        if secret is None:
            what = f"ServiceAccount/{namespace}/{account} has no certificate, although its pods may say 2/2"
            yield Finding(
                "certificate",
                what,
                remedy="Add the namespace to the profile and render again: the list in Citadel's flags is static.",
            )
            continue
        root = from_base64(strings(secret.data.get("data")).get("root-cert.pem", ""))
        if known and root and root not in known:
            what = f"the certificate of ServiceAccount/{namespace}/{account} comes from another mesh's Citadel"
            delete = f"kubectl -n {namespace} delete secret istio.{account}"
            remedy = f"{delete}, and make the namespace lists of the Citadels disjoint."
            yield Finding("certificate", what, (side_of(mesh, secret),), remedy=remedy)

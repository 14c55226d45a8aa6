"""Check the certificates of a running mesh: caBundles, copies of the root, and the secrets of Istio 1.5.

Source of the fields: istio 1.30.3, pkg/webhooks/webhookpatch.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.catalogue import ERROR, WARNING
from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.workloads import containers, minor_version
from multimesh.check.objects import Object, dig, from_base64, strings
from multimesh.check.running.cluster import WEBHOOKS, Cluster, is_istio_1_5, label_command, ours, side_of
from multimesh.mesh.names import MESH_LABEL
from multimesh.mesh.profile import Profile
from multimesh.mesh.writes import UNKNOWN, row_of


def roots(mesh: Profile, found: Cluster) -> list[str]:
    """Return the root certificates of the mesh that were read, as PEM texts.

    The secret of the certificate authority decides. Only where it was not read do its copies, which the authority of
    another mesh may have overwritten.
    """
    for name in ("cacerts", "istio-ca-secret"):
        if kept := _root_in(found.named("Secret", name, mesh.namespace)):
            return [kept]
    known = [_root_in(found.named("Secret", "istio.default", mesh.namespace))]
    known += [
        strings(config.data.get("data")).get("root-cert.pem", "").strip()
        for config in found.of("ConfigMap")
        if config.namespace == mesh.namespace and config.name.startswith("istio-ca-root-cert")
    ]
    return list(dict.fromkeys(filter(None, known)))


def _root_in(secret: Object | None) -> str:
    data = strings(secret.data.get("data")) if secret is not None else {}
    return from_base64(data.get("root-cert.pem") or data.get("ca-cert.pem") or "")


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
        bundle = from_base64(str(dig(entry, "clientConfig", "caBundle") or ""))
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
    names = {
        item.name for item in found.of("ConfigMap") if item.namespace == mesh.namespace and "ca-root-cert" in item.name
    }
    for item in found.of("ConfigMap"):
        if item.namespace in mesh.workload_namespaces and item.name in names and known:
            text = strings(item.data.get("data")).get("root-cert.pem", "").strip()
            if text and text not in known:
                what = f"{item.title} holds another mesh's root: two control planes write it"
                yield Finding("ca-bundle", what, (side_of(mesh, item),), remedy=_apart(mesh, found))


def _apart(mesh: Profile, found: Cluster) -> str:
    """Return what keeps the roots of two meshes apart, for the oldest control plane of the mesh."""
    versions = [
        minor_version(item, container)
        for item in found.of("Deployment")
        for container in containers(item)
        if item.namespace == mesh.namespace and container.get("name") == "discovery"
    ]
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


def unsettled(mesh: Profile, before: Cluster, after: Cluster) -> list[Finding]:
    """Find webhooks whose caBundle differs between two reads of the cluster: two control planes write it."""

    def all_bundles(found: Cluster) -> dict[tuple[str, str, str], str]:
        return {
            (config.kind, config.name, str(entry.get("name"))): str(dig(entry, "clientConfig", "caBundle") or "")
            for config, entry in ours(mesh, found)
        }

    first, second = all_bundles(before), all_bundles(after)
    return [
        Finding(
            "ca-bundle",
            f'the caBundle of "{key[2]}" changed between two reads: two control planes write it',
            (Side(mesh.name, f"{key[0]}/{key[1]}", "cluster", 0),),
            ERROR,
        )
        for key in first.keys() & second.keys()
        if first[key] != second[key]
    ]

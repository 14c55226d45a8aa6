"""Compare the webhooks that a control plane looks for with those that are in the manifests."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding
from multimesh.check.meshes.mesh import Mesh, side_of
from multimesh.check.meshes.webhooks import entries
from multimesh.check.meshes.workloads import env_value, flag_value
from multimesh.check.objects import Object, dig, strings, text_of
from multimesh.mesh.names import (
    GALLEY_CONFIGURATION,
    INJECTOR_CONFIGURATION,
    INJECTOR_ENTRY,
    REVISION_LABEL,
    occurrences,
)


def flags(mesh: Mesh) -> Iterator[Finding]:
    """Check that the flags and variables of control planes name webhooks that exist."""
    validating = {found.name for found in mesh.of("ValidatingWebhookConfiguration")}
    mutating = {found.name: found for found in mesh.of("MutatingWebhookConfiguration")}
    for found, container in mesh.containers("galley"):
        name = flag_value(container, "--webhook-name") or GALLEY_CONFIGURATION
        if validating and name not in validating:
            yield _mismatch(mesh, found, "galley --webhook-name", name, "ValidatingWebhookConfiguration")
        for config in mesh.of("ConfigMap"):
            script = strings(config.data.get("data")).get("run.sh", "")
            for other in (GALLEY_CONFIGURATION, *sorted(validating)):
                if other != name and occurrences(script, f"validatingwebhookconfiguration {other}"):
                    yield _mismatch(mesh, config, "run.sh waits for", other, "ValidatingWebhookConfiguration")
    for found, container in mesh.containers("sidecar-injector-webhook"):
        name = flag_value(container, "--webhookConfigName") or INJECTOR_CONFIGURATION
        entry = flag_value(container, "--webhookName") or INJECTOR_ENTRY
        if mutating and name not in mutating:
            yield _mismatch(mesh, found, "--webhookConfigName", name, "MutatingWebhookConfiguration")
        elif mutating and entry not in [item.get("name") for item in entries(mutating[name])]:
            yield _mismatch(mesh, found, "--webhookName", entry, "webhook entry")
    for found, container in mesh.containers("discovery"):
        by_name = env_value(container, "INJECTION_WEBHOOK_CONFIG_NAME")
        if by_name and mutating and by_name not in mutating:
            yield _mismatch(mesh, found, "INJECTION_WEBHOOK_CONFIG_NAME", by_name, "MutatingWebhookConfiguration")
    yield from _entry_names(mesh)


def _mismatch(mesh: Mesh, found: Object, what: str, name: str, kind: str) -> Finding:
    return Finding(
        "webhook-flag-mismatch", f"{what} {name}, and there is no {kind} of that name", (side_of(mesh, found),)
    )


def _entry_names(mesh: Mesh) -> Iterator[Finding]:
    """Find entries that istiod does not patch (istio 1.30.3, pkg/webhooks/webhookpatch.go)."""
    served = {
        env_value(item, "REVISION") or "default"
        for found, item in mesh.containers("discovery")
        if found.name != "istio-pilot"
    }
    for found in mesh.of("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration") if served else ():
        revision = found.labels.get(REVISION_LABEL)
        if revision is not None and revision not in served:
            revisions = ", ".join(sorted(served))
            labelled = f"{found.kind}/{found.name} is labelled {REVISION_LABEL}={revision}"
            what = f"{labelled}, and the control planes serve {revisions}"
            yield Finding("webhook-flag-mismatch", what, (side_of(mesh, found),))
        for item in entries(found) if found.kind.startswith("Mutating") else ():
            path = text_of(dig(item, "clientConfig", "service", "path"))
            if path.startswith("/inject") and not str(item.get("name")).endswith(INJECTOR_ENTRY):
                what = f'the webhook "{item.get("name")}" does not end in {INJECTOR_ENTRY}, so istiod does not patch it'
                yield Finding("webhook-flag-mismatch", what, (side_of(mesh, found),))

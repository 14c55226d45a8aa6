"""Webhook entries of a control plane. An admission policy is compared in the form of an entry."""

from __future__ import annotations

from typing import Any

from multimesh.check.objects import Object, dig, listed, mappings, text_of


def entries(found: Object) -> list[dict[str, Any]]:
    """Return the entries of a webhook configuration."""
    return mappings(found.data, "webhooks")


#: The suffix of Istio's API groups, which are all that its validators are called for.
_ISTIO = ".istio.io"


def is_istio_webhook(entry: dict[str, Any]) -> bool:
    """Return whether a webhook entry is that of a control plane: it has a service or name of Istio, and rules about
    pods or Istio's resources. Webhooks of other software that match every pod are not a second mesh.
    """
    service = text_of(dig(entry, "clientConfig", "service", "name"))
    if not (service.startswith("istio") or "istio.io" in text_of(entry.get("name"))):
        return False
    for rule in mappings(entry, "rules"):
        groups, kinds = listed(rule, "apiGroups"), listed(rule, "resources")
        if "pods" in kinds or "*" in groups or any(text_of(group).endswith(_ISTIO) for group in groups):
            return True
    return False


def policy_as_webhook(policy: Object) -> dict[str, Any]:
    """Return the selectors and rules of an admission policy in the form of a webhook entry."""
    constraints = dig(policy.data, "spec", "matchConstraints")
    found = {key: dig(constraints, key) for key in ("namespaceSelector", "objectSelector")}
    return {"name": policy.name, "rules": dig(constraints, "resourceRules"), **found}

"""Webhook entries of a control plane. An admission policy is compared in the form of an entry."""

from __future__ import annotations

from typing import Any

from multimesh.check.objects import Object, dig, listed, mappings, text_of


def entries(found: Object) -> list[dict[str, Any]]:
    """Return the entries of a webhook configuration."""
    return mappings(found.data, "webhooks")


#: Istio's API groups end so; the validators are about nothing else.
_ISTIO = ".istio.io"


def is_istio_webhook(entry: dict[str, Any]) -> bool:
    """Tell an entry of a control plane: it calls Istio or is called so, and is about pods or Istio's resources.

    Clusters hold webhooks of others that see every pod, and these are nobody's second mesh.
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
    """Return what an admission policy watches, in the form of a webhook."""
    constraints = dig(policy.data, "spec", "matchConstraints")
    found = {key: dig(constraints, key) for key in ("namespaceSelector", "objectSelector")}
    return {"name": policy.name, "rules": dig(constraints, "resourceRules"), **found}

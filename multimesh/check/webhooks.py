"""Whether the webhooks of two meshes can see the same object: the one question that is asked of every pair.

Reference: the collision classes C5 and C6; `overlap` decides.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from multimesh.check.findings import Finding, Side
from multimesh.check.identities import side
from multimesh.check.meshes import Mesh, entries
from multimesh.check.objects import Object, dig, listed, mappings, said
from multimesh.check.overlap import rules_meet, witness

#: Istio's API groups end so; the validators are about nothing else.
_ISTIO = ".istio.io"

_KINDS = (
    ("MutatingWebhookConfiguration", "injection-overlap", "a pod"),
    ("ValidatingWebhookConfiguration", "validation-overlap", "an Istio resource"),
)


def overlaps(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find webhook entries of different meshes that can see the same object."""
    for kind, finding, what in _KINDS:
        found = [list(_watching(mesh, kind)) for mesh in meshes]
        nobody = not any(mesh.checked for mesh in meshes)
        for one, two in combinations(range(len(meshes)), 2):
            if nobody or meshes[one].checked or meshes[two].checked:
                for first in found[one]:
                    for second in found[two]:
                        yield from _meeting(first, second, finding, what)


def _watching(mesh: Mesh, kind: str) -> Iterator[tuple[dict[str, Any], Side]]:
    """Yield the control plane's webhooks of a kind; admission policies watch Istio resources as validators do."""
    for config in mesh.of(kind):
        for entry in entries(config):
            if is_istio_s(entry):
                yield entry, side(mesh, config, said(entry.get("name")))
    for policy in mesh.of("ValidatingAdmissionPolicy") if kind.startswith("Validating") else ():
        entry = watched(policy)
        if is_istio_s(entry):
            yield entry, side(mesh, policy)


def watched(policy: Object) -> dict[str, Any]:
    """Return what an admission policy watches, in the form of a webhook."""
    constraints = dig(policy.data, "spec", "matchConstraints")
    found = {key: dig(constraints, key) for key in ("namespaceSelector", "objectSelector")}
    return {"name": policy.name, "rules": dig(constraints, "resourceRules"), **found}


def _meeting(
    first: tuple[dict[str, Any], Side], second: tuple[dict[str, Any], Side], finding: str, what: str
) -> Iterator[Finding]:
    places = (first[1], second[1])
    try:
        met = witness(first[0], second[0]) if rules_meet(first[0], second[0]) else None
    except ValueError as error:
        yield Finding(finding, f"a selector cannot be read ({error}), so the two may meet", places)
        return
    if met is not None:
        yield Finding(finding, f"{met.sentence(what)} is seen by both", places)


def is_istio_s(entry: dict[str, Any]) -> bool:
    """Tell an entry of a control plane: it calls Istio or is called so, and is about pods or Istio's resources.

    Clusters hold webhooks of others that see every pod, and these are nobody's second mesh.
    """
    service = said(dig(entry, "clientConfig", "service", "name"))
    if not (service.startswith("istio") or "istio.io" in said(entry.get("name"))):
        return False
    for rule in mappings(entry, "rules"):
        groups, kinds = listed(rule, "apiGroups"), listed(rule, "resources")
        if "pods" in kinds or "*" in groups or any(said(group).endswith(_ISTIO) for group in groups):
            return True
    return False

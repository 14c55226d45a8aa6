"""Replace API versions of the 1.5 chart that no supported API server has, after the rewrite.

The program itself leaves API versions as they are. A table says which are replaced and how; everything else of an
object stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

Object = dict[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _same(obj: Object) -> None:
    """Only the version differs."""


def _metrics(obj: Object) -> None:
    """Convert targets to autoscaling/v2."""
    for metric in obj["spec"].get("metrics") or ():
        resource = metric["resource"]
        utilization = resource.pop("targetAverageUtilization")
        resource["target"] = {"type": "Utilization", "averageUtilization": utilization}


def _webhooks(obj: Object) -> None:
    """Add what admissionregistration.k8s.io/v1 requires, and the old version had as defaults."""
    for entry in obj["webhooks"]:
        entry.setdefault("sideEffects", "None")
        entry.setdefault("admissionReviewVersions", ["v1"])


#: Old version, kind: new version, what else must change.
LIFTS: dict[tuple[str, str], tuple[str, Callable[[Object], None]]] = {
    ("policy/v1beta1", "PodDisruptionBudget"): ("policy/v1", _same),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): ("autoscaling/v2", _metrics),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"): (
        "admissionregistration.k8s.io/v1",
        _webhooks,
    ),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"): (
        "admissionregistration.k8s.io/v1",
        _webhooks,
    ),
}


def lift(stream: bytes) -> bytes:
    """Return a stream in which every object has a version that is served."""
    objects = [obj for obj in yaml.load_all(stream, Loader=_LOADER) if obj]
    for obj in objects:
        if found := LIFTS.get((obj["apiVersion"], obj["kind"])):
            obj["apiVersion"], change = found
            change(obj)
    return b"---\n".join(yaml.dump(obj, Dumper=_DUMPER, sort_keys=False).encode() for obj in objects)

"""Containers of workloads: their flags and environment variables, and which of them are a control plane."""

from __future__ import annotations

import re
from typing import Any

from multimesh.check.objects import Object, dig, listed, mappings, text_of

#: Names of containers that make a workload a control plane (istio 1.5.0 charts/*, 1.31.0 istio-discovery).
CONTROL_PLANE = frozenset(("discovery", "galley", "citadel", "sidecar-injector-webhook"))

#: The minor version in the tag of an image.
_TAG = re.compile(r":v?1\.(\d{1,2})(?:[.-]|$)")

#: Kinds without a pod template, whatever their fields are called.
_NO_PODS = frozenset(("ConfigMap", "CustomResourceDefinition", "Service", "ClusterRole", "ClusterRoleBinding"))


def pod_spec(found: Object) -> dict[str, Any]:
    """Return the spec of a workload's pod template, or of a pod; an empty mapping for anything else."""
    if found.kind in _NO_PODS:
        return {}
    spec = dig(found.data, "spec", "template", "spec") if found.kind != "Pod" else found.data.get("spec")
    if found.kind == "CronJob":
        spec = dig(found.data, "spec", "jobTemplate", "spec", "template", "spec")
    return spec if isinstance(spec, dict) else {}


def containers(found: Object) -> list[dict[str, Any]]:
    """Return the containers of a workload, init containers included."""
    spec = pod_spec(found)
    return mappings(spec, "initContainers") + mappings(spec, "containers")


def env_value(container: dict[str, Any], name: str) -> str | None:
    """Return the value of an environment variable; None where it is absent."""
    for item in mappings(container, "env"):
        if item.get("name") == name:
            return text_of(item.get("value"))
    return None


def flag_value(container: dict[str, Any], name: str) -> str | None:
    """Return the value of a flag in `command` or `args` (`--flag=value`, `--flag value`); None where it is absent.

    Of a flag that is given more than once, the last one counts.
    """
    found = None
    words = [text_of(item) for key in ("command", "args") for item in listed(container, key)]
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            found = word[len(name) + 1 :]
        elif word == name and index + 1 < len(words):
            found = words[index + 1]
    return found


def is_control_plane(found: Object) -> bool:
    """Return whether an object is a workload of a control plane."""
    return any(text_of(container.get("name")) in CONTROL_PLANE for container in containers(found))


def minor_version(workload: Object, container: dict[str, object]) -> tuple[int, int]:
    """Return (1, minor) of a control plane from its image or the label of its chart; (0, 0) for neither."""
    chart = f":{workload.labels.get('app.kubernetes.io/version', '')}"
    for text in (text_of(container.get("image")), chart if chart != ":1.0.0" else ""):
        found = _TAG.search(text)
        if found:
            return 1, int(found[1])
    return 0, 0

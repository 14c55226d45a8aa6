"""Keep of a cluster's objects what checks ask for: a cluster may have ten thousand pods of a few workloads."""

from __future__ import annotations

import json
from typing import Any

from multimesh.check.objects import Object, dig, mappings
from multimesh.mesh.writes import CRL, ROOT

#: The container, and what of it and of its pod checks read.
_PROXY = "istio-proxy"
_PROXY_KEYS = ("name", "command", "args")
_PROXY_VARIABLES = ("PROXY_CONFIG", "CA_ADDR")
_POD_KEYS = ("serviceAccountName", "hostNetwork")
_ANNOTATIONS = ("istio.io/", "sidecar.istio.io/")


class Compactor:
    """Returns objects without what no check of a running mesh reads; equal objects share their values.

    Of Pods the names stay, and of their values those that tell the sidecar, its control plane and its volumes apart:
    all pods of a workload share one copy. Of ConfigMaps and Secrets certificates stay, but no private key; of those
    that control planes write, the version too, by which two reads show that one was written.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def __call__(self, item: Object) -> Object:
        """Return the object with as few values as possible."""
        if item.kind == "Pod":
            data = _pod(item.data)
        elif item.kind in ("ConfigMap", "Secret"):
            data = {"metadata": _metadata(item.data), "data": _certificates(item.data)}
        else:
            return item
        shared = self._known.setdefault(json.dumps(data, sort_keys=True), data)
        version = dig(item.data, "metadata", "resourceVersion")
        if version and item.kind == "ConfigMap" and item.name.startswith((ROOT, CRL)):
            shared = shared | {"metadata": shared["metadata"] | {"resourceVersion": version}}
        return item._replace(data=shared)


def _pod(data: dict[str, Any]) -> dict[str, Any]:
    spec = data.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    return {
        "metadata": _metadata(data),
        "spec": {
            **{key: spec[key] for key in _POD_KEYS if key in spec},
            "initContainers": [_container(one) for one in mappings(spec, "initContainers")],
            "containers": [_container(one) for one in mappings(spec, "containers")],
            "volumes": [one for one in mappings(spec, "volumes") if "configMap" in one or "projected" in one],
        },
        "status": {"phase": dig(data, "status", "phase")},
    }


def _container(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("name") != _PROXY:
        return {"name": data.get("name")}
    kept = {key: data[key] for key in _PROXY_KEYS if key in data}
    kept["env"] = [one for one in mappings(data, "env") if one.get("name") in _PROXY_VARIABLES]
    return kept


def _metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Return labels, annotations of Istio, and whether the object comes from a cluster, without its own uid."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return {}
    annotations = metadata.get("annotations")
    kept = {"labels": metadata.get("labels")}
    if isinstance(annotations, dict):
        kept["annotations"] = {key: one for key, one in annotations.items() if key.startswith(_ANNOTATIONS)}
    if isinstance(metadata.get("uid"), str):
        kept["uid"] = ""
    return kept


def _certificates(data: dict[str, Any]) -> dict[str, Any]:
    """Return the texts that are certificates or revocation lists by the names of their keys."""
    texts = data.get("data")
    if not isinstance(texts, dict):
        return {}
    return {key: one for key, one in texts.items() if str(key).endswith(("cert.pem", "crl.pem", "ca.crt"))}

"""Empty a cluster between two worlds, faster than its own controllers would.

The namespace controller waits five seconds before it empties a deleted namespace (kubernetes 1.35.4
pkg/controller/namespace/namespace_controller.go, namespaceDeletionGracePeriod), for the sake of clusters with several
API servers. There is only one here, so this module does at once what that controller does: it deletes what is in the
namespace, then removes its finalizer. Where it is late, it leaves the end to the controller: a controller that has
begun goes on emptying a namespace of this name when the next world has already made it anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from api import Api, Object, Refused, path, until

#: At once, and whatever belongs to it in its own time.
NOW = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}

#: How long after its deletion a namespace may be ended here: the controller's five seconds, less a margin.
BEFORE_THE_CONTROLLER = timedelta(seconds=3.5)


def wipe(api: Api, kept_namespaces: set[str]) -> None:
    """Delete everything except these namespaces and what Kubernetes itself has."""
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        api.call("DELETE", f"/apis/admissionregistration.k8s.io/v1/{kind}")
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        api.call("DELETE", path(kind))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        for obj in api.list(kind):
            if "kubernetes.io/bootstrapping" not in (obj["metadata"].get("labels") or {}):
                api.delete(kind, obj["metadata"]["name"])
    end_namespaces(api, {obj["metadata"]["name"] for obj in api.list("Namespace")} - kept_namespaces)
    # Only after the namespaces: if both are deleted together, resources of a namespace sometimes stay.
    until("CRDs may be deleted", lambda: _deletes_crds(api), 60)
    until("all CRDs are gone", lambda: not api.list("CustomResourceDefinition"), 60)


def _deletes_crds(api: Api) -> bool:
    """Try to delete all CRDs; the policy that forbids it is gone, but the API server notices that a moment later."""
    try:
        api.call("DELETE", path("CustomResourceDefinition"))
    except Refused as error:
        if error.code != 403:
            raise
        return False
    return True


def end_namespaces(api: Api, going: set[str]) -> None:
    """Delete namespaces with all that is in them, as the controller would, and wait until they are gone."""
    for name in going:
        api.delete("Namespace", name)
    for place in list(_namespaced(api)):
        group, _, plural = place.rpartition("/")
        for name in {obj["metadata"]["namespace"] for obj in api.items(place)} & going:
            api.call("DELETE", f"{group}/namespaces/{name}/{plural}", NOW)
    for name in going:
        _finalize(api, name)
    until("all namespaces are gone", lambda: not going & {n["metadata"]["name"] for n in api.list("Namespace")}, 60)


def _finalize(api: Api, name: str) -> None:
    """Remove the finalizer of a namespace, unless its controller may have begun to empty it."""
    found = api.get("Namespace", name)
    if found and _age(found["metadata"]["deletionTimestamp"]) < BEFORE_THE_CONTROLLER:
        found["spec"]["finalizers"] = []
        # The controller may be faster: the caller checks that the object is gone.
        with contextlib.suppress(Refused):
            api.call("PUT", path("Namespace", name=name) + "/finalize", found)


def _age(timestamp: str) -> timedelta:
    """Return how long ago a time of the API server was; it leaves out fractions of a second."""
    return datetime.now(timezone.utc) - datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S%z")


def _namespaced(api: Api) -> Iterator[str]:
    """Yield where each namespaced kind that can be deleted is served: in the preferred version, if that has the kind."""
    versions = ["/api/v1"]
    for group in api.call("GET", "/apis")["groups"]:
        # EnvoyFilters, for example, have no v1, which is the preferred version of their group.
        served = [group["preferredVersion"], *group["versions"]]
        versions += dict.fromkeys(f"/apis/{version['groupVersion']}" for version in served)
    seen = set()
    for version in versions:
        resources: list[Object] = (api.find(version) or {"resources": []})["resources"]
        for resource in resources:
            key = version.rpartition("/")[0], resource["name"]
            if resource["namespaced"] and "deletecollection" in resource["verbs"] and key not in seen:
                seen.add(key)
                yield f"{version}/{resource['name']}"

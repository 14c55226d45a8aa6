"""Serve Gateways of the Gateway API for the control planes that run as stand-ins, as istiod does.

A control plane serves a Gateway if

- it discovers the namespace: by `multimesh.dev/mesh`, as all values of these tests select; a stock one those without it;
- the class names its controller;
- the revision in the Gateway's label `istio.io/rev`, or else in that of its namespace, is its own or one of its tags;
  without a label it is the default revision: of the tag `default`, or of `istiod-default-validator` where there is no
  such tag (istio 1.30.3 pkg/revisions/tag_watcher.go, IsMine).

Then it applies Deployment, Service and ServiceAccount, and writes the status (deploymentcontroller.go, and
pilot/pkg/status/collections.go): the status only after a change of the Gateway itself or of a tag, or when it starts. It makes its GatewayClass whenever it is missing, and deletes nothing, ever: what was
made for a Gateway goes with its owner, by Kubernetes' garbage collector, which is here too.
"""

from __future__ import annotations

import contextlib
import threading
from typing import NamedTuple

from api import Api, Looker, Object, Refused, path, until
from standin import MUTATING, REVISION, VALIDATING, StandIn
from world import MESH, World

GROUP = "gateway.networking.k8s.io"
COLLECTION = f"/apis/{GROUP}/v1"
NAME, CLASS, MANAGED = f"{GROUP}/gateway-name", f"{GROUP}/gateway-class-name", "gateway.istio.io/managed"
TAG = "istio.io/tag"
MADE = ("Deployment", "Service", "ServiceAccount")
_CLASS_VARIABLE, _CONTROLLER_VARIABLE = (
    "PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME",
    "PILOT_GATEWAY_API_CONTROLLER_NAME",
)
_APPLY = "application/apply-patch+yaml"


def crds() -> list[Object]:
    """Return permissive CRDs of the Gateway API: only what a stand-in reads."""
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{kind.lower()}{'es' if kind.endswith('s') else 's'}.{GROUP}",
                "annotations": {
                    f"{GROUP}/bundle-version": "v1.5.1",
                    "api-approved.kubernetes.io": "unapproved, a model for tests",
                },
            },
            "spec": {
                "group": GROUP,
                "scope": scope,
                "names": {
                    "kind": kind,
                    "plural": f"{kind.lower()}{'es' if kind.endswith('s') else 's'}",
                    "singular": kind.lower(),
                },
                "versions": [
                    {
                        "name": version,
                        "served": True,
                        "storage": version == "v1",
                        "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                    for version in ("v1", "v1beta1")
                ],
            },
        }
        for kind, scope in (("GatewayClass", "Cluster"), ("Gateway", "Namespaced"), ("HTTPRoute", "Namespaced"))
    ]


def install(api: Api) -> None:
    """Create the CRDs, and wait until the kinds are served."""
    for crd in crds():
        api.create("CustomResourceDefinition", crd)
    for plural in ("gatewayclasses", "gateways", "httproutes"):
        until(f"{plural} are served", lambda plural=plural: _is_served(api, plural))


def _is_served(api: Api, plural: str) -> bool:
    try:
        return "items" in api.call("GET", f"{COLLECTION}/{plural}")
    except Refused as error:
        # Neither the path nor the storage of a new kind is there at once.
        if error.code not in (404, 429):
            raise
    return False


def with_class(istiod: str, mesh: str) -> str:
    """Add to a rendered istiod the variables that `multimesh values` writes since 1.22."""
    before = "          - name: PILOT_TRACE_SAMPLING\n"
    assert before in istiod
    named = {_CONTROLLER_VARIABLE: f"istio.io/gateway-controller-{mesh}", _CLASS_VARIABLE: f"istio-{mesh}"}
    lines = "".join(f"          - name: {name}\n            value: {value}\n" for name, value in named.items())
    return istiod.replace(before, lines + before)


def gateway(name: str, of: str, **labels: str) -> Object:
    """Return a Gateway of a class with one listener."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "labels": labels},
        "spec": {"gatewayClassName": of, "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
    }


def place(namespace: str, name: str = "") -> str:
    """Return the path of the Gateways of a namespace, or of one."""
    return f"{COLLECTION}/namespaces/{namespace}/gateways" + (f"/{name}" if name else "")


def observed(found: Object) -> set[int]:
    """Return the generations of a Gateway that its conditions are about."""
    return {one.get("observedGeneration", 0) for one in (found.get("status") or {}).get("conditions", ())}


def asks(deployment: Object) -> str:
    """Return where the proxies of a Gateway ask for certificates."""
    (proxy,) = deployment["spec"]["template"]["spec"]["containers"]
    return next(str(one["value"]) for one in proxy["env"] if one["name"] == "CA_ADDR")


class Server(NamedTuple):
    """One control plane, and what it serves: its mesh, its revision, its class and the controller of it."""

    plane: StandIn
    class_name: str
    controller: str

    @property
    def address(self) -> str:
        """Return where its proxies ask for certificates."""
        service = "istiod" if self.plane.revision == "default" else f"istiod-{self.plane.revision}"
        return f"{service}.{self.plane.namespace}.svc:15012"


class Collector(Looker):
    """Deletes what belongs to a Gateway that is gone, as the garbage collector does: the tests run none."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._api = world, world.api
        self._once = threading.Lock()

    def look(self) -> None:
        """Collect what has lost its Gateway."""
        with self._once:
            self._collect()

    def _collect(self) -> None:
        # What was made is listed first: of a Gateway that comes in between nothing is lost.
        there = [(kind, item["metadata"]) for kind in MADE for item in self._api.list(kind)]
        alive = {one["metadata"]["uid"] for one in self._api.items(f"{COLLECTION}/gateways")}
        for kind, meta in there:
            owners = [one["uid"] for one in meta.get("ownerReferences", ()) if one["kind"] == "Gateway"]
            if owners and not alive.intersection(owners):
                self._api.delete(kind, meta["name"], meta["namespace"])


class Gateways(Collector):
    """Serves Gateways for every control plane that runs as a stand-in in a world."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        #: What each control plane knew of a Gateway when it last looked at its status.
        self._known: dict[tuple[StandIn, str], tuple[object, ...]] = {}

    def look(self) -> None:
        """Let every control plane serve what is its own, once."""
        with self._once, contextlib.suppress(Refused):  # what it wants to write may be uninstalled meanwhile
            for server in self._servers():
                self._make_class(server)
            for found in self._api.items(f"{COLLECTION}/gateways"):
                for server in self._servers():
                    is_news = self._is_news(server, found)
                    if self._serves(server, found):
                        self._write(server, found, is_news)
            self._collect()

    def _servers(self) -> list[Server]:
        found = []
        for one in [one for ones in list(self._world.planes.values()) for one in ones]:
            assert isinstance(one, StandIn), "a real control plane serves Gateways itself"
            variables = {e["name"]: e.get("value", "") for e in one.template["spec"]["containers"][0].get("env", ())}
            name = variables.get(_CLASS_VARIABLE) or "istio"
            found.append(Server(one, name, variables.get(_CONTROLLER_VARIABLE) or "istio.io/gateway-controller"))
        return found

    def _make_class(self, server: Server) -> None:
        if not self._api.find(f"{COLLECTION}/gatewayclasses/{server.class_name}"):
            made = {
                "apiVersion": f"{GROUP}/v1",
                "kind": "GatewayClass",
                "metadata": {"name": server.class_name},
                "spec": {"controllerName": server.controller},
            }
            server.plane.writer.call("POST", f"{COLLECTION}/gatewayclasses", made)

    def _serves(self, server: Server, found: Object) -> bool:
        meta = found["metadata"]
        space = self._api.get("Namespace", meta["namespace"])
        of = self._api.find(f"{COLLECTION}/gatewayclasses/{found['spec']['gatewayClassName']}")
        labels = (space or {"metadata": {}})["metadata"].get("labels") or {}
        if (of or {"spec": {}})["spec"].get("controllerName") != server.controller or not self._sees(server, labels):
            return False
        own = meta.get("labels") or {}
        wanted = own[REVISION] if REVISION in own else labels.get(REVISION, "")
        tags = self._tags(server)
        return wanted in tags or (not wanted and ("default" in tags or self._is_default(server)))

    def _sees(self, server: Server, labels: dict[str, str]) -> bool:
        """Return whether a control plane discovers a namespace, by the selectors that its configuration has."""
        name = "istio" if server.plane.revision == "default" else f"istio-{server.plane.revision}"
        config = self._api.get("ConfigMap", name, server.plane.namespace)
        text = (config or {"data": {}})["data"].get("mesh", "")
        if "DoesNotExist" in text:
            return MESH not in labels
        return "discoverySelectors" not in text or f"{MESH}: {labels.get(MESH)}" in text

    def _tags(self, server: Server) -> set[str]:
        found = {server.plane.revision}
        for item in [*self._api.list(MUTATING), *self._api.list("Service", server.plane.namespace)]:
            labels = item["metadata"].get("labels") or {}
            if TAG in labels and labels.get(REVISION) == server.plane.revision:
                found.add(labels[TAG])
        return found

    def _is_default(self, server: Server) -> bool:
        validator = self._api.get(VALIDATING, "istiod-default-validator")
        if validator is None or self._api.get(MUTATING, "istio-revision-tag-default") is not None:
            return False
        return (validator["metadata"].get("labels") or {}).get(REVISION) == server.plane.revision

    def _is_news(self, server: Server, found: Object) -> bool:
        """Return whether a Gateway or a tag has changed, or the control plane has started: else no status is written.

        The label of its namespace is not looked at (istio 1.30.3 pilot/pkg/status/collections.go, RegisterStatus).
        """
        meta = found["metadata"]
        now = (meta["resourceVersion"], frozenset(self._tags(server)), self._is_default(server))
        before = self._known.get((server.plane, meta["uid"]))
        self._known[server.plane, meta["uid"]] = now
        return now != before

    def _write(self, server: Server, found: Object, is_news: bool) -> None:
        meta = found["metadata"]
        is_new = observed(found) != {meta["generation"]}
        name = f"{meta['name']}-{found['spec']['gatewayClassName']}"
        there = self._api.get("Deployment", name, meta["namespace"])
        # What it has written stays as it is until the Gateway, its class or its revision changes.
        if is_new or there is None or asks(there) != server.address:
            for item in self._made(server, found, name):
                where = path(item["kind"], meta["namespace"], name)
                manager = f"?fieldManager={server.controller}&force=true"
                server.plane.writer.call("PATCH", where + manager, item, _APPLY)
        if is_new and is_news:
            said = {
                "conditions": [
                    {
                        "type": "Programmed",
                        "status": "True",
                        "reason": "Programmed",
                        "message": "Resource programmed",
                        "observedGeneration": meta["generation"],
                        "lastTransitionTime": meta["creationTimestamp"],
                    }
                ]
            }
            where = f"{place(meta['namespace'], meta['name'])}/status"
            server.plane.writer.call("PATCH", where, {"status": said}, "application/merge-patch+json")

    def _made(self, server: Server, found: Object, name: str) -> list[Object]:
        meta = found["metadata"]
        managed = server.controller.replace("/", "-")
        labels = {NAME: meta["name"], CLASS: found["spec"]["gatewayClassName"], MANAGED: managed}
        owner = {"apiVersion": f"{GROUP}/v1", "kind": "Gateway", "name": meta["name"], "uid": meta["uid"]}
        metadata = {"name": name, "namespace": meta["namespace"], "labels": labels, "ownerReferences": [owner]}
        proxy = {"name": "istio-proxy", "image": "proxyv2", "env": [{"name": "CA_ADDR", "value": server.address}]}
        pods = {"metadata": {"labels": labels | {"sidecar.istio.io/inject": "false"}}, "spec": {"containers": [proxy]}}
        selector = {NAME: meta["name"]}
        ports = [{"name": one["name"], "port": one["port"]} for one in found["spec"]["listeners"]]
        return [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {"selector": {"matchLabels": selector}, "template": pods},
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"type": "LoadBalancer", "selector": selector, "ports": ports},
            },
        ]

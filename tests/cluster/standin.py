"""Stand-ins for Istio's control planes, as far as a cluster sees them: their webhooks.

A stand-in takes the place of one Deployment as it was installed: its namespace, its flags, its environment. It serves
TLS on the Services that select its pods, with its mesh's authority, and does what the real one does:

- istiod from 1.9 on writes its root into every entry that ends in `sidecar-injector.istio.io` of every mutating
  configuration whose label `istio.io/rev` is its REVISION, and into all entries of every validating one;
- galley of 1.5 into all entries of the configuration that `--webhook-name` names, the injector of 1.5 into the entry
  `--webhookName` of the configuration `--webhookConfigName`;
- a validator turns to `failurePolicy: Fail` once an invalid Gateway in the control plane's own namespace is denied;
- pods get a sidecar with its mesh and revision, as by the templates of the real one; an existing one is replaced; they
  mount the root under the name that the injector's own template and values say;
- it writes its root and its revocation list into namespaces while it holds the lock for that (namespaces.py);
- a VirtualService without routes and a Gateway without servers are denied (istio 1.5.0 to 1.30.3
  pkg/config/validation/validation.go; one without hosts is a delegate from 1.6 on, and valid).
"""

from __future__ import annotations

import base64
import contextlib
import copy
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from api import Api, Object, Refused, path, until
from namespaces import ROOT, NamespaceController
from pki import Authority

INJECTOR = "sidecar-injector.istio.io"
REVISION = "istio.io/rev"
INJECT = "sidecar.istio.io/inject"
STATUS = "sidecar.istio.io/status"
#: The volume of a pod with the root (istio 1.30.3 manifests/charts/istio-control/istio-discovery/files/
#: injection-template.yaml).
ROOT_VOLUME = "istiod-ca-cert"
MUTATING = "MutatingWebhookConfiguration"
VALIDATING = "ValidatingWebhookConfiguration"
GALLEY, INJECTOR_1_5, ISTIOD = "galley", "sidecar-injector-webhook", "discovery"
PROGRAMS = {GALLEY: "galley", INJECTOR_1_5: "sidecar-injector", ISTIOD: "pilot-discovery"}
INVALID = {"apiVersion": "networking.istio.io/v1alpha3", "kind": "Gateway", "spec": {}}


class Review(NamedTuple):
    """One AdmissionReview that was received."""

    path: str
    kind: str
    namespace: str
    name: str
    dry_run: bool
    allowed: bool


class Write(NamedTuple):
    """One configuration that was written: its kind and name, and the reason."""

    kind: str
    name: str
    what: str


class Plane:
    """What runs for one Deployment of a control plane: a stand-in, or the real one (istiod.py)."""

    #: Every AdmissionReview that was received, and every configuration that was written.
    reviews: list[Review]
    writes: list[Write]

    def __init__(self, api: Api, mesh: str, deployment: Object) -> None:
        meta, pod = deployment["metadata"], deployment["spec"]["template"]
        self.api, self.mesh, self.template = api, mesh, pod
        self.name, self.namespace = meta["name"], meta["namespace"]
        container = pod["spec"]["containers"][0]
        self.part = container["name"]
        self.flags = flags(container)
        self.revision = next((e.get("value", "") for e in container.get("env", ()) if e["name"] == "REVISION"), "")

    @property
    def bundle(self) -> str:
        """The root as in a `caBundle`."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """Mesh and revision: whose sidecar it is, and who denied."""
        return f"{self.mesh}/{self.revision}" if self.revision else self.mesh

    def start(self) -> None:
        """Listen on the Services, and start to write."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop as a crashed control plane does: what it has written stays."""
        raise NotImplementedError

    def expect(self, name: str) -> None:
        """Remember the name of the object that a test creates next."""

    def services(self) -> list[Object]:
        """Return the Services that select it and have port 443, which the API server calls."""
        found = [
            service
            for service in self.api.list("Service", self.namespace)
            if (service["spec"].get("selector") or {}).items() <= self.template["metadata"]["labels"].items()
            and any(port["port"] == 443 for port in service["spec"]["ports"])
        ]
        assert found, f"no Service with port 443 selects the pods of {self.namespace}/{self.name}"
        return found

    def has_written(self) -> bool:
        """Return whether it finds entries, and each of them has its root."""
        mine, bundle = self._entries(), self.bundle
        return bool(mine) and all(entry["clientConfig"].get("caBundle") == bundle for entry in mine)

    def is_settled(self) -> bool:
        """Return whether it has written its root, and every validator refuses by default."""
        return self.has_written() and all(entry["failurePolicy"] == "Fail" for entry in self._entries())

    def _entries(self) -> list[Object]:
        return [
            entry
            for kind in (MUTATING, VALIDATING)
            for config in self.api.list(kind)
            for entry in self._mine(kind, config)
        ]

    def _mine(self, kind: str, config: Object) -> list[Object]:
        """Return the entries of a configuration that the real control plane would find."""
        meta, entries = config["metadata"], config.get("webhooks") or []
        if self.part == INJECTOR_1_5:
            wanted = (
                self.flags.get("webhookConfigName", "istio-sidecar-injector"),
                self.flags.get("webhookName", INJECTOR),
            )
            return [e for e in entries if kind == MUTATING and (meta["name"], e["name"]) == wanted]
        if self.part == GALLEY:
            wanted_name = self.flags.get("webhook-name", "istio-galley")
            return entries if (kind, meta["name"]) == (VALIDATING, wanted_name) else []
        if (meta.get("labels") or {}).get(REVISION) != self.revision:
            return []
        return entries if kind == VALIDATING else [e for e in entries if e["name"].endswith(INJECTOR)]


class StandIn(Plane):
    """A stand-in for one Deployment of a control plane."""

    def __init__(
        self, api: Api, mesh: str, deployment: Object, authority: Authority, folder: Path, writer: Api | None = None
    ) -> None:
        super().__init__(api, mesh, deployment)
        #: The client that it writes with: of its ServiceAccount, or of the user who runs the tests.
        self.writer = writer or api
        self.authority = authority
        self.reviews, self.writes, self.conflicts = [], [], 0
        self._folder = folder
        self._namespaces = NamespaceController(api, self.writer, deployment, self.revision, authority.pem)
        self._servers: list[_Server] = []
        self._threads: list[threading.Thread] = []
        self._ends = threading.Event()

    @property
    def bundle(self) -> str:
        """The root as in a `caBundle`."""
        return base64.b64encode(self.authority.pem).decode()

    def start(self) -> None:
        """Listen on the Services, and start to write."""
        for service in self.services():
            self._serve(service)
        self._thread(self._reconcile)
        if self.part == ISTIOD:
            self._thread(self._distribute)

    def fight(self) -> None:
        """Only write, and serve nothing: a second control plane that treats the webhooks of the first as its own."""
        self._thread(self._reconcile)

    def stop(self) -> None:
        """Stop: what it has written stays, and it gives up its lock, as a pod does that is deleted."""
        self._ends.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
            server.hang_up()
        for thread in self._threads:
            thread.join()
        self._servers.clear()
        if self.part == ISTIOD:
            self._namespaces.give_up()

    def is_settled(self) -> bool:
        """Return whether it has written its root into webhooks and namespaces, and every validator refuses by default."""
        return super().is_settled() and (self.part != ISTIOD or self._namespaces.is_done())

    def _serve(self, service: Object) -> None:
        name, address = service["metadata"]["name"], service["spec"]["clusterIP"]
        try:
            server = _Server((address, 443), _handler(self._answer))
        except PermissionError as error:
            raise AssertionError(
                f"cannot listen on {address}:443: run as root, or set sysctl net.ipv4.ip_unprivileged_port_start=443"
            ) from error
        names = (f"{name}.{self.namespace}.svc", f"{name}.{self.namespace}.svc.cluster.local", address)
        context = self.authority.context(self._folder, f"{self.namespace}-{name}", *names)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._servers.append(server)
        self._thread(lambda: server.serve_forever(poll_interval=0.05))

    def _thread(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)

    # --- what it writes ---------------------------------------------------------------------------

    def _reconcile(self) -> None:
        while not self._ends.is_set():
            try:
                for kind in (MUTATING, VALIDATING):
                    for config in self.api.peek(kind):
                        self._patch(kind, config)
            except Refused as error:
                # Its role may be uninstalled before it ends.
                if error.code not in (401, 403):
                    raise
            self._ends.wait(0.1)

    def _distribute(self) -> None:
        while not self._ends.is_set():
            self._namespaces.look()
            self._ends.wait(0.2)

    def _patch(self, kind: str, config: Object) -> None:
        wanted = copy.deepcopy(config)
        what = []
        for entry in self._mine(kind, wanted):
            if entry["clientConfig"].get("caBundle") != self.bundle:
                entry["clientConfig"]["caBundle"] = self.bundle
                what.append("caBundle")
        if not what and kind == VALIDATING:
            late = [entry for entry in self._mine(kind, wanted) if entry["failurePolicy"] != "Fail"]
            if late and self._denies_what_is_invalid():
                for entry in late:
                    entry["failurePolicy"] = "Fail"
                    what.append("failurePolicy")
        if what:
            try:
                # The real one writes with the name of its program as field manager, which Helm 4 checks.
                place = path(kind, name=config["metadata"]["name"]) + f"?fieldManager={PROGRAMS[self.part]}"
                if self.part == INJECTOR_1_5:
                    # It has the right to patch and not to update, istiod the right to update (its ClusterRoles).
                    patch = {"metadata": {"resourceVersion": config["metadata"]["resourceVersion"]}}
                    patch["webhooks"] = wanted["webhooks"]
                    self.writer.call("PATCH", place, patch, "application/merge-patch+json")
                else:
                    self.writer.call("PUT", place, wanted)
            except Refused as error:
                if error.code not in (404, 409):
                    raise
                self.conflicts += 1
            else:
                self.writes.append(Write(kind, config["metadata"]["name"], ", ".join(sorted(set(what)))))

    def _denies_what_is_invalid(self) -> bool:
        labels = {REVISION: self.revision} if self.revision else {}
        obj = INVALID | {"metadata": {"name": "invalid-gateway", "namespace": self.namespace, "labels": labels}}
        try:
            self.api.create("Gateway", obj, self.namespace, dry_run=True)
        except Refused as error:
            return "denied the request" in error.message
        return False

    # --- what it answers --------------------------------------------------------------------------

    def _answer(self, path: str, review: Object) -> Object:
        request = review["request"]
        obj = request["object"]
        name = request.get("name") or obj["metadata"].get("name", "")
        fault = "" if "inject" in path else _fault(obj)
        kind, namespace = request["kind"]["kind"], request.get("namespace", "")
        self.reviews.append(Review(path, kind, namespace, name, bool(request.get("dryRun")), not fault))
        # The audit log puts the name of the entry that asked before the key.
        response: Object = {"uid": request["uid"], "allowed": True, "auditAnnotations": {"answered-by": self.identity}}
        if "inject" in path:
            patch = self._sidecar(obj)
            if patch:
                response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        if fault:
            response |= {"allowed": False, "status": {"code": 400, "message": fault}}
        return {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}

    def _sidecar(self, pod: Object) -> list[Object]:
        """Return the patch that adds the sidecar, shaped like that of the templates of 1.16 and later, or of 1.5."""
        meta = pod["metadata"]
        labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
        if "false" in (labels.get(INJECT), annotations.get(INJECT)):
            return []
        spec = copy.deepcopy(pod["spec"])
        _put(spec, "containers", self._proxy())
        _put(spec, "initContainers", {"name": "istio-init", "image": "proxyv2"})
        if self.revision:
            audience = {
                "serviceAccountToken": {"audience": "istio-ca", "path": "istio-token", "expirationSeconds": 43200}
            }
            _put(spec, "volumes", {"name": "istio-token", "projected": {"sources": [audience]}})
            _put(spec, "volumes", {"name": ROOT_VOLUME, "configMap": {"name": self._mounted_root()}})
            annotations = annotations | {REVISION: self.revision}
        annotations = annotations | {
            STATUS: json.dumps({"revision": self.revision} if self.revision else {"version": "1"})
        }
        if not self.revision:
            labels = labels | {"security.istio.io/tlsMode": "istio"}
        return [
            {"op": "add", "path": "/metadata/annotations", "value": annotations},
            {"op": "add", "path": "/metadata/labels", "value": labels},
            {"op": "add", "path": "/spec", "value": spec},
        ]

    def _mounted_root(self) -> str:
        """Return the ConfigMap that the template of its injector names: a constant, or a value from 1.27 on."""
        name = "istio-sidecar-injector" + (f"-{self.revision}" if self.revision != "default" else "")
        found = self.api.get("ConfigMap", name, self.namespace)
        assert found, f"no ConfigMap/{self.namespace}/{name}"
        named = json.loads(found["data"]["values"])["global"].get("trustBundleName")
        return (".Values.global.trustBundleName | default" in found["data"]["config"] and named) or ROOT

    def _proxy(self) -> Object:
        proxy: Object = {"name": "istio-proxy", "image": "proxyv2"}
        if self.revision:
            service = "istiod" if self.revision == "default" else f"istiod-{self.revision}"
            address = f"{service}.{self.namespace}.svc:15012"
            proxy["env"] = [
                {"name": "CA_ADDR", "value": address},
                {"name": "PROXY_CONFIG", "value": json.dumps({"discoveryAddress": address})},
                {"name": "ISTIO_META_MESH_ID", "value": "cluster.local"},
                {"name": "TRUST_DOMAIN", "value": "cluster.local"},
            ]
        else:
            pilot = f"istio-pilot.{self.namespace}:15010"
            proxy["args"] = [
                "proxy",
                "sidecar",
                "--discoveryAddress",
                pilot,
                "--zipkinAddress",
                f"zipkin.{self.namespace}:9411",
            ]
        return proxy


def whose(pod: Object) -> list[str]:
    """Name the mesh, or mesh and revision, of every sidecar of a pod: of the control plane that it would call."""
    revision = json.loads((pod["metadata"].get("annotations") or {}).get(STATUS, "{}")).get("revision")
    found = []
    for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
        if container["name"] == "istio-proxy":
            values = {variable["name"]: variable.get("value") for variable in container.get("env") or ()}
            words = ["", *container.get("args", ())]
            address = values.get("CA_ADDR") or words[words.index("--discoveryAddress") + 1]
            mesh = address.partition(":")[0].split(".")[1].removeprefix("istio-")
            found.append(f"{mesh}/{revision}" if revision else mesh)
    return found


def _put(spec: Object, key: str, item: Object) -> None:
    """Put an item into a list, and replace one of the same name."""
    spec[key] = [one for one in spec.get(key) or () if one["name"] != item["name"]] + [item]


def _fault(obj: Object) -> str:
    spec = obj.get("spec") or {}
    if obj["kind"] == "VirtualService" and not spec.keys() & {"http", "tcp", "tls"}:
        return "http, tcp or tls must be provided in virtual service"
    if obj["kind"] == "Gateway" and not spec.get("servers"):
        return "gateway must have at least one server"
    return ""


def flags(container: Object) -> dict[str, str]:
    """Return the flags of a container that have a value."""
    words = [*container.get("command", ()), *container.get("args", ())]
    return {name.lstrip("-"): value for name, found, value in (word.partition("=") for word in words) if found}


class _Server(http.server.ThreadingHTTPServer):
    """A server that closes its connections when it stops: else the API server would keep using them."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that do not trust the certificate and close the connection during the handshake."""


def _handler(answer: Callable[[str, Object], Object]) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """Answer one connection; the API server keeps it open."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = json.dumps(answer(self.path.partition("?")[0], review)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            """Log nothing."""

    return Handler


def is_control_plane(deployment: Object) -> bool:
    """Return whether a Deployment needs a stand-in."""
    part = deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    return part in (GALLEY, INJECTOR_1_5) or (part == ISTIOD and deployment["metadata"]["name"].startswith("istiod"))


def deployments(api: Api, namespace: str) -> Iterator[Object]:
    """Yield the Deployments of a control-plane namespace that need a stand-in."""
    return filter(is_control_plane, api.list("Deployment", namespace))


def settle(standins: list[StandIn], seconds: float = 60) -> None:
    """Wait until every stand-in has written what it has to write."""
    for one in standins:
        until(f"{one.namespace}/{one.name} has written its root, and validates", one.is_settled, seconds)

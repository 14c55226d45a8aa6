"""A client of an API server, and a function that waits for what the server does asynchronously."""

from __future__ import annotations

import copy
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Object = dict[str, Any]
T = TypeVar("T")

#: Where the kinds that the tests create, read or delete are served.
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/pods",
    "Service": "/api/v1/services",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "ConfigMap": "/api/v1/configmaps",
    "Secret": "/api/v1/secrets",
    "Lease": "/apis/coordination.k8s.io/v1/leases",
    "Deployment": "/apis/apps/v1/deployments",
    "Job": "/apis/batch/v1/jobs",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/horizontalpodautoscalers",
    "PodDisruptionBudget": "/apis/policy/v1/poddisruptionbudgets",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "VirtualService": "/apis/networking.istio.io/v1alpha3/virtualservices",
    "Gateway": "/apis/networking.istio.io/v1alpha3/gateways",
    "Sidecar": "/apis/networking.istio.io/v1alpha3/sidecars",
}


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """Return the path of a collection or of one object."""
    head, _, plural = PATHS[kind].rpartition("/")
    place = f"{head}/namespaces/{namespace}/{plural}" if namespace else PATHS[kind]
    return f"{place}/{name}" if name else place


def until(what: str, probe: Callable[[], T], seconds: float = 60, so: Callable[[T], bool] = bool) -> T:
    """Ask until the answer is the expected one, and return it; fail with the last answer at the deadline.

    The tests wait in no other way.
    """
    deadline = time.monotonic() + seconds
    while not so(answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s still not so: {what}; the last answer: {answer!r}")
        time.sleep(0.05)
    return answer


class Refused(Exception):
    """The API server refused a request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Looker:
    """Calls `look`, which a subclass defines, repeatedly in a thread of its own until it is stopped."""

    def __init__(self) -> None:
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._ends.set()
        self._thread.join()

    def look(self) -> None:
        """Look once."""
        raise NotImplementedError

    def _run(self) -> None:
        while not self._ends.wait(0.2):
            self.look()


class Api:
    """A client with one token. Every thread has its own connection."""

    def __init__(self, port: int, root: Path, token: str) -> None:
        self.port = port
        self._context = ssl.create_default_context(cafile=str(root))
        self._token = token
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def as_account(self, name: str, namespace: str) -> Api:
        """Return a client with a token of a ServiceAccount."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": None}}
        found = self.call("POST", f"{path('ServiceAccount', namespace, name)}/token", request)
        client = copy.copy(self)
        client._token, client._local = found["status"]["token"], threading.local()  # this client closes its connections
        return client

    def call(self, method: str, path: str, body: object = None, content: str = "application/json") -> Object:
        """Return the answer as an object. Raises Refused."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content}
        text = None if body is None else json.dumps(body).encode()
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request(method, path, text, headers)
                answer = connection.getresponse()
                content_type, data = answer.headers.get_content_type(), answer.read()
                break
            except (OSError, http.client.HTTPException):
                # The server closes connections that were idle; the next one is new.
                connection.close()
                if last:
                    raise
        found = json.loads(data) if content_type == "application/json" else {"message": data.decode()}
        if answer.status >= 300:
            raise Refused(answer.status, found.get("message", ""))
        return found

    def _connection(self) -> http.client.HTTPSConnection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._context)
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open:
            connection.close()

    def list(self, kind: str, namespace: str = "") -> list[Object]:
        """List the objects of a kind; none where the kind is not served."""
        return self.items(path(kind, namespace))

    def peek(self, kind: str, namespace: str = "") -> list[Object]:
        """List objects from the cache of the API server, which costs little: for callers that ask repeatedly."""
        return (self.find(path(kind, namespace) + "?resourceVersion=0") or {"items": []})["items"]

    def items(self, path: str) -> list[Object]:
        """List what is at the path of a collection; nothing where there is none."""
        return until(f"{path} can be listed", lambda: self._list(path))["items"]

    def _list(self, path: str) -> Object | None:
        try:
            return self.find(path) or {"items": []}
        except Refused as error:
            # A CRD that was written gets new storage, and takes a moment.
            if error.code == 429:
                return None
            raise

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None."""
        return self.find(path(kind, namespace, name))

    def find(self, path: str) -> Object | None:
        """Return what is at a path, or None."""
        try:
            return self.call("GET", path)
        except Refused as error:
            if error.code == 404:
                return None
            raise

    def create(self, kind: str, obj: Object, namespace: str = "", *, dry_run: bool = False) -> Object:
        """Create one object, or only try to. Raises Refused."""
        return self.call("POST", path(kind, namespace) + "?dryRun=All" * dry_run, obj)

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete one object at once; an object that does not exist is no error."""
        try:
            options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
            self.call("DELETE", path(kind, namespace, name), options)
        except Refused as error:
            if error.code != 404:
                raise

"""What an istiod writes into namespaces, by its version: the root and the revocation list, once it holds a lock for it.

- The lock is one for each namespace of control planes, not for each revision (lock.py): of several revisions one writes
  the root for all of them, under the name that it knows itself.
- That name is `istio-ca-root-cert`; from 1.27 on it is in the variable PILOT_CA_CERT_CONFIGMAP, if there is one.
- Up to 1.15 it writes into every namespace; up to 1.21 into those that its discovery selectors select if
  ENABLE_ENHANCED_RESOURCE_SCOPING is on; later always into those (istio 1.14.6, 1.20.8, 1.30.3
  pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go and multicluster.go). It removes nothing.
- From 1.27 on it writes the revocation list beside it, to `istio-ca-crl`, and from 1.29 on to what PILOT_CRL_CONFIGMAP
  names: `ca-crl.pem` of the Secret `cacerts`, and where that has none an empty one (1.27.0, 1.30.3 and
  1.31.0-rc.0 namespacecontroller.go, and pilot/pkg/bootstrap/istio_ca.go).
- Without an authority of its own it neither writes nor asks for the lock (1.30.3 pilot/pkg/bootstrap/server.go).
"""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

import yaml
from api import Api, Object, Refused, path
from lock import PREFERS_DEFAULT, Lock

ROOT, DATA = "istio-ca-root-cert", "root-cert.pem"
CRL, CRL_DATA = "istio-ca-crl", "ca-crl.pem"
#: The Secret with an authority that was made elsewhere.
CACERTS = "cacerts"
ELECTION = "istio-namespace-controller-election"
#: Namespaces that get no root (1.30.3 pkg/kube/inject/initializer.go, without kube-system).
IGNORED = {"kube-public", "kube-node-lease", "local-path-storage"}


class Behaviour(NamedTuple):
    """What the version and the variables of an istiod decide."""

    writes: bool
    name: str
    crl: str  # empty for a version that has no such ConfigMap
    filters: bool
    prefers_default: bool


def behaviour(container: Object) -> Behaviour:
    """Read it from the container; a tag that says no version is taken for a newer one than all."""
    found = re.search(r":(\d+)\.(\d+)\.\d+", container["image"])
    version = (int(found[1]), int(found[2])) if found else (99, 0)
    env = {one["name"]: one.get("value", "") for one in container.get("env", ())}
    named = env.get("PILOT_CA_CERT_CONFIGMAP", "") if version >= (1, 27) else ""
    listed = (env.get("PILOT_CRL_CONFIGMAP", "") if version >= (1, 29) else "") or CRL if version >= (1, 27) else ""
    is_scoped = version >= (1, 16) and env.get("ENABLE_ENHANCED_RESOURCE_SCOPING", "") == "true"
    has_authority = env.get("ENABLE_CA_SERVER", "true") != "false" and env.get("PILOT_CERT_PROVIDER") != "kubernetes"
    return Behaviour(has_authority, named or ROOT, listed, is_scoped or version >= (1, 22), version >= PREFERS_DEFAULT)


def selects(selectors: list[Object], labels: dict[str, str]) -> bool:
    """Return whether one of the selectors selects a namespace with these labels; no selectors select every one."""
    return not selectors or any(_matches(selector, labels) for selector in selectors)


def _matches(selector: Object, labels: dict[str, str]) -> bool:
    tests = {
        "In": lambda value, wanted: value in wanted,
        "NotIn": lambda value, wanted: value not in wanted,
        "Exists": lambda value, _: value is not None,
        "DoesNotExist": lambda value, _: value is None,
    }
    return (selector.get("matchLabels") or {}).items() <= labels.items() and all(
        tests[one["operator"]](labels.get(one["key"]), one.get("values"))
        for one in selector.get("matchExpressions") or ()
    )


class Content(NamedTuple):
    """What a ConfigMap in each namespace has to contain."""

    name: str
    key: str
    text: str


class NamespaceController:
    """The part of one istiod that writes its root and its revocation list into namespaces."""

    def __init__(self, api: Api, writer: Api, deployment: Object, revision: str, pem: bytes) -> None:
        self._api, self._writer = api, writer
        self._namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
        self._does = behaviour(deployment["spec"]["template"]["spec"]["containers"][0])
        self._config = "istio" if revision in ("", "default") else f"istio-{revision}"
        self._lock = Lock(api, writer, self._namespace, ELECTION, name, revision or "default")
        self._contents = [Content(self._does.name, DATA, pem.decode())]
        if self._does.crl:
            self._contents.append(Content(self._does.crl, CRL_DATA, self._revocation_list()))
        #: The mesh configuration that was read last: its version, and its selectors.
        self._read: tuple[str, list[Object]] = ("", [])

    def look(self) -> None:
        """Write what is absent or differs, if it holds the lock."""
        if self._does.writes and self._lock.take(prefers_default=self._does.prefers_default):
            for namespace, content in self._lacking():
                self._write(namespace, content)

    def is_done(self) -> bool:
        """Return whether somebody holds the lock, and nothing is absent from a namespace that it selects."""
        return not self._does.writes or (bool(self._lock.holder()) and not self._lacking())

    def give_up(self) -> None:
        """Give up the lock; what it has written stays."""
        self._lock.give_up()

    def _revocation_list(self) -> str:
        """Return the list of the Secret that is mounted when it starts."""
        found = self._api.get("Secret", CACERTS, self._namespace) or {"data": {}}
        return base64.b64decode(found["data"].get(CRL_DATA, "")).decode()

    def _lacking(self) -> list[tuple[str, Content]]:
        """Return the namespaces without a ConfigMap that this istiod writes, and what it has to contain."""
        selectors = self._selectors() if self._does.filters else []
        selected = [
            space["metadata"]["name"]
            for space in self._api.peek("Namespace")
            if space["metadata"]["name"] not in IGNORED
            and space["status"].get("phase") != "Terminating"
            and selects(selectors, space["metadata"].get("labels") or {})
        ]
        found = []
        for content in self._contents:
            there = self._texts(content)
            found += [(name, content) for name in selected if there.get(name) != content.text]
        return found

    def _texts(self, content: Content) -> dict[str, str]:
        """Return what a ConfigMap contains in each namespace that has it."""
        place = path("ConfigMap") + f"?fieldSelector=metadata.name={content.name}&resourceVersion=0"
        items = (self._api.find(place) or {"items": []})["items"]
        return {one["metadata"]["namespace"]: (one.get("data") or {}).get(content.key) for one in items}

    def _selectors(self) -> list[Object]:
        found = self._api.get("ConfigMap", self._config, self._namespace)
        if found is not None and found["metadata"]["resourceVersion"] != self._read[0]:
            mesh = yaml.safe_load(found["data"]["mesh"]) or {}
            self._read = (found["metadata"]["resourceVersion"], mesh.get("discoverySelectors") or [])
        return self._read[1]

    def _write(self, namespace: str, content: Content) -> None:
        labels = {"istio.io/config": "true"}
        obj = {"metadata": {"name": content.name, "labels": labels}, "data": {content.key: content.text}}
        try:
            try:
                self._writer.create("ConfigMap", obj, namespace)
            except Refused as error:
                if error.code != 409:
                    raise
                self._writer.call("PUT", path("ConfigMap", namespace, content.name), obj)
        except Refused as error:
            # Its rights may be uninstalled, the namespace deleted, and an admission policy may keep it out.
            if error.code not in (401, 403, 404) and "ValidatingAdmissionPolicy" not in error.message:
                raise

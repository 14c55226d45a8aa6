"""Write what the authority of a control plane keeps in Secrets.

- istiod keeps its own authority in the Secret `istio-ca-secret`, unless `cacerts` has one; namespaces.py writes its root.
- Citadel of 1.5 writes a Secret `istio.<ServiceAccount>` into every namespace of `--listened-namespaces`, or without the
  flag into all of them, over what another Citadel has written there.

Stand-ins do it once, when they start: `World.start`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from api import Api, Object, Refused, path
from namespaces import CACERTS
from standin import flags

AUTHORITY = "istio-ca-secret"
#: The type of the Secrets that Citadel writes (istio 1.5.0 security/pkg/k8s/controller/workloadsecret.go).
CITADEL = "istio.io/key-and-cert"


def publish(api: Api, writer: Api, namespace: str, pem: bytes) -> None:
    """Write everything for the control plane in a namespace: istiod as itself, Citadel as its own ServiceAccount."""
    citadel = next(_citadels(api, namespace), None)
    if citadel is not None:
        writer = api.as_account(citadel["spec"]["template"]["spec"]["serviceAccountName"], namespace)
    if not api.get("Secret", CACERTS, namespace):
        _put(
            writer, "Secret", AUTHORITY, namespace, {"ca-cert.pem": base64.b64encode(pem).decode()}, "istio.io/ca-root"
        )
    for space in listened(api, citadel) if citadel is not None else ():
        for account in api.list("ServiceAccount", space):
            name = f"istio.{account['metadata']['name']}"
            _put(writer, "Secret", name, space, {"root-cert.pem": base64.b64encode(pem).decode()}, CITADEL)


def listened(api: Api, citadel: Object) -> list[str]:
    """Return the names of the existing namespaces that a Citadel serves."""
    names = [space["metadata"]["name"] for space in api.list("Namespace")]
    wanted = flags(citadel["spec"]["template"]["spec"]["containers"][0]).get("listened-namespaces")
    return [name for name in names if wanted is None or name in wanted.split(",")]


def _citadels(api: Api, namespace: str) -> Iterator[Object]:
    for deployment in api.list("Deployment", namespace):
        if deployment["spec"]["template"]["spec"]["containers"][0]["name"] == "citadel":
            yield deployment


def _put(api: Api, kind: str, name: str, namespace: str, data: dict[str, str], secret_type: str = "") -> None:
    obj: Object = {"metadata": {"name": name}, "data": data} | ({"type": secret_type} if secret_type else {})
    try:
        api.create(kind, obj, namespace)
    except Refused as error:
        if error.code != 409:
            raise
        api.call("PUT", path(kind, namespace, name), obj)

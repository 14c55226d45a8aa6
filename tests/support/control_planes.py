"""Control planes as the charts make them of our values: a model of what `check` reads, for any version.

The charts themselves are not here. What of their values reaches the Deployment and the mesh configuration is:
`pilot.env`, `global.trustBundleName` (1.27 and later), `meshConfig`, and the values of the injector.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from finding_cases import Object, spaces, thing, webhook, workload
from meshes import spec

from multimesh.commands.values import values, version

Values = dict[str, Any]


def our_values(mesh: str, istio: str, *, oldest: str = "", ca: str = "istiod", **more: Any) -> Values:
    """Return what `multimesh values` writes for the chart istiod; `more` are keys of the profile."""
    lowest = version(oldest, "istiod") if oldest else None
    return yaml.safe_load(values(spec(mesh, **more), "istiod", version(istio, "istiod"), oldest=lowest, ca=ca))


def stock_values(mesh: str) -> Values:
    """Return the values without which there is no second mesh at all."""
    return {"revision": mesh, "global": {"istioNamespace": f"istio-{mesh}"}, "meshConfig": {}}


def changed(given: Values, **paths: Any) -> Values:
    """Return the values with others at some paths, written with `__` for a dot; None takes a value away."""
    found = copy.deepcopy(given)
    for path, value in paths.items():
        *parents, last = path.split("__")
        inner = found
        for key in parents:
            inner = inner.setdefault(key, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return found


def chart(mesh: str, istio: str, given: Values, *, image: bool = True) -> list[Object]:
    """Write the control plane of one mesh as the chart of a version does; without an image as one built from source."""
    minor = int(istio.split(".")[1])
    space, revision = f"istio-{mesh}", str(given["revision"])
    suffix = "" if revision == "default" else f"-{revision}"
    env = {"REVISION": revision, "PILOT_CERT_PROVIDER": "istiod"} | dict(given.get("pilot", {}).get("env", {}))
    if minor <= 21:
        env["JWT_POLICY"] = "third-party-jwt"
    if minor >= 27 and (name := given["global"].get("trustBundleName")):
        env["PILOT_CA_CERT_CONFIGMAP"] = name
    secrets = ["cacerts", *(["istiod-tls"] if minor >= 16 else [])]
    container = {
        "name": "discovery",
        "image": f"istio/pilot:{istio if istio.count('.') == 2 else f'{istio}.0'}" if image else "istio/pilot:latest",
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    volumes = [{"name": name, "secret": {"secretName": name}} for name in secrets]
    plane = workload(f"istiod{suffix}", space, container, volumes=volumes)
    config = thing("ConfigMap", f"istio{suffix}", space, data={"mesh": yaml.safe_dump(given["meshConfig"])})
    injector = thing(
        "ConfigMap", f"istio-sidecar-injector{suffix}", space, data={"values": json.dumps(_for_injector(given))}
    )
    hook = webhook(mesh, spaces("istio.io/rev", "In", revision), name=f"istio-sidecar-injector{suffix}-{space}")
    hook["metadata"]["labels"] = {"istio.io/rev": revision}
    if minor < 10:
        hook["apiVersion"] = "admissionregistration.k8s.io/v1beta1"
    label = {} if mesh == "system" else spaces("multimesh.dev/mesh", "In", mesh)
    validator = webhook(mesh, label, "Validating", name=f"istio-validator{suffix}-{space}")
    return [plane, config, injector, *([validator] if label else []), hook]


def _for_injector(given: Values) -> Values:
    pilot = {"cni": given.get("pilot", {}).get("cni", {})}
    return {"revision": given["revision"], "global": given["global"], "pilot": pilot}

"""Run a real istiod instead of a stand-in, with a `pilot-discovery` that the user of the tests provides.

`MULTIMESH_ISTIOD` names it, or several with `:` between them. The tag of the image decides which one a Deployment
gets: the nearest version, at most two minor versions away, as for upgrades of Istio. A binary that was built without a
version has that of its file name; without one it runs for every version. A test without a matching binary is skipped,
and says so. 1.5 and the example chart keep their stand-ins: they have no istiod.

It runs as a kubelet would run it, except for the network:

- with the arguments and the environment of the Deployment, and flags that let it listen on the address of its Service;
- in a directory of its own instead of the container's root, with the volumes in it: it reads `./etc/cacerts`,
  `./var/run/secrets/tokens` and the like (istio 1.30.3 pilot/pkg/bootstrap/istio_ca.go);
- as its own ServiceAccount: it may do what the installed roles allow.

Its metrics and its log show what it was asked, and the API server's audit log what it wrote.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from api import Object, path, until
from controlplane import ControlPlane, die_with_parent
from namespaces import CACERTS
from standin import MUTATING, VALIDATING, Plane, Review, Write

VARIABLE = "MULTIMESH_ISTIOD"
#: Its name in the image, whatever the file of the user is called: it is the field manager of what it writes
#: (istio 1.31 pkg/kube/util.go, IstioUserAgent).
PROGRAM = "pilot-discovery"
#: How many minor versions control plane and chart may be apart: Istio supports upgrades over two.
REACH = 2
#: The flags that say where it listens, and the ports of the stock Service, or of the container.
LISTENS = {
    "httpsAddr": 443,
    "httpAddr": 8080,
    "grpcAddr": 15010,
    "secureGRPCAddr": 15012,
    "monitoringAddr": 15014,
}
#: Counters of istiod: the kind that was reviewed, and whether it was let through (1.30.3 pkg/webhooks/validation/server/
#: monitoring.go and pkg/kube/inject/monitoring.go; the same in 1.16.7). Only VirtualServices are counted: istiod itself
#: tries a Gateway now and then.
COUNTERS = {
    "galley_validation_passed": ("VirtualService", True),
    "sidecar_injection_requests_total": ("Pod", True),
}
#: What its log says of a VirtualService without routes: denials of what is only tried are not counted from 1.24 on
#: (1.24.6 pkg/webhooks/validation/server/server.go).
DENIED = "configuration is invalid: http, tcp or tls must be provided in virtual service"
_SAMPLE = re.compile(r"(?m)^(\w+)(?:\{(.*)\})? ([0-9.e+]+)$")
_RESOURCES = {"mutatingwebhookconfigurations": MUTATING, "validatingwebhookconfigurations": VALIDATING}


# --- the binaries --------------------------------------------------------------------------------


class Version(NamedTuple):
    """The version of Istio."""

    major: int
    minor: int
    patch: int

    @classmethod
    def of(cls, text: str) -> Version | None:
        """Return the version that a text contains."""
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
        return cls(*map(int, found.groups())) if found else None


@functools.cache
def given() -> dict[Version | None, Path]:
    """Return the binaries that were given, by version. Raises AssertionError for one that does not run."""
    found: dict[Version | None, Path] = {}
    for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        try:
            said = subprocess.run([name, "version", "--short"], capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise AssertionError(f"{VARIABLE}: {name} does not run: {error}") from error
        found[Version.of(said.stdout) or Version.of(Path(name).name)] = Path(name).absolute()
    return found


def nearest(version: str, binaries: dict[Version | None, Path]) -> Path | None:
    """Return the binary for the charts of a version, if its version is near enough."""
    wanted = Version.of(version)
    assert wanted, f"no version: {version!r}"
    near = [one for one in binaries if one and one.major == wanted.major and abs(one.minor - wanted.minor) <= REACH]
    if not near:
        return binaries.get(None)
    return binaries[min(near, key=lambda one: (abs(one.minor - wanted.minor), abs(one.patch - wanted.patch)))]


def lacking(*versions: str) -> str:
    """Return why the charts of some versions cannot run with the given binaries; empty if they can."""
    missing = [version for version in versions if given() and not nearest(version, given())]
    return f"{VARIABLE} is {described()}, and nothing near {', '.join(missing)}" if missing else ""


def described() -> str:
    """Return what runs: the given versions, or stand-ins."""
    versions = [".".join(map(str, one)) if one else "of unknown version" for one in given()]
    return f"pilot-discovery {', '.join(versions)}" if versions else "stand-ins"


# --- what a Deployment says -------------------------------------------------------------------


def arguments(container: Object, kubeconfig: Path, address: str) -> list[str]:
    """Return the container's arguments, then those that stand for the network it is not in."""
    return [
        *container["args"],
        f"--kubeconfig={kubeconfig}",
        *(f"--{flag}={address}:{port}" for flag, port in LISTENS.items()),
        f"--ctrlz_address={address}",
    ]


def environment(deployment: Object, address: str) -> dict[str, str]:
    """Return the variables of the first container, each reference resolved as a kubelet would.

    The pod always has the same name, as one whose container is started again. A container without a limit has that of
    the machine.
    """
    meta, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    fields = {
        "metadata.name": f"{meta['name']}-0",
        "metadata.namespace": meta["namespace"],
        "spec.serviceAccountName": pod["serviceAccountName"],
        "spec.nodeName": "node",
        "status.podIP": address,
    }
    limits = {
        "limits.cpu": str(os.cpu_count()),
        "limits.memory": str(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    }
    assert not container.get("resources", {}).get("limits"), "the charts of the tests set no limits"
    found = {}
    for variable in container.get("env", ()):
        source = variable.get("valueFrom") or {}
        if "fieldRef" in source:
            found[variable["name"]] = fields[source["fieldRef"]["fieldPath"]]
        elif "resourceFieldRef" in source:
            found[variable["name"]] = limits[source["resourceFieldRef"]["resource"]]
        else:
            assert not source, f"no source of variables that the tests know: {source}"
            found[variable["name"]] = variable.get("value", "")
    return found


def mounts(pod: Object) -> Iterator[tuple[str, Object]]:
    """Yield the path of each volume of the first container, and the volume."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    for mount in pod["containers"][0].get("volumeMounts", ()):
        yield mount["mountPath"], volumes[mount["name"]]


def image_version(deployment: Object) -> str:
    """Return the tag of the image: the version, in the charts that the tests install."""
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]


# --- the process ------------------------------------------------------------------------------


class Istiod(Plane):
    """The real istiod of one Deployment."""

    def __init__(self, cluster: ControlPlane, mesh: str, deployment: Object, folder: Path) -> None:
        super().__init__(cluster.api, mesh, deployment)
        binary = nearest(image_version(deployment), given())
        assert binary, lacking(image_version(deployment))
        self._binary, self._cluster, self._deployment = binary, cluster, deployment
        self._account = self.template["spec"]["serviceAccountName"]
        self._root = folder / "istiod" / f"{self.namespace}-{self.name}"
        self._log = self._root / "istiod.log"
        self._address = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._reviews: list[Review] = []
        self._expected: dict[str, str] = {}
        self._counted: dict[tuple[str, bool], int] = {}
        self._since, self._before = 0, dict[tuple[str, str], Object]()
        self._once = threading.Lock()

    @property
    def bundle(self) -> str:
        """The root as in a `caBundle`: istiod signs its own certificate, with an authority that a Secret has.

        It is `cacerts` if that is mounted, and else the one that istiod makes.
        """
        for name, key in ((CACERTS, "root-cert.pem"), ("istio-ca-secret", "ca-cert.pem")):
            if secret := self.api.get("Secret", name, self.namespace):
                return str(secret["data"][key])
        return ""

    def start(self) -> None:
        """Run it, and wait until it says that it is ready."""
        (service,) = self.services()
        self._address = service["spec"]["clusterIP"]
        self._mount()
        kubeconfig = self._root / "kubeconfig"
        kubeconfig.write_text(self._kubeconfig(), encoding="utf-8")
        self.forget()
        words = arguments(self.template["spec"]["containers"][0], kubeconfig, self._address)
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *words], executable=self._binary, cwd=self._root,
                env=environment(self._deployment, self._address), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip
        until(f"{self.namespace}/{self.name} is ready", self._is_ready, 60)
        self._counted = self._count()

    def stop(self) -> None:
        """Stop as a crashed control plane does: what it has written stays."""
        # One that was uninstalled ends by itself, possibly at this moment.
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._flush()
        with self._once:
            process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def _is_ready(self) -> bool:
        assert self._process
        code = self._process.poll()
        assert code is None, f"{self._binary} ended with {code}\n{self.said()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self._get(LISTENS["httpAddr"], "/ready")[0] == 200
        return False

    def said(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def _get(self, port: int, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._address, port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    # --- what a kubelet brings --------------------------------------------------------------------

    def _kubeconfig(self) -> str:
        config = json.loads(self._cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": self._token()}
        return json.dumps(config)

    def _token(self, *audiences: str) -> str:
        """Ask for a token of its ServiceAccount; without an audience, for the API server."""
        spec = {"audiences": list(audiences), "expirationSeconds": 43200}
        place = path("ServiceAccount", self.namespace, self._account) + "/token"
        asked = self.api.call(
            "POST", place, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        )
        return str(asked["status"]["token"])

    def _mount(self) -> None:
        """Write the volumes below the root; one that is optional and absent is an empty directory."""
        self._root.mkdir(parents=True, exist_ok=True)
        for place, volume in mounts(self.template["spec"]):
            folder = self._root / place.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in self._files(volume):
                (folder / name).write_bytes(content)

    def _files(self, volume: Object) -> Iterator[tuple[str, bytes]]:
        if "projected" in volume:
            for source in volume["projected"]["sources"]:
                token = source["serviceAccountToken"]
                yield token["path"], self._token(token["audience"]).encode()
        elif "secret" in volume:
            found = self._found("Secret", volume["secret"]["secretName"], volume["secret"])
            yield from ((name, base64.b64decode(value)) for name, value in found.items())
        elif "configMap" in volume:
            found = self._found("ConfigMap", volume["configMap"]["name"], volume["configMap"])
            yield from ((name, value.encode()) for name, value in found.items())
        else:
            assert "emptyDir" in volume, f"no kind of volume that the tests know: {volume}"

    def _found(self, kind: str, name: str, source: Object) -> dict[str, str]:
        found = self.api.get(kind, name, self.namespace)
        assert found or source.get("optional"), f"no {kind}/{self.namespace}/{name}"
        return (found or {}).get("data") or {}

    # --- what it was asked ------------------------------------------------------------------------

    @property
    def reviews(self) -> list[Review]:
        """Every AdmissionReview so far, with the name of the object that a test was creating then."""
        self._flush()
        return self._reviews

    def expect(self, name: str) -> None:
        """Remember the name of the object that a test creates next: what is counted from now on belongs to it."""
        self._flush()
        self._expected["Pod" if name.startswith("pod-") else "VirtualService"] = name

    def _flush(self) -> None:
        """Return what was counted since the last call as reviews."""
        with self._once:
            if self._process is None or self._process.poll() is not None:
                return
            now = self._count()
            for (kind, allowed), count in now.items():
                for _ in range(count - self._counted.get((kind, allowed), 0)):
                    self._reviews.append(Review("", kind, "", self._expected.get(kind, ""), True, allowed))
            self._counted = now

    def _count(self) -> dict[tuple[str, bool], int]:
        status, text = self._get(LISTENS["monitoringAddr"], "/metrics")
        assert status == 200, f"{self.namespace}/{self.name} has no metrics: {text[:200]}"
        found = {("VirtualService", False): self._log.read_text(errors="replace").count(DENIED)}
        for name, labels, value in _SAMPLE.findall(text):
            if name in COUNTERS and (name.startswith("sidecar") or 'resource="virtualservices"' in labels):
                found[COUNTERS[name]] = found.get(COUNTERS[name], 0) + int(float(value))
        return found

    # --- what it wrote ----------------------------------------------------------------------------

    @property
    def writes(self) -> list[Write]:
        """What it wrote into webhook configurations since it was started, or since `forget`."""
        user = f"system:serviceaccount:{self.namespace}:{self._account}"
        found, before = [], dict(self._before)
        for event in self._cluster.events(self._since):
            where = event["objectRef"]
            if kind := _RESOURCES.get(where["resource"]):
                if event["responseStatus"]["code"] >= 300 or "responseObject" not in event:
                    continue
                key, now = (kind, where["name"]), event["responseObject"]
                if event["user"]["username"] == user and (what := _changed(before.get(key, {}), now)):
                    found.append(Write(*key, what))
                before[key] = now
        return found

    def forget(self) -> None:
        """Forget what was written before."""
        self._since = self._cluster.audit.stat().st_size
        self._before = {
            (kind, config["metadata"]["name"]): config
            for kind in (MUTATING, VALIDATING)
            for config in self.api.list(kind)
        }


def _changed(before: Object, now: Object) -> str:
    """Return the names of the fields that a control plane writes and that differ in the entries of a configuration."""

    def read(config: Object) -> dict[str, tuple[object, object]]:
        return {
            entry["name"]: (entry["clientConfig"].get("caBundle"), entry.get("failurePolicy"))
            for entry in config.get("webhooks") or ()
        }

    old = read(before)
    pairs = [(old.get(name, (None, None)), new) for name, new in read(now).items()]
    named = {"caBundle": any(a[0] != b[0] for a, b in pairs), "failurePolicy": any(a[1] != b[1] for a, b in pairs)}
    return ", ".join(what for what, differs in named.items() if differs)

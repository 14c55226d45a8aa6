"""Run a real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, and nothing that runs a pod.

Services get loopback addresses. Every one of them is this machine, so a program that listens on the address of its
own Service is reached by the API server without kube-proxy.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from api import Api, Object, Refused, until
from pki import Authority, signing_key

#: Which of several processes of one run this is (pytest-xdist), and more than there can be of them.
PROCESS, PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), 16


def _service_range() -> str:
    """Return the addresses of Services: each one's port 443 is a port of the machine, so no two processes may share them."""
    first = ipaddress.ip_network(os.environ.get("MULTIMESH_SERVICE_RANGE", "127.96.0.0/16"))
    return f"{first.network_address + PROCESS * first.num_addresses}/{first.prefixlen}"


AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch]
  resources:
  - {group: "", resources: [pods]}
  - {group: networking.istio.io}
- level: RequestResponse  # who wrote what into the webhooks
  verbs: [create, update, patch]
  resources:
  - {group: admissionregistration.k8s.io}
- level: Metadata  # what was denied, and to whom
  verbs: [create, update, patch, delete]
- level: None
"""


class ControlPlane:
    """The programs, their ports and their files, all below one directory."""

    def __init__(self, folder: Path, programs: dict[str, Path]) -> None:
        self.folder = folder
        self._programs = programs
        self._children: list[subprocess.Popen[bytes]] = []
        self._token = secrets.token_hex(16)
        self._authority = Authority("the API server of the tests")
        self.root = folder / "root.crt"
        self.root.write_bytes(self._authority.pem)
        self.kubeconfig = folder / "kubeconfig"
        self.audit = folder / "audit.log"
        self.port = 0
        self.api: Api

    def start(self) -> None:
        """Start everything, and wait until a namespace gets its ServiceAccount."""
        etcd, peer, self.port, manager = _free_ports(4)
        self._start_etcd(etcd, peer)
        self._start_api_server(etcd)
        self.api = Api(self.port, self.root, self._token)
        self._write_kubeconfig()
        until("the API server is ready", self._is_ready, 60)
        self._start_controller_manager(manager)
        until(
            "the namespace default has its ServiceAccount",
            lambda: self.api.get("ServiceAccount", "default", "default"),
            60,
        )

    def stop(self) -> None:
        """End every child, the last started first, by its own process id.

        They are killed: kube-apiserver would wait a minute for its watchers, and nothing of this is kept.
        """
        for child in reversed(self._children):
            child.kill()
        for child in self._children:
            child.wait()
        self._children.clear()
        if hasattr(self, "api"):
            self.api.close()

    def said(self) -> str:
        """Return the last lines of every log, for the message of a failure."""
        return "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:])
            for log in sorted(self.folder.glob("*.err"))
        )

    def events(self, since: int = 0) -> Iterator[Object]:
        """Yield the events of the audit log from one position of the file on."""
        with open(self.audit, "rb") as log:
            log.seek(since)
            for line in log:
                yield json.loads(line)

    def _run(self, name: str, *flags: str) -> None:
        with open(self.folder / f"{name}.err", "wb") as log:
            self._children.append(
                subprocess.Popen(
                    [str(self._programs[name]), *flags],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    env=os.environ | {"GOGC": "400"},  # time is scarce here, and memory is not
                    preexec_fn=die_with_parent if sys.platform == "linux" else None,
                )
            )

    def _start_etcd(self, client: int, peer: int) -> None:
        urls = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={urls[0]}",
            f"--advertise-client-urls={urls[0]}",
            f"--listen-peer-urls={urls[1]}",
            f"--initial-advertise-peer-urls={urls[1]}",
            f"--initial-cluster=default={urls[1]}",
            "--unsafe-no-fsync",  # nothing of it is kept after the run
            "--log-level=warn",
        )

    def _start_api_server(self, etcd: int) -> None:
        certificate, key = self._authority.issue(
            self.folder, "apiserver", "kubernetes.default.svc", "localhost", "127.0.0.1"
        )
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{self._token},admin,admin,"system:masters"\n')
        policy = self.folder / "audit.yaml"
        policy.write_text(AUDIT_POLICY)
        signing = signing_key(self.folder)
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--service-cluster-ip-range={_service_range()}",
            # A Service that requests no port gets none of the first ones, which the stock chart of 1.5 requests.
            "--service-node-port-range=31380-32767",
            "--endpoint-reconciler-type=none",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--service-account-key-file={signing}",
            f"--service-account-signing-key-file={signing}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit}",
            "--audit-log-mode=blocking",
            "--v=0",
        )

    def _start_controller_manager(self, port: int) -> None:
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder}",
            "--controllers=serviceaccount-controller,namespace-controller,root-ca-certificate-publisher-controller,validatingadmissionpolicy-status-controller",
            f"--root-ca-file={self.root}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            "--concurrent-namespace-syncs=20",
            "--kube-api-qps=1000",  # to delete a namespace takes a call for every kind
            "--kube-api-burst=2000",
            "--v=0",
        )

    def _is_ready(self) -> bool:
        for child in self._children:
            if child.poll() is not None:
                raise AssertionError(f"{child.args[0]} ended with {child.returncode}\n{self.said()}")  # type: ignore[index]
        with contextlib.suppress(OSError, Refused):
            return self.api.call("GET", "/readyz").get("message") == "ok"
        return False

    def _write_kubeconfig(self) -> None:
        named = {"name": "tests"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                named
                | {"cluster": {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.root)}}
            ],
            "users": [named | {"user": {"token": self._token}}],
            "contexts": [named | {"context": {"cluster": "tests", "user": "tests"}}],
            "current-context": "tests",
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, and that the kernel gives to no outgoing connection.

    Those come from 32768 on (Linux, net.ipv4.ip_local_port_range). Of several processes of one run each has its own.
    """
    found: list[int] = []
    for port in random.sample(range(20000 + PROCESS, 32000, PROCESSES), 200):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports on 127.0.0.1")


def die_with_parent() -> None:
    """Let the kernel end the child if the test run is killed (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)

"""Meshes on a real API server, installed by a real Helm: the setting of all scenarios."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import charts
import clean
import istiod
import pytest
import roots
from api import PATHS, Api, Looker, Object, Refused, path, until
from controlplane import ControlPlane
from helms import ROOT, Helm, Ran
from lift import lift
from lock import RECORD
from pki import Authority
from program import profile
from standin import Plane, StandIn, deployments, settle, whose

MESH = "multimesh.dev/mesh"
INJECTION = "istio-injection"
MESHES = ("affirmed", "blue")
WRAPPER = Path(__file__).resolve().parent / "wrapper.py"
#: Numbers for names: the audit log is that of the whole run, so no name may occur twice.
_SERIAL = itertools.count(1)
#: Cluster-scoped kinds of the stock charts.
CLUSTER_SCOPED = (
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "MeshPolicy",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
#: The prefix of namespaces of no mesh; they differ only in labels, and stay for all worlds of a run.
FOR_ALL = "case-"
#: Helm sends five requests a second after the first hundred (helm 4.1.4 pkg/cli/environment.go), and nobody else asks
#: here. It spends a quarter of its time on garbage collection.
UNHURRIED = {"HELM_QPS": "1000", "HELM_BURST_LIMIT": "1000", "GOGC": "400"}
#: What a Helm has validated by the schemas of the API server in this run: it takes half of its time, so once is enough.
_VALIDATED: set[tuple[int, str]] = set()
#: Namespaces of Kubernetes itself, which the tests do not change.
OWN_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}


class Asked(NamedTuple):
    """Who was asked about one object: by which configuration and entry, if the audit log says so."""

    configuration: str
    entry: str


def failed(ended: dict[str, Ran]) -> dict[str, str]:
    """Return the messages of those that failed."""
    return {name: done.err for name, done in ended.items() if done.code}


def some(**labels: str | None) -> dict[str, str]:
    """Return the labels that are not None."""
    return {key: value for key, value in labels.items() if value}


class World:
    """One cluster, one Helm, one version of Istio, and the meshes that were installed so far."""

    def __init__(self, cluster: ControlPlane, helm: Helm, version: str, folder: Path) -> None:
        self.cluster, self.helm, self.version, self.folder = cluster, helm, version, folder
        self.began = version
        self.spent = False
        self.all_crds = True
        self.api: Api = cluster.api
        self.planes: dict[str, list[Plane]] = {}
        self.authorities: dict[str, Authority] = {}
        self.without = ""
        self.before = Path()
        self._jobs = _JobRunner(self.api)
        self._last = ""
        for crd in charts.crds_of_1_5() if self.is_1_5 else ():
            self.api.create("CustomResourceDefinition", crd)
        self._jobs.start()

    # --- Helm -------------------------------------------------------------------------------------

    @property
    def is_1_5(self) -> bool:
        """Return whether the charts are those before istiod."""
        return self.version.startswith("1.5.")

    @property
    def is_real(self) -> bool:
        """Return whether real control planes run, not stand-ins; the example is a model of the charts before istiod."""
        return bool(istiod.given()) and not self.is_1_5 and self.version != "example"

    def profile(self, mesh: str, **spec: object) -> Path:
        """Write the profile of a mesh: affirmed owns what is shared."""
        folder = self.folder / "profiles" / mesh
        folder.mkdir(parents=True, exist_ok=True)
        spec = {"sharedResources": "own" if mesh == "affirmed" else "leave"} | spec
        file = folder / "profile.yaml"
        file.write_text(profile(mesh, f"istio-{mesh}", (f"nginx-{mesh}",), **spec), encoding="utf-8")
        return file

    def chart(self, mesh: str, stream: str, version: str = "") -> Path:
        """Write the chart of one release of a mesh, with the values that its profile wants."""
        version = version or self.version
        text = charts.text(version, mesh, stream)
        if mesh != "affirmed" and (version, stream) == ("1.24.6", "base"):
            # In charts up to 1.28.1 one CRD lacks the annotation that keeps it, so the values have to leave it out:
            # `base.excludedCRDs`, as in charts-values/blue/base.yaml.
            text = charts.without(text, "CustomResourceDefinition")
        if not self.all_crds and stream == "base":
            text = charts.with_few_crds(text)
        crds = charts.base_crds(version) if (mesh, stream) == ("affirmed", "base") else ""  # the others: --skip-crds
        return charts.write(self.folder / "charts" / f"{version}-{mesh}-{stream}", text, crds)

    def stock_chart(self, mesh: str, stream: str) -> Path:
        """Write the chart of one release as it is."""
        return charts.write(
            self.folder / "charts" / f"stock-{self.version}-{mesh}-{stream}",
            charts.text(self.version, mesh, stream),
            charts.base_crds(self.version) if stream == "base" else "",
        )

    def manifests(self, mesh: str) -> Path:
        """Write what Helm has stored of the releases of a mesh into a directory."""
        folder = self.folder / "manifests" / mesh
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.run("list", "-n", f"istio-{mesh}", "--short").out.split():
            text = self.run("get", "manifest", name, "-n", f"istio-{mesh}").out
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return folder

    def run(self, *arguments: object, **environment: str) -> Ran:
        """Run Helm against the cluster."""
        more = {"KUBECONFIG": str(self.cluster.kubeconfig), **UNHURRIED}
        if self.is_1_5:
            more["MULTIMESH_TEST_LIFT"] = "1"
        if self.without:
            more["MULTIMESH_TEST_WITHOUT"] = self.without
        return self.helm.run(*arguments, **(more | self._plugins() | environment))

    def kubectl(self, *arguments: object) -> Ran:
        """Run the kubectl that comes with this Helm."""
        kubectl = self.helm._replace(binary=self.helm.binary.with_name("kubectl"))
        return kubectl.run(*arguments, KUBECONFIG=str(self.cluster.kubeconfig))

    def multimesh(self, *arguments: object) -> Ran:
        """Run a command of the program with kubectl on the PATH."""
        python = self.helm._replace(binary=Path(sys.executable))
        search = f"{self.helm.binary.parent}{os.pathsep}{os.environ['PATH']}"
        return python.run(
            "-m", "multimesh", *arguments, KUBECONFIG=str(self.cluster.kubeconfig), PATH=search, **UNHURRIED
        )

    def through(self, mesh: str, *arguments: str) -> list[str]:
        """Return the flags that send a release through the post-renderer."""
        if self.helm.major == 4:
            program = "wrapped" if self._is_wrapped else "multimesh"
        else:
            program = str(WRAPPER if self._is_wrapped else ROOT / "postrender.py")
        given = (f"--profile={self.folder / 'profiles' / mesh}", *arguments)
        return ["--post-renderer", program, *(f"--post-renderer-args={argument}" for argument in given)]

    @property
    def _is_wrapped(self) -> bool:
        return self.is_1_5 or bool(self.without)

    def _plugins(self) -> dict[str, str]:
        if self.helm.major == 3:
            return {}
        folder = Path(self.helm.plugins()["HELM_PLUGINS"])
        wrapped = folder / "wrapped"
        if not wrapped.exists():
            wrapped.mkdir()
            (wrapped / "plugin.yaml").write_text(
                "apiVersion: v1\ntype: postrenderer/v1\nname: wrapped\nversion: 0.1.0\nruntime: subprocess\n"
                f"runtimeConfig:\n  platformCommand:\n  - command: {WRAPPER}\n",
                encoding="utf-8",
            )
        return {"HELM_PLUGINS": str(folder)}

    def release(self, command: str, mesh: str, name: str, chart: Path, *flags: str, post: tuple[str, ...] = ()) -> Ran:
        """Install or upgrade one release of a mesh, through the post-renderer."""
        post_renderer = self.through(mesh, *post)
        return self.run(command, name, chart, "-n", f"istio-{mesh}", *post_renderer, *flags, *self._unvalidated(chart))

    def _unvalidated(self, chart: Path) -> list[str]:
        key = (self.helm.major, chart.name)
        if key in _VALIDATED:
            return ["--disable-openapi-validation"]
        _VALIDATED.add(key)
        return []

    def upgrade(self, mesh: str, *flags: str, known: bool = True) -> dict[str, Ran]:
        """Upgrade every release of a mesh; `known` says to the post-renderer that this is an upgrade.

        Of 1.5 with Helm 3 it must not be said: the manual tells why.
        """
        post = ("--upgrade",) if known and not (self.is_1_5 and self.helm.major == 3) else ()
        return {
            name: self.release("upgrade", mesh, name, self.chart(mesh, stream), *flags, post=post)
            for name, stream in charts.releases(self.version, mesh).items()
        }

    def stock(self, command: str, mesh: str, name: str, chart: Path, *flags: str) -> Ran:
        """Install or upgrade one release without the post-renderer; of 1.5 only the API versions are replaced."""
        lifted = self.through(mesh) if self.is_1_5 else []
        return self.run(
            command,
            name,
            chart,
            "-n",
            f"istio-{mesh}",
            *lifted,
            *flags,
            *self._unvalidated(chart),
            MULTIMESH_TEST_WITHOUT="*",
        )

    def collisions(self, text: str) -> set[str]:
        """Try to create every object of a text without webhooks; return the names of those that are refused."""
        file = self.folder / "collisions.yaml"
        file.write_bytes(lift(text.encode()))
        said = self.kubectl("create", "--dry-run=server", "-f", file).err
        found = set()
        for line in said.splitlines():
            if there := re.search(r': (\w+)[\w.]* "([\w.:-]+)" already exists$', line):
                plural, name = there.groups()
                kind = next((kind for kind in CLUSTER_SCOPED if plural == f"{kind.lower()}s"), "")
                assert kind, f"the cluster was not empty: {line}"
                found.add(f"{kind}/{name}")
            elif port := re.search(r'Service "([\w-]+)" is invalid: .* provided port is already allocated', line):
                found.add(f"Service/istio-blue/{port[1]}")
            else:
                assert not line.strip() or re.match(r"Warning: ", line), line
        return found

    # --- meshes -----------------------------------------------------------------------------------

    def need(self) -> None:
        """Install both meshes unless they are installed."""
        for mesh in MESHES:
            if mesh not in self.planes:
                self.install(mesh)

    def install(self, mesh: str, *, serve: bool = True, **spec: object) -> None:
        """Install a mesh as the documentation says: profile, namespaces, releases; then its control plane runs.

        Without `serve`, it need not come to serve its own namespaces.
        """
        self.profile(mesh, **spec)
        self.make_namespaces(mesh)
        for name, stream in charts.releases(self.version, mesh).items():
            done = self.release("install", mesh, name, self.chart(mesh, stream))
            assert done.code == 0, done.err
        self.start(mesh, serve=serve)

    def install_stock(self) -> None:
        """Install a stock mesh into istio-system, and start its control plane."""
        self.wants(charts.STOCK)
        self.namespace("istio-system")
        for name, text in charts.stock_beside(self.version).items():
            done = self.stock("install", "system", name, charts.write(self.folder / "charts" / name, text))
            assert done.code == 0, done.err
        self.start("system")

    def remove(self, mesh: str) -> None:
        """Uninstall every release of a mesh, base last, and stop its control plane."""
        names = self.run("list", "-n", f"istio-{mesh}", "--short").out.split()
        for name in sorted(names, key=lambda name: "base" in name):
            done = self.run("uninstall", name, "-n", f"istio-{mesh}")
            assert done.code == 0, done.err
        self.stop(mesh)

    def names(self, mesh: str) -> list[str]:
        """Return the names of the releases of a mesh."""
        return list(charts.releases(self.version, mesh))

    def make_namespaces(self, mesh: str) -> None:
        """Make the namespaces of a mesh with their labels."""
        self.namespace(f"istio-{mesh}", **{MESH: mesh} | ({INJECTION: "disabled"} if self.is_1_5 else {}))
        self.namespace(f"nginx-{mesh}", **{MESH: mesh, INJECTION: f"enabled-{mesh}"})

    def apply_namespaces(self, mesh: str) -> None:
        """Apply what `multimesh namespaces` writes: labels and Sidecars."""
        file = self.folder / f"namespaces-{mesh}.yaml"
        said = self.multimesh("namespaces", "--profile", self.folder / "profiles" / mesh, "--istio", self.version)
        assert said.code == 0, said.err
        file.write_text(said.out, encoding="utf-8")
        done = self.kubectl("apply", "--server-side", "--force-conflicts", "-f", file)
        assert done.code == 0, done.err

    def namespace(self, name: str, **labels: str) -> None:
        """Make a namespace, and wait until pods can be created in it."""
        self.namespaces({name: {key.replace("istio_injection", INJECTION): value for key, value in labels.items()}})

    def namespaces(self, labels: dict[str, dict[str, str]]) -> None:
        """Make namespaces with their labels; those that are there stay as they are."""
        for name, of_it in labels.items():
            with contextlib.suppress(Refused):
                self.api.create("Namespace", {"metadata": {"name": name, "labels": of_it}})
        for name in labels:
            until(f"{name} has its ServiceAccount", lambda name=name: self.api.get("ServiceAccount", "default", name))

    def end_namespaces(self, *names: str) -> None:
        """Delete namespaces that a module made for itself."""
        clean.end_namespaces(self.api, set(names))

    def start(self, mesh: str, *, serve: bool = True) -> None:
        """Run the control plane's Deployments as they are now, and let them write what they have to write."""
        authority = self.authorities.setdefault(mesh, Authority(f"the root of {mesh}"))
        for deployment in self.outdated(mesh, list(deployments(self.api, f"istio-{mesh}"))):
            self.stop_one(mesh, deployment["metadata"]["name"])
            one = self._plane(mesh, deployment, authority)
            one.start()
            self.planes[mesh].append(one)
        assert self.planes[mesh], f"istio-{mesh} has no control plane"
        if all(isinstance(one, StandIn) for one in self.planes[mesh]):
            roots.publish(self.api, self.planes[mesh][0].writer, f"istio-{mesh}", authority.pem)
        self._set_ready(mesh, 1)
        if serve:
            settle(self.planes[mesh])
            self.serves(mesh)
        else:
            for one in self.planes[mesh]:
                until(f"{one.name} has written its root", one.has_written, 10)

    def outdated(self, mesh: str, installed: list[Object]) -> list[Object]:
        """Return the Deployments of a control plane that do not run, or run as they were before."""
        running = {one.name: one.template for one in self.planes.setdefault(mesh, [])}
        return [found for found in installed if running.get(found["metadata"]["name"]) != found["spec"]["template"]]

    def _plane(self, mesh: str, deployment: Object, authority: Authority) -> Plane:
        if self.is_real:
            return istiod.Istiod(self.cluster, mesh, deployment, self.folder)
        # It writes as the ServiceAccount of the Deployment: with its rights, and known to admission by its name.
        account = deployment["spec"]["template"]["spec"].get("serviceAccountName", "default")
        writer = self.api.as_account(account, deployment["metadata"]["namespace"])
        return StandIn(self.api, mesh, deployment, authority, self.folder, writer)

    def wants(self, *versions: str) -> None:
        """Skip the test where real control planes run, and there is none for the charts of these versions."""
        if self.is_real and (reason := istiod.lacking(*versions)):
            pytest.skip(reason)

    def serves(self, mesh: str) -> None:
        """Wait until the API server uses what was written: one probe is injected, and another is denied."""
        namespace = f"nginx-{mesh}"
        if mesh == "system":
            namespace = "nginx-system"
            self.namespace(namespace, **{INJECTION: "enabled"})
        until(
            f"pods of {namespace} get a sidecar of {mesh}",
            lambda: self.sidecars(namespace),
            so=lambda sidecars: sidecars[:1] == [mesh],
        )
        if mesh != "system" or self.is_1_5:
            until(f"{mesh} denies what is invalid", lambda: self.denial(namespace), so=lambda said: mesh in said)

    def is_whole(self) -> None:
        """Run what was upgraded, and wait until both meshes inject and validate what is theirs."""
        for mesh in MESHES:
            self.start(mesh)

    def stop(self, mesh: str) -> None:
        """Let the control plane of a mesh crash."""
        self._set_ready(mesh, 0)
        for one in self.planes.pop(mesh, ()):
            one.stop()

    def _set_ready(self, mesh: str, pods: int) -> None:
        """Write into every Deployment of a control plane how many pods are ready, as the kubelet's reports would."""
        for deployment in self.api.list("Deployment", f"istio-{mesh}"):
            status = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), pods)
            if (deployment.get("status") or {}).get("readyReplicas", 0) != pods:
                place = path("Deployment", f"istio-{mesh}", deployment["metadata"]["name"]) + "/status"
                self.api.call("PATCH", place, {"status": status}, "application/merge-patch+json")

    def stop_one(self, mesh: str, deployment: str) -> None:
        """Stop one Deployment of a mesh's control plane."""
        for one in [one for one in self.planes[mesh] if one.name == deployment]:
            one.stop()
            self.planes[mesh].remove(one)

    def _name(self, stem: str) -> str:
        self._last = f"{stem}-{next(_SERIAL)}"
        for one in self._all():
            one.expect(self._last)
        return self._last

    def _all(self) -> list[Plane]:
        return [one for ones in list(self.planes.values()) for one in ones]

    # --- what a user does -------------------------------------------------------------------------

    def pod(self, namespace: str, dry_run: bool = True, **labels: str) -> Object:
        """Create a pod, and return what the API server made of it."""
        meta: Object = {"name": self._name("pod"), "labels": labels}
        if self.is_1_5 and "sidecar.istio.io/inject" in labels:
            meta["annotations"] = {"sidecar.istio.io/inject": labels.pop("sidecar.istio.io/inject")}
        spec = {"containers": [{"name": "app", "image": "nginx"}]}
        return self.api.create("Pod", {"metadata": meta, "spec": spec}, namespace, dry_run=dry_run)

    def sidecars(self, namespace: str, **labels: str) -> list[str]:
        """Return the mesh of every sidecar that a pod gets, or why the pod was refused."""
        return [
            found if found == "refused" else found.partition("/")[0] for found in self.identities(namespace, **labels)
        ]

    def identities(self, namespace: str, **labels: str) -> list[str]:
        """Return mesh and revision of every sidecar that a pod gets, or why the pod was refused."""
        try:
            return whose(self.pod(namespace, **labels))
        except Refused as error:
            return ["refused", error.message]

    @contextlib.contextmanager
    def watched(self, namespace: str) -> Iterator[list[list[str]]]:
        """Create pods continuously, and collect the sidecars of each."""
        seen: list[list[str]] = []
        ends = threading.Event()

        def create() -> None:
            while not ends.wait(0.05):
                seen.append(self.identities(namespace))

        thread = threading.Thread(target=create)
        thread.start()
        try:
            yield seen
        finally:
            ends.set()
            thread.join()

    def denial(self, namespace: str, **labels: str) -> str:
        """Try an invalid VirtualService; return who denied it; empty if nobody did."""
        return self.virtual_service(namespace, ["nginx"], routed=False, **labels)

    def virtual_service(
        self, namespace: str, hosts: list[str], dry_run: bool = True, routed: bool = True, **labels: str
    ) -> str:
        """Try a VirtualService; return why it was refused and by whom, or nothing. One without routes is invalid."""
        obj = {
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "VirtualService",
            "metadata": {"name": self._name("route"), "labels": labels},
            "spec": {"hosts": hosts} | ({"http": [{"route": [{"destination": {"host": "nginx"}}]}]} if routed else {}),
        }
        try:
            self.api.create("VirtualService", obj, namespace, dry_run=dry_run)
        except Refused as error:
            who = [one.identity for one in self._all() for r in one.reviews if r.name == self._last and not r.allowed]
            return error.message + f" (denied by {', '.join(who)})" * bool(who)
        return ""

    def asked_last(self) -> list[Asked]:
        """Return every entry that was asked about the last object, as the audit log has it."""
        found = []
        for event in self.cluster.events():
            if event.get("objectRef", {}).get("name") != self._last:
                continue
            for key, value in event.get("annotations", {}).items():
                if key.startswith("mutation.webhook.admission.k8s.io/"):
                    said = json.loads(value)
                    found.append(Asked(said["configuration"], said["webhook"]))
                elif key.endswith("/answered-by"):
                    found.append(Asked(value, key.removesuffix("/answered-by")))
        return found

    def denied(self, since: int) -> list[tuple[str, str, str]]:
        """Return who was denied which write by an admission policy, as the audit log has it from one position on."""
        return [
            (event["user"]["username"], event["objectRef"].get("resource", ""), event["objectRef"].get("name", ""))
            for event in self.cluster.events(since)
            if "ValidatingAdmissionPolicy" in (event.get("responseStatus") or {}).get("message", "")
        ]

    def reviews_of_last(self) -> list[str]:
        """Return the mesh of every control plane that was asked about the last object, once for each time."""
        return [one.mesh for one in self._all() for review in one.reviews if review.name == self._last]

    def who_was_asked_last(self) -> set[str]:
        """Return the meshes that were asked about the last object."""
        return set(self.reviews_of_last())

    def of_mesh(self, mesh: str, field: str = "uid") -> dict[tuple[str, str], str]:
        """Map every object of a mesh to its uid, which changes if it is replaced, or to its resource version."""
        return {
            key: obj["metadata"][field]
            for key, obj in self.objects().items()
            if obj["metadata"].get("namespace") == f"istio-{mesh}" or _bears(key[1], mesh)
        }

    def left_of(self, mesh: str) -> set[str]:
        """Return what remains of a mesh, except what users wrote and what Kubernetes creates in every namespace."""
        kinds = [kind for kind in PATHS if kind not in ("Pod", "Namespace", "VirtualService", "Sidecar", "Gateway")]
        found = {
            "/".join(filter(None, (kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])))
            for kind in kinds
            for obj in self.api.list(kind)
            if obj["metadata"].get("namespace") in (f"istio-{mesh}", f"nginx-{mesh}")
            or _bears(f"/{obj['metadata']['name']}", mesh)
        }
        return {name for name in found if not name.endswith(("/kube-root-ca.crt", "/default"))}

    def crds(self) -> dict[str, str]:
        """Map every CRD to its uid."""
        return {crd["metadata"]["name"]: crd["metadata"]["uid"] for crd in self.api.list("CustomResourceDefinition")}

    def objects(self) -> dict[tuple[str, str], Object]:
        """Return every object of the kinds of the charts, by kind and name; without locks, which change constantly."""
        return {
            (kind, f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"): obj
            for kind in PATHS
            if kind not in ("Pod", "Namespace", "Secret", "Job", "Lease")
            for obj in self.api.list(kind)
            if obj["metadata"].get("namespace") not in OWN_NAMESPACES
            and not obj["metadata"]["name"].startswith("system:")
            and RECORD not in (obj["metadata"].get("annotations") or {})
        }

    def bundles(self) -> dict[str, set[str]]:
        """Map every webhook configuration to the meshes whose roots its entries have."""
        meshes = {one.bundle: mesh for mesh, ones in self.planes.items() for one in ones}
        return {
            config["metadata"]["name"]: {
                meshes.get(entry["clientConfig"].get("caBundle", ""), "nobody") for entry in config["webhooks"]
            }
            for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
            for config in self.api.list(kind)
        }

    # --- the end ----------------------------------------------------------------------------------

    def leave(self) -> None:
        """Stop what runs for this world, and leave the cluster as it is."""
        self._jobs.stop()
        for ones in self.planes.values():
            for one in ones:
                one.stop()
        self.planes.clear()

    def wipe(self) -> None:
        """Delete everything from the cluster."""
        self.leave()
        kept = {obj["metadata"]["name"] for obj in self.api.list("Namespace")}
        clean.wipe(self.api, OWN_NAMESPACES | {name for name in kept if name.startswith(FOR_ALL)})


class _JobRunner(Looker):
    """Set every Job complete: Helm waits for its hooks, and no kubelet runs them."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def look(self) -> None:
        """Complete what has no condition yet."""
        for job in self._api.peek("Job"):
            if not (job.get("status") or {}).get("conditions"):
                self._complete(job["metadata"])

    def _complete(self, meta: Object) -> None:
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": now}
            for kind in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
        place = path("Job", meta["namespace"], meta["name"]) + "/status"
        with contextlib.suppress(Refused):
            self._api.call("PATCH", place, {"status": status}, "application/merge-patch+json")


def _bears(name: str, mesh: str) -> bool:
    return f"-{mesh}" in name or f"/{mesh}-" in name

#!/usr/bin/env python3
"""Measure the time and memory of multimesh, compared with other programs; docs/performance.md explains the figures.

It times whole processes, with a file as standard input and a file as standard output, in interleaved runs. Every figure
is a ratio to the same interpreter doing nothing (`python3 -I -S -c pass`) in the same run. A contestant is timed only
if its output has been checked.

    python3 tools/bench.py                              the table and the goals
    python3 tools/bench.py --quick                      fewer rounds, nothing at ten times the size
    python3 tools/bench.py --json FILE                  writes every time and peak as JSON
    python3 tools/bench.py --write docs/performance.md  writes the table into the page

Exit code 1 only if postrender.py takes more than LIMIT times the bare interpreter, plus MARGIN for noise;
2 if it could not be timed. All other goals are printed, and do not change the exit code.
"""

from __future__ import annotations

import argparse
import json
import marshal
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import helm as real_helm

ROOT = Path(__file__).resolve().parent.parent
STREAMS = Path(os.environ.get("MULTIMESH_STREAMS") or ROOT.parent / "shared" / "streams")
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

#: Ratios to the bare interpreter: the goal, the limit, and the part of the limit that a busy machine may add to it.
GOAL, LIMIT, MARGIN = 2.0, 2.4, 0.10
#: How many times faster than these peers multimesh must be.
FASTER = {"kubectl kustomize": 8.0, "PyYAML C": 4.0}
#: The most milliseconds for each further megabyte (10**6 bytes) of a stream.
PER_MB = 10.0
#: The highest peak memory: in MiB for one chart, and for a large stream in multiples of its size, above the interpreter.
PEAK_MIB, PEAK_TIMES = 12.0, 4.0

FLOOR, OURS = "python3 -I -S -c pass", "multimesh"
AS_HELM = "postrender.py, as Helm starts it"
TIMES = 10


class BenchFailed(Exception):
    """The benchmark cannot continue; the message says why, and its second line says what to do."""


# --- The expected rewrite ------------------------------------------------------------------------------------------


class Mesh(NamedTuple):
    """The mesh that a stream is rewritten for."""

    name: str
    owns: bool

    @property
    def namespace(self) -> str:
        """The namespace of its control plane."""
        return f"istio-{self.name}"

    @property
    def profile(self) -> str:
        """A mesh profile of typical size."""
        shared = "own" if self.owns else "leave"
        return (
            f"apiVersion: multimesh.dev/v1alpha1\nkind: MeshProfile\nmetadata:\n  name: {self.name}\nspec:\n"
            f"  namespace: {self.namespace}\n  workloadNamespaces:\n    - nginx-{self.name}\n"
            f"  sharedResources: {shared}\n"
        )


AFFIRMED, BLUE = Mesh("affirmed", owns=True), Mesh("blue", owns=False)

#: One operation of RFC 6902: add, replace or remove; the path, where "-" is the end of a list; the value.
Op = tuple[str, tuple[Any, ...], Any]


class Rewrite(NamedTuple):
    """What changes in one resource."""

    kind: str
    name: str
    ops: list[Op]

    @property
    def new_name(self) -> str:
        """The name of the resource after the rewrite."""
        return next((str(value) for _, path, value in self.ops if path == ("metadata", "name")), self.name)


class Task(NamedTuple):
    """A stream, and the rewrite that every contestant must do."""

    title: str
    stream: bytes
    mesh: Mesh
    rewrites: list[Rewrite]
    dropped: tuple[str, ...] = ()
    times: int = 1


def resources_of(stream: bytes) -> list[dict[str, Any]]:
    """Return all resources of a stream, those in Lists included."""
    documents = yaml.load_all(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return [resource for document in documents if document for resource in flattened(document)]


def flattened(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of a List, or else the document itself."""
    return document["items"] if document["kind"] == "List" else [document]


def demo_rewrites(resources: list[dict[str, Any]], mesh: Mesh) -> list[Rewrite]:
    """Plan the part of the rewrite for Istio 1.5 that every contestant can do.

    Names, references, webhooks, selectors, flags, node ports, gateways; nothing inside the text of a ConfigMap.
    """
    planned = [
        Rewrite(
            resource["kind"],
            resource["metadata"]["name"],
            [*cluster_ops(resource, mesh), *flag_ops(resource, mesh), *gateway_ops(resource, mesh)],
        )
        for resource in resources
    ]
    return [rewrite for rewrite in planned if rewrite.ops]


def cluster_ops(resource: dict[str, Any], mesh: Mesh) -> list[Op]:
    """Plan the names of cluster-scoped resources, references to them, and the webhook configurations."""
    kind, name = resource["kind"], resource["metadata"]["name"]
    stock = ("kiali", "kiali-viewer", "istio-reader", "istio-multi")
    ops: list[Op] = []
    if kind in ("ClusterRole", "ClusterRoleBinding") and name in stock:
        ops.append(("replace", ("metadata", "name"), f"{name}-{mesh.name}"))
    if kind == "ClusterRoleBinding" and (role := resource["roleRef"]["name"]) in stock:
        ops.append(("replace", ("roleRef", "name"), f"{role}-{mesh.name}"))
    if kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        ops.append(("replace", ("metadata", "name"), name.replace("istio", mesh.namespace, 1)))
        for index, entry in enumerate(resource["webhooks"]):
            ops.append(("replace", ("webhooks", index, "name"), f"{mesh.name}-{entry['name']}"))
            path: tuple[Any, ...] = ("webhooks", index, "namespaceSelector")
            if kind == "MutatingWebhookConfiguration":
                ops.append(("replace", (*path, "matchLabels", "istio-injection"), f"enabled-{mesh.name}"))
            else:
                ops.append(("add", path, {"matchLabels": {"multimesh.dev/mesh": mesh.name}}))
    return ops


def flag_ops(resource: dict[str, Any], mesh: Mesh) -> list[Op]:
    """Plan the flags and environment variables of the control plane's containers."""
    injector = f"{mesh.namespace}-sidecar-injector"
    added: dict[str, tuple[str, list[Any]]] = {
        "galley": ("command", [f"--webhook-name={mesh.namespace}-galley"]),
        "citadel": ("args", [f"--listened-namespaces={mesh.namespace},nginx-{mesh.name}"]),
        "sidecar-injector-webhook": (
            "args",
            [f"--webhookName={mesh.name}-sidecar-injector.istio.io", f"--webhookConfigName={injector}"],
        ),
        "discovery": ("env", [{"name": "INJECTION_WEBHOOK_CONFIG_NAME", "value": injector}]),
    }
    if resource["kind"] != "Deployment":
        return []
    ops: list[Op] = []
    for index, container in enumerate(resource["spec"]["template"]["spec"]["containers"]):
        field, values = added.get(container["name"], ("", []))
        path = ("spec", "template", "spec", "containers", index, field, "-")
        ops += [("add", path, value) for value in values]
    return ops


def gateway_ops(resource: dict[str, Any], mesh: Mesh) -> list[Op]:
    """Plan the names of gateways in the resources of the chart `gateways`, and the removal of their node ports."""
    if (resource["metadata"].get("labels") or {}).get("chart") != "gateways":
        return []
    ops: list[Op] = []
    for path, leaf in leaves(resource):
        if path[-1] == "nodePort":
            ops.append(("remove", path, None))
        if (
            isinstance(leaf, str)
            and (changed := re.sub(r"istio(-(in|e)gressgateway)", mesh.namespace + r"\1", leaf)) != leaf
        ):
            ops.append(("replace", path, changed))
    return ops


def base_rewrites(resources: list[dict[str, Any]], mesh: Mesh) -> list[Rewrite]:
    """Plan the rewrite of the base chart: the new name of the validator."""
    kind = "ValidatingWebhookConfiguration"
    names = [resource["metadata"]["name"] for resource in resources if resource["kind"] == kind]
    return [Rewrite(kind, name, [("replace", ("metadata", "name"), f"{name}-{mesh.name}")]) for name in names]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """List every scalar with its path."""
    if not isinstance(value, (dict, list)):
        return [(path, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [leaf for key, inner in items for leaf in leaves(inner, (*path, key))]


def complaint(task: Task, output: bytes, copies: int) -> str:
    """Return what is wrong with an output, or an empty text; `copies` is how often each resource must be in it."""
    try:
        resources = resources_of(output)
    except yaml.YAMLError as error:
        return f"its output is not YAML: {error}"
    wanted = sum(resource["kind"] not in task.dropped for resource in resources_of(task.stream))
    if len(resources) != wanted:
        return f"its output has {len(resources)} resources, not {wanted}"
    there: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for resource in resources:
        there.setdefault((resource["kind"], resource["metadata"]["name"]), []).append(resource)
    for rewrite in task.rewrites:
        rewritten = there.get((rewrite.kind, rewrite.new_name), [])
        if len(rewritten) != copies:
            return f"{rewrite.kind}/{rewrite.new_name} is there {len(rewritten)} times, not {copies}"
        if rewrite.new_name != rewrite.name and (rewrite.kind, rewrite.name) in there:
            return f"{rewrite.kind}/{rewrite.name} still has its stock name"
        for op in rewrite.ops:
            if not all(holds(resource, op) for resource in rewritten):
                return f"{rewrite.kind}/{rewrite.new_name}: {pointer(op[1])} is not rewritten"
    return ""


def holds(resource: dict[str, Any], op: Op) -> bool:
    """Return whether a resource has the result of an operation."""
    action, path, value = op
    parent: Any = resource
    for key in path[:-1]:
        parent = parent[key]
    if action == "remove":
        return path[-1] not in parent
    return (
        value in parent
        if path[-1] == "-"
        else parent.get(path[-1]) == value
        if isinstance(parent, dict)
        else parent[path[-1]] == value
    )


def pointer(path: tuple[Any, ...]) -> str:
    """Return a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


# --- The streams ---------------------------------------------------------------------------------------------------


def demo_stream() -> tuple[str, bytes]:
    """Return the demo stream of Istio 1.5.0, or a generated one of similar size and structure, with its title first."""
    file = STREAMS / "helm3" / "1.5.0" / AFFIRMED.name / "istio-demo.yaml"
    if file.is_file():
        return "Istio 1.5.0 demo", file.read_bytes()
    return "generated", generated_stream(AFFIRMED.namespace)


def generated_stream(namespace: str, size: int = 605_000) -> bytes:
    """Generate a stream with the size and structure of the 1.5 demo chart: two thirds are Grafana's dashboards."""
    small = [*control_plane(namespace), *gateways(namespace), *roles(namespace), *mixer_resources(namespace)]
    documents = [
        f"# Source: istio/charts/{chart}\n{yaml.safe_dump(body, sort_keys=False, width=2**31 - 1)}"
        for chart, body in small
    ]
    names = "citadel galley istio-mesh istio-performance istio-service istio-workload mixer pilot".split()
    share = (size - sum(map(len, documents))) // len(names)
    documents += [dashboard(namespace, name, share) for name in names]
    return "".join(f"---\n{document}" for document in documents).encode()


def resource(kind: str, name: str, namespace: str, chart: str, **body: Any) -> tuple[str, dict[str, Any]]:
    """Make one resource, with the labels that the chart gives it; cluster-scoped if the namespace is empty."""
    versions = {
        "Deployment": "apps/v1",
        "PodDisruptionBudget": "policy/v1beta1",
        "ClusterRole": "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
        "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1beta1",
        "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1beta1",
        "rule": "config.istio.io/v1alpha2",
        "instance": "config.istio.io/v1alpha2",
        "handler": "config.istio.io/v1alpha2",
    }
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    app = name if chart == "gateways" else chart
    metadata["labels"] = {"app": app, "chart": chart, "heritage": "Helm", "release": "istio"}
    document = {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata, **body}
    # A copy through JSON shares no parts. PyYAML would write aliases for shared parts.
    return f"{chart}/templates/{kind.lower()}.yaml", json.loads(json.dumps(document))


def deployment(name: str, namespace: str, chart: str, container: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Make one Deployment with one container, of about the size that it has in the chart."""
    labels = {"app": name if chart == "gateways" else chart, "istio": name.removeprefix("istio-")}
    architectures = [
        {
            "weight": 2,
            "preference": {
                "matchExpressions": [{"key": "beta.kubernetes.io/arch", "operator": "In", "values": [value]}]
            },
        }
        for value in ("amd64", "ppc64le", "s390x")
    ]
    secret = {"secretName": f"istio.{name}-service-account", "optional": True}
    image = {"image": f"docker.io/istio/{container['name']}:1.5.0", "imagePullPolicy": "IfNotPresent"}
    pod = {
        "serviceAccountName": f"{name}-service-account",
        "containers": [container | image | {"resources": {"requests": {"cpu": "10m"}}}],
        "volumes": [{"name": "istio-certs", "secret": secret}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": architectures}},
    }
    template = {"metadata": {"labels": labels, "annotations": {"sidecar.istio.io/inject": "false"}}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return resource("Deployment", name, namespace, chart, spec=spec)


def control_plane(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """Make the Deployments of the control plane, the other resources of each, and the webhook configurations."""
    containers: dict[str, dict[str, Any]] = {
        "istio-galley": {
            "name": "galley",
            "command": ["/usr/local/bin/galley", "server", f"--deployment-namespace={namespace}"],
        },
        "istio-citadel": {
            "name": "citadel",
            "args": ["--append-dns-names=true", f"--citadel-storage-namespace={namespace}"],
        },
        "istio-sidecar-injector": {
            "name": "sidecar-injector-webhook",
            "args": ["--healthCheckInterval=2s", "--reconcileWebhookConfig=true"],
        },
        "istio-pilot": {
            "name": "discovery",
            "args": ["discovery", "--secureGrpcAddr", ""],
            "env": [{"name": "PILOT_TRACE_SAMPLING", "value": "100"}],
        },
        "istio-policy": {"name": "mixer", "args": ["--monitoringPort=15014", f"--configDefaultNamespace={namespace}"]},
        "istio-telemetry": {
            "name": "mixer",
            "args": ["--monitoringPort=15014", f"--configDefaultNamespace={namespace}"],
        },
        **{name: {"name": name} for name in ("grafana", "istio-tracing", "kiali", "prometheus")},
    }
    made = []
    for name, container in containers.items():
        chart = {"istio-citadel": "security", "istio-sidecar-injector": "sidecarInjectorWebhook"}.get(
            name, name.removeprefix("istio-")
        )
        selector = {"istio": name.removeprefix("istio-")}
        made += [
            resource("ServiceAccount", f"{name}-service-account", namespace, chart),
            resource(
                "Service",
                name,
                namespace,
                chart,
                spec={"ports": [{"port": 443, "name": "https"}], "selector": selector},
            ),
            resource(
                "PodDisruptionBudget",
                name,
                namespace,
                chart,
                spec={"minAvailable": 1, "selector": {"matchLabels": selector}},
            ),
            deployment(name, namespace, chart, container),
        ]
    validators = [
        {
            "name": f"{what}.validation.istio.io",
            "clientConfig": {
                "service": {"name": "istio-galley", "namespace": namespace, "path": f"/admit{what}"},
                "caBundle": "",
            },
            "rules": [
                {"operations": ["CREATE", "UPDATE"], "apiGroups": [group], "apiVersions": ["*"], "resources": ["*"]}
            ],
            "failurePolicy": "Ignore",
            "sideEffects": "None",
        }
        for what, group in (("pilot", "networking.istio.io"), ("mixer", "config.istio.io"))
    ]
    injector = {
        "name": "sidecar-injector.istio.io",
        "clientConfig": {
            "service": {"name": "istio-sidecar-injector", "namespace": namespace, "path": "/inject"},
            "caBundle": "",
        },
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
    }
    return [
        *made,
        resource(
            "MutatingWebhookConfiguration", "istio-sidecar-injector", "", "sidecarInjectorWebhook", webhooks=[injector]
        ),
        resource("ValidatingWebhookConfiguration", "istio-galley", "", "galley", webhooks=validators),
    ]


def gateways(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """Make the two gateways, and the mesh configuration, which names them."""
    made = []
    ports = [
        {"name": name, "nodePort": node, "port": port}
        for name, node, port in (("http2", 31380, 80), ("https", 31390, 443))
    ]
    for name in ("istio-egressgateway", "istio-ingressgateway"):
        selector = {"app": name, "istio": name.removeprefix("istio-")}
        owner = f"kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        container = {
            "name": "istio-proxy",
            "args": ["proxy", "router", "--serviceCluster", name, "--zipkinAddress", "zipkin:9411"],
            "env": [{"name": "ISTIO_META_WORKLOAD_NAME", "value": name}, {"name": "ISTIO_META_OWNER", "value": owner}],
        }
        made += [
            resource("ServiceAccount", f"{name}-service-account", namespace, "gateways"),
            resource(
                "Service",
                name,
                namespace,
                "gateways",
                spec={"type": "LoadBalancer", "selector": selector, "ports": ports},
            ),
            resource(
                "PodDisruptionBudget",
                name,
                namespace,
                "gateways",
                spec={"minAvailable": 1, "selector": {"matchLabels": selector}},
            ),
            deployment(name, namespace, "gateways", container),
        ]
        # As in the chart, the label of the ServiceAccount is the name of the gateway.
        made[-4][1]["metadata"]["labels"]["app"] = name
    values = {
        "gateways": {"istio-ingressgateway": {"labels": {"app": "istio-ingressgateway"}}},
        "global": {f"value{n}": n for n in range(1500)},
    }
    mesh = f"# Let Pilot give ingresses the public IP of the gateway\ningressService: istio-ingressgateway\nrootNamespace: {namespace}\n"
    template = "policy: enabled\ntemplate: |-\n" + "".join(
        f'  - "{{{{ .Values.global.value{n} }}}}"\n' for n in range(900)
    )
    return [
        *made,
        resource("ConfigMap", "istio", namespace, "istio", data={"mesh": mesh, "meshNetworks": "networks: {}"}),
        resource(
            "ConfigMap",
            "istio-sidecar-injector",
            namespace,
            "istio",
            data={"values": json.dumps(values), "config": template},
        ),
    ]


def roles(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """Make the cluster roles and their bindings: those whose names differ for each mesh, and those whose names do not."""
    own = [f"istio-{what}-{namespace}" for what in ("citadel", "galley", "mixer", "pilot", "sidecar-injector")]
    groups = ("config.istio.io", "networking.istio.io", "authentication.istio.io", "rbac.istio.io", "security.istio.io")
    rules = [{"apiGroups": [group], "resources": ["*"], "verbs": ["get", "list", "watch"]} for group in groups]
    made = [
        resource("ClusterRole", name, "", "istio", rules=rules)
        for name in (*own, "kiali", "kiali-viewer", "istio-reader")
    ]
    for name in (*own, "istio-multi", "istio-reader"):
        role = "istio-reader" if name == "istio-multi" else name
        subjects = [{"kind": "ServiceAccount", "name": "istio-pilot-service-account", "namespace": namespace}]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        made.append(resource("ClusterRoleBinding", name, "", "istio", roleRef=reference, subjects=subjects))
    return made


def mixer_resources(namespace: str) -> list[tuple[str, dict[str, Any]]]:
    """Make the resources of Mixer, which no rule changes."""
    dimensions = {
        f"dimension_{n}": f'conditional((context.reporter.kind | "inbound") == "outbound", "a{n}", "b")'
        for n in range(25)
    }
    made = [
        resource("instance", f"metric{n}", namespace, "mixer", spec={"params": {"dimensions": dimensions}})
        for n in range(11)
    ]
    made += [
        resource("rule", f"rule{n}", namespace, "mixer", spec={"match": "true", "actions": [{"handler": "prometheus"}]})
        for n in range(8)
    ]
    return made + [
        resource("handler", f"handler{n}", namespace, "mixer", spec={"compiledAdapter": "stdio"}) for n in range(3)
    ]


def dashboard(namespace: str, name: str, size: int) -> str:
    """Return one ConfigMap with a dashboard of about this size, quoted as in the chart."""
    panel: dict[str, Any] = {
        "datasource": "Prometheus",
        "gridPos": {"h": 7, "w": 8, "x": 0, "y": 9},
        "legend": {"avg": False, "current": False, "show": True},
        "targets": [
            {
                "expr": f'sum(rate(istio_requests_total{{app="{name}"}}[1m]))',
                "format": "time_series",
                "intervalFactor": 2,
            }
        ],
        "title": "Requests",
        "type": "graph",
    }
    each = len(json.dumps(panel, indent=2)) + 120  # its lines are indented more in the dashboard
    body = json.dumps({"editable": False, "panels": [panel | {"id": n} for n in range(max(1, size // each))]}, indent=2)
    return (
        f"# Source: istio/charts/grafana/templates/configmap-dashboards.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n"
        f"  name: istio-grafana-configuration-dashboards-{name}-dashboard\n  namespace: {namespace}\n"
        f"  labels:\n    app: grafana\n    chart: grafana\n    heritage: Helm\n    release: istio\n    istio: grafana\n"
        f"data:\n  {name}-dashboard.json: '{body}\n'\n"
    )


def repeated(stream: bytes, times: int, *, numbered: bool = False) -> bytes:
    """Repeat a stream; if `numbered`, each copy has names of its own, since kustomize accepts each name only once."""
    first = stream if stream.endswith(b"\n") else stream + b"\n"
    lead = b"" if first.startswith(b"---") else b"---\n"
    copies = [first] + [(renumbered(first.decode(), n) if numbered else first) for n in range(2, times + 1)]
    return b"".join(lead + each for each in copies)


def renumbered(text: str, number: int) -> bytes:
    """Append a number to the name of every resource, and change nothing else."""
    ends = []
    for root in yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        body = fields(root)
        for node in body["items"].value if "items" in body else [root]:
            if metadata := fields(node).get("metadata"):
                name = fields(metadata)["name"]
                ends.append(name.end_mark.index - bool(name.style))
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return f"-copy{number}".join(pieces).encode()


def fields(node: Any) -> dict[str, Any]:
    """Return the nodes of a mapping by key; an empty dictionary for any other node."""
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


# --- The contestants -----------------------------------------------------------------------------------------------


class Contestant(NamedTuple):
    """One command to time, and the output it must have."""

    name: str
    command: list[str]
    environment: dict[str, str]
    task: Task | None = None
    title: str = ""
    #: It runs in every round whose number is divisible by this.
    every: int = 1
    #: How often each rewritten resource must be in its output.
    copies: int = 1
    stream: bytes | None = None


class Workshop:
    """The directory with everything that the contestants need, and the interpreter that they share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        real = Path(os.path.realpath(sys.executable))
        code = "import yaml; print(yaml.__file__, yaml.__version__, yaml.__with_libyaml__, sep='\\n')"
        probe = subprocess.run([str(real), "-I", "-c", code], capture_output=True, text=True, check=False)
        #: Whether the interpreter of the virtual environment is used, since the real one has no PyYAML.
        self.borrowed = probe.returncode != 0
        names = [name for name in os.environ if not name.startswith(("HELM_", "MULTIMESH_", "PYTHON"))]
        self.environment = {name: os.environ[name] for name in names}
        binaries = (Path(sys.executable) if self.borrowed else real).parent
        if os.path.realpath(binaries / "python3") != str(real):  # `python3` there is another version
            binaries = directory / "bin"
            binaries.mkdir()
            (binaries / "python3").symlink_to(real)
        self.python = str(binaries / "python3")
        self.environment["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        found = (yaml.__file__, yaml.__version__, yaml.__with_libyaml__) if self.borrowed else probe.stdout.split("\n")
        #: The directory of PyYAML, which the peers get so that they need not search for it, and its version.
        self.packages = str(Path(found[0]).resolve().parent.parent)
        self.pyyaml_version = f"PyYAML {found[1]} with{'' if str(found[2]) == 'True' else 'out'} libyaml"

    def path(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)

    def floor(self, title: str) -> Contestant:
        """Return the contestant that starts the interpreter and does nothing."""
        return Contestant(FLOOR, [self.python, "-I", "-S", "-c", "pass"], self.environment, title=title)

    def ours(self, task: Task, name: str = AS_HELM, launch: list[str] | None = None, *, path: str = "") -> Contestant:
        """Return a contestant that runs multimesh; by default it runs postrender.py, as Helm does."""
        profile = self.path(f"profile-{task.mesh.name}.yaml", task.mesh.profile)
        command = [*(launch or [str(ROOT / "postrender.py")]), f"--profile={profile}"]
        environment = self.environment | ({"PATH": path + os.pathsep + self.environment["PATH"]} if path else {})
        return Contestant(f"{OURS}: {name}", command, environment, task, task.title, copies=task.times)

    def against(self, task: Task, checkouts: list[Path]) -> list[Contestant]:
        """Return contestants that run other checkouts of multimesh, to compare builds in one run."""
        return [
            self.ours(task, launch=[str(checkout / "postrender.py")])._replace(name=f"the checkout {checkout.name}")
            for checkout in checkouts
        ]

    def pyyaml(self, task: Task, kind: str, every: int = 1) -> Contestant:
        """Return the contestant that loads, edits and dumps with PyYAML, in C or in Python."""
        prefix = "C" if kind == "C" else ""
        slug = re.sub(r"\W+", "-", f"peer-{task.title}-{kind}")
        source = PYYAML.format(
            packages=self.packages, prefix=prefix, rewrites=[tuple(r) for r in task.rewrites], dropped=task.dropped
        )
        # As with multimesh, a short script imports a module that is compiled once.
        self.path(f"peers/{slug.replace('-', '_')}.py", source)
        start = f"import sys\nsys.path.append({str(self.directory / 'peers')!r})\nimport {slug.replace('-', '_')}\n"
        command = [self.python, "-I", "-S", self.path(f"pyyaml-{slug}.py", start)]
        name = f"PyYAML {kind}: load, edit, dump"
        return Contestant(name, command, self.environment, task, task.title, every, task.times)

    def kustomize(self, task: Task, kubectl: str, every: int = 1) -> Contestant:
        """Return the contestant `kubectl kustomize`, with the rewrite as patches; at a larger size of one copy only."""
        patches: list[dict[str, Any]] = []
        for kind, name, ops in task.rewrites:
            listed = [
                {"op": action, "path": pointer(path)} | ({} if action == "remove" else {"value": value})
                for action, path, value in ops
            ]
            target = {"kind": kind, "name": f"^{re.escape(name)}$"}
            patches.append({"target": target, "patch": json.dumps(listed), "options": {"allowNameChange": True}})
        for kind in task.dropped:
            body = {
                "$patch": "delete",
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": "any"},
            }
            patches.append({"target": {"kind": kind}, "patch": json.dumps(body)})
        directory = self.directory / re.sub(r"\W+", "-", f"kustomize-{task.title}")
        directory.mkdir()
        stream = (
            task.stream
            if task.times == 1
            else repeated(task.stream[: len(task.stream) // task.times], task.times, numbered=True)
        )
        (directory / "stream.yaml").write_bytes(stream)
        kustomization = {"resources": ["stream.yaml"], "patches": patches}
        (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        return Contestant(
            "kubectl kustomize",
            [kubectl, "kustomize", str(directory)],
            self.environment,
            task,
            task.title,
            every,
            1,
            b"",
        )


#: The program of the contestants that use PyYAML. Braces are doubled for str.format.
PYYAML = """\
import sys
sys.path.append({packages!r})
import yaml

def apply(resource, ops):
    for action, path, value in ops:
        parent = resource
        for key in path[:-1]:
            parent = parent[key]
        if action == "remove":
            del parent[path[-1]]
        elif path[-1] == "-":
            parent.append(value)
        else:
            parent[path[-1]] = value

rewrites = {{(kind, name): ops for kind, name, ops in {rewrites!r}}}
documents = []
for document in yaml.load_all(sys.stdin.buffer.read(), Loader=yaml.{prefix}SafeLoader):
    if not document or document["kind"] in {dropped!r}:
        continue
    for resource in document["items"] if document["kind"] == "List" else [document]:
        apply(resource, rewrites.get((resource["kind"], resource["metadata"]["name"]), ()))
    documents.append(document)
yaml.dump_all(documents, sys.stdout.buffer, Dumper=yaml.{prefix}SafeDumper, encoding="utf-8", allow_unicode=True, sort_keys=False)
"""


def launch_forms(shop: Workshop, task: Task, notes: list[str]) -> list[Contestant]:
    """Return contestants that start the same program in other ways, and where Python starts slowly."""
    script = str(ROOT / "postrender.py")
    title = "launch forms"
    plain, hooked = (environment_of(shop, name) for name in ("plain", "hooked"))
    # Setuptools writes such a file for many editable installs. Python runs its line at every start.
    (hooked[1] / "__editable___other_finder.pth").write_text(
        "import importlib.machinery, importlib.util, itertools, pathlib\n"
    )
    # With a file instead of the directory, not even root can store compiled code there.
    fresh = shop.directory / "fresh"
    shutil.copytree(ROOT / "multimesh", fresh / "multimesh", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "postrender.py", fresh)
    for package in [fresh / "multimesh", *(path for path in (fresh / "multimesh").rglob("*") if path.is_dir())]:
        (package / "__pycache__").write_text("")
    python = shop.python
    found = [
        shop.ours(task),
        shop.ours(task, "python3 -E -s -S postrender.py", [python, "-E", "-s", "-S", script]),
        Contestant("python3 -I -c pass", [str(plain[0] / "python3"), "-I", "-c", "pass"], shop.environment),
        Contestant(
            "python3 -I -c pass, an import hook in a .pth file",
            [str(hooked[0] / "python3"), "-I", "-c", "pass"],
            shop.environment,
        ),
        shop.ours(task, "python3 -I postrender.py", [str(plain[0] / "python3"), "-I", script]),
        shop.ours(task, "console script `multimesh render`", [str(plain[0] / "multimesh"), "render"]),
        shop.ours(task, "console script, an import hook in a .pth file", [str(hooked[0] / "multimesh"), "render"]),
        shop.ours(task, "as Helm starts it, an import hook in a .pth file", path=str(hooked[0])),
        shop.ours(task, "as Helm starts it, __pycache__ cannot be written", [str(fresh / "postrender.py")]),
    ]
    shims = [
        directory for directory in os.environ.get("PATH", "").split(os.pathsep) if directory.endswith("/.pyenv/shims")
    ]
    if os.environ.get("PYENV_ROOT"):
        shims.append(os.environ["PYENV_ROOT"] + "/shims")
    shims.append(os.path.expanduser("~/.pyenv/shims"))
    shim = next((directory for directory in shims if os.access(directory + "/python3", os.X_OK)), "")
    if shim:
        found.append(shop.ours(task, "as Helm starts it, a pyenv shim first on PATH", path=shim))
    else:
        notes.append("no pyenv here: its shim is not timed")
    return [contestant._replace(title=title) for contestant in found]


def environment_of(shop: Workshop, name: str) -> tuple[Path, Path]:
    """Make a virtual environment with an editable install; return its directories of programs and of packages."""
    directory = shop.directory / name
    subprocess.run([shop.python, "-m", "venv", "--without-pip", str(directory)], check=True)
    packages = next(directory.glob("lib/python*/site-packages"))
    (packages / "multimesh.pth").write_text(f"{ROOT}\n{shop.packages}\n", encoding="utf-8")
    console = directory / "bin" / "multimesh"
    text = "import sys\nfrom multimesh.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    console.write_text(f"#!{directory}/bin/python3\n{text}", encoding="utf-8")
    console.chmod(0o755)
    return directory / "bin", packages


# --- Measuring -----------------------------------------------------------------------------------------------------

#: The program that starts the contestants. It is a small process of its own, since the peak memory that the system
#: reports for a process is at least that of the process that forked it.
RUNNER = """\
import marshal, posix, sys, time
while True:
    try:
        command, environment, *files = marshal.load(sys.stdin.buffer)
    except EOFError:
        break
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL
    opened = [posix.open(files[0], posix.O_RDONLY), posix.open(files[1], flags), posix.open(files[2], flags)]
    began = time.perf_counter()
    child = posix.fork()
    if not child:
        try:
            for number, descriptor in enumerate(opened):
                posix.dup2(descriptor, number)
            posix.execve(command[0], command, environment)
        finally:
            posix._exit(127)
    _, status, usage = posix.wait4(child, 0)
    seconds = time.perf_counter() - began
    for descriptor in opened:
        posix.close(descriptor)
    marshal.dump((posix.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss), sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


class Row(NamedTuple):
    """The result of one contestant: its times in seconds and its peaks in bytes, or why it was not timed."""

    title: str
    name: str
    seconds: list[float]
    peaks: list[int]
    size: int = 0
    void: str = ""


class Runner:
    """Starts contestants, one at a time."""

    def __init__(self, shop: Workshop) -> None:
        self.directory = shop.directory / "runs"
        self.directory.mkdir()
        self.process = subprocess.Popen(
            [shop.python, "-I", "-S", "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        """End the small process."""
        self.process.communicate()

    def run(self, contestant: Contestant, number: int) -> tuple[int, float, int, Path]:
        """Run once; return the exit code, the seconds, the peak in bytes, and the file with the output."""
        stream = self.directory / f"{number}.in"
        if not stream.exists():
            task = contestant.task
            stream.write_bytes(contestant.stream if contestant.stream is not None else task.stream if task else b"")
        out, err = self.directory / f"{number}.out", self.directory / f"{number}.err"
        out.unlink(missing_ok=True)  # before the time is taken, since truncating a large file takes long
        err.unlink(missing_ok=True)
        assert self.process.stdin, "it is a pipe"
        assert self.process.stdout, "it is a pipe"
        job = (contestant.command, contestant.environment, str(stream), str(out), str(err))
        self.process.stdin.write(marshal.dumps(job))
        self.process.stdin.flush()
        code, seconds, peak = marshal.load(self.process.stdout)  # noqa: S302 - compiled forms that Python itself wrote
        return code, seconds, peak * (1 if sys.platform == "darwin" else 1024), out

    def compete(self, contestants: list[Contestant], rounds: int, say: Any) -> list[Row]:
        """Check every contestant, then time them interleaved, each once in a round."""
        rows = []
        say(f"{contestants[0].title}: checking {len(contestants)} contestants")
        for number, contestant in enumerate(contestants):
            size = len(contestant.task.stream) if contestant.task else 0
            rows.append(Row(contestant.title, contestant.name, [], [], size, self.check(contestant, number)))
        valid = [number for number, row in enumerate(rows) if not row.void]
        say(f"{contestants[0].title}: timing {len(valid)} contestants, {rounds} rounds")
        for turn in range(rounds):
            # The order differs in each round, so that no contestant always follows the same large process. It is the
            # same in each run of the benchmark.
            for number in random.Random(turn).sample(valid, len(valid)):  # noqa: S311 - a generated chart needs no secrets
                if turn % contestants[number].every:
                    continue
                code, seconds, peak, _ = self.run(contestants[number], number)
                if code:
                    rows[number] = rows[number]._replace(void=f"exit code {code} in round {turn + 1}")
                rows[number].seconds.append(seconds)
                rows[number].peaks.append(peak)
        for file in self.directory.iterdir():
            file.unlink()
        return rows

    def check(self, contestant: Contestant, number: int) -> str:
        """Return why this contestant cannot be timed, or an empty text. This run also writes compiled code."""
        code, _, _, out = self.run(contestant, number)
        if code:
            said = out.with_suffix(".err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return f"exit code {code}" + (f": {said[0]}" if said else "")
        return complaint(contestant.task, out.read_bytes(), contestant.copies) if contestant.task else ""


# --- The report ----------------------------------------------------------------------------------------------------


class Goal(NamedTuple):
    """One goal, what was measured, and whether the goal is met; None if it was not measured."""

    what: str
    measured: str
    met: bool | None


class Report(NamedTuple):
    """The results of one run of the benchmark."""

    machine: str
    rows: list[Row]
    goals: list[Goal]
    notes: list[str]
    code: int


def find(rows: list[Row], title: str, start: str) -> Row | None:
    """Return the first row of a stream whose name begins with `start`, if it was timed."""
    return next(
        (row for row in rows if row.title == title and row.name.startswith(start) and not row.void and row.seconds),
        None,
    )


def ratio(rows: list[Row], title: str, over: str, under: str) -> float | None:
    """Return the ratio of the medians of two rows of the same stream, or None if one is missing."""
    first, second = find(rows, title, over), find(rows, title, under)
    return median(first.seconds) / median(second.seconds) if first and second else None


def further_mb(rows: list[Row], large: str) -> tuple[float, float] | None:
    """Return the time of each further 10**6 bytes, in milliseconds and as a ratio, from two sizes in one run."""
    found = [row for row in rows if row.title == large and row.name.startswith(OURS) and not row.void and row.seconds]
    floor = find(rows, large, FLOOR)
    if len(found) != 2 or not floor:
        return None
    small, big = sorted(found, key=lambda row: row.size)
    slope = (median(big.seconds) - median(small.seconds)) / ((big.size - small.size) / 1e6)
    return slope * 1e3, slope / median(floor.seconds)


def goals_of(rows: list[Row], demo: str, large: str, bases: list[str]) -> list[Goal]:
    """Compare the rows with the goals."""
    goals = []
    for title in (demo, *bases):
        times = ratio(rows, title, OURS, FLOOR)
        for what, most in (("at most", GOAL), ("never above", LIMIT)):
            text = f"{title}: {what} {most:.1f}x the bare interpreter"
            goals.append(Goal(text, shown(times), within(times, most=most)))
        for name, least in FASTER.items():
            times = ratio(rows, title, name, OURS)
            text = f"{title}: at least {least:.0f}x faster than {name}"
            goals.append(Goal(text, shown(times), within(times, least=least)))
    slope, bare = further_mb(rows, large) or (None, None)
    text = f"at most {PER_MB:.0f} ms for each further MB"
    measured = shown(slope, " ms") + (f" ({bare:.2f}x)" if bare is not None else "")
    goals.append(Goal(text, measured, within(slope, most=PER_MB)))
    row, floor = find(rows, demo, OURS), find(rows, demo, FLOOR)
    peak = median(row.peaks) / 2**20 if row else None
    measured = shown(peak, " MiB") + (f" ({median(row.peaks) / median(floor.peaks):.2f}x)" if row and floor else "")
    goals.append(Goal(f"{demo}: peak memory at most {PEAK_MIB:.0f} MiB", measured, within(peak, most=PEAK_MIB)))
    row, floor = find(rows, large, OURS), find(rows, large, FLOOR)
    times = (median(row.peaks) - median(floor.peaks)) / row.size if row and floor else None
    text = f"{TIMES} times the size: peak memory at most {PEAK_TIMES:.0f} times the stream above the bare interpreter's"
    return [*goals, Goal(text, shown(times), within(times, most=PEAK_TIMES))]


def within(number: float | None, least: float = 0.0, most: float = float("inf")) -> bool | None:
    """Return whether a number is within its bounds, or None if there is no number."""
    return None if number is None else least <= number <= most


def shown(number: float | None, unit: str = "x") -> str:
    """Format a number for the table of goals."""
    return "not measured" if number is None else f"{number:.2f}{unit}"


def exit_code(rows: list[Row], demo: str) -> int:
    """Return 1 if multimesh exceeds the limit by more than the margin for noise, 2 if it could not be timed, else 0."""
    times = ratio(rows, demo, OURS, FLOOR)
    return 2 if times is None else int(times > LIMIT * (1 + MARGIN))


def table(rows: list[Row]) -> list[list[str]]:
    """Return the cells of the table; ratios are to the bare interpreter of the same stream."""
    cells = [["stream", "contestant", "time: median (min to max)", "peak memory", "multimesh is faster by", "runs"]]
    for row in rows:
        floor = find(rows, row.title, FLOOR)
        if row.void or not floor:
            cells.append(
                [row.title, row.name, f"void: {row.void or 'no bare interpreter to compare it with'}", "", "", ""]
            )
            continue
        unit = median(floor.seconds)
        low, middle, high = (value / unit for value in (min(row.seconds), median(row.seconds), max(row.seconds)))
        faster = ratio(rows, row.title, row.name, OURS) if not row.name.startswith((OURS, "python3")) else None
        memory = median(row.peaks) / median(floor.peaks)
        time_cell = f"{middle:.2f}x ({low:.2f} to {high:.2f})"
        cells.append(
            [
                row.title,
                row.name,
                time_cell,
                f"{memory:.2f}x",
                f"{faster:.1f}x" if faster else "",
                str(len(row.seconds)),
            ]
        )
    return cells


def verdict(goal: Goal) -> str:
    """Return the word for whether a goal is met."""
    return "not measured" if goal.met is None else "met" if goal.met else "missed"


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    goals = [["goal", "measured", ""], *([goal.what, goal.measured, verdict(goal)] for goal in report.goals)]
    notes = "".join(f"- {note}\n" for note in report.notes)
    return f"{report.machine}\n\n{piped(table(report.rows))}\n{piped(goals)}" + (f"\n{notes}" if notes else "")


def piped(cells: list[list[str]]) -> str:
    """Return cells as a table of Markdown."""
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in [head, ["---"] * len(head), *body])


def plain(report: Report) -> str:
    """Return the report for a terminal."""
    lines = [report.machine, ""]
    cells = table(report.rows)
    widths = [
        max(len(line[column]) for line in cells if not line[2].startswith("void")) for column in range(len(cells[0]))
    ]
    last = ""
    for line in cells:
        shown_line = [line[0] if line[0] != last else "", *line[1:]]
        if last and line[0] != last:
            lines.append("")
        last = line[0]
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(shown_line, widths, strict=True)).rstrip())
    lines.append("")
    width = max(len(goal.what) for goal in report.goals)
    lines += [f"{verdict(goal):12}  {goal.what.ljust(width)}  {goal.measured}" for goal in report.goals]
    return "\n".join(lines + [""] * bool(report.notes) + [f"note: {note}" for note in report.notes])


def replaced(page: str, text: str) -> str:
    """Return the page with the text between its markers. Raises BenchFailed if a marker is missing or repeated."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise BenchFailed(
            f"the page needs {BEGIN} and, below it, {END}, each once\n  Put them where the table belongs."
        )
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def machine(pyyaml: str, kubectl: str, load: float) -> str:
    """Describe the machine, and its load before and after."""
    model = platform.processor() or platform.machine()
    try:
        found = re.search(r"(?m)^model name\s*: *(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        model = found[1] if found else model
    except OSError:
        pass
    tools = f"Python {platform.python_version()}, {pyyaml}" + (f", kubectl {kubectl}" if kubectl else "")
    busy = f"Load average {load:.1f} before, {os.getloadavg()[0]:.1f} after; the bench alone makes about 1."
    return f"{model}, {os.cpu_count()} CPUs, {platform.system()}; {tools}. {busy}"


def measure(arguments: argparse.Namespace) -> Report:
    """Run the whole benchmark."""
    notes: list[str] = []
    load = os.getloadavg()[0]
    heavy = -(-arguments.rounds // 3)  # three runs
    try:
        kubectl = str(real_helm.fetch(4).with_name("kubectl"))
    except real_helm.HelmUnavailable as error:
        kubectl = ""
        notes.append("kubectl is not available, so kustomize is not timed: " + str(error).splitlines()[0])
    title, stream = demo_stream()
    if title == "generated":
        notes.append("no streams next to the checkout: a generated stream is used instead of Istio 1.5.0 demo")
    rewrites = demo_rewrites(resources_of(stream), AFFIRMED)
    demo = Task(f"{title}, {len(stream) / 1e3:.0f} KB", stream, AFFIRMED, rewrites)
    large = demo._replace(title=f"{title} x{TIMES}", stream=repeated(stream, TIMES), times=TIMES)
    with tempfile.TemporaryDirectory(prefix="multimesh-bench-") as directory:
        shop = Workshop(Path(directory))
        if shop.borrowed:
            notes.append("the real interpreter has no PyYAML: every python3 is that of the virtual environment")
        others = arguments.against
        groups = [
            [
                shop.floor(demo.title),
                shop.ours(demo),
                *shop.against(demo, others),
                shop.pyyaml(demo, "C"),
                shop.pyyaml(demo, "pure", heavy),
            ]
        ]
        if kubectl:
            groups[0].append(shop.kustomize(demo, kubectl))
        if not arguments.quick:
            # The small stream runs in the same rounds, so that the time of a further MB is from one run.
            small = shop.ours(demo)._replace(name=f"{OURS}: the stream once, in the same rounds", title=large.title)
            groups.append(
                [
                    shop.floor(large.title),
                    shop.ours(large),
                    small,
                    *shop.against(large, others),
                    shop.pyyaml(large, "C", heavy),
                ]
            )
            if kubectl:
                groups[1].append(shop.kustomize(large, kubectl, heavy))
        bases = []
        for mesh in (AFFIRMED, BLUE):
            file = STREAMS / "helm3" / "1.30.3" / mesh.name / "base.yaml"
            shared = "own" if mesh.owns else "leave"
            if not file.is_file():
                notes.append(
                    f"no streams next to the checkout: the base chart of Istio 1.30.3 as {shared} is not timed"
                )
                continue
            content = file.read_bytes()
            dropped = () if mesh.owns else ("CustomResourceDefinition",)
            kept = f"Istio 1.30.3 base as {shared}, {len(content) / 1e3:.0f} KB"
            base = Task(kept, content, mesh, base_rewrites(resources_of(content), mesh), dropped)
            bases.append(base.title)
            groups.append(
                [shop.floor(base.title), shop.ours(base), *shop.against(base, others), shop.pyyaml(base, "C")]
            )
            if kubectl:
                groups[-1].append(shop.kustomize(base, kubectl))
        groups.append([shop.floor("launch forms"), *launch_forms(shop, demo, notes)])
        runner = Runner(shop)
        try:
            rows = [row for group in groups for row in runner.compete(group, arguments.rounds, say)]
        finally:
            runner.close()
    # A message may contain the path of a temporary file, which does not help a reader.
    rows = [row._replace(void=row.void.replace(directory, "…").replace(str(ROOT) + "/", "")) for row in rows]
    version = real_helm.LAYERS[4].kubectl if kubectl else ""
    ran_on = machine(shop.pyyaml_version, version, load)
    return Report(ran_on, rows, goals_of(rows, demo.title, large.title, bases), notes, exit_code(rows, demo.title))


def say(text: str) -> None:
    """Print progress to stderr, since stdout is for the table."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def odd(text: str) -> int:
    """Parse a number of rounds. It must be odd, so that the median is a measured value."""
    number = int(text)
    if number < 1 or number % 2 == 0:
        raise argparse.ArgumentTypeError(f"{number} is not an odd number of rounds")
    return number


def main(argv: list[str] | None = None) -> int:
    """Measure, and print the results."""
    limit = textwrap.dedent(f"""\
        exit code 1: postrender.py takes more than {LIMIT} times the bare interpreter plus {MARGIN:.0%} for noise,
        {LIMIT * (1 + MARGIN):.2f} times; 2: it could not be timed, or the benchmark could not run""")
    parser = argparse.ArgumentParser(description="Measure multimesh, and compare it with other programs.", epilog=limit)
    parser.add_argument("--rounds", type=odd, metavar="N", help="an odd number of rounds (default: 15; quick: 5)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and nothing at ten times the size")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every time and peak as JSON")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the Markdown between the markers of this page")
    parser.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="another checkout of multimesh, measured in the same rounds; may be given more than once",
    )
    arguments = parser.parse_args(argv)
    arguments.rounds = arguments.rounds or (5 if arguments.quick else 15)
    try:
        if arguments.write:
            replaced(arguments.write.read_text(encoding="utf-8"), "")  # fails now, not after minutes of measuring
        report = measure(arguments)
        if arguments.json:
            rows = [row._asdict() for row in report.rows]
            content = report._asdict() | {"rows": rows, "goals": [goal._asdict() for goal in report.goals]}
            arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if arguments.write:
            page = arguments.write.read_text(encoding="utf-8")
            arguments.write.write_text(replaced(page, markdown(report)), encoding="utf-8")
    except (BenchFailed, OSError, subprocess.CalledProcessError) as error:
        print(f"multimesh: bench: {error}", file=sys.stderr)
        return 2
    print(markdown(report) if arguments.markdown else plain(report))
    return report.code


if __name__ == "__main__":
    raise SystemExit(main())

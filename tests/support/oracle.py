"""Judge streams without the package.

Nothing here imports `multimesh`, and nothing there may import this: a mistake in one
must not be able to hide in the other. Everything is a pure function on parsed streams.

- `load`, `key`, `leaves`, `differences`: streams as values.
- `collisions`, `dangling`: what two meshes share, what one mesh refers to in vain.
- `plan`, `apply`: the rewrite of Istio 1.5, written a second time, as a table of values.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import yaml

Object = dict[str, Any]
Path = tuple[str, ...]


# --- streams as values -------------------------------------------------------------------


class Bare(str):
    """A scalar that is no string to YAML (31380, true, null), kept as its text.

    It equals only its like, so that an environment variable `true` is not taken for "true".
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return type(other) is Bare and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"<{self!s}>"


NULL = Bare("null")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Read scalars as their text: strings as str, everything else as Bare."""


for _tag in ("int", "float", "bool", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _, node: Bare(node.value))
_Loader.add_constructor("tag:yaml.org,2002:null", lambda _, node: NULL)
_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def documents(text: str | bytes) -> list[Any]:
    """Parse every document that is not empty."""
    if isinstance(text, bytes):
        text = text.decode()
    loaded = yaml.load_all(text.removeprefix("\ufeff"), Loader=_Loader)  # safe: see _Loader
    return [document for document in loaded if document is not None and document != NULL]


def load(text: str | bytes) -> list[Object]:
    """Parse a stream into its objects; Lists are flattened."""
    return [obj for document in documents(text) for obj in flat(document)]


def flat(obj: Object) -> Iterator[Object]:
    """Yield the object itself, or what a List holds, however deep."""
    if obj.get("kind", "").endswith("List") and isinstance(obj.get("items"), list):
        for item in obj["items"]:
            yield from flat(item)
    else:
        yield obj


class Key(NamedTuple):
    """Who an object is, to a cluster."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in self[1:] if part)


def key(obj: Object) -> Key:
    """Name an object; the namespace that some charts give to cluster-scoped objects is ignored."""
    group = obj["apiVersion"].rpartition("/")[0]
    meta = obj["metadata"]
    namespace = "" if obj["kind"] in CLUSTER_SCOPED else meta.get("namespace", "")
    return Key(group, obj["kind"], namespace, meta["name"])


CLUSTER_SCOPED = frozenset(
    """
    APIService CSIDriver CSINode CertificateSigningRequest ClusterIssuer ClusterRbacConfig
    ClusterRole ClusterRoleBinding CustomResourceDefinition GatewayClass IngressClass
    MeshPolicy MutatingWebhookConfiguration Namespace Node PersistentVolume
    PodSecurityPolicy PriorityClass RuntimeClass StorageClass ValidatingAdmissionPolicy
    ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment
    """.split()
)

# Lists whose items' names the rewrite itself may change: told by position, or nothing would match.
BY_POSITION = frozenset({"webhooks", "subjects"})


def steps(items: list[Any], field: str) -> list[str]:
    """Address the items of a list: `[name]` where each has a name of its own, else `[index]`."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if field not in BY_POSITION and all(isinstance(n, str) for n in names) and len(set(names)) == len(names):
        return [f"[{name}]" for name in names]
    return [f"[{index}]" for index in range(len(items))]


def leaves(obj: Any, *, embedded: bool = False) -> dict[Path, Any]:
    """Map every path of an object to its scalar; with `embedded`, look into ConfigMaps' documents."""
    found: dict[Path, Any] = {}
    texts = embedded and isinstance(obj, dict) and obj.get("kind") == "ConfigMap"
    for path, value in _walk(obj, ()):
        inner = parsed(path[-1], value) if texts and path[:1] == ("data",) else None
        if inner is None:
            found[path] = value
        else:
            found.update({(*path, *rest): leaf for rest, leaf in _walk(inner, ())})
    return found


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))
    elif isinstance(value, list) and value:
        for step, inner in zip(steps(value, path[-1] if path else ""), value):
            yield from _walk(inner, (*path, step))
    else:
        yield path, value


def parsed(name: str, text: Any) -> Any:
    """Parse the value of a ConfigMap's key where it is a document; None where it is only text."""
    if not isinstance(text, str):
        return None
    if text.startswith(("{", "[")):
        with contextlib.suppress(ValueError):
            return json.loads(text, parse_int=Bare, parse_float=Bare)
    try:
        if name.endswith((".yaml", ".yml")) or name in {"mesh", "meshNetworks", "config"}:
            found = documents(text)
            return found[0] if len(found) == 1 else found or None
    except (ValueError, yaml.YAMLError):
        pass
    return None


class Absent:
    """No value at this path."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = Absent()


def differences(before: Object, after: Object, *, embedded: bool = False) -> dict[Path, tuple]:
    """Map each path whose scalar differs to (before, after)."""
    old, new = leaves(before, embedded=embedded), leaves(after, embedded=embedded)
    return {
        path: (old.get(path, ABSENT), new.get(path, ABSENT))
        for path in {**old, **new}
        if old.get(path, ABSENT) != new.get(path, ABSENT)
    }


def show(path: Path) -> str:
    """Write a path in one line."""
    return "/".join(path).replace("/[", "[")


# --- parts of objects --------------------------------------------------------------------


def of_kind(objs: Iterable[Object], *kinds: str) -> list[Object]:
    """List the objects of these kinds."""
    return [obj for obj in objs if obj["kind"] in kinds]


def _get(obj: Any, *path: str) -> Any:
    """Follow keys; None where the path ends early."""
    for step in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(step)
    return obj


def _list(obj: Any, *path: str) -> list[Any]:
    found = _get(obj, *path)
    return found if isinstance(found, list) else []


def _namespace(obj: Object) -> str:
    return _get(obj, "metadata", "namespace") or ""


WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job")


def pods(objs: Iterable[Object]) -> list[tuple[Object, Object]]:
    """List the workloads with their pod templates."""
    return [(obj, obj["spec"]["template"]) for obj in of_kind(objs, *WORKLOADS)]


def containers(template: Object) -> list[Object]:
    """List the containers of a pod template, the init containers too."""
    return _list(template, "spec", "initContainers") + _list(template, "spec", "containers")


def container(objs: Iterable[Object], workload: str, name: str) -> Object | None:
    """Find one container by the names of its Deployment and of itself."""
    for obj, template in pods(objs):
        if obj["metadata"]["name"] == workload:
            for found in containers(template):
                if found["name"] == name:
                    return found
    return None


def flag(found: Object, name: str) -> str | None:
    """Read a flag, `--name=value` or `--name`, `value`, from a container's command and args."""
    words = _list(found, "command") + _list(found, "args")
    for index, word in enumerate(words):
        if word == name:
            return words[index + 1]
        if isinstance(word, str) and word.startswith(name + "="):
            return word.partition("=")[2]
    return None


def config(objs: Iterable[Object], name: str, field: str) -> Any:
    """Parse one key of a ConfigMap; None where there is none."""
    for obj in of_kind(objs, "ConfigMap"):
        if obj["metadata"]["name"] == name:
            return parsed(field, _get(obj, "data", field))
    return None


def _matches(selector: Object, labels: Object | None) -> bool:
    return all((labels or {}).get(name) == value for name, value in selector.items())


# --- two meshes: collisions --------------------------------------------------------------

WARNINGS = frozenset({"C13", "C14"})


def collisions(a: list[Object], b: list[Object]) -> set[tuple]:
    """List what two meshes share, as (class, what, …); reference/istio-1.5.md, section 8."""
    return {
        *_names(a, b),
        *_embedded(a, b),
        *_webhooks(a, b),
        *(("C7", "nodePort", p) for p in node_ports(a) & node_ports(b)),
        *(("C8", *where) for where in host_resources(a) & host_resources(b)),
        *_citadels(a, b),
        *_trust(a, b),
        *_gateways(a, b),
        *_revisions(a, b),
        *_discovery(a, b),
    }


def errors(found: set[tuple]) -> set[tuple]:
    """Leave out the classes that are only warnings."""
    return {finding for finding in found if finding[0] not in WARNINGS}


def _names(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    for shared in {key(obj) for obj in a} & {key(obj) for obj in b}:
        if shared.kind in CLUSTER_SCOPED:
            yield ("C1", shared.kind, shared.name)
        else:
            yield ("C4", shared.kind, shared.namespace, shared.name)
    for root in {r for r in _roots(a) if r} & {r for r in _roots(b) if r}:
        yield ("C4", "rootNamespace", root)


def meshes(objs: list[Object]) -> list[tuple[Object, Any]]:
    """List the ConfigMaps that hold a mesh configuration, `istio` or `istio-<revision>`, with what it says."""
    return [
        (obj, parsed("mesh", obj["data"]["mesh"]) or {})
        for obj in of_kind(objs, "ConfigMap")
        if re.fullmatch(r"istio(-.+)?", obj["metadata"]["name"]) and "mesh" in (obj.get("data") or {})
    ]


def _roots(objs: list[Object]) -> set[str]:
    """List the root namespaces; where 1.6 and later say none, it is istio-system."""
    return {
        (str(root) if (root := _get(mesh, "rootNamespace")) not in (None, NULL) else "istio-system")
        for obj, mesh in meshes(objs)
        if obj["metadata"]["name"] != "istio" or _get(mesh, "rootNamespace")
    }


def _embedded(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    """C2. MeshPolicy and ClusterRbacConfig concern every mesh, whichever of the two applies them."""
    mine, others = embedded_names(a), embedded_names(b)
    for kind, name in mine | others:
        if (kind, name) in mine & others or kind in {"MeshPolicy", "ClusterRbacConfig"}:
            yield ("C2", kind, name)


def embedded_names(objs: list[Object]) -> set[tuple[str, str]]:
    """Name the cluster-scoped objects that a Job applies from a ConfigMap.

    Helm 3 hides hooks, so a ConfigMap that nothing in the stream mounts may be a hook's.
    CRDs are class C3, and not counted here.
    """
    mounted = {
        (obj["kind"] == "Job", _namespace(obj), _get(volume, "configMap", "name"))
        for obj, template in pods(objs)
        for volume in _list(template, "spec", "volumes")
    }
    found = set()
    for obj in of_kind(objs, "ConfigMap"):
        place = (_namespace(obj), obj["metadata"]["name"])
        if (False, *place) in mounted and (True, *place) not in mounted:
            continue
        data = obj.get("data")
        for field, text in (data if isinstance(data, dict) else {}).items():
            inner = parsed(field, text)
            for item in inner if isinstance(inner, list) else [inner]:
                kind = _get(item, "kind")
                if kind in CLUSTER_SCOPED and kind != "CustomResourceDefinition":
                    found.add((kind, item["metadata"]["name"]))
    return found


def _webhooks(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for one, other in itertools.product(of_kind(a, kind), of_kind(b, kind)):
            for first, second in itertools.product(_list(one, "webhooks"), _list(other, "webhooks")):
                if overlap(first, second):
                    yield ("C5", kind, first["name"], second["name"])


def overlap(a: Object, b: Object) -> bool:
    """Tell by trying whether one object can be sent to both webhooks.

    Every label that either selector names is tried without a value, with each value named,
    and with a value that nobody names.
    """
    return _rules_meet(a, b) and all(
        _both_select(a.get(selector), b.get(selector)) for selector in ("namespaceSelector", "objectSelector")
    )


def _rules_meet(a: Object, b: Object) -> bool:
    def meet(one: list[str], other: list[str]) -> bool:
        return "*" in one or "*" in other or bool(set(one) & set(other))

    return any(
        all(meet(x[field], y[field]) for field in ("operations", "apiGroups", "resources"))
        for x, y in itertools.product(_list(a, "rules"), _list(b, "rules"))
    )


def _both_select(a: Object | None, b: Object | None) -> bool:
    named: dict[str, set[str]] = {}
    for selector in (a or {}, b or {}):
        for name, value in (selector.get("matchLabels") or {}).items():
            named.setdefault(name, set()).add(value)
        for term in selector.get("matchExpressions") or []:
            named.setdefault(term["key"], set()).update(term.get("values") or ())
    choices = [[None, "(any other)", *sorted(values)] for values in named.values()]
    return any(
        selects(a, labels) and selects(b, labels)
        for combination in itertools.product(*choices)
        for labels in [{n: v for n, v in zip(named, combination) if v is not None}]
    )


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    selector = selector or {}
    terms: dict[str, Callable[[str, list[str]], bool]] = {
        "In": lambda name, values: labels.get(name) in values,
        "NotIn": lambda name, values: labels.get(name) not in values,
        "Exists": lambda name, _: name in labels,
        "DoesNotExist": lambda name, _: name not in labels,
    }
    return _matches(selector.get("matchLabels") or {}, labels) and all(
        terms[term["operator"]](term["key"], term.get("values") or [])
        for term in selector.get("matchExpressions") or []
    )


def node_ports(objs: list[Object]) -> set[str]:
    """List the node ports that Services ask for, as `number/protocol`."""
    found = set()
    for obj in of_kind(objs, "Service"):
        for port in _list(obj, "spec", "ports"):
            if "nodePort" in port:
                found.add(f"{port['nodePort']}/{port.get('protocol', 'TCP')}")
        if "healthCheckNodePort" in obj["spec"]:
            found.add(f"{obj['spec']['healthCheckNodePort']}/TCP")
    return found


def host_resources(objs: list[Object]) -> set[tuple[str, str]]:
    """List what pods take of their node: ports, and folders in which they make sockets.

    The pods that the injection template makes count too, where it is told to mount a folder.
    """
    found: set[tuple[str, str]] = set()
    for _, template in pods(objs):
        for volume in _list(template, "spec", "volumes"):
            if "hostPath" in volume:
                found.add(("hostPath", volume["hostPath"]["path"]))
        own = _get(template, "spec", "hostNetwork") == Bare("true")
        for port in (p for c in containers(template) for p in _list(c, "ports")):
            if own or "hostPort" in port:
                found.add(("hostPort", str(port.get("hostPort", port.get("containerPort")))))
    if _get(config(objs, "istio-sidecar-injector", "values"), "global", "sds", "enabled"):
        template = _get(config(objs, "istio-sidecar-injector", "config"), "template") or ""
        for path in re.findall(r"hostPath:\n\s+path: (\S+)", template):
            found.add(("hostPath", path))
    return found


EVERYWHERE = "(all namespaces)"


def citadel_scope(objs: list[Object]) -> set[str] | None:
    """List the namespaces whose secrets Citadel writes; None without a Citadel."""
    citadel = container(objs, "istio-citadel", "citadel")
    if citadel is None:
        return None
    named = flag(citadel, "--listened-namespaces") or next(
        (e.get("value") for e in _list(citadel, "env") if e["name"] == "NAMESPACE"), ""
    )
    return set(named.split(",")) if named else {EVERYWHERE}


def _citadels(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    one, other = citadel_scope(a), citadel_scope(b)
    if one is None or other is None:
        return
    if EVERYWHERE in one | other:
        yield ("C10", "Citadel", EVERYWHERE)
    for namespace in (one & other) - {EVERYWHERE}:
        yield ("C10", "Citadel", namespace)


def _trust(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    one, other = ({_get(mesh, "trustDomain") or "cluster.local" for _, mesh in meshes(objs)} for objs in (a, b))
    for domain in one & other:
        yield ("C13", "trust domain", domain)


def revisions(objs: list[Object]) -> set[str]:
    """List the revisions of the control planes in a stream; `default` where one has none."""
    return {
        next((str(v.get("value") or "") for v in _list(found, "env") if v["name"] == "REVISION"), "") or "default"
        for obj, template in pods(objs)
        if obj["metadata"]["name"] != "istio-pilot"
        for found in containers(template)
        if found["name"] == "discovery"
    }


def webhook_revisions(objs: list[Object]) -> set[str]:
    """List the revisions whose control planes write into the webhook configurations of a stream."""
    return {
        str(label)
        for obj in of_kind(objs, "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        if (label := _get(obj, "metadata", "labels", "istio.io/rev"))
    }


def _revisions(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    """C15: from 1.9 on, two control planes of one revision write into each other's webhooks."""
    for revision in revisions(a) & revisions(b):
        yield ("C15", "control planes", revision)
    for one, other in ((a, b), (b, a)):
        for revision in revisions(one) & webhook_revisions(other):
            yield ("C15", "webhooks", revision)


def _discovery(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    """C16: a namespace that two control planes read; without selectors each reads all, which C16 leaves alone."""
    one, other = ([s for _, mesh in meshes(objs) for s in _list(mesh, "discoverySelectors")] for objs in (a, b))
    for first, second in itertools.product(one, other):
        if _both_select(first, second):
            yield ("C16", "discoverySelectors", json.dumps(first), json.dumps(second))


def _scoped(objs: list[Object]) -> bool:
    pilot = container(objs, "istio-pilot", "discovery")
    return pilot is not None and any(
        e["name"] == "PILOT_SCOPE_GATEWAY_TO_NAMESPACE" and e.get("value") == "true" for e in _list(pilot, "env")
    )


def _gateways(a: list[Object], b: list[Object]) -> Iterator[tuple]:
    """C14: the label that user Gateways select by custom, `istio: ingressgateway`, is in both."""
    if _scoped(a) and _scoped(b):
        return
    labels = [
        {
            label
            for _, template in pods(objs)
            if (label := (_get(template, "metadata", "labels") or {}).get("istio", "")) and label.endswith("gateway")
        }
        for objs in (a, b)
    ]
    for label in labels[0] & labels[1]:
        yield ("C14", "gateway label", label)


# --- one mesh: references that lead nowhere ----------------------------------------------

KUBERNETES_ROLES = re.compile(r"cluster-admin|admin|edit|view|system:.*")


# What a control plane writes into the namespaces of its mesh once it runs.
RUNTIME_CONFIG_MAPS = frozenset({"istio-ca-root-cert"})


def dangling(objs: list[Object]) -> set[tuple]:
    """List the references that lead nowhere, as (check, from, to); the same section, 8.1."""
    return set(_dangling(objs))


def _dangling(objs: list[Object]) -> Iterator[tuple]:
    there = {(obj["kind"], key(obj).namespace, obj["metadata"]["name"]) for obj in objs}

    def account(namespace: str, name: str) -> bool:
        return name == "default" or ("ServiceAccount", namespace, name) in there

    for obj in objs:
        me, namespace = str(key(obj)), _namespace(obj)
        kind, spec = obj["kind"], obj.get("spec")
        if kind in {"RoleBinding", "ClusterRoleBinding"}:
            role = obj["roleRef"]
            where = namespace if role["kind"] == "Role" else ""
            if (role["kind"], where, role["name"]) not in there and not KUBERNETES_ROLES.fullmatch(role["name"]):
                yield ("D1", me, f"{role['kind']}/{role['name']}")
            for subject in _list(obj, "subjects"):
                if subject["kind"] == "ServiceAccount":
                    home = subject.get("namespace") or (namespace if kind == "RoleBinding" else "")
                    if not account(home, subject["name"]):
                        yield ("D2", me, f"ServiceAccount/{home}/{subject['name']}")
        elif kind in WORKLOADS:
            yield from _pod_dangling(me, namespace, obj["spec"]["template"], there, account)
        elif kind in {"Service", "PodDisruptionBudget"}:
            labels = spec.get("selector") or {}
            labels = labels if kind == "Service" else labels.get("matchLabels") or {}
            if labels and not _selected(objs, labels, namespace):
                yield ("D6", me, str(labels))
        elif kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if (target["kind"], namespace, target["name"]) not in there:
                yield ("D7", me, f"{target['kind']}/{target['name']}")
        elif kind in {"Gateway", "EnvoyFilter"}:
            labels = _get(spec, *(["selector"] if kind == "Gateway" else ["workloadSelector", "labels"]))
            if labels and not _selected(objs, labels):
                yield ("D8", me, str(labels))
        elif kind == "VirtualService":
            for name in _list(spec, "gateways"):
                home, _, gateway = name.rpartition("/")
                if name != "mesh" and ("Gateway", home or namespace, gateway) not in there:
                    yield ("D9", me, f"Gateway/{name}")
        elif kind in {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}:
            for entry in _list(obj, "webhooks"):
                service = _get(entry, "clientConfig", "service")
                if service and ("Service", service["namespace"], service["name"]) not in there:
                    yield ("D10", me, f"Service/{service['namespace']}/{service['name']}")
            label = _get(obj, "metadata", "labels", "istio.io/rev")
            if label and revisions(objs) and label not in revisions(objs):
                yield ("D13", me, f"revision {label}")
        elif (
            kind == "ValidatingAdmissionPolicyBinding"
            and ("ValidatingAdmissionPolicy", "", spec["policyName"]) not in there
        ):
            yield ("D14", me, f"ValidatingAdmissionPolicy/{spec['policyName']}")
    yield from _flags_dangling(objs)
    yield from _mesh_dangling(objs, there)


def _selected(objs: list[Object], labels: Object, namespace: str = "") -> bool:
    return any(
        _matches(labels, _get(template, "metadata", "labels"))
        for obj, template in pods(objs)
        if not namespace or _namespace(obj) == namespace
    )


def _pod_dangling(
    me: str, namespace: str, template: Object, there: set[tuple], account: Callable[[str, str], bool]
) -> Iterator[tuple]:
    """D3 to D5, and the half of D12 that is in gateways.

    Volumes marked optional may be absent, but `istio.<account>` must name an account even so.
    """
    name = _get(template, "spec", "serviceAccountName") or "default"
    if not account(namespace, name):
        yield ("D3", me, f"ServiceAccount/{name}")
    for volume in _list(template, "spec", "volumes"):
        secret, text = volume.get("secret"), volume.get("configMap")
        if secret:
            wanted = secret["secretName"]
            if wanted.startswith("istio."):
                if not account(namespace, wanted.removeprefix("istio.")):
                    yield ("D4", me, f"Secret/{wanted}")
            elif secret.get("optional") != Bare("true") and ("Secret", namespace, wanted) not in there:
                yield ("D4", me, f"Secret/{wanted}")
        made = text and (text.get("optional") == Bare("true") or text["name"] in RUNTIME_CONFIG_MAPS)
        if text and not made and ("ConfigMap", namespace, text["name"]) not in there:
            yield ("D5", me, f"ConfigMap/{text['name']}")
    for variable in (v for c in containers(template) for v in _list(c, "env")):
        value = variable.get("value")
        if not isinstance(value, str) or "{{" in value:
            continue
        if variable["name"] == "ISTIO_META_WORKLOAD_NAME":
            if ("Deployment", namespace, value) not in there:
                yield ("D12", me, f"Deployment/{value}")
        elif variable["name"] == "ISTIO_META_OWNER":
            *_, home, _, deployment = value.split("/")
            if ("Deployment", home, deployment) not in there:
                yield ("D12", me, value)
        elif variable["name"] == "ISTIO_METAJSON_LABELS" and not _matches(
            json.loads(value), _get(template, "metadata", "labels")
        ):
            yield ("D12", me, value.strip())


def _flags_dangling(objs: list[Object]) -> Iterator[tuple]:
    """D11: what the control plane patches, or waits for, must bear the name it is told; defaults count."""
    validating = [o["metadata"]["name"] for o in of_kind(objs, "ValidatingWebhookConfiguration")]
    mutating = {
        o["metadata"]["name"]: [e["name"] for e in _list(o, "webhooks")]
        for o in of_kind(objs, "MutatingWebhookConfiguration")
    }
    galley = container(objs, "istio-galley", "galley")
    if galley and validating:
        named = flag(galley, "--webhook-name") or "istio-galley"
        if named not in validating:
            yield ("D11", "--webhook-name", named)
    injector = container(objs, "istio-sidecar-injector", "sidecar-injector-webhook")
    if injector and mutating:
        named = flag(injector, "--webhookConfigName") or "istio-sidecar-injector"
        entry = flag(injector, "--webhookName") or "sidecar-injector.istio.io"
        if named not in mutating:
            yield ("D11", "--webhookConfigName", named)
        elif entry not in mutating[named]:
            yield ("D11", "--webhookName", entry)
    for obj in of_kind(objs, "ConfigMap"):
        script = _get(obj, "data", "run.sh") or ""
        for named in re.findall(r"kubectl get validatingwebhookconfiguration (\S+)", script):
            if validating and named not in validating:
                yield ("D11", f"{obj['metadata']['name']} run.sh", named)


def _mesh_dangling(objs: list[Object], there: set[tuple]) -> Iterator[tuple]:
    for obj in of_kind(objs, "ConfigMap"):
        if obj["metadata"]["name"] == "istio":
            named = _get(parsed("mesh", _get(obj, "data", "mesh")), "ingressService")
            if named and ("Service", _namespace(obj), named) not in there:
                yield ("D12", "ingressService", named)
    for obj, mesh in meshes(objs):
        address = (_get(mesh, "defaultConfig", "discoveryAddress") or "").partition(":")[0]
        service, _, rest = address.partition(".")
        home = rest.partition(".")[0] or _namespace(obj)
        if service and ("Service", home, service) not in there:
            yield ("D15", str(key(obj)), f"Service/{home}/{service}")


# --- the rewrite of Istio 1.5, as values -------------------------------------------------


class Change(NamedTuple):
    """One value that the rewrite puts somewhere: which rule, where, what.

    `accepts` judges the value where more than one is right; `after` is then one example.
    """

    key: Key
    path: Path
    rule: str
    after: Any
    accepts: Callable[[Any], bool] | None = None


PLAIN = {
    ("ClusterRole", "istio-reader"): "A1",
    ("ClusterRole", "kiali"): "A1",
    ("ClusterRole", "kiali-viewer"): "A1",
    ("ClusterRole", "kiali-operator"): "A1",
    ("ClusterRoleBinding", "kiali-operator"): "A2",
    ("ClusterRoleBinding", "kiali-viewer"): "A2",
    ("ClusterRoleBinding", "istio-multi"): "A2",
    ("ClusterRoleBinding", "istio-reader"): "A2",
    ("ClusterRole", "istiocoredns"): "B7",
    ("ClusterRole", "certmanager"): "B7",
    ("ClusterRoleBinding", "certmanager"): "B7",
    ("ClusterIssuer", "letsencrypt"): "B7",
    ("ClusterIssuer", "letsencrypt-staging"): "B7",
}
GATEWAYS = ("istio-ingressgateway", "istio-egressgateway", "istio-ilbgateway")
FAMILY = frozenset(
    f"{name}{tail}" for name in GATEWAYS for tail in ("", "-service-account", "-sds", "-certs", "-ca-certs")
)
NODE_PORTS = {"http2": "31380", "https": "31390", "tcp": "31400", "http-prometheus": "32090"}
ENTRIES = ("sidecar-injector.istio.io", "pilot.validation.istio.io", "mixer.validation.istio.io")
SDS = "/var/run/sds"
ARTICLE = frozenset(f"A{n}" for n in range(1, 14))
"""The rules whose changes the article made by hand; the other ones put its mistakes right."""


class _Mesh:
    """The names of one mesh; forms S, N and X of section 4.1."""

    def __init__(self, mesh: str, namespace: str, workloads: Iterable[str], spec: dict) -> None:
        self.mesh, self.namespace = mesh, namespace
        self.workloads, self.spec = list(workloads), spec
        self.gateways = spec.get("gateways", "rename") == "rename"

    def suffixed(self, name: str) -> str:
        return f"{name}-{self.mesh}"

    def led(self, name: str) -> str:
        return self.namespace + name.removeprefix("istio")

    def entry(self, name: str) -> str:
        return f"{self.mesh}-{name}" if name in ENTRIES else name

    def plain(self, kind: str, name: str) -> str:
        """Rename a cluster-scoped object of the table; everything else keeps its name."""
        known = (kind, name) in PLAIN or f"{kind}/{name}" in self.spec.get("renameNames", ())
        kept = f"{kind}/{name}" in self.spec.get("keepNames", ()) or (
            kind == "ClusterRole" and self.spec.get("clusterRoles") == "keep"
        )
        return self.suffixed(name) if known and not kept else name

    def gateway(self, name: str) -> str:
        """Rename what is named after a gateway; the secret of an account has its name after `istio.`."""
        account = name.removeprefix("istio.") if name.endswith("-service-account") else name
        return name.removesuffix(account) + self.led(account) if self.gateways and account in FAMILY else name

    def told(self, text: str) -> str:
        """Rename the gateways in a text: whole words, and the `-.*` of a pod regex may follow."""
        if not self.gateways:
            return text
        word = rf"(?<![a-z0-9-])(?:{'|'.join(GATEWAYS)})(?=-\.\*|[^a-z0-9-]|$)"
        return re.sub(word, lambda m: self.led(m[0]), text)

    @property
    def listened(self) -> str:
        more = self.spec.get("citadel", {}).get("alsoListen", [])
        return ",".join(dict.fromkeys([self.namespace, *self.workloads, *more]))


def plan(objs: list[Object], mesh: str, namespace: str, workloads: Iterable[str] = (), **spec: Any) -> list[Change]:
    """List every value that the stock objects get in this mesh; tables A, B and 6.3, written out."""
    names = _Mesh(mesh, namespace, workloads, spec)
    return [
        Change(key(obj), path, rule, after, *accepts)
        for obj in objs
        for rule, path, after, *accepts in _changes(obj, names)
    ]


def _changes(obj: Object, m: _Mesh) -> Iterator[tuple]:
    kind, name = obj["kind"], obj["metadata"]["name"]
    if m.plain(kind, name) != name:
        yield (PLAIN.get((kind, name), "renameNames"), ("metadata", "name"), m.plain(kind, name))
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = obj["roleRef"]
        # A binding refers to nothing else, whatever it says.
        if role["kind"] == "ClusterRole" and m.plain(role["kind"], role["name"]) != role["name"]:
            yield ("A3", ("roleRef", "name"), m.plain(role["kind"], role["name"]))
    if kind == "ClusterRole" and name == f"istio-security-post-install-{m.namespace}":
        yield ("B5", ("rules", f"[{len(obj['rules'])}]"), _PEER_RULE, _is_peer_rule)
    revisioned = "istio.io/rev" in (obj["metadata"].get("labels") or {})
    if kind == "MutatingWebhookConfiguration" and name in _both("istio-sidecar-injector", m):
        yield ("A4", ("metadata", "name"), m.led("istio-sidecar-injector"))
        if not revisioned:
            yield from _mutating(obj, m)
    if kind == "ValidatingWebhookConfiguration" and name in _both("istio-galley", m):
        yield ("A8", ("metadata", "name"), m.led("istio-galley"))
        if not revisioned:
            yield from _validating(obj, m)
    if kind == "ConfigMap":
        yield from _texts(obj, m)
    if kind in {"Deployment", "DaemonSet"}:
        yield from _workload(obj, m)
    if kind == "Service":
        yield from _node_port_changes(obj, m)
    if m.gateways:
        yield from _gateway(obj, m)


def _both(stock: str, m: _Mesh) -> set[str]:
    """Return the name that a configuration has in the chart, and after the rewrite."""
    return {stock, m.led(stock)}


def _mutating(obj: Object, m: _Mesh) -> Iterator[tuple]:
    for index, entry in enumerate(obj["webhooks"]):
        yield ("A5", ("webhooks", f"[{index}]", "name"), m.entry(entry["name"]))
        yield from _without_bundle(entry, index, m)
        label = ("webhooks", f"[{index}]", "namespaceSelector", "matchLabels", "istio-injection")
        yield ("A6", label, m.suffixed("enabled"))


def _validating(obj: Object, m: _Mesh) -> Iterator[tuple]:
    for index, entry in enumerate(obj["webhooks"]):
        yield ("A8", ("webhooks", f"[{index}]", "name"), m.entry(entry["name"]))
        yield from _without_bundle(entry, index, m)
        if m.spec.get("upgrade") and "failurePolicy" in entry and entry["name"].endswith("validation.istio.io"):
            yield ("B12", ("webhooks", f"[{index}]", "failurePolicy"), ABSENT)
        groups = [group for rule in _list(entry, "rules") for group in _list(rule, "apiGroups")]
        called = _get(entry, "clientConfig", "service", "name") or ""
        if not (
            entry["name"].endswith("validation.istio.io")
            or called in {"istio-galley", "istiod"}
            or called.startswith("istiod-")
            or any(group.endswith((".istio.io", "*")) for group in groups)
        ):
            continue
        label = ("webhooks", f"[{index}]", "namespaceSelector", "matchLabels", "multimesh.dev/mesh")
        yield ("B3", label, m.mesh)


def _without_bundle(entry: Object, index: int, m: _Mesh) -> Iterator[tuple]:
    """Leave out an empty bundle, which would replace the live one in an upgrade."""
    if m.spec.get("upgrade") and _get(entry, "clientConfig", "caBundle") == "":
        yield ("B10", ("webhooks", f"[{index}]", "clientConfig", "caBundle"), ABSENT)


_PEER_RULE = {
    "apiGroups": ["security.istio.io"],
    "resources": ["peerauthentications"],
    "verbs": ["*"],
}


def _is_peer_rule(rule: Any) -> bool:
    """Accept any rule that lets `kubectl apply` make a PeerAuthentication, and nothing else."""
    if not isinstance(rule, dict) or rule.keys() != _PEER_RULE.keys():
        return False
    verbs = set(rule["verbs"])
    return {**rule, "verbs": ["*"]} == _PEER_RULE and (verbs == {"*"} or verbs >= {"get", "create", "patch"})


def _peers(stock: str, namespace: str) -> list[Any]:
    """Put the PeerAuthentication of section 11 where the MeshPolicy was, with the same mode."""
    # Go cannot read `!!null PERMISSIVE` at all.
    assert "!!" not in stock
    found = documents(stock)
    for index, document in enumerate(found):
        if document["kind"] == "MeshPolicy":
            mode = _get(document["spec"]["peers"][0], "mtls", "mode") or "STRICT"
            changed = {"kind": "PeerAuthentication", "spec": {"mtls": {"mode": mode}}}
            if "apiVersion" in document:
                changed["apiVersion"] = "security.istio.io/v1beta1"
            changed["metadata"] = {**document["metadata"], "namespace": namespace}
            found[index] = {**document, **changed}
    return found


def _is_peers(stock: str, namespace: str) -> Callable[[Any], bool]:
    """Accept any text that says so."""
    return lambda text: isinstance(text, str) and documents(text) == _peers(stock, namespace)


def _texts(obj: Object, m: _Mesh) -> Iterator[tuple]:
    """Say what becomes of the texts in ConfigMaps: the same text but for whole names."""
    name, data = obj["metadata"]["name"], obj.get("data") or {}
    gateways = m.gateways and {"chart", "heritage"} <= (obj["metadata"].get("labels") or {}).keys()
    if name in {"istio-security-custom-resources", "istio-grafana-custom-resources"}:
        stock = "kubectl get validatingwebhookconfiguration istio-galley "
        script = data["run.sh"]
        assert script.count(stock) == 1
        renamed = script.replace(stock, stock.replace("istio-galley", m.led("istio-galley")))
        yield ("B6", ("data", "run.sh"), renamed)
    if name == "istio-security-custom-resources":
        text = data["custom-resources.yaml"]
        path = ("data", "custom-resources.yaml")
        peers = "\n---\n".join(json.dumps(document) for document in _peers(text, m.namespace))
        yield ("B5", path, peers, _is_peers(text, m.namespace))
    # Go cannot read `!!binary Ignore` at all.
    assert name != "istio-galley-configuration" or "!!" not in str(data)
    copied = parsed("a.yaml", data.get("validatingwebhookconfiguration.yaml"))
    # Python cannot read a key that is a mapping.
    assert name != "istio-galley-configuration" or copied or not data.get("validatingwebhookconfiguration.yaml")
    configures = _get(copied, "kind") == "ValidatingWebhookConfiguration"
    galleys = configures and _get(copied, "metadata", "name") in {"istio-galley", m.led("istio-galley")}
    if name == "istio-galley-configuration" and galleys:
        stock = text = data["validatingwebhookconfiguration.yaml"]
        text = text.replace("\n  name: istio-galley\n", f"\n  name: {m.led('istio-galley')}\n", 1)
        text = re.sub(r"(?m)^(  - name: )(\S+)$", lambda x: x[1] + m.entry(x[2]), text)
        path = ("data", "validatingwebhookconfiguration.yaml")
        if text != stock and _is_copy(stock, text, m):
            yield ("A9", path, text)
        else:
            # In another style; the plan must differ from the stock text.
            yield ("A9", path, "(the same, with new names)", lambda found: _is_copy(stock, found, m))
    if name == "istio" and gateways:
        line = "ingressService: istio-ingressgateway\n"
        assert data["mesh"].count(line) == 1
        yield ("A13", ("data", "mesh"), data["mesh"].replace(line, m.told(line)))
    if name == "istio-sidecar-injector":
        yield from _injector(data, m, gateways)
    if name.startswith("istio-grafana-configuration-dashboards") and gateways:
        for field, text in data.items():
            # Numbers and booleans, which an API server refuses, are no texts.
            if type(text) is str and m.told(text) != text:
                yield ("A13", ("data", field), m.told(text))


def _is_copy(stock: str, found: Any, m: _Mesh) -> bool:
    """Accept galley's configuration with its new names, however it is written."""
    wanted = documents(stock)
    for document in wanted:
        if document["metadata"]["name"] == "istio-galley":
            document["metadata"]["name"] = m.led("istio-galley")
            for entry in document["webhooks"]:
                entry["name"] = m.entry(entry["name"])
    return isinstance(found, str) and documents(found) == wanted


def _injector(data: Object, m: _Mesh, gateways: bool) -> Iterator[tuple]:
    """Rename the gateways that the chart was told to install, and the folder of SDS sockets.

    Without SDS the template never mounts that folder: there both texts are right.
    """
    values = json.loads(data["values"])
    text = data["values"]
    for name in GATEWAYS:
        if gateways and values["gateways"][name]["enabled"]:
            text = re.sub(rf'"{name}(?=-certs"|-ca-certs"|")', f'"{m.led(name)}', text)
    if text != data["values"]:
        yield ("A13", ("data", "values"), text)
    stock, folder = data["config"], f"hostPath:\n      path: {SDS}"
    assert stock.count(folder + "\n") == 1
    moved = stock.replace(folder + "\n", f"{folder}-{m.mesh}\n")
    either = None if values["global"]["sds"]["enabled"] else lambda found: found in {stock, moved}
    yield ("B11", ("data", "config"), moved, either)


def _workload(obj: Object, m: _Mesh) -> Iterator[tuple]:
    name, template = obj["metadata"]["name"], ("spec", "template", "spec")
    volumes = _list(obj, *template, "volumes")
    for step, volume in zip(steps(volumes, "volumes"), volumes):
        if _get(volume, "hostPath", "path") in {SDS, f"{SDS}/"}:
            path = (*template, "volumes", step, "hostPath", "path")
            yield ("B11", path, f"{SDS}-{m.mesh}")
    injector = m.led("istio-sidecar-injector")
    entry = m.entry("sidecar-injector.istio.io")
    added: dict[tuple[str, str], list[tuple[str, str, str]]] = {
        ("istio-galley", "galley"): [("A10", "--webhook-name", m.led("istio-galley"))],
        ("istio-citadel", "citadel"): [("A11", "--listened-namespaces", m.listened)],
        ("istio-sidecar-injector", "sidecar-injector-webhook"): [
            ("A7", "--webhookName", entry),
            ("A7", "--webhookConfigName", injector),
        ],
    }
    variables: dict[tuple[str, str], list[tuple[str, str, str]]] = {
        ("istio-pilot", "discovery"): [("A12", "INJECTION_WEBHOOK_CONFIG_NAME", injector)]
    }
    if m.spec.get("scopeGateways", True):
        scope = ("B9", "PILOT_SCOPE_GATEWAY_TO_NAMESPACE", "true")
        variables["istio-pilot", "discovery"].append(scope)
    if obj["kind"] != "Deployment":
        # The control plane of the chart is Deployments; what has its names otherwise is somebody else's.
        added, variables = {}, {}
    there = _list(obj, *template, "containers")
    for step, found in zip(steps(there, "containers"), there):
        place = (*template, "containers", step)
        flags = list(added.get((name, found["name"]), ()))
        env = list(variables.get((name, found["name"]), ()))
        for more in m.spec.get("flags", ()):
            if more["container"] == found["name"] and more.get("workload", name) == name:
                flags += [("flags", *word.split("=", 1)) for word in more.get("args", ())]
                env += [("flags", *pair) for pair in more.get("env", {}).items()]
        yield from _flag_changes(found, place, flags)
        yield from _env_changes(found, place, env)


def _flag_changes(found: Object, place: Path, flags: list[tuple[str, str, str]]) -> Iterator[tuple]:
    """Replace a flag where it is, in either form; append it to the list that holds the flags."""
    field = "args" if "args" in found else "command"
    end = len(_list(found, field))
    for rule, flag_name, value in flags:
        for where in ("command", "args"):
            words = _list(found, where)
            inline = [i for i, w in enumerate(words) if w.startswith(flag_name + "=")]
            if inline:
                yield (rule, (*place, where, f"[{inline[0]}]"), f"{flag_name}={value}")
                break
            if flag_name in words:
                yield (rule, (*place, where, f"[{words.index(flag_name) + 1}]"), value)
                break
        else:
            yield (rule, (*place, field, f"[{end}]"), f"{flag_name}={value}")
            end += 1


def _env_changes(found: Object, place: Path, env: list[tuple[str, str, str]]) -> Iterator[tuple]:
    there = {variable["name"] for variable in _list(found, "env")}
    # A variable that stands twice has no path of its own.
    assert not env or len(there) == len(_list(found, "env"))
    for rule, name, value in env:
        if name not in there:
            yield (rule, (*place, "env", f"[{name}]", "name"), name)
        yield (rule, (*place, "env", f"[{name}]", "value"), value)


def _node_port_changes(obj: Object, m: _Mesh) -> Iterator[tuple]:
    wanted = m.spec.get("nodePorts", "auto")
    if not {"chart", "heritage"} <= (obj["metadata"].get("labels") or {}).keys():
        return
    if wanted == "keep":
        return
    for step, port in zip(steps(obj["spec"]["ports"], "ports"), obj["spec"]["ports"]):
        # A quoted number is no port to Kubernetes, but the stock one to whoever unquotes it.
        if str(port.get("nodePort", "")) == NODE_PORTS.get(port.get("name", ""), "-"):
            chosen = wanted.get(port.get("name", "")) if isinstance(wanted, dict) else None
            after = Bare(chosen) if chosen else ABSENT
            yield ("B1", ("spec", "ports", step, "nodePort"), after)


GATEWAY_PATHS: dict[str, tuple[Path, ...]] = {
    "ServiceAccount": (),
    "Service": (("spec", "selector", "app"),),
    "PodDisruptionBudget": (("spec", "selector", "matchLabels", "app"),),
    "HorizontalPodAutoscaler": (("spec", "scaleTargetRef", "name"),),
    "Deployment": (
        ("spec", "selector", "matchLabels", "app"),
        ("spec", "template", "metadata", "labels", "app"),
        ("spec", "template", "spec", "serviceAccountName"),
        ("spec", "template", "spec", "serviceAccount"),
    ),
}


def _gateway(obj: Object, m: _Mesh) -> Iterator[tuple]:
    """Section 6.3. Objects tell by their labels that they are the chart's; the Role pair has none."""
    kind, meta = obj["kind"], obj["metadata"]
    name, labels = meta["name"], meta.get("labels") or {}
    of_chart = {"chart", "heritage"} <= labels.keys()
    rule = {"HorizontalPodAutoscaler": "B8", "Gateway": "B8", "EnvoyFilter": "B8"}.get(kind, "A13")
    paths: list[Path] = []
    if kind in {"Gateway", "EnvoyFilter"} and of_chart:
        paths = [("spec", "selector", "app")] if kind == "Gateway" else [("spec", "workloadSelector", "labels", "app")]
    elif kind in {"Role", "RoleBinding"} and (of_chart or (not labels and name.endswith("-sds"))):
        paths = [("metadata", "name"), ("roleRef", "name")]
        paths += [("subjects", f"[{index}]", "name") for index in range(len(_list(obj, "subjects")))]
    elif kind in GATEWAY_PATHS and of_chart:
        paths = [("metadata", "name"), ("metadata", "labels", "app"), *GATEWAY_PATHS[kind]]
        if kind == "Deployment":
            yield from _gateway_pod(obj, m)
    for path in paths:
        value = value_at(obj, path)
        if isinstance(value, str) and m.gateway(value) != value:
            yield (rule, path, m.gateway(value))


def _gateway_pod(obj: Object, m: _Mesh) -> Iterator[tuple]:
    pod = ("spec", "template", "spec")
    volumes = _list(obj, *pod, "volumes")
    for step, volume in zip(steps(volumes, "volumes"), volumes):
        before = _get(volume, "secret", "secretName") or ""
        if m.gateway(before) != before:
            yield ("A13", (*pod, "volumes", step, "secret", "secretName"), m.gateway(before))
    there = _list(obj, *pod, "containers")
    for step, proxy in zip(steps(there, "containers"), there):
        if proxy["name"] == "istio-proxy":
            yield from _gateway_proxy(proxy, (*pod, "containers", step), m)


def _gateway_proxy(proxy: Object, place: Path, m: _Mesh) -> Iterator[tuple]:
    def renamed(name: str) -> str:
        return m.gateway(name) if name in GATEWAYS else name

    args = _list(proxy, "args")
    for index, word in enumerate(args):
        after = word
        if args[index - 1 : index] == ["--serviceCluster"]:
            after = renamed(word)
        elif word.startswith("--serviceCluster="):
            after = f"--serviceCluster={renamed(word.partition('=')[2])}"
        if after != word:
            yield ("A13", (*place, "args", f"[{index}]"), after)
    env = {
        "ISTIO_METAJSON_LABELS": lambda text: re.sub(
            r'("app":")([a-z-]+)(?=")', lambda found: found[1] + m.gateway(found[2]), text
        ),
        "ISTIO_META_WORKLOAD_NAME": renamed,
        "ISTIO_META_OWNER": lambda text: "".join((*text.rpartition("/")[:2], renamed(text.rpartition("/")[2]))),
    }
    there = _list(proxy, "env")
    for step, variable in zip(steps(there, "env"), there):
        if variable["name"] in env and "value" in variable and not isinstance(variable["value"], Bare):
            after = env[variable["name"]](variable["value"])
            if after != variable["value"]:
                yield ("A13", (*place, "env", step, "value"), after)


def value_at(obj: Any, path: Path) -> Any:
    """Read the value at a path of `leaves`; ABSENT where there is none."""
    field = ""
    for step in path:
        if isinstance(obj, list):
            known = steps(obj, field)
            obj = obj[known.index(step)] if step in known else ABSENT
        else:
            obj = obj.get(step, ABSENT) if isinstance(obj, dict) else ABSENT
        field = step
    return obj


def put(obj: Any, path: Path, value: Any) -> None:
    """Write a value at a path; missing mappings and items are made, ABSENT takes the key away."""
    field = ""
    for step, following in zip(path, (*path[1:], None)):
        if isinstance(obj, list):
            known = steps(obj, field)
            if step not in known:
                obj.append(value if following is None else {})
                known.append(step)
            position: Any = known.index(step)
        else:
            position = step
            if following is not None and step not in obj:
                obj[step] = [] if following.startswith("[") else {}
        if following is not None:
            obj = obj[position]
        elif value is ABSENT:
            del obj[position]
        else:
            obj[position] = value
        field = step


def apply(objs: list[Object], changes: list[Change], after: list[Object] = ()) -> list[Object]:  # type: ignore[assignment]
    """Carry the changes out on a copy.

    Where a change accepts what `after` has at its path, that value is taken: the two then agree.
    """
    there = {key(obj): obj for obj in after}
    copies = {key(obj): copy.deepcopy(obj) for obj in objs}
    names = {c.key: c.after for c in changes if c.path == ("metadata", "name")}
    for change in changes:
        value = change.after
        if change.accepts:
            new = change.key._replace(name=names.get(change.key, change.key.name))
            actual = value_at(there.get(new, {}), change.path)
            value = actual if change.accepts(copy.deepcopy(actual)) else value
        put(copies[change.key], change.path, value)
    return list(copies.values())

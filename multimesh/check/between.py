"""What two meshes must not have in common.

Each function takes two meshes and yields findings; `BETWEEN` is the list of them. Reference: the collision classes C1 to
C17, by the id of the finding.
"""

from collections.abc import Callable, Iterator
from typing import Any

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes import Mesh, containers, entries, flag, pod, revisions_of, variable
from multimesh.check.objects import Object, dig, listed, texts
from multimesh.check.overlap import rules_meet, witness
from multimesh.errors import MultimeshError
from multimesh.fieldpath import BadShape, get, is_mapping, plain, text
from multimesh.naming import is_kubernetes
from multimesh.parser import compose_all

#: Cluster-scoped custom resources that decide for the whole cluster, whatever mesh applies them.
CLUSTER_WIDE = frozenset(("MeshPolicy", "ClusterRbacConfig"))

#: Istio's API groups end so; the validators are about nothing else.
_ISTIO = ".istio.io"


def side(mesh: Mesh, found: Object, part: str = "") -> Side:
    """Return one side of a finding."""
    return Side(mesh.name, f"{found.title} {part}".strip(), found.file, found.line)


def cluster_scoped_names(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find cluster-scoped resources of the same kind and name, CRDs included."""
    known = {(o.group, o.kind, o.name): o for o in one.objects if o.cluster_scoped and not _is_cluster_s_own(o)}
    for other in two.objects:
        if not other.cluster_scoped or _is_cluster_s_own(other):
            continue
        first = known.get((other.group, other.kind, other.name))
        if first is not None:
            yield Finding("cluster-scoped-name", f"both meshes have {other.title}", (side(one, first), side(two, other)))


def _is_cluster_s_own(found: Object) -> bool:
    return found.kind.startswith("ClusterRole") and is_kubernetes(found.name)


def namespaced_objects(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find the same namespaced object in both meshes, and two meshes in one namespace."""
    if one.namespace == two.namespace and one.namespace and one.objects and two.objects:
        yield Finding("namespace-claimed-twice", f'both control planes live in "{one.namespace}"')
    known = {(o.group, o.kind, o.namespace, o.name): o for o in one.objects if o.namespace and not o.cluster_scoped}
    for other in two.objects:
        first = known.get((other.group, other.kind, other.namespace, other.name))
        if first is not None:
            yield Finding("namespace-claimed-twice", f"both meshes have {other.title}", (side(one, first), side(two, other)))


def revisions(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find a revision that both control planes serve."""
    for revision in sorted(set(_served(one)) & set(_served(two))):
        places = tuple(side(mesh, _served(mesh)[revision]) for mesh in (one, two))
        yield Finding("shared-revision", f'both meshes serve the revision "{revision}"', places)


def _served(mesh: Mesh) -> dict[str, Object]:
    """Return the revisions that a mesh's control planes and injectors serve, each with an object that says so."""
    found: dict[str, Object] = {}
    for item in mesh.objects:
        # A validator may be labelled with a revision that nobody here serves: the stock default validator is.
        if item.kind == "MutatingWebhookConfiguration" or any(
            container.get("name") == "discovery" for container in containers(item)
        ):
            for revision in revisions_of([item]):
                found.setdefault(revision, item)
    return found


def webhooks(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find webhook entries that can see the same object."""
    for kind, finding, what in (
        ("MutatingWebhookConfiguration", "injection-overlap", "a pod"),
        ("ValidatingWebhookConfiguration", "validation-overlap", "an Istio resource"),
    ):
        for first in one.of(kind):
            for second in two.of(kind):
                yield from _meetings(one, first, two, second, finding, what)


def _meetings(one: Mesh, first: Object, two: Mesh, second: Object, finding: str, what: str) -> Iterator[Finding]:
    for a in entries(first):
        for b in entries(second):
            if not (_is_istio_s(a) and _is_istio_s(b) and rules_meet(a, b)):
                continue
            places = (side(one, first, str(a.get("name"))), side(two, second, str(b.get("name"))))
            try:
                met = witness(a, b)
            except (ValueError, AttributeError, TypeError) as error:
                yield Finding(finding, f"a selector cannot be read ({error}), so the two may meet", places)
                continue
            if met is not None:
                yield Finding(finding, f"{met.sentence(what)} is seen by both", places)


def _is_istio_s(entry: dict[str, Any]) -> bool:
    """Tell an entry that is about pods, or about Istio's resources."""
    for rule in listed(entry, "rules"):
        groups, kinds = listed(rule, "apiGroups"), listed(rule, "resources")
        if "pods" in kinds or "*" in groups or any(str(group).endswith(_ISTIO) for group in groups):
            return True
    return False


def node_ports(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find node ports that Services of both meshes ask for."""
    known = dict(_node_ports(one))
    for key, service in _node_ports(two):
        if key in known:
            yield Finding("node-port", f"both meshes ask for node port {key[0]}/{key[1]}", (side(one, known[key]), side(two, service)))


def _node_ports(mesh: Mesh) -> Iterator[tuple[tuple[str, str], Object]]:
    for service in mesh.of("Service"):
        for port in listed(service.data, "spec", "ports"):
            if isinstance(port, dict) and port.get("nodePort"):
                yield (str(port["nodePort"]), str(port.get("protocol") or "TCP")), service
        health = dig(service.data, "spec", "healthCheckNodePort")
        if health:
            yield (str(health), "TCP"), service


def host_ports(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find ports of the node that pods of both meshes want."""
    known = dict(_host_ports(one))
    for key, workload in _host_ports(two):
        if key in known:
            yield Finding("host-port", f"both meshes want port {key[0]}/{key[1]} of the node", (side(one, known[key]), side(two, workload)))


def _host_ports(mesh: Mesh) -> Iterator[tuple[tuple[str, str], Object]]:
    for workload in mesh.objects:
        network = pod(workload).get("hostNetwork") is True
        for container in containers(workload):
            for port in listed(container, "ports"):
                number = isinstance(port, dict) and (port.get("hostPort") or (network and port.get("containerPort")))
                if number:
                    yield (str(number), str(port.get("protocol") or "TCP")), workload


def host_paths(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find folders of the node that both meshes mount and at least one of them writes to."""
    first, second = _host_paths(one), _host_paths(two)
    for path in sorted(first.keys() & second.keys()):
        if first[path][1] or second[path][1]:
            yield Finding("host-path", f"both meshes use {path} on the node", (side(one, first[path][0]), side(two, second[path][0])))


def _host_paths(mesh: Mesh) -> dict[str, tuple[Object, bool]]:
    """Return the folders, each with a workload that mounts it, and whether one of them may write."""
    found: dict[str, tuple[Object, bool]] = {}
    for workload in mesh.objects:
        for volume in listed(pod(workload), "volumes"):
            path = dig(volume, "hostPath", "path")
            if not path or path == "/proc":
                continue
            mounts = [
                mount
                for container in containers(workload)
                for mount in listed(container, "volumeMounts")
                if isinstance(mount, dict) and mount.get("name") == volume.get("name")
            ]
            writes = any(mount.get("readOnly") is not True for mount in mounts)
            known = found.get(str(path))
            if known is None or (writes and not known[1]):
                found[str(path)] = (workload, writes or (known is not None and known[1]))
    return found


def citadels(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find namespaces that the Citadels of both meshes serve."""
    for first, a in _citadels(one):
        for second, b in _citadels(two):
            places = (side(one, first), side(two, second))
            if a is None or b is None:
                yield Finding("citadel-scope", "a Citadel serves all namespaces of the cluster", places)
            elif a & b:
                yield Finding("citadel-scope", f"both Citadels serve {', '.join(sorted(a & b))}", places)


def _citadels(mesh: Mesh) -> Iterator[tuple[Object, set[str] | None]]:
    """Yield every Citadel and the namespaces it serves; None for all (istio 1.5.0, security/cmd/istio_ca/main.go)."""
    for workload, container in mesh.containers("citadel"):
        listened = flag(container, "--listened-namespaces") or flag(container, "--listened-namespace")
        listened = listened or variable(container, "NAMESPACE")
        yield workload, set(listened.split(",")) if listened else None


def embedded(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find cluster-wide resources in ConfigMaps that a Job of either mesh applies."""
    for mesh in (one, two):
        for found, kind, name in applied_cluster_wide(mesh):
            yield Finding("embedded-cluster-scoped", f"a Job of mesh {mesh.name} applies {kind}/{name}", (side(mesh, found),))


def applied_cluster_wide(mesh: Mesh) -> Iterator[tuple[Object, str, str]]:
    """Yield ConfigMap, kind and name of every cluster-wide resource that a Job applies.

    Helm 3 shows hook Jobs to nobody, but their ServiceAccount, which is made only for them.
    """
    mounted = {
        str(dig(volume, "configMap", "name")) for job in mesh.of("Job") for volume in listed(pod(job), "volumes")
    }
    accounts = {account.name for account in mesh.of("ServiceAccount")}
    if "istio-security-post-install-account" in accounts:
        mounted.add("istio-security-custom-resources")
    for config in mesh.of("ConfigMap"):
        if config.name not in mounted:
            continue
        for value in texts(config.data.get("data")).values():
            if any(kind in value for kind in CLUSTER_WIDE):
                yield from ((config, kind, name) for kind, name in _identities(value) if kind in CLUSTER_WIDE)


def _identities(value: str) -> Iterator[tuple[str, str]]:
    try:
        for root in compose_all(value):
            if is_mapping(root):
                metadata = get(root, "metadata")
                yield text(root, "kind"), text(metadata, "name") if is_mapping(metadata) else ""
    except (MultimeshError, BadShape):
        # A text that is no YAML holds no objects.
        return


def owners(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find what a cluster has only once in both meshes: CNI, ztunnel, istio-init, or both profiles claiming it."""
    for name, containers_of in (("istio-cni", "install-cni"), ("ztunnel", "")):
        first, second = _component(one, containers_of), _component(two, containers_of)
        if first is not None and second is not None:
            yield Finding("two-owners", f"both meshes install {name}", (side(one, first), side(two, second)))
    jobs = [[job for job in mesh.of("Job") if job.name.startswith("istio-init-")] for mesh in (one, two)]
    if all(jobs):
        yield Finding("two-owners", "both meshes install istio-init", (side(one, jobs[0][0]), side(two, jobs[1][0])))
    if one.profile is not None and two.profile is not None and one.profile.owns_shared and two.profile.owns_shared:
        places = (Side(one.name, "", one.profile.where, 0), Side(two.name, "", two.profile.where, 0))
        yield Finding("two-owners", "both profiles say sharedResources: own", places)


def _component(mesh: Mesh, container: str) -> Object | None:
    for workload in mesh.of("DaemonSet"):
        for item in containers(workload):
            if (container and item.get("name") == container) or (not container and "ztunnel" in listed(item, "args")):
                return workload
    return None


def crd_versions(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find CRDs that both meshes bring in different versions."""
    known = {crd.name: crd for crd in one.of("CustomResourceDefinition")}
    for crd in two.of("CustomResourceDefinition"):
        other = known.get(crd.name)
        if other is not None and _versions(crd) != _versions(other):
            what = f"{crd.name} has {'/'.join(_versions(other))} in one mesh and {'/'.join(_versions(crd))} in the other"
            yield Finding("crd-version", what, (side(one, other), side(two, crd)))


def _versions(crd: Object) -> list[str]:
    found = [str(item.get("name")) for item in listed(crd.data, "spec", "versions") if isinstance(item, dict)]
    return found or [str(dig(crd.data, "spec", "version") or "")]


def gateways(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find gateways of both meshes that one Gateway resource would select."""
    if all(_scopes_gateways(mesh) for mesh in (one, two)) or all(_discovers(mesh) for mesh in (one, two)):
        return
    first, second = _gateways(one), _gateways(two)
    for label in sorted(first.keys() & second.keys()):
        yield Finding("gateway-selector", f"gateways of both meshes carry istio={label}", (side(one, first[label]), side(two, second[label])))


def _gateways(mesh: Mesh) -> dict[str, Object]:
    """Return the gateways of a mesh by their label `istio`, which Gateway resources select."""
    found: dict[str, Object] = {}
    for workload in mesh.of("Deployment", "DaemonSet"):
        template = dig(workload.data, "spec", "template", "metadata")
        label = texts(dig(template, "labels")).get("istio", "")
        names = [container.get("name") for container in containers(workload)]
        if label and names and all(name in ("istio-proxy", "ingress-sds") for name in names):
            found[label] = workload
    return found


def _scopes_gateways(mesh: Mesh) -> bool:
    return any(variable(item, "PILOT_SCOPE_GATEWAY_TO_NAMESPACE") == "true" for _, item in mesh.containers("discovery"))


def _discovers(mesh: Mesh) -> bool:
    return any("discoverySelectors" in config for config in mesh_configs(mesh).values())


def mesh_configs(mesh: Mesh) -> dict[str, dict[str, Any]]:
    """Return the mesh configurations of a mesh, parsed, by the name of their ConfigMap."""
    found = {}
    for config in mesh.of("ConfigMap"):
        content = texts(config.data.get("data")).get("mesh", "")
        if content and (config.name == "istio" or config.name.startswith("istio-")):
            try:
                roots = [plain(root) for root in compose_all(content)]
            except MultimeshError:
                continue
            if roots and isinstance(roots[0], dict):
                found[config.name] = roots[0]
    return found


def trust_domains(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find a trust domain that both meshes use."""
    first, second = _trust_domains(one), _trust_domains(two)
    for domain in sorted(first.keys() & second.keys()):
        yield Finding("trust-domain", f'both meshes use the trust domain "{domain}"', (side(one, first[domain]), side(two, second[domain])))


def _trust_domains(mesh: Mesh) -> dict[str, Object]:
    by_name = {config.name: config for config in mesh.of("ConfigMap")}
    return {
        str(values.get("trustDomain") or "cluster.local"): by_name[name] for name, values in mesh_configs(mesh).items()
    }


def profiles(one: Mesh, two: Mesh) -> Iterator[Finding]:
    """Find what two profiles claim both: namespaces, node ports, names, revisions."""
    first, second = one.profile, two.profile
    if first is None or second is None:
        return
    places = (Side(one.name, "", first.where, 0), Side(two.name, "", second.where, 0))
    if first.name == second.name:
        yield Finding("cluster-scoped-name", f'both profiles are called "{first.name}"', places)
    for namespace in sorted(first.namespaces & second.namespaces):
        yield Finding("namespace-claimed-twice", f'both profiles list the namespace "{namespace}"', places)
    for namespace in sorted({*first.also_listen, *first.namespaces} & {*second.also_listen, *second.namespaces}):
        if namespace not in first.namespaces & second.namespaces:
            yield Finding("citadel-scope", f'both Citadels would serve "{namespace}"', places)
    for revision in sorted(set(first.revisions) & set(second.revisions)):
        yield Finding("shared-revision", f'both profiles have the revision "{revision}"', places)
    ports = [set(p.node_ports.values()) if isinstance(p.node_ports, dict) else set() for p in (first, second)]
    for port in sorted(ports[0] & ports[1]):
        yield Finding("node-port", f"both profiles ask for node port {port}", places)


BETWEEN: tuple[Callable[[Mesh, Mesh], Iterator[Finding]], ...] = (
    cluster_scoped_names,
    namespaced_objects,
    revisions,
    webhooks,
    node_ports,
    host_ports,
    host_paths,
    citadels,
    embedded,
    owners,
    crd_versions,
    gateways,
    trust_domains,
    profiles,
)

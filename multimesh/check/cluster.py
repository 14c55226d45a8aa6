"""What lives in the cluster, as meshes: read through kubectl, or from a saved `kubectl get -o json`.

A live object belongs to the mesh whose control plane shares its Helm release's namespace, its own namespace, the
namespace its webhooks call or its subjects live in, or whose name it bears; failing that, to the mesh that serves the
revision it or its release is labelled with, as istio-cni in kube-system is. What belongs to none is the rest. A mesh
that is being checked is no collision with itself, so what already lives of it is left out.
"""

import shlex
from collections.abc import Callable, Iterator

from multimesh.check.findings import ERROR, INFO, Finding, Side
from multimesh.check.identities import RELEASE_NAME, RELEASE_NAMESPACE
from multimesh.check.kubectl import Access, get
from multimesh.check.meshes import Mesh, entries, is_control_plane, label_of, name_of, revisions_of
from multimesh.check.objects import Object, dig, mappings, said
from multimesh.check.webhooks import is_istio_s
from multimesh.kubernetes.selectors import matches
from multimesh.mesh.names import MESH_LABEL, is_own
from multimesh.mesh.profile import Profile

_CRDS = ("customresourcedefinitions",)

#: What is read, one call each: kinds by kubectl's names, and a label that they carry. Helm charts of Istio label their
#: ConfigMaps so; all others of a cluster are many, and nobody's business.
READS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("namespaces",), ""),
    (("mutatingwebhookconfigurations", "validatingwebhookconfigurations"), ""),
    (("clusterroles", "clusterrolebindings"), ""),
    (_CRDS, ""),
    (("services", "deployments", "daemonsets"), ""),
    (("configmaps",), "release"),
)
#: Kinds that not every cluster knows, and the kinds of CRDs that are asked for only where the CRD is there.
OPTIONAL = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
CUSTOM = ("clusterissuers.cert-manager.io", "meshpolicies.authentication.istio.io", "clusterrbacconfigs.rbac.istio.io")


def read(access: Access, step: Callable[[str], None]) -> tuple[list[Object], list[Finding]]:
    """Read the cluster, and say what could not be read. `step` is told what comes next."""
    objects: list[Object] = []
    findings: list[Finding] = []

    def ask(kinds: tuple[str, ...], labels: str = "", *, optional: bool = False) -> list[Object]:
        step(", ".join(kinds))
        found, said_ = get(access, kinds, optional=optional, labels=labels)
        objects.extend(item._replace(line=0) for item in found)
        findings.extend(said_)
        return found

    names: set[str] = set()
    for kinds, labels in READS:
        found = ask(kinds, labels)
        if kinds is _CRDS:
            names = {item.name for item in found}
    ask(OPTIONAL, optional=True)
    if custom := tuple(kind for kind in CUSTOM if kind in names):
        ask(custom, optional=True)
    return objects, findings


def commands(access: Access) -> str:
    """Return the commands that save what `read` reads, one file each."""
    lines = [
        "# Save what lives in the cluster, and give check the folder that holds it: multimesh check rendered/affirmed cluster",
        "# A command that fails leaves no file; the last ones do where the cluster does not know the kind.",
        "mkdir -p cluster",
    ]
    for kinds, labels in (*READS, (OPTIONAL, ""), *(((kind,), "") for kind in CUSTOM)):
        file = f"cluster/{kinds[0]}.json"
        selector = f" -l {labels}" if labels else ""
        lines.append(f"{shlex.join(access.command)} get {','.join(kinds)} -A{selector} -o json > {file} || rm {file}")
    return "\n".join(lines) + "\n"


#: Kinds of which every cluster with a mesh has some, and what they decide.
_EVERYWHERE = (
    ("Namespace", "their labels"),
    ("ClusterRole", "cluster-scoped names"),
    ("ClusterRoleBinding", "cluster-scoped names"),
    ("Service", "node ports"),
    ("Deployment", "control planes"),
    ("MutatingWebhookConfiguration", "who injects whom"),
    ("ValidatingWebhookConfiguration", "who validates what"),
    ("CustomResourceDefinition", "their owner and versions"),
)


def unsaved(objects: list[Object]) -> Iterator[Finding]:
    """Find what a saved cluster does not hold, although every cluster with a mesh has it."""
    kinds = {item.kind for item in objects}
    for kind, what in _EVERYWHERE:
        if kind not in kinds:
            yield Finding("unreadable", f"no {kind} was saved, so nothing is said about {what}", (), INFO)


def join(objects: list[Object], checked: list[Mesh]) -> list[Mesh]:
    """Return the checked meshes and those that live in the cluster.

    A checked mesh without manifests, of which there is only the profile, is what lives of it.
    """
    homes = _Homes(objects, checked)
    held: dict[str, list[Object]] = {}
    for item in objects:
        held.setdefault(homes.of(item), []).append(item)
    found = []
    for mesh in checked:
        own = held.pop(mesh.namespace, [])
        alone = not mesh.objects and own
        found.append(Mesh(mesh.name, mesh.namespace, own, mesh.profile, live=True) if alone else mesh)
    taken = {mesh.name for mesh in found}
    for namespace, own in held.items():
        name = name_of(namespace, own, None) if namespace else "the cluster"
        found.append(Mesh(namespace if name in taken else name, namespace, own, live=True))
    return found


class _Homes:
    """Which control-plane namespace a live object belongs to; empty for none."""

    def __init__(self, objects: list[Object], checked: list[Mesh]) -> None:
        self.revisions: dict[str, str] = {}
        for mesh in checked:
            own = mesh.profile.revisions if mesh.profile is not None else ()
            self.revisions |= dict.fromkeys(
                (*own, *revisions_of(mesh.objects)) if mesh.namespace else (), mesh.namespace
            )
        for item in objects:
            for revision in revisions_of([item]) if is_control_plane(item) else ():
                self.revisions.setdefault(revision, item.namespace)
        # A mesh that shows no more than istio-cni does not own kube-system, where another one's may live.
        shared = {
            (item.namespace, home) for item in objects if not is_control_plane(item) and (home := self._served(item))
        }
        self.planes = {
            mesh.namespace
            for mesh in checked
            if mesh.profile is not None
            or any(map(is_control_plane, mesh.objects))
            or not any(space == mesh.namespace != home for space, home in shared)
        }
        self.planes |= {item.namespace for item in objects if is_control_plane(item)}
        self.planes.discard("")
        self.profiles: list[Profile] = [mesh.profile for mesh in checked if mesh.profile is not None]
        self.members = {space: profile.namespace for profile in self.profiles for space in profile.namespaces}
        spaces = [item for item in objects if (item.group, item.kind) == ("", "Namespace")]
        by_label = {
            item.labels[MESH_LABEL]: item.name
            for item in spaces
            if item.name in self.planes and MESH_LABEL in item.labels
        }
        by_label |= {mesh.name: mesh.namespace for mesh in checked if mesh.namespace}
        for item in spaces:
            self.members.setdefault(item.name, by_label.get(item.labels.get(MESH_LABEL, ""), ""))
        self.releases: dict[tuple[str, str], str] = {}
        for item in objects:
            if home := self._served(item):
                self.releases.setdefault(_release(item), home)
        self.roles: dict[str, str] = {}
        for item in objects:
            if item.kind == "ClusterRoleBinding" and (home := self.of(item)):
                self.roles.setdefault(said(dig(item.data, "roleRef", "name")), home)

    def of(self, item: Object) -> str:
        """Return the home of one object."""
        release = _release(item)
        if release[1]:
            return self._home(release[1]) or self.releases.get(release, "")
        if item.namespace:
            return self._home(item.namespace) or self._served(item)
        if (item.group, item.kind) == ("", "Namespace"):
            return ""
        pointed = [said(dig(entry, "clientConfig", "service", "namespace")) for entry in entries(item)]
        pointed += [said(subject.get("namespace")) for subject in mappings(item.data, "subjects")]
        home = next(filter(None, map(self._home, pointed)), "")
        if not home and item.kind == "ClusterRole":
            home = self.roles.get(item.name, "")
        return home or self._named(item.name) or self._served(item)

    def _served(self, item: Object) -> str:
        """Return the home of the revision that an object is labelled with, or that its pods ask for."""
        asked = revisions_of([item]) if not is_control_plane(item) else []
        return next((self.revisions[revision] for revision in asked if revision in self.revisions), "")

    def _home(self, namespace: str) -> str:
        return namespace if namespace in self.planes else self.members.get(namespace, "")

    def _named(self, name: str) -> str:
        for profile in self.profiles:
            if is_own(name, profile):
                return profile.namespace
        fitting = [space for space in self.planes if name.endswith(f"-{space}") or name.startswith(f"{space}-")]
        return max(fitting, key=len, default="")


def _release(item: Object) -> tuple[str, str]:
    return item.annotations.get(RELEASE_NAME, ""), item.annotations.get(RELEASE_NAMESPACE, "")


def namespaces(objects: list[Object], meshes: list[Mesh]) -> Iterator[Finding]:
    """Hold the labels of live namespaces against the meshes that are checked."""
    spaces = [item for item in objects if (item.group, item.kind) == ("", "Namespace")]
    for mesh in meshes if any(mesh.checked for mesh in meshes) else ():
        if not mesh.checked:
            continue
        profile = mesh.profile
        name = mesh.name if profile is not None else label_of(mesh.objects)
        members = (
            profile.namespaces if profile is not None else {item.namespace for item in mesh.objects if item.namespace}
        )
        for item in spaces:
            place = (Side("", item.title, item.file, item.line),)
            label = item.labels.get(MESH_LABEL, "")
            # Without a profile a mesh may be called by its revision, which is no name to hold a label against.
            if item.name in members and name and label not in ("", name):
                what = f'the namespace "{item.name}" of mesh {mesh.name} is labelled {MESH_LABEL}={label}'
                yield Finding("namespace-claimed-twice", what, place)
            if label == mesh.name and item.name not in members and profile is not None:
                what = f'the namespace "{item.name}" is labelled {MESH_LABEL}={label}, and the profile does not list it'
                # Citadel's list of Istio 1.5 is static.
                yield Finding(
                    "namespace-label",
                    what,
                    place,
                    ERROR if mesh.containers("citadel") else INFO,
                    "Add it to spec.workloadNamespaces, or take the label away.",
                )
            if item.name in members and item.name != mesh.namespace:
                yield from _strangers(item, mesh, meshes)


def _strangers(space: Object, mesh: Mesh, meshes: list[Mesh]) -> Iterator[Finding]:
    """Find webhooks of other meshes that inject pods of a namespace, as it is labelled now."""
    labels = {"kubernetes.io/metadata.name": space.name, **space.labels}
    for other in meshes:
        for config in other.of("MutatingWebhookConfiguration") if other is not mesh and other.live else ():
            for entry in entries(config):
                try:
                    hit = (
                        is_istio_s(entry)
                        and matches(entry.get("namespaceSelector"), labels)
                        and matches(entry.get("objectSelector"), {})
                    )
                except (ValueError, TypeError, AttributeError):
                    continue
                if hit:
                    what = f'"{said(entry.get("name"))}" of mesh {other.name} injects pods in "{space.name}" of mesh {mesh.name}'
                    places = (
                        Side(mesh.name, space.title, space.file, space.line),
                        Side(other.name, config.title, config.file, config.line),
                    )
                    yield Finding("injection-overlap", what, places)

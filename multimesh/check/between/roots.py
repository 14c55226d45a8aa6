"""Find control planes that write their root certificate into the namespaces of another mesh, under the same name."""

from __future__ import annotations

from collections.abc import Iterator

from multimesh.check.findings import Finding, Side
from multimesh.check.meshes.mesh import Mesh, label_of, side_of
from multimesh.check.meshes.planes import Plane, planes
from multimesh.check.meshes.webhooks import entries
from multimesh.check.objects import dig, from_base64, listed, mappings, strings, text_of
from multimesh.mesh.names import WRITES_POLICY
from multimesh.mesh.writes import is_everywhere, root_name, row_of, writes_root

#: The policy that stops it in the namespaces of one mesh, by the name of that mesh.
_OF_OTHER = "multimesh-roots-"


def roots(meshes: list[Mesh]) -> Iterator[Finding]:
    """Find control planes that write their root into every namespace, and a second mesh that uses the same name.

    Control planes that are confined are compared by their selectors (`discovery`).
    """
    writers: dict[str, dict[int, Plane]] = {}
    everywhere: dict[str, set[int]] = {}
    for number, mesh in enumerate(meshes):
        for plane in planes(mesh):
            if writes_root(plane.env):
                name = root_name(plane.env, plane.version)
                writers.setdefault(name, {}).setdefault(number, plane)
                if is_written_everywhere(plane):
                    everywhere.setdefault(name, set()).add(number)
                    writers[name][number] = plane
    shields = _Shields(meshes)
    certificates = [root_of(mesh) for mesh in meshes]
    only_live = not any(mesh.checked for mesh in meshes)
    for name, first in everywhere.items():
        concerned: dict[int, Plane] = {}
        for one in sorted(first):
            for two, plane in writers[name].items():
                same = certificates[one] and certificates[one] == certificates[two]
                relevant = only_live or meshes[one].checked or meshes[two].checked
                if one != two and relevant and not same and not shields.keep_apart(meshes[one], meshes[two]):
                    concerned |= {one: writers[name][one], two: plane}
        if concerned:
            yield _written(name, {number: concerned[number] for number in sorted(concerned)}, first)


def is_written_everywhere(plane: Plane) -> bool:
    """Return whether no selector restricts where a control plane writes its root.

    Without selectors it reaches the whole cluster in any version, which is a finding of its own.
    """
    row = row_of("root", plane.era)
    return row is not None and is_everywhere(row, plane.env)


def root_of(mesh: Mesh) -> str:
    """Return the root of a mesh, if it can be seen: in the Secret cacerts, or in the bundles of its live webhooks."""
    for secret in mesh.of("Secret"):
        if secret.name == "cacerts" and secret.namespace == mesh.namespace:
            plain = strings(secret.data.get("stringData")).get("root-cert.pem", "")
            return (plain or from_base64(strings(secret.data.get("data")).get("root-cert.pem", ""))).strip()
    own = mesh if mesh.live else mesh.running
    bundles = {
        from_base64(text_of(dig(entry, "clientConfig", "caBundle")))
        for config in (own.of("MutatingWebhookConfiguration") if own is not None else ())
        for entry in entries(config)
        if dig(entry, "clientConfig", "service", "namespace") == mesh.namespace
    }
    return bundles.pop() if len(bundles) == 1 else ""


class _Shields:
    """The admission policies that are applied: there is a policy, and a binding that denies."""

    def __init__(self, meshes: list[Mesh]) -> None:
        bound = {
            text_of(dig(binding.data, "spec", "policyName"))
            for mesh in meshes
            for binding in mesh.of("ValidatingAdmissionPolicyBinding")
            if "Deny" in listed(binding.data, "spec", "validationActions")
        }
        self._applied = bound & {policy.name for mesh in meshes for policy in mesh.of("ValidatingAdmissionPolicy")}
        self._roles = {role.name for mesh in meshes for role in mesh.of("ClusterRole")}
        self._rights = {
            (binding.name, text_of(subject.get("namespace")))
            for mesh in meshes
            for binding in mesh.of("ClusterRoleBinding")
            for subject in mappings(binding.data, "subjects")
            if binding.name == dig(binding.data, "roleRef", "name")
        }

    def keep_apart(self, writer: Mesh, other: Mesh) -> bool:
        """Return whether a control plane cannot write its root into the namespaces of another mesh.

        Either the other mesh protects its roots, or the policy that all meshes share confines the writer: RBAC tells it
        in which namespace the control plane of a mesh is (docs/isolation.md).
        """
        right = f"{WRITES_POLICY}-{_label(writer)}"
        is_confined = right in self._roles and (right, writer.namespace) in self._rights
        return f"{_OF_OTHER}{_label(other)}" in self._applied or (WRITES_POLICY in self._applied and is_confined)


def _label(mesh: Mesh) -> str:
    return mesh.profile.name if mesh.profile is not None else label_of(mesh.objects) or mesh.name


def _written(name: str, concerned: dict[int, Plane], everywhere: set[int]) -> Finding:
    writing = [plane for number, plane in concerned.items() if number in everywhere]
    others = [plane for number, plane in concerned.items() if number not in everywhere]
    if len(writing) == 1:
        who = f"mesh {writing[0].mesh.name} writes"
    else:
        who = f"{'both' if len(writing) == 2 and not others else len(writing)} meshes write"
    what = f"{who} ConfigMap {name} into every namespace"
    if others:
        named = ", ".join(plane.mesh.name for plane in others[:4]) + (" and others" if len(others) > 4 else "")
        what += f", also into those of mesh {named}, where the control plane of that mesh writes it"
    places = tuple(_side(plane) for plane in (*writing, *others))
    # The oldest one decides what can be done.
    row = row_of("root", min(plane.era for plane in writing))
    return Finding("written-twice", what, places, remedy=row.apart if row is not None else "")


def _side(plane: Plane) -> Side:
    return side_of(plane.mesh, plane.workload)

"""The policies of every profile in the tests compile without a warning, and cost less than a tenth of the limit.

Each profile gets a name and a namespace of its own, so that the policies of all are in one cluster; what else it says
is left as it is. No mesh is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from api import Api, Refused, until
from controlplane import ControlPlane
from helms import ROOT, Helm
from program import profile

from multimesh.commands.policies import policies_text
from multimesh.commands.stdio import load_profile
from multimesh.mesh.policies import chosen_policies
from multimesh.mesh.profile import Profile

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
LABEL = "multimesh.dev/mesh"
FILES = sorted([*ROOT.glob("charts-values/*/profile.yaml"), *ROOT.glob("tests/golden/*/profile.yaml")])
#: What no file has, each with many entries.
MANY = [f"name-{number}" for number in range(20)]
MORE = {
    "canaries": {"revision": "stable", "canaryRevisions": MANY},
    "kept names": {"keepNames": [f"ClusterRole/{name}" for name in MANY]},
    "kept roles": {"clusterRoles": "keep"},
    "writers of roots": {"policies": {"rootWriters": [f"cert-manager/{name}" for name in MANY]}},
    "owner": {"sharedResources": "own"},
}


class Applied(NamedTuple):
    """A cluster with the policies of all profiles, by the names of the files or cases."""

    api: Api
    meshes: dict[str, Profile]


def spec_of(file: Path) -> dict[str, Any]:
    """Return what a profile says beside its namespace."""
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
    return {key: value for key, value in spec.items() if key not in ("namespace", "workloadNamespaces")}


@pytest.fixture(scope="module")
def applied(cluster: ControlPlane, helm4: Helm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """Apply the policies of all profiles with one call of kubectl, which prints no warning."""
    folder = tmp_path_factory.mktemp("profiles")
    cases = {f"{file.parent.parent.name}/{file.parent.name}": spec_of(file) for file in FILES} | MORE
    meshes: dict[str, Profile] = {}
    for number, (case, spec) in enumerate(cases.items()):
        file = folder / f"{number}.yaml"
        file.write_text(profile(f"case{number}", f"istio-case{number}", **spec), encoding="utf-8")
        meshes[case] = load_profile(str(file))
    written = folder / "policies.yaml"
    written.write_text(
        "\n---\n".join(policies_text(mesh, chosen_policies(mesh)) for mesh in meshes.values()), encoding="utf-8"
    )
    kubectl = helm4._replace(binary=helm4.binary.with_name("kubectl"))

    def run(*arguments: object) -> str:
        done = kubectl.run(*arguments, "-f", written, KUBECONFIG=str(cluster.kubeconfig))
        assert done.code == 0, done.err
        return done.err

    assert run("apply", "--server-side") == ""
    yield Applied(cluster.api, meshes)
    run("delete", "--ignore-not-found")
    for mesh in meshes.values():
        cluster.api.delete("Namespace", mesh.namespace)


def test_the_policies_of_every_profile_compile_without_a_warning(applied: Applied) -> None:
    """The API server checks the types of all expressions, against every kind that a policy names."""

    def checked() -> dict[str, Any]:
        found = {one["metadata"]["name"]: one.get("status", {}) for one in applied.api.items(POLICIES)}
        return {name: status.get("typeChecking") for name, status in found.items() if name.startswith("multimesh-")}

    found = until("every policy is checked", checked, so=lambda found: None not in found.values())
    assert found == {name: {} for name in found}
    assert len(found) == 5 * len(applied.meshes) + 2


def webhooks(mesh: Profile, count: int) -> list[dict[str, Any]]:
    """Return entries of an injector, each as large as those of Istio 1.30."""
    return [
        {
            "name": f"e{number}.rev.namespace.sidecar-injector.istio.io",
            "clientConfig": {"service": {"name": "istiod", "namespace": mesh.namespace, "path": "/inject"}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": "istio-injection", "operator": "In", "values": [mesh.injection_label]},
                    {"key": "istio.io/rev", "operator": "DoesNotExist"},
                    {"key": LABEL, "operator": "In", "values": [mesh.name]},
                    {"key": "istio.io/dataplane-mode", "operator": "NotIn", "values": ["ambient"]},
                ]
            },
            "objectSelector": {"matchExpressions": [{"key": "sidecar.istio.io/inject", "operator": "DoesNotExist"}]},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }
        for number in range(count)
    ]


def test_a_configuration_of_ten_times_the_size_stays_below_the_cost_limit(applied: Applied) -> None:
    """The largest injector of Istio has eight entries, and a validator two."""
    for mesh in applied.meshes.values():
        meta = {
            "name": f"x-{mesh.name}",
            "labels": {"istio.io/rev": mesh.revision},
            "annotations": {"meta.helm.sh/release-namespace": mesh.namespace},
        }
        # What carries no name of the mesh is denied, once the policies are enforced.
        until("the policies are enforced", lambda meta=meta: refused(applied.api, "ClusterRole", meta | {"name": "x"}))
        for kind, count in (("MutatingWebhookConfiguration", 80), ("ValidatingWebhookConfiguration", 20)):
            entries = webhooks(mesh, count)
            if kind.startswith("Validating"):
                for entry in entries:
                    entry["name"] = entry["name"].replace("sidecar-injector", "validation")
            applied.api.create(kind, {"metadata": meta, "webhooks": entries}, dry_run=True)


def refused(api: Api, kind: str, meta: dict[str, Any]) -> bool:
    """Return whether an admission policy refuses an object."""
    try:
        api.create(kind, {"metadata": meta}, dry_run=True)
    except Refused as error:
        return "ValidatingAdmissionPolicy" in error.message
    return False


def test_a_pod_of_ten_times_the_size_stays_below_the_cost_limit(applied: Applied) -> None:
    """A sidecar of Istio 1.30 has 13 arguments and 25 environment variables."""
    for mesh in applied.meshes.values():
        space = {"metadata": {"name": mesh.namespace, "labels": {LABEL: mesh.name}}}
        applied.api.create("Namespace", space)
        until("it has an account", lambda mesh=mesh: applied.api.get("ServiceAccount", "default", mesh.namespace))
        sidecar = {
            "name": "istio-proxy",
            "image": "proxyv2",
            "args": [f"--discoveryAddress=istio-pilot.{mesh.namespace}.svc:15010"] * 130,
            "env": [{"name": f"VARIABLE_{number}", "value": "x" * 100} for number in range(250)],
        }
        others = [{"name": f"app-{number}", "image": "nginx"} for number in range(20)]
        status = f'{{"initContainers":["istio-init"],"containers":["istio-proxy"],"revision":"{mesh.revision}"}}'
        meta = {"name": "x", "annotations": {"sidecar.istio.io/status": status, "istio.io/rev": mesh.revision}}
        spec = {"containers": [*others, sidecar]}
        applied.api.create("Pod", {"metadata": meta, "spec": spec}, mesh.namespace, dry_run=True)
        foreign = meta | {"annotations": {"istio.io/rev": "of-another-mesh"}}
        with pytest.raises(Refused, match="carries a sidecar of another mesh"):
            applied.api.create("Pod", {"metadata": foreign, "spec": spec}, mesh.namespace, dry_run=True)

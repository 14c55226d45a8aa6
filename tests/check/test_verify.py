"""`multimesh verify` on saved clusters: each fault is found, and a sound mesh is silent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_objects import gateway, gateway_class
from running_clusters import OTHER_CERT, ROOT_CERT, encoded, entry, labelled, old, pod, sound, thing

from multimesh.check.objects import plural

ROOT = Path(__file__).resolve().parents[2]
PROFILE = """\
apiVersion: multimesh.dev/v1alpha1
kind: MeshProfile
metadata: {name: affirmed}
spec: {namespace: istio-affirmed, workloadNamespaces: [nginx-affirmed]}
"""


def verify(tmp_path, cluster, *arguments):
    """Run the command on a saved cluster; return the ids and messages it found, and the exit code."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    saved = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(cluster.values())})
    done = subprocess.run(
        [sys.executable, "-m", "multimesh", "verify", "--profile", str(profile), "-o", "json", *arguments],
        input=saved,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stderr == ""
    found = json.loads(done.stdout)["findings"]
    return [(finding["id"], finding["severity"], finding["message"]) for finding in found], done.returncode


def test_a_sound_mesh_is_silent(tmp_path):
    """Nothing is found, and the exit code is 0."""
    assert verify(tmp_path, sound()) == ([], 0)


def bundle(cluster, which, value):
    """Set the caBundle of a webhook."""
    cluster[which]["webhooks"][0]["clientConfig"]["caBundle"] = value


FAULTS = {
    "a namespace that does not exist": (lambda c: c.pop("member"), "namespace-label", "does not exist"),
    "a namespace without the mesh label": (
        lambda c: labelled(c, "member", mesh=None),
        "namespace-label",
        "has no label",
    ),
    "a namespace of another mesh": (
        lambda c: labelled(c, "member", mesh="blue"),
        "namespace-label",
        "belongs to mesh blue",
    ),
    "a namespace without injection": (
        lambda c: labelled(c, "member", injection=None),
        "namespace-label",
        "does not inject",
    ),
    "a namespace with the stock label": (
        lambda c: labelled(c, "member", injection="enabled"),
        "namespace-label",
        "istio-injection=enabled",
    ),
    "a control-plane namespace that is injected by the stock label": (
        lambda c: labelled(c, "plane", injection="enabled"),
        "namespace-label",
        "control-plane namespace",
    ),
    "a control plane that is gone": (
        lambda c: c["istiod"]["spec"].update(template={}),
        "control-plane-down",
        "no control plane",
    ),
    "a control plane without a ready pod": (
        lambda c: c["istiod"]["status"].update(readyReplicas=0),
        "control-plane-down",
        "no ready pod",
    ),
    "a namespace with Gateways of a revision that nobody serves": (
        lambda c: (
            labelled(c, "member", rev="gone"),
            c.update(
                gateway=gateway("web", "nginx-affirmed", "istio"), service=thing("Service", "istiod", "istio-affirmed")
            ),
        ),
        "revision-unserved",
        "nor its Gateways: web",
    ),
    "a Gateway of a class of another mesh": (
        lambda c: c.update(
            gateway=gateway("web", "nginx-affirmed", "istio-blue"),
            of=gateway_class("istio-blue", "istio.io/gateway-controller-blue"),
        ),
        "gateway-class",
        "has the class istio-blue",
    ),
    "an empty caBundle": (lambda c: bundle(c, "injector", ""), "ca-bundle", "has no caBundle"),
    "another mesh's caBundle": (lambda c: bundle(c, "validator", encoded(OTHER_CERT)), "ca-bundle", "another root"),
    "no injector at all": (lambda c: c.pop("injector"), "ca-bundle", "no webhook injects"),
    "two writers of one root certificate": (
        lambda c: c["copy"]["data"].update({"root-cert.pem": OTHER_CERT}),
        "ca-bundle",
        "two control planes write it",
    ),
    "a pod that another mesh injected": (
        lambda c: c.update(pod=pod(address="istiod-blue.istio-blue.svc:15012", revision="blue")),
        "pod-mesh",
        "another mesh's control plane",
    ),
    "a pod of a foreign revision": (lambda c: c.update(pod=pod(revision="blue")), "pod-mesh", 'the revision "blue"'),
    "a pod with two sidecars": (lambda c: c.update(pod=pod(proxies=2)), "pod-mesh", "2 sidecars"),
    "an injector of another mesh that selects the namespace": (
        lambda c: c.update(
            blue=thing(
                "MutatingWebhookConfiguration",
                "istio-sidecar-injector-blue-istio-blue",
                webhooks=[entry("x.sidecar-injector.istio.io", ["enabled-affirmed"], mesh="blue")],
            )
        ),
        "injection-overlap",
        "of another mesh injects",
    ),
    "a forgotten post-renderer, by the missing entry": (
        lambda c: c["injector"]["webhooks"][0]["namespaceSelector"]["matchExpressions"][0].update(values=["enabled"]),
        "stock-name",
        "has no entry for",
    ),
    "a forgotten post-renderer, by a stock validator": (
        lambda c: c["validator"]["metadata"].update(name="istiod-default-validator"),
        "stock-name",
        "has its stock name",
    ),
    "a forgotten post-renderer, by a stock role": (
        lambda c: c.update(
            role=thing("ClusterRole", "kiali", annotations={"meta.helm.sh/release-namespace": "istio-affirmed"})
        ),
        "stock-name",
        "ClusterRole/kiali",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_a_broken_cluster_is_found(tmp_path, fault):
    """One thing is broken, and the finding for it is among those that are reported."""
    break_it, expected, message = FAULTS[fault]
    cluster = sound()
    break_it(cluster)
    found, code = verify(tmp_path, cluster)
    assert [line for line in found if line[0] == expected and message in line[2]] != [], found
    assert code == 1


WARNINGS = {
    "a route to a Gateway of another mesh": (
        lambda c: (
            labelled(c, "other", mesh="blue"),
            c.update(
                route={
                    "apiVersion": "gateway.networking.k8s.io/v1",
                    "kind": "HTTPRoute",
                    "metadata": {"name": "web", "namespace": "nginx-affirmed"},
                    "spec": {"parentRefs": [{"name": "ingress", "namespace": "default"}]},
                }
            ),
        ),
        "route-mesh",
    ),
    "a pod that was started before the label was set": (lambda c: c.update(pod=pod(proxies=0)), "pod-mesh"),
    "a validator that still ignores failures": (
        lambda c: c["validator"]["webhooks"][0].update(failurePolicy="Ignore"),
        "ca-bundle",
    ),
}


@pytest.mark.parametrize("fault", WARNINGS)
def test_what_may_pass_by_itself_is_a_warning(tmp_path, fault):
    """The exit code stays 0."""
    break_it, expected = WARNINGS[fault]
    cluster = sound()
    break_it(cluster)
    found, code = verify(tmp_path, cluster)
    assert ([(expected, "warning")], 0) == ([line[:2] for line in found], code)


NEAR_MISSES = {
    "a namespace that is injected by revision": lambda c: (
        labelled(c, "member", injection=None, rev="affirmed"),
        c["injector"]["webhooks"].append(
            {
                **entry("rev.namespace.sidecar-injector.istio.io", []),
                "namespaceSelector": {"matchLabels": {"istio.io/rev": "affirmed"}},
            }
        ),
    ),
    "a stock role of somebody else": lambda c: c.update(role=thing("ClusterRole", "kiali")),
    "a pod that asked not to be injected": lambda c: c.update(
        pod=thing(
            "Pod",
            "x",
            "nginx-affirmed",
            labels={"sidecar.istio.io/inject": "false"},
            spec={"containers": [{"name": "x"}]},
        )
    ),
    "a pod that is done": lambda c: c.update(
        pod=thing("Pod", "x", "nginx-affirmed", spec={"containers": [{"name": "x"}]}, status={"phase": "Succeeded"})
    ),
    "a pod in a namespace of nobody": lambda c: c.update(nobody=thing("Pod", "x", "default", spec={"containers": []})),
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_what_is_sound_but_unusual_is_silent(tmp_path, case):
    """A near miss is not a finding."""
    cluster = sound()
    NEAR_MISSES[case](cluster)
    assert verify(tmp_path, cluster) == ([], 0)


def test_a_policy_that_is_missing_is_a_warning(tmp_path):
    """Finding `admission-policy`: a mesh that has one policy is expected to have them all."""
    cluster = sound() | {"policy": thing("ValidatingAdmissionPolicy", "multimesh-writes-affirmed")}
    found, code = verify(tmp_path, cluster)
    assert {(name, severity) for name, severity, _ in found} == {("admission-policy", "warning")}
    assert code == 0
    assert "the admission policy multimesh-roots-affirmed is missing" in [message for _, _, message in found]


def test_a_labelled_namespace_that_the_profile_does_not_list_is_worth_an_info(tmp_path):
    """From Istio 1.6 on the label decides."""
    cluster = sound()
    labelled(cluster, "other", mesh="affirmed")
    found, code = verify(tmp_path, cluster)
    assert ([line[:2] for line in found], code) == ([("namespace-label", "info")], 0)


ELSEWHERE = "istiod-blue.istio-blue.svc:15012"
#: What is wrong in a namespace that only its label gives to the mesh: labels, objects, and what is found.
UNLISTED = {
    "a pod of another mesh": ({}, [pod("a", address=ELSEWHERE)], "pod-mesh", "served by another mesh's control plane"),
    "two sidecars": ({}, [pod("a", proxies=2)], "pod-mesh", "has 2 sidecars"),
    "a pod without a sidecar": ({"injection": "enabled-affirmed"}, [pod("a", proxies=0)], "pod-mesh", "has no sidecar"),
    "another mesh injects": ({"injection": "enabled-blue"}, [], "injection-overlap", "of another mesh injects"),
    "the root of another mesh": (
        {},
        [thing("ConfigMap", "istio-ca-root-cert", "nginx-affirmed", data={"root-cert.pem": OTHER_CERT})],
        "ca-bundle",
        "holds another mesh's root",
    ),
}


@pytest.mark.parametrize("fault", UNLISTED)
def test_what_is_wrong_in_a_namespace_that_only_its_label_gives_to_the_mesh_is_found(tmp_path, fault):
    """From Istio 1.6 on the label decides, so its pods, webhooks and roots are those of the mesh."""
    labels, objects, name, message = UNLISTED[fault]
    cluster = sound() | {
        "own root": thing("ConfigMap", "istio-ca-root-cert", "istio-affirmed", data={"root-cert.pem": ROOT_CERT}),
        "blue": thing("MutatingWebhookConfiguration", "blue", webhooks=[entry("blue", ["enabled-blue"], "blue")]),
    }
    labelled(cluster, "other", mesh="affirmed", **labels)
    for number, item in enumerate(objects):
        cluster[f"unlisted {number}"] = item | {"metadata": {**item["metadata"], "namespace": "default"}}
    found, _ = verify(tmp_path, cluster)
    assert [line for line in found if line[0] == name and message in line[2]], found


def test_a_namespace_with_nothing_but_the_label_of_the_mesh_needs_no_sidecars(tmp_path):
    """It may hold gateways or configuration: nobody has asked the mesh to inject there."""
    cluster = sound()
    labelled(cluster, "other", mesh="affirmed")
    item = pod("a", proxies=0)
    cluster["unlisted"] = item | {"metadata": {**item["metadata"], "namespace": "default"}}
    found, code = verify(tmp_path, cluster)
    assert ([line[:2] for line in found], code) == ([("namespace-label", "info")], 0)


def test_a_sound_mesh_of_1_5_is_silent(tmp_path):
    """Citadel's secret is there and signed by the mesh's root."""
    assert verify(tmp_path, old()) == ([], 0)


def test_a_pod_of_1_5_without_a_certificate_is_found_though_it_runs(tmp_path):
    """The volume is optional: kubectl says 2/2."""
    cluster = old()
    del cluster["secret"]
    found, code = verify(tmp_path, cluster)
    assert ([line[0] for line in found], code) == (["certificate"], 1)


def test_a_certificate_of_another_citadel_is_found(tmp_path):
    """Two Citadels fight over the namespace."""
    cluster = old()
    cluster["secret"]["data"]["root-cert.pem"] = encoded(OTHER_CERT)
    found, _ = verify(tmp_path, cluster)
    assert [line[0] for line in found] == ["certificate"]


def test_a_citadel_that_wrote_over_every_copy_is_found_by_the_root_that_is_kept(tmp_path):
    """Without a list it writes into the control-plane namespace of the other mesh, too."""
    cluster = old()
    cluster["secret"]["data"]["root-cert.pem"] = encoded(OTHER_CERT)
    cluster["copied"] = thing("Secret", "istio.default", "istio-affirmed", data=dict(cluster["secret"]["data"]))
    found, _ = verify(tmp_path, cluster)
    assert [line[0] for line in found] == ["certificate"]


def test_a_namespace_that_citadels_list_does_not_hold_is_an_error_in_1_5(tmp_path):
    """The list is static, so the label alone does nothing."""
    cluster = old()
    labelled(cluster, "other", mesh="affirmed")
    found, code = verify(tmp_path, cluster)
    assert ([line[:2] for line in found], code) == ([("namespace-label", "error")], 1)


def test_a_pod_that_talks_to_another_namespace_than_the_profile_says_is_found(tmp_path):
    """affirmed-istio is not istio-affirmed."""
    cluster = old()
    cluster["pod"]["spec"]["containers"][0]["args"][-1] = "istio-pilot.affirmed-istio:15010"
    found, _ = verify(tmp_path, cluster)
    assert [line[0] for line in found] == ["pod-mesh"]


def others():
    """Return a saved cluster in which another mesh runs, with everything that `verify --removed` looks at."""
    return {
        "blue other": thing("Namespace", "istio-blue"),
        "blue role": thing("ClusterRole", "view"),
        "binding": thing("ClusterRoleBinding", "view"),
        "blue": thing("MutatingWebhookConfiguration", "blue", webhooks=[entry("blue", ["enabled-blue"], "blue")]),
        "blue too": thing("ValidatingWebhookConfiguration", "blue", webhooks=[]),
        "blue plane": thing("Deployment", "istiod-blue", "istio-blue", spec=sound()["istiod"]["spec"]),
        "blue map": thing("ConfigMap", "kube-root-ca.crt", "default"),
        "blue secret": thing("Secret", "istio-ca-secret", "istio-blue"),
        "lease": thing("Lease", "node", "kube-node-lease"),
    }


def test_what_a_removed_mesh_left_is_listed_with_the_command_that_removes_it(tmp_path):
    """Webhooks, labels and what the control plane made while it ran."""
    cluster = sound()
    del cluster["istiod"], cluster["pod"]
    found, code = verify(tmp_path, others() | cluster, "--removed")
    assert {"left-behind"} == {line[0] for line in found}
    assert code == 0
    told = " ".join(line[2] for line in found)
    for name in (
        "istio-sidecar-injector-affirmed",
        "Namespace/nginx-affirmed",
        "istio-ca-root-cert",
        "istio-ca-secret",
    ):
        assert name in told


def test_admission_policies_of_a_removed_mesh_are_listed(tmp_path):
    """Those of another mesh are not, nor what protects the CRDs, which stay as well."""
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    names = {"multimesh-writes-affirmed": "affirmed", "multimesh-writes-blue": "blue", "multimesh-crds": "affirmed"}
    cluster = {
        f"{kind}/{name}": thing(kind, name, labels={"multimesh.dev/mesh": mesh})
        for kind in kinds
        for name, mesh in names.items()
    }
    found, code = verify(tmp_path, others() | cluster, "--removed")
    wanted = [("left-behind", "warning", f"{kind}/multimesh-writes-affirmed is still there") for kind in kinds]
    assert (found, code) == (wanted, 0)


def test_a_mesh_that_is_gone_altogether_left_nothing(tmp_path):
    """A cluster of others is silent."""
    assert verify(tmp_path, others(), "--removed") == ([], 0)


@pytest.mark.parametrize("kept", ["blue other", "blue role", "blue map", "blue plane", "blue secret"])
def test_of_a_removed_mesh_kinds_of_which_nothing_was_seen_are_named(tmp_path, kept):
    """A file with one Namespace does not say that nothing is left."""
    cluster = others()
    kinds = [item["kind"] for item in cluster.values() if item["kind"] != cluster[kept]["kind"]]
    found, code = verify(tmp_path, {kept: cluster[kept]}, "--removed")
    assert {line[:2] for line in found} == {("unreadable", "warning")}
    assert sorted(line[2].partition(",")[0] for line in found) == sorted(f"no {kind} was seen" for kind in kinds)
    assert code == 0
    assert verify(tmp_path, {kept: cluster[kept]}, "--removed", "--strict")[1] == 1


def test_a_control_plane_that_still_runs_is_left(tmp_path):
    """It makes again what is removed; that of another mesh does not count."""
    found, code = verify(tmp_path, others() | {"left": sound()["istiod"]}, "--removed")
    assert found == [("left-behind", "warning", "Deployment/istio-affirmed/istiod-affirmed is still there")]
    assert code == 0


def test_kinds_of_which_nothing_was_seen_are_named(tmp_path):
    """Without the right to list pods, nothing is said about sidecars, and that is said."""
    cluster = sound()
    del cluster["pod"]
    found, code = verify(tmp_path, cluster)
    assert (found, code) == ([("unreadable", "warning", "no Pod was seen, so nothing is said about sidecars")], 0)


def test_a_mesh_of_which_no_certificate_was_saved_is_not_sound(tmp_path):
    """Without Secrets and ConfigMaps nobody knows whether the webhooks have the root of the mesh."""
    cluster = {name: item for name, item in sound().items() if item["kind"] not in ("Secret", "ConfigMap")}
    for which in ("injector", "validator"):
        bundle(cluster, which, encoded("garbage"))
    found, code = verify(tmp_path, cluster)
    assert [line[:2] for line in found] == [("unreadable", "warning")] * 2
    assert verify(tmp_path, cluster, "--strict")[1] == 1
    assert code == 0


@pytest.mark.parametrize(
    "text",
    ["not: [yaml", "- 1", '{"kind": "List", "items": 3}', "{}", '{"kind": "List"}', '{"kind": "List", "items": null}',
     '{"kind": "Status", "apiVersion": "v1", "status": "Failure"}', "kind: Namespace", '{"kind": "List", "items": [{"ki'],
)  # fmt: skip
def test_a_saved_cluster_that_is_none_is_an_error(tmp_path, text):
    """Nothing was checked: a gate must not pass. The message is about kubectl, which should have written it."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    command = [sys.executable, "-m", "multimesh", "verify", "--profile", str(profile)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("multimesh: <stdin>:")
    assert "kubectl get" in done.stderr
    assert "helm template" not in done.stderr


def test_the_command_that_saves_a_cluster_saves_what_is_looked_at(tmp_path):
    """With --removed Leases, too; Secrets hold private keys, so one is saved by name."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    command = [sys.executable, "-m", "multimesh", "verify", "--profile", str(profile)]
    for flags, cluster in (((), sound()), (("--removed",), others())):
        done = subprocess.run([*command, *flags], input="{}", capture_output=True, text=True, cwd=ROOT, check=False)
        kinds = done.stderr.partition("kubectl get ")[2].partition(" -A")[0].split(",")
        assert {plural(item["kind"]) for item in cluster.values()} - {"secrets"} <= set(kinds)


@pytest.mark.parametrize("flags", [("-f", "-"), ("--file=-",)])
def test_a_dash_is_stdin_whatever_stdin_is(tmp_path, flags):
    """Without `-f -`, a stdin that is not a pipe means the live cluster."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    command = [sys.executable, "-m", "multimesh", "verify", "--profile", str(profile), *flags]
    for stdin in (subprocess.DEVNULL, None):
        done = subprocess.run(
            command if stdin else ["sh", "-c", 'exec "$@" <&-', "sh", *command],
            stdin=stdin, capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("multimesh: <stdin>: ")


def test_one_mesh_is_verified_at_a_time(tmp_path):
    """Of two profiles only the last one counted, as if the first mesh were sound."""
    command = [sys.executable, "-m", "multimesh", "verify", "--profile=a", "--profile", "b"]
    done = subprocess.run(command, input="", capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "multimesh: --profile is given twice\n  Run the command once for each mesh.\n"


@pytest.mark.parametrize("seconds", ["-1", "1.5", "\u00b2", "\u0661", "3601", "9" * 26, "1" * 5000])
def test_seconds_that_nobody_can_wait_are_refused(tmp_path, seconds):
    """Without a traceback, and before anything is read."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    command = [sys.executable, "-m", "multimesh", "verify", f"--profile={profile}", f"--settle={seconds}"]
    done = subprocess.run(command, input="", capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'multimesh: --settle is "{seconds}"\n  Write whole seconds, at most 3600')


@pytest.mark.parametrize(
    "name",
    ["istio-ca-root-cert", "istio-ca-crl", "istio-leader", "istio-gateway-status-leader", "istio-ip-autoallocate",
     "istio-namespace-controller-election"],
)  # fmt: skip
def test_a_configmap_that_a_removed_istiod_wrote_is_listed(tmp_path, name):
    """As a real istiod of 1.16.7, 1.24.6 or 1.30.3 leaves them; a user's own ConfigMap is not."""
    cluster = {"left": thing("ConfigMap", name, "istio-affirmed"), "own": thing("ConfigMap", "own", "istio-affirmed")}
    found, code = verify(tmp_path, others() | cluster, "--removed")
    assert code == 0
    assert [line[2] for line in found] == [f"ConfigMap/istio-affirmed/{name} is still there"]

"""The scenarios can fail: without one rule, the scenario that depends on it fails in the way described here.

wrapper.py, which Helm calls instead of the program, removes the rules; the program does not know it.

    scenario                          removed rule
    --------------------------------  ----------------------------------------------------------------------
    1, 9  without multimesh           all of them: that is what these two scenarios show
    2     both by multimesh           cluster-scoped-names, node-ports, shared-resources, webhook-names
    3     who injects whom            injection-label
    4     who validates what          validation-scope
    5     helm upgrade                failure-policy, ca-bundle
    6     canary                      injection-label
    7     helm rollback               injection-label, in what was stored
    8     a control plane is down     validation-scope
    10    removal                     shared-resources
    11    check before install        each of 2: `check` has named the object at which Helm then fails
    `verify` on a sound mesh          citadel-scope
"""

from __future__ import annotations

import json

import charts
import pytest
from api import until
from roots import publish
from test_canary import NEW as CANARY
from test_canary import put
from world import MESHES, World, failed

OLD, NEW = "1.5.0", "1.30.3"


def at(version: str, major: int = 3) -> pytest.MarkDecorator:
    """Run a test with the charts of one version, and one Helm."""
    return pytest.mark.parametrize("bare", [(major, version)], ids=[f"helm{major}-{version}"], indirect=True)


@pytest.fixture(autouse=True)
def few_crds(bare: World) -> None:
    """Install few CRDs: only the rule about shared resources concerns them."""
    bare.all_crds = False


def second_install(world: World) -> str:
    """Install affirmed, then blue; return what Helm says of the first release of blue that fails."""
    for mesh in MESHES:
        world.profile(mesh)
        world.make_namespaces(mesh)
        for name, stream in charts.releases(world.version, mesh).items():
            done = world.release("install", mesh, name, world.chart(mesh, stream))
            if done.code:
                assert mesh == "blue", done.err
                return done.err
    return ""


def foretold(world: World) -> set[str]:
    """Return the findings of `check` over what would be installed."""
    folders = []
    for mesh in MESHES:
        folder = world.folder / "would-be" / mesh
        folder.mkdir(parents=True)
        for name, stream in charts.releases(world.version, mesh).items():
            done = world.run("template", name, world.chart(mesh, stream), "-n", f"istio-{mesh}", *world.through(mesh))
            assert done.code == 0, done.err
            (folder / f"{name}.yaml").write_text(done.out, encoding="utf-8")
        folders.append(folder)
    done = world.multimesh("check", *folders, "-o", "json")
    assert done.code == 1, done.out + done.err
    return {finding["id"] for finding in json.loads(done.out)["findings"] if finding["severity"] == "error"}


@pytest.mark.parametrize(
    ("bare", "rule", "stumbles", "finding"),
    [
        ((3, OLD), "cluster-scoped-names", 'ClusterRole "', "cluster-scoped-name"),
        ((3, OLD), "node-ports", "provided port is already allocated", "node-port"),
        ((3, NEW), "cluster-scoped-names", 'ValidatingWebhookConfiguration "istiod-default-validator"', "cluster-scoped-name"),
        ((3, NEW), "shared-resources", 'CustomResourceDefinition "', "cluster-scoped-name"),
    ],
    indirect=["bare"],
)  # fmt: skip
def test_without_this_rule_the_second_install_fails_as_check_foretells(
    bare: World, rule: str, stumbles: str, finding: str
) -> None:
    """Scenario 2 goes wrong at the object that the rule keeps apart, and scenario 11 reports it before."""
    bare.without = rule
    assert stumbles in second_install(bare)
    assert finding in foretold(bare)


@at(OLD)
def test_without_the_names_of_webhooks_a_control_plane_finds_none(bare: World) -> None:
    """Scenario 2 goes wrong: the flags name other configurations, no bundle is written, and pods are held back."""
    bare.without = "webhook-names"
    with pytest.raises(AssertionError, match="has written its root"):
        bare.install("affirmed", serve=False)
    assert bare.sidecars("nginx-affirmed")[0] == "refused"


@at(NEW)
def test_without_the_injection_label_pods_start_without_a_sidecar(bare: World) -> None:
    """Scenarios 3 and 7 go wrong: no entry selects the label of the mesh, and a rollback brings that back."""
    bare.without = "injection-label"
    bare.install("affirmed", serve=False)
    assert bare.sidecars("nginx-affirmed") == []
    bare.without = ""
    assert failed(bare.upgrade("affirmed")) == {}
    bare.serves("affirmed")
    done = bare.run("rollback", "istiod-affirmed", "1", "-n", "istio-affirmed")
    assert done.code == 0, done.err
    until("pods start without a sidecar", lambda: bare.sidecars("nginx-affirmed") == [])


@at(OLD)
def test_without_the_injection_label_two_meshes_of_1_5_inject_one_pod(bare: World) -> None:
    """Scenario 3 goes wrong: both injectors are asked for the label of the stock chart."""
    bare.without = "injection-label"
    for mesh in MESHES:
        bare.install(mesh, serve=False)
    bare.namespace("both", istio_injection="enabled")
    until("both are asked", lambda: bare.sidecars("both") and bare.who_was_asked_last() == set(MESHES))


@at(NEW)
def test_without_the_scope_of_validators_nobody_validates_a_mesh(bare: World) -> None:
    """Scenario 4 goes wrong: the default validator belongs to a revision that nobody serves."""
    bare.without = "validation-scope"
    bare.install("affirmed", serve=False)
    until("affirmed injects", lambda: bare.sidecars("nginx-affirmed") == ["affirmed"])
    assert bare.denial("nginx-affirmed") == ""


@at(OLD)
def test_without_the_scope_of_validators_one_mesh_holds_up_the_other(bare: World) -> None:
    """Scenarios 4 and 8 go wrong: blue is asked about a resource of affirmed, and while it is down, nobody answers."""
    bare.without = "validation-scope"
    for mesh in MESHES:
        bare.install(mesh, serve=False)
    until(
        "blue is asked about affirmed",
        lambda: bare.virtual_service("nginx-affirmed", ["nginx"]) == "" and "blue" in bare.who_was_asked_last(),
    )
    bare.stop("blue")
    until(
        "affirmed's resources are held up",
        lambda: "failed calling webhook" in bare.virtual_service("nginx-affirmed", ["nginx"]),
    )


@pytest.mark.parametrize(
    ("bare", "rule", "field"),
    [((4, OLD), "ca-bundle", "caBundle"), ((4, "1.24.6"), "failure-policy", "failurePolicy")],
    indirect=["bare"],
)
def test_without_this_rule_helm_4_refuses_to_upgrade(bare: World, rule: str, field: str) -> None:
    """Scenario 5 goes wrong, although a flag says that this is an upgrade: the control plane owns the field."""
    bare.install("affirmed")
    bare.without = rule
    said = failed(bare.upgrade("affirmed"))
    assert said
    for message in said.values():
        assert "Apply failed with" in message
        assert field in message


@at(NEW)
def test_without_the_injection_label_a_promotion_leaves_pods_without_a_sidecar(bare: World) -> None:
    """Scenario 6 goes wrong: the new revision does not get the label, and the old one loses it."""
    bare.install("affirmed")
    bare.profile("affirmed", canaryRevisions=[CANARY])
    put(bare, "install", f"istiod-{CANARY}")
    bare.profile("affirmed", revision=CANARY, canaryRevisions=["affirmed"])
    bare.without = "injection-label"
    put(bare, "upgrade", f"istiod-{CANARY}")
    put(bare, "upgrade", "istiod-affirmed", serve=False)
    until("pods start without a sidecar", lambda: bare.sidecars("nginx-affirmed") == [])


@at("1.24.6")
def test_without_the_rule_of_what_is_shared_the_owner_takes_a_crd_with_it(bare: World) -> None:
    """Scenario 10 goes wrong: the chart keeps all CRDs but one, which is deleted with the resources of its kind."""
    bare.all_crds, bare.without = True, "shared-resources"
    bare.install("affirmed")
    before = bare.crds()
    bare.remove("affirmed")
    until("the CRD is gone", lambda: before.keys() - bare.crds().keys() == {"workloadgroups.networking.istio.io"})


@at(OLD)
def test_without_the_list_of_citadel_it_writes_over_the_certificates_of_the_other_mesh(bare: World) -> None:
    """`verify` goes wrong: the last Citadel that wrote is another mesh's."""
    bare.without = "citadel-scope"
    for mesh in MESHES:
        bare.install(mesh, serve=False)
    publish(bare.api, bare.api, "istio-blue", bare.authorities["blue"].pem)
    bare.pod("nginx-affirmed", dry_run=False)
    done = bare.multimesh("verify", "--profile", bare.folder / "profiles" / "affirmed")
    assert done.code == 1
    assert "comes from another mesh's Citadel" in done.out


@at(NEW)
def test_without_the_post_renderer_nothing_of_a_mesh_is_its_own(bare: World) -> None:
    """Scenario 2 goes wrong at once: the stock charts collide."""
    bare.without = "*"
    assert "cannot be imported into the current release" in second_install(bare)

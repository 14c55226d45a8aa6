"""Who owns what while Helm upgrades: fields that others have written, and CRDs that another release has taken."""

from __future__ import annotations

import pytest
from api import path
from standin import VALIDATING
from world import MESHES, World, failed

NEWEST = "1.30.3"
CONFLICT = "conflict with"
WITH_HELM_3 = pytest.mark.parametrize("bare", [(3, NEWEST)], ids=["helm3"], indirect=True)
WITH_HELM_4 = pytest.mark.parametrize("bare", [(4, NEWEST)], ids=["helm4"], indirect=True)
BOTH = pytest.mark.parametrize("bare", [(3, NEWEST), (4, NEWEST)], ids=["helm3", "helm4"], indirect=True)

#: The validators of blue, which its releases base and istiod install.
VALIDATORS = ("istio-validator-blue-istio-blue", "istiod-default-validator-blue")


@WITH_HELM_3
def test_helm_4_upgrades_a_release_of_helm_3_client_side_until_it_is_told_otherwise(
    bare: World, request: pytest.FixtureRequest
) -> None:
    """No conflict over `failurePolicy` at first, one after `--server-side=true`, and never one with `--upgrade`."""
    for mesh in MESHES:
        bare.install(mesh)
    before = bare.of_mesh("affirmed", "resourceVersion")
    bare.helm = request.getfixturevalue("helm4")
    assert failed(bare.upgrade("blue", known=False)) == {}
    bare.is_whole()
    assert failed(bare.upgrade("blue")) == {}
    assert policies(bare) == {"Fail"}
    assert failed(bare.upgrade("blue", "--server-side=true", "--force-conflicts")) == {}
    bare.is_whole()
    said = failed(bare.upgrade("blue", known=False))
    assert said.keys() == set(bare.names("blue"))
    assert all(CONFLICT in message and "failurePolicy" in message for message in said.values())
    assert failed(bare.upgrade("blue")) == {}
    assert before == bare.of_mesh("affirmed", "resourceVersion")


def policies(world: World) -> set[str]:
    """Return the failure policies of the validators of blue."""
    found = {config["metadata"]["name"]: config for config in world.api.list(VALIDATING)}
    return {entry["failurePolicy"] for name in VALIDATORS for entry in found[name]["webhooks"]}


@WITH_HELM_4
def test_a_manager_that_rewrites_selectors_makes_helm_4_conflict(bare: World) -> None:
    """AKS adds terms to selectors as `admissionsenforcer`: those of the mesh stay, and Helm 4 needs force."""
    for mesh in MESHES:
        bare.install(mesh)
    place = f"{path(VALIDATING, name=VALIDATORS[0])}?fieldManager=admissionsenforcer"
    own = bare.api.get(VALIDATING, VALIDATORS[0])["webhooks"][0]["namespaceSelector"]["matchExpressions"]
    added = [*own, {"key": "control-plane", "operator": "DoesNotExist"}]
    patch = [{"op": "replace", "path": "/webhooks/0/namespaceSelector/matchExpressions", "value": added}]
    bare.api.call("PATCH", place, patch, "application/json-patch+json")
    said = failed(bare.upgrade("blue"))
    assert list(said) == ["istiod-blue"]
    assert 'conflict with "admissionsenforcer"' in said["istiod-blue"]
    assert "namespaceSelector" in said["istiod-blue"]
    bare.is_whole()
    assert failed(bare.upgrade("blue", "--force-conflicts")) == {}
    bare.is_whole()


def owners(world: World) -> set[str]:
    """Return the releases that the CRDs of Istio belong to."""
    return {
        crd["metadata"]["annotations"]["meta.helm.sh/release-name"]
        for crd in world.api.list("CustomResourceDefinition")
    }


@BOTH
def test_an_old_owner_takes_crds_back_by_an_upgrade_and_not_by_a_rollback(bare: World) -> None:
    """Its profile must change before anything is done with its release; the new owner can take the CRDs again."""
    for mesh in MESHES:
        bare.install(mesh)
    crds = bare.crds()

    def base(mesh: str, owns: str, *flags: str) -> None:
        bare.profile(mesh, sharedResources=owns)
        chart = bare.chart(mesh, "base")
        done = bare.release("upgrade", mesh, f"istio-base-{mesh}", chart, *flags, post=("--upgrade",))
        assert done.code == 0, done.err

    base("blue", "own", "--take-ownership")
    assert owners(bare) == {"istio-base-blue"}
    base("affirmed", "own")
    assert owners(bare) == {"istio-base-affirmed"}
    base("blue", "own", "--take-ownership")
    assert owners(bare) == {"istio-base-blue"}
    base("affirmed", "leave")
    assert owners(bare) == {"istio-base-blue"}
    force = ["--force-conflicts"] * (bare.helm.major == 4)
    refused = bare.run("rollback", "istio-base-affirmed", "1", "-n", "istio-affirmed", *force)
    assert refused.code == 1
    assert "CustomResourceDefinition with the name" in refused.err
    assert owners(bare) == {"istio-base-blue"}
    assert crds == bare.crds()
    bare.is_whole()

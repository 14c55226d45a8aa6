"""`helm upgrade` and `helm rollback` of one mesh, while the other one keeps every object (scenarios 5 and 7)."""

from __future__ import annotations

import pytest
from standin import VALIDATING
from world import MESHES, World, failed
from worlds import in_worlds

pytestmark = in_worlds()

CONFLICT = "Apply failed with"


@pytest.mark.parametrize("mesh", MESHES)
def test_the_same_version_again_changes_nothing(meshes: World, mesh: str) -> None:
    """No object is written: every resource version stays, those of the webhooks included, but for 1.5 with Helm 3."""
    before = meshes.of_mesh(mesh, "resourceVersion")
    assert failed(meshes.upgrade(mesh)) == {}
    after = meshes.of_mesh(mesh, "resourceVersion")
    if meshes.is_1_5 and meshes.helm.major == 3:
        # The chart sends an empty bundle, Helm 3 writes it, and the control plane writes it back.
        before, after = ({key: v for key, v in of.items() if "Webhook" not in key[0]} for of in (before, after))
    assert before == after
    meshes.is_whole()


def test_check_has_nothing_against_the_same_again(meshes: World) -> None:
    """What Helm has stored, compared with the same: an upgrade without a change removes nothing."""
    now = meshes.manifests("blue")
    done = meshes.multimesh("check", now, "--previous", now, "--profile", meshes.folder / "profiles" / "blue")
    assert done.code == 0, done.out


def test_without_the_flag_helm_4_meets_the_control_plane(meshes: World) -> None:
    """The chart says Ignore, the control plane has set Fail: Helm 4 refuses; Helm 3 overwrites, and it is set back."""
    said = failed(meshes.upgrade("blue", known=False))
    if meshes.helm.major == 3:
        assert said == {}
    else:
        assert set(said) == set(meshes.names("blue")) & has_validators(meshes)
        for message in said.values():
            assert CONFLICT in message
            assert "failurePolicy" in message or meshes.is_1_5  # there the empty bundle may be reported first
            assert 'conflict with "pilot-discovery"' in message or meshes.is_1_5
    meshes.is_whole()


def has_validators(world: World) -> set[str]:
    """Return the names of the releases that the validators of blue belong to."""
    return {
        config["metadata"]["annotations"]["meta.helm.sh/release-name"]
        for config in world.api.list(VALIDATING)
        if config["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == "istio-blue"
    }


def test_a_pipeline_that_does_not_know_whether_it_installs(meshes: World) -> None:
    """`helm upgrade --install`, with Helm 4 and `--force-conflicts`: the policy is back at Fail, affirmed keeps all."""
    before = meshes.of_mesh("affirmed", "resourceVersion")
    flags = ["--install"] + ["--force-conflicts"] * (meshes.helm.major == 4)
    assert failed(meshes.upgrade("blue", *flags, known=False)) == {}
    meshes.is_whole()
    assert before == meshes.of_mesh("affirmed", "resourceVersion")


def test_rollback_to_the_first_revision(meshes: World) -> None:
    """The stored text says Ignore again: Helm 4 needs `--force-conflicts`, and refuses without it."""
    before = meshes.of_mesh("affirmed", "resourceVersion")
    forced = ["--force-conflicts"] * (meshes.helm.major == 4)
    name = max(has_validators(meshes) & set(meshes.names("blue")))
    if forced:
        refused = meshes.run("rollback", name, "1", "-n", "istio-blue")
        assert refused.code == 1
        assert CONFLICT in refused.err
    done = meshes.run("rollback", name, "1", "-n", "istio-blue", *forced)
    assert done.code == 0, done.err
    meshes.is_whole()
    assert before == meshes.of_mesh("affirmed", "resourceVersion")

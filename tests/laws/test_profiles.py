"""The law that rendering an output again changes nothing, over profiles whose names are made of stock names.

Rules would take a new name for a stock name if it is one, or if it begins like the names by which they recognise stock
objects. Such a profile is refused; every other one renders both charts.
"""

from __future__ import annotations

import re
from functools import cache

import engine
import pytest
from program import profile
from streams import stream

from multimesh.mesh import names
from multimesh.mesh.profile import Profile
from multimesh.rules import RULES

#: A workload namespace with the gateways of Istio 1.5, which rules check more closely than those of NS.
EDGE = "edge"
OF_GATEWAY = re.compile(
    r"(?ms)^kind: (?:Deployment|HorizontalPodAutoscaler|PodDisruptionBudget|Service|ServiceAccount)$.*"
    r"^    app: istio-(?:ingress|egress|ilb)gateway$"
)


def stock_names() -> set[str]:
    """Return every name, and every beginning of names, by which names and rules recognise stock objects."""
    found = {name for _, name in names.STOCK_NAMES | names.SHARED}
    found |= {*names.GATEWAYS, *names.SHARED_CHARTS, *names.WEBHOOK_ENTRIES, *names.MODEL_ENTRIES}
    found |= {*names.CONTROL_PLANE_NAMES, *names.CONFIG_MAPS, *names.KUBERNETES_ROLES, *names.SHARED_POLICIES}
    for rule in RULES:
        found |= {start.decode().strip() for conditions in rule.READS.values() for start, _ in conditions}
    return found - {""}


def candidates() -> list[str]:
    """Return candidates for names of meshes or namespaces: parts of stock names at a dash, with suffixes."""
    found: dict[str, None] = {}
    for name in sorted(stock_names()):
        words = name.replace(".", "-").strip("-").split("-")
        parts = ["-".join(words[:end]) for end in range(1, len(words) + 1)]
        parts += ["-".join(words[start:]) for start in range(1, len(words))]
        for part in parts:
            found |= dict.fromkeys((part, f"{part}-a"))
    return list(found)


CANDIDATES = candidates()
PARTS = 8


@cache
def stock(version: str, chart: str) -> str:
    """Return a stream with NUL as the mesh name and U+0001 as its namespace, and with gateways in another namespace."""
    parts = re.split(r"(?m)^(?=---)", stream("helm3", version, "affirmed", chart).text)
    moved = [
        re.sub(r"(?m)^  namespace: istio-affirmed$", f"  namespace: {EDGE}", part) if OF_GATEWAY.search(part) else part
        for part in parts
    ]
    text = re.sub(r"(?m)^  name: istio-affirmed$", "  name: istio-\0", "".join(moved))
    return text.replace("istio-affirmed", "\1").replace("affirmed", "\0")


def streams_of(mesh: str, namespace: str) -> list[bytes]:
    """Return the charts of 1.5 and of 1.30 as Helm would render them for this mesh."""
    found = [stock("1.5.0", "istio-default"), stock("1.30.3", "istiod")]
    return [text.replace("\0", mesh).replace("\1", namespace).encode() for text in found]


def is_refused(mesh: str, namespace: str) -> bool:
    """Return whether these names are refused in every profile."""
    try:
        engine.load_profile(profile(mesh, namespace))
    except engine.MultimeshError:
        return True
    return False


def complaint(mesh: str, namespace: str, **spec: object) -> str:
    """Return what is wrong with rendering for a profile; empty if nothing is, or if the profile is refused."""
    try:
        loaded = engine.load_profile(profile(mesh, namespace, (EDGE,), **spec), where="profile.yaml")
    except engine.MultimeshError:
        return ""
    return next(filter(None, (twice(source, loaded) for source in streams_of(mesh, namespace))), "")


def twice(source: bytes, mesh: Profile) -> str:
    """Return why a stream cannot be rendered twice, or what the second run changes."""
    try:
        once = engine.render_manifest(source, mesh).output
        again = engine.render_manifest(once, mesh).output
    except engine.MultimeshError as error:
        return f"mesh {mesh.name} in {mesh.namespace}: {error}"
    return "" if again == once else f"mesh {mesh.name} in {mesh.namespace}: the second run differs"


def test_the_streams_have_gateways_outside_of_the_control_plane_namespace() -> None:
    """Without them the law below would not find that NS `istiod-a` makes gateways look like a control plane."""
    assert f"  namespace: {EDGE}\n" in stock("1.5.0", "istio-default")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_namespace_made_of_a_stock_name_is_refused_or_renders_twice_as_once(part: int) -> None:
    """Law 3, with the gateways of 1.5 renamed."""
    assert [found for name in CANDIDATES[part::PARTS] if (found := complaint("zed", name))] == []


@pytest.mark.parametrize("part", range(PARTS))
def test_a_mesh_name_made_of_a_stock_name_is_refused_or_renders_twice_as_once(part: int) -> None:
    """Law 3; the mesh name is also the revision."""
    assert [found for name in CANDIDATES[part::PARTS] if (found := complaint(name, "mesh-zed"))] == []


def test_a_mesh_may_be_called_another() -> None:
    """The rule injection-label tries a selector with the label of another mesh: no mesh has that name."""
    assert complaint("another", "istio-another") == ""


@pytest.mark.parametrize("namespace", ["ztunnel", "ztunnel-a", "istio-cni-a", "istio-operator", "istiod", "istiod-a"])
@pytest.mark.parametrize("owner", ["own", "leave"])
def test_with_gateways_that_keep_their_names_the_namespace_is_free(namespace: str, owner: str) -> None:
    """The remedy of the refusal works."""
    with pytest.raises(engine.MultimeshError, match=r"set spec\.gateways to keep"):
        engine.load_profile(profile("zed", namespace, (EDGE,), sharedResources=owner))
    free = profile("zed", namespace, (EDGE,), sharedResources=owner, gateways="keep")
    assert engine.load_profile(free).namespace == namespace
    assert complaint("zed", namespace, sharedResources=owner, gateways="keep") == ""


@pytest.mark.parametrize("mesh", ["cni", "cni-a", "operator", "crd-a", "sidecar-injector"])
def test_with_another_revision_the_mesh_name_is_free(mesh: str) -> None:
    """The ConfigMap of istiod is called istio-REVISION, and the revision is the mesh name only by default."""
    with pytest.raises(engine.MultimeshError, match=r"or set spec\.revision"):
        engine.load_profile(profile(mesh, "mesh-zed"))
    assert engine.load_profile(profile(mesh, "mesh-zed", revision="blue")).name == mesh
    for key, value in (("revision", mesh), ("canaryRevisions", [mesh])):
        with pytest.raises(engine.MultimeshError, match=f"spec.{key}"):
            engine.load_profile(profile("blue", "mesh-zed", **{key: value}))


def test_the_candidates_hold_names_that_are_refused_and_names_that_are_not() -> None:
    """Without one of the two kinds the laws above would check nothing."""
    refused = [name for name in CANDIDATES if is_refused("zed", name)]
    assert 20 < len(refused) < len(CANDIDATES) - 100

"""Make the webhooks that a mesh will have from its profile: those of the newest charts, as `render` changes them."""

from __future__ import annotations

from pathlib import Path

from multimesh.check.meshes.mesh import Mesh
from multimesh.check.objects import Object
from multimesh.check.sources.manifests import parse
from multimesh.mesh.names import MESH_LABEL
from multimesh.mesh.profile import Profile
from multimesh.render.pipeline import render
from multimesh.yamltext.scalars import quoted

#: What decides who injects, validates and discovers.
_DECIDE = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def expected_objects(profile: Profile) -> list[Object]:
    """Return the webhook configurations and ConfigMaps of the control planes of a profile, with the profile as file.

    Raises MultimeshError if a rule refuses them for this profile.
    """
    from multimesh.templates import environment

    template = environment(Path("."), yaml=quoted).get_template("control-plane.yaml.j2")
    stock = template.render(mesh=profile, label=MESH_LABEL)
    rendered = render(stock.encode(), profile, profile.where).output.decode()
    return [item._replace(line=0) for item in parse(rendered, profile.where)]


def with_expected(mesh: Mesh) -> Mesh:
    """Return a mesh with the objects that its profile leads one to expect, if no webhook of it was read."""
    if mesh.profile is None or mesh.live or mesh.of(*_DECIDE):
        return mesh
    return Mesh(mesh.name, mesh.namespace, [*mesh.objects, *expected_objects(mesh.profile)], mesh.profile)

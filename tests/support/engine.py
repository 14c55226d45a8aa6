"""Call the package as the differential test does: by its public interface."""

from __future__ import annotations

import multimesh
from multimesh.errors import MultimeshError

__all__ = ["MultimeshError", "load_profile", "render_manifest"]

if hasattr(multimesh, "render_manifest"):
    load_profile, render_manifest = multimesh.load_profile, multimesh.render_manifest
else:
    from multimesh.mesh.profile import Profile, load
    from multimesh.render.pipeline import Rendering, render

    def load_profile(text: str, where: str = "<text>") -> Profile:
        """Read a profile."""
        return load(text, where)

    def render_manifest(manifest: bytes, profile: Profile, *, upgrade: bool = False) -> Rendering:
        """Rewrite a manifest for a mesh."""
        profile.upgrade = upgrade
        return render(manifest, profile)

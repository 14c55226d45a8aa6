"""The public Python interface: what other programs may call. The package `multimesh` exports these functions.

Nothing here reads stdin, the environment or files, ends the process, or changes a setting of the interpreter.
"""

from __future__ import annotations

from copy import copy

from multimesh.errors import MultimeshError
from multimesh.mesh.profile import load
from multimesh.render.pipeline import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile
    from multimesh.render.rendering import Rendering

__all__ = ["load_profile", "render_manifest"]

#: How messages name the manifest, which has no file.
_WHERE = "<manifest>"


def load_profile(text: str, where: str = "<profile>") -> Profile:
    """Return the mesh profile that a text holds: the YAML of one `MeshProfile`.

    `where` is how messages name the text, usually the path of its file.
    Raises MultimeshError for text that is not YAML, or for a wrong profile, with every mistake in it.
    """
    return load(text, where)


def render_manifest(manifest: bytes, profile: Profile, *, upgrade: bool = False) -> Rendering:
    """Rewrite a rendered chart for one mesh, exactly as `postrender.py` does.

    `manifest` is what `helm template` prints, in UTF-8; an empty one gives an empty output. `upgrade` is the flag
    `--upgrade` of `multimesh render`, for this call only. A profile in the manifest (a KRM functionConfig) is not read.

    The result has `output` (the new manifest, as bytes), `dropped` (what was left out: title, rule and line of each
    resource) and `notices` (what the rules found that the reader should know).
    Raises MultimeshError for a manifest that is not YAML, or that a rule refuses.
    """
    if not isinstance(manifest, bytes):
        raise TypeError(f"manifest must be bytes, not {type(manifest).__name__}")
    # The profile is the caller's, and may be in use by other calls.
    mesh = copy(profile)
    mesh.upgrade = upgrade
    try:
        return render(manifest, mesh, _WHERE)
    except RecursionError:
        raise MultimeshError(_WHERE, "a document is nested too deeply", "No Kubernetes resource is.") from None

"""Render the stock Istio charts as one mesh of many: a Helm post-renderer.

The public Python interface is `load_profile`, `render_manifest` and `MultimeshError`; everything else in the package
is private. See docs/python.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.errors import MultimeshError
    from multimesh.interface import load_profile, render_manifest
    from multimesh.version import __version__ as __version__

__all__ = ["MultimeshError", "load_profile", "render_manifest"]

#: The module of each public name. They are imported when first asked for: `postrender.py` needs none of them.
_MODULES = {
    "MultimeshError": "errors",
    "__version__": "version",
    "load_profile": "interface",
    "render_manifest": "interface",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})

"""Render the stock Istio charts as one mesh of many: a Helm post-renderer.

The public Python interface is `load_profile`, `render_manifest` and `MultimeshError`; everything else in the package
is private. See docs/python.md.
"""

# Python 2 can read this file: `python -m multimesh` imports it before it can say that a Python is too old.
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


def __getattr__(name):  # type: (str) -> object
    if name not in _MODULES:
        raise AttributeError("module '" + __name__ + "' has no attribute '" + name + "'")
    from importlib import import_module

    value = getattr(import_module(__name__ + "." + _MODULES[name]), name)  # type: object
    globals()[name] = value
    return value


def __dir__():  # type: () -> list[str]
    return sorted(set(globals()) | set(_MODULES))

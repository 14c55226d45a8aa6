"""Rewrite a rendered chart, on stdin, for one mesh: what Helm runs as a post-renderer.

Helm runs this on every call, so its arguments are read by hand and nothing is imported that it does not need.
"""

from __future__ import annotations

import gc
import sys

from multimesh.commands.stdio import (
    DONE,
    empty,
    fail,
    input_name,
    load_profile,
    read_input,
    switch,
    twice,
    variable,
    write_out,
)
from multimesh.errors import MultimeshError
from multimesh.yamltext.parser import use_libyaml_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from multimesh.mesh.profile import Profile
    from multimesh.render.rendering import Rendering
    from multimesh.yamltext.nodes import Node

#: How many bytes of markers and comments may precede a KRM ResourceList.
_NEAR = 1 << 14

#: What occurs in a KRM ResourceList, whose caller reads findings and refusals in it.
_LIST = b"ResourceList"

#: What to do about a functionConfig that says no profile.
_NO_CONFIG = "Make it a MeshProfile, or a ConfigMap whose data.profile is the path of one."

#: Flags of `render`: (name, whether it takes a value).
RENDER_FLAGS = {
    "--profile": True, "--report": True, "--crds": True, "--upgrade": False, "--allow-empty": False, "--file": True,
}  # fmt: skip

#: Flags that may be repeated: their values are joined as in PATH.
REPEATED = ("--crds",)

RENDER_HELP = """\
usage: multimesh render --profile PATH [--crds PATH] [--upgrade] [--allow-empty] [--report FILE] [-f FILE]
                        < stock.yaml > mesh.yaml

Rewrite a rendered Istio chart, on stdin, for one mesh. This is what Helm runs as a post-renderer.

  --profile PATH   the mesh profile, or a directory with a profile.yaml  (MULTIMESH_PROFILE)
  --crds PATH      a file or directory with CRDs, for kinds that no table knows; may be repeated  (MULTIMESH_CRDS)
  --upgrade        this is an upgrade: leave out what the running control plane owns  (MULTIMESH_UPGRADE)
  --allow-empty    accept an empty stdin: a chart that renders nothing  (MULTIMESH_ALLOW_EMPTY)
  --report FILE    write what was rewritten, dropped and noticed as JSON  (MULTIMESH_REPORT)
  --file FILE      read this file instead of stdin; short: -f  (MULTIMESH_FILE)
  --version        print the version
"""


def post_render(arguments: list[str], leave: Callable[[], None] | None = None) -> int:
    """Run `render`, and return its exit code. An error is reported where the user of Helm reads it.

    `leave` is called after everything is written: it may end the process without freeing what was parsed.
    """
    # A chart makes some ten thousand nodes, and none of them is garbage before the end.
    gc.disable()
    use_libyaml_alone()
    try:
        if "--help" in arguments or "-h" in arguments:
            write_out([RENDER_HELP.encode()])
            return DONE
        if "--version" in arguments:
            from multimesh.version import __version__

            write_out([f"multimesh {__version__}\n".encode()])
            return DONE
        flags = read_flags(arguments, RENDER_FLAGS)
        rendering, mesh = render_stdin(flags)
        if (
            rendering.notices or rendering.dropped or mesh.keep_names or mesh.rename_names
        ) and _LIST in rendering.stock:
            from multimesh.render.krm import add_results

            add_results(rendering, mesh, input_name(flags["--file"]))
        if flags["--report"]:
            from multimesh.render.report import write

            write(flags["--report"], rendering, mesh)
        write_out(rendering.parts)
        if leave is not None:
            leave()
    except MultimeshError as error:
        if error.answer:
            write_out([error.answer])
        return fail(error)
    except RecursionError:
        return fail(MultimeshError("<stdin>", "a document is nested too deeply", "No Kubernetes resource is."))
    return DONE


def read_flags(arguments: list[str], known: dict[str, bool]) -> dict[str, str]:
    """Return the values of flags, as `--flag value`, `--flag=value` or the environment twin MULTIMESH_FLAG.

    An absent flag is "". `known` maps flags to whether they take a value; a switch is "1" if it is on.
    Raises MultimeshError for an unknown flag or a missing value.
    """
    flags = {}
    for name, takes_value in known.items():
        twin = "MULTIMESH_" + name[2:].upper().replace("-", "_")
        flags[name] = variable(twin)
        if not takes_value:
            flags[name] = switch(twin, flags[name])
    rest = list(arguments)
    given: dict[str, str] = {}
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if name == "-f":
            name = "--file"
        if name not in known:
            raise MultimeshError(
                "", f'unknown argument "{argument}"', f"Known flags: {', '.join(known)}. See 'multimesh render --help'."
            )
        if not known[name]:
            flags[name] = switch(name, value) if equals else "1"
        elif equals:
            flags[name] = value
        elif rest:
            flags[name] = rest.pop(0)
        else:
            raise MultimeshError(
                "", f"{name} needs a value", f"Write {name}=VALUE; through Helm: --post-renderer-args={name}=VALUE"
            )
        if known[name] and not flags[name]:
            raise empty(name)
        if name in REPEATED:
            separator = ";" if sys.platform == "win32" else ":"
            flags[name] = separator.join(filter(None, (given.get(name), flags[name])))
        elif known[name] and given.get(name, flags[name]) != flags[name]:
            raise twice(name)
        given[name] = flags[name]
    return flags


def render_stdin(flags: dict[str, str]) -> tuple[Rendering, Profile]:
    """Render stdin, or a file, with the profile that a KRM functionConfig, the flags or the environment names."""
    from multimesh.render.pipeline import render

    file = flags.get("--file", "")
    where = input_name(file)
    data = read_input(file, allow_empty=bool(flags.get("--allow-empty")))
    try:
        mesh = function_config(data, where) or load_profile(flags["--profile"])
        mesh.upgrade = bool(flags.get("--upgrade"))
        mesh.more_crds = flags.get("--crds", "")
        if mesh.more_crds or mesh.crds:
            from multimesh.kubernetes.crds import paths_of, require_readable

            require_readable(paths_of(mesh.where, mesh.crds, mesh.more_crds))
        if not data or data.isspace():
            data = b"# multimesh: nothing was rendered\n"
        return render(data, mesh, where), mesh
    except MultimeshError as error:
        if _LIST in data:
            from multimesh.render.krm import explain

            explain(error, data, where)
        raise


def function_config(data: bytes, where: str = "<stdin>") -> Profile | None:
    """Return the profile in the functionConfig of a KRM ResourceList, if it has one. It takes precedence over flags."""
    # It is the only document of its stream, so only the text before the first marker is searched.
    end = data.find(b"\n---", _NEAR)
    if data.find(b"functionConfig", 0, end if end >= 0 else len(data)) < 0 or data.rfind(_LIST) < 0:
        return None
    from multimesh.render.lists import cut
    from multimesh.yamltext.edits import Text
    from multimesh.yamltext.fieldpath import BadShape

    # A large list is parsed without its items, for time and memory.
    found = cut(data)
    try:
        roots = found.frame.roots if found is not None else Text(data.decode().removeprefix("\ufeff"), where).roots
    except UnicodeDecodeError:
        return None
    try:
        return _configured(roots, where)
    except BadShape as error:
        place = f"{where}:{1 + error.node.start_mark.line}"
        raise MultimeshError(place, f"functionConfig: {error.path} {error.what}", _NO_CONFIG) from None


def _configured(roots: list[Node], where: str) -> Profile | None:
    """Return the profile in the functionConfig of a parsed stream. Raises BadShape."""
    from multimesh.mesh.definitions import KIND
    from multimesh.mesh.profile import from_node
    from multimesh.yamltext.fieldpath import get, is_mapping, is_null, is_sequence, text

    if len(roots) != 1 or not is_mapping(roots[0]) or text(roots[0], "kind") != "ResourceList":
        return None
    config = get(roots[0], "functionConfig")
    if config is None or is_null(config):
        return None
    kind = text(config, "kind") if is_mapping(config) else ""
    if kind == KIND:
        return from_node(config, where)
    if kind == "ConfigMap" and text(config, "data/profile"):
        return load_profile(text(config, "data/profile"))
    if is_sequence(config):
        what = "is a list"
    elif not is_mapping(config):
        what = f'is the text "{config.value[:60]}", and not an object'
    elif kind == "ConfigMap":
        what = "is a ConfigMap without data.profile"
    else:
        what = f'is of the kind "{kind}"' if kind else "has no kind"
    raise MultimeshError(f"{where}:{1 + config.start_mark.line}", f"the functionConfig {what}", _NO_CONFIG)

"""Set what the profile says about containers, beyond what the other rules do.

    flags:
      - container: galley
        args: ["--monitoringPort=15114"]
        env: {GALLEY_LOG: "debug"}

A flag or variable is replaced where it is and appended where it is not. The container is found by its name, in every
Deployment and DaemonSet; `workload` narrows it to one of them.
"""

from multimesh.containers import flag_list, set_flag, set_variable
from multimesh.fieldpath import BadShape, get, is_scalar, is_sequence, text


TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.rules.reads import Reads
    from multimesh.nodes import MappingNode

    from multimesh.manifest import Resource
    from multimesh.profile import Profile

ID = "flags"

#: Which workloads these are, only the profile knows: see `multimesh/guard.py`.
READS: "Reads" = {"Deployment": (), "DaemonSet": ()}


def plan(resource: "Resource", mesh: "Profile") -> None:
    """Set flags and variables of the containers that the profile names."""
    for wish in mesh.flags:
        if wish.get("workload", resource.name) != resource.name:
            continue
        for path, node in resource.containers():
            if text(node, "name") == wish["container"]:
                for flag in wish.get("args", []):
                    _set(resource, path, node, flag)
                for name, value in wish.get("env", {}).items():
                    set_variable(resource, path, node, name, value)


def _set(resource: "Resource", path: str, node: "MappingNode", flag: str) -> None:
    name, equals, value = flag.partition("=")
    key = _list_of_flags(path, node)
    if key is None:
        resource.append_to(node, "args", flag, f"{path}/args")
        return
    at, flags = f"{path}/{key}", get(node, key)
    if flags is None or not is_sequence(flags):
        raise BadShape(at, "is no list", node)
    if equals:
        set_flag(resource, at, flags, name, value)
    elif not any(is_scalar(item) and item.value == name for item in flags.value):
        resource.append(flags, flag, at)


def _list_of_flags(path: str, node: "MappingNode") -> "str | None":
    """Return the key of the list that holds the container's flags already: args, else command."""
    try:
        flag_list(path, node)
    except BadShape:
        return "command" if get(node, "command") is not None else None
    return "args"

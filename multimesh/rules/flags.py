"""Set what the profile says about containers, beyond what the other rules do.

    flags:
      - container: galley
        args: ["--monitoringPort=15114"]
        env: {GALLEY_LOG: "debug"}

A flag or variable is replaced where it is and appended where it is not. The container is found by its name, in every
Deployment and DaemonSet; `workload` narrows it to one of them. What another rule sets cannot be set otherwise here.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import set_variable
from multimesh.rules.concern import IF_PARSED
from multimesh.yamltext.fieldpath import BadShape, get, is_null, is_scalar, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode, Node, SequenceNode

ID = "flags"
ONLY_WITH = "flags"
#: Only the profile knows which workloads these are, so the prefilter sends all of them to the parser.
READS: Reads = {"Deployment": IF_PARSED, "DaemonSet": IF_PARSED}


def plan(resource: Resource, mesh: Profile) -> None:
    """Set flags and variables of the containers that the profile names."""
    for wish in mesh.flags:
        if wish.get("workload", resource.name) != resource.name:
            continue
        for path, node in resource.containers():
            if text(node, "name") == wish["container"]:
                for flag in _joined(wish.get("args", [])):
                    _set(resource, path, node, flag)
                for name, value in wish.get("env", {}).items():
                    set_variable(resource, path, node, name, value)


def _joined(args: list[str]) -> list[tuple[str, ...]]:
    """Put a flag and the value behind it together; every other word stands alone."""
    found: list[tuple[str, ...]] = []
    for word in args:
        before = found[-1] if found else ()
        if len(before) == 1 and _is_flag(before[0]) and "=" not in before[0] and not _is_flag(word):
            found[-1] = (before[0], word)
        else:
            found.append((word,))
    return found


def _is_flag(word: str) -> bool:
    """Tell a flag from a value; `-1` is a value."""
    return word[:1] == "-" and word[1:2] not in _NO_FLAG


#: What stands behind the dash of a number, or of a dash that stands alone.
_NO_FLAG = ("", *"0123456789.")


def _set(resource: Resource, path: str, node: MappingNode, words: tuple[str, ...]) -> None:
    name, equals, value = words[0].partition("=")
    lists = _lists(path, node)
    # A container reads its command first, then its args, and the last one of a flag counts.
    found = _hits([(at, word) for at, flags in reversed(lists) for word in flags.value], name)
    if not found:
        for word in words:
            if lists:
                resource.append(lists[0][1], word, lists[0][0])
            else:
                resource.append_to(node, "args", word, f"{path}/args")
        return
    at, standing, following = found[-1]
    wanted = value if equals else words[-1] if len(words) > 1 else None
    if wanted is None:
        resource.rewrite(standing, name, f"{at}/{name}")
    elif following is not None:
        resource.rewrite(following, wanted, f"{at}/{name}")
    else:
        resource.rewrite(standing, f"{name}={wanted}", f"{at}/{name}")


def _lists(path: str, node: MappingNode) -> list[tuple[str, SequenceNode]]:
    """Return path and node of the lists that may hold a container's flags; the first one gets new ones."""
    found: list[tuple[str, SequenceNode]] = []
    for key in ("args", "command"):
        flags = get(node, key)
        if flags is None:
            continue
        if not is_sequence(flags):
            raise BadShape(f"{path}/{key}", "is no list", node)
        found.append((f"{path}/{key}", flags))
    return found


def _hits(words: list[tuple[str, Node]], name: str) -> list[tuple[str, Node, Node | None]]:
    """Return where a flag is given, each with the node after it that holds its value, if there is one."""
    found: list[tuple[str, Node, Node | None]] = []
    for index, (at, node) in enumerate(words):
        if not is_scalar(node) or is_null(node):
            continue
        if node.value.startswith(f"{name}="):
            found.append((at, node, None))
        elif node.value == name:
            after = words[index + 1 : index + 2] if _is_flag(name) else []
            value = next((item for _, item in after if is_scalar(item) and not _is_flag(item.value)), None)
            found.append((at, node, value))
    return found

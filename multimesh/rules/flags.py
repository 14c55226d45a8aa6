"""Set flags and environment variables of containers that the profile names, beyond those that other rules set.

    flags:
      - container: galley
        args: ["--monitoringPort=15114"]
        env: {GALLEY_LOG: "debug"}

A flag or variable that the container has is replaced; any other one is appended. The container is found by its name, in
every Deployment and DaemonSet; `workload` narrows it to one of them. What another rule sets must not be set here as
well.
"""

from __future__ import annotations

from multimesh.kubernetes.containers import append_flag, find_flag, set_variable, words_of
from multimesh.rules.concern import IF_PARSED
from multimesh.yamltext.fieldpath import is_scalar, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.rules.concern import Reads
    from multimesh.yamltext.nodes import MappingNode

ID = "flags"
ONLY_WITH = "flags"
#: Only the profile knows which workloads these are, so the prefilter sends all of them to the parser.
READS: Reads = {"Deployment": IF_PARSED, "DaemonSet": IF_PARSED}


def plan(resource: Resource, mesh: Profile) -> None:
    """Set flags and variables of the containers that the profile names."""
    for setting in mesh.flags:
        if setting.get("workload", resource.name) != resource.name:
            continue
        for path, node in resource.containers():
            if text(node, "name") == setting["container"]:
                for words in _joined(setting.get("args", [])):
                    _set(resource, path, node, words)
                for name, value in setting.get("env", {}).items():
                    set_variable(resource, path, node, name, value)


def _joined(args: list[str]) -> list[list[str]]:
    """Group the words of the profile: a flag and the value after it, or any other word alone."""
    found: list[list[str]] = []
    flag = ""
    for word in args:
        if flag and not _is_flag(word):
            found[-1].append(word)
            flag = ""
        else:
            found.append([word])
            flag = word if _is_flag(word) and "=" not in word else ""
    return found


def _is_flag(word: str) -> bool:
    """Return whether a word is a flag and not a value: a number is a value, and so is `-` alone."""
    return word[:1] == "-" and word[1:2] not in ".0123456789"


def _set(resource: Resource, path: str, node: MappingNode, words: list[str]) -> None:
    """Set one flag, which is one word, or two with its value."""
    name, equals, value = words[0].partition("=")
    lists = words_of(path, node)
    if lists is None:
        for word in words:
            resource.append_to(node, "args", word, f"{path}/args")
        return
    at, flags = lists
    found = find_flag(at, flags, name)
    if found is None and _is_flag(name):
        append_flag(resource, at, flags, words)
        return
    if found is None:
        resource.append(flags.last, name, at)
        return
    present, following = found
    wanted = f"={value}" if equals else f"={words[1]}" if len(words) > 1 else ""
    is_alone = present.value == name and _is_flag(name)
    if wanted and is_alone and is_scalar(following) and not _is_flag(following.value):
        resource.rewrite(following, wanted[1:], f"{at}/{name}")
    else:
        resource.rewrite(present, f"{name}{wanted}", f"{at}/{name}")

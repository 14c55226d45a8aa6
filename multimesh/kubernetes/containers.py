"""Flags and environment variables of containers, found by their names."""

from __future__ import annotations

from multimesh.yamltext.fieldpath import BadShape, entry, get, is_mapping, is_null, is_scalar, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.yamltext.nodes import MappingNode, Node, SequenceNode


def container(resource: Resource, name: str) -> tuple[str, MappingNode]:
    """Return path and node of the container of this name. Raises BadShape where there is none, or more than one."""
    found = [(path, node) for path, node in resource.containers() if text(node, "name") == name]
    if len(found) != 1:
        what = f"has no container {name}" if not found else f"has the container {name} more than once"
        raise BadShape("spec/template/spec/containers", what, resource.root)
    return found[0]


class Flags:
    """The words of a container's `command` and `args`, in this order, which is the order in which it reads them.

    `last` is the list to which a flag is appended: of a flag that is given more than once, the last one counts.
    """

    __slots__ = ("_lists", "last", "value")

    def __init__(self, lists: list[tuple[str, SequenceNode]]) -> None:
        """Join the lists of a container, each given with its path."""
        self._lists = lists
        self.last = lists[-1][1]
        self.value = [word for _, words in lists for word in words.value]

    def path_of(self, node: Node) -> str:
        """Return the path of the list that a word is in."""
        return next(path for path, words in self._lists if any(word is node for word in words.value))


def flags_of(path: str, node: MappingNode) -> Flags | None:
    """Return the words of a container's `command` and `args`; None if it has neither.

    Raises BadShape for one that is not a list.
    """
    lists = []
    for key in ("command", "args"):
        words = get(node, key)
        if words is None:
            continue
        if not is_sequence(words):
            raise BadShape(f"{path}/{key}", "is not a list", words)
        lists.append((f"{path}/{key}", words))
    return Flags(lists) if lists else None


def flag_list(path: str, node: MappingNode, *, subcommand: str = "") -> tuple[str, Flags]:
    """Return the flags of a container, and the path of the list to which one is appended.

    Raises BadShape where there is no such list, or none with the subcommand.
    """
    flags = flags_of(path, node)
    has_args = get(node, "args") is not None
    if not subcommand and not has_args:
        raise BadShape(path, "has no args", node)
    if flags is None or (subcommand and not any(is_scalar(word) and word.value == subcommand for word in flags.value)):
        raise BadShape(path, f"has no list with the subcommand {subcommand}", node)
    return f"{path}/{'args' if has_args else 'command'}", flags


def hits(path: str, flags: Flags, name: str) -> list[tuple[str, Node, bool]]:
    """Return where a flag is given: its value, the node that holds it, and whether the node holds the name as well.

    Both forms count, `--flag=value` and `--flag`, `value`. Raises BadShape for a flag without a value.
    """
    found: list[tuple[str, Node, bool]] = []
    nodes = flags.value
    begin = f"{name}="
    is_value = False
    for index, node in enumerate(nodes):
        if is_value or node.id != "scalar":
            is_value = False
        elif node.value.startswith(begin):
            found.append((node.value[len(begin) :], node, True))
        elif node.value == name:
            following = nodes[index + 1] if index + 1 < len(nodes) else None
            if not is_scalar(following):
                raise BadShape(path, f"ends in {name} without a value", node)
            found.append((following.value, following, False))
            is_value = True
    return found


def flag(path: str, flags: Flags, name: str) -> tuple[str, Node, bool] | None:
    """Return what `hits` does for the flag that counts: the last one (github.com/spf13/pflag v1.0.5, flag.go)."""
    found = hits(path, flags, name)
    return found[-1] if found else None


def set_flag(resource: Resource, path: str, flags: Flags, name: str, new: str) -> None:
    """Set a flag: its value is replaced wherever it is given, or `--flag=value` is appended where it is absent."""
    found = hits(path, flags, name)
    for _, node, holds_name in found:
        resource.rewrite(node, f"{name}={new}" if holds_name else new, f"{path}/{name}")
    if found:
        return
    end = next((word for word in flags.value if is_scalar(word) and word.value == "--"), None)
    if end is not None:
        raise BadShape(path, f'holds "--", after which no flag is read, so {name} cannot be appended', end)
    resource.append(flags.last, f"{name}={new}", path)


def variables(path: str, node: MappingNode, *names: str) -> dict[str, tuple[str, MappingNode]]:
    """Return path and node of those of the environment variables that are present, by name.

    Raises BadShape for one that is present twice.
    """
    env = get(node, "env")
    if env is None:
        return {}
    if not is_sequence(env):
        raise BadShape(f"{path}/env", "is not a list", env)
    found: dict[str, tuple[str, MappingNode]] = {}
    for item in env.value:
        name = text(item, "name") if is_mapping(item) else ""
        if is_mapping(item) and name in names:
            if name in found:
                raise BadShape(f"{path}/env", f"holds {name} twice", item)
            found[name] = f"{path}/env/[name={name}]", item
    return found


def variable(path: str, node: MappingNode, name: str) -> tuple[str, MappingNode] | None:
    """Return path and node of one environment variable, as `variables` does; None where it is absent."""
    return variables(path, node, name).get(name)


def set_variable(resource: Resource, path: str, node: MappingNode, name: str, new: str) -> None:
    """Set an environment variable: its value is replaced, or the variable is appended where it is absent.

    Raises BadShape for one that has `valueFrom`.
    """
    found = variable(path, node, name)
    if found is None:
        resource.append_to(node, "env", {"name": name, "value": new}, f"{path}/env/[name={name}]")
        return
    at, item = found
    value = entry(item, "value", at)
    if entry(item, "valueFrom", at) is not None:
        raise BadShape(at, "has valueFrom", item)
    if value is None or is_null(value[1]):
        resource.put(item, "value", new, f"{at}/value")
    else:
        resource.rewrite(value[1], new, f"{at}/value")

"""Flags and environment variables of containers, found by their names."""

from __future__ import annotations

from multimesh.yamltext.fieldpath import BadShape, entry, get, is_mapping, is_null, is_scalar, is_sequence, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.yamltext.nodes import MappingNode, Node, ScalarNode, SequenceNode


def container(resource: Resource, name: str) -> tuple[str, MappingNode]:
    """Return path and node of the container of this name. Raises BadShape where there is none, or more than one."""
    found = [(path, node) for path, node in resource.containers() if text(node, "name") == name]
    if len(found) != 1:
        what = f"has no container {name}" if not found else f"has the container {name} more than once"
        raise BadShape("spec/template/spec/containers", what, resource.root)
    return found[0]


#: Programs that run a script which is one word, after `-c` or a word that ends so (`-ec`).
_SHELLS = ("ash", "bash", "busybox", "dash", "ksh", "sh", "zsh")


class Flags:
    """The words of a container's `command` and `args`, in this order, which is the order in which it reads them.

    `last` is the list to which a flag is appended: of a flag that is given twice, the last one counts.
    """

    __slots__ = ("last", "value")

    def __init__(self, lists: list[SequenceNode]) -> None:
        self.last = lists[-1]
        self.value = [item for words in lists for item in words.value]


def words_of(path: str, node: MappingNode) -> tuple[str, Flags] | None:
    """Return the words of a container, and the path of the list to which a flag is appended; None if it has none.

    Raises BadShape for a list that is not one.
    """
    lists = []
    last = ""
    for key in ("command", "args"):
        words = get(node, key)
        if words is None:
            continue
        last = f"{path}/{key}"
        if not is_sequence(words):
            raise BadShape(last, "is not a list", words)
        lists.append(words)
    return (last, Flags(lists)) if lists else None


def flag_list(path: str, node: MappingNode, *, subcommand: str = "") -> tuple[str, Flags]:
    """Return the flags of a container, and the path of the list to which one is appended.

    Raises BadShape where there is no such list, or none with the subcommand.
    """
    found = words_of(path, node)
    if not subcommand and get(node, "args") is None:
        raise BadShape(path, "has no args", node)
    words = () if found is None else found[1].value
    if found is None or (subcommand and not any(is_scalar(word) and word.value == subcommand for word in words)):
        raise BadShape(path, f"has no list with the subcommand {subcommand}", node)
    return found


def find_flag(path: str, flags: Flags | SequenceNode, name: str) -> tuple[ScalarNode, Node | None] | None:
    """Return the word that is a flag, or begins with it and `=`, and the word after it; None where it is absent.

    Raises BadShape for a flag that is given twice. A word after `--` is not a flag.
    """
    found = None
    nodes = flags.value
    for index, node in enumerate(nodes):
        if is_scalar(node) and node.value == "--" and name[:1] == "-":
            break
        if is_scalar(node) and (node.value == name or node.value.startswith(f"{name}=")):
            if found is not None:
                raise BadShape(path, f"holds {name} twice", node)
            found = node, nodes[index + 1] if index + 1 < len(nodes) else None
    return found


def flag(path: str, flags: Flags | SequenceNode, name: str) -> tuple[str, Node, bool] | None:
    """Return the value of a flag, the node that holds it, and whether the node holds the flag's name as well.

    Both forms count, `--flag=value` and `--flag`, `value`. Raises BadShape for a flag that is given twice, or has no
    value.
    """
    found = find_flag(path, flags, name)
    if found is None:
        return None
    node, following = found
    if node.value != name:
        return node.value[len(name) + 1 :], node, True
    if not is_scalar(following):
        raise BadShape(path, f"ends in {name} without a value", node)
    return following.value, following, False


def set_flag(resource: Resource, path: str, flags: Flags, name: str, new: str) -> None:
    """Set a flag: its value is replaced, or `--flag=value` is appended where the flag is absent."""
    found = flag(path, flags, name)
    if found is None:
        append_flag(resource, path, flags, [f"{name}={new}"])
    else:
        resource.rewrite(found[1], f"{name}={new}" if found[2] else new, f"{path}/{name}")


def append_flag(resource: Resource, path: str, flags: Flags, words: list[str]) -> None:
    """Append a flag, which is one word, or two with its value. Raises BadShape where it would have no effect."""
    name = words[0].partition("=")[0]
    shell = ""
    for node in flags.value:
        word = node.value if is_scalar(node) else ""
        if word == "--":
            raise BadShape(path, f'holds "--", after which no flag is read, so {name} cannot be appended', node)
        if shell and word[:1] == "-" and word[1:2] != "-" and word[-1:] == "c":
            raise BadShape(path, f'runs a script with "{shell} {word}", so {name} cannot be appended', node)
        if any(f" {name}{end}" in f"{word} " for end in "= "):
            raise BadShape(path, f"holds {name} inside another word", node)
        if word.rpartition("/")[2] in _SHELLS:
            shell = word
    for word in words:
        resource.append(flags.last, word, path)


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

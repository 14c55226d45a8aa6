"""YAML text to nodes, through PyYAML, by the fastest road that is there.

Three roads lead to the same nodes (reference: PyYAML 6.0.x, `lib/yaml/`):

1. libyaml alone: `yaml._yaml` with the few modules of PyYAML that it needs. `import yaml` would cost more time than
   the whole rendering of a chart, for regular expressions and constructors that nobody calls here.
2. `import yaml` with libyaml, when the first road is closed (another layout of PyYAML).
3. PyYAML without libyaml.

The program never asks what a scalar *means* to YAML, only what it says: tags are not resolved, every scalar is text.
"""

import sys

from multimesh.errors import MultimeshError

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from multimesh.yamltext.edits import Line
    from multimesh.yamltext.nodes import Node

#: The tag of a scalar, sequence or mapping whose text names none.
UNTAGGED = "x"

#: No resource of Kubernetes is nested as deeply. Beyond some ten thousand levels libyaml's composer, which recurses
#: in C, would overflow the stack.
MAX_DEPTH = 1000

_INSTALL = """\
Run: {} -m pip install pyyaml
Or apt-get install python3-yaml for the python3 of Debian and Ubuntu, or, in a checkout, 'make demo', which makes a .venv with it: .venv/bin/multimesh.
"""


#: What stands for all error classes of PyYAML where there are none. Nothing else raises it, and to make a class takes time.
LibyamlError = BufferError

#: The error classes of PyYAML by which libyaml's wrapper reports (`yaml/_yaml.pyx`, 6.0).
_ERRORS = ("reader", "scanner", "parser", "composer", "constructor", "emitter", "serializer", "representer")

#: Whether this process renders and ends: only then may libyaml come without the rest of PyYAML, since a later
#: `import yaml` in the same process would get a `CParser` that makes the light nodes below. See `use_libyaml_alone`.
_alone = False


def use_libyaml_alone() -> None:
    """Take the first road from here on; for a process that will never `import yaml`."""
    global _alone
    _alone = True


class _Scalar:
    """A scalar node, with the attributes of PyYAML's own."""

    __slots__ = ("end_mark", "start_mark", "style", "tag", "value")
    id = "scalar"

    def __init__(self, tag: str, value: str, start_mark: "Any", end_mark: "Any", style: str) -> None:
        self.tag = tag
        self.value = value
        self.start_mark = start_mark
        self.end_mark = end_mark
        self.style = style


class _Sequence:
    """A sequence node, with the attributes of PyYAML's own."""

    __slots__ = ("end_mark", "flow_style", "start_mark", "tag", "value")
    id = "sequence"

    def __init__(self, tag: str, value: "list[Any]", start_mark: "Any", end_mark: "Any", flow_style: bool) -> None:
        self.tag = tag
        self.value = value
        self.start_mark = start_mark
        self.end_mark = end_mark
        self.flow_style = flow_style


class _Mapping(_Sequence):
    """A mapping node, which has the same attributes."""

    __slots__ = ()
    id = "mapping"


def _import_libyaml_alone() -> "Any":
    """Import `yaml._yaml` with stand-ins for the modules of PyYAML that it takes names from (`yaml/_yaml.pyx`, 6.0)."""
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    file = _libyaml_file()
    make = type(sys)
    stub: Any = make("yaml")
    parts: dict[str, Any] = {"yaml": stub}
    for name in ("error", "nodes", *_ERRORS):
        parts[f"yaml.{name}"] = part = make(f"yaml.{name}")
        setattr(stub, name, part)
        setattr(part, f"{name.capitalize()}Error", LibyamlError)
    stub.error.YAMLError = LibyamlError
    stub.nodes.ScalarNode, stub.nodes.SequenceNode, stub.nodes.MappingNode = _Scalar, _Sequence, _Mapping
    # Nobody looks into an event here, so every name is a function that returns it. A builtin that takes any arguments
    # is cheaper than twenty classes.
    names = make("yaml.events")
    names.__getattr__ = lambda name: name.format  # type: ignore[method-assign]
    stub.events = stub.tokens = parts["yaml.events"] = parts["yaml.tokens"] = names
    try:
        sys.modules.update(parts)
        loader = ExtensionFileLoader("yaml._yaml", file)
        module: Any = loader.create_module(ModuleSpec("yaml._yaml", loader, origin=file))
        loader.exec_module(module)
        return module.CParser
    finally:
        for name in parts:
            sys.modules.pop(name, None)


def _libyaml_file() -> str:
    """Return the file of libyaml's wrapper. The import system would list every folder on the path to find it."""
    from _imp import extension_suffixes

    for folder in sys.path:
        file = f"{folder}/yaml/_yaml{extension_suffixes()[0]}"
        try:
            _os.stat(file)
        except OSError:
            continue
        return file
    raise ImportError("yaml._yaml")


def _loader() -> "Any":
    """Make the class that composes nodes, by the first road that is open."""
    if _alone and "yaml" not in sys.modules:
        try:
            base = _import_libyaml_alone()
        except (ImportError, AttributeError):
            # Another layout of PyYAML, or another version.
            base = None
        if base is not None:
            return _untagged(base)
    try:
        import yaml
    except ImportError:
        raise MultimeshError(
            "", "PyYAML is not installed for " + sys.executable, _INSTALL.format(sys.executable or "python3")
        ) from None
    base = getattr(yaml, "CParser", None)
    if base is None:
        try:
            from yaml.cyaml import CParser as base  # type: ignore[attr-defined]  # noqa: N813 - either one is the base
        except ImportError:
            return _pure()
    return _untagged(base)


def _untagged(base: "Any") -> "Any":
    """Derive a libyaml loader that gives every untagged node the tag `UNTAGGED`."""
    # These are called for every node. Builtins are the fastest way to say nothing.
    methods = {
        "resolve": lambda _self, _kind, _value, _implicit: UNTAGGED,
        "descend_resolver": {}.get,
        "ascend_resolver": [].clear,
    }
    return type("Loader", (base,), methods)


def _pure() -> "Any":
    """Derive the same loader from PyYAML's own reader, scanner, parser and composer."""
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 8 * MAX_DEPTH))

    def init(self: "Any", stream: str) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)

    methods = dict(_untagged(Composer).__dict__)
    methods["__init__"] = init
    return type("Loader", (Reader, Scanner, Parser, Composer), methods)


_LOADER: "Any" = None


def loader() -> "Any":
    """Return the loader class; imported on first use, so that a stream without candidates never pays for it."""
    global _LOADER
    if _LOADER is None:
        _LOADER = _loader()
    return _LOADER


def compose_all(text: str, where: str = "<stdin>", line: "int | Line" = 1) -> "Iterator[Node]":
    """Yield the root node of every document of a text; empty documents yield nothing.

    `text` must not begin with a byte order mark: libyaml's marks would be one off. `where` and `line` name the place
    of its first line in messages. Marks are counted in code points from the beginning of `text`.
    Raises MultimeshError for text that is not YAML, is nested deeper than `MAX_DEPTH`, or multiplies itself by aliases.
    """
    make = loader()
    # One look at the characters that can nest saves the second reading of nearly every text.
    if _may_nest(text):
        from multimesh.yamltext.limits import check_depth

        check_depth(make, text, where, line)
    aliased = "*" in text and "&" in text
    try:
        reader = make(text)
        while reader.check_node():
            root = reader.get_node()
            if root is not None:
                if aliased:
                    from multimesh.yamltext.limits import check_size

                    check_size(root, where, line)
                yield root
    except RecursionError:
        from multimesh.yamltext.limits import too_deep

        raise too_deep(where) from None
    except MultimeshError:
        raise
    except Exception as error:  # noqa: BLE001 - PyYAML raises what it likes; others are raised again
        from multimesh.yamltext.limits import not_yaml

        raise not_yaml(error, where, line) from None


def _may_nest(text: str) -> bool:
    """Tell whether a text could be nested deeper than libyaml's composer, which recurses in C, can bear."""
    if len(text) <= 5 * MAX_DEPTH:
        return False
    # To take single bytes out is how Python counts them by memchr. There is no nesting without these.
    data = text.encode("utf-8", "replace")
    signs = sum(len(data) - len(data.replace(sign, b"")) for sign in (b"[", b"{", b"-", b"?"))
    if signs <= 5 * MAX_DEPTH and len(text) <= 8 * MAX_DEPTH * MAX_DEPTH:
        return False
    if text.count("[") + text.count("{") > 5 * MAX_DEPTH:
        return True
    # Block collections nest on one line, or line below line, each indented further than the one above.
    nests = text.count("- ") + text.count("? ") > 5 * MAX_DEPTH
    if nests and any(line.count("- ") + line.count("? ") > 100 for line in text.splitlines()):
        return True
    return len(text) > 8 * MAX_DEPTH * MAX_DEPTH and " " * (4 * MAX_DEPTH) in text

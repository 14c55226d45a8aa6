"""Parse YAML text into nodes, by the fastest way that PyYAML offers here.

Three ways lead to the same nodes (PyYAML 6.0, `lib/yaml/`):

1. libyaml alone: `yaml._yaml` with stand-ins for the modules of PyYAML that it imports. `import yaml` would take longer
   than the whole rendering of a chart, for regular expressions and constructors that are not used here.
2. `import yaml` with libyaml, where the first way fails (another layout of PyYAML).
3. PyYAML without libyaml.

Tags are not resolved: every scalar is text, whatever YAML takes it for.
"""

from __future__ import annotations

import sys

from multimesh.errors import MultimeshError
from multimesh.yamltext.doubts import check_directives, check_tags, check_text, has_tags
from multimesh.yamltext.limits import check_extent, check_size, remedy, too_deep
from multimesh.yamltext.nodes import UNTAGGED

try:
    import posix as _os
except ImportError:  # Windows
    import nt as _os  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from multimesh.yamltext.line import Line
    from multimesh.yamltext.nodes import Node

_INSTALL = """\
Run: {} -m pip install pyyaml
Or apt-get install python3-yaml for the python3 of Debian and Ubuntu, or, in a checkout, 'make demo', \
which makes a .venv with it: .venv/bin/multimesh.
"""

#: Takes the place of all error classes of PyYAML when libyaml is loaded alone. Nothing else here raises it, and to
#: create a class of our own takes time.
_LibyamlError = BufferError

#: The modules with the error classes by which libyaml's wrapper reports (`yaml/_yaml.pyx`, 6.0).
_ERRORS = ("reader", "scanner", "parser", "composer", "constructor", "emitter", "serializer", "representer")

#: Whether libyaml may be loaded without the rest of PyYAML. A later `import yaml` in the same process would get a
#: `CParser` that makes the light nodes below, so only a process that renders and ends sets this.
_alone = False


def use_libyaml_alone() -> None:
    """Load libyaml without the rest of PyYAML; for a process that never runs `import yaml`."""
    global _alone
    _alone = True


class _Scalar:
    """A scalar node with the attributes of PyYAML's."""

    __slots__ = ("end_mark", "start_mark", "style", "tag", "value")
    id = "scalar"

    def __init__(self, tag: str, value: str, start_mark: Any, end_mark: Any, style: str) -> None:
        self.tag = tag
        self.value = value
        self.start_mark = start_mark
        self.end_mark = end_mark
        self.style = style


class _Sequence:
    """A sequence node with the attributes of PyYAML's."""

    __slots__ = ("end_mark", "flow_style", "start_mark", "tag", "value")
    id = "sequence"

    def __init__(self, tag: str, value: list[Any], start_mark: Any, end_mark: Any, flow_style: bool) -> None:
        self.tag = tag
        self.value = value
        self.start_mark = start_mark
        self.end_mark = end_mark
        self.flow_style = flow_style


class _Mapping(_Sequence):
    """A mapping node, with the same attributes."""

    __slots__ = ()
    id = "mapping"


def _import_libyaml_alone() -> Any:
    """Import `yaml._yaml` with stand-ins for the modules of PyYAML that it imports (`yaml/_yaml.pyx`, 6.0)."""
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    file = _libyaml_file()
    make = type(sys)
    stub: Any = make("yaml")
    parts: dict[str, Any] = {"yaml": stub}
    for name in ("error", "nodes", *_ERRORS):
        parts[f"yaml.{name}"] = part = make(f"yaml.{name}")
        setattr(stub, name, part)
        setattr(part, f"{name.capitalize()}Error", _LibyamlError)
    stub.error.YAMLError = _LibyamlError
    stub.nodes.ScalarNode, stub.nodes.SequenceNode, stub.nodes.MappingNode = _Scalar, _Sequence, _Mapping
    # Only the name of an event is read here (limits.check_extent), so its class may be any callable that returns the
    # name: `str.format` takes any arguments, and twenty classes would take time to create.
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
    """Return the file of libyaml's wrapper. The import system would list every directory on the path to find it."""
    from _imp import extension_suffixes

    for directory in sys.path:
        file = f"{directory}/yaml/_yaml{extension_suffixes()[0]}"
        try:
            _os.stat(file)
        except OSError:
            continue
        return file
    raise ImportError("yaml._yaml")


def _loader() -> Any:
    """Return the class that composes nodes, loaded in the first way that works."""
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
            from yaml.cyaml import CParser as base  # type: ignore[attr-defined]  # noqa: N813 - as above
        except ImportError:
            return _pure()
    return _untagged(base)


def _untagged(base: Any) -> Any:
    """Derive a libyaml loader that gives every untagged node the tag `UNTAGGED`."""
    # These are called for every node. Builtins are the fastest functions that do nothing.
    methods = {
        "resolve": lambda _self, _kind, _value, _implicit: UNTAGGED,
        "descend_resolver": {}.get,
        "ascend_resolver": [].clear,
    }
    return type("Loader", (base,), methods)


def _pure() -> Any:
    """Return the loader that is made of PyYAML's own reader, scanner and parser."""
    from multimesh.yamltext.purereader import PureReader

    return PureReader


_LOADER: Any = None


def loader() -> Any:
    """Return the loader class; imported on first use, so that a stream of which nothing is parsed never pays for it."""
    global _LOADER
    if _LOADER is None:
        _LOADER = _loader()
    return _LOADER


def compose_all(text: str, where: str = "<stdin>", line: int | Line = 1) -> Iterator[Node]:
    """Yield the root node of every document of a text; empty documents yield nothing.

    `text` must not begin with a byte order mark, since libyaml's marks would be one off. `where` and `line` are the
    file and the line of its beginning, for messages. Marks are counted in code points from the beginning of `text`.
    Raises MultimeshError for text that is not YAML, means something else to Go's reader, is too large or
    nested too deeply (multimesh/yamltext/limits.py), or multiplies itself by aliases.
    """
    make = loader()
    aliased = "*" in text and "&" in text
    if not text.isascii():
        check_text(text, where, line)
    tagged = has_tags(text)
    if tagged:
        check_directives(text, where, line)
    readable = None
    if "\\ud" in text or "\\uD" in text:
        # Imported here: no chart that Helm renders has such escapes.
        from multimesh.yamltext.surrogates import restore, without_pairs

        readable = without_pairs(text)
    try:
        check_extent(make, readable or text, where, line)
        for root in _roots(make, readable or text):
            if readable:
                restore(root)
            if aliased:
                check_size(root, where, line)
            if tagged:
                check_tags(root, text, where, line)
            yield root
    except RecursionError:
        raise too_deep(where) from None
    except MultimeshError:
        raise
    except Exception as error:  # noqa: BLE001 - PyYAML has many error classes; any other error is raised again
        raise _not_yaml(error, where, line) from None


def _roots(make: Any, text: str) -> Iterator[Any]:
    """Yield the root nodes that a loader of this class composes.

    Where libyaml's composer refuses an anchor that is defined again, PyYAML's own goes on with this document.
    """
    done = 0
    reader = make(text)
    while True:
        try:
            root = reader.get_node() if reader.check_node() else None
            if root is None and not reader.check_node():
                return
        except Exception as error:
            if "duplicate anchor" not in str(error) or make is _pure():
                raise
            reader = _pure()(text)
            for _ in range(done):
                reader.get_node()
            continue
        done += 1
        if root is not None:
            yield root


def _not_yaml(error: Exception, where: str, line: int | Line) -> Exception:
    """Return the MultimeshError for an error of PyYAML; any other error, a bug of this program, as it is."""
    context = mark = None
    if type(error) is _LibyamlError and len(error.args) == 5:
        # The arguments of a ReaderError: yaml/reader.py.
        _, position, character, _, reason = error.args
        problem = f"{reason} (character {character!r} at position {position})"
    elif type(error) is _LibyamlError and len(error.args) == 4:
        # The arguments of a MarkedYAMLError: yaml/error.py.
        context, context_mark, problem, problem_mark = error.args
        mark = problem_mark or context_mark
    elif type(error).__module__.split(".")[0] == "yaml" or isinstance(error, UnicodeError):
        context = getattr(error, "context", None)
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    else:
        return error
    at = f"{where}:{line + mark.line}" if mark is not None else where
    return MultimeshError(at, f"not YAML: {context + ': ' if context else ''}{problem}", remedy(where))

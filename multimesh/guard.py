"""Which documents may pass unread, and the proof that nothing in them concerns a rule.

Most of a chart needs no edit, and reading YAML is what rendering costs. To pass a document unread is a claim, so every
condition here is needed, and every doubt sends the document to the parser (tests/test_guard.py holds the
counter-examples). All conditions are about bytes.
"""

from multimesh.kinds import NAMESPACED, group_of
from multimesh.rules import words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.profile import Profile

_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-")
_LINE_STARTS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#-}]'")

#: Unusual line breaks, as UTF-8: NEL, LS, PS, and the byte order mark.
_ODD = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xef\xbb\xbf")

#: Root keys that are looked for at the beginning of a line.
_ROOT_KEYS = (b"\n'kind", b"\n'metadata", b"\n'apiVersion")


def split(data: bytes) -> "list[tuple[int, int, int]] | None":
    """Cut a stream into documents: (start of the marker line, start of the body, end). None where that is not safe.

    `---` at the beginning of a line is a document marker for every YAML parser, in quotes and flow collections too;
    what makes it unsafe are other line breaks, values on the marker's line, directives, and `...`.
    """
    if b"\r" in data or b"\n..." in data or b"\n%" in data or data[:1] in (b"%", b"."):
        return None
    if not data.isascii() and any(odd in data for odd in _ODD):
        return None
    found: list[tuple[int, int, int]] = []
    marker = -1 if data.startswith(b"---") else data.find(b"\n---")
    start = body = 0
    if marker < 0 and not data.startswith(b"---"):
        return [(0, 0, len(data))]
    if data.startswith(b"---"):
        marker = -1
    while True:
        line_end = data.find(b"\n", marker + 4)
        line_end = len(data) if line_end < 0 else line_end
        rest = data[marker + 4 : line_end]
        if rest[:1] not in (b"", b" ", b"\t"):
            # `---x` is no marker; whoever writes it shall be read as a whole.
            return None
        rest = rest.strip(b" \t")
        if rest and rest[:1] != b"#":
            return None
        if marker + 1 > start:
            found.append((start, body, marker + 1))
        start, body = marker + 1, min(line_end + 1, len(data))
        marker = data.find(b"\n---", line_end - 1 if line_end < len(data) and data[line_end : line_end + 4] == b"\n---" else line_end)
        if marker < 0:
            found.append((start, body, len(data)))
            return found


def passes_unread(body: bytes, mesh: "Profile") -> bool:
    """Tell whether a document can be left alone without parsing it.

    True means: its root is a block mapping of a known namespaced kind, it names no namespace or the control-plane
    namespace, and none of the words stands in it that its kind's rules look for.
    """
    start = _first_content(body)
    if start < 0:
        return True
    at = b"\n" + body[start:]
    # The outer text: what is left when indented lines are joined to the line above.
    outer = at.replace(b"\n ", b"")
    for line in outer.split(b"\n")[1:]:
        if line and line[0] not in _LINE_STARTS:
            return False
    if any(key in at for key in _ROOT_KEYS):
        return False
    kind = _root_value(at, b"kind")
    version = _root_value(at, b"apiVersion")
    if not kind or not version or (group_of(version), kind) not in NAMESPACED or kind.endswith("List"):
        return False
    words = words_of(kind)
    if words is None or any(word in at for word in words):
        return False
    return not _may_hide(at) and _is_home(at, mesh.namespace.encode())


def _first_content(body: bytes) -> int:
    """Return where the first line that is neither blank nor a comment begins; -1 where there is none."""
    at = 0
    while at < len(body):
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        line = body[at:end].lstrip(b" \t")
        if line and line[:1] != b"#":
            return at
        at = end + 1
    return -1


def _root_value(at: bytes, key: bytes) -> str:
    """Return the plain value of a root key that stands at the beginning of exactly one line; empty if in doubt."""
    head = b"\n" + key
    if at.count(head) != 1:
        return ""
    start = at.index(head) + len(head)
    if at[start : start + 2] != b": ":
        return ""
    end = at.find(b"\n", start)
    value = at[start + 2 : end if end >= 0 else len(at)].strip(b" ")
    return value.decode() if value and all(char in _NAME for char in value) else ""


def _may_hide(at: bytes) -> bool:
    """Tell whether a word could stand in the document otherwise than letter by letter."""
    if b"\\" in at and (b"\\u" in at or b"\\x" in at or b"\\U" in at or b"\\\n" in at):
        return True
    # Aliases and merge keys repeat what stands elsewhere; tags such as !!binary change what a text says.
    if b"&" in at and b"*" in at and any(sign in at for sign in (b" *", b"[*", b",*", b"{*", b":*")):
        return any(sign in at for sign in (b" &", b"[&", b",&", b"{&", b"\n&"))
    return any(sign in at for sign in (b": !", b"- !", b"[!", b", !", b"{!", b"? !"))


def _is_home(at: bytes, namespace: bytes) -> bool:
    """Tell whether the metadata names no namespace but the control-plane namespace."""
    if at.count(b"\nmetadata") != 1:
        return False
    start = at.index(b"\nmetadata") + len(b"\nmetadata")
    if at[start : start + 1] != b":":
        return False
    end = start
    while True:
        end = at.find(b"\n", end + 1)
        if end < 0 or at[end + 1 : end + 2] not in (b" ", b"\n", b"#"):
            break
    block = at[start : end if end >= 0 else len(at)]
    line_end = block.find(b"\n")
    if line_end < 0 or block[1:line_end].strip(b" "):
        return False
    # Quotes that do not close and flow collections could go on behind what looks like the end of the block.
    if block.count(b"'") % 2 or block.count(b'"') % 2 or b"{" in block or b"[" in block:
        return False
    found = block.count(b"namespace")
    if not found:
        return True
    if found > 1:
        return False
    first = block[line_end + 1 :]
    indent = first[: len(first) - len(first.lstrip(b" "))]
    place = block.find(b"\n" + indent + b"namespace: ")
    if not indent or place < 0:
        return False
    value_start = place + 1 + len(indent) + len(b"namespace: ")
    value_end = block.find(b"\n", value_start)
    value = block[value_start : value_end if value_end >= 0 else len(block)].strip(b" ")
    return value in (namespace, b'"' + namespace + b'"', b"'" + namespace + b"'")

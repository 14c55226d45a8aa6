"""Which documents may pass unread, and the proof that nothing in them concerns a rule.

Most of a chart needs no edit, and reading YAML is what rendering costs. To pass a document unread is a claim, so every
condition here is needed, and every doubt sends the document to the parser (tests/test_guard.py holds the
counter-examples). All conditions are about bytes, and each is one pass in C over the text.
Single characters are asked for by their code: `b"x" in text` makes an exception first, and costs four times as much.

Indented lines are joined to the line above them by writing NUL for the line break (the stream holds no NUL of its own).
What is left when the text is split into lines are the entries of the root.
"""

from multimesh.kubernetes.kinds import NAMESPACED, group_of
from multimesh.mesh.names import is_own, is_renamed
from multimesh.rules import asked_of, concerned_by
from multimesh.yamltext.longtext import LARGE, NAME, long_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile
    from multimesh.yamltext.longtext import LongData
    from multimesh.yamltext.nodes import Node

#: The cluster-scoped kinds whose objects may concern nobody once their name is the mesh's own.
_RBAC = frozenset((("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding")))

#: Kinds that name further namespaces below their metadata.
_BINDINGS = frozenset(
    (("rbac.authorization.k8s.io", "ClusterRoleBinding"), ("rbac.authorization.k8s.io", "RoleBinding"))
)

#: What the profile's flags may be about.
_WORKLOADS = frozenset(("Deployment", "DaemonSet"))

#: The keys that say what an object is.
_IDENTITY = (b"kind", b"metadata", b"apiVersion")

#: Where the head of a document ends at the latest.
_HEAD = 4096

#: Kinds of which only a head is read: the key behind it, and what such a head must not say.
_HEADS = {
    b"CustomResourceDefinition": (b"\nspec:\n", b""),
    # The rule mesh-policy reads what this role allows.
    b"ClusterRole": (b"\nrules:\n", b"istio-security-post-install"),
}

#: So many bytes of a document are cut into lines at once, and forgotten before the next ones are.
_PIECE = 1 << 12

#: The column of the keys of a pod's spec, in a Deployment as charts indent it.
_POD = 6

#: What the name of a key begins with.
_LETTERS = frozenset(bytes((code,)) for code in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

#: Behind the first key a root entry may begin with another key, a comment, the dash of a list, the tail of a quoted scalar or flow collection, or
#: NUL: indented lines behind an empty one.
_STARTS = frozenset(b"#-}]'\0")

#: Line breaks other than the line feed, and the byte order mark, by their first byte in UTF-8.
_ODD = {b"\xc2": (b"\xc2\x85",), b"\xe2": (b"\xe2\x80\xa8", b"\xe2\x80\xa9"), b"\xef": (b"\xef\xbb\xbf",)}

#: Escapes that can stand for a letter or a slash, or join two lines.
_HIDING = frozenset((b"x", b"U", b"/", b"\n"))

#: Escapes that Go's JSON writes for HTML: \\u003c, \\u003e, \\u0026, \\u0027.
_HARMLESS = (b"3c", b"3e", b"26", b"27")

#: What a key begins with that is no plain word.
_BEGIN_KEYS = frozenset((b"'", b'"', b"?", b"!", b"&", b"*", b"<", b"{", b"["))

#: What stands in the column of the keys where a line belongs to the one above, or is empty.
_INDENTED = frozenset((b" ", b"\t", b""))

#: What an entry is, if the one above may go on behind it: empty, indented, a comment.
_OPEN = frozenset((b"", b"\0", b"#"))

#: What begins nothing: neither a quote, a comment, a tag nor any other collection than the mapping of a key.
_QUIET = NAME + b"_: \0"

#: Group and kind for what stands behind `kind` and `apiVersion`.
_TYPES: "dict[tuple[bytes, bytes], tuple[str, str]]" = {}

#: What an anchor, an alias or a tag begins with, and what may stand before it.
_BEFORE = b" [,{:\n"


def split(data: bytes) -> "list[tuple[int, int, int]] | None":
    """Cut a stream at its document markers: where separator and document begin, and the document ends.

    None where that is not safe. A separator is `---` with the line break before it, or nothing for what stands before the
    first one. `---` at the beginning of a line is a document marker for every YAML parser, in quotes and flow collections
    too; what makes it unsafe are other line breaks, values on the marker's line, and directives. What `...` ends stays in
    one piece with what follows it up to the next marker: the caller must see to it.
    """
    if 13 in data or _stands_behind(data, b"%", b"\n") or (not data.isascii() and _has_odd_break(data)):
        return None
    # From its end, CPython sees in half the time where a text has what is looked for, and where not.
    ends = [len(data)]
    while ends[-1] >= 0:
        ends.append(data.rfind(b"\n---", 0, ends[-1]))
    found = []
    begin, start, size = 0, 3 if data.startswith(b"---") else 0, ends[0]
    for end in reversed(ends[:-1]):
        found.append((begin, start, end))
        if begin < start < size and data[start] != 10:
            # `---x` is no marker, and `--- x` has a value; whoever writes that shall be read as a whole.
            rest = data[start:end].partition(b"\n")[0]
            if rest[:1] not in (b" ", b"\t") or (rest.strip(b" \t") and rest.lstrip(b" \t")[:1] != b"#"):
                return None
        begin, start = end, end + 4
    return found


def _has_odd_break(data: bytes) -> bool:
    for first, odd in _ODD.items():
        at = data.find(first)
        while at >= 0:
            if data.startswith(odd, at):
                return True
            at = data.find(first, at + 1)
    return False


def passes_unread(body: bytes, mesh: "Profile", data: "LongData | None") -> bool:
    """Tell whether a document can be left alone without parsing it.

    `body` begins at the beginning of a line, and `data` is what `long_data` finds in it. True means: its root is a block mapping of a known namespaced kind
    (or a ClusterRole with a name of the mesh's own), it names no namespace or the control-plane namespace, and no rule is concerned by its kind, name and words.
    """
    head, keys = body, None
    if data is not None:
        # What long text stands behind the head has no meaning, and only the words in it are asked for.
        start = body[: data[0]]
        if (39 not in start and 34 not in start) or _closes(start.split(b"\n")):
            head, keys = start, [body[key:colon] for key, colon, *_ in data[1]]
    elif len(body) > LARGE and _kind(body) == b"CustomResourceDefinition":
        # Every one of them concerns a rule, and they are long.
        return False
    entries = head.replace(b"\n ", b"\0 ").split(b"\n")
    # So each entry has one behind it; this one says nothing.
    entries.append(b"#")
    found: dict[bytes, bytes] = {}
    first = True
    for number, entry in enumerate(entries):
        if entry[:1] in _LETTERS:
            first = False
            if entry.startswith(_IDENTITY):
                key, _, value = entry.partition(b":")
                open_end = entries[number + 1][:1] in _OPEN and _goes_on(entries, number)
                if key in found or key not in _IDENTITY or open_end:
                    return False
                found[key] = value
            continue
        if not entry or (entry[0] == 35 and (first or 0 not in entry)):  # a comment
            if (
                first
                and 0 in entry
                and any(line.strip() and line.strip()[:1] != b"#" for line in entry.split(b"\0")[1:])
            ):
                return False
            continue
        if first and not entry.strip(b"\0 \t"):
            continue
        if first or entry[0] not in _STARTS or (entry[0] == 39 and entry.startswith(_IDENTITY, 1)):
            return False
    if len(found) < 3:
        return first and not found
    what = _type(found[b"kind"], found[b"apiVersion"])
    kind = what[1]
    if kind == "List" and not what[0]:
        return _items_pass(body, mesh)
    if (what not in NAMESPACED and what not in _RBAC) or (mesh.flags and kind in _WORKLOADS):
        return False
    metadata = _metadata(found[b"metadata"])
    if metadata is None or metadata[1] not in (b"", mesh.namespace.encode()):
        return False
    name = metadata[0]
    if what in _RBAC and (is_renamed(kind, name.decode(), mesh) or not is_own(name.decode(), mesh)):
        return False
    if what in _BINDINGS and (mesh.rename_names or not _names_only(body, mesh.namespace.encode())):
        return False
    if _multiplies(head):
        return False
    concerned = concerned_by(kind, name, body, keys)
    return concerned is None or (not concerned and not _may_hide(head))


def _kind(body: bytes) -> bytes:
    """Return what the first line says that looks like the kind: most likely it is."""
    start = body.find(b"\nkind: ", 0, _HEAD) + 7
    return body[start : body.find(b"\n", start)] if start > 6 else b""


def _items_pass(body: bytes, mesh: "Profile") -> bool:
    """Tell whether every item of a `kind: List` passes unread as a document of its own, two columns to the left."""
    head, found, rest = body.partition(b"\nitems:\n- ")
    keys = []
    for line in head.split(b"\n"):
        key, colon, value = line.partition(b":")
        if not line or line[0] == 35:
            continue
        # Keys with one plain word each, or none: nothing of it can go on behind the head.
        if not colon or not key or key.lstrip(b" ").translate(None, NAME) or value.lstrip(b" ").translate(None, NAME):
            return False
        if key[0] != 32:
            keys.append(key)
    # An alias would bring into an item what stands in another.
    if not found or sorted(keys) != [b"apiVersion", b"kind", b"metadata"] or _stands_behind(body, b"*", _BEFORE):
        return False
    for item in rest.split(b"\n- "):
        if not _indented(item, item.find(b"\n") + 1 or len(item), 2):
            return False
        item = item.replace(b"\n  ", b"\n")
        if not passes_unread(item, mesh, long_data(item)):
            return False
    return True


def head_size(body: bytes) -> int:
    """Return how many bytes of a document say all that rules ask of it; 0 where they may ask for more.

    Nine tenths of a modern chart are the schemas of its CRDs, and no rule reads a schema. What a ClusterRole allows is read
    where a word stands in it that rules ask for.
    All lines behind the head are indented, empty, or items of a list, so they belong to its last key: whatever stands
    there, no other key of the root does. The caller must see that the head is a block mapping by itself.
    """
    kind = _kind(body)
    if kind not in _HEADS:
        return _pod_head(body) if kind == b"Deployment" else 0
    key, read = _HEADS[kind]
    size = body.find(key, 0, _HEAD) + 1
    if not size or 38 in body[:size] or (read and body.find(read, 0, size) >= 0):
        return 0
    if read and (_may_hide(body) or any(body.find(word) >= 0 for word in asked_of("ClusterRole"))):
        return 0
    return size if _indented(body, size + len(key) - 1, 1, items=bool(read)) else 0


def _pod_head(body: bytes) -> int:
    """Return how many bytes of a Deployment stand before the affinity of its pods, which no rule reads; 0 if it is not last.

    All lines behind are indented further, so they belong to it. The caller must see that the head ends in the pod's spec.
    """
    key = b"\n" + b" " * _POD + b"affinity:"
    size = body.rfind(key) + 1
    if not size or 38 in body[:size]:
        return 0
    tail = body.find(b"\n", size)
    if tail < 0 or body[size + len(key) - 1 : tail].strip(b" "):
        return 0
    return size if _indented(body, tail + 1, _POD + 1) else 0


def _indented(body: bytes, start: int, width: int, *, items: bool = False) -> bool:
    """Tell whether every line from here on is empty or begins with so many blanks, or with the dash of an item."""
    if body.find(b"\t", start) >= 0:
        return False
    # A blank comes before all other characters that may stand in YAML, so of some lines only the greatest must be seen.
    greatest = b" " * (width - 1) + b"!"
    while start < len(body):
        end = body.find(b"\n", start + _PIECE)
        piece = b"\n" + body[start : end if end >= 0 else len(body)]
        if max((piece.replace(b"\n- ", b"\n  ") if items else piece).split(b"\n")) >= greatest:
            return False
        start = end + 1 if end >= 0 else len(body)
    return True


def is_head(root: "Node") -> bool:
    """Tell whether what was read of a document is its beginning: a block mapping, or one that ends in the spec of a pod."""
    if root.id != "mapping" or root.flow_style:
        return False
    if not any(key.value == "kind" and value.value == "Deployment" for key, value in root.value):
        return True
    node = root
    for step in ("spec", "template", "spec"):
        key, child = node.value[-1]
        if key.value != step or child.id != "mapping" or child.flow_style or not child.value:
            return False
        node = child
    # So nothing is open but the spec, and what follows at the column of its keys is one of them.
    return bool(node.start_mark.column == _POD)


def _closes(lines: "list[bytes]") -> bool:
    """Tell whether every quote in these lines closes on its own line, as the only text behind a key."""
    for line in lines:
        if (39 in line or 34 in line) and line.lstrip(b" ")[:1] != b"#":
            value = line.partition(b": ")[2].strip(b" ")
            if value[:1] != value[-1:] or value[:1] not in (b"'", b'"') or line.count(b"'") + line.count(b'"') != 2:
                return False
    return True


def _goes_on(entries: list[bytes], number: int) -> bool:
    """Tell whether an entry goes on behind empty lines or comments at the beginning of a line."""
    number += 1
    while number < len(entries) and (not entries[number] or entries[number][0] in b"\0#"):
        if 0 in entries[number]:
            return True
        number += 1
    return False


def _names_only(body: bytes, namespace: bytes) -> bool:
    """Tell whether whatever the document says about a namespace is that one."""
    count = body.count(b"namespace: " + namespace + b"\n") + body.endswith(b"namespace: " + namespace)
    return body.count(b"namespace") == count


def _plain(value: bytes) -> str:
    """Return the plain or simply quoted text behind a key; empty if in doubt."""
    value = value.strip(b" ")
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = value[1:-1]
    return "" if value.translate(None, NAME) else value.decode()


def _type(kind: bytes, version: bytes) -> "tuple[str, str]":
    """Return group and kind, as they stand behind their keys; a chart has few and says them again and again."""
    if (kind, version) not in _TYPES:
        version_of = _plain(version)
        _TYPES[kind, version] = (group_of(version_of), _plain(kind)) if version_of else ("", "")
    return _TYPES[kind, version]


def _metadata(block: bytes) -> "tuple[bytes, bytes] | None":
    """Return name and namespace from the metadata, whose lines NUL joins; None if in doubt."""
    if not block.translate(None, _QUIET) and block[:3] == b"\0  " and block[3:4] != b" ":
        # Two columns of plain keys and values: each key that begins in the third column is one of the metadata.
        name, namespace = _quiet(block, b"\0  name: "), _quiet(block, b"\0  namespace: ")
        count = block.count(b"\0  name")
        if (
            name
            and count == 1 + bool(namespace)
            and block.count(b"namespace") == bool(namespace) + namespace.count(b"namespace")
        ):
            return name, namespace
    head, *lines = block.split(b"\0")
    # Quotes that do not close and flow collections could go on behind what looks like the end of the block.
    if head.strip(b" ") or 123 in block or 91 in block or not lines:
        return None
    if (39 in block or 34 in block) and not _closes(lines):
        return None
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip(b" "))]
    width = len(indent)
    found = {b"name": b"", b"namespace": b""}
    ended = True
    for line in lines:
        sign = line[width : width + 1]
        if sign in _INDENTED or not line.startswith(indent):
            if not ended and line.strip(b" \t")[:1] not in (b"", b"#"):
                # The text of the line above goes on here.
                return None
            continue
        if sign in _BEGIN_KEYS:
            # A key in quotes, behind an anchor or tag, or a merge key: it could be any.
            return None
        ended = True
        if line.startswith(b"name", width):
            key, colon, value = line[width:].partition(b":")
            if key not in found:
                continue
            ended = False
            text = value.strip(b" ")
            if text[:1] in (b'"', b"'") and len(text) > 1 and text[:1] == text[-1:]:
                text = text[1:-1]
            if found[key] or not colon or not text or text.translate(None, NAME):
                return None
            found[key] = text
    # A name or namespace key in another form than the one looked for is doubt enough.
    if block.count(b"namespace") != bool(found[b"namespace"]) + found[b"namespace"].count(b"namespace") or 63 in block:
        return None
    return (found[b"name"], found[b"namespace"]) if found[b"name"] else None


def _quiet(block: bytes, key: bytes) -> bytes:
    """Return the plain word behind a key, if no line below goes on with it; else nothing."""
    start = block.find(key)
    if start < 0:
        return b""
    end = block.find(b"\0", start + 1)
    if end >= 0 and (block[end : end + 3] != b"\0  " or block[end + 3 : end + 4] == b" "):
        return b""
    word = block[start + len(key) : end if end >= 0 else len(block)]
    return b"" if word.translate(None, NAME) else word


def _may_hide(body: bytes) -> bool:
    """Tell whether a word could stand in the document otherwise than letter by letter: behind an escape or a tag.

    An alias repeats what stands in full at its anchor, so it hides nothing; but it multiplies.
    """
    if 92 in body:
        # One pass finds what stands behind each backslash; looking for every escape would take four.
        _, *parts = body.split(b"\\")
        escapes = {part[:1] for part in parts}
        if not escapes.isdisjoint(_HIDING) or (b"u" in escapes and _writes_letters(body)):
            return True
    return _stands_behind(body, b"!", _BEFORE)


def _writes_letters(body: bytes) -> bool:
    """Tell whether an escape of four digits could stand for a character of a name."""
    at = body.find(b"\\u")
    while at >= 0:
        if body[at + 2 : at + 4] != b"00" or body[at + 4 : at + 6].lower() not in _HARMLESS:
            return True
        at = body.find(b"\\u", at + 1)
    return False


def _multiplies(body: bytes) -> bool:
    """Tell whether there may be anchors and aliases, which can multiply a document beyond all measure."""
    return 38 in body and 42 in body and _stands_behind(body, b"&", _BEFORE) and _stands_behind(body, b"*", _BEFORE)


def _stands_behind(data: bytes, sign: bytes, before: bytes) -> bool:
    """Tell whether a sign stands anywhere at the beginning, or behind one of these bytes."""
    at = data.find(sign)
    while at >= 0:
        if at == 0 or data[at - 1] in before:
            return True
        at = data.find(sign, at + 1)
    return False

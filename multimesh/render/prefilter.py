"""Decide which documents may be skipped: left as they are without being parsed, since no rule is concerned by them.

Most of a chart needs no edit, and parsing YAML is what rendering costs: with nothing skipped, the 1.5.0 demo takes 0.66
times the bare interpreter longer. But to skip a document is a claim that a mistake would make silent. So every
condition here is needed, and every doubt sends the document to the parser. tests/render/test_prefilter.py holds a
counter-example for each of them.

A document may be skipped if three questions have an answer, all by looking at bytes:

1. `root_values`: which keys are at its root, and what follows those that identify it?
2. `Identity`: which kind, name and namespace does it have, and is that the mesh's own?
3. `has_words`: does it hold any word that a rule asks for in this kind?
"""

from __future__ import annotations

from multimesh.mesh.kinds import NAMESPACED, group_of
from multimesh.mesh.names import is_own, is_renamed
from multimesh.render.documents import (
    BEFORE_PROPERTY,
    MAX_SEARCHED,
    is_indented,
    likely_kind,
    may_hide_words,
    occurs_after,
)
from multimesh.rules import concerned_by
from multimesh.rules.cluster_scoped_names import REFERRING
from multimesh.yamltext.longtext import MIN_SIZE, PLAIN, find_long_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile
    from multimesh.yamltext.longtext import LongData

#: Single characters are looked for by their code: for an int, `in` is four times as fast as for bytes.
NUL, QUOTE, DOUBLE_QUOTE, HASH, QUESTION, BRACKET, BRACE, AMPERSAND, ASTERISK = b"\0'\"#?[{&*"

_RBAC = "rbac.authorization.k8s.io"

#: The cluster-scoped kinds that may concern no rule once their name is the mesh's own.
_CLUSTER_ROLES = frozenset(((_RBAC, "ClusterRole"), (_RBAC, "ClusterRoleBinding")))

#: Kinds that name namespaces below their metadata, too.
_BINDINGS = frozenset(((_RBAC, "ClusterRoleBinding"), (_RBAC, "RoleBinding")))

#: Kinds that `flags` of the profile may concern.
_WORKLOADS = frozenset(("Deployment", "DaemonSet"))

#: The keys at the root that identify an object.
_IDENTITY_KEYS = (b"kind", b"metadata", b"apiVersion")

#: The keys at the root that count: what has `items` is a List to Kubernetes, whatever its kind.
_ROOT_KEYS = (*_IDENTITY_KEYS, b"items")

#: A document with more lines that are not indented is parsed: to look at each of them would take too much memory.
_MAX_LINES = 100_000

#: What a plain key begins with.
_LETTERS = frozenset(bytes((code,)) for code in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

#: After the first key, a line at the root that is not a plain key may begin a comment, an item of the list above, or
#: the end of a quoted scalar or flow collection. NUL: indented lines after an empty one.
_AFTER_KEY = frozenset(b"#-}]'\0")

#: What a key begins with that is not a plain word: it could be any key.
_ODD_KEYS = frozenset((b"'", b'"', b"?", b"!", b"&", b"*", b"<", b"{", b"["))

#: What is in the column of the keys where a line has no key: it belongs to the line above, is empty, or a comment.
_NO_KEY = frozenset((b" ", b"\t", b"", b"\0", b"#"))

#: A block of these characters only has no quotes, brackets or comments: its keys and values are plain words.
_QUIET = PLAIN + b"_: \0"

#: Group and kind by the text after `kind` and `apiVersion`: a chart has few, and repeats them.
_TYPES: dict[tuple[bytes, bytes], tuple[str, str]] = {}


def long_data(body: bytes) -> LongData | None:
    """Return the long texts of a ConfigMap, if its `data` is nothing else and ends the document."""
    return find_long_data(body, b"data")


def may_skip(body: bytes, mesh: Profile, data: LongData | None) -> bool:
    """Return whether a document can be left as it is without being parsed.

    `body` is one document, and `data` what `long_data` returns for it. True means that no rule would edit or refuse it:
    it is empty, or its root is a block mapping that is an object of a known namespaced kind (or a ClusterRole or
    ClusterRoleBinding with a name of the mesh's own), which names no namespace but the control-plane namespace, and
    no rule is concerned by its kind, name and words.
    """
    head, keys = body, None
    if data is not None and _quotes_close(body[: data.start].split(b"\n")):
        # Long text has no meaning to YAML, so only the words in it count.
        head, keys = body[: data.start], [body[entry.key_start : entry.key_end] for entry in data.entries]
    elif len(body) > MIN_SIZE and likely_kind(body) == b"CustomResourceDefinition":
        return False  # Each of them concerns a rule.
    values = root_values(head)
    if not values:
        return values is not None
    group, kind = _type(values[b"kind"], values[b"apiVersion"])
    if kind == "List" and not group:
        return _may_skip_items(body, mesh)
    if b"items" in values:
        return False
    if (mesh.flags and kind in _WORKLOADS) or (mesh.rename_names and kind in REFERRING):
        return False
    name = _own_name(group, kind, body, values[b"metadata"], mesh)
    return bool(name) and not _multiplies(head) and not has_words(kind, name, body, head, keys)


# 1. The keys at the root.


def root_values(head: bytes) -> dict[bytes, bytes] | None:
    """Return what follows `kind`, `metadata`, `apiVersion` and `items` at the root; NUL joins the indented lines below.

    Empty for a document without content. None if the root may be anything else than a block mapping with each of the
    first three keys once, or if a key of another form (quoted, after a tag, ...) could be one of them.
    """
    if len(head) > _MAX_LINES and _is_too_large(head):
        return None
    found: dict[bytes, bytes] = {}
    has_key = is_open = False  # is_open: the last key identifies the object, and its value may continue
    # NUL in place of the line breaks before indented lines (a stream has none of its own) leaves one entry a root key.
    for entry in head.replace(b"\n ", b"\0 ").split(b"\n"):
        if entry[:1] in _LETTERS:
            has_key = True
            is_open = entry.startswith(_ROOT_KEYS)
            if is_open:
                key, _, value = entry.partition(b":")
                if key in found or key not in _ROOT_KEYS:
                    return None
                found[key] = value
        elif not entry:
            continue
        elif not has_key:
            if not _is_blank(entry):
                return None
        elif entry[0] not in _AFTER_KEY or (entry[0] == QUOTE and entry.startswith(_ROOT_KEYS, 1)):
            return None
        elif entry[0] not in (NUL, HASH):
            is_open = False
        elif is_open and NUL in entry:
            return None  # Indented lines continue the value after empty lines or comments.
    return None if has_key and len(found) - (b"items" in found) < len(_IDENTITY_KEYS) else found


def _is_too_large(head: bytes) -> bool:
    return len(head) > MAX_SEARCHED or head.count(b"\n") > head.count(b"\n ") + _MAX_LINES


def _is_blank(entry: bytes) -> bool:
    """Return whether lines that NUL joins are blank, or a comment and then blank lines and comments."""
    if entry[:1] != b"#":
        return not entry.strip(b"\0 \t")
    return all(line.strip()[:1] in (b"", b"#") for line in entry.split(b"\0"))


def _quotes_close(lines: list[bytes]) -> bool:
    """Return whether every quote in these lines closes on its own line, as all of the text after a key."""
    for line in lines:
        if (QUOTE in line or DOUBLE_QUOTE in line) and line.lstrip(b" ")[:1] != b"#":
            value = line.partition(b": ")[2].strip(b" ")
            if value[:1] != value[-1:] or value[:1] not in (b"'", b'"') or line.count(b"'") + line.count(b'"') != 2:
                return False
    return True


# 2. Kind, name and namespace.


def _type(kind: bytes, version: bytes) -> tuple[str, str]:
    """Return group and kind by the text after `kind` and `apiVersion`; empty in doubt."""
    if (kind, version) not in _TYPES:
        plain_version = _plain(version)
        _TYPES[kind, version] = (group_of(plain_version), _plain(kind)) if plain_version else ("", "")
    return _TYPES[kind, version]


def _plain(value: bytes) -> str:
    """Return the plain or double-quoted text after a key; empty in doubt."""
    value = value.strip(b" ")
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = value[1:-1]
    return "" if value.translate(None, PLAIN) else value.decode()


def _own_name(group: str, kind: str, body: bytes, block: bytes, mesh: Profile) -> bytes:
    """Return the name of an object that no rule would refuse by its kind, name or namespace; empty in doubt.

    `block` is what follows `metadata` at the root.
    """
    is_role = (group, kind) in _CLUSTER_ROLES
    if (group, kind) not in NAMESPACED and not is_role:
        return b""
    name, namespace = metadata(block)
    if namespace not in (b"", mesh.namespace.encode()):
        return b""
    if is_role and (is_renamed(kind, name.decode(), mesh) or not is_own(name.decode(), mesh)):
        return b""
    if (group, kind) in _BINDINGS and not _names_only(body, mesh.namespace.encode()):
        return b""
    return name


def metadata(block: bytes) -> tuple[bytes, bytes]:
    """Return name and namespace from the lines of `metadata`, which NUL joins; an empty name in doubt."""
    doubt = b"", b""
    width = len(block) - len(block.lstrip(b"\0 ")) - 1
    start = b"\0" + b" " * width
    if not block.startswith(start) or (block.translate(None, _QUIET) and not _has_plain_keys(block, width)):
        return doubt
    name, namespace = _word(block, start, b"name:"), _word(block, start, b"namespace:")
    # A key that begins so in another form than the ones looked for.
    if block.count(start + b"name") != bool(name) + bool(namespace):
        return doubt
    if block.count(b"namespace") != bool(namespace) + namespace.count(b"namespace"):
        return doubt
    return name, namespace


def _word(block: bytes, start: bytes, key: bytes) -> bytes:
    """Return the plain or quoted word after a key, if the next line has a key too; empty in doubt.

    `start` precedes every key of the block, and `key` ends with the colon.
    """
    at = block.find(start + key)
    if at < 0:
        return b""
    end = block.find(b"\0", at + 1)
    if end < 0:
        end = len(block)
    elif not block.startswith(start, end) or block[end + len(start) : end + len(start) + 1] in _NO_KEY:
        return b""
    word = _without_quotes(block[at + len(start) + len(key) : end].strip(b" "))
    return b"" if word.translate(None, PLAIN) else word


def _has_plain_keys(block: bytes, width: int) -> bool:
    """Return whether no key of the block can be hidden: by quotes or brackets, or as another key than a plain word."""
    # A flow collection, or a quote that does not close, could reach beyond what looks like the end of the block.
    if BRACE in block or BRACKET in block or QUESTION in block:
        return False
    lines = block.split(b"\0")
    if (QUOTE in block or DOUBLE_QUOTE in block) and not _quotes_close(lines):
        return False
    # A line has the first character of a key in the column of the keys, or belongs to the line above.
    return _ODD_KEYS.isdisjoint([line[width : width + 1] for line in lines])


def _without_quotes(value: bytes) -> bytes:
    return value[1:-1] if value[:1] in (b'"', b"'") and len(value) > 1 and value[:1] == value[-1:] else value


def _names_only(body: bytes, namespace: bytes) -> bool:
    """Return whether all that the document says about a namespace is this one."""
    count = body.count(b"namespace: " + namespace + b"\n") + body.endswith(b"namespace: " + namespace)
    return body.count(b"namespace") == count


# 3. The words.


def has_words(kind: str, name: bytes, body: bytes, head: bytes, keys: list[bytes] | None) -> bool:
    """Return whether a word that a rule asks for occurs, or could be written in another way, in an object.

    `head` is the part of `body` without long texts, and `keys` are the keys of those, or None without any.
    """
    concerned = concerned_by(kind, name, body, keys)
    return concerned is not None and (concerned or may_hide_words(head))


def _multiplies(body: bytes) -> bool:
    """Return whether there may be anchors and aliases, which can multiply a document beyond any limit."""
    return (
        AMPERSAND in body
        and ASTERISK in body
        and occurs_after(body, b"&", BEFORE_PROPERTY)
        and occurs_after(body, b"*", BEFORE_PROPERTY)
    )


# Lists.


def _may_skip_items(body: bytes, mesh: Profile) -> bool:
    """Return whether every item of a `kind: List` may be skipped as a document of its own, two columns to the left."""
    head, found, rest = body.partition(b"\nitems:\n- ")
    keys = []
    for line in head.split(b"\n"):
        if not line or line[0] == HASH:
            continue
        key, colon, value = line.partition(b":")
        # Keys with one plain word each, or none, cannot continue after the head.
        if not colon or not key or key.lstrip(b" ").translate(None, PLAIN) or value.lstrip(b" ").translate(None, PLAIN):
            return False
        if key[:1] != b" ":
            keys.append(key)
    # An alias would repeat in one item what is in another.
    if not found or sorted(keys) != sorted(_IDENTITY_KEYS) or occurs_after(body, b"*", BEFORE_PROPERTY):
        return False
    return all(_may_skip_item(item, 2, mesh) for item in rest.split(b"\n- "))


def may_skip_item(item: bytes, mesh: Profile) -> bool:
    """Return whether an item of a List, from the beginning of its line on, can be left without being parsed.

    It must have no quote or bracket that closes after it: to YAML, the next item would be a part of this one.
    """
    width = len(item) - len(item.lstrip(b" ")) + len(b"- ")
    if item.count(b"[") != item.count(b"]") or item.count(b"{") != item.count(b"}"):
        return False
    return _quotes_close(item[width:].split(b"\n")) and _may_skip_item(item[width:], width, mesh)


def _may_skip_item(item: bytes, width: int, mesh: Profile) -> bool:
    """Return whether an item without its dash may be skipped as a document, `width` columns to the left."""
    if not is_indented(item, item.find(b"\n") + 1 or len(item), width):
        return False
    document = item.replace(b"\n" + b" " * width, b"\n")
    return may_skip(document, mesh, long_data(document))

"""Rewrite one rendered chart for one mesh: cut, select, parse, plan, apply.

stdin -> documents -> resources -> edits planned by rules -> edited text -> stdout
"""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import resources
from multimesh.render.documents import (
    BEFORE_PROPERTY,
    LINE_FEED,
    MAX_DOCUMENTS,
    check_utf8,
    decoded,
    head_size,
    is_head,
    occurs_after,
    split,
)
from multimesh.render.prefilter import long_data, may_skip, may_skip_item
from multimesh.render.rendering import Rendering
from multimesh.rules import rules_for, shared_resources
from multimesh.yamltext.edits import Editor, Text, applied
from multimesh.yamltext.fieldpath import BadShape
from multimesh.yamltext.limits import MAX_SIZE, too_large
from multimesh.yamltext.line import Line
from multimesh.yamltext.nodes import is_sequence
from multimesh.yamltext.scalars import BREAKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.render.documents import Document
    from multimesh.yamltext.edits import Edit

#: The whole output if everything was dropped: Helm 4 refuses an empty answer.
ALL_DROPPED = (
    b"# multimesh: every resource of this stream belongs to the mesh that owns what is shared; all were left out\n"
)

#: The key of the items of a List in block style.
LIST_KEY = b"\nitems:\n"

#: A List of this size is cut into its items.
LARGE_LIST = 1 << 16

#: A document that ends in long texts may have this many bytes, since these are not parsed.
MAX_LONG = 3 * MAX_SIZE

_BOM = b"\xef\xbb\xbf"


def render(data: bytes, mesh: Profile, where: str = "<stdin>") -> Rendering:
    """Rewrite a stream, as Helm 3, Helm 4 or `helm template` writes it, for one mesh.

    `where` is the name of the stream in messages. Raises MultimeshError for a stream that is not YAML, or with
    everything that rules refuse.
    """
    if 0 in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise MultimeshError(f"{where}:{line}", "not YAML: a NUL character", "Is this the output of 'helm template'?")
    documents = split(data)
    rendering = None
    if documents is not None:
        if len(documents) > MAX_DOCUMENTS:
            raise MultimeshError(
                where, f"has more than {MAX_DOCUMENTS:,} documents", "Is this the output of 'helm template'?"
            )
        pieces = _with_items(data, documents)
        rendering = _render_documents(data, pieces, mesh, where)
        if rendering is None and len(pieces) > len(documents):
            rendering = _render_documents(data, documents, mesh, where)
    if rendering is None:
        rendering = _render_whole(data, mesh, where)
    if rendering.refusals:
        raise _refused(rendering, mesh)
    if rendering.dropped:
        if rendering.is_empty():
            rendering.parts = [ALL_DROPPED]
        elif occurs_after(output := rendering.output, b"&", BEFORE_PROPERTY):
            from multimesh.render.forms import check_alone

            check_alone(output, where)
    if rendering.changed and not data.endswith(b"\n"):
        from multimesh.render.forms import loses_last_line

        if loses_last_line(rendering.output):
            rendering.parts.append(b"\n")
    return rendering


def _refused(rendering: Rendering, mesh: Profile) -> MultimeshError:
    from multimesh.render.refusals import together

    return together(rendering.refusals, rendering.stock, mesh)


def _with_items(data: bytes, documents: list[Document]) -> list[Document]:
    """Return the documents, with the items of each large List in its place."""
    if len(data) < LARGE_LIST:
        return documents
    pieces = []
    for document in documents:
        found = None
        is_large = document.end - document.start >= LARGE_LIST
        if is_large and data.find(LIST_KEY, document.start, document.end) >= 0:
            from multimesh.render.lists import items

            found = items(data, document)
        pieces += found or [document]
    return pieces


def _render_documents(data: bytes, documents: list[Document], mesh: Profile, where: str) -> Rendering | None:
    """Rewrite document by document.

    Return None if one of them may be more than one document, which `...` can do, or is an item of a List that is not
    YAML by itself or is dropped, of which the List must know.
    """
    rendering = Rendering(data, mesh)
    kept = 0  # everything before this offset is in the rendering
    dropped = False
    gone: set[Document] = set()
    selected = _select(data, documents, mesh, where)
    for document in selected:
        text = _parse(data, document, where)
        if text is None:
            return None
        dropped = _plan(text, mesh, rendering, is_item=document.is_item)
        if document.is_item and rendering.dropped:
            return None
        if dropped:
            gone.add(document)
            rendering.keep(kept, document.begin)
            kept = document.end
            # The line break before a marker belongs to the document above.
            follows = document.begin < document.marker_end and data[document.begin] == LINE_FEED
            rendering.drop_document(document.begin + follows, document.end + (document.end < len(data)))
        elif edits := _planned(text, rendering):
            rendering.changed.append((text.line, memoryview(data)[document.start : document.end], edits))
            for first, end, new in _in_bytes(text.text, edits):
                rendering.keep(kept, document.start + first)
                rendering.parts.append(new)
                kept = document.start + end
    rendering.keep(kept, len(data))
    if dropped:
        rendering.parts.append(b"\n")
        last = next((document for document in reversed(documents) if document not in gone), None)
        if last is not None:
            _check_last(data, last, mesh, rendering, where, is_parsed=last in selected)
    return rendering


def _check_last(
    data: bytes, document: Document, mesh: Profile, rendering: Rendering, where: str, *, is_parsed: bool
) -> None:
    """Gather the refusals of a document that becomes the last one, since those after it are dropped.

    When the result is rendered again, all of it is parsed: what is refused then must be refused now.
    """
    body = data[document.start : document.end]
    if document.is_item or (is_parsed and not head_size(body)):
        return
    line = Line(data, document.start)
    again = Rendering(data, mesh)
    _plan(Text(decoded(body, where, line), where, line, long_data(body) if body.isascii() else None), mesh, again)
    known = {str(refusal) for refusal in rendering.refusals}
    rendering.refusals += [refusal for refusal in again.refusals if str(refusal) not in known]


def _select(data: bytes, documents: list[Document], mesh: Profile, where: str) -> list[Document]:
    """Return the documents that must be parsed. Raises MultimeshError if another one is not UTF-8."""
    found = []
    for document in documents:
        body = data[document.start : document.end]
        if document.is_item:
            skips = may_skip_item(body, mesh)
        else:
            document.long_data = long_data(body)
            skips = may_skip(body, mesh, document.long_data)
        # The last document is always parsed: if the stream was cut off, it shows there.
        if document.end == len(data) or not skips:
            found.append(document)
        elif not body.isascii():
            check_utf8(body, where, Line(data, document.start))
    return found


def _parse(data: bytes, document: Document, where: str) -> Text | None:
    """Return the text to parse of a document: its head, if rules read no more.

    None if `...` may end it, or if it is an item of a List that is not YAML by itself.
    """
    body = data[document.start : document.end]
    line = Line(data, document.start)
    if document.is_item:
        text = Text(decoded(body, where, line), where, line)
        return text if _is_one_item(text) else None
    long = document.long_data
    is_last = document.end == len(data)
    size = head_size(body) if long is None and not is_last else 0
    # After a head no line begins with `...`, and in long text it would not be YAML.
    searched = size or (len(body) if long is None else long.start)
    if body.startswith(b"...") or body.rfind(b"\n...", 0, searched) >= 0:
        return None
    if size:
        head = Text(decoded(body[:size], where, line), where, line)
        try:
            if len(head.roots) == 1 and is_head(head.roots[0]):
                if not body.isascii():
                    check_utf8(body, where, line)
                return head
        except MultimeshError:
            pass  # A quote that opens in the head and closes after it, for example.
    if len(body) > (MAX_SIZE if long is None else MAX_LONG):
        raise too_large(where, line)
    source = decoded(body, where, line)
    if not body.isascii() and long is not None:
        # Offsets of a text are characters. One byte for each keeps them the same, and what counts is ASCII.
        long = long_data(source.encode("ascii", "replace"))
    return Text(source, where, line, long)


def _is_one_item(text_of: Text) -> bool:
    try:
        roots = text_of.roots
    except MultimeshError:
        return False
    return len(roots) == 1 and is_sequence(roots[0]) and len(roots[0].value) == 1


def _render_whole(data: bytes, mesh: Profile, where: str) -> Rendering:
    """Rewrite a stream that cannot be cut safely: the parser finds its documents."""
    if len(data) > MAX_SIZE:
        raise MultimeshError(
            where,
            f"cannot be cut into documents, and has more than {MAX_SIZE >> 20} MB",
            "End every line with a line feed, and leave out directives, '...' and text on the line of a '---'.",
        )
    odd = data.find(b"\r\r\n")
    if odd >= 0:
        raise MultimeshError(
            f"{where}:{data.count(LINE_FEED, 0, odd) + 1}",
            "two carriage returns before a line feed: Helm takes one off, and reads one line break where YAML has two",
            "Remove one of them. Was the end of lines converted twice?",
        )
    rendering = Rendering(data, mesh)
    bom = _BOM if data.startswith(_BOM) else b""
    text = Text(decoded(data[len(bom) :], where, 1), where, 1)
    _check_markers(text)
    _plan(text, mesh, rendering, is_whole=True)
    edits = _planned(text, rendering)
    result = applied(text.text, edits)
    rendering.parts = [bom, result.encode()]
    if not edits:
        return rendering
    rendering.changed.append((1, text.text, edits))
    if "\n..." in result or result.startswith("---"):
        from multimesh.render.forms import check_forms

        check_forms(text.text, result, where)
    lines = result.replace("\r\n", "\n")
    if any(sign in lines for sign in BREAKS if sign != "\n"):
        # Another break may precede a marker where an edit ends.
        _check_markers(Text(result, where, 1))
    return rendering


def _planned(text: Text, rendering: Rendering) -> list[Edit]:
    """Return the edits of a text, and gather the refusal of edits that contradict each other."""
    try:
        return text.planned()
    except MultimeshError as error:
        rendering.refusals.append(error)
        return []


def _check_markers(text: Text) -> None:
    """Refuse a document after `...` or another line break than the line feed that no `---` precedes.

    Helm cuts a stream at line feeds with `---`, and of each piece reads the first document only (apimachinery v0.37,
    util/yaml/decoder.go, splitYAMLDocument).
    """
    for above, root in zip(text.roots, text.roots[1:], strict=False):
        if text.text.find("\n---", max(above.start_mark.index - 1, 0), root.start_mark.index) < 0:
            raise MultimeshError(
                text.at(root),
                'Helm does not read this document: no line "---" precedes it',
                "End every line with a line feed, and write --- before every document.",
            )


def _plan(text: Text, mesh: Profile, rendering: Rendering, *, is_whole: bool = False, is_item: bool = False) -> bool:
    """Let the rules plan edits of every resource in a text; return whether its one document must be dropped.

    In a text that is a whole stream (`is_whole`), dropping a document is an edit. `is_item` says that the text is one
    item of a List.
    """
    _ = text.roots  # Text that is not YAML ends the run, since what follows it may be read wrongly.
    try:
        return _plan_resources(text, mesh, rendering, is_whole=is_whole, is_item=is_item)
    except MultimeshError as error:
        # The document is not a Kubernetes object.
        rendering.refusals.append(error)
        return False


def _plan_resources(text: Text, mesh: Profile, rendering: Rendering, *, is_whole: bool, is_item: bool) -> bool:
    dropped = False
    for resource in resources(text, is_item=is_item):
        rendering.resources += 1
        resource.find_scope = rendering.scope_of
        _apply_rules(resource, mesh, rendering)
        rendering.notices += resource.notices
        if resource.dropped:
            rendering.dropped.append((resource.title, resource.dropped, text.line + resource.root.start_mark.line))
            if resource.sequence is None and not is_whole and len(text.roots) == 1:
                dropped = True
            elif resource.sequence is None:
                Editor(text, resource.title, resource.dropped).drop_document(resource.root)
    return dropped


def _apply_rules(resource: Resource, mesh: Profile, rendering: Rendering) -> None:
    """Let every rule that the resource concerns plan its edits, and gather the refusals."""
    for rule in rules_for(resource.kind, resource.name, resource.own_text(), mesh, aliased=resource.is_aliased()):
        resource.rule = rule.ID
        try:
            rule.plan(resource, mesh)
        except (BadShape, MultimeshError) as error:
            from multimesh.render.refusals import add

            add(rendering.refusals, resource, error, rendering.stock)
            if rule is shared_resources:
                return  # The whole chart does not belong here: what others say of it does not help.


def _in_bytes(text: str, edits: list[Edit]) -> list[tuple[int, int, bytes]]:
    """Return edits of a text as edits of its bytes: start, end, what replaces them."""
    if text.isascii():
        return [(edit.start, edit.end, edit.text.encode()) for edit in edits]
    found = []
    at = offset = 0
    for edit in edits:
        start = offset + len(text[at : edit.start].encode())
        at, offset = edit.end, start + len(text[edit.start : edit.end].encode())
        found.append((start, offset, edit.text.encode()))
    return found

"""Rewrite one rendered chart for one mesh: the whole program on one screen.

stdin -> resources -> edits planned by rules -> edited text -> stdout
"""

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import resources
from multimesh.render.prefilter import head_size, is_head, passes_unread, split
from multimesh.rules import rules_for
from multimesh.yamltext.edits import Edit, Editor, Text, applied
from multimesh.yamltext.fieldpath import BadShape, refusal
from multimesh.yamltext.line import Line
from multimesh.yamltext.longtext import long_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.kubernetes.resources import Resource
    from multimesh.mesh.profile import Profile
    from multimesh.yamltext.longtext import LongData

#: What stands in the place of a stream of which everything was dropped: Helm 4 refuses an empty answer.
ALL_DROPPED = (
    b"# multimesh: every resource of this stream belongs to the mesh that owns what is shared; all were left out\n"
)

#: So many bytes are decoded at once where nobody needs the text.
_PIECE = 1 << 12

#: Where a document that was left out ends: it was not read so far, and most runs show nothing of it.
_TO_THE_END = -1

_BOM = b"\xef\xbb\xbf"


class Rendering:
    """What came of one stream: the bytes to write, and how they came about."""

    def __init__(self, stock: bytes) -> None:
        """Begin with a stream of which nothing is known."""
        self.stock = stock
        self.parts: list[bytes | memoryview] = []
        #: What `edited` shows; of a document of a stream that was cut, the bytes.
        self.changed: list[tuple[int | Line, str | memoryview, list[Edit]]] = []
        #: Title and rule of every resource that was left out, and its line.
        self.dropped: list[tuple[str, str, int | Line]] = []
        #: What the rules noticed and nobody must act upon to go on.
        self.noticed: list[dict[str, object]] = []
        self.resources = 0

    @property
    def edited(self) -> list[tuple[int | Line, str, list[Edit]]]:
        """Line of the stream at which an edited text begins, the text, and its edits, for whoever shows them."""
        found = []
        for line, text, edits in self.changed:
            if not isinstance(text, str):
                text = bytes(text).decode()
                if edits[0].end == _TO_THE_END:
                    edits[0].end = len(text)
            found.append((line, text, edits))
        return found

    @property
    def output(self) -> bytes:
        """The rewritten manifest."""
        return b"".join(self.parts)


def render(data: bytes, mesh: "Profile", where: str = "<stdin>") -> Rendering:
    """Rewrite a stream, as Helm 3, Helm 4 or `helm template` writes it, for one mesh.

    Raises MultimeshError for a stream that is not YAML, or that a rule refuses.
    """
    if 0 in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise MultimeshError(f"{where}:{line}", "not YAML: a NUL character", "Is this the output of 'helm template'?")
    pieces = split(data)
    rendering = None if pieces is None else _documents_rendered(data, pieces, mesh, where)
    if rendering is None:
        rendering = _whole_rendered(data, mesh, where)
    if rendering.dropped and not _holds_something(rendering):
        rendering.parts = [ALL_DROPPED]
    return rendering


def _documents_rendered(
    data: bytes, pieces: list[tuple[int, int, int]], mesh: "Profile", where: str
) -> "Rendering | None":
    """Rewrite document by document; what stays as it is leaves as it came, in stretches as long as possible.

    None where a piece must be read that may be more than one document.
    """
    rendering = Rendering(data)
    kept, dropped = 0, False
    for begin, marker, start, end, long in _to_be_read(data, pieces, mesh, where):
        # What the document before took can be taken again: memory that was never used costs more than what fills it.
        body = text = None
        body = data[start:end]
        line = Line(data, start)
        text = _text(body, head_size(body) if end < len(data) and long is None else 0, where, line, long)
        if text is None:
            return None
        dropped = _plan(text, mesh, rendering)
        if dropped:
            _keep(rendering, kept, begin)
            kept = end
            title, rule, _ = rendering.dropped[-1]
            # The line break before its marker belongs to the document before.
            whole = memoryview(data)[begin + (begin < marker and data[begin] == 10) : end + (end < len(data))]
            rendering.changed.append((Line(data, marker), whole, [Edit(0, _TO_THE_END, "", title, rule, "")]))
        elif edits := text.planned():
            rendering.changed.append((text.line, memoryview(data)[start:end], edits))
            for first, stop, new in _in_bytes(text.text, edits):
                _keep(rendering, kept, start + first)
                rendering.parts.append(new)
                kept = start + stop
    _keep(rendering, kept, len(data))
    if dropped:
        rendering.parts.append(b"\n")
    return rendering


def _to_be_read(
    data: bytes, pieces: list[tuple[int, int, int]], mesh: "Profile", where: str
) -> "list[tuple[int, int, int, int, LongData | None]]":
    """Return the documents that must be read: where separator, marker's line and text begin, where the text ends, and its data.

    The proofs of all documents in a row take less time than each of them between parser and rules.
    """
    found = []
    for begin, marker, end in pieces:
        start = marker
        # The rest of the marker's line belongs to the document that it begins. Where it is empty, the text begins with
        # an empty line, which changes nothing.
        if begin < start < end and data[start] != 10:
            start = data.find(b"\n", start, end) + 1 or end
        body = None
        body = data[start:end]
        long = long_data(body)
        # The last document is always read: a stream that was cut off shows there.
        if end == len(data) or not passes_unread(body, mesh, long):
            found.append((begin, marker, start, end, long))
        elif not body.isascii():
            _check_decodes(body, where, Line(data, start))
    return found


def _keep(rendering: Rendering, start: int, end: int) -> None:
    """Let a stretch of the stream leave as it came."""
    # What stood before the first marker may have been left out, and its line break with it.
    if start < end and start and not rendering.parts and rendering.stock[start] == 10:
        start += 1
    if start < end:
        rendering.parts.append(memoryview(rendering.stock)[start:end])


def _in_bytes(text: str, edits: list[Edit]) -> "list[tuple[int, int, bytes]]":
    """Return edits of a text as edits of its bytes."""
    if text.isascii():
        return [(edit.start, edit.end, edit.text.encode()) for edit in edits]
    found = []
    at = place = 0
    for edit in edits:
        first = place + len(text[at : edit.start].encode())
        at, place = edit.end, first + len(text[edit.start : edit.end].encode())
        found.append((first, place, edit.text.encode()))
    return found


def _text(body: bytes, size: int, where: str, line: Line, data: "LongData | None") -> "Text | None":
    """Return the text that must be read of a document whose head has this size; None where `...` may end it."""
    # Behind a head no line begins so, and in long text it would be no YAML.
    if body.startswith(b"...") or body.rfind(b"\n...", 0, size or (len(body) if data is None else data[0])) >= 0:
        return None
    if size:
        if not body.isascii():
            _check_decodes(body, where, line)
        head = Text(_decoded(body[:size], where, line), where, line)
        try:
            if len(head.roots) == 1 and is_head(head.roots[0]):
                return head
        except MultimeshError:
            # A quote that opens in the head and closes behind it, say.
            pass
    return Text(_decoded(body, where, line), where, line, data if body.isascii() else None)


def _whole_rendered(data: bytes, mesh: "Profile", where: str) -> Rendering:
    """Rewrite a stream that cannot be cut safely: the parser finds its documents."""
    rendering = Rendering(data)
    bom = _BOM if data.startswith(_BOM) else b""
    text = Text(_decoded(data[len(bom) :], where, 1), where, 1)
    _plan(text, mesh, rendering, alone=False)
    edits = text.planned()
    if edits:
        rendering.changed.append((1, text.text, edits))
    rendering.parts = [bom, applied(text.text, edits).encode()]
    return rendering


def _plan(text: Text, mesh: "Profile", rendering: Rendering, *, alone: bool = True) -> bool:
    """Let the rules plan every resource of a text; tell whether the text's one document is to be left out.

    Where the text may hold more than one (`alone` is false), a document that is left out becomes an edit.
    """
    dropped = False
    for resource in resources(text):
        rendering.resources += 1
        for rule in rules_for(resource.kind, resource.name, text.text, mesh):
            resource.rule = rule.ID
            try:
                rule.plan(resource, mesh)
            except BadShape as error:
                raise refusal(resource.where, error, rule.ID) from None
            except MultimeshError as error:
                raise _advised(_placed(error, resource), rendering.stock, mesh) from None
        rendering.noticed += resource.notices
        if resource.dropped:
            rendering.dropped.append((resource.title, resource.dropped, text.line + resource.root.start_mark.line))
            if resource.sequence is None and alone and len(text.roots) == 1:
                dropped = True
            elif resource.sequence is None:
                Editor(text, resource.title, resource.dropped).drop_document(resource.root)
    return dropped


def _placed(error: MultimeshError, resource: "Resource") -> MultimeshError:
    """Say where an error arose that does not know it, such as a name that grew too long."""
    if error.where:
        return error
    return MultimeshError(resource.where, error.what, error.hint, error.rule or resource.rule)


def _advised(error: MultimeshError, stock: bytes, mesh: "Profile") -> MultimeshError:
    """Tell a chart of something else that it need not come this way, where its kinds or names are refused."""
    if error.rule != "cluster-scoped-names" or b"istio" in stock.lower().replace(mesh.namespace.encode(), b""):
        return error
    hint = "Nothing in this stream mentions Istio: install a chart that has nothing to do with Istio without the post-renderer."
    return MultimeshError(error.where, error.what, f"{error.hint}\n{hint}", error.rule)


def _decoded(body: bytes, where: str, line: "int | Line") -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MultimeshError(
            f"{where}:{line + body.count(10, 0, error.start)}",
            f"not YAML: a byte that is not UTF-8 ({body[error.start]:#x})",
            "Helm writes UTF-8. Look at what 'helm template' prints at this line.",
        ) from None


def _check_decodes(body: bytes, where: str, line: "int | Line") -> None:
    """Refuse what is not UTF-8, in pieces: memory that was used before costs less than the decoding."""
    at = 0
    while at < len(body):
        end = body.find(b"\n", at + _PIECE)
        piece = body[at : end if end >= 0 else len(body)]
        if not piece.isascii():
            try:
                piece.decode()
            except UnicodeDecodeError:
                _decoded(body, where, line)
        at += len(piece)


def _holds_something(rendering: Rendering) -> bool:
    """Tell whether anything but markers, comments and blank lines is left."""
    for part in rendering.parts:
        for raw in bytes(part).replace(b"\r", b"\n").split(b"\n"):
            # A document may begin on its marker's line.
            line = raw.removeprefix(_BOM).removeprefix(b"---").strip()
            if line and line[:1] not in b"#%" and line != b"...":
                return True
    return False

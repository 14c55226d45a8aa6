"""What one run made of a stream: the bytes to write, and what was rewritten, dropped and noticed."""

from __future__ import annotations

from multimesh.errors import MultimeshError
from multimesh.yamltext.edits import Edit
from multimesh.yamltext.line import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multimesh.mesh.profile import Profile

_BOM = b"\xef\xbb\xbf"

#: The end of the one edit of a dropped document: its text is decoded, and its size known, when it is shown.
TO_THE_END = -1


class Rendering:
    """The result of `render`."""

    def __init__(self, stock: bytes, mesh: Profile) -> None:
        """Begin with a stream to which nothing has been done, for a mesh."""
        self.stock = stock
        self._mesh = mesh
        self._scopes: dict[tuple[str, str], str] = {}
        #: The rewritten manifest, in pieces: unchanged stretches of the stock stream, and what replaces others.
        self.parts: list[bytes | memoryview] = []
        #: Texts with edits: the line at which the text begins, the text (its bytes, if the stream was cut), the edits.
        self.changed: list[tuple[int | Line, str | memoryview, list[Edit]]] = []
        #: Every resource that was dropped: title, rule, line of the stream.
        self.dropped: list[tuple[str, str, int | Line]] = []
        #: What rules noticed and did not refuse, as `Resource.notice` makes it.
        self.notices: list[dict[str, object]] = []
        #: What rules refused, in the order of the stream.
        self.refusals: list[MultimeshError] = []
        #: How many resources were parsed.
        self.resources = 0

    @property
    def output(self) -> bytes:
        """The rewritten manifest."""
        return b"".join(self.parts)

    @property
    def edited(self) -> list[tuple[int | Line, str, list[Edit]]]:
        """Texts with edits, in order: the line of the stream at which the text begins, the text, its edits."""
        found = []
        for line, text, edits in self.changed:
            if not isinstance(text, str):
                text = bytes(text).decode()
                if edits[0].end == TO_THE_END:
                    edits[0].end = len(text)
            found.append((line, text, edits))
        return found

    def scope_of(self, group: str, kind: str) -> str:
        """Return the scope that a CRD gives to a kind: one in the stream, or in the files that the profile names.

        Empty if there is no such CRD. Raises MultimeshError for files that cannot be read.
        """
        if (group, kind) not in self._scopes:
            from multimesh.kubernetes.crds import paths_of, scopes_in, scopes_in_files

            paths = paths_of(self._mesh.where, self._mesh.crds, self._mesh.more_crds)
            found = scopes_in_files(paths, kind) | scopes_in(self.stock, kind)
            self._scopes[group, kind] = found.get((group, kind), "")
        return self._scopes[group, kind]

    def keep(self, start: int, end: int) -> None:
        """Append a stretch of the stock stream unchanged."""
        # If the text before the first marker was dropped, the line break before the marker goes with it.
        if start < end and start and not self.parts and self.stock.startswith(b"\n", start):
            start += 1
        if start < end:
            self.parts.append(memoryview(self.stock)[start:end])

    def drop_document(self, start: int, end: int) -> None:
        """Record that the document at `[start:end]` of the stream, whose resource was dropped last, is left out."""
        title, rule, _ = self.dropped[-1]
        whole = memoryview(self.stock)[start:end]
        self.changed.append((Line(self.stock, start), whole, [Edit(0, TO_THE_END, "", title, rule, "")]))

    def is_empty(self) -> bool:
        """Return whether nothing but markers, directives, comments and blank lines is left."""
        for part in self.parts:
            for raw in bytes(part).replace(b"\r", b"\n").split(b"\n"):
                # A document may begin on its marker's line.
                line = raw.removeprefix(_BOM).removeprefix(b"---").strip()
                if line and line[:1] not in b"#%" and line != b"...":
                    return False
        return True

"""The number of a line, counted only when it is read: messages and reports need it, a rendering does not."""

from __future__ import annotations


class Line:
    """The line number of an offset in a stream or text; `int` and `str` count it."""

    __slots__ = ("_data", "_first", "_offset")

    #: The last data and offset that were counted, and the line feeds before it. A report asks for thousands of lines in
    #: their order, so that counting continues where it stopped.
    _counted: tuple[bytes | str, int, int] = (b"", 0, 0)

    def __init__(self, data: bytes | str, offset: int, first: int | Line = 1) -> None:
        """Take the data, an offset in it (bytes or code points, like the data), and the number of its first line."""
        self._data = data
        self._offset = offset
        self._first = first

    @property
    def offset(self) -> int:
        """The offset in the data."""
        return self._offset

    def __add__(self, lines: int) -> Line:
        """Return the line that many lines further down."""
        return Line(self._data, self._offset, self._first + lines)

    def __sub__(self, lines: int) -> int:
        """Return the number of the line that many lines further up."""
        return int(self) - lines

    def __int__(self) -> int:
        """Count the line feeds before the offset."""
        # The first line may be a `Line` itself, which changes `_counted`.
        first = int(self._first)
        data, at, feeds = Line._counted
        if data is not self._data or at > self._offset:
            at = feeds = 0
        if isinstance(self._data, bytes):
            feeds += self._data.count(b"\n", at, self._offset)
        else:
            feeds += self._data.count("\n", at, self._offset)
        Line._counted = self._data, self._offset, feeds
        return feeds + first

    def __str__(self) -> str:
        """Return the number as text."""
        return str(int(self))

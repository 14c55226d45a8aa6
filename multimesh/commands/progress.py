"""A progress bar for what takes longer than a second, on a terminal only."""

from __future__ import annotations

import sys
import time

#: Characters between the brackets.
_WIDTH = 24
#: Seconds until the bar appears, and between two updates of it.
_AFTER = 1.0
_EVERY = 0.1


class Progress:
    """A context manager for a bar on stderr that appears after a second and is removed at the end.

    `total` is the number of steps; call `step` before each.
    """

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.done = 0
        self._start = self._last = time.monotonic()
        self._shown = False
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Progress:  # noqa: PYI034 - Python 3.10 has no Self
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bar."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def step(self, what: str) -> None:
        """Count a step, and show the bar with its name if it is time to."""
        self.done += 1
        now = time.monotonic()
        if not self._terminal or now - self._start < _AFTER or now - self._last < _EVERY:
            return
        self._last, self._shown = now, True
        full = min(_WIDTH, _WIDTH * self.done // max(self.total, self.done))
        sys.stderr.write(f"\r\x1b[K[{'#' * full}{'.' * (_WIDTH - full)}] {what[-50:]}")
        sys.stderr.flush()

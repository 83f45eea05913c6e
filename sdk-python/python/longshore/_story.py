"""What happens in a run, as it comes: kept for every reader, bounded, with threads and coroutines that wait for more.

Written by the thread of a run, read by its events. Nothing polls: who waits is woken.
"""

from __future__ import annotations

import codecs
import threading
from collections import deque
from typing import Any, Callable

# The most events of a run that are kept, and the most characters of what it printed: those of the host's own limit.
EVENTS_MAX = 100_000
LOG_MAX = 64 << 20


class Story:
    """The events of a run, and what its script printed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[dict[str, Any]] = deque()
        # The number of the first event that is kept.
        self._first = 0
        self._has_ended = False
        self._log: deque[tuple[str, str]] = deque()
        self._characters = 0
        # The log may be cut inside of a character.
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        self._waiting: list[Callable[[], None]] = []

    def add(self, event: dict[str, Any]) -> None:
        """Adds an event."""
        with self._changed:
            self._events.append(event)
            if len(self._events) > EVENTS_MAX:
                self._events.popleft()
                self._first += 1
            self._wake()

    def add_log(self, source: str, printed: bytes) -> None:
        """Adds bytes that the script printed."""
        text = self._decoders[source].decode(printed)
        if not text:
            return
        with self._changed:
            self._log.append((source, text))
            self._characters += len(text)
            while self._characters > LOG_MAX and len(self._log) > 1:
                self._characters -= len(self._log.popleft()[1])
        self.add({"event": "log", "source": source, "text": text})

    def end(self) -> None:
        """Marks the end: nothing more is added."""
        for source in self._decoders:
            rest = self._decoders[source].decode(b"", final=True)
            if rest:
                self._log.append((source, rest))
        with self._changed:
            self._has_ended = True
            self._wake()

    def log(self, *sources: str) -> str:
        """What was printed on these streams, or on both."""
        with self._changed:
            return "".join(text for source, text in self._log if not sources or source in sources)

    def read(self, position: int) -> tuple[int, dict[str, Any] | None] | None:
        """Waits for the event at a position. Returns the next position and the event; ``None`` at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_there(position))
            return self._at(position)

    def read_or(self, position: int, wake: Callable[[], None]) -> tuple[bool, Any]:
        """Whether something is there, and what; if not, ``wake`` is called once when there is, from another thread."""
        with self._changed:
            if self._is_there(position):
                return True, self._at(position)
            self._waiting.append(wake)
            return False, None

    def _is_there(self, position: int) -> bool:
        return self._has_ended or position < self._first + len(self._events)

    def _at(self, position: int) -> tuple[int, dict[str, Any] | None] | None:
        if position < self._first:
            # A reader that is too slow is told how much it has missed.
            return self._first, {"event": "dropped", "events": self._first - position}
        if position >= self._first + len(self._events):
            return None
        return position + 1, self._events[position - self._first]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._changed.notify_all()
        for wake in waiting:
            wake()

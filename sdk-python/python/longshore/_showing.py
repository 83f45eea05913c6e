"""Shows a run while it goes on: what the script prints, and its progress where people look. Called by ``_runs``.

Progress is a bar of tqdm, if that is installed, in terminals and notebooks; else plain lines.
"""

from __future__ import annotations

import sys
import time
import warnings
from types import TracebackType
from typing import Any

# The least seconds between two plain lines of progress.
_PAUSE = 1.0

_BAR = "{desc}{percentage:3.0f}%|{bar}| {elapsed}"


class Showing:
    """Prints events of one run. Lines of the script go to standard output, everything else to standard error."""

    def __init__(self) -> None:
        self._is_watched = sys.stderr is not None and (sys.stderr.isatty() or _is_notebook())
        self._bar: Any = None
        self._tqdm = _tqdm() if self._is_watched else None
        self._shown = ""
        self._next = 0.0

    def __enter__(self) -> Showing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, event: dict[str, Any]) -> None:
        """Shows an event, if a user should see it."""
        kind = event.get("event")
        if kind == "log":
            self._print(event["text"], sys.stdout)
        elif kind == "error":
            self._print(f"error: {event['text']}\n", sys.stderr)
        elif not self._is_watched:
            return
        elif kind == "progress":
            self._show_progress(float(event["fraction"]), event.get("text") or "")
        elif kind == "message":
            self._print(f"  {event['text']}\n", sys.stderr)
        elif kind == "building":
            self._print(f"  {event['line']}\n", sys.stderr)
        elif kind == "pulling" and event.get("step") == "begun":
            self._print(f"  pulling the image {event['image']}\n", sys.stderr)

    def _show_progress(self, fraction: float, text: str) -> None:
        fraction = min(max(fraction, 0.0), 1.0)
        if self._tqdm is not None:
            if self._bar is None:
                self._bar = self._tqdm(total=1.0, bar_format=_BAR, leave=False)
            self._bar.set_description(text, refresh=False)
            self._bar.n = fraction
            self._bar.refresh()
            return
        line, now = f"{fraction:4.0%} {text}\n", time.monotonic()
        if line != self._shown and (now >= self._next or fraction == 1.0):
            self._shown, self._next = line, now + _PAUSE
            self._print(line, sys.stderr)

    def _print(self, text: str, file: Any) -> None:
        if file is None:
            return
        if self._bar is not None:
            # The bar stays below what is printed.
            self._bar.write(text, file=file, end="")
            return
        file.write(text)
        file.flush()


def _is_notebook() -> bool:
    shell = sys.modules.get("IPython")
    current = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return current is not None and hasattr(current, "kernel")


def _tqdm() -> Any:
    try:
        with warnings.catch_warnings():
            # Without widgets it is a bar of text.
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm

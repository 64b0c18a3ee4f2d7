"""Two canvases side by side: both look at the same place, and X and H held over one act on both."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.canvas.view import Canvas


def link(first: Canvas, second: Canvas) -> None:
    """From now on each follows the other; the second goes where the first is."""
    for canvas, other in ((first, second), (second, first)):
        canvas.moved.connect(other.follow)
        canvas.held_changed.connect(other.follow_held)
    second.follow(first.view, first.is_fitted)


def unlink(first: Canvas, second: Canvas) -> None:
    """Each looks for itself again."""
    for canvas, other in ((first, second), (second, first)):
        canvas.moved.disconnect(other.follow)
        canvas.held_changed.disconnect(other.follow_held)

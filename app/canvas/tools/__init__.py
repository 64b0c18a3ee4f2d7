"""The tools of the canvas, one file each, and the table that tool bar, keys and options are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.canvas.tools.base import Tool
from app.canvas.tools.brush import Brush
from app.canvas.workbench import Workbench


@dataclass(frozen=True)
class ToolKind:
    """One tool. `command` is its line in `app.commands`; `options` name what its strip shows."""

    command: str
    make: Callable[[Workbench], Tool]
    options: tuple[str, ...] = ()
    hint: str = ""


TOOLS: Final[tuple[ToolKind, ...]] = (
    ToolKind(
        "tool.brush",
        Brush,
        ("size", "shape", "only_empty"),
        "Left paints, right erases, Shift+click draws a straight line from the last point.",
    ),
    ToolKind(
        "tool.eraser",
        lambda bench: Brush(bench, erases=True),
        ("size", "shape"),
        "Takes away what is painted.",
    ),
)
BY_COMMAND: Final = {one.command: one for one in TOOLS}

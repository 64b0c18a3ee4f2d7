"""The tools of the canvas, one file each, and the table that tool bar, keys and options are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.canvas.tools.base import Tool
from app.canvas.tools.brush import Brush
from app.canvas.tools.fill import Fill
from app.canvas.tools.from_heatmap import FromHeatmap
from app.canvas.tools.polygon import Polygon
from app.canvas.tools.rectangle import Rectangle
from app.canvas.tools.ruler import Ruler
from app.canvas.tools.scribble import Scribble
from app.canvas.tools.select import Select
from app.canvas.tools.threshold import Threshold
from app.canvas.tools.wand import Wand
from app.canvas.workbench import Workbench


@dataclass(frozen=True)
class ToolKind:
    """One tool. `command` is its line in `app.commands`; `options` name what its strip shows."""

    command: str
    make: Callable[[Workbench], Tool]
    options: tuple[str, ...] = ()
    hint: str = ""
    is_kept: bool = True  # in the hand again at the next start


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
    ToolKind(
        "tool.polygon",
        Polygon,
        ("only_empty",),
        "Click the corners; Enter or a double click closes, right click takes the last one back.",
    ),
    ToolKind(
        "tool.rectangle",
        Rectangle,
        ("only_empty",),
        "Drag from corner to corner, with Shift a square; Esc or right click before letting go drops it.",
    ),
    ToolKind(
        "tool.fill",
        Fill,
        ("only_empty",),
        "Click inside a closed outline, or a defect to give it the class; right click takes a defect away.",
    ),
    ToolKind(
        "tool.wand",
        Wand,
        ("tolerance", "only_empty"),
        "Press on a defect and drag until it is covered; each press begins with the tolerance that is set.",
    ),
    ToolKind(
        "tool.threshold",
        Threshold,
        ("only_empty",),
        "Drag a box round a defect, move the level, then Enter.",
    ),
    ToolKind(
        "tool.scribble",
        Scribble,
        ("size", "only_empty"),
        "Left on the defect, right beside it, then Enter.",
    ),
    ToolKind("tool.ruler", Ruler, ("calibration",), "Drag along what you want to measure; Shift keeps to 45°."),
    ToolKind(
        "tool.select",
        Select,
        ("only_empty",),
        "Click or drag a frame, Shift adds; drag or arrows move, a number changes the class, Del erases.",
    ),
    ToolKind("tool.from_heatmap", FromHeatmap, ("level", "only_empty"), is_kept=False),
)
BY_COMMAND: Final = {one.command: one for one in TOOLS}

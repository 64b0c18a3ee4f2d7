"""What the tools of regions do: in a sentence, and in a few words for a narrow window."""

from __future__ import annotations

from app.canvas.zone_board import ZoneBoard
from app.words import tr

Hint = tuple[str, str]  # the sentence, and the few words


def of_tool(command: str) -> Hint:
    """What a tool that draws does."""
    hints: dict[str, Hint] = {
        "tool.rectangle": (
            tr("Drag a box around what is to be judged; choose Ignore for what is not."),
            tr("Drag a box around the part."),
        ),
        "tool.polygon": (
            tr("Click the corners; Enter or a double click closes. They can be moved later."),
            tr("Click the corners; Enter closes."),
        ),
        "tool.brush": (
            tr("Left adds to the chosen zone, right takes away; without one a new zone begins."),
            tr("Right takes away."),
        ),
        "tool.eraser": (tr("Takes away from the chosen zone."), tr("Takes away.")),
        "zone.cells": (tr("Drag a box around the first part of the strip."), tr("Drag a box: the first part.")),
    }
    return hints[command]


def of_repeated_cells() -> Hint:
    """The first cell is drawn, the others follow it."""
    return tr("Drag the last box to its place, then Enter."), tr("Drag the last.")


def of_choice(board: ZoneBoard) -> Hint:
    """What can be done with what is chosen."""
    if board.corners is not None:
        return (
            tr("Drag a corner, or a dot for a new one; right click removes it. F2 renames the zone."),
            tr("Drag a corner, or a dot for a new one."),
        )
    if board.zone is not None and board.zone.mask is not None:
        return (
            tr("Drag moves it; it was painted: brush and eraser change it."),
            tr("Drag moves; brush changes it."),
        )
    if board.zone is not None:
        return (
            tr("Drag it or its handles; double click on its line: a corner there. Del removes the zone."),
            tr("Drag it or its handles; Del removes it."),
        )
    return tr("Click a zone to move or change it; Del removes it."), tr("Click a zone to change it.")

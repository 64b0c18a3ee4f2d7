"""Cells of tables that others open: text that a spreadsheet would run as a formula gets an apostrophe before it."""

from __future__ import annotations

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def escape_cell(value: object) -> str:
    """`value` for a CSV cell: text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = "" if value is None else str(value)
    is_number = isinstance(value, int | float)
    return "'" + text if text.startswith(_FORMULA) and not is_number else text


def plain_cell(text: str) -> str:
    """What stood in a cell before `escape_cell`."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text

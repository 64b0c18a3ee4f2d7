"""The scale of a view: how wide a pixel is, from a line whose length is known."""

from __future__ import annotations

from core.errors import InputError


def scale_of(pixels: float, millimetres: float) -> float:
    """Micrometres a pixel. Raises `InputError` unless both lengths are above 0."""
    if not (pixels > 0 and millimetres > 0):
        raise InputError("a line that sets the scale has a length above 0", kept="Nothing was changed")
    return 1000 * millimetres / pixels

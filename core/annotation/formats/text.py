"""Reading text and JSON of others: what is wrong is said with its place, and nothing of it can fill the memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

_LARGEST: Final = 512 * 2**20  # bytes of one file
_MOST_PIXELS: Final = 1 << 31
_FARTHEST: Final = 1e9
KEPT: Final = "It is left as it is"


def read_text(path: Path) -> str:
    """A file as text, UTF-8 with or without a mark at its beginning. Raises `InputError` naming the byte."""
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            what = f"this file is larger than {_LARGEST // 2**20} MB ({size / 2**20:,.0f} MB)"
            raise InputError(what, path=path, kept=KEPT, mend="Divide it into several files")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"this file is no text in UTF-8 (byte {error.start:,})"
        raise InputError(what, path=path, kept=KEPT, mend="Save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"this file cannot be read ({error.strerror or error})", path=path) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises `InputError` naming line and column, or what stands there instead."""
    text = read_text(path)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"this file is no JSON: line {error.lineno:,}, column {error.colno:,}: {error.msg}"
        raise InputError(what, path=path, kept=KEPT) from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets in thousands of brackets
        raise InputError(
            "this file is no JSON that can be read: it is nested or counted too deep", path=path
        ) from error
    if not isinstance(found, dict):
        raise InputError("this file holds JSON, but no object ({...}) at its top", path=path, kept=KEPT)
    return cast(dict[str, Any], found)


def has_keys(path: Path, keys: Iterable[str]) -> bool:
    """Whether this is a JSON object with these keys."""
    try:
        found = read_json(path)
    except InputError:
        return False
    return all(key in found for key in keys)


def to_json(document: Mapping[str, Any]) -> str:
    """As other tools write it: readable, UTF-8."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def listed(document: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """The list of objects under `key`. Raises `InputError` naming the entry that is none."""
    found = document.get(key)
    if not isinstance(found, list):
        raise InputError(f"“{key}” is no list", path=path, kept=KEPT)
    for index, one in enumerate(found):
        if not isinstance(one, dict):
            raise InputError(f"entry {index + 1:,} of “{key}” is no object", path=path, kept=KEPT)
    return found


def whole(value: object, what: str) -> int:
    """A whole number from 0 on. Raises `InputError`."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(number, int) or isinstance(number, bool):
        raise InputError(f"{what} is no whole number")
    if not 0 <= number < 1 << 53:
        raise InputError(f"{what} is negative or too large")
    return number


def size_of(width: object, height: object, what: str) -> tuple[int, int] | None:
    """Width and height where a file tells them. Raises `InputError` for what no image measures."""
    if width is None or height is None:
        return None
    size = whole(width, f"the width of {what}"), whole(height, f"the height of {what}")
    if not 0 < size[0] * size[1] < _MOST_PIXELS:
        raise InputError(f"{what} would measure {size[0]:,} x {size[1]:,} pixels")
    return size


def points_of(values: object, what: str, *, least: int = 1) -> NDArray[np.float64]:
    """(N, 2) x, y from a list of numbers or pairs. Raises `InputError`."""
    try:
        found = np.asarray(values, np.float64)
        points = found.reshape(-1, 2)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{what} holds something other than pairs of numbers") from error
    if not np.isfinite(points).all():
        raise InputError(f"{what} holds a number that is infinite or none")
    if points.size and np.abs(points).max() > _FARTHEST:
        raise InputError(f"{what} holds a point beyond any image")
    if len(points) < least:
        raise InputError(f"{what} has {len(points)} points, at least {least} are needed")
    return points

"""A look into a folder before it is imported: what was recognised, its first pictures, what patterns make of its names.

Reads names only. Huge folders are looked into up to a point, so that the answer is there within a second or two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from core import layouts
from core.errors import InputError
from core.words import Label, Split
from core.workflow.importing import Choice

Field = Literal["part", "lot", "view"]

_LOOKED_AT: Final = 20_000  # names; beyond them counts say "at least"
_A_GROUP: Final = 24  # pictures, where there is but one group
_EXAMPLES: Final = 200  # names that patterns are tried on as a person types

# What names usually hold, from most to least common: the pattern, and what it reads, in words.
PATTERNS: Final[dict[Field, tuple[tuple[str, str], ...]]] = {
    "part": (
        (r"([^/]+)\.[^.]+$", "The whole file name"),
        (r"(\d+)[^/\d]*\.[^.]+$", "The last number in the file name"),
        (r"([^/_]+)_[^/]*$", "The file name up to the first _"),
        (r"([^/]+)/[^/]+$", "The folder that the file lies in"),
    ),
    "lot": (
        (r"([^/]+)/[^/]+$", "The folder that the file lies in"),
        (r"^([^/]+)/", "The first folder"),
        (r"(?i)((?:lot|charge|batch)[^/_]*)", "What begins with lot, charge or batch"),
        (r"(\d{4}-?\d{2}-?\d{2})", "A date"),
    ),
    "view": (
        (r"(?i)((?:cam|camera|view)[-_]?\w+?)(?=[_./-])", "What begins with cam or view"),
        (r"([^/]+)/[^/]+$", "The folder that the file lies in"),
        (r"_([^/_.]+)\.[^.]+$", "The file name after the last _"),
    ),
}


@dataclass(frozen=True)
class Group:
    """Images that were read alike, and the first of them."""

    product: str
    split: Split
    label: Label
    defect_class: str
    images: int
    first: tuple[Path, ...]


@dataclass(frozen=True)
class Preview:
    """What an import of a folder with a choice would see. `is_whole` is False where only its first part was read."""

    recognition: layouts.Recognition
    groups: tuple[Group, ...]
    examples: tuple[str, ...]
    parts: int
    lots: tuple[str, ...]
    views: tuple[str, ...]
    is_whole: bool
    problems: tuple[layouts.Problem, ...]


def look_into(folder: Path, choice: Choice, *, stop: Callable[[], bool] = lambda: False) -> Preview:
    """Recognise `folder` and list its first images. Raises `InputError`: nothing to import, a pattern that is none."""
    recognition = layouts.recognise(folder.resolve(), kind=choice.kind, product=choice.product)
    report = layouts.ScanReport()
    entries = choice.scan(recognition, report)
    groups: dict[tuple[str, str, str, str], Group] = {}
    seen: dict[Field, dict[str, None]] = {"part": {}, "lot": {}, "view": {}}
    examples: list[str] = []
    is_whole = True
    for number, entry in enumerate(entries):
        if number >= _LOOKED_AT or stop():
            is_whole = False
            break
        key = (entry.product, entry.split, entry.label, entry.defect_class)
        group = groups.get(key) or Group(entry.product, entry.split, entry.label, entry.defect_class, 0, ())
        first = group.first if len(group.first) >= _A_GROUP else (*group.first, entry.path)
        groups[key] = replace(group, images=group.images + 1, first=first)
        if len(examples) < _EXAMPLES:
            examples.append(entry.relative)
        seen["part"][entry.part] = seen["lot"][entry.lot] = seen["view"][entry.view] = None
    return Preview(
        recognition=recognition,
        groups=tuple(sorted(groups.values(), key=_order)),
        examples=tuple(examples),
        parts=len(seen["part"].keys() - {""}),
        lots=tuple(value for value in seen["lot"] if value),
        views=tuple(value for value in seen["view"] if value),
        is_whole=is_whole,
        problems=tuple(report.problems),
    )


def try_pattern(pattern: str, field: Field, names: tuple[str, ...]) -> list[tuple[int, int] | None]:
    """Where in each name the pattern finds its field: first and behind-last character, None where it finds nothing.

    The same rules as `layouts.scan`: a group of the field's name, else the first group, else the whole match.
    Raises `InputError` when it is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"this is not a regular expression ({error})") from error
    group = _group_of(compiled, field)
    found: list[tuple[int, int] | None] = []
    for name in names:
        match = compiled.search(name)
        span = None if match is None or group is None else match.span(group)
        found.append(None if span is None or span[0] < 0 or span[0] == span[1] else span)
    return found


def _group_of(compiled: re.Pattern[str], field: Field) -> str | int | None:
    names = ("view", "camera") if field == "view" else (field,)
    for name in names:
        if name in compiled.groupindex:
            return name
    if compiled.groupindex:
        return None  # its groups name other fields
    return 1 if compiled.groups else 0


def _order(group: Group) -> tuple[str, bool, str, bool, str]:
    """Good before defective, training before test."""
    return group.product, group.label != "good", group.defect_class, group.split != "train", group.split


def default_place(parent: Path, name: str) -> Path:
    """A folder in `parent` for a project of this name that does not exist yet."""
    plain = re.sub(r"[^\w\- .()]", "_", name).strip(" .") or "project"
    place = parent / plain
    number = 2
    while place.exists():
        place = parent / f"{plain} {number}"
        number += 1
    return place


def place_problem(place: Path, source: Path) -> str:
    """Why a project cannot be made in `place` from the images in `source`; '' when it can, as far as names tell."""
    if not place.is_absolute():
        return "Name a folder with its whole path"
    if place.resolve().is_relative_to(source.resolve()):
        return "A project cannot lie in its folder of images: Flawscope never writes there"
    if place.is_file():
        return "There is a file of this name"
    if place.is_dir() and any(place.glob("*.flawscope")):
        return "There is a project here already"
    return ""

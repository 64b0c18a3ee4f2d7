"""What is read of a project at once, so that nothing on screen waits for it: its views, its classes, its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.project import Project
    from core.project.records import DefectClass, View
    from core.project.table import ImageTable

_FIRST_ROWS: Final = 2_000  # shown while the rest is read


@dataclass(frozen=True)
class Contents:
    """`table` holds all images when `is_complete`, else the first ones."""

    views: tuple[View, ...]
    classes: tuple[DefectClass, ...]
    table: ImageTable
    is_complete: bool


def read_first(project: Project) -> Contents:
    """With the first images, which is quick. For a thread."""
    table = project.image_table(limit=_FIRST_ROWS)
    return Contents(tuple(project.views()), tuple(project.classes()), table, len(table) < _FIRST_ROWS)


def read_all(project: Project) -> Contents:
    """With every image. For a thread."""
    return Contents(tuple(project.views()), tuple(project.classes()), project.image_table(), is_complete=True)


def view_at(views: tuple[View, ...], place: tuple[str | None, str | None]) -> View | None:
    """The view of a product and code."""
    return next((view for view in views if (view.product, view.code) == place), None)

"""What the commands share: how arguments and options read, and how a project is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from core.project import Project

ProjectArgument = Annotated[Path, typer.Argument(help="The project: its folder or its .flawscope file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
AuthorOption = Annotated[
    str | None, typer.Option("--author", envvar="FLAWSCOPE_AUTHOR", help="Who works: initials for the audit trail.")
]
TrainingOption = Annotated[int | None, typer.Option("--training", help="Number of the training; the latest if absent.")]
ProductOption = Annotated[str | None, typer.Option(help="Only this product.")]
ViewOption = Annotated[str | None, typer.Option(help="Only this view.")]


def open_project(project: Path, author: str | None, *, read_only: bool = False) -> Project:
    """Open it, or raise what the command line says in one sentence."""
    from core.project import Project

    return Project.open(project, read_only=read_only, author=author)

"""What the commands share: how arguments and options read, and how a project is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.console import Screen
    from core.project import Project

ProjectArgument = Annotated[Path, typer.Argument(help="The project: its folder or its .flawscope file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
AuthorOption = Annotated[
    str | None, typer.Option("--author", envvar="FLAWSCOPE_AUTHOR", help="Who works: initials for the audit trail.")
]
TrainingOption = Annotated[int | None, typer.Option("--training", help="Number of the training; the latest if absent.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting, e.g. --set train.lr=2e-4. Repeatable.")
]
DevicesOption = Annotated[
    int | None, typer.Option("--devices", help="GPUs, or parts of the processor, that share the work.", min=1)
]
ProductOption = Annotated[str | None, typer.Option(help="Only this product.")]
ViewOption = Annotated[str | None, typer.Option(help="Only this view.")]


def hold_maps(project: Project, screen: Screen) -> None:
    """Keep heatmaps and reconstructions within the space that the window's settings grant them, and say what went."""
    try:
        from app.settings import Settings, home
    except ImportError:  # a server without the libraries of a screen has no such setting; `clean-up --quota` is there
        return
    from core.workflow.cleaning import size_words
    from core.workflow.quota import keep_quota

    space = int(Settings(home() / "settings.json").get("train.map_quota_gb"))
    freed = keep_quota(project, keep=space * 2**30)
    if freed:
        rest = "They are drawn again where they are looked at; the space is in the settings of the window."
        screen.say(f"{size_words(freed)} of older heatmaps removed: they may take {space} GB. {rest}", style="dim")


def open_project(project: Path, author: str | None, *, read_only: bool = False) -> Project:
    """Open it, or raise what the command line says in one sentence."""
    from core.project import Project

    return Project.open(project, read_only=read_only, author=author)

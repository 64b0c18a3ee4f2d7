"""The commands that carry annotations to other tools and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from app.options import AuthorOption, JsonOption, ProductOption, ProjectArgument, open_project
from core.words import MaskChoice

if TYPE_CHECKING:
    from core.project import Project

app = typer.Typer(help="Defect masks and labels in and out.", no_args_is_help=True)
_TURNED: Final[Mapping[MaskChoice, MaskChoice]] = {"mine": "theirs", "theirs": "mine", "both": "both"}
FormatName = Literal["mvtec", "labelme", "coco", "yolo", "csv"]


@app.command("export")
def export(
    project: ProjectArgument,
    folder: Annotated[Path, typer.Argument(help="Where to write.")],
    name: Annotated[FormatName, typer.Option("--format", help="Which format.")] = "mvtec",
    shapes: Annotated[
        Literal["polygons", "masks"] | None, typer.Option(help="labelme and COCO hold polygons (usual) or masks.")
    ] = None,
    product: ProductOption = None,
    author: Annotated[str | None, typer.Option(help="Only masks of this person; without, those that count.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace files that no export wrote, or that were changed since.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write every defect mask (csv: every label) for other tools; exits 3 when a file had to be left as it was."""
    from app.console import Screen
    from core.errors import ExitCode
    from core.workflow.annotations import export_annotations

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened, screen.progress() as progress:
        report = export_annotations(
            opened,
            folder,
            name,
            product=product,
            author=author,
            style=shapes,
            overwrite=overwrite,
            progress=progress,
        )
    screen.say(report.sentence())
    screen.name_some(report.problems, screen.warn)
    screen.result(report.as_json())
    if report.left_out:
        raise typer.Exit(ExitCode.INPUT)


@app.command("import")
def import_(
    project: ProjectArgument,
    source: Annotated[Path, typer.Argument(help="A folder, or one file.", metavar="FOLDER")],
    name: Annotated[Literal["auto", FormatName], typer.Option("--format", help="Which format.")] = "auto",
    product: ProductOption = None,
    author: AuthorOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="csv: also replace labels and splits that are set already.")
    ] = False,
    conflicts: Annotated[
        Path | None, typer.Option("--conflicts", help="A .csv file for all differences to what was here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take in masks or labels of images that the project knows; what does not fit, or differs, is named."""
    from app.console import Screen
    from core.files import atomic_write
    from core.workflow.annotations import import_annotations
    from core.workflow.disagreement import as_csv

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened, screen.progress() as progress:
        report = import_annotations(
            opened, source, name, author=author, product=product, overwrite=overwrite, progress=progress
        )
    for line in report.lines():
        screen.say(line)
    screen.name_some(report.conflicts, screen.say)
    screen.name_some(report.overlaps, screen.warn, lambda one: f"{one[0]}: {one[1]}")
    screen.name_some(report.problems, screen.warn)
    if conflicts is not None:
        atomic_write(conflicts, as_csv(report.conflicts))
    screen.result(report.as_json())


@app.command("conflicts")
def conflicts(
    project: ProjectArgument,
    decide: Annotated[
        MaskChoice | None,
        typer.Option(
            "--decide", help="Keep the mask here, take the imported one, or join both, wherever that is open."
        ),
    ] = None,
    image: Annotated[list[str] | None, typer.Option("--image", help="Only this image, as the list names it.")] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the images on which an imported mask differed from the one here, and what was decided; or decide."""
    from app.console import Screen

    screen = Screen(as_json=as_json)
    with open_project(project, author, read_only=decide is None) as opened:
        rows = {row.id: row.relative for row in opened.images(ids=sorted({one.image_id for one in opened.conflicts()}))}
        wanted = {key: name for key, name in rows.items() if not image or name in image}
        if decide is not None:
            _decide(opened, wanted, decide)
        found = opened.conflicts(wanted)
    for one in found:
        state = "open" if one.conflict == "open" else "decided"
        screen.say(f"{wanted[one.image_id]}: imported by {one.author}, {state}")
    done = sum(one.conflict != "open" for one in found)
    screen.say(f"{done:,} of {len(found):,} decided.")
    lines = [{"image": wanted[one.image_id], "author": one.author, "decided": one.conflict != "open"} for one in found]
    screen.result({"decided": done, "conflicts": lines})


def _decide(project: Project, image_ids: Iterable[int], decide: MaskChoice) -> None:
    """Choose wherever that is open; of two imported masks the later one is what is imported."""
    for one in project.conflicts(image_ids):
        shown, others = project.others(one.image_id)
        if one.conflict != "open" or shown is None:
            continue
        if shown.id != one.id:
            project.decide(one.image_id, one.id, decide, reason="command line")
        elif others:
            project.decide(one.image_id, others[0].id, _TURNED[decide], reason="command line")

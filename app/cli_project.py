"""The commands about a project itself: look inside, masks, audit trail, copies; and about the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli_annotations
from app.options import AuthorOption, JsonOption, ProjectArgument, open_project

_SHOWN = 20  # problems that are named one by one

app = typer.Typer()
audit_app = typer.Typer(help="The project's own record of who did what.", no_args_is_help=True)
app.add_typer(cli_annotations.app, name="annotations")
app.add_typer(audit_app, name="audit")


@app.command("list")
def list_(
    project: Annotated[Path | None, typer.Argument(help="The project; without it, what is installed.")] = None,
    models: Annotated[bool, typer.Option("--models", help="Models and their presets.")] = False,
    images: Annotated[bool, typer.Option("--images", help="Every image with split, label and latest score.")] = False,
    defects: Annotated[
        bool, typer.Option("--defects", help="Defects by class, defective and good images, size: a row a product.")
    ] = False,
    problems: Annotated[bool, typer.Option("--problems", help="Files that could not be used, and why.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Products, splits, trainings, images, defects or problems of a project."""
    from app.console import Screen
    from core.errors import InputError
    from core.workflow import listing

    screen = Screen(as_json=as_json)
    if project is None or models:
        if not models and project is None:
            raise InputError("name a project, or ask for --models")
        _show_listing(listing.models(), screen)
        return
    with open_project(project, None, read_only=True) as opened:
        if images:
            _show_listing([listing.images(opened)], screen)
        elif defects:
            _show_listing([listing.defects(opened)], screen)
        elif problems:
            _show_listing([listing.problems(opened)], screen)
        else:
            _show_listing(listing.overview(opened), screen)


def _show_listing(tables: Any, screen: Any) -> None:
    for table in tables:
        screen.table(table.columns, table.rows, title=table.title)
    screen.result({table.title: table.as_json() for table in tables})


@app.command()
def show(
    project: ProjectArgument,
    training: Annotated[
        int | None, typer.Option("--training", help="Settings, state and figures of a training.")
    ] = None,
    image: Annotated[str | None, typer.Option("--image", help="One image: its number or a part of its path.")] = None,
    as_json: JsonOption = False,
) -> None:
    """One training or one image, with all that is known of it."""
    from app.console import Screen
    from core.workflow import listing

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        table = listing.one_image(opened, image) if image else listing.one_training(opened, training)
    screen.table(table.columns, table.rows, title=table.title)
    screen.result({str(name): value for name, value in table.rows})


@audit_app.command("verify")
def audit_verify(
    project: ProjectArgument,
    head: Annotated[str | None, typer.Option(help="An audit hash noted earlier: the trail must hold it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check records, masks, file and images; exits 5 when something was changed."""
    from app.console import Screen
    from core.workflow import keeping

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        report = keeping.verify(opened, head=head)
    for line in report.lines:
        screen.say(line)
    screen.result(report.as_json())
    if not report.fine:
        raise typer.Exit(5)


@audit_app.command("export")
def audit_export(
    project: ProjectArgument,
    file: Annotated[Path, typer.Argument(help="A .csv or .json file to write.")],
) -> None:
    """Write the audit trail."""
    from app.console import Screen
    from core.workflow import keeping

    with open_project(project, None, read_only=True) as opened:
        count = keeping.export_audit(opened, file)
    Screen().say(f"{count} records written to {file}.")


@app.command()
def backup(
    project: ProjectArgument,
    restore: Annotated[Path | None, typer.Option(help="Put this backup in place; today's file is kept beside.")] = None,
    author: AuthorOption = None,
) -> None:
    """Write a verified copy of the project file, or put one back."""
    from app.console import Screen
    from core.workflow import keeping

    if restore:
        kept = keeping.restore(project, restore)
        Screen().say(f"Restored from {restore}. What stood there before is kept as {kept}.")
        return
    with open_project(project, author) as opened:
        Screen().say(f"Backup written and verified: {keeping.backup(opened)}")


@app.command()
def rescue(
    project: ProjectArgument,
    file: Annotated[
        Path | None, typer.Argument(help="A rescue copy; without it, those that this computer kept.")
    ] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put strokes in that could not be saved (disk full, share gone); what the project has already is left out."""
    from app.console import Screen
    from core.workflow.rescue import apply_found, apply_rescue

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        done = apply_found(opened) if file is None else apply_rescue(opened, file)
    for problem in done.problems:
        screen.warn(problem)
    screen.say(f"{len(done.strokes)} strokes put in, {done.already} were there already.")
    screen.result({"put_in": len(done.strokes), "already": done.already, "problems": list(done.problems)})
    if done.problems:
        raise typer.Exit(5)


@app.command("clean-up")
def clean_up(
    project: ProjectArgument,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", help="What to remove, as listed (1/pictures). Repeatable.")
    ] = None,
    free: Annotated[bool, typer.Option("--free", help="Remove all that is made again by itself.")] = False,
    quota: Annotated[
        float | None, typer.Option("--quota", help="GB that heatmaps and reconstructions may take.", min=0)
    ] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """What trainings, caches and backups take on the disk; removes only what is asked for."""
    from app.console import Screen
    from core.workflow import cleaning
    from core.workflow.quota import keep_quota

    screen = Screen(as_json=as_json)
    with open_project(project, author, read_only=not (remove or free or quota is not None)) as opened:
        if quota is not None:
            gone = keep_quota(opened, keep=round(quota * 2**30))
            screen.say(f"{cleaning.size_words(gone)} of maps freed; they are drawn again where they are looked at.")
        found = cleaning.survey(opened)
        keys = {*(remove or ()), *(heap.key for heap in found.heaps if free and heap.goes_freely)}
        if keys:
            done = cleaning.clean(opened, keys)
            screen.say(done.sentence())
            screen.result({"removed": [heap.key for heap in done.removed], "freed": done.freed, "stayed": done.stayed})
            return
    rows = [[heap.key, heap.title, cleaning.size_words(heap.size), heap.kept or heap.loss] for heap in found.heaps]
    screen.table(["key", "what", "size", "why it stays, or what is lost with it"], rows)
    screen.say(f"{cleaning.size_words(found.total)} in all, {cleaning.size_words(found.free())} without any loss.")
    screen.result({"total": found.total, "free": found.free(), "heaps": [vars(heap) for heap in found.heaps]})


@app.command()
def pack(
    project: ProjectArgument,
    file: Annotated[Path, typer.Argument(help="The file to write, e.g. pill.flawpack.")],
    images: Annotated[bool, typer.Option("--images/--no-images", help="With the images, or without.")] = False,
) -> None:
    """One verified file to carry a project elsewhere."""
    from app.console import Screen
    from core.workflow import keeping

    with open_project(project, None) as opened:
        report = keeping.pack(opened, file, images=images)
    screen = Screen()
    for path in report.missing[:_SHOWN]:
        screen.warn(f"{path}: not there, so not packed.")
    if report.missing:
        screen.warn(f"{len(report.missing)} files are missing in it.")
    screen.say(f"Packed and verified: {report.files} files, {report.bytes / 2**20:.1f} MiB in {file}")


@app.command()
def unpack(
    file: Annotated[Path, typer.Argument(help="A packed project.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for it.")],
) -> None:
    """Unpack a project that was packed; every file is checked."""
    from app.console import Screen
    from core.workflow import keeping

    Screen().say(f"Unpacked: {keeping.unpack(file, folder)}")


@app.command()
def relocate(
    project: ProjectArgument,
    folder: Annotated[Path, typer.Argument(help="Where the images are now.")],
    author: AuthorOption = None,
) -> None:
    """Tell a project that its images were moved."""
    from app.console import Screen
    from core.workflow import importing

    with open_project(project, author) as opened:
        before = importing.relocate(opened, folder)
    Screen().say(f"The images that lay in {before} are now read from {folder}.")


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """What is installed, what it computes on, what is missing."""
    from app.console import Screen
    from core.doctor import diagnose

    screen = Screen(as_json=as_json)
    found = diagnose(Path.cwd())
    screen.say(f"{found.system} · Python {found.python} · {found.cores} cores · {found.memory_gib} GiB memory")
    screen.say(f"Computing on: {found.computing_on}")
    screen.table(
        ["package", "version"], [[name, version or "not installed"] for name, version in found.versions.items()]
    )
    for finding in found.findings:
        text = finding.what if finding.fine else f"{finding.what}. {finding.mend}."
        screen.say(f"ok    {text}") if finding.fine else screen.warn(f"mend  {text}")
    screen.result(found.as_json())
    if not all(finding.fine for finding in found.findings):
        raise typer.Exit(3)

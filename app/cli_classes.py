"""`flawscope classes ...`: the list of defect classes, from a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from app.options import AuthorOption, JsonOption, ProjectArgument, open_project

app = typer.Typer(help="Defect classes: codes, names, colours; presets; merging.", no_args_is_help=True)
_Code = Annotated[str, typer.Argument(help="The code of a class, as `classes list` says it.")]
_Names = Annotated[
    list[str] | None, typer.Option("--name", help="Its name in a language, e.g. --name de=Riss. Repeatable.")
]
_Colour = Annotated[str | None, typer.Option(help="Its colour, e.g. #d55e00.")]
_Description = Annotated[str | None, typer.Option(help="What the defect book says of it.")]


@app.command("list")
def list_(
    project: ProjectArgument,
    gone: Annotated[bool, typer.Option("--all", help="Also those that were taken out of the list.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The classes in their order: code, names, colour, description."""
    from app.console import Screen
    from core.workflow import listing

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        table = listing.classes(opened, retired=gone)
    screen.listing(table)


@app.command("add")
def add(
    project: ProjectArgument,
    code: Annotated[str, typer.Argument(help="A short word that files and tables carry.")],
    name: _Names = None,
    colour: _Colour = None,
    description: _Description = None,
    author: AuthorOption = None,
) -> None:
    """Put a class at the end of the list; one that was taken out comes back as it was."""
    from app.console import Screen
    from core.project.records import ClassDraft
    from core.workflow import classes

    draft = ClassDraft(None, code, _names(name), colour or "", description or "")
    with open_project(project, author) as opened:
        number = classes.add_class(opened, draft)
    Screen().say(f"Class {code}: its number in masks is {number}.")


@app.command("rename")
def rename(
    project: ProjectArgument,
    code: _Code,
    new_code: Annotated[str | None, typer.Argument(help="Its code from now on; as it is if absent.")] = None,
    name: _Names = None,
    colour: _Colour = None,
    description: _Description = None,
    author: AuthorOption = None,
) -> None:
    """Give a class another code, name (`--name de=` takes one away), colour or description. Masks stay as they are."""
    from app.console import Screen
    from core.workflow import classes

    with open_project(project, author) as opened:
        classes.change_class(
            opened, code, new_code=new_code, names=_names(name), colour=colour, description=description
        )
    Screen().say(f"Class {new_code or code} is kept.")


@app.command("merge")
def merge(
    project: ProjectArgument,
    code: _Code,
    into: Annotated[str, typer.Argument(help="The class that takes over what is labelled and painted.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make everything of one class that of another, in one step."""
    from app.console import Screen
    from core.workflow.classes import the_class

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened, screen.progress() as progress:
        report = opened.merge_class(
            the_class(opened, code).id,
            the_class(opened, into).id,
            progress=lambda done, total: progress("Masks", done, total),
            reason=reason,
        )
    screen.say(f"{report.images} images and {report.masks} masks are of class {into} now.")
    screen.result(vars(report))


@app.command("delete")
def delete(
    project: ProjectArgument,
    code: _Code,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    author: AuthorOption = None,
) -> None:
    """Take a class out of the list; refused while an image or a mask is of it."""
    from app.console import Screen
    from core.workflow.classes import the_class

    with open_project(project, author) as opened:
        opened.delete_class(the_class(opened, code).id, reason=reason)
    Screen().say(f"Class {code} is offered no more.")


@app.command("presets")
def presets(
    project: ProjectArgument,
    name: Annotated[str | None, typer.Argument(help="Take in what is missing of it; without, what there is.")] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lists that come with the program, for chips and for vials."""
    from app.console import Screen
    from core.errors import InputError
    from core.workflow import classes

    screen = Screen(as_json=as_json)
    if name is None:
        rows = [[one, ", ".join(draft.code for draft in classes.preset_classes(one))] for one in classes.PRESETS]
        screen.table(["preset", "classes"], rows)
        screen.result({one: [draft.code for draft in classes.preset_classes(one)] for one in classes.PRESETS})
        return
    if name not in classes.PRESETS:
        raise InputError(f"there is no preset {name!r}", mend=f"Name one of: {', '.join(classes.PRESETS)}")
    with open_project(project, author) as opened:
        fresh = classes.add_preset(opened, name)
    screen.say(f"{len(fresh)} classes came in: {', '.join(fresh)}." if fresh else "All of them are there.")
    screen.result({"added": fresh})


def _names(given: list[str] | None) -> dict[str, str]:
    """`de=Riss` as language and name; a name without a language is English."""
    pairs = [one.partition("=") for one in given or ()]
    return {(before.strip() if sign else "en"): (after if sign else before).strip() for before, sign, after in pairs}

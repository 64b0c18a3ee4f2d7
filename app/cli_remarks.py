"""The commands about what people say of images: scale of a view, notes, defect book; and taking a step back."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.options import AuthorOption, JsonOption, ProductOption, ProjectArgument, ViewOption, open_project

app = typer.Typer()
notes_app = typer.Typer(help="Notes on images.", no_args_is_help=True)
book_app = typer.Typer(help="The defect book: examples and limit samples of each class.", no_args_is_help=True)
app.add_typer(notes_app, name="notes")
app.add_typer(book_app, name="book")
_Image = Annotated[str, typer.Argument(help="An image: its number or a part of its path.")]


@app.command()
def scale(
    project: ProjectArgument,
    product: ProductOption = None,
    view: ViewOption = None,
    pixels: Annotated[float | None, typer.Option("--px", help="Length of a line in pixels …")] = None,
    millimetres: Annotated[float | None, typer.Option("--mm", help="… that is so many millimetres long.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the scale.")] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """How wide a pixel of a view is; with --px and --mm it is set."""
    from app.console import Screen
    from core.errors import InputError
    from core.workflow import listing
    from core.workflow.calibrating import scale_of
    from core.workflow.zones import the_view

    screen = Screen(as_json=as_json)
    if (pixels is None) != (millimetres is None):
        raise InputError("a scale is set with --px and --mm together", kept="Nothing was changed")
    changes = clear or pixels is not None
    with open_project(project, author, read_only=not changes) as opened:
        if changes:
            known = None if pixels is None or millimetres is None else scale_of(pixels, millimetres)
            opened.set_scale(the_view(opened, product, view).id, known)
        table = listing.scales(opened, product, view)
    screen.listing(table)


@notes_app.command("list")
def list_notes(
    project: ProjectArgument,
    image: Annotated[str | None, typer.Argument(help="One image: its number or a part of its path.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What was noted on images, with who and when."""
    from app.console import Screen
    from core.workflow import listing

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        table = listing.notes(opened, image)
    screen.listing(table)


@notes_app.command("add")
def add_note(
    project: ProjectArgument,
    image: _Image,
    text: Annotated[str, typer.Argument(help="The note.")],
    author: AuthorOption = None,
) -> None:
    """Write a note on an image."""
    from app.console import Screen
    from core.errors import InputError
    from core.workflow.listing import the_image

    if not text.strip():
        raise InputError("a note has words", kept="Nothing was changed")
    with open_project(project, author) as opened:
        row = the_image(opened, image)
        number = opened.add_note("image", row.id, text.strip())
    Screen().say(f"Note {number} on {row.path.name} is kept.")


@notes_app.command("withdraw")
def withdraw_note(
    project: ProjectArgument,
    note: Annotated[int, typer.Argument(help="Number of the note, as `notes list` says it.")],
    author: AuthorOption = None,
) -> None:
    """Take a note back; the audit trail keeps it."""
    from app.console import Screen

    with open_project(project, author) as opened:
        opened.withdraw_note(note)
    Screen().say(f"Note {note} is withdrawn.")


@book_app.command("list")
def list_book(
    project: ProjectArgument,
    code: Annotated[str | None, typer.Argument(help="One class; all if absent.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Examples and limit samples, class by class."""
    from app.console import Screen
    from core.workflow import listing

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        table = listing.book(opened, code)
    screen.listing(table)


@book_app.command("add")
def add_example(
    project: ProjectArgument,
    code: Annotated[str, typer.Argument(help="The code of a class.")],
    image: _Image,
    box: Annotated[str, typer.Argument(help="x0,y0,x1,y1 in pixels of the image; x1 and y1 are outside.")],
    kind: Annotated[
        Literal["example", "limit_good", "limit_defective"],
        typer.Option(help="An example, or a limit sample: just still good, just defective."),
    ] = "example",
    note: Annotated[str, typer.Option(help="Words beside it.")] = "",
    author: AuthorOption = None,
) -> None:
    """Put a place of an image into the book."""
    from app.console import Screen
    from core.workflow.classes import the_class
    from core.workflow.listing import the_image

    with open_project(project, author) as opened:
        meant, row = the_class(opened, code), the_image(opened, image)
        number = opened.add_example(meant.id, row.id, kind, box=_box(box), note=note)
    Screen().say(f"Example {number} of {code} is kept: {row.path.name}.")


@book_app.command("remove")
def remove_example(
    project: ProjectArgument,
    example: Annotated[int, typer.Argument(help="Number of the example, as `book list` says it.")],
    author: AuthorOption = None,
) -> None:
    """Take a place out of the book; the audit trail keeps it."""
    from app.console import Screen

    with open_project(project, author) as opened:
        opened.remove_example(example)
    Screen().say(f"Example {example} is taken out.")


@app.command()
def undo(
    project: ProjectArgument,
    again: Annotated[bool, typer.Option("--redo", help="Do again what was taken back last.")] = False,
    author: AuthorOption = None,
) -> None:
    """Take the last step back, whoever made it: the window and the shell have the same steps."""
    from app.console import Screen

    with open_project(project, author) as opened:
        step = opened.redo() if again else opened.undo()
    done = "Redone" if again else "Undone"
    Screen().say(f"There is nothing to {'redo' if again else 'undo'}." if step is None else f"{done}: {step.label}.")


def _box(text: str) -> tuple[int, int, int, int]:
    from core.errors import InputError

    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"a box is four whole numbers with commas between, not {text!r}") from error
    return x0, y0, x1, y1

"""`flawscope roi ...`: the regions of interest of a view, from a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.options import AuthorOption, JsonOption, ProductOption, ProjectArgument, ViewOption, open_project

if TYPE_CHECKING:
    from app.console import Screen
    from core.project import Project
    from core.project.records import Roi, View

app = typer.Typer(help="Where to look: zones, cells of a strip, how they lie on each image.", no_args_is_help=True)
_Boxed = Annotated[str, typer.Option(help="x0,y0,x1,y1 in pixels of the template image; x1 and y1 are outside.")]
_ImageOption = Annotated[str | None, typer.Option("--template", help="Image it is drawn on: number or part of path.")]


@app.command("show")
def show(
    project: ProjectArgument,
    product: ProductOption = None,
    view: ViewOption = None,
    out: Annotated[Path | None, typer.Option(help="A .json file to write, with masks as PNG beside.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Zones, cells and how well they lie on the images."""
    from app.console import Screen
    from core.errors import InputError
    from core.files import atomic_write
    from core.workflow import aligning, zones

    screen = Screen(as_json=as_json)
    with open_project(project, None, read_only=True) as opened:
        found = zones.the_view(opened, product, view)
        roi = opened.roi(found.id)
        if roi is None:
            if out is not None:
                raise InputError("there is no region to be written", path=opened.folder, mend="Set one first")
            screen.say("No region is set: all of every image is judged.")
            screen.result({"version": None})
            return
        if out is not None:
            atomic_write(out, json.dumps(zones.written(roi, out.parent), indent=1))
            screen.say(f"Written to {out}.")
        fits = aligning.fits(opened, found)
        _show_zones(screen, roi)
        for line in _fit_lines(fits.way, len(fits.known), len(fits.low), fits.pending):
            screen.say(line)
        if fits.way != "off":
            _show_low(opened, screen, [(one.image_id, one.confidence or 0.0) for one in fits.low])
        document = {"version": roi.number, "own": sorted(roi.own), "pending": fits.pending, **zones.written(roi)}
        screen.result({**document, "low": [one.image_id for one in fits.low]})


@app.command("set")
def set_(
    project: ProjectArgument,
    file: Annotated[Path, typer.Argument(help="A .json file as `roi show --out` writes, or a mask (0: outside).")],
    product: ProductOption = None,
    view: ViewOption = None,
    align: Annotated[str | None, typer.Option(help="off, translation or similarity (shift, turn and scale).")] = None,
    template: _ImageOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the region of a view: zones to inspect and to ignore, cells of a strip. What is not named stays."""
    from app.console import Screen
    from core.workflow import zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        found = zones.the_view(opened, product, view)
        given = _read(file)
        if align is not None:
            given |= zones.read({"align": align}, Path())
        roi = _change(opened, found, given, template)
        if roi.template_image_id is not None and (size := zones.template_size(opened, roi)) is not None:
            row = opened.image(roi.template_image_id)
            if size != (row.width, row.height):
                its = f"{row.path.name} {row.width} x {row.height}"
                screen.warn(f"The mask measures {size[0]} x {size[1]} pixels, {its}: it is stretched over the images.")
    _say_kept(screen, roi)


@app.command("cells")
def cells(
    project: ProjectArgument,
    first: _Boxed,
    count: Annotated[int, typer.Option(help="How many, the first one included.", min=1)],
    pitch: Annotated[str | None, typer.Option(help="x,y from one to the next; beside each other if absent.")] = None,
    last: Annotated[str | None, typer.Option(help="The last one's x0,y0,x1,y1, instead of a pitch.")] = None,
    product: ProductOption = None,
    view: ViewOption = None,
    template: _ImageOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """The cells of a strip: draw one part, repeat it. Each is judged as a part of its own."""
    from app.console import Screen
    from core.workflow import zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        entry: dict[str, Any] = {"first": _numbers(first, 4, "--first"), "count": count}
        entry["pitch"] = None if pitch is None else _numbers(pitch, 2, "--pitch")
        entry["last"] = None if last is None else _numbers(last, 4, "--last")
        found = zones.the_view(opened, product, view)
        roi = _change(opened, found, zones.read({"cells": entry}, Path()), template)
    _say_kept(screen, roi)


@app.command("align")
def align_(
    project: ProjectArgument,
    product: ProductOption = None,
    view: ViewOption = None,
    way: Annotated[str | None, typer.Option(help="From now on: off, translation or similarity.")] = None,
    again: Annotated[bool, typer.Option("--again", help="All images, not only those that wait for it.")] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay the region over every image, and say on which it may lie wrong."""
    from app.console import Screen
    from core.workflow import aligning, zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        found = zones.the_view(opened, product, view)
        if way is not None:
            aligning.set_way(opened, found.id, zones.read({"align": way}, Path())["settings"]["align"])
        with screen.progress() as progress:
            report = aligning.align(opened, found, again=again, progress=progress)
        for line in report.sentences():
            screen.say(line)
        _show_low(opened, screen, report.low)
    screen.result(report.as_json())


@app.command("import")
def import_(
    project: ProjectArgument,
    folder: Annotated[Path, typer.Argument(help="Masks named and placed like the images: train/good/001.png.")],
    product: ProductOption = None,
    view: ViewOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in a region for each image from masks; matched by split and path, what does not fit is named."""
    from app.console import Screen
    from core.workflow import zone_masks, zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened, screen.progress() as progress:
        report = zone_masks.import_masks(opened, zones.the_view(opened, product, view), folder, progress=progress)
    screen.say(f"{report.written} regions taken in.")
    screen.name_some(report.problems, screen.warn)
    screen.result(report.as_json())


@app.command("copy")
def copy(
    project: ProjectArgument,
    source: Annotated[str, typer.Option("--from", help="The image it is taken from: number or part of path.")],
    to: Annotated[list[str], typer.Option("--to", help="Images that get it as their own. Repeatable.")],
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the region as it lies on one image to others, as zones of their own."""
    from app.console import Screen
    from core.workflow import zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        chosen = [_image(opened, one) for one in to]
        roi = zones.copy_to(opened, _image(opened, source), chosen)
    _say_kept(screen, roi)


@app.command("reset")
def reset(
    project: ProjectArgument,
    images: Annotated[
        list[str] | None, typer.Option("--image", help="Only these follow the template again. Repeatable.")
    ] = None,
    product: ProductOption = None,
    view: ViewOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back to the template where images have regions of their own."""
    from app.console import Screen
    from core.workflow import zones

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        chosen = [_image(opened, one) for one in images or ()]
        found = opened.image(chosen[0]).view_id if chosen else zones.the_view(opened, product, view).id
        before = opened.roi(found)
        own = frozenset() if before is None else before.own
        roi = zones.drop_own(opened, found, chosen or own)
    if roi is None or not own:
        screen.say("No image has a region of its own.")
        screen.result({"version": None if roi is None else roi.number})
        return
    _say_kept(screen, roi)


def warn_of_fits(opened: Project, number: int, screen: Screen) -> None:
    """Say before a training, or while it scores, on how many images the region of its view may lie wrong."""
    from core.workflow import aligning

    run = opened.run_by_number(number)
    for view in opened.views(run.product):
        low = len(aligning.fits(opened, view).low) if view.code == run.view else 0
        if low:
            screen.warn(f"On {low:,} images the region may lie wrong. See them: flawscope roi show {opened.folder}")


def _change(opened: Project, view: View, given: dict[str, Any], template: str | None) -> Roi:
    from core.workflow import zones
    from core.workflow.templates import usual_template

    before = opened.roi(view.id)
    at = None if before is None else before.template_image_id
    if template is not None:
        at = given["template_image_id"] = _image(opened, template)
    elif at is None:
        at = given["template_image_id"] = usual_template(opened, view).id
    drawn_on = opened.image(at)
    if drawn_on.width and drawn_on.height:
        zones.check_inside(given.get("zones", ()), given.get("cells", ()), (drawn_on.width, drawn_on.height))
    if before is not None and "settings" in given:
        given["settings"] = {**before.settings, **given["settings"]}
    return opened.change_roi(view.id, **given)


def _read(file: Path) -> dict[str, Any]:
    from core.errors import InputError
    from core.imaging import decode_mask
    from core.project.records import Zone
    from core.workflow import zones

    if not file.is_file():
        raise InputError("this file is not there", path=file)
    if file.suffix.lower() != ".json":
        return {"zones": [Zone("part", "inspect", mask=(decode_mask(file) > 0).astype("uint8"))]}
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"this is no JSON ({error})", path=file, kept="Nothing was changed") from error
    if not isinstance(document, dict):
        raise InputError("a region is a JSON object with zones and cells", path=file, kept="Nothing was changed")
    return zones.read(document, file.parent)


def _image(opened: Project, wanted: str) -> int:
    from core.workflow import listing

    return int(next(value for name, value in listing.one_image(opened, wanted).rows if name == "id"))


def _numbers(text: str, count: int, option: str) -> list[float]:
    from core.errors import InputError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count:
        raise InputError(f"{option} takes {count} numbers with commas between, not {text!r}")
    return found


def _show_zones(screen: Screen, roi: Roi) -> None:
    rows: list[list[Any]] = []
    for zone in roi.zones:
        painted = 0 if zone.mask is None else int((zone.mask > 0).sum())
        rows.append([zone.name, zone.sign, f"painted, {painted:,} px" if painted else json.dumps(dict(zone.shape))])
    rows += [[cell.name, "cell", json.dumps(list(cell.box))] for cell in roi.cells]
    screen.table(["name", "kind", "where"], rows, title=f"region, version {roi.number}")
    if roi.own:
        screen.say(f"{len(roi.own):,} images have a region of their own.")


def _fit_lines(way: str, known: int, low: int, pending: int) -> list[str]:
    if way == "off":
        lines = ["The region lies alike on all images (align is off)."]
        found = f"Of {_many(known, 'image')} that {'was' if known == 1 else 'were'} compared, {low:,} may show the part"
        more = f"{found} elsewhere. Where parts move: flawscope roi align --way translation."
        return [*lines, more] if low else lines
    lines = [f"It is laid over each image ({way}): {known:,} known, {low:,} doubtful."]
    return [*lines, f"{pending:,} images wait for it: flawscope roi align."] if pending else lines


def _show_low(opened: Project, screen: Screen, low: list[tuple[int, float]]) -> None:
    screen.name_some(low, screen.warn, lambda one: f"may lie wrong ({one[1]:.2f}): {opened.image(one[0]).path}")


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _say_kept(screen: Screen, roi: Roi) -> None:
    screen.say(
        f"Kept as version {roi.number} of the region: {_many(len(roi.zones), 'zone')}, {_many(len(roi.cells), 'cell')}."
    )
    screen.result({"version": roi.number, "zones": len(roi.zones), "cells": len(roi.cells), "own": len(roi.own)})

"""Annotations out to other tools and in from them, in every format of `core.annotation.formats`.

An imported mask is a layer of its own (one an image and author): it never changes what somebody painted, nor the mask
that another author brought. Where masks, labels or splits differ from what is there, a conflict is listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.annotation.formats import Export, Format, Item, Outlet, Record, Style, format_of, recognise
from core.annotation.masks import Mask
from core.errors import FlawscopeError, InputError
from core.project import OpenStep, Project
from core.project.records import ImageRow
from core.workflow import masks, problems
from core.workflow.disagreement import Conflict, against_layers
from core.workflow.labels import LabelIntake
from core.workflow.masks import Classes, Intake, MaskReport, empty_words, labels_of
from core.workflow.matching import Finder, fits_several
from core.workflow.progress import Progress, silent

_AGAIN: Final = "import it again"
_KEPT: Final = " What was here is kept."
_EXPORTED: Final = "Writing annotations"
_IMPORTED: Final = "Reading annotations"


@dataclass
class ExportReport:
    """What went out: `masks` images with a mask; files `written` and `unchanged`; `left_out` were refused, with why."""

    format: str
    folder: Path
    masks: int = 0
    images: int = 0
    written: int = 0
    unchanged: int = 0
    left_out: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What was left out, a line each."""
        return [f"{path}: {text}" for path, text in self.left_out]

    def sentence(self) -> str:
        """What was done, for a person."""
        labels = f"The labels of {_counted(self.images, 'image')}"
        what = labels if self.format == "csv" else _counted(self.masks, "mask")
        files = f"{_counted(self.written, 'file')} written"
        same = f", {self.unchanged:,} were the same already" if self.unchanged else ""
        return f"{what} exported to {self.folder}: {files}{same}."

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        counts = {"masks": self.masks, "images": self.images, "written": self.written, "unchanged": self.unchanged}
        return {"format": self.format, "folder": str(self.folder), **counts, "problems": self.problems}


@dataclass
class ImportReport(MaskReport):
    """What came in, beside masks: `labelled` images, `empty` ones that show no defect, classes that are new.

    `replaced` counts masks that the same author imported earlier; `unlabelled` images that have a mask now and are not
    labelled defective.
    """

    format: str = ""
    author: str = ""
    replaced: int = 0
    empty: int = 0
    labelled: int = 0
    overwrites: bool = False
    unlabelled: int = 0
    classes: list[str] = field(default_factory=list)
    overlaps: list[tuple[Path, str]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What was done, for a person, most important first."""
        if self.format == "csv":
            lines = [f"Labels or splits of {_counted(self.labelled, 'image')} set, {self.unchanged:,} were the same."]
        else:
            came = _counted(self.written, "mask")
            lines = [f"{came} taken in, the work of {self.author}; {self.unchanged:,} were the same."]
        counted = (
            (self.replaced, "Replaced masks that {author} imported before: {n}."),
            (self.empty, "Images that show no defect in the file: {n}."),
            (self.unlabelled, "Images with a mask that are not labelled defective: {n}. Label them."),
            (len(self.overlaps), "Shapes that lie over others: {n}. The later one counts."),
            (len(self.conflicts), "Differences to what was here: {n}." + ("" if self.overwrites else _KEPT)),
        )
        lines += [words.format(author=self.author, n=f"{number:,}") for number, words in counted if number]
        if self.classes:
            lines.append(f"New defect classes: {', '.join(self.classes)}.")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        names = ("format", "author", "replaced", "empty", "labelled", "unlabelled", "classes")
        return {
            **super().as_json(),
            **{name: getattr(self, name) for name in names},
            "overlaps": [f"{path}: {words}" for path, words in self.overlaps],
            "conflicts": [one.as_json() for one in self.conflicts],
        }


def export_annotations(
    project: Project,
    folder: Path,
    name: str = "mvtec",
    *,
    product: str | None = None,
    author: str | None = None,
    style: Style | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ExportReport:
    """Write the masks that count (with `author` those of that person alone) into `folder` in the format `name`.

    Files that an earlier export did not write, or that changed since, are left as they are unless `overwrite`; those
    that do not parse always. Raises `InputError` for what there is not, `StorageError`.
    """
    used = format_of(name)
    if style is not None and style not in used.styles:
        raise InputError(f"{used.title} holds no {style}", mend=f"It holds {' or '.join(used.styles)}")
    _check_product(project, product)
    report = ExportReport(used.id, folder)
    codes = {one.id: one.code for one in project.classes(retired=True)}
    with Outlet(folder, overwrite=overwrite) as outlet:
        items = _items(project, product, author, set(codes), report, progress)
        used.write(items, Export(outlet, codes, style or used.styles[0]))
    report.written, report.unchanged, report.left_out = outlet.written, outlet.unchanged, outlet.left_out
    return report


def import_annotations(
    project: Project,
    source: Path,
    name: str = "auto",
    *,
    author: str | None = None,
    product: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Take in a file, or all below a folder, for images that the project knows, as masks of `author`.

    Images are matched by path, class and product; what fits several or none is named, never guessed. Labels and splits
    that are set stay unless `overwrite`. Masks come in some at a time; what came in before an error or a cancel stays.
    All of it is one step of undo, with the classes that it made. Where a mask differs from the one that counts here, a
    person has to decide (`Project.decide`). Raises `InputError` when there is nothing to read.
    """
    source = source.resolve()
    used = recognise(source) if name == "auto" else format_of(name)
    _check_product(project, product)
    if not source.exists():
        raise InputError("this is not there", path=source)
    files = used.find(source)
    if not files:
        raise InputError(f"no files of {used.title} here", path=source, mend="Name another folder or format")
    report = ImportReport(format=used.id, author=author or project.author, overwrites=overwrite and not used.has_masks)
    root = source if source.is_dir() else source.parent
    taker = _Taker(project, used, report, Finder(project, product), str(source), overwrite=overwrite)
    try:
        for done, path in enumerate(files, 1):
            progress(_IMPORTED, done, len(files))
            taker.take(path, root, progress if len(files) == 1 else silent)
    finally:
        taker.finish()
    if used.id == "mvtec":
        problems.settle_masks(project, [source], report.left_out, lacking=False)
    return report


class _Taker:
    """One import on its way."""

    def __init__(
        self, project: Project, used: Format, report: ImportReport, finder: Finder, source: str, *, overwrite: bool
    ) -> None:
        self._project = project
        self._used = used
        self._report = report
        self._finder = finder
        step = OpenStep(f"Import annotations by {report.author}", source)
        self._classes = Classes(project, step)
        self._masks = Intake(project, report, author=report.author, step=step)
        self._labels = LabelIntake(project, step, overwrite=overwrite)
        self._seen: dict[int, Path] = {}

    def take(self, path: Path, root: Path, progress: Progress) -> None:
        """One file; what does not parse is named and left as it is."""
        try:
            for done, record in enumerate(self._used.read(path, root), 1):
                progress(_IMPORTED, done, None)
                self._take_record(record)
        except InputError as error:
            self._leave_out(path, f"this file cannot be used ({error.what}): {masks.STAYS}. {error.mend}".strip())

    def finish(self) -> None:
        """Store what waits."""
        self._masks.flush()
        try:
            self._report.labelled = self._labels.finish()
        except FlawscopeError as error:
            self._leave_out(next(iter(self._seen.values()), Path()), f"the labels were not taken in: {error}")
        self._report.unchanged += self._labels.unchanged
        self._report.conflicts += self._labels.conflicts
        self._report.classes += self._classes.added

    def _take_record(self, record: Record) -> None:
        where = f" ({record.place})" if record.place else ""
        found = [] if record.fault and not any(record.names) else self._finder.find(record)
        if len(found) != 1 and not record.fault:
            words = fits_several(found) if found else self._finder.fits_none(record)
            self._leave_out(record.file, f"this mask{where} {words}")
            return
        row = self._project.image(found[0]) if found else None
        if row is not None and row.id in self._seen and self._used.id != "csv":
            other = self._seen[row.id].name
            self._leave_out(record.file, f"this mask{where} belongs to {row.relative}, as {other} does: it is left out")
        elif row is None or record.fault or not self._used.has_masks:
            self._take_facts(record, row, where)
        else:
            self._take_mask(record, row)
        if row is not None:
            self._seen[row.id] = record.file

    def _take_facts(self, record: Record, row: ImageRow | None, where: str) -> None:
        if record.fault or row is None:
            words = f"this mask{where} cannot be used ({record.fault}): {masks.STAYS}. Mend it, then {_AGAIN}"
            self._leave_out(record.file, words if self._used.has_masks else words.replace("this mask", "this label", 1))
        else:
            self._labels.take(row, record.facts)

    def _take_mask(self, record: Record, row: ImageRow) -> None:
        report, project = self._report, self._project
        try:
            drawn = labels_of(record, row, self._classes, again=_AGAIN)
        except InputError as error:
            self._leave_out(record.file, error.what)
            return
        labels = drawn.labels
        report.overlaps += [(record.file, f"{row.relative}: {one}") for one in drawn.overlaps]
        own = project.mask(row.id, origin="import", author=report.author)
        painted = project.mask(row.id, origin="person", author=report.author)
        if not labels.any() and own is None:
            report.empty += 1
            if self._used.id == "mvtec":
                self._leave_out(record.file, empty_words(_AGAIN))
            return
        is_new = not any(one is not None and np.array_equal(one, labels) for one in (own, painted))
        codes = {one.id: one.code for one in project.classes(retired=True)}
        clashes = against_layers(project, row, labels, report.author, codes, is_new=is_new)
        report.conflicts += clashes
        is_unasked = bool(clashes) and own is not None and not project.conflicts([row.id])  # of an older version
        if is_new or is_unasked:
            report.replaced += own is not None
            self._masks.keep(row.id, labels, clashes=bool(clashes))
        else:
            report.unchanged += 1
        report.unlabelled += bool(labels.any()) and row.label != "defective"

    def _leave_out(self, path: Path, words: str) -> None:
        self._report.left_out.append((path, words))


def _check_product(project: Project, product: str | None) -> None:
    known = [one.code for one in project.products()]
    if product is not None and product not in known:
        raise InputError(f"there is no product {product!r}", mend=f"The project holds: {', '.join(known)}")


def _items(
    project: Project, product: str | None, author: str | None, known: set[int], report: ExportReport, progress: Progress
) -> Iterator[Item]:
    """Every image of the project, each under a path that no other has."""
    table = project.image_table()
    often = Counter(name.casefold() for name in table.names)
    taken: set[str] = set()
    masked = set(project.masked_images(product=product))
    total = sum(one.images for one in project.products() if product in (None, one.code))
    for done, row in enumerate(project.images(product=product), 1):
        progress(_EXPORTED, done, total)
        name = row.relative
        if often[name.casefold()] > 1:
            name = f"{row.product}/{row.view}/{table.root_paths[row.root_id].name}/{name}"
            name = name if name.casefold() not in taken else f"{row.root_id}/{name}"
            taken.add(name.casefold())
        facts = {"product": row.product, "view": row.view, "split": row.split, "label": row.label}
        facts |= {"class": row.defect_class, "lot": row.lot, "part": row.part}
        load = partial(_mask, project, row.id, author, known, report) if row.id in masked else _no_mask
        report.images += 1
        yield Item(name, row.path, row.width or 0, row.height or 0, facts, load, row.id)


def _mask(project: Project, image_id: int, author: str | None, known: set[int], report: ExportReport) -> Mask | None:
    """What is painted on an image; values that are no class (not judged) show no defect."""
    mask = project.mask(image_id, author=author)
    if mask is None:
        return None
    report.masks += 1
    return np.where(np.isin(mask, list(known)), mask, 0).astype(np.uint8)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _no_mask() -> None:
    return None

"""What a person should know of a project's images before trusting a figure: each with what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from core.project import Project
from core.project.records import Problem
from core.workflow import aligning
from core.workflow.problems import is_of_mask

FindingKind = Literal[
    "folder_missing",
    "unreadable",
    "gone",
    "changed",
    "contradiction",
    "sizes_differ",
    "duplicates",
    "straddling",
    "one_lot",
    "region",
    "file",
]
Mend = Literal["find_folder", "look_again", "show", "seen", "take_out", ""]
_SHOWN: Final = 5_000  # images that one finding names
_FILES: Final = 200  # kinds of problems with files that are listed, and files of one kind that are looked up


@dataclass(frozen=True)
class Finding:
    """One thing: a sentence, the images that it is about (the first few thousand), and the mend that is offered.

    `stops` says that work cannot go on well before it is mended; the others are worth a look. `instead` is another
    mend that is offered beside.
    """

    kind: FindingKind
    sentence: str
    hint: str = ""
    mend: Mend = ""
    instead: Mend = ""
    images: tuple[int, ...] = ()
    problems: tuple[int, ...] = ()
    root_id: int | None = None
    stops: bool = False


def look(project: Project) -> list[Finding]:
    """All findings, what stops work first."""
    found = [
        *_missing_folders(project),
        *_states(project),
        *_files(project),
        *_duplicates(project),
        *_contradictions(project),
        *_sizes(project),
        *_lots(project),
        *_regions(project),
    ]
    return sorted(found, key=lambda one: not one.stops)


def _missing_folders(project: Project) -> Iterator[Finding]:
    for root in project.roots():
        if not root.is_there and root.images:
            yield Finding(
                "folder_missing",
                f"The folder of {root.images:,} images is not there: {root.path}",
                "Plug in the drive, or say where the folder is now. Nothing that you did is lost.",
                "find_folder",
                root_id=root.id,
                stops=True,
            )


def _states(project: Project) -> Iterator[Finding]:
    gone, changed = project.images_in_state("gone", _SHOWN), project.images_in_state("changed", _SHOWN)
    if gone:
        yield Finding(
            "gone",
            f"{_images(len(gone))} {_is(gone)} no longer in {'its' if len(gone) == 1 else 'their'} folder",
            "Left out; labels, masks and scores are kept. Put what is missing back and look again.",
            "look_again",
            images=tuple(gone),
        )
    if changed:
        yield Finding(
            "changed",
            f"{_images(len(changed))} changed on the disk since {'it was' if len(changed) == 1 else 'they were'} added",
            "Scores and masks of them rest on the earlier picture.",
            "show",
            images=tuple(changed),
        )


def _files(project: Project) -> Iterator[Finding]:
    """Unreadable images together, and all files of which the same is said."""
    problems = project.problems()
    unreadable = project.images_with_problem(_SHOWN)
    if unreadable:
        yield Finding(
            "unreadable",
            f"{_images(len(unreadable))} cannot be read",
            "Left out of training and figures. Replace what is broken and look again.",
            "look_again",
            images=tuple(unreadable),
        )
    named = {str(row.path) for row in project.images(ids=unreadable)} if unreadable else set()
    alike: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.path not in named:
            alike.setdefault(problem.text, []).append(problem)
    for text, found in list(alike.items())[:_FILES]:
        names = [Path(problem.path).name for problem in found]
        one = len(found) == 1
        closes = is_of_mask(text)
        yield Finding(
            "file",
            f"{names[0]}: {text}" if one else f"{len(found):,} files: {text}",
            str(Path(found[0].path).parent) if one else ", ".join(names[:3]) + (" …" if len(names) > 3 else ""),
            "look_again" if closes else "seen",
            "seen" if closes else "",
            images=_images_of(project, found),
            problems=tuple(problem.id for problem in found),
        )
    if len(alike) > _FILES:
        rest = [problem.id for found in list(alike.values())[_FILES:] for problem in found]
        yield Finding("file", f"{len(rest):,} more problems with files", "", "seen", problems=tuple(rest))


def _images_of(project: Project, problems: list[Problem]) -> tuple[int, ...]:
    """Images that the first of these problems are about; a mask without image is about none."""
    found: dict[int, None] = {}
    for problem in problems[:_FILES]:
        if problem.image_id is not None:
            found[problem.image_id] = None
        found.update(dict.fromkeys(row.id for row in project.find_image(Path(problem.path))))
    return tuple(found)


def _duplicates(project: Project) -> Iterator[Finding]:
    for duplicate in project.duplicates_across_splits():
        tests = tuple(row.id for row in duplicate.images if row.split == "test")
        names = ", ".join(row.relative for row in duplicate.images[:3])
        yield Finding(
            "duplicates",
            f"The same picture lies in training and in test: {names}",
            "Figures from it are too good. The test copies should be taken out.",
            "take_out",
            images=tests,
            stops=True,
        )


def _contradictions(project: Project) -> Iterator[Finding]:
    masked = project.masked_images()
    found = [row.id for row in project.images(ids=masked, label="good", present_only=True)] if masked else []
    if found:
        yield Finding(
            "contradiction",
            f"{_images(len(found))} labelled good {'has' if len(found) == 1 else 'have'} a mask of a defect",
            "Label what is defective, else a training learns the defect as good.",
            "show",
            images=tuple(found[:_SHOWN]),
        )


def _sizes(project: Project) -> Iterator[Finding]:
    for view, usual, ids in project.odd_sizes(_SHOWN):
        size = f"{usual[0]} x {usual[1]}"
        yield Finding(
            "sizes_differ",
            f"{_images(len(ids))} of {view} {'has' if len(ids) == 1 else 'have'} another size than {size}",
            "One view should come from one camera: give other cameras a view of their own.",
            "show",
            images=tuple(ids),
        )


def _lots(project: Project) -> Iterator[Finding]:
    lots: dict[str, set[str]] = {}
    for count in project.counts():
        if count.split in ("train", "tuning", "test") and count.lot:
            lots.setdefault(count.product, set()).add(count.lot)
    for product, known in lots.items():
        if len(known) == 1:
            yield Finding(
                "one_lot",
                f"All images of {product} come from one lot, {next(iter(known))}",
                "Whether another lot is judged as well is not known. Add one, and test on it.",
                "",
            )
    for lot in project.straddling()["lot"]:
        yield Finding(
            "straddling",
            f"Lot {lot} lies in training and in test",
            "Figures from a lot that was trained on are better than those of the next lot will be.",
            "",
        )


def _is(images: list[int]) -> str:
    return "is" if len(images) == 1 else "are"


def _regions(project: Project) -> Iterator[Finding]:
    """Images on which the region of interest may lie wrong."""
    for view in project.views():
        low = aligning.fits(project, view).low
        if low:
            yield Finding(
                "region",
                f"On {_images(len(low))} of {view.product} the region of interest may lie wrong",
                "Its template was not found there for certain. Look at them, and give them a region of their own.",
                "show",
                images=tuple(one.image_id for one in low[:_SHOWN]),
            )


def _images(count: int) -> str:
    more = f"{count:,}" if count < _SHOWN else f"At least {count:,}"
    return f"{more} image" if count == 1 else f"{more} images"

"""What the dataset page says: counts of a place in words, the tree's places, the next missing step. No widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.words import count_words, tr
from core.layouts import natural_key
from core.project.results import RunRow
from core.project.table import ImageTable
from core.words import LABELS, SPLITS, STATES

_GONE: Final = STATES.index("gone")
_MOST_CLASSES: Final = 12
_USABLE: Final = ("finished", "stopped")
_ACTIVE: Final = ("queued", "starting", "running", "paused", "stopping")


@dataclass(frozen=True)
class Place:
    """All images, a product, a view of it, or a lot in a view; None is 'all'."""

    product: str | None = None
    view: str | None = None
    lot: str | None = None

    def words(self) -> str:
        """For a person: `pill > main > lot 12`."""
        parts = [self.product or tr("All images"), *([self.view] if self.view else [])]
        if self.lot is not None:
            parts.append(lot_words(self.lot))
        return " > ".join(parts)


@dataclass(frozen=True)
class Counts:
    """Images that are there, by label and by split, in the order of `core.words`."""

    images: int = 0
    parts: int = 0
    labels: tuple[int, ...] = (0,) * len(LABELS)
    splits: tuple[int, ...] = (0,) * len(SPLITS)
    problems: int = 0

    def label(self, word: str) -> int:
        """How many have this label."""
        return self.labels[LABELS.index(word)]

    def split(self, word: str) -> int:
        """How many are in this split."""
        return self.splits[SPLITS.index(word)]


@dataclass(frozen=True)
class Step:
    """What to do next: the words of the button, why, and what it calls."""

    key: str
    text: str
    why: str = ""
    page: str = ""
    what: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What was read in the background for the page: trainings, and lots that the newest one has not seen."""

    runs: tuple[RunRow, ...] = ()
    missing_folders: int = 0
    unscored_lots: tuple[str, ...] = ()


def lot_words(lot: str) -> str:
    """A lot's name; images without one have words, too."""
    return tr("Lot {lot}", lot=lot) if lot else tr("No lot")


def mask_of(table: ImageTable, place: Place) -> NDArray[np.bool_]:
    """(N,) bool: images of a place, also those that are gone."""
    chosen = np.ones(len(table), np.bool_)
    for wanted, words, codes in (
        (place.product, table.products, table.product),
        (place.view, table.views, table.view),
        (place.lot, table.lots, table.lot),
    ):
        if wanted is not None:
            chosen &= codes == words.index(wanted) if wanted in words else False
    return chosen


def count(table: ImageTable, place: Place = Place()) -> Counts:
    """Counts of a place, without images that are gone."""
    here = mask_of(table, place) & (table.state != _GONE)
    return _counted(table, np.flatnonzero(here))


def count_ids(table: ImageTable, ids: Sequence[int]) -> Counts:
    """Counts of some images."""
    rows = table.row_of(np.array(ids, np.int64))
    return _counted(table, rows[rows >= 0])


def classes_of(table: ImageTable, place: Place) -> list[tuple[str, int]]:
    """Defect classes of a place with how many images each has, largest first."""
    here = mask_of(table, place) & (table.state != _GONE)
    numbers = np.bincount(table.defect_class[here], minlength=len(table.classes))
    found = [(word, int(number)) for word, number in zip(table.classes, numbers, strict=True) if word and number]
    return sorted(found, key=lambda pair: -pair[1])[:_MOST_CLASSES]


def places(table: ImageTable) -> list[tuple[Place, Counts]]:
    """The tree from top to bottom, each line with its counts: all, products, their views, their lots.

    What would say nothing new is left out: all, when there is one product; a view that is the only one; lots, when
    there are none.
    """
    there = table.state != _GONE
    products = [(name, there & (table.product == code)) for code, name in enumerate(table.products)]
    products = sorted(((name, mine) for name, mine in products if mine.any()), key=lambda pair: natural_key(pair[0]))
    found = [] if len(products) == 1 else [(Place(), _counted(table, np.flatnonzero(there)))]
    for product, mine in products:
        found.append((Place(product), _counted(table, np.flatnonzero(mine))))
        views = sorted((table.views[code] for code in np.unique(table.view[mine])), key=natural_key)
        if len(views) == 1:
            found += _lots(table, Place(product), mine)
            continue
        for view in views:
            seen = mine & (table.view == table.views.index(view))
            found.append((Place(product, view), _counted(table, np.flatnonzero(seen))))
            found += _lots(table, Place(product, view), seen)
    return found


def sentence(counts: Counts) -> str:
    """`293 parts: 267 good, 26 defective. 240 to train, 27 for tuning, 26 to test.`"""
    if not counts.images:
        return tr("No images yet")
    images = count_words(counts.images, "image", "images")
    if counts.parts != counts.images:
        images += tr(" of {parts}", parts=count_words(counts.parts, "part", "parts"))
    labels = _listed(
        (tr("{n} good"), counts.label("good")),
        (tr("{n} defective"), counts.label("defective")),
        (tr("{n} unlabelled"), counts.label("unlabelled")),
    )
    splits = _listed(
        (tr("{n} train"), counts.split("train")),
        (tr("{n} tuning"), counts.split("tuning")),
        (tr("{n} test"), counts.split("test")),
        (tr("{n} not used"), counts.split("unused")),
    )
    return f"{images}: {labels}. {splits}."


def next_step(counts: Counts, facts: Facts, place: Place) -> Step:
    """The first thing that is missing on the way to a verdict."""
    for step in (_of_images(counts, facts), _of_trainings(facts, place)):
        if step is not None:
            return step
    text = tr("Look at results")
    return Step("review", text, tr("Heatmaps, reconstructions, and what is rejected."), "review")


def usable(runs: Sequence[RunRow]) -> RunRow | None:
    """The newest training with a model."""
    return next((run for run in reversed(runs) if run.state in _USABLE), None)


def _of_images(counts: Counts, facts: Facts) -> Step | None:
    if facts.missing_folders:
        return Step("find_folder", tr("Find the images …"), tr("A folder of this project is not where it was."))
    if not counts.images:
        return Step("add", tr("Add images …"), tr("There is nothing to look at yet."))
    if not counts.label("good"):
        unlabelled = counts.label("unlabelled")
        if not unlabelled:
            return Step("add", tr("Add images …"), tr("Training learns from good parts, and there are none yet."))
        why = tr("Training learns from good parts: say which ones are good. Some 20 are enough to begin.")
        return Step("label", tr("Label images"), why, "annotate", {"filter": "unlabelled"})
    if not counts.split("train") and not counts.split("tuning"):
        return Step("split", tr("Divide the images"), tr("Into train, tuning and test, whole parts at a time."))
    return None


def _of_trainings(facts: Facts, place: Place) -> Step | None:
    runs = [run for run in facts.runs if place.product in (None, run.product) and place.view in (None, run.view)]
    if any(run.state in _ACTIVE for run in runs):
        return Step("watch", tr("Watch the training"), tr("A training is at work."), "train")
    if not runs:
        return Step("train", tr("Train"), tr("Good images are ready. One click learns what they look like."), "train")
    best = usable(runs)
    if best is None:
        why = tr("The last training ended without a model.")
        return Step("train", tr("See what happened"), why, "train", {"training": runs[-1].number})
    if facts.unscored_lots:
        lot = facts.unscored_lots[-1]
        why = tr("It has not been scored by training #{number} yet.", number=best.number)
        return Step("score", tr("Score {lot}", lot=lot_words(lot)), why, "", {"lot": lot, "training": best.number})
    return None


def _lots(table: ImageTable, place: Place, seen: NDArray[np.bool_]) -> list[tuple[Place, Counts]]:
    rows = np.flatnonzero(seen)
    rows = rows[np.argsort(table.lot[rows], kind="stable")]
    codes, starts = np.unique(table.lot[rows], return_index=True)
    by_name = dict(zip((table.lots[code] for code in codes), np.split(rows, starts[1:]), strict=True))
    if list(by_name) == [""]:
        return []
    return [
        (Place(place.product, place.view, lot), _counted(table, by_name[lot]))
        for lot in sorted(by_name, key=natural_key)
    ]


def _counted(table: ImageTable, rows: NDArray[np.intp]) -> Counts:
    return Counts(
        images=len(rows),
        parts=int(np.unique(table.part[rows]).size),
        labels=tuple(int(n) for n in np.bincount(table.label[rows], minlength=len(LABELS))),
        splits=tuple(int(n) for n in np.bincount(table.split[rows], minlength=len(SPLITS))),
        problems=int(table.problem[rows].sum()),
    )


def _listed(*parts: tuple[str, int]) -> str:
    return ", ".join(text.format(n=f"{number:,}") for text, number in parts if number)

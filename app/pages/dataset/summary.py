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
    without_region: tuple[str, str] | None = None  # the first product and view of the place that has none


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
    rows = np.flatnonzero(table.state != _GONE)
    products = _grouped(table, rows, "product")
    views = _grouped(table, rows, "product", "view")
    lots = _grouped(table, rows, "product", "view", "lot")
    found = [] if len(products) == 1 else [(Place(), _counted(table, rows))]
    for (product,), counts in products.items():
        found.append((Place(product), counts))
        mine = [(view, seen) for (name, view), seen in views.items() if name == product]
        for view, seen in mine:
            place = Place(product) if len(mine) == 1 else Place(product, view)
            if len(mine) > 1:
                found.append((place, seen))
            inside = lots.within(product, view)
            if [lot for lot, _ in inside] != [""]:
                found += [(Place(product, place.view, lot), number) for lot, number in inside]
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
        why = tr("Training learns from good parts: say which are good. Some 20 will do.")
        return Step("label", tr("Label images"), why, "annotate", {"open": True})
    if not counts.split("train") and not counts.split("tuning"):
        return Step("split", tr("Divide the images"), tr("Into train, tuning and test, whole parts at a time."))
    return None


def _of_trainings(facts: Facts, place: Place) -> Step | None:
    runs = [run for run in facts.runs if place.product in (None, run.product) and place.view in (None, run.view)]
    active = [run for run in runs if run.state in _ACTIVE]
    if active:
        what = {"training": active[0].number}
        return Step("watch", tr("Watch the training"), tr("A training is at work."), "train", what)
    if not runs:
        why = tr("Good images are ready. The Train page learns from them with one click.")
        return Step("train", tr("Go to Train"), why, "train", {"new": True})
    best = usable(runs)
    if best is None:
        why = tr("The last training ended without a model.")
        return Step("train", tr("See what happened"), why, "train", {"training": runs[-1].number})
    if facts.unscored_lots:
        lot = facts.unscored_lots[-1]
        why = tr("It has not been scored by training #{number} yet.", number=best.number)
        return Step("score", tr("Score {lot}", lot=lot_words(lot)), why, "", {"lot": lot, "training": best.number})
    return None


class _Groups(dict[tuple[str, ...], Counts]):
    """Counts by product, by product and view, or by product, view and lot; in natural order."""

    def within(self, product: str, view: str) -> list[tuple[str, Counts]]:
        """The lots of a view."""
        if not hasattr(self, "_by_view"):
            self._by_view: dict[tuple[str, str], list[tuple[str, Counts]]] = {}
            for key, counts in self.items():
                self._by_view.setdefault((key[0], key[1]), []).append((key[2], counts))
        return self._by_view.get((product, view), [])


def _grouped(table: ImageTable, rows: NDArray[np.intp], *columns: str) -> _Groups:
    """Counts of each combination of these columns that occurs, in a few passes over all images."""
    words = [getattr(table, f"{column}s") for column in columns]
    sizes = [max(1, len(one)) for one in words]
    codes = np.zeros(len(rows), np.int64)
    for column, size in zip(columns, sizes, strict=True):
        codes = codes * size + getattr(table, column)[rows]
    keys, group = np.unique(codes, return_inverse=True)
    number = len(keys)

    def crossed(values: NDArray[np.integer], width: int) -> list[list[int]]:
        sums = np.bincount(group * width + values, minlength=number * width)
        return sums.reshape(number, width).tolist()

    labels, splits = crossed(table.label[rows], len(LABELS)), crossed(table.split[rows], len(SPLITS))
    problems = crossed(table.problem[rows].astype(np.int64), 2)
    _, part = np.unique(table.part[rows], return_inverse=True)
    width = int(part.max(initial=0)) + 1
    parts = np.bincount(_distinct(group * width + part) // width, minlength=number).tolist()
    named: dict[tuple[str, ...], Counts] = {}
    for place, key in enumerate(keys.tolist()):
        name: list[str] = []
        for one, size in zip(reversed(words), reversed(sizes), strict=True):
            name.insert(0, one[key % size])
            key //= size
        counts = Counts(
            sum(labels[place]), parts[place], tuple(labels[place]), tuple(splits[place]), problems[place][1]
        )
        named[tuple(name)] = counts
    return _Groups(sorted(named.items(), key=lambda pair: [natural_key(word) for word in pair[0]]))


def _counted(table: ImageTable, rows: NDArray[np.intp]) -> Counts:
    return Counts(
        images=len(rows),
        parts=_distinct(table.part[rows]).size,
        labels=tuple(int(n) for n in np.bincount(table.label[rows], minlength=len(LABELS))),
        splits=tuple(int(n) for n in np.bincount(table.split[rows], minlength=len(SPLITS))),
        problems=int(table.problem[rows].sum()),
    )


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted, each once; several times as fast as `np.unique` without its inverse."""
    ordered = np.sort(values)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))]


def _listed(*parts: tuple[str, int]) -> str:
    return ", ".join(text.format(n=f"{number:,}") for text, number in parts if number)

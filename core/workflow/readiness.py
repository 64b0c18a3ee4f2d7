"""Whether a view is ready to be trained: seven lines, each with a tick, a warning or a cross, and where to mend it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import PreprocessConfig, PresetInfo, TrainingConfig, presets
from core.events import Estimate
from core.files import free_bytes
from core.preprocess import Preprocessor
from core.project import Project
from core.project.records import Roi
from core.project.results import RunRow
from core.words import Box
from core.workflow.aligning import NO_FITS, Fits, fits
from core.workflow.training import FEW_GOOD

Key = Literal["good", "roi", "defect", "tuning", "disk", "computing", "finish"]
State = Literal["fine", "warning", "missing", "open"]  # open: still being looked at
Fix = Literal["", "label", "roi", "draw", "split", "preset", "space", "install", "measure", "leave"]

PROCESSOR: Final = "processor"
_ENOUGH_TUNING: Final = 20  # core.evaluation.decisions.ENOUGH_GOOD, which brings libraries that no window waits for
_SMALL: Final = 3.0  # model pixels a side: a smaller defect drowns in the mean that makes the score
_SPECK: Final = 4  # image pixels: fewer are a slip of the brush
_CRUMB: Final = 0.01  # of a mask's largest piece: smaller ones are its frayed edge, no defects of their own
_FEW: Final = 0.05  # of the masks: so many may hold something smaller, for one odd mask decides nothing
_MEASURED: Final = 200  # masks that are looked at
_MEASURE_S: Final = 3.0
_ROOM: Final = 2 * 2**30  # left over on the disk
_BYTES_A_WEIGHT: Final = 40  # weights, average and two moments, the checkpoint before, and the best
_FOR_GPUS: Final = frozenset({"large", "paper"})
_TRIAL: Final = "micro"  # finds nothing: never advised
_LEAST_MINUTES: Final = 1.0
_LONGEST_S: Final = 10 * 365 * 86400.0  # beyond it a finish time says nothing, and overflows


@dataclass(frozen=True)
class Check:
    """One line of the list; `preset` is the one that the fix of that name would choose."""

    key: Key
    state: State
    sentence: str
    fix: Fix = ""
    preset: PresetInfo | None = None


@dataclass(frozen=True)
class Painted:
    """A painted defect: its area, and the size of its image, in image pixels."""

    area: int
    width: int
    height: int


@dataclass(frozen=True)
class Measured:
    """What a training of these settings takes, as one measured step says; `found` None: it is being measured."""

    config: TrainingConfig
    found: Estimate | None = None


@dataclass(frozen=True)
class Facts:
    """What the project and this computer know of a view that may be trained."""

    product: str
    view: str
    good: int = 0  # images to learn from
    good_parts: int = 0
    tuning_good: int = 0
    test: int = 0
    has_roi: bool = False
    fits: Fits = NO_FITS  # how the region lies on the images
    boxes: tuple[Box, ...] = ()  # cells
    painted: Painted | None = None  # hardly a mask has a smaller one
    masks: int = 0
    masks_measured: int = 0
    free: int = 0  # bytes
    can_train: bool = True
    earlier: tuple[RunRow, ...] = ()  # finished trainings of this view, oldest first
    measured: Measured | None = None


def gather(project: Project, product: str, view: str) -> Facts:
    """Look at the project and the disk; takes up to some seconds where many masks are painted."""
    parts: Counter[str] = Counter()
    images: Counter[str] = Counter()
    for count in project.counts(product):
        if count.view == view:
            name = count.split if count.split == "test" else f"{count.split} {count.label}"
            images[name] += count.images
            parts[name] += count.parts
    roi = _roi(project, product, view)
    boxes = () if roi is None else tuple(cell.box for cell in roi.cells)
    painted, masks, measured = _smallest_painted(project, product, view)
    return Facts(
        product=product,
        view=view,
        good=images["train good"],
        good_parts=parts["train good"],
        tuning_good=images["tuning good"],
        test=images["test"],
        has_roi=roi is not None and bool(roi.zones or roi.cells or roi.own),
        fits=NO_FITS if roi is None else _fits(project, product, view),
        boxes=boxes,
        painted=painted,
        masks=masks,
        masks_measured=measured,
        free=free_bytes(project.folder),
        can_train=find_spec("torch") is not None,
        earlier=tuple(project.runs(product=product, view=view, state="finished")),
    )


def checks(
    facts: Facts,
    config: TrainingConfig,
    *,
    computing_on: str | None,
    now: datetime,
    stop_by: datetime | None = None,
    after: int | None = None,
    unclear: str = "",
) -> tuple[Check, ...]:
    """The seven lines, in the order in which a person mends them; `computing_on` None: not known yet.

    `after` is the number of the training that has to end before this one begins; `unclear` says which setting nobody
    can make sense of.
    """
    return (
        _good(facts),
        _region(facts, config),
        _defect(facts, config),
        _tuning(facts),
        _disk(facts, config),
        _computing(facts, config, computing_on),
        Check("finish", "missing", unclear) if unclear else _finish(facts, config, now, stop_by, after),
    )


def reasons(facts: Facts) -> dict[str, str]:
    """What speaks for a model on this view, a sentence by name."""
    found = {"prff": "Recommended: finds small and faint defects, and looks twice when in doubt."}
    if facts.has_roi:
        found["grdnet"] = (
            "A region of interest is drawn: GRD-Net learns to judge there only. Train it beside PRFF-AD and compare."
        )
    else:
        found["grdnet"] = "Worth its time once a region of interest is drawn; until then PRFF-AD is recommended."
    return found


def can_start(found: Sequence[Check]) -> bool:
    """Whether nothing is missing; warnings do not hold a training up."""
    return not any(check.state == "missing" for check in found)


def seconds_needed(facts: Facts, config: TrainingConfig) -> float | None:
    """How long a training will take: as asked, or as long as the same one took before; None when nobody can know."""
    train = config.train
    if train.minutes is not None:
        return min(60 * train.minutes, _LONGEST_S)
    measured = facts.measured
    if measured is not None and measured.found is not None and measured.config == config:
        return min(measured.found.seconds, _LONGEST_S)
    for run in reversed(facts.earlier):
        before = TrainingConfig.model_validate(dict(run.config))
        if run.started is None or run.finished is None or not _alike(before, config):
            continue
        took = (datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)).total_seconds()
        length, length_before = train.steps or train.epochs, before.train.steps or before.train.epochs
        if length and length_before:
            return min(took * length / length_before, _LONGEST_S)
    return None


def minutes_each(facts: Facts, config: TrainingConfig, *, seconds: float, trainings: int) -> float:
    """The minutes that each of `trainings` gets when all are to be done in `seconds`; never more than it asks for."""
    share = max(_LEAST_MINUTES, seconds / 60 / max(1, trainings))
    needed = seconds_needed(facts, config)
    return round(share if needed is None else min(share, needed / 60), 1)


def smallest_in_model(facts: Facts, config: TrainingConfig) -> float | None:
    """The side, in model pixels, of a square as large as the smallest painted defect."""
    return None if facts.painted is None else _side(facts, facts.painted, config.preprocess)


def helping(facts: Facts, config: TrainingConfig) -> PresetInfo | None:
    """The cheapest preset of the model at which the smallest painted defect is large enough; None: at none."""
    if facts.painted is None:
        return None
    for one in presets(config.model):
        pre = config.preprocess.model_copy(update={"size": one.size})
        if one.name != _TRIAL and _side(facts, facts.painted, pre) >= _SMALL:
            return one
    return None


def _side(facts: Facts, painted: Painted, config: PreprocessConfig) -> float:
    pre = config.model_copy(update={"crop_and_pad": "none"} if _looks_for_part(config) else {})
    boxes = facts.boxes if pre.crop in ("roi", "tiles") and facts.boxes else None
    across, down = Preprocessor(pre).crops(painted.width, painted.height, boxes=boxes)[0].scale
    return math.sqrt(painted.area * across * down)


def bytes_needed(facts: Facts, config: TrainingConfig) -> int:
    """What a training writes, roughly: prepared images, checkpoints, maps of the images that are scored."""
    pixels = config.preprocess.size**2
    crops = max(1, len(facts.boxes))
    prepared = min(facts.good * crops * pixels * 3, config.train.cache_mb * 2**20)
    maps = (facts.tuning_good + facts.test) * crops * pixels
    return round(prepared + config.network.rough_weights() * _BYTES_A_WEIGHT + maps)


def clock(moment: datetime, now: datetime) -> str:
    """`14:32`; with the weekday when it is another day, with the date when it is more than a week away."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    return f"{moment:%a %H:%M}" if moment - now < timedelta(days=6) else f"{moment:%d %b %H:%M}"


def span(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`, `2 days 4 h`."""
    minutes = max(0, round(seconds / 60))
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h" if not rest else f"{hours} h {rest:02d} min"
    days = "1 day" if hours < 48 else f"{hours // 24} days"
    return days if not hours % 24 else f"{days} {hours % 24} h"


def estimated(found: Estimate, now: datetime | None = None) -> str:
    """What one measured step says of a training, as a sentence; with the finish where it would begin `now`."""
    done = "" if now is None else f", done {clock(now + timedelta(seconds=min(found.seconds, _LONGEST_S)), now)}"
    return (
        f"One step takes {found.step:.2g} s: about {span(found.seconds)}{done}; {_size(found.memory)} of memory, "
        f"{_size(found.disk)} on the disk."
    )


def _good(facts: Facts) -> Check:
    if not facts.good:
        return Check("good", "missing", "There is no good part to learn from. Label some images good.", "label")
    parts = _many(facts.good_parts, "good part")
    images = "" if facts.good == facts.good_parts else f" ({_many(facts.good, 'image')})"
    if facts.good < FEW_GOOD:
        return Check("good", "warning", f"Only {parts}{images} to learn from. From 20 on it gets better.", "label")
    return Check("good", "fine", f"{parts}{images} to learn from.")


def _region(facts: Facts, config: TrainingConfig) -> Check:
    if facts.boxes or facts.has_roi:
        cells = f"{_many(len(facts.boxes), 'cell')} in every image, each judged as a part."
        sentence = cells if facts.boxes else "Only the region of interest is judged."
        if facts.fits.low:
            count = len(facts.fits.low)
            doubt = f"On {_many(count, 'image')} it may lie wrong: look at {'it' if count == 1 else 'them'} first."
            return Check("roi", "warning", f"{sentence} {doubt}", "roi")
        if facts.fits.pending:
            sentence = f"{sentence} It is laid over {_many(facts.fits.pending, 'image')} when the training begins."
        return Check("roi", "fine", sentence)
    if config.preprocess.crop == "roi":
        return Check("roi", "warning", "The region of interest was asked for, but there is none.", "draw")
    return Check("roi", "fine", "The whole image is judged: no region of interest is set.", "draw")


def _defect(facts: Facts, config: TrainingConfig) -> Check:
    side = smallest_in_model(facts, config)
    if side is None:
        return Check("defect", "fine", "No defect is painted to measure against. Painting is optional.")
    sentence = f"{_which(facts)} {side:.1f} pixels wide for the detector"
    if side >= _SMALL:
        return Check("defect", "fine", f"{sentence}.")
    better = helping(facts, config)
    if better is None:
        return Check("defect", "warning", f"{sentence}: it may be missed. {_no_preset_helps(facts, config, side)}")
    larger = f"‘{better.cost[:1].upper()}{better.cost[1:]}’ ({better.size} px) sees it larger."
    return Check("defect", "warning", f"{sentence}: it may be missed. {larger}", "preset", better)


def _which(facts: Facts) -> str:
    """Which defect was measured, of how many masks."""
    masks = max(1, facts.masks_measured)
    seen = "" if facts.masks_measured >= facts.masks else " looked at"
    if masks * _FEW >= 1:
        return f"In 95 % of {masks} masks{seen} the smallest defect is at least"
    return f"The smallest painted defect of {_many(masks, 'mask')}{seen} is"


def _no_preset_helps(facts: Facts, config: TrainingConfig, side: float) -> str:
    assert facts.painted is not None
    sizes = {one.size for one in presets(config.model)}
    pre = config.preprocess
    best = max(_side(facts, facts.painted, pre.model_copy(update={"size": size})) for size in sizes)
    said = f"No preset sees it larger than {max(best, side):.1f} pixels"
    tiles = pre.model_copy(update={"crop": "tiles", "crop_and_pad": "none"})
    if pre.crop != "tiles" and _side(facts, facts.painted, tiles) >= _SMALL:
        return f"{said}; tiles would (Details for experts, Image, Crop)."
    return f"{said}."


def _tuning(facts: Facts) -> Check:
    if not facts.tuning_good:
        return Check("tuning", "warning", "No good image is set aside for tuning: there will be no threshold.", "split")
    judged = facts.tuning_good * max(1, len(facts.boxes))
    cells = f" with {judged:,} cells" if facts.boxes else ""
    good = f"{_many(facts.tuning_good, 'good tuning image')}{cells}"
    if judged < _ENOUGH_TUNING:
        what = "its score" if judged == 1 else "their highest score"
        few = f"Only {good}, fewer than {_ENOUGH_TUNING}: the threshold will be {what}, no rate is claimed."
        return Check(
            "tuning", "warning", few if facts.test else f"{few} No test image: there will be no figures.", "split"
        )
    if not facts.test:
        return Check("tuning", "warning", f"{good}, but no test image: there will be no figures.", "split")
    return Check("tuning", "fine", f"{good} for the threshold, {_many(facts.test, 'test image')} for the figures.")


def _disk(facts: Facts, config: TrainingConfig) -> Check:
    needed = bytes_needed(facts, config)
    sentence = f"{_size(facts.free)} free, about {_size(needed)} needed"
    if facts.free < needed:
        return Check("disk", "missing", f"{sentence}. Free some space.", "space")
    if facts.free < needed + _ROOM:
        return Check("disk", "warning", f"{sentence}: that is tight.", "space")
    return Check("disk", "fine", f"{sentence}.")


def _computing(facts: Facts, config: TrainingConfig, computing_on: str | None) -> Check:
    if not facts.can_train:
        return Check("computing", "missing", "This installation has no training part.", "install")
    if computing_on is None:
        return Check("computing", "open", "Looking what this computer computes on …")
    if PROCESSOR in computing_on and config.preset in _FOR_GPUS:
        fitting = [one for one in presets(config.model) if one.name not in _FOR_GPUS | {_TRIAL}]
        sentence = f"{_named(computing_on)}: this preset is made for a GPU."
        return Check("computing", "warning", sentence, "preset", fitting[-1])
    return Check("computing", "fine", f"{_named(computing_on)}.")


def _finish(facts: Facts, config: TrainingConfig, now: datetime, stop_by: datetime | None, after: int | None) -> Check:
    seconds = seconds_needed(facts, config)
    measured = facts.measured if facts.measured is not None and facts.measured.config == config else None
    if measured is not None and measured.found is None:
        return Check("finish", "open", "One step is being measured …", "leave")
    may_measure = facts.can_train and facts.good and measured is None and after is None
    fix: Fix = "measure" if config.train.minutes is None and may_measure else ""
    if stop_by is not None and (seconds is None or now + timedelta(seconds=seconds) > stop_by):
        return Check("finish", "fine", f"Fitted to be done by {clock(stop_by, now)}.")
    if seconds is None:
        return Check("finish", "fine", "The finish time is known after the first minute.", fix)
    if after is not None:
        return Check("finish", "fine", f"{span(seconds)} from the end of training #{after}.")
    if measured is not None and measured.found is not None:
        return Check("finish", "fine", estimated(measured.found, now))
    done = clock(now + timedelta(seconds=seconds), now)
    return Check("finish", "fine", f"Done about {done}, {span(seconds)} from now.", fix)


def _alike(before: TrainingConfig, config: TrainingConfig) -> bool:
    same = before.model == config.model and before.network == config.network and before.preprocess == config.preprocess
    kinds = [(one.train.steps is None, one.train.epochs is None) for one in (before, config)]
    return same and before.train.batch == config.train.batch and kinds[0] == kinds[1]


def _looks_for_part(config: PreprocessConfig) -> bool:
    return config.crop_and_pad == "auto"


def _roi(project: Project, product: str, view: str) -> Roi | None:
    for one in project.views(product):
        if one.code == view:
            return project.roi(one.id)
    return None


def _fits(project: Project, product: str, view: str) -> Fits:
    found = next((one for one in project.views(product) if one.code == view), None)
    return NO_FITS if found is None else fits(project, found)


def _smallest_painted(project: Project, product: str, view: str) -> tuple[Painted | None, int, int]:
    """The smallest defect of up to 200 masks spread over all of them, how many masks there are, how many were seen.

    Of each mask its smallest, of these the one that hardly any mask goes below.
    """
    ids = project.masked_images(product=product)
    shown = {row.id for row in project.images(ids=ids, product=product, view=view, label="defective")} if ids else set()
    masked = [image_id for image_id in ids if image_id in shown]
    chosen = masked[:: max(1, math.ceil(len(masked) / _MEASURED))]
    until = time.monotonic() + _MEASURE_S
    found: list[Painted] = []
    seen = 0
    for _, mask in project.masks(chosen):
        area = _smallest_area(mask)
        if area is not None:
            found.append(Painted(area, mask.shape[1], mask.shape[0]))
        seen += 1
        if time.monotonic() > until:
            break
    found.sort(key=lambda one: one.area / (one.width * one.height))
    smallest = found[int(_FEW * (len(found) - 1))] if found else None
    return smallest, len(masked), len(masked) if seen == len(chosen) == len(masked) else seen


def _smallest_area(mask: NDArray[np.uint8]) -> int | None:
    """Pixels of the smallest piece of a mask that is a defect; None when nothing is painted."""
    painted = ((mask > 0) & (mask < 255)).astype(np.uint8)  # 255: not judged
    _, _, statistics, _ = cv2.connectedComponentsWithStats(painted, connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return None
    least = max(_SPECK, _CRUMB * int(areas.max()))
    kept = areas[areas >= least]
    return int(kept.min()) if len(kept) else None


def _named(computing_on: str) -> str:
    return f"The {computing_on}" if computing_on.startswith(PROCESSOR) else computing_on[:1].upper() + computing_on[1:]


def _many(count: int, one: str) -> str:
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def _size(count: float) -> str:
    gib = count / 2**30
    return f"{gib:,.0f} GB" if gib >= 10 else f"{gib:.1f} GB" if gib >= 0.1 else f"{count / 2**20:.0f} MB"

"""Figures of a training: threshold from tuning images, everything else from test images, pictures of the heatmaps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.config import MODELS, TrainingConfig
from core.errors import InputError
from core.evaluation.curves import NotMeasured, to_levels
from core.evaluation.decisions import ThresholdChoice, choose_threshold
from core.evaluation.figures import Figures, RegionFigures, ScoredImage, compute_figures
from core.evaluation.gallery import GalleryItem, write_gallery
from core.evaluation.regional import RegionTally
from core.events import Done, EventTail, Hello
from core.imaging import Window, decode, load_rgb8
from core.preprocess import Geometry, Preprocessor
from core.project import Project
from core.project.records import ImageRow
from core.project.results import RunRow, ScoreRow, Scoring
from core.regions import Regions
from core.words import Label, Split
from core.workflow.deciding import proposed_passes
from core.workflow.progress import Progress, silent
from core.workflow.results import Result
from core.workflow.scores import LOT, OWN

MAP_SCALE: Final = 65535  # heatmap PNGs: this value is 1.0


@dataclass(frozen=True)
class Subject:
    """One scoring of one training, with what is needed to read its maps."""

    project: Project
    run: RunRow
    scoring: Scoring
    config: TrainingConfig

    @cached_property
    def folder(self) -> Path:
        """Where the maps lie."""
        return self.project.folder / self.scoring.folder

    @cached_property
    def preprocessor(self) -> Preprocessor:
        """The path that the model's images took."""
        return Preprocessor(self.config.preprocess)

    @cached_property
    def regions(self) -> Regions | None:
        """The region of interest, image by image; None where none was drawn."""
        own_job = (self.folder / "job.json").is_file()  # a later scoring brings the regions of its day
        return Regions.read(self.folder if own_job else self.run.folder)

    def region(self, image_id: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Where an image (H, W) is looked at: 1, elsewhere 0."""
        if self.regions is None:
            return np.ones(shape, np.uint8)
        version = self.scoring.roi_version_id
        lies = None if version is None else self.project.alignment(version, image_id)
        height, width = shape
        return self.regions.of(image_id, width, height, None if lies is None else lies.matrix)

    def judged(self, image_id: int, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What of a mask (H, W) lies where was judged: pixel figures rest on that."""
        return mask * self.region(image_id, mask.shape) if self.config.score.inside_roi else mask

    def inside(self, image: ImageRow, crops: Sequence[ScoreRow], *, whole: bool) -> list[NDArray[np.uint8]]:
        """Where each crop was judged, or the whole image; nothing where that is everywhere."""
        if self.regions is None or not self.config.score.inside_roi or not crops:
            return []
        region = self.region(image.id, self._shape(image, self.geometry(crops[0])))
        return [region] if whole else [self.preprocessor.mask(region, self.geometry(crop)) for crop in crops]

    def geometry(self, row: ScoreRow) -> Geometry:
        """How the crop of a score row lies on its image."""
        if row.box is None:
            raise InputError(f"the score of image {row.image_id} names no box", kept="Nothing was changed")
        pre = self.config.preprocess
        return Geometry(row.box, pre.size, pre.mode, pre.pad)

    def map(self, row: ScoreRow) -> NDArray[np.uint16] | None:
        """The stored map (S, S) of a crop, 65535 = 1.0; None when it was not kept."""
        path = self.folder / row.heatmap
        return np.asarray(decode(path)[..., 0], np.uint16) if row.heatmap and path.is_file() else None

    def maps(self, crops: Sequence[ScoreRow]) -> list[NDArray[np.uint16]] | None:
        """The stored maps of all crops of an image; None when there is none, or one was not kept."""
        maps = [one for one in map(self.map, crops) if one is not None]
        return maps if maps and len(maps) == len(crops) else None

    def blended(self, image: ImageRow, crops: Sequence[ScoreRow]) -> NDArray[np.float32] | None:
        """The maps of all crops on their image (H, W) in [0, 1], as they are shown; None when one was not kept."""
        maps = self.maps(crops)
        if maps is None:
            return None
        values = [one.astype(np.float32) / np.float32(MAP_SCALE) for one in maps]
        geometries = [self.geometry(crop) for crop in crops]
        height, width = self._shape(image, geometries[0])
        return self.preprocessor.restore(values, geometries, width, height)

    def seen(
        self, row: ScoredRow, mask: NDArray[np.uint8], region: NDArray[np.uint8]
    ) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]], list[NDArray[np.uint16]] | None]:
        """Mask, region and map (65535 = 1.0) of each crop; of the whole image where tiles cut and repeat its defects.

        No maps: one was not kept.
        """
        if self.config.preprocess.crop == "tiles":
            blended = self.blended(row.image, row.crops)
            return [mask], [region], None if blended is None else [to_levels(blended.clip(0, 1))]
        places = [self.geometry(crop) for crop in row.crops]
        pre = self.preprocessor
        masks, regions = ([pre.mask(one, place) for place in places] for one in (mask, region))
        return masks, regions, self.maps(row.crops)

    @property
    def kernel(self) -> int:
        """Side of the mean whose maximum is the score, in pixels of the maps of `seen`."""
        pre = self.config.preprocess
        side = self.config.score.kernel(pre.size)
        return 2 * int(side * pre.tile / pre.size / 2) + 1 if pre.crop == "tiles" and pre.tile else side

    def _shape(self, image: ImageRow, first: Geometry) -> tuple[int, int]:
        return image.height or first.box[3], image.width or first.box[2]

    @cached_property
    def window(self) -> Window | None:
        """How raw values of more than 8 bits are shown."""
        view = next(one for one in self.project.views(self.run.product) if one.code == self.run.view)
        return None if view.window is None else Window(*view.window)


@dataclass
class ScoredRow:
    """An image with its own score row and those of its crops or cells, in order."""

    image: ImageRow
    score: ScoreRow
    crops: list[ScoreRow] = field(default_factory=list)


def find(project: Project, number: int | None, scoring: int | None) -> Subject:
    """The asked training (or the latest that was scored) and scoring (or its own). Raises `InputError`."""
    if number is not None:
        run = project.run_by_number(number)
        scorings = _with_figures(project.scorings(run.id), scoring)
    else:
        scorings = [one for one in _with_figures(project.scorings(), scoring) if scoring is None or one.id == scoring]
        if scorings:
            run = project.run(scorings[-1].run_id)
            scorings = _with_figures(project.scorings(run.id), scoring)
    if not scorings:
        raise InputError("nothing was scored yet", path=project.folder, mend="Train first: flawscope train ...")
    chosen = [one for one in scorings if scoring is None or one.id == scoring]
    if not chosen:
        known = ", ".join(str(one.id) for one in scorings)
        raise InputError(f"training #{run.number} has no scoring {scoring}", mend=f"It has {known}")
    return Subject(project, run, chosen[-1], TrainingConfig.model_validate(dict(run.config)))


def _with_figures(scorings: list[Scoring], asked: int | None) -> list[Scoring]:
    """Those that can have figures; one that is asked for by number is never left out."""
    return [one for one in scorings if one.purpose != LOT or one.id == asked]


def evaluate(
    project: Project,
    number: int | None = None,
    scoring: int | None = None,
    *,
    progress: Progress = silent,
    decide: bool = False,
) -> Result:
    """Figures of one scoring; stored with it when the project may be written.

    With `decide` the threshold becomes a draft of the training's decision settings. Raises `InputError`.
    """
    subject = find(project, number, scoring)
    threshold = _threshold(subject)
    figures = _figures(subject, threshold, progress)
    result = _result(subject, figures)
    if not project.read_only:
        project.finish_scoring(subject.scoring.id, figures.model_dump(mode="json"))
        if subject.scoring.purpose == OWN or not subject.run.figures:  # other passes are a question, not the training
            project.update_run(subject.run.id, figures=_headline(result))
        if decide and isinstance(threshold, ThresholdChoice):
            _draft(subject, threshold, result)
    return result


def scored_rows(subject: Subject, split: Split | Sequence[Split]) -> Iterator[ScoredRow]:
    """Images of a split with their score rows, streamed in the order in which images came."""
    run = subject.run
    wanted = {row.id: row for row in subject.project.images(product=run.product, view=run.view, split=split)}
    current: ScoredRow | None = None
    for row in subject.project.scores(subject.scoring.id, scope=None, image_ids=wanted):
        if current is None or current.image.id != row.image_id:
            if current is not None:
                yield current
            current = ScoredRow(wanted[row.image_id], row)
        if row.scope == "image":
            current.score = row
        elif row.scope in ("crop", "cell"):
            current.crops.append(row)
    if current is not None:
        yield current


def _threshold(subject: Subject) -> ThresholdChoice | NotMeasured:
    """From good tuning images, or their cells where there are cells: images that no weight was fitted to."""
    good: list[float] = []
    defective: list[float] = []
    for row in scored_rows(subject, "tuning"):
        target = good if row.image.label == "good" else defective if row.image.label == "defective" else None
        cells = [one for one in row.crops if one.scope == "cell"]
        if target is None or row.score.score is None:
            continue
        if cells and row.image.label == "good":
            target.extend(one.score for one in cells if one.score is not None)
        else:
            target.append(row.score.score)
    return choose_threshold(good, defective)


def _figures(subject: Subject, threshold: Any, progress: Progress) -> Figures:
    rows = list(scored_rows(subject, "test"))
    if not rows:
        raise InputError(
            "no test image was scored, so there are no figures",
            path=subject.project.folder,
            mend="Put some good and defective images into test and score again",
        )
    masked = set(subject.project.masked_images(product=subject.run.product))
    images = (_scored_image(subject, row, masked) for row in rows)
    seconds = sum(row.score.ms or 0.0 for row in rows) / 1000
    figures = compute_figures(
        images, threshold=threshold, seconds=seconds, progress=lambda done: progress("Measuring", done, len(rows))
    )
    cells = [cell for row in rows for cell in _cell_images(subject, row, masked)]
    if cells:
        by_cell = compute_figures(cells, threshold=threshold)
        figures = figures.model_copy(
            update={
                "confusion": by_cell.confusion,
                "parts": by_cell.parts,
                "accuracy_best": by_cell.accuracy_best,
                "accuracy_best_threshold": by_cell.accuracy_best_threshold,
                "false_rejects_without_escape": by_cell.false_rejects_without_escape,
            }
        )
    if subject.regions is not None:
        figures = figures.model_copy(update={"region": _regional(subject, rows, masked, threshold)})
    return figures


def _regional(subject: Subject, rows: Sequence[ScoredRow], masked: set[int], threshold: Any) -> RegionFigures:
    """Figures inside the region, and what is rejected outside of it; defective images without a mask are left out."""
    of_map = not MODELS[subject.run.model].own_score
    value = threshold.value if of_map and isinstance(threshold, ThresholdChoice) else None
    tally = RegionTally(value, subject.kernel)
    for row in rows:
        if row.score.score is None:
            continue
        if row.image.label == "good":
            tally.add_good(row.score.score)
            continue
        mask = subject.project.mask(row.image.id) if row.image.id in masked else None
        if mask is None or row.image.label != "defective":
            continue
        region = subject.region(row.image.id, mask.shape)
        seen = subject.seen(row, mask, region)
        tally.add_defective(row.score.score, *seen, inside=bool((mask * region).any()))
    return tally.figures()


def _scored_image(subject: Subject, row: ScoredRow, masked: set[int]) -> ScoredImage:
    image, crops = row.image, row.crops
    tiled = subject.config.preprocess.crop == "tiles" and len(crops) > 1

    def load_map() -> list[NDArray[np.uint16]] | NDArray[np.float32] | None:
        if tiled:  # tiles overlap: what is shown is measured, and no pixel twice
            whole = subject.blended(image, crops)
            return None if whole is None else whole.clip(0, 1)
        return subject.maps(crops)

    def load_mask() -> list[NDArray[np.uint8]] | NDArray[np.uint8] | None:
        mask = subject.project.mask(image.id)
        if mask is None:
            return None
        mask = subject.judged(image.id, mask)
        if tiled:
            return mask
        how = subject.config.eval.mask_binarize
        return [subject.preprocessor.mask(mask, subject.geometry(crop), binarize=how) for crop in crops]

    return ScoredImage(
        id=image.id,
        part=f"{image.lot}/{image.part}",
        label=image.label,
        defect_class=image.defect_class,
        score=row.score.score,
        first=row.score.first,
        gated=row.score.gated,
        ms=row.score.ms,
        load_map=load_map,
        load_mask=load_mask if image.id in masked else lambda: None,
        load_region=lambda: subject.inside(image, crops, whole=tiled),
        areas=None if row.score.areas is None else row.score.areas.tolist(),
        problem=row.score.problem or None,
    )


def _cell_images(subject: Subject, row: ScoredRow, masked: set[int]) -> list[ScoredImage]:
    """The cells of a strip as parts of their own: defective where the mask has pixels, not known without a mask."""
    cells = [one for one in row.crops if one.scope == "cell"]
    if not cells:
        return []
    mask = subject.project.mask(row.image.id) if row.image.id in masked else None
    if mask is not None:
        mask = subject.judged(row.image.id, mask)
    found = []
    for cell in cells:
        label: Label = row.image.label
        if label == "defective":
            x0, y0, x1, y1 = (max(0, side) for side in cell.box or (0, 0, 0, 0))  # a box may exceed its image
            label = "unlabelled" if mask is None else "defective" if mask[y0:y1, x0:x1].any() else "good"
        found.append(
            ScoredImage(
                id=row.image.id,
                part=f"{row.image.lot}/{row.image.part}/{cell.name}",
                label=label,
                defect_class=row.image.defect_class,
                score=cell.score,
                first=cell.first,
                gated=cell.gated,
            )
        )
    return found


def _result(subject: Subject, figures: Figures) -> Result:
    run, scoring = subject.run, subject.scoring
    progressive = subject.config.progressive.model_dump() | dict(scoring.settings.get("progressive", {}))
    done, hello = _last_words(run.folder)
    view = "" if run.view in (None, "main") else f" > {run.view}"
    cells = any(True for row in subject.project.scores(scoring.id, scope="cell"))
    model = _model_record(run.folder)
    return Result(
        training=run.number,
        scoring=scoring.id,
        title=f"Training #{run.number}: {MODELS[run.model].title} {run.preset} on {run.product}{view}",
        state=run.state,
        figures=figures,
        passes=int(progressive["n"]),
        taps=str(progressive["taps"]),
        gate=float(progressive["gate"]),
        unit="cells" if cells else "parts",
        training_seconds=done.seconds if done else None,
        epochs=model.get("epochs"),
        peak_memory_mib=round(done.memory / 2**20, 1) if done and done.memory else None,
        warnings=(*_warnings(figures, hello), *_outdated(subject)),
        proposal=proposed_passes(model),
    )


def _outdated(subject: Subject) -> tuple[str, ...]:
    present = None if subject.run.view_id is None else subject.project.roi_ids().get(subject.run.view_id)
    if present == subject.scoring.roi_version_id:
        return ()
    return ("Out of date: the ROI was changed after these images were scored.",)


def _warnings(figures: Figures, hello: Hello | None) -> tuple[str, ...]:
    found = []
    if figures.defective and figures.masks < figures.defective:
        found.append(f"Pixel figures come from {figures.masks} masks of {figures.defective} defective images.")
    if figures.not_inspectable:
        found.append(f"{figures.not_inspectable} images could not be inspected; none of them counts as passed.")
    if hello is not None and hello.nondeterministic:
        found.append(f"Not repeatable to the last bit on this device: {', '.join(hello.nondeterministic)}.")
    return tuple(found)


def _last_words(folder: Path) -> tuple[Done | None, Hello | None]:
    events = EventTail(folder / "events.jsonl").drain()
    done = [event for event in events if isinstance(event, Done)]
    hello = [event for event in events if isinstance(event, Hello)]
    return (done[-1] if done else None), (hello[-1] if hello else None)


def _model_record(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    record: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return record


def _headline(result: Result) -> dict[str, Any]:
    document = result.as_json()
    return {name: value for name, value in document.items() if name != "figures"}


def _draft(subject: Subject, choice: ThresholdChoice, result: Result) -> None:
    how = {"rule": choice.how, "split": "tuning", "good": choice.good_n, "defective": choice.defective_n}
    subject.project.add_decision(
        subject.run.id,
        threshold=choice.value,
        passes=result.passes,
        gate=result.gate,
        scoring_id=subject.scoring.id,
        how=how | {"sentence": choice.sentence},
    )


def write_heatmaps(project: Project, result: Result, folder: Path, *, progress: Progress = silent) -> Path:
    """A page of pictures in `folder`: worst false rejects, worst escapes, best catches; returns its path.

    Raises `StorageError`; an image that cannot be read any more is listed with its problem.
    """
    subject = find(project, result.training, result.scoring)
    rows = list(scored_rows(subject, "test"))
    progress("Pictures", 0, 1)
    items = [_gallery_item(subject, row) for row in rows if row.score.score is not None]
    page = write_gallery(folder, items, result.figures, title=result.title, subtitle=result.lines()[2])
    progress("Pictures", 1, 1)
    return page


def _gallery_item(subject: Subject, row: ScoredRow) -> GalleryItem:
    image = row.image
    return GalleryItem(
        id=image.id,
        name=image.relative,
        label=image.label,
        score=row.score.score or 0.0,
        load_image=lambda: load_rgb8(image.path, subject.window),
        load_map=lambda: subject.blended(image, row.crops),
        load_mask=lambda: subject.project.mask(image.id),
        defect_class=image.defect_class,
    )

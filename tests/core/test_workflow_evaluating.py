"""From a worker's scores to figures: maps whose answer is known by hand, no model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core import regions
from core.config import preset, with_overrides
from core.errors import InputError, TrainingError
from core.evaluation.passes import PassesMeasured, PassesProposal
from core.imaging import save_png
from core.jobs import Job
from core.project import Project
from core.project.records import Alignment, Cell, Zone
from core.project.results import RunRow
from core.workflow import evaluating, listing, training
from core.workflow.deciding import proposed_passes
from core.workflow.importing import Choice, import_folder
from core.workflow.scores import FINAL, read_back

SIDE = 64
CELLS = (Cell("left", (0, 0, 32, 32)), Cell("right", (32, 0, 64, 32)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Strips of two cells: 11 good to train and tune, to test 2 good and 2 with a defect in the right cell."""
    root = tmp_path / "strip"
    for number in range(11):
        save_png(root / "train" / "good" / f"{number:02}.png", _picture(number))
    for number in range(2):
        save_png(root / "test" / "good" / f"{number}.png", _picture(50 + number))
        save_png(root / "test" / "spot" / f"{number}.png", _picture(60 + number))
        mask = np.zeros((32, 64), np.uint8)
        mask[8:16, 40:48] = 255
        save_png(root / "ground_truth" / "spot" / f"{number}_mask.png", mask)
    import_folder(root, tmp_path / "project", Choice())
    return tmp_path / "project"


def _picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 64, 3), dtype=np.uint8)


def _run(project: Project, *, cells: bool, model: str = "prff") -> RunRow:
    """A training as it is queued, with scores that a worker might have written."""
    (view,) = project.views()
    roi = project.set_roi(view.id, cells=CELLS) if cells else None
    crop = "roi" if cells else "fit"
    config = with_overrides(preset("prff", "micro"), [f"preprocess.crop={crop}"])
    run = project.add_run(
        product="strip",
        view="main",
        model=model,
        preset="micro",
        config=config.model_dump(mode="json"),
        roi_version_id=None if roi is None else roi.id,
    )
    boxes = [list(cell.box) for cell in CELLS] if cells else [[0, 0, 64, 32]]
    folder = run.folder / "scores" / FINAL
    lines = []
    for row in project.images(split=["tuning", "test"]):
        crops = [
            _crop(row.label == "defective", box, folder, f"{row.id}", k, len(boxes)) for k, box in enumerate(boxes)
        ]
        best = max(crop["score"] for crop in crops)
        lines.append({"id": row.id, "score": best, "peak": best, "first": best, "gated": False, "passes": 1, "ms": 5.0})
        lines[-1] |= {"crops": crops, "problem": None}
    (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def _crop(defective: bool, box: list[int], folder: Path, name: str, number: int, count: int) -> dict[str, object]:
    """A map that is right: 0.8 where the mask is, 0.1 elsewhere."""
    x0, y0, x1, y1 = box
    whole = np.full((32, 64), 0.1, np.float32)
    if defective:
        whole[8:16, 40:48] = 0.8
    part = whole[y0:y1, x0:x1]
    scaled = np.kron(part, np.ones((SIDE // part.shape[0], SIDE // part.shape[1])))
    file = f"{name}.png" if count == 1 else f"{name}_{number}.png"
    save_png(folder / "heatmaps" / file, np.rint(scaled * 65535).astype(np.uint16))
    score = float(part.max())
    return {"box": box, "score": score, "peak": score, "first": score, "gated": False, "areas": [64] * 64}


def test_right_maps_give_perfect_figures(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=False)
        scoring = read_back(opened, run, FINAL, purpose="training")
        result = evaluating.evaluate(opened, run.number, scoring, decide=True)
        found = result.figures
        assert (found.images, found.good, found.defective, found.masks) == (4, 2, 2, 2)
        assert found.image_auroc == 1.0
        assert found.pixel_auroc == pytest.approx(1.0, abs=1e-4)
        assert found.aupro == pytest.approx(1.0, abs=1e-3)
        assert found.threshold is not None
        assert found.threshold.value == pytest.approx(0.1)
        assert not found.threshold.claims_rate  # one good tuning image claims nothing
        assert found.confusion is not None
        assert (found.confusion.escapes, found.confusion.false_rejects) == (0, 0)
        lines = "\n".join(result.lines())
        assert "Accuracy 100.0 % (4/4, " in lines
        assert "Optimistic, chosen on these test images: best accuracy 100.0 % (4/4, " in lines
        columns, rows = result.table()
        assert dict(zip(columns, rows[0], strict=True))["AUPRO"] == "100.0 %"
        (decision,) = opened.decisions(run.id)
        assert decision.threshold == found.threshold.value
        assert opened.scorings(run.id)[0].figures["image_auroc"] == 1.0


def test_cells_of_a_strip_are_the_parts_that_are_counted(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=True)
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        counts = result.figures.confusion
        assert result.unit == "cells"
        assert counts is not None
        # four test strips of two cells: the left cells of the defective strips are good parts
        assert (counts.true_rejects, counts.true_passes, counts.escapes, counts.false_rejects) == (2, 6, 0, 0)
        assert result.figures.images == 4
        assert result.figures.pixel_auroc == pytest.approx(1.0, abs=1e-4)


def test_a_defect_in_a_cell_that_exceeds_its_image_is_a_defect(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=True)
        file = run.folder / "scores" / FINAL / "scores.jsonl"
        file.write_text(file.read_text().replace('"box": [32, 0, 64, 32]', '"box": [29, -3, 67, 35]'))  # padded
        counts = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training")).figures
        assert counts.confusion is not None
        assert (counts.confusion.true_rejects, counts.confusion.false_rejects) == (2, 0)


def test_pixels_of_a_defect_outside_the_region_are_not_asked_for(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=False)
        region = np.zeros((32, 64), np.uint8)
        region[:12] = 1  # the upper half of each defect
        regions.write(run.folder, region, {})
        subject = evaluating.find(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        (image, *_) = opened.images(split="test", label="defective")
        mask = opened.mask(image.id)
        assert mask is not None
        assert np.array_equal(np.argwhere(subject.judged(image.id, mask)).max(axis=0), (11, 47))


@pytest.mark.parametrize("cells", [False, True])
def test_pixel_figures_inside_the_region_rest_on_what_was_judged(project: Path, cells: bool) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=cells)
        region = np.zeros((32, 64), np.uint8)
        region[:16, 32:52] = 1
        regions.write(run.folder, region, {})
        scoring = read_back(opened, run, FINAL, purpose="training")
        subject = evaluating.find(opened, run.number, scoring)
        row = next(one for one in evaluating.scored_rows(subject, "test") if one.image.label == "good")
        inside = subject.inside(row.image, row.crops, whole=False)
        assert [one.mean() for one in inside] == ([0, 320 / 1024] if cells else [320 / 2048])
        result = evaluating.evaluate(opened, run.number, scoring)
        assert result.figures.inside_pixel_auroc == pytest.approx(1.0, abs=1e-4)
        assert any("inside the region alone: pixel AUROC 100.0 %" in line for line in result.lines())


def test_defects_outside_the_region_are_counted_apart(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=False)
        region = np.zeros((32, 64), np.uint8)
        region[20:] = 1  # below every defect
        regions.write(run.folder, region, {})
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        found = result.figures.region
        assert found is not None
        assert (found.images, found.only_outside, found.image_auroc) == (4, 2, None)  # inside there is nothing to find
        assert found.outside is not None and (found.outside.k, found.outside.n) == (2, 2)  # these maps shine outside
        assert any("Region of interest" in line and "100.0 % (2/2" in line for line in result.lines())


def test_a_threshold_of_latents_rejects_nothing_on_a_map(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=False, model="ganomaly")
        region = np.zeros((32, 64), np.uint8)
        region[20:] = 1
        regions.write(run.folder, region, {})
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        assert result.figures.threshold is not None
        assert result.figures.region is not None and result.figures.region.outside is None


def test_a_scratch_too_thin_for_the_map_is_a_defect_inside_the_region_all_the_same(project: Path) -> None:
    with Project.open(project) as opened:
        scratch = np.zeros((32, 64), np.uint8)
        scratch[8:16, 40] = 1
        for image in opened.images(split="test", label="defective"):
            opened.import_mask(image.id, scratch)
        run = _run(opened, cells=False)
        file = run.folder / "scores" / FINAL / "scores.jsonl"
        file.write_text(file.read_text().replace('"box": [0, 0, 64, 32]', '"box": [-64, -32, 128, 64]'))  # 3 : 1
        regions.write(run.folder, np.ones((32, 64), np.uint8), {})
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        assert result.figures.masks_empty == 2
        found = result.figures.region
        assert found is not None and (found.only_outside, found.image_auroc) == (0, 1.0)


def test_a_training_takes_the_region_of_its_view_along(project: Path) -> None:
    with Project.open(project) as opened:
        (view,) = opened.views()
        first = next(iter(opened.images()))
        own = Zone("own", "inspect", {"box": [0, 0, 8, 8]}, image_id=first.id)
        roi = opened.set_roi(
            view.id,
            zones=[
                Zone("part", "inspect", {"box": [10, 4, 50, 30]}),
                Zone("date", "ignore", {"box": [10, 4, 20, 8]}),
                own,
            ],
        )
        opened.set_alignments(roi.id, [Alignment(2, (1, 0, 3, 0, 1, -2), 0.9, "phase", "model")])
        (number,) = training.prepare(opened, training.Order(preset="micro"))
        job = Job(opened.run_by_number(number).folder)
        found = regions.Regions.read(job.folder)
        assert found is not None
        template = found.of(999, 64, 32)
        assert template[4:30, 10:50].sum() == 26 * 40 - 4 * 10 == template.sum()
        assert found.of(first.id, 64, 32).sum() == 64
        rows = {row.id: row for row in job.manifest()}
        assert rows[2].matrix == (1, 0, 3, 0, 1, -2) and rows[3].matrix is None


def test_a_scoring_with_other_passes_leaves_the_figures_of_the_training(project: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=False)
        evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        lines = [json.loads(line) for line in (run.folder / "scores" / FINAL / "scores.jsonl").read_text().splitlines()]
        other = run.folder / "scores" / "1" / "scores.jsonl"
        other.parent.mkdir()
        other.write_text("".join(json.dumps(line | {"score": 1 - line["score"]}) + "\n" for line in lines))
        again = evaluating.evaluate(opened, run.number, read_back(opened, run, "1", purpose="again"))
        assert again.figures.image_auroc == 0
        assert opened.run(run.id).figures["image_auroc"] == 1
        assert opened.scorings(run.id)[-1].figures["image_auroc"] == 0


def test_what_tuning_images_propose_is_told_and_decides_nothing(project: Path) -> None:
    once = PassesMeasured(passes=1, gate=0.5, image_auroc=0.9, pixel_auroc=0.8, good_on=0, defective_on=0, ms=8.25)
    twice = once.model_copy(update={"passes": 2, "good_on": 3, "defective_on": 9, "ms": 16.5})
    said = PassesProposal(
        passes=1, gate=0.5, sentence="One pass: why.", images=27, good=16, defective=16, options=(once, twice)
    )
    with Project.open(project) as opened:
        run = _run(opened, cells=False)
        (run.folder / "model.json").write_text(json.dumps({"proposal": said.model_dump()}))
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"), decide=True)
        assert result.proposal == said
        assert result.lines()[-3:] == [
            "Proposed: One pass: why.",
            "Measured with one pass on 16 good and 16 artificially defective images: "
            "image 90.0 %, pixel 80.0 %, 8.2 ms",
            "Measured with 2 passes above 0.5: image 90.0 %, pixel 80.0 %, 16.5 ms; "
            "3/16 good and 9/16 artificially defective go on",
        ]
        assert proposed_passes(opened.run(run.id).figures) == said
        assert ["Proposed", "One pass: why."] in listing.one_training(opened, run.number).rows
        (decision,) = opened.decisions(run.id)
        assert (decision.passes, decision.gate) == (2, 0.5)  # the training's own
        (run.folder / "model.json").write_text("{}")  # as trainings left it that did not measure
        assert evaluating.evaluate(opened, run.number).proposal is None


def test_figures_without_defects_say_why_there_is_no_curve(project: Path) -> None:
    with Project.open(project) as opened:
        opened.set_split([row.id for row in opened.images(label="defective")], "unused")
        run = _run(opened, cells=False)
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        assert result.figures.image_auroc is None
        assert any("image auroc" in note and "defective" in note for note in result.notes())


def test_a_page_of_pictures_names_every_group(project: Path, tmp_path: Path) -> None:
    with Project.open(project) as opened:
        run = _run(opened, cells=True)
        result = evaluating.evaluate(opened, run.number, read_back(opened, run, FINAL, purpose="training"))
        page = evaluating.write_heatmaps(opened, result, tmp_path / "page")
    text = page.read_text()
    for words in ("False rejects", "Escapes", "spot/0.png"):
        assert words in text


def test_scores_that_were_never_finished_are_said_to_be_missing(project: Path) -> None:
    with Project.open(project) as opened:
        run = opened.add_run(product="strip", view="main", model="prff", preset="micro", config={})
        with pytest.raises(TrainingError, match="no scores"):
            read_back(opened, run, FINAL, purpose="training")
        with pytest.raises(InputError, match="nothing was scored"):
            evaluating.evaluate(opened)


def test_a_view_with_cells_trains_on_its_cells(project: Path) -> None:
    with Project.open(project) as opened:
        (view,) = opened.views()
        opened.set_roi(view.id, cells=CELLS)
        (number,) = training.prepare(opened, training.Order(preset="micro"))
        rows = list(training.Job(opened.run_by_number(number).folder).manifest())
        assert {row.boxes for row in rows} == {((0, 0, 32, 32), (32, 0, 64, 32))}
        (whole,) = training.prepare(opened, training.Order(preset="micro", changes=("preprocess.crop=fit",)))
        assert {row.boxes for row in training.Job(opened.run_by_number(whole).folder).manifest()} == {None}

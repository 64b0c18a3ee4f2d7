"""Reviewing a scoring: counts and queues by hand, verdicts, thresholds that are kept, feeding back, the morning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.config import preset, with_overrides
from core.errors import InputError
from core.evaluation.curves import NotMeasured
from core.evaluation.decisions import PartTable, ThresholdChoice
from core.project import Cell, NewScore, Project, Zone
from core.words import LABELS
from core.workflow import heatmaps, lots, overnight, review
from tests.scored import SPOT, Shot, add_scoring, add_training, make_project, scored_project, strip_of_shots


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The project of `strip_of_shots`: threshold just above 0.30."""
    with scored_project(tmp_path) as opened:
        yield opened


def names(project: Project, table: review.ReviewTable, rows: np.ndarray) -> list[str]:
    """What a queue lists, by name."""
    by_id = {row.id: row.path.stem for row in project.images()}
    return [by_id[table.place(int(row))[0]] for row in rows]


def row_named(project: Project, table: review.ReviewTable, name: str) -> int:
    """The row of an image."""
    image = next(row for row in project.images() if row.path.stem == name)
    row = table.row_of(image.id)
    assert row is not None
    return row


def test_counts_are_those_that_the_evaluation_measured(project: Project) -> None:
    table = review.load(project)
    stored = project.scorings()[-1].figures["confusion"]
    found = review.counts(table, table.threshold)
    assert (found.false_rejects, found.escapes, found.true_rejects, found.true_passes) == (2, 1, 2, 2)
    for name in ("false_rejects", "escapes", "true_rejects", "true_passes", "unlabelled"):
        assert getattr(found, name) == stored[name]
    assert table.threshold == pytest.approx(0.30)
    assert review.counts(table, 0.65).false_rejects == 0
    assert review.counts(table, 0.0).false_rejects == 4


def test_every_queue_begins_with_the_worst(project: Project) -> None:
    table = review.load(project)

    def listed(kind: review.Kind, threshold: float = table.threshold) -> list[str]:
        return names(project, table, review.queue(table, kind, threshold))

    assert listed("false_rejects") == ["good 2", "good 1"]
    assert listed("escapes") == ["scratch 1"]
    assert listed("escapes", 0.95) == ["scratch 1", "scratch 2", "scratch 0"]
    assert listed("caught") == ["scratch 0", "scratch 2"]
    assert listed("passed") == ["good 3", "good 0"]
    assert listed("rejects") == ["scratch 0", "scratch 2", "good 2", "good 1"]
    assert listed("near", 0.42)[:2] == ["good 1", "good 2"]
    assert listed("all")[0] == "scratch 0"
    assert len(listed("all")) == 7
    assert names(project, table, review.queue(table, "passed", 1.0, "tuning"))[0] == "tuning 2"


def test_an_image_without_a_score_is_no_pass(tmp_path: Path) -> None:
    shots = [*strip_of_shots(), Shot("black", "good", "test", None)]
    with scored_project(tmp_path, shots) as project:
        table = review.load(project)
        assert names(project, table, review.queue(table, "not_inspectable", 0.5)) == ["black"]
        assert "black" not in names(project, table, review.queue(table, "passed", 0.5))
        assert names(project, table, review.queue(table, "all", 0.5))[-1] == "black"
        assert review.counts(table, 0.5).not_inspectable_good == 1


def test_a_part_is_rejected_when_any_of_its_images_is(tmp_path: Path) -> None:
    shots = [
        *strip_of_shots(),
        Shot("left", "good", "test", 0.8, part="p", lot="1"),
        Shot("right", "good", "test", 0.1, part="p", lot="1"),
        Shot("top", "good", "test", 0.7, part="q", lot="1"),
        Shot("dented", "defective", "test", 0.9, part="q", lot="1"),
    ]
    with scored_project(tmp_path, shots) as project:
        table = review.load(project)
        found = review.counts(table, 0.5)
        assert (found.false_rejects, found.true_rejects) == (2, 3)  # "good 2" and p; "scratch 0", "scratch 2" and q
        assert names(project, table, review.queue(table, "false_rejects", 0.5)) == ["left", "good 2"]
        caught = names(project, table, review.queue(table, "caught", 0.5))
        assert "top" in caught  # it belongs to a defective part: rejecting it is no mistake
        assert "right" not in names(project, table, review.queue(table, "passed", 0.5))


def test_columns_count_as_the_table_of_names_does() -> None:
    rng = np.random.default_rng(0)
    parts, labels = rng.integers(0, 80, 200), rng.integers(0, 3, 200).astype(np.uint8)
    scores = np.where(rng.random(200) < 0.1, np.nan, rng.random(200))
    by_name = PartTable([f"{part:03}" for part in parts], [LABELS[code] for code in labels], scores)
    by_column = PartTable.of_columns(parts, labels, scores)
    for threshold in (0.0, 0.31, 0.5, 0.99):
        assert by_name.confusion(threshold, 0.2) == by_column.confusion(threshold, 0.2)


def test_the_threshold_comes_from_tuning_until_one_is_kept(tmp_path: Path) -> None:
    shots = strip_of_shots()
    with make_project(tmp_path, shots) as project:
        run = add_training(project, shots)
        table = review.load(project)
        assert table.decision is None
        assert isinstance(table.choice, ThresholdChoice)
        assert table.threshold == table.choice.value == pytest.approx(0.30)
        kept = review.keep_threshold(project, table, table.choice.value)
        assert (kept.state, kept.version, kept.optimistic) == ("draft", 1, False)
        assert kept.how["split"] == "tuning"
        moved = review.keep_threshold(project, review.load(project), 0.62, reason="fewer false rejects")
        assert (moved.version, moved.optimistic, moved.parent_id) == (2, True, kept.id)
        assert moved.how["sentence"] == "Set by hand to 0.62."
        assert project.decisions(run.id)[-1].reason == "fewer false rejects"
        again = review.load(project)
        assert again.threshold == 0.62
        assert review.is_optimistic(again, 0.62, "test")
        assert not review.is_optimistic(again, table.choice.value, "test")
        with pytest.raises(InputError, match="number"):
            review.keep_threshold(project, again, float("nan"))


def test_without_good_tuning_images_the_threshold_lies_above_every_good_one(tmp_path: Path) -> None:
    shots = [shot for shot in strip_of_shots() if shot.split != "tuning"]
    with make_project(tmp_path, shots) as project:
        add_training(project, shots)
        table = review.load(project)
        assert isinstance(table.choice, NotMeasured)
        assert table.threshold == pytest.approx(0.60)
        assert review.counts(table, table.threshold).false_rejects == 0


def test_a_step_of_the_threshold_changes_one_count(project: Project) -> None:
    table = review.load(project)
    threshold, rejected = 0.0, []
    for _ in range(8):
        threshold = review.next_change(table, threshold, "test", up=True)
        found = review.counts(table, threshold)
        rejected.append(found.false_rejects + found.true_rejects)
    assert rejected == [6, 5, 4, 3, 2, 1, 0, 0]
    assert review.next_change(table, threshold, "test", up=True) == threshold
    assert review.next_change(table, 0.5, "test", up=False) == pytest.approx((0.20 + 0.45) / 2)
    assert review.next_change(table, 0.30, "test", up=True) == pytest.approx((0.45 + 0.60) / 2)


def test_a_verdict_says_on_what_it_rested_and_changes_no_label(project: Project) -> None:
    table = review.load(project)
    row = row_named(project, table, "good 2")
    image_id, _ = table.place(row)
    review.give_verdict(project, table, row, "good", threshold=0.33, reason="dust")
    (said,) = project.verdicts(image_ids=[image_id])
    assert (said.verdict, said.run_id, said.scoring_id, said.threshold, said.score) == (
        *("good", table.run.id, table.scoring.id, 0.33),
        pytest.approx(0.60),
    )
    assert said.decision_id == table.decision.id if table.decision else False
    audit = list(project.audit_rows())[-1]
    assert (audit.action, audit.subject_id, audit.reason) == ("verdict", image_id, "dust")
    assert project.image(image_id).label == "good"
    assert review.counts(review.load(project), 0.3) == review.counts(table, 0.3)


def test_undoing_a_verdict_opens_it_again(project: Project) -> None:
    table = review.load(project)
    row = row_named(project, table, "good 2")
    everything = len(review.queue(table, "unreviewed", 0.3))
    review.give_verdict(project, table, row, "defective", threshold=0.3)
    after = review.load(project)
    assert after.verdict_of(row) == "defective"
    assert table.with_verdict(row, "defective").verdict.tolist() == after.verdict.tolist()
    assert len(review.queue(after, "unreviewed", 0.3)) == everything - 1
    assert names(project, after, review.queue(after, "disagreements", 0.3)) == ["good 2"]
    project.undo()
    assert review.load(project).verdict_of(row) is None


def test_good_verdicts_outside_test_are_offered_and_move_when_asked(tmp_path: Path) -> None:
    shots = [
        *strip_of_shots(),
        Shot("new 0", "unlabelled", "unused", 0.7, part="x", lot="monday"),
        Shot("new 1", "unlabelled", "unused", 0.1, part="x", lot="monday"),
        Shot("new 2", "unlabelled", "unused", 0.8, part="y", lot="monday"),
    ]
    with scored_project(tmp_path, shots) as project:
        table = review.load(project)
        for name in ("good 2", "new 0"):
            review.give_verdict(project, table, row_named(project, table, name), "good", threshold=0.3)
        review.give_verdict(project, table, row_named(project, table, "new 2"), "defective", threshold=0.3)
        (offer,) = review.feedback(project, "nut")
        assert (offer.path.stem, offer.split, offer.training, offer.lot) == ("new 0", "unused", 1, "monday")
        assert offer.score == pytest.approx(0.7)
        assert not offer.lot_in_test
        assert project.image(offer.image_id).split == "unused"  # offered, not moved
        report = review.apply_feedback(project, [offer.image_id])
        assert (report.changed, report.with_part) == (2, 1)
        moved = project.image(offer.image_id)
        assert (moved.split, moved.label) == ("train", "good")
        assert "fed back" in list(project.audit_rows())[-1].reason
        assert review.feedback(project, "nut") == []
        project.undo()
        project.undo()
        assert project.image(offer.image_id).split == "unused"


def test_a_test_image_is_never_fed_back(project: Project) -> None:
    table = review.load(project)
    image_id, _ = table.place(row_named(project, table, "good 2"))
    with pytest.raises(InputError, match="test image"):
        review.apply_feedback(project, [image_id])
    assert project.image(image_id).split == "test"


def test_a_lot_with_test_images_is_said_to_be_one(tmp_path: Path) -> None:
    shots = [
        Shot("a", "good", "test", 0.2, lot="monday"),
        Shot("b", "defective", "test", 0.9, lot="monday"),
        Shot("t", "good", "tuning", 0.3, lot="friday"),
        Shot("c", "unlabelled", "unused", 0.6, lot="monday"),
    ]
    with scored_project(tmp_path, shots) as project:
        table = review.load(project)
        review.give_verdict(project, table, row_named(project, table, "c"), "good", threshold=0.3)
        assert [offer.lot_in_test for offer in review.feedback(project, "nut")] == [True]


def test_figures_say_what_they_rest_on_has_changed(project: Project) -> None:
    assert review.load(project).stale == ()
    image = next(row for row in project.images() if row.path.stem == "good 2")
    project.set_label([image.id], "defective")
    assert any("Labels" in line for line in review.load(project).stale)
    project.undo()
    assert review.load(project).stale == ()
    mask = np.zeros((64, 64), np.uint8)
    mask[1:3, 1:3] = 1
    defective = next(row for row in project.images(label="defective"))
    project.import_mask(defective.id, mask, origin="person")
    assert any("Masks of 1 test image were" in line for line in review.load(project).stale)
    project.set_roi(image.view_id, zones=[Zone("all", "inspect", {"box": [0, 0, 10, 10]})])
    assert any("ROI" in line for line in review.load(project).stale)


def test_a_lot_is_judged_anew_by_the_threshold_that_is_kept(tmp_path: Path) -> None:
    shots = [*strip_of_shots(), *(Shot(f"new {n}", "unlabelled", "unused", 0.2 + 0.2 * n) for n in range(4))]
    with scored_project(tmp_path, shots[:-4]) as project:
        pass
    with scored_project(tmp_path / "lot", shots) as project:
        run = project.runs()[0]
        scoring = add_scoring(project, run, shots[-4:], purpose="lot")
        lots.judge_scored(project, run.number, scoring)
        assert review.load(project).scoring.id != scoring  # a lot has no figures: never shown unasked
        table = review.load(project, run.number, scoring)
        assert table.default_scope() == "all"
        found = review.counts(table, table.threshold, "all")
        assert (found.unlabelled, found.unlabelled_rejected) == (4, 3)
        kept = review.keep_threshold(project, table, 0.7, "all")
        assert not kept.optimistic
        said = project.judgements(kept.id, scoring)
        assert sorted(said.values()) == ["pass", "pass", "pass", "reject"]
        listed = [one.scoring for one in review.scorings(project)]
        assert listed == [scoring, project.scorings(run.id)[0].id]


def test_cells_are_units_of_their_own(tmp_path: Path) -> None:
    shots = [
        Shot("good", "good", "test", 0.2),
        Shot("spot", "defective", "test", 0.9),
        Shot("t", "good", "tuning", 0.3),
    ]
    cells = (Cell("left", (0, 0, 32, 64)), Cell("right", (32, 0, 64, 64)))
    with make_project(tmp_path, shots) as project:
        (view,) = project.views()
        roi = project.set_roi(view.id, cells=cells)
        config = with_overrides(preset("prff", "micro"), ["preprocess.crop=roi"])
        values = config.model_dump(mode="json")
        run = project.add_run(product="nut", model="prff", preset="micro", config=values, roi_version_id=roi.id)
        scoring = project.add_scoring(run.id, roi_version_id=roi.id)
        rows = []
        for image, shot in zip(project.images(), shots, strict=True):
            rows.append(NewScore(image.id, shot.score))
            rows += [
                NewScore(
                    image.id, shot.score if cell.name == "right" else 0.1, scope="cell", name=cell.name, box=cell.box
                )
                for cell in cells
            ]
        project.add_scores(scoring, rows)
        table = review.load(project)
        assert table.has_cells
        assert len(table) == 6
        found = review.counts(table, 0.5)
        # the spot (x 16 to 32) is painted in the left cell alone: rejecting the right one is a false reject
        assert (found.false_rejects, found.escapes, found.true_passes) == (1, 1, 2)
        (row,) = review.queue(table, "false_rejects", 0.5).tolist()
        assert table.place(row)[1] == "right"
        review.give_verdict(project, table, row, "good", threshold=0.5)
        assert project.verdicts()[0].cell == "right"
        assert review.feedback(project, "nut") == []


def test_a_scoring_with_other_passes_is_shown_only_when_it_is_asked_for(project: Project) -> None:
    run, own = project.run_by_number(1), project.scorings()[-1].id
    other = add_scoring(project, run, [Shot("good 3", "good", "test", 0.99)], purpose="again", passes=5)
    assert review.load(project).scoring.id == own
    assert review.load(project, 1).scoring.id == own
    assert [one.scoring for one in overnight.ended_since(project, None)] == [own]
    assert review.load(project, 1, other).differs == {"n": 5}
    again = add_scoring(project, run, strip_of_shots(), purpose="once more")
    assert review.load(project).scoring.id == again


def test_nothing_scored_says_so(tmp_path: Path) -> None:
    with make_project(tmp_path, strip_of_shots()) as project, pytest.raises(InputError, match="nothing was scored"):
        review.load(project)


def test_the_contour_lies_on_the_defect_and_goes_with_the_threshold(project: Project) -> None:
    table = review.load(project)
    image_id, _ = table.place(row_named(project, table, "scratch 0"))
    maps = heatmaps.image_maps(project, table.run, table.scoring, image_id)
    (polygon,) = maps.contours(0.3)
    assert polygon.min(axis=0) == pytest.approx([SPOT[0], SPOT[1]], abs=1.0)
    assert polygon.max(axis=0) == pytest.approx([SPOT[2], SPOT[3]], abs=1.0)
    assert maps.contours(0.95) == []  # it passes there: nothing is claimed
    heat = maps.heat()
    assert heat is not None
    assert heat[30, 24] == round(255 * 0.9)
    assert heat[2, 2] == round(255 * 0.09)


def test_a_contour_on_a_crop_lies_where_the_crop_lies(tmp_path: Path) -> None:
    shots = [
        Shot("wide", "defective", "test", 0.9),
        Shot("good", "good", "test", 0.1),
        Shot("t", "good", "tuning", 0.2),
    ]
    with make_project(tmp_path, shots, width=128, height=64) as project:
        run = add_training(project, shots, changes=["preprocess.mode=letterbox"])
        table = review.load(project)
        image_id, _ = table.place(row_named(project, table, "wide"))
        maps = heatmaps.image_maps(project, run, table.scoring, image_id)
        (polygon,) = maps.contours(0.5)
        # 128 x 64 fill rows 16 to 48 of the 64 x 64 model pixels, two image pixels each
        assert polygon.min(axis=0) == pytest.approx([2 * SPOT[0], 2 * (SPOT[1] - 16)], abs=1.5)
        assert polygon.max(axis=0) == pytest.approx([2 * SPOT[2], 2 * (SPOT[3] - 16)], abs=1.5)


def test_a_map_that_is_gone_is_missing_not_an_error(project: Project) -> None:
    table = review.load(project)
    image_id, _ = table.place(row_named(project, table, "scratch 0"))
    (project.folder / table.scoring.folder / "heatmaps" / f"{image_id}.png").unlink()
    maps = heatmaps.image_maps(project, table.run, table.scoring, image_id)
    assert "not kept" in maps.missing
    assert (maps.heat(), maps.contours(0.3)) == (None, [])


def test_pictures_of_crops_lie_where_the_crops_lie(project: Project) -> None:
    table = review.load(project)
    image_id, _ = table.place(0)
    (crop,) = heatmaps.image_maps(project, table.run, table.scoring, image_id).crops
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    placed = heatmaps.place([red], [crop.geometry], (64, 64))
    assert placed.shape == (64, 64, 3)
    assert (placed == red).all()


def test_the_morning_names_the_worst_false_reject_of_each_training(project: Project) -> None:
    failed = project.add_run(product="nut", view="main", model="prff", preset="micro", config={})
    project.update_run(failed.id, state="failed", error="memory ran out")
    (second, first) = overnight.ended_since(project, None)
    assert (second.number, second.state, second.error, second.scoring) == (2, "failed", "memory ran out", None)
    assert (first.number, first.false_rejects, first.good, first.escapes, first.defective) == (1, 2, 4, 1, 3)
    assert first.worst is not None
    assert (first.worst.name, first.worst.score) == ("good 2.png", pytest.approx(0.60))
    assert [one.scoring for one in overnight.ended_since(project, None, told=1)] == [None, None]
    assert overnight.ended_since(project, second.at) == []

"""Seven lines before a training: what is missing, what is doubtful, and when it would be done."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.config import TrainingConfig, preset, with_overrides
from core.evaluation.decisions import ThresholdChoice, choose_threshold
from core.events import Estimate
from core.imaging import save_png
from core.project import NewImage, Project
from core.project.records import Cell
from core.workflow import readiness
from core.workflow.readiness import Check, Facts, Key, Measured, Painted

NOW = datetime(2026, 3, 5, 22, 30)
QUICK = preset("prff", "quick")
READY = Facts("chip", "main", good=60, good_parts=60, tuning_good=24, test=20, free=100 * 2**30)


def line(key: Key, facts: Facts, config: TrainingConfig = QUICK, *, on: str | None = "processor, 2 threads") -> Check:
    found = readiness.checks(facts, config, computing_on=on, now=NOW)
    return next(check for check in found if check.key == key)


def but(**changes: object) -> Facts:
    return Facts(**{**vars(READY), **changes})  # type: ignore[arg-type]


def test_there_are_seven_lines_and_nothing_holds_a_ready_view_up() -> None:
    found = readiness.checks(READY, QUICK, computing_on="processor, 2 threads", now=NOW)
    assert [check.key for check in found] == ["good", "roi", "defect", "tuning", "disk", "computing", "finish"]
    assert {check.state for check in found} == {"fine"}
    assert readiness.can_start(found)


@pytest.mark.parametrize(
    ("key", "facts", "state", "fix"),
    [
        ("good", but(good=0, good_parts=0), "missing", "label"),
        ("good", but(good=4, good_parts=4), "warning", "label"),
        ("tuning", but(tuning_good=0), "warning", "split"),
        ("tuning", but(tuning_good=19), "warning", "split"),
        ("tuning", but(tuning_good=20), "fine", ""),
        ("tuning", but(tuning_good=2, boxes=((0, 0, 8, 8),) * 10), "fine", ""),
        ("tuning", but(test=0), "warning", "split"),
        ("disk", but(free=2**20), "missing", "space"),
        ("disk", but(free=2**31), "warning", "space"),
        ("computing", but(can_train=False), "missing", "install"),
        ("defect", but(painted=Painted(4, 2000, 2000)), "warning", ""),
        ("defect", but(painted=Painted(100, 640, 640)), "warning", "preset"),
        ("defect", but(painted=Painted(4000, 2000, 2000)), "fine", ""),
    ],
)
def test_each_line_says_what_is_wrong_and_where_to_mend_it(key: Key, facts: Facts, state: str, fix: str) -> None:
    found = line(key, facts)
    assert (found.state, found.fix) == (state, fix)
    assert found.sentence.endswith((".", "…"))


def test_few_tuning_images_are_counted_with_what_they_mean_for_the_threshold() -> None:
    said = line("tuning", but(tuning_good=6)).sentence
    assert said == (
        "Only 6 good tuning images, fewer than 20: the threshold will be their highest score, no rate is claimed."
    )
    assert "Only 1 good tuning image, fewer than 20: the threshold will be its score" in (
        line("tuning", but(tuning_good=1)).sentence
    )
    assert "Only 1 good tuning image with 4 cells, fewer than 20" in (
        line("tuning", but(tuning_good=1, boxes=((0, 0, 8, 8),) * 4)).sentence
    )
    both = line("tuning", but(tuning_good=6, test=0)).sentence
    assert both.startswith("Only 6 good") and both.endswith("No test image: there will be no figures.")
    assert (
        line("tuning", but(tuning_good=24)).sentence
        == "24 good tuning images for the threshold, 20 test images for the figures."
    )


@pytest.mark.parametrize("count", [1, 6, 19, 20, 24])
def test_the_line_warns_exactly_where_the_threshold_claims_no_rate(count: int) -> None:
    choice = choose_threshold(np.linspace(0.1, 0.4, count))
    assert isinstance(choice, ThresholdChoice)
    assert (line("tuning", but(tuning_good=count)).state == "fine") == choice.claims_rate


def test_only_what_is_missing_holds_a_training_up() -> None:
    doubtful = readiness.checks(but(tuning_good=0, good=3, good_parts=3), QUICK, computing_on=None, now=NOW)
    assert readiness.can_start(doubtful)
    missing = readiness.checks(but(good=0, good_parts=0), QUICK, computing_on=None, now=NOW)
    assert not readiness.can_start(missing)


def test_the_smallest_defect_is_measured_in_the_pixels_of_the_detector() -> None:
    facts = but(painted=Painted(100, 1280, 1280), masks=1, masks_measured=1)
    assert readiness.smallest_in_model(facts, QUICK) == pytest.approx(1.0)  # 10 px of 1280 are 1 of 128
    with_cells = but(painted=Painted(100, 1280, 1280), boxes=((0, 0, 128, 128),))
    in_cells = with_overrides(QUICK, ["preprocess.crop=roi"])
    assert readiness.smallest_in_model(with_cells, in_cells) == pytest.approx(10.0)


def test_the_preset_that_would_help_is_named_or_that_none_does() -> None:
    small = line("defect", but(painted=Painted(100, 640, 640), masks=6, masks_measured=6))
    assert small.sentence == (
        "The smallest painted defect of 6 masks is 2.0 pixels wide for the detector: it may be missed. "
        "‘Overnight’ (256 px) sees it larger."
    )  # ‘1 hour’ sees as few pixels as the quick one
    assert small.preset is not None and small.preset.name == "medium"
    assert line("defect", but(painted=Painted(100, 640, 640)), preset("prff", "medium")).state == "fine"
    hopeless = line("defect", but(painted=Painted(100, 1280, 1280), masks=141, masks_measured=141))
    assert hopeless.preset is None and hopeless.fix == ""
    assert hopeless.sentence.startswith("In 95 % of 141 masks the smallest defect is at least 1.0 pixels wide")
    assert hopeless.sentence.endswith(
        "No preset sees it larger than 2.0 pixels; tiles would (Details for experts, Image, Crop)."
    )
    on_gpu = line("computing", READY, preset("prff", "paper"))
    assert on_gpu.preset is not None and on_gpu.preset.name == "medium"


def test_neither_a_speck_nor_one_odd_mask_makes_the_smallest_defect(tmp_path: Path) -> None:
    rows = []
    for number in range(21):
        save_png(tmp_path / f"{number:02}.png", np.full((80, 100, 3), number, np.uint8))
        rows.append(
            NewImage(tmp_path / f"{number:02}.png", "chip", label="defective", split="test", width=100, height=80)
        )
    with Project.create(tmp_path / "project", author="test") as project:
        project.add_images(rows, root=tmp_path)
        broken = project.add_class("broken")
        for number, row in enumerate(project.images(label="defective")):
            mask = np.zeros((80, 100), np.uint8)
            if number:
                mask[:50, :50] = broken
                mask[60:62, 60:70] = broken  # 20 pixels beside 2500: its frayed edge
            else:
                mask[10:13, 10:13] = broken  # small alone
            project.import_mask(row.id, mask)
        facts = readiness.gather(project, "chip", "main")
    assert (facts.masks, facts.painted) == (21, Painted(2500, 100, 80))


def test_a_preset_for_gpus_is_doubted_on_a_processor() -> None:
    paper = preset("prff", "paper")
    assert line("computing", READY, paper).state == "warning"
    assert line("computing", READY, paper, on="NVIDIA H200").state == "fine"
    assert line("computing", READY, on=None).state == "open"


def test_the_finish_is_a_clock_time() -> None:
    assert "22:40" in line("finish", READY).sentence
    assert "after the first minute" in line("finish", READY, preset("prff", "medium")).sentence
    queued = readiness.checks(READY, QUICK, computing_on=None, now=NOW, after=3)
    assert queued[-1].sentence == "10 min from the end of training #3."
    unclear = readiness.checks(READY, QUICK, computing_on=None, now=NOW, unclear="Training › Minutes: Write a number.")
    assert unclear[-1].state == "missing" and "Minutes" in unclear[-1].sentence
    ages = with_overrides(QUICK, ["train.minutes=1e11"])
    assert line("finish", READY, ages).state == "fine"  # a date beyond the calendar's is none


def test_a_time_to_stop_by_is_shared_out() -> None:
    night = preset("prff", "medium")
    eight_hours = 8 * 3600.0
    assert readiness.minutes_each(READY, night, seconds=eight_hours, trainings=4) == 120
    assert readiness.minutes_each(READY, QUICK, seconds=eight_hours, trainings=4) == 10  # no more than it asks for
    fitted = readiness.checks(READY, night, computing_on=None, now=NOW, stop_by=NOW + timedelta(hours=8))
    assert "Fri 06:30" in fitted[-1].sentence


def test_times_read_as_a_person_says_them() -> None:
    assert readiness.clock(NOW + timedelta(minutes=10), NOW) == "22:40"
    assert readiness.clock(NOW + timedelta(hours=8), NOW) == "Fri 06:30"
    assert [readiness.span(s) for s in (40, 600, 7200, 11100, 200_000)] == [
        "40 s",
        "10 min",
        "2 h",
        "3 h 05 min",
        "2 days 7 h",
    ]


def test_facts_are_gathered_from_a_project(tmp_path: Path) -> None:
    pixels = np.full((80, 100, 3), 120, np.uint8)
    rows = []
    for number in range(12):
        path = tmp_path / f"{number:02}.png"
        save_png(path, pixels + np.uint8(number))
        label, split = ("defective", "test") if number >= 10 else ("good", "tuning" if number >= 8 else "train")
        rows.append(NewImage(path, "chip", label=label, split=split, width=100, height=80))  # type: ignore[arg-type]
    with Project.create(tmp_path / "project", author="test") as project:
        project.add_images(rows, root=tmp_path)
        bad = [row.id for row in project.images(label="defective")]
        mask = np.zeros((80, 100), np.uint8)
        scratch = project.add_class("scratch")
        mask[10:20, 10:20] = scratch
        mask[50:53, 50:54] = scratch
        mask[70, 90] = scratch  # a slip
        project.import_mask(bad[0], mask)
        facts = readiness.gather(project, "chip", "main")
        assert (facts.good, facts.good_parts, facts.tuning_good, facts.test) == (8, 8, 2, 2)
        assert facts.painted == Painted(12, 100, 80)
        assert (facts.masks, facts.masks_measured, facts.has_roi) == (1, 1, False)
        assert facts.free > 0
        project.set_roi(project.views()[0].id, cells=[Cell("A1", (0, 0, 50, 80))])
        assert readiness.gather(project, "chip", "main").boxes == ((0, 0, 50, 80),)


def test_the_same_training_before_tells_how_long_the_next_one_takes(tmp_path: Path) -> None:
    config = with_overrides(QUICK, ["train.steps=100"])
    with Project.create(tmp_path / "project", author="test") as project:
        run = project.add_run(product="chip", model="prff", preset="quick", config=config.model_dump(mode="json"))
        run = project.update_run(run.id, state="running")
        run = project.update_run(run.id, state="finished")
    assert run.started is not None
    began = datetime.fromisoformat(run.started)
    run = type(run)(**{**vars(run), "finished": (began + timedelta(seconds=50)).isoformat()})
    facts = but(earlier=(run,))
    assert readiness.seconds_needed(facts, with_overrides(config, ["train.steps=400"])) == pytest.approx(200)
    assert readiness.seconds_needed(facts, with_overrides(config, ["preprocess.size=256"])) is None


def test_one_measured_step_says_what_the_training_takes() -> None:
    found = Estimate(step=0.512, seconds=1500, memory=1_300_000_000, disk=90_000_000)
    assert readiness.estimated(found) == ("One step takes 0.51 s: about 25 min; 1.2 GB of memory, 86 MB on the disk.")


def test_where_the_clock_does_not_decide_a_step_can_be_measured() -> None:
    medium = preset("prff", "medium")
    assert medium.train.minutes is None
    assert line("finish", READY, medium).fix == "measure" and line("finish", READY, QUICK).fix == ""
    assert line("finish", but(good=0), medium).fix == ""
    beside = readiness.checks(READY, medium, computing_on="x", now=NOW, after=3)
    assert beside[-1].fix == ""
    going_on = line("finish", but(measured=Measured(medium)), medium)
    assert (going_on.state, going_on.fix) == ("open", "leave")


def test_a_measured_step_gives_the_finish_of_exactly_these_settings() -> None:
    medium = preset("prff", "medium")
    found = Estimate(step=1.4, seconds=3 * 3600 + 1200, memory=1_400_000_000, disk=104_000_000)
    facts = but(measured=Measured(medium, found))
    assert line("finish", facts, medium).sentence == (
        "One step takes 1.4 s: about 3 h 20 min, done Fri 01:50; 1.3 GB of memory, 99 MB on the disk."
    )
    assert readiness.seconds_needed(facts, medium) == found.seconds
    other = with_overrides(medium, ["train.batch=2"])
    assert readiness.seconds_needed(facts, other) is None and line("finish", facts, other).fix == "measure"

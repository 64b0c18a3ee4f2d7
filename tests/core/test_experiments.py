"""Experiments as data: the papers' numbers, settings that can be trained, tables with spread and published figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.config import GrdLossConfig
from core.errors import ConfigError, FlawscopeError, InputError
from core.events import Epoch, EventWriter
from core.experiments import measuring, page, planning, summary
from core.experiments.pictures import loss_chart, thinned
from core.experiments.planning import Category, Options, categories, order_of, plan, schedule_words
from core.experiments.published import gtanoic_counts, in_tables, published
from core.experiments.registry import EXPERIMENTS, Curve, Moment, experiment
from core.experiments.running import Arm, Outcome, Row, Runner
from core.imaging import save_png
from core.workflow.importing import Choice
from tests.scored import SPOT, Shot, make_project, scored_project, strip_of_shots
from tests.scored import add_training as add_scored

PILL = Category("pill", Path("pill"), Choice())
EVERY = [(name, preset) for name, one in EXPERIMENTS.items() for preset in one.presets]


def _printed(paper: str, table: str, setting: str, category: str, metric: str) -> float:
    (found,) = [
        one.value
        for one in published(paper)  # type: ignore[arg-type]
        if (one.table, one.setting, one.category, one.metric) == (table, setting, category, metric)
    ]
    return found


@pytest.mark.parametrize(
    ("paper", "table", "setting", "category", "metric", "value"),
    [
        ("prff", "3", "PRFF-AD", "pill", "image_auroc", 98.2),
        ("prff", "3", "OCRGAN", "average_object", "image_auroc", 98.7),
        ("prff", "4", "PRFF-AD", "carpet", "pixel_auroc", 94.0),
        ("prff", "4", "DRAEM", "average", "pixel_auroc", 97.3),
        ("prff", "5", "DRAEM", "D_G", "image_auroc", 38.4),
        ("prff", "6", "PRFF-AD", "average", "pixel_auroc", 98.3),
        ("prff", "7", "n = 2", "average_mvtec", "pixel_auroc", 98.0),
        ("prff", "7", "n = 5", "average_gtanoic", "image_auroc", 97.5),
        ("prff", "8", "Swin + UperNet", "average_mvtec", "image_auroc", 98.2),
        ("grdnet", "1", "residual, 500 epochs", "vials", "contextual_tuning", 0.02488),
        ("grdnet", "1", "vanilla, 250 epochs", "vials", "adversarial_train", 2.8811e-3),
        ("grdnet", "2", "GRD-Net, 10 epochs", "pill", "pixel_auroc", 90.5),
        ("grdnet", "5", "PatchCore", "cable", "image_auroc", 99.3),
        ("grdnet", "6", "GRD-Net", "vials_meniscus", "accuracy", 93.2),
        ("grdnet", "7", "case 2", "hazelnut", "pixel_auroc", 95.3),
    ],
)
def test_numbers_are_those_of_the_papers(
    paper: str, table: str, setting: str, category: str, metric: str, value: float
) -> None:
    assert _printed(paper, table, setting, category, metric) == value


def test_what_a_paper_does_not_report_is_not_there() -> None:
    reported = {(one.table, one.setting) for one in published("prff")}
    assert ("3", "OCRGAN") in reported and ("4", "OCRGAN") not in reported
    assert len(in_tables("prff", ["3"])) == 18 * 7
    assert not [one for one in published("grdnet") if one.setting == "PaDiM" and one.metric == "image_auroc"]
    assert all(one.source.endswith(f"Table {one.table}") for one in (*published("prff"), *published("grdnet")))


def test_chips_are_counted_as_the_paper_counts_them() -> None:
    columns, rows = gtanoic_counts()
    table = [dict(zip(columns, row, strict=True)) for row in rows]
    classes = columns[1 : columns.index("defect_instances")]
    for row in table:
        assert sum(int(row[name]) for name in classes) == row["defect_instances"] == row["defective_images"]
    assert [row["type"] for row in table] == ["D_A", "D_B", "D_C", "D_D", "D_E", "D_F", "D_G"]
    assert sum(int(row["defective_images"]) for row in table) == 470
    assert sum(int(row["pollution"]) for row in table) == 350
    assert table[5]["resolution"] == "340x340"


@pytest.mark.parametrize(("name", "preset"), EVERY)
def test_every_training_of_every_experiment_has_settings_that_stand(name: str, preset: str) -> None:
    tasks = plan(experiment(name), [PILL], Options(preset=preset, seeds=2))
    assert len({(task.stamp, task.setting.region) for task in tasks}) == len(tasks)
    assert {task.config.train.seed for task in tasks} == {0, 1}
    assert {task.config.preset for task in tasks} == {preset}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_column_has_its_place_in_the_papers_tables(name: str) -> None:
    one = experiment(name)
    printed = {known.setting for known in in_tables(one.paper, one.tables)}
    wanted = {title for title in summary.columns_of(one).values() if title}
    assert wanted <= printed
    assert bool(wanted) == bool(one.tables)
    assert {"micro", "quick", "paper"} <= set(one.presets)


def test_the_paper_preset_trains_as_long_as_the_papers_did() -> None:
    lengths = {
        name: [task.config.train.epochs for task in plan(one, [PILL], Options())] for name, one in EXPERIMENTS.items()
    }
    assert lengths["prff-table3"] == [700]
    assert lengths["prff-table8"] == [700, 700, 700]
    assert lengths["grdnet-generator"] == [500, 500]
    assert lengths["grdnet-epochs"] == [200, 200]
    assert lengths["grdnet-table5"] == [200, 200, 200]
    assert lengths["grdnet-loss-cases"] == [100] * 4
    assert lengths["grdnet-vials"] == [30]


def test_the_four_cases_are_the_papers_losses() -> None:
    modes = []
    for task in plan(experiment("grdnet-loss-cases"), [PILL], Options()):
        assert isinstance(task.config.loss, GrdLossConfig)
        modes.append(task.config.loss.roi_mode)
    assert modes == ["ablation1", "prediction", "ablation3", "ablation4"]


def test_epochs_are_milestones_of_one_training() -> None:
    one = experiment("grdnet-epochs")
    for options in (Options(), Options(preset="micro"), Options(preset="quick", minutes=10)):
        kept = [order_of(setting, options, 0).config().train.keep_at for setting in one.settings]
        assert kept == [(0.05, 0.175, 0.5, 1.0)] * 2
    assert order_of(one.settings[0], Options(preset="micro", epochs=40), 0).config().train.epochs == 40
    assert list(summary.columns_of(one)) == [
        f"{model}, {epochs} epochs" for model in ("DRAEM", "GRD-Net") for epochs in (10, 35, 100, 200)
    ]


def test_a_training_that_kept_its_milestones_serves_those_who_want_none_and_not_the_other_way() -> None:
    (epochs,) = [task for task in plan(experiment("grdnet-epochs"), [PILL], Options()) if task.setting.model == "draem"]
    (table,) = [task for task in plan(experiment("grdnet-table5"), [PILL], Options()) if task.setting.model == "draem"]
    assert epochs.stamp == table.stamp
    assert table.is_served_by(epochs.config.model_dump())
    assert not epochs.is_served_by(table.config.model_dump())
    assert epochs.is_served_by(epochs.config.model_dump(mode="json"))


def test_the_schedule_is_said_plainly_when_it_is_not_the_papers() -> None:
    one = experiment("prff-table3")
    assert schedule_words(one, Options()) == "The published schedule: 700 epochs at 256 px."
    said = schedule_words(one, Options(preset="micro"))
    assert said == "Not the published schedule: preset micro, 12 steps at 64 px. The paper: 700 epochs at 256 px."
    assert schedule_words(one, Options(changes=("train.lr=1e-3",))).startswith("Not the published schedule")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("grdnet-table5", Options(preset="small"), "micro, quick, medium, paper"),
        ("prff-table3", Options(preset="micro", epochs=2, minutes=3), "not both"),
        ("prff-table3", Options(preset="micro", changes=("train.lrr=1",)), "train.lr"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_begins(name: str, options: Options, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(experiment(name), [PILL], options)
    assert words in str(caught.value)


def test_an_experiment_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(ConfigError, match="grdnet-vials"):
        experiment("prff-table9")


def _layout(root: Path, *names: str) -> Path:
    for name in names:
        for part in ("train/good", "test/good", "test/crack"):
            save_png(root / name / part / "0.png", np.zeros((8, 8, 3), np.uint8))
    return root


def test_categories_are_found_and_chosen_by_their_own_or_their_published_name(tmp_path: Path) -> None:
    data = _layout(tmp_path, "mvtec_pill", "Metal Nut", "nut")
    assert [one.published for one in categories(data, Options())] == ["metal_nut", "pill", "nut"]
    (pill,) = categories(data, Options(categories=("pill",)))
    assert (pill.name, pill.folder, pill.region) == ("mvtec_pill", data / "mvtec_pill", data / "mvtec_pill" / "roi.png")
    with pytest.raises(InputError, match="screw"):
        categories(data, Options(categories=("screw",)))


def test_chips_follow_their_protocol(tmp_path: Path) -> None:
    for name in ("D_A", "other"):
        for part in ("good", "bad/crack"):
            save_png(tmp_path / name / part / "0.png", np.zeros((8, 8, 3), np.uint8))
    assert [one.choice.protocol for one in categories(tmp_path, Options())] == ["gtanoic200", "none"]


def _rows(setting: str, category: str, *values: float, metric: str = "image_auroc") -> list[Row]:
    return [Row("x", setting, category, seed, metric, value) for seed, value in enumerate(values)]


def test_a_table_has_means_spread_and_what_is_published() -> None:
    one = experiment("prff-table3")
    rows = [
        *_rows("PRFF-AD", "grid", 90, 96),
        *_rows("PRFF-AD", "wood", 80, 82),
        *_rows("PRFF-AD", "mvtec_pill", 70, 74),
    ]
    (table,) = summary.tables(one, summary.with_means(rows))
    lines = {line.title: line for line in table.lines}
    assert list(lines) == ["grid", "wood", "mvtec_pill", "mean of 2 textures", "mean of 3 categories"]
    assert lines["grid"].cells[0].ours == summary.Spread(93, 90, 96, 2)
    assert lines["mvtec_pill"].cells[0].published == 98.2
    textures = lines["mean of 2 textures"].cells[0]
    assert textures.ours == summary.Spread(87, 85, 89, 2)
    assert textures.published == pytest.approx((99.9 + 99.6) / 2)
    assert "2 rows" in textures.note
    assert table.others[4] == "DRAEM" and lines["wood"].others[4] == 99.1
    assert page.cell_words(textures.ours, table.metric) == "87.0 (85.0 to 89.0, 2 seeds)"


def test_the_mean_of_all_categories_stands_beside_the_printed_one() -> None:
    names = [one.category for one in in_tables("prff", ["5"]) if one.setting == "PRFF-AD" and one.category != "average"]
    rows = [row for name in names for row in _rows("PRFF-AD", name, 50)]
    (table,) = summary.tables(experiment("prff-table5"), summary.with_means(rows))
    mean = table.lines[-1]
    assert (mean.title, mean.cells[0].published) == ("mean of 7 categories", 97.5)
    assert mean.others[table.others.index("OCRGAN")] == 69.7  # as printed, though its rows give 72.4


def test_a_mean_waits_for_a_category_that_has_no_figure_yet() -> None:
    rows = [*_rows("U-Net", "grid", 90), *_rows("U-Net", "wood", 80), *_rows("Swin + UperNet", "grid", 95)]
    means = [row for row in summary.with_means(rows) if row.category == "average"]
    assert [(row.setting, row.value) for row in means] == [("U-Net", 85)]


def test_rows_go_into_a_tidy_file() -> None:
    text = summary.to_csv(_rows("n = 2", "pill", 98.23456789))
    assert text == "experiment,setting,category,seed,metric,value\nx,n = 2,pill,0,image_auroc,98.2346\n"


def _training(folder: Path, *, with_epochs: bool) -> Path:
    """Twenty steps of two epochs: the contextual loss falls from 20 to 1, that of tuning images is a tenth."""
    folder.mkdir()
    lines = []
    for step in range(1, 21):
        losses = {"generator.contextual": 21.0 - step, "generator.adversarial": 1.0}
        lines.append(json.dumps({"step": step, "epoch": 0, "lr": 1e-4, "losses": losses, "seconds": 0.1}))
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    if with_epochs:
        writer = EventWriter(folder / "events.jsonl")
        for epoch, step in enumerate((10, 20), start=1):
            mean = {"generator.contextual": 100.0 + step}
            writer.write(Epoch(epoch=epoch, step=step, lr=1e-4, losses=mean, tuning={"contextual": step / 10}))
        writer.close()
    return folder


def test_losses_are_read_at_the_end_of_the_epoch_that_a_moment_falls_on(tmp_path: Path) -> None:
    training = _training(tmp_path / "1", with_epochs=True)
    assert measuring.of_losses(training, Moment(0.5, "half", "")) == {"contextual_train": 110, "contextual_tuning": 1}
    assert measuring.of_losses(training, Moment(1.0, "end", "")) == {"contextual_train": 120, "contextual_tuning": 2}


def test_without_an_epoch_the_last_steps_are_averaged(tmp_path: Path) -> None:
    training = _training(tmp_path / "1", with_epochs=False)
    found = measuring.of_losses(training, Moment(1.0, "end", ""))
    assert found == {"contextual_train": (1 + 2) / 2, "adversarial_train": 1}


def test_losses_of_two_trainings_are_drawn_over_each_other(tmp_path: Path) -> None:
    arms = [
        Arm("n = 1", name, "pill", 0, tmp_path, number, 1, _training(tmp_path / name, with_epochs=bool(number)))
        for number, name in enumerate(("vanilla", "residual"))
    ]
    chart = loss_chart(arms, Curve("Contextual", ("generator.contextual",), ("contextual",)))
    assert chart is not None
    assert [line.title for line in chart.lines] == ["vanilla, train", "residual, train", "residual, tuning"]
    assert (chart.steps, chart.low, chart.high) == (20, 1, 20)
    assert chart.lines[0].points.split()[0] == "21.0,0.0"  # step 1 of 20, the highest loss at the top
    assert chart.lines[0].points.split()[-1] == "420.0,180.0"
    assert loss_chart(arms, Curve("none", ("no such loss",), ())) is None
    assert thinned([(1, 4.0), (2, 2.0), (3, 1.0)], 2) == [(2, 3.0), (3, 1.0)]


def test_a_region_parts_what_is_inside_from_what_is_outside(tmp_path: Path) -> None:
    with scored_project(tmp_path) as project:
        (scoring,) = project.scorings()
        everywhere = np.ones((64, 64), np.uint8)
        found = measuring.of_region(project, 1, scoring.id, everywhere)
        assert found["inside_escapes"] == pytest.approx(100 / 3)  # 0.15 of 0.90, 0.15, 0.70 passes
        assert found["inside_image_auroc"] == pytest.approx(100 * 9 / 12)
        assert "outside_flagged" not in found
        elsewhere = everywhere.copy()
        elsewhere[SPOT[1] : SPOT[3], SPOT[0] : SPOT[2]] = 0
        found = measuring.of_region(project, 1, scoring.id, elsewhere)
        assert found == {"outside_flagged": pytest.approx(200 / 3)}


def test_headline_figures_come_in_percent(tmp_path: Path) -> None:
    shots = [*strip_of_shots(), Shot("good 9", "good", "test", 0.12)]
    project = make_project(tmp_path, shots)
    from core.workflow import evaluating

    with project:
        evaluating.evaluate(project, add_scored(project, shots).number)
        found = measuring.of_figures(project.scorings()[0])
    assert found["image_auroc"] == pytest.approx(100 * 12 / 15)
    assert found["accuracy"] == pytest.approx(100 * 5 / 8)  # 2 of 5 good rejected, 1 of 3 defective passed
    assert found["accuracy"] <= found["accuracy_best"] <= 100


def test_a_category_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    data = _layout(tmp_path / "data", "pill", "screw")
    one, options = experiment("grdnet-loss-cases"), Options(preset="micro")
    said: list[str] = []
    runner = Runner(one, options, data, tmp_path / "out", pytest.fail, said.append)
    outcome = runner.run(plan(one, categories(data, options), options))
    assert [failed.task.split(" · ")[0] for failed in outcome.failed] == ["pill"] * 4 + ["screw"] * 4
    assert all("roi.png" in failed.text for failed in outcome.failed)
    assert not (tmp_path / "out").exists()  # nothing was imported without its region
    written = page.write(one, options, outcome, tmp_path / "page")
    text = written.page.read_text()
    assert "Nothing was measured yet" in text and "roi.png" in text and "0 of 8 trainings" in text


def test_projects_of_other_images_are_left_alone(tmp_path: Path) -> None:
    one, options = experiment("prff-table3"), Options(preset="micro")
    first = _layout(tmp_path / "first", "pill")
    other = _layout(tmp_path / "other", "pill")
    for data, words in ((first, "no good images"), (other, "--out")):
        for path in (data / "pill" / "train" / "good").iterdir():
            path.write_bytes(b"no picture")
        runner = Runner(one, options, data, tmp_path / "out", pytest.fail, str)
        (failed,) = runner.run(plan(one, categories(data, options), options)).failed
        assert words in failed.text


def test_areas_become_views_of_one_product(tmp_path: Path) -> None:
    from core.project import Project

    one, options = experiment("grdnet-vials"), Options(preset="micro")
    data = _layout(tmp_path / "vials", "bottom", "meniscus", "neck")
    runner = Runner(one, options, data, tmp_path / "out", _nothing_to_watch, str)
    tasks = plan(one, categories(data, options), options)
    with runner._project(tasks[0]) as opened:
        assert [(view.product, view.code) for view in opened.views()] == [
            ("grdnet-vials", name) for name in ("bottom", "meniscus", "neck")
        ]
        assert opened.masked_images() == []
    assert Project.open(tmp_path / "out" / "projects" / "grdnet-vials", read_only=True).close() is None


def _nothing_to_watch(following: object) -> None:
    raise AssertionError(following)


def test_the_page_says_what_is_published_and_what_is_ours(tmp_path: Path) -> None:
    one = experiment("prff-table5")
    outcome = Outcome(rows=_rows("PRFF-AD", "D_E", 91.25, 93.5), planned=2)
    written = page.write(one, Options(preset="quick", seeds=2), outcome, tmp_path)
    text = written.page.read_text()
    for words in (
        ">92.4<div",
        "91.2 to 93.5, 2 seeds",
        ">92.6<",
        "Not the published schedule: preset quick, 10 minutes at 128 px",
    ):
        assert words in text, words
    assert "350x400" in text  # the chips as published
    assert "<script" not in text


def test_an_installation_without_the_tables_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.experiments import published as module

    monkeypatch.setattr(module, "resources", lambda: tmp_path)
    with pytest.raises(FlawscopeError, match="published tables"):
        gtanoic_counts()


def test_planning_needs_labelled_images(tmp_path: Path) -> None:
    save_png(tmp_path / "0.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="labelled"):
        planning.categories(tmp_path, Options())

"""The engine on a tiny model: what stops or kills it leaves a model, and a resume changes no bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.config import TrainingConfig
from core.errors import TrainingError
from core.events import Checkpoint, Done, Epoch, Estimate, Picture
from core.jobs import Job, ManifestRow
from core.models.base import Batch, Losses, Taps
from core.training.checkpoint import load, without_prefix
from core.training.control import Control
from core.training.judge import OwnerGone
from core.training.loop import BEST, LAST, Trainer
from core.training.work import Worker
from tests.tiny import Hook, Run, TinyRecipe, a_config, kept_settings, make_rows, same


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


@pytest.fixture
def rows(tmp_path: Path) -> list[ManifestRow]:
    return make_rows(tmp_path)


@pytest.fixture
def reference(tmp_path: Path, rows: list[ManifestRow]) -> Run:
    run = Run(tmp_path / "reference", rows, a_config())
    run.go()
    return run


def test_a_training_ends_with_a_model_scores_and_its_story(reference: Run) -> None:
    folder = reference.job.folder
    events = reference.events
    done = events[-1]
    assert isinstance(done, Done) and (done.outcome, done.step, done.scored) == ("finished", 12, 3)
    assert reference.job.state().status == "finished"
    assert [event.name for event in events if event.ev == "phase"] == [
        "loading",
        "preparing",
        "training",
        "finishing",
        "scoring",
    ]
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3, 4]
    pictures = [event for event in events if isinstance(event, Picture)]
    assert {event.index for event in pictures} == {0, 1, 2, 3}
    assert all((folder / file).is_file() for event in pictures for file in event.files.values())
    (estimate,) = [event for event in events if isinstance(event, Estimate)]
    assert estimate.seconds == pytest.approx(10 * estimate.step) and estimate.memory > 0
    assert estimate.disk > (folder / LAST).stat().st_size / 2
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in metrics] == list(range(1, 13))
    scores = [json.loads(line) for line in (folder / "scores/final/scores.jsonl").read_text().splitlines()]
    assert [row["id"] for row in scores] == [6, 7, 8] and all(len(row["crops"][0]["areas"]) == 64 for row in scores)
    assert (folder / "scores/final/heatmaps/8.png").is_file()
    assert json.loads((folder / "model.json").read_text())["config"]["preprocess"]["size"] == 32


def test_the_same_training_gives_the_same_weights(reference: Run, tmp_path: Path, rows: list[ManifestRow]) -> None:
    again = Run(tmp_path / "again", rows, a_config("train.workers=3"))
    again.go()
    assert same(again.weights(BEST), reference.weights(BEST))
    other = Run(tmp_path / "other", rows, a_config("train.seed=1"))
    other.go()
    assert not same(other.weights(BEST), reference.weights(BEST))


@pytest.mark.parametrize("layout", ["contiguous", "channels last"])
@pytest.mark.parametrize("step", [1, 4, 7, 11])
def test_a_resumed_training_ends_with_the_same_bits(
    tmp_path: Path, rows: list[ManifestRow], step: int, layout: str
) -> None:
    config = a_config(f"train.channels_last={'true' if layout == 'channels last' else 'false'}")
    reference, run = (Run(tmp_path / name, rows, config) for name in ("reference", "run"))
    reference.go()

    def leave(call: int, _: Batch) -> None:
        if call == step:
            run.control.owner_gone = True

    with pytest.raises(OwnerGone):
        run.go(leave)
    assert not (run.job.folder / BEST).exists() or step > 10
    run.control = Control(run.job.folder, detached=True)
    torch.manual_seed(step)  # whatever this process drew before must not matter
    done = run.go(resume=True)
    assert done.step == 12
    assert same(run.weights(), reference.weights()) and same(run.weights(BEST), reference.weights(BEST))
    steps = [json.loads(line)["step"] for line in (run.job.folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 13))


def judging(call: int, then: Callable[[], object]) -> type[TinyRecipe]:
    """A recipe that does `then` in its `call`-th piece of judging; a judgement has four."""

    class Judging(TinyRecipe):
        seen = 0

        def evaluate(self, batch: Batch) -> Losses:
            Judging.seen += 1
            if Judging.seen == call:
                then()
            return super().evaluate(batch)

    return Judging


@pytest.mark.parametrize("judgement", range(4))
def test_a_judgement_cut_short_is_made_after_the_resume(
    tmp_path: Path, rows: list[ManifestRow], judgement: int
) -> None:
    config = a_config("train.steps=40")  # judged at 6 (how long it takes), 20, and 37 to 40
    whole = Run(tmp_path / "whole", rows, config)
    whole.go()
    run = Run(tmp_path / "run", rows, config)
    with pytest.raises(OwnerGone):
        run.go(recipe=judging(4 * (2 + judgement) + 1, lambda: setattr(run.control, "owner_gone", True)))
    run.control = Control(run.job.folder, detached=True)
    assert run.go(resume=True).step == 40
    assert load(run.job.folder / LAST)[1]["progress"] == load(whole.job.folder / LAST)[1]["progress"]
    assert same(run.weights(BEST), whole.weights(BEST))


@pytest.mark.parametrize(("call", "step"), [(1, 6), (5, 20)])
def test_a_stop_gives_up_the_judgement_under_way_and_makes_its_own(
    tmp_path: Path, rows: list[ManifestRow], call: int, step: int
) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.steps=40"))
    recipe = judging(call, lambda: run.control.hear("stop"))
    done = run.go(recipe=recipe)
    assert (done.outcome, done.step, done.scored) == ("stopped", step, 3)
    assert recipe.seen == call + 4  # type: ignore[attr-defined]
    assert (run.job.folder / BEST).is_file()


def test_a_resume_with_other_images_or_settings_is_refused(reference: Run, rows: list[ManifestRow]) -> None:
    reference.config = a_config("train.lr=1e-3")
    with pytest.raises(TrainingError, match="have changed"):
        reference.go(resume=True)
    reference.config = a_config()
    changed = [replace(row, sha256="ff") for row in rows]
    reference.job = Job.create(reference.job.folder, reference.job.spec(), changed)
    with pytest.raises(TrainingError, match="have changed"):
        reference.go(resume=True)


def test_resuming_what_is_finished_trains_no_further(reference: Run) -> None:
    before = reference.weights()
    assert reference.go(resume=True).outcome == "finished"
    assert same(reference.weights(), before)


def test_passes_are_measured_with_the_model_that_is_left_also_after_a_resume(
    tmp_path: Path, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Falling(TinyRecipe):
        judged = 0

        def evaluate(self, batch: Batch) -> Losses:
            Falling.judged += 1
            return {**super().evaluate(batch), "total": torch.tensor(float(Falling.judged))}

    measured: list[dict[str, Tensor]] = []

    def measure(_: Worker, trainer: Trainer, *__: object) -> None:
        measured.append({name: value.clone() for name, value in trainer.judge.model.state_dict().items()})

    monkeypatch.setattr(Worker, "_propose_passes", measure)
    run = Run(tmp_path / "run", rows, a_config("train.steps=30"))
    run.go(recipe=Falling)
    run.go(resume=True, recipe=Falling)
    best, last = (without_prefix("average", run.weights(file)) for file in (BEST, LAST))
    assert not same(best, last) and len(measured) == 2
    assert same(measured[0], best) and same(measured[1], best)


def test_stop_leaves_a_scored_model_and_a_second_stop_leaves_out_the_scores(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    for stops in (1, 2):
        run = Run(tmp_path / f"{stops}", rows, a_config())

        def ask(call: int, _: Batch, run: Run = run, stops: int = stops) -> None:
            if call == 5:
                for _ in range(stops):
                    run.control.hear('{"command": "stop"}')

        done = run.go(ask)
        assert (done.outcome, done.step) == ("stopped", 5)
        assert done.scored == (3 if stops == 1 else 0)
        assert run.job.state().status == "stopped" and (run.job.folder / BEST).is_file()
        run.control = Control(run.job.folder, detached=True)
        assert run.go(resume=True).step == 12


def test_a_stop_while_images_are_read_ends_at_once_and_a_start_begins_anew(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    run = Run(tmp_path / "run", rows, a_config())
    run.control.hear("stop")
    done = run.go()
    assert (done.outcome, done.step, done.weights) == ("stopped", 0, "")
    assert [event.name for event in run.events if event.ev == "phase"] == ["loading"]
    run.control = Control(run.job.folder, detached=True)
    assert run.go(resume=True).step == 12


def test_scores_half_made_by_a_stop_are_not_mixed_with_those_of_the_resumed_training(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    class Impatient(TinyRecipe):
        """Hears a second stop while the first image is scored."""

        def __init__(self, config: TrainingConfig, hook: Hook | None = None) -> None:
            super().__init__(config, hook)
            judge = self.model.discriminate

            def discriminate(x: Tensor, r: Tensor, taps: Taps) -> Tensor:
                if len(x) == 1 and run.control.stops == 1:
                    run.control.hear("stop")
                return judge(x, r, taps)

            self.model.discriminate = discriminate  # type: ignore[method-assign]

    config = a_config("eval.batch=1")
    whole, run = Run(tmp_path / "whole", rows, config), Run(tmp_path / "run", rows, config)
    whole.go()
    done = run.go(lambda call, _: run.control.hear("stop") if call == 5 else None, recipe=Impatient)
    assert (done.outcome, done.scored) == ("stopped", 1)
    run.control = Control(run.job.folder, detached=True)
    assert run.go(resume=True).scored == 3
    found, expected = (
        [json.loads(line)["score"] for line in (one.job.folder / "scores/final/scores.jsonl").read_text().splitlines()]
        for one in (run, whole)
    )
    assert found == expected


def test_pause_waits_and_a_checkpoint_comes_when_asked(tmp_path: Path, rows: list[ManifestRow]) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.checkpoint_minutes=100"))

    def ask(call: int, _: Batch) -> None:
        if call == 3:
            run.control.hear("checkpoint")
        if call == 5:
            run.control.hear("pause")
            run.control.hear("resume")
        if call == 6:
            run.control.hear("nonsense")

    run.go(ask)
    assert [event.step for event in run.events if isinstance(event, Checkpoint) and event.kind == "last"] == [
        0,
        3,
        12,
        12,
    ]


def test_on_a_plateau_rates_fall_by_epochs_and_a_resume_knows_it(tmp_path: Path, rows: list[ManifestRow]) -> None:
    class Stuck(TinyRecipe):
        def evaluate(self, batch: Batch) -> Losses:
            return {**super().evaluate(batch), "total": torch.tensor(1.0)}

    settings = a_config("train.schedule=plateau", "train.plateau_patience=1", "milestones=0.9", "train.gamma=1")
    run, whole = Run(tmp_path / "run", rows, settings), Run(tmp_path / "whole", rows, settings)
    whole.go(recipe=Stuck)
    rates = [json.loads(line)["lr"] for line in (whole.job.folder / "metrics.jsonl").read_text().splitlines()]
    assert rates[2:] == pytest.approx(
        [rates[2]] * 4 + [rates[2] * 2.718281828**-0.1] * 3 + [rates[2] * 2.718281828**-0.2] * 3
    )

    def leave(call: int, _: Batch) -> None:
        if call == 8:
            run.control.owner_gone = True

    with pytest.raises(OwnerGone):
        run.go(leave, recipe=Stuck)
    run.control = Control(run.job.folder, detached=True)
    run.go(resume=True, recipe=Stuck)
    assert same(run.weights(), whole.weights())

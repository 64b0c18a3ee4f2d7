"""The engine on a tiny model: what stops it, kills it or starves it leaves a model, and a resume changes no bit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import worker
from core.config import TrainingConfig, preset, with_overrides
from core.errors import ExitCode, TrainingError
from core.events import AnyEvent, Checkpoint, Done, Epoch, EventTail, Failure, Picture, Step, Warn
from core.imaging import save_png
from core.jobs import Job, JobSpec, ManifestRow
from core.models.base import Batch, Detector, Losses, OptimiserSettings, ParameterGroup, Phase, Recipe, Taps
from core.training.averaging import Averaged, reestimate_norms
from core.training.checkpoint import load, without_prefix
from core.training.control import Control
from core.training.devices import Device
from core.training.images import ImageSet
from core.training.judge import OwnerGone
from core.training.loop import BEST, LAST
from core.training.reporter import Reporter
from core.training.stepper import Stepper
from core.training.work import Worker

Hook = Callable[[int, Batch], None]


class TinyDetector(Detector):
    """Two convolutions with everything that makes a resume hard: running statistics and dropout."""

    def __init__(self, *, norm: bool = True) -> None:
        super().__init__()
        self.size = 32
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4) if norm else nn.Identity())
        self.drop = nn.Dropout(0.3 if norm else 0.0)
        self.out = nn.Conv2d(4, 3, 1)
        self.head = nn.Conv2d(6, 1, 1)

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        hidden = self.body(x)
        return self.out(self.drop(hidden)), (hidden,)

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        return torch.sigmoid(self.head(torch.cat([x, r], 1)))


class TinyRecipe(Recipe):
    def __init__(self, config: TrainingConfig, hook: Hook | None = None, *, norm: bool = True) -> None:
        self.model: TinyDetector = TinyDetector(norm=norm)
        self.config = config
        self.hook = hook
        self.calls = 0

    def phases(self) -> tuple[Phase, ...]:
        train = self.config.train
        settings = OptimiserSettings(kind=train.optimizer, lr=train.lr, betas=train.betas, clip=train.clip)
        groups = (ParameterGroup(parameters=tuple(self.model.parameters())),)
        return (Phase(name="all", groups=groups, optimiser=settings, loss=self.losses),)

    def losses(self, batch: Batch) -> Losses:
        self.calls += 1
        if self.hook is not None and self.model.training:
            self.hook(self.calls, batch)
        r, taps = self.model.reconstruct(batch.input)
        found = self.model.discriminate(batch.input, r, taps)
        mse = (r - batch.image).square().mean()
        total = mse + (found - batch.mask).square().mean()
        return {"total": total * self._poison(), "mse": mse.detach()}

    def evaluate(self, batch: Batch) -> Losses:
        return self.losses(batch)

    def _poison(self) -> float:
        return 1.0


@pytest.fixture
def rows(tmp_path: Path) -> list[ManifestRow]:
    rng = np.random.default_rng(3)
    rows = []
    for number in range(9):
        path = tmp_path / "images" / f"{number}.png"
        save_png(path, rng.integers(60, 180, (40, 40, 3), dtype=np.uint8))
        split = "train" if number < 6 else "tuning" if number < 8 else "test"
        rows.append(ManifestRow(number, str(path), split, "good"))  # type: ignore[arg-type]
    return rows


def a_config(*changes: str) -> TrainingConfig:
    basis = [
        "preprocess.size=32",
        "simulate.textures=self",
        "train.steps=12",
        "train.checkpoint_minutes=1e-9",
        "train.threads=1",
    ]
    return with_overrides(preset("prff", "micro"), [*basis, *changes])


class Run:
    """A training in this process, in the same pieces as the child's."""

    def __init__(self, folder: Path, rows: list[ManifestRow], config: TrainingConfig, **spec: object) -> None:
        dumped = config.model_dump(mode="json")
        self.job = Job.create(folder, JobSpec(run="1", config=dumped, **spec), rows)  # type: ignore[arg-type]
        self.config = config
        self.control = Control(folder, detached=True)

    def go(self, hook: Hook | None = None, *, resume: bool = False, recipe: type[TinyRecipe] = TinyRecipe) -> Done:
        built: list[TinyRecipe] = []

        def build(config: TrainingConfig) -> Recipe:
            built.append(recipe(config, hook if not built else None))
            return built[-1]

        spec = self.job.spec().model_copy(update={"resume": resume})
        with Reporter(self.job.folder, run="1", command="train", log=io.StringIO()) as reporter:
            try:
                done = Worker(self.job, spec, self.config, reporter, self.control, build).train()
            except BaseException:
                reporter.interrupted()
                raise
            reporter.finished(done)
        return done

    @property
    def events(self) -> list[AnyEvent]:
        return EventTail(self.job.events_path).drain()

    def warnings(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Warn)]

    def weights(self, file: str = LAST) -> dict[str, Tensor]:
        return load(self.job.folder / file)[0]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


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


@pytest.mark.parametrize("step", [1, 4, 7, 11])
def test_a_resumed_training_ends_with_the_same_bits(
    reference: Run, tmp_path: Path, rows: list[ManifestRow], step: int
) -> None:
    run = Run(tmp_path / "run", rows, a_config())

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


def test_a_loss_that_is_no_number_goes_back_at_half_the_rate(tmp_path: Path, rows: list[ManifestRow]) -> None:
    class Poisoned(TinyRecipe):
        def _poison(self) -> float:
            return float("nan") if self.hook is not None and self.calls in (4, 9) else 1.0

    run = Run(tmp_path / "run", rows, a_config("train.warmup=0"))
    done = run.go(lambda *_: None, recipe=Poisoned)
    assert done.step == 12 and run.warnings() == ["diverged", "diverged"]
    rates = [json.loads(line)["lr"] for line in (run.job.folder / "metrics.jsonl").read_text().splitlines()]
    assert rates[2] == 5e-4 and rates[3] == 2.5e-4 and rates[8] == 1.25e-4
    assert all(torch.isfinite(tensor.float()).all() for tensor in run.weights(BEST).values())


def test_losses_that_stay_no_numbers_end_the_training_with_the_reason(tmp_path: Path, rows: list[ManifestRow]) -> None:
    class Lost(TinyRecipe):
        def _poison(self) -> float:
            return float("inf") if self.hook is not None and self.calls > 3 else 1.0

    run = Run(tmp_path / "run", rows, a_config())
    with pytest.raises(TrainingError, match="no numbers any more") as caught:
        run.go(lambda *_: None, recipe=Lost)
    assert caught.value.reason == "diverged" and run.warnings() == ["diverged"] * 3
    weights = without_prefix("model", run.weights())
    assert all(torch.isfinite(tensor.float()).all() for tensor in weights.values())


def test_memory_that_runs_out_halves_the_images_at_a_time(tmp_path: Path, rows: list[ManifestRow]) -> None:
    seen: list[int] = []

    def small(_: int, batch: Batch) -> None:
        if len(batch.image) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        seen.append(len(batch.image))

    run = Run(tmp_path / "run", rows, a_config("train.batch=6", "train.steps=3"))
    assert run.go(small).step == 3
    assert run.warnings() == ["memory", "memory"] and seen == [2] * 9


def test_memory_for_not_even_two_images_is_a_clear_end(tmp_path: Path, rows: list[ManifestRow]) -> None:
    def none(_: int, batch: Batch) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with pytest.raises(TrainingError, match="two images at a time") as caught:
        Run(tmp_path / "run", rows, a_config()).go(none)
    assert caught.value.reason == "memory"


def test_memory_that_runs_out_beside_the_steps_is_said_in_plain_words(
    tmp_path: Path, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Worker) -> Done:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(Worker, "train", full)
    run = Run(tmp_path / "run", rows, a_config())
    with Reporter(run.job.folder, run="1", command="train", log=io.StringIO()) as reporter:
        assert worker._work(run.job, "train", reporter, run.control) == ExitCode.TRAINING
    assert [event.code for event in run.events if isinstance(event, Failure)] == ["memory"]


def test_unreadable_images_are_named_and_left_out(tmp_path: Path, rows: list[ManifestRow]) -> None:
    for number in (1, 8):
        Path(rows[number].path).write_bytes(b"\x89PNG broken")
    run = Run(tmp_path / "run", rows, a_config())
    done = run.go()
    assert (done.scored, done.unreadable) == (2, 1)
    named = {Path(event.path or "").name for event in run.events if isinstance(event, Warn) and event.code == "image"}
    assert named == {"1.png", "8.png"}
    row = json.loads((run.job.folder / "scores/final/scores.jsonl").read_text().splitlines()[-1])
    assert row["id"] == 8 and row["score"] is None and row["problem"]


def test_thousands_of_unreadable_images_are_not_thousands_of_warnings(
    tmp_path: Path, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.work._NAMED", 2)
    lost = [ManifestRow(100 + number, str(tmp_path / f"lost {number}.png"), "test", "good") for number in range(6)]
    run = Run(tmp_path / "run", [*rows, *lost], a_config())
    assert run.go().unreadable == 6
    assert run.warnings() == ["image"] * 3


@pytest.mark.parametrize("left", ["none", "broken"])
def test_without_good_images_nothing_is_trained(tmp_path: Path, rows: list[ManifestRow], left: str) -> None:
    if left == "none":
        rows = [replace(row, label="defective") for row in rows]
    else:
        for row in rows:
            Path(row.path).write_bytes(b"")
    with pytest.raises(TrainingError, match="good training images") as caught:
        Run(tmp_path / "run", rows, a_config()).go()
    assert caught.value.reason == "no_good_images"


def test_minutes_scale_the_schedule_and_leave_time_to_score(tmp_path: Path, rows: list[ManifestRow]) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.minutes=0.001"))  # less than starting took: the least there is
    done = run.go()
    assert done.outcome == "finished" and done.step >= 1 and done.scored == 3
    last = [event for event in run.events if isinstance(event, Step)][-1]
    assert last.progress <= 1


def test_scoring_is_expected_to_take_as_long_as_an_image_has_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("core.training.work.time", clock)
    images = ImageSet(np.zeros((8, 4, 4, 3), np.uint8), ids=(0,) * 4 + (1,) * 4, unreadable=(), seconds=0.25)

    class Second:
        def predict(self, crops: Tensor) -> None:
            clock.tick(len(crops))

    monkeypatch.setattr(Worker, "_predictor", lambda *_: Second())
    found = Worker(*[None] * 5)._afterwards(None, images, 10, Device(threads=1))  # type: ignore[arg-type]
    assert found == pytest.approx(10 * (4 * (1.5 + 0.01) + 0.25))


def test_what_is_kept_was_judged_with_measured_statistics(tmp_path: Path, rows: list[ManifestRow]) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.evaluations=0", "train.bn_reestimate=3"))
    run.go()
    last, best = (without_prefix("average", run.weights(file)) for file in (LAST, BEST))
    assert same(last, best)  # not the lagging statistics that a picture while training is drawn with


class Clock:
    """Stands in for `time` in the loop; goes on when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("pause", "lost"), [(0, 0), (400, 0), (0, 50)])
def test_five_minutes_are_five_minutes_of_loading_training_judging_and_scoring(
    tmp_path: Path, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch, pause: int, lost: int
) -> None:
    clock = Clock()
    monkeypatch.setattr("core.training.loop.time", clock)
    monkeypatch.setattr(Reporter, "elapsed", property(lambda _: clock.now))
    monkeypatch.setattr(Worker, "_afterwards", lambda *_: 10.0)
    run = Run(tmp_path / "run", rows, a_config("train.minutes=5", "train.checkpoint_minutes=100"))
    clock.tick(20)  # loading

    class Slow(TinyRecipe):
        def evaluate(self, batch: Batch) -> Losses:
            clock.tick(2.5)  # ten seconds a judgement
            return super().evaluate(batch)

        def _poison(self) -> float:
            return float("nan") if self.hook is not None and self.calls == lost else 1.0

    def step(call: int, _: Batch) -> None:
        clock.tick(1)
        if call == 3 and pause:
            run.control.hear("pause")

    def wait(_: float) -> bool:
        clock.tick(pause)
        run.control.hear("resume")
        return True

    monkeypatch.setattr(run.control, "wait_while_paused", wait)
    assert run.go(step, recipe=Slow).outcome == "finished"
    assert 290 <= clock.now - pause + 10 <= 301


def test_parts_of_a_step_add_up_to_the_whole_step() -> None:
    batch = Batch(image=torch.rand(6, 3, 8, 8), input=torch.rand(6, 3, 8, 8), mask=torch.zeros(6, 1, 8, 8))
    weights = []
    for count in (1, 3):
        torch.manual_seed(0)
        recipe = TinyRecipe(a_config("train.optimizer=adam"), norm=False)
        stepper = Stepper(recipe, Device(threads=1), parts_a_step=count)
        for _ in range(3):
            stepper.step(batch, 1.0)
        weights.append(nn.utils.parameters_to_vector(recipe.model.parameters()))
    assert torch.allclose(weights[0], weights[1], atol=1e-6)


def test_the_average_follows_the_weights_with_a_rising_decay() -> None:
    live, shadow = TinyDetector(), TinyDetector()
    averaged = Averaged(live, shadow, decay=0.5)
    first = live.head.bias.detach().clone()
    with torch.no_grad():
        live.head.bias += 1
    averaged.update(0)  # decay min(0.5, 1 / 10)
    assert torch.allclose(shadow.head.bias, first + 0.9)
    averaged.update(1000)
    assert torch.allclose(shadow.head.bias, first + 0.95)


def test_statistics_are_plain_means_over_the_batches_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    model = TinyDetector()
    batches = [torch.rand(4, 3, 8, 8) for _ in range(3)]
    before = {name: value.clone() for name, value in model.named_parameters()}
    assert reestimate_norms(model, iter(batches)) == 3
    hidden = [model.body[0](batch) for batch in batches]
    norm = model.body[1]
    assert torch.allclose(norm.running_mean, torch.stack([h.mean((0, 2, 3)) for h in hidden]).mean(0), atol=1e-6)
    assert torch.allclose(norm.running_var, torch.stack([h.var((0, 2, 3)) for h in hidden]).mean(0), atol=1e-6)
    assert norm.momentum == 0.1 and model.training
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1])

"""The engine on a tiny model: what starves it ends in words, its time is kept, its arithmetic is plain."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import worker
from core.errors import ExitCode, TrainingError
from core.events import Checkpoint, Done, Failure, Step, Warn
from core.jobs import ManifestRow
from core.models.base import Batch, Losses
from core.training.averaging import Averaged, reestimate_norms
from core.training.checkpoint import read_record, without_prefix
from core.training.devices import Device, is_out_of_memory
from core.training.helpers import Member
from core.training.images import ImageSet
from core.training.loop import BEST, LAST
from core.training.proposing import seconds
from core.training.reporter import Reporter
from core.training.stepper import Stepper
from core.training.work import Worker
from tests.tiny import Run, TinyDetector, TinyRecipe, a_config, kept_settings, make_rows, same


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    with kept_settings():
        yield


@pytest.fixture
def rows(tmp_path: Path) -> list[ManifestRow]:
    return make_rows(tmp_path)


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


def test_going_back_does_not_forget_how_good_the_kept_model_is(tmp_path: Path, rows: list[ManifestRow]) -> None:
    class Worse(TinyRecipe):
        judged = 0

        def evaluate(self, batch: Batch) -> Losses:
            Worse.judged += 1
            return {**super().evaluate(batch), "total": torch.tensor(float(Worse.judged))}

        def _poison(self) -> float:
            return float("nan") if self.hook is not None and self.calls == 30 else 1.0

    run = Run(tmp_path / "run", rows, a_config("train.steps=30", "train.checkpoint_minutes=100"))
    run.go(lambda *_: None, recipe=Worse)
    kept = [event.step for event in run.events if isinstance(event, Checkpoint) and event.kind == "best"]
    assert run.warnings() == ["diverged"] and kept == [28]  # not once more with the worse one after going back
    said = json.loads((run.job.folder / "model.json").read_text())
    assert said["tuning_loss"] == read_record(run.job.folder / BEST)["tuning"]["total"]


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


def test_memory_that_runs_out_while_the_moments_are_made_makes_them_anew(
    tmp_path: Path, rows: list[ManifestRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Tensor] = []
    make = torch.zeros_like

    def zeros_like(tensor: Tensor, **options: Any) -> Tensor:
        calls.append(tensor)
        if len(calls) == 4:  # the second moment of the second weight
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return make(tensor, **options)

    monkeypatch.setattr(torch, "zeros_like", zeros_like)
    run = Run(tmp_path / "run", rows, a_config("train.batch=4", "train.steps=3"))
    assert run.go().step == 3 and run.warnings() == ["memory"]
    moments = [tensor for name, tensor in run.weights().items() if name.endswith("/exp_avg_sq")]
    assert len(moments) == 8 and all(tensor.any() for tensor in moments)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("CUDA error: an illegal memory access was encountered", False),
    ],
)
def test_memory_that_a_library_could_not_get_is_memory_too(words: str, expected: bool) -> None:
    assert is_out_of_memory(RuntimeError(words)) is expected


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
        assert worker._work(run.job, run.job.spec(), Member(), reporter, run.control) == ExitCode.TRAINING
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
    worker = Worker(None, None, a_config(), None, None)  # type: ignore[arg-type]
    found = worker._afterwards(None, images, 10, Device(threads=1))  # type: ignore[arg-type]
    assert found == pytest.approx(10 * (4 * (1.5 + 0.01) + 0.25) + seconds(1.0, None))  # then passes are measured


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


def test_the_scale_of_half_precision_goes_on_where_it_was() -> None:
    steppers = []
    for scale in (2.0**127, 65536.0):  # the first overflows, and is halved until it does not
        device = Device(threads=1)
        device._accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        steppers.append((Stepper(TinyRecipe(a_config(), norm=False), device), device))
    image = 1000 * torch.rand(2, 3, 8, 8)
    batch = Batch(image=image, input=image, mask=torch.zeros(2, 1, 8, 8))
    (first, before), (second, after) = steppers
    for _ in range(8):
        first.step(batch, 1.0)
    assert 65536 < before.scale["scale"] < 2.0**127

    tensors, numbers = first.tensors()
    second.load(tensors, json.loads(json.dumps({"numbers": numbers, "parts": 1})))

    assert after.scale == before.scale and second.tensors()[1] == numbers


def test_a_recipe_that_names_too_many_losses_is_told_in_its_first_step() -> None:
    class Talkative(TinyRecipe):
        def losses(self, batch: Batch) -> Losses:
            return {**super().losses(batch), **{f"part {number}": torch.zeros(()) for number in range(63)}}

    recipe = Talkative(a_config(), norm=False)
    batch = Batch(image=torch.rand(2, 3, 8, 8), input=torch.rand(2, 3, 8, 8), mask=torch.zeros(2, 1, 8, 8))
    before = nn.utils.parameters_to_vector(recipe.model.parameters()).clone()
    with pytest.raises(TrainingError, match="'all' of this model names 65 losses, at most 64") as caught:
        Stepper(recipe, Device(threads=1)).step(batch, 1.0)
    assert caught.value.reason == "recipe"
    assert torch.equal(nn.utils.parameters_to_vector(recipe.model.parameters()), before)


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
